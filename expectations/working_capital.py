"""Checks of the 周转金申请表."""

from fractions import Fraction
from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.checks import Check, Suite, at, own_amount, text, value, yuan
from expectations.form import BLOCK, FORM, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import ties
from fundpool.domain.money import nearest_fen
from schemas.documents.working_capital import WORKING_CAPITAL

RULE = "本市关于周转金的规定（fundpool compute working-capital）/ what the city's documents say of working capital"


def _add_facts(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        payments, months = row["payments_fen"], row["months"]
        usable = payments is not None and months
        # Half a fen upwards, as a person with a calculator rounds.
        row["average_expected_fen"] = (2 * payments + months) // (2 * months) if usable else None
        permille = row["quota_permille"]
        row["quota_expected_fen"] = (
            nearest_fen(Fraction(payments * permille, 1000 * months)) if usable and permille else None
        )


SUITE = Suite(
    "working-capital",
    (
        *whose_and_when("CAPITAL", WORKING_CAPITAL),
        *amounts_in_order("CAPITAL", 7, WORKING_CAPITAL),
        *signed("CAPITAL", 11),
        adds_up(
            "CAPITAL-013",
            WORKING_CAPITAL,
            "requested_fen",
            title_zh="申请额等于核定额减已有额",
            title_en="requested = quota − held",
        ),
        Check(
            "CAPITAL-014",
            BLOCK,
            "月均支付计算正确",
            "the monthly average is right",
            "{county}{fund}月均支付填 {found}，支付合计除以月数为 {expected}",
            "{county} {fund}: the monthly average reads {found}, payments by months give {expected}",
            FORM,
            "核对支付合计与月数 / compare payments and months",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A="average_fen",
                column_B="average_expected_fen",
                ignore_row_if="either_value_is_missing",
            ),
            at("average_fen"),
            own_amount,
            yuan("average_expected_fen"),
        ),
        Check(
            "CAPITAL-015",
            BLOCK,
            "统计月数为 1–12",
            "1–12 months are counted",
            "统计月数为 {found}",
            "{found} months are counted",
            FORM,
            "填写 1 至 12 / write 1 to 12",
            partial(gxe.ExpectColumnValuesToBeBetween, column="months", min_value=1, max_value=12),
            at("months"),
            value("months"),
            text("1–12"),
        ),
        Check(
            "CAPITAL-016",
            REVIEW,
            "本市文件规定有周转金",
            "the city's documents provide working capital",
            "{county}{fund}申请周转金 {found}，本市文件没有规定周转金",
            "{county} {fund} asks for {found}, but the city's documents provide no working capital",
            RULE,
            "由市级说明依据 / the city says what it rests on",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="quota_permille", value_set=[0]),
            at("requested_fen"),
            own_amount,
            text("无 / none"),
            needs="quota_permille",
        ),
        Check(
            "CAPITAL-017",
            REVIEW,
            "额度与政策核定数一致",
            "the quota is what the policy gives",
            "{county}{fund}核定周转金填 {found}，按政策和所填支付额应为 {expected}",
            "{county} {fund}: the quota reads {found}, the policy gives {expected} for the payments stated",
            RULE,
            "按政策核定数填写，或说明 / write what the policy gives, or explain",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A="quota_fen",
                column_B="quota_expected_fen",
                ignore_row_if="either_value_is_missing",
            ),
            at("quota_fen"),
            own_amount,
            yuan("quota_expected_fen"),
            needs="quota_permille",
        ),
        Check(
            "CAPITAL-018",
            REVIEW,
            "统计月数与政策一致",
            "months counted are the policy's",
            "统计月数填 {found}，政策按 {expected} 个月平均",
            "{found} months are counted, the policy's average is over {expected}",
            RULE,
            "按政策的月数统计 / count the policy's months",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A="months",
                column_B="quota_months",
                ignore_row_if="either_value_is_missing",
            ),
            at("months"),
            value("months"),
            value("quota_months"),
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
    add_facts=_add_facts,
    whole_numbers=frozenset({"average_expected_fen", "quota_expected_fen"}),
)
