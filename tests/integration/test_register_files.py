"""Registers of accounts, budgets, openings and incomes: read as counties' files are, refused with line and cell, never guessed."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fundpool.adapters.documents.record_files import (
    RegisterFile,
    read_accounts,
    read_book_openings,
    read_budget,
    read_incomes,
    read_openings,
)
from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_city
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.domain.periods import midnight
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
INCOME = {
    "city": "taizhou",
    "fund": "employee",
    "account_type": "fiscal_account",
    "unit": "331000",
    "source": "subsidy",
    "received_on": "2026-10-09",
    "reference": "台财社〔2026〕15号",
    "amount_yuan": "12500000.00",
}
TODAY = date(2026, 10, 31)


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


def incomes(file: Path) -> RegisterFile[Any]:
    return read_incomes(file, today=TODAY)


READERS: dict[str, tuple[Callable[[Path], RegisterFile[Any]], dict[str, str]]] = {
    "accounts": (read_accounts, ACCOUNT),
    "budget": (budget, BUDGET),
    "openings": (openings, OPENING),
    "books": (read_book_openings, BOOK),
    "incomes": (incomes, INCOME),
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
@pytest.mark.parametrize(
    ("name", "key"), [("budget", "amount_yuan"), ("openings", "balance_yuan"), ("incomes", "amount_yuan")]
)
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
    """Hidden rows and numbers shown as others need a reviewer's decision, and nobody reviews a register."""
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
def test_a_file_that_is_no_register_is_refused_with_a_code(
    written: Written, name: str, content: bytes
) -> None:
    with pytest.raises(InputError) as refused:
        READERS[name][0](written(content))
    assert refused.value.code in {"file_unreadable", "columns_missing"}


REFERENCES = {
    "as it is": ("台财社〔2026〕15号", "台财社〔2026〕15号"),
    "an apostrophe": ("'0012", "0012"),
    "a formula of text": ('="0012"', "0012"),
    "full-width digits and letters": ("ＳＪ００１２", "SJ0012"),
    "wide blanks": ("\u3000SJ\u00a0\u00a00012 ", "SJ 0012"),
}


@pytest.mark.parametrize(("written_as", "read_as"), REFERENCES.values(), ids=REFERENCES)
def test_a_reference_written_otherwise_is_the_same_paper_and_said(
    written: Written, written_as: str, read_as: str
) -> None:
    read = incomes(written(csv_bytes([{**INCOME, "reference": written_as}])))
    assert [income.reference for income in read.rows] == [read_as]
    said = [(finding.rule, finding.cell, finding.expected) for finding in read.findings]
    assert said == ([] if written_as == read_as else [("CELL-002", "G2", read_as)])


@pytest.mark.parametrize(
    ("key", "written_as"),
    [
        ("reference", "2.02610E+15"),
        ("reference", "=A1&B1"),
        ("reference", "'"),
        ("reference", " "),
        ("source", "donation"),
        ("source", ""),
        ("account_type", "purse"),
        ("received_on", "2026-11-01"),
        ("received_on", "0026-10-09"),
        ("received_on", "2026111"),
        ("received_on", ""),
        ("amount_yuan", "0.00"),
        ("amount_yuan", "-5.00"),
        ("unit", "'331000"),
    ],
)
def test_an_income_that_is_none_is_refused_with_line_and_cell(
    written: Written, key: str, written_as: str
) -> None:
    cell = f"{'ABCDEFGH'[list(INCOME).index(key)]}3"
    rows = [INCOME, {**INCOME, "reference": "2", key: written_as}]
    with pytest.raises(InputError, match=f"第 3 行 {cell}") as refused:
        incomes(written(csv_bytes(rows)))
    assert refused.value.code == "bad_row"


def test_a_number_cell_of_a_workbook_is_a_reference_while_its_digits_are_held(written: Written) -> None:
    row: dict[str, object] = {**INCOME, "reference": 20260012}
    read = incomes(written(xlsx_bytes([row])))
    assert [income.reference for income in read.rows] == ["20260012"]
    assert [finding.rule for finding in read.findings] == ["CELL-008"]
    with pytest.raises(InputError, match="第 2 行 G2"):
        incomes(written(xlsx_bytes([{**row, "reference": 6222021001116245702}])))


@pytest.mark.parametrize("again", ["SJ（12）", "SJ(12)", "sj (12)"])
def test_one_paper_on_two_rows_is_refused(written: Written, again: str) -> None:
    rows = [{**INCOME, "reference": "SJ（12）"}, {**INCOME, "reference": again, "amount_yuan": "1.00"}]
    with pytest.raises(InputError, match=r"第 3 行 G3：.*重复"):
        incomes(written(csv_bytes(rows)))
    rows[1]["source"] = "interest"
    assert len(incomes(written(csv_bytes(rows))).rows) == 2


def test_incomes_are_booked_all_or_nothing_and_once(
    database: Database,
    transactions: SqlTransactions,
    written: Written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))

    def run(*command: str) -> tuple[int, Any]:
        status = main([*command, "--json"])
        return status, json.loads(capsys.readouterr().out)

    def book(rows: Sequence[Mapping[str, str]]) -> tuple[int, Any]:
        file = str(written(csv_bytes(rows, "gb18030")))
        return run("ledger", "import-incomes", file, "--by", "李经办", "--as-of", "2026-10-31")

    def held() -> dict[str, int]:
        balances = run("ledger", "balances")[1]["accounts"]
        return {each["fund"]: each["balance_fen"] for each in balances if each["type"] == "fiscal_account"}

    rows = [INCOME, {**INCOME, "fund": "resident", "source": "contribution", "amount_yuan": "１.00"}]
    status, answer = book([*rows, {**INCOME, "account_type": "county_expenditure"}])
    assert (status, answer["error"]["code"], held()) == (1, "illegal_flow", {})
    status, answer = book([*rows, {**INCOME, "city": "nowhere"}])
    assert (status, answer["error"]["code"], held()) == (2, "unknown_city", {})
    status, answer = book(rows)
    assert (status, answer["booked"], answer["already_booked"], answer["total_fen"]) == (0, 2, 0, 1250000100)
    assert [(finding["rule"], finding["cell"]) for finding in answer["findings"]] == [("CELL-002", "H3")]
    status, answer = book([*rows, {**INCOME, "reference": "'0012", "amount_yuan": "2.00"}])
    assert (status, answer["booked"], answer["already_booked"]) == (0, 1, 2)
    assert held() == {"employee": 1_250_000_200, "resident": 100}
    # The same paper with other money is an error, and nothing of its file is booked.
    status, answer = book([{**INCOME, "reference": "0013"}, {**INCOME, "amount_yuan": "3.00"}])
    assert (status, answer["error"]["code"]) == (1, "exists_with_different_amount")
    assert held() == {"employee": 1_250_000_200, "resident": 100}
    # The command for one income knows the paper too.
    single = {"--city": "taizhou", "--fund": "employee", "--unit": "331000", "--source": "subsidy"}
    single |= {"--reference": "0012", "--amount": "2.00", "--by": "李经办", "--as-of": "2026-10-31"}
    assert run("ledger", "income", *[part for pair in single.items() for part in pair])[0] == 0
    assert held() == {"employee": 1_250_000_200, "resident": 100}
    moments = transactions.read(
        lambda work: {entry.posting.event_at for entry in work.ledger.postings("taizhou")}
    )
    assert moments == {midnight(date(2026, 10, 9))}


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
