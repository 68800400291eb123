"""The handbook's pictures: what a browser test shows at a moment, in each language, where ``make handbook`` wants them."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from playwright.sync_api import Page

from handbook.hooks import LANGUAGES, PICTURES

FOLDER = Path(folder) if (folder := os.environ.get("FUNDPOOL_TEST_PICTURES")) else None
TALLEST = 1500
"""Pixels of a picture's height: what is further down is more of the same."""


def picture(page: Page, name: str) -> None:
    """Keep the page as a picture of the handbook, and leave it open in Chinese."""
    assert name in PICTURES
    if FOLDER is None:
        return
    parts = urlsplit(page.url)
    for language in reversed(LANGUAGES):
        query = urlencode(dict(parse_qsl(parts.query)) | {"lang": language})
        page.goto(urlunsplit(parts._replace(query=query, fragment="")))
        width, height = page.evaluate("[document.body.scrollWidth, document.body.offsetHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)}
        page.screenshot(path=FOLDER / f"{name}.{language}.png", full_page=True, clip=clip)
