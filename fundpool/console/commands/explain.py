"""``fundpool explain``: from a ledger entry, a transfer or a figure back to the cell of the county's file."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

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
from fundpool.console.output import minute, yuan
from fundpool.domain.errors import InputError
from fundpool.domain.periods import parse_month
from fundpool.domain.submission import DocumentKind
from fundpool.services.oversight.flags import DUTY_NAMES

if TYPE_CHECKING:
    from fundpool.services.oversight.lineage import Explanation, Lineage
    from schemas.lineage import Booking, CellSource

app = App(name="explain")

_Item = Annotated[
    str, Parameter(name="--item", help="项目，如 inpatient 或 住院（本月）/ figure by key or Chinese name")
]
_Version = Annotated[int | None, Parameter(name="--version", help="第几版，缺省为最新 / default the latest")]


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

    Exit status 1 when a kept file no longer reads as the stored figure.
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
    """拨款的来历：审批、申请、审核、报送 / Where a payment comes from: approvals, application, review, file."""
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
        str, Parameter(name="--line", help="明细行：凭证号、账号、级次 / row of a list; default its sum")
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


_ACTS = {"made": "经办 made", "approved": "复核 approved", "released": "放行 released"}


def in_words(explained: "Explanation") -> str:
    """The explanation as a text file."""
    return "\n".join(lines_of(explained)) + "\n"


def lines_of(explained: "Explanation", depth: int = 0) -> list[str]:
    """The explanation as people read it, nearest record first; parts of a sum are set in."""
    amount = "–" if explained.amount_fen is None else f"{yuan(explained.amount_fen)} 元"
    lines = [f"{explained.subject}：{amount}"]
    booking, paid, applied, decided = (
        explained.booking,
        explained.transfer,
        explained.line,
        explained.decision,
    )
    if booking is not None:
        lines.append(
            f"  分录 entry       凭证 {booking.voucher} 行 {booking.line}　{booking.credit} → {booking.debit}"
            f"　{booking.flow}/{booking.phase}　{_booked_in(booking)}　{booking.made_by} {minute(booking.recorded_at)}"
        )
        if booking.reverses is not None:
            lines.append(f"                   冲销 reverses {booking.reverses}")
    if paid is not None:
        lines.append(f"  拨款 transfer    {paid.key}　{paid.hop}　{paid.state}　{yuan(paid.amount_fen)} 元")
        lines += [
            f"    {_ACTS[act.what]}：{act.by} {minute(act.at)}"
            + (f"　digest {act.digest}" if act.digest else "")
            for act in paid.acts
        ]
        if paid.bank_serial:
            lines.append(
                f"    银行 bank：{paid.bank_serial} {minute(paid.executed_at)}　指令 order {paid.attempt}"
            )
    if applied is not None:
        cut = f"（{applied.reason}）" if applied.reason else ""
        lines.append(
            f"  申请 application 第 {applied.application} 号　{applied.prepared_by} {minute(applied.prepared_at)}"
            f"　申请 {yuan(applied.applied_fen)}，财政复核额 {yuan(applied.reviewed_fen)}{cut}"
            f"　{applied.reviewed_by or '–'} {minute(applied.reviewed_at)}"
        )
    if decided is not None:
        cut = f"（{decided.reason}）" if decided.reason else ""
        applies = explained.cell is None or explained.cell.document in {"plan", "working-capital"}
        lines.append(
            f"  审核 review      {decided.state}　{'申请额' if applies else '报送额'} {yuan(decided.requested_fen)}，"
            f"核定额 {yuan(decided.approved_fen)}{cut}　初审 {decided.maker or '–'} "
            f"{minute(decided.proposed_at)}，复核 {decided.checker or '–'} {minute(decided.decided_at)}"
        )
    if explained.cell is not None:
        lines += _cell(explained.cell)
    lines += [
        f"  依据 article     {article.rule} {article.document} {article.section}：「{article.quote}」"
        for article in explained.articles
    ]
    lines += [
        f"  依据 article     {DUTY_NAMES[duty][0]}：本市文件没有规定 / the city's documents do not say"
        for duty in explained.unwritten
    ]
    if explained.why is not None:
        lines.append(f"  说明 why         {explained.why.zh} / {explained.why.en}")
    for part in explained.parts:
        lines += lines_of(part, depth + 1)
    return [f"    {line}" for line in lines] if depth else lines


def _booked_in(booking: "Booking") -> str:
    adjusts = f"（调整已结账的 adjusts {booking.adjusts_month}）" if booking.adjusts_month else ""
    return f"{booking.month}{adjusts}"


def _cell(cell: "CellSource") -> list[str]:
    state = "相符 same" if cell.is_same else "不符 differs"
    lines = [
        (
            f"  报送 submission  {cell.county} {cell.document} {cell.month} 第 {cell.version} 版　"
            f"{cell.submitted_by} {minute(cell.received_at)}"
        ),
        f"  文件 file        {cell.file_name}　SHA-256 {cell.sha256}",
        (
            f"  单元格 cell      {cell.sheet}!{cell.cell} {cell.field_zh} {cell.field_en}："
            f"“{cell.text}” = {yuan(cell.amount_fen)}　{state}"
        ),
    ]
    if cell.why is not None:
        lines.append(f"                   {cell.why.zh} / {cell.why.en}")
    return lines
