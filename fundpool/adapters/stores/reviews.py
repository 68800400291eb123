"""Review cases in SQL."""

from fundpool.adapters.stores.store import Store, StoredRow, local, record_of, rows_where, values_of
from fundpool.domain.periods import Period, parse_period
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind
from schemas.tables.reviews import review_cases

_KEY = ("city", "month", "document", "county", "fund")
_CASE = rows_where(review_cases, *_KEY)
_ORDER = (review_cases.c.document, review_cases.c.county, review_cases.c.fund)
_CASES = rows_where(review_cases, "city", "month").order_by(*_ORDER)
_CASES_OF_DOCUMENT = rows_where(review_cases, "city", "month", "document").order_by(*_ORDER)


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
        if document is None:
            rows = self._all(_CASES, city=city, month=str(month))
        else:
            rows = self._all(_CASES_OF_DOCUMENT, city=city, month=str(month), document=document.value)
        return tuple(_case(row) for row in rows)

    def save(self, case: ReviewCase) -> None:
        values = values_of(case)
        self._rows.put(review_cases, {name: values.pop(name) for name in _KEY}, values)


def _case(row: StoredRow) -> ReviewCase:
    return record_of(
        ReviewCase,
        row,
        month=parse_period(row["month"]),
        document=DocumentKind(row["document"]),
        state=CaseState(row["state"]),
        proposed_at=local(row["proposed_at"]),
        decided_at=local(row["decided_at"]),
    )
