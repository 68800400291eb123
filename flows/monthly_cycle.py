"""月度用款: the whole month in the order of the rule, as one flow an operator can start."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.allocation import allocation
from flows.disbursement import disbursement
from flows.document_collection import document_collection
from flows.expenditure_reporting import expenditure_reporting
from flows.flags import flags
from flows.funds_application import funds_application
from flows.plan_collection import plan_collection
from flows.plan_review import plan_review
from flows.reconciliation import reconciliation
from flows.report_filing import report_filing
from tasks.conclusions import conclude_month
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.performing import CountyCode


@flow(name="monthly-cycle", flow_run_name=run_name("月度用款"), **STEP_FLOW)
def monthly_cycle(city: str, month: str, county: CountyCode = None, as_of: str | None = None) -> State[Any]:
    """Carry the month as far as it can go now: each step does what is ready and waits for the rest.

    依据：台州 台政办发〔2021〕48号 细则第十条；随州 第九条；九江 三(三)1：报计划、审核、申请、拨付、
    分拨、报支出、备案，依次进行。
    """
    asked: dict[str, Any] = {"city": city, "month": month, "county": county, "as_of": as_of}
    steps = {
        "plan-collection": plan_collection(**asked, return_state=True),
        "plan-review": plan_review(**asked, return_state=True),
        "funds-application": funds_application(**asked, return_state=True),
        "disbursement": disbursement(**asked, return_state=True),
        "allocation": allocation(**asked, return_state=True),
        "reconciliation": reconciliation(**asked, return_state=True),
        "expenditure-reporting": expenditure_reporting(**asked, return_state=True),
        "report-filing": report_filing(**asked, return_state=True),
        "document-collection": document_collection(**asked, return_state=True),
        "flags": flags(**asked, return_state=True),
    }
    return conclude_month(city, month, steps)
