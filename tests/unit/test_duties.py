"""Duties: which fall into a period, on what day, and how sure the day is."""

from datetime import date
from typing import Any

import pytest

from fundpool.domain.duties import LAST_WORKING_DAYS, DutyStatus, duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, Year
from fundpool.domain.policy import (
    After,
    CityPolicy,
    DayOfMonth,
    Delegated,
    DutyRule,
    Every,
    Instrument,
    Interpretation,
    LastDay,
    NthLastWorkingDay,
    OnDate,
    PolicyRule,
    Reading,
    Shift,
    Status,
    Undated,
)
from fundpool.domain.working_days import WorkCalendar

# 2025: National Day 1-8 October off, 28 September and 11 October worked.
CALENDAR = WorkCalendar(
    notices={2024: ("2024",), 2025: ("2025",)},
    days_off=frozenset(date(2025, 10, day) for day in range(1, 9)),
    working_weekends=frozenset({date(2025, 9, 28), date(2025, 10, 11)}),
)
DOCUMENT = Instrument(
    key="rules",
    title="办法",
    number="甲〔2024〕1号",
    issuer="甲市",
    issued=date(2024, 1, 1),
    published=None,
    effective=date(2024, 7, 1),
    status=Status.IN_FORCE,
)
READING = Interpretation(
    key=LAST_WORKING_DAYS,
    question="「最后2个工作日前」",
    reading="nth_last",
    means="当日为限",
    alternatives=(Reading("before", "之前"), Reading("within", "之内")),
    decided_by="测试",
    switchable=True,
)


def rule(rule_id: str, *duties: DutyRule, **validity: Any) -> PolicyRule:
    return PolicyRule(
        id=rule_id,
        section="第一条",
        quote="引文",
        instrument=DOCUMENT,
        line=1,
        actor="县",
        valid_from=validity.get("valid_from", date(2024, 7, 1)),
        valid_until=validity.get("valid_until"),
        duties=duties,
        interpretations=(READING,),
    )


def monthly(key: str, due: Any, **options: Any) -> DutyRule:
    return DutyRule(key=key, actor="county_agency", every=Every.MONTH, due=due, **options)


def city(*rules: PolicyRule, status: Status = Status.IN_FORCE) -> CityPolicy:
    return CityPolicy(
        key="jia",
        level="city",
        name_zh="甲市",
        name_en="Jia",
        division_code="990300",
        status=status,
        instruments=(DOCUMENT,),
        funds=(),
        register=(),
        payment_path=(),
        rules=rules,
        conflicts=(),
        absent=(),
        actors={},
        file="jia.yaml",
    )


def the_due_date(*duties: DutyRule, month: str = "2025-10", **options: Any) -> date | None:
    return duties_of(city(rule("A-1", *duties)), Month.parse(month), CALENDAR, **options)[-1].due


def test_a_date_without_a_shift_rule_stays_in_the_holiday_and_says_when_to_act() -> None:
    (duty,) = duties_of(city(rule("A-1", monthly("pay", DayOfMonth(5)))), Month(2025, 10), CALENDAR)
    assert (duty.nominal, duty.due, duty.act_by) == (
        date(2025, 10, 5),
        date(2025, 10, 5),
        date(2025, 9, 30),
    )


def test_two_shifts_are_independent_and_may_meet() -> None:
    duties = duties_of(
        city(
            rule("A-1", monthly("apply", DayOfMonth(2), shift=Shift.FOLLOWING)),
            rule("A-2", monthly("pay", DayOfMonth(7), shift=Shift.FOLLOWING)),
            rule("A-3", monthly("file", DayOfMonth(7))),
        ),
        Month(2025, 10),
        CALENDAR,
    )
    assert [duty.due for duty in duties] == [date(2025, 10, 9), date(2025, 10, 9), date(2025, 10, 7)]
    assert [duty.nominal for duty in duties] == [date(2025, 10, 2), date(2025, 10, 7), date(2025, 10, 7)]


def test_the_month_end_is_the_last_calendar_day() -> None:
    assert the_due_date(monthly("pay", LastDay(last_day=True, month_offset=-1)), month="2025-03") == date(
        2025, 2, 28
    )


def test_a_day_that_the_month_lacks_has_no_date_unless_the_text_says_month_end() -> None:
    assert the_due_date(monthly("file", DayOfMonth(30)), month="2025-02") is None
    assert the_due_date(monthly("file", DayOfMonth(30, short_month="last_day")), month="2025-02") == date(
        2025, 2, 28
    )


@pytest.mark.parametrize(
    ("reading", "day"),
    [("nth_last", date(2025, 9, 29)), ("before", date(2025, 9, 28)), ("within", date(2025, 9, 30))],
)
def test_the_last_working_days_follow_the_reading_given(reading: str, day: date) -> None:
    duty = monthly("transfer", NthLastWorkingDay(2), interpretation=READING)
    assert the_due_date(duty, month="2025-09", readings={LAST_WORKING_DAYS: reading}) == day


def test_the_duty_names_the_reading_in_use() -> None:
    policy = city(rule("A-1", monthly("transfer", NthLastWorkingDay(2), interpretation=READING)))
    (duty,) = duties_of(policy, Month(2025, 9), CALENDAR, readings={LAST_WORKING_DAYS: "within"})
    assert duty.reading == "within"


@pytest.mark.parametrize("readings", [{LAST_WORKING_DAYS: "soon"}, {"gap.pool_short": "tranche"}])
def test_a_reading_that_the_documents_do_not_offer_is_refused(readings: dict[str, str]) -> None:
    policy = city(rule("A-1", monthly("transfer", LastDay(last_day=True))))
    with pytest.raises(InputError, match=r"due\.last_working_days=nth_last\|before\|within"):
        duties_of(policy, Month(2025, 9), CALENDAR, readings=readings)


PAY = monthly("pay", DayOfMonth(5))
ALLOCATE = monthly("allocate", After(working_days=2, duty="pay", counts_from="receipt"))


def test_without_a_receipt_the_date_is_a_forecast_from_the_latest_permitted_day() -> None:
    policy = city(rule("A-1", PAY), rule("A-2", ALLOCATE))
    duty = duties_of(policy, Month(2025, 10), CALENDAR)[-1]
    assert (duty.due, duty.status) == (date(2025, 10, 10), DutyStatus.FORECAST)


def test_with_a_receipt_the_date_is_confirmed() -> None:
    policy = city(rule("A-1", PAY), rule("A-2", ALLOCATE))
    duty = duties_of(policy, Month(2025, 10), CALENDAR, received=date(2025, 9, 28))[-1]
    assert (duty.due, duty.status) == (date(2025, 9, 30), DutyStatus.CONFIRMED)


def test_a_bare_receipt_day_does_not_stand_for_the_completion_of_a_review() -> None:
    review = monthly("review", After(working_days=2, duty="pay"))
    assert the_due_date(PAY, review, received=date(2025, 9, 28)) == date(2025, 10, 10)
    assert the_due_date(PAY, review, received={"pay": date(2025, 9, 28)}) == date(2025, 9, 30)


def test_a_chain_of_duties_is_forecast_through_every_link() -> None:
    review = monthly("review", After(working_days=2, duty="pay"))
    answer = monthly("answer", After(days=10, duty="review"))
    assert the_due_date(PAY, review, answer) == date(2025, 10, 20)


def test_an_outside_event_without_a_day_has_no_date() -> None:
    duty = DutyRule(
        key="transfer", actor="county", every=Every.EVENT, due=After(working_days=5, event="到期收回")
    )
    (listed,) = duties_of(city(rule("A-1", duty)), Year(2025), CALENDAR)
    assert (listed.due, listed.status, listed.kind.value) == (None, DutyStatus.UNKNOWN, "after_event")


def test_undated_and_delegated_duties_are_listed_without_a_date() -> None:
    undated = DutyRule(key="report", actor="city_agency", every=Every.YEAR, due=Undated("及时"))
    delegated = DutyRule(key="pay_insurer", actor="city_finance", every=Every.EVENT, due=Delegated("按合同"))
    duties = duties_of(city(rule("A-1", undated, delegated)), Year(2025), CALENDAR)
    assert [(duty.kind.value, duty.due, duty.act_by) for duty in duties] == [
        ("undated", None, None),
        ("delegated", None, None),
    ]


def test_duties_before_the_rule_holds_are_not_listed() -> None:
    policy = city(
        rule("A-1", monthly("plan", DayOfMonth(15, month_offset=-1))),
        rule("A-2", monthly("pay", DayOfMonth(5))),
    )
    assert [duty.key for duty in duties_of(policy, Month(2024, 7), CALENDAR)] == ["pay"]


def test_a_one_off_duty_stands_even_before_the_rest_takes_effect() -> None:
    audit = DutyRule(
        key="audit", actor="city_audit", every=Every.ONCE, due=OnDate(date(2024, 3, 31)), fund_year=2024
    )
    assert [duty.due for duty in duties_of(city(rule("A-1", audit)), Year(2024), CALENDAR)] == [
        date(2024, 3, 31)
    ]


def test_a_one_off_duty_belongs_to_the_year_of_its_money() -> None:
    pay = DutyRule(
        key="pay", actor="city_finance", every=Every.ONCE, due=OnDate(date(2024, 12, 31)), fund_year=2025
    )
    policy = city(rule("A-1", pay))
    assert duties_of(policy, Year(2024), CALENDAR) == ()
    assert [duty.period for duty in duties_of(policy, Year(2025), CALENDAR)] == ["2025"]


def test_the_settlement_of_a_year_has_that_years_period_though_due_in_the_next() -> None:
    settle = DutyRule(
        key="settle",
        actor="city_agency",
        every=Every.YEAR,
        due=LastDay(last_day=True, month=6, year_offset=1),
    )
    (duty,) = duties_of(city(rule("A-1", settle)), Year(2024), CALENDAR)
    assert (duty.period, duty.due) == ("2024", date(2025, 6, 30))


def test_a_draft_has_no_duties() -> None:
    policy = city(rule("A-1", PAY), status=Status.DRAFT)
    assert duties_of(policy, Month(2025, 10), CALENDAR) == ()


def test_a_fixed_date_in_a_year_without_a_notice_is_provisional() -> None:
    (duty,) = duties_of(city(rule("A-1", PAY)), Month(2026, 3), CALENDAR)
    assert (duty.due, duty.act_by, duty.status) == (date(2026, 3, 5), None, DutyStatus.PROVISIONAL)


def test_a_shifted_date_in_a_year_without_a_notice_keeps_its_printed_day() -> None:
    pay = monthly("pay", DayOfMonth(7), shift=Shift.FOLLOWING)
    (duty,) = duties_of(city(rule("A-1", pay)), Month(2026, 3), CALENDAR)
    assert (duty.due, duty.act_by, duty.status) == (date(2026, 3, 7), None, DutyStatus.PROVISIONAL)


def test_a_working_day_in_a_year_without_a_notice_is_unknown() -> None:
    (duty,) = duties_of(
        city(rule("A-1", monthly("transfer", NthLastWorkingDay(2)))), Month(2026, 3), CALENDAR
    )
    assert (duty.due, duty.status) == (None, DutyStatus.UNKNOWN)


def test_a_december_that_waits_for_next_years_notice_says_so() -> None:
    (duty,) = duties_of(
        city(rule("A-1", monthly("transfer", NthLastWorkingDay(2)))), Month(2025, 12), CALENDAR
    )
    assert (duty.due, duty.status) == (date(2025, 12, 30), DutyStatus.PROVISIONAL)


def amended(old_day: int, new_day: int, change: date) -> CityPolicy:
    before = change.replace(day=change.day - 1)
    return city(
        rule("A-1", monthly("file", DayOfMonth(old_day, month_offset=1)), valid_until=before),
        rule("A-1", monthly("file", DayOfMonth(new_day, month_offset=1)), valid_from=change),
    )


@pytest.mark.parametrize(
    ("old_day", "new_day", "due"),
    [
        (10, 15, date(2025, 6, 10)),  # both name a day of their own time: due once, by the earlier version
        (15, 10, date(2025, 6, 10)),  # neither does: due by the new rule
        (15, 20, date(2025, 6, 20)),
    ],
)
def test_an_amendment_in_mid_month_neither_doubles_nor_loses_the_duty(
    old_day: int, new_day: int, due: date
) -> None:
    policy = amended(old_day, new_day, date(2025, 6, 12))
    for month in (Month(2025, 4), Month(2025, 5), Month(2025, 6)):
        assert len(duties_of(policy, month, CALENDAR)) == 1
    (duty,) = duties_of(policy, Month(2025, 5), CALENDAR)
    assert duty.due == due
