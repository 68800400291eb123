"""用款计划: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode
from tasks.plans import collect_plans


@flow(name="plan-collection", flow_run_name=run_name("用款计划"), **STEP_FLOW)
def plan_collection(
    city: Cities, month: str, county: CountyCode = None, as_of: str | None = None
) -> State[Any]:
    """Take in the counties' fund-use plans for the month and judge them.

    依据：台州 台政办发〔2021〕48号 细则第十条「每月25日前……上报下月基金用款计划」（TZ-15）；
    随州 第九条「每月15日前」（SZ-08）。
    """
    return carry_out(collect_plans, city, month, county, as_of)
