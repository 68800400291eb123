"""Checks of the 财政补助到位情况表."""

from functools import partial
from typing import Any

import great_expectations.expectations as gxe

from expectations.arithmetic import ExpectPairsToBeOrdered
from expectations.checks import Check, Suite, as_written, at, own_amount, text, yuan
from expectations.form import BLOCK, FORM, NOTE, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import known, total_ties
from schemas.documents.subsidy import LEVELS, SUBSIDY


def _add_facts(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        parts = [row["last_arrived_fen"], row["arrived_fen"]]
        row["year_expected_fen"] = None if None in parts else sum(parts)


SUITE = Suite(
    "subsidy",
    (
        *whose_and_when("SUBSIDY", SUBSIDY),
        *amounts_in_order("SUBSIDY", 7, SUBSIDY),
        *signed("SUBSIDY", 11),
        adds_up(
            "SUBSIDY-013",
            SUBSIDY,
            "arrears_fen",
            title_zh="未到位等于应到位减累计到位",
            title_en="not received = due − received",
        ),
        Check(
            "SUBSIDY-014",
            BLOCK,
            "财政级次明确",
            "level of government is known",
            "财政级次“{found}”不明",
            "level of government “{found}” is not known",
            "各级财政补助分别核算 / each level's subsidy is kept apart",
            "从列表中选择 / choose from the list",
            partial(gxe.ExpectColumnValuesToBeInSet, column="level", value_set=list(LEVELS)),
            at("level"),
            as_written,
            text("、".join(LEVELS)),
        ),
        Check(
            "SUBSIDY-015",
            BLOCK,
            "累计不小于本月",
            "year to date is not below the month",
            "{county}{fund}累计到位 {found}，小于本月到位 {expected}",
            "{county} {fund}: received in the year {found} is below the month's {expected}",
            FORM,
            "核对累计数 / correct the year to date",
            partial(ExpectPairsToBeOrdered, column_list=["arrived_fen", "year_arrived_fen"]),
            at("year_arrived_fen"),
            own_amount,
            yuan("arrived_fen"),
        ),
        Check(
            "SUBSIDY-016",
            REVIEW,
            "到位不超过应到位",
            "not more than is due",
            "{county}{fund}累计到位 {found}，超过本年应到位 {expected}",
            "{county} {fund}: received {found} exceeds what is due, {expected}",
            "财政补助按预算安排 / subsidies follow the budget",
            "核对应到位数或说明清算上年 / compare what is due, or explain arrears of earlier years",
            partial(ExpectPairsToBeOrdered, column_list=["year_arrived_fen", "due_fen"]),
            at("year_arrived_fen"),
            own_amount,
            yuan("due_fen"),
        ),
        Check(
            "SUBSIDY-017",
            REVIEW,
            "累计等于上次累计加本月",
            "year to date = last return's + the month",
            "{county}{fund}累计到位 {found}，上次累计加本月到位为 {expected}",
            "{county} {fund}: received in the year {found}, the last return and this month give {expected}",
            "前后各期衔接 / returns follow on from each other",
            "核对累计数；中间月份未报的请补报 / correct the year to date, or file the months between",
            partial(
                gxe.ExpectColumnPairValuesToBeEqual,
                column_A="year_arrived_fen",
                column_B="year_expected_fen",
                ignore_row_if="either_value_is_missing",
            ),
            at("year_arrived_fen"),
            own_amount,
            yuan("year_expected_fen"),
            needs="last_arrived_fen",
        ),
        total_ties(
            "SUBSIDY-018",
            "arrived_fen",
            "ledger_subsidies_fen",
            what_zh="本月入账财政补助收入",
            what_en="the subsidy income booked for the month",
        ),
        known(
            "SUBSIDY-019",
            NOTE,
            "arrived_fen",
            "ledger_subsidies_fen",
            what_zh="本月入账财政补助收入",
            what_en="the subsidy income booked for the month",
        ),
    ),
    add_facts=_add_facts,
    whole_numbers=frozenset({"year_expected_fen"}),
)
