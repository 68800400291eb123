"""A bank's own book: accounts, transfers by key, statement lines. No HTTP, no clock, no files.

The sandbox bank serves it and the simulation drives it, so both prove the same bank. Every change
is a command with its arguments and its time; the commands alone rebuild the book (``replay``).
The book knows nothing of the product: what it executed is the oracle that the product is
compared with.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from fundpool.domain.periods import SHANGHAI, day_of
from schemas.payment_messages import CURRENCY, Direction, StatementLine, TransferOrder, TransferState

Command = tuple[str, dict[str, Any]]
"""Name of a changing method of the book and its arguments as plain JSON values."""


@dataclass(frozen=True, slots=True)
class Course:
    """What happens to an order inside the bank. The default executes it at once.

    Seconds are on the bank's clock, counted from when the bank received the order.
    """

    arrives_after_s: int = 0
    """The order is under way this long before the bank knows of it."""
    executes_after_s: int = 0
    """It is processing this long before money moves."""
    refused_for: str | None = None
    """It is rejected for this reason although nothing is wrong with it."""
    executes_after_refusal_s: int | None = None
    """The bank executes it this long after having rejected it."""
    returns_after_s: int | None = None
    """The money comes back this long after it moved (退票), and each further part as long after the one before."""
    returns_fen: tuple[int, ...] = (0,)
    """What comes back each time: so much; 0 or less: what is still away, and so much more."""


PROMPT = Course()


@dataclass(slots=True)
class BankAccount:
    """An account at the bank."""

    account: str
    name: str
    balance_fen: int


@dataclass(slots=True)
class BankTransfer:
    """What the bank knows of one key."""

    order: TransferOrder
    accepted_at: datetime
    state: TransferState = TransferState.PROCESSING
    reason: str | None = None
    bank_serial: str | None = None
    executed_at: datetime | None = None
    returned_fen: int = 0

    @property
    def document(self) -> dict[str, Any]:
        """The transfer as the gateway shows it."""
        return {
            "key": self.order.key,
            "amount_fen": self.order.amount_fen,
            "currency": CURRENCY,
            "credit_account": self.order.credit_account,
            "state": str(self.state),
            "reason": self.reason,
            "bank_serial": self.bank_serial,
            "executed_at": self.executed_at.isoformat() if self.executed_at else None,
        }


@dataclass(frozen=True, slots=True)
class BookAnswer:
    """HTTP status and document that the bank answers with."""

    status: int
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Execution:
    """One time that money moved for a key: the oracle of never paying twice."""

    key: str
    amount_fen: int
    credit_account: str
    bank_serial: str
    executed_at: datetime


@dataclass(order=True, slots=True)
class _Due:
    at: datetime
    number: int
    action: str = field(compare=False)
    order: TransferOrder = field(compare=False)
    course: Course = field(compare=False)


class BankBook:
    """The bank. Not safe for several threads at once; the server takes turns.

    ``record`` is called with each changing command before it takes effect; ``key_retention`` is
    how long the bank remembers a key, for ever when None.
    """

    def __init__(
        self,
        *,
        record: Callable[[Command], None] | None = None,
        key_retention: timedelta | None = None,
    ) -> None:
        self.accounts: dict[str, BankAccount] = {}
        self.transfers: dict[str, BankTransfer] = {}
        self.executions: list[Execution] = []
        self.lines: list[StatementLine] = []
        self.outbox: list[dict[str, Any]] = []
        """Callback documents of state changes, oldest first; whoever delivers them takes them out."""
        self._record = record
        self._opening_balance_fen: int | None = None
        self._key_retention = key_retention
        self._fenced: set[str] = set()
        self._agenda: list[_Due] = []
        self._events = 0
        self._agenda_number = 0

    def open_account(self, account: str, name: str, balance_fen: int) -> bool:
        """Open an account; false (and nothing changed) when it is already open."""
        if account in self.accounts:
            return False
        self._note("open_account", account=account, name=name, balance_fen=balance_fen)
        self.accounts[account] = BankAccount(account, name, balance_fen)
        return True

    def open_on_first_use(self, opening_balance_fen: int | None) -> None:
        """Open an unknown payer with this balance and an unknown payee with nothing; None refuses both."""
        if opening_balance_fen != self._opening_balance_fen:
            self._note("open_on_first_use", opening_balance_fen=opening_balance_fen)
            self._opening_balance_fen = opening_balance_fen

    def deposit(self, account: str, amount_fen: int, counterparty: str, *, now: datetime) -> bool:
        """Money from elsewhere comes in (premiums, a subsidy); false when there is no such account."""
        if account not in self.accounts:
            return False
        self._note(
            "deposit", account=account, amount_fen=amount_fen, counterparty=counterparty, now=now.isoformat()
        )
        self.accounts[account].balance_fen += amount_fen
        serial = self._next_serial(now)
        self.lines.append(
            StatementLine(
                serial,
                account,
                Direction.CREDIT,
                amount_fen=amount_fen,
                key=None,
                counterparty=counterparty,
                executed_at=now,
            )
        )
        return True

    def submit(self, order: TransferOrder, now: datetime, course: Course = PROMPT) -> BookAnswer:
        """Take in an order: executed, processing or rejected; a key known already changes nothing."""
        self.advance(now)
        if (known := self._known(order)) is not None:
            return known
        self._note("submit", body=order.body.decode(), now=now.isoformat(), course=asdict(course))
        if course.arrives_after_s > 0:
            self._schedule(now + timedelta(seconds=course.arrives_after_s), "arrive", order, course=course)
            return BookAnswer(202, BankTransfer(order, now).document)
        transfer = self._accept(order, now, course)
        return BookAnswer(202 if transfer.state is TransferState.PROCESSING else 200, transfer.document)

    def query(self, key: str, now: datetime) -> BookAnswer:
        """The state of a key; 404 also while the order is still under way."""
        self.advance(now)
        transfer = self.transfers.get(key)
        return BookAnswer(200, transfer.document) if transfer else BookAnswer(404, {"error": "not_found"})

    def close(self, key: str, now: datetime) -> BookAnswer:
        """Fence a key for ever, also one never seen; 409 when money moved or is about to."""
        self.advance(now)
        transfer = self.transfers.get(key)
        if transfer and transfer.state not in {TransferState.REJECTED, TransferState.CLOSED}:
            return BookAnswer(409, transfer.document)
        if key not in self._fenced:
            self._note("close", key=key, now=now.isoformat())
            self._fenced.add(key)
            self._cancel(key)
            if transfer:
                self._move(transfer, TransferState.CLOSED)
        return BookAnswer(200, {"key": key, "state": str(TransferState.CLOSED)})

    def return_transfer(self, key: str, reason: str, now: datetime, *, part_fen: int = 0) -> bool:
        """Send executed money back (退票), all that is away or ``part_fen`` of it.

        False when the key has not succeeded.
        """
        self.advance(now)
        transfer = self.transfers.get(key)
        if transfer is None or transfer.state is not TransferState.SUCCEEDED:
            return False
        self._note("return_transfer", key=key, reason=reason, now=now.isoformat(), part_fen=part_fen)
        self._return(transfer, reason, now, part_fen=part_fen)
        return True

    def forget(self, key: str) -> None:
        """Lose a key, as a bank does after its retention: the same key would execute again."""
        self._note("forget", key=key)
        self.transfers.pop(key, None)
        self._fenced.discard(key)

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due by ``now``."""
        if self._key_retention is not None:
            self._forget_before(now - self._key_retention)
        if not self._agenda or self._agenda[0].at > now:
            return
        self._note("advance", now=now.isoformat())
        while self._agenda and self._agenda[0].at <= now:
            due = heapq.heappop(self._agenda)
            if due.action == "arrive":
                if self._known(due.order) is None:
                    self._accept(due.order, due.at, due.course)
            elif (transfer := self.transfers.get(due.order.key)) is not None:
                self._happen(due, transfer)

    def statement(self, account: str, day: date, now: datetime) -> list[dict[str, Any]]:
        """Lines of an account on a Shanghai calendar day, in the order of the book."""
        self.advance(now)
        return [
            _document(line)
            for line in self.lines
            if line.account == account and day_of(line.executed_at) == day
        ]

    def executions_of(self, key: str) -> int:
        """How many times money moved for the key, returns not counted."""
        return sum(execution.key == key for execution in self.executions)

    def replay(self, commands: Iterable[Command]) -> None:
        """Rebuild the book from its recorded commands; nothing is recorded or called back again."""
        record, self._record = self._record, None
        for name, arguments in commands:
            getattr(self, name)(**_parsed(arguments))
        self._record = record
        self.outbox.clear()

    def _forget_before(self, moment: datetime) -> None:
        outdated = [key for key, transfer in self.transfers.items() if transfer.accepted_at < moment]
        for key in outdated:
            self.forget(key)

    def _known(self, order: TransferOrder) -> BookAnswer | None:
        transfer = self.transfers.get(order.key)
        if transfer is not None and transfer.order != order:
            return BookAnswer(409, {"error": "payload_mismatch"})
        if order.key in self._fenced:
            return BookAnswer(409, {"error": "closed", "key": order.key})
        if transfer is None:
            return None
        return BookAnswer(202 if transfer.state is TransferState.PROCESSING else 200, transfer.document)

    def _accept(self, order: TransferOrder, now: datetime, course: Course) -> BankTransfer:
        transfer = BankTransfer(order, accepted_at=now)
        self.transfers[order.key] = transfer
        if course.refused_for is not None:
            self._move(transfer, TransferState.REJECTED, course.refused_for)
            if course.executes_after_refusal_s is not None:
                at = now + timedelta(seconds=course.executes_after_refusal_s)
                self._schedule(at, "execute", order, course=course)
        elif course.executes_after_s > 0 and self._obstacle(order, now) is None:
            self._schedule(now + timedelta(seconds=course.executes_after_s), "execute", order, course=course)
            self._announce(transfer)
        else:
            self._execute(transfer, now, course)
        return transfer

    def _happen(self, due: _Due, transfer: BankTransfer) -> None:
        if due.action == "execute":
            self._execute(transfer, due.at, due.course)
        elif transfer.state is TransferState.SUCCEEDED:
            part_fen, *later = due.course.returns_fen
            self._return(transfer, "returned_by_payee_bank", due.at, part_fen=part_fen)
            if later:
                self._schedule_return(due.order, replace(due.course, returns_fen=tuple(later)), due.at)

    def _execute(self, transfer: BankTransfer, now: datetime, course: Course) -> None:
        order = transfer.order
        if (reason := self._obstacle(order, now)) is not None:
            self._move(transfer, TransferState.REJECTED, reason)
            return
        debit, credit = self.accounts[order.debit_account], self.accounts[order.credit_account]
        serial = self._pay(order.key, debit, credit, amount_fen=order.amount_fen, now=now)
        transfer.bank_serial, transfer.executed_at = serial, now
        self.executions.append(
            Execution(order.key, order.amount_fen, credit.account, bank_serial=serial, executed_at=now)
        )
        self._move(transfer, TransferState.SUCCEEDED)
        self._schedule_return(order, course, now)

    def _pay(
        self, key: str, payer: BankAccount, payee: BankAccount, *, amount_fen: int, now: datetime
    ) -> str:
        """Move money between two accounts and write it on both statements; the serial of the movement."""
        payer.balance_fen -= amount_fen
        payee.balance_fen += amount_fen
        serial = self._next_serial(now)
        self.lines += [
            StatementLine(
                serial,
                payer.account,
                Direction.DEBIT,
                amount_fen=amount_fen,
                key=key,
                counterparty=payee.name,
                executed_at=now,
            ),
            StatementLine(
                serial,
                payee.account,
                Direction.CREDIT,
                amount_fen=amount_fen,
                key=key,
                counterparty=payer.name,
                executed_at=now,
            ),
        ]
        return serial

    def _schedule_return(self, order: TransferOrder, course: Course, now: datetime) -> None:
        if course.returns_after_s is not None:
            self._schedule(now + timedelta(seconds=course.returns_after_s), "return", order, course=course)

    def _return(self, transfer: BankTransfer, reason: str, now: datetime, *, part_fen: int = 0) -> None:
        order = transfer.order
        debit, credit = self.accounts[order.debit_account], self.accounts[order.credit_account]
        away_fen = order.amount_fen - transfer.returned_fen
        amount_fen = part_fen if part_fen > 0 else away_fen - part_fen
        self._pay(order.key, credit, debit, amount_fen=amount_fen, now=now)
        transfer.returned_fen += amount_fen
        if transfer.returned_fen >= order.amount_fen:
            self._move(transfer, TransferState.RETURNED, reason)

    def _obstacle(self, order: TransferOrder, now: datetime) -> str | None:
        """Why the order cannot be executed now; opens unknown accounts where the bank does that."""
        if self._opening_balance_fen is not None:
            self._open_parties(order, self._opening_balance_fen)
        debit = self.accounts.get(order.debit_account)
        credit = self.accounts.get(order.credit_account)
        if now > order.valid_until:
            return "expired"
        if debit is None:
            return "unknown_debit_account"
        if credit is None:
            return "unknown_credit_account"
        if debit is credit:
            return "same_account"
        if credit.name != order.credit_name:
            return "name_mismatch"
        return "insufficient_balance" if debit.balance_fen < order.amount_fen else None

    def _open_parties(self, order: TransferOrder, opening_balance_fen: int) -> None:
        # A payer's name is not in the order: the first order that names the account settles it.
        self.accounts.setdefault(
            order.debit_account, BankAccount(order.debit_account, "", opening_balance_fen)
        )
        credit = self.accounts.setdefault(
            order.credit_account, BankAccount(order.credit_account, order.credit_name, 0)
        )
        credit.name = credit.name or order.credit_name

    def _move(self, transfer: BankTransfer, state: TransferState, reason: str | None = None) -> None:
        transfer.state, transfer.reason = state, reason
        self._announce(transfer)

    def _announce(self, transfer: BankTransfer) -> None:
        self._events += 1
        self.outbox.append({"event_id": f"event-{self._events}", **transfer.document})

    def _schedule(self, at: datetime, action: str, order: TransferOrder, *, course: Course) -> None:
        self._agenda_number += 1
        heapq.heappush(self._agenda, _Due(at, self._agenda_number, action, order=order, course=course))

    def _cancel(self, key: str) -> None:
        self._agenda = [due for due in self._agenda if due.order.key != key]
        heapq.heapify(self._agenda)

    def _next_serial(self, now: datetime) -> str:
        return f"{now.astimezone(SHANGHAI):%Y%m%d}{len(self.lines) + 1:010d}"

    def _note(self, name: str, /, **arguments: Any) -> None:
        if self._record is not None:
            self._record((name, arguments))


def _document(line: StatementLine) -> dict[str, Any]:
    """A line as the contract has it, without the other party's account."""
    document = asdict(line) | {"executed_at": line.executed_at.isoformat()}
    del document["counterparty_account"]
    return document


def _listed(course: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; a book written before parts could come back has none."""
    return {**course, "returns_fen": tuple(course.get("returns_fen", PROMPT.returns_fen))}


def _parsed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(arguments)
    if "now" in values:
        values["now"] = datetime.fromisoformat(values["now"])
    if "course" in values:
        values["course"] = Course(**_listed(values["course"]))
    if "body" in values:
        values["order"] = TransferOrder.from_body(values.pop("body").encode())
    return values
