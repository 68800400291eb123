"""Writes the generated pages of docs/: the error catalogue and the command reference (`make docs`).

The tests compare the committed pages with what this module would write, so neither can go stale.
"""

import ast
import inspect
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cyclopts import App
from rich.console import Console

from fundpool.console.cli import build_app, tell_in_full
from fundpool.domain import errors
from fundpool.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("fundpool", "schemas", "expectations", "tasks", "flows")
ERROR_CLASSES: dict[str, type[errors.FundpoolError]] = {
    name: item
    for name, item in inspect.getmembers(errors, inspect.isclass)
    if issubclass(item, errors.FundpoolError)
}


@dataclass(frozen=True)
class RaisedError:
    """One place that raises an error for people; placeholders stand as ``{…}``."""

    code: str
    kind: type[errors.FundpoolError]
    zh: str
    en: str
    remedy: str
    place: str


def raised_errors() -> list[RaisedError]:
    """Every construction of an error with a literal code, found in the source text."""
    found = []
    for path in sorted(p for folder in CODE_FOLDERS for p in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            kind = ERROR_CLASSES.get(node.func.id)
            code = node.args[0]
            if kind is None or not isinstance(code, ast.Constant) or not isinstance(code.value, str):
                continue
            by_name = {keyword.arg: keyword.value for keyword in node.keywords}
            texts = [*node.args[1:3], by_name.get("zh"), by_name.get("en")]
            zh, en = [_as_text(item) for item in texts if item is not None][:2]
            found.append(
                RaisedError(
                    code.value,
                    kind,
                    zh,
                    en,
                    _as_text(by_name.get("remedy")),
                    path.relative_to(ROOT).as_posix(),
                )
            )
    return sorted(found, key=lambda item: (item.code, item.place))


def _as_text(node: ast.expr | None) -> str:
    """A message as a reader would see it, each computed part as ``{…}``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_as_text(part) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _as_text(node.left) + _as_text(node.right)
    return "" if node is None else "{…}"


def errors_page() -> str:
    """docs/errors.md: each code once, with every sentence it can come with."""
    lines = [
        "# 错误目录 · Error catalogue",
        "",
        "Made by `make docs` from the source; `{…}` is filled in where the error happens. Exit status:",
        "1 something was found · 2 wrong use or unreadable input · 3 the law is silent · 4 no answer from outside.",
        'With `--json` the same error is `{"error": {"code", "message", "basis", "remedy"}}`.',
        "",
        "| code | exit | 说明 | meaning | 怎么办 · what to do |",
        "| --- | --- | --- | --- | --- |",
    ]
    seen = set()
    for error in raised_errors():
        row = (
            f"| `{error.code}` | {error.kind.exit_status} | {_cell(error.zh)} | {_cell(error.en)} "
            f"| {_cell(error.remedy)} |"
        )
        if row not in seen:
            seen.add(row)
            lines.append(row)
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def commands_page() -> str:
    """docs/commands.md: the help of every command, and every setting."""
    app = build_app()
    lines = [
        "# 命令 · Commands",
        "",
        "Made by `make docs` from `fundpool --help`. Everything takes `--json` where it prints a result.",
        "",
    ]
    for path, command in commands_of(app):
        text = _help_text(command, path)
        lines += [f"## `fundpool {' '.join(path)}`", "", "```text", text, "```", ""]
    lines += ["## 设置 · Settings", "", "| variable | meaning | default |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        is_stated = field.default not in {None, ()} and field.default_factory is None
        default = field.default if is_stated else ""
        if isinstance(default, Path) and default.is_relative_to(ROOT):
            default = default.relative_to(ROOT)
        lines.append(
            f"| `FUNDPOOL_{name.upper()}` | {field.description} | {f'`{default}`' if default != '' else ''} |"
        )
    return "\n".join(lines) + "\n"


def commands_of(app: App, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], App]]:
    """Every command below ``app`` with its words."""
    found = []
    for name in sorted(app):
        if name.startswith("-"):
            continue
        command = app[name]
        inner = commands_of(command, (*path, name))
        found += inner or [((*path, name), command)]
    return found


def _help_text(command: App, path: tuple[str, ...]) -> str:
    page = io.StringIO()
    console: Any = Console(
        file=page, width=100, color_system=None, force_terminal=False, legacy_windows=False
    )
    # A command on its own calls itself after the program that runs it, which here is a test.
    with patch.object(sys, "argv", ["fundpool"]), patch.object(sys.modules["__main__"], "__spec__", None):
        tell_in_full(command).help_print(console=console)
    lines = [line.rstrip() for line in page.getvalue().strip().splitlines()]
    usage = re.compile(r"^Usage: \S+")
    return "\n".join(usage.sub(f"Usage: fundpool {' '.join(path)}", line, count=1) for line in lines)


def main() -> None:
    """Write both pages."""
    (ROOT / "docs/errors.md").write_text(errors_page(), encoding="utf-8")
    (ROOT / "docs/commands.md").write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
