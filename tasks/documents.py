"""Documents beside plan and report: taken in, judged and accepted, returned."""

from prefect import task

from fundpool.domain.outcomes import StepInHand
from fundpool.services.month import steps
from tasks.options import RETRY_WHEN_AWAY
from tasks.parts import carry_out


@task(name="take-in-other-documents", task_run_name="收取其他报表 take in other documents", **RETRY_WHEN_AWAY)
def take_in_other_documents(step: StepInHand) -> StepInHand:
    """Keep, record and read budgets, accounts, working-capital applications, subsidy, interest and payer lists."""
    return carry_out(steps.take_in_other_documents, step)


@task(name="judge-other-documents", task_run_name="校验其他报表 judge other documents", **RETRY_WHEN_AWAY)
def judge_other_documents(step: StepInHand) -> StepInHand:
    """Judge them, open their cases and accept what passes every check."""
    return carry_out(steps.judge_other_documents, step)


@task(name="write-other-slips", task_run_name="写退回单 write return slips", **RETRY_WHEN_AWAY)
def write_other_slips(step: StepInHand) -> StepInHand:
    """Write what each county must mend in them."""
    return carry_out(steps.write_other_slips, step)
