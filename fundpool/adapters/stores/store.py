"""What the stores share: rows read as records, records written as rows, and the optimistic lock of sealed ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, Update, bindparam, select, update

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.errors import RuleViolation
from fundpool.domain.periods import SHANGHAI, Month, Year
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import Attempt, Batch, Hop, Obligation


def rows_where(table: Table, *names: str) -> Select[Any]:
    """The rows whose columns of these names equal the parameters of the same names.

    Sending one payment runs some sixty small statements: building each of them anew cost more than
    the database takes to answer, so that the stores build theirs once.
    """
    return select(table).where(*(table.c[name] == bindparam(name) for name in names))


@lru_cache(maxsize=128)
def _changing(table: Table, names: tuple[str, ...]) -> Update:
    """Sets the named columns of the row whose version was read."""
    return (
        update(table)
        .where(table.c.id == bindparam("row_id"), table.c.version == bindparam("read_version"))
        .values({name: bindparam(f"new_{name}") for name in ("version", "seal", *names)})
    )


StoredRow = Mapping[Any, Any]
"""A row by the names of its columns."""


class Store:
    """A store in the transaction of ``connection``; it writes through ``rows``, for the trail of rows."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows

    def _all(self, query: Select[Any], **values: Any) -> Sequence[StoredRow]:
        # Plain dicts: a page reads thousands of rows, and each look into a RowMapping costs twice as much.
        result = self._connection.execute(query, values)
        names = tuple(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result]

    def _first(self, query: Select[Any], **values: Any) -> StoredRow | None:
        return self._connection.execute(query, values).mappings().first()


class SealedStore(Store):
    """A store whose records bear seals."""

    def __init__(self, connection: Connection, rows: RowWriter, seals: Seals) -> None:
        super().__init__(connection, rows)
        self._seals = seals

    def _change(
        self, table: Table, before: Batch | Obligation | Attempt, name: str, *, fields: dict[str, Any]
    ) -> dict[str, Any]:
        changed = self._seals.changed(before, version=before.version + 1, **fields)
        stood = {"id": before.id} | values_of(before)
        after = stood | {
            column: stored_value(getattr(changed, column)) for column in ("version", "seal", *fields)
        }
        values = {f"new_{column}": after[column] for column in ("version", "seal", *fields)}
        values |= {"row_id": before.id, "read_version": before.version}
        if self._connection.execute(_changing(table, tuple(fields)), values).rowcount != 1:
            raise RuleViolation(
                "changed_meanwhile",
                f"{name} 已被他人更改",
                f"{name} was changed by somebody else meanwhile",
                remedy="重新执行同一命令 / run the same command again",
            )
        self._rows.note_change(table, stood, after)
        return after


R = TypeVar("R")

_AS_THEY_ARE = frozenset({str, int, type(None), datetime, bytes})


def record_of(kind: type[R], row: Mapping[Any, Any], **read: Any) -> R:
    """A row as a record: the columns of its fields' names, but ``read`` where a field is not as its column holds it."""
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]
    return kind(**{name: row[name] for name in names if name not in read}, **read)


def local(moment: datetime | None) -> Any:
    """A stored moment in Shanghai time."""
    return moment and moment.astimezone(SHANGHAI)


def values_of(record: Any) -> dict[str, Any]:
    """A new record as a row; the database numbers it."""
    return {name: stored_value(getattr(record, name)) for name in type(record).__slots__ if name != "id"}


def stored_value(value: Any) -> Any:
    """The value as its column holds it."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Month | Year | Hop):
        return str(value)
    return int(value) if isinstance(value, bool) else value
