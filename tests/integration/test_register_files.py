"""Registers of accounts, budgets and openings: read as counties' files are, refused with line and cell, never guessed."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fundpool.adapters.documents.record_files import (
    RegisterFile,
    read_accounts,
    read_book_openings,
    read_budget,
    read_openings,
)
from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_city
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.services.ports.judging import Register

POLICY = load_city(PRODUCT_POLICIES, "taizhou")
REGISTER = Register.of(POLICY.register, POLICY.funds, POLICY.name_zh)

ACCOUNT = {
    "city": "taizhou",
    "fund": "employee",
    "unit": "331002",
    "account_type": "county_expenditure",
    "account_no": "99002310331002",
    "account_name": "椒江区基金支出户（虚构）",
    "bank_name": "开户行（虚构）",
}
BUDGET = {"county": "331002", "fund": "employee", "amount_yuan": "1423740000.00"}
OPENING = {
    "account_type": "county_expenditure",
    "unit": "331002",
    "fund": "employee",
    "balance_yuan": "10541455.12",
}
BOOK = {
    **{key: ACCOUNT[key] for key in ("city", "fund", "account_type", "unit")},
    "amount_yuan": "10541455.12",
}


def csv_bytes(rows: Sequence[Mapping[str, str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_bytes(rows: Sequence[Mapping[str, object]]) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def budget(file: Path) -> RegisterFile[Any]:
    return read_budget(file, REGISTER)


def openings(file: Path) -> RegisterFile[Any]:
    return read_openings(file, REGISTER)


READERS: dict[str, tuple[Callable[[Path], RegisterFile[Any]], dict[str, str]]] = {
    "accounts": (read_accounts, ACCOUNT),
    "budget": (budget, BUDGET),
    "openings": (openings, OPENING),
    "books": (read_book_openings, BOOK),
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        file = tmp_path / ("register.xlsx" if content.startswith(b"PK") else "register.csv")
        file.write_bytes(content)
        return file

    return write


Written = Callable[[bytes], Path]


def outcome(read: Callable[[Path], RegisterFile[Any]], file: Path) -> RegisterFile[Any] | InputError:
    try:
        return read(file)
    except InputError as error:
        return error


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_register_is_read_in_the_encodings_of_counties(
    written: Written, name: str, encoding: str
) -> None:
    read, row = READERS[name]
    plain = read(written(csv_bytes([row])))
    assert plain.findings == ()
    assert len(plain.rows) == 1
    assert read(written(csv_bytes([row], encoding))).rows == plain.rows
    assert read(written(xlsx_bytes([row]))).rows == plain.rows


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-16", "\t"), ("utf-8", "\t"), ("utf-16", ",")])
def test_other_texts_of_spreadsheets_are_read_alike_or_refused_whole(
    written: Written, name: str, encoding: str, delimiter: str
) -> None:
    read, row = READERS[name]
    plain = read(written(csv_bytes([row])))
    found = outcome(read, written(csv_bytes([row], encoding, delimiter)))
    if isinstance(found, InputError):
        assert found.code in {"file_unreadable", "columns_missing"}
        assert "register.csv" in found.zh
    else:
        assert found.rows == plain.rows


NORMALISED = {
    "an apostrophe": "'99002310331002",
    "a curly apostrophe": "’99002310331002",
    "a formula of text": '="99002310331002"',
    "full-width digits": "９９００２３１０３３１００２",
    "groups of four": "9900 2310 3310 02",
    "wide blanks": "9900\u30002310\u00a0331002",
    "blanks around": " 99002310331002\t",
}


@pytest.mark.parametrize("written_as", NORMALISED.values(), ids=NORMALISED)
def test_an_account_number_written_otherwise_is_normalised_and_said(
    written: Written, written_as: str
) -> None:
    read = read_accounts(written(csv_bytes([{**ACCOUNT, "account_no": written_as}])))
    assert [account.account_no for account in read.rows] == ["99002310331002"]
    if written_as.strip() != "99002310331002":
        (finding,) = read.findings
        assert (finding.rule, finding.cell, finding.found, finding.expected) == (
            "CELL-002",
            "E2",
            written_as.strip(),
            "99002310331002",
        )


REFUSED = {
    "an exponent": "9.90023E+13",
    "an exponent without point": "9E13",
    "a comma": "99,002,310,331,002",
    "a point": "99002310331002.0",
    "a hyphen": "9900-2310331002",
    "a letter": "9900231033100O",
    "too short": "12345",
    "too long": "9" * 33,
    "Arabic digits": "٩٩٠٠٢٣١٠",
    "circled digits": "①②③④⑤⑥",
    "a sign": "-99002310331002",
    "a formula of arithmetic": "=99002310331002",
    "a placeholder": "—",
    "two numbers": "99002310331002/99002310331003",
    "nothing": "",
    "blanks": "   ",
}


@pytest.mark.parametrize("written_as", REFUSED.values(), ids=REFUSED)
def test_an_account_number_that_is_none_is_refused_with_line_and_cell(
    written: Written, written_as: str
) -> None:
    rows = [ACCOUNT, {**ACCOUNT, "account_no": written_as}]
    with pytest.raises(InputError, match="第 3 行 E3") as refused:
        read_accounts(written(csv_bytes(rows)))
    assert refused.value.code == "bad_row"


UNSEEN = "\u200b\u200d\ufeff\u200f\ufe0f\u00ad\u034f\u3164\u2060\u202e\U000e0041\u180e"


@pytest.mark.parametrize("character", UNSEEN, ids=lambda character: f"U+{ord(character):04X}")
@pytest.mark.parametrize("name", READERS)
def test_a_character_that_nobody_sees_is_said_or_refused_by_its_number(
    written: Written, name: str, character: str
) -> None:
    read, row = READERS[name]
    plain = read(written(csv_bytes([row]))).rows
    for key, value in row.items():
        spoilt = csv_bytes([{**row, key: f"{value[:2]}{character}{value[2:]}"}])
        found = outcome(read, written(spoilt))
        if isinstance(found, InputError):
            assert found.code == "bad_row"
            assert f"U+{ord(character):04X}" in found.zh
            assert "第 2 行" in found.zh
        else:
            assert found.rows == plain
            assert found.findings


def test_a_number_cell_keeps_the_digits_that_a_workbook_can_hold(written: Written) -> None:
    row: dict[str, object] = {**ACCOUNT, "account_no": 99002310331002}
    read = read_accounts(written(xlsx_bytes([row])))
    assert [account.account_no for account in read.rows] == ["99002310331002"]
    assert [finding.rule for finding in read.findings] == ["CELL-008"]
    for lost in (6222021001116245702, 12345, 9900231033.5, -99002310331002, True):
        with pytest.raises(InputError, match="第 2 行 E2"):
            read_accounts(written(xlsx_bytes([{**row, "account_no": lost}])))


AMOUNTS = {
    "1,423,740,000.00": "CELL-003",
    " 1423740000.00 ": None,
    "１４２３７４００００.００": "CELL-002",
    "¥1423740000.00": "CELL-002",
    "1423740000": None,
}


@pytest.mark.parametrize("written_as", AMOUNTS)
def test_an_amount_is_read_by_the_grammar_of_counties(written: Written, written_as: str) -> None:
    read = budget(written(csv_bytes([{**BUDGET, "amount_yuan": written_as}])))
    assert read.rows == {("331002", "employee"): 1_423_740_000_00}
    rule = AMOUNTS[written_as]
    if rule is not None:
        assert [(finding.rule, finding.cell) for finding in read.findings] == [(rule, "C2")]


@pytest.mark.parametrize(
    "written_as", ["1.42374E+09", "—", "无", "14,23.00", "1.005", "142374万", "=1+1", ""]
)
@pytest.mark.parametrize(("name", "key"), [("budget", "amount_yuan"), ("openings", "balance_yuan")])
def test_an_amount_that_is_none_is_refused_with_line_and_cell(
    written: Written, name: str, key: str, written_as: str
) -> None:
    read, row = READERS[name]
    with pytest.raises(InputError, match="第 2 行"):
        read(written(csv_bytes([{**row, key: written_as}])))


def test_counties_and_funds_may_be_written_by_name(written: Written) -> None:
    rows = [BUDGET, {"county": "椒江区", "fund": "居民医保", "amount_yuan": "563870000.00"}]
    read = budget(written(csv_bytes(rows, "gb18030")))
    assert read.rows == {
        ("331002", "employee"): 1_423_740_000_00,
        ("331002", "resident"): 563_870_000_00,
    }
    with pytest.raises(InputError, match="重复"):
        budget(written(csv_bytes([BUDGET, {**BUDGET, "county": "椒江区"}])))


def test_chinese_headings_with_their_unit_are_read_and_another_unit_is_not(written: Written) -> None:
    row = {"县区": "椒江区", "险种": "职工", "金额（元）": "100.00"}
    assert budget(written(csv_bytes([row]))).rows == {("331002", "employee"): 100_00}
    wrong = {"县区": "椒江区", "险种": "职工", "金额（万元）": "100.00"}
    with pytest.raises(InputError, match="万元"):
        budget(written(csv_bytes([wrong])))


def test_a_total_that_is_not_the_sum_is_refused(written: Written) -> None:
    rows = [
        BUDGET,
        {**BUDGET, "fund": "resident"},
        {"county": "合计", "fund": "", "amount_yuan": "2847480000.00"},
    ]
    assert len(budget(written(csv_bytes(rows))).rows) == 2
    rows[2] = {**rows[2], "amount_yuan": "2847480000.01"}
    with pytest.raises(InputError, match="第 4 行 C4：合计"):
        budget(written(csv_bytes(rows)))


def test_what_a_reviewer_would_decide_is_refused(written: Written) -> None:
    """A formula's stored result, a hidden row, a number shown as another one: nobody sees a register again."""
    book = openpyxl.Workbook()
    book.active.append(list(BUDGET))
    book.active.append(["331002", "employee", 100])
    book.active.append(["331002", "resident", 100])
    book.active.row_dimensions[3].hidden = True
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(InputError, match="隐藏"):
        budget(written(content.getvalue()))
    book.active.row_dimensions[3].hidden = False
    book.active["C3"].number_format = '"0.00"'
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(InputError, match="C3"):
        budget(written(content.getvalue()))


def test_every_fault_of_a_file_is_named_at_once(written: Written) -> None:
    rows = [{**ACCOUNT, "account_no": "1"}, ACCOUNT, {**ACCOUNT, "account_name": " ", "unit": "'331002"}]
    with pytest.raises(InputError) as refused:
        read_accounts(written(csv_bytes(rows)))
    for cell in ("第 2 行 E2", "第 4 行 F4", "第 4 行 C4"):
        assert cell in refused.value.zh


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"\xff\xfe\x00", b"county;fund\n1;2\n", b"PK\x03\x04"])
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_no_register_is_an_answer(written: Written, name: str, content: bytes) -> None:
    with pytest.raises(InputError) as refused:
        READERS[name][0](written(content))
    assert refused.value.code in {"file_unreadable", "columns_missing"}


def test_the_commands_say_what_they_normalised(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    assert main(["init", "--sandbox"]) == 0
    capsys.readouterr()
    accounts = written(csv_bytes([{**ACCOUNT, "account_no": "'99002310331002"}]))
    assert main(["accounts", "import", str(accounts), "--by", "李经办", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [account["account_no"] for account in answer["accounts"]] == ["99002310331002"]
    assert [(finding["rule"], finding["cell"]) for finding in answer["findings"]] == [("CELL-002", "E2")]
    rows = [BUDGET, {**BUDGET, "county": "椒江区", "fund": "resident", "amount_yuan": "１.00"}]
    file = str(written(csv_bytes(rows, "gb18030")))
    about = ["--city", "taizhou", "--year", "2026", "--document-number", "台财〔2026〕1号", "--by", "李经办"]
    assert main(["budget", "import", file, *about]) == 0
    printed = capsys.readouterr().out
    assert "[CELL-002]" in printed
    assert "C3" in printed
    assert main(["budget", "list", "--city", "taizhou", "--year", "2026", "--json"]) == 0
    listed = {entry["fund"]: entry["amount_fen"] for entry in json.loads(capsys.readouterr().out)["budgets"]}
    assert listed == {"employee": 1_423_740_000_00, "resident": 1_00}
