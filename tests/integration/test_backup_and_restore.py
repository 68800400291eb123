"""The embedded database copied and put back by command: sending is off until the bank was asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.database import Database
from fundpool.adapters.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.services import recovery
from tests.simulation.scene import CITY, FUND, Scene

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def settings(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_payments_made_after_the_backup_are_found_at_the_bank_and_not_made_again(
    transactions: SqlTransactions, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    scene = Scene(transactions)
    scene.release()
    copy, first_day = tmp_path / "copy.db", scene.clock().date()
    assert run(capsys, "backup", str(copy))[0] == 0
    scene.send()
    scene.clock.advance(days=10)
    as_of = scene.clock().isoformat()
    status, document = run(capsys, "restore", str(copy), "--by", "甲", "--as-of", as_of)
    assert (status, document) == (0, {"funds_stopped": 1})
    assert scene.states() == ["released"] * 3
    assert {each.error_code for each in scene.send()} == {"fund_stopped"}
    restart = ("transfers", "restart", "--city", CITY, "--fund", FUND, "--by")
    status, document = run(capsys, *restart, "甲")
    assert (status, document["error"]["code"]) == (1, "recovery_unfinished")
    scene.clock.advance(minutes=15)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    for person in ("甲", "乙"):
        assert run(capsys, *restart, person)[0] == 0
    scene.send()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3
    assert run(capsys, "audit", "verify")[0] == 0


def test_a_damaged_copy_is_refused_and_the_database_stays_as_it_was(
    transactions: SqlTransactions, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    scene = Scene(transactions)
    scene.release()
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"not a database at all" * 100)
    status, document = run(capsys, "restore", str(damaged), "--by", "甲")
    assert (status, document["error"]["code"]) == (2, "backup_damaged")
    assert scene.states() == ["released"] * 3


def test_a_backup_never_overwrites_an_older_one(
    transactions: SqlTransactions, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Scene(transactions)
    copy = tmp_path / "copy.db"
    assert run(capsys, "backup", str(copy))[0] == 0
    before = copy.read_bytes()
    status, document = run(capsys, "backup", str(copy))
    assert (status, document["error"]["code"]) == (2, "file_exists")
    assert copy.read_bytes() == before
