"""The outbox of notices, and what was last done, in SQL."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from fundpool.adapters.stores.store import Store, StoredRow, local, record_of, rows_where, values_of
from fundpool.domain.notices import Call, Delivery, Notice, NoticeKind, Recipient, StoredNotice
from fundpool.domain.periods import parse_period
from fundpool.services.ports.notices import Act
from schemas.tables.notices import calls, last_done, notices

_C = notices.c
_LAST_DONE = rows_where(last_done, "act")
_STANDING = select(notices).where(_C.ended_at.is_(None), _C.is_over == 0).order_by(_C.id)
# What was to be said to a unit is not said any more once it is done; operators are told with its end.
_IS_WANTED = or_(_C.recipient.is_(None), _C.ended_at.is_(None))
_UNSENT = select(notices).where(_C.sent_at.is_(None), _IS_WANTED).order_by(_C.id)
_KEYS_AT_ONCE = 500


class SqlNotices(Store):
    """``services.ports.notices.NoticeStore`` on one connection."""

    def add(self, notice: Notice, at: datetime) -> None:
        values = {
            "key": notice.key,
            "subject": notice.subject,
            "kind": notice.kind.value,
            "city": notice.city,
            "message_zh": notice.message_zh,
            "message_en": notice.message_en,
            "remedy": notice.remedy,
            "is_over": int(notice.is_over),
            "made_at": at,
            "attempts": 0,
            "next_at": at,
            "taken_by": "[]",
            "recipient": notice.recipient,
        }
        self._rows.insert(notices, values)

    def known(self, keys: Collection[str]) -> set[str]:
        every = sorted(keys)
        parts = (every[start : start + _KEYS_AT_ONCE] for start in range(0, len(every), _KEYS_AT_ONCE))
        return {
            key for part in parts for key in self._connection.scalars(select(_C.key).where(_C.key.in_(part)))
        }

    def standing(self) -> list[StoredNotice]:
        return [_stored(row) for row in self._all(_STANDING)]

    def end(self, ids: Collection[int], at: datetime) -> None:
        for notice_id in ids:
            self._rows.update(notices, [_C.id == notice_id], {"ended_at": at})

    def unsent(self) -> list[StoredNotice]:
        return [_stored(row) for row in self._all(_UNSENT)]

    def claim(
        self,
        now: datetime,
        until: datetime,
        recipient: Recipient | None,
        *,
        kinds: Collection[NoticeKind] | None = None,
    ) -> list[StoredNotice]:
        query = _UNSENT.where(_C.next_at <= now)
        if recipient is None:
            query = query.where(_C.recipient.is_(None))
        else:
            query = query.where(_C.recipient == recipient.unit, _C.city == recipient.city)
        if kinds is not None:
            query = query.where(_C.kind.in_(sorted(kinds)))
        waiting = [_stored(row) for row in self._all(query)]
        for stored in waiting:
            values = {"next_at": until, "attempts": stored.attempts + 1}
            self._rows.update(notices, [_C.id == stored.id], values)
        return waiting

    def taken(self, ids: Collection[int], delivery: Delivery) -> None:
        at = None if delivery.at is None else delivery.at.isoformat()
        new = {"channel": delivery.channel, "at": at, "answer": delivery.answer}
        for notice_id in ids:
            before = self._connection.scalar(select(_C.taken_by).where(_C.id == notice_id))
            taken_by = json.dumps([*json.loads(before or "[]"), new], ensure_ascii=False)
            self._rows.update(notices, [_C.id == notice_id], {"taken_by": taken_by})

    def finish(
        self, notice_id: int, *, sent_at: datetime | None, next_at: datetime | None, failure: str | None
    ) -> None:
        values = {"sent_at": sent_at, "next_at": next_at, "failure": failure}
        self._rows.update(notices, [_C.id == notice_id], values)

    def try_again(self, now: datetime) -> int:
        failed = [_C.sent_at.is_(None), _IS_WANTED, _C.failure.is_not(None)]
        return self._rows.update(notices, failed, {"next_at": now, "attempts": 0})

    def since(self, moment: datetime, city: str) -> list[StoredNotice]:
        query = select(notices).where(_C.made_at >= moment, _C.city == city).order_by(_C.id)
        return [_stored(row) for row in self._all(query)]

    def add_call(self, call: Call) -> None:
        self._rows.insert(calls, values_of(call))

    def calls(self, moment: datetime, city: str) -> list[Call]:
        query = select(calls).where(calls.c.called_at >= moment, calls.c.city == city).order_by(calls.c.id)
        return [
            record_of(Call, row, month=parse_period(row["month"]), called_at=local(row["called_at"]))
            for row in self._all(query)
        ]


def _stored(row: StoredRow) -> StoredNotice:
    fields = {name: row[name] for name in Notice.__slots__}
    notice = Notice(**(fields | {"kind": NoticeKind(row["kind"]), "is_over": bool(row["is_over"])}))
    moments: dict[str, Any] = {
        name: local(row[name]) for name in ("made_at", "ended_at", "next_at", "sent_at")
    }
    deliveries = tuple(map(_delivery, json.loads(row["taken_by"])))
    return record_of(StoredNotice, row, notice=notice, deliveries=deliveries, **moments)


def _delivery(kept: str | Mapping[str, str | None]) -> Delivery:
    if isinstance(kept, str):  # of before the answers were kept
        return Delivery(kept)
    at = kept["at"]
    return Delivery(str(kept["channel"]), None if at is None else datetime.fromisoformat(at), kept["answer"])


class SqlLastDone(Store):
    """``services.ports.notices.LastDoneStore`` on one connection."""

    def record(self, act: Act, at: datetime, city: str = "") -> None:
        self._rows.put(last_done, {"act": act.value, "city": city}, {"done_at": at})

    def of(self, act: Act) -> Mapping[str, datetime]:
        return {row["city"]: local(row["done_at"]) for row in self._all(_LAST_DONE, act=act.value)}
