"""预警: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode
from tasks.reports import raise_flags


@flow(name="flags", flow_run_name=run_name("预警"), **STEP_FLOW)
def flags(city: Cities, month: str, county: CountyCode = None, as_of: str | None = None) -> State[Any]:
    """Say who is late, missing or inconsistent with which duty of the month (each flag names its article)."""
    return carry_out(raise_flags, city, month, county, as_of)
