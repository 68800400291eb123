"""A county files and is answered at once: intake, and the collecting step for that county alone."""

from collections.abc import Sequence
from datetime import datetime

from fundpool.domain.month import step_collecting
from fundpool.domain.outcomes import StepRequest
from fundpool.domain.periods import Month, Period
from fundpool.services.documents.intake import FileReceipt, Sending, submit
from fundpool.services.month.steps import run_step
from fundpool.services.ports.judging import SourceFile
from fundpool.services.ports.work import MonthPorts


def file_and_judge(
    ports: MonthPorts, sources: Sequence[SourceFile], sending: Sending, *, now: datetime, is_played: bool
) -> tuple[FileReceipt, ...]:
    """Receive and read ``sources``, then judge what came; the receipts, whose verdicts stand with the versions.

    The receipts stand whatever the judging meets. Raises what ``submit`` and ``run_step`` raise.
    """
    receipts = submit(ports, sources, sending, now=now)
    judge_filed(ports, receipts, sending, now=now, is_played=is_played)
    return receipts


def judge_filed(
    ports: MonthPorts, receipts: Sequence[FileReceipt], sending: Sending, *, now: datetime, is_played: bool
) -> None:
    """Run the step that collects the document, for the counties and periods of what was received."""
    filed = {each.submission for receipt in receipts for each in receipt.versions}
    for period in sorted({version.month for version in filed}, key=str):
        request = StepRequest(
            city=sending.city,
            month=month_of(period),
            now=now,
            counties=tuple(sorted({version.county for version in filed if version.month == period})),
            by=sending.received_from,
            is_played=is_played,
        )
        run_step(ports, step_collecting(sending.document).key, request)


def month_of(period: Period) -> Month:
    """The month whose steps look after a period: its own, or the first of the fund year."""
    return period if isinstance(period, Month) else Month(period.year, 1)
