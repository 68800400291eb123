"""Writes a workbook of the format before .xlsx: BIFF8 records in a compound file, as little as programs need.

Formats: [MS-XLS] 2.1 and [MS-CFB] 2.1.
"""

import csv
import io
import re
import struct
from collections.abc import Sequence

_SECTOR = 512
_END, _FAT, _FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF

Value = str | float | None


def legacy_workbook(sheets: Sequence[tuple[str, Sequence[Sequence[Value]]]]) -> bytes:
    """An .xls with these sheets: name, and rows of texts and numbers."""
    return compound_file({"Workbook": _stream(sheets)})


def legacy_document(csv_bytes: bytes) -> bytes:
    """A document of ours, given as CSV, as an .xls: its amounts are numbers."""
    rows = list(csv.reader(io.StringIO(csv_bytes.decode("utf-8-sig"))))
    is_amount = re.compile(r"-?[0-9]+\.[0-9]{2}").fullmatch
    return legacy_workbook([("表", [[float(v) if is_amount(v) else v for v in row] for row in rows])])


def locked_workbook() -> bytes:
    """What Excel and WPS make of a workbook that needs a password to be opened."""
    return compound_file({"EncryptionInfo": bytes(4096), "EncryptedPackage": bytes(range(256)) * 16})


def compound_file(streams: dict[str, bytes]) -> bytes:
    """The streams, each of at least 4,096 bytes, in a compound file of 512-byte sectors."""
    fat: list[int] = [_FAT, _END]  # the table itself, then the directory
    body = b""
    entries = [_entry("Root Entry", 5, child=1, start=_END, size=0)]
    for number, (name, content) in enumerate(streams.items(), start=1):
        padded = content + bytes(-len(content) % _SECTOR)
        first, count = len(fat), len(padded) // _SECTOR
        fat += [*range(first + 1, first + count), _END]
        body += padded
        right = number + 1 if number < len(streams) else _FREE
        entries.append(_entry(name, 2, right=right, start=first, size=len(content)))
    assert len(fat) <= 128, "one sector of the table"
    table = struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat)))
    directory = b"".join(entries).ljust(_SECTOR, b"\0")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<5H6x7I", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, _END, 0)
    header += struct.pack("<2I", _END, 0) + struct.pack("<109I", 0, *[_FREE] * 108)
    return header + table + directory + body


def _entry(name: str, kind: int, *, start: int, size: int, child: int = _FREE, right: int = _FREE) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    packed = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, _FREE, right, child)
    return packed + bytes(36) + struct.pack("<IQ", start, size)


def _stream(sheets: Sequence[tuple[str, Sequence[Sequence[Value]]]]) -> bytes:
    bodies = [_sheet(rows) for _, rows in sheets]
    head = _bof(5)
    # A sheet's entry of the list says where its records begin.
    at = len(head) + sum(len(_listed(name, 0)) for name, _ in sheets) + len(_record(0x0A, b""))
    for (name, _), body in zip(sheets, bodies, strict=True):
        head += _listed(name, at)
        at += len(body)
    return (head + _record(0x0A, b"") + b"".join(bodies)).ljust(4096, b"\0")


def _listed(name: str, at: int) -> bytes:
    return _record(0x85, struct.pack("<IH", at, 0) + _text(name, "<B"))


def _sheet(rows: Sequence[Sequence[Value]]) -> bytes:
    cells = (
        _cell(row, column, value)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if value is not None and value != ""
    )
    return _bof(0x10) + b"".join(cells) + _record(0x0A, b"")


def _cell(row: int, column: int, value: Value) -> bytes:
    place = struct.pack("<3H", row, column, 0)
    if isinstance(value, str):
        return _record(0x204, place + _text(value, "<H"))
    return _record(0x203, place + struct.pack("<d", value))


def _text(text: str, length: str) -> bytes:
    return struct.pack(length, len(text)) + b"\1" + text.encode("utf-16-le")


def _bof(kind: int) -> bytes:
    return _record(0x809, struct.pack("<4HII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))


def _record(number: int, data: bytes) -> bytes:
    return struct.pack("<2H", number, len(data)) + data
