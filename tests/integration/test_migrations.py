"""Every database comes to exactly the tables that the stores are written against, new or migrated, on both kinds."""

import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import InputError
from fundpool.domain.transfer import ObligationState
from fundpool.services.books.audit_checks import verify_everything
from schemas.tables import metadata
from tests.seals import SEALS

BASELINE = Path(__file__).parent / "baseline"
"""A released payment in a database at the baseline, as the version that began with it wrote it."""


@pytest.fixture
def at_baseline(database: Database) -> Database:
    files = ("sqlite.sql" if database.is_sqlite else "postgresql.sql", "rows.sql")
    with database.engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        for file in files:
            for statement in (BASELINE / file).read_text(encoding="utf-8").strip().split(";\n"):
                connection.exec_driver_sql(statement)
    return database


def require_the_declared_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
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


def test_a_database_at_the_baseline_is_upgraded_to_the_declared_tables(at_baseline: Database) -> None:
    migrations.upgrade(at_baseline)
    require_the_declared_tables(at_baseline)


def test_what_a_database_at_the_baseline_holds_is_sealed_and_in_the_trail_after_the_upgrade(
    at_baseline: Database,
) -> None:
    migrations.upgrade(at_baseline)
    transactions = SqlTransactions(at_baseline, SEALS)
    found = transactions.read(lambda work: verify_everything(work, []))
    assert found.faults == []
    assert found.rows > 10
    owed = transactions.read(lambda work: work.payments.obligations())
    assert [each.state for each in owed] == [ObligationState.RELEASED] * 3
    assert all(SEALS.hold(each) for each in owed)


def test_a_new_database_has_the_declared_tables(database: Database) -> None:
    require_the_declared_tables(database)


def test_migrating_again_changes_nothing(database: Database) -> None:
    revision = migrations.current(database)
    migrations.upgrade(database)
    assert migrations.current(database) == revision


NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{head}"


def upgrade():
    with op.batch_alter_table("transfer_batch") as batch:
        batch.add_column(sa.Column("note", sa.String(8), nullable=False, server_default="none"))
        batch.create_check_constraint(op.f("ck_transfer_batch_note"), "note <> ''")
"""


def test_a_next_revision_may_rebuild_a_table_that_others_refer_to(
    at_baseline: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.upgrade(at_baseline)
    scripts = tmp_path / "migrations"
    shutil.copytree(migrations.SCRIPTS, scripts)
    (scripts / "versions/v9999.py").write_text(NEXT.format(head=migrations.current(at_baseline)))
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    migrations.upgrade(at_baseline)
    assert migrations.current(at_baseline) == "9999"
    with at_baseline.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT note FROM transfer_batch").all() == [("none",)]
        assert connection.exec_driver_sql(
            "SELECT count(*) FROM obligation JOIN transfer_batch ON transfer_batch.id = batch_id"
        ).one() == (3,)


@pytest.mark.parametrize("revision", ["0009", "9999"])
def test_a_revision_that_this_version_does_not_know_is_refused_and_nothing_changed(
    at_baseline: Database, revision: str
) -> None:
    with at_baseline.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(InputError) as refused:
        migrations.upgrade(at_baseline)
    assert refused.value.code == "database_revision_unknown"
    assert revision in refused.value.zh
    assert "fundpool upgrade" in str(refused.value.remedy)
    assert migrations.current(at_baseline) == revision


def test_tables_of_an_earlier_version_are_named_with_the_command_that_brings_them_up_to_date(
    database: Database,
) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE filings DROP COLUMN sources")
    with pytest.raises(InputError) as refused:
        database.read(lambda connection: connection.execute(select(metadata.tables["filings"])).all())
    assert refused.value.code == "database_outdated"
    assert "fundpool upgrade" in str(refused.value.remedy)
