"""CSV files of budgets, opening balances and bank accounts, as the city keeps them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fundpool.adapters.documents.raw_files import read_source
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import InputError
from fundpool.domain.money import parse_yuan
from fundpool.services.oversight.records import OpeningRow
from fundpool.services.ports.money_ports import AccountProposal

T = TypeVar("T")


def read_budget(file: Path) -> dict[tuple[str, str], int]:
    """Fen per county and scheme of ``county,fund,amount_yuan``; raises InputError naming the line."""
    amounts: dict[tuple[str, str], int] = {}
    for line, row in _rows(file, ("county", "fund", "amount_yuan")):
        place = (row["county"], row["fund"])
        if place in amounts:
            raise _wrong(file, line, f"{place[0]} {place[1]} 重复", "given twice")
        amounts[place] = _fen(file, line, row["amount_yuan"])
    return amounts


def read_openings(file: Path) -> tuple[OpeningRow, ...]:
    """Rows of ``account_type,unit,fund,balance_yuan[,spending_yuan,…]``; raises InputError naming the line."""
    return tuple(
        OpeningRow(
            account_type=row["account_type"],
            unit=row["unit"],
            fund=row["fund"],
            balance_fen=_fen(file, line, row["balance_yuan"]),
            spending_fen=_optional(file, line, row.get("spending_yuan")),
            year_spending_fen=_optional(file, line, row.get("year_spending_yuan")),
            year_paid_fen=_optional(file, line, row.get("year_paid_yuan")),
        )
        for line, row in _rows(file, ("account_type", "unit", "fund", "balance_yuan"))
    )


def read_accounts(file: Path) -> list[AccountProposal]:
    """Bank accounts to be entered: city, fund, unit, account_type, account_no, account_name, bank_name.

    Raises InputError ``file_unreadable``, or ``row_unreadable`` naming the line.
    """
    names = ("city", "fund", "unit", "account_no", "account_name", "bank_name")
    return _each_row(
        file,
        lambda row: AccountProposal(
            account_type=AccountType(row["account_type"]), **{name: row[name] for name in names}
        ),
    )


def read_book_openings(file: Path) -> list[tuple[AccountRef, int]]:
    """Accounts of the books with their fen: city, fund, account_type, unit, amount_yuan.

    Raises InputError ``file_unreadable``, or ``row_unreadable`` naming the line.
    """
    return _each_row(
        file,
        lambda row: (
            AccountRef(row["city"], row["fund"], AccountType(row["account_type"]), row["unit"]),
            parse_yuan(row["amount_yuan"]),
        ),
    )


def _each_row(file: Path, read: Callable[[dict[str, str]], T]) -> list[T]:
    try:
        rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "file_unreadable", f"读不了文件 {file}：{error}", f"cannot read {file}: {error}"
        ) from error
    found = []
    for number, row in enumerate(rows, start=2):
        try:
            found.append(read(row))
        except (KeyError, ValueError) as error:
            raise InputError(
                "row_unreadable",
                f"{file} 第 {number} 行有误：{error}",
                f"{file} line {number}: {error}",
                remedy="按表头补全该行 / complete the line under its headings",
            ) from error
    return found


def _rows(file: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    try:
        text = read_source(file).content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            "file_unreadable",
            f"{file.name} 不是 UTF-8 编码",
            f"{file.name} is not UTF-8",
            remedy="另存为 UTF-8 CSV / save as UTF-8 CSV",
        ) from None
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            "columns_missing",
            f"{file.name} 缺少列：{'、'.join(missing)}",
            f"{file.name} lacks the columns {', '.join(missing)}",
            remedy=f"首行写 {','.join(columns)} / the first line names the columns",
        )
    return [
        (number, {key: (value or "").strip() for key, value in row.items() if key})
        for number, row in enumerate(reader, start=2)
    ]


def _optional(file: Path, line: int, text: str | None) -> int | None:
    return _fen(file, line, text) if text else None


def _fen(file: Path, line: int, text: str) -> int:
    try:
        return parse_yuan(text)
    except ValueError:
        raise _wrong(
            file, line, f"金额应写作 1234567.89，现为 {text!r}", f"not an amount: {text!r}"
        ) from None


def _wrong(file: Path, line: int, zh: str, en: str) -> InputError:
    return InputError("bad_row", f"{file.name} 第 {line} 行：{zh}", f"{file.name} line {line}: {en}")
