"""A step's task for one city, or for many in batches: what every flow of a step does."""

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State

from tasks.conclusions import conclude, conclude_batches
from tasks.performing import Cities, CountyCode

CITIES_PER_TASK = 40
"""How many cities share one task run: a validation or a task run costs the same for one as for forty,
and what an outage interrupts is tried again for no more than these."""


def carry_out(
    task: Callable[..., Any], city: Cities, month: str, county: CountyCode, as_of: str | None
) -> State[Any]:
    """Run the step's task and say how it ended, its table published."""
    batches = [city] if isinstance(city, str) else _batches(city)
    ended = [conclude(task(batch, month, county, as_of, return_state=True)) for batch in batches]
    return ended[0] if len(ended) == 1 else conclude_batches(ended)


def _batches(cities: list[str]) -> list[list[str]]:
    starts = range(0, max(1, len(cities)), CITIES_PER_TASK)
    return [cities[start : start + CITIES_PER_TASK] for start in starts]
