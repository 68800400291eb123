"""Each duty of a month or a fund year by the records: when it was done, whose turn it is, returned, extended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, cached_property

from fundpool.domain.application import Application, ApplicationLine
from fundpool.domain.duties import Duty, DutyKind, DutyStatus, duties_of
from fundpool.domain.month_records import Extension, Filing, NilReturn
from fundpool.domain.periods import SHANGHAI, Month, Period, Year
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind, FileState, ReceivedFile, Submission, filed_at
from fundpool.domain.timeliness import Standing, standing
from fundpool.domain.transfer import (
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Hop,
    Obligation,
    ObligationState,
    PaymentOrder,
)
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.documents.document_kinds import DOCUMENT_OF, is_of
from fundpool.services.payments.application import APPLY_DUTY
from fundpool.services.payments.disbursement import ALLOCATE_DUTY, PAY_DUTY, Leg, legs_of, orders_of
from fundpool.services.ports.work import Work

PLAN_DUTY = "submit_fund_use_plan"
REPORT_DUTY = "submit_expenditure_report"
FILING_DUTY = "file_expenditure_report"

FOLLOWED = (PLAN_DUTY, APPLY_DUTY, PAY_DUTY, ALLOCATE_DUTY, REPORT_DUTY, FILING_DUTY)
"""The duties of a month that the product can see being done; of a year, those to file a document."""

COUNTY, REVIEWER, CHECKER, AGENCY = "county_agency", "reviewer", "checker", "city_agency"
FINANCE, APPROVER, RELEASER, BANK, OPERATOR = "city_finance", "approver", "releaser", "bank", "operator"

TURN_OF_CASE = {
    CaseState.READY: REVIEWER,
    CaseState.FINDINGS: REVIEWER,
    CaseState.PROPOSED: CHECKER,
    CaseState.RETURNED: COUNTY,
}
"""Whose turn a review case is; nobody's once it is decided."""


@dataclass(frozen=True)
class MonthFacts:
    """Everything recorded of one city and month, or fund year, read in one snapshot."""

    versions: Mapping[tuple[DocumentKind, str], tuple[Submission, ...]]
    nil_returns: Mapping[tuple[DocumentKind, str], NilReturn]
    extensions: tuple[Extension, ...]
    cases: tuple[ReviewCase, ...]
    applications: tuple[Application, ...]
    obligations: tuple[Obligation, ...]
    batches: tuple[Batch, ...]
    filings: tuple[Filing, ...]
    bad_files: tuple[ReceivedFile, ...]
    attempts: Mapping[int, tuple[Attempt, ...]]
    """Of each obligation's number the orders to the bank, first to last."""

    @cached_property
    def cases_of_plan(self) -> Mapping[str, tuple[ReviewCase, ...]]:
        return self._cases_by_county(DocumentKind.PLAN)

    @cached_property
    def cases_of_report(self) -> Mapping[str, tuple[ReviewCase, ...]]:
        return self._cases_by_county(DocumentKind.REPORT)

    @cached_property
    def obligations_of(self) -> Mapping[tuple[str, Hop, str, int], tuple[Obligation, ...]]:
        """Every revision of each payment, by fund, hop, unit and number of the application."""
        found: dict[tuple[str, Hop, str, int], list[Obligation]] = {}
        for each in self.obligations:
            found.setdefault((each.fund, each.hop, each.unit, each.application), []).append(each)
        return {place: tuple(revisions) for place, revisions in found.items()}

    @cached_property
    def applications_of(self) -> Mapping[str | None, Mapping[int, tuple[Application, ...]]]:
        """The applications by their number, the lowest first: of the city (None), and those that pay each county."""
        found: dict[str | None, dict[int, list[Application]]] = {}
        for application in sorted(self.applications, key=lambda each: each.number):
            for unit in {None, *(line.county for line in application.lines)}:
                found.setdefault(unit, {}).setdefault(application.number, []).append(application)
        return {
            unit: {number: tuple(of_number) for number, of_number in numbers.items()}
            for unit, numbers in found.items()
        }

    @cached_property
    def lines(self) -> Mapping[tuple[str | None, str], ApplicationLine]:
        """Each county's line of each fund: the first, where a supplementary application has another."""
        found: dict[tuple[str | None, str], ApplicationLine] = {}
        for application in self.applications:
            for line in application.lines:
                found.setdefault((application.fund, line.county), line)
        return found

    def _cases_by_county(self, document: DocumentKind) -> Mapping[str, tuple[ReviewCase, ...]]:
        found: dict[str, list[ReviewCase]] = {}
        for case in self.cases:
            if case.document is document:
                found.setdefault(case.county, []).append(case)
        return {county: tuple(cases) for county, cases in found.items()}


@dataclass(frozen=True, slots=True)
class DutyProgress:
    """One duty of one unit with where it stands; ``waiting_for`` None once it is done."""

    duty: Duty
    standing: Standing
    done_at: datetime | None
    waiting_for: str | None
    extended_until: date | None
    application: int | None = None
    """The number of the supplementary application that the payment is of; None for the month's own."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """What the records say about one duty, before its day decides whether it is late."""

    done_at: datetime | None = None
    waiting_for: str | None = None
    nil: bool = False
    returned: bool = False
    has_day: bool = True


def month_facts(work: Work, policy: CityPolicy, month: Period) -> MonthFacts:
    """All that is recorded of the month, or of the fund year; nothing is paid for a whole year here.

    Read anew once anything was written: every page begins with these, for a tenth of a second at 320 counties.
    """
    return work.remembered(("month facts", policy.key, month), lambda: _read_facts(work, policy, month))


def _read_facts(work: Work, policy: CityPolicy, month: Period) -> MonthFacts:
    versions: dict[tuple[DocumentKind, str], list[Submission]] = {}
    for version in work.submissions.versions_of_period(policy.key, month):
        versions.setdefault((version.document, version.county), []).append(version)
    paid_for = month if isinstance(month, Month) else None
    attempts: dict[int, list[Attempt]] = {}
    for attempt in work.attempts.in_states(AttemptState, city=policy.key, month=paid_for) if paid_for else ():
        attempts.setdefault(attempt.obligation_id, []).append(attempt)
    return MonthFacts(
        versions={place: tuple(found) for place, found in versions.items()},
        nil_returns={
            (known.document, known.county): known for known in work.records.nil_returns(policy.key, month)
        },
        extensions=work.records.extensions(policy.key, month),
        cases=work.reviews.cases(policy.key, month),
        applications=work.applications.applications(policy.key, paid_for) if paid_for else (),
        obligations=tuple(work.payments.obligations(city=policy.key, month=paid_for)) if paid_for else (),
        batches=tuple(work.payments.batches(policy.key, paid_for)) if paid_for else (),
        filings=work.records.filings(policy.key, paid_for) if paid_for else (),
        bad_files=tuple(bad_files(work, policy, None, month=month)),
        attempts={number: tuple(found) for number, found in attempts.items()},
    )


def progress_of(
    policy: CityPolicy, month: Period, calendar: WorkCalendar, *, facts: MonthFacts, now: datetime
) -> tuple[DutyProgress, ...]:
    """Where every followed duty of the month or fund year stands on the business day of ``now``, per unit."""
    if isinstance(month, Year):
        return tuple(
            _progress(
                replace(duty, unit=unit.code),
                filing_fact(facts, document, unit.code),
                facts,
                calendar=calendar,
                now=now,
            )
            for duty in duties_of(policy, month, calendar)
            if (document := DOCUMENT_OF.get(duty.key)) is not None and is_of(document, month)
            for unit in policy.units
        )
    rows: list[DutyProgress] = []
    duties_after, payments = _duties_after(policy, month, calendar), _Payments(policy, month, facts)
    for duty in duties_of(policy, month, calendar):
        if duty.key not in FOLLOWED:
            continue
        for unit in units_of_duty(policy, month, duty):
            number = _first_number(facts, unit)
            fact = _fact(policy, facts, duty.key, unit=unit) or payments.fact(duty.key, unit, number)
            dated = duty
            if duty.key == ALLOCATE_DUTY:
                received = payments.received_on(unit, number)
                dated = _dated(duty, received, duties_after, is_supplementary=number > 1)
            rows.append(_progress(replace(dated, unit=unit), fact, facts, calendar=calendar, now=now))
    return tuple(rows)


def supplementary_progress_of(
    policy: CityPolicy, month: Month, calendar: WorkCalendar, *, facts: MonthFacts, now: datetime
) -> tuple[DutyProgress, ...]:
    """The payments of supplementary applications, each beside the unit's first and against a day of its own.

    The text's days of the month are those of the regular payment: here only what counts from the receipt of the
    money has a day, counted from the receipt of this money.
    """
    rows: list[DutyProgress] = []
    duties_after, payments = _duties_after(policy, month, calendar), _Payments(policy, month, facts)
    for duty in duties_of(policy, month, calendar):
        if duty.key not in {PAY_DUTY, ALLOCATE_DUTY}:
            continue
        for unit in units_of_duty(policy, month, duty):
            for number in facts.applications_of.get(unit, {}):
                if number == _first_number(facts, unit):
                    continue
                received = payments.received_on(unit, number)
                dated = _dated(duty, received, duties_after, is_supplementary=True)
                fact = payments.fact(duty.key, unit, number)
                row = _progress(replace(dated, unit=unit), fact, facts, calendar=calendar, now=now)
                rows.append(replace(row, application=number))
    return tuple(rows)


def _first_number(facts: MonthFacts, unit: str | None) -> int:
    """The number of the first application that pays the unit: 1 unless the county came too late for that one."""
    return 1 if unit is None else next(iter(facts.applications_of.get(unit, {1: ()})))


def _duties_after(
    policy: CityPolicy, month: Month, calendar: WorkCalendar
) -> Callable[[date], tuple[Duty, ...]]:
    """The duties by the day the money arrived. Most counties' money arrives on one: the law is asked once for each."""
    return cache(lambda received: duties_of(policy, month, calendar, received=received))


def _dated(
    duty: Duty,
    received: date | None,
    duties_after: Callable[[date], tuple[Duty, ...]],
    *,
    is_supplementary: bool,
) -> Duty:
    """The duty counted from the day the money really arrived, where it counts from receipt.

    Of a supplementary payment no other day is set.
    """
    if duty.key == ALLOCATE_DUTY and duty.kind is DutyKind.AFTER_EVENT and received is not None:
        return next(
            other for other in duties_after(received) if (other.rule, other.key) == (duty.rule, duty.key)
        )
    if not is_supplementary:
        return duty
    return replace(
        duty, nominal=None, due=None, act_by=None, kind=DutyKind.UNDATED, status=DutyStatus.UNKNOWN
    )


def _progress(
    duty: Duty, fact: _Fact, facts: MonthFacts, *, calendar: WorkCalendar, now: datetime
) -> DutyProgress:
    until = _extended_until(facts, duty)
    if until is not None and (duty.due is None or until > duty.due):
        duty = replace(duty, act_by=calendar.act_by(until))
    stands = standing(
        _day(now),
        due=duty.due if fact.has_day else None,
        act_by=duty.act_by,
        done_on=None if fact.done_at is None else _day(fact.done_at),
        nil=fact.nil,
        returned=fact.returned,
        extended_until=until,
    )
    waiting_for = None if fact.done_at is not None else fact.waiting_for
    return DutyProgress(duty, stands, fact.done_at, waiting_for=waiting_for, extended_until=until)


def units_of_duty(policy: CityPolicy, month: Period, duty: Duty) -> tuple[str | None, ...]:
    """The units a duty is followed up for: each county, or the city as a whole (None)."""
    counties = tuple(unit.code for unit in policy.units)
    if duty.key in DOCUMENT_OF:
        return counties
    if isinstance(month, Year):
        return (None,)
    legs = legs_of(policy, month, duty.key)
    if legs and not any(leg.pays_city for leg in legs):
        return counties
    return (None,)


def _fact(policy: CityPolicy, facts: MonthFacts, key: str, *, unit: str | None) -> _Fact | None:
    """What the records say of a duty other than a payment's; None for that."""
    if key in DOCUMENT_OF and unit is not None:
        return filing_fact(facts, DOCUMENT_OF[key], unit)
    if key == APPLY_DUTY:
        return _application_fact(policy, facts)
    return _reportfiling_fact(policy, facts) if key == FILING_DUTY else None


def filing_fact(facts: MonthFacts, document: DocumentKind, county: str) -> _Fact:
    """Whether and when the county filed the document, or declared it nil; asked for by a duty or not."""
    versions = facts.versions.get((document, county), ())
    nil = facts.nil_returns.get((document, county))
    done_at = filed_at(versions)
    if done_at is None and nil is not None:
        return _Fact(done_at=nil.received_at, nil=True)
    return _Fact(done_at=done_at, waiting_for=COUNTY, returned=bool(versions) and done_at is None)


def _application_fact(policy: CityPolicy, facts: MonthFacts) -> _Fact:
    counties = [unit.code for unit in policy.units]
    first = [application for application in facts.applications if application.number == 1]
    if len(first) == len(policy.funds):
        return _Fact(done_at=max(application.prepared_at for application in first))
    return _all_nil(facts, DocumentKind.PLAN, counties) or _Fact(
        waiting_for=_review_turn(facts, DocumentKind.PLAN, facts.cases_of_plan, counties=counties) or AGENCY
    )


def _all_nil(facts: MonthFacts, document: DocumentKind, counties: Sequence[str]) -> _Fact | None:
    """The city has nothing to pass on when every county declared nil."""
    nil = [facts.nil_returns.get((document, county)) for county in counties]
    moments = [declared.received_at for declared in nil if declared is not None]
    return _Fact(done_at=max(moments), nil=True) if moments and None not in nil else None


def _reportfiling_fact(policy: CityPolicy, facts: MonthFacts) -> _Fact:
    if facts.filings:
        return _Fact(done_at=facts.filings[0].filed_at)
    counties = [unit.code for unit in policy.units]
    turn = _review_turn(facts, DocumentKind.REPORT, facts.cases_of_report, counties=counties)
    return _Fact(waiting_for=turn or AGENCY)


def _review_turn(
    facts: MonthFacts,
    document: DocumentKind,
    cases: Mapping[str, tuple[ReviewCase, ...]],
    *,
    counties: Sequence[str],
) -> str | None:
    """Whose turn the review of a document is: the first party on the way that has work left."""
    turns = {TURN_OF_CASE.get(case.state) for found in cases.values() for case in found}
    for party in (REVIEWER, CHECKER):
        if party in turns:
            return party
    for county in counties:
        is_filed = filed_at(facts.versions.get((document, county), ())) is not None
        if not is_filed and (document, county) not in facts.nil_returns:
            return COUNTY
    return None


class _Payments:
    """The payments of a month, hop by hop; what is the same for each of many counties is looked up once."""

    def __init__(self, policy: CityPolicy, month: Month, facts: MonthFacts) -> None:
        self._policy, self._facts = policy, facts
        self._legs = cache(lambda duty: legs_of(policy, month, duty))
        self._orders: dict[tuple[Hop, str, int], Mapping[str, PaymentOrder]] = {}
        self._whole: dict[tuple[Hop, str, int], datetime | str] = {}
        self._reviewed = {
            (each.fund, each.number): (each.is_reviewed, each.reviewed_at or each.prepared_at)
            for each in facts.applications
        }

    def fact(self, key: str, unit: str | None, number: int) -> _Fact:
        """Paid when every order of the unit's applications of this number is settled."""
        facts, applications = self._facts, self._applications(unit, number)
        if not applications:
            if unit is not None and (DocumentKind.PLAN, unit) in facts.nil_returns:
                return _Fact(done_at=facts.nil_returns[DocumentKind.PLAN, unit].received_at, nil=True)
            # Without a plan there is nothing to pay: the payer is not late for a county that did not file.
            return _Fact(waiting_for=COUNTY if facts.applications else AGENCY, has_day=not facts.applications)
        if not all(self._is_reviewed(application) for application in applications):
            return _Fact(waiting_for=FINANCE)
        moments: list[datetime] = []
        for leg in self._legs(key):
            for application in applications:
                outcome = self._settled(leg, application, unit)
                if isinstance(outcome, str):
                    return _Fact(waiting_for=FINANCE if self._is_before(key, application) else outcome)
                moments.append(outcome)
        return _Fact(done_at=max(moments, default=None), waiting_for=AGENCY)

    def received_on(self, unit: str | None, number: int) -> date | None:
        """The day on which all money of the unit's applications of this number was in the city's account."""
        moments: list[datetime] = []
        for leg in self._legs(PAY_DUTY):
            for application in self._applications(unit, number):
                settled = self._settled(leg, application, None) if self._is_reviewed(application) else ""
                if isinstance(settled, str):
                    return None
                moments.append(settled)
        return _day(max(moments)) if moments else None

    def _applications(self, unit: str | None, number: int) -> Sequence[Application]:
        return self._facts.applications_of.get(unit, {}).get(number, ())

    def _is_reviewed(self, application: Application) -> bool:
        return self._reviewed[application.fund, application.number][0]

    def _is_before(self, key: str, application: Application) -> bool:
        """Whether the hop before is still to be paid."""
        return key == ALLOCATE_DUTY and any(
            isinstance(self._settled(leg, application, None), str) for leg in self._legs(PAY_DUTY)
        )

    def _settled(self, leg: Leg, application: Application, unit: str | None) -> datetime | str:
        """When all money of the application (to the unit) had been paid over the hop; before that, whose turn it is."""
        place = (leg.hop, application.fund, application.number)
        if place not in self._orders:
            orders = orders_of(self._policy, leg, application)
            self._orders[place] = {order.unit: order for order in orders}
        if unit is not None and not leg.pays_city:
            own = self._orders[place].get(unit)
            return self._paid([] if own is None else [own], application)
        if place not in self._whole:
            self._whole[place] = self._paid(self._orders[place].values(), application)
        return self._whole[place]

    def _paid(self, orders: Iterable[PaymentOrder], application: Application) -> datetime | str:
        moments = [self._reviewed[application.fund, application.number][1]]
        for order in orders:
            place = (order.fund, order.hop, order.unit, order.application)
            found = self._facts.obligations_of.get(place, ())
            settled = [each.settled_at for each in found if each.state is ObligationState.SETTLED]
            if not settled or settled[-1] is None:
                return turn_of(self._facts, found[-1]) if found else AGENCY
            moments.append(settled[-1])
        return max(moments)


def turn_of(facts: MonthFacts, obligation: Obligation) -> str:
    """Whose turn a payment that has not arrived is."""
    batch = next((batch for batch in facts.batches if batch.id == obligation.batch_id), None)
    if obligation.state in {
        ObligationState.FAILED,
        ObligationState.HELD,
        ObligationState.RETURNED,
        ObligationState.PARTLY_RETURNED,
    }:
        return OPERATOR
    if batch is not None and batch.state is BatchState.SUBMITTED:
        return APPROVER
    if batch is not None and batch.state is BatchState.APPROVED:
        return RELEASER
    return BANK if obligation.state is ObligationState.IN_FLIGHT else AGENCY


def _extended_until(facts: MonthFacts, duty: Duty) -> date | None:
    return max(
        (
            extension.until
            for extension in facts.extensions
            if extension.duty == duty.key and extension.unit in {None, duty.unit}
        ),
        default=None,
    )


def bad_files(
    work: Work, policy: CityPolicy, document: DocumentKind | None, *, month: Period
) -> list[ReceivedFile]:
    """Files of the period that could not be taken in, unless a good one of the same name came later.

    Of one document, or (None) of all that are filed for such a period.
    """
    unread = work.submissions.files(policy.key, document, [FileState.UNREADABLE, FileState.REFUSED])
    bad = [file for file in unread if is_of(file.document, month) and _concerns(file, month)]
    if not bad:
        return []  # as nearly always; the city's good files of all its years need not be read
    read = work.submissions.files(policy.key, document, [FileState.READ])
    mended = {(file.document, file.file_name): file.received_at for file in read}
    return [
        file
        for file in bad
        if not ((name := (file.document, file.file_name)) in mended and mended[name] >= file.received_at)
    ]


def _concerns(file: ReceivedFile, month: Period) -> bool:
    """Whether an unreadable file belongs to this period: by its declared month, else by the day it arrived."""
    if file.declared_month is not None:
        return file.declared_month == month
    if isinstance(month, Year):
        return _day(file.received_at).year == month.year
    first = month.plus(-1) if file.document is DocumentKind.PLAN else month
    return first <= Month.of(_day(file.received_at)) <= first.plus(1)


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()
