"""A bank's own statement file, taken in by the command and by the payment desk."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from fundpool.adapters.banks.bank_layouts import read_layout, read_statement, template_layout
from fundpool.services.payments.statements import CatchUp, import_file
from fundpool.services.ports.judging import SourceFile
from fundpool.services.ports.work import MonthPorts, Work


def import_statement_file(
    ports: MonthPorts,
    source: SourceFile,
    layout: Path | None,
    *,
    account_no: str,
    days: Sequence[date],
    by: str,
    now: datetime,
) -> CatchUp:
    """Keep the file, read it by ``layout`` (None: the product's own template) and match its lines as if fetched.

    Raises InputError naming the cell that cannot be read, or what ``import_file`` refuses.
    """
    written = template_layout() if layout is None else read_layout(layout)
    own = read_statement(source.name, source.content, written, account_no=account_no)

    def record(work: Work) -> CatchUp:
        work.submissions.add_raw_file(source.sha256, source.content, now)
        return import_file(
            work,
            account_no,
            days,
            lines=own.lines,
            opening_fen=own.opening_fen,
            closing_fen=own.closing_fen,
            source=f"{source.name[:100]} sha256:{source.sha256}",
            by=by,
            now=now,
            terms=ports.gateway_terms,
        )

    return ports.database.transaction(record)
