"""The repository keeps its own promises: every error code, command and setting is documented."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fundpool.console.cli import _COMMANDS
from fundpool.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ERROR_CLASSES = {"FundpoolError", "InputError", "RuleViolation", "UndefinedPolicy", "ServiceUnavailable"}
SOURCES = [
    path
    for folder in ("fundpool", "schemas", "expectations", "tasks", "flows")
    for path in (ROOT / folder).rglob("*.py")
]


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / line for line in listing.splitlines() if (ROOT / line).is_file()]


def error_codes() -> Iterator[tuple[str, Path]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERROR_CLASSES:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value, path


def test_every_error_code_is_in_the_error_catalogue() -> None:
    catalogue = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    missing = {f"{code} ({path.name})" for code, path in error_codes() if f"`{code}`" not in catalogue}
    assert not missing


def test_the_error_catalogue_lists_no_code_that_nothing_raises() -> None:
    catalogue = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", catalogue, re.MULTILINE))
    assert listed
    assert not listed - {code for code, _ in error_codes()}


def test_every_command_is_in_the_command_reference() -> None:
    reference = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert not {name for name in _COMMANDS if f"`fundpool {name}" not in reference}


def test_every_setting_is_in_the_command_reference() -> None:
    reference = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert not {name for name in Settings.model_fields if f"`FUNDPOOL_{name.upper()}`" not in reference}


def test_relative_links_in_the_documents_lead_somewhere() -> None:
    broken = []
    for page in tracked_files():
        if page.suffix == ".md":
            for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
                if not (page.parent / target).exists():
                    broken.append(f"{page.relative_to(ROOT)} → {target}")
    assert not broken


def test_no_lock_or_build_file_names_a_package_index() -> None:
    named = [
        path.name
        for path in tracked_files()
        if path.suffix in {".lock", ".toml", ".in"} or path.name in {"Makefile", "run"}
        if re.search(r"--(extra-)?index-url|--find-links|https?://[^ ]*(simple|pypi)", path.read_text(encoding="utf-8"))
    ]
    assert not named


@pytest.mark.parametrize("folder", ["domain", "services"])
def test_rules_and_use_cases_never_read_the_wall_clock(folder: str) -> None:
    clocks = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("datetime", "today")}
    found = []
    for path in (ROOT / "fundpool" / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and (node.value.id, node.attr) in clocks
            ):
                found.append(f"{path.name}:{node.lineno}")
    assert not found


@pytest.mark.parametrize("folder", ["domain", "services"])
def test_no_float_on_the_way_of_money(folder: str) -> None:
    found = []
    for path in (ROOT / "fundpool" / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_float_name = isinstance(node, ast.Name) and node.id == "float"
            is_float_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if is_float_name or is_float_literal:
                found.append(f"{path.name}:{node.lineno}")
    assert not found
