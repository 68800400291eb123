"""What becomes of runs whose worker died, that a person cancelled, or whose step met a service that was away.

The server knows of a run what was last reported. A run that it holds for pending, running or cancelling and that
no living worker holds keeps the work pool's place for ever: it is scheduled again, in its old place, or ended.
Every step may be run any number of times; the transfer's own lease decides about money.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.client.schemas.objects import Worker as WorkerRecord
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Crashed

from fundpool.local_prefect.deployments import WORK_POOL
from tasks.options import SERVICE_AWAY

OURS = "fundpool."
"""What the names of our workers begin with; a worker of Prefect's own types has another name."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 30))
"""After each try of a run whose step met a service that was away: an hour in all."""

_HELD_STATES = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


def runs_in(client: SyncPrefectClient, *states: StateType) -> list[FlowRun]:
    """The runs of the work pool that the server holds for one of ``states``."""
    return _runs(client, {"state": {"type": {"any_": states}}})


def _runs(client: SyncPrefectClient, wanted: dict[str, Any]) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate(wanted),
        work_pool_filter=WorkPoolFilter.model_validate({"name": {"any_": [WORK_POOL]}}),
    )


def workers_of_pool(client: SyncPrefectClient) -> dict[str, WorkerRecord]:
    """The workers that the server knows, by name; one whose signs of life ceased is OFFLINE."""
    return {worker.name: worker for worker in client.read_workers_for_work_pool(WORK_POOL)}


def holder_of(run: FlowRun) -> str | None:
    """The name of the worker that took the run; None when none of ours did.

    A pending run's state bears it, so that a claim and its mark are one write; the engine's own running state
    cannot, so it stands with the run before that.
    """
    state = run.state
    if state is not None and state.is_pending() and (state.message or "").startswith(OURS):
        return state.message
    return run.infrastructure_pid


def is_held(run: FlowRun, workers: dict[str, WorkerRecord], *, count_offline: bool = False) -> bool:
    """Whether a living worker has the run.

    ``count_offline`` is for the first moments after the server was away: it may take workers for gone that
    could not reach it.
    """
    holder = holder_of(run) or ""
    if holder.startswith(OURS):
        worker = workers.get(holder)  # one that said goodbye has no record any more
        return worker is not None and (worker.status is WorkerStatus.ONLINE or count_offline)
    # Not ours: a worker of Prefect's own type marks its runs with a process, or not at all.
    return any(
        worker.status is WorkerStatus.ONLINE for name, worker in workers.items() if not name.startswith(OURS)
    )


def cities_of(run: FlowRun) -> frozenset[str] | None:
    """The cities whose month a run is about: None for every city, none at all for a tick, which starts others."""
    city = run.parameters.get("city", ())
    if city is None:
        return None
    return frozenset([city] if isinstance(city, str) else city)


def is_shared(cities: frozenset[str] | None, others: frozenset[str] | None) -> bool:
    """Whether two runs are about the same city."""
    if cities is None or others is None:
        return cities != frozenset() and others != frozenset()
    return bool(cities & others)


def held_runs(client: SyncPrefectClient) -> list[FlowRun]:
    """The runs that take a place of the pool."""
    return runs_in(client, *_HELD_STATES)


def unheld_runs(client: SyncPrefectClient, held: Callable[[FlowRun], bool]) -> list[FlowRun]:
    """The runs that take a place of the pool and that nobody runs, the first scheduled first."""
    found = [run for run in held_runs(client) if not held(run)]
    return sorted(found, key=lambda run: (run.expected_start_time is None, run.expected_start_time))


def take_up(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Schedule a run again that nobody runs, or end one that was being cancelled; False when it went on by itself."""
    assert run.state is not None
    state: State[Any]
    if run.state.is_cancelling():
        state = Cancelled(message="已取消；执行它的进程已结束 · cancelled; nothing runs it any more")
    elif run.deployment_id is None:
        state = Crashed(message="中断，部署已不在 · cut short, and its deployment is gone")
    else:
        # In its old place, or at once where it had been started early: a later step of the same day must
        # not overtake what it follows.
        now = datetime.now(UTC)
        state = AwaitingRetry(
            scheduled_time=min(run.expected_start_time or now, now),
            message="上次运行中断，重新执行 · the run was cut short and is run again",
        )
    return _change(client, run, state)


def retry_what_was_away(client: SyncPrefectClient, now: datetime) -> list[FlowRun]:
    """Schedule again what failed only because a service was away, at growing pauses; the runs that were.

    A played clock stands still, so such a run is left to who plays it.
    """
    recent = {"after_": now - timedelta(days=1)}  # what is older the daily tick has looked at anew
    failed = _runs(client, {"state": {"name": {"any_": [SERVICE_AWAY]}}, "end_time": recent})
    return [run for run in failed if _retry_later(client, run, now)]


def _retry_later(client: SyncPrefectClient, run: FlowRun, now: datetime) -> bool:
    assert run.state is not None
    if run.parameters.get("as_of") is not None or run.deployment_id is None or run.run_count > len(PAUSES):
        return False
    # A clock that has been set back since says that it failed in the future.
    at = min(run.state.timestamp, now) + PAUSES[run.run_count - 1]
    tries = (
        f"第 {run.run_count} 次未成，稍后自动再试 · try {run.run_count} of {len(PAUSES) + 1}, again by itself"
    )
    return _change(
        client, run, AwaitingRetry(scheduled_time=at, message=f"{tries} · {run.state.message or ''}")
    )


def _change(client: SyncPrefectClient, run: FlowRun, state: State[Any]) -> bool:
    """Set a run's state if it is still in the one it was found in; whether it was set.

    Its holder may have ended it since, or another worker taken it up: what they did is not undone. Without
    ``force`` the server's own rules hold too: no run leaves cancelling but for cancelled, and a deployment's
    place is given back.
    """
    assert run.state is not None
    try:
        found = client.read_flow_run(run.id).state
        if found is None or found.id != run.state.id:
            return False
        client.set_flow_run_state(run.id, state)
    except ObjectNotFound:  # deleted meanwhile
        return False
    return True


def forget_workers(client: SyncPrefectClient, names: Iterable[str]) -> None:
    """Take away the records of workers that are gone: what they held is free at once."""
    for name in names:
        with suppress(httpx.HTTPStatusError):  # somebody else did
            client.request(
                "DELETE",
                "/work_pools/{work_pool_name}/workers/{name}",
                path_params={"work_pool_name": WORK_POOL, "name": name},
            )
