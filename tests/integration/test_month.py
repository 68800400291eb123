"""A whole month of three cities on both databases: exact balances, no payment twice, the same end."""

from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import Month
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.oversight.status import month_status
from tests.integration.month_scene import FISCAL_FEN, OPENING_FEN, CityScene, at

OCTOBER = Month(2026, 10)


def play_to_payment(scene: CityScene) -> None:
    for county in scene.counties:
        scene.drop(scene.plan(county), "plan")
    scene.run("plan-collection", at("2026-09-14 16:00"))
    scene.run("plan-review", at("2026-09-14 16:30"))
    scene.decide(at("2026-09-15 10:00"))
    scene.run("funds-application", at("2026-09-15 11:00"))
    scene.review_by_finance(at("2026-09-16 09:00"))
    scene.pay(at("2026-09-30 10:00"))


def play_reports(scene: CityScene) -> None:
    for county in scene.counties:
        scene.submit(scene.report(county), "report", at("2026-11-10 10:00"))
    scene.run("expenditure-reporting", at("2026-11-10 16:00"))
    scene.run("report-filing", at("2026-11-11 09:00"))


def balance_fen(scene: CityScene, kind: AccountType, unit: str, fund: str) -> int:
    ref = AccountRef(scene.policy.key, fund, kind, unit)
    return scene.ports.database.read(lambda work: booking.balance(work, ref)).posted_fen


@pytest.mark.parametrize("city", ["taizhou", "suizhou", "jiujiang"])
def test_a_month_runs_from_workbooks_to_a_filed_summary(
    transactions: SqlTransactions, tmp_path: Path, city: str
) -> None:
    scene = CityScene(transactions, tmp_path, city, OCTOBER)
    play_to_payment(scene)
    requested = {
        fund: {county: scene.requested_fen(county, fund) for county in scene.counties} for fund in scene.funds
    }
    for fund, by_county in requested.items():
        fiscal = balance_fen(scene, AccountType.FISCAL_ACCOUNT, scene.policy.division_code, fund)
        assert fiscal == FISCAL_FEN - sum(by_county.values())
        for county, amount_fen in by_county.items():
            held = balance_fen(scene, AccountType.COUNTY_EXPENDITURE, county, fund)
            assert held == OPENING_FEN + amount_fen
    play_reports(scene)
    for fund in scene.funds:
        for county in scene.counties:
            assert balance_fen(scene, AccountType.COUNTY_EXPENDITURE, county, fund) == 0
    assert scene.ports.database.read(verify) == []
    status = month_status(scene.ports, city, OCTOBER, now=at("2026-11-12 09:00"))
    assert {duty.state for duty in status.duties} == {"done_on_time"}
    assert [flag for flag in status.flags if flag.severity != "note"] == []
    filed = scene.run("report-filing", at("2026-11-12 09:00"))
    assert {outcome.state for outcome in filed.outcomes} == {UnitState.DONE}
