"""Kill switches and recoveries, on SQL."""

from dataclasses import asdict
from datetime import date

from sqlalchemy import select

from fundpool.adapters.stores.store import SealedStore, StoredRow, record_of, rows_where, values_of
from fundpool.services.ports.money_ports import KillSwitch, Recovery
from schemas.tables.transfers import kill_switch, recovery

_SWITCH = rows_where(kill_switch, "city", "fund")
_RECOVERY = rows_where(recovery, "city", "fund")


class SqlSwitchStore(SealedStore):
    """``SwitchStore`` on SQL."""

    def kill_switch(self, city: str, fund: str) -> KillSwitch | None:
        row = self._first(_SWITCH, city=city, fund=fund)
        return switch_of(row) if row is not None else None

    def kill_switches(self) -> list[KillSwitch]:
        query = select(kill_switch).order_by(kill_switch.c.city, kill_switch.c.fund)
        return [switch_of(row) for row in self._all(query)]

    def set_kill_switch(self, switch: KillSwitch) -> None:
        values = values_of(self._seals.sealed(switch))
        self._rows.put(kill_switch, {name: values.pop(name) for name in ("city", "fund")}, values)

    def recovery(self, city: str, fund: str) -> Recovery | None:
        row = self._first(_RECOVERY, city=city, fund=fund)
        return _recovery(row) if row is not None else None

    def recoveries(self) -> list[Recovery]:
        query = select(recovery).order_by(recovery.c.city, recovery.c.fund)
        return [_recovery(row) for row in self._all(query)]

    def put_recovery(self, found: Recovery) -> None:
        values = asdict(found) | {"since": found.since.isoformat()}
        self._rows.put(recovery, {"city": found.city, "fund": found.fund}, values)


def switch_of(row: StoredRow) -> KillSwitch:
    """A row as a kill switch."""
    return record_of(KillSwitch, row, is_stopped=bool(row["is_stopped"]))


def _recovery(row: StoredRow) -> Recovery:
    return record_of(Recovery, row, since=date.fromisoformat(row["since"]))
