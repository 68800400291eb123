"""Which steps the daily tick starts on a day, decided from duties, calendar and the steps' states."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from fundpool.domain.duties import Basis, Duty, DutyKind, DutyStatus
from fundpool.domain.periods import Month
from fundpool.domain.policy import Firmness, Shift
from fundpool.domain.schedule import CITIES_PER_RUN, ScheduledStep, SharedStart, shared_starts, steps_due
from fundpool.domain.working_days import WorkCalendar

OCTOBER = Month(2026, 10)
CALENDAR = WorkCalendar(
    notices={2026: ("国办发明电〔2025〕7号",)},
    days_off=frozenset(
        [date(2026, 9, 25) + timedelta(days=n) for n in range(3)]
        + [date(2026, 10, 1) + timedelta(days=n) for n in range(7)]
    ),
    working_weekends=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)


def duty(key: str, due: date | None, act_by: date | None) -> Duty:
    return Duty(
        rule="TZ-15",
        key=key,
        period="2026-10",
        actor="county_agency",
        unit=None,
        nominal=due,
        due=due,
        act_by=act_by,
        kind=DutyKind.FIXED,
        firmness=Firmness.BINDING,
        status=DutyStatus.CONFIRMED,
        shift=Shift.NONE,
        reading=None,
        basis=Basis("台政办发〔2021〕48号", "第五条", "每月25日前"),
    )


TAIZHOU = (
    duty("submit_fund_use_plan", date(2026, 9, 25), date(2026, 9, 24)),
    duty("apply_for_funds", date(2026, 9, 30), date(2026, 9, 30)),
    duty("pay_from_fiscal_account", date(2026, 10, 5), date(2026, 9, 30)),
    duty("allocate_to_counties", date(2026, 10, 9), date(2026, 10, 9)),
    duty("submit_expenditure_report", date(2026, 11, 15), date(2026, 11, 13)),
    duty("file_expenditure_report", date(2026, 11, 30), date(2026, 11, 30)),
)
JIUJIANG = (duty("pay_from_fiscal_account", None, None),)
TWO_HOPS = frozenset({"pay_from_fiscal_account", "allocate_to_counties"})
DIRECT = frozenset({"pay_from_fiscal_account"})


def due_on(day, states=None, duties=TAIZHOU, hops=TWO_HOPS, month=OCTOBER, calendar=CALENDAR, paying=False):
    return list(
        steps_due(day, month, duties, states=states or {}, calendar=calendar, hops=hops, has_transfers=paying)
    )


def test_nothing_is_due_before_collection_opens():
    assert due_on(date(2026, 9, 16)) == []


def test_collection_opens_five_working_days_before_the_act_by_day_counting_a_make_up_sunday():
    # 24 September is the act-by day (the 25th is the Mid-Autumn Festival): 23, 22, 21, Sunday 20, 18.
    assert due_on(date(2026, 9, 17)) == []
    assert due_on(date(2026, 9, 18)) == ["plan-collection", "plan-review", "flags"]


def test_files_are_collected_on_a_day_off_and_nothing_else_is_done():
    assert due_on(date(2026, 9, 26)) == ["plan-collection", "flags"]


def test_a_make_up_sunday_is_a_working_day():
    assert "plan-review" in due_on(date(2026, 9, 20))
    assert "plan-review" not in due_on(date(2026, 9, 19))


def test_the_application_opens_on_the_act_by_day_of_the_plans():
    assert "funds-application" not in due_on(date(2026, 9, 23))
    assert "funds-application" in due_on(date(2026, 9, 24))


def test_the_payment_due_inside_national_day_is_started_on_the_last_working_day_before_it():
    assert "disbursement" not in due_on(date(2026, 9, 29))
    assert "disbursement" in due_on(date(2026, 9, 30))
    for day in range(1, 8):
        assert "disbursement" not in due_on(date(2026, 10, day))
    assert "disbursement" in due_on(date(2026, 10, 8))


def test_a_step_opens_early_when_the_step_before_it_is_done():
    states = {"plan-collection": "done", "plan-review": "done"}
    assert due_on(date(2026, 9, 22), states) == ["funds-application", "flags"]


def test_a_step_that_is_done_is_not_started_again():
    assert "plan-collection" not in due_on(date(2026, 9, 24), {"plan-collection": "done"})


@pytest.mark.parametrize("state", ["waiting", "failed", "flagged", "running"])
def test_a_step_that_is_not_done_is_started_again_the_next_day(state):
    assert "plan-collection" in due_on(date(2026, 9, 28), {"plan-collection": state})


def test_reconciliation_runs_on_working_days_from_the_first_order_until_nothing_is_open():
    assert "reconciliation" in due_on(date(2026, 10, 8), paying=True)
    assert "reconciliation" not in due_on(date(2026, 10, 4), paying=True)
    assert "reconciliation" not in due_on(date(2026, 10, 8), paying=False)


def test_reports_are_collected_in_the_month_after():
    assert "expenditure-reporting" not in due_on(date(2026, 11, 5))
    assert "expenditure-reporting" in due_on(date(2026, 11, 6))
    assert "report-filing" in due_on(date(2026, 11, 13))


def test_plans_are_not_collected_any_more_once_their_month_is_over():
    assert "plan-collection" in due_on(date(2026, 10, 31), {"plan-collection": "waiting"})
    assert "plan-collection" not in due_on(date(2026, 11, 2), {"plan-collection": "waiting"})


def test_a_filed_month_is_closed_but_money_under_way_is_still_looked_after():
    day = date(2026, 12, 1)
    filed = {"report-filing": "done", "expenditure-reporting": "flagged", "disbursement": "done"}
    settled = {**filed, "allocation": "done", "reconciliation": "done"}
    assert due_on(day, settled, paying=True) == []
    unknown = {**filed, "allocation": "waiting"}
    assert due_on(day, unknown, paying=True) == ["allocation", "reconciliation", "flags"]


def test_an_undated_plan_is_started_by_a_person_and_carried_on_by_the_tick():
    day = date(2026, 10, 12)
    assert due_on(day, duties=JIUJIANG, hops=DIRECT) == []
    begun = {"plan-collection": "waiting"}
    assert due_on(day, begun, JIUJIANG, DIRECT) == ["plan-collection", "plan-review", "flags"]
    reviewed = {"plan-collection": "done", "plan-review": "done", "funds-application": "waiting"}
    assert due_on(day, reviewed, JIUJIANG, DIRECT) == ["funds-application", "disbursement", "flags"]


def test_a_hop_the_path_lacks_is_never_started():
    states = {"plan-collection": "done", "plan-review": "done", "disbursement": "done"}
    assert "allocation" not in due_on(date(2026, 10, 12), states, JIUJIANG, DIRECT)


def test_a_year_without_a_holiday_notice_still_gets_its_steps_from_the_due_day():
    duties = (duty("submit_fund_use_plan", date(2027, 1, 25), None),)
    due = due_on(date(2027, 1, 18), duties=duties, month=Month(2027, 2), calendar=WorkCalendar())
    assert due == ["plan-collection", "plan-review", "flags"]
    assert due_on(date(2027, 1, 17), duties=duties, month=Month(2027, 2), calendar=WorkCalendar()) == []


def test_the_key_of_a_start_is_made_of_the_decision_alone():
    first = SharedStart((reserved("taizhou", "disbursement"),))
    again = SharedStart((replace(reserved("taizhou", "disbursement"), run_id="other"),))
    assert first.key == again.key == "taizhou:disbursement:2026-10:2026-09-30"


SEVEN = datetime(2026, 9, 30, 7, tzinfo=UTC)


def reserved(city: str, step: str, month: Month = OCTOBER, *, at: datetime = SEVEN) -> ScheduledStep:
    return ScheduledStep(city, step, month, date(2026, 9, 30), reserved_at=at)


def test_cities_with_the_same_step_due_share_a_run_and_each_keeps_its_order():
    taizhou, suizhou = "taizhou", "suizhou"
    due = [
        reserved(taizhou, "allocation", Month(2026, 9)),
        reserved(taizhou, "plan-collection"),
        reserved(taizhou, "flags"),
        reserved(suizhou, "plan-collection"),
        reserved(suizhou, "disbursement"),
        reserved(suizhou, "flags"),
    ]
    starts = shared_starts(due, [taizhou, suizhou])
    assert [(str(start.steps[0].month), start.steps[0].step, start.cities) for start in starts] == [
        ("2026-09", "allocation", [taizhou]),
        ("2026-10", "plan-collection", [taizhou, suizhou]),
        ("2026-10", "disbursement", [suizhou]),
        ("2026-10", "flags", [taizhou, suizhou]),
    ]
    assert len({start.key for start in starts}) == 4


def test_a_start_that_was_cut_short_is_made_again_for_the_same_cities():
    """Whoever joins later, and whoever was started already."""
    cities = [f"city{number}" for number in range(2 * CITIES_PER_RUN + 1)]
    due = [reserved(city, "flags") for city in cities if city != "city50"]
    first, second, third = shared_starts(due, cities)
    assert [len(start.steps) for start in (first, second, third)] == [40, 39, 1]
    late = reserved("city50", "flags", at=SEVEN + timedelta(minutes=5))
    again = shared_starts([*second.steps, *third.steps, late], cities)
    assert [start.key for start in again] == [second.key, shared_starts([late], cities)[0].key, third.key]
