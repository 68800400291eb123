"""Somebody who can write to the database, and changes rows between any two steps of the product.

What he does is the same on every backend: it is drawn from the rows that stand there and those that
stood there before. He has no key, so a seal he writes was made by the product for some row.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol

from sqlalchemy.exc import IntegrityError

from fundpool.domain.errors import InputError
from fundpool.domain.transfer import AttemptState, BatchState, ObligationState, request_hash
from fundpool.services.payments import batches
from schemas.payment_messages import TransferOrder
from tests.simulation.bank import REACHED, STRANGER, STRANGER_NAME

Row = dict[str, Any]
Key = tuple[Any, ...]
Rows = dict[Key, Row]
"""Of one table, by primary key."""
Changed = dict[tuple[str, Key], Row | None]
"""Rows as the writer leaves them, by table and primary key; ``None``: deleted."""

WRITTEN_TO = ("attempt", "bank_account", "budgets", "kill_switch", "obligation", "transfer_batch")
"""Tables in which single rows are changed."""

PUT_BACK: Mapping[str, tuple[str, ...]] = {
    "payments": ("obligation", "attempt"),
    "batches": ("transfer_batch",),
    "accounts": ("bank_account",),
    "budgets": ("budgets",),
    "switches": ("kill_switch", "recovery", "reconciliation_break"),
    "ledger": ("voucher", "posting", "ledger_account", "month_lock"),
    "statements": ("statement_line", "statement_day", "statement_balance"),
    "calls": ("gateway_call", "callback_inbox"),
    "trails": ("audit", "row_trail"),
}
"""Tables that are put back together to an earlier moment."""


class Books(Protocol):
    """Books as somebody sees them who is behind the product."""

    def snapshot(self) -> Any: ...
    def anchors(self) -> list[Any]: ...
    def rows(self, table: str) -> Rows: ...
    def put(self, changed: Changed) -> None: ...
    def put_back(self, tables: Iterable[str], backup: Any, *, with_seals: bool) -> None: ...
    def read(self, work: Callable[[Any], Any]) -> Any: ...


class NothingToChange(Exception):
    """There is no such row, or none that it could be changed with."""


@dataclass
class Hand:
    """What the writer can draw from: the current rows, his copies of earlier rows, and the random generator."""

    books: Books
    random: Random
    earlier: list[Any]
    row_id: object = None
    with_seals: bool = False
    """Whether the latest seals of rows are put back together with them."""

    def pick(self, table: str) -> tuple[Key, Row]:
        """A row, the named one or any."""
        rows = self.books.rows(table)
        if not rows:
            raise NothingToChange
        key = self.random.choice(sorted(rows, key=str)) if self.row_id is None else (self.row_id,)
        return key, rows[key]

    def two(self, table: str) -> list[tuple[Key, Row]]:
        """Two rows of one table."""
        rows = self.books.rows(table)
        if len(rows) < 2:
            raise NothingToChange
        return [(key, rows[key]) for key in self.random.sample(sorted(rows, key=str), 2)]


Change = Callable[[Hand], Iterator[Changed]]
"""What the writer does, one statement after the other."""


def _alter(table: str, new: Callable[[Row, Random], Row]) -> Change:
    def change(hand: Hand) -> Iterator[Changed]:
        key, row = hand.pick(table)
        yield {(table, key): {**row, **new(row, hand.random)}}

    return change


def _set(table: str, **fields: Any) -> Change:
    return _alter(table, lambda _row, _random: fields)


def _any_state(table: str, states: Any) -> Change:
    return _alter(table, lambda _row, random: {"state": random.choice(list(states))})


def _with_order(attempt: Row, **fields: Any) -> Row:
    """The attempt with another order to the bank, and the hash of it."""
    body = replace(TransferOrder.from_body(attempt["request"]), **fields).body
    return {**attempt, "request": body, "request_hash": request_hash(body)}


def _order(**fields: Any) -> Change:
    def new(attempt: Row, random: Random) -> Row:
        changed = _with_order(attempt, **fields)
        return changed if random.random() < 0.5 else {"request": changed["request"]}

    return _alter("attempt", new)


def _more(row: Row, random: Random) -> Row:
    return {"amount_fen": max(row["amount_fen"] + random.choice([1, 100, -100, 900_000]), 1)}


def _ten_times(row: Row, _random: Random) -> Row:
    return {"amount_fen": row["amount_fen"] * 10}


def _digest(hand: Hand, batch_id: int) -> Changed:
    """The batch with the digest of what is stored now, as if that had been approved."""
    try:
        digest = hand.books.read(lambda work: batches.digest_of(work, work.payments.batch(batch_id)))
    except (KeyError, InputError) as missing:
        raise NothingToChange from missing
    batch = hand.books.rows("transfer_batch")[batch_id,]
    return {("transfer_batch", (batch_id,)): {**batch, "approved_digest": digest}}


def _digest_of_what_is_stored_now(hand: Hand) -> Iterator[Changed]:
    key, _ = hand.pick("transfer_batch")
    yield _digest(hand, key[0])


def _payment_order_and_digest(hand: Hand) -> Iterator[Changed]:
    """Another amount, the same one wherever it stands."""
    key, owed = hand.pick("obligation")
    more_fen = hand.random.choice([1, 100, 900_000])
    amount_fen = owed["amount_fen"] + more_fen
    batch_key = (owed["batch_id"],)
    batch = hand.books.rows("transfer_batch").get(batch_key)
    if batch is None:
        raise NothingToChange
    changed: Changed = {
        ("obligation", key): {**owed, "amount_fen": amount_fen},
        ("transfer_batch", batch_key): {**batch, "total_fen": batch["total_fen"] + more_fen},
    }
    for attempt_key, attempt in hand.books.rows("attempt").items():
        if attempt["obligation_id"] == key[0]:
            order = _with_order(attempt, amount_fen=amount_fen)
            changed["attempt", attempt_key] = {**order, "amount_fen": amount_fen}
    yield changed
    yield _digest(hand, owed["batch_id"])


def _account_order_and_digest(hand: Hand) -> Iterator[Changed]:
    """A stranger's account, the same one wherever the payee stands."""
    key, account = hand.pick("bank_account")
    payments_to = {
        of: each for of, each in hand.books.rows("obligation").items() if each["credit_account_id"] == key[0]
    }
    changed: Changed = {
        ("bank_account", key): {**account, "account_no": STRANGER, "account_name": STRANGER_NAME}
    }
    for attempt_key, attempt in hand.books.rows("attempt").items():
        if (attempt["obligation_id"],) in payments_to:
            order = _with_order(attempt, credit_account=STRANGER, credit_name=STRANGER_NAME)
            changed["attempt", attempt_key] = order
    yield changed
    for batch_id in sorted({each["batch_id"] for each in payments_to.values()}):
        yield _digest(hand, batch_id)


def _seal_of_another_row(hand: Hand) -> Iterator[Changed]:
    table = hand.random.choice(WRITTEN_TO)
    (key, row), (_, other) = hand.two(table)
    yield {(table, key): {**row, "seal": other["seal"]}}


def _seals_change_places(hand: Hand) -> Iterator[Changed]:
    table = hand.random.choice(WRITTEN_TO)
    (key, row), (other_key, other) = hand.two(table)
    yield {
        (table, key): {**row, "seal": other["seal"]},
        (table, other_key): {**other, "seal": row["seal"]},
    }


_NUMBERED = ("attempt", "bank_account", "obligation", "transfer_batch")


def _rows_change_places(hand: Hand) -> Iterator[Changed]:
    """Each row whole and sealed, under the row number of the other."""
    table = hand.random.choice(_NUMBERED)
    (key, row), (other_key, other) = hand.two(table)
    yield {(table, key): {**other, "id": row["id"]}, (table, other_key): {**row, "id": other["id"]}}


def _row_deleted(hand: Hand) -> Iterator[Changed]:
    table = hand.random.choice(WRITTEN_TO)
    key, _ = hand.pick(table)
    yield {(table, key): None}


_TOGETHER = (
    ("payments",),
    ("payments", "batches"),
    ("payments", "ledger"),
    ("payments", "ledger", "statements"),
    ("payments", "ledger", "statements", "switches", "calls"),
    ("payments", "batches", "accounts", "budgets"),
    ("accounts",),
    ("budgets",),
    ("switches",),
    ("statements",),
    tuple(PUT_BACK),
)


def _tables_put_back(hand: Hand) -> Iterator[Changed]:
    """Some tables, or all of them, as they were at an earlier moment; every seal in them is good."""
    if not hand.earlier:
        raise NothingToChange
    tables, backup = hand.random.choice(_TOGETHER), hand.random.choice(hand.earlier)
    hand.books.put_back(tables, backup, with_seals=hand.with_seals)
    yield {}


def _tables_and_seals_put_back(hand: Hand) -> Iterator[Changed]:
    """The same by somebody who also puts back the evidence of it."""
    hand.with_seals = True
    yield from _tables_put_back(hand)


CHANGES: dict[str, Change] = {
    "payee in the order": _order(credit_account=STRANGER, credit_name=STRANGER_NAME),
    "amount in the order": _order(amount_fen=999_00),
    "amount of the attempt": _alter("attempt", _more),
    "state of the attempt": _any_state("attempt", AttemptState),
    "amount of the obligation": _alter("obligation", _more),
    "account of the obligation": _set("obligation", credit_account_id=1),
    "state of the obligation": _any_state("obligation", ObligationState),
    "number of the account": _set("bank_account", account_no=STRANGER),
    "name of the account": _set("bank_account", account_name=STRANGER_NAME),
    "number and name of the account": _set("bank_account", account_no=STRANGER, account_name=STRANGER_NAME),
    "checker of the batch": _set("transfer_batch", checker="查无此人"),
    "digest of the batch": _digest_of_what_is_stored_now,
    "state of the batch": _any_state("transfer_batch", BatchState),
    "budget": _alter("budgets", _ten_times),
    "kill switch": _set("kill_switch", is_stopped=0),
    "payment, order and digest": _payment_order_and_digest,
    "account, order and digest": _account_order_and_digest,
    "seal of another row": _seal_of_another_row,
    "seals change places": _seals_change_places,
    "rows change places": _rows_change_places,
    "row deleted": _row_deleted,
    "tables put back": _tables_put_back,
    "tables and seals put back": _tables_and_seals_put_back,
}
"""What the writer may do."""

PUTS_BACK = {"tables and seals put back"}
"""What leaves good seals everywhere, each the latest."""


class Writer:
    """Writes to the database past every rule of the product; what the database refuses is not written."""

    def __init__(self, books: Books, random: Random) -> None:
        self.books = books
        self._random = random
        self._earlier: list[Any] = []
        self.anchors: list[Any] = []
        """Anchors of the trails that lie on another machine, the last from just before he put rows back."""
        self.has_written = False
        self.has_put_back = False
        """Whether rows of an earlier moment stand there again together with their latest seals."""

    def copy(self) -> None:
        """Keep the rows as they stand, to put them back some time."""
        self._earlier.append(self.books.snapshot())

    def put(self, changed: Changed) -> None:
        """Store rows as given."""
        self.books.put(changed)
        self.has_written = True

    def put_back(self, *tables: str, with_seals: bool = False) -> None:
        """Put these tables back as the last copy has them, their latest seals too or not."""
        self.anchors += self.books.anchors()
        self.books.put_back(tables, self._earlier[-1], with_seals=with_seals)
        self.has_written = True
        self.has_put_back |= with_seals

    def write(self, name: str | None = None, row_id: object = None) -> str | None:
        """Make a change, drawn at random unless it is named; ``None`` when nothing could be changed."""
        name = name or self._random.choice(list(CHANGES))
        if name in PUTS_BACK:
            self.anchors += self.books.anchors()
        try:
            for changed in CHANGES[name](Hand(self.books, self._random, self._earlier, row_id)):
                self.put(changed)
        except NothingToChange:
            return None
        except IntegrityError:
            REACHED[f"writer: refused {name}"] += 1
            return None
        self.has_put_back |= name in PUTS_BACK
        REACHED[f"writer: {name}"] += 1
        return name
