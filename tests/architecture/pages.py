"""Writes the generated pages of docs/: error catalogue, command reference, the API (`make docs`).

The tests compare the committed pages with what this module would write, so neither can go stale.
"""

import ast
import inspect
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from cyclopts import App
from rich.console import Console

from fundpool.bootstrap import build_ports
from fundpool.clock import business_clock
from fundpool.console.cli import build_app, tell_in_full
from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain import errors
from fundpool.domain.rights import RIGHTS, Right, Role
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


_ABOUT_THE_API = """# 接口 · API

Made by `make docs` from the description that the dashboard's server gives at `/api/openapi.json` (OpenAPI 3.1).

## For whom

Other programs of the agency: they read what the commands print with `--json`, the same documents field by field, and file workbooks. What decides or moves money (review, approval, release, run a step) is not here: it takes a person who is logged in, for a release one who types their password. A releaser's token reads, and releases nothing.

## Tokens

<!-- not run: needs accounts -->
```
fundpool users token 李经办 --label 报表程序 --days 90 --by 张安全     # shown this once
fundpool users tokens
fundpool users revoke 李经办 --label 报表程序 --by 张安全
curl -H 'Authorization: Bearer fundpool_…' 'http://127.0.0.1:8650/api/status?city=taizhou&month=2026-10'
curl -H 'Authorization: Bearer fundpool_…' -F file=@计划.xlsx 'http://127.0.0.1:8650/api/filings?city=taizhou&document=plan'
```

- A token is its account's, with the rights of the account's role and its city and county ([people.md](people.md)): a county's token reads and files its own county alone. What is filed bears the account's name. Give a program an account of its own, so that receipts tell it from a person.
- An administrator of users issues it for 1 to 366 days (90 by default) and revokes it; a disabled account's tokens let nobody in. Both acts stand in the audit trail. The database keeps the token's SHA-256 alone, sealed: a row that was written, changed or put back behind the program lets nobody in.
- A token opens `/api/…` and nothing else; pages do not take one. A browser's session may read here and changes nothing. Send tokens over https alone.
- A sandbox without accounts may be read without a token.

## Answers

Amounts are integer fen in fields that end in `_fen`, days and moments ISO, in Shanghai's time; unknown is null. An error is `{"error": {"code", "message", "basis", "remedy"}}` with a code of [errors.md](errors.md): 400 wrong value, 401 no valid token, 403 no right or another's place, 404 unknown name, 409 against a rule, 422 not as described here (an unknown parameter too), 503 no answer from outside. Findings are in `flags` of a status, in `submissions` of a county's month and in `verdicts` of a filing. `/health` and `/metrics` need no token: [alarms.md](alarms.md).

To file is safe to repeat: the same bytes again are answered with the first receipt (`repeated`).
"""


def api_page() -> str:
    """docs/api.md: every operation with its right, parameters and answer, and every shape."""
    described = _description()
    lines = [_ABOUT_THE_API, "## Operations", ""]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            lines += _operation_lines(f"{method.upper()} {path}", operation)
    lines += ["## Shapes", ""]
    for name, schema in sorted(described["components"]["schemas"].items()):
        if not name.startswith("Body_"):
            about = schema.get("description", "").replace("``", "`").split("\n\n")
            lines += [f"### {name}", "", *(" ".join(each.split()) + "\n" for each in about if each)]
            fields = schema.get("properties", {})
            lines += [f"- `{field}`: {_type_of(of)}" for field, of in fields.items()] or [_type_of(schema)]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _description() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        reader = MonthReader(build_ports(Settings(home=Path(folder))))
        return create_app(reader, lambda: business_clock(None)).openapi()


def _operation_lines(title: str, operation: dict[str, Any]) -> list[str]:
    roles = ", ".join(f"`{role}`" for role in Role if Right(operation["x-right"]) in RIGHTS[role])
    lines = [f"### `{title}`", "", operation["description"].replace("\n\n", "\n").replace("\n", " "), ""]
    lines += [f"Right `{operation['x-right']}`: {roles}.", ""]
    for each in operation["parameters"]:
        needed = ", required" if each["required"] else ""
        about = " · ".join(filter(None, (each.get("description"), _type_of(each["schema"]))))
        lines.append(f"- `{each['name']}` ({each['in']}{needed}): {about}")
    if "requestBody" in operation:
        lines.append("- `file` (body, multipart/form-data, required)")
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return [*lines, "", f"Answer: {_type_of(answer)}", ""]


def _type_of(schema: dict[str, Any]) -> str:
    """A type in few words, with a link to a shape."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_type_of, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type_of(schema['items'])}"
    if schema.get("type") == "object":
        return f"object of {_type_of(schema['additionalProperties'])} by name"
    return str(schema.get("format") or schema.get("type", "any"))


def main() -> None:
    """Write the pages."""
    (ROOT / "docs/errors.md").write_text(errors_page(), encoding="utf-8")
    (ROOT / "docs/commands.md").write_text(commands_page(), encoding="utf-8")
    (ROOT / "docs/api.md").write_text(api_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
