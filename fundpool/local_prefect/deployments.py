"""The work pool and the deployments of ``deployments/prefect.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from fundpool.local_prefect.client import outages_in_words
from fundpool.settings import REPOSITORY

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.deployments.runner import RunnerDeployment

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
    _built(definition, schedules=schedules).apply()


def _built(definition: Mapping[str, Any], *, schedules: bool) -> "RunnerDeployment":
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
    return deployment


@dataclass(frozen=True, slots=True)
class Registered:
    """How what a server has compares with the file: names of deployments, and whether the clock is on."""

    missing: tuple[str, ...]
    differing: tuple[str, ...]
    has_clock: bool


def compare_registered(client: "SyncPrefectClient") -> Registered:
    """Compare the server's deployments with ``deployments/prefect.yaml`` and the flows of this version."""
    known = {deployment.name: deployment for deployment in client.read_deployments()}
    definitions = read_definitions()
    missing = [each["name"] for each in definitions if each["name"] not in known]
    differing = [
        each["name"]
        for each in definitions
        if each["name"] in known and not _is_as_defined(known[each["name"]], each)
    ]
    tick = known.get(DAILY_TICK)
    has_clock = tick is not None and not tick.paused and any(each.active for each in tick.schedules)
    return Registered(tuple(missing), tuple(differing), has_clock)


def _is_as_defined(found: "DeploymentResponse", definition: Mapping[str, Any]) -> bool:
    limit = (definition.get("concurrency_limit") or {}).get("limit")
    times = [(each["cron"], each["timezone"]) for each in definition.get("schedules", [])]
    wanted = _built(definition, schedules=True)
    schedules = [each.schedule for each in found.schedules]
    return (
        found.entrypoint == wanted.entrypoint
        and found.parameters == wanted.parameters
        and found.tags == wanted.tags
        and found.work_pool_name == wanted.work_pool_name
        and (found.global_concurrency_limit and found.global_concurrency_limit.limit) == limit
        and [(getattr(each, "cron", None), getattr(each, "timezone", None)) for each in schedules] == times
        and found.parameter_openapi_schema == wanted._parameter_openapi_schema.model_dump(exclude_unset=True)
    )
