"""Amounts are integer fen; a split gives every fen to somebody, always the same somebody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundpool.domain.money import format_yuan, parse_yuan, split_by_largest_remainder


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0", 0), ("1", 100), ("1.5", 150), ("0.01", 1), ("-3.20", -320), ("999999999999.99", 99999999999999)],
)
def test_plain_amounts_in_yuan_are_read_to_the_fen(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1,000", "1.005", "1e3", "１２", "١٢", "NaN", "Infinity", "1_000", "+1", "--1", "1.", ".5", "1\n",
     "1234567890123", "−5", "壹"],
)  # fmt: skip
def test_anything_that_is_not_a_plain_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_yuan(text)


@given(st.integers(-(10**14) + 1, 10**14 - 1))
def test_an_amount_survives_being_written_and_read(fen: int) -> None:
    assert parse_yuan(format_yuan(fen, separators=False)) == fen


def test_a_negative_amount_below_one_yuan_keeps_its_sign() -> None:
    assert format_yuan(-5) == "-0.05"


def test_the_odd_fen_goes_to_the_largest_remainder() -> None:
    assert split_by_largest_remainder(1, [20, 80]) == [0, 1]
    assert split_by_largest_remainder(10_000_001, [30, 70]) == [3_000_000, 7_000_001]


def test_a_tie_goes_to_the_bearer_named_first() -> None:
    assert split_by_largest_remainder(1, [50, 50]) == [1, 0]
    assert split_by_largest_remainder(2, [1, 1, 1]) == [1, 1, 0]


def test_nothing_to_split_needs_no_bearer_but_money_does() -> None:
    assert split_by_largest_remainder(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="all weights are zero"):
        split_by_largest_remainder(1, [0, 0])
    with pytest.raises(ValueError, match="negative"):
        split_by_largest_remainder(1, [-1, 2])
