"""What holds for every settlement, whatever the city's tiers and the counties' year."""

import random
from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from fundpool.domain.settlement import CountyYear, Settlement, settle
from fundpool.domain.settlement_rules import (
    CITY_POOLS,
    Appraisal,
    Bearer,
    Cause,
    CauseOf,
    Condition,
    OverBudget,
    Part,
    Ration,
    Recovered,
    Rise,
    SettlementRules,
    ShortPool,
    SurplusSplit,
    SurplusTiming,
    Tier,
    raise_share,
)
from tests.properties import examples

fen = st.integers(min_value=0, max_value=3_000)
"""Small amounts: rounding and exhausted pools are then the rule and not the exception."""


@st.composite
def shares(draw: st.DrawFn) -> dict[Bearer, Fraction]:
    bearers = draw(st.lists(st.sampled_from(list(Bearer)), min_size=1, max_size=3, unique=True))
    weights = [draw(st.integers(min_value=1, max_value=9)) for _ in bearers]
    return {bearer: Fraction(weight, sum(weights)) for bearer, weight in zip(bearers, weights, strict=True)}


@st.composite
def tiers(draw: st.DrawFn) -> Tier:
    stated = draw(shares())
    return Tier(
        rule=f"T-{draw(st.integers(min_value=1, max_value=99))}",
        order=draw(st.integers(min_value=1, max_value=4)),
        shares=draw(st.sampled_from([stated, stated, stated, None])),
        when=frozenset(draw(st.lists(st.sampled_from(list(Condition)), max_size=1))),
        part=draw(st.sampled_from([None, None, *Part])),
        short_pool=draw(st.sampled_from(list(ShortPool))),
        raised_shares=raise_share(stated, Bearer.COUNTY_FINANCE, Fraction(1, 20), way=Rise.POINTS),
        raised_by="T-100",
        approvals={},
    )


rules = st.builds(
    SettlementRules,
    tiers=st.lists(tiers(), min_size=1, max_size=5).map(tuple),
    causes=st.lists(
        st.builds(
            Cause,
            rule=st.just("C-1"),
            of=st.sampled_from(list(CauseOf)),
            bearer=st.just(Bearer.COUNTY_FINANCE),
            beyond_gap=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    over_budget=st.sampled_from(list(OverBudget)),
    ration=st.sampled_from(list(Ration)),
    surplus=st.none()
    | st.just(
        SurplusSplit(
            "S-1", {Bearer.COLLECTED_FUND: Fraction(1, 2), Bearer.COUNTY_STORED_BALANCE: Fraction(1, 2)}
        )
    ),
    recovered=st.none() | st.just(Recovered("S-2", Bearer.COLLECTED_FUND)),
    surplus_timing=st.sampled_from(list(SurplusTiming)),
    pool_limits=st.sampled_from([{}, {Bearer.RISK_RESERVE: Fraction(1, 2)}]),
)


def county(code: str) -> st.SearchStrategy[CountyYear]:
    return st.builds(
        CountyYear,
        code=st.just(code),
        income_fen=fen,
        expenditure_fen=fen,
        budget_income_fen=fen,
        budget_expenditure_fen=fen,
        fault_fen=st.sampled_from([0, 0, 7, 500]),
        stored_balance_fen=fen,
        appraisal=st.sampled_from(list(Appraisal)),
        recovered_fen=st.sampled_from([0, 0, 11]),
    )


counties = st.integers(min_value=1, max_value=5).flatmap(
    lambda count: st.tuples(*(county(f"C{number}") for number in range(count)))
)
pools = st.fixed_dictionaries(dict.fromkeys(CITY_POOLS, fen))


def drawn(settlement: Settlement, bearer: Bearer) -> int:
    return sum(
        share.amount_fen
        for county in settlement.counties
        for share in county.shares
        if share.bearer is bearer
    )


@settings(max_examples=examples(60), deadline=None)
@given(rules, counties, pools)
def test_every_fen_of_a_gap_is_borne_or_reported(
    stated: SettlementRules, years: tuple[CountyYear, ...], balances: dict[Bearer, int]
) -> None:
    settlement = settle(stated, years, balances)
    for year, result in zip(years, settlement.counties, strict=True):
        assert result.gap_fen - result.surplus_fen == year.expenditure_fen - year.income_fen
        borne = sum(share.amount_fen for share in result.shares)
        assert result.gap_fen == borne + result.unallocated_fen
        assert all(share.amount_fen > 0 for share in result.shares)
        assert all(part.amount_fen > 0 for part in result.unallocated)


@settings(max_examples=examples(60), deadline=None)
@given(rules, counties, pools)
def test_no_pool_pays_more_than_it_holds_and_every_fen_of_a_pool_is_accounted(
    stated: SettlementRules, years: tuple[CountyYear, ...], balances: dict[Bearer, int]
) -> None:
    settlement = settle(stated, years, balances)
    collected = sum(county.collected_fen + county.recovered_fen for county in settlement.counties)
    for pool, before in balances.items():
        received = collected if pool is Bearer.COLLECTED_FUND else 0
        after = settlement.pools_after[pool]
        assert after == before - drawn(settlement, pool) + received
        assert after >= 0
        assert drawn(settlement, pool) <= before + received
        assert drawn(settlement, pool) <= (before + received) * stated.pool_limits.get(pool, 1)
    for year, result in zip(years, settlement.counties, strict=True):
        own = sum(s.amount_fen for s in result.shares if s.bearer is Bearer.COUNTY_STORED_BALANCE)
        assert 0 <= own <= year.stored_balance_fen
        assert result.stored_balance_after_fen == year.stored_balance_fen - own + result.returned_fen


@settings(max_examples=examples(60), deadline=None)
@given(rules, counties, pools, st.randoms(use_true_random=False))
def test_the_order_in_which_counties_are_given_changes_nothing(
    stated: SettlementRules,
    years: tuple[CountyYear, ...],
    balances: dict[Bearer, int],
    order: random.Random,
) -> None:
    shuffled = list(years)
    order.shuffle(shuffled)
    assert settle(stated, shuffled, balances) == settle(stated, years, balances)


@settings(max_examples=examples(60), deadline=None)
@given(rules, counties, st.sampled_from(list(ShortPool)), st.sampled_from(list(Ration)))
def test_all_readings_of_a_short_pool_agree_when_the_pools_suffice(
    stated: SettlementRules, years: tuple[CountyYear, ...], reading: ShortPool, ration: Ration
) -> None:
    ample = dict.fromkeys(CITY_POOLS, 10**9)
    rich = [replace(year, stored_balance_fen=10**9) for year in years]
    read = replace(
        stated, tiers=tuple(replace(tier, short_pool=reading) for tier in stated.tiers), ration=ration
    )
    assert settle(read, rich, ample) == settle(stated, rich, ample)


@settings(max_examples=examples(60), deadline=None)
@given(counties, pools, st.sampled_from(CITY_POOLS), st.integers(min_value=1, max_value=2_000))
def test_a_richer_pool_never_leaves_more_to_budgets(
    years: tuple[CountyYear, ...],
    balances: dict[Bearer, int],
    pool: Bearer,
    more: int,
) -> None:
    """For one stage that draws on the pool; a county may lose one fen to rounding."""
    tier = Tier(
        "T-1", 1, {pool: Fraction(1, 5), Bearer.COUNTY_FINANCE: Fraction(4, 5)}, short_pool=ShortPool.TRANCHE
    )
    last = Tier("T-2", 2, {Bearer.CITY_FINANCE: Fraction(1, 10), Bearer.COUNTY_FINANCE: Fraction(9, 10)})
    one_stage = SettlementRules(tiers=(tier, last), ration=Ration.PRO_RATA)
    poorer = settle(one_stage, years, balances)
    richer = settle(one_stage, years, balances | {pool: balances[pool] + more})
    assert drawn(richer, pool) >= drawn(poorer, pool)
    assert drawn(richer, Bearer.CITY_FINANCE) <= drawn(poorer, Bearer.CITY_FINANCE) + len(years)
    assert drawn(richer, Bearer.COUNTY_FINANCE) <= drawn(poorer, Bearer.COUNTY_FINANCE) + len(years)


@settings(max_examples=examples(60), deadline=None)
@given(county("C0"), st.integers(min_value=0, max_value=500), st.integers(min_value=1, max_value=99))
def test_a_short_pool_is_used_up_to_the_fen_by_tranche_and_by_share_only(
    year: CountyYear, balance: int, percent: int
) -> None:
    stated = {Bearer.RISK_RESERVE: Fraction(percent, 100), Bearer.COUNTY_FINANCE: 1 - Fraction(percent, 100)}
    last = Tier("T-2", 2, {Bearer.CITY_FINANCE: Fraction(1)})
    for reading in (ShortPool.TRANCHE, ShortPool.SHARE_ONLY):
        waterfall = SettlementRules(tiers=(Tier("T-1", 1, stated, short_pool=reading), last))
        settlement = settle(waterfall, [year], {Bearer.RISK_RESERVE: balance})
        gap = settlement.counties[0].gap_fen
        wanted = -(-gap * percent // 100)
        if balance < gap * percent // 100:
            assert drawn(settlement, Bearer.RISK_RESERVE) == balance
        assert drawn(settlement, Bearer.RISK_RESERVE) <= wanted
        assert not settlement.counties[0].unallocated


@given(shares(), st.sampled_from(list(Rise)), st.fractions(min_value=0, max_value=1))
def test_raised_shares_still_add_up_to_the_whole(
    stated: dict[Bearer, Fraction], way: Rise, rise: Fraction
) -> None:
    bearer = next(iter(stated))
    raised = raise_share(stated, bearer, rise, way=way)
    if raised is None:
        assert stated[bearer] == 1
        return
    assert sum(raised.values()) == 1
    assert list(raised) == list(stated)
    assert raised[bearer] >= stated[bearer]
    assert all(0 <= share <= 1 for share in raised.values())
