"""What people decided bears a keyed seal."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from fundpool.adapters.keys.seal_key import key_file, seals_of
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.domain.sealing import Seals
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.ports.work import Work
from fundpool.settings import Settings
from tests.earlier_tables import take_back
from tests.seals import SEALS
from tests.simulation.scene import CITY, Scene


def test_a_change_is_sealed_anew_and_a_broken_seal_stays_broken(transactions: SqlTransactions) -> None:
    Scene(transactions).release()
    (batch, *_) = transactions.read(lambda work: work.payments.batches(CITY))
    assert SEALS.hold(batch)
    with transactions.database.engine.begin() as connection:
        connection.execute(text("UPDATE transfer_batch SET total_fen = total_fen + 1"))

    def change(work: Work) -> None:
        work.payments.change_batch(work.payments.batch(batch.id), state="cancelled")

    transactions.transaction(change)
    (changed, *_) = transactions.read(lambda work: work.payments.batches(CITY))
    assert changed.state == "cancelled"
    assert not SEALS.hold(changed)
    assert not Seals(lambda: b"another key").hold(batch)


def test_init_writes_the_key_for_its_owner_and_never_replaces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FUNDPOOL_SEAL_KEY")
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    assert main(["init", "--json"]) == 0
    key = key_file(Settings())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    written = key.read_bytes()
    assert main(["init", "--json"]) == 0
    assert key.read_bytes() == written
    key.unlink()
    capsys.readouterr()
    assert main(["init", "--json"]) == 2
    assert "seal_key_missing" in capsys.readouterr().out
    assert not key.exists()
    with pytest.raises(InputError) as missing:
        seals_of(Settings()).of_values("anything")
    assert missing.value.code == "seal_key_missing"
    capsys.readouterr()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNDPOOL_SEAL_KEY")
    settings = Settings(home=tmp_path)
    key_file(settings).write_text("known to all\n")
    key_file(settings).chmod(0o644)
    with pytest.raises(InputError) as readable:
        seals_of(settings).of_values("anything")
    assert readable.value.code == "secret_file_readable"


def test_seals_of_a_version_before_the_latest_were_kept_are_taken_over_once(
    without_record: Database,
) -> None:
    database = without_record
    transactions = SqlTransactions(database, SEALS)
    scene = Scene(transactions)
    scene.release()
    take_back(database, "0011")
    migrations.upgrade(database)
    assert transactions.read(lambda work: verify_everything(work, [])).faults == []
    scene.send()
    assert scene.states() == ["settled"] * 3
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM latest_seal WHERE table_name = 'attempt'"))
    migrations.upgrade(database)
    faults = transactions.read(lambda work: verify_everything(work, [])).faults
    assert {each.kind for each in faults} == {"row_missing"}
