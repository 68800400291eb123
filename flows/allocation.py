"""县级拨付: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.payments import allocate
from tasks.performing import Cities, CountyCode


@flow(name="allocation", flow_run_name=run_name("县级拨付"), **STEP_FLOW)
def allocation(city: Cities, month: str, county: CountyCode = None, as_of: str | None = None) -> State[Any]:
    """Pay on from the city's expenditure account to the counties' (市支出户 → 县支出户).

    依据：台州 台政办发〔2021〕48号 细则第十条「收到财政拨款两个工作日内」（TZ-18）；
    随州 第九条「每月5日前」（SZ-11）。
    """
    return carry_out(allocate, city, month, county, as_of)
