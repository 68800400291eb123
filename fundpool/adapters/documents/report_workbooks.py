"""The city's monthly summary as a workbook an official signs: one sheet per scheme, and the list.

Amounts are typed numbers in yuan with two decimals; texts are written as texts, so nothing that a
county wrote can become a formula.
"""

from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from fundpool.domain.month_summary import (
    REMARK_KINDS_ZH,
    SUMMARY_FIELDS,
    MonthSummary,
    RowStatus,
    SummaryRow,
)
from fundpool.version import product
from schemas.documents import document_type

_STATUS_ZH = {
    RowStatus.ACCEPTED: "已审核",
    RowStatus.NIL: "零申报",
    RowStatus.UNDER_REVIEW: "审核中",
    RowStatus.RETURNED: "已退回",
    RowStatus.MISSING: "缺报",
}
_FIRST_ROW = 5
_ROW_HEIGHT = 20


def summary_workbook(summary: MonthSummary) -> bytes:
    """See ``services.ports.files.WriteSummary``."""
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties(
        {
            "title": f"{summary.city_name}{summary.month}基金支出汇总表",
            "author": summary.city_name,
            "comments": product(),
        }
    )
    styles = _Styles(book)
    for fund, fund_name in summary.funds:
        _write_fund(book, styles, summary, fund, fund_name)
    _write_remarks(book, styles, summary)
    book.close()
    return target.getvalue()


class _Styles:
    def __init__(self, book: Any) -> None:
        font = {"font_name": "宋体", "font_size": 10}
        box = {**font, "border": 1, "valign": "vcenter"}
        self.title = book.add_format(
            {**font, "font_size": 16, "bold": True, "align": "center", "valign": "vcenter"}
        )
        self.plain = book.add_format(font)
        self.note = book.add_format({**font, "text_wrap": True, "valign": "vcenter"})
        self.right = book.add_format({**font, "align": "right"})
        self.head = book.add_format({**box, "bold": True, "align": "center", "text_wrap": True})
        self.cell = book.add_format({**box, "text_wrap": True})
        self.centre = book.add_format({**box, "align": "center"})
        self.money = book.add_format({**box, "num_format": "#,##0.00"})
        self.total_money = book.add_format({**box, "bold": True, "num_format": "#,##0.00"})
        self.total = book.add_format({**box, "bold": True, "align": "center"})
        self.absent = book.add_format({**box, "align": "center", "bg_color": "#F2F2F2"})


def _write_fund(book: Any, styles: _Styles, summary: MonthSummary, fund: str, fund_name: str) -> None:
    sheet = book.add_worksheet(fund_name.split("（", maxsplit=1)[0][:31])
    last = len(SUMMARY_FIELDS) + 2
    names = {field.key: field.zh for field in document_type("report").fields}
    sheet.hide_gridlines(2)
    sheet.merge_range(0, 0, 0, last, f"{summary.city_name}基本医疗保险基金支出核算汇总表", styles.title)
    sheet.set_row(0, 30)
    sheet.merge_range(1, 0, 1, last, f"险种：{fund_name}", styles.plain)
    sheet.merge_range(2, 0, 2, 5, f"所属月份：{summary.month.year}年{summary.month.month}月", styles.plain)
    sheet.merge_range(2, last - 2, 2, last, f"编制日期：{summary.prepared_on}　单位：元", styles.right)
    heads = ["县区代码", "县区名称", "审核状态", *(names[name] for name in SUMMARY_FIELDS)]
    for column, head in enumerate(heads):
        sheet.write_string(_FIRST_ROW - 1, column, head, styles.head)
    rows = summary.rows_of(fund)
    for offset, row in enumerate(rows):
        _write_row(sheet, styles, _FIRST_ROW + offset, row)
    total_row = _FIRST_ROW + len(rows)
    accepted = sum(row.status in {RowStatus.ACCEPTED, RowStatus.NIL} for row in rows)
    sheet.merge_range(total_row, 0, total_row, 1, "合计", styles.total)
    sheet.write_string(total_row, 2, f"{accepted}/{len(rows)}", styles.total)
    for column, name in enumerate(SUMMARY_FIELDS, start=3):
        sheet.write_number(total_row, column, _yuan(summary.totals_fen(fund)[name]), styles.total_money)
    absent = [row for row in rows if row.status not in {RowStatus.ACCEPTED, RowStatus.NIL}]
    note = "、".join(f"{row.county_name}（{_STATUS_ZH[row.status]}）" for row in absent)
    told = f"未列入合计：{note}" if note else "各县区均已列入合计。"
    sheet.merge_range(total_row + 1, 0, total_row + 1, last, told, styles.note)
    sheet.set_row(total_row + 1, _ROW_HEIGHT * (1 + len(told) // 100))
    for at in range(_FIRST_ROW - 1, total_row + 1):
        sheet.set_row(at, _ROW_HEIGHT)
    sheet.write_string(total_row + 3, 0, "编制人：", styles.plain)
    sheet.write_string(total_row + 3, 5, "复核人：", styles.plain)
    sheet.write_string(total_row + 3, 9, "单位负责人：", styles.plain)
    sheet.write_string(total_row + 3, 13, "（公章）", styles.plain)
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 2, 10)
    sheet.set_column(3, last, 16)
    sheet.freeze_panes(_FIRST_ROW, 3)
    sheet.set_landscape()
    sheet.set_paper(8)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_FIRST_ROW - 1)
    sheet.set_footer("&C第 &P 页 共 &N 页")


def _write_row(sheet: Any, styles: _Styles, at: int, row: SummaryRow) -> None:
    sheet.write_string(at, 0, row.county, styles.centre)
    sheet.write_string(at, 1, row.county_name, styles.cell)
    sheet.write_string(at, 2, _STATUS_ZH[row.status], styles.centre)
    for column, name in enumerate(SUMMARY_FIELDS, start=3):
        if row.figures_fen is None:
            sheet.write_string(at, column, "—", styles.absent)
        else:
            sheet.write_number(at, column, _yuan(row.figures_fen.get(name, 0)), styles.money)


def _write_remarks(book: Any, styles: _Styles, summary: MonthSummary) -> None:
    """The plain list: who was late, missing or inconsistent, by which article, by how many days."""
    sheet = book.add_worksheet("迟报缺报与不一致清单")
    sheet.hide_gridlines(2)
    when = f"{summary.month.year}年{summary.month.month}月"
    sheet.merge_range(0, 0, 0, 5, f"{summary.city_name}{when}迟报、缺报与不一致清单", styles.title)
    sheet.set_row(0, 30)
    for column, head in enumerate(["县区代码", "县区名称", "类别", "天数", "情况", "依据"]):
        sheet.write_string(2, column, head, styles.head)
    for offset, remark in enumerate(summary.remarks, start=3):
        sheet.write_string(offset, 0, remark.unit, styles.centre)
        sheet.write_string(offset, 1, remark.unit_name, styles.cell)
        sheet.write_string(offset, 2, REMARK_KINDS_ZH[remark.kind], styles.centre)
        if remark.days is None:
            sheet.write_string(offset, 3, "—", styles.centre)
        else:
            sheet.write_number(offset, 3, remark.days, styles.centre)
        sheet.write_string(offset, 4, remark.message_zh, styles.cell)
        sheet.write_string(offset, 5, remark.basis or "—", styles.cell)
    if not summary.remarks:
        sheet.merge_range(3, 0, 3, 5, "无。", styles.cell)
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 3, 9)
    sheet.set_column(4, 4, 70)
    sheet.set_column(5, 5, 40)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _yuan(amount_fen: int) -> Decimal:
    # A file format's number: the cell shows two decimals, and 15 digits hold any fund's fen exactly.
    return Decimal(amount_fen) / 100
