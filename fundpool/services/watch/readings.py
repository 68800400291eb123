"""What stands open now: the unfinished months of every city in use, its payments, its stopped funds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import SHANGHAI, Month, day_of
from fundpool.domain.policy import CityPolicy
from fundpool.domain.transfer import (
    OUTCOME_UNKNOWN,
    AttemptState,
    Obligation,
    ObligationState,
)
from fundpool.services.month.daily import MONTHS_BACK, live_cities, open_months
from fundpool.services.oversight.progress import DutyProgress, month_facts, progress_of
from fundpool.services.oversight.status import due_this_month
from fundpool.services.oversight.step_progress import steps_of
from fundpool.services.payments import kill_switches
from fundpool.services.ports.money_ports import PaymentCount
from fundpool.services.ports.notices import Act
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import StepStatus


@dataclass(frozen=True, slots=True)
class FailedStep:
    """A step of a month whose last run left something undone; ``codes`` are those of its errors."""

    month: Month
    step: str
    last_run_at: datetime
    count: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoppedFund:
    """A fund of which nothing is sent; ``since`` None where the record of the stop was deleted."""

    fund: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """A payment that a person must look at."""

    obligation: Obligation
    is_unknown: bool
    """Whether nobody here knows if the bank has moved the money."""
    attempts: int
    """How often it was ordered of the bank."""


@dataclass(frozen=True, slots=True)
class CityReading:
    """What stands open in one city."""

    policy: CityPolicy
    months: tuple[Month, ...]
    duties: tuple[DutyProgress, ...]
    failed_steps: tuple[FailedStep, ...]
    stopped: tuple[StoppedFund, ...]
    payments: tuple[OpenPayment, ...]
    counts: tuple[PaymentCount, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What our own tables say of the installation."""

    now: datetime
    cities: tuple[CityReading, ...]
    last_tick: Mapping[str, datetime]
    """By city: when the daily tick was last finished."""
    last_backup_at: datetime | None
    worker_seen_at: datetime | None = None
    """The newest sign of life of a worker that the sender of notices has noted."""


@dataclass(frozen=True, slots=True)
class _Money:
    payments: Sequence[OpenPayment]
    counts: Sequence[PaymentCount]
    stopped: Sequence[tuple[str, StoppedFund]]


def read_installation(ports: MonthPorts, now: datetime) -> Reading:
    """Read the cities in use, each in a snapshot of its own: no writer waits for the whole.

    Raises ServiceUnavailable when the database is away or not set up.
    """

    def of_all(
        work: Work,
    ) -> tuple[set[str], _Money, Mapping[str, datetime], datetime | None, datetime | None]:
        return (
            # Not those that were only scheduled: a tick may run for cities that nobody has set up here.
            work.budgets.cities() | work.submissions.cities(),
            _money(work, now),
            work.last_done.of(Act.DAILY_TICK),
            work.last_done.of(Act.BACKUP).get(""),
            work.last_done.of(Act.WORKER_SEEN).get(""),
        )

    in_use, money, last_tick, last_backup_at, worker_seen_at = ports.database.read(of_all)
    return Reading(
        now,
        tuple(
            _city(ports, ports.policies.city(key), money, now=now)
            for key in live_cities(ports)
            if key in in_use
        ),
        last_tick,
        last_backup_at,
        worker_seen_at,
    )


def _city(ports: MonthPorts, policy: CityPolicy, money: _Money, *, now: datetime) -> CityReading:
    this = Month.of(day_of(now))
    months = open_months(ports, policy, day_of(now))

    def read(work: Work) -> tuple[list[DutyProgress], list[FailedStep]]:
        duties: list[DutyProgress] = []
        failed: list[FailedStep] = []
        for month in months:
            facts = month_facts(work, policy, month)
            duties += progress_of(policy, month, ports.calendar, facts=facts, now=now)
            steps = steps_of(facts, work.records.runs(policy.key, month))
            failed += [_failed(month, step) for step in steps if step.state == UnitState.FAILED]
        # A document of a whole year is owed in its month, whether or not anything of that month has begun.
        for month in sorted({*months, this}):
            duties += due_this_month(ports, work, policy, month=month, now=now, until=None)[0]
        return duties, failed

    duties, failed_steps = ports.database.read(read)
    return CityReading(
        policy,
        months,
        tuple(duties),
        tuple(failed_steps),
        stopped=tuple(stopped for city, stopped in money.stopped if city == policy.key),
        payments=tuple(each for each in money.payments if each.obligation.city == policy.key),
        counts=tuple(each for each in money.counts if each.city == policy.key),
    )


def _failed(month: Month, step: StepStatus) -> FailedStep:
    assert step.last_run_at is not None
    failed = [outcome for outcome in step.outcomes if outcome.state is UnitState.FAILED]
    codes = sorted({outcome.error_code for outcome in failed if outcome.error_code})
    return FailedStep(month, step.step, step.last_run_at, count=len(failed), codes=tuple(codes))


_OPEN_FOR_EVER = frozenset({ObligationState.HELD, ObligationState.FAILED})
_OPEN_WHILE_ITS_MONTH_IS = frozenset({ObligationState.RETURNED, ObligationState.PARTLY_RETURNED})
"""What came back is made up for by a later month's application; nothing in its own month says so."""


def _money(work: Work, now: datetime) -> _Money:
    first_open = Month.of(now.astimezone(SHANGHAI).date()).plus(-MONTHS_BACK)
    payments = [
        _open_payment(work, obligation, is_unknown=False)
        for obligation in work.payments.obligations(states=_OPEN_FOR_EVER | _OPEN_WHILE_ITS_MONTH_IS)
        if (obligation.state in _OPEN_FOR_EVER or obligation.month >= first_open)
        and work.payments.revisions(obligation)[-1].id == obligation.id
    ]
    seen = {each.obligation.id for each in payments}
    for attempt in work.attempts.in_states(OUTCOME_UNKNOWN):
        # While a worker holds its lease, an order is only being sent.
        is_being_sent = attempt.state is AttemptState.SENDING and (attempt.lease_until or now) > now
        if not is_being_sent and attempt.obligation_id not in seen:
            obligation = work.payments.obligation(attempt.obligation_id)
            payments.append(_open_payment(work, obligation, is_unknown=True))
    return _Money(payments, work.payments.counts(), list(_stopped(work)))


def _open_payment(work: Work, obligation: Obligation, *, is_unknown: bool) -> OpenPayment:
    return OpenPayment(obligation, is_unknown, attempts=len(work.attempts.of_obligation(obligation.id)))


def _stopped(work: Work) -> list[tuple[str, StoppedFund]]:
    """Every stopped fund with its city; one whose record was deleted behind the program too."""
    switches = {(each.city, each.fund): each for each in work.switches.kill_switches()}
    places = switches.keys() | set(kill_switches.ever_stopped(work))
    return [
        (city, StoppedFund(fund, switches[city, fund].at if (city, fund) in switches else None))
        for city, fund in sorted(places)
        if kill_switches.is_stopped(work, city, fund)
    ]
