"""What a spreadsheet program shows for a stored value under a cell's number format.

A format may show something else than what is stored: ``0%`` a hundredfold, ``0.0,"万"`` a thousandth
with another unit, ``;;;`` nothing. We read what is stored, the county saw what was shown, so the two
are compared. Only what decides that is rendered: widths, fill characters and colours are not.
Format codes: ECMA-376 part 1, 18.8.31.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?'
    r"|[\\!](?P<escaped>.)"
    r"|[_*](?P<layout>.)"
    r"|\[(?P<bracket>[^\]]*)\]?"
    r"|(?P<general>G/通用格式|General)"
    r"|(?P<exponent>[eE][+-][0#?]+)"
    r"|(?P<digit>[0#?])"
    r"|(?P<mark>[.,%/@])"
    r"|(?P<other>.)",
    re.DOTALL | re.IGNORECASE,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[0-9]+(?:\.[0-9]+)?)", re.ASCII)
_COMPARISONS = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq, "<>": ne}
_CURRENCY_SIGN = re.compile(r"\$([^-]*)")
_COLOURS = frozenset(["black", "blue", "cyan", "green", "magenta", "red", "white", "yellow"])
_COLOUR = re.compile(r"color\s*[0-9]+|[黑蓝青绿红白黄]色?|颜色\s*[0-9]+|洋红色?", re.IGNORECASE)
_ORNAMENT = re.compile(r"¥|￥|人民币|RMB|CNY|元整?|人|户|家|个|月", re.IGNORECASE)
"""What may stand beside a number and leave it the same sum of yuan, or the same count."""
_PLAIN_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]*", re.ASCII)
_NOTHING = re.compile(r"[-–—－]*")


@dataclass(frozen=True, slots=True)
class Shown:
    """``text`` as a person sees it; ``rounded`` when it is the stored value to fewer decimals."""

    text: str
    rounded: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """One part of a format: ``parts`` are (kind, text), kinds literal digit point exponent general text."""

    parts: tuple[tuple[str, str], ...]
    condition: tuple[str, Decimal] | None
    coloured: bool
    grouped: bool
    thousands_off: int
    """How often the value is divided by 1,000: commas after the last digit."""
    percents: int
    fraction: bool

    def has(self, kind: str) -> bool:
        return any(part == kind for part, _ in self.parts)

    @property
    def shows_numbers(self) -> bool:
        return self.has("digit") or self.has("general") or self.has("text")


def shown_otherwise(code: str, stored: str, *, is_text: bool) -> Shown | None:
    """What the format ``code`` shows when that is not the ``stored`` value; None when it is the same.

    The same are: any number of decimals that loses nothing, thousands separators, 元 and ¥ signs,
    brackets, red or a minus for less than nothing, and a blank or a dash for nil.
    """
    sections = _sections(code)
    if is_text:
        return _text_otherwise(sections, stored)
    value = Decimal(stored)
    section, is_negative_one = _chosen(sections, value)
    if section is None:
        return Shown(f"##### ({code})")
    if section.fraction:
        return None if value == value.to_integral_value() else Shown(code)
    text = _rendered(section, abs(value) if is_negative_one else value)
    if not section.shows_numbers:
        others_show = any(other.shows_numbers for other in sections[:3])
        return None if value == 0 and others_show and _NOTHING.fullmatch(_bare(text)) else Shown(text.strip())
    return _compared(text, value, section, unsigned=is_negative_one and section.coloured)


def _compared(text: str, value: Decimal, section: _Section, *, unsigned: bool) -> Shown | None:
    bare = _bare(text)
    if section.has("exponent"):
        number = re.fullmatch(r"-?[0-9]*\.?[0-9]*(E[+-][0-9]+)?", bare)
        return None if number and Decimal(bare) == value else Shown(text.strip())
    if value == 0 and _NOTHING.fullmatch(bare):
        return None
    bracketed = re.fullmatch(r"\((.*)\)", bare)
    if bracketed is not None:
        bare = f"-{bracketed[1]}"
    if not _PLAIN_NUMBER.fullmatch(bare) or not any(map(str.isdigit, bare)):
        return Shown(text.strip())
    shown = Decimal(bare)
    if shown in {value, abs(value) if unsigned else value}:
        return None
    places = len(bare.partition(".")[2])
    rounded = _rounded(abs(value) if unsigned else value, places)
    return Shown(text.strip(), rounded=shown == rounded)


def _text_otherwise(sections: tuple[_Section, ...], stored: str) -> Shown | None:
    last = sections[-1]
    if len(sections) < 4 and not last.has("text"):
        return None
    text = "".join(
        stored if kind == "text" else literal for kind, literal in last.parts if kind in {"text", "literal"}
    )
    return None if _bare(text) == _bare(stored) else Shown(text.strip())


def _bare(text: str) -> str:
    return _ORNAMENT.sub("", re.sub(r"[\s,]+", "", text))


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _chosen(sections: tuple[_Section, ...], value: Decimal) -> tuple[_Section | None, bool]:
    """The section that shows ``value``, and whether it shows numbers below nil without their minus."""
    numeric = sections[:3]
    if len(numeric) > 1 and numeric[-1].has("text") and len(sections) < 4:
        numeric = numeric[:-1]
    if all(section.condition is None for section in numeric):
        if value < 0 and len(numeric) > 1:
            return numeric[1], True
        return numeric[2 if value == 0 and len(numeric) > 2 else 0], False
    for number, section in enumerate(numeric):
        if section.condition is not None:
            sign, bound = section.condition
            if _COMPARISONS[sign](value, bound):
                return section, sign == "<" and bound <= 0
        elif number == len(numeric) - 1 or (number == 1 and value < 0):
            return section, False
    return None, False


def _rendered(section: _Section, value: Decimal) -> str:
    scaled = value.scaleb(2 * section.percents - 3 * section.thousands_off)
    if section.has("general") or (section.has("text") and not section.has("digit")):
        plain = f"{scaled.normalize():f}"
        return "".join(literal if kind == "literal" else plain for kind, literal in section.parts)
    if section.has("exponent"):
        return f"{scaled:.{_decimals(section)}E}"
    kinds = [kind for kind, _ in section.parts]
    if "digit" not in kinds:
        return "".join(literal for kind, literal in section.parts if kind == "literal")
    number = f"{_rounded(abs(scaled), _decimals(section)):f}"
    whole, _, decimals = number.partition(".")
    before, after = _split(section.parts)
    left = _whole_digits(before, whole.lstrip("0"))
    if section.grouped:
        left = re.sub(r"[0-9]{4,}", lambda digits: f"{int(digits[0]):,}", left, count=1)
    right = _decimal_digits(after, decimals)
    # A value rounded to nil keeps no minus.
    minus = "-" if scaled < 0 and number.strip("0.") else ""
    return f"{minus}{left}{'.' if 'point' in kinds else ''}{right}"


def _split(
    parts: tuple[tuple[str, str], ...],
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    kinds = [kind for kind, _ in parts]
    at = kinds.index("point") if "point" in kinds else len(parts)
    return parts[:at], parts[at + 1 :]


def _decimals(section: _Section) -> int:
    return sum(kind == "digit" for kind, _ in _split(section.parts)[1])


def _whole_digits(parts: tuple[tuple[str, str], ...], digits: str) -> str:
    """The digits laid from the right into the placeholders; the first placeholder takes all that are left."""
    places = sum(kind == "digit" for kind, _ in parts)
    written: list[str] = []
    for kind, literal in reversed(parts):
        if kind == "digit":
            places -= 1
            if places == 0:
                written.append(digits or ("0" if literal == "0" else ""))
            else:
                written.append(digits[-1:] or ("0" if literal == "0" else ""))
                digits = digits[:-1]
        else:
            written.append(literal)
    return "".join(reversed(written))


def _decimal_digits(parts: tuple[tuple[str, str], ...], decimals: str) -> str:
    significant = len(decimals.rstrip("0"))
    written: list[str] = []
    at = 0
    for kind, literal in parts:
        if kind == "digit":
            written.append(decimals[at] if literal == "0" or at < significant else "")
            at += 1
        else:
            written.append(literal)
    return "".join(written)


@lru_cache(maxsize=1_000)
def _sections(code: str) -> tuple[_Section, ...]:
    """The sections of a format code."""
    cut: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(code):
        if token["other"] == ";":
            cut.append([])
        else:
            cut[-1].append(token)
    return tuple(_section(tokens) for tokens in cut[:4])


def _section(tokens: list[re.Match[str]]) -> _Section:
    places = [number for number, token in enumerate(tokens) if token["digit"]]
    last = places[-1] if places else -1
    parts: list[tuple[str, str]] = []
    condition: tuple[str, Decimal] | None = None
    coloured = grouped = fraction = False
    off = percents = 0
    for number, token in enumerate(tokens):
        if token["bracket"] is not None:
            matched = _CONDITION.fullmatch(token["bracket"].strip())
            sign = _CURRENCY_SIGN.match(token["bracket"])
            if matched is not None:
                condition = matched[1], Decimal(matched[2])
            elif sign is not None:
                parts.append(("literal", sign[1]))
            coloured = coloured or _is_colour(token["bracket"])
        elif token["mark"] == ",":
            off += bool(places) and number > last
            grouped = grouped or (bool(places) and number < last)
        elif token["mark"] == "/":
            fraction = fraction or bool(places)
        else:
            percents += token["mark"] == "%"
            parts.append(_part(token, is_first_point=all(kind != "point" for kind, _ in parts)))
    return _Section(
        tuple(parts),
        condition,
        coloured,
        grouped=grouped,
        thousands_off=off,
        percents=percents,
        fraction=fraction,
    )


def _is_colour(bracket: str) -> bool:
    return bracket.casefold() in _COLOURS or _COLOUR.fullmatch(bracket) is not None


def _part(token: re.Match[str], *, is_first_point: bool) -> tuple[str, str]:
    for kind in ("digit", "exponent"):
        if token[kind]:
            return kind, token[kind]
    if token["general"]:
        return "general", ""
    if token["mark"] == "@":
        return "text", ""
    if token["mark"] == "." and is_first_point:
        return "point", ""
    shown = token["quoted"] or token["escaped"] or token["mark"] or token["other"] or ""
    return "literal", " " if token["layout"] else shown
