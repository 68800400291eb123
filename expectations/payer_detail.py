"""Checks of the 缴款单位明细表: every payer once, sums exact, days within the collection month."""

from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.arithmetic import ExpectAmountToBeNearTo
from expectations.checks import Check, Suite, as_written, at, text, value, yuan
from expectations.form import NOTE, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import day_in_month, known, total_ties
from fundpool.domain.credit_code import is_valid_credit_code
from schemas.documents.payer_detail import PAYER_DETAIL


def _add_facts(rows: list[dict[str, Any]]) -> None:
    names: dict[Any, Any] = {}
    payments: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        code, name = row["credit_code"], row["payer_name"]
        row["day_month"] = None if row["paid_on"] is None else row["paid_on"][:7]
        row["credit_code_valid"] = None if code is None else is_valid_credit_code(str(code))
        first_name = names.setdefault(code, name) if code and name else None
        row["other_name"] = first_name if first_name not in {None, name} else None
        same = (row["county"], row["fund"], code, row["paid_on"], row["paid_fen"])
        first_voucher = payments.setdefault(same, row["voucher"]) if None not in same else None
        row["paid_before_by"] = first_voucher if first_voucher not in {None, row["voucher"]} else None
        shares = [row["employer_fen"], row["personal_fen"]]
        row["contribution_fen"] = None if None in shares else sum(shares)


SUITE = Suite(
    "payer-detail",
    (
        *whose_and_when("PAYER", PAYER_DETAIL),
        *amounts_in_order("PAYER", 7, PAYER_DETAIL),
        *signed("PAYER", 11),
        adds_up(
            "PAYER-013",
            PAYER_DETAIL,
            "paid_fen",
            title_zh="单位与个人缴费相加等于缴款合计",
            title_en="shares add up to what was paid",
        ),
        Check(
            "PAYER-014",
            REVIEW,
            "信用代码校验位正确",
            "credit code is valid",
            "{county}{fund}统一社会信用代码 {found} 的校验位不对",
            "{county} {fund}: the check character of credit code {found} is wrong",
            "GB 32100-2015",
            "核对营业执照上的 18 位代码 / compare with the 18 characters of the licence",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="credit_code_valid", value_set=[False]),
            at("credit_code"),
            as_written,
            text("18 位有效代码 / a valid code of 18 characters"),
        ),
        day_in_month("PAYER-015", REVIEW, "paid_on"),
        Check(
            "PAYER-016",
            REVIEW,
            "一个代码一个单位",
            "one code, one payer",
            "统一社会信用代码已用于“{expected}”，此行为“{found}”",
            "the credit code already stands for “{expected}”, here it is “{found}”",
            "GB 32100-2015：一户一码 / one organisation, one code",
            "核对单位名称与代码 / compare name and code",
            partial(gxe.ExpectColumnValuesToBeNull, column="other_name"),
            at("payer_name"),
            as_written,
            value("other_name"),
        ),
        Check(
            "PAYER-017",
            REVIEW,
            "同一笔缴款不重复",
            "a payment is listed once",
            "{county}{fund}同一单位同日同额已列于凭证 {expected}，此行凭证 {found}，疑为重复",
            "{county} {fund}: the same payer, day and amount stand under voucher {expected}, here {found}: listed twice?",
            "缴款单位明细表核对一致 / the detail list must agree",
            "核对凭证 / compare the vouchers",
            partial(gxe.ExpectColumnValuesToBeNull, column="paid_before_by"),
            at("voucher"),
            as_written,
            value("paid_before_by"),
        ),
        Check(
            "PAYER-018",
            NOTE,
            "缴费与基数相称",
            "contributions in proportion to the base",
            "{county}{fund}缴费 {found}，基数 {expected}，比例不在 4%–20%",
            "{county} {fund}: contributions {found} on a base of {expected} are outside 4–20%",
            "缴费率合理性 / plausible rate",
            "核对基数或补缴说明 / compare the base, or explain arrears",
            partial(
                ExpectAmountToBeNearTo,
                column_list=["contribution_fen", "base_fen"],
                low_percent=4,
                high_percent=20,
            ),
            at("base_fen"),
            yuan("contribution_fen"),
            yuan("base_fen"),
        ),
        total_ties(
            "PAYER-019",
            "paid_fen",
            "ledger_income_fen",
            what_zh="本月入账保险费收入",
            what_en="the contribution income booked for the month",
        ),
        known(
            "PAYER-020",
            NOTE,
            "paid_fen",
            "ledger_income_fen",
            what_zh="本月入账保险费收入",
            what_en="the contribution income booked for the month",
        ),
    ),
    add_facts=_add_facts,
    whole_numbers=frozenset({"contribution_fen"}),
)
