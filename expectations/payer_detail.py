"""Checks of the 缴款单位明细表: every payer once, sums exact, days within the collection month."""

import great_expectations.expectations as gxe
import pandas as pd

from expectations.arithmetic import cells, near
from expectations.checks import NOTE, REVIEW, Check, Suite, as_written, text, value
from expectations.form import form_checks
from expectations.frame import on_first_of
from expectations.tie_out import day_in_month, total_ties
from fundpool.domain.credit_code import is_valid_credit_code
from schemas.documents.payer_detail import PAYER_DETAIL


def _add_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Compares a row with the file's first row of the same payer, and of the same payment.

    ``other_name`` is the first name under the row's credit code where the row has another name;
    ``paid_before_by`` is the first voucher of the payment where the row has another voucher.
    """
    codes = frame["credit_code"]
    names, vouchers = frame["payer_name"], frame["voucher"]
    named = frame[codes.notna() & names.notna()]
    first_name = on_first_of(named, ["file", "credit_code"], "payer_name").reindex(frame.index)
    payment = ["county", "fund", "credit_code", "paid_on", "paid_fen"]
    paid = frame.dropna(subset=payment)
    first_voucher = on_first_of(paid, ["file", *payment], "voucher").reindex(frame.index)
    return frame.assign(
        day_month=frame["paid_on"].str[:7],
        credit_code_valid=codes.map(lambda code: is_valid_credit_code(str(code)), na_action="ignore"),
        other_name=first_name.where(first_name != names),
        paid_before_by=first_voucher.where(first_voucher != vouchers),
        contribution_fen=frame["employer_fen"] + frame["personal_fen"],
    )


SUITE = Suite(
    PAYER_DETAIL,
    (
        *form_checks("PAYER", PAYER_DETAIL),
        Check(
            code="PAYER-014",
            severity=REVIEW,
            title_zh="信用代码校验位正确",
            title_en="credit code is valid",
            message_zh="{county}{fund}统一社会信用代码 {found} 的校验位不对",
            message_en="{county} {fund}: the check character of credit code {found} is wrong",
            basis="GB 32100-2015",
            remedy="核对营业执照上的 18 位代码 / compare with the 18 characters of the licence",
            expect=gxe.ExpectColumnValuesToNotBeInSet(column="credit_code_valid", value_set=[False]),
            field="credit_code",
            found=as_written,
            expected=text("18 位有效代码 / a valid code of 18 characters"),
        ),
        day_in_month("PAYER-015", REVIEW, "paid_on"),
        Check(
            code="PAYER-016",
            severity=REVIEW,
            title_zh="一个代码一个单位",
            title_en="one code, one payer",
            message_zh="统一社会信用代码已用于“{expected}”，此行为“{found}”",
            message_en="the credit code already stands for “{expected}”, here it is “{found}”",
            basis="GB 32100-2015：一户一码 / one organisation, one code",
            remedy="核对单位名称与代码 / compare name and code",
            expect=gxe.ExpectColumnValuesToBeNull(column="other_name"),
            field="payer_name",
            found=as_written,
            expected=value("other_name"),
        ),
        Check(
            code="PAYER-017",
            severity=REVIEW,
            title_zh="同一笔缴款不重复",
            title_en="a payment is listed once",
            message_zh="{county}{fund}同一单位同日同额已列于凭证 {expected}，此行凭证 {found}，疑为重复",
            message_en="{county} {fund}: the same payer, day and amount stand under voucher {expected}, here {found}: listed twice?",
            basis="缴款单位明细表核对一致 / the detail list must agree",
            remedy="核对凭证 / compare the vouchers",
            expect=gxe.ExpectColumnValuesToBeNull(column="paid_before_by"),
            field="voucher",
            found=as_written,
            expected=value("paid_before_by"),
        ),
        Check(
            code="PAYER-018",
            severity=NOTE,
            title_zh="缴费与基数相称",
            title_en="contributions in proportion to the base",
            message_zh="{county}{fund}缴费 {found}，基数 {expected}，比例不在 4%–20%",
            message_en="{county} {fund}: contributions {found} on a base of {expected} are outside 4–20%",
            basis="缴费率合理性 / plausible rate",
            remedy="核对基数或补缴说明 / compare the base, or explain arrears",
            expect=cells(near, ["contribution_fen", "base_fen"], low_percent=4, high_percent=20),
            field="base_fen",
            found=value("contribution_fen"),
        ),
        *total_ties(
            "PAYER",
            19,
            "paid_fen",
            fact="ledger_income_fen",
            what_zh="本月入账保险费收入",
            what_en="the contribution income booked for the month",
        ),
    ),
    add_columns=_add_columns,
)
