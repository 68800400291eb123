"""Annual budgets and opening figures in SQL."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from fundpool.adapters.stores.store import SealedStore, local, record_of, rows_where, values_of
from fundpool.domain.errors import RuleViolation
from fundpool.domain.month_records import BudgetRevision, Opening
from fundpool.domain.periods import Month
from schemas.tables.budgets import budgets, openings

_REVISIONS = rows_where(budgets, "city", "year").order_by(
    budgets.c.county, budgets.c.fund, budgets.c.revision
)
_LATEST = rows_where(budgets, "city", "year", "county", "fund").order_by(budgets.c.revision.desc()).limit(1)
_OPENINGS = rows_where(openings, "city").order_by(openings.c.month, openings.c.county, openings.c.fund)


class SqlBudgets(SealedStore):
    """``services.month_stores.BudgetStore`` on one connection."""

    def budgets(self, city: str, year: int) -> Mapping[tuple[str, str], int]:
        return {(each.county, each.fund): each.amount_fen for each in self.budget_revisions(city, year)}

    def budget_revisions(self, city: str, year: int) -> tuple[BudgetRevision, ...]:
        return tuple(
            record_of(BudgetRevision, row, recorded_at=local(row["recorded_at"]))
            for row in self._all(_REVISIONS, city=city, year=year)
        )

    def set_budget(
        self,
        city: str,
        year: int,
        county: str,
        *,
        fund: str,
        amount_fen: int,
        document_number: str,
        by: str,
        at: datetime,
    ) -> bool:
        latest = self._first(_LATEST, city=city, year=year, county=county, fund=fund)
        if latest and (latest["amount_fen"], latest["document_number"]) == (amount_fen, document_number):
            return False
        revision = BudgetRevision(
            year,
            county,
            fund,
            revision=latest["revision"] + 1 if latest else 1,
            amount_fen=amount_fen,
            document_number=document_number,
            recorded_by=by,
            recorded_at=at,
        )
        self._rows.insert(budgets, values_of(self._seals.sealed(revision, city)) | {"city": city})
        return True

    def cities(self) -> set[str]:
        return set(self._connection.scalars(select(openings.c.city).distinct()))

    def openings(self, city: str) -> tuple[Opening, ...]:
        return tuple(
            record_of(Opening, row, month=Month.parse(row["month"]))
            for row in self._all(_OPENINGS, city=city)
        )

    def set_opening(self, opening: Opening, by: str, at: datetime) -> bool:
        known = [
            stored
            for stored in self.openings(opening.city)
            if (stored.month, stored.county, stored.fund) == (opening.month, opening.county, opening.fund)
        ]
        if known == [opening]:
            return False
        if known:
            raise RuleViolation(
                "opening_differs",
                f"{opening.month} {opening.county} {opening.fund} 的期初数已登记为 {known[0].closing_fen} 分，与 {opening.closing_fen} 分不同",
                f"the opening of {opening.month} {opening.county} {opening.fund} stands at {known[0].closing_fen} fen, not {opening.closing_fen} fen",
                remedy="期初数只登记一次；差额用冲销更正 / openings are recorded once; correct by reversal",
            )
        values = values_of(self._seals.sealed(opening))
        self._rows.insert(openings, values | {"recorded_by": by, "recorded_at": at})
        return True
