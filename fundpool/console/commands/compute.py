"""``fundpool compute``: the figures of a city's text for given facts, without a database."""

import json as json_module
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from cyclopts import Parameter

from fundpool.console.language import choose, one_language
from fundpool.console.options import City, Fund, Options
from fundpool.console.output import Table, named, print_error, print_json, yuan
from fundpool.domain.errors import InputError, UndefinedPolicy

if TYPE_CHECKING:
    from fundpool.domain.policy import CityPolicy

LARGEST_FACTS_BYTES = 20_000_000


def command(
    name: Annotated[
        str,
        Parameter(help="计算项，可取下列值 / what to compute, one of the choices"),
    ],
    *,
    city: City,
    fund: Fund,
    year: Annotated[int, Parameter(help="基金年度 / fund year")],
    facts: Annotated[
        str,
        Parameter(help="事实 JSON 文件，- 为标准输入 / facts, - reads stdin", allow_leading_hyphen=True),
    ],
    reading: Annotated[
        list[str] | None, Parameter(negative="", help="读法 KEY=VALUE，可多次 / a reading of an unclear text")
    ] = None,
    under: Annotated[str | None, Parameter(help="改用另一城市的规则 / under another city's rules")] = None,
    settings: Annotated[
        list[str] | None,
        Parameter(
            name="--set", negative="", help="假设 RULE.key=VALUE，可多次 / what if a value were different"
        ),
    ] = None,
    compare_: Annotated[
        bool, Parameter(name="--compare", negative="", help="与本市现行规则逐项比较 / show every difference")
    ] = False,
    options: Options = Options(),
) -> int:
    """按一个城市的文件，由事实计算年度数字 / Compute a figure of the year from facts, by the text of a city.

    退出码：0 已算出，2 用法或事实有误，3 文件没有给出该值。 / Exit status: 0 computed, 2 wrong use or facts, 3 the law does not give the value.
    """
    from fundpool.adapters.policies.policy_files import load_city
    from fundpool.services.law.compute import Question, blocked, compare, compute
    from fundpool.services.law.policy_terms import Setting

    folder = options.policy_folder
    home = load_city(folder, city)
    if not 2000 <= year <= 2100:
        raise InputError("year", f"基金年度不对：{year}", f"not a fund year: {year}")
    question = Question(
        name=name,
        city=home,
        fund=fund,
        year=year,
        readings=_readings(reading or []),
        under=load_city(folder, under) if under else None,
        settings=tuple(Setting.parse(text) for text in settings or []),
    )
    document = _read_facts(facts)
    try:
        answer = (compare if compare_ else compute)(question, document)
    except UndefinedPolicy as error:
        if options.json:
            print_json(blocked(question, error))
        else:
            print_error(error, as_json=False)
        return error.exit_status
    options.show(answer, *_answer(answer, home))
    return 3 if "error" in answer else 0


def _readings(texts: Sequence[str]) -> dict[str, str]:
    readings: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise InputError(
                "unknown_reading",
                f"--reading 的写法是 键=读法，得到「{text}」",
                f"--reading is written KEY=VALUE, found {text!r}",
            )
        if readings.setdefault(key, value) != value:
            raise InputError(
                "unknown_reading",
                f"读法 {key} 给了两个不同的值",
                f"the reading {key} is given twice with different values",
            )
    return readings


def _read_facts(path: str) -> object:
    try:
        raw = sys.stdin.buffer.read() if path == "-" else _bytes_of(Path(path))
        return json_module.loads(raw, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except OSError as problem:
        raise InputError(
            "facts",
            f"读不到事实文件 {path}：{problem.strerror}",
            f"cannot read the facts {path}: {problem.strerror}",
            remedy="检查 --facts 的路径 / check the path given to --facts",
        ) from problem
    except (ValueError, RecursionError) as problem:
        raise InputError(
            "facts",
            f"事实文件 {path} 不是有效的 JSON：{problem}",
            f"the facts {path} are no valid JSON: {problem}",
        ) from problem


def _bytes_of(file: Path) -> bytes:
    if file.stat().st_size > LARGEST_FACTS_BYTES:
        raise ValueError(f"larger than {LARGEST_FACTS_BYTES} bytes")
    return file.read_bytes()


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_BEARERS = {
    "county_stored_balance": "当地暂存结余 / stored balance",
    "city_balance": "市级累计结余 / city balance",
    "risk_reserve": "风险储备金 / risk reserve",
    "collected_fund": "归集基金 / collected fund",
    "adjustment_fund": "调剂金 / adjustment fund",
    "city_finance": "市财政 / city finance",
    "county_finance": "县财政 / county finance",
    "province_finance": "省财政 / province finance",
}
_RESULTS = {"gap": "缺口 / gap", "surplus": "结余 / surplus", "balanced": "平衡 / balanced"}
_FIGURES = {
    "surplus_ratio": "当年结余率 / surplus ratio",
    "months_of_coverage": "可支付月数 / months of coverage",
    "alarms": "预警 / alarms",
    "not_evaluated": "无法评估 / not evaluated",
    "levy_fen": "提取额 / levy",
    "cap_fen": "上限 / cap",
    "target_fen": "应有额 / target",
    "shortfall_fen": "应补足 / shortfall",
    "infeasible_fen": "无法筹足 / infeasible",
    "quarters_fen": "各季度 / quarters",
    "allowed_fen": "可拨付 / allowed",
    "refused_fen": "超出预算 / refused",
    "bases_fen": "缴费基数 / bases",
    "average_months": "平均月数 / months averaged",
    "quota_fen": "周转金 / quota",
    "transfer_fen": "上划额 / transfer",
    "from_stored_balance_fen": "其中暂存结余 / from stored balance",
    "from_county_finance_fen": "其中县财政 / from county finance",
}


def _colon() -> str:
    return choose("：", ": ")


def _answer(answer: Mapping[str, Any], home: "CityPolicy") -> Iterator[Table | str]:
    if "error" in answer:
        yield f"[{answer['error']['code']}] {one_language(answer['error']['message'])}"
    else:
        names = {unit.code: f"{unit.code} {choose(unit.name_zh, unit.name_en)}" for unit in home.register}
        title = f"{choose(home.name_zh, home.name_en)} · {named('fund', answer['fund'])} · {answer['year']} · {answer['name']}"
        if answer.get("under"):
            title += choose(f"（按 {answer['under']} 的规则）", f" (under the rules of {answer['under']})")
        is_settlement = "shares" in answer.get("rules", {})
        yield from (_settlement if is_settlement else _figures)(title, answer, names)
        yield from _basis(answer)
    if "compare" in answer:
        yield from _differences(answer["compare"])


def _settlement(title: str, answer: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Table | str]:
    status = {"proposed": choose("待批准", "proposed"), "computed": ""}
    rows: list[tuple[object, ...]] = []
    for county in answer["counties"]:
        name, result = names.get(county["code"], county["code"]), one_language(_RESULTS[county["result"]])
        amount = yuan(county["gap_fen"] or county["surplus_fen"])
        lines = [
            (
                one_language(_BEARERS[share["bearer"]]),
                share["amount_fen"],
                _rule(share),
                status[share["status"]],
            )
            for share in county["shares"]
        ]
        lines += [
            (
                choose("未分配", "unallocated"),
                part["amount_fen"],
                part["rule"],
                choose(part["message_zh"], part["message_en"]),
            )
            for part in county["unallocated"]
        ]
        lines += [
            (
                f"{choose('缺口以外', 'beyond the gap')}{_colon()}{one_language(_BEARERS[share['bearer']])}",
                share["amount_fen"],
                _rule(share),
                "",
            )
            for share in county["beyond_gap"]
        ]
        for field, label in (("collected_fen", "上缴 / collected"), ("returned_fen", "返还 / returned")):
            if county[field]:
                lines.append((one_language(label), county[field], ", ".join(answer["rules"][field]), ""))
        for number, (label, fen, rule, remark) in enumerate(lines or [("", None, "", "")]):
            head = (name, result, amount) if number == 0 else ("", "", "")
            rows.append((*head, label, yuan(fen) if fen is not None else "", rule or "", remark))
    yield Table(
        title + choose("（元）", " (yuan)"),
        rows,
        (
            "县 / county",
            "结果 / result",
            "金额 / amount",
            "承担 / borne by",
            "元 / yuan",
            "依据 / rule",
            "说明 / remark",
        ),
    )
    after = ", ".join(
        f"{one_language(_BEARERS[pool.removesuffix('_fen')])} {yuan(fen)}"
        for pool, fen in answer["pools_after"].items()
    )
    yield f"{choose('清算后', 'pools after')}{_colon()}{after}"
    for short in answer["shortfalls"]:
        has, needs, lacks = (yuan(short[name]) for name in ("available_fen", "claimed_fen", "short_fen"))
        pool, counties = one_language(_BEARERS[short["pool"]]), ", ".join(short["counties"])
        yield choose(
            f"资金不足：{pool} 有 {has}，需 {needs}，缺 {lacks}（{counties}）",
            f"short: {pool} has {has}, claimed are {needs}, {lacks} is lacking ({counties})",
        )


def _rule(share: Mapping[str, Any]) -> str:
    return ", ".join([share["rule"], *share["rests_on"]])


def _figures(title: str, answer: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Table | str]:
    rules = answer["rules"]
    rows = [
        (one_language(_FIGURES[key]), _shown(key, value), ", ".join(rules.get(key, [])))
        for key, value in answer.items()
        if key in _FIGURES
    ]
    if rows:
        yield Table(title, rows, ("项目 / figure", "值 / value", "依据 / rule"))
    counties = answer.get("counties", [])
    if counties:
        fields = [key for key in counties[0] if key != "code"]
        shown = [
            (names.get(county["code"], county["code"]), *(yuan(county[key]) for key in fields))
            for county in counties
        ]
        yield Table(title, shown, ("县 / county", *(_FIGURES[key] for key in fields)))
        yield choose("依据：", "rules: ") + ", ".join(
            dict.fromkeys(rule for ids in rules.values() for rule in ids)
        )


def _shown(key: str, value: Any) -> object:
    if isinstance(value, list):
        return ", ".join(yuan(item) if key.endswith("_fen") else str(item) for item in value) or choose(
            "无", "none"
        )
    return yuan(value) if key.endswith("_fen") else value


def _basis(answer: Mapping[str, Any]) -> Iterator[str]:
    for key, value in answer["readings"].items():
        yield f"{choose('读法', 'reading')}{_colon()}{key} = {value}"
    for key in answer["readings_not_used"]:
        yield f"读法 {key} 在此没有用到 / the reading {key} was not used"
    for key, change in answer["settings"].items():
        yield choose(
            f"假设：{key} = {change['to']}（原为 {change['from']}）",
            f"what if: {key} = {change['to']} (was {change['from']})",
        )
    for note in answer["notes"]:
        yield choose(f"说明：{note['zh']}", f"note: {note['en']}") + (
            f" ({note['rule']})" if note["rule"] else ""
        )


def _figure(key: str) -> str:
    """What a compared figure is called: a bearer, a figure, or a pool as it stands afterwards."""
    pool = key.removeprefix("pools_after.").removesuffix("_fen")
    if pool in _BEARERS and key.startswith("pools_after."):
        return f"{choose('清算后', 'after')}{_colon()}{one_language(_BEARERS[pool])}"
    return one_language(_BEARERS.get(key, _FIGURES.get(key, key)))


def _differences(comparison: Mapping[str, Any]) -> Iterator[Table | str]:
    if "error" in comparison["base"]:
        yield f"{choose('本市规则', 'own rules')}{_colon()}{one_language(comparison['base']['error']['message'])}"
    rows = [
        (
            row["county"] or choose("全市", "city"),
            _figure(row["figure"]),
            *(
                yuan(row[side]) if isinstance(row[side], int) else row[side]
                for side in ("base", "variant", "difference_fen")
            ),
        )
        for row in comparison["differences"]
    ]
    yield Table(
        "与本市规则比较（元） / compared with the city's own rules (yuan)",
        rows,
        ("县 / county", "项目 / figure", "本市 / own", "假设 / what if", "差额 / difference"),
    )
