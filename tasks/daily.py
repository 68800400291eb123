"""The daily tick's tasks: reserve what is due for each city, start it, close the day."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client

from fundpool.bootstrap import open_installation
from fundpool.clock import business_clock
from fundpool.domain.periods import parse_month
from fundpool.domain.schedule import ScheduledStep, SharedStart, shared_starts
from fundpool.services.month.daily import finish_tick, live_cities, record_start, reserve_due_steps
from fundpool.services.watch.installation import look, tell
from fundpool.settings import Settings
from tasks.options import RETRY_WHEN_AWAY
from tasks.process import ports_of_this_process
from tasks.steps import ports_at


def cities_to_run(named: list[str] | None) -> tuple[str, ...]:
    """The cities whose calendar runs here."""
    return live_cities(ports_of_this_process(), named)


@task(name="reserve-due-steps", task_run_name="{city}", **RETRY_WHEN_AWAY)
def reserve_steps(
    city: str, now: datetime, *, as_of: str | None, months: list[str] | None = None
) -> tuple[ScheduledStep, ...]:
    """Reserve each step that the city's calendar has for the day; what is still to be started."""
    only = None if months is None else [parse_month(month) for month in months]
    return reserve_due_steps(ports_at(as_of), city, now, only=only)


@task(name="start-steps", task_run_name="启动 start", **RETRY_WHEN_AWAY)
def start_steps(
    reserved: Sequence[ScheduledStep], cities: Sequence[str], *, as_of: str | None
) -> list[dict[str, Any]]:
    """Start what is reserved, one run for all cities that share it; one that was cut short is made with the same key again."""
    ports, started = ports_of_this_process(), []
    with get_client(sync_client=True) as client:
        for start in shared_starts(reserved, cities):
            step, month = start.steps[0].step, str(start.steps[0].month)
            run = _start(client, start, {"month": month, "county": None, "as_of": as_of})
            record_start(ports, start.steps, run)
            started.append({"cities": start.cities, "month": month, "step": step, "run": run})
    return started


def _start(client: SyncPrefectClient, start: SharedStart, parameters: dict[str, Any]) -> str:
    step, cities = start.steps[0].step, start.cities
    run = client.create_flow_run_from_deployment(
        client.read_deployment_by_name(f"{step}/{step}").id,
        parameters={"city": cities if len(cities) > 1 else cities[0], **parameters},
        idempotency_key=start.key,
    )
    return str(run.id)


@task(name="finish-day", task_run_name="收尾 finish", **RETRY_WHEN_AWAY)
def finish_day(cities: Sequence[str], now: datetime, *, is_whole: bool) -> None:
    """Keep the day's anchor and remember that the cities' tick is done."""
    finish_tick(ports_of_this_process(), cities, now, is_whole=is_whole)


@task(name="make-up-notices", **RETRY_WHEN_AWAY)
def make_up_notices(as_of: str | None) -> None:
    """Enter what people are to know into the outbox; the timer sends it."""
    installation = open_installation(Settings(), ports_of_this_process())
    reading, standing = look(installation, business_clock(as_of))
    tell(installation, reading, standing, sends=False)
