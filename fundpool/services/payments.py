"""The one door through which money leaves: order, approve, release, send.

Three different people: the maker (经办) orders, the checker (复核) approves the digest of the batch,
the releaser (财务) releases it. Sending an order is three transactions around one call (see
docs/reliability.md): prepare (T1) stores key and exact bytes and reserves the amount; claim (T2)
takes the lease and checks every guard again; then the call; then the result (T3). Any rerun of any
step moves no money twice, because the key belongs to the obligation and never to the run.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from time import monotonic

from fundpool.domain.errors import FundpoolError, RuleViolation, ServiceUnavailable
from fundpool.domain.money import format_yuan
from fundpool.domain.people import person, require_other_person
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import (
    LEAVES_ROOM,
    AccountStatus,
    Attempt,
    AttemptState,
    BankAccount,
    Batch,
    BatchLine,
    BatchState,
    Event,
    GatewayTerms,
    Hop,
    Obligation,
    ObligationState,
    PaymentLimits,
    PaymentOrder,
    attempt_key,
    batch_digest,
    check_obligation_arrow,
    fence_proves_absence,
    final_days,
    may_send,
    resend_until,
)
from fundpool.services import attempts, kill_switches
from fundpool.services.attempts import Evidence, apply_event, hold, hop_flow, report_break
from fundpool.services.bank_accounts import approve_account, propose_account
from fundpool.services.failpoints import failpoint
from fundpool.services.kill_switches import confirm_restart, request_restart, stop_fund
from fundpool.services.money_ports import GatewayCall
from fundpool.services.ports import Gateway, GatewayAnswer, GatewayAnswerKind, Ports, Work
from schemas.payment_messages import Direction, TransferOrder

__all__ = [
    "BatchView",
    "TransferOutcome",
    "TransferView",
    "approve_account",
    "approve_batch",
    "approve_retry",
    "authorise",
    "batch_consequences",
    "cancel",
    "confirm_restart",
    "hold_obligation",
    "look_again",
    "order_transfers",
    "propose_account",
    "release_batch",
    "request_restart",
    "send_batch",
    "stop_fund",
    "transfer_views",
]

MAX_WORKER_LIFE = timedelta(minutes=15)
"""A sender stops claiming after this time: a worker must not outlive the bank's memory of a key."""

ATTEMPTS_AT_MOST = 20
"""No obligation has more attempts, so that after a restore every key it can have had is looked for."""

Clock = Callable[[], datetime]

_NO_LIMITS = PaymentLimits()
_TERMS = GatewayTerms()


def running_clock(now: datetime) -> Clock:
    """The business clock ``now`` plus the time that has passed since, by the monotonic clock."""
    start_s = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - start_s)


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """How one obligation stands after a step; ``error_code`` when it could not go on."""

    obligation_id: int
    city: str
    fund: str
    month: Month
    hop: Hop
    unit: str
    amount_fen: int
    state: ObligationState
    attempt_state: AttemptState | None
    key: str | None
    detail_zh: str
    detail_en: str
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class PayeeChange:
    """One payee of a batch, beside what the same payee got in the month before."""

    unit: str
    credit_name: str
    credit_account_no: str
    amount_fen: int
    last_month_fen: int | None


@dataclass(frozen=True, slots=True)
class BatchView:
    """What an approval means: who gets how much, from where, and how it differs from last month."""

    batch: Batch
    digest: str
    payees: tuple[PayeeChange, ...]
    last_month_total_fen: int


# ---------------------------------------------------------------------------------- ordering


def order_transfers(
    work: Work,
    orders: Sequence[PaymentOrder],
    maker: str,
    now: datetime,
    *,
    limits: PaymentLimits = _NO_LIMITS,
) -> tuple[Batch, ...]:
    """Order payments: one batch per city, month, fund, hop and application. The same again is the same.

    A payee added to an application later gets a batch of its own, with its own approval.
    Raises RuleViolation: ``account_not_registered`` (payer or payee without an approved account),
    ``ordered_differently`` (the payee was ordered with another amount), ``exceeds_limit``,
    ``illegal_flow``, ``amount_not_positive``, ``payee_twice``. Nothing is stored then.
    """
    maker = person(maker)
    groups: dict[str, list[PaymentOrder]] = {}
    for order in orders:
        groups.setdefault(order.batch_key, []).append(order)
    return tuple(
        batch for key, group in groups.items() for batch in _order_group(work, key, group, maker, now, limits)
    )


def _order_group(
    work: Work, key: str, orders: list[PaymentOrder], maker: str, now: datetime, limits: PaymentLimits
) -> list[Batch]:
    """The batches that hold the orders; payees not ordered yet get a batch of their own."""
    batch_ids: list[int] = []
    fresh: list[PaymentOrder] = []
    for order in orders:
        known = work.transfers.obligation_by_key(order.key)
        if known is None:
            fresh.append(order)
            continue
        _require_same_amount(known, order)
        batch_ids.append(known.batch_id)
    batches = [work.transfers.batch(batch_id) for batch_id in dict.fromkeys(batch_ids)]
    if fresh:
        part = 1
        while work.transfers.batch_by_key(_part_key(key, part)) is not None:
            part += 1
        batches.append(_order_batch(work, _part_key(key, part), fresh, maker, now, limits))
    return batches


def _part_key(key: str, part: int) -> str:
    return key if part == 1 else f"{key}/p{part}"


def _order_batch(
    work: Work, key: str, orders: list[PaymentOrder], maker: str, now: datetime, limits: PaymentLimits
) -> Batch:
    units = [order.unit for order in orders]
    if len(set(units)) != len(units):
        raise RuleViolation("payee_twice", f"{key} 中同一收款单位出现两次", f"{key} names a payee twice")
    entries = []
    for order in sorted(orders, key=lambda each: each.unit):
        hop_flow(order.hop)
        if order.amount_fen <= 0:
            raise RuleViolation(
                "amount_not_positive",
                f"{order.key} 金额必须为正，现为 {order.amount_fen} 分",
                f"{order.key}: the amount must be positive, found {order.amount_fen} fen",
            )
        _require_within("单笔", "one transfer", order.amount_fen, limits.per_transfer_fen)
        debit = _usable_account(work, order.city, order.fund, order.hop, order.payer_unit, now, payer=True)
        credit = _usable_account(work, order.city, order.fund, order.hop, order.unit, now, payer=False)
        entries.append((order, debit.id, credit.id))
    _require_within("批次", "one batch", sum(order.amount_fen for order in orders), limits.per_batch_fen)
    batch = work.transfers.add_batch(key, entries, maker, now)
    work.audit.append(
        at=now,
        actor=maker,
        action="order_batch",
        subject=f"batch:{key}",
        after={"count": batch.count, "total_fen": batch.total_fen, "digest": digest_of(work, batch)},
    )
    return batch


def _require_same_amount(known: Obligation, order: PaymentOrder) -> None:
    if known.amount_fen != order.amount_fen:
        raise RuleViolation(
            "ordered_differently",
            f"{known.key} 已按 {format_yuan(known.amount_fen)} 元制单，与本次 "
            f"{format_yuan(order.amount_fen)} 元不同",
            f"{known.key} was ordered as {format_yuan(known.amount_fen)} yuan, now "
            f"{format_yuan(order.amount_fen)}",
            remedy="更改须另立修订号并重新复核 / a change is a new revision with its own approval",
        )


def _usable_account(
    work: Work, city: str, fund: str, hop: Hop, unit: str, now: datetime, *, payer: bool
) -> BankAccount:
    account_type = hop.from_type if payer else hop.to_type
    account = work.accounts.approved(city, fund, account_type, unit)
    if account is None or account.usable_from is None or account.usable_from > now:
        raise RuleViolation(
            "account_not_registered",
            f"{city} {fund} {unit} 的 {account_type} 账户尚未登记并经复核，或未到启用时间",
            f"{city} {fund} {unit} has no approved {account_type} account that may be used now",
            remedy="fundpool accounts import / fundpool accounts approve",
        )
    return account


def _require_within(what_zh: str, what_en: str, amount_fen: int, limit_fen: int | None) -> None:
    if limit_fen is not None and amount_fen > limit_fen:
        raise RuleViolation(
            "exceeds_limit",
            f"{what_zh}金额 {format_yuan(amount_fen)} 元，超过限额 {format_yuan(limit_fen)} 元",
            f"{what_en} of {format_yuan(amount_fen)} yuan exceeds the limit of {format_yuan(limit_fen)}",
        )


# ---------------------------------------------------------------------------------- authorising


def digest_of(work: Work, batch: Batch) -> str:
    """Digest of the batch as it is stored now; equal to the approved one unless something changed."""
    accounts = {account.id: account for account in work.accounts.find(batch.city, batch.fund)}
    lines = []
    for obligation in work.transfers.obligations(batch_id=batch.id):
        debit, credit = accounts[obligation.debit_account_id], accounts[obligation.credit_account_id]
        lines.append(
            BatchLine(
                obligation_key=obligation.key,
                amount_fen=obligation.amount_fen,
                debit_account_no=debit.account_no,
                debit_account_version=debit.version,
                credit_account_no=credit.account_no,
                credit_account_version=credit.version,
                credit_name=credit.account_name,
            )
        )
    return batch_digest(batch.key, lines)


def batch_consequences(work: Work, batch_id: int) -> BatchView:
    """What approving the batch would do: payees, amounts, accounts, change from the month before."""
    batch = work.transfers.batch(batch_id)
    before = {
        each.unit: each.amount_fen
        for each in work.transfers.obligations(
            city=batch.city, month=batch.month.plus(-1), fund=batch.fund, hop=batch.hop
        )
        if each.state is not ObligationState.CANCELLED
    }
    payees = []
    for obligation in work.transfers.obligations(batch_id=batch.id):
        credit = work.accounts.get(obligation.credit_account_id)
        payees.append(
            PayeeChange(
                unit=obligation.unit,
                credit_name=credit.account_name,
                credit_account_no=credit.account_no,
                amount_fen=obligation.amount_fen,
                last_month_fen=before.get(obligation.unit),
            )
        )
    return BatchView(batch, digest_of(work, batch), tuple(payees), sum(before.values()))


def approve_batch(work: Work, batch_id: int, digest: str, checker: str, now: datetime) -> Batch:
    """Approve what was shown: ``digest`` is the one of ``batch_consequences``.

    Raises RuleViolation: ``same_person``, ``digest_changed`` (the batch is no longer what was
    shown) or ``illegal_state_change``.
    """
    checker = person(checker)
    batch = work.transfers.batch(batch_id)
    require_other_person(checker, batch.maker, act_zh="复核", act_en="approving a batch")
    if digest != digest_of(work, batch):
        raise _digest_changed(batch)
    if batch.state is BatchState.APPROVED and batch.approved_digest == digest:
        return batch
    _require_state(batch, BatchState.SUBMITTED)
    approved = work.transfers.change_batch(
        batch, state=BatchState.APPROVED.value, checker=checker, approved_at=now, approved_digest=digest
    )
    for obligation in work.transfers.obligations(batch_id=batch_id, states=[ObligationState.SUBMITTED]):
        work.transfers.change_obligation(obligation, ObligationState.APPROVED)
    _audit_batch(work, batch, approved, "approve_batch", checker, now)
    return approved


def release_batch(work: Work, batch_id: int, releaser: str, now: datetime) -> Batch:
    """Release an approved batch for sending, by a third person.

    Raises RuleViolation: ``same_person``, ``digest_changed`` or ``illegal_state_change``.
    """
    releaser = person(releaser)
    batch = work.transfers.batch(batch_id)
    require_other_person(releaser, batch.maker, batch.checker, act_zh="拨付放行", act_en="releasing a batch")
    if batch.state is BatchState.RELEASED:
        return batch
    _require_state(batch, BatchState.APPROVED)
    if batch.approved_digest != digest_of(work, batch):
        raise _digest_changed(batch)
    released = work.transfers.change_batch(
        batch, state=BatchState.RELEASED.value, releaser=releaser, released_at=now
    )
    for obligation in work.transfers.obligations(batch_id=batch_id, states=[ObligationState.APPROVED]):
        work.transfers.change_obligation(obligation, ObligationState.RELEASED)
    _audit_batch(work, batch, released, "release_batch", releaser, now)
    return released


def authorise(
    work: Work,
    city: str,
    month: Month,
    hop: Hop,
    *,
    checker: str,
    releaser: str,
    now: datetime,
    fund: str | None = None,
) -> tuple[Batch, ...]:
    """Approve and release every batch of a hop that still waits; those done before are left alone."""
    batches = []
    for batch in work.transfers.batches(city, month, hop, fund):
        current = batch
        if current.state is BatchState.SUBMITTED:
            current = approve_batch(work, current.id, digest_of(work, current), checker, now)
        if current.state is BatchState.APPROVED:
            current = release_batch(work, current.id, releaser, now)
        batches.append(current)
    return tuple(batches)


def _require_state(batch: Batch, state: BatchState) -> None:
    if batch.state is not state:
        raise RuleViolation(
            "illegal_state_change",
            f"批次 {batch.key} 现为 {batch.state}，须为 {state}",
            f"batch {batch.key} is {batch.state}, not {state}",
        )


def _digest_changed(batch: Batch) -> RuleViolation:
    return RuleViolation(
        "digest_changed",
        f"批次 {batch.key} 的收款方、金额或账户在复核所见之后有变，原复核无效",
        f"batch {batch.key}: payees, amounts or accounts differ from what was approved",
        remedy="重新核对后再复核 / look again and approve again: fundpool transfers list",
    )


def _audit_batch(work: Work, before: Batch, after: Batch, action: str, actor: str, now: datetime) -> None:
    work.audit.append(
        at=now,
        actor=actor,
        action=action,
        subject=f"batch:{before.key}",
        before={"state": before.state.value},
        after={
            "state": after.state.value,
            "digest": after.approved_digest,
            "count": after.count,
            "total_fen": after.total_fen,
        },
    )


# ---------------------------------------------------------------------------------- people's acts


def cancel(
    work: Work, obligation_id: int, *, by: str, reason: str, now: datetime, terms: GatewayTerms = _TERMS
) -> Obligation:
    """Withdraw an obligation of which nothing was ever sent.

    Raises RuleViolation ``already_sent`` when an order may have reached the bank; after a restore also
    ``recovery_unfinished``, ``perhaps_sent_before_restore`` or ``statements_missing`` while it is not
    certain that none has.
    """
    by = person(by)
    obligation = work.transfers.obligation(obligation_id)
    _require_never_sent(work, obligation, now, terms)
    for attempt in work.transfers.attempts(obligation_id):
        if attempt.state is AttemptState.PREPARED:
            apply_event(work, attempt, Event.NEVER_SENT, Evidence("cancel", reason), now=now, terms=terms)
            obligation = work.transfers.obligation(obligation_id)
    cancelled = work.transfers.change_obligation(obligation, ObligationState.CANCELLED)
    _audit_obligation(work, obligation, cancelled, "cancel", by, reason, now)
    return cancelled


def _require_never_sent(work: Work, obligation: Obligation, now: datetime, terms: GatewayTerms) -> None:
    """Nothing of it is with the bank: not by the books, nor by orders that a restore has lost."""
    kill_switches.require_recovered(work, obligation.city, obligation.fund)
    known = work.transfers.attempts(obligation.id)
    # One learnt from the statement was never sent by these books, and is paid all the same.
    is_sent = any(
        each.state not in LEAVES_ROOM
        and not (each.state is AttemptState.PREPARED and each.first_sent_at is None)
        for each in known
    )
    if is_sent or any(work.transfers.lines_of_key(key) for _, key in possible_keys(obligation, known)):
        raise RuleViolation(
            "already_sent",
            f"{obligation.key} 已发送过银行，不能撤回",
            f"{obligation.key} was sent to the bank and cannot be withdrawn",
            remedy="等待对账结论 / wait for what the bank says: fundpool transfers resolve",
        )
    if _orders_perhaps_lost(work, obligation.id, now, terms):
        raise RuleViolation(
            "perhaps_sent_before_restore",
            f"{obligation.key} 在恢复之后重新制单，恢复之前可能已发送过银行，现不能撤回",
            f"{obligation.key} was ordered anew after a restore and may have been sent before it; it cannot be "
            "withdrawn yet",
            remedy="可先挂起，过了银行保存期并取齐对账单后再撤回 / hold it; withdraw it once the bank's retention is over "
            "and the statements are in: fundpool transfers hold",
        )


_OVER = frozenset({ObligationState.SETTLED, ObligationState.RETURNED, ObligationState.CANCELLED})


def hold_obligation(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Stop one obligation until a person has looked; a question with the bank stays open.

    Raises RuleViolation ``illegal_state_change`` for one that is over: nothing of it can be stopped.
    """
    by = person(by)
    obligation = work.transfers.obligation(obligation_id)
    if obligation.state in _OVER:
        check_obligation_arrow(obligation.state, obligation.state, obligation.key)
    return hold(work, obligation, reason=reason, by=by, now=now)


def look_again(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Take an obligation out of HELD to where its attempts say it stands; never sends by itself.

    Raises RuleViolation ``illegal_state_change`` for one that is not held, and ``anomaly_open``
    while an execution after the end is not cleared.
    """
    by = person(by)
    obligation = work.transfers.obligation(obligation_id)
    if obligation.state is not ObligationState.HELD:
        check_obligation_arrow(obligation.state, obligation.state, obligation.key)
    known = work.transfers.attempts(obligation_id)
    if any(attempt.state is AttemptState.ANOMALY for attempt in known):
        raise RuleViolation(
            "anomaly_open",
            f"{obligation.key} 有终止后仍被执行的支付，须先查清待查款项",
            f"{obligation.key} has an order executed after its end; clear the suspense account first",
        )
    last = known[-1].state if known else None
    if last is None or (known[-1].first_sent_at is None and last is AttemptState.CLOSED):
        target = ObligationState.RELEASED
    elif last in LEAVES_ROOM:
        target = ObligationState.FAILED
    elif last in {AttemptState.SUCCEEDED, AttemptState.RETURNED}:
        target = ObligationState.SETTLED  # held after the bank had paid: it contradicted itself
    else:
        target = ObligationState.IN_FLIGHT
    changed = work.transfers.change_obligation(obligation, target, held_reason=None)
    if last is AttemptState.RETURNED:
        changed = work.transfers.change_obligation(changed, ObligationState.RETURNED)
    if target is ObligationState.IN_FLIGHT and last is not AttemptState.PREPARED:
        work.transfers.change_attempt(known[-1], next_query_at=now)
    _audit_obligation(work, obligation, changed, "look_again", by, reason, now)
    return changed


def approve_retry(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Allow one more attempt after a definite failure; not by the maker.

    If an earlier attempt was ever unknown, two different people must allow it: the first call
    records the first, and the obligation stays FAILED until the second. The old key is closed at
    the bank before a new one is used.
    """
    by = person(by)
    obligation = work.transfers.obligation(obligation_id)
    batch = work.transfers.batch(obligation.batch_id)
    require_other_person(by, batch.maker, act_zh="重付批准", act_en="approving a retry")
    if obligation.state is ObligationState.RETRY_APPROVED:
        return obligation
    if obligation.state is not ObligationState.FAILED:
        raise RuleViolation(
            "illegal_state_change",
            f"{obligation.key} 现为 {obligation.state}，只有确定失败的款项可以批准重付",
            f"{obligation.key} is {obligation.state}; only a definite failure may be tried again",
        )
    doubtful = any(attempt.was_unknown for attempt in work.transfers.attempts(obligation_id))
    if doubtful and obligation.retry_asked_by is None:
        # The state stays: only the first of the two names is recorded.
        work.transfers.note_retry(obligation, by)
        changed = work.transfers.obligation(obligation_id)
    else:
        if doubtful:
            require_other_person(
                by,
                obligation.retry_asked_by,
                act_zh="重付的第二人批准",
                act_en="the second approval of a retry",
            )
        changed = work.transfers.change_obligation(
            obligation, ObligationState.RETRY_APPROVED, retry_asked_by=None
        )
    _audit_obligation(work, obligation, changed, "approve_retry", by, reason, now)
    return changed


def _audit_obligation(
    work: Work,
    before: Obligation,
    after: Obligation,
    action: str,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    work.audit.append(
        at=now,
        actor=by,
        action=action,
        subject=f"obligation:{before.key}",
        before={"state": before.state.value},
        after={"state": after.state.value, "retry_asked_by": after.retry_asked_by},
        reason=reason,
    )


# ---------------------------------------------------------------------------------- sending

_SENDABLE = (ObligationState.RELEASED, ObligationState.RETRY_APPROVED, ObligationState.IN_FLIGHT)


def send_batch(
    ports: Ports,
    city: str,
    month: Month,
    hop: Hop,
    *,
    worker: str,
    now: datetime,
    units: Iterable[str] | None = None,
    clock: Clock | None = None,
) -> tuple[TransferOutcome, ...]:
    """Send what is released for a hop, for all payees or for ``units``; how each stands afterwards.

    One payee's trouble is its outcome and stops nobody else; a bank that cannot be reached stops
    the run, because the next order would meet the same. Run again as often as you like.
    Raises ServiceUnavailable only when the database is away.
    """
    gateway = _gateway(ports)
    clock = clock or running_clock(now)
    stop_at = clock() + MAX_WORKER_LIFE
    wanted = None if units is None else frozenset(units)
    obligations = ports.database.read(
        lambda work: [
            each
            for each in work.transfers.obligations(city=city, month=month, hop=hop)
            if wanted is None or each.unit in wanted
        ]
    )
    outcomes = []
    bank_away = False
    for obligation in obligations:
        error: FundpoolError | None = None
        if bank_away:
            error = _bank_away()
        elif obligation.state in _SENDABLE and clock() < stop_at:
            try:
                answer = send_one(ports, gateway, obligation.id, worker=worker, clock=clock)
                bank_away = answer is not None and answer.unreachable
                error = _bank_away() if bank_away else None
            except RuleViolation as problem:
                error = problem
        outcomes.append(_read_outcome(ports, obligation.id, error))
    return tuple(outcomes)


def _read_outcome(ports: Ports, obligation_id: int, error: FundpoolError | None = None) -> TransferOutcome:
    return ports.database.read(lambda work: outcome_of(work, obligation_id, error))


def send_one(
    ports: Ports, gateway: Gateway, obligation_id: int, *, worker: str, clock: Clock
) -> GatewayAnswer | None:
    """Prepare, claim, call and record one obligation; ``None`` when there was nothing to send.

    Raises RuleViolation when a guard refuses: nothing has left the machine then.
    """
    terms = ports.gateway_terms
    fence_first, perhaps_lost = ports.database.read(
        lambda work: (
            _key_to_fence(work, obligation_id, terms),
            _orders_perhaps_lost(work, obligation_id, clock(), terms),
        )
    )
    if not _are_unknown_to_the_bank(ports, gateway, obligation_id, perhaps_lost, clock):
        return None
    if fence_first is not None and not _fence(ports, gateway, fence_first, clock):
        return None
    attempt = ports.database.transaction(lambda work: _prepare(work, obligation_id, clock(), terms))
    if attempt is None:
        return None
    claimed = ports.database.transaction(
        lambda work: _claim(work, attempt.id, worker, clock(), terms, ports.payment_limits)
    )
    if claimed is None:
        return None
    failpoint("before submit")
    assert claimed.lease_until is not None
    if clock() >= claimed.lease_until - terms.lease_margin:
        # Paused between claim and call: the lease may be another's by now, so nothing is sent.
        return None
    answer = gateway.submit(TransferOrder.from_body(claimed.request), now=clock())
    failpoint("after submit")
    ports.database.transaction(lambda work: record_result(work, claimed, answer, clock(), terms))
    return answer


def _prepare(work: Work, obligation_id: int, now: datetime, terms: GatewayTerms) -> Attempt | None:
    """T1: the attempt to send, stored with key, bytes and reserve; ``None`` when none may be sent."""
    obligation = work.transfers.obligation(obligation_id)
    known = work.transfers.attempts(obligation_id)
    if obligation.state is ObligationState.IN_FLIGHT:
        return known[-1] if known[-1].state is AttemptState.PREPARED else None
    if obligation.state not in {ObligationState.RELEASED, ObligationState.RETRY_APPROVED}:
        return None
    if kill_switches.is_stopped(work, obligation.city, obligation.fund):
        raise _fund_stopped(work, obligation)
    if any(each.state not in LEAVES_ROOM or _must_be_fenced(each, terms) for each in known):
        return None
    for attempt_no, key in possible_keys(obligation, known):
        if work.transfers.lines_of_key(key):
            # The bank's statement already has this order: books restored from a backup had lost it.
            settle_from_lines(work, new_attempt(work, obligation, attempt_no, now, terms), now, terms)
            return None
    if is_exhausted(known):
        hold(work, obligation, reason="attempts_exhausted", by="system", now=now)
        return None
    return new_attempt(work, obligation, next_attempt_no(known), now, terms)


def _are_unknown_to_the_bank(
    ports: Ports, gateway: Gateway, obligation_id: int, orders: Sequence[TransferOrder], clock: Clock
) -> bool:
    """Whether a payment ordered anew after a restore is not under way from before it, under any of its keys.

    The restored books knew nothing of the lost order, so that their recovery could not ask about it.
    The last one that the bank knows is taken up, to be asked about like any other.
    """
    known_key = None
    for order in orders:
        failpoint("before query")
        answer = gateway.query(order, now=clock())
        failpoint("after query")
        if answer.kind is GatewayAnswerKind.UNKNOWN:
            return False
        if answer.kind is not GatewayAnswerKind.NOT_FOUND:
            known_key = order.key
    if known_key is None:
        return True
    key = known_key
    ports.database.transaction(lambda work: _take_up(work, obligation_id, key, clock(), ports.gateway_terms))
    return False


def _take_up(work: Work, obligation_id: int, key: str, now: datetime, terms: GatewayTerms) -> None:
    """An order from before a restore becomes an open question; it is never sent again."""
    obligation = work.transfers.obligation(obligation_id)
    known = work.transfers.attempts(obligation_id)
    number = next((no for no, possible in possible_keys(obligation, known) if possible == key), None)
    if obligation.state is not ObligationState.RELEASED or known or number is None:
        return  # somebody else was faster
    attempt = new_attempt(work, obligation, number, now, terms)
    if settle_from_lines(work, attempt, now, terms).state is AttemptState.PREPARED:
        suspect_after_restore(work, attempt, now, terms)


def suspect_after_restore(work: Work, attempt: Attempt, now: datetime, terms: GatewayTerms) -> Attempt:
    """An order that a restore had lost is asked about, and never sent again.

    It may have been sent as early as the day of the backup: a fence proves nothing once the bank may
    have forgotten it, and its absence is proved only by the statements from that day on.
    """
    obligation = work.transfers.obligation(attempt.obligation_id)
    recovery = work.transfers.recovery(obligation.city, obligation.fund)
    sent_at = datetime.combine(recovery.since, time(), SHANGHAI) if recovery else attempt.prepared_at
    suspect = apply_event(work, attempt, Event.SUSPECT, Evidence("restore"), now=now, terms=terms)
    return work.transfers.change_attempt(
        suspect, first_sent_at=min(sent_at, attempt.prepared_at), last_sent_at=now, resend_until=now
    )


def _orders_perhaps_lost(
    work: Work, obligation_id: int, now: datetime, terms: GatewayTerms
) -> list[TransferOrder]:
    """Orders of a payment not tried yet that a restore may have lost, while the bank can be asked about them.

    Raises RuleViolation ``statements_missing`` when it is too late to ask: then only the statements of every day on
    which a lost order can have been executed show that there was none.
    """
    obligation = work.transfers.obligation(obligation_id)
    recovery = work.transfers.recovery(obligation.city, obligation.fund)
    if recovery is None or work.transfers.attempts(obligation_id):
        return []
    orders = possible_orders(work, obligation)
    made_at = work.transfers.batch(obligation.batch_id).made_at
    if made_at < recovery.opened_at or any(work.transfers.lines_of_key(each.key) for each in orders):
        return []
    over_at = recovery.opened_at + terms.quiet_after_restore + terms.key_retention
    if now < over_at:
        return orders
    require_statements(work, orders[0].debit_account, recovery.since, over_at, terms)
    return []


def require_statements(work: Work, account_no: str, first: date, last: datetime, terms: GatewayTerms) -> None:
    """Raise RuleViolation ``statements_missing`` unless all those days were imported when final."""
    days = ((last.astimezone(SHANGHAI).date() - first).days) + 1
    final = final_days(work.transfers.statement_imports(account_no), terms)
    missing = [day for day in (first + timedelta(days=n) for n in range(days)) if day not in final]
    if missing:
        raise RuleViolation(
            "statements_missing",
            f"账户 {account_no} 尚缺 {len(missing)} 天的银行对账单，首日 {missing[0]}",
            f"statements of account {account_no} are missing for {len(missing)} days from {missing[0]}",
            remedy="先取回对账单 / fetch the statements first: fundpool transfers statement",
        )


def possible_orders(work: Work, obligation: Obligation) -> list[TransferOrder]:
    """The order under each of ``possible_keys``, to ask the bank about; its validity is not part of that."""
    debit = work.accounts.get(obligation.debit_account_id)
    credit = work.accounts.get(obligation.credit_account_id)
    return [
        TransferOrder(
            key=key,
            amount_fen=obligation.amount_fen,
            debit_account=debit.account_no,
            credit_account=credit.account_no,
            credit_name=credit.account_name,
            purpose=obligation.purpose,
            end_to_end_id=key.replace("-", ""),
            valid_until=datetime(2000, 1, 1, tzinfo=SHANGHAI),
        )
        for _, key in possible_keys(obligation, work.transfers.attempts(obligation.id))
    ]


def settle_from_lines(work: Work, attempt: Attempt, now: datetime, terms: GatewayTerms) -> Attempt:
    """Apply the statement lines that were kept before the books knew of the order they belong to."""
    for line in sorted(work.transfers.lines_of_key(attempt.key), key=lambda each: each.executed_at):
        event = Event.SUCCEEDED if line.direction is Direction.DEBIT else Event.RETURNED
        evidence = Evidence("statement", bank_serial=line.bank_serial, executed_at=line.executed_at)
        attempt = apply_event(work, attempt, event, evidence, now=now, terms=terms)
    return attempt


def next_attempt_no(known: Sequence[Attempt]) -> int:
    """Number of the attempt after the ones in the books."""
    return known[-1].attempt_no + 1 if known else 1


def is_exhausted(known: Sequence[Attempt]) -> bool:
    """Whether there may be no further attempt: people look, and may withdraw the obligation."""
    return next_attempt_no(known) > ATTEMPTS_AT_MOST


def possible_keys(obligation: Obligation, known: Sequence[Attempt]) -> list[tuple[int, str]]:
    """Numbers and keys that orders lost by a restore can have had, the next one first.

    All of them, not the next alone: after the backup attempts may have been refused, leaving no
    trace at the bank, and others made.
    """
    return [
        (number, attempt_key(obligation.key, number))
        for number in range(next_attempt_no(known), ATTEMPTS_AT_MOST + 1)
    ]


def new_attempt(
    work: Work, obligation: Obligation, attempt_no: int, now: datetime, terms: GatewayTerms
) -> Attempt:
    """Store the next attempt of an obligation: deterministic key, exact bytes, reserved amount."""
    key = attempt_key(obligation.key, attempt_no)
    debit = work.accounts.get(obligation.debit_account_id)
    credit = work.accounts.get(obligation.credit_account_id)
    valid_until = (now + terms.resend_span).astimezone(SHANGHAI).replace(microsecond=0)
    order = TransferOrder(
        key=key,
        amount_fen=obligation.amount_fen,
        debit_account=debit.account_no,
        credit_account=credit.account_no,
        credit_name=credit.account_name,
        purpose=f"{obligation.fund} {obligation.month} {obligation.purpose}",
        end_to_end_id=key.replace("-", ""),
        valid_until=valid_until,
    )
    attempts.reserve(work, obligation, key, now)
    attempt = work.transfers.add_attempt(obligation, attempt_no, key, order.body, now, valid_until)
    if obligation.state is not ObligationState.IN_FLIGHT:
        work.transfers.change_obligation(obligation, ObligationState.IN_FLIGHT)
    work.audit.append(
        at=now,
        actor="system",
        action="prepare_attempt",
        subject=f"attempt:{key}",
        after={"obligation": obligation.key, "attempt_no": attempt_no, "request_hash": attempt.request_hash},
    )
    return attempt


def _claim(
    work: Work,
    attempt_id: int,
    worker: str,
    now: datetime,
    terms: GatewayTerms,
    limits: PaymentLimits,
) -> Attempt | None:
    """T2: take the lease, with every guard checked again; ``None`` when it must not be sent now."""
    attempt = work.transfers.attempt(attempt_id)
    obligation = work.transfers.obligation(attempt.obligation_id)
    if attempt.state is not AttemptState.PREPARED or obligation.state is not ObligationState.IN_FLIGHT:
        return None
    if kill_switches.is_stopped(work, obligation.city, obligation.fund):
        raise _fund_stopped(work, obligation)
    if not may_send(attempt, now):
        event = Event.NEVER_SENT if attempt.first_sent_at is None else Event.FENCE
        apply_event(work, attempt, event, Evidence("resend window over"), now=now, terms=terms)
        return None
    reason = _why_not(work, obligation, attempt, now, limits)
    if reason is not None:
        hold(work, obligation, reason=reason, by="system", now=now)
        return None
    first_sent_at = attempt.first_sent_at or now
    claimed = work.transfers.change_attempt(
        attempt,
        state=AttemptState.SENDING,
        worker=worker,
        worker_epoch=attempt.worker_epoch + 1,
        lease_until=now + terms.lease,
        first_sent_at=first_sent_at,
        last_sent_at=now,
        resend_until=min(resend_until(first_sent_at, terms), attempt.valid_until),
    )
    work.transfers.record_call(
        GatewayCall(claimed.key, "submit", "started", claimed.worker_epoch, now, None, None, None)
    )
    work.audit.append(
        at=now,
        actor=worker,
        action="attempt_claim",
        subject=f"attempt:{attempt.key}",
        before={"state": attempt.state.value},
        after={"state": claimed.state.value, "worker_epoch": claimed.worker_epoch},
    )
    return claimed


def _why_not(
    work: Work, obligation: Obligation, attempt: Attempt, now: datetime, limits: PaymentLimits
) -> str | None:
    """Why the guards refuse to send, for a person to look at; ``None`` when they do not."""
    batch = work.transfers.batch(obligation.batch_id)
    if batch.state is not BatchState.RELEASED or batch.approved_digest != digest_of(work, batch):
        return "digest_changed"
    for account_id in (obligation.debit_account_id, obligation.credit_account_id):
        if work.accounts.get(account_id).status is not AccountStatus.APPROVED:
            return "account_version_changed"
    if {attempt.amount_fen, TransferOrder.from_body(attempt.request).amount_fen} != {obligation.amount_fen}:
        return "amount_changed"
    day_fen = obligation.amount_fen
    if attempt.first_sent_at is None and limits.per_day_fen is not None:
        day_fen += work.transfers.sent_fen(obligation.city, obligation.fund, now.astimezone(SHANGHAI).date())
    for amount_fen, limit_fen in (
        (obligation.amount_fen, limits.per_transfer_fen),
        (batch.total_fen, limits.per_batch_fen),
        (day_fen, limits.per_day_fen),
    ):
        if limit_fen is not None and amount_fen > limit_fen:
            return "exceeds_limit"
    return None


_SUBMIT_EVENTS = {
    GatewayAnswerKind.SUCCEEDED: Event.SUCCEEDED,
    GatewayAnswerKind.PROCESSING: Event.PROCESSING,
    GatewayAnswerKind.REJECTED: Event.REJECTED,
}


def record_result(
    work: Work, claimed: Attempt, answer: GatewayAnswer, now: datetime, terms: GatewayTerms
) -> None:
    """T3: what the bank answered to the send. Only an exact, definite answer moves on.

    An answer that comes back to a worker whose lease another has taken is kept, not believed:
    the key may have begun another life meanwhile. It only prompts a query. So does one that comes back
    to books put back from a backup meanwhile, which may know the key from another claim or not at all.
    """
    attempt = work.transfers.attempt_by_key(claimed.key)
    if attempt is None:
        return
    work.transfers.record_call(
        GatewayCall(
            attempt.key,
            "submit",
            "finished",
            claimed.worker_epoch,
            now,
            answer.kind.value,
            answer.reason,
            answer.raw,
        )
    )
    if not _is_same_claim(attempt, claimed) or attempt.state not in {
        AttemptState.SENDING,
        AttemptState.UNKNOWN,
    }:
        work.transfers.change_attempt(attempt, next_query_at=now)
        return
    event = _SUBMIT_EVENTS.get(answer.kind, Event.UNCLEAR)
    evidence = Evidence("submit", answer.reason, answer.bank_serial, answer.executed_at)
    apply_event(work, attempt, event, evidence, now=now, terms=terms)
    if answer.kind is GatewayAnswerKind.PAYLOAD_MISMATCH:
        report_mismatch(work, attempt, now)


def _is_same_claim(attempt: Attempt, claimed: Attempt) -> bool:
    """Whether nobody has claimed the attempt since, not even in restored books that count anew."""
    return (attempt.worker_epoch, attempt.last_sent_at) == (claimed.worker_epoch, claimed.last_sent_at)


def report_mismatch(work: Work, attempt: Attempt, now: datetime) -> None:
    """The bank knows the key with other contents: never a reason for a new key; a person looks."""
    obligation = work.transfers.obligation(attempt.obligation_id)
    hold(work, obligation, reason="payload_mismatch", by="system", now=now)
    report_break(
        work,
        obligation,
        kind="payload_mismatch",
        reference=attempt.key,
        zh=f"{obligation.key}：银行以同一支付编号登记了另一内容",
        en=f"{obligation.key}: the bank holds the same key with another content",
        stops_fund=True,
        now=now,
    )


def _key_to_fence(work: Work, obligation_id: int, terms: GatewayTerms) -> Attempt | None:
    """The refused attempt whose key must be closed at the bank before another key is used."""
    obligation = work.transfers.obligation(obligation_id)
    if obligation.state is not ObligationState.RETRY_APPROVED:
        return None
    known = work.transfers.attempts(obligation_id)
    return next((attempt for attempt in known if _must_be_fenced(attempt, terms)), None)


def _must_be_fenced(attempt: Attempt, terms: GatewayTerms) -> bool:
    return terms.can_close and attempt.state is AttemptState.REJECTED and attempt.fenced_at is None


def _fence(ports: Ports, gateway: Gateway, attempt: Attempt, clock: Clock) -> bool:
    """Close the refused key at the bank; whether it is now certain that it cannot execute."""
    ports.database.transaction(
        lambda work: work.transfers.record_call(
            GatewayCall(attempt.key, "close", "started", attempt.worker_epoch, clock(), None, None, None)
        )
    )
    failpoint("before close")
    answer = gateway.close(TransferOrder.from_body(attempt.request), now=clock())
    failpoint("after close")

    def record(work: Work) -> bool:
        now = clock()
        current = work.transfers.attempt_by_key(attempt.key)
        if current is None:
            return False  # the books were put back from a backup meanwhile
        work.transfers.record_call(
            GatewayCall(
                current.key,
                "close",
                "finished",
                current.worker_epoch,
                now,
                answer.kind.value,
                answer.reason,
                answer.raw,
            )
        )
        if answer.kind is GatewayAnswerKind.CLOSED:
            if not fence_proves_absence(current, now, ports.gateway_terms):
                raise _proof_needed(current)
            work.transfers.change_attempt(current, fenced_at=now)
            return True
        if answer.kind in {GatewayAnswerKind.SUCCEEDED, GatewayAnswerKind.RETURNED}:
            evidence = Evidence("close", answer.reason, answer.bank_serial, answer.executed_at)
            apply_event(work, current, Event.SUCCEEDED, evidence, now=now, terms=ports.gateway_terms)
        return False

    return ports.database.transaction(record)


def _proof_needed(attempt: Attempt) -> RuleViolation:
    return RuleViolation(
        "absence_not_proved",
        f"支付 {attempt.key} 已过银行保存期，注销不足以证明未曾执行；须凭对账单由两人确认",
        f"order {attempt.key} is older than the bank's memory; closing it does not prove that it was "
        "never executed, statements and two people do",
        remedy="fundpool transfers statement …；fundpool transfers confirm-absence …",
    )


def _gateway(ports: Ports) -> Gateway:
    if ports.gateway is None:
        raise ServiceUnavailable(
            "gateway_not_configured",
            "尚未设置支付网关",
            "no payment gateway is configured",
            remedy="FUNDPOOL_GATEWAY_URL",
        )
    return ports.gateway


def _bank_away() -> FundpoolError:
    return ServiceUnavailable(
        "gateway_unavailable",
        "银行支付网关没有应答，本次未继续发送",
        "the bank's gateway did not answer; nothing more was sent",
        remedy="网关恢复后重新执行同一命令 / run the same command again once it is back",
    )


def _fund_stopped(work: Work, obligation: Obligation) -> RuleViolation:
    switch = work.transfers.kill_switch(obligation.city, obligation.fund)
    reason = switch.reason if switch else ""
    return RuleViolation(
        "fund_stopped",
        f"{obligation.city}/{obligation.fund} 已停止发送：{reason}",
        f"sending is stopped for {obligation.city}/{obligation.fund}: {reason}",
        remedy="查清原因后由两人恢复 / two people start it again: fundpool transfers restart",
    )


# ---------------------------------------------------------------------------------- reading

_STATE_ZH = {
    ObligationState.SUBMITTED: "待复核",
    ObligationState.APPROVED: "已复核，待放行",
    ObligationState.RELEASED: "已放行，待发送",
    ObligationState.IN_FLIGHT: "银行处理中",
    ObligationState.SETTLED: "已到账",
    ObligationState.FAILED: "银行退拒，须批准重付",
    ObligationState.RETRY_APPROVED: "已批准重付",
    ObligationState.CANCELLED: "已撤回",
    ObligationState.HELD: "挂起待查",
    ObligationState.RETURNED: "已退票",
}


def outcome_of(work: Work, obligation_id: int, error: FundpoolError | None = None) -> TransferOutcome:
    """How an obligation stands now, in words."""
    obligation = work.transfers.obligation(obligation_id)
    known = work.transfers.attempts(obligation_id)
    last = known[-1] if known else None
    zh, en = _STATE_ZH[obligation.state], obligation.state.value.replace("_", " ")
    if obligation.state is ObligationState.IN_FLIGHT and last is not None:
        if last.state is AttemptState.UNKNOWN:
            zh, en = "已发送，结果未明，待查询", "sent, outcome unknown, to be asked for"
        elif last.state is AttemptState.PREPARED:
            zh, en = "已备妥，待发送", "prepared, not sent yet"
    if obligation.held_reason:
        zh, en = f"{zh}（{obligation.held_reason}）", f"{en} ({obligation.held_reason})"
    elif last is not None and last.reason and obligation.state is ObligationState.FAILED:
        zh, en = f"{zh}（{last.reason}）", f"{en} ({last.reason})"
    if error is not None:
        zh, en = error.zh, error.en
    return TransferOutcome(
        obligation_id=obligation.id,
        city=obligation.city,
        fund=obligation.fund,
        month=obligation.month,
        hop=obligation.hop,
        unit=obligation.unit,
        amount_fen=obligation.amount_fen,
        state=obligation.state,
        attempt_state=last.state if last else None,
        key=last.key if last else None,
        detail_zh=zh,
        detail_en=en,
        error_code=error.code if error else None,
    )


@dataclass(frozen=True, slots=True)
class TransferView:
    """One obligation with its batch, accounts and last attempt, for tables and pages."""

    obligation: Obligation
    batch: Batch
    debit_account: BankAccount
    credit_account: BankAccount
    attempt: Attempt | None
    detail_zh: str
    detail_en: str


def transfer_views(
    work: Work,
    city: str,
    month: Month | None = None,
    *,
    unit: str | None = None,
    states: Iterable[ObligationState] | None = None,
) -> list[TransferView]:
    """Every obligation of a city (and month, unit, states), as people want to see it."""
    views = []
    for obligation in work.transfers.obligations(city=city, month=month, unit=unit, states=states):
        known = work.transfers.attempts(obligation.id)
        outcome = outcome_of(work, obligation.id)
        views.append(
            TransferView(
                obligation=obligation,
                batch=work.transfers.batch(obligation.batch_id),
                debit_account=work.accounts.get(obligation.debit_account_id),
                credit_account=work.accounts.get(obligation.credit_account_id),
                attempt=known[-1] if known else None,
                detail_zh=outcome.detail_zh,
                detail_en=outcome.detail_en,
            )
        )
    return views
