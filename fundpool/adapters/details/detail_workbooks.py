"""The differing lines of two files of payment details as a workbook, and both result files put into place.

Amounts are typed numbers in yuan with two decimals where fifteen digits hold them exactly, else texts; texts
are written as texts, so nothing that a file said can become a formula. Rows go to the disk as they come.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xlsxwriter  # type: ignore[import-untyped]

from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.money import format_yuan
from fundpool.services.documents.detail_comparison import (
    COUNTS,
    DetailComparison,
    Difference,
    DifferenceFiles,
)

if TYPE_CHECKING:
    from fundpool.adapters.details.detail_comparison import DetailComparer
from fundpool.version import product

SHEET_ROWS = 1_048_576
_HEADING_ROWS = 3
MOST_LINES = SHEET_ROWS - _HEADING_ROWS

_EXACT_FEN = 10**15
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_KIND_ZH: Mapping[str, str] = {
    Difference.AMOUNT_MISMATCH: "金额不符",
    Difference.PLACE_MISMATCH: "县区或险种不符",
    Difference.ONLY_LEFT: "仅左方有",
    Difference.ONLY_RIGHT: "仅右方有",
    Difference.DUPLICATE_LEFT: "左方重复",
    Difference.DUPLICATE_RIGHT: "右方重复",
}
_COUNT_ZH: Mapping[str, str] = {
    "left_rows": "左方行数",
    "right_rows": "右方行数",
    "matched": "相符",
    **_KIND_ZH,
    "total_left_fen": "左方合计（元）",
    "total_right_fen": "右方合计（元）",
}
_HEADS = (
    ("差异类别", 16),
    ("流水号", 30),
    ("左方行号", 10),
    ("左方县区", 12),
    ("左方险种", 12),
    ("左方金额（元）", 18),
    ("右方行号", 10),
    ("右方县区", 12),
    ("右方险种", 12),
    ("右方金额（元）", 18),
    ("差额（左减右，元）", 20),
)


def count_zh(name: str) -> str:
    """What a count or total of the comparison is called."""
    return _COUNT_ZH[name]


def write_workbook(
    target: Path, comparison: DetailComparison, lines: Iterable[tuple[Any, ...]], parquet_name: str
) -> int:
    """Write an overview and the first MOST_LINES differing lines; how many. Raises OSError."""
    settings = {"constant_memory": True, "strings_to_formulas": False, "tmpdir": str(target.parent)}
    book = xlsxwriter.Workbook(str(target), settings)
    book.set_properties({"title": "缴款拨付明细逐笔比对", "comments": product()})
    styles = _Styles(book)
    _write_overview(book, styles, comparison, parquet_name)
    written = _write_lines(book, styles, comparison, lines, parquet_name)
    try:
        book.close()
    except xlsxwriter.exceptions.FileCreateError as error:
        raise OSError(str(error)) from error
    return written


class _Styles:
    def __init__(self, book: Any) -> None:
        font = {"font_name": "宋体", "font_size": 10}
        self.title = book.add_format({**font, "font_size": 14, "bold": True})
        self.plain = book.add_format(font)
        self.head = book.add_format({**font, "bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.money = book.add_format({**font, "num_format": "#,##0.00"})
        self.right = book.add_format({**font, "align": "right"})
        self.warning = book.add_format({**font, "bold": True, "font_color": "#9C0006", "bg_color": "#FFC7CE"})


def _sheet(book: Any, name: str, heading_row: int) -> Any:
    """A sheet that prints on A4 as wide as it is, with its headings on every page."""
    sheet = book.add_worksheet(name)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(heading_row)
    sheet.set_footer("&C第 &P 页 共 &N 页")
    return sheet


def _write_overview(book: Any, styles: _Styles, comparison: DetailComparison, parquet_name: str) -> None:
    sheet = _sheet(book, "汇总", heading_row=5)
    sheet.set_column(0, 1, 16)
    sheet.set_column(2, len(COUNTS) + 1, 14)
    sheet.write_string(0, 0, "明细逐笔比对 / line-by-line comparison", styles.title)
    for row, (name, file) in enumerate((("左方", comparison.left), ("右方", comparison.right)), start=1):
        _write_text(sheet, row, 0, f"{name}：{file.file}　SHA-256 {file.sha256}", styles.plain)
    if comparison.differing:
        _write_text(
            sheet, 3, 0, f"差异 {comparison.differing} 行，见下一张表；全部在 {parquet_name}", styles.warning
        )
    else:
        sheet.write_string(3, 0, "逐笔相符，无差异。", styles.plain)
    for column, head in enumerate(("县区", "险种", *map(count_zh, COUNTS))):
        sheet.write_string(5, column, head, styles.head)
    for row, place in enumerate(comparison.places, start=6):
        _write_text(sheet, row, 0, place.county, styles.plain)
        _write_text(sheet, row, 1, place.fund, styles.plain)
        _write_counts(sheet, row, styles, {name: getattr(place, name) for name in COUNTS})
    end = 6 + len(comparison.places)
    sheet.write_string(end, 0, "合计", styles.head)
    _write_counts(sheet, end, styles, {name: comparison.count(name) for name in COUNTS})


def _write_counts(sheet: Any, row: int, styles: _Styles, counts: dict[str, int]) -> None:
    for column, (name, count) in enumerate(counts.items(), start=2):
        if name.endswith("_fen"):
            _write_money(sheet, row, column, count, styles)
        else:
            sheet.write_number(row, column, count, styles.plain)


def _write_lines(
    book: Any,
    styles: _Styles,
    comparison: DetailComparison,
    lines: Iterable[tuple[Any, ...]],
    parquet_name: str,
) -> int:
    sheet = _sheet(book, "差异明细", heading_row=_HEADING_ROWS - 1)
    for column, (_, width) in enumerate(_HEADS):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(_HEADING_ROWS, 0)
    total = comparison.differing
    sheet.write_string(0, 0, f"差异 {total} 行 / differing lines: {total}", styles.title)
    if total > MOST_LINES:
        _write_text(
            sheet,
            1,
            0,
            f"一张工作表只能容纳前 {MOST_LINES} 行；全部 {total} 行在 {parquet_name} / "
            f"a sheet holds the first {MOST_LINES} only; all {total} are in {parquet_name}",
            styles.warning,
        )
    for column, (head, _) in enumerate(_HEADS):
        sheet.write_string(2, column, head, styles.head)
    row = _HEADING_ROWS - 1
    for row, line in enumerate(lines, start=_HEADING_ROWS):
        _write_line(sheet, row, line, styles)
    written = row - _HEADING_ROWS + 1
    assert written == min(total, MOST_LINES), f"{written} of {total} lines"
    return written


def _write_line(sheet: Any, row: int, line: tuple[Any, ...], styles: _Styles) -> None:
    kind, serial, *sides = line
    sheet.write_string(row, 0, _KIND_ZH[Difference(kind)], styles.plain)
    _write_text(sheet, row, 1, serial, styles.plain)
    for first, (number, county, fund, amount_fen) in ((2, sides[:4]), (6, sides[4:])):
        if number is not None:
            sheet.write_number(row, first, number, styles.plain)
            _write_text(sheet, row, first + 1, county, styles.plain)
            _write_text(sheet, row, first + 2, fund, styles.plain)
            _write_money(sheet, row, first + 3, amount_fen, styles)
    if kind == Difference.AMOUNT_MISMATCH:
        _write_money(sheet, row, 10, sides[3] - sides[7], styles)


def _write_text(sheet: Any, row: int, column: int, text: str, style: Any) -> None:
    sheet.write_string(row, column, _NOT_XML.sub("\ufffd", text), style)


def _write_money(sheet: Any, row: int, column: int, amount_fen: int, styles: _Styles) -> None:
    # A spreadsheet's number keeps fifteen digits: what has more stays a text, whole.
    if abs(amount_fen) < _EXACT_FEN:
        sheet.write_number(row, column, Decimal(amount_fen) / 100, styles.money)
    else:
        sheet.write_string(row, column, format_yuan(amount_fen), styles.right)


# --- the folder of results ----------------------------------------------------------------------


def result_stem(comparison: DetailComparison, *asked: str) -> str:
    """Name of a comparison's files, from both files' bytes and what was asked: another comparison's differ."""
    told = "\n".join((comparison.left.sha256, comparison.right.sha256, *asked))
    return f"differences-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def open_folder(folder: Path) -> None:
    """Make the folder, and see that it takes files. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise InputError(
            "result_folder",
            f"--out {folder}：不能写入（{error.strerror}）",
            f"--out {folder}: cannot be written to ({error.strerror})",
            remedy="给出可写的目录 / name a folder that can be written to",
        ) from error


def put(source: Path, target: Path) -> None:
    """Give ``target`` the bytes of ``source`` whole or not at all. Raises ServiceUnavailable."""
    handle, name = -1, ""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
        with os.fdopen(handle, "wb") as stream, source.open("rb") as written:
            shutil.copyfileobj(written, stream, 1 << 20)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise ServiceUnavailable(
            "storage_unavailable",
            f"差异明细无法存盘：{error.strerror}（{target.parent}）",
            f"the differing lines cannot be kept: {error.strerror} ({target.parent})",
            remedy="检查磁盘空间与权限后重试 / check space and rights, then run again",
        ) from error


def write_differences(comparer: "DetailComparer", folder: Path, question: str) -> DifferenceFiles:
    """Write the differing lines into the folder, as Parquet and as a workbook.

    ``question`` is what was compared and how: the same comparison asked otherwise gets files of its own.
    """
    comparison = comparer.comparison
    stem = result_stem(comparison, question)
    parquet, workbook = folder / f"{stem}.parquet", folder / f"{stem}.xlsx"
    listed = comparer.list_differences()
    drawn = listed.with_suffix(".xlsx")
    lines = write_workbook(drawn, comparison, comparer.differences(listed, MOST_LINES), parquet.name)
    put(listed, parquet)
    put(drawn, workbook)
    return DifferenceFiles(parquet, workbook, comparison.differing, lines)
