"""The month of a pooled fund: its operating steps, in the order in which they are carried out.

This table is the one place that says so. The daily tick, the board, the deployments, the flows' names and
the help of ``fundpool run`` all follow from it. A *step* is something the program does; what the law asks
of somebody is a *duty* (``domain/duties.py``), and the table says which duty a step works for.

    M−1  plans taken in and judged → reviewed → applied for
    M    paid from the fiscal account → allocated to the counties → matched with the bank's statements
    M+1  reports taken in, judged, booked → the city's summary filed
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fundpool.domain.submission import DocumentKind


class Phase(StrEnum):
    """When a step of month M is carried out."""

    PLANNING = "planning"
    """In M−1: the counties' plans, up to the application to finance."""
    PAYING = "paying"
    """Before and in M: the money, hop by hop along the city's path."""
    REPORTING = "reporting"
    """In M+1: the counties' reports and the city's summary."""
    ANY = "any"
    """As often as there is something to do."""


@dataclass(frozen=True, slots=True)
class OperatingStep:
    """One step of the month.

    ``duty`` is the duty it works for, None for a step that no duty asks for; ``after`` the step before it in its
    chain, None for the head of a chain, which collects files. ``collects`` are the documents it takes in;
    ``people_act_before`` says whether somebody may have to decide before the step can finish;
    ``runs_alone`` says that two runs at the same time could work on the same payment.
    """

    key: str
    name_zh: str
    does_zh: str
    does_en: str
    phase: Phase
    duty: str | None = None
    after: str | None = None
    collects: tuple[DocumentKind, ...] = ()
    moves_money: bool = False
    runs_alone: bool = False
    people_act_before: bool = False


MONTH: tuple[OperatingStep, ...] = (
    OperatingStep(
        "plan-collection",
        "用款计划",
        does_zh="收取、校验县区用款计划，写退回单",
        does_en="take in and judge the counties' fund-use plans, write return slips",
        phase=Phase.PLANNING,
        duty="submit_fund_use_plan",
        collects=(DocumentKind.PLAN,),
    ),
    OperatingStep(
        "plan-review",
        "计划审核",
        does_zh="建立审核事项，等经办、复核核定",
        does_en="open review cases on judged plans; people decide them",
        phase=Phase.PLANNING,
        duty="submit_fund_use_plan",
        after="plan-collection",
        people_act_before=True,
    ),
    OperatingStep(
        "funds-application",
        "用款申请",
        does_zh="汇总核定额，向财政申请",
        does_en="apply to finance for what is decided",
        phase=Phase.PLANNING,
        duty="apply_for_funds",
        after="plan-review",
        people_act_before=True,
    ),
    OperatingStep(
        "disbursement",
        "财政拨付",
        does_zh="财政专户拨出：制单、问银行、发送",
        does_en="pay from the fiscal account: order, ask the bank, send",
        phase=Phase.PAYING,
        duty="pay_from_fiscal_account",
        after="funds-application",
        moves_money=True,
        runs_alone=True,
        people_act_before=True,
    ),
    OperatingStep(
        "allocation",
        "县级拨付",
        does_zh="市支出户拨至县区：制单、问银行、发送",
        does_en="pay on from the city's expenditure account: order, ask the bank, send",
        phase=Phase.PAYING,
        duty="allocate_to_counties",
        after="disbursement",
        moves_money=True,
        runs_alone=True,
        people_act_before=True,
    ),
    OperatingStep(
        "reconciliation",
        "对账",
        does_zh="查询未了支付，逐笔核对银行对账单",
        does_en="ask about open payments and match the bank's statements; it never sends",
        phase=Phase.PAYING,
        runs_alone=True,
    ),
    OperatingStep(
        "expenditure-reporting",
        "支出报表",
        does_zh="收取、校验县区支出报表，记账，写退回单",
        does_en="take in, judge and book the counties' expenditure reports, write return slips",
        phase=Phase.REPORTING,
        duty="submit_expenditure_report",
        collects=(DocumentKind.REPORT,),
    ),
    OperatingStep(
        "report-filing",
        "报表备案",
        does_zh="汇总报表，报财政备案",
        does_en="file the city's summary with finance",
        phase=Phase.REPORTING,
        duty="file_expenditure_report",
        after="expenditure-reporting",
    ),
    OperatingStep(
        "document-collection",
        "其他报表",
        does_zh="收取、校验预算、决算、周转金申请及各类清单",
        does_en="take in and judge budgets, accounts, working-capital applications and lists",
        phase=Phase.ANY,
        collects=tuple(kind for kind in DocumentKind if kind not in {DocumentKind.PLAN, DocumentKind.REPORT}),
    ),
    OperatingStep(
        "flags",
        "预警",
        does_zh="指出迟报、缺报、不一致",
        does_en="say who is late, missing or inconsistent",
        phase=Phase.ANY,
    ),
)

STEPS: dict[str, OperatingStep] = {step.key: step for step in MONTH}
"""The steps by key, in the order of the month."""


def keys(steps: Iterable[OperatingStep] = MONTH) -> tuple[str, ...]:
    """Keys of the steps, in the order of the month."""
    return tuple(step.key for step in steps)


def step_collecting(document: DocumentKind) -> OperatingStep:
    """The step that takes in a kind of document."""
    return next(step for step in MONTH if document in step.collects)
