"""Whether the books are sound: recomputed from the postings, never taken from running totals."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, islice

from fundpool.domain.chart_of_accounts import CASH, AccountRef
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.ledger import (
    COUNTING,
    GENESIS,
    AccountBalance,
    Balance,
    LedgerFault,
    Phase,
    Posting,
    Voucher,
    check_flow,
    seal_voucher,
    trial_balance,
)
from fundpool.domain.periods import Month
from fundpool.services.ports.money_ports import StoredPosting
from fundpool.services.ports.work import Work

UNREADABLE = (ValueError, TypeError, InputError)
"""What reading raises where a table holds what the program never writes."""


Heads = Mapping[tuple[str, str], tuple[int, str]]
"""Number and hash of a voucher of each set of books (city and fund)."""

_VOUCHERS_AT_ONCE = 1000
"""So many are held in memory together; what they refer to further back is read when needed."""

_BEGINNING = (0, GENESIS)


def verify(work: Work) -> list[LedgerFault]:
    """Every fault of the books, one set of books (city and fund) after the other.

    None when the chain is whole, every flow legal, every reserve resolved by its equal, every
    balance what its postings add up to and the trial balance nil.
    """
    faults = [
        LedgerFault(
            "posting_unknown",
            key,
            "不属于任何凭证或账户，或款项环节、行号次序不符",
            en="belongs to no voucher or account, bears another posting's leg or stands out of order",
        )
        for key in work.ledger.stray_postings()
    ]
    try:
        for (city, fund), vouchers in groupby(work.ledger.vouchers(), lambda each: (each.city, each.fund)):
            books = _Books(work, city, fund)
            faults += books.check(vouchers, work.ledger.postings(city, fund))
            faults += _compare_balances(work.ledger.balances(city, fund), books.sums)
    except UNREADABLE as error:
        faults.append(_unreadable(error))
    return faults


@dataclass(frozen=True, slots=True)
class BooksSince:
    """What was booked behind the heads that an earlier verification reached."""

    faults: list[LedgerFault]
    postings: int
    balances_before: str | None
    """Digest of the running balances less what was booked since; None where that cannot be read."""


def verify_since(work: Work, heads: Heads) -> BooksSince:
    """Faults of the vouchers behind ``heads``, and what the running balances say of those before."""
    faults: list[LedgerFault] = []
    sums: dict[AccountRef, Balance] = {}
    postings = 0
    try:
        for city, fund, _, _ in work.ledger.chains():
            head = heads.get((city, fund), _BEGINNING)
            books = _Books(work, city, fund, head=head)
            faults += books.check(
                work.ledger.vouchers(city, fund, head[0]), work.ledger.postings(city, fund, head[0])
            )
            postings += books.postings
            sums |= books.sums
        running = work.ledger.balances()
        faults += _check_running(running)
        return BooksSince(faults, postings, digest_of_balances(running, sums))
    except UNREADABLE as error:
        return BooksSince([*faults, _unreadable(error)], postings, None)


def digest_of_balances(
    running: Iterable[AccountBalance], since: Mapping[AccountRef, Balance] | None = None
) -> str:
    """SHA-256 of what every account holds, less the sums booked ``since``; an account at nil counts as none."""
    lines = []
    for balance in running:
        later = (since or {}).get(balance.ref, Balance())
        held = (balance.posted_fen - later.posted_fen, balance.reserved_fen - later.reserved_fen)
        if held != (0, 0):
            lines.append(f"{balance.ref.text} {held[0]} {held[1]}")
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _unreadable(error: Exception) -> LedgerFault:
    return LedgerFault(
        "books_unreadable", "ledger", f"账簿中有读不出的值：{error}", en=f"cannot be read: {error}"
    )


Entries = Sequence[tuple[Voucher, list[StoredPosting]]]
"""Vouchers in their order, each with its lines."""


class _Books:
    """One set of books, followed from a voucher on; holds some vouchers, the locks and a sum per account."""

    def __init__(self, work: Work, city: str, fund: str, *, head: tuple[int, str] = _BEGINNING) -> None:
        self._ledger = work.ledger
        self._number, self._previous_hash = head
        self.postings = 0
        self.sums: dict[AccountRef, Balance] = {}
        self._months_of: dict[str, list[Month]] = defaultdict(list)
        for month, head_hash in sorted(work.ledger.locks(city, fund).items()):
            self._months_of[head_hash].append(month)
        self._closed = set(self._months_of.pop(GENESIS, ()))
        if head != _BEGINNING and self._months_of:
            later = {each.hash for each in self._ledger.vouchers(city, fund, head[0])}
            for head_hash in self._months_of.keys() - later:
                self._closed.update(self._months_of.pop(head_hash))

    def check(self, vouchers: Iterable[Voucher], postings: Iterable[StoredPosting]) -> Iterator[LedgerFault]:
        """Faults of the vouchers and their lines, which come in the order of the books."""
        entries = _with_lines(vouchers, postings)
        while some := list(islice(entries, _VOUCHERS_AT_ONCE)):
            in_part = [each.posting for _, lines in some for each in lines]
            self.postings += len(in_part)
            add_up(in_part, self.sums)
            yield from self._check_chain(some)
            yield from self._check_locks(some)
            yield from _check_postings(in_part, self._referred_to(in_part))

    def _referred_to(self, postings: Sequence[Posting]) -> Mapping[str, Posting]:
        here = {each.key for each in postings}
        named = {key for each in postings for key in (each.resolves, each.reverses) if key is not None}
        elsewhere = sorted(named - here)
        return self._ledger.existing(elsewhere) if elsewhere else {}

    def _check_chain(self, entries: Entries) -> Iterator[LedgerFault]:
        for voucher, lines in entries:
            self._number += 1
            subject = f"{voucher.city}/{voucher.fund}/{voucher.number}"
            if voucher.number != self._number:
                yield LedgerFault(
                    "voucher_gap",
                    subject,
                    f"凭证号不连续，应为 {self._number}",
                    en=f"expected number {self._number}",
                )
                self._number = voucher.number
            sealed = seal_voucher(voucher, [(each.posting, each.month, each.adjusts_month) for each in lines])
            numbered = [each.line for each in lines] == list(range(1, voucher.lines + 1))
            if voucher.previous_hash != self._previous_hash or not numbered or sealed != voucher.hash:
                yield LedgerFault(
                    "voucher_altered",
                    subject,
                    "内容被改或与前一凭证不相衔接",
                    en="was altered or does not follow the one before it",
                )
            self._previous_hash = voucher.hash

    def _check_locks(self, entries: Entries) -> Iterator[LedgerFault]:
        for voucher, lines in entries:
            for month in sorted(self._closed & {each.month for each in lines}):
                yield LedgerFault(
                    "booked_into_closed_month",
                    f"{voucher.city}/{voucher.fund}/{voucher.number}",
                    f"记入已结账的 {month}",
                    en=f"was booked into the closed month {month}",
                )
            self._closed.update(self._months_of.get(voucher.hash, ()))


def _with_lines(
    vouchers: Iterable[Voucher], postings: Iterable[StoredPosting]
) -> Iterator[tuple[Voucher, list[StoredPosting]]]:
    by_number = groupby(postings, lambda each: each.voucher_number)
    number, lines = next(by_number, (0, iter(())))
    for voucher in vouchers:
        if voucher.number != number:
            yield voucher, []
            continue
        yield voucher, list(lines)
        number, lines = next(by_number, (0, iter(())))


def _check_postings(postings: Sequence[Posting], elsewhere: Mapping[str, Posting]) -> Iterator[LedgerFault]:
    by_key = {**elsewhere, **{entry.key: entry for entry in postings}}
    for entry in postings:
        try:
            check_flow(entry)
        except RuleViolation as violation:
            yield LedgerFault(violation.code, entry.key, violation.zh, en=violation.en)
        if entry.resolves is not None and not _resolves(entry, by_key.get(entry.resolves)):
            yield LedgerFault(
                "reserve_unknown", entry.key, "所指预留不存在或不符", en="resolves no reserve of its kind"
            )
        if entry.reverses is not None:
            original = by_key.get(entry.reverses)
            if original is None or (original.debit, original.credit, original.amount_fen) != (
                entry.credit,
                entry.debit,
                entry.amount_fen,
            ):
                yield LedgerFault(
                    "reversal_differs",
                    entry.key,
                    "与所冲销分录不符",
                    en="is not the opposite of what it reverses",
                )


def _resolves(entry: Posting, reserve: Posting | None) -> bool:
    return (
        reserve is not None
        and reserve.phase is Phase.RESERVE
        and (reserve.debit, reserve.credit, reserve.amount_fen)
        == (entry.debit, entry.credit, entry.amount_fen)
    )


def _compare_balances(
    running: list[AccountBalance], sums: Mapping[AccountRef, Balance]
) -> Iterator[LedgerFault]:
    for balance in running:
        expected = sums.get(balance.ref, Balance())
        if (balance.posted_fen, balance.reserved_fen) != (expected.posted_fen, expected.reserved_fen):
            yield LedgerFault(
                "balance_differs",
                str(balance.ref),
                f"账面 {balance.posted_fen} 分、预留 {balance.reserved_fen} 分，"
                f"按分录应为 {expected.posted_fen} 分、{expected.reserved_fen} 分",
                en=f"holds {balance.posted_fen} and {balance.reserved_fen} reserved, its postings add up to "
                f"{expected.posted_fen} and {expected.reserved_fen}",
            )
    for ref in sums.keys() - {each.ref for each in running}:
        yield LedgerFault("account_missing", str(ref), "有分录而无账户", en="has postings but no account")
    yield from _check_running(running)


def _check_running(running: list[AccountBalance]) -> Iterator[LedgerFault]:
    """Faults that the running balances show by themselves."""
    for balance in running:
        if balance.ref.type in CASH and balance.posted_fen < 0:
            yield LedgerFault(
                "cash_negative",
                str(balance.ref),
                f"余额为负：{balance.posted_fen} 分",
                en=f"is overdrawn: {balance.posted_fen} fen",
            )
    for (city, fund), (debit_fen, credit_fen) in trial_balance(running).items():
        if debit_fen != credit_fen:
            yield LedgerFault(
                "trial_balance",
                f"{city}/{fund}",
                f"借方 {debit_fen} 分，贷方 {credit_fen} 分，不平",
                en=f"debits {debit_fen} and credits {credit_fen} differ",
            )


def add_up(
    postings: Iterable[Posting], sums: dict[AccountRef, Balance] | None = None
) -> dict[AccountRef, Balance]:
    """Balances of the accounts that ``postings`` touch, from the postings alone, added to ``sums``."""
    sums = {} if sums is None else sums
    for entry in postings:
        debit = sums.setdefault(entry.debit, Balance())
        credit = sums.setdefault(entry.credit, Balance())
        if entry.phase in COUNTING:
            debit.posted_fen += entry.amount_fen
            credit.posted_fen -= entry.amount_fen
        if entry.phase is Phase.RESERVE:
            credit.reserved_fen += entry.amount_fen
        elif entry.phase in {Phase.POST, Phase.VOID}:
            credit.reserved_fen -= entry.amount_fen
    return sums
