"""``fundpool submit``: file counties' documents."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fundpool.console.clock import business_clock
from fundpool.console.options import (
    AnyCounty,
    AsOf,
    City,
    Json,
    PolicyDir,
    minute,
    open_month,
    period_of,
)
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.money import format_yuan
from fundpool.domain.month import step_collecting
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.services.documents.document_kinds import intake_of
from fundpool.services.documents.intake import FileReceipt, Sending
from schemas.documents import DOCUMENTS

SHOWN_CHANGES = 60
"""So many changed figures of a version are printed; a list of payers may change by thousands."""


def submit(
    *files: Annotated[Path, Parameter(help="报送的文件 / files to file")],
    city: City,
    document: Annotated[str, Parameter(help="表种 plan, report, … / which document")],
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
        str | None, Parameter(help="收件时间，缺省为业务时间 / when it was received, default now")
    ] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """报送文件：先存原件，再登记，再读取 / File documents: bytes first, then the receipt, then reading.

    Exit status 0 every file is taken in, 2 a file cannot be opened or read, or contradicts an option.
    """
    from fundpool.adapters.documents.raw_files import read_source
    from fundpool.services.documents.intake import submit as file_documents

    if not files:
        raise InputError("usage", "没有给出文件", "no file given", remedy="fundpool submit FILE… --city …")
    now = business_clock(as_of)
    kind = filed(document)
    sending = Sending(
        city=city,
        document=kind,
        received_at=now if received is None else business_clock(received),
        received_from=by,
        county=county,
        month=None if month is None else period_of(month, kind),
    )
    ports = open_month(policy_dir)
    sources, unopened = [], []
    for file in files:
        try:
            sources.append(read_source(file))
        except FundpoolError as error:
            unopened.append(FileReceipt(file.name, None, FileState.UNREADABLE, error=error))
    receipts = [*file_documents(ports, sources, sending, now), *unopened]
    if json:
        print_json({"files": [_as_json(receipt) for receipt in receipts]})
    else:
        _print(receipts)
        _print_next(kind, city, receipts)
    return 0 if all(receipt.state is FileState.READ for receipt in receipts) else 2


def filed(document: str) -> DocumentKind:
    """The document of an option. Raises InputError for one that another command takes."""
    known = DOCUMENTS.get(document)
    if known is not None and known.taken_by is not None:
        raise InputError(
            "document_taken_elsewhere",
            f"{known.zh}不在此报送，请用 {known.taken_by}",
            f"the {known.en} is not filed here; use {known.taken_by}",
            remedy=known.taken_by,
        )
    return DocumentKind.named(document)


def _print_next(kind: DocumentKind, city: str, receipts: list[FileReceipt]) -> None:
    """What happens to the files now: which step judges them, and what they are used for."""
    months = sorted({str(version.submission.month) for receipt in receipts for version in receipt.versions})
    if not months:
        return
    intake, period = intake_of(kind), months[-1]
    month = period if len(period) == len("2026-10") else f"{period}-01"
    print(f"校验 judged by：fundpool run {step_collecting(kind).key} --city {city} --month {month}")
    print(f"用途 used for：{intake.used_for_zh} / {intake.used_for_en}")


def _as_json(receipt: FileReceipt) -> dict[str, Any]:
    error = receipt.error
    return {
        "file": receipt.file_name,
        "sha256": receipt.sha256,
        "repeated": receipt.is_repeat,
        "state": receipt.state.value,
        "submissions": [
            {
                "county": version.submission.county,
                "month": str(version.submission.month),
                "version": version.submission.version,
                "received_at": version.submission.received_at.isoformat(),
                "changes": [
                    {
                        "fund": change.fund,
                        "line": change.line,
                        "field": change.field,
                        "before_fen": change.before_fen,
                        "after_fen": change.after_fen,
                    }
                    for change in version.changes
                ],
            }
            for version in receipt.versions
        ],
        "error": None
        if error is None
        else {"code": error.code, "message": str(error), "basis": error.basis, "remedy": error.remedy},
    }


def _print(receipts: list[FileReceipt]) -> None:
    print_table(
        "收件 receipts",
        ["文件 file", "结果 outcome", "县区 county", "月份 month", "版本 version", "收件时间 received"],
        [
            (
                receipt.file_name,
                "重复，仍为原件 same file again" if receipt.is_repeat else "已收 received",
                version.submission.county,
                version.submission.month,
                version.submission.version,
                minute(version.submission.received_at),
            )
            for receipt in receipts
            for version in receipt.versions
        ],
    )
    for receipt in receipts:
        for version in receipt.versions:
            for change in version.changes[:SHOWN_CHANGES]:
                print(
                    f"  {version.submission.county} {change.fund} {f'{change.line} ' if change.line else ''}"
                    f"{change.field}: "
                    f"{_yuan(change.before_fen)} → {_yuan(change.after_fen)}"
                )
            if (more := len(version.changes) - SHOWN_CHANGES) > 0:
                print(f"  … 另有 {more} 处改动，见 --json / {more} more changes, see --json")
        if receipt.error is not None:
            print(f"[{receipt.error.code}] {receipt.error.zh}\n  {receipt.error.en}")
            print(f"  请 remedy: {receipt.error.remedy}")


def _yuan(amount_fen: int | None) -> str:
    return "–" if amount_fen is None else format_yuan(amount_fen)
