"""The bank's wrongs, a moving budget and a database writer: a break names each, and nothing is paid wrongly."""

from contextlib import nullcontext

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.domain.transfer import GatewayTerms
from tests.simulation.courses import one_county
from tests.simulation.courses_of_wrongs import COURSES_OF_WRONGS, SCENES, part_and_rest_come_back
from tests.simulation.mutants_of_wrongs import MUTANTS_OF_WRONGS
from tests.simulation.oracle import misled
from tests.simulation.sql_books import SqlBooks


@pytest.mark.parametrize("name", COURSES_OF_WRONGS)
def test_only_the_broken_variant_misleads_people_who_trust_books_and_breaks(name: str) -> None:
    ends = []
    for variant in (nullcontext, MUTANTS_OF_WRONGS[name]):
        it = SCENES.get(name, one_county)(GatewayTerms(), None)
        with variant():
            COURSES_OF_WRONGS[name](it)
        ends.append(misled(it))
    assert ends[0] == []
    assert ends[1] != []


@pytest.mark.parametrize("name", COURSES_OF_WRONGS)
def test_nobody_is_misled_on_a_database_either(name: str, database: Database) -> None:
    it = SCENES.get(name, one_county)(GatewayTerms(), SqlBooks(database))
    COURSES_OF_WRONGS[name](it)
    assert misled(it) == []


def test_a_payment_returned_in_two_parts_is_paid_again_in_full() -> None:
    it = one_county()
    part_and_rest_come_back(it)
    assert (misled(it), it.states()) == ([], ["returned", "settled"])
