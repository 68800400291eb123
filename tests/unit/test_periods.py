"""Months: parsing is strict, arithmetic crosses years, February knows leap years."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundpool.domain.periods import Month

months = st.builds(Month, st.integers(1900, 2200), st.integers(1, 12))


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "26-01", "2026/01", "２０２６-01", "2026-01-01", ""]
)
def test_only_yyyy_mm_is_a_month(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text)


@given(months)
def test_a_month_survives_being_written_and_read(month: Month) -> None:
    assert Month.parse(str(month)) == month


@given(months, st.integers(-500, 500))
def test_going_forward_and_back_ends_where_it_began(month: Month, steps: int) -> None:
    assert month.plus(steps).plus(-steps) == month
    assert (month.plus(steps) > month) == (steps > 0)


def test_the_last_day_follows_the_leap_years() -> None:
    assert Month(2024, 2).last_day == date(2024, 2, 29)
    assert Month(2023, 2).last_day == date(2023, 2, 28)
    assert Month(2026, 12).plus(1) == Month(2027, 1)
