"""``fundpool reconcile`` as scripts use it: one JSON document, exact counts, exit statuses."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from fundpool.console.cli import main
from fundpool.version import product

REPOSITORY = Path(__file__).resolve().parents[2]
HEADER = "serial,county,fund,amount_fen\n"
LEFT = f"""{HEADER}\
0001,331002,employee,100
0002,331002,employee,200
0003,331003,resident,300
0004,331003,resident,-50
0001,331002,employee,100
0005,331002,resident,7
0005,331002,resident,8
0005,331002,resident,9
00000000000000000000000000000006,331002,employee,9223372036854775807
"""
RIGHT = f"""{HEADER}\
00000000000000000000000000000006,331002,employee,9223372036854775807
0005,331002,resident,7
0004,331002,resident,-50
0002,331002,employee,201
0001,331002,employee,100
1,331002,employee,100
1,331002,employee,1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "left.csv").write_text(LEFT)
    (tmp_path / "right.csv").write_text(RIGHT)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main(["reconcile", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_every_line_is_counted_in_one_place_and_totals_are_over_all_rows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = run(capsys, "left.csv", "right.csv")
    left, right = answer.pop("left"), answer.pop("right")
    assert status == 1
    assert answer == {
        "left_rows": 9,
        "right_rows": 7,
        "matched": 3,
        "amount_mismatch": 1,
        "place_mismatch": 1,
        "only_left": 1,
        "only_right": 1,
        "duplicate_left": 3,
        "duplicate_right": 1,
        "total_left_fen": 9223372036854776481,
        "total_right_fen": 9223372036854776166,
        "by_county_fund": [
            counts("331002", "employee", 4, 5, 2, 1, 0, 0, 1, 1, 1, 9223372036854776207, 9223372036854776209),
            counts("331002", "resident", 3, 2, 1, 0, 0, 0, 0, 2, 0, 24, -43),
            counts("331003", "resident", 2, 0, 0, 0, 1, 1, 0, 0, 0, 250, 0),
        ],
        "city": None,
        "files": None,
    }
    assert left == {
        "file": "left.csv",
        "sha256": hashlib.sha256(LEFT.encode()).hexdigest(),
        "format": "csv",
        "encoding": "utf-8",
    }
    assert right == {**left, "file": "right.csv", "sha256": hashlib.sha256(RIGHT.encode()).hexdigest()}


def counts(county: str, fund: str, *figures: int) -> dict[str, Any]:
    names = (
        "left_rows", "right_rows", "matched", "amount_mismatch", "place_mismatch", "only_left", "only_right",
        "duplicate_left", "duplicate_right", "total_left_fen", "total_right_fen",
    )  # fmt: skip
    return {"county": county, "fund": fund, **dict(zip(names, figures, strict=True))}


def test_the_differing_lines_are_a_parquet_and_a_workbook_with_both_sides_as_they_were(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = run(capsys, "left.csv", "right.csv", "--out", "results/of today")
    files = answer["files"]
    lines = [
        ("amount_mismatch", "0002", 3, "331002", "employee", 200, 5, "331002", "employee", 201),
        ("place_mismatch", "0004", 5, "331003", "resident", -50, 4, "331002", "resident", -50),
        ("only_left", "0003", 4, "331003", "resident", 300, None, None, None, None),
        ("only_right", "1", None, None, None, None, 7, "331002", "employee", 100),
        ("duplicate_left", "0001", 6, "331002", "employee", 100, None, None, None, None),
        ("duplicate_left", "0005", 8, "331002", "resident", 8, None, None, None, None),
        ("duplicate_left", "0005", 9, "331002", "resident", 9, None, None, None, None),
        ("duplicate_right", "1", None, None, None, None, 8, "331002", "employee", 1),
    ]
    found = duckdb.sql(f"SELECT * FROM read_parquet('{files['parquet']}')")
    assert found.columns == [
        "kind", "serial", "left_row", "left_county", "left_fund", "left_amount_fen",
        "right_row", "right_county", "right_fund", "right_amount_fen",
    ]  # fmt: skip
    assert [str(kind) for kind in found.types if str(kind) != "VARCHAR"] == ["BIGINT"] * 4
    assert found.fetchall() == lines
    assert (status, files["lines"], files["workbook_lines"]) == (1, 8, 8)
    assert {path.suffix for path in (folder / "results/of today").iterdir()} == {".parquet", ".xlsx"}

    book = openpyxl.load_workbook(files["workbook"])
    assert book.properties.description == product()
    assert {
        (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.orientation) for sheet in book
    } == {(True, "landscape")}
    assert [sheet.print_title_rows for sheet in book] == ["$6:$6", "$3:$3"]
    rows = list(book["差异明细"].iter_rows(min_row=4, values_only=True))
    yuan = [None if line[5] is None else line[5] / 100 for line in lines]
    assert [(row[1], row[2], row[5]) for row in rows] == [
        (line[1], line[2], amount) for line, amount in zip(lines, yuan, strict=True)
    ]
    assert (rows[0][0], rows[0][10]) == ("金额不符", -0.01)
    overview = list(book["汇总"].iter_rows(min_row=6, values_only=True))
    assert overview[0][:3] == ("县区", "险种", "左方行数")
    assert overview[-1][2:11] == (9, 7, 3, 1, 1, 1, 1, 3, 1)
    assert overview[-1][11] == "92,233,720,368,547,764.81"


def test_nothing_differs_is_status_nil_and_a_list_without_lines(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "same.csv").write_text(f"{HEADER}2,a,b,2\n1,a,b,1\n")
    (folder / "turned.csv").write_text("amount_fen,fund,note,county,serial\n1,b,x,a,1\n2,b,y,a,2\n")
    status, answer = run(capsys, "same.csv", "turned.csv", "--out", "out")
    assert (status, answer["matched"], answer["files"]["lines"]) == (0, 2, 0)
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{answer['files']['parquet']}')").fetchall() == [
        (0,)
    ]
    assert openpyxl.load_workbook(answer["files"]["workbook"])["汇总"]["A4"].value == "逐笔相符，无差异。"


def test_columns_are_mapped_for_both_sides_and_for_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bank.csv").write_text("流水号,县,险种,金额分\n1,a,b,5\n", encoding="gb18030")
    (folder / "ours.csv").write_text('流水号,county,险种,"amount, in fen"\n1,a,b,5\n')
    both = ("--columns", "serial=流水号,fund=险种")
    left = ("--left-columns", "county=县", "--left-columns", "amount_fen=金额分")
    right = ("--right-columns", "amount_fen=amount, in fen")
    status, answer = run(capsys, "bank.csv", "ours.csv", *both, *left, *right)
    assert (status, answer["matched"], answer["left"]["encoding"]) == (0, 1, "gb18030")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--columns", "流水号"),
        ("--columns", "serial="),
        ("--columns", "kind=x"),
        ("--columns", "serial=a,serial=b"),
        ("--columns", "serial=county"),
        ("--left-columns", "amount=金额"),
        ("--city", "nowhere"),
        ("--policy-dir", "absent", "--city", "taizhou"),
        ("third.csv",),
        ("--nonsense",),
    ],
)
def test_wrong_use_is_status_two_with_one_document(
    folder: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    status, answer = run(capsys, "left.csv", "right.csv", *wrong)
    assert status == 2
    assert set(answer["error"]) == {"code", "message", "basis", "remedy"}
    assert answer["error"]["code"] != "unexpected"


def test_a_city_s_counties_and_funds_are_recognised_and_any_other_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "left.csv").write_text(f"{HEADER}1,331002,310,5\n2,331000-TZW,390,6\n")
    (folder / "right.csv").write_text(
        f"{HEADER}1,椒江区医疗保障局,职工,5\n2,台州湾新区,resident,6\n", encoding="utf-8"
    )
    status, answer = run(capsys, "left.csv", "right.csv", "--city", "taizhou")
    assert (status, answer["matched"], answer["city"]) == (0, 2, "taizhou")
    assert run(capsys, "left.csv", "right.csv")[1]["place_mismatch"] == 2
    for line, words in (
        (
            "3,999999,310,1",
            "right.csv line 3 column county: found '999999', expected a county of 台州市: 331002 椒江区",
        ),
        ("3,331002,320,1", "right.csv line 3 column fund: found '320', expected a fund of 台州市: employee"),
    ):
        (folder / "right.csv").write_text(f"{HEADER}1,331002,310,5\n{line}\n")
        status, answer = run(capsys, "left.csv", "right.csv", "--city", "taizhou")
        assert (status, answer["error"]["code"]) == (2, "detail_value")
        assert words in answer["error"]["message"]


def test_people_get_tables_and_their_own_words_do_no_harm(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "left.csv").write_text(f"{HEADER}1,[red]x[/],b,123456\n")
    assert main(["reconcile", "left.csv", "right.csv"]) == 1
    printed = capsys.readouterr().out
    assert "[red]x[/]" in printed
    assert "1,234.56" in printed
    assert "仅左方有" in printed


def test_stdout_is_the_document_alone_and_stderr_is_empty(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "fundpool",
        "reconcile",
        str(folder / "left.csv"),
        str(folder / "right.csv"),
    ]
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert json.loads(ran.stdout)["left_rows"] == 9
