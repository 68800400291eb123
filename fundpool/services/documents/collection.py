"""Collecting one period's documents of one or many cities: intake, judging, and an answer for every county."""

from collections.abc import Sequence

from fundpool.domain.findings import Severity, Verdict
from fundpool.domain.month_records import NilReturn
from fundpool.domain.outcomes import (
    CityInHand,
    Outcomes,
    StepInHand,
    StepRequest,
    UnitOutcome,
    UnitState,
    counties_of,
)
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
from fundpool.services.ports.isolation import failure, for_each_city
from fundpool.services.ports.work import MonthPorts, Work


def take_in_documents(ports: MonthPorts, step: StepInHand, document: DocumentKind) -> StepInHand:
    """Keep, record and read what arrived of one kind of document, city by city; a bad file is an outcome.

    One parser reads the files of all cities.
    """
    arrivals: dict[str, Arrival] = {}

    def receive(city: CityInHand) -> Outcomes:
        request, policy = city.request, ports.policies.city(city.request.city)
        arrivals[request.city] = take_in(
            ports, policy, document, now=request.now, is_played=request.is_played
        )
        return city.outcomes

    received = for_each_city(step, receive)
    readings = dict(zip(arrivals, read_arrivals(ports, document, list(arrivals.values())), strict=True))

    def record(city: CityInHand) -> Outcomes:
        arrival = arrivals[city.request.city]
        bad_files = record_readings(ports, arrival, readings[city.request.city])
        return (*city.outcomes, *(_bad_file(arrival.policy, receipt) for receipt in bad_files))

    return for_each_city(received, record)


def judge_documents(
    ports: MonthPorts, step: StepInHand, document: DocumentKind, *, period: Period
) -> StepInHand:
    """Judge the period's documents that are not decided yet; the outcomes are how each county stands, city by city.

    The files of all cities are judged in one batch, which costs little more than one city's.
    """
    dockets: dict[str, Docket] = {}

    def list_undecided(city: CityInHand) -> Outcomes:
        request, policy = city.request, ports.policies.city(city.request.city)
        dockets[request.city] = docket_of(
            ports, policy, document, month=period, counties=counties_of(policy, request), now=request.now
        )
        return city.outcomes

    listed = for_each_city(step, list_undecided)
    judged = dict(zip(dockets, judge_dockets(ports, document, list(dockets.values())), strict=True))

    def record(city: CityInHand) -> Outcomes:
        key = city.request.city
        troubles = record_judgements(ports, dockets[key], judged[key])
        return (*_standings(ports, document, period, request=city.request, troubles=troubles), *city.outcomes)

    return for_each_city(listed, record)


def _standings(
    ports: MonthPorts,
    document: DocumentKind,
    period: Period,
    *,
    request: StepRequest,
    troubles: Sequence[JudgingTrouble],
) -> Outcomes:
    policy = ports.policies.city(request.city)

    def read(work: Work) -> Outcomes:
        versions = work.submissions.versions(policy.key, document, period)
        latest = {version.county: version for version in versions}
        nil = {
            (known.document, known.county): known for known in work.records.nil_returns(policy.key, period)
        }
        return [
            _outcome(work, county, latest.get(county), nil=nil.get((document, county)), troubles=troubles)
            for county in counties_of(policy, request)
        ]

    return ports.database.read(read)


def _outcome(
    work: Work,
    county: str,
    version: Submission | None,
    *,
    nil: NilReturn | None,
    troubles: Sequence[JudgingTrouble],
) -> UnitOutcome:
    trouble = next((trouble for trouble in troubles if trouble.county == county), None)
    if trouble is not None:
        return failure(trouble.error, county, "校验未能完成", act_en="not judged")
    if version is not None and (version.stands or nil is None):
        return _filed(work, version)
    if nil is not None:
        return UnitOutcome(county, UnitState.DONE, nil.text_zh, detail_en=nil.text_en)
    return UnitOutcome(
        county, UnitState.WAITING, "尚未报送，等县区", detail_en="nothing filed; the county's turn"
    )


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
    return UnitOutcome(version.county, state, zh, detail_en=en, amount_fen=amount_fen)


def _bad_file(policy: CityPolicy, receipt: FileReceipt) -> UnitOutcome:
    error = receipt.error
    return UnitOutcome(
        policy.division_code,
        UnitState.FLAGGED,
        error.zh if error else receipt.file_name,
        detail_en=error.en if error else receipt.file_name,
        error_code=error.code if error else None,
        remedy=error.remedy if error else None,
    )
