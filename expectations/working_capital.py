"""Checks of the 周转金申请表."""

import great_expectations.expectations as gxe
import pandas as pd

from expectations.arithmetic import equal
from expectations.checks import BLOCK, REVIEW, Check, Suite, text
from expectations.form import FORM, form_checks
from expectations.tie_out import ties
from schemas.documents.working_capital import WORKING_CAPITAL

RULE = "本市关于周转金的规定（fundpool compute working-capital）/ what the city's documents say of working capital"


def _add_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Monthly average and quota that follow from the payments stated; half a fen is rounded up."""
    stated = frame["payments_fen"].notna() & frame["months"].fillna(0).ne(0)
    # As Python's integers: a product of 64 bits could overflow without an error.
    rows = frame.loc[stated, ["payments_fen", "months", "quota_permille"]].astype(object)
    average = (2 * rows["payments_fen"] + rows["months"]) // (2 * rows["months"])
    rows = rows[rows["quota_permille"].fillna(0) != 0]
    divisor = 1000 * rows["months"]
    quota = (2 * rows["payments_fen"] * rows["quota_permille"] + divisor) // (2 * divisor)
    return frame.assign(
        average_expected_fen=average.astype("Int64"), quota_expected_fen=quota.astype("Int64")
    )


SUITE = Suite(
    WORKING_CAPITAL,
    (
        *form_checks("CAPITAL", WORKING_CAPITAL),
        Check(
            code="CAPITAL-014",
            severity=BLOCK,
            title_zh="月均支付计算正确",
            title_en="the monthly average is right",
            message_zh="{county}{fund}月均支付填 {found}，支付合计除以月数为 {expected}",
            message_en="{county} {fund}: the monthly average reads {found}, payments by months give {expected}",
            basis=FORM,
            remedy="核对支付合计与月数 / compare payments and months",
            expect=equal("average_fen", "average_expected_fen"),
        ),
        Check(
            code="CAPITAL-015",
            severity=BLOCK,
            title_zh="统计月数为 1–12",
            title_en="1–12 months are counted",
            message_zh="统计月数为 {found}",
            message_en="{found} months are counted",
            basis=FORM,
            remedy="填写 1 至 12 / write 1 to 12",
            expect=gxe.ExpectColumnValuesToBeBetween(column="months", min_value=1, max_value=12),
            expected=text("1–12"),
        ),
        Check(
            code="CAPITAL-016",
            severity=REVIEW,
            title_zh="本市文件规定有周转金",
            title_en="the city's documents provide working capital",
            message_zh="{county}{fund}申请周转金 {found}，本市文件没有规定周转金",
            message_en="{county} {fund} asks for {found}, but the city's documents provide no working capital",
            basis=RULE,
            remedy="由市级说明依据 / the city says what it rests on",
            expect=gxe.ExpectColumnValuesToNotBeInSet(column="quota_permille", value_set=[0]),
            field="requested_fen",
            expected=text("无 / none"),
            needs="quota_permille",
        ),
        Check(
            code="CAPITAL-017",
            severity=REVIEW,
            title_zh="额度与政策核定数一致",
            title_en="the quota is what the policy gives",
            message_zh="{county}{fund}核定周转金填 {found}，按政策和所填支付额应为 {expected}",
            message_en="{county} {fund}: the quota reads {found}, the policy gives {expected} for the payments stated",
            basis=RULE,
            remedy="按政策核定数填写，或说明 / write what the policy gives, or explain",
            expect=equal("quota_fen", "quota_expected_fen"),
            needs="quota_permille",
        ),
        Check(
            code="CAPITAL-018",
            severity=REVIEW,
            title_zh="统计月数与政策一致",
            title_en="months counted are the policy's",
            message_zh="统计月数填 {found}，政策按 {expected} 个月平均",
            message_en="{found} months are counted, the policy's average is over {expected}",
            basis=RULE,
            remedy="按政策的月数统计 / count the policy's months",
            expect=equal("months", "quota_months"),
            needs="quota_months",
        ),
        ties(
            "CAPITAL-019",
            "payments_fen",
            "quota_payments_fen",
            title_zh="支付合计与账上支出相符",
            title_en="payments agree with the books",
            what_zh="已收下报表的累计支出",
            what_en="the spending of the accepted reports",
            severity=REVIEW,
        ),
    ),
    add_columns=_add_columns,
)
