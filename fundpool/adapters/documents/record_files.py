"""Registers as the city keeps them, CSV or workbook: budgets, opening balances, bank accounts and incomes.

They are read as counties' documents are. Nobody reviews a register after it is read, so what a reviewer would
have to decide is refused here; what was merely written otherwise is read, and said.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

from fundpool.adapters.documents.document_reader import interpret
from fundpool.adapters.documents.parser_process import take_apart_all
from fundpool.adapters.documents.raw_files import read_source
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import InputError
from fundpool.domain.findings import Finding, Severity
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import FIRST_YEAR, midnight
from fundpool.services.books.booking import INCOME_SOURCES, Income
from fundpool.services.oversight.records import OpeningRow
from fundpool.services.ports.judging import Line, ParsedDocument, Register, fold
from fundpool.services.ports.money_ports import AccountProposal
from schemas.documents.registers import (
    ACCOUNT_REGISTER,
    BOOK_REGISTER,
    BUDGET_REGISTER,
    INCOME_REGISTER,
    OPENING_REGISTER,
    SANDBOX_REGISTER,
    RegisterType,
)

T = TypeVar("T")

NO_REGISTER = Register(())
"""Of a file that names no city: codes stay as they are written, the standard funds are known."""


@dataclass(frozen=True, slots=True)
class RegisterFile(Generic[T]):
    """What a register says, and the findings on what was read otherwise than it is written."""

    rows: T
    findings: tuple[Finding, ...]


def read_budget(file: Path, register: Register = NO_REGISTER) -> RegisterFile[dict[tuple[str, str], int]]:
    """Fen per county and scheme of ``county,fund,amount_yuan``; a county may be written by its name.

    Raises InputError ``file_unreadable``, ``columns_missing``, or ``bad_row`` naming line and cell.
    """
    parsed, findings = _read(file, BUDGET_REGISTER, register)
    amounts: dict[tuple[str, str], int] = {}
    for line in parsed.lines:
        place = (_county(line, "county", register), _text(line, "fund"))
        if place in amounts:
            raise _wrong(file, line, "county", zh=f"{place[0]} {place[1]} 重复", en="given twice")
        amounts[place] = _fen(line, "amount")
    return RegisterFile(amounts, findings)


def read_openings(file: Path, register: Register = NO_REGISTER) -> RegisterFile[tuple[OpeningRow, ...]]:
    """Rows of ``account_type,unit,fund,balance_yuan[,spending_yuan,…]``; errors as of read_budget."""
    parsed, findings = _read(file, OPENING_REGISTER, register)
    rows = tuple(
        OpeningRow(
            account_type=_text(line, "account_type"),
            unit=_county(line, "unit", register),
            fund=_text(line, "fund"),
            balance_fen=_fen(line, "balance"),
            spending_fen=line.amounts_fen["spending"],
            year_spending_fen=line.amounts_fen["year_spending"],
            year_paid_fen=line.amounts_fen["year_paid"],
        )
        for line in parsed.lines
    )
    return RegisterFile(rows, findings)


def read_accounts(file: Path) -> RegisterFile[list[AccountProposal]]:
    """Bank accounts: city, fund, unit, account_type, account_no, account_name, bank_name; errors as of read_budget.

    An account number is 6 to 32 digits.
    """
    parsed, findings = _read(file, ACCOUNT_REGISTER, NO_REGISTER)
    names = ("city", "fund", "unit", "account_no", "account_name", "bank_name")
    accounts = [
        AccountProposal(account_type=_account_type(file, line), **{name: _text(line, name) for name in names})
        for line in parsed.lines
    ]
    return RegisterFile(accounts, findings)


BankAccountRow = tuple[str, str, int]
"""Number, name and fen of an account that the sandbox bank opens."""


def read_bank_accounts(file: Path) -> RegisterFile[list[BankAccountRow]]:
    """Accounts for the sandbox bank: account, name and, in whole fen, balance_fen (nil when blank); errors as of read_budget."""
    parsed, findings = _read(file, SANDBOX_REGISTER, NO_REGISTER)
    rows = [
        (_text(line, "account"), _text(line, "name"), int(line.values.get("balance_fen") or 0))
        for line in parsed.lines
    ]
    return RegisterFile(rows, findings)


def read_book_openings(file: Path) -> RegisterFile[list[tuple[AccountRef, int]]]:
    """Accounts of the books with their fen: city, fund, account_type, unit, amount_yuan; errors as of read_budget."""
    parsed, findings = _read(file, BOOK_REGISTER, NO_REGISTER)
    entries = [
        (
            AccountRef(
                _text(line, "city"), _text(line, "fund"), _account_type(file, line), unit=_text(line, "unit")
            ),
            _fen(line, "amount"),
        )
        for line in parsed.lines
    ]
    return RegisterFile(entries, findings)


def read_incomes(file: Path, *, today: date) -> RegisterFile[list[Income]]:
    """Incomes: city, fund, account_type, unit, source, received_on, reference, amount_yuan; errors as of read_budget.

    Each is received by ``today`` and stands once: one account, source and reference are one income.
    """
    parsed, findings = _read(file, INCOME_REGISTER, NO_REGISTER)
    incomes: dict[tuple[AccountRef, str, str], Income] = {}
    for line in parsed.lines:
        income = _income(file, line, today)
        # Two rows whose references people read alike are one paper written twice.
        place = (income.into, income.source, fold(income.reference))
        if place in incomes:
            raise _wrong(file, line, "reference", zh=f"{income.reference} 重复", en="given twice")
        incomes[place] = income
    return RegisterFile(list(incomes.values()), findings)


def _income(file: Path, line: Line, today: date) -> Income:
    names = ("city", "fund", "unit", "source", "received_on", "reference")
    city, fund, unit, source, received_on, reference = (_text(line, name) for name in names)
    day, amount_fen = date.fromisoformat(received_on), _fen(line, "amount")
    if source not in INCOME_SOURCES:
        known = ", ".join(INCOME_SOURCES)
        raise _wrong(file, line, "source", zh=f"没有来源 {source}；有 {known}", en=f"no source {source}")
    if day.year < FIRST_YEAR or day > today:
        raise _wrong(
            file,
            line,
            "received_on",
            zh=f"到账日期 {day} 应不早于 {FIRST_YEAR} 年、不晚于今日 {today}",
            en=f"received on {day}: not before {FIRST_YEAR} and not after today, {today}",
        )
    if amount_fen <= 0:
        amount = format_yuan(amount_fen)
        raise _wrong(file, line, "amount", zh=f"金额应大于 0，现为 {amount}", en=f"not above nil: {amount}")
    account = AccountRef(city, fund, _account_type(file, line), unit=unit)
    return Income(account, source, amount_fen, reference=reference, received_at=midnight(day))


# --- the file ------------------------------------------------------------------------------------

_SAID = frozenset({"CELL-002", "CELL-008", "FILE-013"})
"""What a county's reviewer would be shown and a register is taken with: digits written otherwise, an unknown column."""
_YUAN = "FILE-021"
"""No unit stated: the columns' names say yuan."""
_REPORTED = 20
"""Faults that one error lists."""


def _read(file: Path, kind: RegisterType, register: Register) -> tuple[ParsedDocument, tuple[Finding, ...]]:
    """The register's lines without a fault, and what is said of them."""
    source = read_source(file)
    (answer,) = take_apart_all([source])
    parsed = interpret(answer, file.name, source.sha256, document=kind, register=register, month=None)
    missing = [finding for finding in parsed.findings if finding.rule in {"FILE-010", "FILE-011", "FILE-017"}]
    faults = [finding for finding in parsed.findings if _is_fault(finding)]
    if missing:
        raise InputError(
            "columns_missing",
            f"{file.name}：{missing[0].message_zh}；首行应为 {kind.heading}",
            f"{file.name}: {missing[0].message_en}; the first line is {kind.heading}",
            remedy=f"首行写 {kind.heading} / the first line names the columns",
        )
    if not parsed.readable:
        raise InputError(
            "file_unreadable",
            f"{file.name}：{faults[0].message_zh}",
            f"{file.name}: {faults[0].message_en}",
            remedy=faults[0].remedy,
        )
    of_lines = [fault for line in parsed.lines for fault in _line_faults(line, kind, register)]
    explained = {cell for _, cell, *_ in of_lines}
    of_cells = [
        (fault.row, fault.cell, fault.message_zh, fault.message_en)
        for fault in faults
        if fault.cell is None or fault.cell not in explained
    ]
    _raise_if_any(file, [*of_cells, *of_lines, *_total_faults(parsed)])
    return parsed, tuple(finding for finding in parsed.findings if not _is_usual(finding))


def _is_fault(finding: Finding) -> bool:
    if finding.rule == _YUAN or finding.severity is Severity.NOTE:
        return False
    return finding.severity is Severity.BLOCK or finding.rule not in _SAID


def _is_usual(finding: Finding) -> bool:
    """Whether the finding only says that a register is written as registers are: in yuan, with keys of funds."""
    return finding.rule == _YUAN or (finding.rule == "CELL-013" and finding.found == finding.fund)


Fault = tuple[int | None, str | None, str, str]
"""Row, cell, and what is wrong in Chinese and English."""


def _raise_if_any(file: Path, faults: list[Fault]) -> None:
    """Raises InputError ``bad_row`` with every fault's line and cell, as long as people read on."""
    if not faults:
        return
    shown = sorted(faults, key=lambda fault: (fault[0] or 0, fault[1] or ""))[:_REPORTED]
    more = "" if len(faults) <= _REPORTED else f"……共 {len(faults)} 处 / {len(faults)} in all"
    zh = "；".join(
        f"第 {row or '?'} 行 {cell or ''}：{text}".replace(" ：", "：") for row, cell, text, _ in shown
    )
    en = "; ".join(
        f"line {row or '?'} {cell or ''}: {text}".replace(" :", ":") for row, cell, _, text in shown
    )
    raise InputError(
        "bad_row",
        f"{file.name} {zh}{more}",
        f"{file.name} {en}",
        remedy="全部改好再导入，什么都没有登记 / mend them all and import again; nothing was recorded",
    )


def _line_faults(line: Line, kind: RegisterType, register: Register) -> Iterator[Fault]:
    """Cells that are blank, hold a character that nobody sees, or, where nothing is looked up, no code."""
    for f in kind.fields:
        raw, cell = line.raw.get(f.key, "").strip(), line.cells.get(f.key)
        unseen = " ".join(f"U+{ord(each):04X}" for each in dict.fromkeys(raw) if _is_unseen(each))
        if unseen:
            yield (
                line.row,
                cell,
                f"“{f.zh}”有看不见的字符 {unseen}，删去后重填",
                f"“{f.en}” holds characters that nobody sees, {unseen}: delete and retype",
            )
        elif not raw and not f.is_optional:
            yield line.row, cell, f"“{f.zh}”是空的", f"“{f.en}” is blank"
        elif register is NO_REGISTER and f.key in _CODES and not _CODE.fullmatch(_text(line, f.key)):
            yield line.row, cell, f"“{f.zh}”应为代码，现为 {raw!r}", f"“{f.en}” is a code, found {raw!r}"


_CODES = frozenset({"city", "fund", "unit"})
_CODE = re.compile(r"[a-z0-9_]+|[0-9]{6}-[A-Za-z0-9]+")


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Cc"} or character in _FILLERS


_FILLERS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Characters without a shape that Unicode counts among letters, marks and symbols."""


def _total_faults(parsed: ParsedDocument) -> Iterator[Fault]:
    """A row of totals that is not the sum of the rows: one is missing or wrong."""
    for key, total_fen in parsed.control_totals_fen.items():
        sum_fen = sum(line.amounts_fen.get(key) or 0 for line in parsed.lines)
        if total_fen is not None and total_fen != sum_fen:
            cell = parsed.control_cells[key]
            total, sum_of_rows = format_yuan(total_fen), format_yuan(sum_fen)
            yield (
                int(re.sub(r"\D", "", cell)),
                cell,
                f"合计 {total} 不是各行之和 {sum_of_rows}",
                f"the total {total} is not the sum of the rows, {sum_of_rows}",
            )


# --- a line --------------------------------------------------------------------------------------


def _text(line: Line, key: str) -> str:
    """The value, or the text as it stands where it names nothing that is known here."""
    value = line.values[key]
    return line.raw[key].strip() if value is None else str(value)


def _county(line: Line, key: str, register: Register) -> str:
    """The code of the county that is written by code or name; any other text as it stands."""
    text = _text(line, key)
    county = register.by_code(text) or register.by_name(text)
    return text if county is None else county.code


def _fen(line: Line, key: str) -> int:
    amount_fen = line.amounts_fen[key]
    assert amount_fen is not None, "a line without its amount is refused"
    return amount_fen


def _account_type(file: Path, line: Line) -> AccountType:
    text = _text(line, "account_type")
    try:
        return AccountType(text)
    except ValueError:
        known = ", ".join(AccountType)
        raise _wrong(
            file, line, "account_type", zh=f"没有账户类型 {text}；有 {known}", en=f"no account type {text}"
        ) from None


def _wrong(file: Path, line: Line, key: str, *, zh: str, en: str) -> InputError:
    cell = line.cells[key]
    return InputError(
        "bad_row", f"{file.name} 第 {line.row} 行 {cell}：{zh}", f"{file.name} line {line.row} {cell}: {en}"
    )
