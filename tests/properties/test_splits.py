"""A split gives every fen to somebody, and to nobody more than a fen beside their quota."""

from fractions import Fraction
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from fundpool.domain.money import split_by_largest_remainder
from tests.properties import examples


@settings(max_examples=examples(100))
@given(
    st.integers(-(10**13), 10**13),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=14).filter(any),
)
def test_parts_add_up_exactly_and_stay_within_a_fen_of_their_quota(total: int, weights: list[int]) -> None:
    parts = split_by_largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
        assert weight or not part


@settings(max_examples=examples(100))
@given(st.integers(0, 10**13), st.lists(st.integers(0, 12), min_size=1, max_size=14).filter(any))
def test_the_fen_left_over_go_to_the_largest_remainders_and_of_equal_ones_to_the_first(
    total: int, weights: list[int]
) -> None:
    quotas = [Fraction(total * weight, sum(weights)) for weight in weights]
    more = [
        part - floor(quota)
        for part, quota in zip(split_by_largest_remainder(total, weights), quotas, strict=True)
    ]
    assert set(more) <= {0, 1}
    places = range(len(weights))
    by_claim = sorted(places, key=lambda place: (floor(quotas[place]) - quotas[place], place))
    assert [more[place] for place in by_claim] == sorted(more, reverse=True)
