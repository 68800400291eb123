"""Somebody who can write to the database, and changes rows between any two steps of the product."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from fundpool.domain.transfer import AttemptState, BatchState, ObligationState, PaymentLimits, request_hash
from fundpool.services.payments import batches
from schemas.payment_messages import TransferOrder
from tests.simulation.bank import REACHED, STRANGER, STRANGER_NAME
from tests.simulation.memory import MemoryTransactions, _work

Change = Callable[[Any, Any, Random], Any]
"""A row as the writer leaves it, of the state, the row and chance."""


def _request(**fields: Any) -> Change:
    def change(_state: Any, attempt: Any, random: Random) -> Any:
        order = replace(TransferOrder.from_body(attempt.request), **fields)
        changed = replace(attempt, request=order.body)
        return replace(changed, request_hash=request_hash(order.body)) if random.random() < 0.5 else changed

    return change


def _set(**fields: Any) -> Change:
    return lambda _state, row, _random: replace(row, **fields)


def _any_state(states: Any) -> Change:
    return lambda _state, row, random: replace(row, state=random.choice(list(states)))


def _digest_of_what_is_stored_now(state: Any, batch: Any, _random: Random) -> Any:
    return replace(batch, approved_digest=batches.digest_of(_work(state, PaymentLimits()), batch))


def _ten_times(_state: Any, revisions: Any, _random: Random) -> Any:
    return (*revisions[:-1], replace(revisions[-1], amount_fen=revisions[-1].amount_fen * 10))


def _more(_state: Any, row: Any, random: Random) -> Any:
    return replace(row, amount_fen=row.amount_fen + random.choice([1, 100, -100, 900_000]))


CHANGES: dict[str, tuple[str, Change]] = {
    "payee in the order": ("attempts", _request(credit_account=STRANGER, credit_name=STRANGER_NAME)),
    "amount in the order": ("attempts", _request(amount_fen=999_00)),
    "amount of the attempt": ("attempts", _more),
    "state of the attempt": ("attempts", _any_state(AttemptState)),
    "amount of the obligation": ("obligations", _more),
    "account of the obligation": ("obligations", _set(credit_account_id=1)),
    "state of the obligation": ("obligations", _any_state(ObligationState)),
    "number of the account": ("accounts", _set(account_no=STRANGER)),
    "name of the account": ("accounts", _set(account_name=STRANGER_NAME)),
    "number and name of the account": (
        "accounts",
        _set(account_no=STRANGER, account_name=STRANGER_NAME),
    ),
    "checker of the batch": ("batches", _set(checker="查无此人")),
    "digest of the batch": ("batches", _digest_of_what_is_stored_now),
    "state of the batch": ("batches", _any_state(BatchState)),
    "budget": ("budgets", _ten_times),
    "kill switch": ("switches", _set(is_stopped=False)),
}
"""What the writer may do: the rows of which table, and how."""


class Writer:
    """Writes to the state in memory, past every rule of the product."""

    def __init__(self, transactions: MemoryTransactions, random: Random) -> None:
        self._transactions = transactions
        self._random = random
        self.has_written = False

    def write(self, name: str | None = None, row_id: object = None) -> str | None:
        """Make a change to a row, each drawn at random unless it is named; ``None`` without a row."""
        name = name or self._random.choice(list(CHANGES))
        table, change = CHANGES[name]
        draft = self._transactions.state.draft()
        rows = draft.own(table)
        if not rows:
            return None
        row_id = row_id or self._random.choice(sorted(rows, key=str))
        rows[row_id] = change(draft, rows[row_id], self._random)
        self._transactions.state = draft
        self.has_written = True
        REACHED[f"writer: {name}"] += 1
        return name
