"""Checks of the 周转金申请表."""

from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.checks import Check, Suite, at, own_amount, text, value, yuan
from expectations.form import BLOCK, FORM, adds_up, amounts_in_order, signed, whose_and_when
from schemas.documents.working_capital import WORKING_CAPITAL


def _add_facts(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        payments, months = row["payments_fen"], row["months"]
        usable = payments is not None and months
        # Half a fen upwards, as a person with a calculator rounds.
        row["average_expected_fen"] = (2 * payments + months) // (2 * months) if usable else None


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
    ),
    add_facts=_add_facts,
    whole_numbers=frozenset({"average_expected_fen"}),
)
