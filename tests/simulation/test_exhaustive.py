"""Every fault of the gateway and every ordered pair of two: 1,600 schedules, none breaks a promise."""

import pytest

from tests.simulation.backends import run_exhaustively
from tests.simulation.exhaustive import ORDERS, SYMBOLS, orders_for
from tests.simulation.mutants import MUTANTS
from tests.simulation.quick import quick
from tests.simulation.schedule import VARIANTS, Variant

STRICTEST, LOOSEST = VARIANTS[0], VARIANTS[-1]


def test_every_fault_is_played_alone_and_in_every_ordered_pair() -> None:
    assert (len(SYMBOLS), len(ORDERS), len(set(ORDERS))) == (40, 1600, 1600)
    assert len(orders_for(LOOSEST)) == 39 + 39 * 38


@pytest.mark.parametrize("variant", [STRICTEST, LOOSEST], ids=lambda variant: variant.name)
def test_every_fault_alone_and_every_pair_ends_with_books_and_bank_agreed(variant: Variant) -> None:
    with quick():
        found = {symbols: run_exhaustively(symbols, variant) for symbols in orders_for(variant)}
    assert {symbols: broken for symbols, broken in found.items() if broken} == {}


@pytest.mark.parametrize("mutant", ["not_found_is_failure", "timeout_is_failure"])
def test_a_broken_variant_does_not_get_through_the_singles(mutant: str) -> None:
    with quick(), MUTANTS[mutant]():
        found = [
            run_exhaustively((symbol,), LOOSEST) for symbol in SYMBOLS if (symbol,) in orders_for(LOOSEST)
        ]
    assert any(found)
