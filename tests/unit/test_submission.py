"""Versions of a county's document: what changed, and since when it is filed."""

from datetime import UTC, datetime, timedelta

from fundpool.domain.periods import Month
from fundpool.domain.submission import (
    DocumentKind,
    Figure,
    FigureChange,
    Submission,
    figure_changes,
    filed_at,
)

FIRST = datetime(2026, 9, 24, 2, tzinfo=UTC)


def version(number: int, *, returned: bool = False) -> Submission:
    received_at = FIRST + timedelta(days=number - 1)
    return Submission(
        id=number,
        file_id=number,
        city="taizhou",
        document=DocumentKind.PLAN,
        county="331002",
        month=Month(2026, 10),
        version=number,
        sha256=str(number),
        file_name="plan.xlsx",
        received_at=received_at,
        submitted_by="张三",
        returned_at=received_at + timedelta(hours=1) if returned else None,
    )


def test_changes_name_every_amount_that_differs_and_no_other() -> None:
    before = [Figure("employee", "inpatient_fen", 100), Figure("employee", "remote_fen", 5)]
    after = [Figure("employee", "inpatient_fen", 120), Figure("resident", "inpatient_fen", None)]
    assert figure_changes(before, [*after, Figure("resident", "remote_fen", 7)]) == (
        FigureChange("employee", "inpatient_fen", 100, 120),
        FigureChange("resident", "remote_fen", None, 7),
        FigureChange("employee", "remote_fen", 5, None),
    )
    assert figure_changes(before, before) == ()


def test_an_amendment_of_a_standing_filing_keeps_the_day_of_the_filing() -> None:
    assert filed_at([version(1), version(2)]) == FIRST


def test_a_returned_filing_was_none_and_the_refiling_counts() -> None:
    assert filed_at([version(1, returned=True)]) is None
    assert filed_at([version(1, returned=True), version(2)]) == FIRST + timedelta(days=1)
    assert filed_at([version(1), version(2, returned=True), version(3)]) == FIRST + timedelta(days=2)


def test_nothing_filed_is_no_day_at_all() -> None:
    assert filed_at([]) is None
