"""Files that try to be read wrongly: generators by seed, each with what an honest reader must do.

A trap is a plan of one county in which something was done to one amount, to the identity of a row, to
the structure or to the container. ``meant_fen`` is what the county meant by the amount in ``field`` of
the first row; None where nobody can know. The oracle is in test_trap_corpus.py.
"""

import csv
import io
import math
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from fundpool.domain.money import format_yuan
from schemas.documents import document_type
from tests.golden import sample_documents as sample
from tests.golden.legacy_workbook import legacy_document, locked_workbook


class Must(StrEnum):
    """What reading and judging must come to."""

    SAY_SO = "say so"
    """The value may be taken only as meant, and with a finding on its cell; or not at all, with a block."""
    NOT_PASS = "not pass"
    """Something is wrong with the document: never a pass."""
    REFUSE = "refuse"
    """Nothing may be read from the file."""
    PASS = "pass"
    """Harmless: read as meant."""
    TAKEN = "taken"
    """Unusual but plain in meaning: passes, with every amount as meant and, where a rule is named, saying so."""


@dataclass(frozen=True)
class Trap:
    name: str
    seed: int
    content: bytes
    must: Must
    field: str | None = None
    meant_fen: int | None = None
    """Of what must be TAKEN the sum of all amounts of all rows."""
    rule: str | None = None

    @property
    def file(self) -> str:
        return f"{self.name}-{self.seed}"


Made = tuple[bytes, Must, int | None] | tuple[bytes, Must, int | None, str | None]
Maker = Callable[[random.Random], Made]


def _amount(rng: random.Random) -> int:
    return rng.randrange(1_000_00, 9_999_999_99)


def _rows(rng: random.Random) -> list[sample.Row]:
    rows = sample.plan_rows()
    for row in rows:
        for key in ("inpatient_fen", "outpatient_fen", "remote_fen"):
            row[key] = _amount(rng)
    return rows


# --- one amount, written in some way ------------------------------------------------------------

FIELD = "inpatient_fen"


def _written(write: Callable[[int, random.Random], str], *, known: bool = True) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        rows = _rows(rng)
        amount = _amount(rng)
        rows[0][FIELD] = amount
        rows = sample.completed("plan", rows)
        rows[0][FIELD] = write(amount, rng)
        suffix = rng.choice([".xlsx", ".csv"])
        content = sample.file_bytes("plan", rows, suffix, totals=_totals(rows, amount))
        return content, Must.SAY_SO, amount if known else None

    return make


def _totals(rows: list[sample.Row], amount: int) -> dict[str, int]:
    second = rows[1][FIELD]
    assert isinstance(second, int)
    return {FIELD: amount + second}


def _plain(amount: int) -> str:
    return format_yuan(amount, separators=False)


def _digits(table: str) -> Callable[[int, random.Random], str]:
    return lambda amount, _: _plain(amount).translate(str.maketrans("0123456789", table))


def _somewhere(mark: str) -> Callable[[int, random.Random], str]:
    def write(amount: int, rng: random.Random) -> str:
        text = _plain(amount)
        place = rng.randrange(1, len(text) - 3)
        return text[:place] + mark + text[place:]

    return write


WRITTEN: dict[str, Maker] = {
    "full-width digits": _written(_digits("０１２３４５６７８９")),
    "full-width point": _written(lambda amount, _: _plain(amount).replace(".", "．")),
    "arabic digits": _written(_digits("٠١٢٣٤٥٦٧٨٩")),
    "devanagari digits": _written(_digits("०१२३४५६७८९")),
    "chinese digits": _written(_digits("〇一二三四五六七八九")),
    "chinese banking digits": _written(_digits("零壹贰叁肆伍陆柒捌玖")),
    "superscript digits": _written(_digits("⁰¹²³⁴⁵⁶⁷⁸⁹")),
    "mathematical digits": _written(_digits("𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")),
    "circled digits": _written(_digits("⓪①②③④⑤⑥⑦⑧⑨")),
    "thousands separators": _written(lambda amount, _: format_yuan(amount)),
    "chinese grouping": _written(
        lambda amount, _: f"{amount // 100 // 10000},{amount // 100 % 10000:04d}.{amount % 100:02d}"
    ),
    "apostrophe separators": _written(lambda amount, _: format_yuan(amount).replace(",", "'")),
    "european separators": _written(
        lambda amount, _: format_yuan(amount).translate(str.maketrans(",.", ".,"))
    ),
    "underscores": _written(_somewhere("_")),
    "space inside": _written(_somewhere(" ")),
    "non-breaking space": _written(lambda amount, _: f"\u00a0{_plain(amount)}"),
    "zero-width space": _written(_somewhere("\u200b")),
    "byte order mark inside": _written(_somewhere("\ufeff")),
    "spaces around": _written(lambda amount, _: f"  {_plain(amount)} "),
    "plus sign": _written(lambda amount, _: f"+{_plain(amount)}"),
    "true minus": _written(lambda amount, _: f"\u2212{_plain(amount)}", known=False),
    "accounting negative": _written(lambda amount, _: f"({_plain(amount)})", known=False),
    "trailing minus": _written(lambda amount, _: f"{_plain(amount)}-", known=False),
    "yuan sign": _written(lambda amount, _: f"¥{_plain(amount)}"),
    "yuan behind": _written(lambda amount, _: f"{_plain(amount)}元"),
    "ten thousands": _written(lambda amount, _: f"{amount // 1_000_000}万", known=False),
    "percent": _written(lambda amount, _: f"{amount % 100}%", known=False),
    "exponent": _written(lambda amount, _: f"{amount // 100}e0", known=False),
    "exponent above": _written(lambda amount, _: "1E+7", known=False),
    "hexadecimal": _written(lambda amount, _: hex(amount), known=False),
    "not a number": _written(lambda _, rng: rng.choice(["nan", "NaN", "NAN"]), known=False),
    "infinity": _written(lambda _, rng: rng.choice(["inf", "Infinity", "-inf", "∞"]), known=False),
    "placeholder": _written(
        lambda _, rng: rng.choice(["NA", "N/A", "null", "None", "-", "—", "/", "无"]), known=False
    ),
    "error text": _written(lambda _, rng: rng.choice(["#N/A", "#REF!", "#VALUE!"]), known=False),
    "three decimals": _written(lambda amount, rng: f"{_plain(amount)}{rng.randrange(1, 10)}", known=False),
    "two points": _written(lambda amount, _: f"{amount}.0.0", known=False),
    "thirteen digits": _written(lambda amount, _: f"{10**12 + amount}", known=False),
    "blank": _written(lambda amount, _: " ", known=False),
    "date as text": _written(lambda _, rng: f"2026/{rng.randrange(1, 13)}/1", known=False),
    "words": _written(lambda amount, _: f"约{amount // 100}", known=False),
    "formula as text": _written(lambda amount, _: f"={amount // 100}+0", known=False),
    "command as text": _written(lambda amount, _: "=cmd|' /C calc'!A0", known=False),
}


# --- one cell of a workbook ---------------------------------------------------------------------


def _xml_cell(write: Callable[[int], str], *, known: bool = True) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        rows = _rows(rng)
        amount = rows[0][FIELD]
        assert isinstance(amount, int)
        clean = sample.file_bytes("plan", rows)
        return sample.with_cell(clean, "E5", write(amount)), Must.SAY_SO, amount if known else None

    return make


CELLS: dict[str, Maker] = {
    "formula with a result": _xml_cell(lambda a: f'<c r="E5"><f>1+1</f><v>{_plain(a)}</v></c>'),
    "formula without a result": _xml_cell(lambda _: '<c r="E5"><f>SUM(A1:A2)</f></c>', known=False),
    "formula with an empty result": _xml_cell(lambda _: '<c r="E5"><f>NOW()</f><v></v></c>', known=False),
    "external formula": _xml_cell(lambda a: f'<c r="E5"><f>[1]Sheet1!A1</f><v>{_plain(a)}</v></c>'),
    "truth value": _xml_cell(lambda _: '<c r="E5" t="b"><v>1</v></c>', known=False),
    "error value": _xml_cell(lambda _: '<c r="E5" t="e"><v>#DIV/0!</v></c>', known=False),
    "date cell": _xml_cell(lambda _: '<c r="E5" t="d"><v>2026-10-05</v></c>', known=False),
    "number out of range": _xml_cell(lambda _: '<c r="E5"><v>1e300</v></c>', known=False),
    "number that is none": _xml_cell(lambda _: '<c r="E5"><v>nan</v></c>', known=False),
    "number with underscore": _xml_cell(lambda _: '<c r="E5"><v>1_000</v></c>', known=False),
    "number in other digits": _xml_cell(lambda _: '<c r="E5"><v>１２３</v></c>', known=False),
    "number finer than a fen": _xml_cell(lambda a: f'<c r="E5"><v>{_plain(a)}4</v></c>', known=False),
    "number with a tail": _xml_cell(lambda a: f'<c r="E5"><v>{_tail(a)}</v></c>'),
    "phonetic guide": _xml_cell(
        lambda a: (
            f'<c r="E5" t="inlineStr"><is><r><t>{_plain(a)}x</t></r><rPh sb="0" eb="1"><t>1</t></rPh></is></c>'
        ),
        known=False,
    ),
}


def _tail(amount: int) -> str:
    """A neighbouring binary fraction of the amount, as arithmetic leaves it."""
    return repr(amount / 100 * (1 + 2**-52))


# --- identity, structure, container -------------------------------------------------------------


def _edited(edit: Callable[[list[sample.Row], random.Random], object], must: Must = Must.NOT_PASS) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        rows = sample.completed("plan", _rows(rng))
        changed = edit(rows, rng)
        rows = changed if isinstance(changed, list) else rows
        return sample.file_bytes("plan", rows, rng.choice([".xlsx", ".csv"])), must, None

    return make


def _text_change(change: Callable[[str, random.Random], str], must: Must = Must.NOT_PASS) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        text = sample.file_bytes("plan", _rows(rng), ".csv").decode("utf-8-sig")
        after = change(text, rng)
        assert after != text
        return after.encode("utf-8-sig"), must, None

    return make


def _lines(text: str) -> list[str]:
    return text.splitlines()


def _swap_columns(text: str, rng: random.Random) -> str:
    lines = [line.split(",") for line in _lines(text)]
    order = list(range(len(lines[2])))
    rng.shuffle(order)
    for number in (2, 3, 4, 5):
        row = lines[number]
        lines[number] = [row[place] for place in order]
    return "\r\n".join(",".join(line) for line in lines)


def _one_fen_off(rows: list[sample.Row], rng: random.Random) -> None:
    key = rng.choice(["planned_fen", "requested_fen", "inpatient_fen"])
    amount = rows[0][key]
    assert isinstance(amount, int)
    rows[0][key] = amount + rng.choice([-1, 1])


def _spoiled_sheet(old: str, new: str) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        clean = sample.file_bytes("plan", _rows(rng))
        return (
            sample.with_part(clean, sample.SHEET, lambda xml: xml.replace(old, new, 1)),
            Must.NOT_PASS,
            None,
        )

    return make


def _spoiled_cell(reference: str, cell: str) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        return sample.with_cell(sample.file_bytes("plan", _rows(rng)), reference, cell), Must.NOT_PASS, None

    return make


STRUCTURE: dict[str, Maker] = {
    "a sum one fen off": _edited(_one_fen_off),
    "unknown county": _edited(lambda rows, _: rows[0].update(county_code="331099", county_name="某县")),
    "code of another county": _edited(lambda rows, _: rows[0].update(county_code="331003")),
    "code without its leading digit": _edited(lambda rows, _: rows[0].update(county_code="31002")),
    "the same row twice": _edited(lambda rows, _: [*rows, rows[0]]),
    "one fund missing": _edited(lambda rows, rng: [rng.choice(rows)]),
    "another month": _edited(lambda rows, rng: rows[0].update(month=f"2026-{rng.choice(['09', '11'])}")),
    "a month that is none": _edited(lambda rows, _: rows[0].update(month="2026-13")),
    "unknown fund": _edited(lambda rows, rng: rows[0].update(fund=rng.choice(["新农合", "工伤保险"]))),
    "columns in another order": _text_change(_swap_columns, Must.PASS),
    "header only": _text_change(lambda text, _: "\r\n".join(_lines(text)[:3])),
    "header twice": _text_change(lambda text, _: "\r\n".join([*_lines(text)[:4], *_lines(text)[2:]])),
    "column missing": _text_change(
        lambda text, rng: text.replace(rng.choice([",住院,", ",可用余额,"]), ",其他,")
    ),
    "column twice": _text_change(lambda text, _: text.replace(",生育,", ",住院,")),
    "unit of ten thousand": _text_change(
        lambda text, rng: text.replace("元", rng.choice(["万元", "千元"]), 1)
    ),
    "two tables in one sheet": _text_change(lambda text, _: text + "\r\n" + "\r\n".join(_lines(text)[2:5])),
    "renamed county": _edited(lambda rows, _: rows[0].update(county_name="椒汇区")),
    "code that reads as nothing": _edited(
        lambda rows, rng: rows[0].update(county_code=rng.choice(["NA", "None"]))
    ),
    "code in full-width digits": _edited(lambda rows, _: rows[0].update(county_code="３３１００２")),
    "month beyond the calendar": _edited(
        lambda rows, rng: rows[0].update(month=rng.choice(["2026-00", "0000-10", "26-10"]))
    ),
    "hidden data row": _spoiled_sheet('<row r="6"', '<row r="6" hidden="1"'),
    "merged data cells": _spoiled_sheet('ref="A1:O1"/>', 'ref="A1:O1"/><mergeCell ref="E5:F5"/>'),
    "code as a number": _spoiled_cell("A5", '<c r="A5"><v>331002</v></c>'),
    "code as a number of nineteen digits": _spoiled_cell("A5", '<c r="A5"><v>6222021234567890123</v></c>'),
    "fund as an error": _spoiled_cell("D5", '<c r="D5" t="e"><v>#N/A</v></c>'),
    "total counted as data": _text_change(
        lambda text, _: text.replace("控制合计,,,", "331002,椒江区,2026-10,职工医保")
    ),
    "stray amounts below": _text_change(lambda text, _: text + "\r\n,,,,123.45,,,,,,,,,,"),
    "unclosed quote": _text_change(lambda text, _: text.replace("331002", '"331002', 1), Must.REFUSE),
    "control character": _text_change(
        lambda text, rng: text.replace("椒", f"{chr(rng.randrange(0, 9))}椒", 1), Must.REFUSE
    ),
}


def _encoded(encode: Callable[[str, random.Random], bytes], must: Must) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        text = sample.file_bytes("plan", _rows(rng), ".csv").decode("utf-8-sig")
        return encode(text, rng), must, None

    return make


def _harmless(old: str, new: str) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        clean = sample.file_bytes("plan", _rows(rng))
        return sample.with_part(clean, sample.SHEET, lambda xml: xml.replace(old, new, 1)), Must.PASS, None

    return make


def _mixed(text: str, rng: random.Random) -> bytes:
    lines = _lines(text)
    other = rng.choice([3, 4])
    return b"\r\n".join(line.encode("gb18030" if n == other else "utf-8") for n, line in enumerate(lines))


ENCODINGS: dict[str, Maker] = {
    "utf-8": _encoded(lambda text, _: text.encode("utf-8"), Must.PASS),
    "dimension that lies": _harmless('ref="A1:O10"', 'ref="A1:XFD1048576"'),
    "styled cells far out": _harmless(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>'
    ),
    "deep nesting": _harmless("</sheetData>", "<a>" * 30_000 + "</a>" * 30_000 + "</sheetData>"),
    "space within a tag": _harmless("<sheetData>", "<sheetData >"),
    "gb18030": _encoded(lambda text, _: text.encode("gb18030"), Must.PASS),
    "utf-16": _encoded(lambda text, rng: text.encode("utf-16"), Must.PASS),
    "utf-16 without its mark": _encoded(
        lambda text, rng: text.encode(rng.choice(["utf-16-le", "utf-16-be"])), Must.REFUSE
    ),
    "two encodings in one file": _encoded(_mixed, Must.REFUSE),
    "cut in the middle of a character": _encoded(
        lambda text, _: text.encode("utf-8")[:-1] + b"\xe5\xbc", Must.REFUSE
    ),
    "read once as the wrong encoding": _encoded(
        lambda text, _: text.encode("utf-8").decode("gb18030", errors="replace").encode("utf-8"), Must.REFUSE
    ),
}


def _container(spoil: Callable[[bytes, random.Random], bytes], must: Must = Must.REFUSE) -> Maker:
    def make(rng: random.Random) -> tuple[bytes, Must, int | None]:
        return spoil(sample.file_bytes("plan", _rows(rng)), rng), must, None

    return make


def _with_entry(name: str, content: bytes) -> Maker:
    return _container(lambda clean, _: sample.rezip({**sample.unzip(clean), name: content}))


def _in_sheet(old: str, new: str) -> Maker:
    return _container(
        lambda clean, _: sample.with_part(clean, sample.SHEET, lambda xml: xml.replace(old, new, 1))
    )


def _doctype(body: str) -> Maker:
    return _in_sheet("<worksheet", f"<!DOCTYPE worksheet [{body}]><worksheet")


@cache
def _big_sheet() -> bytes:
    """The same for every seed: nothing of it is ever read, and to pack it takes longer than all the rest."""
    parts = sample.unzip(sample.file_bytes("plan", sample.plan_rows()))
    parts[sample.SHEET] = parts[sample.SHEET].replace(b"</sheetData>", b" " * 130_000_000 + b"</sheetData>")
    return sample.rezip(parts)


def _long_text(clean: bytes, _: random.Random) -> bytes:
    parts = sample.unzip(clean)
    parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(
        b"</t>", b"A" * 2_000_000 + b"</t>", 1
    )
    return sample.rezip(parts)


def _cut(clean: bytes, rng: random.Random) -> bytes:
    return clean[: rng.randrange(200, len(clean) - 200)]


def _flipped(clean: bytes, rng: random.Random) -> bytes:
    parts = sample.unzip(clean)
    stored = bytearray(sample.rezip(parts, compression=zipfile.ZIP_STORED))
    at = stored.index(b"<sheetData>") + rng.randrange(20, 400)
    stored[at] ^= 0xFF
    return bytes(stored)


def _utf16(clean: bytes) -> bytes:
    parts = sample.unzip(clean)
    text = parts[sample.SHEET].decode("utf-8").replace("UTF-8", "UTF-16")
    return sample.rezip({**parts, sample.SHEET: text.encode("utf-16")})


def _overlapping(clean: bytes) -> bytes:
    """Two entries of the directory that name the same bytes under one name."""
    first, second = b"xl/worksheets/sheet1.xml", b"xl/worksheets/sheet2.xml"
    parts = sample.unzip(clean)
    buffer = bytearray(sample.rezip({**parts, second.decode(): parts[sample.SHEET]}))
    at = buffer.rindex(second)
    buffer[at : at + len(second)] = first
    return bytes(buffer)


CONTAINERS: dict[str, Maker] = {
    "doctype": _doctype('<!ENTITY a "b">'),
    "external entity": _doctype('<!ENTITY a SYSTEM "file:///etc/passwd">'),
    "parameter entity": _doctype('<!ENTITY % a SYSTEM "http://127.0.0.1/"> %a;'),
    "billion laughs": _doctype('<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">'),
    "cell far out": _in_sheet(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    ),
    "cell without a place": _in_sheet(
        "</sheetData>", '<row r="9"><c r="ZZZZ9"><v>1</v></c></row></sheetData>'
    ),
    "encoding nobody knows": _in_sheet('encoding="UTF-8"', 'encoding="UTF-9"'),
    "encoding of many bytes": _in_sheet('encoding="UTF-8"', 'encoding="GBK"'),
    "hidden column without a place": _in_sheet("<sheetData>", '<cols><col hidden="1"/></cols><sheetData>'),
    "row that is no number": _in_sheet('<row r="6"', '<row r="six"'),
    "text that is not there": _in_sheet('t="s"><v>', 't="s"><v>99'),
    "sheet that is not there": _container(
        lambda clean, _: sample.rezip({k: v for k, v in sample.unzip(clean).items() if k != sample.SHEET})
    ),
    "sheet in utf-16": _container(lambda clean, _: _utf16(clean)),
    "entries that overlap": _container(lambda clean, _: _overlapping(clean)),
    "compressed in another way": _container(
        lambda clean, _: sample.rezip(sample.unzip(clean), compression=zipfile.ZIP_LZMA)
    ),
    "open document": _container(
        lambda _, rng: sample.rezip(
            {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": rng.randbytes(99)}
        )
    ),
    "cell twice": _in_sheet("</sheetData>", '<row r="5"><c r="E5"><v>1</v></c></row></sheetData>'),
    "inflates a thousandfold": _container(lambda _clean, _rng: _big_sheet()),
    "long shared text": _container(_long_text),
    "many entries": _container(
        lambda clean, _: sample.rezip({**sample.unzip(clean), **{f"x/{n}": b"" for n in range(300)}})
    ),
    "path upwards": _with_entry("../../etc/cron.d/x", b"*"),
    "absolute path": _with_entry("/etc/passwd", b"x"),
    "backslash path": _with_entry("..\\x", b"x"),
    "external links": _with_entry("xl/externalLinks/externalLink1.xml", b"<x/>"),
    "cut off": _container(_cut),
    "one byte flipped": _container(_flipped),
    "old office": _container(lambda _, rng: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + rng.randbytes(3000)),
    "web page": _container(
        lambda _, rng: f"<html><table><tr><td>{rng.random()}</td></tr></table></html>".encode()
    ),
    "noise": _container(lambda _, rng: rng.randbytes(5000)),
    "nothing": _container(lambda _, rng: b" " * rng.randrange(3)),
}

# --- habits of people and of office programs ------------------------------------------------------


def _sum_of(rows: list[sample.Row]) -> int:
    """Σ of all amounts of a plan's rows."""
    keys = [field.key for field in document_type("plan").money_fields]
    return sum(amount for row in rows for key in keys if isinstance(amount := row.get(key), int))


def _workbook_habit(
    change: Callable[[bytes, random.Random], bytes], must: Must = Must.TAKEN, rule: str | None = None
) -> Maker:
    def make(rng: random.Random) -> Made:
        rows = sample.completed("plan", _rows(rng))
        meant = _sum_of(rows)
        return change(sample.file_bytes("plan", rows), rng), must, meant, rule

    return make


def _text_habit(
    change: Callable[[str, random.Random], str | bytes], must: Must = Must.TAKEN, rule: str | None = None
) -> Maker:
    def make(rng: random.Random) -> Made:
        rows = sample.completed("plan", _rows(rng))
        text = sample.file_bytes("plan", rows, ".csv").decode("utf-8-sig")
        after = change(text, rng)
        assert after != text
        return after if isinstance(after, bytes) else after.encode("utf-8-sig"), must, _sum_of(rows), rule

    return make


def _parts(clean: bytes, change: Callable[[str, str], tuple[str, str]]) -> bytes:
    """The workbook with every part's name and text changed."""
    return sample.rezip(
        {
            name: text.encode()
            for name, text in (change(name, part.decode()) for name, part in sample.unzip(clean).items())
        }
    )


def _main_renamed(clean: bytes, rng: random.Random) -> bytes:
    number = rng.randrange(2, 99)

    def change(name: str, text: str) -> tuple[str, str]:
        renamed = name.replace("workbook.xml", f"workbook{number}.xml")
        return renamed, text.replace("xl/workbook.xml", f"xl/workbook{number}.xml")

    return _parts(clean, change)


def _named_in_another_case(clean: bytes, rng: random.Random) -> bytes:
    fold = rng.choice([str.upper, str.title, str.lower])
    return _parts(clean, lambda name, text: (name if name.startswith(("[", "_")) else fold(name), text))


def _calendar_of_1904(clean: bytes, _: random.Random) -> bytes:
    """The Macintosh's calendar, and a second ``workbookPr`` of another namespace after it."""
    dated = sample.with_part(
        clean,
        "xl/workbook.xml",
        lambda xml: xml.replace("<workbookPr", '<workbookPr date1904="1"').replace(
            "</workbook>",
            '<extLst><ext uri="{1}" xmlns:x15="http://schemas.microsoft.com/office/spreadsheetml/2010/11/main">'
            '<x15:workbookPr chartTrackingRefBase="1"/></ext></extLst></workbook>',
        ),
    )
    for cell in ("C5", "C6"):
        dated = (
            sample.with_number_format(dated, cell, "44834", "yyyy-mm")
            if cell == "C5"
            else sample.with_cell(dated, cell, re.sub(r'r="C5"', 'r="C6"', _cell_of(dated, "C5")))
        )
    return dated


def _cell_of(content: bytes, reference: str) -> str:
    xml = sample.unzip(content)[sample.SHEET].decode()
    found = re.search(rf'<c r="{reference}".*?</c>', xml)
    assert found is not None
    return found[0]


def _padded_numbers(clean: bytes, rng: random.Random) -> bytes:
    pad = rng.choice([" ", "\n", "\t", "\r\n  "])
    return sample.with_part(
        clean, sample.SHEET, lambda xml: re.sub(r"<v>([-0-9.]+)</v>", rf"<v>{pad}\1{pad}</v>", xml)
    )


def _in_shared_texts(old: str, new: str) -> Callable[[bytes, random.Random], bytes]:
    return lambda clean, _: sample.with_part(
        clean, "xl/sharedStrings.xml", lambda xml: xml.replace(old, new, 1)
    )


def _conditional(code: str, *, elsewhere: bool = False) -> Callable[[bytes, random.Random], bytes]:
    area = "A1:A3" if elsewhere else "A1 E5:F6"

    def change(clean: bytes, _: random.Random) -> bytes:
        quoted = code.replace('"', "&quot;")
        styled = sample.with_part(
            clean,
            "xl/styles.xml",
            lambda xml: re.sub(
                r"<dxfs[^>]*/>|<dxfs.*?</dxfs>",
                f'<dxfs count="1"><dxf><numFmt numFmtId="191" formatCode="{quoted}"/></dxf></dxfs>',
                xml,
            ),
        )
        rule = '<cfRule type="expression" dxfId="0" priority="1"><formula>TRUE</formula></cfRule>'
        return sample.with_part(
            styled,
            sample.SHEET,
            lambda xml: xml.replace(
                "</sheetData>",
                f'</sheetData><conditionalFormatting sqref="{area}">{rule}</conditionalFormatting>',
            ),
        )

    return change


UNSEEN = "\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2064\u3164\ufe00\ufe0f\ufeff\U000e0041\U000e0100"
TURNING = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"


def _unseen_in(text_of_cell: str, characters: str = UNSEEN) -> Callable[[str, random.Random], str]:
    def change(text: str, rng: random.Random) -> str:
        place = rng.randrange(len(text_of_cell) + 1)
        spoiled = text_of_cell[:place] + rng.choice(characters) + text_of_cell[place:]
        return text.replace(text_of_cell, spoiled, 1)

    return change


def _below(*lines: str) -> Callable[[str, random.Random], str]:
    return lambda text, rng: text.rstrip() + "\r\n\r\n" + rng.choice(lines) + "\r\n"


def _before(old: str, *news: str) -> Callable[[str, random.Random], str]:
    return lambda text, rng: text.replace(old, rng.choice(news), 1)


def _delimited(mark: str, encoding: str) -> Callable[[str, random.Random], bytes]:
    def change(text: str, _: random.Random) -> bytes:
        written = io.StringIO()
        csv.writer(written, delimiter=mark).writerows(csv.reader(io.StringIO(text)))
        return written.getvalue().encode(encoding)

    return change


def _two_row_header(text: str, rng: random.Random) -> str:
    lines = _lines(text)
    names = lines[2].split(",")
    top, below = list(names), [""] * len(names)
    for number, name in enumerate(names):
        if 4 <= number <= 9:
            top[number], below[number] = ("计划支出明细" if number == 4 else ""), name
    if rng.random() < 0.5:  # the names that span both rows stand in the lower one
        top, below = (
            [t if n == 4 else "" for n, t in enumerate(top)],
            [b or t for t, b in zip(top, below, strict=True)],
        )
        below[4] = names[4]
    return "\r\n".join([*lines[:2], ",".join(top), ",".join(below), *lines[3:]])


def _float_tails(text: str, _: random.Random) -> str:
    """Amounts as a program writes the doubles that its own arithmetic left: 9778396.810000001."""
    return re.sub(r"(?<=,)([0-9]{4,}\.[0-9]{2})(?=,)", lambda m: _long(float(m[1])), text)


def _long(amount: float) -> str:
    after = math.nextafter(amount, math.inf)
    return repr(after) if len(repr(after)) > 17 else repr(amount)


def _legacy(text: str, _: random.Random) -> bytes:
    return legacy_document(text.encode("utf-8-sig"))


def _indented_properties(clean: bytes, _: random.Random) -> bytes:
    return sample.with_part(
        clean,
        "docProps/custom.xml",
        lambda xml: xml.replace("<vt:lpwstr>", "\n    <vt:lpwstr>\n      ").replace(
            "</vt:lpwstr>", "\n    </vt:lpwstr>\n  "
        ),
    )


def _without_properties(clean: bytes) -> bytes:
    return sample.rezip({k: v for k, v in sample.unzip(clean).items() if k != "docProps/custom.xml"})


def _of_another_county(clean: bytes, rng: random.Random) -> bytes:
    """A county fills another's template, in a program that keeps no properties."""
    return _without_properties(_in_shared_texts("：椒江区<", "：黄岩区<")(clean, rng))


COLUMN_NUMBERS = (
    "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "甲,乙,丙,丁,1,2,3,4,5,6,7,8,9,10,",
    "栏次,,,,1,2,3,4,5,6,7=1+2+3+4+5+6,8,9,10=7-8,11",
)
NO_COLUMN_NUMBERS = (
    "331002,,,,1,2,3,4,5,6,7,8,9,10,",
    ",椒江区,,职工,1,2,3,4,5,6,7,8,9,10,",
    ",,,,1,2,3,4,5,6,21,8,9,10,",
    ",,,,1.00,2.00,3.00,4.00,5.00,6.00,7.00,8.00,9.00,10.00,",
)

HABITS: dict[str, Maker] = {
    "main part of another name": _workbook_habit(_main_renamed),
    "parts in another case": _workbook_habit(_named_in_another_case),
    "backslashes in the archive": _workbook_habit(
        lambda clean, _: _parts(clean, lambda name, text: (name.replace("/", "\\"), text))
    ),
    "calendar of 1904": _workbook_habit(_calendar_of_1904, rule="CELL-013"),
    "blanks around stored numbers": _workbook_habit(_padded_numbers),
    "escaped line break in a header": _workbook_habit(_in_shared_texts("门诊慢特病", "门诊_x000D_\n慢特病")),
    "escaped unseen character": _workbook_habit(
        _in_shared_texts(">椒江区<", ">椒江_x200B_区<"), rule="CELL-018"
    ),
    "half a character escaped": _workbook_habit(
        _in_shared_texts(">椒江区<", ">椒江_xD83D_区<"), Must.NOT_PASS
    ),
    "conditional format in ten thousands": _workbook_habit(
        _conditional('0.0,"万"'), Must.NOT_PASS, "CELL-016"
    ),
    "conditional format that hides": _workbook_habit(_conditional(";;;"), Must.NOT_PASS, "CELL-016"),
    "conditional format as a date": _workbook_habit(_conditional("yyyy-mm-dd"), Must.NOT_PASS, "CELL-016"),
    "conditional format elsewhere": _workbook_habit(_conditional('0.0,"万"', elsewhere=True)),
    "indented properties": _workbook_habit(_indented_properties),
    "no properties": _workbook_habit(lambda clean, _: _without_properties(clean)),
    "macros": _workbook_habit(
        lambda clean, _: sample.rezip({**sample.unzip(clean), "xl/vbaProject.bin": b"x"}), rule="FILE-025"
    ),
    "legacy workbook": _text_habit(_legacy, rule="FILE-024"),
    "locked workbook": _workbook_habit(lambda _clean, _rng: locked_workbook(), Must.REFUSE, "FILE-004"),
    "unseen character in a name": _text_habit(_unseen_in("椒江区"), rule="CELL-018"),
    "unseen character in a header": _text_habit(_unseen_in("可用余额"), rule="CELL-018"),
    "unseen character in a signature": _text_habit(_unseen_in("李强"), rule="CELL-018"),
    "same person with an unseen character": _text_habit(
        lambda text, rng: _unseen_in("张敏")(text.replace("李强", "张敏"), rng), Must.NOT_PASS
    ),
    "same person who signed": _text_habit(
        lambda text, rng: text.replace("李强", rng.choice(["张敏（签字）", "张 敏", "张　敏"])), Must.NOT_PASS
    ),
    "text that runs backwards": _text_habit(_unseen_in("椒江区", TURNING), Must.NOT_PASS, "CELL-019"),
    "tabs in utf-16": _text_habit(_delimited("\t", "utf-16")),
    "tabs": _text_habit(_delimited("\t", "gb18030")),
    "semicolons": _text_habit(_delimited(";", "utf-8-sig")),
    "separator stated": _text_habit(lambda text, rng: b"sep=;\r\n" + _delimited(";", "utf-8")(text, rng)),
    "end of a DOS file": _text_habit(
        lambda text, rng: text.encode("gb18030") + b"\x1a" * rng.randrange(1, 3)
    ),
    "header of two rows": _text_habit(_two_row_header),
    "column numbers under the header": _text_habit(
        lambda text, rng: text.replace("\r\n331002", f"\r\n{rng.choice(COLUMN_NUMBERS)}\r\n331002", 1),
        rule="FILE-027",
    ),
    "amounts that resemble column numbers": _text_habit(
        lambda text, rng: text.replace("\r\n331002", f"\r\n{rng.choice(NO_COLUMN_NUMBERS)}\r\n331002", 1),
        Must.NOT_PASS,
    ),
    "county codes of twelve digits": _text_habit(
        lambda text, _: text.replace("331002,", "331002000000,"), rule="CELL-013"
    ),
    "county codes as floats": _text_habit(
        lambda text, _: text.replace("331002,", "331002.0,"), Must.NOT_PASS, "CELL-008"
    ),
    "months as a program's dates": _text_habit(
        lambda text, rng: text.replace(
            ",2026-10,", f",{rng.choice(['2026-10-01', '2026/10/1', '2026-10-01 00:00:00', 'Oct-26'])},"
        ),
        rule="CELL-013",
    ),
    "floats of a program": _text_habit(_float_tails, rule="CELL-014"),
    "unit in brackets": _text_habit(
        _before("单位：元", "单位（元）", "金额单位（元）", "人民币（元）", "单位：人民币元")
    ),
    "unit of the title contradicts": _text_habit(
        _before(
            "用款计划申请表",
            "用款计划申请表（万元）",
            "用款计划申请表（单位：万元）",
            "用款计划申请表 万元",
            "用款计划申请表（金额单位：千元）",
        ),
        Must.NOT_PASS,
        "FILE-020",
    ),
    "unit of the total contradicts": _text_habit(
        _before("控制合计", "合计（万元）", "合计(千元)"), Must.NOT_PASS, "FILE-020"
    ),
    "total by another name": _text_habit(
        _before(
            "控制合计",
            "合计（元）",
            "本月合计",
            "总计",
            "合 计",
            "本期合计",
            "合计金额",
            "全区合计",
            "台州市合计",
        )
    ),
    "footer": _text_habit(
        _below(
            ",填报日期：2026年9月25日,,,联系电话：0576-88000000",
            ",,,第1页 共2页",
            "打印时间：2026-09-25 10:22:33",
            "填表人：,,,,联系电话：,88000000",
            "注：1.本表一式三份；\r\n2.申请额=计划支出-可用余额。",
            "说明：数据来自系统。\r\n（2）另附明细。",
            "单位（盖章）,,,,2026年9月25日",
            "- 1 -",
        )
    ),
    "prose below": _text_habit(
        _below(",,,,请各县区于25日前上报", ",逾期不予受理", "抄送：市财政局"), Must.NOT_PASS, "FILE-018"
    ),
    "an amount below": _text_habit(
        _below("追加资金,,,,123456.00", "其中：追加：,,,,50000.00"), Must.NOT_PASS
    ),
    "a county below the total": _text_habit(
        lambda text, _: text.rstrip() + "\r\n" + _lines(text)[3] + "\r\n", Must.NOT_PASS
    ),
    "dash for a fund's nil": _text_habit(
        lambda text, rng: re.sub(
            r"(?m)^(331002,椒江区,2026-10,城乡居民[^,]*(?:,[^,]*){5}),0\.00",
            lambda m: f"{m[1]},{rng.choice(['—', '-', '——'])}",
            text,
        ),
        rule="CELL-020",
    ),
    "template of another county": _workbook_habit(_of_another_county, Must.NOT_PASS, "FILE-022"),
}
"""How files look that people and programs make in good faith, beside the same habits where they mislead."""

GENERATORS: dict[str, Maker] = {**WRITTEN, **CELLS, **STRUCTURE, **ENCODINGS, **CONTAINERS, **HABITS}


def traps(seeds: range) -> list[Trap]:
    """Every generator for every seed."""
    made: list[Trap] = []
    for name, make in GENERATORS.items():
        for seed in seeds:
            content, must, meant, *rule = make(random.Random(f"{name}/{seed}"))
            field = FIELD if must is Must.SAY_SO else None
            made.append(Trap(name, seed, content, must, field, meant, *rule))
    return made
