"""A peer of the books: pgledger's public SQL in batches, beside the floor of its own rows.

    git clone https://github.com/pgr0ss/pgledger
    python -m benchmarks.pgledger_peer pgledger [--transfers N]

Posts the transfers of ``benchmarks.ledger_posting`` (one account to a hundred, batches of BATCH)
through ``pgledger_create_transfers`` and copies the rows it wrote (a transfer and two entries each)
into twins of its tables, with their keys (``floor``) and with the primary key alone (``bare``).
Prints one line of JSON; a transfer is to pgledger what a posting is to the books.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.ledger_posting import BATCH, COUNTIES, Spent, cpu_seconds_of, embedded

SOURCES = ("vendor/scoville-pgsql-ulid/uuid-to-ulid.sql", "pgledger.sql")
WAYS = ("pgledger", "floor", "bare")
TWINS = """
create table floor_transfers (like pgledger_transfers including all);
create table floor_entries (like pgledger_entries including all);
alter table floor_transfers add foreign key (from_account_id) references pgledger_accounts (id);
alter table floor_transfers add foreign key (to_account_id) references pgledger_accounts (id);
alter table floor_entries add foreign key (account_id) references pgledger_accounts (id);
alter table floor_entries add foreign key (transfer_id) references floor_transfers (id);
create table bare_transfers as select * from pgledger_transfers limit 0;
create table bare_entries as select * from pgledger_entries limit 0;
create unique index on bare_transfers (id);
create unique index on bare_entries (id);
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pgledger", type=Path, help="a copy of its repository")
    parser.add_argument("--transfers", type=int, default=20_000)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fundpool-bench-"))
    try:
        url, stop = embedded(folder)
        plain_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain_url) as connection:
            print(json.dumps(measure(connection, wanted.pgledger, -(-wanted.transfers // BATCH))))
        stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(connection: psycopg.Connection[Any], pgledger: Path, batches: int) -> dict[str, object]:
    """Microseconds per transfer of each way, and what share of pgledger's the raw copies take."""
    accounts = _set_up(connection, pgledger)
    (backend,) = connection.execute("select pg_backend_pid()").fetchone() or (0,)
    spent = {way: Spent() for way in WAYS}

    def timed(way: str, act: Callable[[], list[str]]) -> list[str]:
        cpu, wall = time.process_time() + cpu_seconds_of(backend), time.perf_counter()
        done = act()
        connection.commit()
        spent[way].wall.append(time.perf_counter() - wall)
        spent[way].cpu.append(time.process_time() + cpu_seconds_of(backend) - cpu)
        return done

    _transfer(connection, accounts)  # The first compiles the functions; it is not counted.
    for _ in range(batches):
        made = timed("pgledger", lambda: _transfer(connection, accounts))
        rows = _rows(connection, made)
        for way in WAYS[1:]:
            timed(way, lambda way=way, rows=rows: _copy(connection, way, rows))  # type: ignore[misc]
    wall, cpu = (
        {way: sum(getattr(spent[way], kind)) / batches / BATCH * 1e6 for way in WAYS}
        for kind in ("wall", "cpu")
    )
    return {
        "benchmark": "pgledger_peer",
        "transfers": batches * BATCH,
        "batch": BATCH,
        **{f"{way}_per_second": round(1e6 / wall[way]) for way in WAYS},
        **{f"{way}_cpu_us": round(cpu[way], 1) for way in WAYS},
        **{f"share_of_{way}": round(wall[way] / wall["pgledger"], 3) for way in WAYS[1:]},
        **{f"share_of_{way}_cpu": round(cpu[way] / cpu["pgledger"], 3) for way in WAYS[1:]},
        "load": round(os.getloadavg()[0], 1),
    }


def _set_up(connection: psycopg.Connection[Any], pgledger: Path) -> list[str]:
    for source in SOURCES:
        connection.execute((pgledger / source).read_bytes())
    connection.execute(TWINS.encode())
    created = "select id from pgledger_create_account(%s, 'CNY')"
    accounts = [
        row[0] for number in range(COUNTIES + 1) for row in connection.execute(created, (f"a{number}",))
    ]
    connection.commit()
    return accounts


def _transfer(connection: psycopg.Connection[Any], accounts: Sequence[str]) -> list[str]:
    requests = sql.SQL(", ").join(
        sql.SQL("({}, {}, {})::transfer_request").format(
            accounts[0], accounts[1 + number % COUNTIES], 100 + number % 7
        )
        for number in range(BATCH)
    )
    made = connection.execute(sql.SQL("select id from pgledger_create_transfers(array[{}])").format(requests))
    return [row[0] for row in made]


def _rows(connection: psycopg.Connection[Any], made: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    queries = {
        "transfers": "select * from pgledger_transfers where id = any(%s)",
        "entries": "select * from pgledger_entries where transfer_id = any(%s)",
    }
    rows = {table: connection.execute(query.encode(), (made,)).fetchall() for table, query in queries.items()}
    connection.commit()
    return rows


def _copy(connection: psycopg.Connection[Any], way: str, rows: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    for table, lines in rows.items():
        into = sql.SQL("copy {} from stdin").format(sql.Identifier(f"{way}_{table}"))
        with connection.cursor().copy(into) as copy:
            for line in lines:
                copy.write_row(line)
    return []


if __name__ == "__main__":
    main()
