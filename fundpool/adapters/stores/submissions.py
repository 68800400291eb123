"""Received files, versions, figures and judgements in SQL."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select

from fundpool.adapters.stores.listed_values import among, listed
from fundpool.adapters.stores.store import SealedStore, StoredRow, local, record_of, rows_where, values_of
from fundpool.domain.errors import InputError
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.periods import Month, Period, parse_period
from fundpool.domain.submission import DocumentKind, Figure, FileState, ReceivedFile, Submission
from fundpool.services.ports.month_stores import StoredJudgement
from schemas.tables.submissions import (
    file_cells,
    judgements,
    raw_files,
    received_files,
    submission_figures,
    submissions,
)

_RECEIVED = rows_where(received_files, "city", "document", "sha256")
_FILE = rows_where(received_files, "id")
_FIGURES = rows_where(submission_figures, "submission_id").order_by(submission_figures.c.position)
_CONTENT = select(raw_files.c.content).where(raw_files.c.sha256 == bindparam("sha256"))
_KNOWN_CONTENT = select(raw_files.c.sha256).where(raw_files.c.sha256 == bindparam("sha256"))
_JUDGED = rows_where(judgements, "submission_id").where(judgements.c.is_current)
_CURRENT_JUDGEMENTS = (
    select(
        judgements.c.submission_id,
        judgements.c.verdict,
        judgements.c.declared,
        judgements.c.evaluated,
        judgements.c.findings,
        submissions.c.county,
    )
    .join(submissions, submissions.c.id == judgements.c.submission_id)
    .where(judgements.c.is_current)
)
_JUDGEMENT = _CURRENT_JUDGEMENTS.where(judgements.c.submission_id == bindparam("submission_id"))


@cache
def _judgements_of(dialect: str) -> Select[Any]:
    return _CURRENT_JUDGEMENTS.where(among(dialect, judgements.c.submission_id))


@cache
def _figures_of(dialect: str) -> Select[Any]:
    return (
        select(submission_figures)
        .where(among(dialect, submission_figures.c.submission_id))
        .order_by(submission_figures.c.submission_id, submission_figures.c.position)
    )


@cache
def _submissions_where(*names: str) -> Select[Any]:
    return (
        select(
            submissions,
            received_files.c.sha256,
            received_files.c.file_name,
            raw_files.c.stored_at.label("entered_at"),
        )
        .join(received_files, received_files.c.id == submissions.c.file_id)
        .join(raw_files, raw_files.c.sha256 == received_files.c.sha256)
        .where(*(submissions.c[name] == bindparam(name) for name in names))
        .order_by(submissions.c.county, submissions.c.version)
    )


class SqlSubmissions(SealedStore):
    """``services.month_stores.SubmissionStore`` on one connection."""

    def add_raw_file(self, sha256: str, content: bytes, at: datetime) -> None:
        if self._connection.scalar(_KNOWN_CONTENT, {"sha256": sha256}) is None:
            size = len(content)
            self._rows.insert(
                raw_files, {"sha256": sha256, "size_bytes": size, "stored_at": at, "content": content}
            )

    def raw_content(self, sha256: str) -> bytes | None:
        content: bytes | None = self._connection.scalar(_CONTENT, {"sha256": sha256})
        return content

    def keep_cells(self, sha256: str, cells: bytes) -> None:
        values = {"content": cells, "seal": self._seal_of_cells(sha256, cells)}
        self._rows.put(file_cells, {"sha256": sha256}, values)

    def cells(self, sha256s: Iterable[str]) -> dict[str, bytes]:
        rows = self._connection.execute(select(file_cells).where(file_cells.c.sha256.in_(list(sha256s))))
        return {
            row.sha256: row.content
            for row in rows
            if row.seal == self._seal_of_cells(row.sha256, row.content)
        }

    def _seal_of_cells(self, sha256: str, cells: bytes) -> str:
        return self._seals.of_values("file cells", sha256, cells)

    def received_file(self, city: str, document: DocumentKind, sha256: str) -> ReceivedFile | None:
        row = self._first(_RECEIVED, city=city, document=document.value, sha256=sha256)
        return None if row is None else _received_file(row)

    def add_received_file(
        self,
        city: str,
        document: DocumentKind,
        sha256: str,
        *,
        file_name: str,
        received_at: datetime,
        received_from: str,
        declared_county: str | None,
        declared_month: Period | None,
    ) -> ReceivedFile:
        row = self._rows.insert(
            received_files,
            {
                "city": city,
                "document": document.value,
                "sha256": sha256,
                "file_name": file_name,
                "received_at": received_at,
                "received_from": received_from,
                "declared_county": declared_county,
                "declared_month": _text(declared_month),
                "state": FileState.RECEIVED.value,
            },
        )
        return self._file(row["id"])

    def _file(self, file_id: int) -> ReceivedFile:
        return _received_file(self._all(_FILE, id=file_id)[0])

    def redeclare(self, file_id: int, county: str | None, month: Period | None) -> None:
        values = {"declared_county": county, "declared_month": _text(month)}
        self._rows.update(received_files, [received_files.c.id == file_id], values)

    def set_file_state(self, file_id: int, state: FileState, problem: InputError | None = None) -> None:
        values = {
            "state": state.value,
            "problem_code": problem and problem.code,
            "problem_zh": problem and problem.zh,
            "problem_en": problem and problem.en,
            "remedy": problem and problem.remedy,
        }
        self._rows.update(received_files, [received_files.c.id == file_id], values)

    def files(
        self, city: str, document: DocumentKind | None, states: Sequence[FileState]
    ) -> tuple[ReceivedFile, ...]:
        query = select(received_files).where(
            received_files.c.city == city,
            received_files.c.state.in_([state.value for state in states]),
        )
        if document is not None:
            query = query.where(received_files.c.document == document.value)
        return tuple(_received_file(row) for row in self._all(query.order_by(received_files.c.id)))

    def add_submission(
        self, file: ReceivedFile, county: str, month: Period, *, figures: Sequence[Figure]
    ) -> Submission:
        known = self._submissions(file_id=file.id, county=county, month=str(month))
        if known:
            return known[0]
        version = self._connection.scalar(
            select(func.coalesce(func.max(submissions.c.version), 0) + 1).where(
                submissions.c.city == file.city,
                submissions.c.document == file.document.value,
                submissions.c.county == county,
                submissions.c.month == str(month),
            )
        )
        submission_id = self._rows.insert(
            submissions,
            {
                "file_id": file.id,
                "city": file.city,
                "document": file.document.value,
                "county": county,
                "month": str(month),
                "version": version,
                "received_at": file.received_at,
                "submitted_by": file.received_from,
            },
        )["id"]
        self._rows.insert_all(
            submission_figures,
            (
                values_of(figure) | {"submission_id": submission_id, "position": position}
                for position, figure in enumerate(figures)
            ),
        )
        return self._submissions(id=submission_id)[0]

    def versions(
        self, city: str, document: DocumentKind, month: Period, *, county: str | None = None
    ) -> tuple[Submission, ...]:
        only = {} if county is None else {"county": county}
        return self._submissions(city=city, document=document.value, month=str(month), **only)

    def versions_of_period(self, city: str, month: Period) -> tuple[Submission, ...]:
        return self._submissions(city=city, month=str(month))

    def of_file(self, file_id: int) -> tuple[Submission, ...]:
        return self._submissions(file_id=file_id)

    def figures(self, submission_id: int) -> tuple[Figure, ...]:
        return tuple(record_of(Figure, row) for row in self._all(_FIGURES, submission_id=submission_id))

    def figures_of(self, submission_ids: Iterable[int]) -> dict[int, tuple[Figure, ...]]:
        found: dict[int, list[Figure]] = {submission_id: [] for submission_id in submission_ids}
        dialect = self._connection.dialect.name
        for row in self._all(_figures_of(dialect), **listed(dialect, found)):
            found[row["submission_id"]].append(record_of(Figure, row))
        return {submission_id: tuple(figures) for submission_id, figures in found.items()}

    def judge(
        self,
        submission_id: int,
        at: datetime,
        verdict: Verdict,
        *,
        declared: int,
        evaluated: int,
        findings: Sequence[Finding],
    ) -> bool:
        text = json.dumps([asdict(finding) for finding in findings], ensure_ascii=False)
        current = self._connection.execute(_JUDGED, {"submission_id": submission_id}).one_or_none()
        if current is not None:
            stands = (current.verdict, current.declared, current.evaluated, current.findings)
            if stands == (verdict.value, declared, evaluated, text):
                return False
            self._rows.update(judgements, [judgements.c.id == current.id], {"is_current": False})
        self._rows.insert(
            judgements,
            {
                "submission_id": submission_id,
                "judged_at": at,
                "verdict": verdict.value,
                "declared": declared,
                "evaluated": evaluated,
                "findings": text,
                "is_current": True,
            },
        )
        values = {"verdict": verdict.value, "judged_at": at}
        self._rows.update(submissions, [submissions.c.id == submission_id], values)
        return True

    def judgement(self, submission_id: int) -> StoredJudgement | None:
        row = self._connection.execute(_JUDGEMENT, {"submission_id": submission_id}).one_or_none()
        if row is None:
            return None
        return StoredJudgement(Verdict(row.verdict), row.declared, row.evaluated, findings=_concerned(row))

    def findings(self, submission_id: int) -> tuple[Finding, ...]:
        judgement = self.judgement(submission_id)
        return () if judgement is None else judgement.findings

    def findings_of(self, submission_ids: Iterable[int]) -> dict[int, tuple[Finding, ...]]:
        found: dict[int, tuple[Finding, ...]] = dict.fromkeys(submission_ids, ())
        dialect = self._connection.dialect.name
        for row in self._connection.execute(_judgements_of(dialect), listed(dialect, found)):
            found[row.submission_id] = _concerned(row)
        return found

    def set_returned(
        self, submission_id: int, at: datetime | None, by: str | None, *, reason: str | None
    ) -> None:
        values = {"returned_at": at, "returned_by": by, "return_reason": reason}
        self._rows.update(submissions, [submissions.c.id == submission_id], values)

    def cities(self) -> set[str]:
        return set(self._connection.scalars(select(submissions.c.city).distinct()))

    def months(
        self,
        city: str,
        documents: Sequence[DocumentKind] | None = None,
        *,
        until: datetime | None = None,
    ) -> tuple[Month, ...]:
        query = select(submissions.c.month).where(submissions.c.city == city)
        if until is not None:
            query = query.where(submissions.c.received_at <= until)
        if documents is not None:
            query = query.where(submissions.c.document.in_([document.value for document in documents]))
        rows = self._connection.scalars(query.distinct().order_by(submissions.c.month))
        periods = (parse_period(text) for text in rows)
        return tuple(period for period in periods if isinstance(period, Month))

    def _submissions(self, **values: Any) -> tuple[Submission, ...]:
        return tuple(_submission(row) for row in self._all(_submissions_where(*values), **values))


def _text(month: Period | None) -> str | None:
    return None if month is None else str(month)


def _received_file(row: StoredRow) -> ReceivedFile:
    code, declared_month = row["problem_code"], row["declared_month"]
    return record_of(
        ReceivedFile,
        row,
        document=DocumentKind(row["document"]),
        received_at=local(row["received_at"]),
        declared_month=declared_month and parse_period(declared_month),
        state=FileState(row["state"]),
        problem=code and InputError(code, row["problem_zh"], row["problem_en"], remedy=row["remedy"]),
    )


def _submission(row: StoredRow) -> Submission:
    return record_of(
        Submission,
        row,
        document=DocumentKind(row["document"]),
        month=parse_period(row["month"]),
        received_at=local(row["received_at"]),
        verdict=row["verdict"] and Verdict(row["verdict"]),
        judged_at=local(row["judged_at"]),
        returned_at=local(row["returned_at"]),
        entered_at=local(row["entered_at"]),
    )


def _concerned(row: Row[Any]) -> tuple[Finding, ...]:
    """One file may speak for several counties: each sees what concerns it or the whole file."""
    found = (_finding(item) for item in json.loads(row.findings))
    return tuple(finding for finding in found if finding.county in {None, row.county})


def _finding(item: dict[str, Any]) -> Finding:
    return Finding(**{**item, "severity": Severity(item["severity"])})
