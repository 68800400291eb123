"""The city's applications to finance in SQL."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import and_, bindparam, select

from fundpool.adapters.stores.store import SealedStore, StoredRow, local, record_of, stored_value
from fundpool.domain.application import Application, ApplicationLine
from fundpool.domain.periods import Month
from schemas.tables.applications import application_lines, applications

_KEY = ("city", "month", "fund", "number")

_OF_CITY = (
    select(application_lines, applications.c.prepared_at)
    .join(applications, and_(*(applications.c[name] == application_lines.c[name] for name in _KEY)))
    .where(application_lines.c.city == bindparam("of_city"))
    .order_by(*(application_lines.c[name] for name in (*_KEY, "county")))
)


class SqlApplications(SealedStore):
    """``services.month_stores.ApplicationStore`` on one connection."""

    def applications(
        self, city: str, month: Month | None = None, year: int | None = None
    ) -> tuple[Application, ...]:
        query = _OF_CITY
        if month is not None:
            query = query.where(application_lines.c.month == str(month))
        if year is not None:
            query = query.where(application_lines.c.month.like(f"{year:04d}-%"))
        rows = self._all(query, of_city=city)
        key = itemgetter("month", "fund", "number")
        return tuple(_application(list(group)) for _, group in groupby(rows, key=key))

    def add(self, application: Application) -> None:
        key = place_of(application)
        self._rows.insert(
            applications,
            {**key, "prepared_by": application.prepared_by, "prepared_at": application.prepared_at},
        )
        self._rows.insert_all(
            application_lines,
            (
                {
                    **key,
                    "prepared_by": application.prepared_by,
                    "county": line.county,
                    "applied_fen": line.applied_fen,
                    "seal": self._seals.of(line, *key.values()),
                }
                for line in application.lines
            ),
        )

    def save_line(self, application: Application, line: ApplicationLine) -> None:
        key = place_of(application)
        is_it = {**key, "county": line.county}
        self._rows.update(
            application_lines,
            [application_lines.c[name] == value for name, value in is_it.items()],
            {
                "reviewed_fen": line.reviewed_fen,
                "reason": line.reason,
                "reviewed_by": line.reviewed_by,
                "reviewed_at": line.reviewed_at,
                "seal": self._seals.of(line, *key.values()),
            },
        )


def place_of(application: Application) -> dict[str, Any]:
    """The key of an application, as its tables name it."""
    return {name: stored_value(getattr(application, name)) for name in _KEY}


def _application(rows: list[StoredRow]) -> Application:
    first = rows[0]
    return record_of(
        Application,
        first,
        month=Month.parse(first["month"]),
        prepared_at=local(first["prepared_at"]),
        lines=tuple(record_of(ApplicationLine, row, reviewed_at=local(row["reviewed_at"])) for row in rows),
    )
