"""Two files of payment details compared line by line, beside reading them alone and beside pandas.

    python -m benchmarks.detail_comparison [--lines N]...

Prints one line of JSON per size. Each way runs in a process of its own, so that each has its own peak of
memory. The right file has the left one's lines in another order: one in a hundred with another amount, one
in a thousand missing, one in a thousand twice. *read* loads both files into DuckDB as texts and nothing
else: the floor. *pandas* reads both as texts, makes integers of the amounts, drops duplicates and merges:
no line number, no check of a value, all in memory. Both must count what the product counts.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fundpool.services.documents.detail_comparison import COUNTS, DETAIL_COLUMNS

FORMS = ("csv", "parquet")
PANDAS_UP_TO = 1_000_000
"""Lines a side that pandas is still tried with: it holds everything in memory."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="*", default=[1_000_000])
    options = parser.parse_args()
    for lines in options.lines:
        for form in FORMS:
            print(json.dumps(figures(lines, form, with_pandas=lines <= PANDAS_UP_TO)), flush=True)


def figures(lines: int, form: str, *, with_pandas: bool) -> dict[str, Any]:
    """Processor seconds, wall seconds and peak memory of each way on one pair of files."""
    with TemporaryDirectory() as name:
        left, right = alone(make_files, Path(name), lines, form)["answer"]
        product = alone(by_product, left, right)
        floor = alone(by_reading, left, right)
        pandas = alone(by_pandas, left, right) if with_pandas and form == "csv" else None
        size = left.stat().st_size + right.stat().st_size
    counted = product.pop("answer")
    assert floor.pop("answer") == (counted["left_rows"], counted["right_rows"])
    if pandas is not None:
        assert pandas.pop("answer") == {name: counted[name] for name in COUNTED_BY_PANDAS}
    return {
        "benchmark": "detail_comparison",
        "lines": lines,
        "form": form,
        "megabytes": size >> 20,
        "load": round(os.getloadavg()[0], 1),
        "differing": counted["differing"],
        "product": product,
        "read": floor,
        "pandas": pandas,
        "product_over_read": round(product["cpu_seconds"] / floor["cpu_seconds"], 2),
        "product_over_pandas": pandas and round(product["cpu_seconds"] / pandas["cpu_seconds"], 2),
    }


def alone(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """What the function answers in a fresh process, and what that process took (its start is not counted)."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (function, arguments))


def _measured(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    importlib.import_module(NEEDS[function.__name__])
    began, cpu_began = time.perf_counter(), time.process_time()
    answer = function(*arguments)
    return {
        "answer": answer,
        "cpu_seconds": round(time.process_time() - cpu_began, 2),
        "wall_seconds": round(time.perf_counter() - began, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def make_files(folder: Path, lines: int, form: str) -> tuple[Path, Path]:
    """The two files; serials of twenty digits, nine counties, two funds."""
    import duckdb  # noqa: PLC0415 - in the process it counts for

    left, right = folder / f"left.{form}", folder / f"right.{form}"
    line = """printf('%020d', n) AS serial, printf('3310%02d', 1 + n % 9) AS county,
      CASE WHEN n % 2 = 0 THEN 'employee' ELSE 'resident' END AS fund, n % 1000003 + changed AS amount_fen"""
    scattered = f"(i * 7919 + 17) % {lines}"
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder)}) as database:
        options = "HEADER" if form == "csv" else "FORMAT parquet"
        database.execute(
            f"COPY (SELECT {line} FROM (SELECT i AS n, 0 AS changed FROM range({lines}) t(i))) TO '{left}' ({options})"
        )
        database.execute(
            f"COPY (SELECT {line} FROM (SELECT {scattered} AS n, (i % 100 = 0)::INT AS changed, i FROM range({lines}) t(i)), "
            f"range(CASE i % 1000 WHEN 1 THEN 0 WHEN 2 THEN 2 ELSE 1 END)) TO '{right}' ({options})"
        )
    return left, right


def by_product(left: Path, right: Path) -> dict[str, int]:
    from fundpool.adapters.details.detail_comparison import compare  # noqa: PLC0415 - in the process it counts for

    columns = {name: name for name in DETAIL_COLUMNS}
    with compare((left, columns), (right, columns)) as comparer:
        comparer.list_differences()
        comparison = comparer.comparison
    return {**{name: comparison.count(name) for name in COUNTS}, "differing": comparison.differing}


def by_reading(left: Path, right: Path) -> tuple[int, ...]:
    import duckdb  # noqa: PLC0415 - in the process it counts for

    from fundpool.adapters.details.detail_comparison import MEMORY  # noqa: PLC0415 - in the process it counts for

    rows = []
    with TemporaryDirectory() as name, duckdb.connect(f"{name}/floor.duckdb") as database:
        database.execute(f"SET memory_limit = '{MEMORY}'")
        for side, path in (("l", left), ("r", right)):
            read = "read_csv(?, all_varchar=true)" if path.suffix == ".csv" else "read_parquet(?)"
            database.execute(f"CREATE TABLE {side} AS SELECT * FROM {read}", [str(path)])
            rows += [row[0] for row in database.execute(f"SELECT count(*) FROM {side}").fetchall()]
    return tuple(rows)


COUNTED_BY_PANDAS = (
    "matched", "amount_mismatch", "only_left", "only_right", "duplicate_left", "duplicate_right",
    "total_left_fen", "total_right_fen",
)  # fmt: skip


def by_pandas(left: Path, right: Path) -> dict[str, int]:
    import pandas as pd  # noqa: PLC0415 - in the process it counts for

    sides = [pd.read_csv(path, dtype=str).astype({"amount_fen": "int64"}) for path in (left, right)]
    firsts = [side.drop_duplicates("serial") for side in sides]
    merged = firsts[0].merge(firsts[1], on="serial", how="outer", indicator=True, validate="1:1")
    both = merged[merged["_merge"] == "both"]
    equal = both["amount_fen_x"] == both["amount_fen_y"]
    found = (
        equal.sum(),
        (~equal).sum(),
        (merged["_merge"] == "left_only").sum(),
        (merged["_merge"] == "right_only").sum(),
        *(len(side) - len(first) for side, first in zip(sides, firsts, strict=True)),
        *(side["amount_fen"].sum() for side in sides),
    )
    return {name: int(figure) for name, figure in zip(COUNTED_BY_PANDAS, found, strict=True)}


NEEDS = {
    "make_files": "duckdb",
    "by_product": "fundpool.adapters.details.detail_comparison",
    "by_reading": "fundpool.adapters.details.detail_comparison",
    "by_pandas": "pandas",
}
"""What a way loads before its time is taken."""


if __name__ == "__main__":
    main()
