"""Each step of the month as a flow of its own: what the daily tick starts and an operator retriggers.

For one city, or for several whose files are judged together; for all counties or for one. The parts of each
step are in ``flows/monthly_cycle.py``, the steps' order and duties in ``fundpool/domain/month.py``.
"""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.monthly_cycle import carry_out_step
from fundpool.domain.schedule import CITIES_PER_RUN
from tasks.conclusions import conclude_batches
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.steps import Cities, CountyCode, Moment, MonthText, RunParameters, show_calendar


def run_alone(key: str, city: Cities, month: str, *, county: CountyCode, as_of: Moment) -> State[Any]:
    """Run one step, for many cities in batches, and say how it ended."""
    cities = (city,) if isinstance(city, str) else tuple(dict.fromkeys(city))
    starts = range(0, max(1, len(cities)), CITIES_PER_RUN)
    ended = []
    for batch in [cities[start : start + CITIES_PER_RUN] for start in starts]:
        parameters = RunParameters(batch, month, county, as_of=as_of)
        show_calendar(parameters, key, return_state=True)  # a wrong city or month is told by the step itself
        ended.append(carry_out_step(key, parameters))
    return conclude_batches(ended)


@flow(name="plan-collection", flow_run_name=run_name("plan-collection"), **STEP_FLOW)
def plan_collection(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Take in and judge the counties' fund-use plans for the month, and write return slips."""
    return run_alone("plan-collection", city, month, county=county, as_of=as_of)


@flow(name="plan-review", flow_run_name=run_name("plan-review"), **STEP_FLOW)
def plan_review(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Hand judged plans to the reviewers (核定). A case waits in our tables, never in a sleeping run."""
    return run_alone("plan-review", city, month, county=county, as_of=as_of)


@flow(name="funds-application", flow_run_name=run_name("funds-application"), **STEP_FLOW)
def funds_application(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Prepare the city agency's application to finance, who reviews it (复核) in its own time."""
    return run_alone("funds-application", city, month, county=county, as_of=as_of)


@flow(name="disbursement", flow_run_name=run_name("disbursement"), **STEP_FLOW)
def disbursement(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Pay from the fiscal account (财政专户) to the city's or straight to the counties' expenditure accounts."""
    return run_alone("disbursement", city, month, county=county, as_of=as_of)


@flow(name="allocation", flow_run_name=run_name("allocation"), **STEP_FLOW)
def allocation(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Pay on from the city's expenditure account to the counties (市支出户 → 县支出户)."""
    return run_alone("allocation", city, month, county=county, as_of=as_of)


@flow(name="reconciliation", flow_run_name=run_name("reconciliation"), **STEP_FLOW)
def reconciliation(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Find out what became of open payments; match the bank's statements with the books. It never sends."""
    return run_alone("reconciliation", city, month, county=county, as_of=as_of)


@flow(name="expenditure-reporting", flow_run_name=run_name("expenditure-reporting"), **STEP_FLOW)
def expenditure_reporting(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Take in the counties' expenditure reports, check them, book the spending, write return slips."""
    return run_alone("expenditure-reporting", city, month, county=county, as_of=as_of)


@flow(name="report-filing", flow_run_name=run_name("report-filing"), **STEP_FLOW)
def report_filing(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Write the city's summary of the counties' reports and file it with finance."""
    return run_alone("report-filing", city, month, county=county, as_of=as_of)


@flow(name="document-collection", flow_run_name=run_name("document-collection"), **STEP_FLOW)
def document_collection(
    city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Take in and judge what is filed beside plan and report: budgets, accounts, working capital, lists."""
    return run_alone("document-collection", city, month, county=county, as_of=as_of)


@flow(name="flags", flow_run_name=run_name("flags"), **STEP_FLOW)
def flags(city: Cities, month: MonthText, county: CountyCode = None, *, as_of: Moment = None) -> State[Any]:
    """Say who is late, missing or inconsistent with which duty of the month."""
    return run_alone("flags", city, month, county=county, as_of=as_of)
