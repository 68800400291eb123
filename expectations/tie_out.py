"""Checks against what is known beyond the file: history, last year, last report, ledger, budget."""

from functools import partial

import great_expectations.expectations as gxe

from expectations.arithmetic import ExpectAmountsToBeNil, ExpectAmountToBeNearTo
from expectations.checks import Check, at, own_amount, value, yuan
from fundpool.domain.findings import Severity

BLOCK, REVIEW, NOTE = Severity.BLOCK, Severity.REVIEW, Severity.NOTE


def ties(
    code: str,
    field: str,
    fact: str,
    *,
    title_zh: str,
    title_en: str,
    what_zh: str,
    what_en: str,
    severity: Severity = BLOCK,
) -> Check:
    """``field`` equals ``fact`` of the context to the fen; blocks, unless a reviewer may let it pass."""
    return Check(
        code,
        severity,
        title_zh,
        title_en,
        f"{{county}}{{fund}}“{{field}}”填 {{found}}，{what_zh}为 {{expected}}",
        f"{{county}} {{fund}}: “{{field}}” reads {{found}}, {what_en} is {{expected}}",
        "账表相符 / books and reports agree",
        f"按{what_zh}更正；确有差异请附说明 / correct to {what_en}, or explain",
        partial(
            gxe.ExpectColumnPairValuesToBeEqual,
            column_A=field,
            column_B=fact,
            ignore_row_if="either_value_is_missing",
        ),
        at(field),
        own_amount,
        yuan(fact),
        needs=fact,
    )


def total_ties(code: str, field: str, fact: str, *, what_zh: str, what_en: str) -> Check:
    """In a list: a county fund's rows add up, in ``field``, to what the books have; for the reviewer."""
    return Check(
        code,
        REVIEW,
        f"合计与{what_zh}相符",
        f"the total agrees with {what_en}",
        f"{{county}}{{fund}}“{{field}}”合计 {{found}}，{what_zh}为 {{expected}}",
        f"{{county}} {{fund}}: “{{field}}” adds up to {{found}}, {what_en} is {{expected}}",
        "账表相符 / books and reports agree",
        "核对明细与账；在途或跨月的请说明 / compare list and books; explain what is under way",
        partial(
            gxe.ExpectColumnPairValuesToBeEqual,
            column_A="fund_total_fen",
            column_B=fact,
            ignore_row_if="either_value_is_missing",
        ),
        at(field),
        yuan("fund_total_fen"),
        yuan(fact),
        needs=fact,
    )


def known(code: str, severity: Severity, field: str, fact: str, *, what_zh: str, what_en: str) -> Check:
    """The fact that another check compares with is known for the row's county and fund."""
    return Check(
        code,
        severity,
        f"{what_zh}已登记",
        f"{what_en} is on record",
        f"{{county}}{{fund}}没有登记{what_zh}，“{{field}}”无从核对",
        f"{{county}} {{fund}}: {what_en} is not on record, “{{field}}” cannot be compared",
        "无对照即不作通过 / nothing to compare with is no pass",
        f"由市级补登{what_zh} / the city records it",
        partial(gxe.ExpectColumnValuesToNotBeInSet, column=f"{fact}_unknown", value_set=[True]),
        at(field),
        own_amount,
        lambda _facts, _field: None,
        needs=fact if fact != "run_rate_fen" else "recent_monthly_spending_fen",
    )


def near_run_rate(code: str, field: str, low_percent: int, high_percent: int) -> Check:
    """``field`` lies near the mean of the last months; a note."""
    return Check(
        code,
        NOTE,
        "与近月支出相近",
        "near the last months' spending",
        "{county}{fund}“{field}”{found}，近月平均支出 {expected}，相差较大",
        "{county} {fund}: “{field}” is {found}, the last months' average is {expected}",
        f"近月平均的 {low_percent}%–{high_percent}% / {low_percent}–{high_percent}% of the last months' mean",
        "请说明原因 / explain",
        partial(
            ExpectAmountToBeNearTo,
            column_list=[field, "run_rate_fen"],
            low_percent=low_percent,
            high_percent=high_percent,
        ),
        at(field),
        own_amount,
        yuan("run_rate_fen"),
        needs="recent_monthly_spending_fen",
    )


def right_magnitude(code: str, field: str) -> Check:
    """``field`` is not thousands of times the last months' mean: yuan and 万元 confused; blocks."""
    return Check(
        code,
        BLOCK,
        "金额数量级相符",
        "the magnitude is right",
        "{county}{fund}“{field}”{found}，近月平均 {expected}，疑把万元当元或多写少写了位数",
        "{county} {fund}: “{field}” is {found} against a mean of {expected}: wrong unit or digits?",
        "单位为元，不换算 / the unit is yuan, nothing is converted",
        "按元重填 / write yuan",
        partial(
            ExpectAmountToBeNearTo, column_list=[field, "run_rate_fen"], low_percent=1, high_percent=10_000
        ),
        at(field),
        own_amount,
        yuan("run_rate_fen"),
        needs="recent_monthly_spending_fen",
    )


def near_last_year(code: str, field: str, low_percent: int, high_percent: int) -> Check:
    """``field`` lies near what the form itself states for last year; a note."""
    return Check(
        code,
        NOTE,
        "与上年同期相近",
        "near last year's same month",
        "{county}{fund}“{field}”{found}，上年同期 {expected}，增减较大",
        "{county} {fund}: “{field}” is {found}, last year's same month {expected}",
        f"上年同期的 {low_percent}%–{high_percent}% / {low_percent}–{high_percent}% of last year's month",
        "请说明原因 / explain",
        partial(
            ExpectAmountToBeNearTo,
            column_list=[field, "last_year_fen"],
            low_percent=low_percent,
            high_percent=high_percent,
        ),
        at(field),
        own_amount,
        yuan("last_year_fen"),
    )


def right_magnitude_beside_last_year(code: str, field: str) -> Check:
    """``field`` is not a hundredth or a hundredfold of what the form itself states for last year; review."""
    return Check(
        code,
        REVIEW,
        "与上年同期数量级相符",
        "the magnitude of last year's same month",
        "{county}{fund}“{field}”{found}，上年同期 {expected}，相差百倍以上：疑把万元当元或多写少写了位数",
        "{county} {fund}: “{field}” is {found} against {expected} in last year's same month: wrong unit or digits?",
        "单位为元，不换算 / the unit is yuan, nothing is converted",
        "按元核对两数 / check both amounts in yuan",
        partial(
            ExpectAmountToBeNearTo, column_list=[field, "last_year_fen"], low_percent=1, high_percent=10_000
        ),
        at(field),
        own_amount,
        yuan("last_year_fen"),
    )


def no_personal_accounts(code: str, field: str, other: str | None = None) -> Check:
    """The resident scheme has no personal accounts."""
    fields = [field] if other is None else [field, other]
    return Check(
        code,
        BLOCK,
        "居民医保无个人账户",
        "the resident fund has no personal accounts",
        "{county}居民医保填了“{field}”{found}；居民医保不设个人账户",
        "{county}: the resident fund shows “{field}” {found}, but has no personal accounts",
        "医保发〔2019〕30号：居民医保个人（家庭）账户取消 / resident personal accounts were abolished",
        "居民医保该格填 0 / write 0 for the resident fund",
        # The column of nils only makes up the two columns that such an expectation needs.
        partial(ExpectAmountsToBeNil, column_list=[*(f"resident_{key}" for key in fields), "nil"]),
        lambda facts: [key for key in fields if facts[f"resident_{key}"]],
        own_amount,
        lambda _facts, _field: "0.00",
    )


def not_copied(code: str, field: str) -> Check:
    """Two funds with the same amounts, one by one, were copied."""
    return Check(
        code,
        REVIEW,
        "两险种数据不雷同",
        "the funds do not repeat each other",
        "{county}{fund}各项金额与{found}逐项相同，疑为误复制",
        "{county} {fund}: every amount repeats that of {found}; copied by mistake?",
        "各险种基金分别核算 / the funds are accounted separately",
        "核对两险种数据 / compare both funds",
        partial(gxe.ExpectColumnValuesToBeNull, column="copied_from"),
        at(field),
        value("copied_from"),
        lambda _facts, _field: "不同的金额 / different amounts",
    )


def day_in_month(code: str, severity: Severity, field: str) -> Check:
    """The day of a line lies in the month of the document."""
    return Check(
        code,
        severity,
        "日期在本月",
        "day lies in the month",
        "{county}{fund}“{field}”{found} 不在 {expected}",
        "{county} {fund}: “{field}” {found} does not lie in {expected}",
        "按月报送 / filed by month",
        "核对日期，或移到所属月份 / correct the day, or file it with its month",
        partial(
            gxe.ExpectColumnPairValuesToBeEqual,
            column_A="day_month",
            column_B="expected_month",
            ignore_row_if="either_value_is_missing",
        ),
        at(field),
        lambda facts, key: str(facts[key]),
        value("expected_month"),
    )
