"""Books put back from a backup: sending is off until the bank was asked about all that may be lost.

``quarantine`` opens a recovery for each fund, in the transaction that stops it; ``recover`` imports the
statements since the backup and asks about every key that an order may have had. The recovery is over
only when everything was answered, or when final statements and two people stand in for the answers;
until then nobody can start the fund again (see ``kill_switches``).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.domain.people import SYSTEM, person, require_other_person
from fundpool.domain.periods import SHANGHAI, day_of, days_between
from fundpool.domain.transfer import (
    LEAVES_ROOM,
    OPEN_QUESTIONS,
    AccountStatus,
    AttemptState,
    BankAccount,
    Event,
    GatewayTerms,
    Obligation,
    ObligationState,
    final_days,
)
from fundpool.services.payments import kill_switches
from fundpool.services.payments.attempts import Evidence, apply_event, doubt_end
from fundpool.services.payments.line_matching import apply_lines
from fundpool.services.payments.orders import (
    is_latest,
    possible_orders,
    require_statements,
    suspect_after_restore,
    tried,
)
from fundpool.services.payments.resolving import (
    StatementReport,
    apply_answer,
    import_days,
    lost_attempt,
    resolve_one,
)
from fundpool.services.payments.sending import Clock, gateway_of, running_clock
from fundpool.services.ports.failpoints import failpoint
from fundpool.services.ports.gateway import Gateway, GatewayAnswer, GatewayAnswerKind
from fundpool.services.ports.money_ports import Recovery
from fundpool.services.ports.work import Ports, Work
from schemas.payment_messages import TransferOrder

_SUSPECT_AFTER_RESTORE: dict[AttemptState, Event | None] = {
    AttemptState.PREPARED: Event.SUSPECT,
    AttemptState.SENDING: Event.LEASE_OVER,
    AttemptState.UNKNOWN: None,
    AttemptState.ACCEPTED: None,
}
"""What a restore makes of an order that was not over in the backup."""

_MAY_HAVE_BEEN_SENT = (
    ObligationState.SUBMITTED,
    ObligationState.APPROVED,
    ObligationState.RELEASED,
    ObligationState.IN_FLIGHT,
    ObligationState.FAILED,
    ObligationState.RETRY_APPROVED,
    ObligationState.HELD,
)
"""Of these an order, or another order, can have been sent after the backup."""


def quarantine(work: Work, *, now: datetime, terms: GatewayTerms) -> int:
    """Books restored from a backup: nothing is sent, and every prepared order becomes a question.

    A restored PREPARED may have been sent after the backup was taken. No order in question is ever
    sent again under its key: it may have ended in the lost days, and a later attempt, also lost, may
    be under way. Returns how many funds were stopped; two people start each again after ``recover``
    was answered in full.
    """
    last_known_at = min(work.audit.last_at() or now, now)
    funds = {(each.city, each.fund) for each in work.accounts.find()}
    for city, fund in sorted(funds):
        _open(work, city, fund, since=day_of(last_known_at), now=now)
    for attempt in work.attempts.in_states(_SUSPECT_AFTER_RESTORE):
        event = _SUSPECT_AFTER_RESTORE[attempt.state]
        evidence = Evidence("restore")
        suspect = (
            apply_event(work, attempt, event, evidence=evidence, now=now, terms=terms) if event else attempt
        )
        sent_at = attempt.first_sent_at or attempt.prepared_at
        work.attempts.change(suspect, first_sent_at=sent_at, last_sent_at=now, resend_until=now)
    return len(funds)


def _open(work: Work, city: str, fund: str, *, since: date, now: datetime) -> None:
    """Stop the fund and open its recovery; one that the backup holds as open reaches further back."""
    kill_switches.stop_fund(
        work, city, fund, reason="由备份恢复 / restored from a backup", by=SYSTEM, now=now
    )
    kill_switches.forget_request(work, city, fund)
    before = work.switches.recovery(city, fund)
    if before is not None and before.finished_at is None:
        since = min(since, before.since)
    work.switches.put_recovery(Recovery(city, fund, opened_at=now, since=since))
    work.audit.append(
        at=now,
        actor=SYSTEM,
        action="open_recovery",
        subject=f"fund:{city}/{fund}",
        after={"since": since.isoformat()},
    )


# ---------------------------------------------------------------------------------- asking the bank


def recover(
    ports: Ports, first_day: date | None, now: datetime, *, clock: Clock | None = None
) -> tuple[StatementReport, ...]:
    """After ``quarantine``: import every statement since the backup and ask about every key.

    Asks about each key that an obligation may have used since: the restored books may have lost an
    order that the bank has. ``first_day`` may reach further back than the last day the books know.
    Returns one report per paying account. What was answered stays; run it again for the rest.
    Raises ServiceUnavailable ``recovery_unfinished`` while an answer or a statement is missing, and
    ``gateway_unauthorised`` at the first answer that refuses our signature.
    """
    gateway = gateway_of(ports)
    clock = clock or running_clock(now)
    opened = ports.database.transaction(lambda work: _opened(work, first_day))
    reports, not_arrived = _import_statements(ports, opened, clock)
    answered = _ask_about_keys(ports, gateway, opened, clock=clock)
    for attempt in ports.database.read(lambda work: work.attempts.in_states(OPEN_QUESTIONS)):
        resolve_one(ports, gateway, attempt, clock=clock)
    ended = ports.database.transaction(
        lambda work: [
            _close(work, each, answered, not_arrived=not_arrived, now=clock(), terms=ports.gateway_terms)
            for each in opened
        ]
    )
    unfinished = [each for each in ended if each.finished_at is None]
    if unfinished:
        raise _unfinished(unfinished, clock(), ports.gateway_terms)
    return reports


def _opened(work: Work, first_day: date | None) -> list[Recovery]:
    """The recoveries that are open, each reaching back to ``first_day`` at least."""
    opened = [each for each in work.switches.recoveries() if each.finished_at is None]
    for number, each in enumerate(opened):
        if first_day is not None and first_day < each.since:
            opened[number] = replace(each, since=first_day)
            work.switches.put_recovery(opened[number])
    return opened


def _import_statements(
    ports: Ports, opened: Iterable[Recovery], clock: Clock
) -> tuple[tuple[StatementReport, ...], frozenset[tuple[str, date]]]:
    """Fetch what is not final yet; returns also (account, day) of statements that the bank has not made yet."""
    reports: list[StatementReport] = []
    not_arrived: set[tuple[str, date]] = set()
    for recovery in opened:
        for account_no, days in ports.database.read(
            partial(_days_to_fetch, recovery=recovery, now=clock(), terms=ports.gateway_terms)
        ):
            counts, missing = import_days(ports, account_no, days, clock=clock)
            reports.append(StatementReport(1, *counts))
            not_arrived |= {
                (account_no, day) for day, error in missing if error.code == "statement_not_arrived"
            }
            if missing and missing[-1][1].code == "gateway_unauthorised":
                raise missing[-1][1]
            if missing and missing[-1][1].code != "statement_not_arrived":
                return tuple(reports), frozenset(not_arrived)  # the next account would meet it too
    return tuple(reports), frozenset(not_arrived)


def _days_to_fetch(
    work: Work, *, recovery: Recovery, now: datetime, terms: GatewayTerms
) -> list[tuple[str, list[date]]]:
    """Days since the backup whose statement is not final yet, of each paying account."""
    finals = {
        account_no: final_days(work.statements.imports(account_no), terms)
        for account_no in _paying_accounts(work, recovery)
    }
    return [
        (account_no, [day for day in days_between(recovery.since, day_of(now)) if day not in final])
        for account_no, final in finals.items()
    ]


def _paying_accounts(work: Work, recovery: Recovery) -> list[str]:
    """Numbers of the fund's accounts that payments may have left from since the backup.

    The fiscal account is one even when no payment of the restored books leaves from it yet.
    """
    used = work.payments.paying_accounts(recovery.city)
    found = work.accounts.find(recovery.city, recovery.fund)
    return sorted({each.account_no for each in found if each.id in used or _pays_first(each)})


def _pays_first(account: BankAccount) -> bool:
    is_fiscal = account.account_type is AccountType.FISCAL_ACCOUNT
    return is_fiscal and account.status is AccountStatus.APPROVED


def _ask_about_keys(
    ports: Ports, gateway: Gateway, opened: Iterable[Recovery], *, clock: Clock
) -> frozenset[str]:
    """Ask the bank about every key that may be under way; returns those whose answer leaves nothing open."""
    answered: set[str] = set()
    for recovery in opened:
        quiet_from = recovery.opened_at + ports.gateway_terms.quiet_after_restore
        waiting = ports.database.read(partial(_possible_orders, recovery=recovery))
        for obligation_id, order in waiting:
            asked_at = clock()
            failpoint("before query")
            answer = gateway.query(order, now=clock())
            failpoint("after query")
            if answer.unreachable:
                return frozenset(answered)
            if answer.trouble is not None:
                raise answer.trouble
            if answer.kind is GatewayAnswerKind.NOT_FOUND:
                # Sooner, an order sent before the restore may still be on its way to the bank.
                if asked_at >= quiet_from:
                    answered.add(order.key)
            elif answer.kind is not GatewayAnswerKind.UNKNOWN and _adopt_in_transaction(
                ports, obligation_id, order, answer=answer, clock=clock
            ):
                answered.add(order.key)
    return frozenset(answered)


def _possible_orders(work: Work, recovery: Recovery) -> list[tuple[int, TransferOrder]]:
    """Obligation and order of every key that was perhaps used after the backup.

    Also of the orders that were over in the backup: books restored in between, which did not know of
    them, may have used the same key once more.
    """
    unpaid = work.payments.obligations(city=recovery.city, fund=recovery.fund, states=_MAY_HAVE_BEEN_SENT)
    waiting = [each for each in unpaid if is_latest(work, each)]
    return [over for each in waiting for over in _orders_over(work, each)] + [
        (each.id, order) for each in waiting for order in possible_orders(work, each)
    ]


def _orders_over(work: Work, obligation: Obligation) -> list[tuple[int, TransferOrder]]:
    """The orders that are over, under any revision of what is owed, each with its own obligation."""
    over = [each for each in tried(work, obligation) if each.state in LEAVES_ROOM]
    return [(each.obligation_id, TransferOrder.from_body(each.request)) for each in over]


def _adopt_in_transaction(
    ports: Ports, obligation_id: int, order: TransferOrder, *, answer: GatewayAnswer, clock: Clock
) -> bool:
    return ports.database.transaction(
        lambda work: _adopt(work, obligation_id, order, answer=answer, now=clock(), terms=ports.gateway_terms)
    )


def _adopt(
    work: Work,
    obligation_id: int,
    order: TransferOrder,
    *,
    answer: GatewayAnswer,
    now: datetime,
    terms: GatewayTerms,
) -> bool:
    """Take up an order that the bank has, and that the restored books had lost or held as over.

    Returns whether that answers for the key: the books held the order as over, and now follow the bank.
    """
    attempt = work.attempts.by_key(order.key) or lost_attempt(work, order.key, now, terms=terms)
    if attempt is None or attempt.obligation_id != obligation_id:
        return False
    is_over = attempt.state in LEAVES_ROOM
    if is_over and answer.kind is not GatewayAnswerKind.CLOSED:
        attempt = doubt_end(work, attempt, now)
    if attempt.state is AttemptState.PREPARED:
        attempt = apply_lines(work, attempt, now, terms=terms)
    if attempt.state is AttemptState.PREPARED:
        attempt = suspect_after_restore(work, attempt, now, terms=terms)
    apply_answer(work, attempt.key, answer, now=now, terms=terms)
    return is_over


# ---------------------------------------------------------------------------------- being finished


def _close(
    work: Work,
    opened: Recovery,
    answered: frozenset[str],
    *,
    not_arrived: frozenset[tuple[str, date]],
    now: datetime,
    terms: GatewayTerms,
) -> Recovery:
    """Write down what is still missing; the recovery is finished when nothing is."""
    current = work.switches.recovery(opened.city, opened.fund)
    if current is None or current.opened_at != opened.opened_at or current.finished_at is not None:
        return current or opened  # restored once more meanwhile: nothing that was asked before counts
    keys = [order.key for _, order in _possible_orders(work, current) if order.key not in answered]
    days = [
        f"{account_no} {day}"
        for account_no in _paying_accounts(work, current)
        for day in _days_missing(work, current, account_no, not_arrived=not_arrived, now=now, terms=terms)
    ]
    is_finished = not keys and not days
    closed = replace(
        current,
        keys_open=len(keys),
        days_open=len(days),
        first_open=next(iter(keys + days), None),
        finished_at=now if is_finished else None,
    )
    work.switches.put_recovery(closed)
    if is_finished:
        _audit_finish(work, closed, SYSTEM, reason="the bank answered in full", now=now)
    return closed


def _days_missing(
    work: Work,
    recovery: Recovery,
    account_no: str,
    *,
    not_arrived: frozenset[tuple[str, date]],
    now: datetime,
    terms: GatewayTerms,
) -> list[date]:
    """Days since the backup whose statement is neither final nor, where it may grow, as new as can be."""
    imports = work.statements.imports(account_no)
    final = final_days(imports, terms)
    could_be_final = final_days(dict.fromkeys(days_between(recovery.since, day_of(now)), now), terms)
    quiet_from = recovery.opened_at + terms.quiet_after_restore
    return [
        day
        for day in days_between(recovery.since, day_of(now))
        if day in could_be_final - final
        or (
            day not in could_be_final
            and (account_no, day) not in not_arrived
            and (day not in imports or imports[day] < quiet_from)
        )
    ]


def _audit_finish(work: Work, recovery: Recovery, by: str, *, reason: str, now: datetime) -> None:
    work.audit.append(
        at=now,
        actor=by,
        action="finish_recovery",
        subject=f"fund:{recovery.city}/{recovery.fund}",
        after={"opened_at": recovery.opened_at.isoformat(), "since": recovery.since.isoformat()},
        reason=reason,
    )


def _unfinished(unfinished: list[Recovery], now: datetime, terms: GatewayTerms) -> ServiceUnavailable:
    first = unfinished[0]
    zh, en = kill_switches.what_is_missing(first)
    quiet_from = max(each.opened_at for each in unfinished) + terms.quiet_after_restore
    if now < quiet_from:
        moment = quiet_from.astimezone(SHANGHAI)
        zh += f"；{moment:%m-%d %H:%M} 以前银行的“查无”不算数，恢复前发出的支付可能仍在途"
        en += (
            f'; before {moment:%m-%d %H:%M} the bank\'s "not found" does not count, because an order '
            "sent before the restore may still be on its way"
        )
    return ServiceUnavailable(
        "recovery_unfinished",
        f"{len(unfinished)} 个险种的恢复核对未完成，{first.city}/{first.fund}：{zh}",
        f"the recovery of {len(unfinished)} funds is not finished; {first.city}/{first.fund}: {en}",
        remedy="各基金保持停付，稍后再次运行同一命令 / keep the funds stopped and run the same command again later",
    )


def confirm_by_statements(
    work: Work, city: str, fund: str, *, by: str, reason: str, now: datetime, terms: GatewayTerms
) -> Recovery:
    """Finish a recovery that the bank does not answer: statements stand in for it, two people sign.

    The statements must cover every day on which an order sent before the restore can have been
    executed: what they do not show was never paid. The first call records the first person.
    Raises RuleViolation ``recovery_not_open``, ``statements_missing`` or ``same_person``.
    """
    by = person(by)
    current = work.switches.recovery(city, fund)
    if current is None or current.finished_at is not None:
        raise RuleViolation(
            "recovery_not_open",
            f"{city}/{fund} 没有未完成的恢复核对",
            f"{city}/{fund} has no recovery that is not finished",
        )
    last = current.opened_at + terms.quiet_after_restore + terms.key_retention
    for account_no in _paying_accounts(work, current):
        require_statements(work, account_no, current.since, last=last, terms=terms)
    if current.confirmed_by is None:
        signed = replace(current, confirmed_by=by)
        work.audit.append(
            at=now, actor=by, action="confirm_recovery", subject=f"fund:{city}/{fund}", reason=reason
        )
    else:
        require_other_person(
            by, current.confirmed_by, act_zh="恢复核对的确认", act_en="confirming a recovery"
        )
        signed = replace(current, second_by=by, finished_at=now)
        _audit_finish(work, signed, by, reason=reason, now=now)
    work.switches.put_recovery(signed)
    return signed
