"""The daily tick's task: start what is due for one city."""

from typing import Any

from prefect import task
from prefect.client.orchestration import get_client

from fundpool.bootstrap import open_installation
from fundpool.clock import business_clock
from fundpool.domain.periods import parse_month
from fundpool.services.month.daily import finish_tick, live_cities, record_start, reserve_due_steps
from fundpool.services.watch.installation import look, tell
from fundpool.settings import Settings
from tasks.options import RETRY_WHEN_AWAY
from tasks.process import ports_of_this_process
from tasks.steps import ports_at


def cities_to_run(named: list[str] | None) -> tuple[str, ...]:
    """The cities whose calendar runs here."""
    return live_cities(ports_of_this_process(), named)


@task(name="start-due-steps", task_run_name="{city}", **RETRY_WHEN_AWAY)
def start_due_steps(city: str, as_of: str | None, months: list[str] | None = None) -> list[dict[str, Any]]:
    """Start each step reserved for the day; a start that was cut short is made with the same key again."""
    ports, started = ports_at(as_of), []
    only = None if months is None else [parse_month(month) for month in months]
    with get_client(sync_client=True) as client:
        for scheduled in reserve_due_steps(ports, city, business_clock(as_of), only=only):
            month = str(scheduled.month)
            parameters = {"city": city, "month": month, "county": None, "as_of": as_of}
            deployment = client.read_deployment_by_name(f"{scheduled.step}/{scheduled.step}")
            run = client.create_flow_run_from_deployment(
                deployment.id, parameters=parameters, idempotency_key=scheduled.key
            )
            record_start(ports, scheduled, str(run.id))
            started.append({"city": city, "month": month, "step": scheduled.step, "run": str(run.id)})
    finish_tick(ports, city, business_clock(as_of), is_whole=months is None)
    return started


@task(name="make-up-notices", **RETRY_WHEN_AWAY)
def make_up_notices(as_of: str | None) -> None:
    """Enter what people are to know into the outbox; the timer sends it."""
    installation = open_installation(Settings(), ports_of_this_process())
    reading, standing = look(installation, business_clock(as_of))
    tell(installation, reading, standing, sends=False)
