"""Running one step for a task: the unit of work of every task in this package."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from prefect.runtime import flow_run

from fundpool.bootstrap import open_ports
from fundpool.console.clock import business_clock
from fundpool.console.options import parse_month
from fundpool.domain.people import SYSTEM
from fundpool.services.outcomes import StepRequest
from fundpool.services.ports import MonthPorts
from fundpool.services.steps import run_step
from fundpool.settings import Settings

Summary = dict[str, Any]
"""What a step came to, in JSON: ids, outcomes and texts, never a frame or a row object."""


CountyCode = str | int | None
"""A county's code, None for all; Prefect's command line reads ``county=331022`` as a number."""


def perform(step: str, city: str, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Run ``step`` and return its summary. Raises what the step raises (FundpoolError)."""
    request = StepRequest(
        city=city,
        month=parse_month(month),
        now=business_clock(as_of),
        counties=(str(county),) if county else None,
        by=SYSTEM,  # a machine answers for nothing: the maker of a payment is finance's reviewer
        run_id=flow_run.get_id(),
        is_played=as_of is not None,
    )
    ports = ports_of_this_process()
    report = run_step(ports, step, request)
    policy = ports.policies.city(city)
    names = {policy.division_code: policy.name_zh} | {unit.code: unit.name_zh for unit in policy.register}
    outcomes = [{**asdict(one), "unit_zh": names.get(one.unit, one.unit)} for one in report.outcomes]
    return {"step": step, "city": city, "month": month, "outcomes": outcomes}


def ports_of_this_process() -> MonthPorts:
    """The adapters behind the settings, opened once per process and settings.

    Raises ServiceUnavailable when the database is away or not set up; then the next call tries again.
    """
    return _ports(Settings().model_dump_json())


@lru_cache(maxsize=1)
def _ports(_settings: str) -> MonthPorts:
    return open_ports(Settings())
