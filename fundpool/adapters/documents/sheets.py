"""What every workbook that is written for people shares: the book, its page, its fonts, and the width of a text."""

from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from fundpool.domain.inert import inert

A4, A3 = 9, 8
_COLUMN_MARGIN = 2
"""Characters of a column's width that a text does not reach."""


class _InertSheet(Worksheet):  # type: ignore[misc]
    def _write_string(self, row: int, column: int, text: str, style: Any = None) -> Any:  # noqa: PLR0917
        return super()._write_string(row, column, inert(text), style)


class _InertWorkbook(xlsxwriter.Workbook):  # type: ignore[misc]
    worksheet_class = _InertSheet


def workbook_bytes(write: Callable[[Any], None], *, notice: str | None = None, **properties: Any) -> bytes:
    """The bytes of a workbook that ``write`` fills; no text in it becomes a formula or a link, also saved as CSV.

    ``notice`` stands on top of every printed page.
    """
    target = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = _InertWorkbook(target, options)
    book.set_properties(properties)
    write(book)
    for sheet in book.worksheets() if notice else ():
        sheet.set_header(f"&C{notice}")
    book.close()
    return target.getvalue()


def set_page(sheet: Any, *, paper: int = A4, heading_row: int | None = None) -> None:
    """Printed across the page and as wide as it, with numbered pages; ``heading_row`` stands on each of them."""
    sheet.set_landscape()
    sheet.set_paper(paper)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C第 &P 页 共 &N 页")
    if heading_row is not None:
        sheet.repeat_rows(heading_row)


class FormStyles:
    """The cell formats of a form that officials sign."""

    def __init__(self, book: Any) -> None:
        self.font = {"font_name": "宋体", "font_size": 10}
        self.box = {**self.font, "border": 1, "valign": "vcenter"}
        title = {**self.font, "font_size": 16, "bold": True, "align": "center", "valign": "vcenter"}
        money = {**self.box, "num_format": "#,##0.00"}
        self.title = book.add_format(title)
        self.plain = book.add_format(self.font)
        self.right = book.add_format({**self.font, "align": "right"})
        self.head = book.add_format({**self.box, "bold": True, "align": "center", "text_wrap": True})
        self.centre = book.add_format({**self.box, "align": "center"})
        self.money = book.add_format(money)
        self.total_money = book.add_format({**money, "bold": True})


def set_widths(sheet: Any, *widths: int) -> None:
    """The widths of the first columns, in characters of a Latin letter's width."""
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)


def half_widths(text: str) -> int:
    """Characters of a Latin letter's width: a Chinese one takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def lines_in(text: str, width: int) -> int:
    """Lines that a text takes in a column: not every program sets the height of a row by itself."""
    return -(-half_widths(text) // (width - _COLUMN_MARGIN))


def yuan(amount_fen: int) -> Decimal:
    """The amount as a number of a workbook: 15 digits hold any fund's fen exactly."""
    return Decimal(amount_fen) / 100
