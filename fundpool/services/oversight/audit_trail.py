"""The audit trail as people look through it: by subject, person or day, page by page, before beside after."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fundpool.domain.audit import AuditRecord
from fundpool.domain.periods import Month, midnight
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
    """Which records: whose subject contains a text, of a person, a kind of act, a city, recorded on a day or in a month.

    Numbers below ``before``.
    """

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    city: str | None = None
    month: Month | None = None
    day: date | None = None
    before: int | None = None


def trail_page(work: Work, question: TrailQuestion, *, until: datetime | None = None) -> TrailPage:
    """One page; ``until`` leaves out what was recorded later."""
    since = None
    for first, after in _spans(question):
        end = midnight(after) - timedelta(microseconds=1)
        since = midnight(first) if since is None else max(since, midnight(first))
        until = end if until is None else min(until, end)
    records = work.audit.find(
        subject=question.subject,
        actor=question.actor,
        action=question.action,
        city=question.city,
        since=since,
        until=until,
        before=question.before,
        limit=PAGE_SIZE + 1,
    )
    shown = records[:PAGE_SIZE]
    older = shown[-1].number if len(records) > PAGE_SIZE else None
    return TrailPage(tuple(AuditAct(record, changes_of(record)) for record in shown), older)


def _spans(question: TrailQuestion) -> Iterator[tuple[date, date]]:
    """First day of each span of time that is asked for, and the day after it."""
    if question.month is not None:
        yield question.month.first_day, question.month.plus(1).first_day
    if question.day is not None:
        yield question.day, question.day + timedelta(days=1)


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
