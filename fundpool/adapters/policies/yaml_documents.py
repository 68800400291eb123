"""YAML files checked against a shape, with the line of every entry for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fundpool.domain.errors import InputError
from fundpool.domain.policy import KEY_PATTERN

T = TypeVar("T", bound=BaseModel)

EntryPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file to an entry."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a policy file."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class PolicyFileError(InputError):
    """A policy file that does not hold, with every problem found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        listing = "\n  ".join(str(problem) for problem in problems)
        super().__init__(
            "policy_file",
            f"政策文件有误：\n  {listing}",
            f"{len(problems)} problem(s) in the policy file",
            remedy="按行号修改；写法见 policies/README.md / mend the line named; policies/README.md shows how",
        )


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, and the line of each entry."""

    file: Path
    content: Any
    lines: Mapping[EntryPath, int]

    def line(self, path: Sequence[str | int]) -> int:
        """The line of the longest part of ``path`` that stands in the file."""
        parts = list(path)
        while parts:
            line = self.lines.get(tuple(parts))
            if line is not None:
                return line
            parts.pop()
        return 1

    def problem(self, path: Sequence[str | int], message: str) -> Problem:
        """A problem at the entry's line."""
        return Problem(self.file, self.line(path), message)


def read_document(file: Path) -> Document:
    """Read a YAML file. Raises PolicyFileError, also for a key that is given twice."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyFileError([Problem(file, 1, f"读不出 / cannot be read: {error}")]) from error
    loader = _Loader(text)
    lines: dict[EntryPath, int] = {}
    try:
        content = _build(loader, loader.get_single_node(), (), lines, file)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyFileError([Problem(file, line, f"不是 YAML / not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise PolicyFileError([Problem(file, 1, f"不是 YAML / not YAML: {error}")]) from error
    finally:
        loader.dispose()
    return Document(file, content, lines)


def shape_document(document: Document, model: type[T]) -> T:
    """The document as its shape. Raises PolicyFileError with a line for every entry that does not fit."""
    try:
        return model.model_validate(document.content)
    except ValidationError as error:
        raise PolicyFileError(
            [_problem(document, entry) for entry in _without_repeats(error.errors())]
        ) from error


def _without_repeats(entries: list[ErrorDetails]) -> list[ErrorDetails]:
    """Pydantic's errors without those that only repeat another.

    A list whose own entries are wrong is not called too short, and of the shapes that a value may
    have only the one tried is named.
    """

    def has_inner(place: tuple[str | int, ...]) -> bool:
        return any(
            len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in entries
        )

    def is_other_alternative(entry: ErrorDetails) -> bool:
        """Where a value may also be {undefined: …}, a wrong plain value need not be called no such block."""
        return entry["type"] == "model_type" and any(
            other["type"] != "model_type" and other["loc"][:-1] == entry["loc"][:-1] for other in entries
        )

    return [
        entry
        for entry in entries
        if not (entry["type"] == "too_short" and has_inner(entry["loc"])) and not is_other_alternative(entry)
    ]


def _problem(document: Document, entry: ErrorDetails) -> Problem:
    place = entry["loc"]
    return document.problem(_path_in_file(document, place), _in_words(document, entry))


def _build(loader: Any, node: Any, path: EntryPath, lines: dict[EntryPath, int], file: Path) -> Any:
    """Plain data from a YAML node, noting the line of every entry."""
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        content: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if key in content:
                raise PolicyFileError([Problem(file, line, f"{key} 写了两次 / {key} is given twice")])
            lines[(*path, key)] = line
            content[key] = _build(loader, value_node, (*path, key), lines, file)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*path, index), lines, file) for index, item in enumerate(node.value)]
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:  # a date such as 2023-02-30
        line = node.start_mark.line + 1
        raise PolicyFileError(
            [Problem(file, line, f"{node.value}: 不成立 / does not hold: {error}")]
        ) from error


def _path_in_file(document: Document, location: Sequence[str | int]) -> EntryPath:
    """The location in the file: pydantic also names the alternative it tried, which the file does not have."""
    path: list[str | int] = []
    for part in location:
        if (*path, part) in document.lines:
            path.append(part)
    return tuple(path)


_RENAMED = {"step": "duty", "steps": "duties", "after_step": "after_duty"}
"""Keys of older policy files, with the words that took their place."""

_KEY_IN_WORDS = "键只用小写字母、数字和下划线 / a key is lower-case ASCII letters, digits and underscores"


def _in_words(document: Document, entry: ErrorDetails) -> str:
    # "dict[…]" and "function-before[…]" are names that pydantic gives to shapes; the file does not have them.
    location = [part for part in entry["loc"] if "[" not in str(part)]
    where = ".".join(str(part) for part in location) or "file"
    if len(location) > 1 and location[0] == "rules" and isinstance(location[1], int):
        rule = document.content["rules"][location[1]]
        name = rule.get("id", location[1]) if isinstance(rule, dict) else location[1]
        where = ": ".join(part for part in (str(name), ".".join(str(part) for part in location[2:])) if part)
    match entry["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            name = _RENAMED.get(str(location[-1]))
            remedy = f"，现在写 {name} / it is now written {name}" if name else ""
            return f"{where}: 不认识的词 / unknown key{remedy}"
        case "missing":
            return f"{where}: 缺少 / missing"
        case "string_pattern_mismatch":
            pattern = entry["ctx"]["pattern"]
            must = _KEY_IN_WORDS if pattern == KEY_PATTERN else f"应合 / must match {pattern}"
            return f"{where}: {must}, found {entry['input']!r}"
        case _:
            return f"{where}: {entry['msg'].removeprefix('Value error, ')}"
