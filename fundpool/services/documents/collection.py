"""Collecting one period's documents of one or many cities: intake, judging, and an answer for every county."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fundpool.domain.findings import Severity, Verdict
from fundpool.domain.month_records import NilReturn
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState, counties_of
from fundpool.domain.periods import Period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind, Submission, return_reason_en
from fundpool.services.documents.document_kinds import reviewed_amounts
from fundpool.services.documents.intake import Arrival, FileReceipt, read_arrivals, record_readings, take_in
from fundpool.services.documents.judgements import (
    Docket,
    JudgingTrouble,
    docket_of,
    judge_dockets,
    record_judgements,
)
from fundpool.services.ports.isolation import each_alone, told
from fundpool.services.ports.work import MonthPorts, Work

Outcomes = tuple[UnitOutcome, ...]


def collect_documents(
    ports: MonthPorts, requests: Sequence[StepRequest], document: DocumentKind, period: Period
) -> list[Outcomes | Exception]:
    """Take in what arrived, judge the period's documents and say how each county stands, city by city.

    The files of all cities are read by one parser and judged in one batch, which costs little more
    than one city's; what a city keeps and records is its own, and so is its trouble: an exception in
    its place. Each request is for another city.
    """
    arrived = each_alone(partial(_take_in, ports, document), requests)
    readings = iter(read_arrivals(ports, document, [one.arrival for one in _well(arrived)]))
    recorded = each_alone(
        lambda one: _Recorded(one.request, record_readings(ports, one.arrival, next(readings))), arrived
    )
    listed = each_alone(partial(_list, ports, document, period), recorded)
    judged = iter(judge_dockets(ports, document, [one.docket for one in _well(listed)]))
    return each_alone(
        lambda one: _outcomes(
            ports, document, period, one, record_judgements(ports, one.docket, next(judged))
        ),
        listed,
    )


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Arrived:
    request: StepRequest
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class _Recorded:
    request: StepRequest
    bad_files: tuple[FileReceipt, ...]


@dataclass(frozen=True, slots=True)
class _Listed:
    request: StepRequest
    bad_files: tuple[FileReceipt, ...]
    docket: Docket


def _well(cities: Sequence[T | Exception]) -> list[T]:
    return [one for one in cities if not isinstance(one, Exception)]


def _take_in(ports: MonthPorts, document: DocumentKind, request: StepRequest) -> _Arrived:
    policy = ports.policies.city(request.city)
    arrival = take_in(ports, policy, document, request.now, is_played=request.is_played)
    return _Arrived(request, arrival)


def _list(ports: MonthPorts, document: DocumentKind, period: Period, recorded: _Recorded) -> _Listed:
    request = recorded.request
    policy = ports.policies.city(request.city)
    counties = counties_of(policy, request)
    docket = docket_of(ports, policy, document, period, counties, request.now)
    return _Listed(request, recorded.bad_files, docket)


def _outcomes(
    ports: MonthPorts,
    document: DocumentKind,
    period: Period,
    listed: _Listed,
    troubles: Sequence[JudgingTrouble],
) -> Outcomes:
    request = listed.request
    policy = ports.policies.city(request.city)

    def outcomes(work: Work) -> Outcomes:
        versions = work.submissions.versions(policy.key, document, period)
        latest = {version.county: version for version in versions}
        nil = {
            (known.document, known.county): known for known in work.records.nil_returns(policy.key, period)
        }
        return tuple(
            _outcome(work, county, latest.get(county), nil.get((document, county)), troubles)
            for county in counties_of(policy, request)
        )

    return ports.database.read(outcomes) + tuple(_bad_file(policy, receipt) for receipt in listed.bad_files)


def _outcome(
    work: Work,
    county: str,
    version: Submission | None,
    nil: NilReturn | None,
    troubles: Sequence[JudgingTrouble],
) -> UnitOutcome:
    trouble = next((trouble for trouble in troubles if trouble.county == county), None)
    if trouble is not None:
        code, zh, en = told(trouble.error)
        return UnitOutcome(
            county, UnitState.FAILED, f"校验未能完成：{zh}", f"not judged: {en}", error_code=code
        )
    if version is not None and (version.stands or nil is None):
        return _filed(work, version)
    if nil is not None:
        return UnitOutcome(county, UnitState.DONE, nil.told_zh, nil.told_en)
    return UnitOutcome(county, UnitState.WAITING, "尚未报送，等县区", "nothing filed; the county's turn")


def _filed(work: Work, version: Submission) -> UnitOutcome:
    """How a filed version stands: returned, decided, passed, or with findings for the reviewer."""
    amounts = reviewed_amounts(version.document, work.submissions.figures(version.id))
    amount_fen = sum(amount or 0 for amount in amounts.values())
    cases = [
        case
        for case in work.reviews.cases(version.city, version.month, version.document)
        if case.submission_id == version.id
    ]
    serious = [f for f in work.submissions.findings(version.id) if f.severity is not Severity.NOTE]
    number = version.version
    if not version.stands:
        state = UnitState.FLAGGED
        zh = f"第 {number} 版已退回，等县区重报：{version.return_reason}"
        why = return_reason_en(version, work.submissions.findings(version.id))
        en = f"version {number} went back to the county: {why}"
    elif cases and all(case.is_decided for case in cases):
        state, zh, en = UnitState.DONE, f"第 {number} 版已审定", f"version {number} is decided"
    elif version.verdict is Verdict.PASS:
        state, zh, en = UnitState.DONE, f"第 {number} 版校验通过", f"version {number} passed every check"
    else:
        state = UnitState.FLAGGED
        zh = f"第 {number} 版有 {len(serious)} 条问题待审核"
        en = f"version {number} has {len(serious)} findings for the reviewer"
    return UnitOutcome(version.county, state, zh, en, amount_fen=amount_fen)


def _bad_file(policy: CityPolicy, receipt: FileReceipt) -> UnitOutcome:
    zh = receipt.error.zh if receipt.error else receipt.file_name
    en = receipt.error.en if receipt.error else receipt.file_name
    code = receipt.error.code if receipt.error else None
    return UnitOutcome(policy.division_code, UnitState.FLAGGED, zh, en, error_code=code)
