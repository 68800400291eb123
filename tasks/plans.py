"""M−1, the plans' way: taken in, judged, returned or handed to the reviewers, applied for."""

from prefect import task

from fundpool.domain.outcomes import StepInHand
from fundpool.services.month import steps
from tasks.options import RETRY_WHEN_AWAY
from tasks.parts import carry_out


@task(name="take-in-plans", task_run_name="收取计划 take in plans", **RETRY_WHEN_AWAY)
def take_in_plans(step: StepInHand) -> StepInHand:
    """Keep, record and read the counties' plans that arrived."""
    return carry_out(steps.take_in_plans, step)


@task(name="judge-plans", task_run_name="校验计划 judge plans", **RETRY_WHEN_AWAY)
def judge_plans(step: StepInHand) -> StepInHand:
    """Judge the month's plans against budget, books and the months before."""
    return carry_out(steps.judge_plans, step)


@task(name="write-plan-slips", task_run_name="写退回单 write return slips", **RETRY_WHEN_AWAY)
def write_plan_slips(step: StepInHand) -> StepInHand:
    """Write what each county must mend in its plan."""
    return carry_out(steps.write_plan_slips, step)


@task(name="open-plan-cases", task_run_name="建立审核事项 open review cases", **RETRY_WHEN_AWAY)
def open_plan_cases(step: StepInHand) -> StepInHand:
    """Open a review case per county and scheme; it waits in our tables, never in a sleeping run."""
    return carry_out(steps.open_plan_cases, step)


@task(name="apply-for-funds", task_run_name="向财政申请 apply for funds", **RETRY_WHEN_AWAY)
def apply_for_funds(step: StepInHand) -> StepInHand:
    """Apply to finance for what is decided; finance reviews it in its own time."""
    return carry_out(steps.apply_for_funds, step)
