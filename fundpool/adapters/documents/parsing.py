"""Takes one received file apart, inside a child process that may be killed at any moment.

Run as a script (``python -I -S parsing.py``) with nothing but the standard library: a frame with the
file's bytes comes in on stdin, a frame with a JSON answer goes out on stdout, until stdin ends. The
process has limits on memory and processor time and may write no file; its parent (parser_process.py)
limits the elapsed time. A file that breaks a limit costs this process, never the other files.

Nothing is interpreted here: a cell is its type, its text exactly as the file has it and whether a
formula made it. What a text means is decided by the parent, where it can be shown to a person.
"""

import csv
import io
import json
import re
import resource
import stat
import sys
import zipfile
import zlib
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
    """The file is not taken; ``reason`` is a key of reading_rules.REFUSALS, ``found`` is what was met."""

    def __init__(self, reason: str, found: str = "") -> None:
        super().__init__(reason, found)
        self.reason = reason
        self.found = found


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
        self.names = {entry.filename for entry in entries}
        if len(self.names) != len(entries):
            raise Refused("damaged", "duplicate entry names")
        for entry in entries:
            self._check(entry)

    @staticmethod
    def _check(entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        if (
            name.startswith(("/", "\\"))
            or "\\" in name
            or ".." in name.split("/")
            or "\0" in entry.orig_filename
        ):
            raise Refused("unsafe_entry", repr(name[:80]))
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Refused("unsafe_entry", f"link {name[:80]!r}")
        if entry.flag_bits & 0x1:
            raise Refused("encrypted")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Refused("unsafe_entry", f"compression {entry.compress_type}")
        if name.lower().endswith("vbaproject.bin"):
            raise Refused("macros", name)
        if "externallinks/" in name.lower():
            raise Refused("external_links", name)

    def read(self, name: str) -> bytes:
        """The inflated bytes of a part; declared sizes lie, so they are counted while inflating."""
        entry = self._zip.getinfo(name)
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


def _parse_xml(data: bytes, start: Any = None, end: Any = None, text: Any = None) -> None:
    """Feed ``data`` to handlers that get local element names; any DOCTYPE is refused, so no entity is ever defined."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data[:200]:
        raise Refused("strange_xml", "not UTF-8")
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def doctype(*_: object) -> None:
        raise Refused("doctype")

    parser.StartDoctypeDeclHandler = doctype
    if start is not None:
        parser.StartElementHandler = lambda name, attributes: start(_local(name), attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(_local(name))
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat takes it by position
    # LookupError: an encoding nobody knows, or a column without its place; ValueError: an encoding
    # expat does not take, or a number that is none.
    except (expat.ExpatError, LookupError, ValueError) as problem:
        raise Refused("damaged", f"XML: {problem}") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


# --- workbook parts -----------------------------------------------------------------------------


def _relations(package: _Package, name: str) -> dict[str, tuple[str, str]]:
    """Relation id → (kind, target) of a .rels part; empty when there is none."""
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag != "Relationship":
            return
        kind = attributes.get("Type", "").rpartition("/")[2]
        if attributes.get("TargetMode") == "External" and kind != "hyperlink":
            raise Refused("external_links", attributes.get("Target", "")[:80])
        found[attributes.get("Id", "")] = (kind, attributes.get("Target", ""))

    if name in package.names:
        _parse_xml(package.read(name), start)
    return found


class _SharedStrings:
    """Handlers for the table of texts; phonetic guides are no part of a text."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._parts: list[str] = []
        self._phonetic = False
        self._inside = False

    def start(self, tag: str, _: dict[str, str]) -> None:
        if tag == "si":
            self._parts = []
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "t":
            self._inside = not self._phonetic

    def end(self, tag: str) -> None:
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
    _parse_xml(data, table.start, table.end, table.text)
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


@dataclass
class _Styles:
    """Indexes of cell styles: those that show a date, and the number formats that may hide what is stored."""

    dates: set[int] = field(default_factory=set)
    formats: dict[int, str] = field(default_factory=dict)


def _styles(data: bytes) -> _Styles:
    """What the cell styles' number formats show."""
    custom: dict[int, str] = {}
    is_date: dict[int, bool] = {}
    styles = _Styles()
    count = 0
    inside = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside, count
        if tag == "numFmt":
            number, code = int(attributes.get("numFmtId", "0")), attributes.get("formatCode", "")
            custom[number] = code[:FORMAT_CHARACTERS]
            bare = re.sub(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|General', "", code)
            is_date[number] = _shows_a_date(bare)
        elif tag == "cellXfs":
            inside = True
        elif tag == "xf" and inside:
            number = int(attributes.get("numFmtId", "0"))
            if is_date.get(number, number in _BUILT_IN_DATES):
                styles.dates.add(count)
            else:
                shown_as = custom.get(number) or _BUILT_IN_OTHERWISE.get(number, "General")
                if shown_as not in _SHOWS_AS_STORED:
                    styles.formats[count] = shown_as
            count += 1

    def end(tag: str) -> None:
        nonlocal inside
        if tag == "cellXfs":
            inside = False

    _parse_xml(data, start, end)
    return styles


def _properties(data: bytes) -> dict[str, str]:
    """Custom document properties as texts."""
    properties: dict[str, str] = {}
    name = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal name
        if tag == "property":
            name = attributes.get("name", "")

    def text(data: str) -> None:
        if name and data.strip():
            properties[name] = properties.get(name, "") + data

    _parse_xml(data, start, None, text)
    return properties


@dataclass
class _Sheet:
    """A sheet's cells as ``[row, column, type, text, formula, date]``; rows and columns from 1.

    ``formats`` names, for each number format that may show something else, the cells that have it.
    """

    name: str
    state: str
    cells: list[list[Any]] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[list[int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    formats: dict[str, list[list[int]]] = field(default_factory=dict)


def column_number(letters: str) -> int:
    """``A`` is 1, ``XFD`` is 16384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


class _SheetReader:
    """Handlers for one sheet part; sparse, so a cell far away costs nothing before it is refused."""

    def __init__(self, sheet: _Sheet, strings: list[str], styles: _Styles, cells_left: int) -> None:
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

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._start_cell(attributes)
        elif tag == "row":
            self._start_row(attributes)
        elif tag in {"v", "t"} and not self._phonetic:
            self._value = self._value if self._value is not None else []
            self._target = self._value
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "mergeCell":
            self.sheet.merged.append(attributes.get("ref", "")[:40])
        elif tag == "col" and _is_hidden(attributes, "width"):
            self.sheet.hidden_columns.append([int(attributes["min"]), int(attributes["max"])])

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

    def end(self, tag: str) -> None:
        if tag in {"v", "t"}:
            self._target = None
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "c":
            self._end_cell()

    def _end_cell(self) -> None:
        text = None if self._value is None else "".join(self._value)
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
        kind = {"s": "s", "inlineStr": "s", "str": "s", "b": "b", "e": "e", "d": "d"}.get(self._type, "n")
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
    targets = [
        target for kind, target in _relations(package, "_rels/.rels").values() if kind == "officeDocument"
    ]
    main = targets[0].lstrip("/") if targets else "xl/workbook.xml"
    known = "[Content_Types].xml" in package.names and main in package.names
    if not known or not main.endswith(".xml") or not main.startswith("xl/"):
        raise Refused("not_a_workbook", _what_zip(package.names))
    return main


def _workbook(content: bytes) -> dict[str, Any]:
    package = _Package(content)
    main = _main_part(package)
    for name in package.names:
        # Parts we never look at may carry a DOCTYPE for the next program that does.
        if name.startswith(("xl/drawings", "customXml/")) and name.endswith(".xml"):
            _parse_xml(package.read(name))
    sheets: list[tuple[str, str, str]] = []
    date1904 = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal date1904
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if _local(key) == "id"), "")
            sheets.append((attributes.get("name", ""), attributes.get("state", "visible"), relation))
        elif tag == "workbookPr":
            date1904 = attributes.get("date1904") in {"1", "true"}

    _parse_xml(package.read(main), start)
    if len(sheets) > SHEETS:
        raise Refused("too_many_sheets", str(len(sheets)))
    custom = "docProps/custom.xml"
    return {
        "kind": "xlsx",
        "sheets": _sheets(package, sheets),
        "properties": _properties(package.read(custom)) if custom in package.names else {},
        "date1904": date1904,
        "encoding": None,
    }


def _sheets(package: _Package, sheets: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """The worksheets named in the workbook part, read with its texts and styles."""
    relations = _relations(package, "xl/_rels/workbook.xml.rels")
    parts = {kind: _part(target) for kind, target in relations.values()}
    strings_part, styles_part = parts.get("sharedStrings", ""), parts.get("styles", "")
    strings = _shared_strings(package.read(strings_part)) if strings_part in package.names else []
    styles = _styles(package.read(styles_part)) if styles_part in package.names else _Styles()
    answer: list[dict[str, Any]] = []
    left = CELLS
    for name, state, relation in sheets:
        kind, target = relations.get(relation, ("", ""))
        if kind != "worksheet":
            continue
        if _part(target) not in package.names:
            raise Refused("damaged", f"no part {target[:80]!r}")
        reader = _SheetReader(_Sheet(name, state), strings, styles, left)
        _parse_xml(package.read(_part(target)), reader.start, reader.end, reader.text)
        left -= len(reader.sheet.cells)
        answer.append(vars(reader.sheet))
    return answer


def _part(target: str) -> str:
    return target[1:] if target.startswith("/") else f"xl/{target}"


def _what_zip(names: set[str]) -> str:
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "mimetype" in names or "content.xml" in names:
        return "ods"
    if "word/document.xml" in names:
        return "docx"
    return "zip"


# --- CSV ----------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _decode(content: bytes) -> tuple[str, str]:
    """Text and encoding: BOM, then strict UTF-8, then strict GB18030; never with replacement."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("utf16")
    if content.startswith(b"\xef\xbb\xbf"):
        try:
            return content[3:].decode("utf-8"), "utf-8-sig"
        except UnicodeDecodeError as problem:
            raise Refused("bad_encoding", f"byte {problem.start + 4}") from None
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError as problem:
            where = f"byte {problem.start + 1}"
    raise Refused("bad_encoding", where)


def _csv(content: bytes) -> dict[str, Any]:
    text, encoding = _decode(content)
    control = _CONTROL.search(text)
    if control is not None:
        raise Refused("not_text", f"U+{ord(control[0]):04X}")
    csv.field_size_limit(TEXT_CHARACTERS)
    cells: list[list[Any]] = []
    try:
        for number, record in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
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
    (b"\xd0\xcf\x11\xe0", "old_or_encrypted_office"),
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
        return {"ok": False, "reason": refusal.reason, "found": refusal.found}
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
