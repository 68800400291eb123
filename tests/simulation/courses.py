"""Courses of events, one for each broken variant, that catch it for certain.

The schedules find most variants by chance (see docs/reliability.md); a course needs no luck.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, time, timedelta

from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import GatewayTerms, ObligationState
from fundpool.sandbox_bank.bank_book import Course
from fundpool.sandbox_bank.faults import Call
from fundpool.services.payments import kill_switches, orders, payment_decisions, recovery, resolving
from fundpool.services.ports import failpoints
from fundpool.services.ports.work import Transactions, Work
from tests.simulation.bank import LenientBook
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import CHECKER, CITY, COUNTIES, FUND, RELEASER, Scene, account_no

NO_FENCE = GatewayTerms(can_close=False)


class Killed(BaseException):
    """The worker is killed here."""


def one_county(terms: GatewayTerms = GatewayTerms(), books: Transactions | None = None) -> Scene:  # noqa: B008 - frozen
    """One county, its payment released, at a bank that does not look at the validity of an order."""
    made = Scene(books or MemoryTransactions(), terms=terms, counties=COUNTIES[:1], book=LenientBook)
    made.release()
    return made


def people_retry(it: Scene) -> None:
    """Two people allow another attempt wherever the books say that the last one definitely failed."""

    def act(work: Work) -> None:
        for person in (CHECKER, RELEASER):
            for each in work.payments.obligations(states=[ObligationState.FAILED]):
                payment_decisions.approve_retry(work, each.id, by=person, reason="重付", now=it.clock())

    it.ports.database.transaction(act)


def carry_on(it: Scene, rounds: int = 4) -> None:
    """Send, query, fetch statements and decide as people do, until nothing changes any more."""
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
        resolving.import_statements(
            it.ports, CITY, day + timedelta(days=number), now=it.clock(), clock=it.clock
        )
    carry_on(it)


def paused_between_claim_and_call(it: Scene) -> None:
    """A worker pauses between claim and call until statements have closed its key and a new key was paid."""
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
                    it.ports, CITY, start + timedelta(days=number), now=it.clock(), clock=it.clock
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
        lambda work: recovery.quarantine(work, now=it.clock(), terms=it.ports.gateway_terms)
    )
    it.clock.advance(minutes=15)
    recover(it, first_day)
    with suppress(RuleViolation):
        now = it.clock()
        transactions.transaction(
            lambda work: kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=now)
        )
        transactions.transaction(
            lambda work: kill_switches.confirm_restart(work, CITY, FUND, by=RELEASER, now=now)
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


def executed_between_retry_and_sending(it: Scene) -> None:
    """The refusal is taken back after people have allowed a retry, before anybody asks again."""
    it.plan.add("reject_then_success")
    it.send()
    people_retry(it)
    it.clock.advance(days=2)
    it.book.advance(it.clock())
    it.send()
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
    key = it.ports.database.read(lambda work: work.attempts.of_obligation(1))[0].key
    resolving.receive_callback(
        it.ports, gateway="main", event_id="e1", key=key, raw=b"succeeded", now=it.clock(), clock=it.clock
    )


def rejected_once(it: Scene) -> None:
    it.plan.add("reject")
    it.send()


# ---------------------------------------------------------------------------------- more courses


@contextmanager
def once(point: str, then: Callable[[], None]) -> Iterator[None]:
    """The first worker that reaches ``point`` stands still while ``then`` happens."""
    reached: list[str] = []

    def hook(name: str) -> None:
        if name == point and not reached:
            reached.append(name)
            then()

    failpoints.install(hook)
    try:
        yield
    finally:
        failpoints.install(None)


def statements(it: Scene, first: date, days: int) -> None:
    """Fetch the statements of so many days, each when it is final."""
    for number in range(days):
        day = first + timedelta(days=number)
        it.clock.now = max(it.clock.now, datetime.combine(day, time(), SHANGHAI) + timedelta(days=2))
        resolving.import_statements(it.ports, CITY, day, now=it.clock(), clock=it.clock)


def confirm_absence(it: Scene, attempt_id: int = 1) -> None:
    """Two people sign that an order was never executed, where they may."""
    for person in (CHECKER, RELEASER):
        with suppress(RuleViolation):
            it.ports.database.transaction(
                lambda work, by=person: resolving.confirm_absence(  # type: ignore[misc]
                    work, attempt_id, by=by, now=it.clock(), terms=it.ports.gateway_terms
                )
            )


def restore(it: Scene, backup: object, wait_minutes: int = 15) -> None:
    """Put an old copy of the books back, and wait for what is still on its way."""
    transactions = it.ports.database
    assert isinstance(transactions, MemoryTransactions)
    transactions.state = backup  # type: ignore[assignment]
    transactions.transaction(
        lambda work: recovery.quarantine(work, now=it.clock(), terms=it.ports.gateway_terms)
    )
    it.clock.advance(minutes=wait_minutes)


def recover(it: Scene, first_day: date) -> None:
    """Ask the bank about everything, as far as it answers."""
    with suppress(ServiceUnavailable):
        recovery.recover(it.ports, first_day, it.clock(), clock=it.clock)


def restart(it: Scene) -> None:
    """Two people resolve the breaks and start the fund again."""

    def act(work: Work) -> None:
        for each in work.breaks.find(CITY):
            resolving.resolve_break(work, each.id, by=CHECKER, resolution="查清", now=it.clock())
        kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=it.clock())
        kill_switches.confirm_restart(work, CITY, FUND, by=RELEASER, now=it.clock())

    with suppress(RuleViolation):
        it.ports.database.transaction(act)


def snapshot(it: Scene) -> object:
    """A backup of the books."""
    assert isinstance(it.ports.database, MemoryTransactions)
    return it.ports.database.snapshot()


def answered_for_another(it: Scene) -> None:
    it.plan.add("others_answer")
    it.send()


def zombie_with_an_old_refusal(it: Scene) -> None:
    it.plan.add("refused_at_the_counter")

    def meanwhile() -> None:
        it.clock.advance(minutes=5)
        it.resolve()
        it.clock.advance(minutes=15)
        it.resolve()
        it.plan.add("silence_after")
        it.send("w2")

    with once("after submit", meanwhile):
        it.send()
    people_retry(it)
    it.send()
    carry_on(it)


def sent_again_while_being_accepted(it: Scene) -> None:
    it.plan.add("accepted_blindly", seconds=300)
    it.send()
    it.clock.advance(minutes=1)
    it.send()
    carry_on(it)


def not_found_while_being_accepted(it: Scene) -> None:
    it.plan.add("accepted_blindly", seconds=500)
    it.send()
    it.clock.advance(minutes=3)
    it.resolve()
    it.send()
    carry_on(it)


def fenced_after_the_bank_forgot(it: Scene) -> None:
    it.plan.add("silence_after")
    it.send()
    it.clock.advance(days=8)
    carry_on(it)


def statement_of_the_morning(it: Scene) -> None:
    first_day = it.clock().date()
    resolving.import_statements(it.ports, CITY, first_day, now=it.clock(), clock=it.clock)
    _paid_after_the_statement(it)
    _absence_after_ten_days(it, first_day)


def statement_recorded_by_a_sleeper(it: Scene) -> None:
    first_day = it.clock().date()

    def meanwhile() -> None:
        _paid_after_the_statement(it)
        it.clock.advance(days=9)

    with once("after statement", meanwhile):
        resolving.import_statements(it.ports, CITY, first_day, now=it.clock(), clock=it.clock)
    _absence_after_ten_days(it, first_day)


def _paid_after_the_statement(it: Scene) -> None:
    it.clock.advance(hours=1)
    it.plan.add("silence_after")
    it.send()


def _absence_after_ten_days(it: Scene, first_day: date) -> None:
    it.clock.now = datetime.combine(first_day, time(12), SHANGHAI) + timedelta(days=9)
    it.resolve()
    it.clock.advance(hours=1)
    it.resolve()
    statements(it, first_day + timedelta(days=1), 9)
    confirm_absence(it)
    people_retry(it)
    it.send()


def absent_by_two_names_alone(it: Scene) -> None:
    it.plan.add("silence_after")
    it.send()
    it.clock.advance(days=8)
    it.resolve()
    confirm_absence(it)
    people_retry(it)
    it.send()


def two_attempts_lost_by_a_restore(it: Scene) -> None:
    it.plan.add("reject")
    backup, first_day = snapshot(it), it.clock().date()
    it.send()
    people_retry(it)
    it.send()
    it.clock.advance(days=30)
    restore(it, backup)
    recover(it, first_day)
    restart(it)
    it.send()


def seven_attempts_lost_by_a_restore(it: Scene) -> None:
    _refused_without_a_trace_and_restored(it, times=6)


def more_attempts_than_a_restore_looks_for(it: Scene) -> None:
    _refused_without_a_trace_and_restored(it, times=orders.ATTEMPTS_AT_MOST)


def _refused_without_a_trace_and_restored(it: Scene, times: int) -> None:
    """The backup knows no attempt; the bank refused each but the last, and kept no key of those."""
    it.plan.add("refused_at_the_counter", times=times)
    backup, first_day = snapshot(it), it.clock().date()
    it.send()
    for _ in range(times):
        people_retry(it)
        it.send()
    it.clock.advance(days=30)
    restore(it, backup)
    recover(it, first_day)
    restart(it)
    it.send()


def window_over_between_decision_and_send(it: Scene) -> None:
    first_day = it.clock().date()
    it.plan.add("silence_after")
    it.plan.add("not_found", call=Call.QUERY)
    it.send()
    it.clock.advance(minutes=11)
    it.resolve()
    it.clock.advance(days=8)
    it.send()
    statements(it, first_day, 3)


def sender_started_after_a_restore(it: Scene) -> None:
    backup, first_day = snapshot(it), it.clock().date()
    it.send()
    it.clock.advance(days=30)
    restore(it, backup)
    it.send()
    recover(it, first_day)


def lost_order_recognised_after_its_money_came_back(it: Scene) -> None:
    """A statement was read while an older attempt was still in question; the lost one is found later."""

    def die() -> None:
        raise Killed

    with suppress(Killed), once("after commit", die):
        it.send()
    backup, first_day = snapshot(it), it.clock().date()
    it.clock.advance(days=6)
    it.send()
    it.plan.add("success_then_returned")
    it.send()
    it.clock.advance(days=2)
    it.book.advance(it.clock())
    it.clock.advance(days=28)
    restore(it, backup)
    recover(it, first_day)
    restart(it)
    it.clock.advance(hours=1)
    it.resolve()
    statements(it, first_day, 50)
    confirm_absence(it)
    people_retry(it)
    it.send()


def refused_order_restored_beside_its_paid_successor(it: Scene) -> None:
    """The bank kept no trace of the refused key; the books no trace of the one that was paid."""
    first_day = it.clock().date()
    it.plan.add("silence_before")
    it.send()
    backup = snapshot(it)
    it.clock.advance(minutes=11)
    it.resolve()
    it.plan.add("refused_at_the_counter")
    it.send()
    for _ in range(2):
        people_retry(it)
    it.send()
    it.clock.advance(minutes=10)
    restore(it, backup)
    recover(it, first_day)
    restart(it)
    it.clock.advance(minutes=20)
    it.resolve()
    it.send()
    it.clock.advance(days=6)
    _look_again(it)
    it.send()
    it.resolve()
    statements(it, first_day, 20)
    confirm_absence(it)
    people_retry(it)
    it.send()
    recover(it, first_day)
    restart(it)
    it.send()


def _look_again(it: Scene) -> None:
    def act(work: Work) -> None:
        for each in work.payments.obligations(states=[ObligationState.HELD]):
            payment_decisions.look_again(work, each.id, by=CHECKER, reason="查过", now=it.clock())

    it.ports.database.transaction(act)


def bank_silent_after_a_restore(it: Scene) -> None:
    """A lost order is under way, the bank says nothing about it, and people want to go on."""
    first_day = _second_order_under_way_and_restored(it, snapshot(it))
    it.plan.add("silence_before", call=Call.QUERY, times=orders.ATTEMPTS_AT_MOST)
    _people_go_on(it, first_day)


def queried_at_once_after_a_restore(it: Scene) -> None:
    """The lost order has not arrived at the bank yet when the bank is asked, so it answers \"not found\"."""
    backup, first_day = snapshot(it), it.clock().date()
    it.plan.add("refused_at_the_counter")
    it.plan.add("arrives_later", seconds=500)
    it.send()
    people_retry(it)
    it.send()
    it.clock.advance(minutes=1)
    restore(it, backup, wait_minutes=0)
    _people_go_on(it, first_day)


def held_while_the_backup_was_made(it: Scene) -> None:
    by_people(it, payment_decisions.hold_obligation)
    backup = snapshot(it)
    by_people(it, payment_decisions.look_again)
    first_day = _second_order_under_way_and_restored(it, backup)
    recover(it, first_day)
    restart(it)
    by_people(it, payment_decisions.look_again)
    it.send()
    it.clock.advance(days=3)
    carry_on(it)


def zombie_comes_back_to_restored_books(it: Scene) -> None:
    """The zombie returns with a refusal from before the restore; its key has been used for a new attempt since."""
    backup, first_day = snapshot(it), it.clock().date()
    it.plan.add("refused_at_the_counter")

    def meanwhile() -> None:
        restore(it, backup)
        recover(it, first_day)
        restart(it)
        it.plan.add("silence_after")
        it.send("w2")

    with once("after submit", meanwhile):
        it.send()
    carry_on(it)


def ordered_anew_after_a_restore(it: Scene) -> None:
    """The backup is older than the order itself, which people make once more."""
    empty = Scene(MemoryTransactions(), counties=COUNTIES[:1])
    first_day = _second_order_under_way_and_restored(it, snapshot(empty))
    recover(it, first_day)
    restart(it)
    it.release()
    it.send()
    it.clock.advance(days=4)
    statements(it, first_day, 4)
    restart(it)
    by_people(it, payment_decisions.look_again)
    it.send()


def ordered_anew_when_the_bank_has_forgotten(it: Scene) -> None:
    """A week after the backup the bank remembers what was sent until the restore, but not what was sent first."""
    empty = snapshot(Scene(MemoryTransactions(), counties=COUNTIES[:1]))
    first_day = it.clock().date()
    it.send()
    it.clock.advance(hours=20)
    it.plan.add("statement_late", call=Call.STATEMENT)
    restore(it, empty)
    recover(it, first_day)
    restart(it)
    it.clock.now = datetime.combine(first_day, time(12), SHANGHAI) + timedelta(days=7)
    it.release()
    it.send()
    statements(it, first_day, 7)
    it.send()


def refused_in_the_backup_and_under_way(it: Scene) -> None:
    """Books older than the refusal, put back in between, sent the same order once more."""
    _refused_order_under_way(it, days_until_sent_again=1)
    it.clock.advance(days=3)
    carry_on(it)


def signed_absent_for_days_long_past(it: Scene) -> None:
    """The key was sent again after the restore; statements of the days of its first attempt prove nothing about that."""
    first_day = _refused_order_under_way(it, days_until_sent_again=9)
    statements(it, first_day, 8)
    confirm_absence(it)
    it.send()
    it.clock.advance(days=3)
    it.resolve()


def _refused_order_under_way(it: Scene, days_until_sent_again: int) -> date:
    before, first_day = snapshot(it), it.clock().date()
    it.plan.add("refused_at_the_counter")
    it.send()
    refused = snapshot(it)
    it.clock.advance(days=days_until_sent_again)
    restore(it, before)
    recover(it, first_day)
    restart(it)
    it.plan.add("processing", seconds=3 * 86_400)
    it.send()
    it.clock.advance(hours=1)
    restore(it, refused)
    recover(it, first_day)
    restart(it)
    people_retry(it)
    it.send()
    return first_day


def _second_order_under_way_and_restored(it: Scene, backup: object) -> date:
    first_day = it.clock().date()
    it.plan.add("refused_at_the_counter")
    it.plan.add("processing", seconds=2 * 86_400)
    it.send()
    people_retry(it)
    it.send()
    it.clock.advance(minutes=1)
    restore(it, backup)
    return first_day


def _people_go_on(it: Scene, first_day: date) -> None:
    recover(it, first_day)
    restart(it)
    it.send()
    it.clock.advance(days=3)
    recover(it, first_day)
    carry_on(it)


def by_people(it: Scene, act: Callable[..., object]) -> None:
    """Hold, look again at or withdraw what may be."""
    with suppress(RuleViolation):
        it.ports.database.transaction(lambda work: act(work, 1, by=CHECKER, reason="查", now=it.clock()))


def money_comes_back(it: Scene) -> None:
    it.plan.add("success_then_returned")
    it.send()
    it.clock.advance(days=2)
    it.resolve()


# ---------------------------------------------------------------------------------- ordered again


def _withdraw_and_order_again(it: Scene) -> None:
    by_people(it, payment_decisions.cancel)
    it.ports.database.transaction(lambda work: it.order_again(work, 1))


def _send_and_restore(it: Scene, backup: object) -> None:
    """The books are restored to before a payment of a few minutes ago, and work goes on."""
    first_day = it.clock().date()
    it.send()
    it.clock.advance(minutes=5)
    restore(it, backup)
    recover(it, first_day)
    restart(it)
    carry_on(it)


def refused_withdrawn_ordered_again_and_restored(it: Scene) -> None:
    """The backup knows the refusal only: what was paid after it has a revision of its own."""
    it.plan.add("reject")
    it.send()
    backup = snapshot(it)
    _withdraw_and_order_again(it)
    _send_and_restore(it, backup)


def refused_withdrawn_ordered_again_then_executed(it: Scene) -> None:
    it.plan.add("reject_then_success", seconds=7200)
    it.send()
    _withdraw_and_order_again(it)
    it.send()
    it.clock.advance(days=2)
    it.book.advance(it.clock())
    carry_on(it)


def paid_under_its_second_revision_and_restored(it: Scene) -> None:
    """The backup has both revisions; the order of the second is on the statement only."""
    it.plan.add("reject")
    it.send()
    _withdraw_and_order_again(it)
    backup = snapshot(it)
    _send_and_restore(it, backup)


def returned_ordered_again_and_executed_once_more(it: Scene) -> None:
    """The bank executes the key that came back a second time; people look no further than the break."""
    money_comes_back(it)
    day = it.clock().date()
    for number in range(3):
        resolving.import_statements(
            it.ports, CITY, day - timedelta(days=number), now=it.clock(), clock=it.clock
        )
    it.ports.database.transaction(lambda work: it.order_again(work, 1))
    (transfer,) = it.book.transfers.values()
    it.book._execute(transfer, it.clock(), Course())
    resolving.import_statements(it.ports, CITY, day, now=it.clock(), clock=it.clock)
    restart(it)
    carry_on(it)


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
    "any_echo_believed": (answered_for_another, GatewayTerms()),
    "no_fence_before_another_key": (rejected_retried_then_executed, GatewayTerms()),
    "zombie_believed": (zombie_with_an_old_refusal, NO_FENCE),
    "unclear_is_sent_again_at_once": (sent_again_while_being_accepted, GatewayTerms()),
    "reserve_never_lifted": (rejected_once, GatewayTerms()),
    "fence_always_believed": (fenced_after_the_bank_forgot, GatewayTerms()),
    "todays_statement_is_final": (statement_of_the_morning, NO_FENCE),
    "statement_dated_when_recorded": (statement_recorded_by_a_sleeper, NO_FENCE),
    "absence_without_statements": (absent_by_two_names_alone, NO_FENCE),
    "only_the_next_key_after_restore": (two_attempts_lost_by_a_restore, GatewayTerms()),
    "five_keys_after_restore": (seven_attempts_lost_by_a_restore, NO_FENCE),
    "attempts_without_end": (more_attempts_than_a_restore_looks_for, NO_FENCE),
    "window_checked_only_when_deciding": (window_over_between_decision_and_send, GatewayTerms()),
    "not_found_sent_again_at_once": (not_found_while_being_accepted, GatewayTerms()),
    "kill_switch_ignored": (sender_started_after_a_restore, GatewayTerms()),
    "return_of_a_lost_order_forgotten": (lost_order_recognised_after_its_money_came_back, GatewayTerms()),
    "restored_order_sent_again": (refused_order_restored_beside_its_paid_successor, NO_FENCE),
    "restart_before_recovery_is_finished": (bank_silent_after_a_restore, NO_FENCE),
    "not_found_believed_at_once_after_restore": (queried_at_once_after_a_restore, NO_FENCE),
    "held_orders_not_queried_after_restore": (held_while_the_backup_was_made, NO_FENCE),
    "claim_known_by_its_number_alone": (zombie_comes_back_to_restored_books, NO_FENCE),
    "ordered_anew_without_asking": (ordered_anew_after_a_restore, NO_FENCE),
    "ended_orders_not_queried_after_restore": (refused_in_the_backup_and_under_way, NO_FENCE),
    "proof_of_an_earlier_life_kept": (signed_absent_for_days_long_past, GatewayTerms()),
    "return_ignored": (money_comes_back, GatewayTerms()),
    "revisions_have_keys_of_their_own": (refused_withdrawn_ordered_again_and_restored, GatewayTerms()),
    "earlier_revision_not_fenced": (refused_withdrawn_ordered_again_then_executed, GatewayTerms()),
    "lost_order_given_to_an_earlier_revision": (
        paid_under_its_second_revision_and_restored,
        GatewayTerms(),
    ),
    "forgotten_because_it_was_not_found": (
        ordered_anew_when_the_bank_has_forgotten,
        GatewayTerms(),
    ),
    "refusal_not_queried_again": (executed_between_retry_and_sending, NO_FENCE),
    "earlier_revision_not_looked_at": (returned_ordered_again_and_executed_once_more, GatewayTerms()),
}
"""Which course catches which variant, and at what kind of bank."""
