"""The daily tick against a real server: exactly what is due on a date is started, and nothing twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from fundpool.adapters.stores.anchor_places import AnchorFile, AnchorPlaces
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month
from fundpool.local_prefect.runs import FlowRunResult, LocalPrefect
from fundpool.services.month.daily import reserve_due_steps
from fundpool.services.ports.files import Incoming
from tests.integration.month_scene import CityScene, at

OCTOBER = Month(2026, 10)
COLLECTING = ["plan-collection", "plan-review", "flags"]
BEFORE_PAYMENT = ["plan-collection", "plan-review", "funds-application", "disbursement"]


def started(tick: FlowRunResult) -> list[tuple[str, str]]:
    """(month, step) of every run the tick started, in order."""
    message = tick.message.partition(": ")[2]
    parts = [each.split() for each in message.split("、")] if message else []
    return [(month, step) for _city, month, step in parts]


def of_october(steps: list[str]) -> list[tuple[str, str]]:
    return [("2026-10", step) for step in steps]


@pytest.mark.parametrize(
    ("city", "day", "steps"),
    [
        # Taizhou: plans by 25 September, the Mid-Autumn Festival; the last working day is the 24th.
        pytest.param("taizhou", "2026-09-17", [], id="taizhou-before-collection-opens"),
        pytest.param("taizhou", "2026-09-18", COLLECTING, id="taizhou-collection-opens"),
        pytest.param("taizhou", "2026-09-26", ["plan-collection", "flags"], id="taizhou-mid-autumn"),
        # Payment is due on 5 October inside National Day: it is made on 30 September.
        pytest.param(
            "taizhou",
            "2026-09-30",
            [*BEFORE_PAYMENT, "allocation", "flags"],
            id="taizhou-before-national-day",
        ),
        pytest.param("taizhou", "2026-10-05", ["plan-collection", "flags"], id="taizhou-inside-national-day"),
        # Suizhou applies by the 20th, in 2026 a Sunday worked in exchange for National Day.
        pytest.param("suizhou", "2026-09-20", [*BEFORE_PAYMENT, "flags"], id="suizhou-make-up-sunday"),
        pytest.param("suizhou", "2026-09-19", ["plan-collection", "flags"], id="suizhou-saturday"),
        # Jiujiang's document names no day: a person starts the month.
        pytest.param("jiujiang", "2026-09-30", [], id="jiujiang-undated"),
    ],
)
def test_the_tick_starts_exactly_what_is_due(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], city: str, day: str, steps: list[str]
) -> None:
    scene_of(city, OCTOBER)
    tick = prefect.run_tick(day, [city])
    assert started(tick) == of_october(steps)
    assert len(tick.runs) == len(steps)
    assert all(run.is_completed for run in tick.runs)
    assert tick.is_completed
    if not steps:
        assert tick.message == "nothing due · 今日无事"


def test_a_month_that_a_person_began_is_carried_on_by_the_tick(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("jiujiang", OCTOBER)
    county = scene.counties[0]
    scene.submit(scene.plan(county), "plan", at("2026-09-20 10:00"))
    begun = prefect.run_step("plan-collection", "jiujiang", "2026-10", as_of="2026-09-20T11:00")
    assert (begun.state_type, begun.state_name) == ("COMPLETED", "Waiting")
    tick = prefect.run_tick("2026-09-21", ["jiujiang"])
    assert started(tick) == of_october(COLLECTING)


def test_a_make_up_saturday_after_an_outage_resumes_the_open_month_and_replays_no_day(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    scene.submit(scene.plan(scene.counties[0]), "plan", at("2026-09-20 10:00"))
    tick = prefect.run_tick("2026-10-10", ["taizhou"])
    assert started(tick) == of_october([*BEFORE_PAYMENT, "allocation", "flags"])


def test_cities_that_share_a_day_share_its_runs_and_each_fails_alone(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that failed is named and retriggered alone; nothing of the other is done again."""
    scene = scene_of("taizhou", OCTOBER)
    scene.drop(scene.plan(scene.counties[0]), "plan")
    arrived = scene.ports.drop_folder.incoming

    def incoming(city: str, document: str) -> tuple[Incoming, ...]:
        if city == "suizhou":
            raise InputError("folder_broken", "收件夹坏了", "the folder is broken", remedy="mend it")
        return arrived(city, document)

    with monkeypatch.context() as broken:
        broken.setattr(scene.ports.drop_folder, "incoming", incoming)
        tick = prefect.run_tick("2026-09-19", ["taizhou", "suizhou"])
    assert tick.is_completed
    assert [run.name for run in tick.runs] == ["台州市等2市 2026-10 用款计划", "台州市等2市 2026-10 预警"]
    collection = tick.runs[0]
    assert collection.state_type == "FAILED"
    assert "随州市" in collection.message
    assert "台州市" not in collection.message
    runs = {
        city: scene.ports.database.read(lambda work, city=city: work.records.runs(city, OCTOBER))  # type: ignore[misc]
        for city in ("taizhou", "suizhou")
    }
    assert {city: len(of_city) for city, of_city in runs.items()} == {"taizhou": 2, "suizhou": 2}
    again = prefect.run_step("plan-collection", "suizhou", "2026-10", as_of="2026-09-19T12:00")
    assert (again.name, again.state_name) == ("随州市 2026-10 用款计划", "Waiting")
    assert len(scene.ports.database.read(lambda work: work.records.runs("taizhou", OCTOBER))) == 2


def test_a_start_that_was_made_and_not_recorded_is_not_made_again(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import daily  # noqa: PLC0415

    scene_of("taizhou", OCTOBER)

    def killed(*_: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as dying:
        dying.setattr(daily, "record_start", killed)
        assert prefect.run_tick("2026-09-26T07:00", ["taizhou", "suizhou"]).state_type == "FAILED"
    prefect.finish_open_runs()
    tick = prefect.run_tick("2026-09-26T07:05", ["taizhou", "suizhou"])
    steps = [run.name.split()[-1] for run in tick.runs]
    assert steps == ["用款计划", "预警"]
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        first = client.read_flow_run(UUID(tick.runs[0].run_id))
    assert first.parameters["as_of"] == "2026-09-26T07:00", "the run of the first tick"


def test_a_second_tick_of_the_day_starts_nothing(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene_of("taizhou", OCTOBER)
    assert len(prefect.run_tick("2026-09-19", ["taizhou"]).runs) == 2
    again = prefect.run_tick("2026-09-19T18:00", ["taizhou"])
    assert (again.message, again.runs) == ("nothing due · 今日无事", ())


def test_nothing_is_started_twice_when_prefects_history_is_lost(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    scene_of("taizhou", OCTOBER)
    first = prefect.run_tick("2026-09-20", ["taizhou"])
    assert len(first.runs) == 3
    with get_client(sync_client=True) as client:
        for run in first.runs:
            client.delete_flow_run(run.run_id)
    assert prefect.run_tick("2026-09-20", ["taizhou"]).runs == ()


def test_a_tick_that_died_between_reserving_and_starting_is_finished_by_the_next(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    reserved = reserve_due_steps(scene.ports, "taizhou", at("2026-09-21 07:00"))
    assert [due.step for due in reserved] == COLLECTING
    assert started(prefect.run_tick("2026-09-21T07:05", ["taizhou"])) == of_october(COLLECTING)


def log_of(run: FlowRunResult) -> list[str]:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId  # noqa: PLC0415
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415

    APILogHandler().flush()
    with get_client(sync_client=True) as client:
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run.run_id)])))
    assert logs
    return [line.message for line in logs]


def test_a_city_that_cannot_be_looked_at_does_not_stop_the_others(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fundpool.domain.errors import UndefinedPolicy  # noqa: PLC0415
    from tasks import daily  # noqa: PLC0415

    scene_of("taizhou", OCTOBER)

    def refuse_suizhou(ports, city, now, only=None):  # type: ignore[no-untyped-def]
        if city == "suizhou":
            raise UndefinedPolicy("silent", "文件没有规定", "the document is silent", basis="第九条")
        return reserve_due_steps(ports, city, now, only=only)

    monkeypatch.setattr(daily, "reserve_due_steps", refuse_suizhou)
    tick = prefect.run_tick("2026-09-22", ["suizhou", "taizhou"])
    assert tick.state_type == "FAILED"
    assert "suizhou: [silent] 文件没有规定" in tick.message
    assert [run.name for run in tick.runs] == [
        "台州市 2026-10 用款计划",
        "台州市 2026-10 计划审核",
        "台州市 2026-10 预警",
    ]
    assert not [line for line in log_of(tick) if "TypeError" in line]


def test_a_tick_starts_every_step_before_it_fails_for_want_of_an_anchor_and_the_next_one_keeps_it(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], tmp_path: Path
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    place = tmp_path / "elsewhere" / "anchors.jsonl"
    scene.ports = replace(scene.ports, anchors=AnchorPlaces([AnchorFile(place)]))
    failed = prefect.run_tick("2026-09-19", ["taizhou"])
    assert not failed.is_completed
    assert str(place) in failed.message
    place.parent.mkdir()
    again = prefect.run_tick("2026-09-19T18:00", ["taizhou"])
    # Nothing is left to start: the one that failed has started it.
    assert (again.message, again.is_completed) == ("nothing due · 今日无事", True)
    assert len(place.read_text(encoding="utf-8").splitlines()) == 1
