"""Warning lines, the reserve, working capital, the collected fund: what other cities may say."""

from fractions import Fraction

import pytest

from fundpool.domain.collected_fund import CountyPosition, Division, NothingToDivideBy, Weight, collect
from fundpool.domain.contribution_base import contribution_base
from fundpool.domain.money import nearest_fen
from fundpool.domain.risk import (
    Comparison,
    LastLevy,
    Measure,
    StopsWhen,
    WarningLine,
    judge_standing,
    levy_reserve,
)
from fundpool.domain.settlement_rules import Bearer
from fundpool.domain.subsidy import quarters_of
from fundpool.domain.working_capital import Average, quota_of


@pytest.mark.parametrize(
    ("comparison", "alarm_at"),
    [
        (Comparison.BELOW, [5]),
        (Comparison.AT_MOST, [5, 6]),
        (Comparison.AT_LEAST, [6, 7]),
        (Comparison.ABOVE, [7]),
    ],
)
def test_each_comparison_sounds_on_its_own_side_of_the_line(
    comparison: Comparison, alarm_at: list[int]
) -> None:
    line = WarningLine("X-1", Measure.MONTHS_OF_COVERAGE, comparison, Fraction(6), "months")
    for months in (5, 6, 7):
        standing = judge_standing(
            [line], income_fen=1, expenditure_fen=1, balance_fen=months * 100, benefits_fen=1200
        )
        assert standing.alarms == (("months",) if months in alarm_at else ())


def test_a_fund_without_benefits_has_no_months_of_coverage() -> None:
    line = WarningLine("X-1", Measure.MONTHS_OF_COVERAGE, Comparison.BELOW, Fraction(6), "months")
    standing = judge_standing([line], income_fen=1, expenditure_fen=0, balance_fen=0, benefits_fen=0)
    assert (standing.months_of_coverage, standing.alarms, standing.not_evaluated) == (None, (), ("months",))


@pytest.mark.parametrize(
    ("stops_when", "balance", "levy"),
    [
        (StopsWhen.REACHES, 199, 30),
        (StopsWhen.REACHES, 200, 0),
        (StopsWhen.EXCEEDS, 200, 30),
        (StopsWhen.EXCEEDS, 201, 0),
    ],
)
def test_a_reserve_stops_when_it_reaches_or_only_when_it_exceeds_its_line(
    stops_when: StopsWhen, balance: int, levy: int
) -> None:
    computed = levy_reserve(
        prior_income_fen=1000,
        balance_fen=balance,
        rate=Fraction(3, 100),
        cap_ratio=Fraction(1, 5),
        stops_when=stops_when,
        last_levy=LastLevy.LITERAL,
    )
    assert (computed.levy_fen, computed.cap_fen) == (levy, 200)


def test_a_reserve_without_a_line_is_levied_for_ever() -> None:
    computed = levy_reserve(prior_income_fen=1000, balance_fen=10**9, rate=Fraction(3, 100), cap_ratio=None)
    assert (computed.levy_fen, computed.cap_fen) == (30, None)


def test_constant_income_reaches_the_line_in_year_seven_with_a_smaller_last_levy() -> None:
    balance, levies = 0, []
    for _ in range(8):
        levy = levy_reserve(
            prior_income_fen=10000, balance_fen=balance, rate=Fraction(3, 100), cap_ratio=Fraction(1, 5)
        ).levy_fen
        balance += levy
        levies.append(levy)
    assert levies == [300, 300, 300, 300, 300, 300, 200, 0]


def test_eleven_months_are_never_divided_by_twelve() -> None:
    eleven = [100] * 11
    assert quota_of(eleven, months=Fraction(1), average=Average.ELEVEN_MONTHS) == 100
    with pytest.raises(ValueError, match="12 months"):
        quota_of(eleven, months=Fraction(1), average=Average.TWELVE_MONTHS)
    with pytest.raises(ValueError, match="11 months"):
        quota_of([100] * 10, months=Fraction(1), average=Average.ELEVEN_MONTHS)


def position(code: str, **amounts: int) -> CountyPosition:
    return CountyPosition(
        code,
        amounts.get("stored", 0),
        amounts.get("spent", 0),
        amounts.get("deficit", 0),
        amounts.get("insured", 0),
    )


def test_a_share_that_does_not_divide_still_adds_up_and_the_odd_fen_goes_to_the_lower_code() -> None:
    division = Division(((Fraction(1), Weight.STORED_BALANCE),), (Bearer.COUNTY_STORED_BALANCE,))
    collection = collect(
        [position("C", stored=100), position("B", stored=100), position("A", stored=100)],
        months=Fraction(12),
        prior_expenditure_fen=100,
        fund_balance_fen=0,
        division=division,
    )
    assert [(t.code, t.transfer_fen) for t in collection.transfers] == [("A", 34), ("B", 33), ("C", 33)]


def test_counties_without_any_stored_balance_leave_the_whole_sum_infeasible() -> None:
    division = Division(((Fraction(1), Weight.STORED_BALANCE),), (Bearer.COUNTY_STORED_BALANCE,))
    collection = collect(
        [position("A")],
        months=Fraction(3),
        prior_expenditure_fen=1200,
        fund_balance_fen=100,
        division=division,
    )
    assert (collection.target_fen, collection.infeasible_fen, collection.transfers) == (300, 200, ())


def test_a_part_divided_by_deficits_needs_a_deficit() -> None:
    division = Division(
        ((Fraction(1, 2), Weight.DEFICIT), (Fraction(1, 2), Weight.INSURED)), (Bearer.COUNTY_FINANCE,)
    )
    with pytest.raises(NothingToDivideBy) as problem:
        collect(
            [position("A", insured=5)],
            months=Fraction(1),
            prior_expenditure_fen=1200,
            fund_balance_fen=0,
            division=division,
        )
    assert problem.value.weight is Weight.DEFICIT


def test_a_base_without_a_ceiling_has_only_a_floor() -> None:
    assert contribution_base(10**9, average_wage_fen=100, floor=Fraction(3, 5), ceiling=None) == 10**9
    assert contribution_base(1, average_wage_fen=101, floor=Fraction(3, 5), ceiling=None) == 61


def test_unequal_quarters_add_up_with_the_odd_fen_in_the_balancing_quarter() -> None:
    shares = (Fraction(40, 100), Fraction(20, 100), Fraction(20, 100), Fraction(20, 100))
    assert quarters_of(103, shares=shares, balancing_quarter=1) == (43, 20, 20, 20)


def test_half_a_fen_counts_up() -> None:
    assert [nearest_fen(Fraction(n, 2)) for n in range(5)] == [0, 1, 1, 2, 2]
