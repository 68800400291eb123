"""The measurements of postings and payments measure sound work, and a month's work reads the month."""

from pathlib import Path

from benchmarks import ledger_posting, transfers
from benchmarks.history import PER_CITY, History
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.services.books.audit_checks import verify_everything
from tests.seals import SEALS


def made(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder}/books.db")
    migrations.upgrade(database)
    return database


def test_the_generated_history_passes_the_products_verification(tmp_path: Path) -> None:
    database = made(tmp_path)
    history = History(database, PER_CITY, SEALS)
    history.months = 3
    assert history.write() == 3 * PER_CITY // 120
    assert SqlTransactions(database, SEALS).read(lambda work: verify_everything(work, []).faults) == []


def test_no_everyday_query_about_money_scans_a_long_table(tmp_path: Path) -> None:
    found = transfers.growth(lambda _kind, _durable: made(tmp_path), "sqlite", 0, 1, prove=True)
    assert found["scans"] == []
    assert set(found["wall_ms"]) == set(transfers.STAGES)


def test_a_payment_takes_three_commits(tmp_path: Path) -> None:
    def make(_kind: str, durable: bool) -> Database:
        folder = tmp_path / str(durable)
        folder.mkdir()
        return made(folder)

    for line in transfers.durability(make, "sqlite", 1):
        # Ordering, authorising and importing the statements are commits of the city, not of a payment.
        assert 3 <= line["commits_per_transfer"] < 3.5


def test_postings_are_measured_beside_raw_inserts_of_the_same_rows(tmp_path: Path) -> None:
    found = ledger_posting.measure(Database(f"sqlite:///{tmp_path}/books.db"), ledger_posting.BATCH)
    assert 0 < float(str(found["share_of_bare"])) < 1
