"""Quotes of the policy files checked against the source documents, where somebody has them."""

import re
from dataclasses import dataclass
from pathlib import Path

from fundpool.adapters.policies.yaml_documents import Problem
from fundpool.domain.errors import InputError
from fundpool.domain.policy import CityPolicy, Place


@dataclass(frozen=True)
class QuoteCheck:
    """How many quotes were compared, and which do not hold."""

    checked: int
    without_source: int
    problems: tuple[Problem, ...]


def check_quotes(cities: tuple[CityPolicy, ...], sources: Path) -> QuoteCheck:
    """Compare every quote with its place in the source text (white space and page marks apart).

    Raises InputError when there is no such folder.
    """
    if not sources.is_dir():
        raise InputError("sources", f"没有目录 {sources}", f"there is no folder {sources}")
    checked = without_source = 0
    problems: list[Problem] = []
    texts: dict[str, str | None] = {}
    for city in cities:
        for rule in city.rules:
            source = rule.instrument.source
            if rule.at is None or source is None:
                without_source += 1
                continue
            name = source.file
            if name not in texts:
                texts[name] = _read(sources / name)
            text = texts[name]
            if text is None:
                message = f"{rule.id}: 目录中没有来源文件 {name} / the source {name} is not in the folder"
                problems.append(Problem(Path(city.file), rule.line, message))
                continue
            checked += 1
            fault = _fault(rule.at, text, quote=rule.quote, page_marker=source.page_marker)
            if fault:
                problems.append(Problem(Path(city.file), rule.line, f"{rule.id}: {fault}"))
    return QuoteCheck(checked, without_source, tuple(problems))


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("sources", f"读不出 {file}：{error}", f"cannot read {file}: {error}") from error


def _fault(place: Place, text: str, *, quote: str, page_marker: str | None) -> str | None:
    quote = _squeezed(quote, None)
    if _squeezed(text[place.start : place.end], page_marker) == quote:
        return None
    if quote in _squeezed(text, page_marker):
        return f"引文在来源中，但不在 {place.start}–{place.end} 处 / the quote stands elsewhere in its source"
    return "引文不在来源文本中 / the quote is not in its source"


def _squeezed(text: str, page_marker: str | None) -> str:
    """The text without white space and, first, without inserted page marks."""
    if page_marker:
        text = re.sub(page_marker, "", text)
    return re.sub(r"\s", "", text)
