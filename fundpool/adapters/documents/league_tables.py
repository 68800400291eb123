"""The counties' league for the yearly appraisal (目标责任制考核), as a workbook or CSV: Chinese, as it is filed."""

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

from fundpool.adapters.documents.sheets import FormStyles, set_page, set_widths, workbook_bytes
from fundpool.domain.inert import inert
from fundpool.domain.policy import CityPolicy
from fundpool.services.oversight.punctuality import League
from fundpool.version import product

DEFINITION_ZH = (
    "按时率＝末日已过的应办事项中，在末日当天或之前办结的件数 ÷ 末日已过的件数。末日为文件规定的期限，"
    "经批准延期的按延期日；零申报、免报自登记之日算办结；退回的以重新报送并成立的一版为准；文件未定日期的不计。"
    "名次先比按时率，再比迟延天数，相同的并列。"
)
_COLUMNS = (
    ("名次", 6), ("区划代码", 10), ("县（市、区）", 16), ("按时率", 9), ("按时", 7), ("到期", 7), ("迟办", 7),
    ("未办", 7), ("迟延天数", 9), ("延期", 7), ("零申报、免报", 12), ("退回次数", 9),
)  # fmt: skip
_RATE = 3
_TOP = 3


def league_workbook(policy: CityPolicy, shown: League, *, notice: str | None = None) -> bytes:
    """The league as a workbook with its definition and a place to sign; ``notice`` stands on every page."""

    def write(book: Any) -> None:
        styles = FormStyles(book)
        rate = book.add_format({**styles.box, "num_format": "0.0%", "align": "center"})
        wrapped = book.add_format({**styles.font, "text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("县区名次")
        set_page(sheet, heading_row=_TOP)
        set_widths(sheet, *(width for _, width in _COLUMNS))
        last_column = len(_COLUMNS) - 1
        sheet.merge_range(0, 0, 0, last_column, _title(policy, shown), styles.title)
        sheet.merge_range(1, 0, 1, last_column, f"统计至 {shown.today}；{DEFINITION_ZH}", wrapped)
        sheet.set_row(0, 30)
        sheet.set_row(1, 48)
        for column, (name, _) in enumerate(_COLUMNS):
            sheet.write_string(_TOP, column, name, styles.head)
        for number, cells in enumerate(_rows(policy, shown), start=_TOP + 1):
            for column, value in enumerate(cells):
                if value is None:
                    sheet.write_string(number, column, "–", styles.centre)
                elif isinstance(value, str):
                    sheet.write_string(number, column, value, styles.centre)
                else:
                    sheet.write_number(number, column, value, rate if column == _RATE else styles.centre)
        sheet.freeze_panes(_TOP + 1, 3)
        sheet.write_string(
            _TOP + 2 + len(shown.rows), 0, "填报人：　　　　审核人：　　　　（章）", styles.plain
        )

    return workbook_bytes(
        write, title=_title(policy, shown), author=policy.name_zh, comments=product(), notice=notice
    )


def league_csv(policy: CityPolicy, shown: League) -> bytes:
    """The same rows as CSV that Excel opens as UTF-8; the rate as a decimal with four places."""
    target = StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow([name for name, _ in _COLUMNS])
    for cells in _rows(policy, shown):
        writer.writerow(["" if value is None else _cell(value) for value in cells])
    return target.getvalue().encode("utf-8-sig")


def _cell(value: str | int | Decimal) -> str:
    if isinstance(value, Decimal):
        return str(value.quantize(Decimal("0.0001")))
    return inert(value) if isinstance(value, str) else str(value)


def _title(policy: CityPolicy, shown: League) -> str:
    return f"{policy.name_zh}医保基金月度业务按时办理名次（{shown.months[0]} 至 {shown.months[-1]}）"


def _rows(policy: CityPolicy, shown: League) -> list[tuple[str | int | Decimal | None, ...]]:
    names = {unit.code: unit.name_zh for unit in policy.units}
    rows: list[tuple[str | int | Decimal | None, ...]] = []
    for row in shown.rows:
        counted = row.punctuality
        rate = counted.rate
        rows.append(
            (
                row.rank,
                row.county,
                names.get(row.county, row.county),
                None if rate is None else Decimal(rate.numerator) / rate.denominator,
                counted.on_time,
                counted.fell_due,
                counted.late,
                counted.still_open,
                counted.days_late,
                counted.extensions,
                counted.nil,
                row.returned,
            )
        )
    return rows
