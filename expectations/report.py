"""Checks of the 基金支出核算报表: within the form, and against last month's report, ledger and history."""

import great_expectations.expectations as gxe
import pandas as pd

from expectations.arithmetic import cells, compared, continued, not_negative, signed_sum
from expectations.checks import BLOCK, NOTE, REVIEW, Check, Suite, text
from expectations.form import FORM, form_checks
from expectations.tie_out import (
    known,
    no_personal_accounts,
    not_copied,
    right_magnitude_beside_last_year,
    ties,
    usual_spending,
)
from schemas.documents.base import ITEMS
from schemas.documents.report import ITEM_KEYS, LAST_ITEM_FACTS, REPORT


def _add_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """``interest_ceiling_fen``: 1 % of what the account held at most."""
    held = frame["opening_fen"] + frame["received_fen"]
    return frame.assign(interest_ceiling_fen=held.clip(lower=0) // 100)


SUITE = Suite(
    REPORT,
    (
        *form_checks("REPORT", REPORT),
        Check(
            code="REPORT-016",
            severity=BLOCK,
            title_zh="累计不小于本月",
            title_en="year to date is not below the month",
            message_zh="{county}{fund}“{field}”{found}，小于本月数 {expected}",
            message_en="{county} {fund}: “{field}” {found} is below the month's {expected}",
            basis=FORM,
            remedy="核对累计数 / correct the year to date",
            expect=cells(
                compared,
                [name for key, _, _ in ITEMS for name in (f"year_{key}_fen", f"{key}_fen")],
                relation="ge",
            ),
        ),
        no_personal_accounts("REPORT-017", "personal_account_fen", "year_personal_account_fen"),
        not_copied("REPORT-018", "spending_fen"),
        Check(
            code="REPORT-019",
            severity=REVIEW,
            title_zh="期末余额不为负",
            title_en="closing balance not below nil",
            message_zh="{county}{fund}期末余额为负 {found}：支出超过账户资金",
            message_en="{county} {fund}: the closing balance is {found}: more was spent than there was",
            basis="支出户不得透支 / an expenditure account is never overdrawn",
            remedy="核对支出与拨入 / compare spending and receipts",
            expect=cells(not_negative, ["opening_fen", "closing_fen"]),
            expected=text("≥ 0.00"),
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
            "opening_fen",
            "last_closing_fen",
            severity=REVIEW,
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
            "received_fen",
            "ledger_received_fen",
            severity=REVIEW,
            what_zh="账上已拨金额",
            what_en="the ledger's paid amount",
        ),
        Check(
            code="REPORT-024",
            severity=BLOCK,
            title_zh="累计等于上月累计加本月",
            title_en="year to date = last month's + this month's",
            message_zh="{county}{fund}“{field}”填 {found}，上月累计加本月为 {expected}",
            message_en="{county} {fund}: “{field}” reads {found}; last month's year to date plus this month is {expected}",
            basis="账表相符 / books and reports agree",
            remedy="核对累计数；调整以前月份请附说明 / correct it, or explain adjustments of earlier months",
            expect=cells(
                signed_sum, ["year_spending_fen", "last_cumulative_fen", "spending_fen"], signs=[1, 1]
            ),
            needs="last_cumulative_fen",
        ),
        *usual_spending("REPORT", 25, "spending_fen"),
        Check(
            code="REPORT-029",
            severity=REVIEW,
            title_zh="有支出",
            title_en="something was spent",
            message_zh="{county}{fund}本月支出为零，请确认",
            message_en="{county} {fund}: nothing was spent this month, please confirm",
            basis="待遇按月支付 / benefits are paid monthly",
            remedy="确认，或补填 / confirm or fill in",
            expect=gxe.ExpectColumnValuesToNotBeInSet(column="spending_fen", value_set=[0]),
            expected=text("> 0.00"),
        ),
        Check(
            code="REPORT-030",
            severity=NOTE,
            title_zh="利息与余额相称",
            title_en="interest in proportion to the balance",
            message_zh="{county}{fund}利息 {found}，超过期初与拨入之和的 1%（{expected}）",
            message_en="{county} {fund}: interest {found} is above 1% of opening plus received ({expected})",
            basis="支出户活期计息 / expenditure accounts earn demand interest",
            remedy="核对利息单 / compare the bank's interest note",
            expect=cells(compared, ["interest_fen", "interest_ceiling_fen"], relation="le"),
        ),
        right_magnitude_beside_last_year("REPORT-031", "spending_fen"),
        Check(
            code="REPORT-032",
            severity=BLOCK,
            title_zh="各项累计等于上月累计加本月",
            title_en="each item: year to date = last month's + this month's",
            message_zh="{county}{fund}“{field}”填 {found}，上月该项累计加本月为 {expected}",
            message_en="{county} {fund}: “{field}” reads {found}; the item's last year to date plus this month is {expected}",
            basis="账表相符 / books and reports agree",
            remedy="核对各项累计数；调整以前月份请附说明 / correct it, or explain adjustments of earlier months",
            expect=cells(
                continued,
                [
                    name
                    for item, last in zip(ITEM_KEYS, LAST_ITEM_FACTS, strict=True)
                    for name in (f"year_{item}", last, item)
                ],
            ),
            needs=LAST_ITEM_FACTS[0],
            further_facts=LAST_ITEM_FACTS[1:],
        ),
    ),
    add_columns=_add_columns,
)
