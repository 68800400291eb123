"""The city's application to finance for one month and scheme, and finance's 复核额 per county."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import is_stated, require_other_person
from fundpool.domain.periods import Month


@dataclass(frozen=True, slots=True)
class ApplicationLine:
    """What is applied for one county; ``reviewed_fen`` is finance's figure, None until it is given."""

    county: str
    applied_fen: int
    reviewed_fen: int | None = None
    reason: str | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""


@dataclass(frozen=True, slots=True)
class Application:
    """Application ``number`` of a city for one month and scheme; 1 is the regular one.

    Later numbers are supplementary: counties that were late or returned when the first one left.
    """

    city: str
    month: Month
    fund: str
    number: int
    prepared_by: str
    prepared_at: datetime
    lines: tuple[ApplicationLine, ...]

    @property
    def is_reviewed(self) -> bool:
        return all(line.reviewed_fen is not None for line in self.lines)

    @property
    def applied_fen(self) -> int:
        return sum(line.applied_fen for line in self.lines)

    @property
    def reviewed_at(self) -> datetime | None:
        """When finance had reviewed every line; None before."""
        moments = [line.reviewed_at for line in self.lines if line.reviewed_at is not None]
        return max(moments) if self.is_reviewed and moments else None


def review_line(
    line: ApplicationLine,
    amount_fen: int,
    reason: str | None,
    *,
    by: str,
    at: datetime,
    deciders: frozenset[str],
    left_of_budget_fen: int | None,
) -> ApplicationLine:
    """Finance's 复核额 for one line: what was applied for, or less with a reason.

    ``deciders`` are the people of the agency who decided the case; ``left_of_budget_fen`` the
    room under the annual budget where the city pays within it (None: no such rule). The same
    figure by the same person again changes nothing. Raises RuleViolation or InputError.
    """
    if line.reviewed_fen is not None:
        if line.reviewed_fen == amount_fen:
            return line
        raise RuleViolation(
            "already_reviewed",
            f"{line.county}：已复核 {line.reviewed_fen} 分，不能改为 {amount_fen} 分",
            f"{line.county}: reviewed at {line.reviewed_fen} fen, cannot become {amount_fen} fen",
            remedy="差额列入补充申请或下月计划 / put the difference into a later application",
        )
    require_other_person(by, *deciders, act_zh="财政复核", act_en="finance's review")
    if not 0 <= amount_fen <= line.applied_fen:
        raise RuleViolation(
            "above_application",
            f"{line.county}：复核额须在 0 与申请额之间（申请 {line.applied_fen} 分，复核 {amount_fen} 分）",
            f"{line.county}: finance's amount lies between 0 and what was applied for "
            f"({line.applied_fen} fen applied, {amount_fen} fen given)",
        )
    if left_of_budget_fen is not None and amount_fen > max(left_of_budget_fen, 0):
        raise RuleViolation(
            "exceeds_annual_budget",
            f"{line.county}：复核额 {amount_fen} 分超过年度预算剩余额度 {left_of_budget_fen} 分",
            f"{line.county}: {amount_fen} fen is above the {left_of_budget_fen} fen left of the annual budget",
            remedy="核减到剩余额度，或先办理预算调整 / cut to what is left, or have the budget adjusted first",
        )
    if amount_fen < line.applied_fen and not is_stated(reason):
        raise InputError(
            "reason_missing",
            f"{line.county}：核减须写明理由",
            f"{line.county}: a cut needs its reason",
            remedy="--reason TEXT",
        )
    return replace(line, reviewed_fen=amount_fen, reason=reason, reviewed_by=by, reviewed_at=at)
