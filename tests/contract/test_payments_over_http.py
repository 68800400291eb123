"""Payments against the sandbox bank over real HTTP, with the bank coming and going."""

import shutil
from dataclasses import replace

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.services.payments import resolving
from tests.contract.conftest import SILENCE_ENDS, start_bank
from tests.seals import SEALS
from tests.simulation.scene import CITY, COUNTIES, Scene


@pytest.fixture
def scene(tmp_path, sqlite_template):
    file = tmp_path / "fundpool.db"
    shutil.copyfile(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    yield Scene(SqlTransactions(database, SEALS))
    database.dispose()


def connect(scene, running, deadlines=None):
    """Let the scene's money go through the running bank instead of the one in process."""
    for account in scene.book.accounts.values():
        running.book.open_account(account.account, account.name, account.balance_fen)
    scene.ports = replace(scene.ports, gateway=running.gateway(deadlines))
    return running


@pytest.fixture
def bank_at(tmp_path):
    started = []

    def start():
        started.append(start_bank(tmp_path / "bank.db"))
        return started[-1]

    yield start
    started[-1].stop()


def test_a_released_batch_is_paid_and_any_rerun_moves_nothing_twice(scene, bank_at):
    running = connect(scene, bank_at())
    scene.release()
    for _ in range(3):
        scene.send()
        scene.resolve()
    assert scene.states() == ["settled"] * len(COUNTIES)
    assert len(running.book.executions) == len(COUNTIES)


def test_what_the_bank_executed_without_answering_is_found_by_a_query(scene, bank_at):
    running = connect(scene, bank_at(), SILENCE_ENDS)
    running.bank.plan.add("silence_after", times=len(COUNTIES))
    scene.release()
    scene.send()
    assert scene.states() == ["in_flight"] * len(COUNTIES)
    scene.clock.advance(minutes=5)
    scene.resolve()
    assert scene.states() == ["settled"] * len(COUNTIES)
    assert len(running.book.executions) == len(COUNTIES)


def test_a_bank_that_is_away_leaves_everything_to_be_carried_on_later(scene, bank_at):
    running = connect(scene, bank_at())
    running.stop()
    scene.release()
    outcomes = scene.send()
    assert "settled" not in scene.states()
    assert any(outcome.error_code == "gateway_unavailable" for outcome in outcomes)
    back = connect(scene, bank_at())
    for _ in range(3):
        scene.clock.advance(minutes=30)
        scene.send()
        scene.resolve()
    assert scene.states() == ["settled"] * len(COUNTIES)
    assert len(back.book.executions) == len(COUNTIES)


@pytest.mark.parametrize(
    "fault", ["500_after", "reset_after", "half", "echo_other_amount", "409_in_progress"]
)
def test_an_unproven_answer_ends_in_one_payment(scene, bank_at, fault):
    running = connect(scene, bank_at())
    running.bank.plan.add(fault, times=len(COUNTIES))
    scene.release()
    for _ in range(3):
        scene.send()
        scene.clock.advance(minutes=30)
        scene.resolve()
    assert scene.states() == ["settled"] * len(COUNTIES)
    assert len(running.book.executions) == len(COUNTIES)


def test_the_banks_statement_agrees_with_the_books(scene, bank_at):
    connect(scene, bank_at())
    scene.release()
    scene.send()
    report = resolving.import_statements(
        scene.ports, CITY, scene.clock().date(), now=scene.clock(), clock=scene.clock
    )
    assert report.breaks_new == 0
    assert report.lines_new == len(COUNTIES)
