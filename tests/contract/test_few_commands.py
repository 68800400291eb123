"""A month in few commands, as a script sees them: defaults, lists, exit statuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES
from fundpool.console.cli import main
from fundpool.domain.periods import Month

COUNTIES = {"421303": "曾都区", "421321": "随县", "421381": "广水市"}
HERE = ("--city", "suizhou", "--month", "2026-10")
ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture
def one_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """An installation whose policy folder knows Suizhou alone, with the plans of October filed."""
    policies = tmp_path / "policies"
    shutil.copytree(PRODUCT_POLICIES, policies)
    for city in (policies / "cities").iterdir():
        if not city.name.startswith("suizhou"):
            city.unlink() if city.is_file() else shutil.rmtree(city)
    monkeypatch.setenv("FUNDPOOL_POLICY_DIR", str(policies))
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FUNDPOOL_GATEWAY_URL", raising=False)
    assert run(capsys, "init", "--sandbox")[0] == 0
    return tmp_path


def file_plans(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    files = []
    for county, name in COUNTIES.items():
        rows = [
            {"county_code": county, "county_name": name, "fund": fund, "available_fen": 0, "last_year_fen": 0}
            | {f"{item}_fen": 100_00 for item in ITEMS}
            | ({"personal_account_fen": 0} if fund == "resident" else {})
            for fund in ("employee", "resident")
        ]
        files.append(folder / f"plan-{county}.xlsx")
        write_document(files[-1], "plan", city_name="随州市", month=Month(2026, 10), rows=rows)
    filing = ("--document", "plan", "--as-of", "2026-09-09T10:00")
    status, answer = run(capsys, "submit", *map(str, files), *filing)
    assert (status, answer["city"]) == (0, "suizhou")


def test_next_is_0_until_a_person_is_waited_for_and_its_answer_says_the_command(
    one_city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = run(capsys, "next", "--as-of", "2026-09-07")
    assert (status, answer["cities"], answer["turns"]) == (0, ["suizhou"], [])
    status, answer = run(capsys, "next", "--as-of", "2026-09-09")
    assert status == 1
    counties = [turn for turn in answer["turns"] if turn["turn"] == "county_agency"]
    assert [turn["unit"] for turn in counties] == list(COUNTIES)
    assert {(turn["act_by"], turn["basis"]["section"]) for turn in counties} == {("2026-09-15", "第九条")}
    assert counties[0]["command"] == (
        "fundpool submit FILE --city suizhou --month 2026-10 --document plan --county 421303"
    )
    lacking = [turn["command"].split()[1] for turn in answer["turns"] if turn["turn"] == "operator"]
    assert lacking == ["budget", "openings", "openings", "accounts"]


def test_city_and_month_are_chosen_and_said_only_where_they_were_left_out(
    one_city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file_plans(capsys, one_city)
    status, opened = run(capsys, "month", "open", "--as-of", "2026-09-10T09:00")
    assert (status, opened["city"], opened["month"]) == (1, "suizhou", "2026-10")
    assert [lack["key"] for lack in opened["missing"]] == [
        "budget",
        "openings_of_city",
        "openings_of_counties",
        "accounts",
    ]
    assert {step["step"] for step in opened["steps"]} == {"plan-collection", "plan-review"}
    _, named = run(capsys, "review", "list", *HERE)
    assert set(named) == {"cases"}
    _, half = run(capsys, "review", "list", "--month", "2026-10")
    assert (half["city"], half["month"]) == ("suizhou", "2026-10")
    acting = ("--by", "王初审", "--as-of", "2026-09-11T09:00")
    status, proposed = run(capsys, "review", "approve", "--county", "421303,421381", *acting)
    assert (status, proposed["month"]) == (0, "2026-10")
    assert {case["county"] for case in proposed["cases"]} == {"421303", "421381"}
    # In the middle of October both October and November have something open.
    later = ("--by", "李复核", "--as-of", "2026-10-13T09:00")
    status, refused = run(capsys, "review", "confirm", *later)
    assert (status, refused["error"]["code"]) == (2, "month_missing")
    assert "2026-10 | 2026-11" in refused["error"]["remedy"]
    assert run(capsys, "review", "confirm", *HERE, *later)[0] == 0


@pytest.mark.parametrize("chosen", [[], ["--all-clean", "--county", "421303"]])
def test_approving_needs_counties_or_all_that_is_clean_and_not_both(
    one_city: Path, capsys: pytest.CaptureFixture[str], chosen: list[str]
) -> None:
    status, answer = run(capsys, "review", "approve", *HERE, *chosen, "--by", "王初审")
    assert (status, answer["error"]["code"]) == (2, "counties_missing")


def test_two_cities_must_be_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    assert run(capsys, "init", "--sandbox")[0] == 0
    status, answer = run(capsys, "status", "--month", "2026-10")
    assert (status, answer["error"]["code"]) == (2, "city_missing")
    assert "--city" in answer["error"]["remedy"]
    status, answer = run(capsys, "next", "--as-of", "2026-09-12")
    assert status == 1
    assert len(answer["cities"]) > 1


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["month", "close", *HERE, "--by", "郑运行", "--as-of", "2026-10-20"], 1, "month_not_over"),
        (["month", "close", *HERE, "--by", " ", "--as-of", "2026-11-20"], 2, "person_missing"),
        (["month", "open", "--city", "atlantis", "--month", "2026-10"], 2, "unknown_city"),
        (["retry-failed", "--city", "suizhou", "--month", "2026-1"], 2, "bad_month"),
        (["next", "--city", "atlantis"], 2, "unknown_city"),
    ],
)
def test_wrong_use_is_an_error_document_with_a_code(
    one_city: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, code: str
) -> None:
    found, answer = run(capsys, *arguments)
    assert (found, answer["error"]["code"]) == (status, code)


def test_closing_lists_what_is_missing_and_is_1(one_city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = run(capsys, "month", "close", *HERE, "--by", "郑运行", "--as-of", "2026-11-10")
    assert (status, answer["is_closed"]) == (1, False)
    assert [step["step"] for step in answer["steps"]] == ["expenditure-reporting"]
    counties = [turn["unit"] for turn in answer["missing"] if turn["turn"] == "county_agency"]
    assert counties == list(COUNTIES)


def test_nothing_failed_and_nothing_to_send_are_told_apart(
    one_city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "retry-failed", *HERE) == (0, {"city": "suizhou", "month": "2026-10", "steps": []})
    status, answer = run(capsys, "transfers", "release", "--send", *HERE, "--by", "孙放行")
    assert (status, answer) == (1, {"steps": [], "batches": []})
