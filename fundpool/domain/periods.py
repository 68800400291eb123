"""Months and years of the fund calendar, and the one time zone the law is written in."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fundpool.domain.errors import InputError

SHANGHAI = ZoneInfo("Asia/Shanghai")


def midnight(day: date) -> datetime:
    """The moment at which the day begins in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)


def day_of(moment: datetime) -> date:
    """The Shanghai day that the moment lies in."""
    return moment.astimezone(SHANGHAI).date()


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included; none when ``last`` is earlier."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month such as 2026-10; for plans and payments, the month the money is for."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not 1 <= self.month <= 12:
            raise ValueError(f"no such month: {self.year}-{self.month}")

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> "Month":
        """Month of ``YYYY-MM``; raises ValueError otherwise."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text, re.ASCII):
            raise ValueError(f"a month is written YYYY-MM, found {text!r}")
        return cls(int(text[:4]), int(text[5:]))

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month that ``day`` lies in."""
        return cls(day.year, day.month)

    def plus(self, months: int) -> "Month":
        """The month ``months`` later (earlier when negative)."""
        years, month0 = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month0 + 1)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.month, monthrange(self.year, self.month)[1])

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, order=True, slots=True)
class Year:
    """A fund year such as 2026: the period of a document that speaks of a whole year."""

    year: int

    def __post_init__(self) -> None:
        if not 1 <= self.year <= 9999:
            raise ValueError(f"no such year: {self.year}")

    @classmethod
    def parse(cls, text: str) -> "Year":
        """Year of ``YYYY``; raises ValueError otherwise."""
        if not re.fullmatch(r"[0-9]{4}", text, re.ASCII):
            raise ValueError(f"a year is written YYYY, found {text!r}")
        return cls(int(text))

    def plus(self, years: int) -> "Year":
        """The year ``years`` later (earlier when negative)."""
        return Year(self.year + years)

    @property
    def last_day(self) -> date:
        return date(self.year, 12, 31)

    def __str__(self) -> str:
        return f"{self.year:04d}"


Period = Month | Year
"""What a document speaks of; written ``2026-10`` or ``2026``."""


def parse_period(text: str) -> Period:
    """The month or year that ``text`` names; raises ValueError otherwise."""
    return Year.parse(text) if len(text) == len("2026") else Month.parse(text)


FIRST_YEAR, LAST_YEAR = 1990, 2100
"""The years that a month or a moment may be of; anything else is a typing error."""


def parse_month(text: str) -> Month:
    """The month that a person wrote, checked to be of our time. Raises InputError (``bad_month``)."""
    try:
        month = Month.parse(text)
    except ValueError:
        raise InputError(
            "bad_month", f"月份应写作 2026-10，现为 {text}", f"a month is written 2026-10, found {text}"
        ) from None
    if not FIRST_YEAR <= month.year <= LAST_YEAR:
        raise InputError("bad_month", f"月份超出范围：{text}", f"the month is out of range: {text}")
    return month


_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|min|h|d)", re.ASCII)
_UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


def parse_duration(text: str) -> timedelta:
    """Duration of ``120s``, ``10min``, ``36h`` or ``7d``; raises ValueError, also for a number without unit."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"not a duration: {text!r}; write 120s, 10min, 36h or 7d")
    return timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])
