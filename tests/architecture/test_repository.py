"""The repository keeps its own promises: every error code, command and setting is documented."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture import pages

ROOT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / line for line in listing.splitlines() if (ROOT / line).is_file()]


def test_the_error_catalogue_is_what_the_source_raises() -> None:
    assert (ROOT / "docs/errors.md").read_text(encoding="utf-8") == pages.errors_page(), "run: make docs"


def test_the_command_reference_is_what_help_prints() -> None:
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == pages.commands_page(), "run: make docs"


def test_the_page_of_the_api_is_what_it_says_of_itself() -> None:
    assert (ROOT / "docs/api.md").read_text(encoding="utf-8") == pages.api_page(), "run: make docs"


def test_every_error_says_something_in_both_languages() -> None:
    silent = [error for error in pages.raised_errors() if not error.zh.strip() or not error.en.strip()]
    assert not silent


def test_relative_links_in_the_documents_lead_somewhere() -> None:
    broken = []
    for page in tracked_files():
        if page.suffix == ".md":
            for target in re.findall(
                r"\]\((?!https?:|#|mailto:|picture:)([^)#\s]+)", page.read_text(encoding="utf-8")
            ):
                if not (page.parent / target).exists():
                    broken.append(f"{page.relative_to(ROOT)} → {target}")
    assert not broken


def test_no_lock_or_build_file_names_a_package_index() -> None:
    named = [
        path.name
        for path in tracked_files()
        if path.suffix in {".lock", ".toml", ".in"} or path.name in {"Makefile", "run"}
        if re.search(
            r"--(extra-)?index-url|--find-links|https?://[^ ]*(simple|pypi)", path.read_text(encoding="utf-8")
        )
    ]
    assert not named


@pytest.mark.parametrize("folder", ["domain", "services"])
def test_rules_and_use_cases_never_read_the_wall_clock(folder: str) -> None:
    clocks = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("date", "today"),
        ("time", "time"),
        ("datetime", "today"),
    }
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
