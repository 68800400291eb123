"""Checks of the 用款计划申请表, county by county and fund by fund."""

from functools import partial

import great_expectations.expectations as gxe

from expectations.arithmetic import ExpectPairsToBeOrdered
from expectations.checks import Check, Suite, at, own_amount, text, yuan
from expectations.form import BLOCK, FORM, NOTE, REVIEW, adds_up, amounts_in_order, signed, whose_and_when
from expectations.tie_out import (
    known,
    near_last_year,
    near_run_rate,
    no_personal_accounts,
    not_copied,
    right_magnitude,
    right_magnitude_beside_last_year,
)
from schemas.documents.plan import PLAN

SUITE = Suite(
    "plan",
    (
        *whose_and_when("PLAN", PLAN),
        *amounts_in_order("PLAN", 7, PLAN),
        *signed("PLAN", 11),
        adds_up(
            "PLAN-013",
            PLAN,
            "planned_fen",
            title_zh="分项相加等于计划支出",
            title_en="items add up to planned spending",
        ),
        adds_up(
            "PLAN-014",
            PLAN,
            "requested_fen",
            title_zh="申请额等于计划支出减可用余额",
            title_en="requested = planned − available",
        ),
        no_personal_accounts("PLAN-015", "personal_account_fen"),
        not_copied("PLAN-016", "planned_fen"),
        Check(
            "PLAN-017",
            REVIEW,
            "有计划支出",
            "something is planned",
            "{county}{fund}计划支出为零，请确认是否零报送",
            "{county} {fund}: nothing is planned; is this a nil return?",
            "零报送应明示 / a nil return is explicit",
            "确认零报送，或补填 / confirm the nil return or fill in",
            partial(gxe.ExpectColumnValuesToNotBeInSet, column="planned_fen", value_set=[0]),
            at("planned_fen"),
            own_amount,
            text("> 0.00"),
        ),
        Check(
            "PLAN-018",
            BLOCK,
            "不超过年度预算余额",
            "within what is left of the annual budget",
            "{county}{fund}计划支出 {found}，超出年度预算余额 {expected}",
            "{county} {fund}: planned spending {found} exceeds what is left of the annual budget, {expected}",
            "基金支出按批准的年度预算执行 / spending keeps to the approved annual budget",
            "压减计划，或先按程序调整预算 / cut the plan, or have the budget adjusted first",
            partial(ExpectPairsToBeOrdered, column_list=["planned_fen", "budget_left_fen"]),
            at("planned_fen"),
            own_amount,
            yuan("budget_left_fen"),
            needs="budget_left_fen",
        ),
        known(
            "PLAN-019",
            REVIEW,
            "planned_fen",
            "budget_left_fen",
            what_zh="年度预算余额",
            what_en="the annual budget",
        ),
        right_magnitude("PLAN-020", "planned_fen"),
        near_run_rate("PLAN-021", "planned_fen", 60, 160),
        known("PLAN-022", NOTE, "planned_fen", "run_rate_fen", what_zh="近月支出", what_en="recent spending"),
        near_last_year("PLAN-023", "planned_fen", 50, 200),
        Check(
            "PLAN-024",
            NOTE,
            "可用余额够用时不申请",
            "a covered plan asks for nothing",
            "{county}{fund}可用余额 {expected} 已够计划支出 {found}，本月申请额为零",
            "{county} {fund}: the balance available {expected} covers the plan {found}; nothing is requested",
            FORM,
            "无须更正；请市级关注沉淀资金 / nothing to correct; the city may look at idle money",
            partial(ExpectPairsToBeOrdered, column_list=["available_fen", "planned_fen"]),
            at("available_fen"),
            yuan("planned_fen"),
            yuan("available_fen"),
        ),
        right_magnitude_beside_last_year("PLAN-025", "planned_fen"),
    ),
)
