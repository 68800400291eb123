"""No call to the bank is made while a transaction is open: it would hold every other writer up, or be repeated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fundpool.adapters.documents.parser_process import parse_files
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.ports import failpoints
from tests.crash.small_month import SmallMonth
from tests.scripted_bank import ScriptedGateway
from tests.seals import SEALS

CALLS = {"submit", "query", "close", "statement"}
"""What stands between two failpoints each (``tests/architecture/test_failpoints.py``)."""


@pytest.fixture(autouse=True)
def _no_hook_is_left() -> Iterator[None]:
    yield
    failpoints.install(None)


def test_no_transaction_is_open_while_the_bank_is_spoken_to(database: Database, tmp_path: Path) -> None:
    month = SmallMonth(
        SqlTransactions(database, SEALS), tmp_path, ScriptedGateway(BankBook()), parse_files, is_new=True
    )
    month.write_files()
    gateway = ScriptedGateway(*month.bank([]))
    month = SmallMonth(SqlTransactions(database, SEALS), tmp_path, gateway, parse_files, is_new=False)
    made: set[str] = set()

    def reached(name: str) -> None:
        _, act = name.split(" ", 1)
        if act in CALLS:
            assert database.engine.pool.checkedout() == 0, name  # type: ignore[attr-defined]
            made.add(act)

    failpoints.install(reached)
    for act in month.acts():
        act.do(act.at)
    assert made == CALLS
