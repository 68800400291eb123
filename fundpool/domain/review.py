"""Review of one county's document, scheme by scheme: 申请额, 核定额, and who decided.

A decision on money takes two people: the maker proposes (approve or cut), the checker confirms.
Returning a document moves no money and takes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.outcomes import UnitOutcome, UnitState
from fundpool.domain.people import is_stated, require_other_person
from fundpool.domain.periods import Period
from fundpool.domain.submission import DocumentKind


class CaseState(StrEnum):
    """How far a review case has come."""

    READY = "ready"
    """The checks found nothing; the reviewer's turn."""
    FINDINGS = "findings"
    """The checks found something a person must weigh; the reviewer's turn."""
    PROPOSED = "proposed"
    """The maker has proposed a figure; the checker's turn."""
    APPROVED = "approved"
    """Confirmed at the requested amount."""
    CUT = "cut"
    """Confirmed below the requested amount, with the reason."""
    ACCEPTED = "accepted"
    """A document without a decision on money that passed every check."""
    RETURNED = "returned"
    """Gone back to the county, which can file again."""


DECIDED = frozenset({CaseState.APPROVED, CaseState.CUT, CaseState.ACCEPTED})
"""States in which the case's figure counts."""


CUT_REASONS: Mapping[str, tuple[str, str]] = {
    "above_spending": ("高于近几个月实际支出", "above what was spent in recent months"),
    "balance_unused": ("账户余额未扣足", "the account's balance was not used first"),
    "budget_exceeded": ("超年度预算剩余", "above what is left of the annual budget"),
    "not_payable": ("不属基金支付范围", "not payable from the fund"),
    "unexplained": ("依据不足、未作说明", "not explained"),
    "other": ("其他", "other"),
}
"""Why an amount is cut (核减理由): code, and the words in Chinese and English."""


def cut_reason(code: str, note: str) -> str:
    """The reason of a cut as it is recorded: the code's Chinese words, then what the reviewer adds.

    ``other`` has no words of its own. Raises InputError ``reason_missing`` for an unknown code.
    """
    words = CUT_REASONS.get(code)
    if words is None:
        raise InputError(
            "reason_missing", "核减须选理由", "a cut needs its reason", remedy=" | ".join(CUT_REASONS)
        )
    return "：".join(filter(None, (words[0] if code != "other" else "", note.strip())))


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """The review of one county × scheme × document × period; amounts in fen.

    ``month`` is a year for a yearly document. ``requested_fen`` is the figure of the current version
    that the review is about (申请额; for a report its spending, else the document's total),
    ``approved_fen`` the confirmed figure (核定额), None until the case is decided.
    """

    city: str
    month: Period
    document: DocumentKind
    county: str
    fund: str
    submission_id: int
    state: CaseState
    requested_fen: int
    proposed_fen: int | None = None
    approved_fen: int | None = None
    reason: str | None = None
    maker: str | None = None
    proposed_at: datetime | None = None
    checker: str | None = None
    decided_at: datetime | None = None

    @property
    def is_decided(self) -> bool:
        return self.state in DECIDED

    @property
    def name(self) -> str:
        return f"{self.month} {self.document} {self.county} {self.fund}"


def opened(case: ReviewCase, *, clean: bool) -> ReviewCase:
    """The case as it starts for a new version: earlier proposals are void."""
    return replace(
        case,
        state=CaseState.READY if clean else CaseState.FINDINGS,
        proposed_fen=None,
        approved_fen=None,
        reason=None,
        maker=None,
        proposed_at=None,
        checker=None,
        decided_at=None,
    )


def propose(
    case: ReviewCase,
    amount_fen: int,
    reason: str | None,
    *,
    maker: str,
    at: datetime,
    may_be_cut: bool = True,
) -> ReviewCase:
    """The maker's proposal: the requested amount, or less with a reason where the document asks for money.

    Raises RuleViolation when the case is decided or returned, or the amount is above the request;
    InputError when a cut has no reason. Proposing again replaces the proposal until it is confirmed.
    """
    if case.state not in {CaseState.READY, CaseState.FINDINGS, CaseState.PROPOSED}:
        raise _wrong_state(case, "初审", "proposed")
    if not 0 <= amount_fen <= case.requested_fen:
        raise RuleViolation(
            "above_request",
            f"{case.name}：核定额须在 0 与申请额之间（申请 {case.requested_fen} 分，核定 {amount_fen} 分）",
            f"{case.name}: the approved amount lies between 0 and the request "
            f"(requested {case.requested_fen} fen, proposed {amount_fen} fen)",
        )
    if amount_fen < case.requested_fen and not may_be_cut:
        raise RuleViolation(
            "document_not_cut",
            f"{case.name}：该表不申请资金，不能核减，只能审核通过或退回",
            f"{case.name}: a document that asks for no money is accepted or returned, never cut",
            remedy="fundpool review return",
        )
    if amount_fen < case.requested_fen and not is_stated(reason):
        raise InputError(
            "reason_missing",
            f"{case.name}：核减须写明理由",
            f"{case.name}: a cut needs its reason",
            remedy="--reason TEXT",
        )
    return replace(
        opened(case, clean=True),
        state=CaseState.PROPOSED,
        proposed_fen=amount_fen,
        reason=reason,
        maker=maker,
        proposed_at=at,
    )


def confirm(case: ReviewCase, checker: str, at: datetime) -> ReviewCase:
    """The checker's confirmation of the proposal as it stands.

    Raises RuleViolation when nothing is proposed or the checker is the maker.
    """
    if case.state is not CaseState.PROPOSED or case.proposed_fen is None:
        raise _wrong_state(case, "复核", "confirmed")
    require_other_person(checker, case.maker, act_zh="复核", act_en="the confirmation")
    state = CaseState.APPROVED if case.proposed_fen == case.requested_fen else CaseState.CUT
    return replace(case, state=state, approved_fen=case.proposed_fen, checker=checker, decided_at=at)


def accept(case: ReviewCase, at: datetime, *, needs_people: bool) -> ReviewCase:
    """A document that passed every check counts as it is, unless two people decide about it always."""
    if needs_people or case.state is not CaseState.READY:
        raise _wrong_state(case, "自动通过", "accepted by the checks")
    return replace(case, state=CaseState.ACCEPTED, approved_fen=case.requested_fen, decided_at=at)


def send_back(case: ReviewCase, reason: str, by: str, *, at: datetime) -> ReviewCase:
    """Return the case to the county; raises RuleViolation when it is decided already."""
    if case.is_decided:
        raise _wrong_state(case, "退回", "returned")
    return replace(
        opened(case, clean=False), state=CaseState.RETURNED, reason=reason, maker=by, decided_at=at
    )


def _wrong_state(case: ReviewCase, act_zh: str, act_en: str) -> RuleViolation:
    return RuleViolation(
        "review_state",
        f"{case.name}：状态为 {case.state}，不能{act_zh}",
        f"{case.name}: is {case.state}, cannot be {act_en}",
        remedy="fundpool review list",
    )


def outcome_of(case: ReviewCase) -> UnitOutcome:
    """How one case stands, in a step's terms."""
    texts = {
        CaseState.READY: (UnitState.WAITING, "待初审", "ready for the reviewer"),
        CaseState.FINDINGS: (UnitState.WAITING, "有问题，待初审", "findings for the reviewer to weigh"),
        CaseState.PROPOSED: (UnitState.WAITING, "待复核", "proposed, the checker's turn"),
        CaseState.APPROVED: (UnitState.DONE, "已核定", "approved"),
        CaseState.CUT: (UnitState.DONE, f"已核减：{case.reason}", f"cut: {case.reason}"),
        CaseState.ACCEPTED: (UnitState.DONE, "校验通过并收下", "accepted by the checks"),
        CaseState.RETURNED: (UnitState.WAITING, f"已退回：{case.reason}", f"returned: {case.reason}"),
    }
    state, zh, en = texts[case.state]
    amount_fen = case.approved_fen if case.is_decided else case.requested_fen
    return UnitOutcome(case.county, state, zh, detail_en=en, fund=case.fund, amount_fen=amount_fen)
