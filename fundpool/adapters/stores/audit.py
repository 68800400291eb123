"""The chained audit trail on SQL."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from fundpool.domain.audit import AuditRecord, seal_record
from fundpool.domain.ledger import GENESIS, seal
from schemas.tables.audit import audit

_ADD = insert(audit)
_LAST = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)


class SqlAuditStore:
    """Appends to the chain within the transaction of ``connection``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._head: tuple[int, str] | None = None

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
        number, previous_hash = self.head()
        detail = json.dumps(
            {"before": before, "after": after}, ensure_ascii=False, sort_keys=True, default=str
        )
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
        self._connection.execute(
            _ADD,
            {
                "number": record.number,
                "at": at,
                "actor": actor,
                "action": action,
                "subject": subject,
                "before_digest": record.before_digest,
                "after_digest": record.after_digest,
                "detail": detail,
                "reason": reason,
                "previous_hash": previous_hash,
                "hash": sealed,
            },
        )
        self._head = (record.number, sealed)

    def records(self, subject: str | None = None) -> Iterable[AuditRecord]:
        query = select(audit).order_by(audit.c.number)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        for row in self._connection.execute(query).mappings():
            yield AuditRecord(**row)

    def head(self) -> tuple[int, str]:
        if self._head is None:
            row = self._connection.execute(_LAST).first()
            self._head = (row.number, row.hash) if row else (0, GENESIS)
        return self._head

    def last_at(self) -> datetime | None:
        return self._connection.execute(select(audit.c.at).order_by(audit.c.number.desc()).limit(1)).scalar()


def _digest(values: Mapping[str, Any] | None) -> str | None:
    if values is None:
        return None
    return seal("", [item for pair in sorted(values.items()) for item in pair], ())
