"""The work pool and the deployments of ``deployments/prefect.yaml``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fundpool.local_prefect.client import outages_in_words
from fundpool.settings import REPOSITORY

PREFECT_FILE = REPOSITORY / "deployments" / "prefect.yaml"
WORK_POOL = "fundpool"
DAILY_TICK = "daily-tick"


def deploy(*, schedules: bool = True) -> tuple[str, ...]:
    """Register work pool and deployments at PREFECT_API_URL, their schedules on or off; return their names.

    The same outcome as ``prefect deploy --all``, without a process per deployment. Raises
    ServiceUnavailable when no server answers.
    """
    from prefect.settings import PREFECT_API_URL

    definitions = read_definitions()
    with outages_in_words(PREFECT_API_URL.value()):
        _ensure_work_pool()
        for definition in definitions:
            _register(definition, schedules=schedules)
    return tuple(definition["name"] for definition in definitions)


def read_definitions() -> list[dict[str, Any]]:
    """The deployments as the file states them."""
    definitions: list[dict[str, Any]] = yaml.safe_load(PREFECT_FILE.read_text())["deployments"]
    return definitions


def load_flows() -> None:
    """Import every flow that has a deployment: seconds of work that need no server."""
    from prefect.flows import load_flow_from_entrypoint

    for definition in read_definitions():
        load_flow_from_entrypoint(definition["entrypoint"], use_placeholder_flow=False)


def _ensure_work_pool() -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    # Of Prefect's own type: on a larger installation `prefect worker start` serves the same pool.
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name=WORK_POOL, type="process", base_job_template=template, concurrency_limit=1)
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(pool)
        except ObjectAlreadyExists:
            return  # an operator's own limits stay


def _register(definition: Mapping[str, Any], *, schedules: bool) -> None:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner.storage import LocalStorage
    from prefect.schedules import Cron

    limit = definition.get("concurrency_limit")
    deployment = RunnerDeployment.from_entrypoint(
        definition["entrypoint"],
        name=definition["name"],
        tags=definition["tags"],
        parameters=definition.get("parameters") or {},
        schedules=[
            Cron(each.pop("cron"), **each, active=schedules) for each in definition.get("schedules", [])
        ],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
        work_pool_name=definition["work_pool"]["name"],
    )
    # Runs start in the checkout, whoever runs them: relative settings mean the same everywhere.
    deployment.storage = LocalStorage(str(Path.cwd()))
    deployment.apply()
