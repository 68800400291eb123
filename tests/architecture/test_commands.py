"""Promises that hold for every command, checked over the whole command table, so that a new command is checked too."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES
from fundpool.console.cli import build_app
from fundpool.console.options import Options
from fundpool.settings import Settings

BOTH_LANGUAGES = re.compile(r"[\u4e00-\u9fff].*[A-Za-z]{2}", re.DOTALL)
READ_NO_POLICIES = {
    "backup": "copies the database",
    "deploy": "registers the deployments; their runs read the folder of the worker's settings",
    "sandbox-bank": "is the bank, which knows no law",
    "server": "runs Prefect, which knows no law",
    "settings": "shows the settings themselves",
    "transfers terms": "shows the settings about the bank",
}
"""Commands without ``--policy-dir``, and why they need none."""


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Every command that can be called."""
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        if command.default_command is not None:
            yield " ".join((*path, name)), command
        yield from commands(command, (*path, name))


def test_every_command_that_reads_the_law_takes_a_policy_folder() -> None:
    without = {
        name
        for name, command in commands(build_app())
        if not any("--policy-dir" in option.names for option in command.assemble_argument_collection())
    }
    bank = {name for name in without if name.startswith("sandbox-bank ")}
    assert without - bank == set(READ_NO_POLICIES)


def test_every_command_and_every_option_is_explained_in_chinese_and_english() -> None:
    texts = {}
    for name, command in commands(build_app()):
        texts[name] = command.help
        shown = [option for option in command.assemble_argument_collection() if option.show]
        texts |= {f"{name} {option.name}": option.parameter.help for option in shown}
    assert [place for place, text in texts.items() if not BOTH_LANGUAGES.search(text or "")] == []


@pytest.mark.parametrize("named", [None, "/elsewhere", ""])
def test_the_folder_of_the_short_commands_is_that_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str | None
) -> None:
    if named is None:
        monkeypatch.delenv("FUNDPOOL_POLICY_DIR", raising=False)
    else:
        monkeypatch.setenv("FUNDPOOL_POLICY_DIR", named)
    assert Options().policy_folder == Settings().policy_dir
    file = tmp_path / "fundpool.toml"
    file.write_text('policy_dir = "policies"\n')
    monkeypatch.setenv("FUNDPOOL_CONFIG", str(file))
    assert Options().policy_folder == Settings().policy_dir == Path(named or tmp_path / "policies")
    assert Options(policy_dir=Path("given")).policy_folder == Path("given")


def test_the_settings_know_the_product_s_own_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNDPOOL_POLICY_DIR", raising=False)
    assert Settings().policy_dir == PRODUCT_POLICIES
