"""每日调度: every morning ask the calendar what is due and start it."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from fundpool.clock import business_clock
from fundpool.domain.errors import FundpoolError
from tasks.conclusions import conclude_day, not_begun
from tasks.daily import cities_to_run, finish_day, make_up_notices, reserve_steps, start_steps
from tasks.naming import tick_name
from tasks.options import STEP_FLOW
from tasks.steps import AnyCities, Moment, MonthTexts


@flow(name="daily-tick", flow_run_name=tick_name, **STEP_FLOW)
def daily_tick(cities: AnyCities = None, as_of: Moment = None, months: MonthTexts = None) -> State[Any]:
    """Start each step due today, for each city whose calendar runs here, once; ``months`` names some only.

    Cities that have the same step of the same month due share a run. No deadline has a cron of its own: cron
    knows neither days off nor make-up working days. A tick that comes late, twice or after an outage looks at
    today only.
    """
    try:
        keys, now = cities_to_run(cities), business_clock(as_of)
    except FundpoolError as error:
        return not_begun(error)
    looked_at = {
        city: reserve_steps(city, now, as_of=as_of, months=months, return_state=True) for city in keys
    }
    # A city whose calendar cannot be read keeps no other from its day.
    reserved = {city: state.result() for city, state in looked_at.items() if state.is_completed()}
    due = [step for steps in reserved.values() for step in steps]
    started = start_steps(due, keys, as_of=as_of, return_state=True)
    finished = finish_day(list(reserved), now, is_whole=months is None, wait_for=[started], return_state=True)
    make_up_notices(as_of, return_state=True)  # nobody being told keeps no step from its day
    return conclude_day(looked_at, started, finished)
