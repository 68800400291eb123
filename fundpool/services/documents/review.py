"""Review of what is filed: cases open on judged versions, people decide them, two for money.

A decision binds the version it was made on: a newer version voids an open proposal, and is never
taken over once the city has applied for the money.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from fundpool.domain import review
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.findings import Severity, Verdict
from fundpool.domain.month import step_collecting
from fundpool.domain.outcomes import Outcomes, StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.people import is_stated, person, require_other_person
from fundpool.domain.periods import Period, Year
from fundpool.domain.policy import CityPolicy, require_county
from fundpool.domain.review import CaseState, ReviewCase, outcome_of
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services.documents.document_kinds import intake_of, reviewed_amounts, type_of
from fundpool.services.documents.effects import take_effect
from fundpool.services.ports.isolation import UnitAct, isolated
from fundpool.services.ports.work import MonthPorts, Work


def open_plan_cases(ports: MonthPorts, request: StepRequest) -> Outcomes:
    """Open a review case per county and scheme on every judged plan; each outcome shows whose turn it is."""
    policy = ports.policies.city(request.city)
    opened = isolated(ports.database, openings(policy, DocumentKind.PLAN, request.month, request=request))
    return tuple(outcome for outcomes in opened for outcome in outcomes)


def openings(
    policy: CityPolicy,
    document: DocumentKind,
    period: Period,
    *,
    request: StepRequest,
    counties: Sequence[str] | None = None,
) -> list[UnitAct]:
    """One act per county that opens its cases: the counties of the request, or ``counties``."""
    return [
        UnitAct(
            county,
            partial(
                open_cases,
                policy=policy,
                document=document,
                month=period,
                county=county,
                now=request.now,
            ),
            act_zh="未能建立审核事项",
            act_en="no review case could be opened",
        )
        for county in (counties_of(policy, request) if counties is None else counties)
    ]


def open_and_accept(
    ports: MonthPorts,
    openings: Sequence[UnitAct],
    accept: Callable[..., list[UnitOutcome]],
    *,
    act_zh: str,
    act_en: str,
) -> list[list[UnitOutcome]]:
    """Open the counties' cases, then accept those that may be; the outcomes county by county.

    ``accept`` is called with the work and, as ``opened``, the outcome that opening the case had.
    """
    opened = isolated(ports.database, openings)
    acts = [
        UnitAct(
            case.unit,
            partial(accept, opened=case),
            act_zh=act_zh,
            act_en=act_en,
            fund=case.fund,
            amount_fen=case.amount_fen,
        )
        for cases in opened
        for case in cases
    ]
    accepted = iter(isolated(ports.database, acts))
    return [[outcome for _ in cases for outcome in next(accepted)] for cases in opened]


def open_cases(
    work: Work, policy: CityPolicy, document: DocumentKind, *, month: Period, county: str, now: datetime
) -> list[UnitOutcome]:
    """Bring the county's cases up to its current version; an outcome for each."""
    versions = work.submissions.versions(policy.key, document, month, county=county)
    if not versions:
        return [_unfiled(work, policy, document, month=month, county=county)]
    latest = versions[-1]
    if latest.verdict is None:
        return [
            UnitOutcome(
                county,
                UnitState.WAITING,
                "已收到，尚未校验",
                detail_en="received, not judged yet: collect first",
            )
        ]
    applied = _applied_funds(work, policy.key, month, county=county, document=document)
    outcomes: list[UnitOutcome] = []
    figures = reviewed_amounts(document, work.submissions.figures(latest.id))
    for fund in (fund.key for fund in policy.funds):
        case = work.reviews.case(policy.key, month, document, county=county, fund=fund)
        if case is not None and fund in applied and case.submission_id != latest.id:
            outcomes.append(_too_late(case, latest))
            continue
        requested_fen = figures.get(fund)
        if requested_fen is None and fund not in figures and not type_of(document).per_fund:
            continue  # a list speaks only of the schemes it has rows of
        if requested_fen is None:
            outcomes.append(
                UnitOutcome(
                    county,
                    UnitState.FLAGGED if latest.stands else UnitState.WAITING,
                    f"第 {latest.version} 版没有该险种的金额",
                    detail_en=f"version {latest.version} gives no amount for the scheme",
                    fund=fund,
                )
            )
            continue
        case = _up_to_date(work, case, latest, fund=fund, requested_fen=requested_fen, now=now)
        outcomes.append(outcome_of(case))
    return outcomes


def propose(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    document: DocumentKind,
    counties: Sequence[str] | None,
    fund: str | None,
    amount_fen: int | None,
    reason: str | None,
    by: str,
    now: datetime,
    seen: str | None = None,
) -> tuple[ReviewCase, ...]:
    """The maker's proposal for the counties: the requested amounts, or ``amount_fen`` for one scheme.

    ``counties`` None: every case in which nothing was found, on the version filed last. All schemes when ``fund``
    is None. ``seen``: the ``mark_of`` the cases that the maker was shown. Raises InputError or RuleViolation; then
    nothing is proposed.
    """
    maker = person(by)
    if amount_fen is not None and fund is None:
        keys = " | ".join(each.key for each in ports.policies.city(city).funds)
        raise InputError("fund_missing", "核减须指明险种", "a cut names its scheme", remedy=f"--fund {keys}")

    def decide(work: Work, case: ReviewCase) -> ReviewCase:
        return proposed(work, case, amount_fen, reason=reason, maker=maker, now=now)

    state = CaseState.READY if counties is None else None
    cases = _Selection(
        city=city, month=month, document=document, counties=counties, fund=fund, state=state, seen=seen
    )
    return _change_cases(ports, cases, decide, action="propose_review", actor=maker, now=now)


def proposed(
    work: Work, case: ReviewCase, amount_fen: int | None, *, reason: str | None, maker: str, now: datetime
) -> ReviewCase:
    """The case as the maker's proposal leaves it; nothing is stored. Raises what ``propose`` raises.

    ``amount_fen`` None: the requested amount.
    """
    version = _current_version(work, case)
    require_other_person(maker, version.submitted_by, act_zh="审核", act_en="the review")
    amount = case.requested_fen if amount_fen is None else amount_fen
    may_be_cut = intake_of(case.document).may_be_cut
    return review.propose(case, amount, reason, maker=maker, at=now, may_be_cut=may_be_cut)


def confirm(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    document: DocumentKind,
    counties: Sequence[str] | None,
    fund: str | None,
    by: str,
    now: datetime,
    seen: str | None = None,
) -> tuple[ReviewCase, ...]:
    """The checker's confirmation; without ``counties`` of every open proposal of the month.

    ``seen``: the ``mark_of`` the cases that the checker was shown. Raises RuleViolation when the checker made a proposal or a newer version has come in.
    """
    checker = person(by)

    def decide(work: Work, case: ReviewCase) -> ReviewCase:
        after, version = confirmed(work, case, checker, now=now)
        take_effect(work, after, version, effect=intake_of(document).effect, now=now)
        return after

    state = None if counties is not None else CaseState.PROPOSED
    cases = _Selection(
        city=city, month=month, document=document, counties=counties, fund=fund, state=state, seen=seen
    )
    return _change_cases(ports, cases, decide, action="confirm_review", actor=checker, now=now)


def confirmed(work: Work, case: ReviewCase, checker: str, *, now: datetime) -> tuple[ReviewCase, Submission]:
    """The case as the checker's confirmation leaves it, and its version; nothing is stored.

    Raises what ``confirm`` raises, so that a page can say beforehand why somebody may not confirm.
    """
    version = _current_version(work, case)
    require_other_person(checker, version.submitted_by, act_zh="复核", act_en="the confirmation")
    return review.confirm(case, checker, now), version


def send_back(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    document: DocumentKind,
    counties: Sequence[str],
    reason: str,
    by: str,
    now: datetime,
    seen: str | None = None,
) -> tuple[ReviewCase, ...]:
    """Return the counties' documents, all schemes of them: a county files the whole file again.

    ``seen``: the ``mark_of`` the cases that the reviewer was shown.
    """
    reviewer = person(by)
    if not is_stated(reason):
        raise InputError(
            "reason_missing", "退回须写明理由", "a return needs its reason", remedy="--reason TEXT"
        )

    def decide(work: Work, case: ReviewCase) -> ReviewCase:
        version = _current_version(work, case)
        work.submissions.set_returned(version.id, now, reviewer, reason=reason)
        return review.send_back(case, reason, reviewer, at=now)

    cases = _Selection(city=city, month=month, document=document, counties=counties, seen=seen)
    return _change_cases(ports, cases, decide, action="return_document", actor=reviewer, now=now)


def cases_of(
    ports: MonthPorts, city: str, month: Period, *, document: DocumentKind | None = None
) -> tuple[ReviewCase, ...]:
    """Every case of the period, in order of document, county and scheme."""
    policy = ports.policies.city(city)
    return ports.database.read(lambda work: work.reviews.cases(policy.key, month, document))


def record_of(case: ReviewCase) -> dict[str, Any]:
    """The case as plain values, for the audit trail and for JSON."""
    record = asdict(case)
    record.update(
        month=str(case.month),
        document=case.document.value,
        state=case.state.value,
        proposed_at=case.proposed_at and case.proposed_at.isoformat(),
        decided_at=case.decided_at and case.decided_at.isoformat(),
    )
    return record


def save(
    work: Work, before: ReviewCase | None, after: ReviewCase, *, action: str, actor: str, now: datetime
) -> None:
    """Store a case that changed, with its link in the audit trail."""
    if after == before:
        return
    work.reviews.save(after)
    work.audit.append(
        at=now,
        actor=actor,
        action=action,
        subject=f"review:{after.city}:{after.month}:{after.document}:{after.county}:{after.fund}",
        before=None if before is None else record_of(before),
        after=record_of(after),
        reason=after.reason,
    )


def mark_of(cases: Iterable[ReviewCase]) -> str:
    """A short mark of what somebody who decides is shown of the cases: it differs once any of them changed."""
    shown = [
        (
            case.document,
            case.county,
            case.fund,
            case.submission_id,
            case.state,
            case.proposed_fen,
            case.reason,
            case.maker,
        )
        for case in cases
    ]
    return hashlib.sha256(repr(sorted(shown, key=repr)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """Review cases of one document and period; None: of every county, every scheme, in every state.

    Of every named county there must be a case.
    """

    city: str
    month: Period
    document: DocumentKind
    counties: Sequence[str] | None = None
    fund: str | None = None
    state: CaseState | None = None
    seen: str | None = None

    def has(self, case: ReviewCase) -> bool:
        return (
            (self.counties is None or case.county in self.counties)
            and self.fund in {None, case.fund}
            and self.state in {None, case.state}
        )


def _change_cases(
    ports: MonthPorts,
    selection: _Selection,
    decide: Callable[[Work, ReviewCase], ReviewCase],
    *,
    action: str,
    actor: str,
    now: datetime,
) -> tuple[ReviewCase, ...]:
    """Decide about every selected case, all in one transaction; raises InputError when there is none."""
    policy = ports.policies.city(selection.city)
    for county in selection.counties or ():
        require_county(policy, county)
    if selection.fund is not None:
        policy.fund(selection.fund)

    def change(work: Work) -> tuple[ReviewCase, ...]:
        known = work.reviews.cases(policy.key, selection.month, selection.document)
        cases = [case for case in known if selection.has(case)]
        if selection.state is CaseState.READY:  # found clean on a version that is replaced says nothing
            cases = [case for case in cases if _is_on_last_version(work, case)]
        if not cases or not {case.county for case in cases}.issuperset(selection.counties or ()):
            raise InputError(
                "no_case",
                "没有符合条件的审核事项",
                "there is no such review case",
                remedy=f"{_steps_of(selection.document)}，然后 fundpool review list / then list the cases",
            )
        if selection.seen is not None and selection.seen != mark_of(cases):
            raise RuleViolation(
                "case_changed",
                "页面打开之后审核事项有变（新版或他人已办），未办理",
                "the cases changed since the page was opened (a new version, or somebody else's act); nothing was done",
                remedy="核对现在的内容后再办 / look at what stands now and decide again",
            )
        decided = []
        for case in cases:
            after = decide(work, case)
            save(work, case, after, action=action, actor=actor, now=now)
            decided.append(after)
        return tuple(decided)

    return ports.database.transaction(change)


def _steps_of(document: DocumentKind) -> str:
    """The commands that bring a document before the reviewer."""
    return f"fundpool run {step_collecting(document).key}" + (
        " + plan-review" if document is DocumentKind.PLAN else ""
    )


def _is_on_last_version(work: Work, case: ReviewCase) -> bool:
    versions = work.submissions.versions(case.city, case.document, case.month, county=case.county)
    return versions[-1].id == case.submission_id


def _current_version(work: Work, case: ReviewCase) -> Submission:
    """The version the case is about; raises RuleViolation when the county has filed a newer version."""
    latest = work.submissions.versions(case.city, case.document, case.month, county=case.county)[-1]
    if latest.id != case.submission_id:
        raise RuleViolation(
            "newer_version",
            f"{case.name}：县区已报第 {latest.version} 版，须按新版审核",
            f"{case.name}: version {latest.version} has come in; the decision must be on it",
            remedy=f"{_steps_of(case.document)}：再执行 / run again",
        )
    return latest


def _up_to_date(
    work: Work,
    case: ReviewCase | None,
    latest: Submission,
    *,
    fund: str,
    requested_fen: int,
    now: datetime,
) -> ReviewCase:
    """The case on the latest version: opened, reopened, returned with it, or left as people decided."""
    is_new = case is None or case.submission_id != latest.id
    fresh = ReviewCase(
        city=latest.city,
        month=latest.month,
        document=latest.document,
        county=latest.county,
        fund=fund,
        submission_id=latest.id,
        state=CaseState.READY,
        requested_fen=requested_fen,
    )
    after = fresh if case is None or is_new else case
    if not latest.stands:
        if after.state is not CaseState.RETURNED:
            after = review.send_back(
                review.opened(after, clean=False),
                latest.return_reason or "",
                latest.returned_by or "",
                at=latest.returned_at or now,
            )
    # A returned version stands again when the checks took their return back (say, the budget was adjusted).
    elif is_new or after.state in {CaseState.READY, CaseState.FINDINGS, CaseState.RETURNED}:
        after = review.opened(after, clean=_is_clean(work, latest, fund))
    save(work, case, after, action="open_review", actor="system", now=now)
    return after


def _is_clean(work: Work, version: Submission, fund: str) -> bool:
    """Whether nothing found concerns this scheme; a judgement that is no pass for no named reason does."""
    if version.verdict is Verdict.PASS:
        return True
    serious = [f for f in work.submissions.findings(version.id) if f.severity is not Severity.NOTE]
    return bool(serious) and all(f.fund is not None and f.fund != fund for f in serious)


def _applied_funds(work: Work, city: str, month: Period, *, county: str, document: DocumentKind) -> set[str]:
    """The schemes for which the city has applied on the county's plan."""
    if document is not DocumentKind.PLAN or isinstance(month, Year):
        return set()
    return {
        application.fund
        for application in work.applications.applications(city, month)
        for line in application.lines
        if line.county == county
    }


def _too_late(case: ReviewCase, latest: Submission) -> UnitOutcome:
    return UnitOutcome(
        case.county,
        UnitState.FLAGGED,
        f"已按前一版向财政申请；第 {latest.version} 版不自动采用，差额列入下月计划",
        detail_en=f"already applied for on the version before; version {latest.version} is not taken over, "
        "put the difference into the next plan",
        fund=case.fund,
        amount_fen=case.approved_fen,
    )


def _unfiled(
    work: Work, policy: CityPolicy, document: DocumentKind, *, month: Period, county: str
) -> UnitOutcome:
    for known in work.records.nil_returns(policy.key, month):
        if (known.document, known.county) == (document, county):
            return UnitOutcome(county, UnitState.DONE, known.text_zh, detail_en=known.text_en)
    return UnitOutcome(
        county, UnitState.WAITING, "尚未报送，等县区", detail_en="nothing filed; the county's turn"
    )
