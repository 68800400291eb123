"""The migrations lead to exactly the tables that the stores are written against, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.domain.errors import InputError
from schemas.tables import metadata


def test_a_migrated_database_has_the_declared_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_declared_check_is_in_the_migrated_database(database: Database) -> None:
    # Alembic does not compare CHECK constraints; maker ≠ checker is one of them.
    found = {
        (table, check["name"])
        for table in metadata.tables
        for check in inspect(database.engine).get_check_constraints(table)
    }
    declared = {
        (table.name, constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.__visit_name__ in {"check_constraint", "table_or_column_check_constraint"}
    }
    assert len(declared) > 20
    assert declared <= found


def test_migrating_again_changes_nothing(database: Database) -> None:
    revision = migrations.current(database)
    migrations.upgrade(database)
    assert migrations.current(database) == revision


def test_tables_of_an_earlier_version_are_named_with_the_command_that_brings_them_up_to_date(
    database: Database,
) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE filings DROP COLUMN sources")
    with pytest.raises(InputError) as told:
        database.read(lambda connection: connection.execute(select(metadata.tables["filings"])).all())
    assert told.value.code == "database_outdated"
    assert "fundpool init" in str(told.value.remedy)
