"""A database that may be read and not written is named as such, on both kinds."""

from pathlib import Path

import pytest
from sqlalchemy import text

from fundpool.adapters.stores.database import Database
from fundpool.domain.errors import ServiceUnavailable


def _write(database: Database) -> None:
    database.transaction(lambda connection: connection.execute(text("delete from kill_switch")))


@pytest.fixture
def read_only(database: Database, tmp_path: Path) -> Database:
    """The same database as somebody opens it who may not write."""
    if database.is_sqlite:
        return Database(f"sqlite:///file:{tmp_path / 'fundpool.db'}?mode=ro&uri=true")
    url = database.engine.url.set(drivername="postgresql").update_query_dict(
        {"options": "-c default_transaction_read_only=on"}
    )
    return Database(url.render_as_string(hide_password=False))


def test_a_read_only_database_is_named_as_such(read_only: Database) -> None:
    with pytest.raises(ServiceUnavailable) as refused:
        _write(read_only)
    assert refused.value.code == "database_read_only"
    assert "只读" in refused.value.zh
    assert "read-only" in refused.value.en
    count = read_only.read(lambda connection: connection.scalar(text("select count(*) from kill_switch")))
    assert count == 0
    read_only.dispose()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_role_that_may_not_write_is_named_as_such(database: Database) -> None:
    def reader(connection: object) -> None:
        for statement in (
            "create role only_reads",
            "grant usage on schema public to only_reads",
            "grant select on all tables in schema public to only_reads",
        ):
            connection.execute(text(statement))  # type: ignore[attr-defined]

    database.transaction(reader)
    url = database.engine.url.set(drivername="postgresql").update_query_dict(
        {"options": "-c role=only_reads"}
    )
    reading = Database(url.render_as_string(hide_password=False))
    with pytest.raises(ServiceUnavailable) as refused:
        _write(reading)
    reading.dispose()
    assert refused.value.code == "database_read_only"
