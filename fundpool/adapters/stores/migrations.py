"""Brings a database to the tables of this version (Alembic, one transaction)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert
from sqlalchemy.exc import OperationalError

import schemas.migrations
from fundpool.adapters.stores.database import Database, not_set_up
from fundpool.adapters.stores.sealed_rows import RowWriter, SqlLatestSeals
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.ports.failpoints import failpoint
from fundpool.version import VERSION
from schemas.tables import metadata, release

SCRIPTS = Path(schemas.migrations.__file__).parent
"""Folder of ``env.py`` and of the revisions in ``versions/``."""

FIRST_WITH_LATEST_SEALS = "0012"
"""The revision from which the latest seal of every sealed row is kept."""


def upgrade(database: Database) -> None:
    """Create the tables of an empty database, or migrate those that stand; running it again changes nothing.

    Raises InputError when they stand at a revision that this version does not know, and
    ServiceUnavailable when the database does not answer.
    """
    with _answering(), _may_rebuild_tables(database) as connection:
        config = _config(connection)
        revision = _revision_of(connection)
        if revision is not None and not database.is_sqlite:
            # After whoever writes now; the next one sees the new revision.
            connection.exec_driver_sql(database.take_turn)
        if revision is None:
            # A table of that name, whoever made it, is an error and never taken for ours.
            metadata.create_all(connection, checkfirst=False)
            command.stamp(config, "head")
            _note_release(connection)
        elif _is_known(config, revision):
            command.upgrade(config, "head")
            if revision < FIRST_WITH_LATEST_SEALS:
                # Once and in the transaction that migrates: later a row without one was put there by somebody else.
                SqlLatestSeals(connection, RowWriter(connection)).adopt()
            if revision != _revision_of(connection):
                _note_release(connection)
        else:
            raise _unknown(revision)
        failpoint("before upgrade commit")
    failpoint("after upgrade commit")


def require_known(database: Database) -> str:
    """The revision of tables that ``upgrade`` can migrate.

    Raises ServiceUnavailable for a database without tables, InputError for a revision it does not know.
    """
    database.require_file()
    with _answering(), database.engine.connect() as connection:
        revision = _revision_of(connection)
        if revision is None:
            raise not_set_up()
        if not _is_known(_config(connection), revision):
            raise _unknown(revision)
    return revision


def _is_known(config: Config, revision: str) -> bool:
    return revision in {known.revision for known in ScriptDirectory.from_config(config).walk_revisions()}


def _note_release(connection: Connection) -> None:
    connection.execute(insert(release).values(revision=_revision_of(connection), version=VERSION))


def current(database: Database) -> str | None:
    """Revision of the tables; ``None`` for an empty database or none. Raises ServiceUnavailable as ``upgrade`` does."""
    if database.file is not None and not database.file.exists():
        return None
    with _answering(), database.engine.connect() as connection:
        return _revision_of(connection)


@cache
def wanted() -> str:
    """The revision that this version of the program works with."""
    head = ScriptDirectory(str(SCRIPTS)).get_current_head()
    assert head is not None
    return head


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


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
                if database.is_sqlite:
                    connection.exec_driver_sql(database.take_turn)
                yield connection
                if database.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise AssertionError("a migration left rows that refer to nothing")
        finally:
            if database.is_sqlite:
                raw.cursor().execute("PRAGMA foreign_keys = ON")


def _unknown(revision: str) -> InputError:
    return InputError(
        "database_revision_unknown",
        f"数据库的表是第 {revision} 版，本程序不能从该版升级，未做任何改动",
        f"the tables stand at revision {revision}, from which this program cannot upgrade; nothing was changed",
        remedy="早于 0010：先备份，用 fundpool 0.1.0 执行 fundpool init 升到 0010，再用本程序 fundpool upgrade；晚于本程序：换用写它的版本 / "
        "before 0010: back up, run fundpool init of fundpool 0.1.0, which leads to 0010, then fundpool upgrade of this one; "
        "later than this program: use the version that wrote it",
    )
