"""What Prefect gets to know of the secrets: nothing, in its environment, states, logs and database (I26)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fundpool.adapters.banks.http import HttpGateway
from fundpool.local_prefect.runs import LocalPrefect
from tests.canary import DATABASE_PASSWORD, GATEWAY_SECRET, MARK, files_holding
from tests.integration.month_scene import CityScene, at
from tests.orchestration.test_step_runs import OCTOBER, PAYDAY, play_to_application

SceneOf = Callable[..., CityScene]


def test_the_server_is_started_without_any_setting_of_ours(prefect: LocalPrefect, prefect_home: Path) -> None:
    assert prefect.ui_url
    mine = f"PREFECT_HOME={prefect_home.resolve() / 'prefect'}".encode()
    servers = [
        environ
        for process in Path("/proc").glob("[0-9]*")
        if b"fundpool.local_prefect.server" in _of(process, "cmdline")
        and mine in (environ := _of(process, "environ").split(b"\0"))
    ]
    assert len(servers) == 1
    assert [each for each in servers[0] if each.startswith(b"FUNDPOOL_")] == []


def _of(process: Path, file: str) -> bytes:
    try:
        return (process / file).read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def test_a_step_without_its_database_says_so_without_the_password(
    prefect: LocalPrefect, prefect_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"postgresql://fund:{DATABASE_PASSWORD}@127.0.0.1:1/fundpool"
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", address)
    run = prefect.run_step("plan-collection", "taizhou", "2026-10", as_of="2026-09-22")
    assert run.state_type == "FAILED"
    assert "127.0.0.1" in run.message
    assert MARK not in run.message
    assert files_holding("127.0.0.1", prefect_home) != []
    assert files_holding(MARK, prefect_home) == []


def test_a_bank_that_is_away_is_reported_without_the_signing_secret(
    prefect: LocalPrefect, prefect_home: Path, scene_of: SceneOf
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    play_to_application(scene)
    away = HttpGateway("http://127.0.0.1:1", key_id="fundpool", secret=GATEWAY_SECRET.encode())
    scene.ports = replace(scene.ports, gateway=away)
    prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    scene.authorise("disbursement", at("2026-09-30 10:05"))
    run = prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    assert scene.book.executions == []
    assert MARK not in run.message
    assert files_holding(MARK, prefect_home) == []
