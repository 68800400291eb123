"""Schedules on fresh seeds: no promise broken, and memory and SQLite come to the same end."""

import time

import pytest

from tests.simulation.backends import run_by_file, run_in_memory, run_on_sqlite
from tests.simulation.quick import quick
from tests.simulation.schedule import VARIANTS

FRESH = time.time_ns() // 1_000_000
"""Never the same seeds again: a fault that the last seeds missed is not found by repeating them."""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_schedule_pays_twice_or_loses_sight_of_a_payment(variant) -> None:  # type: ignore[no-untyped-def]
    with quick():
        for seed in range(FRESH, FRESH + 100):
            result = run_in_memory(seed, variant)
            assert not result.violations, f"seed {seed} ({variant.name}): {result.violations}"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_stores_in_memory_come_to_the_same_end_as_sqlite(variant) -> None:  # type: ignore[no-untyped-def]
    for seed in range(FRESH, FRESH + 2):
        in_memory, on_sqlite = run_in_memory(seed, variant), run_on_sqlite(seed, variant)
        assert in_memory.trace == on_sqlite.trace, f"seed {seed} ({variant.name})"
        assert in_memory.digest == on_sqlite.digest, f"seed {seed} ({variant.name})"


def test_no_schedule_by_file_pays_twice_or_loses_sight_of_a_payment():  # type: ignore[no-untyped-def]
    with quick():
        for seed in range(FRESH, FRESH + 15):
            result = run_by_file(seed)
            assert not result.violations, f"seed {seed} (by file): {result.violations}"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_whoever_writes_into_the_database_moves_nothing_that_was_not_approved(variant):  # type: ignore[no-untyped-def]
    with quick():
        for seed in range(FRESH, FRESH + 40):
            result = run_in_memory(seed, variant, with_writer=True)
            assert not result.violations, f"seed {seed} ({variant.name}, written to): {result.violations}"
