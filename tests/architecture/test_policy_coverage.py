"""The policy files as a whole: every rule accounted for, one answer on every day, shapes current."""

import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml

from fundpool.adapters.policies.policy_files import (
    PRODUCT_POLICIES,
    load_city,
    load_coverage,
    load_policies,
    load_work_calendar,
    policy_files,
)
from fundpool.domain.duties import duties_of
from fundpool.domain.periods import Month, Year
from fundpool.domain.policy import RuleKind
from fundpool.services.law.policy_checks import days_without_one_answer, duties_set_twice
from schemas.policy import json_schema

LIBRARY = load_policies(PRODUCT_POLICIES)
CALENDAR = load_work_calendar(PRODUCT_POLICIES)
CITIES = [city.key for city in LIBRARY.cities]
GOLDEN = Path(__file__).parents[1] / "golden" / "policies"
POLICY_FILES = [*policy_files(PRODUCT_POLICIES), *policy_files(GOLDEN)]
HORIZON = date(2028, 12, 31)
"""Beyond 18 months after the newest holiday notice on file."""


def test_all_126_rules_of_the_five_documents_are_listed() -> None:
    listed = load_coverage(PRODUCT_POLICIES)
    assert {city: len(rules) for city, rules in listed.items()} == {
        "suizhou": 26,
        "heilongjiang": 9,
        "taizhou": 43,
        "jilin": 13,
        "jiujiang": 35,
    }


@pytest.mark.parametrize("key", CITIES)
def test_every_listed_rule_is_treated_as_listed(key: str) -> None:
    city = LIBRARY.city(key)
    assert {rule.id: rule.kind.value for rule in city.rules} == load_coverage(PRODUCT_POLICIES)[key]


@pytest.mark.parametrize("key", CITIES)
def test_what_is_out_of_scope_says_why(key: str) -> None:
    for rule in LIBRARY.city(key).rules:
        if rule.kind is RuleKind.OUT_OF_SCOPE:
            assert len(rule.out_of_scope or "") > 8, rule.id


@pytest.mark.parametrize("key", CITIES)
def test_rules_stand_in_the_order_of_the_document(key: str) -> None:
    starts = [rule.at.start if rule.at else 0 for rule in LIBRARY.city(key).rules]
    assert starts == sorted(starts)


@pytest.mark.parametrize("key", CITIES)
def test_every_rule_has_exactly_one_answer_on_every_day(key: str) -> None:
    assert days_without_one_answer(LIBRARY.city(key), HORIZON) == []


@pytest.mark.parametrize("key", CITIES)
def test_no_month_has_a_duty_that_two_rules_set(key: str) -> None:
    assert duties_set_twice(LIBRARY.city(key), CALENDAR, Month(2020, 1), last=Month.of(HORIZON)) == []


@pytest.mark.parametrize("key", ["suizhou", "taizhou"])
def test_a_month_in_force_always_has_the_same_duties(key: str) -> None:
    city = LIBRARY.city(key)
    month, duties = Month(2023, 3), set()
    while month <= Month.of(HORIZON):
        duties.add(tuple(duty.key for duty in duties_of(city, month, CALENDAR)))
        month = month.plus(1)
    assert len(duties) == 1


@pytest.mark.parametrize("key", CITIES)
def test_every_dated_duty_is_listed_in_some_period(key: str) -> None:
    """No duty of a document in force is lost between the monthly and the yearly lists."""
    city = LIBRARY.city(key)
    seen = {
        (duty.rule, duty.key)
        for year in range(2020, 2029)
        for duty in (
            *duties_of(city, Year(year), CALENDAR),
            *(duty for month in range(1, 13) for duty in duties_of(city, Month(year, month), CALENDAR)),
        )
    }
    written = {(rule.id, duty.key) for rule in city.rules for duty in rule.duties}
    assert seen == (written if city.status.value == "in_force" else set())


@pytest.mark.parametrize("key", CITIES)
def test_no_recurring_duty_is_dated_before_its_rule_holds(key: str) -> None:
    city = LIBRARY.city(key)
    once = {rule.id for rule in city.rules for duty in rule.duties if duty.every.value == "once"}
    for year in range(2019, 2028):
        duties = [
            *duties_of(city, Year(year), CALENDAR),
            *(duty for month in range(1, 13) for duty in duties_of(city, Month(year, month), CALENDAR)),
        ]
        for duty in duties:
            begins = city.rule(duty.rule).valid_from
            if duty.rule not in once and duty.due is not None and begins is not None:
                assert duty.due >= begins, duty


def test_persons_of_the_annexes_stay_out() -> None:
    """Annex 1 of Jiujiang names people; a policy file names offices."""
    text = (PRODUCT_POLICIES / "cities" / "jiujiang.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(副?组长|局长|县长|市长|区长|主任)[:：]", text)


def test_the_json_schema_for_editors_is_current() -> None:
    committed = Path("schemas/policy.schema.json")
    file = Path(__file__).parents[2] / committed
    assert file.read_text(encoding="utf-8") == json_schema(), f"python -m schemas.policy > {committed}"


@pytest.mark.parametrize("file", POLICY_FILES, ids=lambda file: file.stem)
def test_the_json_schema_accepts_every_policy_file(file: Path) -> None:
    """What the loader accepts must not be underlined in an editor."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    as_json = json.loads(json.dumps(content, default=str))
    jsonschema.Draft202012Validator(json.loads(json_schema())).validate(as_json)


def test_the_readme_example_is_the_tested_file() -> None:
    readme = (PRODUCT_POLICIES / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    golden = GOLDEN / "cities" / "yunzhou.yaml"
    assert example == golden.read_text(encoding="utf-8")


def test_every_deadline_word_of_the_readme_is_in_the_vocabulary(tmp_path: Path) -> None:
    """Each ``due`` of the README's table is loaded as a file, so that the table cannot lie."""
    readme = (PRODUCT_POLICIES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!原文)([^|]+)\| `(\w+)`[^|]*\| ([^|]+)\|", readme, flags=re.MULTILINE)
    duties = [
        (every, due)
        for _text, every, cell in rows
        for due in re.findall(r"`(\{.*?\}+)`", cell)
        if "…" not in due and "前一步" not in due
    ]
    assert len(duties) >= 10
    golden = GOLDEN / "cities" / "lanhe.yaml"
    content = yaml.safe_load(golden.read_text(encoding="utf-8"))
    content["rules"] = [
        {
            "id": f"LH-{number:02}",
            "section": "第一条",
            "quote": "词汇表中的写法",
            "actor": "市",
            "valid_from": date(2024, 1, 1),
            "duties": [
                {
                    "duty": f"duty_{number}",
                    "action": "词汇",
                    "actor": "city",
                    "every": every,
                    "due": yaml.safe_load(due),
                    **({"fund_year": 2026} if every == "once" else {}),
                }
            ],
        }
        for number, (every, due) in enumerate(duties, start=1)
    ]
    (tmp_path / "cities").mkdir()
    (tmp_path / "cities" / "lanhe.yaml").write_text(json.dumps(content, default=str), encoding="utf-8")
    assert len(load_city(tmp_path, "lanhe").rules) == len(duties)
