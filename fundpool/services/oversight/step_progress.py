"""What each step of a month came to: by its runs, and by what people have decided since the last one.

A step that waits for people is done when the last of them has decided, not when it runs again. How a
case or a line stands is told by the same functions that tell it to the step.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fundpool.domain.application import ApplicationLine
from fundpool.domain.month import keys
from fundpool.domain.month_records import StepRun
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.review import ReviewCase, outcome_of
from fundpool.domain.submission import DocumentKind
from fundpool.services.oversight.progress import MonthFacts
from fundpool.services.payments.application import standing_of

Outcome = dict[str, Any]
"""A ``UnitOutcome`` as a run's record keeps it."""


def steps_of(facts: MonthFacts, runs: Iterable[StepRun]) -> list[dict[str, Any]]:
    """Every step with its state, counts and outcomes (the ``steps`` of ``status --json``)."""
    by_step: dict[str, list[StepRun]] = {step: [] for step in keys()}
    for run in runs:
        by_step.setdefault(run.step, []).append(run)
    return [_step(step, of_step, facts) for step, of_step in by_step.items()]


def _step(step: str, runs: Sequence[StepRun], facts: MonthFacts) -> dict[str, Any]:
    """A step as its runs left it and people went on: a run for some counties replaces only their outcomes."""
    outcomes: dict[str, list[Outcome]] = {}
    for run in runs:
        if run.outcomes is None:
            continue
        fresh: dict[str, list[Outcome]] = {}
        for outcome in run.outcomes:
            fresh.setdefault(str(outcome["unit"]), []).append(dict(outcome))
        outcomes = fresh if run.counties is None else {**outcomes, **fresh}
    flat = [outcome for of_unit in outcomes.values() for outcome in of_unit]
    if step in _SINCE:
        flat = [_SINCE[step](facts, outcome) for outcome in flat]
    counts = {state.value: sum(outcome["state"] == state.value for outcome in flat) for state in UnitState}
    last = runs[-1] if runs else None
    return {
        "step": step,
        "state": _state(last, counts),
        "last_run_at": None if last is None else _iso(last.business_time),
        "run_id": None if last is None else last.run_id,
        "by": None if last is None else last.asked_by,
        "counts": counts,
        "outcomes": flat,
    }


def _state(last: StepRun | None, counts: Mapping[str, int]) -> str:
    if last is None:
        return "not_started"
    if last.outcomes is None:
        return "running"
    for state in (UnitState.FAILED, UnitState.FLAGGED, UnitState.WAITING):
        if counts[state.value]:
            return state.value
    return UnitState.DONE.value


def _reviewed_since(facts: MonthFacts, outcome: Outcome) -> Outcome:
    """A case that waited, as people have decided it; a decision on an older version is none."""
    case, (county, fund) = _case(facts, outcome), _place(outcome)
    if case is None or outcome["state"] not in _MOVES_ON:
        return outcome
    if _is_current(facts, case):
        return asdict(outcome_of(case))
    if _line(facts, county, fund) is not None:
        return outcome  # applied for on the version before: no newer one is reviewed any more
    return asdict(standing_of(county, case.fund, None, case, is_nil=False, is_decided=False))


def _applied_since(facts: MonthFacts, outcome: Outcome) -> Outcome:
    """A line that waited, as finance has reviewed it."""
    case, (county, fund) = _case(facts, outcome), _place(outcome)
    if fund is None or outcome["state"] not in _MOVES_ON:
        return outcome
    return asdict(
        standing_of(
            county,
            fund,
            _line(facts, county, fund),
            case,
            is_nil=(DocumentKind.PLAN, county) in facts.nil_returns,
            is_decided=case is not None and case.is_decided and _is_current(facts, case),
        )
    )


_MOVES_ON = frozenset({UnitState.WAITING.value, UnitState.DONE.value})
"""What was failed or flagged stays so until the step itself has looked at it again."""

_SINCE: Mapping[str, Callable[[MonthFacts, Outcome], Outcome]] = {
    "plan-review": _reviewed_since,
    "funds-application": _applied_since,
}
"""Steps that wait for nothing but decisions. A step that has something left to do then waits for its run."""


def _place(outcome: Outcome) -> tuple[str, str | None]:
    return str(outcome["unit"]), outcome["fund"]


def _case(facts: MonthFacts, outcome: Outcome) -> ReviewCase | None:
    county, fund = _place(outcome)
    return next((case for case in facts.cases_of_plan.get(county, ()) if case.fund == fund), None)


def _line(facts: MonthFacts, county: str, fund: str | None) -> ApplicationLine | None:
    lines = (
        line
        for application in facts.applications
        if application.fund == fund
        for line in application.lines
        if line.county == county
    )
    return next(lines, None)


def _is_current(facts: MonthFacts, case: ReviewCase) -> bool:
    versions = facts.versions.get((DocumentKind.PLAN, case.county), ())
    return bool(versions) and versions[-1].id == case.submission_id


def _iso(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat()
