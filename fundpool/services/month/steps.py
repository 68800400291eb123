"""The steps of the month: one use case each, run for all counties or for one, any number of times.

The scheduler, an operator's retrigger and the command line all run the same functions through
``run_step`` (``run_step_of_cities`` for many at once). A step reports an outcome per unit; one
county's trouble is an outcome, never the end of the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.findings import Severity
from fundpool.domain.month_records import StepRun
from fundpool.domain.outcomes import StepReport, StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.collection import collect_documents
from fundpool.services.documents.document_collection import document_collection
from fundpool.services.documents.reports import expenditure_reporting
from fundpool.services.documents.review import plan_review
from fundpool.services.oversight.filing import report_filing
from fundpool.services.oversight.flags import flags_of
from fundpool.services.oversight.progress import month_facts, progress_of
from fundpool.services.oversight.return_slips import issue_slips
from fundpool.services.oversight.status import step_states
from fundpool.services.payments.application import funds_application
from fundpool.services.payments.disbursement import allocation, disbursement
from fundpool.services.payments.reconciliation import reconciliation
from fundpool.services.ports.isolation import each_alone, told
from fundpool.services.ports.work import MonthPorts, Work

__all__ = [
    "STEPS",
    "StepReport",
    "StepRequest",
    "UnitOutcome",
    "UnitState",
    "run_step",
    "run_step_of_cities",
    "step_states",
]

Outcomes = tuple[UnitOutcome, ...]

Step = Callable[[MonthPorts, Sequence[StepRequest]], list[Outcomes | Exception]]
"""Does one step for several cities; what each came to, or what stopped it, in order."""


def city_by_city(step: Callable[[MonthPorts, StepRequest], Outcomes]) -> Step:
    """A step that has nothing to gain from seeing several cities at once."""

    def run(ports: MonthPorts, requests: Sequence[StepRequest]) -> list[Outcomes | Exception]:
        return each_alone(lambda request: step(ports, request), requests)

    return run


def plan_collection(ports: MonthPorts, requests: Sequence[StepRequest]) -> list[Outcomes | Exception]:
    """Take in and judge the counties' plans for the month, and write the return slips."""
    collected = collect_documents(ports, requests, DocumentKind.PLAN, requests[0].month)
    return _with_slips(ports, requests, collected, DocumentKind.PLAN)


def report_collection(ports: MonthPorts, requests: Sequence[StepRequest]) -> list[Outcomes | Exception]:
    """Take in, judge and book the counties' reports on the month, and write the return slips."""
    collected = expenditure_reporting(ports, requests)
    return _with_slips(ports, requests, collected, DocumentKind.REPORT)


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
    "plan-review": city_by_city(plan_review),
    "funds-application": city_by_city(funds_application),
    "disbursement": city_by_city(disbursement),
    "allocation": city_by_city(allocation),
    "expenditure-reporting": report_collection,
    "report-filing": city_by_city(report_filing),
    "document-collection": document_collection,
    "reconciliation": city_by_city(reconciliation),
    "flags": city_by_city(flags),
}
"""Name of the step, as in ``fundpool run STEP`` and the deployments, and what it does."""


def run_step(ports: MonthPorts, name: str, request: StepRequest) -> StepReport:
    """Run one step and record the run. Any step may be run again, for all counties or one, at any time.

    Raises InputError for an unknown step, city or county, and ServiceUnavailable when the database
    or a needed service is away; what was done until then stands.
    """
    (report,) = run_step_of_cities(ports, name, [request])
    if report.error is not None:
        raise report.error
    return report


def run_step_of_cities(ports: MonthPorts, name: str, requests: Sequence[StepRequest]) -> list[StepReport]:
    """As ``run_step``, of one month for several cities: their files are judged in one batch.

    Each request is for another city. What stops one city stands in its report and leaves the others
    done. Raises InputError for an unknown step, city or county, and ServiceUnavailable when the
    database is away.
    """
    if name not in STEPS:
        raise InputError(
            "unknown_step",
            f"没有步骤 {name}",
            f"no such step: {name}",
            remedy=" | ".join(STEPS),
        )
    policies = [ports.policies.city(request.city) for request in requests]
    for policy, request in zip(policies, requests, strict=True):
        counties_of(policy, request)
    assert len({policy.key for policy in policies}) == len(policies), "each city once"
    run_ids = ports.database.transaction(lambda work: [_start(work, name, request) for request in requests])
    try:
        answers = STEPS[name](ports, requests)
    except Exception as error:  # noqa: BLE001 - every city's run is ended with it
        answers = [error] * len(requests)
    outcomes = [
        (_failed(policy.division_code, answer),) if isinstance(answer, Exception) else answer
        for policy, answer in zip(policies, answers, strict=True)
    ]
    ports.database.transaction(lambda work: _finish(work, run_ids, outcomes))
    return [
        StepReport(
            name,
            request.city,
            request.month,
            came_to,
            error=answer if isinstance(answer, FundpoolError) else None,
        )
        for request, answer, came_to in zip(requests, answers, outcomes, strict=True)
    ]


def _with_slips(
    ports: MonthPorts,
    requests: Sequence[StepRequest],
    collected: Sequence[Outcomes | Exception],
    document: DocumentKind,
) -> list[Outcomes | Exception]:
    """What was collected, with the slips written of every city that could be collected."""

    def issue(one: tuple[StepRequest, Outcomes]) -> Outcomes:
        request, outcomes = one
        policy = ports.policies.city(request.city)
        issue_slips(ports, policy, document, request.month, counties_of(policy, request))
        return outcomes

    asked = [
        outcomes if isinstance(outcomes, Exception) else (request, outcomes)
        for request, outcomes in zip(requests, collected, strict=True)
    ]
    return each_alone(issue, asked)


def _start(work: Work, name: str, request: StepRequest) -> int:
    run = StepRun(name, request.counties, request.by, request.run_id, request.now, outcomes=None)
    return work.records.start_run(request.city, request.month, run)


def _finish(work: Work, run_ids: Sequence[int], outcomes: Sequence[Outcomes]) -> None:
    for run_id, of_city in zip(run_ids, outcomes, strict=True):
        work.records.finish_run(run_id, [asdict(outcome) for outcome in of_city])


def _failed(unit: str, error: Exception) -> UnitOutcome:
    code, zh, en = told(error)
    return UnitOutcome(
        unit, UnitState.FAILED, f"步骤未完成：{zh}", f"the step stopped: {en}", error_code=code
    )
