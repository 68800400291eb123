"""The one way to write to the tables: each row that is written is noted for the trail of rows, and its seal."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    RowMapping,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import NULLTYPE

from fundpool.domain.row_trail import (
    BEGINNING,
    RowEntry,
    RowPrint,
    TrailRecord,
    change_of,
    digest_of,
    next_record,
    print_of,
)
from fundpool.domain.sealing import Seals
from fundpool.services.ports.latest_seals import SEALED_TABLES, RowName, as_key, name_of_row
from schemas.tables import metadata
from schemas.tables.latest_seals import latest_seal
from schemas.tables.row_trail import row_trail

_NO_FACTS = frozenset({"writers_turn", "release"})
_OWN_CHAIN = frozenset({"audit", "posting", "row_trail", "latest_seal"}) | _NO_FACTS
"""Postings are sealed by their voucher's hash, audit records and the trail itself by their chains; latest seals
are compared with the rows that bear them."""

_LEFT_OUT = {
    "ledger_account": frozenset({"posted_fen", "reserved_fen"}),
    "user_session": frozenset({"last_seen_at"}),
}
"""Columns that the trail does not hold: what ``fundpool ledger verify`` recomputes, and what every page changes."""

TABLES: tuple[Table, ...] = tuple(table for table in metadata.sorted_tables if table.name not in _OWN_CHAIN)
"""The tables whose rows the trail holds."""

_KEYS_AT_ONCE = 200

_MARKS = {"sqlite": "?, ?, ?, ?, ?", "postgresql": "%s, %s, %s, %s, %s"}
_LAST = select(row_trail).order_by(row_trail.c.number.desc()).limit(1)

_MADE_ANEW = frozenset({"kill_switch"})
"""Each change of such a row is a decision of its own, to stop or by two people, not a step on from the row before."""


@cache
def columns_of(table: Table) -> tuple[str, ...]:
    """The columns that the trail holds. Migrations append columns: their order is that of the marks."""
    left_out = _LEFT_OUT.get(table.name, frozenset())
    return tuple(column.name for column in table.columns if column.name not in left_out)


@cache
def _key_columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


@cache
def _numbered_by_database(table: Table) -> Column[Any] | None:
    return table.autoincrement_column


@cache
def _adding(table: Table) -> Insert:
    return insert(table)


@cache
def _adding_numbered(table: Table) -> ReturningInsert[Any]:
    numbered = _numbered_by_database(table)
    assert numbered is not None
    return insert(table).returning(numbered, sort_by_parameter_order=True)


@cache
def _empty(table: Table) -> dict[str, None]:
    numbered = _numbered_by_database(table)
    return {
        column.name: None
        for column in table.columns
        if column is not numbered and column.server_default is None
    }


# Built once: a statement costs more to build than the database takes to answer it.
@cache
def _of_key(table: Table, key: tuple[str, ...]) -> Select[Any]:
    return select(table).where(*_is_of_key(table, key))


@cache
def _setting(table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> Update:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return update(table).where(*_is_of_key(table, key)).values(values)


def _is_of_key(table: Table, key: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(f"key_{name}") for name in key]


def _key_of(table: Table, row: Mapping[Any, Any]) -> str:
    return as_key([row[name] for name in _key_columns(table)])


def _is_among(table: Table, keys: Sequence[str]) -> ColumnElement[bool]:
    columns = [table.c[name] for name in _key_columns(table)]
    values = [json.loads(key) for key in keys]
    if len(columns) == 1:
        return columns[0].in_([value for (value,) in values])
    return tuple_(*columns).in_([tuple(each) for each in values])


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield keys[start : start + _KEYS_AT_ONCE]


@dataclass(slots=True)
class SealChange:
    """The seal that a row bore before a transaction, and the one it bears now."""

    before: str | None
    after: str | None
    is_new: bool
    """Whether nothing follows from the row before: it was not there, or is decided anew."""


class RowWriter:
    """Inserts, updates and deletes rows in the transaction of ``connection`` and remembers what it wrote.

    The trail holds a row as the program meant it, not as the database then answers: a trigger or a
    writer behind the program that makes another row of it is found.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._written: dict[tuple[str, str], RowEntry] = {}
        self.sealed: dict[RowName, SealChange] = {}
        """Of the sealed rows that were written until now."""

    def insert(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """Add a row and return it whole, with the number that the database gave it."""
        row: dict[str, Any] = {**_empty(table), **values}
        result = self._connection.execute(_adding(table), row)
        numbered = _numbered_by_database(table)
        if numbered is not None and numbered.name not in row:
            assert result.inserted_primary_key is not None
            row[numbered.name] = result.inserted_primary_key[0]
        self._note_new(table, row)
        return row

    def insert_all(self, table: Table, values: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Add rows in one statement and return them whole, in their order."""
        rows: list[dict[str, Any]] = [{**_empty(table), **each} for each in values]
        if not rows:
            return rows
        numbered = _numbered_by_database(table)
        if numbered is None:
            self._connection.execute(_adding(table), rows)
        else:
            numbers = self._connection.scalars(_adding_numbered(table), rows)
            for row, number in zip(rows, numbers, strict=True):
                row[numbered.name] = number
        for row in rows:
            self._note_new(table, row)
        return rows

    def update(self, table: Table, which: Sequence[ColumnElement[bool]], values: Mapping[str, Any]) -> int:
        """Set ``values`` in the rows that meet ``which``; how many there were."""
        found = self._connection.execute(select(table).where(*which)).mappings().all()
        if found:
            self._connection.execute(update(table).where(*which).values(values))
        for row in found:
            self.note_change(table, row, {**row, **values})
        return len(found)

    def delete(self, table: Table, which: Sequence[ColumnElement[bool]]) -> None:
        """Take away the rows that meet ``which``; sealed ones stay for ever."""
        assert table.name not in SEALED_TABLES
        found = self._connection.execute(select(table).where(*which)).mappings().all()
        if found:
            self._connection.execute(delete(table).where(*which))
        for row in found:
            key = _key_of(table, row)
            earlier = self._written.pop((table.name, key), None)
            before = earlier.before if earlier else print_of(columns_of(table), row).digest
            if before is not None:
                self._written[table.name, key] = RowEntry(table.name, key, before, after=None)

    def put(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Set ``values`` in the row of ``key``, or add it; a part of a key is never null."""
        at = {f"key_{name}": value for name, value in key.items()}
        row = self._connection.execute(_of_key(table, tuple(key)), at).mappings().first()
        if row is None:
            self.insert(table, {**key, **values})
            return
        setting = _setting(table, tuple(key), tuple(values))
        self._connection.execute(setting, at | {f"new_{name}": value for name, value in values.items()})
        self.note_change(table, row, {**row, **values})

    def note_change(self, table: Table, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> None:
        """Remember a row that its store has changed by a statement of its own."""
        was, stands = change_of(columns_of(table), before, after)
        key = _key_of(table, after)
        earlier = self._written.get((table.name, key))
        if earlier is None or earlier.after is None:
            if stands.marks:
                self._written[table.name, key] = RowEntry(table.name, key, was, after=stands)
        else:
            earlier.after.digest = stands.digest
            earlier.after.marks.update(stands.marks)
        if table.name in SEALED_TABLES:
            name = name_of_row(table.name, after, key)
            change = SealChange(before["seal"], after["seal"], table.name in _MADE_ANEW)
            self.sealed.setdefault(name, change).after = after["seal"]

    def _note_new(self, table: Table, row: Mapping[Any, Any]) -> None:
        key = _key_of(table, row)
        earlier = self._written.get((table.name, key))
        before = earlier.before if earlier else None
        self._written[table.name, key] = RowEntry(
            table.name, key, before, after=print_of(columns_of(table), row)
        )
        if table.name in SEALED_TABLES:
            self.sealed[name_of_row(table.name, row, key)] = SealChange(None, row["seal"], is_new=True)

    def written(self) -> list[RowEntry]:
        """The rows written until now, each as it was left."""
        return list(self._written.values())


_OF_ROWS = {
    "sqlite": "SELECT table_name, place, row_key, seal FROM latest_seal WHERE (table_name, place, row_key) IN "
    "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') "
    "FROM json_each(?))",
    "postgresql": "SELECT table_name, place, row_key, seal FROM latest_seal WHERE (table_name, place, row_key) IN "
    "(SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))",
}
_ENTERED = (
    "INSERT INTO latest_seal (table_name, place, row_key, seal) VALUES ({marks}) "
    "ON CONFLICT (table_name, place, row_key) DO UPDATE SET seal = excluded.seal"
)
# Only on top of the latest version: what follows from a row that was put back does not heal it.
_CHANGED = (
    "UPDATE latest_seal SET seal = {mark} WHERE table_name = {mark} AND place = {mark} AND row_key = {mark} "
    "AND seal = {mark}"
)


class SqlLatestSeals:
    """``services.ports.latest_seals.LatestSeals`` on one connection."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows
        self._dialect = connection.dialect.name
        self._mark = "?" if self._dialect == "sqlite" else "%s"

    def of_rows(self, names: Iterable[RowName]) -> dict[RowName, str]:
        wanted = list(names)
        columns = (
            (json.dumps(wanted),)
            if self._dialect == "sqlite"
            else tuple(map(list, zip(*wanted, strict=True)))
        )
        rows = self._connection.exec_driver_sql(_OF_ROWS[self._dialect], columns).all() if wanted else []
        stored = {RowName(table, place, key): seal for table, place, key, seal in rows}
        written = {name: self._rows.sealed[name] for name in wanted if name in self._rows.sealed}
        return _with_written(stored, written)

    def of_place(self, table: str, place: str) -> dict[RowName, str]:
        c = latest_seal.c
        rows = self._connection.execute(
            select(c.row_key, c.seal).where(c.table_name == table, c.place == place)
        ).all()
        stored = {RowName(table, place, key): seal for key, seal in rows}
        written = {name: change for name, change in self._rows.sealed.items() if name[:2] == (table, place)}
        return _with_written(stored, written)

    def standing(self, table: str, keys: Iterable[str] | None = None) -> Iterator[tuple[RowName, str | None]]:
        of_table = metadata.tables[table]
        columns = sorted({*SEALED_TABLES[table], "seal"})
        for row in _standing(self._connection, of_table, columns, keys=None if keys is None else list(keys)):
            yield name_of_row(table, row, _key_of(of_table, row)), row["seal"]

    def all(self) -> Iterator[tuple[RowName, str]]:
        for row in self._connection.execute(select(latest_seal), execution_options={"yield_per": 1000}):
            yield RowName(row.table_name, row.place, row.row_key), row.seal

    def flush(self) -> None:
        """Write what the transaction changed."""
        sealed = self._rows.sealed.items()
        entered = [(*name, change.after) for name, change in sealed if change.is_new]
        changed = [
            (change.after, *name, change.before)
            for name, change in sealed
            if not change.is_new and change.after != change.before
        ]
        if entered:
            self._enter(entered)
        if changed:
            self._connection.exec_driver_sql(_CHANGED.format(mark=self._mark), changed)

    def _enter(self, entered: Sequence[tuple[str | None, ...]]) -> None:
        marks = ", ".join([self._mark] * 4)
        self._connection.exec_driver_sql(_ENTERED.format(marks=marks), entered)

    def adopt(self) -> None:
        """Take over the seals of the rows that stand in the tables."""
        for table in sorted(SEALED_TABLES):
            rows = self.standing(table)
            while some := list(islice(rows, _KEYS_AT_ONCE)):
                entered = [(*name, seal) for name, seal in some if seal is not None]
                if entered:
                    self._enter(entered)


def _with_written(stored: dict[RowName, str], written: Mapping[RowName, SealChange]) -> dict[RowName, str]:
    """The latest seals as they will be once what the transaction wrote is committed."""
    for name, change in written.items():
        if change.after is not None and (change.is_new or stored.get(name) == change.before is not None):
            stored[name] = change.after
    return stored


class SqlRowTrail:
    """``services.ports.RowTrailStore`` on one connection."""

    def __init__(self, connection: Connection, seals: Seals) -> None:
        self._connection = connection
        self._seals = seals
        self._head: TrailRecord | None = None

    def head(self) -> TrailRecord:
        """The last record."""
        if self._head is None:
            row = self._connection.execute(_LAST).first()
            self._head = BEGINNING if row is None else TrailRecord(*row)
        return self._head

    def append(self, entries: Sequence[RowEntry], audit_number: int, audit_hash: str) -> None:
        """Add the record of a transaction; none for one that wrote nothing."""
        last = self.head()
        if not entries and audit_number == last.audit_number:
            return
        record = next_record(last, entries, audit_number, audit_hash=audit_hash, seals=self._seals)
        marks = _MARKS[self._connection.dialect.name]
        self._connection.exec_driver_sql(
            f"INSERT INTO row_trail (number, audit_number, audit_hash, rows, seal) VALUES ({marks})",  # noqa: S608 - our own marks
            (record.number, audit_number, audit_hash, record.rows, record.seal),
        )
        self._head = record

    def records(self, after: int = 0) -> Iterator[TrailRecord]:
        query = select(row_trail).where(row_trail.c.number > after).order_by(row_trail.c.number)
        # Few at once: one that took over a table's rows holds thousands.
        for row in self._connection.execute(query, execution_options={"yield_per": 50}):
            yield TrailRecord(*row)

    def seal_at(self, number: int) -> str | None:
        return self._connection.scalar(select(row_trail.c.seal).where(row_trail.c.number == number))

    def tables(self) -> Mapping[str, tuple[str, ...]]:
        return {table.name: columns_of(table) for table in TABLES}

    def counts(self) -> dict[str, int]:
        return {
            table.name: self._connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
            if table.name not in _NO_FACTS
        }

    def digests(self, table: str, keys: Sequence[str] | None = None) -> Iterator[tuple[str, bytes]]:
        of_table = metadata.tables[table]
        names = columns_of(of_table)
        for row in _standing(self._connection, of_table, names, keys=keys):
            yield _key_of(of_table, row), digest_of(names, row)

    def prints(self, table: str, keys: Sequence[str] | None = None) -> Iterator[tuple[str, RowPrint]]:
        of_table = metadata.tables[table]
        names = columns_of(of_table)
        for row in _standing(self._connection, of_table, names, keys=keys):
            yield _key_of(of_table, row), print_of(names, row)


def _standing(
    connection: Connection, table: Table, columns: Iterable[str], *, keys: Sequence[str] | None
) -> Iterator[RowMapping]:
    # Without their types: what stands there is digested, not what it would be read as.
    query = select(*(type_coerce(table.c[name], NULLTYPE).label(name) for name in columns))
    queries = [query] if keys is None else [query.where(_is_among(table, some)) for some in _parts(keys)]
    for query in queries:
        yield from connection.execute(query, execution_options={"yield_per": 1000}).mappings()
