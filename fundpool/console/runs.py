"""Running the month's steps through Prefect: the only module of the console that knows it.

``LocalPrefect`` is a whole Prefect on one machine: a server process on a free loopback port with
its own data folder, the product's deployments, and one worker thread that runs flows in this
process (docs/decisions/0008-one-process-runs-the-flows.md). Nothing here decides whether money
moves; a run that was killed is simply run again.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.settings import REPOSITORY, Settings

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State
    from prefect.flows import Flow

PREFECT_FILE = REPOSITORY / "deployments" / "prefect.yaml"
WORK_POOL = "fundpool"
LOOPBACK = "127.0.0.1"
START_TIMEOUT_SECONDS = 180
"""A first start migrates Prefect's own database: half a minute on two slow cores."""
STOP_TIMEOUT_SECONDS = 20
POLL_SECONDS = 1.0
"""How often the worker looks for runs that somebody else started (the Prefect page, its CLI, the clock)."""
HEARTBEAT_SECONDS = 30
"""How often the worker's sign of life is due; Prefect's page takes it for gone after three."""
DELIVERY_SECONDS = 5
"""How long a stop waits for the server to take the logs and events of the last run, each."""
MAX_OUTAGES = 10
"""Failed calls in a row, each with the client's own retries, after which the worker gives up."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the second page calls out
    "PREFECT_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",  # never a second server by accident
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
    # Prefect's SQLite waits up to 60 s for a lock. A client that gives up first asks again, and what
    # it asked for has been done by then.
    "PREFECT_API_REQUEST_TIMEOUT": "90",
}

SPARSE = {
    f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
    for service in (
        "TRIGGERS",
        "EVENT_PERSISTER",
        "FOREMAN",
        "LATE_RUNS",
        "PAUSE_EXPIRATIONS",
        "CANCELLATION_CLEANUP",
    )
}
"""Services of the server that nothing here uses: there are no automations, and one worker, ours."""


@dataclass(frozen=True, slots=True)
class FlowRunResult:
    """How a run ended: Prefect's state (``COMPLETED``, ``FAILED``, …), its readable name and sentence."""

    name: str
    state_type: str
    state_name: str
    message: str
    run_id: str
    url: str
    runs: tuple["FlowRunResult", ...] = field(default=())
    """Of a daily tick: the steps it started."""

    @property
    def is_completed(self) -> bool:
        """Whether nothing failed; a flagged or waiting step is completed."""
        return self.state_type == "COMPLETED"


def run_url(settings: Settings, run_id: str | None) -> str | None:
    """Where a run is seen in Prefect's page; None when it was not run by Prefect or no page is known."""
    base = settings.prefect_ui_url or _address_of_local_server(settings)
    return f"{base.rstrip('/')}/runs/flow-run/{run_id}" if base and run_id else None


def _address_of_local_server(settings: Settings) -> str | None:
    try:
        return (_home(settings) / "address").read_text().strip() or None
    except OSError:
        return None


def _home(settings: Settings) -> Path:
    return settings.home.resolve() / "prefect"


class LocalPrefect:
    """A Prefect server, the deployments and a worker, for as long as the ``with`` block lasts.

    ``launch`` starts the server and returns at once, ``wait_ready`` blocks until steps can be run;
    ``with`` does both. ``schedules`` turns the daily clock on; a demo with its own clock leaves it
    off. Raises ServiceUnavailable when the server does not come up or another one uses the folder.
    """

    def __init__(self, settings: Settings, *, schedules: bool = False) -> None:
        self._settings = settings
        self._schedules = schedules
        self._home = _home(settings)
        self._server: _Server | None = None
        self._worker: _Worker | None = None
        self._environment: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        try:
            self.launch()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ui_url(self) -> str:
        """The address of Prefect's page."""
        assert self._server, "launch first"
        return self._server.address

    @property
    def url(self) -> str:
        """The address of Prefect's API."""
        return f"{self.ui_url}/api"

    def launch(self) -> None:
        """Start the server process; returns before it answers."""
        if self._server is None:
            self._home.mkdir(parents=True, exist_ok=True)
            self._server = _Server(self._home)
            self._server.start()

    def wait_ready(self) -> None:
        """Block until the server answers, the deployments are there and the worker runs."""
        self.launch()
        if self._worker is not None:
            return
        assert self._server
        self._use_environment({**QUIET, "PREFECT_HOME": str(self._home), "PREFECT_API_URL": self.url})
        _load_flows()  # takes seconds, while the server starts
        self._server.wait_healthy()
        deploy(schedules=self._schedules)
        self._worker = _Worker(resume=True, unscheduled=not self._schedules)
        self._worker.start()
        (self._home / "address").write_text(self.ui_url)

    def run_step(
        self, step: str, city: str, month: str, county: str | None = None, as_of: str | None = None
    ) -> FlowRunResult:
        """Run one step (or ``monthly-cycle``) as its deployment and wait for its end."""
        return self._run(step, {"city": city, "month": month, "county": county, "as_of": as_of})

    def run_tick(
        self,
        as_of: str | None = None,
        cities: Sequence[str] | None = None,
        months: Sequence[str] | None = None,
    ) -> FlowRunResult:
        """Run the daily tick and every step it started; ``months`` leaves all others alone."""
        assert self._worker, "wait_ready first"
        asked = {
            "cities": list(cities) if cities else None,
            "as_of": as_of,
            "months": list(months) if months else None,
        }
        tick = self._run("daily-tick", asked)
        started = self._worker.result(tick.run_id) or []
        runs = tuple(self._ended(one["run"]) for one in started)
        return FlowRunResult(
            tick.name, tick.state_type, tick.state_name, tick.message, tick.run_id, tick.url, runs
        )

    def work_until(self, stopped: threading.Event) -> None:
        """Let the worker run what is scheduled or asked for until ``stopped`` is set.

        Raises ServiceUnavailable when the server or the worker ends by itself.
        """
        assert self._worker
        while not stopped.wait(POLL_SECONDS):
            self._worker.must_be_well()

    def _run(self, name: str, parameters: Mapping[str, Any]) -> FlowRunResult:
        assert self._worker, "wait_ready first"
        from prefect.client.orchestration import get_client

        with _outages_in_words(self.url), get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name(f"{name}/{name}")
            run = client.create_flow_run_from_deployment(deployment.id, parameters=dict(parameters))
        self._worker.wake()
        return self._ended(str(run.id))

    def _ended(self, run_id: str) -> FlowRunResult:
        assert self._worker
        run, state = self._worker.wait_for(run_id)
        url = f"{self.ui_url}/runs/flow-run/{run_id}"
        name = state.name or state.type.value
        return FlowRunResult(run.name, state.type.value, name, state.message or "", run_id, url)

    def close(self) -> None:
        """Stop the worker after its current run, then the server; safe to call twice."""
        if self._worker:
            # Only who wrote the address takes it away: a start refused in this folder did not.
            (self._home / "address").unlink(missing_ok=True)
            self._worker.stop()
            self._worker = None
        if self._server:
            self._server.stop()
            self._server = None
        self._use_environment(self._environment)
        self._environment = {}

    def _use_environment(self, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            self._environment.setdefault(name, os.environ.get(name))
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if "prefect" in sys.modules:
            from prefect.context import refresh_global_settings_context

            refresh_global_settings_context()


def deploy(*, schedules: bool = True) -> tuple[str, ...]:
    """Register work pool and deployments of deployments/prefect.yaml at PREFECT_API_URL; return their names.

    The same outcome as ``prefect deploy --all``, without a process per deployment. Raises
    ServiceUnavailable when no server answers.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    definitions = _definitions()
    with _outages_in_words(PREFECT_API_URL.value()):
        with get_client(sync_client=True) as client:
            _ensure_work_pool(client)
        for one in definitions:
            _deploy_one(one, schedules=schedules)
    return tuple(one["name"] for one in definitions)


def _definitions() -> list[dict[str, Any]]:
    import yaml

    deployments: list[dict[str, Any]] = yaml.safe_load(PREFECT_FILE.read_text())["deployments"]
    return deployments


def _load_flows() -> None:
    from prefect.flows import load_flow_from_entrypoint

    for one in _definitions():
        load_flow_from_entrypoint(one["entrypoint"], use_placeholder_flow=False)


def _ensure_work_pool(client: "SyncPrefectClient") -> None:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name=WORK_POOL, type="process", base_job_template=template, concurrency_limit=1)
    try:
        client.create_work_pool(pool)
    except ObjectAlreadyExists:
        return  # an operator's own limits stay


def _deploy_one(definition: Mapping[str, Any], *, schedules: bool) -> None:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner.storage import LocalStorage
    from prefect.schedules import Cron

    limit = definition.get("concurrency_limit")
    deployment = RunnerDeployment.from_entrypoint(
        definition["entrypoint"],
        name=definition["name"],
        tags=definition["tags"],
        parameters=definition.get("parameters") or {},
        schedules=[
            Cron(one["cron"], timezone=one["timezone"], slug=one["slug"], active=schedules)
            for one in definition.get("schedules", [])
        ],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
        work_pool_name=definition["work_pool"]["name"],
    )
    # Runs start in the checkout, whoever runs them: relative settings mean the same everywhere.
    deployment.storage = LocalStorage(str(Path.cwd()))
    deployment.apply()


class _Worker:
    """One thread that takes scheduled runs of the work pool and runs them in this process, one at a time."""

    def __init__(self, *, resume: bool, unscheduled: bool) -> None:
        self._resume = resume
        self._unscheduled = unscheduled
        self._news = threading.Condition()
        self._ended: dict[str, tuple[FlowRun, State[Any]]] = {}
        self._claimed: set[UUID] = set()
        self._flows: dict[UUID, Flow[..., Any]] = {}
        self._heartbeat_due = 0.0
        self._woken = False
        self._stopping = False
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="fundpool-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        with self._news:
            self._woken = True
            self._news.notify_all()

    def stop(self) -> None:
        with self._news:
            self._stopping = True
            self._news.notify_all()
        self._thread.join(STOP_TIMEOUT_SECONDS)
        _send_what_is_queued()

    def must_be_well(self) -> None:
        """Raise ServiceUnavailable when the worker has ended."""
        if self._broken or not self._thread.is_alive():
            raise _unavailable(str(self._broken or "the worker has stopped")) from self._broken

    def wait_for(self, run_id: str) -> "tuple[FlowRun, State[Any]]":
        """Block until the run has ended. Raises ServiceUnavailable when the worker lost the server."""
        with self._news:
            while run_id not in self._ended:
                self.must_be_well()
                self._news.wait(POLL_SECONDS)
            return self._ended[run_id]

    def result(self, run_id: str) -> Any:
        """What the run returned, kept only in this process."""
        return self.wait_for(run_id)[1].result(raise_on_failure=False)

    def _work(self) -> None:
        from prefect.context import SyncClientContext
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        try:
            # A heartbeat's thread is joined at the end of each run: most of a second, for a sign
            # of life that nobody listens to here. The runs share our client: each new one reads
            # every certificate authority there is, for a server that speaks plain HTTP.
            with (
                temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
                SyncClientContext.get_or_create() as shared,
            ):
                self._prepare(shared.client)
                self._work_on(shared.client)
        except Exception as error:  # noqa: BLE001  whoever waits for a run must hear of it, whatever it was
            self._broken = error
        finally:
            with self._news:
                self._news.notify_all()

    def _work_on(self, client: "SyncPrefectClient") -> None:
        """Run what comes until told to stop; a server that does not answer for a while is waited for."""
        import httpx

        outages = 0
        while not self._stopping:
            try:
                if outages:
                    _schedule_again_what_was_left(client)
                if not self._run_next(client):
                    self._rest(client)
                outages = 0
            except httpx.HTTPError:
                outages += 1
                if outages > MAX_OUTAGES:
                    raise
                time.sleep(POLL_SECONDS)

    def _prepare(self, client: "SyncPrefectClient") -> None:
        _log_to_prefect_only()
        self._send_heartbeat(client)
        if self._resume:
            _schedule_again_what_was_left(client)
        if self._unscheduled:
            _cancel_what_the_clock_scheduled(client)

    def _send_heartbeat(self, client: "SyncPrefectClient") -> None:
        client.send_worker_heartbeat(WORK_POOL, "fundpool", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
        self._heartbeat_due = time.monotonic() + HEARTBEAT_SECONDS

    def _rest(self, client: "SyncPrefectClient") -> None:
        with self._news:
            self._news.wait_for(lambda: self._woken or self._stopping, POLL_SECONDS)
            woken, self._woken = self._woken, False
        if not woken and time.monotonic() >= self._heartbeat_due:
            self._send_heartbeat(client)

    def _run_next(self, client: "SyncPrefectClient") -> bool:
        """Claim and run the earliest scheduled run; False when there is none."""
        from prefect.client.schemas import OrchestrationResult
        from prefect.client.schemas.responses import SetStateStatus
        from prefect.states import Pending
        from prefect.types._datetime import now

        self._let_go_of_what_was_claimed(client)
        waiting = client.get_scheduled_flow_runs_for_work_pool(WORK_POOL, scheduled_before=now("UTC"))
        for one in waiting:
            self._claimed.add(one.flow_run.id)
            claim: OrchestrationResult[Any] = client.set_flow_run_state(one.flow_run.id, Pending())
            if claim.status is SetStateStatus.ACCEPT:
                self._run(client, client.read_flow_run(one.flow_run.id))
                return True
        return False

    def _let_go_of_what_was_claimed(self, client: "SyncPrefectClient") -> None:
        """Nothing runs now: a run of ours that the server holds for pending or running runs again.

        The client repeats a request whose answer was lost. A repeated claim is refused, and the run
        stayed pending with nobody to run it; being the pool's only place, it held up every other.
        """
        if self._claimed:
            _schedule_again_what_was_left(client, self._claimed)
            self._claimed.clear()

    def _run(self, client: "SyncPrefectClient", run: "FlowRun") -> None:
        from prefect.exceptions import Abort
        from prefect.flow_engine import run_flow_sync

        flow = self._flow_of(client, run)
        # Told of its deployment, a run has a thread, an event loop and a socket of its own to hear that
        # somebody suspends it; a step is over in seconds, and its record names the deployment anyway.
        unwatched = run.model_copy(update={"deployment_id": None})
        state: State[Any] | None
        try:
            state = run_flow_sync(
                flow, flow_run=unwatched, parameters=dict(run.parameters), return_type="state"
            )
        except Abort:  # cancelled by a person before it began
            state = client.read_flow_run(run.id).state
        assert state is not None
        known = client.read_flow_run(run.id)
        if known.state is None or not known.state.is_final():
            return  # it waits for its turn, or its end did not reach the server: it is run again
        self._claimed.discard(run.id)
        with self._news:
            self._ended[str(run.id)] = (known, state)
            self._news.notify_all()

    def _flow_of(self, client: "SyncPrefectClient", run: "FlowRun") -> "Flow[..., Any]":
        from prefect.flows import load_flow_from_entrypoint

        deployment_id = run.deployment_id
        assert deployment_id
        if (
            deployment_id not in self._flows
        ):  # code is loaded once per process, whatever is deployed meanwhile
            entrypoint = client.read_deployment(deployment_id).entrypoint
            assert entrypoint
            self._flows[deployment_id] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        return self._flows[deployment_id]


def _schedule_again_what_was_left(client: "SyncPrefectClient", claimed: "set[UUID] | None" = None) -> None:
    """Runs that the server holds for under way and nobody runs are run again: of ``claimed``, else of the pool.

    Every step may be run any number of times.
    """
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterId,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import AwaitingRetry, Crashed
    from prefect.types._datetime import now

    kinds = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    which = None if claimed is None else FlowRunFilterId(any_=list(claimed))
    asked = FlowRunFilter(id=which, state=FlowRunFilterState(type=kinds))
    for run in client.read_flow_runs(flow_run_filter=asked):
        message = "上次运行中断 · the run was cut short"
        client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        if run.parent_task_run_id is None and run.deployment_id is not None:
            # In its old place, or at once where it had been started early: a later step of the same
            # day must not overtake what it follows.
            began = min(run.expected_start_time or now("UTC"), now("UTC"))
            again: State[Any] = AwaitingRetry(scheduled_time=began, message=message)
            client.set_flow_run_state(run.id, again, force=True)


def _cancel_what_the_clock_scheduled(client: "SyncPrefectClient") -> None:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType
    from prefect.states import Cancelled

    kinds = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
    runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=kinds)))
    for run in runs:
        if run.auto_scheduled:
            client.set_flow_run_state(run.id, Cancelled(message="the clock is off here"), force=True)


def _log_to_prefect_only() -> None:
    """Runs' logs go to Prefect's own record; the terminal belongs to the person in front of it."""
    import logging

    from prefect.logging.handlers import PrefectConsoleHandler

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "prefect"]
    for logger in (logging.getLogger(), *(logging.getLogger(name) for name in names)):
        for handler in logger.handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.CRITICAL + 1)


def _send_what_is_queued() -> None:
    """Deliver logs and events while the server still answers; what it does not take in time is dropped.

    At the interpreter's exit Prefect tries each event that is left for eight seconds, without an
    end to the whole: with the server gone, a hundred of them hold a finished program for a quarter
    of an hour. They are Prefect's own record only: ours is stored before.
    """
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    workers: tuple[Any, ...] = (APILogWorker, EventsWorker)
    for service in workers:
        queues = [one._queue for one in tuple(service._instances.values())]
        service.drain_all(timeout=DELIVERY_SECONDS)
        for queue in queues:
            with queue.mutex:
                queue.queue.clear()
            queue.put_nowait(None)  # Prefect's sign that nothing more comes


class _Server:
    """The Prefect server as a child process that ends with this one, however this one ends."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._log_path = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self.address = ""

    def start(self) -> None:
        self._lock = _hold(self._home / "lock")
        database, template = self._home / "prefect.db", _template()
        if template.is_file() and not database.exists():
            shutil.copyfile(template, database)
        # Bound before the child starts: a free port that is only looked up may be taken when it is needed.
        listener = socket.create_server((LOOPBACK, 0))
        port = listener.getsockname()[1]
        self.address = f"http://{LOOPBACK}:{port}"
        # The server runs no flow: it needs none of our settings, and two of them are secrets.
        others = {name: value for name, value in os.environ.items() if not name.startswith("FUNDPOOL_")}
        environment = {
            **others,
            **QUIET,
            **SPARSE,
            "PREFECT_HOME": str(self._home),
            "PREFECT_SERVER_API_HOST": LOOPBACK,
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_API_URL": f"{self.address}/api",
        }
        with listener, self._log_path.open("ab") as log:
            handle = listener.fileno()
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [sys.executable, "-m", "fundpool.console.runs", str(handle), str(self._home / "server.lock")],
                env=environment,
                pass_fds=[handle],
                stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the server when our run has ended
            )

    def wait_healthy(self) -> None:
        assert self._process
        give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < give_up_at:
            if self._process.poll() is not None:
                raise _unavailable(f"Prefect server ended at once, see {self._log_path}")
            try:
                with urllib.request.urlopen(f"{self.address}/api/health", timeout=2) as answer:  # noqa: S310
                    if json.load(answer) is True:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise _unavailable(
            f"no answer from {self.address} in {START_TIMEOUT_SECONDS} s, see {self._log_path}"
        )

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            assert self._process.stdin
            self._process.stdin.close()
            self._process = None
        if self._lock:
            self._lock.close()
            self._lock = None


def _hold(path: Path) -> IO[str]:
    """Take the lock of the data folder; it goes with the process, so a killed one leaves none behind."""
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise ServiceUnavailable(
            "prefect_in_use",
            f"另一个 fundpool 正在使用 {path.parent}",
            f"another fundpool is using {path.parent}",
            remedy="先停止它，或换一个 FUNDPOOL_HOME / stop it, or choose another FUNDPOOL_HOME",
        ) from error
    return lock


def _template() -> Path:
    return Path(sys.prefix) / "share" / "fundpool" / f"prefect-{version('prefect')}.db"


def prepare() -> None:
    """Keep an empty Prefect database beside the interpreter, so that a first start need not build one.

    Building it takes Prefect a quarter of a minute; set-up does it once. Without it all works, later.
    """
    template = _template()
    if template.is_file():
        return
    template.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=template.parent) as folder:
        environment = {**os.environ, **QUIET, "PREFECT_HOME": folder}
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        Path(folder, "prefect.db").replace(template)


def _unavailable(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        "prefect_unavailable",
        f"Prefect 服务没有应答：{why}",
        f"the Prefect server did not answer: {why}",
        remedy="启动服务（fundpool start）后重试同一命令；fundpool run 不经 Prefect 也能运行同一步骤 / "
        "start it (fundpool start) and run the same command again; fundpool run does the same step without Prefect",
    )


@contextmanager
def _outages_in_words(url: str | None) -> Iterator[None]:
    """Turn a missing server into one clear sentence."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise _unavailable(url or "PREFECT_API_URL") from error
    except Exception as error:
        if isinstance(error, FundpoolError) or "Failed to reach API" not in str(error):
            raise
        raise _unavailable(url or "PREFECT_API_URL") from error


def _serve(handle: int, lock_path: Path) -> None:
    """The child process: Prefect's server on the socket ``handle`` until its parent closes our standard input or ends."""

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_TIMEOUT_SECONDS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    import uvicorn

    with lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the server of a killed process may need a moment to go
        config = uvicorn.Config(
            "prefect.server.api.server:create_app", factory=True, log_level="warning", lifespan="on"
        )
        uvicorn.Server(config).run(sockets=[socket.socket(fileno=handle)])


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        _serve(int(sys.argv[1]), Path(sys.argv[2]))
