"""When a fund crosses a warning line if it goes on as it does, and how wrong the same method was before.

The method, in one sentence: each month to come brings the mean income and the mean expenditure of the last
three closed months, and its benefits are their mean too. It is tried on the past: for every closed month with
three before it, what it would have said a month earlier stands beside what the books say.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from math import ceil

from fundpool.domain.periods import Month
from fundpool.domain.risk import Measure, WarningLine, crosses

RATE_MONTHS = 3
"""How many of the last months give the present rate."""
LEAST_MISSES = 3
"""From how many past months on the error is stated."""
_COVERAGE_MONTHS = 12
_HORIZON_MONTHS = 60


@dataclass(frozen=True, slots=True)
class FundMonth:
    """One closed month of a fund in fen; ``balance_fen`` is what it ended with."""

    month: Month
    income_fen: Fraction | int
    expenditure_fen: Fraction | int
    benefits_fen: Fraction | int
    balance_fen: Fraction | int


class Prospect(StrEnum):
    """What can be said of a line."""

    TOO_FEW_MONTHS = "too_few_months"
    NO_VALUE = "no_value"
    """The measure has no value: no income, or no benefits."""
    CROSSED = "crossed"
    """The last closed month is on the wrong side already."""
    COMING = "coming"
    NOT_IN_SIGHT = "not_in_sight"
    """Not within five years, or, for the ratio of a year, not before the year is over."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A past month: what the method would have said of its end a month earlier, and what it was."""

    month: Month
    predicted: Fraction
    actual: Fraction

    @property
    def error(self) -> Fraction:
        return self.predicted - self.actual


@dataclass(frozen=True, slots=True)
class Outlook:
    """A line seen from the last closed month; ``day`` only where it is coming, ``now`` None without a value.

    ``mean_error`` is the mean size of the misses, None while there are fewer than three.
    """

    line: WarningLine
    prospect: Prospect
    now: Fraction | None
    day: date | None
    misses: tuple[Miss, ...]
    mean_error: Fraction | None


def outlook(history: Sequence[FundMonth], line: WarningLine) -> Outlook:
    """``history``: closed months without a gap, oldest first."""
    now = value_of(history, line.measure)
    misses = backtest(history, line.measure)
    prospect, day = _prospect(history, line, now)
    mean_error = (
        sum((abs(miss.error) for miss in misses), Fraction(0)) / len(misses)
        if len(misses) >= LEAST_MISSES
        else None
    )
    return Outlook(line, prospect, now, day=day, misses=misses, mean_error=mean_error)


def _prospect(
    history: Sequence[FundMonth], line: WarningLine, now: Fraction | None
) -> tuple[Prospect, date | None]:
    if len(history) < RATE_MONTHS:
        return Prospect.TOO_FEW_MONTHS, None
    if now is None:
        return Prospect.NO_VALUE, None
    if crosses(now, line):
        return Prospect.CROSSED, None
    before, seen = now, list(history)
    rate = _rate(history)
    for _ in range(_HORIZON_MONTHS):
        seen.append(_next(seen[-1], rate))
        month = seen[-1].month
        if line.measure is Measure.SURPLUS_RATIO and month.year != history[-1].month.year:
            break  # another year begins from nothing
        after = value_of(seen, line.measure)
        if after is not None and crosses(after, line):
            return Prospect.COMING, _day_between(month, before, after, line=line.line)
        before = before if after is None else after
    return Prospect.NOT_IN_SIGHT, None


def _day_between(month: Month, before: Fraction, after: Fraction, *, line: Fraction) -> date:
    """The day of the month on which a value that moves evenly from its start to its end reaches the line."""
    days = monthrange(month.year, month.month)[1]
    share = (before - line) / (before - after) if before != after else Fraction(1)
    return date(month.year, month.month, min(max(ceil(share * days), 1), days))


def backtest(history: Sequence[FundMonth], measure: Measure) -> tuple[Miss, ...]:
    """Every closed month that the method could have foretold a month earlier, oldest first."""
    misses = []
    for place in range(RATE_MONTHS, len(history)):
        known = history[:place]
        foreseen = [*known, _next(known[-1], _rate(known))]
        predicted = value_of(foreseen, measure)
        actual = value_of(history[: place + 1], measure)
        if predicted is not None and actual is not None:
            misses.append(Miss(history[place].month, predicted, actual))
    return tuple(misses)


def value_of(history: Sequence[FundMonth], measure: Measure) -> Fraction | None:
    """The measure at the end of the last month; None where nothing can be divided by.

    The ratio is that of the months of the last one's year. Coverage divides the balance by the mean monthly
    benefits of the months known, twelve at most.
    """
    if not history:
        return None
    if measure is Measure.SURPLUS_RATIO:
        own = [each for each in history if each.month.year == history[-1].month.year]
        income = sum((Fraction(each.income_fen) for each in own), Fraction(0))
        expenditure = sum((Fraction(each.expenditure_fen) for each in own), Fraction(0))
        return (income - expenditure) / income if income else None
    recent = history[-_COVERAGE_MONTHS:]
    benefits = sum((Fraction(each.benefits_fen) for each in recent), Fraction(0)) / len(recent)
    return Fraction(history[-1].balance_fen) / benefits if benefits else None


@dataclass(frozen=True, slots=True)
class _Rate:
    income: Fraction
    expenditure: Fraction
    benefits: Fraction


def _rate(history: Sequence[FundMonth]) -> _Rate:
    recent = history[-RATE_MONTHS:]
    return _Rate(
        sum((Fraction(each.income_fen) for each in recent), Fraction(0)) / len(recent),
        sum((Fraction(each.expenditure_fen) for each in recent), Fraction(0)) / len(recent),
        sum((Fraction(each.benefits_fen) for each in recent), Fraction(0)) / len(recent),
    )


def _next(last: FundMonth, rate: _Rate) -> FundMonth:
    return FundMonth(
        last.month.plus(1),
        rate.income,
        rate.expenditure,
        benefits_fen=rate.benefits,
        balance_fen=last.balance_fen + rate.income - rate.expenditure,
    )
