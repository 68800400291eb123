"""The business clock: the moment a person names, else now in Shanghai."""

from datetime import datetime, time

from fundpool.domain.errors import InputError
from fundpool.domain.periods import FIRST_YEAR, LAST_YEAR, SHANGHAI

START_OF_WORK = time(9, 0)
"""The clock time of a day given without one: an office at work, not midnight."""


def business_clock(as_of: str | None) -> datetime:
    """The aware moment of ``as_of`` (DATE or DATETIME; Shanghai when it names no zone), else now.

    Raises InputError (``moment``) for anything else, and for a year that no month here can have.
    """
    if as_of is None:
        return datetime.now(SHANGHAI)
    try:
        moment = datetime.fromisoformat(as_of)
        is_known = FIRST_YEAR <= moment.year <= LAST_YEAR
    except ValueError:
        is_known = False
    if not is_known:
        raise InputError(
            "moment",
            f"时间写法不对，或不在 {FIRST_YEAR} 至 {LAST_YEAR} 年间：{as_of}",
            f"not a moment between {FIRST_YEAR} and {LAST_YEAR}: {as_of}",
            remedy="2026-10-09 | 2026-10-09T09:30",
        )
    if len(as_of) <= len("2026-10-09"):
        moment = datetime.combine(moment.date(), START_OF_WORK)
    return moment.replace(tzinfo=SHANGHAI) if moment.tzinfo is None else moment.astimezone(SHANGHAI)
