"""The bank's wrongs, a moving budget and a database writer: nothing of it goes unsaid, nothing is paid wrongly."""

import pytest

from fundpool.domain.transfer import GatewayTerms
from tests.simulation.courses import one_county
from tests.simulation.courses_of_wrongs import COURSES_OF_WRONGS, SCENES, part_and_rest_come_back
from tests.simulation.oracle import misled


@pytest.mark.parametrize("name", COURSES_OF_WRONGS)
def test_whoever_trusts_books_and_breaks_is_not_misled(name: str) -> None:
    it = SCENES.get(name, one_county)(GatewayTerms())
    COURSES_OF_WRONGS[name](it)
    assert misled(it) == []


def test_what_came_back_in_two_parts_is_paid_again_as_a_whole() -> None:
    it = one_county()
    part_and_rest_come_back(it)
    assert (misled(it), it.states()) == ([], ["returned", "settled"])
