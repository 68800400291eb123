"""A month in few acts: open it, close it, catch up, try again what failed, release and send.

Each runs the month's own steps, in their order, and may be run any number of times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from fundpool.domain.duties import duties_of
from fundpool.domain.errors import RuleViolation
from fundpool.domain.month import MONTH, STEPS
from fundpool.domain.outcomes import Outcomes, StepReport, StepRequest, UnitState
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.periods import day_of
from fundpool.domain.schedule import opening_day
from fundpool.domain.transfer import Batch, BatchState, Hop
from fundpool.services.books import booking
from fundpool.services.month.beginnings import Lack, lacks_of
from fundpool.services.month.daily import due_steps
from fundpool.services.month.steps import run_step_of_cities
from fundpool.services.oversight import filing
from fundpool.services.oversight.progress import month_facts
from fundpool.services.oversight.status import step_states
from fundpool.services.oversight.step_progress import steps_of
from fundpool.services.payments.batches import SeenBatch, release_approved, release_seen
from fundpool.services.payments.disbursement import legs_of
from fundpool.services.payments.sending import SENDABLE
from fundpool.services.ports.work import MonthPorts, Work


@dataclass(frozen=True, slots=True)
class MonthOpening:
    """What opening a month found missing and did; ``opens_on`` the day collection opens, where it lies ahead."""

    lacks: tuple[Lack, ...]
    opens_on: date | None
    reports: tuple[StepReport, ...]


@dataclass(frozen=True, slots=True)
class MonthClosing:
    """What closing a month did: the steps that ran, in order, and the funds whose books it closed.

    ``is_closed`` False: the last of ``reports`` is the step that is not done.
    """

    reports: tuple[StepReport, ...]
    closed: tuple[str, ...]
    is_closed: bool


def _run(ports: MonthPorts, step: str, request: StepRequest) -> StepReport:
    """Run a step; what stops the whole of it stands in its report, and what was done before is shown all the same."""
    (report,) = run_step_of_cities(ports, step, [request])
    return report


def open_month(ports: MonthPorts, request: StepRequest) -> MonthOpening:
    """Say what the month lacks before money can move, and take in and open what has been filed.

    Before the day on which collection opens nothing is run; where the text sets no day, the month begins here.
    """
    policy, day = ports.policies.city(request.city), day_of(request.now)
    lacks = ports.database.read(lambda work: lacks_of(work, policy, request.month))
    duties = duties_of(policy, request.month, ports.calendar)
    head = next((duty for duty in duties if duty.key == MONTH[0].duty), None)
    opens_on = opening_day(head, ports.calendar) if head else None
    if opens_on is not None and opens_on > day:
        return MonthOpening(lacks, opens_on, ())
    planning = ("plan-collection", "plan-review") if day <= request.month.last_day else ()
    return MonthOpening(lacks, None, tuple(_run(ports, step, request) for step in planning))


def close_month(ports: MonthPorts, request: StepRequest) -> MonthClosing:
    """Take in the reports, file the summary, reconcile and close the books, each only once the one before is done.

    Reports that are missing are waited for until the last day to file. Raises RuleViolation ``month_not_over``,
    and ServiceUnavailable when the database is away.
    """
    if day_of(request.now) <= request.month.last_day:
        raise RuleViolation(
            "month_not_over",
            f"{request.month} 尚未结束，不能结账",
            f"{request.month} is not over: it cannot be closed",
            remedy="fundpool next",
        )
    closer = person(request.by)
    running = replace(request, by=SYSTEM)
    reports: list[StepReport] = []
    for step in ("expenditure-reporting", "report-filing", "reconciliation"):
        reports.append(_run(ports, step, running))
        if not _may_go_on(ports, step, running):
            return MonthClosing(tuple(reports), (), is_closed=False)
    closed = ports.database.transaction(
        lambda work: booking.close_months(
            work, request.city, None, month=request.month, by=closer, now=request.now
        )
    )
    return MonthClosing(tuple(reports), tuple(closed), is_closed=True)


def _may_go_on(ports: MonthPorts, step: str, request: StepRequest) -> bool:
    """Whether the step is done, or has done what it can without the counties whose reports are missing."""
    state = step_states(ports, request.city, request.month)[step]
    if state == UnitState.DONE:
        return True
    if step == "expenditure-reporting":
        policy = ports.policies.city(request.city)
        return state != UnitState.FAILED and not filing.may_wait(ports, policy, request)
    if step == "report-filing":
        return state != UnitState.FAILED and bool(filing.filings_of(ports, request.city, request.month))
    return False


def retry_failed(ports: MonthPorts, request: StepRequest) -> tuple[StepReport, ...]:
    """Run every failed step of the month again, for the counties that failed in it; () when none did."""
    policy = ports.policies.city(request.city)
    steps = ports.database.read(
        lambda work: steps_of(
            month_facts(work, policy, request.month), work.records.runs(policy.key, request.month)
        )
    )
    counties = {unit.code for unit in policy.units}
    reports = []
    for step in steps:
        failed = {each.unit for each in step.outcomes if each.state is UnitState.FAILED}
        if failed:
            # What failed for the city as a whole failed for every county.
            again = tuple(sorted(failed)) if failed <= counties else None
            reports.append(_run(ports, step.step, replace(request, counties=again)))
    return tuple(reports)


def catch_up(ports: MonthPorts, request: StepRequest) -> tuple[StepReport, ...]:
    """Run what the daily tick finds due today in every open month of the city; () when nothing is.

    For a day on which no tick came. ``request.month`` plays no part; a tick that comes later changes nothing.
    """
    return tuple(
        _run(ports, step, replace(request, month=month, counties=None))
        for month, step in due_steps(ports, request.city, request.now)
    )


def release_and_send(
    ports: MonthPorts,
    request: StepRequest,
    *,
    hop: Hop | None = None,
    fund: str | None = None,
    seen: SeenBatch | None = None,
) -> tuple[tuple[Batch, ...], tuple[StepReport, ...]]:
    """Release the approved batches and run the steps that send them; also what was released before and not sent.

    ``request.by`` is the releaser. ``seen``: that batch alone is released. Raises what ``release_approved`` raises; then nothing is released or sent.
    """
    policy = ports.policies.city(request.city)

    def release(work: Work) -> tuple[tuple[Batch, ...], set[Hop]]:
        released = (
            release_approved(
                work, policy.key, request.month, hop=hop, fund=fund, releaser=request.by, now=request.now
            )
            if seen is None
            else (release_seen(work, seen, request.by, now=request.now),)
        )
        unsent = {
            payment.hop
            for batch in work.payments.batches(policy.key, request.month, hop, fund=fund)
            if batch.state is BatchState.RELEASED
            for payment in work.payments.obligations(batch_id=batch.id)
            if payment.state in SENDABLE
        }
        return released, unsent

    released, unsent = ports.database.transaction(release)
    # The releaser must not become the maker of what the step orders beside.
    running = replace(request, by=SYSTEM)
    reports = [
        _run(ports, step.key, running)
        for step in STEPS.values()
        if step.moves_money
        and step.duty
        and any(leg.hop in unsent for leg in legs_of(policy, request.month, step.duty))
    ]
    return released, tuple(reports)


def outcomes_of(reports: Sequence[StepReport]) -> Outcomes:
    """The outcomes of all steps, for the exit status."""
    return [outcome for report in reports for outcome in report.outcomes]
