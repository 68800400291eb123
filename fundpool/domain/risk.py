"""Is a fund safe? The warning lines and the risk reserve (风险储备金) of one fund."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from fundpool.domain.money import nearest_fen


class Measure(StrEnum):
    """What a warning line is drawn on."""

    SURPLUS_RATIO = "surplus_ratio"
    """当年结余率: (income - expenditure) / income of the year."""
    MONTHS_OF_COVERAGE = "months_of_coverage"
    """累计结余可支付月数: balance / (benefits of the year / 12)."""


class Comparison(StrEnum):
    """On which side of a line the alarm sounds."""

    BELOW = "below"
    """低于, 不足: strictly less."""
    AT_MOST = "at_most"
    ABOVE = "above"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class WarningLine:
    """One line of the text; ``alarm`` is the name under which it sounds."""

    rule: str
    measure: Measure
    comparison: Comparison
    line: Fraction
    alarm: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A fund against its warning lines; a measure that cannot be evaluated is None, never 0."""

    surplus_ratio: Fraction | None
    months_of_coverage: Fraction | None
    alarms: tuple[str, ...]
    not_evaluated: tuple[str, ...]
    """Alarms whose measure has no value (no income, no benefits)."""


def judge_standing(
    lines: Sequence[WarningLine],
    *,
    income_fen: int,
    expenditure_fen: int,
    balance_fen: int,
    benefits_fen: int,
) -> Standing:
    """Where the fund stands; amounts are those of the full fund year, in fen."""
    values = {
        Measure.SURPLUS_RATIO: Fraction(income_fen - expenditure_fen, income_fen) if income_fen else None,
        Measure.MONTHS_OF_COVERAGE: Fraction(12 * balance_fen, benefits_fen) if benefits_fen else None,
    }
    alarms, not_evaluated = [], []
    for line in lines:
        value = values[line.measure]
        if value is None:
            not_evaluated.append(line.alarm)
        elif crosses(value, line):
            alarms.append(line.alarm)
    return Standing(
        values[Measure.SURPLUS_RATIO],
        values[Measure.MONTHS_OF_COVERAGE],
        tuple(dict.fromkeys(alarms)),
        not_evaluated=tuple(dict.fromkeys(not_evaluated)),
    )


def crosses(value: Fraction, line: WarningLine) -> bool:
    """Whether a value lies on the side of the line on which the alarm sounds."""
    match line.comparison:
        case Comparison.BELOW:
            return value < line.line
        case Comparison.AT_MOST:
            return value <= line.line
        case Comparison.ABOVE:
            return value > line.line
        case Comparison.AT_LEAST:
            return value >= line.line


class StopsWhen(StrEnum):
    """When the balance of the reserve ends the levy."""

    REACHES = "reaches"
    """达到: balance equal to the line already ends it."""
    EXCEEDS = "exceeds"
    """超过: only a balance above the line ends it."""


class LastLevy(StrEnum):
    """How the levy that would carry the reserve over its line is read."""

    TRUNCATE = "truncate"
    """Only up to the line."""
    LITERAL = "literal"
    """The full rate, as long as the balance has not ended the levy."""


@dataclass(frozen=True, slots=True)
class ReserveLevy:
    """This year's levy and the line it stops at, in fen; ``cap_fen`` None when the text sets no line."""

    levy_fen: int
    cap_fen: int | None


def levy_reserve(
    *,
    prior_income_fen: int,
    balance_fen: int,
    rate: Fraction,
    cap_ratio: Fraction | None,
    stops_when: StopsWhen = StopsWhen.REACHES,
    last_levy: LastLevy = LastLevy.TRUNCATE,
) -> ReserveLevy:
    """The levy of one year: ``rate`` of last year's income until the reserve stands at the line.

    The line is a ratio of last year's income too, so it moves with it; a balance above a fallen
    line gives no refund.
    """
    levy = prior_income_fen * rate
    if cap_ratio is None:
        return ReserveLevy(nearest_fen(levy), None)
    cap = prior_income_fen * cap_ratio
    ended = balance_fen >= cap if stops_when is StopsWhen.REACHES else balance_fen > cap
    if ended:
        levy = Fraction(0)
    elif last_levy is LastLevy.TRUNCATE:
        levy = min(levy, cap - balance_fen)
    return ReserveLevy(nearest_fen(levy), nearest_fen(cap))
