"""What keeps Prefect from running the month here, with what to do about it.

Each is found from what the server says now: its version, the work pool, the deployments, the workers, the runs.
Importing this module imports Prefect.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import prefect
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus, WorkPool
from prefect.exceptions import ObjectNotFound

from fundpool.domain.errors import RuleViolation
from fundpool.domain.troubles import Trouble
from fundpool.local_prefect import recovery
from fundpool.local_prefect.deployments import DAILY_TICK, WORK_POOL, compare_registered, deploy

LATE_AFTER = timedelta(minutes=15)
"""How long a run may wait for its turn behind others."""

START_A_WORKER = "fundpool worker（本机自带服务用 fundpool start）/ fundpool worker (fundpool start, with a server of its own)"


def troubles_of(url: str, now: datetime) -> Iterator[Trouble]:
    """Everything that is found at the server; what it reads may raise when the server goes away meanwhile."""
    with get_client(sync_client=True) as client:
        yield from _version(client, url)
        try:
            pool = client.read_work_pool(WORK_POOL)
        except ObjectNotFound:
            yield Trouble(
                RuleViolation(
                    "prefect_not_deployed",
                    f"Prefect 服务上没有工作池 {WORK_POOL}",
                    f"the Prefect server has no work pool {WORK_POOL}",
                    remedy="fundpool deploy",
                ),
                deploy,
            )
            return
        yield from _pool(client, pool)
        yield from _deployments(client)
        yield from _workers_and_runs(client, now)


def _version(client: SyncPrefectClient, url: str) -> Iterator[Trouble]:
    theirs, ours = client.api_version(), prefect.__version__
    if theirs != ours:
        yield Trouble(
            RuleViolation(
                "prefect_version",
                f"Prefect 服务是 {theirs}，本机程序用 {ours}：{url}",
                f"the Prefect server is {theirs}, this installation uses {ours}: {url}",
                remedy=f"两处都用 prefect=={ours} / use prefect=={ours} on both",
            )
        )


def _pool(client: SyncPrefectClient, pool: WorkPool) -> Iterator[Trouble]:
    if pool.is_paused:
        yield Trouble(
            RuleViolation(
                "prefect_paused",
                f"工作池 {WORK_POOL} 已暂停，什么都不会执行",
                f"the work pool {WORK_POOL} is paused: nothing runs",
                remedy=f"prefect work-pool resume {WORK_POOL}",
            ),
            partial(client.update_work_pool, WORK_POOL, WorkPoolUpdate(is_paused=False)),
        )


def _deployments(client: SyncPrefectClient) -> Iterator[Trouble]:
    found = compare_registered(client)
    # A clock that a person has switched off stays off.
    register = partial(deploy, schedules=found.has_clock or DAILY_TICK in found.missing)
    for code, names, zh, en in (
        ("prefect_deployment_missing", found.missing, "没有登记的部署", "deployments that are missing"),
        (
            "prefect_deployment_differs",
            found.differing,
            "与本版本不同的部署",
            "deployments that differ from this version",
        ),
    ):
        if names:
            shown = ", ".join(names)
            yield Trouble(
                RuleViolation(code, f"{zh}：{shown}", f"{en}: {shown}", remedy="fundpool deploy"), register
            )
    if not found.has_clock and DAILY_TICK not in found.missing:
        yield Trouble(
            RuleViolation(
                "prefect_clock_off",
                "每日调度未开启，到期的步骤不会自动启动",
                "the daily tick has no active schedule: what is due is not started by itself",
                remedy="fundpool deploy",
            )
        )


def _workers_and_runs(client: SyncPrefectClient, now: datetime) -> Iterator[Trouble]:
    workers = recovery.workers_of_pool(client)
    if not any(worker.status is WorkerStatus.ONLINE for worker in workers.values()):
        yield Trouble(
            RuleViolation(
                "prefect_no_worker",
                f"工作池 {WORK_POOL} 没有在线的执行器",
                f"no worker of the pool {WORK_POOL} is online",
                remedy=START_A_WORKER,
            )
        )
    for run in recovery.unheld_runs(client, lambda run: recovery.is_held(run, workers)):
        yield Trouble(
            RuleViolation(
                "prefect_run_unheld",
                f"{_shown(run)}：状态为 {_state(run)}，但没有在线的执行器在办，占着工作池的位置",
                f"{_shown(run)}: {_state(run)}, and no worker that is online has it; it keeps its place in the pool",
                remedy="fundpool doctor --fix；有执行器在线时两分钟内自动重新执行 / fundpool doctor --fix; a worker that is "
                "online runs it again by itself within two minutes",
            ),
            partial(recovery.take_up, client, run),
        )
    for run in recovery.runs_in(client, StateType.SCHEDULED):
        due = run.next_scheduled_start_time
        if due is not None and due.astimezone(UTC) < now.astimezone(UTC) - LATE_AFTER:
            minutes = int((now - due).total_seconds() // 60)
            yield Trouble(
                RuleViolation(
                    "prefect_run_late",
                    f"{_shown(run)}：应于 {minutes} 分钟前开始，仍在等待（{_state(run)}）",
                    f"{_shown(run)}: was to begin {minutes} minutes ago and still waits ({_state(run)})",
                    remedy=f"先处理上面各项；没有执行器时：{START_A_WORKER}；不要了的在 Prefect 页面删除 / mend what is named above; "
                    "delete it on Prefect's page if nobody wants it",
                )
            )


def _shown(run: FlowRun) -> str:
    return f"{run.name} ({run.id})"


def _state(run: FlowRun) -> str:
    return run.state_name or "?"
