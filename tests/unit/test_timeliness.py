"""On time, late, overdue: one duty on one day."""

from datetime import date, timedelta

import pytest

from fundpool.domain.timeliness import DutyState, Standing, standing

DUE = date(2026, 9, 25)
ACT_BY = date(2026, 9, 24)


@pytest.mark.parametrize(
    ("today", "state", "days_late"),
    [
        (date(2026, 9, 20), DutyState.UPCOMING, 0),
        (date(2026, 9, 21), DutyState.DUE_SOON, 0),
        (DUE, DutyState.DUE_SOON, 0),
        (date(2026, 9, 26), DutyState.OVERDUE, 1),
        (date(2026, 10, 25), DutyState.OVERDUE, 30),
    ],
)
def test_an_undone_duty_is_upcoming_then_due_soon_then_overdue(
    today: date, state: DutyState, days_late: int
) -> None:
    assert standing(today, due=DUE, act_by=ACT_BY) == Standing(state, days_late)


def test_a_duty_done_on_its_last_day_is_on_time_and_the_day_after_is_late_for_ever() -> None:
    long_after = DUE + timedelta(days=400)
    assert standing(long_after, due=DUE, done_on=DUE) == Standing(DutyState.DONE_ON_TIME, 0)
    day_after = DUE + timedelta(days=1)
    assert standing(long_after, due=DUE, done_on=day_after) == Standing(DutyState.DONE_LATE, 1)


def test_an_extension_moves_the_last_day_and_never_forward_of_the_legal_one() -> None:
    until = date(2026, 9, 29)
    assert standing(until, due=DUE, extended_until=until).state is DutyState.EXTENDED
    assert standing(until + timedelta(days=1), due=DUE, extended_until=until) == Standing(
        DutyState.OVERDUE, 1
    )
    assert standing(until, due=DUE, done_on=until, extended_until=until).state is DutyState.DONE_ON_TIME
    earlier = DUE - timedelta(days=3)
    assert standing(DUE, due=DUE, done_on=DUE, extended_until=earlier).state is DutyState.DONE_ON_TIME


def test_a_returned_filing_is_returned_and_its_days_count() -> None:
    assert standing(DUE, due=DUE, returned=True) == Standing(DutyState.RETURNED, 0)
    assert standing(DUE + timedelta(days=2), due=DUE, returned=True) == Standing(DutyState.RETURNED, 2)


def test_a_nil_return_after_the_day_is_nil_with_its_days() -> None:
    assert standing(DUE, due=DUE, done_on=DUE + timedelta(days=3), nil=True) == Standing(DutyState.NIL, 3)


def test_a_duty_without_a_day_is_never_late() -> None:
    assert standing(DUE, due=None) == Standing(DutyState.UPCOMING, None)
    assert standing(DUE, due=None, done_on=DUE) == Standing(DutyState.DONE_ON_TIME, None)
