"""A bank's own statement file, taken in by a command or from a page."""

from datetime import date, datetime

from fundpool.adapters.banks.bank_layouts import Layout, read_statement
from fundpool.services.payments.statements import CatchUp, days_of_file, import_file
from fundpool.services.ports.judging import SourceFile
from fundpool.services.ports.work import MonthPorts, Work


def import_statement_file(
    ports: MonthPorts,
    source: SourceFile,
    layout: Layout,
    *,
    account: str,
    period: tuple[date, date],
    by: str,
    now: datetime,
) -> CatchUp:
    """Keep the file and match its lines; ``period`` is the first and the last day that it covers.

    Raises InputError for a file that cannot be read so, and as ``import_file`` does; then nothing is kept.
    """
    days = days_of_file(*period)
    own = read_statement(source.name, source.content, layout, account_no=account)

    def record(work: Work) -> CatchUp:
        work.submissions.add_raw_file(source.sha256, source.content, now)
        return import_file(
            work,
            account,
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
