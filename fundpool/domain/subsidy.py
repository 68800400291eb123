"""The fiscal subsidy of a year (财政补助), handed up in quarters."""

from collections.abc import Sequence
from fractions import Fraction


def quarters_of(
    annual_budget_fen: int, *, shares: Sequence[Fraction], balancing_quarter: int
) -> tuple[int, ...]:
    """The four quarters in fen; ``balancing_quarter`` (1 to 4) takes what whole fen leave over."""
    quarters = [int(annual_budget_fen * share) for share in shares]
    quarters[balancing_quarter - 1] += annual_budget_fen - sum(quarters)
    return tuple(quarters)
