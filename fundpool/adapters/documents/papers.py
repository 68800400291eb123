"""Papers that officials sign, written on A4 as a workbook or as a Word document, both from the same plain data.

No text in a table can become a formula, also when a Word table is pasted into a spreadsheet. The fonts are named,
not embedded: 仿宋 and 宋体 are on every office machine.
"""

import re
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_ALIGN_VERTICAL, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import Table, _Row
from docx.text.paragraph import Paragraph

from fundpool.adapters.documents.sheets import (
    FormStyles,
    lines_in,
    set_page,
    workbook_bytes,
    yuan,
)
from fundpool.domain.inert import inert
from fundpool.domain.money import format_yuan
from fundpool.domain.paper import (
    SANDBOX_MARK,
    UNKNOWN,
    Cell,
    Column,
    Language,
    NumberedPaper,
    Paper,
    PaperFormat,
    PaperTable,
)
from fundpool.version import product

_ROLES: dict[Language, tuple[str, str, str]] = {
    "zh": ("经办：", "复核：", "负责人："),
    "en": ("Prepared by:", "Checked by:", "Head of unit:"),
}
_SEAL: dict[Language, str] = {"zh": "（盖章处）", "en": " (place of the seal)"}
_NUMBER: dict[Language, str] = {"zh": "编号：", "en": ""}
_PAGE: dict[Language, tuple[str, str, str]] = {"zh": ("第 ", " 页 共 ", " 页"), "en": ("Page ", " of ", "")}
_NO_DATE: dict[Language, str] = {"zh": "　　　　年　　月　　日", "en": "Date:            "}


def write_paper(numbered: NumberedPaper, file_format: PaperFormat) -> bytes:
    """See ``services.ports.papers.WritePaper``."""
    return _word(numbered) if file_format == "docx" else _workbook(numbered)


def _day(day: date, language: Language) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else day.isoformat()


def _dates(numbered: NumberedPaper) -> list[str]:
    """The date beside each signing unit: the issuer's is the paper's, the others write theirs."""
    language = numbered.paper.language
    others = [_NO_DATE[language] for _ in numbered.paper.signing_units[1:]]
    return [_day(numbered.number.issued_on, language), *others]


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML file may hold; a county's cell may."""
_SIGNED_NUMBER = re.compile(r"[-+][0-9,]+(\.[0-9]+)?", re.ASCII)


def _cell_text(cell: Cell) -> str:
    """A cell as Word shows it; what a county wrote is no formula either where the table is pasted into a workbook."""
    if cell is None or isinstance(cell, int):
        return UNKNOWN if cell is None else format_yuan(cell)
    return cell if _SIGNED_NUMBER.fullmatch(cell) else inert(cell)


# --- Word ----------------------------------------------------------------------------------------

_SERIF, _BODY, _TITLE = "Times New Roman", "仿宋_GB2312", "宋体"
_RED = RGBColor(0xC0, 0x00, 0x00)
_LEFT, _CENTRE, _RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT


def _word(numbered: NumberedPaper) -> bytes:
    paper, number = numbered.paper, numbered.number
    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = paper.title, paper.issuer, product()
    properties.created = properties.modified = number.issued_at
    width_cm = _set_up_page(document, paper)
    _line(document.add_paragraph(), paper.issuer, size=14, align=_CENTRE)
    _line(document.add_paragraph(), paper.title, size=20, align=_CENTRE, font=_TITLE, bold=True)
    head = _NUMBER[paper.language] + number.in_words(paper.language)
    _line(document.add_paragraph(), head, size=12, align=_RIGHT)
    if paper.addressee is not None:
        _line(
            document.add_paragraph(), f"{paper.addressee}{':' if paper.language == 'en' else '：'}", size=14
        )
    for text in paper.text:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.first_line_indent = Pt(28)
        _line(paragraph, text, size=14)
    for table in paper.tables:
        _word_table(document, table, width_cm=width_cm, is_last=table is paper.tables[-1])
    for note in paper.notes:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        _line(paragraph, note, size=11)
    _word_signatures(document, numbered, width_cm=width_cm)
    target = BytesIO()
    document.save(target)
    return target.getvalue()


def _set_up_page(document: Document, paper: Paper) -> float:
    """A4 with sandbox mark and page numbers; the width of the text in centimetres."""
    normal: Any = document.styles["Normal"]
    normal.font.name, normal.font.size = _SERIF, Pt(12)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), _BODY)
    language = OxmlElement("w:lang")
    language.set(qn("w:eastAsia"), "zh-CN")  # where commas stand in their square
    normal.element.rPr.append(language)
    normal.paragraph_format.space_after = Pt(4)
    section = document.sections[0]
    short, long = Cm(21.0), Cm(29.7)
    section.page_width, section.page_height = (long, short) if paper.is_wide else (short, long)
    section.orientation = WD_ORIENT.LANDSCAPE if paper.is_wide else WD_ORIENT.PORTRAIT
    section.left_margin = section.right_margin = Cm(2.0)
    section.top_margin = section.bottom_margin = Cm(2.2)
    if paper.is_sandbox:
        mark = SANDBOX_MARK[paper.language]
        _line(section.header.paragraphs[0], mark, size=14, align=_CENTRE, bold=True, colour=_RED)
    footer = section.footer.paragraphs[0]
    before, between, after = _PAGE[paper.language]
    _line(footer, before, size=10, align=_CENTRE)
    _add_field(footer, "PAGE")
    _line(footer, between, size=10, align=_CENTRE)
    _add_field(footer, "NUMPAGES")
    _line(footer, after, size=10, align=_CENTRE)
    return 25.7 if paper.is_wide else 17.0


def _line(
    paragraph: Paragraph,
    text: str,
    *,
    size: float,
    align: WD_ALIGN_PARAGRAPH = _LEFT,
    font: str = _BODY,
    bold: bool = False,
    colour: RGBColor | None = None,
) -> None:
    paragraph.alignment = align
    run = paragraph.add_run(_NO_XML.sub("\ufffd", text))
    run.font.name, run.font.size, run.font.bold = _SERIF, Pt(size), bold
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    if colour is not None:
        run.font.color.rgb = colour


def _add_field(paragraph: Paragraph, instruction: str) -> None:
    """A field that Word counts itself: PAGE or NUMPAGES."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), instruction)
    _line(paragraph, "1", size=10, align=_CENTRE)
    field.append(paragraph.runs[-1]._element)
    paragraph._element.append(field)


def _word_table(document: Document, table: PaperTable, *, width_cm: float, is_last: bool) -> None:
    """Write a table; the end of the last one stays with the signatures, so that no page holds them alone."""
    if table.heading is not None:
        heading = document.add_paragraph()
        heading.paragraph_format.space_before = Pt(8)
        heading.paragraph_format.keep_with_next = True
        _line(heading, table.heading, size=12, font=_TITLE, bold=True)
    for text in table.above:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        _line(paragraph, text, size=10.5)
    size = 9 if len(table.columns) > 6 else 10.5
    shares = sum(column.width for column in table.columns)
    widths = [width_cm * column.width / shares for column in table.columns]
    drawn = _empty_table(document, widths)
    drawn.style = "Table Grid"
    titles = [column.title for column in table.columns]
    _word_row(drawn, table.columns, titles, widths=widths, size=size, is_head=True)
    for row in table.rows:
        _word_row(drawn, table.columns, row, widths=widths, size=size)
    if table.total is not None:
        _word_row(drawn, table.columns, table.total, widths=widths, size=size, is_total=True, stays=is_last)
    for text in table.below:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = is_last
        paragraph.paragraph_format.space_before = Pt(4)
        _line(paragraph, text, size=10.5)


def _empty_table(document: Document, widths_cm: Sequence[float]) -> Table:
    table: Table = document.add_table(rows=0, cols=len(widths_cm))
    table.autofit = False
    for column, width in zip(table.columns, widths_cm, strict=True):
        column.width = Cm(width)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    return table


def _word_row(
    table: Table,
    columns: Sequence[Column],
    cells: Sequence[Cell],
    *,
    widths: Sequence[float],
    size: float,
    is_head: bool = False,
    is_total: bool = False,
    stays: bool = False,
) -> None:
    row = _add_row(table)
    row.height = Cm(0.6)
    _mark_row(row, "w:cantSplit")
    if is_head:
        _mark_row(row, "w:tblHeader")
    for drawn, column, cell, width in zip(row.cells, columns, cells, widths, strict=True):
        drawn.width = Cm(width)
        align = _CENTRE if is_head or column.is_centred else _RIGHT if column.is_money else _LEFT
        paragraph = drawn.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.paragraph_format.keep_with_next = stays
        drawn.vertical_alignment = WD_ALIGN_VERTICAL.CENTER
        _line(paragraph, _cell_text(cell), size=size, align=align, bold=is_head or is_total)


def _add_row(table: Table) -> _Row:
    row: _Row = table.add_row()  # type: ignore[no-untyped-call]
    return row


def _mark_row(row: _Row, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _word_signatures(document: Document, numbered: NumberedPaper, *, width_cm: float) -> None:
    """For each unit its three signatures; below them its name, the date and the place of its seal."""
    paper = numbered.paper
    for unit, day in zip(paper.signing_units, _dates(numbered), strict=True):
        space = document.add_paragraph()
        space.paragraph_format.keep_with_next = True
        table = _empty_table(document, [width_cm / 3] * 3)
        roles, below = _add_row(table), _add_row(table)
        for cell, role in zip(roles.cells, _ROLES[paper.language], strict=True):
            cell.paragraphs[0].paragraph_format.keep_with_next = True
            _line(cell.paragraphs[0], role, size=12)
        seal = below.cells[0].merge(below.cells[2])
        _mark_row(below, "w:cantSplit")
        seal.paragraphs[0].paragraph_format.space_before = Pt(14)
        _line(seal.paragraphs[0], f"{unit}{_SEAL[paper.language]}", size=12, align=_RIGHT)
        _line(seal.add_paragraph(), day, size=12, align=_RIGHT)


# --- workbook ------------------------------------------------------------------------------------

_ROW = 18


class _Styles(FormStyles):
    def __init__(self, book: Any) -> None:
        super().__init__(book)
        self.line = book.add_format({**self.font, "text_wrap": True, "valign": "vcenter"})
        self.issuer = book.add_format({**self.font, "font_size": 12, "align": "center"})
        self.heading = book.add_format({**self.font, "font_size": 11, "bold": True})
        self.mark = book.add_format(
            {**self.font, "font_size": 12, "bold": True, "align": "center", "font_color": "#C00000"}
        )
        self.cell = book.add_format({**self.box, "text_wrap": True})
        self.amount_text = book.add_format({**self.box, "align": "right"})
        total = {**self.box, "bold": True, "text_wrap": True}
        self.total = book.add_format(total)
        self.total_centre = book.add_format({**total, "align": "center"})

    def of(self, column: Column, cell: Cell, *, is_total: bool) -> Any:
        """The format of a cell."""
        if isinstance(cell, int):
            return self.total_money if is_total else self.money
        if column.is_money:
            return self.amount_text
        if column.is_centred:
            return self.total_centre if is_total else self.centre
        return self.total if is_total else self.cell


class _Sheet:
    """A sheet that is filled from the top; every line runs over all its columns.

    Its columns are those of the widest table: the last column of a narrower one takes what is left of the width.
    """

    def __init__(self, book: Any, paper: Paper) -> None:
        self._styles = _Styles(book)
        self._sheet = book.add_worksheet(paper.kind.in_words(paper.language)[:31])
        self._sheet.hide_gridlines(2)
        count = max([3, *(len(table.columns) for table in paper.tables)])  # three people sign
        self.widths = [10] * count
        for table in paper.tables:
            # What the last column of a narrower table spans sets no width.
            columns = table.columns if len(table.columns) == count else table.columns[:-1]
            for place, column in enumerate(columns):
                needed = max(column.width, 17 if column.is_money else 0)
                self.widths[place] = max(self.widths[place] if place else 0, needed)
        for place, width in enumerate(self.widths):
            self._sheet.set_column(place, place, width)
        self.at = 0

    def line(self, text: str, style: str = "line", *, height: int = _ROW) -> None:
        lines = lines_in(text, sum(self.widths)) if text else 1
        self._sheet.merge_range(self.at, 0, self.at, len(self.widths) - 1, text, getattr(self._styles, style))
        self._sheet.set_row(self.at, height * lines)
        self.at += 1

    def roles(self, roles: Sequence[str]) -> None:
        """A line with the signatures beside each other."""
        for number, role in enumerate(roles):
            self._sheet.write_string(
                self.at, number * len(self.widths) // len(roles), role, self._styles.plain
            )
        self.at += 1

    def table(self, table: PaperTable) -> int:
        """Write the table; the row of its head."""
        if table.heading is not None:
            self.line(table.heading, "heading")
        for text in table.above:
            self.line(text)
        head = self.at
        self._row(table.columns, [column.title for column in table.columns], is_head=True)
        for row in table.rows:
            self._row(table.columns, row)
        if table.total is not None:
            self._row(table.columns, table.total, is_total=True)
        for text in table.below:
            self.line(text)
        return head

    def _row(
        self,
        columns: Sequence[Column],
        cells: Sequence[Cell],
        *,
        is_head: bool = False,
        is_total: bool = False,
    ) -> None:
        lines = 1
        for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            last = len(self.widths) - 1 if place == len(columns) - 1 else place
            style = self._styles.head if is_head else self._styles.of(column, cell, is_total=is_total)
            value = UNKNOWN if cell is None else yuan(cell) if isinstance(cell, int) else cell
            if last > place:
                self._sheet.merge_range(self.at, place, self.at, last, value, style)
            elif isinstance(cell, int):
                self._sheet.write_number(self.at, place, value, style)
            else:
                self._sheet.write_string(self.at, place, value, style)
            if isinstance(cell, str) and cell:
                lines = max(lines, lines_in(cell, max(4, sum(self.widths[place : last + 1]))))
        self._sheet.set_row(self.at, _ROW * lines)
        self.at += 1

    def finish(self, paper: Paper, heading_row: int | None) -> None:
        """Set the page: A4, as wide as the page, numbered."""
        set_page(self._sheet, heading_row=heading_row)
        if not paper.is_wide:
            self._sheet.set_portrait()
        before, between, after = _PAGE[paper.language]
        self._sheet.set_footer(f"&C{before}&P{between}&N{after}")


def _workbook(numbered: NumberedPaper) -> bytes:
    paper, number = numbered.paper, numbered.number

    def write(book: Any) -> None:
        sheet = _Sheet(book, paper)
        if paper.is_sandbox:
            sheet.line(SANDBOX_MARK[paper.language], "mark")
        sheet.line(paper.issuer, "issuer")
        sheet.line(paper.title, "title", height=30)
        sheet.line(_NUMBER[paper.language] + number.in_words(paper.language), "right")
        if paper.addressee is not None:
            sheet.line(f"{paper.addressee}{':' if paper.language == 'en' else '：'}")
        for text in paper.text:
            sheet.line(text)
        heads = [sheet.table(table) for table in paper.tables]
        for note in paper.notes:
            sheet.line(note)
        for unit, day in zip(paper.signing_units, _dates(numbered), strict=True):
            sheet.line("")
            sheet.roles(_ROLES[paper.language])
            sheet.line(f"{unit}{_SEAL[paper.language]}　{day}", "right", height=36)
        sheet.finish(paper, heads[0] if len(heads) == 1 else None)

    notice = SANDBOX_MARK[paper.language] if paper.is_sandbox else None
    return workbook_bytes(
        write,
        title=paper.title,
        author=paper.issuer,
        comments=product(),
        created=number.issued_at,
        notice=notice,
    )
