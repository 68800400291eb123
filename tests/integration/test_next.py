"""Whose turn it is through a whole month: every command that ``next`` names moves the month on."""

from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import build_app
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import InputError
from fundpool.domain.outcomes import StepRequest
from fundpool.domain.periods import Month
from fundpool.services.month.choosing import the_city, the_month
from fundpool.services.month.daily import reserve_due_steps
from fundpool.services.month.turns import turns
from fundpool.services.month.whole_month import close_month, open_month, release_and_send, retry_failed
from fundpool.services.oversight.status import month_status
from fundpool.services.payments.installation import record_installation
from fundpool.services.payments.kill_switches import stop_fund
from schemas.dashboard import Turn
from tests.integration.month_scene import CityScene, at

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
PLACE = "--city suizhou --month 2026-10"


@pytest.fixture
def city(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    return CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)


def waiting(scene: CityScene, now: str, month: Month | None = OCTOBER) -> tuple[Turn, ...]:
    found = turns(scene.ports, [scene.policy.key], month=month, now=at(now))
    for turn in found:  # whatever is named can be typed, once file and person are filled in
        build_app().parse_args(turn.command.split()[1:], exit_on_error=False, print_error=False)
    return found


def shown(scene: CityScene, now: str) -> list[tuple[str, str]]:
    return [(turn.turn, turn.command.removeprefix("fundpool ")) for turn in waiting(scene, now)]


def request(now: str, by: str = "system") -> StepRequest:
    return StepRequest("suizhou", OCTOBER, at(now), by=by, is_played=True)


def file_all(scene: CityScene, document: str, now: str) -> None:
    for county in scene.counties:
        file = scene.plan(county) if document == "plan" else scene.report(county)
        scene.submit(file, document, at(now))


def test_the_turn_goes_round_and_each_command_named_moves_the_month_on(city: CityScene) -> None:
    assert shown(city, "2026-09-01 09:00") == []
    submits = [f"submit FILE {PLACE} --document plan --county {county}" for county in city.counties]
    assert shown(city, "2026-09-09 09:00") == [("county_agency", command) for command in submits]
    (first, *_) = waiting(city, "2026-09-17 09:00")
    assert (str(first.act_by), first.days_late, first.duty) == ("2026-09-15", 2, "submit_fund_use_plan")
    assert first.basis is not None
    assert first.basis.section == "第九条"

    file_all(city, "plan", "2026-09-09 10:00")
    assert shown(city, "2026-09-09 11:00") == [("clock", f"run plan-collection {PLACE}")]
    city.run("plan-collection", at("2026-09-10 08:00"))
    assert shown(city, "2026-09-10 09:00") == [("clock", f"run plan-review {PLACE}")]
    city.run("plan-review", at("2026-09-10 09:00"))
    assert shown(city, "2026-09-10 10:00") == [("reviewer", f"review approve {PLACE} --all-clean --by NAME")]
    (review,) = waiting(city, "2026-09-10 10:00")
    requested = sum(city.requested_fen(county, fund) for county in city.counties for fund in city.funds)
    assert (review.amount_fen, review.fund, review.since) == (requested, None, at("2026-09-10 08:00"))
    for county in city.counties[:2]:
        city.propose(county, at("2026-09-11 09:00"))
    # One county is still to be reviewed, two to be confirmed: both people are told.
    assert shown(city, "2026-09-11 10:00") == [
        ("reviewer", f"review approve {PLACE} --all-clean --by NAME"),
        ("checker", f"review confirm {PLACE} --by NAME"),
    ]
    city.propose(city.counties[2], at("2026-09-11 11:00"))
    city.confirm(at("2026-09-11 12:00"))
    assert shown(city, "2026-09-12 09:00") == [("clock", f"run funds-application {PLACE}")]
    city.run("funds-application", at("2026-09-18 09:00"))
    assert shown(city, "2026-09-18 10:00") == [("city_finance", f"application review {PLACE} --by NAME")]
    (finance,) = waiting(city, "2026-09-18 10:00")
    assert (finance.amount_fen, finance.since) == (requested, at("2026-09-18 09:00"))
    city.review_by_finance(at("2026-09-21 09:00"))

    to_reconcile = ("clock", f"run reconciliation {PLACE}")
    for step, before in (("disbursement", []), ("allocation", [to_reconcile])):
        assert shown(city, "2026-09-28 08:00") == [("clock", f"run {step} {PLACE}"), *before]
        city.run(step, at("2026-09-28 09:00"))
        assert shown(city, "2026-09-28 09:10") == [
            ("approver", f"transfers approve {PLACE} --by NAME"),
            to_reconcile,
        ]
        approval = waiting(city, "2026-09-28 09:10")[0]
        assert (approval.amount_fen, approval.since) == (requested, at("2026-09-28 09:00"))
        city.ports.database.transaction(lambda work: approve(city, work))
        assert shown(city, "2026-09-28 09:20") == [
            ("releaser", f"transfers release {PLACE} --send --by NAME"),
            to_reconcile,
        ]
        assert waiting(city, "2026-09-28 09:20")[0].since == at("2026-09-28 09:15")
        released, reports = release_and_send(city.ports, request("2026-09-28 09:30", "孙放行"))
        assert [len(released), [report.step for report in reports]] == [2, [step]]
    assert shown(city, "2026-09-29 09:00") == [to_reconcile]

    # The text names no day for the reports: once the month is over a person closes it, and counties are asked.
    assert shown(city, "2026-11-02 09:00") == [("operator", f"month close {PLACE} --by NAME"), to_reconcile]
    assert not close_month(city.ports, request("2026-11-02 10:00", "郑运行")).is_closed
    reports_wanted = [f"submit FILE {PLACE} --document report --county {each}" for each in city.counties]
    assert shown(city, "2026-11-02 11:00") == [
        *(("county_agency", command) for command in reports_wanted),
        to_reconcile,
    ]
    file_all(city, "report", "2026-11-10 10:00")
    closing = close_month(city.ports, request("2026-11-12 10:00", "郑运行"))
    assert [report.step for report in closing.reports] == [
        "expenditure-reporting",
        "report-filing",
        "reconciliation",
    ]
    assert (closing.is_closed, set(closing.closed)) == (True, set(city.funds))
    assert shown(city, "2026-11-12 11:00") == []
    again = close_month(city.ports, request("2026-11-12 12:00", "郑运行"))
    assert (again.is_closed, again.closed) == (True, ())
    ended = month_status(city.ports, "suizhou", OCTOBER, now=at("2026-11-12 13:00"))
    assert {duty.state for duty in ended.duties} == {"done_on_time"}


def approve(scene: CityScene, work: object) -> None:
    from fundpool.services.payments import batches  # noqa: PLC0415 - beside its only use

    batches.approve_waiting(work, "suizhou", OCTOBER, checker="钱审批", now=at("2026-09-28 09:15"))  # type: ignore[arg-type]


def test_what_a_month_lacks_is_named_with_its_command_and_opening_waits_for_its_day(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, without_account=("421321",), judges=False)
    early = open_month(scene.ports, request("2026-09-01 09:00"))
    assert [lack.key for lack in early.lacks] == ["accounts"]
    assert set(early.lacks[0].places) == {f"county_expenditure 421321 {fund}" for fund in scene.funds}
    assert (str(early.opens_on), early.reports) == ("2026-09-08", ())
    missing = [turn for turn in waiting(scene, "2026-09-09 09:00") if turn.turn == "operator"]
    assert [turn.command for turn in missing] == ["fundpool accounts import FILE --by NAME"]

    file_all(scene, "plan", "2026-09-09 10:00")
    opened = open_month(scene.ports, request("2026-09-09 11:00"))
    assert [report.step for report in opened.reports] == ["plan-collection", "plan-review"]
    assert {outcome.state for outcome in opened.reports[1].outcomes} == {"waiting"}


def test_an_empty_installation_lacks_everything(transactions: SqlTransactions, tmp_path: Path) -> None:
    class Bare(CityScene):
        def found(self, without_account: tuple[str, ...] = ()) -> None:
            """Nothing is recorded."""

    scene = Bare(transactions, tmp_path, "suizhou", OCTOBER)
    lacks = open_month(scene.ports, request("2026-09-01 09:00")).lacks
    assert [lack.key for lack in lacks] == ["budget", "openings_of_city", "openings_of_counties", "accounts"]
    assert "--month 2026-08" in lacks[1].command
    assert "--month 2026-09" in lacks[2].command


def test_what_failed_is_run_again_for_its_counties_alone(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, without_account=("421321",), judges=False)
    file_all(scene, "plan", "2026-09-09 10:00")
    open_month(scene.ports, request("2026-09-10 09:00"))
    scene.decide(at("2026-09-11 09:00"))
    scene.run("funds-application", at("2026-09-18 09:00"))
    scene.review_by_finance(at("2026-09-21 09:00"))
    scene.pay(at("2026-09-28 09:00"))
    failed = [turn for turn in waiting(scene, "2026-09-28 10:00") if "retry-failed" in turn.command]
    assert [(turn.turn, turn.unit) for turn in failed] == [("operator", "421321")]
    assert retry_failed(scene.ports, request("2026-09-28 10:00"))[0].failed

    scene.register_accounts(*((kind, "421321") for kind in (AccountType.COUNTY_EXPENDITURE,)))
    (report,) = retry_failed(scene.ports, request("2026-09-28 11:00"))
    assert (report.step, {each.unit for each in report.outcomes}) == ("allocation", {"421321"})
    assert report.failed == ()
    assert retry_failed(scene.ports, request("2026-09-28 12:00")) == ()


def test_the_month_is_chosen_for_an_act_only_when_it_cannot_be_mistaken(city: CityScene) -> None:
    ports = city.ports
    with pytest.raises(InputError, match="name one") as refused:
        the_city(ports)
    assert "suizhou | taizhou" in (refused.value.remedy or "")
    ports.database.transaction(
        lambda work: record_installation(work, cities=["suizhou"], sandbox=True, now=at("2026-09-07 09:00"))
    )
    assert the_city(ports) == "suizhou"
    with pytest.raises(InputError, match="no month is open"):
        the_month(ports, "suizhou", decides=True, now=at("2026-09-07 09:00"))
    assert the_month(ports, "suizhou", decides=True, now=at("2026-09-09 09:00")) == OCTOBER
    file_all(city, "plan", "2026-09-09 10:00")
    open_month(ports, request("2026-09-10 09:00"))
    # On 12 October the plans of November are due and October still waits for its reviewer.
    with pytest.raises(InputError, match="2 months are open") as several:
        the_month(ports, "suizhou", decides=True, now=at("2026-10-12 09:00"))
    assert "2026-10 | 2026-11" in (several.value.remedy or "")
    assert the_month(ports, "suizhou", decides=False, now=at("2026-10-12 09:00")) == OCTOBER


def test_what_was_found_what_came_back_and_what_is_held_is_somebodys_turn(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    first, second = scene.counties[:2]
    file_all(scene, "plan", "2026-09-18 10:00")
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-21 09:00"))
    scene.send_back(first, "请附说明", at("2026-09-21 10:00"))
    scene.submit(scene.plan(second, inpatient_fen=9_000_00), "plan", at("2026-09-21 11:00"))
    found = {
        (turn.turn, turn.unit, turn.command.split(" --")[0]) for turn in waiting(scene, "2026-09-21 12:00")
    }
    assert found == {
        ("county_agency", first, "fundpool submit FILE"),
        ("clock", None, "fundpool run plan-collection"),
        ("clock", None, "fundpool run plan-review"),
        ("reviewer", None, "fundpool review approve"),
    }
    # The daily tick sees the same: collection was done, and has something to do again.
    due = reserve_due_steps(scene.ports, "taizhou", at("2026-09-22 07:00"))
    assert {"plan-collection", "plan-review"} <= {each.step for each in due if each.month == OCTOBER}
    scene.submit(scene.plan(first), "plan", at("2026-09-22 10:00"))
    scene.submit(scene.plan(first, inpatient_fen=8_000_00), "plan", at("2026-09-22 10:30"))
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-22 11:00"))
    scene.decide(at("2026-09-23 09:00"))
    scene.run("funds-application", at("2026-09-24 09:00"))
    scene.review_by_finance(at("2026-09-25 09:00"))
    scene.gateway.plan.add("reject")
    scene.run("disbursement", at("2026-09-28 09:00"))
    scene.authorise("disbursement", at("2026-09-28 09:10"))
    scene.run("disbursement", at("2026-09-28 09:20"))
    stuck = [turn for turn in waiting(scene, "2026-09-28 10:00") if turn.turn == "operator"]
    assert {turn.command.split()[1:3] == ["transfers", "show"] for turn in stuck} == {True}
    assert stuck[0].duty == "pay_from_fiscal_account"
    assert "approve-retry" in stuck[0].why_zh

    scene.ports.database.transaction(
        lambda work: stop_fund(
            work, "taizhou", "resident", reason="演练", by="甲", now=at("2026-09-28 11:00")
        )
    )
    stopped = [turn for turn in waiting(scene, "2026-09-28 12:00") if "transfers breaks" in turn.command]
    assert [(turn.command, turn.month) for turn in stopped] == [
        ("fundpool transfers breaks --city taizhou", None)
    ]
    assert "演练" in stopped[0].why_zh


def test_a_city_without_a_day_for_the_plans_is_begun_by_a_person(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "jiujiang", OCTOBER, judges=False)
    (turn,) = waiting(scene, "2026-09-20 09:00", month=None)
    assert (turn.turn, turn.command) == ("operator", "fundpool month open --city jiujiang --month 2026-10")
    request_here = StepRequest("jiujiang", OCTOBER, at("2026-09-20 10:00"), is_played=True)
    assert [report.step for report in open_month(scene.ports, request_here).reports] == [
        "plan-collection",
        "plan-review",
    ]
    after = waiting(scene, "2026-09-20 11:00", month=None)
    assert {(turn.turn, turn.month) for turn in after} == {("county_agency", "2026-10")}
    assert len(after) == len(scene.counties)
    # The coming month can be begun, and does not stand in the way of the one under way.
    scene.submit(scene.plan(scene.counties[0]), "plan", at("2026-09-21 09:00"))
    october = at("2026-10-08 09:00")
    assert {turn.month for turn in waiting(scene, "2026-10-08 09:00", month=None)} == {"2026-10", "2026-11"}
    assert the_month(scene.ports, "jiujiang", decides=True, now=october) == OCTOBER
