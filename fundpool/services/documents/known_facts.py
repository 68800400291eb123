"""What the books know that a filed document can be held against, by the names its definition lists.

Amounts in fen by county and fund, and of a list's rows by what names the row. Nothing is guessed: a
place that the books do not know is absent.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import SHANGHAI, Month, Period, Year
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind
from fundpool.domain.working_capital import Average
from fundpool.services.law.policy_terms import Terms
from fundpool.services.ports.work import Work
from schemas.documents.subsidy import LEVELS
from schemas.policy_computes import WorkingCapital

Known = Mapping[Any, int]
"""By county and fund, or by county, fund and row."""

MONTHS_BACK = 12
"""How far back the last interest return is looked for: interest comes by the quarter."""


def facts_for(work: Work, policy: CityPolicy, names: tuple[str, ...], period: Period) -> dict[str, Known]:
    """The facts called ``names`` for documents of ``period``."""
    return {name: FACTS[name](work, policy, period) for name in names}


def decided_figures(
    work: Work, city: str, document: DocumentKind, period: Period
) -> dict[tuple[str, str, str], dict[str, int]]:
    """Figures of the document's versions that count, by county, fund and row."""
    figures: dict[tuple[str, str, str], dict[str, int]] = {}
    for case in work.reviews.cases(city, period, document):
        if case.is_decided:
            for figure in work.submissions.figures(case.submission_id):
                if figure.fund == case.fund and figure.amount_fen is not None:
                    row = figures.setdefault((case.county, case.fund, figure.line), {})
                    row[figure.field] = figure.amount_fen
    return figures


def granted(work: Work, city: str, year: int) -> dict[tuple[str, str], int]:
    """What the year's applications were granted; before finance's review what was applied for."""
    sums: dict[tuple[str, str], int] = {}
    for opening in work.budgets.openings(city):
        if opening.month.year == year and opening.year_paid_fen is not None:
            sums[opening.county, opening.fund] = opening.year_paid_fen
    for application in work.applications.applications(city, year=year):
        for line in application.lines:
            place = (line.county, application.fund)
            amount_fen = line.applied_fen if line.reviewed_fen is None else line.reviewed_fen
            sums[place] = sums.get(place, 0) + amount_fen
    return sums


def _booked(source: str) -> Callable[[Work, CityPolicy, Period], Known]:
    """Income of one source that the books have for the month, by the county whose account it came into."""

    def known(work: Work, policy: CityPolicy, period: Period) -> Known:
        assert isinstance(period, Month)
        sums: dict[tuple[str, ...], int] = {}
        before = datetime.combine(period.first_day, time(), SHANGHAI) - timedelta(microseconds=1)
        end = datetime.combine(period.last_day, time.max, SHANGHAI)
        for moment, sign in ((end, -1), (before, 1)):  # income is credited: its balance is below nil
            for balance in work.ledger.balances_as_of(policy.key, None, moment, None):
                if balance.ref.type is AccountType.FUND_INCOME and balance.ref.detail == source:
                    place = (balance.ref.unit, balance.ref.fund)
                    sums[place] = sums.get(place, 0) + sign * balance.posted_fen
        return {place: amount_fen for place, amount_fen in sums.items() if amount_fen}

    return known


def _of_document(
    document: DocumentKind, field: str, back: int = 0
) -> Callable[[Work, CityPolicy, Period], Known]:
    """A figure of the decided document of the year, or of ``back`` years before."""

    def known(work: Work, policy: CityPolicy, period: Period) -> Known:
        figures = decided_figures(work, policy.key, document, Year(period.year - back))
        return {(county, fund): row[field] for (county, fund, _), row in figures.items() if field in row}

    return known


def _last_of_rows(
    document: DocumentKind, field: str, *, this_year: bool
) -> Callable[[Work, CityPolicy, Period], Known]:
    """A figure of each row's last decided return before the month."""

    def known(work: Work, policy: CityPolicy, period: Period) -> Known:
        assert isinstance(period, Month)
        last: dict[tuple[str, ...], int] = {}
        for back in range(period.month - 1 if this_year else MONTHS_BACK, 0, -1):
            figures = decided_figures(work, policy.key, document, period.plus(-back))
            last |= {place: row[field] for place, row in figures.items() if field in row}
        return last

    return known


def _arrived_before(work: Work, policy: CityPolicy, period: Period) -> Known:
    """What each level had paid in by the last return of the year; nil in January."""
    assert isinstance(period, Month)
    if period.month == 1:
        places = [(unit.code, fund.key) for unit in policy.units for fund in policy.funds]
        return {(*place, level): 0 for place in places for level in LEVELS}
    return _last_of_rows(DocumentKind.SUBSIDY, "year_arrived_fen", this_year=True)(work, policy, period)


def _spent_by(work: Work, policy: CityPolicy, month: Month) -> Known:
    """Year-to-date spending of the accepted reports on ``month``."""
    figures = decided_figures(work, policy.key, DocumentKind.REPORT, month)
    return {
        (county, fund): row["year_spending_fen"]
        for (county, fund, _), row in figures.items()
        if "year_spending_fen" in row
    }


def _year_spending(work: Work, policy: CityPolicy, period: Period) -> Known:
    return _spent_by(work, policy, Month(period.year, 12))


def _quota_terms(policy: CityPolicy, year: int) -> dict[str, tuple[int, Average | None]]:
    """Per fund: how many months' payments the quota is, in thousandths, and the months of the average.

    0 and None where the city's documents provide no working capital; a fund is absent where they
    leave a value open, or the thousandths are not whole.
    """
    found: dict[str, tuple[int, Average | None]] = {}
    for fund in policy.funds:
        try:
            terms = Terms(policy, fund, year)
            stated = terms.stated(WorkingCapital)
            if not stated:
                found[fund.key] = (0, None)
                continue
            rule, block = stated[0]
            permille = terms.number(block.months, rule) * 1000
            if permille.denominator == 1:
                found[fund.key] = (int(permille), terms.choose(block.average, Average))
        except FundpoolError:
            continue
    return found


def _quota_permille(_work: Work, policy: CityPolicy, period: Period) -> Known:
    terms = _quota_terms(policy, period.year)
    return {(unit.code, fund): permille for unit in policy.units for fund, (permille, _) in terms.items()}


def _quota_months(_work: Work, policy: CityPolicy, period: Period) -> Known:
    terms = _quota_terms(policy, period.year)
    return {
        (unit.code, fund): average.months
        for unit in policy.units
        for fund, (_, average) in terms.items()
        if average is not None
    }


def _quota_payments(work: Work, policy: CityPolicy, period: Period) -> Known:
    """What the books say was spent in the months that the quota's average is taken over."""
    known: dict[tuple[str, ...], int] = {}
    for fund, (_, average) in _quota_terms(policy, period.year).items():
        if average is not None:
            spent = _spent_by(work, policy, Month(period.year - 1, average.months))
            known |= {place: amount_fen for place, amount_fen in spent.items() if place[1] == fund}
    return known


def _year_budget(work: Work, policy: CityPolicy, period: Period) -> Known:
    return work.budgets.budgets(policy.key, period.year)


def _year_granted(work: Work, policy: CityPolicy, period: Period) -> Known:
    return granted(work, policy.key, period.year)


FACTS: Mapping[str, Callable[[Work, CityPolicy, Period], Known]] = {
    "ledger_income_fen": _booked("contribution"),
    "ledger_subsidies_fen": _booked("subsidy"),
    "ledger_interest_fen": _booked("interest"),
    "last_arrived_fen": _arrived_before,
    "last_held_fen": _last_of_rows(DocumentKind.INTEREST, "held_after_fen", this_year=False),
    "quota_permille": _quota_permille,
    "quota_months": _quota_months,
    "quota_payments_fen": _quota_payments,
    "year_budget_fen": _year_budget,
    "year_granted_fen": _year_granted,
    "year_spending_fen": _year_spending,
    "planned_income_fen": _of_document(DocumentKind.ANNUAL_BUDGET, "income_fen"),
    "last_year_closing_fen": _of_document(DocumentKind.FINAL_ACCOUNT, "closing_fen", back=1),
}
"""Every fact that a document's definition may list under ``held_against``."""
