"""``fundpool policy``: the policy files listed, shown, explained, compared and checked."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.language import choose, one_language
from fundpool.console.options import Dated, Options, parse_day
from fundpool.console.output import Columns, Table, pick
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import parse_month

app = App(
    name="policy",
    help="政策文件：列出、查看、解释、核对、比较 / The policy files: listed, shown, explained, checked, compared.",
    result_action="return_value",
)

_KINDS = {
    "duty": "职责 / duty",
    "computed": "计算 / computed",
    "computed_and_duty": "计算和职责 / computed and duty",
    "structure": "结构 / structure",
    "out_of_scope": "不在范围 / out of scope",
}
_STATUSES = {"in_force": "施行中 / in force", "draft": "征求意见稿 / draft", "repealed": "已废止 / repealed"}

_City = Annotated[str, Parameter(help="城市 / city key")]
_On = Annotated[
    str | None,
    Parameter(name="--on", help="只看该日 YYYY-MM-DD 有效的规则 / only rules in force on YYYY-MM-DD"),
]


@app.command(name="list")
def list_(*, options: Options = Options()) -> int:
    """列出政策文件 / List the policy files."""
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.services.law.policy_views import city_in_brief

    briefs = [city_in_brief(city) for city in load_policies(options.policy_folder).cities]
    columns: Columns = {
        "代码 / key": "city",
        "名称 / name": "name_zh",
        "状态 / status": lambda brief: one_language(_STATUSES[brief["status"]]),
        "施行 / in force": "effective",
        "单位 / units": "fund_units",
        "规则 / rules": "rules",
        "文件 / text": "document",
    }
    return options.show(briefs, Table("政策文件 / policy files", briefs, columns))


@app.command
def show(city: _City, *, on: _On = None, options: Options = Options()) -> int:
    """按文件顺序查看一个城市的规则 / Show one city's rules in the order of its document."""
    from fundpool.adapters.policies.policy_files import load_city
    from fundpool.services.law.policy_views import city_in_full

    folder = options.policy_folder
    day = parse_day(on, "--on") if on else None
    document = city_in_full(load_city(folder, city), day)
    instruments = [
        f"{each['title']}  {each['number'] or choose('无文号', 'no number')}  {one_language(_STATUSES[each['status']])}\n"
        f"  {choose('成文', 'issued')} {each['issued'] or _not_said()}  "
        f"{choose('施行', 'in force')} {each['effective'] or _not_said()}"
        for each in document["instruments"]
    ]
    columns: Columns = {
        "规则 / rule": "rule",
        "条款 / section": "section",
        "类别 / kind": lambda rule: one_language(_KINDS[rule["kind"]]),
        "产品如何处理 / what the product does": "says",
    }
    conflicts = [
        f"{_conflict()} {', '.join(each['between'])}: {each['text']}" for each in document["conflicts"]
    ]
    return options.show(
        document,
        *instruments,
        Table(
            f"{document['name_zh']} · {choose('规则', 'rules')} {len(document['rule_list'])}",
            document["rule_list"],
            columns,
        ),
        *conflicts,
        *(f"{choose('文件未规定', 'not provided')}: {absent['text']}" for absent in document["absent"]),
    )


@app.command
def explain(
    city: _City,
    rule: Annotated[str, Parameter(help="规则编号，如 TZ-18 / rule id, such as TZ-18")],
    *,
    on: _On = None,
    month: Annotated[
        str | None, Parameter(help="举例的月份 YYYY-MM / month of the worked dates YYYY-MM")
    ] = None,
    options: Options = Options(),
) -> int:
    """解释一条规则：条款、引文、出处、读法 / Explain one rule: article, quote, place, readings."""
    from fundpool.adapters.policies.policy_files import (
        load_city,
        load_examples,
        load_work_calendar,
    )
    from fundpool.services.law.policy_views import explain_rule, first_full_month

    folder = options.policy_folder
    policy = load_city(folder, city)
    chosen = policy.rule(rule, parse_day(on, "--on") if on else None)
    example = parse_month(month) if month else first_full_month(policy)
    document = explain_rule(
        policy,
        chosen,
        calendar=load_work_calendar(folder),
        month=example,
        examples=load_examples(folder),
    )
    return options.show(document, *_explanation(document))


@app.command
def diff(
    left: Annotated[str, Parameter(help="城市，或 城市@日期 / city, or city@YYYY-MM-DD")],
    right: Annotated[str, Parameter(help="城市，或 城市@日期 / city, or city@YYYY-MM-DD")],
    *,
    all_: Annotated[
        bool, Parameter(name="--all", help="也列出相同的 / also what is the same", negative="")
    ] = False,
    options: Options = Options(),
) -> int:
    """两个城市并列，或一个城市的两个日期 / Two cities side by side, or one city at two dates."""
    from fundpool.adapters.policies.policy_files import load_city
    from fundpool.services.law.policy_views import compare

    folder = options.policy_folder
    (first, first_day), (second, second_day) = _city_at(left), _city_at(right)
    rows = compare(
        (load_city(folder, first), first_day),
        (load_city(folder, second), second_day),
    )
    if not all_:
        rows = [row for row in rows if not row["same"]]
    return options.show(
        {"left": left, "right": right, "rows": rows},
        Table(
            f"{left} · {right}",
            [(row["topic"], row["left"], row["right"]) for row in rows],
            ("事项 / topic", left, right),
        ),
    )


@app.command
def check(
    folder: Annotated[Path | None, Parameter(help="政策文件目录 / folder of policy files")] = None,
    *,
    sources: Annotated[
        Path | None, Parameter(help="来源文本目录，核对引文 / folder of source texts, to check the quotes")
    ] = None,
    options: Dated = Dated(),
) -> int:
    """核对政策文件：写法、前后一致、每日有且只有一个答案、引文 / Check the policy files: form, consistency, one answer for every day, quotes.

    有误时退出码 1，并列出文件与行。 / Exit 1 and a list of file:line when something is wrong.
    """
    from fundpool.adapters.policies.folder_checks import check_policies

    place = folder or options.policy_folder
    found = check_policies(place, business_clock(options.as_of).date(), sources)
    cities, problems, quotes = found.cities, found.problems, found.quotes
    note = "没有给出 --sources：引文未核对 / no --sources: quotes were not checked"
    if quotes is not None:
        note = (
            f"引文核对 {quotes.checked} 条，无来源 {quotes.without_source} 条 / "
            f"{quotes.checked} quotes checked, {quotes.without_source} without a source"
        )
    document = {
        "folder": place,
        "cities": [{"city": city.key, "rules": len(city.rules), "file": city.file} for city in cities],
        "checked_until": found.checked_until,
        "quotes_checked": quotes.checked if quotes else 0,
        "note": note,
        "problems": [pick(problem, "file line message") for problem in problems],
    }
    rules = sum(len(city.rules) for city in cities)
    return options.show(
        document,
        *map(str, problems),
        f"{len(cities)} 个文件，{rules} 条规则，{len(problems)} 处问题；每条规则核对到 {found.checked_until} / "
        f"files: {len(cities)}, rules: {rules}, problems: {len(problems)}; every rule checked up to {found.checked_until}",
        note,
        found=bool(problems),
    )


@app.command
def coverage(*, options: Options = Options()) -> int:
    """每条规则如何处理；有未交代的退出码 1 / What the product does with every rule; exit 1 when one is unaccounted for."""
    from fundpool.adapters.policies.folder_checks import coverage_problems
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.services.law.policy_views import coverage_in_full

    folder = options.policy_folder
    library = load_policies(folder)
    problems = coverage_problems(folder, library.cities)
    document = coverage_in_full(library)
    columns: Columns = {
        "规则 / rule": "rule",
        "条款 / section": "section",
        "处理 / handling": lambda row: one_language(_KINDS[row["status"] or ""]),
        "说明 / remark": "says",
    }
    return options.show(
        {**document, "unaccounted": [problem.message for problem in problems]},
        Table("规则覆盖 / coverage of the rules", document["rules"], columns),
        "; ".join(f"{one_language(_KINDS[kind])} {count}" for kind, count in document["counts"].items())
        + f"; {choose('共', 'in all')} {len(document['rules'])}",
        *map(str, problems),
        found=bool(problems),
    )


# --- small readers ------------------------------------------------------------------------


def _not_said() -> str:
    return choose("文中未写", "not said")


def _conflict() -> str:
    return choose("文件内冲突", "the document contradicts itself")


def _city_at(text: str) -> tuple[str, date | None]:
    key, at, day = text.partition("@")
    return key, parse_day(day, text) if at else None


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


def _readings(readings: list[dict[str, Any]]) -> Iterator[str]:
    for reading in readings:
        yield f"  {choose('读法', 'reading')} {reading['key']}: {reading['question']}"
        if reading["example"]:
            yield f"    {choose('算例', 'example')}: {reading['example']}"
        for choice, mark in ((reading, "●"), *((other, "○") for other in reading["alternatives"])):
            yield f"    {mark} {choice['reading']}：{choice['means']}{_given(choice['gives'])}"
        yield f"    {reading['decided_by']}" + (
            choose("；可用 --reading 切换", "; switched by --reading") if reading["switchable"] else ""
        )


def _explanation(document: dict[str, Any]) -> Iterator[str]:
    from fundpool.services.law.policy_views import plain_words

    place = document["place"]
    yield f"{document['rule']}  {document['document']}  {document['section']}  [{one_language(_KINDS[document['kind']])}]"
    yield f"  「{document['quote']}」"
    stands = (
        choose(
            f"来源 {place['source_file']} 第 {place['start']}–{place['end']} 字；",
            f"source {place['source_file']} characters {place['start']}–{place['end']}; ",
        )
        if place["source_file"]
        else ""
    )
    yield f"  {stands}{choose('政策文件', 'policy file')} {document['policy_file']}"
    yield choose(
        f"  责任主体（原文）{document['actor_as_printed']}；自 {document['valid_from'] or _not_said()} 起",
        f"  actor as printed {document['actor_as_printed']}; from {document['valid_from'] or _not_said()}",
    )
    for duty in document["duties"]:
        yield f"  {choose('职责', 'duty')}: {duty['name_zh']} ({duty['actor']}) {duty['deadline']}"
    for block in document["computes"]:
        rest = {key: value for key, value in block.items() if key != "kind"}
        yield f"  {choose('计算', 'computed')}: {block['kind']} {plain_words(rest)}"
    if document["structure"]:
        yield f"  {document['structure']['text']}"
    if document["out_of_scope"]:
        yield f"  {choose('不在范围', 'out of scope')}: {document['out_of_scope']}"
    yield from _readings(document["readings"])
    for reading in document["common_readings"]:
        yield f"  {choose('通用读法', 'common reading')}: {reading['question']} {reading['reading']}"
    for conflict in document["conflicts"]:
        yield f"  {_conflict()}: {conflict}"
    for note in document["notes"]:
        yield f"  {choose('注', 'note')}: {note}"
