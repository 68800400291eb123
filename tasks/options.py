"""When a task or a run is tried again: only when an outside service did not answer; no task that sends money is.

The orchestrator's cache is off everywhere: it is no guard against paying twice; the transfer's own
key is. Results are small JSON summaries and are not kept on disk.
"""

from typing import Any, TypedDict

from prefect.cache_policies import NO_CACHE, CachePolicy

from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.outcomes import UNANSWERED

WRONGLY_SET_UP = frozenset({"gateway_not_configured", "gateway_unauthorised", "database_read_only"})
"""Codes of a service that answers again only when a person has changed the settings."""

AWAY = (UNANSWERED | {"storage_unavailable"}) - WRONGLY_SET_UP - {"outcome_unknown"}
"""Codes of failures that end by themselves when a service answers again."""

SERVICE_AWAY = "ServiceAway"
"""Name of the Failed state of a run that failed for nothing else: the worker tries it again over an hour."""


class TaskOptions(TypedDict, total=False):
    """The options every task of the product states."""

    retries: int
    retry_delay_seconds: list[float]
    retry_condition_fn: Any
    cache_policy: CachePolicy
    persist_result: bool
    result_serializer: str


class FlowOptions(TypedDict):
    """The options every flow of the product states."""

    retries: int
    persist_result: bool
    result_serializer: str
    validate_parameters: bool


def service_was_away(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether the failure was a service that did not answer; anything else fails again the same way."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, ServiceUnavailable) and error.code not in WRONGLY_SET_UP


RETRY_WHEN_AWAY = TaskOptions(
    retries=2,
    retry_delay_seconds=[2, 8],
    retry_condition_fn=service_was_away,
    cache_policy=NO_CACHE,
    persist_result=False,
    result_serializer="json",
)

NEVER_AGAIN_BY_ITSELF = TaskOptions(
    retries=0, cache_policy=NO_CACHE, persist_result=False, result_serializer="json"
)
"""Sending money: the next tick or an operator looks again, through the transfer's own state."""

STEP_FLOW = FlowOptions(retries=0, persist_result=False, result_serializer="json", validate_parameters=True)
