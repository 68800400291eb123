"""Brings a database to the tables of this version (Alembic, one transaction)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

import schemas.migrations
from fundpool.adapters.stores.database import Database
from fundpool.domain.errors import ServiceUnavailable


def upgrade(database: Database, finish: Callable[[Connection], None] = lambda _: None) -> None:
    """Create or migrate the tables and run ``finish`` in the same transaction.

    Raises ServiceUnavailable when the database does not answer.
    """
    with _answering(), _may_rebuild_tables(database) as connection:
        command.upgrade(_config(connection), "head")
        finish(connection)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise ServiceUnavailable(
            "database_unavailable",
            f"数据库没有应答：{error.orig}",
            f"the database did not answer: {error.orig}",
            remedy="检查 FUNDPOOL_DATABASE_URL / check the database address",
        ) from error


@contextmanager
def _may_rebuild_tables(database: Database) -> Iterator[Connection]:
    """A transaction in which SQLite may replace a table that other tables' rows refer to.

    Only outside a transaction does SQLite let foreign keys off; they are checked before the commit.
    """
    with database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        if database.is_sqlite:
            raw.cursor().execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                if database.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise AssertionError("a migration left rows that refer to nothing")
        finally:
            if database.is_sqlite:
                raw.cursor().execute("PRAGMA foreign_keys = ON")


def current(database: Database) -> str | None:
    """Revision of the tables; ``None`` for an empty database. Raises ServiceUnavailable as ``upgrade`` does."""
    with _answering(), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(schemas.migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config
