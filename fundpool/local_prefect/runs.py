"""Running the month's steps on the local Prefect.

Importing this module does not import Prefect: pages and commands that only name a run start fast.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fundpool.adapters.watch.prefect_queue import api_url
from fundpool.domain.errors import InputError
from fundpool.local_prefect.client import (
    NO_LOGS_ON_THE_TERMINAL,
    QUIET,
    environment,
    outages_in_words,
    past_every_proxy,
)
from fundpool.local_prefect.deployments import DAILY_TICK, deploy, load_flows
from fundpool.local_prefect.patience import Patience
from fundpool.local_prefect.server import STARTED_AGAIN, Server, running_server
from fundpool.settings import Settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

    from fundpool.local_prefect.worker import Worker

CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FlowRunResult:
    """How a run ended: Prefect's state (``COMPLETED``, ``FAILED``, …), its readable name and sentence."""

    name: str
    state_type: str
    state_name: str
    message: str
    run_id: str
    url: str
    runs: tuple["FlowRunResult", ...] = ()
    """Of a daily tick: the steps it started."""

    @property
    def is_completed(self) -> bool:
        """Whether nothing failed; a flagged or waiting step is completed."""
        return self.state_type == "COMPLETED"


def run_url(settings: Settings, run_id: str | None) -> str | None:
    """Where a run is seen in Prefect's page; None when it was not run by Prefect or no page is known."""
    base = settings.prefect_ui_url or (api_url(settings) or "").removesuffix("/api")
    return _page(base.rstrip("/"), run_id) if base and run_id else None


def _page(base: str, run_id: str) -> str:
    return f"{base}/runs/flow-run/{run_id}"


@contextmanager
def local_prefect(
    settings: Settings,
    *,
    schedules: bool = False,
    server: Server | None = None,
    patience: Patience | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> "Iterator[LocalPrefect]":
    """A server, the deployments and a worker for as long as the block lasts; yields when steps can be run.

    ``schedules`` turns the daily clock on; a demo with its own clock leaves it off. ``server`` is one that
    was started before and does not end with the block. Leaving waits for the run under way, as ``patience``
    says; ``say`` takes a line for whoever watches. Raises ServiceUnavailable when the server does not come up
    or another one uses the folder.
    """
    with ExitStack() as running:
        server = server or running.enter_context(running_server(settings))
        ours = {"PREFECT_HOME": str(server.home), "PREFECT_API_URL": server.url}
        settings_of_prefect = {**QUIET, **NO_LOGS_ON_THE_TERMINAL, **past_every_proxy(), **ours}
        running.enter_context(environment(settings_of_prefect))
        load_flows()  # takes seconds, while the server starts
        server.wait_healthy()
        deploy(schedules=schedules)
        from prefect.client.orchestration import get_client

        from fundpool.local_prefect.worker import working

        client = running.enter_context(get_client(sync_client=True))
        # The folder's lock says that no other start of this server lives.
        worker = running.enter_context(
            working("start", is_only=True, without_clock=not schedules, patience=patience, say=say)
        )
        running.enter_context(server.announced())
        yield LocalPrefect(server, client, _worker=worker, _say=say)


def _lies_ahead(run: "FlowRun") -> bool:
    if run.state is None or not run.state.is_scheduled():
        return False
    at = run.state.state_details.scheduled_time
    return at is not None and at > datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LocalPrefect:
    """Runs steps and waits for them; a server that ends meanwhile is started again."""

    _server: Server
    _client: "SyncPrefectClient"
    _worker: "Worker"
    _say: Callable[[str], None]

    @property
    def ui_url(self) -> str:
        """The address of Prefect's page."""
        return self._server.address

    @property
    def url(self) -> str:
        """The address of Prefect's API."""
        return self._server.url

    @property
    def is_cut_short(self) -> bool:
        """Whether, after the block, a step still goes on in a thread: the process must end as if killed."""
        return self._worker.is_cut_short

    def run_step(
        self, step: str, city: str, month: str, *, county: str | None = None, as_of: str | None = None
    ) -> FlowRunResult:
        """Run one step (or ``monthly-cycle``) as its deployment and wait for its end."""
        return self.run(step, {"city": city, "month": month, "county": county, "as_of": as_of})

    def run_tick(
        self,
        as_of: str | None = None,
        cities: Sequence[str] | None = None,
        months: Sequence[str] | None = None,
    ) -> FlowRunResult:
        """Run the daily tick and every step it started; ``months`` leaves all others alone."""
        return self.run(DAILY_TICK, {"as_of": as_of, "cities": cities or None, "months": months or None})

    def run(self, name: str, parameters: Mapping[str, Any]) -> FlowRunResult:
        """Run the deployment ``name`` and wait for its end.

        Raises ServiceUnavailable when the server or the worker is gone, and InputError ``run_parameter`` for
        what the form of the parameters does not take, such as a month that is none.
        """
        from prefect.exceptions import PrefectHTTPStatusError

        with outages_in_words(self.url):
            deployment = self._client.read_deployment_by_name(f"{name}/{name}")
            try:
                run = self._client.create_flow_run_from_deployment(deployment.id, parameters=dict(parameters))
            except PrefectHTTPStatusError as error:
                if error.response.status_code != 409:
                    raise
                detail = error.response.json()["detail"]
                raise InputError(
                    "run_parameter", f"运行的参数不对：{detail}", f"a parameter of the run is wrong: {detail}"
                ) from error
        return self.wait_for(str(run.id))

    def finish_open_runs(self) -> None:
        """Wait for the end of every run that has begun or may begin now, such as those an ended process left, and of what they start."""
        from prefect.client.schemas.objects import TERMINAL_STATES, StateType

        from fundpool.local_prefect.recovery import runs_in

        open_states = set(StateType) - TERMINAL_STATES
        while runs := [run for run in runs_in(self._client, *open_states) if not _lies_ahead(run)]:
            for run in runs:
                self.wait_for(str(run.id))

    def wait_for(self, run_id: str) -> FlowRunResult:
        """Wait for the end of a run, and of the steps it started when it is a daily tick."""
        self._worker.wake()
        run, state = self._final_state(UUID(run_id))
        return FlowRunResult(
            name=run.name,
            state_type=state.type.value,
            state_name=state.name or state.type.value,
            message=state.message or "",
            run_id=run_id,
            url=_page(self.ui_url, run_id),
            runs=tuple(self.wait_for(started) for started in self._worker.started_by(run.id)),
        )

    def _final_state(self, run_id: UUID) -> "tuple[FlowRun, State[Any]]":
        import httpx

        while True:
            self._worker.ended.clear()  # before the look: an end during it is not missed
            with suppress(httpx.HTTPError):  # the worker says when the server is away
                run = self._client.read_flow_run(run_id)
                if run.state is not None and run.state.is_final():
                    return run, run.state
            self._look_after()
            self._worker.ended.wait(CHECK_SECONDS)

    def work_until(self, stopped: Event) -> None:
        """Let the worker run what is scheduled or triggered until ``stopped`` is set.

        Raises ServiceUnavailable when the worker ends by itself.
        """
        while not stopped.wait(CHECK_SECONDS):
            self._look_after()

    def _look_after(self) -> None:
        self._worker.must_be_well()
        if self._server.start_again_when_ended():
            self._say(STARTED_AGAIN)
