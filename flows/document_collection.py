"""其他报表: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.documents import collect_documents
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import Cities, CountyCode


@flow(name="document-collection", flow_run_name=run_name("其他报表"), **STEP_FLOW)
def document_collection(
    city: Cities, month: str, county: CountyCode = None, as_of: str | None = None
) -> State[Any]:
    """Take in and judge what is filed beside plan and report: budget, account, working capital, lists.

    依据：台州 台政办发〔2021〕48号 细则第十一条（TZ-21 周转金）；九江 三(二)2「缴款单位明细表核对一致」（JJ-12）。
    """
    return carry_out(collect_documents, city, month, county, as_of)
