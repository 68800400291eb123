"""Who must do what by when: the duties of a month or a fund year, with the article they rest on.

A date moves only where the text says so; ``act_by`` is the last working day on or before it. What
the text leaves undated or delegates is listed without a date, never with an invented one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, Period
from fundpool.domain.policy import (
    After,
    CityPolicy,
    DayOfMonth,
    DayRule,
    Deadline,
    Delegated,
    DutyRule,
    Every,
    Firmness,
    InMonth,
    LastDay,
    NthLastWorkingDay,
    NthWorkingDay,
    OnDate,
    PolicyRule,
    Shift,
    Status,
    Undated,
)
from fundpool.domain.working_days import WorkCalendar

LAST_WORKING_DAYS = "due.last_working_days"
"""Key of the readings of 「最后n个工作日前」: nth_last, before, within."""

Received = date | Mapping[str, date]
"""The day money arrived or an event happened: one date for all such duties, or one per duty or event."""


class DutyKind(StrEnum):
    """How the text sets the date."""

    FIXED = "fixed"
    WORKING_DAY = "working_day"
    AFTER_EVENT = "after_event"
    UNDATED = "undated"
    DELEGATED = "delegated"


class DutyStatus(StrEnum):
    """How sure the date is."""

    CONFIRMED = "confirmed"
    FORECAST = "forecast"
    """Counted from the latest permitted day of the duty before, until the real day is known."""
    PROVISIONAL = "provisional"
    """A holiday notice still to come may change it."""
    UNKNOWN = "unknown"
    """No date can be given."""


STATUSES: Mapping[DutyStatus, str] = {
    DutyStatus.CONFIRMED: "确定 / confirmed",
    DutyStatus.FORECAST: "预计 / forecast",
    DutyStatus.PROVISIONAL: "暂定 / provisional",
    DutyStatus.UNKNOWN: "无日期 / no date",
}


@dataclass(frozen=True, slots=True)
class Basis:
    """Where the duty stands in the law."""

    document: str
    section: str
    quote: str


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty of one period; ``key`` says which, ``unit`` is filled in where it is followed up per county."""

    rule: str
    key: str
    period: str
    actor: str
    unit: str | None
    nominal: date | None
    due: date | None
    act_by: date | None
    kind: DutyKind
    firmness: Firmness
    status: DutyStatus
    shift: Shift
    reading: str | None
    basis: Basis

    def to_json(self) -> dict[str, object]:
        """The duty as the outside contract writes it, which calls its key ``step``."""
        return {
            "step" if name == "key" else name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }


def duties_of(
    city: CityPolicy,
    period: Period,
    calendar: WorkCalendar,
    *,
    received: Received | None = None,
    readings: Mapping[str, str] | None = None,
) -> tuple[Duty, ...]:
    """The duties of a month or of a fund year, in document order; none for a draft.

    A month has the monthly duties for its money; a fund year, the year the money belongs to, its yearly,
    quarterly, one-off and event duties: the settlement of 2022, due in 2023, is of 2022. ``received`` is
    the day the money arrived (for duties that count from receipt), or a day per duty. Raises InputError
    ``unknown_reading`` for a reading the city's documents do not offer.
    """
    if city.status is not Status.IN_FORCE:
        return ()
    _check_readings(city, readings or {})
    dating = _Dating(city, calendar, received, readings=readings or {})
    parts = _Period.parts_of(period)
    return tuple(
        dating.duty(rule, duty, part)
        for rule in city.rules
        for part in parts
        for duty in rule.duties
        if dating.binds(rule, duty, part)
    )


@dataclass(frozen=True, slots=True)
class _Period:
    name: str
    recurrences: frozenset[Every]
    first_month: Month
    last_day: date
    quarter: int | None = None

    @classmethod
    def parts_of(cls, period: Period) -> "list[_Period]":
        """The month itself; of a fund year the year and its quarters, which have duties of their own."""
        if isinstance(period, Month):
            return [cls(str(period), frozenset({Every.MONTH}), period, period.last_day)]
        months = [Month(period.year, first) for first in (1, 4, 7, 10)]
        recurrences = frozenset({Every.YEAR, Every.ONCE, Every.EVENT})
        return [
            cls(str(period), recurrences, months[0], period.last_day),
            *(
                cls(f"{period}-Q{number}", frozenset({Every.QUARTER}), first, first.plus(2).last_day, number)
                for number, first in enumerate(months, start=1)
            ),
        ]

    def has(self, duty: DutyRule) -> bool:
        """Whether the duty comes back in this period."""
        if duty.every not in self.recurrences or duty.quarter not in {None, self.quarter}:
            return False
        if duty.every is Every.ONCE and duty.fund_year != self.first_month.year:
            return False
        first, last = str(self.first_month), str(Month.of(self.last_day))
        after_first = duty.first_period is None or last >= duty.first_period
        return after_first and (
            duty.last_period is None or first[: len(duty.last_period)] <= duty.last_period
        )


@dataclass(frozen=True, slots=True)
class _Dates:
    kind: DutyKind
    status: DutyStatus
    nominal: date | None = None
    due: date | None = None
    act_by: date | None = None


def _check_readings(city: CityPolicy, readings: Mapping[str, str]) -> None:
    """Refuse a reading that the city's documents do not offer; silence would hide a typing error."""
    offered = {key: found for key, found in city.interpretations().items() if found.switchable}
    for key, value in readings.items():
        if key not in offered or value not in offered[key].readings:
            choices = "; ".join(f"{name}={'|'.join(found.readings)}" for name, found in offered.items())
            raise InputError(
                "unknown_reading",
                f"{city.name_zh}的文件没有读法 {key}={value}；可用：{choices or '无'}",
                f"the documents of {city.name_en} offer no reading {key}={value}; there are: {choices or 'none'}",
                remedy=f"fundpool policy show {city.key}",
            )


@dataclass(frozen=True, slots=True)
class _Dating:
    """Sets dates for the duties of one city."""

    city: CityPolicy
    calendar: WorkCalendar
    received: Received | None
    readings: Mapping[str, str]

    def binds(self, rule: PolicyRule, duty: DutyRule, period: _Period) -> bool:
        """Whether the duty falls in the period and into the days on which its rule holds.

        A one-off duty is dated by the text itself, often before the day the rest takes effect.
        """
        if not period.has(duty):
            return False
        if duty.every is Every.ONCE:
            return True
        versions = [
            (other, other_duty)
            for other in self.city.rules
            if other.id == rule.id
            for other_duty in other.duties
            if other_duty.key == duty.key and other_duty.quarter == duty.quarter
        ]
        holding = [version for version in versions if self._holds(*version, period)]
        if holding:
            # Both may name a day of their own time; the duty is due once, by the earlier version.
            return holding[0][1] is duty
        return any(
            later_duty is duty and self._falls_between(earlier, (later, later_duty), period)
            for earlier, (later, later_duty) in pairwise(versions)
        )

    def _holds(self, rule: PolicyRule, duty: DutyRule, period: _Period) -> bool:
        """Whether the duty's day lies in the time of its rule; without a day, the period must touch it."""
        nominal = self.dates(duty, period).nominal
        if nominal is not None:
            return rule.holds_on(nominal)
        starts, ends = rule.valid_from, rule.valid_until
        return (starts is None or starts <= period.last_day) and (
            ends is None or ends >= period.first_month.first_day
        )

    def _falls_between(
        self, earlier: tuple[PolicyRule, DutyRule], later: tuple[PolicyRule, DutyRule], period: _Period
    ) -> bool:
        """Whether an amendment leaves the period to neither version; the duty is then due by the new rule.

        The old day came too late for the old rule, the new day too early for the new one.
        """
        old, new = self.dates(earlier[1], period).nominal, self.dates(later[1], period).nominal
        ended, started = earlier[0].valid_until, later[0].valid_from
        return bool(old and new and ended and started and old > ended and new < started)

    def duty(self, rule: PolicyRule, duty: DutyRule, period: _Period) -> Duty:
        """The duty with its dates."""
        dates = self.dates(duty, period)
        return Duty(
            rule=rule.id,
            key=duty.key,
            period=period.name,
            actor=duty.actor,
            unit=None,
            nominal=dates.nominal,
            due=dates.due,
            act_by=dates.act_by,
            kind=dates.kind,
            firmness=duty.firmness,
            status=dates.status,
            shift=duty.shift,
            reading=self._reading(duty),
            basis=Basis(rule.instrument.reference, rule.section, rule.quote),
        )

    def dates(self, duty: DutyRule, period: _Period) -> _Dates:
        """When the duty of the period is due."""
        due: Deadline = duty.due
        match due:
            case OnDate(day=day):
                return self._fixed(day, duty.shift)
            case InMonth():
                return self._in_month(
                    duty, period.first_month.plus(due.months_after_start(duty.quarter)), due
                )
            case After():
                return self._after(due, duty, period)
            case Undated():
                return _Dates(DutyKind.UNDATED, DutyStatus.UNKNOWN)
            case Delegated():
                return _Dates(DutyKind.DELEGATED, DutyStatus.UNKNOWN)

    def _reading(self, duty: DutyRule) -> str | None:
        if duty.interpretation is None:
            return None
        return self.readings.get(duty.interpretation.key, duty.interpretation.reading)

    def _fixed(self, nominal: date | None, shift: Shift) -> _Dates:
        if nominal is None:
            return _Dates(DutyKind.FIXED, DutyStatus.UNKNOWN)
        due = self._moved(nominal, shift)
        if due is None or not self.calendar.knows(due):
            # The notice is not published: the day stands as printed, whether it moves is open.
            return _Dates(DutyKind.FIXED, DutyStatus.PROVISIONAL, nominal=nominal, due=nominal)
        status = DutyStatus.CONFIRMED if self.calendar.is_settled(due) else DutyStatus.PROVISIONAL
        return _Dates(DutyKind.FIXED, status, nominal=nominal, due=due, act_by=self.calendar.act_by(due))

    def _moved(self, nominal: date, shift: Shift) -> date | None:
        """The day moved off a day off where the text says so; None where that needs an unknown year."""
        match shift:
            case Shift.FOLLOWING:
                return self.calendar.on_or_after(nominal)
            case Shift.PRECEDING:
                return self.calendar.act_by(nominal)
            case Shift.NONE:
                return nominal

    def _in_month(self, duty: DutyRule, month: Month, day_rule: DayRule) -> _Dates:
        match day_rule:
            case LastDay():
                return self._fixed(month.last_day, duty.shift)
            case DayOfMonth() if day_rule.working_days_before:
                counted_from = _day_of(month, day_rule.day, clamp=False)
                found = counted_from and self.calendar.working_days_before(
                    counted_from, day_rule.working_days_before
                )
                return self._working_day(found, counted_from or month.last_day)
            case DayOfMonth():
                day = _day_of(month, day_rule.day, clamp=day_rule.short_month == "last_day")
                return self._fixed(day, duty.shift)
            case NthLastWorkingDay():
                nth = self._read_last_working_days(duty, day_rule.nth)
                found = self.calendar.nth_last_working_day(month.year, month.month, nth)
                return self._working_day(found, month.last_day)
            case NthWorkingDay():
                found = self.calendar.nth_working_day(month.year, month.month, day_rule.nth)
                return self._working_day(found, month.first_day)

    def _read_last_working_days(self, duty: DutyRule, nth: int) -> int:
        """Which working day from the end 「最后n个工作日前」 means under the reading in use."""
        if duty.interpretation is None or duty.interpretation.key != LAST_WORKING_DAYS:
            return nth
        match self._reading(duty):
            case "before":
                return nth + 1
            case "within":
                return 1  # the window of the last n working days ends with the last one
            case _:
                return nth

    def _working_day(self, found: date | None, counted_from: date) -> _Dates:
        if found is None:
            return _Dates(DutyKind.WORKING_DAY, DutyStatus.UNKNOWN)
        settled = self.calendar.is_settled(max(found, counted_from))
        status = DutyStatus.CONFIRMED if settled else DutyStatus.PROVISIONAL
        return _Dates(DutyKind.WORKING_DAY, status, nominal=found, due=found, act_by=found)

    def _after(self, due: After, duty: DutyRule, period: _Period) -> _Dates:
        happened = self._happened(due)
        start = happened if happened is not None else self._latest(due, duty, period)
        if start is None:
            return _Dates(DutyKind.AFTER_EVENT, DutyStatus.UNKNOWN)
        nominal: date | None
        if due.days is not None:
            nominal = start + timedelta(days=due.days)
            limit = self._moved(nominal, duty.shift)
        else:
            assert due.working_days is not None, "a deadline after a duty counts one kind of days"
            nominal = limit = self.calendar.add_working_days(start, due.working_days)
        if nominal is None or limit is None:
            return _Dates(DutyKind.AFTER_EVENT, DutyStatus.UNKNOWN)
        if not self.calendar.is_settled(limit):
            status = DutyStatus.PROVISIONAL
        else:
            status = DutyStatus.CONFIRMED if happened is not None else DutyStatus.FORECAST
        return _Dates(
            DutyKind.AFTER_EVENT, status, nominal=nominal, due=limit, act_by=self.calendar.act_by(limit)
        )

    def _happened(self, due: After) -> date | None:
        if self.received is None:
            return None
        if isinstance(self.received, date):
            counts_from_receipt = due.counts_from == "receipt" or due.event is not None
            return self.received if counts_from_receipt else None
        name = due.duty or due.event
        return self.received.get(name) if name else None

    def _latest(self, due: After, duty: DutyRule, period: _Period) -> date | None:
        """The latest permitted day of the duty that this one waits for; None for an outside event."""
        for rule in self.city.rules:
            for other in rule.duties:
                is_awaited = other.key == due.duty and other.every is duty.every and other is not duty
                if is_awaited and self.binds(rule, other, period):
                    return self.dates(other, period).due
        return None


def _day_of(month: Month, day: int, *, clamp: bool) -> date | None:
    """The day of the month; a day the month lacks is its last day only where the text says so."""
    if day <= month.last_day.day:
        return date(month.year, month.month, day)
    return month.last_day if clamp else None
