"""Shapes of the messages between the product and a bank's gateway, and how strictly they are read.

Standard library only: the product, the sandbox bank and the simulation share these shapes.
Amounts are integer fen, moments carry their time zone, the currency is always CNY.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fundpool.domain.periods import SHANGHAI

CURRENCY = "CNY"

BUSINESS_TIME_HEADER = "X-Business-Time"
"""Business time of a call, for the sandbox bank whose clock follows it; other banks ignore it."""

TRANSFER_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
"""What an idempotency key looks like: safe in a path, short enough for every bank."""


class TransferState(StrEnum):
    """States in which a bank reports a transfer."""

    PROCESSING = "processing"
    """Accepted, money not moved yet."""
    SUCCEEDED = "succeeded"
    """Money moved."""
    REJECTED = "rejected"
    """Not executed, with a reason."""
    RETURNED = "returned"
    """Executed, then sent back (退票)."""
    CLOSED = "closed"
    """The key can never execute any more."""


class Direction(StrEnum):
    """Side of a statement line, seen from the account's owner."""

    DEBIT = "debit"
    """Money left the account."""
    CREDIT = "credit"
    """Money came in."""


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """One order to move money. ``key`` is its identity at the bank for ever.

    ``body`` is what goes over the wire; it is persisted before sending and never rebuilt with
    other values, because the same key with another body is refused by the bank.
    """

    key: str
    amount_fen: int
    debit_account: str
    credit_account: str
    credit_name: str
    purpose: str
    end_to_end_id: str
    valid_until: datetime

    def __post_init__(self) -> None:
        if not TRANSFER_KEY.fullmatch(self.key):
            raise ValueError(f"not a transfer key: {self.key!r}")
        if type(self.amount_fen) is not int or self.amount_fen <= 0:
            raise ValueError(f"amount_fen must be a positive integer, found {self.amount_fen!r}")
        if self.valid_until.tzinfo is None:
            raise ValueError("valid_until must carry its time zone")

    @property
    def body(self) -> bytes:
        """The request body: the same order always gives the same bytes."""
        document = {
            "key": self.key,
            "amount_fen": self.amount_fen,
            "currency": CURRENCY,
            "debit_account": self.debit_account,
            "credit_account": self.credit_account,
            "credit_name": self.credit_name,
            "purpose": self.purpose,
            "end_to_end_id": self.end_to_end_id,
            "valid_until": self.valid_until.isoformat(),
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_body(cls, body: bytes) -> "TransferOrder":
        """The order of a request body; raises ValueError for anything else."""
        document = read_json_object(body)
        expected = ("currency", *cls.__slots__)
        if set(document) != set(expected):
            raise ValueError(f"a transfer has the fields {', '.join(expected)}")
        if document.pop("currency") != CURRENCY:
            raise ValueError(f"currency must be {CURRENCY}")
        for name, value in document.items():
            if name != "amount_fen" and not (isinstance(value, str) and value):
                raise ValueError(f"{name} must be text")
        return cls(**document | {"valid_until": datetime.fromisoformat(document["valid_until"])})


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a bank statement. ``key`` is null where the bank knows of no order of ours.

    ``counterparty_account``: number of the other party's account, where the bank gives it.
    """

    bank_serial: str
    account: str
    direction: Direction
    amount_fen: int
    key: str | None
    counterparty: str | None
    executed_at: datetime
    counterparty_account: str | None = None

    @property
    def moved_fen(self) -> int:
        """What the line adds to the account's balance; negative for money that left."""
        return self.amount_fen if self.direction is Direction.CREDIT else -self.amount_fen


def read_json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``: strict UTF-8, no key twice, no NaN.

    Raises ValueError. A lenient reader takes the last of two amounts, and nobody knows which one
    the sender meant.
    """
    try:
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers handle one kind of unreadable
    return document


def read_moment(text: object) -> datetime:
    """A moment of a bank's message; one without a zone is Shanghai time. Raises ValueError."""
    if not isinstance(text, str) or "T" not in text:
        raise ValueError(f"not a moment: {text!r}")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    return document


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
