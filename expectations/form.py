"""Checks that hold for every county form: whose it is, for which month and fund, complete and signed."""

from collections.abc import Callable, Iterable
from functools import partial

import great_expectations.expectations as gxe

from expectations.arithmetic import (
    ExpectAmountsNotToBeNegative,
    ExpectPairsToBeEqual,
    ExpectSignedSumToEqual,
    ExpectValuesToBeStated,
)
from expectations.checks import (
    Check,
    Facts,
    amount_text,
    as_written,
    at,
    own_amount,
    text,
    value,
)
from fundpool.domain.findings import Severity
from schemas.documents.base import DocumentType, FieldKind, Presence, Sum

BLOCK, REVIEW, NOTE = Severity.BLOCK, Severity.REVIEW, Severity.NOTE
FORM = "表内勾稽关系 / the form's own identities"
REGISTER = "市级统筹区划名册 / register of the pooled city"
STATED = "填写 / a value"
"""What a blank cell is expected to hold; the runner drops it where the reader already said why."""
CONTROL = "经办内部控制：经办、复核分设 / internal control: maker and checker apart"


def whose_and_when(prefix: str, document: DocumentType) -> tuple[Check, ...]:
    """Checks 001–006: county, code against name, fund, month, each row once, every fund present.

    Lists of details have no 006: a county may have no payer of one fund in a month.
    """
    checks = (
        Check(
            f"{prefix}-001",
            BLOCK,
            "县区在名册中",
            "county is in the register",
            "县区“{found}”不在本市名册中",
            "county “{found}” is not in the city's register",
            REGISTER,
            "填写名册中的代码和名称 / write the code and name of the register",
            partial(gxe.ExpectColumnValuesToNotBeNull, column="county"),
            at("county_name"),
            lambda facts, _: " ".join(
                facts["raw"].get(key, "") for key in ("county_code", "county_name")
            ).strip(),
            text("名册中的县区 / a county of the register"),
        ),
        Check(
            f"{prefix}-002",
            BLOCK,
            "代码与名称一致",
            "code and name agree",
            "县区代码与名称对不上：{found}",
            "county code and name do not agree: {found}",
            REGISTER,
            "核对代码和名称 / compare code and name",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A="county_by_code",
                column_B="county_by_name",
                ignore_row_if="either_value_is_missing",
            ),
            at("county_code"),
            lambda facts, _: f"{facts['raw'].get('county_code', '')} ≠ {facts['raw'].get('county_name', '')}",
            value("county_named"),
        ),
        Check(
            f"{prefix}-003",
            BLOCK,
            "险种明确",
            "fund is known",
            "险种“{found}”不明",
            "fund “{found}” is not known",
            "各险种基金分别核算 / the funds never mix",
            "填写本市险种的名称 / write one of the city's funds",
            partial(gxe.ExpectColumnValuesToNotBeNull, column="fund"),
            at("fund"),
            as_written,
            value("city_funds"),
        ),
        Check(
            f"{prefix}-004",
            BLOCK,
            "月份相符" if document.period == "month" else "年度相符",
            f"{document.period} is the {document.period} asked for",
            f"{document.month_zh}写的是“{{found}}”，应为 {{expected}}",
            f"{document.month_en} reads “{{found}}”, expected {{expected}}",
            "按期报送 / filed by period",
            "改正所属期；如报的是其他期，请在该期报送 / correct the period, or file it with its own",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A=document.period,
                column_B=f"expected_{document.period}",
                ignore_row_if="neither",
            ),
            at(document.period),
            as_written,
            value(f"expected_{document.period}"),
        ),
        Check(
            f"{prefix}-005",
            BLOCK,
            "一县一险种一行" if document.per_fund else "明细不重复",
            "each row once",
            "{county}{fund} 出现不止一行",
            "{county} {fund} stands more than once",
            FORM,
            "合并或删去重复的行 / remove the repeated row",
            partial(
                gxe.ExpectCompoundColumnsToBeUnique,
                column_list=[
                    "file",
                    *("county" if key == "county_code" else key for key in document.row_key),
                ],
            ),
            at(document.row_key[-1]),
            lambda facts, _: " ".join(str(facts["raw"].get(key, "")) for key in document.row_key),
            text("一行 / one row"),
        ),
        Check(
            f"{prefix}-006",
            REVIEW,
            "险种齐全",
            "every fund has a row",
            "{county}缺 {found} 的行；没有发生额也要填零",
            "{county} has no row for {found}; nothing is written as 0",
            "各险种分别编报 / every fund is filed",
            "补上该险种 / add the fund",
            partial(gxe.ExpectColumnValuesToBeNull, column="missing_funds"),
            at("fund"),
            value("missing_funds"),
            value("city_funds"),
            fund="missing_fund",
        ),
    )
    return checks if document.per_fund else checks[:-1]


def amounts_in_order(prefix: str, first: int, document: DocumentType) -> tuple[Check, ...]:
    """Three checks from ``first``: required cells filled, no amount below nil, control totals match."""
    required = [
        f.key for f in document.fields if f.presence is Presence.REQUIRED and f.kind is not FieldKind.FUND
    ]
    required = [key for key in required if key not in {"county_code", "county_name", "month", "year"}]
    not_below = [f.key for f in document.money_fields if not f.may_be_negative]
    money = [f.key for f in document.money_fields]
    return (
        Check(
            f"{prefix}-{first:03d}",
            BLOCK,
            "应填的都填了",
            "required cells are filled",
            "“{field}”没有填；没有发生额请填 0",
            "“{field}” is blank; write 0 if there is nothing",
            "空白不等于零 / blank is not nil",
            "填写该格 / fill the cell",
            partial(ExpectValuesToBeStated, column_list=required),
            lambda facts: [key for key in required if facts[key] is None],
            as_written,
            text(STATED),
        ),
        Check(
            f"{prefix}-{first + 1:03d}",
            BLOCK,
            "金额不为负",
            "no amount below nil",
            "“{field}”为负数 {found}",
            "“{field}” is negative: {found}",
            FORM,
            "改正；冲减请写入备注 / correct it; explain reductions in the remark",
            partial(ExpectAmountsNotToBeNegative, column_list=not_below),
            lambda facts: [key for key in not_below if facts[key] is not None and facts[key] < 0],
            own_amount,
            text("≥ 0.00"),
        ),
        Check(
            f"{prefix}-{first + 2:03d}",
            BLOCK,
            "控制合计相符",
            "control totals match",
            "“{field}”的控制合计为 {found}，各行相加为 {expected}",
            "the control total of “{field}” is {found}, the rows add up to {expected}",
            "控制合计 / control totals",
            "核对各行与合计 / compare rows and total",
            partial(
                ExpectPairsToBeEqual,
                column_list=[name for key in money for name in (f"control_{key}", f"sum_{key}")],
            ),
            lambda facts: [
                f"control_{key}"
                for key in money
                if facts[f"control_{key}"] is not None and facts[f"control_{key}"] != facts[f"sum_{key}"]
            ],
            own_amount,
            lambda facts, field: amount_text(facts[f"sum_{field.removeprefix('control_')}"]),
        ),
        Check(
            f"{prefix}-{first + 3:03d}",
            REVIEW,
            "有控制合计",
            "control totals are given",
            "没有控制合计行，无法核对是否漏行",
            "there is no control total row; missing rows cannot be noticed",
            "控制合计 / control totals",
            "补上“控制合计”行 / add the total row",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="has_total_row", value_set=[False]),
            at(f"control_{money[-1]}"),
            text("无 / none"),
            text("控制合计"),
        ),
    )


def signed(prefix: str, first: int) -> tuple[Check, ...]:
    """Two checks from ``first``: three signatures, and maker and checker are different people."""
    people = ("prepared_by", "checked_by", "responsible")
    names = {"prepared_by": "经办人", "checked_by": "复核人", "responsible": "负责人"}

    def missing(facts: Facts) -> Iterable[str]:
        return [person for person in people if facts[person] == ""]

    return (
        Check(
            f"{prefix}-{first:03d}",
            REVIEW,
            "经办、复核、负责人齐全",
            "prepared, checked and responsible are named",
            "没有填写{found}",
            "{found} is not named",
            CONTROL,
            "补填签名 / add the name",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="signed", value_set=[False]),
            missing,
            lambda _facts, field: names[field],
            text("姓名 / a name"),
        ),
        Check(
            f"{prefix}-{first + 1:03d}",
            REVIEW,
            "经办与复核不是同一人",
            "maker and checker differ",
            "经办人与复核人都是 {found}",
            "{found} both prepared and checked the form",
            CONTROL,
            "由另一人复核 / have another person check",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="maker_is_checker", value_set=[True]),
            at("checked_by"),
            value("checked_by"),
            text("另一人 / another person"),
        ),
    )


def adds_up(code: str, document: DocumentType, total: str, *, title_zh: str, title_en: str) -> Check:
    """The identity that the document's definition states for ``total``, to the fen."""
    rule = document.field_of(total).follows_from
    assert rule is not None
    name = document.field_of(total).zh
    return Check(
        code,
        BLOCK,
        title_zh,
        title_en,
        f"{{county}}{{fund}}“{name}”填 {{found}}，按 {formula(document, rule)} 应为 {{expected}}",
        "{county} {fund}: “{field}” reads {found}, its parts give {expected}",
        FORM,
        "核对各项与合计 / compare the parts and the sum",
        partial(
            ExpectSignedSumToEqual,
            column_list=[total, *rule.plus, *rule.minus],
            signs=[*(1 for _ in rule.plus), *(-1 for _ in rule.minus)],
            at_least_nil=rule.at_least_nil,
            optional=rule.optional,
        ),
        at(total),
        own_amount,
        computed(rule),
    )


def formula(document: DocumentType, rule: Sum) -> str:
    """The identity in words of the form: 计划支出 − 可用余额."""
    plus = " + ".join(document.field_of(key).zh for key in rule.plus)
    minus = "".join(f" − {document.field_of(key).zh}" for key in rule.minus)
    return plus + minus + ("（不足零按零）" if rule.at_least_nil else "")


def computed(rule: Sum) -> Callable[[Facts, str], str | None]:
    """What the parts of a row add up to."""

    def tell(facts: Facts, _field: str) -> str | None:
        total = sum(facts[key] or 0 for key in rule.plus) - sum(facts[key] for key in rule.minus)
        return amount_text(max(total, 0) if rule.at_least_nil else total)

    return tell
