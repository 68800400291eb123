"""M+1, the reports' way: taken in, judged, booked, returned, the city's summary filed; and who is late."""

from prefect import task

from fundpool.domain.outcomes import StepInHand
from fundpool.services.month import steps
from tasks.options import RETRY_WHEN_AWAY
from tasks.parts import carry_out


@task(name="take-in-reports", task_run_name="收取报表 take in reports", **RETRY_WHEN_AWAY)
def take_in_reports(step: StepInHand) -> StepInHand:
    """Keep, record and read the counties' expenditure reports that arrived."""
    return carry_out(steps.take_in_reports, step)


@task(name="judge-reports", task_run_name="校验报表 judge reports", **RETRY_WHEN_AWAY)
def judge_reports(step: StepInHand) -> StepInHand:
    """Judge the reports against plan, books and the month before."""
    return carry_out(steps.judge_reports, step)


@task(name="book-spending", task_run_name="支出记账 book spending", **RETRY_WHEN_AWAY)
def book_spending(step: StepInHand) -> StepInHand:
    """Accept what passes and book the spending once; a corrected version takes the earlier booking back."""
    return carry_out(steps.book_spending, step)


@task(name="write-report-slips", task_run_name="写退回单 write return slips", **RETRY_WHEN_AWAY)
def write_report_slips(step: StepInHand) -> StepInHand:
    """Write what each county must mend in its report."""
    return carry_out(steps.write_report_slips, step)


@task(name="file-summary", task_run_name="汇总备案 file the summary", **RETRY_WHEN_AWAY)
def file_summary(step: StepInHand) -> StepInHand:
    """File the city's summary of the reports with finance; the same figures are filed once."""
    return carry_out(steps.file_summary, step)


@task(name="raise-flags", task_run_name="预警 raise flags", **RETRY_WHEN_AWAY)
def raise_flags(step: StepInHand) -> StepInHand:
    """Say who is late, missing or inconsistent with which duty."""
    return carry_out(steps.raise_flags, step)
