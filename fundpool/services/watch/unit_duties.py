"""The duties of one unit for its calendar: those that are past, open and to come."""

from dataclasses import dataclass
from datetime import datetime

from fundpool.domain.periods import SHANGHAI, Month, Period, Year
from fundpool.domain.policy import require_county
from fundpool.domain.transfer import ObligationState
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.oversight.progress import DutyProgress, MonthFacts, month_facts, progress_of
from fundpool.services.ports.work import MonthPorts, Work
from fundpool.services.watch.reminders import recipient_of

MONTHS_AROUND = 3
"""So many months before and after the current one stand in the calendar, with its fund year and the one before."""


@dataclass(frozen=True, slots=True)
class UnitDuty:
    """A dated duty and where it stands; ``sequence`` grows with every record that concerns it."""

    progress: DutyProgress
    sequence: int


def duties_of_unit(ports: MonthPorts, city: str, unit: str, *, now: datetime) -> list[UnitDuty]:
    """The dated duties of a county, or of an office of the city, in the order of the periods.

    Raises InputError for a city or a unit that no policy file names.
    """
    policy = ports.policies.city(city)
    if unit not in policy.actors:
        require_county(policy, unit)
    this = Month.of(now.astimezone(SHANGHAI).date())
    months = [this.plus(ahead) for ahead in range(-MONTHS_AROUND, MONTHS_AROUND + 1)]
    periods: list[Period] = [Year(this.year - 1), Year(this.year), *months]

    def read(work: Work) -> list[UnitDuty]:
        of_periods = [(period, month_facts(work, policy, period)) for period in periods]
        return [
            UnitDuty(row, _changes(facts, row))
            for period, facts in of_periods
            for row in progress_of(policy, period, ports.calendar, facts=facts, now=now)
            if row.duty.due is not None and recipient_of(row.duty) == unit
        ]

    return ports.database.read(read)


_RETURNED = frozenset({ObligationState.RETURNED, ObligationState.PARTLY_RETURNED})


def _changes(facts: MonthFacts, row: DutyProgress) -> int:
    """How often something was recorded about the duty. Records are never taken away: it only grows."""
    extended = sum(each.duty == row.duty.key for each in facts.extensions)
    document = DOCUMENT_OF.get(row.duty.key)
    if document is not None and row.duty.unit is not None:
        versions = facts.versions.get((document, row.duty.unit), ())
        is_nil = (document, row.duty.unit) in facts.nil_returns
        return extended + is_nil + sum(1 + (version.returned_at is not None) for version in versions)
    paid = sum((each.settled_at is not None) + (each.state in _RETURNED) for each in facts.obligations)
    return extended + len(facts.applications) + len(facts.filings) + len(facts.nil_returns) + paid
