"""The city's application to finance, and finance's 复核额 per county.

A county that is not decided has no line: it is named as missing, never applied for as zero, and
gets a supplementary application once it is decided.
"""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from fundpool.domain.application import Application, ApplicationLine, review_line
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.periods import Month, day_of
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import ReviewCase, outcome_of
from fundpool.domain.submission import DocumentKind
from fundpool.services.payments.limits import budget_missing, sealed_budgets
from fundpool.services.ports.work import MonthPorts, Work

APPLY_DUTY = "apply_for_funds"


def apply_for_funds(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Apply for every decided county, scheme by scheme.

    Waits for the counties still undecided until the last day to act; counties named in the request
    are applied for at once, and a city whose text sets no day applies for what is decided.
    """
    policy = ports.policies.city(request.city)
    counties = counties_of(policy, request)
    may_wait = request.counties is None and _may_wait(ports, policy, request)
    outcomes: list[UnitOutcome] = []
    for fund in policy.funds:
        apply = partial(
            _apply, policy=policy, request=request, fund=fund.key, counties=counties, may_wait=may_wait
        )
        outcomes += ports.database.transaction(apply)
    return tuple(outcomes)


def review_application(
    ports: MonthPorts,
    *,
    city: str,
    month: Month,
    fund: str | None,
    county: str | None,
    amount_fen: int | None,
    reason: str | None,
    by: str,
    now: datetime,
) -> tuple[Application, ...]:
    """Finance's review: of one line, or of every line not reviewed yet at what was applied for.

    In a city that pays within the annual budget no line may pass what is left of it. Raises
    InputError or RuleViolation; then nothing is recorded.
    """
    reviewer = person(by)
    policy = ports.policies.city(city)
    if amount_fen is not None and (county is None or fund is None):
        keys = " | ".join(each.key for each in policy.funds)
        raise InputError(
            "line_missing",
            "填复核额须指明县区与险种",
            "an amount names its county and scheme",
            remedy=f"--county CODE --fund {keys}",
        )

    def record(work: Work) -> tuple[Application, ...]:
        chosen = [
            (application, line)
            for application in work.applications.applications(policy.key, month)
            for line in application.lines
            if fund in {None, application.fund}
            and county in {None, line.county}
            and (amount_fen is not None or line.reviewed_fen is None)
        ]
        if not chosen:
            raise InputError(
                "nothing_to_review",
                "没有待财政复核的申请",
                "no application waits for finance's review",
                remedy="fundpool run funds-application",
            )
        for application, line in chosen:
            _review(
                work,
                policy,
                application,
                line=line,
                amount_fen=amount_fen,
                reason=reason,
                reviewer=reviewer,
                now=now,
            )
        return work.applications.applications(policy.key, month)

    return ports.database.transaction(record)


def applications_of(ports: MonthPorts, city: str, month: Month) -> tuple[Application, ...]:
    """The month's applications in order of scheme and number."""
    policy = ports.policies.city(city)
    return ports.database.read(lambda work: work.applications.applications(policy.key, month))


def pays_within_annual_budget(policy: CityPolicy, month: Month) -> bool:
    """Whether the city's text caps the year's payments at the annual budget."""
    return any(
        block.get("kind") == "monthly-cap"
        for rule in policy.rules
        if rule.holds_on(month.first_day)
        for block in rule.computes
    )


def _may_wait(ports: MonthPorts, policy: CityPolicy, request: StepRequest) -> bool:
    """Whether the day to apply is still ahead, so that undecided counties are waited for."""
    for duty in duties_of(policy, request.month, ports.calendar):
        if duty.key == APPLY_DUTY and duty.due is not None:
            return day_of(request.now) < (duty.act_by or duty.due)
    return False


def _apply(
    work: Work,
    policy: CityPolicy,
    request: StepRequest,
    *,
    fund: str,
    counties: Collection[str],
    may_wait: bool,
) -> list[UnitOutcome]:
    applications = [
        application
        for application in work.applications.applications(policy.key, request.month)
        if application.fund == fund
    ]
    lines = {line.county: line for application in applications for line in application.lines}
    cases = {
        case.county: case
        for case in work.reviews.cases(policy.key, request.month, DocumentKind.PLAN)
        if case.fund == fund
    }
    nil = {
        known.county
        for known in work.records.nil_returns(policy.key, request.month)
        if known.document is DocumentKind.PLAN
    }
    decided = {county for county, case in cases.items() if _counts(work, case)}
    missing = [unit.code for unit in policy.units if unit.code not in decided | nil]
    fresh = [county for county in counties if county in decided and county not in lines]
    if fresh and not (may_wait and missing):
        application = Application(
            city=policy.key,
            month=request.month,
            fund=fund,
            number=len(applications) + 1,
            prepared_by=request.by,
            prepared_at=request.now,
            lines=tuple(ApplicationLine(county, cases[county].approved_fen or 0) for county in sorted(fresh)),
        )
        work.applications.add(application)
        work.audit.append(
            at=request.now,
            actor=request.by,
            action="apply_for_funds",
            subject=f"application:{policy.key}:{request.month}:{fund}:{application.number}",
            before=None,
            after={line.county: line.applied_fen for line in application.lines},
            reason=None,
        )
        lines.update({line.county: line for line in application.lines})
    return [
        standing_of(
            county,
            fund,
            line=lines.get(county),
            case=cases.get(county),
            is_nil=county in nil,
            is_decided=county in decided,
        )
        for county in counties
    ]


def _counts(work: Work, case: ReviewCase) -> bool:
    """Decided, and on the county's current version: a newer one is reviewed before it is applied for."""
    versions = work.submissions.versions(case.city, case.document, case.month, county=case.county)
    return case.is_decided and versions[-1].id == case.submission_id


def standing_of(
    county: str,
    fund: str,
    line: ApplicationLine | None,
    *,
    case: ReviewCase | None,
    is_nil: bool,
    is_decided: bool,
) -> UnitOutcome:
    """How a county's part in the application stands; ``is_decided``: its case is, on its current version."""
    if line is None and case is not None and not case.is_decided:
        return outcome_of(case)
    amount_fen = None if case is None else case.approved_fen
    if line is not None:
        amount_fen = line.applied_fen if line.reviewed_fen is None else line.reviewed_fen
        is_reviewed = line.reviewed_fen is not None
        state = UnitState.DONE if is_reviewed else UnitState.WAITING
        zh = "财政已复核" if is_reviewed else "已申请，待财政复核"
        en = "reviewed by finance" if is_reviewed else "applied for, finance's turn"
    elif is_decided:
        state, zh = UnitState.WAITING, "已核定，等其他县区至申请日"
        en = "decided, waiting for the other counties until the day to apply"
    elif case is not None:
        state, zh, en = UnitState.WAITING, "有新版待审核", "a newer version waits for review"
    elif is_nil:
        state, zh, en = UnitState.DONE, "零申报", "nil return"
    else:
        state, zh = UnitState.WAITING, "没有计划，不列入申请"
        en = "no plan: not in the application, and not zero"
    return UnitOutcome(county, state, zh, detail_en=en, fund=fund, amount_fen=amount_fen)


def _review(
    work: Work,
    policy: CityPolicy,
    application: Application,
    *,
    line: ApplicationLine,
    amount_fen: int | None,
    reason: str | None,
    reviewer: str,
    now: datetime,
) -> None:
    case = work.reviews.case(
        policy.key, application.month, DocumentKind.PLAN, county=line.county, fund=application.fund
    )
    deciders = {case.maker, case.checker} if case is not None else set()
    deciders.add(None if application.prepared_by == SYSTEM else application.prepared_by)
    after = review_line(
        line,
        line.applied_fen if amount_fen is None else amount_fen,
        reason,
        by=reviewer,
        at=now,
        deciders=frozenset(name for name in deciders if name is not None),
        left_of_budget_fen=_left_of_budget(work, policy, application, line=line),
    )
    if after == line:
        return
    work.applications.save_line(application, after)
    work.audit.append(
        at=now,
        actor=reviewer,
        action="finance_review",
        subject=f"application:{policy.key}:{application.month}:{application.fund}:{application.number}:{line.county}",
        before={"applied_fen": line.applied_fen, "reviewed_fen": line.reviewed_fen},
        after={"applied_fen": after.applied_fen, "reviewed_fen": after.reviewed_fen},
        reason=reason,
    )


def _left_of_budget(
    work: Work, policy: CityPolicy, application: Application, *, line: ApplicationLine
) -> int | None:
    """What finance may still grant the county: the budget less what it has granted elsewhere in the year.

    What is only applied for binds nobody yet: two months under review at once would block each other.
    """
    if not pays_within_annual_budget(policy, application.month):
        return None
    year = application.month.year
    budgets = sealed_budgets(work, policy.key, year)
    if (line.county, application.fund) not in budgets:
        raise budget_missing(line.county, application.fund, year)
    left_fen = budgets[line.county, application.fund]
    for opening in work.budgets.openings(policy.key):
        if (opening.month.year, opening.county, opening.fund) == (year, line.county, application.fund):
            left_fen -= opening.year_paid_fen or 0
    for other in work.applications.applications(policy.key, year=year):
        if other.fund != application.fund or (other.month, other.number) == (
            application.month,
            application.number,
        ):
            continue
        left_fen -= sum(each.reviewed_fen or 0 for each in other.lines if each.county == line.county)
    return left_fen
