"""用款申请: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode
from tasks.plans import apply_for_funds


@flow(name="funds-application", flow_run_name=run_name("用款申请"), **STEP_FLOW)
def funds_application(
    city: Cities, month: str, county: CountyCode = None, as_of: str | None = None
) -> State[Any]:
    """Prepare the city agency's application to finance; finance reviews it (复核) in its own time.

    依据：台州 台政办发〔2021〕48号 细则第十条「每月月底前向市财政部门申请所需基金」（TZ-16）；
    随州 第九条「每月20日前」（SZ-09）。
    """
    return carry_out(apply_for_funds, city, month, county, as_of)
