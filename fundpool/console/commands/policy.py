"""``fundpool policy``: the policy files listed, shown, explained, compared and checked."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fundpool.console.clock import business_clock
from fundpool.console.options import AsOf, Json, PolicyDir, parse_day, parse_month, policy_folder
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import FundpoolError
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import Month

if TYPE_CHECKING:
    from fundpool.adapters.policies.yaml_documents import Problem
    from fundpool.domain.policy import CityPolicy

MONTHS_AHEAD = 18
"""How far ahead every rule must have exactly one answer."""

app = App(
    name="policy",
    help="政策文件：列出、查看、解释、核对、比较 / The policy files: listed, shown, explained, checked, compared.",
    result_action="return_value",
)

_KIND_ZH = {
    "duty": "职责",
    "computed": "计算",
    "computed_and_duty": "计算和职责",
    "structure": "结构",
    "out_of_scope": "不在范围",
}
_STATUS_ZH = {"in_force": "施行中", "draft": "征求意见稿", "repealed": "已废止"}


@app.command(name="list")
def list_(*, policy_dir: PolicyDir = None, json: Json = False) -> int:
    """列出政策文件 / List the policy files."""
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.services.law.policy_views import city_in_brief

    briefs = [city_in_brief(city) for city in load_policies(policy_folder(policy_dir)).cities]
    if json:
        print_json(briefs)
        return 0
    print_table(
        "政策文件",
        ("代码", "名称", "状态", "施行", "单位", "规则", "文件"),
        (
            (
                brief["city"],
                brief["name_zh"],
                _STATUS_ZH[brief["status"]],
                brief["effective"],
                brief["fund_units"],
                brief["rules"],
                brief["document"],
            )
            for brief in briefs
        ),
    )
    return 0


@app.command
def show(
    city: Annotated[str, Parameter(help="城市 / city key")],
    *,
    on: Annotated[
        str | None, Parameter(help="只看该日有效的规则 / only rules in force on YYYY-MM-DD")
    ] = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """按文件顺序查看一个城市的规则 / Show one city's rules in the order of its document."""
    from fundpool.adapters.policies.policy_files import load_city, read_national
    from fundpool.services.law.policy_views import city_in_full

    folder = policy_folder(policy_dir)
    day = parse_day(on, "--on") if on else None
    document = city_in_full(load_city(folder, city), day, read_national(folder))
    if json:
        print_json(document)
        return 0
    for instrument in document["instruments"]:
        number = instrument["number"] or "无文号"
        print(f"{instrument['title']}  {number}  {_STATUS_ZH[instrument['status']]}")
        print(f"  成文 {instrument['issued'] or '未载明'}  施行 {instrument['effective'] or '未写明'}")
    print_table(
        f"{document['name_zh']}：{len(document['rule_list'])} 条",
        ("规则", "条款", "类别", "产品如何处理"),
        (
            (rule["rule"], rule["section"], _KIND_ZH[rule["kind"]], rule["says"])
            for rule in document["rule_list"]
        ),
    )
    for conflict in document["conflicts"]:
        print(f"文件内冲突 {'、'.join(conflict['between'])}：{conflict['text']}")
    for absent in document["absent"]:
        print(f"文件未规定：{absent['text']}")
    return 0


@app.command
def explain(
    city: Annotated[str, Parameter(help="城市 / city key")],
    rule: Annotated[str, Parameter(help="规则编号 / rule id, e.g. TZ-18")],
    *,
    on: Annotated[str | None, Parameter(help="该日有效的版本 / the version in force on YYYY-MM-DD")] = None,
    month: Annotated[str | None, Parameter(help="举例的月份 / month of the worked dates YYYY-MM")] = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """解释一条规则：条款、引文、出处、读法 / Explain one rule: article, quote, place, readings."""
    from fundpool.adapters.policies.policy_files import (
        load_city,
        load_examples,
        load_work_calendar,
        read_national,
    )
    from fundpool.services.law.policy_views import explain_rule

    folder = policy_folder(policy_dir)
    policy = load_city(folder, city)
    chosen = policy.rule(rule, parse_day(on, "--on") if on else None)
    example = parse_month(month) if month else _first_full_month(policy)
    document = explain_rule(
        policy,
        chosen,
        read_national(folder),
        calendar=load_work_calendar(folder),
        month=example,
        examples=load_examples(folder),
    )
    if json:
        print_json(document)
    else:
        _print_explanation(document)
    return 0


@app.command
def diff(
    left: Annotated[str, Parameter(help="城市，或 城市@日期 / city, or city@YYYY-MM-DD")],
    right: Annotated[str, Parameter(help="城市，或 城市@日期 / city, or city@YYYY-MM-DD")],
    *,
    all_: Annotated[
        bool, Parameter(name="--all", help="也列出相同的 / also what is the same", negative="")
    ] = False,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """两个城市并列，或一个城市的两个日期 / Two cities side by side, or one city at two dates."""
    from fundpool.adapters.policies.policy_files import load_city, read_national
    from fundpool.services.law.policy_views import compare

    folder = policy_folder(policy_dir)
    (left_city, left_day), (right_city, right_day) = _city_at(left), _city_at(right)
    rows = compare(
        (load_city(folder, left_city), left_day),
        (load_city(folder, right_city), right_day),
        read_national(folder),
    )
    if not all_:
        rows = [row for row in rows if not row["same"]]
    if json:
        print_json({"left": left, "right": right, "rows": rows})
        return 0
    print_table(
        f"{left} 与 {right}",
        ("事项", left, right),
        ((row["topic"], row["left"], row["right"]) for row in rows),
    )
    return 0


@app.command
def check(
    folder: Annotated[Path | None, Parameter(help="政策文件目录 / folder of policy files")] = None,
    *,
    sources: Annotated[
        Path | None, Parameter(help="来源文本目录，核对引文 / folder of source texts, to check the quotes")
    ] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """核对政策文件：写法、前后一致、每日有且只有一个答案、引文 / Check the policy files.

    Exit 1 and a list of file:line when something is wrong.
    """
    from fundpool.adapters.policies.policy_sources import check_quotes

    place = folder or policy_folder(policy_dir)
    today = business_clock(as_of).date()
    cities, problems = _readable(place)
    problems += _time_problems(place, cities, today)
    problems += _computation_problems(cities)
    problems += _coverage_problems(place, cities)
    note, checked = "没有给出 --sources：引文未核对 / no --sources: quotes were not checked", 0
    if sources is not None:
        quotes = check_quotes(tuple(cities), sources)
        problems += quotes.problems
        checked = quotes.checked
        note = f"引文核对 {quotes.checked} 条，无来源 {quotes.without_source} 条 / {quotes.checked} quotes checked"
    if json:
        print_json(
            {
                "folder": str(place),
                "cities": [
                    {"city": city.key, "rules": len(city.rules), "file": city.file} for city in cities
                ],
                "checked_until": _horizon(today).isoformat(),
                "quotes_checked": checked,
                "note": note,
                "problems": [
                    {"file": str(problem.file), "line": problem.line, "message": problem.message}
                    for problem in problems
                ],
            }
        )
        return 1 if problems else 0
    for problem in problems:
        print(problem)
    rules = sum(len(city.rules) for city in cities)
    print(f"{len(cities)} 个文件，{rules} 条规则，{len(problems)} 处问题；每条规则核对到 {_horizon(today)}")
    print(note)
    return 1 if problems else 0


@app.command
def coverage(*, policy_dir: PolicyDir = None, json: Json = False) -> int:
    """每条规则如何处理 / What the product does with every rule; exit 1 when one is unaccounted for."""
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.services.law.policy_views import rule_in_words

    folder = policy_folder(policy_dir)
    library = load_policies(folder)
    cities = library.cities
    problems = _coverage_problems(folder, list(cities))
    rows = [
        {
            "city": city.key,
            "rule": rule.id,
            "section": rule.section,
            "status": rule.kind.value,
            "reason": rule.out_of_scope,
            "says": rule_in_words(rule, city.step_names(library.national)),
        }
        for city in cities
        for rule in city.rules
    ]
    counts = {kind: sum(row["status"] == kind for row in rows) for kind in _KIND_ZH}
    if json:
        print_json(
            {"rules": rows, "counts": counts, "unaccounted": [problem.message for problem in problems]}
        )
        return 1 if problems else 0
    print_table(
        "规则覆盖",
        ("规则", "条款", "处理", "说明"),
        ((row["rule"], row["section"], _KIND_ZH[row["status"] or ""], row["says"]) for row in rows),
    )
    print("；".join(f"{_KIND_ZH[kind]} {count}" for kind, count in counts.items()) + f"；共 {len(rows)}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


# --- parts of check -----------------------------------------------------------------------


def _readable(folder: Path) -> "tuple[list[CityPolicy], list[Problem]]":
    """The cities that can be read, and what is wrong with the other files."""
    from fundpool.adapters.policies.policy_files import load_file, policy_files
    from fundpool.adapters.policies.yaml_documents import PolicyFileError, Problem

    cities: list[CityPolicy] = []
    problems: list[Problem] = []
    for file in policy_files(folder):
        try:
            city = load_file(file, folder)
        except PolicyFileError as error:
            problems += error.problems
            continue
        if city.key in {other.key for other in cities}:
            problems.append(Problem(file, 1, f"两个文件用了同一城市代码 / two files describe {city.key}"))
        cities.append(city)
    return cities, problems


def _horizon(today: date) -> date:
    return Month.of(today).plus(MONTHS_AHEAD).last_day


def _time_problems(folder: Path, cities: "list[CityPolicy]", today: date) -> "list[Problem]":
    """Days on which a rule has no answer or two, and monthly steps that two rules set."""
    from fundpool.adapters.policies.policy_files import load_work_calendar
    from fundpool.adapters.policies.yaml_documents import PolicyFileError, Problem
    from fundpool.services.law.policy_views import days_without_one_answer, steps_set_twice

    try:
        calendar = load_work_calendar(folder)
    except PolicyFileError as error:
        return list(error.problems)
    horizon = _horizon(today)
    problems = []
    for city in cities:
        file = Path(city.file)
        for rule, day, count in days_without_one_answer(city, horizon):
            message = f"{rule.id} 在 {day} 有 {count} 个答案 / resolves {count} times on {day}"
            problems.append(Problem(file, rule.line, message))
        if city.effective is not None:
            for step, month in steps_set_twice(city, calendar, Month.of(city.effective), Month.of(horizon)):
                rule = next(rule for rule in city.rules if any(duty.step == step for duty in rule.duties))
                message = f"{month} 的步骤 {step} 有两条规则规定 / two rules set the step {step} for {month}"
                problems.append(Problem(file, rule.line, message))
    return problems


def _computation_problems(cities: "list[CityPolicy]") -> "list[Problem]":
    """Blocks of ``computes`` that do not hang together."""
    from fundpool.adapters.policies.yaml_documents import Problem
    from fundpool.services.law.compute import check_computes

    problems = []
    for city in cities:
        try:
            check_computes(city)
        except FundpoolError as error:
            named = [rule for rule in city.rules if rule.id in str(error)]
            line = named[0].line if named else 1
            problems.append(Problem(Path(city.file), line, str(error)))
    return problems


def _coverage_problems(folder: Path, cities: "list[CityPolicy]") -> "list[Problem]":
    """Rules of coverage.yaml that the files lack or treat otherwise, and rules it does not list."""
    from fundpool.adapters.policies.policy_files import load_coverage
    from fundpool.adapters.policies.yaml_documents import Problem
    from fundpool.services.law.policy_views import coverage as treated

    listed = load_coverage(folder)
    file = folder / "coverage.yaml"
    problems = [
        Problem(file, 1, f"清单中的 {key} 没有政策文件 / no policy file for {key}, which is listed")
        for key in listed
        if key not in {city.key for city in cities}
    ]
    for city in cities:
        expected = listed.get(city.key)
        if expected is None:
            continue
        actual = {rule_id: kind.value for rule_id, kind in treated(city).items()}
        for rule_id in sorted(expected.keys() | actual.keys()):
            if expected.get(rule_id) != actual.get(rule_id):
                message = (
                    f"{rule_id}: 清单为 {expected.get(rule_id, '无')}，文件为 {actual.get(rule_id, '无')} / "
                    "coverage.yaml and the policy file disagree"
                )
                problems.append(Problem(file, 1, message))
    return problems


# --- small readers ------------------------------------------------------------------------


def _city_at(text: str) -> tuple[str, date | None]:
    key, at, day = text.partition("@")
    return key, parse_day(day, text) if at else None


def _first_full_month(policy: "CityPolicy") -> Month:
    """A month that every rule of the file covers, for worked dates."""
    return Month.of(policy.effective).plus(1) if policy.effective else Month(2026, 1)


def _given(gives: dict[str, Any] | None) -> str:
    """What a reading gives: dates, or amounts in yuan."""
    if not gives:
        return ""
    if "due" in gives:
        return f" → {'、'.join(str(day) for day in gives['due'])}"
    parts = [
        f"{name.removesuffix('_fen')} {format_yuan(value)}" if isinstance(value, int) else str(value)
        for name, value in gives.items()
    ]
    return f"\n      → {'；'.join(parts)}"


def _print_readings(readings: list[dict[str, Any]]) -> None:
    for reading in readings:
        print(f"  读法 {reading['key']}：{reading['question']}")
        if reading["example"]:
            print(f"    算例：{reading['example']}")
        for choice, mark in ((reading, "●"), *((other, "○") for other in reading["alternatives"])):
            print(f"    {mark} {choice['reading']}：{choice['means']}{_given(choice['gives'])}")
        print(f"    {reading['decided_by']}" + ("；可用 --reading 切换" if reading["switchable"] else ""))


def _print_explanation(document: dict[str, Any]) -> None:
    from fundpool.services.law.policy_views import plain_words

    place = document["place"]
    print(
        f"{document['rule']}  {document['document']}  {document['section']}  [{_KIND_ZH[document['kind']]}]"
    )
    print(f"  「{document['quote']}」")
    stands = (
        f"来源 {place['source_file']} 第 {place['start']}–{place['end']} 字；" if place["source_file"] else ""
    )
    print(f"  {stands}政策文件 {document['policy_file']}")
    print(f"  责任主体（原文）{document['actor_as_printed']}；自 {document['valid_from'] or '未载明'} 起")
    for duty in document["duties"]:
        print(f"  职责：{duty['name_zh']}（{duty['actor']}），{duty['deadline']}")
    for block in document["computes"]:
        rest = {key: value for key, value in block.items() if key != "kind"}
        print(f"  计算：{block['kind']} {plain_words(rest)}")
    if document["structure"]:
        print(f"  {document['structure']['text']}")
    if document["out_of_scope"]:
        print(f"  不在范围：{document['out_of_scope']}")
    _print_readings(document["readings"])
    for reading in document["common_readings"]:
        print(f"  通用读法：{reading['question']} {reading['reading']}")
    for conflict in document["conflicts"]:
        print(f"  文件内冲突：{conflict}")
    for note in document["notes"]:
        print(f"  注：{note}")
    sys.stdout.flush()
