"""Deployments on a real server, the clock's scheduled run, and a server that comes and goes cleanly."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fundpool.adapters.stores.setting_up import install
from fundpool.domain.periods import SHANGHAI
from fundpool.local_prefect import deployments, runs
from fundpool.local_prefect.runs import LocalPrefect
from fundpool.local_prefect.server import application
from fundpool.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240


@pytest.fixture
def clock_on(prefect: LocalPrefect) -> Iterator[None]:
    """The daily schedule switched on for one test."""
    deployments.deploy(schedules=True)
    yield
    deployments.deploy(schedules=False)


def environment(**changes: str) -> dict[str, str]:
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": python_path, **changes}


@pytest.mark.usefixtures("clock_on")
def test_a_scheduled_run_exists_after_deploy_at_seven_in_shanghai() -> None:
    """SQLAlchemy 2.1 stops Prefect's scheduler without a word: no run would ever be created."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState  # noqa: PLC0415
    from prefect.client.schemas.sorting import FlowRunSort  # noqa: PLC0415

    named = FlowRunFilter(state=FlowRunFilterState.model_validate({"name": {"any_": ["Scheduled"]}}))
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("daily-tick/daily-tick")
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        planned = []
        while not planned and time.monotonic() < give_up_at:
            found = client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
            planned = [run for run in found if run.deployment_id == deployment.id and run.auto_scheduled]
            time.sleep(0.5)
    assert planned
    assert planned[0].expected_start_time
    at = datetime.fromtimestamp(planned[0].expected_start_time.timestamp(), SHANGHAI)
    assert (at.hour, at.minute) == (7, 0)


def test_prefects_own_deploy_command_registers_every_deployment(prefect: LocalPrefect) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    command = [str(Path(sys.executable).with_name("prefect")), "--no-prompt", "deploy", "--all"]
    command += ["--prefect-file", "deployments/prefect.yaml"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with get_client(sync_client=True) as client:
            known = {deployment.name: deployment for deployment in client.read_deployments()}
        assert set(known) == {definition["name"] for definition in deployments.read_definitions()}
        assert known["disbursement"].entrypoint == "flows.steps.disbursement"
        assert known["disbursement"].work_pool_name == "fundpool"
        assert known["disbursement"].global_concurrency_limit is None
        limit = known["daily-tick"].global_concurrency_limit
        assert limit is not None
        assert limit.limit == 1
        step = {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
        assert known["flags"].pull_steps == [step]
    finally:
        deployments.deploy(schedules=False)


def test_without_a_server_there_is_one_clear_sentence_and_exit_4_and_later_it_carries_on(
    prefect: LocalPrefect, tmp_path: Path
) -> None:
    deploy = [sys.executable, "-m", "fundpool", "deploy"]
    nowhere = environment(PREFECT_API_URL="http://127.0.0.1:9/api", PREFECT_HOME=str(tmp_path))
    away = subprocess.run(deploy, env=nowhere, capture_output=True, text=True, timeout=240, check=False)
    assert away.returncode == 4
    assert "[prefect_unavailable] Prefect 服务没有应答" in away.stderr
    assert "Traceback" not in away.stderr + away.stdout
    there = environment(PREFECT_API_URL=prefect.url)
    try:
        back = subprocess.run(deploy, env=there, capture_output=True, text=True, timeout=240, check=False)
    finally:
        deployments.deploy(schedules=False)
    assert back.returncode == 0, back.stderr
    assert "daily-tick" in back.stdout.split()


def test_a_second_start_in_the_same_folder_is_refused_in_words(
    prefect: LocalPrefect, prefect_home: Path
) -> None:
    install(Settings(home=prefect_home)).dispose()
    second = subprocess.run(
        [sys.executable, "-m", "fundpool", "start"],
        env=environment(FUNDPOOL_HOME=str(prefect_home)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert second.returncode == 4
    assert "[prefect_in_use]" in second.stderr
    assert "Traceback" not in second.stderr


def test_the_address_of_the_running_server_gives_the_link_to_a_run(
    prefect: LocalPrefect, prefect_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("PREFECT_API_URL")
        link = runs.run_url(Settings(home=prefect_home), "abc")
        assert link == f"{prefect.ui_url}/runs/flow-run/abc"
        assert runs.run_url(Settings(home=prefect_home / "elsewhere"), "abc") is None
        assert runs.run_url(Settings(home=prefect_home), None) is None


@contextmanager
def started(home: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``fundpool start`` in a process of its own, and the port its server answers on."""
    install(Settings(home=home)).dispose()
    process = subprocess.Popen(
        [sys.executable, "-m", "fundpool", "start", "--no-schedules"],
        env=environment(FUNDPOOL_HOME=str(home)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        announced = re.match(r"Prefect: (http://127\.0\.0\.1:\d+)$", process.stdout.readline().strip())
        assert announced
        yield process, int(urlsplit(announced.group(1)).port or 0)
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_silent(port: int) -> bool:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while answers(port) and time.monotonic() < give_up_at:
        time.sleep(0.2)
    return not answers(port)


@pytest.mark.slow
@pytest.mark.timeout(900)  # two servers one after the other, whatever else the machine does
def test_a_killed_start_leaves_no_server_behind_and_the_next_one_starts_and_stops_cleanly(
    tmp_path: Path,
) -> None:
    with started(tmp_path) as (process, port):
        assert answers(port)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert wait_until_silent(port)
    with started(tmp_path) as (process, port):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert not answers(port)
    assert not (tmp_path / "prefect" / "address").exists()


def test_a_request_that_sqlite_refused_is_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi import FastAPI, Response  # noqa: PLC0415
    from prefect.server.api import server as prefect_server  # noqa: PLC0415

    bare = FastAPI()
    bare.add_api_route("/200", lambda: Response(status_code=200))
    bare.add_api_route("/503", lambda: Response(status_code=503))
    monkeypatch.setattr(prefect_server, "create_app", lambda: bare)

    transport = httpx.ASGITransport(application())

    async def headers_of(status: int) -> httpx.Headers:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get(f"/{status}")).headers

    waits = [float(asyncio.run(headers_of(503))["Retry-After"]) for _ in range(3)]
    assert waits == [0.3, 0.6, 1.2]
    assert "Retry-After" not in asyncio.run(headers_of(200))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Origin": "http://localhost:{port}"}, 200),
        ({"Host": "attacker.example:{port}"}, 400),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_the_local_server_answers_its_own_host_and_origin_only(
    prefect: LocalPrefect, headers: dict[str, str], status: int
) -> None:
    port = str(urlsplit(prefect.url).port)
    sent = {name: value.format(port=port) for name, value in headers.items()}
    for path in ("/api/health", "/"):
        answer = httpx.get(f"{prefect.ui_url}{path}", headers=sent, trust_env=False)
        assert answer.status_code == status
        assert answer.headers.get("access-control-allow-origin") in {None, sent.get("Origin")}
        assert status == 200 or "access-control-allow-origin" not in answer.headers


def test_another_page_gets_no_events_of_the_local_server(prefect: LocalPrefect) -> None:
    """No browser asks before it opens a socket, whatever the CORS settings are."""
    address = urlsplit(prefect.url)
    for origin, status in (("http://attacker.example", b"403"), (prefect.ui_url, b"101")):
        with socket.create_connection(("127.0.0.1", address.port or 0), timeout=60) as connection:
            connection.sendall(
                f"GET /api/events/out HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prefect\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            assert connection.recv(4096).split()[1] == status


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    init = [sys.executable, "-m", "fundpool", "init"]
    subprocess.run(init, env=environment(FUNDPOOL_HOME=str(tmp_path)), check=True, stdout=subprocess.DEVNULL)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = subprocess.run(
            [sys.executable, "-m", "fundpool", "start"],
            env=environment(FUNDPOOL_HOME=str(tmp_path), FUNDPOOL_PREFECT_PORT=port),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert refused.returncode == 4
    assert "[prefect_port_taken]" in refused.stderr
    assert port in refused.stderr
    assert "FUNDPOOL_PREFECT_PORT" in refused.stderr


def test_neither_a_proxy_nor_marks_in_the_folders_name_keep_us_from_the_local_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:  # takes connections and never answers
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        play = (
            "from fundpool.console.cli import main; main(['init', '--sandbox', '--json'])\n"
            "from fundpool.local_prefect.runs import local_prefect; from fundpool.settings import Settings\n"
            "with local_prefect(Settings()) as prefect:\n"
            "    print(prefect.run_tick('2026-10-08T09:00', ['suizhou'], ['2026-10']).state_type)"
        )
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), address)
        home = tmp_path / "数据 ?a#b%20c"  # Prefect reads its database by an address made of the path
        env = environment(FUNDPOOL_HOME=str(home), **proxies)
        env.pop("no_proxy", None)
        env.pop("NO_PROXY", None)
        done = subprocess.run(
            [sys.executable, "-c", play],
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.stdout.split()[-1:] == ["COMPLETED"], done.stdout + done.stderr
        assert list(tmp_path.iterdir()) == [home]
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()
