"""Building the 银行存款余额调节表 of a city's bank accounts at the end of a month, from books and statements."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from fundpool.domain.bank_reconciliation import (
    BalanceSource,
    BankReconciliation,
    ItemKind,
    Movement,
    OpenItem,
    kind_of,
    unmatched,
)
from fundpool.domain.chart_of_accounts import Flow
from fundpool.domain.periods import SHANGHAI, Month, day_of, days_between
from fundpool.domain.transfer import AccountStatus, BankAccount, GatewayTerms, final_days
from fundpool.services.payments.statements import first_day_of, owner_of, ref_of
from fundpool.services.ports.money_ports import Break
from fundpool.services.ports.statement_ports import CashEntry, StoredLine
from fundpool.services.ports.work import Work


def reconciliations(
    work: Work, city: str, month: Month, *, terms: GatewayTerms
) -> tuple[BankReconciliation, ...]:
    """The form of every approved account whose statements the city keeps, in order of the register.

    Accounts without a single imported statement or stated balance (the counties', which the counties
    reconcile themselves) have none.
    """
    registered = work.accounts.find(city, status=AccountStatus.APPROVED)
    open_breaks = work.breaks.find(city)
    return tuple(
        _reconciliation(work, account, month, terms=terms, open_breaks=open_breaks)
        for account in registered
        if work.statements.imports(account.account_no) or work.statements.balances(account.account_no)
    )


def _reconciliation(
    work: Work, account: BankAccount, month: Month, *, terms: GatewayTerms, open_breaks: Iterable[Break]
) -> BankReconciliation:
    day = month.last_day
    end = datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
    entries = work.statements.entries(ref_of(account), end)
    first = first_day_of(work, account)
    lines = [
        stored
        for stored in work.statements.lines(account.account_no, day)
        if first is None or day_of(stored.line.executed_at) >= first
    ]
    bank_fen, source, missing = _bank_balance(
        work, account, entries, lines=lines, first=first, day=day, terms=terms
    )
    return BankReconciliation(
        city=account.city,
        fund=account.fund,
        account_type=account.account_type,
        unit=account.unit,
        account_no=account.account_no,
        account_name=account.account_name,
        bank_name=account.bank_name,
        day=day,
        book_fen=sum(entry.amount_fen for entry in entries),
        bank_fen=bank_fen,
        bank_source=source,
        missing_days=missing,
        items=_items(work, account, entries, lines=lines, day=day, open_breaks=open_breaks),
    )


def _items(
    work: Work,
    account: BankAccount,
    entries: list[CashEntry],
    *,
    lines: list[StoredLine],
    day: date,
    open_breaks: Iterable[Break],
) -> tuple[OpenItem, ...]:
    # A second execution is booked under the bank's serial; every other receipt by its match.
    booked_as = {
        str(stored.id): f"anomaly/{account.account_no}/{stored.line.bank_serial}" for stored in lines
    }
    booked_as |= {str(line_id): key for line_id, key in work.statements.matches(account.account_no).items()}
    only_booked, only_banked = unmatched(
        [_booked(entry) for entry in entries if entry.flow is not Flow.OPENING],
        [_banked(stored) for stored in lines],
        booked_as,
    )
    breaks = {each.reference: each for each in open_breaks}
    transfers = _transfers(work, [*only_booked, *only_banked])
    found = [
        _item(account, movement, day, breaks=breaks, transfers=transfers, is_booked=is_booked)
        for movements, is_booked in ((only_banked, False), (only_booked, True))
        for movement in movements
    ]
    order = list(ItemKind)
    return tuple(sorted(found, key=lambda item: (order.index(item.kind), item.day, item.reference)))


def _booked(entry: CashEntry) -> Movement:
    # A payment is known to the bank by its key, other bookings by the number of their paper.
    reference = entry.attempt_key or entry.memo or entry.key
    return Movement(
        entry.key,
        day_of(entry.event_at),
        entry.amount_fen,
        reference=reference,
        key=entry.attempt_key,
        reverses=entry.reverses,
    )


def _banked(stored: StoredLine) -> Movement:
    line = stored.line
    return Movement(
        str(stored.id), day_of(line.executed_at), line.moved_fen, reference=line.bank_serial, key=line.key
    )


def _transfers(work: Work, movements: Iterable[Movement]) -> dict[str, str]:
    """Number, month and payee of the payment each key belongs to, where it is one of ours."""
    names = {}
    for key in {movement.key for movement in movements if movement.key is not None}:
        attempt = work.attempts.by_key(key)
        if attempt is not None:
            obligation = work.payments.obligation(attempt.obligation_id)
            names[key] = f"第 {obligation.id} 号　{obligation.month}　{obligation.unit}"
    return names


def _item(
    account: BankAccount,
    movement: Movement,
    day: date,
    *,
    breaks: Mapping[str, Break],
    transfers: Mapping[str, str],
    is_booked: bool,
) -> OpenItem:
    references = (
        [movement.identity[:200], movement.key or ""]
        if is_booked
        else [f"{account.account_no}/{movement.reference}"]
    )
    entered = next((breaks[reference] for reference in references if reference in breaks), None)
    return OpenItem(
        kind=kind_of(movement, is_booked=is_booked),
        day=movement.day,
        amount_fen=abs(movement.amount_fen),
        reference=movement.reference,
        transfer=transfers.get(movement.key or ""),
        age_days=(day - movement.day).days,
        owner=(entered.owner if entered else None) or owner_of(account.account_type),
        break_id=entered.id if entered else None,
        booking=movement.identity if is_booked else None,
    )


def _bank_balance(
    work: Work,
    account: BankAccount,
    entries: list[CashEntry],
    *,
    lines: list[StoredLine],
    first: date | None,
    day: date,
    terms: GatewayTerms,
) -> tuple[int | None, BalanceSource | None, tuple[date, ...]]:
    """The bank's balance at the end of the day, what it rests on, and the days whose statement lacks."""
    final = final_days(work.statements.imports(account.account_no), terms)
    since_first = [] if first is None else days_between(first, day)
    missing = tuple(each for each in since_first if each not in final)
    stated = [each for each in work.statements.balances(account.account_no) if each.day <= day]
    if stated and stated[-1].day == day:
        return stated[-1].closing_fen, BalanceSource.STATED, missing
    for base in reversed(stated):
        if final.issuperset(days_between(base.day + timedelta(days=1), day)):
            return base.closing_fen + _moved_after(lines, base.day), BalanceSource.CARRIED, missing
    if first is not None and not missing:
        # An account without an opening held nothing when its first booking came.
        opening_fen = sum(entry.amount_fen for entry in entries if entry.flow is Flow.OPENING)
        return opening_fen + _moved_after(lines, first - timedelta(days=1)), BalanceSource.OPENING, missing
    return None, None, missing


def _moved_after(lines: list[StoredLine], day: date) -> int:
    return sum(stored.line.moved_fen for stored in lines if day_of(stored.line.executed_at) > day)
