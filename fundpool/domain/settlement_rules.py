"""A city's gap and surplus rules as plain data: what domain/settlement.py carries out.

Every city of this family is one ``SettlementRules``: causes that are the county's own fault, then
tiers of bearers in order, then what happens to a surplus. Nothing here knows a city's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction


class Bearer(StrEnum):
    """Who bears a part of a gap, or receives a part of a surplus."""

    COUNTY_STORED_BALANCE = "county_stored_balance"
    """暂存当地的累计结余: the county's own stored surplus; never another county's."""
    CITY_BALANCE = "city_balance"
    """市级累计结余: cumulative surplus held by the city."""
    RISK_RESERVE = "risk_reserve"
    """风险储备金."""
    COLLECTED_FUND = "collected_fund"
    """归集基金."""
    ADJUSTMENT_FUND = "adjustment_fund"
    """调剂金 that a higher level grants."""
    CITY_FINANCE = "city_finance"
    """市级财政: a budget, not limited by a balance."""
    COUNTY_FINANCE = "county_finance"
    """当地政府 / 县（市、区）财政 / 管委会: a budget, not limited by a balance."""
    PROVINCE_FINANCE = "province_finance"
    """省级财政: a budget, not limited by a balance."""


CITY_POOLS = (
    Bearer.CITY_BALANCE,
    Bearer.RISK_RESERVE,
    Bearer.COLLECTED_FUND,
    Bearer.ADJUSTMENT_FUND,
)
"""Pools shared by all counties of the city: several counties can claim the same fen."""

POOLS = frozenset({Bearer.COUNTY_STORED_BALANCE, *CITY_POOLS})
"""Bearers that can pay no more than their balance."""


class Appraisal(StrEnum):
    """Outcome of the year's assessment (考核) of a county."""

    EXCELLENT = "excellent"
    OTHER = "other"


class Condition(StrEnum):
    """A fact of the county's year that a tier may ask for; at the line counts as met."""

    INCOME_TARGET_MET = "income_target_met"
    INCOME_TARGET_MISSED = "income_target_missed"
    SPENDING_WITHIN_BUDGET = "spending_within_budget"
    SPENDING_OVER_BUDGET = "spending_over_budget"
    PLAN_COMPLETED = "plan_completed"
    """Income target met and spending within budget."""
    PLAN_MISSED = "plan_missed"
    APPRAISAL_EXCELLENT = "appraisal_excellent"
    APPRAISAL_OTHER = "appraisal_other"


class Part(StrEnum):
    """Which part of a gap a tier speaks of."""

    WITHIN_BUDGET = "within_budget"
    OVER_BUDGET = "over_budget"


class ShortPool(StrEnum):
    """How a tier is read when a pool in it cannot pay its share."""

    TRANCHE = "tranche"
    """The tier carries the slice its pool can afford at the stated shares; the next tier the rest."""
    SHARE_ONLY = "share_only"
    """The other bearers pay their share of the whole; only the pool's missing part goes on."""
    SWITCH = "switch"
    """The tier does not apply at all; the whole amount goes to the next tier."""


class OverBudget(StrEnum):
    """What counts as over budget once spending exceeds the budget."""

    WHOLE = "whole"
    """The county's whole gap."""
    OVER_PART = "over_part"
    """Only the part of the gap that lies in spending above the budget."""


class Rise(StrEnum):
    """How 「分担比例上升 5%」 is read."""

    POINTS = "points"
    """Percentage points: 50 % becomes 55 %."""
    RELATIVE = "relative"
    """Of the share itself: 50 % becomes 52.5 %."""


class Ration(StrEnum):
    """What to do when several counties claim a pool that cannot pay them all."""

    REPORT = "report"
    """Say so and allocate nothing from that tier on; no document says who goes first."""
    PRO_RATA = "pro_rata"
    """Divide the pool in proportion to the gaps still open."""


class SurplusTiming(StrEnum):
    """Whether this year's surplus and recovered money can cover this year's gaps."""

    AFTER = "after"
    """They enter the pool after the gaps are covered."""
    BEFORE = "before"
    """They enter the pool first."""


class CauseOf(StrEnum):
    """A part of the gap that is somebody's fault, taken out before any pool is touched."""

    FAULT = "fault"
    """The amount found to be the county's fault (``fault_fen``)."""
    INCOME_SHORTFALL = "income_shortfall"
    """Planned income less actual income, or the fault when that is larger."""


Shares = Mapping[Bearer, Fraction]


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """A part of the gap borne by ``bearer`` before the tiers.

    ``beyond_gap`` is whether the amount is due even where it exceeds the gap.
    """

    rule: str
    of: CauseOf
    bearer: Bearer
    beyond_gap: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """Overspending between two lines, as ratios of budgeted spending; ``up_to`` None is open."""

    above: Fraction
    up_to: Fraction | None


@dataclass(frozen=True, slots=True, eq=False)
class Tier:
    """One level of the waterfall.

    Tiers run by ``order``; tiers of one order stand side by side and a part of a gap goes to the
    first whose conditions it meets. ``shares`` keep the order in which the article names the
    bearers (a tie for the odd fen goes to the first); None means the text gives no ratio.
    ``raised_shares`` hold for counties whose assessment is not excellent.
    """

    rule: str
    order: int
    shares: Shares | None
    when: frozenset[Condition] = frozenset()
    part: Part | None = None
    band: Band | None = None
    short_pool: ShortPool = ShortPool.TRANCHE
    raised_shares: Shares | None = None
    raised_by: str | None = None
    approvals: Mapping[Bearer, str] = field(default_factory=dict)
    """Bearers whose draw is only a proposal, with the rule that asks for consent."""


@dataclass(frozen=True, slots=True)
class SurplusSplit:
    """Where a county's surplus of the year goes."""

    rule: str
    shares: Shares


@dataclass(frozen=True, slots=True)
class Recovered:
    """The pool that money recovered by the city enters, without lowering the county's spending."""

    rule: str
    pool: Bearer


@dataclass(frozen=True, slots=True)
class SettlementRules:
    """Everything one city's text says about gaps and surpluses of one fund, readings applied."""

    tiers: tuple[Tier, ...]
    causes: tuple[Cause, ...] = ()
    over_budget: OverBudget = OverBudget.WHOLE
    ration: Ration = Ration.REPORT
    surplus: SurplusSplit | None = None
    recovered: Recovered | None = None
    surplus_timing: SurplusTiming = SurplusTiming.AFTER
    pool_limits: Mapping[Bearer, Fraction] = field(default_factory=dict)
    """Largest part of a pool's opening balance that one settlement may draw."""

    @property
    def divides_by_budget(self) -> bool:
        """Whether any tier speaks of spending within or over the budget."""
        return any(tier.part is not None for tier in self.tiers)


def raise_share(shares: Shares, bearer: Bearer, rise: Fraction, *, way: Rise) -> Shares | None:
    """``shares`` with the share of ``bearer`` raised and the others lowered in proportion.

    None when the tier does not divide the burden between ``bearer`` and others: a share of 100 %
    cannot rise, and a tier without the bearer has nothing to raise. Never above 100 %.
    """
    old = shares.get(bearer)
    if old is None or old in (0, 1):
        return None
    new = min(old + rise if way is Rise.POINTS else old * (1 + rise), Fraction(1))
    return {name: new if name is bearer else share * (1 - new) / (1 - old) for name, share in shares.items()}
