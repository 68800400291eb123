"""Working capital (周转金): so many months' average payments of a county, advanced for a year."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction

from fundpool.domain.money import nearest_fen


class Average(StrEnum):
    """Which months the average is taken over."""

    ELEVEN_MONTHS = "eleven_months"
    """January to November divided by 11: December is not known when the application is due."""
    TWELVE_MONTHS = "twelve_months"
    """A whole year divided by 12."""

    @property
    def months(self) -> int:
        return 11 if self is Average.ELEVEN_MONTHS else 12


def quota_of(monthly_payments_fen: Sequence[int], *, months: Fraction, average: Average) -> int:
    """The quota in fen: ``months`` times the average of the months that ``average`` names.

    A twelfth month is left out of an eleven-month average. Raises ValueError when months are
    missing: dividing eleven months by twelve would shrink the quota in silence.
    """
    given = len(monthly_payments_fen)
    if given not in (average.months, 12):
        raise ValueError(f"{average.months} months of payments are needed, found {given}")
    return nearest_fen(sum(monthly_payments_fen[: average.months]) * months / average.months)
