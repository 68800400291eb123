"""No code of a program where a person reads why a payment does not go on."""

import ast
from pathlib import Path

import pytest

from fundpool.adapters.banks.base import DEFINITE_REJECTIONS
from fundpool.domain.transfer import OPEN_QUESTIONS
from fundpool.services.payments import sending
from fundpool.services.payments.transfer_views import why

SERVICES = Path(sending.__file__).parent

REFUSED = {
    "exceeds_limit",
    "exceeds_annual_budget",
    "budget_missing",
    "seal_broken",
    "row_put_back",
    "attempts_exhausted",
}
"""What the guards before a claim raise, which becomes the reason of the hold."""


def held_for() -> set[str]:
    """Every reason that a program holds a payment for: literals of ``hold`` and what the last guards answer."""
    found = {f"unresolved_{state}" for state in OPEN_QUESTIONS} | {"executed_after_end: statement"} | REFUSED
    for file in SERVICES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hold":
                found |= {each.value.value for each in node.keywords if _is_reason(each)}  # type: ignore[attr-defined]
            if isinstance(node, ast.FunctionDef) and node.name == "_why_not":
                found |= {
                    each.value.value
                    for each in ast.walk(node)
                    if isinstance(each, ast.Return)
                    and isinstance(each.value, ast.Constant)
                    and isinstance(each.value.value, str)
                }
    return found


def _is_reason(keyword: ast.keyword) -> bool:
    return keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)


@pytest.mark.parametrize("reason", sorted(held_for() | DEFINITE_REJECTIONS))
def test_every_reason_a_program_gives_has_words_in_both_languages(reason: str) -> None:
    zh, en = why(reason)
    assert "_" not in zh + en
    assert zh != en


def test_the_reasons_are_found_in_the_source() -> None:
    assert {"attempts_exhausted", "executed_twice", "digest_changed"} <= held_for()


def test_what_a_person_or_a_bank_wrote_stands_as_it_is() -> None:
    assert why("等县局来函") == ("等县局来函", "等县局来函")
