"""Checks of a bank statement: the balance runs, each line is one movement, days and accounts fit."""

from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.arithmetic import ExpectSignedSumToEqual
from expectations.checks import Check, Facts, Suite, amount_text, as_written, at, own_amount, text, value
from expectations.form import BLOCK, NOTE, REVIEW, amounts_in_order, whose_and_when
from expectations.tie_out import day_in_month
from schemas.documents.statement import STATEMENT


def _add_facts(rows: list[dict[str, Any]]) -> None:
    last: dict[Any, dict[str, Any]] = {}
    owners: dict[Any, tuple[Any, Any]] = {}
    for row in rows:
        account = row["account"]
        before = last.get(account)
        row["balance_before_fen"] = before["balance_fen"] if before else None
        row["out_of_order"] = (
            before["booked_on"]
            if before and before["booked_on"] and row["booked_on"] and row["booked_on"] < before["booked_on"]
            else None
        )
        last[account] = row
        row["day_month"] = None if row["booked_on"] is None else row["booked_on"][:7]
        row["sides"] = sum(1 for side in ("debit_fen", "credit_fen") if row[side])
        owner = owners.setdefault(account, (row["county"], row["fund"]))
        row["other_owner"] = f"{owner[0]} {owner[1]}" if owner != (row["county"], row["fund"]) else None


def _running_balance(facts: Facts, _field: str) -> str | None:
    return amount_text(facts["balance_before_fen"] + (facts["credit_fen"] or 0) - (facts["debit_fen"] or 0))


SUITE = Suite(
    "statement",
    (
        *whose_and_when("STATEMENT", STATEMENT),
        *amounts_in_order("STATEMENT", 7, STATEMENT),
        Check(
            "STATEMENT-013",
            BLOCK,
            "余额连续",
            "the balance runs",
            "余额 {found}，按上一行余额加贷减借应为 {expected}：有漏行或错行",
            "the balance is {found}, the line before plus credit less debit gives {expected}: a line is missing or wrong",
            "银行对账单 / the bank's statement",
            "向银行重新取得对账单 / get the statement from the bank again",
            partial(
                ExpectSignedSumToEqual,
                column_list=["balance_fen", "balance_before_fen", "credit_fen", "debit_fen"],
                signs=[1, 1, -1],
                optional=("credit_fen", "debit_fen"),
            ),
            at("balance_fen"),
            own_amount,
            _running_balance,
        ),
        Check(
            "STATEMENT-014",
            BLOCK,
            "一行一笔，借贷一方",
            "each line moves one side",
            "一行应只有借方或贷方一方发生额，现有 {found} 方",
            "a line has either a debit or a credit, this one has {found}",
            "银行对账单 / the bank's statement",
            "核对借方、贷方 / compare debit and credit",
            partial(gxe.ExpectColumnValuesToBeInSet, column="sides", value_set=[1]),
            at("debit_fen"),
            value("sides"),
            text("1"),
        ),
        day_in_month("STATEMENT-015", BLOCK, "booked_on"),
        Check(
            "STATEMENT-016",
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
        Check(
            "STATEMENT-017",
            NOTE,
            "按日期排列",
            "lines in order of days",
            "{found} 排在 {expected} 之后",
            "{found} stands after {expected}",
            "银行对账单 / the bank's statement",
            "按银行原有顺序 / keep the bank's order",
            partial(gxe.ExpectColumnValuesToBeNull, column="out_of_order"),
            at("booked_on"),
            as_written,
            value("out_of_order"),
        ),
        Check(
            "STATEMENT-018",
            REVIEW,
            "一个账户一个险种",
            "one account, one fund",
            "同一账号出现在两个县区或险种下：{expected} 与此行",
            "the same account stands under two counties or funds: {expected} and this line",
            "各险种基金分户核算 / each fund has its own account",
            "核对账号 / compare the account",
            partial(gxe.ExpectColumnValuesToBeNull, column="other_owner"),
            at("account"),
            as_written,
            value("other_owner"),
        ),
    ),
    add_facts=_add_facts,
    whole_numbers=frozenset({"balance_before_fen", "sides"}),
)
