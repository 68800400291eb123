"""A number format that shows something else than what is stored is found, and an ordinary one is not."""

import pytest

from fundpool.adapters.documents.cell_grammar import Cell, read_amount, read_count
from fundpool.adapters.documents.number_formats import Shown, shown_otherwise

ORDINARY = [
    "General",
    "G/通用格式",
    "0.00",
    "0.00_ ",
    "#,##0.00",
    "#,##0.00_ ",
    "#,##0.00_);(#,##0.00)",
    r"#,##0.00_);[Red]\(#,##0.00\)",
    r"#,##0.00;[Red]\-#,##0.00",
    "0.00;[Red]0.00",
    "0.00_);[Red](0.00)",
    "0.00;[红色]0.00",
    '"¥"#,##0.00',
    '"¥"#,##0.00;"¥"\\-#,##0.00',
    '"￥"#,##0.00_);[Red]\\("￥"#,##0.00\\)',
    "￥#,##0.00;￥-#,##0.00",
    "¥#,##0.00;[Red]-¥#,##0.00",
    "[$¥-804]#,##0.00",
    "[$￥-804]#,##0.00;[RED]-[$￥-804]#,##0.00",
    "[$CNY] #,##0.00",
    '_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * "-"??_ ;_ @_ ',
    '_ "¥"* #,##0.00_ ;_ "¥"* \\-#,##0.00_ ;_ "¥"* "-"??_ ;_ @_ ',
    '_-"￥"* #,##0.00_-;\\-"￥"* #,##0.00_-;_-"￥"* "-"??_-;_-@_-',
    '#,##0.00"元"',
    "0.00元;-0.00元",
    "0.00;-0.00;",
    "#,##0.00;-#,##0.00;;@",
    "#,##0.00######",
    "[<0][Red]-#,##0.00;#,##0.00",
    "[>=10000]#,##0.00;0.00",
    "[DBNum1][$-804]General",
    "0.00;-0.00;0.00;@",
    "@",
    "000000000.00",
    '[BLUE]"人民币"#,##0.00',
]


@pytest.mark.parametrize("code", ORDINARY)
@pytest.mark.parametrize("stored", ["8123456.78", "-8123456.78", "0", "12", "0.01", "-0.5", "1000000"])
def test_an_ordinary_format_shows_what_is_stored(code: str, stored: str) -> None:
    assert shown_otherwise(code, stored, is_text=False) is None


@pytest.mark.parametrize(
    ("code", "stored", "shown"),
    [
        ("0%", "0.12", "12%"),
        ("0.00%", "8123456.78", "812345678.00%"),
        (";;;", "8123456.78", ""),
        (";;;", "0", ""),
        ("0.00;", "-5", ""),
        ("#,##0,", "8123456", "8,123"),
        ('0.0,"万"', "81234", "81.2万"),
        (r"0\.0,", "812345", "81.2"),
        ("0!.0,", "812345", "81.2"),
        ('0!.0000"万"', "812345", "81.2345万"),
        ("0.00,,", "8123456.78", "8.12"),
        ('0.00"万"', "12.5", "12.50万"),
        ("0.00万元", "12.5", "12.50万元"),
        ('0.00"亿"', "3", "3.00亿"),
        ('[>=10000]0.00,"千";0.00', "81234.5", "81.23千"),
        ('"已核"0.00', "5", "已核5.00"),
        ('"待定"', "5", "待定"),
        ('"123.00"', "5", "123.00"),
        ('0.00;-0.00;"123.00"', "0", "123.00"),
        ('0"00"', "12", "1200"),
        ("0.00;0.00", "-5", "5.00"),
        ("(0.00)", "5", "(5.00)"),
        ("-0.00", "5", "-5.00"),
        ("0.00E+00", "8123456.78", "8.12E+6"),
        ("[$$-409]#,##0.00", "5", "$5.00"),
        ("[=1]0.00", "7", "##### ([=1]0.00)"),
    ],
)
def test_a_format_that_shows_something_else_is_a_finding_with_what_it_shows(
    code: str, stored: str, shown: str
) -> None:
    answer = shown_otherwise(code, stored, is_text=False)
    assert answer is not None
    assert (answer.text, answer.rounded) == (shown, False)


@pytest.mark.parametrize(
    ("code", "stored", "shown"),
    [("0", "12.34", "12"), ("#,##0", "8123456.78", "8,123,457"), ("0.0", "0.05", "0.1"), ("0", "-0.4", "0")],
)
def test_a_sum_shown_with_fewer_decimals_is_a_finding_of_rounding(code: str, stored: str, shown: str) -> None:
    assert shown_otherwise(code, stored, is_text=False) == Shown(shown, rounded=True)


@pytest.mark.parametrize(
    ("code", "shown"), [(";;;", ""), ('@"万"', "123.00万"), ("0.00;-0.00;0;", ""), ('"9"@', "9123.00")]
)
def test_a_text_that_its_format_hides_or_adds_to_is_found(code: str, shown: str) -> None:
    assert shown_otherwise(code, "123.00", is_text=True) == Shown(shown)


@pytest.mark.parametrize("code", ["@", "0%", ";;;@", "General", '@"元"', "_ * #,##0_ ;_ * \\-#,##0_ ;_ @_ "])
def test_a_text_that_its_format_shows_as_it_is_is_no_finding(code: str) -> None:
    assert shown_otherwise(code, "123.00", is_text=True) is None


def test_the_value_is_read_as_stored_and_the_finding_names_the_shown_form() -> None:
    cell = Cell(1, 1, "n", "0.12", formula=False, is_date=False, number_format="0%")
    amount, (remark,) = read_amount(cell, derived=False)
    assert (amount, remark.code, remark.found, remark.expected) == (12, "CELL-016", "12%", "0.12")


def test_a_count_under_a_scaling_format_is_found_and_its_unit_is_not() -> None:
    def count(code: str) -> list[str]:
        cell = Cell(1, 1, "n", "120000", formula=False, is_date=False, number_format=code)
        return [remark.code for remark in read_count(cell)[1]]

    assert count('0.0,"千人"') == ["CELL-016"]
    assert count('0"人"') == []
