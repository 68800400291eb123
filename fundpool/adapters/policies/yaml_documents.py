"""YAML 1.2 files checked against a shape, with the line of every entry for messages.

The values are those of the YAML 1.2 core schema, whatever the library would take for one: ``010`` is ten,
``yes`` and ``12:30`` are texts. Programs that read the same file by the JSON Schema see the same values.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fundpool.domain.errors import InputError
from fundpool.domain.policy import KEY_PATTERN, UNSEEN

T = TypeVar("T", bound=BaseModel)

EntryPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file to an entry."""

_TAG = "tag:yaml.org,2002:"


def _integer(text: str) -> int:
    return int(text[2:], 8 if text[1] == "o" else 16) if text[:2] in {"0o", "0x"} else int(text)


def _number(text: str) -> float | int:
    """A number with a point or an exponent; JSON has one kind of number, so ``8.0`` is 8."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no finite number / 不是有限的数")
    return int(number) if number.is_integer() else number


_CORE: Mapping[str, tuple[re.Pattern[str], str, Callable[[str], Any]]] = {
    _TAG + "null": (re.compile(r"null|Null|NULL|~|"), "nN~", lambda _text: None),
    _TAG + "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF", lambda text: text[0] in "tT"),
    _TAG + "int": (re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), "-+0123456789", _integer),
    _TAG + "float": (
        re.compile(
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
        ),
        "-+.0123456789",
        lambda text: _number(re.sub(r"\.(?=[iInN])", "", text)),
    ),
}
"""YAML 1.2, 10.3.2: how plain scalars of each tag are written, begin, and read. All others are texts."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The library's parser with the core schema in place of YAML 1.1's."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}


for _tag, (_written, _first, _read) in _CORE.items():
    # An empty scalar has no first character: the library looks it up under "".
    _Loader.add_implicit_resolver(
        _tag, re.compile(f"(?:{_written.pattern})$"), [*_first, *([""] if _tag.endswith("null") else [])]
    )


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
    """Read a YAML file. Raises PolicyFileError, also for a key given twice, a blank text or YAML 1.1."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyFileError([Problem(file, 1, f"读不出 / cannot be read: {error}")]) from error
    other = _OTHER_VERSION.search(text)
    if other is not None:
        line = text.count("\n", 0, other.start()) + 1
        raise PolicyFileError([Problem(file, line, f"按 YAML 1.2 读取 / read as YAML 1.2, found {other[0]}")])
    loader = _Loader(text)
    lines: dict[EntryPath, int] = {}
    try:
        content = _build(loader.get_single_node(), (), lines, file=file)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyFileError([Problem(file, line, f"不是 YAML / not YAML: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:  # an alias may stand inside its own anchor
        raise PolicyFileError([Problem(file, 1, f"不是 YAML / not YAML: {error}")]) from error
    finally:
        loader.dispose()
    return Document(file, content, lines)


def shape_document(document: Document, model: type[T]) -> T:
    """The document as its shape. Raises PolicyFileError with a line for every entry that does not fit."""
    try:
        # As JSON, strictly: a list is a tuple and a text a date, but true is no number and "8" is no 8.
        return model.model_validate_json(json.dumps(document.content), strict=True)
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


def _build(node: Any, path: EntryPath, lines: dict[EntryPath, int], *, file: Path) -> Any:
    """Plain data from a YAML node, noting the line of every entry."""
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node, file)
            line = key_node.start_mark.line + 1
            if key in content:
                raise PolicyFileError([Problem(file, line, f"{key} 写了两次 / {key} is given twice")])
            lines[(*path, key)] = line
            content[key] = _build(value_node, (*path, key), lines, file=file)
        return content
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        return [_build(item, (*path, index), lines, file=file) for index, item in enumerate(node.value)]
    return _scalar(node, file)


def _key(node: Any, file: Path) -> str:
    """The key as JSON writes it: the number 1 and the text "1" are one key."""
    value = _scalar(node, file)
    return value if isinstance(value, str) else json.dumps(value)


def _scalar(node: Any, file: Path) -> Any:
    """The value of a scalar, which is of the core schema and, if it is a text, neither blank nor partly unseen."""
    message = None
    if not isinstance(node, yaml.ScalarNode) or node.tag not in {*_CORE, _TAG + "str"}:
        message = f"{node.tag}: 不用此类标签 / no such tag here"
    elif node.tag == _TAG + "str":
        unseen = _UNSEEN.search(node.value)
        if node.value.strip() and unseen is None:
            return node.value
        message = "空白文字 / a blank text"
        if unseen is not None:
            number = f"U+{ord(unseen[0]):04X}"
            message = f"有看不见的字符 {number}，删去后重写 / a character that nobody sees, {number}: retype the text"
    else:
        written, _, read = _CORE[node.tag]
        try:
            if written.fullmatch(node.value):
                return read(node.value)
            message = f"{node.value}: 不是 / is no {node.tag.removeprefix(_TAG)}"
        except ValueError as error:  # infinity, or more digits than a number has
            message = f"{node.value[:40]}: {error}"
    raise PolicyFileError([Problem(file, node.start_mark.line + 1, message)])


_UNSEEN = re.compile(f"[{UNSEEN}]")
_OTHER_VERSION = re.compile(r"^%YAML(?![ \t]+1\.2[ \t]*$).*", re.MULTILINE)


def _path_in_file(document: Document, location: Sequence[str | int]) -> EntryPath:
    """The location in the file: pydantic also names the alternative it tried, which the file does not have."""
    path: list[str | int] = []
    for part in location:
        if (*path, part) in document.lines:
            path.append(part)
    return tuple(path)


_RENAMED = {"step": "duty", "steps": "duties", "after_step": "after_duty"}
"""Keys of older policy files, with the words that took their place."""

_DATE_IN_WORDS = "日期写作 2026-01-31 / a day of the calendar is written 2026-01-31"
_WRITTEN = {
    "int_type": "须为整数，不加引号 / a whole number without quotes",
    "bool_type": "须为 true 或 false / true or false",
    "string_type": "须为文字，数字代码加引号 / text; a code of digits stands in quotes",
    "date_type": _DATE_IN_WORDS,
    "date_parsing": _DATE_IN_WORDS,
    "date_from_datetime_parsing": _DATE_IN_WORDS,
}
"""How a value of each type is written, by the error for one that is not."""

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
        case kind if kind in _WRITTEN:
            return f"{where}: {_WRITTEN[kind]}, found {json.dumps(entry['input'], ensure_ascii=False)}"
        case _:
            return f"{where}: {entry['msg'].removeprefix('Value error, ')}"
