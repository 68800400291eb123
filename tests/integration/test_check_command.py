"""`fundpool check` and `fundpool template` as scripts use them."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

from fundpool.adapters.documents.document_reader import read_documents
from fundpool.console.cli import main
from fundpool.console.commands.check import open_source
from fundpool.services.ports.judging import Register, SourceFile
from tests.golden import sample_documents as sample

ARGUMENTS = ["--city", "taizhou", "--document", "plan", "--month", "2026-10", "--json"]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.xlsx"
    path.write_bytes(sample.file_bytes("plan", sample.plan_rows()))
    return path


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, object]]]:
    document: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return document


def test_a_good_file_passes_and_exits_with_0(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(good), *ARGUMENTS]) == 0
    (entry,) = answer(capsys)["files"]
    assert entry["verdict"] == "pass"
    assert entry["rows"] == 2
    assert entry["expectations_declared"] == entry["expectations_evaluated"]
    assert entry["totals"] == {fund: amount - 100_000_000 for fund, amount in sample.PLANNED_FEN.items()}
    assert entry["findings"] == []


@pytest.mark.parametrize("name", ["[1] 椒江.xlsx", "{a}.xlsx", "计 划?#%41.xlsx"])
def test_a_file_name_may_contain_any_characters(
    name: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["check", name, *ARGUMENTS]) == 0
    assert [entry["file"] for entry in answer(capsys)["files"]] == [name]


def test_a_zip_is_judged_file_by_file(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "all.zip"
    with zipfile.ZipFile(folder, "w") as archive:
        archive.write(good, "a/椒江.xlsx")
        archive.writestr("b.pdf", b"%PDF")
        archive.writestr("Thumbs.db", b"x")
    assert main(["check", str(folder), *ARGUMENTS]) == 2
    entries = answer(capsys)["files"]
    assert [(entry["file"], entry["verdict"]) for entry in entries] == [
        (f"{folder}/a/椒江.xlsx", "pass"),
        (f"{folder}/b.pdf", "return"),
    ]


def test_one_bad_file_never_hides_another_s_answer(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sample.completed("plan", sample.plan_rows())
    rows[0]["requested_fen"] = 1
    wrong = tmp_path / "wrong.csv"
    wrong.write_bytes(sample.file_bytes("plan", rows, ".csv"))
    hostile = tmp_path / "hostile.xlsx"
    hostile.write_bytes(b"PK\x03\x04" + b"\0" * 500)
    files = [str(hostile), str(good), str(tmp_path / "missing.xlsx"), str(wrong)]
    assert main(["check", *files, *ARGUMENTS]) == 2
    entries = answer(capsys)["files"]
    assert [entry["file"] for entry in entries] == files
    assert [entry["verdict"] for entry in entries] == ["return", "pass", "return", "return"]
    finding = entries[3]["findings"][0]  # type: ignore[index]
    assert (finding["rule"], finding["cell"], finding["county"], finding["fund"]) == (
        "PLAN-014", "M4", "331002", "employee",
    )  # fmt: skip
    assert entries[2]["findings"][0]["rule"] == "FILE-000"  # type: ignore[index]
    assert entries[2]["sha256"] is None


def test_findings_exit_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = sample.plan_rows()
    rows[0]["inpatient_fen"] = "１２３"
    odd = tmp_path / "odd.csv"
    odd.write_bytes(sample.file_bytes("plan", rows, ".csv", encoding="gb18030"))
    assert main(["check", str(odd), *ARGUMENTS]) == 1
    assert answer(capsys)["files"][0]["verdict"] == "review"


@pytest.mark.parametrize(
    "arguments",
    [
        ["x.csv", "--city", "taizhou", "--document", "plan", "--month", "2026-13"],
        ["x.csv", "--city", "taizhou", "--document", "poem", "--month", "2026-10"],
        ["x.csv", "--city", "atlantis", "--document", "plan", "--month", "2026-10"],
        ["--city", "taizhou", "--document", "plan", "--month", "2026-10"],
    ],
)
def test_wrong_use_prints_one_error_document(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"]
    assert " / " in error["message"]


def test_findings_are_printed_with_cell_and_remedy(
    good: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = sample.plan_rows()
    rows[0]["inpatient_fen"] = "NA"
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(sample.file_bytes("plan", rows))
    assert main(["check", str(good), str(bad), *ARGUMENTS[:-1]]) == 1
    page = capsys.readouterr().out
    assert "[CELL-009] 须更正 用款计划申请表 E5" in page
    assert "写的是“NA”；没有发生额请填 0" in page
    assert "请：" in page


def test_a_template_is_written_per_county_and_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--city",
        "taizhou",
        "--document",
        "report",
        "--month",
        "2026-10",
        "--out",
        str(tmp_path),
        "--json",
    ]
    assert main(["template", *arguments]) == 0
    files = answer(capsys)["files"]
    assert len(files) == 9
    register = Register((sample.JIAOJIANG, *sample.REGISTER.counties))
    content = Path(str(files[0]["file"])).read_bytes()
    (parsed,) = read_documents([SourceFile("t", content)], "report", register, month=sample.MONTH)
    assert parsed.counties == ("331002",)


def test_a_template_for_an_unknown_county_names_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--city",
        "taizhou",
        "--document",
        "plan",
        "--month",
        "2026-10",
        "--county",
        "某县",
        "--out",
        str(tmp_path),
    ]
    assert main(["template", *arguments, "--json"]) == 2
    assert "椒江区" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_template_has_as_many_open_rows_as_the_option_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--city",
        "taizhou",
        "--document",
        "payer-detail",
        "--month",
        "2026-10",
        "--county",
        "椒江区",
    ]
    assert main(["template", *arguments, "--rows", "120", "--out", str(tmp_path), "--json"]) == 0
    sheet = load_workbook(str(answer(capsys)["files"][0]["file"])).worksheets[0]
    assert [sheet.cell(row, 1).value for row in (124, 125)] == ["331002", "控制合计"]
    assert main(["template", *arguments, "--rows", "0", "--out", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_rows"


def test_a_city_without_counties_has_no_templates_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--city", "heilongjiang", "--document", "plan", "--month", "2026-10"]
    assert main(["template", *arguments, "--out", str(tmp_path / "out"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_counties"
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_a_total_belongs_to_no_fund_and_an_unknown_sum_is_null(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sample.completed("plan", sample.plan_rows())
    rows[0]["requested_fen"] = "约" + "9" * 1000
    path = tmp_path / "plan.csv"
    path.write_bytes(sample.file_bytes("plan", rows, ".csv", totals={"inpatient_fen": 1}))
    assert main(["check", str(path), *ARGUMENTS]) == 1
    (file,) = answer(capsys)["files"]
    assert file["totals"] == {"employee": None, "resident": sample.PLANNED_FEN["resident"] - 100_000_000}
    findings = {(f["rule"], f["cell"]): f for f in file["findings"]}  # type: ignore[attr-defined]
    total = findings["PLAN-009", "E6"]
    assert (total["county"], total["fund"], total["row"]) == ("331002", None, None)
    long = findings["CELL-001", "M4"]
    assert len(long["message_zh"]) < 300
    assert "1001 字 characters" in long["found"]


def test_a_file_far_above_the_limit_is_named_by_all_its_bytes_and_not_held(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / "long.xlsx"
    with long.open("wb") as stream:
        stream.truncate(64 * 1024 * 1024)
    assert main(["check", str(long), str(good), *ARGUMENTS]) == 2
    refused, passed = answer(capsys)["files"]
    assert [f["rule"] for f in refused["findings"]] == ["FILE-005"]  # type: ignore[attr-defined]
    assert refused["sha256"] == hashlib.sha256(bytes(64 * 1024 * 1024)).hexdigest()
    assert passed["verdict"] == "pass"
    assert len(open_source(long).content) < 21 * 1024 * 1024


def test_a_file_name_that_is_no_valid_text_is_printed_escaped(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.xlsx"))
    strange.write_bytes(good.read_bytes())
    assert main(["check", str(strange), *ARGUMENTS]) == 0
    (file,) = answer(capsys)["files"]
    assert str(file["file"]).endswith("/b\\xff.xlsx")


def test_slips_and_templates_that_cannot_be_kept_say_so(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(good), *ARGUMENTS, "--slips", str(good / "slips")]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "storage_unavailable"
    assert main(["template", *ARGUMENTS, "--out", str(good / "out")]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "storage_unavailable"
