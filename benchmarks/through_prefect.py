"""The product's flows on a real local Prefect server: one flow run per step for all cities.

What the product's own code takes inside a task is charged to the step's stage; all else, from the
call of the flow to its end, is what orchestration costs.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from benchmarks.measuring import Stopwatch
from benchmarks.national_month import MONTH
from flows import steps as flows_of_steps
from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import StepInHand
from fundpool.local_prefect.runs import LocalPrefect, local_prefect
from fundpool.services.month.steps import Part
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from tasks import parts, process

FLOWS: dict[str, Any] = {key: getattr(flows_of_steps, key.replace("-", "_")) for key in STEPS}


class ThroughPrefect:
    """Runs a step for all cities as one flow run."""

    def __init__(self, prefect: LocalPrefect, ports: MonthPorts, watch: Stopwatch) -> None:
        self._prefect, self._watch = prefect, watch
        self._cities = [city.key for city in ports.policies.cities]

    def __call__(self, step: str, moment: str) -> None:
        with self._watch.stage("orchestrate"):
            ended = FLOWS[step](self._cities, str(MONTH), as_of=moment, return_state=True)
        assert ended.is_completed(), ended.message

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
    given, carried_out = process.ports_behind, parts.carry_out_part

    def in_its_stage(part: Part, its_ports: MonthPorts, step: StepInHand) -> StepInHand:
        with watch.stage(stage_of_step[step.step]):
            return carried_out(part, its_ports, step)

    process.ports_behind = lambda _settings: ports  # type: ignore[assignment]
    parts.carry_out_part = in_its_stage  # type: ignore[assignment]
    try:
        with (
            local_prefect(Settings(home=home)) as prefect,
            # As the product's own worker does: joining that thread takes most of a second per flow run.
            temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        ):
            yield ThroughPrefect(prefect, ports, watch)
    finally:
        process.ports_behind, parts.carry_out_part = given, carried_out
