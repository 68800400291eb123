"""Working days as the State Council's yearly holiday notices set them (调休 included).

No source document defines 工作日; government offices and the treasury work by these notices. A
year without a notice is unknown: the calendar says so and never guesses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

LATE_DECEMBER_FROM = 28
"""From this day of December on, next year's notice may still change a day.

New Year's days off and their make-up days touched 29-31 December in 2007, 2011, 2018, 2022 and
2023, and never an earlier day.
"""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class WorkCalendar:
    """Days off and make-up working days of the years whose notice is on file.

    ``notices`` maps each known year to the numbers of its notices. Every question about a day of
    an unknown year is answered with None.
    """

    notices: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    days_off: frozenset[date] = frozenset()
    working_weekends: frozenset[date] = frozenset()

    def knows(self, day: date) -> bool:
        """Whether the notice for the day's year is on file."""
        return day.year in self.notices

    def is_settled(self, day: date) -> bool:
        """Whether no notice still to come can change the day (late December waits for next year's)."""
        late_december = day.month == 12 and day.day >= LATE_DECEMBER_FROM
        return self.knows(day) and (not late_december or day.year + 1 in self.notices)

    def is_working_day(self, day: date) -> bool | None:
        """Whether offices and banks work on the day; None in a year without a notice."""
        if not self.knows(day):
            return None
        if day in self.days_off:
            return False
        return day.weekday() < 5 or day in self.working_weekends

    def act_by(self, day: date) -> date | None:
        """The last working day on or before ``day``; None where a year without a notice is met."""
        return self._walk(day, -_ONE_DAY, 1)

    def on_or_after(self, day: date) -> date | None:
        """The first working day on or after ``day`` (节假日顺延); None where the year is unknown."""
        return self._walk(day, _ONE_DAY, 1)

    def add_working_days(self, day: date, count: int) -> date | None:
        """The ``count``-th working day after ``day``, which itself is not counted (民法典第二百零一条)."""
        if count < 1:
            raise ValueError(f"a period of working days is at least one day, found {count}")
        return self._walk(day + _ONE_DAY, _ONE_DAY, count)

    def working_days_before(self, day: date, count: int) -> date | None:
        """The ``count``-th working day before ``day``, which itself is not counted."""
        return self._walk(day - _ONE_DAY, -_ONE_DAY, count)

    def nth_last_working_day(self, year: int, month: int, nth: int) -> date | None:
        """The ``nth`` working day counted back from the end of the month (1 = the last)."""
        after = date(year + month // 12, month % 12 + 1, 1)
        return self._walk(after - _ONE_DAY, -_ONE_DAY, nth)

    def nth_working_day(self, year: int, month: int, nth: int) -> date | None:
        """The ``nth`` working day of the month (1 = the first)."""
        return self._walk(date(year, month, 1), _ONE_DAY, nth)

    def _walk(self, day: date, step: timedelta, count: int) -> date | None:
        """The ``count``-th working day met when walking from ``day``, which may itself be one."""
        while True:
            works = self.is_working_day(day)
            if works is None:
                return None
            if works:
                count -= 1
                if count == 0:
                    return day
            day += step
