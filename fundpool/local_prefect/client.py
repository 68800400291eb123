"""What a client of a Prefect server needs: its settings, and one sentence when no server answers."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fundpool.adapters.watch.prefect_queue import api_url
from fundpool.domain.errors import FundpoolError, InputError, ServiceUnavailable
from fundpool.settings import Settings

LOOPBACK_HOSTS = ("127.0.0.1", "localhost")

QUIET_CLIENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",  # never a second server by accident
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # Prefect's SQLite waits up to 60 s for a lock. A client with a shorter timeout repeats a request
    # that the server has carried out meanwhile.
    "PREFECT_API_REQUEST_TIMEOUT": "90",
}

QUIET = {
    **QUIET_CLIENT,
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the second page calls out
    "PREFECT_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
}

# Runs' logs go to Prefect's own record; the terminal belongs to the person in front of it.
NO_LOGS_ON_THE_TERMINAL = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


def past_every_proxy() -> dict[str, str]:
    """Environment variables that keep clients of this machine's own servers away from a proxy.

    HTTP and WebSocket clients read ``no_proxy`` before ``NO_PROXY``; whatever stands in them stays.
    """
    exceptions = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = ",".join(part for part in (exceptions, "127.0.0.1,localhost") if part)
    return {"no_proxy": names, "NO_PROXY": names}


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables until the block ends (None takes one away); Prefect here reads them anew."""
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "prefect" in sys.modules:  # it reads its settings when it is first imported
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


def unavailable(why: str) -> ServiceUnavailable:
    """The error of a Prefect server that does not answer."""
    return ServiceUnavailable(
        "prefect_unavailable",
        f"Prefect 服务没有应答：{why}",
        f"the Prefect server did not answer: {why}",
        remedy="启动服务（fundpool start）后重试同一命令；fundpool run 不经 Prefect 也能运行同一步骤 / "
        "start it (fundpool start) and run the same command again; fundpool run does the same step without Prefect",
    )


@contextmanager
def client_of_given_server(settings: Settings) -> Iterator[str]:
    """The settings of a client until the block ends; yields the server's address.

    Raises InputError when no server is known.
    """
    with environment({**QUIET_CLIENT, **NO_LOGS_ON_THE_TERMINAL}):
        from prefect.settings import PREFECT_API_URL

        url = PREFECT_API_URL.value() or api_url(settings)
        if url is None:
            raise InputError(
                "prefect_not_named",
                "没有指明 Prefect 服务",
                "no Prefect server is named",
                remedy="在配置文件里设置 prefect_api_url，如 http://127.0.0.1:4200/api（或变量 PREFECT_API_URL）；本机自带服务用 fundpool start / "
                "set prefect_api_url in the configuration file, such as http://127.0.0.1:4200/api (or the variable "
                "PREFECT_API_URL); fundpool start brings its own server",
            )
        is_here = urlsplit(url).hostname in LOOPBACK_HOSTS
        with environment({"PREFECT_API_URL": url, **(past_every_proxy() if is_here else {})}):
            yield url


def prefect_home(settings: Settings) -> Path:
    """The data folder of the local server."""
    return settings.home.resolve() / "prefect"


@contextmanager
def outages_in_words(url: str | None) -> Iterator[None]:
    """Raise ServiceUnavailable in place of the client's own errors when no server answers at ``url``."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise unavailable(url or "PREFECT_API_URL") from error
    except Exception as error:
        if isinstance(error, FundpoolError) or not is_unreached(error):
            raise
        raise unavailable(url or "PREFECT_API_URL") from error


def is_unreached(error: Exception) -> bool:
    """Whether Prefect's client could not compare its version with the server's, at its first use."""
    return isinstance(error, RuntimeError) and "Failed to reach API" in str(error)
