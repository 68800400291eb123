"""Files of payment details that are broken, cut off, mistyped or meant to harm: each refused in a sentence, none guessed."""

import csv
import json
import os
import random
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from fundpool.adapters.details import detail_comparison, detail_files, detail_workbooks
from fundpool.console.cli import main

HEADER = "serial,county,fund,amount_fen\n"
GOOD = HEADER + "0001,331002,310,12\n0002,331002,390,-5\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text(GOOD)
    return tmp_path


def reconciled(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    status = main(["reconcile", *map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return status, json.loads(printed.out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[str, str]:
    status, answer = reconciled(capsys, *arguments)
    assert status == 2, answer
    assert answer["error"]["code"] != "unexpected", answer
    assert answer["error"]["remedy"]
    return answer["error"]["code"], answer["error"]["message"]


BROKEN_CSV: dict[str, tuple[bytes, str, str]] = {
    "empty file": (b"", "detail_empty", "line 1 should name the columns"),
    "only a byte order mark": (b"\xef\xbb\xbf", "detail_empty", "the file is empty"),
    "only blank lines": (b"\n\n\n", "detail_empty", "the file is empty"),
    "header with a column missing": (
        b"serial,county,fund\n",
        "detail_columns",
        "missing: amount_fen; found serial",
    ),
    "semicolons": (b"serial;county;fund;amount_fen\n1;a;b;2\n", "detail_columns", "found serial;county"),
    "a column twice": (
        b"serial,county,fund,amount_fen,serial\n",
        "detail_columns_twice",
        "stands there 2 times",
    ),
    "a field short": (GOOD.encode() + b"3,a,b\n", "detail_line", "line 4: 3 fields found, 4 expected"),
    "a field too many": (GOOD.encode() + b"3,a,b,4,5\n", "detail_line", "line 4: 5 fields found, 4 expected"),
    "an empty field too many": (
        GOOD.encode() + b"3,a,b,4,\n",
        "detail_line",
        "line 4: 5 fields found, 4 expected",
    ),
    "a short line and a long one": (
        HEADER.encode() + b"1,a,b\n2,a,b,3,4\n",
        "detail_line",
        "line 2: 3 fields",
    ),
    "a blank line between lines": (
        HEADER.encode() + b"1,a,b,2\n\n2,a,b,2\n",
        "detail_line",
        "line 3: a blank line",
    ),
    "a blank line made up for by empty fields": (
        HEADER.encode() + b"1,a,b,2,\n\n2,a,b,3,\n3,a,b,4,\n",
        "detail_line",
        "line 2: 5 fields found",
    ),
    "blank lines of CRLF": (
        HEADER.encode() + b"1,a,b,2\r\n\r\n2,a,b,2\r\n",
        "detail_line",
        "line 3: a blank line",
    ),
    "a quote left open": (
        HEADER.encode() + b'1,a,b,2\n"2,a,b,3\n4,a,b,5\n',
        "detail_line",
        "line 3: a quote left open",
    ),
    "a quote left open at the end": (
        HEADER.encode() + b'1,a,b,2\n2,a,b,"3',
        "detail_line",
        "line 3: a quote left open",
    ),
    "a quote left open in a long file": (
        HEADER.encode() + b'1,a,b,2\n"2,a,b,3\n' + b"4,a,b,5\n" * 50_000,
        "detail_line",
        "line 3: a quote left open",
    ),
    "text after a quote": (HEADER.encode() + b'"1"x,a,b,2\n', "detail_line", "line 2: a quote left open"),
    "a NUL byte": (
        HEADER.encode() + b"1,a,b,2\n2\x00,a,b,3\n",
        "detail_not_text",
        "line 3: there is a NUL byte",
    ),
    "UTF-16": (("\ufeff" + GOOD).encode("utf-16-le"), "detail_format", "this is UTF-16"),
    "neither UTF-8 nor GB18030": (
        HEADER.encode() + b"1,a,b,2\n2,\xff\xff,b,3\n",
        "detail_encoding",
        "line 3: neither",
    ),
    "a workbook": (b"PK\x03\x04" + bytes(50), "detail_format", "this is Excel/zip"),
    "a compressed file": (b"\x1f\x8b\x08" + bytes(50), "detail_format", "this is gzip"),
    "one endless line": (
        b"serial,county,fund,amount_fen," + b"x" * 3_000_000,
        "detail_line",
        "a line of over",
    ),
    "Parquet cut off": (b"PAR1" + b"x" * 100, "detail_damaged", "truncated"),
    "Parquet of nothing": (b"PAR1PAR1", "detail_damaged", "truncated"),
    "Parquet of rubbish": (b"PAR1" + b"x" * 100 + b"PAR1", "detail_damaged", "cannot be read"),
}


@pytest.mark.parametrize("what", BROKEN_CSV)
def test_a_broken_file_is_refused_with_its_line_and_nothing_is_compared(
    home: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    content, code, words = BROKEN_CSV[what]
    (home / "bad.csv").write_bytes(content)
    found, message = refused(capsys, "bad.csv", "good.csv", "--out", "out")
    assert (found, "bad.csv" in message) == (code, True), message
    assert words in message
    assert list((home / "out").iterdir()) == []


VALUES: dict[str, tuple[list[str], str, str]] = {
    "no integer of fen": (
        [
            f"3,a,b,{amount}"
            for amount in ("12.5", "12.0", "1e3", "１２", " 12", '"1,200"', "+12", "--1", "-", "nan")
        ],
        "amount_fen",
        "found '12.5', expected an integer of fen",
    ),
    "no amount": (["3,a,b,", '3,a,b,""'], "amount_fen", "not an empty cell"),
    "an amount above 64 bits": (
        ["3,a,b,9223372036854775808", "3,a,b,-9223372036854775809"],
        "amount_fen",
        "within 64 bits",
    ),
    "no serial": ([",a,b,1", '"",a,b,1', "\u3000 ,a,b,1"], "serial", "not an empty cell"),
    "a rounded serial": (["1.23457E+17,a,b,1", "6E+18,a,b,1"], "serial", "scientific notation"),
    "a serial with a tab": (["6222\t,a,b,1"], "serial", "found '6222\\t'"),
    "an endless serial": (["x" * 256 + ",a,b,1"], "serial", "at most 255"),
    "no county": (["3,,b,1"], "county", "a county, not an empty cell"),
    "no fund": (["3,a,,1"], "fund", "a fund, not an empty cell"),
    "a county for the terminal": (["3,a\x1b[31m,b,1"], "county", "without control characters"),
}


@pytest.mark.parametrize("what", VALUES)
def test_an_impossible_value_is_refused_with_file_line_and_column(
    home: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    lines, column, words = VALUES[what]
    (home / "bad.csv").write_text("\n".join([GOOD.strip(), *lines, "4,a,b,5"]), encoding="utf-8")
    code, message = refused(capsys, "bad.csv", "good.csv")
    assert code == "detail_value"
    assert f"bad.csv 第 4 行 列 {column}" in message
    assert f"bad.csv line 4 column {column}" in message
    assert words in message
    assert message.endswith(f"; at least {len(lines)} rows are wrong") or len(lines) == 1
    assert "\x1b" not in message


def test_integers_of_fen_are_taken_refunds_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    amounts = {"-12": -12, "0": 0, "-0": 0, "0012": 12, str(2**63 - 1): 2**63 - 1, str(-(2**63)): -(2**63)}
    lines = [f"{number},{number},b,{amount}" for number, amount in enumerate(amounts)]
    (home / "left.csv").write_text("\n".join([HEADER.strip(), *lines]))
    places = reconciled(capsys, "left.csv", "left.csv")[1]["by_county_fund"]
    assert [place["total_left_fen"] for place in places] == list(amounts.values())


def test_a_fault_after_a_field_of_several_lines_names_the_line_of_the_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "bad.csv").write_text(
        'note,serial,county,fund,amount_fen\n"one\ntwo\n\nthree",1,a,b,1\nplain,2,a,b,x\nplain,3,a,b,y\n'
    )
    _, message = refused(capsys, "bad.csv", "good.csv")
    assert "bad.csv line 6 column amount_fen: found 'x'" in message
    assert message.endswith("at least 2 rows are wrong")


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode("utf-8"),
        lambda text: b"\xef\xbb\xbf" + text.encode("utf-8"),
        lambda text: text.encode("gb18030"),
        lambda text: text.replace("\n", "\r\n").encode("gb18030"),
        lambda text: text.replace("\n", "\r").encode("utf-8"),
        lambda text: text.replace("\n", "\r\n", 2).encode("utf-8"),
        lambda text: text.encode("utf-8").rstrip(b"\n"),
        lambda text: text.encode("utf-8") + b"\n\r\n\n",
        lambda text: "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.split()
        ).encode(),
    ],
    ids=[
        "utf-8",
        "bom",
        "gb18030",
        "gb18030-crlf",
        "old-mac",
        "mixed-ends",
        "no-last-end",
        "blank-end",
        "quoted",
    ],
)
def test_the_same_lines_are_the_same_however_the_text_is_written(
    home: Path, capsys: pytest.CaptureFixture[str], write: Any
) -> None:
    text = "serial,county,fund,amount_fen\n0001,椒江区,职工,12\n00012345678901234567890,黄岩区,居民,-5\n"
    (home / "left.csv").write_text(text, encoding="utf-8")
    (home / "right.csv").write_bytes(write(text))
    status, answer = reconciled(capsys, "left.csv", "right.csv", "--city", "taizhou")
    assert (status, answer["matched"], answer["right_rows"]) == (0, 2, 2)
    assert [(row["county"], row["fund"]) for row in answer["by_county_fund"]] == [
        ("331002", "employee"),
        ("331003", "resident"),
    ]


def test_a_file_with_a_header_alone_has_no_rows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "none.csv").write_text(HEADER)
    (home / "bare.csv").write_text(HEADER.strip())
    status, answer = reconciled(capsys, "none.csv", "bare.csv", "--out", "out")
    assert (status, answer["left_rows"], answer["right_rows"], answer["by_county_fund"]) == (0, 0, 0, [])
    assert reconciled(capsys, "none.csv", "good.csv")[1]["only_right"] == 2


def parquet(path: Path, select: str) -> Path:
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO ? (FORMAT parquet)", [str(path)])
    return path


PARQUET: dict[str, tuple[str, str, str]] = {
    "a float amount": ("SELECT '1' serial, 'a' county, 'b' fund, 12.0::DOUBLE amount_fen", "detail_type", "DOUBLE"),
    "an amount of yuan": ("SELECT '1' serial, 'a' county, 'b' fund, 12.34::DECIMAL(18,2) amount_fen", "detail_type", "DECIMAL(18,2)"),
    "a float serial": ("SELECT 1::DOUBLE serial, 'a' county, 'b' fund, 1 amount_fen", "detail_type", "DOUBLE"),
    "a nested serial": ("SELECT ['1'] serial, 'a' county, 'b' fund, 1 amount_fen", "detail_type", "VARCHAR[]"),
    "a nested amount": ("SELECT '1' serial, 'a' county, 'b' fund, {'fen': 1} amount_fen", "detail_type", "STRUCT"),
    "no amount": ("SELECT '1' serial, 'a' county, 'b' fund", "detail_columns", "missing: amount_fen"),
    "a serial of nothing": ("SELECT NULL::VARCHAR serial, 'a' county, 'b' fund, 1 amount_fen", "detail_value", "row 1 column serial"),
    "an amount of nothing": ("SELECT '1' serial, 'a' county, 'b' fund, NULL::BIGINT amount_fen", "detail_value", "row 1 column amount_fen"),
    "an amount above 64 bits": ("SELECT '1' serial, 'a' county, 'b' fund, 18446744073709551615::UBIGINT amount_fen", "detail_value", "within 64 bits"),
    "a NUL in the serial": ("SELECT 'a' || chr(0) serial, 'a' county, 'b' fund, 1 amount_fen", "detail_value", "row 1 column serial"),
}  # fmt: skip


@pytest.mark.parametrize("what", PARQUET)
def test_a_parquet_whose_columns_cannot_be_exact_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    select, code, words = PARQUET[what]
    parquet(home / "bad.parquet", select)
    found, message = refused(capsys, "good.csv", "bad.parquet")
    assert found == code
    assert words in message


def test_whole_numbers_of_a_parquet_are_their_decimal_text(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet(
        home / "left.parquet",
        "SELECT * FROM (VALUES (9007199254740993::BIGINT, 331002, 310::SMALLINT, 12::DECIMAL(20, 0), [1, 2])) "
        "t(serial, county, fund, amount_fen, further)",
    )
    (home / "right.csv").write_text(f"{HEADER}9007199254740993,331002,310,12\n")
    assert reconciled(capsys, "left.parquet", "right.csv")[0] == 0


def test_a_parquet_with_a_page_overwritten_is_damaged_not_half_read(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = parquet(
        home / "bad.parquet",
        "SELECT printf('%020d', i * 7919) serial, 'a' county, 'b' fund, (hash(i) % 1000)::BIGINT amount_fen "
        "FROM range(5000) t(i)",
    )
    content = bytearray(path.read_bytes())
    content[40:400] = random.Random(7).randbytes(360)
    path.write_bytes(content)
    assert refused(capsys, "good.csv", "bad.parquet")[0] in {"detail_damaged", "detail_value"}


def test_what_is_no_file_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "folder.csv").mkdir()
    os.mkfifo(home / "pipe")
    for name, words in (
        ("absent.csv", "no such file"),
        ("folder.csv", "not a regular file"),
        ("pipe", "not a regular file"),
        ("x" * 5000, "cannot be opened"),
    ):
        code, message = refused(capsys, name, "good.csv")
        assert (code, words in message) == ("detail_file", True), message
    assert refused(capsys, "good.csv", "good.csv", "--out", "good.csv")[0] == "result_folder"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("*.csv", "csv"),
        ("a[1].csv", "parquet"),
        ("it's 良好.csv", "csv"),
        ("a\nb'.csv", "parquet"),
        ("b\udcff.csv", "csv"),
        ("b\udcff?.csv", "parquet"),
    ],
)
def test_a_file_name_is_never_read_as_a_pattern_or_query(
    home: Path, capsys: pytest.CaptureFixture[str], name: str, form: str
) -> None:
    path = home / "named" / name
    path.parent.mkdir()
    (path.parent / "a1.csv").write_text(f"{HEADER}other,a,b,1\n")
    if form == "csv":
        path.write_text(GOOD)
    else:
        parquet(home / "plain.parquet", "FROM read_csv('good.csv', all_varchar=true)").rename(path)
    status, answer = reconciled(capsys, path, "good.csv")
    assert (status, answer["matched"], answer["left"]["format"]) == (0, 2, form)


def test_duckdb_keeps_the_order_of_the_file_and_draws_nothing_on_stdout(home: Path) -> None:
    columns = {name: name for name in ("serial", "county", "fund", "amount_fen")}
    with detail_comparison.compare((home / "good.csv", columns), (home / "good.csv", columns)) as comparer:
        settings = (
            "SELECT current_setting('preserve_insertion_order'), current_setting('enable_progress_bar')"
        )
        assert comparer._database.execute(settings).fetchall() == [(True, False)]


def test_duckdb_reaches_only_the_two_files_and_loads_nothing(home: Path) -> None:
    (home / "secret.csv").write_text("secret")
    columns = {name: name for name in ("serial", "county", "fund", "amount_fen")}
    with detail_comparison.compare((home / "good.csv", columns), (home / "good.csv", columns)) as comparer:
        comparer._database.execute("ROLLBACK")
        for query in (
            f"SELECT * FROM read_csv('{home}/secret.csv')",
            "SELECT * FROM 'https://example.org/x.csv'",
            f"COPY (SELECT 1) TO '{home}/evil.csv'",
            f"ATTACH '{home}/evil.db'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET memory_limit = '100GB'",
        ):
            with pytest.raises(duckdb.Error, match=r"disabled|locked"):
                comparer._database.execute(query)
    assert sorted(path.name for path in home.iterdir()) == ["good.csv", "secret.csv"]


def test_nothing_in_the_workbook_is_a_formula_and_long_amounts_stay_whole(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serial, county = '=HYPERLINK("http://x.invalid")', "@SUM(1)"
    with (home / "left.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                HEADER.strip().split(","),
                [serial, county, "+1", 2**63 - 1],
                ["http://x.invalid/\uffff", "a", "b", 7],
            ]
        )
    (home / "right.csv").write_text(HEADER)
    status, answer = reconciled(capsys, "left.csv", "right.csv", "--out", "out")
    assert status == 1
    book = openpyxl.load_workbook(answer["files"]["workbook"])
    rows = {row[1].value: row for row in book["差异明细"].iter_rows(min_row=4)}
    first = rows[serial]
    assert {cell.data_type for row in rows.values() for cell in row} <= {"s", "n"}
    assert not any(cell.hyperlink for row in rows.values() for cell in row)
    assert [cell.value for cell in first[2:6]] == [2, county, "+1", "92,233,720,368,547,758.07"]
    assert rows["http://x.invalid/\ufffd"][5].value == 0.07


def test_a_workbook_that_cannot_hold_every_line_says_so_and_names_the_parquet(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detail_workbooks, "MOST_LINES", 3)
    (home / "left.csv").write_text(HEADER + "".join(f"{number},a,b,1\n" for number in range(5)))
    (home / "right.csv").write_text(HEADER)
    _, answer = reconciled(capsys, "left.csv", "right.csv", "--out", "out")
    files = answer["files"]
    assert (files["lines"], files["workbook_lines"]) == (5, 3)
    sheet = openpyxl.load_workbook(files["workbook"])["差异明细"]
    assert sheet.max_row == 3 + 3
    assert Path(files["parquet"]).name in sheet["A2"].value
    assert "全部 5 行" in sheet["A2"].value
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{files['parquet']}')").fetchall() == [(5,)]


def test_results_of_different_comparisons_never_share_a_name_and_the_same_one_replaces_itself(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "right.csv").write_text(HEADER)
    first = reconciled(capsys, "good.csv", "right.csv", "--out", "out")[1]["files"]
    again = reconciled(capsys, "good.csv", "right.csv", "--out", "out")[1]["files"]
    turned = reconciled(capsys, "right.csv", "good.csv", "--out", "out")[1]["files"]
    assert first == again
    assert first["parquet"] != turned["parquet"]
    assert {path.name for path in (home / "out").iterdir()} == {
        Path(files[kind]).name for files in (first, turned) for kind in ("parquet", "workbook")
    }


def test_a_disk_that_takes_no_result_leaves_nothing_half(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (home / "right.csv").write_text(HEADER)
    monkeypatch.setattr(os, "fsync", full)
    status, answer = reconciled(capsys, "good.csv", "right.csv", "--out", "out")
    assert (status, answer["error"]["code"]) == (4, "storage_unavailable")
    assert list((home / "out").iterdir()) == []


def test_a_file_that_changes_meanwhile_is_no_result(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_same = detail_files.require_same

    def changed_meanwhile(path: Path, state: Any) -> None:
        with (home / "good.csv").open("a") as file:
            file.write("3,a,b,4\n")
        require_same(path, state)

    (home / "right.csv").write_text(HEADER)
    monkeypatch.setattr(detail_files, "require_same", changed_meanwhile)
    assert refused(capsys, "good.csv", "right.csv")[0] == "detail_file_changed"


def test_too_many_counties_mean_a_wrong_mapping(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "many.csv").write_text(HEADER + "".join(f"{n},{n},b,1\n" for n in range(10_001)))
    assert refused(capsys, "many.csv", "good.csv")[0] == "detail_places"


def test_rows_keep_the_order_of_the_file_whatever_the_threads(home: Path) -> None:
    rows = 150_000  # several row groups, so that threads have something to mix up
    serials = [f"{(number * 7919) % rows:09d}" for number in range(rows)]
    serials[140_000] = serials[100] = serials[5]
    (home / "left.csv").write_text(HEADER + "".join(f"{serial},a,b,1\n" for serial in serials))
    (home / "right.csv").write_text(HEADER)
    columns = {name: name for name in ("serial", "county", "fund", "amount_fen")}
    with detail_comparison.compare((home / "left.csv", columns), (home / "right.csv", columns)) as comparer:
        listed = {row[2]: row[:2] for row in comparer.differences(comparer.list_differences(), rows)}
    expected = {n + 2: ("only_left", serial) for n, serial in enumerate(serials)}
    expected |= {n + 2: ("duplicate_left", serials[n]) for n in (100, 140_000)}
    assert listed == expected
