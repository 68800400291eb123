"""Whether the books are sound: recomputed from the postings, never taken from running totals."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby

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


def verify(work: Work, since: Heads | None = None) -> list[LedgerFault]:
    """Every fault of the books, one set of books (city and fund) after the other.

    With ``since`` the vouchers behind those are read alone; balances are added up by the database then.

    None when the chain is whole, every flow legal, every reserve resolved by its equal, every
    balance what its postings add up to and the trial balance nil.
    """
    faults = [
        LedgerFault(
            "posting_unknown",
            key,
            "不属于任何凭证或账户，或款项环节不符",
            "belongs to no voucher or account, or bears another posting's leg",
        )
        for key in work.ledger.stray_postings()
    ]
    try:
        if since is not None:
            faults += _check_vouchers_since(work, since)
        else:
            for _, vouchers in groupby(work.ledger.vouchers(), lambda each: (each.city, each.fund)):
                faults += _check_vouchers(work, list(vouchers))
    except UNREADABLE as error:
        faults.append(
            LedgerFault(
                "books_unreadable", "ledger", f"账簿中有读不出的值：{error}", f"cannot be read: {error}"
            )
        )
    return faults


def _check_vouchers(work: Work, vouchers: list[Voucher]) -> list[LedgerFault]:
    city, fund = vouchers[0].city, vouchers[0].fund
    by_number: dict[int, list[StoredPosting]] = {
        number: list(lines)
        for number, lines in groupby(work.ledger.postings(city, fund), lambda each: each.voucher_number)
    }
    entries = [each for lines in by_number.values() for each in lines]
    return [
        *_check_chain(vouchers, by_number),
        *_check_locks(work.ledger.locks(city, fund), vouchers, by_number),
        *_check_postings([each.posting for each in entries]),
        *_check_balances(work.ledger.balances(city, fund), [each.posting for each in entries]),
    ]


def _check_vouchers_since(work: Work, since: Heads) -> Iterator[LedgerFault]:
    for city, fund, _, _ in work.ledger.chains():
        number, hash_ = since.get((city, fund), (0, GENESIS))
        vouchers = list(work.ledger.vouchers(city, fund, number))
        by_number = {
            each: list(lines)
            for each, lines in groupby(
                work.ledger.postings(city, fund, number), lambda entry: entry.voucher_number
            )
        }
        entries = [each.posting for lines in by_number.values() for each in lines]
        named = [key for entry in entries for key in (entry.resolves, entry.reverses) if key is not None]
        yield from _check_chain(vouchers, by_number, number, hash_)
        earlier = {
            month: head if head in {each.hash for each in vouchers} else GENESIS
            for month, head in work.ledger.locks(city, fund).items()
        }
        yield from _check_locks(earlier, vouchers, by_number)
        yield from _check_postings(entries, work.ledger.existing(named))
        summed = {
            each.ref: Balance(each.posted_fen, each.reserved_fen)
            for each in work.ledger.balances_as_of(city, fund, _EVER, None)
        }
        yield from _compare_balances(work.ledger.balances(city, fund), summed)


_EVER = datetime.max.replace(tzinfo=UTC)


def _check_chain(
    vouchers: list[Voucher],
    by_number: dict[int, list[StoredPosting]],
    number: int = 0,
    previous_hash: str = GENESIS,
) -> Iterable[LedgerFault]:
    for voucher in vouchers:
        number += 1
        subject = f"{voucher.city}/{voucher.fund}/{voucher.number}"
        if voucher.number != number:
            yield LedgerFault(
                "voucher_gap", subject, f"凭证号不连续，应为 {number}", f"expected number {number}"
            )
            number = voucher.number
        lines = by_number.get(voucher.number, [])
        sealed = seal_voucher(voucher, [(each.posting, each.month, each.adjusts_month) for each in lines])
        numbered = [each.line for each in lines] == list(range(1, voucher.lines + 1))
        if voucher.previous_hash != previous_hash or not numbered or sealed != voucher.hash:
            yield LedgerFault(
                "voucher_altered",
                subject,
                "内容被改或与前一凭证不相衔接",
                "was altered or does not follow the one before it",
            )
        previous_hash = voucher.hash


def _check_locks(
    locks: dict[Month, str], vouchers: list[Voucher], by_number: dict[int, list[StoredPosting]]
) -> Iterable[LedgerFault]:
    position = {voucher.hash: index for index, voucher in enumerate(vouchers)}
    for month, head_hash in sorted(locks.items()):
        start = 0 if head_hash == GENESIS else position.get(head_hash, len(vouchers)) + 1
        for voucher in vouchers[start:]:
            if any(each.month == month for each in by_number.get(voucher.number, [])):
                subject = f"{voucher.city}/{voucher.fund}/{voucher.number}"
                yield LedgerFault(
                    "booked_into_closed_month",
                    subject,
                    f"记入已结账的 {month}",
                    f"was booked into the closed month {month}",
                )


def _check_postings(
    postings: list[Posting], earlier: Mapping[str, Posting] | None = None
) -> Iterable[LedgerFault]:
    by_key = {**(earlier or {}), **{entry.key: entry for entry in postings}}
    for entry in postings:
        try:
            check_flow(entry)
        except RuleViolation as violation:
            yield LedgerFault(violation.code, entry.key, violation.zh, violation.en)
        if entry.resolves is not None and not _resolves(entry, by_key.get(entry.resolves)):
            yield LedgerFault(
                "reserve_unknown", entry.key, "所指预留不存在或不符", "resolves no reserve of its kind"
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
                    "is not the opposite of what it reverses",
                )


def _resolves(entry: Posting, reserve: Posting | None) -> bool:
    return (
        reserve is not None
        and reserve.phase is Phase.RESERVE
        and (reserve.debit, reserve.credit, reserve.amount_fen)
        == (entry.debit, entry.credit, entry.amount_fen)
    )


def _check_balances(running: list[AccountBalance], postings: list[Posting]) -> Iterable[LedgerFault]:
    return _compare_balances(running, add_up(postings))


def _compare_balances(
    running: list[AccountBalance], summed: dict[AccountRef, Balance]
) -> Iterable[LedgerFault]:
    for balance in running:
        expected = summed.pop(balance.ref, Balance())
        if (balance.posted_fen, balance.reserved_fen) != (expected.posted_fen, expected.reserved_fen):
            yield LedgerFault(
                "balance_differs",
                str(balance.ref),
                f"账面 {balance.posted_fen} 分、预留 {balance.reserved_fen} 分，"
                f"按分录应为 {expected.posted_fen} 分、{expected.reserved_fen} 分",
                f"holds {balance.posted_fen} and {balance.reserved_fen} reserved, its postings add up to "
                f"{expected.posted_fen} and {expected.reserved_fen}",
            )
        if balance.ref.type in CASH and balance.posted_fen < 0:
            yield LedgerFault(
                "cash_negative",
                str(balance.ref),
                f"余额为负：{balance.posted_fen} 分",
                f"is overdrawn: {balance.posted_fen} fen",
            )
    for ref in summed:
        yield LedgerFault("account_missing", str(ref), "有分录而无账户", "has postings but no account")
    for (city, fund), (debit_fen, credit_fen) in trial_balance(running).items():
        if debit_fen != credit_fen:
            yield LedgerFault(
                "trial_balance",
                f"{city}/{fund}",
                f"借方 {debit_fen} 分，贷方 {credit_fen} 分，不平",
                f"debits {debit_fen} and credits {credit_fen} differ",
            )


def add_up(postings: Iterable[Posting]) -> dict[AccountRef, Balance]:
    """Balances of the accounts that ``postings`` touch, from the postings alone."""
    summed: dict[AccountRef, Balance] = defaultdict(Balance)
    for entry in postings:
        debit, credit = summed[entry.debit], summed[entry.credit]
        if entry.phase in COUNTING:
            debit.posted_fen += entry.amount_fen
            credit.posted_fen -= entry.amount_fen
        if entry.phase is Phase.RESERVE:
            credit.reserved_fen += entry.amount_fen
        elif entry.phase in {Phase.POST, Phase.VOID}:
            credit.reserved_fen -= entry.amount_fen
    return dict(summed)
