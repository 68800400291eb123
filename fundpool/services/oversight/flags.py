"""Flags of a month: what is late, overdue, missing, returned, inconsistent, extended, nil or held.

Derived from the records every time, never stored: a flag cannot be forgotten or go stale. Each
names the article and the days.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from fundpool.domain.duties import Basis
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.languages import counted
from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.people import SYSTEM
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind, ReceivedFile, Submission, return_reason_en
from fundpool.domain.timeliness import DONE, DutyState
from fundpool.domain.transfer import (
    MAY_BE_ORDERED_AGAIN,
    OUTCOME_UNKNOWN,
    AttemptState,
    ObligationState,
    latest_revisions,
)
from fundpool.services.documents.document_kinds import DOCUMENT_OF, DUTY_OF
from fundpool.services.oversight.overview import stopped_funds
from fundpool.services.oversight.progress import (
    PLAN_DUTY,
    REPORT_DUTY,
    DutyProgress,
    MonthFacts,
    month_facts,
    progress_of,
)
from fundpool.services.payments import kill_switches
from fundpool.services.payments.transfer_views import ASK_AGAIN, in_words
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import Flag, StepStatus

DUTY_NAMES = {
    "submit_fund_use_plan": ("上报用款计划", "filing the fund-use plan"),
    "apply_for_funds": ("审核并申请用款", "reviewing and applying to finance"),
    "pay_from_fiscal_account": ("财政拨付", "finance's payment"),
    "allocate_to_counties": ("县级拨付", "allocation to the counties"),
    "submit_expenditure_report": ("上报支出核算报表", "filing the expenditure report"),
    "file_expenditure_report": ("汇总报表备案", "filing the city's summary"),
    "apply_for_working_capital": ("申请周转金", "applying for working capital"),
}

_FLAG_OF_STATE = {
    DutyState.DONE_LATE: ("late", Severity.REVIEW, "迟办 {days} 天", "done {days_en} late"),
    DutyState.OVERDUE: ("overdue", Severity.BLOCK, "逾期 {days} 天未办", "overdue by {days_en}"),
    DutyState.RETURNED: ("returned", Severity.BLOCK, "已退回，尚未重报", "returned and not filed again"),
    DutyState.EXTENDED: ("extended", Severity.NOTE, "经批准延期至 {until}", "extended until {until}"),
    DutyState.NIL: ("nil", Severity.NOTE, "零申报", "nil return"),
}


def flags_of(
    work: Work,
    policy: CityPolicy,
    facts: MonthFacts,
    *,
    progress: Sequence[DutyProgress],
    until: datetime | None = None,
) -> tuple[Flag, ...]:
    """Every flag of the month, duties first, in the order of the month and the register.

    ``until``: funds that were stopped at that moment, as ``facts`` are those known then.
    """
    names = {unit.code: unit.name_zh for unit in policy.units}
    flags = chain(
        _duty_flags(policy, facts, progress, names=names),
        _document_flags(work, facts, progress, names=names),
        _payment_flags(facts, {policy.division_code: policy.name_zh, **names}),
        _stop_flags(work, policy, until),
    )
    return tuple(
        flag.model_copy(update={"unit_name_zh": names.get(flag.unit or "", policy.name_zh)}) for flag in flags
    )


def _duty_flags(
    policy: CityPolicy, facts: MonthFacts, progress: Sequence[DutyProgress], *, names: dict[str, str]
) -> Iterator[Flag]:
    for row in progress:
        used_extension = row.standing.state is DutyState.DONE_ON_TIME and row.extended_until is not None
        flagged = _FLAG_OF_STATE.get(DutyState.EXTENDED if used_extension else row.standing.state)
        if flagged is None:
            continue
        kind, severity, zh, en = flagged
        document = DOCUMENT_OF.get(row.duty.key)
        if row.standing.state is DutyState.OVERDUE and _went_on_without(facts, row):
            kind, zh, en = "missing", "逾期 {days} 天，缺报", "missing: overdue by {days_en}"
        nil = facts.nil_returns.get((document, row.duty.unit or "")) if document else None
        if row.standing.state is DutyState.NIL and nil is not None:
            zh, en = _literally(nil.text_zh), _literally(nil.text_en)
        days = row.standing.days_late
        who = names.get(row.duty.unit or "", policy.name_zh)
        duty_zh, duty_en = DUTY_NAMES[row.duty.key]
        if row.application is not None:
            duty_zh = f"第 {row.application} 号补充申请的{duty_zh}"
            duty_en = f"{duty_en} of supplementary application {row.application}"
        due = f"（应于 {row.duty.due}）" if row.duty.due else ""
        words = {"days": days, "days_en": counted(days or 0, "day"), "until": row.extended_until}
        yield Flag(
            kind=kind,
            severity=severity,
            duty=row.duty.key,
            unit=row.duty.unit,
            rule=row.duty.rule,
            days=days or None,
            message_zh=f"{who}{duty_zh}{due}：{zh.format(**words)}",
            message_en=f"{row.duty.unit or policy.name_en}, {duty_en} (due {row.duty.due}): {en.format(**words)}",
            basis=row.duty.basis,
            is_open=row.standing.state not in DONE,
        )


def _literally(text: str) -> str:
    """``text`` with its braces doubled: ``format`` must not take what a person wrote for a place to fill."""
    return text.replace("{", "{{").replace("}", "}}")


def _went_on_without(facts: MonthFacts, row: DutyProgress) -> bool:
    """Whether the city has applied (or filed) without the county: then it is missing, not only late."""
    if row.duty.key == PLAN_DUTY:
        return bool(facts.applications)
    return row.duty.key == REPORT_DUTY and bool(facts.filings)


def _document_flags(
    work: Work, facts: MonthFacts, progress: Sequence[DutyProgress], *, names: dict[str, str]
) -> Iterator[Flag]:
    done = {(row.duty.key, row.duty.unit) for row in progress if row.standing.state in DONE}
    decided = {(case.submission_id, case.fund) for case in facts.cases if case.is_decided}
    places = [(document, county) for document in DUTY_OF for county in names]
    filed = [versions for place in places if (versions := facts.versions.get(place))]
    findings = work.submissions.findings_of(
        version.id
        for versions in filed
        for version in versions
        if _is_inconsistent(version) or not version.stands
    )
    for versions in filed:
        yield from _returned_before(versions, findings, names=names)
        yield from _inconsistent(versions[-1], findings, decided, names=names)
        yield from _after_application(facts, versions[-1], names=names)
    for file in facts.bad_files:
        if file.problem is None:
            continue
        yield Flag(
            kind="unreadable",
            severity=Severity.BLOCK,
            duty=DUTY_OF[file.document],
            unit=file.declared_county,
            message_zh=f"文件 {file.file_name}：{file.problem.zh}",
            message_en=f"file {file.file_name}: {file.problem.en}",
            file=file.file_name,
            remedy=file.problem.remedy,
            document=file.document,
            basis=_READING_RULES,
            is_open=not _is_made_good(file, done, names),
        )


_READING_RULES = Basis("读表规则 / rules of reading", "", "")
"""What the finding on a file that nobody can read rests on; no article says how a file is to be written."""


def _is_made_good(file: ReceivedFile, done: Collection[tuple[str, str | None]], names: Iterable[str]) -> bool:
    """Whether the county (any county, where none was named: all of them) has filed the document since."""
    key = DUTY_OF[file.document] or ""
    counties = names if file.declared_county is None else [file.declared_county]
    return all((key, county) in done for county in counties)


def _of_version(version: Submission, **said: Any) -> Flag:
    """A flag about a version that a county filed.

    It names no article by itself: the one on the day to file is not what a wrong figure rests on.
    """
    about = {"unit": version.county, "file": version.file_name, "document": version.document}
    return Flag(**{"duty": DUTY_OF[version.document], **about, **said})


def _returned_before(
    versions: Sequence[Submission], findings: Mapping[int, Sequence[Finding]], *, names: dict[str, str]
) -> Iterator[Flag]:
    """Versions that were returned and have been replaced since; the last one is the duty's own state."""
    for version in versions[:-1]:
        if not version.stands:
            own = findings[version.id]
            reason = return_reason_en(version, own)
            # The checks' return rests on what they found; a person's on the reason that the person wrote.
            blocking = [found for found in own if found.severity is Severity.BLOCK]
            why = blocking[0] if blocking and version.returned_by == SYSTEM else None
            yield _of_version(
                version,
                kind="returned",
                severity=Severity.NOTE,
                rule=why and why.rule,
                basis=why and _basis_of(why),
                is_open=False,
                message_zh=f"{names[version.county]}第 {version.version} 版曾退回：{version.return_reason}",
                message_en=f"{version.county}: version {version.version} was returned: {reason}",
            )


def _basis_of(finding: Finding) -> Basis | None:
    """The rule that the finding's check rests on, as the check names it."""
    return Basis(finding.basis, "", "") if finding.basis else None


def _is_decided(version: Submission, fund: str | None, decided: Collection[tuple[int, str]]) -> bool:
    """Whether a person has decided the version's case of the fund; of a finding on the whole file, any case of it."""
    return any(number == version.id and fund in {None, of_fund} for number, of_fund in decided)


def _is_inconsistent(version: Submission) -> bool:
    """Whether the checks found more than notes; not while it waits to be judged."""
    return version.verdict not in {None, Verdict.PASS}


def _inconsistent(
    version: Submission,
    findings: Mapping[int, Sequence[Finding]],
    decided: Collection[tuple[int, str]],
    *,
    names: dict[str, str],
) -> Iterator[Flag]:
    """What the checks found on the county's last version, open until a person has decided its case."""
    if not _is_inconsistent(version):
        return
    for finding in findings[version.id]:
        if finding.severity is Severity.NOTE:
            continue
        yield _of_version(
            version,
            kind="inconsistent",
            severity=finding.severity,
            fund=finding.fund,
            rule=finding.rule,
            message_zh=f"{names[version.county]}：{finding.message_zh}",
            message_en=f"{version.county}: {finding.message_en}",
            sheet=finding.sheet,
            cell=finding.cell,
            found=finding.found,
            expected=finding.expected,
            remedy=finding.remedy,
            basis=_basis_of(finding),
            is_open=not _is_decided(version, finding.fund, decided),
        )


def _after_application(facts: MonthFacts, version: Submission, *, names: dict[str, str]) -> Iterator[Flag]:
    """A plan changed after the city had applied for it: shown, never taken over by itself."""
    cases = facts.cases_of_plan.get(version.county, ()) if version.document is DocumentKind.PLAN else ()
    for case in cases:
        if (case.fund, version.county) in facts.lines and case.submission_id != version.id:
            yield _of_version(
                version,
                kind="inconsistent",
                fund=case.fund,
                message_zh=f"{names[version.county]}在申请之后又报第 {version.version} 版，未采用",
                message_en=f"{version.county}: version {version.version} came after the application and is not used",
                remedy="差额列入下月计划 / put the difference into the next plan",
            )


PAYMENT_REMEDIES = {
    ObligationState.FAILED: "原账户重付：fundpool transfers approve-retry；换账户：cancel 后 order-again / the same "
    "account: fundpool transfers approve-retry; another one: cancel, then order-again",
    ObligationState.HELD: "先看 fundpool transfers show，查清后 look-again、accept-execution 或 cancel / see fundpool "
    "transfers show first; then look-again, accept-execution or cancel",
    ObligationState.RETURNED: "对账单见退回后：fundpool transfers order-again / once it is on the statement: "
    "fundpool transfers order-again",
    ObligationState.PARTLY_RETURNED: "向银行和收款方查明；应补付的列入下次申请，全部退回后 fundpool transfers order-again / ask "
    "the bank and the payee; what is owed goes into the next application; fundpool transfers order-again once all is back",
}
"""What lets a payment go on that did not go through."""


def step_flags(steps: Sequence[StepStatus]) -> Iterator[Flag]:
    """A flag for each step whose last run failed, with the first thing that failed in it."""
    for step in steps:
        if step.state != UnitState.FAILED:
            continue
        first = next(outcome for outcome in step.outcomes if outcome.state is UnitState.FAILED)
        count = step.counts[UnitState.FAILED]
        yield Flag(
            kind="failed",
            severity=Severity.BLOCK,
            message_zh=f"步骤“{STEPS[step.step].name_zh}”有 {count} 项未完成：{first.detail_zh}",
            message_en=f"step {step.step}: {count} could not be done: {first.detail_en}",
            remedy=first.remedy or f"fundpool run {step.step}",
        )


def _payment_flags(facts: MonthFacts, names: dict[str, str]) -> Iterator[Flag]:
    for application in facts.applications:
        if application.number > 1:
            counties = "、".join(names.get(line.county, line.county) for line in application.lines)
            codes = ", ".join(line.county for line in application.lines)
            yield Flag(
                kind="supplementary",
                severity=Severity.NOTE,
                is_open=False,
                duty="apply_for_funds",
                fund=application.fund,
                message_zh=f"第 {application.number} 号补充申请：{counties}",
                message_en=f"supplementary application {application.number}: {codes}",
            )
    latest = {obligation.id for obligation in latest_revisions(facts.obligations)}
    for obligation in facts.obligations:
        if obligation.state in MAY_BE_ORDERED_AGAIN and obligation.id not in latest:
            continue
        if obligation.state in PAYMENT_REMEDIES or obligation.state is ObligationState.IN_FLIGHT:
            known = facts.attempts.get(obligation.id)
            last = known[-1] if known else None
            is_unknown = last is not None and last.state in OUTCOME_UNKNOWN
            if obligation.state is ObligationState.IN_FLIGHT and not is_unknown:
                continue
            # Why the bank refused it is a line of `transfers show`; a flag says how the payment stands.
            is_refused = last is not None and last.state is AttemptState.REJECTED
            zh, en = in_words(obligation, None if is_refused else last)
            yield Flag(
                kind="unknown" if is_unknown else "held",
                severity=Severity.BLOCK,
                unit=obligation.unit,
                fund=obligation.fund,
                message_zh=f"{names.get(obligation.unit, obligation.unit)}的款项未成：{zh}",
                message_en=f"payment to {obligation.unit} did not go through: {en}",
                remedy=PAYMENT_REMEDIES.get(obligation.state, ASK_AGAIN),
            )


def _stop_flags(work: Work, policy: CityPolicy, until: datetime | None) -> Iterator[Flag]:
    stops = kill_switches.stops_of(work, policy) if until is None else _stops_then(work, policy, until)
    for stop in stops:
        yield Flag(
            kind="held",
            severity=Severity.BLOCK,
            fund=stop.fund,
            message_zh=stop.message_zh,
            message_en=stop.message_en,
            remedy=kill_switches.STOP_REMEDY,
        )


def _stops_then(work: Work, policy: CityPolicy, moment: datetime) -> Iterator[kill_switches.Stop]:
    for key, _, reason in stopped_funds(work, policy.key, moment):
        fund, (zh, _, en) = policy.fund(key), reason.partition(" / ")
        yield kill_switches.stop_of(fund, zh, en or reason)


_ORDER = {
    kind: place
    for place, kind in enumerate(
        (
            "unknown",
            "held",
            "failed",
            "overdue",
            "missing",
            "unreadable",
            "returned",
            "inconsistent",
            "late",
            "supplementary",
            "extended",
            "nil",
        )
    )
}


def worst_first(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Flags in the order in which a leader wants to hear them: what is open before what was cured.

    Of each, money of unknown outcome, stopped funds and failed steps come first, then who is late, then the rest.
    """
    return tuple(
        sorted(
            flags,
            key=lambda flag: (
                not flag.is_open,
                _ORDER.get(flag.kind, -1),
                -(flag.days or 0),
                flag.unit or "",
            ),
        )
    )


def raise_flags(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Every flag of the month as an outcome of its county; nothing is recorded or changed."""
    policy = ports.policies.city(request.city)
    units = {None, policy.division_code, *counties_of(policy, request)}

    def read(work: Work) -> tuple[UnitOutcome, ...]:
        facts = month_facts(work, policy, request.month)
        progress = progress_of(policy, request.month, ports.calendar, facts=facts, now=request.now)
        return tuple(
            UnitOutcome(
                flag.unit or policy.division_code,
                UnitState.FLAGGED if flag.severity is not Severity.NOTE else UnitState.DONE,
                flag.message_zh,
                detail_en=flag.message_en,
                fund=flag.fund,
            )
            for flag in flags_of(work, policy, facts, progress=progress)
            if flag.unit in units
        )

    return ports.database.read(read)
