"""A full disk: it is named, nothing is lost, no money moves twice, and the month goes on when there is space again."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import event

from fundpool.adapters.banks.files import FileGateway
from fundpool.adapters.banks.iso20022 import read_order
from fundpool.adapters.documents import raw_files
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.periods import Month
from fundpool.domain.transfer import AttemptState, ObligationState
from fundpool.services.books.ledger_checks import verify
from fundpool.services.ports import failpoints
from tests.integration.month_scene import CityScene, at, play_to_release

OCTOBER = Month(2026, 10)
PAYDAY = "2026-09-28 11:00"
LATER = ("2026-09-28 12:00", "2026-09-28 13:00", "2026-09-28 19:00")


@pytest.fixture
def released(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou with its first hop released and nothing sent."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    play_to_release(scene)
    return scene


@contextmanager
def full(database: Database) -> Iterator[None]:
    """The disk takes nothing more until the block ends, in the database's own words."""
    if not database.is_sqlite:
        refusing = """
            create function no_space() returns trigger language plpgsql as
            $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
            create trigger no_space before insert on audit for each row execute function no_space()"""
        database.transaction(lambda connection: connection.exec_driver_sql(refusing))
        yield
        database.transaction(lambda c: c.exec_driver_sql("drop function no_space cascade"))
        return

    def no_further_page(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # no fewer than there are

    database.dispose()
    event.listen(database.engine, "connect", no_further_page)
    yield
    event.remove(database.engine, "connect", no_further_page)
    database.dispose()


@contextmanager
def full_once_sent(database: Database) -> Iterator[None]:
    """The disk is full from the moment the first order has left until the block ends."""
    with ExitStack() as stack:

        def fill(name: str) -> None:
            if name == "after submit":
                failpoints.install(None)
                stack.enter_context(full(database))

        failpoints.install(fill)
        stack.callback(failpoints.install, None)
        yield


def test_with_the_database_full_what_is_sent_is_sent_once_and_all_is_settled_when_there_is_space(
    released: CityScene, database: Database
) -> None:
    for filled, moment in ((full, PAYDAY), (full_once_sent, LATER[0])):
        with filled(database), pytest.raises(ServiceUnavailable) as refused:
            released.run("disbursement", at(moment))
        assert refused.value.code == "database_full"
        assert "磁盘已满" in refused.value.zh
    unsettled = released.ports.database.read(lambda work: work.attempts.in_states([AttemptState.SENDING]))
    assert unsettled, "an order left whose answer could not be written"
    for moment in LATER[1:]:
        released.run("disbursement", at(moment))
    found = released.ports.database.read(lambda work: work.payments.obligations(city="suizhou"))
    assert {each.state for each in found} == {ObligationState.SETTLED}
    moved = [each.amount_fen for each in released.book.executions]
    assert sorted(moved) == sorted(each.amount_fen for each in found)
    assert released.ports.database.read(verify) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_order_that_the_outbox_s_disk_does_not_take_has_not_left_and_goes_when_there_is_space(
    released: CityScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, handed_over = tmp_path / "outbox-of-bank", tmp_path / "handed-over"
    gateway = FileGateway(
        outbox, tmp_path / "inbox-of-bank", handed_over, customer_id="fundpool", resend_span=timedelta(days=5)
    )
    released.ports = replace(released.ports, gateway=gateway)

    def half(source: BinaryIO, target: BinaryIO, _length: int) -> None:
        target.write(source.read()[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(raw_files.shutil, "copyfileobj", half)
        released.run("disbursement", at(PAYDAY))
    assert list(outbox.iterdir()) == []
    for moment in LATER:
        released.run("disbursement", at(moment))
    assert len(list(outbox.iterdir())) == len(released.funds)
    assert all(read_order(file.read_bytes()) for file in outbox.iterdir())
