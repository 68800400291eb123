"""``/health`` and ``/metrics`` of the dashboard's server: the same health, looked at anew after some seconds.

Labels are cities, states and versions alone: their number is bounded by the policy files.
"""

import time
from collections.abc import Callable, Iterator
from threading import Lock

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.health import Health, HealthState

KEPT_SECONDS = 10.0
"""How long a look at the installation is shown at least: many may ask."""

KEPT_TIMES = 9
"""And at least so many times as long as it took: a nation's takes seconds, and takes a tenth of a core at most."""

_STATE_NUMBER = {HealthState.WELL: 0, HealthState.ATTENTION: 1, HealthState.DOWN: 2}


class KeptHealth:
    """The installation's health, looked at by one request at a time and kept for a while."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        self._lock = Lock()
        self._seen: tuple[float, Health] | None = None
        """Until when it is shown, and what was seen."""

    def __call__(self) -> Health:
        with self._lock:
            began = time.monotonic()
            if self._seen is None or began > self._seen[0]:
                health = self._look()
                ended = time.monotonic()
                self._seen = ended + max(KEPT_SECONDS, KEPT_TIMES * (ended - began)), health
            return self._seen[1]


def health_router(look: Callable[[], Health], registry: CollectorRegistry) -> APIRouter:
    """The two routes. ``registry`` has the process's own counts; the health joins them at each request."""
    registry.register(HealthCollector(look))
    router = APIRouter()

    # Plain functions: they run in a thread, where a database may be waited for.

    @router.get("/health", responses={200: {"model": Health}, 503: {"model": Health}})
    def health() -> Response:
        """How well the installation is: 200 well or attention, 503 down."""
        shown = look()
        status = 503 if shown.state is HealthState.DOWN else 200
        return JSONResponse(shown.model_dump(mode="json"), status_code=status)

    @router.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class HealthCollector(Collector):
    """The health as Prometheus reads it; what is not known is left out."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look

    def describe(self) -> list[Metric]:
        """Nothing: to register looks at no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """See ``Collector.collect``."""
        health = self._look()
        yield _gauge("health_state", "0 well, 1 attention, 2 down", _STATE_NUMBER[health.state])
        yield from _of_cities(health)
        yield from _of_installation(health)


def _of_cities(health: Health) -> Iterator[Metric]:
    duties = _by_state("duties", "Duties of the open months by state")
    payments = _by_state("payments", "Payments of all months by state")
    late = _by_city("late_counties", "Counties with an overdue duty")
    oldest = _by_city("oldest_open_payment_age_seconds", "Age of the oldest payment that is not over")
    stopped = _by_city("stopped_funds", "Funds of which nothing is sent")
    failed = _by_city("failed_steps", "Steps of the open months whose last run failed")
    for city in health.cities:
        for state, count in city.duties.items():
            duties.add_metric([city.city, state], count)
        for state, count in city.payments.items():
            payments.add_metric([city.city, state], count)
        late.add_metric([city.city], len(city.late_counties))
        stopped.add_metric([city.city], len(city.stopped_funds))
        failed.add_metric([city.city], len(city.failed_steps))
        if city.oldest_open_payment_seconds is not None:
            oldest.add_metric([city.city], city.oldest_open_payment_seconds)
    yield from (duties, payments, late, oldest, stopped, failed)


def _of_installation(health: Health) -> Iterator[Metric]:
    versions = health.versions
    yield InfoMetricFamily(
        "fundpool_versions",
        "Version of the program and of its tables",
        value={"code": versions.code, "tables": versions.tables or "", "wanted": versions.tables_wanted},
    )
    yield _gauge("data_free_bytes", "Free bytes of the data folder's disk", health.free_bytes)
    yield _gauge(
        "missing_holiday_notices",
        "Holiday notices needed within 60 days and not on file",
        len(health.missing_holiday_notices),
    )
    if health.tick is not None:
        yield _gauge(
            "tick_missing", "1 when a city's daily tick was not done by 07:30", health.tick.is_missing
        )
        if health.tick.last_finished_at is not None:
            at = health.tick.last_finished_at.timestamp()
            yield _gauge("last_tick_timestamp_seconds", "When the daily tick was last finished", at)
    if health.backup is not None and health.backup.age_seconds is not None:
        yield _gauge("backup_age_seconds", "Age of the newest backup", health.backup.age_seconds)
    if health.queue is not None:
        runs = GaugeMetricFamily("fundpool_queue_runs", "Runs of the work pool", labels=["state"])
        for state in ("scheduled", "late", "running"):
            runs.add_metric([state], getattr(health.queue, state))
        yield runs
        yield _gauge("workers_online", "Workers that gave a sign of life", health.queue.workers_online)
    if health.notices is not None:
        yield _gauge("notices_waiting", "Notices that wait to be sent", health.notices.waiting)
        yield _gauge("notices_undelivered", "Notices that a channel did not take", health.notices.undelivered)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fundpool_{name}", text, value=value)


def _by_city(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"fundpool_{name}", text, labels=["city"])


def _by_state(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"fundpool_{name}", text, labels=["city", "state"])
