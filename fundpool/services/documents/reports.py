"""The counties' expenditure reports: collected, checked against books and last month, booked once.

A report that passes every check is accepted; one with findings waits for two people. Accepted
spending goes into the books under the version it was reported in; a corrected version takes the
earlier booking back and books anew.
"""

from datetime import datetime, time
from functools import partial

from fundpool.domain import review as review_rules
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.outcomes import (
    CityInHand,
    Outcomes,
    StepInHand,
    StepRequest,
    UnitOutcome,
    UnitState,
    counties_of,
)
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services.books import booking
from fundpool.services.documents.review import open_and_accept, openings, save
from fundpool.services.ports.isolation import for_each_city
from fundpool.services.ports.work import MonthPorts, Work

SPENDING_ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")
"""险种 items of the report; the books keep spending per item."""


def book_spending(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Open the cases of the judged reports, accept what passes, and book what is accepted, city by city."""
    return for_each_city(step, partial(_settle_city, ports))


def _settle_city(ports: MonthPorts, city: CityInHand) -> Outcomes:
    policy = ports.policies.city(city.request.city)
    counties = counties_of(policy, city.request)
    outcomes = {
        county: [outcome for outcome in city.outcomes if outcome.unit == county and _is_final(outcome)]
        for county in counties
    }
    unsettled = [county for county in counties if not outcomes[county]]
    settled = open_and_accept(
        ports,
        openings(policy, DocumentKind.REPORT, city.request.month, request=city.request, counties=unsettled),
        partial(_accept_and_book, policy=policy, request=city.request),
        act_zh="支出未能记账",
        act_en="the spending is not booked",
    )
    for county, of_county in zip(unsettled, settled, strict=True):
        outcomes[county] += of_county
    of_city = [outcome for outcome in city.outcomes if outcome.unit == policy.division_code]
    return [outcome for of_county in (*outcomes.values(), of_city) for outcome in of_county]


def _is_final(outcome: UnitOutcome) -> bool:
    """Whether the outcome of collecting is final: the report was not judged, or nothing was filed."""
    return outcome.state in {UnitState.FAILED, UnitState.WAITING}


def _accept_and_book(
    work: Work, policy: CityPolicy, request: StepRequest, *, opened: UnitOutcome
) -> list[UnitOutcome]:
    """Accept the case if the checks found nothing, book it if it is accepted; else as it was opened."""
    county, fund = opened.unit, opened.fund
    if fund is None:
        return [opened]
    case = work.reviews.case(policy.key, request.month, DocumentKind.REPORT, county=county, fund=fund)
    if case is None:
        return [opened]
    if case.state is CaseState.READY:
        accepted = review_rules.accept(case, request.now, needs_people=False)
        save(work, case, accepted, action="accept_report", actor=SYSTEM, now=request.now)
        case = accepted
    if not case.is_decided:
        return [opened]
    versions = work.submissions.versions(policy.key, DocumentKind.REPORT, request.month, county=county)
    for version in versions:
        if version.id != case.submission_id:
            _take_back(work, case, request.month, version=version, now=request.now)
    current = next(version for version in versions if version.id == case.submission_id)
    _book(work, case, request.month, version=current, now=request.now)
    return [
        UnitOutcome(
            county,
            UnitState.DONE,
            "报表收下，支出已记账",
            detail_en="report accepted, spending booked",
            fund=fund,
            amount_fen=case.approved_fen,
        )
    ]


def _book(work: Work, case: ReviewCase, month: Month, *, version: Submission, now: datetime) -> None:
    figures = {
        figure.field: figure.amount_fen or 0
        for figure in work.submissions.figures(version.id)
        if figure.fund == case.fund
    }
    booking.book_spending(
        work,
        city=case.city,
        fund=case.fund,
        unit=case.county,
        month=month,
        items={item: figures.get(f"{item}_fen", 0) for item in SPENDING_ITEMS},
        interest_fen=figures.get("interest_fen", 0),
        returned_fen=figures.get("returned_fen", 0),
        remitted_fen=figures.get("remitted_fen", 0),
        reference=_reference(case, version),
        by=SYSTEM,
        event_at=datetime.combine(month.last_day, time(23, 59), SHANGHAI),
        now=now,
    )


def _take_back(work: Work, case: ReviewCase, month: Month, *, version: Submission, now: datetime) -> None:
    """Reverse what an earlier version booked, so that the corrected one counts alone."""
    reference = _reference(case, version)
    account = AccountRef(case.city, case.fund, AccountType.COUNTY_EXPENDITURE, unit=case.county)
    fiscal = AccountRef(case.city, case.fund, AccountType.COUNTY_FISCAL, unit=case.county)
    keys = [
        *(
            booking.spending_key(
                case.city, case.fund, case.county, month=month, reference=reference, item=item
            )
            for item in SPENDING_ITEMS
        ),
        booking.income_key(account, "interest", reference),
        booking.spending_returned_key(account, reference),
        booking.transfer_up_key(account, fiscal, reference),
    ]
    booked = work.ledger.existing([*keys, *(f"{key}/reversal" for key in keys)])
    for key in keys:
        if key in booked and f"{key}/reversal" not in booked:
            booking.reverse(
                work,
                key,
                reason=f"第 {version.version} 版报表被更正 / report version {version.version} corrected",
                by=SYSTEM,
                event_at=booked[key].event_at,
                now=now,
            )


def _reference(case: ReviewCase, version: Submission) -> str:
    return f"report-{case.month}-v{version.version}"
