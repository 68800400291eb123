"""The register of papers' numbers in SQL."""

from sqlalchemy import func, select

from fundpool.adapters.stores.store import Store, local, record_of, rows_where, values_of
from fundpool.domain.paper import Paper, PaperKind, PaperNumber
from schemas.tables.papers import paper_numbers

_C = paper_numbers.c
_EDITIONS = rows_where(paper_numbers, "city", "kind", "period", "subject").order_by(_C.edition)


class SqlPapers(Store):
    """``services.ports.papers.PaperStore`` on one connection."""

    def editions(self, paper: Paper) -> tuple[PaperNumber, ...]:
        about = {
            "city": paper.city,
            "kind": paper.kind.value,
            "period": paper.period,
            "subject": paper.subject,
        }
        return tuple(
            record_of(
                PaperNumber,
                {**row, "kind": PaperKind(row["kind"])},
                issued_at=local(row["issued_at"]),
            )
            for row in self._all(_EDITIONS, **about)
        )

    def last_serial(self, city: str, kind: PaperKind, year: int) -> int:
        query = select(func.max(_C.serial)).where(_C.city == city, _C.kind == kind.value, _C.year == year)
        return self._connection.scalar(query) or 0

    def add(self, number: PaperNumber) -> None:
        self._rows.insert(paper_numbers, values_of(number))
