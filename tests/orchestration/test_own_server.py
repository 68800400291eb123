"""``fundpool server`` and ``fundpool worker`` as services apart from each other, both databases on PostgreSQL."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from sqlalchemy import make_url

from fundpool.local_prefect.client import NO_LOGS_ON_THE_TERMINAL, QUIET, environment, past_every_proxy
from tests.orchestration.workers import PATIENCE_SECONDS, ROOT, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.timeout(900)]


@contextmanager
def service(command: str, settings: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A command that runs until it is stopped; what it prints can be read."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fundpool", command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)


def address_of(server: "subprocess.Popen[str]") -> str:
    assert server.stdout
    for line in server.stdout:
        if line.startswith("PREFECT_API_URL="):
            return line.strip().partition("=")[2]
    raise AssertionError(f"the server ended with {server.wait()}")


def is_read(run_id: UUID) -> bool:
    with suppress(Exception), get_client(sync_client=True) as client:
        return client.read_flow_run(run_id).state_type is StateType.COMPLETED
    return False


@pytest.fixture
def settings(tmp_path: Path, postgresql_url: str) -> dict[str, str]:
    """Of an installation whose two databases are on one PostgreSQL server."""
    address = make_url(postgresql_url)
    for name in ("service_ours", "service_prefect"):
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
    ours = address.set(drivername="postgresql+psycopg", database="service_ours")
    prefect = address.set(drivername="postgresql+asyncpg", database="service_prefect")
    return {
        "FUNDPOOL_HOME": str(tmp_path / "home"),
        "FUNDPOOL_DATABASE_URL": ours.render_as_string(hide_password=False),
        "FUNDPOOL_PREFECT_DATABASE_URL": prefect.render_as_string(hide_password=False),
    }


def test_server_and_worker_are_two_services_and_the_server_s_record_outlives_it(
    settings: dict[str, str],
) -> None:
    init = [sys.executable, "-m", "fundpool", "init"]
    subprocess.run(init, env={**os.environ, **settings}, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with service("server", settings) as server:
        url = address_of(server)
        with (
            environment({**QUIET, **NO_LOGS_ON_THE_TERMINAL, **past_every_proxy(), "PREFECT_API_URL": url}),
            get_client(sync_client=True) as client,
        ):
            schedules = client.read_deployment_by_name("daily-tick/daily-tick").schedules
            assert [each.active for each in schedules] == [True]
            deployment = client.read_deployment_by_name("flags/flags")
            run = client.create_flow_run_from_deployment(
                deployment.id, parameters={"city": "taizhou", "month": "2026-10"}
            )
            with service("worker", {**settings, "PREFECT_API_URL": url}):
                wait_for(lambda: client.read_flow_run(run.id).state_type is StateType.COMPLETED, "not run")
    assert server.returncode == 0
    assert not (Path(settings["FUNDPOOL_HOME"]) / "prefect" / "prefect.db").exists()
    with service("server", settings) as server:
        url = address_of(server)
        with (
            environment({**QUIET, **past_every_proxy(), "PREFECT_API_URL": url}),
            get_client(sync_client=True) as client,
        ):
            assert client.read_flow_run(run.id).state_type is StateType.COMPLETED
            (child,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                wait_for(lambda: is_read(run.id), "the server is not started again")
            assert server.poll() is None
