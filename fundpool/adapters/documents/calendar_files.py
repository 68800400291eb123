"""Duties as an iCalendar file, for the calendars people keep."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from fundpool.domain.duties import STATUSES, Duty, DutyStatus
from fundpool.domain.languages import halves
from fundpool.domain.policy import CityPolicy
from fundpool.domain.timeliness import DONE, DutyState
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.watch.unit_duties import UnitDuty


def calendar_file(policy: CityPolicy, duties: Sequence[Duty], stamp: datetime) -> tuple[bytes, int]:
    """The file with one all-day event on the due date of each dated duty, and how many duties have no date.

    ``stamp`` is the moment the events are made at.
    """
    calendar = _calendar(f"{policy.name_zh}医保基金期限")
    undated = 0
    for duty in duties:
        if duty.due is None:
            undated += 1
            continue
        event = _event(policy, duty, stamp, day=duty.due, act_by=duty.act_by)
        name = policy.duty_names[duty.key].name_zh
        event.add("uid", f"{policy.key}-{duty.rule}-{duty.key}-{duty.period}@fundpool")
        event.add("summary", f"{policy.name_zh} {duty.period} {name}")
        event.add_component(_alarm(name, day=duty.due, act_by=duty.act_by))
        calendar.add_component(event)
    return bytes(calendar.to_ical()), undated


def unit_calendar_file(
    policy: CityPolicy, unit_name: str, duties: Sequence[UnitDuty], *, stamp: datetime, calendar: WorkCalendar
) -> bytes:
    """The calendar of one unit, to be subscribed to: an all-day event for each of its duties, done or not."""
    file = _calendar(f"{unit_name}医保基金期限")
    for each in duties:
        duty, until = each.progress.duty, each.progress.extended_until
        assert duty.due is not None, "a duty without a day stands in no calendar"
        day = duty.due if until is None else max(duty.due, until)
        act_by = duty.act_by if day == duty.due else calendar.act_by(day)
        name = policy.duty_names[duty.key].name_zh
        state = each.progress.standing.state
        lines = [_DONE_ZH.get(state, "已退回，尚未重报" if state is DutyState.RETURNED else "未办")]
        if day > duty.due:
            lines.append(f"准予延期至 {day}，原期限 {duty.due}")
        event = _event(policy, duty, stamp, day=day, act_by=act_by, lines=lines)
        event.add(
            "uid", f"{policy.key}-{duty.rule}-{duty.key}-{duty.period}-{duty.unit or duty.actor}@fundpool"
        )
        event.add("sequence", each.sequence)
        mark = "✓ 已办 " if state in DONE else "（延期）" if day > duty.due else ""
        event.add("summary", f"{mark}{unit_name} {duty.period} {name}")
        if state not in DONE:
            event.add_component(_alarm(name, day=day, act_by=act_by))
        file.add_component(event)
    return bytes(file.to_ical())


_DONE_ZH = {
    DutyState.DONE_ON_TIME: "已按时办理",
    DutyState.DONE_LATE: "已办理（迟办）",
    DutyState.NIL: "零申报或免报",
}


def _calendar(name: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//fundpool//due//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    return calendar


def _event(
    policy: CityPolicy,
    duty: Duty,
    stamp: datetime,
    *,
    day: date,
    act_by: date | None,
    lines: Sequence[str] = (),
) -> Event:
    actor = policy.actors.get(duty.actor)
    event = Event()
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    lines = [
        *lines,
        f"责任主体：{actor.name_zh if actor else duty.actor}",
        f"最迟办理日：{act_by or '待放假通知'}；状态：{halves(STATUSES[duty.status])[0]}",
        f"{duty.basis.document} {duty.basis.section}（{duty.rule}）：{duty.basis.quote}",
    ]
    event.add("description", "\n".join(lines))
    event.add("categories", [duty.rule, duty.actor])
    event.add("status", "CONFIRMED" if duty.status is DutyStatus.CONFIRMED else "TENTATIVE")
    return event


def _alarm(name: str, *, day: date, act_by: date | None) -> Alarm:
    """Nine in the morning of the day before the last working day that serves."""
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", name)
    alarm.add("trigger", timedelta(days=((act_by or day) - day).days - 1, hours=9))
    return alarm
