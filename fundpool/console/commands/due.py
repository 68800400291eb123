"""``fundpool due``: who must do what by when, for a month, a range of months or a fund year."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.console.language import choose, one_language
from fundpool.console.options import City, Options, parse_day
from fundpool.console.output import Columns, Table
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Period, Year, parse_month

if TYPE_CHECKING:
    from fundpool.domain.duties import Duty, Received
    from fundpool.domain.policy import ActorName, CityPolicy, DutyName

MONTHS_AT_MOST = 240
"""A range longer than this is a slip of the pen, not a question."""

_KINDS = {
    "fixed": "定日 / fixed",
    "working_day": "工作日 / working day",
    "after_event": "事项后 / after an event",
    "undated": "未定日期 / undated",
    "delegated": "另行规定 / delegated",
}
_SHIFTS = {"following": "顺延 / moved after a rest day", "preceding": "提前 / moved before a rest day"}


def due(
    *,
    city: City,
    month: Annotated[
        str | None, Parameter(help="月份 YYYY-MM：资金所属月 / month YYYY-MM, its monthly duties")
    ] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="起始月份 YYYY-MM / first month of a range YYYY-MM")
    ] = None,
    to: Annotated[str | None, Parameter(help="截止月份 YYYY-MM / last month of a range YYYY-MM")] = None,
    year: Annotated[
        str | None,
        Parameter(help="基金年度：年度、季度和一次性职责 / fund year: yearly, quarterly, one-off duties"),
    ] = None,
    received: Annotated[
        tuple[str, ...],
        Parameter(
            help="收款日，或 职责=日期 / day the money was received, or DUTY=DATE",
            negative="",
            show_default=False,
        ),
    ] = (),
    reading: Annotated[
        tuple[str, ...],
        Parameter(
            help="切换读法 键=值，如 due.last_working_days=before / another reading, such as due.last_working_days=before",
            negative="",
            show_default=False,
        ),
    ] = (),
    as_of: Annotated[
        str | None,
        Parameter(help="业务日期：只用该日前公布的放假通知 / only holiday notices published by that day"),
    ] = None,
    format_: Annotated[
        Literal["table", "ics"], Parameter(name="--format", help="表格或日历文件 / table, or a calendar file")
    ] = "table",
    options: Options = Options(),
) -> int:
    """列出期限和责任 / List who must do what by when.

    日期只在文件写明时移动；“最迟办理”是期限当日或之前的最后一个工作日。 / Dates move only where the document says so; "act by" is the last working day on or before.
    """
    from fundpool.adapters.policies.policy_files import load_city, load_work_calendar
    from fundpool.domain.duties import DutyKind, duties_of
    from fundpool.services.law.duty_lists import notes_on

    if options.json and format_ == "ics":
        raise _usage("--json 与 --format ics 只能选一个", "give either --json or --format ics")
    folder = options.policy_folder
    periods = _periods(month, from_, to, year=year)
    moment = business_clock(as_of) if as_of else None
    policy = load_city(folder, city)
    calendar = load_work_calendar(folder, moment.date() if moment else None)
    happened = _received(policy, received, len(periods))
    readings = dict(_pair(text, "--reading") for text in reading)
    duties = tuple(
        duty
        for period in periods
        for duty in duties_of(policy, period, calendar, received=happened, readings=readings)
    )
    if format_ == "ics":
        from fundpool.adapters.documents.calendar_files import calendar_file

        content, undated = calendar_file(policy, duties, moment or datetime.now(UTC))
        sys.stdout.buffer.write(content)
        if undated:
            left_out = choose(
                f"{undated} 项职责没有日期，未列入日历", f"duties without a date, left out: {undated}"
            )
            print(left_out, file=sys.stderr)
    else:
        options.show([duty.to_json() for duty in duties], _table(policy, duties))
    if happened is not None and not any(duty.kind is DutyKind.AFTER_EVENT for duty in duties):
        print(choose("没有期限自收款日起算", "no duty counts from the receipt"), file=sys.stderr)
    for note in notes_on(policy, periods, duties, calendar=calendar):
        print(one_language(note), file=sys.stderr)
    return 0


def _usage(zh: str, en: str) -> InputError:
    return InputError("usage", zh, en, remedy="fundpool due --help")


def _periods(month: str | None, first: str | None, last: str | None, *, year: str | None) -> Sequence[Period]:
    """The months, or the fund year, that the options name; exactly one kind of option is given."""
    if sum((month is not None, first is not None or last is not None, year is not None)) != 1:
        raise _usage("--month、--from/--to、--year 三者选一", "give one of --month, --from/--to, --year")
    if year is not None:
        if not (year.isascii() and year.isdigit() and len(year) == 4 and 1990 <= int(year) <= 2100):
            raise InputError("year", f"年度写成 YYYY，收到 {year}", f"a year is written YYYY, found {year!r}")
        return [Year(int(year))]
    if month is not None:
        return [parse_month(month)]
    if first is None or last is None:
        raise _usage("--from 与 --to 须同时给出", "give both --from and --to")
    start, end = parse_month(first), parse_month(last)
    count = (end.year - start.year) * 12 + end.month - start.month + 1
    if count < 1:
        raise _usage(f"--from {first} 晚于 --to {last}", f"--from {first} lies after --to {last}")
    if count > MONTHS_AT_MOST:
        raise _usage(f"一次至多 {MONTHS_AT_MOST} 个月", f"at most {MONTHS_AT_MOST} months at a time")
    return [start.plus(offset) for offset in range(count)]


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise _usage(f"{option} 写成 键=值，收到 {text}", f"{option} is written KEY=VALUE, found {text!r}")
    return key, value


def _received(policy: "CityPolicy", texts: tuple[str, ...], periods: int) -> "Received | None":
    """The receipt day for all duties that count from a receipt, or a day per duty."""
    from fundpool.services.law.duty_lists import require_anchors

    if not texts:
        return None
    if periods > 1:
        raise _usage(
            "--received 只用于单个月份或年度", "--received belongs to one month or one year, not to a range"
        )
    plain = [text for text in texts if "=" not in text]
    if plain:
        if len(texts) > 1:
            raise _usage(
                "--received 给一个日期，或若干 职责=日期", "--received is one date, or several DUTY=DATE"
            )
        return parse_day(plain[0], "--received")
    days = {
        duty: parse_day(value, "--received") for duty, value in (_pair(text, "--received") for text in texts)
    }
    require_anchors(policy, days)
    return days


def _joined(*words: str | None) -> str:
    return " · ".join(one_language(each) for each in words if each)


def _both(named: "ActorName | DutyName") -> tuple[str, str]:
    return named.name_zh, named.name_en


def _table(policy: "CityPolicy", duties: "tuple[Duty, ...]") -> Table:
    def who_does_what(duty: "Duty") -> str:
        return f"{choose(*_both(policy.duty_names[duty.key]))} ({choose(*_both(policy.actors[duty.actor]))})"

    from fundpool.domain.duties import STATUSES

    columns: Columns = {
        "规则 / rule": "rule",
        "期间 / period": "period",
        "职责 / duty": who_does_what,
        "期限 / due": "due",
        "最迟办理 / act by": "act_by",
        "性质 / kind": lambda duty: _joined(_KINDS[duty.kind.value], _SHIFTS.get(duty.shift.value)),
        "状态 / status": lambda duty: _joined(
            STATUSES[duty.status], "目标 / target" if duty.firmness == "target" else None
        ),
    }
    return Table(
        f"{choose(policy.name_zh, policy.name_en)} ({policy.instruments[0].reference})", duties, columns
    )
