"""The counties' expenditure reports: collected, checked against books and last month, booked once.

A report that passes every check is accepted; one with findings waits for two people. Accepted
spending goes into the books under the version it was reported in; a corrected version takes the
earlier booking back and books anew.
"""

from datetime import datetime, time
from functools import partial

from fundpool.domain import review as review_rules
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services import books
from fundpool.services.collection import collect_documents, counties_of
from fundpool.services.judgements import message_of
from fundpool.services.outcomes import StepRequest, UnitOutcome, UnitState
from fundpool.services.ports import MonthPorts, Work
from fundpool.services.review import open_cases, save

SPENDING_ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")
"""险种 items of the report; the books keep spending per item."""


def expenditure_reporting(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Collect and judge the reports, accept what passes, and book what is accepted."""
    policy = ports.policies.city(request.city)
    collected = collect_documents(ports, request, DocumentKind.REPORT)
    outcomes: list[UnitOutcome] = []
    for county in counties_of(policy, request):
        outcomes += [outcome for outcome in collected if outcome.unit == county and _says_all(outcome)]
        if not any(outcome.unit == county for outcome in outcomes):
            outcomes += _settle_county(ports, policy, request, county)
    return (*outcomes, *(outcome for outcome in collected if outcome.unit == policy.division_code))


def _says_all(outcome: UnitOutcome) -> bool:
    """Whether collection already says all there is: not judged, or nothing filed."""
    return outcome.state in {UnitState.FAILED, UnitState.WAITING}


def _settle_county(
    ports: MonthPorts, policy: CityPolicy, request: StepRequest, county: str
) -> list[UnitOutcome]:
    opening = partial(
        open_cases,
        policy=policy,
        document=DocumentKind.REPORT,
        month=request.month,
        county=county,
        now=request.now,
    )
    opened = ports.database.transaction(opening)
    outcomes: list[UnitOutcome] = []
    for outcome in opened:
        if outcome.fund is None:
            outcomes.append(outcome)
            continue
        booking = partial(_accept_and_book, policy=policy, request=request, county=county, fund=outcome.fund)
        try:
            booked = ports.database.transaction(booking)
        except ServiceUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told as this county's failure; the others go on
            code, zh, en = message_of(error)
            booked = UnitOutcome(
                county,
                UnitState.FAILED,
                f"支出未能记账：{zh}",
                f"the spending is not booked: {en}",
                fund=outcome.fund,
                amount_fen=outcome.amount_fen,
                error_code=code,
            )
        outcomes.append(booked or outcome)
    return outcomes


def _accept_and_book(
    work: Work, policy: CityPolicy, request: StepRequest, county: str, fund: str
) -> UnitOutcome | None:
    """Accept the case if the checks found nothing, book it if it is accepted; None while it is not."""
    case = work.reviews.case(policy.key, request.month, DocumentKind.REPORT, county, fund)
    if case is None:
        return None
    if case.state is CaseState.READY:
        accepted = review_rules.accept(case, request.now)
        save(work, case, accepted, "accept_report", SYSTEM, request.now)
        case = accepted
    if not case.is_decided:
        return None
    versions = work.submissions.versions(policy.key, DocumentKind.REPORT, request.month, county)
    for version in versions:
        if version.id != case.submission_id:
            _take_back(work, case, version, request.now)
    current = next(version for version in versions if version.id == case.submission_id)
    _book(work, case, current, request.now)
    return UnitOutcome(
        county,
        UnitState.DONE,
        "报表收下，支出已记账",
        "report accepted, spending booked",
        fund=fund,
        amount_fen=case.approved_fen,
    )


def _book(work: Work, case: ReviewCase, version: Submission, now: datetime) -> None:
    figures = {
        figure.field: figure.amount_fen or 0
        for figure in work.submissions.figures(version.id)
        if figure.fund == case.fund
    }
    account = AccountRef(case.city, case.fund, AccountType.COUNTY_EXPENDITURE, case.county)
    event_at = datetime.combine(case.month.last_day, time(23, 59), SHANGHAI)
    reference = _reference(case, version)
    if figures.get("interest_fen"):
        books.book_interest(
            work,
            account,
            figures["interest_fen"],
            reference=reference,
            by=SYSTEM,
            event_at=event_at,
            now=now,
        )
    if figures.get("returned_fen"):
        books.book_spending_returned(
            work,
            account,
            figures["returned_fen"],
            reference=reference,
            by=SYSTEM,
            event_at=event_at,
            now=now,
        )
    books.book_spending(
        work,
        city=case.city,
        fund=case.fund,
        unit=case.county,
        month=case.month,
        items={item: figures.get(f"{item}_fen", 0) for item in SPENDING_ITEMS},
        reference=reference,
        by=SYSTEM,
        event_at=event_at,
        now=now,
    )
    if figures.get("remitted_fen"):
        books.book_transfer_up(
            work,
            account,
            AccountRef(case.city, case.fund, AccountType.COUNTY_FISCAL, case.county),
            figures["remitted_fen"],
            reference=reference,
            by=SYSTEM,
            event_at=event_at,
            now=now,
        )


def _take_back(work: Work, case: ReviewCase, version: Submission, now: datetime) -> None:
    """Reverse what an earlier version booked, so that the corrected one counts alone."""
    reference = _reference(case, version)
    account = AccountRef(case.city, case.fund, AccountType.COUNTY_EXPENDITURE, case.county)
    fiscal = AccountRef(case.city, case.fund, AccountType.COUNTY_FISCAL, case.county)
    keys = [
        *(
            books.spending_key(case.city, case.fund, case.county, case.month, reference, item)
            for item in SPENDING_ITEMS
        ),
        books.income_key(account, "interest", reference),
        books.spending_returned_key(account, reference),
        books.transfer_up_key(account, fiscal, reference),
    ]
    booked = work.ledger.existing([*keys, *(f"{key}/reversal" for key in keys)])
    for key in keys:
        if key in booked and f"{key}/reversal" not in booked:
            books.reverse(
                work,
                key,
                reason=f"第 {version.version} 版报表被更正 / report version {version.version} corrected",
                by=SYSTEM,
                event_at=booked[key].event_at,
                now=now,
            )


def _reference(case: ReviewCase, version: Submission) -> str:
    return f"report-{case.month}-v{version.version}"
