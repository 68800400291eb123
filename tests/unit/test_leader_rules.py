"""The leader's rules on figures worked out by hand."""

from datetime import date
from fractions import Fraction

from fundpool.console.dashboard.leader import measured, percent
from fundpool.domain.appraisal import DutyRecord, league, punctuality
from fundpool.domain.budget_execution import BudgetExecution
from fundpool.domain.forecast import FundMonth, Prospect, outlook
from fundpool.domain.periods import Month
from fundpool.domain.risk import Comparison, Measure, WarningLine
from fundpool.domain.sampling import draw

SIX_MONTHS = WarningLine("SZ-15", Measure.MONTHS_OF_COVERAGE, Comparison.BELOW, Fraction(6), alarm="months")
FIVE_PERCENT = WarningLine("SZ-15", Measure.SURPLUS_RATIO, Comparison.BELOW, Fraction(1, 20), alarm="ratio")
TODAY = date(2026, 10, 9)


def months(*rows: tuple[int, int, int]) -> list[FundMonth]:
    """From January 2026: income, expenditure (all of it benefits), balance at the end."""
    return [
        FundMonth(Month(2026, number), income, spent, benefits_fen=spent, balance_fen=balance)
        for number, (income, spent, balance) in enumerate(rows, start=1)
    ]


class TestForecast:
    def test_a_fund_that_loses_ten_a_month_reaches_its_line_on_a_day_that_can_be_reckoned(self):
        # Benefits are 20 a month, so six months are 120. It has 135 at the end of March and loses 10 a
        # month: 125 at the end of April, 115 at the end of May. 120 is reached half way through May.
        found = outlook(months((10, 20, 155), (10, 20, 145), (10, 20, 135)), SIX_MONTHS)
        assert found.prospect is Prospect.COMING
        assert found.now == Fraction(27, 4)
        assert found.day == date(2026, 5, 16)

    def test_on_the_line_is_not_below_it_and_a_fen_less_is(self):
        on_it = months((20, 20, 120), (20, 20, 120), (20, 20, 120))
        assert outlook(on_it, SIX_MONTHS).prospect is Prospect.NOT_IN_SIGHT
        below = months((20, 20, 119), (20, 20, 119), (20, 20, 119))
        assert outlook(below, SIX_MONTHS).prospect is Prospect.CROSSED

    def test_two_closed_months_are_too_few(self):
        assert outlook(months((10, 20, 155), (10, 20, 145)), SIX_MONTHS).prospect is Prospect.TOO_FEW_MONTHS

    def test_the_error_is_that_of_every_month_that_could_be_foretold(self):
        # After three months at -10 the method says 125 for April; it was 105 (30 were lost), so with
        # benefits of 20, 20, 20 and 20 it said 6.25 months. April spent 40: mean benefits 25, 105/25 = 4.2.
        found = outlook(months((10, 20, 155), (10, 20, 145), (10, 20, 135), (10, 40, 105)), SIX_MONTHS)
        (april,) = found.misses
        assert (april.predicted, april.actual) == (Fraction(25, 4), Fraction(21, 5))
        assert april.error == Fraction(41, 20)
        assert found.mean_error is None  # one month is no error rate

    def test_a_method_that_was_right_three_times_has_no_error(self):
        steady = months(*((10, 20, 200 - 10 * number) for number in range(1, 7)))
        found = outlook(steady, SIX_MONTHS)
        assert [miss.error for miss in found.misses] == [0, 0, 0]
        assert found.mean_error == 0

    def test_the_ratio_of_a_year_does_not_run_into_the_next(self):
        # 100 in, 90 out every month: 10 % all year, never below 5 %.
        steady = months(*((100, 90, 1000 + 10 * number) for number in range(1, 4)))
        assert outlook(steady, FIVE_PERCENT).prospect is Prospect.NOT_IN_SIGHT

    def test_no_income_is_no_ratio_and_not_nought(self):
        found = outlook(months((0, 20, 155), (0, 20, 135), (0, 20, 115)), FIVE_PERCENT)
        assert (found.now, found.prospect) == (None, Prospect.NO_VALUE)


def record(unit: str, last: int | None, done: int | None, **more: bool) -> DutyRecord:
    """A duty of September, by days of that month."""
    day = {number: date(2026, 9, number) for number in range(1, 31)}
    return DutyRecord(
        Month(2026, 9), "plan", unit, last and day[last], done and day[done], more.get("extended", False)
    )


class TestPunctuality:
    def test_the_last_day_itself_is_on_time_and_what_is_not_due_is_not_counted(self):
        counted = punctuality(
            [
                record("a", 15, 15),
                record("a", 15, 16),
                record("a", 20, None),
                record("a", None, 3),
                DutyRecord(Month(2026, 10), "plan", "a", TODAY, date(2026, 10, 1)),
            ],
            TODAY,
        )
        assert (counted.fell_due, counted.on_time, counted.late, counted.still_open) == (3, 1, 1, 1)
        assert counted.rate == Fraction(1, 3)
        assert counted.days_late == 1 + 19  # done a day late; open from 20 September to 9 October

    def test_nothing_due_is_no_rate(self):
        assert punctuality([record("a", None, None)], TODAY).rate is None

    def test_equal_counties_share_a_rank_and_the_next_one_is_counted_on(self):
        records = [record("a", 15, 14), record("b", 15, 15), record("c", 15, 17), record("d", 15, 16)]
        rows = league(["d", "c", "b", "a", "e"], records, returned={"c": 2}, today=TODAY)
        assert [(row.county, row.rank) for row in rows] == [
            ("a", 1), ("b", 1), ("d", 3), ("c", 4), ("e", None),
        ]  # fmt: skip
        assert rows[3].returned == 2


class TestBudget:
    def test_seventy_spent_of_a_hundred_in_september_is_five_points_behind(self):
        execution = BudgetExecution(100, 70, 9)
        assert (execution.executed, execution.time_share) == (Fraction(7, 10), Fraction(3, 4))
        assert execution.ahead == Fraction(-1, 20)

    def test_an_unknown_figure_is_not_nought(self):
        assert BudgetExecution(None, 70, 9).executed is None
        assert BudgetExecution(100, None, 9).ahead is None
        assert BudgetExecution(0, 70, 9).executed is None


class TestShown:
    def test_what_is_below_a_line_never_reads_as_on_it(self):
        assert measured(Fraction(14247, 2375), Measure.MONTHS_OF_COVERAGE) == "5.99"  # 5.9987…
        assert percent(Fraction(4999, 100_000)) == "4.9%"
        assert percent(Fraction(-1, 1000)) == "-0.1%"
        assert percent(None) == "–"


class TestSample:
    KEYS = tuple(f"payment-{number}" for number in range(40))

    def test_the_seed_draws_the_same_again_in_whatever_order_the_keys_come(self):
        drawn = draw(self.KEYS, size=5, seed="2026")
        assert draw(reversed(self.KEYS), size=5, seed="2026") == drawn
        assert len(set(drawn.keys)) == 5
        assert draw(self.KEYS, size=9, seed="2026").keys[:5] == drawn.keys
        assert draw(self.KEYS, size=5, seed="2027").keys != drawn.keys

    def test_a_population_that_grew_has_another_digest(self):
        grown = draw((*self.KEYS, "later"), size=5, seed="2026")
        assert grown.population == 41
        assert grown.population_digest != draw(self.KEYS, size=5, seed="2026").population_digest

    def test_a_sample_larger_than_its_population_is_all_of_it(self):
        assert set(draw(self.KEYS, size=100, seed="x").keys) == set(self.KEYS)
