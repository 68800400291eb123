"""Every turn has somebody who takes it and a page or a command; every step of people has its people."""

from datetime import date

import pytest

from fundpool.console.commands.next import TURNS
from fundpool.console.dashboard.desks.tasks import DESKS, urgency
from fundpool.domain.month import STEPS
from fundpool.domain.rights import RIGHTS, Right
from fundpool.services.month.tasks import POSTS_OF_STEP, RIGHT_OF_TURN
from schemas.dashboard import Turn


def test_every_turn_has_a_right_that_some_role_has_and_a_desk() -> None:
    assert set(RIGHT_OF_TURN) == set(DESKS) == set(TURNS)
    held = {right for rights in RIGHTS.values() for right in rights}
    assert {right for right in RIGHT_OF_TURN.values() if isinstance(right, Right)} <= held


def test_every_step_in_which_people_act_says_who_they_are() -> None:
    assert {key for key, step in STEPS.items() if step.people_act_before} <= set(POSTS_OF_STEP)
    assert {post for posts in POSTS_OF_STEP.values() for post in posts} <= set(RIGHT_OF_TURN)


@pytest.mark.parametrize(
    ("day", "days_late", "badge"),
    [
        ("2026-09-23", None, ""),
        ("2026-09-24", None, "today"),
        ("2026-09-25", None, "today"),
        ("2026-09-26", 1, "overdue"),
    ],
)
def test_the_last_working_day_decides_how_urgent_a_task_is(
    day: str, days_late: int | None, badge: str
) -> None:
    turn = Turn(
        city="taizhou",
        month="2026-10",
        turn="county_agency",
        waits_for_person=True,
        due=date(2026, 9, 25),
        act_by=date(2026, 9, 24),
        days_late=days_late,
        why_zh="待报送",
        why_en="not filed yet",
        command="fundpool submit",
    )
    assert urgency(turn, date.fromisoformat(day)) == badge
