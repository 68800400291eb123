"""A bank's own statement, CSV or XLSX, through its layout: read exactly, or refused at the cell."""

from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from fundpool.adapters.banks.bank_layouts import read_layout, read_statement
from fundpool.domain.errors import InputError
from fundpool.domain.periods import SHANGHAI
from schemas.payment_messages import Direction

SAMPLE = Path("deployments/sample/bank-layouts/abc.yaml")
KEY = "5a3a2f4e-6c1d-5b7e-9e0b-6f756e64706f"
HEAD = ["序号", "交易日期", "交易时间", "交易流水号", "借方金额", "贷方金额", "账户余额", "对方户名", "附言"]
ROWS = [
    ["3", "20261012", "15:00:00", "A3", "", "1,234.50", "10,334.50", "国家税务总局", ""],
    [
        "2",
        "20261012",
        "09:30:00",
        "A2",
        "900.00",
        "",
        "9,100.00",
        "椒江区医保支出户",
        f"支付 {KEY.replace('-', '')}",
    ],
    ["1", "20261009", "09:00:00", "A1", "0.00", "10,000.00", "10,000.00", "市财政局", "补助"],
]


LAYOUT = "bank: x\ncolumns: {date: a, serial: b, debit: c, credit: d}\n"


def csv_of(rows=ROWS, head=HEAD, before="某商业银行\n账号,1001\n", after="合计,,,,900.00\n乱写") -> bytes:
    quoted = [",".join(f'"{cell}"' for cell in row) for row in [head, *rows]]
    return (before + "\n".join(quoted) + "\n" + after).encode("gb18030")


def read(content: bytes, layout=SAMPLE):
    return read_statement("对账单.csv", content, read_layout(layout), account_no="1001")


def test_the_sample_layout_reads_a_statement_oldest_line_first():
    own = read(csv_of())
    assert [(line.bank_serial, line.direction, line.amount_fen) for line in own.lines] == [
        ("A1", Direction.CREDIT, 1_000_000),
        ("A2", Direction.DEBIT, 90_000),
        ("A3", Direction.CREDIT, 123_450),
    ]
    assert own.lines[1].key == KEY
    assert own.lines[0].key is None
    assert own.lines[2].counterparty == "国家税务总局"
    assert own.lines[1].executed_at == datetime(2026, 10, 12, 9, 30, tzinfo=SHANGHAI)
    assert own.opening_fen == {date(2026, 10, 9): 0, date(2026, 10, 12): 1_000_000}
    assert own.closing_fen == {date(2026, 10, 9): 1_000_000, date(2026, 10, 12): 1_033_450}


def test_columns_are_found_by_header_wherever_they_stand():
    turned = [list(reversed(row)) for row in ROWS]
    assert read(csv_of(turned, list(reversed(HEAD)))).lines == read(csv_of()).lines


def test_the_same_lines_from_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(HEAD)
    for row in ROWS:
        amounts = [float(cell.replace(",", "")) if cell else None for cell in row[4:7]]
        sheet.append([row[0], int(row[1]), row[2], row[3], *amounts, *row[7:]])
    content = BytesIO()
    book.save(content)
    assert read(content.getvalue()).lines == read(csv_of()).lines


def test_a_tab_or_blanks_after_a_field_are_the_banks_habit():
    """Banks end numbers with a tab, so that a spreadsheet keeps all their digits."""
    trailing = [[f"{cell}\t" for cell in row] for row in ROWS]
    assert read(csv_of(trailing)).lines == read(csv_of()).lines
    bare = "\n".join(",".join(f'"{cell}"\t' if "," in cell else f"{cell}\t" for cell in row) for row in ROWS)
    written = bare.replace('"\t', '\t"')
    assert read(f"{','.join(HEAD)}\n{written}\n".encode("gb18030")).lines == read(csv_of()).lines
    padded = [[f"  {cell} " for cell in row] for row in ROWS]
    assert read(csv_of(padded)).lines == read(csv_of()).lines


def reversal(amounts: tuple[str, str, str], *, before: bool = True) -> bytes:
    """A line of the given debit, credit and balance, after the others (the newest stands first)."""
    row = ["4", "20261013", "10:00:00", "A4", *amounts, "椒江区医保支出户", f"冲正 {KEY.replace('-', '')}"]
    return csv_of([row, *(ROWS if before else [])])


@pytest.mark.parametrize(
    ("amounts", "direction", "key"),
    [
        (("-900.00", "", "11,234.50"), Direction.CREDIT, KEY),
        (("", "-900.00", "9,434.50"), Direction.DEBIT, None),
        (("0.00", "-900.00", "9,434.50"), Direction.DEBIT, None),
    ],
)
def test_a_reversal_in_red_is_a_line_of_the_other_direction(amounts, direction, key):
    """A reversed payment is a return under its key; a reversed receipt is no proof that a payment was made."""
    line = read(reversal(amounts)).lines[-1]
    assert (line.direction, line.amount_fen, line.key) == (direction, 90_000, key)


@pytest.mark.parametrize(
    "content",
    [
        reversal(("-900.00", "", "9,434.50")),  # a bank that writes money out with a minus
        reversal(("", "-900.00", "11,234.50")),
        reversal(("-900.00", "", "11,234.50"), before=False),  # no balance before it
    ],
)
def test_a_reversal_that_no_balance_proves_is_refused_with_what_to_do(content):
    with pytest.raises(InputError, match="红字冲正") as refused:
        read(content)
    assert refused.value.zh.startswith(("对账单.csv E4：", "对账单.csv F4："))
    assert "请银行" in (refused.value.remedy or "")


def test_a_reversal_without_a_balance_column_is_refused(tmp_path):
    path = tmp_path / "layout.yaml"
    path.write_text(
        "bank: x\ncolumns: {date: 日期, serial: 流水, amount: 金额, side: 借贷}\n", encoding="utf-8"
    )
    content = "日期,流水,金额,借贷\n2026-10-09,1,5.00,贷\n2026-10-09,2,-5.00,贷\n".encode()
    with pytest.raises(InputError, match=r"C3：.*红字冲正"):
        read_statement("x.csv", content, read_layout(path), account_no="1001")


def test_a_reversal_in_one_column_with_a_side_and_balances(tmp_path):
    path = tmp_path / "layout.yaml"
    path.write_text(
        "bank: x\ncolumns: {date: 日期, serial: 流水, amount: 金额, side: 借贷, balance: 余额}\n",
        encoding="utf-8",
    )
    content = "日期,流水,金额,借贷,余额\n2026-10-09,1,5.00,贷,15.00\n2026-10-09,2,-5.00,贷,10.00\n".encode()
    lines = read_statement("x.csv", content, read_layout(path), account_no="1001").lines
    assert [(line.direction, line.amount_fen) for line in lines] == [
        (Direction.CREDIT, 500),
        (Direction.DEBIT, 500),
    ]


def changed(row: int, column: int, text: str) -> bytes:
    rows = [list(each) for each in ROWS]
    rows[row][column] = text
    return csv_of(rows)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (csv_of(head=["x" if cell == "交易流水号" else cell for cell in HEAD]), "A3：缺列：交易流水号"),
        (csv_of(head=["借方金额" if cell == "序号" else cell for cell in HEAD]), "E3：列“借方金额”出现两次"),
        (changed(1, 1, "2026-10-12"), "B5：“2026-10-12”不是 %Y%m%d"),
        (changed(1, 1, "2026108"), "B5：“2026108”不是"),
        (changed(1, 1, "２０２６１０１２"), "B5："),
        (changed(1, 2, "25:00:00"), "C5："),
        (changed(1, 3, ""), "D5：空格"),
        (changed(1, 4, "900.001"), "E5：金额"),
        (changed(1, 4, "９００"), "E5：金额"),
        (changed(1, 4, "-900.00"), "E5：发生额须为正数"),
        (changed(1, 4, "9,00.00"), "E5：金额"),
        (changed(1, 5, "1.00"), "E5：借方、贷方应恰有一方"),
        (changed(1, 6, ""), "G5：余额为空"),
        (changed(1, 6, "9,100.01"), "D5 行：余额 9,100.01"),
        (changed(1, 3, "A1"), "流水号 A1"),
        (csv_of(ROWS[:1] + ROWS[2:]), "有缺行或错行"),
    ],
)
def test_what_does_not_read_exactly_is_refused_at_its_cell(content, where):
    with pytest.raises(InputError) as refused:
        read(content)
    assert where in refused.value.zh
    assert refused.value.en


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04", "日期,金额".encode("utf-16")])
def test_what_is_no_statement_is_refused(content):
    with pytest.raises(InputError):
        read(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bank: x",
        f"{LAYOUT}thousands_separators: yes",
        f"{LAYOUT}bank: y",
        f"{LAYOUT}sheet: 1",
        "bank: x\ncolumns: {date: a, serial: b, debit: c}",
        "bank: [",
        "bank: x\nsurprise: 1",
    ],
)
def test_a_layout_that_leaves_something_open_is_refused(tmp_path, text):
    path = tmp_path / "layout.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="版式说明"):
        read_layout(path)


def test_one_amount_column_with_a_side(tmp_path):
    path = tmp_path / "layout.yaml"
    path.write_text(
        "bank: x\ncolumns: {date: 日期, serial: 流水, amount: 金额, side: 借贷}\n", encoding="utf-8"
    )
    content = "日期,流水,金额,借贷\n2026-10-09,1,5.00,贷\n2026-10-09,2,4.00,借\n".encode()
    own = read_statement("x.csv", content, read_layout(path), account_no="1001")
    assert [(line.direction, line.amount_fen) for line in own.lines] == [
        (Direction.CREDIT, 500),
        (Direction.DEBIT, 400),
    ]
    assert own.opening_fen == own.closing_fen == {}
    with pytest.raises(InputError, match="借贷标志"):
        read_statement(
            "x.csv", content.replace("借\n".encode(), "出\n".encode()), read_layout(path), account_no="1001"
        )
