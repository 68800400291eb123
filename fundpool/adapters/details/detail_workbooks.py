"""The differing lines of two files of payment details as a workbook, and both result files put into place.

Amounts are typed numbers in yuan with two decimals where fifteen digits hold them exactly, else texts; texts
are written as texts, so no text of a file can become a formula. Rows go to the disk as they come.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xlsxwriter  # type: ignore[import-untyped]

from fundpool.adapters.documents.raw_files import storing, write_whole
from fundpool.adapters.documents.sheets import set_page, set_widths, yuan
from fundpool.domain.inert import inert
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

_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
"""What the workbook says of its making: the same comparison is the same file to the byte, whenever it is made."""
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
    target: Path, comparison: DetailComparison, lines: Iterable[tuple[Any, ...]], *, parquet_name: str
) -> int:
    """Write an overview and the first MOST_LINES differing lines; how many. Raises OSError."""
    settings = {"constant_memory": True, "strings_to_formulas": False, "tmpdir": str(target.parent)}
    book = xlsxwriter.Workbook(str(target), settings)
    book.set_properties({"title": "缴款拨付明细逐笔比对", "comments": product(), "created": _CREATED})
    styles = _Styles(book)
    _write_overview(book, styles, comparison, parquet_name=parquet_name)
    written = _write_lines(book, styles, comparison, lines=lines, parquet_name=parquet_name)
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
        # A serial stays as the file has it, to be looked up; the mark keeps a spreadsheet from computing it.
        self.marked = book.add_format({**font, "quote_prefix": True})
        self.right = book.add_format({**font, "align": "right"})
        self.warning = book.add_format({**font, "bold": True, "font_color": "#9C0006", "bg_color": "#FFC7CE"})


def _write_overview(book: Any, styles: _Styles, comparison: DetailComparison, *, parquet_name: str) -> None:
    sheet = book.add_worksheet("汇总")
    set_page(sheet, heading_row=5)
    sheet.set_column(0, 1, 16)
    sheet.set_column(2, len(COUNTS) + 1, 14)
    sheet.write_string(0, 0, "明细逐笔比对 / line-by-line comparison", styles.title)
    for row, (name, file) in enumerate((("左方", comparison.left), ("右方", comparison.right)), start=1):
        _write_text(sheet, row, 0, text=f"{name}：{file.file}　SHA-256 {file.sha256}", styles=styles)
    if comparison.differing:
        sheet.write_string(
            3, 0, f"差异 {comparison.differing} 行，见下一张表；全部在 {parquet_name}", styles.warning
        )
    else:
        sheet.write_string(3, 0, "逐笔相符，无差异。", styles.plain)
    sheet.write_row(5, 0, ("县区", "险种", *map(count_zh, COUNTS)), styles.head)
    for row, place in enumerate(comparison.places, start=6):
        _write_text(sheet, row, 0, text=place.county, styles=styles)
        _write_text(sheet, row, 1, text=place.fund, styles=styles)
        _write_counts(sheet, row, styles, counts={name: getattr(place, name) for name in COUNTS})
    end = 6 + len(comparison.places)
    sheet.write_string(end, 0, "合计", styles.head)
    _write_counts(sheet, end, styles, counts={name: comparison.count(name) for name in COUNTS})


def _write_counts(sheet: Any, row: int, styles: _Styles, *, counts: dict[str, int]) -> None:
    for column, (name, count) in enumerate(counts.items(), start=2):
        if name.endswith("_fen"):
            _write_money(sheet, row, column, amount_fen=count, styles=styles)
        else:
            sheet.write_number(row, column, count, styles.plain)


def _write_lines(
    book: Any,
    styles: _Styles,
    comparison: DetailComparison,
    *,
    lines: Iterable[tuple[Any, ...]],
    parquet_name: str,
) -> int:
    sheet = book.add_worksheet("差异明细")
    set_page(sheet, heading_row=_HEADING_ROWS - 1)
    set_widths(sheet, *(width for _, width in _HEADS))
    sheet.freeze_panes(_HEADING_ROWS, 0)
    total = comparison.differing
    sheet.write_string(0, 0, f"差异 {total} 行 / differing lines: {total}", styles.title)
    if total > MOST_LINES:
        sheet.write_string(
            1,
            0,
            f"一张工作表只能容纳前 {MOST_LINES} 行；全部 {total} 行在 {parquet_name} / "
            f"a sheet holds the first {MOST_LINES} only; all {total} are in {parquet_name}",
            styles.warning,
        )
    sheet.write_row(_HEADING_ROWS - 1, 0, [head for head, _ in _HEADS], styles.head)
    row = _HEADING_ROWS - 1
    for row, line in enumerate(lines, start=_HEADING_ROWS):
        _write_line(sheet, row, line, styles=styles)
    written = row - _HEADING_ROWS + 1
    assert written == min(total, MOST_LINES), f"{written} of {total} lines"
    return written


def _write_line(sheet: Any, row: int, line: tuple[Any, ...], *, styles: _Styles) -> None:
    kind, serial, *sides = line
    sheet.write_string(row, 0, _KIND_ZH[Difference(kind)], styles.plain)
    _write_text(sheet, row, 1, text=serial, styles=styles)
    for first, (number, county, fund, amount_fen) in ((2, sides[:4]), (6, sides[4:])):
        if number is not None:
            sheet.write_number(row, first, number, styles.plain)
            _write_text(sheet, row, first + 1, text=county, styles=styles)
            _write_text(sheet, row, first + 2, text=fund, styles=styles)
            _write_money(sheet, row, first + 3, amount_fen=amount_fen, styles=styles)
    if kind == Difference.AMOUNT_MISMATCH:
        _write_money(sheet, row, 10, amount_fen=sides[3] - sides[7], styles=styles)


def _write_text(sheet: Any, row: int, column: int, *, text: str, styles: _Styles) -> None:
    text = _NOT_XML.sub("\ufffd", text)
    sheet.write_string(row, column, text, styles.plain if inert(text) == text else styles.marked)


def _write_money(sheet: Any, row: int, column: int, *, amount_fen: int, styles: _Styles) -> None:
    # A spreadsheet's number keeps fifteen digits: what has more stays a text, whole.
    if abs(amount_fen) < _EXACT_FEN:
        sheet.write_number(row, column, yuan(amount_fen), styles.money)
    else:
        sheet.write_string(row, column, format_yuan(amount_fen), styles.right)


# --- the folder of results ----------------------------------------------------------------------


def _put(source: Path, target: Path) -> None:
    """Give ``target`` the bytes of ``source`` whole or not at all. Raises ServiceUnavailable."""
    with storing(target.parent, "差异明细", "the differing lines"), source.open("rb") as written:
        write_whole(target, written, is_synced=True)


def write_differences(comparer: "DetailComparer", folder: Path, options: str) -> DifferenceFiles:
    """Write the differing lines into the folder, as Parquet and as a workbook.

    The names of both follow from the bytes of the files compared and from ``options``, which says how they
    were compared: another comparison of the same files does not replace this one.
    """
    comparison = comparer.comparison
    compared = f"{comparison.left.sha256}\n{comparison.right.sha256}\n{options}"
    stem = f"differences-{hashlib.sha256(compared.encode()).hexdigest()[:12]}"
    parquet, workbook = folder / f"{stem}.parquet", folder / f"{stem}.xlsx"
    listed = comparer.list_differences()
    drawn = listed.with_suffix(".xlsx")
    lines = write_workbook(
        drawn, comparison, comparer.differences(listed, MOST_LINES), parquet_name=parquet.name
    )
    _put(listed, parquet)
    _put(drawn, workbook)
    return DifferenceFiles(parquet, workbook, comparison.differing, workbook_lines=lines)
