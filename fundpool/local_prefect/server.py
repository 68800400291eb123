"""The Prefect server as a child process with its own data folder.

``python -m fundpool.local_prefect.server`` is that process; with ``prepare`` it builds the empty
database that a first start copies.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from fundpool.domain.errors import ServiceUnavailable
from fundpool.local_prefect.client import QUIET, unavailable
from fundpool.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

LOOPBACK = "127.0.0.1"
START_TIMEOUT_SECONDS = 180
"""A first start migrates Prefect's own database: half a minute on two slow cores."""
STOP_TIMEOUT_SECONDS = 20

UNUSED_SERVICES = {
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
"""Services of the server that only automations or several workers need; here are neither."""

ASK_AGAIN_SECONDS = 0.3
"""After the first refusal; twice as long for every other one of the last ten seconds."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server's process, its data folder and where it answers."""

    home: Path
    address: str
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"{self.address}/api"

    def wait_healthy(self) -> None:
        """Block until the server answers. Raises ServiceUnavailable when it ends or takes too long."""
        import httpx

        give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < give_up_at:
            if self.process.poll() is not None:
                raise unavailable(f"Prefect server ended at once, see {_log(self.home)}")
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success:
                    return
            time.sleep(0.1)
        raise unavailable(
            f"no answer from {self.address} in {START_TIMEOUT_SECONDS} s, see {_log(self.home)}"
        )


@contextmanager
def running_server(settings: Settings) -> Iterator[Server]:
    """A server for as long as the block lasts; it ends with this process, however this one ends.

    Yields before the server answers. Raises ServiceUnavailable when another process uses its folder.
    """
    home = prefect_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    with _hold(home / "lock"):
        database, template = home / "prefect.db", _template()
        if template.is_file() and not database.exists():
            shutil.copyfile(template, database)
        server = _start(home, database)
        try:
            yield server
        finally:
            server.process.terminate()
            try:
                server.process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                server.process.kill()
            server.process.communicate()


def _start(home: Path, database: Path) -> Server:
    # Bound before the child starts: a free port that is only looked up may be taken when it is needed.
    with socket.create_server((LOOPBACK, 0)) as listener, _log(home).open("ab") as log:
        port, handle = listener.getsockname()[1], listener.fileno()
        address = f"http://{LOOPBACK}:{port}"
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "fundpool.local_prefect.server", str(handle), str(home / "server.lock")],
            env={
                # The server runs no flow: it needs none of our settings, and two of them are secrets.
                **{name: value for name, value in os.environ.items() if not name.startswith("FUNDPOOL_")},
                **QUIET,
                **UNUSED_SERVICES,
                "PREFECT_HOME": str(home),
                # Prefect pastes the path into an address as it stands: a "?" in it would end the name there.
                "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///file:{quote(str(database))}?uri=true",
                "PREFECT_SERVER_API_HOST": LOOPBACK,
                "PREFECT_SERVER_API_PORT": str(port),
                "PREFECT_API_URL": f"{address}/api",
            },
            pass_fds=[handle],
            stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; we stop the server when our run has ended
        )
    return Server(home, address, process)


def prefect_home(settings: Settings) -> Path:
    """The data folder of the server."""
    return settings.home.resolve() / "prefect"


def _log(home: Path) -> Path:
    return home / "server.log"


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


def serve(handle: int, lock_path: Path) -> None:
    """Prefect's server on the socket ``handle`` until its parent closes our standard input or ends."""

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_TIMEOUT_SECONDS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    import uvicorn

    with lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the server of a killed process may need a moment to go
        config = uvicorn.Config(application, factory=True, log_level="warning", lifespan="on")
        uvicorn.Server(config).run(sockets=[socket.socket(fileno=handle)])


def application() -> "FastAPI":
    """Prefect's application, which says with a 503 when to ask again.

    It creates a flow run in a transaction that reads before it writes. When another request commits in
    between, SQLite refuses the write at once ("database is locked"), and Prefect's client would wait two
    seconds for what succeeds now.
    """
    from prefect.server.api.server import create_app

    app = create_app()
    refused: deque[float] = deque(maxlen=8)

    @app.middleware("http")
    async def say_when_to_ask_again(
        request: "Request", call_next: "Callable[[Request], Awaitable[Response]]"
    ) -> "Response":
        response = await call_next(request)
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            now = time.monotonic()
            lately = sum(now - moment < 10 for moment in refused)
            refused.append(now)
            response.headers["Retry-After"] = str(ASK_AGAIN_SECONDS * 2**lately)
        return response

    return app


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        serve(int(sys.argv[1]), Path(sys.argv[2]))
