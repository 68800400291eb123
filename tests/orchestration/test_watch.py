"""The watch against a real Prefect server: the queue as it is, and the daily tick that notes itself and its notices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fundpool.adapters.watch.prefect_queue import LATE_AFTER, api_url, queue_at
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.periods import Month
from fundpool.local_prefect.runs import LocalPrefect, run_url
from fundpool.services.ports.notices import Act
from fundpool.settings import Settings
from tests.integration.month_scene import CityScene, at

OCTOBER = Month(2026, 10)


def test_the_queue_of_a_real_server_is_read_over_plain_http(
    prefect: LocalPrefect,
    prefect_home: Path,
    scene_of: Callable[..., CityScene],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Scheduled  # noqa: PLC0415

    scene_of("jiujiang", OCTOBER)
    with monkeypatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        here = Settings(home=prefect_home)
        assert api_url(here) == prefect.url, "the local server is found by its address in the data folder"
        assert api_url(Settings(home=prefect_home / "nowhere")) is None
        there = here.model_copy(update={"prefect_api_url": "http://10.0.0.1:4200/api/"})
        assert api_url(there) == "http://10.0.0.1:4200/api", "the configuration names another machine's"
        assert run_url(there, "a-run") == "http://10.0.0.1:4200/runs/flow-run/a-run"
        patch.setenv("PREFECT_API_URL", prefect.url)
        assert api_url(there) == prefect.url, "the variable goes first"
    prefect.run_tick("2026-09-01", ["jiujiang"])  # by now the worker has given its first sign of life
    before = queue_at(prefect.url)
    assert (before.late, before.running, before.workers_online) == (0, 0, 1)
    now = datetime.now(UTC)
    assert before.last_heartbeat_at is not None
    assert now - timedelta(minutes=2) < before.last_heartbeat_at <= now
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("flags/flags")
        parameters = {"city": "taizhou", "month": "2026-10", "county": None, "as_of": None}
        ahead = client.create_flow_run_from_deployment(
            deployment.id, parameters=parameters, state=Scheduled(scheduled_time=now + timedelta(days=9))
        )
        try:
            after = queue_at(prefect.url)
            assert (after.scheduled, after.late) == (before.scheduled + 1, 0)
            monkeypatch.setattr("fundpool.adapters.watch.prefect_queue.LATE_AFTER", -timedelta(days=10))
            assert queue_at(prefect.url).late == after.scheduled
        finally:
            client.delete_flow_run(ahead.id)
    assert timedelta(minutes=1) < LATE_AFTER


def test_a_server_that_is_away_is_said_to_be() -> None:
    with pytest.raises(ServiceUnavailable, match="Prefect"):
        queue_at("http://127.0.0.1:9/api")


def test_the_tick_notes_that_it_is_done_and_makes_up_the_notices(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    scene.submit(scene.plan(scene.counties[0]), "plan", at("2026-09-20 10:00"))
    monkeypatch.setenv("FUNDPOOL_NOTIFY", "json://127.0.0.1:9/")
    database = scene.ports.database
    prefect.run_tick("2026-09-26T07:00", ["taizhou"], ["2026-10"])
    assert database.read(lambda work: work.last_done.of(Act.DAILY_TICK)) == {}, "some months only"
    assert prefect.run_tick("2026-09-26T07:01", ["taizhou"]).is_completed
    assert database.read(lambda work: work.last_done.of(Act.DAILY_TICK)) == {
        "taizhou": at("2026-09-26 07:01")
    }
    waiting = database.read(lambda work: work.notices.unsent())
    late = [
        each for each in waiting if each.notice.key.startswith("overdue:taizhou:2026-10:submit_fund_use_plan")
    ]
    assert len(late) == len(scene.counties) - 1
    assert all(each.attempts == 0 for each in waiting), "the timer sends"


def test_a_wrong_url_keeps_no_step_from_its_day(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene_of("taizhou", OCTOBER)
    monkeypatch.setenv("FUNDPOOL_NOTIFY", "nonsense://")
    tick = prefect.run_tick("2026-09-26", ["taizhou"])
    assert tick.is_completed
    assert len(tick.runs) == 2
