"""``fundpool compute``: facts and a city's text in, figures with the rules behind them out.

Pure: no database, no clock. Each name of the table below is one calculation of the outside
contract; a city whose text has no block for it does not provide it, and is never answered with 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from fundpool.domain.collected_fund import CountyPosition, Division, NothingToDivideBy, Weight, collect
from fundpool.domain.contribution_base import contribution_base
from fundpool.domain.errors import FundpoolError, InputError, UndefinedPolicy
from fundpool.domain.money import nearest_fen
from fundpool.domain.monthly_cap import allowed_within_budget
from fundpool.domain.policy import CityPolicy, PolicyRule, Status
from fundpool.domain.risk import LastLevy, WarningLine, judge_standing, levy_reserve
from fundpool.domain.subsidy import quarters_of
from fundpool.domain.working_capital import Average, quota_of
from fundpool.services.law import settlement
from fundpool.services.law.plain import plain
from fundpool.services.law.policy_terms import B, Setting, Terms, cite, read_blocks, silent
from schemas import facts as shapes
from schemas import policy_computes as blocks

Answer = dict[str, Any]
F = TypeVar("F", bound=shapes.Facts)


@dataclass(frozen=True, slots=True)
class Question:
    """A calculation to be answered, for one fund and year of ``city``, perhaps under other rules.

    ``under`` is the city whose rules apply when it is not the county's own; ``settings`` replace
    single values of those rules.
    """

    name: str
    city: CityPolicy
    fund: str
    year: int
    readings: Mapping[str, str] = field(default_factory=dict)
    under: CityPolicy | None = None
    settings: Sequence[Setting] = ()


@dataclass(frozen=True, slots=True)
class Calculation:
    """One name of the contract: its facts, the block it cannot do without, and how it is answered."""

    name_zh: str
    facts: type[shapes.Facts]
    needs: type[blocks.ComputeBlock]
    answer: Callable[[Terms, Any], Answer]
    absent: str
    """Key under ``absent`` of a policy file where it may say that the document has no such thing."""


CALCULATIONS: dict[str, Calculation] = {}
"""Every name of the contract, as the functions below answer it."""


def _calculation(
    name: str, name_zh: str, *, facts: type[F], needs: type[blocks.ComputeBlock], absent: str | None = None
) -> Callable[[Callable[[Terms, F], Answer]], Callable[[Terms, F], Answer]]:
    """Decorator: the function answers the calculation ``name``; ``absent`` is that name in underscores by default."""

    def enter(answer: Callable[[Terms, F], Answer]) -> Callable[[Terms, F], Answer]:
        CALCULATIONS[name] = Calculation(
            name_zh=name_zh, facts=facts, needs=needs, answer=answer, absent=absent or name.replace("-", "_")
        )
        return answer

    return enter


def compute(question: Question, facts: object) -> Answer:
    """The answer of one calculation; ``facts`` is the parsed JSON document.

    Raises InputError for facts that do not hold, an unknown name, fund or reading, and
    UndefinedPolicy where the city's text does not provide the calculation or leaves a value open.
    """
    calculation = _calculation_of(question.name)
    city = question.under or question.city
    question.city.fund(question.fund)
    terms = Terms(
        city,
        city.fund(question.fund),
        question.year,
        readings=question.readings,
        settings=question.settings,
    )
    terms.check_in_force()
    if not terms.stated(calculation.needs):
        raise _not_provided(calculation, question, city)
    read = _read_facts(calculation.facts, facts)
    _check_counties(read, question.city)
    figures = calculation.answer(terms, read)
    if city.status is Status.DRAFT and not question.under:
        raise UndefinedPolicy(
            "draft",
            f"{city.instruments[0].title}是草案，没有生效",
            f"the document of {city.name_en} is a draft and not in force",
            basis=city.instruments[0].reference,
            remedy="以 --under 只作比较 / compare with --under only",
        )
    return _head(question) | {
        "readings": terms.readings_used,
        "readings_not_used": terms.readings_not_used,
        "settings": terms.changes,
        **figures,
        "notes": terms.notes,
    }


def blocked(question: Question, error: UndefinedPolicy) -> Answer:
    """The answer of a calculation that the law does not allow to finish: why, and by which rule."""
    return _head(question) | {
        "readings": {},
        "error": {
            "code": error.code,
            "message": str(error),
            "basis": error.basis,
            "remedy": error.remedy,
        },
    }


def _head(question: Question) -> Answer:
    head: Answer = {
        "name": question.name,
        "city": question.city.key,
        "fund": question.fund,
        "year": question.year,
    }
    if question.under:
        head["under"] = question.under.key
    return head


def compare(question: Question, facts: object) -> Answer:
    """The what-if answer with the city's own answer beside it and every figure that differs.

    A side that the law does not allow to finish is there with its error, and has no figures.
    Raises InputError as ``compute`` does, UndefinedPolicy when neither side can be computed.
    """
    base_question = replace(question, readings={}, under=None, settings=())
    own, other = _answer_or_error(base_question, facts), _answer_or_error(question, facts)
    if isinstance(other, UndefinedPolicy) and isinstance(own, UndefinedPolicy):
        raise other
    base = blocked(base_question, own) if isinstance(own, UndefinedPolicy) else own
    variant = blocked(question, other) if isinstance(other, UndefinedPolicy) else other
    figures_own = {} if isinstance(own, UndefinedPolicy) else dict(_figures(own))
    figures_other = {} if isinstance(other, UndefinedPolicy) else dict(_figures(other))
    differences = []
    for key in dict.fromkeys([*figures_own, *figures_other]):
        before, after = _side(key, figures_own, figures_other), _side(key, figures_other, figures_own)
        if before != after:
            differences.append(_difference(key, before, after))
    differences.sort(key=lambda difference: difference["county"] or "~")
    return variant | {"compare": {"base": base, "differences": differences}}


Figure = tuple[str | None, str]
"""County (None for the whole city) and the figure's name; a share is named by its bearer."""


def _side(key: Figure, mine: Mapping[Figure, Any], theirs: Mapping[Figure, Any]) -> Any:
    # A bearer without a row bears nothing: 0, not unknown - unless the whole side is missing.
    if key in mine or not mine:
        return mine.get(key)
    return 0 if isinstance(theirs[key], int) and not isinstance(theirs[key], bool) else None


def _difference(key: Figure, before: Any, after: Any) -> Answer:
    numbers = isinstance(before, int) and isinstance(after, int)
    return {
        "county": key[0],
        "figure": key[1],
        "base": before,
        "variant": after,
        "difference_fen": after - before if numbers else None,
    }


def _answer_or_error(question: Question, facts: object) -> Answer | UndefinedPolicy:
    try:
        return compute(question, facts)
    except UndefinedPolicy as error:
        return error


def _figures(answer: Answer) -> Iterable[tuple[Figure, Any]]:
    for county in answer.get("counties", []):
        code = county["code"]
        borne: dict[str, int] = {}
        for share in county.get("shares", []):
            borne[share["bearer"]] = borne.get(share["bearer"], 0) + share["amount_fen"]
        yield from (((code, bearer), amount) for bearer, amount in borne.items())
        yield from (((code, name), value) for name, value in county.items() if name.endswith("_fen"))
    for name, amount in answer.get("pools_after", {}).items():
        yield (None, f"pools_after.{name}"), amount
    for name, value in answer.items():
        if name.endswith("_fen") or name in {"surplus_ratio", "months_of_coverage", "alarms"}:
            yield (None, name), value


def check_computes(city: CityPolicy) -> None:
    """Raises InputError when the blocks of a city do not hang together, naming the rule.

    Every fund and every year from the first whole one to two years past the newest rule is put
    together; values that the text leaves open are fine.
    """
    for rule in city.rules:
        for block in read_blocks(rule):
            _check_references(city, rule, block)
    days = [rule.valid_from for rule in city.rules if rule.valid_from]
    years = range(min(days).year, max(days).year + 3) if days else range(2024, 2025)
    for fund in city.funds:
        for year in years:
            terms = Terms(city, fund, year)
            settlement.rules_of(terms)
            for kind in _ONCE_A_YEAR:
                if stated := terms.stated(kind):
                    _only(stated)
            for occasion in ("first", "top_up"):
                if collections := [
                    pair for pair in terms.stated(blocks.CollectedFund) if pair[1].when == occasion
                ]:
                    _only(collections)


_ONCE_A_YEAR: tuple[type[blocks.ComputeBlock], ...] = (
    blocks.ReserveLevyBlock,
    blocks.ReserveCap,
    blocks.WorkingCapital,
    blocks.SubsidyQuarters,
    blocks.MonthlyCap,
    blocks.ContributionBase,
    blocks.AdjustmentFund,
)
"""Blocks that contradict each other when two hold for one fund and year."""


def _check_references(city: CityPolicy, rule: PolicyRule, block: blocks.ComputeBlock) -> None:
    named = [*block.rests_on]
    if isinstance(block, blocks.CarriedBy):
        named.append(block.rule)
    if isinstance(block, blocks.SettlementTier):
        named.extend(block.approval.values())
    readings = [value.interpretation for _, value in block if isinstance(value, blocks.ByReading)]
    for what_zh, what_en, names, known in (
        ("规则", "rule", named, {other.id for other in city.rules}),
        ("险种", "fund", block.funds or (), {fund.key for fund in city.funds}),
        ("读法", "reading", [*readings, *block.read_as], city.interpretations().keys()),
    ):
        for name in names:
            if name not in known:
                raise InputError(
                    "policy_file",
                    f"{city.file}：{rule.id} 的 computes 引用了不存在的{what_zh} {name}",
                    f"{city.file}: computes of {rule.id} names the {what_en} {name}, which does not exist",
                )


def _calculation_of(name: str) -> Calculation:
    if name not in CALCULATIONS:
        known = ", ".join(CALCULATIONS)
        raise InputError(
            "unknown_name", f"没有计算项 {name}；有：{known}", f"no calculation {name}; there are {known}"
        )
    return CALCULATIONS[name]


def _not_provided(calculation: Calculation, question: Question, city: CityPolicy) -> UndefinedPolicy:
    absent = next((entry.text for entry in city.absent if entry.what == calculation.absent), None)
    fund = city.fund(question.fund)
    reference = city.instruments[0].reference
    return UndefinedPolicy(
        "not_provided",
        f"{city.name_zh}的文件没有规定{fund.name_zh}的{calculation.name_zh}（{question.year} 年度）",
        f"the documents of {city.name_en} do not provide {question.name} for {fund.key} in {question.year}",
        basis=f"{reference}：{absent}" if absent else reference,
        remedy="以 --under 试用别的城市的规则 / try another city's rules with --under",
    )


def _read_facts(model: type[shapes.Facts], facts: object) -> shapes.Facts:
    try:
        return model.model_validate(facts)
    except ValidationError as problem:
        errors = _plain(problem.errors())
        fields = [_field(error["loc"]) for error in errors]
        zh = "；".join(
            f"{name} {_MESSAGES_ZH.get(error['type'], error['msg'])}{_found(error)}"
            for name, error in zip(fields, errors, strict=True)
        )
        en = "; ".join(f"{name}: {error['msg']}" for name, error in zip(fields, errors, strict=True))
        raise InputError(
            "facts",
            f"事实不成立：{zh}",
            f"the facts do not hold: {en}",
            remedy="金额为整数分，不为负，不加引号 / amounts are whole fen, not negative, without quotes",
        ) from problem


_SHOWN_ERRORS = 10


def _plain(errors: Sequence[Any]) -> list[Any]:
    """The first errors; a list is not called empty because its items do not hold."""
    inner = {error["loc"][0] for error in errors if len(error["loc"]) > 1}
    plain = [error for error in errors if not (error["type"] == "too_short" and error["loc"][0] in inner)]
    return plain[:_SHOWN_ERRORS]


_MESSAGES_ZH = {
    "missing": "缺少",
    "extra_forbidden": "是多余的键",
    "int_type": "应为整数分",
    "greater_than_equal": "不能为负",
    "less_than_equal": "过大，疑为单位错误",
    "bool_type": "应为 true 或 false",
    "string_type": "应为文本",
    "enum": "取值不对",
    "too_short": "不能为空",
    "too_long": "过多",
    "tuple_type": "应为列表",
    "model_type": "应为对象",
}


def _field(location: tuple[int | str, ...]) -> str:
    name = ""
    for part in location:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.lstrip(".") or "facts"


def _found(error: Mapping[str, Any]) -> str:
    if error["type"] in {"missing", "extra_forbidden"} or isinstance(error["input"], dict | list):
        return ""
    return f"（得到 {error['input']!r}）"


def _check_counties(facts: shapes.Facts, city: CityPolicy) -> None:
    counties = getattr(facts, "counties", ())
    known = {unit.code for unit in city.register}
    seen: set[str] = set()
    for index, county in enumerate(counties):
        field_name = f"counties[{index}].code"
        if county.code not in known:
            raise InputError(
                "unknown_county",
                f"{field_name}：{city.name_zh}没有编码为 {county.code} 的县（市、区）",
                f"{field_name}: {city.name_en} has no county {county.code}",
                remedy=f"fundpool policy show {city.key}",
            )
        if county.code in seen:
            raise InputError(
                "duplicate_county",
                f"{field_name}：{county.code} 出现了两次",
                f"{field_name}: {county.code} is given twice",
            )
        seen.add(county.code)


def _only(stated: Sequence[tuple[PolicyRule, B]]) -> tuple[PolicyRule, B]:
    """The one block of its kind; two would contradict each other."""
    if len(stated) > 1:
        ids = ", ".join(rule.id for rule, _ in stated)
        raise InputError(
            "policy_file",
            f"政策文件对同一险种同一年度有多条规定：{ids}",
            f"the policy file states the same thing twice for one fund and year: {ids}",
        )
    return stated[0]


_calculation(
    "settlement", "缺口分担", facts=shapes.SettlementFacts, needs=blocks.SettlementTier, absent="gap_ratio"
)(settlement.answer)


@_calculation("warning", "预警", facts=shapes.WarningFacts, needs=blocks.Warning_, absent="warning_line")
def _warning(terms: Terms, facts: shapes.WarningFacts) -> Answer:
    lines = _warning_lines(terms)
    standing = judge_standing(lines, **dict(facts))
    return {
        **plain(standing),
        "lines": [plain(line) for line in lines],
        "rules": {"alarms": list(dict.fromkeys(line.rule for line in lines))},
    }


def _warning_lines(terms: Terms) -> list[WarningLine]:
    stated = terms.stated(blocks.Warning_)
    terms.repeat_readings(block for _, block in stated)
    return [
        WarningLine(rule.id, block.measure, *block.line, alarm=block.alarm or block.measure.value)
        for rule, block in stated
    ]


def warning_lines(city: CityPolicy, fund: str, year: int) -> list[WarningLine]:
    """The lines that ``compute warning`` judges a fund's year by.

    Raises UndefinedPolicy where the city's text has none, or does not hold for the whole year.
    """
    question = Question("warning", city, fund, year)
    terms = Terms(city, city.fund(fund), year)
    terms.check_in_force()
    lines = _warning_lines(terms)
    if not lines:
        raise _not_provided(CALCULATIONS["warning"], question, city)
    return lines


@_calculation("risk-reserve", "风险储备金", facts=shapes.RiskReserveFacts, needs=blocks.ReserveLevyBlock)
def _risk_reserve(terms: Terms, facts: shapes.RiskReserveFacts) -> Answer:
    rule, levy = _only(terms.stated(blocks.ReserveLevyBlock))
    caps = terms.stated(blocks.ReserveCap)
    rate = terms.number(levy.rate, rule)
    if not caps:
        plain = levy_reserve(**dict(facts), rate=rate, cap_ratio=None)
        return {"levy_fen": plain.levy_fen, "cap_fen": None, "rules": {"levy_fen": [rule.id], "cap_fen": []}}
    cap_rule, cap = _only(caps)
    computed = levy_reserve(
        **dict(facts),
        rate=rate,
        cap_ratio=terms.number(cap.cap, cap_rule),
        stops_when=cap.stops_when,
        last_levy=terms.choose(cap.last_levy, LastLevy),
    )
    return {
        "levy_fen": computed.levy_fen,
        "cap_fen": computed.cap_fen,
        "rules": {"levy_fen": [rule.id, cap_rule.id], "cap_fen": [cap_rule.id]},
    }


@_calculation("working-capital", "周转金", facts=shapes.WorkingCapitalFacts, needs=blocks.WorkingCapital)
def _working_capital(terms: Terms, facts: shapes.WorkingCapitalFacts) -> Answer:
    rule, block = _only(terms.stated(blocks.WorkingCapital))
    months = terms.number(block.months, rule)
    average = terms.choose(block.average, Average)
    counties = []
    for index, county in enumerate(facts.counties):
        try:
            quota_fen = quota_of(county.monthly_payments_fen, months=months, average=average)
        except ValueError as problem:
            field_name = f"counties[{index}].monthly_payments_fen"
            raise InputError(
                "facts",
                f"{field_name}：需要 {average.months} 个月，得到 {len(county.monthly_payments_fen)} 个月",
                f"{field_name}: {problem}",
                basis=cite(rule),
            ) from problem
        counties.append({"code": county.code, "quota_fen": quota_fen})
    counties.sort(key=lambda county: str(county["code"]))
    return {
        "counties": counties,
        "average_months": average.months,
        "rules": {"quota_fen": [rule.id, *block.rests_on]},
    }


@_calculation("collected-fund", "归集基金", facts=shapes.CollectedFundFacts, needs=blocks.CollectedFund)
def _collected_fund(terms: Terms, facts: shapes.CollectedFundFacts) -> Answer:
    occasion = "first" if facts.first else "top_up"
    stated = [pair for pair in terms.stated(blocks.CollectedFund) if pair[1].when == occasion]
    if not stated:
        raise UndefinedPolicy(
            "not_provided",
            f"{terms.city.name_zh}的文件没有规定{terms.fund.name_zh}归集基金的{'首次归集' if facts.first else '补足'}",
            f"the documents of {terms.city.name_en} do not provide this collection ({occasion})",
            basis=terms.city.instruments[0].reference,
        )
    rule, block = _only(stated)
    terms.repeat_readings([block])
    parts = None if isinstance(block.by, str) else tuple((part.share, part.weight) for part in block.by)
    counties = [CountyPosition(**dict(county)) for county in facts.counties]
    try:
        collection = collect(
            counties,
            months=terms.number(block.months, rule),
            prior_expenditure_fen=facts.prior_expenditure_fen,
            fund_balance_fen=0 if facts.first else facts.fund_balance_fen,
            division=Division(parts, block.sources),
        )
    except NothingToDivideBy as problem:
        raise _nothing_to_divide_by(problem.weight, rule) from problem
    if collection.infeasible_fen:
        terms.note(
            "各县结余不足以承担：文件没有规定比例超过 1 时如何处理，未向任何县分摊",
            "the counties cannot carry it: the document has no rule for a ratio above one; nothing is asked of anybody",
            rule.id,
        )
    transfers = {transfer.code: transfer for transfer in collection.transfers}
    rules = [rule.id, *block.rests_on]
    return {
        "target_fen": collection.target_fen,
        "shortfall_fen": collection.shortfall_fen,
        "counties": [
            {
                "code": code,
                "transfer_fen": transfer.transfer_fen if transfer else None,
                "from_stored_balance_fen": transfer.from_stored_balance_fen if transfer else None,
                "from_county_finance_fen": transfer.from_county_finance_fen if transfer else None,
            }
            for code in sorted(county.code for county in counties)
            for transfer in (transfers.get(code),)
        ],
        "infeasible_fen": collection.infeasible_fen,
        "rules": {"target_fen": [rule.id], "transfer_fen": rules},
    }


def _nothing_to_divide_by(weight: Weight, rule: PolicyRule) -> FundpoolError:
    if weight is Weight.DEFICIT:
        return UndefinedPolicy(
            "no_bearer",
            "没有出现缺口的县：文件规定由缺口县承担的一半没有承担者",
            "no county had a deficit: the part that deficit counties bear has no bearer",
            basis=cite(rule),
        )
    return InputError(
        "facts",
        f"counties[].{weight.value} 全部为 0，无法分摊",
        f"counties[].{weight.value} is 0 everywhere: nothing to divide by",
        basis=cite(rule),
    )


@_calculation(
    "subsidy-quarters", "财政补助分季度到位", facts=shapes.SubsidyQuartersFacts, needs=blocks.SubsidyQuarters
)
def _subsidy_quarters(terms: Terms, facts: shapes.SubsidyQuartersFacts) -> Answer:
    rule, block = _only(terms.stated(blocks.SubsidyQuarters))
    terms.repeat_readings([block])
    quarters = quarters_of(
        facts.annual_budget_fen, shares=block.quarters, balancing_quarter=block.balancing_quarter
    )
    return {"quarters_fen": list(quarters), "rules": {"quarters_fen": [rule.id]}}


@_calculation("monthly-cap", "当年预算额度内按月拨付", facts=shapes.MonthlyCapFacts, needs=blocks.MonthlyCap)
def _monthly_cap(terms: Terms, facts: shapes.MonthlyCapFacts) -> Answer:
    rule, block = _only(terms.stated(blocks.MonthlyCap))
    terms.repeat_readings([block])
    allowed_fen = allowed_within_budget(**dict(facts))
    return {
        "allowed_fen": allowed_fen,
        "refused_fen": facts.requested_fen - allowed_fen,
        "rules": {"allowed_fen": [rule.id]},
    }


@_calculation(
    "contribution-base", "缴费基数", facts=shapes.ContributionBaseFacts, needs=blocks.ContributionBase
)
def _contribution_base(terms: Terms, facts: shapes.ContributionBaseFacts) -> Answer:
    rule, block = _only(terms.stated(blocks.ContributionBase))
    bases = [
        contribution_base(
            wage_fen, average_wage_fen=facts.average_wage_fen, floor=block.floor, ceiling=block.ceiling
        )
        for wage_fen in facts.wages_fen
    ]
    return {"bases_fen": bases, "rules": {"bases_fen": [rule.id]}}


@_calculation(
    "adjustment-fund",
    "调剂金",
    facts=shapes.AdjustmentFundFacts,
    needs=blocks.AdjustmentFund,
    absent="adjustment_fund_rate",
)
def _adjustment_fund(terms: Terms, facts: shapes.AdjustmentFundFacts) -> Answer:
    rule, block = _only(terms.stated(blocks.AdjustmentFund))
    rate = terms.number(block.rate, rule)
    if not isinstance(block.base, str):
        raise silent(block.base, rule)
    return {"levy_fen": nearest_fen(facts.income_fen * rate), "rules": {"levy_fen": [rule.id]}}
