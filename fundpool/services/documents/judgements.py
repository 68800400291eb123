"""Judging a month's documents: the files of all cities in one batch, against the budget, the books and the months before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services.documents.known_facts import judging_context
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.ports.isolation import together
from fundpool.services.ports.judging import Judgement, JudgingContext, ParsedDocument, Register, SourceFile
from fundpool.services.ports.work import MonthPorts, Work


@dataclass(frozen=True, slots=True)
class JudgingTrouble:
    """A county whose document could not be judged; the step is run again for it."""

    county: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Docket:
    """What is to be judged of one city: the undecided versions by their file, and what they are held against."""

    now: datetime
    by_file: Mapping[str, Sequence[Submission]]
    sources: tuple[SourceFile, ...]
    context: JudgingContext


def docket_of(
    ports: MonthPorts,
    policy: CityPolicy,
    document: DocumentKind,
    *,
    month: Period,
    counties: Sequence[str],
    now: datetime,
) -> Docket:
    """The current version of every county whose document is not decided yet."""

    def read(work: Work) -> tuple[list[Submission], JudgingContext, dict[str, bytes]]:
        undecided = _undecided(work, policy, document, month=month, counties=counties)
        if not undecided:
            return [], JudgingContext(Register.of(policy.units, policy.funds, policy.name_zh), month), {}
        cells = work.submissions.cells({version.sha256 for version in undecided})
        return undecided, judging_context(work, policy, document, period=month), cells

    pending, context, cells = ports.database.read(read)
    by_file: dict[str, list[Submission]] = {}
    for version in pending:
        by_file.setdefault(version.sha256, []).append(version)
    sources = ports.database.read(
        lambda work: tuple(
            SourceFile(versions[0].file_name, raw_content(ports, work, sha256), cells=cells.get(sha256))
            for sha256, versions in by_file.items()
        )
    )
    return Docket(now, by_file, sources, context=context)


Judged = Sequence[tuple[ParsedDocument, Judgement | Exception]]
"""The files of one docket, each with its judgement, or with what kept it from being judged."""


def judge_dockets(ports: MonthPorts, document: DocumentKind, dockets: Sequence[Docket]) -> list[Judged]:
    """Judge the files of several cities in one batch, each against its own city's facts; nothing is stored."""
    sources = [source for docket in dockets for source in docket.sources]
    if not sources:
        return [() for _ in dockets]
    contexts = [docket.context for docket in dockets for _ in docket.sources]
    registers = [context.register for context in contexts]
    readings = iter(ports.read_documents(sources, document.value, registers, month=contexts[0].month))
    parsed = [[next(readings) for _ in docket.sources] for docket in dockets]
    together = [reading for of_city in parsed for reading in of_city]
    try:
        answers = iter(ports.judge_documents(together, document.value, contexts))
        judgements = [[next(answers) for _ in of_city] for of_city in parsed]
    except ServiceUnavailable:
        raise
    except Exception:  # noqa: BLE001 - one city's trouble must not keep the others from an answer
        return [
            _judgements(ports, of_city, document, context=docket.context)
            for docket, of_city in zip(dockets, parsed, strict=True)
        ]
    return [list(zip(of_city, own, strict=True)) for of_city, own in zip(parsed, judgements, strict=True)]


def record_judgements(ports: MonthPorts, docket: Docket, judged: Judged) -> tuple[JudgingTrouble, ...]:
    """Store the findings of one city and return the counties that could not be judged.

    A version with a blocking finding goes back to the county. Judging again is idempotent: the same
    judgement changes nothing; another one (for example after a budget adjustment) replaces it.
    """
    troubles: list[JudgingTrouble] = []
    records: list[Callable[[Work], None]] = []
    for reading, judgement in judged:
        for version in docket.by_file[reading.sha256]:
            if isinstance(judgement, Exception):
                troubles.append(JudgingTrouble(version.county, judgement))
            else:
                records.append(partial(_record, version=version, judgement=judgement, now=docket.now))
    together(ports.database, records)
    return tuple(troubles)


def _undecided(
    work: Work, policy: CityPolicy, document: DocumentKind, *, month: Period, counties: Sequence[str]
) -> list[Submission]:
    decided = {
        case.submission_id
        for case in work.reviews.cases(policy.key, month, document)
        if case.is_decided or case.maker is not None
    }
    latest = {version.county: version for version in work.submissions.versions(policy.key, document, month)}
    return [
        version
        for county, version in latest.items()
        if county in counties and version.id not in decided and version.returned_by in {None, SYSTEM}
    ]


def _judgements(
    ports: MonthPorts,
    parsed: Sequence[ParsedDocument],
    document: DocumentKind,
    *,
    context: JudgingContext,
) -> Judged:
    try:
        return list(zip(parsed, ports.judge_documents(parsed, document.value, context), strict=True))
    except ServiceUnavailable:
        raise
    except Exception:  # noqa: BLE001 - one document's trouble must not keep the others from an answer
        return [(reading, _judged_alone(ports, reading, document, context=context)) for reading in parsed]


def _judged_alone(
    ports: MonthPorts, reading: ParsedDocument, document: DocumentKind, *, context: JudgingContext
) -> Judgement | Exception:
    try:
        return ports.judge_documents([reading], document.value, context)[0]
    except Exception as error:  # noqa: BLE001 - reported as this county's failure, never as a pass
        return error


def _record(work: Work, version: Submission, judgement: Judgement, *, now: datetime) -> None:
    """Store a judgement and what follows from its verdict."""
    work.submissions.judge(
        version.id,
        now,
        judgement.verdict,
        declared=judgement.declared,
        evaluated=judgement.evaluated,
        findings=judgement.findings,
    )
    if judgement.verdict is Verdict.RETURN and version.returned_at is None:
        work.submissions.set_returned(version.id, now, SYSTEM, reason=summary_of(judgement.findings))
    elif judgement.verdict is not Verdict.RETURN and version.returned_by == SYSTEM:
        work.submissions.set_returned(version.id, None, None, reason=None)


def summary_of(findings: Iterable[Finding]) -> str:
    """The blocking findings in one line of Chinese, for the return notice."""
    blocking = [f.message_zh for f in findings if f.severity is Severity.BLOCK]
    return "；".join(dict.fromkeys(blocking)) or "校验未完成"
