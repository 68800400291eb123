"""The Sankey's geometry: everything is drawn, in proportion, inside the drawing."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundpool.console.dashboard.sankey import Drawing, Link, draw


def height_of(drawing: Drawing, key: str) -> int:
    return next(node.height for node in drawing.nodes if node.key == key)


def test_nodes_stand_in_columns_and_are_as_tall_as_their_money() -> None:
    drawing = draw(
        [Link("fiscal", "city", 300, 300), Link("city", "甲", 200, 200), Link("city", "乙", 100, 0)]
    )
    columns = {node.key: node.x for node in drawing.nodes}
    assert columns["fiscal"] < columns["city"] < columns["甲"] == columns["乙"]
    assert abs(height_of(drawing, "甲") - 2 * height_of(drawing, "乙")) <= 2
    assert [band.has_arrived for band in drawing.bands] == [True, True, False]


def test_nothing_is_an_empty_drawing() -> None:
    drawing = draw([])
    assert (drawing.nodes, drawing.bands) == ((), ())


def test_a_part_that_has_not_arrived_is_a_band_of_its_own() -> None:
    drawing = draw([Link("fiscal", "city", 300, 200)])
    assert [band.has_arrived for band in drawing.bands] == [True, False]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        draw([Link("a", "b", 1, 1), Link("b", "a", 1, 1)])


amounts = st.integers(0, 10**13)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=21))
def test_everything_lies_inside_the_drawing(counties: list[tuple[int, int]]) -> None:
    total = sum(amount for amount, _ in counties)
    drawing = draw(
        [Link("fiscal", "city", total, total)]
        + [
            Link("city", number, amount, min(arrived, amount))
            for number, (amount, arrived) in enumerate(counties)
        ]
    )
    assert all(node.y >= 0 and node.y + node.height <= drawing.height for node in drawing.nodes)
    # No band leaves more than what it ends at: bands of one node lie one below the other.
    for band in drawing.bands:
        numbers = [int(each) for each in re.findall(r"-?\d+", band.path)]
        assert all(0 <= number <= max(drawing.width, drawing.height + 21 * 10) for number in numbers)
    for column in {node.x for node in drawing.nodes}:
        stacked = sorted((node.y, node.height) for node in drawing.nodes if node.x == column)
        assert all(y + height < below for (y, height), (below, _) in itertools.pairwise(stacked))
