"""Checks of the 利息收入表."""

import pandas as pd

from expectations.arithmetic import cells, compared
from expectations.checks import NOTE, REVIEW, Check, Suite
from expectations.form import account_number, form_checks
from expectations.tie_out import ties, total_ties
from schemas.documents.interest import INTEREST


def _add_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """``interest_ceiling_fen``: 2 % of the average balance."""
    return frame.assign(interest_ceiling_fen=frame["average_balance_fen"].clip(lower=0) // 50)


SUITE = Suite(
    INTEREST,
    (
        *form_checks("INTEREST", INTEREST),
        Check(
            code="INTEREST-014",
            severity=NOTE,
            title_zh="利息与余额相称",
            title_en="interest in proportion to the balance",
            message_zh="{county}{fund}利息 {found}，超过日均余额的 2%（{expected}）",
            message_en="{county} {fund}: interest {found} is above 2% of the average balance ({expected})",
            basis="一个结息期的合理上限 / a plausible ceiling for one period",
            remedy="核对利息单 / compare the bank's interest note",
            expect=cells(compared, ["interest_fen", "interest_ceiling_fen"], relation="le"),
        ),
        account_number("INTEREST-015"),
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
        *total_ties(
            "INTEREST",
            17,
            "interest_fen",
            fact="ledger_interest_fen",
            what_zh="本月入账利息收入",
            what_en="the interest income booked for the month",
        ),
    ),
    add_columns=_add_columns,
)
