"""Orders that a restore had lost and the books take up again: never dated or ended beyond the evidence."""

from datetime import datetime, time, timedelta

import pytest

from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import AttemptState, GatewayTerms
from fundpool.services.books import booking
from fundpool.services.payments import resolving, sending
from fundpool.services.ports.gateway import GatewayAnswer, GatewayAnswerKind
from tests.simulation.courses import Killed, once, people_retry, restart, restore, statements
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import CHECKER, CITY, COUNTIES, FISCAL, NOW, Scene, account_no
from tests.simulation.test_restore import ask, quarantine


@pytest.fixture
def transactions() -> MemoryTransactions:
    return MemoryTransactions()


def killed() -> None:
    raise Killed


@pytest.mark.parametrize("is_taken_up_unseen", [False, True])
def test_a_statement_line_recorded_before_its_order_was_recognised_settles_it(
    transactions: MemoryTransactions, monkeypatch: pytest.MonkeyPatch, is_taken_up_unseen: bool
) -> None:
    """Found by a schedule: two people confirmed the absence of an order whose line was stored, and it was paid again."""
    scene = Scene(transactions, counties=COUNTIES[:1], terms=GatewayTerms(can_close=False))
    empty = transactions.snapshot()
    scene.release()
    scene.send()
    key = scene.book.executions[0].key
    transactions.state = empty
    quarantine(scene)
    ask(scene)
    scene.release()
    terms = scene.ports.gateway_terms
    with monkeypatch.context() as patched:
        if is_taken_up_unseen:
            patched.setattr(sending, "apply_lines", lambda work, attempt, now, terms: attempt)
        transactions.transaction(lambda work: sending._take_up(work, 1, key, now=scene.clock(), terms=terms))
    if is_taken_up_unseen:
        scene.book.forget(key)
        scene.clock.advance(days=20)
        scene.resolve()
        statements(scene, NOW.date(), 18)
        transactions.transaction(
            lambda work: resolving.confirm_absence(work, 1, by=CHECKER, now=scene.clock(), terms=terms)
        )
    assert scene.states() == ["settled"]


@pytest.mark.parametrize("is_payers_statement_in", [True, False])
def test_a_credit_on_the_payees_statement_is_no_return_and_is_not_sent_again(
    transactions: MemoryTransactions, is_payers_statement_in: bool
) -> None:
    """The account between two hops is payee and payer: its statement shows the first hop's payment as a credit."""
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.release()
    backup = transactions.snapshot()
    scene.send()
    transactions.state = backup
    payer, payee = account_no("fiscal_account", "331000"), account_no("county_expenditure", COUNTIES[0])
    scene.clock.advance(days=2)
    for number in (payer, payee) if is_payers_statement_in else (payee,):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(resolving, "lost_attempt", lambda work, key, now, terms: None)
            resolving.import_days(scene.ports, number, [NOW.date()], clock=scene.clock)
    restart(scene)
    scene.send()
    if not is_payers_statement_in:
        assert scene.states() == ["in_flight"]
        scene.clock.advance(hours=1)
        scene.resolve()
    assert (scene.states(), len(scene.book.executions)) == (["settled"], 1)


def test_a_fence_does_not_end_a_lost_order_that_the_bank_may_have_forgotten(
    transactions: MemoryTransactions,
) -> None:
    """The order may be as old as the backup, not only as old as its recognition: the bank may have dropped its key."""
    scene = Scene(transactions, counties=COUNTIES[:1])
    empty = transactions.snapshot()
    scene.release()
    scene.plan.add("processing", seconds=3600)
    scene.send()
    key = next(iter(scene.book.transfers))
    transactions.state = empty
    scene.clock.advance(days=6)
    quarantine(scene)
    scene.release()
    terms = scene.ports.gateway_terms
    transactions.transaction(lambda work: sending._take_up(work, 1, key, now=scene.clock(), terms=terms))
    (attempt,) = transactions.read(lambda work: work.attempts.of_obligation(1))
    assert attempt.first_sent_at == datetime.combine(NOW.date(), time(), SHANGHAI)
    scene.book.forget(key)
    scene.clock.advance(days=2)
    for _ in range(3):
        scene.resolve()
        scene.clock.advance(hours=1)
    (attempt,) = transactions.read(lambda work: work.attempts.of_obligation(1))
    assert attempt.state is AttemptState.CLOSING


def test_a_fence_answered_after_a_restore_proves_nothing_about_an_order_that_the_restored_books_hold_open(
    transactions: MemoryTransactions,
) -> None:
    """Found by a schedule: an open order counted as fenced, and nobody could sign its absence."""
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.release()
    scene.plan.add("reject")
    backups: list[object] = []
    with once("after submit", lambda: backups.append(transactions.snapshot())):
        scene.send()
    people_retry(scene)
    with once("after close", lambda: restore(scene, backups[0])):
        scene.send()
    (attempt,) = transactions.read(lambda work: work.attempts.of_obligation(1))
    assert (attempt.state, attempt.fenced_at) == (AttemptState.UNKNOWN, None)


def test_a_lapsed_order_that_the_bank_still_processes_is_fenced_before_another_key_is_used(
    transactions: MemoryTransactions,
) -> None:
    """These books never sent the order, so no retry needs approval; the next key must wait for the fence all the same."""
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.release()
    with pytest.raises(Killed), once("after commit", killed):
        scene.send()
    scene.clock.advance(days=6)
    scene.send()
    (attempt,) = transactions.read(lambda work: work.attempts.of_obligation(1))
    assert (attempt.state, attempt.first_sent_at, scene.states()) == (AttemptState.CLOSED, None, ["released"])
    answer, terms = GatewayAnswer(GatewayAnswerKind.PROCESSING), scene.ports.gateway_terms
    transactions.transaction(
        lambda work: resolving.apply_answer(work, attempt.key, answer, now=scene.clock(), terms=terms)
    )
    scene.send()
    assert scene.states() == ["settled"]
    assert scene.book.close(attempt.key, scene.clock()).status == 200


def test_a_return_recorded_before_its_order_was_recognised_is_booked_with_it(
    transactions: MemoryTransactions,
) -> None:
    """Found by a schedule: the day of the return was read before the day of the payment."""
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.release()
    backup = transactions.snapshot()
    scene.plan.add("success_then_returned", seconds=2 * 86_400)
    scene.send()
    scene.clock.advance(days=5)
    scene.resolve()
    transactions.state = backup
    for days in (2, 0):
        resolving.import_statements(
            scene.ports, CITY, NOW.date() + timedelta(days=days), now=scene.clock(), clock=scene.clock
        )
    assert scene.states() == ["returned"]
    fiscal = transactions.read(lambda work: booking.balance(work, FISCAL))
    assert fiscal.posted_fen == scene.book.accounts[account_no("fiscal_account", "331000")].balance_fen
