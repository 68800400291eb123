"""The documents beside plan and report: budget, account, working capital, subsidies, interest, payers.

They come in and are judged like a plan. What passes every check is accepted; findings, and whatever
asks for money or becomes the budget, wait for two people. Only counties that filed are answered for:
where no law orders a document, nobody is waited for.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fundpool.domain import review as review_rules
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, outcome_of
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.collection import collect_documents
from fundpool.services.documents.document_kinds import collected_by, intake_of, type_of
from fundpool.services.documents.review import openings, save
from fundpool.services.oversight.return_slips import issue_slips
from fundpool.services.ports.isolation import UnitAct, each_alone, isolated
from fundpool.services.ports.work import MonthPorts, Work

STEP = "document-collection"

Outcomes = tuple[UnitOutcome, ...]


def document_collection(ports: MonthPorts, requests: Sequence[StepRequest]) -> list[Outcomes | Exception]:
    """Take in and judge every such document of the month and of the fund years around it, city by city.

    Writes the return slips. A document whose files cannot be judged leaves the others done; its
    trouble is then the city's answer.
    """
    answers: list[Outcomes | Exception] = [() for _ in requests]
    for document in collected_by(STEP):
        for period in periods_of(document, requests[0].month):
            collected = collect_documents(ports, requests, document, period)
            asked = [
                outcomes if isinstance(outcomes, Exception) else (request, outcomes)
                for request, outcomes in zip(requests, collected, strict=True)
            ]
            settled = each_alone(lambda one: _settle(ports, document, period, *one), asked)  # noqa: B023
            answers = [_both(answer, more) for answer, more in zip(answers, settled, strict=True)]
    return answers


def periods_of(document: DocumentKind, month: Month) -> tuple[Period, ...]:
    """The periods a step of ``month`` looks after: a budget comes before its year, an account after it."""
    if type_of(document).period == "month":
        return (month,)
    return tuple(Year(month.year).plus(offset) for offset in (-1, 0, 1))


def _both(answer: Outcomes | Exception, more: Outcomes | Exception) -> Outcomes | Exception:
    if isinstance(answer, Exception):
        return answer
    return more if isinstance(more, Exception) else answer + more


def _settle(
    ports: MonthPorts,
    document: DocumentKind,
    period: Period,
    request: StepRequest,
    collected: Outcomes,
) -> Outcomes:
    """Open the cases of the counties that filed, accept what passes, write the slips."""
    policy = ports.policies.city(request.city)
    counties = _filed(ports, policy, document, period, counties_of(policy, request))
    failed = {outcome.unit for outcome in collected if outcome.state is UnitState.FAILED}
    judged = [county for county in counties if county not in failed]
    opened = isolated(ports.database, openings(policy, document, period, request, judged))
    acts = [
        UnitAct(
            case.unit,
            partial(_accept, policy=policy, document=document, period=period, request=request, opened=case),
            act_zh="未能收下",
            act_en="not accepted",
            fund=case.fund,
            amount_fen=case.amount_fen,
        )
        for cases in opened
        for case in cases
    ]
    settled = [outcome for outcomes in isolated(ports.database, acts) for outcome in outcomes]
    issue_slips(ports, policy, document, period, counties)
    told = [one for one in collected if one.unit in failed or one.unit == policy.division_code]
    kind = type_of(document)
    return tuple(
        replace(
            one,
            detail_zh=f"{kind.zh} {period}：{one.detail_zh}",
            detail_en=f"{kind.en} {period}: {one.detail_en}",
        )
        for one in (*told, *settled)
    )


def _filed(
    ports: MonthPorts,
    policy: CityPolicy,
    document: DocumentKind,
    period: Period,
    counties: Sequence[str],
) -> list[str]:
    versions = ports.database.read(lambda work: work.submissions.versions(policy.key, document, period))
    filed = {version.county for version in versions}
    return [county for county in counties if county in filed]


def _accept(
    work: Work,
    policy: CityPolicy,
    document: DocumentKind,
    period: Period,
    request: StepRequest,
    opened: UnitOutcome,
) -> list[UnitOutcome]:
    """Accept the case if the checks found nothing and people need not decide; else as it was opened."""
    if opened.fund is None:
        return [opened]
    case = work.reviews.case(policy.key, period, document, opened.unit, opened.fund)
    if case is None or case.submission_id != _latest(work, policy, document, period, opened.unit):
        return [opened]
    if case.state is CaseState.READY and not intake_of(document).needs_people:
        accepted = review_rules.accept(case, request.now, needs_people=False)
        save(work, case, accepted, "accept_document", SYSTEM, request.now)
        case = accepted
    outcome = outcome_of(case)
    if outcome.state is UnitState.WAITING:
        # Taken in and judged: the step has nothing left to do; whose turn it is, the review list says.
        found = case.state in {CaseState.FINDINGS, CaseState.RETURNED}
        outcome = replace(outcome, state=UnitState.FLAGGED if found else UnitState.DONE)
    return [outcome]


def _latest(work: Work, policy: CityPolicy, document: DocumentKind, period: Period, county: str) -> int:
    return work.submissions.versions(policy.key, document, period, county)[-1].id
