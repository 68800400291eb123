"""Review of one case: proposal by one person, confirmation by another, return by one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fundpool.domain import review
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import person
from fundpool.domain.periods import Month
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind

NOW = datetime(2026, 9, 26, 1, tzinfo=UTC)
CASE = ReviewCase(
    city="taizhou",
    month=Month(2026, 10),
    document=DocumentKind.PLAN,
    county="331002",
    fund="employee",
    submission_id=7,
    state=CaseState.READY,
    requested_fen=1_000_00,
)


def test_a_proposal_at_the_requested_amount_becomes_approved_when_another_person_confirms() -> None:
    proposed = review.propose(CASE, 1_000_00, None, maker="王初审", at=NOW)
    assert (proposed.state, proposed.approved_fen) == (CaseState.PROPOSED, None)
    approved = review.confirm(proposed, "李复核", NOW)
    assert (approved.state, approved.approved_fen) == (CaseState.APPROVED, 1_000_00)


def test_a_cut_needs_its_reason_and_is_confirmed_as_cut() -> None:
    with pytest.raises(InputError, match="理由"):
        review.propose(CASE, 900_00, "  ", maker="王初审", at=NOW)
    cut = review.confirm(review.propose(CASE, 900_00, "高于预测", maker="王初审", at=NOW), "李复核", NOW)
    assert (cut.state, cut.approved_fen, cut.reason) == (CaseState.CUT, 900_00, "高于预测")


@pytest.mark.parametrize("amount_fen", [-1, 1_000_01])
def test_no_proposal_is_negative_or_above_the_request(amount_fen: int) -> None:
    with pytest.raises(RuleViolation):
        review.propose(CASE, amount_fen, "理由", maker="王初审", at=NOW)


@pytest.mark.parametrize("again", ["Wang Ming", "wang ming", "ＷＡＮＧ Ming "])
def test_the_maker_does_not_confirm_however_the_name_is_typed(again: str) -> None:
    proposed = review.propose(CASE, 1_000_00, None, maker=person("Wang Ming"), at=NOW)
    with pytest.raises(RuleViolation) as refused:
        review.confirm(proposed, person(again), NOW)
    assert refused.value.code == "same_person"


def test_nothing_is_confirmed_that_was_not_proposed() -> None:
    with pytest.raises(RuleViolation):
        review.confirm(CASE, "李复核", NOW)


def test_a_decided_case_is_neither_proposed_anew_nor_returned() -> None:
    decided = review.confirm(review.propose(CASE, 1_000_00, None, maker="王初审", at=NOW), "李复核", NOW)
    with pytest.raises(RuleViolation):
        review.propose(decided, 1, "理由", maker="王初审", at=NOW)
    with pytest.raises(RuleViolation):
        review.send_back(decided, "理由", "王初审", at=NOW)


def test_a_new_version_voids_an_open_proposal() -> None:
    proposed = review.propose(CASE, 1_000_00, None, maker="王初审", at=NOW)
    reopened = review.opened(replace(proposed, submission_id=8), clean=False)
    assert (reopened.state, reopened.maker, reopened.proposed_fen) == (CaseState.FINDINGS, None, None)


def test_a_report_is_accepted_whole_or_returned_never_cut() -> None:
    report = replace(CASE, document=DocumentKind.REPORT)
    assert review.accept(report, NOW, needs_people=False).approved_fen == 1_000_00
    with pytest.raises(RuleViolation):
        review.propose(report, 999_99, "理由", maker="王初审", at=NOW, may_be_cut=False)
    with pytest.raises(RuleViolation):
        review.accept(CASE, NOW, needs_people=True)


@pytest.mark.parametrize("nobody", ["", "  ", "system", "System"])
def test_a_decision_names_a_person(nobody: str) -> None:
    with pytest.raises(InputError):
        person(nobody)
