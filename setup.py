"""Writes into a wheel the commit it is built from, and the handbook if it was built; the rest is in pyproject.toml."""

from pathlib import Path
from runpy import run_path
from shutil import copytree, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

COMMIT = run_path("fundpool/version.py")["commit"]()


def write_commit(root: str) -> None:
    """Keep the commit in the tree at ``root``; a build without git has none to keep."""
    if COMMIT is not None:
        Path(root, "fundpool", "COMMIT").write_text(COMMIT, encoding="ascii")


HANDBOOK = Path("build/handbook")
"""What ``make handbook`` builds; in a checkout the console serves it from there."""


class BuildWithCommit(build_py):
    """The files of a wheel; an editable install has none, asks git and serves the checkout's handbook."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            write_commit(self.build_lib)
            if HANDBOOK.is_dir():
                place = Path(self.build_lib, "fundpool/console/dashboard/handbook_site")
                rmtree(place, ignore_errors=True)  # an earlier build's
                copytree(HANDBOOK, place)


class SdistWithCommit(sdist):
    """The files of an sdist."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        write_commit(base_dir)


setup(cmdclass={"build_py": BuildWithCommit, "sdist": SdistWithCommit})
