"""The waterfall beyond the four cities: what other cities' texts of this family may say."""

from fractions import Fraction

import pytest

from fundpool.domain.settlement import CountyYear, Reason, Settlement, ShareStatus, settle
from fundpool.domain.settlement_rules import (
    Appraisal,
    Band,
    Bearer,
    Cause,
    CauseOf,
    Condition,
    OverBudget,
    Part,
    Ration,
    Rise,
    SettlementRules,
    ShortPool,
    Tier,
    raise_share,
)

CITY, COUNTY = Bearer.CITY_BALANCE, Bearer.COUNTY_FINANCE


def year(code: str = "A", *, income: int, expenditure: int, **other: int) -> CountyYear:
    return CountyYear(
        code=code,
        income_fen=income,
        expenditure_fen=expenditure,
        budget_income_fen=other.get("budget_income", income),
        budget_expenditure_fen=other.get("budget_expenditure", expenditure),
        fault_fen=other.get("fault", 0),
        stored_balance_fen=other.get("stored", 0),
        appraisal=Appraisal.EXCELLENT,
    )


def borne(settlement: Settlement, code: str = "A") -> dict[Bearer, int]:
    county = next(county for county in settlement.counties if county.code == code)
    amounts: dict[Bearer, int] = {}
    for share in county.shares:
        amounts[share.bearer] = amounts.get(share.bearer, 0) + share.amount_fen
    return amounts


def percent(**shares: int) -> dict[Bearer, Fraction]:
    return {Bearer(name): Fraction(share, 100) for name, share in shares.items()}


BANDS = (
    Tier("X-1", 1, percent(city_balance=100), part=Part.WITHIN_BUDGET),
    Tier(
        "X-2",
        1,
        percent(city_balance=80, county_finance=20),
        part=Part.OVER_BUDGET,
        band=Band(Fraction(0), Fraction(1, 10)),
        short_pool=ShortPool.SHARE_ONLY,
    ),
    Tier(
        "X-3",
        1,
        percent(city_balance=50, county_finance=50),
        part=Part.OVER_BUDGET,
        band=Band(Fraction(1, 10), Fraction(1, 5)),
        short_pool=ShortPool.SHARE_ONLY,
    ),
    Tier(
        "X-4",
        1,
        percent(county_finance=100),
        part=Part.OVER_BUDGET,
        band=Band(Fraction(1, 5), None),
    ),
)
"""超预算10%以内市80%县20%，10%至20%各半，20%以上全部由县承担."""


def test_overspending_in_bands_is_cut_at_their_lines() -> None:
    rules = SettlementRules(tiers=BANDS, over_budget=OverBudget.OVER_PART)
    # Budget 1,000, income 950, spent 1,300: 50 within, 100 in each band, 100 above 20 %.
    county = year(income=950, expenditure=1300, budget_expenditure=1000)
    assert borne(settle(rules, [county], {CITY: 9999})) == {CITY: 50 + 80 + 50, COUNTY: 20 + 50 + 100}


def test_income_pays_the_lowest_spending_first_so_the_gap_lies_in_the_highest_bands() -> None:
    rules = SettlementRules(tiers=BANDS, over_budget=OverBudget.OVER_PART)
    county = year(income=1150, expenditure=1250, budget_expenditure=1000)
    assert borne(settle(rules, [county], {CITY: 9999})) == {CITY: 25, COUNTY: 25 + 50}


def test_a_whole_gap_falls_into_the_band_of_the_whole_overspending() -> None:
    rules = SettlementRules(tiers=BANDS, over_budget=OverBudget.WHOLE)
    exactly_ten_percent = year(income=1000, expenditure=1100, budget_expenditure=1000)
    assert borne(settle(rules, [exactly_ten_percent], {CITY: 9999})) == {CITY: 80, COUNTY: 20}
    one_fen_more = year(income=1000, expenditure=1101, budget_expenditure=1000)
    assert borne(settle(rules, [one_fen_more], {CITY: 9999})) == {CITY: 51, COUNTY: 50}


def test_spending_without_any_budget_lies_above_every_band() -> None:
    for reading in OverBudget:
        rules = SettlementRules(tiers=BANDS, over_budget=reading)
        county = year(income=0, expenditure=70, budget_expenditure=0)
        assert borne(settle(rules, [county], {CITY: 9999})) == {COUNTY: 70}


def test_a_pool_of_which_only_half_may_be_drawn_counts_as_empty_after_that() -> None:
    rules = SettlementRules(
        tiers=(
            Tier("X-1", 1, percent(risk_reserve=100)),
            Tier("X-2", 2, percent(risk_reserve=100)),
            Tier("X-3", 3, percent(county_finance=100)),
        ),
        pool_limits={Bearer.RISK_RESERVE: Fraction(1, 2)},
    )
    settlement = settle(rules, [year(income=0, expenditure=100)], {Bearer.RISK_RESERVE: 101})
    assert borne(settlement) == {Bearer.RISK_RESERVE: 50, COUNTY: 50}
    assert settlement.pools_after[Bearer.RISK_RESERVE] == 51


def test_a_tier_of_two_pools_stops_at_the_one_that_runs_out_first() -> None:
    rules = SettlementRules(
        tiers=(
            Tier("X-1", 1, percent(risk_reserve=30, city_balance=30, county_finance=40)),
            Tier("X-2", 2, percent(county_finance=100)),
        )
    )
    settlement = settle(rules, [year(income=0, expenditure=1000)], {Bearer.RISK_RESERVE: 60, CITY: 999})
    assert borne(settlement) == {Bearer.RISK_RESERVE: 60, CITY: 60, COUNTY: 80 + 800}


def test_income_shortfall_is_due_even_in_a_county_with_a_surplus() -> None:
    rules = SettlementRules(
        tiers=(Tier("X-2", 1, percent(city_balance=100)),),
        causes=(Cause("X-1", CauseOf.INCOME_SHORTFALL, COUNTY, beyond_gap=True),),
    )
    county = settle(rules, [year(income=850, expenditure=800, budget_income=1000)], {}).counties[0]
    assert (county.result, county.gap_fen, county.shares) == ("surplus", 0, ())
    assert [(share.amount_fen, share.rule) for share in county.beyond_gap] == [(150, "X-1")]


def test_a_fault_larger_than_the_gap_is_borne_up_to_the_gap_and_noted() -> None:
    rules = SettlementRules(
        tiers=(Tier("X-2", 1, percent(city_balance=100)),), causes=(Cause("X-1", CauseOf.FAULT, COUNTY),)
    )
    county = settle(rules, [year(income=900, expenditure=1000, fault=130)], {CITY: 50}).counties[0]
    assert county.uncovered_fault_fen == 30
    assert [(share.bearer, share.amount_fen) for share in county.shares] == [(COUNTY, 100)]


def test_another_countys_stored_balance_is_never_touched() -> None:
    rules = SettlementRules(tiers=(Tier("X-1", 1, percent(county_stored_balance=100)),))
    poor, rich = year("A", income=0, expenditure=100), year("B", income=0, expenditure=10, stored=500)
    settlement = settle(rules, [poor, rich], {})
    assert settlement.counties[0].unallocated_fen == 100
    assert settlement.counties[0].unallocated[0].reason is Reason.POOL_EXHAUSTED
    assert settlement.counties[1].stored_balance_after_fen == 490


def test_consent_makes_a_share_a_proposal_and_names_the_rule() -> None:
    rules = SettlementRules(
        tiers=(Tier("X-1", 1, percent(risk_reserve=100), approvals={Bearer.RISK_RESERVE: "X-9"}),)
    )
    share = settle(rules, [year(income=0, expenditure=5)], {Bearer.RISK_RESERVE: 9}).counties[0].shares[0]
    assert (share.status, share.rests_on) == (ShareStatus.PROPOSED, ("X-9",))


def test_a_case_that_no_tier_speaks_of_stays_unallocated_at_the_first_tier_passed_over() -> None:
    rules = SettlementRules(
        tiers=(
            Tier("X-1", 1, percent(city_balance=100), when=frozenset({Condition.PLAN_COMPLETED})),
            Tier("X-2", 2, percent(county_finance=100), when=frozenset({Condition.APPRAISAL_OTHER})),
        )
    )
    county = settle(rules, [year(income=0, expenditure=5, budget_income=1)], {CITY: 9}).counties[0]
    assert [(part.amount_fen, part.reason, part.rule) for part in county.unallocated] == [
        (5, Reason.DOCUMENT_SILENT, "X-1")
    ]


def test_one_county_alone_may_use_a_short_pool_without_any_rationing() -> None:
    rules = SettlementRules(
        tiers=(
            Tier("X-1", 1, percent(city_balance=100)),
            Tier("X-2", 2, percent(city_finance=50, county_finance=50)),
        )
    )
    settlement = settle(rules, [year(income=0, expenditure=100)], {CITY: 40})
    assert borne(settlement) == {CITY: 40, Bearer.CITY_FINANCE: 30, COUNTY: 30}
    assert settlement.shortfalls == ()


def test_rationing_never_gives_a_county_more_than_it_claims() -> None:
    # By open gaps the pool of 100 would give A 50, but its share of the tier is only 10 % of 100.
    rules = SettlementRules(
        tiers=(
            Tier(
                "X-1",
                1,
                percent(city_balance=10, county_finance=90),
                when=frozenset({Condition.INCOME_TARGET_MISSED}),
                short_pool=ShortPool.SHARE_ONLY,
            ),
            Tier("X-2", 1, percent(city_balance=100)),
            Tier("X-3", 2, percent(county_finance=100)),
        ),
        ration=Ration.PRO_RATA,
    )
    small = year("A", income=0, expenditure=100, budget_income=1)
    settlement = settle(rules, [small, year("B", income=0, expenditure=100)], {CITY: 100})
    assert borne(settlement, "A") == {CITY: 10, COUNTY: 90}
    assert borne(settlement, "B") == {CITY: 90, COUNTY: 10}


def test_two_counties_with_the_same_code_are_refused() -> None:
    rules = SettlementRules(tiers=(Tier("X-1", 1, percent(city_balance=100)),))
    with pytest.raises(ValueError, match="twice"):
        settle(rules, [year(income=0, expenditure=1), year(income=0, expenditure=1)], {})


def test_a_share_of_everything_cannot_rise_and_a_tier_without_the_bearer_stays() -> None:
    assert raise_share(percent(county_finance=100), COUNTY, Fraction(1, 20), way=Rise.POINTS) is None
    assert raise_share(percent(city_balance=100), COUNTY, Fraction(1, 20), way=Rise.POINTS) is None
    assert raise_share(
        percent(city_finance=3, county_finance=97), COUNTY, Fraction(1, 20), way=Rise.POINTS
    ) == {
        Bearer.CITY_FINANCE: 0,
        COUNTY: 1,
    }


def test_rounding_never_asks_a_pool_for_a_fen_it_does_not_hold() -> None:
    # 5 fen carry 5/0.9, rounded 6 fen of the tier, of which the largest remainder would ask 6.
    rules = SettlementRules(
        tiers=(
            Tier("X-1", 1, percent(city_balance=90, city_finance=5, county_finance=5)),
            Tier("X-2", 2, percent(county_finance=100)),
        )
    )
    settlement = settle(rules, [year(income=0, expenditure=100)], {CITY: 5})
    assert borne(settlement) == {CITY: 5, COUNTY: 95}
