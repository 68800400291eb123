"""The embedded database copied and put back by command: sending is off until the bank was queried."""

import json
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.stores.backups import back_up
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.errors import ServiceUnavailable
from fundpool.sandbox_bank.faults import Call
from fundpool.services.payments import recovery
from fundpool.services.ports import failpoints
from tests.simulation.scene import CITY, FUND, Scene

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def settings(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


@on_sqlite
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


class Killed(BaseException):
    """The process is killed here."""


@on_sqlite
@pytest.mark.parametrize(
    ("point", "states", "error"),
    [
        ("before commit", "settled", None),
        ("after commit", "settled", None),
        ("before put back", "settled", None),
        ("after put back", "released", "fund_stopped"),
    ],
)
def test_a_restore_killed_on_the_way_never_leaves_old_books_that_may_pay(
    transactions: SqlTransactions, tmp_path: Path, point: str, states: str, error: str | None
) -> None:
    scene = Scene(transactions)
    scene.release()
    back_up(transactions.database, tmp_path / "copy.db")
    scene.send()

    def die(name: str) -> None:
        if name == point:
            raise Killed

    failpoints.install(die)
    try:
        with pytest.raises(Killed):
            main(["restore", str(tmp_path / "copy.db"), "--by", "甲"])
    finally:
        failpoints.install(None)
    assert scene.states() == [states] * 3
    assert {each.error_code for each in scene.send()} == {error}
    assert len(scene.book.executions) == 3


def test_books_put_back_by_other_means_are_quarantined_by_command(
    transactions: SqlTransactions, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(transactions)
    scene.release()
    as_of = scene.clock().isoformat()
    assert run(capsys, "restore", "--quarantine-only", "--by", "甲", "--as-of", as_of)[0] == 0
    assert {each.error_code for each in scene.send()} == {"fund_stopped"}
    scene.plan.add("silence_before", call=Call.QUERY, times=1000)
    scene.clock.advance(days=10)
    with pytest.raises(ServiceUnavailable, match="60 possible keys"):
        recovery.recover(scene.ports, None, scene.clock(), clock=scene.clock)
    switch = run(capsys, "transfers", "switches")[1]["switches"][0]
    assert (switch["recovery"]["keys_open"], switch["recovery"]["days_open"]) == (60, 0)
    sign = ("transfers", "confirm-recovery", "--city", CITY, "--fund", FUND, "--reason", "银行来函 12 号")
    now = ("--as-of", scene.clock().isoformat())
    assert run(capsys, *sign, "--by", "甲", *now)[1]["finished_at"] is None
    assert run(capsys, *sign, "--by", "乙", *now)[1]["finished_at"] is not None
    for person in ("甲", "乙"):
        assert run(capsys, "transfers", "restart", "--city", CITY, "--fund", FUND, "--by", person)[0] == 0
    assert run(capsys, "transfers", "switches")[1]["switches"][0]["recovery"] is None


@on_sqlite
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


@on_sqlite
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


@on_sqlite
@pytest.mark.parametrize("name", ["a?b", "a#b", "a%41b", "数 据?#%"])
def test_the_data_folder_may_be_called_anything(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / name
    monkeypatch.delenv("FUNDPOOL_DATABASE_URL")
    monkeypatch.setenv("FUNDPOOL_HOME", str(home))
    assert run(capsys, "init")[0] == 0
    assert run(capsys, "backup", str(home / "copy.db"))[0] == 0
    assert (home / "fundpool.db").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [name]
