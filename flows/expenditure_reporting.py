"""支出报表: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode
from tasks.reports import collect_reports


@flow(name="expenditure-reporting", flow_run_name=run_name("支出报表"), **STEP_FLOW)
def expenditure_reporting(
    city: Cities, month: str, county: CountyCode = None, as_of: str | None = None
) -> State[Any]:
    """Take in the counties' expenditure reports on the month, check them and book the spending.

    依据：台州 台政办发〔2021〕48号 细则第十条「每月15日前……上报上月基金支出核算报表」（TZ-19）。
    """
    return carry_out(collect_reports, city, month, county, as_of)
