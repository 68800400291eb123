"""The version and commit a program states are its own, however it was installed."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from runpy import run_path

import pytest

from fundpool.console.cli import main
from fundpool.settings import REPOSITORY
from fundpool.version import VERSION, product


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def stated_by(package: Path) -> str:
    """What a copy of the program at ``package`` says that it is."""
    return run_path(str(package / "version.py"))["product"]()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with what a build needs, committed."""
    root = tmp_path / "checkout"
    (root / "fundpool").mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "README.md", "fundpool/__init__.py", "fundpool/version.py"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / ".gitignore").write_text("build/\n*.egg-info/\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=x")
    return root


def test_the_command_states_the_product(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == product()
    assert VERSION in product()


def test_a_checkout_states_its_commit_and_whether_it_was_edited_since(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "--short", "HEAD")
    assert stated_by(checkout / "fundpool") == f"fundpool {VERSION} ({commit})"
    (checkout / "README.md").write_text("edited")
    assert stated_by(checkout / "fundpool") == f"fundpool {VERSION} ({commit}-dirty)"


def test_the_commit_of_a_repository_around_the_installation_is_not_stated(checkout: Path) -> None:
    installed = checkout / ".venv/lib/site-packages/fundpool"
    shutil.copytree(checkout / "fundpool", installed)
    assert stated_by(installed) == f"fundpool {VERSION}"


def test_without_git_the_version_is_stated_alone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert stated_by(checkout / "fundpool") == f"fundpool {VERSION}"


def test_a_wheel_states_its_commit_and_brings_the_handbook_that_was_built(
    checkout: Path, tmp_path: Path
) -> None:
    page = checkout / "build/handbook/zh/index.html"  # ignored by git, so that an sdist has none
    page.parent.mkdir(parents=True)
    page.write_text("the handbook")
    commit = git(checkout, "rev-parse", "--short", "HEAD")

    def build(kind: str, source: Path) -> Path:
        program = f"from setuptools.build_meta import build_{kind} as b; print(b({str(tmp_path)!r}))"
        built = subprocess.run(
            [sys.executable, "-c", program],
            cwd=source,
            env=os.environ | {"PYTHONPATH": ""},
            check=True,
            capture_output=True,
            text=True,
        )
        return tmp_path / built.stdout.splitlines()[-1]

    with tarfile.open(build("sdist", checkout)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    for number, source in enumerate((checkout, unpacked)):
        with zipfile.ZipFile(build("wheel", source)) as archive:
            archive.extractall(tmp_path / f"installed{number}")
        assert stated_by(tmp_path / f"installed{number}" / "fundpool") == f"fundpool {VERSION} ({commit})"
        handbook = tmp_path / f"installed{number}/fundpool/console/dashboard/handbook_site/zh/index.html"
        assert handbook.is_file() is (source == checkout)
    assert f"fundpool-{VERSION}" in unpacked.name
