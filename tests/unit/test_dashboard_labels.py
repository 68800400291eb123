"""Every state the services know has a word, an icon and a tone on the pages."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from fundpool.console import dashboard
from fundpool.console.dashboard import labels
from fundpool.domain.chart_of_accounts import CASH
from fundpool.domain.findings import Severity, Verdict
from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import UnitState
from fundpool.domain.review import CaseState
from fundpool.domain.timeliness import DutyState
from fundpool.domain.transfer import BatchState, ObligationState

SPRITE = (Path(dashboard.__file__).parent / "templates" / "icons.html").read_text(encoding="utf-8")
TABLES = (
    labels.DUTY_STATES,
    labels.STEP_STATES,
    labels.TRANSFER_STATES,
    labels.ALARM_KINDS,
    labels.VERDICTS,
    labels.SEVERITIES,
    labels.CASE_STATES,
    labels.FLAG_KINDS,
    labels.ACCOUNT_STATES,
)


@pytest.mark.parametrize(
    ("states", "table"),
    [
        (DutyState, labels.DUTY_STATES),
        (ObligationState, labels.TRANSFER_STATES),
        (BatchState, labels.TRANSFER_STATES),
        (Verdict, labels.VERDICTS),
        (Severity, labels.SEVERITIES),
        (CaseState, labels.CASE_STATES),
        (UnitState, labels.STEP_STATES),
    ],
)
def test_every_state_has_a_label(states: type[StrEnum], table: Mapping[str, object]) -> None:
    assert {state.value for state in states} - set(table) == set()


def test_every_step_and_bank_account_has_a_name() -> None:
    assert set(STEPS) == set(labels.OPERATING_STEPS)
    assert {kind.value for kind in CASH} == set(labels.ACCOUNT_TYPES)


def test_every_icon_is_drawn_and_every_drawing_is_used() -> None:
    drawn = set(re.findall(r'id="i-([a-z-]+)"', SPRITE))
    pages = "".join(
        page.read_text(encoding="utf-8")
        for page in (Path(dashboard.__file__).parent / "templates").glob("*.html")
    )
    used = {label.icon for table in TABLES for label in table.values()} | set(
        re.findall(r'icon\("([a-z-]+)"\)', pages)
    )
    assert used == drawn


def test_no_two_states_of_a_table_look_alike_without_colour() -> None:
    for table in TABLES:
        looks = [(label.text, label.icon) for label in table.values()]
        assert len(looks) == len(set(looks))


def test_a_code_nobody_has_named_is_shown_as_it_is_in_the_tone_of_a_warning() -> None:
    assert labels.label_of(labels.CASE_STATES, "brand_new") == labels.Label("brand_new", "question", "late")
