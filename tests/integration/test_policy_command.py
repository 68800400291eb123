"""``fundpool policy``: list, show, explain, diff, coverage, and check with its file and line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.policies.policy_checks import PAID_DUTIES
from fundpool.adapters.policies.policy_files import (
    PRODUCT_POLICIES,
    load_examples,
    load_policies,
    load_work_calendar,
)
from fundpool.console.cli import main
from fundpool.domain.periods import Month
from fundpool.services.law.policy_views import explain_rule
from fundpool.services.payments.disbursement import ALLOCATE_DUTY, PAY_DUTY

KEY_IN_WORDS = "键只用小写字母、数字和下划线 / a key is lower-case ASCII letters, digits and underscores"
GOLDEN = Path(__file__).parents[1] / "golden" / "policies"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    assert main(["policy", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the invented cities' policy folder, to be spoiled."""
    shutil.copytree(GOLDEN, tmp_path / "policies")
    return tmp_path / "policies"


def spoil(folder: Path, city: str, before: str, after: str) -> tuple[Path, int]:
    """Replace text in a city's file; the file and the line of the replacement."""
    file = folder / "cities" / f"{city}.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, before
    line = text[: text.index(before)].count("\n") + 1
    file.write_text(text.replace(before, after), encoding="utf-8")
    return file, line


def test_list_names_the_draft_as_a_draft(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {entry["city"]: entry for entry in answer(capsys, "list")}
    assert {city: entry["rules"] for city, entry in listed.items()} == {
        "suizhou": 26,
        "taizhou": 43,
        "jiujiang": 35,
        "jilin": 13,
        "heilongjiang": 9,
    }
    assert listed["heilongjiang"]["status"] == "draft"
    assert listed["jilin"]["effective"] is None


def test_show_keeps_the_order_of_the_document_and_both_sides_of_a_conflict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = answer(capsys, "show", "jiujiang")
    assert [rule["rule"] for rule in shown["rule_list"]][:3] == ["JJ-01", "JJ-02", "JJ-03"]
    assert ["JJ-06", "JJ-34"] in [conflict["between"] for conflict in shown["conflicts"]]


def test_show_on_a_day_leaves_out_what_is_not_yet_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    shown = answer(capsys, "show", "suizhou", "--on", "2022-10-15")
    assert [rule["rule"] for rule in shown["rule_list"]] == ["SZ-01", "SZ-02", "SZ-22", "SZ-24", "SZ-25"]


def test_explain_gives_place_readings_and_what_the_others_give(capsys: pytest.CaptureFixture[str]) -> None:
    explained = answer(capsys, "explain", "jiujiang", "JJ-12", "--month", "2022-01")
    assert explained["place"] == {"source_file": "004_a3bf74aecc0ebabf.txt", "start": 2639, "end": 2689}
    (reading,) = explained["readings"]
    given = {reading["reading"]: reading["gives"]["due"]}
    given |= {other["reading"]: other["gives"]["due"] for other in reading["alternatives"]}
    assert given == {"nth_last": ["2022-01-29"], "before": ["2022-01-28"], "within": ["2022-01-30"]}


def test_explain_of_a_city_without_a_source_text_prints_no_empty_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "explain", "yunzhou", "YZ-08", "--policy-dir", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "None" not in printed
    assert "city_finance: 40%" in printed


def test_explain_works_the_readings_of_a_gap_out_on_one_example(capsys: pytest.CaptureFixture[str]) -> None:
    explained = answer(capsys, "explain", "suizhou", "SZ-19")
    reading = next(entry for entry in explained["readings"] if entry["key"] == "gap.pool_short")
    city_pays = {reading["reading"]: reading["gives"]["city_finance"]}
    city_pays |= {other["reading"]: other["gives"]["city_finance"] for other in reading["alternatives"]}
    assert city_pays == {"tranche": 30_000_000, "share_only": 6_000_000, "switch": 50_000_000}


def test_every_switchable_reading_of_every_city_shows_a_difference() -> None:
    """Each example must have figures on which the readings differ, else it explains nothing."""
    library = load_policies(PRODUCT_POLICIES)
    calendar, examples = load_work_calendar(PRODUCT_POLICIES), load_examples(PRODUCT_POLICIES)
    for city in library.cities:
        for rule in city.rules:
            if not any(reading.switchable for reading in rule.interpretations):
                continue
            explained = explain_rule(city, rule, calendar=calendar, month=Month(2022, 1), examples=examples)
            for reading in explained["readings"]:
                others = [other["gives"] for other in reading["alternatives"]]
                if reading["switchable"]:
                    assert any(other != reading["gives"] for other in others), (rule.id, reading["key"])


def test_explain_speaks_chinese_and_not_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "jilin", "JL-11"]) == 0
    assert "beyond_gap: 是" in capsys.readouterr().out


def test_explain_says_that_a_period_begins_with_the_receipt(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "taizhou", "TZ-18"]) == 0
    assert "收到「财政拨付」款项后2个工作日内" in capsys.readouterr().out


def test_an_unknown_rule_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "explain", "taizhou", "TZ-99", status=2)["error"]["code"] == "unknown_rule"


def test_a_rule_before_its_day_names_the_article(capsys: pytest.CaptureFixture[str]) -> None:
    error = answer(capsys, "explain", "taizhou", "TZ-15", "--on", "2021-06-01", status=2)["error"]
    assert (error["code"], error["basis"]) == ("not_in_force", "台政办发〔2021〕48号 细则第十条")


def test_diff_puts_two_cities_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["topic"]: row for row in answer(capsys, "diff", "suizhou", "taizhou")["rows"]}
    assert rows["duty.month.submit_fund_use_plan"]["left"] == "上月15日（SZ-08）"
    assert rows["duty.month.submit_fund_use_plan"]["right"] == "上月25日（TZ-15）"
    assert rows["compute.risk-reserve.levy"]["right"] is None


def test_diff_of_one_city_at_two_dates_shows_the_amendment_only(capsys: pytest.CaptureFixture[str]) -> None:
    compared = answer(capsys, "diff", "yunzhou@2026-06-30", "yunzhou@2026-07-01", "--policy-dir", str(GOLDEN))
    assert [(row["topic"], row["left"], row["right"]) for row in compared["rows"]] == [
        (
            "duty.month.submit_expenditure_report",
            "次月10日，节假日顺延（YZ-07）",
            "次月12日，节假日顺延（YZ-07）",
        )
    ]


def test_coverage_accounts_for_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    covered = answer(capsys, "coverage")
    assert sum(covered["counts"].values()) == len(covered["rules"]) == 126
    assert covered["unaccounted"] == []


def test_coverage_finds_a_rule_that_was_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(PRODUCT_POLICIES, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "cities" / "jilin.yaml"
    text = file.read_text(encoding="utf-8")
    start, end = text.index("  - id: JL-07"), text.index("  - id: JL-08")
    file.write_text(text[:start] + text[end:], encoding="utf-8")
    unaccounted = answer(capsys, "coverage", "--policy-dir", str(folder), status=1)["unaccounted"]
    assert [message[:5] for message in unaccounted] == ["JL-07"]


def test_check_passes_the_shipped_files_and_says_that_quotes_were_not_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    checked = answer(capsys, "check", "--as-of", "2026-11-01")
    assert checked["problems"] == []
    assert checked["checked_until"] == "2028-05-31"
    assert "not checked" in checked["note"]


@pytest.mark.parametrize(
    ("city", "before", "after", "message"),
    [
        ("yunzhou", "every: month, due: {day: 18, ", "evry: month, due: {day: 18, ", "unknown key"),
        ("yunzhou", "valid_until: 2026-06-30 ", "valid_until: 2026-07-15 ", "versions overlap"),
        ("yunzhou", "valid_until: 2026-06-30 ", "valid_until: 2026-05-31 ", "gap between"),
        (
            "yunzhou",
            "{city_finance: 40%, county_finance: 60%}",
            "{city_finance: 40%, county_finance: 50%}",
            "",
        ),
        ("yunzhou", "value: pro_rata}", "value: {interpretation: gap.ration}}", "reading gap.ration"),
        ("yunzhou", "shares: {city_balance: 100%}", "funds: [civil], shares: {city_balance: 100%}", "civil"),
        (
            "yunzhou",
            "{kind: settlement.ration,",
            "{kind: monthly-cap}\n      - {kind: monthly-cap}\n      - {kind: settlement.ration,",
            "twice",
        ),
        ("yunzhou", "valid_until: 2026-06-30 ", "valid_until: 2026-06-31 ", "a day of the calendar"),
        ("yunzhou", "{after_duty: apply_for_funds,", "{after_duty: apply,", "sets the duty apply"),
        ("yunzhou", "closes: allocate_to_counties,", "closes: allocate,", "no rule sets this duty"),
        ("qinghe", "closes: allocate_to_counties,", "closes: joint_review,", "paid by these two duties"),
        ("qinghe", "{from: city_expenditure,", "{from: county_fiscal,", "the books join no such accounts"),
        ("qinghe", "basis: QH-06, only_units: [990300-KF]}", "basis: QH-06}", "over two hops"),
        (
            "qinghe",
            'basis: QH-07, only_units: ["990302", "990321"]}',
            'basis: QH-07, only_units: ["990302"]}',
            "no payment path reaches",
        ),
        ("yunzhou", "actor: city_agency_and_finance,", "actor: mayor,", "no such actor"),
        ("yunzhou", 'code: "990121"', 'code: "990102"', "given twice"),
        ("yunzhou", "out_of_scope: 宣传要求，不涉及基金收支", "notes: [宣传要求]", "or out_of_scope"),
        ("lanhe", "due: {day: 30}}", "due: {day: 30, last_day: true}}", "exactly one of"),
        ("lanhe", "due: {day: 30}}", "due: {day: 32}}", "less than or equal to 31"),
        ("lanhe", ", ended_by: 兰政发〔2024〕9号", "", "ends without ended_by"),
        (
            "lanhe",
            "working_days: 3}}]}",
            "working_days: 3}, shift: following}]}",
            "shift moves a calendar day",
        ),
        (
            "lanhe",
            "{day: 25, working_days_before: 3}",
            "{last_day: true, working_days_before: 3}",
            "belongs to",
        ),
        (
            "lanhe",
            "{after_duty: report_on_30th, days: 10}",
            "{after_duty: answer_report, days: 10}",
            "wait for",
        ),
        ("lanhe", "due: {month: 6, day: 20}", "due: {day: 20}", "needs its month"),
    ],
)
def test_check_names_file_and_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    city: str,
    before: str,
    after: str,
    message: str,
) -> None:
    file, line = spoil(folder, city, before, after)
    problems = answer(capsys, "check", str(folder), status=1)["problems"]
    assert {problem["file"] for problem in problems} == {str(file)}
    assert any(message in problem["message"] and abs(problem["line"] - line) <= 8 for problem in problems), (
        line,
        problems,
    )


@pytest.mark.parametrize(
    ("duty", "message"),
    [
        ("due: {day: 30, dya: 3}}", "duties.0.due.dya: 不认识的词 / unknown key"),
        ("due: {day: 30}, quarter: 2}", "duties.0.quarter: 不认识的词 / unknown key"),
        ("due: {day: 30}, shift: up}", "duties.0.shift: Input should be 'none', 'following' or 'preceding'"),
        (
            "due: {day: 30, month_offset: 99}}",
            "duties.0.due.month_offset: Input should be less than or equal to 12",
        ),
        (
            "due: {undated: 及时, month: 3}}",
            "duties.0.due: month belongs to day, last_day, nth_last_working_day, nth_working_day, not to undated",
        ),
        (
            "due: {after_duty: Report, days: 3}}",
            f"duties.0.due.after_duty: {KEY_IN_WORDS}, found 'Report'",
        ),
        (
            "due: {by_quarter: {1: {day: 32, month: 3}, 5: {day: 1, month: 3}}}}",
            "duties.0.due.by_quarter.1.day: Input should be less than or equal to 31",
        ),
        ("due: {by_quarter: {1: {day: 3, month: 3}}}}", "duties.0: by_quarter belongs to every: quarter"),
        ("due: 30}", "duties.0.due: a due block is words with values, found 30"),
        ("due: {day: 30}, reading: new}", "duty publish_on_30th names the reading new, which the rule lacks"),
    ],
)
def test_a_duty_that_does_not_hold_names_its_rule_and_its_place_in_it(
    folder: Path, capsys: pytest.CaptureFixture[str], duty: str, message: str
) -> None:
    file, line = spoil(folder, "lanhe", "due: {day: 30}}", duty)
    problem = answer(capsys, "check", str(folder), status=1)["problems"][0]
    assert problem == {"file": str(file), "line": line, "message": f"LH-06: {message}"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "{duty: apply_for_funds,",
            "{step: apply_for_funds,",
            "YZ-03: duties.0.step: 不认识的词 / unknown key，现在写 duty / it is now written duty",
        ),
        (
            "{after_duty: apply_for_funds,",
            "{after_step: apply_for_funds,",
            (
                "YZ-04: duties.0.due: a due block names exactly one of day, last_day, nth_last_working_day, "
                "nth_working_day, date, by_quarter, after_duty, after_event, undated, delegated; "
                "found ['after_step', 'working_days']"
            ),
        ),
    ],
)
def test_an_older_file_that_calls_a_duty_a_step_names_the_line_and_the_new_word(
    folder: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, message: str
) -> None:
    file, line = spoil(folder, "yunzhou", before, after)
    problems = answer(capsys, "check", str(folder), status=1)["problems"]
    assert {"file": str(file), "line": line, "message": message} in problems


@pytest.mark.parametrize("word", ["line: 3", "instrument: rules", "start: 4"])
def test_what_the_program_adds_to_a_rule_is_no_word_of_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    quote = "    quote: 县级经办机构每月18日前上报下月用款计划\n"
    spoil(folder, "yunzhou", quote, f"{quote}    {word}\n")
    (problem,) = answer(capsys, "check", str(folder), status=1)["problems"]
    assert problem["message"].endswith(f"{word.partition(':')[0]}: 不认识的词 / unknown key")


def test_one_bad_file_does_not_hide_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder, "yunzhou", "city: {key: yunzhou", "city: {key: Yunzhou!")
    spoil(folder, "lanhe", "due: {day: 30}}", "due: {}}")
    problems = answer(capsys, "check", str(folder), status=1)["problems"]
    assert len({problem["file"] for problem in problems}) == 2


def test_a_key_given_twice_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, line = spoil(
        folder,
        "yunzhou",
        "    section: 第六条\n    quote: 市财政局",
        "    section: 六\n    section: 六\n    quote: 市",
    )
    (problem,) = answer(capsys, "check", str(folder), status=1)["problems"]
    assert (problem["line"], "given twice" in problem["message"]) == (line + 1, True)
    assert problem["file"] == str(file)


def with_source(folder: Path, text: str, place: str) -> Path:
    """Give one rule of the invented city a source text and a place in it; the folder of sources."""
    spoil(
        folder, "yunzhou", "    status: in_force ", "    source: {file: yunzhou.txt}\n    status: in_force "
    )
    quote = "    quote: 县级经办机构每月18日前上报下月用款计划\n"
    spoil(folder, "yunzhou", quote, f"{quote}    at: {place}\n")
    sources = folder.parent / "sources"
    sources.mkdir()
    (sources / "yunzhou.txt").write_text(text, encoding="utf-8")
    return sources


TEXT = "第五条 县级经办机构每月18日前\n上报下月用款计划，由市经办机构汇总。"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (TEXT, "{instrument: rules, start: 4, end: 25}", None),
        (TEXT, "{instrument: rules, start: 5, end: 26}", "the quote stands elsewhere"),
        (
            TEXT.replace("18", "20"),
            "{instrument: rules, start: 4, end: 25}",
            "the quote is not in its source",
        ),
    ],
)
def test_quotes_are_checked_against_the_sources(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, place: str, message: str | None
) -> None:
    sources = with_source(folder, text, place)
    checked = answer(capsys, "check", str(folder), "--sources", str(sources), status=1 if message else 0)
    assert checked["quotes_checked"] == 1
    assert [message in problem["message"] for problem in checked["problems"]] == ([True] if message else [])


def test_a_missing_source_is_a_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = with_source(folder, TEXT, "{instrument: rules, start: 4, end: 25}")
    (sources / "yunzhou.txt").unlink()
    (problem,) = answer(capsys, "check", str(folder), "--sources", str(sources), status=1)["problems"]
    assert "is not in the folder" in problem["message"]


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "taizhou"], ["coverage"], ["diff", "suizhou", "jilin"]]
)
def test_people_get_a_table(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", *arguments]) == 0
    assert "━" in capsys.readouterr().out


@pytest.mark.parametrize(
    "build", [lambda folder: [str(folder)], lambda folder: ["--policy-dir", str(folder)]]
)
def test_check_takes_the_folder_either_way(
    folder: Path, capsys: pytest.CaptureFixture[str], build: Callable[[Path], list[str]]
) -> None:
    checked = answer(capsys, "check", *build(folder))
    assert [city["city"] for city in checked["cities"]] == ["lanhe", "linjiang", "qinghe", "yunzhou"]


def test_the_check_knows_the_duties_that_are_fulfilled_by_paying() -> None:
    assert PAID_DUTIES == (PAY_DUTY, ALLOCATE_DUTY)
