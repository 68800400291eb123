"""Matching statement lines with orders: one function for debits and credits, one list of what must agree.

A line carries the key of an order. Which account it stands on and its direction say what it is to the
order (``LineRole``); ``disagreements`` says what about it is not as ordered. A line that disagrees books
nothing and stops the fund until people have looked. The lines that agree are then read together: the
debit settles the order, and what came back afterwards is booked by its amount, the whole or a part.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from fundpool.domain.money import format_yuan
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import SHANGHAI, day_of
from fundpool.domain.transfer import EXECUTED, Attempt, AttemptState, Event, GatewayTerms, ObligationState
from fundpool.services.books import booking
from fundpool.services.payments.attempts import (
    Evidence,
    apply_event,
    date_return,
    hold,
    latest_not_booked,
    recovered_posting,
    suspense_posting,
)
from fundpool.services.payments.breaks import report_break
from fundpool.services.ports.work import Work
from schemas.payment_messages import Direction, StatementLine, TransferOrder


class LineRole(StrEnum):
    """What a line with an order's key is to the order, by its account and direction."""

    EXECUTION = "execution"
    """Money left the account that the order pays from."""
    RETURN = "return"
    """Money came back to the account that the order pays from."""
    ARRIVAL = "arrival"
    """Money reached the payee's account, where we have its statement too."""
    RETURN_LEFT = "return_left"
    """Money left the payee's account again, on its way back."""
    ELSEWHERE = "elsewhere"
    """The line stands on an account that the order does not name."""


def role_of(order: TransferOrder, line: StatementLine) -> LineRole:
    """What the line is to the order."""
    is_debit = line.direction is Direction.DEBIT
    if line.account == order.debit_account:
        return LineRole.EXECUTION if is_debit else LineRole.RETURN
    if line.account == order.credit_account:
        return LineRole.RETURN_LEFT if is_debit else LineRole.ARRIVAL
    return LineRole.ELSEWHERE


def disagreements(order: TransferOrder, line: StatementLine) -> tuple[str, ...]:
    """The kinds of break that the line is, by itself; () when it agrees with the order.

    What must agree: the account with one of the order's two; an execution's and an arrival's amount with
    the order's; an execution's payee, by account and by name, where the bank gives them; a return is at
    most the order's amount. The currency was read with the statement: another one is not read at all.
    """
    role = role_of(order, line)
    if role is LineRole.ELSEWHERE:
        return ("other_account",)
    if role is LineRole.EXECUTION:
        found = ("amount_differs",) if line.amount_fen != order.amount_fen else ()
        return (*found, "other_payee") if _names_another_payee(order, line) else found
    if role is LineRole.ARRIVAL:
        return ("arrival_differs",) if line.amount_fen != order.amount_fen else ()
    kind = "return_exceeds_payment" if role is LineRole.RETURN else "arrival_differs"
    return (kind,) if line.amount_fen > order.amount_fen else ()


_NUMBER = re.compile(r"[0-9*][0-9*-]{6,}[0-9]")
"""What a bank prints as an account number in a text, some with digits masked."""


_BETWEEN = "/-:,;()"


def _names_another_payee(order: TransferOrder, line: StatementLine) -> bool:
    text = _plain(line.counterparty)
    payee_no = _plain(order.credit_account)
    account = _plain(line.counterparty_account)
    if account and not re.fullmatch(re.escape(account).replace(r"\*", "."), payee_no):
        return True
    if not text or text == payee_no:
        return False
    numbers = _NUMBER.findall(text)
    name = text
    for number in numbers:
        if not re.fullmatch(number.replace("*", "."), payee_no):
            return True
        name = name.replace(number, "")
    # What stood between name and number is no part of either.
    return bool(name.strip(_BETWEEN)) and name.strip(_BETWEEN) != _plain(order.credit_name[:200]).strip(
        _BETWEEN
    )


def _plain(text: str | None) -> str:
    """Without white space, and with full-width letters, digits and brackets as plain ones."""
    return "".join(unicodedata.normalize("NFKC", text or "").split()).upper()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the statements say of an order: the lines that count, oldest first, by what they are."""

    executions: tuple[StatementLine, ...]
    returns: tuple[StatementLine, ...]
    differing: tuple[tuple[StatementLine, str], ...]
    """Lines that do not agree, each with the kind of break it is."""

    @property
    def returned_fen(self) -> int:
        """What came back, as far as it does not exceed anything."""
        return sum(line.amount_fen for line in self.returns)


def standing_of(order: TransferOrder, lines: Iterable[StatementLine]) -> Standing:
    """What the lines with the order's key say together.

    Returns are added up in their order in time; the one that would make them more than was paid differs,
    and so does one that is earlier than the payment: nothing can come back before it went out.
    """
    executions: list[StatementLine] = []
    returns: list[StatementLine] = []
    differing: list[tuple[StatementLine, str]] = []
    for line in sorted(lines, key=lambda each: (each.executed_at, each.bank_serial)):
        kinds = disagreements(order, line)
        role = role_of(order, line)
        differing += [(line, kind) for kind in kinds]
        # Paid to another payee it is paid all the same: the money has left the account.
        if set(kinds) - {"other_payee"}:
            continue
        if role is LineRole.EXECUTION:
            executions.append(line)
        elif role is LineRole.RETURN:
            returns.append(line)
    left_fen = order.amount_fen * max(len(executions), 1)
    kept = []
    for line in returns:
        if executions and _is_before(line.executed_at, executions[0].executed_at):
            differing.append((line, "return_without_payment"))
            continue
        if line.amount_fen > left_fen:
            is_whole_again = line.amount_fen == order.amount_fen and left_fen == 0
            differing.append((line, "returned_twice" if is_whole_again else "return_exceeds_payment"))
            continue
        left_fen -= line.amount_fen
        kept.append(line)
    return Standing(tuple(executions), tuple(kept), tuple(differing))


def _is_before(moment: datetime, other: datetime) -> bool:
    """Whether a line is certainly the earlier one; a bank that prints days alone gives midnight."""
    first, second = moment.astimezone(SHANGHAI), other.astimezone(SHANGHAI)
    if time() in {first.time(), second.time()}:
        return first.date() < second.date()
    return first < second


def apply_lines(work: Work, attempt: Attempt, now: datetime, *, terms: GatewayTerms) -> Attempt:
    """Apply every kept line of the order to the books; doing it again changes nothing.

    Restored books may have kept lines before they knew their order, and a statement may list what
    came back before what was paid: so all lines of the key are read together, not the new one alone.
    """
    order = TransferOrder.from_body(attempt.request)
    standing = standing_of(order, work.statements.lines_of_key(attempt.key))
    for line, kind in standing.differing:
        report_line(work, line, kind, now=now)
    if not standing.executions:
        if _is_proved_elsewhere(work, attempt, order):
            return _apply_returns(work, attempt, standing, now=now, terms=terms)
        for line in standing.returns:
            report_line(work, line, "return_without_payment", now=now)
        return attempt
    paid = next(
        (line for line in standing.executions if line.bank_serial == attempt.bank_serial),
        standing.executions[0],
    )
    evidence = Evidence("statement", bank_serial=paid.bank_serial, executed_at=paid.executed_at)
    if attempt.state is AttemptState.SENDING:
        attempt = apply_event(work, attempt, Event.LEASE_OVER, evidence=evidence, now=now, terms=terms)
    attempt = apply_event(work, attempt, Event.SUCCEEDED, evidence=evidence, now=now, terms=terms)
    more = [line for line in standing.executions if line is not paid]
    if more:
        _executed_more_than_once(work, attempt, more, returns=standing.returns, now=now)
        return attempt
    return _apply_returns(work, attempt, standing, now=now, terms=terms)


def _is_proved_elsewhere(work: Work, attempt: Attempt, order: TransferOrder) -> bool:
    """Whether the bank's exact answer proves the debit, while the statement that must have it is not in yet."""
    if attempt.state not in EXECUTED or attempt.executed_at is None:
        return False
    day = day_of(attempt.executed_at)
    return day not in work.statements.imports(order.debit_account)


def _executed_more_than_once(
    work: Work,
    attempt: Attempt,
    more: Sequence[StatementLine],
    *,
    returns: Sequence[StatementLine],
    now: datetime,
) -> None:
    """Each execution beyond the first goes to suspense; what comes back takes it out again."""
    obligation = work.payments.obligation(attempt.obligation_id)
    for line in more:
        key = _second_key(line)
        entry = suspense_posting(obligation, key, line.executed_at)
        booking.post(work, [entry], by=SYSTEM, now=now, evidence=f"statement:{line.bank_serial}")
        report_line(work, line, "executed_twice", now=now)
    if obligation.state is not ObligationState.HELD:
        hold(work, obligation, reason="executed_twice", by=SYSTEM, now=now)
    back = [line for line in returns if line.amount_fen == attempt.amount_fen]
    if attempt.returned_fen or len(back) != len(returns) or len(back) > len(more):
        for line in returns:
            report_line(work, line, "return_differs", now=now)
        return
    for line, execution in zip(back, more, strict=False):
        entry = recovered_posting(obligation, _second_key(execution), line.executed_at)
        booking.post(work, [entry], by=SYSTEM, now=now, evidence=f"statement:{line.bank_serial}")


def _second_key(line: StatementLine) -> str:
    return f"anomaly/{line.account}/{line.bank_serial}"


def _apply_returns(
    work: Work, attempt: Attempt, standing: Standing, *, now: datetime, terms: GatewayTerms
) -> Attempt:
    """Book what came back and is not booked yet; what the bank's answer said is corrected by its statement."""
    back_fen = standing.returned_fen
    if back_fen == 0:
        return attempt
    last = latest_not_booked(work, attempt, standing.returns)
    evidence = Evidence(
        "statement", "returned", last.bank_serial, executed_at=last.executed_at, returned_fen=back_fen
    )
    if back_fen == attempt.returned_fen:
        date_return(work, attempt, evidence, now=now)
        return attempt
    is_whole = back_fen == attempt.amount_fen
    if attempt.state is AttemptState.ANOMALY and not is_whole:
        report_line(work, last, "return_differs", now=now)
        return attempt
    if back_fen < attempt.returned_fen:
        # The bank answered "returned"; its statement, which has the amount, shows a part of it only.
        report_line(work, last, "return_differs", now=now)
    event = Event.RETURNED if is_whole else Event.PARTLY_RETURNED
    after = apply_event(work, attempt, event, evidence=evidence, now=now, terms=terms)
    if after.state is AttemptState.PARTLY_RETURNED:
        _partly_returned(work, after, now)
    return after


def _partly_returned(work: Work, attempt: Attempt, now: datetime) -> None:
    obligation = work.payments.obligation(attempt.obligation_id)
    back, rest = format_yuan(attempt.returned_fen), format_yuan(attempt.amount_fen - attempt.returned_fen)
    report_break(
        work,
        obligation,
        kind="partly_returned",
        reference=f"{attempt.key}/{attempt.returned_fen}",
        zh=f"{obligation.key} 退回 {back} 元，尚有 {rest} 元在收款方：已按退回额记账，其余仍作已拨付",
        en=f"{back} yuan of {obligation.key} came back and are booked; {rest} yuan are still with the payee",
        stops_fund=False,
        now=now,
    )


_WORDS = {
    "bank_not_us": ("银行已付而我方无此支付", "the bank paid what we never ordered"),
    "other_account": (
        "此支付编号的流水不在指令所列账户",
        "a line of our key on an account the order does not name",
    ),
    "amount_differs": ("银行付款金额与支付不符", "the bank paid another amount"),
    "other_payee": ("银行所列收款方与指令不符", "the bank names another payee than ordered"),
    "arrival_differs": (
        "收款账户到账金额与支付不符",
        "another amount than ordered reached the payee's account",
    ),
    "executed_twice": ("同一支付编号银行执行了两次", "the bank executed one key twice"),
    "returned_twice": ("同一支付编号退票两次", "the bank returned one key twice"),
    "return_exceeds_payment": ("退回金额超过所付金额", "more came back than was paid"),
    "return_without_payment": (
        "有退回而对账单上没有付出",
        "money came back whose payment is on no statement",
    ),
    "return_differs": (
        "退回金额与银行答复或账上不符",
        "what came back is not what the bank answered or the books have",
    ),
    "statement_line_altered": ("银行改动了已出的对账单行", "the bank altered a statement line"),
    "statement_line_repeated": (
        "对账单上同一流水号出现不止一次",
        "a statement has more than one line of this serial",
    ),
}


def report_line(work: Work, line: StatementLine, kind: str, *, now: datetime) -> None:
    """Enter a line that does not agree into the register of breaks, once, and stop the fund."""
    account = next(iter(work.accounts.find(account_no=line.account)), None)
    zh, en = _WORDS[kind]
    amount = format_yuan(line.amount_fen)
    payee_zh = f" 对方 {line.counterparty}" if kind == "other_payee" else ""
    payee_en = f", counterparty {line.counterparty}" if kind == "other_payee" else ""
    report_break(
        work,
        account,
        kind=kind,
        reference=f"{line.account}/{line.bank_serial}",
        zh=f"{zh}：账户 {line.account} 流水 {line.bank_serial} 金额 {amount} 元{payee_zh}",
        en=f"{en}: account {line.account}, serial {line.bank_serial}, {amount} yuan{payee_en}",
        stops_fund=True,
        now=now,
    )
