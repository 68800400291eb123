"""Extensions, nil returns, filings and runs of steps in SQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, select

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.month_records import Extension, Filing, NilReturn, StepRun
from fundpool.domain.periods import SHANGHAI, Month, Period
from fundpool.domain.submission import DocumentKind
from schemas.tables.calendar_records import extensions, filings, nil_returns, step_runs


class SqlCalendarRecords:
    """``services.month_stores.CalendarRecordStore`` on one connection."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows

    def extensions(self, city: str, month: Period) -> tuple[Extension, ...]:
        rows = self._connection.execute(
            select(extensions)
            .where(extensions.c.city == city, extensions.c.month == str(month))
            .order_by(extensions.c.id)
        )
        return tuple(
            Extension(
                city=row.city,
                month=month,
                duty=row.step,
                unit=row.unit,
                until=row.until,
                document_number=row.document_number,
                approver=row.approver,
                recorded_by=row.recorded_by,
                recorded_at=row.recorded_at.astimezone(SHANGHAI),
            )
            for row in rows
        )

    def add_extension(self, extension: Extension) -> bool:
        same = [
            known
            for known in self.extensions(extension.city, extension.month)
            if (known.duty, known.unit, known.document_number, known.until)
            == (extension.duty, extension.unit, extension.document_number, extension.until)
        ]
        if same:
            return False
        row = {**asdict(extension), "month": str(extension.month)}
        # The column keeps its name: the trail's prints of the rows that stand are over it.
        row["step"] = row.pop("duty")
        self._rows.insert(extensions, row)
        return True

    def nil_returns(self, city: str, month: Period) -> tuple[NilReturn, ...]:
        rows = self._connection.execute(
            select(nil_returns)
            .where(nil_returns.c.city == city, nil_returns.c.month == str(month))
            .order_by(nil_returns.c.document, nil_returns.c.county)
        )
        return tuple(
            NilReturn(
                city=row.city,
                month=month,
                document=DocumentKind(row.document),
                county=row.county,
                reason=row.reason,
                declared_by=row.declared_by,
                received_at=row.received_at.astimezone(SHANGHAI),
                document_number=row.document_number,
                approver=row.approver,
            )
            for row in rows
        )

    def add_nil_return(self, nil_return: NilReturn, at: datetime) -> bool:
        place = (nil_return.document, nil_return.county)
        if any(
            (known.document, known.county) == place
            for known in self.nil_returns(nil_return.city, nil_return.month)
        ):
            return False
        self._rows.insert(
            nil_returns,
            {
                **asdict(nil_return),
                "month": str(nil_return.month),
                "document": nil_return.document.value,
                "recorded_at": at,
            },
        )
        return True

    def filings(self, city: str, month: Month) -> tuple[Filing, ...]:
        rows = self._connection.execute(
            select(filings)
            .where(filings.c.city == city, filings.c.month == str(month))
            .order_by(filings.c.version)
        )
        return tuple(
            Filing(
                city=row.city,
                month=month,
                version=row.version,
                sha256=row.sha256,
                file_name=row.file_name,
                content_digest=row.content_digest,
                filed_by=row.filed_by,
                filed_at=row.filed_at.astimezone(SHANGHAI),
                sources=None
                if row.sources is None
                else tuple((county, fund, number) for county, fund, number in json.loads(row.sources)),
            )
            for row in rows
        )

    def add_filing(self, filing: Filing) -> None:
        sources = None if filing.sources is None else json.dumps(filing.sources)
        self._rows.insert(filings, {**asdict(filing), "month": str(filing.month), "sources": sources})

    def start_run(self, city: str, month: Month, run: StepRun) -> int:
        row = self._rows.insert(
            step_runs,
            {
                "city": city,
                "month": str(month),
                "step": run.step,
                "counties": None if run.counties is None else json.dumps(run.counties),
                "asked_by": run.requested_by,
                "run_id": run.run_id,
                "business_time": run.business_time,
            },
        )
        return int(row["id"])

    def finish_run(self, run_id: int, outcomes: Sequence[Mapping[str, object]]) -> None:
        text = json.dumps(list(outcomes), ensure_ascii=False)
        self._rows.update(step_runs, [step_runs.c.id == run_id], {"outcomes": text})

    def runs(self, city: str, month: Month) -> tuple[StepRun, ...]:
        rows = self._connection.execute(
            select(step_runs)
            .where(step_runs.c.city == city, step_runs.c.month == str(month))
            .order_by(step_runs.c.id)
        )
        return tuple(
            StepRun(
                step=row.step,
                counties=None if row.counties is None else tuple(json.loads(row.counties)),
                requested_by=row.asked_by,
                run_id=row.run_id,
                business_time=row.business_time.astimezone(SHANGHAI),
                outcomes=None if row.outcomes is None else tuple(json.loads(row.outcomes)),
            )
            for row in rows
        )
