"""Extensions, nil returns, filings and runs of steps in SQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from fundpool.adapters.stores.store import Store, local, record_of, rows_where, values_of
from fundpool.domain.month_records import Extension, Filing, NilReturn, StepRun
from fundpool.domain.periods import Month, Period
from fundpool.domain.submission import DocumentKind
from schemas.tables.calendar_records import extensions, filings, nil_returns, step_runs

_EXTENSIONS = rows_where(extensions, "city", "month").order_by(extensions.c.id)
_NIL_RETURNS = rows_where(nil_returns, "city", "month").order_by(nil_returns.c.document, nil_returns.c.county)
_FILINGS = rows_where(filings, "city", "month").order_by(filings.c.version)
_RUNS = rows_where(step_runs, "city", "month").order_by(step_runs.c.id)


class SqlCalendarRecords(Store):
    """``services.month_stores.CalendarRecordStore`` on one connection."""

    def extensions(self, city: str, month: Period) -> tuple[Extension, ...]:
        return tuple(
            record_of(Extension, row, month=month, duty=row["step"], recorded_at=local(row["recorded_at"]))
            for row in self._all(_EXTENSIONS, city=city, month=str(month))
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
        row = values_of(extension)
        # The column keeps its name: the trail's prints of the rows that stand are over it.
        row["step"] = row.pop("duty")
        self._rows.insert(extensions, row)
        return True

    def nil_returns(self, city: str, month: Period) -> tuple[NilReturn, ...]:
        return tuple(
            record_of(
                NilReturn,
                row,
                month=month,
                document=DocumentKind(row["document"]),
                received_at=local(row["received_at"]),
            )
            for row in self._all(_NIL_RETURNS, city=city, month=str(month))
        )

    def add_nil_return(self, nil_return: NilReturn, at: datetime) -> bool:
        place = (nil_return.document, nil_return.county)
        if any(
            (known.document, known.county) == place
            for known in self.nil_returns(nil_return.city, nil_return.month)
        ):
            return False
        self._rows.insert(nil_returns, values_of(nil_return) | {"recorded_at": at})
        return True

    def filings(self, city: str, month: Month) -> tuple[Filing, ...]:
        return tuple(
            record_of(
                Filing,
                row,
                month=month,
                filed_at=local(row["filed_at"]),
                sources=row["sources"] and tuple(map(tuple, json.loads(row["sources"]))),
            )
            for row in self._all(_FILINGS, city=city, month=str(month))
        )

    def add_filing(self, filing: Filing) -> None:
        sources = None if filing.sources is None else json.dumps(filing.sources)
        self._rows.insert(filings, values_of(filing) | {"sources": sources})

    def start_run(self, city: str, month: Month, run: StepRun) -> int:
        values = values_of(run) | {
            "city": city,
            "month": str(month),
            "counties": None if run.counties is None else json.dumps(run.counties),
        }
        values["asked_by"] = values.pop("requested_by")
        row = self._rows.insert(step_runs, values)
        return int(row["id"])

    def finish_run(self, run_id: int, outcomes: Sequence[Mapping[str, object]]) -> None:
        text = json.dumps(list(outcomes), ensure_ascii=False)
        self._rows.update(step_runs, [step_runs.c.id == run_id], {"outcomes": text})

    def runs(self, city: str, month: Month) -> tuple[StepRun, ...]:
        return tuple(
            record_of(
                StepRun,
                row,
                requested_by=row["asked_by"],
                counties=row["counties"] and tuple(json.loads(row["counties"])),
                business_time=local(row["business_time"]),
                outcomes=row["outcomes"] and tuple(json.loads(row["outcomes"])),
            )
            for row in self._all(_RUNS, city=city, month=str(month))
        )
