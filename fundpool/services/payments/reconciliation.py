"""对账: what became of open payments, the bank's statements, receipts, and the month's 银行存款余额调节表."""

from collections.abc import Iterator
from datetime import date, datetime

from fundpool.domain.bank_reconciliation import BankReconciliation
from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.domain.languages import counted
from fundpool.domain.money import format_yuan
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.periods import day_of
from fundpool.domain.policy import CityPolicy
from fundpool.services.books.audit_checks import keep_anchor, verify_daily
from fundpool.services.payments import resolving
from fundpool.services.payments.bank_reconciliation import reconciliations
from fundpool.services.payments.disbursement import payment_outcome, stopped_funds
from fundpool.services.payments.installation import notice_of
from fundpool.services.payments.statements import CatchUp, ReceiptReport, catch_up, match_receipts
from fundpool.services.ports.work import MonthPorts


def ask_about_payments(ports: MonthPorts, request: StepRequest) -> list[UnitOutcome]:
    """Ask the bank about every payment of the month whose outcome is not known yet, and say how each stands."""
    policy = ports.policies.city(request.city)
    resolved = resolving.resolve(ports, now=request.now, city=policy.key, month=request.month)
    units = {policy.division_code, *counties_of(policy, request)}
    return [payment_outcome(transfer) for transfer in resolved if transfer.unit in units]


def match_statements(ports: MonthPorts, request: StepRequest) -> list[UnitOutcome]:
    """Fetch every past day's statement, match receipts with booked income, keep the day's anchor.

    Once the month is over its reconciliation forms are written anew. A run for some counties leaves all of
    it to the run for the whole city.
    """
    if request.counties is not None or ports.gateway is None:
        return []
    policy = ports.policies.city(request.city)
    return [
        *_of_statements(ports, policy, request),
        *stopped_funds(ports, policy),
        *_trails(ports, policy, request.now),
    ]


def _of_statements(ports: MonthPorts, policy: CityPolicy, request: StepRequest) -> Iterator[UnitOutcome]:
    caught = catch_up(ports, policy.key, request.now)
    receipts = ports.database.transaction(
        lambda work: match_receipts(work, policy.key, request.now, terms=ports.gateway_terms)
    )
    yield from _unreadable(ports, policy)
    yield from _missing(policy, caught)
    yield from _breaks(policy, caught, receipts)
    if day_of(request.now) > request.month.last_day:
        forms, notice = ports.database.read(
            lambda work: (
                reconciliations(work, policy.key, request.month, terms=ports.gateway_terms),
                notice_of(work),
            )
        )
        if forms:
            ports.write_reconciliation(
                policy, request.month, forms=forms, prepared_on=day_of(request.now), notice=notice
            )
        yield from (_form(policy, form) for form in forms)


def _trails(ports: MonthPorts, policy: CityPolicy, now: datetime) -> Iterator[UnitOutcome]:
    """Verify the trails as they stand after the day's statements and keep their anchor elsewhere, once a day."""
    faults, full_is_due = verify_daily(ports, now)
    if faults:
        first = faults[0]
        yield _flagged(
            policy,
            f"核验发现程序之外的改动 {len(faults)} 处，首处 {first.subject}：{first.zh}；见 fundpool audit verify",
            f"{len(faults)} changes behind the program, first {first.subject}: {first.en}: fundpool audit verify",
            code=first.kind,
        )
    if full_is_due:
        yield _flagged(
            policy,
            "须全部核验一次：fundpool audit verify --full",
            "everything is to be verified again: fundpool audit verify --full",
            code="full_verification_due",
        )
    try:
        keep_anchor(ports, now)
    except ServiceUnavailable as error:
        yield _flagged(policy, error.zh, error.en, code=error.code)


def _unreadable(ports: MonthPorts, policy: CityPolicy) -> Iterator[UnitOutcome]:
    for note in ports.read_bank_files() if ports.read_bank_files is not None else ():
        if note.error is not None:
            yield _flagged(
                policy,
                f"银行文件 {note.name} 未采用：{note.error.zh}",
                f"the bank's file {note.name} is not used: {note.error.en}",
                code=note.error.code,
            )


def _missing(policy: CityPolicy, caught: CatchUp) -> Iterator[UnitOutcome]:
    by_account: dict[str, list[tuple[date, FundpoolError]]] = {}
    for account_no, day, error in caught.missing:
        by_account.setdefault(account_no, []).append((day, error))
    for account_no, days in by_account.items():
        first, error = days[0]
        yield UnitOutcome(
            policy.division_code,
            UnitState.WAITING if error.code == "statement_not_arrived" else UnitState.FAILED,
            f"账户 {account_no} 缺 {len(days)} 天对账单（{first} 起）：{error.zh}",
            detail_en=f"account {account_no} lacks {counted(len(days), 'day')} of statements from {first}: {error.en}",
            error_code=error.code,
            remedy=error.remedy,
        )


def _breaks(policy: CityPolicy, caught: CatchUp, receipts: ReceiptReport) -> Iterator[UnitOutcome]:
    found = caught.breaks_new + receipts.breaks_new
    if found:
        yield _flagged(
            policy,
            f"对账新发现 {found} 处差异，见 fundpool transfers breaks",
            f"matching found {found} new breaks: fundpool transfers breaks",
        )


def _flagged(policy: CityPolicy, zh: str, en: str, *, code: str | None = None) -> UnitOutcome:
    return UnitOutcome(policy.division_code, UnitState.FLAGGED, zh, detail_en=en, error_code=code)


def _form(policy: CityPolicy, form: BankReconciliation) -> UnitOutcome:
    if form.is_balanced:
        zh = f"账户 {form.account_no} 银行存款余额调节相符，未达账项 {len(form.items)} 笔"
        en = f"account {form.account_no} is reconciled, {len(form.items)} open items"
    elif form.difference_fen is None:
        zh, en = (
            f"账户 {form.account_no} 银行余额未取得，调节表未完成",
            f"account {form.account_no}: the bank's balance is not known, the form is open",
        )
    else:
        zh = f"账户 {form.account_no} 调节后仍差 {format_yuan(form.difference_fen)} 元"
        en = f"account {form.account_no} is off by {format_yuan(form.difference_fen)} yuan after reconciling"
    return UnitOutcome(
        policy.division_code,
        UnitState.DONE if form.is_balanced else UnitState.FLAGGED,
        zh,
        detail_en=en,
        fund=form.fund,
        amount_fen=form.difference_fen or None,
    )
