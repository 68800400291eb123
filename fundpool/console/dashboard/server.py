"""Serves the dashboard: prints its address when it answers, stops cleanly on SIGTERM and Ctrl-C."""

import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from fundpool.domain.errors import InputError

STOP_SECONDS = 5
"""How long a page that is being written may take after the signal to stop."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def answered_hosts(host: str) -> frozenset[str] | None:
    """Host names the pages answer to: loopback names on loopback, any name when bound to a network."""
    return LOOPBACK_NAMES if host in LOOPBACK_NAMES else None


def serve_until_stopped(app: FastAPI, host: str, port: int, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` gets the address once requests are answered.

    Port 0 takes any free port. Raises InputError when the address cannot be had.
    """
    listener = _listen(host, port)
    address = _address(host, listener)
    # uvicorn raises the signal again after its clean stop; by then it has done its work.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    # What is loaded by now stays: looking through it for garbage again and again would hold up pages.
    gc.collect()
    gc.freeze()
    with listener:
        _AnnouncingServer(config, lambda: ready(address)).run(sockets=[listener])


@contextmanager
def serving_in_background(app: FastAPI, host: str, port: int) -> Iterator[str]:
    """Serve in a thread for as long as the block lasts; yields the address once requests are answered.

    Signals stay with the caller. Raises InputError when the address cannot be had.
    """
    listener = _listen(host, port)
    address = _address(host, listener)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    ready = threading.Event()
    server = _AnnouncingServer(config, ready.set)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="fundpool-dashboard", daemon=True
    )
    thread.start()
    ready.wait(STOP_SECONDS * 6)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
        listener.close()


class _AnnouncingServer(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()


def _address(host: str, listener: socket.socket) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as error:
        raise InputError(
            "address_not_available",
            f"看板无法监听 {host}:{port}：{error}",
            f"the dashboard cannot listen on {host}:{port}: {error}",
            remedy="换一个端口，--port 0 取任一空闲端口 / take another port; --port 0 takes any free one",
        ) from error
