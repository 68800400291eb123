"""Alarms ring: what is unknown, refused, stopped or failed reaches the exit status, the status and the run's state."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.banks.base import NoAnswer, RawAnswer, Received
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.outcomes import StepReport, UnitState, exit_status
from fundpool.domain.periods import Month
from fundpool.services.month import steps
from fundpool.services.oversight.status import is_troubled, month_status
from fundpool.services.payments import kill_switches
from fundpool.services.payments.breaks import report_break
from fundpool.services.ports.work import Work
from schemas.dashboard import MonthStatus
from tasks.conclusions import state_of
from tests.integration.month_scene import CityScene, at
from tests.scripted_bank import ScriptedGateway

OCTOBER = Month(2026, 10)
MORNING, NOON, EVENING = at("2026-09-28 11:00"), at("2026-09-28 12:00"), at("2026-09-28 18:00")

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def taizhou(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """The city with its first hop released and nothing sent."""
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-24 10:00"))
    scene.run("plan-collection", at("2026-09-24 10:00"))
    scene.run("plan-review", at("2026-09-24 10:00"))
    scene.decide(at("2026-09-25 10:00"))
    scene.run("funds-application", at("2026-09-25 11:00"))
    scene.review_by_finance(at("2026-09-28 09:00"))
    scene.run("disbursement", at("2026-09-28 10:00"))
    scene.authorise("disbursement", at("2026-09-28 10:30"))
    return scene


class AlwaysAnswers(ScriptedGateway):
    """A bank that gives the same answer to every request, and counts the requests."""

    def __init__(self, scene: CityScene, answer: Received) -> None:
        super().__init__(scene.book)
        self.answer, self.calls = answer, 0

    def _call(self, *_: Any, **__: Any) -> Received:
        self.calls += 1
        return self.answer


WRONG_SECRET = RawAnswer(401, "application/json", b'{"error": "unauthorised"}')


def bank_that_answers(scene: CityScene, answer: Received) -> AlwaysAnswers:
    bank = AlwaysAnswers(scene, answer)
    scene.ports = replace(scene.ports, gateway=bank)
    return bank


def codes(report: StepReport) -> set[str | None]:
    return {outcome.error_code for outcome in report.outcomes}


def ends_as(scene: CityScene, report: StepReport) -> str:
    """What Prefect calls a run with these outcomes."""
    outcomes = [{**asdict(outcome), "unit_zh": outcome.unit} for outcome in report.outcomes]
    state = state_of({"step": report.step, "outcomes": outcomes, "stopped": None})
    return state.name or ""


def status_at(scene: CityScene, now: datetime) -> MonthStatus:
    return month_status(scene.ports, "taizhou", OCTOBER, now=now)


def flags(scene: CityScene, now: datetime, kind: str) -> list[str]:
    return [flag.message_zh for flag in status_at(scene, now).flags if flag.kind == kind]


def test_unknown_outcomes_exit_with_4_and_are_flagged_until_the_bank_answers(taizhou: CityScene) -> None:
    taizhou.gateway.plan.add("silence_after", times=len(taizhou.funds))
    report = taizhou.run("disbursement", MORNING)
    assert codes(report) == {"outcome_unknown"}
    assert (exit_status(report.outcomes), ends_as(taizhou, report)) == (4, "Flagged")
    assert len(flags(taizhou, MORNING, "unknown")) == len(taizhou.funds)
    assert is_troubled(status_at(taizhou, MORNING))
    found = taizhou.run("reconciliation", NOON)
    assert exit_status(found.outcomes) == 0
    assert flags(taizhou, NOON, "unknown") == []


def test_an_order_that_the_bank_still_processes_is_waiting_and_exits_with_0(taizhou: CityScene) -> None:
    taizhou.gateway.plan.add("processing", seconds=3600, times=len(taizhou.funds))
    report = taizhou.run("disbursement", MORNING)
    assert {outcome.state for outcome in report.outcomes} == {UnitState.WAITING}
    assert exit_status(report.outcomes) == 0


def test_a_wrong_secret_is_reported_at_the_first_answer(taizhou: CityScene) -> None:
    bank = bank_that_answers(taizhou, WRONG_SECRET)
    report = taizhou.run("disbursement", MORNING)
    assert bank.calls == 1
    assert codes(report) == {"gateway_unauthorised"}
    assert all("FUNDPOOL_GATEWAY_SECRET" in (outcome.remedy or "") for outcome in report.outcomes)
    assert (exit_status(report.outcomes), ends_as(taizhou, report)) == (4, "Failed")
    report = taizhou.run("reconciliation", EVENING)
    assert "gateway_unauthorised" in codes(report)
    assert exit_status(report.outcomes) == 4
    again = taizhou.run("disbursement", EVENING + timedelta(hours=6))
    assert "gateway_unauthorised" in codes(again)
    taizhou.ports = replace(taizhou.ports, gateway=taizhou.gateway)
    right = taizhou.run("disbursement", EVENING + timedelta(days=1))
    paid = taizhou.run("disbursement", EVENING + timedelta(days=1, minutes=5))
    assert exit_status(right.outcomes) in {0, 4}
    assert {outcome.state for outcome in paid.outcomes} == {UnitState.DONE}
    assert len(taizhou.book.executions) == len(taizhou.funds)


@pytest.mark.parametrize("answer", [WRONG_SECRET, NoAnswer("unreachable"), NoAnswer("timeout")])
def test_a_reconciliation_without_any_statement_exits_with_4(taizhou: CityScene, answer: Received) -> None:
    taizhou.run("disbursement", MORNING)
    bank_that_answers(taizhou, answer)
    report = taizhou.run("reconciliation", at("2026-10-09 12:00"))
    # A bank that is away is asked again by itself, a wrong secret only once people have mended it.
    name = "Failed" if answer is WRONG_SECRET else "ServiceAway"
    assert (exit_status(report.outcomes), ends_as(taizhou, report)) == (4, name)


def test_a_break_that_stops_a_fund_makes_every_later_run_exit_with_1(taizhou: CityScene) -> None:
    taizhou.run("disbursement", MORNING)

    def stop(work: Work) -> None:
        obligation = work.payments.obligations(city="taizhou")[0]
        report_break(
            work,
            obligation,
            kind="executed_twice",
            reference="x",
            zh="同一支付执行了两次",
            en="executed twice",
            stops_fund=True,
            now=NOON,
        )

    taizhou.ports.database.transaction(stop)
    for step in ("reconciliation", "disbursement", "reconciliation"):
        report = taizhou.run(step, EVENING)
        assert "fund_stopped" in codes(report), step
        assert (exit_status(report.outcomes), ends_as(taizhou, report)) == (1, "Flagged")
    assert any("同一支付执行了两次" in text for text in flags(taizhou, EVENING, "held"))


def test_a_fund_that_people_stopped_is_flagged_without_any_break(taizhou: CityScene) -> None:
    taizhou.run("disbursement", MORNING)
    assert not is_troubled(status_at(taizhou, MORNING))
    taizhou.ports.database.transaction(
        lambda work: kill_switches.stop_fund(work, "taizhou", "resident", reason="演练", by="李", now=NOON)
    )
    assert is_troubled(status_at(taizhou, NOON))


def test_a_failed_step_is_flagged_until_it_succeeds(
    taizhou: CityScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(steps.PARTS, "flags", (_broken,))
        assert taizhou.run("flags", NOON).failed
    assert flags(taizhou, NOON, "failed") != []
    assert is_troubled(status_at(taizhou, NOON))
    taizhou.run("flags", NOON)
    assert flags(taizhou, NOON, "failed") == []
    taizhou.gateway.plan.add("refused", times=1)
    assert taizhou.run("disbursement", NOON).failed
    assert flags(taizhou, NOON, "failed") != []


def _broken(*_: Any) -> Any:
    raise AttributeError("broken")


def test_a_finished_month_raises_no_alarm_although_duties_were_done_late(taizhou: CityScene) -> None:
    taizhou.run("disbursement", MORNING)
    taizhou.run("allocation", MORNING)
    taizhou.authorise("allocation", NOON)
    taizhou.run("allocation", EVENING)
    late = at("2026-11-20 10:00")
    assert is_troubled(status_at(taizhou, late))
    for county in taizhou.counties:
        taizhou.submit(taizhou.report(county), "report", late)
    taizhou.run("expenditure-reporting", late)
    taizhou.run("report-filing", at("2026-11-30 09:00"))
    done = status_at(taizhou, at("2026-12-01 09:00"))
    assert "done_late" in {duty.state for duty in done.duties}
    assert not is_troubled(done)


def test_a_file_that_could_not_be_read_is_open_until_its_county_has_filed(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    spoilt = tmp_path / "spoilt.xlsx"
    spoilt.write_bytes(b"PK\x03\x04 cut off")
    first, *others = scene.counties
    noon = at("2026-09-24 12:00")
    scene.submit(spoilt, "plan", noon, county=first, month=OCTOBER)
    scene.run("plan-collection", noon)
    assert flags(scene, noon, "unreadable") != []
    assert is_troubled(status_at(scene, noon))
    scene.submit(scene.plan(others[0]), "plan", noon)
    scene.run("plan-collection", noon)
    assert is_troubled(status_at(scene, noon)), "another county's file makes nothing good"
    scene.submit(scene.plan(first), "plan", noon)
    scene.run("plan-collection", noon)
    assert flags(scene, noon, "unreadable") != [], "it stays on the page"
    assert not is_troubled(status_at(scene, noon))
