"""Notices are written into our database first and sent afterwards: a crash may send one twice and loses none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from time import monotonic

from fundpool.domain.notices import (
    KIND_NAMES,
    LEASE,
    OPERATORS,
    SAYS_WHEN_OVER,
    Delivery,
    Language,
    Notice,
    NoticeKind,
    Recipient,
    over,
    pause_after,
)
from fundpool.services.ports.notices import Channel, Message
from fundpool.services.ports.work import Transactions, Work

_LINES_OF_A_GROUP, _GROUPS = 5, 10
"""What a message shows of a flood; it says how many more there are."""

PASS_SECONDS = 300
"""After this long no further recipient is begun: what was taken up is sent well before its lease ends."""

Ways = Mapping[Recipient | None, Sequence[Channel]]
"""The channels to each recipient, and to the operators."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What a sending came to, in notices."""

    sent: int = 0
    failed: int = 0


def make_up(
    database: Transactions,
    standing: Sequence[Notice],
    now: datetime,
    *,
    cities: Collection[str],
    reached: Collection[Recipient | None],
) -> int:
    """Enter what stands and was never told, and what is over; how many notices are new.

    ``cities`` are those that were looked at: nothing is over in a city whose policy file cannot be found. Nothing is
    entered for who is not ``reached`` by any channel. Two that do so at once enter nothing twice: the second one's
    transaction sees the first one's keys.
    """
    by_key = {notice.key: notice for notice in standing if notice.address in reached}
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
        new += [
            over(notice)
            for notice in last.values()
            if notice.kind in SAYS_WHEN_OVER and notice.address in reached
        ]
        for notice in new:
            work.notices.add(notice, now)
        return len(new)

    return database.transaction(enter)


def send_to_all(
    database: Transactions,
    ways: Ways,
    now: datetime,
    *,
    kinds_for_units: Collection[NoticeKind],
    language: Language,
) -> Sending:
    """Send what waits for everybody, to the operators first; to others only what may be sent to them now."""

    def addresses(work: Work) -> list[Recipient]:
        waiting = (
            stored.notice
            for stored in work.notices.unsent()
            if stored.next_at is not None and stored.next_at <= now
        )
        found = (notice.address for notice in waiting if notice.kind in kinds_for_units)
        return list(dict.fromkeys(address for address in found if address is not None))

    ends_at = monotonic() + PASS_SECONDS
    sending = send_waiting(database, ways.get(OPERATORS, ()), now, language=language)
    sent, failed = sending.sent, sending.failed
    for recipient in database.read(addresses):
        if monotonic() >= ends_at:
            break  # the next pass goes on
        sending = send_waiting(
            database,
            ways.get(recipient, ()),
            now,
            recipient=recipient,
            kinds=kinds_for_units,
            language=language,
        )
        sent, failed = sent + sending.sent, failed + sending.failed
    return Sending(sent, failed)


def send_waiting(
    database: Transactions,
    channels: Sequence[Channel],
    now: datetime,
    *,
    recipient: Recipient | None = OPERATORS,
    kinds: Collection[NoticeKind] | None = None,
    language: Language = "zh",
) -> Sending:
    """Send what waits for a recipient: to each channel one message with all it has not taken yet.

    What is sent is first taken up for some minutes, so that a second sender leaves it alone; when the process dies
    before it has noted the sending, the notices are sent again after that. Without a channel all keep waiting.
    """
    if not channels:
        return Sending()
    claimed = database.transaction(lambda work: work.notices.claim(now, now + LEASE, recipient, kinds=kinds))
    if not claimed:
        return Sending()
    failures: dict[int, list[str]] = {stored.id: [] for stored in claimed}
    for channel in channels:
        waiting = [stored for stored in claimed if channel.name not in stored.taken_by]
        if not waiting:
            continue
        ids = [stored.id for stored in waiting]
        answer = channel.deliver(compose([stored.notice for stored in waiting], language))
        if answer.is_taken:
            _note_taken(database, ids, Delivery(channel.name, now, answer.text))
        else:
            for notice_id in ids:
                failures[notice_id].append(f"{channel.name}: {answer.text}")

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


def _note_taken(database: Transactions, ids: Sequence[int], delivery: Delivery) -> None:
    database.transaction(lambda work: work.notices.taken(ids, delivery))


def compose(notices: Sequence[Notice], language: Language) -> Message:
    """Notices as one message, by city and kind: three hundred late counties are one message too."""
    ordered = sorted(notices, key=lambda each: (each.is_over, each.city or "", each.kind.value))
    groups = [
        (kind, list(members))
        for (_, _, kind), members in groupby(ordered, key=lambda each: (each.is_over, each.city, each.kind))
    ]
    lines: list[str] = []
    for kind, members in groups[:_GROUPS]:
        lines.append(f"【{_name_of(kind, language)}】{len(members)}")
        lines += [_text_of(notice, language) for notice in members[:_LINES_OF_A_GROUP]]
        if len(members) > _LINES_OF_A_GROUP:
            lines.append(_and_more(len(members) - _LINES_OF_A_GROUP, language))
        lines += [f"→ {remedy}" for remedy in [members[0].remedy] if remedy]
        lines.append("")
    if len(groups) > _GROUPS:
        rest = sum(len(members) for _, members in groups[_GROUPS:])
        lines.append(f"{_and_more(rest, language)}: fundpool notices")
    return Message(
        title=_title(ordered, language),
        text="\n".join(lines).strip(),
        notices=[_fields(notice) for notice in ordered],
        is_all_over=all(notice.is_over for notice in ordered),
    )


def _text_of(notice: Notice, language: Language) -> str:
    return notice.message_zh if language == "zh" else notice.message_en


def _name_of(kind: NoticeKind, language: Language) -> str:
    zh, en = KIND_NAMES[kind]
    return zh if language == "zh" else en


def _and_more(count: int, language: Language) -> str:
    return f"……另有 {count} 项" if language == "zh" else f"… and {count} more"


def _title(notices: Sequence[Notice], language: Language) -> str:
    if len(notices) == 1:
        return f"fundpool: {_text_of(notices[0], language)}"
    kinds = dict.fromkeys(_name_of(notice.kind, language) for notice in notices)
    if language == "zh":
        return f"fundpool: {len(notices)} 项 · {'、'.join(kinds)}"
    return f"fundpool: {len(notices)} notices · {', '.join(kinds)}"


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
