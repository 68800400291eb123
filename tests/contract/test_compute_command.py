"""The outside contract of ``fundpool compute``: answers, what-ifs, exit codes, errors."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.policies.policy_files import load_city
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.services.law.compute import check_computes

REPOSITORY = Path(__file__).resolve().parents[2]
POLICIES = REPOSITORY / "policies"
INVENTED = REPOSITORY / "tests" / "golden" / "policies"

COUNTY = {
    "code": "421303",
    "income_fen": 9_000,
    "expenditure_fen": 10_000,
    "budget_income_fen": 9_000,
    "budget_expenditure_fen": 10_000,
    "fault_fen": 0,
    "stored_balance_fen": 300,
    "appraisal": "excellent",
}
FACTS: dict[str, Any] = {"counties": [COUNTY], "pools": {"city_balance_fen": 200, "risk_reserve_fen": 40}}


class Command:
    """``fundpool compute`` as a person or a script runs it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def text(
        self, facts: object, *arguments: str, name: str = "settlement", city: str = "suizhou", **options: str
    ) -> tuple[int, str, str]:
        file = self._folder / "facts.json"
        file.write_text(facts if isinstance(facts, str) else json.dumps(facts), encoding="utf-8")
        options = {"fund": "employee", "year": "2023", "facts": str(file)} | options
        named = [part for key, value in options.items() for part in (f"--{key}", value)]
        status = main(["compute", name, "--city", city, *named, *arguments])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def json(self, facts: object, *arguments: str, **options: str) -> tuple[int, dict[str, Any]]:
        status, out, _ = self.text(facts, "--json", *arguments, **options)
        return status, json.loads(out)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def borne(answer: dict[str, Any]) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for county in answer["counties"]:
        for share in county["shares"]:
            amounts[share["bearer"]] = amounts.get(share["bearer"], 0) + share["amount_fen"]
    return amounts


def changed(**county: object) -> dict[str, Any]:
    facts = copy.deepcopy(FACTS)
    facts["counties"][0] |= county
    return facts


def without(field: str) -> dict[str, Any]:
    facts = copy.deepcopy(FACTS)
    del facts["counties"][0][field]
    return facts


def test_the_answer_repeats_the_question_the_readings_and_the_rules(command: Command) -> None:
    status, answer = command.json(FACTS, "--reading", "gap.pool_short=share_only")
    assert status == 0
    assert (answer["city"], answer["fund"], answer["year"]) == ("suizhou", "employee", 2023)
    assert answer["readings"]["gap.pool_short"] == "share_only"
    assert answer["readings"]["gap.ration"] == "report"
    shares = answer["counties"][0]["shares"]
    assert {(share["bearer"], share["rule"], share["status"]) for share in shares} == {
        ("county_stored_balance", "SZ-18", "computed"),
        ("city_balance", "SZ-18", "computed"),
        ("risk_reserve", "SZ-19", "proposed"),
        ("county_finance", "SZ-19", "computed"),
        ("city_finance", "SZ-20", "computed"),
        ("county_finance", "SZ-20", "computed"),
    }
    assert answer["pools_after"] == {"city_balance_fen": 0, "risk_reserve_fen": 0, "collected_fund_fen": 0}
    assert answer["totals"]["gap_fen"] == 1000
    assert "SZ-17b" in next(s for s in shares if s["bearer"] == "risk_reserve")["rests_on"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (changed(income_fen=-1), "counties[0].income_fen"),
        (changed(income_fen=9000.0), "counties[0].income_fen"),
        (changed(income_fen="9000"), "counties[0].income_fen"),
        (changed(income_fen=True), "counties[0].income_fen"),
        (changed(income_fen=None), "counties[0].income_fen"),
        (changed(income_fen=10**20), "counties[0].income_fen"),
        (without("expenditure_fen"), "counties[0].expenditure_fen"),
        (changed(incom_fen=1), "counties[0].incom_fen"),
        (changed(appraisal="good"), "counties[0].appraisal"),
        (changed(code="331002"), "counties[0].code"),
        (changed(code=421303), "counties[0].code"),
        ({"counties": [COUNTY, COUNTY], "pools": {}}, "counties[1].code"),
        ({"counties": [], "pools": {}}, "counties"),
        ({"counties": [COUNTY]}, "pools"),
        ({"counties": [COUNTY], "pools": {"city_balance_fen": 1.5}}, "pools.city_balance_fen"),
        ([], "facts"),
    ],
)
def test_facts_that_do_not_hold_name_the_field(command: Command, facts: object, field: str) -> None:
    status, answer = command.json(facts)
    assert status == 2
    assert field in answer["error"]["message"]
    assert set(answer["error"]) == {"code", "message", "basis", "remedy"}


def test_a_list_is_not_called_empty_because_its_first_item_does_not_hold(command: Command) -> None:
    _, answer = command.json(changed(income_fen=-1))
    assert "counties[0].income_fen" in answer["error"]["message"]
    assert "counties 不能为空" not in answer["error"]["message"]


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", '{"income_fen": 1, "income_fen": 2}', '{"a": NaN}', "[" * 100_000]
)
def test_a_file_that_is_no_json_is_one_sentence_and_no_traceback(command: Command, text: str) -> None:
    status, answer = command.json(text)
    assert (status, answer["error"]["code"]) == (2, "facts")


@pytest.mark.parametrize(
    ("options", "arguments", "code"),
    [
        ({"city": "atlantis"}, (), "unknown_city"),
        ({"fund": "pension"}, (), "unknown_fund"),
        ({"name": "astrology"}, (), "unknown_name"),
        ({"year": "20233"}, (), "year"),
        ({}, ("--facts", "/nowhere/facts.json"), "usage"),
        ({}, ("--reading", "gap.pool_short=whatever"), "unknown_reading"),
        ({}, ("--reading", "gap.pool_shorts=switch"), "unknown_reading"),
        ({}, ("--reading", "gap.pool_short"), "unknown_reading"),
        (
            {},
            ("--reading", "gap.pool_short=switch", "--reading", "gap.pool_short=tranche"),
            "unknown_reading",
        ),
        ({}, ("--set", "SZ-19"), "setting"),
        ({}, ("--set", "SZ-99.rate=1%"), "setting"),
        ({}, ("--set", "SZ-18.shares=city_balance:100%"), "setting"),
        ({}, ("--set", "SZ-19.shares.risk_reserve=30%"), "setting"),
        ({}, ("--set", "SZ-19.order.x=30%"), "setting"),
        ({}, ("--set", "SZ-16.rate=much"), "setting"),
        ({}, ("--set", "SZ-16.rate=1e5000000"), "setting"),
        ({}, ("--set", "SZ-19.kind=warning"), "setting"),
        ({}, ("--set", "SZ-19.shares.pocket=20%"), "setting"),
        ({}, ("--under", "atlantis"), "unknown_city"),
        ({}, ("--no-such-option", "1"), "usage"),
    ],
)
def test_wrong_use_is_exit_2_with_its_own_code(
    command: Command, options: dict[str, str], arguments: tuple[str, ...], code: str
) -> None:
    status, answer = command.json(FACTS, *arguments, **options)
    assert (status, answer["error"]["code"]) == (2, code)


def test_a_facts_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (
        "compute warning --city suizhou --fund employee --year 2023 --json --facts /nowhere/facts.json"
    )
    status = main(arguments.split())
    error = json.loads(capsys.readouterr().out)["error"]
    assert (status, error["code"]) == (2, "facts")
    assert "/nowhere/facts.json" in error["message"]


def test_a_year_before_the_law_is_blocked_with_the_article(command: Command) -> None:
    for year in ("2021", "2022"):
        status, answer = command.json(FACTS, year=year)
        assert (status, answer["error"]["code"]) == (3, "not_in_force")
        assert "第二十二条" in answer["error"]["basis"]
        assert answer["year"] == int(year)


def test_jilins_employee_fund_is_not_pooled_before_the_text_says_and_then_only_by_a_goal(
    command: Command,
) -> None:
    facts = changed(code="220281")
    status, answer = command.json(facts, city="jilin", year="2022")
    assert (status, answer["error"]["code"]) == (3, "not_pooled")
    status, answer = command.json(facts, city="jilin", year="2023")
    assert status == 0
    assert any("2022-12-31" in note["en"] for note in answer["notes"])


def test_a_reading_that_the_text_does_not_need_is_listed_as_unused(command: Command) -> None:
    status, answer = command.json(FACTS, "--reading", "gap.over_budget=over_part")
    assert status == 0
    assert answer["readings_not_used"] == ["gap.over_budget"]
    assert "gap.over_budget" not in answer["readings"]


def test_what_if_the_same_facts_were_settled_under_taizhou(command: Command) -> None:
    status, answer = command.json(FACTS, "--under", "taizhou", "--compare")
    assert (status, answer["city"], answer["under"]) == (0, "suizhou", "taizhou")
    assert borne(answer) == {"county_stored_balance": 300, "city_finance": 140, "county_finance": 560}
    assert borne(answer["compare"]["base"])["risk_reserve"] == 40
    differences = {(row["county"], row["figure"]): row for row in answer["compare"]["differences"]}
    assert differences["421303", "risk_reserve"]["difference_fen"] == -40
    assert differences["421303", "city_finance"] == {
        "county": "421303",
        "figure": "city_finance",
        "base": 30,
        "variant": 140,
        "difference_fen": 110,
    }
    assert (None, "pools_after.city_balance_fen") in differences
    assert ("421303", "gap_fen") not in differences


def test_what_if_shares_were_different(command: Command) -> None:
    status, answer = command.json(
        changed(stored_balance_fen=0),
        "--set",
        "SZ-19.shares.risk_reserve=5%",
        "--set",
        "SZ-19.shares.county_finance=95%",
        "--compare",
    )
    assert status == 0
    assert answer["settings"]["SZ-19.shares.risk_reserve"] == {"from": "20%", "to": "5%"}
    assert borne(answer) == {"city_balance": 200, "risk_reserve": 40, "county_finance": 760}
    assert borne(answer["compare"]["base"])["county_finance"] == 160 + 540


def test_what_if_the_missing_ratio_were_given(command: Command) -> None:
    facts = changed(code="220281") | {"pools": {"city_balance_fen": 400}}
    status, answer = command.json(
        facts, "--set", "JL-10.shares=city_finance:50%,county_finance:50%", city="jilin", fund="resident"
    )
    assert status == 0
    assert borne(answer) == {"city_balance": 400, "city_finance": 300, "county_finance": 300}


def test_a_city_without_the_rule_can_be_compared_with_one_that_has_it(command: Command) -> None:
    facts = {"counties": [{"code": "421303", "monthly_payments_fen": [100] * 12}]}
    status, answer = command.json(facts, "--under", "jiujiang", "--compare", name="working-capital")
    assert status == 0
    assert answer["counties"] == [{"code": "421303", "quota_fen": 150}]
    assert answer["compare"]["base"]["error"]["code"] == "not_provided"
    assert {
        "county": "421303",
        "figure": "quota_fen",
        "base": None,
        "variant": 150,
        "difference_fen": None,
    } in (answer["compare"]["differences"])


def test_a_year_with_too_few_months_names_the_county(command: Command) -> None:
    facts = {"counties": [{"code": "360403", "monthly_payments_fen": [100] * 11}]}
    status, answer = command.json(facts, name="working-capital", city="jiujiang")
    assert status == 2
    assert "counties[0].monthly_payments_fen" in answer["error"]["message"]


def test_a_person_reads_a_table_with_amounts_in_yuan_and_rules(command: Command) -> None:
    status, out, _ = command.text(FACTS)
    assert status == 0
    for text in ("曾都区", "SZ-19", "待批准", "gap.pool_short = tranche", "3.00"):
        assert text in out
    facts = {"income_fen": 0, "expenditure_fen": 5, "balance_fen": 5, "benefits_fen": 12}
    status, out, _ = command.text(facts, name="warning")
    assert status == 0
    assert "surplus_ratio" in out
    status, out, err = command.text(FACTS, city="heilongjiang", fund="resident", year="2024")
    assert (status, out) == (3, "")
    assert "not_provided" in err


def test_a_person_reads_the_comparison_too(command: Command) -> None:
    status, out, _ = command.text(FACTS, "--under", "taizhou", "--compare")
    assert status == 0
    assert "与本市规则比较" in out


def test_facts_may_come_from_standard_input() -> None:
    arguments = [
        "compute",
        "settlement",
        "--city",
        "suizhou",
        "--fund",
        "employee",
        "--year",
        "2023",
        "--facts",
        "-",
        "--json",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "fundpool", *arguments],
        input=json.dumps(FACTS),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["counties"][0]["gap_fen"] == 1000


def test_compute_waits_for_no_heavy_library(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(FACTS))
    script = (
        "import sys; from fundpool.console.cli import main; "
        f"main(['compute', 'settlement', '--city', 'suizhou', '--fund', 'employee', '--year', '2023', '--facts', {str(facts)!r}]); "
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    for heavy in (
        "pandas",
        "prefect",
        "great_expectations",
        "sqlalchemy",
        "numpy",
        "fastapi",
        "openpyxl",
        "httpx",
        "pydantic_settings",
        "duckdb",
    ):
        assert f"'{heavy}'" not in run.stderr


@pytest.fixture
def with_linjiang(tmp_path: Path) -> Path:
    """A policy folder that holds one city and nothing else."""
    folder = tmp_path / "policies"
    (folder / "cities").mkdir(parents=True)
    shutil.copy(INVENTED / "cities" / "linjiang.yaml", folder / "cities")
    return folder


def linjiang(command: Command, folder: Path, facts: object, name: str, **options: str) -> dict[str, Any]:
    options = {"city": "linjiang", "year": "2024", "name": name} | options
    status, answer = command.json(facts, "--policy-dir", str(folder), **options)
    assert status == 0, answer
    return answer


def test_a_new_city_is_one_file_and_no_code(command: Command, with_linjiang: Path) -> None:
    jia = COUNTY | {
        "code": "999901",
        "income_fen": 950,
        "budget_income_fen": 950,
        "budget_expenditure_fen": 1000,
        "expenditure_fen": 1200,
        "stored_balance_fen": 0,
    }
    facts = {"counties": [jia], "pools": {"city_balance_fen": 100, "risk_reserve_fen": 20}}
    answer = linjiang(command, with_linjiang, facts, "settlement")
    # Gap 250: 50 within, 100 in the band at 80/20, 100 above it. The city's 100 pays 50 + 50 of 80;
    # the 30 it lacks go to half the reserve (10), then 20/30/50.
    assert borne(answer) == {
        "city_balance": 100,
        "county_finance": 20 + 100 + 10,
        "risk_reserve": 10,
        "province_finance": 4,
        "city_finance": 6,
    }


def test_rationing_that_the_text_gives_needs_no_reading(command: Command, with_linjiang: Path) -> None:
    jia = COUNTY | {"code": "999901", "stored_balance_fen": 0}
    facts = {"counties": [jia, jia | {"code": "999902"}], "pools": {"city_balance_fen": 500}}
    answer = linjiang(command, with_linjiang, facts, "settlement")
    assert "gap.ration" not in answer["readings"]
    assert answer["shortfalls"][0]["rationed"] is True
    assert answer["pools_after"]["city_balance_fen"] == 0


def test_the_new_citys_other_rules_follow_its_own_words(command: Command, with_linjiang: Path) -> None:
    at_the_line = {"prior_income_fen": 1000, "balance_fen": 150}
    assert linjiang(command, with_linjiang, at_the_line, "risk-reserve")["levy_fen"] == 50
    assert linjiang(command, with_linjiang, at_the_line, "risk-reserve", fund="resident")["levy_fen"] == 30
    above = {"prior_income_fen": 1000, "balance_fen": 151}
    assert linjiang(command, with_linjiang, above, "risk-reserve")["levy_fen"] == 0
    months = {"income_fen": 1, "expenditure_fen": 1, "balance_fen": 5, "benefits_fen": 12}
    assert linjiang(command, with_linjiang, months, "warning")["alarms"] == ["yellow", "red"]
    assert linjiang(command, with_linjiang, {"income_fen": 1000}, "adjustment-fund")["levy_fen"] == 20


def test_an_amended_rule_changes_the_figure_from_its_year(command: Command, with_linjiang: Path) -> None:
    facts = {"counties": [{"code": "999901", "monthly_payments_fen": [100] * 12}]}
    quotas = [
        linjiang(command, with_linjiang, facts, "working-capital", year=year)["counties"][0]["quota_fen"]
        for year in ("2024", "2025")
    ]
    assert quotas == [200, 300]


@pytest.mark.parametrize("city", ["suizhou", "taizhou", "jiujiang", "jilin", "heilongjiang"])
def test_the_compute_blocks_of_every_city_hang_together(city: str) -> None:
    check_computes(load_city(POLICIES, city))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("short_pool: share_only", "short_pool: {interpretation: gap.pool_shrot}"),
        ("{kind: adjustment-fund,", "{kind: adjustment-fund, rests_on: [LJ-99],"),
        (
            "{kind: risk-reserve.levy, funds: [resident]",
            "{kind: risk-reserve.levy, read_as: [no.such], funds: [resident]",
        ),
    ],
)
def test_blocks_that_do_not_hang_together_are_refused(with_linjiang: Path, old: str, new: str) -> None:
    file = with_linjiang / "cities" / "linjiang.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError):
        check_computes(load_city(with_linjiang, "linjiang"))
