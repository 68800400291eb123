"""Schedules on fresh seeds: no promise broken, in memory and on SQLite; and the harness can fail."""

import time

import pytest

from tests.simulation.backends import run_in_memory, run_on_sqlite
from tests.simulation.mutants import MUTANTS
from tests.simulation.schedule import VARIANTS

FRESH = time.time_ns() // 1_000_000
"""Never the same seeds again: a fault that the last seeds missed is not found by repeating them."""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_schedule_pays_twice_or_loses_sight_of_a_payment(variant) -> None:  # type: ignore[no-untyped-def]
    for seed in range(FRESH, FRESH + 40):
        result = run_in_memory(seed, variant)
        assert not result.violations, f"seed {seed} ({variant.name}): {result.violations}"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_stores_in_memory_come_to_the_same_end_as_sqlite(variant) -> None:  # type: ignore[no-untyped-def]
    for seed in range(FRESH, FRESH + 2):
        in_memory, on_sqlite = run_in_memory(seed, variant), run_on_sqlite(seed, variant)
        assert in_memory.trace == on_sqlite.trace, f"seed {seed} ({variant.name})"
        assert in_memory.digest == on_sqlite.digest, f"seed {seed} ({variant.name})"


CAUGHT_AT = {
    # mutant: (seed, number of the variant) of a schedule known to expose it
    "timeout_is_failure": 1014,
    "server_error_is_failure": 1010,
    "crash_is_failure": 1119,
    "new_key_when_unclear": 1003,
    "random_keys": 1000,
    "key_saved_after_the_call": 1000,
    "late_success_ignored": 1025,
    "processing_is_success": 1025,
    "no_fence_before_another_key": 1025,
    "reserve_never_lifted": 1003,
}


@pytest.mark.parametrize(("mutant", "seed"), CAUGHT_AT.items())
def test_a_broken_variant_is_caught_and_the_product_passes_the_same_schedule(mutant: str, seed: int) -> None:
    variant = VARIANTS[seed % len(VARIANTS)]
    with MUTANTS[mutant]():
        assert run_in_memory(seed, variant).violations
    assert not run_in_memory(seed, variant).violations
