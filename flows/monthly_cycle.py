"""月度用款: the month of a city from top to bottom, as its document lays it out.

Each function is one step: its parts in order, each a Prefect task of its own (``tasks/``). The whole of it is
the flow ``monthly_cycle``; one step alone is a flow in ``flows/steps.py``, made of the same function.
"""

from collections.abc import Callable
from typing import Any

from prefect import allow_failure, flow
from prefect.client.schemas.objects import State

from fundpool.domain.outcomes import StepInHand
from tasks.conclusions import conclude_month, failed_state, reason, was_away
from tasks.documents import judge_other_documents, take_in_other_documents, write_other_slips
from tasks.naming import cycle_name
from tasks.options import STEP_FLOW
from tasks.payments import ask_about_payments, ask_bank, match_statements, order_payments, send_payments
from tasks.plans import apply_for_funds, judge_plans, open_plan_cases, take_in_plans, write_plan_slips
from tasks.reports import (
    book_spending,
    file_summary,
    judge_reports,
    raise_flags,
    take_in_reports,
    write_report_slips,
)
from tasks.steps import (
    City,
    CountyCode,
    Moment,
    MonthText,
    RunParameters,
    begin_step,
    end_step,
    show_calendar,
)

# ── M−1: the counties' plans ─────────────────────────────────────────────────────────────────────


def plan_collection(step: StepInHand) -> StepInHand:
    """Take in and judge the counties' plans, write return slips."""
    received = take_in_plans(step)
    judged = judge_plans(received)
    return write_plan_slips(judged)


def plan_review(step: StepInHand) -> StepInHand:
    """Open review cases; people decide them in their own time."""
    return open_plan_cases(step)


def funds_application(step: StepInHand) -> StepInHand:
    """Apply to finance for what is decided."""
    return apply_for_funds(step)


# ── M: the money, hop by hop ─────────────────────────────────────────────────────────────────────


def payment(step: StepInHand) -> StepInHand:
    """Pay over the step's hops of the city's path: order, ask the bank, send what people released."""
    ordered = order_payments(step)
    queried = ask_bank(ordered)
    return send_payments(queried)


def reconciliation(step: StepInHand) -> StepInHand:
    """Find out what became of every payment and match the bank's statements; it never sends."""
    queried = ask_about_payments(step)
    return match_statements(queried)


# ── M+1: the counties' reports ───────────────────────────────────────────────────────────────────


def expenditure_reporting(step: StepInHand) -> StepInHand:
    """Take in, judge and book the counties' reports, write return slips."""
    received = take_in_reports(step)
    judged = judge_reports(received)
    booked = book_spending(judged)
    return write_report_slips(booked)


def report_filing(step: StepInHand) -> StepInHand:
    """File the city's summary with finance."""
    return file_summary(step)


# ── at any time ──────────────────────────────────────────────────────────────────────────────────


def document_collection(step: StepInHand) -> StepInHand:
    """Take in and judge budgets, accounts, working-capital applications and lists."""
    received = take_in_other_documents(step)
    judged = judge_other_documents(received)
    return write_other_slips(judged)


def flags(step: StepInHand) -> StepInHand:
    """Say who is late, missing or inconsistent."""
    return raise_flags(step)


STEP_FLOWS: dict[str, Callable[[StepInHand], StepInHand]] = {
    "plan-collection": plan_collection,
    "plan-review": plan_review,
    "funds-application": funds_application,
    "disbursement": payment,
    "allocation": payment,
    "reconciliation": reconciliation,
    "expenditure-reporting": expenditure_reporting,
    "report-filing": report_filing,
    "document-collection": document_collection,
    "flags": flags,
}
"""The steps of the month in their order."""


@flow(name="monthly-cycle", flow_run_name=cycle_name, **STEP_FLOW)
def monthly_cycle(
    city: City, month: MonthText, county: CountyCode = None, *, as_of: Moment = None
) -> State[Any]:
    """Carry the month as far as it can go now: each step does what is ready and waits for the rest."""
    parameters = RunParameters((city,), month, county, as_of=as_of)
    show_calendar(parameters, return_state=True)  # a wrong city or month is told by the first step
    ended: dict[str, State[Any]] = {}
    after = None
    for key in STEP_FLOWS:
        ended[key] = after = carry_out_step(key, parameters, after)
    return conclude_month(city, month, ended)


def carry_out_step(key: str, parameters: RunParameters, after: State[Any] | None = None) -> State[Any]:
    """Carry out one step; what stops it is told in its state and leaves the steps after it to go on."""
    # Order alone: a step that failed must not keep the next one from beginning.
    wait_for = [allow_failure(after)] if after else None
    begun = begin_step(key, parameters, wait_for=wait_for, return_state=True)
    if not begun.is_completed():
        return failed_state(reason(begun), is_away=was_away(begun))
    step = begun.result()
    try:
        step = STEP_FLOWS[key](step)
    except Exception as error:  # noqa: BLE001 - the step's record ends with it, and its state names it
        step = step.stopped_by(error)
    return end_step(step, return_state=True)
