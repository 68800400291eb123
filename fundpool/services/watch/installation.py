"""An installation as the watch sees it: its ports, the machine around it, and its channels to people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fundpool.domain.notices import Notice
from fundpool.services.ports.notices import Act, Channel, Surroundings
from fundpool.services.ports.work import MonthPorts
from fundpool.services.watch.notices import standing_notices, worker_seen_at
from fundpool.services.watch.outbox import Sending, make_up, send_waiting
from fundpool.services.watch.readings import Reading, read_installation


@dataclass(frozen=True, slots=True)
class Installation:
    """What the watch looks at, and how it reaches people; ``look_around`` and ``channels`` are asked each time."""

    ports: MonthPorts
    look_around: Callable[[], Surroundings]
    channels: Callable[[], Sequence[Channel]]


def look(installation: Installation, now: datetime) -> tuple[Reading, tuple[Notice, ...]]:
    """What stands open now, and of what people are to know. Raises ServiceUnavailable as the database does."""
    surroundings = installation.look_around()
    if surroundings.database_error is not None:
        raise surroundings.database_error
    reading = read_installation(installation.ports, now)
    reading = replace(reading, worker_seen_at=worker_seen_at(reading, surroundings.queue))
    return reading, standing_notices(reading, surroundings, installation.ports.calendar)


def tell(installation: Installation, reading: Reading, standing: Sequence[Notice], *, sends: bool) -> Sending:
    """Make up what is new and, with ``sends``, send what waits; what the sending came to.

    Where no channel is set up nothing is made up: once there is one, it is told all that stands then.
    """
    channels = installation.channels()
    if not channels:
        return Sending()
    database, now = installation.ports.database, reading.now
    seen = reading.worker_seen_at
    if seen is not None:
        database.transaction(lambda work: work.last_done.record(Act.WORKER_SEEN, seen))
    make_up(database, standing, now, cities={city.policy.key for city in reading.cities})
    return send_waiting(database, channels, now) if sends else Sending()
