"""Books put back from a backup: what was sent since is found at the bank, never sent again."""

import pytest

from fundpool.adapters.gateways.faults import Call
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.transfer import final_days
from fundpool.services import books, failpoints, payments, recovery, resolving
from tests.simulation.courses import lost_order_recognised_after_its_money_came_back, one_county
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import CHECKER, CITY, FISCAL, FUND, RELEASER, Scene, account_no


@pytest.fixture
def transactions() -> MemoryTransactions:
    return MemoryTransactions()


def restart(scene: Scene) -> None:
    now = scene.clock()
    act = scene.ports.database.transaction
    act(lambda work: payments.request_restart(work, CITY, FUND, by=CHECKER, now=now))
    act(lambda work: payments.confirm_restart(work, CITY, FUND, by=RELEASER, now=now))


def quarantine(scene: Scene) -> None:
    """Stop everything, and wait until nothing sent before can still be on its way."""
    scene.ports.database.transaction(
        lambda work: recovery.quarantine(work, now=scene.clock(), terms=scene.ports.gateway_terms)
    )
    scene.clock.advance(minutes=15)


def test_orders_sent_after_the_backup_are_settled_from_the_statement(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    transactions.state = backup
    scene.clock.advance(days=30)
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    restart(scene)
    scene.send()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_a_recovery_whose_questions_were_not_answered_says_so_and_finishes_when_asked_again(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.plan.add("processing", times=3, seconds=2 * 86_400)
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    transactions.state = backup
    scene.clock.advance(hours=1)
    quarantine(scene)
    scene.plan.add("silence_before", call=Call.QUERY, times=1)
    with pytest.raises(ServiceUnavailable, match="recovery"):
        recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    assert "in_flight" in scene.states(), "what was answered is taken up"
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    assert scene.states() == ["in_flight"] * 3
    restart(scene)
    scene.send()
    scene.clock.advance(days=3)
    scene.resolve()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_orders_the_bank_still_works_on_are_taken_up_and_not_sent_again(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.plan.add("processing", times=3, seconds=2 * 86_400)
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    transactions.state = backup
    scene.clock.advance(hours=1)
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    restart(scene)
    scene.send()
    assert scene.states() == ["in_flight"] * 3
    scene.clock.advance(days=3)
    scene.resolve()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_a_second_attempt_that_the_backup_knows_nothing_of_is_recognised(
    transactions: MemoryTransactions,
) -> None:
    """Found by a schedule: only the next key was looked for, and the county was paid again."""
    scene = Scene(transactions)
    scene.plan.add("reject")
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    failed = transactions.state.obligations[1]
    transactions.transaction(
        lambda work: payments.approve_retry(work, failed.id, by=CHECKER, reason="重付", now=scene.clock())
    )
    scene.send()
    assert len(scene.book.executions) == 3
    transactions.state = backup
    scene.clock.advance(days=30)
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    restart(scene)
    scene.send()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_a_batch_restored_to_before_its_approval_still_learns_that_it_was_paid(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    transactions.transaction(
        lambda work: payments.order_transfers(work, scene.orders(), "经办甲", scene.clock())
    )
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.release()
    scene.send()
    transactions.state = backup
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    assert scene.states() == ["settled"] * 3


def test_a_worker_that_sleeps_after_fetching_a_statement_does_not_make_it_final(
    transactions: MemoryTransactions,
) -> None:
    """Found by a schedule: the statement was fetched before the payment and recorded days later."""
    scene = Scene(transactions)
    scene.release()
    day = scene.clock().date()

    def sleep(name: str) -> None:
        if name == "after statement":
            scene.clock.advance(days=9)

    failpoints.install(sleep)
    try:
        resolving.import_statements(scene.ports, CITY, day, scene.clock(), clock=scene.clock)
    finally:
        failpoints.install(None)
    imports = transactions.read(
        lambda work: work.transfers.statement_imports(account_no("fiscal_account", "331000"))
    )
    assert final_days(imports, scene.ports.gateway_terms) == frozenset()


def test_nothing_is_sent_before_two_people_have_looked(transactions: MemoryTransactions) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)
    assert {each.error_code for each in scene.send()} == {"fund_stopped"}
    assert scene.book.executions == []


def test_money_that_came_back_is_booked_when_a_lost_order_is_recognised_later() -> None:
    """Found by a schedule: the statement was read while an older attempt was still in question."""
    scene = one_county()
    lost_order_recognised_after_its_money_came_back(scene)
    assert scene.states() == ["returned"]
    fiscal = scene.ports.database.read(lambda work: books.balance(work, FISCAL))
    assert fiscal.posted_fen == scene.book.accounts[account_no("fiscal_account", "331000")].balance_fen
