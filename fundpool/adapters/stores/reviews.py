"""Review cases in SQL."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, select

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.periods import SHANGHAI, Period, parse_period
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind
from schemas.tables.reviews import review_cases

_KEY = ("city", "month", "document", "county", "fund")


class SqlReviews:
    """``services.month_stores.ReviewStore`` on one connection."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows

    def case(
        self, city: str, month: Period, document: DocumentKind, county: str, fund: str
    ) -> ReviewCase | None:
        row = self._connection.execute(
            select(review_cases).where(
                review_cases.c.city == city,
                review_cases.c.month == str(month),
                review_cases.c.document == document.value,
                review_cases.c.county == county,
                review_cases.c.fund == fund,
            )
        ).one_or_none()
        return None if row is None else _case(row)

    def cases(self, city: str, month: Period, document: DocumentKind | None = None) -> tuple[ReviewCase, ...]:
        query = select(review_cases).where(review_cases.c.city == city, review_cases.c.month == str(month))
        if document is not None:
            query = query.where(review_cases.c.document == document.value)
        query = query.order_by(review_cases.c.document, review_cases.c.county, review_cases.c.fund)
        return tuple(_case(row) for row in self._connection.execute(query))

    def save(self, case: ReviewCase) -> None:
        values = asdict(case)
        values.update(month=str(case.month), document=case.document.value, state=case.state.value)
        self._rows.put(review_cases, {name: values.pop(name) for name in _KEY}, values)


def _case(row: Row[Any]) -> ReviewCase:
    values = dict(row._mapping)
    values.update(
        month=parse_period(row.month),
        document=DocumentKind(row.document),
        state=CaseState(row.state),
        proposed_at=row.proposed_at and row.proposed_at.astimezone(SHANGHAI),
        decided_at=row.decided_at and row.decided_at.astimezone(SHANGHAI),
    )
    return ReviewCase(**values)
