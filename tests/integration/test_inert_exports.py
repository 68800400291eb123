"""No text of a CSV or workbook that we write can become a formula, whoever wrote it and wherever it stands."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import fundpool
from fundpool.adapters.documents.league_tables import league_csv
from fundpool.adapters.documents.sheets import workbook_bytes
from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.policies.policy_files import load_policies
from fundpool.console.cli import main
from fundpool.domain.appraisal import LeagueRow, Punctuality
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.inert import inert
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.services.books.ledger_export import to_csv
from fundpool.services.oversight.punctuality import League
from fundpool.services.ports.money_ports import StoredPosting
from fundpool.settings import Settings

LEADERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "\u3000=")
HOSTILE = [f"{leader}HYPERLINK(1)" for leader in LEADERS]
NOON = datetime(2026, 10, 9, 12, 0, tzinfo=SHANGHAI)
OCTOBER = Month(2026, 10)


def is_inert(text: object) -> bool:
    return not isinstance(text, str) or inert(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_could_begin_a_formula_gets_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert inert(inert(text)) == inert(text)


@pytest.mark.parametrize("text", ["", "1", "张三", "a=b", "'=1", "（＋）"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_of_the_journal_s_csv_is_inert(text: str) -> None:
    fiscal = AccountRef("taizhou", "employee", AccountType.FISCAL_ACCOUNT, "331000")
    city = AccountRef("taizhou", "employee", AccountType.CITY_EXPENDITURE, "331000", detail=text)
    posting = Posting(
        key=text,
        debit=city,
        credit=fiscal,
        amount_fen=5,
        flow=next(iter(Flow)),
        phase=Phase.DIRECT,
        event_at=NOON,
        memo=text,
    )
    stored = StoredPosting(posting, 1, 1, OCTOBER, None, NOON, made_by=text)
    head, row = csv.reader(io.StringIO(to_csv([stored]), newline=""))
    written = dict(zip(head, row, strict=True))
    assert all(map(is_inert, row)), row
    assert (written["made_by"], written["key"], written["memo"]) == (f"'{text}".replace("\r", "\n"),) * 3
    assert written["amount_fen"] == "5"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_text_of_a_document_is_inert(tmp_path: Path, kind: str) -> None:
    row = {
        "county_code": "331002",
        "county_name": "椒江区",
        "fund": "employee",
        "account": "1",
        "booked_on": date(2026, 10, 9),
        "serial": "1",
        "debit_fen": 5,
        "credit_fen": 0,
        "balance_fen": 5,
    }
    texts = HOSTILE[:4]
    rows = [row | {"counterparty": text, "purpose": text, "remark": text} for text in texts]
    path = tmp_path / f"statement.{kind}"
    labels = dict.fromkeys(("prepared_by", "checked_by", "responsible"), "=1")
    write_document(path, "statement", "=台州市", month=OCTOBER, rows=rows, labels=labels)
    cells = list(_cells(path))
    assert len([cell for cell in cells if cell in {f"'{text}" for text in texts}]) == 3 * len(texts)
    assert all(map(is_inert, cells)), [cell for cell in cells if not is_inert(cell)]


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\r" not in text])
def test_every_text_of_a_workbook_for_people_is_inert_however_it_is_written(
    tmp_path: Path, text: str
) -> None:
    def write(book: Any) -> None:
        sheet = book.add_worksheet("表")
        sheet.write_string(0, 0, text)
        sheet.write(1, 0, text)
        sheet.write_row(2, 0, [text, text])
        sheet.merge_range(3, 0, 3, 1, text)

    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook_bytes(write))
    cells = [cell for cell in _cells(path) if cell is not None]
    assert cells == [f"'{text}"] * 5


def test_the_serials_of_a_comparison_stay_as_they_are_and_are_marked_as_texts(tmp_path: Path) -> None:

    for name, texts in (("left", HOSTILE[:4]), ("right", [])):
        lines = ["serial,county,fund,amount_fen", *(f'"{text}",331002,employee,5' for text in texts)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = [str(tmp_path / "left.csv"), str(tmp_path / "right.csv")]
    assert main(["reconcile", *files, "--out", str(tmp_path / "out")]) == 1
    (book,) = (tmp_path / "out").glob("*.xlsx")
    marked = [
        (cell.value, cell.data_type, cell.quotePrefix)
        for row in openpyxl.load_workbook(book)["差异明细"].iter_rows()
        for cell in row
        if cell.value in HOSTILE
    ]
    assert marked == [(text, "s", True) for text in HOSTILE[:4]]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_formula_stands_in_the_counties_league(text: str) -> None:
    none = Punctuality(0, 0, 0, 0, 0, 0, 0)
    rows = (LeagueRow(1, text, none, 0),)
    policy = load_policies(Settings().policy_dir).city("taizhou")
    content = league_csv(policy, League("taizhou", (OCTOBER,), NOON.date(), rows, none)).decode("utf-8-sig")
    cells = list(csv.reader(io.StringIO(content)))[1]
    assert cells[1] == f"'{text}"
    assert all(is_inert(cell) for cell in cells)


def test_every_writer_of_tables_is_covered_by_these_tests() -> None:
    root = Path(fundpool.__file__).parent
    writers = {
        (file.relative_to(root).as_posix(), found)
        for file in root.rglob("*.py")
        for found in re.findall(
            r"csv\.writer|csv\.DictWriter|xlsxwriter\.Workbook|to_csv|to_excel", _code(file)
        )
    }
    assert writers == {
        ("adapters/documents/sheets.py", "xlsxwriter.Workbook"),
        ("adapters/documents/workbooks.py", "csv.writer"),
        ("adapters/documents/league_tables.py", "csv.writer"),
        ("adapters/details/detail_workbooks.py", "xlsxwriter.Workbook"),
        ("adapters/details/detail_files.py", "csv.writer"),  # what DuckDB reads, deleted with the comparison
        ("services/books/ledger_export.py", "csv.writer"),
        ("services/books/ledger_export.py", "to_csv"),
        ("console/commands/ledger.py", "to_csv"),
        ("console/demo/bank.py", "csv.writer"),  # what the sandbox bank of the demo reads
    }


def _code(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _cells(path: Path) -> Iterator[object]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file):
                yield from row
        return
    for sheet in openpyxl.load_workbook(path).worksheets:
        for cells in sheet.iter_rows():
            yield from (None if cell.data_type == "f" else cell.value for cell in cells)
