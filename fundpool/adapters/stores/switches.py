"""Kill switches and recoveries, on SQL."""

from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, select

from fundpool.adapters.stores.sealed_store import SealedStore, rows_where
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
        return [switch_of(row) for row in self._connection.execute(query).mappings()]

    def set_kill_switch(self, switch: KillSwitch) -> None:
        sealed = self._seals.sealed(switch)
        values: dict[str, Any] = {
            "is_stopped": int(sealed.is_stopped),
            "reason": sealed.reason,
            "by": sealed.by,
            "at": sealed.at,
            "restart_asked_by": sealed.restart_asked_by,
            "restarted_by": sealed.restarted_by,
            "seal": sealed.seal,
        }
        self._rows.put(kill_switch, {"city": switch.city, "fund": switch.fund}, values)

    def recovery(self, city: str, fund: str) -> Recovery | None:
        row = self._first(_RECOVERY, city=city, fund=fund)
        return _recovery(row) if row is not None else None

    def recoveries(self) -> list[Recovery]:
        query = select(recovery).order_by(recovery.c.city, recovery.c.fund)
        return [_recovery(row) for row in self._connection.execute(query).mappings()]

    def put_recovery(self, found: Recovery) -> None:
        values = asdict(found) | {"since": found.since.isoformat()}
        self._rows.put(recovery, {"city": found.city, "fund": found.fund}, values)


def switch_of(row: RowMapping) -> KillSwitch:
    """A row as a kill switch."""
    return KillSwitch(
        city=row["city"],
        fund=row["fund"],
        is_stopped=bool(row["is_stopped"]),
        reason=row["reason"],
        by=row["by"],
        at=row["at"],
        restart_asked_by=row["restart_asked_by"],
        restarted_by=row["restarted_by"],
        seal=row["seal"],
    )


def _recovery(row: RowMapping) -> Recovery:
    return Recovery(**{**row, "since": date.fromisoformat(row["since"])})
