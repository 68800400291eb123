"""A worker that is killed or stopped, a server that goes away: each run goes on or ends, by itself.

Workers are processes, the server is Prefect's own. That a payment is made once, whatever happens to its run, is
tested elsewhere (``test_no_second_payment``).
"""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.states import AwaitingRetry, Cancelling, Pending, Running

from fundpool.local_prefect import recovery, server
from fundpool.local_prefect.deployments import WORK_POOL
from tests.orchestration.workers import Pool, pool_without_worker, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    with pool_without_worker(tmp_path_factory.mktemp("pool")) as pool:
        yield pool


def last_seen_in_an_hour(pool: Pool, name: str) -> None:
    """Have the server's clock set back since the worker's last sign of life: it would be taken for living."""
    ahead = (
        "UPDATE worker SET last_heartbeat_time = datetime(last_heartbeat_time, '+1 hour') WHERE name LIKE ?"
    )
    with closing(sqlite3.connect(pool.server.home / "prefect.db", timeout=60)) as database, database:
        assert database.execute(ahead, [f"%{name}%"]).rowcount == 1


@pytest.mark.parametrize(("still", "is_clock_set_back"), [("pending", False), ("running", True)])
def test_a_run_whose_worker_was_killed_is_run_again_and_the_pool_s_place_is_free(
    pool: Pool, still: str, is_clock_set_back: bool
) -> None:
    with pool.worker(f"killed-{still}", still=still) as killed:
        run, later = pool.ask_for("flags"), pool.ask_for("plan-review")
        killed.wait_until_reached()
        killed.send(signal.SIGKILL)
        killed.end()
        assert pool.run(run).state_type is {"pending": StateType.PENDING, "running": StateType.RUNNING}[still]
    if is_clock_set_back:
        last_seen_in_an_hour(pool, f"killed-{still}")
    with pool.worker("next"):
        assert pool.wait_for_end(run).state_type is StateType.COMPLETED
        assert pool.wait_for_end(later).state_type is StateType.COMPLETED
    assert "AwaitingRetry" in pool.states(run)


def test_a_run_that_was_being_cancelled_when_its_worker_was_killed_ends_as_cancelled(pool: Pool) -> None:
    with pool.worker("killed", still="running") as killed:
        run = pool.ask_for("flags")
        killed.wait_until_reached()
        pool.client.set_flow_run_state(run, Cancelling())
        killed.send(signal.SIGKILL)
        killed.end()
    with pool.worker("next"):
        assert pool.wait_for_end(run).state_type is StateType.CANCELLED


def test_a_run_that_a_person_cancels_while_it_goes_on_ends_as_cancelled(pool: Pool) -> None:
    with pool.worker("alive", still="running") as alive:
        run = pool.ask_for("flags")
        alive.wait_until_reached()
        pool.client.set_flow_run_state(run, Cancelling())
        alive.let_go()
        assert pool.wait_for_end(run).state_type is StateType.CANCELLED


def test_two_workers_that_find_the_same_dead_run_schedule_it_once(pool: Pool) -> None:
    with pool.worker("killed", still="running") as killed:
        run = pool.ask_for("flags")
        killed.wait_until_reached()
        with pool.worker("first"), pool.worker("second"):
            wait_for(lambda: len(pool.online()) == 3, "the workers never came")
            killed.send(signal.SIGKILL)
            assert pool.wait_for_end(run).state_type is StateType.COMPLETED
    assert pool.states(run).count("AwaitingRetry") == 1
    assert pool.states(run).count("Running") == 2


def test_a_run_that_went_on_since_it_was_found_dead_is_left_alone(pool: Pool) -> None:
    """Between the look at the runs and what is done about one, its holder or another worker may act."""
    run = pool.ask_for("flags", state=Pending())
    found = pool.run(run)
    pool.client.set_flow_run_state(run, Running())
    assert not recovery.take_up(pool.client, found)
    assert pool.states(run) == ["Pending", "Running"]
    assert recovery.take_up(pool.client, pool.run(run))
    with pool.worker("next"):
        pool.wait_for_end(run)


def test_runs_of_a_worker_of_prefects_own_are_left_to_it_while_it_lives(pool: Pool) -> None:
    run = pool.ask_for("flags", state=Pending())
    pool.client.send_worker_heartbeat("fundpool", "ProcessWorker 1", heartbeat_interval_seconds=600)
    try:
        workers = recovery.workers_of_pool(pool.client)
        assert recovery.is_held(pool.run(run), workers)
    finally:
        recovery.forget_workers(pool.client, ["ProcessWorker 1"])
    assert not recovery.is_held(pool.run(run), recovery.workers_of_pool(pool.client))
    with pool.worker("next"):
        assert pool.wait_for_end(run).state_type is StateType.COMPLETED


def test_a_run_that_was_only_just_claimed_is_its_worker_s(pool: Pool) -> None:
    """The claim is the first of two writes; another worker may look between them."""
    name = f"{recovery.OURS}other"
    run = pool.ask_for("flags", state=Pending(message=name))
    pool.client.send_worker_heartbeat("fundpool", name, heartbeat_interval_seconds=600)
    try:
        assert pool.run(run).infrastructure_pid is None
        assert recovery.is_held(pool.run(run), recovery.workers_of_pool(pool.client))
    finally:
        recovery.forget_workers(pool.client, [name])
    assert not recovery.is_held(pool.run(run), recovery.workers_of_pool(pool.client))
    recovery.take_up(pool.client, pool.run(run))
    with pool.worker("next"):
        pool.wait_for_end(run)


def test_a_worker_that_is_stopped_finishes_its_run_and_takes_no_other(pool: Pool) -> None:
    with pool.worker("stopped", still="running") as stopped:
        run, later = pool.ask_for("flags"), pool.ask_for("plan-review")
        stopped.wait_until_reached()
        stopped.send(signal.SIGTERM)
        stopped.let_go()
        assert stopped.end()[0] == 0
    assert pool.run(run).state_type is StateType.COMPLETED
    assert pool.run(later).state_type is StateType.SCHEDULED
    assert not [name for name in recovery.workers_of_pool(pool.client) if "stopped" in name]
    with pool.worker("next"):
        pool.wait_for_end(later)


@pytest.mark.parametrize("hurry", ["signal", "time"])
def test_a_worker_in_a_hurry_hands_its_run_back(pool: Pool, hurry: str) -> None:
    options = ["--finish-within", "0"] if hurry == "time" else []
    with pool.worker("hurried", *options, still="running") as hurried:
        run = pool.ask_for("flags")
        hurried.wait_until_reached()
        hurried.send(signal.SIGTERM)
        if hurry == "signal":
            hurried.send(signal.SIGINT)
        status, said = hurried.end()
    assert status == 0
    assert "交回" in said
    assert pool.run(run).state_name == "AwaitingRetry"
    with pool.worker("next"):
        assert pool.wait_for_end(run).state_type is StateType.COMPLETED


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_is_killed_or_falls_silent_is_started_again_and_ends_neither_the_worker_nor_the_run(
    pool: Pool, blow: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(server, "ANSWER_SECONDS", 1.0)
    with pool.worker("patient", still="running") as patient:
        run = pool.ask_for("flags")
        patient.wait_until_reached()
        os.kill(pool.server.process.pid, blow)
        assert pool.server.process.wait(60) == -signal.SIGKILL
        patient.let_go()
        assert pool.server.start_again_when_ended()
        pool.server.wait_healthy()
        assert pool.wait_for_end(run).state_type is StateType.COMPLETED
        assert pool.wait_for_end(pool.ask_for("plan-review")).state_type is StateType.COMPLETED


def test_a_worker_waits_for_a_server_that_is_away_and_says_so_once(pool: Pool, tmp_path: Path) -> None:
    os.kill(pool.server.process.pid, signal.SIGKILL)
    pool.server.process.wait()
    with pool.worker("early") as early:
        assert early.process.stderr
        assert "fundpool.early." in early.process.stderr.readline()
        assert "等待恢复" in early.process.stderr.readline()
        pool.server.start_again_when_ended()
        pool.server.wait_healthy()
        assert "已恢复" in early.process.stderr.readline()
        assert pool.wait_for_end(pool.ask_for("flags")).state_type is StateType.COMPLETED
        early.send(signal.SIGTERM)
        assert early.end()[0] == 0


@pytest.mark.parametrize("flow", ["flags", "daily-tick"])
def test_a_run_that_finds_the_database_away_is_tried_again_when_it_is_back(pool: Pool, flow: str) -> None:
    """The pool's place is free meanwhile: another run goes on in it."""
    database = pool.home / "fundpool.db"
    away = database.rename(pool.home / "away.db")
    database.mkdir()  # a file that cannot be opened
    try:
        with pool.worker("alive"):
            run = pool.ask_for(flow)
            wait_for(
                lambda: pool.run(run).state_name == "AwaitingRetry",
                f"never scheduled again: {pool.states(run)}",
            )
            assert "ServiceAway" in pool.states(run)
            assert "database_unavailable" in (pool.run(run).state.message or "")  # type: ignore[union-attr]
            database.rmdir()
            away.rename(database)
            assert pool.wait_for_end(pool.ask_for("plan-review")).state_type is StateType.COMPLETED
            assert pool.run(run).state_name == "AwaitingRetry"
            pool.client.set_flow_run_state(run, AwaitingRetry(), force=True)
            assert pool.wait_for_end(run).state_type is StateType.COMPLETED
    finally:
        if away.exists():
            database.rmdir()
            away.rename(database)


def test_two_workers_run_two_cities_at_once_and_of_one_city_one_step_after_the_other(pool: Pool) -> None:
    # What an earlier test's tick has started, and what its killed worker still holds, may be about these cities.
    for left in recovery.runs_in(pool.client, StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING):
        pool.client.delete_flow_run(left.id)
    pool.client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=4))
    try:
        with pool.worker("first", still="running", heartbeat_seconds=10) as first:
            run = pool.ask_for("disbursement")
            first.wait_until_reached()
            same, both = pool.ask_for("allocation"), pool.ask_for("flags", ["jiujiang", "taizhou"])
            other, after_both = pool.ask_for("flags", "suizhou"), pool.ask_for("flags", "jiujiang")
            with pool.worker("second", heartbeat_seconds=10):
                assert pool.wait_for_end(other).state_type is StateType.COMPLETED
                assert {pool.run(each).state_name for each in (same, both, after_both)} <= {
                    "Scheduled",
                    "Late",
                }
                first.let_go()
                ends = [pool.wait_for_end(each) for each in (run, same, both, after_both)]
        times = [(end.start_time, end.end_time) for end in ends]
        assert all(before[1] <= after[0] for before, after in pairwise(times)), times
    finally:
        pool.client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=1))


@pytest.mark.parametrize(
    ("cities", "others", "shared"),
    [
        (frozenset({"a"}), frozenset({"a", "b"}), True),
        (frozenset({"a"}), frozenset({"b"}), False),
        (frozenset({"a"}), None, True),
        (None, None, True),
        (frozenset(), None, False),  # the tick starts others: it is in nobody's way
        (frozenset(), frozenset({"a"}), False),
    ],
)
def test_which_runs_are_about_the_same_city(
    cities: frozenset[str] | None, others: frozenset[str] | None, shared: bool
) -> None:
    assert recovery.is_shared(cities, others) is recovery.is_shared(others, cities) is shared
