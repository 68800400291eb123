"""Is each fund safe: surplus ratio and months of coverage against the document's own lines, and the way ahead.

A full fund year is judged, as ``compute warning`` judges it: by the books when all its months are closed here, else
by the counties' final accounts. What is missing is named and never taken as nil.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from fundpool.domain.chart_of_accounts import CASH, AccountType, Flow
from fundpool.domain.errors import UndefinedPolicy
from fundpool.domain.forecast import FundMonth, Outlook, outlook, value_of
from fundpool.domain.periods import Month, Year
from fundpool.domain.policy import CityPolicy
from fundpool.domain.risk import Measure, Standing, WarningLine, judge_standing
from fundpool.domain.submission import DocumentKind
from fundpool.services.law.compute import warning_lines
from fundpool.services.oversight.hindsight import known_facts
from fundpool.services.ports.money_ports import MonthlyMovement
from fundpool.services.ports.work import Work
from schemas.lineage import Why

PERSONAL_ACCOUNT = "personal_account"
"""Individual accounts pay no pooled benefits: they are not in the benefits that coverage is measured by."""


@dataclass(frozen=True, slots=True)
class FundYear:
    """What a fund year, or the part of it that is known, came to in fen."""

    income_fen: int
    expenditure_fen: int
    balance_fen: int
    benefits_fen: int


@dataclass(frozen=True, slots=True)
class YearStanding:
    """One unit's fund year (``unit`` None: the city); ``standing`` None with the reason why not."""

    unit: str | None
    year: int
    figures: FundYear | None
    standing: Standing | None
    source: Why | None
    missing: Why | None


@dataclass(frozen=True, slots=True)
class FundSafety:
    """A fund against its lines; ``no_lines`` says why there are none.

    ``history``: the closed months of the books. What they say of the year so far is shown and not judged: the lines
    speak of a full year.
    """

    fund: str
    lines: tuple[WarningLine, ...]
    no_lines: Why | None
    city: YearStanding
    counties: tuple[YearStanding, ...]
    history: tuple[FundMonth, ...]
    outlooks: tuple[Outlook, ...]

    @property
    def running(self) -> Mapping[str, Fraction | None]:
        """The measures at the end of the last closed month."""
        return {measure.value: value_of(self.history, measure) for measure in Measure}

    @property
    def counties_alarmed(self) -> tuple[YearStanding, ...]:
        return tuple(each for each in self.counties if each.standing is not None and each.standing.alarms)

    @property
    def counties_missing(self) -> tuple[YearStanding, ...]:
        return tuple(each for each in self.counties if each.standing is None)


def fund_safety(
    work: Work, policy: CityPolicy, month: Month, *, now: datetime, until: datetime | None
) -> tuple[FundSafety, ...]:
    """Every fund of the city, seen from ``month``: the fund year before it is judged.

    ``now`` is what the books are read at; ``until`` as of ``known_facts``.
    """
    year = month.year - 1
    movements = work.ledger.monthly_movements(policy.key, now)
    closed = work.ledger.closed_months(policy.key, now)
    accounts = _final_accounts(work, policy, year, until=until)
    shown = []
    for fund in [fund.key for fund in policy.funds]:
        lines, no_lines = _lines(policy, fund, year)
        own = [each for each in movements if each.fund == fund]
        history = closed_history(own, closed.get(fund, frozenset()), month)
        counties = tuple(
            _of_account(unit.code, year, accounts.get((unit.code, fund)), lines=lines)
            for unit in policy.units
        )
        shown.append(
            FundSafety(
                fund,
                lines,
                no_lines,
                city=_of_city(year, history, counties, lines=lines),
                counties=counties,
                history=history,
                outlooks=tuple(outlook(history, line) for line in lines),
            )
        )
    return tuple(shown)


def _lines(policy: CityPolicy, fund: str, year: int) -> tuple[tuple[WarningLine, ...], Why | None]:
    try:
        return tuple(warning_lines(policy, fund, year)), None
    except UndefinedPolicy as undefined:
        return (), Why(undefined.zh, undefined.en)


def closed_history(
    movements: Sequence[MonthlyMovement], closed: frozenset[Month], until: Month
) -> tuple[FundMonth, ...]:
    """The last unbroken run of closed months of a fund up to ``until``, oldest first.

    The month whose books were opened is not in it: its balance was brought in, not earned.
    """
    opened = max((each.month for each in movements if each.flow is Flow.OPENING), default=None)
    last = max((each for each in closed if each <= until), default=None)
    if last is None:
        return ()
    first = last
    while first.plus(-1) in closed:
        first = first.plus(-1)
    if opened is not None and opened >= first:
        first = opened.plus(1)
    history = []
    balance_fen = sum(_cash_fen(each) for each in movements if each.month < first)
    month = first
    while month <= last:
        own = [each for each in movements if each.month == month]
        balance_fen += sum(_cash_fen(each) for each in own)
        history.append(
            FundMonth(
                month,
                sum(_raised_fen(each, AccountType.FUND_INCOME) for each in own) * -1,
                sum(_raised_fen(each, AccountType.FUND_EXPENDITURE) for each in own),
                benefits_fen=sum(_benefits_fen(each) for each in own),
                balance_fen=balance_fen,
            )
        )
        month = month.plus(1)
    return tuple(history)


def _raised_fen(movement: MonthlyMovement, kind: AccountType) -> int:
    """What the movement debits to accounts of the kind, less what it credits."""
    return movement.amount_fen * ((movement.debit is kind) - (movement.credit is kind))


def _cash_fen(movement: MonthlyMovement) -> int:
    return movement.amount_fen * ((movement.debit in CASH) - (movement.credit in CASH))


def _benefits_fen(movement: MonthlyMovement) -> int:
    spent = AccountType.FUND_EXPENDITURE
    item = movement.debit_detail if movement.debit is spent else movement.credit_detail
    return 0 if item == PERSONAL_ACCOUNT else _raised_fen(movement, spent)


def _of_city(
    year: int, history: Sequence[FundMonth], counties: Sequence[YearStanding], *, lines: Sequence[WarningLine]
) -> YearStanding:
    months = [each for each in history if each.month.year == year]
    if len(months) == 12:
        figures = FundYear(
            int(sum(each.income_fen for each in months)),
            int(sum(each.expenditure_fen for each in months)),
            int(months[-1].balance_fen),
            int(sum(each.benefits_fen for each in months)),
        )
        source = Why(f"{year} 年账簿，12 个月均已结账", f"books of {year}, all 12 months closed")
        return _standing(None, year, figures, lines=lines, source=source)
    known = [each.figures for each in counties if each.figures is not None]
    if counties and len(known) == len(counties):
        figures = FundYear(
            sum(each.income_fen for each in known),
            sum(each.expenditure_fen for each in known),
            sum(each.balance_fen for each in known),
            sum(each.benefits_fen for each in known),
        )
        source = Why(
            f"{len(known)} 县区 {year} 年决算合计",
            f"sum of the {year} final accounts of {len(known)} counties",
        )
        return _standing(None, year, figures, lines=lines, source=source)
    missing = Why(
        f"{year} 年账簿在此只有 {len(months)} 个已结账月份，决算表收到 {len(known)}/{len(counties)}，不能计算",
        f"{year}: the books here have {len(months)} closed months, final accounts are in from {len(known)} of "
        f"{len(counties)} counties; it cannot be computed",
    )
    return YearStanding(None, year, None, None, source=None, missing=missing)


def _of_account(
    county: str, year: int, figures: FundYear | Why | None, *, lines: Sequence[WarningLine]
) -> YearStanding:
    if isinstance(figures, FundYear):
        return _standing(
            county, year, figures, lines=lines, source=Why(f"{year} 年决算表", f"final account of {year}")
        )
    missing = figures or Why(f"{year} 年决算表未收下", f"no final account of {year} was accepted")
    return YearStanding(county, year, None, None, source=None, missing=missing)


def _standing(
    unit: str | None, year: int, figures: FundYear, *, lines: Sequence[WarningLine], source: Why
) -> YearStanding:
    standing = judge_standing(
        lines,
        income_fen=figures.income_fen,
        expenditure_fen=figures.expenditure_fen,
        balance_fen=figures.balance_fen,
        benefits_fen=figures.benefits_fen,
    )
    return YearStanding(unit, year, figures, standing, source=source, missing=None)


_ACCOUNT_FIELDS: Mapping[str, str] = {
    "income_fen": "收入合计",
    "spending_fen": "支出合计",
    "closing_fen": "年末滚存结余",
    "benefits_fen": "待遇支出",
}


def _final_accounts(
    work: Work, policy: CityPolicy, year: int, *, until: datetime | None
) -> dict[tuple[str, str], FundYear | Why]:
    """Each county's accepted final account by county and fund; a Why where it leaves a figure blank."""
    facts = known_facts(work, policy, Year(year), until=until)
    accounts: dict[tuple[str, str], FundYear | Why] = {}
    decided = [
        case for case in facts.cases if case.document is DocumentKind.FINAL_ACCOUNT and case.is_decided
    ]
    filed = work.submissions.figures_of(case.submission_id for case in decided)
    for case in decided:
        figures = {
            figure.field: figure.amount_fen
            for figure in filed[case.submission_id]
            if figure.fund == case.fund
        }
        accounts[case.county, case.fund] = _fund_year(figures.get)
    return accounts


def _fund_year(figure: Callable[[str], int | None]) -> FundYear | Why:
    found = {field: figure(field) for field in _ACCOUNT_FIELDS}
    blank = [field for field, amount in found.items() if amount is None]
    if blank:
        names = "、".join(_ACCOUNT_FIELDS[field] for field in blank)
        return Why(f"决算表未填 {names}", f"the final account leaves blank: {', '.join(blank)}")
    known = {field: amount or 0 for field, amount in found.items()}
    return FundYear(
        known["income_fen"], known["spending_fen"], known["closing_fen"], benefits_fen=known["benefits_fen"]
    )
