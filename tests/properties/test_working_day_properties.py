"""Working days over every year on file: the same answers as an independent calendar, and laws that hold."""

from datetime import date, timedelta

import chinese_calendar
from hypothesis import given
from hypothesis import strategies as st

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_work_calendar

CALENDAR = load_work_calendar(PRODUCT_POLICIES)
FIRST, LAST = date(2020, 1, 1), date(2026, 12, 31)
days = st.dates(min_value=date(2020, 3, 1), max_value=date(2026, 9, 30))
counts = st.integers(min_value=1, max_value=20)


def test_every_day_of_every_year_agrees_with_an_independent_calendar() -> None:
    day, differing = FIRST, []
    while day <= LAST:
        if CALENDAR.is_working_day(day) != chinese_calendar.is_workday(day):
            differing.append(day)
        day += timedelta(days=1)
    assert differing == []


def test_2027_waits_for_its_notice() -> None:
    assert CALENDAR.is_working_day(date(2027, 3, 3)) is None


@given(day=days)
def test_act_by_is_a_working_day_on_or_before_and_nothing_lies_between(day: date) -> None:
    act_by = CALENDAR.act_by(day)
    assert act_by is not None
    assert act_by <= day
    assert CALENDAR.is_working_day(act_by)
    assert not any(
        CALENDAR.is_working_day(act_by + timedelta(days=n)) for n in range(1, (day - act_by).days + 1)
    )


@given(day=days)
def test_a_working_day_neither_shifts_nor_moves_back(day: date) -> None:
    if CALENDAR.is_working_day(day):
        assert CALENDAR.act_by(day) == day == CALENDAR.on_or_after(day)


@given(day=days, first=counts, second=counts)
def test_counting_in_two_steps_is_counting_at_once(day: date, first: int, second: int) -> None:
    middle = CALENDAR.add_working_days(day, first)
    assert middle is not None
    assert CALENDAR.add_working_days(middle, second) == CALENDAR.add_working_days(day, first + second)


@given(day=days, count=counts)
def test_exactly_so_many_working_days_lie_after_the_receipt(day: date, count: int) -> None:
    limit = CALENDAR.add_working_days(day, count)
    assert limit is not None
    between = [day + timedelta(days=n) for n in range(1, (limit - day).days + 1)]
    assert sum(bool(CALENDAR.is_working_day(each)) for each in between) == count


@given(day=days, nth=st.integers(min_value=1, max_value=8))
def test_the_nth_last_working_day_has_so_many_working_days_up_to_the_month_end(day: date, nth: int) -> None:
    found = CALENDAR.nth_last_working_day(day.year, day.month, nth)
    assert found is not None
    after = [found + timedelta(days=n) for n in range(32)]
    in_month = [each for each in after if (each.year, each.month) == (day.year, day.month)]
    assert sum(bool(CALENDAR.is_working_day(each)) for each in in_month) == nth
