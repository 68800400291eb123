"""People who hold, look again at and withdraw payments: never more than the bank's evidence allows."""

import pytest

from fundpool.domain.errors import RuleViolation
from fundpool.services.payments import attempts, payment_decisions
from fundpool.services.ports.work import Work
from tests.simulation.courses import by_people, one_county, statements
from tests.simulation.scene import CHECKER, Scene


@pytest.fixture
def scene() -> Scene:
    return one_county()


def code_of(scene: Scene, act: object) -> str:
    with pytest.raises(RuleViolation) as refused:
        scene.ports.database.transaction(
            lambda work: act(work, 1, by=CHECKER, reason="查", now=scene.clock())
        )  # type: ignore[operator]
    return refused.value.code


def test_a_withdrawn_payment_cannot_be_held_and_released_again(scene: Scene) -> None:
    by_people(scene, payment_decisions.cancel)
    for act in (payment_decisions.hold_obligation, payment_decisions.look_again):
        assert code_of(scene, act) == "illegal_state_change"
    scene.send()
    assert (scene.states(), scene.book.executions) == (["cancelled"], [])


def test_a_payment_that_arrived_is_not_held(scene: Scene) -> None:
    scene.send()
    assert code_of(scene, payment_decisions.hold_obligation) == "illegal_state_change"
    assert scene.states() == ["settled"]


@pytest.mark.parametrize("fault", [None, "success_then_returned"])
def test_reviewing_a_payment_that_was_held_after_its_end_gives_back_its_earlier_state(
    scene: Scene, fault: str | None
) -> None:
    if fault is not None:
        scene.plan.add(fault)
    scene.send()
    scene.clock.advance(days=2)
    scene.resolve()
    before = scene.states()

    def contradicted(work: Work) -> None:
        attempts.hold(
            work, work.payments.obligation(1), reason="executed_twice", by="system", now=scene.clock()
        )

    scene.ports.database.transaction(contradicted)
    by_people(scene, payment_decisions.look_again)
    assert scene.states() == before


def test_a_payment_known_from_the_statement_alone_is_not_withdrawn(scene: Scene) -> None:
    backup = scene.ports.database.snapshot()  # type: ignore[attr-defined]
    scene.send()
    scene.ports.database.state = backup  # type: ignore[attr-defined]
    statements(scene, scene.clock().date(), 1)
    scene.ports.database.transaction(
        lambda work: attempts.hold(
            work, work.payments.obligation(1), reason="executed_twice", by="system", now=scene.clock()
        )
    )
    assert code_of(scene, payment_decisions.cancel) == "already_sent"
