"""Finance's 复核额 on one line of an application."""

from datetime import UTC, datetime

import pytest

from fundpool.domain.application import Application, ApplicationLine, review_line
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.periods import Month

NOW = datetime(2026, 9, 30, 1, tzinfo=UTC)
LINE = ApplicationLine("331002", applied_fen=500_00)


def reviewed(
    amount_fen: int,
    *,
    line: ApplicationLine = LINE,
    reason: str | None = None,
    by: str = "赵财政",
    left_fen: int | None = None,
) -> ApplicationLine:
    deciders = frozenset({"王初审", "李复核"})
    return review_line(
        line, amount_fen, reason, by=by, at=NOW, deciders=deciders, left_of_budget_fen=left_fen
    )


def test_finance_takes_what_was_applied_for_or_less_with_a_reason() -> None:
    assert reviewed(500_00).reviewed_fen == 500_00
    assert reviewed(400_00, reason="库款不足").reviewed_fen == 400_00
    with pytest.raises(InputError):
        reviewed(400_00)


@pytest.mark.parametrize("amount_fen", [-1, 500_01])
def test_finance_gives_nothing_negative_and_no_more_than_applied_for(amount_fen: int) -> None:
    with pytest.raises(RuleViolation):
        reviewed(amount_fen, reason="理由")


def test_who_decided_at_the_agency_does_not_review_for_finance() -> None:
    with pytest.raises(RuleViolation) as refused:
        reviewed(500_00, by="李复核")
    assert refused.value.code == "same_person"


def test_a_line_is_reviewed_once_the_same_figure_again_changes_nothing() -> None:
    line = reviewed(500_00)
    assert reviewed(500_00, line=line) is line
    with pytest.raises(RuleViolation):
        reviewed(400_00, line=line, reason="理由")


@pytest.mark.parametrize(
    ("left_fen", "is_allowed"), [(500_00, True), (499_99, False), (0, False), (-5, False)]
)
def test_where_the_city_pays_within_the_budget_no_line_passes_what_is_left(
    left_fen: int, is_allowed: bool
) -> None:
    if is_allowed:
        assert reviewed(500_00, left_fen=left_fen).reviewed_fen == 500_00
        return
    with pytest.raises(RuleViolation) as refused:
        reviewed(500_00, left_fen=left_fen)
    assert refused.value.code == "exceeds_annual_budget"


def test_an_application_is_reviewed_when_every_line_is() -> None:
    lines = (reviewed(500_00), ApplicationLine("331003", 100_00))
    application = Application("taizhou", Month(2026, 10), "employee", 1, "system", NOW, lines)
    assert (application.is_reviewed, application.reviewed_at) == (False, None)
    assert application.applied_fen == 600_00
