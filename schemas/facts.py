"""The facts that ``fundpool compute`` is given: amounts are whole fen, nothing is coerced.

Strict: 1.0, "1" and true are not amounts, an unknown key is an error (a misspelt fact must not
silently count as absent), and nothing is negative.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from fundpool.domain.settlement_rules import Appraisal

Fen = Annotated[StrictInt, Field(ge=0, le=10**16)]
"""An amount that is not negative; above a hundred trillion yuan somebody mistook the unit."""
County = Annotated[StrictStr, Field(min_length=1, max_length=20)]


class Facts(BaseModel):
    """Base of all facts."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class CountyYearFacts(Facts):
    """One county's year."""

    code: County
    income_fen: Fen
    expenditure_fen: Fen
    budget_income_fen: Fen
    budget_expenditure_fen: Fen
    fault_fen: Fen
    stored_balance_fen: Fen
    appraisal: Appraisal
    recovered_fen: Fen = 0


class PoolFacts(Facts):
    """The city's pools before the settlement; a missing pool is 0."""

    city_balance_fen: Fen = 0
    risk_reserve_fen: Fen = 0
    collected_fund_fen: Fen = 0
    adjustment_fund_fen: Fen = 0


class SettlementFacts(Facts):
    """The year of all counties of one fund."""

    counties: Annotated[tuple[CountyYearFacts, ...], Field(min_length=1)]
    pools: PoolFacts


class WarningFacts(Facts):
    """The fund's full year."""

    income_fen: Fen
    expenditure_fen: Fen
    balance_fen: Fen
    benefits_fen: Fen


class RiskReserveFacts(Facts):
    """Last year's income and what the reserve holds."""

    prior_income_fen: Fen
    balance_fen: Fen


class CountyPaymentsFacts(Facts):
    """One county's payments, month by month from January."""

    code: County
    monthly_payments_fen: Annotated[tuple[Fen, ...], Field(min_length=1, max_length=12)]


class WorkingCapitalFacts(Facts):
    """The counties' payments."""

    counties: Annotated[tuple[CountyPaymentsFacts, ...], Field(min_length=1)]


class CountyPositionFacts(Facts):
    """What one county holds, spent, lacked and insures."""

    code: County
    stored_balance_fen: Fen
    prior_expenditure_fen: Fen
    deficit_fen: Fen
    insured: Annotated[StrictInt, Field(ge=0)]


class CollectedFundFacts(Facts):
    """The collected fund and its counties."""

    first: StrictBool
    prior_expenditure_fen: Fen
    fund_balance_fen: Fen
    counties: Annotated[tuple[CountyPositionFacts, ...], Field(min_length=1)]


class SubsidyQuartersFacts(Facts):
    """The subsidy budgeted at the start of the year."""

    annual_budget_fen: Fen


class MonthlyCapFacts(Facts):
    """The year's budget, what was paid before, what is requested now."""

    annual_budget_fen: Fen
    paid_fen: Fen
    requested_fen: Fen


class ContributionBaseFacts(Facts):
    """Last year's average monthly wage and the monthly wages to hold against it."""

    average_wage_fen: Fen
    wages_fen: Annotated[tuple[Fen, ...], Field(min_length=1)]


class AdjustmentFundFacts(Facts):
    """The income of the pooling area."""

    income_fen: Fen
