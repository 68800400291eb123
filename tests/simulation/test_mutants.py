"""Each broken variant beside the product on the one course of events that tells them apart.

The schedules catch most of these by chance (see ``MUTANTS`` and docs/reliability.md); here each is
caught for certain, so that a guard taken out of the product turns a named test red.
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest

from fundpool.adapters.gateways.faults import Call
from fundpool.domain.errors import RuleViolation
from fundpool.domain.transfer import GatewayTerms, ObligationState
from fundpool.services import books, failpoints, payments, resolving
from tests.simulation.bank import LenientBook
from tests.simulation.memory import MemoryTransactions
from tests.simulation.mutants import MUTANTS
from tests.simulation.scene import (
    CHECKER,
    CITY,
    COUNTIES,
    FISCAL,
    FUND,
    RELEASER,
    Scene,
    account_no,
)

NO_FENCE = GatewayTerms(can_close=False)


class Killed(BaseException):
    """The worker is killed here."""


def scene(terms: GatewayTerms = GatewayTerms()) -> Scene:  # noqa: B008 - frozen
    made = Scene(MemoryTransactions(), terms=terms, counties=COUNTIES[:1], book=LenientBook)
    made.release()
    return made


def people_retry(it: Scene) -> None:
    """Two people allow another attempt wherever the books say that the last one definitely failed."""

    def act(work) -> None:  # type: ignore[no-untyped-def]
        for person in (CHECKER, RELEASER):
            for each in work.transfers.obligations(states=[ObligationState.FAILED]):
                payments.approve_retry(work, each.id, by=person, reason="重付", now=it.clock())

    it.ports.database.transaction(act)


def carry_on(it: Scene, rounds: int = 4) -> None:
    """Everybody does their work until nothing moves any more."""
    for _ in range(rounds):
        it.clock.advance(hours=2)
        it.resolve()
        people_retry(it)
        it.send()


def ordinary(it: Scene) -> None:
    it.send()
    carry_on(it)


def answer_lost(it: Scene) -> None:
    it.plan.add("silence_after")
    ordinary(it)


def server_error(it: Scene) -> None:
    it.plan.add("500_after")
    ordinary(it)


def worker_killed_after_the_call(it: Scene) -> None:
    def die(name: str) -> None:
        if name == "after submit":
            raise Killed

    failpoints.install(die)
    with suppress(Killed):
        it.send()
    failpoints.install(None)
    carry_on(it)


def worker_killed_before_the_last_commit(it: Scene) -> None:
    def die(name: str) -> None:
        if name == "before commit" and it.book.executions:
            raise Killed

    failpoints.install(die)
    with suppress(Killed):
        it.send()
    failpoints.install(None)
    carry_on(it)


def accepted_but_not_found(it: Scene) -> None:
    it.plan.add("silence_after")
    it.plan.add("not_found", call=Call.QUERY)
    ordinary(it)


def forgotten_by_the_bank(it: Scene) -> None:
    it.plan.add("silence_after")
    it.send()
    it.clock.advance(days=8)
    it.resolve()
    it.send()
    day = it.clock().date() - timedelta(days=8)
    for number in range(9):
        resolving.import_statements(it.ports, CITY, day + timedelta(days=number), it.clock(), clock=it.clock)
    carry_on(it)


def paused_between_claim_and_call(it: Scene) -> None:
    """The zombie sleeps until its key was closed by statements and a new one was paid."""
    slept = []

    def sleep(name: str) -> None:
        if name == "before submit" and not slept:
            slept.append(name)
            start = it.clock().date()
            it.clock.advance(days=15)
            it.resolve()
            it.clock.advance(minutes=5)
            it.resolve()
            for number in range(13):
                resolving.import_statements(
                    it.ports, CITY, start + timedelta(days=number), it.clock(), clock=it.clock
                )
            for person in (CHECKER, RELEASER):
                with suppress(RuleViolation):
                    it.ports.database.transaction(
                        lambda work, by=person: resolving.confirm_absence(
                            work, 1, by=by, now=it.clock(), terms=it.ports.gateway_terms
                        )
                    )
            people_retry(it)
            it.send()

    failpoints.install(sleep)
    it.send()
    failpoints.install(None)
    carry_on(it)


def restored_after_the_bank_forgot(it: Scene) -> None:
    transactions = it.ports.database
    assert isinstance(transactions, MemoryTransactions)
    backup, first_day = transactions.snapshot(), it.clock().date()
    it.send()
    it.clock.advance(days=30)
    transactions.state = backup
    transactions.transaction(
        lambda work: resolving.quarantine(work, now=it.clock(), terms=it.ports.gateway_terms)
    )
    resolving.recover(it.ports, first_day, it.clock(), clock=it.clock)
    with suppress(RuleViolation):
        now = it.clock()
        transactions.transaction(lambda work: payments.request_restart(work, CITY, FUND, by=CHECKER, now=now))
        transactions.transaction(
            lambda work: payments.confirm_restart(work, CITY, FUND, by=RELEASER, now=now)
        )
    carry_on(it)


def rejected_then_executed(it: Scene) -> None:
    it.plan.add("reject_then_success")
    it.send()
    it.clock.advance(days=2)
    it.resolve()


def rejected_retried_then_executed(it: Scene) -> None:
    it.plan.add("reject_then_success")
    it.send()
    people_retry(it)
    it.send()
    it.clock.advance(days=2)
    it.book.advance(it.clock())
    carry_on(it)


def processing_then_refused_by_the_bank(it: Scene) -> None:
    it.plan.add("processing", seconds=3600)
    it.send()
    it.book.accounts[account_no("fiscal_account", "331000")].balance_fen = 0
    it.clock.advance(hours=2)
    it.resolve()


def a_callback_that_lies(it: Scene) -> None:
    it.plan.add("processing", seconds=30 * 86_400)
    it.send()
    key = it.ports.database.read(lambda work: work.transfers.attempts(1))[0].key
    resolving.receive_callback(
        it.ports, gateway="main", event_id="e1", key=key, raw=b"succeeded", now=it.clock(), clock=it.clock
    )


def rejected_once(it: Scene) -> None:
    it.plan.add("reject")
    it.send()


COURSES: dict[str, tuple[Callable[[Scene], None], GatewayTerms]] = {
    "timeout_is_failure": (answer_lost, NO_FENCE),
    "server_error_is_failure": (server_error, NO_FENCE),
    "crash_is_failure": (worker_killed_after_the_call, NO_FENCE),
    "not_found_is_failure": (accepted_but_not_found, NO_FENCE),
    "new_key_when_unclear": (answer_lost, NO_FENCE),
    "random_keys": (restored_after_the_bank_forgot, NO_FENCE),
    "resend_after_retention": (forgotten_by_the_bank, NO_FENCE),
    "key_saved_after_the_call": (worker_killed_before_the_last_commit, NO_FENCE),
    "no_deadline_before_the_call": (paused_between_claim_and_call, NO_FENCE),
    "no_check_after_restore": (restored_after_the_bank_forgot, NO_FENCE),
    "callback_believed": (a_callback_that_lies, GatewayTerms()),
    "late_success_ignored": (rejected_then_executed, GatewayTerms()),
    "processing_is_success": (processing_then_refused_by_the_bank, GatewayTerms()),
    "no_fence_before_another_key": (rejected_retried_then_executed, GatewayTerms()),
    "reserve_never_lifted": (rejected_once, GatewayTerms()),
}


def broken_promises(it: Scene) -> list[str]:
    """What the end of a course says against the books."""
    fiscal = it.ports.database.read(lambda work: books.balance(work, FISCAL))
    state = it.states()[0]
    found = []
    if len(it.book.executions) > 1:
        found.append("paid twice")
    if state == "settled" and not it.book.executions:
        found.append("booked, not paid")
    if state not in {"settled", "held"} and it.book.executions:
        found.append("paid, not booked")
    if fiscal.reserved_fen and state in {"settled", "failed"}:
        found.append("still reserved")
    return found


@pytest.mark.parametrize("mutant", COURSES)
def test_the_course_of_events_tells_the_product_from_the_broken_variant(mutant: str) -> None:
    course, terms = COURSES[mutant]
    ends = []
    for variant in (nullcontext, MUTANTS[mutant]):
        it = scene(terms)
        with variant():
            course(it)
        ends.append(broken_promises(it))
    assert ends[0] == []
    assert ends[1] != []


def test_every_mutant_is_caught_here_or_is_known_to_be_harmless_alone() -> None:
    # With an idempotent bank the other layers make these redundant; unit tests pin them.
    harmless_alone = {"any_echo_believed", "zombie_believed", "unclear_is_sent_again_at_once"}
    assert set(MUTANTS) == set(COURSES) | harmless_alone
