"""Jinja environments, one a language, with the filters the templates use."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fundpool.console.dashboard import labels
from fundpool.console.dashboard.language import Language, languages
from fundpool.domain.languages import halves
from fundpool.domain.money import format_yuan
from schemas.documents import DOCUMENTS

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environments() -> Mapping[str, Environment]:
    """A template environment for every language. Everything is escaped; a missing name is an error."""
    return {key: _environment(language) for key, language in languages().items()}


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the i18n extension
        language.gettext, language.ngettext, newstyle=True
    )
    environment.globals.update(labels=labels, label_of=labels.label_of)
    environment.filters.update(
        day=lambda value: _dated(value, language.day),
        short_day=lambda value: _dated(value, language.short_day),
        date=lambda value: _dated(value, language.date),
        short_moment=lambda value: _dated(value, language.short_moment),
        moment=lambda value: _dated(value, language.moment),
        month=language.month,
        yuan=format_yuan,
        plain_yuan=lambda amount_fen: format_yuan(amount_fen, separators=False),
        tail=account_tail,
        document=lambda document: document_name(document, language),
        figure=lambda field, document: figure_name(document, field, language),
        one_language=lambda text: one_language(text, language),
        name=lambda code, names: language.gettext(names[code]) if code in names else code,
    )
    return environment


def _dated(value: date | datetime | None, write: Callable[..., str]) -> str:
    return "–" if value is None else write(value)


def document_name(document: str, language: Language) -> str:
    """What a kind of document is called; the key when it is none of ours."""
    kind = DOCUMENTS.get(document)
    return document if kind is None else language.choose(kind.zh, kind.en)


def figure_name(document: str, field: str, language: Language) -> str:
    """What a document calls one of its figures; the key when the document does not list it."""
    kind = DOCUMENTS.get(document)
    known = () if kind is None else kind.fields
    found = next((each for each in known if each.key == field), None)
    return field if found is None else language.choose(found.zh, found.en)


def account_tail(number: str | None) -> str:
    """The last four digits of an account number: enough to tell accounts apart, too few to pay to.

    A short number is hidden altogether, because its tail would be the number.
    """
    digits = (number or "").strip()
    return digits[-4:] if len(digits) >= 8 else "····"


def one_language(text: str | None, language: Language) -> str:
    """The half of a text written "Chinese / English" that is in this language, else the whole."""
    return language.choose(*halves(text or ""))
