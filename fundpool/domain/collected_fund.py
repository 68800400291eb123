"""The collected fund (归集基金): what each county hands up so that the city can pay for some months."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from fundpool.domain.money import nearest_fen, split_by_largest_remainder
from fundpool.domain.settlement_rules import Bearer


class Weight(StrEnum):
    """By what a part of the sum is divided among counties."""

    STORED_BALANCE = "stored_balance"
    """One ratio for all: the sum over the stored surpluses of all counties."""
    DEFICIT = "deficit"
    """By the deficits of the counties that had one."""
    INSURED = "insured"
    """By insured persons."""
    PRIOR_EXPENDITURE = "prior_expenditure"
    """By last year's spending."""


@dataclass(frozen=True, slots=True)
class CountyPosition:
    """What a county holds and owes, in fen; ``insured`` in persons."""

    code: str
    stored_balance_fen: int
    prior_expenditure_fen: int
    deficit_fen: int
    insured: int


@dataclass(frozen=True, slots=True)
class Division:
    """How a sum is divided: parts of it, each by a weight; None is every county its own months."""

    parts: tuple[tuple[Fraction, Weight], ...] | None
    sources: tuple[Bearer, ...]
    """Where the county takes the money from, in order; never this year's premiums."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one county hands up, in fen."""

    code: str
    transfer_fen: int
    from_stored_balance_fen: int
    from_county_finance_fen: int


@dataclass(frozen=True, slots=True)
class Collection:
    """The year's collection; ``transfers`` is empty when the counties cannot carry it.

    ``infeasible_fen`` is what the named sources lack; then nobody has to pay, because
    the text has no rule for a ratio above one.
    """

    target_fen: int
    shortfall_fen: int
    transfers: tuple[Transfer, ...]
    infeasible_fen: int


class NothingToDivideBy(ValueError):
    """A part of the sum has no bearer: the weight it is divided by is zero in every county."""

    def __init__(self, weight: Weight) -> None:
        super().__init__(weight.value)
        self.weight = weight


_WEIGHTS: Mapping[Weight, Callable[[CountyPosition], int]] = {
    Weight.STORED_BALANCE: lambda county: county.stored_balance_fen,
    Weight.DEFICIT: lambda county: county.deficit_fen,
    Weight.INSURED: lambda county: county.insured,
    Weight.PRIOR_EXPENDITURE: lambda county: county.prior_expenditure_fen,
}


def collect(
    counties: Sequence[CountyPosition],
    *,
    months: Fraction,
    prior_expenditure_fen: int,
    fund_balance_fen: int,
    division: Division,
) -> Collection:
    """What counties hand up so that the fund holds ``months`` of last year's spending.

    ``prior_expenditure_fen`` is the city's, ``fund_balance_fen`` what the fund already holds (0 when
    it is set up). Raises NothingToDivideBy when a part of the sum has no bearer.
    """
    ordered = sorted(counties, key=lambda county: county.code)
    if division.parts is None:
        amounts = [nearest_fen(county.prior_expenditure_fen * months / 12) for county in ordered]
        target_fen = sum(amounts)
        shortfall_fen = target_fen
    else:
        target_fen = nearest_fen(prior_expenditure_fen * months / 12)
        shortfall_fen = max(0, target_fen - fund_balance_fen)
        amounts = _divide(shortfall_fen, ordered, division.parts)
    transfers = [
        _from_sources(county, amount, division.sources)
        for county, amount in zip(ordered, amounts, strict=True)
    ]
    paid = sum(transfer.from_stored_balance_fen + transfer.from_county_finance_fen for transfer in transfers)
    infeasible_fen = sum(amounts) - paid if sum(amounts) else shortfall_fen
    return Collection(
        target_fen, shortfall_fen, () if infeasible_fen else tuple(transfers), infeasible_fen=infeasible_fen
    )


def _divide(
    sum_fen: int, counties: Sequence[CountyPosition], parts: Sequence[tuple[Fraction, Weight]]
) -> list[int]:
    """Amounts by county that add up to ``sum_fen``; all 0 when no county has a stored balance at all."""
    shares = [Fraction(0)] * len(counties)
    for part, weight in parts:
        weights = [_WEIGHTS[weight](county) for county in counties]
        total = sum(weights)
        if total:
            shares = [share + part * Fraction(one, total) for share, one in zip(shares, weights, strict=True)]
        elif sum_fen and (len(parts) > 1 or weight is not Weight.STORED_BALANCE):
            raise NothingToDivideBy(weight)
    if not any(shares):
        return [0] * len(counties)
    return split_by_largest_remainder(sum_fen, shares)


def _from_sources(county: CountyPosition, amount: int, sources: Sequence[Bearer]) -> Transfer:
    stored = min(amount, county.stored_balance_fen) if Bearer.COUNTY_STORED_BALANCE in sources else 0
    finance = amount - stored if Bearer.COUNTY_FINANCE in sources else 0
    return Transfer(county.code, amount, stored, from_county_finance_fen=finance)
