"""Sending: money leaves here and nowhere else, by three transactions around one call.

Prepare (T1) stores key and exact bytes and reserves the amount; claim (T2) takes the lease and checks
every guard again; then the call; then the result (T3). Any rerun of any step moves no money twice,
because the key belongs to the obligation and never to the run (docs/reliability.md).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from fundpool.domain.chart_of_accounts import AccountRef
from fundpool.domain.errors import FundpoolError, RuleViolation, ServiceUnavailable
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Month
from fundpool.domain.transfer import (
    LEAVES_ROOM,
    MAY_BE_ORDERED_AGAIN,
    AccountStatus,
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Event,
    GatewayTerms,
    Hop,
    Obligation,
    ObligationState,
    fence_proves_absence,
    latest_revisions,
    may_send,
    resend_until,
)
from fundpool.services.books import booking
from fundpool.services.payments import kill_switches
from fundpool.services.payments.attempts import (
    Evidence,
    apply_event,
    doubt_end,
    hold,
    must_be_fenced,
    record_call,
    refs_of,
)
from fundpool.services.payments.batches import digest_of
from fundpool.services.payments.breaks import report_break
from fundpool.services.payments.limits import require_money_arrived, require_within_day, require_within_limits
from fundpool.services.payments.line_matching import apply_lines
from fundpool.services.payments.orders import (
    follows_from_approval,
    is_exhausted,
    new_attempt,
    next_attempt_no,
    orders_perhaps_lost,
    possible_keys,
    suspect_after_restore,
    tried,
    tried_under,
)
from fundpool.services.payments.seals import require_latest, require_whole
from fundpool.services.payments.transfer_views import TransferOutcome, outcomes_of
from fundpool.services.ports.failpoints import failpoint
from fundpool.services.ports.gateway import Gateway, GatewayAnswer, GatewayAnswerKind, gateway_unavailable
from fundpool.services.ports.work import Ports, Work
from schemas.payment_messages import TransferOrder

MAX_WORKER_LIFE = timedelta(minutes=15)
"""A sender stops claiming after this time: a worker must not outlive the bank's memory of a key."""

Clock = Callable[[], datetime]


def running_clock(now: datetime) -> Clock:
    """The business clock ``now`` plus the time that has passed since, by the monotonic clock."""
    start_s = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - start_s)


_NEEDS_ANOTHER_KEY = (ObligationState.RELEASED, ObligationState.RETRY_APPROVED)
SENDABLE = frozenset({*_NEEDS_ANOTHER_KEY, ObligationState.IN_FLIGHT})
"""Obligations of which there may be something to send."""


def send_batch(
    ports: Ports,
    city: str,
    month: Month,
    *,
    hop: Hop,
    worker: str,
    now: datetime,
    units: Iterable[str] | None = None,
    clock: Clock | None = None,
) -> tuple[TransferOutcome, ...]:
    """Send what is released for a hop, for all payees or for ``units``; how each stands afterwards.

    One payee's trouble is its outcome and stops nobody else; a bank that cannot be reached or refuses our
    signature stops the run, because the next order would meet the same. Run again as often as you like.
    Raises ServiceUnavailable only when the database is away.
    """
    gateway = gateway_of(ports)
    clock = clock or running_clock(now)
    stop_at = clock() + MAX_WORKER_LIFE
    wanted = None if units is None else frozenset(units)

    def read(work: Work) -> tuple[list[Obligation], dict[AccountRef, RuleViolation | None]]:
        found = [
            each
            for each in latest_revisions(work.payments.obligations(city=city, month=month, hop=hop))
            if wanted is None or each.unit in wanted
        ]
        payers = {refs_of(each)[1] for each in found if each.state in SENDABLE}
        return found, {payer: booking.opening_ahead(work, payer, now) for payer in payers}

    obligations, ahead = ports.database.read(read)
    errors: dict[int, FundpoolError] = {}
    trouble: FundpoolError | None = None
    for obligation in obligations:
        error = (trouble or ahead[refs_of(obligation)[1]]) if obligation.state in SENDABLE else None
        if error is None and obligation.state in SENDABLE and clock() < stop_at:
            try:
                answer = send_one(ports, gateway, obligation.id, worker=worker, clock=clock)
                error = trouble = None if answer is None else answer.trouble
            except _UnansweredError as unanswered:
                trouble = unanswered.answer.trouble
                error = trouble or gateway_unavailable()
            except RuleViolation as problem:
                error = problem
        if error is not None:
            errors[obligation.id] = error

    def outcomes(work: Work) -> list[TransferOutcome]:
        return outcomes_of(work, [work.payments.obligation(each.id) for each in obligations], errors)

    return tuple(ports.database.read(outcomes))


class _UnansweredError(Exception):
    """The bank did not answer what must be known before another key may be used; nothing was sent."""

    def __init__(self, answer: GatewayAnswer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Questions:
    """What the bank must answer before another key is used."""

    to_fence: Attempt | None
    """The ended attempt whose key it must close."""
    refused: Sequence[Attempt]
    """Attempts that it must still refuse."""
    perhaps_lost: Sequence[TransferOrder]
    """Orders that it must not know."""

    @property
    def are_any(self) -> bool:
        return bool(self.to_fence or self.refused or self.perhaps_lost)


def send_one(
    ports: Ports, gateway: Gateway, obligation_id: int, *, worker: str, clock: Clock
) -> GatewayAnswer | None:
    """Prepare, claim, call and record one obligation; ``None`` when there was nothing to send.

    Raises RuleViolation when a guard refuses, and _UnansweredError when the bank does not say what became of
    the orders before: nothing has left the machine then.
    """
    terms = ports.gateway_terms
    prepared = ports.database.transaction(
        lambda work: _prepare(work, obligation_id, None, now=clock(), terms=terms)
    )
    if isinstance(prepared, _Questions):
        if not _are_answered(ports, gateway, obligation_id, questions=prepared, clock=clock):
            return None
        unknown_keys = frozenset(order.key for order in prepared.perhaps_lost)
        prepared = ports.database.transaction(
            lambda work: _prepare(work, obligation_id, unknown_keys, now=clock(), terms=terms)
        )
    if not isinstance(prepared, Attempt):
        return None
    attempt_id = prepared.id
    claimed = ports.database.transaction(
        lambda work: _claim(work, attempt_id, worker, now=clock(), terms=terms)
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
    ports.database.transaction(lambda work: record_result(work, claimed, answer, now=clock(), terms=terms))
    return answer


def _are_answered(
    ports: Ports, gateway: Gateway, obligation_id: int, *, questions: _Questions, clock: Clock
) -> bool:
    """Whether the bank answers so that another key may be used."""
    if not _are_unknown_to_the_bank(
        ports, gateway, obligation_id, orders=questions.perhaps_lost, clock=clock
    ):
        return False
    if questions.to_fence is not None and not _fence(ports, gateway, questions.to_fence, clock=clock):
        return False
    return all(_is_still_refused(ports, gateway, each, clock=clock) for each in questions.refused)


def _prepare(
    work: Work,
    obligation_id: int,
    unknown_keys: frozenset[str] | None,
    *,
    now: datetime,
    terms: GatewayTerms,
) -> Attempt | _Questions | None:
    """T1: the attempt to send, stored with key, bytes and reserve; ``None`` when none may be sent.

    ``unknown_keys``: keys of lost orders that the bank has said it does not know. It may have forgotten one
    by now, or the books may have been put back from a backup meanwhile. ``None`` before the bank was asked:
    then nothing is stored where it must be.
    """
    obligation, revisions = work.payments.with_revisions(obligation_id)
    if obligation.state is ObligationState.IN_FLIGHT:
        last = work.attempts.of_obligation(obligation_id)[-1]
        return last if last.state is AttemptState.PREPARED else None
    if obligation.state not in _NEEDS_ANOTHER_KEY:
        return None
    if kill_switches.is_stopped(work, obligation.city, obligation.fund):
        raise _fund_stopped(work, obligation)
    _require_others_over(obligation, revisions)
    known = tried_under(work, revisions)
    lost = orders_perhaps_lost(work, obligation, now, terms=terms)
    questions = _Questions(_key_to_fence(known), _refused_without_fence(known, terms), lost)
    if unknown_keys is None and questions.are_any:
        return questions
    is_answered = {order.key for order in lost} <= (unknown_keys or frozenset())
    if not is_answered or not all(_is_over(each, obligation) for each in known):
        return None
    return _prepare_next(work, obligation, revisions=revisions, known=known, now=now, terms=terms)


def _prepare_next(
    work: Work,
    obligation: Obligation,
    *,
    revisions: Sequence[Obligation],
    known: Sequence[Attempt],
    now: datetime,
    terms: GatewayTerms,
) -> Attempt | None:
    """The attempt after the ``known`` ones, which are over; ``None`` where the statement or a guard is against it."""
    keys = possible_keys(obligation, known)
    never_sent = _never_sent(known)
    on_statement = work.statements.keys_with_lines([*never_sent, *(key for _, key in keys)])
    if on_statement.intersection(never_sent):
        reason: str | None = "row_put_back"  # the books say that it was never sent; they were put back
    else:
        for attempt_no, key in keys:
            if key in on_statement:
                # The bank's statement already has this order: books restored from a backup had lost it.
                _take_from_lines(
                    work, new_attempt(work, obligation, attempt_no, now=now, terms=terms), now, terms=terms
                )
                return None
        reason = _why_not_reserve(work, obligation, [*revisions, *known])
    if reason is None and is_exhausted(known):
        reason = "attempts_exhausted"
    if reason is not None:
        _refuse(work, obligation, reason, now=now)
        return None
    return new_attempt(work, obligation, next_attempt_no(known), now=now, terms=terms)


def _never_sent(known: Sequence[Attempt]) -> list[str]:
    """Keys that lapsed before anybody sent them."""
    return [each.key for each in known if each.state is AttemptState.CLOSED and each.first_sent_at is None]


def _is_over(attempt: Attempt, obligation: Obligation) -> bool:
    """Whether the attempt leaves room for another; of an earlier revision also when its money came back."""
    if attempt.state is AttemptState.RETURNED:
        return attempt.obligation_id != obligation.id
    return attempt.state in LEAVES_ROOM and not must_be_fenced(attempt)


def _open_beside(obligation: Obligation, revisions: Sequence[Obligation]) -> Obligation | None:
    """Another revision of the same payment that may yet be paid, or is."""
    others = (each for each in revisions if each.id != obligation.id)
    return next((each for each in others if each.state not in MAY_BE_ORDERED_AGAIN), None)


def _require_others_over(obligation: Obligation, revisions: Sequence[Obligation]) -> None:
    beside = _open_beside(obligation, revisions)
    if beside is not None:
        raise RuleViolation(
            "ordered_beside",
            f"{obligation.key} 与 {beside.key}（{beside.state}）是同一款项，不能同时拨付",
            f"{obligation.key} and {beside.key} ({beside.state}) are the same payment; only one may be sent",
            remedy="查清后撤回其一 / look at both and withdraw one: fundpool transfers show, fundpool transfers cancel",
        )


def _are_unknown_to_the_bank(
    ports: Ports, gateway: Gateway, obligation_id: int, *, orders: Sequence[TransferOrder], clock: Clock
) -> bool:
    """Whether the bank knows none of the keys that the payment may have used before a restore.

    The restored books knew nothing of the lost order, so that their recovery could not ask about it.
    The last one that the bank knows is taken up, to be asked about like any other.
    """
    known_key = None
    for order in orders:
        failpoint("before query")
        answer = gateway.query(order, now=clock())
        failpoint("after query")
        if answer.kind is GatewayAnswerKind.UNKNOWN:
            raise _UnansweredError(answer)
        if answer.kind is not GatewayAnswerKind.NOT_FOUND:
            known_key = order.key
    if known_key is None:
        return True
    key = known_key
    ports.database.transaction(
        lambda work: _take_up(work, obligation_id, key, now=clock(), terms=ports.gateway_terms)
    )
    return False


def _take_up(work: Work, obligation_id: int, key: str, *, now: datetime, terms: GatewayTerms) -> None:
    """An order from before a restore becomes an open question; it is never sent again."""
    obligation = work.payments.obligation(obligation_id)
    keys = possible_keys(obligation, tried(work, obligation))
    number = next((no for no, possible in keys if possible == key), None)
    is_tried = bool(work.attempts.of_obligation(obligation_id))
    if obligation.state is not ObligationState.RELEASED or is_tried or number is None:
        return  # somebody else was faster
    _take_from_lines(work, new_attempt(work, obligation, number, now=now, terms=terms), now, terms=terms)


def _take_from_lines(work: Work, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> None:
    """Settle an order that a restore had lost by the statement, or ask about it; it is never sent."""
    if apply_lines(work, attempt, now, terms=terms).state is AttemptState.PREPARED:
        suspect_after_restore(work, attempt, now, terms=terms)


def _claim(
    work: Work,
    attempt_id: int,
    worker: str,
    *,
    now: datetime,
    terms: GatewayTerms,
) -> Attempt | None:
    """T2: take the lease, with every guard checked again; ``None`` when it must not be sent now."""
    attempt = work.attempts.get(attempt_id)
    obligation, revisions = work.payments.with_revisions(attempt.obligation_id)
    if attempt.state is not AttemptState.PREPARED or obligation.state is not ObligationState.IN_FLIGHT:
        return None
    if kill_switches.is_stopped(work, obligation.city, obligation.fund):
        raise _fund_stopped(work, obligation)
    batch = work.payments.batch(obligation.batch_id)
    altered = _why_not_whole(work, obligation, batch)
    if altered is not None:
        _refuse(work, obligation, altered, now=now)
        return None
    if not may_send(attempt, now):
        event = Event.NEVER_SENT if attempt.first_sent_at is None else Event.FENCE
        apply_event(work, attempt, event, evidence=Evidence("resend window over"), now=now, terms=terms)
        return None
    reason = _why_not(work, obligation, batch, revisions=revisions, attempt=attempt, now=now)
    if reason is not None:
        _refuse(work, obligation, reason, now=now)
        return None
    first_sent_at = attempt.first_sent_at or now
    claimed = work.attempts.change(
        attempt,
        state=AttemptState.SENDING,
        worker=worker,
        worker_epoch=attempt.worker_epoch + 1,
        lease_until=now + terms.lease,
        first_sent_at=first_sent_at,
        last_sent_at=now,
        resend_until=min(resend_until(first_sent_at, terms), attempt.valid_until),
    )
    record_call(work, claimed, "submit", now=now)
    work.audit.append(
        at=now,
        actor=worker,
        action="attempt_claim",
        subject=f"attempt:{attempt.key}",
        before={"state": attempt.state.value},
        after={"state": claimed.state.value, "worker_epoch": claimed.worker_epoch},
    )
    return claimed


def _why_not_reserve(work: Work, obligation: Obligation, known: Sequence[Obligation | Attempt]) -> str | None:
    """Why the money is not reserved; before it is sent everything is looked at once more.

    ``known``: what else the books have of the payment. Raises RuleViolation ``money_not_arrived``.
    """
    try:
        if not work.seals.hold(obligation):
            return "seal_broken"
        require_latest(work, *known)
        require_money_arrived(work, obligation)
        require_within_limits(work, work.payments.batch(obligation.batch_id), [obligation])
    except RuleViolation as refusal:
        return _reason_of(refusal)
    return None


def _reason_of(refusal: RuleViolation) -> str:
    """Why a payment is held; what has not arrived yet may arrive, and holds nothing."""
    if refusal.code == "money_not_arrived":
        raise refusal
    return refusal.code


def _why_not_whole(work: Work, obligation: Obligation, batch: Batch) -> str | None:
    """Why what the payment rests on is not what people decided last; ``None`` when it is."""
    try:
        require_whole(work, obligation, batch)
    except RuleViolation as refusal:
        return refusal.code
    return None


def _why_not(
    work: Work,
    obligation: Obligation,
    batch: Batch,
    *,
    revisions: Sequence[Obligation],
    attempt: Attempt,
    now: datetime,
) -> str | None:
    """Why the guards refuse to send, for a person to look at; ``None`` when they do not.

    Raises RuleViolation ``money_not_arrived``.
    """
    try:
        require_money_arrived(work, obligation)
        if _open_beside(obligation, revisions) is not None:
            return "ordered_beside"
        if batch.state is not BatchState.RELEASED or batch.approved_digest != digest_of(work, batch):
            return "digest_changed"
        for account_id in (obligation.debit_account_id, obligation.credit_account_id):
            if work.accounts.get(account_id).status is not AccountStatus.APPROVED:
                return "account_version_changed"
        require_within_limits(work, batch, [obligation])
        require_within_day(work, obligation, attempt, now=now)
    except RuleViolation as refusal:
        return _reason_of(refusal)
    return None if follows_from_approval(work, obligation, attempt) else "request_altered"


_CHANGED_BEHIND_THE_PROGRAM = frozenset({"seal_broken", "row_put_back", "request_altered", "digest_changed"})


def _refuse(work: Work, obligation: Obligation, reason: str, *, now: datetime) -> None:
    """Hold what the guards refuse to send; where somebody changed the database, nothing of the fund is sent."""
    hold(work, obligation, reason=reason, by=SYSTEM, now=now)
    if reason in _CHANGED_BEHIND_THE_PROGRAM:
        report_break(
            work,
            obligation,
            kind="seal_broken",
            reference=obligation.key,
            zh=f"{obligation.key} 与经批准的内容不符（{reason}）：有人绕过程序改动了数据库，未发送",
            en=f"{obligation.key} is not what was approved ({reason}): somebody changed the database behind the "
            "program; it was not sent",
            stops_fund=True,
            now=now,
        )


_SUBMIT_EVENTS = {
    GatewayAnswerKind.SUCCEEDED: (Event.SUCCEEDED,),
    GatewayAnswerKind.PROCESSING: (Event.PROCESSING,),
    GatewayAnswerKind.REJECTED: (Event.REJECTED,),
    # Fenced in days that a restore has lost: sending it again is of no use, closing it once more ends it.
    GatewayAnswerKind.CLOSED: (Event.UNCLEAR, Event.FENCE),
}


def record_result(
    work: Work, claimed: Attempt, answer: GatewayAnswer, *, now: datetime, terms: GatewayTerms
) -> None:
    """T3: what the bank answered to the send. Only an exact, definite answer moves on.

    An answer that comes back to a worker whose lease another has taken is kept, not believed:
    the key may have begun another life meanwhile. It only prompts a query. So does one that comes back
    to books put back from a backup meanwhile, which may know the key from another claim or not at all.
    """
    attempt = work.attempts.by_key(claimed.key)
    if attempt is None:
        return
    record_call(work, claimed, "submit", now=now, answer=answer)
    if not _is_same_claim(attempt, claimed) or attempt.state not in {
        AttemptState.SENDING,
        AttemptState.UNKNOWN,
    }:
        work.attempts.change(attempt, next_query_at=now)
        return
    evidence = Evidence("submit", answer.reason, answer.bank_serial, executed_at=answer.executed_at)
    for event in _SUBMIT_EVENTS.get(answer.kind, (Event.UNCLEAR,)):
        attempt = apply_event(work, attempt, event, evidence=evidence, now=now, terms=terms)
    if answer.kind is GatewayAnswerKind.PAYLOAD_MISMATCH:
        report_mismatch(work, attempt, now)


def _is_same_claim(attempt: Attempt, claimed: Attempt) -> bool:
    """Whether nobody has claimed the attempt since, not even in restored books that count anew."""
    return (attempt.worker_epoch, attempt.last_sent_at) == (claimed.worker_epoch, claimed.last_sent_at)


def report_mismatch(work: Work, attempt: Attempt, now: datetime) -> None:
    """The bank knows the key with other contents: never a reason for a new key; a person looks."""
    obligation = work.payments.obligation(attempt.obligation_id)
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


def _key_to_fence(known: Sequence[Attempt]) -> Attempt | None:
    """The ended attempt whose key must be closed at the bank before another key is used."""
    return next(filter(must_be_fenced, known), None)


def _refused_without_fence(known: Sequence[Attempt], terms: GatewayTerms) -> list[Attempt]:
    """Attempts whose end rests on the bank's word alone; another key is about to be used."""
    if terms.can_close:
        return []
    return [
        each for each in known if each.state is AttemptState.REJECTED and each.absence_confirmed_by is None
    ]


def _is_still_refused(ports: Ports, gateway: Gateway, attempt: Attempt, *, clock: Clock) -> bool:
    """Whether the bank stands by its refusal; where it does not, the resolver asks at once and books it."""
    failpoint("before query")
    answer = gateway.query(TransferOrder.from_body(attempt.request), now=clock())
    failpoint("after query")
    if answer.kind in {GatewayAnswerKind.REJECTED, GatewayAnswerKind.NOT_FOUND}:
        return True
    ports.database.transaction(lambda work: _ask_at_once(work, attempt.key, clock()))
    if answer.kind is GatewayAnswerKind.UNKNOWN:
        raise _UnansweredError(answer)
    return False


def _ask_at_once(work: Work, key: str, now: datetime) -> None:
    attempt = work.attempts.by_key(key)
    if attempt is not None:  # else the books were put back from a backup meanwhile
        work.attempts.change(attempt, next_query_at=now)


def _fence(ports: Ports, gateway: Gateway, attempt: Attempt, *, clock: Clock) -> bool:
    """Close the ended key at the bank; whether it is now certain that it cannot execute."""
    if not ports.gateway_terms.can_close:
        raise _proof_needed(attempt)
    ports.database.transaction(lambda work: record_call(work, attempt, "close", now=clock()))
    failpoint("before close")
    answer = gateway.close(TransferOrder.from_body(attempt.request), now=clock())
    failpoint("after close")

    def record(work: Work) -> bool:
        now = clock()
        current = work.attempts.by_key(attempt.key)
        if current is None:
            return False  # the books were put back from a backup meanwhile
        record_call(work, current, "close", now=now, answer=answer)
        if not must_be_fenced(current):
            return False  # restored books hold it as open, or somebody else was faster
        if answer.kind is GatewayAnswerKind.CLOSED:
            if not fence_proves_absence(current, now, ports.gateway_terms):
                raise _proof_needed(current)
            work.attempts.change(current, fenced_at=now)
            return True
        if answer.kind in {GatewayAnswerKind.SUCCEEDED, GatewayAnswerKind.RETURNED}:
            evidence = Evidence("close", answer.reason, answer.bank_serial, executed_at=answer.executed_at)
            apply_event(work, current, Event.SUCCEEDED, evidence=evidence, now=now, terms=ports.gateway_terms)
        elif answer.kind is GatewayAnswerKind.PROCESSING:
            doubt_end(work, current, now)
        return False

    is_certain = ports.database.transaction(record)
    if answer.kind is GatewayAnswerKind.UNKNOWN:
        raise _UnansweredError(answer)
    return is_certain


def _proof_needed(attempt: Attempt) -> RuleViolation:
    return RuleViolation(
        "absence_not_proved",
        f"支付 {attempt.key} 已过银行保存期或银行不能注销，不足以证明未曾执行；须凭对账单由两人确认",
        f"order {attempt.key} is older than the bank's memory, or the bank cannot close it: that it was "
        "never executed is proved by statements and two people only",
        remedy="fundpool transfers statement …；fundpool transfers confirm-absence …",
    )


def gateway_of(ports: Ports) -> Gateway:
    if ports.gateway is None:
        raise ServiceUnavailable(
            "gateway_not_configured",
            "尚未设置支付网关",
            "no payment gateway is configured",
            remedy="FUNDPOOL_GATEWAY_URL",
        )
    return ports.gateway


def _fund_stopped(work: Work, obligation: Obligation) -> RuleViolation:
    zh, en = kill_switches.why_stopped(work, obligation.city, obligation.fund)
    return RuleViolation(
        "fund_stopped",
        f"{obligation.city}/{obligation.fund} 已停发：{zh}",
        f"sending is stopped for {obligation.city}/{obligation.fund}: {en}",
        remedy=kill_switches.STOP_REMEDY,
    )
