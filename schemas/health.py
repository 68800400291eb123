"""How well an installation is: the document of ``fundpool health --json`` and of ``/health``.

No secret, no account and no amount stands in it. Moments are in Shanghai's time, unknown is null.
"""

from enum import StrEnum

from schemas.dashboard import Moment, Shape


class HealthState(StrEnum):
    """The whole in one word."""

    WELL = "well"
    ATTENTION = "attention"
    """Something is open that people must look at; the month goes on where it can."""
    DOWN = "down"
    """The database or the Prefect server does not answer, or the tables are another version's."""


class Reason(Shape):
    """Why an installation is not well: of one kind and city, with the first of ``count`` in words."""

    kind: str
    city: str | None = None
    count: int = 1
    message_zh: str
    message_en: str
    remedy: str | None = None


class FailedStep(Shape):
    """A step whose last run left something undone."""

    month: str
    step: str
    count: int
    codes: tuple[str, ...]


class CityHealth(Shape):
    """One city in use. ``duties`` are those of the open months by state, ``payments`` of all months."""

    city: str
    name_zh: str
    open_months: tuple[str, ...]
    duties: dict[str, int]
    late_counties: tuple[str, ...]
    payments: dict[str, int]
    oldest_open_payment_at: Moment | None
    oldest_open_payment_seconds: int | None
    stopped_funds: tuple[str, ...]
    failed_steps: tuple[FailedStep, ...]


class Tick(Shape):
    """The daily tick: the oldest of the cities' last ones, and the cities where it is missing."""

    last_finished_at: Moment | None
    is_missing: bool
    missing_cities: tuple[str, ...]


class QueueHealth(Shape):
    """The work pool: runs by how they stand, and workers that gave a sign of life."""

    scheduled: int
    late: int
    running: int
    workers_online: int


class Versions(Shape):
    """Version of the program, revision of the tables, and the revision that the program works with."""

    code: str
    tables: str | None
    tables_wanted: str


class Backup(Shape):
    """The newest backup; ``is_old`` when it is older than a day."""

    last_at: Moment | None
    age_seconds: int | None
    is_old: bool


class NoticesHealth(Shape):
    """Telling people: ways that are set up, notices that wait, and those that some way did not take."""

    channels: int
    waiting: int
    undelivered: int


class Health(Shape):
    """An installation. What could not be read because the database is away is null or empty."""

    state: HealthState
    as_of: Moment
    reasons: tuple[Reason, ...]
    cities: tuple[CityHealth, ...]
    tick: Tick | None
    queue: QueueHealth | None
    versions: Versions
    free_bytes: int
    min_free_bytes: int
    backup: Backup | None
    missing_holiday_notices: tuple[int, ...]
    notices: NoticesHealth | None
