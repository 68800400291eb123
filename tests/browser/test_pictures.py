"""Run last by ``make handbook``: no picture of the handbook is missing, and each stands on the pages of both languages."""

from pathlib import Path

import pytest

from handbook.hooks import LANGUAGES, PICTURES
from tests.browser.pictures import FOLDER

pytestmark = pytest.mark.browser
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.skipif(FOLDER is None, reason="no pictures are wanted: make handbook")
def test_every_picture_was_made() -> None:
    assert FOLDER is not None
    made = {file.name for file in FOLDER.glob("*.*.png")}
    assert {f"{name}.{language}.png" for name in PICTURES for language in LANGUAGES} - made == set()
