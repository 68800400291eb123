"""A city with a scheme beyond 职工 and 居民 needs its policy file and nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.documents.workbooks import Value, write_document
from fundpool.adapters.policies.policy_files import load_policies
from fundpool.console.cli import main
from fundpool.domain.periods import Month
from fundpool.services.ports.judging import Register, SourceFile

INVENTED = Path(__file__).parents[1] / "golden" / "policies"
CIVIL = (
    '  - {key: civil, code: "320", name_zh: 公务员医疗补助, name_en: civil servants supplement, '
    "pooled_from: 2025-07-01, basis: YZ-01}\n"
)
OF_YUNZHOU = ["--city", "yunzhou", "--json"]
OCTOBER = Month(2026, 10)
FUNDS = ("employee", "resident", "civil")
ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")
OPENING_FEN, SPENT_FEN = 1_000_00, 6_000_00


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The invented cities' policy folder, Yunzhou with 公务员医疗补助 besides its two funds."""
    folder = tmp_path / "policies"
    shutil.copytree(INVENTED, folder)
    file = folder / "cities" / "yunzhou.yaml"
    before, after = file.read_text(encoding="utf-8").split("\nunits:")
    file.write_text(f"{before.rstrip()}\n{CIVIL}\nunits:{after}", encoding="utf-8")
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main(list(arguments))
    return status, json.loads(capsys.readouterr().out)


def row(code: str, name: str, fund: str) -> dict[str, Value]:
    """A plan's row; every fund has its own amounts."""
    items = {f"{item}_fen": (1 + FUNDS.index(fund)) * 1_000_00 for item in ITEMS}
    if fund == "resident":
        items["personal_account_fen"] = 0
    about = {"county_code": code, "county_name": name, "fund": fund}
    return {**about, **items, "available_fen": OPENING_FEN, "last_year_fen": sum(items.values())}


def plans(folder: Path, out: Path, fund_names: dict[str, str] | None = None) -> list[Path]:
    """The plans of every county with three funds; ``fund_names`` replaces what a fund is called."""
    city = load_policies(folder).city("yunzhou")
    register = Register.of(city.units, city.funds)
    out.mkdir()
    for unit in city.units:
        rows = [row(unit.code, unit.name_zh, fund) for fund in FUNDS]
        for each in rows:
            each["fund"] = (fund_names or {}).get(str(each["fund"]), each["fund"])
        path = out / f"{unit.code}.xlsx"
        write_document(path, "plan", city.name_zh, month=OCTOBER, rows=rows, funds=register.funds)
    return sorted(out.iterdir())


def test_the_template_lists_every_fund_of_the_city(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*OF_YUNZHOU, "--document", "plan", "--month", "2026-10", "--policy-dir", str(folder)]
    status, answer = run(capsys, "template", *options, "--out", str(tmp_path / "out"))
    assert status == 0
    city = load_policies(folder).city("yunzhou")
    files = [SourceFile(each["file"], Path(each["file"]).read_bytes()) for each in answer["files"]]
    parsed = read_documents(files, "plan", Register.of(city.units, city.funds), month=OCTOBER)
    assert [[line.fund for line in document.lines] for document in parsed] == [list(FUNDS)] * len(city.units)
    assert {document.lines[2].raw["fund"] for document in parsed} == {"公务员医疗补助"}


@pytest.mark.parametrize("name", ["公务员医疗补助", "320", "civil"])
def test_a_plan_with_a_further_fund_passes_under_each_of_its_names(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = plans(folder, tmp_path / "filled", {"civil": name})
    options = [*OF_YUNZHOU, "--document", "plan", "--month", "2026-10", "--policy-dir", str(folder)]
    _, answer = run(capsys, "check", *map(str, files), *options)
    assert {file["verdict"] for file in answer["files"]} == {"pass"}
    assert {tuple(file["totals"]) for file in answer["files"]} == {FUNDS}


def test_a_fund_of_another_city_blocks_and_a_missing_one_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file, *_) = plans(folder, tmp_path / "filled")
    options = [str(file), *OF_YUNZHOU, "--document", "plan", "--month", "2026-10", "--policy-dir"]
    status, answer = run(capsys, "check", *options, str(INVENTED))
    (finding,) = [each for each in answer["files"][0]["findings"] if each["severity"] == "block"]
    assert (status, answer["files"][0]["verdict"]) == (1, "return")
    assert (finding["rule"], finding["found"]) == ("PLAN-003", "公务员医疗补助")
    assert finding["expected"] == "职工医保、居民医保"

    unit = load_policies(folder).city("yunzhou").units[0]
    rows = [row(unit.code, unit.name_zh, fund) for fund in FUNDS[:2]]
    write_document(file, "plan", "云州市", month=OCTOBER, rows=rows)
    status, answer = run(capsys, "check", *options, str(folder))
    (finding,) = answer["files"][0]["findings"]
    assert (finding["rule"], finding["found"]) == ("PLAN-006", "公务员医疗补助")
    assert finding["expected"] == "职工医保、居民医保、公务员医疗补助"


def test_a_month_takes_the_plans_of_all_three_funds(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    here = ["--policy-dir", str(folder)]
    status, ready = run(capsys, "init", "--sandbox", *here, "--json")
    assert (status, "yunzhou" in ready["cities"]) == (0, True)

    counties = [unit.code for unit in load_policies(folder).city("yunzhou").units]
    openings, budget = tmp_path / "openings.csv", tmp_path / "budget.csv"
    openings.write_text(
        "account_type,unit,fund,balance_yuan,spending_yuan,year_spending_yuan\n"
        + "".join(f"fiscal_account,990100,{fund},1000000.00,,\n" for fund in FUNDS)
        + "".join(
            f"county_expenditure,{county},{fund},1000.00,,0.00\n" for county in counties for fund in FUNDS
        ),
        encoding="utf-8",
    )
    budget.write_text(
        "county,fund,amount_yuan\n"
        + "".join(f"{county},{fund},9000000.00\n" for county in counties for fund in FUNDS),
        encoding="utf-8",
    )
    acting = [*OF_YUNZHOU, *here, "--as-of", "2026-09-15T10:00"]
    by = ["--by", "期初"]
    assert run(capsys, "openings", "import", str(openings), *acting, *by, "--month", "2026-09")[0] == 0
    numbered = ["--year", "2026", "--document-number", "云财〔2026〕1号"]
    assert run(capsys, "budget", "import", str(budget), *acting, *by, *numbered)[0] == 0

    files = plans(folder, tmp_path / "filled")
    assert run(capsys, "submit", *map(str, files), *acting, "--document", "plan")[0] == 0
    status, report = run(capsys, "run", "plan-collection", *acting, "--month", "2026-10")
    assert (status, {outcome["state"] for outcome in report["outcomes"]}) == (0, {"done"}), report
    assert run(capsys, "run", "plan-review", *acting, "--month", "2026-10")[0] == 0
    _, listed = run(capsys, "review", "list", *OF_YUNZHOU, *here, "--month", "2026-10")
    assert {(case["county"], case["fund"]) for case in listed["cases"]} == {
        (county, fund) for county in counties for fund in FUNDS
    }


def test_an_unreadable_policy_folder_is_refused_before_anything_is_set_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    (folder / "cities" / "yunzhou.yaml").write_text("city: [", encoding="utf-8")
    status, answer = run(capsys, "init", "--policy-dir", str(folder), "--json")
    assert (status, answer["error"]["code"]) == (2, "policy_file")
    assert "yunzhou.yaml" in answer["error"]["message"]
    assert not (tmp_path / "home").exists()
