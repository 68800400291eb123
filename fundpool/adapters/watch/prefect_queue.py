"""The work pool as Prefect's API tells of it, over plain HTTP: importing Prefect takes seconds."""

import json
import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from fundpool.adapters.http_client import Deadlines, NoResponse, exchange
from fundpool.domain.errors import ServiceUnavailable
from fundpool.services.ports.notices import Queue
from fundpool.settings import Settings

WORK_POOL = "fundpool"

LATE_AFTER = timedelta(minutes=10)
"""A run that should have begun so long ago waits for a worker, not for the runs before it."""

_DEADLINES = Deadlines(connect_s=2, read_s=5, total_s=8)
_SIGNS_MISSED = 3
"""After so many missing signs of life a worker counts as gone, as on Prefect's page."""

_EVERYTHING = {"work_pools": {"name": {"any_": [WORK_POOL]}}}


def api_url(settings: Settings) -> str | None:
    """Where the Prefect server answers: by PREFECT_API_URL, the configuration, or the address in its data folder."""
    if given := os.environ.get("PREFECT_API_URL") or settings.prefect_api_url:
        return given.rstrip("/")
    try:
        address = (settings.home / "prefect" / "address").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return f"{address}/api" if address else None


def queue_at(url: str) -> Queue:
    """The work pool's runs and workers. Raises ServiceUnavailable when no server answers."""
    now = datetime.now(UTC)
    late = {"before_": (now - LATE_AFTER).isoformat()}
    workers = _ask(url, f"/work_pools/{WORK_POOL}/workers/filter", {}) or ()
    heartbeats = [each for each in map(_last_heartbeat, workers) if each is not None]
    return Queue(
        scheduled=_count(url, {"state": {"type": {"any_": ["SCHEDULED"]}}}),
        late=_count(url, {"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": late}),
        running=_count(url, {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}),
        workers_online=sum(_is_online(worker, now) for worker in workers),
        last_heartbeat_at=max(heartbeats, default=None),
    )


def _count(url: str, runs: dict[str, Any]) -> int:
    return int(_ask(url, "/flow_runs/count", {"flow_runs": runs, **_EVERYTHING}))


def _is_online(worker: dict[str, Any], now: datetime) -> bool:
    # By the clock: a server of one machine runs no service that would mark a worker offline.
    last = _last_heartbeat(worker)
    interval = worker.get("heartbeat_interval_seconds") or 30
    return last is not None and now - last < _SIGNS_MISSED * timedelta(seconds=interval)


def _last_heartbeat(worker: dict[str, Any]) -> datetime | None:
    last = worker.get("last_heartbeat_time")
    return None if last is None else datetime.fromisoformat(last)


def _ask(url: str, path: str, body: dict[str, Any]) -> Any:
    """The answer; None for a work pool that is not there."""
    headers = {"Content-Type": "application/json", **_login()}
    try:
        answer = exchange(
            "POST", url + path, body=json.dumps(body).encode(), headers=headers, deadlines=_DEADLINES
        )
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _unavailable(f"HTTP {answer.status}")
        return json.loads(answer.body)
    except NoResponse as error:
        raise _unavailable(error.reason) from error
    except ValueError as error:
        raise _unavailable("unreadable") from error


def _login() -> dict[str, str]:
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    if login := os.environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}
    return {}


def _unavailable(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        "prefect_unavailable",
        f"Prefect 服务没有应答：{why}",
        f"the Prefect server did not answer: {why}",
        remedy="检查 prefect_api_url（PREFECT_API_URL）与 Prefect 服务；启动服务（fundpool start） / check prefect_api_url (PREFECT_API_URL) "
        "and the server; start it (fundpool start)",
    )
