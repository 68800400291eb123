"""Three thousand county workbooks read and judged, beside calamine and openpyxl; and what GX costs.

    python -m benchmarks.reading [--workbooks N] [--rows N]...

Prints one line of JSON. The workbooks are the template filled with made-up plans, one county each.
calamine and openpyxl only load the cells: no limits, no findings, no child process. The share of
Great Expectations is measured on tie-out frames of growing length against plain pandas asking the
same questions of the same columns.
"""

import argparse
import io
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pandas as pd
from python_calamine import CalamineWorkbook

from benchmarks.measuring import PeakMemory
from expectations import plan
from expectations.frame import tie_out_frame
from expectations.runner import failing_rows, judge
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.documents.workbooks import write_document
from fundpool.domain.periods import Month
from fundpool.services.ports.judging import County, JudgingContext, Register, SourceFile
from schemas.documents.base import ITEMS, SIGNATURES
from schemas.documents.plan import PLAN

MONTH = Month(2026, 10)
DISTINCT = 300
"""Different workbooks, used over and over: writing them is not what is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workbooks", type=int, default=3_000)
    parser.add_argument("--rows", type=int, nargs="*", default=[20, 3_000, 1_000_000])
    options = parser.parse_args()
    counties = tuple(County(f"{100_000 + number}", f"第{number}县") for number in range(DISTINCT))
    context = JudgingContext(Register(counties), MONTH)
    files = [workbook(county, number) for number, county in enumerate(counties)]
    files = [files[number % DISTINCT] for number in range(options.workbooks)]
    with PeakMemory() as memory:
        figures = read_and_judge(files, context)
    answer = {
        "benchmark": "reading",
        "workbooks": len(files),
        **figures,
        "peak_mb": memory.peak_mb,
        "judging_rows": [share_of_gx(count, files[0], context) for count in options.rows],
    }
    print(json.dumps(answer))


def workbook(county: County, number: int) -> SourceFile:
    """The plan of one county, as its clerk would file it."""
    rows = []
    for fund in ("employee", "resident"):
        row: dict[str, Any] = {"county_code": county.code, "county_name": county.name_zh, "fund": fund}
        row |= {f"{key}_fen": 1_000_003 * (place + 1) + number for place, (key, _, _) in enumerate(ITEMS)}
        if fund == "resident":
            row["personal_account_fen"] = 0
        rows.append({**row, "available_fen": 500_000})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.xlsx"
        write_document(path, "plan", "合成数据 synthetic", month=MONTH, rows=rows)
        return SourceFile(f"{county.code}.xlsx", path.read_bytes())


def read_and_judge(files: list[SourceFile], context: JudgingContext) -> dict[str, Any]:
    parsed, reading = timed(lambda: read_documents(files, "plan", context.register, month=MONTH))
    judgements, judging = timed(lambda: judge(parsed, "plan", context))
    assert {judgement.verdict.value for judgement in judgements} == {"pass"}
    _, calamine = timed(lambda: [load_with_calamine(file.content) for file in files])
    _, by_openpyxl = timed(lambda: [load_with_openpyxl(file.content) for file in files])
    return {
        "read": reading | {"per_second": round(len(files) / reading["wall_seconds"])},
        "judge": judging | {"per_second": round(len(files) / judging["wall_seconds"])},
        "calamine_cells_only": calamine,
        "openpyxl_cells_only": by_openpyxl,
        "read_over_calamine": round(reading["cpu_seconds"] / calamine["cpu_seconds"], 1),
        "openpyxl_over_read": round(by_openpyxl["cpu_seconds"] / reading["cpu_seconds"], 1),
    }


def load_with_calamine(content: bytes) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python()


def load_with_openpyxl(content: bytes) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    return list(book.worksheets[0].iter_rows(values_only=True))


def share_of_gx(count: int, file: SourceFile, context: JudgingContext) -> dict[str, Any]:
    """Great Expectations against plain pandas on ``count`` rows of one frame."""
    parsed = read_documents([file], "plan", context.register, month=MONTH)
    few = tie_out_frame(parsed, [context], plan.SUITE)
    frame = pd.concat([few] * -(-count // len(few)), ignore_index=True).head(count)
    frame["file"] = frame.index // len(few)
    checks = [check for check in plan.SUITE.checks if check.needs is None]
    failing, with_gx = timed(lambda: failing_rows(checks, frame))
    assert failing == {check.code: [] for check in checks}
    found, plain = timed(lambda: plain_pandas(frame))
    assert found == 0
    return {
        "rows": count,
        "checks": len(checks),
        "gx": with_gx,
        "pandas": plain,
        "gx_over_pandas": round(with_gx["cpu_seconds"] / max(plain["cpu_seconds"], 1e-4), 1),
        "gx_share": round(1 - plain["cpu_seconds"] / with_gx["cpu_seconds"], 3),
    }


def plain_pandas(frame: pd.DataFrame) -> int:
    """The suite's questions as bare expressions; how many rows fail any of them."""
    items = [f"{key}_fen" for key, _, _ in ITEMS]
    money = [field.key for field in PLAN.money_fields]
    required = [*items, "planned_fen", "available_fen", "requested_fen"]
    wrong = frame["county"].isna() | frame["fund"].isna()
    wrong |= frame["county_by_code"] != frame["county_by_name"]
    wrong |= frame["month"] != frame["expected_month"]
    wrong |= frame.duplicated(["file", "county", "fund"], keep=False)
    wrong |= frame["missing_funds"].notna() | frame["copied_from"].notna()
    wrong |= frame[required].isna().any(axis=1) | (frame[money].fillna(0) < 0).any(axis=1)
    for key in money:
        wrong |= (frame[f"control_{key}"] != frame[f"sum_{key}"]).fillna(value=False)
    wrong |= frame["has_total_row"].isin([False]) | frame["maker_is_checker"].isin([True])
    wrong |= (frame[[label.key for label in SIGNATURES]] == "").any(axis=1)
    wrong |= frame["planned_fen"] != sum(frame[key] for key in items)
    wrong |= frame["requested_fen"] != (frame["planned_fen"] - frame["available_fen"]).clip(lower=0)
    wrong |= (frame["fund"] == "resident") & (frame["personal_account_fen"].fillna(0) != 0)
    wrong |= frame["planned_fen"] == 0
    wrong |= (frame["available_fen"] > frame["planned_fen"]).fillna(value=False)
    return int(wrong.sum())


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What ``work`` returns, with wall time and the processor time of this process and its children."""
    wall, used = time.perf_counter(), _cpu()
    result = work()
    seconds = time.perf_counter() - wall
    return result, {"wall_seconds": round(seconds, 2), "cpu_seconds": round(_cpu() - used, 3)}


def _cpu() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
