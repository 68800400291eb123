"""Checks that hold for every county form: whose it is, for which month and fund, complete and signed."""

import great_expectations.expectations as gxe

from expectations.arithmetic import (
    cells,
    control_totals,
    equal,
    not_left_blank,
    not_negative,
    signed_sum,
    stated,
)
from expectations.checks import BLOCK, REVIEW, Check, as_written, text, value
from schemas.documents.base import SIGNATURES, DocumentField, DocumentType, FieldKind, Sum

FORM = "表内勾稽关系 / the form's own identities"
REGISTER = "市级统筹区划名册 / register of the pooled city"
STATED = "填写 / a value"
"""What a blank cell is expected to hold; the runner drops the finding where the reader already has one."""
CONTROL = "经办内部控制：经办、复核分设 / internal control: maker and checker apart"


def form_checks(prefix: str, document: DocumentType) -> tuple[Check, ...]:
    """Checks 001–012, which every document has as far as they apply to it, and from 013 on its own sums.

    A list of details has no 006, because a county may have no payer of a fund in a month. A bank
    statement is not signed and has neither 011 nor 012.
    """
    missing_funds = _every_fund_has_a_row(prefix) if document.per_fund else ()
    signatures = _signed(prefix) if any(label in document.labels for label in SIGNATURES) else ()
    sums = [(field, field.follows_from) for field in document.fields if field.follows_from is not None]
    return (
        *_whose_and_when(prefix, document),
        *missing_funds,
        *_amounts(prefix, document),
        *signatures,
        *(
            _adds_up(f"{prefix}-{code:03}", document, field, rule=rule)
            for code, (field, rule) in enumerate(sums, start=13)
        ),
    )


def _whose_and_when(prefix: str, document: DocumentType) -> tuple[Check, ...]:
    """Checks 001–005: county, code against name, fund, period, each row once."""
    return (
        Check(
            code=f"{prefix}-001",
            severity=BLOCK,
            title_zh="县区在名册中",
            title_en="county is in the register",
            message_zh="县区“{found}”不在本市名册中",
            message_en="county “{found}” is not in the city's register",
            basis=REGISTER,
            remedy="填写名册中的代码和名称 / write the code and name of the register",
            expect=gxe.ExpectColumnValuesToNotBeNull(column="county"),
            field="county_name",
            found=lambda facts, _: " ".join(
                facts["raw"].get(key, "") for key in ("county_code", "county_name")
            ).strip(),
            expected=text("名册中的县区 / a county of the register"),
        ),
        Check(
            code=f"{prefix}-002",
            severity=BLOCK,
            title_zh="代码与名称一致",
            title_en="code and name agree",
            message_zh="县区代码与名称对不上：{found}",
            message_en="county code and name do not agree: {found}",
            basis=REGISTER,
            remedy="核对代码和名称 / compare code and name",
            expect=equal("county_by_code", "county_by_name"),
            field="county_code",
            found=lambda facts, _: (
                f"{facts['raw'].get('county_code', '')} ≠ {facts['raw'].get('county_name', '')}"
            ),
            expected=value("county_named"),
        ),
        Check(
            code=f"{prefix}-003",
            severity=BLOCK,
            title_zh="险种明确",
            title_en="fund is known",
            message_zh="险种“{found}”不明",
            message_en="fund “{found}” is not known",
            basis="各险种基金分别核算 / the funds never mix",
            remedy="填写本市险种的名称 / write one of the city's funds",
            expect=gxe.ExpectColumnValuesToNotBeNull(column="fund"),
            found=as_written,
            expected=value("city_funds"),
        ),
        Check(
            code=f"{prefix}-004",
            severity=BLOCK,
            title_zh="月份相符" if document.period == "month" else "年度相符",
            title_en=f"{document.period} is the {document.period} asked for",
            message_zh=f"{document.month_zh}写的是“{{found}}”，应为 {{expected}}",
            message_en=f"{document.month_en} reads “{{found}}”, expected {{expected}}",
            basis="按期报送 / filed by period",
            remedy="改正所属期；如报的是其他期，请在该期报送 / correct the period, or file it with its own",
            expect=gxe.ExpectColumnPairValuesToBeEqual(
                column_A=document.period, column_B=f"expected_{document.period}", ignore_row_if="neither"
            ),
            found=as_written,
        ),
        Check(
            code=f"{prefix}-005",
            severity=BLOCK,
            title_zh="一县一险种一行" if document.per_fund else "明细不重复",
            title_en="each row once",
            message_zh="{county}{fund} 出现不止一行",
            message_en="{county} {fund} stands more than once",
            basis=FORM,
            remedy="合并或删去重复的行 / remove the repeated row",
            expect=gxe.ExpectCompoundColumnsToBeUnique(
                column_list=[
                    "file",
                    *("county" if key == "county_code" else key for key in document.row_key),
                ]
            ),
            field=document.row_key[-1],
            found=lambda facts, _: " ".join(str(facts["raw"].get(key, "")) for key in document.row_key),
            expected=text("一行 / one row"),
        ),
    )


def _every_fund_has_a_row(prefix: str) -> tuple[Check]:
    return (
        Check(
            code=f"{prefix}-006",
            severity=REVIEW,
            title_zh="险种齐全",
            title_en="every fund has a row",
            message_zh="{county}缺 {found} 的行；没有发生额也要填零",
            message_en="{county} has no row for {found}; nothing is written as 0",
            basis="各险种分别编报 / every fund is filed",
            remedy="补上该险种 / add the fund",
            expect=gxe.ExpectColumnValuesToBeNull(column="missing_funds"),
            field="fund",
            found=value("missing_funds"),
            expected=value("city_funds"),
            fund_column="missing_fund",
        ),
    )


def _amounts(prefix: str, document: DocumentType) -> tuple[Check, ...]:
    """Checks 007–010: required cells filled, no amount below nil, control totals match and are given."""
    place = {FieldKind.COUNTY_CODE, FieldKind.COUNTY_NAME, FieldKind.MONTH, FieldKind.YEAR, FieldKind.FUND}
    money = [f.key for f in document.money_fields]
    return (
        Check(
            code=f"{prefix}-007",
            severity=BLOCK,
            title_zh="应填的都填了",
            title_en="required cells are filled",
            message_zh="“{field}”没有填；没有发生额请填 0",
            message_en="“{field}” is blank; write 0 if there is nothing",
            basis="空白不等于零 / blank is not nil",
            remedy="填写该格 / fill the cell",
            expect=cells(
                stated,
                [f.key for f in document.fields if not f.is_optional and f.kind not in place],
            ),
            found=as_written,
            expected=text(STATED),
        ),
        Check(
            code=f"{prefix}-008",
            severity=BLOCK,
            title_zh="金额不为负",
            title_en="no amount below nil",
            message_zh="“{field}”为负数 {found}",
            message_en="“{field}” is negative: {found}",
            basis=FORM,
            remedy="改正；冲减请写入备注 / correct it; explain reductions in the remark",
            expect=cells(not_negative, [f.key for f in document.money_fields if not f.may_be_negative]),
            expected=text("≥ 0.00"),
        ),
        Check(
            code=f"{prefix}-009",
            severity=BLOCK,
            title_zh="控制合计相符",
            title_en="control totals match",
            message_zh="“{field}”的控制合计为 {found}，各行相加为 {expected}",
            message_en="the control total of “{field}” is {found}, the rows add up to {expected}",
            basis="控制合计 / control totals",
            remedy="核对各行与合计 / compare rows and total",
            expect=cells(
                control_totals, [name for key in money for name in (f"control_{key}", f"sum_{key}")]
            ),
        ),
        Check(
            code=f"{prefix}-010",
            severity=REVIEW,
            title_zh="有控制合计",
            title_en="control totals are given",
            message_zh="没有控制合计行，无法核对是否漏行",
            message_en="there is no control total row; missing rows cannot be noticed",
            basis="控制合计 / control totals",
            remedy="补上“控制合计”行 / add the total row",
            expect=gxe.ExpectColumnValuesToNotBeInSet(column="has_total_row", value_set=[False]),
            field=f"control_{money[-1]}",
            found=text("无 / none"),
            expected=text("控制合计"),
        ),
    )


def _signed(prefix: str) -> tuple[Check, ...]:
    """Checks 011–012: three signatures, and maker and checker are different people."""
    names = {label.key: label.zh for label in SIGNATURES}
    return (
        Check(
            code=f"{prefix}-011",
            severity=REVIEW,
            title_zh="经办、复核、负责人齐全",
            title_en="prepared, checked and responsible are named",
            message_zh="没有填写{found}",
            message_en="{found} is not named",
            basis=CONTROL,
            remedy="补填签名 / add the name",
            expect=cells(not_left_blank, list(names)),
            found=lambda _facts, field: names[field],
            expected=text("姓名 / a name"),
        ),
        Check(
            code=f"{prefix}-012",
            severity=REVIEW,
            title_zh="经办与复核不是同一人",
            title_en="maker and checker differ",
            message_zh="经办人与复核人都是 {found}",
            message_en="{found} both prepared and checked the form",
            basis=CONTROL,
            remedy="由另一人复核 / have another person check",
            expect=gxe.ExpectColumnValuesToNotBeInSet(column="maker_is_checker", value_set=[True]),
            field="checked_by",
            expected=text("另一人 / another person"),
        ),
    )


def _adds_up(code: str, document: DocumentType, field: DocumentField, *, rule: Sum) -> Check:
    """The identity that the document's definition states for ``field``, to the fen."""
    return Check(
        code=code,
        severity=BLOCK,
        title_zh=rule.title_zh,
        title_en=rule.title_en,
        message_zh=f"{{county}}{{fund}}“{field.zh}”填 {{found}}，按 {_formula(document, rule)} 应为 {{expected}}",
        message_en="{county} {fund}: “{field}” reads {found}, its parts give {expected}",
        basis=FORM,
        remedy="核对各项与合计 / compare the parts and the sum",
        expect=cells(
            signed_sum,
            [field.key, *rule.plus, *rule.minus],
            signs=[1] * len(rule.plus) + [-1] * len(rule.minus),
            at_least_nil=rule.at_least_nil,
            optional=rule.optional,
        ),
    )


def _formula(document: DocumentType, rule: Sum) -> str:
    """The identity in words of the form: 计划支出 − 可用余额."""
    plus = " + ".join(document.field_of(key).zh for key in rule.plus)
    minus = "".join(f" − {document.field_of(key).zh}" for key in rule.minus)
    return plus + minus + ("（不足零按零）" if rule.at_least_nil else "")


def account_number(code: str) -> Check:
    """The account of a list's row has the form of an account number."""
    return Check(
        code=code,
        severity=REVIEW,
        title_zh="账号为 6–32 位数字",
        title_en="account of 6–32 digits",
        message_zh="账号“{found}”不像账号",
        message_en="“{found}” does not look like an account",
        basis="账号以文本保存 / accounts are text",
        remedy="按开户资料填写全部数字 / write every digit of the account",
        expect=gxe.ExpectColumnValuesToMatchRegex(column="account", regex=r"^[0-9][0-9-]{4,30}[0-9]$"),
        found=as_written,
        expected=text("6–32 位数字 / digits"),
    )
