"""What every end of a schedule must keep to: the bank's own book against books, approvals and breaks.

The bank's book says what really moved; ``Scene.ordered`` what people approved, kept where neither a
restore nor a database writer reaches it. Where they and the books disagree there must be a
break that names the order's key or a serial of the bank.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from fundpool.domain.chart_of_accounts import CASH
from fundpool.domain.ledger import COUNTING
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import (
    MAY_BE_ORDERED_AGAIN,
    OPEN_QUESTIONS,
    Attempt,
    AttemptState,
    Obligation,
    ObligationState,
    PaymentOrder,
    attempt_key,
    latest_revisions,
)
from fundpool.services.books import booking
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import orders
from fundpool.services.ports.work import Work
from schemas.payment_messages import Direction, StatementLine
from tests.simulation.bank import REACHED, OddBook
from tests.simulation.scene import CITY, LOCAL, OPENING_FEN, Scene, account_no, paid_fen, payer_of
from tests.simulation.sql_books import SqlBooks
from tests.simulation.writer import Writer

PART_BACK = "partly_returned"
"""State of a payment of which a part came back, and the kind of break about it."""
_EXPLAINS = {
    "executed_after_end",
    "executed_twice",
    "bank_not_us",
    "amount_differs",
    "other_account",
    "other_payee",
    "return_without_payment",
    "return_exceeds_payment",
    "returned_twice",
    "statement_changed_after_final",
    "statements_contradict",
}
"""Kinds of breaks that explain why books and bank differ about a payment."""
_WITH_PAYEE = {ObligationState.SETTLED.value, PART_BACK}
_OVER = {*MAY_BE_ORDERED_AGAIN, ObligationState.SETTLED, PART_BACK}
_AT_REST = {*_OVER, ObligationState.HELD}


def is_at_rest(work: Work) -> bool:
    """Nothing is open with the bank any more, and every payment is done or waits for a person for good."""
    if work.attempts.in_states([*OPEN_QUESTIONS, AttemptState.PREPARED]):
        return False
    if any(each.finished_at is None for each in work.switches.recoveries()):
        return False
    return all(each.state in _AT_REST for each in work.payments.obligations(city=CITY))


@cache
def keys_of(payment_key: str) -> tuple[str, ...]:
    """Every key that an order of the payment can have."""
    return tuple(attempt_key(payment_key, number) for number in range(1, 200))


@dataclass(frozen=True)
class Payment:
    """One payment at the end, as bank, books and people have it."""

    latest: Obligation
    revisions: list[Obligation]
    tried: list[Attempt]
    lines: list[StatementLine]
    """Of the account it was to be paid from."""
    booked_fen: int
    """What left that account, by the books."""
    break_kinds: frozenset[str]
    """Kinds of the breaks that name it."""
    wrongs: frozenset[str]
    """What the bank did with it that nobody ordered."""

    @property
    def paid_fen(self) -> int:
        """What left the account and has not come back, by the bank's book."""
        return paid_fen(self.lines)[-1]

    @property
    def explained(self) -> frozenset[str]:
        """Kinds of the breaks that say why books and bank differ about it."""
        return self.break_kinds & _EXPLAINS


def violations(scene: Scene, withdrawn: Iterable[str] = (), writer: Writer | None = None) -> list[str]:
    """Every promise that the end state breaks, in words; ``withdrawn``: keys people took back.

    Where ``writer`` has written into the database, the books may be wrong and payments may wait for good,
    but nothing may move that was not approved. Where he has put rows back together with their latest seals,
    a payment may be made again or above a budget; ``audit verify`` must then find what he did.
    """
    return scene.ports.database.read(lambda work: list(_judge(work, scene, set(withdrawn), writer)))


def _judge(work: Work, scene: Scene, withdrawn: set[str], writer: Writer | None) -> Iterator[str]:
    if writer is not None and writer.has_written:
        yield from _moved_beside_a_writer(work, scene, writer)
        return
    yield from scene.overspent
    yield from _wrong_executions(scene, work)
    breaks = work.breaks.find(only_open=False)
    REACHED.update(f"break: {each.kind}" for each in breaks)
    # Until the bank says which of two statements holds, their day is not final, and nobody can go on.
    is_stuck = any(each.kind == "statements_contradict" for each in breaks)
    if not is_stuck and any(each.finished_at is None for each in work.switches.recoveries()):
        yield "L2 the recovery was never finished"
    payments = [
        _payment(work, scene, each) for each in latest_revisions(work.payments.obligations(city=CITY))
    ]
    for payment in payments:
        yield from _judge_payment(payment)
        for each in payment.revisions:
            is_known = each.state is ObligationState.CANCELLED or payment.break_kinds
            if each.key in withdrawn and not is_known:
                yield f"W1 withdrawn, yet {each.state}: {each.key}"
    yield from _judge_accounts(work, scene, payments, is_stuck=is_stuck)
    yield from (f"I5 {fault.kind} {fault.subject}" for fault in verify(work))
    if isinstance(scene.ports.database, SqlBooks):
        found = verify_everything(work, [])
        yield from (f"I25 {fault.kind} {fault.subject}" for fault in found.faults)


def _moved_beside_a_writer(work: Work, scene: Scene, writer: Writer) -> Iterator[str]:
    found = list(_wrong_executions(scene, work, needs_break=False))
    too_much = [*scene.overspent, *(each for each in found if each.startswith(_PAID_TOO_MUCH))]
    yield from (each for each in found if each not in too_much)
    if too_much and not writer.has_put_back:
        yield from too_much
    elif too_much:
        REACHED["writer: paid again, or above a budget, on rows put back with their seals"] += 1
        if isinstance(scene.ports.database, SqlBooks) and not verify_everything(work, writer.anchors).faults:
            yield f"I25 no fault names the rows that were put back: {too_much}"


_PAID_TOO_MUCH = "I1 paid "


def _wrong_executions(scene: Scene, work: Work, *, needs_break: bool = True) -> Iterator[str]:
    """What the bank executed must be what people approved: payment, amount, both accounts, and once."""
    executed = Counter(each.key for each in scene.book.executions)
    payment_of = {key: order for order in scene.ordered.values() for key in keys_of(order.key)}
    for key in executed:
        if key not in payment_of:
            yield f"I1 executed what was never ordered: {key}"
    references = {each.reference for each in work.breaks.find(only_open=False)}
    for order in scene.ordered.values():
        keys = frozenset(keys_of(order.key))
        wrongs = _wrongs(scene, keys)
        for each in scene.book.executions:
            if each.key in keys and not wrongs and (each.amount_fen, each.credit_account) != _approved(order):
                yield f"I1 {each.amount_fen} to {each.credit_account}, not as approved: {order.key}"
        lines = scene.lines(keys)
        accounts = {each.account for each in scene.book.lines if each.key in keys}
        if not wrongs and not accounts <= {_payer(order), _approved(order)[1]}:
            yield f"I1 moved on {accounts}, not as approved: {order.key}"
        is_the_banks_own = wrongs and (not needs_break or _named(references, keys, lines))
        if max(paid_fen(lines)) > order.amount_fen and not is_the_banks_own:
            yield f"{_PAID_TOO_MUCH}{max(paid_fen(lines))} of {order.amount_fen}: {order.key}"


def _approved(order: PaymentOrder) -> tuple[int, str]:
    return order.amount_fen, account_no(order.hop.to_type, order.unit)


def _payer(order: PaymentOrder) -> str:
    return account_no(order.hop.from_type, order.payer_unit)


def _wrongs(scene: Scene, keys: Iterable[str]) -> frozenset[str]:
    done = scene.book.wrongs if isinstance(scene.book, OddBook) else {}
    return frozenset(done[key] for key in keys if key in done)


def _named(references: Iterable[str], keys: Iterable[str], lines: Iterable[StatementLine]) -> bool:
    """Whether a reference names one of the keys, a line by its serial, or the statement that has a line."""
    names = {*keys, *(each.bank_serial for each in lines)}
    days = {(each.account, str(each.executed_at.astimezone(SHANGHAI).date())) for each in lines}
    return any(
        names.intersection(parts) or any({*each} <= {*parts} for each in days)
        for parts in (reference.split("/") for reference in references)
    )


def _payment(work: Work, scene: Scene, latest: Obligation) -> Payment:
    keys = frozenset(keys_of(latest.payment_key))
    payer = account_no(latest.hop.from_type, latest.payer_unit)
    all_lines = [each for each in scene.book.lines if each.key in keys]
    lines = [each for each in all_lines if each.account == payer]
    ref = payer_of(latest.hop)
    booked = 0
    for stored in work.ledger.postings():
        entry = stored.posting
        if entry.phase not in COUNTING or ref not in {entry.debit, entry.credit}:
            continue
        if _named([entry.key], keys, lines):
            booked += entry.amount_fen if entry.credit == ref else -entry.amount_fen
    kinds = frozenset(
        each.kind for each in work.breaks.find(only_open=False) if _named([each.reference], keys, all_lines)
    )
    wrongs = _wrongs(scene, keys)
    if LOCAL not in scene.hops:
        # No statement of the other account is read: a break says that its line is missing, or the order stays open.
        is_waiting = latest.state in {ObligationState.IN_FLIGHT, ObligationState.HELD}
        if "other_account" in wrongs and (is_waiting or "us_not_bank" in kinds):
            kinds |= {"other_account"}
        wrongs -= {"other_account"} if booked == paid_fen(lines)[-1] else frozenset()
    wrongs -= _looking_like_returns(lines)
    tried = orders.tried(work, latest)
    return Payment(latest, work.payments.revisions(latest), tried, lines, booked, kinds, wrongs)


def _looking_like_returns(lines: list[StatementLine]) -> frozenset[str]:
    """A credit without a payment that no statement can tell from a return: the key was paid after all, before it."""
    debits = [(line.key, line.executed_at) for line in lines if line.direction is Direction.DEBIT]
    credited = [line for line in lines if line.direction is Direction.CREDIT]
    is_each_after = all(
        any(key == line.key and at <= line.executed_at for key, at in debits) for line in credited
    )
    return frozenset({"return_without_payment"}) if credited and is_each_after else frozenset()


def _judge_payment(payment: Payment) -> Iterator[str]:
    """What is wrong with one payment, over its revisions."""
    latest, explained = payment.latest, payment.explained
    REACHED[f"end: {latest.state}"] += 1
    REACHED[f"end: after {len(payment.tried)} attempts"] += 1
    REACHED[f"end: revision {latest.revision}"] += 1
    states = [each.state for each in payment.revisions]
    is_with_payee = payment.paid_fen > 0
    settled = [each for each in states if each in _WITH_PAYEE]
    times = sum(each.direction == "debit" for each in payment.lines)
    if len(settled) > 1 and not payment.wrongs:
        yield f"I1 settled {len(settled)} times: {latest.key}"
    yield from _without_break(payment)
    if is_with_payee != bool(settled) and not explained:
        yield f"I2 paid {times} times, {is_with_payee=}, {states}: {latest.key}"
    if latest.state == PART_BACK and not (0 < payment.booked_fen < latest.amount_fen):
        yield f"I3 {latest.state} with {payment.booked_fen} of {latest.amount_fen} booked: {latest.key}"
    over = len(settled) + sum(each is ObligationState.RETURNED for each in states)
    if over > times and not explained:
        yield f"I3 booked, not paid: {latest.key}"
    was_tried_in_vain = len(states) == 1 and times
    if not (
        is_with_payee
        or latest.state in _OVER
        or was_tried_in_vain
        or explained
        or orders.is_exhausted(payment.tried)
    ):
        yield f"L1 never paid: {latest.key} is {latest.state}"


def _without_break(payment: Payment) -> Iterator[str]:
    """What books and bank have differently, or the bank did wrongly, without a break."""
    key, explained = payment.latest.key, payment.explained
    if payment.booked_fen != payment.paid_fen and not explained:
        yield f"I2 booked {payment.booked_fen}, paid {payment.paid_fen}, and no break says so: {key}"
    if payment.wrongs and not explained:
        yield f"I2 the bank did wrong ({', '.join(payment.wrongs)}), and no break says so: {key}"
    if 0 < payment.paid_fen < payment.latest.amount_fen and not (
        explained or PART_BACK in payment.break_kinds
    ):
        yield f"I2 a part came back, and no break says so: {key}"


def moved_wrongly(scene: Scene) -> list[str]:
    """What moved at the bank that people had not approved, or more than once, or above a budget."""
    return scene.ports.database.read(
        lambda work: [*scene.overspent, *_wrong_executions(scene, work, needs_break=False)]
    )


def misled(scene: Scene) -> list[str]:
    """What a person who trusts books and breaks does not know, at the end of a payment."""
    return scene.ports.database.read(lambda work: list(_misled(work, scene)))


def _misled(work: Work, scene: Scene) -> Iterator[str]:
    yield from scene.overspent
    yield from _wrong_executions(scene, work)
    yield from _below_nil(work)
    for each in latest_revisions(work.payments.obligations(city=CITY)):
        payment = _payment(work, scene, each)
        if payment.wrongs or each.state in _WITH_PAYEE | {ObligationState.RETURNED}:
            yield from _without_break(payment)


def _judge_accounts(work: Work, scene: Scene, payments: list[Payment], *, is_stuck: bool) -> Iterator[str]:
    """Books and bank differ by what the payments' breaks explain, and by nothing else."""
    for hop in scene.hops:
        ref, number = payer_of(hop), account_no(hop.from_type, scene.orders()[0].payer_unit)
        of_hop = [each for each in payments if each.latest.hop == hop]
        balance = booking.balance(work, ref)
        at_bank = scene.book.accounts[number].balance_fen
        if balance.posted_fen != OPENING_FEN - sum(each.booked_fen for each in of_hop):
            yield f"I2 books hold {balance.posted_fen} on {ref}, which is not what the payments left"
        keyed = {line.key for each in of_hop for line in each.lines}
        strays = [each for each in scene.book.lines if each.account == number and each.key not in keyed]
        paid = sum(each.paid_fen for each in of_hop) + paid_fen(strays)[-1]
        if at_bank != OPENING_FEN - paid:
            yield f"I2 the bank holds {at_bank} on {ref}, which is not what its lines left"
        # An order whose key is on a statement, but not as it was ordered, is neither paid nor absent.
        in_doubt = {"return_without_payment", "amount_differs", "other_account"}
        if balance.reserved_fen and not is_stuck and not any(in_doubt & each.break_kinds for each in of_hop):
            yield f"I5 {balance.reserved_fen} still reserved on {ref}"
    yield from _below_nil(work)


def _below_nil(work: Work) -> Iterator[str]:
    breaks = {each.kind for each in work.breaks.find(only_open=False)}
    for each in work.ledger.balances(CITY):
        if each.ref.type in CASH and each.posted_fen < 0 and not breaks & {"deficit_after_return"}:
            yield f"I6 {each.ref} is below nil, and no break says so"
