"""``fundpool audit verify``: everything, and what was written since a checkpoint, on top of ten years of payments.

    python -m benchmarks.verification --history 10000 100000 300000
    python -m benchmarks.verification --history 1000000 --databases sqlite

Lays settled payments of ten years into the tables (``benchmarks.history``), verifies all of them,
lets the product pay a month in every city (at most ``--cities``) and verifies what was written since.
Prints one line of JSON per database and size.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.history import History, city_name
from benchmarks.transfers import NOW, PER_MONTH, SEALS, Cities, databases
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.services.books.audit_checks import Anchor, take_anchor, verify_everything, verify_since


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--history", type=int, nargs="*", default=[10_000], help="settled payments before")
    parser.add_argument("--cities", type=int, default=463, help="how many cities pay a month since, at most")
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgresql"])
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fundpool-bench-"))
    try:
        with databases(folder, wanted.databases) as make:
            for kind in wanted.databases:
                for payments in wanted.history:
                    database = make(kind, False)  # noqa: FBT003 - the disk is not what is measured
                    history = History(database, payments, SEALS)
                    written = history.write()
                    line = measure(Cities(database), min(history.cities, wanted.cities))
                    print(json.dumps({"database": kind, "history": written, **line}), flush=True)
                    database.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(place: Cities, cities: int) -> dict[str, Any]:
    """Everything, then the month of some cities since; each in a process of its own, whose memory counts."""
    transactions, url = place.ports.database, place.database.url
    with get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        everything = processes.apply(verified, (url, None))
        checkpoint = transactions.read(
            lambda work: take_anchor(work, NOW).with_checkpoint(work)
        ).as_document()
        nothing_since = processes.apply(verified, (url, checkpoint))
        for number in range(cities):
            place.play(city_name(number))
        since = processes.apply(verified, (url, checkpoint))
    return {
        "benchmark": "verification",
        "everything": everything,
        "nothing_since": nothing_since,
        "paid_since": cities * PER_MONTH,
        "since": since,
        "checkpoint_bytes": len(json.dumps(checkpoint)),
        "load": round(os.getloadavg()[0], 1),
    }


def verified(url: str, checkpoint: dict[str, Any] | None) -> dict[str, float]:
    """Seconds and memory of one verification, which must find no fault; the database's server is not counted."""
    transactions = SqlTransactions(Database(url), SEALS)
    cpu, wall = time.process_time(), time.perf_counter()
    if checkpoint is None:
        found = transactions.read(lambda work: verify_everything(work, []))
    else:
        start = Anchor.from_document(checkpoint)
        found = transactions.read(lambda work: verify_since(work, [], start))
    took = time.process_time() - cpu, time.perf_counter() - wall
    assert not found.faults, found.faults[:3]
    return {
        "cpu_seconds": round(took[0], 2),
        "wall_seconds": round(took[1], 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "records": found.records,
        "rows": found.rows,
    }


if __name__ == "__main__":
    main()
