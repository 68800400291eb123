"""Which operating steps are to be run on a day: how the daily tick decides.

A step is due from the day it opens until its work is done, so a day on which nothing ran is made
up for by the next one, and never replayed. Files arrive on any day; people and banks act on
working days: only collection runs on days off. Where the law names no day, a person starts the
step and from then on the tick carries on.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from fundpool.domain.duties import Duty
from fundpool.domain.month import MONTH, STEPS, OperatingStep, Phase
from fundpool.domain.periods import Month
from fundpool.domain.working_days import WorkCalendar

COLLECTION_LEAD_WORKING_DAYS = 5
"""Collection opens this long before the act-by day: a county whose file is returned can mend it in time."""

UNKNOWN_CALENDAR_LEAD_DAYS = 7
"""The same lead in calendar days, for a year whose holiday notice is not published."""

CITIES_PER_RUN = 40
"""How many cities share a run: a validation, a task run or a flow run costs the same for one as for forty, and
what an outage interrupts is tried again for no more than these."""

_ONE_DAY = timedelta(days=1)


LAST_STEP = "report-filing"
"""A filed month is closed: only money still under way is looked after; the rest is a person's to start."""


@dataclass(frozen=True, slots=True)
class ScheduledStep:
    """A step the tick reserved for a business day; ``run_id`` None: reserved, not yet started."""

    city: str
    step: str
    month: Month
    business_date: date
    reserved_at: datetime
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class SharedStart:
    """One run of a step: for one city, or for those that share it."""

    steps: tuple[ScheduledStep, ...]
    """One of each city: the same step of the same month, reserved for the same day at the same moment."""

    @property
    def cities(self) -> list[str]:
        """Whom the run is for."""
        return [step.city for step in self.steps]

    @property
    def key(self) -> str:
        """The idempotency key of the start: facts only, so the same decision has the same key for ever."""
        first, cities = self.steps[0], self.cities
        others = ",".join(cities[1:])
        named = f"{cities[0]}+{hashlib.sha256(others.encode()).hexdigest()}" if others else cities[0]
        return f"{named}:{first.step}:{first.month}:{first.business_date.isoformat()}"


def shared_starts(reserved: Iterable[ScheduledStep], cities: Sequence[str]) -> list[SharedStart]:
    """What is reserved, in as few runs as may be, each city's months and steps in their order.

    A start that was cut short must be made again for the same cities, or its key would be another. So who may
    share a run follows from the place in ``cities``, the tick's whole list, and what was reserved at another
    moment is a start of its own.
    """
    batch_of = {city: number // CITIES_PER_RUN for number, city in enumerate(cities)}
    order = {key: number for number, key in enumerate(STEPS)}

    def start_of(step: ScheduledStep) -> tuple[int, Month, int, datetime]:
        return batch_of[step.city], step.month, order[step.step], step.reserved_at

    return [SharedStart(tuple(together)) for _, together in groupby(sorted(reserved, key=start_of), start_of)]


def steps_due(
    day: date,
    month: Month,
    duties: Iterable[Duty],
    *,
    states: Mapping[str, str],
    calendar: WorkCalendar,
    hops: frozenset[str],
    has_transfers: bool = False,
    has_documents: bool = False,
) -> tuple[str, ...]:
    """Keys of the steps to run on ``day`` for one city and month, in the order of the month.

    ``states`` gives each step's state (``not_started``, ``waiting``, ``done``, …; absent means not
    started); ``hops`` the payment duties that the city's path has, so that a hop it lacks is left out; ``has_transfers``
    says whether any payment of the month has been ordered, ``has_documents`` whether a document that
    no step of the month waits for has come in.
    """
    works = calendar.is_working_day(day) is not False
    opened = steps_open(day, month, duties, states=states, calendar=calendar, hops=hops)
    due = {step.key for step in opened if works or step.after is None}
    if works and has_transfers and (due or states.get("reconciliation") != "done"):
        due.add("reconciliation")
    if has_documents:
        due.add("document-collection")
    if due:
        due.add("flags")
    return tuple(key for key in STEPS if key in due)


def steps_open(
    day: date,
    month: Month,
    duties: Iterable[Duty],
    *,
    states: Mapping[str, str],
    calendar: WorkCalendar,
    hops: frozenset[str],
) -> tuple[OperatingStep, ...]:
    """The steps that work for a duty, have opened by ``day`` and are neither done nor over; arguments as above."""
    first_duty = {duty.key: duty for duty in reversed(tuple(duties))}
    return tuple(
        step
        for step in MONTH
        if step.duty is not None
        and not _is_over(day, month, step, states=states)
        and (not step.moves_money or step.duty in hops)
        and states.get(step.key) != "done"
        and _is_open(day, step, first_duty, states=states, calendar=calendar)
    )


def _is_over(day: date, month: Month, step: OperatingStep, *, states: Mapping[str, str]) -> bool:
    is_closed = states.get(LAST_STEP) == "done" and not step.moves_money
    # Once the month is over nothing is paid by its plans any more.
    return is_closed or (step.phase is Phase.PLANNING and day > month.last_day)


def pays_until(duties: Iterable[Duty]) -> date | None:
    """The last day the law has for planning and paying a month; None when it has none."""
    paying = {step.duty for step in MONTH if step.phase in {Phase.PLANNING, Phase.PAYING}}
    days = [day for duty in duties if duty.key in paying and (day := _last_day(duty))]
    return max(days, default=None)


def opening_day(duty: Duty, calendar: WorkCalendar) -> date | None:
    """The day collection for a duty opens; None when the duty has no day."""
    last = _last_day(duty)
    if last is None:
        return None
    day, left = last, COLLECTION_LEAD_WORKING_DAYS
    while left:
        day -= _ONE_DAY
        working = calendar.is_working_day(day)
        if working is None:
            return last - timedelta(days=UNKNOWN_CALENDAR_LEAD_DAYS)
        left -= working
    return day


def _is_open(
    day: date,
    step: OperatingStep,
    duties: Mapping[str, Duty],
    *,
    states: Mapping[str, str],
    calendar: WorkCalendar,
) -> bool:
    duty = duties.get(step.duty or "")
    if step.after is None:
        opens = opening_day(duty, calendar) if duty else None
        return _has_begun(step.key, states) or (opens is not None and opens <= day)
    before = STEPS[step.after]
    if before.duty == step.duty:  # review works for the same duty as collection: they open together
        return _is_open(day, before, duties, states=states, calendar=calendar)
    days = [_last_day(duty), _last_day(duties.get(before.duty or ""))]
    if any(opens is not None and opens <= day for opens in days):
        return True
    undated = _last_day(duty) is None and _has_begun(before.key, states)
    return undated or states.get(before.key) == "done" or _has_begun(step.key, states)


def _last_day(duty: Duty | None) -> date | None:
    """The act-by day; the due day itself where the calendar of the year is not known yet."""
    return (duty.act_by or duty.due) if duty else None


def _has_begun(step: str, states: Mapping[str, str]) -> bool:
    return states.get(step, "not_started") != "not_started"
