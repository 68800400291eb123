"""The process's one HTTP client: one pool of connections for all threads, closed when the process ends.

No redirect is followed, nothing is retried, no cookie is kept, and no proxy of the environment is
used: what goes to this machine never leaves it. The total deadline also ends a response that arrives byte by
byte, in its headers or in its body, which time-outs of single reads do not; it needs an event loop,
which runs in a thread of its own.
"""

import asyncio
import atexit
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Lock, Thread

import httpx

BODY_LIMIT = 16_000_000
"""Bytes of a response that are read at most; a longer one is none."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long one call may take, in seconds."""

    connect_s: float = 5.0
    read_s: float = 30.0
    total_s: float = 45.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response."""

    status: int
    content_type: str
    body: bytes


class NoResponse(Exception):
    """No whole response came; the argument says why.

    ``unreachable`` (nothing was sent), ``timeout``, ``deadline``, ``connection_lost``, ``oversized``
    or ``unreadable``: whether the other side has acted is unknown.
    """

    @property
    def reason(self) -> str:
        return str(self)


def exchange(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    deadlines: Deadlines = Deadlines(),
) -> Response:
    """Send a request and wait for the whole response. Raises NoResponse."""
    loop, client = _shared.open()
    try:
        request = client.build_request(
            method,
            url,
            content=body,
            headers={**(headers or {}), "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(deadlines.read_s, connect=deadlines.connect_s),
        )
    except httpx.InvalidURL as error:
        raise NoResponse("unreachable") from error
    pending = asyncio.run_coroutine_threadsafe(_exchange(client, request, deadlines.total_s), loop)
    try:
        return pending.result()
    finally:
        pending.cancel()  # of use when a signal interrupts the wait: nobody reads the response then


def close() -> None:
    """Close the connections; the next exchange opens new ones."""
    _shared.close()


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, total_s: float) -> Response:
    try:
        async with asyncio.timeout(total_s):
            response = await client.send(request, stream=True)
            try:
                return await _whole(response)
            finally:
                await response.aclose()
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NoResponse("unreachable") from error
    except httpx.TimeoutException as error:
        raise NoResponse("timeout") from error
    except TimeoutError as error:
        raise NoResponse("deadline") from error
    except httpx.HTTPError as error:
        raise NoResponse("connection_lost") from error


async def _whole(response: httpx.Response) -> Response:
    received = bytearray()
    async for part in response.aiter_raw():
        received += part
        if len(received) > BODY_LIMIT:
            raise NoResponse("oversized")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NoResponse("unreadable")  # not asked for, and a small body can unpack to gigabytes
    return Response(response.status_code, response.headers.get("Content-Type", ""), bytes(received))


class _SharedClient:
    """The client and the loop it lives on, made when first used."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened: tuple[asyncio.AbstractEventLoop, httpx.AsyncClient] | None = None

    def open(self) -> tuple[asyncio.AbstractEventLoop, httpx.AsyncClient]:
        with self._lock:
            if self._opened is None:
                loop = asyncio.new_event_loop()
                client = httpx.AsyncClient(
                    verify=_authorities(),
                    follow_redirects=False,
                    trust_env=False,
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                )
                # A daemon: another thread that still waits for a response does not keep the process alive.
                self._thread = Thread(target=_run, args=(loop,), name="http-client", daemon=True)
                self._thread.start()
                self._opened = loop, client
            return self._opened

    def close(self) -> None:
        with self._lock:
            if self._opened is None:
                return
            loop, client = self._opened
            self._opened = None
            asyncio.run_coroutine_threadsafe(_end(client), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _end(client: httpx.AsyncClient) -> None:
    under_way = asyncio.all_tasks() - {asyncio.current_task()}
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    await client.aclose()


@cache
def _authorities() -> ssl.SSLContext:
    """The system's certificates, so that a bank's own authority is added in one known place."""
    return ssl.create_default_context()


_shared = _SharedClient()
atexit.register(close)
