"""The default installation has no ISO 20022 packages: everything but a bank by file works, and that one says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fundpool.settings import REPOSITORY

ABSENT = """
import sys
from importlib.machinery import PathFinder

class WithoutExtra(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {"pyiso20022", "xsdata"}:
            return None
        return super().find_spec(name, path, target)

sys.meta_path = [WithoutExtra if finder is PathFinder else finder for finder in sys.meta_path]
"""
COMMAND = "from fundpool.console.cli import main; sys.exit(main(sys.argv[1:]))"
EVERY_MODULE = """
import importlib, pkgutil
for package in ("fundpool", "flows", "tasks", "schemas", "expectations"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith(("__main__", "migrations.env")):
            importlib.import_module(module.name)
assert not {"pyiso20022", "xsdata"} & {name.partition(".")[0] for name in sys.modules}
"""


def without_extra(
    program: str, *arguments: str, home: Path, kind: str = "http"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ABSENT + program, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"FUNDPOOL_HOME": str(home), "FUNDPOOL_GATEWAY_KIND": kind},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_is_imported_and_an_installation_set_up(tmp_path: Path) -> None:
    imported = without_extra(EVERY_MODULE, home=tmp_path)
    assert imported.returncode == 0, imported.stderr
    for command in (["init"], ["transfers", "terms"]):
        done = without_extra(COMMAND, *command, "--json", home=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [["status", "--city", "taizhou", "--month", "2026-10"], ["sandbox-bank", "files"]]
)
def test_a_bank_by_file_is_refused_with_what_to_install(tmp_path: Path, command: list[str]) -> None:
    assert without_extra(COMMAND, "init", home=tmp_path).returncode == 0
    done = without_extra(COMMAND, *command, "--json", home=tmp_path, kind="file")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (2, "iso20022_missing")
    assert "fundpool[iso20022]" in error["remedy"]
