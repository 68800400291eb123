"""On time, late, overdue: the state of one duty on one day, from facts only."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

REMINDER_DAYS = 3
"""From how many days before the last day to act a duty counts as due soon."""


class DutyState(StrEnum):
    """The states of a duty in ``fundpool status``."""

    UPCOMING = "upcoming"
    DUE_SOON = "due_soon"
    DONE_ON_TIME = "done_on_time"
    DONE_LATE = "done_late"
    OVERDUE = "overdue"
    RETURNED = "returned"
    """Filed, but gone back to the unit and not filed again."""
    EXTENDED = "extended"
    """Not done, within an extension granted by a document."""
    NIL = "nil"
    """An explicit nil return stands in for the document."""


DONE = frozenset({DutyState.DONE_ON_TIME, DutyState.DONE_LATE, DutyState.NIL})


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a duty and the days it is (or was) late; None where no day is set."""

    state: DutyState
    days_late: int | None


def standing(
    today: date,
    *,
    due: date | None,
    act_by: date | None = None,
    done_on: date | None = None,
    nil: bool = False,
    returned: bool = False,
    extended_until: date | None = None,
) -> Standing:
    """Where a duty stands on ``today``; all dates are days of the business calendar, inclusive.

    An extension moves the last day to ``extended_until`` but never forward of the legal one.
    A duty without a day (``due`` None) is never late: nobody has set when.
    """
    limit = due if due is None or extended_until is None else max(due, extended_until)
    late = _days_after(today if done_on is None else done_on, limit)
    if done_on is not None:
        state = DutyState.NIL if nil else DutyState.DONE_LATE if late else DutyState.DONE_ON_TIME
    elif returned:
        state = DutyState.RETURNED
    elif late:
        state = DutyState.OVERDUE
    elif extended_until is not None:
        state = DutyState.EXTENDED
    else:
        remind_from = None if limit is None else (act_by or limit) - timedelta(days=REMINDER_DAYS)
        is_soon = remind_from is not None and today >= remind_from
        state = DutyState.DUE_SOON if is_soon else DutyState.UPCOMING
    return Standing(state, late)


def _days_after(day: date, limit: date | None) -> int | None:
    return None if limit is None else max((day - limit).days, 0)
