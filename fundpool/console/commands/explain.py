"""``fundpool explain``: from a ledger entry, a transfer or a figure back to the cell of the county's file."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.dashboard.labels import CASE_STATES, TRANSFER_STATES
from fundpool.console.language import choose, one_language, word
from fundpool.console.options import (
    AnyCity,
    AnyCounty,
    AnyFund,
    City,
    County,
    Document,
    Fund,
    MonthText,
    Options,
    PeriodText,
    period_of,
)
from fundpool.console.output import document_name, minute, named, yuan
from fundpool.domain.errors import InputError
from fundpool.domain.periods import parse_month
from fundpool.domain.submission import DocumentKind
from fundpool.services.oversight.flags import DUTY_NAMES

if TYPE_CHECKING:
    from fundpool.services.oversight.lineage import Explanation, Lineage
    from schemas.lineage import Booking, CellSource

app = App(name="explain")

_Item = Annotated[
    str,
    Parameter(
        name="--item", help="项目的键或中文名，如 inpatient 或 住院（本月） / figure by key or Chinese name"
    ),
]
_Version = Annotated[
    int | None, Parameter(name="--version", help="第几版，缺省为最新 / which version, default the latest")
]


@app.command
def ledger(
    key: Annotated[str | None, Parameter(help="分录的业务键 / business key of the entry")] = None,
    *,
    city: AnyCity = None,
    fund: AnyFund = None,
    voucher: Annotated[int | None, Parameter(help="凭证号 / voucher number")] = None,
    line: Annotated[int, Parameter(help="凭证行 / line of the voucher")] = 1,
    options: Options = Options(),
) -> int:
    """分录的来历：按业务键，或按凭证号与行 / Where a ledger entry comes from, by key or by voucher and line.

    留存的文件读出的已不是所存的数时，退出码 1。 / Exit status 1 when a kept file no longer reads as the stored figure.
    """
    lineage = _open(options)
    if key is not None:
        return _show(lineage.entry(key), options)
    if city is None or fund is None or voucher is None:
        raise InputError(
            "usage",
            "写明分录的业务键，或 --city --fund --voucher [--line]",
            "name the entry's key, or --city --fund --voucher [--line]",
            remedy="fundpool ledger export --format csv",
        )
    return _show(lineage.voucher_line(city, fund, voucher, line=line), options)


@app.command
def transfer(
    name: Annotated[
        str,
        Parameter(
            help="款项键、支付指令键、银行流水或序号 / key of the payment or its order, the bank's serial, or its number"
        ),
    ],
    *,
    options: Options = Options(),
) -> int:
    """拨付款项的来历：复核、申请、审核、报送 / Where a payment comes from: approvals, application, review, file."""
    return _show(_open(options).transfer(name), options)


@app.command
def report(
    *,
    city: City,
    month: MonthText,
    fund: Fund,
    item: _Item,
    county: AnyCounty = None,
    version: _Version = None,
    options: Options = Options(),
) -> int:
    """备案汇总表中的一个数；不写县区为合计 / A figure of the filed summary; the total without a county."""
    explained = _open(options).summary(
        city, parse_month(month), fund, field=item, county=county, version=version
    )
    return _show(explained, options)


@app.command
def figure(
    *,
    city: City,
    month: PeriodText,
    document: Document,
    county: County,
    fund: Fund,
    item: _Item,
    line: Annotated[
        str,
        Parameter(
            name="--line", help="明细行：凭证号、账号、级次；缺省为合计 / row of a list; default its sum"
        ),
    ] = "",
    version: _Version = None,
    options: Options = Options(),
) -> int:
    """县区报送的一个数：文件、单元格、审核 / A figure of a county's own document: file, cell, review."""
    kind = DocumentKind.named(document)
    explained = _open(options).figure(
        city, period_of(month, kind), kind, county=county, fund=fund, field=item, version=version, line=line
    )
    return _show(explained, options)


def _open(options: Options) -> "Lineage":
    from fundpool.services.oversight.lineage import Lineage

    return Lineage(options.open_month())


def _show(explained: "Explanation", options: Options) -> int:
    document = {**asdict(explained), "is_sound": explained.is_sound}
    return options.show(document, *lines_of(explained), found=not explained.is_sound)


_ACTS = {"made": "经办 / made", "approved": "复核 / approved", "released": "放行 / released"}
_SUBJECTS = {
    "transfer": "款项 / transfer",
    "entry": "分录 / entry",
    "application": "用款申请 / application",
    "filing": "备案 / filing",
}
_LABEL_CELLS = 12


def in_words(explained: "Explanation") -> str:
    """The explanation as a text file."""
    return "\n".join(lines_of(explained)) + "\n"


def lines_of(explained: "Explanation", depth: int = 0) -> list[str]:
    """The explanation as people read it, nearest record first; parts of a sum are set in."""
    kind, _, key = explained.subject.partition(" ")
    called = one_language(_SUBJECTS[kind]) if kind in _SUBJECTS else document_name(kind)
    lines = [f"{called} {key}{choose('：', ': ')}{_yuan(explained.amount_fen)}"]
    booking, paid, applied, decided = (
        explained.booking,
        explained.transfer,
        explained.line,
        explained.decision,
    )
    if booking is not None:
        lines.append(
            _line(
                "分录 / entry",
                choose(
                    f"凭证 {booking.voucher} 行 {booking.line}",
                    f"voucher {booking.voucher} line {booking.line}",
                ),
                f"{booking.credit} → {booking.debit}",
                f"{booking.flow}/{booking.phase}",
                _booked_in(booking),
                f"{booking.made_by} {minute(booking.recorded_at)}",
            )
        )
        if booking.reverses is not None:
            lines.append(_line("冲销 / reverses", booking.reverses))
    if paid is not None:
        state, hop = word(TRANSFER_STATES, paid.state), str(named("hop", paid.hop))
        lines.append(_line("款项 / transfer", paid.key, hop, state, _yuan(paid.amount_fen)))
        lines += [
            _line(f"  {one_language(_ACTS[act.what])}", f"{act.by} {minute(act.at)}", _digest(act.digest))
            for act in paid.acts
        ]
        if paid.bank_serial:
            order = f"{choose('指令', 'order')} {paid.attempt}"
            lines.append(
                _line(f"  {choose('银行', 'bank')}", f"{paid.bank_serial} {minute(paid.executed_at)}", order)
            )
    if applied is not None:
        lines.append(
            _line(
                "用款申请 / application",
                choose(f"第 {applied.application} 号", f"number {applied.application}"),
                f"{applied.prepared_by} {minute(applied.prepared_at)}",
                f"{choose('申请额', 'applied for')} {yuan(applied.applied_fen)}",
                f"{choose('财政复核额', 'reviewed by finance')} {yuan(applied.reviewed_fen)}"
                f"{_reason(applied.reason)}",
                f"{applied.reviewed_by or '–'} {minute(applied.reviewed_at)}",
            )
        )
    if decided is not None:
        applies = explained.cell is None or explained.cell.document in {"plan", "working-capital"}
        asked = choose("申请额", "requested") if applies else choose("报送额", "reported")
        lines.append(
            _line(
                "审核 / review",
                word(CASE_STATES, decided.state),
                f"{asked} {yuan(decided.requested_fen)}",
                f"{choose('核定额', 'approved')} {yuan(decided.approved_fen)}{_reason(decided.reason)}",
                f"{choose('初审', 'maker')} {decided.maker or '–'} {minute(decided.proposed_at)}",
                f"{choose('复核', 'checker')} {decided.checker or '–'} {minute(decided.decided_at)}",
            )
        )
    if explained.cell is not None:
        lines += _cell(explained.cell)
    lines += [
        _line("依据 / article", f"{article.rule} {article.document} {article.section}：「{article.quote}」")
        for article in explained.articles
    ]
    silent = choose("本市文件没有规定", "the city's documents do not say")
    lines += [
        _line("依据 / article", f"{choose(*DUTY_NAMES[duty])}{choose('：', ': ')}{silent}")
        for duty in explained.unwritten
    ]
    if explained.why is not None:
        lines.append(_line("说明 / why", choose(explained.why.zh, explained.why.en)))
    for part in explained.parts:
        lines += lines_of(part, depth + 1)
    return [f"    {line}" for line in lines] if depth else lines


def _line(label: str, *texts: str) -> str:
    """A labelled line; labels take as many columns whether their characters are wide or narrow."""
    from rich.cells import set_cell_size

    return f"  {set_cell_size(one_language(label), _LABEL_CELLS)}  {choose('　', '  ').join(filter(None, texts))}"


def _yuan(amount_fen: int | None) -> str:
    return "–" if amount_fen is None else f"{yuan(amount_fen)} {choose('元', 'yuan')}"


def _reason(reason: str | None) -> str:
    return choose(f"（{reason}）", f" ({reason})") if reason else ""


def _digest(digest: str | None) -> str:
    return f"{choose('摘要', 'digest')} {digest}" if digest else ""


def _booked_in(booking: "Booking") -> str:
    month = booking.adjusts_month
    adjusts = choose(f"（调整已结账的 {month}）", f" (adjusts the closed month {month})") if month else ""
    return f"{booking.month}{adjusts}"


def _cell(cell: "CellSource") -> list[str]:
    state = choose("相符", "same") if cell.is_same else choose("不符", "differs")
    lines = [
        _line(
            "报送 / submission",
            f"{cell.county} {document_name(cell.document)} {cell.month} "
            + choose(f"第 {cell.version} 版", f"version {cell.version}"),
            f"{cell.submitted_by} {minute(cell.received_at)}",
        ),
        _line("文件 / file", cell.file_name, f"SHA-256 {cell.sha256}"),
        _line(
            "单元格 / cell",
            f"{cell.sheet}!{cell.cell} {choose(cell.field_zh, cell.field_en)}{choose('：', ': ')}"
            f"“{cell.text}” = {yuan(cell.amount_fen)}",
            state,
        ),
    ]
    if cell.why is not None:
        lines.append(_line("", choose(cell.why.zh, cell.why.en)))
    return lines
