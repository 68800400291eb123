"""Working days: days off, make-up days, and years without a notice."""

from datetime import date

import pytest

from fundpool.domain.working_days import WorkCalendar

CALENDAR = WorkCalendar(
    notices={2022: ("notice 2022",), 2023: ("notice 2023",)},
    days_off=frozenset({date(2022, 10, day) for day in range(1, 8)} | {date(2022, 12, 31), date(2023, 1, 2)}),
    working_weekends=frozenset({date(2022, 10, 8), date(2022, 10, 9)}),
)


def test_a_make_up_weekend_is_a_working_day() -> None:
    assert CALENDAR.is_working_day(date(2022, 10, 8)) is True


def test_an_ordinary_weekend_is_a_day_off() -> None:
    assert CALENDAR.is_working_day(date(2022, 10, 15)) is False


def test_a_weekday_in_a_holiday_is_a_day_off() -> None:
    assert CALENDAR.is_working_day(date(2022, 10, 3)) is False


def test_a_year_without_a_notice_is_not_guessed() -> None:
    assert CALENDAR.is_working_day(date(2024, 5, 8)) is None


def test_the_day_of_receipt_is_not_counted() -> None:
    # Received on Wednesday: two working days later is Friday.
    assert CALENDAR.add_working_days(date(2022, 11, 2), 2) == date(2022, 11, 4)


def test_counting_crosses_a_holiday_and_uses_make_up_days() -> None:
    assert CALENDAR.add_working_days(date(2022, 9, 30), 2) == date(2022, 10, 9)


def test_counting_into_a_year_without_a_notice_gives_no_day() -> None:
    assert CALENDAR.add_working_days(date(2023, 12, 29), 2) is None


def test_a_period_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        CALENDAR.add_working_days(date(2022, 9, 30), 0)


def test_act_by_walks_back_over_the_holiday() -> None:
    assert CALENDAR.act_by(date(2022, 10, 5)) == date(2022, 9, 30)


def test_a_shifted_day_lands_on_a_make_up_saturday() -> None:
    assert CALENDAR.on_or_after(date(2022, 10, 5)) == date(2022, 10, 8)


def test_the_last_working_day_of_december_knows_next_years_notice() -> None:
    assert CALENDAR.nth_last_working_day(2022, 12, 1) == date(2022, 12, 30)


@pytest.mark.parametrize(
    ("day", "settled"),
    [
        (date(2022, 12, 31), True),
        (date(2023, 12, 27), True),
        (date(2023, 12, 28), False),
        (date(2023, 12, 31), False),
        (date(2024, 1, 2), False),
    ],
)
def test_late_december_waits_for_next_years_notice(day: date, settled: bool) -> None:
    assert CALENDAR.is_settled(day) is settled
