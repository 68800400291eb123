"""A unit's calendar as a file or a feed."""

from datetime import datetime

from fundpool.adapters.documents.calendar_files import unit_calendar_file
from fundpool.services.ports.work import MonthPorts
from fundpool.services.watch.reminders import unit_name
from fundpool.services.watch.unit_duties import duties_of_unit


def unit_calendar(ports: MonthPorts, city: str, unit: str, *, now: datetime) -> bytes:
    """The iCalendar file of a county, or of an office of the city such as ``city_finance``.

    An event keeps its UID for ever; its SEQUENCE grows when the duty is extended, done or returned. Raises InputError
    for an unknown city or unit.
    """
    duties = duties_of_unit(ports, city, unit, now=now)
    policy = ports.policies.city(city)
    return unit_calendar_file(policy, unit_name(policy, unit)[0], duties, stamp=now, calendar=ports.calendar)
