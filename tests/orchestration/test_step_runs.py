"""Steps as flow runs: readable ends, one county's trouble its own, any number of reruns the same end."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.objects import Artifact, TaskRun
from prefect.states import Scheduled

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import InputError, RuleViolation, ServiceUnavailable
from fundpool.domain.month import keys
from fundpool.domain.outcomes import StepInHand, UnitOutcome, UnitState
from fundpool.domain.periods import Month
from fundpool.domain.submission import DocumentKind
from fundpool.local_prefect.runs import FlowRunResult, LocalPrefect
from fundpool.services.month import steps
from fundpool.services.ports.files import Incoming
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CityScene, at

OCTOBER = Month(2026, 10)
SANMEN = "331022"
PAYDAY = "2026-09-30T10:00"
PAUSES_AFTER_THEM = tuple(timedelta(minutes=minutes) for minutes in (8, 15, 30))
"""What follows the three pauses that are waited out here."""


def play_to_application(scene: CityScene) -> None:
    """Everything up to finance's review, by people and services."""
    for county in scene.counties:
        scene.drop(scene.plan(county), "plan")
    scene.run("plan-collection", at("2026-09-22 16:00"))
    scene.run("plan-review", at("2026-09-22 16:30"))
    scene.decide(at("2026-09-23 10:00"))
    scene.run("funds-application", at("2026-09-23 11:00"))
    scene.review_by_finance(at("2026-09-24 09:00"))


def id_of(run: FlowRunResult) -> str:
    return run.url.rpartition("/")[2]


def task_runs_of(run: FlowRunResult, last: str) -> list[TaskRun]:
    """The run's task runs by start; the server learns of them, the last one at last, a moment after the flow's end."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId  # noqa: PLC0415

    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(id_of(run))]))
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 60
        while True:
            found = client.read_task_runs(flow_run_filter=of_run)
            is_over = all(each.state is not None and each.state.is_final() for each in found)
            if is_over and last in {each.name for each in found}:
                return sorted(found, key=lambda each: each.start_time)
            assert time.monotonic() < deadline, [(each.name, each.state) for each in found]
            time.sleep(0.1)


def artifacts_of(run: FlowRunResult) -> list[Artifact]:
    """What the run published, the first first; the server lists two hundred of all runs at most."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId  # noqa: PLC0415

    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(id_of(run))]))
    with get_client(sync_client=True) as client:
        return sorted(client.read_artifacts(artifact_filter=of_run), key=lambda each: each.created)


def digest(scene: CityScene) -> str:
    return scene.ports.database.read(lambda work: month_digest(work, scene.policy.key, OCTOBER))


def test_a_run_is_named_so_that_a_person_finds_it(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene_of("taizhou", OCTOBER)
    run = prefect.run_step("plan-collection", "taizhou", "2026-10", county=SANMEN, as_of="2026-09-22")
    assert run.name == f"台州市 2026-10 用款计划 {SANMEN}"
    assert (run.state_type, run.state_name) == ("COMPLETED", "Waiting")
    assert run.message == "1 of 1 waiting · 等待: 三门县(331022)"
    assert run.url.startswith(prefect.ui_url)


def test_an_unknown_city_ends_in_a_sentence_not_in_a_traceback(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene_of("taizhou", OCTOBER)
    run = prefect.run_step("plan-collection", "atlantis", "2026-10")
    assert run.state_type == "FAILED"
    assert "atlantis" in run.message
    assert "Traceback" not in run.message
    assert "exception" not in run.message


@pytest.mark.parametrize("month", ["2026-1", "2026-13", "26-10", "2026-10-01"])
def test_what_is_no_month_is_refused_before_a_run_is_made(prefect: LocalPrefect, month: str) -> None:
    with pytest.raises(InputError) as refused:
        prefect.run_step("plan-collection", "taizhou", month)
    assert refused.value.code == "run_parameter"
    assert f"'{month}'" in refused.value.en


def test_an_unknown_city_in_a_list_leaves_the_others_done(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    scene.drop(scene.plan(SANMEN), "plan")
    run = prefect.run(
        "plan-collection", {"city": ["atlantis", "taizhou"], "month": "2026-10", "as_of": "2026-09-22"}
    )
    assert run.state_type == "FAILED"
    assert "atlantis" in run.message
    filed = scene.ports.database.read(
        lambda work: work.submissions.versions("taizhou", DocumentKind.PLAN, OCTOBER, county=SANMEN)
    )
    assert len(filed) == 1


def test_one_run_serves_many_cities_and_says_which_of_them_failed(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches, each its own task run; a city whose files cannot be had leaves the others collected."""
    import flows.steps  # noqa: PLC0415

    monkeypatch.setattr(flows.steps, "CITIES_PER_RUN", 2)
    scene = scene_of("taizhou", OCTOBER)
    scene.drop(scene.plan(SANMEN), "plan")
    arrived = scene.ports.drop_folder.incoming

    def incoming(city: str, document: str) -> tuple[Incoming, ...]:
        if city == "suizhou":
            raise ServiceUnavailable("folder_away", "收件夹打不开", "the folder is away", remedy="mount it")
        return arrived(city, document)

    monkeypatch.setattr(scene.ports.drop_folder, "incoming", incoming)
    run = prefect.run(
        "plan-collection",
        {"city": ["taizhou", "suizhou", "jiujiang"], "month": "2026-10", "as_of": "2026-09-22"},
    )
    assert run.name == "台州市等3市 2026-10 用款计划"
    assert run.state_type == "FAILED"
    assert "随州市(421300)" in run.message
    assert "台州市" not in run.message
    key = scene.policy.key
    runs = {
        city: scene.ports.database.read(lambda work, c=city: work.records.runs(c, OCTOBER))
        for city in (key, "jiujiang")
    }  # type: ignore[misc]
    assert [len(of_city) for of_city in runs.values()] == [1, 1]
    done = [each for each in runs[key][0].outcomes or () if each["unit"] == SANMEN]
    assert [each["state"] for each in done] != ["waiting"]


def test_a_county_that_fails_leaves_the_others_paid_and_is_retriggered_alone(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("taizhou", OCTOBER, without_account=(SANMEN,))
    play_to_application(scene)
    prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    scene.authorise("disbursement", at("2026-09-30 10:05"))
    assert prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY).is_completed

    prefect.run_step("allocation", "taizhou", "2026-10", as_of=PAYDAY)
    scene.authorise("allocation", at("2026-09-30 10:10"))
    failed = prefect.run_step("allocation", "taizhou", "2026-10", as_of=PAYDAY)
    assert failed.state_type == "FAILED"
    assert "三门县(331022 employee)、三门县(331022 resident)" in failed.message
    assert "椒江区" not in failed.message
    paid = scene.executed_fen()
    assert len([account for account in paid if account.startswith(_county_prefix())]) == 8 * 2

    scene.register_accounts((AccountType.COUNTY_EXPENDITURE, SANMEN))
    prefect.run_step("allocation", "taizhou", "2026-10", county=SANMEN, as_of=PAYDAY)
    scene.authorise("allocation", at("2026-09-30 10:20"))
    alone = prefect.run_step("allocation", "taizhou", "2026-10", county=SANMEN, as_of=PAYDAY)
    assert (alone.state_type, alone.message) == ("COMPLETED", "2 done · 2 项完成")
    now_paid = scene.executed_fen()
    assert {account: fen for account, fen in now_paid.items() if SANMEN not in account} == paid
    assert sum(fen for account, fen in now_paid.items() if SANMEN in account) == sum(
        scene.requested_fen(SANMEN, fund) for fund in scene.funds
    )


def _county_prefix() -> str:
    return str(list(AccountType).index(AccountType.COUNTY_EXPENDITURE))


def test_a_month_rerun_five_times_has_the_same_digest_and_the_same_bank_book(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    play_to_application(scene)
    scene.pay(at("2026-09-30 10:00"))
    before, executions = digest(scene), scene.book.executions
    assert len(executions) == 2 + 9 * 2
    for _ in range(5):
        prefect.run_step("monthly-cycle", "taizhou", "2026-10", as_of="2026-09-30T11:00")
    assert digest(scene) == before
    assert scene.book.executions == executions


def test_the_whole_cycle_as_one_flow_publishes_the_months_summary(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:

    scene = scene_of("suizhou", OCTOBER)
    play_to_application(scene)
    run = prefect.run_step("monthly-cycle", "suizhou", "2026-10", as_of="2026-09-28T10:00")
    assert run.is_completed
    assert run.name == "随州市 2026-10 月度用款"
    keys = {artifact.key: artifact for artifact in artifacts_of(run)}
    assert "| disbursement | " in str(keys["month-suizhou-2026-10"].data)
    assert "曾都区" in str(json.loads(keys["plan-review-suizhou-2026-10"].data))


def test_a_failed_step_is_named_and_leaves_the_rest_of_the_month_to_go_on(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fundpool.domain.month import STEPS  # noqa: PLC0415

    scene = scene_of("suizhou", OCTOBER)
    play_to_application(scene)

    def incoming(city: str, document: str) -> tuple[Incoming, ...]:
        raise RuleViolation("folder_forbidden", "收件夹不许读", "the folder may not be read", remedy="chmod")

    monkeypatch.setattr(scene.ports.drop_folder, "incoming", incoming)
    run = prefect.run_step("monthly-cycle", "suizhou", "2026-10", as_of="2026-09-28T10:00")
    assert run.state_type == "FAILED"
    assert run.message.startswith("3 of 10 steps failed · 未完成的步骤: plan-collection: [folder_forbidden]")
    ended = [each.name for each in task_runs_of(run, "■ flags") if each.name.startswith("■")]
    assert ended == [f"■ {step}" for step in STEPS]


def test_the_graph_of_a_month_shows_its_parts_one_after_the_other(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:

    from fundpool.domain.month import STEPS  # noqa: PLC0415
    from fundpool.services.month.steps import PARTS  # noqa: PLC0415

    scene = scene_of("suizhou", OCTOBER)
    play_to_application(scene)
    run = prefect.run_step("monthly-cycle", "suizhou", "2026-10", as_of="2026-09-28T10:00")
    runs = task_runs_of(run, "■ flags")
    expected = ["show-calendar"]
    for step in STEPS:
        expected += ["begin-step", *(part.__name__.replace("_", "-") for part in PARTS[step]), "end-step"]
    assert len(runs) == len(expected)
    before = None
    for each in runs[1:]:
        upstream = {str(source.id) for inputs in each.task_inputs.values() for source in inputs}
        assert before is None or str(before.id) in upstream, f"{each.name} waits for {before.name}"
        before = each
    first = artifacts_of(run)[0]
    assert first.key == "calendar-suizhou-2026-10"
    assert "SZ-08" in str(first.data)
    assert "第九条" in str(first.data)


def test_a_run_that_met_a_service_that_was_away_is_tried_again_by_itself_for_an_hour(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pauses are read from the times it is scheduled for, and passed over by scheduling it for now."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import AwaitingRetry  # noqa: PLC0415

    from fundpool.local_prefect import recovery  # noqa: PLC0415

    scene = scene_of("taizhou", OCTOBER)
    tries = []

    def incoming(city: str, document: str) -> tuple[Incoming, ...]:
        if document == "plan":
            tries.append(city)
            raise ServiceUnavailable(
                "storage_unavailable", "收件夹打不开", "the folder is away", remedy="mount it"
            )
        return ()

    monkeypatch.setattr(scene.ports.drop_folder, "incoming", incoming)
    monkeypatch.setattr(recovery, "PAUSES", recovery.PAUSES[:3])
    with get_client(sync_client=True) as client:
        ended = prefect.run_step("plan-collection", "taizhou", "2026-10")
        run_id = UUID(ended.run_id)
        pauses = []
        while len(pauses) < 3:
            assert (ended.state_type, ended.state_name) == ("FAILED", "ServiceAway")
            failed_at = max(
                state.timestamp for state in client.read_flow_run_states(run_id) if state.is_failed()
            )
            deadline = time.monotonic() + 60
            while (state := client.read_flow_run(run_id).state) is None or state.name != "AwaitingRetry":
                assert time.monotonic() < deadline, state
                time.sleep(0.1)
            assert "收件夹打不开" in (state.message or "")
            assert state.state_details.scheduled_time
            pauses.append((state.state_details.scheduled_time - failed_at).total_seconds())
            client.set_flow_run_state(run_id, AwaitingRetry(), force=True)
            ended = prefect.wait_for(ended.run_id)
        assert pauses == [60, 120, 240]
        assert len(tries) == 4 * 3, "each run's own task tries three times"
        with_end = client.read_flow_run(run_id)
        assert run_id not in {run.id for run in recovery.retry_what_was_away(client, with_end.end_time)}
        assert with_end.state_name == "ServiceAway"
    assert sum(pause.total_seconds() for pause in (*recovery.PAUSES, *PAUSES_AFTER_THEM)) == 3600


@pytest.mark.parametrize(
    ("codes", "name"),
    [
        (["no_account"], "Failed"),
        (["storage_unavailable"], "ServiceAway"),
        (["no_account", "storage_unavailable"], "ServiceAway"),
    ],
)
def test_one_city_s_own_trouble_keeps_no_other_from_being_tried_again(codes: list[str], name: str) -> None:
    from tasks.conclusions import conclude_batches, state_of  # noqa: PLC0415

    outcome = {"state": "failed", "unit": "421300", "unit_zh": "随州市", "fund": None, "remedy": None}
    named = [{**outcome, "error_code": code, "detail_zh": code, "detail_en": code} for code in codes]
    ended = state_of({"outcomes": named, "stopped": None})
    assert ended.name == name
    assert conclude_batches([state_of({"outcomes": named[:1], "stopped": None}), ended]).name == name


def test_what_a_person_must_mend_or_a_played_clock_met_is_not_tried_again(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from fundpool.local_prefect import recovery  # noqa: PLC0415

    scene = scene_of("taizhou", OCTOBER)

    def incoming(city: str, document: str) -> tuple[Incoming, ...]:
        raise ServiceUnavailable("database_read_only", "只读", "read-only", remedy="chmod")

    monkeypatch.setattr(scene.ports.drop_folder, "incoming", incoming)
    wrongly_set_up = prefect.run_step("plan-collection", "taizhou", "2026-10")
    assert wrongly_set_up.state_name == "Failed"

    def away(city: str, document: str) -> tuple[Incoming, ...]:
        raise ServiceUnavailable("storage_unavailable", "打不开", "away", remedy="mount it")

    monkeypatch.setattr(scene.ports.drop_folder, "incoming", away)
    played = prefect.run_step("plan-collection", "taizhou", "2026-10", as_of="2026-09-22")
    assert played.state_name == "ServiceAway"
    with get_client(sync_client=True) as client:
        at_end = client.read_flow_run(UUID(played.run_id)).end_time
        again = {run.id for run in recovery.retry_what_was_away(client, at_end)}  # others' may be among them
    assert again.isdisjoint({UUID(played.run_id), UUID(wrongly_set_up.run_id)})


def test_a_failed_unit_leaves_no_traceback_of_prefects_own_in_the_log(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId  # noqa: PLC0415
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415

    scene = scene_of("taizhou", OCTOBER, without_account=(SANMEN,))
    play_to_application(scene)
    prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    scene.authorise("disbursement", at("2026-09-30 10:05"))
    prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    run = prefect.run_step("allocation", "taizhou", "2026-10", as_of=PAYDAY)
    month = prefect.run_step("monthly-cycle", "taizhou", "2026-10", as_of=PAYDAY)
    assert (run.state_type, month.state_type) == ("FAILED", "FAILED")
    APILogHandler().flush()
    of_both = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[id_of(run), id_of(month)]))
    with get_client(sync_client=True) as client:
        lines = client.read_logs(of_both)
    assert lines
    assert not [line.message for line in lines if "Traceback" in line.message]


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("a unit fails", "账户不对 · the account is wrong"),
        ("a part raises", "RuntimeError: unforeseen"),
        ("its end is refused", "账户不对 / the account is wrong"),
    ],
)
def test_every_step_that_fails_says_why_in_one_line_and_logs_nothing_of_prefects_own(
    prefect: LocalPrefect,
    scene_of: Callable[..., CityScene],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    cause: str,
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId  # noqa: PLC0415
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415

    from tasks import parts  # noqa: PLC0415

    scene_of("taizhou", OCTOBER)

    def failing(_part: object, _ports: object, step: StepInHand) -> StepInHand:
        if how == "a part raises":
            raise RuntimeError("unforeseen\n[SQL: SELECT 1]\n(Background: nowhere)")
        if how == "its end is refused":
            return step
        unit = UnitOutcome(SANMEN, UnitState.FAILED, "账户不对", "the account is wrong", error_code="wrong")
        return replace(step, cities=tuple(replace(city, outcomes=(unit,)) for city in step.cities))

    def refusing(_ports: object, _step: object) -> None:
        raise RuleViolation("wrong", "账户不对", "the account is wrong")

    monkeypatch.setattr(parts, "carry_out_part", failing)
    if how == "its end is refused":
        monkeypatch.setattr(steps, "end_step", refusing)
    alone = prefect.run_step("flags", "taizhou", "2026-10", as_of=PAYDAY)
    month = prefect.run_step("monthly-cycle", "taizhou", "2026-10", as_of=PAYDAY)
    assert (alone.state_type, month.state_type) == ("FAILED", "FAILED")
    assert alone.message.endswith(cause)
    assert not alone.message.startswith("Task run"), "in our words, not in Prefect's"
    failed_steps = month.message.partition(": ")[2].split("；")
    assert [step.partition(":")[0] for step in failed_steps] == list(keys())
    assert all(step.endswith(cause) for step in failed_steps)
    ended = [each.state for each in task_runs_of(month, "■ flags") if each.name.startswith("■")]
    assert [state and state.is_failed() and (state.message or "").endswith(cause) for state in ended] == [
        True
    ] * 10
    APILogHandler().flush()
    of_all = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[id_of(alone), id_of(month)]))
    with get_client(sync_client=True) as client:
        lines = [line.message for line in client.read_logs(of_all)]
    assert lines
    assert not [line for line in lines if "Unexpected result for failed state" in line]
    if how == "a unit fails":  # the traceback of what nobody foresaw is wanted
        assert not [line for line in lines if "Traceback" in line]


def test_what_kept_a_county_back_is_in_the_runs_log_and_in_its_state(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId  # noqa: PLC0415
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415

    scene = scene_of("taizhou", OCTOBER, without_account=(SANMEN,))
    play_to_application(scene)
    prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    scene.authorise("disbursement", at("2026-09-30 10:05"))
    prefect.run_step("disbursement", "taizhou", "2026-10", as_of=PAYDAY)
    run = prefect.run_step("allocation", "taizhou", "2026-10", as_of=PAYDAY)
    assert run.state_type == "FAILED"
    assert "没有经复核可用的收款账户" in run.message
    APILogHandler().flush()
    with get_client(sync_client=True) as client:
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[id_of(run)])))
    lines = [
        line.message for line in logs if SANMEN in line.message and "account_not_registered" in line.message
    ]
    assert len(lines) == 2, "one line a fund"
    assert all("元 yuan" in line and "→ 登记并复核收款账户" in line for line in lines)


def test_a_part_that_no_city_came_through_is_a_failed_task_that_names_its_cause(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of("taizhou", OCTOBER)

    def incoming(city: str, document: str) -> tuple[Incoming, ...]:
        raise RuleViolation("folder_forbidden", "收件夹不许读", "the folder may not be read", remedy="chmod")

    monkeypatch.setattr(scene.ports.drop_folder, "incoming", incoming)
    run = prefect.run_step("plan-collection", "taizhou", "2026-10", as_of="2026-09-22")
    assert run.state_type == "FAILED"
    assert run.message == "[folder_forbidden] 收件夹不许读 / the folder may not be read · chmod"
    failed = [
        each
        for each in task_runs_of(run, "■ plan-collection")
        if each.state is not None and each.state.is_failed()
    ]
    assert [each.name for each in failed] == ["收取计划 take in plans", "■ plan-collection"]
    assert all("收件夹不许读" in (each.state.message or "") for each in failed if each.state)
    recorded = scene.ports.database.read(lambda work: work.records.runs("taizhou", OCTOBER))
    assert [outcome["error_code"] for outcome in recorded[0].outcomes or ()] == ["folder_forbidden"]


def test_an_operator_retriggers_one_county_from_prefects_command_line(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    scene = scene_of("taizhou", OCTOBER)
    scene.drop(scene.plan(SANMEN), "plan")
    command = [str(Path(sys.executable).with_name("prefect")), "deployment", "run"]
    command += ["plan-collection/plan-collection", "--watch"]
    for parameter in ("city=taizhou", "month=2026-10", f"county={SANMEN}", "as_of=2026-09-23T10:00"):
        command += ["--param", parameter]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    states = scene.ports.database.read(lambda work: work.records.runs("taizhou", OCTOBER))
    assert [(run.step, run.counties) for run in states] == [("plan-collection", (SANMEN,))]


def test_a_run_that_a_killed_process_left_behind_is_run_again(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Pending, Running, Scheduled  # noqa: PLC0415

    from fundpool.local_prefect.worker import working  # noqa: PLC0415

    scene_of("taizhou", OCTOBER)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("flags/flags")
        far = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
        parameters = {"city": "taizhou", "month": "2026-10", "as_of": "2026-09-23"}
        run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=far)
        client.set_flow_run_state(run.id, Pending(), force=True)
        client.set_flow_run_state(run.id, Running(), force=True)
    with working("start"):  # as the next start does
        assert prefect.wait_for(str(run.id)).is_completed


def test_runs_that_somebody_else_left_are_finished_before_a_person_goes_on(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene]
) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    scene_of("taizhou", OCTOBER)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("plan-collection/plan-collection")
        parameters = {"city": "taizhou", "month": "2026-10", "county": SANMEN, "as_of": "2026-09-22"}
        left = [client.create_flow_run_from_deployment(deployment.id, parameters=parameters) for _ in "ab"]
        ahead = client.create_flow_run_from_deployment(
            deployment.id,
            parameters=parameters,
            state=Scheduled(scheduled_time=datetime.now(UTC) + timedelta(hours=1)),
        )
        prefect.finish_open_runs()
        assert [str(client.read_flow_run(run.id).state_name) for run in left] == ["Waiting", "Waiting"]
        assert client.read_flow_run(ahead.id).state_name == "Scheduled"
        client.delete_flow_run(ahead.id)
