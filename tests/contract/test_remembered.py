"""What is remembered of a snapshot is used for that very state of the database alone."""

from itertools import count

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import REMEMBERED, SqlTransactions
from fundpool.domain.rights import Role
from fundpool.services.ports.work import Work
from tests.accounts import enter
from tests.seals import SEALS


@pytest.fixture
def transactions(database: Database) -> SqlTransactions:
    return SqlTransactions(database, SEALS)


class Computation:
    """Asks for something remembered; says which time it was computed."""

    def __init__(self) -> None:
        self._times = count(1)

    def __call__(self, work: Work, key: str = "key") -> int:
        return work.remembered(key, lambda: next(self._times))


def test_the_same_state_is_computed_once(transactions: SqlTransactions) -> None:
    computation = Computation()
    assert [transactions.read(computation) for _ in range(3)] == [1, 1, 1]
    assert transactions.read(lambda work: computation(work, "another key")) == 2


def test_a_commit_of_ones_own_is_seen(transactions: SqlTransactions) -> None:
    computation = Computation()
    transactions.read(computation)
    enter(transactions, "齐稽核", Role.AUDITOR)
    assert transactions.read(computation) == 2


def test_a_commit_of_somebody_else_is_seen_behind_the_program_too(transactions: SqlTransactions) -> None:
    computation = Computation()
    enter(transactions, "齐稽核", Role.AUDITOR)
    transactions.read(computation)
    other = Database(transactions.database.url)
    with other.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE user_account SET name = '齐某' WHERE name = '齐稽核'")
    other.dispose()
    assert transactions.read(computation) == 2


def test_a_commit_during_a_snapshot_belongs_to_the_next_one(transactions: SqlTransactions) -> None:
    """The name of the state is of the snapshot that is read, not of the moment at which it is computation for."""
    computation = Computation()
    other = SqlTransactions(Database(transactions.database.url), SEALS)

    def read(work: Work) -> int:
        work.users.all()
        if not transactions.database.is_sqlite:  # there a writer waits for who reads
            enter(other, "齐稽核", Role.AUDITOR)
        return computation(work)

    assert transactions.read(read) == 1
    if transactions.database.is_sqlite:
        enter(other, "齐稽核", Role.AUDITOR)
    assert transactions.read(computation) == 2
    other.database.dispose()


def test_a_transaction_that_writes_remembers_nothing(transactions: SqlTransactions) -> None:
    computation = Computation()
    assert [transactions.transaction(computation) for _ in range(2)] == [1, 2]


def test_only_what_was_used_last_is_kept(transactions: SqlTransactions) -> None:
    computation = Computation()
    transactions.read(computation)
    for number in range(REMEMBERED):
        transactions.read(lambda work, number=number: computation(work, str(number)))
    assert transactions.read(computation) == REMEMBERED + 2
