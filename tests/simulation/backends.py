"""Where a schedule keeps its books: in memory, or on a real SQLite that is put back like a backup."""

import sqlite3
from functools import cache, partial

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.transfer import Hop
from tests.seals import SEALS
from tests.simulation.by_file import ByFile, unsynchronised
from tests.simulation.exhaustive import Exhaustive
from tests.simulation.memory import MemoryTransactions, State
from tests.simulation.quick import QuickGateway
from tests.simulation.scene import DIRECT
from tests.simulation.schedule import BY_FILE, VARIANTS, Result, Schedule, Variant, hops, opened_books, payees
from tests.simulation.writer import Writer


def run_in_memory(seed: int, variant: Variant, *, with_writer: bool = False) -> Result:
    """Play the seed against the stores in memory, with somebody who writes to them if wanted."""
    transactions = MemoryTransactions()
    before_the_order, transactions.state = _opened_in_memory(payees(seed), hops(seed))

    def restore(state: object) -> None:
        transactions.state = state  # type: ignore[assignment]

    return Schedule(
        seed,
        transactions,
        variant,
        transactions.snapshot,
        restore,
        before_the_order,
        QuickGateway,
        partial(Writer, transactions) if with_writer else None,
    ).run()


def run_by_file(seed: int) -> Result:
    """Play the seed against a bank that is reached by files; the stores are in memory."""
    transactions = MemoryTransactions()
    before_the_order, transactions.state = _opened_in_memory(payees(seed), hops(seed))

    def restore(state: object) -> None:
        transactions.state = state  # type: ignore[assignment]

    with unsynchronised():
        return Schedule(
            seed, transactions, BY_FILE, transactions.snapshot, restore, before_the_order, ByFile
        ).run()


def run_exhaustively(symbols: tuple[str, ...], variant: Variant) -> list[str]:
    """Play one of the 1,600 in memory; what it broke."""
    transactions = MemoryTransactions()
    transactions.state = _opened_in_memory(1, (DIRECT,))[1]
    return Exhaustive(symbols, transactions, variant, QuickGateway).play()


@cache
def _opened_in_memory(payees: int, hops: tuple[Hop, ...]) -> tuple[State, State]:
    """The books before the order and after."""
    transactions = MemoryTransactions()
    scene = opened_books(transactions, payees, hops)
    before = transactions.state
    scene.release()
    return before, transactions.state


def run_on_sqlite(seed: int, variant: Variant) -> Result:
    """Play the seed against the real stores on SQLite in memory."""
    database = Database("sqlite://")
    connection = _driver(database)
    before_the_order, opened = _opened_on_sqlite(payees(seed), hops(seed))
    opened.backup(connection)

    def snapshot() -> sqlite3.Connection:
        return _copy(connection)

    def restore(backup: sqlite3.Connection) -> None:
        backup.backup(connection)

    try:
        return Schedule(
            seed, SqlTransactions(database, SEALS), variant, snapshot, restore, before_the_order
        ).run()
    finally:
        database.dispose()


@cache
def _opened_on_sqlite(payees: int, hops: tuple[Hop, ...]) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    database = Database("sqlite://")
    migrations.upgrade(database)
    scene = opened_books(SqlTransactions(database, SEALS), payees, hops)
    before = _copy(_driver(database))
    scene.release()
    opened = _copy(_driver(database))
    database.dispose()
    return before, opened


def _copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A backup by SQLite's own means, in memory."""
    target = sqlite3.connect(":memory:")
    connection.backup(target)
    return target


def has_writer(seed: int) -> bool:
    """Whether somebody writes into the database in the seed: in one of eight."""
    return seed // 32 % 8 == 7


FILE_EVERY = 64
"""One seed in so many is played by file: it takes as long as ten others."""


def run(seed: int, *, sqlite_every: int = 0) -> Result:
    """Play a seed against its kind of bank; one in ``sqlite_every`` also on SQLite, to the same end."""
    variant = BY_FILE if seed % FILE_EVERY == FILE_EVERY - 1 else VARIANTS[seed % len(VARIANTS)]
    try:
        if variant is BY_FILE:
            return run_by_file(seed)
        result = run_in_memory(seed, variant, with_writer=has_writer(seed))
    except Exception as error:  # noqa: BLE001 - whatever the product raises is a violation of this seed
        return Result(seed, variant.name, [f"raised {type(error).__name__}: {error}"], (), [])
    if sqlite_every and not has_writer(seed) and seed // 16 % sqlite_every == 0:
        real = run_on_sqlite(seed, variant)
        if real.trace != result.trace or real.digest != result.digest:
            real.violations.append("memory and SQLite disagree")
        real.violations += [each for each in result.violations if each not in real.violations]
        return real
    return result


def _driver(database: Database) -> sqlite3.Connection:
    # SQLite in memory has one connection per thread, so this is the one that transactions use.
    connection = database.engine.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection
