"""银行存款余额调节表 as a workbook that people sign: an overview, then one sheet per bank account.

Amounts are typed numbers in yuan with two decimals; texts are written as texts, so nothing that a
bank wrote can become a formula.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fundpool.adapters.documents.raw_files import storing, write_through
from fundpool.adapters.documents.sheets import (
    FormStyles,
    lines_in,
    set_page,
    set_widths,
    workbook_bytes,
    yuan,
)
from fundpool.domain.bank_reconciliation import BalanceSource, BankReconciliation, ItemKind, OpenItem
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.version import product

_KIND_ZH = {
    ItemKind.BANK_RECEIVED: "银行已收、单位未收",
    ItemKind.BANK_PAID: "银行已付、单位未付",
    ItemKind.BOOKED_RECEIPT: "单位已收、银行未收",
    ItemKind.BOOKED_PAYMENT: "单位已付、银行未付",
}
_TYPE_ZH = {
    AccountType.TREASURY: "国库",
    AccountType.INCOME_ACCOUNT: "收入户",
    AccountType.FISCAL_ACCOUNT: "财政专户",
    AccountType.CITY_EXPENDITURE: "市支出户",
    AccountType.COUNTY_EXPENDITURE: "县支出户",
    AccountType.COUNTY_FISCAL: "县财政专户",
}
_SOURCE_ZH = {
    BalanceSource.STATED: "银行对账单所列余额",
    BalanceSource.CARRIED: "以前日对账单余额加其后各日流水推算",
    BalanceSource.OPENING: "期初余额加其后各日银行流水推算，银行未列余额",
}
_OWNER_ZH = {"city_finance": "市财政", "city_agency": "市医保经办机构"}
_UNKNOWN = "未取得"
_COLUMNS = 8


def write_reconciliation(
    folder: Path,
    policy: CityPolicy,
    month: Month,
    *,
    forms: Sequence[BankReconciliation],
    prepared_on: date,
    notice: str | None,
) -> Path:
    """Write a city's forms of a month below ``folder``; see ``services.ports.files.WriteReconciliation``."""
    target = folder / policy.key / str(month) / file_name(policy, month)
    with storing(target.parent, "调节表", "the reconciliation"):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_through(target, workbook(policy, month, forms, prepared_on=prepared_on, notice=notice))
    return target


def file_name(policy: CityPolicy, month: Month) -> str:
    """Name of the month's workbook."""
    return f"{policy.name_zh}{month}银行存款余额调节表.xlsx"


def workbook(
    policy: CityPolicy,
    month: Month,
    forms: Sequence[BankReconciliation],
    *,
    prepared_on: date,
    notice: str | None = None,
) -> bytes:
    """The workbook's bytes."""

    def write(book: Any) -> None:
        styles = _Styles(book)
        funds = {fund.key: fund.name_zh for fund in policy.funds}
        _write_overview(book, styles, policy, month=month, forms=forms, funds=funds, prepared_on=prepared_on)
        for number, form in enumerate(forms, start=1):
            _write_form(
                book,
                styles,
                number,
                form=form,
                fund_zh=funds.get(form.fund, form.fund),
                prepared_on=prepared_on,
            )

    title = file_name(policy, month).removesuffix(".xlsx")
    return workbook_bytes(write, title=title, author=policy.name_zh, comments=product(), notice=notice)


class _Styles(FormStyles):
    def __init__(self, book: Any) -> None:
        super().__init__(book)
        red = {"bold": True, "font_color": "#9C0006", "bg_color": "#FFC7CE"}
        self.note = book.add_format({**self.font, "text_wrap": True, "valign": "top"})
        self.cell = book.add_format({**self.box, "text_wrap": True, "indent": 1})
        self.total = book.add_format({**self.box, "bold": True, "indent": 1})
        self.wrong = book.add_format({**self.box, **red, "align": "center"})
        self.wrong_money = book.add_format({**self.box, **red, "num_format": "#,##0.00"})


def _write_overview(
    book: Any,
    styles: _Styles,
    policy: CityPolicy,
    *,
    month: Month,
    forms: Sequence[BankReconciliation],
    funds: dict[str, str],
    prepared_on: date,
) -> None:
    sheet = book.add_worksheet("汇总")
    balances = ["账面余额", "银行余额", "调节后账面", "调节后银行", "差额"]
    heads = ["序号", "账户", "险种", "账号", *balances, "未达账项", "结论"]
    last = len(heads) - 1
    sheet.hide_gridlines(2)
    sheet.merge_range(0, 0, 0, last, f"{policy.name_zh}医疗保险基金银行存款余额调节汇总表", styles.title)
    sheet.set_row(0, 30)
    sheet.merge_range(1, 0, 1, 4, f"截至：{month.last_day}", styles.plain)
    sheet.merge_range(1, last - 3, 1, last, f"编制日期：{prepared_on}　单位：元", styles.right)
    sheet.write_row(2, 0, heads, styles.head)
    for number, form in enumerate(forms, start=1):
        at = number + 2
        _set_height(sheet, at, ((form.account_name, 26), (funds.get(form.fund, form.fund), 16)))
        sheet.write_number(at, 0, number, styles.centre)
        sheet.write_string(at, 1, f"{_TYPE_ZH[form.account_type]}　{form.account_name}", styles.cell)
        sheet.write_string(at, 2, funds.get(form.fund, form.fund), styles.cell)
        sheet.write_string(at, 3, form.account_no, styles.cell)
        for column, amount_fen in (
            (4, form.book_fen),
            (5, form.bank_fen),
            (6, form.adjusted_book_fen),
            (7, form.adjusted_bank_fen),
            (8, form.difference_fen),
        ):
            _write_money(
                sheet,
                at,
                column,
                amount_fen=amount_fen,
                styles=styles,
                wrong=column == 8 and not form.is_balanced,
            )
        sheet.write_number(at, 9, len(form.items), styles.centre)
        sheet.write_string(at, 10, verdict(form)[0], styles.centre if form.is_balanced else styles.wrong)
    end = len(forms) + 3
    if not forms:
        sheet.merge_range(end, 0, end, last, "本月没有取得任何账户的银行对账单。", styles.wrong)
        end += 1
    _write_signatures(sheet, styles, end + 1, columns=(0, 4, 8))
    set_widths(sheet, 6, 34, 16, 22, 17, 17, 17, 17, 15, 9, 12)
    _set_page(sheet)


def verdict(form: BankReconciliation) -> tuple[str, str]:
    """The result of the form: balanced, not balanced, or the bank's balance unknown."""
    if form.difference_fen is None:
        return "银行余额未取得", "balance of the bank not known"
    return ("相符", "balanced") if form.is_balanced else ("不符", "not balanced")


def _write_form(
    book: Any, styles: _Styles, number: int, *, form: BankReconciliation, fund_zh: str, prepared_on: date
) -> None:
    sheet = book.add_worksheet(f"{number:02d} {_TYPE_ZH[form.account_type]} {form.fund}"[:31])
    sheet.hide_gridlines(2)
    sheet.merge_range(0, 0, 0, _COLUMNS - 1, "银行存款余额调节表", styles.title)
    sheet.set_row(0, 30)
    sheet.merge_range(1, 0, 1, 4, f"户名：{form.account_name}（{_TYPE_ZH[form.account_type]}）", styles.plain)
    sheet.merge_range(1, 5, 1, 7, f"截至：{form.day}", styles.right)
    sheet.merge_range(2, 0, 2, 4, f"开户行：{form.bank_name}　账号：{form.account_no}", styles.plain)
    sheet.merge_range(2, 5, 2, 7, f"险种：{fund_zh}　单位：元", styles.right)
    at = _write_balances(sheet, styles, form, at=4)
    at = _write_items(sheet, styles, form.items, at=at + 1)
    sheet.merge_range(at, 0, at, _COLUMNS - 1, _basis_zh(form), styles.note)
    sheet.set_row(at, 30)
    sheet.write_string(at + 1, 0, "未达账项由责任人逐笔查清，本表不自动核销任何一笔。", styles.plain)
    _write_signatures(sheet, styles, at + 3, columns=(0, 3, 5))
    sheet.write_string(at + 4, 0, f"编制日期：{prepared_on}", styles.plain)
    set_widths(sheet, 21, 12, 17, 24, 34, 18, 14, 10)
    _set_page(sheet)


def _write_balances(sheet: Any, styles: _Styles, form: BankReconciliation, *, at: int) -> int:
    """The two columns of balances; the row after them."""
    sheet.merge_range(at, 0, at, 1, "项目", styles.head)
    sheet.write_string(at, 2, "金额", styles.head)
    sheet.merge_range(at, 3, at, 4, "项目", styles.head)
    sheet.merge_range(at, 5, at, 7, "金额", styles.head)
    rows = (
        ("单位账面余额", form.book_fen, "银行对账单余额", form.bank_fen),
        (
            f"加：{_KIND_ZH[ItemKind.BANK_RECEIVED]}",
            form.total_fen(ItemKind.BANK_RECEIVED),
            f"加：{_KIND_ZH[ItemKind.BOOKED_RECEIPT]}",
            form.total_fen(ItemKind.BOOKED_RECEIPT),
        ),
        (
            f"减：{_KIND_ZH[ItemKind.BANK_PAID]}",
            form.total_fen(ItemKind.BANK_PAID),
            f"减：{_KIND_ZH[ItemKind.BOOKED_PAYMENT]}",
            form.total_fen(ItemKind.BOOKED_PAYMENT),
        ),
        ("调节后余额", form.adjusted_book_fen, "调节后余额", form.adjusted_bank_fen),
    )
    for offset, (left_zh, left_fen, right_zh, right_fen) in enumerate(rows, start=1):
        row, is_total = at + offset, offset == len(rows)
        name, money = (styles.total, styles.total_money) if is_total else (styles.cell, styles.money)
        sheet.merge_range(row, 0, row, 1, left_zh, name)
        _write_money(sheet, row, 2, amount_fen=left_fen, styles=styles, style=money)
        sheet.merge_range(row, 3, row, 4, right_zh, name)
        sheet.merge_range(row, 5, row, 7, "", money)
        _write_money(sheet, row, 5, amount_fen=right_fen, styles=styles, style=money)
    row = at + len(rows) + 1
    sheet.merge_range(row, 0, row, 1, "差额（账面减银行）", styles.total)
    _write_money(sheet, row, 2, amount_fen=form.difference_fen, styles=styles, wrong=not form.is_balanced)
    sheet.merge_range(row, 3, row, 4, "结论", styles.total)
    sheet.merge_range(row, 5, row, 7, verdict(form)[0], styles.centre if form.is_balanced else styles.wrong)
    return row + 1


def _write_items(sheet: Any, styles: _Styles, items: Sequence[OpenItem], *, at: int) -> int:
    """The list of 未达账项; the row after it."""
    heads = ("未达账项类别", "日期", "金额", "流水号或凭据", "拨付款项", "责任人", "账龄（天）", "差异编号")
    sheet.write_row(at, 0, heads, styles.head)
    if not items:
        sheet.merge_range(at + 1, 0, at + 1, _COLUMNS - 1, "无未达账项。", styles.centre)
        return at + 3
    for row, item in enumerate(items, start=at + 1):
        owner = "—" if item.owner is None else _OWNER_ZH.get(item.owner, item.owner)
        _set_height(sheet, row, ((item.reference, 24), (item.transfer or "", 34), (owner, 18)))
        sheet.write_string(row, 0, _KIND_ZH[item.kind], styles.cell)
        sheet.write_string(row, 1, str(item.day), styles.centre)
        sheet.write_number(row, 2, yuan(item.amount_fen), styles.money)
        sheet.write_string(row, 3, item.reference, styles.cell)
        sheet.write_string(row, 4, item.transfer or "—", styles.cell)
        sheet.write_string(row, 5, owner, styles.cell)
        sheet.write_number(row, 6, item.age_days, styles.centre)
        sheet.write_string(row, 7, "—" if item.break_id is None else str(item.break_id), styles.centre)
    return at + len(items) + 2


def _basis_zh(form: BankReconciliation) -> str:
    basis = _SOURCE_ZH[form.bank_source] if form.bank_source else "没有可依据的银行余额"
    if not form.missing_days:
        return f"银行余额依据：{basis}。"
    days = "、".join(f"{day:%m-%d}" for day in form.missing_days[:10])
    more = f" 等 {len(form.missing_days)} 天" if len(form.missing_days) > 10 else ""
    return f"银行余额依据：{basis}。下列日期的对账单未到齐或未定稿：{days}{more}。"


def _write_signatures(sheet: Any, styles: _Styles, at: int, *, columns: tuple[int, int, int]) -> None:
    for column, role in zip(columns, ("经办：", "复核：", "负责人："), strict=True):
        sheet.write_string(at, column, role, styles.plain)


def _write_money(
    sheet: Any,
    row: int,
    column: int,
    *,
    amount_fen: int | None,
    styles: _Styles,
    style: Any = None,
    wrong: bool = False,
) -> None:
    if amount_fen is None:
        sheet.write_string(row, column, _UNKNOWN, styles.wrong)
    else:
        sheet.write_number(
            row, column, yuan(amount_fen), styles.wrong_money if wrong else style or styles.money
        )


def _set_height(sheet: Any, row: int, texts: Sequence[tuple[str, int]]) -> None:
    """Room for wrapped texts in columns of the given widths."""
    sheet.set_row(row, 15 * max(1, *(lines_in(text, width) for text, width in texts)) + 3)


def _set_page(sheet: Any) -> None:
    set_page(sheet)
    sheet.set_margins(left=0.5, right=0.5)
