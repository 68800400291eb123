"""Moving an attempt along its arrows, and booking what each move means; called inside a transaction.

Only evidence moves an attempt: the bank's exact answer, its statement, or a confirmed fence. An
event without an arrow from the present state changes nothing here; contradictions are breaks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow, payment_flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.ledger import Phase, Posting, reversal_of
from fundpool.domain.money import format_yuan
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import day_of
from fundpool.domain.transfer import (
    LEAVES_ROOM,
    Attempt,
    AttemptState,
    Event,
    GatewayTerms,
    Hop,
    Obligation,
    ObligationState,
    next_attempt_state,
    query_pause,
)
from fundpool.services.books import booking
from fundpool.services.payments.breaks import report_break
from fundpool.services.ports.gateway import GatewayAnswer
from fundpool.services.ports.money_ports import GatewayCall
from fundpool.services.ports.work import Work
from schemas.payment_messages import StatementLine

_WATCH_PAUSE = timedelta(days=1)
_IN_DOUBT = "end_in_doubt"

_CAME_BACK = frozenset({AttemptState.RETURNED, AttemptState.PARTLY_RETURNED})

_OBLIGATION_AFTER = {
    AttemptState.SUCCEEDED: ObligationState.SETTLED,
    AttemptState.REJECTED: ObligationState.FAILED,
    AttemptState.CLOSED: ObligationState.FAILED,
    AttemptState.RETURNED: ObligationState.RETURNED,
    AttemptState.PARTLY_RETURNED: ObligationState.PARTLY_RETURNED,
    AttemptState.ANOMALY: ObligationState.HELD,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an event rests on: the bank's own words, when it moved the money and where it said so.

    ``returned_fen`` is how much has come back in all, where the statement shows it; the whole otherwise.
    """

    source: str
    reason: str | None = None
    bank_serial: str | None = None
    executed_at: datetime | None = None
    returned_fen: int | None = None


def hop_flow(hop: Hop) -> Flow:
    """The flow a hop is booked as; raises RuleViolation ``illegal_flow``."""
    flow = payment_flow(hop.from_type, hop.to_type)
    if flow is None:
        raise RuleViolation(
            "illegal_flow",
            f"不允许从 {hop.from_type} 向 {hop.to_type} 拨付",
            f"money may not be ordered from {hop.from_type} to {hop.to_type}",
        )
    return flow


def refs_of(obligation: Obligation) -> tuple[AccountRef, AccountRef]:
    """Accounts of the books that are debited (payee) and credited (payer) by the payment."""
    city, fund, hop = obligation.city, obligation.fund, obligation.hop
    return (
        AccountRef(city, fund, hop.to_type, unit=obligation.unit),
        AccountRef(city, fund, hop.from_type, unit=obligation.payer_unit),
    )


def reserve(work: Work, obligation: Obligation, key: str, *, now: datetime) -> None:
    """Reserve the amount on the paying account; raises RuleViolation ``exceeds_balance``."""
    booking.post(work, [_leg(obligation, key, Phase.RESERVE, event_at=now)], by=SYSTEM, now=now)


def apply_event(
    work: Work,
    attempt: Attempt,
    event: Event,
    *,
    evidence: Evidence,
    now: datetime,
    terms: GatewayTerms,
) -> Attempt:
    """Move ``attempt`` by ``event`` and book what it means; unchanged when no arrow is drawn."""
    after = next_attempt_state(attempt.state, event)
    if after is None:
        return attempt
    obligation = work.payments.obligation(attempt.obligation_id)
    _book(work, obligation, attempt, after=after, evidence=evidence, now=now)
    changed = work.attempts.change(
        attempt, state=after, **_columns(attempt, after, event=event, evidence=evidence, now=now, terms=terms)
    )
    if attempt.state is not AttemptState.ANOMALY or is_accepted(work, attempt):
        # Anomalous money that came back before anybody took it for the payment: people look again.
        _move_obligation(work, obligation, after, event=event, evidence=evidence, now=now)
    work.audit.append(
        at=now,
        actor=SYSTEM,
        action=f"attempt_{event}",
        subject=f"attempt:{attempt.key}",
        before={"state": attempt.state.value},
        after={"state": after.value, "bank_serial": evidence.bank_serial, "source": evidence.source},
        reason=evidence.reason,
    )
    if after is AttemptState.ANOMALY:
        amount = format_yuan(obligation.amount_fen)
        report_break(
            work,
            obligation,
            kind="executed_after_end",
            reference=attempt.key,
            zh=f"{obligation.key} 的支付已终止（{attempt.state}），银行却已执行 {amount} 元",
            en=f"{obligation.key}: the order was {attempt.state}, yet the bank executed {amount} yuan",
            stops_fund=True,
            now=now,
        )
    return changed


def _columns(
    attempt: Attempt,
    after: AttemptState,
    event: Event,
    *,
    evidence: Evidence,
    now: datetime,
    terms: GatewayTerms,
) -> dict[str, object]:
    columns: dict[str, object] = {"reason": evidence.reason or attempt.reason}
    if after in {AttemptState.SUCCEEDED, AttemptState.ANOMALY}:
        columns["bank_serial"] = evidence.bank_serial
        columns["executed_at"] = evidence.executed_at or now
    if after in _CAME_BACK:
        columns["returned_fen"] = _back_fen(attempt, evidence)
    if after is AttemptState.UNKNOWN:
        columns["was_unknown"] = 1
    if after is AttemptState.CLOSED or (after is AttemptState.REJECTED and not terms.can_close):
        # Where the bank has no fence, its refusal is all the certainty there is.
        columns["fenced_at"] = now
    if event is Event.NEVER_SENT:
        columns["next_query_at"] = None
    elif after in {AttemptState.SUCCEEDED, AttemptState.REJECTED, AttemptState.CLOSED}:
        columns["next_query_at"] = next_watch(attempt, now, terms)
    elif after in {*_CAME_BACK, AttemptState.ANOMALY, AttemptState.PREPARED}:
        columns["next_query_at"] = None
    else:
        columns["next_query_at"] = now + query_pause(0, terms)
        columns["times_asked"] = 0
    return columns


def doubt_end(work: Work, attempt: Attempt, now: datetime) -> Attempt:
    """Doubt the end of an order that the books hold as over: no other key is used until its end is proved anew.

    The bank may have had it once more, from books that a restore has replaced since. Proof is a fence,
    or the statements of every day from its first sending to the bank's retention after now.
    """
    return work.attempts.change(
        attempt,
        reason=_IN_DOUBT,
        fenced_at=None,
        absence_confirmed_by=None,
        was_unknown=1,
        first_sent_at=attempt.first_sent_at or attempt.prepared_at,
        last_sent_at=now,
        next_query_at=now + _WATCH_PAUSE,
    )


def is_in_doubt(attempt: Attempt) -> bool:
    """Whether the bank reported an order as open that the books hold as over, and nothing has proved its end since."""
    return must_be_fenced(attempt) and attempt.reason == _IN_DOUBT


def must_be_fenced(attempt: Attempt) -> bool:
    """Whether an order that is over may still be executed, so that no other key may be used yet."""
    return attempt.state in LEAVES_ROOM and attempt.fenced_at is None


def next_watch(attempt: Attempt, now: datetime, terms: GatewayTerms) -> datetime | None:
    """When to ask again about an ended attempt: late executions and returns do happen."""
    if attempt.last_sent_at is None:
        return None
    last = attempt.last_sent_at + terms.key_retention
    return now + _WATCH_PAUSE if now + _WATCH_PAUSE <= last else None


def _book(
    work: Work,
    obligation: Obligation,
    attempt: Attempt,
    *,
    after: AttemptState,
    evidence: Evidence,
    now: datetime,
) -> None:
    event_at = evidence.executed_at or now
    key = attempt.key
    if after is AttemptState.SUCCEEDED:
        entry = _leg(obligation, key, Phase.POST, event_at=event_at)
    elif after in {AttemptState.REJECTED, AttemptState.CLOSED}:
        entry = _leg(obligation, key, Phase.VOID, event_at=now)
    elif after in _CAME_BACK:
        if attempt.state is AttemptState.ANOMALY and not is_accepted(work, attempt):
            entry = recovered_posting(
                obligation,
                f"transfer/{key}/{Flow.ANOMALY_RETURNED}",
                _returned_at(evidence, now),
                attempt_key=key,
            )
        else:
            _book_return(work, obligation, attempt, evidence=evidence, now=now)
            return
    elif after is AttemptState.ANOMALY:
        entry = _anomaly_leg(obligation, key, event_at)
    else:
        return
    booking.post(
        work, [entry], by=SYSTEM, now=now, evidence=f"{evidence.source}:{evidence.bank_serial or key}"
    )


def _leg(obligation: Obligation, key: str, phase: Phase, *, event_at: datetime) -> Posting:
    debit, credit = refs_of(obligation)
    return Posting(
        key=f"transfer/{key}/{phase}",
        debit=debit,
        credit=credit,
        amount_fen=obligation.amount_fen,
        flow=hop_flow(obligation.hop),
        phase=phase,
        event_at=event_at,
        resolves=None if phase is Phase.RESERVE else f"transfer/{key}/{Phase.RESERVE}",
        attempt_key=key,
        memo=obligation.key,
    )


def _back_fen(attempt: Attempt, evidence: Evidence) -> int:
    return attempt.amount_fen if evidence.returned_fen is None else evidence.returned_fen


def _book_return(
    work: Work, obligation: Obligation, attempt: Attempt, *, evidence: Evidence, now: datetime
) -> None:
    """Book what came back beyond what is booked already, and look whether the payee still had it."""
    back_fen, key = _back_fen(attempt, evidence), attempt.key
    entries: list[Posting] = []
    booked_fen = attempt.returned_fen
    if back_fen < booked_fen:
        # Booked whole on the bank's answer, in part on its statement: take back, then book the part.
        whole = work.ledger.existing([_return_key(key)])[_return_key(key)]
        entries.append(reversal_of(whole, now, f"{evidence.source}:{evidence.bank_serial}"))
        booked_fen = 0
    is_whole_at_once = booked_fen == 0 and back_fen == attempt.amount_fen
    entries.append(
        _returned_leg(
            obligation,
            key,
            _return_key(key) if is_whole_at_once else f"{_return_key(key)}/{evidence.bank_serial}",
            amount_fen=back_fen - booked_fen,
            event_at=_returned_at(evidence, now),
        )
    )
    booking.post(
        work, entries, by=SYSTEM, now=now, evidence=f"{evidence.source}:{evidence.bank_serial or key}"
    )
    _require_payee_had_it(work, obligation, key, now=now)


def latest_not_booked(work: Work, attempt: Attempt, returns: Sequence[StatementLine]) -> StatementLine:
    """The latest of the lines under whose serial no return is booked; the last when there is none.

    A line that the bank shows late may precede one that is booked already: its serial is taken.
    """
    key = _return_key(attempt.key)
    booked = work.ledger.existing([f"{key}/{line.bank_serial}" for line in returns])
    return next(
        (line for line in reversed(returns) if f"{key}/{line.bank_serial}" not in booked), returns[-1]
    )


def _returned_at(evidence: Evidence, now: datetime) -> datetime:
    """When the money came back: the statement says it; of an answer only the day it was noticed is known."""
    is_dated = evidence.returned_fen is not None and evidence.executed_at is not None
    return evidence.executed_at if is_dated and evidence.executed_at else now


def date_return(work: Work, attempt: Attempt, evidence: Evidence, *, now: datetime) -> None:
    """Book a return that the bank's answer told on the day that its statement gives; doing it again changes nothing."""
    key, happened_at = _return_key(attempt.key), _returned_at(evidence, now)
    booked = work.ledger.existing([key, f"{key}/reversal"])
    if key not in booked or f"{key}/reversal" in booked:
        return  # booked from the statement part by part, or dated already
    undated = booked[key]
    if day_of(undated.event_at) == day_of(happened_at):
        return
    # First what came back, then the booking it replaces: the payer never lacks the money in between.
    dated = replace(undated, key=f"{key}/{evidence.bank_serial}", event_at=happened_at)
    entries = [dated, reversal_of(undated, undated.event_at, f"{evidence.source}:{evidence.bank_serial}")]
    booking.post(work, entries, by=SYSTEM, now=now, evidence=f"{evidence.source}:{evidence.bank_serial}")


def _return_key(key: str) -> str:
    return f"transfer/{key}/{Flow.BANK_RETURN}"


def _require_payee_had_it(work: Work, obligation: Obligation, key: str, *, now: datetime) -> None:
    """Where the payee had sent on or spent what came back, its account lacks it: people must look."""
    payee, _ = refs_of(obligation)
    held = booking.balance(work, payee)
    if held.available_fen >= 0:
        return
    short = format_yuan(-held.available_fen)
    report_break(
        work,
        obligation,
        kind="deficit_after_return",
        reference=key,
        zh=f"{obligation.key} 被退回，而 {payee} 已付出或已预留该款，账面缺 {short} 元",
        en=f"{obligation.key} came back after {payee} had paid or reserved it: {short} yuan are missing there",
        stops_fund=True,
        now=now,
    )


def _returned_leg(
    obligation: Obligation, key: str, posting_key: str, *, amount_fen: int, event_at: datetime
) -> Posting:
    payee, payer = refs_of(obligation)
    return Posting(
        key=posting_key,
        debit=payer,
        credit=payee,
        amount_fen=amount_fen,
        flow=Flow.BANK_RETURN,
        phase=Phase.DIRECT,
        event_at=event_at,
        attempt_key=key,
        memo=obligation.key,
    )


def _anomaly_leg(obligation: Obligation, key: str, event_at: datetime) -> Posting:
    return suspense_posting(obligation, f"transfer/{key}/{Flow.ANOMALY}", event_at, attempt_key=key)


def recovered_posting(
    obligation: Obligation, key: str, event_at: datetime, *, attempt_key: str | None = None
) -> Posting:
    """Money in suspense that came back to the paying account."""
    anomaly = suspense_posting(obligation, key, event_at, attempt_key=attempt_key)
    return replace(
        anomaly,
        key=key if attempt_key is not None else f"{key}/returned",
        debit=anomaly.credit,
        credit=anomaly.debit,
        flow=Flow.ANOMALY_RETURNED,
    )


def accepted_leg(obligation: Obligation, key: str, event_at: datetime) -> Posting:
    """Money in suspense becomes the payment it was meant to be."""
    payee, _ = refs_of(obligation)
    anomaly = _anomaly_leg(obligation, key, event_at)
    return replace(
        anomaly,
        key=_accepted_key(key),
        debit=payee,
        credit=anomaly.debit,
        flow=Flow.ANOMALY_ACCEPTED,
    )


def _accepted_key(key: str) -> str:
    return f"transfer/{key}/{Flow.ANOMALY_ACCEPTED}"


def is_accepted(work: Work, attempt: Attempt) -> bool:
    """Whether a person has taken an execution after the end for the payment itself."""
    return bool(work.ledger.existing([_accepted_key(attempt.key)]))


def suspense_posting(
    obligation: Obligation, key: str, event_at: datetime, *, attempt_key: str | None = None
) -> Posting:
    """Money the bank moved against our books: out of the paying account, into suspense."""
    _, payer = refs_of(obligation)
    suspense = AccountRef(obligation.city, obligation.fund, AccountType.SUSPENSE, unit=obligation.unit)
    return Posting(
        key=key,
        debit=suspense,
        credit=payer,
        amount_fen=obligation.amount_fen,
        flow=Flow.ANOMALY,
        phase=Phase.DIRECT,
        event_at=event_at,
        attempt_key=attempt_key,
        memo=obligation.key,
    )


def _move_obligation(
    work: Work,
    obligation: Obligation,
    after: AttemptState,
    *,
    event: Event,
    evidence: Evidence,
    now: datetime,
) -> None:
    target = ObligationState.RELEASED if event is Event.NEVER_SENT else _OBLIGATION_AFTER.get(after)
    if target is None or target is obligation.state:
        return
    if obligation.state is ObligationState.HELD and after in _CAME_BACK:
        return  # a person looks already, and takes it to where its order stands (look_again)
    fields: dict[str, object] = {"held_reason": None} if obligation.held_reason else {}
    if target is ObligationState.SETTLED:
        fields |= {"settled_at": evidence.executed_at or now}
    elif target is ObligationState.PARTLY_RETURNED:
        fields |= {"returned_fen": evidence.returned_fen or 0}
    elif target is ObligationState.RETURNED and obligation.returned_fen:
        fields |= {"returned_fen": 0}
    elif target is ObligationState.HELD:
        fields = {"held_reason": f"executed_after_end: {evidence.source}"}
    work.payments.change_obligation(obligation, target, **fields)


def hold(work: Work, obligation: Obligation, *, reason: str, by: str, now: datetime) -> Obligation:
    """Hold an obligation for a person; one that is held keeps its first reason."""
    if obligation.state is ObligationState.HELD:
        return obligation
    held = work.payments.change_obligation(obligation, ObligationState.HELD, held_reason=reason)
    work.audit.append(
        at=now,
        actor=by,
        action="hold",
        subject=f"obligation:{obligation.key}",
        before={"state": obligation.state.value},
        after={"state": held.state.value},
        reason=reason,
    )
    return held


def record_call(
    work: Work, attempt: Attempt, operation: str, *, now: datetime, answer: GatewayAnswer | None = None
) -> None:
    """Keep one side of a call about the order: that it starts, or with ``answer`` what came back."""
    work.attempts.record_call(
        GatewayCall(
            attempt.key,
            operation,
            "started" if answer is None else "finished",
            worker_epoch=attempt.worker_epoch,
            at=now,
            answer=answer.kind.value if answer else None,
            reason=answer.reason if answer else None,
            raw=answer.raw if answer else None,
        )
    )
