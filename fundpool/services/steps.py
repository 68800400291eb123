"""The steps of the month: one use case each, run for all counties or for one, any number of times.

The scheduler, an operator's retrigger and the command line all run the same functions through
``run_step``. A step reports an outcome per unit; one county's trouble is an outcome, never the end
of the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.findings import Severity
from fundpool.domain.month_records import StepRun
from fundpool.domain.submission import DocumentKind
from fundpool.services import resolving
from fundpool.services.application import funds_application
from fundpool.services.collection import collect_documents, counties_of
from fundpool.services.disbursement import allocation, disbursement, payment_outcome
from fundpool.services.filing import report_filing
from fundpool.services.flags import flags_of
from fundpool.services.isolation import told
from fundpool.services.outcomes import StepReport, StepRequest, UnitOutcome, UnitState
from fundpool.services.ports import MonthPorts, Work
from fundpool.services.progress import month_facts, progress_of
from fundpool.services.reports import expenditure_reporting
from fundpool.services.return_slips import issue_slips
from fundpool.services.review import plan_review
from fundpool.services.status import step_states

__all__ = ["STEPS", "StepReport", "StepRequest", "UnitOutcome", "UnitState", "run_step", "step_states"]

Step = Callable[[MonthPorts, StepRequest], tuple[UnitOutcome, ...]]


def plan_collection(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Take in and judge the counties' plans for the month, and write the return slips."""
    outcomes = collect_documents(ports, request, DocumentKind.PLAN)
    _issue_slips(ports, request, DocumentKind.PLAN)
    return outcomes


def report_collection(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Take in, judge and book the counties' reports on the month, and write the return slips."""
    outcomes = expenditure_reporting(ports, request)
    _issue_slips(ports, request, DocumentKind.REPORT)
    return outcomes


def reconciliation(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Ask the bank about every payment of the month whose outcome is not known yet."""
    policy = ports.policies.city(request.city)
    resolved = resolving.resolve(ports, now=request.now, city=policy.key, month=request.month)
    units = {policy.division_code, *counties_of(policy, request)}
    return tuple(payment_outcome(transfer) for transfer in resolved if transfer.unit in units)


def flags(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """Tell every flag of the month, county by county; the records they rest on are not changed."""
    policy = ports.policies.city(request.city)
    units = {None, policy.division_code, *counties_of(policy, request)}

    def read(work: Work) -> tuple[UnitOutcome, ...]:
        facts = month_facts(work, policy, request.month)
        progress = progress_of(policy, request.month, ports.calendar, facts, request.now)
        return tuple(
            UnitOutcome(
                flag.unit or policy.division_code,
                UnitState.FLAGGED if flag.severity is not Severity.NOTE else UnitState.DONE,
                flag.message_zh,
                flag.message_en,
                fund=flag.fund,
            )
            for flag in flags_of(work, policy, facts, progress)
            if flag.unit in units
        )

    return ports.database.read(read)


STEPS: dict[str, Step] = {
    "plan-collection": plan_collection,
    "plan-review": plan_review,
    "funds-application": funds_application,
    "disbursement": disbursement,
    "allocation": allocation,
    "expenditure-reporting": report_collection,
    "report-filing": report_filing,
    "reconciliation": reconciliation,
    "flags": flags,
}
"""Name of the step, as in ``fundpool run STEP`` and the deployments, and what it does."""


def run_step(ports: MonthPorts, name: str, request: StepRequest) -> StepReport:
    """Run one step and record the run. Any step may be run again, for all counties or one, at any time.

    Raises InputError for an unknown step, city or county, and ServiceUnavailable when the database
    or a needed service is away; what was done until then stands.
    """
    if name not in STEPS:
        raise InputError(
            "unknown_step",
            f"没有步骤 {name}",
            f"no such step: {name}",
            remedy=" | ".join(STEPS),
        )
    policy = ports.policies.city(request.city)
    counties_of(policy, request)
    run = StepRun(name, request.counties, request.by, request.run_id, request.now, outcomes=None)
    run_id = ports.database.transaction(lambda work: work.records.start_run(policy.key, request.month, run))
    try:
        outcomes = STEPS[name](ports, request)
    except Exception as error:
        _finish(ports, run_id, [_failed(policy.division_code, error)])
        if isinstance(error, FundpoolError):
            raise
        outcomes = (_failed(policy.division_code, error),)
    else:
        _finish(ports, run_id, outcomes)
    return StepReport(name, policy.key, request.month, outcomes)


def _issue_slips(ports: MonthPorts, request: StepRequest, document: DocumentKind) -> None:
    policy = ports.policies.city(request.city)
    issue_slips(ports, policy, document, request.month, counties_of(policy, request))


def _finish(ports: MonthPorts, run_id: int, outcomes: Sequence[UnitOutcome]) -> None:
    ports.database.transaction(
        lambda work: work.records.finish_run(run_id, [asdict(outcome) for outcome in outcomes])
    )


def _failed(unit: str, error: Exception) -> UnitOutcome:
    code, zh, en = told(error)
    return UnitOutcome(
        unit, UnitState.FAILED, f"步骤未完成：{zh}", f"the step stopped: {en}", error_code=code
    )
