"""A Prefect server without a worker, and ``fundpool worker`` processes on it that stand still where a test says."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, WorkerStatus

from fundpool.console.cli import main
from fundpool.local_prefect import recovery
from fundpool.local_prefect.client import NO_LOGS_ON_THE_TERMINAL, QUIET, environment, past_every_proxy
from fundpool.local_prefect.deployments import deploy
from fundpool.local_prefect.server import Server, running_server
from fundpool.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240

WORKER = """
import sys, time
from pathlib import Path

from fundpool.console.cli import main
from fundpool.local_prefect import worker
from fundpool.services.month import steps
from tasks.options import RETRY_WHEN_AWAY

place, where = Path(sys.argv[1]), sys.argv[2]
worker.HEARTBEAT_SECONDS = int(sys.argv[3])  # the server's own patience is three of them
RETRY_WHEN_AWAY["retry_delay_seconds"][:] = [0.1, 0.1]  # one list, which every task has

def standing_still(act):
    def stand(*arguments, **options):
        (place / "reached").touch()
        while not (place / "go").exists():
            time.sleep(0.05)
        return act(*arguments, **options)
    return stand

if where == "running":
    steps.begin_step = standing_still(steps.begin_step)
elif where == "pending":
    worker.load_flow_from_entrypoint = standing_still(worker.load_flow_from_entrypoint)
sys.exit(main(["worker", *sys.argv[4:]]))
"""

ONCE_A_SECOND = {
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
}
"""The server looks for workers that are gone every second: a test need not wait for fifteen."""


def wait_for(what: Callable[[], Any], why: str) -> Any:
    """The first true answer of ``what``."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        if answer := what():
            return answer
        time.sleep(0.1)
    raise AssertionError(why)


@dataclass
class WorkerProcess:
    """A worker's process; ``place`` is where it says that it stands still, and is let go."""

    process: "subprocess.Popen[str]"
    place: Path

    def wait_until_reached(self) -> None:
        wait_for((self.place / "reached").exists, "the worker never came to the run")

    def let_go(self) -> None:
        (self.place / "go").touch()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Its exit status and what it said."""
        _, said = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, said


@dataclass
class Pool:
    """A server with the work pool, and the data folder of an installation."""

    server: Server
    client: SyncPrefectClient
    home: Path

    def environment(self) -> dict[str, str]:
        bank = {
            "FUNDPOOL_GATEWAY_KIND": "file",
            "FUNDPOOL_GATEWAY_OUTBOX": str(self.home),
            "FUNDPOOL_GATEWAY_INBOX": str(self.home),
        }
        return {**os.environ, "FUNDPOOL_HOME": str(self.home), "PYTHONPATH": str(ROOT), **bank}

    @contextmanager
    def worker(
        self, name: str, *options: str, still: str = "nowhere", heartbeat_seconds: int = 2
    ) -> Iterator[WorkerProcess]:
        """``fundpool worker --name NAME`` that stands still when its first run is ``pending`` or ``running``.

        Where nobody dies, ``heartbeat_seconds`` as long as in production keep a busy machine from burying the living.
        """
        place = self.home / f"{name}-{time.time_ns()}"
        place.mkdir()
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WORKER,
                str(place),
                still,
                str(heartbeat_seconds),
                "--name",
                name,
                *options,
            ],
            env=self.environment(),
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield WorkerProcess(process, place)
        finally:
            process.kill()
            process.communicate()

    def fundpool_here(self, *arguments: str, **changes: str) -> tuple[int, str]:
        """A command in this process, which has loaded Prefect already; its exit status and what it printed."""
        printed = StringIO()
        with environment({**self.environment(), **changes}), redirect_stdout(printed):
            status = main(list(arguments))
        return status, printed.getvalue()

    def fundpool(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "fundpool", *arguments],
            env={**self.environment(), **changes},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def ask_for(
        self, step: str, city: str | list[str] = "taizhou", *, state: "State[Any] | None" = None
    ) -> UUID:
        """A new run of a step, to begin now."""
        deployment = self.client.read_deployment_by_name(f"{step}/{step}")
        parameters = {} if step == "daily-tick" else {"city": city, "month": "2026-10"}
        return self.client.create_flow_run_from_deployment(
            deployment.id, parameters=parameters, state=state
        ).id

    def run(self, run_id: UUID) -> FlowRun:
        return self.client.read_flow_run(run_id)

    def states(self, run_id: UUID) -> list[str]:
        """The names of the states the run has been in, in their order."""
        states = self.client.read_flow_run_states(run_id)
        return [state.name or "" for state in sorted(states, key=lambda state: state.timestamp)]

    def online(self) -> list[str]:
        """The names of the workers that the server takes for living."""
        workers = recovery.workers_of_pool(self.client)
        return [name for name, worker in workers.items() if worker.status is WorkerStatus.ONLINE]

    def wait_for_end(self, run_id: UUID) -> FlowRun:
        def ended() -> FlowRun | None:
            run = self.run(run_id)
            return run if run.state is not None and run.state.is_final() else None

        return wait_for(ended, f"the run never ended: {self.run(run_id).state}")  # type: ignore[no-any-return]


@contextmanager
def pool_without_worker(home: Path) -> Iterator[Pool]:
    """A server of its own, the deployments and the tables of an installation; no worker."""
    with environment(ONCE_A_SECOND), running_server(Settings(home=home)) as server:
        ours = {"PREFECT_HOME": str(server.home), "PREFECT_API_URL": server.url}
        with environment({**QUIET, **NO_LOGS_ON_THE_TERMINAL, **past_every_proxy(), **ours}):
            server.wait_healthy()
            deploy(schedules=False)
            with get_client(sync_client=True) as client:
                pool = Pool(server, client, home)
                assert pool.fundpool("init").returncode == 0
                yield pool
