"""``fundpool notices``: what people are to know, and sending it, meant for a timer of five minutes; calls; calendars."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.acting import acts
from fundpool.console.language import choose, one_language
from fundpool.console.options import ActOnMonth, AnyCity, AnyCounty, AnyMonthText, Dated, chosen, writing_to
from fundpool.console.output import Columns, Table, minute, pick
from fundpool.domain.notices import KIND_NAMES, Notice, NoticeKind
from fundpool.domain.rights import Right
from fundpool.services.ports.notices import Channel, Message

app = App(name="notices")

_TOLD = {
    "waiting": "待发送 / waiting",
    "told": "已告知 / told",
    "new": "新 / new",
    "telephone": "打电话 / by telephone",
}

LISTED_DAYS = 30
"""``list`` without ``--since`` goes back so far."""


@app.default
def notices(
    *,
    send: Annotated[
        bool, Parameter(help="登记新告警并发送 / make up what is new and send what waits", negative="")
    ] = False,
    again: Annotated[
        bool, Parameter(help="连同已放弃的一起再发 / send what failed anew, given up or not", negative="")
    ] = False,
    test: Annotated[
        bool,
        Parameter(help="向每个渠道发一条测试消息 / send a test message by every channel", negative=""),
    ] = False,
    options: Dated = Dated(),
) -> int:
    """告警：列出现有各项；--send 发送，每五分钟运行一次 / What people are to know now; --send tells them, every five minutes.

    每件事由 FUNDPOOL_NOTIFY 与 FUNDPOOL_NOTIFY_COMMAND 的各渠道告知一次；单位的提醒与主管每日摘要由 HOME/contacts.toml 的渠道发送
    （docs/alarms.md）；有未送达的退出码 1，隔些时再试，间隔渐长。 / Each event is told once, by every channel of FUNDPOOL_NOTIFY and
    FUNDPOOL_NOTIFY_COMMAND; units are reminded, and supervisors told each morning, by the channels of
    HOME/contacts.toml (docs/alarms.md).
    Exit status 1 when some could not be delivered; they are tried again with growing pauses.
    """
    from fundpool.bootstrap import open_installation
    from fundpool.local_prefect.client import past_every_proxy
    from fundpool.services.ports.notices import Contact
    from fundpool.services.watch.installation import look, tell
    from fundpool.services.watch.reminders import notices_for_units

    installation, now = open_installation(options.settings), options.now
    os.environ.update(past_every_proxy())  # a webhook of this machine is not a proxy's business
    if test:
        return _test(installation.channels(), options)
    database = installation.ports.database
    if again:
        database.transaction(lambda work: work.notices.try_again(now))
    reading, standing = look(installation, now)
    if send:
        tell(installation, reading, standing, sends=True)
    contacts = installation.contacts()
    for_units = notices_for_units(reading, installation.ports.calendar, days_before=installation.days_before)
    keys = [each.key for each in (*standing, *for_units)]
    unsent, known_keys = database.read(lambda work: (work.notices.unsent(), work.notices.known(keys)))
    waiting = {each.notice.key for each in unsent}

    def row_of(notice: Notice) -> dict[str, Any]:
        is_reached = notice.address is None or contacts.get(notice.address, Contact()).channels
        state = "told" if notice.key in known_keys else "new" if is_reached else "telephone"
        shown = pick(notice, "key kind city message_zh message_en remedy")
        return shown | {"state": "waiting" if notice.key in waiting else state}

    rows = [row_of(notice) for notice in standing]
    reminders = [row_of(notice) | {"recipient": notice.recipient} for notice in for_units]
    undelivered = [
        pick(
            each,
            "key=notice.key message_zh=notice.message_zh message_en=notice.message_en attempts next_at failure",
        )
        for each in unsent
        if each.is_undelivered
    ]
    channels = [channel.name for channel in installation.channels()]
    document = {
        "as_of": now,
        "channels": channels,
        "standing": rows,
        "reminders": reminders,
        "undelivered": undelivered,
    }
    lines = [
        choose("渠道：", "channels: ")
        + (", ".join(channels) or f"{choose('未设置', 'none')} (FUNDPOOL_NOTIFY, docs/alarms.md)")
    ]
    columns: dict[str, Any] = {
        "类别 / kind": lambda row: choose(*KIND_NAMES[NoticeKind(row["kind"])]),
        "城市 / city": "city",
        "说明 / message": "message_zh",
        "处理 / remedy": lambda row: one_language(row["remedy"] or "–"),
        "告知 / told": lambda row: one_language(_TOLD[row["state"]]),
    }
    failed: Columns = {
        "说明 / message": "message_zh",
        "次数 / attempts": "attempts",
        "下次 / next": "next_at",
        "原因 / failure": "failure",
    }
    tables = [Table(f"{choose('告警', 'notices')} · {minute(now)}", rows, columns)]
    if reminders:
        about = columns | {"收件单位 / recipient": "recipient"}
        del about["处理 / remedy"]
        tables.append(Table("提醒 / reminders", reminders, about))
    if undelivered:
        tables.append(Table("未送达 / undelivered", undelivered, failed))
    return options.show(document, *lines, *tables, found=bool(undelivered))


def _test(channels: Sequence[Channel], options: Dated) -> int:
    message = Message(
        "fundpool: 测试 test",
        "这是一条测试消息，无须处理。\nThis is a test, there is nothing to do.",
        notices=(),
    )
    delivered = [(each.name, each.deliver(message)) for each in channels]
    answers = [
        {"channel": name, "failure": None if answer.is_taken else answer.text, "answer": answer.text}
        for name, answer in delivered
    ]
    columns: Columns = {
        "渠道 / channel": "channel",
        "结果 / outcome": lambda row: row["failure"] or f"{choose('已送出', 'sent')}: {row['answer']}",
    }
    found = not answers or any(answer["failure"] for answer in answers)
    return options.show({"channels": answers}, Table("测试 / test", answers, columns), found=found)


@app.command(name="list")
def list_notices(
    *,
    city: AnyCity = None,
    since: Annotated[
        str | None, Parameter(help="自何日起，缺省三十天 / from this day on; default thirty days back")
    ] = None,
    options: Dated = Dated(),
) -> int:
    """已发通知及送达凭据、电话记录 / What was told about a city, with the proof of delivery, and the calls."""
    now, ports, key = options.now, options.open_month(), options.city_of(city)
    ports.policies.city(key)  # raises for a city that nobody knows
    start = now - timedelta(days=LISTED_DAYS) if since is None else business_clock(since)
    stored, calls = ports.database.read(
        lambda work: (work.notices.since(start, key), work.notices.calls(start, key))
    )
    told = [
        pick(
            each,
            "key=notice.key kind=notice.kind recipient=notice.recipient message_zh=notice.message_zh "
            "message_en=notice.message_en made_at ended_at sent_at failure",
        )
        | {"deliveries": [pick(delivery, "channel at answer") for delivery in each.deliveries]}
        for each in stored
    ]
    called = [pick(each, "month duty unit spoken_with note called_by called_at") for each in calls]
    columns: Columns = {
        "类别 / kind": "kind",
        "收件单位 / recipient": lambda row: row["recipient"] or choose("运维", "operators"),
        "说明 / message": "message_zh",
        "送达 / delivered": lambda row: "\n".join(
            f"{each['channel']} {minute(each['at']) if each['at'] else ''} {each['answer'] or ''}"
            for each in row["deliveries"]
        ),
        "未送达 / failure": "failure",
    }
    return options.show(
        {"city": key, "since": start, "notices": told, "calls": called},
        Table(f"{choose('通知', 'notices')} · {key}", told, columns),
        Table(
            f"{choose('电话', 'calls')} · {key}",
            called,
            "month duty unit spoken_with note called_by called_at",
        ),
    )


@app.command
def phone(*, city: AnyCity = None, month: AnyMonthText = None, options: Dated = Dated()) -> int:
    """该打电话给谁、说什么 / Whom to call about what is owed, and what to say."""
    from fundpool.bootstrap import open_installation
    from fundpool.services.watch.telephone import calls_to_make

    installation, now = open_installation(options.settings), options.now
    key, when = options.place_of(city, month, now=now)
    found = calls_to_make(
        installation.ports,
        city=key,
        month=when,
        contacts=installation.contacts(),
        days_before=installation.days_before,
        now=now,
    )
    about = "unit unit_name duty person telephone say_zh say_en is_overdue has_channel"
    rows = [
        pick(each, about)
        | {
            "delivered": [pick(delivery, "channel at answer") for delivery in each.delivered],
            "last_call": each.last_call and pick(each.last_call, "spoken_with note called_by called_at"),
        }
        for each in found
    ]
    say = "say_zh" if installation.language == "zh" else "say_en"
    columns: Columns = {
        "单位 / unit": lambda row: f"{row['unit_name']} {row['unit']}",
        "联系人 / person": lambda row: (
            f"{row['person']} {row['telephone']}".strip() or choose("未登记", "not known")
        ),
        "说什么 / say": say,
        "消息 / message": lambda row: (
            choose("已送达", "delivered")
            if row["delivered"]
            else choose("未送达", "not delivered")
            if row["has_channel"]
            else choose("无渠道", "no channel")
        ),
        "上次通话 / last call": lambda row: (
            row["last_call"]
            and f"{minute(row['last_call']['called_at'])} {row['last_call']['called_by']}: {row['last_call']['note']}"
        ),
    }
    document = {**chosen((key, when), city, month), "as_of": now, "calls": rows}
    return options.show(
        document, Table(f"{choose('电话清单', 'calls to make')} · {key} {when}", rows, columns)
    )


@app.command
@acts(Right.RECORD)
def call(
    *,
    duty: Annotated[str, Parameter(help="职责 / the duty, such as submit_fund_use_plan")],
    county: AnyCounty = None,
    note: Annotated[str, Parameter(help="说了什么、答应了什么 / what was said and promised")],
    spoken_with: Annotated[
        str | None, Parameter(name="--with", help="接电话的人 / who answered the telephone")
    ] = None,
    act: ActOnMonth,
) -> int:
    """登记一次电话催办 / Record a telephone call about a duty: who called whom, and what was said."""
    from fundpool.services.watch.telephone import record_call

    about = act.about
    made = record_call(
        act.open_month(), duty=duty, county=county, spoken_with=spoken_with, note=note, **about
    )
    recorded = pick(made, "city month duty unit spoken_with note called_by called_at")
    return act.show(recorded, f"已登记 / recorded: {made.unit} {made.duty} {made.month}")


@app.command
def calendar(
    *,
    city: AnyCity = None,
    unit: Annotated[
        str, Parameter(help="县区代码，或市级部门 / county code, or an office such as city_finance")
    ],
    out: Annotated[Path, Parameter(help="日历文件 / file to write, .ics")],
    options: Dated = Dated(),
) -> int:
    """一个单位的期限日历 / The calendar of one unit's duties: done, extended and to come."""
    from fundpool.console.unit_calendar import unit_calendar

    now = options.now
    content = unit_calendar(options.open_month(), options.city_of(city), unit, now=now)
    with writing_to(out):
        out.write_bytes(content)
    return options.show({"file": out, "bytes": len(content)}, str(out))
