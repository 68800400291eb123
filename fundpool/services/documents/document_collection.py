"""The documents beside plan and report: budget, account, working capital, subsidies, interest, payers.

They come in and are judged like a plan. What passes every check is accepted; findings, and whatever
asks for money or becomes the budget, wait for two people. Only counties that filed are answered for:
where no law orders a document, nobody is waited for.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from fundpool.domain import review as review_rules
from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import (
    CityInHand,
    Outcomes,
    StepInHand,
    StepRequest,
    UnitOutcome,
    UnitState,
    counties_of,
)
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, outcome_of
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.collection import judge_documents, take_in_documents
from fundpool.services.documents.document_kinds import intake_of, type_of
from fundpool.services.documents.review import open_and_accept, openings, save
from fundpool.services.ports.isolation import for_each_city
from fundpool.services.ports.work import MonthPorts, Work

STEP = "document-collection"


def take_in_other_documents(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Keep, record and read what arrived of every such document, city by city."""
    for document in STEPS[STEP].collects:
        kind = type_of(document)
        taken_in = take_in_documents(ports, _without_outcomes(step), document)
        step = _with_outcomes_of(step, taken_in, lambda city: city.outcomes, zh=kind.zh, en=kind.en)
    return step


def judge_other_documents(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Judge every such document of the month and of the fund years around it, open its cases, accept what passes.

    A document that cannot be judged leaves the others done; its trouble is then the city's answer.
    """
    for document in STEPS[STEP].collects:
        kind = type_of(document)
        for period in periods_of(document, step.month):
            judged = judge_documents(ports, _without_outcomes(step), document, period=period)
            settle = partial(_settle, ports, document, period=period)
            step = _with_outcomes_of(step, judged, settle, zh=f"{kind.zh} {period}", en=f"{kind.en} {period}")
    return step


def _without_outcomes(step: StepInHand) -> StepInHand:
    return replace(step, cities=tuple(replace(city, outcomes=()) for city in step.cities))


def _with_outcomes_of(
    before: StepInHand, after: StepInHand, outcomes: Callable[[CityInHand], Outcomes], *, zh: str, en: str
) -> StepInHand:
    """The step ``after``; each city has its outcomes of ``before``, then the new ones, which name their document."""
    earlier = {city.request.city: city.outcomes for city in before.cities}

    def all_outcomes(city: CityInHand) -> Outcomes:
        named = (
            replace(outcome, detail_zh=f"{zh}：{outcome.detail_zh}", detail_en=f"{en}: {outcome.detail_en}")
            for outcome in outcomes(city)
        )
        return (*earlier[city.request.city], *named)

    return for_each_city(after, all_outcomes)


def periods_of(document: DocumentKind, month: Month) -> tuple[Period, ...]:
    """The periods a step of ``month`` looks after: a budget comes before its year, an account after it."""
    if type_of(document).period == "month":
        return (month,)
    return tuple(Year(month.year).plus(offset) for offset in (-1, 0, 1))


def _settle(ports: MonthPorts, document: DocumentKind, city: CityInHand, *, period: Period) -> Outcomes:
    """Open the cases of the counties that filed and accept what passes; a failure to judge stands as it is."""
    request = city.request
    policy = ports.policies.city(request.city)
    counties = counties_that_filed(
        ports, policy, document, period=period, counties=counties_of(policy, request)
    )
    not_judged = [outcome for outcome in city.outcomes if outcome.state is UnitState.FAILED]
    failed = {outcome.unit for outcome in not_judged}
    judged = [county for county in counties if county not in failed]
    settled = open_and_accept(
        ports,
        openings(policy, document, period, request=request, counties=judged),
        partial(_accept, policy=policy, document=document, period=period, request=request),
        act_zh="未能收下",
        act_en="not accepted",
    )
    return [*not_judged, *(outcome for outcomes in settled for outcome in outcomes)]


def counties_that_filed(
    ports: MonthPorts,
    policy: CityPolicy,
    document: DocumentKind,
    *,
    period: Period,
    counties: Sequence[str],
) -> list[str]:
    """Those of ``counties`` that filed the document for the period, in their order."""
    versions = ports.database.read(lambda work: work.submissions.versions(policy.key, document, period))
    filed = {version.county for version in versions}
    return [county for county in counties if county in filed]


def _accept(
    work: Work,
    policy: CityPolicy,
    document: DocumentKind,
    *,
    period: Period,
    request: StepRequest,
    opened: UnitOutcome,
) -> list[UnitOutcome]:
    """Accept the case if the checks found nothing and people need not decide; else as it was opened."""
    if opened.fund is None:
        return [opened]
    case = work.reviews.case(policy.key, period, document, county=opened.unit, fund=opened.fund)
    latest = work.submissions.versions(policy.key, document, period, county=opened.unit)[-1]
    if case is None or case.submission_id != latest.id:
        return [opened]
    if case.state is CaseState.READY and not intake_of(document).needs_people:
        accepted = review_rules.accept(case, request.now, needs_people=False)
        save(work, case, accepted, action="accept_document", actor=SYSTEM, now=request.now)
        case = accepted
    outcome = outcome_of(case)
    if outcome.state is UnitState.WAITING:
        # Taken in and judged: the step has nothing left to do. The review list shows whose turn it is.
        found = case.state in {CaseState.FINDINGS, CaseState.RETURNED}
        outcome = replace(outcome, state=UnitState.FLAGGED if found else UnitState.DONE)
    return [outcome]
