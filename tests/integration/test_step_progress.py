"""A step that waits for people's decisions is done with the last of them, on both databases."""

from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.services.oversight.status import month_status, step_states
from schemas.dashboard import UnitOutcome
from tests.integration.month_scene import CityScene, at

OCTOBER = Month(2026, 10)


@pytest.fixture
def suizhou(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Every county's plan is in review."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER)
    for county in scene.counties:
        scene.drop(scene.plan(county), "plan")
    scene.run("plan-collection", at("2026-09-14 10:00"))
    scene.run("plan-review", at("2026-09-14 10:10"))
    return scene


def state_of(scene: CityScene, step: str, moment: str | None = None) -> str:
    if moment is None:
        return step_states(scene.ports, "suizhou", OCTOBER)[step]
    known = month_status(scene.ports, "suizhou", OCTOBER, now=at(moment), only_known_then=True)
    return next(each.state for each in known.steps if each.step == step)


def test_the_review_is_done_after_the_last_decision_and_status_shows_it_before_the_step_runs(
    suizhou: CityScene,
) -> None:
    first, *others = suizhou.counties
    suizhou.decide(at("2026-09-14 11:00"), *others)
    assert state_of(suizhou, "plan-review") == "waiting"
    suizhou.decide(at("2026-09-14 15:00"), first)
    assert state_of(suizhou, "plan-review") == "done"
    assert state_of(suizhou, "plan-review", "2026-09-14 12:00") == "waiting"

    def outcomes() -> tuple[UnitOutcome, ...]:
        status = month_status(suizhou.ports, "suizhou", OCTOBER, now=at("2026-09-14 16:00"))
        return next(each.outcomes for each in status.steps if each.step == "plan-review")

    outcomes_before = outcomes()
    suizhou.run("plan-review", at("2026-09-14 16:00"))
    assert outcomes() == outcomes_before


def test_a_plan_filed_anew_opens_a_review_again_that_was_done(suizhou: CityScene) -> None:
    suizhou.decide(at("2026-09-14 11:00"))
    first = suizhou.counties[0]
    suizhou.drop(suizhou.plan(first, inpatient_fen=900_00), "plan")
    suizhou.run("plan-collection", at("2026-09-14 14:00"))
    assert state_of(suizhou, "plan-review") == "waiting"
    suizhou.run("plan-review", at("2026-09-14 14:10"))
    assert state_of(suizhou, "plan-review") == "waiting"
    suizhou.decide(at("2026-09-14 15:00"), first)
    assert state_of(suizhou, "plan-review") == "done"


def test_the_application_is_done_when_finance_has_reviewed_its_last_line(suizhou: CityScene) -> None:
    suizhou.decide(at("2026-09-14 11:00"))
    suizhou.run("funds-application", at("2026-09-15 11:00"))
    assert state_of(suizhou, "funds-application") == "waiting"
    suizhou.review_by_finance(at("2026-09-16 09:00"))
    assert state_of(suizhou, "funds-application") == "done"
    assert state_of(suizhou, "funds-application", "2026-09-15 12:00") == "waiting"


def test_a_step_that_ran_for_one_county_is_not_done_for_the_others(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER)
    first = scene.counties[0]
    scene.submit(scene.plan(first), "plan", at("2026-09-14 09:00"))
    scene.run("plan-collection", at("2026-09-14 10:00"), first)
    assert state_of(scene, "plan-collection") == "waiting"
    for county in scene.counties[1:]:
        scene.submit(scene.plan(county), "plan", at("2026-09-14 11:00"))
    scene.run("plan-collection", at("2026-09-14 12:00"))
    assert state_of(scene, "plan-collection") == "done"
