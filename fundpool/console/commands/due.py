"""``fundpool due``: who must do what by when, for a month, a range of months or a fund year."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.console.options import Json, PolicyDir, parse_day, policy_folder
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, parse_month

if TYPE_CHECKING:
    from fundpool.domain.duties import Duty, Received
    from fundpool.domain.policy import CityPolicy, StepName
    from fundpool.domain.working_days import WorkCalendar

MONTHS_AT_MOST = 240
"""A range longer than this is a slip of the pen, not a question."""

_KIND_ZH = {
    "fixed": "定日",
    "working_day": "工作日",
    "after_event": "事项后",
    "undated": "未定日期",
    "delegated": "另行规定",
}
_SHIFT_ZH = {"none": "", "following": "·顺延", "preceding": "·提前"}
_STATUS_ZH = {"confirmed": "确定", "forecast": "预计", "provisional": "暂定", "unknown": "无日期"}


def due(
    *,
    city: Annotated[str, Parameter(help="城市 / city key, e.g. taizhou")],
    month: Annotated[
        str | None, Parameter(help="月份：资金所属月 / month YYYY-MM, its monthly duties")
    ] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="起始月份 / first month of a range YYYY-MM")
    ] = None,
    to: Annotated[str | None, Parameter(help="截止月份 / last month of a range YYYY-MM")] = None,
    year: Annotated[
        str | None,
        Parameter(help="基金年度：年度、季度和一次性职责 / fund year: yearly, quarterly, one-off duties"),
    ] = None,
    received: Annotated[
        tuple[str, ...],
        Parameter(
            help="收款日，或 步骤=日期 / day the money was received, or STEP=DATE",
            negative="",
            show_default=False,
        ),
    ] = (),
    reading: Annotated[
        tuple[str, ...],
        Parameter(
            help="切换读法 键=值 / another reading, e.g. due.last_working_days=before",
            negative="",
            show_default=False,
        ),
    ] = (),
    as_of: Annotated[
        str | None,
        Parameter(help="业务日期：只用该日前公布的放假通知 / only holiday notices published by that day"),
    ] = None,
    policy_dir: PolicyDir = None,
    format_: Annotated[
        Literal["table", "ics"], Parameter(name="--format", help="表格或日历文件 / table, or a calendar file")
    ] = "table",
    json: Json = False,
) -> int:
    """列出期限和责任 / List who must do what by when.

    Dates move only where the document says so; "act by" is the last working day on or before.
    """
    from fundpool.adapters.policies.policy_files import load_city, load_work_calendar, read_national
    from fundpool.domain.duties import DutyKind, duties_of_month, duties_of_year

    if json and format_ == "ics":
        raise _usage("--json 与 --format ics 只能选一个", "give either --json or --format ics")
    folder = policy_folder(policy_dir)
    months, fund_year = _periods(month, from_, to, year)
    moment = business_clock(as_of) if as_of else None
    policy = load_city(folder, city)
    calendar = load_work_calendar(folder, moment.date() if moment else None)
    happened = _received(policy, received, len(months))
    readings = dict(_pair(text, "--reading") for text in reading)
    duties = (
        duties_of_year(policy, fund_year, calendar, received=happened, readings=readings)
        if fund_year is not None
        else tuple(
            duty
            for period in months
            for duty in duties_of_month(policy, period, calendar, received=happened, readings=readings)
        )
    )
    if json:
        print_json([duty.to_json() for duty in duties])
    elif format_ == "ics":
        sys.stdout.buffer.write(
            _calendar_file(policy, duties, policy.step_names(read_national(folder)), moment)
        )
    else:
        _print_duties(policy, duties, policy.step_names(read_national(folder)))
    if happened is not None and not any(duty.kind is DutyKind.AFTER_EVENT for duty in duties):
        print("没有期限自收款日起算 / no duty counts from the receipt", file=sys.stderr)
    _print_notes(policy, months, fund_year, duties, calendar)
    return 0


def _usage(zh: str, en: str) -> InputError:
    return InputError("usage", zh, en, remedy="fundpool due --help")


def _periods(
    month: str | None, first: str | None, last: str | None, year: str | None
) -> tuple[list[Month], int | None]:
    """The months asked for, or the fund year; exactly one way of asking."""
    if sum((month is not None, first is not None or last is not None, year is not None)) != 1:
        raise _usage("--month、--from/--to、--year 三者选一", "give one of --month, --from/--to, --year")
    if year is not None:
        if not (year.isascii() and year.isdigit() and len(year) == 4 and 1990 <= int(year) <= 2100):
            raise InputError("year", f"年度写成 YYYY，收到 {year}", f"a year is written YYYY, found {year!r}")
        return [], int(year)
    if month is not None:
        return [parse_month(month)], None
    if first is None or last is None:
        raise _usage("--from 与 --to 须同时给出", "give both --from and --to")
    start, end = parse_month(first), parse_month(last)
    count = (end.year - start.year) * 12 + end.month - start.month + 1
    if count < 1:
        raise _usage(f"--from {first} 晚于 --to {last}", f"--from {first} lies after --to {last}")
    if count > MONTHS_AT_MOST:
        raise _usage(f"一次至多 {MONTHS_AT_MOST} 个月", f"at most {MONTHS_AT_MOST} months at a time")
    return [start.plus(offset) for offset in range(count)], None


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise _usage(f"{option} 写成 键=值，收到 {text}", f"{option} is written KEY=VALUE, found {text!r}")
    return key, value


def _received(policy: "CityPolicy", texts: tuple[str, ...], months: int) -> "Received | None":
    """The receipt day for all duties that count from a receipt, or a day per step."""
    if not texts:
        return None
    if months > 1:
        raise _usage(
            "--received 只用于单个月份或年度", "--received belongs to one month or one year, not to a range"
        )
    plain = [text for text in texts if "=" not in text]
    if plain:
        if len(texts) > 1:
            raise _usage(
                "--received 给一个日期，或若干 步骤=日期", "--received is one date, or several STEP=DATE"
            )
        return parse_day(plain[0], "--received")
    days = {
        step: parse_day(value, "--received") for step, value in (_pair(text, "--received") for text in texts)
    }
    known = {name for rule in policy.rules for duty in rule.duties for name in _anchors(duty.due)}
    for step in days:
        if step not in known:
            raise InputError(
                "unknown_step",
                f"{policy.name_zh}没有期限自步骤 {step} 起算；有：{', '.join(sorted(known)) or '无'}",
                f"no duty of {policy.name_en} counts from {step}; there are: {', '.join(sorted(known)) or 'none'}",
            )
    return days


def _anchors(deadline: object) -> list[str]:
    from fundpool.domain.policy import After

    if not isinstance(deadline, After):
        return []
    return [name for name in (deadline.step, deadline.event) if name]


def _print_duties(policy: "CityPolicy", duties: "tuple[Duty, ...]", steps: "dict[str, StepName]") -> None:
    rows = []
    for duty in duties:
        step = steps.get(duty.step)
        actor = policy.actors.get(duty.actor)
        rows.append(
            (
                duty.rule,
                duty.period,
                f"{step.name_zh if step else duty.step}（{actor.name_zh if actor else duty.actor}）",
                duty.due,
                duty.act_by,
                _KIND_ZH[duty.kind.value] + _SHIFT_ZH[duty.shift.value],
                _STATUS_ZH[duty.status.value] + ("·目标" if duty.firmness.value == "target" else ""),
            )
        )
    columns = ("规则", "期间", "职责", "期限", "最迟办理", "性质", "状态")
    print_table(f"{policy.name_zh}（{policy.instruments[0].reference}）", columns, rows)


def _print_notes(
    policy: "CityPolicy",
    months: list[Month],
    fund_year: int | None,
    duties: "tuple[Duty, ...]",
    calendar: "WorkCalendar",
) -> None:
    """What a person must know beside the list, on stderr."""
    from fundpool.domain.duties import DutyStatus
    from fundpool.domain.policy import Status

    notes = []
    document = policy.instruments[0].reference
    if policy.status is not Status.IN_FORCE:
        notes.append(f"{document} 未生效（{policy.status.value}），没有期限 / not in force: no duties")
    elif policy.effective is not None:
        filled = {duty.period for duty in duties}
        first = Month.of(policy.effective)
        if any(month < first and str(month) not in filled for month in months) or (
            fund_year is not None and fund_year < first.year
        ):
            notes.append(f"{document} 自 {policy.effective} 起施行 / in force from {policy.effective}")
        # The chain of a month begins before it and ends after it: the first cycles lack earlier steps.
        notes += [
            f"{month}：首个循环，不完整 / first cycle, partial"
            for month in months
            if first.plus(-2) <= month <= first.plus(2)
            and str(month) in filled
            and _lacks_steps(policy, month, duties, calendar)
        ]
    if any(duty.status is DutyStatus.PROVISIONAL or _waits_for_notice(duty) for duty in duties):
        year = max(calendar.notices, default=0) + 1
        notes.append(
            f"{year} 年的放假通知未在库，有关日期暂定 / dates that need the notice of {year} are provisional"
        )
    for note in notes:
        print(note, file=sys.stderr)


def _waits_for_notice(duty: "Duty") -> bool:
    return duty.status.value == "unknown" and duty.kind.value == "working_day"


def _lacks_steps(
    policy: "CityPolicy", month: Month, duties: "tuple[Duty, ...]", calendar: "WorkCalendar"
) -> bool:
    """Whether the month has fewer duties than a month a year later."""
    from fundpool.domain.duties import duties_of_month

    full = {duty.step for duty in duties_of_month(policy, month.plus(12), calendar)}
    return full > {duty.step for duty in duties if duty.period == str(month)}


def _calendar_file(
    policy: "CityPolicy", duties: "tuple[Duty, ...]", steps: "dict[str, StepName]", moment: datetime | None
) -> bytes:
    """The dated duties as an iCalendar file, one all-day event on the due date each."""
    from datetime import timedelta

    from icalendar import Alarm, Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//fundpool//due//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{policy.name_zh}医保基金期限")
    stamp = moment or datetime.now(UTC)
    undated = 0
    for duty in duties:
        if duty.due is None:
            undated += 1
            continue
        step = steps.get(duty.step)
        actor = policy.actors.get(duty.actor)
        event = Event()
        event.add("uid", f"{policy.key}-{duty.rule}-{duty.step}-{duty.period}@fundpool")
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("dtstart", duty.due)
        event.add("dtend", duty.due + timedelta(days=1))
        event.add("summary", f"{policy.name_zh} {duty.period} {step.name_zh if step else duty.step}")
        event.add("transp", "TRANSPARENT")
        lines = [
            f"责任主体：{actor.name_zh if actor else duty.actor}",
            f"最迟办理日：{duty.act_by or '待放假通知'}；状态：{_STATUS_ZH[duty.status.value]}",
            f"{duty.basis.document} {duty.basis.section}（{duty.rule}）：{duty.basis.quote}",
        ]
        event.add("description", "\n".join(lines))
        event.add("categories", [duty.rule, duty.actor])
        event.add("status", "CONFIRMED" if duty.status.value == "confirmed" else "TENTATIVE")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"{step.name_zh if step else duty.step}")
        # Nine in the morning of the day before the last working day that serves.
        alarm.add("trigger", timedelta(days=((duty.act_by or duty.due) - duty.due).days - 1, hours=9))
        event.add_component(alarm)
        calendar.add_component(event)
    if undated:
        print(
            f"{undated} 项职责没有日期，未列入日历 / {undated} duties without a date are left out",
            file=sys.stderr,
        )
    return bytes(calendar.to_ical())
