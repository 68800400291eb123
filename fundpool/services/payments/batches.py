"""Ordering money to be paid, and the people who let it out: order, approve, release.

Three different people: the maker (经办) orders, the checker (复核) approves the digest of the batch,
the releaser (财务) releases it. What leaves the machine then is ``sending``; what people decide about
a payment on its way is ``payment_decisions``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fundpool.domain.errors import RuleViolation
from fundpool.domain.money import format_yuan
from fundpool.domain.people import person, require_other_person
from fundpool.domain.periods import Month
from fundpool.domain.transfer import (
    MAY_BE_ORDERED_AGAIN,
    Attempt,
    AttemptState,
    BankAccount,
    Batch,
    BatchState,
    Hop,
    Obligation,
    ObligationState,
    PaymentOrder,
    batch_digest,
)
from fundpool.services.payments import kill_switches
from fundpool.services.payments.attempts import hop_flow
from fundpool.services.payments.limits import require_within_limits
from fundpool.services.payments.line_matching import standing_of
from fundpool.services.payments.seals import (
    require_account_whole,
    require_all_latest,
    require_batch_whole,
    require_latest,
    require_whole,
)
from fundpool.services.ports.latest_seals import place_text
from fundpool.services.ports.work import Work
from schemas.payment_messages import TransferOrder


@dataclass(frozen=True, slots=True)
class PayeeChange:
    """One payee of a batch, beside what the same payee got in the month before."""

    unit: str
    credit_name: str
    credit_account_no: str
    amount_fen: int
    last_month_fen: int | None
    instead_of: Obligation | None
    """What came back or was withdrawn and is ordered again by this; ``None`` for a first order."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """What an approval means: who gets how much, from where, and how it differs from last month."""

    batch: Batch
    digest: str
    payees: tuple[PayeeChange, ...]
    last_month_total_fen: int
    states: frozenset[ObligationState]
    """The states in which its payments are."""


@dataclass(frozen=True, slots=True)
class SeenBatch:
    """What a releaser was shown of a batch, and the total that the releaser typed."""

    id: int
    digest: str
    total_fen: int


def order_transfers(
    work: Work,
    orders: Sequence[PaymentOrder],
    maker: str,
    *,
    now: datetime,
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
        batch
        for key, group in groups.items()
        for batch in _order_group(work, key, group, maker=maker, now=now)
    )


def order_again(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Order a payment that came back (退票) or was withdrawn once more, to the account that is approved now.

    A revision of its own in a batch of its own: two other people approve and release it. The same
    again is the same. Raises RuleViolation ``illegal_state_change``, ``recovery_unfinished``,
    ``return_not_on_statement``, ``seal_broken``, ``row_put_back`` and what ``order_transfers`` raises.
    """
    maker = person(by)
    before = work.payments.obligation(obligation_id)
    order = before.as_order(before.revision + 1)
    known = work.payments.obligation_by_key(order.key)
    if known is not None:
        return known
    if before.state not in MAY_BE_ORDERED_AGAIN:
        raise RuleViolation(
            "illegal_state_change",
            f"{before.key} 现为 {before.state}，只有已退票或已撤回的款项可以重新制单",
            f"{before.key} is {before.state}; only what came back or was withdrawn may be ordered again",
        )
    # What is ordered again takes its amount from the order before: that must be what people approved.
    require_whole(work, before)
    kill_switches.require_recovered(work, before.city, before.fund)
    for attempt in work.attempts.of_obligation(before.id):
        if attempt.state is AttemptState.RETURNED:
            _require_return_line(work, before, attempt)
    order_transfers(work, [order], maker, now=now)
    again = work.payments.obligation_by_key(order.key)
    assert again is not None
    work.audit.append(
        at=now,
        actor=maker,
        action="order_again",
        subject=f"obligation:{again.key}",
        before={"state": before.state.value, "obligation": before.key},
        after={"state": again.state.value},
        reason=reason,
    )
    return again


def _require_return_line(work: Work, obligation: Obligation, attempt: Attempt) -> None:
    """Only the paying account's own statement proves that all the money went out and is back to be paid once more."""
    order = TransferOrder.from_body(attempt.request)
    standing = standing_of(order, work.statements.lines_of_key(attempt.key))
    if not standing.executions or standing.returned_fen != attempt.amount_fen:
        raise RuleViolation(
            "return_not_on_statement",
            f"{obligation.key} 的付出与全额退回尚未都见于账户 {order.debit_account} 的对账单，不能重新制单",
            f"the payment of {obligation.key} and its whole return are not both on a statement of account "
            f"{order.debit_account} yet",
            remedy="先取回对账单 / fetch the statements first: fundpool transfers statement",
        )


def _order_group(
    work: Work, key: str, orders: list[PaymentOrder], *, maker: str, now: datetime
) -> list[Batch]:
    """The batches that hold the orders; payees not ordered yet get a batch of their own."""
    batch_ids: list[int] = []
    fresh: list[PaymentOrder] = []
    for order in orders:
        known = work.payments.obligation_by_key(order.key)
        if known is None:
            fresh.append(order)
            continue
        _require_same_amount(known, order)
        batch_ids.append(known.batch_id)
    batches = [work.payments.batch(batch_id) for batch_id in dict.fromkeys(batch_ids)]
    if fresh:
        part = 1
        while work.payments.batch_by_key(_part_key(key, part)) is not None:
            part += 1
        batches.append(_order_batch(work, _part_key(key, part), fresh, maker=maker, now=now))
    return batches


def _require_no_payment_gone(work: Work, order: PaymentOrder) -> None:
    """Raise RuleViolation ``row_put_back`` unless the fund's payments of the year stand as they were written last.

    A payment whose row is gone would be ordered anew and sent while the bank still accepts its lost order.
    """
    city, fund, year = order.city, order.fund, order.month.year
    standing = work.payments.obligations(city=city, fund=fund, year=year)
    require_all_latest(work, "obligation", place_text(city, fund, year), *standing)


def _part_key(key: str, part: int) -> str:
    return key if part == 1 else f"{key}/p{part}"


def _order_batch(work: Work, key: str, orders: list[PaymentOrder], *, maker: str, now: datetime) -> Batch:
    units = [order.unit for order in orders]
    if len(set(units)) != len(units):
        raise RuleViolation("payee_twice", f"{key} 中同一收款单位出现两次", f"{key} names a payee twice")
    entries = []
    used: set[BankAccount] = set()
    for order in sorted(orders, key=lambda each: each.unit):
        hop_flow(order.hop)
        if order.amount_fen <= 0:
            raise RuleViolation(
                "amount_not_positive",
                f"{order.key} 金额必须为正，现为 {order.amount_fen} 分",
                f"{order.key}: the amount must be positive, found {order.amount_fen} fen",
            )
        debit = _usable_account(
            work, order.city, order.fund, hop=order.hop, unit=order.payer_unit, now=now, payer=True
        )
        credit = _usable_account(
            work, order.city, order.fund, hop=order.hop, unit=order.unit, now=now, payer=False
        )
        used |= {debit, credit}
        entries.append((order, debit.id, credit.id))
    require_latest(work, *used)
    _require_no_payment_gone(work, orders[0])
    batch = work.payments.add_batch(key, entries, maker, at=now)
    obligations = work.payments.obligations(batch_id=batch.id)
    require_within_limits(work, batch, obligations)
    work.audit.append(
        at=now,
        actor=maker,
        action="order_batch",
        subject=f"batch:{key}",
        after={
            "count": batch.count,
            "total_fen": batch.total_fen,
            "digest": digest_of(work, batch),
        },
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
            remedy="金额以财政复核额为准，差额另作补充申请 / the amount is finance's; a difference is a supplementary application",
        )


def _usable_account(
    work: Work, city: str, fund: str, *, hop: Hop, unit: str, now: datetime, payer: bool
) -> BankAccount:
    account_type = hop.from_type if payer else hop.to_type
    account = work.accounts.approved(city, fund, account_type, unit=unit)
    if account is None or not account.may_be_used(now):
        raise RuleViolation(
            "account_not_registered",
            f"{city} {fund} {unit} 的 {account_type} 账户尚未登记并经复核，或未到启用时间",
            f"{city} {fund} {unit} has no approved {account_type} account that may be used now",
            remedy="fundpool accounts import / fundpool accounts approve",
        )
    require_account_whole(work, account)
    return account


def digest_of(work: Work, batch: Batch) -> str:
    """Digest of the batch as it is stored now; equal to the approved one unless something changed."""
    return batch_digest(batch.key, work.payments.batch_lines(batch.id))


def batch_consequences(work: Work, batch_id: int) -> BatchView:
    """What approving the batch would do: payees, amounts, accounts, change from the month before."""
    batch = work.payments.batch(batch_id)
    before: Counter[str] = Counter()
    for each in work.payments.obligations(
        city=batch.city, month=batch.month.plus(-1), fund=batch.fund, hop=batch.hop
    ):
        if each.state not in MAY_BE_ORDERED_AGAIN:
            before[each.unit] += each.amount_fen
    payees = []
    obligations = work.payments.obligations(batch_id=batch.id)
    credited = work.accounts.get_all([each.credit_account_id for each in obligations])
    for obligation, credit in zip(obligations, credited, strict=True):
        payees.append(
            PayeeChange(
                unit=obligation.unit,
                credit_name=credit.account_name,
                credit_account_no=credit.account_no,
                amount_fen=obligation.amount_fen,
                last_month_fen=before.get(obligation.unit),
                instead_of=_instead_of(work, obligation),
            )
        )
    return BatchView(
        batch,
        digest_of(work, batch),
        tuple(payees),
        last_month_total_fen=sum(before.values()),
        states=frozenset(each.state for each in obligations),
    )


def _instead_of(work: Work, obligation: Obligation) -> Obligation | None:
    if obligation.revision == 1:
        return None
    earlier = [each for each in work.payments.revisions(obligation) if each.revision < obligation.revision]
    return earlier[-1] if earlier else None


def approve_batch(work: Work, batch_id: int, digest: str, *, checker: str, now: datetime) -> Batch:
    """Approve what was shown: ``digest`` is the one of ``batch_consequences``.

    Raises RuleViolation: ``same_person``, ``digest_changed`` (the batch is no longer what was
    shown) or ``illegal_state_change``.
    """
    checker = person(checker)
    batch = work.payments.batch(batch_id)
    obligations = require_approvable(work, batch, digest, checker=checker, now=now)
    if batch.state is BatchState.APPROVED:
        return batch
    approved = work.payments.change_batch(
        batch, state=BatchState.APPROVED.value, checker=checker, approved_at=now, approved_digest=digest
    )
    _move_on(work, obligations, ObligationState.SUBMITTED, after=ObligationState.APPROVED)
    _audit_batch(work, batch, approved, action="approve_batch", actor=checker, now=now)
    return approved


def require_approvable(
    work: Work, batch: Batch, digest: str, *, checker: str, now: datetime
) -> Sequence[Obligation]:
    """The batch's payments, where the checker may approve it as shown; else raises what ``approve_batch`` raises."""
    require_other_person(checker, batch.maker, act_zh="复核", act_en="approving a batch")
    obligations = work.payments.obligations(batch_id=batch.id)
    if digest != digest_of(work, batch):
        raise _digest_changed(batch)
    if batch.state is not BatchState.APPROVED or batch.approved_digest != digest:
        _require_state(batch, BatchState.SUBMITTED)
        _require_payable(work, batch, obligations, now=now)
    return obligations


def release_batch(work: Work, batch_id: int, releaser: str, *, now: datetime) -> Batch:
    """Release an approved batch for sending, by a third person.

    Raises RuleViolation: ``same_person``, ``digest_changed`` or ``illegal_state_change``.
    """
    releaser = person(releaser)
    batch = work.payments.batch(batch_id)
    obligations = require_releasable(work, batch, releaser, now=now)
    if batch.state is BatchState.RELEASED:
        return batch
    released = work.payments.change_batch(
        batch, state=BatchState.RELEASED.value, releaser=releaser, released_at=now
    )
    _move_on(work, obligations, ObligationState.APPROVED, after=ObligationState.RELEASED)
    _audit_batch(work, batch, released, action="release_batch", actor=releaser, now=now)
    return released


def require_releasable(work: Work, batch: Batch, releaser: str, *, now: datetime) -> Sequence[Obligation]:
    """The batch's payments, where the releaser may release it; else raises what ``release_batch`` raises."""
    require_other_person(releaser, batch.maker, batch.checker, act_zh="拨付放行", act_en="releasing a batch")
    obligations = work.payments.obligations(batch_id=batch.id)
    if batch.state is not BatchState.RELEASED:
        _require_state(batch, BatchState.APPROVED)
        if batch.approved_digest != digest_of(work, batch):
            raise _digest_changed(batch)
        _require_payable(work, batch, obligations, now=now)
    return obligations


def release_seen(work: Work, seen: SeenBatch, releaser: str, *, now: datetime) -> Batch:
    """Release one batch as the releaser saw it, who has typed its total; again it changes nothing.

    Raises RuleViolation ``total_differs``, and what ``release_batch`` raises.
    """
    batch = work.payments.batch(seen.id)
    if seen.total_fen != batch.total_fen:
        raise RuleViolation(
            "total_differs",
            f"输入的合计 {format_yuan(seen.total_fen)} 元与批次 {batch.id} 的合计不符，未放行",
            f"the total typed, {format_yuan(seen.total_fen)} yuan, is not that of batch {batch.id}; nothing was released",
            remedy="对照批次的收款方与合计再输入 / compare payees and total, then type it again",
        )
    if seen.digest != digest_of(work, batch):
        raise _digest_changed(batch)
    return release_batch(work, batch.id, releaser, now=now)


def _move_on(
    work: Work, obligations: Sequence[Obligation], state: ObligationState, *, after: ObligationState
) -> None:
    for obligation in obligations:
        if obligation.state is state:
            work.payments.change_obligation(obligation, after)


def _require_payable(work: Work, batch: Batch, obligations: Sequence[Obligation], *, now: datetime) -> None:
    """What people let pass must still be what was ordered, to accounts in use, within every limit."""
    accounts = {each.id: each for each in require_batch_whole(work, batch, obligations)}
    payable = [each for each in obligations if each.state not in MAY_BE_ORDERED_AGAIN]
    for account_id in sorted(
        {no for each in payable for no in (each.debit_account_id, each.credit_account_id)}
    ):
        account = accounts[account_id]
        if not account.may_be_used(now):
            raise RuleViolation(
                "account_version_changed",
                f"批次 {batch.key} 所用账户 {account.account_no} 已变更或停用",
                f"batch {batch.key}: account {account.account_no} was replaced or may not be used",
                remedy="撤回后重新制单 / withdraw and order again: fundpool transfers cancel, fundpool transfers order-again",
            )
    require_within_limits(work, batch, payable)


def approve_waiting(
    work: Work,
    city: str,
    month: Month,
    *,
    hop: Hop | None = None,
    fund: str | None = None,
    digest: str | None = None,
    checker: str,
    now: datetime,
) -> tuple[Batch, ...]:
    """Approve every batch of the month (and hop, fund) that waits for it; with ``digest`` only the one it begins.

    Raises what ``approve_batch`` raises; then none is approved.
    """
    approved = []
    for batch in work.payments.batches(city, month, hop, fund=fund):
        seen = digest_of(work, batch)
        if batch.state is BatchState.SUBMITTED and seen.startswith(digest or ""):
            approved.append(approve_batch(work, batch.id, seen, checker=checker, now=now))
    return tuple(approved)


def release_approved(
    work: Work,
    city: str,
    month: Month,
    *,
    hop: Hop | None = None,
    fund: str | None = None,
    releaser: str,
    now: datetime,
) -> tuple[Batch, ...]:
    """Release every batch of the month (and hop, fund) that is approved. Raises what ``release_batch`` raises."""
    return tuple(
        release_batch(work, batch.id, releaser, now=now)
        for batch in work.payments.batches(city, month, hop, fund=fund)
        if batch.state is BatchState.APPROVED
    )


def authorise(
    work: Work,
    city: str,
    month: Month,
    *,
    hop: Hop,
    checker: str,
    releaser: str,
    now: datetime,
    fund: str | None = None,
) -> tuple[Batch, ...]:
    """Approve and release every batch of a hop that still waits; those done before are left alone."""
    batches = []
    for batch in work.payments.batches(city, month, hop, fund=fund):
        current = batch
        if current.state is BatchState.SUBMITTED:
            current = approve_batch(work, current.id, digest_of(work, current), checker=checker, now=now)
        if current.state is BatchState.APPROVED:
            current = release_batch(work, current.id, releaser, now=now)
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


def _audit_batch(work: Work, before: Batch, after: Batch, *, action: str, actor: str, now: datetime) -> None:
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
