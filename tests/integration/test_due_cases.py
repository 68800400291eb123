"""The due-date cases that a finance officer can read (tests/golden/due_cases)."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_city, load_work_calendar
from fundpool.domain.duties import Duty, duties_of
from fundpool.domain.periods import Month, Year

CASES = Path(__file__).parents[1] / "golden" / "due_cases"
REPOSITORY = Path(__file__).parents[2]


def cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for case in content["cases"]:
            folder = REPOSITORY / content["policies"] if "policies" in content else PRODUCT_POLICIES
            yield pytest.param(content["city"], folder, case, id=f"{file.stem}: {case['name']}")


def seen(duty: Duty) -> dict[str, Any]:
    return {"due": duty.due, "act_by": duty.act_by, "status": duty.status.value}


def expected(entry: Any) -> dict[str, Any]:
    """A case's short form written out: a date, none, or due with what differs."""
    if entry == "none":
        return {"due": None, "act_by": None, "status": "unknown"}
    if isinstance(entry, date):
        return {"due": entry, "act_by": entry, "status": "confirmed"}
    act_by = entry.get("act_by", entry["due"])
    return {
        "due": entry["due"],
        "act_by": None if act_by == "none" else act_by,
        "status": entry.get("status", "confirmed"),
    }


@pytest.mark.parametrize(("city", "folder", "case"), list(cases()))
def test_the_due_dates_of_the_case_are_computed(city: str, folder: Path, case: dict[str, Any]) -> None:
    policy = load_city(folder, city)
    calendar = load_work_calendar(folder, case.get("published_by"))
    options = {"received": case.get("received"), "readings": case.get("readings")}
    if "month" in case:
        duties = duties_of(policy, Month.parse(case["month"]), calendar, **options)
    else:
        duties = duties_of(policy, Year(case["year"]), calendar, **options)

    found = {rule: [seen(duty) for duty in duties if duty.rule == rule] for rule in case["expect"]}
    wanted = {
        rule: [expected(entry) for entry in (entries if isinstance(entries, list) else [entries])]
        for rule, entries in case["expect"].items()
    }
    assert found == wanted
    if case.get("only"):
        assert {duty.rule for duty in duties} == set(case["expect"])
