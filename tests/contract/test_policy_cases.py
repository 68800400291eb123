"""Every case of tests/golden/policy_cases, run through the command line as a person would."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from fundpool.console.cli import main

CASES = Path(__file__).resolve().parents[1] / "golden" / "policy_cases"
FEN = {"分": 1, "元": 100, "万元": 1_000_000}
PLAIN = {"code", "appraisal", "first", "insured"}
"""Facts that are no amounts of money."""
BEARERS = {
    "county_stored_balance",
    "city_balance",
    "risk_reserve",
    "collected_fund",
    "city_finance",
    "county_finance",
}


def _cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for case in document["cases"]:
            yield pytest.param({"city": document["city"], **case}, id=f"{document['city']}-{case['name']}")


def _in_fen(value: object, unit: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_in_fen(item, unit) for item in value]
    fen = Decimal(str(value)) * unit
    assert fen == int(fen), f"{value} is no whole number of fen"
    return int(fen)


def _facts(value: Any, unit: int) -> Any:
    """The case's facts as the program takes them: ``_fen`` keys, a county's defaults filled in."""
    if isinstance(value, list):
        return [_facts(item, unit) for item in value]
    facts = {}
    for key, item in value.items():
        if key in {"counties", "pools"}:
            facts[key] = _facts(item, unit)
        elif key in PLAIN:
            facts[key] = item
        else:
            facts[f"{key}_fen"] = _in_fen(item, unit)
    return facts


def _complete(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    for county in facts.get("counties", []):
        if name == "settlement":
            county.setdefault("budget_income_fen", county["income_fen"])
            county.setdefault("budget_expenditure_fen", county["expenditure_fen"])
            county.setdefault("fault_fen", 0)
            county.setdefault("stored_balance_fen", 0)
            county.setdefault("appraisal", "excellent")
        elif name == "collected-fund":
            for key in ("prior_expenditure_fen", "deficit_fen", "insured"):
                county.setdefault(key, 0)
    return facts


def _check_settled_county(county: dict[str, Any], expected: dict[str, Any], unit: int) -> None:
    borne = dict.fromkeys(BEARERS, 0)
    for share in county["shares"]:
        borne[share["bearer"]] += share["amount_fen"]
    assert borne == {bearer: _in_fen(expected.get(bearer, 0), unit) for bearer in BEARERS}
    assert county["unallocated_fen"] == _in_fen(expected.get("unallocated", 0), unit)
    assert county["unallocated_reason"] == expected.get("reason")
    proposed = {share["bearer"] for share in county["shares"] if share["status"] == "proposed"}
    assert proposed == set(expected.get("proposed", []))
    assert sum(s["amount_fen"] for s in county["beyond_gap"]) == _in_fen(expected.get("beyond_gap", 0), unit)
    assert county["gap_fen"] == sum(borne.values()) + county["unallocated_fen"]
    if "result" in expected:
        assert county["result"] == expected["result"]
    for key in ("gap", "surplus", "collected", "returned", "recovered", "stored_balance_after"):
        if key in expected:
            assert county[f"{key}_fen"] == _in_fen(expected[key], unit), key


def _check(answer: dict[str, Any], case: dict[str, Any], unit: int) -> None:
    counties = {county["code"]: county for county in answer.get("counties", [])}
    for key, expected in case["expect"].items():
        if key in counties and case["compute"] == "settlement":
            _check_settled_county(counties[key], expected, unit)
        elif key in counties:
            for name, amount in expected.items():
                assert counties[key][f"{name}_fen"] == _in_fen(amount, unit), (key, name)
        elif key == "pools_after":
            assert answer[key] == {f"{pool}_fen": _in_fen(fen, unit) for pool, fen in expected.items()}
        elif key == "pool_short":
            short = {short["pool"]: short["short_fen"] for short in answer["shortfalls"]}
            assert short == {pool: _in_fen(amount, unit) for pool, amount in expected.items()}
        elif key in answer:
            assert answer[key] == expected
        else:
            assert answer[f"{key}_fen"] == _in_fen(expected, unit), key


@pytest.mark.parametrize("case", list(_cases()))
def test_the_case_comes_out_as_the_text_says(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = FEN[case.get("unit", "万元")]
    file = tmp_path / "facts.json"
    facts = _complete(case["compute"], _facts(case["facts"], unit))
    file.write_text(json.dumps(facts), encoding="utf-8")
    fund, year = case.get("fund", "employee"), case.get("year", 2023)
    arguments = ["compute", case["compute"], "--city", case["city"], "--fund", fund, "--year", str(year)]
    for key, value in case.get("readings", {}).items():
        arguments += ["--reading", f"{key}={value}"]
    status = main([*arguments, "--facts", str(file), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["city"], answer["fund"], answer["year"]) == (case["city"], fund, year)
    for rule in case.get("basis", "").split("、"):
        assert rule in json.dumps(answer), f"{rule} stands nowhere in the answer"
    if "blocked" in case:
        assert (status, answer["error"]["code"]) == (3, case["blocked"])
        assert answer["error"]["basis"]
        return
    assert status == 0
    for key, value in case.get("readings", {}).items():
        assert answer["readings"][key] == value
    _check(answer, case, unit)
