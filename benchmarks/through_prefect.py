"""The product's tasks on a real local Prefect server: one flow run per step, one task run per city.

What the product's own code takes inside a task is charged to the step's stage; all else, from the
call of the flow to its end, is what orchestration costs.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from benchmarks.measuring import Stopwatch
from benchmarks.national_month import MONTH
from fundpool.console.runs import LocalPrefect
from fundpool.services.outcomes import StepReport, StepRequest
from fundpool.services.ports import MonthPorts
from fundpool.settings import Settings
from tasks import performing
from tasks.conclusions import conclude
from tasks.options import STEP_FLOW
from tasks.payments import allocate, disburse, reconcile
from tasks.plans import apply_for_funds, collect_plans, review_plans
from tasks.reports import collect_reports, file_reports, raise_flags

TASKS: dict[str, Any] = {
    "plan-collection": collect_plans,
    "plan-review": review_plans,
    "funds-application": apply_for_funds,
    "disbursement": disburse,
    "allocation": allocate,
    "reconciliation": reconcile,
    "expenditure-reporting": collect_reports,
    "report-filing": file_reports,
    "flags": raise_flags,
}


@flow(name="national-step", **STEP_FLOW)
def national_step(step: str, cities: list[str], as_of: str) -> list[str]:
    """The step's task for every city, each concluded as the product's own flow concludes it."""
    ended = [conclude(TASKS[step](city, str(MONTH), None, as_of, return_state=True)) for city in cities]
    return [str(state.message) for state in ended if not state.is_completed()]


class ThroughPrefect:
    """Runs a step for all cities as one flow run."""

    def __init__(self, prefect: LocalPrefect, ports: MonthPorts, watch: Stopwatch) -> None:
        self._prefect, self._watch = prefect, watch
        self._cities = [city.key for city in ports.policies.cities]

    def __call__(self, step: str, moment: str) -> None:
        with self._watch.stage("orchestrate"):
            failed = national_step(step, self._cities, moment)
        assert not failed, failed

    def ms_added_by_a_flow_run(self, runs: int) -> int:
        """What a flow run of its own costs beside its step, deployment and worker included."""
        before = self._watch.wall["report"]
        cities = self._cities[:runs]
        began = time.perf_counter()
        for city in cities:
            self._prefect.run_step("flags", city=city, month=str(MONTH), as_of="2026-11-11 10:00")
        outside = time.perf_counter() - began - (self._watch.wall["report"] - before)
        return round(1000 * outside / len(cities))


@contextmanager
def through_prefect(
    home: Path, ports: MonthPorts, watch: Stopwatch, stage_of_step: Mapping[str, str]
) -> Iterator[ThroughPrefect]:
    """A local Prefect as ``fundpool start`` runs it, whose tasks are handed ``ports``."""
    given, running = performing._ports, performing.run_step

    def in_its_stage(its_ports: MonthPorts, step: str, request: StepRequest) -> StepReport:
        with watch.stage(stage_of_step[step]):
            return running(its_ports, step, request)

    performing._ports = lambda _settings: ports  # type: ignore[assignment]
    performing.run_step = in_its_stage
    try:
        with (
            LocalPrefect(Settings(home=home)) as prefect,
            # As the product's own worker does: joining that thread takes most of a second per flow run.
            temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        ):
            yield ThroughPrefect(prefect, ports, watch)
    finally:
        performing._ports, performing.run_step = given, running
