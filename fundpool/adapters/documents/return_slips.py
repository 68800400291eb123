"""The return slip: what a county must mend, as a workbook and as a page.

The workbook's first sheet lists the findings; then comes the county's own sheet, written anew from the
cells as they were read, with the wrong ones marked and commented. Nothing of the received file is
copied as such, and no text of it can become a formula.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fundpool.adapters.documents.parser_process import take_apart_all
from fundpool.adapters.documents.parsing import column_number
from fundpool.adapters.documents.raw_files import CHECK_HOME, storing, write_whole
from fundpool.adapters.documents.sheets import half_widths, lines_in, set_page, set_widths, workbook_bytes
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.periods import SHANGHAI, Period
from fundpool.domain.return_slip import Correction, ReturnSlip
from fundpool.services.ports.files import SlipFile
from fundpool.services.ports.judging import SourceFile
from fundpool.version import product

_SEVERITY = {
    Severity.BLOCK: ("须更正", "block", "#F8CBAD"),
    Severity.REVIEW: ("待复核", "review", "#FFE699"),
    Severity.NOTE: ("提示", "note", "#DDEBF7"),
}
_VERDICT = {
    Verdict.PASS: ("通过", "pass"),
    Verdict.REVIEW: ("转审核", "review"),
    Verdict.RETURN: ("退回更正", "return"),
}
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_WIDEST = 40
"""Characters; a longer text of the county's sheet runs over its neighbours and sets no width."""


# --- where the month's slips lie -----------------------------------------------------------------

_NAME = re.compile(r"\d{4}(?:-\d{2})?-([a-z-]+)-([0-9A-Za-z_]+)-.*-v(\d+)\.html")
_FIRST_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})(?::.*)?", re.ASCII)
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]')


class SlipFiles:
    """``services.ports.SlipFolder`` under ``reports/<city>/<month>/slips/``."""

    def __init__(self, reports: Path) -> None:
        self._reports = reports

    def write(self, city: str, month: Period, slip: ReturnSlip, *, source: Callable[[], SourceFile]) -> None:
        """Write the workbook, then the page; see ``services.ports.SlipFolder``."""
        workbook, page = _paths(self._folder(city, month), _stem(slip))
        with storing(page.parent, "退回单", "the return slip", remedy=CHECK_HOME):
            # The page shows all that the workbook does, and is written after it: where the page stands
            # unchanged, both are whole.
            if workbook.is_file() and page.is_file() and page.read_text(encoding="utf-8") == slip_page(slip):
                return
            _write(workbook, page, slip, source=source())

    def slips(self, city: str, month: Period) -> tuple[SlipFile, ...]:
        """The slips of the counties' versions: document, county and version are read from the files' names."""
        folder = self._folder(city, month)
        found = []
        for page in folder.glob("*.html") if folder.is_dir() else ():
            name = _NAME.fullmatch(page.name)
            if name is not None:
                found.append(
                    SlipFile(name[1], name[2], int(name[3]), workbook=page.with_suffix(".xlsx"), page=page)
                )
        return tuple(sorted(found, key=lambda slip: (slip.document, slip.county, slip.version)))

    def _folder(self, city: str, month: Period) -> Path:
        return self._reports / city / str(month) / "slips"


def _stem(slip: ReturnSlip) -> str:
    """The file's name without ending: month, document, county and version, never the sender's own name for the file."""
    if slip.version is None:
        return f"{slip.month}-{slip.document}-unread-{slip.sha256[:12]}"
    (county,) = slip.counties
    name = _UNSAFE.sub("_", slip.county_names.get(county, county))
    return f"{slip.month}-{slip.document}-{county}-{name}-v{slip.version}"


def _paths(folder: Path, stem: str) -> tuple[Path, Path]:
    """The slip's workbook and page."""
    return folder / f"{stem}.xlsx", folder / f"{stem}.html"


def _write(workbook: Path, page: Path, slip: ReturnSlip, *, source: SourceFile) -> None:
    contents = {workbook: slip_workbook(slip, source), page: slip_page(slip).encode()}
    page.parent.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        write_whole(path, BytesIO(content), is_synced=False, mode=0o644)


def write_slip(folder: Path, slip: ReturnSlip, source: SourceFile) -> tuple[Path, Path]:
    """Write a slip outside any month (``fundpool check``) to ``folder``; returns both paths.

    The names come from the file's SHA-256, never from what the sender called it.
    """
    workbook, page = _paths(folder, f"slip-{slip.document}-{slip.sha256[:12] or 'unopened'}")
    remedy = "检查 --slips 的目录 / check the folder of --slips"
    with storing(folder, "退回单", "the return slip", remedy=remedy):
        _write(workbook, page, slip, source=source)
    return workbook, page


# --- the page ------------------------------------------------------------------------------------


def slip_page(slip: ReturnSlip) -> str:
    """The slip as a bilingual page of its own: no script, nothing from outside."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("return_slip.html").render(
        slip=slip,
        severity=_SEVERITY,
        verdict=_VERDICT[slip.verdict],
        deadline=slip.what_to_do,
        returned_on=None if slip.returned is None else slip.returned.at.astimezone(SHANGHAI).date(),
    )


# --- the workbook --------------------------------------------------------------------------------


def slip_workbook(slip: ReturnSlip, source: SourceFile) -> bytes:
    """The slip as a workbook: the list, then each sheet of the county's file with its cells marked."""

    def write(book: Any) -> None:
        _list_findings(book, slip)
        if source.content:
            (answer,) = take_apart_all([source])
            for sheet in answer.get("sheets", []):
                _mark_sheet(book, sheet, slip.findings)

    return workbook_bytes(write, title=slip.title, comments=product(), created=_CREATED, notice=slip.notice)


_COLUMNS = (
    ("编号 rule", 12), ("程度 severity", 9), ("单元格 cell", 8), ("县区 county", 9), ("险种 fund", 9),
    ("问题", 36), ("填报为 found", 15), ("应为 expected", 15), ("请 what to do", 26), ("依据 basis", 24),
    ("Finding", 36),
)  # fmt: skip
_WRAP = {"text_wrap": True, "valign": "top", "border": 1}


def _list_findings(book: Any, slip: ReturnSlip) -> None:
    sheet = book.add_worksheet(slip.name_zh)
    plain = book.add_format(_WRAP)
    bold = book.add_format({"bold": True, "text_wrap": True, "border": 1, "bg_color": "#D9E2F3"})
    sheet.write_string(0, 0, slip.title, book.add_format({"bold": True, "font_size": 16}))
    strong = book.add_format({"bold": True, "font_size": 12})
    for row, (text, matters) in enumerate(_head(slip), start=1):
        sheet.write_string(row, 0, text, strong if matters else None)
    at = len(_head(slip)) + 2
    sheet.set_row(at, 32)
    sheet.write_row(at, 0, [name for name, _ in _COLUMNS], bold)
    set_widths(sheet, *(width for _, width in _COLUMNS))
    shades = {
        severity: book.add_format({**_WRAP, "bg_color": shade})
        for severity, (_, _, shade) in _SEVERITY.items()
    }
    for row, finding in enumerate(slip.findings, start=at + 1):
        sheet.set_row(row, _height(_cells_of(finding, slip)))
        for column, text in enumerate(_cells_of(finding, slip)):
            sheet.write_string(row, column, text, shades[finding.severity] if column < 3 else plain)
    last = at + len(slip.findings)
    if not slip.findings:
        sheet.write_string(at + 1, 0, "没有问题 / nothing was found")
        last += 1
    if slip.correction is not None:
        _list_correction(sheet, last + 2, slip, correction=slip.correction, plain=plain, bold=bold)
    sheet.freeze_panes(at + 1, 0)
    set_page(sheet, heading_row=at)


def _head(slip: ReturnSlip) -> list[tuple[str, bool]]:
    """Lines above the list, and whether each is set in bold."""
    verdict_zh, verdict_en = _VERDICT[slip.verdict]
    zh, en, why_zh, why_en = slip.what_to_do
    version = f"（第 {slip.version} 版 version {slip.version}）" if slip.version else ""
    lines = [
        *([(slip.notice, True)] if slip.notice else []),
        (f"县区 county：{slip.county}　月份 month：{slip.month}", True),
        (f"文件 file：{slip.file}{version}　SHA-256 {slip.sha256}", False),
        (f"结论 verdict：{verdict_zh} {verdict_en}　检查 checks：{slip.evaluated}/{slip.declared}", False),
    ]
    if slip.returned is not None:
        day = slip.returned.at.astimezone(SHANGHAI).date()
        lines.append((f"退回理由 reason：{slip.returned.reason}（{slip.returned.by}，{day}）", True))
    lines.append((f"{zh} / {en}", True))
    if why_zh:
        lines.append((f"{why_zh} / {why_en}", False))
    return lines


def _cells_of(finding: Finding, slip: ReturnSlip) -> tuple[str, ...]:
    return (
        finding.rule,
        " ".join(_SEVERITY[finding.severity][:2]),
        finding.cell or "",
        slip.county_names.get(finding.county or "", finding.county or ""),
        slip.fund_names.get(finding.fund or "", finding.fund or ""),
        finding.message_zh,
        finding.found or "",
        finding.expected or "",
        finding.remedy or "",
        finding.basis or "",
        finding.message_en,
    )


def _height(cells: Sequence[str]) -> float:
    """Height of a row whose texts run over lines."""
    lines = (lines_in(text, width) for text, (_, width) in zip(cells, _COLUMNS, strict=False) if text)
    return 15.0 * max(lines, default=1)


def _list_correction(
    sheet: Any, at: int, slip: ReturnSlip, *, correction: Correction, plain: Any, bold: Any
) -> None:
    """What became of the earlier findings, below the list of today's."""
    sheet.write_string(at, 0, "与上一版相比 / compared with the version before", bold)
    rows = [
        *(("已更正 gone", finding) for finding in correction.gone),
        *(("仍存在 still", finding) for finding in correction.still),
        *(("新出现 new", finding) for finding in correction.new),
    ]
    for row, (state, finding) in enumerate(rows, start=at + 1):
        cells = _cells_of(finding, slip)
        sheet.set_row(row, _height(cells[:6]))
        for column, text in enumerate((cells[0], state, *cells[2:6])):
            sheet.write_string(row, column, text, plain)


def _mark_sheet(book: Any, raw: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """The received sheet with every wrong cell coloured and commented."""
    name = "".join(character for character in raw["name"] if character not in "[]:*?/\\'")[:24] or "表"
    sheet = book.add_worksheet(_free_name(book, f"原表 {name}"))
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
    widths: dict[int, int] = {}
    for (row, column), text in sorted({**dict.fromkeys(notes, ""), **texts}.items()):
        found = notes.get((row, column), [])
        worst = next((severity for severity in Severity if any(f.severity is severity for f in found)), None)
        style = None if worst is None else styles[worst]
        if text:
            sheet.write_string(row, column, text, style)
            # A title runs over its neighbours; the columns are as wide as the table needs.
            if len(text) <= _WIDEST:
                widths[column] = max(widths.get(column, 8), min(half_widths(text), 24))
        else:
            sheet.write_blank(row, column, None, style)
        if found:
            comment = "\n".join(f"[{f.rule}] {f.message_zh}\n{f.message_en}\n请：{f.remedy}" for f in found)
            sheet.write_comment(row, column, comment[:30_000], {"width": 360, "height": 140})
    for column, width in widths.items():
        sheet.set_column(column, column, width + 2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _free_name(book: Any, name: str) -> str:
    """``name`` unless a sheet bears it already, whatever its capitals."""
    taken = {sheet.get_name().casefold() for sheet in book.worksheets()}
    number = 1
    while (free := name if number == 1 else f"{name} {number}").casefold() in taken:
        number += 1
    return free


def _place(cell: str | None) -> tuple[int, int] | None:
    """Zero-based row and column of an address such as ``E5`` (of an area: its first cell)."""
    first = _FIRST_CELL.fullmatch(cell or "")
    return None if first is None else (int(first[2]) - 1, column_number(first[1]) - 1)
