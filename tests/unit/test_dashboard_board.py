"""The board counts and sorts what the month's status says."""

from datetime import date, datetime

from fundpool.console.dashboard.board import Show, build_board
from fundpool.console.dashboard.labels import label_of_duty
from fundpool.domain.duties import Basis
from fundpool.domain.periods import SHANGHAI
from fundpool.services.oversight.flags import worst_first
from schemas.dashboard import DutyStatus, Flag, MonthStatus, TransferStatus

HOPS = {("city_expenditure", "county_expenditure"): "allocate_to_counties"}
NOW = datetime(2026, 10, 9, 9, 30, tzinfo=SHANGHAI)
UNITS = ("331002", "331003")


def duty(key: str, unit: str | None, state: str, due: date | None = date(2026, 9, 25), **more) -> DutyStatus:
    basis = Basis("台政办发〔2021〕48号", "第五条", "每月25日前")
    return DutyStatus.model_validate(
        {
            "rule": "TZ-15",
            "step": key,
            "period": "2026-10",
            "actor": "county_agency",
            "unit": unit,
            "due": due,
        }
        | {"basis": basis, "state": state}
        | more
    )


def transfer(
    state: str,
    unit: str = "331002",
    attempt_state: str | None = None,
    *,
    fen: int = 100,
    application: int = 1,
) -> TransferStatus:
    return TransferStatus.model_validate(
        {"fund": "employee", "unit": unit, "from": "city_expenditure", "to": "county_expenditure"}
        | {"amount_fen": fen, "state": state, "attempt_state": attempt_state, "application": application}
    )


def board_of(month: MonthStatus, units=UNITS, show: Show = Show.ALL, **more):
    return build_board(month, units, HOPS, show=show, **more)


def status(*duties: DutyStatus, **more) -> MonthStatus:
    return MonthStatus(city="taizhou", month="2026-10", as_of=NOW, duties=duties, **more)


class TestMatrix:
    def test_rows_follow_the_register_and_the_city_stands_above_them(self):
        board = board_of(
            status(duty("b", None, "upcoming"), duty("a", "331003", "nil"), duty("a", "331002", "nil")), UNITS
        )
        assert [row.unit for row in board.rows] == ["331002", "331003"]
        assert [column.duty for column in board.columns] == ["a"]
        assert [each.duty for each in board.city] == ["b"]

    def test_a_unit_that_the_register_does_not_know_is_shown_last_not_dropped(self):
        board = board_of(status(duty("a", "999999", "overdue"), duty("a", "331002", "nil")), UNITS)
        assert [row.unit for row in board.rows] == ["331002", "999999"]

    def test_columns_follow_their_due_dates(self):
        board = board_of(
            status(
                duty("report", "331002", "upcoming", date(2026, 11, 15)),
                duty("plan", "331002", "nil", date(2026, 9, 25)),
            ),
            UNITS,
        )
        assert [column.duty for column in board.columns] == ["plan", "report"]

    def test_a_duty_without_a_date_keeps_the_place_the_policy_gives_it(self):
        board = board_of(
            status(
                duty("plan", "331002", "nil", date(2026, 9, 25)),
                duty("pay", "331002", "upcoming", None),
                duty("report", "331002", "upcoming", date(2026, 11, 15)),
            ),
            UNITS,
        )
        assert [column.duty for column in board.columns] == ["plan", "pay", "report"]

    def test_a_column_counts_what_is_done(self):
        board = board_of(
            status(duty("plan", "331002", "done_late"), duty("plan", "331003", "overdue")), UNITS
        )
        assert (board.columns[0].done, board.columns[0].total) == (1, 2)
        assert board.columns[0].is_overdue

    def test_a_finished_column_has_no_days_left(self):
        board = board_of(status(duty("plan", "331002", "nil")), UNITS)
        assert board.columns[0].left is None

    def test_a_column_counts_the_days_to_the_last_working_day_of_whoever_is_first(self):
        board = board_of(
            status(
                duty("plan", "331002", "due_soon", date(2026, 10, 18), act_by=date(2026, 10, 16)),
                duty("plan", "331003", "due_soon", date(2026, 10, 18), act_by=date(2026, 10, 12)),
            )
        )
        assert board.columns[0].left == 3

    def test_each_amount_of_a_cell_is_of_its_own_state_the_unknown_one_first(self):
        board = board_of(
            status(
                duty("allocate_to_counties", "331002", "upcoming"),
                transfers=(
                    transfer("settled", fen=7),
                    transfer("in_flight", fen=20),
                    transfer("in_flight", attempt_state="unknown", fen=300),
                ),
            ),
            UNITS,
        )
        (part,) = board.rows[0].cells[0].parts
        assert part.amounts == (("unknown", 300), ("in_flight", 20), ("settled", 7))

    def test_a_supplementary_payment_stands_beside_the_first_with_its_own_amount(self):
        first = duty("allocate_to_counties", "331002", "done_on_time")
        second = duty("allocate_to_counties", "331002", "due_soon", date(2026, 10, 20), application=2)
        payments = (transfer("settled", fen=7), transfer("in_flight", fen=20, application=2))
        board = board_of(status(first, second, transfers=payments))
        paid, open_part = board.rows[0].cells[0].parts
        assert (paid.duty, paid.amounts) == (first, (("settled", 7),))
        assert (open_part.duty, open_part.amounts) == (second, (("in_flight", 20),))

    def test_late_shows_those_who_were_late_are_overdue_or_were_returned(self):
        duties = (duty("plan", "331002", "done_on_time"), duty("plan", "331003", "returned"))
        board = board_of(status(*duties), UNITS, Show.LATE)
        assert [row.unit for row in board.rows] == ["331003"]

    def test_open_leaves_out_who_has_finished(self):
        duties = (duty("plan", "331002", "done_late"), duty("plan", "331003", "upcoming"))
        board = board_of(status(*duties), UNITS, Show.OPEN)
        assert [row.unit for row in board.rows] == ["331003"]


class TestSummary:
    def test_what_is_not_due_yet_does_not_count_against_anybody(self):
        board = board_of(
            status(
                duty("plan", "331002", "done_on_time"),
                duty("plan", "331003", "overdue", days_late=2),
                duty("report", "331002", "upcoming", date(2026, 11, 15)),
                duty("report", "331003", "due_soon", date(2026, 10, 12)),
            ),
            UNITS,
        )
        assert (board.done, board.fallen_due, board.not_due) == (1, 2, 2)

    def test_the_longest_overdue_is_named_first(self):
        board = board_of(
            status(
                duty("plan", "331002", "overdue", days_late=1), duty("plan", "331003", "overdue", days_late=9)
            ),
            UNITS,
        )
        assert [late.unit for late in board.overdue] == ["331003", "331002"]

    def test_whose_turn_counts_duties_that_press_and_leaves_out_those_far_off(self):
        board = board_of(
            status(
                duty("plan", "331002", "overdue", waiting_for="county_agency"),
                duty("plan", "331003", "returned", waiting_for="county_agency"),
                duty("review", None, "due_soon", waiting_for="checker"),
                duty("report", "331002", "upcoming", waiting_for="county_agency"),
            ),
            UNITS,
        )
        assert board.waiting == (("county_agency", 2), ("checker", 1))

    def test_whose_turn_counts_the_cases_that_wait_for_review_and_not_the_duty_they_hold_up(self):
        month = status(duty("apply", None, "due_soon", waiting_for="reviewer"))
        assert board_of(month, reviews={"reviewer": 9, "checker": 2}).waiting == (
            ("reviewer", 9),
            ("checker", 2),
        )

    def test_a_plan_missing_on_its_last_working_day_counts_against_what_is_done(self):
        holiday = {"due": date(2026, 10, 14), "waiting_for": "county_agency"}
        month = status(
            duty("submit_fund_use_plan", "331002", "done_on_time"),
            duty("submit_fund_use_plan", "331003", "due_soon", act_by=NOW.date(), **holiday),
        )
        board = board_of(month)
        assert (board.done, board.fallen_due, board.today_due) == (1, 2, 1)
        assert (board.filed, board.counties) == (1, 2)
        assert board.columns[0].left == 0
        missing = board.rows[1].duties[0]
        assert label_of_duty(missing, board.today).text == "Must be done today"

    def test_between_the_last_working_day_and_the_nominal_one_the_working_days_are_over(self):
        open_duty = duty(
            "plan",
            "331002",
            "due_soon",
            date(2026, 10, 14),
            act_by=date(2026, 10, 8),
            waiting_for="county_agency",
        )
        board = board_of(status(open_duty))
        assert (board.fallen_due, board.today_due, board.day_over) == (1, 0, 1)
        assert label_of_duty(open_duty, board.today).text == "Last working day is over"

    def test_held_and_unknown_money_raises_the_alarm_and_money_on_its_way_does_not(self):
        transfers = (
            transfer("settled", attempt_state="succeeded"),
            transfer("in_flight", attempt_state="accepted"),
            transfer("in_flight", attempt_state="unknown"),
            transfer("held"),
        )
        board = board_of(status(transfers=transfers), UNITS)
        assert [alarm.shown_state for alarm in board.alarms] == ["unknown", "held"]
        assert board.alarm_fen == 200


def test_flags_about_money_come_before_flags_about_paper_and_what_is_cured_last():
    flags = [
        Flag(kind=kind, days=days, is_open=is_open, message_zh="", message_en="")
        for kind, days, is_open in (
            ("unknown", None, False), ("nil", None, False), ("late", 1, False), ("overdue", 2, True),
            ("failed", None, True), ("overdue", 5, True), ("held", None, True), ("unknown", None, True),
        )
    ]  # fmt: skip
    assert [(flag.kind, flag.days) for flag in worst_first(flags)] == [
        ("unknown", None),
        ("held", None),
        ("failed", None),
        ("overdue", 5),
        ("overdue", 2),
        ("unknown", None),
        ("late", 1),
        ("nil", None),
    ]
