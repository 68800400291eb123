"""Running one step for a task: the unit of work of every task in this package."""

from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from prefect.runtime import flow_run

from fundpool.bootstrap import open_ports
from fundpool.clock import business_clock
from fundpool.core_dumps import leave_no_core_dump
from fundpool.domain.errors import InputError
from fundpool.domain.outcomes import StepReport, StepRequest
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import parse_month
from fundpool.services.month.steps import run_step_of_cities
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings

Summary = dict[str, Any]
"""What a step came to, in JSON: ids, outcomes and texts, never a frame or a row object."""


CountyCode = str | int | None
"""A county's code, None for all; Prefect's command line reads ``county=331022`` as a number."""


Cities = str | list[str]
"""A city's key, or those of several whose files are read and judged together."""


def perform(step: str, city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Run ``step`` and return its summary. Raises what the step raises (FundpoolError).

    Of several cities, what stops one is its outcome, and raised only when it stopped every one.
    """
    keys = keys_of(city)
    asked = StepRequest(
        city=keys[0],
        month=parse_month(month),
        now=business_clock(as_of),
        counties=(str(county),) if county else None,
        by=SYSTEM,  # a machine answers for nothing: the maker of a payment is finance's reviewer
        run_id=flow_run.get_id(),
        is_played=as_of is not None,
    )
    ports = ports_of_this_process()
    reports = run_step_of_cities(ports, step, [replace(asked, city=key) for key in keys])
    errors = [report.error for report in reports if report.error is not None]
    if len(errors) == len(reports):
        raise errors[0]
    outcomes = [outcome for report in reports for outcome in _named(ports, report, alone=len(keys) == 1)]
    name = keys[0] if len(keys) == 1 else f"{keys[0]}-and-{len(keys) - 1}-more"
    return {"step": step, "city": name, "month": month, "outcomes": outcomes}


def keys_of(city: Cities) -> list[str]:
    """The cities asked for, each once. Raises InputError when there is none."""
    keys = [city] if isinstance(city, str) else list(dict.fromkeys(city))
    if not keys:
        raise InputError("no_city", "没有指定城市", "no city is named", remedy="city=KEY")
    return keys


def _named(ports: MonthPorts, report: StepReport, *, alone: bool) -> list[dict[str, Any]]:
    """The outcomes with their units' names, which name the city too when it is not ``alone``."""
    policy = ports.policies.city(report.city)
    prefix = "" if alone else policy.name_zh
    names = {unit.code: prefix + unit.name_zh for unit in policy.register}
    names[policy.division_code] = policy.name_zh
    return [{**asdict(one), "unit_zh": names.get(one.unit, prefix + one.unit)} for one in report.outcomes]


def ports_of_this_process() -> MonthPorts:
    """The adapters behind the settings, opened once per process and settings.

    Raises ServiceUnavailable when the database is away or not set up; then the next call tries again.
    """
    leave_no_core_dump()
    return _ports(Settings())


@lru_cache(maxsize=1)
def _ports(settings: Settings) -> MonthPorts:
    return open_ports(settings)
