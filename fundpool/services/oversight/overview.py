"""What the pages show of the money: batches with their consequences, balances, standing alarms.

Reads only; the rules are those of ``payments`` and ``books``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from fundpool.domain.chart_of_accounts import CASH, AccountType
from fundpool.domain.ledger import AccountBalance as Balance
from fundpool.domain.ledger import trial_balance
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import AccountStatus, Batch, ObligationState
from fundpool.services.books.booking import balances
from fundpool.services.oversight.progress import TURN_OF_CASE, MonthFacts
from fundpool.services.oversight.step_progress import is_current
from fundpool.services.payments.batches import batch_consequences
from fundpool.services.ports.money_ports import Break
from fundpool.services.ports.work import Work
from schemas.dashboard import AccountBalance, FundBooks, FundMoney, StandingAlarm, TransferBatch


def fund_books(
    work: Work, city: str, funds: Sequence[str], *, as_of: datetime, event_until: datetime | None = None
) -> list[FundBooks]:
    """Bank accounts and trial balance of each fund that has books, as the books stood at ``as_of``.

    ``event_until``: with what happened until then alone.
    """
    held = balances(work, city, event_until=event_until, recorded_until=as_of)
    register = {
        (account.fund, account.account_type, account.unit): account
        for account in work.accounts.find(city=city, status=AccountStatus.APPROVED)
    }
    books = []
    for fund in funds:
        own = [balance for balance in held if balance.ref.fund == fund]
        if not own:
            continue
        accounts = []
        for balance in sorted(own, key=_along_the_path):
            if balance.ref.type not in CASH:
                continue
            entry = register.get((fund, balance.ref.type, balance.ref.unit))
            accounts.append(
                AccountBalance(
                    account_type=balance.ref.type.value,
                    unit=balance.ref.unit,
                    number=entry.account_no if entry else None,
                    name=entry.account_name if entry else None,
                    balance_fen=balance.posted_fen,
                    reserved_fen=balance.reserved_fen,
                )
            )
        debit_fen, credit_fen = trial_balance(own)[city, fund]
        books.append(
            FundBooks(fund=fund, accounts=tuple(accounts), debit_fen=debit_fen, credit_fen=credit_fen)
        )
    return books


def _along_the_path(balance: Balance) -> tuple[int, str]:
    """Accounts as money passes them: treasury first, county accounts last."""
    return list(AccountType).index(balance.ref.type), balance.ref.unit


def fund_money(policy: CityPolicy, facts: MonthFacts) -> list[FundMoney]:
    """Each fund's money from request to payment, for the funds that counties have planned with.

    A plan that went back to its county asks for nothing until it comes again. A stage that nothing has
    reached yet is None. ``paid_fen`` is what arrived at the accounts that spend it: a first leg to the
    city's account is on its way, not paid.
    """
    cases = [
        case
        for case in facts.cases
        if case.document is DocumentKind.PLAN and case.state is not CaseState.RETURNED
    ]
    onward = {hop.from_account for hop in policy.payment_path}
    settled = [each for each in facts.obligations if each.paid_fen and each.hop.to_type.value not in onward]
    money = []
    for fund in [fund.key for fund in policy.funds]:
        own = [case for case in cases if case.fund == fund]
        if not own:
            continue
        lines = [line for each in facts.applications if each.fund == fund for line in each.lines]
        money.append(
            FundMoney(
                fund=fund,
                requested_fen=_total(case.requested_fen for case in own),
                approved_fen=_total(case.approved_fen for case in own),
                reviewed_fen=_total(line.reviewed_fen for line in lines),
                paid_fen=_total(each.paid_fen for each in settled if each.fund == fund),
            )
        )
    return money


def _total(amounts: Iterable[int | None]) -> int | None:
    """Sum of the known amounts; None when there is none."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def open_reviews(facts: MonthFacts) -> dict[str, int]:
    """How many cases wait for each party of the review; a case on a version that a newer one replaced waits for none."""
    waiting = Counter(
        TURN_OF_CASE[case.state]
        for case in facts.cases
        if case.state in TURN_OF_CASE and case.state is not CaseState.RETURNED and is_current(facts, case)
    )
    return dict(waiting)


def month_batches(work: Work, policy: CityPolicy, facts: MonthFacts) -> list[TransferBatch]:
    """The month's batches with what each does: how many, how much, change from the month before."""
    shown = []
    for batch in facts.batches:
        view = batch_consequences(work, batch.id)
        known_before = any(payee.last_month_fen is not None for payee in view.payees)
        shown.append(
            TransferBatch.of(
                batch,
                number=batch.id,
                duty=policy.duty_of_hop.get((batch.hop.from_type, batch.hop.to_type)),
                state=_batch_state(facts, batch),
                # No payment last month is "unknown", not a payment of 0.
                last_month_fen=view.last_month_total_fen if known_before else None,
                prepared_by=batch.maker,
                approved_by=batch.checker,
                released_by=batch.releaser,
            )
        )
    return shown


def _batch_state(facts: MonthFacts, batch: Batch) -> str:
    """The batch's state, or ``settled`` once every payment of it has arrived."""
    states = {each.state for each in facts.obligations if each.batch_id == batch.id}
    return ObligationState.SETTLED.value if states == {ObligationState.SETTLED} else batch.state.value


def standing_alarms(work: Work, city: str, known_until: datetime | None = None) -> list[StandingAlarm]:
    """Funds whose sending is stopped, and differences with the bank that nobody has settled yet.

    ``known_until``: as both stood at that moment.
    """
    stopped = [
        StandingAlarm(kind="stopped", fund=fund, since=since, message_zh=reason, message_en=reason)
        for fund, since, reason in stopped_funds(work, city, known_until)
    ]
    breaks = [
        StandingAlarm(
            kind="break",
            fund=each.fund,
            since=each.found_at,
            message_zh=each.detail_zh,
            message_en=each.detail_en,
        )
        for each in work.breaks.find(city, only_open=known_until is None)
        if known_until is None or _stood(each, known_until)
    ]
    return stopped + breaks


def stopped_funds(work: Work, city: str, known_until: datetime | None) -> Iterator[tuple[str, datetime, str]]:
    """Each fund whose sending is stopped (was, at that moment), since when and the reason given."""
    for switch in work.switches.kill_switches():
        if switch.city != city:
            continue
        if known_until is None:
            if switch.is_stopped:
                yield switch.fund, switch.at, switch.reason
            continue
        # A switch keeps its last state only; the audit trail has every earlier one.
        turned = [
            record
            for record in work.audit.records(f"fund:{city}/{switch.fund}")
            if record.action in {"stop_fund", "confirm_restart"} and record.at <= known_until
        ]
        if turned and turned[-1].action == "stop_fund":
            yield switch.fund, turned[-1].at, turned[-1].reason or ""


def _stood(found: Break, moment: datetime) -> bool:
    return found.found_at <= moment and (found.resolved_at is None or found.resolved_at > moment)
