"""Finds a document's table in a file's cells and reads it, keeping the cell of every value."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fundpool.adapters.documents.cell_grammar import (
    Cell,
    Remark,
    read_account,
    read_amount,
    read_count,
    read_day,
    read_month,
    read_year,
    shown_text,
)
from fundpool.adapters.documents.parser_process import take_apart_all
from fundpool.adapters.documents.parsing import column_letters
from fundpool.domain.findings import Finding, brief
from fundpool.domain.periods import Month, Period
from fundpool.services.ports.judging import Line, ParsedDocument, Register, SourceFile, fold, of_each
from schemas.documents import document_type
from schemas.documents.base import DocumentField, DocumentType, FieldKind
from schemas.documents.reading_rules import READING_RULES, REFUSALS

Value = str | int | None
"""What a column that is no amount holds."""
HEADER_ROWS = 40
"""How far down a header may stand."""
_TOTAL = re.compile(r"(控制|本页|本表|全市|全县|全区)?(合计|总计|小计)(数|行|金额)?:?")
_NAME = r"[^\s：:()（），,；;、/]{1,12}"
"""What may stand before a colon and make a label, whether this document knows it or not."""
_SIGNED_HOW = re.compile(r"[(（][^()（）]{1,6}[)）]$")
_UNSIGNED = re.compile(r"[\s_＿…\-—.／/]*")
"""A line to sign on, with nobody's name on it."""
_UNIT_ENDS = re.compile(r"\s{2,}|\u3000|[，,；;()（）]|\s(?=[0-9])")
_MONEY_UNIT = re.compile(r".*元.*|[十百千万亿]+|yuan|rmb|cny|usd")
_HEADER_UNIT = re.compile(r"[(（](元|万元|千元|亿元|人|户)[)）]$")
_PROPERTIES = {
    "fundpool-document": "表种 document",
    "fundpool-version": "模板版本 version",
    "fundpool-month": "期间 period",
    "fundpool-county": "县区 county",
}
PROPERTY_CHARACTERS = 250
"""How much of a list of counties fits into a workbook's property."""
_WRITTEN_BEFORE = frozenset({FieldKind.COUNTY_CODE, FieldKind.COUNTY_NAME, FieldKind.MONTH, FieldKind.YEAR})
"""What a template has already written into the rows that a county may leave unused."""
_NOTE = re.compile(r"\s*(注|说明|填表说明|填报说明|备注)\s*[：:].*", re.DOTALL)


def read_documents(
    files: Sequence[SourceFile],
    document: str,
    register: Register | Sequence[Register],
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
        else interpret(answer, file.name, file.sha256, kind, own, month)
        for file, answer, own in zip(files, answers, of_each(register, files), strict=True)
    ]


def _unopened(file: SourceFile, document: str) -> ParsedDocument:
    finding = _finding("FILE-000", found=file.unopened)
    return ParsedDocument(file.name, "", document, readable=False, findings=(finding,))


def interpret(
    answer: Mapping[str, Any],
    file: str,
    sha256: str,
    document: DocumentType,
    register: Register,
    month: Period | None,
) -> ParsedDocument:
    """The document in a parser's answer (see parsing.answer_for)."""
    if not answer["ok"]:
        finding = _finding(REFUSALS[answer["reason"]], found=f"{answer['reason']} {answer['found']}".strip())
        return ParsedDocument(file, sha256, document.key, readable=False, findings=(finding,))
    reading = _Reading(document, register, date1904=bool(answer["date1904"]))
    table = reading.find_table([_Sheet.of(sheet) for sheet in answer["sheets"]])
    reading.check_properties(answer["properties"], month)
    if table is not None:
        reading.read(table)
        reading.check_counties(answer["properties"])
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
        for row, column, kind, text, formula, is_date in raw["cells"]:
            code = formats.get((row, column), "")
            rows.setdefault(row, {})[column] = Cell(row, column, kind, text, formula, is_date, code)
        return cls(
            raw["name"],
            raw["state"] == "visible",
            dict(sorted(rows.items())),
            raw["hidden_rows"],
            raw["hidden_columns"],
            raw["merged"],
        )


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

    # --- where the table is ---

    def find_table(self, sheets: list[_Sheet]) -> _Table | None:
        """The table with this document's header; None, with a finding, when there is none or more than one."""
        hidden = [sheet.name for sheet in sheets if not sheet.visible and sheet.rows]
        tables = [table for sheet in sheets if sheet.visible and (table := self._table_in(sheet)) is not None]
        required = [f for f in self.document.fields if not f.is_optional]
        expected = "、".join(f.zh for f in required)
        if hidden:
            self._say("FILE-015", found="、".join(hidden))
        if not tables:
            self._say("FILE-010", found=self._seen_headers(sheets), expected=expected)
            return None
        if len(tables) > 1:
            self._say("FILE-014", found="、".join(table.sheet.name for table in tables))
            return None
        table = tables[0]
        for text in table.twice:
            self._say("FILE-012", table, found=text, row=table.header_row)
        for missing in required:
            if missing.key not in table.columns:
                self._say("FILE-011", table, expected=missing.zh, row=table.header_row)
        if table.twice or any(f.key not in table.columns for f in required):
            self.readable = False
        return table

    def _table_in(self, sheet: _Sheet) -> _Table | None:
        best: _Table | None = None
        wanted = sum(not f.is_optional for f in self.document.fields)
        enough = min(4, wanted)
        for row, cells in sheet.rows.items():
            if row > HEADER_ROWS:
                break
            table = self._header(sheet, row, cells)
            if len(table.columns) >= enough and (best is None or len(table.columns) > len(best.columns)):
                best = table
        return best if best is not None and 2 * len(best.columns) >= wanted else None

    def _header(self, sheet: _Sheet, row: int, cells: Mapping[int, Cell]) -> _Table:
        table = _Table(sheet, row, {}, {})
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
        written = {line.raw.get("county_code", "").strip() or line.county or "" for line in self.lines}
        if written and written != set(stated.split(",")):
            self._another_template("fundpool-county", stated, ",".join(sorted(written)))

    def _another_template(self, name: str, stated: str, wanted: str) -> None:
        what = _PROPERTIES[name]
        self._say("FILE-022", found=f"{what} {stated}", expected=f"{what} {wanted}")

    # --- what the table holds ---

    def read(self, table: _Table) -> None:
        """Labels, rows and control totals of the table."""
        for row, cells in table.sheet.rows.items():
            if row < table.header_row:
                self._read_labels(table, cells)
            elif row > table.header_row:
                self._read_row(table, row, cells)
        self._check_unit(table)
        self._check_unknown_columns(table)
        self._check_hidden(table)
        if not self.lines:
            self._say("FILE-017", table)

    def _read_labels(self, table: _Table, cells: Mapping[int, Cell]) -> bool:
        """Take label–value pairs from a row outside the table; whether there was any.

        A pair stands in one cell (``单位：元``) or in two, and several pairs may stand in one cell.
        """
        found = False
        ordered = [cell for _, cell in sorted(cells.items()) if not cell.blank and cell.text is not None]
        for index, cell in enumerate(ordered):
            pairs = self._pairs(cell.text or "")
            after = ordered[index + 1] if index + 1 < len(ordered) else None
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
            unit = fold(_UNIT_ENDS.split(value.strip())[0])
            if _MONEY_UNIT.fullmatch(unit):  # else it is the unit that files
                self._units_stated.append((unit, cell))
        elif key and _UNSIGNED.fullmatch(value):
            value = ""
        if key and (key not in self.labels or not self.labels[key]):
            self.labels[key] = value
            self.label_cells[key] = cell

    def _read_row(self, table: _Table, row: int, cells: Mapping[int, Cell]) -> None:
        filled = {column: cell for column, cell in cells.items() if not cell.blank}
        if not filled or self._is_unused(table, filled):
            return
        identity = [
            filled[table.columns[f.key]]
            for f in self.document.fields
            if not f.is_money and f.kind is not FieldKind.TEXT and table.columns.get(f.key) in filled
        ]
        texts = [cell.text.strip() for cell in filled.values() if cell.kind == "s" and cell.text]
        if any(_TOTAL.fullmatch(fold(cell.text or "")) for cell in (identity or filled.values())):
            self._read_totals(table, row, filled)
        elif len(self._header(table.sheet, row, filled).columns) * 2 > len(table.columns):
            self._say("FILE-019", table, row=row)
        elif self._is_outside(table, filled, texts):
            return
        elif identity or self._has_amount(table, filled):
            self._read_line(table, row, filled)
        else:
            self._say("FILE-018", table, row=row, found=" ".join(texts)[:80])

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
                "county_code": code.text.strip() if code and code.text else None,
                "county_name": name.text if name else None,
            }
        )
        sums_are_empty = all(
            filled[at].formula and _NIL.fullmatch((filled[at].text or "").strip()) for at in sums
        )
        return county is not None and sums_are_empty

    def _is_outside(self, table: _Table, filled: Mapping[int, Cell], texts: Sequence[str]) -> bool:
        """Whether the row is signatures (which are taken) or an explanatory note."""
        if len(texts) == len(filled) == 1 and _NOTE.fullmatch(texts[0]):
            return True
        if len(filled) > 12 or not any(self._pairs(text) for text in texts):
            return False
        unlabelled: dict[int, Cell] = {}
        follows_label = False
        for column, cell in sorted(filled.items()):
            pairs = self._pairs(cell.text or "") if cell.kind == "s" else []
            if not pairs and not follows_label:
                unlabelled[column] = cell
            follows_label = bool(pairs) and not pairs[-1][1]
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
            self._say("FILE-023", table, row=row, found=f"{self._total_row}, {row}")
            return
        self._total_row = row
        for f in self.document.money_fields:
            cell = filled.get(table.columns.get(f.key, 0))
            if cell is None:
                continue
            amount, remarks = read_amount(cell, derived=True, date1904=self.date1904)
            self.totals[f.key] = amount
            self.total_cells[f.key] = _address(cell)
            for remark in remarks:
                self._remark(table, _address(cell), f, remark, row=row)

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
        for f, remark in remarks:
            self._remark(table, line.cells[f.key], f, remark, row=row, county=line.county, fund=line.fund)

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
            case FieldKind.ACCOUNT:
                value, remarks = _account(cell, text)
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
            case FieldKind.CODE | FieldKind.COUNTY_CODE if cell.kind == "n":
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
                self._say("FILE-020", table, cell=cell, row=table.header_row, found=unit, expected=wanted)
        for unit, cell in self._units_stated:
            if unit not in {wanted, f"人民币{wanted}"}:
                self._say("FILE-020", table, cell=cell, found=unit, expected=wanted)
        if not self._units_stated and len(table.units) < len(self.document.money_fields):
            self._say("FILE-021", table, expected=wanted)

    def _check_unknown_columns(self, table: _Table) -> None:
        for column, text in table.unknown.items():
            below = any(
                column in cells and not cells[column].blank
                for row, cells in table.sheet.rows.items()
                if row > table.header_row
            )
            if below:
                cell = f"{column_letters(column)}{table.header_row}"
                self._say("FILE-013", table, cell=cell, row=table.header_row, found=text)

    def _check_hidden(self, table: _Table) -> None:
        last = max((line.row for line in self.lines), default=table.header_row)
        rows = [row for row in table.sheet.hidden_rows if table.header_row <= row <= last]
        columns = [
            column_letters(column)
            for column in table.columns.values()
            if any(first <= column <= final for first, final in table.sheet.hidden_columns)
        ]
        if rows or columns:
            self._say("FILE-015", table, found="、".join([*(str(row) for row in rows), *columns]))
        for area in table.sheet.merged:
            match = re.fullmatch(r"[A-Z]{1,3}([0-9]{1,7}):[A-Z]{1,3}([0-9]{1,7})", area)
            if match is None or (int(match[2]) > table.header_row and int(match[1]) <= last):
                self._say("FILE-016", table, cell=area, found=area)

    def _say(self, code: str, table: _Table | None = None, **details: Any) -> None:
        self.findings.append(_finding(code, sheet=None if table is None else table.sheet.name, **details))

    def _remark(self, table: _Table, cell: str, f: DocumentField, remark: Remark, **where: Any) -> None:
        words = {"found": remark.found, "expected": remark.expected}
        self._say(remark.code, table, cell=cell, column=f, **words, **where)


_NIL = re.compile(r"(0+(\.0*)?)?")
"""What a template's sum stores while its parts are empty."""
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


def _account(cell: Cell, text: str) -> tuple[str | None, list[Remark]]:
    digits, remarks = _number_as_code(text) if cell.kind == "n" else (text, [])
    if digits is None:
        return None, remarks
    account, more = read_account(digits)
    return account, [*remarks, *more]


def _address(cell: Cell) -> str:
    return f"{column_letters(cell.column)}{cell.row}"
