"""What the daily tick decides: which steps of which months are due today, each started once.

The decision is reserved in our own tables before anything is started. The orchestrator's history
may be pruned or lost and a tick may run twice; neither starts a step a second time.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from fundpool.domain.duties import duties_of
from fundpool.domain.month import MONTH, STEPS
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.schedule import (
    ScheduledStep,
    opening_day,
    pays_until,
    steps_due,
)
from fundpool.domain.submission import FileState
from fundpool.services.books.audit_checks import keep_anchor
from fundpool.services.documents.document_collection import STEP as DOCUMENT_STEP
from fundpool.services.documents.document_collection import periods_of
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.oversight.status import step_states
from fundpool.services.payments.disbursement import is_owed
from fundpool.services.payments.installation import known_cities
from fundpool.services.ports.notices import Act
from fundpool.services.ports.work import MonthPorts, Work

MONTHS_AHEAD = 2
"""How far ahead the tick looks for a month whose plan collection has opened."""

MONTHS_BACK = 3
"""How long the tick looks after an unfinished month; an older one is a person's to finish."""


def live_cities(ports: MonthPorts, chosen: Sequence[str] | None = None) -> tuple[str, ...]:
    """The cities whose calendar runs here: those chosen, known or not, else those of the installation."""
    if chosen:
        return tuple(dict.fromkeys(chosen))
    return tuple(city.key for city in known_cities(ports))


def reserve_due_steps(
    ports: MonthPorts, city_key: str, now: datetime, *, only: Collection[Month] | None = None
) -> tuple[ScheduledStep, ...]:
    """Reserve what is due today and return what is still to be started, in the order of the months.

    ``only`` looks after some months and leaves the others alone.
    """
    city, day = ports.policies.city(city_key), now.astimezone(SHANGHAI).date()
    months, due = _due_on(ports, city, day, only=only)

    def reserve(work: Work) -> tuple[ScheduledStep, ...]:
        known = {
            (scheduled.month, scheduled.step) for scheduled in work.scheduled_steps.of_day(city.key, day)
        }
        for month, step in due:
            if (month, step) not in known:
                work.scheduled_steps.reserve(
                    ScheduledStep(city.key, step, month, business_date=day, reserved_at=now)
                )
        return tuple(
            scheduled
            for scheduled in work.scheduled_steps.of_day(city.key, day)
            if scheduled.run_id is None and scheduled.month in months
        )

    return ports.database.transaction(reserve)


def due_steps(ports: MonthPorts, city_key: str, now: datetime) -> tuple[tuple[Month, str], ...]:
    """What the tick of the day finds due in the city: month and step, in the order in which they run."""
    _, due = _due_on(ports, ports.policies.city(city_key), now.astimezone(SHANGHAI).date())
    return tuple(due)


def _due_on(
    ports: MonthPorts, city: CityPolicy, day: date, *, only: Collection[Month] | None = None
) -> tuple[list[Month], list[tuple[Month, str]]]:
    """The months that are looked after, and what is due in them."""
    months = [month for month in open_months(ports, city, day) if only is None or month in only]
    due = [(month, step) for month in months for step in _due(ports, city, month, day=day)]
    this = Month.of(day)
    if this not in months and (only is None or this in only) and _has_documents(ports, city, this, day=day):
        # A list may be filed for a month that is not paid here: its document step runs, the month stays closed.
        months.append(this)
        due.append((this, DOCUMENT_STEP))
    return months, due


def record_start(ports: MonthPorts, scheduled: Sequence[ScheduledStep], run_id: str) -> None:
    """Remember the run that was started for reservations."""

    def record(work: Work) -> None:
        for each in scheduled:
            work.scheduled_steps.set_run(each, run_id)

    ports.database.transaction(record)


def finish_tick(ports: MonthPorts, cities: Sequence[str], now: datetime, *, is_whole: bool) -> None:
    """Keep the day's anchor, then remember that the cities' tick is done; not of one that looked at some months only.

    Last of all: a place that cannot be written to fails the tick, and keeps no step from its day.
    """
    keep_anchor(ports, now)

    def record(work: Work) -> None:
        for city in cities:
            work.last_done.record(Act.DAILY_TICK, now, city)

    if is_whole:
        ports.database.transaction(record)


def open_months(ports: MonthPorts, city: CityPolicy, day: date) -> tuple[Month, ...]:
    """Months the tick looks after: begun and not finished, and those whose plans are due now.

    A month that nobody and no tick began while it was to be paid is a person's to start; a finished
    one is left alone because none of its steps is due.
    """
    this = Month.of(day)
    coming = {this.plus(ahead) for ahead in range(MONTHS_AHEAD + 1)}
    opening = {month for month in coming if _is_being_planned(ports, city, month, day=day)}
    reserved, filed = ports.database.read(
        lambda work: (
            work.scheduled_steps.months(city.key, but=DOCUMENT_STEP),
            work.submissions.months(city.key, tuple(DOCUMENT_OF.values())),
        )
    )
    begun = {month for month in (*reserved, *filed) if month >= this.plus(-MONTHS_BACK)}
    return tuple(sorted(opening | begun))


def _has_documents(ports: MonthPorts, city: CityPolicy, month: Month, *, day: date) -> bool:
    """Whether documents that no step of the month waits for lie there unread or unjudged.

    Only the current month looks at the drop folder and at the fund years, so that each is looked at once.
    """
    documents = STEPS[DOCUMENT_STEP].collects
    is_this = month == Month.of(day)
    if is_this and any(ports.drop_folder.has_files(city.key, document.value) for document in documents):
        return True
    periods = {period for document in documents for period in periods_of(document, month)}
    looked_after = [period for period in periods if is_this or period == month]

    def unjudged(work: Work) -> bool:
        received = work.submissions.files(city.key, None, [FileState.RECEIVED]) if is_this else ()
        return any(file.document in documents for file in received) or any(
            version.document in documents and version.verdict is None
            for period in looked_after
            for version in work.submissions.versions_of_period(city.key, period)
        )

    return ports.database.read(unjudged)


def _is_being_planned(ports: MonthPorts, city: CityPolicy, month: Month, *, day: date) -> bool:
    duties = duties_of(city, month, ports.calendar)
    head = next((duty for duty in duties if duty.key == MONTH[0].duty), None)
    opens = opening_day(head, ports.calendar) if head else None
    until = pays_until(duties)
    return opens is not None and until is not None and opens <= day <= until


def _due(ports: MonthPorts, city: CityPolicy, month: Month, *, day: date) -> tuple[str, ...]:
    states = step_states(ports, city.key, month)

    def read(work: Work) -> tuple[bool, dict[str, str]]:
        ordered = work.payments.obligations(city=city.key, month=month)
        return bool(ordered), with_owed(work, city, month, states=states)

    has_transfers, states = ports.database.read(read)
    return steps_due(
        day,
        month,
        duties_of(city, month, ports.calendar),
        states=states,
        calendar=ports.calendar,
        hops=hops_of(city),
        has_transfers=has_transfers,
        has_documents=_has_documents(ports, city, month, day=day),
    )


def with_owed(work: Work, city: CityPolicy, month: Month, *, states: Mapping[str, str]) -> dict[str, str]:
    """The states of the steps; one that was done before a supplementary application came is not done any more."""
    return {
        key: "waiting"
        if state == "done"
        and (step := STEPS[key]).moves_money
        and step.duty is not None
        and is_owed(work, city, month, duty_key=step.duty)
        else state
        for key, state in states.items()
    }


def hops_of(city: CityPolicy) -> frozenset[str]:
    """The duties that the hops of the city's path fulfil."""
    return frozenset(hop.closes for hop in city.payment_path if hop.closes)
