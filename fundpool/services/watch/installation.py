"""An installation as the watch sees it: its ports, the machine around it, and its channels to people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fundpool.domain.errors import FundpoolError
from fundpool.domain.notices import OPERATORS, Language, Notice, Recipient, kinds_for_units
from fundpool.services.ports.notices import Act, Channel, Contact, Surroundings
from fundpool.services.ports.work import MonthPorts
from fundpool.services.watch.notices import rights_notices, standing_notices, worker_seen_at
from fundpool.services.watch.outbox import Sending, Ways, make_up, send_to_all
from fundpool.services.watch.readings import Reading, read_installation
from fundpool.services.watch.reminders import notices_for_units, works_today


@dataclass(frozen=True, slots=True)
class Installation:
    """What the watch looks at, and how it reaches people; what can be called is asked each time."""

    ports: MonthPorts
    look_around: Callable[[], Surroundings]
    channels: Callable[[], Sequence[Channel]]
    """To the operators."""
    contacts: Callable[[], Mapping[Recipient, Contact]] = dict
    """Of units and supervisors."""
    days_before: int = 3
    """How many working days before its last one a duty is first reminded of."""
    language: Language = "zh"
    """Of the notices."""


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

    For whom no channel is set up nothing is made up: once there is one, it is told all that stands then. Raises
    InputError where the contacts cannot be used, after the operators were told.
    """
    ways: dict[Recipient | None, Sequence[Channel]] = {OPERATORS: installation.channels()}
    trouble: FundpoolError | None = None
    try:
        ways |= {recipient: contact.channels for recipient, contact in installation.contacts().items()}
    except FundpoolError as error:
        trouble = error
    sending = _tell(
        installation, reading, standing, ways={who: by for who, by in ways.items() if by}, sends=sends
    )
    if trouble is not None:
        raise trouble
    return sending


def _tell(
    installation: Installation, reading: Reading, standing: Sequence[Notice], *, ways: Ways, sends: bool
) -> Sending:
    if not ways:
        return Sending()
    database, calendar, now = installation.ports.database, installation.ports.calendar, reading.now
    seen = reading.worker_seen_at
    if seen is not None:
        database.transaction(lambda work: work.last_done.record(Act.WORKER_SEEN, seen))
    rights = database.read(lambda work: rights_notices(work, now))
    for_units = notices_for_units(reading, calendar, days_before=installation.days_before)
    cities = {city.policy.key for city in reading.cities}
    make_up(database, [*standing, *rights, *for_units], now, cities=cities, reached=ways.keys())
    if not sends:
        return Sending()
    kinds = kinds_for_units(now, is_working_day=works_today(calendar, now))
    return send_to_all(database, ways, now, kinds_for_units=kinds, language=installation.language)
