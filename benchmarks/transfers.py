"""Payments through the whole state machine: what durability costs, and what ten years of history cost.

    python -m benchmarks.transfers                                     # durability; history of 10,000
    python -m benchmarks.transfers --history 0 10000 100000 1000000    # the full growth

Cities of nine counties and two funds pay a month: 18 payments each are ordered, approved, released
and sent to a bank in the same process, queried, matched with the bank's statement and looked at.
Prints one line of JSON per database and setting.

*Durability* runs the same payments on two databases of a kind, city by city in turn: one as the
product sets it up, one that does not wait for the disk (SQLite ``synchronous = OFF``, PostgreSQL
``fsync = off``), which the product never does. *Growth* lays ten years of settled payments of such
cities into the tables first (``benchmarks.history``) and then plays the month of a few of them; with
``--verify`` it also proves the whole history as ``fundpool audit verify`` does.
"""

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from benchmarks.history import (
    CHECKER,
    COUNTIES,
    FUNDS,
    HOP,
    MAKER,
    MONTH,
    OPENING_FEN,
    RELEASER,
    History,
    city_name,
    orders,
)
from benchmarks.ledger_posting import cpu_seconds_of, embedded
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import ObligationState
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.oversight import overview
from fundpool.services.payments import batches, resolving, sending, transfer_views
from fundpool.services.ports.work import Ports, Work
from tests.scripted_bank import ScriptedGateway

NOW = datetime(2026, 10, 8, 9, tzinfo=SHANGHAI)
PER_MONTH = len(FUNDS) * len(COUNTIES)
STAGES = ("order", "authorise", "send", "resolve", "statement", "look")
GROWING = "posting|voucher|audit|obligation|attempt|gateway_call|statement_line|transfer_batch|callback_inbox"
"""Tables that history makes long: no everyday statement may read one of them from end to end."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cities", type=int, default=5, help="how many cities' months are played")
    parser.add_argument("--history", type=int, nargs="*", default=[0, 10_000], help="settled payments before")
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--verify", action="store_true", help="also prove the whole history")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fundpool-bench-"))
    try:
        with databases(folder, wanted.databases) as make:
            for kind in wanted.databases:
                for line in durability(make, kind, wanted.cities):
                    print(json.dumps(line), flush=True)
                for transfers in wanted.history:
                    print(
                        json.dumps(growth(make, kind, transfers, wanted.cities, prove=wanted.verify)),
                        flush=True,
                    )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


Make = Callable[[str, bool], Database]
"""A new database of a kind, that waits for the disk or does not."""


@contextmanager
def databases(folder: Path, kinds: Iterable[str]):  # type: ignore[no-untyped-def]
    """How to make databases in ``folder``; a PostgreSQL server of its own for each setting, where ``kinds`` names it."""
    servers = {}
    if "postgresql" in kinds:
        servers = {durable: embedded(folder / f"durable-{durable}") for durable in (True, False)}
        quick = Database(servers[False][0])
        with quick.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("alter system set fsync = off"))
            connection.execute(text("select pg_reload_conf()"))
        quick.dispose()
    numbers = iter(range(1_000_000))

    def make(kind: str, durable: bool) -> Database:
        number = next(numbers)
        if kind == "sqlite":
            database = Database(f"sqlite:///{folder}/{number}.db")
            if not durable:
                event.listen(database.engine, "connect", _do_not_wait)
        else:
            server = Database(servers[durable][0])
            with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f"create database bench{number}"))
            server.dispose()
            database = Database(re.sub(r"/[^/?]*(\?|$)", rf"/bench{number}\1", servers[durable][0], count=1))
        migrations.upgrade(database)
        return database

    yield make
    for _, stop in servers.values():
        stop()


def _do_not_wait(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@dataclass
class Meter:
    """Seconds per stage: on the wall, of the processors, of the database server; scans of long tables."""

    database: Database
    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    server: dict[str, list[float]] = field(default_factory=dict)
    statements: set[str] = field(default_factory=set)
    backend: int | None = None

    def __post_init__(self) -> None:
        engine = self.database.engine
        if not self.database.is_sqlite:
            with engine.connect() as connection:
                self.backend = connection.execute(text("select pg_backend_pid()")).scalar_one()
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.add(statement)

    def server_seconds(self) -> float:
        return 0.0 if self.backend is None else cpu_seconds_of(self.backend)

    @contextmanager
    def stage(self, name: str):  # type: ignore[no-untyped-def]
        server, cpu, wall = self.server_seconds(), time.process_time(), time.perf_counter()
        yield
        self.wall.setdefault(name, []).append(time.perf_counter() - wall)
        own, of_server = time.process_time() - cpu, self.server_seconds() - server
        self.cpu.setdefault(name, []).append(own + of_server)
        self.server.setdefault(name, []).append(of_server)

    def forget(self) -> None:
        """Start anew: the first city compiled the statements."""
        for seconds in (self.wall, self.cpu, self.server):
            seconds.clear()

    def ms(self, seconds: dict[str, list[float]], *, per: int = PER_MONTH) -> dict[str, float]:
        """Milliseconds per payment and stage: the best of the cities."""
        return {name: round(min(took) / per * 1000, 3) for name, took in seconds.items()}

    def scans(self) -> list[str]:
        """Everyday statements that SQLite would answer by reading a long table from end to end."""
        if not self.database.is_sqlite:
            return []
        found = []
        with self.database.engine.connect() as connection:
            for statement in sorted(self.statements):
                # The head of a chain is the last row by the primary key.
                if (
                    not re.match(r"\s*(select|update|delete)", statement, re.IGNORECASE)
                    or " LIMIT " in statement
                ):
                    continue
                marks = (None,) * statement.count("?")
                plan = connection.exec_driver_sql(f"explain query plan {statement}", marks).all()
                if any(re.fullmatch(rf"SCAN ({GROWING})( USING .*)?", row[3]) for row in plan):
                    found.append(" ".join(statement.split()))
        return found


SEALS = Seals(lambda: b"benchmark")


class Cities:
    """Cities that share a database and a bank in this process."""

    def __init__(self, database: Database) -> None:
        book = BankBook()
        book.open_on_first_use(OPENING_FEN)
        self.database = database
        self.ports = Ports(database=SqlTransactions(database, SEALS), gateway=ScriptedGateway(book))
        self.meter = Meter(database)

    def play(self, city: str) -> None:
        """The month of one city, stage by stage."""
        act, meter, ports = self.ports.database.transaction, self.meter, self.ports
        with meter.stage("order"):
            act(lambda work: batches.order_transfers(work, orders(city), MAKER, now=NOW))
        with meter.stage("authorise"):
            people = {"checker": CHECKER, "releaser": RELEASER, "now": NOW}
            act(lambda work: batches.authorise(work, city, MONTH, hop=HOP, **people))  # type: ignore[arg-type]
        with meter.stage("send"):
            sent = sending.send_batch(ports, city, MONTH, hop=HOP, worker="w1", now=NOW, clock=lambda: NOW)
        assert {outcome.state for outcome in sent} == {ObligationState.SETTLED}, sent
        with meter.stage("resolve"):
            resolving.resolve(ports, NOW + timedelta(hours=1), city=city, month=MONTH)
        with meter.stage("statement"):
            report = resolving.import_statements(ports, city, NOW.date(), now=NOW + timedelta(days=1))
        assert (report.lines_new, report.breaks_new) == (PER_MONTH, 0), report
        with meter.stage("look"):
            ports.database.read(lambda work: look(work, city))


def look(work: Work, city: str) -> None:
    """What the dashboard and the command line read about a city's money."""
    transfer_views.transfer_views(work, city, MONTH)
    for batch in work.payments.batches(city, MONTH):
        batches.batch_consequences(work, batch.id)
    overview.fund_books(work, city, FUNDS, as_of=NOW + timedelta(days=2))
    overview.standing_alarms(work, city)


def durability(make: Make, kind: str, cities: int) -> list[dict[str, Any]]:
    """The same payments with and without waiting for the disk, in turn."""
    played = {durable: Cities(make(kind, durable)) for durable in (True, False)}
    commits = dict.fromkeys(played, 0)
    for durable, place in played.items():
        History(place.database, 0, SEALS, cities_at_least=cities + 1).write()
        place.play(city_name(0))
        place.meter.forget()

        def count(*executed: Any, durable: bool = durable, turn: str = place.database.take_turn) -> None:
            commits[durable] += executed[2] == turn

        event.listen(place.database.engine, "before_cursor_execute", count)
    for number in range(1, cities + 1):
        for place in played.values():
            place.play(city_name(number))
    lines = []
    for durable, place in played.items():
        wall, cpu = place.meter.ms(place.meter.wall), place.meter.ms(place.meter.cpu)
        paying = ("order", "authorise", "send")
        lines.append(
            {
                "benchmark": "transfers",
                "database": kind,
                "waits_for_the_disk": durable,
                "transfers": cities * PER_MONTH,
                "transfers_per_second": round(1000 / sum(wall[stage] for stage in paying), 1),
                "transfers_per_cpu_second": round(1000 / sum(cpu[stage] for stage in paying), 1),
                "commits_per_transfer": round(commits[durable] / (cities * PER_MONTH), 2),
                "wall_ms": wall,
                "cpu_ms": cpu,
                "server_cpu_ms": place.meter.ms(place.meter.server),
                "load": round(os.getloadavg()[0], 1),
            }
        )
        place.database.dispose()
    return lines


def growth(make: Make, kind: str, transfers: int, cities: int, *, prove: bool) -> dict[str, Any]:
    """The month of a few cities on top of ``transfers`` settled payments of ten years."""
    database = make(kind, True)  # noqa: FBT003 - waits for the disk
    began = time.perf_counter()
    history = History(database, transfers, SEALS, cities_at_least=cities + 1)
    written = history.write()
    seconds = time.perf_counter() - began
    place = Cities(database)
    place.play(city_name(0))
    place.meter.forget()
    for number in range(1, cities + 1):
        place.play(city_name(number))
    wall, cpu = place.meter.ms(place.meter.wall), place.meter.ms(place.meter.cpu)
    line = {
        "benchmark": "growth",
        "database": kind,
        "history": written,
        "years": 10 if written else 0,
        "cities": history.cities,
        "written_in_seconds": round(seconds, 1),
        "wall_ms_per_transfer": round(sum(wall.values()), 2),
        "cpu_ms_per_transfer": round(sum(cpu.values()), 2),
        "wall_ms": wall,
        "cpu_ms": cpu,
        "scans": place.meter.scans(),
        "load": round(os.getloadavg()[0], 1),
    }
    if prove:
        cpu_began = time.process_time()
        faults = place.ports.database.read(lambda work: verify_everything(work, []).faults)
        assert not faults, faults[:3]
        line["verify_cpu_seconds"] = round(time.process_time() - cpu_began, 2)
    database.dispose()
    return line


if __name__ == "__main__":
    main()
