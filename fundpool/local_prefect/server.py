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
from fundpool.local_prefect.client import LOOPBACK_HOSTS, QUIET, prefect_home, unavailable
from fundpool.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.types import ASGIApp, Receive, Scope, Send

START_TIMEOUT_SECONDS = 180
"""A first start migrates Prefect's own database: half a minute on two slow cores."""
STOP_TIMEOUT_SECONDS = 20

UNUSED_SERVICES = {
    f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
    for service in (
        "TRIGGERS",
        "EVENT_PERSISTER",
        "PAUSE_EXPIRATIONS",
        "CANCELLATION_CLEANUP",
    )
}
"""Services of the server that only automations need, of which there are none. FOREMAN says which worker is gone."""

LOOK_SECONDS, ANSWER_SECONDS = 5.0, 10.0
"""How often a server is asked whether it is well, and how long an answer may take."""
LOOKS, LOOKS_AT_A_BUSY_ONE = 3, 12
"""So many without an answer end it: 45 s, where it does nothing; three minutes, where it works or has never answered."""

ASK_AGAIN_SECONDS = 0.3
"""After the first refusal; twice as long for every other one of the last ten seconds."""

STARTED_AGAIN = "Prefect 服务已中断，重新启动 / the Prefect server had ended and is started again"


@dataclass(slots=True)
class Server:
    """A server's process and where it answers."""

    settings: Settings
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def home(self) -> Path:
        """Its data folder."""
        return prefect_home(self.settings)

    @property
    def address(self) -> str:
        """The address of its page."""
        return f"http://{self.settings.prefect_host}:{self.port}"

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"{self.address}/api"

    def start_again_when_ended(self) -> bool:
        """Start the process anew where it was, if it has ended; whether it had."""
        if self.process.poll() is None:
            return False
        self.process.communicate()
        with _listening(self.settings.prefect_host, self.port) as listener:
            self.process = _start(self.settings, listener)
        return True

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Until the block ends, commands on this data folder find the server."""
        address = self.home / "address"
        address.write_text(self.address)
        try:
            yield
        finally:
            address.unlink(missing_ok=True)  # only who wrote it: a start refused in this folder did not

    def wait_healthy(self) -> None:
        """Block until the server answers. Raises ServiceUnavailable when it ends or takes too long."""
        give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < give_up_at:
            if self.process.poll() is not None:
                raise unavailable(f"Prefect server ended at once, see {_log(self.home)}")
            if self.answers(within=2):
                return
            time.sleep(0.1)
        raise unavailable(
            f"no answer from {self.address} in {START_TIMEOUT_SECONDS} s, see {_log(self.home)}"
        )

    def answers(self, *, within: float) -> bool:
        """Whether the server says within so many seconds that it is well."""
        import httpx

        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health", timeout=within, trust_env=False).is_success
        return False

    def end_when_silent(self, is_over: threading.Event) -> None:
        """Until ``is_over``, kill the process when it lives and no longer answers; who looks after it starts it anew.

        Looks are counted, not seconds: a machine that slept finds its last answer old.
        """
        looked_at, silent, limit, used = self.process, 0, LOOKS_AT_A_BUSY_ONE, 0
        while not is_over.wait(LOOK_SECONDS):
            if self.process is not looked_at:
                looked_at, silent, limit = self.process, 0, LOOKS_AT_A_BUSY_ONE
            if self.answers(within=ANSWER_SECONDS):
                silent, limit = 0, LOOKS
                continue
            silent += 1
            # An overloaded machine has it work on for long; stopped or locked it uses no time at all.
            used, before = used_ticks(looked_at.pid), used
            if silent >= (limit if used == before else LOOKS_AT_A_BUSY_ONE) and looked_at.poll() is None:
                with _log(self.home).open("a") as log:
                    log.write(f"fundpool: no answer in {silent} looks of {ANSWER_SECONDS:.0f} s, ended\n")
                looked_at.kill()


def used_ticks(pid: int) -> int:
    """The processor time that a process has used, in the kernel's ticks; nil for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


@contextmanager
def running_server(settings: Settings) -> Iterator[Server]:
    """A server for as long as the block lasts; it ends with this process, however this one ends.

    Yields before the server answers. Raises ServiceUnavailable when another process uses its folder.
    """
    home = prefect_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    with _hold(home / "lock"):
        database, template = _database(home), _template()
        if settings.prefect_database_url is None and template.is_file() and not database.exists():
            shutil.copyfile(template, database)
        # Bound before the child starts: a free port that is only looked up may be taken when it is needed.
        with _listening(settings.prefect_host, settings.prefect_port) as listener:
            server = Server(settings, listener.getsockname()[1], _start(settings, listener))
        is_over = threading.Event()
        threading.Thread(target=server.end_when_silent, args=[is_over], daemon=True).start()
        try:
            yield server
        finally:
            is_over.set()
            server.process.terminate()
            try:
                server.process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                server.process.kill()
            server.process.communicate()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ServiceUnavailable(
            "prefect_port_taken",
            f"Prefect 服务不能使用 {host} 端口 {port}：{error.strerror}",
            f"{host}, port {port}, cannot be used for the Prefect server: {error.strerror}",
            remedy="停止占用它的程序，或另设 FUNDPOOL_PREFECT_PORT（0 为任一空闲端口）、FUNDPOOL_PREFECT_HOST / stop the program that "
            "uses it, or set FUNDPOOL_PREFECT_PORT (0 for any that is free) or FUNDPOOL_PREFECT_HOST to another",
        ) from error


def _start(settings: Settings, listener: socket.socket) -> "subprocess.Popen[bytes]":
    home, host = prefect_home(settings), settings.prefect_host
    port, handle = listener.getsockname()[1], listener.fileno()
    if settings.prefect_database_url is None:
        # Prefect pastes the path into an address as it stands: a "?" in it would end the name there.
        database = f"sqlite+aiosqlite:///file:{quote(str(_database(home)))}?uri=true"
    else:
        database = settings.prefect_database_url.get_secret_value()
    with _log(home).open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "fundpool.local_prefect.server", str(handle), str(home / "server.lock")],
            env={
                # The server runs no flow: it needs none of our settings, and two of them are secrets.
                **{name: value for name, value in os.environ.items() if not name.startswith("FUNDPOOL_")},
                **QUIET,
                **UNUSED_SERVICES,
                "PREFECT_HOME": str(home),
                "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
                "PREFECT_SERVER_API_HOST": host,
                "PREFECT_SERVER_API_PORT": str(port),
                "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(own_origins(host, port)),
                "PREFECT_API_URL": f"http://{host}:{port}/api",
            },
            pass_fds=[handle],
            stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; we stop the server when our run has ended
        )


def own_origins(host: str, port: int) -> tuple[str, ...]:
    """Where pages of this server come from."""
    return tuple(f"http://{name}:{port}" for name in own_names(host))


def own_names(host: str) -> tuple[str, ...]:
    """The host names by which the server is called."""
    return tuple(dict.fromkeys((*LOOPBACK_HOSTS, host)))


def _log(home: Path) -> Path:
    return home / "server.log"


def _database(home: Path) -> Path:
    return home / "prefect.db"


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


class OwnOriginOnly:
    """Refuses what another web page asks: a browser on this machine reaches the server, whoever sent it there.

    Prefect's CORS setting only keeps that page from reading the answer; the request, such as a run, would be
    carried out.
    """

    def __init__(self, app: "ASGIApp", origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = {origin.encode() for origin in origins}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass the request on, or answer 403."""
        foreign = [
            value
            for name, value in scope.get("headers", ())
            if name == b"origin" and value not in self._origins
        ]
        if not foreign:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            from starlette.responses import PlainTextResponse

            refusal = PlainTextResponse("another origin", status_code=HTTPStatus.FORBIDDEN)
            await refusal(scope, receive, send)


def application() -> "FastAPI":
    """Prefect's application for its own pages and host names alone, which says with a 503 when to ask again.

    It creates a flow run in a transaction that reads before it writes. When another request commits in
    between, SQLite refuses the write at once ("database is locked"), and Prefect's client would wait two
    seconds for what succeeds now.
    """
    from prefect.server.api.server import create_app
    from prefect.settings import PREFECT_SERVER_API_HOST, PREFECT_SERVER_API_PORT
    from starlette.middleware.trustedhost import TrustedHostMiddleware

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

    host = PREFECT_SERVER_API_HOST.value()
    app.add_middleware(OwnOriginOnly, origins=own_origins(host, PREFECT_SERVER_API_PORT.value()))
    # A page may have its own host name point here (DNS rebinding): its origin would be its host.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(own_names(host)))
    return app


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        serve(int(sys.argv[1]), Path(sys.argv[2]))
