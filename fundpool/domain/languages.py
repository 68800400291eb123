"""Texts for people that hold both languages in one string."""

import re

LANGUAGES = ("zh", "en")
"""Keys of the languages, the product's own first."""

_CHINESE = re.compile("[\u4e00-\u9fff]")


def counted(number: int, thing: str) -> str:
    """``1 day``, ``2 days``: a number of things in English."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def halves(text: str) -> tuple[str, str]:
    """Chinese and English of a text written "Chinese / English"; any other text twice as it is.

    Only one stroke with Chinese before it and none after it parts a text: a list of names stays whole.
    """
    zh, stroke, en = text.partition(" / ")
    if stroke and " / " not in en and _CHINESE.search(zh) and not _CHINESE.search(en):
        return zh, en
    return text, text
