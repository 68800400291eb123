"""Checks against what is known beyond the file: history, last year, last report, ledger, budget."""

import great_expectations.expectations as gxe

from expectations.arithmetic import cells, equal, near, nil_for_fund
from expectations.checks import BLOCK, NOTE, REVIEW, Check, text, value
from expectations.frame import RECENT_SPENDING, RUN_RATE
from fundpool.domain.findings import Severity


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
    """``field`` equals ``fact`` to the fen."""
    return Check(
        code=code,
        severity=severity,
        title_zh=title_zh,
        title_en=title_en,
        message_zh=f"{{county}}{{fund}}“{{field}}”填 {{found}}，{what_zh}为 {{expected}}",
        message_en=f"{{county}} {{fund}}: “{{field}}” reads {{found}}, {what_en} is {{expected}}",
        basis="账表相符 / books and reports agree",
        remedy=f"按{what_zh}更正；确有差异请附说明 / correct to {what_en}, or explain",
        expect=equal(field, fact),
        needs=fact,
    )


def total_ties(
    prefix: str, number: int, field: str, *, fact: str, what_zh: str, what_en: str
) -> tuple[Check, Check]:
    """Two checks from ``number`` on: the rows of a list add up, per county and fund, to ``fact``, which is known."""
    agrees = Check(
        code=f"{prefix}-{number:03}",
        severity=REVIEW,
        title_zh=f"合计与{what_zh}相符",
        title_en=f"the total agrees with {what_en}",
        message_zh=f"{{county}}{{fund}}“{{field}}”合计 {{found}}，{what_zh}为 {{expected}}",
        message_en=f"{{county}} {{fund}}: “{{field}}” adds up to {{found}}, {what_en} is {{expected}}",
        basis="账表相符 / books and reports agree",
        remedy="核对明细与账；在途或跨月的请说明 / compare list and books; explain what is under way",
        expect=equal("fund_total_fen", fact),
        field=field,
        found=value("fund_total_fen"),
        needs=fact,
    )
    code = f"{prefix}-{number + 1:03}"
    return agrees, known(code, field, fact, severity=NOTE, what_zh=what_zh, what_en=what_en)


def known(code: str, field: str, fact: str, *, severity: Severity, what_zh: str, what_en: str) -> Check:
    """``fact``, which another check compares with ``field``, is known for the row's county and fund."""
    return Check(
        code=code,
        severity=severity,
        title_zh=f"{what_zh}已登记",
        title_en=f"{what_en} is on record",
        message_zh=f"{{county}}{{fund}}没有登记{what_zh}，“{{field}}”无从核对",
        message_en=f"{{county}} {{fund}}: {what_en} is not on record, “{{field}}” cannot be compared",
        basis="无对照即不作通过 / nothing to compare with is no pass",
        remedy=f"由市级补登{what_zh} / the city records it",
        expect=gxe.ExpectColumnValuesToNotBeInSet(column=f"{fact}_unknown", value_set=[True]),
        field=field,
        needs=RECENT_SPENDING if fact == RUN_RATE else fact,
    )


def usual_spending(prefix: str, number: int, field: str) -> tuple[Check, ...]:
    """Four checks from ``number`` on: ``field`` is what the last months and last year's month lead to expect."""
    return (
        Check(
            code=f"{prefix}-{number:03}",
            severity=BLOCK,
            title_zh="金额数量级相符",
            title_en="the magnitude is right",
            message_zh="{county}{fund}“{field}”{found}，近月平均 {expected}，疑把万元当元或多写少写了位数",
            message_en="{county} {fund}: “{field}” is {found} against a mean of {expected}: wrong unit or digits?",
            basis="单位为元，不换算 / the unit is yuan, nothing is converted",
            remedy="按元重填 / write yuan",
            expect=cells(near, [field, RUN_RATE], low_percent=1, high_percent=10_000),
            needs=RECENT_SPENDING,
        ),
        Check(
            code=f"{prefix}-{number + 1:03}",
            severity=NOTE,
            title_zh="与近月支出相近",
            title_en="near the last months' spending",
            message_zh="{county}{fund}“{field}”{found}，近月平均支出 {expected}，相差较大",
            message_en="{county} {fund}: “{field}” is {found}, the last months' average is {expected}",
            basis="近月平均的 60%–160% / 60–160% of the last months' mean",
            remedy="请说明原因 / explain",
            expect=cells(near, [field, RUN_RATE], low_percent=60, high_percent=160),
            needs=RECENT_SPENDING,
        ),
        known(
            f"{prefix}-{number + 2:03}",
            field,
            RUN_RATE,
            severity=NOTE,
            what_zh="近月支出",
            what_en="recent spending",
        ),
        Check(
            code=f"{prefix}-{number + 3:03}",
            severity=NOTE,
            title_zh="与上年同期相近",
            title_en="near last year's same month",
            message_zh="{county}{fund}“{field}”{found}，上年同期 {expected}，增减较大",
            message_en="{county} {fund}: “{field}” is {found}, last year's same month {expected}",
            basis="上年同期的 50%–200% / 50–200% of last year's month",
            remedy="请说明原因 / explain",
            expect=cells(near, [field, "last_year_fen"], low_percent=50, high_percent=200),
        ),
    )


def right_magnitude_beside_last_year(code: str, field: str) -> Check:
    """``field`` is within a hundredth and a hundredfold of what the form itself states for last year."""
    return Check(
        code=code,
        severity=REVIEW,
        title_zh="与上年同期数量级相符",
        title_en="the magnitude of last year's same month",
        message_zh="{county}{fund}“{field}”{found}，上年同期 {expected}，相差百倍以上：疑把万元当元或多写少写了位数",
        message_en="{county} {fund}: “{field}” is {found} against {expected} in last year's same month: wrong unit or digits?",
        basis="单位为元，不换算 / the unit is yuan, nothing is converted",
        remedy="按元核对两数 / check both amounts in yuan",
        expect=cells(near, [field, "last_year_fen"], low_percent=1, high_percent=10_000),
    )


def no_personal_accounts(code: str, *fields: str) -> Check:
    """The resident fund has no personal accounts."""
    return Check(
        code=code,
        severity=BLOCK,
        title_zh="居民医保无个人账户",
        title_en="the resident fund has no personal accounts",
        message_zh="{county}居民医保填了“{field}”{found}；居民医保不设个人账户",
        message_en="{county}: the resident fund shows “{field}” {found}, but has no personal accounts",
        basis="医保发〔2019〕30号：居民医保个人（家庭）账户取消 / resident personal accounts were abolished",
        remedy="居民医保该格填 0 / write 0 for the resident fund",
        expect=cells(nil_for_fund, ["fund", *fields], fund="resident"),
        expected=text("0.00"),
    )


def not_copied(code: str, field: str) -> Check:
    """No two funds of a county have the same amounts in every cell."""
    return Check(
        code=code,
        severity=REVIEW,
        title_zh="两险种数据不雷同",
        title_en="the funds do not repeat each other",
        message_zh="{county}{fund}各项金额与{found}逐项相同，疑为误复制",
        message_en="{county} {fund}: every amount repeats that of {found}; copied by mistake?",
        basis="各险种基金分别核算 / the funds are accounted separately",
        remedy="核对两险种数据 / compare both funds",
        expect=gxe.ExpectColumnValuesToBeNull(column="copied_from"),
        field=field,
        found=value("copied_from"),
        expected=text("不同的金额 / different amounts"),
    )


def day_in_month(code: str, severity: Severity, field: str) -> Check:
    """The day in ``field`` lies in the month of the document."""
    return Check(
        code=code,
        severity=severity,
        title_zh="日期在本月",
        title_en="day lies in the month",
        message_zh="{county}{fund}“{field}”{found} 不在 {expected}",
        message_en="{county} {fund}: “{field}” {found} does not lie in {expected}",
        basis="按月报送 / filed by month",
        remedy="核对日期，或移到所属月份 / correct the day, or file it with its month",
        expect=equal("day_month", "expected_month"),
        field=field,
    )
