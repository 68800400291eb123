"""What tasks share within their process: the adapters behind the settings."""

from functools import lru_cache

from fundpool.bootstrap import open_ports
from fundpool.core_dumps import leave_no_core_dump
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings


def ports_of_this_process() -> MonthPorts:
    """The adapters behind the settings, opened once per process and settings.

    Raises ServiceUnavailable when the database is away or not set up; then the next call tries again.
    """
    leave_no_core_dump()
    return _ports(Settings())


@lru_cache(maxsize=1)
def _ports(settings: Settings) -> MonthPorts:
    return open_ports(settings)
