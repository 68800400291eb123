"""What the task of every part does: carry it out, log who did not come through, publish its table."""

import logging

from prefect import get_run_logger

from fundpool.domain.money import format_yuan
from fundpool.domain.outcomes import CityInHand, StepInHand, StepReport, UnitOutcome, UnitState
from fundpool.services.month.steps import Part
from fundpool.services.ports.work import MonthPorts
from tasks.conclusions import publish_outcomes, reason_of
from tasks.process import ports_of_this_process
from tasks.steps import summary_of

_LEVELS = {
    UnitState.FAILED: logging.ERROR,
    UnitState.FLAGGED: logging.WARNING,
    UnitState.WAITING: logging.INFO,
}


def carry_out(part: Part, step: StepInHand) -> StepInHand:
    """Carry out one part of the step for every city that nothing has stopped.

    Raises what stopped every city: then the task run is failed and names its cause, and is tried again where
    its options say so.
    """
    ports = ports_of_this_process()
    after = carry_out_part(part, ports, step)
    for before, city in zip(step.cities, after.cities, strict=True):
        _log(before, city)
    reports = [StepReport(step.step, c.request.city, step.month, outcomes=c.outcomes) for c in after.cities]
    summary = summary_of(ports, after, reports)
    if summary["outcomes"]:
        publish_outcomes(summary, part.__name__)
    if after.is_stopped:
        raise next(city.error for city in after.cities if city.error is not None)
    return after


def carry_out_part(part: Part, ports: MonthPorts, step: StepInHand) -> StepInHand:
    """The product's own work within the task; what surrounds it is orchestration."""
    return part(ports, step)


def _log(before: CityInHand, city: CityInHand) -> None:
    """A line for every unit that newly waits, is flagged or failed, with what to do about it."""
    logger = get_run_logger()
    if city.error is not None and before.error is None:
        logger.error("%s: %s", city.request.city, reason_of(city.error))
    known = set(before.outcomes)
    for outcome in city.outcomes:
        if outcome not in known and outcome.state in _LEVELS:
            logger.log(_LEVELS[outcome.state], "%s %s", city.request.city, _line(outcome))


def _line(outcome: UnitOutcome) -> str:
    amount = "" if outcome.amount_fen is None else f" {format_yuan(outcome.amount_fen)} 元 yuan"
    code = f" [{outcome.error_code}]" if outcome.error_code else ""
    remedy = f" → {outcome.remedy}" if outcome.remedy else ""
    about = f"{outcome.unit}{f' {outcome.fund}' if outcome.fund else ''}{amount}"
    return f"{about}: {outcome.state}{code} {outcome.detail_zh} / {outcome.detail_en}{remedy}"
