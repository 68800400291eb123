"""Duties as an iCalendar file, for the calendars people keep."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from fundpool.domain.duties import STATUSES, Duty, DutyStatus
from fundpool.domain.languages import halves
from fundpool.domain.policy import CityPolicy


def calendar_file(policy: CityPolicy, duties: Sequence[Duty], stamp: datetime) -> tuple[bytes, int]:
    """The file with one all-day event on the due date of each dated duty, and how many duties have no date.

    ``stamp`` is the moment the events are made at.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//fundpool//due//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{policy.name_zh}医保基金期限")
    undated = 0
    for duty in duties:
        if duty.due is None:
            undated += 1
            continue
        name = policy.duty_names[duty.key].name_zh
        actor = policy.actors.get(duty.actor)
        event = Event()
        event.add("uid", f"{policy.key}-{duty.rule}-{duty.key}-{duty.period}@fundpool")
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("dtstart", duty.due)
        event.add("dtend", duty.due + timedelta(days=1))
        event.add("summary", f"{policy.name_zh} {duty.period} {name}")
        event.add("transp", "TRANSPARENT")
        lines = [
            f"责任主体：{actor.name_zh if actor else duty.actor}",
            f"最迟办理日：{duty.act_by or '待放假通知'}；状态：{halves(STATUSES[duty.status])[0]}",
            f"{duty.basis.document} {duty.basis.section}（{duty.rule}）：{duty.basis.quote}",
        ]
        event.add("description", "\n".join(lines))
        event.add("categories", [duty.rule, duty.actor])
        event.add("status", "CONFIRMED" if duty.status is DutyStatus.CONFIRMED else "TENTATIVE")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"{name}")
        # Nine in the morning of the day before the last working day that serves.
        alarm.add("trigger", timedelta(days=((duty.act_by or duty.due) - duty.due).days - 1, hours=9))
        event.add_component(alarm)
        calendar.add_component(event)
    return bytes(calendar.to_ical()), undated
