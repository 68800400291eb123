"""Who is late and how punctual every unit has been: the records of duties over several months, and the league."""

from dataclasses import dataclass
from datetime import date, datetime

from fundpool.domain.appraisal import DutyRecord, LeagueRow, Punctuality, league, punctuality
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, day_of
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind
from fundpool.domain.timeliness import DutyState
from fundpool.services.oversight.hindsight import known_facts
from fundpool.services.oversight.progress import DutyProgress, MonthFacts, progress_of
from fundpool.services.oversight.status import due_this_month
from fundpool.services.ports.work import MonthPorts, Work

TWELVE = 12


@dataclass(frozen=True, slots=True)
class LateDuty:
    """A duty that is late on the day: not done and its last day over, or returned and not filed again."""

    month: str
    duty: str
    unit: str | None
    days_late: int
    waiting_for: str | None
    is_returned: bool


@dataclass(frozen=True, slots=True)
class MonthsRead:
    """What the records of some months say, read in one snapshot: of each month the facts and where duties stand."""

    months: tuple[Month, ...]
    facts: dict[Month, MonthFacts]
    progress: dict[Month, tuple[DutyProgress, ...]]

    def records(self) -> list[DutyRecord]:
        """Every followed duty of the months."""
        return [_record(month, row) for month in self.months for row in self.progress[month]]

    def returned(self) -> dict[str, int]:
        """How many filings of the months went back, by county."""
        counts: dict[str, int] = {}
        for facts in self.facts.values():
            for (_, county), versions in facts.versions.items():
                gone_back = sum(not version.stands for version in versions)
                counts[county] = counts.get(county, 0) + gone_back
        return counts

    def late(self) -> list[LateDuty]:
        """What is late now, the longest first."""
        found = [
            LateDuty(
                month=row.duty.period,
                duty=row.duty.key,
                unit=row.duty.unit,
                days_late=row.standing.days_late or 0,
                waiting_for=row.waiting_for,
                is_returned=row.standing.state is DutyState.RETURNED,
            )
            for month in self.months
            for row in self.progress[month]
            if row.standing.state in {DutyState.OVERDUE, DutyState.RETURNED} and row.standing.days_late
        ]
        return sorted(found, key=lambda each: (-each.days_late, each.month, each.duty, each.unit or ""))


@dataclass(frozen=True, slots=True)
class League:
    """The counties' places over ``months`` on the day ``today``; ``everybody`` counts all units' duties."""

    city: str
    months: tuple[Month, ...]
    today: date
    rows: tuple[LeagueRow, ...]
    everybody: Punctuality


def read_months(
    ports: MonthPorts, work: Work, policy: CityPolicy, *, first: Month, last: Month, now: datetime,
    until: datetime | None,
) -> MonthsRead:  # fmt: skip
    """The months from ``first`` to ``last`` that were kept here: none before the first plan that came in."""
    kept = work.submissions.months(policy.key, [DocumentKind.PLAN])
    begin = max(first, min(kept)) if kept else last.plus(1)
    months: list[Month] = []
    month = begin
    while month <= last:
        months.append(month)
        month = month.plus(1)
    facts = {month: known_facts(work, policy, month, until=until) for month in months}
    progress = {}
    for month in months:
        yearly, _ = due_this_month(ports, work, policy, month=month, now=now, until=until)
        own = progress_of(policy, month, ports.calendar, facts=facts[month], now=now)
        progress[month] = (*own, *yearly)
    return MonthsRead(tuple(months), facts, progress)


def twelve_months(last: Month) -> Month:
    """The first of the twelve months that end with ``last``."""
    return last.plus(1 - TWELVE)


def league_of(policy: CityPolicy, read: MonthsRead, now: datetime) -> League:
    """The league over the months read."""
    records, today = read.records(), day_of(now)
    counties = [unit.code for unit in policy.units]
    return League(
        policy.key,
        read.months,
        today,
        rows=league(counties, records, returned=read.returned(), today=today),
        everybody=punctuality(records, today),
    )


def league_between(
    ports: MonthPorts, city: str, *, first: Month, last: Month, now: datetime, until: datetime | None = None
) -> League:
    """The league of the months from ``first`` to ``last``, as far as they have come.

    Raises InputError ``nothing_kept``.
    """
    policy = ports.policies.city(city)
    last = min(last, Month.of(day_of(now)))

    def read(work: Work) -> League:
        months = read_months(ports, work, policy, first=first, last=last, now=now, until=until)
        if not months.months:
            raise InputError(
                "nothing_kept",
                f"{policy.name_zh}在此没有 {first} 至 {last} 的记录",
                f"nothing from {first} to {last} was kept here for {policy.name_en}",
                remedy="fundpool status",
            )
        return league_of(policy, months, now)

    return ports.database.read(read)


def _record(month: Month, row: DutyProgress) -> DutyRecord:
    due, until = row.duty.due, row.extended_until
    return DutyRecord(
        month,
        row.duty.key,
        row.duty.unit,
        last_day=due if due is None or until is None else max(due, until),
        done_on=None if row.done_at is None else day_of(row.done_at),
        is_extended=until is not None,
        is_nil=row.standing.state is DutyState.NIL,
    )
