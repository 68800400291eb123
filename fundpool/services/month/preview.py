"""What running a step again would do with money, before anybody runs it: nothing is written, nobody is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import StepRequest, counties_of
from fundpool.domain.policy import CityPolicy
from fundpool.domain.transfer import OPEN_QUESTIONS, Obligation, ObligationState, latest_revisions
from fundpool.services.payments.disbursement import has_arrived, legs_of, orders_of
from fundpool.services.payments.kill_switches import is_stopped
from fundpool.services.ports.work import MonthPorts, Work


class Act(StrEnum):
    """What the step would do about one payment."""

    ASK = "ask"
    """Ask the bank what became of it; the same key again only where the bank never had it."""
    SEND = "send"
    ORDER = "order"
    """Enter it into a batch, which two people must still approve and release."""
    BLOCKED = "blocked"
    """Released, and not sent because the fund is stopped."""


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """One payment and what the step would do about it; ``key`` None for one that is not ordered yet."""

    act: Act
    unit: str
    fund: str
    amount_fen: int
    key: str | None = None


def preview(ports: MonthPorts, step: str, request: StepRequest) -> tuple[PlannedAct, ...]:
    """What ``run_step`` would do about payments, as the books stand now; () for a step that pays nothing.

    A run for some counties still asks the bank about every open payment of the month, as the step does.
    Raises InputError for an unknown county.
    """
    policy = ports.policies.city(request.city)
    counties = frozenset(counties_of(policy, request))
    operating_step = STEPS[step]
    if step == "reconciliation":
        return ports.database.read(lambda work: tuple(_asked(work, request)))
    if not operating_step.moves_money or operating_step.duty is None:
        return ()
    legs = legs_of(policy, request.month, operating_step.duty)
    before = STEPS[operating_step.after] if operating_step.after else None
    applications = ports.database.read(lambda work: work.applications.applications(policy.key, request.month))
    comes_after = before.duty if before is not None and before.moves_money else None
    ready = [
        each
        for each in applications
        if each.is_reviewed
        and (comes_after is None or has_arrived(ports, policy, each, duty_key=comes_after))
    ]

    def read(work: Work) -> tuple[PlannedAct, ...]:
        acts: list[PlannedAct] = []
        asks = False
        for leg in legs:
            payments = work.payments.obligations(city=policy.key, month=request.month, hop=leg.hop)
            # As the step does: the city's own payments whoever is chosen, else those of the counties chosen.
            units = frozenset({policy.division_code}) if leg.pays_city else counties
            standing = [each for each in latest_revisions(payments) if each.unit in units]
            asks = asks or any(each.state is ObligationState.IN_FLIGHT for each in standing)
            acts += _sent(work, policy, standing)
            # Orders are made for every payee of the application, as the step makes them.
            ordered = {(each.unit, each.fund, each.application) for each in payments}
            acts += [
                PlannedAct(Act.ORDER, order.unit, order.fund, order.amount_fen)
                for application in ready
                for order in orders_of(policy, leg, application)
                if (order.unit, order.fund, application.number) not in ordered
            ]
        return (*(_asked(work, request) if asks else ()), *acts)

    return ports.database.read(read)


def _sent(work: Work, policy: CityPolicy, payments: list[Obligation]) -> Iterator[PlannedAct]:
    for each in payments:
        if each.state in {ObligationState.RELEASED, ObligationState.RETRY_APPROVED}:
            act = Act.BLOCKED if is_stopped(work, policy.key, each.fund) else Act.SEND
            yield PlannedAct(act, each.unit, each.fund, each.amount_fen, each.key)


def _asked(work: Work, request: StepRequest) -> Iterator[PlannedAct]:
    for attempt in work.attempts.in_states(OPEN_QUESTIONS, city=request.city, month=request.month):
        each = work.payments.obligation(attempt.obligation_id)
        yield PlannedAct(Act.ASK, each.unit, each.fund, each.amount_fen, each.key)
