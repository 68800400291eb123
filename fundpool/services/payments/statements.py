"""Fetching statements day by day, and matching the receipts on them that carry no key of ours.

A receipt (保险费, 财政补助, 利息 …) counts as a booking only when exactly one booking and exactly one
receipt fit each other; anything else becomes a break with an owner, for a person.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import FundpoolError, InputError, RuleViolation
from fundpool.domain.money import format_yuan
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.periods import SHANGHAI, day_of, days_between
from fundpool.domain.transfer import AccountStatus, BankAccount, GatewayTerms, final_days
from fundpool.services.payments import resolving, statement_chain
from fundpool.services.payments.breaks import report_break
from fundpool.services.payments.sending import running_clock
from fundpool.services.ports.gateway import BankFileNote, DayStatement
from fundpool.services.ports.statement_ports import CashEntry, MatchRule, StatedBalance, StoredLine
from fundpool.services.ports.work import Ports, Work
from schemas.payment_messages import Direction, StatementLine

RECEIPT_WINDOW = timedelta(days=7)
"""How far the day of a booking may be from the bank's, where no other pair is possible."""

DAYS_PER_RUN = 62
"""Statements of at most so many days per account are fetched in one run; the next goes on."""

_FINANCE = frozenset({AccountType.FISCAL_ACCOUNT, AccountType.TREASURY, AccountType.COUNTY_FISCAL})


def owner_of(account_type: AccountType) -> str:
    """Who follows a break of an account up until a person is named: whoever holds the account."""
    return "city_finance" if account_type in _FINANCE else "city_agency"


def ref_of(account: BankAccount) -> AccountRef:
    """The account of the books that a bank account is."""
    return AccountRef(account.city, account.fund, account.account_type, unit=account.unit)


# ---------------------------------------------------------------------------------- fetching


@dataclass(slots=True)
class CatchUp:
    """The result of fetching the statements of past days, or of reading a file of them."""

    days: int = 0
    lines_new: int = 0
    settled: int = 0
    breaks_new: int = 0
    missing: list[tuple[str, date, FundpoolError]] = field(default_factory=list)


def catch_up(ports: Ports, city: str, now: datetime) -> CatchUp:
    """Fetch and match every past day's statement that is not final yet, account by account, and younger ones again.

    A statement that has not arrived is listed in ``missing`` and keeps no other from being fetched; a bank
    that does not answer ends the run, because the next call would fail too.
    """
    done = CatchUp()
    if ports.gateway is None:
        return done
    clock = running_clock(now)
    wanted = ports.database.read(lambda work: _days_wanted(work, city, now, terms=ports.gateway_terms))
    for account_no, (grown, final) in wanted.items():
        days = [*grown, *final]
        (lines_new, settled, breaks_new), missing = resolving.import_days(
            ports, account_no, days, clock=clock
        )
        # A final day may have come another way, as the bank's own file, so that the gateway has none.
        done.missing += [
            (account_no, day, error)
            for day, error in missing
            if day in grown or error.code != "statement_not_arrived"
        ]
        done.days += len(days) - len(missing)
        done.lines_new += lines_new
        done.settled += settled
        done.breaks_new += breaks_new
        if missing and missing[-1][1].code != "statement_not_arrived":
            done.days -= len(days) - days.index(missing[-1][0]) - 1
            break
    return done


def _days_wanted(
    work: Work, city: str, now: datetime, *, terms: GatewayTerms
) -> dict[str, tuple[list[date], list[date]]]:
    """Days by account: those whose statement may still grow, and the final ones that are read again."""
    yesterday = day_of(now) - timedelta(days=1)
    wanted = {}
    for account in paying_accounts(work, city):
        first = first_day_of(work, account)
        if first is None:
            continue
        final = final_days(work.statements.imports(account.account_no), terms)
        days = days_between(first, yesterday)
        grown = [day for day in days if day not in final][:DAYS_PER_RUN]
        again = [day for day in days if day in final and yesterday - day < terms.statement_reread]
        wanted[account.account_no] = grown, again
    return wanted


def paying_accounts(work: Work, city: str) -> list[BankAccount]:
    """Approved accounts of the city that payments left or leave from, one per number."""
    used = work.payments.paying_accounts(city)
    return [
        account for account in work.accounts.find(city, status=AccountStatus.APPROVED) if account.id in used
    ]


def first_day_of(work: Work, account: BankAccount) -> date | None:
    """The first day whose statement matters: after the opening, else of the first booking."""
    entries = work.statements.entries(ref_of(account), datetime.max.replace(tzinfo=SHANGHAI, year=9000))
    if not entries:
        return None
    first = day_of(entries[0].event_at)
    return first + timedelta(days=1) if entries[0].flow is Flow.OPENING else first


def state_balance(
    work: Work, account_no: str, day: date, *, closing_fen: int, source: str, by: str, now: datetime
) -> None:
    """Record a balance from a paper statement.

    Raises InputError ``account_no_unknown``, and RuleViolation ``closing_differs`` where another one stands.
    """
    recorder = person(by)
    if not work.accounts.find(account_no=account_no):
        raise _unknown_account(account_no)
    stands = next((each for each in work.statements.balances(account_no) if each.day == day), None)
    opening_fen = stands.opening_fen if stands else None
    balance = StatedBalance(
        day, closing_fen, source, recorded_by=recorder, recorded_at=now, opening_fen=opening_fen
    )
    statement_chain.require_fitting(work, account_no, balance)
    work.statements.state_balance(account_no, balance)
    work.audit.append(
        at=now,
        actor=recorder,
        action="state_bank_balance",
        subject=f"account:{account_no}:{day}",
        after={"closing_fen": closing_fen, "source": source},
    )


def days_of_file(first: date, last: date) -> list[date]:
    """The days that a bank's own file covers. Raises InputError ``period`` unless they are one day to a year."""
    if not timedelta(0) <= last - first <= timedelta(days=366):
        raise InputError(
            "period",
            f"对账期间 {first} 至 {last} 不对",
            f"not a period: {first} to {last}",
            remedy="--from / --to",
        )
    return days_between(first, last)


def import_file(
    work: Work,
    account_no: str,
    days: Sequence[date],
    *,
    lines: Sequence[StatementLine],
    opening_fen: Mapping[date, int],
    closing_fen: Mapping[date, int],
    source: str,
    by: str,
    now: datetime,
    terms: GatewayTerms,
) -> CatchUp:
    """Take in the lines of a bank's own file that covers ``days``, and match them as if fetched.

    Raises InputError ``account_not_paying`` (only accounts that payments leave from are matched line by
    line) or ``lines_outside_period``.
    """
    taker = person(by)
    accounts = work.accounts.find(account_no=account_no, status=AccountStatus.APPROVED)
    if not accounts:
        raise _unknown_account(account_no)
    if account_no not in {each.account_no for each in paying_accounts(work, accounts[0].city)}:
        raise InputError(
            "account_not_paying",
            f"账户 {account_no} 没有经本系统付款，不逐笔核对",
            f"no payment of this program leaves from account {account_no}; its lines are not matched",
            remedy="登记余额即可 / record its balance: fundpool transfers bank-balance",
        )
    outside = sorted(day_of(line.executed_at) for line in lines if day_of(line.executed_at) not in set(days))
    if outside:
        raise InputError(
            "lines_outside_period",
            f"文件有 {outside[0]} 的流水，不在对账期间 {days[0]} 至 {days[-1]} 内",
            f"the file has lines of {outside[0]}, outside {days[0]} to {days[-1]}",
            remedy="--from / --to",
        )
    done = CatchUp(days=len(days))
    for day in days:
        of_day = tuple(line for line in lines if day_of(line.executed_at) == day)
        statement = DayStatement(of_day, opening_fen.get(day), closing_fen.get(day))
        counts = resolving.match_statement(
            work,
            account_no,
            day,
            statement=statement,
            fetched_at=now,
            now=now,
            terms=terms,
            source=source,
            by=taker,
        )
        done.lines_new, done.settled = done.lines_new + counts[0], done.settled + counts[1]
        done.breaks_new += counts[2]
    work.audit.append(
        at=now,
        actor=taker,
        action="import_statement_file",
        subject=f"account:{account_no}",
        after={"source": source, "lines": len(lines), "from": str(days[0]), "to": str(days[-1])},
    )
    return done


# ---------------------------------------------------------------------------------- receipts


@dataclass(slots=True)
class ReceiptReport:
    """The result of matching receipts with booked income."""

    matched: int = 0
    breaks_new: int = 0
    breaks_cleared: int = 0


def match_receipts(work: Work, city: str, now: datetime, *, terms: GatewayTerms) -> ReceiptReport:
    """Match every receipt without our key with booked income; what is left becomes a break.

    Only days whose statement is final take part, so that a second receipt of the same amount is
    known before anything is concluded. A break whose receipt is found is cleared by that evidence.
    """
    report = ReceiptReport()
    for account in work.accounts.find(city, status=AccountStatus.APPROVED):
        imported = work.statements.imports(account.account_no)
        if imported:
            _match_account(work, account, final_days(imported, terms), now=now, report=report)
    return report


@dataclass(frozen=True, slots=True)
class _Open:
    """Receipts and bookings of one account that nothing explains yet."""

    receipts: list[StoredLine]
    bookings: list[CashEntry]


def _open_of(work: Work, account: BankAccount, now: datetime) -> _Open:
    first = first_day_of(work, account)
    matched = work.statements.matches(account.account_no)
    receipts = [
        stored
        for stored in work.statements.lines(account.account_no, day_of(now))
        if stored.line.direction is Direction.CREDIT
        and stored.id not in matched
        and (first is not None and day_of(stored.line.executed_at) >= first)
        and not _is_ours(work, stored)
    ]
    explained = frozenset(matched.values())
    entries = work.statements.entries(ref_of(account), now + timedelta(microseconds=1))
    reversed_keys = {entry.reverses for entry in entries if entry.reverses is not None}
    bookings = [
        entry
        for entry in entries
        if entry.amount_fen > 0
        and entry.attempt_key is None
        and entry.flow is not Flow.OPENING
        and entry.reverses is None
        and entry.key not in reversed_keys
        and entry.key not in explained
    ]
    return _Open(receipts, bookings)


def _is_ours(work: Work, stored: StoredLine) -> bool:
    return stored.line.key is not None and work.attempts.by_key(stored.line.key) is not None


def _match_account(
    work: Work, account: BankAccount, final: frozenset[date], *, now: datetime, report: ReceiptReport
) -> None:
    first = first_day_of(work, account)
    if first is None:
        return
    left = _open_of(work, account, now)
    left = _Open([each for each in left.receipts if day_of(each.line.executed_at) in final], left.bookings)
    for fits, rule in (
        (_names_serial, MatchRule.REFERENCE),
        (_same_day, MatchRule.AMOUNT_AND_DAY),
        (_in_closed_window(final, first), MatchRule.AMOUNT_AND_DAY),
    ):
        for stored, entry in _only_pairs(left.receipts, left.bookings, fits):
            report.breaks_cleared += record_match(
                work, account, stored, posting_key=entry.key, rule=rule, by=SYSTEM, now=now
            )
            report.matched += 1
            left.receipts.remove(stored)
            left.bookings.remove(entry)
    report.breaks_new += _report_left_over(work, account, left, final=final, first=first, now=now)


def _names_serial(stored: StoredLine, entry: CashEntry) -> bool:
    return entry.amount_fen == stored.line.amount_fen and entry.memo == stored.line.bank_serial


def _same_day(stored: StoredLine, entry: CashEntry) -> bool:
    return entry.amount_fen == stored.line.amount_fen and day_of(entry.event_at) == day_of(
        stored.line.executed_at
    )


def _in_closed_window(final: frozenset[date], first: date) -> Callable[[StoredLine, CashEntry], bool]:
    """Fits within the window, once every day of it is in: no better receipt can still come."""

    def fits(stored: StoredLine, entry: CashEntry) -> bool:
        near = abs(day_of(entry.event_at) - day_of(stored.line.executed_at)) <= RECEIPT_WINDOW
        return entry.amount_fen == stored.line.amount_fen and near and _window_over(entry, final, first)

    return fits


def _window_over(entry: CashEntry, final: frozenset[date], first: date) -> bool:
    booked_on = day_of(entry.event_at)
    return final.issuperset(days_between(max(first, booked_on - RECEIPT_WINDOW), booked_on + RECEIPT_WINDOW))


def _only_pairs(
    receipts: Sequence[StoredLine],
    bookings: Sequence[CashEntry],
    fits: Callable[[StoredLine, CashEntry], bool],
) -> list[tuple[StoredLine, CashEntry]]:
    """Receipt and booking that fit each other and nothing else."""
    by_amount: dict[int, list[CashEntry]] = {}
    for entry in bookings:
        by_amount.setdefault(entry.amount_fen, []).append(entry)
    of_receipt = {
        stored.id: [entry for entry in by_amount.get(stored.line.amount_fen, ()) if fits(stored, entry)]
        for stored in receipts
    }
    claims = Counter(entry.key for fitting in of_receipt.values() for entry in fitting)
    return [
        (stored, of_receipt[stored.id][0])
        for stored in receipts
        if len(of_receipt[stored.id]) == 1 and claims[of_receipt[stored.id][0].key] == 1
    ]


def record_match(
    work: Work,
    account: BankAccount,
    stored: StoredLine,
    *,
    posting_key: str,
    rule: MatchRule,
    by: str,
    now: datetime,
) -> int:
    """Record that a receipt is a booking; returns how many breaks about either that clears."""
    work.statements.add_match(stored.id, posting_key, rule, by=by, at=now)
    work.audit.append(
        at=now,
        actor=by,
        action="match_receipt",
        subject=f"receipt:{account.account_no}/{stored.line.bank_serial}",
        after={"posting": posting_key, "rule": rule.value, "amount_fen": stored.line.amount_fen},
    )
    about = {_receipt_reference(account, stored), posting_key}
    cleared = [
        each
        for each in work.breaks.find(account.city)
        if each.kind in RECEIPT_BREAKS and each.reference in about
    ]
    for each in cleared:
        work.breaks.resolve(each.id, by, f"matched by {rule.value}: {posting_key}", at=now)
    return len(cleared)


RECEIPT_BREAKS = frozenset({"receipt_not_booked", "receipt_ambiguous", "receipt_not_at_bank"})
"""Breaks that the evidence of a match clears; all others are closed by a person alone."""


def _receipt_reference(account: BankAccount, stored: StoredLine) -> str:
    return f"{account.account_no}/{stored.line.bank_serial}"


def _report_left_over(
    work: Work,
    account: BankAccount,
    left: _Open,
    *,
    final: frozenset[date],
    first: date,
    now: datetime,
) -> int:
    """Enter what nothing explains into the register; how many breaks are new."""
    amounts = Counter(entry.amount_fen for entry in left.bookings)
    new = 0
    for stored in left.receipts:
        line = stored.line
        ambiguous = amounts[line.amount_fen] > 0
        new += _add_break(
            work,
            account,
            "receipt_ambiguous" if ambiguous else "receipt_not_booked",
            reference=_receipt_reference(account, stored),
            zh=f"银行 {day_of(line.executed_at)} 收款 {format_yuan(line.amount_fen)} 元（{line.counterparty or '—'}，流水 "
            f"{line.bank_serial}）"
            + ("与账上多笔或他日同额收入都可能相符" if ambiguous else "账上没有对应收入"),
            en=f"the bank received {format_yuan(line.amount_fen)} yuan on {day_of(line.executed_at)} "
            f"({line.counterparty or '-'}, serial {line.bank_serial}); "
            + (
                "more than one booking or another day's may be it"
                if ambiguous
                else "no income is booked for it"
            ),
            now=now,
        )
    for entry in left.bookings:
        if _window_over(entry, final, first):
            new += _add_break(
                work,
                account,
                "receipt_not_at_bank",
                reference=entry.key,
                zh=f"账上 {day_of(entry.event_at)} 收入 {format_yuan(entry.amount_fen)} 元（{entry.memo or '—'}）银行前后 "
                f"{RECEIPT_WINDOW.days} 日内没有对应收款",
                en=f"{format_yuan(entry.amount_fen)} yuan are booked as received on {day_of(entry.event_at)} "
                f"({entry.memo or '-'}); the bank has no such receipt within {RECEIPT_WINDOW.days} days",
                now=now,
            )
    return new


def _add_break(
    work: Work, account: BankAccount, kind: str, *, reference: str, zh: str, en: str, now: datetime
) -> bool:
    is_new = report_break(
        work,
        account,
        kind=kind,
        reference=reference[:200],
        zh=f"账户 {account.account_no}：{zh}",
        en=f"account {account.account_no}: {en}",
        stops_fund=False,
        now=now,
    )
    if is_new:
        found = work.breaks.find(account.city)
        mine = next(each for each in found if (each.kind, each.reference) == (kind, reference[:200]))
        work.breaks.assign(mine.id, owner_of(account.account_type))
    return is_new


def match_by_person(
    work: Work, account_no: str, serial: str, *, posting_key: str, by: str, now: datetime
) -> int:
    """Record that a receipt is a booking because a person says so; returns how many breaks that clears.

    Raises InputError ``receipt_unknown`` or ``open_booking_unknown`` where either is explained already or is
    not there, and RuleViolation ``amount_differs``.
    """
    matcher = person(by)
    account = next(iter(work.accounts.find(account_no=account_no, status=AccountStatus.APPROVED)), None)
    if account is None:
        raise _unknown_account(account_no)
    left = _open_of(work, account, now)
    stored = next((each for each in left.receipts if each.line.bank_serial == serial), None)
    if stored is None:
        raise InputError(
            "receipt_unknown",
            f"账户 {account_no} 没有待查的收款流水 {serial}",
            f"account {account_no} has no open receipt with the serial {serial}",
            remedy="fundpool transfers breaks",
        )
    entry = next((each for each in left.bookings if each.key == posting_key), None)
    if entry is None:
        raise InputError(
            "open_booking_unknown",
            f"账户 {account_no} 没有待查的入账 {posting_key}",
            f"account {account_no} has no open booking {posting_key}",
            remedy="fundpool transfers reconciliation --json",
        )
    if entry.amount_fen != stored.line.amount_fen:
        raise RuleViolation(
            "amount_differs",
            f"流水 {serial} 为 {format_yuan(stored.line.amount_fen)} 元，入账为 {format_yuan(entry.amount_fen)} 元，不是同一笔",
            f"serial {serial} is {format_yuan(stored.line.amount_fen)} yuan, the booking {format_yuan(entry.amount_fen)}",
            remedy="金额不符须先冲销再入账 / reverse the booking and book the right amount",
        )
    return record_match(
        work, account, stored, posting_key=posting_key, rule=MatchRule.PERSON, by=matcher, now=now
    )


def assign(work: Work, break_id: int, *, owner: str, by: str, now: datetime) -> None:
    """Name who follows a break up; raises InputError ``break_unknown``."""
    named, assigner = person(owner), person(by)
    work.breaks.assign(break_id, named)
    work.audit.append(
        at=now, actor=assigner, action="assign_break", subject=f"break:{break_id}", after={"owner": named}
    )


def foreign_to(work: Work, notes: Sequence[BankFileNote]) -> dict[str, tuple[str, str]]:
    """Files that speak of accounts or orders that are not ours, by name, and of which."""
    numbers = {account.account_no for account in work.accounts.find()}
    foreign = {}
    for note in notes:
        strange = [number for number in note.accounts if number not in numbers]
        keys = ((digits, uuid.UUID(digits)) for digits in note.end_to_end_ids if _is_digits(digits))
        strange += [digits for digits, key in keys if work.attempts.by_key(str(key)) is None]
        strange += [digits for digits in note.end_to_end_ids if not _is_digits(digits)]
        if strange:
            names = ", ".join(strange[:5])
            foreign[note.name] = (
                f"不是本系统的账户或支付：{names}",
                f"not our accounts or payments: {names}",
            )
    return foreign


def _is_digits(text: str) -> bool:
    return len(text) == 32 and all(character in "0123456789abcdef" for character in text)


def _unknown_account(account_no: str) -> InputError:
    return InputError(
        "account_no_unknown",
        f"登记簿里没有账号 {account_no}",
        f"the register has no account {account_no}",
        remedy="fundpool accounts list",
    )
