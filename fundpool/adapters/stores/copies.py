"""A copy of the books to play on: all of them as of one snapshot, in a private file that goes with the block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, insert, select

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.backups import back_up
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.settings import sqlite_url
from schemas.tables import metadata, release

_ROWS_AT_ONCE = 1000


@contextmanager
def copy_of(books: SqlTransactions) -> Iterator[SqlTransactions]:
    """The books in a SQLite file of their own, whatever database they are in; nobody who works on them waits.

    Raises ServiceUnavailable when the database is away or not set up.
    """
    with TemporaryDirectory(prefix="fundpool-copy-") as folder:
        file = Path(folder) / "fundpool.db"
        copy = Database(sqlite_url(file))
        if books.database.file is None:
            migrations.upgrade(copy)
            books.database.read(lambda connection: _copy_rows(connection, copy))
        else:
            back_up(books.database, file)
        try:
            yield SqlTransactions(copy, books.seals, books.limits)
        finally:
            copy.dispose()


def _copy_rows(source: Connection, copy: Database) -> None:
    rows_apart = source.execution_options(yield_per=_ROWS_AT_ONCE)
    with copy.engine.begin() as target:
        # A row may stand before the one that it names.
        target.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for table in metadata.sorted_tables:
            if table is release:  # what made the copy's tables noted itself
                continue
            for rows in rows_apart.execute(select(table)).mappings().partitions():
                target.execute(insert(table), [dict(row) for row in rows])
