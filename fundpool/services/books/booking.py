"""Keeping the books: every booking goes through ``post``, once per business key.

The same booking again changes nothing; the same key with other money is an error. Late events of a
closed month are booked in the next open month and say which month they adjust.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.ledger import (
    COUNTING,
    AccountBalance,
    Balance,
    Phase,
    Posting,
    accounting_month,
    check_flow,
    move,
    reversal_of,
)
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import Month, day_of
from fundpool.domain.transfer import ObligationState
from fundpool.services.ports.work import Work

INCOME_SOURCES = ("contribution", "subsidy", "interest", "transfer", "other")
"""保险费 · 财政补助 · 利息 · 转移收入 · 其他收入."""


def post(
    work: Work, postings: Sequence[Posting], *, by: str, now: datetime, evidence: str | None = None
) -> int:
    """Book ``postings`` that are not booked yet, one voucher per city and fund; how many were new.

    What the checks need is read at once; each posting is then checked in order, as if it were
    booked alone. Raises RuleViolation of the first that fails: ``illegal_flow``, ``funds_mixed``,
    ``amount_not_positive``, ``exceeds_balance``, ``exists_with_different_amount``,
    ``reserve_unknown`` or ``reserve_resolved``; nothing is booked then. ``evidence`` names the
    bank's proof for postings that record what it has already done.
    """
    known, resolved = _already(work, postings)
    refs = {ref.text: ref for entry in postings for ref in (entry.debit, entry.credit)}
    held = work.ledger.peek(refs.values())
    balances = {text: held.get(ref) or Balance() for text, ref in refs.items()}
    fresh: dict[tuple[str, str], list[Posting]] = {}
    for entry in postings:
        before = known.get(entry.key)
        if before is not None:
            _require_same_money(before, entry)
            continue
        if entry.resolves is not None:
            _require_open_reserve(entry, known.get(entry.resolves), resolved.get(entry.resolves))
            resolved[entry.resolves] = entry.key
        check_flow(entry)
        debit, credit = entry.debit, entry.credit
        move(entry, balances[debit.text], balances[credit.text])
        known[entry.key] = entry
        fresh.setdefault((debit.city, debit.fund), []).append(entry)
    for (city, fund), entries in fresh.items():
        touched = {ref.text: ref for entry in entries for ref in (entry.debit, entry.credit)}
        moved = {ref: balances[text] for text, ref in touched.items()}
        _write(work, city, fund, entries=entries, balances=moved, by=by, now=now, evidence=evidence)
    return sum(map(len, fresh.values()))


def _write(
    work: Work,
    city: str,
    fund: str,
    *,
    entries: Sequence[Posting],
    balances: Mapping[AccountRef, Balance],
    by: str,
    now: datetime,
    evidence: str | None,
) -> None:
    """One voucher of one city and fund, with the balances it leaves and its audit record."""
    earliest = min(entry.event_at for entry in entries)
    locked = work.ledger.locked_months(city, fund, since=Month.of(day_of(earliest)))
    number = work.ledger.append(
        city,
        fund,
        [(entry, *accounting_month(entry.event_at, locked)) for entry in entries],
        balances=balances,
        made_by=by,
        recorded_at=now,
        evidence=evidence,
    )
    work.audit.append(
        at=now,
        actor=by,
        action="book",
        subject=f"voucher:{city}/{fund}/{number}",
        after={"lines": len(entries), "total_fen": sum(entry.amount_fen for entry in entries)},
        reason=evidence,
    )


def _already(work: Work, postings: Sequence[Posting]) -> tuple[dict[str, Posting], dict[str, str]]:
    """What is booked under the keys that ``postings`` have or resolve, and which of these are resolved."""
    reserves = [entry.resolves for entry in postings if entry.resolves is not None]
    known = work.ledger.existing([*(entry.key for entry in postings), *reserves])
    return known, work.ledger.resolved(reserves) if reserves else {}


def _require_same_money(before: Posting, entry: Posting) -> None:
    if not before.same_money_as(entry):
        raise RuleViolation(
            "exists_with_different_amount",
            f"{entry.key} 已记账 {format_yuan(before.amount_fen)} 元，与本次 "
            f"{format_yuan(entry.amount_fen)} 元不同",
            f"{entry.key} is booked as {format_yuan(before.amount_fen)} yuan, not "
            f"{format_yuan(entry.amount_fen)}",
            remedy="先冲销原分录，再以新的凭据号入账 / reverse the booking, then book under a new reference",
        )


def _require_open_reserve(entry: Posting, reserve: Posting | None, resolved_by: str | None) -> None:
    if (
        reserve is None
        or reserve.phase is not Phase.RESERVE
        or (reserve.debit, reserve.credit, reserve.amount_fen)
        != (entry.debit, entry.credit, entry.amount_fen)
    ):
        raise RuleViolation(
            "reserve_unknown",
            f"{entry.key} 所指预留 {entry.resolves} 不存在或金额、账户不同",
            f"{entry.key}: no reserve {entry.resolves} of that amount between those accounts",
        )
    if resolved_by is not None:
        raise RuleViolation(
            "reserve_resolved",
            f"预留 {entry.resolves} 已由 {resolved_by} 处理",
            f"reserve {entry.resolves} was resolved by {resolved_by}",
        )


def open_balances(
    work: Work,
    openings: Iterable[tuple[AccountRef, int]],
    *,
    by: str,
    event_at: datetime,
    now: datetime,
) -> None:
    """Bring balances in fen of cash accounts into the books, in one voucher per city and fund.

    An opening that was reversed is brought in once more under a key of its own. Raises RuleViolation
    ``opening_too_late`` when an account would be below nil at any time, and what ``post`` raises.
    """
    openings = list(openings)
    entries = [
        Posting(
            key=_standing_key(work, ref),
            debit=ref,
            credit=AccountRef(ref.city, ref.fund, AccountType.FUND_BALANCE, unit=ref.unit),
            amount_fen=amount_fen,
            flow=Flow.OPENING,
            phase=Phase.DIRECT,
            event_at=event_at,
        )
        for ref, amount_fen in openings
        if amount_fen != 0
    ]
    if entries:
        post(work, entries, by=by, now=now)
    for ref, _ in openings:
        _require_never_below_nil(work, ref)


def _standing_key(work: Work, ref: AccountRef) -> str:
    """The key of the account's opening; after each reversal the next one."""
    key, number = f"opening/{ref}", 1
    while work.ledger.existing([f"{key}/reversal"]):
        number += 1
        key = f"opening/{ref}/{number}"
    return key


def opening_ahead(work: Work, ref: AccountRef, now: datetime) -> RuleViolation | None:
    """Why nothing is paid from the account yet: it would be below nil until the moment its opening is for."""
    key = _standing_key(work, ref)
    opening = work.ledger.existing([key]).get(key)
    if opening is None or opening.event_at <= now:
        return None
    day = day_of(opening.event_at)
    again = (
        f"fundpool ledger reverse {key} --reason REASON --by NAME, "
        "fundpool openings import FILE --month YYYY-MM --by NAME"
    )
    return RuleViolation(
        "opening_ahead",
        f"{ref} 的期初是 {day} 的余额，{day_of(now)} 不能从中支付",
        f"the opening of {ref} is its balance on {day}: nothing is paid from it on {day_of(now)}",
        remedy=f"改登更早月份的期初：{again} / move the opening to an earlier month: {again}",
    )


def _require_never_below_nil(work: Work, ref: AccountRef) -> None:
    """Raise RuleViolation ``opening_too_late`` when events of the account, in the order of time, take it below nil."""
    moved: dict[datetime, int] = {}
    for stored in work.ledger.postings(ref.city, ref.fund):
        entry = stored.posting
        if entry.phase in COUNTING and ref in {entry.debit, entry.credit}:
            change_fen = entry.amount_fen if entry.debit == ref else -entry.amount_fen
            moved[entry.event_at] = moved.get(entry.event_at, 0) + change_fen
    moments = sorted(moved)
    below_nil = [
        (fen, day_of(moment))
        for moment, fen in zip(moments, accumulate(moved[each] for each in moments), strict=True)
        if fen < 0
    ]
    if not below_nil:
        return
    first, (lowest_fen, day) = below_nil[0][1], min(below_nil)
    raise RuleViolation(
        "opening_too_late",
        f"按此期初，{ref} 在 {Month.of(day)}（{day}）余额为 {format_yuan(lowest_fen)} 元：登记的月末之前已有支出",
        f"with this opening {ref} holds {format_yuan(lowest_fen)} yuan in {Month.of(day)} ({day}): money had left it "
        "before the end of the month given",
        remedy="登记首笔支出之前月末的期初 / bring in the balance at the end of a month before its first payment: "
        f"fundpool openings import FILE --month {Month.of(first).plus(-1)}",
    )


@dataclass(frozen=True, slots=True)
class Income:
    """Money received from outside the fund; ``reference`` is the number of its paper."""

    into: AccountRef
    source: str
    amount_fen: int
    reference: str
    received_at: datetime


def book_incomes(work: Work, incomes: Sequence[Income], *, by: str, now: datetime) -> int:
    """Book money received, all or nothing; how many incomes were new.

    An income is known by account, source and reference: the same again changes nothing. Raises RuleViolation
    ``income_source_unknown`` or as of ``post``.
    """
    for income in incomes:
        if income.source not in INCOME_SOURCES:
            raise RuleViolation(
                "income_source_unknown",
                f"没有收入来源“{income.source}”，可用：{'、'.join(INCOME_SOURCES)}",
                f"no income source {income.source!r}; there are {', '.join(INCOME_SOURCES)}",
            )
    entries = [
        _income(each.into, each.source, each.amount_fen, reference=each.reference, event_at=each.received_at)
        for each in incomes
    ]
    return post(work, entries, by=by, now=now)


def _income(
    account: AccountRef, source: str, amount_fen: int, *, reference: str, event_at: datetime
) -> Posting:
    return Posting(
        key=income_key(account, source, reference),
        debit=account,
        credit=AccountRef(
            account.city, account.fund, AccountType.FUND_INCOME, unit=account.unit, detail=source
        ),
        amount_fen=amount_fen,
        flow=Flow.INTEREST if source == "interest" else Flow.INCOME,
        phase=Phase.DIRECT,
        event_at=event_at,
        memo=reference,
    )


def income_key(into: AccountRef, source: str, reference: str) -> str:
    """Business key of money received, for ``reverse``."""
    return f"income/{into.city}/{into.fund}/{into.type}/{into.unit}/{source}/{reference}"


_INTERNAL_FLOWS = {
    (AccountType.TREASURY, AccountType.FISCAL_ACCOUNT): Flow.TREASURY_TO_FISCAL,
    (AccountType.INCOME_ACCOUNT, AccountType.FISCAL_ACCOUNT): Flow.INCOME_TO_FISCAL,
    (AccountType.COUNTY_EXPENDITURE, AccountType.COUNTY_FISCAL): Flow.RETURN_UP,
    (AccountType.COUNTY_FISCAL, AccountType.FISCAL_ACCOUNT): Flow.RETURN_UP,
    (AccountType.CITY_EXPENDITURE, AccountType.FISCAL_ACCOUNT): Flow.RETURN_UP,
    (AccountType.COUNTY_EXPENDITURE, AccountType.CITY_EXPENDITURE): Flow.RETURN_UP,
}


def _passed_up(
    source: AccountRef, target: AccountRef, amount_fen: int, *, reference: str, event_at: datetime
) -> Posting:
    """Money that others moved towards the fiscal account; payments downwards go through the payment door."""
    flow = _INTERNAL_FLOWS.get((source.type, target.type))
    if flow is None:
        raise RuleViolation(
            "illegal_flow",
            f"{source} 到 {target} 不是上划款项；向下拨付须走支付程序",
            f"{source} to {target} is not money passed up; payments go through the payment door",
        )
    return Posting(
        key=transfer_up_key(source, target, reference),
        debit=target,
        credit=source,
        amount_fen=amount_fen,
        flow=flow,
        phase=Phase.DIRECT,
        event_at=event_at,
        memo=reference,
    )


def transfer_up_key(source: AccountRef, target: AccountRef, reference: str) -> str:
    """Business key of money passed up, for ``reverse``."""
    flow = _INTERNAL_FLOWS[source.type, target.type]
    return f"{flow}/{source}/{target}/{reference}"


def book_spending(
    work: Work,
    *,
    city: str,
    fund: str,
    unit: str,
    month: Month,
    items: Mapping[str, int],
    reference: str,
    by: str,
    event_at: datetime,
    now: datetime,
    account_type: AccountType = AccountType.COUNTY_EXPENDITURE,
    interest_fen: int = 0,
    returned_fen: int = 0,
    remitted_fen: int = 0,
) -> int:
    """Book what a unit's accepted report says it spent, per benefit item in fen; items of nil are left out.

    The report's other movements go into the same voucher: interest credited, benefits that came
    back, and what was passed up to the county's fiscal account. ``reference`` names the report
    version: the same again changes nothing. Returns what was spent. Raises RuleViolation
    ``exceeds_balance`` when the account does not hold it.
    """
    account = AccountRef(city, fund, account_type, unit=unit)
    entries = [
        Posting(
            key=spending_key(city, fund, unit=unit, month=month, reference=reference, item=item),
            debit=AccountRef(city, fund, AccountType.FUND_EXPENDITURE, unit=unit, detail=item),
            credit=account,
            amount_fen=amount_fen,
            flow=Flow.SPEND,
            phase=Phase.DIRECT,
            event_at=event_at,
            memo=f"{month} {reference}",
        )
        for item, amount_fen in sorted(items.items())
        if amount_fen != 0
    ]
    # What came in first: it may be what the spending was paid from.
    if returned_fen:
        entries.insert(0, _returned(account, returned_fen, reference, event_at=event_at))
    if interest_fen:
        entries.insert(0, _income(account, "interest", interest_fen, reference=reference, event_at=event_at))
    if remitted_fen:
        fiscal = AccountRef(city, fund, AccountType.COUNTY_FISCAL, unit=unit)
        entries.append(_passed_up(account, fiscal, remitted_fen, reference=reference, event_at=event_at))
    post(work, entries, by=by, now=now)
    return sum(items.values())


def _returned(account: AccountRef, amount_fen: int, reference: str, *, event_at: datetime) -> Posting:
    return Posting(
        key=spending_returned_key(account, reference),
        debit=account,
        credit=AccountRef(
            account.city, account.fund, AccountType.FUND_EXPENDITURE, unit=account.unit, detail="returned"
        ),
        amount_fen=amount_fen,
        flow=Flow.SPEND_RETURNED,
        phase=Phase.DIRECT,
        event_at=event_at,
        memo=reference,
    )


def spending_returned_key(account: AccountRef, reference: str) -> str:
    """Business key of benefits that came back, for ``reverse``."""
    return f"spending_returned/{account}/{reference}"


def spending_key(city: str, fund: str, unit: str, *, month: Month, reference: str, item: str) -> str:
    """Business key of the spending of one item, for ``reverse``."""
    return f"spending/{city}/{fund}/{unit}/{month}/{reference}/{item}"


def reverse(work: Work, key: str, *, reason: str, by: str, event_at: datetime, now: datetime) -> None:
    """Take a booking back by its opposite (冲销), at most once; the original stays.

    Raises RuleViolation ``booking_unknown``, ``not_reversible`` or ``already_reversed``. A payment
    the bank executed is never reversed: money that comes back is a new event.
    """
    original = work.ledger.existing([key]).get(key)
    if original is None:
        raise RuleViolation("booking_unknown", f"账上没有分录 {key}", f"there is no booking {key}")
    if original.attempt_key is not None:
        raise RuleViolation(
            "not_reversible",
            f"{key} 是银行已执行的支付，不能冲销；退回的款项另行入账",
            f"{key} is a payment the bank executed; money that comes back is booked as a new event",
        )
    # What is still to come, such as the opening of a month's end, is not taken back before it came.
    reversal = reversal_of(original, max(event_at, original.event_at), reason)
    if reversal.key in work.ledger.existing([reversal.key]):
        raise RuleViolation(
            "already_reversed", f"{key} 已冲销过", f"{key} was reversed before; a reversal is made once"
        )
    post(work, [reversal], by=by, now=now)


def close_month(work: Work, city: str, fund: str, *, month: Month, by: str, now: datetime) -> bool:
    """Close the month's books; later data becomes an adjustment. False when closed before."""
    closed = work.ledger.lock_month(city, fund, month, by=by, at=now)
    if closed:
        work.audit.append(at=now, actor=by, action="close_month", subject=f"books:{city}/{fund}/{month}")
    return closed


def close_months(
    work: Work, city: str, fund: str | None, *, month: Month, by: str, now: datetime
) -> list[str]:
    """Close the month's books of the fund, or (None) of every fund with books; the funds that were open."""
    funds = [fund] if fund else [chain[1] for chain in work.ledger.chains() if chain[0] == city]
    return [each for each in funds if close_month(work, city, each, month=month, by=by, now=now)]


def balances(
    work: Work,
    city: str | None = None,
    fund: str | None = None,
    *,
    event_until: datetime | None = None,
    recorded_until: datetime | None = None,
) -> list[AccountBalance]:
    """Balances now, or as of an event time, a record time or both."""
    if event_until is None and recorded_until is None:
        return work.ledger.balances(city, fund)
    return work.ledger.balances_as_of(city, fund, event_until, recorded_until=recorded_until)


def balance(work: Work, ref: AccountRef) -> AccountBalance:
    """Balance of one account; nil when it was never used."""
    held = work.ledger.peek([ref]).get(ref)
    return AccountBalance(ref, held.posted_fen, held.reserved_fen) if held else AccountBalance(ref, 0, 0)


def paid(
    work: Work, city: str, fund: str, *, unit: str, year: int | None = None, month: Month | None = None
) -> int:
    """Fen of settled payments into the unit's account for the months of a year, or for one month."""
    settled = work.payments.obligations(
        city=city,
        fund=fund,
        unit=unit,
        month=month,
        states=[ObligationState.SETTLED, ObligationState.PARTLY_RETURNED],
    )
    return sum(each.paid_fen for each in settled if year is None or each.month.year == year)


def received(work: Work, city: str, fund: str, *, unit: str, month: Month) -> int:
    """Fen that reached the unit's expenditure account for ``month``, as the bank confirmed it."""
    return paid(work, city, fund, unit=unit, month=month)
