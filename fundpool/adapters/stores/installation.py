"""The installation's own record, on SQL."""

from fundpool.adapters.stores.store import SealedStore, local, record_of, rows_where, values_of
from fundpool.domain.installation import Installation
from schemas.tables.installation import installation

_RECORD = rows_where(installation, "id")


class SqlInstallation(SealedStore):
    """``InstallationStore`` on SQL."""

    def find(self) -> Installation | None:
        row = self._first(_RECORD, id=1)
        if row is None:
            return None
        return record_of(
            Installation, row, is_sandbox=bool(row["is_sandbox"]), decided_at=local(row["decided_at"])
        )

    def put(self, decided: Installation) -> None:
        self._rows.put(installation, {"id": decided.id}, values_of(self._seals.sealed(decided)))
