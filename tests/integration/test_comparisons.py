"""What a reviewer sees beside a plan: last month, last year, the run-rate, the budget and the account, by the books."""

from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.comparisons import Comparison, comparison_of
from fundpool.services.ports.work import Work
from tests.integration.month_scene import OPENING_FEN, CityScene, at, play_to_payment
from tests.integration.test_month import play_reports

COUNTY, FUND = "421303", "employee"


def compared(scene: CityScene) -> Comparison:
    """The comparison of the county's employee plan of the scene's month."""

    def read(work: Work) -> Comparison:
        case = work.reviews.case("suizhou", scene.month, DocumentKind.PLAN, county=COUNTY, fund=FUND)
        assert case is not None
        return comparison_of(work, case)

    return scene.ports.database.read(read)


def file_plan(scene: CityScene, month: Month, when: str) -> None:
    scene.month = month
    scene.submit(scene.plan(COUNTY, inpatient_fen=7_00), "plan", at(when))
    scene.run("plan-collection", at(when))
    scene.run("plan-review", at(when))


def test_a_plan_stands_beside_what_is_known_and_nothing_is_made_up(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", Month(2026, 10), judges=False)
    play_to_payment(scene)
    first = compared(scene)
    assert {figure.before_fen for figure in first.figures} == {None}
    assert {figure.year_before_fen for figure in first.figures} == {None}
    assert {figure.run_rate_fen for figure in first.figures} == {None}
    assert first.months_in_rate == 0
    budget_fen = 1_000_000_00
    assert first.budget_left_fen == budget_fen  # what this month's own application takes is not taken twice
    assert first.balance_fen == OPENING_FEN + scene.requested_fen(COUNTY, FUND)

    paid_fen, planned_fen = scene.requested_fen(COUNTY, FUND), scene.planned_fen(COUNTY, FUND)
    play_reports(scene)
    file_plan(scene, Month(2026, 11), "2026-11-11 10:00")
    second = {figure.field: figure for figure in compared(scene).figures}
    assert second["inpatient_fen"].amount_fen == 7_00
    assert second["inpatient_fen"].before_fen == second["outpatient_fen"].before_fen != 7_00
    assert second["inpatient_fen"].run_rate_fen == second["inpatient_fen"].before_fen
    assert second["planned_fen"].run_rate_fen == planned_fen  # the report calls it spending
    assert second["requested_fen"].run_rate_fen is None
    assert second["requested_fen"].before_fen == paid_fen
    assert compared(scene).months_in_rate == 1
    assert compared(scene).budget_left_fen == budget_fen - paid_fen
    assert compared(scene).balance_fen == 0

    file_plan(scene, Month(2027, 10), "2027-09-14 10:00")
    assert {figure.field: figure.year_before_fen for figure in compared(scene).figures}[
        "requested_fen"
    ] == paid_fen
    assert compared(scene).budget_left_fen is None  # no budget of 2027 is recorded: unknown, not nil


pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
