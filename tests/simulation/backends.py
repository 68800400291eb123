"""Where a schedule keeps its books: in memory, or on a real SQLite that is put back like a backup."""

import sqlite3
from functools import cache

from fundpool.adapters import migrations
from fundpool.adapters.database import Database
from fundpool.adapters.work import SqlTransactions
from tests.simulation.memory import MemoryTransactions
from tests.simulation.schedule import Result, Schedule, Variant


def run_in_memory(seed: int, variant: Variant) -> Result:
    """Play the seed against the stores in memory."""
    transactions = MemoryTransactions()

    def restore(state: object) -> None:
        transactions.state = state  # type: ignore[assignment]

    return Schedule(seed, transactions, variant, transactions.snapshot, restore).run()


def run_on_sqlite(seed: int, variant: Variant) -> Result:
    """Play the seed against the real stores on SQLite in memory."""
    database = Database("sqlite://")
    connection = _driver(database)
    connection.deserialize(_empty())

    def snapshot() -> bytes:
        return connection.serialize()

    def restore(content: bytes) -> None:
        connection.deserialize(content)

    try:
        return Schedule(seed, SqlTransactions(database), variant, snapshot, restore).run()
    finally:
        database.dispose()


@cache
def _empty() -> bytes:
    """A migrated, empty database."""
    database = Database("sqlite://")
    migrations.upgrade(database)
    content = _driver(database).serialize()
    database.dispose()
    return content


def _driver(database: Database) -> sqlite3.Connection:
    # SQLite in memory has one connection per thread, so this is the one that transactions use.
    connection = database.engine.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection
