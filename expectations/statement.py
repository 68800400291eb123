"""Checks of a bank statement: the balance runs, each line is one movement, days and accounts fit."""

import great_expectations.expectations as gxe
import pandas as pd

from expectations.arithmetic import cells, signed_sum
from expectations.checks import BLOCK, NOTE, REVIEW, Check, Suite, as_written, text, value
from expectations.form import account_number, form_checks
from expectations.frame import on_first_of
from expectations.tie_out import day_in_month
from schemas.documents.statement import STATEMENT


def _add_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Compares a line with the line before it, and with the first line, of the same account.

    ``out_of_order`` is the day of the line before where that is later; ``sides`` counts debit and
    credit; ``other_owner`` is the county and fund of the account's first line where this line has others.
    """
    before = frame.groupby(["file", "account"], dropna=False)[["balance_fen", "booked_on"]].shift()
    is_earlier = frame["booked_on"].fillna("9999") < before["booked_on"].fillna("")
    frame = frame.assign(
        balance_before_fen=before["balance_fen"],
        out_of_order=before["booked_on"].where(is_earlier),
        day_month=frame["booked_on"].str[:7],
        sides=frame[["debit_fen", "credit_fen"]].fillna(0).ne(0).astype(bool).sum(axis=1),
        owner=[f"{county} {fund}" for county, fund in zip(frame["county"], frame["fund"], strict=True)],
    )
    first_owner = on_first_of(frame, ["file", "account"], "owner")
    return frame.assign(other_owner=first_owner.where(first_owner != frame["owner"]))


SUITE = Suite(
    STATEMENT,
    (
        *form_checks("STATEMENT", STATEMENT),
        Check(
            code="STATEMENT-013",
            severity=BLOCK,
            title_zh="余额连续",
            title_en="the balance runs",
            message_zh="余额 {found}，按上一行余额加贷减借应为 {expected}：有漏行或错行",
            message_en="the balance is {found}, the line before plus credit less debit gives {expected}: a line is missing or wrong",
            basis="银行对账单 / the bank's statement",
            remedy="向银行重新取得对账单 / get the statement from the bank again",
            expect=cells(
                signed_sum,
                ["balance_fen", "balance_before_fen", "credit_fen", "debit_fen"],
                signs=[1, 1, -1],
                optional=("credit_fen", "debit_fen"),
            ),
        ),
        Check(
            code="STATEMENT-014",
            severity=BLOCK,
            title_zh="一行一笔，借贷一方",
            title_en="each line moves one side",
            message_zh="一行应只有借方或贷方一方发生额，现有 {found} 方",
            message_en="a line has either a debit or a credit, this one has {found}",
            basis="银行对账单 / the bank's statement",
            remedy="核对借方、贷方 / compare debit and credit",
            expect=gxe.ExpectColumnValuesToBeInSet(column="sides", value_set=[1]),
            field="debit_fen",
            found=value("sides"),
            expected=text("1"),
        ),
        day_in_month("STATEMENT-015", BLOCK, "booked_on"),
        account_number("STATEMENT-016"),
        Check(
            code="STATEMENT-017",
            severity=NOTE,
            title_zh="按日期排列",
            title_en="lines in order of days",
            message_zh="{found} 排在 {expected} 之后",
            message_en="{found} stands after {expected}",
            basis="银行对账单 / the bank's statement",
            remedy="按银行原有顺序 / keep the bank's order",
            expect=gxe.ExpectColumnValuesToBeNull(column="out_of_order"),
            field="booked_on",
            found=as_written,
            expected=value("out_of_order"),
        ),
        Check(
            code="STATEMENT-018",
            severity=REVIEW,
            title_zh="一个账户一个险种",
            title_en="one account, one fund",
            message_zh="同一账号出现在两个县区或险种下：{expected} 与此行",
            message_en="the same account stands under two counties or funds: {expected} and this line",
            basis="各险种基金分户核算 / each fund has its own account",
            remedy="核对账号 / compare the account",
            expect=gxe.ExpectColumnValuesToBeNull(column="other_owner"),
            field="account",
            found=as_written,
            expected=value("other_owner"),
        ),
    ),
    add_columns=_add_columns,
)
