"""M, the money's way, one hop of the city's path at a time: ordered, the bank asked, sent, matched."""

from prefect import task

from fundpool.domain.outcomes import StepInHand
from fundpool.services.month import steps
from tasks.options import NEVER_AGAIN_BY_ITSELF, RETRY_WHEN_AWAY
from tasks.parts import carry_out


@task(name="order-payments", task_run_name="制单 order: {step.step}", **RETRY_WHEN_AWAY)
def order_payments(step: StepInHand) -> StepInHand:
    """Order the hop's payments from what finance has reviewed; people approve and release them."""
    return carry_out(steps.order_payments, step)


@task(name="ask-bank", task_run_name="查询银行 ask the bank: {step.step}", **RETRY_WHEN_AWAY)
def ask_bank(step: StepInHand) -> StepInHand:
    """Ask the bank about the hop's payments that are under way; it never sends."""
    return carry_out(steps.ask_bank, step)


@task(name="send-payments", task_run_name="发送 send: {step.step}", **NEVER_AGAIN_BY_ITSELF)
def send_payments(step: StepInHand) -> StepInHand:
    """Send what is released; what became of each payment its own state knows, never this run."""
    return carry_out(steps.send_payments, step)


@task(name="ask-about-payments", task_run_name="查询未了支付 ask about open payments", **RETRY_WHEN_AWAY)
def ask_about_payments(step: StepInHand) -> StepInHand:
    """Ask the bank about every payment of the month whose outcome is not known yet."""
    return carry_out(steps.ask_about_payments, step)


@task(name="match-statements", task_run_name="核对对账单 match statements", **RETRY_WHEN_AWAY)
def match_statements(step: StepInHand) -> StepInHand:
    """Match the bank's statements with payments and receipts; write the month's reconciliation forms."""
    return carry_out(steps.match_statements, step)
