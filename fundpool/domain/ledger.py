"""Double entry in integer fen: what a posting is, when it is legal and what it does to balances.

A voucher (凭证) carries postings (分录); each posting debits one account and credits another of
the same city and fund, so every voucher balances by construction. Nothing is ever edited: money
that is ordered is first *reserved*, then *posted* or *voided*; a mistake is *reversed*, once.
A positive balance is a debit balance; cash accounts never fall below nil unless the bank has
already moved the money (``chart_of_accounts.BANK_SAYS_SO``).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from fundpool.domain.chart_of_accounts import BANK_SAYS_SO, CASH, FLOWS, AccountRef, AccountType, Flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI, Month, day_of


class Phase(StrEnum):
    """Where a posting stands in the two phases of an ordered payment."""

    DIRECT = "direct"
    """Counts at once: the money has already moved."""
    RESERVE = "reserve"
    """Ordered, not confirmed: lowers what is available, not the balance."""
    POST = "post"
    """Confirms a reserve: the balance moves."""
    VOID = "void"
    """Lifts a reserve: nothing moved."""


COUNTING = frozenset({Phase.DIRECT, Phase.POST})
"""Phases that move a balance."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement: ``amount_fen`` > 0 from the credited to the debited account.

    ``key`` is the business key: the same key again with the same content changes nothing.
    ``resolves`` is the key of the reserve that a POST or VOID resolves; ``reverses`` the key of
    the posting that this one takes back; ``attempt_key`` the key of the payment attempt.
    """

    key: str
    debit: AccountRef
    credit: AccountRef
    amount_fen: int
    flow: Flow
    phase: Phase
    event_at: datetime
    resolves: str | None = None
    reverses: str | None = None
    attempt_key: str | None = None
    memo: str = ""

    def same_money_as(self, other: "Posting") -> bool:
        """Whether ``other`` moves the same amount between the same accounts in the same way."""
        return (self.debit, self.credit, self.amount_fen, self.flow, self.phase) == (
            other.debit,
            other.credit,
            other.amount_fen,
            other.flow,
            other.phase,
        )


@dataclass(slots=True)
class Balance:
    """What an account holds: ``posted_fen`` signed to the debit side, ``reserved_fen`` ordered out."""

    posted_fen: int = 0
    reserved_fen: int = 0

    @property
    def available_fen(self) -> int:
        """What can still be ordered out of the account."""
        return self.posted_fen - self.reserved_fen


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """Balance of one account as shown to people."""

    ref: AccountRef
    posted_fen: int
    reserved_fen: int

    @property
    def available_fen(self) -> int:
        """What can still be ordered out of the account."""
        return self.posted_fen - self.reserved_fen


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """Something ``verify`` found: ``kind`` is stable, the sentences are for people."""

    kind: str
    subject: str
    zh: str
    en: str


def check_flow(posting: Posting) -> None:
    """Raise RuleViolation unless the posting is one of the legal flows, within one city and fund."""
    if posting.amount_fen <= 0:
        raise RuleViolation(
            "amount_not_positive",
            f"{posting.key} 金额必须为正，现为 {posting.amount_fen} 分",
            f"{posting.key}: the amount must be positive, found {posting.amount_fen} fen",
        )
    if (posting.debit.city, posting.debit.fund) != (posting.credit.city, posting.credit.fund):
        raise RuleViolation(
            "funds_mixed",
            f"{posting.key}：{posting.credit} 与 {posting.debit} 不属同一统筹区同一险种基金",
            f"{posting.key}: {posting.credit} and {posting.debit} are not of one city and fund",
        )
    pair = (posting.debit.type, posting.credit.type)
    legal = FLOWS[posting.flow]
    if posting.reverses is not None:
        pair = (posting.credit.type, posting.debit.type)
    if pair not in legal:
        raise RuleViolation(
            "illegal_flow",
            f"{posting.key}：不允许从 {posting.credit} 到 {posting.debit} 记“{posting.flow}”",
            f"{posting.key}: no legal {posting.flow} from {posting.credit} to {posting.debit}",
        )


def apply(balances: Mapping[AccountRef, Balance], postings: Iterable[Posting]) -> None:
    """Move ``balances`` by ``postings`` in order; raises RuleViolation ``exceeds_balance``.

    Every account named in a posting must be in ``balances``. On an error the mapping is left half
    moved: callers work on what they have just loaded and throw it away.
    """
    for posting in postings:
        move(posting, balances[posting.debit], balances[posting.credit])


def move(posting: Posting, debit: Balance, credit: Balance) -> None:
    """Move the balances of the accounts a posting debits and credits; raises ``exceeds_balance``."""
    amount_fen = posting.amount_fen
    phase = posting.phase
    if phase is Phase.RESERVE:
        _require_available(posting, credit)
        credit.reserved_fen += amount_fen
        return
    if phase is Phase.VOID or phase is Phase.POST:
        credit.reserved_fen -= amount_fen
        if phase is Phase.VOID:
            return
    elif posting.credit.type in CASH and posting.flow not in BANK_SAYS_SO:
        _require_available(posting, credit)
    credit.posted_fen -= amount_fen
    debit.posted_fen += amount_fen


def _require_available(posting: Posting, account: Balance) -> None:
    if posting.credit.type in CASH and account.available_fen < posting.amount_fen:
        short_fen = posting.amount_fen - account.available_fen
        raise RuleViolation(
            "exceeds_balance",
            f"{posting.credit} 可用余额 {format_yuan(account.available_fen)} 元，"
            f"不足支付 {format_yuan(posting.amount_fen)} 元，差 {format_yuan(short_fen)} 元",
            f"{posting.credit} has {format_yuan(account.available_fen)} yuan available, "
            f"{format_yuan(posting.amount_fen)} asked for, {format_yuan(short_fen)} short",
            remedy="先入账拨入资金或核减金额 / book the money that came in, or cut the amount",
        )


def reversal_of(original: Posting, event_at: datetime, memo: str) -> Posting:
    """The posting that takes ``original`` back; its key makes a second reversal impossible.

    Raises RuleViolation when ``original`` is a reserve, or itself a reversal.
    """
    if original.phase not in COUNTING or original.reverses is not None:
        raise RuleViolation(
            "not_reversible",
            f"{original.key} 是预留、撤销或冲销分录，不能冲销",
            f"{original.key} is a reserve, a void or a reversal and cannot be reversed",
        )
    return Posting(
        key=f"{original.key}/reversal",
        debit=original.credit,
        credit=original.debit,
        amount_fen=original.amount_fen,
        flow=original.flow,
        phase=Phase.DIRECT,
        event_at=event_at,
        reverses=original.key,
        memo=memo,
    )


@lru_cache(maxsize=1024)
def accounting_month(event_at: datetime, locked: frozenset[Month]) -> tuple[Month, Month | None]:
    """The month an event is booked in, and the locked month it adjusts (``None`` when on time).

    A locked month never changes: late data goes to the first open month after it.
    """
    event_month = Month.of(day_of(event_at))
    month = event_month
    while month in locked:
        month = month.plus(1)
    return month, (event_month if month != event_month else None)


def canonical(fields: Sequence[object]) -> bytes:
    """Unambiguous bytes of ``fields``: each is prefixed with its length, ``None`` has none."""
    return canonical_text(fields).encode()


def canonical_text(fields: Sequence[object]) -> str:
    """What ``canonical`` encodes."""
    parts = []
    for value in fields:
        if value is None:
            parts.append("-")
            continue
        text = str(value)
        parts.append(f"{len(text)}:{text}")
    return "".join(parts)


@lru_cache(maxsize=1024)
def moment_text(moment: datetime) -> str:
    """How seals write a moment; the records of a transaction share it."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="microseconds")


@lru_cache(maxsize=1024)
def _kind_text(flow: Flow, phase: Phase, event_at: datetime) -> str:
    """The canonical text of what the postings of a batch often share."""
    return canonical_text((flow.value, phase.value, moment_text(event_at)))


@lru_cache(maxsize=1024)
def _months_text(month: Month, adjusts: Month | None) -> str:
    return canonical_text((month, adjusts))


def _line_text(entry: Posting, month: Month, adjusts: Month | None) -> str:
    """``canonical_text`` of a posting and its months, written out: a voucher has thousands."""
    key, memo, amount = entry.key, entry.memo, str(entry.amount_fen)
    debit, credit = entry.debit.text, entry.credit.text
    resolves, reverses, attempt_key = entry.resolves, entry.reverses, entry.attempt_key
    return (
        f"{len(key)}:{key}{len(debit)}:{debit}{len(credit)}:{credit}{len(amount)}:{amount}"
        f"{_kind_text(entry.flow, entry.phase, entry.event_at)}"
        f"{'-' if resolves is None else f'{len(resolves)}:{resolves}'}"
        f"{'-' if reverses is None else f'{len(reverses)}:{reverses}'}"
        f"{'-' if attempt_key is None else f'{len(attempt_key)}:{attempt_key}'}"
        f"{len(memo)}:{memo}{_months_text(month, adjusts)}"
    )


def seal(previous_hash: str, header: Sequence[object], lines: Iterable[str] = ()) -> str:
    """SHA-256 of a voucher or an audit record chained to the one before it (hex).

    ``lines`` are canonical texts.
    """
    return hashlib.sha256("".join((previous_hash, canonical_text(header), *lines)).encode()).hexdigest()


GENESIS = "0" * 64
"""What the first link of a chain is chained to."""


@dataclass(frozen=True, slots=True)
class Voucher:
    """Header of a voucher (凭证); ``hash`` seals it, its postings and the hash before it."""

    city: str
    fund: str
    number: int
    recorded_at: datetime
    made_by: str
    lines: int
    previous_hash: str
    hash: str


def seal_voucher(header: Voucher, postings: Iterable[tuple[Posting, Month, Month | None]]) -> str:
    """The hash that chains a voucher: over its header, every posting and the hash before it."""
    return seal(
        header.previous_hash,
        (
            header.city,
            header.fund,
            header.number,
            moment_text(header.recorded_at),
            header.made_by,
            header.lines,
        ),
        [_line_text(entry, month, adjusts) for entry, month, adjusts in postings],
    )


def trial_balance(balances: Iterable[AccountBalance]) -> dict[tuple[str, str], tuple[int, int]]:
    """Debit and credit totals in fen per (city, fund); the two are equal in sound books."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for balance in balances:
        key = (balance.ref.city, balance.ref.fund)
        debit_fen, credit_fen = totals.get(key, (0, 0))
        if balance.posted_fen >= 0:
            debit_fen += balance.posted_fen
        else:
            credit_fen -= balance.posted_fen
        totals[key] = (debit_fen, credit_fen)
    return totals


def natural_fen(balance: AccountBalance) -> int:
    """The balance with the sign people expect: income and balances brought forward are positive."""
    if balance.ref.type in {AccountType.FUND_INCOME, AccountType.FUND_BALANCE}:
        return -balance.posted_fen
    return balance.posted_fen
