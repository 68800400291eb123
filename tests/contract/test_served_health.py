"""``/health`` and ``/metrics`` of ``fundpool serve``: the health over HTTP, cheap, without secrets, in one registry."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.health_pages import KeptHealth, health_router
from fundpool.domain.periods import Month
from fundpool.services.ports.notices import Act
from schemas.health import Health
from tests.canary import DATABASE_PASSWORD, MAIL_PASSWORD
from tests.integration.month_scene import CityScene, at

NOON = at("2026-09-25 12:00")


@contextmanager
def serving(folder: Path, as_of: datetime | None = NOON, **environment: str) -> Iterator[str]:
    command = [sys.executable, "-m", "fundpool", "serve", "--port", "0"]
    command += [] if as_of is None else ["--as-of", as_of.isoformat()]
    given = {**os.environ, "FUNDPOOL_HOME": str(folder), **environment}
    given.pop("PREFECT_API_URL", None)
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1].rstrip("/")
        finally:
            process.send_signal(signal.SIGTERM)


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_health_and_the_metrics_of_a_served_installation(
    database: Database, transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "taizhou", Month(2026, 10), judges=False)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-24 10:00"))
    scene.run("plan-collection", at("2026-09-24 10:00"))
    done = at("2026-09-25 07:02")
    transactions.transaction(lambda work: work.last_done.record(Act.DAILY_TICK, done, "taizhou"))
    transactions.transaction(lambda work: work.last_done.record(Act.BACKUP, at("2026-09-25 11:00")))
    url = database.engine.url.render_as_string(hide_password=False)
    with serving(
        tmp_path, FUNDPOOL_DATABASE_URL=url, FUNDPOOL_NOTIFY=f"json://u:{MAIL_PASSWORD}@h/"
    ) as address:
        health = httpx.get(f"{address}/health")
        metrics = httpx.get(f"{address}/metrics")
        refused = httpx.get(f"{address}/health", headers={"Host": "elsewhere.example"})
    assert (health.status_code, health.json()["state"], health.json()["notices"]["channels"]) == (
        200,
        "well",
        1,
    )
    assert refused.status_code == 400
    seen = samples(metrics.text)
    assert seen["fundpool_health_state",] == 0
    assert seen["fundpool_duties", "city=taizhou", "state=done_on_time"] == len(scene.counties)
    assert seen["fundpool_late_counties", "city=taizhou"] == 0
    assert seen["fundpool_last_tick_timestamp_seconds",] == at("2026-09-25 07:02").timestamp()
    assert seen["fundpool_backup_age_seconds",] == 3600
    assert seen["fundpool_data_free_bytes",] > 0
    assert ("fundpool_workers_online",) not in seen, "no Prefect server is known"
    assert seen["fundpool_callbacks_total", "result=forged"] == 0, "the process's own counts are there too"
    assert any(name[0] == "fundpool_versions_info" and "tables=0019" in name for name in seen)
    for text in (health.text, metrics.text):
        assert MAIL_PASSWORD not in text
        assert DATABASE_PASSWORD not in text


def test_an_installation_without_a_database_is_down_and_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, None, FUNDPOOL_DATABASE_URL="postgresql://fundpool@127.0.0.1:9/none") as address:
        health, metrics = httpx.get(f"{address}/health"), httpx.get(f"{address}/metrics")
    assert (health.status_code, health.json()["state"]) == (503, "down")
    assert health.json()["reasons"][0]["kind"] == "database_unavailable"
    assert (metrics.status_code, samples(metrics.text)["fundpool_health_state",]) == (200, 2)


class Counting:
    """Looks at an installation, and counts how often."""

    def __init__(self, health: Health) -> None:
        self.health, self.looks = health, 0

    def __call__(self) -> Health:
        self.looks += 1
        return self.health


@pytest.fixture
def well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Health:
    from fundpool.adapters.stores.setting_up import install  # noqa: PLC0415
    from fundpool.bootstrap import open_installation  # noqa: PLC0415
    from fundpool.services.watch.health import health_of  # noqa: PLC0415
    from fundpool.settings import Settings  # noqa: PLC0415

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    settings = Settings(home=tmp_path)
    install(settings).dispose()
    return health_of(open_installation(settings), NOON)


def test_many_requests_within_seconds_look_at_the_installation_once(well: Health) -> None:
    looks = Counting(well)
    app = FastAPI()
    app.include_router(health_router(KeptHealth(looks), CollectorRegistry()))
    with TestClient(app) as client:
        threads = [threading.Thread(target=client.get, args=("/health",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.get("/metrics").status_code == 200
    assert looks.looks == 1


def test_a_look_is_kept_for_ten_seconds_and_a_slow_one_longer(
    well: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("fundpool.console.health_pages.time.monotonic", lambda: clock[0])

    class Slow(Counting):
        took = 0.0

        def __call__(self) -> Health:
            clock[0] += self.took
            return super().__call__()

    looks = Slow(well)
    kept = KeptHealth(looks)
    for moment, took, seen in ((0, 0, 1), (10, 0, 1), (11, 6, 2), (11 + 6 + 54, 0, 2), (11 + 6 + 55, 0, 3)):
        clock[0], looks.took = float(moment), float(took)
        assert kept() is well
        assert looks.looks == seen, moment
