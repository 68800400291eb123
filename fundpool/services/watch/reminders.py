"""Reminders to the units that owe duties, and the supervisor's summary: decided anew each time from what was read.

Like every notice they leave the machine: names, days and counts alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from fundpool.domain.duties import Duty
from fundpool.domain.month import STEPS
from fundpool.domain.notices import (
    SUPERVISOR,
    Notice,
    NoticeKind,
    Recipient,
    kinds_for_units,
)
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.policy import CityPolicy
from fundpool.domain.timeliness import DONE, DutyState
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.oversight.progress import DutyProgress
from fundpool.services.watch.readings import CityReading, Reading

OVERDUE_EVERY = 5
"""Working days between two reminders of what is overdue; the first comes on the first working day after."""

_NAMED = 12
"""How many units a summary names of each duty."""


class Stage(StrEnum):
    """Where a duty that is owed stands towards its last working day."""

    BEFORE = "before"
    TODAY = "today"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty that is to be reminded of today, and whom."""

    recipient: Recipient
    progress: DutyProgress
    stage: Stage
    last_day: date
    """The last working day to act, by an extension where there is one."""
    working_days: int
    """How many working days are left until ``last_day``, or have passed since then."""

    @property
    def key(self) -> str:
        """Names one reminder of one duty: another last day, or five working days more, make another."""
        duty = self.progress.duty
        number = (self.working_days - 1) // OVERDUE_EVERY if self.stage is Stage.AFTER else 0
        unit = duty.unit or self.recipient.unit
        return f"remind:{self.recipient.city}:{duty.period}:{duty.key}:{unit}:{self.last_day}:{self.stage}{number}"


def assumed_calendar(calendar: WorkCalendar, now: datetime) -> WorkCalendar:
    """The calendar with plain weeks in years whose notice is not on file: near enough to remind by."""
    year = now.astimezone(SHANGHAI).year
    plain = {each: calendar.notices.get(each, ()) for each in range(year - 1, year + 3)}
    return replace(calendar, notices={**calendar.notices, **plain})


def owed_of(
    policy: CityPolicy,
    duties: Iterable[DutyProgress],
    calendar: WorkCalendar,
    *,
    now: datetime,
    days_before: int,
) -> list[Owed]:
    """Those of the duties that their units are to be reminded of today, in the same order."""
    assumed, today = assumed_calendar(calendar, now), now.astimezone(SHANGHAI).date()
    owed = (_owed(policy, row, assumed, today=today) for row in duties)
    return [
        each
        for each in owed
        if each is not None and (each.stage is not Stage.BEFORE or each.working_days <= days_before)
    ]


def _owed(policy: CityPolicy, row: DutyProgress, calendar: WorkCalendar, *, today: date) -> Owed | None:
    duty = row.duty
    # Without a day of its own nobody is late, such as the payer for a county that did not file.
    if duty.due is None or row.standing.days_late is None or row.standing.state in DONE:
        return None
    last_day = calendar.act_by(max(duty.due, row.extended_until or duty.due))
    assert last_day is not None, "the assumed calendar knows every year that is open"
    recipient = Recipient(policy.key, recipient_of(duty))
    if today < last_day:
        return Owed(recipient, row, Stage.BEFORE, last_day, _working_days(calendar, today, last_day))
    passed = _working_days(calendar, last_day, today)
    # From the rest days behind the last working day on it is late, and nobody is at work to be told.
    return Owed(recipient, row, Stage.AFTER if passed else Stage.TODAY, last_day, passed)


def recipient_of(duty: Duty) -> str:
    """Who owes a followed duty: the county that files the document, else the office that has it."""
    return duty.unit if duty.unit is not None and duty.key in DOCUMENT_OF else duty.actor


def _working_days(calendar: WorkCalendar, after: date, until: date) -> int:
    days = (after + timedelta(days=ahead) for ahead in range(1, (until - after).days + 1))
    return sum(bool(calendar.is_working_day(day)) for day in days)


def unit_name(policy: CityPolicy, unit: str) -> tuple[str, str]:
    """What a recipient, or a unit of the register, is called in Chinese and English."""
    if unit in policy.actors:
        actor = policy.actors[unit]
        return f"{policy.name_zh}{actor.name_zh}", f"{policy.name_en}, {actor.name_en}"
    names = {each.code: each.name_zh for each in policy.units} | {policy.division_code: policy.name_zh}
    return names.get(unit, unit), unit


def duty_in_words(policy: CityPolicy, owed: Owed) -> tuple[str, str]:
    """Whose duty it is and until when, without the end of the sentence."""
    duty, until = owed.progress.duty, owed.progress.extended_until
    zh, en = DUTY_NAMES[duty.key]
    name_zh, name_en = unit_name(policy, duty.unit or owed.recipient.unit)
    due_zh, due_en = f"应于 {duty.due} 前完成", f"due {duty.due}"
    if until is not None and duty.due is not None and until > duty.due:
        due_zh, due_en = f"{due_zh}，准予延期至 {until}", f"{due_en}, extended until {until}"
    return f"{name_zh} {duty.period} {zh}（{due_zh}）", f"{name_en}: {en} for {duty.period} ({due_en})"


def stage_in_words(owed: Owed) -> tuple[str, str]:
    """What is to be said of its day."""
    is_returned = owed.progress.standing.state is DutyState.RETURNED
    state_zh, state_en = (
        ("已退回，尚未重报，", "was returned and not filed again, ") if is_returned else ("", "")
    )
    count, days = owed.working_days, "working day" if owed.working_days == 1 else "working days"
    if owed.stage is Stage.BEFORE:
        return (
            f"{state_zh}最迟 {owed.last_day} 办理，还有 {count} 个工作日",
            f"{state_en}to be done by {owed.last_day}, {count} {days} left",
        )
    if owed.stage is Stage.TODAY:
        return (
            f"{state_zh}今天（{owed.last_day}）是最后一个工作日",
            f"{state_en}today ({owed.last_day}) is the last working day to do it",
        )
    return (
        f"{state_zh}已逾期 {count} 个工作日，请立即办理",
        f"{state_en}overdue by {count} {days}, to be done at once",
    )


def reminder(policy: CityPolicy, owed: Owed) -> Notice:
    """The notice to the unit."""
    (duty_zh, duty_en), (stage_zh, stage_en) = duty_in_words(policy, owed), stage_in_words(owed)
    return Notice(
        key=owed.key,
        kind=NoticeKind.OVERDUE_REMINDER if owed.stage is Stage.AFTER else NoticeKind.REMINDER,
        message_zh=f"{duty_zh}：{stage_zh}",
        message_en=f"{duty_en}: {stage_en}",
        remedy="",
        city=policy.key,
        recipient=owed.recipient.unit,
    )


def notices_for_units(reading: Reading, calendar: WorkCalendar, *, days_before: int) -> list[Notice]:
    """The reminders and summaries that stand at ``reading.now``, city by city."""
    notices: list[Notice] = []
    for city in reading.cities:
        owed = owed_of(city.policy, city.duties, calendar, now=reading.now, days_before=days_before)
        notices += [reminder(city.policy, each) for each in owed]
        notices += _summary(city, owed, calendar, now=reading.now)
    return notices


def works_today(calendar: WorkCalendar, now: datetime) -> bool:
    """Whether offices work on the day of ``now``."""
    return bool(assumed_calendar(calendar, now).is_working_day(now.astimezone(SHANGHAI).date()))


def _summary(
    city: CityReading, owed: Sequence[Owed], calendar: WorkCalendar, *, now: datetime
) -> Iterator[Notice]:
    parts = list(_parts_of_summary(city, owed))
    kinds = kinds_for_units(now, is_working_day=works_today(calendar, now))
    if not parts or NoticeKind.SUMMARY not in kinds:
        return
    today, key = now.astimezone(SHANGHAI).date(), city.policy.key
    yield Notice(
        key=f"summary:{key}:{today}",
        kind=NoticeKind.SUMMARY,
        message_zh=f"{city.policy.name_zh} {today}：{'；'.join(zh for zh, _ in parts)}",
        message_en=f"{city.policy.name_en}, {today}: {'; '.join(en for _, en in parts)}",
        remedy="",
        city=key,
        recipient=SUPERVISOR,
    )


def _parts_of_summary(city: CityReading, owed: Sequence[Owed]) -> Iterator[tuple[str, str]]:
    late = [each for each in owed if each.stage is Stage.AFTER]
    soon = [each for each in owed if each.stage is not Stage.AFTER]
    for found, zh, en in ((late, "逾期", "overdue"), (soon, "即将到期", "due soon")):
        if found:
            named = list(_named(city.policy, found))
            yield (
                f"{zh} {len(found)} 项（{'；'.join(name for name, _ in named)}）",
                f"{en}: {len(found)} ({'; '.join(name for _, name in named)})",
            )
    if city.failed_steps:
        count = len(city.failed_steps)
        steps = [(f"{each.month} {STEPS[each.step].name_zh}", each) for each in city.failed_steps]
        yield (
            f"步骤未成 {count} 个（{'、'.join(name for name, _ in steps)}）",
            f"steps that failed: {count} ({', '.join(f'{each.month} {each.step}' for _, each in steps)})",
        )
    if city.payments:
        unknown = sum(each.is_unknown for each in city.payments)
        yield (
            f"款项未成 {len(city.payments)} 笔，其中结果不明 {unknown} 笔",
            f"payments open: {len(city.payments)}, {unknown} of them of unknown outcome",
        )
    if city.stopped:
        funds = {fund.key: (fund.name_zh, fund.name_en) for fund in city.policy.funds}
        names = [funds.get(each.fund, (each.fund, each.fund)) for each in city.stopped]
        yield (
            f"基金停发：{'、'.join(zh for zh, _ in names)}",
            f"funds stopped: {', '.join(en for _, en in names)}",
        )


def _named(policy: CityPolicy, owed: Iterable[Owed]) -> Iterator[tuple[str, str]]:
    """Each duty with the units that owe it."""
    units: dict[tuple[str, str], list[str]] = {}
    for each in owed:
        duty = each.progress.duty
        units.setdefault((duty.period, duty.key), []).append(duty.unit or each.recipient.unit)
    for (period, key), found in units.items():
        zh, en = DUTY_NAMES[key]
        names = [unit_name(policy, unit) for unit in found[:_NAMED]]
        more_zh, more_en = (
            (f"等 {len(found)} 家", f" and {len(found) - _NAMED} more") if len(found) > _NAMED else ("", "")
        )
        yield (
            f"{period} {zh}：{'、'.join(name for name, _ in names)}{more_zh}",
            f"{period} {en}: {', '.join(name for _, name in names)}{more_en}",
        )
