"""Checks of the 用款计划申请表, county by county and fund by fund."""

import great_expectations.expectations as gxe

from expectations.arithmetic import cells, compared
from expectations.checks import BLOCK, NOTE, REVIEW, Check, Suite, text, value
from expectations.form import FORM, form_checks
from expectations.tie_out import (
    known,
    no_personal_accounts,
    not_copied,
    right_magnitude_beside_last_year,
    usual_spending,
)
from schemas.documents.plan import PLAN

SUITE = Suite(
    PLAN,
    (
        *form_checks("PLAN", PLAN),
        no_personal_accounts("PLAN-015", "personal_account_fen"),
        not_copied("PLAN-016", "planned_fen"),
        Check(
            code="PLAN-017",
            severity=REVIEW,
            title_zh="有计划支出",
            title_en="something is planned",
            message_zh="{county}{fund}计划支出为零，请确认是否零报送",
            message_en="{county} {fund}: nothing is planned; is this a nil return?",
            basis="零报送应明示 / a nil return is explicit",
            remedy="确认零报送，或补填 / confirm the nil return or fill in",
            expect=gxe.ExpectColumnValuesToNotBeInSet(column="planned_fen", value_set=[0]),
            expected=text("> 0.00"),
        ),
        Check(
            code="PLAN-018",
            severity=BLOCK,
            title_zh="不超过年度预算余额",
            title_en="within what is left of the annual budget",
            message_zh="{county}{fund}计划支出 {found}，超出年度预算余额 {expected}",
            message_en="{county} {fund}: planned spending {found} exceeds what is left of the annual budget, {expected}",
            basis="基金支出按批准的年度预算执行 / spending keeps to the approved annual budget",
            remedy="压减计划，或先按程序调整预算 / cut the plan, or have the budget adjusted first",
            expect=cells(compared, ["planned_fen", "budget_left_fen"], relation="le"),
            needs="budget_left_fen",
        ),
        known(
            "PLAN-019",
            "planned_fen",
            "budget_left_fen",
            severity=REVIEW,
            what_zh="年度预算余额",
            what_en="the annual budget",
        ),
        *usual_spending("PLAN", 20, "planned_fen"),
        Check(
            code="PLAN-024",
            severity=NOTE,
            title_zh="可用余额够用时不申请",
            title_en="a covered plan asks for nothing",
            message_zh="{county}{fund}可用余额 {expected} 已够计划支出 {found}，本月申请额为零",
            message_en="{county} {fund}: the balance available {expected} covers the plan {found}; nothing is requested",
            basis=FORM,
            remedy="无须更正；请市级关注沉淀资金 / nothing to correct; the city may look at idle money",
            expect=cells(compared, ["available_fen", "planned_fen"], relation="le"),
            found=value("planned_fen"),
            expected=value("available_fen"),
        ),
        right_magnitude_beside_last_year("PLAN-025", "planned_fen"),
    ),
)
