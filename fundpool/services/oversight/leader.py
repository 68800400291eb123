"""The leader's page (领导页): late, unpaid, safe, on budget, punctual; all of one snapshot."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from fundpool.domain.budget_execution import BudgetExecution
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import OUTCOME_UNKNOWN, Obligation, ObligationState
from fundpool.services.oversight.fund_safety import FundSafety, fund_safety
from fundpool.services.oversight.overview import fund_money
from fundpool.services.oversight.punctuality import (
    LateDuty,
    League,
    MonthsRead,
    league_of,
    read_months,
    twelve_months,
)
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import FundMoney

_OVER = frozenset({ObligationState.SETTLED, ObligationState.CANCELLED})

UNKNOWN = "unknown"
"""Shown for an order with the bank whose outcome nobody here knows."""

_MOST_URGENT = (
    ObligationState.HELD,
    ObligationState.FAILED,
    ObligationState.RETURNED,
    ObligationState.PARTLY_RETURNED,
    ObligationState.IN_FLIGHT,
)


@dataclass(frozen=True, slots=True)
class UnpaidGroup:
    """Payments of one month, scheme and state that have not reached their payee."""

    month: Month
    fund: str
    state: str
    payments: int
    amount_fen: int
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FundBudget:
    """Budget execution of one scheme: of the counties with both figures, ``known`` of ``counties``.

    ``month`` is the last month whose reports were accepted; None while there is none this year.
    """

    fund: str
    month: Month | None
    total: BudgetExecution
    counties: tuple[tuple[str, BudgetExecution], ...]

    @property
    def known(self) -> int:
        return sum(execution.executed is not None for _, execution in self.counties)


@dataclass(frozen=True, slots=True)
class LeaderView:
    """What the leader's page shows."""

    late: tuple[LateDuty, ...]
    money: tuple[FundMoney, ...]
    unpaid: tuple[UnpaidGroup, ...]
    safety: tuple[FundSafety, ...]
    budgets: tuple[FundBudget, ...]
    league: League


def leader_view(
    ports: MonthPorts, city: str, month: Month, *, now: datetime, until: datetime | None
) -> LeaderView:
    """Everything of the page, from the twelve months that end with ``month``. Raises InputError for an unknown city."""
    policy = ports.policies.city(city)

    def read(work: Work) -> LeaderView:
        months = read_months(
            ports, work, policy, first=twelve_months(month), last=month, now=now, until=until
        )
        facts = months.facts.get(month)
        return LeaderView(
            late=tuple(months.late()),
            money=tuple(fund_money(policy, facts)) if facts else (),
            unpaid=unpaid_groups(
                [each for known in months.facts.values() for each in known.obligations],
                unknown={
                    attempt.obligation_id
                    for attempt in work.attempts.in_states(OUTCOME_UNKNOWN, city=policy.key)
                },
            ),
            safety=fund_safety(work, policy, month, now=now, until=until),
            budgets=fund_budgets(work, policy, months, month=month, now=now),
            league=league_of(policy, months, now),
        )

    return ports.database.read(read)


def unpaid_groups(obligations: Sequence[Obligation], unknown: Collection[int]) -> tuple[UnpaidGroup, ...]:
    """What is ordered and has not arrived, what needs a person first; a replaced order counts once, by the last.

    A payment that came back in part owes what came back. ``unknown``: ids of those of which nobody here knows
    whether the bank has paid.
    """
    latest: dict[str, Obligation] = {}
    for each in obligations:
        before = latest.get(each.payment_key)
        if before is None or before.revision < each.revision:
            latest[each.payment_key] = each
    groups: dict[tuple[Month, str, str], list[Obligation]] = {}
    for each in latest.values():
        if each.state not in _OVER:
            is_unknown = each.id in unknown and each.state is ObligationState.IN_FLIGHT
            state = UNKNOWN if is_unknown else each.state.value
            groups.setdefault((each.month, each.fund, state), []).append(each)
    shown = [
        UnpaidGroup(
            month,
            fund,
            state,
            payments=len(found),
            amount_fen=sum(each.amount_fen - each.paid_fen for each in found),
            units=tuple(each.unit for each in found),
        )
        for (month, fund, state), found in groups.items()
    ]
    urgent = [UNKNOWN, *(state.value for state in _MOST_URGENT)]
    return tuple(
        sorted(
            shown,
            key=lambda group: (
                urgent.index(group.state) if group.state in urgent else len(urgent),
                group.month,
                group.fund,
            ),
        )
    )


def fund_budgets(
    work: Work, policy: CityPolicy, read: MonthsRead, *, month: Month, now: datetime
) -> tuple[FundBudget, ...]:
    """Spending of the year by the last accepted reports beside the budget and the months gone."""
    budgets = {
        (revision.county, revision.fund): revision.amount_fen
        for revision in work.budgets.budget_revisions(policy.key, month.year)
        if revision.recorded_at <= now
    }
    reported, spent = _reported(work, read, month)
    shown = []
    for fund in [fund.key for fund in policy.funds]:
        months = reported.month if reported else month.month
        counties = tuple(
            (
                unit.code,
                BudgetExecution(budgets.get((unit.code, fund)), spent.get((unit.code, fund)), months),
            )
            for unit in policy.units
        )
        known = [execution for _, execution in counties if execution.executed is not None]
        total = BudgetExecution(
            sum(each.budget_fen or 0 for each in known) if known else None,
            sum(each.spent_fen or 0 for each in known) if known else None,
            months,
        )
        shown.append(FundBudget(fund, reported, total, counties))
    return tuple(shown)


def _reported(work: Work, read: MonthsRead, month: Month) -> tuple[Month | None, dict[tuple[str, str], int]]:
    """The last month of the year with accepted reports, and the year's spending in them by county and fund."""
    for each in reversed([known for known in read.months if known.year == month.year]):
        cases = [
            case
            for case in read.facts[each].cases
            if case.document is DocumentKind.REPORT and case.is_decided
        ]
        figures = work.submissions.figures_of(case.submission_id for case in cases)
        spent = {
            (case.county, case.fund): figure.amount_fen
            for case in cases
            for figure in figures[case.submission_id]
            if (figure.fund, figure.field) == (case.fund, "year_spending_fen")
            and figure.amount_fen is not None
        }
        if spent:
            return each, spent
    return None, {}
