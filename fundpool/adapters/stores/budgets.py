"""Annual budgets and opening figures in SQL."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.errors import RuleViolation
from fundpool.domain.month_records import BudgetRevision, Opening
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.sealing import Seals
from schemas.tables.budgets import budgets, openings

_REVISIONS = (
    select(budgets)
    .where(budgets.c.city == bindparam("city"), budgets.c.year == bindparam("year"))
    .order_by(budgets.c.county, budgets.c.fund, budgets.c.revision)
)
_OPENINGS = (
    select(openings)
    .where(openings.c.city == bindparam("city"))
    .order_by(openings.c.month, openings.c.county, openings.c.fund)
)


class SqlBudgets:
    """``services.month_stores.BudgetStore`` on one connection."""

    def __init__(self, connection: Connection, rows: RowWriter, seals: Seals) -> None:
        self._connection = connection
        self._rows = rows
        self._seals = seals

    def budgets(self, city: str, year: int) -> Mapping[tuple[str, str], int]:
        return {(each.county, each.fund): each.amount_fen for each in self.budget_revisions(city, year)}

    def budget_revisions(self, city: str, year: int) -> tuple[BudgetRevision, ...]:
        rows = self._connection.execute(_REVISIONS, {"city": city, "year": year})
        return tuple(
            BudgetRevision(
                row.year,
                row.county,
                row.fund,
                row.revision,
                row.amount_fen,
                row.document_number,
                row.recorded_by,
                row.recorded_at.astimezone(SHANGHAI),
                row.seal,
            )
            for row in rows
        )

    def set_budget(
        self,
        city: str,
        year: int,
        county: str,
        fund: str,
        amount_fen: int,
        document_number: str,
        by: str,
        at: datetime,
    ) -> bool:
        latest = self._connection.execute(
            select(budgets)
            .where(
                budgets.c.city == city,
                budgets.c.year == year,
                budgets.c.county == county,
                budgets.c.fund == fund,
            )
            .order_by(budgets.c.revision.desc())
            .limit(1)
        ).one_or_none()
        if latest is not None and (latest.amount_fen, latest.document_number) == (
            amount_fen,
            document_number,
        ):
            return False
        revision = BudgetRevision(
            year,
            county,
            fund,
            1 if latest is None else latest.revision + 1,
            amount_fen,
            document_number,
            recorded_by=by,
            recorded_at=at,
        )
        values = asdict(revision) | {"city": city, "seal": self._seals.of(revision, city)}
        self._rows.insert(budgets, values)
        return True

    def openings(self, city: str) -> tuple[Opening, ...]:
        rows = self._connection.execute(_OPENINGS, {"city": city})
        return tuple(
            Opening(
                city=row.city,
                month=Month.parse(row.month),
                county=row.county,
                fund=row.fund,
                closing_fen=row.closing_fen,
                spending_fen=row.spending_fen,
                year_spending_fen=row.year_spending_fen,
                year_paid_fen=row.year_paid_fen,
                seal=row.seal,
            )
            for row in rows
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
        self._rows.insert(
            openings,
            {
                "city": opening.city,
                "month": str(opening.month),
                "county": opening.county,
                "fund": opening.fund,
                "closing_fen": opening.closing_fen,
                "spending_fen": opening.spending_fen,
                "year_spending_fen": opening.year_spending_fen,
                "year_paid_fen": opening.year_paid_fen,
                "recorded_by": by,
                "recorded_at": at,
                "seal": self._seals.of(opening),
            },
        )
        return True
