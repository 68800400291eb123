"""Checks of the 基金支出核算报表: within the form, and against last month's report, ledger and history."""

from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.arithmetic import (
    ExpectAmountsNotToBeNegative,
    ExpectPairsToBeOrdered,
    ExpectSignedSumToEqual,
)
from expectations.checks import Check, Facts, Suite, amount_text, at, own_amount, text
from expectations.form import BLOCK, FORM, NOTE, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import (
    known,
    near_last_year,
    near_run_rate,
    no_personal_accounts,
    not_copied,
    right_magnitude,
    right_magnitude_beside_last_year,
    ties,
)
from schemas.documents.base import ITEMS
from schemas.documents.report import REPORT

_MONTH_AND_YEAR = tuple((f"{key}_fen", f"year_{key}_fen") for key, _, _ in ITEMS)


def _above_cumulative(facts: Facts) -> list[str]:
    return [
        year
        for month, year in _MONTH_AND_YEAR
        if facts[month] is not None and facts[year] is not None and facts[month] > facts[year]
    ]


def _cumulative(facts: Facts, _field: str) -> str | None:
    return amount_text(facts["last_cumulative_fen"] + facts["spending_fen"])


def _add_facts(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        held = [row["opening_fen"], row["received_fen"]]
        row["interest_ceiling_fen"] = None if None in held else max(sum(held), 0) // 100


SUITE = Suite(
    "report",
    (
        *whose_and_when("REPORT", REPORT),
        *amounts_in_order("REPORT", 7, REPORT),
        *signed("REPORT", 11),
        adds_up(
            "REPORT-013",
            REPORT,
            "spending_fen",
            title_zh="本月分项相加等于支出合计",
            title_en="items add up to the month's spending",
        ),
        adds_up(
            "REPORT-014",
            REPORT,
            "closing_fen",
            title_zh="期初加收入减支出等于期末",
            title_en="opening + income − spending = closing",
        ),
        adds_up(
            "REPORT-015",
            REPORT,
            "year_spending_fen",
            title_zh="累计分项相加等于累计合计",
            title_en="items add up to the year's spending",
        ),
        Check(
            "REPORT-016",
            BLOCK,
            "累计不小于本月",
            "year to date is not below the month",
            "{county}{fund}“{field}”{found}，小于本月数 {expected}",
            "{county} {fund}: “{field}” {found} is below the month's {expected}",
            FORM,
            "核对累计数 / correct the year to date",
            partial(ExpectPairsToBeOrdered, column_list=[name for pair in _MONTH_AND_YEAR for name in pair]),
            _above_cumulative,
            own_amount,
            lambda facts, field: amount_text(facts[field.removeprefix("year_")]),
        ),
        no_personal_accounts("REPORT-017", "personal_account_fen", "year_personal_account_fen"),
        not_copied("REPORT-018", "spending_fen"),
        Check(
            "REPORT-019",
            REVIEW,
            "期末余额不为负",
            "closing balance not below nil",
            "{county}{fund}期末余额为负 {found}：支出超过账户资金",
            "{county} {fund}: the closing balance is {found}: more was spent than there was",
            "支出户不得透支 / an expenditure account is never overdrawn",
            "核对支出与拨入 / compare spending and receipts",
            partial(ExpectAmountsNotToBeNegative, column_list=["opening_fen", "closing_fen"]),
            lambda facts: [
                key for key in ("opening_fen", "closing_fen") if facts[key] is not None and facts[key] < 0
            ],
            own_amount,
            text("≥ 0.00"),
        ),
        ties(
            "REPORT-020",
            "opening_fen",
            "last_closing_fen",
            title_zh="期初余额等于上月期末余额",
            title_en="opening balance = last month's closing balance",
            what_zh="上月期末余额",
            what_en="last month's closing balance",
        ),
        known(
            "REPORT-021",
            REVIEW,
            "opening_fen",
            "last_closing_fen",
            what_zh="上月期末余额",
            what_en="last month's closing balance",
        ),
        ties(
            "REPORT-022",
            "received_fen",
            "ledger_received_fen",
            title_zh="本月拨入等于账上已拨",
            title_en="received = paid according to the ledger",
            what_zh="账上已拨金额",
            what_en="the amount paid according to the ledger",
        ),
        known(
            "REPORT-023",
            REVIEW,
            "received_fen",
            "ledger_received_fen",
            what_zh="账上已拨金额",
            what_en="the ledger's paid amount",
        ),
        Check(
            "REPORT-024",
            BLOCK,
            "累计等于上月累计加本月",
            "year to date = last month's + this month's",
            "{county}{fund}“{field}”填 {found}，上月累计加本月为 {expected}",
            "{county} {fund}: “{field}” reads {found}; last month's year to date plus this month is {expected}",
            "账表相符 / books and reports agree",
            "核对累计数；调整以前月份请附说明 / correct it, or explain adjustments of earlier months",
            partial(
                ExpectSignedSumToEqual,
                column_list=["year_spending_fen", "last_cumulative_fen", "spending_fen"],
                signs=[1, 1],
            ),
            at("year_spending_fen"),
            own_amount,
            _cumulative,
            needs="last_cumulative_fen",
        ),
        right_magnitude("REPORT-025", "spending_fen"),
        near_run_rate("REPORT-026", "spending_fen", 60, 160),
        known(
            "REPORT-027", NOTE, "spending_fen", "run_rate_fen", what_zh="近月支出", what_en="recent spending"
        ),
        near_last_year("REPORT-028", "spending_fen", 50, 200),
        Check(
            "REPORT-029",
            REVIEW,
            "有支出",
            "something was spent",
            "{county}{fund}本月支出为零，请确认",
            "{county} {fund}: nothing was spent this month, please confirm",
            "待遇按月支付 / benefits are paid monthly",
            "确认，或补填 / confirm or fill in",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="spending_fen", value_set=[0]),
            at("spending_fen"),
            own_amount,
            text("> 0.00"),
        ),
        Check(
            "REPORT-030",
            NOTE,
            "利息与余额相称",
            "interest in proportion to the balance",
            "{county}{fund}利息 {found}，超过期初与拨入之和的 1%（{expected}）",
            "{county} {fund}: interest {found} is above 1% of opening plus received ({expected})",
            "支出户活期计息 / expenditure accounts earn demand interest",
            "核对利息单 / compare the bank's interest note",
            partial(ExpectPairsToBeOrdered, column_list=["interest_fen", "interest_ceiling_fen"]),
            at("interest_fen"),
            own_amount,
            lambda facts, _field: amount_text(facts["interest_ceiling_fen"]),
        ),
        right_magnitude_beside_last_year("REPORT-031", "spending_fen"),
    ),
    add_facts=_add_facts,
    whole_numbers=frozenset({"interest_ceiling_fen"}),
)
