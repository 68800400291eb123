"""The database: the only place where a transaction begins, commits or is tried again.

SQLite takes the write lock when the transaction begins (``BEGIN IMMEDIATE``): a balance read and
the posting that rests on it are one step, or two workers overspend a fund. PostgreSQL runs
SERIALIZABLE for the same reason and reruns the whole function when the server aborts it. There
too writers take turns (a lock on the table of turns, taken before the snapshot): the audit chain
has one head, so concurrent writers would only abort each other.

Every transaction and every snapshot first compares the revision of the tables with the one this program is
written for: a process that outlives an upgrade never works on tables that it does not know.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from fundpool.configuration import FORMER_FOLDER
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.ports.failpoints import failpoint
from fundpool.version import VERSION
from schemas.tables import REVISION, release

T = TypeVar("T")

MAX_ATTEMPTS = 10
"""How often one transaction is tried when the database aborts it for concurrency."""

_SERIALIZATION_FAILURES = {"40001", "40P01"}

# LOCK TABLE takes no snapshot, so the transaction sees everything committed before its turn.
_TAKE_TURN_ON_POSTGRESQL = "LOCK TABLE writers_turn IN EXCLUSIVE MODE"
_TAKE_TURN_ON_SQLITE = "BEGIN IMMEDIATE"

_RETRY_PAUSE_S = 0.01


class Database:
    """One database, reached through whole transactions only."""

    def __init__(self, url: str) -> None:
        """Opens no connection. Raises InputError when the address cannot be one, without repeating it."""
        address = _parsed(url)
        self.url = url
        self.is_sqlite = address.get_backend_name() == "sqlite"
        name = (address.database or "").removeprefix("file:") if self.is_sqlite else ""
        self.file = Path(name) if name not in {"", ":memory:"} else None
        """The file of SQLite; None for a server's database."""
        self.engine = _sqlite_engine(address) if self.is_sqlite else _postgresql_engine(url)
        self.take_turn = _TAKE_TURN_ON_SQLITE if self.is_sqlite else _TAKE_TURN_ON_POSTGRESQL
        """The first statement of a transaction that writes: it waits for the writers before it."""

    @property
    def shown_url(self) -> str:
        """The address as people may see it: without its password."""
        address = _parsed(self.url).difference_update_query(["password", "sslpassword"])
        return address.render_as_string(hide_password=True)

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction and commit; rerun it whole when the database aborts it.

        ``work`` makes no outside call: it can be run more than once. Raises ServiceUnavailable
        when the database cannot be reached, is not set up or stays contended for MAX_ATTEMPTS tries.
        """
        self.require_file()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with self.engine.begin() as connection:
                    connection.exec_driver_sql(self.take_turn)
                    _require_revision(connection)
                    result = work(connection)
                    failpoint("before commit")
                failpoint("after commit")
            except DBAPIError as error:
                if _is_serialization_failure(error) and attempt < MAX_ATTEMPTS:
                    time.sleep(random.uniform(0, _RETRY_PAUSE_S * attempt))  # noqa: S311 - spreads rivals
                    continue
                raise _for_people(error) from error
            else:
                return result
        raise AssertionError("unreachable: the last attempt returns or raises")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` against one consistent snapshot without taking the write lock."""
        self.require_file()
        try:
            with self.engine.connect() as connection:
                if not self.is_sqlite:
                    # A snapshot is enough to read from, and is never aborted.
                    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with connection.begin():
                    if self.is_sqlite:
                        connection.exec_driver_sql("BEGIN")
                    _require_revision(connection)
                    return work(connection)
        except DBAPIError as error:
            raise _for_people(error) from error

    def state_read(self, connection: Connection) -> Hashable | None:
        """A name for what is committed in the snapshot that ``connection`` reads: the same name, the same content.

        Any commit changes it, one behind the program too. None where it cannot be told.
        """
        own = connection.info.setdefault("own", object())  # names are compared within one connection alone
        if self.is_sqlite:
            # The first moves with every commit of another connection, the second with every change by this one.
            others = connection.exec_driver_sql("PRAGMA data_version").scalar()
            return own, others, getattr(connection.connection.driver_connection, "total_changes")  # noqa: B009
        # On a standby a snapshot's name leaves out who was still writing.
        name = connection.exec_driver_sql("SELECT pg_current_snapshot()::text WHERE NOT pg_is_in_recovery()")
        text = name.scalar()
        return None if text is None else (own, text)

    def require_file(self) -> None:
        """Raise ServiceUnavailable when the file of an embedded database is not there."""
        # SQLite makes a file that is missing: a command in the wrong place would begin another set of books.
        if self.file is not None and not self.file.exists():
            raise not_set_up(self.file)

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad_address() from error
    # A password with a bare @ ends in the host, and the host stands in every error of the driver.
    if address.get_backend_name() not in {"sqlite", "postgresql"} or "@" in (address.host or ""):
        raise _bad_address()
    if address.database and address.get_backend_name() == "sqlite":
        return address.set(database=unquote(address.database))
    return address


def _bad_address() -> InputError:
    return InputError(
        "bad_database_url",
        "FUNDPOOL_DATABASE_URL 不是可用的数据库地址（内含密码，此处不显示）："
        "应为 postgresql://用户:密码@主机:端口/库名 或 sqlite:///文件",
        "FUNDPOOL_DATABASE_URL is no address of a database (not shown, it holds a password): expected "
        "postgresql://user:password@host:port/name or sqlite:///file",
        remedy="改正该变量；密码中的特殊字符写作百分号编码，如 @ 写作 %40 / correct the variable; special characters of "
        "a password are percent-encoded, @ as %40",
    )


def _sqlite_engine(address: URL) -> Engine:
    engine = create_engine(address, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver begins at the first write only: ``transaction`` and ``read`` begin before they read. A
        # listener for "begin" would do it too, but then every statement asks for listeners (a fifth of its time).
        connection.isolation_level = "IMMEDIATE"
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        # Rollback journal: Debian 12's SQLite lies in the WAL-reset corruption range.
        cursor.execute("PRAGMA journal_mode = DELETE")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    return engine


def _postgresql_engine(url: str) -> Engine:
    driver_url = make_url(url).set(drivername="postgresql+psycopg")
    # A statement prepared while a table was empty keeps the plan of an empty table: no preparing.
    # A database made without a locale has no encoding, and psycopg would give its text as bytes.
    return create_engine(
        driver_url,
        isolation_level="SERIALIZABLE",
        pool_pre_ping=True,
        connect_args={"prepare_threshold": None, "client_encoding": "utf8"},
    )


def _is_serialization_failure(error: DBAPIError) -> bool:
    return _sqlstate(error) in _SERIALIZATION_FAILURES


_MISSING_COLUMN = ("no such column", "has no column named")
"""What SQLite says when the tables are of an earlier version than the code."""


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


_READ_ONLY = {"25006", "42501"}
"""PostgreSQL's states of a read-only transaction and of a role that may not write."""

_READ_ONLY_WORDS = ("readonly database", "hot standby", "recovery is in progress")
"""What SQLite says of a file, and PostgreSQL of a standby, that cannot be written."""

_FULL, _FULL_WORDS = "53100", "disk is full"
"""PostgreSQL's state, and SQLite's words, of a disk without space."""


def _for_people(error: DBAPIError) -> Exception:
    if _sqlstate(error) in _READ_ONLY or any(words in str(error.orig) for words in _READ_ONLY_WORDS):
        return _read_only(error)
    if isinstance(error, OperationalError) and "no such table" in str(error.orig):
        return not_set_up()
    if isinstance(error, ProgrammingError) and _sqlstate(error) == "42P01":
        return not_set_up()
    if any(text in str(error.orig) for text in _MISSING_COLUMN) or _sqlstate(error) == "42703":
        return _outdated(_reason(error))
    if isinstance(error, OperationalError) or _is_serialization_failure(error):
        is_full = _sqlstate(error) == _FULL or _FULL_WORDS in str(error.orig)
        return _full(error) if is_full else _unavailable(error)
    return error


def not_set_up(file: Path | None = None) -> ServiceUnavailable:
    """The error for a database that ``fundpool init`` has not made (``file``) or given its tables."""
    former = former_database()
    return ServiceUnavailable(
        "database_not_set_up",
        "数据库还没有建表" if file is None else f"没有数据库 {file}",
        "the database has no tables yet" if file is None else f"there is no database {file}",
        remedy="fundpool init" if former is None or former == file else former_home(former),
    )


def former_database() -> Path | None:
    """The database that an earlier release made below this folder, which is opened only by name now."""
    file = (FORMER_FOLDER / "fundpool.db").absolute()
    return file if file.exists() else None


def former_home(file: Path) -> str:
    """What to do with a former release's database: the remedy of an error."""
    return (
        f"此处有旧版的数据目录，用它则设 FUNDPOOL_HOME={file.parent}，另建则 fundpool init / an earlier release's data "
        f"lies here: FUNDPOOL_HOME={file.parent} for it, fundpool init elsewhere for new books"
    )


def _require_revision(connection: Connection) -> None:
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision == REVISION:
        return
    if revision is None:
        raise not_set_up()
    if revision < REVISION:
        raise _outdated(f"{revision} < {REVISION}")
    wrote = connection.execute(select(release.c.version).where(release.c.revision == revision)).scalar()
    raise InputError(
        "database_newer",
        f"数据库的表是第 {revision} 版，由 fundpool {wrote} 写成；本程序是 fundpool {VERSION}，只用第 {REVISION} 版",
        f"the tables stand at revision {revision}, written by fundpool {wrote}; this is fundpool {VERSION}, which takes "
        f"revision {REVISION} alone",
        remedy=f"换用 fundpool {wrote} 或更新的版本，并重启仍在运行的旧程序 / use fundpool {wrote} or a later one, and start what "
        "still runs anew",
    )


def _outdated(why: str) -> InputError:
    return InputError(
        "database_outdated",
        f"数据库的表是早先版本的：{why}",
        f"the tables are of an earlier version: {why}",
        remedy="停止各进程后运行 fundpool upgrade（先备份再升级） / stop what runs, then fundpool upgrade, which backs up and "
        "brings them up to date",
    )


def _read_only(error: DBAPIError) -> ServiceUnavailable:
    reason = _reason(error)
    return ServiceUnavailable(
        "database_read_only",
        f"数据库只读，不能写入：{reason}",
        f"the database is read-only and cannot be written: {reason}",
        remedy="检查数据库文件与目录的写权限、磁盘是否只读，或 FUNDPOOL_DATABASE_URL 是否指向备库或只读用户 / check that file and folder "
        "may be written, that the disk is not mounted read-only, or that the address is not a standby's or a reader's",
    )


def _full(error: DBAPIError) -> ServiceUnavailable:
    reason = _reason(error)
    return ServiceUnavailable(
        "database_full",
        f"数据库所在磁盘已满，未写入：{reason}",
        f"the database's disk is full, nothing was written: {reason}",
        remedy="腾出空间后重试同一命令；Prefect 下的运行一小时内自动再试 / free space and run the same command again; a run under "
        "Prefect is tried again over an hour",
    )


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig else str(error)


def _unavailable(error: DBAPIError) -> ServiceUnavailable:
    reason = _reason(error)
    return ServiceUnavailable(
        "database_unavailable",
        f"数据库没有应答：{reason}",
        f"the database did not answer: {reason}",
        remedy="检查 FUNDPOOL_DATABASE_URL 与数据库服务后重试同一命令 / check the database and run the same command again",
    )
