"""The one language of a terminal: ``FUNDPOOL_LANGUAGE`` or the setting ``language``, else the locale's.

The product speaks Chinese; a locale that names English has it speak English.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

from fundpool.configuration import read_configuration
from fundpool.domain.errors import InputError
from fundpool.domain.languages import LANGUAGES, halves

if TYPE_CHECKING:
    from fundpool.console.dashboard.labels import Label


_SPOKEN: ContextVar[str | None] = ContextVar("spoken", default=None)


@contextmanager
def speaking(key: str) -> Iterator[None]:
    """Within it the words are in the language ``key``: a page asks for its own."""
    token = _SPOKEN.set(key)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def language() -> str:
    """The language of what this process prints."""
    if spoken := _SPOKEN.get():
        return spoken
    given = os.environ.get("FUNDPOOL_LANGUAGE") or _of_file(os.environ.get("FUNDPOOL_CONFIG"))
    if given in LANGUAGES:
        return given
    variables = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next(filter(None, map(os.environ.get, variables)), "")
    return "en" if locale.startswith("en") else "zh"


@cache
def _of_file(named: str | None) -> str | None:
    """What the configuration file says, read once for each file that ``FUNDPOOL_CONFIG`` has named."""
    del named
    try:
        return str(read_configuration().get("language"))
    except InputError:
        return None  # whoever needs a setting of the file says what is wrong with it


def choose(zh: str, en: str) -> str:
    """Whichever of a text in two languages is the terminal's."""
    return zh if language() == "zh" else en


def one_language(text: str) -> str:
    """The terminal's half of a text written "Chinese / English"; any other text as it is."""
    return choose(*halves(text))


def word(labels: "Mapping[str, Label] | Mapping[str, str]", code: str) -> str:
    """What people call a code, by labels of the pages or texts in both languages; without one the code itself."""
    from fundpool.console.dashboard.language import languages

    label = labels.get(code, code)
    text = label if isinstance(label, str) else label.text
    return one_language(text) if " / " in text else languages()[language()].gettext(text)
