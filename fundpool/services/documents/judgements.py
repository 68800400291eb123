"""Judging a month's documents: the files of all cities in one batch, against the budget, the books and the months before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services.books import booking
from fundpool.services.documents.document_kinds import intake_of
from fundpool.services.documents.known_facts import facts_for
from fundpool.services.ports.isolation import together
from fundpool.services.ports.judging import Judgement, JudgingContext, ParsedDocument, Register, SourceFile
from fundpool.services.ports.work import MonthPorts, Work

RUN_RATE_MONTHS = 6
"""How many months back a plan is compared with what was spent."""

CountyFund = tuple[str, str]


@dataclass(frozen=True, slots=True)
class JudgingTrouble:
    """A county whose document could not be judged; the step is run again for it."""

    county: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Docket:
    """What is to be judged of one city: the undecided versions by their file, and what they are held against."""

    month: Period
    now: datetime
    by_file: Mapping[str, Sequence[Submission]]
    sources: tuple[SourceFile, ...]
    context: JudgingContext


def docket_of(
    ports: MonthPorts,
    policy: CityPolicy,
    document: DocumentKind,
    month: Period,
    counties: Sequence[str],
    now: datetime,
) -> Docket:
    """The current version of every county whose document is not decided yet."""

    def read(work: Work) -> tuple[list[Submission], JudgingContext, dict[str, bytes]]:
        undecided = _undecided(work, policy, document, month, counties)
        if not undecided:
            return [], JudgingContext(Register.of(policy.units, policy.funds, policy.name_zh), month), {}
        cells = work.submissions.cells({version.sha256 for version in undecided})
        return undecided, judging_context(work, policy, document, month), cells

    pending, context, cells = ports.database.read(read)
    by_file: dict[str, list[Submission]] = {}
    for version in pending:
        by_file.setdefault(version.sha256, []).append(version)
    sources = tuple(
        SourceFile(versions[0].file_name, ports.raw_files.read(sha256), cells=cells.get(sha256))
        for sha256, versions in by_file.items()
    )
    return Docket(month, now, by_file, sources, context)


Judged = Sequence[tuple[ParsedDocument, Judgement | Exception]]
"""The files of one docket, each with its judgement, or with what kept it from being judged."""


def judge_dockets(ports: MonthPorts, document: DocumentKind, dockets: Sequence[Docket]) -> list[Judged]:
    """Judge the files of several cities in one batch, each against its own city's facts; nothing is stored."""
    sources = [source for docket in dockets for source in docket.sources]
    if not sources:
        return [() for _ in dockets]
    contexts = [docket.context for docket in dockets for _ in docket.sources]
    registers = [context.register for context in contexts]
    readings = iter(ports.read_documents(sources, document.value, registers, dockets[0].month))
    parsed = [[next(readings) for _ in docket.sources] for docket in dockets]
    together = [reading for of_city in parsed for reading in of_city]
    try:
        answers = iter(ports.judge_documents(together, document.value, contexts))
        judgements = [[next(answers) for _ in of_city] for of_city in parsed]
    except ServiceUnavailable:
        raise
    except Exception:  # noqa: BLE001 - one city's trouble must not keep the others from an answer
        return [
            _judgements(ports, of_city, document, docket.context)
            for docket, of_city in zip(dockets, parsed, strict=True)
        ]
    return [list(zip(of_city, own, strict=True)) for of_city, own in zip(parsed, judgements, strict=True)]


def record_judgements(ports: MonthPorts, docket: Docket, judged: Judged) -> tuple[JudgingTrouble, ...]:
    """Store the findings of one city; tells the counties that could not be judged.

    A version with a blocking finding goes back to the county. Judging again is harmless: the same
    answer changes nothing, another one (say, after a budget adjustment) counts from now on.
    """
    troubles: list[JudgingTrouble] = []
    recorders: list[_Recorder] = []
    for reading, judgement in judged:
        for version in docket.by_file[reading.sha256]:
            if isinstance(judgement, Exception):
                troubles.append(JudgingTrouble(version.county, judgement))
            else:
                recorders.append(_Recorder(version, judgement, docket.now))
    together(ports.database, recorders)
    return tuple(troubles)


def judging_context(work: Work, policy: CityPolicy, document: DocumentKind, month: Period) -> JudgingContext:
    """What the database knows about the counties' figures of ``month``."""
    held_against = intake_of(document).held_against
    if held_against or isinstance(month, Year):
        further = facts_for(work, policy, held_against, month)
        return JudgingContext(Register.of(policy.units, policy.funds, policy.name_zh), month, further=further)
    funds = tuple(fund.key for fund in policy.funds)
    places = [(unit.code, fund) for unit in policy.units for fund in funds]
    last = accepted_figures(work, policy.key, month.plus(-1))
    return JudgingContext(
        register=Register.of(policy.units, policy.funds, policy.name_zh),
        month=month,
        budget_left_fen=budget_left(work, policy.key, month),
        last_closing_fen={place: row["closing_fen"] for place, row in last.items() if "closing_fen" in row},
        last_cumulative_fen=_cumulative(last, places, month),
        ledger_received_fen=(
            {place: booking.received(work, policy.key, place[1], place[0], month) for place in places}
            if document is DocumentKind.REPORT
            else None
        ),
        recent_monthly_spending_fen=_recent_spending(work, policy.key, month),
    )


def budget_left(work: Work, city: str, month: Month) -> dict[CountyFund, int] | None:
    """Annual budget less what the year's other months were granted, per county and scheme (fen).

    What finance reviewed counts, before its review what was applied for; months before the first
    one kept here come in with the openings. None while no budget is recorded for the year.
    """
    budgets = work.budgets.budgets(city, month.year)
    if not budgets:
        return None
    left = dict(budgets)
    for opening in work.budgets.openings(city):
        place = (opening.county, opening.fund)
        if opening.month.year == month.year and place in left:
            left[place] -= opening.year_paid_fen or 0
    for application in work.applications.applications(city, year=month.year):
        for line in application.lines:
            place = (line.county, application.fund)
            if application.month != month and place in left:
                left[place] -= line.applied_fen if line.reviewed_fen is None else line.reviewed_fen
    return left


def accepted_figures(work: Work, city: str, month: Month) -> dict[CountyFund, dict[str, int]]:
    """Figures of the accepted reports on ``month``, else of the openings recorded for it."""
    figures: dict[CountyFund, dict[str, int]] = {}
    for opening in work.budgets.openings(city):
        if opening.month == month:
            known = {
                "closing_fen": opening.closing_fen,
                "spending_fen": opening.spending_fen,
                "year_spending_fen": opening.year_spending_fen,
            }
            figures[opening.county, opening.fund] = {
                name: amount for name, amount in known.items() if amount is not None
            }
    for case in work.reviews.cases(city, month, DocumentKind.REPORT):
        if case.is_decided:
            figures[case.county, case.fund] = {
                figure.field: figure.amount_fen
                for figure in work.submissions.figures(case.submission_id)
                if figure.fund == case.fund and figure.amount_fen is not None
            }
    return figures


def _undecided(
    work: Work, policy: CityPolicy, document: DocumentKind, month: Period, counties: Sequence[str]
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
    context: JudgingContext,
) -> Judged:
    try:
        return list(zip(parsed, ports.judge_documents(parsed, document.value, context), strict=True))
    except ServiceUnavailable:
        raise
    except Exception:  # noqa: BLE001 - one document's trouble must not keep the others from an answer
        return [(reading, _judged_alone(ports, reading, document, context)) for reading in parsed]


def _judged_alone(
    ports: MonthPorts, reading: ParsedDocument, document: DocumentKind, context: JudgingContext
) -> Judgement | Exception:
    try:
        return ports.judge_documents([reading], document.value, context)[0]
    except Exception as error:  # noqa: BLE001 - reported as this county's failure, never as a pass
        return error


class _Recorder:
    """Stores one judgement and what follows from its verdict (may run more than once)."""

    def __init__(self, version: Submission, judgement: Judgement, now: datetime) -> None:
        self._version = version
        self._judgement = judgement
        self._now = now

    def __call__(self, work: Work) -> None:
        judgement = self._judgement
        work.submissions.judge(
            self._version.id,
            self._now,
            judgement.verdict,
            judgement.declared,
            judgement.evaluated,
            judgement.findings,
        )
        if judgement.verdict is Verdict.RETURN and self._version.returned_at is None:
            reason = summary_of(judgement.findings)
            work.submissions.set_returned(self._version.id, self._now, SYSTEM, reason)
        elif judgement.verdict is not Verdict.RETURN and self._version.returned_by == SYSTEM:
            work.submissions.set_returned(self._version.id, None, None, None)


def summary_of(findings: Iterable[Finding]) -> str:
    """The blocking findings in one line of Chinese, for the return notice."""
    blocking = [f.message_zh for f in findings if f.severity is Severity.BLOCK]
    return "；".join(dict.fromkeys(blocking)) or "校验未完成"


def _cumulative(
    last: Mapping[CountyFund, Mapping[str, int]], places: Iterable[CountyFund], month: Month
) -> dict[CountyFund, int]:
    if month.month == 1:
        return dict.fromkeys(places, 0)
    return {place: row["year_spending_fen"] for place, row in last.items() if "year_spending_fen" in row}


def _recent_spending(work: Work, city: str, month: Month) -> dict[CountyFund, list[int]]:
    spending: dict[CountyFund, list[int]] = {}
    for back in range(RUN_RATE_MONTHS, 0, -1):
        for place, row in accepted_figures(work, city, month.plus(-back)).items():
            if "spending_fen" in row:
                spending.setdefault(place, []).append(row["spending_fen"])
    return spending
