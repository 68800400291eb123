"""财政拨付: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.payments import disburse
from tasks.performing import Cities, CountyCode


@flow(name="disbursement", flow_run_name=run_name("财政拨付"), **STEP_FLOW)
def disbursement(city: Cities, month: str, county: CountyCode = None, as_of: str | None = None) -> State[Any]:
    """Pay from the fiscal account (财政专户) to the city's or straight to the counties' expenditure accounts.

    依据：台州 台政办发〔2021〕48号 细则第十条「次月5日前……划拨至市医保经办机构支出户」（TZ-17）；
    随州 第九条「月底前」（SZ-10）；
    九江 三(三)1「直接拨至市、县各险种基金支出户」（JJ-19、JJ-20）。
    """
    return carry_out(disburse, city, month, county, as_of)
