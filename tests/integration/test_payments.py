"""The one door for money, on both databases, against a bank that keeps its own book."""

import pytest

from fundpool.adapters.work import SqlTransactions
from fundpool.domain.transfer import AttemptState
from fundpool.services import books
from fundpool.services.ledger_checks import verify
from tests.simulation.scene import (
    CITY,
    COUNTIES,
    FISCAL,
    FUND,
    MONTH,
    OPENING_FEN,
    Scene,
)


@pytest.fixture
def scene(transactions: SqlTransactions) -> Scene:
    return Scene(transactions)


def in_transaction(scene: Scene, act):  # type: ignore[no-untyped-def]
    return scene.ports.database.transaction(act)


def test_a_released_batch_is_paid_booked_and_the_books_agree_with_the_bank(scene: Scene) -> None:
    scene.release(1_000_00)
    outcomes = scene.send()
    assert [each.state.value for each in outcomes] == ["settled"] * 3
    assert scene.executed_fen() == 3 * 1_000_00 + 0 + 1 + 2
    held = scene.ports.database.read(lambda work: books.balance(work, FISCAL))
    assert (held.posted_fen, held.reserved_fen) == (OPENING_FEN - 3_000_03, 0)
    assert (
        scene.ports.database.read(lambda work: books.received(work, CITY, FUND, COUNTIES[1], MONTH))
        == 1_000_01
    )
    assert scene.ports.database.read(verify) == []


def test_any_rerun_of_any_step_moves_nothing_twice(scene: Scene) -> None:
    for _ in range(3):
        scene.release()
        scene.send()
        scene.resolve()
    assert len(scene.book.executions) == 3
    assert scene.states() == ["settled"] * 3


def test_an_unanswered_order_is_unknown_and_is_settled_by_asking_never_by_sending_anew(scene: Scene) -> None:
    scene.plan.add("silence_after", times=3)
    scene.release()
    outcomes = scene.send()
    assert {each.attempt_state for each in outcomes} == {AttemptState.UNKNOWN}
    scene.send()
    assert len(scene.book.executions) == 3
    scene.clock.advance(minutes=5)
    scene.resolve()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3
