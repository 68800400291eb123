"""The bank of the schedules: the sandbox bank's book, habits that the contract allows, and wrongs.

The alphabet of ``FAULTS`` is about the wire and about single orders. A bank may also hand over the
answer to somebody else's order, refuse at the counter without registering the key, and not notice
that a key comes again while its first order is still being accepted. A product that follows the
contract is safe from all three; these are what tells it from one that believes any echo, a zombie,
or an unclear answer.

Against a wrong of the bank no product is safe: money that leaves another account, arrives at another
payee, moves twice, or comes in although it never left. The statement shows each (``OddBook.wrongs``
remembers it), and the product must open a break about it.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fundpool.domain.transfer import GatewayTerms
from fundpool.sandbox_bank.bank_book import (
    PROMPT,
    BankBook,
    BankTransfer,
    BookAnswer,
    Course,
    TransferState,
    _Due,
)
from fundpool.sandbox_bank.faults import FAULTS, Call, Fault, FaultPlan, Switch, Symptom, encoded
from schemas.payment_messages import CURRENCY, Direction, StatementLine, TransferOrder

REACHED: Counter[str] = Counter()
"""How often each fault, arrow, failpoint and end was reached in this process."""


@dataclass(frozen=True, slots=True)
class OddCourse(Course):
    """What the sandbox bank does not play."""

    is_registered: bool = True
    """False: the bank answers and does not remember the key."""
    is_blind: bool = False
    """Until it arrives the bank does not notice that the same key comes once more."""
    debit_account: str | None = None
    """The money leaves this account instead of the ordered one."""
    credit_account: str | None = None
    """The money arrives at this account instead of the ordered one."""
    more_fen: int = 0
    """So much more moves than was ordered."""
    executes_again_after_s: int | None = None
    """The money moves once more so long after the first time, and is booked on the first time's day."""
    credited_after_s: int | None = None
    """So long after the order comes money under its key, which never left."""

    def wrong_with(self, order: TransferOrder) -> str | None:
        """Name of what the bank does wrongly when it executes the order so."""
        if self.debit_account not in {None, order.debit_account}:
            return "other_account"
        if self.credit_account not in {None, order.credit_account}:
            return "other_payee"
        return "amount_differs" if self.more_fen else None


STRANGER, STRANGER_NAME = "6299990000000001", "与本市无关的单位"
"""An account at the bank that nobody of the city has ever registered."""


def account_no(account_type: str, unit: str) -> str:
    return f"62{unit}{sum(map(ord, account_type)):06d}"


SPARE = account_no("city_expenditure", "331000")
"""An account of the city that most schedules order no payment from."""

_OTHERS = {
    "key": "other-key",
    "amount_fen": 1,
    "currency": CURRENCY,
    "credit_account": "000",
    "state": "succeeded",
    "reason": None,
    "bank_serial": "other-1",
    "executed_at": "2026-10-08T09:00:00+08:00",
}


def _at_submission(zh: str, en: str, course: Course) -> Fault:
    return Fault(zh, en, calls=frozenset({Call.SUBMIT}), course=course)


ODD_FAULTS: dict[str, Fault] = {
    "others_answer": Fault(
        "他人支付的应答",
        "the answer to somebody else's order, ours did not arrive",
        calls=frozenset({Call.SUBMIT, Call.QUERY}),
        reaches_book=False,
        status=200,
        edit=lambda _document: encoded(_OTHERS),
    ),
    "refused_at_the_counter": Fault(
        "柜面拒绝，不登记",
        "refused without registering the key",
        calls=frozenset({Call.SUBMIT}),
        course=OddCourse(refused_for="account_closed", is_registered=False),
    ),
    "accepted_blindly": Fault(
        "受理期间不识重复",
        "no answer; the same key is not recognised while the first is being accepted",
        calls=frozenset({Call.SUBMIT}),
        course=OddCourse(arrives_after_s=500, is_blind=True),
        symptom=Symptom.SILENCE,
    ),
    "returned_in_two_parts": _at_submission(
        "分两次退票", "executed, returned in two parts", Course(returns_after_s=86_400, returns_fen=(100, 0))
    ),
    "returned_with_a_fen_too_much": _at_submission(
        "多退一分", "executed, a fen more comes back", Course(returns_after_s=86_400, returns_fen=(-1,))
    ),
    "debited_from_another_account": _at_submission(
        "扣错付款账户", "executed from another of the city's accounts", OddCourse(debit_account=SPARE)
    ),
    "paid_to_another_account": _at_submission(
        "付错收款账户", "executed to another payee", OddCourse(credit_account=STRANGER)
    ),
    "paid_a_fen_too_much": _at_submission("多付一分", "executed with another amount", OddCourse(more_fen=1)),
    "executed_again_in_the_past": _at_submission(
        "补记重复付款",
        "executed again days later, booked on the first day",
        OddCourse(executes_again_after_s=3 * 86_400),
    ),
    "credited_without_a_payment": Fault(
        "未付先退",
        "the order is lost, and money comes in under its key",
        calls=frozenset({Call.SUBMIT}),
        course=OddCourse(is_registered=False, credited_after_s=3599),
        symptom=Symptom.SILENCE,
    ),
}

PLAYABLE = FAULTS | ODD_FAULTS


def _of_files(zh: str, en: str, call: Call, *, reaches_book: bool = True) -> Fault:
    return Fault(zh, en, calls=frozenset({call}), reaches_book=reaches_book)


FILE_FAULTS: dict[str, Fault] = {
    "order_file_under_way": _of_files(
        "指令文件在途", "the order's file reaches the bank later", Call.SUBMIT, reaches_book=False
    ),
    "order_file_twice": _of_files("指令文件重复送达", "the order's file reaches the bank twice", Call.SUBMIT),
    "status_lost": _of_files("回执丢失", "the status never arrives", Call.SUBMIT),
    "status_twice": _of_files("回执重复", "the status arrives twice", Call.SUBMIT),
    "status_contradicted_before": _of_files(
        "同秒矛盾回执（在前）", "refused and accepted in one second, the refusal listed first", Call.SUBMIT
    ),
    "status_contradicted_after": _of_files(
        "同秒矛盾回执（在后）", "refused and accepted in one second, the refusal listed last", Call.SUBMIT
    ),
    "statement_late": FAULTS["statement_late"],
    "statement_twice": _of_files("对账单重复", "a statement arrives twice", Call.STATEMENT),
}
"""What befalls files instead of calls."""

_IN_ANY_BANK = (
    "processing",
    "reject",
    "reject_unlisted",
    "refused_at_the_counter",
    "success_then_returned",
    "success_then_part_returned",
    "returned_in_two_parts",
    "returned_with_a_fen_too_much",
    "debited_from_another_account",
    "paid_to_another_account",
    "paid_a_fen_too_much",
    "executed_again_in_the_past",
)
PLAYABLE_BY_FILE = FILE_FAULTS | {name: PLAYABLE[name] for name in _IN_ANY_BANK}

_TERMS = GatewayTerms()
BLIND_AT_MOST = _TERMS.settle_window - _TERMS.lease_margin
"""Claim to call takes up to the lease's margin; after the settle window a "not found" is true."""


class OddBook(BankBook):
    """The sandbox bank's book with the odd courses."""

    def __init__(self, *, key_retention: timedelta | None = None) -> None:
        super().__init__(key_retention=key_retention)
        self._noticed: set[str] = set()
        self.wrongs: dict[str, str] = {}
        """By key what the bank did wrongly with it."""
        self._credits: list[tuple[datetime, TransferOrder]] = []

    def _accept(self, order: TransferOrder, now: datetime, course: Course) -> BankTransfer:
        if course.arrives_after_s > 0:
            # Sent long before it arrived: the blindness covers only what is sent within the settle window.
            self._noticed.add(order.key)
        return super()._accept(order, now, course)

    def submit(self, order: TransferOrder, now: datetime, course: Course = PROMPT) -> BookAnswer:
        """Take in an order; see ``BankBook.submit``."""
        if isinstance(course, OddCourse) and not course.is_registered:
            self.advance(now)
            if course.credited_after_s is not None:
                self._credits.append((now + timedelta(seconds=course.credited_after_s), order))
                return BookAnswer(503, {"error": "unavailable"})
            if self._known(order) is None:
                refused = BankTransfer(order, now, TransferState.REJECTED, course.refused_for)
                return BookAnswer(200, refused.document)
        return super().submit(order, now, course)

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due by ``now``; see ``BankBook.advance``."""
        if self._agenda and self._agenda[0].at <= now:
            self._arrive_blindly(now)
        super().advance(now)
        for at, order in [each for each in self._credits if each[0] <= now]:
            self._credits.remove((at, order))
            self.accounts[order.debit_account].balance_fen += order.amount_fen
            serial = self._next_serial(at)
            fields = (order.debit_account, Direction.CREDIT, order.amount_fen, order.key, STRANGER_NAME, at)
            self.lines.append(StatementLine(serial, *fields))
            self._do_wrongly(order.key, "return_without_payment")

    def _execute(self, transfer: BankTransfer, now: datetime, course: Course) -> None:
        ordered = transfer.order
        if not isinstance(course, OddCourse) or self._obstacle(ordered, now) is not None:
            super()._execute(transfer, now, course)
            return
        credit = self.accounts[course.credit_account or ordered.credit_account]
        transfer.order = replace(
            ordered,
            amount_fen=ordered.amount_fen + course.more_fen,
            debit_account=course.debit_account or ordered.debit_account,
            credit_account=credit.account,
            credit_name=credit.name,
        )
        super()._execute(transfer, now, course)
        transfer.order = ordered
        if (wrong := course.wrong_with(ordered)) is not None:
            self._do_wrongly(ordered.key, wrong)
        if course.executes_again_after_s is not None:
            at = now + timedelta(seconds=course.executes_again_after_s)
            self._schedule(at, "again", ordered, course=replace(course, executes_again_after_s=None))

    def _happen(self, due: _Due, transfer: BankTransfer) -> None:
        if due.action == "again" and transfer.executed_at is not None:
            self._do_wrongly(due.order.key, "executed_twice")
            self._execute(transfer, transfer.executed_at, PROMPT)
        elif due.action != "again":
            super()._happen(due, transfer)

    def _do_wrongly(self, key: str, wrong: str) -> None:
        REACHED[f"bank: {wrong}"] += 1
        self.wrongs[key] = wrong

    def _arrive_blindly(self, now: datetime) -> None:
        """Blind orders first: whatever came with their key meanwhile, they execute as well."""
        due = [each for each in self._agenda if each.at <= now and each.action == "arrive"]
        for each in sorted(due):
            if not isinstance(each.course, OddCourse) or each not in self._agenda:
                continue  # on time, or it came in with another that was due at the same moment
            super().advance(each.at - timedelta(microseconds=1))
            self._agenda.remove(each)
            heapq.heapify(self._agenda)
            late = self.transfers.get(each.order.key)
            received_at = each.at - timedelta(seconds=each.course.arrives_after_s)
            if late is None or late.accepted_at <= received_at or each.order.key in self._noticed:
                super().submit(each.order, each.at)
            elif each.order.key not in self._fenced and late.order == each.order:
                REACHED["bank: executed twice while accepting"] += 1
                self._accept(each.order, each.at, PROMPT)


class LenientBook(OddBook):
    """A bank that does not look at ``valid_until``."""

    def _obstacle(self, order: TransferOrder, now: datetime) -> str | None:
        return super()._obstacle(order, min(now, order.valid_until))


class CountedPlan(FaultPlan):
    """A fault plan of everything playable that counts which faults befell a call."""

    def add(
        self,
        name: str,
        *,
        call: Call | None = None,
        key: str | None = None,
        times: int = 1,
        seconds: int | None = None,
    ) -> Switch:
        """Switch a fault on; see ``FaultPlan.add``."""
        if name in FAULTS:
            return super().add(name, call=call, key=key, times=times, seconds=seconds)
        fault = (ODD_FAULTS | FILE_FAULTS)[name]
        fault = fault if seconds is None else fault.lasting(seconds)
        befallen = Call.SUBMIT if Call.SUBMIT in fault.calls else min(fault.calls)
        switch = Switch(name, fault, call or befallen, key, times)
        self.switches.append(switch)
        return switch

    def take(self, call: Call, key: str | None) -> Switch | None:
        """The fault for this call, if one is switched on; see ``FaultPlan.take``."""
        switch = super().take(call, key)
        if switch is not None:
            REACHED[f"fault: {switch.name} on {call}"] += 1
        return switch

    def is_due(self, call: Call, key: str | None) -> bool:
        """Whether a fault is switched on for this call."""
        return any(each.call is call and each.key in {None, key} for each in self.switches)
