"""The orders to the bank that an obligation may have, each under a key of its own.

Keys follow from the obligation alone, so that books put back from a backup can name every order they
may have lost, ask the bank about it, and settle it from what the statements say.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import chain

from fundpool.domain.errors import RuleViolation
from fundpool.domain.languages import counted
from fundpool.domain.periods import SHANGHAI, day_of, days_between, midnight
from fundpool.domain.transfer import (
    Attempt,
    Event,
    GatewayTerms,
    Obligation,
    ObligationState,
    attempt_key,
    final_days,
    prepared_attempt,
    request_hash,
)
from fundpool.services.payments import attempts
from fundpool.services.payments.attempts import Evidence, apply_event
from fundpool.services.ports.money_ports import Recovery
from fundpool.services.ports.work import Work
from schemas.payment_messages import TransferOrder

ATTEMPTS_AT_MOST = 20
"""No obligation has more attempts, so that after a restore every key it can have had is looked for."""


def tried(work: Work, obligation: Obligation) -> list[Attempt]:
    """Attempts to pay what is owed, under any revision of it, first to last."""
    return tried_under(work, work.payments.revisions(obligation))


def tried_under(work: Work, revisions: Sequence[Obligation]) -> list[Attempt]:
    """Attempts to pay what is owed, ``revisions`` being all revisions of it."""
    found = work.attempts.of_obligations(each.id for each in revisions)
    return sorted(chain.from_iterable(found.values()), key=lambda each: each.attempt_no)


def is_latest(work: Work, obligation: Obligation) -> bool:
    """Whether the obligation is the last revision of what is owed."""
    return work.payments.revisions(obligation)[-1].id == obligation.id


def possible_keys(obligation: Obligation, known: Sequence[Attempt]) -> list[tuple[int, str]]:
    """Numbers and keys that orders lost by a restore can have had, in order; ``known``: the result of ``tried``.

    All of them, not the next alone: after the backup attempts may have been refused, leaving no
    trace at the bank, and others made.
    """
    return [
        (number, attempt_key(obligation.payment_key, number))
        for number in range(next_attempt_no(known), ATTEMPTS_AT_MOST + 1)
    ]


def next_attempt_no(known: Sequence[Attempt]) -> int:
    """Number of the attempt after the ones in the books."""
    return known[-1].attempt_no + 1 if known else 1


def is_exhausted(known: Sequence[Attempt]) -> bool:
    """Whether there may be no further attempt: people look, and may withdraw the obligation."""
    return next_attempt_no(known) > ATTEMPTS_AT_MOST


def order_for(work: Work, obligation: Obligation, key: str, *, valid_until: datetime) -> TransferOrder:
    """The order to the bank that follows from what people approved; nothing else may be sent."""
    debit, credit = work.accounts.get_all([obligation.debit_account_id, obligation.credit_account_id])
    return TransferOrder(
        key=key,
        amount_fen=obligation.amount_fen,
        debit_account=debit.account_no,
        credit_account=credit.account_no,
        credit_name=credit.account_name,
        purpose=f"{obligation.fund} {obligation.month} {obligation.purpose}",
        end_to_end_id=key.replace("-", ""),
        valid_until=valid_until,
    )


def follows_from_approval(work: Work, obligation: Obligation, attempt: Attempt) -> bool:
    """Whether the attempt's stored bytes are the order that follows from what people approved."""
    order = order_for(work, obligation, attempt.key, valid_until=attempt.valid_until.astimezone(SHANGHAI))
    return (
        attempt.request == order.body
        and attempt.request_hash == request_hash(attempt.request)
        and attempt.amount_fen == obligation.amount_fen
        and attempt.key == attempt_key(obligation.payment_key, attempt.attempt_no)
    )


def new_attempt(
    work: Work, obligation: Obligation, attempt_no: int, *, now: datetime, terms: GatewayTerms
) -> Attempt:
    """Store the next attempt of an obligation: deterministic key, exact bytes, reserved amount."""
    key = attempt_key(obligation.payment_key, attempt_no)
    valid_until = (now + terms.resend_span).astimezone(SHANGHAI).replace(microsecond=0)
    order = order_for(work, obligation, key, valid_until=valid_until)
    attempts.reserve(work, obligation, key, now=now)
    attempt = work.attempts.add(
        prepared_attempt(
            obligation, attempt_no, key, request=order.body, prepared_at=now, valid_until=valid_until
        )
    )
    if obligation.state is not ObligationState.IN_FLIGHT:
        work.payments.change_obligation(obligation, ObligationState.IN_FLIGHT)
    work.audit.append(
        at=now,
        actor="system",
        action="prepare_attempt",
        subject=f"attempt:{key}",
        after={"obligation": obligation.key, "attempt_no": attempt_no, "request_hash": attempt.request_hash},
    )
    return attempt


def possible_orders(work: Work, obligation: Obligation) -> list[TransferOrder]:
    """The order under each of ``possible_keys``, to ask the bank about; none of them is ever sent."""
    never = datetime(2000, 1, 1, tzinfo=SHANGHAI)
    keys = possible_keys(obligation, tried(work, obligation))
    return [order_for(work, obligation, key, valid_until=never) for _, key in keys]


def orders_perhaps_lost(
    work: Work, obligation: Obligation, now: datetime, *, terms: GatewayTerms
) -> list[TransferOrder]:
    """Orders of a payment not tried yet that a restore may have lost, while the bank can be asked about them.

    Raises RuleViolation ``statements_missing`` when the bank may have forgotten one: then only the statements
    of every day on which it can have been executed show that there was none.
    """
    recovery = work.switches.recovery(obligation.city, obligation.fund)
    if recovery is None or work.attempts.of_obligation(obligation.id):
        return []
    orders = possible_orders(work, obligation)
    if not orders:
        return []  # earlier revisions have used every key there is
    made_at = work.payments.batch(obligation.batch_id).made_at
    if made_at < recovery.opened_at or work.statements.keys_with_lines(each.key for each in orders):
        return []
    _require_forgotten_on_statements(work, orders[0].debit_account, recovery, now=now, terms=terms)
    return orders if now < _all_forgotten_at(recovery, terms) else []


def _all_forgotten_at(recovery: Recovery, terms: GatewayTerms) -> datetime:
    return recovery.opened_at + terms.quiet_after_restore + terms.key_retention


def _require_forgotten_on_statements(
    work: Work, account_no: str, recovery: Recovery, *, now: datetime, terms: GatewayTerms
) -> None:
    """What was sent on the backup's day is forgotten first, days before what was sent until the restore.

    An order is executed days before the bank forgets it, so that the statements which cannot grow
    any more show each that it has forgotten.
    """
    over_at = _all_forgotten_at(recovery, terms)
    if now >= over_at:
        require_statements(work, account_no, recovery.since, last=over_at, terms=terms)
    elif now >= midnight(recovery.since) + terms.key_retention:
        final_until = now - terms.statement_final_after - timedelta(days=1)
        require_statements(work, account_no, recovery.since, last=final_until, terms=terms)


def require_statements(
    work: Work, account_no: str, first: date, *, last: datetime, terms: GatewayTerms
) -> None:
    """Raise RuleViolation ``statements_missing`` unless all those days were imported when final."""
    final = final_days(work.statements.imports(account_no), terms)
    missing = [day for day in days_between(first, day_of(last)) if day not in final]
    if missing:
        raise RuleViolation(
            "statements_missing",
            f"账户 {account_no} 尚缺 {len(missing)} 天的银行对账单，首日 {missing[0]}",
            f"statements of account {account_no} are missing for {counted(len(missing), 'day')} from {missing[0]}",
            remedy="先取回对账单 / fetch the statements first: fundpool transfers statement",
        )


def suspect_after_restore(work: Work, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> Attempt:
    """Make an order that a restore had lost an open question to the bank; it is never sent again.

    It may have been sent as early as the day of the backup: a fence proves nothing once the bank may
    have forgotten it, and its absence is proved only by the statements from that day on.
    """
    obligation = work.payments.obligation(attempt.obligation_id)
    recovery = work.switches.recovery(obligation.city, obligation.fund)
    sent_at = midnight(recovery.since) if recovery else attempt.prepared_at
    suspect = apply_event(work, attempt, Event.SUSPECT, evidence=Evidence("restore"), now=now, terms=terms)
    return work.attempts.change(
        suspect, first_sent_at=min(sent_at, attempt.prepared_at), last_sent_at=now, resend_until=now
    )
