"""The worker: takes the scheduled runs of the work pool and runs them in this process.

Prefect's own workers start a process per run, which spends half a minute on imports for a step of half
a second. Importing this module imports Prefect, which reads its settings then.

Two threads: one runs what is scheduled, one run at a time; the other says that the worker lives, also while a run
goes on, and looks after runs that nobody holds (``recovery``).
"""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.client.schemas.objects import Worker as WorkerRecord
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import SettingsContext, SyncClientContext, get_settings_context
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker
from prefect.exceptions import ObjectNotFound, PrefectException, PrefectSignal
from prefect.flow_engine import run_flow_sync
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)
from prefect.states import Cancelled, Crashed, Pending

from fundpool.local_prefect import recovery
from fundpool.local_prefect.client import is_unreached, unavailable
from fundpool.local_prefect.deployments import DAILY_TICK, WORK_POOL
from fundpool.local_prefect.patience import Patience
from tasks.conclusions import TickFailed

POLL_SECONDS = 1.0
"""How often the worker looks for runs that somebody else started (the Prefect page, its CLI, the clock)."""
HEARTBEAT_SECONDS = 10
"""How often the worker says that it lives and looks after the pool's runs.

The server takes it for OFFLINE after three, and looks every fifteen seconds: a run whose worker was killed is
scheduled again within a minute.
"""
DELIVERY_SECONDS = 5
"""How long a stop waits for the server to take the events of the last run."""


class Worker:
    """Runs what is scheduled, one run at a time, and waits out a server that is away.

    ``name`` is this worker's alone; runs bear it while it holds them. ``say`` takes a line for whoever watches.
    """

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self.name = name
        self.ended = Event()
        """Set whenever a run has ended."""
        self.is_cut_short = False
        """Whether a run that was handed back still goes on in its thread: the process must end as if killed."""
        self._say = say
        self._started_by_tick: dict[UUID, list[str]] = {}
        self._under_way: UUID | None = None
        self._seen_at = -float("inf")
        self._reached_since: float | None = None
        self._beat_at: datetime | None = None
        self._is_away = False
        self._looking = Lock()
        self._awake = Event()
        self._is_stopping = False
        self._gone = Event()
        self._error: BaseException | None = None
        self._work = Thread(
            target=self._guarded(self._work_until_stopped), name="fundpool-worker", daemon=True
        )
        self._keeping = Thread(target=self._guarded(self._keep), name="fundpool-keeper", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._keeping.start()
        self._work.start()

    def wake(self) -> None:
        """Look for runs now."""
        self._awake.set()

    def must_be_well(self) -> None:
        """Raise ServiceUnavailable when the worker has ended."""
        if self._error is not None or not self._work.is_alive():
            raise unavailable(str(self._error or "the worker has stopped")) from self._error

    def started_by(self, tick: UUID) -> list[str]:
        """The runs that a daily tick started, handed out once; none for any other run."""
        # The server knows of a run's end a moment before the worker has put away what it returned.
        while self._under_way == tick:
            self.must_be_well()
            self.ended.wait(POLL_SECONDS)
        return self._started_by_tick.pop(tick, [])

    def finish(self, patience: Patience) -> None:
        """Take no further run and wait for the one under way, or hand it back; then say goodbye."""
        self._is_stopping = True
        self._awake.set()
        until = None if patience.seconds is None else time.monotonic() + patience.seconds
        while self._work.is_alive() and not patience.hurried.wait(0.1):
            if until is not None and time.monotonic() > until:
                break
        self.is_cut_short = self._work.is_alive()
        self._gone.set()
        self._keeping.join(DELIVERY_SECONDS)
        # The server may be away, too: then the others find the run and the worker gone by themselves.
        with (
            suppress(httpx.HTTPError, PrefectException),
            _few_retries(),
            get_client(sync_client=True) as client,
        ):
            if self.is_cut_short and self._under_way is not None:
                run = client.read_flow_run(self._under_way)
                if run.state is not None and not run.state.is_final():
                    recovery.take_up(client, run)
                    self._say(f"{run.name}: 交回，稍后重新执行 · handed back, is run again")
            recovery.forget_workers(client, [self.name])

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - must_be_well raises it where it can be told
                self._error = error

        return guarded

    # ------------------------------------------------------------------ runs, one at a time

    def _work_until_stopped(self) -> None:
        # A heartbeat of a run has a thread that is joined at its end: most of a second, for a sign of life that
        # nobody listens to; the worker's own is enough. The runs share our client: each new one reads every
        # certificate authority there is, for a server that speaks plain HTTP.
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            few_retries = _few_retries()  # a tenth of a second to make, nothing to enter
            while not self._is_stopping:
                with self._waiting_out(), SyncClientContext.get_or_create() as shared:
                    while not self._is_stopping:
                        self._awake.clear()  # before the query: a run that is created during it is not missed
                        if self._is_away:
                            with few_retries:
                                self._take_back(shared.client)  # what the outage cut short
                        has_run = self._run_next(shared.client, few_retries)
                        self._is_back()
                        if not has_run:
                            self._awake.wait(POLL_SECONDS)

    @contextmanager
    def _waiting_out(self) -> Iterator[None]:
        """Say once that the server is away, and let some time pass."""
        try:
            yield
        except Exception as error:
            if not _is_outage(error):
                raise
            if not self._is_away:
                self._say(_outage_in_words(error))
            self._is_away = True
            self._awake.wait(POLL_SECONDS)

    def _is_back(self) -> None:
        if self._is_away:
            self._say("Prefect 服务已恢复，继续执行 / the Prefect server is back, going on")
        self._is_away = False

    def _run_next(self, client: SyncPrefectClient, few_retries: SettingsContext) -> bool:
        """Claim and run the earliest scheduled run; False when there is none."""
        with few_retries:
            run = self._claim(client)
        if run is None:
            return False
        try:
            self._run(client, run)
        finally:
            self._under_way = None
            self.ended.set()
            with few_retries:
                self._take_back(client)
        return True

    def _claim(self, client: SyncPrefectClient) -> FlowRun | None:
        # A worker that the server does not see would lose at once what it takes.
        if time.monotonic() > self._seen_at + 2 * HEARTBEAT_SECONDS:
            client.read_work_pool(WORK_POOL)  # raises what keeps it from being seen
            return None
        found = client.get_scheduled_flow_runs_for_work_pool(WORK_POOL, scheduled_before=datetime.now(UTC))
        # Looked up after the scheduled ones: a run that another worker claimed in between is in either list.
        taken = [recovery.cities_of(run) for run in recovery.held_runs(client)] if found else []
        for run in (waiting.flow_run for waiting in found):
            cities = recovery.cities_of(run)
            is_free = not any(recovery.is_shared(cities, others) for others in taken)
            # Of one city the first alone: its steps keep their order, and its money is sent by one worker at a time.
            taken.append(cities)
            if not is_free:
                continue
            # Before the claim: nobody must find it held by a worker that does not run it.
            self._under_way = run.id
            is_ours = False
            try:
                pending: State[Any] = Pending(message=self.name)
                claim: OrchestrationResult[Any] = client.set_flow_run_state(run.id, pending)
                if claim.status is SetStateStatus.ACCEPT:
                    client.update_flow_run(run.id, infrastructure_pid=self.name)
                    is_ours = True
                    return run
            finally:
                if not is_ours:
                    self._under_way = None
            # The client repeats a request whose answer was lost, and a repeated claim is refused: the run is
            # pending and ours, with nobody to run it.
            self._take_back(client)
        return None

    def _take_back(self, client: SyncPrefectClient) -> None:
        """Schedule again what the server holds for ours and what does not run here."""
        with self._looking:
            for run in recovery.unheld_runs(client, lambda run: not self._is_left_lying(run)):
                recovery.take_up(client, run)

    def _is_left_lying(self, run: FlowRun) -> bool:
        return recovery.holder_of(run) == self.name and run.id != self._under_way

    def _run(self, client: SyncPrefectClient, run: FlowRun) -> None:
        try:
            started = self._carry_out(client, run)
        except PrefectSignal:
            return  # cancelled or suspended by a person before it began
        except Exception as error:
            if _is_outage(error) and not isinstance(error, PrefectException):
                raise
            # One run's trouble, such as a deployment that is gone: the worker goes on with the next.
            self._say(f"{run.name}: {type(error).__name__}: {error}")
            client.set_flow_run_state(run.id, Crashed(message=f"{type(error).__name__}: {error}"))
            return
        # What a run returns is kept nowhere; only who runs a tick needs it afterwards.
        if started:
            self._started_by_tick[run.id] = started

    def _carry_out(self, client: SyncPrefectClient, run: FlowRun) -> list[str]:
        """Carry out the run; the runs that it started, of a daily tick alone."""
        assert run.deployment_id
        entrypoint = client.read_deployment(run.deployment_id).entrypoint
        assert entrypoint
        flow: Flow[..., Any] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        # With a deployment id Prefect opens a thread, an event loop and a socket per run, to hear of a
        # suspension; a step is over in seconds, and its record names the deployment anyway.
        unwatched = run.model_copy(update={"deployment_id": None})
        state: Any = run_flow_sync(
            flow, flow_run=unwatched, parameters=dict(run.parameters), return_type="state"
        )
        if flow.name != DAILY_TICK:
            return []
        result = state.result(raise_on_failure=False)
        steps = result.runs if isinstance(result, TickFailed) else result
        return [step["run"] for step in steps] if isinstance(steps, list) else []

    # ------------------------------------------------------------------ the sign of life

    def _keep(self) -> None:
        """Say that the worker lives, and look after the pool's runs, until it is gone."""
        with _few_retries():
            while not self._gone.is_set():
                try:
                    with get_client(sync_client=True) as client:
                        self._keep_on(client)
                except Exception as error:
                    if not _is_outage(error):
                        raise
                    self._reached_since = None  # the other thread says so
                    self._gone.wait(POLL_SECONDS)

    def _keep_on(self, client: SyncPrefectClient) -> None:
        while not self._gone.is_set():
            began = time.monotonic()
            self._beat(client)
            self._look(client)
            self._gone.wait(max(0.0, began + HEARTBEAT_SECONDS - time.monotonic()))

    def _beat(self, client: SyncPrefectClient) -> None:
        client.send_worker_heartbeat(WORK_POOL, self.name, heartbeat_interval_seconds=HEARTBEAT_SECONDS)
        now = time.monotonic()
        is_first = self._seen_at < now - 2 * HEARTBEAT_SECONDS
        self._seen_at = now
        if self._reached_since is None:
            self._reached_since = now
        if is_first:
            self._awake.set()

    def _look(self, client: SyncPrefectClient) -> None:
        workers = recovery.workers_of_pool(client)
        self._distrust_signs_from_the_future(workers)
        living = [
            name
            for name, worker in workers.items()
            if name.startswith(recovery.OURS) and worker.status is WorkerStatus.ONLINE
        ]
        if self.name != min(living, default=None):
            return  # one of them looks after the runs: two would each schedule a run that was found dead
        assert self._reached_since is not None
        # Back from an outage, the server takes everybody for gone who could not reach it.
        is_early = time.monotonic() < self._reached_since + 3 * HEARTBEAT_SECONDS

        def is_held(run: FlowRun) -> bool:
            if recovery.holder_of(run) == self.name:
                return not self._is_left_lying(run)
            return recovery.is_held(run, workers, count_offline=is_early)

        with self._looking:
            taken_up = [run for run in recovery.unheld_runs(client, is_held) if recovery.take_up(client, run)]
        for run in taken_up:
            self._say(f"{run.name}: 无人执行，重新安排 · nobody ran it, scheduled again")
        for run in recovery.retry_what_was_away(client, datetime.now(UTC)):
            self._say(f"{run.name}: 所需服务没有应答，稍后再试 · a service was away, tried again later")
        if taken_up:
            self._awake.set()
        long_ago = datetime.now(UTC) - timedelta(days=1)
        recovery.forget_workers(
            client,
            [
                name
                for name, worker in workers.items()
                if name.startswith(recovery.OURS)
                and worker.status is WorkerStatus.OFFLINE
                and worker.last_heartbeat_time is not None
                and worker.last_heartbeat_time < long_ago
            ],
        )

    def _distrust_signs_from_the_future(self, workers: dict[str, WorkerRecord]) -> None:
        """Take for OFFLINE, in ``workers``, whose last sign of life lies ahead of ours, which the server has just noted.

        Its clock has been set back since, and until it has caught up it would take a dead one for living. The
        living are noted anew within moments, in which nobody is taken for dead.
        """
        ours = workers[self.name].last_heartbeat_time if self.name in workers else None
        if ours is None:
            return
        if self._beat_at is not None and ours < self._beat_at:
            self._reached_since = time.monotonic()
        self._beat_at = ours
        for name, worker in workers.items():
            seen = worker.last_heartbeat_time
            if seen is not None and seen > ours + timedelta(seconds=3 * HEARTBEAT_SECONDS):
                workers[name] = worker.model_copy(update={"status": WorkerStatus.OFFLINE})


def _few_retries() -> SettingsContext:
    """Settings of a client that tries a request three times; entered by one thread, any number of times.

    The client's own five tries more take a minute, in which no sign of life is sent and no stop is heard, and our
    loops try again anyway. Two carry over a database that is locked for a moment. The flow's own client
    keeps its five: so a run outlives a server that starts anew.
    """
    current = get_settings_context()
    settings = current.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 2})
    return current.model_copy(update={"settings": settings})


def _is_outage(error: Exception) -> bool:
    return isinstance(error, httpx.HTTPError | PrefectException) or is_unreached(error)


def _outage_in_words(error: Exception) -> str:
    if isinstance(error, ObjectNotFound):  # a server that is new, or has lost its database
        return (
            f"Prefect 服务上没有工作池 {WORK_POOL}；等待登记（fundpool deploy） / "
            f"the Prefect server has no work pool {WORK_POOL}: waiting until fundpool deploy makes it"
        )
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"{unavailable(reason)}；等待恢复 / waiting until it is back"


def new_name(kind: str) -> str:
    """A name for a worker that no other one ever has: machine, process and moment."""
    return f"{recovery.OURS}{kind}.{platform.node()}.{os.getpid()}.{time.time_ns():x}"


def _cancel_what_the_clock_scheduled(client: SyncPrefectClient) -> None:
    for run in recovery.runs_in(client, StateType.SCHEDULED):
        if run.auto_scheduled:
            client.set_flow_run_state(run.id, Cancelled(message="the clock is off here"), force=True)


@contextmanager
def working(
    kind: str,
    *,
    is_only: bool = False,
    without_clock: bool = False,
    patience: Patience | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Iterator[Worker]:
    """A worker for as long as the block lasts; leaving it waits for the run under way, as ``patience`` says.

    ``kind`` is what people know it by. ``is_only`` says that no other one of its kind lives, so that what an
    ended one left is run again at once; ``without_clock`` cancels what the clock scheduled.
    """
    worker = Worker(new_name(kind), say)
    # At the interpreter's exit Prefect tries each event that is left ten times, with pauses: with the
    # server gone, some hundreds of them hold a finished program for minutes. They are Prefect's own
    # record only: ours is stored before. Two more tries take no time.
    EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=2)
    try:
        if is_only or without_clock:
            with get_client(sync_client=True) as client:
                if is_only:
                    of_kind = f"{recovery.OURS}{kind}."
                    known = recovery.workers_of_pool(client)
                    recovery.forget_workers(client, [name for name in known if name.startswith(of_kind)])
                if without_clock:
                    _cancel_what_the_clock_scheduled(client)
        worker.start()
        try:
            yield worker
        finally:
            worker.finish(patience or Patience())
    finally:
        # While the server still answers; what it does not take in time is dropped.
        APILogHandler().flush()
        EventsWorker.drain_all(timeout=DELIVERY_SECONDS)
        EventsWorker.set_client_override(None)
