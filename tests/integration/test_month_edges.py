"""What goes wrong in a month: late, missing, returned, inconsistent, no bank; the rest goes on."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.month_summary import MonthSummary
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import Month
from fundpool.domain.review import CaseState
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.domain.transfer import attempt_key
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.documents import review
from fundpool.services.month import daily
from fundpool.services.oversight import records
from fundpool.services.oversight.filing import files_of
from fundpool.services.oversight.status import county_month, is_troubled, month_status
from fundpool.services.payments import application, kill_switches
from fundpool.services.payments.disbursement import legs_of, orders_of
from fundpool.services.ports.work import Work
from schemas.dashboard import DutyStatus, Flag
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CHECKER, MAKER, OPENING_FEN, CityScene, at

OCTOBER = Month(2026, 10)
FIRST, SECOND, THIRD = "331002", "331003", "331004"

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def taizhou(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Taizhou with a judge that passes every readable file, which saves seconds in each test."""
    return CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)


@pytest.fixture
def judged(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Taizhou with the real suites, where a test is about what they find."""
    return CityScene(transactions, tmp_path, "taizhou", OCTOBER)


def duty_of(scene: CityScene, now: str, key: str, county: str | None) -> DutyStatus:
    status = month_status(scene.ports, scene.policy.key, OCTOBER, now=at(now))
    return next(duty for duty in status.duties if (duty.key, duty.unit) == (key, county))


def flags_of(scene: CityScene, now: str, kind: str) -> list[Flag]:
    status = month_status(scene.ports, scene.policy.key, OCTOBER, now=at(now))
    return [flag for flag in status.flags if flag.kind == kind]


def file_plans(scene: CityScene, now: str, *counties: str) -> None:
    for county in counties or scene.counties:
        scene.submit(scene.plan(county), "plan", at(now))
    scene.run("plan-collection", at(now))
    scene.run("plan-review", at(now))


def test_the_same_file_twice_is_one_submission_and_a_changed_one_a_version_with_its_difference(
    taizhou: CityScene,
) -> None:
    first = taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-24 10:00"))
    again = taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-25 10:00"))
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.versions[0].submission == first.versions[0].submission
    changed = taizhou.submit(taizhou.plan(FIRST, inpatient_fen=1_500_00), "plan", at("2026-09-25 11:00"))
    version = changed.versions[0]
    assert version.submission.version == 2
    assert {
        (change.fund, change.field): (change.before_fen, change.after_fen) for change in version.changes
    } == {
        ("employee", "inpatient_fen"): (1_000_00, 1_500_00),
        ("employee", "planned_fen"): (6_000_00, 6_500_00),
        ("employee", "requested_fen"): (5_000_00, 5_500_00),
    }


def test_the_county_and_month_given_by_the_sender_must_agree_with_the_file(taizhou: CityScene) -> None:
    wrong = taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-24 10:00"), county=SECOND)
    assert wrong.state is FileState.REFUSED
    assert wrong.error is not None
    assert wrong.error.code == "county_contradicts_file"
    late = taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-24 11:00"), month=OCTOBER.plus(1))
    assert late.error is not None
    assert late.error.code == "month_contradicts_file"
    right = taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-24 12:00"), county=FIRST, month=OCTOBER)
    assert right.state is FileState.READ
    with pytest.raises(InputError):
        taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-24 12:00"), county="999999")


def test_an_unreadable_file_is_named_and_the_others_are_taken_in(taizhou: CityScene) -> None:
    broken = tmp_file(taizhou, "a-broken.xlsx", b"PK\x03\x04 not a workbook")
    empty = tmp_file(taizhou, "b-empty.csv", b"")
    for file in (broken, empty, taizhou.plan(FIRST)):
        taizhou.drop(file, "plan")
    report = taizhou.run("plan-collection", at("2026-09-24 10:00"))
    assert [outcome.unit for outcome in report.outcomes if outcome.state is UnitState.DONE] == [FIRST]
    bad = [outcome for outcome in report.outcomes if outcome.state is UnitState.FLAGGED]
    assert [each.error_code for each in bad] == ["file_unreadable", "file_unreadable"]
    assert {flag.file for flag in flags_of(taizhou, "2026-09-24 11:00", "unreadable")} == {
        "a-broken.xlsx",
        "b-empty.csv",
    }


def tmp_file(scene: CityScene, name: str, content: bytes) -> Path:
    path = scene.folder / name
    path.write_bytes(content)
    return path


def test_what_was_received_before_the_machine_stopped_is_read_by_the_next_run(
    taizhou: CityScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    taizhou.drop(taizhou.plan(FIRST), "plan")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fundpool.services.documents.collection.read_arrivals", stopped)
        with pytest.raises(KeyboardInterrupt):
            taizhou.run("plan-collection", at("2026-09-24 10:00"))
    report = taizhou.run("plan-collection", at("2026-09-26 07:00"))
    assert next(outcome for outcome in report.outcomes if outcome.unit == FIRST).state is UnitState.DONE
    duty = duty_of(taizhou, "2026-09-26 08:00", "submit_fund_use_plan", FIRST)
    assert (duty.state, str(duty.done_at)[:10]) == ("done_on_time", "2026-09-24")


def test_a_plan_over_the_annual_budget_goes_back_and_the_county_can_file_again(judged: CityScene) -> None:
    over = judged.plan(FIRST, inpatient_fen=1_000_000_00)
    judged.submit(over, "plan", at("2026-09-24 10:00"))
    report = judged.run("plan-collection", at("2026-09-24 11:00"))
    outcome = next(each for each in report.outcomes if each.unit == FIRST)
    assert outcome.state is UnitState.FLAGGED
    judged.run("plan-review", at("2026-09-24 12:00"))
    assert duty_of(judged, "2026-09-24 12:00", "submit_fund_use_plan", FIRST).state == "returned"
    assert {case.state for case in cases(judged)} == {CaseState.RETURNED}
    judged.submit(judged.plan(FIRST), "plan", at("2026-09-26 10:00"))
    judged.run("plan-collection", at("2026-09-26 11:00"))
    judged.run("plan-review", at("2026-09-26 12:00"))
    assert {case.state for case in cases(judged)} == {CaseState.READY}
    duty = duty_of(judged, "2026-09-27 09:00", "submit_fund_use_plan", FIRST)
    assert (duty.state, duty.days_late) == ("done_late", 1)
    flags = flags_of(judged, "2026-09-27 09:00", "returned")
    assert [flag.unit for flag in flags] == [FIRST]


def test_a_file_of_two_counties_is_a_submission_of_each_with_its_own_findings(judged: CityScene) -> None:
    both = judged.plan(FIRST, SECOND, inpatient_fen=1_000_000_00)
    receipt = judged.submit(both, "plan", at("2026-09-24 10:00"))
    assert [version.submission.county for version in receipt.versions] == [FIRST, SECOND]
    judged.run("plan-collection", at("2026-09-24 11:00"))
    flags = flags_of(judged, "2026-09-24 12:00", "inconsistent")
    # Far over the budget is also a hundredfold of last year.
    assert {(flag.unit, flag.rule) for flag in flags} == {(FIRST, "PLAN-018"), (FIRST, "PLAN-025")}
    states = {
        county: duty_of(judged, "2026-09-24 12:00", "submit_fund_use_plan", county).state
        for county in (FIRST, SECOND)
    }
    assert states == {FIRST: "returned", SECOND: "returned"}


def cases(scene: CityScene, document: DocumentKind = DocumentKind.PLAN) -> tuple[review.ReviewCase, ...]:
    return review.cases_of(scene.ports, scene.policy.key, OCTOBER, document=document)


def test_a_newer_version_voids_the_proposal_on_the_version_before(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-24 10:00", FIRST)
    taizhou.propose(FIRST, at("2026-09-24 12:00"))
    taizhou.submit(taizhou.plan(FIRST, remote_fen=900_00), "plan", at("2026-09-25 09:00"))
    with pytest.raises(RuleViolation) as refused:
        taizhou.confirm(at("2026-09-26 10:00"))
    assert refused.value.code == "newer_version"
    taizhou.run("plan-collection", at("2026-09-25 10:00"))
    taizhou.run("plan-review", at("2026-09-25 10:00"))
    assert {case.state for case in cases(taizhou)} == {CaseState.READY}


def test_a_version_that_comes_after_the_decision_is_reviewed_before_it_is_applied_for(
    taizhou: CityScene,
) -> None:
    file_plans(taizhou, "2026-09-24 10:00", FIRST)
    taizhou.decide(at("2026-09-25 10:00"), FIRST)
    taizhou.submit(taizhou.plan(FIRST, remote_fen=900_00), "plan", at("2026-09-26 09:00"))
    taizhou.run("funds-application", at("2026-09-26 10:00"), FIRST)
    assert applications(taizhou) == {}
    taizhou.run("plan-collection", at("2026-09-26 11:00"))
    taizhou.run("plan-review", at("2026-09-26 11:00"))
    taizhou.decide(at("2026-09-26 12:00"), FIRST)
    taizhou.run("funds-application", at("2026-09-26 13:00"), FIRST)
    lines = application.applications_of(taizhou.ports, "taizhou", OCTOBER)[0].lines
    assert [line.applied_fen for line in lines] == [taizhou.requested_fen(FIRST, "employee") - 100_00]


def acting(scene: CityScene, **names: str) -> CityScene:
    """The same city with other people in these roles."""
    other = copy(scene)
    other.names = scene.names | names
    return other


def test_two_people_decide_and_who_filed_the_plan_is_neither(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-24 10:00", FIRST)
    now, clerk = at("2026-09-26 10:00"), "台州市经办"
    with pytest.raises(RuleViolation):
        acting(taizhou, maker=clerk).propose(FIRST, now)
    taizhou.propose(FIRST, now)
    for wrong in (MAKER, clerk):
        with pytest.raises(RuleViolation):
            acting(taizhou, checker=wrong).confirm(now)
    taizhou.confirm(now)
    assert {case.state for case in cases(taizhou)} == {CaseState.APPROVED}


def test_a_late_county_delays_no_other_and_is_paid_by_a_supplementary_application(taizhou: CityScene) -> None:
    on_time = [county for county in taizhou.counties if county != SECOND]
    file_plans(taizhou, "2026-09-24 10:00", *on_time)
    taizhou.decide(at("2026-09-25 10:00"), *on_time)
    taizhou.run("funds-application", at("2026-09-28 09:00"))
    assert applications(taizhou) == {}
    taizhou.run("funds-application", at("2026-09-30 09:00"))
    assert applications(taizhou) == {("employee", 1): on_time, ("resident", 1): on_time}
    missing = flags_of(taizhou, "2026-09-30 10:00", "missing")
    assert [(flag.unit, flag.days, flag.rule) for flag in missing] == [(SECOND, 5, "TZ-15")]
    taizhou.review_by_finance(at("2026-09-30 15:00"))
    taizhou.pay(at("2026-09-30 16:00"))
    file_plans(taizhou, "2026-10-03 09:00", SECOND)
    taizhou.decide(at("2026-10-03 10:00"), SECOND)
    taizhou.run("funds-application", at("2026-10-03 11:00"))
    assert applications(taizhou)["employee", 2] == [SECOND]
    taizhou.review_by_finance(at("2026-10-08 09:00"))
    taizhou.pay(at("2026-10-08 10:00"))
    state = duty_of(taizhou, "2026-10-09 09:00", "submit_fund_use_plan", SECOND)
    assert (state.state, state.days_late) == ("done_late", 8)
    # Receipt on Thursday 8 October; the make-up Saturday is the second working day after it.
    duty = duty_of(taizhou, "2026-10-09 09:00", "allocate_to_counties", SECOND)
    assert (str(duty.due), duty.state) == ("2026-10-10", "done_on_time")
    for county in taizhou.counties:
        ref = AccountRef("taizhou", "employee", AccountType.COUNTY_EXPENDITURE, county)
        held = taizhou.ports.database.read(lambda work, ref=ref: booking.balance(work, ref))
        assert held.posted_fen == OPENING_FEN + taizhou.requested_fen(county, "employee")


def test_the_tick_pays_out_again_when_a_supplementary_application_is_reviewed(taizhou: CityScene) -> None:
    def due(day: str) -> set[str]:
        reserved = daily.reserve_due_steps(taizhou.ports, "taizhou", at(day), only=[OCTOBER])
        return {due.step for due in reserved} & {"disbursement", "allocation"}

    on_time = [county for county in taizhou.counties if county != SECOND]
    file_plans(taizhou, "2026-09-24 10:00", *on_time)
    taizhou.decide(at("2026-09-25 10:00"), *on_time)
    taizhou.run("funds-application", at("2026-09-30 09:00"))
    taizhou.review_by_finance(at("2026-09-30 15:00"))
    taizhou.pay(at("2026-09-30 16:00"))
    assert due("2026-10-08 07:00") == set()
    file_plans(taizhou, "2026-10-08 09:00", SECOND)
    taizhou.decide(at("2026-10-08 10:00"), SECOND)
    taizhou.run("funds-application", at("2026-10-08 11:00"))
    taizhou.review_by_finance(at("2026-10-08 12:00"))
    assert due("2026-10-09 07:00") == {"disbursement", "allocation"}
    taizhou.pay(at("2026-10-09 10:00"))
    assert due("2026-10-10 07:00") == set()


def applications(scene: CityScene) -> dict[tuple[str, int], list[str]]:
    found = application.applications_of(scene.ports, scene.policy.key, OCTOBER)
    return {(each.fund, each.number): [line.county for line in each.lines] for each in found}


def test_a_plan_changed_after_the_application_is_shown_and_not_taken_over(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-24 10:00")
    taizhou.decide(at("2026-09-25 10:00"))
    taizhou.run("funds-application", at("2026-09-25 11:00"))
    file_plans_changed = taizhou.plan(FIRST, inpatient_fen=9_000_00)
    taizhou.submit(file_plans_changed, "plan", at("2026-09-26 09:00"))
    taizhou.run("plan-collection", at("2026-09-26 10:00"))
    report = taizhou.run("plan-review", at("2026-09-26 10:00"), FIRST)
    assert {outcome.state for outcome in report.outcomes} == {UnitState.FLAGGED}
    approved = {case.fund: case.approved_fen for case in cases(taizhou) if case.county == FIRST}
    assert approved == {fund: taizhou.requested_fen(FIRST, fund) for fund in taizhou.funds}
    assert len(flags_of(taizhou, "2026-09-26 11:00", "inconsistent")) == 2


def test_every_step_five_times_in_any_order_moves_no_money_twice(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-24 10:00")
    taizhou.decide(at("2026-09-25 10:00"))
    taizhou.run("funds-application", at("2026-09-25 11:00"))
    taizhou.review_by_finance(at("2026-09-28 09:00"))
    taizhou.pay(at("2026-09-30 10:00"))
    for county in taizhou.counties:
        taizhou.submit(taizhou.report(county), "report", at("2026-11-10 10:00"))
    taizhou.run("expenditure-reporting", at("2026-11-10 16:00"))
    taizhou.run("report-filing", at("2026-11-11 09:00"))
    digest, moved = digest_of(taizhou), taizhou.executed_fen()
    assert len(taizhou.book.executions) == 2 + 18
    steps = (
        "report-filing",
        "allocation",
        "plan-collection",
        "disbursement",
        "flags",
        "expenditure-reporting",
        "funds-application",
        "reconciliation",
        "plan-review",
    )
    for turn in range(5):
        for step in (*steps[turn:], *steps[:turn]):
            taizhou.run(step, at("2026-11-11 10:00"))
            taizhou.run(step, at("2026-11-11 10:00"), FIRST)
    assert digest_of(taizhou) == digest
    assert taizhou.executed_fen() == moved
    assert taizhou.ports.database.read(verify) == []


def digest_of(scene: CityScene) -> str:
    return scene.ports.database.read(lambda work: month_digest(work, scene.policy.key, OCTOBER))


def test_a_step_that_fails_for_one_county_goes_on_and_is_run_again_for_it_alone(
    taizhou: CityScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_plans(taizhou, "2026-09-24 10:00")
    taizhou.decide(at("2026-09-25 10:00"))
    taizhou.run("funds-application", at("2026-09-25 11:00"))
    taizhou.review_by_finance(at("2026-09-28 09:00"))
    taizhou.pay(at("2026-09-30 10:00"))
    for county in taizhou.counties:
        taizhou.submit(taizhou.report(county), "report", at("2026-11-10 10:00"))
    honest = booking.book_spending

    def failing(work: Work, **booking: object) -> int:
        if booking["unit"] == SECOND:
            raise ZeroDivisionError
        return honest(work, **booking)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(booking, "book_spending", failing)
        report = taizhou.run("expenditure-reporting", at("2026-11-10 16:00"))
    assert {outcome.unit for outcome in report.failed} == {SECOND}
    done = {outcome.unit for outcome in report.outcomes if outcome.state is UnitState.DONE}
    assert done == set(taizhou.counties) - {SECOND}
    again = taizhou.run("expenditure-reporting", at("2026-11-10 17:00"), SECOND)
    assert {(outcome.unit, outcome.state) for outcome in again.outcomes} == {(SECOND, UnitState.DONE)}
    steps = {
        step.step: step
        for step in month_status(taizhou.ports, "taizhou", OCTOBER, now=at("2026-11-10 18:00")).steps
    }
    assert steps["expenditure-reporting"].counts == {"done": 18, "waiting": 0, "flagged": 0, "failed": 0}


def paid_month(scene: CityScene) -> None:
    file_plans(scene, "2026-09-24 10:00")
    scene.decide(at("2026-09-25 10:00"))
    scene.run("funds-application", at("2026-09-25 11:00"))
    scene.review_by_finance(at("2026-09-28 09:00"))
    scene.pay(at("2026-09-30 10:00"))


def test_a_report_that_does_not_tie_to_the_month_before_goes_back(judged: CityScene) -> None:
    paid_month(judged)
    wrong = judged.report(FIRST, opening_fen=OPENING_FEN + 1)
    judged.submit(wrong, "report", at("2026-11-10 10:00"))
    report = judged.run("expenditure-reporting", at("2026-11-10 11:00"), FIRST)
    assert {outcome.state for outcome in report.outcomes} == {UnitState.WAITING}
    assert duty_of(judged, "2026-11-10 12:00", "submit_expenditure_report", FIRST).state == "returned"
    found = [flag for flag in flags_of(judged, "2026-11-10 12:00", "inconsistent") if flag.unit == FIRST]
    assert [flag.rule for flag in found] == ["REPORT-020"]
    assert found[0].cell


def test_a_corrected_report_replaces_the_booking_of_the_one_before(taizhou: CityScene) -> None:
    paid_month(taizhou)
    taizhou.submit(taizhou.report(FIRST), "report", at("2026-11-10 10:00"))
    taizhou.run("expenditure-reporting", at("2026-11-10 11:00"), FIRST)
    less = taizhou.report(FIRST, remote_fen=900_00, year_remote_fen=900_00)
    taizhou.submit(less, "report", at("2026-11-12 10:00"))
    taizhou.run("expenditure-reporting", at("2026-11-12 11:00"), FIRST)
    ref = AccountRef("taizhou", "employee", AccountType.COUNTY_EXPENDITURE, FIRST)
    assert taizhou.ports.database.read(lambda work: booking.balance(work, ref)).posted_fen == 100_00
    assert taizhou.ports.database.read(verify) == []


def test_a_filing_that_another_run_overtook_does_not_file_older_figures_again(taizhou: CityScene) -> None:
    paid_month(taizhou)
    for county in taizhou.counties:
        taizhou.submit(taizhou.report(county), "report", at("2026-11-10 10:00"))
    taizhou.run("expenditure-reporting", at("2026-11-10 16:00"))
    honest = taizhou.ports.database

    class Overtaken:
        """After the run has built its summary a correction arrives, and another run files the corrected summary first."""

        def read(self, work: Callable[[Work], Any]) -> Any:
            found = honest.read(work)
            if any(isinstance(part, MonthSummary) for part in (found if type(found) is tuple else [found])):
                less = taizhou.report(FIRST, remote_fen=900_00, year_remote_fen=900_00)
                other.submit(less, "report", at("2026-11-11 08:00"))
                other.run("expenditure-reporting", at("2026-11-11 08:10"), FIRST)
                other.run("report-filing", at("2026-11-11 08:20"))
            return found

        def __getattr__(self, name: str) -> object:
            return getattr(honest, name)

    other = copy(taizhou)
    slow = copy(taizhou)
    slow.ports = replace(taizhou.ports, database=cast("SqlTransactions", Overtaken()))
    slow.run("report-filing", at("2026-11-11 09:00"))
    taizhou.run("report-filing", at("2026-11-11 10:00"))
    filed = taizhou.ports.database.read(lambda work: work.records.filings("taizhou", OCTOBER))
    assert [each.version for each in filed] == [1]


def test_the_reason_why_a_payment_waits_is_given_in_one_language_at_a_time(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-24 10:00")
    taizhou.decide(at("2026-09-25 10:00"))
    taizhou.run("funds-application", at("2026-09-25 11:00"))
    taizhou.review_by_finance(at("2026-09-28 09:00"))
    taizhou.gateway.plan.add("reject")
    taizhou.pay(at("2026-09-30 10:00"))
    stop = partial(kill_switches.stop_fund, city="taizhou", by=CHECKER, now=at("2026-09-30 11:00"))
    taizhou.ports.database.transaction(
        lambda work: stop(work, fund="resident", reason="由备份恢复 / restored from a backup")
    )
    messages = {(flag.message_zh, flag.message_en) for flag in flags_of(taizhou, "2026-09-30 12:00", "held")}
    assert messages == {
        (
            "台州市的款项未成：银行退拒，须批准重付",
            "payment to 331000 did not go through: refused by the bank, a retry needs approval",
        ),
        (
            "城乡居民基本医疗保险基金已停发：由备份恢复",
            "sending of the fund of the resident basic medical insurance is stopped: restored from a backup",
        ),
    }


def test_an_extension_and_a_nil_return_are_records_and_show(taizhou: CityScene) -> None:
    def extend(
        until: str,
        approver: str = "陈局长",
        duty: str = "submit_fund_use_plan",
        document_number: str = "台医保函〔2026〕7号",
    ) -> bool:
        return records.record_extension(
            taizhou.ports,
            city="taizhou",
            month=OCTOBER,
            duty=duty,
            county=FIRST,
            until=until,
            document_number=document_number,
            approver=approver,
            by="周登记",
            now=at("2026-09-25 15:00"),
        )

    assert [extend("2026-09-28"), extend("2026-09-28")] == [True, False]
    with pytest.raises(RuleViolation):
        extend("2026-09-29", approver="周登记")
    with pytest.raises(InputError):
        extend("2026-09-25")
    with pytest.raises(InputError) as without_document:
        extend("2026-09-29", document_number=" ")
    assert without_document.value.code == "reason_missing"
    with pytest.raises(InputError) as of_the_city:
        extend("2026-10-12", duty="apply_for_funds")
    assert of_the_city.value.code == "duty_of_the_city"
    duty = duty_of(taizhou, "2026-09-28 09:00", "submit_fund_use_plan", FIRST)
    assert (duty.state, str(duty.due), str(duty.extended_until)) == ("extended", "2026-09-25", "2026-09-28")
    assert duty_of(taizhou, "2026-09-29 09:00", "submit_fund_use_plan", FIRST).days_late == 1
    records.record_nil_return(
        taizhou.ports,
        city="taizhou",
        month=OCTOBER,
        document=DocumentKind.PLAN,
        county=SECOND,
        reason="结余足够",
        by="黄经办",
        received_at=at("2026-09-24 09:00"),
        now=at("2026-09-24 09:00"),
    )
    assert duty_of(taizhou, "2026-09-29 09:00", "submit_fund_use_plan", SECOND).state == "nil"
    counties = [county for county in taizhou.counties if county != SECOND]
    file_plans(taizhou, "2026-09-28 10:00", *counties)
    taizhou.decide(at("2026-09-28 11:00"), *counties)
    taizhou.run("funds-application", at("2026-09-28 12:00"))
    assert SECOND not in applications(taizhou)["employee", 1]


def test_an_extension_that_was_used_shows_beside_the_filing_on_time(taizhou: CityScene) -> None:
    records.record_extension(
        taizhou.ports,
        city="taizhou",
        month=OCTOBER,
        duty="submit_fund_use_plan",
        county=None,
        until="2026-09-28",
        document_number="台医保函〔2026〕8号",
        approver="陈局长",
        by="周登记",
        now=at("2026-09-25 15:00"),
    )
    taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-28 10:00"))
    assert duty_of(taizhou, "2026-09-29 09:00", "submit_fund_use_plan", FIRST).state == "done_on_time"
    assert [flag.unit for flag in flags_of(taizhou, "2026-09-29 09:00", "extended")] == [FIRST]


def test_an_old_month_filed_today_leaves_this_month_as_it_is(taizhou: CityScene) -> None:
    taizhou.month = OCTOBER.plus(-1)
    taizhou.submit(taizhou.plan(FIRST), "plan", at("2026-09-26 10:00"))
    duty = duty_of(taizhou, "2026-09-27 09:00", "submit_fund_use_plan", FIRST)
    assert (duty.state, duty.days_late) == ("overdue", 2)


def test_a_step_without_the_bank_reports_it_and_finishes_when_run_again(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-24 10:00")
    taizhou.decide(at("2026-09-25 10:00"))
    taizhou.run("funds-application", at("2026-09-25 11:00"))
    taizhou.review_by_finance(at("2026-09-28 09:00"))
    taizhou.run("disbursement", at("2026-09-28 10:00"))
    taizhou.authorise("disbursement", at("2026-09-28 10:30"))
    taizhou.gateway.plan.add("refused", times=1)
    report = taizhou.run("disbursement", at("2026-09-28 11:00"))
    assert {outcome.error_code for outcome in report.outcomes} == {"gateway_unavailable"}
    assert taizhou.executed_fen() == {}
    again = taizhou.run("disbursement", at("2026-09-28 11:30"))
    assert {outcome.state for outcome in again.outcomes} == {UnitState.DONE}
    assert len(taizhou.book.executions) == 2


def test_a_county_without_an_account_delays_no_other(transactions: SqlTransactions, tmp_path: Path) -> None:
    first = "360402"
    scene = CityScene(transactions, tmp_path, "jiujiang", OCTOBER, without_account=(first,), judges=False)
    others = set(scene.counties) - {first}
    file_plans(scene, "2026-09-24 10:00")
    scene.decide(at("2026-09-25 10:00"))
    scene.run("funds-application", at("2026-09-25 11:00"))
    scene.review_by_finance(at("2026-09-28 09:00"))
    report = scene.run("disbursement", at("2026-09-28 10:00"))
    assert {outcome.unit for outcome in report.failed} == {first}
    scene.authorise("disbursement", at("2026-09-28 10:30"))
    paid = scene.run("disbursement", at("2026-09-28 11:00"))
    assert {outcome.unit for outcome in paid.outcomes if outcome.state is UnitState.DONE} == others
    scene.register_accounts((AccountType.COUNTY_EXPENDITURE, first))
    scene.run("disbursement", at("2026-09-28 12:00"), first)
    scene.authorise("disbursement", at("2026-09-28 12:30"))
    scene.run("disbursement", at("2026-09-28 13:00"))
    assert len(scene.book.executions) == 2 * len(scene.counties)
    # Books restored from before the first order would order everybody at once: these must be the same keys.
    (leg,) = legs_of(scene.policy, OCTOBER, "pay_from_fiscal_account")
    applications = scene.ports.database.read(lambda w: w.applications.applications("jiujiang", OCTOBER))
    at_once = {order.key for each in applications for order in orders_of(scene.policy, leg, each)}
    assert {execution.key for execution in scene.book.executions} == {attempt_key(key, 1) for key in at_once}
    ordered = scene.ports.database.read(lambda w: w.payments.obligations(city="jiujiang", month=OCTOBER))
    assert {each.key for each in ordered} == at_once


def test_jiujiang_pays_no_more_than_the_annual_budget(transactions: SqlTransactions, tmp_path: Path) -> None:
    scene = CityScene(transactions, tmp_path, "jiujiang", OCTOBER, judges=False)
    first = scene.counties[0]
    file_plans(scene, "2026-09-24 10:00", first)
    scene.decide(at("2026-09-25 10:00"), first)
    scene.run("funds-application", at("2026-09-25 11:00"), first)
    requested = scene.requested_fen(first, "employee")
    records.record_budget(
        scene.ports,
        city="jiujiang",
        year=2026,
        amounts={(first, "employee"): requested - 1},
        document_number="调整〔2026〕2号",
        by="预算",
        now=at("2026-09-26 09:00"),
    )
    with pytest.raises(RuleViolation) as refused:
        scene.review_by_finance(at("2026-09-28 09:00"))
    assert refused.value.code == "exceeds_annual_budget"
    assert application.applications_of(scene.ports, "jiujiang", OCTOBER)[0].lines[0].reviewed_fen is None
    now, cut = at("2026-09-28 10:00"), requested - 1
    scene.review_by_finance(now, county=first, fund="employee", amount_fen=cut, reason="年度预算额度内")
    line = application.applications_of(scene.ports, "jiujiang", OCTOBER)[0].lines[0]
    assert line.reviewed_fen == requested - 1


def test_a_county_s_page_shows_its_files_cases_payments_and_flags(taizhou: CityScene) -> None:
    paid_month(taizhou)
    page = county_month(taizhou.ports, "taizhou", OCTOBER, county=FIRST, now=at("2026-10-01 09:00"))
    assert [
        (submission.document, submission.version, submission.verdict) for submission in page.submissions
    ] == [("plan", 1, "pass")]
    assert {(case.fund, case.state, case.reviewed_fen) for case in page.cases} == {
        (fund, "approved", taizhou.requested_fen(FIRST, fund)) for fund in taizhou.funds
    }
    assert [transfer.state for transfer in page.transfers] == ["settled", "settled"]
    assert {duty.unit for duty in page.duties} == {FIRST}


def test_the_summary_is_filed_on_its_last_working_day_without_a_missing_county_and_again_with_it(
    taizhou: CityScene,
) -> None:
    paid_month(taizhou)
    for county in taizhou.counties[1:]:
        taizhou.submit(taizhou.report(county), "report", at("2026-11-10 10:00"))
    taizhou.run("expenditure-reporting", at("2026-11-10 11:00"))
    taizhou.run("report-filing", at("2026-11-16 09:00"))
    assert filings(taizhou) == []
    taizhou.run("report-filing", at("2026-11-30 09:00"))
    assert [day for _, day in filings(taizhou)] == [date(2026, 11, 30)]
    assert [flag.unit for flag in flags_of(taizhou, "2026-11-30 10:00", "missing")] == [FIRST]
    status = month_status(taizhou.ports, "taizhou", OCTOBER, now=at("2026-11-30 10:00"))
    assert is_troubled(status)
    taizhou.submit(taizhou.report(FIRST), "report", at("2026-12-01 10:00"))
    taizhou.run("expenditure-reporting", at("2026-12-01 11:00"))
    taizhou.run("report-filing", at("2026-12-01 12:00"))
    taizhou.run("report-filing", at("2026-12-02 12:00"))
    assert [number for number, _ in filings(taizhou)] == [1, 2]


def test_the_plain_list_names_who_was_late_and_who_still_is_a_line_each(taizhou: CityScene) -> None:
    paid_month(taizhou)
    for county in taizhou.counties[2:]:
        taizhou.submit(taizhou.report(county), "report", at("2026-11-10 10:00"))
    taizhou.submit(taizhou.report(SECOND), "report", at("2026-11-17 10:00"))
    taizhou.run("expenditure-reporting", at("2026-11-17 11:00"))
    name, content = files_of(taizhou.ports, "taizhou", OCTOBER, now=at("2026-11-18 09:00"))[-1]
    assert name == "台州市2026-10迟报缺报与不一致清单.txt"
    title, _, *lines = content.decode("utf-8-sig").splitlines()
    assert title == "台州市2026-10迟报、缺报与不一致清单（截至 2026-11-18）"
    sentences = [line.partition("：")[0] for line in lines]
    assert [each.partition(". ")[2] for each in sentences if FIRST in each or SECOND in each] == [
        "椒江区（331002）逾期 3 天",
        "黄岩区（331003）迟办 2 天",
    ]
    assert all("依据：" in line for line in lines)


def filings(scene: CityScene) -> list[tuple[int, date]]:
    found = scene.ports.database.read(lambda work: work.records.filings("taizhou", OCTOBER))
    return [(each.version, each.filed_at.date()) for each in found]


def test_a_status_of_the_past_knows_nothing_of_what_was_recorded_since(taizhou: CityScene) -> None:
    file_plans(taizhou, "2026-09-22 10:00")
    taizhou.decide(at("2026-09-23 10:00"))
    taizhou.run("funds-application", at("2026-09-24 11:00"))
    taizhou.review_by_finance(at("2026-09-25 09:00"))
    taizhou.pay(at("2026-09-30 10:00"))

    def seen(moment: str) -> tuple[dict[str, str], set[str], set[str]]:
        status = month_status(taizhou.ports, "taizhou", OCTOBER, now=at(moment), only_known_then=True)
        duties = {duty.key: duty.state for duty in status.duties if duty.unit in {FIRST, None}}
        transfers = {transfer.state for transfer in status.transfers}
        steps = {step.step for step in status.steps if step.state != "not_started"}
        return duties, transfers, steps

    plan, apply_, pay = "submit_fund_use_plan", "apply_for_funds", "pay_from_fiscal_account"
    duties, transfers, steps = seen("2026-09-21 09:00")
    assert (duties[plan], duties[apply_], duties[pay]) == ("due_soon", "upcoming", "upcoming")
    assert (transfers, steps) == (set(), set())
    duties, transfers, steps = seen("2026-09-24 10:00")
    assert (duties[plan], duties[apply_]) == ("done_on_time", "upcoming")
    assert steps == {"plan-collection", "plan-review"}
    duties, transfers, _ = seen("2026-09-25 12:00")
    assert (duties[apply_], duties[pay], transfers) == ("done_on_time", "upcoming", set())
    duties, transfers, _ = seen("2026-09-30 11:00")
    assert (duties[pay], transfers) == ("done_on_time", {"settled"})


def test_the_reasons_of_a_return_are_given_in_english_too(judged: CityScene) -> None:
    judged.submit(judged.plan(FIRST, inpatient_fen=1_000_000_00), "plan", at("2026-09-22 10:00"))
    report = judged.run("plan-collection", at("2026-09-22 11:00"), FIRST)
    detail = next(each for each in report.outcomes if each.unit == FIRST).detail_en
    assert detail.isascii() or not any("\u4e00" <= character <= "\u9fff" for character in detail)
    judged.submit(judged.plan(FIRST), "plan", at("2026-09-22 12:00"))
    judged.run("plan-collection", at("2026-09-22 13:00"), FIRST)
    for flag in flags_of(judged, "2026-09-22 14:00", "returned"):
        assert not any("\u4e00" <= character <= "\u9fff" for character in str(flag.message_en))


def test_a_waiver_names_its_document_and_its_approver_and_the_city_goes_on_without_the_county(
    taizhou: CityScene,
) -> None:
    waiver = {
        "city": "taizhou", "month": OCTOBER, "document": DocumentKind.PLAN, "county": FIRST,
        "document_number": "台医保函〔2026〕9号", "reason": "系统割接，由市级代列 {}", "now": at("2026-09-20 10:00"),
    }  # fmt: skip
    with pytest.raises(RuleViolation):
        records.record_waiver(taizhou.ports, **waiver, approver="周局长", by="周局长")
    assert records.record_waiver(taizhou.ports, **waiver, approver="周局长", by="吴登记")
    assert not records.record_waiver(taizhou.ports, **waiver, approver="周局长", by="吴登记")
    with pytest.raises(InputError) as on_other_grounds:
        records.record_nil_return(
            taizhou.ports, city="taizhou", month=OCTOBER, document=DocumentKind.PLAN, county=FIRST, reason="结余足够",
            by="吴登记", received_at=at("2026-09-20 11:00"), now=at("2026-09-20 11:00"),
        )  # fmt: skip
    assert on_other_grounds.value.code == "nil_return_stands"
    assert "台医保函〔2026〕9号" in on_other_grounds.value.zh
    others = [county for county in taizhou.counties if county != FIRST]
    file_plans(taizhou, "2026-09-22 10:00", *others)
    taizhou.decide(at("2026-09-23 10:00"), *others)
    taizhou.run("funds-application", at("2026-09-23 11:00"))
    assert duty_of(taizhou, "2026-10-30 09:00", "submit_fund_use_plan", FIRST).state == "nil"
    assert duty_of(taizhou, "2026-10-30 09:00", "apply_for_funds", None).state == "done_on_time"
    (flag,) = [
        flag for flag in flags_of(taizhou, "2026-10-30 09:00", "nil") if flag.duty == "submit_fund_use_plan"
    ]
    assert "经批准免报（台医保函〔2026〕9号，周局长）：系统割接，由市级代列 {}" in flag.message_zh
    assert "waived by 台医保函〔2026〕9号, approved by 周局长" in flag.message_en
    with pytest.raises(InputError):
        records.record_waiver(taizhou.ports, **(waiver | {"county": SECOND}), approver="周局长", by="吴登记")
