"""每日调度: every morning ask the calendar what is due and start it."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from fundpool.domain.errors import ServiceUnavailable
from tasks.conclusions import conclude_day, not_begun
from tasks.daily import cities_to_run, make_up_notices, start_due_steps
from tasks.naming import tick_name
from tasks.options import STEP_FLOW
from tasks.steps import AnyCities, Moment, MonthTexts


@flow(name="daily-tick", flow_run_name=tick_name, **STEP_FLOW)
def daily_tick(cities: AnyCities = None, as_of: Moment = None, months: MonthTexts = None) -> State[Any]:
    """Start each step due today, for each city whose calendar runs here, once; ``months`` names some only.

    No deadline has a cron of its own: cron knows neither days off nor make-up working days. A tick
    that comes late, twice or after an outage looks at today only.
    """
    try:
        keys = cities_to_run(cities)
    except ServiceUnavailable as error:
        return not_begun(error)
    started = {city: start_due_steps(city, as_of, months, return_state=True) for city in keys}
    make_up_notices(as_of, return_state=True)  # nobody being told keeps no step from its day
    return conclude_day(started)
