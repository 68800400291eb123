"""Checks of the annual budget and of the final account: the same account, compared with other figures."""

from functools import partial

import great_expectations.expectations as gxe

from expectations.arithmetic import (
    ExpectAmountsNotToBeNegative,
    ExpectAmountToBeNearTo,
    ExpectPairsToBeOrdered,
)
from expectations.checks import Check, Facts, Suite, at, own_amount, text, yuan
from expectations.form import BLOCK, NOTE, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import known, ties
from schemas.documents.annual_budget import ANNUAL_BUDGET, FINAL_ACCOUNT
from schemas.documents.base import DocumentType


def _account(prefix: str, document: DocumentType) -> tuple[Check, ...]:
    return (
        *whose_and_when(prefix, document),
        *amounts_in_order(prefix, 7, document),
        *signed(prefix, 11),
        adds_up(
            f"{prefix}-013",
            document,
            "income_fen",
            title_zh="收入分项相加等于收入合计",
            title_en="items of income add up",
        ),
        adds_up(
            f"{prefix}-014",
            document,
            "spending_fen",
            title_zh="支出分项相加等于支出合计",
            title_en="items of spending add up",
        ),
        adds_up(
            f"{prefix}-015",
            document,
            "surplus_fen",
            title_zh="收入减支出等于本年结余",
            title_en="income − spending = surplus",
        ),
        adds_up(
            f"{prefix}-016",
            document,
            "closing_fen",
            title_zh="年初加本年结余等于年末",
            title_en="brought forward + surplus = carried forward",
        ),
        Check(
            f"{prefix}-017",
            REVIEW,
            "年末滚存结余不为负",
            "no deficit is carried forward",
            "{county}{fund}年末滚存结余为 {found}",
            "{county} {fund}: {found} is carried forward",
            "收支平衡 / income covers spending",
            "说明缺口来源和弥补办法 / say how the gap is covered",
            partial(ExpectAmountsNotToBeNegative, column_list=["closing_fen", "income_fen"]),
            _negative_closing,
            own_amount,
            text("≥ 0.00"),
        ),
    )


def _negative_closing(facts: Facts) -> list[str]:
    return [key for key in ("closing_fen", "income_fen") if facts[key] is not None and facts[key] < 0]


def _near(code: str, field: str, other: str, low: int, high: int, what_zh: str, what_en: str) -> Check:
    return Check(
        code,
        NOTE,
        f"与{what_zh}相近",
        f"near {what_en}",
        f"{{county}}{{fund}}“{{field}}”{{found}}，{what_zh} {{expected}}，不在 {low}%–{high}%",
        f"{{county}} {{fund}}: “{{field}}” is {{found}}, {what_en} is {{expected}}: outside {low}–{high}%",
        f"{low}%–{high}%",
        "请说明原因 / explain",
        partial(ExpectAmountToBeNearTo, column_list=[field, other], low_percent=low, high_percent=high),
        at(field),
        own_amount,
        yuan(other),
    )


BUDGET_SUITE = Suite(
    "annual-budget",
    (
        *_account("BUDGET", ANNUAL_BUDGET),
        _near(
            "BUDGET-018", "income_fen", "last_year_income_fen", 80, 130, "上年预计收入", "last year's income"
        ),
        _near(
            "BUDGET-019",
            "spending_fen",
            "last_year_spending_fen",
            80,
            130,
            "上年预计支出",
            "last year's spending",
        ),
        Check(
            "BUDGET-020",
            NOTE,
            "与已登记预算相同",
            "the same as the budget on record",
            "{county}{fund}支出合计 {found}，已登记的年度支出预算为 {expected}：审核通过即为预算调整",
            "{county} {fund}: spending of {found}, the budget on record is {expected}: approving it adjusts the budget",
            "预算调整按程序报批后执行 / a budget is adjusted by its procedure",
            "附预算调整的说明或批复 / enclose what the adjustment rests on",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A="spending_fen",
                column_B="year_budget_fen",
                ignore_row_if="either_value_is_missing",
            ),
            at("spending_fen"),
            own_amount,
            yuan("year_budget_fen"),
            needs="year_budget_fen",
        ),
        Check(
            "BUDGET-021",
            REVIEW,
            "预算不小于本年已核拨",
            "the budget covers what was granted",
            "{county}{fund}支出合计 {found}，小于本年已核拨 {expected}",
            "{county} {fund}: spending of {found} is below the {expected} granted this year",
            "基金支出在年度预算额度内 / payments stay within the year's budget",
            "核对调整数 / check the adjustment",
            partial(ExpectPairsToBeOrdered, column_list=["year_granted_fen", "spending_fen"]),
            at("spending_fen"),
            own_amount,
            yuan("year_granted_fen"),
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
    "final-account",
    (
        *_account("FINAL", FINAL_ACCOUNT),
        Check(
            "FINAL-018",
            BLOCK,
            "支出不超过预算",
            "spending within the budget",
            "{county}{fund}支出 {found}，超过预算支出 {expected}",
            "{county} {fund}: spending {found} exceeds the budgeted {expected}",
            "基金支出按批准的年度预算执行 / spending keeps to the approved annual budget",
            "附预算调整批复 / enclose the approved adjustment",
            partial(ExpectPairsToBeOrdered, column_list=["spending_fen", "budget_spending_fen"]),
            at("spending_fen"),
            own_amount,
            yuan("budget_spending_fen"),
        ),
        Check(
            "FINAL-019",
            REVIEW,
            "完成收入预算",
            "the income budget is met",
            "{county}{fund}收入 {found}，未完成预算收入 {expected}",
            "{county} {fund}: income {found} falls short of the budgeted {expected}",
            "完成年度收支计划是市级弥补缺口的前提 / meeting the plan is what the city's help depends on",
            "说明未完成的原因 / explain the shortfall",
            partial(ExpectPairsToBeOrdered, column_list=["budget_income_fen", "income_fen"]),
            at("income_fen"),
            own_amount,
            yuan("budget_income_fen"),
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
            NOTE,
            "budget_spending_fen",
            "year_budget_fen",
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
