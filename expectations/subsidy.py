"""Checks of the 财政补助到位情况表."""

import great_expectations.expectations as gxe
import pandas as pd

from expectations.arithmetic import cells, compared, equal
from expectations.checks import BLOCK, REVIEW, Check, Suite, as_written, text
from expectations.form import FORM, form_checks
from expectations.tie_out import total_ties
from schemas.documents.subsidy import LEVELS, SUBSIDY


def _add_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """``year_expected_fen``: the last return's year to date plus this month."""
    return frame.assign(year_expected_fen=frame["last_arrived_fen"] + frame["arrived_fen"])


SUITE = Suite(
    SUBSIDY,
    (
        *form_checks("SUBSIDY", SUBSIDY),
        Check(
            code="SUBSIDY-014",
            severity=BLOCK,
            title_zh="财政级次明确",
            title_en="level of government is known",
            message_zh="财政级次“{found}”不明",
            message_en="level of government “{found}” is not known",
            basis="各级财政补助分别核算 / each level's subsidy is kept apart",
            remedy="从列表中选择 / choose from the list",
            expect=gxe.ExpectColumnValuesToBeInSet(column="level", value_set=list(LEVELS)),
            found=as_written,
            expected=text("、".join(LEVELS)),
        ),
        Check(
            code="SUBSIDY-015",
            severity=BLOCK,
            title_zh="累计不小于本月",
            title_en="year to date is not below the month",
            message_zh="{county}{fund}累计到位 {found}，小于本月到位 {expected}",
            message_en="{county} {fund}: received in the year {found} is below the month's {expected}",
            basis=FORM,
            remedy="核对累计数 / correct the year to date",
            expect=cells(compared, ["year_arrived_fen", "arrived_fen"], relation="ge"),
        ),
        Check(
            code="SUBSIDY-016",
            severity=REVIEW,
            title_zh="到位不超过应到位",
            title_en="not more than is due",
            message_zh="{county}{fund}累计到位 {found}，超过本年应到位 {expected}",
            message_en="{county} {fund}: received {found} exceeds what is due, {expected}",
            basis="财政补助按预算安排 / subsidies follow the budget",
            remedy="核对应到位数或说明清算上年 / compare what is due, or explain arrears of earlier years",
            expect=cells(compared, ["year_arrived_fen", "due_fen"], relation="le"),
        ),
        Check(
            code="SUBSIDY-017",
            severity=REVIEW,
            title_zh="累计等于上次累计加本月",
            title_en="year to date = last return's + the month",
            message_zh="{county}{fund}累计到位 {found}，上次累计加本月到位为 {expected}",
            message_en="{county} {fund}: received in the year {found}, the last return and this month give {expected}",
            basis="前后各期衔接 / returns follow on from each other",
            remedy="核对累计数；中间月份未报的请补报 / correct the year to date, or file the months between",
            expect=equal("year_arrived_fen", "year_expected_fen"),
            needs="last_arrived_fen",
        ),
        *total_ties(
            "SUBSIDY",
            18,
            "arrived_fen",
            fact="ledger_subsidies_fen",
            what_zh="本月入账财政补助收入",
            what_en="the subsidy income booked for the month",
        ),
    ),
    add_columns=_add_columns,
)
