"""The audit trail as people look through it: by subject, person or day, page by page, before beside after."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fundpool.domain.audit import AuditRecord
from fundpool.domain.periods import midnight
from fundpool.services.ports.work import Work

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Change:
    """One value of what an act was about; None: it was not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class AuditAct:
    """A record of the trail with what it changed."""

    record: AuditRecord
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Records newest first; ``older`` is what the next page is asked with as ``before``, None on the last."""

    acts: tuple[AuditAct, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class TrailQuestion:
    """Which records: whose subject contains a text, of a person, of a day; numbers below ``before``."""

    subject: str | None = None
    actor: str | None = None
    day: date | None = None
    before: int | None = None


def trail_page(work: Work, question: TrailQuestion, *, until: datetime | None = None) -> TrailPage:
    """One page; ``until`` leaves out what was recorded later."""
    since = None if question.day is None else midnight(question.day)
    if since is not None:
        end = since + timedelta(days=1) - timedelta(microseconds=1)
        until = end if until is None else min(until, end)
    records = work.audit.find(
        subject=question.subject,
        actor=question.actor,
        since=since,
        until=until,
        before=question.before,
        limit=PAGE_SIZE + 1,
    )
    shown = records[:PAGE_SIZE]
    older = shown[-1].number if len(records) > PAGE_SIZE else None
    return TrailPage(tuple(AuditAct(record, changes_of(record)) for record in shown), older)


def changes_of(record: AuditRecord) -> tuple[Change, ...]:
    """Every value of the record's detail that differs between before and after."""
    detail = json.loads(record.detail)
    before, after = detail.get("before") or {}, detail.get("after") or {}
    names: Sequence[str] = list(dict.fromkeys([*before, *after]))
    return tuple(
        Change(name, _text(before.get(name)), _text(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
