"""Each broken variant beside the product on the course of events that tells them apart.

The schedules catch most of these by chance (see ``MUTANTS`` and docs/reliability.md); here each is
caught for certain, so that a guard taken out of the product turns a named test red.
"""

from contextlib import nullcontext
from itertools import accumulate

import pytest

from fundpool.services.books import booking
from tests.simulation.courses import COURSES, one_county
from tests.simulation.mutants import MUTANTS
from tests.simulation.scene import FISCAL, Scene, account_no


def broken_promises(it: Scene) -> list[str]:
    """What the end of a course says against the books."""
    it.book.advance(it.clock())
    fiscal = it.ports.database.read(lambda work: booking.balance(work, FISCAL))
    states = it.states()
    state = states[-1]
    paid = list(accumulate(it.moves(), initial=0))
    found = []
    if max(paid) > 1:
        found.append("paid twice")
    if "settled" in states and not paid[-1]:
        found.append("booked, not paid")
    if state != "settled" and "held" not in states and paid[-1]:
        found.append("paid, not booked")
    at_bank = it.book.accounts[account_no("fiscal_account", "331000")].balance_fen
    if state in {"settled", "returned"} and fiscal.posted_fen != at_bank:
        found.append("books and bank differ")
    if fiscal.reserved_fen and state in {"settled", "failed"}:
        found.append("still reserved")
    return found


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_scenario_fails_with_the_broken_variant_and_passes_with_the_product(mutant: str) -> None:
    course, terms = COURSES[mutant]
    ends = []
    for variant in (nullcontext, MUTANTS[mutant]):
        it = one_county(terms)
        with variant():
            course(it)
        ends.append(broken_promises(it))
    assert ends[0] == []
    assert ends[1] != []
