"""Every template that is handed out can be filed, and a document's place in the month is data that holds."""

import re

import pytest

from expectations.runner import SUITES
from fundpool.domain.month import step_collecting
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.documents.effects import EFFECTS
from fundpool.services.documents.known_facts import FACTS
from fundpool.services.month.steps import PARTS
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.oversight.progress import FOLLOWED
from schemas.documents import DOCUMENTS
from schemas.documents.base import DocumentType, Intake
from schemas.tables.reviews import review_cases
from tests.architecture.pages import commands_page

FILED: dict[str, tuple[DocumentType, Intake]] = {
    key: (document, document.intake) for key, document in DOCUMENTS.items() if document.intake is not None
}


def test_every_document_is_filed_or_says_which_command_takes_it() -> None:
    assert set(FILED) == set(DocumentKind)
    for key in set(DOCUMENTS) - set(FILED):
        command = DOCUMENTS[key].taken_by
        assert command is not None, f"{key} has a template and nowhere to go"
        assert f"`{command.partition(' --')[0]}`" in commands_page()
    assert all(document.taken_by is None for document, _ in FILED.values())


@pytest.mark.parametrize("key", FILED)
def test_what_a_definition_names_exists(key: str) -> None:
    document, intake = FILED[key]
    assert step_collecting(DocumentKind(key)).key in PARTS
    assert intake.effect is None or intake.effect in EFFECTS
    assert set(intake.held_against) <= set(FACTS)
    assert document.field_of(document.total_field).is_money
    assert intake.used_for_zh
    assert intake.used_for_en


@pytest.mark.parametrize("key", [key for key, (_, intake) in FILED.items() if intake.held_against])
def test_a_suite_compares_with_the_facts_its_document_is_held_against(key: str) -> None:
    assert set(SUITES[key].needed) == set(FILED[key][1].held_against)


def test_every_fact_of_the_books_is_used_and_every_duty_has_a_name() -> None:
    assert {name for _, intake in FILED.values() for name in intake.held_against} == set(FACTS)
    assert set(DUTY_NAMES) == {*FOLLOWED, *DOCUMENT_OF}


def test_the_database_lets_no_document_pass_by_the_checks_that_people_must_decide() -> None:
    (rule,) = [
        str(constraint.sqltext)
        for constraint in review_cases.constraints
        if getattr(constraint, "name", None) == "ck_review_cases_accepted_by_checks"
    ]
    by_people = {key for key, (_, intake) in FILED.items() if intake.needs_people}
    assert set(re.findall(r"'([a-z-]+)'", rule)) - {"accepted"} == by_people


def test_only_what_people_decide_asks_for_money_or_takes_effect() -> None:
    for _, intake in FILED.values():
        assert intake.needs_people or not (intake.may_be_cut or intake.effect)
