"""The yearly settlement (年终清算) of one fund: who bears each county's gap, where a surplus goes.

A waterfall over data (settlement_rules.py). What is a county's own fault leaves the gap first; the
rest runs through the tiers in order; what no tier covers stays *unallocated* with the reason. For
every county ``gap = shares + unallocated`` to the fen, no pool is drawn below zero, and the order
in which counties are given changes nothing. One call settles one fund: funds never meet here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import groupby
from operator import attrgetter

from fundpool.domain.money import nearest_fen, split_by_largest_remainder
from fundpool.domain.settlement_rules import (
    CITY_POOLS,
    POOLS,
    Appraisal,
    Band,
    Bearer,
    Cause,
    CauseOf,
    Condition,
    OverBudget,
    Part,
    Ration,
    SettlementRules,
    Shares,
    ShortPool,
    SurplusTiming,
    Tier,
)


@dataclass(frozen=True, slots=True)
class CountyYear:
    """The figures of one county's year, in fen; budgets are the approved (adjusted) ones."""

    code: str
    income_fen: int
    expenditure_fen: int
    budget_income_fen: int
    budget_expenditure_fen: int
    fault_fen: int
    stored_balance_fen: int
    appraisal: Appraisal
    recovered_fen: int = 0

    @property
    def plan_completed(self) -> bool:
        """Income at or above its target and spending at or below its budget."""
        return (
            self.income_fen >= self.budget_income_fen and self.expenditure_fen <= self.budget_expenditure_fen
        )


class ShareStatus(StrEnum):
    """Whether a share stands by the text alone."""

    COMPUTED = "computed"
    PROPOSED = "proposed"
    """The text asks for somebody's consent first."""


@dataclass(frozen=True, slots=True)
class Share:
    """One bearer's part of a gap, with the rules behind it."""

    bearer: Bearer
    amount_fen: int
    rule: str
    status: ShareStatus = ShareStatus.COMPUTED
    rests_on: tuple[str, ...] = ()
    """Further rules: the one that raised the share, the one that asks for consent."""


class Reason(StrEnum):
    """Why a part of a gap has no bearer."""

    DOCUMENT_SILENT = "document_silent"
    """No tier speaks of this case (the yearly plan was not completed, for example)."""
    POOL_EXHAUSTED = "pool_exhausted"
    """The pools named are empty and the text names nobody after them."""
    RATIO_NOT_GIVEN = "ratio_not_given"
    """The text divides 按比例 without giving the ratio."""
    RATION_NOT_GIVEN = "ration_not_given"
    """Several counties claim a pool that cannot pay them all, and the text does not say who goes first."""


@dataclass(frozen=True, slots=True)
class Unallocated:
    """A part of a gap that nobody bears by the text; ``rule`` is the article that falls silent."""

    amount_fen: int
    reason: Reason
    rule: str | None
    pool: Bearer | None = None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A pool that several counties claimed and that could not pay them all."""

    pool: Bearer
    available_fen: int
    claimed_fen: int
    counties: tuple[str, ...]
    rules: tuple[str, ...]
    rationed: bool

    @property
    def short_fen(self) -> int:
        """What the pool lacks."""
        return self.claimed_fen - self.available_fen


@dataclass(frozen=True, slots=True)
class CountySettlement:
    """One county's settlement; ``beyond_gap`` is due on top of the gap and is no part of it."""

    code: str
    gap_fen: int
    surplus_fen: int
    shares: tuple[Share, ...]
    unallocated: tuple[Unallocated, ...]
    beyond_gap: tuple[Share, ...]
    uncovered_fault_fen: int
    """Fault that exceeds the gap and that the text does not claim beyond it."""
    collected_fen: int
    returned_fen: int
    recovered_fen: int
    stored_balance_after_fen: int

    @property
    def result(self) -> str:
        """``gap``, ``surplus`` or ``balanced``."""
        if self.gap_fen:
            return "gap"
        return "surplus" if self.surplus_fen else "balanced"

    @property
    def unallocated_fen(self) -> int:
        return sum(part.amount_fen for part in self.unallocated)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The settlement of all counties of one fund, counties by code."""

    counties: tuple[CountySettlement, ...]
    pools_after: Mapping[Bearer, int]
    shortfalls: tuple[Shortfall, ...]


@dataclass(slots=True)
class _Open:
    """The part of one county's gap that still has no bearer."""

    county: CountyYear
    amount_fen: int
    part: Part | None
    rate: Fraction | None
    """How far over budget this part lies, as a ratio of the budget; None is without bound."""
    last_tier: Tier | None = None
    passed_over: Tier | None = None


@dataclass(frozen=True, slots=True)
class _Claim:
    """The amounts that one tier would have to bear for one open part of a gap."""

    part: _Open
    tier: Tier
    shares: Shares
    full: Mapping[Bearer, int]
    """Fen by bearer when no pool is short."""


@dataclass(slots=True)
class _Books:
    """What has been drawn and decided so far."""

    pools: dict[Bearer, int]
    drawable: dict[Bearer, int]
    stored: dict[str, int]
    stored_drawable: dict[str, int]
    shares: defaultdict[str, dict[tuple[Bearer, Tier | Cause], int]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    unallocated: defaultdict[str, list[Unallocated]] = field(default_factory=lambda: defaultdict(list))
    beyond_gap: defaultdict[str, list[Share]] = field(default_factory=lambda: defaultdict(list))
    uncovered_fault: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    shortfalls: list[Shortfall] = field(default_factory=list)

    def limit(self, bearer: Bearer, code: str) -> int:
        """What ``bearer`` can still pay for the county."""
        if bearer is Bearer.COUNTY_STORED_BALANCE:
            return self.stored_drawable[code]
        return self.drawable[bearer]

    def bear(self, code: str, bearer: Bearer, amount_fen: int, *, source: Tier | Cause) -> None:
        """Record a share and draw it from its pool."""
        if bearer is Bearer.COUNTY_STORED_BALANCE:
            self.stored[code] -= amount_fen
            self.stored_drawable[code] -= amount_fen
        elif bearer in POOLS:
            self.pools[bearer] -= amount_fen
            self.drawable[bearer] -= amount_fen
        if amount_fen:
            shares = self.shares[code]
            shares[bearer, source] = shares.get((bearer, source), 0) + amount_fen

    def leave(self, part: _Open, reason: Reason, rule: str | None, *, pool: Bearer | None = None) -> None:
        """Close a part without a bearer."""
        self.unallocated[part.county.code].append(Unallocated(part.amount_fen, reason, rule, pool=pool))
        part.amount_fen = 0


def settle(rules: SettlementRules, counties: Sequence[CountyYear], pools: Mapping[Bearer, int]) -> Settlement:
    """Settle one fund's year.

    ``pools`` are the city's balances in fen before the settlement (a missing pool is 0). Raises
    ValueError when a county is named twice.
    """
    ordered = sorted(counties, key=attrgetter("code"))
    if len({county.code for county in ordered}) != len(ordered):
        raise ValueError("a county is named twice")
    surpluses = {county.code: _split_surplus(county, rules) for county in ordered}
    books = _open_books(rules, ordered, pools)
    if rules.surplus_timing is SurplusTiming.BEFORE:
        _receive(books, rules, ordered, surpluses=surpluses)
    parts = [part for county in ordered for part in _open_gap(county, rules, books)]
    for _, tiers in groupby(sorted(rules.tiers, key=attrgetter("order")), key=attrgetter("order")):
        _run_level(tuple(tiers), parts, rules, books=books)
    for part in parts:
        if part.amount_fen:
            _leave_rest(part, books)
    if rules.surplus_timing is SurplusTiming.AFTER:
        _receive(books, rules, ordered, surpluses=surpluses)
    return Settlement(
        counties=tuple(_close(county, rules, books, surplus=surpluses[county.code]) for county in ordered),
        pools_after=books.pools,
        shortfalls=tuple(books.shortfalls),
    )


def _open_books(
    rules: SettlementRules, counties: Sequence[CountyYear], pools: Mapping[Bearer, int]
) -> _Books:
    opening = {pool: pools.get(pool, 0) for pool in CITY_POOLS}
    stored = {county.code: county.stored_balance_fen for county in counties}
    limits = rules.pool_limits
    return _Books(
        pools=opening,
        drawable={pool: _within(limits.get(pool), balance) for pool, balance in opening.items()},
        stored=stored,
        stored_drawable={
            code: _within(limits.get(Bearer.COUNTY_STORED_BALANCE), balance)
            for code, balance in stored.items()
        },
    )


def _within(limit: Fraction | None, balance_fen: int) -> int:
    return balance_fen if limit is None else int(balance_fen * limit)


def _split_surplus(county: CountyYear, rules: SettlementRules) -> dict[Bearer, int]:
    surplus_fen = county.income_fen - county.expenditure_fen
    if surplus_fen <= 0 or rules.surplus is None:
        return {}
    shares = rules.surplus.shares
    parts = split_by_largest_remainder(surplus_fen, list(shares.values()))
    return dict(zip(shares, parts, strict=True))


def _receive(
    books: _Books,
    rules: SettlementRules,
    counties: Iterable[CountyYear],
    *,
    surpluses: Mapping[str, Mapping[Bearer, int]],
) -> None:
    """Let this year's surplus parts and recovered money enter their pools."""
    for county in counties:
        for bearer, amount_fen in surpluses[county.code].items():
            if bearer is Bearer.COUNTY_STORED_BALANCE:
                books.stored[county.code] += amount_fen
            elif bearer in POOLS:
                books.pools[bearer] += amount_fen
                books.drawable[bearer] += amount_fen
        if rules.recovered and county.recovered_fen:
            books.pools[rules.recovered.pool] += county.recovered_fen
            books.drawable[rules.recovered.pool] += county.recovered_fen


def _open_gap(county: CountyYear, rules: SettlementRules, books: _Books) -> list[_Open]:
    """Take the county's own causes out of its gap; the open rest, in parts where tiers ask for it."""
    rest = max(0, county.expenditure_fen - county.income_fen)
    for cause in rules.causes:
        due = county.fault_fen
        if cause.of is CauseOf.INCOME_SHORTFALL:
            due = max(due, county.budget_income_fen - county.income_fen)
        inside = min(due, rest)
        books.bear(county.code, cause.bearer, inside, source=cause)
        rest -= inside
        if due > inside and cause.beyond_gap:
            books.beyond_gap[county.code].append(Share(cause.bearer, due - inside, cause.rule))
        elif due > inside:
            books.uncovered_fault[county.code] += due - inside
    if not rest:
        return []
    if not rules.divides_by_budget:
        return [_Open(county, rest, None, rate=None)]
    return _parts_by_budget(county, rest, rules)


def _parts_by_budget(county: CountyYear, rest: int, rules: SettlementRules) -> list[_Open]:
    """The open gap, divided at the budget and at the lines of the tiers' bands.

    The gap is the last spending of the year: it lies between ``expenditure - rest`` and
    ``expenditure``, so income is taken to have paid what was within the budget first.
    """
    budget = county.budget_expenditure_fen
    over = max(0, county.expenditure_fen - budget)
    if not over:
        return [_Open(county, rest, Part.WITHIN_BUDGET, rate=Fraction(0))]
    if rules.over_budget is OverBudget.WHOLE:
        rate = Fraction(county.expenditure_fen - budget, budget) if budget else None
        return [_Open(county, rest, Part.OVER_BUDGET, rate=rate)]
    lower = county.expenditure_fen - rest
    parts = []
    if lower < budget:
        parts.append(_Open(county, budget - lower, Part.WITHIN_BUDGET, rate=Fraction(0)))
        lower = budget
    for line in _band_lines(rules.tiers):
        upper = min(budget + nearest_fen(budget * line), county.expenditure_fen)
        if lower < upper:
            parts.append(_Open(county, upper - lower, Part.OVER_BUDGET, rate=line))
            lower = upper
    if lower < county.expenditure_fen:
        parts.append(_Open(county, county.expenditure_fen - lower, Part.OVER_BUDGET, rate=None))
    return parts


def _band_lines(tiers: Iterable[Tier]) -> list[Fraction]:
    lines = {line for tier in tiers if tier.band for line in (tier.band.above, tier.band.up_to)}
    return sorted(line for line in lines if line)


def _run_level(
    tiers: Sequence[Tier], parts: Sequence[_Open], rules: SettlementRules, *, books: _Books
) -> None:
    """Run the tiers of one order over all counties at once, so that none is served before another."""
    claims = [
        claim for part in parts if part.amount_fen and (claim := _claim(part, tiers, books)) is not None
    ]
    if not claims:
        return
    short, quotas = _quotas(claims, rules, books)
    for claim in claims:
        code = claim.part.county.code
        limits = {
            pool: quotas.get((code, pool), 0) if pool in short else books.limit(pool, code)
            for pool in claim.full
            if pool in POOLS
        }
        contested = next((pool for pool in limits if pool in short and (code, pool) not in quotas), None)
        switches = claim.tier.short_pool is ShortPool.SWITCH
        if switches:
            is_short = any(pool in short or claim.full[pool] > limits[pool] for pool in limits)
            paid = {} if is_short else claim.full
        else:
            paid = _affordable(claim, limits)
        for bearer, amount_fen in paid.items():
            books.bear(code, bearer, amount_fen, source=claim.tier)
            claim.part.amount_fen -= amount_fen
            if (code, bearer) in quotas:
                quotas[code, bearer] -= amount_fen
        if contested is not None and claim.full[contested] and not switches:
            # What others bear whoever gets the pool is certain; the rest is for somebody to decide.
            books.leave(claim.part, Reason.RATION_NOT_GIVEN, claim.tier.rule, pool=contested)


def _claim(part: _Open, tiers: Sequence[Tier], books: _Books) -> _Claim | None:
    """The claim of an open part on the first tier that speaks of it; None when none does."""
    county = part.county
    for tier in tiers:
        if tier.part is not None and tier.part is not part.part:
            continue
        if tier.band is not None and not _lies_in(part.rate, tier.band):
            continue
        if not all(_CONDITIONS[condition](county) for condition in tier.when):
            part.passed_over = part.passed_over or tier
            continue
        if tier.shares is None:
            books.leave(part, Reason.RATIO_NOT_GIVEN, tier.rule)
            return None
        raised = tier.raised_shares if county.appraisal is not Appraisal.EXCELLENT else None
        shares = raised or tier.shares
        part.last_tier = tier
        full = split_by_largest_remainder(part.amount_fen, list(shares.values()))
        return _Claim(part, tier, shares, full=dict(zip(shares, full, strict=True)))
    return None


def _lies_in(rate: Fraction | None, band: Band) -> bool:
    if rate is None:
        return band.up_to is None
    return band.above < rate and (band.up_to is None or rate <= band.up_to)


_CONDITIONS: Mapping[Condition, Callable[[CountyYear], bool]] = {
    Condition.INCOME_TARGET_MET: lambda year: year.income_fen >= year.budget_income_fen,
    Condition.INCOME_TARGET_MISSED: lambda year: year.income_fen < year.budget_income_fen,
    Condition.SPENDING_WITHIN_BUDGET: lambda year: year.expenditure_fen <= year.budget_expenditure_fen,
    Condition.SPENDING_OVER_BUDGET: lambda year: year.expenditure_fen > year.budget_expenditure_fen,
    Condition.PLAN_COMPLETED: lambda year: year.plan_completed,
    Condition.PLAN_MISSED: lambda year: not year.plan_completed,
    Condition.APPRAISAL_EXCELLENT: lambda year: year.appraisal is Appraisal.EXCELLENT,
    Condition.APPRAISAL_OTHER: lambda year: year.appraisal is not Appraisal.EXCELLENT,
}


def _quotas(
    claims: Sequence[_Claim], rules: SettlementRules, books: _Books
) -> tuple[set[Bearer], dict[tuple[str, Bearer], int]]:
    """City pools that cannot pay all claims of this level, and what each county may draw from them.

    A pool claimed by one county alone needs no rationing: that county may draw all of it. A short
    pool with several claimants has quotas only when the reading says how to divide it.
    """
    demanded: defaultdict[Bearer, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    open_fen: defaultdict[str, int] = defaultdict(int)
    for claim in claims:
        open_fen[claim.part.county.code] += claim.part.amount_fen
        for bearer, amount_fen in claim.full.items():
            if bearer in books.drawable and amount_fen:
                demanded[bearer][claim.part.county.code] += amount_fen
    short = set()
    quotas: dict[tuple[str, Bearer], int] = {}
    for pool, demands in demanded.items():
        available = books.drawable[pool]
        claimed = sum(demands.values())
        if claimed <= available:
            continue
        short.add(pool)
        if len(demands) == 1 or available == 0:
            # One claimant, or nothing to divide: nobody has to decide who goes first.
            quotas.update({(code, pool): available for code in demands})
            continue
        if rules.ration is Ration.PRO_RATA:
            shared = _ration(available, demands, open_fen)
            quotas.update({(code, pool): quota for code, quota in shared.items()})
        claimants = tuple(dict.fromkeys(c.tier.rule for c in claims if pool in c.full))
        rationed = rules.ration is Ration.PRO_RATA
        books.shortfalls.append(
            Shortfall(pool, available, claimed, counties=tuple(demands), rules=claimants, rationed=rationed)
        )
    return short, quotas


def _ration(available: int, demands: Mapping[str, int], weights: Mapping[str, int]) -> dict[str, int]:
    """``available`` in proportion to ``weights``; nobody gets more than it asks, the excess goes round."""
    quotas: dict[str, int] = {}
    waiting = sorted(demands)
    while True:
        parts = split_by_largest_remainder(available, [weights[code] for code in waiting])
        content = [code for code, part in zip(waiting, parts, strict=True) if part > demands[code]]
        if not content:
            return quotas | dict(zip(waiting, parts, strict=True))
        for code in content:
            quotas[code] = demands[code]
            available -= demands[code]
        waiting = [code for code in waiting if code not in quotas]


def _affordable(claim: _Claim, limits: Mapping[Bearer, int]) -> Mapping[Bearer, int]:
    """What each bearer pays when pools can give no more than ``limits`` (fen)."""
    if all(claim.full[pool] <= limit for pool, limit in limits.items()):
        return claim.full
    if claim.tier.short_pool is ShortPool.SHARE_ONLY:
        return {name: min(amount, limits.get(name, amount)) for name, amount in claim.full.items()}
    carried = min(nearest_fen(limits[pool] / claim.shares[pool]) for pool in limits if claim.shares[pool])
    parts = split_by_largest_remainder(carried, list(claim.shares.values()))
    # Rounding can ask a pool for one fen more than it holds: that fen stays open for the next tier.
    return {
        name: min(amount, limits.get(name, amount)) for name, amount in zip(claim.shares, parts, strict=True)
    }


def _leave_rest(part: _Open, books: _Books) -> None:
    """Close what no tier covered, with the article that fell silent."""
    if part.last_tier is not None and any(name in POOLS for name in part.last_tier.shares or ()):
        books.leave(part, Reason.POOL_EXHAUSTED, part.last_tier.rule)
    else:
        silent = part.passed_over or part.last_tier
        books.leave(part, Reason.DOCUMENT_SILENT, silent.rule if silent else None)


def _close(
    county: CountyYear, rules: SettlementRules, books: _Books, *, surplus: Mapping[Bearer, int]
) -> CountySettlement:
    result_fen = county.income_fen - county.expenditure_fen
    returned_fen = surplus.get(Bearer.COUNTY_STORED_BALANCE, 0)
    return CountySettlement(
        code=county.code,
        gap_fen=max(0, -result_fen),
        surplus_fen=max(0, result_fen),
        shares=tuple(
            _share(county, bearer, amount_fen, source=source)
            for (bearer, source), amount_fen in books.shares[county.code].items()
        ),
        unallocated=_merged(books.unallocated[county.code]),
        beyond_gap=tuple(books.beyond_gap[county.code]),
        uncovered_fault_fen=books.uncovered_fault[county.code],
        collected_fen=sum(surplus.values()) - returned_fen,
        returned_fen=returned_fen,
        recovered_fen=county.recovered_fen if rules.recovered else 0,
        stored_balance_after_fen=books.stored[county.code],
    )


def _share(county: CountyYear, bearer: Bearer, amount_fen: int, *, source: Tier | Cause) -> Share:
    if isinstance(source, Cause):
        return Share(bearer, amount_fen, source.rule)
    rests_on = []
    if source.raised_shares and source.raised_by and county.appraisal is not Appraisal.EXCELLENT:
        rests_on.append(source.raised_by)
    consent = source.approvals.get(bearer)
    if consent:
        rests_on.append(consent)
    status = ShareStatus.PROPOSED if consent else ShareStatus.COMPUTED
    return Share(bearer, amount_fen, source.rule, status=status, rests_on=tuple(rests_on))


def _merged(parts: Sequence[Unallocated]) -> tuple[Unallocated, ...]:
    """Parts of one gap that ended for the same reason, as one line."""
    if not parts:
        return ()
    amounts: dict[tuple[Reason, str | None, Bearer | None], int] = {}
    for part in parts:
        key = (part.reason, part.rule, part.pool)
        amounts[key] = amounts.get(key, 0) + part.amount_fen
    return tuple(Unallocated(amount, *key) for key, amount in amounts.items())
