"""Review cases in SQL."""

from sqlalchemy import RowMapping, select

from fundpool.adapters.stores.store import Store, local, record_of, rows_where, values_of
from fundpool.domain.periods import Period, parse_period
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind
from schemas.tables.reviews import review_cases

_KEY = ("city", "month", "document", "county", "fund")
_CASE = rows_where(review_cases, *_KEY)


class SqlReviews(Store):
    """``services.month_stores.ReviewStore`` on one connection."""

    def case(
        self, city: str, month: Period, document: DocumentKind, *, county: str, fund: str
    ) -> ReviewCase | None:
        row = self._first(
            _CASE, city=city, month=str(month), document=document.value, county=county, fund=fund
        )
        return None if row is None else _case(row)

    def cases(self, city: str, month: Period, document: DocumentKind | None = None) -> tuple[ReviewCase, ...]:
        query = select(review_cases).where(review_cases.c.city == city, review_cases.c.month == str(month))
        if document is not None:
            query = query.where(review_cases.c.document == document.value)
        query = query.order_by(review_cases.c.document, review_cases.c.county, review_cases.c.fund)
        return tuple(_case(row) for row in self._all(query))

    def save(self, case: ReviewCase) -> None:
        values = values_of(case)
        self._rows.put(review_cases, {name: values.pop(name) for name in _KEY}, values)


def _case(row: RowMapping) -> ReviewCase:
    return record_of(
        ReviewCase,
        row,
        month=parse_period(row["month"]),
        document=DocumentKind(row["document"]),
        state=CaseState(row["state"]),
        proposed_at=local(row["proposed_at"]),
        decided_at=local(row["decided_at"]),
    )
