"""Checks of the 利息收入表."""

from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.arithmetic import ExpectPairsToBeOrdered
from expectations.checks import Check, Suite, as_written, at, own_amount, text, yuan
from expectations.form import NOTE, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import known, ties, total_ties
from schemas.documents.interest import INTEREST


def _add_facts(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        average = row["average_balance_fen"]
        row["interest_ceiling_fen"] = None if average is None else max(average, 0) // 50


SUITE = Suite(
    "interest",
    (
        *whose_and_when("INTEREST", INTEREST),
        *amounts_in_order("INTEREST", 7, INTEREST),
        *signed("INTEREST", 11),
        adds_up(
            "INTEREST-013",
            INTEREST,
            "held_after_fen",
            title_zh="期初加本期减划转等于期末",
            title_en="before + earned − passed on = after",
        ),
        Check(
            "INTEREST-014",
            NOTE,
            "利息与余额相称",
            "interest in proportion to the balance",
            "{county}{fund}利息 {found}，超过日均余额的 2%（{expected}）",
            "{county} {fund}: interest {found} is above 2% of the average balance ({expected})",
            "一个结息期的合理上限 / a plausible ceiling for one period",
            "核对利息单 / compare the bank's interest note",
            partial(ExpectPairsToBeOrdered, column_list=["interest_fen", "interest_ceiling_fen"]),
            at("interest_fen"),
            own_amount,
            yuan("interest_ceiling_fen"),
        ),
        Check(
            "INTEREST-015",
            REVIEW,
            "账号为 6–32 位数字",
            "account of 6–32 digits",
            "账号“{found}”不像账号",
            "“{found}” does not look like an account",
            "账号以文本保存 / accounts are text",
            "按开户资料填写全部数字 / write every digit of the account",
            partial(gxe.ExpectColumnValuesToMatchRegex, column="account", regex=r"^[0-9][0-9-]{4,30}[0-9]$"),
            at("account"),
            as_written,
            text("6–32 位数字 / digits"),
        ),
        ties(
            "INTEREST-016",
            "held_before_fen",
            "last_held_fen",
            title_zh="期初等于上期期末",
            title_en="before = after of the last return",
            what_zh="上期期末未划转利息",
            what_en="what was not passed on at the last return",
            severity=REVIEW,
        ),
        total_ties(
            "INTEREST-017",
            "interest_fen",
            "ledger_interest_fen",
            what_zh="本月入账利息收入",
            what_en="the interest income booked for the month",
        ),
        known(
            "INTEREST-018",
            NOTE,
            "interest_fen",
            "ledger_interest_fen",
            what_zh="本月入账利息收入",
            what_en="the interest income booked for the month",
        ),
    ),
    add_facts=_add_facts,
    whole_numbers=frozenset({"interest_ceiling_fen"}),
)
