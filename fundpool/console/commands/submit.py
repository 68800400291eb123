"""``fundpool submit``: file counties' documents."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.console.acting import acts
from fundpool.console.language import choose
from fundpool.console.options import (
    AnyCity,
    AnyCounty,
    AnyReason,
    BackDatedBy,
    BackDatedUnder,
    Dated,
    Document,
    back_dating_of,
    period_of,
)
from fundpool.console.output import Table, error_document, error_lines, minute, pick, yuan
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.month import step_collecting
from fundpool.domain.rights import Right
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.services.documents.document_kinds import filed_kind, intake_of
from fundpool.services.documents.intake import FileReceipt, Sending

SHOWN_CHANGES = 60
"""So many changed figures of a version are printed; a list of payers may change by thousands."""


@acts(Right.FILE)
def submit(
    *files: Annotated[Path, Parameter(help="报送的文件 / files to file")],
    city: AnyCity = None,
    document: Document,
    month: Annotated[
        str | None,
        Parameter(
            name=("--month", "--year"),
            help="核对月份（年度表为年度），须与文件一致 / month or year, must agree with the file",
        ),
    ] = None,
    county: AnyCounty = None,
    by: Annotated[str, Parameter(help="报送人 / who sends it")] = "county",
    received: Annotated[
        str | None,
        Parameter(
            help="收件时间，缺省为此刻；早于此刻须有批准 / when it was received, default now; before now it takes an approver"
        ),
    ] = None,
    reason: AnyReason = None,
    document_number: BackDatedUnder = None,
    approver: BackDatedBy = None,
    options: Dated = Dated(),
) -> int:
    """报送文件：先存原件，再登记，再读取 / File documents: bytes first, then the receipt, then reading.

    退出码：0 全部收下，2 有文件打不开、读不了，或与选项矛盾。 / Exit status 0 every file is taken in, 2 a file cannot be opened or read, or contradicts an option.
    """
    from fundpool.adapters.documents.file_names import shown_name
    from fundpool.adapters.documents.parser_process import with_members
    from fundpool.adapters.documents.raw_files import read_source
    from fundpool.services.documents.intake import submit as file_documents

    if not files:
        raise InputError("usage", "没有给出文件", "no file given", remedy="fundpool submit FILE… --city …")
    now = options.now
    kind, here = filed_kind(document), options.city_of(city)
    sending = Sending(
        city=here,
        document=kind,
        received_at=now if received is None else business_clock(received),
        received_from=by,
        county=county,
        month=None if month is None else period_of(month, kind),
        back_dating=back_dating_of(reason, document_number, approver),
    )
    ports = options.open_month()
    sources, unopened = [], []
    for file in files:
        try:
            sources.append(read_source(file))
        except FundpoolError as error:
            unopened.append(FileReceipt(shown_name(file.name), None, FileState.UNREADABLE, error=error))
    receipts = [*file_documents(ports, with_members(sources), sending, now=now), *unopened]
    options.show(
        {
            **({"city": here} if city is None else {}),
            "files": [receipt_document(receipt) for receipt in receipts],
        },
        _table(receipts),
        *_remarks(receipts),
        *_what_next(kind, here, receipts),
    )
    return 0 if all(receipt.state is FileState.READ for receipt in receipts) else 2


def _what_next(kind: DocumentKind, city: str, receipts: Sequence[FileReceipt]) -> Iterator[str]:
    """What happens to the files now: which step judges them, and what they are used for."""
    months = sorted({str(version.submission.month) for receipt in receipts for version in receipt.versions})
    if months:
        intake, period = intake_of(kind), months[-1]
        month = period if len(period) == len("2026-10") else f"{period}-01"
        yield f"{choose('校验：', 'judged by: ')}fundpool run {step_collecting(kind).key} --city {city} --month {month}"
        yield choose(f"用途：{intake.used_for_zh}", f"used for: {intake.used_for_en}")


def receipt_document(receipt: FileReceipt) -> dict[str, Any]:
    """What became of a file, as JSON has it."""
    return {
        **pick(receipt, "file=file_name sha256 repeated=is_repeat state"),
        "submissions": [
            {
                **pick(version.submission, "county month version received_at"),
                "changes": [
                    pick(change, "fund line field before_fen after_fen") for change in version.changes
                ],
            }
            for version in receipt.versions
        ],
        "error": None if receipt.error is None else error_document(receipt.error),
    }


def _table(receipts: Sequence[FileReceipt]) -> Table:
    rows = [
        (
            receipt.file_name,
            choose("重复，仍为原件", "same file again") if receipt.is_repeat else choose("已收", "received"),
            version.submission.county,
            version.submission.month,
            version.submission.version,
            minute(version.submission.received_at),
        )
        for receipt in receipts
        for version in receipt.versions
    ]
    headings = [
        "文件 / file",
        "结果 / outcome",
        "县区 / county",
        "月份 / month",
        "版本 / version",
        "收件时间 / received",
    ]
    return Table("收件 / receipts", rows, headings)


def _remarks(receipts: Sequence[FileReceipt]) -> Iterator[str]:
    """What each new version changed, and why a file was not taken in."""
    for receipt in receipts:
        for version in receipt.versions:
            for change in version.changes[:SHOWN_CHANGES]:
                line = f"{change.line} " if change.line else ""
                yield (
                    f"  {version.submission.county} {change.fund} {line}{change.field}: "
                    f"{yuan(change.before_fen)} → {yuan(change.after_fen)}"
                )
            if (more := len(version.changes) - SHOWN_CHANGES) > 0:
                yield f"  … {choose(f'另有 {more} 处改动', f'{more} more changes')} (--json)"
        if (error := receipt.error) is not None:
            yield from error_lines(error)
