"""What a reviewer holds a county's document against: the period before, the year before, what was spent, what is left.

Reads only. Unknown is None, never 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import DocumentKind, Figure
from fundpool.services.documents.known_facts import RUN_RATE_MONTHS, budget_left
from fundpool.services.ports.work import Work

_SPENT_AS = {"planned_fen": "spending_fen"}
"""Figures of a plan that the report calls otherwise."""

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of the document beside what is known of it (fen)."""

    field: str
    line: str
    amount_fen: int | None
    before_fen: int | None
    """In the period before, by the version filed last that stands."""
    year_before_fen: int | None
    run_rate_fen: int | None
    """Spent a month on average, by the accepted reports of the ``months_in_rate`` months before."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of one county and scheme, with what is left of its annual budget and what its account holds (fen)."""

    figures: Sequence[ComparedFigure]
    months_in_rate: int
    budget_left_fen: int | None
    balance_fen: int | None


def comparison_of(work: Work, case: ReviewCase) -> Comparison:
    """What the case's figures are held against."""
    before, year_before = _earlier(case.month)
    last = _standing_figures(work, case, before)
    last_year = _standing_figures(work, case, year_before)
    spent = _spent(work, case)
    compared = []
    for figure in work.submissions.figures(case.submission_id):
        if figure.fund != case.fund:
            continue
        place = (figure.field, figure.line)
        rates = [
            month[field]
            for month in spent
            for field in [_SPENT_AS.get(figure.field, figure.field)]
            if field in month
        ]
        compared.append(
            ComparedFigure(
                field=figure.field,
                line=figure.line,
                amount_fen=figure.amount_fen,
                before_fen=last.get(place),
                year_before_fen=last_year.get(place),
                run_rate_fen=sum(rates) // len(rates) if rates else None,
            )
        )
    left = budget_left(work, case.city, case.month) if isinstance(case.month, Month) else None
    account = AccountRef(case.city, case.fund, AccountType.COUNTY_EXPENDITURE, case.county)
    held = work.ledger.peek([account]).get(account)
    return Comparison(
        figures=compared,
        months_in_rate=len(spent),
        budget_left_fen=(left or {}).get((case.county, case.fund)),
        balance_fen=None if held is None else held.posted_fen,
    )


def _earlier(period: Period) -> tuple[Period, Period]:
    """The period before, and the same one of the year before."""
    if isinstance(period, Year):
        return Year(period.year - 1), Year(period.year - 1)
    return period.plus(-1), period.plus(-12)


def _standing_figures(work: Work, case: ReviewCase, period: Period) -> Mapping[_Place, int | None]:
    standing = [
        version
        for version in work.submissions.versions(case.city, case.document, period, county=case.county)
        if version.stands
    ]
    return _by_place(work.submissions.figures(standing[-1].id), case.fund) if standing else {}


def _by_place(figures: Sequence[Figure], fund: str) -> Mapping[_Place, int | None]:
    return {(figure.field, figure.line): figure.amount_fen for figure in figures if figure.fund == fund}


def _spent(work: Work, case: ReviewCase) -> Sequence[Mapping[str, int]]:
    """The figures of the county's accepted reports of the months before, those that are known."""
    if not isinstance(case.month, Month):
        return ()
    months = []
    for back in range(1, RUN_RATE_MONTHS + 1):
        report = work.reviews.case(
            case.city, case.month.plus(-back), DocumentKind.REPORT, county=case.county, fund=case.fund
        )
        if report is not None and report.is_decided:
            figures = work.submissions.figures(report.submission_id)
            months.append(
                {
                    figure.field: figure.amount_fen
                    for figure in figures
                    if figure.fund == case.fund and figure.amount_fen is not None
                }
            )
    return months
