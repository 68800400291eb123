"""``fundpool doctor`` on a real server: each thing that keeps the month from running has its sentence and its remedy."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.states import Pending, Running, Scheduled

from fundpool.local_prefect.deployments import WORK_POOL, deploy
from tests.orchestration.workers import Pool, pool_without_worker, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    with pool_without_worker(tmp_path_factory.mktemp("pool")) as pool:
        deploy(schedules=True)
        yield pool


def examined(pool: Pool, *options: str, status: int, **changes: str) -> dict[str, Any]:
    """What the doctor finds, as JSON; his exit status is ``status``."""
    ended, printed = pool.fundpool_here("doctor", "--json", *options, **changes)
    assert ended == status, printed
    answer: dict[str, Any] = json.loads(printed)
    for trouble in (*answer["troubles"], *answer["mended"]):
        assert all(trouble[field] for field in ("code", "zh", "en", "remedy"))
    return answer


def codes(troubles: list[dict[str, str]]) -> set[str]:
    return {trouble["code"] for trouble in troubles}


def test_with_a_worker_on_a_sound_server_nothing_is_found(pool: Pool) -> None:
    with pool.worker("alive"):
        wait_for(lambda: pool.fundpool_here("doctor")[0] == 0, "the doctor still finds something")
        assert examined(pool, status=0) == {"troubles": [], "mended": []}
        alone = pool.fundpool("doctor")
        assert alone.returncode == 0
        assert "没有发现问题" in alone.stdout


def test_a_pool_full_of_runs_that_nobody_holds_is_freed(pool: Pool) -> None:
    wait_for(lambda: not pool.online(), "the worker that was killed still passes for living")
    stuck = pool.ask_for("flags", state=Pending())
    pool.client.set_flow_run_state(stuck, Running())
    long_ago = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=1))
    behind = pool.ask_for("plan-review", state=long_ago)
    found = examined(pool, status=1)["troubles"]
    assert codes(found) == {"prefect_no_worker", "prefect_run_unheld", "prefect_run_late"}
    assert [str(stuck) in each["en"] for each in found if each["code"] == "prefect_run_unheld"] == [True]
    assert [str(behind) in each["en"] for each in found if each["code"] == "prefect_run_late"] == [True]
    assert codes(examined(pool, "--fix", status=1)["mended"]) == {"prefect_run_unheld"}
    assert pool.run(stuck).state_name == "AwaitingRetry"
    with pool.worker("next"):
        for run in (stuck, behind):
            assert pool.wait_for_end(run).state_type is StateType.COMPLETED


def test_what_is_missing_changed_or_paused_is_put_right(pool: Pool) -> None:
    wait_for(lambda: not pool.online(), "the worker that was killed still passes for living")
    pool.client.update_work_pool(WORK_POOL, WorkPoolUpdate(is_paused=True))
    pool.client.delete_deployment(pool.client.read_deployment_by_name("flags/flags").id)
    review = pool.client.read_deployment_by_name("plan-review/plan-review").id
    pool.client.request(
        "PATCH", "/deployments/{id}", path_params={"id": review}, json={"parameters": {"city": "suizhou"}}
    )
    wanted = {"prefect_paused", "prefect_deployment_missing", "prefect_deployment_differs"}
    assert codes(examined(pool, status=1)["troubles"]) == {*wanted, "prefect_no_worker"}
    assert codes(examined(pool, "--fix", status=1)["mended"]) == wanted
    assert codes(examined(pool, status=1)["troubles"]) == {"prefect_no_worker"}


def test_a_clock_that_a_person_switched_off_is_named_and_stays_off(pool: Pool) -> None:
    deploy(schedules=False)
    pool.client.delete_deployment(pool.client.read_deployment_by_name("flags/flags").id)
    try:
        assert "prefect_clock_off" in codes(examined(pool, "--fix", status=1)["troubles"])
        assert "prefect_clock_off" in codes(examined(pool, status=1)["troubles"])
    finally:
        deploy(schedules=True)


def test_a_pool_that_was_lost_is_deployed_anew(pool: Pool) -> None:
    pool.client.delete_work_pool(WORK_POOL)
    assert codes(examined(pool, status=1)["troubles"]) == {"prefect_not_deployed"}
    assert codes(examined(pool, "--fix", status=0)["mended"]) == {"prefect_not_deployed"}
    assert "prefect_not_deployed" not in codes(examined(pool, status=1)["troubles"])
    deploy(schedules=True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PREFECT_API_URL": "http://127.0.0.1:9/api"}, "prefect_unavailable"),
        ({"FUNDPOOL_DATABASE_URL": "postgresql+psycopg://127.0.0.1:9/none"}, "database_unavailable"),
        ({"FUNDPOOL_DATABASE_URL": "sqlite:///{empty}"}, "database_not_set_up"),
        (
            {"FUNDPOOL_GATEWAY_KIND": "http", "FUNDPOOL_GATEWAY_URL": "http://127.0.0.1:9"},
            "gateway_unavailable",
        ),
    ],
)
def test_what_does_not_answer_is_exit_4(
    pool: Pool, tmp_path: Path, changes: dict[str, str], code: str
) -> None:
    filled = {name: value.format(empty=tmp_path / "empty.db") for name, value in changes.items()}
    assert code in codes(examined(pool, status=4, **filled)["troubles"])


def test_another_version_of_the_server_is_named(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    from fundpool.local_prefect import doctor  # noqa: PLC0415

    monkeypatch.setattr(doctor.prefect, "__version__", "3.7.0")
    found = [each.error.code for each in doctor.troubles_of(pool.server.url, datetime.now(UTC))]
    assert "prefect_version" in found
