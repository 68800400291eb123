"""报表备案: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode
from tasks.reports import file_reports


@flow(name="report-filing", flow_run_name=run_name("报表备案"), **STEP_FLOW)
def report_filing(
    city: Cities, month: str, county: CountyCode = None, as_of: str | None = None
) -> State[Any]:
    """Write the city's summary of the counties' reports and file it with finance.

    依据：台州 台政办发〔2021〕48号 细则第十条「审核汇总后，在月底前报市财政部门备案」（TZ-20）。
    """
    return carry_out(file_reports, city, month, county, as_of)
