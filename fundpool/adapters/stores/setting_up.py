"""Bringing a database up to date: its tables, and seals for what an earlier version has left without."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, and_, select, update

from fundpool.adapters.keys.seal_key import make_seal_key, seals_of
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.accounts import account_of
from fundpool.adapters.stores.applications import SqlApplications, place_of
from fundpool.adapters.stores.budgets import SqlBudgets
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.sealed_rows import RowWriter, SqlLatestSeals
from fundpool.adapters.stores.transfers import attempt_of, batch_of, obligation_of, switch_of
from fundpool.adapters.stores.work import SqlWork
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import PaymentLimits
from fundpool.settings import Settings
from schemas.tables.accounts import bank_account
from schemas.tables.applications import application_lines, applications
from schemas.tables.audit import audit
from schemas.tables.budgets import budgets, openings
from schemas.tables.transfers import attempts, kill_switch, obligations, transfer_batch

_FIRST_SEALED = "0008"
_FIRST_TRAILED = "0010"
_FIRST_WITH_LATEST = "0011"


def install(settings: Settings) -> Database:
    """The installation's database, with its data folder, seal key and tables in place."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    before = migrations.current(database)
    if before is None or before < _FIRST_SEALED:
        # Later a missing key is not replaced: nothing that was approved would hold any more.
        make_seal_key(settings)
    set_up(database, seals_of(settings))
    return database


def set_up(database: Database, seals: Seals) -> None:
    """Create or migrate the tables; running it again changes nothing.

    What stands in tables of a version before the seals, before the trail of rows or before the latest
    seals were kept, is sealed and taken over as it is, once and in the transaction that migrates: what is unsealed or untrailed
    later was put there by somebody else. Raises ServiceUnavailable when the database does not answer.
    """
    before = migrations.current(database)

    def take_over(connection: Connection) -> None:
        if before is not None and before < _FIRST_SEALED:
            seal_what_stands(connection, seals)
        if before is not None and before < _FIRST_TRAILED:
            adopt_rows(connection, seals)
        if before is not None and before < _FIRST_WITH_LATEST:
            adopt_seals(connection)

    migrations.upgrade(database, take_over)


def adopt_rows(connection: Connection, seals: Seals) -> None:
    """Begin the trail of rows with what stands in the tables, and record in the audit trail how much it was.

    Never later: rows that the trail does not know were put there by somebody else.
    """
    last = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).first()
    if last is None:
        return
    work = SqlWork(connection, seals, PaymentLimits())
    counts = work.trail.adopt(last.number, last.hash)
    work.audit.append(at=last.at, actor="system", action="adopt_rows", subject="row_trail", after=counts)
    work.finish()


def adopt_seals(connection: Connection) -> None:
    """Begin to keep the latest seals with those of the rows that stand in the tables; never later either."""
    SqlLatestSeals(connection, RowWriter(connection)).adopt()


def seal_what_stands(connection: Connection, seals: Seals) -> None:
    """Seal the rows that bear no seal as they are; only for rows from before there were seals."""
    records: list[tuple[Table, Callable[[RowMapping], Any]]] = [
        (transfer_batch, batch_of),
        (obligations, obligation_of),
        (attempts, attempt_of),
        (bank_account, account_of),
        (kill_switch, switch_of),
    ]
    for table, read in records:
        for row in connection.execute(select(table).where(table.c.seal.is_(None))).mappings().all():
            _seal(connection, table, row, seals.of(read(row)))
    cities = connection.scalars(
        select(budgets.c.city).union(select(openings.c.city), select(applications.c.city))
    ).all()
    for city in cities:
        _seal_figures(connection, city, seals)


def _seal_figures(connection: Connection, city: str, seals: Seals) -> None:
    stored = SqlBudgets(connection, RowWriter(connection), seals)
    years = connection.scalars(select(budgets.c.year).where(budgets.c.city == city).distinct()).all()
    for revision in (each for year in years for each in stored.budget_revisions(city, year)):
        key = {name: getattr(revision, name) for name in ("year", "county", "fund", "revision")}
        _seal(connection, budgets, key | {"city": city}, seals.of(revision, city))
    for opening in stored.openings(city):
        key = {"city": city, "month": str(opening.month), "county": opening.county, "fund": opening.fund}
        _seal(connection, openings, key, seals.of(opening))
    for application in SqlApplications(connection, RowWriter(connection), seals).applications(city):
        place = place_of(application)
        for line in application.lines:
            _seal(
                connection,
                application_lines,
                place | {"county": line.county},
                seals.of(line, *place.values()),
            )


def _seal(connection: Connection, table: Table, row: Any, seal: str) -> None:
    is_it = and_(*(column == row[column.name] for column in table.primary_key))
    connection.execute(update(table).where(is_it, table.c.seal.is_(None)).values(seal=seal))
