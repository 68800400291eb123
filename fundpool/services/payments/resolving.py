"""Finding out what the bank did: queries, fences, callbacks, statements and the three-way match.

Runs beside the sender, as often as wanted, and reads no orchestrator's state. Nothing is
concluded from silence: "not found" waits, resends the same key or fences it; only the bank's exact
answer, its statement or a fenced key ends an attempt. Nothing is written off by itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from hashlib import sha256

from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.domain.people import SYSTEM, person, require_other_person
from fundpool.domain.periods import Month, day_of
from fundpool.domain.transfer import (
    EXECUTED,
    LEAVES_ROOM,
    OPEN_QUESTIONS,
    Attempt,
    AttemptState,
    Event,
    GatewayTerms,
    NotFoundVerdict,
    Obligation,
    ObligationState,
    fence_proves_absence,
    is_lease_over,
    is_query_due,
    judge_not_found,
    query_pause,
)
from fundpool.services.payments import statement_chain
from fundpool.services.payments.attempts import (
    Evidence,
    apply_event,
    doubt_end,
    hold,
    must_be_fenced,
    next_watch,
    record_call,
)
from fundpool.services.payments.breaks import report_break
from fundpool.services.payments.line_matching import apply_lines, report_line, standing_of
from fundpool.services.payments.orders import (
    is_latest,
    new_attempt,
    next_attempt_no,
    possible_keys,
    require_statements,
    tried,
)
from fundpool.services.payments.sending import (
    Clock,
    gateway_of,
    report_mismatch,
    running_clock,
)
from fundpool.services.payments.transfer_views import TransferOutcome, outcome_of, why
from fundpool.services.ports.failpoints import failpoint
from fundpool.services.ports.gateway import DayStatement, Gateway, GatewayAnswer, GatewayAnswerKind
from fundpool.services.ports.work import Ports, Work
from schemas.payment_messages import Direction, StatementLine, TransferOrder

_ENDED = (AttemptState.SUCCEEDED, AttemptState.REJECTED, AttemptState.CLOSED)

_ARRIVED = EXECUTED - {AttemptState.ANOMALY}

_SELF_CONTRADICTIONS = frozenset({"contradictory_status", "statement_differs"})
"""Why an answer is UNKNOWN: the bank's own files say of the order what cannot all be true."""

_QUERY_EVENTS = {
    GatewayAnswerKind.SUCCEEDED: (Event.SUCCEEDED,),
    GatewayAnswerKind.PROCESSING: (Event.PROCESSING,),
    GatewayAnswerKind.REJECTED: (Event.REJECTED,),
    GatewayAnswerKind.CLOSED: (Event.CLOSED,),
    # Executed and sent back, of which we may have missed the first half.
    GatewayAnswerKind.RETURNED: (Event.SUCCEEDED, Event.RETURNED),
}


def resolve(
    ports: Ports,
    now: datetime,
    *,
    city: str | None = None,
    month: Month | None = None,
    clock: Clock | None = None,
) -> tuple[TransferOutcome, ...]:
    """Ask the bank about every order whose outcome is open and whose next query is due.

    Returns how each stands now, with the error where the bank was away or refused our signature. An order that
    stays open for longer than ``terms.held_after`` is HELD for a person and still asked about.
    """
    gateway = gateway_of(ports)
    clock = clock or running_clock(now)
    ports.database.transaction(lambda work: expire_leases(work, clock(), ports.gateway_terms))
    due = ports.database.read(lambda work: _due(work, city, month, now=clock(), terms=ports.gateway_terms))
    outcomes = []
    for attempt in due:
        answer = resolve_one(ports, gateway, attempt, clock=clock)
        outcomes.append(
            ports.database.read(
                partial(outcome_of, obligation_id=attempt.obligation_id, error=answer.trouble)
            )
        )
    return tuple(outcomes)


def expire_leases(work: Work, now: datetime, terms: GatewayTerms) -> int:
    """Orders whose worker did not come back become UNKNOWN, never failed; how many there were."""
    expired = [
        attempt
        for attempt in work.attempts.in_states([AttemptState.SENDING])
        if is_lease_over(attempt, now, terms)
    ]
    for attempt in expired:
        apply_event(work, attempt, Event.LEASE_OVER, evidence=Evidence("lease"), now=now, terms=terms)
    return len(expired)


def _due(
    work: Work, city: str | None, month: Month | None, *, now: datetime, terms: GatewayTerms
) -> list[Attempt]:
    unanswered = work.attempts.in_states(OPEN_QUESTIONS - {AttemptState.SENDING}, city=city, month=month)
    due = [attempt for attempt in unanswered if is_query_due(attempt, now, terms)]
    due += work.attempts.in_states(_ENDED, city=city, month=month, due_at=now)
    return sorted(due, key=lambda attempt: attempt.id)


def resolve_one(ports: Ports, gateway: Gateway, attempt: Attempt, *, clock: Clock) -> GatewayAnswer:
    """Ask about one order and apply the answer, which is returned; close its key when it is too late to resend."""
    order = TransferOrder.from_body(attempt.request)
    ports.database.transaction(lambda work: record_call(work, attempt, "query", now=clock()))
    failpoint("before query")
    answer = gateway.query(order, now=clock())
    failpoint("after query")
    current = ports.database.transaction(
        lambda work: apply_answer(work, attempt.key, answer, now=clock(), terms=ports.gateway_terms)
    )
    if current is not None and current.state is AttemptState.CLOSING and ports.gateway_terms.can_close:
        ports.database.transaction(lambda work: record_call(work, current, "close", now=clock()))
        failpoint("before close")
        closed = gateway.close(order, now=clock())
        failpoint("after close")
        ports.database.transaction(
            lambda work: apply_close(work, attempt.key, closed, now=clock(), terms=ports.gateway_terms)
        )
    return answer


def apply_answer(
    work: Work, key: str, answer: GatewayAnswer, *, now: datetime, terms: GatewayTerms
) -> Attempt | None:
    """Apply the answer to a query. States only move forward; ended orders are watched for a while.

    ``None`` when the books were put back from a backup since the question, and do not know the key.
    """
    attempt = work.attempts.by_key(key)
    if attempt is None:
        return None
    record_call(work, attempt, "query", now=now, answer=answer)
    if attempt.state is AttemptState.SENDING:
        return attempt  # claimed meanwhile: its own result comes first
    events = _QUERY_EVENTS.get(answer.kind, ())
    evidence = Evidence("query", answer.reason, answer.bank_serial, executed_at=answer.executed_at)
    before = attempt
    for event in events:
        if _is_proved(event, attempt, now, terms=terms):
            attempt = apply_event(work, attempt, event, evidence=evidence, now=now, terms=terms)
    if before.state in LEAVES_ROOM:
        attempt = _apply_to_ended(work, attempt, answer, now=now, terms=terms)
    if answer.kind is GatewayAnswerKind.NOT_FOUND:
        attempt = _apply_not_found(work, attempt, now, terms=terms)
    elif answer.kind is GatewayAnswerKind.PAYLOAD_MISMATCH:
        report_mismatch(work, attempt, now)
    elif attempt.state is AttemptState.SUCCEEDED and answer.kind in {
        GatewayAnswerKind.REJECTED,
        GatewayAnswerKind.CLOSED,
    }:
        _contradiction(work, attempt, answer.kind, said=answer.kind, now=now, stops_fund=True)
    if attempt.version == before.version:
        attempt = _ask_later(work, attempt, now, terms=terms)
    return _hold_when_old(work, attempt, now, terms=terms)


def _is_proved(event: Event, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> bool:
    """Whether the bank's answer is enough for the event."""
    if event is Event.CLOSED:
        return fence_proves_absence(attempt, now, terms)
    # "Returned" says no amount: once the statement has shown that a part came back, it counts alone.
    return event is not Event.RETURNED or attempt.state is not AttemptState.PARTLY_RETURNED


def _apply_to_ended(
    work: Work, attempt: Attempt, answer: GatewayAnswer, *, now: datetime, terms: GatewayTerms
) -> Attempt:
    """Apply an answer about an order that is over: the bank says that it is not, or confirms that it is."""
    if answer.kind is GatewayAnswerKind.PROCESSING:
        _contradiction(
            work, attempt, answer.kind, said=answer.kind, now=now, stops_fund=False
        )  # money waits anyway
        return doubt_end(work, attempt, now)
    if answer.kind is GatewayAnswerKind.UNKNOWN and answer.reason in _SELF_CONTRADICTIONS:
        return _doubt_by_files(work, attempt, answer, now=now)
    if answer.kind is GatewayAnswerKind.REJECTED and must_be_fenced(attempt) and not terms.can_close:
        return work.attempts.change(attempt, fenced_at=now)
    return attempt


def _doubt_by_files(work: Work, attempt: Attempt, answer: GatewayAnswer, *, now: datetime) -> Attempt:
    """Doubt the end of an order once for the same files: they stay, and statements may prove it meanwhile."""
    said = f"{answer.reason}/{sha256(answer.raw).hexdigest()[:16]}"
    is_new = _contradiction(work, attempt, said, said=str(answer.reason), now=now, stops_fund=False)
    return doubt_end(work, attempt, now) if is_new else attempt


def _apply_not_found(work: Work, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> Attempt:
    if attempt.state not in {AttemptState.UNKNOWN, AttemptState.ACCEPTED}:
        return attempt
    verdict = judge_not_found(attempt, now, terms)
    if verdict is NotFoundVerdict.WAIT:
        return attempt
    evidence = Evidence("query", "not_found")
    if attempt.state is AttemptState.ACCEPTED:
        attempt = apply_event(work, attempt, Event.UNCLEAR, evidence=evidence, now=now, terms=terms)
    event = Event.NOT_FOUND_AGAIN if verdict is NotFoundVerdict.RESEND else Event.FENCE
    return apply_event(work, attempt, event, evidence=evidence, now=now, terms=terms)


def _ask_later(work: Work, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> Attempt:
    if attempt.state in OPEN_QUESTIONS:
        pause = query_pause(attempt.times_asked + 1, terms)
        return work.attempts.change(attempt, next_query_at=now + pause, times_asked=attempt.times_asked + 1)
    return work.attempts.change(attempt, next_query_at=next_watch(attempt, now, terms))


def _hold_when_old(work: Work, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> Attempt:
    if attempt.state not in OPEN_QUESTIONS or attempt.first_sent_at is None:
        return attempt
    obligation = work.payments.obligation(attempt.obligation_id)
    if now - attempt.first_sent_at >= terms.held_after and obligation.state is ObligationState.IN_FLIGHT:
        hold(work, obligation, reason=f"unresolved_{attempt.state}", by=SYSTEM, now=now)
    return attempt


def _contradiction(
    work: Work, attempt: Attempt, reference: str, *, said: str, now: datetime, stops_fund: bool
) -> bool:
    """Enter what the bank says against the books; False when the register has it already."""
    obligation = work.payments.obligation(attempt.obligation_id)
    said_zh, said_en = why(said)
    return report_break(
        work,
        obligation,
        kind="bank_contradicts",
        reference=f"{attempt.key}/{reference}",
        zh=f"{obligation.key} 的支付在账上为 {attempt.state}，银行现又答复：{said_zh}",
        en=f"the order of {obligation.key} is {attempt.state} in the books; the bank now says: {said_en}",
        stops_fund=stops_fund,
        now=now,
    )


def apply_close(
    work: Work, key: str, answer: GatewayAnswer, *, now: datetime, terms: GatewayTerms
) -> Attempt | None:
    """Apply the answer to a fence: closed, or the state that prevents it, or ask again later."""
    attempt = work.attempts.by_key(key)
    if attempt is None:
        return None
    record_call(work, attempt, "close", now=now, answer=answer)
    if attempt.state is not AttemptState.CLOSING:
        return attempt
    evidence = Evidence("close", answer.reason, answer.bank_serial, executed_at=answer.executed_at)
    before = attempt
    for event in _QUERY_EVENTS.get(answer.kind, ()):
        if _is_proved(event, attempt, now, terms=terms):
            attempt = apply_event(work, attempt, event, evidence=evidence, now=now, terms=terms)
    if attempt.version == before.version:
        attempt = _ask_later(work, attempt, now, terms=terms)
    return attempt


def absence_to_confirm(work: Work, obligation_id: int) -> Attempt:
    """The order of a payment, of any revision, whose absence is to be proved; else its last.

    Raises InputError ``obligation_unknown``, and RuleViolation ``illegal_state_change`` for a payment never ordered.
    """
    obligation = work.payments.obligation(obligation_id)
    known = tried(work, obligation)
    if not known:
        raise RuleViolation(
            "illegal_state_change",
            f"{obligation.key} 从未发往银行，不需要证明未执行",
            f"{obligation.key} was never sent to the bank; there is no absence to prove",
        )
    open_ends = (each for each in known if each.state is AttemptState.CLOSING or must_be_fenced(each))
    return next(open_ends, known[-1])


def confirm_absence(work: Work, attempt_id: int, *, by: str, now: datetime, terms: GatewayTerms) -> Attempt:
    """Statements prove that the order was never executed; two people sign.

    For a bank without a fence, and for keys that were fenced only after the bank had forgotten
    them. The first call records the first person. Raises RuleViolation ``statements_missing`` (days from
    the first send to the last send plus the key's retention were not all imported when final), ``same_person``
    or ``illegal_state_change``; a statement line with the key settles the order instead.
    """
    by = person(by)
    attempt = work.attempts.get(attempt_id)
    is_over = must_be_fenced(attempt)
    if not (is_over or attempt.state is AttemptState.CLOSING) or attempt.last_sent_at is None:
        raise RuleViolation(
            "illegal_state_change",
            f"支付 {attempt.key} 现为 {attempt.state}，不需要证明未执行",
            f"order {attempt.key} is {attempt.state}; there is no absence to prove",
        )
    assert attempt.first_sent_at is not None
    if work.statements.lines_of_key(attempt.key):
        # Kept before restored books knew of the order: it is there, so its absence cannot be signed.
        return apply_lines(work, attempt, now, terms=terms)
    account_no = TransferOrder.from_body(attempt.request).debit_account
    forgotten_at = attempt.last_sent_at + terms.key_retention
    require_statements(work, account_no, day_of(attempt.first_sent_at), last=forgotten_at, terms=terms)
    work.audit.append(at=now, actor=by, action="confirm_absence", subject=f"attempt:{attempt.key}")
    if attempt.absence_confirmed_by is None:
        return work.attempts.change(attempt, absence_confirmed_by=by)
    require_other_person(
        by, attempt.absence_confirmed_by, act_zh="未执行的确认", act_en="confirming an absence"
    )
    if is_over:
        return work.attempts.change(attempt, fenced_at=now)
    evidence = Evidence("statements", f"absent, confirmed by {attempt.absence_confirmed_by} and {by}")
    return apply_event(work, attempt, Event.CLOSED, evidence=evidence, now=now, terms=terms)


def receive_callback(
    ports: Ports,
    *,
    gateway: str,
    event_id: str,
    key: str,
    raw: bytes,
    now: datetime,
    clock: Clock | None = None,
) -> bool:
    """Keep an authenticated callback once and ask the bank about its key; False for a repeat.

    What the callback says is never believed: it may be old, out of order or about an earlier life
    of the key. Only the query decides.
    """
    clock = clock or running_clock(now)
    is_new = ports.database.transaction(
        lambda work: work.attempts.add_callback(gateway, event_id, key, received_at=clock(), raw=raw)
    )
    if is_new and ports.gateway is not None:
        attempt = ports.database.read(lambda work: work.attempts.by_key(key))
        if attempt is not None and attempt.state not in {AttemptState.PREPARED, AttemptState.SENDING}:
            resolve_one(ports, ports.gateway, attempt, clock=clock)
    return is_new


# ---------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class StatementReport:
    """The result of importing statements: lines not known before, orders settled by them, breaks entered."""

    accounts: int
    lines_new: int
    settled: int
    breaks_new: int


def import_statements(
    ports: Ports, city: str, day: date, *, now: datetime, clock: Clock | None = None
) -> StatementReport:
    """Fetch the day's statements of every approved paying account of the city and match them.

    Our books, the gateway's answers and the statement must agree; what does not is entered into the
    register of breaks, and a grave break stops the fund. Raises ServiceUnavailable when the bank
    does not answer: what was imported before stays, run it again.
    """
    clock = clock or running_clock(now)
    numbers = ports.database.read(lambda work: _paying_account_numbers(work, city))
    totals = [0, 0, 0]
    for account_no in numbers:
        counts, missing = import_days(ports, account_no, [day], clock=clock)
        if missing:
            raise missing[0][1]
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    return StatementReport(len(numbers), *totals)


def import_days(
    ports: Ports, account_no: str, days: Sequence[date], *, clock: Clock
) -> tuple[tuple[int, int, int], list[tuple[date, ServiceUnavailable]]]:
    """Fetch one account's statements of several days and match them in one transaction.

    Returns (new lines, orders settled, new breaks), and the days whose statement did not come, with
    the reason. Any reason but ``statement_not_arrived`` ends the fetching: the next day would meet it too.
    """
    gateway = gateway_of(ports)
    fetched: list[tuple[date, DayStatement, datetime]] = []
    missing: list[tuple[date, ServiceUnavailable]] = []
    for day in days:
        # The moment before the fetch: a worker that sleeps after it must not make old lines look final.
        fetched_at = clock()
        try:
            failpoint("before statement")
            statement = gateway.statement(account_no, day, now=fetched_at)
            failpoint("after statement")
        except ServiceUnavailable as error:
            missing.append((day, error))
            if error.code != "statement_not_arrived":
                break
        else:
            fetched.append((day, statement, fetched_at))

    def match(work: Work) -> tuple[int, int, int]:
        totals = [0, 0, 0]
        for day, statement, fetched_at in fetched:
            counts = match_statement(
                work,
                account_no,
                day,
                statement=statement,
                fetched_at=fetched_at,
                now=clock(),
                terms=ports.gateway_terms,
            )
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
        return totals[0], totals[1], totals[2]

    return (ports.database.transaction(match) if fetched else (0, 0, 0)), missing


def _paying_account_numbers(work: Work, city: str) -> list[str]:
    used = work.payments.paying_accounts(city)
    return sorted({work.accounts.get(account_id).account_no for account_id in used})


def match_statement(
    work: Work,
    account_no: str,
    day: date,
    *,
    statement: DayStatement,
    fetched_at: datetime,
    now: datetime,
    terms: GatewayTerms,
    source: str = "statement",
    by: str = SYSTEM,
) -> tuple[int, int, int]:
    """Keep a day's statement lines of one account and match them with orders.

    Returns how many lines were new, how many orders they settled and how many breaks were entered.

    ``source``, ``by``: where the balances stand that come with it, and who brought them.
    """
    breaks_before = len(work.breaks.find(only_open=False))
    fresh, altered = statement_chain.take_in(
        work,
        account_no,
        day,
        statement=statement,
        fetched_at=fetched_at,
        now=now,
        terms=terms,
        source=source,
        by=by,
    )
    for line in altered:
        report_line(work, line, "statement_line_altered", now=now)
    times = Counter(line.bank_serial for line in statement.lines)
    for line in statement.lines:
        if times[line.bank_serial] > 1:
            # The bank may have moved the money as often; the register has the line once.
            report_line(work, line, "statement_line_repeated", now=now)
    settled = sum(_match_line(work, line, now, terms=terms) for line in fresh)
    _expect_on_statement(work, account_no, day, now=now)
    return len(fresh), settled, len(work.breaks.find(only_open=False)) - breaks_before


def _match_line(work: Work, line: StatementLine, now: datetime, *, terms: GatewayTerms) -> bool:
    """Match a new line with the order that its key belongs to; whether that settled the order."""
    attempt = _attempt_of(work, line, now, terms=terms)
    if attempt is None:
        if line.direction is Direction.DEBIT:
            report_line(work, line, "bank_not_us", now=now)
        elif line.key is not None and _owed_under(work, line.key):
            # Books put back from a backup know neither the order nor that this break was entered before.
            report_line(work, line, "return_without_payment", now=now)
        return False  # a receipt without a key of ours is matched with booked income
    after = apply_lines(work, attempt, now, terms=terms)
    return after.state in _ARRIVED and attempt.state not in _ARRIVED


def _attempt_of(work: Work, line: StatementLine, now: datetime, *, terms: GatewayTerms) -> Attempt | None:
    """The attempt a line's key belongs to; restored books learn of an order they have lost by its debit."""
    if line.key is None:
        return None
    attempt = work.attempts.by_key(line.key)
    if attempt is None and line.direction is Direction.DEBIT:
        attempt = lost_attempt(work, line.key, now, terms=terms)
    return attempt


def lost_attempt(work: Work, key: str, now: datetime, *, terms: GatewayTerms) -> Attempt | None:
    """The attempt that had ``key`` before a restore, made anew: keys follow from the obligation."""
    for obligation, attempt_no in _owed_under(work, key):
        if not _may_have_lost(work, obligation, attempt_no):
            continue
        if obligation.state is ObligationState.CANCELLED:
            _paid_though_withdrawn(work, obligation, key, now=now)
        return new_attempt(work, _as_released(work, obligation), attempt_no, now=now, terms=terms)
    return None


def _owed_under(work: Work, key: str) -> list[tuple[Obligation, int]]:
    """The unpaid payments that an order with ``key`` would pay, each with the number that its attempt would have."""
    unpaid = work.payments.obligations(
        states=[
            ObligationState.SUBMITTED,
            ObligationState.APPROVED,
            ObligationState.RELEASED,
            ObligationState.RETRY_APPROVED,
            ObligationState.FAILED,
            ObligationState.HELD,
            ObligationState.CANCELLED,
        ]
    )
    return [
        (obligation, attempt_no)
        for obligation in unpaid
        for attempt_no, possible in possible_keys(obligation, ())
        if possible == key
    ]


def _may_have_lost(work: Work, obligation: Obligation, attempt_no: int) -> bool:
    """Whether the books can have lost an attempt of that number: it follows those they have, of the latest revision."""
    is_over = all(each.state in LEAVES_ROOM for each in work.attempts.of_obligation(obligation.id))
    is_next = attempt_no >= next_attempt_no(tried(work, obligation))
    return is_over and is_next and is_latest(work, obligation)


_WAY_TO_RELEASED = {
    ObligationState.SUBMITTED: (ObligationState.APPROVED, ObligationState.RELEASED),
    ObligationState.APPROVED: (ObligationState.RELEASED,),
    ObligationState.FAILED: (ObligationState.RETRY_APPROVED,),
    ObligationState.HELD: (ObligationState.RELEASED,),
    ObligationState.CANCELLED: (ObligationState.HELD, ObligationState.RELEASED),
}


def _paid_though_withdrawn(work: Work, obligation: Obligation, key: str, *, now: datetime) -> None:
    report_break(
        work,
        obligation,
        kind="paid_though_withdrawn",
        reference=key,
        zh=f"{obligation.key} 在恢复后的账上已撤回，银行却有此支付；按银行记账，须由人查清",
        en=f"{obligation.key} was withdrawn in the restored books, yet the bank has its order; it is booked as the "
        "bank says, and people must look",
        stops_fund=True,
        now=now,
    )


def _as_released(work: Work, obligation: Obligation) -> Obligation:
    """Walk a restored obligation to where it was when the bank got its order."""
    for state in _WAY_TO_RELEASED.get(obligation.state, ()):
        obligation = work.payments.change_obligation(obligation, state, held_reason=None)
    return obligation


def _expect_on_statement(work: Work, account_no: str, day: date, *, now: datetime) -> None:
    """What we hold as executed on a day whose statement is in must be on it."""
    for attempt in work.attempts.in_states(_ARRIVED, executed_on=day):
        order = TransferOrder.from_body(attempt.request)
        if order.debit_account != account_no or day_of(now) <= day:
            continue
        standing = standing_of(order, work.statements.lines_of_key(attempt.key))
        if standing.executions:
            continue
        for line in standing.returns:
            report_line(work, line, "return_without_payment", now=now)
        obligation = work.payments.obligation(attempt.obligation_id)
        report_break(
            work,
            obligation,
            kind="us_not_bank",
            reference=attempt.key,
            zh=f"{obligation.key} 我方已记到账，{day} 银行对账单上没有",
            en=f"{obligation.key} is settled in our books but not on the bank's statement of {day}",
            stops_fund=False,
            now=now,
        )


def resolve_break(work: Work, break_id: int, *, by: str, resolution: str, now: datetime) -> None:
    """Close a break with a person's reason; raises InputError ``break_unknown``."""
    by = person(by)
    work.breaks.resolve(break_id, by, resolution, at=now)
    work.audit.append(
        at=now, actor=by, action="resolve_break", subject=f"break:{break_id}", reason=resolution
    )
