"""``fundpool policy check`` and the JSON Schema give one verdict on a file, whichever program reads its YAML.

The other reader is ruamel.yaml, which reads YAML 1.2; its values go through ``jsonschema`` as an editor's would.
"""

import copy
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.constructor import SafeConstructor

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_city, policy_files
from fundpool.adapters.policies.yaml_documents import PolicyFileError, read_document, shape_document
from fundpool.console.cli import main
from fundpool.domain.policy import DayOfMonth
from schemas.policy import PolicyFile, json_schema

GOLDEN = Path(__file__).parents[1] / "golden" / "policies"
YUNZHOU = (GOLDEN / "cities" / "yunzhou.yaml").read_text(encoding="utf-8")
SCHEMA = jsonschema.Draft202012Validator(json.loads(json_schema()))

PLAN_DAY = "every: month, due: {day: 18, month_offset: -1}"
"""What the plan's duty says in yunzhou.yaml: most cases write something else here."""


PLAN_DUTIES = YUNZHOU[YUNZHOU.index("    duties:") : YUNZHOU.index("\n  - id: YZ-03")]


class _TextDates(SafeConstructor):
    """JSON has no dates: what other readers make of one is its text."""


_TextDates.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def jsonschema_accepts(text: str) -> bool:
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _TextDates
    try:
        content = json.loads(json.dumps(reader.load(text)))
    except (YAMLError, ValueError, TypeError):
        return False
    return bool(SCHEMA.is_valid(content))


def check_accepts(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[bool, list[Any]]:
    (folder / "cities").mkdir(exist_ok=True)
    file = folder / "cities" / "yunzhou.yaml"
    file.write_text(text, encoding="utf-8")
    status = main(["policy", "check", str(folder), "--json"])
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert status == (1 if problems else 0)
    return not problems, problems


def duty(says: str) -> tuple[str, str]:
    return PLAN_DAY, says


def month_due(due: str) -> tuple[str, str]:
    return duty(f"every: month, due: {due}")


ACCEPTED = {
    "leading zeros are decimal": month_due("{day: 010, month_offset: -1}"),
    "octal of YAML 1.2": month_due("{day: 0o12, month_offset: -1}"),
    "hexadecimal": month_due("{day: 0x0A, month_offset: -1}"),
    "a whole number with a point": month_due("{day: 10.0, month_offset: -1}"),
    "null words": month_due("{day: 18, month_offset: -1, month: null, short_month: ~}"),
    "quoted words": month_due('{"day": 18, "month_offset": -1}'),
    "quoted quarters": duty('every: quarter, due: {by_quarter: {"1": {month: 2, day: 1}}}'),
    "quarters": duty("every: quarter, due: {by_quarter: {1: {month: 2, day: 1}, 2: {undated: 及时}}}"),
    "a leap day": ("valid_until: 2026-06-30", "valid_until: 2028-02-29"),
    "a date in quotes": ("issued: 2025-05-20", 'issued: "2025-05-20"'),
    "a schema": ("city: {key", "$schema: ../policy.schema.json\ncity: {key"),
    "a directive": ("city: {key", "%YAML 1.2\n---\ncity: {key"),
    "yes as a text": ("actor: 各部门", "actor: yes"),
    "sexagesimal as a text": ("section: 第十条", "section: 12:30"),
}

REFUSED = {
    "a boolean for a day": month_due("{day: true, month_offset: -1}"),
    "a quoted day": month_due('{day: "18", month_offset: -1}'),
    "an empty day": month_due("{day: , month_offset: -1}"),
    "half a day": month_due("{day: 18.5, month_offset: -1}"),
    "a sexagesimal day": month_due("{day: 0:18, month_offset: -1}"),
    "infinity": month_due("{day: .inf, month_offset: -1}"),
    "no number": month_due("{day: .nan, month_offset: -1}"),
    "yes": month_due("{last_day: yes, month_offset: -1}"),
    "on": month_due("{last_day: on}"),
    "one for true": month_due("{last_day: 1}"),
    "false": month_due("{last_day: false}"),
    "day 0": month_due("{day: 0, month_offset: -1}"),
    "day 32": month_due("{day: 32, month_offset: -1}"),
    "two days in one due": month_due("{day: 18, last_day: true}"),
    "two kinds of working day": month_due("{nth_working_day: 2, nth_last_working_day: 2}"),
    "a due of nothing": month_due("{}"),
    "a due of a month only": month_due("{month_offset: -1}"),
    "a due of null": month_due("null"),
    "a due of text": month_due("18"),
    "a due of a list": month_due("[{day: 18}]"),
    "an unknown word": month_due("{day: 18, weekday: 3}"),
    "a word of another kind": month_due("{last_day: true, working_days_before: 3}"),
    "a month of the year in a month": month_due("{day: 18, month: 3}"),
    "a clamp beside working days": month_due("{day: 30, short_month: last_day, working_days_before: 2}"),
    "a day twice": month_due("{day: 18, day: 19}"),
    "after without days": month_due("{after_duty: apply_for_funds}"),
    "after with both": month_due("{after_duty: apply_for_funds, days: 1, working_days: 1}"),
    "after two things": month_due("{after_duty: apply_for_funds, after_event: 到账, days: 1}"),
    "counts_from of an event": month_due("{after_event: 到账, days: 1, counts_from: receipt}"),
    "a date every month": month_due("{date: 2026-01-31}"),
    "quarters every month": month_due("{by_quarter: {1: {month: 2, day: 1}}}"),
    "a yearly day without month": duty("every: year, due: {day: 18}"),
    "a yearly day with month_offset": duty("every: year, due: {month: 1, day: 18, month_offset: 1}"),
    "a quarterly day without month": duty("every: quarter, due: {day: 18}"),
    "a day of an event": duty("every: event, due: {day: 18}"),
    "a fifth quarter": duty("every: quarter, due: {by_quarter: {5: {month: 2, day: 1}}}"),
    "no quarter": duty("every: quarter, due: {by_quarter: {}}"),
    "a quarter in a quarter": duty(
        "every: quarter, due: {by_quarter: {1: {by_quarter: {1: {month: 2, day: 1}}}}}"
    ),
    "a quarter without month": duty("every: quarter, due: {by_quarter: {1: {day: 1}}}"),
    "once without fund_year": duty("every: once, due: {date: 2026-01-31}"),
    "once with quoted fund_year": duty('every: once, fund_year: "2026", due: {date: 2026-01-31}'),
    "once on no day": duty("every: once, fund_year: 2026, due: {date: 2026-02-30}"),
    "once on a moment": duty("every: once, fund_year: 2026, due: {date: 2026-01-31T08:00:00}"),
    "once on a number": duty("every: once, fund_year: 2026, due: {date: 20260131}"),
    "once on a week": duty("every: once, fund_year: 2026, due: {date: 2026-W05-1}"),
    "fund_year of a monthly duty": duty("every: month, fund_year: 2026, due: {day: 18}"),
    "a shifted working day": duty("every: month, shift: following, due: {nth_working_day: 3}"),
    "a shifted quarter": duty(
        "every: quarter, shift: following, due: {by_quarter: {1: {month: 2, nth_working_day: 1}}}"
    ),
    "a period of month 13": duty("first_period: 2026-13, every: month, due: {day: 18}"),
    "a period without quotes": duty("first_period: 2026, every: year, due: {month: 1, day: 18}"),
    "an unknown frequency": duty("every: week, due: {undated: 每周五}"),
    "an unseen character in a name": ("name_zh: 东湖区", "name_zh: 东\u200b湖区"),
    "an unseen character in a key": ("duty: joint_review", "duty: joint_\u2060review"),
    "an unseen character in an amount": ("{city_finance: 40%,", "{city_finance: 40%\u00ad,"),
    "a text of fillers": ("section: 第十条", "section: \u3164"),
    "a blank phrase": duty('every: month, due: {undated: " "}'),
    "no duties": (PLAN_DUTIES, "    duties: []\n"),
    "duties of null": (PLAN_DUTIES, "    duties:\n"),
    "computes and out of scope": (
        "    out_of_scope: 宣",
        "    structure: {kind: fact, text: 甲}\n    out_of_scope: 宣",
    ),
    "neither": ("    out_of_scope: 宣传要求，不涉及基金收支", ""),
    "a blank reason": ("out_of_scope: 宣传要求，不涉及基金收支", 'out_of_scope: ""'),
    "a day in no calendar": ("valid_until: 2026-06-30", "valid_until: 2026-06-31"),
    "no leap day": ("valid_until: 2026-06-30", "valid_until: 2026-02-29"),
    "a date with slashes": ("issued: 2025-05-20", "issued: 2025/05/20"),
    "a date without zeros": ("issued: 2025-05-20", "issued: 2025-5-20"),
    "a key with a capital": ("key: yunzhou", "key: Yunzhou"),
    "a key of underscores": ("key: rules", "key: __"),
    "a fund code as a number": ('code: "310"', "code: 310"),
    "a fund code of two digits": ('code: "310"', 'code: "31"'),
    "a unit code of seven digits": ('code: "990121"', 'code: "9901211"'),
    "a unit code that ends in a hyphen": ("code: 990100-GX", "code: 990100-"),
    "a unit code with a Chinese suffix": ("code: 990100-GX", "code: 990100-高新"),
    "a rule id in lower case": ("- id: YZ-10", "- id: yz-10"),
    "a basis that is no id": ("closes: pay_from_fiscal_account, basis: YZ-05", "closes: null, basis: 第六条"),
    "a yes for null": ("is_fund_unit: null", "is_fund_unit: no"),
    "a number for a text": ("section: 第十条", "section: 10"),
    "a misspelt key": ("    quote: 利息", "    qoute: 利息"),
    "a rule's key twice": ("    section: 第十条", "    section: 第十条\n    section: 第十一条"),
    "a tag": ("section: 第十条", "section: !!set {a}"),
    "a tab": ("  - id: YZ-10", "\t- id: YZ-10"),
    "two documents": ("rules:\n", "---\nrules:\n"),
    "a share that is no ratio": ("{city_finance: 40%,", "{city_finance: 4.0.0%,"),
    "a share as a decimal": ("shares: {city_balance: 100%}", "shares: {city_balance: 0.5}"),
    "a share of nobody": ("shares: {city_balance: 100%}", "shares: {mayor: 100%}"),
    "no shares": ("shares: {city_balance: 100%}", "shares: {}"),
    "a share below nil": ("shares: {city_balance: 100%}", "shares: {city_balance: -100%}"),
    "a band without part": ("order: 1, shares", "order: 1, band: {above: 5%}, shares"),
    "a pool that may be short": ("{city_finance: 40%,", "{city_balance: 40%,"),
    "an unknown block": (
        "value: pro_rata}",
        "value: pro_rata}\n      - {kind: settlement.rations, value: pro_rata}",
    ),
    "two warning lines": (
        "value: pro_rata}",
        "value: pro_rata}\n      - {kind: warning, measure: payable_months, below: 6, at_most: 6}",
    ),
    "a limit of no pool": (
        "value: pro_rata}",
        "value: pro_rata}\n      - {kind: settlement.pool_limit, pool: city_finance, at_most: 50%}",
    ),
    "an undefined share without reason": ("shares: {city_balance: 100%}", 'shares: {undefined: ""}'),
}

ONLY_READ_OTHERWISE = {
    "underscores": month_due("{day: 1_8, month_offset: -1}"),
    "binary": month_due("{day: 0b10010, month_offset: -1}"),
    "a quarter twice": duty('every: quarter, due: {by_quarter: {1: {undated: 甲}, "1": {undated: 乙}}}'),
    "a merge": ("  - id: YZ-10", "  - <<: {section: 第十二条}\n    id: YZ-10"),
    "an alias in itself": ("rules:\n", "absent: &a [*a]\nrules:\n"),
    "YAML 1.1": ("city: {key", "%YAML 1.1\n---\ncity: {key"),
}
"""Refused because programs read different values from them, all of which a JSON Schema may find right."""


@pytest.mark.parametrize(("before", "after"), ACCEPTED.values(), ids=ACCEPTED)
def test_both_accept(tmp_path: Path, before: str, after: str) -> None:
    text = spoilt(before, after)
    # What the rest of the file says of other days is beside the point here.
    assert shape_accepts(tmp_path, text)
    assert jsonschema_accepts(text)


@pytest.mark.parametrize(("before", "after"), REFUSED.values(), ids=REFUSED)
def test_both_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str) -> None:
    text = spoilt(before, after)
    accepted, problems = check_accepts(tmp_path, text, capsys)
    assert not accepted
    assert not jsonschema_accepts(text)
    line = YUNZHOU.count("\n", 0, YUNZHOU.index(before)) + 1
    assert any(abs(problem["line"] - line) <= 6 for problem in problems), problems


@pytest.mark.parametrize(("before", "after"), ONLY_READ_OTHERWISE.values(), ids=ONLY_READ_OTHERWISE)
def test_check_refuses_what_programs_read_differently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str
) -> None:
    accepted, _problems = check_accepts(tmp_path, spoilt(before, after), capsys)
    assert not accepted


def test_both_accept_the_file_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_accepts(tmp_path, YUNZHOU, capsys) == (True, [])
    assert jsonschema_accepts(YUNZHOU)


def test_a_day_with_a_leading_zero_is_the_tenth_for_every_reader(tmp_path: Path) -> None:
    """YAML 1.1 read an octal eight, which moved a deadline by two days in silence."""
    (tmp_path / "cities").mkdir()
    text = spoilt(*month_due("{day: 010, month_offset: -1}"))
    (tmp_path / "cities" / "yunzhou.yaml").write_text(text, encoding="utf-8")
    due = load_city(tmp_path, "yunzhou").rule("YZ-02").duties[0].due
    assert isinstance(due, DayOfMonth)
    assert due.day == 10


def spoilt(before: str, after: str) -> str:
    assert YUNZHOU.count(before) >= 1, before
    return YUNZHOU.replace(before, after, 1)


def shape_accepts(folder: Path, text: str) -> bool:
    """Whether the file has the shape of a policy file, leaving aside what only the checker can know."""
    file = folder / "file.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        shape_document(read_document(file), PolicyFile)
    except PolicyFileError as error:
        return all(any(word in problem.message for word in ONLY_CHECKED) for problem in error.problems)
    return True


ONLY_CHECKED = (
    "add up",
    "repeat a name",
    "lies before",
    "the rule lacks",
    "no share",
    "lower line",
    "pool limit",
)
"""Sums, orders of dates and names that another entry must have are beyond a JSON Schema."""

WRONG: tuple[Any, ...] = (
    None,
    True,
    1,
    0,
    -1,
    8.5,
    "",
    " ",
    "8",
    "yes",
    "2026-02-30",
    "一",
    [],
    ["一"],
    {},
    {"day": 8},
)


@pytest.mark.slow
def test_wherever_a_value_is_replaced_both_say_the_same(tmp_path: Path) -> None:
    """Every place of every shape that the shipped and the invented files have, with a value of another kind."""
    tried = 0
    for content, path in places():
        for wrong in WRONG:
            spoiled = replaced(content, path, wrong)
            tried += 1
            assert shape_accepts(tmp_path, json.dumps(spoiled)) == SCHEMA.is_valid(spoiled), (path, wrong)
    assert tried > 1500


def places() -> Iterator[tuple[Any, tuple[str | int, ...]]]:
    """The first place of each shape (its keys, and the ``kind`` of its block), in a file of one rule."""
    seen: set[tuple[object, ...]] = set()
    for file in (*policy_files(PRODUCT_POLICIES), *policy_files(GOLDEN)):
        content = read_document(file).content
        for rule in content["rules"]:
            small = {**content, "units": content["units"][:2], "conflicts": [], "absent": [], "rules": [rule]}
            for path, shape in paths(small):
                if shape not in seen:
                    seen.add(shape)
                    yield small, path


def paths(
    value: Any, path: tuple[str | int, ...] = (), shape: tuple[object, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], tuple[object, ...]]]:
    if path:
        yield path, shape
    if isinstance(value, dict):
        marks = tuple(str(value[key]) for key in ("kind", "every") if isinstance(value.get(key), str))
        for key, entry in value.items():
            yield from paths(entry, (*path, key), (*shape, *marks, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from paths(entry, (*path, index), (*shape, "[]"))


def replaced(content: Any, path: tuple[str | int, ...], wrong: Any) -> Any:
    spoiled = copy.deepcopy(content)
    parent = spoiled
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = wrong
    return spoiled


def test_real_dates_of_the_schema_are_those_of_the_calendar() -> None:
    (pattern,) = {
        found["pattern"]
        for found in json.loads(json_schema())["$defs"]["Instrument"]["properties"]["effective"]["anyOf"]
        if found.get("format") == "date"
    }
    days = jsonschema.Draft202012Validator({"type": "string", "pattern": pattern})
    for year in (1, 1900, 1999, 2000, 2023, 2024, 2100, 9999):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                assert days.is_valid(text) == is_a_day(text), text


def is_a_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
