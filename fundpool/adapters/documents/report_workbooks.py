"""The city's monthly summary as a workbook an official signs: one sheet per scheme, and the list.

Amounts are typed numbers in yuan with two decimals; texts are written as texts, so nothing that a
county wrote can become a formula.
"""

from typing import Any

from fundpool.adapters.documents.sheets import A3, FormStyles, set_page, set_widths, workbook_bytes, yuan
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

    def write(book: Any) -> None:
        styles = _Styles(book)
        for fund, fund_name in summary.funds:
            _write_fund(book, styles, summary, fund=fund, fund_name=fund_name)
        _write_remarks(book, styles, summary)

    title = f"{summary.city_name}{summary.month}基金支出汇总表"
    return workbook_bytes(
        write, title=title, author=summary.city_name, comments=product(), notice=summary.notice
    )


class _Styles(FormStyles):
    def __init__(self, book: Any) -> None:
        super().__init__(book)
        self.note = book.add_format({**self.font, "text_wrap": True, "valign": "vcenter"})
        self.cell = book.add_format({**self.box, "text_wrap": True})
        self.total = book.add_format({**self.box, "bold": True, "align": "center"})
        self.absent = book.add_format({**self.box, "align": "center", "bg_color": "#F2F2F2"})


def _write_fund(book: Any, styles: _Styles, summary: MonthSummary, *, fund: str, fund_name: str) -> None:
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
    sheet.write_row(_FIRST_ROW - 1, 0, heads, styles.head)
    rows = summary.rows_of(fund)
    for offset, row in enumerate(rows):
        _write_row(sheet, styles, _FIRST_ROW + offset, row=row)
    total_row = _FIRST_ROW + len(rows)
    accepted = sum(row.status in {RowStatus.ACCEPTED, RowStatus.NIL} for row in rows)
    sheet.merge_range(total_row, 0, total_row, 1, "合计", styles.total)
    sheet.write_string(total_row, 2, f"{accepted}/{len(rows)}", styles.total)
    for column, name in enumerate(SUMMARY_FIELDS, start=3):
        sheet.write_number(total_row, column, yuan(summary.totals_fen(fund)[name]), styles.total_money)
    absent = [row for row in rows if row.status not in {RowStatus.ACCEPTED, RowStatus.NIL}]
    note = "、".join(f"{row.county_name}（{_STATUS_ZH[row.status]}）" for row in absent)
    left_out = f"未列入合计：{note}" if note else "各县区均已列入合计。"
    sheet.merge_range(total_row + 1, 0, total_row + 1, last, left_out, styles.note)
    sheet.set_row(total_row + 1, _ROW_HEIGHT * (1 + len(left_out) // 100))
    for at in range(_FIRST_ROW - 1, total_row + 1):
        sheet.set_row(at, _ROW_HEIGHT)
    for column, role in ((0, "编制人："), (5, "复核人："), (9, "单位负责人："), (13, "（公章）")):
        sheet.write_string(total_row + 3, column, role, styles.plain)
    set_widths(sheet, 12, 18, 10)
    sheet.set_column(3, last, 16)
    sheet.freeze_panes(_FIRST_ROW, 3)
    set_page(sheet, paper=A3, heading_row=_FIRST_ROW - 1)


def _write_row(sheet: Any, styles: _Styles, at: int, *, row: SummaryRow) -> None:
    sheet.write_string(at, 0, row.county, styles.centre)
    sheet.write_string(at, 1, row.county_name, styles.cell)
    sheet.write_string(at, 2, _STATUS_ZH[row.status], styles.centre)
    for column, name in enumerate(SUMMARY_FIELDS, start=3):
        if row.figures_fen is None:
            sheet.write_string(at, column, "—", styles.absent)
        else:
            sheet.write_number(at, column, yuan(row.figures_fen.get(name, 0)), styles.money)


def _write_remarks(book: Any, styles: _Styles, summary: MonthSummary) -> None:
    """The plain list: who was late, missing or inconsistent, by which article, by how many days."""
    sheet = book.add_worksheet("迟报缺报与不一致清单")
    sheet.hide_gridlines(2)
    when = f"{summary.month.year}年{summary.month.month}月"
    sheet.merge_range(0, 0, 0, 5, f"{summary.city_name}{when}迟报、缺报与不一致清单", styles.title)
    sheet.set_row(0, 30)
    sheet.write_row(2, 0, ["县区代码", "县区名称", "类别", "天数", "情况", "依据"], styles.head)
    for offset, remark in enumerate(summary.remarks, start=3):
        sheet.write_string(offset, 0, remark.unit, styles.centre)
        sheet.write_string(offset, 1, remark.unit_name, styles.cell)
        sheet.write_string(offset, 2, REMARK_KINDS_ZH[remark.kind], styles.centre)
        sheet.write(offset, 3, "—" if remark.days is None else remark.days, styles.centre)
        sheet.write_string(offset, 4, remark.message_zh, styles.cell)
        sheet.write_string(offset, 5, remark.basis or "—", styles.cell)
    if not summary.remarks:
        sheet.merge_range(3, 0, 3, 5, "无。", styles.cell)
    set_widths(sheet, 12, 18, 9, 9, 70, 40)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
