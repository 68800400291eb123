"""Schedules on fresh seeds: no promise broken, and memory and the databases come to the same end."""

import time

import pytest

from fundpool.adapters.stores.database import Database
from tests.simulation.backends import Kind, play, run
from tests.simulation.quick import quick
from tests.simulation.sql_books import SqlBooks

pytestmark = pytest.mark.slow

FRESH = time.time_ns() // 1_000_000
"""Never the same seeds again: a fault that the last seeds missed is not found by repeating them."""

IN_MEMORY = {Kind.HTTP: 400, Kind.BY_FILE: 15, Kind.WRITTEN_TO: 160}
ON_EACH_DATABASE = {Kind.HTTP: 10, Kind.BY_FILE: 3, Kind.WRITTEN_TO: 6}
"""How many seeds a test run plays; ``make simulate`` plays as many as wanted."""


@pytest.mark.parametrize("kind", Kind)
def test_no_schedule_pays_twice_or_wrongly_or_loses_sight_of_a_payment(kind: Kind) -> None:
    with quick():
        for seed in range(FRESH, FRESH + IN_MEMORY[kind]):
            result = play(seed, kind)
            assert not result.violations, f"seed {seed} ({kind}, {result.variant}): {result.violations}"


@pytest.mark.parametrize("kind", Kind)
def test_the_same_schedules_on_a_database_keep_the_promises_and_end_as_in_memory(
    kind: Kind, database: Database
) -> None:
    books = SqlBooks(database)
    with quick():
        for seed in range(FRESH, FRESH + ON_EACH_DATABASE[kind]):
            result = run(seed, kind=kind, books=books, every=1)
            assert not result.violations, f"seed {seed} ({kind}, {result.variant}): {result.violations}"
