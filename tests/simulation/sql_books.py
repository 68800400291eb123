"""Books on SQLite or PostgreSQL whose rows are copied, put back and changed behind the product."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

from sqlalchemy import Connection, column, delete, insert, select
from sqlalchemy import table as plain_table

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.services.books.audit_checks import Anchor, take_anchor
from schemas.tables import metadata
from tests.seals import SEALS
from tests.simulation.scene import NOW
from tests.simulation.writer import PUT_BACK, Changed, Key, Row, Rows

_TABLES = {table.name: table for table in metadata.sorted_tables}
_KEYS = {name: tuple(each.name for each in table.primary_key) for name, table in _TABLES.items()}
# Without their types, so that a row is read and written as it is stored.
_STORED = {
    name: plain_table(name, *(column(each.name) for each in table.columns)) for name, table in _TABLES.items()
}
Backup = dict[str, list[Row]]
"""Every row of every table, as it is stored."""


class SqlBooks(SqlTransactions):
    """The real stores on a migrated database, and somebody beside them who may do anything to its rows."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, SEALS)
        if not database.is_sqlite:
            # Nobody pulls the plug of this server, so a commit need not wait for its disk.
            with database.engine.begin() as connection:
                name = connection.engine.url.database
                connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
            database.dispose()
        self.empty = self.snapshot()
        """What stands in it before anything is played."""

    def snapshot(self) -> Backup:
        """A backup of the whole database."""
        with self.database.engine.connect() as connection:
            return {name: _read(connection, name) for name in _TABLES}

    def restore(self, backup: Backup) -> None:
        """The whole database as it was."""
        self._put_back(_TABLES, backup)

    def put_back(self, tables: Iterable[str], backup: Backup, *, with_seals: bool) -> None:
        """These tables alone as they were; with their rows' latest seals, or not."""
        names = [name for each in tables for name in PUT_BACK[each]]
        self._put_back(names, backup, seals_of=names if with_seals else ())

    def _put_back(self, names: Iterable[str], backup: Backup, seals_of: Collection[str] = ()) -> None:
        with self._behind_the_product() as connection:
            latest = _STORED["latest_seal"]
            connection.execute(delete(latest).where(latest.c.table_name.in_(seals_of)))
            earlier = [row for row in backup["latest_seal"] if row["table_name"] in seals_of]
            if earlier:
                connection.execute(insert(latest), earlier)
            for name in names:
                connection.execute(delete(_STORED[name]))
                if backup[name]:
                    connection.execute(insert(_STORED[name]), backup[name])
                if not self.database.is_sqlite:
                    _number_on(connection, name)

    def anchors(self) -> list[Anchor]:
        """The anchor that another machine would hold now."""
        return [self.read(lambda work: take_anchor(work, NOW))]

    def rows(self, table: str) -> Rows:
        """What stands in one of ``writer.WRITTEN_TO``."""
        with self.database.engine.connect() as connection:
            return {_key(table, row): row for row in _read(connection, table)}

    def put(self, changed: Changed) -> None:
        """Store the rows as given, ``None`` deletes; raises IntegrityError where the database refuses."""
        with self._behind_the_product() as connection:
            for name, key in changed:
                stored = _STORED[name]
                is_row = [stored.c[part] == value for part, value in zip(_KEYS[name], key, strict=True)]
                connection.execute(delete(stored).where(*is_row))
            for (name, _), row in changed.items():
                if row is not None:
                    connection.execute(insert(_STORED[name]), _as_stored(row))

    @contextmanager
    def _behind_the_product(self) -> Iterator[Connection]:
        """A transaction of its own, which foreign keys do not hold."""
        with self.database.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            if self.database.is_sqlite:
                raw.cursor().execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    if not self.database.is_sqlite:
                        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                    yield connection
            finally:
                if self.database.is_sqlite:
                    raw.cursor().execute("PRAGMA foreign_keys = ON")


def _read(connection: Connection, name: str) -> list[Row]:
    query = select(_STORED[name]).order_by(*(_STORED[name].c[part] for part in _KEYS[name]))
    return [dict(row) for row in connection.execute(query).mappings()]


def _key(name: str, row: Mapping[str, Any]) -> Key:
    return tuple(row[part] for part in _KEYS[name])


def _as_stored(row: Row) -> Row:
    return {name: value.value if isinstance(value, Enum) else value for name, value in row.items()}


def _number_on(connection: Connection, name: str) -> None:
    """The next row's number follows the last one's, as on SQLite."""
    numbered = _TABLES[name].autoincrement_column
    if numbered is not None:
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{name}', '{numbered.name}'), "
            f'(SELECT coalesce(max("{numbered.name}"), 0) + 1 FROM "{name}"), false)'
        )
