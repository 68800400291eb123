"""Workbooks for counties: templates to fill, and the same sheets filled from values.

Template, reader and checks share one definition per document (schemas/documents). Cells that are not
for the county are locked; sums are formulas whose stored results the checks compute again. The bytes
depend on the arguments only: no clock, no user name; a template's also on the program's version.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell  # type: ignore[import-untyped]

from fundpool.adapters.documents.cell_grammar import Cell, read_amount
from fundpool.adapters.documents.document_reader import PROPERTY_CHARACTERS
from fundpool.adapters.documents.sheets import A3, A4, half_widths, set_page, set_widths, workbook_bytes
from fundpool.domain.inert import inert
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import Period
from fundpool.services.ports.judging import STANDARD_FUNDS, CityFund, County
from fundpool.version import product
from schemas.documents import document_type
from schemas.documents.base import DocumentField, DocumentType, FieldKind, Sum

Value = int | str | date | None
"""An amount in fen or a count (int), a text written exactly as it stands, a date cell, or a blank."""

_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_FIXED = {FieldKind.COUNTY_CODE, FieldKind.COUNTY_NAME, FieldKind.MONTH, FieldKind.YEAR, FieldKind.FUND}
_HEADER_ROW = 3
"""Zero-based: title, labels and instruction stand above it."""
_ROW_HEIGHT = 20
_COLUMN_WIDTH = {
    FieldKind.COUNTY_CODE: 13,
    FieldKind.COUNTY_NAME: 16,
    FieldKind.MONTH: 10,
    FieldKind.YEAR: 10,
    FieldKind.FUND: 21,
    FieldKind.MONEY: 16.5,
    FieldKind.COUNT: 11,
    FieldKind.CODE: 22,
    FieldKind.DAY: 12,
    FieldKind.CHOICE: 11,
    FieldKind.TEXT: 24,
}
"""Wide enough for the standard funds' names and for amounts of ten thousand million yuan."""
_REPEATED = 4
"""Columns that stand on both pages of a table printed on two; the head and the signatures keep within them."""
_INSTRUCTION = (
    "只填黄色单元格（灰色的已填好或自动计算）；没有发生额填 0；不要改动表头，不要隐藏、合并单元格。"
    " Fill the yellow cells only; write 0 for nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A document to be written: the blank template, or filled with ``rows``.

    ``totals`` are control totals that differ from the sums of the rows. ``mark`` is printed beside the title.
    """

    kind: DocumentType
    city_name: str
    month: Period
    rows: Sequence[Mapping[str, Value]]
    funds: Sequence[CityFund]
    labels: Mapping[str, str] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    mark: str | None = None
    is_blank: bool = False

    @property
    def title(self) -> str:
        return f"{self.city_name}{self.kind.zh}" + (f"（{self.mark}）" if self.mark else "")

    @property
    def period(self) -> str:
        """The period as the document writes it: a yearly one names the year of ``month``."""
        return str(self.month) if self.kind.period == "month" else f"{self.month.year:04d}"

    @property
    def named_rows(self) -> list[Mapping[str, Value]]:
        """The rows with the name of their fund where they state a key of ``funds``; other texts stay as they are."""
        names = {fund.key: fund.name_zh for fund in self.funds}
        columns = [f.key for f in self.kind.fields if f.kind is FieldKind.FUND]
        return [
            {**row, **{key: names.get(str(row[key]), row[key]) for key in columns if key in row}}
            for row in self.rows
        ]

    @property
    def sums(self) -> dict[str, int]:
        """Σ of every money column over the rows that state an amount."""
        return {f.key: sum(_amount(row.get(f.key)) or 0 for row in self.rows) for f in self.kind.money_fields}

    @property
    def signatures(self) -> list[tuple[str, str]]:
        """Who signs, and the name that is already written there."""
        return [
            (f"{label.zh}：", self.labels.get(label.key, ""))
            for label in self.kind.labels
            if label.key != "unit"
        ]


def template_workbook(
    document: str,
    city_name: str,
    *,
    counties: Sequence[County],
    month: Period,
    funds: Sequence[CityFund] = STANDARD_FUNDS,
    detail_rows: int | None = None,
) -> bytes:
    """The blank template of a document for ``counties`` (usually one), as a workbook (.xlsx).

    Documents per fund get one prepared row per county and fund, others ``detail_rows`` open rows
    (None: as many as the document's definition says).
    """
    kind = document_type(document)
    rows: list[Mapping[str, Value]] = [
        {"county_code": county.code, "county_name": county.name_zh, "fund": fund}
        for county in counties
        for fund in ((each.key for each in funds) if kind.per_fund else [""])
    ]
    if not kind.per_fund:
        rows = [rows[0]] * (detail_rows or kind.open_rows)
    form = _Form(kind=kind, city_name=city_name, month=month, rows=rows, funds=funds, is_blank=True)
    return _xlsx(form)


def write_document(
    path: Path,
    document: str,
    city_name: str,
    *,
    month: Period,
    rows: Sequence[Mapping[str, Value]],
    funds: Sequence[CityFund] = STANDARD_FUNDS,
    labels: Mapping[str, str] | None = None,
    totals: Mapping[str, int] | None = None,
    encoding: str = "utf-8-sig",
    mark: str | None = None,
) -> None:
    """Write a filled document to ``path``: ``.xlsx``, or ``.csv`` in ``encoding``.

    ``rows`` hold ``county_code``, ``county_name``, ``fund`` (key) and amounts in fen; an amount that
    follows from others is computed when absent, ``month`` likewise. A str is written as that text.
    ``funds`` are the city's; ``totals`` replaces control totals (fen); ``mark`` is printed beside the
    title (“synthetic”).
    """
    kind = document_type(document)
    if labels is None:
        labels = {"prepared_by": "张敏", "checked_by": "李强", "responsible": "王芳"}
    filled = [complete(kind, row, month) for row in rows]
    form = _Form(
        kind=kind,
        city_name=city_name,
        month=month,
        rows=filled,
        funds=funds,
        labels=labels,
        totals=totals or {},
        mark=mark,
    )
    path.write_bytes(_csv(form).encode(encoding) if path.suffix == ".csv" else _xlsx(form))


def complete(kind: DocumentType, row: Mapping[str, Value], month: Period) -> dict[str, Value]:
    """``row`` with the month and the amounts that follow from others, where it does not state them."""
    filled: dict[str, Value] = {"month": str(month), "year": f"{month.year:04d}", **row}
    for f in kind.fields:
        if f.follows_from is not None and f.key not in filled:
            filled[f.key] = sum_of(f.follows_from, filled)
    return filled


def sum_of(rule: Sum, row: Mapping[str, Value]) -> int | None:
    """The amount that ``rule`` gives for a row; None unless all its parts are amounts."""
    optional = {key: 0 for key in rule.optional if row.get(key) is None}
    plus = [_amount({**row, **optional}.get(key)) for key in rule.plus]
    minus = [_amount(row.get(key)) for key in rule.minus]
    if None in plus or None in minus:
        return None
    total = sum(part or 0 for part in plus) - sum(part or 0 for part in minus)
    return max(total, 0) if rule.at_least_nil else total


def _amount(value: Value) -> int | None:
    """Fen of an amount, also of one that is written unusually as text."""
    if isinstance(value, str):
        return read_amount(Cell(0, 0, "s", text=value, formula=False, is_date=False), derived=False)[0]
    return value if isinstance(value, int) else None


# --- .xlsx --------------------------------------------------------------------------------------


class _Formats:
    """The cell formats of a sheet."""

    def __init__(self, book: Any) -> None:
        font = {"font_name": "SimSun", "font_size": 10, "valign": "vcenter"}
        box = {**font, "border": 1}
        entry = {**box, "locked": False, "bg_color": "#FFF9DB"}
        grey = {**box, "bg_color": "#F2F2F2"}
        title = {"bold": True, "font_name": "SimHei"}
        self.title = book.add_format({**title, "font_size": 16, "valign": "vcenter", "align": "center"})
        self.wide_title = book.add_format({**title, "font_size": 14, "valign": "vcenter"})
        self.heading = book.add_format({**title, "font_size": 14})
        self.note = book.add_format({**box, "text_wrap": True})
        self.plain = book.add_format(font)
        header = {"bold": True, "bg_color": "#D9E2F3", "text_wrap": True, "align": "center"}
        self.header = book.add_format({**box, **header})
        self.fixed = book.add_format({**grey, "num_format": "@"})
        self.money = book.add_format({**entry, "num_format": "#,##0.00"})
        self.sum = book.add_format({**grey, "num_format": "#,##0.00"})
        self.count = book.add_format({**entry, "num_format": "0"})
        self.text = book.add_format({**entry, "num_format": "@", "text_wrap": True})
        self.day = book.add_format({**entry, "num_format": "yyyy-mm-dd"})


def _xlsx(form: _Form) -> bytes:
    # A filled form is the county's document; only the blank one is ours.
    ours = {"comments": product()} if form.is_blank else {}
    return workbook_bytes(
        lambda book: _write_form(book, form),
        title=form.kind.zh,
        company=form.city_name,
        created=_CREATED,
        **ours,
    )


def _write_form(book: Any, form: _Form) -> None:
    kind, rows = form.kind, form.named_rows
    codes = ",".join(dict.fromkeys(str(row["county_code"]) for row in rows if row.get("county_code")))
    for name, value in {
        "fundpool-document": kind.key,
        "fundpool-version": kind.version,
        "fundpool-month": form.period,
        "fundpool-county": codes[:PROPERTY_CHARACTERS],
        "fundpool-unit": kind.unit_zh,
    }.items():
        book.set_custom_property(name, value, "text")
    sheet = book.add_worksheet(kind.zh)
    formats = _Formats(book)
    _write_head(sheet, form, formats)
    for at, row in enumerate(rows, start=_HEADER_ROW + 1):
        _write_row(sheet, form, row, at=at, formats=formats)
    last_row = _HEADER_ROW + len(rows)
    _write_total_row(sheet, form, last_row + 1, formats=formats)
    for index, (label, name) in enumerate(form.signatures):
        at, column = last_row + 3 + index // 2, 2 * (index % 2)
        sheet.set_row(at, _ROW_HEIGHT)
        sheet.write_string(at, column, label, formats.plain)
        sheet.write_string(at, column + 1, name, formats.text)
    _validate_input(sheet, form, _HEADER_ROW + 1, last=last_row)
    sheet.freeze_panes(_HEADER_ROW + 1, _REPEATED)
    sheet.protect("", {"format_columns": True, "select_locked_cells": True})
    _set_page(sheet, wide=len(kind.fields) > 12)
    sheet.repeat_rows(0, _HEADER_ROW)
    if _on_two_pages(kind):
        sheet.fit_to_pages(2, 0)
        sheet.repeat_columns(0, _REPEATED - 1)
    if form.is_blank:
        _explain_columns(book, kind, formats)


def _on_two_pages(kind: DocumentType) -> bool:
    """Whether a table is legible only on two pages side by side, which both name the county and fund."""
    return len(kind.fields) > 16


def _set_page(sheet: Any, *, wide: bool) -> None:
    """The form is signed on paper too: on A3 where the table is wide."""
    set_page(sheet, paper=A3 if wide else A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)


def _explain_columns(book: Any, kind: DocumentType, formats: _Formats) -> None:
    """A second sheet with an instruction for every column: who fills it, and how."""
    sheet = book.add_worksheet("填报说明")
    sheet.write_string(0, 0, f"{kind.zh}填报说明", formats.heading)
    sheet.set_row(0, 26)
    sheet.write_row(1, 0, ("栏目", "由谁填写", "怎么填", "Column"), formats.header)
    set_widths(sheet, 24, 16, 72, 40)
    for row, f in enumerate(kind.fields, start=2):
        texts = (f.zh, *_how_to_fill(kind, f), f.en)
        # Not every program finds the height of a text that runs over lines by itself.
        sheet.set_row(row, 16 * (1 + half_widths(texts[2]) // 68))
        sheet.write_row(row, 0, texts, formats.note)
    sheet.protect("", {"format_columns": True, "select_locked_cells": True})
    _set_page(sheet, wide=False)


def _how_to_fill(kind: DocumentType, f: DocumentField) -> tuple[str, str]:
    if f.follows_from is not None:
        names = {each.key: each.zh for each in kind.fields}
        plus = " + ".join(names[key] for key in f.follows_from.plus)
        minus = "".join(f" − {names[key]}" for key in f.follows_from.minus)
        floor = "，不足 0 记 0" if f.follows_from.at_least_nil else ""
        return "表格自动计算", f"{f.zh} = {plus}{minus}{floor}；不必填写"
    if f.kind in _FIXED and (kind.per_fund or f.kind is not FieldKind.FUND):
        return "已填好", "不要改动"
    need = "县区选填" if f.is_optional else "县区填写"
    if f.choices or f.kind is FieldKind.FUND:
        return need, "从下拉列表中选择"
    how = {
        FieldKind.MONEY: f"单位：{kind.unit_zh}，最多两位小数，如 1234.56；没有发生额填 0"
        + ("；可为负数" if f.may_be_negative else ""),
        FieldKind.COUNT: "整数，如 120",
        FieldKind.DAY: "日期，如 2026-10-05",
        FieldKind.CODE: "按文本填写全部数字（单元格已设为文本）",
    }
    return need, how.get(f.kind, "文字")


def _write_head(sheet: Any, form: _Form, formats: _Formats) -> None:
    kind = form.kind
    if _on_two_pages(kind):  # a merged title would stand on the first page only
        sheet.write_string(0, 0, form.title, formats.wide_title)
    else:
        sheet.merge_range(0, 0, 0, len(kind.fields) - 1, form.title, formats.title)
    sheet.set_row(0, 30)
    sheet.write_string(1, 0, f"单位：{kind.unit_zh}", formats.plain)
    sheet.write_string(1, 1, f"{kind.month_zh}：{form.period}", formats.plain)
    sheet.write_string(1, _REPEATED - 1, f"模板版本：{kind.version}", formats.plain)
    counties = {str(row["county_name"]) for row in form.rows if row.get("county_name")}
    filed_by = counties.pop() if len(counties) == 1 else ""
    sheet.write_string(2, 0, f"填报单位（盖章）：{filed_by}", formats.plain)
    sheet.write_string(2, _REPEATED, _INSTRUCTION, formats.plain)
    for row in (1, 2):
        sheet.set_row(row, 18)
    for column, f in enumerate(kind.fields):
        sheet.write_string(_HEADER_ROW, column, f.zh, formats.header)
        sheet.write_comment(_HEADER_ROW, column, f.en) if f.follows_from else None
        sheet.set_column(column, column, _COLUMN_WIDTH[f.kind])
    sheet.set_row(_HEADER_ROW, 32)


def _write_row(sheet: Any, form: _Form, row: Mapping[str, Value], *, at: int, formats: _Formats) -> None:
    kind = form.kind
    if not any(half_widths(str(row.get(f.key) or "")) > 22 for f in kind.fields if f.kind is FieldKind.TEXT):
        sheet.set_row(at, _ROW_HEIGHT)
    for column, f in enumerate(kind.fields):
        value = row.get(f.key)
        if f.key == kind.period and value is None:
            value = form.period
        if f.follows_from is not None and (
            form.is_blank or (isinstance(value, int) and value == sum_of(f.follows_from, row))
        ):
            stored = value / 100 if isinstance(value, int) else 0.0
            sheet.write_formula(at, column, _formula(kind, f.follows_from, at), formats.sum, stored)
        else:
            _write_cell(sheet, at, column, f=f, value=value, formats=formats)


def _write_cell(
    sheet: Any, at: int, column: int, *, f: DocumentField, value: Value, formats: _Formats
) -> None:
    fixed = f.kind in _FIXED
    entry = formats.count if f.kind is FieldKind.COUNT else formats.text
    style = formats.fixed if fixed and value else formats.money if f.is_money else entry
    if value is None or value == "":
        sheet.write_blank(at, column, None, style)
    elif isinstance(value, date):
        sheet.write_datetime(at, column, datetime(value.year, value.month, value.day), formats.day)  # noqa: DTZ001 - Excel has no zones
    elif isinstance(value, str):
        sheet.write_string(at, column, value, style)
    else:
        sheet.write_number(at, column, value / 100 if f.is_money else value, style)


def _formula(kind: DocumentType, rule: Sum, at: int) -> str:
    columns = {f.key: index for index, f in enumerate(kind.fields)}
    plus = "+".join(xl_rowcol_to_cell(at, columns[key]) for key in rule.plus)
    minus = "".join(f"-{xl_rowcol_to_cell(at, columns[key])}" for key in rule.minus)
    # Rounded to the fen: sums of binary fractions grow tails.
    return f"=ROUND(MAX({plus}{minus},0),2)" if rule.at_least_nil else f"=ROUND({plus}{minus},2)"


def _write_total_row(sheet: Any, form: _Form, at: int, *, formats: _Formats) -> None:
    sums = form.sums
    sheet.set_row(at, _ROW_HEIGHT)
    sheet.write_string(at, 0, "控制合计", formats.fixed)
    for column, f in enumerate(form.kind.fields):
        if f.key in form.totals:
            sheet.write_number(at, column, form.totals[f.key] / 100, formats.sum)
        elif f.is_money:
            name = xl_col_to_name(column)
            formula = f"=ROUND(SUM({name}{_HEADER_ROW + 2}:{name}{at}),2)"
            sheet.write_formula(at, column, formula, formats.sum, sums[f.key] / 100)
        elif column:
            sheet.write_blank(at, column, None, formats.fixed)


def _validate_input(sheet: Any, form: _Form, first: int, *, last: int) -> None:
    for column, f in enumerate(form.kind.fields):
        rule = _input_rule(form, f)
        if rule is not None:
            sheet.data_validation(first, column, last, column, rule)


def _input_rule(form: _Form, f: DocumentField) -> dict[str, Any] | None:
    """The input rule that a spreadsheet program applies to the column's cells, with its hint and error text."""
    if f.kind is FieldKind.FUND or f.choices:
        values = [fund.name_zh for fund in form.funds] if f.kind is FieldKind.FUND else list(f.choices)
        return {
            "validate": "list",
            "source": values,
            "error_title": f"{f.zh}不在列表中",
            "error_message": f"请从列表中选择：{'、'.join(values)}"[:250],
        }
    if f.is_money and f.follows_from is None:
        rule = {
            "validate": "decimal",
            "minimum": -(10**12) if f.may_be_negative else 0,
            "maximum": 10**12,
            "input_message": f"单位：{form.kind.unit_zh}，最多两位小数；没有发生额填 0",
            "error_title": "不是金额",
            "error_message": "请填写半角数字，如 1234.56；没有发生额填 0。",
        }
    elif f.kind is FieldKind.COUNT:
        rule = {
            "validate": "integer",
            "minimum": 0,
            "maximum": 10**9,
            "input_message": "整数，如 120；没有填 0",
            "error_title": "不是整数",
            "error_message": "请填写整数，如 120；没有填 0。",
        }
    elif f.kind in _HINTS:
        return {"validate": "any", "input_title": f.zh[:32], "input_message": _HINTS[f.kind]}
    else:
        return None
    return rule | {"criteria": "between", "ignore_blank": f.is_optional, "input_title": f.zh[:32]}


_HINTS = {
    FieldKind.CODE: "按文本填写全部数字，前面的 0 也要写",
    FieldKind.DAY: "写作 2026-10-05",
}
"""The hint shown when a cell is chosen, in columns whose format no rule of a workbook can check."""


# --- .csv ---------------------------------------------------------------------------------------


def _csv(form: _Form) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([inert(form.title)])
    writer.writerow([f"单位：{form.kind.unit_zh}", f"{form.kind.month_zh}：{form.period}"])
    writer.writerow([f.zh for f in form.kind.fields])
    for row in form.named_rows:
        writer.writerow([_csv_text(f, row.get(f.key)) for f in form.kind.fields])
    stated = {**form.sums, **form.totals}
    writer.writerow(["控制合计", *(_csv_text(f, stated.get(f.key)) for f in form.kind.fields[1:])])
    writer.writerow([inert(cell) for signature in form.signatures for cell in signature])
    return text.getvalue()


def _csv_text(f: DocumentField, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return format_yuan(value, separators=False) if f.is_money else str(value)
    return inert(str(value))
