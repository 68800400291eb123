"""The worker: takes the scheduled runs of the work pool and runs them in this process.

Prefect's own workers start a process per run, which spends half a minute on imports for a step of half
a second. Importing this module imports Prefect, which reads its settings then.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import SyncClientContext
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker
from prefect.exceptions import Abort
from prefect.flow_engine import run_flow_sync
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import AwaitingRetry, Cancelled, Crashed, Pending

from fundpool.local_prefect.client import unavailable
from fundpool.local_prefect.deployments import DAILY_TICK, WORK_POOL

POLL_SECONDS = 1.0
"""How often the worker looks for runs that somebody else started (the Prefect page, its CLI, the clock)."""
HEARTBEAT_SECONDS = 30
"""How often the worker's sign of life is due; Prefect's page takes it for gone after three."""
DELIVERY_SECONDS = 5
"""How long a stop waits for the server to take the events of the last run."""
MAX_OUTAGES = 10
"""Failed calls in a row, each with the client's own retries, after which the worker gives up."""


class Worker:
    """A thread that runs what is scheduled, one run at a time."""

    def __init__(self, thread: ThreadPoolExecutor, *, resume: bool, unscheduled: bool) -> None:
        self.ended = Event()
        """Set whenever a run has ended."""
        self._started_by_tick: dict[UUID, list[str]] = {}
        self._under_way: UUID | None = None
        self._claimed: set[UUID] = set()
        self._heartbeat_due = 0.0
        self._awake = Event()
        self._is_stopping = False
        self._work = thread.submit(self._prepare_and_work, resume, unscheduled)

    def wake(self) -> None:
        """Look for runs now."""
        self._awake.set()

    def must_be_well(self) -> None:
        """Raise ServiceUnavailable when the worker has ended."""
        if self._work.done():
            error = self._work.exception()
            raise unavailable(str(error or "the worker has stopped")) from error

    def started_by(self, tick: UUID) -> list[str]:
        """The runs that a daily tick started, handed out once; none for any other run."""
        # The server knows of a run's end a moment before the worker has put away what it returned.
        while self._under_way == tick:
            self.must_be_well()
            self.ended.wait(POLL_SECONDS)
        return self._started_by_tick.pop(tick, [])

    def stop(self) -> None:
        """Take no further run; the thread ends with the one under way."""
        self._is_stopping = True
        self._awake.set()

    def _prepare_and_work(self, resume: bool, unscheduled: bool) -> None:
        # A heartbeat's thread is joined at the end of each run: most of a second, for a sign
        # of life that nobody listens to here. The runs share our client: each new one reads
        # every certificate authority there is, for a server that speaks plain HTTP.
        with (
            temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
            SyncClientContext.get_or_create() as shared,
        ):
            if resume:
                _schedule_again(shared.client)
            if unscheduled:
                _cancel_what_the_clock_scheduled(shared.client)
            self._work_until_stopped(shared.client)

    def _work_until_stopped(self, client: SyncPrefectClient) -> None:
        """Run each scheduled run in turn; wait out a server that does not answer for a while."""
        outages = 0
        while not self._is_stopping:
            self._awake.clear()  # before the query: a run that is created during it is not missed
            try:
                self._send_heartbeat_when_due(client)
                if not self._run_next(client):
                    self._awake.wait(POLL_SECONDS)
                outages = 0
            except httpx.HTTPError:
                outages += 1
                if outages > MAX_OUTAGES:
                    raise
                time.sleep(POLL_SECONDS)

    def _send_heartbeat_when_due(self, client: SyncPrefectClient) -> None:
        if time.monotonic() >= self._heartbeat_due:
            client.send_worker_heartbeat(WORK_POOL, "fundpool", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
            self._heartbeat_due = time.monotonic() + HEARTBEAT_SECONDS

    def _run_next(self, client: SyncPrefectClient) -> bool:
        """Claim and run the earliest scheduled run; False when there is none."""
        # Nothing runs now: a run of ours that the server holds for pending or running runs again. The
        # client repeats a request whose answer was lost. A repeated claim is refused, and the run
        # stayed pending with nobody to run it; being the pool's only place, it held up every other.
        if self._claimed:
            _schedule_again(client, self._claimed)
            self._claimed.clear()
        for waiting in client.get_scheduled_flow_runs_for_work_pool(
            WORK_POOL, scheduled_before=datetime.now(UTC)
        ):
            run = waiting.flow_run
            self._claimed.add(run.id)
            claim: OrchestrationResult[Any] = client.set_flow_run_state(run.id, Pending())
            if claim.status is SetStateStatus.ACCEPT:
                self._run(client, run)
                return True
        return False

    def _run(self, client: SyncPrefectClient, run: FlowRun) -> None:
        assert run.deployment_id
        entrypoint = client.read_deployment(run.deployment_id).entrypoint
        assert entrypoint
        flow: Flow[..., Any] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        # With a deployment id Prefect opens a thread, an event loop and a socket per run, to hear of a
        # suspension; a step is over in seconds, and its record names the deployment anyway.
        unwatched = run.model_copy(update={"deployment_id": None})
        self._under_way = run.id
        with suppress(Abort):  # cancelled by a person before it began
            state: Any = run_flow_sync(
                flow, flow_run=unwatched, parameters=dict(run.parameters), return_type="state"
            )
            # What a run returns is kept nowhere; only who runs a tick needs it afterwards.
            steps = state.result(raise_on_failure=False) if flow.name == DAILY_TICK else None
            if isinstance(steps, list):
                self._started_by_tick[run.id] = [step["run"] for step in steps]
        self._under_way = None
        self.ended.set()


def _schedule_again(client: SyncPrefectClient, claimed: set[UUID] | None = None) -> None:
    """Schedule again every run that the server takes for running and no worker runs: of ``claimed``, else of the pool.

    Every step may be run any number of times.
    """
    message = "上次运行中断 · the run was cut short"
    for run in runs_in(client, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING):
        if claimed is not None and run.id not in claimed:
            continue
        state: State[Any] = Crashed(message=message)
        if run.parent_task_run_id is None and run.deployment_id is not None:
            # In its old place, or at once where it had been started early: a later step of the same
            # day must not overtake what it follows.
            now = datetime.now(UTC)
            state = AwaitingRetry(scheduled_time=min(run.expected_start_time or now, now), message=message)
        client.set_flow_run_state(run.id, state, force=True)


def _cancel_what_the_clock_scheduled(client: SyncPrefectClient) -> None:
    for run in runs_in(client, StateType.SCHEDULED):
        if run.auto_scheduled:
            client.set_flow_run_state(run.id, Cancelled(message="the clock is off here"), force=True)


def runs_in(client: SyncPrefectClient, *states: StateType) -> list[FlowRun]:
    """The runs that the server holds for one of ``states``."""
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": states}}})
    )


@contextmanager
def working(*, resume: bool, unscheduled: bool) -> Iterator[Worker]:
    """A worker for as long as the block lasts; leaving it waits for the run under way.

    With ``resume`` the runs that an ended process left behind are run again; with ``unscheduled``
    those that the clock scheduled are cancelled.
    """
    # At the interpreter's exit Prefect tries each event that is left ten times, with pauses: with the
    # server gone, some hundreds of them hold a finished program for minutes. They are Prefect's own
    # record only: ours is stored before. Two more tries take no time.
    EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=2)
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="fundpool-worker") as thread:
            worker = Worker(thread, resume=resume, unscheduled=unscheduled)
            try:
                yield worker
            finally:
                worker.stop()
    finally:
        # While the server still answers; what it does not take in time is dropped.
        APILogHandler().flush()
        EventsWorker.drain_all(timeout=DELIVERY_SECONDS)
        EventsWorker.set_client_override(None)
