"""The steps of the month, part by part: run for all counties or for one, any number of times.

The scheduler, an operator's retrigger and the command line carry out the same parts: Prefect as a task each
(``tasks/``), the command line one after the other (``run_step``). A part answers with an
outcome per unit. What fails for a county is that county's outcome, what fails for a city stops that city alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.month import STEPS, keys
from fundpool.domain.month_records import StepRun
from fundpool.domain.outcomes import (
    CityInHand,
    Outcomes,
    StepInHand,
    StepReport,
    StepRequest,
    UnitOutcome,
    counties_of,
)
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents import document_collection, reports, review
from fundpool.services.documents.collection import judge_documents, take_in_documents
from fundpool.services.oversight import filing, flags, return_slips
from fundpool.services.payments import application, disbursement, reconciliation
from fundpool.services.ports.isolation import failure, for_each_city
from fundpool.services.ports.work import MonthPorts, Work

Part = Callable[[MonthPorts, StepInHand], StepInHand]
"""One part of a step: carried out for every city that nothing has stopped."""


# ---------------------------------------------------------------------------------- M−1: plans


def take_in_plans(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Keep, record and read the counties' plans that arrived."""
    return take_in_documents(ports, step, DocumentKind.PLAN)


def judge_plans(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Judge the month's plans and say how each county stands."""
    return judge_documents(ports, step, DocumentKind.PLAN, period=step.month)


def write_plan_slips(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Write the return slips of the plans."""
    return return_slips.write_slips(ports, step, DocumentKind.PLAN)


def open_plan_cases(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Open review cases on the judged plans; say whose turn each is."""
    return for_each_city(step, lambda city: review.open_plan_cases(ports, city.request))


def apply_for_funds(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Apply to finance for what is decided."""
    return for_each_city(step, lambda city: application.apply_for_funds(ports, city.request))


# ---------------------------------------------------------------------------------- M: money


def order_payments(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Order the payments of the step's hops from what finance has reviewed."""
    duty, comes_after = _hop_of(step)

    def order(city: CityInHand) -> Outcomes:
        return disbursement.order_payments(ports, city.request, duty, comes_after=comes_after)

    return for_each_city(step, order)


def ask_bank(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Ask the bank about payments of the step's hops that are under way."""
    duty, _ = _hop_of(step)

    def ask(city: CityInHand) -> Outcomes:
        return (*city.outcomes, *disbursement.ask_bank(ports, city.request, duty))

    return for_each_city(step, ask)


def send_payments(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Send what people have released over the step's hops; say how every payment stands."""
    duty, _ = _hop_of(step)

    def send(city: CityInHand) -> Outcomes:
        return (*city.outcomes, *disbursement.send_payments(ports, city.request, duty))

    return for_each_city(step, send)


def _hop_of(step: StepInHand) -> tuple[str, str | None]:
    """The duty that the step's payments fulfil, and that of the payments which must have arrived before."""
    operating_step = STEPS[step.step]
    assert operating_step.duty is not None, f"{step.step} pays for a duty"
    before = STEPS[operating_step.after] if operating_step.after else None
    return operating_step.duty, before.duty if before and before.moves_money else None


def ask_about_payments(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Ask the bank about every payment of the month whose outcome is not known yet."""
    return for_each_city(step, lambda city: reconciliation.ask_about_payments(ports, city.request))


def match_statements(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Match the bank's statements with payments and receipts; write the month's reconciliation forms."""

    def match(city: CityInHand) -> Outcomes:
        return (*city.outcomes, *reconciliation.match_statements(ports, city.request))

    return for_each_city(step, match)


# ---------------------------------------------------------------------------------- M+1: reports


def take_in_reports(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Keep, record and read the counties' expenditure reports that arrived."""
    return take_in_documents(ports, step, DocumentKind.REPORT)


def judge_reports(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Judge the month's reports against plan, books and the month before."""
    return judge_documents(ports, step, DocumentKind.REPORT, period=step.month)


def write_report_slips(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Write the return slips of the reports."""
    return return_slips.write_slips(ports, step, DocumentKind.REPORT)


def file_summary(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """File the city's summary of the month's reports with finance."""
    return for_each_city(step, lambda city: filing.file_summary(ports, city.request))


# ---------------------------------------------------------------------------------- at any time


def raise_flags(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Say who is late, missing or inconsistent with which duty."""
    return for_each_city(step, lambda city: flags.raise_flags(ports, city.request))


book_spending = reports.book_spending
take_in_other_documents = document_collection.take_in_other_documents
judge_other_documents = document_collection.judge_other_documents
write_other_slips = return_slips.write_other_slips

PARTS: dict[str, tuple[Part, ...]] = {
    "plan-collection": (take_in_plans, judge_plans, write_plan_slips),
    "plan-review": (open_plan_cases,),
    "funds-application": (apply_for_funds,),
    "disbursement": (order_payments, ask_bank, send_payments),
    "allocation": (order_payments, ask_bank, send_payments),
    "reconciliation": (ask_about_payments, match_statements),
    "expenditure-reporting": (take_in_reports, judge_reports, book_spending, write_report_slips),
    "report-filing": (file_summary,),
    "document-collection": (take_in_other_documents, judge_other_documents, write_other_slips),
    "flags": (raise_flags,),
}
"""The parts of every step, in their order."""


# ---------------------------------------------------------------------------------- running a step


def begin_step(ports: MonthPorts, key: str, requests: Sequence[StepRequest]) -> StepInHand:
    """Record that a step begins, for one month of one or several cities.

    An unknown city or county among several stops that city alone. Raises InputError for an unknown step, and
    where it leaves no city to go on with, and ServiceUnavailable when the database is away.
    """
    if key not in STEPS:
        raise InputError("unknown_step", f"没有步骤 {key}", f"no such step: {key}", remedy=" | ".join(keys()))
    assert len({request.city for request in requests}) == len(requests), "each city once"
    refused: dict[str, InputError] = {}
    for request in requests:
        try:
            counties_of(ports.policies.city(request.city), request)
        except InputError as error:
            refused[request.city] = error
    if len(refused) == len(requests):
        raise refused[requests[0].city]

    def start(work: Work) -> tuple[CityInHand, ...]:
        return tuple(
            CityInHand(request, run_id=None, error=refused[request.city])
            if request.city in refused
            else CityInHand(
                request, work.records.start_run(request.city, request.month, _run_of(key, request))
            )
            for request in requests
        )

    return StepInHand(key, ports.database.transaction(start))


def _run_of(key: str, request: StepRequest) -> StepRun:
    return StepRun(
        key, request.counties, request.by, run_id=request.run_id, business_time=request.now, outcomes=None
    )


def end_step(ports: MonthPorts, step: StepInHand) -> list[StepReport]:
    """Record the outcomes of the step, and report them city by city, in the order of the requests."""
    reports = [_report(ports, step, city) for city in step.cities]

    def finish(work: Work) -> None:
        for city, report in zip(step.cities, reports, strict=True):
            if city.run_id is None:
                continue
            work.records.finish_run(city.run_id, [asdict(outcome) for outcome in report.outcomes])

    ports.database.transaction(finish)
    return reports


def _report(ports: MonthPorts, step: StepInHand, city: CityInHand) -> StepReport:
    request = city.request
    report = StepReport(step.step, request.city, request.month, outcomes=city.outcomes)
    if city.error is None:
        return report
    unit = "" if city.run_id is None else ports.policies.city(request.city).division_code
    stopped: tuple[UnitOutcome, ...] = (failure(city.error, unit, "步骤未完成", act_en="the step stopped"),)
    return replace(
        report, outcomes=stopped, error=city.error if isinstance(city.error, FundpoolError) else None
    )


def run_step(ports: MonthPorts, key: str, request: StepRequest) -> StepReport:
    """Run one step and record the run. Any step may be run again, for all counties or one, at any time.

    Raises InputError for an unknown step, city or county, and ServiceUnavailable when the database
    or a needed service is away; what was done until then stands.
    """
    (report,) = run_step_of_cities(ports, key, [request])
    if report.error is not None:
        raise report.error
    return report


def run_step_of_cities(ports: MonthPorts, key: str, requests: Sequence[StepRequest]) -> list[StepReport]:
    """As ``run_step``, of one month for several cities: their files are judged in one batch.

    What stops one city stands in its report and leaves the others done.
    """
    step = begin_step(ports, key, requests)
    for part in PARTS[key]:
        try:
            step = part(ports, step)
        except Exception as error:  # noqa: BLE001 - every city's run is ended with it
            step = step.stopped_by(error)
    return end_step(ports, step)
