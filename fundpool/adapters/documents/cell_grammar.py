"""Reads the text of a cell as an amount, a month, a day or a count, and remarks on how it is written.

Strict: a text either has the plain form, or falls under a written rule whose finding shows what was read
(schemas/documents/reading_rules.py), or yields no value at all. Python's own ``int``, ``float`` and
``Decimal`` would take other scripts' digits, ``1_000``, ``nan`` and ``1e3`` without a word.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from fundpool.adapters.documents.number_formats import shown_otherwise
from fundpool.domain.money import format_yuan, parse_yuan
from fundpool.domain.periods import Month


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the file has it. ``kind``: s text, n number, b true/false, e error, d ISO date.

    ``number_format`` is its format code where that may show something else than what is stored;
    ``conditional_formats`` are those that a conditional format may lay over it. ``unseen`` are the
    characters that nobody sees, which were taken off the text.
    """

    row: int
    column: int
    kind: str
    text: str | None
    formula: bool
    is_date: bool
    number_format: str = ""
    conditional_formats: tuple[str, ...] = ()
    unseen: str = ""

    @property
    def blank(self) -> bool:
        return not self.formula and (self.text is None or not self.text.strip())


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding about a cell: a code of READING_RULES, the text found, and the value that was read instead."""

    code: str
    found: str
    expected: str | None = None


UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
"""A character that nobody sees: all of category Cf and Cc but line breaks and tabs, fillers and variation selectors."""
_HARMLESS_IN_A_NUMBER = re.compile("[\u200b-\u200d\u2060\ufeff]*")
"""Zero-width characters. Others (a soft hyphen, a change of direction) make a number look like another one."""
TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""A character that makes the text after it run in another direction: what is seen is not what is stored."""
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_", re.ASCII)


def without_unseen(text: str) -> tuple[str, str]:
    """``text`` without what nobody sees, and the characters that were taken off.

    ``_x000D_`` is how workbooks escape a character, and what other programs leave of it in a CSV.
    """
    if text.isascii() and "_x" not in text and text.isprintable():
        return text, ""
    if "_x" in text:
        text = _ESCAPE.sub(_unescaped, text)
    unseen = "".join(UNSEEN.findall(text))
    return (UNSEEN.sub("", text), unseen) if unseen else (text, "")


def _unescaped(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return escape[0] if 0xD800 <= code <= 0xDFFF else chr(code)


def code_points(characters: str) -> str:
    """Each character by its number, once: ``U+200B U+FEFF``."""
    return " ".join(f"U+{ord(character):04X}" for character in dict.fromkeys(characters))


_FULL_WIDTH = str.maketrans("０１２３４５６７８９．，－＋（）", "0123456789.,-+()")
_UNUSUAL = str.maketrans(
    {"−": "-", "–": "-", "\u00a0": "", "\u3000": "", "\u200b": "", "\ufeff": "", "\u2060": ""}
)
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,2})?", re.ASCII)
_EXPONENT = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", re.ASCII)
_FINE = re.compile(r"-?[0-9]{1,12}\.[0-9]{3,}", re.ASCII)
_PLACEHOLDERS = frozenset(
    [
        "na",
        "n/a",
        "#n/a",
        "nan",
        "null",
        "none",
        "nil",
        "-",
        "--",
        "—",
        "——",
        "/",
        "\\",
        "无",
        "没有",
        "空",
        "略",
    ]
)
_TAIL = re.compile(r"-?[0-9]{1,12}\.[0-9]{3,20}", re.ASCII)
"""A number that a program wrote into a CSV with all digits of its double; with more than 15 it means those 15."""
_PLAIN = re.compile(r"0(\.|$)|[1-9]|-0\.0*[1-9]|-[1-9]", re.ASCII)
"""How a plain amount begins: no leading zeros, and no minus before nil."""
_CURRENCY = re.compile(r"^(?:[¥￥]|人民币|RMB|CNY)|元$")


def read_amount(cell: Cell, *, derived: bool, date1904: bool = False) -> tuple[int | None, list[Remark]]:
    """Fen of a money cell, and the remarks on it; None when it holds no amount.

    ``derived`` cells (sums the template itself computes, control totals) may hold a formula with a
    stored result: the checks compute the same sum again, so nothing rests on the formula.
    """
    if cell.formula and (cell.text is None or not cell.text.strip()):
        return None, [Remark("CELL-006", "")]
    if cell.blank or cell.text is None:
        return None, []
    if cell.is_date:
        return None, [Remark("CELL-007", shown_text(cell, date1904=date1904))]
    if cell.kind in {"b", "e"}:
        truth = {"1": "TRUE", "0": "FALSE"} if cell.kind == "b" else {}
        return None, [Remark("CELL-011", truth.get(cell.text, cell.text))]
    if cell.unseen and not _HARMLESS_IN_A_NUMBER.fullmatch(cell.unseen):
        return None, [Remark("CELL-019", code_points(cell.unseen))]
    remarks = [Remark("CELL-005", cell.text)] if cell.formula and not derived else []
    if cell.kind == "n":
        amount, more = _number(cell.text, computed=cell.formula)
    else:
        amount, more = _text_amount(cell.text)
    if amount is not None:
        more.extend(_shown_otherwise(cell, format_yuan(amount)))
    return amount, remarks + more


def _shown_otherwise(cell: Cell, taken: str) -> list[Remark]:
    """The remark on a value that its number format shows as something else; ``taken`` is the value as read."""
    if cell.text is None or not (cell.number_format or cell.conditional_formats):
        return []
    codes = [code for code in (*cell.conditional_formats, cell.number_format) if code]
    shown = [shown_otherwise(code, cell.text, is_text=cell.kind != "n") for code in codes]
    other = min((each for each in shown if each), key=lambda each: each.rounded, default=None)
    if other is None:
        return []
    return [Remark("CELL-017" if other.rounded else "CELL-016", other.text or "空白 / blank", taken)]


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?", re.ASCII)


def _stored_number(text: str) -> Decimal | None:
    """The number that a workbook stores as ``text``; None for what no workbook program writes."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _number(text: str, *, computed: bool) -> tuple[int | None, list[Remark]]:
    """An Excel number: binary floating point of which 15 decimal digits mean something."""
    stored = _stored_number(text)
    if stored is None or abs(stored) >= 10**12:
        return None, [Remark("CELL-001", text)]
    shown = Decimal(f"{float(text):.15g}")
    fen = shown.scaleb(2)
    if fen != fen.to_integral_value():
        return None, [Remark("CELL-004", text)]
    amount = int(fen)
    # The shortest text of the same double is what was typed; anything longer is arithmetic's tail.
    tail = not computed and Decimal(repr(float(text))) != shown
    if tail or "e" in text.lower():
        return amount, [Remark("CELL-014", text, format_yuan(amount))]
    return amount, []


def _text_amount(text: str) -> tuple[int | None, list[Remark]]:
    amount = _parse(text)
    if amount is not None:
        return amount, [] if _PLAIN.match(text) else [Remark("CELL-003", text, format_yuan(amount))]
    stripped = text.strip(" \t\r\n")
    amount = _parse(_without_separators(stripped))
    if amount is not None:
        return amount, [Remark("CELL-003", text, format_yuan(amount))]
    if _TAIL.fullmatch(stripped) and len(re.sub(r"^0*\.?0*|[-.]", "", stripped)) > 15:
        return _number(stripped, computed=False)
    folded = stripped.translate(_FULL_WIDTH).translate(_UNUSUAL).strip()
    amount = _parse(_without_separators(_CURRENCY.sub("", _CURRENCY.sub("", folded)).strip()))
    if amount is not None:
        return amount, [Remark("CELL-002", text, format_yuan(amount))]
    return None, [Remark(_what_is_wrong(folded), text)]


def _without_separators(text: str) -> str:
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _what_is_wrong(folded: str) -> str:
    """The rule that a text which is no amount comes under."""
    if folded.casefold() in _PLACEHOLDERS:
        return "CELL-009"
    if _EXPONENT.fullmatch(folded):
        return "CELL-010"
    return "CELL-004" if _FINE.fullmatch(folded) else "CELL-001"


def _parse(text: str) -> int | None:
    try:
        return parse_yuan(text)
    except ValueError:
        return None


_ACCOUNT = re.compile(r"[0-9]{6,32}", re.ASCII)
_KEPT_AS_TEXT = re.compile(r"""['‘’]|="|"$""")
"""What people and programs write about digits so that a spreadsheet keeps them: ``'123456`` and ``="123456"``."""


def read_account(text: str) -> tuple[str | None, list[Remark]]:
    """The digits of an account number; their grouping and full-width forms are taken off with a remark."""
    if _ACCOUNT.fullmatch(text):
        return text, []
    digits = re.sub(r"\s", "", _KEPT_AS_TEXT.sub("", text.translate(_FULL_WIDTH)))
    if _ACCOUNT.fullmatch(digits):
        return digits, [Remark("CELL-002", text, digits)]
    if _EXPONENT.fullmatch(digits):
        return None, [Remark("CELL-010", text)]
    return None, [Remark("CELL-015", text, "6 至 32 位数字 / 6 to 32 digits")]


_FULL_WIDTH_LETTERS = {
    code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
_BLANKS = re.compile(r"\s+")


def read_reference(text: str) -> tuple[str | None, list[Remark]]:
    """The number of a paper, such as ``台财社〔2026〕15号`` or ``0012``.

    The same paper must give the same text in every file, because it is booked once by that text: what keeps
    it as text in a spreadsheet is taken off, full-width digits and letters and blanks are narrowed, with a remark.
    """
    if _EXPONENT.fullmatch(text):
        return None, [Remark("CELL-010", text)]
    kept = re.fullmatch(r"""['‘’](.+)|="(.+)\"""", text)
    plain = _BLANKS.sub(" ", (kept[1] or kept[2] if kept else text).translate(_FULL_WIDTH_LETTERS)).strip()
    if not plain or plain.startswith(("=", "'")):
        return None, [Remark("CELL-015", text, "凭据号 / the number of a paper")]
    return plain, [] if plain == text else [Remark("CELL-002", text, plain)]


_MONTH = re.compile(r"([0-9]{4})(?:-|/|\.|年)([0-9]{1,2})月?(?:份)?", re.ASCII)
_MONTH_DIGITS = re.compile(r"([0-9]{4})([0-9]{2})", re.ASCII)


_MONTH_NAMES = {
    name: f"{number:02d}"
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_DAY_OF_PROGRAM = re.compile(
    rf"([0-9]{{4}})[-/]([0-9]{{1,2}})[-/]0?1(?:[ T]0?0:00(?::00)?)?|({'|'.join(_MONTH_NAMES)})-([0-9]{{2}})",
    re.ASCII | re.IGNORECASE,
)
"""The first of a month, or ``Oct-26``, which is how Excel writes the month that it made a date of."""


def read_month(cell: Cell, *, date1904: bool) -> tuple[Month | None, list[Remark]]:
    """The month of a cell. Excel turns a typed 2026-10 into 1 October, which is read as October with a remark."""
    text = cell.text or ""
    month: Month | None = None
    if cell.is_date:
        day = _day_of(cell, date1904=date1904)
        month = Month.of(day) if day is not None and day.day == 1 else None
    else:
        folded = text.strip().translate(_FULL_WIDTH)
        first = _DAY_OF_PROGRAM.fullmatch(folded)
        if first is not None and cell.kind != "n":
            # A date cell as a program writes it into a CSV.
            folded = (
                f"{first[1]}-{first[2]}" if first[1] else f"20{first[4]}-{_MONTH_NAMES[first[3].lower()]}"
            )
        # As a number 2026.10 is 2026.1: October and January look the same.
        match = (None if cell.kind == "n" else _MONTH.fullmatch(folded)) or _MONTH_DIGITS.fullmatch(folded)
        if match is not None and 1 <= int(match[2]) <= 12 and int(match[1]) >= 1:
            month = Month(int(match[1]), int(match[2]))
    if month is None:
        return None, []
    if text == str(month):
        return month, []
    return month, [Remark("CELL-013", shown_text(cell, date1904=date1904), str(month))]


_YEAR = re.compile(r"([0-9]{4})年?(?:度)?", re.ASCII)


def read_year(cell: Cell) -> tuple[str | None, list[Remark]]:
    """The year of a cell, as four digits: ``2026``, ``2026年`` or ``2026年度``."""
    text = cell.text or ""
    match = None if cell.is_date else _YEAR.fullmatch(text.strip().translate(_FULL_WIDTH))
    if match is None:
        return None, []
    return match[1], [] if text == match[1] else [Remark("CELL-013", text, match[1])]


_DAY = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{2})([0-9]{2}))",
    re.ASCII,
)


def read_day(cell: Cell, *, date1904: bool) -> tuple[str | None, list[Remark]]:
    """The ISO day of a cell: a date cell, or ``2026-10-05``.

    ``20261005``, ``2026/10/5`` and ``2026年10月5日`` are normalised; ``2026111`` could be two days and is none.
    """
    text = cell.text or ""
    if cell.is_date:
        day = _day_of(cell, date1904=date1904)
    else:
        match = _DAY.fullmatch(re.sub(r"[ T]0?0:00(:00)?$", "", text.strip()))
        parts = [] if match is None else [part for part in match.groups() if part and part not in "-/."]
        day = _date(*(int(part) for part in parts)) if parts else None
    if day is None:
        return None, [Remark("CELL-015", text, "2026-10-05")]
    iso = day.isoformat()
    return iso, [] if cell.is_date or text == iso else [Remark("CELL-013", text, iso)]


def shown_text(cell: Cell, *, date1904: bool) -> str:
    """The text of a cell as a person knows it: of a date its day, not the number that the file keeps."""
    day = _day_of(cell, date1904=date1904) if cell.is_date and cell.kind == "n" else None
    return (cell.text or "") if day is None else day.isoformat()


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _day_of(cell: Cell, *, date1904: bool) -> date | None:
    text = cell.text or ""
    if cell.kind == "d":
        match = re.match(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text, re.ASCII)
        return _date(*(int(part) for part in match.groups())) if match else None
    stored = _stored_number(text)
    # Excel counts a 29 February 1900, so its days before 1900-03-01 (number 61) are not those of the calendar.
    if stored is None or not 61 <= stored <= 100_000:
        return None
    return (date(1904, 1, 1) if date1904 else date(1899, 12, 30)) + timedelta(days=int(stored))


def read_count(cell: Cell) -> tuple[int | None, list[Remark]]:
    """A whole number, not negative."""
    text = (cell.text or "").strip()
    if cell.kind == "n" and not cell.is_date:
        number = _stored_number(text)
        if number is not None and 0 <= number < 10**12 and number == number.to_integral_value():
            return int(number), _shown_otherwise(cell, str(int(number)))
    elif not cell.is_date and re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        return int(text), _shown_otherwise(cell, str(int(text)))
    return None, [Remark("CELL-015", text, "整数 / a whole number")]
