"""The register of breaks, on SQL."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, select

from fundpool.adapters.stores.store import Store, record_of, rows_where, values_of
from fundpool.domain.errors import InputError
from fundpool.services.ports.money_ports import Break
from schemas.tables.transfers import reconciliation_break


@cache
def _breaks(*names: str, only_open: bool) -> Select[Any]:
    query = rows_where(reconciliation_break, *names).order_by(reconciliation_break.c.id)
    return query.where(reconciliation_break.c.resolved_at.is_(None)) if only_open else query


class SqlBreakStore(Store):
    """``BreakStore`` on SQL."""

    entered = 0

    def add(self, found: Break) -> bool:
        c = reconciliation_break.c
        known = select(c.id).where(c.kind == found.kind, c.reference == found.reference)
        if self._connection.scalar(known) is not None:
            return False
        self._rows.insert(reconciliation_break, values_of(found))
        self.entered += 1
        return True

    def find(self, city: str | None = None, *, only_open: bool = True) -> list[Break]:
        of_city = {} if city is None else {"city": city}
        rows = self._all(_breaks(*of_city, only_open=only_open), **of_city)
        return [record_of(Break, row, stops_fund=bool(row["stops_fund"])) for row in rows]

    def resolve(self, break_id: int, by: str, resolution: str, *, at: datetime) -> None:
        self._set_open(break_id, {"resolved_at": at, "resolved_by": by, "resolution": resolution})

    def assign(self, break_id: int, owner: str) -> None:
        self._set_open(break_id, {"owner": owner})

    def _set_open(self, break_id: int, values: dict[str, Any]) -> None:
        c = reconciliation_break.c
        is_open = (c.id == break_id, c.resolved_at.is_(None))
        if self._rows.update(reconciliation_break, is_open, values) != 1:
            raise InputError(
                "break_unknown", f"没有未结的第 {break_id} 号差异", f"there is no open break {break_id}"
            )
