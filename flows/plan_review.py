"""计划审核: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode
from tasks.plans import review_plans


@flow(name="plan-review", flow_run_name=run_name("计划审核"), **STEP_FLOW)
def plan_review(city: Cities, month: str, county: CountyCode = None, as_of: str | None = None) -> State[Any]:
    """Hand judged plans to the reviewers (核定).

    A case waits in our tables for its decision, never in a sleeping run.

    依据：台州 台政办发〔2021〕48号 细则第十条「由市医保经办机构审核」（TZ-16）；
    随州 第九条「经市医保部门审核后」（SZ-09）。
    """
    return carry_out(review_plans, city, month, county, as_of)
