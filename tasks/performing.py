"""Running one step for a task: the unit of work of every task in this package."""

from dataclasses import asdict
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from prefect.runtime import flow_run

from fundpool.bootstrap import build_ports
from fundpool.domain.errors import InputError
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.services.outcomes import StepRequest
from fundpool.services.ports import MonthPorts
from fundpool.services.steps import run_step
from fundpool.settings import Settings

START_OF_DAY = time(7, 0)
"""What an ``as_of`` without a time means: the hour of the daily tick."""

Summary = dict[str, Any]
"""What a step came to, in JSON: ids, outcomes and texts, never a frame or a row object."""


def perform(step: str, city: str, month: str, county: str | None, as_of: str | None) -> Summary:
    """Run ``step`` and return its summary. Raises what the step raises (FundpoolError)."""
    request = StepRequest(
        city=city,
        month=parse_month(month),
        now=business_clock(as_of),
        counties=(county,) if county else None,
        by="system",
        run_id=flow_run.get_id(),
        is_played=as_of is not None,
    )
    ports = ports_of_this_process()
    report = run_step(ports, step, request)
    names = {unit.code: unit.name_zh for unit in ports.policies.city(city).register}
    outcomes = [{**asdict(one), "unit_zh": names.get(one.unit, one.unit)} for one in report.outcomes]
    return {"step": step, "city": city, "month": month, "outcomes": outcomes}


def ports_of_this_process() -> MonthPorts:
    """The adapters behind the settings, built once per process and settings."""
    return _ports(Settings().model_dump_json())


@lru_cache(maxsize=1)
def _ports(_settings: str) -> MonthPorts:
    return build_ports(Settings())


def business_clock(as_of: str | None) -> datetime:
    """The business time asked for (ISO; Shanghai when it names no zone), else the wall clock."""
    if as_of is None:
        return datetime.now(SHANGHAI)
    try:
        moment = datetime.fromisoformat(as_of)
        if len(as_of) == len("2026-10-01"):
            moment = datetime.combine(date.fromisoformat(as_of), START_OF_DAY)
    except ValueError as error:
        raise InputError(
            "as_of", f"时间写法不对：{as_of}", f"not an ISO date or time: {as_of}", remedy="2026-09-30T07:00"
        ) from error
    return moment.astimezone(SHANGHAI) if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def parse_month(month: str) -> Month:
    """The month of ``YYYY-MM``. Raises InputError."""
    try:
        return Month.parse(month)
    except ValueError as error:
        raise InputError(
            "month", f"月份写法不对：{month}", f"a month is written YYYY-MM: {month}", remedy="2026-10"
        ) from error
