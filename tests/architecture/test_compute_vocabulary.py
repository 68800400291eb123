"""The page that teaches the words of a computes block names every word the program knows."""

import re
from pathlib import Path

import pytest

from fundpool.domain.settlement_rules import Bearer, Condition, ShortPool
from fundpool.services.law.compute import CALCULATIONS
from schemas.policy_computes import BLOCKS

PAGE = (Path(__file__).resolve().parents[2] / "policies" / "computes.md").read_text(encoding="utf-8")
SHARED = {"kind", "funds", "rests_on", "read_as"}


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_kind_of_block_and_every_key_of_it_is_taught(kind: str) -> None:
    block = BLOCKS[kind]
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |")), None)
    assert row is not None, f"policies/computes.md does not teach {kind}"
    keys = {field.alias or name for name, field in block.model_fields.items()} - SHARED
    untaught = {key for key in keys if not re.search(rf"\b{key}\b", row)}
    assert not untaught, f"policies/computes.md does not teach {untaught} of {kind}"


def test_every_bearer_condition_reading_and_computation_is_taught() -> None:
    words = {*Bearer, *Condition, *ShortPool, *CALCULATIONS}
    assert {word for word in words if f"`{word}`" not in PAGE} == set()
