"""Which bank a seed is played against, and on which books: in memory, on SQLite or on PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import Any

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.domain.transfer import Hop, PaymentLimits
from tests.crash.__main__ import server
from tests.scripted_bank import ScriptedGateway
from tests.simulation.by_file import ByFile, unsynchronised
from tests.simulation.exhaustive import Exhaustive
from tests.simulation.memory import MemoryTransactions
from tests.simulation.quick import QuickGateway
from tests.simulation.scene import DIRECT
from tests.simulation.schedule import (
    BY_FILE,
    VARIANTS,
    Opened,
    Result,
    Schedule,
    Variant,
    hops,
    opened,
    payees,
)
from tests.simulation.sql_books import SqlBooks

FILE_EVERY = 64
"""One seed in so many is played by file: it takes as long as ten others."""


class Kind(StrEnum):
    """What surrounds the payments of a seed."""

    HTTP = "http"
    BY_FILE = "by-file"
    WRITTEN_TO = "written-to"
    """Over HTTP, and somebody writes into the database."""


def kind_of(seed: int) -> Kind:
    """The kind of a seed that is played without one being named."""
    if seed % FILE_EVERY == FILE_EVERY - 1:
        return Kind.BY_FILE
    return Kind.WRITTEN_TO if seed // 32 % 8 == 7 else Kind.HTTP


def variant_of(seed: int, kind: Kind) -> Variant:
    """The bank that a seed of this kind is played against."""
    return BY_FILE if kind is Kind.BY_FILE else VARIANTS[seed % len(VARIANTS)]


def run(seed: int, *, kind: Kind | None = None, books: SqlBooks | None = None, every: int = 0) -> Result:
    """Play a seed in memory; one in ``every`` on the books too, where it must come to the same trace and end."""
    kind = kind or kind_of(seed)
    try:
        result = play(seed, kind)
        if books is None or every == 0 or seed // 16 % every:
            return result
        on_books = play(seed, kind, books)
    except Exception as error:  # noqa: BLE001 - whatever the product raises is a violation of this seed
        return Result(seed, kind, [f"raised {type(error).__name__}: {error}"], ())
    # What a database refuses of a writer, the stores in memory take.
    if kind is not Kind.WRITTEN_TO and (on_books.trace, on_books.digest) != (result.trace, result.digest):
        on_books.violations.append("memory and the database disagree")
    on_books.violations += [each for each in result.violations if each not in on_books.violations]
    return on_books


def play(seed: int, kind: Kind, books: SqlBooks | None = None) -> Result:
    """Play a seed on the books, in place of whatever they hold; in memory without."""
    gateway: Any = QuickGateway
    if books is not None:
        gateway, books.limits = ScriptedGateway, PaymentLimits()
    with unsynchronised():
        return Schedule(
            seed,
            MemoryTransactions() if books is None else books,
            variant_of(seed, kind),
            _opened(books, payees(seed), hops(seed)),
            ByFile if kind is Kind.BY_FILE else gateway,
            with_writer=kind is Kind.WRITTEN_TO,
        ).run()


def run_exhaustively(symbols: tuple[str, ...], variant: Variant) -> list[str]:
    """Play one of the 1,600 in memory; what it broke."""
    made = _opened(None, 1, (DIRECT,))
    return Exhaustive(symbols, MemoryTransactions(), variant, made, QuickGateway).play()


@cache
def _opened(books: SqlBooks | None, payees: int, hops: tuple[Hop, ...]) -> Opened:
    if books is None:
        return opened(MemoryTransactions(), payees, hops)
    books.restore(books.empty)
    return opened(books, payees, hops)


@contextmanager
def opened_database(name: str) -> Iterator[SqlBooks]:
    """Empty books on ``sqlite``, in memory, or on a ``postgresql`` that is started for them."""
    with server(None if name == "sqlite" else "") as url:
        database = Database(url or "sqlite://")
        migrations.upgrade(database)
        yield SqlBooks(database)
        database.dispose()
