"""Notices are written into our database first and sent afterwards: a crash may send one twice and loses none."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from fundpool.domain.notices import (
    KIND_NAMES,
    LEASE,
    SAYS_WHEN_OVER,
    Notice,
    over,
    pause_after,
)
from fundpool.services.ports.notices import Channel, Message
from fundpool.services.ports.work import Transactions, Work

_LINES_OF_A_GROUP, _GROUPS = 5, 10
"""What a message shows of a flood; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What a sending came to, in notices."""

    sent: int = 0
    failed: int = 0


def make_up(
    database: Transactions, standing: Sequence[Notice], now: datetime, *, cities: Collection[str]
) -> int:
    """Enter what stands and was never told, and what is over; how many notices are new.

    ``cities`` are those that were looked at: nothing is over in a city whose policy file cannot be found. Two that do so at once enter nothing twice: the second one's transaction sees the first one's keys.
    """
    by_key = {notice.key: notice for notice in standing}
    subjects = {notice.subject for notice in standing}

    def enter(work: Work) -> int:
        known = work.notices.known(by_key)
        new = [notice for key, notice in by_key.items() if key not in known]
        ended = [
            stored
            for stored in work.notices.standing()
            if stored.notice.subject not in subjects
            and (stored.notice.city is None or stored.notice.city in cities)
        ]
        work.notices.end([stored.id for stored in ended], now)
        # Of several events about one subject, the end of the last one is told.
        last = {stored.notice.subject: stored.notice for stored in ended}
        new += [over(notice) for notice in last.values() if notice.kind in SAYS_WHEN_OVER]
        for notice in new:
            work.notices.add(notice, now)
        return len(new)

    return database.transaction(enter)


def send_waiting(database: Transactions, channels: Sequence[Channel], now: datetime) -> Sending:
    """Send what waits: to each channel one message with all it has not taken yet.

    What is sent is first taken up for some minutes, so that a second sender leaves it alone; when the process dies
    before it has noted the sending, the notices are sent again after that. Without a channel all keep waiting.
    """
    if not channels:
        return Sending()
    claimed = database.transaction(lambda work: work.notices.claim(now, now + LEASE))
    if not claimed:
        return Sending()
    failures: dict[int, list[str]] = {stored.id: [] for stored in claimed}
    for channel in channels:
        waiting = [stored for stored in claimed if channel.name not in stored.taken_by]
        if not waiting:
            continue
        ids = [stored.id for stored in waiting]
        failure = channel.deliver(compose([stored.notice for stored in waiting]))
        if failure is None:
            _note_taken(database, ids, channel.name)
        else:
            for notice_id in ids:
                failures[notice_id].append(f"{channel.name}: {failure}")

    def finish(work: Work) -> None:
        for stored in claimed:
            failed = failures[stored.id]
            pause = pause_after(stored.attempts + 1)
            work.notices.finish(
                stored.id,
                sent_at=None if failed else now,
                next_at=now + pause if failed and pause else None,
                failure="; ".join(failed) or None,
            )

    database.transaction(finish)
    failed = sum(map(bool, failures.values()))
    return Sending(sent=len(claimed) - failed, failed=failed)


def _note_taken(database: Transactions, ids: Sequence[int], channel: str) -> None:
    database.transaction(lambda work: work.notices.taken(ids, channel))


def compose(notices: Sequence[Notice]) -> Message:
    """Notices as one message, by city and kind: three hundred late counties are one message too."""
    ordered = sorted(notices, key=lambda each: (each.is_over, each.city or "", each.kind.value))
    groups = [
        (kind, list(members))
        for (_, _, kind), members in groupby(ordered, key=lambda each: (each.is_over, each.city, each.kind))
    ]
    lines: list[str] = []
    for kind, members in groups[:_GROUPS]:
        zh, en = KIND_NAMES[kind]
        lines.append(f"【{zh} {en}】{len(members)}")
        for notice in members[:_LINES_OF_A_GROUP]:
            lines += [notice.message_zh, f"  {notice.message_en}"]
        if len(members) > _LINES_OF_A_GROUP:
            more = len(members) - _LINES_OF_A_GROUP
            lines.append(f"……另有 {more} 项 / and {more} more")
        lines += [f"→ {remedy}" for remedy in dict.fromkeys(each.remedy for each in members[:1])]
        lines.append("")
    if len(groups) > _GROUPS:
        rest = sum(len(members) for _, members in groups[_GROUPS:])
        lines.append(f"……另有 {rest} 项 / and {rest} more: fundpool notices")
    return Message(
        title=_title(ordered),
        text="\n".join(lines).strip(),
        notices=[_fields(notice) for notice in ordered],
        is_all_over=all(notice.is_over for notice in ordered),
    )


def _title(notices: Sequence[Notice]) -> str:
    if len(notices) == 1:
        return f"fundpool: {notices[0].message_zh}"
    kinds = dict.fromkeys(KIND_NAMES[notice.kind] for notice in notices)
    zh = "、".join(zh for zh, _ in kinds)
    en = ", ".join(en for _, en in kinds)
    return f"fundpool: {len(notices)} 项 · {zh} / {en}"


def _fields(notice: Notice) -> dict[str, object]:
    return {
        "key": notice.key,
        "kind": notice.kind.value,
        "city": notice.city,
        "message_zh": notice.message_zh,
        "message_en": notice.message_en,
        "remedy": notice.remedy,
        "is_over": notice.is_over,
    }
