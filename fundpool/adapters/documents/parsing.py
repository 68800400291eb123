"""Takes one received file apart, inside a child process that may be killed at any moment.

Run as a script (``python -I -S parsing.py FOLDER``) with nothing but the standard library: a frame with the
file's bytes comes in on stdin, a frame with a JSON answer goes out on stdout, until stdin ends. The
process has limits on memory and processor time and may write no file; its parent (parser_process.py)
limits the elapsed time. A file that breaks a limit costs this process, never the other files. Only for a
legacy workbook (.xls, .et) python-calamine is imported, from FOLDER.

Nothing is interpreted here: a cell is its type, its text exactly as the file has it and whether a
formula made it. What a text means is decided by the parent, where it can be shown to a person.
"""

import base64
import csv
import datetime
import io
import json
import posixpath
import re
import resource
import stat
import sys
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.parsers import expat

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 20
ENTRIES = 200
INFLATED_BYTES = 100 * 1024 * 1024
RATIO = 100
RATIO_FROM_BYTES = 1024 * 1024
"""Small parts of many equal rows deflate better than 100:1 and hurt nobody."""
ROWS = 20_000
COLUMNS = 100
CELLS = 400_000
TEXT_CHARACTERS = 32_767
SHEETS = 20

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)


class Refused(Exception):
    """The file is not taken; ``reason`` is a key of reading_rules.REFUSALS, ``found`` is what was met.

    ``members`` are the files of a zip that is no workbook, by name, in base64.
    """

    def __init__(self, reason: str, found: str = "", members: list[list[str]] | None = None) -> None:
        super().__init__(reason, found)
        self.reason = reason
        self.found = found
        self.members = members or []


# --- zip container ------------------------------------------------------------------------------


class _Package:
    """The parts of an .xlsx, inflated one by one under a common limit."""

    def __init__(self, content: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        # A compression or version that zipfile does not know is the file's fault: refused like a broken one.
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as problem:
            raise Refused("damaged", str(problem)) from None
        self._left = INFLATED_BYTES
        entries = self._zip.infolist()
        if len(entries) > ENTRIES:
            raise Refused("too_many_entries", str(len(entries)))
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._check(entry)
            self._entries[self._folded(entry.filename)] = entry
        if len(self._entries) != len(entries):
            raise Refused("damaged", "duplicate entry names")

    @staticmethod
    def _folded(name: str) -> str:
        """The name of a part as OOXML compares it: without case; old programs write its folders with a backslash."""
        return name.replace("\\", "/").lower()

    def __contains__(self, name: str) -> bool:
        return self._folded(name) in self._entries

    @property
    def entries(self) -> tuple[zipfile.ZipInfo, ...]:
        """The parts in their order."""
        return tuple(self._entries.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parts, folded."""
        return tuple(self._entries)

    @staticmethod
    def _check(entry: zipfile.ZipInfo) -> None:
        name = entry.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or "\0" in entry.orig_filename:
            raise Refused("unsafe_entry", repr(name[:80]))
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Refused("unsafe_entry", f"link {name[:80]!r}")
        if entry.flag_bits & 0x1:
            raise Refused("encrypted")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Refused("unsafe_entry", f"compression {entry.compress_type}")
        if "externallinks/" in name.lower():
            raise Refused("external_links", name)

    def read(self, name: str) -> bytes:
        """The inflated bytes of a part; declared sizes lie, so they are counted while inflating."""
        entry = self._entries[self._folded(name)]
        allowed = min(self._left, max(RATIO_FROM_BYTES, entry.compress_size * RATIO))
        try:
            with self._zip.open(entry) as part:
                data = part.read(allowed + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError, ValueError) as problem:
            raise Refused("damaged", f"{name}: {problem}") from None
        if len(data) > allowed:
            raise Refused("inflates_too_far", f"{name} > {allowed} bytes")
        self._left -= len(data)
        return data


_OOXML = ("http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/")
_EXTENSIONS = {
    "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main": "x14:",
    "http://schemas.microsoft.com/office/excel/2006/main": "xm:",
}
"""Excel's own namespaces in which conditional formats may stand."""


class _Tags(dict[str, str]):
    """Element name as expat gives it (``namespace local``) → local name; "" for what no workbook program reads."""

    def __missing__(self, name: str) -> str:
        namespace, _, local = name.rpartition(" ")
        known = not namespace or namespace.startswith(_OOXML)
        tag = local if known else _EXTENSIONS[namespace] + local if namespace in _EXTENSIONS else ""
        if len(self) < 10_000:
            self[name] = tag
        return tag


_TAGS = _Tags()


def _parse_xml(data: bytes, start: Any = None, end: Any = None, *, text: Any = None) -> None:
    """Feed ``data`` to handlers, which look names up in ``_TAGS``; any DOCTYPE is refused, so no entity is ever defined."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data[:200]:
        raise Refused("strange_xml", "not UTF-8")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def doctype(*_: object) -> None:
        raise Refused("doctype")

    parser.StartDoctypeDeclHandler = doctype
    if start is not None:
        parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat takes it by position
    # LookupError: an encoding nobody knows, or a column without its place; ValueError: an encoding
    # expat does not take, or a number that is none.
    except (expat.ExpatError, LookupError, ValueError) as problem:
        raise Refused("damaged", f"XML: {problem}") from None


# --- workbook parts -----------------------------------------------------------------------------


def _relations(package: _Package, part: str) -> dict[str, tuple[str, str]]:
    """Relation id → (kind, part) of a part, or of the package (``""``); empty when it has none."""
    found: dict[str, tuple[str, str]] = {}
    folder, _, base = part.rpartition("/")
    name = posixpath.join(folder, "_rels", f"{base}.rels")

    def start(name: str, attributes: dict[str, str]) -> None:
        tag = _TAGS[name]
        if tag != "Relationship":
            return
        kind = attributes.get("Type", "").rpartition("/")[2]
        if attributes.get("TargetMode") == "External" and kind != "hyperlink":
            raise Refused("external_links", attributes.get("Target", "")[:80])
        target = attributes.get("Target", "").replace("\\", "/")
        # A target counts from the folder of the part, or from the package's root.
        path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        found[attributes.get("Id", "")] = (kind, path)

    if name in package:
        _parse_xml(package.read(name), start)
    return found


class _SharedStrings:
    """Handlers for the table of texts; phonetic guides are no part of a text."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._parts: list[str] = []
        self._phonetic = False
        self._inside = False

    def start(self, name: str, _: dict[str, str]) -> None:
        tag = _TAGS[name]
        if tag == "si":
            self._parts = []
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "t":
            self._inside = not self._phonetic

    def end(self, name: str) -> None:
        tag = _TAGS[name]
        if tag == "si":
            self.strings.append(_bounded("".join(self._parts)))
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "t":
            self._inside = False

    def text(self, data: str) -> None:
        if self._inside:
            self._parts.append(data)


def _shared_strings(data: bytes) -> list[str]:
    table = _SharedStrings()
    _parse_xml(data, table.start, table.end, text=table.text)
    return table.strings


def _bounded(text: str) -> str:
    if len(text) > TEXT_CHARACTERS:
        raise Refused("text_too_long", f"{len(text)} characters")
    return text


_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])


def _shows_a_date(code: str) -> bool:
    """Whether a number format without its literal texts has parts of a date; ``aaa`` and ``e`` are day of week and year."""
    return re.search(r"[ymdhs]|aaa|(?<![0#?.])e", code, re.IGNORECASE) is not None


_BUILT_IN_OTHERWISE = {
    **dict.fromkeys((1, 3, 5, 6, 37, 38, 41, 42), "#,##0"),
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    48: "##0.0E+0",
}
"""The built-in formats that may show a number as another one, if only because they round it."""
_SHOWS_AS_STORED = frozenset(["General", "0.00", "#,##0.00", "@"])
FORMAT_CHARACTERS = 255
"""The longest number format a spreadsheet program takes."""


class _Styles:
    """Handlers for the styles part: what the number formats of cells show.

    ``dates`` are the indexes of the cell styles that show a date, ``formats`` the number formats that may
    hide what is stored, ``conditional`` the number format of each style that a conditional format lays over
    a cell ("" where it changes none).
    """

    def __init__(self) -> None:
        self.dates: set[int] = set()
        self.formats: dict[int, str] = {}
        self.conditional: list[str] = []
        self._custom: dict[int, str] = {}
        self._is_date: dict[int, bool] = {}
        self._count = 0
        self._in_cells = False
        self._in_conditional = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _TAGS[name]
        if tag == "dxf":
            self._in_conditional = True
            self.conditional.append("")
        elif tag == "numFmt" and self._in_conditional:
            self.conditional[-1] = _conditional_code(attributes)
        elif tag == "numFmt":
            self._number_format(attributes)
        elif tag == "cellXfs":
            self._in_cells = True
        elif tag == "xf" and self._in_cells:
            self._cell_style(int(attributes.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        tag = _TAGS[name]
        if tag == "cellXfs":
            self._in_cells = False
        elif tag == "dxf":
            self._in_conditional = False

    def _number_format(self, attributes: dict[str, str]) -> None:
        number, code = int(attributes.get("numFmtId", "0")), attributes.get("formatCode", "")
        self._custom[number] = code[:FORMAT_CHARACTERS]
        bare = re.sub(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|General', "", code)
        self._is_date[number] = _shows_a_date(bare)

    def _cell_style(self, number: int) -> None:
        if self._is_date.get(number, number in _BUILT_IN_DATES):
            self.dates.add(self._count)
        else:
            shown_as = self._custom.get(number) or _BUILT_IN_OTHERWISE.get(number, "General")
            if shown_as not in _SHOWS_AS_STORED:
                self.formats[self._count] = shown_as
        self._count += 1


def _styles(data: bytes) -> _Styles:
    styles = _Styles()
    _parse_xml(data, styles.start, styles.end)
    return styles


def _conditional_code(attributes: dict[str, str]) -> str:
    code = attributes.get("formatCode", "")[:FORMAT_CHARACTERS]
    return "" if code in _SHOWS_AS_STORED else code


def _properties(data: bytes) -> dict[str, str]:
    """Custom document properties as texts."""
    properties: dict[str, str] = {}
    key = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal key
        if _TAGS[name] == "property":
            key = attributes.get("name", "")

    def text(data: str) -> None:
        if key:
            properties[key] = properties.get(key, "") + data

    _parse_xml(data, start, None, text=text)
    # Some programs indent the values.
    return {name: value.strip() for name, value in properties.items()}


@dataclass
class _Sheet:
    """A sheet's cells as ``[row, column, type, text, formula, date]``; rows and columns from 1.

    ``formats`` names, for each number format that may show something else, the cells that have it;
    ``conditional``, for each that a conditional format may lay over cells, their areas.
    """

    name: str
    state: str
    cells: list[list[Any]] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[list[int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    formats: dict[str, list[list[int]]] = field(default_factory=dict)
    conditional: dict[str, list[str]] = field(default_factory=dict)


def column_number(letters: str) -> int:
    """``A`` is 1, ``XFD`` is 16384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


_KINDS = {"s": "s", "inlineStr": "s", "str": "s", "b": "b", "e": "e", "d": "d"}
_XML_BLANKS = " \t\r\n"
_BARS = frozenset(["iconSet", "dataBar", "x14:iconSet", "x14:dataBar"])
_CONDITIONAL = frozenset(["cfRule", "xm:sqref", "numFmt", *_BARS])
"""Elements of a conditional format; ``showValue="0"`` shows the bar or icon instead of the number."""


class _SheetReader:
    """Handlers for one sheet part; sparse, so a cell far away costs nothing before it is refused."""

    def __init__(self, sheet: _Sheet, strings: list[str], styles: _Styles, *, cells_left: int) -> None:
        self.sheet = sheet
        self._strings = strings
        self._styles = styles
        self._left = cells_left
        self._row = 0
        self._column = 0
        self._seen: set[tuple[int, int]] = set()
        self._type = "n"
        self._style = 0
        self._formula = False
        self._value: list[str] | None = None
        self._target: list[str] | None = None
        self._phonetic = False
        self._area: list[str] = []
        self._codes: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _TAGS[name]
        if tag == "c":
            self._start_cell(attributes)
        elif tag in {"v", "t"} and not self._phonetic:
            self._value = self._value if self._value is not None else []
            self._target = self._value
        elif tag == "row":
            self._start_row(attributes)
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "mergeCell":
            self.sheet.merged.append(attributes.get("ref", "")[:40])
        elif tag == "col" and _is_hidden(attributes, "width"):
            self.sheet.hidden_columns.append([int(attributes["min"]), int(attributes["max"])])
        elif "onditional" in tag or tag in _CONDITIONAL:
            self._start_conditional(tag, attributes)

    def _start_conditional(self, tag: str, attributes: dict[str, str]) -> None:
        """The number formats that a conditional format lays over an area, in either of Excel's two writings."""
        if tag in {"conditionalFormatting", "x14:conditionalFormatting"}:
            self._area = [attributes.get("sqref", "")]
            self._codes = []
        elif tag == "xm:sqref":
            self._target = self._area
        elif tag == "cfRule" and attributes.get("dxfId", "").isascii() and attributes.get("dxfId"):
            number = int(attributes["dxfId"])
            if number < len(self._styles.conditional):
                self._codes.append(self._styles.conditional[number])
        elif tag == "numFmt":
            self._codes.append(_conditional_code(attributes))
        elif tag in _BARS and attributes.get("showValue") in {"0", "false"}:
            self._codes.append(";;;")

    def _end_conditional(self) -> None:
        areas = "".join(self._area).split()
        for code in self._codes if len(areas) <= CELLS else ():
            if code:
                self.sheet.conditional.setdefault(code, []).extend(areas)
        self._area, self._codes = [], []

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._row = int(attributes.get("r", self._row + 1))
        self._column = 0
        if _is_hidden(attributes, "ht"):
            self.sheet.hidden_rows.append(self._row)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        else:
            match = _REFERENCE.fullmatch(reference)
            if match is None:
                raise Refused("damaged", f"cell {reference[:20]!r}")
            self._column, self._row = column_number(match[1]), int(match[2])
        self._type = attributes.get("t", "n")
        self._style = int(attributes.get("s", "0"))
        self._formula = False
        self._value = None

    def text(self, data: str) -> None:
        if self._target is not None:
            self._target.append(data)

    def end(self, name: str) -> None:
        tag = _TAGS[name]
        if tag == "c":
            self._end_cell()
        elif tag in {"v", "t", "xm:sqref"}:
            self._target = None
        elif tag == "rPh":
            self._phonetic = False
        elif tag in {"conditionalFormatting", "x14:conditionalFormatting"}:
            self._end_conditional()

    def _end_cell(self) -> None:
        text = None if self._value is None else "".join(self._value)
        kind = _KINDS.get(self._type, "n")
        if text is not None and (kind != "s" or self._type == "s"):
            text = text.strip(_XML_BLANKS)
        if (text is None or text == "") and not self._formula:
            return  # a styled blank, however far out, is no value
        if self._row > ROWS or self._column > COLUMNS:
            raise Refused("cell_far_out", f"{column_letters(self._column)}{self._row}")
        if (self._row, self._column) in self._seen:
            raise Refused("damaged", f"cell {column_letters(self._column)}{self._row} twice")
        self._seen.add((self._row, self._column))
        self._left -= 1
        if self._left < 0:
            raise Refused("too_many_cells", f"> {CELLS}")
        if self._type == "s" and text is not None:
            try:
                text = self._strings[int(text)]
            except (ValueError, IndexError):
                raise Refused("damaged", f"shared string {text[:20]!r}") from None
        is_date = kind == "d" or (kind == "n" and self._style in self._styles.dates)
        code = self._styles.formats.get(self._style)
        if code is not None:
            self.sheet.formats.setdefault(code, []).append([self._row, self._column])
        self.sheet.cells.append(
            [self._row, self._column, kind, None if text is None else _bounded(text), self._formula, is_date]
        )


def _is_hidden(attributes: dict[str, str], size: str) -> bool:
    """Whether a row or column is hidden, or has no height or width, which nobody sees either."""
    return attributes.get("hidden") in {"1", "true"} or (size in attributes and float(attributes[size]) == 0)


def column_letters(number: int) -> str:
    """``A`` for 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _main_part(package: _Package) -> str:
    """The part that the package names as its main one, wherever it lies."""
    parts = [part for kind, part in _relations(package, "").values() if kind == "officeDocument"]
    main = parts[0] if parts else "xl/workbook.xml"
    if "[Content_Types].xml" not in package or main not in package or not main.endswith(".xml"):
        raise Refused("not_a_workbook", _what_zip(package.names))
    return main


def _workbook(content: bytes) -> dict[str, Any]:
    package = _Package(content)
    if "[Content_Types].xml" not in package and _what_zip(package.names) == "zip":
        raise Refused("not_a_workbook", "zip", _members(package))
    main = _main_part(package)
    for name in package.names:
        # Parts we never look at may carry a DOCTYPE for the next program that does.
        if name.startswith(("xl/drawings", "customxml/")) and name.endswith(".xml"):
            _parse_xml(package.read(name))
    part = _WorkbookPart()
    _parse_xml(package.read(main), part.start, part.end)
    if part.root != "workbook":
        raise Refused("not_a_workbook", _what_zip(package.names))
    if len(part.sheets) > SHEETS:
        raise Refused("too_many_sheets", str(len(part.sheets)))
    custom = "docProps/custom.xml"
    return {
        "kind": "xlsm" if any(name.endswith("vbaproject.bin") for name in package.names) else "xlsx",
        "sheets": _sheets(package, main, part.sheets),
        "properties": _properties(package.read(custom)) if custom in package else {},
        "date1904": part.date1904,
        "encoding": None,
    }


_RELATION_ID = "/relationships id"


class _WorkbookPart:
    """Handlers for the main part: its sheets (name, state, relation) and its calendar; not its extensions."""

    def __init__(self) -> None:
        self.root = ""
        self.sheets: list[tuple[str, str, str]] = []
        self.date1904 = False
        self._extensions = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _TAGS[name]
        self.root = self.root or tag
        self._extensions += tag == "extLst"
        if self._extensions:
            return
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(_RELATION_ID)), "")
            self.sheets.append((attributes.get("name", ""), attributes.get("state", "visible"), relation))
        elif tag == "workbookPr":
            self.date1904 = attributes.get("date1904", "").strip() in {"1", "true"}

    def end(self, name: str) -> None:
        tag = _TAGS[name]
        self._extensions -= tag == "extLst"


def _sheets(package: _Package, main: str, sheets: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """The worksheets named in the workbook part, read with its texts and styles."""
    relations = _relations(package, main)
    parts = dict(relations.values())
    strings_part, styles_part = parts.get("sharedStrings", ""), parts.get("styles", "")
    strings = _shared_strings(package.read(strings_part)) if strings_part in package else []
    styles = _styles(package.read(styles_part)) if styles_part in package else _Styles()
    answer: list[dict[str, Any]] = []
    left = CELLS
    for name, state, relation in sheets:
        kind, part = relations.get(relation, ("", ""))
        if kind != "worksheet":
            continue
        if part not in package:
            raise Refused("damaged", f"no part {part[:80]!r}")
        reader = _SheetReader(_Sheet(name, state), strings, styles, cells_left=left)
        _parse_xml(package.read(part), reader.start, reader.end, text=reader.text)
        left -= len(reader.sheet.cells)
        answer.append(vars(reader.sheet))
    return answer


def _what_zip(names: Collection[str]) -> str:
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "mimetype" in names or "content.xml" in names:
        return "ods"
    for folder, what in (("word/", "docx"), ("ppt/", "pptx")):
        if any(name.startswith(folder) for name in names):
            return what
    return "zip"


def _members(package: _Package) -> list[list[str]]:
    """Name and base64 content of each file in a zip that is no workbook."""
    return [
        [_member_name(entry), base64.b64encode(package.read(entry.filename)).decode("ascii")]
        for entry in package.entries
        if not entry.is_dir()
    ]


def _member_name(entry: zipfile.ZipInfo) -> str:
    """The name of a file in a zip; without the mark for UTF-8, Windows wrote it in the system's encoding."""
    if entry.flag_bits & 0x800 or entry.filename.isascii():
        return entry.filename
    raw = entry.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            name = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Two bytes of GB18030 may be a letter of UTF-8, but never a Chinese one.
        if encoding == "gb18030" or not re.search("[\x80-\u07ff]", name):
            return name
    return entry.filename


# --- legacy workbooks -----------------------------------------------------------------------------

_LOCKED = "EncryptedPackage".encode("utf-16-le")
"""The stream in which Excel and WPS keep a workbook that needs a password."""


def _legacy(content: bytes) -> dict[str, Any]:
    """A workbook of the format before .xlsx (.xls, .et), read by python-calamine.

    It tells neither formulas nor number formats nor hidden rows.
    """
    if _LOCKED in content:
        raise Refused("encrypted")
    if not any(name.encode("utf-16-le") in content for name in ("Workbook", "Book\0")):
        raise Refused("wrong_format", "old office")
    path = list(sys.path)
    sys.path += sys.argv[1:2]
    import python_calamine  # noqa: PLC0415 - only for these files

    sys.path[:] = path
    sheets: list[dict[str, Any]] = []
    left = CELLS
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        for meta in workbook.sheets_metadata:
            if meta.typ is python_calamine.SheetTypeEnum.WorkSheet:
                visible = meta.visible is python_calamine.SheetVisibleEnum.Visible
                sheet = _Sheet(meta.name, "visible" if visible else "hidden")
                _legacy_cells(workbook.get_sheet_by_name(meta.name), sheet, left)
                left -= len(sheet.cells)
                sheets.append(vars(sheet))
    except python_calamine.PasswordError:
        raise Refused("encrypted") from None
    except python_calamine.CalamineError as problem:
        raise Refused("damaged", str(problem)[:80]) from None
    return {"kind": "xls", "sheets": sheets, "properties": {}, "date1904": False, "encoding": None}


def _legacy_cells(source: Any, sheet: _Sheet, left: int) -> None:
    for (top, from_column), (bottom, to_column) in source.merged_cell_ranges or ():
        first, last = column_letters(from_column + 1), column_letters(to_column + 1)
        sheet.merged.append(f"{first}{top + 1}:{last}{bottom + 1}")
    for row, values in enumerate(source.iter_rows(), start=1):
        for column, value in enumerate(values, start=1):
            if value == "" and isinstance(value, str):
                continue
            if row > ROWS or column > COLUMNS:
                raise Refused("cell_far_out", f"{column_letters(column)}{row}")
            if len(sheet.cells) >= left:
                raise Refused("too_many_cells", f"> {CELLS}")
            kind, text = _legacy_value(value)
            sheet.cells.append([row, column, kind, _bounded(text), False, kind == "d"])


def _legacy_value(value: Any) -> tuple[str, str]:
    """Kind and text of a value as python-calamine gives it."""
    if isinstance(value, bool):
        return "b", str(int(value))
    if isinstance(value, int | float):
        return "n", repr(value)
    if isinstance(value, str):
        return ("e" if value in _ERRORS else "s"), value
    if isinstance(value, datetime.date):
        return "d", value.isoformat()
    return "d", str(value)


_ERRORS = frozenset(["#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"])


# --- CSV ----------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _decode(content: bytes) -> tuple[str, str]:
    """Text and encoding: BOM, then strict UTF-8, then strict GB18030; never with replacement."""
    for mark, encoding, name in (
        (b"\xff\xfe", "utf-16", "utf-16"),  # Excel's "Unicode text"
        (b"\xfe\xff", "utf-16", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig", "utf-8-sig"),
    ):
        if content.startswith(mark):
            try:
                return content.decode(encoding), name
            except UnicodeDecodeError as problem:
                raise Refused("bad_encoding", f"byte {problem.start + 1}") from None
    if any(_is_text_in(encoding, content) for encoding in ("utf-16-le", "utf-16-be")):
        # Read as UTF-8 or GB18030 its Chinese would be other characters; nothing vouches for a guess.
        raise Refused("utf16_without_mark")
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError as problem:
            where = f"byte {problem.start + 1}"
    raise Refused("bad_encoding", where)


def _is_text_in(encoding: str, content: bytes) -> bool:
    """Whether the bytes are lines of fields in this UTF-16, in which every ASCII character has a byte of nil."""
    if b"\0" not in content:
        return False
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(text) is None and re.search(r"[,;\t].*\n", text) is not None


_GROUPING = re.compile(r"(?<=[0-9]),(?=[0-9]{3})", re.ASCII)
_QUOTED = re.compile(r'"[^"]*"')
HEAD_LINES = 60
"""Lines of a text that show what separates its fields."""


def _delimiter(text: str) -> str:
    """What separates the fields: comma, tab (Excel's Unicode text) or semicolon; ``sep=`` says so."""
    lines = text[: 1 << 20].splitlines()[:HEAD_LINES]
    stated = re.fullmatch(r"sep=([,;\t])", lines[0].strip(" \r\n")) if lines else None
    if stated is not None:
        return stated[1]
    bare = [_QUOTED.sub("", line) for line in lines]
    counts = {
        ",": max((_GROUPING.sub("", line).count(",") for line in bare), default=0),
        "\t": max((line.count("\t") for line in bare), default=0),
        ";": max((line.count(";") for line in bare), default=0),
    }
    return max(counts, key=lambda mark: counts[mark])  # the comma where they are equal


def _csv(content: bytes) -> dict[str, Any]:
    text, encoding = _decode(content)
    text = text.rstrip("\x1a")  # how DOS ended a text
    control = _CONTROL.search(text)
    if control is not None:
        raise Refused("not_text", f"U+{ord(control[0]):04X}")
    csv.field_size_limit(TEXT_CHARACTERS)
    cells: list[list[Any]] = []
    lines = io.StringIO(text, newline="")
    try:
        for number, record in enumerate(csv.reader(lines, delimiter=_delimiter(text), strict=True), start=1):
            if number > ROWS:
                raise Refused("cell_far_out", f"A{number}")
            for column, value in enumerate(record, start=1):
                if value == "":
                    continue
                if column > COLUMNS:
                    raise Refused("cell_far_out", f"{column_letters(column)}{number}")
                cells.append([number, column, "s", value, False, False])
                if len(cells) > CELLS:
                    raise Refused("too_many_cells", f"> {CELLS}")
    except csv.Error as problem:
        raise Refused("bad_csv", str(problem)) from None
    sheet = _Sheet("CSV", "visible", cells)
    return {"kind": "csv", "sheets": [vars(sheet)], "properties": {}, "date1904": False, "encoding": encoding}


# --- one file, and the loop ---------------------------------------------------------------------

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
)

_TEXT_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"<", "html or xml"),
    (b"mime-version:", "web archive"),
    (b"{\\rtf", "rtf"),
    (b"id;p", "sylk"),
)
"""How texts begin that spreadsheet programs save under other names; a CSV of ours begins with none of these."""


def take_apart(content: bytes) -> dict[str, Any]:
    """Sheets and cells of a file; raises Refused. The bytes decide what it is, its name does not."""
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise Refused("empty")
    for magic, what in _MAGIC:
        if content.startswith(magic):
            raise Refused("wrong_format", what)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        return _legacy(content)
    if content.startswith(b"PK\x03\x04"):
        return _workbook(content)
    if content.startswith(b"PK"):
        raise Refused("damaged", "empty or spanned zip")
    opening = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for begins, what in _TEXT_FORMATS:
        if opening.startswith(begins):
            raise Refused("wrong_format", what)
    return _csv(content)


def answer_for(content: bytes) -> dict[str, Any]:
    """The answer to the parent for one file."""
    try:
        return {"ok": True, **take_apart(content)}
    except Refused as refusal:
        answer = {"ok": False, "reason": refusal.reason, "found": refusal.found}
        return {**answer, "members": refusal.members} if refusal.members else answer
    except MemoryError:
        return {"ok": False, "reason": "out_of_memory", "found": f"> {MEMORY_BYTES // 1024 // 1024} MB"}
    except RecursionError:
        return {"ok": False, "reason": "damaged", "found": "nested too deep"}


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise SystemExit(0)
    return data


def main() -> None:
    """Answer frames (eight bytes of length, then the content) until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        header = source.read(8)
        if len(header) < 8:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        answer = answer_for(_read_exactly(source, int.from_bytes(header, "big")))
        reply = json.dumps(answer, ensure_ascii=True).encode("ascii")
        sink.write(len(reply).to_bytes(8, "big") + reply)
        sink.flush()
        if answer.get("reason") == "out_of_memory":
            return  # the parent starts a fresh process for the next file


if __name__ == "__main__":
    main()
