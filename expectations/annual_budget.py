"""Checks of the annual budget and of the final account: the same account, compared with other figures."""

from expectations.arithmetic import cells, compared, equal, near, not_negative
from expectations.checks import BLOCK, NOTE, REVIEW, Check, Suite, text
from expectations.form import form_checks
from expectations.tie_out import known, ties
from schemas.documents.annual_budget import ANNUAL_BUDGET, FINAL_ACCOUNT
from schemas.documents.base import DocumentType


def _account(prefix: str, document: DocumentType) -> tuple[Check, ...]:
    """Checks 001–017, which budget and final account have in common."""
    return (
        *form_checks(prefix, document),
        Check(
            code=f"{prefix}-017",
            severity=REVIEW,
            title_zh="年末滚存结余不为负",
            title_en="no deficit is carried forward",
            message_zh="{county}{fund}年末滚存结余为 {found}",
            message_en="{county} {fund}: {found} is carried forward",
            basis="收支平衡 / income covers spending",
            remedy="说明缺口来源和弥补办法 / say how the gap is covered",
            expect=cells(not_negative, ["closing_fen", "income_fen"]),
            expected=text("≥ 0.00"),
        ),
    )


def _near_last_year(code: str, field: str, *, what_zh: str, what_en: str) -> Check:
    return Check(
        code=code,
        severity=NOTE,
        title_zh=f"与{what_zh}相近",
        title_en=f"near {what_en}",
        message_zh=f"{{county}}{{fund}}“{{field}}”{{found}}，{what_zh} {{expected}}，不在 80%–130%",
        message_en=f"{{county}} {{fund}}: “{{field}}” is {{found}}, {what_en} is {{expected}}: outside 80–130%",
        basis="80%–130%",
        remedy="请说明原因 / explain",
        expect=cells(near, [field, f"last_year_{field}"], low_percent=80, high_percent=130),
    )


BUDGET_SUITE = Suite(
    ANNUAL_BUDGET,
    (
        *_account("BUDGET", ANNUAL_BUDGET),
        _near_last_year("BUDGET-018", "income_fen", what_zh="上年预计收入", what_en="last year's income"),
        _near_last_year("BUDGET-019", "spending_fen", what_zh="上年预计支出", what_en="last year's spending"),
        Check(
            code="BUDGET-020",
            severity=NOTE,
            title_zh="与已登记预算相同",
            title_en="the same as the budget on record",
            message_zh="{county}{fund}支出合计 {found}，已登记的年度支出预算为 {expected}：审核通过即为预算调整",
            message_en="{county} {fund}: spending of {found}, the budget on record is {expected}: approving it adjusts the budget",
            basis="预算调整按程序报批后执行 / a budget is adjusted by its procedure",
            remedy="附预算调整的说明或批复 / enclose what the adjustment rests on",
            expect=equal("spending_fen", "year_budget_fen"),
            needs="year_budget_fen",
        ),
        Check(
            code="BUDGET-021",
            severity=REVIEW,
            title_zh="预算不小于本年已核拨",
            title_en="the budget covers what was granted",
            message_zh="{county}{fund}支出合计 {found}，小于本年已核拨 {expected}",
            message_en="{county} {fund}: spending of {found} is below the {expected} granted this year",
            basis="基金支出在年度预算额度内 / payments stay within the year's budget",
            remedy="核对调整数 / check the adjustment",
            expect=cells(compared, ["spending_fen", "year_granted_fen"], relation="ge"),
            needs="year_granted_fen",
        ),
        ties(
            "BUDGET-022",
            "opening_fen",
            "last_year_closing_fen",
            title_zh="年初结余等于上年决算",
            title_en="brought forward = last year's account",
            what_zh="上年决算年末滚存结余",
            what_en="what last year's account carries forward",
            severity=REVIEW,
        ),
    ),
)

FINAL_SUITE = Suite(
    FINAL_ACCOUNT,
    (
        *_account("FINAL", FINAL_ACCOUNT),
        Check(
            code="FINAL-018",
            severity=BLOCK,
            title_zh="支出不超过预算",
            title_en="spending within the budget",
            message_zh="{county}{fund}支出 {found}，超过预算支出 {expected}",
            message_en="{county} {fund}: spending {found} exceeds the budgeted {expected}",
            basis="基金支出按批准的年度预算执行 / spending keeps to the approved annual budget",
            remedy="附预算调整批复 / enclose the approved adjustment",
            expect=cells(compared, ["spending_fen", "budget_spending_fen"], relation="le"),
        ),
        Check(
            code="FINAL-019",
            severity=REVIEW,
            title_zh="完成收入预算",
            title_en="the income budget is met",
            message_zh="{county}{fund}收入 {found}，未完成预算收入 {expected}",
            message_en="{county} {fund}: income {found} falls short of the budgeted {expected}",
            basis="完成年度收支计划是市级弥补缺口的前提 / meeting the plan is what the city's help depends on",
            remedy="说明未完成的原因 / explain the shortfall",
            expect=cells(compared, ["income_fen", "budget_income_fen"], relation="ge"),
        ),
        ties(
            "FINAL-020",
            "budget_spending_fen",
            "year_budget_fen",
            title_zh="预算支出与登记的预算一致",
            title_en="the budget is the one on record",
            what_zh="已登记的年度支出预算",
            what_en="the year's spending budget on record",
        ),
        known(
            "FINAL-021",
            "budget_spending_fen",
            "year_budget_fen",
            severity=NOTE,
            what_zh="年度支出预算",
            what_en="the year's budget",
        ),
        ties(
            "FINAL-022",
            "benefits_fen",
            "year_spending_fen",
            title_zh="待遇支出与全年核算报表相符",
            title_en="benefits agree with the year's reports",
            what_zh="12 月核算报表累计支出",
            what_en="the year's spending by December's report",
            severity=REVIEW,
        ),
        ties(
            "FINAL-023",
            "opening_fen",
            "last_year_closing_fen",
            title_zh="年初结余等于上年决算",
            title_en="brought forward = last year's account",
            what_zh="上年决算年末滚存结余",
            what_en="what last year's account carries forward",
        ),
        ties(
            "FINAL-024",
            "budget_income_fen",
            "planned_income_fen",
            title_zh="预算收入与收下的预算一致",
            title_en="budgeted income is that of the accepted budget",
            what_zh="收下的预算表收入合计",
            what_en="the income of the accepted budget",
            severity=REVIEW,
        ),
    ),
)
