"""Where each step of a month stands: by its runs, and by what people have decided since the last run.

A step that waits for people is done when the last of them has decided, not when it runs again. The state
of a case or a line is derived by the same functions that the step itself uses.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from pydantic import TypeAdapter

from fundpool.domain.application import ApplicationLine
from fundpool.domain.month import keys
from fundpool.domain.month_records import StepRun
from fundpool.domain.outcomes import UnitOutcome as Outcome
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import ReviewCase, outcome_of
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import ObligationState, latest_revisions
from fundpool.services.oversight.progress import MonthFacts
from fundpool.services.payments.application import standing_of
from fundpool.services.ports.work import Work
from schemas.dashboard import StepStatus, UnitOutcome


def steps_of(facts: MonthFacts, runs: Iterable[StepRun]) -> tuple[StepStatus, ...]:
    """Every step with its state, counts and outcomes (the ``steps`` of ``status --json``)."""
    by_step: dict[str, list[StepRun]] = {step: [] for step in keys()}
    for run in runs:
        by_step.setdefault(run.step, []).append(run)
    return tuple(_step(step, of_step, facts) for step, of_step in by_step.items())


def month_steps(
    work: Work, policy: CityPolicy, month: Month, *, facts: MonthFacts
) -> Mapping[str, StepStatus]:
    """The month's steps by their names, as they stand now; ``facts`` are those of now."""

    def read() -> Mapping[str, StepStatus]:
        return {step.step: step for step in steps_of(facts, work.records.runs(policy.key, month))}

    return work.remembered(("month steps", policy.key, month), read)


def _step(step: str, runs: Sequence[StepRun], facts: MonthFacts) -> StepStatus:
    """A step as its runs left it and people went on: a run for some counties replaces only their outcomes."""
    by_unit: dict[str, list[UnitOutcome]] = {}
    for run in runs:
        if run.outcomes is None:
            continue
        of_run: dict[str, list[UnitOutcome]] = {}
        for outcome in _OUTCOMES.validate_python(run.outcomes):
            of_run.setdefault(outcome.unit, []).append(outcome)
        by_unit = of_run if run.counties is None else {**by_unit, **of_run}
    outcomes = [outcome for of_unit in by_unit.values() for outcome in of_unit]
    if step in _SINCE:
        outcomes = [_SINCE[step](facts, outcome) for outcome in outcomes]
    counted = Counter(outcome.state for outcome in outcomes)
    counts = {state.value: counted[state] for state in UnitState}
    last = runs[-1] if runs else None
    return StepStatus(
        step=step,
        state=_state(
            last, counts, is_whole=any(run.counties is None and run.outcomes is not None for run in runs)
        ),
        last_run_at=last and last.business_time,
        run_id=last and last.run_id,
        by=last and last.requested_by,
        counts=counts,
        outcomes=tuple(outcomes),
    )


def _state(last: StepRun | None, counts: Mapping[str, int], *, is_whole: bool) -> str:
    """``is_whole``: a run has answered for every county. One for some of them leaves the others to be done."""
    if last is None:
        return "not_started"
    if last.outcomes is None:
        return "running"
    for state in (UnitState.FAILED, UnitState.FLAGGED, UnitState.WAITING):
        if counts[state.value]:
            return state.value
    return UnitState.DONE.value if is_whole else UnitState.WAITING.value


def _filed_since(facts: MonthFacts, outcome: UnitOutcome, *, document: DocumentKind) -> UnitOutcome:
    """A county that was done, when its document has gone back since, or a new version waits to be judged."""
    versions = facts.versions.get((document, outcome.unit), ())
    if outcome.state is not UnitState.DONE or not versions:
        return outcome
    if not versions[-1].stands:
        zh, en = f"已退回：{versions[-1].return_reason}", "returned, to be filed again"
    elif versions[-1].verdict is None:
        zh, en = f"第 {versions[-1].version} 版待校验", f"version {versions[-1].version} is to be judged"
    else:
        return outcome
    return outcome.model_copy(update={"state": UnitState.WAITING, "detail_zh": zh, "detail_en": en})


def _reviewed_since(facts: MonthFacts, outcome: UnitOutcome) -> UnitOutcome:
    """A case that waited, as people have decided it; a decision on an older version does not count."""
    case = _case(facts, outcome)
    if case is None or outcome.state not in _MOVES_ON:
        return outcome
    if is_current(facts, case):
        return _as_it_stands(outcome, outcome_of(case))
    if _line(facts, outcome) is not None:
        return outcome  # applied for on the version before: no newer one is reviewed any more
    return _as_it_stands(
        outcome, standing_of(outcome.unit, case.fund, None, case=case, is_nil=False, is_decided=False)
    )


def _as_it_stands(outcome: UnitOutcome, now: Outcome) -> UnitOutcome:
    """``now`` as it is shown; nearly always it is what the run left, which need not be made again."""
    is_same = all(getattr(outcome, name) == getattr(now, name) for name in _OUTCOME_FIELDS)
    return outcome if is_same else UnitOutcome.model_validate(now)


_OUTCOMES = TypeAdapter(tuple[UnitOutcome, ...])
_OUTCOME_FIELDS = tuple(UnitOutcome.model_fields)


def _applied_since(facts: MonthFacts, outcome: UnitOutcome) -> UnitOutcome:
    """A line that waited, as finance has reviewed it."""
    case = _case(facts, outcome)
    if outcome.fund is None or outcome.state not in _MOVES_ON:
        return outcome
    standing = standing_of(
        outcome.unit,
        outcome.fund,
        _line(facts, outcome),
        case=case,
        is_nil=(DocumentKind.PLAN, outcome.unit) in facts.nil_returns,
        is_decided=case is not None and case.is_decided and is_current(facts, case),
    )
    return _as_it_stands(outcome, standing)


def _paid_since(facts: MonthFacts, outcome: UnitOutcome) -> UnitOutcome:
    """Trouble with the bank about a payment (of the city: about any), once the payment has arrived without the step."""
    if outcome.error_code not in _BANK_TROUBLE:
        return outcome
    asked_about = [
        each
        for each in latest_revisions(facts.obligations)
        if outcome.fund is None or (each.unit, each.fund) == (outcome.unit, outcome.fund)
    ]
    if not asked_about or any(each.state not in _ARRIVED for each in asked_about):
        return outcome
    return outcome.model_copy(
        update={
            "state": UnitState.DONE,
            "detail_zh": "已到账",
            "detail_en": "settled",
            "error_code": None,
            "remedy": None,
        }
    )


_BANK_TROUBLE = frozenset({"outcome_unknown", "gateway_unavailable", "gateway_unauthorised"})

_ARRIVED = frozenset({ObligationState.SETTLED, ObligationState.CANCELLED})

_MOVES_ON = frozenset({UnitState.WAITING, UnitState.DONE})
"""What was failed or flagged stays so until the step itself has looked at it again."""

_SINCE: Mapping[str, Callable[[MonthFacts, UnitOutcome], UnitOutcome]] = {
    "plan-collection": partial(_filed_since, document=DocumentKind.PLAN),
    "expenditure-reporting": partial(_filed_since, document=DocumentKind.REPORT),
    "plan-review": _reviewed_since,
    "funds-application": _applied_since,
    "disbursement": _paid_since,
    "allocation": _paid_since,
}
"""Steps that go on without their run: people decide, counties file, the bank executes. Others wait for their run."""


def _case(facts: MonthFacts, outcome: UnitOutcome) -> ReviewCase | None:
    cases = facts.cases_of_plan.get(outcome.unit, ())
    return next((case for case in cases if case.fund == outcome.fund), None)


def _line(facts: MonthFacts, outcome: UnitOutcome) -> ApplicationLine | None:
    return facts.lines.get((outcome.fund, outcome.unit))


def is_current(facts: MonthFacts, case: ReviewCase) -> bool:
    """Whether the case is about the last version that the county filed."""
    versions = facts.versions.get((case.document, case.county), ())
    return bool(versions) and versions[-1].id == case.submission_id
