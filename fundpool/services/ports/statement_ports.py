"""The store of the bank's statements, as the use cases see it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from fundpool.domain.chart_of_accounts import AccountRef, Flow
from schemas.payment_messages import StatementLine


class MatchRule(StrEnum):
    """Why a receipt counts as a booking."""

    REFERENCE = "reference"
    """The booking names the bank's serial, and the amount is the same."""
    AMOUNT_AND_DAY = "amount_and_day"
    """Same account, amount and days; no other receipt and no other booking fits."""
    PERSON = "person"
    """A person says so."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A statement line with its number in the store."""

    id: int
    line: StatementLine


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """The balance in fen that the bank states for the end of a day, for its start too if it does, and where."""

    day: date
    closing_fen: int
    source: str
    recorded_by: str
    recorded_at: datetime
    opening_fen: int | None = None


@dataclass(frozen=True, slots=True)
class CashEntry:
    """One posting seen from a cash account: ``amount_fen`` is positive for money in."""

    key: str
    amount_fen: int
    event_at: datetime
    flow: Flow
    attempt_key: str | None
    reverses: str | None
    memo: str


class StatementStore(Protocol):
    """Lines and days of the bank's statements, the balances they state, and receipts matched with bookings."""

    def add_lines(
        self, lines: Sequence[StatementLine], at: datetime
    ) -> tuple[list[StatementLine], list[StatementLine]]:
        """Keep new lines; returns (new lines, lines known before with another content)."""

    def mark_imported(
        self, account_no: str, day: date, lines: int, *, at: datetime, sequence: int | None
    ) -> None:
        """Remember that the statement of the account and day was imported, and the bank's number of it."""

    def mark_not_imported(self, account_no: str, day: date) -> None:
        """The day counts as not imported any more."""

    def sequences(self, account_no: str) -> dict[date, int]:
        """The bank's number of each imported statement that has one, by day."""

    def imports(self, account_no: str) -> dict[date, datetime]:
        """Days whose statement was imported, and when it was last."""

    def lines_of_key(self, attempt_key: str) -> list[StatementLine]:
        """Statement lines that carry the key."""

    def keys_with_lines(self, keys: Iterable[str]) -> frozenset[str]:
        """Those of the keys that some statement line carries."""

    def lines_of_account(self, account_no: str, first: date, last: date) -> list[StatementLine]:
        """Statement lines of an account executed on the given days."""

    def state_balance(self, account_no: str, balance: StatedBalance) -> None:
        """Record a balance; another one for the same day replaces it."""

    def balances(self, account_no: str) -> list[StatedBalance]:
        """Stated balances of an account, in order of days."""

    def lines(self, account_no: str, until: date) -> list[StoredLine]:
        """Every line of an account executed up to the end of the day, in order of time."""

    def entries(self, ref: AccountRef, until: datetime) -> list[CashEntry]:
        """Postings that moved the account, with event time before the moment, in order of event time."""

    def matches(self, account_no: str) -> dict[int, str]:
        """Key of the matched posting, by number of the statement line."""

    def matched_postings(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of the postings explain a receipt already."""

    def add_match(self, line_id: int, posting_key: str, rule: MatchRule, *, by: str, at: datetime) -> None:
        """Record that the receipt is the booking; the database refuses a second use of either."""
