"""Which operating steps are to be run on a day: how the daily tick decides.

A step is due from the day it opens until its work is done, so a day on which nothing ran is made
up for by the next one, and never replayed. Files arrive on any day; people and banks act on
working days: only collection runs on days off. Where the law names no day, a person starts the
step and from then on the tick carries on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from fundpool.domain.duties import Duty
from fundpool.domain.month import MONTH, STEPS, OperatingStep, Phase
from fundpool.domain.periods import Month
from fundpool.domain.working_days import WorkCalendar

COLLECTION_LEAD_WORKING_DAYS = 5
"""Collection opens this long before the act-by day: a county whose file is returned can mend it in time."""

UNKNOWN_CALENDAR_LEAD_DAYS = 7
"""The same lead in calendar days, for a year whose holiday notice is not published."""

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
    run_id: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key of the start: facts only, so the same decision has the same key for ever."""
        return f"{self.city}:{self.step}:{self.month}:{self.business_date.isoformat()}"


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
