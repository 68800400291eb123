"""What a filed document is held against: the facts of the books, by the names that its definition lists.

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
from fundpool.services.books import booking
from fundpool.services.documents.document_kinds import intake_of
from fundpool.services.law.policy_terms import Terms
from fundpool.services.ports.judging import CountyFund, JudgingContext, Register
from fundpool.services.ports.work import Work
from schemas.documents.report import ITEM_KEYS, LAST_ITEM_FACTS
from schemas.documents.subsidy import LEVELS
from schemas.policy_computes import WorkingCapital

Known = Mapping[Any, Any]
"""Amounts (for recent months a list of them) by county and fund, or by county, fund and row."""

MONTHS_BACK = 12
"""How far back the last interest return is looked for: interest comes by the quarter."""
RUN_RATE_MONTHS = 6
"""How many months back a plan is compared with what was spent."""


def judging_context(
    work: Work, policy: CityPolicy, document: DocumentKind, *, period: Period
) -> JudgingContext:
    """What the database knows that documents of ``period`` are held against."""
    known = {name: FACTS[name](work, policy, period) for name in intake_of(document).held_against}
    facts = {name: fact for name, fact in known.items() if fact is not None}
    return JudgingContext(Register.of(policy.units, policy.funds, policy.name_zh), period, facts)


def decided_figures(
    work: Work, city: str, document: DocumentKind, *, period: Period
) -> dict[tuple[str, str, str], dict[str, int]]:
    """Figures of the document's decided versions, by county, fund and row."""
    figures: dict[tuple[str, str, str], dict[str, int]] = {}
    decided = [case for case in work.reviews.cases(city, period, document) if case.is_decided]
    filed = work.submissions.figures_of(case.submission_id for case in decided)
    for case in decided:
        for figure in filed[case.submission_id]:
            if figure.fund == case.fund and figure.amount_fen is not None:
                row = figures.setdefault((case.county, case.fund, figure.line), {})
                row[figure.field] = figure.amount_fen
    return figures


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
    decided = decided_figures(work, city, DocumentKind.REPORT, period=month)
    return figures | {(county, fund): row for (county, fund, _), row in decided.items()}


def granted(work: Work, city: str, year: int, *, but: Month | None = None) -> dict[CountyFund, int]:
    """What the year's applications were granted; before finance's review what was applied for.

    The openings give the months before the first month kept here. ``but`` is a month to leave out.
    """
    sums: dict[CountyFund, int] = {}
    for opening in work.budgets.openings(city):
        if opening.month.year == year and opening.year_paid_fen is not None:
            place = (opening.county, opening.fund)
            sums[place] = sums.get(place, 0) + opening.year_paid_fen
    for application in work.applications.applications(city, year=year):
        for line in application.lines if application.month != but else ():
            place = (line.county, application.fund)
            amount_fen = line.applied_fen if line.reviewed_fen is None else line.reviewed_fen
            sums[place] = sums.get(place, 0) + amount_fen
    return sums


def budget_left(work: Work, city: str, month: Month) -> dict[CountyFund, int] | None:
    """Annual budget less what the year's other months were granted; None while no budget is recorded."""
    budgets = work.budgets.budgets(city, month.year)
    others = granted(work, city, month.year, but=month)
    return {place: amount - others.get(place, 0) for place, amount in budgets.items()} or None


def _budget_left(work: Work, policy: CityPolicy, period: Period) -> Known | None:
    assert isinstance(period, Month)
    return budget_left(work, policy.key, period)


def _last_closing(work: Work, policy: CityPolicy, period: Period) -> Known:
    """What the month before closed with."""
    assert isinstance(period, Month)
    last = accepted_figures(work, policy.key, period.plus(-1))
    return {place: row["closing_fen"] for place, row in last.items() if "closing_fen" in row}


def _last_cumulative(field: str) -> Callable[[Work, CityPolicy, Period], Known]:
    """What ``field`` had come to in the year up to the month before; nil in January."""

    def known(work: Work, policy: CityPolicy, period: Period) -> Known:
        assert isinstance(period, Month)
        if period.month == 1:
            return dict.fromkeys(_places(policy), 0)
        last = accepted_figures(work, policy.key, period.plus(-1))
        return {place: row[field] for place, row in last.items() if field in row}

    return known


def _received(work: Work, policy: CityPolicy, period: Period) -> Known:
    """What the counties were paid in the month."""
    assert isinstance(period, Month)
    return {
        (county, fund): booking.received(work, policy.key, fund, unit=county, month=period)
        for county, fund in _places(policy)
    }


def _recent_spending(work: Work, policy: CityPolicy, period: Period) -> Known:
    """The spending of each month before that is known, oldest first."""
    assert isinstance(period, Month)
    spending: dict[CountyFund, list[int]] = {}
    for back in range(RUN_RATE_MONTHS, 0, -1):
        for place, row in accepted_figures(work, policy.key, period.plus(-back)).items():
            if "spending_fen" in row:
                spending.setdefault(place, []).append(row["spending_fen"])
    return spending


def _places(policy: CityPolicy) -> list[CountyFund]:
    return [(unit.code, fund.key) for unit in policy.units for fund in policy.funds]


def _booked(source: str) -> Callable[[Work, CityPolicy, Period], Known]:
    """Income of one source that the books have for the month, by the county whose account it came into."""

    def known(work: Work, policy: CityPolicy, period: Period) -> Known:
        assert isinstance(period, Month)
        sums: dict[tuple[str, ...], int] = {}
        before = datetime.combine(period.first_day, time(), SHANGHAI) - timedelta(microseconds=1)
        end = datetime.combine(period.last_day, time.max, SHANGHAI)
        for moment, sign in ((end, -1), (before, 1)):  # income is credited: its balance is below nil
            for balance in work.ledger.balances_as_of(policy.key, None, moment, recorded_until=None):
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
        figures = decided_figures(work, policy.key, document, period=Year(period.year - back))
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
            figures = decided_figures(work, policy.key, document, period=period.plus(-back))
            last |= {place: row[field] for place, row in figures.items() if field in row}
        return last

    return known


def _arrived_before(work: Work, policy: CityPolicy, period: Period) -> Known:
    """What each level had paid in by the last return of the year; nil in January."""
    assert isinstance(period, Month)
    if period.month == 1:
        return {(*place, level): 0 for place in _places(policy) for level in LEVELS}
    return _last_of_rows(DocumentKind.SUBSIDY, "year_arrived_fen", this_year=True)(work, policy, period)


def _spent_by(work: Work, policy: CityPolicy, month: Month) -> Known:
    """Year-to-date spending of the accepted reports on ``month``."""
    figures = decided_figures(work, policy.key, DocumentKind.REPORT, period=month)
    return {
        (county, fund): row["year_spending_fen"]
        for (county, fund, _), row in figures.items()
        if "year_spending_fen" in row
    }


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
    """Spending of the months that the quota's average is taken over, by the accepted reports."""
    known: dict[tuple[str, ...], int] = {}
    for fund, (_, average) in _quota_terms(policy, period.year).items():
        if average is not None:
            spent = _spent_by(work, policy, Month(period.year - 1, average.months))
            known |= {place: amount_fen for place, amount_fen in spent.items() if place[1] == fund}
    return known


FACTS: Mapping[str, Callable[[Work, CityPolicy, Period], Known | None]] = {
    "budget_left_fen": _budget_left,
    "last_closing_fen": _last_closing,
    "last_cumulative_fen": _last_cumulative("year_spending_fen"),
    **{fact: _last_cumulative(f"year_{item}") for fact, item in zip(LAST_ITEM_FACTS, ITEM_KEYS, strict=True)},
    "ledger_received_fen": _received,
    "recent_monthly_spending_fen": _recent_spending,
    "ledger_income_fen": _booked("contribution"),
    "ledger_subsidies_fen": _booked("subsidy"),
    "ledger_interest_fen": _booked("interest"),
    "last_arrived_fen": _arrived_before,
    "last_held_fen": _last_of_rows(DocumentKind.INTEREST, "held_after_fen", this_year=False),
    "quota_permille": _quota_permille,
    "quota_months": _quota_months,
    "quota_payments_fen": _quota_payments,
    "year_budget_fen": lambda work, policy, period: work.budgets.budgets(policy.key, period.year),
    "year_granted_fen": lambda work, policy, period: granted(work, policy.key, period.year),
    "year_spending_fen": lambda work, policy, period: _spent_by(work, policy, Month(period.year, 12)),
    "planned_income_fen": _of_document(DocumentKind.ANNUAL_BUDGET, "income_fen"),
    "last_year_closing_fen": _of_document(DocumentKind.FINAL_ACCOUNT, "closing_fen", back=1),
}
"""Every fact that a document's definition may list under ``held_against``; None where nobody recorded it."""
