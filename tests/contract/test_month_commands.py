"""The commands that operate a month, as a script sees them: one JSON document, the exit status, no traceback."""

import json
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.documents.workbooks import write_document
from fundpool.console.cli import main
from fundpool.domain.periods import Month

OF_OCTOBER = ["--city", "taizhou", "--month", "2026-10", "--json"]
ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FUNDPOOL_GATEWAY_URL", raising=False)
    assert run(capsys, "init", "--sandbox", "--json")[0] == 0
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main([*arguments])
    return status, json.loads(capsys.readouterr().out)


def plan(folder: Path, county: str, name: str) -> Path:
    rows = [
        {"county_code": county, "county_name": name, "fund": fund, "available_fen": 0, "last_year_fen": 0}
        | {f"{item}_fen": 100_00 for item in ITEMS}
        | ({"personal_account_fen": 0} if fund == "resident" else {})
        for fund in ("employee", "resident")
    ]
    path = folder / f"plan-{county}.xlsx"
    write_document(path, "plan", city_name="台州市", month=Month(2026, 10), rows=rows)
    return path


def test_one_bad_file_is_named_and_the_good_one_is_filed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = plan(home, "331002", "椒江区")
    bad = home / "bad.xlsx"
    bad.write_bytes(b"no workbook")
    gone = home / "gone.xlsx"
    filing = ["--city", "taizhou", "--document", "plan", "--as-of", "2026-09-24T10:00", "--json"]
    status, answer = run(capsys, "submit", str(bad), str(good), str(gone), *filing)
    assert status == 2
    by_name = {each["file"]: each for each in answer["files"]}
    assert by_name["plan-331002.xlsx"]["submissions"][0]["version"] == 1
    assert by_name["bad.xlsx"]["error"]["code"] == "file_unreadable"
    assert by_name["bad.xlsx"]["error"]["remedy"]
    assert by_name["gone.xlsx"]["error"]["code"] == "file_not_readable"
    status, answer = run(capsys, "submit", str(good), *filing)
    assert (status, answer["files"][0]["repeated"]) == (0, True)
    status, answer = run(capsys, "submit", str(good), "--county", "331003", *filing)
    assert (status, answer["files"][0]["error"]["code"]) == (2, "county_contradicts_file")


def test_status_is_the_contract_s_document_and_its_exit_says_whether_somebody_is_late(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, before = run(capsys, "status", *OF_OCTOBER, "--as-of", "2026-09-20")
    assert status == 0
    assert set(before) == {"city", "month", "as_of", "duties", "steps", "transfers", "flags"}
    plans = [duty for duty in before["duties"] if duty["step"] == "submit_fund_use_plan"]
    assert len(plans) == 9
    assert {(duty["state"], duty["days_late"], duty["waiting_for"]) for duty in plans} == {
        ("upcoming", 0, "county_agency")
    }
    status, after = run(capsys, "status", *OF_OCTOBER, "--as-of", "2026-09-27")
    assert status == 1
    assert {duty["days_late"] for duty in after["duties"] if duty["state"] == "overdue"} == {2}
    assert {flag["basis"]["section"] for flag in after["flags"]} == {"细则第十条"}


def test_every_city_of_the_library_answers_status(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for city in ("taizhou", "suizhou", "jiujiang", "jilin", "heilongjiang"):
        status, answer = run(
            capsys, "status", "--city", city, "--month", "2026-10", "--as-of", "2026-09-01", "--json"
        )
        assert (status, answer["city"]) == (0, city)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["run", "tea", *OF_OCTOBER], 2, "unknown_step"),
        (["run", "plan-review", *OF_OCTOBER, "--county", "330000"], 2, "unknown_county"),
        (["run", "plan-review", "--city", "atlantis", "--month", "2026-10", "--json"], 2, "unknown_city"),
        (["status", "--city", "taizhou", "--month", "2026-1", "--json"], 2, "bad_month"),
        (["review", "confirm", *OF_OCTOBER, "--by", "李复核"], 2, "no_case"),
        (["review", "confirm", *OF_OCTOBER, "--by", " "], 2, "person_missing"),
        (["application", "review", *OF_OCTOBER, "--by", "赵财政"], 2, "nothing_to_review"),
        (["application", "review", *OF_OCTOBER, "--by", "赵财政", "--amount", "1"], 2, "line_missing"),
        (["submit", *OF_OCTOBER, "--document", "plan"], 2, "usage"),
    ],
)
def test_wrong_use_is_an_error_document_with_a_code(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, code: str
) -> None:
    found, answer = run(capsys, *arguments)
    assert (found, answer["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("act", "words"), [("approve", "没有待复核的批次"), ("release", "没有待放行的批次")])
def test_approving_or_releasing_nothing_says_so_and_is_1(
    home: Path, capsys: pytest.CaptureFixture[str], act: str, words: str
) -> None:
    arguments = ["transfers", act, "--city", "taizhou", "--month", "2026-10", "--by", "李复核"]
    assert main(arguments) == 1
    assert words in capsys.readouterr().out
    status, answer = run(capsys, *arguments, "--json")
    assert (status, answer) == (1, {"batches": []})


def test_without_a_database_one_sentence_and_exit_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "nowhere"))
    status, answer = run(capsys, "status", *OF_OCTOBER)
    assert (status, answer["error"]["code"]) == (4, "database_not_set_up")
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/fundpool")
    status, answer = run(capsys, "run", "plan-review", *OF_OCTOBER)
    assert (status, answer["error"]["code"]) == (4, "database_unavailable")


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FUNDPOOL_DASHBOARD_PORT", "many")
    status, answer = run(capsys, "settings", "--json")
    assert (status, answer["error"]["code"]) == (2, "bad_settings")
    assert "FUNDPOOL_DASHBOARD_PORT" in answer["error"]["message"]
