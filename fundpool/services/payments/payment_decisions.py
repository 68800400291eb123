"""What people decide about a payment: withdraw it, hold it, look at it again, order it once more."""

from datetime import datetime

from fundpool.domain.errors import RuleViolation
from fundpool.domain.people import person, require_other_person
from fundpool.domain.transfer import (
    EXECUTED,
    LEAVES_ROOM,
    AttemptState,
    Event,
    GatewayTerms,
    Obligation,
    ObligationState,
    check_obligation_arrow,
)
from fundpool.services.books import booking
from fundpool.services.payments import kill_switches
from fundpool.services.payments.attempts import (
    Evidence,
    accepted_leg,
    apply_event,
    hold,
    is_accepted,
    is_in_doubt,
)
from fundpool.services.payments.orders import orders_perhaps_lost, possible_keys, tried
from fundpool.services.payments.seals import require_orders_whole
from fundpool.services.ports.work import Work
from schemas.payment_messages import Direction

_TERMS = GatewayTerms()


def cancel(
    work: Work, obligation_id: int, *, by: str, reason: str, now: datetime, terms: GatewayTerms = _TERMS
) -> Obligation:
    """Withdraw an obligation that is not with the bank: never sent, or definitely refused.

    Raises RuleViolation ``already_sent`` when an order may have reached the bank; after a restore also
    ``recovery_unfinished``, ``perhaps_sent_before_restore`` or ``statements_missing`` while it is not
    certain that none has.
    """
    by = person(by)
    obligation = work.payments.obligation(obligation_id)
    _require_never_sent(work, obligation, now, terms=terms)
    for attempt in work.attempts.of_obligation(obligation_id):
        if attempt.state is AttemptState.PREPARED:
            apply_event(
                work, attempt, Event.NEVER_SENT, evidence=Evidence("cancel", reason), now=now, terms=terms
            )
            obligation = work.payments.obligation(obligation_id)
    cancelled = work.payments.change_obligation(obligation, ObligationState.CANCELLED)
    _audit_obligation(work, obligation, cancelled, action="cancel", by=by, reason=reason, now=now)
    return cancelled


def _require_never_sent(work: Work, obligation: Obligation, now: datetime, *, terms: GatewayTerms) -> None:
    """Nothing of it is with the bank: not by the books, nor by orders that a restore has lost."""
    kill_switches.require_recovered(work, obligation.city, obligation.fund)
    require_orders_whole(work, obligation)
    known = work.attempts.of_obligation(obligation.id)
    # One learnt from the statement was never sent by these books, and is paid all the same.
    is_sent = any(
        each.state not in LEAVES_ROOM
        and not (each.state is AttemptState.PREPARED and each.first_sent_at is None)
        for each in known
    )
    keys = possible_keys(obligation, tried(work, obligation))
    if is_sent or work.statements.keys_with_lines(key for _, key in keys):
        raise RuleViolation(
            "already_sent",
            f"{obligation.key} 已发送过银行，不能撤回",
            f"{obligation.key} was sent to the bank and cannot be withdrawn",
            remedy="等待对账结论 / wait for what the bank says: fundpool transfers resolve",
        )
    if any(map(is_in_doubt, known)):
        raise RuleViolation(
            "end_in_doubt",
            f"{obligation.key} 的支付在账上已终止，银行却称另有去向，现不能撤回",
            f"the order of {obligation.key} is over in the books, yet the bank spoke of it as under way; it cannot be "
            "withdrawn yet",
            remedy="可先挂起；注销成功，或对账单取齐并由两人确认未执行后再撤回 / hold it; withdraw it once two people have confirmed "
            "by the statements that it was never executed: fundpool transfers confirm-absence",
        )
    if orders_perhaps_lost(work, obligation, now, terms=terms):
        raise RuleViolation(
            "perhaps_sent_before_restore",
            f"{obligation.key} 在恢复之后重新制单，恢复之前可能已发送过银行，现不能撤回",
            f"{obligation.key} was ordered anew after a restore and may have been sent before it; it cannot be "
            "withdrawn yet",
            remedy="可先挂起，过了银行保存期并取齐对账单后再撤回 / hold it; withdraw it once the bank's retention is over "
            "and the statements are in: fundpool transfers hold",
        )


_OVER = frozenset(
    {
        ObligationState.SETTLED,
        ObligationState.RETURNED,
        ObligationState.PARTLY_RETURNED,
        ObligationState.CANCELLED,
    }
)


def hold_obligation(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Stop one obligation until a person has looked; a question with the bank stays open.

    Raises RuleViolation ``illegal_state_change`` for one that is over: nothing of it can be stopped.
    """
    by = person(by)
    obligation = work.payments.obligation(obligation_id)
    if obligation.state in _OVER:
        check_obligation_arrow(obligation.state, obligation.state, obligation.key)
    return hold(work, obligation, reason=reason, by=by, now=now)


def look_again(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Take an obligation out of HELD to where its attempts say it stands; never sends by itself.

    Raises RuleViolation ``illegal_state_change`` for one that is not held, and ``anomaly_open``
    while an execution after the end is not cleared.
    """
    by = person(by)
    obligation = work.payments.obligation(obligation_id)
    if obligation.state is not ObligationState.HELD:
        check_obligation_arrow(obligation.state, obligation.state, obligation.key)
    require_orders_whole(work, obligation)
    known = work.attempts.of_obligation(obligation_id)
    if any(attempt.state is AttemptState.ANOMALY and not is_accepted(work, attempt) for attempt in known):
        raise RuleViolation(
            "anomaly_open",
            f"{obligation.key} 有终止后仍被执行的支付，须先查清待查款项",
            f"{obligation.key} has an order executed after its end; clear the suspense account first",
            remedy="款项仅此一笔且收款方留用：fundpool transfers accept-execution；否则待银行退票 / "
            "when it was paid once and the payee keeps it; otherwise wait until the money is back",
        )
    last = known[-1].state if known else None
    ends = {each.state for each in known} & EXECUTED
    if last is None or (known[-1].first_sent_at is None and last is AttemptState.CLOSED):
        target = ObligationState.RELEASED
    elif ends and last in LEAVES_ROOM | EXECUTED:
        target = ObligationState.SETTLED  # held after the bank had paid: it contradicted itself
    elif last in LEAVES_ROOM:
        target = ObligationState.FAILED
    else:
        target = ObligationState.IN_FLIGHT
    changed = work.payments.change_obligation(obligation, target, held_reason=None)
    if target is ObligationState.SETTLED and ends == {AttemptState.RETURNED}:
        changed = work.payments.change_obligation(changed, ObligationState.RETURNED)
    elif target is ObligationState.SETTLED and AttemptState.PARTLY_RETURNED in ends:
        back_fen = next(each.returned_fen for each in known if each.state is AttemptState.PARTLY_RETURNED)
        changed = work.payments.change_obligation(
            changed, ObligationState.PARTLY_RETURNED, returned_fen=back_fen
        )
    if target is ObligationState.IN_FLIGHT and last is not AttemptState.PREPARED:
        work.attempts.change(known[-1], next_query_at=now)
    _audit_obligation(work, obligation, changed, action="look_again", by=by, reason=reason, now=now)
    return changed


def accept_execution(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Take an order that the bank executed after its end for the payment itself: the payee keeps it.

    Books it out of suspense to the payee; not by the maker. Raises RuleViolation ``illegal_state_change``
    where no such execution waits, and ``paid_twice`` where the payee has been, or may yet be, paid otherwise.
    """
    by = person(by)
    obligation = work.payments.obligation(obligation_id)
    require_other_person(
        by,
        work.payments.batch(obligation.batch_id).maker,
        act_zh="认可入账",
        act_en="accepting an execution",
    )
    anomalies = [
        each for each in work.attempts.of_obligation(obligation_id) if each.state is AttemptState.ANOMALY
    ]
    if obligation.state is not ObligationState.HELD or not anomalies:
        check_obligation_arrow(obligation.state, obligation.state, obligation.key)
    require_orders_whole(work, obligation)
    known = tried(work, obligation)
    executed = anomalies[0]
    over = LEAVES_ROOM | {AttemptState.RETURNED}
    others = [each for each in known if each.state not in over and each.id != executed.id]
    debits = [
        each for each in work.statements.lines_of_key(executed.key) if each.direction is Direction.DEBIT
    ]
    lost = work.statements.keys_with_lines(key for _, key in possible_keys(obligation, known))
    if others or lost or len(debits) > 1:
        raise RuleViolation(
            "paid_twice",
            f"{obligation.key} 另有已执行或未了结的支付，不能认可；多付的款项须追回",
            f"{obligation.key} has another order that was executed or is not over; what was paid twice must be recovered",
        )
    entry = accepted_leg(obligation, executed.key, now)
    booking.post(work, [entry], by=by, now=now, evidence=reason)
    changed = work.payments.change_obligation(
        obligation, ObligationState.SETTLED, settled_at=executed.executed_at, held_reason=None
    )
    _audit_obligation(work, obligation, changed, action="accept_execution", by=by, reason=reason, now=now)
    return changed


def approve_retry(work: Work, obligation_id: int, *, by: str, reason: str, now: datetime) -> Obligation:
    """Allow one more attempt after a definite failure; not by the maker.

    If an earlier attempt was ever unknown, two different people must allow it: the first call
    records the first, and the obligation stays FAILED until the second. The old key is closed at
    the bank before a new one is used.
    """
    by = person(by)
    obligation = work.payments.obligation(obligation_id)
    batch = work.payments.batch(obligation.batch_id)
    require_other_person(by, batch.maker, act_zh="重付批准", act_en="approving a retry")
    if obligation.state is ObligationState.RETRY_APPROVED:
        return obligation
    if obligation.state is not ObligationState.FAILED:
        raise RuleViolation(
            "illegal_state_change",
            f"{obligation.key} 现为 {obligation.state}，只有确定失败的款项可以批准重付",
            f"{obligation.key} is {obligation.state}; only a definite failure may be tried again",
        )
    require_orders_whole(work, obligation)
    doubtful = any(attempt.was_unknown for attempt in work.attempts.of_obligation(obligation_id))
    if doubtful and obligation.retry_asked_by is None:
        # The state stays: only the first of the two names is recorded.
        work.payments.note_retry(obligation, by)
        changed = work.payments.obligation(obligation_id)
    else:
        if doubtful:
            require_other_person(
                by,
                obligation.retry_asked_by,
                act_zh="重付的第二人批准",
                act_en="the second approval of a retry",
            )
        changed = work.payments.change_obligation(
            obligation, ObligationState.RETRY_APPROVED, retry_asked_by=None
        )
    _audit_obligation(work, obligation, changed, action="approve_retry", by=by, reason=reason, now=now)
    return changed


def _audit_obligation(
    work: Work,
    before: Obligation,
    after: Obligation,
    *,
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
