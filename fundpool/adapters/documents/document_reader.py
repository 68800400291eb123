"""Finds a document's table in a file's cells and reads it, keeping the cell of every value."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fundpool.adapters.documents.cell_grammar import (
    TURNS_TEXT,
    Cell,
    Remark,
    code_points,
    read_account,
    read_amount,
    read_count,
    read_day,
    read_month,
    read_reference,
    read_year,
    shown_text,
    without_unseen,
)
from fundpool.adapters.documents.parser_process import take_apart_all
from fundpool.adapters.documents.parsing import column_letters, column_number
from fundpool.domain.findings import Finding, brief
from fundpool.domain.periods import Month, Period
from fundpool.services.ports.judging import Line, ParsedDocument, Register, SourceFile, fold, of_each
from schemas.documents import document_type
from schemas.documents.base import DocumentField, DocumentType, FieldKind
from schemas.documents.reading_rules import READING_RULES, REFUSALS, WHAT_IT_IS

Value = str | int | None
"""What a column that is no amount holds."""
HEADER_ROWS = 40
"""How far down a header may stand."""
_TOTAL = re.compile(
    r"(控制|本页|本表|本月|本期|当月|本年|全部|总|各县区|[^\s合总小累]{1,6}[市县区])?(合计|总计|小计)(数|行|金额|额)?"
    r"([(\[](单位:?)?(人民币)?[十百千万亿]*元[)\]])?:?"
)
_NAME = r"[^\s：:()（），,；;、/]{1,12}"
"""What may stand before a colon and make a label, whether this document knows it or not."""
_SIGNED_HOW = re.compile(r"[(（][^()（）]{1,6}[)）]$")
_UNSIGNED = re.compile(r"[\s_＿…\-—.／/]*")
"""A line to sign on, with nobody's name on it."""
_UNIT_ENDS = re.compile(r"\s{2,}|\u3000|[，,；;()（）]|\s(?=[0-9])")
_WITH_COUNTS = re.compile(r"([、/](人|户|人次|户次))+$")
"""What stands after the unit of money in a form that counts too: 单位：元、人."""
_MONEY_UNIT = re.compile(r".*元.*|[十百千万亿]+|yuan|rmb|cny|usd")
_UNIT_WORDS = r"(?:(?:金额|计量|货币)?单位|人民币|币种|金额)"
_STATED_UNIT = re.compile(
    rf"{_UNIT_WORDS}(?:为|是|:)?[(\[]?(?:人民币)?[(\[]?([十百千万亿]*元)(?![0-9a-z])"
    rf"|[(\[](?:{_UNIT_WORDS}:?)*([十百千万亿]*元)[)\]]"
    r"|^([十百千万亿]*元)$"
    r"|表[-—]*([十百千万亿]+元)(?=$|[(])"
)
"""Where a folded text outside the table says what the amounts are in: 单位（元）, 人民币（元）, a title's （万元）."""
_HEADER_UNIT = re.compile(r"[(（](元|万元|千元|亿元|人|户)[)）]$")
_PROPERTIES = {
    "fundpool-document": "表种 document",
    "fundpool-version": "模板版本 version",
    "fundpool-month": "期间 period",
    "fundpool-county": "县区 county",
}
INSTRUCTIONS = "填报说明"
"""The sheet of a template that says how to fill it."""
_HEAD = re.compile(
    r"\s*(模板版本|填报单位|{month})\s*([(（]盖章[)）])?\s*[：:]\s*(\S+)\s*".replace(
        "{month}", r"[^：:]{2,12}"
    )
)
PROPERTY_CHARACTERS = 250
"""How much of a list of counties fits into a workbook's property."""
_WRITTEN_BEFORE = frozenset({FieldKind.COUNTY_CODE, FieldKind.COUNTY_NAME, FieldKind.MONTH, FieldKind.YEAR})
"""What a template has already written into the rows that a county may leave unused."""
_NOTE = re.compile(
    r"\s*[*＊※]?\s*(注|附注|说明|填表说明|填报说明|编制说明|备注)\s*[0-9]?\s*[：:].*", re.DOTALL
)
_NUMERAL = re.compile(r"\s*[-+0-9.,，]+\s*")
_NEXT_NOTE = re.compile(r"\s*[(（]?([0-9]{1,2}|[一二三四五六七八九十]{1,2})[.．、)）].*", re.DOTALL)
_FOOTER = re.compile(
    r"((填报|填表|制表|报送|报出|上报|打印|导出|生成|审核|审批|编制|签字|签章|盖章)?(日期|时间)"
    r"|(联系|办公|咨询|经办|手机|固定)?(电话|手机|号码|电话号码|方式)|联系方式|传真|邮编|邮政编码|邮箱|电子邮箱|地址|打印人"
    r"|(填报|填表|制表|报送|编制|主管|财政|医保|医疗保障|上级)?(单位|机构|部门)([(].{1,8}[)])?|(联系|填报|填表|制表|审批|审核|复核|经办|打印|会计|出纳)人?员?(签字|签名|签章)?"
    r"|(单位|部门|财务|分管|主管)?(负责人|领导|局长|主任|科长|会计)(签字|签名|签章)?([(].{1,8}[)])?|页码?|[(]?(签字|签章|盖章|公章)[)]?"
    r"|(审核|审批|领导|主管)?意见)"
    r"(:.*)?"
    r"|年月日|[〇零一二三四五六七八九]{4}年[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}日"
    r"|-?第?[0-9]{1,3}页?(/[0-9]{1,3}|[,/]?共[0-9]{1,3}页)?-?|共[0-9]{1,3}页.*|共[0-9]{1,5}条(记录|数据)?|page[0-9]{1,3}(of[0-9]{1,3})?"
    r"|[0-9]{4}(年|[-/.])[0-9]{1,2}(月|[-/.])[0-9]{1,2}日?([0-9:]{4,8})?",
    re.DOTALL,
)
"""What stands under a table, folded: a date, a telephone or page number, who signs."""


_NUMBER_FOLLOWS = re.compile("电话|手机|号|方式|传真|邮|页|日期|时间|月份|期间|版本")
"""In a label that a number may follow without being an amount."""
_BARE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)


def read_documents(
    files: Sequence[SourceFile],
    document: str,
    register: Register | Sequence[Register],
    *,
    month: Period | None,
) -> list[ParsedDocument]:
    """Read ``files`` as documents of one type, in order; a bad file is an answer, never an exception.

    ``register`` is that of the city which all files are of, or one for each file. ``month`` (a year for a yearly
    document) is what the template's properties are compared with, None at intake, when nobody knows it yet; the
    month of each row is read from the row. Raises InputError when there is no such document type.
    """
    kind, answers = document_type(document), take_apart_all(files)
    return [
        _unopened(file, document)
        if file.unopened
        else interpret(answer, file.name, file.sha256, document=kind, register=own, month=month)
        for file, answer, own in zip(files, answers, of_each(register, files), strict=True)
    ]


def _unopened(file: SourceFile, document: str) -> ParsedDocument:
    finding = _finding("FILE-000", found=file.unopened)
    return ParsedDocument(file.name, "", document, readable=False, findings=(finding,))


def interpret(
    answer: Mapping[str, Any],
    file: str,
    sha256: str,
    *,
    document: DocumentType,
    register: Register,
    month: Period | None,
) -> ParsedDocument:
    """The document in a parser's answer (see parsing.answer_for)."""
    if not answer["ok"]:
        finding = _refusal(answer["reason"], answer["found"])
        return ParsedDocument(file, sha256, document.key, readable=False, findings=(finding,))
    reading = _Reading(document, register, date1904=bool(answer["date1904"]))
    if answer["kind"] in _KIND_RULES:
        reading.say(_KIND_RULES[answer["kind"]])
    table = reading.find_table([_Sheet.of(sheet) for sheet in answer["sheets"]])
    properties = {**({} if table is None else reading.head_of(table)), **answer["properties"]}
    reading.check_properties(properties, month)
    if table is not None:
        reading.read(table)
        reading.check_counties(properties)
    return ParsedDocument(
        file=file,
        sha256=sha256,
        document=document.key,
        readable=table is not None and reading.readable,
        lines=tuple(reading.lines),
        labels=reading.labels,
        label_cells=reading.label_cells,
        control_totals_fen=reading.totals,
        control_cells=reading.total_cells,
        sheet=None if table is None else table.sheet.name,
        findings=tuple(reading.findings),
    )


_KIND_RULES = {"xls": "FILE-024", "xlsm": "FILE-025"}
"""What is said of a file that is no plain workbook or CSV."""


def _refusal(reason: str, found: str) -> Finding:
    """The finding on a file that the parser refused: in words, never with the parser's own tokens."""
    refusal = REFUSALS[reason]
    what = WHAT_IT_IS.get(found, found)
    words = what if reason in {"wrong_format", "not_a_workbook"} else f"{refusal.words} {what}".strip()
    return _finding(refusal.rule, found=words or None)


def _finding(
    code: str,
    *,
    found: str | None = None,
    expected: str | None = None,
    column: DocumentField | None = None,
    **where: Any,
) -> Finding:
    rule = READING_RULES[code]
    found = brief(found)
    words = {"found": found or "", "expected": expected or ""}
    zh, en = ("", "") if column is None else (column.zh, column.en)
    return Finding(
        rule=code,
        severity=rule.severity,
        message_zh=rule.message_zh.format(**words, column=zh),
        message_en=rule.message_en.format(**words, column=en),
        found=found,
        expected=expected,
        remedy=rule.remedy,
        basis="读表规则 / rules of reading",
        **where,
    )


@dataclass
class _Sheet:
    name: str
    visible: bool
    rows: dict[int, dict[int, Cell]]
    hidden_rows: list[int]
    hidden_columns: list[list[int]]
    merged: list[str]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "_Sheet":
        rows: dict[int, dict[int, Cell]] = {}
        formats = {(row, column): code for code, places in raw["formats"].items() for row, column in places}
        conditional = _conditional_areas(raw["conditional"])
        for row, column, kind, text, formula, is_date in raw["cells"]:
            code = formats.get((row, column), "")
            over: tuple[str, ...] = ()
            if conditional and kind == "n":
                over = tuple(c for c, area in conditional if _lies_in(row, column, area))
            unseen = ""
            if kind == "s" and text:
                text, unseen = without_unseen(text)  # noqa: PLW2901 - as everybody sees it
            cell = Cell(
                row,
                column,
                kind,
                text=text,
                formula=formula,
                is_date=is_date,
                number_format=code,
                conditional_formats=over,
                unseen=unseen,
            )
            rows.setdefault(row, {})[column] = cell
        return cls(
            without_unseen(raw["name"])[0],
            raw["state"] == "visible",
            dict(sorted(rows.items())),
            raw["hidden_rows"],
            raw["hidden_columns"],
            raw["merged"],
        )


_AREA = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?", re.ASCII)


def _area(reference: str) -> tuple[int, int, int, int]:
    """First row, first column, last row, last column; the whole sheet where the reference is no area."""
    match = _AREA.fullmatch(reference)
    if match is None:
        return 1, 1, 1 << 20, 1 << 14
    last_column, last_row = match[3] or match[1], match[4] or match[2]
    return int(match[2]), column_number(match[1]), int(last_row), column_number(last_column)


_AREAS = 64
"""So many areas of conditional formats are told apart; of more, each format counts for the whole sheet."""


def _conditional_areas(formats: Mapping[str, Sequence[str]]) -> list[tuple[str, tuple[int, int, int, int]]]:
    if sum(map(len, formats.values())) > _AREAS:
        return [(code, _area("")) for code in list(formats)[:_AREAS]]
    return [(code, _area(reference)) for code, references in formats.items() for reference in references]


def _lies_in(row: int, column: int, area: tuple[int, int, int, int]) -> bool:
    return area[0] <= row <= area[2] and area[1] <= column <= area[3]


@dataclass
class _Table:
    sheet: _Sheet
    header_row: int
    columns: dict[str, int]
    """Field key → column."""
    unknown: dict[int, str]
    """Columns with a header that is no field."""
    twice: list[str] = field(default_factory=list)
    units: list[tuple[int, str]] = field(default_factory=list)
    """Columns whose header states a unit of money."""
    header_cells: list[Cell] = field(default_factory=list)
    column_numbers: list[Cell] = field(default_factory=list)
    """The row under the header that numbers the columns: 栏次 1 2 3 …"""

    @property
    def last_header_row(self) -> int:
        return self.column_numbers[0].row if self.column_numbers else self.header_row


class _Reading:
    """The state of reading one file."""

    def __init__(self, document: DocumentType, register: Register, *, date1904: bool) -> None:
        self.document = document
        self.register = register
        self.date1904 = date1904
        self.findings: list[Finding] = []
        self.lines: list[Line] = []
        self.labels: dict[str, str] = {}
        self.label_cells: dict[str, str] = {}
        self.totals: dict[str, int | None] = {}
        self.total_cells: dict[str, str] = {}
        self.readable = True
        self._headers = {
            fold(text): field.key
            for field in document.fields
            for text in (field.zh, *field.aliases, field.key)
        }
        self._label_names = {
            fold(text): label.key for label in document.labels for text in (label.zh, *label.aliases)
        }
        names = sorted(self._label_names, key=len, reverse=True)
        known = "|".join(r"\s*".join(map(re.escape, name)) for name in names)
        self._labels_in = re.compile(
            rf"(?:^|(?<=[\s(（，,；;、/]))\s*({known}|{_NAME})\s*([(（][^()（）]{{1,6}}[)）])?\s*[：:]"
        )
        self._units_stated: list[tuple[str, str]] = []
        self._total_row: int | None = None
        self._after_note = False

    # --- where the table is ---

    def find_table(self, sheets: list[_Sheet]) -> _Table | None:
        """The table with this document's header; None, with a finding, when there is none or more than one."""
        hidden = [sheet.name for sheet in sheets if not sheet.visible and sheet.rows]
        tables = [table for sheet in sheets if sheet.visible and (table := self._table_in(sheet)) is not None]
        required = [f for f in self.document.fields if not f.is_optional]
        expected = "、".join(f.zh for f in required)
        if hidden:
            self.say("FILE-015", found="、".join(hidden))
        if not tables:
            self.say("FILE-010", found=self._seen_headers(sheets), expected=expected)
            return None
        filled = [table for table in tables if self._has_rows(table)]
        if len(tables) > 1 and len(filled) != 1:
            self.say("FILE-014", found="、".join(table.sheet.name for table in tables))
            return None
        table = filled[0] if len(tables) > 1 else tables[0]
        others = [sheet.name for sheet in sheets if sheet.visible and sheet.rows and sheet is not table.sheet]
        if others and others != [INSTRUCTIONS]:
            self.say("FILE-026", found="、".join(others))
        for text in table.twice:
            self.say("FILE-012", table, found=text, row=table.header_row)
        for missing in required:
            if missing.key not in table.columns:
                self.say("FILE-011", table, expected=missing.zh, row=table.header_row)
        if table.twice or any(f.key not in table.columns for f in required):
            self.readable = False
        return table

    def _has_rows(self, table: _Table) -> bool:
        """Whether any amount stands under the header, or an unknown one in place of it."""
        money = [table.columns[f.key] for f in self.document.money_fields if f.key in table.columns]
        return any(
            not cells[column].blank and not cells[column].formula
            for row, cells in table.sheet.rows.items()
            if row > table.last_header_row
            for column in money
            if column in cells
        )

    def _table_in(self, sheet: _Sheet) -> _Table | None:
        head = [(row, cells) for row, cells in sheet.rows.items() if row <= HEADER_ROWS]
        wanted = sum(not f.is_optional for f in self.document.fields)
        best = self._widest((self._header(sheet, row, cells) for row, cells in head), wanted)
        if best is None or len(best.columns) < wanted:
            # The header of two rows is taken only where it says more than either of its rows.
            pairs = itertools.pairwise(head)
            both = (
                self._header(sheet, row, self._two_rows(above, cells)) for (_, above), (row, cells) in pairs
            )
            best = self._widest((*([best] if best else ()), *both), wanted)
        if best is None or 2 * len(best.columns) < wanted:
            return None
        best.column_numbers = self._column_numbers(best)
        return best

    def _column_numbers(self, table: _Table) -> list[Cell]:
        """The row directly under the header when all it does is to number the columns; else nothing.

        It may begin with 栏次 or 甲 乙; from there on every column has its number, counted from 1, and every
        amount column has one. A county's row is never taken for it: it names its county and its fund.
        """
        below = (cells for row, cells in table.sheet.rows.items() if row > table.header_row)
        filled: dict[int, Cell] = next((found for cells in below if (found := _filled(cells))), {})
        marks = [cell for _, cell in sorted(filled.items())]
        first = next((at for at, cell in enumerate(marks) if _is_number_of_column(cell, 1)), len(marks))
        numbers = marks[first:]
        places = [cell.column for cell in numbers]
        headed = sorted({*table.columns.values(), *table.unknown})
        money = {table.columns[f.key] for f in self.document.money_fields if f.key in table.columns}
        numbers_columns = (
            len(marks) >= _MARKS
            and _BEFORE_NUMBERS.fullmatch("".join(fold(cell.text or "") for cell in marks[:first]))
            and places == [column for column in headed if places and places[0] <= column <= places[-1]]
            and money <= set(places)
            and all(_is_number_of_column(cell, number) for number, cell in enumerate(numbers, start=1))
        )
        return marks if numbers_columns else []

    @staticmethod
    def _widest(tables: Iterable[_Table], wanted: int) -> _Table | None:
        """The first table of those with the most columns of the document."""
        enough = [table for table in tables if len(table.columns) >= min(4, wanted)]
        return max(enough, key=lambda table: len(table.columns), default=None)

    def _two_rows(self, above: Mapping[int, Cell], below: Mapping[int, Cell]) -> dict[int, Cell]:
        """The header that two rows make: 本月 over 住院 and 普通门诊 is 本月住院 and 本月普通门诊.

        Empty when the lower row holds a number: it is data then.
        """
        if len(below) < 2 or any(c.kind != "s" or _NUMERAL.fullmatch(c.text or "") for c in below.values()):
            return {}
        header: dict[int, Cell] = {}
        group = ""
        for column in sorted({*above, *below}):
            top, under = above.get(column), below.get(column)
            own = "" if top is None or top.kind != "s" else (top.text or "").strip()
            group = own or group
            if under is None or under.blank:
                if top is not None:
                    header[column] = top
                continue
            text = (under.text or "").strip()
            texts = (group + text, text + group, text, own)
            header[column] = replace(under, text=next((t for t in texts if fold(t) in self._headers), text))
        return header

    def _header(self, sheet: _Sheet, row: int, cells: Mapping[int, Cell]) -> _Table:
        table = _Table(sheet, row, {}, unknown={})
        for column, cell in cells.items():
            if cell.kind != "s" or cell.blank or cell.text is None:
                continue
            text = cell.text.strip()
            unit = _HEADER_UNIT.search(text)
            key = self._headers.get(fold(text)) or self._headers.get(fold(_HEADER_UNIT.sub("", text)))
            if key is None:
                table.unknown[column] = text
            elif key in table.columns:
                table.twice.append(text)
            else:
                table.columns[key] = column
                table.header_cells.append(cell)
                if unit is not None and self.document.field_of(key).is_money:
                    table.units.append((column, unit[1]))
        return table

    def _seen_headers(self, sheets: Sequence[_Sheet]) -> str:
        for sheet in sheets:
            for cells in sheet.rows.values():
                texts = [cell.text.strip() for cell in cells.values() if cell.kind == "s" and cell.text]
                if len(texts) >= 4:
                    return "、".join(texts)[:120]
        for sheet in sheets:
            for cells in sheet.rows.values():
                # A file with other separators is one long text per row.
                longest = max((cell.text or "" for cell in cells.values()), key=len)
                if len(longest.split()) >= 4 or longest.count(";") >= 4:
                    return longest[:120]
        return "无 / none"

    def head_of(self, table: _Table) -> dict[str, str]:
        """What the template's head says in cells, for a file whose program or format keeps no properties."""
        head: dict[str, str] = {}
        for row, cells in table.sheet.rows.items():
            if row >= table.header_row:
                break
            for cell in cells.values():
                match = _HEAD.fullmatch(cell.text or "") if cell.kind == "s" else None
                if match is None:
                    continue
                label, value = fold(match[1]), match[3]
                county = self.register.by_name(value) if label == "填报单位" else None
                if county is not None:
                    head["fundpool-county"] = county.code
                elif label == "模板版本":
                    head["fundpool-version"] = value
                elif label == fold(self.document.month_zh):
                    month, _ = read_month(replace(cell, text=value), date1904=self.date1904)
                    head["fundpool-month"] = value if month is None else str(month)
        return head

    def check_properties(self, properties: Mapping[str, str], month: Period | None) -> None:
        """Compare the template's properties (document, version, period) with what is expected; a file may have none."""
        expected = {
            "fundpool-document": self.document.key,
            "fundpool-version": self.document.version,
        }
        if month is not None:
            expected["fundpool-month"] = str(month)
        for name, wanted in expected.items():
            stated = properties.get(name, wanted)
            # Templates of an earlier program name the month they were made in; of a year's document the year counts.
            is_year = name == "fundpool-month" and self.document.period == "year"
            if stated != wanted and not (is_year and stated[:4] == wanted[:4]):
                self._another_template(name, stated, wanted)

    def check_counties(self, properties: Mapping[str, str]) -> None:
        """The rows are of the counties that the template was made for: none more, and none missing."""
        stated = properties.get("fundpool-county", "")
        if not stated or len(stated) >= PROPERTY_CHARACTERS:  # a longer list was cut when it was written
            return
        written = {
            str(
                line.values.get("county_code") or line.raw.get("county_code", "").strip() or line.county or ""
            )
            for line in self.lines
        }
        if written and written != set(stated.split(",")):
            self._another_template("fundpool-county", stated, ",".join(sorted(written)))

    def _another_template(self, name: str, stated: str, wanted: str) -> None:
        what = _PROPERTIES[name]
        self.say("FILE-022", found=f"{what} {stated}", expected=f"{what} {wanted}")

    # --- what the table holds ---

    def read(self, table: _Table) -> None:
        """Labels, rows and control totals of the table."""
        for cell in (*table.header_cells, *table.column_numbers):
            self._remark_unseen(table, cell)
        if table.column_numbers:
            texts = " ".join((cell.text or "").strip() for cell in table.column_numbers)
            self.say("FILE-027", table, row=table.last_header_row, found=texts[:80])
        for row, cells in table.sheet.rows.items():
            if row < table.header_row:
                self._read_labels(table, cells)
                for cell in cells.values():
                    self._read_units(cell)
            elif row > table.last_header_row:
                self._read_row(table, row, cells)
        self._check_unit(table)
        self._check_unknown_columns(table)
        self._check_hidden(table)
        if not self.lines:
            self.say("FILE-017", table)

    def _remark_unseen(self, table: _Table, cell: Cell, f: DocumentField | None = None, **where: Any) -> None:
        """Say that characters which nobody sees were taken off; that text runs backwards is no small matter."""
        if cell.unseen:
            code = "CELL-019" if TURNS_TEXT.search(cell.unseen) else "CELL-018"
            where = {"row": cell.row, **where}
            found, text = code_points(cell.unseen), cell.text or ""
            self.say(code, table, cell=_address(cell), column=f, found=found, expected=text, **where)

    def _read_units(self, cell: Cell) -> None:
        """The units of money that a text outside the table states besides the labels."""
        if cell.kind == "s" and cell.text and "元" in cell.text:
            for match in _STATED_UNIT.finditer(fold(cell.text)):
                stated = (next(filter(None, match.groups())), _address(cell))
                if stated not in self._units_stated:
                    self._units_stated.append(stated)

    def _read_labels(self, table: _Table, cells: Mapping[int, Cell]) -> bool:
        """Take label–value pairs from a row outside the table; whether there was any.

        A pair stands in one cell (``单位：元``) or in two, and several pairs may stand in one cell.
        """
        found = False
        ordered = [cell for _, cell in sorted(cells.items()) if not cell.blank and cell.text is not None]
        for index, cell in enumerate(ordered):
            pairs = self._pairs(cell.text or "")
            after = ordered[index + 1] if index + 1 < len(ordered) else None
            self._remark_unseen(table, cell)
            for key, value in pairs:
                found = found or bool(key)
                if not value and (key, value) == pairs[-1] and after and not self._pairs(after.text or ""):
                    self._take_label(key, (after.text or "").strip(), _address(after))
                else:
                    self._take_label(key, value, _address(cell))
        return found

    def _pairs(self, text: str) -> list[tuple[str, str]]:
        """Every label in a text with the text after it; the key is "" for a label that this document does not know."""
        if ":" not in text and "：" not in text:
            alone = self._label_names.get(fold(_SIGNED_HOW.sub("", text.strip()))) if len(text) < 20 else None
            return [] if alone is None else [(alone, "")]
        labels = list(self._labels_in.finditer(text))
        ends = [*(label.start() for label in labels[1:]), len(text)]
        pairs: list[tuple[str, str]] = []
        for label, end in zip(labels, ends, strict=False):
            key = self._label_names.get(fold(label[1]), "")
            if key == "unit" and label[2]:
                key = ""  # 单位（盖章） is who files, not what the amounts are in
            pairs.append((key, text[label.end() : end].strip().rstrip(")）").strip()))
        return pairs

    def _take_label(self, key: str, value: str, cell: str) -> None:
        if key == "unit":
            unit = _WITH_COUNTS.sub("", fold(_UNIT_ENDS.split(value.strip())[0]))
            if _MONEY_UNIT.fullmatch(unit):  # else it is the unit that files
                self._units_stated.append((unit, cell))
        elif key and _UNSIGNED.fullmatch(value):
            value = ""
        if key and (key not in self.labels or not self.labels[key]):
            self.labels[key] = value
            self.label_cells[key] = cell

    def _read_row(self, table: _Table, row: int, cells: Mapping[int, Cell]) -> None:
        filled = _filled(cells)
        if not filled or self._is_unused(table, filled):
            return
        identity = [
            filled[table.columns[f.key]]
            for f in self.document.fields
            if not f.is_money and f.kind is not FieldKind.TEXT and table.columns.get(f.key) in filled
        ]
        texts = [cell.text.strip() for cell in filled.values() if cell.kind == "s" and cell.text]
        is_note, self._after_note = self._after_note, False
        if any(_TOTAL.fullmatch(fold(cell.text or "")) for cell in (identity or filled.values())):
            self._read_totals(table, row, filled)
        elif self._is_county_row(table, filled):
            self._read_line(table, row, filled)
        elif len(self._header(table.sheet, row, filled).columns) * 2 > len(table.columns):
            self.say("FILE-019", table, row=row)
        elif len(texts) == len(filled) == 1 and (
            _NOTE.fullmatch(texts[0]) or (is_note and _NEXT_NOTE.fullmatch(texts[0]))
        ):
            self._after_note = True
        elif self._is_outside(table, filled) or self._is_footer(table, filled):
            return
        elif self._is_line(table, filled) or (
            identity and self._total_row is None and not self._is_prose(filled)
        ):
            self._read_line(table, row, filled)
        else:
            self.say(
                "FILE-018",
                table,
                row=row,
                found=" ".join(texts or [_address(c) for c in filled.values()])[:80],
            )

    def _is_county_row(self, table: _Table, filled: Mapping[int, Cell]) -> bool:
        """Whether a row begins as nearly every row does: with the code of a county of the register."""
        cell = filled.get(table.columns.get("county_code", 0))
        return cell is not None and self.register.by_code((cell.text or "").strip()) is not None

    def _is_line(self, table: _Table, filled: Mapping[int, Cell]) -> bool:
        """Whether a row holds a county, a fund, a code or an amount."""
        held = [
            (f, filled[at]) for f in self.document.fields if (at := table.columns.get(f.key, 0)) in filled
        ]
        return any(self._makes_a_line(f, cell) for f, cell in held)

    def _makes_a_line(self, f: DocumentField, cell: Cell) -> bool:
        text = (cell.text or "").strip()
        match f.kind:
            case FieldKind.COUNTY_CODE:
                return _COUNTY_CODE.fullmatch(text) is not None
            case FieldKind.COUNTY_NAME:
                return self.register.by_name(text) is not None
            case FieldKind.FUND:
                return self.register.fund_by_name(text) is not None
            case FieldKind.CODE | FieldKind.ACCOUNT | FieldKind.REFERENCE:
                plain = read_account(text)[0] if f.kind is FieldKind.ACCOUNT else None
                return _CODE.fullmatch(plain or text) is not None
            case FieldKind.MONEY:
                return self._is_amount(cell)
        return False

    def _is_amount(self, cell: Cell) -> bool:
        """Whether a cell holds an amount, or something that was meant as one; a page number is none."""
        if cell.kind != "s" or cell.formula:
            return not (self._total_row is not None and re.fullmatch(r"[1-9][0-9]?", cell.text or ""))
        return read_amount(cell, derived=True)[0] is not None

    @staticmethod
    def _is_prose(filled: Mapping[int, Cell]) -> bool:
        """Whether a row is a text or two, as notes and footers are."""
        return len(filled) <= 3 and all(cell.kind == "s" for cell in filled.values())

    def _is_footer(self, table: _Table, filled: Mapping[int, Cell]) -> bool:
        """Whether every cell is what stands under a table (a date, a telephone number, a page), or follows such.

        A bare number is the page's where it stands alone under the total; elsewhere it may be an amount.
        """
        is_page = len(filled) == 1 and self._total_row is not None
        label = ""
        for _, cell in sorted(filled.items()):
            text = fold(cell.text or "")
            is_footer = cell.kind == "s" and _FOOTER.fullmatch(text) is not None
            if is_footer and _BARE_NUMBER.fullmatch(text):
                is_footer = is_page
            if not is_footer and (not label or self._is_amount_after(label, table, cell)):
                return False
            label = text if is_footer and (":" not in text or text.endswith(":")) else ""
        return True

    def _is_amount_after(self, label: str, table: _Table, cell: Cell) -> bool:
        """Whether a number stands in an amount's column after a label that no number follows."""
        is_amount = any(table.columns.get(f.key) == cell.column for f in self.document.money_fields)
        return is_amount and self._looks_like_a_value(cell) and _NUMBER_FOLLOWS.search(label) is None

    def _is_unused(self, table: _Table, filled: Mapping[int, Cell]) -> bool:
        """Whether a row of a list holds only what the template wrote into it: county, period and empty sums."""
        if self.document.per_fund:
            return False
        places = [(f, table.columns.get(f.key)) for f in self.document.fields]
        written = {at for f, at in places if at is not None and f.kind in _WRITTEN_BEFORE}
        sums = {at for f, at in places if at is not None and at in filled and f.follows_from is not None}
        if not written or set(filled) != written | sums:
            return False
        code, name = (filled.get(table.columns.get(key, 0)) for key in ("county_code", "county_name"))
        county = self._county(
            {
                "county_code": _LONG_CODE.sub(r"\1", code.text.strip()) if code and code.text else None,
                "county_name": name.text if name else None,
            }
        )
        sums_are_empty = all(_NIL.fullmatch((filled[at].text or "").strip()) for at in sums)
        return county is not None and sums_are_empty

    def _is_outside(self, table: _Table, filled: Mapping[int, Cell]) -> bool:
        """Whether the row is signatures, which are taken."""
        texts = [cell.text for cell in filled.values() if cell.kind == "s" and cell.text]
        if len(filled) > 12 or not any(self._pairs(text) for text in texts):
            return False
        unlabelled: dict[int, Cell] = {}
        label = ""
        for column, cell in sorted(filled.items()):
            pairs = self._pairs(cell.text or "") if cell.kind == "s" else []
            if not pairs and (not label or self._is_amount_after(label, table, cell)):
                unlabelled[column] = cell
            label = cell.text or "" if pairs and not pairs[-1][1] else ""
        return not self._has_amount(table, unlabelled) and self._read_labels(table, filled)

    def _has_amount(self, table: _Table, filled: Mapping[int, Cell]) -> bool:
        return any(
            column in filled and self._looks_like_a_value(filled[column])
            for f in self.document.money_fields
            if (column := table.columns.get(f.key)) is not None
        )

    @staticmethod
    def _looks_like_a_value(cell: Cell) -> bool:
        return cell.kind != "s" or cell.formula or any(character.isdigit() for character in cell.text or "")

    def _read_totals(self, table: _Table, row: int, filled: Mapping[int, Cell]) -> None:
        if self._total_row is not None:
            self.say("FILE-023", table, row=row, found=f"{self._total_row}, {row}")
            return
        self._total_row = row
        for each in filled.values():
            self._read_units(each)
            self._remark_unseen(table, each)
        for f in self.document.money_fields:
            cell = filled.get(table.columns.get(f.key, 0))
            if cell is None:
                continue
            amount, remarks = read_amount(cell, derived=True, date1904=self.date1904)
            self.totals[f.key] = amount
            self.total_cells[f.key] = _address(cell)
            for remark in remarks:
                self._remark(table, _address(cell), f, remark=remark, row=row)

    def _read_line(self, table: _Table, row: int, filled: Mapping[int, Cell]) -> None:
        cells = {
            f.key: filled[column]
            for f in self.document.fields
            if (column := table.columns.get(f.key)) is not None and column in filled
        }
        remarks: list[tuple[DocumentField, Remark]] = []
        amounts: dict[str, int | None] = {}
        values: dict[str, Value] = {}
        for f in self.document.fields:
            cell = cells.get(f.key)
            if cell is None:
                (amounts if f.is_money else values)[f.key] = None
            elif f.is_money:
                is_derived = f.follows_from is not None
                amounts[f.key], found = read_amount(cell, derived=is_derived, date1904=self.date1904)
                remarks.extend((f, remark) for remark in found)
            else:
                values[f.key], found = self._value(f, cell)
                remarks.extend((f, remark) for remark in found)
        fund, month = values.get("fund"), values.get("month")
        remarks = self._with_dashes(cells, fund, amounts, remarks=remarks)
        line = Line(
            county=self._county(values),
            fund=fund if isinstance(fund, str) else None,
            month=Month.parse(month) if isinstance(month, str) else None,
            amounts_fen=amounts,
            values=values,
            sheet=table.sheet.name,
            row=row,
            # A blank cell has an address too: that is where the county must write.
            cells={key: f"{column_letters(column)}{row}" for key, column in table.columns.items()},
            raw={
                f.key: cell.text or "" if f.is_money else shown_text(cell, date1904=self.date1904)
                for f in self.document.fields
                if (cell := cells.get(f.key)) is not None
            },
        )
        self.lines.append(line)
        remarks.extend(self._half_a_county(line))
        for key, cell in cells.items():
            if cell.unseen and amounts.get(key, 0) is not None:
                where = {"county": line.county, "fund": line.fund}
                self._remark_unseen(table, cell, self.document.field_of(key), **where)
        for f, remark in remarks:
            self._remark(
                table, line.cells[f.key], f, remark=remark, row=row, county=line.county, fund=line.fund
            )

    @staticmethod
    def _with_dashes(
        cells: Mapping[str, Cell],
        fund: Value,
        amounts: dict[str, int | None],
        *,
        remarks: Sequence[tuple[DocumentField, Remark]],
    ) -> list[tuple[DocumentField, Remark]]:
        """The remarks with a note for each dash that can only mean one thing.

        It is nil where the fund has no such spending by law, and a blank where the cell may be left blank.
        Anywhere else it is no amount: it may stand for nil or for not known.
        """
        noted: list[tuple[DocumentField, Remark]] = []
        for f, remark in remarks:
            is_nil = fund is not None and fund == f.nil_for_fund
            if remark.code != "CELL-009" or not _DASH.fullmatch(cells[f.key].text or ""):
                noted.append((f, remark))
            elif is_nil or f.is_optional:
                amounts[f.key] = 0 if is_nil else None
                meaning = "为 0 / nil" if is_nil else "为空 / left blank"
                noted.append((f, Remark("CELL-020", remark.found, meaning)))
            else:
                noted.append((f, remark))
        return noted

    def _half_a_county(self, line: Line) -> list[tuple[DocumentField, Remark]]:
        """The remarks on a county whose code or name is blank, and is known by the other."""
        county = self.register.by_code(line.county) if line.county else None
        if county is None:
            return []
        official = {"county_code": county.code, "county_name": county.name_zh}
        return [
            (f, Remark("CELL-013", "空 / blank", official[f.key]))
            for f in self.document.fields
            if f.key in official and f.key in line.cells and not line.raw.get(f.key, "").strip()
        ]

    def _county(self, values: Mapping[str, Value]) -> str | None:
        by_code, by_name = values.get("county_code"), values.get("county_name")
        county = self.register.by_code(str(by_code)) if by_code else None
        if county is None and by_name:
            county = self.register.by_name(str(by_name))
        return county.code if county else None

    def _value(self, f: DocumentField, cell: Cell) -> tuple[Value, list[Remark]]:
        """The value of a column that is no amount, and what is remarked on its writing."""
        text = (cell.text or "").strip()
        formula = [Remark("CELL-005" if text else "CELL-006", text)] if cell.formula else []
        if not text:
            return None, formula
        if cell.kind == "e":
            return None, [*formula, Remark("CELL-011", text)]
        value, remarks = self._value_of_text(f, cell, text)
        if f.kind is FieldKind.COUNTY_CODE and value is not None:
            plain, _ = read_reference(str(value))
            if plain and plain != value and _COUNTY_CODE.fullmatch(plain):
                value, remarks = plain, [*remarks, Remark("CELL-002", text, plain)]
            long = _LONG_CODE.fullmatch(str(value))
            if long is not None:
                value, remarks = long[1], [*remarks, Remark("CELL-013", text, long[1])]
        return value, [*formula, *remarks]

    def _value_of_text(self, f: DocumentField, cell: Cell, text: str) -> tuple[Value, list[Remark]]:
        value: Value = text
        remarks: list[Remark] = []
        match f.kind:
            case FieldKind.MONTH:
                month, remarks = read_month(cell, date1904=self.date1904)
                value = None if month is None else str(month)
            case FieldKind.YEAR:
                value, remarks = read_year(cell)
            case FieldKind.ACCOUNT | FieldKind.REFERENCE:
                value, remarks = _text_of_digits(f.kind, cell, text)
            case FieldKind.DAY:
                value, remarks = read_day(cell, date1904=self.date1904)
            case FieldKind.COUNT:
                value, remarks = read_count(cell)
            case FieldKind.FUND:
                fund = self.register.fund_by_name(text)
                value = None if fund is None else fund.key
                remarks = _matched(text, None if fund is None else fund.name_zh)
            case FieldKind.COUNTY_NAME:
                county = self.register.by_name(text)
                remarks = _matched(text, None if county is None else county.name_zh)
            case FieldKind.CODE | FieldKind.COUNTY_CODE if cell.kind == "n" or _WHOLE.fullmatch(text):
                value, remarks = _number_as_code(text)
            case FieldKind.CODE if _LOST_DIGITS.fullmatch(text):
                value, remarks = None, [Remark("CELL-012", text)]
        return value, remarks

    # --- findings on the whole table ---

    def _check_unit(self, table: _Table) -> None:
        wanted = self.document.unit_zh
        for column, unit in table.units:
            if unit != wanted:
                cell = f"{column_letters(column)}{table.header_row}"
                self.say("FILE-020", table, cell=cell, row=table.header_row, found=unit, expected=wanted)
        for unit, cell in self._units_stated:
            if unit not in {wanted, f"人民币{wanted}"}:
                self.say("FILE-020", table, cell=cell, found=unit, expected=wanted)
        if not self._units_stated and len(table.units) < len(self.document.money_fields):
            self.say("FILE-021", table, expected=wanted)

    def _check_unknown_columns(self, table: _Table) -> None:
        for column, text in table.unknown.items():
            below = any(
                column in cells and not cells[column].blank
                for row, cells in table.sheet.rows.items()
                if row > table.last_header_row
            )
            if below:
                cell = f"{column_letters(column)}{table.header_row}"
                self.say("FILE-013", table, cell=cell, row=table.header_row, found=text)

    def _check_hidden(self, table: _Table) -> None:
        last = max((line.row for line in self.lines), default=table.header_row)
        rows = [row for row in table.sheet.hidden_rows if table.header_row <= row <= last]
        columns = [
            column_letters(column)
            for column in table.columns.values()
            if any(first <= column <= final for first, final in table.sheet.hidden_columns)
        ]
        if rows or columns:
            self.say("FILE-015", table, found="、".join([*(str(row) for row in rows), *columns]))
        for area in table.sheet.merged:
            match = re.fullmatch(r"[A-Z]{1,3}([0-9]{1,7}):[A-Z]{1,3}([0-9]{1,7})", area)
            if match is None or (int(match[2]) > table.last_header_row and int(match[1]) <= last):
                self.say("FILE-016", table, cell=area, found=area)

    def say(self, code: str, table: _Table | None = None, **details: Any) -> None:
        self.findings.append(_finding(code, sheet=None if table is None else table.sheet.name, **details))

    def _remark(self, table: _Table, cell: str, f: DocumentField, *, remark: Remark, **where: Any) -> None:
        words = {"found": remark.found, "expected": remark.expected}
        self.say(remark.code, table, cell=cell, column=f, **words, **where)


def _filled(cells: Mapping[int, Cell]) -> dict[int, Cell]:
    return {column: cell for column, cell in cells.items() if not cell.blank}


_BEFORE_NUMBERS = re.compile(r"([栏列](次|号|目))?(甲(乙(丙(丁(戊己?)?)?)?)?|a(b(c(d(ef?)?)?)?)?|[-—–]*)")
"""What a row of column numbers begins with, its cells folded and joined."""
_MARKS = 3
"""So many cells make a row of column numbers: a single 1 may be an amount."""


def _is_number_of_column(cell: Cell, number: int) -> bool:
    """Whether the cell holds ``number`` as a column's: 3, (3), 3栏 or, with how it is computed, 3=1+2 or 3(1+2)."""
    text = fold(cell.text or "")
    written = re.fullmatch(
        rf"第?\(?{number}\)?栏?(=[0-9()+\-−–*×/÷.]+|\([0-9+\-−–*×/÷.]+\))?", text, re.ASCII
    )
    return cell.kind in {"s", "n"} and not cell.formula and not cell.is_date and written is not None


_NIL = re.compile(r"(0+(\.0*)?)?|[-—–]")
"""What a template's sum holds while its parts are empty: stored by a workbook, shown in a CSV."""
_DASH = re.compile(r"\s*[-—–－]{1,2}\s*")
_COUNTY_CODE = re.compile(r"[0-9]{5,12}(\.0)?|[0-9]{6}-[A-Z]+", re.ASCII)
_CODE = re.compile(r"[0-9A-Z][0-9A-Z.+ -]{4,}", re.ASCII)
_LONG_CODE = re.compile(r"([0-9]{6})0{6}", re.ASCII)
"""A county's code with the twelve digits of the statistical divisions."""
_WHOLE = re.compile(r"[0-9]{1,15}\.0+", re.ASCII)
"""A code that a program took for a number and wrote so into a CSV."""
_LOST_DIGITS = re.compile(r"[0-9]\.[0-9]+[eE]\+?[0-9]+", re.ASCII)
"""A long code as a spreadsheet program writes it into a CSV: 6.22202E+18."""


def _matched(text: str, official: str | None) -> list[Remark]:
    return [] if official in {None, text} else [Remark("CELL-013", text, official)]


def _number_as_code(text: str) -> tuple[str | None, list[Remark]]:
    """A code kept as a number: readable while Excel's 15 digits hold it, lost beyond."""
    if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        return text, [Remark("CELL-008", text, text)]
    if re.fullmatch(r"[0-9]{1,15}\.0+", text, re.ASCII):
        whole = text.partition(".")[0]
        return whole, [Remark("CELL-008", text, whole)]
    return None, [Remark("CELL-012", text)]


def _text_of_digits(kind: FieldKind, cell: Cell, text: str) -> tuple[str | None, list[Remark]]:
    """An account number or a reference; the cell may hold it as a number."""
    digits, remarks = _number_as_code(text) if cell.kind == "n" else (text, [])
    if digits is None:
        return None, remarks
    value, more = read_account(digits) if kind is FieldKind.ACCOUNT else read_reference(digits)
    return value, [*remarks, *more]


def _address(cell: Cell) -> str:
    return f"{column_letters(cell.column)}{cell.row}"
