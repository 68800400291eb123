"""Amounts are integer fen; a split gives every fen to somebody, always the same somebody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundpool.domain.money import format_yuan, parse_yuan, split_by_largest_remainder, yuan_in_words


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


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角"),
        (140950, "壹仟肆佰零玖元伍角"),
        (600714, "陆仟零柒元壹角肆分"),
        (168032, "壹仟陆佰捌拾元叁角贰分"),
        (10700053, "壹拾万柒仟元伍角叁分"),
        (1640902, "壹万陆仟肆佰零玖元零贰分"),
        (32504, "叁佰贰拾伍元零肆分"),
        (10050000, "壹拾万零伍佰元整"),
        (1_0000_0001_00, "壹亿零壹元整"),
        (2_0000_5000_0000_00, "贰万亿伍仟万元整"),
        (-130000, "负壹仟叁佰元整"),
    ],
)
def test_amounts_in_words_are_those_of_the_rules_for_vouchers(fen: int, words: str) -> None:
    assert yuan_in_words(fen) == words


def whole_of(words: str) -> int:
    for name, unit in (("亿", 10**8), ("万", 10**4), ("仟", 1000), ("佰", 100), ("拾", 10)):
        if name in words:
            high, low = words.rsplit(name, 1)
            return whole_of(high) * unit + whole_of(low)
    digit = words.lstrip("零")
    return "零壹贰叁肆伍陆柒捌玖".index(digit) if digit else 0


def fen_of(words: str) -> int:
    """Reads 大写金额."""
    found = re.fullmatch(r"(负?)(?:(.+)元)?零?(?:(.)角)?零?(?:(.)分)?整?", words)
    assert found is not None, words
    sign, yuan, jiao, fen = found.groups()
    amount_fen = whole_of(yuan or "") * 100 + whole_of(jiao or "") * 10 + whole_of(fen or "")
    return -amount_fen if sign else amount_fen


@given(st.integers(-(10**14) + 1, 10**14 - 1))
def test_an_amount_in_words_reads_back_to_the_fen_and_leaves_no_room_for_another_figure(fen: int) -> None:
    words = yuan_in_words(fen)
    assert fen_of(words) == fen
    assert "零零" not in words
    # A sum that ends at 元 is closed, so that nobody can append 角 and 分.
    assert words.endswith(("整", "角", "分"))
    assert words.lstrip("负").startswith("零") == (fen == 0)


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
