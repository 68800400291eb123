"""The chained audit trail on SQL."""

import json
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, cast, exists, insert, literal, or_, select

from fundpool.adapters.stores.sealed_rows import SqlRowTrail
from fundpool.domain.audit import AuditRecord, seal_record
from fundpool.domain.ledger import seal
from fundpool.domain.people import require_reason
from schemas.tables.accounts import bank_account
from schemas.tables.audit import audit
from schemas.tables.submissions import received_files
from schemas.tables.transfers import attempts, obligations, reconciliation_break
from schemas.tables.users import user_account

_ADD = insert(audit)

os_user: ContextVar[str | None] = ContextVar("os_user", default=None)
"""The operating system's user by whose command the records are made; stands in each of them."""


class SqlAuditStore:
    """Appends to the chain within the transaction of ``connection``.

    New records wait for ``flush``, which the end of the transaction calls: one statement writes them all.
    """

    def __init__(self, connection: Connection, trail: SqlRowTrail) -> None:
        self._connection = connection
        self._trail = trail
        self._head: tuple[int, str] | None = None
        self._waiting: list[dict[str, Any]] = []

    def append(
        self,
        *,
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str | None = None,
    ) -> None:
        require_reason(actor, reason)
        number, previous_hash = self.head()
        user = os_user.get()
        states = {"before": before, "after": after} | ({} if user is None else {"os_user": user})
        detail = json.dumps(states, ensure_ascii=False, sort_keys=True, default=str)
        record = AuditRecord(
            number=number + 1,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            before_digest=_digest(before),
            after_digest=_digest(after),
            detail=detail,
            reason=reason,
            previous_hash=previous_hash,
            hash="",
        )
        sealed = seal_record(record)
        row = {name: getattr(record, name) for name in AuditRecord.__slots__}
        self._waiting.append(row | {"hash": sealed})
        self._head = (record.number, sealed)

    def flush(self) -> None:
        """Write the records that wait."""
        if self._waiting:
            self._connection.execute(_ADD, self._waiting)
            self._waiting = []

    def records(self, subject: str | None = None, after: int = 0) -> Iterable[AuditRecord]:
        self.flush()
        query = select(audit).where(audit.c.number > after).order_by(audit.c.number)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        for row in self._connection.execute(query, execution_options={"yield_per": 1000}).mappings():
            yield AuditRecord(**row)

    def find(
        self,
        *,
        subject: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        city: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[AuditRecord]:
        self.flush()
        wanted = (
            None if action is None else audit.c.action == action,
            None if city is None else _is_of_city(city),
            None if subject is None else audit.c.subject.contains(subject, autoescape=True),
            None if actor is None else audit.c.actor == actor,
            None if since is None else audit.c.at >= since,
            None if until is None else audit.c.at <= until,
            None if before is None else audit.c.number < before,
        )
        query = select(audit).where(*(each for each in wanted if each is not None))
        rows = self._connection.execute(query.order_by(audit.c.number.desc()).limit(limit)).mappings()
        return [AuditRecord(**row) for row in rows]

    def head(self) -> tuple[int, str]:
        if self._head is None:
            # The sealed end of the trail, not the last row that stands there: one that was cut off
            # or forged is never written on.
            last = self._trail.head()
            self._head = (last.audit_number, last.audit_hash)
        return self._head

    def last_at(self) -> datetime | None:
        self.flush()
        return self._connection.execute(select(audit.c.at).order_by(audit.c.number.desc()).limit(1)).scalar()


_OF_NO_CITY = ("installation",)
"""Subjects of the whole installation, which every city's auditor may read."""


def _is_of_city(city: str) -> ColumnElement[bool]:
    """Whether a record's subject is of the city: it names the city, or a row that belongs to it, or no city at all."""
    subject = audit.c.subject
    account, user = bank_account.c, user_account.c
    rows: tuple[tuple[str, ColumnElement[Any], ColumnElement[bool]], ...] = (
        (
            "attempt:",
            attempts.c.key,
            attempts.c.obligation_id.in_(select(obligations.c.id).where(obligations.c.city == city)),
        ),
        ("bank_account:", cast(account.id, String), account.city == city),
        ("account:", account.account_no, account.city == city),
        ("break:", cast(reconciliation_break.c.id, String), reconciliation_break.c.city == city),
        ("file:", received_files.c.sha256, received_files.c.city == city),
        ("user:", user.name, or_(user.city == city, user.city.is_(None))),
    )
    return or_(
        subject.contains(f":{city}:", autoescape=True),
        subject.contains(f":{city}/", autoescape=True),
        subject.in_(_OF_NO_CITY),
        *(subject.in_(select(literal(prefix).concat(key)).where(own)) for prefix, key, own in rows),
        # account:NUMBER:DAY and receipt:NUMBER/SERIAL
        exists().where(
            account.city == city,
            or_(
                subject.startswith(literal("account:").concat(account.account_no).concat(":")),
                subject.startswith(literal("receipt:").concat(account.account_no).concat("/")),
            ),
        ),
    )


def _digest(values: Mapping[str, Any] | None) -> str | None:
    if values is None:
        return None
    return seal("", [item for pair in sorted(values.items()) for item in pair], ())
