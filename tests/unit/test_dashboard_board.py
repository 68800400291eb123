"""The board counts and sorts what the month's status says."""

from datetime import date, datetime

from fundpool.console.dashboard.board import Show, build_board, flags_worst_first
from fundpool.domain.duties import Basis
from fundpool.domain.periods import SHANGHAI
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


def transfer(state: str, unit: str = "331002", attempt_state: str | None = None) -> TransferStatus:
    return TransferStatus.model_validate(
        {"fund": "employee", "unit": unit, "from": "city_expenditure", "to": "county_expenditure"}
        | {"amount_fen": 100, "state": state, "attempt_state": attempt_state}
    )


def board_of(month: MonthStatus, units=UNITS, show: Show = Show.ALL):
    return build_board(month, units, HOPS, show=show)


def status(*duties: DutyStatus, **more) -> MonthStatus:
    return MonthStatus(city="taizhou", month="2026-10", as_of=NOW, duties=duties, **more)


class TestMatrix:
    def test_rows_follow_the_register_with_the_city_first(self):
        board = board_of(
            status(duty("b", None, "upcoming"), duty("a", "331003", "nil"), duty("a", "331002", "nil")), UNITS
        )
        assert [row.unit for row in board.rows] == [None, "331002", "331003"]

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
                duty("pay", None, "upcoming", None),
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
        assert board.columns[0].days_left(date(2026, 9, 23)) == 2
        assert board.columns[0].days_left(date(2026, 9, 25)) == 0

    def test_a_finished_column_has_no_days_left(self):
        board = board_of(status(duty("plan", "331002", "nil")), UNITS)
        assert board.columns[0].days_left(date(2026, 9, 1)) is None

    def test_a_cell_shows_the_transfer_that_is_furthest_from_done(self):
        board = board_of(
            status(
                duty("allocate_to_counties", "331002", "upcoming"),
                transfers=(
                    transfer("settled"),
                    transfer("in_flight"),
                    transfer("in_flight", attempt_state="unknown"),
                ),
            ),
            UNITS,
        )
        cell = board.rows[0].cells[0]
        assert cell.transfer_state == "unknown"
        assert cell.amount_fen == 300

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
                duty("report", "331002", "upcoming"),
                duty("report", "331003", "due_soon"),
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


def test_flags_about_money_come_before_flags_about_paper():
    flags = [
        Flag(kind=kind, days=days, message_zh="", message_en="")
        for kind, days in (("nil", None), ("late", 1), ("overdue", 2), ("overdue", 5), ("unknown", None))
    ]
    assert [(flag.kind, flag.days) for flag in flags_worst_first(flags)] == [
        ("unknown", None),
        ("overdue", 5),
        ("overdue", 2),
        ("late", 1),
        ("nil", None),
    ]
