"""银行存款余额调节表: how a cash account's book balance and the bank's balance come to agree.

Every movement one side has and the other has not yet is listed; with them both balances must come
to the same sum. A difference that is left over is shown as it is: nothing is written off here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fundpool.domain.chart_of_accounts import AccountType


class ItemKind(StrEnum):
    """The four kinds of 未达账项, in the order of the form."""

    BANK_RECEIVED = "bank_received"
    """银行已收、单位未收."""
    BANK_PAID = "bank_paid"
    """银行已付、单位未付."""
    BOOKED_RECEIPT = "booked_receipt"
    """单位已收、银行未收."""
    BOOKED_PAYMENT = "booked_payment"
    """单位已付、银行未付."""


class BalanceSource(StrEnum):
    """What the bank's balance at the end of the month rests on."""

    STATED = "stated"
    """The bank states it for that day."""
    CARRIED = "carried"
    """The bank stated it for an earlier day; the lines of every day since are in."""
    OPENING = "opening"
    """The opening balance of the books, and the lines of every day since are in."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of an account, on either side: ``amount_fen`` is positive for money in.

    ``key`` is the payment's key where there is one; ``reference`` the bank's serial or the
    number of the booking's paper; ``identity`` what names it on its side.
    """

    identity: str
    day: date
    amount_fen: int
    reference: str
    key: str | None = None
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One line of the form; ``owner`` follows it up, ``break_id`` is its entry in the register.

    ``booking`` is the key of the booking where it is the books' line.
    """

    kind: ItemKind
    day: date
    amount_fen: int
    reference: str
    transfer: str | None
    age_days: int
    owner: str | None
    break_id: int | None
    booking: str | None = None


@dataclass(frozen=True, slots=True)
class BankReconciliation:
    """The form of one bank account at the end of a month; unknown is None, never nil.

    ``bank_fen`` is None while the bank's balance is not known; ``missing_days`` are those without a
    final statement.
    """

    city: str
    fund: str
    account_type: AccountType
    unit: str
    account_no: str
    account_name: str
    bank_name: str
    day: date
    book_fen: int
    bank_fen: int | None
    bank_source: BalanceSource | None
    missing_days: tuple[date, ...]
    items: tuple[OpenItem, ...]

    def total_fen(self, kind: ItemKind) -> int:
        """Sum of the lines of one kind."""
        return sum(item.amount_fen for item in self.items if item.kind is kind)

    @property
    def adjusted_book_fen(self) -> int:
        """Book balance, plus what only the bank received, less what only the bank paid."""
        return self.book_fen + self.total_fen(ItemKind.BANK_RECEIVED) - self.total_fen(ItemKind.BANK_PAID)

    @property
    def adjusted_bank_fen(self) -> int | None:
        """Bank balance, plus what only the books received, less what only the books paid."""
        if self.bank_fen is None:
            return None
        return (
            self.bank_fen + self.total_fen(ItemKind.BOOKED_RECEIPT) - self.total_fen(ItemKind.BOOKED_PAYMENT)
        )

    @property
    def difference_fen(self) -> int | None:
        """Adjusted book balance less adjusted bank balance; None while the bank's is unknown."""
        adjusted = self.adjusted_bank_fen
        return None if adjusted is None else self.adjusted_book_fen - adjusted

    @property
    def is_balanced(self) -> bool:
        """Whether both adjusted balances are known and equal."""
        return self.difference_fen == 0


def unmatched(
    booked: Sequence[Movement], banked: Sequence[Movement], matches: Mapping[str, str]
) -> tuple[list[Movement], list[Movement]]:
    """Movements of the books and of the bank that are not on the other side.

    A payment is on both sides when key and amount agree; a receipt when ``matches`` (bank identity
    to booking identity) says so. A booking and its reversal, neither at the bank, are none.
    """
    by_key: dict[tuple[str, int], list[Movement]] = defaultdict(list)
    for movement in booked:
        if movement.key is not None:
            by_key[movement.key, movement.amount_fen].append(movement)
    found: set[str] = set()
    only_bank = []
    there = {movement.identity for movement in booked}
    for movement in banked:
        same = by_key.get((movement.key or "", movement.amount_fen))
        if same:
            found.add(same.pop(0).identity)
        elif matches.get(movement.identity) in there:
            found.add(matches[movement.identity])
        else:
            only_bank.append(movement)
    return _without_reversed(movement for movement in booked if movement.identity not in found), only_bank


def _without_reversed(movements: Iterable[Movement]) -> list[Movement]:
    left = {movement.identity: movement for movement in movements}
    for movement in list(left.values()):
        if movement.reverses in left:
            del left[movement.reverses], left[movement.identity]
    return list(left.values())


def kind_of(movement: Movement, *, is_booked: bool) -> ItemKind:
    """Which of the four kinds a movement is that only one side has."""
    if is_booked:
        return ItemKind.BOOKED_RECEIPT if movement.amount_fen > 0 else ItemKind.BOOKED_PAYMENT
    return ItemKind.BANK_RECEIVED if movement.amount_fen > 0 else ItemKind.BANK_PAID
