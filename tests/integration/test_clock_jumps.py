"""A clock that jumps: what is known stays known, what was under way is asked about, and no money moves twice."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.domain.transfer import ObligationState
from fundpool.services.books.ledger_checks import verify
from fundpool.services.ports import failpoints
from tests.integration.month_scene import CityScene, at, play_to_release
from tests.integration.test_days_away import morning

OCTOBER = Month(2026, 10)
PAYDAY = at("2026-09-28 11:00")
A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def released(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou with its first hop released and nothing sent."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    play_to_release(scene)
    return scene


def states(scene: CityScene) -> list[ObligationState]:
    return scene.ports.database.read(
        lambda work: [each.state for each in work.payments.obligations(city="suizhou")]
    )


def assert_settled_once(scene: CityScene) -> None:
    assert set(states(scene)) == {ObligationState.SETTLED}
    assert len(scene.book.executions) == len(scene.funds)
    assert scene.ports.database.read(verify) == []


def die_after_the_call(scene: CityScene, now: datetime) -> None:
    """A worker whose process ends when the bank has the order and before its answer is written."""

    def die(name: str) -> None:
        if name == "after submit":
            raise KeyboardInterrupt

    failpoints.install(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            scene.run("disbursement", now)
    finally:
        failpoints.install(None)


def test_what_was_asked_about_by_a_clock_a_day_ahead_is_asked_again_once_it_is_set_right(
    released: CityScene,
) -> None:
    released.gateway.plan.add("silence_after", times=len(released.funds))
    released.run("disbursement", PAYDAY + A_DAY)
    assert set(states(released)) == {ObligationState.IN_FLIGHT}
    released.run("reconciliation", PAYDAY + AN_HOUR)
    assert_settled_once(released)


def test_the_lease_of_a_worker_that_died_under_a_clock_a_day_ahead_does_not_last_a_day(
    released: CityScene,
) -> None:
    die_after_the_call(released, PAYDAY + A_DAY)
    for hours in (1, 2, 3):
        released.run("disbursement", PAYDAY + hours * AN_HOUR)
    assert_settled_once(released)


@pytest.mark.parametrize("jump", [-AN_HOUR, A_DAY])
def test_a_clock_that_jumps_between_the_order_and_its_answer_pays_once(
    released: CityScene, jump: timedelta
) -> None:
    die_after_the_call(released, PAYDAY)
    for hours in (0, 1, 2, 3, 24, 25, 26):  # on the clock that jumped, then on the right one
        released.run("disbursement", PAYDAY + hours * AN_HOUR + (jump if hours < 3 else timedelta()))
    assert_settled_once(released)


def test_an_order_that_never_reached_the_bank_under_a_clock_a_day_ahead_waits_until_that_moment(
    released: CityScene,
) -> None:
    """That the bank does not know it proves nothing before the moment that it was sent at, by our books."""
    released.gateway.plan.add("reset_before", times=len(released.funds))
    released.run("disbursement", PAYDAY + A_DAY)
    for hours in (1, 2, 3):
        released.run("disbursement", PAYDAY + hours * AN_HOUR)
    assert set(states(released)) == {ObligationState.IN_FLIGHT}
    assert released.book.executions == []
    for hours in (25, 26):
        released.run("disbursement", PAYDAY + hours * AN_HOUR)
    assert_settled_once(released)


def test_a_tick_that_a_clock_a_day_ahead_brought_forward_keeps_no_other_day_from_its_own(
    released: CityScene,
) -> None:
    ahead = morning(released, PAYDAY + A_DAY)
    assert (OCTOBER, "disbursement") in ahead
    today = morning(released, PAYDAY + AN_HOUR)
    assert (OCTOBER, "flags") in today
    again = morning(released, PAYDAY + A_DAY + AN_HOUR)
    assert not again.keys() & ahead.keys(), "brought forward, and not repeated"
    assert (OCTOBER, "flags") in morning(released, PAYDAY + 2 * A_DAY)
    assert len(released.book.executions) == len(released.funds), "what the tick ahead has sent is sent"
