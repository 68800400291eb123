"""``fundpool notices``: what people are to know, and sending it; meant for a timer of five minutes."""

import os
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.language import choose, one_language
from fundpool.console.options import Dated
from fundpool.console.output import Columns, Table, minute, pick
from fundpool.domain.notices import KIND_NAMES, NoticeKind
from fundpool.services.ports.notices import Channel, Message

_TOLD = {"waiting": "待发送 / waiting", "told": "已告知 / told", "new": "新 / new"}


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

    每件事由 FUNDPOOL_NOTIFY 与 FUNDPOOL_NOTIFY_COMMAND 的各渠道告知一次（docs/alarms.md）；有未送达的退出码 1，隔些时再试，间隔渐长。 /
    Each event is told once, by every channel of FUNDPOOL_NOTIFY and FUNDPOOL_NOTIFY_COMMAND (docs/alarms.md).
    Exit status 1 when some could not be delivered; they are tried again with growing pauses.
    """
    from fundpool.bootstrap import open_installation
    from fundpool.local_prefect.client import past_every_proxy
    from fundpool.services.watch.installation import look, tell

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
    unsent, known_keys = database.read(
        lambda work: (work.notices.unsent(), work.notices.known([each.key for each in standing]))
    )
    waiting = {each.notice.key for each in unsent}
    rows = [
        pick(notice, "key kind city message_zh message_en remedy")
        | {"state": "waiting" if notice.key in waiting else "told" if notice.key in known_keys else "new"}
        for notice in standing
    ]
    undelivered = [
        pick(
            each,
            "key=notice.key message_zh=notice.message_zh message_en=notice.message_en attempts next_at failure",
        )
        for each in unsent
        if each.is_undelivered
    ]
    channels = [channel.name for channel in installation.channels()]
    document = {"as_of": now, "channels": channels, "standing": rows, "undelivered": undelivered}
    lines = [
        choose("渠道：", "channels: ")
        + (", ".join(channels) or f"{choose('未设置', 'none')} (FUNDPOOL_NOTIFY, docs/alarms.md)")
    ]
    columns: Columns = {
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
    if undelivered:
        tables.append(Table("未送达 / undelivered", undelivered, failed))
    return options.show(document, *lines, *tables, found=bool(undelivered))


def _test(channels: Sequence[Channel], options: Dated) -> int:
    message = Message(
        "fundpool: 测试 test",
        "这是一条测试消息，无须处理。\nThis is a test, there is nothing to do.",
        notices=(),
    )
    answers = [{"channel": each.name, "failure": each.deliver(message)} for each in channels]
    columns: Columns = {
        "渠道 / channel": "channel",
        "结果 / outcome": lambda row: row["failure"] or choose("已送出", "sent"),
    }
    found = not answers or any(answer["failure"] for answer in answers)
    return options.show({"channels": answers}, Table("测试 / test", answers, columns), found=found)
