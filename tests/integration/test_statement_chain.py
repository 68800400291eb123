"""Statements of one account that do not follow from each other, on both databases."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event

from fundpool.domain.errors import RuleViolation
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import GatewayTerms, final_days
from fundpool.services.payments import kill_switches, resolving, statements
from fundpool.services.ports.gateway import DayStatement
from fundpool.services.ports.money_ports import Break
from fundpool.services.ports.statement_ports import StatedBalance
from schemas.payment_messages import Direction, StatementLine
from tests.integration.test_bank_reconciliation import (
    ACCOUNT,
    fetch,
    import_lines,
    on,
    opened,
    paid_month,
)
from tests.simulation.scene import CHECKER, CITY, FUND, MAKER, Scene

DAY = date(2026, 10, 12)
TERMS = GatewayTerms()
FINAL = datetime(2026, 10, 20, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def scene(transactions) -> Scene:
    return opened(transactions)


def day(number: int) -> date:
    return date(2026, 10, number)


def line(
    serial: str,
    amount_fen: int = 500,
    number: int = DAY.day,
    direction: Direction = Direction.CREDIT,
    key: str | None = None,
) -> StatementLine:
    return StatementLine(serial, ACCOUNT, direction, amount_fen, key, "某单位", on(number))


def take(scene: Scene, of: date, *lines: StatementLine, at: datetime = FINAL, **parts: object) -> int:
    """Take in a statement; how many breaks are new."""
    statement = DayStatement(lines, **parts)  # type: ignore[arg-type]
    return scene.ports.database.transaction(
        lambda work: resolving.match_statement(
            work, ACCOUNT, of, statement=statement, fetched_at=at, now=at, terms=TERMS
        )
    )[2]


def breaks(scene: Scene, kind: str) -> list[Break]:
    found = scene.ports.database.read(lambda work: work.breaks.find(CITY, only_open=False))
    return [each for each in found if each.kind == kind]


def is_stopped(scene: Scene) -> bool:
    return scene.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND))


def stops(scene: Scene, kind: str) -> bool:
    """Whether the one break of the kind stops the fund, and it is stopped."""
    (found,) = breaks(scene, kind)
    assert found.stops_fund == is_stopped(scene)
    return found.stops_fund


def imported(scene: Scene) -> dict[date, datetime]:
    return scene.ports.database.read(lambda work: work.statements.imports(ACCOUNT))


def balances(scene: Scene) -> list[StatedBalance]:
    return scene.ports.database.read(lambda work: work.statements.balances(ACCOUNT))


def serials(scene: Scene) -> list[str]:
    found = scene.ports.database.read(lambda work: work.statements.lines_of_account(ACCOUNT, day(1), day(31)))
    return [each.bank_serial for each in found]


# ------------------------------------------------------------------ contradicting statements


def test_statements_that_contradict_each_other_prove_no_day_and_stop_the_fund(scene):
    take(scene, DAY, line("A"))
    assert DAY in imported(scene)
    take(scene, DAY, line("A"), differing=(line("B", 700), line("C", 800, direction=Direction.DEBIT)))
    assert stops(scene, "statements_contradict")
    (found,) = breaks(scene, "statements_contradict")
    assert "B +7.00" in found.detail_zh
    assert "C -8.00" in found.detail_en
    assert serials(scene) == ["A"]
    assert imported(scene) == {}


def test_a_resolved_contradiction_does_not_hide_another_one(scene):
    take(scene, DAY, differing=(line("B"),))
    (found,) = breaks(scene, "statements_contradict")
    scene.ports.database.transaction(
        lambda work: resolving.resolve_break(work, found.id, by=CHECKER, resolution="银行更正", now=FINAL)
    )
    assert take(scene, DAY, differing=(line("B"),)) == 0
    assert take(scene, DAY, differing=(line("C", direction=Direction.DEBIT),)) == 1


def test_statements_that_differ_in_balances_alone_contradict_each_other(scene):
    take(scene, DAY, balances_differ=True, closing_fen=1)
    assert stops(scene, "statements_contradict")
    assert (imported(scene), balances(scene)) == ({}, [])


# ------------------------------------------------------------------ final days read again


def test_a_debit_on_a_day_that_was_final_stops_the_fund_and_is_matched(scene):
    take(scene, DAY, line("A"))
    take(scene, DAY, line("A"), line("B", direction=Direction.DEBIT))
    assert stops(scene, "statement_changed_after_final")
    assert len(breaks(scene, "bank_not_us")) == 1
    assert serials(scene) == ["A", "B"]


def test_a_late_receipt_that_is_none_of_our_payments_is_a_break_and_stops_no_fund(scene):
    take(scene, DAY)
    take(scene, DAY, line("B"))
    assert not stops(scene, "statement_changed_after_final")
    assert serials(scene) == ["B"]


def test_a_late_credit_under_a_key_of_ours_stops_the_fund(scene):
    paid_month(scene)
    fetch(scene)
    key = scene.ports.database.read(lambda work: work.attempts.of_obligation(1))[0].key
    take(scene, DAY, line("B", 1_000_00, key=key))
    assert stops(scene, "statement_changed_after_final")


def test_new_lines_of_a_day_that_is_not_final_open_no_break(scene):
    take(scene, DAY, line("A"), at=on(13, 9))
    take(scene, DAY, line("A"), line("B"), at=on(13, 12))
    assert breaks(scene, "statement_changed_after_final") == []
    take(scene, DAY, line("B"), at=on(13, 15))
    assert breaks(scene, "statement_line_gone") == []


def test_a_line_that_a_final_statement_no_longer_has_stops_the_fund(scene):
    take(scene, DAY, line("A"), line("B"))
    take(scene, DAY, line("B"), at=FINAL + timedelta(hours=1))
    assert stops(scene, "statement_line_gone")
    assert breaks(scene, "statement_line_gone")[0].reference == f"{ACCOUNT}/A"


def test_a_worker_that_slept_with_an_older_statement_reports_nothing_gone_and_leaves_the_day_final(scene):
    take(scene, DAY, line("A"), line("B"))
    take(scene, DAY, line("A"), at=on(12, 12))
    assert breaks(scene, "statement_line_gone") == []
    assert imported(scene)[DAY] == FINAL
    assert final_days(imported(scene), TERMS) == {DAY}


def test_over_http_a_second_debit_under_a_settled_key_that_comes_late_stops_the_fund(scene):
    paid_month(scene)
    late = datetime(2026, 11, 1, 10, 0, tzinfo=SHANGHAI)
    paid = scene.book.lines[0]
    assert paid.direction is Direction.DEBIT
    fetch(scene)
    scene.clock.advance(days=2)
    fetch(scene)
    assert not is_stopped(scene)
    scene.book.lines.append(
        StatementLine("迟到1", ACCOUNT, Direction.DEBIT, paid.amount_fen, paid.key, "支出户", late)
    )
    scene.book.accounts[ACCOUNT].balance_fen -= paid.amount_fen
    caught = fetch(scene)
    assert caught.lines_new == 1
    assert stops(scene, "statement_changed_after_final")
    assert len(breaks(scene, "executed_twice")) == 1


def test_another_account_of_the_other_party_is_another_line_and_one_not_given_is_not(scene):
    known, given, other = line("A"), line("B"), line("C")
    take(
        scene, DAY, known, replace(given, counterparty_account="1"), replace(other, counterparty_account="1")
    )
    take(
        scene, DAY, replace(known, counterparty_account="1"), given, replace(other, counterparty_account="2")
    )
    assert [each.reference for each in breaks(scene, "statement_line_altered")] == [f"{ACCOUNT}/C"]


# ------------------------------------------------------------------ balances


def test_statements_that_follow_each_other_open_no_break(scene):
    take(scene, day(12), line("A"), opening_fen=1000, closing_fen=1500)
    take(scene, day(13), opening_fen=1500, closing_fen=1500)
    take(scene, day(14), line("B", number=14), opening_fen=1500, closing_fen=2000)
    take(scene, day(12), line("A"), opening_fen=1000, closing_fen=1500)
    assert scene.ports.database.read(lambda work: work.breaks.find(CITY)) == []
    assert [(each.opening_fen, each.closing_fen) for each in balances(scene)] == [
        (1000, 1500),
        (1500, 1500),
        (1500, 2000),
    ]


def test_an_opening_that_does_not_follow_the_last_closing_stops_the_fund(scene):
    take(scene, day(12), closing_fen=1000)
    take(scene, day(13), opening_fen=999, closing_fen=999)
    assert stops(scene, "opening_differs")


def test_over_days_without_a_balance_the_lines_lead_from_closing_to_opening(scene):
    take(scene, day(12), closing_fen=1000)
    take(scene, day(14), opening_fen=1500, closing_fen=1500)
    assert breaks(scene, "opening_differs") == []  # the thirteenth is not known
    take(scene, day(13), line("A", number=13))
    assert breaks(scene, "opening_differs") == []
    take(scene, day(13), line("A", number=13), line("B", 1, number=13))
    assert stops(scene, "opening_differs")


def test_a_day_imported_after_a_later_day_is_compared_with_it(scene):
    take(scene, day(13), opening_fen=1000, closing_fen=1000)
    take(scene, day(12), opening_fen=999, closing_fen=999)
    assert len(breaks(scene, "opening_differs")) == 1
    assert stops(scene, "opening_differs")


def test_entries_that_do_not_lead_from_opening_to_closing_stop_the_fund(scene):
    take(scene, DAY, line("A", 500), opening_fen=1000, closing_fen=1501)
    assert stops(scene, "closing_differs")


def test_another_closing_of_the_same_day_stops_the_fund_and_the_first_stays(scene):
    take(scene, DAY, closing_fen=1000)
    take(scene, DAY, closing_fen=1001)
    assert stops(scene, "closing_differs")
    assert [each.closing_fen for each in balances(scene)] == [1000]


def test_a_day_that_is_not_over_has_no_balance_yet(scene):
    take(scene, DAY, opening_fen=1000, closing_fen=1000, at=on(12, 15))
    assert balances(scene) == []


def state(scene: Scene, of: date, closing_fen: int) -> None:
    scene.ports.database.transaction(
        lambda work: statements.state_balance(
            work, ACCOUNT, of, closing_fen=closing_fen, source="纸质", by=MAKER, now=FINAL
        )
    )


def test_a_person_cannot_state_another_closing_than_the_bank_or_than_its_next_opening_gives(scene):
    take(scene, day(12), opening_fen=1000, closing_fen=1000)
    state(scene, day(12), 1000)
    with pytest.raises(RuleViolation) as caught:
        state(scene, day(12), 1001)
    assert caught.value.code == "closing_differs"
    with pytest.raises(RuleViolation) as caught:
        state(scene, day(11), 999)
    assert "10.00" in caught.value.zh
    state(scene, day(11), 1000)
    assert [(each.day, each.opening_fen) for each in balances(scene)] == [(day(11), None), (day(12), 1000)]


def test_a_statement_file_of_the_bank_is_chained_in_the_same_way(scene):
    paid_month(scene)
    fetch(scene)
    take(scene, day(20), closing_fen=5000, at=scene.clock())
    import_lines(
        scene,
        [line("X", 100, 21)],
        {day(21): 5099},
        [day(21)],
        {day(21): 4999},
    )
    assert {each.kind for each in scene.ports.database.read(lambda w: w.breaks.find(CITY))} == {
        "statement_changed_after_final",
        "opening_differs",
    }
    assert is_stopped(scene)


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("numbers", "breaks_found"),
    [
        ({12: 7, 13: 8, 14: 9}, 0),
        ({12: 7, 13: None, 14: 9}, 1),  # eight is nobody's, and the thirteenth has no number
        ({12: 7, 14: 9}, 0),  # the thirteenth is not there yet
        ({12: 7, 14: 9, 13: 8}, 0),
        ({12: 7, 13: 9}, 1),
        ({12: 7, 13: 7}, 1),
        ({12: 7, 13: 8, 14: 7}, 1),
        ({13: 9, 12: 7}, 1),
    ],
)
def test_a_statement_number_that_is_skipped_or_used_twice_is_a_break_and_stops_no_fund(
    scene, numbers, breaks_found
):
    for number, sequence in numbers.items():
        take(scene, day(number), sequence=sequence)
    assert len(breaks(scene, "statement_sequence_gap")) == breaks_found
    assert not is_stopped(scene)


def test_statement_numbers_may_restart_each_year_and_importing_again_is_no_repeat(scene):
    at = datetime(2027, 1, 10, tzinfo=SHANGHAI)
    for of, sequence in ((date(2026, 12, 31), 365), (date(2027, 1, 1), 1), (date(2027, 1, 2), 2)):
        take(scene, of, sequence=sequence, at=at)
        take(scene, of, sequence=sequence, at=at + timedelta(days=1))
    assert breaks(scene, "statement_sequence_gap") == []


def test_a_catch_up_reads_what_stood_before_once_for_all_its_days(scene):
    """Two months of days are taken in within one transaction: four queries a day took longer than the matching."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    event.listen(scene.ports.database.database.engine, "before_cursor_execute", note)
    for days in (range(2, 4), range(5, 12)):
        asked.clear()
        scene.ports.database.transaction(
            lambda work, days=days: [
                resolving.match_statement(
                    work,
                    ACCOUNT,
                    day(number),
                    statement=DayStatement((), opening_fen=0, closing_fen=0, sequence=number),
                    fetched_at=FINAL,
                    now=FINAL,
                    terms=TERMS,
                )
                for number in days
            ]
        )
        read = [text for text in asked if text.startswith("SELECT")]
        assert sum("FROM statement_day" in text for text in read) == 1
        assert not any("FROM reconciliation_break" in text for text in read)
