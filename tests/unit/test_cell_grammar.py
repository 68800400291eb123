"""How the text of a cell becomes an amount, a month, a day or a count."""

import pytest

from fundpool.adapters.documents.cell_grammar import Cell, read_amount, read_count, read_day, read_month
from fundpool.domain.periods import Month


def text(value: str) -> Cell:
    return Cell(1, 1, "s", value, formula=False, is_date=False)


def number(value: str | None, *, formula: bool = False, is_date: bool = False) -> Cell:
    return Cell(1, 1, "n", value, formula=formula, is_date=is_date)


def codes(remarks: list[object]) -> list[str]:
    return [remark.code for remark in remarks]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("0", 0),
        ("12", 1200),
        ("12.3", 1230),
        ("12.34", 1234),
        ("-0.01", -1),
        ("999999999999.99", 99999999999999),
    ],
)
def test_a_plain_amount_is_taken_without_a_word(written: str, fen: int) -> None:
    assert read_amount(text(written), derived=False) == (fen, [])
    assert read_amount(number(written), derived=False) == (fen, [])


@pytest.mark.parametrize("stored", ["1.1000000000000001", "0.10000000000000001", "1234567.8899999999"])
def test_excel_s_seventeen_digits_of_a_typed_amount_are_that_amount(stored: str) -> None:
    amount, remarks = read_amount(number(stored), derived=False)
    assert amount == round(float(stored) * 100)
    assert remarks == []


def test_the_tail_of_a_computed_number_is_shown_where_a_person_should_have_typed() -> None:
    assert read_amount(number("0.30000000000000004"), derived=False)[0] == 30
    assert codes(read_amount(number("0.30000000000000004"), derived=False)[1]) == ["CELL-014"]
    assert read_amount(number("0.30000000000000004", formula=True), derived=True) == (30, [])


def test_a_formula_in_an_input_cell_is_read_and_shown() -> None:
    amount, remarks = read_amount(number("12.5", formula=True), derived=False)
    assert (amount, codes(remarks)) == (1250, ["CELL-005"])


def test_a_formula_without_a_stored_result_is_no_amount_even_in_a_sum_cell() -> None:
    assert read_amount(number(None, formula=True), derived=True)[0] is None
    assert codes(read_amount(number(None, formula=True), derived=True)[1]) == ["CELL-006"]


def test_a_blank_is_unknown_and_no_error_of_reading() -> None:
    assert read_amount(text("   "), derived=False) == (None, [])


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("１２３", "CELL-002"),
        ("¥12.00", "CELL-002"),
        ("12元", "CELL-002"),
        ("1\u200b2", "CELL-002"),
        ("1,234.50", "CELL-003"),
        (" 12 ", "CELL-003"),
    ],
)
def test_an_unusual_writing_is_taken_under_its_rule_and_shown(written: str, code: str) -> None:
    amount, remarks = read_amount(text(written), derived=False)
    assert amount is not None
    assert codes(remarks) == [code]
    assert remarks[0].found == written


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("12.345", "CELL-004"), ("NA", "CELL-009"), ("-", "CELL-009"), ("－", "CELL-009"), ("无", "CELL-009"),
        ("1e3", "CELL-010"), ("nan", "CELL-009"), ("Infinity", "CELL-001"), ("1_000", "CELL-001"), ("١٢٣", "CELL-001"),
        ("10²", "CELL-001"), ("12,34.5", "CELL-001"), ("1,2345", "CELL-001"), ("(12.00)", "CELL-001"), ("3万", "CELL-001"),
        ("1 234", "CELL-001"), ("0x10", "CELL-001"), ("1234567890123", "CELL-001"), ("=1+1", "CELL-001"),
    ],
)  # fmt: skip
def test_what_is_no_amount_yields_none_and_says_why(written: str, code: str) -> None:
    amount, remarks = read_amount(text(written), derived=False)
    assert amount is None
    assert codes(remarks) == [code]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (number("46300", is_date=True), "CELL-007"),
        (Cell(1, 1, "d", "2026-10-05", formula=False, is_date=True), "CELL-007"),
        (Cell(1, 1, "b", "1", formula=False, is_date=False), "CELL-011"),
        (Cell(1, 1, "e", "#REF!", formula=False, is_date=False), "CELL-011"),
        (number("1e300"), "CELL-001"),
        (number("nan"), "CELL-001"),
        (number("1_000"), "CELL-001"),
        (number("１２"), "CELL-001"),
        (number("0.005"), "CELL-004"),
    ],
)
def test_a_cell_of_another_kind_is_no_amount(cell: Cell, code: str) -> None:
    amount, remarks = read_amount(cell, derived=False)
    assert amount is None
    assert codes(remarks) == [code]


@pytest.mark.parametrize(
    "written", ["2026年10月", "2026-10", "2026/10", "202610", "2026.10", "２０２６年１０月份"]
)
def test_a_month_is_understood_and_other_forms_are_shown(written: str) -> None:
    month, remarks = read_month(text(written), date1904=False)
    assert month == Month(2026, 10)
    assert bool(remarks) is (written != "2026-10")


def test_excel_s_first_of_the_month_is_the_month() -> None:
    assert read_month(number("46296", is_date=True), date1904=False)[0] == Month(2026, 10)
    assert read_month(number("44834", is_date=True), date1904=True)[0] == Month(2026, 10)


@pytest.mark.parametrize(
    "cell", [text("2026-13"), text("10月"), text("二〇二六年十月"), number("46300", is_date=True)]
)
def test_what_is_no_month_is_none(cell: Cell) -> None:
    assert read_month(cell, date1904=False)[0] is None


def test_days_are_read_from_date_cells_and_iso_text() -> None:
    assert read_day(text("2026-10-05"), date1904=False) == ("2026-10-05", [])
    assert read_day(number("46300", is_date=True), date1904=False) == ("2026-10-05", [])
    assert codes(read_day(text("20261005"), date1904=False)[1]) == ["CELL-013"]
    assert read_day(text("2026-02-30"), date1904=False)[0] is None
    assert read_day(number("59", is_date=True), date1904=False)[0] is None


def test_counts_are_whole_and_not_negative() -> None:
    assert read_count(number("12")) == (12, [])
    assert read_count(text("12")) == (12, [])
    for bad in (number("12.5"), number("-1"), text("-1"), text("十二"), number("1_0")):
        assert read_count(bad)[0] is None


@pytest.mark.parametrize("written", ["007.50", "-0", "-0.00", "00"])
def test_idle_zeros_and_a_negative_nil_are_shown(written: str) -> None:
    assert codes(read_amount(text(written), derived=False)[1]) == ["CELL-003"]


@pytest.mark.parametrize("written", ["2026年10月5日", "2026/10/5", "2026.10.05", "20261005"])
def test_a_day_is_understood_in_the_forms_people_write(written: str) -> None:
    assert read_day(text(written), date1904=False)[0] == "2026-10-05"


@pytest.mark.parametrize("written", ["2026111", "2026-1005", "202610-5", "2026/10-05"])
def test_a_day_that_could_be_another_is_none(written: str) -> None:
    assert read_day(text(written), date1904=False)[0] is None


def test_a_date_is_no_count_and_2026_1_as_a_number_no_month() -> None:
    assert read_count(number("46300", is_date=True))[0] is None
    assert read_month(number("2026.1"), date1904=False) == (None, [])
    assert read_month(number("202610"), date1904=False)[0] == Month(2026, 10)


def test_a_date_is_shown_as_its_day() -> None:
    (remark,) = read_amount(number("46300", is_date=True), derived=False)[1]
    assert (remark.code, remark.found) == ("CELL-007", "2026-10-05")
