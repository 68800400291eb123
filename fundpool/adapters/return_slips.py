"""The return slip: what a county must mend, as a workbook and as a page.

The workbook's first sheet lists the findings; then comes the county's own sheet, written anew from the
cells as they were read, with the wrong ones marked and commented. Nothing of the received file is
copied as such, and no text of it can become a formula.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fundpool.adapters.parser_process import take_apart_all
from fundpool.adapters.parsing import column_number
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.services.judging import Correction, Judgement, Register, SourceFile, fold
from schemas.documents import document_type

_SEVERITY = {
    Severity.BLOCK: ("须更正", "block", "#F8CBAD"),
    Severity.REVIEW: ("待复核", "review", "#FFE699"),
    Severity.NOTE: ("提示", "note", "#DDEBF7"),
}
_VERDICT = {
    Verdict.PASS: ("通过", "pass"),
    Verdict.REVIEW: ("转人工复核", "review"),
    Verdict.RETURN: ("退回更正", "return"),
}
_LEADERS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Slip:
    """What a slip says.

    ``due`` is the day by which the correction must be in; ``correction`` compares with the judgement
    on the county's earlier file.
    """

    judgement: Judgement
    register: Register
    city_name: str
    due: date | None = None
    correction: Correction | None = None

    @property
    def title(self) -> str:
        return f"{self.city_name}{document_type(self.judgement.document).zh}审核意见（退回单）"

    @property
    def counties(self) -> str:
        """Names of the counties the file speaks for."""
        codes = dict.fromkeys(line.county for line in self.judgement.lines if line.county)
        found = [self.register.by_code(code) for code in codes]
        return "、".join(county.name_zh for county in found if county) or "（未能识别 / not recognised）"


def inert(text: str) -> str:
    """``text`` that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_LEADERS) else text


def write_slip(folder: Path, slip: Slip, source: SourceFile) -> tuple[Path, Path]:
    """Write the slip's workbook and page to ``folder``; returns both paths.

    The names come from the file's SHA-256, never from what the sender called it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"slip-{slip.judgement.document}-{slip.judgement.sha256[:12] or 'unopened'}"
    workbook, page = folder / f"{stem}.xlsx", folder / f"{stem}.html"
    workbook.write_bytes(_workbook(slip, source))
    page.write_text(slip_page(slip), encoding="utf-8")
    return workbook, page


def slip_page(slip: Slip) -> str:
    """The slip as a bilingual page of its own: no script, nothing from outside."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("return_slip.html").render(
        slip=slip, judgement=slip.judgement, severity=_SEVERITY, verdict=_VERDICT[slip.judgement.verdict]
    )


def _workbook(slip: Slip, source: SourceFile) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": slip.title, "created": _CREATED})
    _list_findings(book, slip)
    if source.content:
        (answer,) = take_apart_all([source])
        for sheet in answer.get("sheets", []):
            _mark_sheet(book, sheet, slip.judgement.findings)
    book.close()
    return buffer.getvalue()


_COLUMNS = (
    ("编号", 14), ("程度", 10), ("单元格", 10), ("县区", 12), ("险种", 10), ("问题", 60), ("Finding", 60),
    ("填报为", 22), ("应为", 22), ("依据", 36), ("请", 40),
)  # fmt: skip


def _list_findings(book: Any, slip: Slip) -> None:
    sheet = book.add_worksheet("退回单")
    plain = book.add_format({"text_wrap": True, "valign": "top", "border": 1})
    bold = book.add_format({"bold": True, "text_wrap": True, "border": 1, "bg_color": "#D9E2F3"})
    sheet.write_string(0, 0, slip.title, book.add_format({"bold": True, "font_size": 16}))
    verdict_zh, verdict_en = _VERDICT[slip.judgement.verdict]
    due = f"请于 {slip.due} 前更正重报 / please correct and file again by {slip.due}"
    head = (
        f"县区 county：{slip.counties}",
        f"文件 file：{slip.judgement.file}   SHA-256 {slip.judgement.sha256}",
        f"结论 verdict：{verdict_zh} {verdict_en}",
        due if slip.due else "更正期限 deadline：由市级经办机构另行通知 / the city agency will tell",
    )
    for row, text in enumerate(head, start=1):
        sheet.write_string(row, 0, inert(text))
    at = len(head) + 2
    for column, (name, width) in enumerate(_COLUMNS):
        sheet.write_string(at, column, name, bold)
        sheet.set_column(column, column, width)
    for row, finding in enumerate(slip.judgement.findings, start=at + 1):
        colour = book.add_format(
            {"text_wrap": True, "valign": "top", "border": 1, "bg_color": _SEVERITY[finding.severity][2]}
        )
        for column, text in enumerate(_cells_of(finding, slip.register)):
            sheet.write_string(row, column, inert(text), colour if column < 3 else plain)
    if slip.correction is not None:
        _list_correction(sheet, at + len(slip.judgement.findings) + 2, slip.correction, plain, bold)
    sheet.freeze_panes(at + 1, 0)


def _cells_of(finding: Finding, register: Register) -> tuple[str, ...]:
    county = register.by_code(finding.county) if finding.county else None
    return (
        finding.rule,
        _SEVERITY[finding.severity][0],
        finding.cell or "",
        county.name_zh if county else finding.county or "",
        finding.fund or "",
        finding.message_zh,
        finding.message_en,
        finding.found or "",
        finding.expected or "",
        finding.basis or "",
        finding.remedy or "",
    )


def _list_correction(sheet: Any, at: int, correction: Correction, plain: Any, bold: Any) -> None:
    """What became of the earlier findings, below the list of today's."""
    sheet.write_string(at, 0, "与上次相比 / compared with the earlier file", bold)
    rows = [
        *(("已更正 gone", finding) for finding in correction.gone),
        *(("仍存在 still there", finding) for finding in correction.still),
        *(("新出现 new", finding) for finding in correction.new),
    ]
    for row, (state, finding) in enumerate(rows, start=at + 1):
        for column, text in enumerate((finding.rule, state, finding.cell or "", finding.message_zh)):
            sheet.write_string(row, column if column < 3 else 5, inert(text), plain)


def _mark_sheet(book: Any, raw: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """The received sheet with every wrong cell coloured and commented."""
    name = "".join(character for character in raw["name"] if character not in "[]:*?/\\'")[:24] or "表"
    sheet = book.add_worksheet(f"原表 {name}")
    notes: dict[tuple[int, int], list[Finding]] = {}
    for finding in findings:
        place = _place(finding.cell)
        if place is not None and finding.sheet in {None, raw["name"]}:
            notes.setdefault(place, []).append(finding)
    styles = {
        severity: book.add_format({"bg_color": shade, "border": 1})
        for severity, (_, _, shade) in _SEVERITY.items()
    }
    texts = {(row - 1, column - 1): text or "" for row, column, _, text, _, _ in raw["cells"]}
    for (row, column), text in sorted({**dict.fromkeys(notes, ""), **texts}.items()):
        said = notes.get((row, column), [])
        worst = next((severity for severity in Severity if any(f.severity is severity for f in said)), None)
        style = None if worst is None else styles[worst]
        if text:
            sheet.write_string(row, column, inert(text), style)
        else:
            sheet.write_blank(row, column, None, style)
        if said:
            comment = "\n".join(f"[{f.rule}] {f.message_zh}\n{f.message_en}\n请：{f.remedy}" for f in said)
            sheet.write_comment(row, column, comment[:30_000], {"width": 360, "height": 140})
    sheet.set_column(0, 40, 15)


def _place(cell: str | None) -> tuple[int, int] | None:
    """Zero-based row and column of an address such as ``E5`` (of an area: its first cell)."""
    first = (cell or "").partition(":")[0]
    letters = first.rstrip("0123456789")
    digits = first[len(letters) :]
    if not letters or not digits or fold(letters) != letters.casefold():
        return None
    return int(digits) - 1, column_number(letters) - 1
