"""How punctual units are, counted for the yearly appraisal (目标责任制考核).

On-time rate: of the duties whose last day is over, the share that was done on that day or before. The last day
is the due day of the article; an extension granted by document moves it. A nil return or a waiver counts as done
on the day it was recorded; a filing that was returned counts from the version that stands. A duty without a day,
or whose last day has not passed, is not counted, whether it is done or not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from fundpool.domain.periods import Month


@dataclass(frozen=True, slots=True)
class DutyRecord:
    """One duty of one unit: its last day to be on time (None: no day is set), and when it was done.

    ``unit`` None: a duty of the city as a whole. ``month`` is the month it is counted in.
    """

    month: Month
    duty: str
    unit: str | None
    last_day: date | None
    done_on: date | None
    is_extended: bool = False
    is_nil: bool = False

    def fell_due(self, today: date) -> bool:
        """Whether the last day is over."""
        return self.last_day is not None and self.last_day < today

    @property
    def is_on_time(self) -> bool:
        """Whether it was done by its last day."""
        return self.done_on is not None and self.last_day is not None and self.done_on <= self.last_day

    def days_late(self, today: date) -> int:
        """Days from the last day to the doing, or to today while it is open."""
        if self.last_day is None:
            return 0
        return max(((self.done_on or today) - self.last_day).days, 0)


@dataclass(frozen=True, slots=True)
class Punctuality:
    """How many duties fell due, and how many of them were done on time, late, or are still open."""

    fell_due: int
    on_time: int
    late: int
    still_open: int
    days_late: int
    extensions: int
    nil: int

    @property
    def rate(self) -> Fraction | None:
        """On time of those that fell due; None while none did."""
        return Fraction(self.on_time, self.fell_due) if self.fell_due else None


def punctuality(records: Iterable[DutyRecord], today: date) -> Punctuality:
    """Counted over the records whose last day is over."""
    counted = [record for record in records if record.fell_due(today)]
    missed = [record for record in counted if not record.is_on_time]
    return Punctuality(
        fell_due=len(counted),
        on_time=len(counted) - len(missed),
        late=sum(record.done_on is not None for record in missed),
        still_open=sum(record.done_on is None for record in missed),
        days_late=sum(record.days_late(today) for record in missed),
        extensions=sum(record.is_extended for record in counted),
        nil=sum(record.is_nil for record in counted),
    )


@dataclass(frozen=True, slots=True)
class LeagueRow:
    """A county's place; ``rank`` None where nothing fell due. ``returned`` counts filings that went back."""

    rank: int | None
    county: str
    punctuality: Punctuality
    returned: int


def league(
    counties: Sequence[str],
    records: Iterable[DutyRecord],
    *,
    returned: Mapping[str, int],
    today: date,
) -> tuple[LeagueRow, ...]:
    """Counties by on-time rate, then by fewer days late; equals share a rank and stand in order of code.

    Filings that went back are shown and do not count: how good a file is and when it came are two questions.
    """
    by_county: dict[str, list[DutyRecord]] = {county: [] for county in counties}
    for record in records:
        if record.unit in by_county:
            by_county[record.unit].append(record)
    measured = {county: punctuality(own, today) for county, own in by_county.items()}
    ranked = sorted(
        (county for county in counties if measured[county].rate is not None),
        key=lambda county: (*_order(measured[county]), county),
    )
    rows: list[LeagueRow] = []
    for place, county in enumerate(ranked, start=1):
        is_equal = bool(rows) and _order(rows[-1].punctuality) == _order(measured[county])
        rank = rows[-1].rank if is_equal else place
        rows.append(LeagueRow(rank, county, measured[county], returned=returned.get(county, 0)))
    without = sorted(county for county in counties if measured[county].rate is None)
    rows += [
        LeagueRow(None, county, measured[county], returned=returned.get(county, 0)) for county in without
    ]
    return tuple(rows)


def _order(counted: Punctuality) -> tuple[Fraction, int]:
    assert counted.rate is not None
    return -counted.rate, counted.days_late
