"""``fundpool due`` as scripts use it: its JSON, its exit statuses, its calendar file."""

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES
from fundpool.console.cli import main

FIELDS = {
    "rule",
    "step",
    "period",
    "actor",
    "unit",
    "nominal",
    "due",
    "act_by",
    "kind",
    "firmness",
    "status",
    "shift",
    "reading",
    "basis",
}


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    assert main(["due", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_duty_has_exactly_the_fields_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    duties = answer(capsys, "--city", "taizhou", "--month", "2022-10")
    assert {frozenset(duty) for duty in duties} == {frozenset(FIELDS)}
    plan = next(duty for duty in duties if duty["rule"] == "TZ-15")
    assert plan == {
        "rule": "TZ-15",
        "step": "submit_fund_use_plan",
        "period": "2022-10",
        "actor": "county_agency",
        "unit": None,
        "nominal": "2022-09-25",
        "due": "2022-09-25",
        "act_by": "2022-09-23",
        "kind": "fixed",
        "firmness": "binding",
        "status": "confirmed",
        "shift": "none",
        "reading": None,
        "basis": {
            "document": "台政办发〔2021〕48号",
            "section": "细则第十条",
            "quote": "各县（市、区）医保经办机构每月25日前向市医保经办机构上报下月基金用款计划",
        },
    }


@pytest.mark.parametrize("city", ["suizhou", "taizhou", "jiujiang", "jilin", "heilongjiang"])
def test_every_value_is_listed_in_the_contract(city: str, capsys: pytest.CaptureFixture[str]) -> None:
    duties = answer(capsys, "--city", city, "--from", "2021-01", "--to", "2027-12")
    for year in range(2020, 2028):
        duties += answer(capsys, "--city", city, "--year", str(year))
    for duty in duties:
        assert duty["kind"] in {"fixed", "working_day", "after_event", "undated", "delegated"}
        assert duty["firmness"] in {"binding", "target"}
        assert duty["status"] in {"confirmed", "forecast", "provisional", "unknown"}
        assert duty["shift"] in {"none", "following"}
        if duty["due"] is None:
            assert (duty["act_by"], duty["nominal"], duty["status"]) == (None, None, "unknown")
        elif duty["act_by"] is None:
            assert (duty["status"], duty["due"] > "2026-12-31") == ("provisional", True)
        else:
            assert duty["act_by"] <= duty["due"]
        assert duty["due"] == duty["nominal"] or duty["shift"] == "following"


def test_a_range_is_its_months_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    ranged = answer(capsys, "--city", "taizhou", "--from", "2023-11", "--to", "2024-01")
    single = [
        duty
        for month in ("2023-11", "2023-12", "2024-01")
        for duty in answer(capsys, "--city", "taizhou", "--month", month)
    ]
    assert ranged == single


def test_a_draft_gives_an_empty_list_and_the_reason_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["due", "--city", "heilongjiang", "--year", "2024", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert "未生效" in printed.err


def test_the_first_cycle_is_marked_partial_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["due", "--city", "suizhou", "--month", "2023-01", "--json"]) == 0
    assert "2023-01：首个循环，不完整" in capsys.readouterr().err


def test_months_before_the_effective_day_are_empty_and_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["due", "--city", "suizhou", "--month", "2021-06", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert "2022-12-31" in printed.err


def test_a_receipt_may_be_given_per_step(capsys: pytest.CaptureFixture[str]) -> None:
    duties = answer(
        capsys,
        *("--city", "taizhou", "--month", "2022-10", "--received", "pay_from_fiscal_account=2022-09-30"),
    )
    assert [duty["due"] for duty in duties if duty["rule"] == "TZ-18"] == ["2022-10-09"]


def test_a_reading_is_switched_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    duties = answer(
        capsys,
        *("--city", "jiujiang", "--month", "2022-01", "--reading", "due.last_working_days=before"),
    )
    assert [(duty["due"], duty["reading"]) for duty in duties if duty["rule"] == "JJ-12"] == [
        ("2022-01-28", "before")
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--city", "atlantis", "--month", "2024-01"], "unknown_city"),
        (["--city", "taizhou"], "usage"),
        (["--city", "taizhou", "--month", "2024-01", "--year", "2024"], "usage"),
        (["--city", "taizhou", "--from", "2024-01"], "usage"),
        (["--city", "taizhou", "--from", "2024-02", "--to", "2024-01"], "usage"),
        (["--city", "taizhou", "--month", "2024-13"], "bad_month"),
        (["--city", "taizhou", "--month", "2024/01"], "bad_month"),
        (["--city", "taizhou", "--year", "24"], "year"),
        (["--city", "taizhou", "--month", "2024-01", "--received", "yesterday"], "bad_day"),
        (["--city", "taizhou", "--month", "2024-01", "--received", "nothing=2024-01-05"], "unknown_duty"),
        (["--city", "taizhou", "--from", "2024-01", "--to", "2024-02", "--received", "2024-01-05"], "usage"),
        (["--city", "taizhou", "--month", "2024-01", "--reading", "gap.pool_short=never"], "unknown_reading"),
        (["--city", "taizhou", "--month", "2024-01", "--format", "ics"], "usage"),
        (["--city", "taizhou", "--month", "2024-01", "--as-of", "soon"], "moment"),
        (["--city", "taizhou", "--month", "2024-01", "--policy-dir", "/nowhere"], "policy_dir"),
    ],
)
def test_wrong_use_is_exit_2_with_a_code(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = answer(capsys, *arguments, status=2)["error"]
    assert error["code"] == code
    assert error["message"]


def test_a_bad_policy_file_is_exit_2_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = Path(__file__).parents[1] / "golden" / "policies" / "cities" / "yunzhou.yaml"
    lines = golden.read_text(encoding="utf-8").splitlines()
    number = next(index for index, line in enumerate(lines) if "actor: 县级经办机构" in line)
    lines[number] = lines[number].replace("actor", "akteur")
    (tmp_path / "cities").mkdir()
    file = tmp_path / "cities" / "yunzhou.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")

    error = answer(capsys, "--city", "yunzhou", "--month", "2026-03", "--policy-dir", str(tmp_path), status=2)
    assert error["error"]["code"] == "policy_file"
    assert f"{file}:{number + 1}: YZ-02: akteur: 不认识的词" in error["error"]["message"]


def test_the_calendar_file_imports_with_every_dated_duty(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["due", "--city", "taizhou", "--month", "2022-10", "--format", "ics"]) == 0
    printed = capfdbinary.readouterr()
    calendar = Calendar.from_ical(printed.out)
    events = {str(event["uid"]).split("-submit")[0]: event for event in calendar.walk("VEVENT")}
    assert len(calendar.walk("VEVENT")) == 6
    plan = events["taizhou-TZ-15"]
    assert plan["dtstart"].dt == date(2022, 9, 25)
    assert "2022-09-23" in str(plan["description"])
    assert "1 项职责没有日期" in printed.err.decode()


def test_help_and_due_load_no_heavy_machinery() -> None:
    script = (
        "import sys; from fundpool.console.cli import main; "
        "main(['due', '--help']); main(['due', '--city', 'taizhou', '--month', '2022-10', '--json']); "
        "heavy = {'pandas', 'prefect', 'great_expectations', 'sqlalchemy', 'openpyxl', 'httpx', 'fastapi', "
        "'pydantic_settings', 'icalendar', 'jinja2', 'duckdb'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.strip()) == (0, "")


def test_a_new_notice_is_a_file_and_settles_its_year(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The notice below is invented; the real one for 2027 is added in the same way."""
    shutil.copytree(PRODUCT_POLICIES / "cities", tmp_path / "cities")
    (tmp_path / "work_calendar").mkdir()
    notice = tmp_path / "work_calendar" / "2027.yaml"
    notice.write_text(
        "year: 2027\n"
        "notices: [{title: 虚构的通知, number: 〔2026〕0号, issued: 2026-11-01}]\n"
        "days_off: [{feast: 春节, first: 2027-02-05, last: 2027-02-11}]\n"
        "working_weekends: [2027-02-14]\n",
        encoding="utf-8",
    )
    arguments = ("--city", "jiujiang", "--month", "2027-01", "--policy-dir", str(tmp_path))
    due = {duty["rule"]: (duty["due"], duty["status"]) for duty in answer(capsys, *arguments)}
    assert due["JJ-09"] == ("2027-02-12", "confirmed")
    assert due["JJ-10"] == ("2027-02-15", "confirmed")
    assert due["JJ-13"] == ("2027-01-29", "confirmed")

    notice.write_text(
        notice.read_text(encoding="utf-8").replace("2027-02-14", "2027-02-15"), encoding="utf-8"
    )
    error = answer(capsys, *arguments, status=2)["error"]
    assert (error["code"], f"{notice}:1" in error["message"]) == ("policy_file", True)
