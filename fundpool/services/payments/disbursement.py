"""Paying the month out along the city's path, one hop at a time, through the one door for money.

A step makes the batch of a hop from finance's figures and sends what people have approved and
released; it never authorises. Running it again sends nothing twice: ``services.payments.sending`` decides
that, not this module.
"""

from dataclasses import dataclass, replace
from functools import partial

from fundpool.domain.application import Application
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.people import SYSTEM, same_person
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy, PaymentHop
from fundpool.domain.transfer import OUTCOME_UNKNOWN, Hop, ObligationState, PaymentOrder, latest_revisions
from fundpool.services.payments import batches, kill_switches, resolving, sending, transfer_views
from fundpool.services.payments.seals import require_application_whole
from fundpool.services.payments.transfer_views import TransferOutcome
from fundpool.services.ports.work import MonthPorts, Work

PAY_DUTY = "pay_from_fiscal_account"
ALLOCATE_DUTY = "allocate_to_counties"

_STUCK = {
    ObligationState.FAILED,
    ObligationState.HELD,
    ObligationState.RETURNED,
    ObligationState.PARTLY_RETURNED,
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One hop of the city's path: between which accounts, and whether each county is paid on its own."""

    hop: Hop
    units: tuple[str, ...]
    pays_city: bool


def legs_of(policy: CityPolicy, month: Month, duty_key: str) -> tuple[Leg, ...]:
    """The hops that fulfil ``duty_key``; () where the city's path has none."""
    return tuple(
        _leg(policy, hop)
        for hop in policy.payment_path
        if hop.closes == duty_key and policy.rule(hop.basis).holds_on(month.first_day)
    )


def orders_of(policy: CityPolicy, leg: Leg, application: Application) -> tuple[PaymentOrder, ...]:
    """The payments that a reviewed application leads to over one hop; a county reviewed at nil gets none."""
    amounts = {
        line.county: line.reviewed_fen
        for line in application.lines
        if line.reviewed_fen and line.county in leg.units
    }
    if leg.pays_city:
        amounts = {policy.division_code: sum(amounts.values())} if amounts else {}
    return tuple(
        PaymentOrder(
            city=policy.key,
            fund=application.fund,
            month=application.month,
            hop=leg.hop,
            payer_unit=policy.division_code,
            unit=unit,
            amount_fen=amount_fen,
            application=application.number,
        )
        for unit, amount_fen in sorted(amounts.items())
    )


def is_owed(work: Work, policy: CityPolicy, month: Month, *, duty_key: str) -> bool:
    """Whether something that finance reviewed has not arrived over the hops of ``duty_key`` yet.

    A supplementary application makes a hop owed again that was done before.
    """
    arrived = {ObligationState.SETTLED, ObligationState.PARTLY_RETURNED, ObligationState.CANCELLED}
    for leg in legs_of(policy, month, duty_key):
        obligations = work.payments.obligations(city=policy.key, month=month, hop=leg.hop)
        over = {
            (obligation.fund, obligation.application, obligation.unit)
            for obligation in latest_revisions(obligations)
            if obligation.state in arrived
        }
        owed = {
            (order.fund, order.application, order.unit)
            for application in work.applications.applications(policy.key, month)
            if application.is_reviewed
            for order in orders_of(policy, leg, application)
        }
        if owed - over:
            return True
    return False


def _leg(policy: CityPolicy, hop: PaymentHop) -> Leg:
    to_type = AccountType(hop.to_account)
    units = tuple(unit.code for unit in policy.units if not hop.only_units or unit.code in hop.only_units)
    return Leg(Hop(AccountType(hop.from_account), to_type), units, to_type is AccountType.CITY_EXPENDITURE)


def order_payments(
    ports: MonthPorts, request: StepRequest, duty: str, *, comes_after: str | None
) -> list[UnitOutcome]:
    """Make the batches of the hops that fulfil ``duty``, of every application that finance has reviewed.

    ``comes_after`` is the duty whose payments must have arrived before. Answers for what cannot be ordered yet.
    """
    policy = ports.policies.city(request.city)
    legs = legs_of(policy, request.month, duty)
    if not legs:
        zh, en = (
            f"{policy.name_zh}的拨付路径没有这一环节",
            f"the payment path of {policy.name_en} has no such hop",
        )
        return [UnitOutcome(policy.division_code, UnitState.DONE, zh, detail_en=en)]
    return [
        outcome
        for leg in legs
        for outcome in _order(ports, policy, request, leg=leg, comes_after=comes_after)
    ]


def ask_bank(ports: MonthPorts, request: StepRequest, duty: str) -> list[UnitOutcome]:
    """Ask the bank about the month's open payments, where one of these hops is under way; it never sends.

    Answers for the city where the bank was away or refused our signature.
    """
    policy = ports.policies.city(request.city)
    legs = legs_of(policy, request.month, duty)
    standing = [transfer for leg in legs for transfer in _standing(ports, policy, request, leg=leg)]
    if any(transfer.state is ObligationState.IN_FLIGHT for transfer in standing):
        resolved = resolving.resolve(ports, request.now, city=policy.key, month=request.month)
        return [
            replace(payment_outcome(refused), unit=policy.division_code, fund=None, amount_fen=None)
            for refused in [transfer for transfer in resolved if transfer.error_code is not None][:1]
        ]
    return []


def send_payments(ports: MonthPorts, request: StepRequest, duty: str) -> list[UnitOutcome]:
    """Send what is released over these hops, and say how every payment stands."""
    policy = ports.policies.city(request.city)
    outcomes: list[UnitOutcome] = []
    for leg in legs_of(policy, request.month, duty):
        transfers = _standing(ports, policy, request, leg=leg)
        if any(transfer.state in sending.SENDABLE for transfer in transfers):
            transfers = list(
                sending.send_batch(
                    ports,
                    policy.key,
                    request.month,
                    hop=leg.hop,
                    worker=request.run_id or request.by,
                    now=request.now,
                    units=_units(policy, request, leg),
                )
            )
        outcomes += [payment_outcome(transfer) for transfer in transfers]
    return [*outcomes, *stopped_funds(ports, policy)]


def stopped_funds(ports: MonthPorts, policy: CityPolicy) -> list[UnitOutcome]:
    """An outcome of the city for each fund whose sending is stopped, with what stopped it."""
    stops = ports.database.read(lambda work: kill_switches.stops_of(work, policy))
    return [
        UnitOutcome(
            policy.division_code,
            UnitState.FLAGGED,
            stop.message_zh,
            detail_en=stop.message_en,
            fund=stop.fund,
            error_code="fund_stopped",
            remedy=kill_switches.STOP_REMEDY,
        )
        for stop in stops
    ]


def _order(
    ports: MonthPorts, policy: CityPolicy, request: StepRequest, *, leg: Leg, comes_after: str | None
) -> list[UnitOutcome]:
    """Make the batches of every application finance has reviewed; answers for what cannot be ordered yet."""
    applications = ports.database.read(lambda work: work.applications.applications(policy.key, request.month))
    outcomes: list[UnitOutcome] = []
    if not applications:
        outcomes.append(
            UnitOutcome(
                policy.division_code, UnitState.WAITING, "尚未向财政申请", detail_en="nothing applied for yet"
            )
        )
    for application in applications:
        if not application.is_reviewed:
            outcomes.append(_of_city(policy, application, "待财政复核", en="finance's review is outstanding"))
            continue
        if comes_after is not None and not _has_arrived(ports, policy, application, duty_key=comes_after):
            zh, en = "款项尚未到市支出户", "the money has not reached the city's account"
            outcomes.append(_of_city(policy, application, zh, en=en))
            continue
        order = partial(_order_missing, policy=policy, leg=leg, application=application, request=request)
        try:
            outcomes += ports.database.transaction(order)
        except RuleViolation as problem:
            outcomes.append(_of_city(policy, application, problem.zh, en=problem.en, error_code=problem.code))
    return outcomes


def _order_missing(
    work: Work, policy: CityPolicy, leg: Leg, *, application: Application, request: StepRequest
) -> list[UnitOutcome]:
    """Order what is not ordered yet of the application over this hop; an outcome for each payee that lacks something.

    A payee without a usable account keeps nobody else waiting: it is ordered later, in a batch of
    its own, and only because nothing was ever ordered for it. Its order is the same then: books
    restored from a backup order everybody at once, and must recognise what the bank has.
    """
    ordered = {
        obligation.unit
        for obligation in work.payments.obligations(
            city=policy.key, month=application.month, fund=application.fund, hop=leg.hop
        )
        if obligation.application == application.number
    }
    require_application_whole(work, application)
    outcomes: list[UnitOutcome] = []
    orders: list[PaymentOrder] = []
    for order in orders_of(policy, leg, application):
        if order.unit in ordered:
            continue
        account = work.accounts.approved(policy.key, order.fund, leg.hop.to_type, unit=order.unit)
        if account is None or not account.may_be_used(request.now):
            outcomes.append(_without_account(order))
        else:
            orders.append(order)
    if orders:
        batches.order_transfers(work, orders, maker=_maker(application, request), now=request.now)
    return outcomes


def _maker(application: Application, request: StepRequest) -> str:
    """Who answers for the order: the person running the step, else finance's reviewer, whose figures it is."""
    if not same_person(request.by, SYSTEM):
        return request.by
    reviewers = [line.reviewed_by for line in application.lines if line.reviewed_by is not None]
    return reviewers[-1]


def _without_account(order: PaymentOrder) -> UnitOutcome:
    return UnitOutcome(
        order.unit,
        UnitState.FAILED,
        "没有经复核可用的收款账户，未列入批次",
        detail_en="no approved account that can be used: not in the batch",
        fund=order.fund,
        amount_fen=order.amount_fen,
        error_code="account_not_registered",
        remedy="登记并复核收款账户，再执行本步骤 / register the account and have it approved, then run the step again: "
        "fundpool accounts register, fundpool accounts approve",
    )


def _units(policy: CityPolicy, request: StepRequest, leg: Leg) -> frozenset[str]:
    return frozenset((policy.division_code,) if leg.pays_city else counties_of(policy, request))


def _standing(
    ports: MonthPorts, policy: CityPolicy, request: StepRequest, *, leg: Leg
) -> list[TransferOutcome]:
    """How the payments of the leg stand that the request is about."""
    units = _units(policy, request, leg)

    def read(work: Work) -> list[TransferOutcome]:
        obligations = work.payments.obligations(city=policy.key, month=request.month, hop=leg.hop)
        wanted = [each for each in latest_revisions(obligations) if each.unit in units]
        return transfer_views.outcomes_of(work, wanted, errors={})

    return ports.database.read(read)


def payment_outcome(transfer: TransferOutcome) -> UnitOutcome:
    """How one payment stands, in a step's terms."""
    error_code = transfer.error_code
    if error_code is not None:
        state = UnitState.FAILED
    elif transfer.attempt_state in OUTCOME_UNKNOWN:
        state, error_code = UnitState.FLAGGED, "outcome_unknown"
    elif transfer.state is ObligationState.SETTLED:
        state = UnitState.DONE
    else:
        state = UnitState.FLAGGED if transfer.state in _STUCK else UnitState.WAITING
    return UnitOutcome(
        transfer.unit,
        state,
        transfer.detail_zh,
        detail_en=transfer.detail_en,
        fund=transfer.fund,
        amount_fen=transfer.amount_fen,
        error_code=error_code,
        remedy=transfer.remedy if transfer.error_code else transfer_views.ASK_AGAIN if error_code else None,
    )


def _of_city(
    policy: CityPolicy, application: Application, zh: str, *, en: str, error_code: str | None = None
) -> UnitOutcome:
    """Why an application is not ordered yet: it waits, or with ``error_code`` was refused."""
    return UnitOutcome(
        policy.division_code,
        UnitState.WAITING if error_code is None else UnitState.FAILED,
        f"第 {application.number} 号申请：{zh}",
        detail_en=f"application {application.number}: {en}",
        fund=application.fund,
        amount_fen=application.applied_fen,
        error_code=error_code,
    )


def _has_arrived(ports: MonthPorts, policy: CityPolicy, application: Application, *, duty_key: str) -> bool:
    """Whether every payment of the application over the hop before is settled."""

    def settled(work: Work) -> bool:
        for leg in legs_of(policy, application.month, duty_key):
            wanted = {order.unit for order in orders_of(policy, leg, application)}
            arrived = {
                obligation.unit
                for obligation in work.payments.obligations(
                    city=policy.key,
                    month=application.month,
                    fund=application.fund,
                    hop=leg.hop,
                    states=[ObligationState.SETTLED],
                )
                if obligation.application == application.number
            }
            if not wanted <= arrived:
                return False
        return True

    return ports.database.read(settled)
