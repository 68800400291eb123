"""A bank's own statement layout (CSV or XLSX) read through a mapping that a YAML file describes.

Strict: a column nobody mapped is ignored, a mapped one that is missing is an error; a cell that does
not read exactly as described is an error that names it; where the bank prints a running balance, every
line must lead to the next.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fundpool.adapters.documents.cell_grammar import Cell, read_amount, read_day
from fundpool.adapters.documents.parser_process import ParserProcess
from fundpool.adapters.documents.parsing import column_letters
from fundpool.adapters.policies.yaml_documents import PolicyFileError, read_document, shape_document
from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI
from schemas.documents.statement import STATEMENT
from schemas.payment_messages import Direction, StatementLine

_KEY = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})(?![0-9a-f])"
)
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,2})?", re.ASCII)


class Columns(BaseModel):
    """Header texts of the bank's columns. Either ``debit`` and ``credit``, or ``amount`` and ``side``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: str
    serial: str
    time: str | None = None
    debit: str | None = None
    credit: str | None = None
    amount: str | None = None
    side: str | None = None
    balance: str | None = None
    counterparty: str | None = None
    remark: str | None = None
    account: str | None = None

    @model_validator(mode="after")
    def _one_way_of_amounts(self) -> "Columns":
        given = {name for name in ("debit", "credit", "amount", "side") if getattr(self, name) is not None}
        if given not in ({"debit", "credit"}, {"amount", "side"}):
            raise ValueError("columns: give debit and credit, or amount and side")
        return self


class Layout(BaseModel):
    """How one bank writes its statements. ``encoding`` is for CSV; the newest line may stand first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bank: str
    columns: Columns
    date_format: str = "%Y-%m-%d"
    time_format: str = "%H:%M:%S"
    encoding: Literal["utf-8", "gb18030"] | None = None
    sheet: str | None = None
    thousands_separators: bool = False
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
    debit_word: str = "借"
    credit_word: str = "贷"
    end_words: tuple[str, ...] = Field(default=("合计", "总计"))
    prepared_rows: bool = False
    """A prepared form: a row with nothing in any mapped column was left unused."""


@dataclass(frozen=True, slots=True)
class OwnStatement:
    """The lines of the file, oldest first, and the balance before the first and after the last of each day, if printed."""

    lines: tuple[StatementLine, ...]
    opening_fen: Mapping[date, int]
    closing_fen: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class _Row:
    line: StatementLine
    balance_fen: int | None
    where: str
    reversed_at: str | None = None
    """The cell of an amount below nil (红字冲正), which is read as a line of the other direction."""


def template_layout() -> Layout:
    """The layout of the product's own template of a bank statement, from its definition."""
    named = {field.key: field.zh for field in STATEMENT.fields}
    return Layout(
        bank=STATEMENT.zh,
        columns=Columns(
            date=named["booked_on"],
            serial=named["serial"],
            debit=named["debit_fen"],
            credit=named["credit_fen"],
            balance=named["balance_fen"],
            counterparty=named["counterparty"],
            remark=named["purpose"],
            account=named["account"],
        ),
        sheet=STATEMENT.zh,
        end_words=("控制合计",),
        prepared_rows=True,
    )


def read_layout(path: Path) -> Layout:
    """The layout of a YAML file; raises InputError naming what is wrong with it."""
    try:
        return shape_document(read_document(path), Layout)
    except PolicyFileError as error:
        wrong = "; ".join(f"{problem.line}: {problem.message}" for problem in error.problems)
        raise InputError(
            "bank_layout",
            f"对账单版式说明 {path.name} 有误：{wrong}",
            f"the layout {path.name} cannot be used: {wrong}",
            remedy="deployments/sample/bank-layouts",
        ) from error


def read_statement(name: str, content: bytes, layout: Layout, *, account_no: str) -> OwnStatement:
    """The statement in a bank's own file. Raises InputError naming the cell that cannot be read."""
    with ParserProcess() as parser:
        raw = parser.take_apart(content)
    if not raw.get("ok"):
        raise _unreadable(name, f"{raw.get('reason')} {raw.get('found') or ''}".strip())
    if (
        layout.encoding is not None
        and raw["kind"] == "csv"
        and not _same_encoding(raw["encoding"], layout.encoding)
    ):
        raise _unreadable(name, f"编码 {raw['encoding']}，应为 / expected {layout.encoding}")
    rows, columns, header_row = _table(name, _sheet(name, raw, layout), layout)
    read = [
        _row(name, cells, columns, layout=layout, account_no=account_no, date1904=bool(raw.get("date1904")))
        for cells in _body(rows, columns, header_row, layout=layout)
    ]
    if layout.order == "newest_first":
        read.reverse()
    _require_proof_of_reversals(name, read)
    _require_running(name, read)
    _require_once(name, read)
    closing = {row.line.executed_at.date(): row.balance_fen for row in read if row.balance_fen is not None}
    return OwnStatement(tuple(row.line for row in read), _openings(read), closing)


def _openings(rows: Sequence[_Row]) -> dict[date, int]:
    """The balance before the first line of each day; none where the days are mixed."""
    days = [row.line.executed_at.date() for row in rows]
    if days != sorted(days):
        return {}
    firsts = dict(reversed(list(zip(days, rows, strict=True))))
    return {
        day: row.balance_fen - row.line.moved_fen
        for day, row in firsts.items()
        if row.balance_fen is not None
    }


def _same_encoding(found: str, wanted: str) -> bool:
    # Bytes that are UTF-8 throughout are no accident, whatever the bank usually writes.
    return found.removesuffix("-sig") == wanted or found == "utf-8"


def _sheet(name: str, raw: Mapping[str, Any], layout: Layout) -> Mapping[str, Any]:
    sheets = [sheet for sheet in raw["sheets"] if sheet["state"] == "visible"]
    if layout.sheet is not None and raw["kind"] != "csv":
        sheets = [sheet for sheet in sheets if sheet["name"] == layout.sheet]
    if len(sheets) != 1:
        raise _unreadable(name, f"{len(sheets)} 个工作表 / sheets; layout.sheet")
    if sheets[0]["hidden_rows"] or sheets[0]["hidden_columns"]:
        raise _unreadable(name, "有隐藏的行或列 / hidden rows or columns")
    found: Mapping[str, Any] = sheets[0]
    return found


def _table(
    name: str, sheet: Mapping[str, Any], layout: Layout
) -> tuple[dict[int, dict[int, Cell]], dict[str, int], int]:
    """Rows of cells, the column of each mapped field, and the row of the headers."""
    rows: dict[int, dict[int, Cell]] = {}
    for row, column, kind, text, formula, is_date in sheet["cells"]:
        rows.setdefault(row, {})[column] = Cell(
            row, column, kind, text=text, formula=formula, is_date=is_date
        )
    wanted = {field: header for field, header in layout.columns.model_dump().items() if header is not None}
    best: tuple[int, int] = (0, 0)
    for row, cells in sorted(rows.items()):
        headers: dict[str, list[int]] = {}
        for column, cell in cells.items():
            headers.setdefault((cell.text or "").strip(), []).append(column)
        there = [header for header in wanted.values() if header in headers]
        if len(there) == len(wanted):
            twice = [header for header in there if len(headers[header]) > 1]
            if twice:
                raise _at(
                    name,
                    row,
                    headers[twice[0]][1],
                    zh=f"列“{twice[0]}”出现两次",
                    en=f"column {twice[0]!r} twice",
                )
            return rows, {field: headers[header][0] for field, header in wanted.items()}, row
        best = max(best, (len(there), -row))
    row = -best[1] if best[0] else 1
    missing = [
        header
        for header in wanted.values()
        if header not in {(c.text or "").strip() for c in rows.get(row, {}).values()}
    ]
    raise _at(name, row, 1, zh=f"缺列：{'、'.join(missing)}", en=f"columns are missing: {', '.join(missing)}")


def _body(
    rows: Mapping[int, Mapping[int, Cell]], columns: Mapping[str, int], header_row: int, *, layout: Layout
) -> list[tuple[int, Mapping[int, Cell]]]:
    body = []
    for row, cells in sorted(rows.items()):
        texts = [(cell.text or "").strip() for cell in cells.values()]
        if row <= header_row or not any(texts):
            continue
        if any(text.startswith(layout.end_words) for text in texts):
            break
        mapped = (cells.get(column) for column in columns.values())
        if layout.prepared_rows and not any((cell.text or "").strip() for cell in mapped if cell):
            continue
        body.append((row, cells))
    return body


def _row(
    name: str,
    numbered: tuple[int, Mapping[int, Cell]],
    columns: Mapping[str, int],
    *,
    layout: Layout,
    account_no: str,
    date1904: bool,
) -> _Row:
    row, cells = numbered
    reader = _RowReader(name, row, cells, columns=columns, layout=layout, date1904=date1904)
    if "account" in columns and reader.text("account") != account_no:
        raise reader.wrong("account", f"账号应为 {account_no}", f"the account should be {account_no}")
    direction, amount_fen, reversed_at = reader.movement()
    remark = reader.text("remark", required=False)
    # A receipt taken back is no payment of ours, whatever its remark repeats.
    is_undone_receipt = reversed_at is not None and direction is Direction.DEBIT
    found = None if is_undone_receipt else _KEY.search(remark.lower())
    line = StatementLine(
        bank_serial=reader.serial(),
        account=account_no,
        direction=direction,
        amount_fen=amount_fen,
        key="-".join(found.groups()) if found else None,
        counterparty=reader.text("counterparty", required=False)[:200] or None,
        executed_at=reader.moment(),
    )
    return _Row(line, reader.balance(), reader.address("serial"), reversed_at=reversed_at)


class _RowReader:
    """Reads the cells of one row; every trouble names its cell."""

    def __init__(
        self,
        name: str,
        row: int,
        cells: Mapping[int, Cell],
        *,
        columns: Mapping[str, int],
        layout: Layout,
        date1904: bool,
    ) -> None:
        self._name, self._row, self._cells, self._columns = name, row, cells, columns
        self._layout, self._date1904 = layout, date1904

    def address(self, field: str) -> str:
        return f"{column_letters(self._columns[field])}{self._row}"

    def wrong(self, field: str, zh: str, en: str) -> InputError:
        return _at(self._name, self._row, self._columns[field], zh=zh, en=en)

    def text(self, field: str, *, required: bool = True) -> str:
        if field not in self._columns:
            return ""
        cell = self._cells.get(self._columns[field])
        found = "" if cell is None or cell.text is None else cell.text.strip()
        if required and not found:
            raise self.wrong(field, "空格", "the cell is empty")
        return found

    def serial(self) -> str:
        found = self.text("serial")
        cell = self._cells[self._columns["serial"]]
        # A spreadsheet keeps fifteen digits of a number: the rest of a long serial is already gone.
        if len(found) > 64 or (cell.kind == "n" and (len(found) > 15 or not found.isdigit())):
            raise self.wrong(
                "serial", f"流水号“{found}”须为文本", f"the serial {found!r} must be text of at most 64"
            )
        return found

    def moment(self) -> datetime:
        found = self.text("date")
        cell = self._cells[self._columns["date"]]
        written = read_day(cell, date1904=self._date1904)[0] if cell.is_date else None
        day = (
            date.fromisoformat(written)
            if written
            else self._parsed("date", found, self._layout.date_format).date()
        )
        return datetime.combine(day, self._time(), SHANGHAI)

    def _time(self) -> time:
        found = self.text("time", required=False)
        if not found:
            return time()
        return self._parsed("time", found, self._layout.time_format).time()

    def _parsed(self, field: str, found: str, form: str) -> datetime:
        try:
            parsed = datetime.strptime(found, form)  # noqa: DTZ007 - Shanghai's, added by the caller
        except ValueError:
            parsed = None
        # strptime takes other scripts' digits, and 2026108 as a day of October.
        if parsed is None or parsed.strftime(form) != found:
            raise self.wrong(field, f"“{found}”不是 {form}", f"{found!r} is not {form}")
        return parsed

    def movement(self) -> tuple[Direction, int, str | None]:
        """Direction and amount, and the cell where the amount stands below nil: then it moved the other way."""
        if "side" in self._columns:
            words = {self._layout.debit_word: Direction.DEBIT, self._layout.credit_word: Direction.CREDIT}
            side = words.get(self.text("side"))
            if side is None:
                raise self.wrong(
                    "side", f"借贷标志应为 {'/'.join(words)}", f"the side should be {'/'.join(words)}"
                )
            return self._moved("amount", side, self._amount("amount") or 0)
        debit_fen, credit_fen = self._amount("debit") or 0, self._amount("credit") or 0
        if bool(debit_fen) == bool(credit_fen):
            raise self.wrong("debit", "借方、贷方应恰有一方发生额", "either a debit or a credit is expected")
        if debit_fen:
            return self._moved("debit", Direction.DEBIT, debit_fen)
        return self._moved("credit", Direction.CREDIT, credit_fen)

    def _moved(self, field: str, direction: Direction, amount_fen: int) -> tuple[Direction, int, str | None]:
        if amount_fen == 0:
            raise self.wrong(field, "发生额须为正数", "the amount must be positive")
        if amount_fen > 0:
            return direction, amount_fen, None
        other = Direction.CREDIT if direction is Direction.DEBIT else Direction.DEBIT
        return other, -amount_fen, self.address(field)

    def balance(self) -> int | None:
        if "balance" not in self._columns:
            return None
        balance_fen = self._amount("balance")
        if balance_fen is None:
            raise self.wrong("balance", "余额为空", "the balance is empty")
        return balance_fen

    def _amount(self, field: str) -> int | None:
        cell = self._cells.get(self._columns[field])
        if cell is None or cell.blank:
            return None
        # Banks end a number with a tab or blanks, so that a spreadsheet keeps its digits.
        plain = (cell.text or "").strip()
        if self._layout.thousands_separators and _THOUSANDS.fullmatch(plain):
            plain = plain.replace(",", "")
        amount_fen, remarks = read_amount(replace(cell, text=plain), derived=False)
        if amount_fen is None or remarks:
            raise self.wrong(field, f"金额“{cell.text}”写法不对", f"{cell.text!r} is not a plain amount")
        return amount_fen


def _require_proof_of_reversals(name: str, rows: Sequence[_Row]) -> None:
    """An amount below nil is a movement the other way only where the balances before and after it say so.

    Some banks write all money out with a minus: without the balances the two cannot be told apart.
    """
    for before, row in zip([None, *rows], rows, strict=False):
        if row.reversed_at is None:
            continue
        balance_fen = None if before is None else before.balance_fen
        if balance_fen is None or balance_fen + row.line.moved_fen != row.balance_fen:
            raise InputError(
                "bank_statement_cell",
                f"{name} {row.reversed_at}：发生额须为正数；红字冲正（负数）只在前后余额证明时读作反方向的一笔",
                f"{name} at {row.reversed_at}: the amount must be positive; a reversal in red (below nil) is read "
                "as a line of the other direction only where the balances around it prove it",
                remedy="请银行出具带余额、含前一笔的对账单，或把冲正列为反方向的一笔 / ask the bank for a statement with "
                "balances that holds the line before, or lists the reversal as a line of the other direction",
            )


def _require_running(name: str, rows: Sequence[_Row]) -> None:
    """Where the bank prints a balance after each line, every line leads to the next."""
    for before, row in pairwise(rows):
        if before.balance_fen is None or row.balance_fen is None:
            continue
        if before.balance_fen + row.line.moved_fen != row.balance_fen:
            expected = format_yuan(before.balance_fen + row.line.moved_fen)
            raise InputError(
                "bank_statement_inconsistent",
                f"{name} {row.where} 行：余额 {format_yuan(row.balance_fen)}，由上一笔推算应为 {expected}，有缺行或错行",
                f"{name} at {row.where}: the balance is {format_yuan(row.balance_fen)}, the line before leads to {expected}",
                remedy="不予采用；请银行重发完整对账单 / not used; ask the bank for the whole statement",
            )


def _require_once(name: str, rows: Sequence[_Row]) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        first = seen.setdefault(row.line.bank_serial, row.where)
        if first != row.where:
            raise InputError(
                "bank_statement_inconsistent",
                f"{name} {row.where}：流水号 {row.line.bank_serial} 与 {first} 重复",
                f"{name} at {row.where}: the serial {row.line.bank_serial} stands at {first} too",
                remedy="不予采用；请银行重发完整对账单 / not used; ask the bank for the whole statement",
            )


def _at(name: str, row: int, column: int, *, zh: str, en: str) -> InputError:
    where = f"{column_letters(column)}{row}"
    return InputError(
        "bank_statement_cell",
        f"{name} {where}：{zh}",
        f"{name} at {where}: {en}",
        remedy="核对版式说明与原文件，勿手工改数 / compare the layout with the file; do not edit the figures",
    )


def _unreadable(name: str, what: str) -> InputError:
    return InputError(
        "bank_statement_unreadable",
        f"{name} 读不出：{what}",
        f"{name} cannot be read: {what}",
        remedy="请银行重发，或改正版式说明 / ask the bank again, or mend the layout",
    )
