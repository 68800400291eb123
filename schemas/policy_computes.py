"""The ``computes:`` blocks of a policy file: the numbers and choices behind ``fundpool compute``.

A plain value is what the text says. Where the text can be read in several ways the value is
``{interpretation: KEY}``, the key of an entry under ``interpretations`` in the same file; where the
text is silent it is ``{undefined: reason}`` or ``{delegated: to whom}``, and computing stops there.
Ratios are written ``20%`` or ``1/5`` and are exact.
"""

import re
from fractions import Fraction
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic import model_validator as check

from fundpool.domain.collected_fund import Weight
from fundpool.domain.risk import Comparison, LastLevy, Measure, StopsWhen
from fundpool.domain.settlement_rules import (
    CITY_POOLS,
    POOLS,
    Bearer,
    CauseOf,
    Condition,
    OverBudget,
    Part,
    Ration,
    Rise,
    ShortPool,
    SurplusTiming,
)
from fundpool.domain.working_capital import Average

_RATIO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?|[0-9]{1,9}/0*[1-9][0-9]{0,8}) ?(%?)")
"""No sign and no exponent: Fraction would spend minutes on 1e999999999."""


def parse_ratio(value: object) -> Fraction:
    """An exact ratio from ``20%``, ``1/5``, ``1.5`` (text) or a whole number; never from a float."""
    if isinstance(value, Fraction):
        return value
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    written = _RATIO.fullmatch(text)
    if written is None:
        raise ValueError(f'a ratio is written 20%, 1/5 or "1.5" (in quotes), found {value!r}')
    number, percent = written.groups()
    return Fraction(number) / 100 if percent else Fraction(number)


Ratio = Annotated[
    Fraction,
    BeforeValidator(parse_ratio),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": rf"^\s*({_RATIO.pattern})\s*$"},
                {"type": "integer", "minimum": 0, "maximum": 999_999_999},
            ]
        }
    ),
]


class Block(BaseModel):
    """What all blocks share: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class ByReading(Block):
    """The text can be read in several ways; the key of the interpretation in the same file."""

    interpretation: str


class Undefined(Block):
    """The text gives no value."""

    undefined: str = Field(min_length=1)


class Delegated(Block):
    """The text leaves the value to somebody else."""

    delegated: str = Field(min_length=1)


Silent: TypeAlias = Undefined | Delegated
Number: TypeAlias = Ratio | Undefined | Delegated


class ComputeBlock(Block):
    """Base of the blocks: which funds the rule speaks of (default all), which other rules stand behind it."""

    funds: tuple[str, ...] | None = Field(default=None, description="仅适用的险种 / only these funds")
    rests_on: tuple[str, ...] = Field(default=(), description="一并依据的规则编号 / other rule ids behind it")
    read_as: tuple[str, ...] = Field(
        default=(), description="随答案列出、不可切换的读法 / readings repeated in the answer, not switchable"
    )


class CarriedBy(ComputeBlock):
    """This rule's content stands in the block of another rule, which names it under ``rests_on``."""

    kind: Literal["carried_by"]
    rule: str


def _add_up(shares: dict[Bearer, Fraction]) -> dict[Bearer, Fraction]:
    total = sum(shares.values(), Fraction(0))
    if total != 1:
        raise ValueError(f"shares add up to {float(total * 100):g} %, not to 100 %")
    return shares


Shares = Annotated[dict[Bearer, Ratio], Field(min_length=1)]


class SettlementCause(ComputeBlock):
    """A part of the gap that is the county's own doing: borne first, before any pool."""

    kind: Literal["settlement.cause"]
    of: CauseOf
    bearer: Bearer = Bearer.COUNTY_FINANCE
    beyond_gap: bool = Field(
        default=False, description="超过缺口部分是否仍须补足 / due even where it exceeds the gap"
    )


class BandShape(Block):
    """Overspending between two lines, as ratios of budgeted spending."""

    above: Ratio = Fraction(0)
    up_to: Ratio | None = None

    @check(mode="after")
    def _in_order(self) -> Self:
        if self.up_to is not None and self.up_to <= self.above:
            raise ValueError("up_to must lie above the lower line")
        return self


class SettlementTier(ComputeBlock):
    """One level of the waterfall; tiers of one order stand side by side, each with its own ``when`` and ``part``."""

    kind: Literal["settlement.tier"]
    order: int = Field(ge=1, description="先后次序，小的在先 / lower runs first")
    when: tuple[Condition, ...] = ()
    part: Part | None = None
    band: BandShape | None = None
    shares: Shares | Silent = Field(
        description="承担者及比例，按条文先后 / bearers as the article names them"
    )
    short_pool: ShortPool | ByReading = ShortPool.TRANCHE
    approval: dict[Bearer, str] = Field(
        default_factory=dict, description="须经同意的承担者与规则 / draws that need consent, with the rule"
    )

    @check(mode="after")
    def _makes_sense(self) -> Self:
        if self.band and self.part is not Part.OVER_BUDGET:
            raise ValueError("a band belongs to part: over_budget")
        if isinstance(self.shares, dict):
            _add_up(self.shares)
            limited = POOLS & self.shares.keys()
            if limited and len(self.shares) > 1 and "short_pool" not in self.model_fields_set:
                raise ValueError(
                    "a tier that several bear says what happens when its pool is short (short_pool)"
                )
            if set(self.approval) - set(self.shares):
                raise ValueError("approval names a bearer that has no share")
        return self


class SettlementPoolLimit(ComputeBlock):
    """The largest part of a pool's opening balance that one settlement may draw."""

    kind: Literal["settlement.pool_limit"]
    pool: Bearer
    at_most: Ratio

    @check(mode="after")
    def _is_a_pool(self) -> Self:
        if self.pool not in POOLS or self.at_most > 1:
            raise ValueError("a pool limit names a pool and a ratio of at most 100 %")
        return self


class SettlementRation(ComputeBlock):
    """How a pool is divided that several counties claim and that cannot pay them all."""

    kind: Literal["settlement.ration"]
    value: Ration | ByReading


class SettlementOverBudgetPart(ComputeBlock):
    """What part of a gap counts as over budget."""

    kind: Literal["settlement.over_budget_part"]
    value: OverBudget | ByReading


class SettlementAppraisal(ComputeBlock):
    """The share of a bearer rises in a county whose assessment is not excellent."""

    kind: Literal["settlement.appraisal"]
    bearer: Bearer
    rise: Ratio
    way: Rise | ByReading = Field(alias="as")


class SettlementSurplus(ComputeBlock):
    """Where a county's surplus of the year goes."""

    kind: Literal["settlement.surplus"]
    shares: Shares
    timing: SurplusTiming | ByReading = Field(
        description="是否先于当年缺口入账 / whether it can cover this year's gaps"
    )

    @check(mode="after")
    def _pools_only(self) -> Self:
        _add_up(self.shares)
        if set(self.shares) - POOLS:
            raise ValueError("a surplus goes to pools")
        return self


class SettlementRecovered(ComputeBlock):
    """The pool that money recovered by the city enters."""

    kind: Literal["settlement.recovered"]
    pool: Bearer

    @check(mode="after")
    def _is_a_city_pool(self) -> Self:
        if self.pool not in CITY_POOLS:
            raise ValueError("recovered money enters a pool of the city")
        return self


class Warning_(ComputeBlock):  # noqa: N801 - Warning is a builtin exception
    """One warning line; exactly one comparison."""

    kind: Literal["warning"]
    measure: Measure
    below: Ratio | None = Field(default=None, description="低于、不足 / strictly less")
    at_most: Ratio | None = Field(default=None, description="不高于 / less or equal")
    above: Ratio | None = Field(default=None, description="高于、超过 / strictly more")
    at_least: Ratio | None = Field(default=None, description="达到 / equal or more")
    alarm: str | None = Field(default=None, description="警报名，默认同 measure / name of the alarm")

    @property
    def line(self) -> tuple[Comparison, Fraction]:
        """The one comparison given, with its line."""
        return next((way, value) for way in Comparison if (value := getattr(self, way.value)) is not None)

    @check(mode="after")
    def _one_line(self) -> Self:
        if sum(getattr(self, way.value) is not None for way in Comparison) != 1:
            raise ValueError("a warning line has exactly one of below, at_most, above, at_least")
        return self


class ReserveLevyBlock(ComputeBlock):
    """The yearly levy of the risk reserve, as a ratio of last year's income."""

    kind: Literal["risk-reserve.levy"]
    rate: Number


class ReserveCap(ComputeBlock):
    """The balance at which the levy ends, as a ratio of last year's income."""

    kind: Literal["risk-reserve.cap"]
    cap: Number
    stops_when: StopsWhen = Field(description="达到 reaches / 超过 exceeds")
    last_levy: LastLevy | ByReading


class WorkingCapital(ComputeBlock):
    """So many months' average payments, advanced to a county."""

    kind: Literal["working-capital"]
    months: Number
    average: Average | ByReading


class DivisionPart(Block):
    """A part of the sum and what it is divided by."""

    share: Ratio
    weight: Weight


class CollectedFund(ComputeBlock):
    """What counties hand up to the collected fund, when it is set up (first) or topped up."""

    kind: Literal["collected-fund"]
    when: Literal["first", "top_up"]
    months: Number = Field(description="支付能力月数 / months of last year's spending the fund is to hold")
    by: tuple[DivisionPart, ...] | Literal["own_months"] = Field(
        description="分摊方式；own_months 为各地自身月数 / how the sum is divided"
    )
    sources: tuple[Literal[Bearer.COUNTY_STORED_BALANCE, Bearer.COUNTY_FINANCE], ...] = Field(
        min_length=1, description="资金来源，按先后 / sources in order"
    )

    @check(mode="after")
    def _parts_add_up(self) -> Self:
        if not isinstance(self.by, str) and sum((part.share for part in self.by), Fraction(0)) != 1:
            raise ValueError("the parts of the sum do not add up to 100 %")
        return self


class SubsidyQuarters(ComputeBlock):
    """How a year's subsidy falls on its quarters."""

    kind: Literal["subsidy-quarters"]
    quarters: tuple[Ratio, Ratio, Ratio, Ratio]
    balancing_quarter: int = Field(ge=1, le=4, description="尾差归哪一季 / takes the odd fen")

    @check(mode="after")
    def _add_up(self) -> Self:
        if sum(self.quarters, Fraction(0)) != 1:
            raise ValueError("the quarters do not add up to 100 %")
        return self


class MonthlyCap(ComputeBlock):
    """Monthly payments stay within the year's budget of spending."""

    kind: Literal["monthly-cap"]


class ContributionBase(ComputeBlock):
    """Floor and ceiling of the contribution base, as ratios of last year's average monthly wage."""

    kind: Literal["contribution-base"]
    floor: Ratio | None
    ceiling: Ratio | None


class AdjustmentFund(ComputeBlock):
    """What a pooling area hands to a higher level's adjustment fund (调剂金)."""

    kind: Literal["adjustment-fund"]
    rate: Number
    base: Literal["income"] | Silent


AnyComputeBlock = Annotated[
    CarriedBy
    | SettlementCause
    | SettlementTier
    | SettlementPoolLimit
    | SettlementRation
    | SettlementOverBudgetPart
    | SettlementAppraisal
    | SettlementSurplus
    | SettlementRecovered
    | Warning_
    | ReserveLevyBlock
    | ReserveCap
    | WorkingCapital
    | CollectedFund
    | SubsidyQuarters
    | MonthlyCap
    | ContributionBase
    | AdjustmentFund,
    Field(discriminator="kind"),
]
"""One block of a rule's ``computes`` list, chosen by ``kind``."""


BLOCKS: dict[str, type[ComputeBlock]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in ComputeBlock.__subclasses__()
}
"""Every block by its ``kind``: reading one block does not build the shapes of all others."""
