"""Receipts without our key, and the month's 银行存款余额调节表, on both databases."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO

import openpyxl
import pytest
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.documents.reconciliation_workbooks import workbook
from fundpool.adapters.policies.policy_files import load_policies
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.bank_reconciliation import BalanceSource, ItemKind
from fundpool.domain.errors import FundpoolError, RuleViolation
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy
from fundpool.sandbox_bank.faults import Call
from fundpool.services.books import booking
from fundpool.services.payments import resolving, statements
from fundpool.services.payments.bank_reconciliation import reconciliations
from fundpool.services.ports.statement_ports import MatchRule
from fundpool.settings import Settings
from fundpool.version import product
from schemas.payment_messages import Direction, StatementLine
from tests.seals import SEALS
from tests.simulation.scene import (
    CITY,
    CITY_UNIT,
    COUNTIES,
    FISCAL,
    MAKER,
    MONTH,
    OPENING_FEN,
    Scene,
    account_no,
)

ACCOUNT = account_no("fiscal_account", CITY_UNIT)
MONTH_END = datetime(2026, 11, 3, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def scene(sqlite_template) -> Iterator[Scene]:
    """The small city on SQLite in memory; what touches tables anew is also played on both databases."""
    database = Database("sqlite://")
    raw = database.engine.raw_connection().driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.deserialize(sqlite_template.read_bytes())
    yield opened(SqlTransactions(database, SEALS))
    database.dispose()


def opened(transactions) -> Scene:
    """The small city, its books opened on the second of October: statements matter from the third."""
    scene = Scene(transactions, opening_fen=0)
    scene.book.accounts[ACCOUNT].balance_fen = OPENING_FEN
    scene.ports.database.transaction(
        lambda work: booking.open_balances(
            work, [(FISCAL, OPENING_FEN)], by=MAKER, event_at=on(2), now=scene.clock()
        )
    )
    return scene


def on(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=SHANGHAI)


def receive(scene: Scene, amount_fen: int, day: int, who: str = "国家税务总局") -> str:
    scene.book.deposit(ACCOUNT, amount_fen, who, now=on(day))
    return scene.book.lines[-1].bank_serial


def book(scene: Scene, amount_fen: int, day: int, reference: str, source: str = "contribution") -> str:
    income = booking.Income(FISCAL, source, amount_fen, reference=reference, received_at=on(day))
    scene.ports.database.transaction(
        lambda work: booking.book_incomes(work, [income], by=MAKER, now=scene.clock())
    )
    return booking.income_key(FISCAL, source, reference)


def month_over(scene: Scene) -> None:
    scene.clock.now = MONTH_END


def fetch(scene: Scene) -> statements.CatchUp:
    return statements.catch_up(scene.ports, CITY, scene.clock())


def match(scene: Scene) -> statements.ReceiptReport:
    terms = scene.ports.gateway_terms
    return scene.ports.database.transaction(
        lambda work: statements.match_receipts(work, CITY, scene.clock(), terms=terms)
    )


def form(scene: Scene, month: Month = MONTH):
    (found,) = scene.ports.database.read(
        lambda work: reconciliations(work, CITY, month, terms=scene.ports.gateway_terms)
    )
    return found


def kinds(scene: Scene) -> list[str]:
    found = scene.ports.database.read(lambda work: work.breaks.find(CITY))
    return [each.kind for each in found]


def paid_month(scene: Scene) -> None:
    scene.release()
    scene.send()
    month_over(scene)


def test_a_month_of_payments_comes_to_equal_balances(scene):
    paid_month(scene)
    caught = fetch(scene)
    assert caught.missing == []
    found = form(scene)
    assert (found.is_balanced, found.items, found.bank_source) == (True, (), BalanceSource.OPENING)
    assert found.book_fen == found.bank_fen == scene.book.accounts[ACCOUNT].balance_fen


def test_days_whose_statement_is_final_are_read_again_for_a_while(scene):
    paid_month(scene)
    first = fetch(scene)
    assert first.days == 31  # 3 October to 2 November
    assert fetch(scene).days == 10  # yesterday's may still grow, the others may be changed all the same
    terms = replace(scene.ports.gateway_terms, statement_reread=timedelta(0))
    scene.ports = replace(scene.ports, gateway_terms=terms)
    assert fetch(scene).days == 1


def test_without_every_statement_the_banks_balance_is_unknown_never_guessed(scene):
    paid_month(scene)
    resolving.import_statements(scene.ports, CITY, date(2026, 10, 8), now=scene.clock(), clock=scene.clock)
    found = form(scene)
    assert found.bank_fen is None
    assert found.difference_fen is None
    assert not found.is_balanced
    assert date(2026, 10, 9) in found.missing_days


def test_a_balance_stated_by_the_bank_counts_before_any_computed_one(scene):
    paid_month(scene)
    fetch(scene)

    def state(work):
        statements.state_balance(
            work, ACCOUNT, MONTH.last_day, closing_fen=1, source="纸质对账单", by=MAKER, now=scene.clock()
        )

    scene.ports.database.transaction(state)
    found = form(scene)
    assert (found.bank_fen, found.bank_source) == (1, BalanceSource.STATED)
    assert found.difference_fen == found.book_fen - 1
    assert not found.is_balanced


def test_a_balance_of_an_earlier_day_is_carried_on_by_the_lines_since(scene):
    paid_month(scene)
    fetch(scene)
    scene.ports.database.transaction(
        lambda work: statements.state_balance(
            work, ACCOUNT, date(2026, 10, 20), closing_fen=500_00, source="纸质", by=MAKER, now=scene.clock()
        )
    )
    found = form(scene)
    assert (found.bank_fen, found.bank_source) == (500_00, BalanceSource.CARRIED)


def test_a_receipt_that_names_the_banks_serial_is_that_booking(scene):
    serial = receive(scene, 7_00, 12)
    receive(scene, 7_00, 12)
    key = book(scene, 7_00, 12, serial)
    paid_month(scene)
    fetch(scene)
    assert match(scene).matched == 1
    found = scene.ports.database.read(lambda work: work.statements.matches(ACCOUNT))
    assert list(found.values()) == [key]
    assert kinds(scene) == ["receipt_not_booked"]


def test_a_receipt_fits_one_booking_by_amount_and_day(scene):
    receive(scene, 7_00, 12)
    book(scene, 7_00, 12, "凭证1")
    paid_month(scene)
    fetch(scene)
    assert match(scene).matched == 1
    assert kinds(scene) == []
    assert form(scene).is_balanced


def test_a_receipt_booked_days_later_is_found_once_the_window_is_over(scene):
    receive(scene, 7_00, 12)
    book(scene, 7_00, 15, "凭证1")
    scene.release()
    scene.send()
    scene.clock.now = on(18)
    fetch(scene)
    assert match(scene).matched == 0
    month_over(scene)
    fetch(scene)
    assert match(scene).matched == 1


def test_a_booking_out_of_the_window_is_not_the_receipt(scene):
    receive(scene, 7_00, 3)
    book(scene, 7_00, 11, "凭证1")
    paid_month(scene)
    fetch(scene)
    assert match(scene).matched == 0
    assert kinds(scene) == ["receipt_ambiguous", "receipt_not_at_bank"]


@pytest.mark.parametrize(("receipts", "bookings"), [(2, 1), (1, 2), (2, 2)])
def test_a_receipt_that_fits_several_bookings_is_never_matched_by_guess(scene, receipts, bookings):
    for _ in range(receipts):
        receive(scene, 7_00, 12)
    for number in range(bookings):
        book(scene, 7_00, 12, f"凭证{number}")
    paid_month(scene)
    fetch(scene)
    assert match(scene).matched == 0
    assert kinds(scene) == ["receipt_ambiguous"] * receipts + ["receipt_not_at_bank"] * bookings
    found = form(scene)
    assert found.total_fen(ItemKind.BANK_RECEIVED) == receipts * 7_00
    assert found.total_fen(ItemKind.BOOKED_RECEIPT) == bookings * 7_00
    assert found.is_balanced
    for item in found.items:
        assert item.owner == "city_finance"
        assert item.age_days == 19
        assert item.break_id is not None


def test_a_break_has_an_owner_who_can_be_named_and_does_not_stop_the_fund(scene):
    receive(scene, 7_00, 12)
    paid_month(scene)
    fetch(scene)
    match(scene)
    (found,) = scene.ports.database.read(lambda work: work.breaks.find(CITY))
    assert (found.owner, found.stops_fund) == ("city_finance", False)
    scene.ports.database.transaction(
        lambda work: statements.assign(work, found.id, owner="张三", by=MAKER, now=scene.clock())
    )
    assert form(scene).items[0].owner == "张三"


def test_a_break_is_cleared_by_the_booking_that_explains_it_and_stays_on_record(scene):
    serial = receive(scene, 7_00, 12)
    paid_month(scene)
    fetch(scene)
    match(scene)
    assert kinds(scene) == ["receipt_not_booked"]
    key = book(scene, 7_00, 12, serial)
    report = match(scene)
    assert (report.matched, report.breaks_cleared) == (1, 1)
    (closed,) = scene.ports.database.read(lambda work: work.breaks.find(CITY, only_open=False))
    assert closed.resolution == f"matched by reference: {key}"


def test_matching_again_finds_nothing_new(scene):
    receive(scene, 7_00, 12)
    receive(scene, 8_00, 12)
    book(scene, 7_00, 12, "凭证1")
    paid_month(scene)
    fetch(scene)
    match(scene)
    again = match(scene)
    assert (again.matched, again.breaks_new, again.breaks_cleared) == (0, 0, 0)


def test_a_person_may_say_which_booking_a_receipt_is_and_only_once(scene):
    serial = receive(scene, 7_00, 12)
    other = receive(scene, 7_00, 12)
    key = book(scene, 7_00, 12, "凭证1")
    wrong = book(scene, 9_00, 12, "凭证2")
    paid_month(scene)
    fetch(scene)
    match(scene)

    def say(serial, key):
        return scene.ports.database.transaction(
            lambda work: statements.match_by_person(
                work, ACCOUNT, serial, posting_key=key, by="李四", now=scene.clock()
            )
        )

    with pytest.raises(FundpoolError, match="不是同一笔"):
        say(serial, wrong)
    assert say(serial, key) == 2
    with pytest.raises(FundpoolError, match="没有待查的入账"):
        say(other, key)
    with pytest.raises(FundpoolError, match="没有待查的收款流水"):
        say(serial, key)


def test_a_reversed_booking_explains_no_receipt(scene):
    receive(scene, 7_00, 12)
    key = book(scene, 7_00, 12, "凭证1")
    scene.ports.database.transaction(
        lambda work: booking.reverse(work, key, reason="错", by=MAKER, event_at=on(13), now=scene.clock())
    )
    paid_month(scene)
    fetch(scene)
    assert match(scene).matched == 0
    assert kinds(scene) == ["receipt_not_booked"]
    found = form(scene)
    assert [item.kind for item in found.items] == [ItemKind.BANK_RECEIVED]
    assert found.is_balanced


def test_a_payment_the_bank_makes_after_month_end_is_open_at_month_end(scene):
    scene.clock.now = on(31, 23)
    scene.plan.add("processing", seconds=3 * 3600, times=len(COUNTIES))
    scene.release()
    scene.send()
    month_over(scene)
    scene.resolve()
    fetch(scene)
    # Executed in November on both sides: nothing is open at the end of October.
    assert form(scene).items == ()
    # Had it been booked a day too early, the form would show it.
    assert form(scene).book_fen == form(scene).bank_fen


def test_money_the_bank_paid_on_its_own_is_listed_and_stops_the_fund(scene):
    paid_month(scene)
    scene.book.accounts[ACCOUNT].balance_fen -= 5_00
    scene.book.lines.append(
        StatementLine("手续费1", ACCOUNT, Direction.DEBIT, 5_00, None, "农业银行", on(20))
    )
    fetch(scene)
    found = form(scene)
    assert [(item.kind, item.amount_fen, item.reference) for item in found.items] == [
        (ItemKind.BANK_PAID, 5_00, "手续费1")
    ]
    assert found.items[0].break_id is not None
    assert found.is_balanced
    assert kinds(scene) == ["bank_not_us"]


def test_a_returned_payment_is_on_both_sides(scene):
    paid_month(scene)
    attempt = scene.ports.database.read(lambda work: work.attempts.of_obligation(1))[0]
    scene.book.return_transfer(attempt.key, "户名不符", on(21))
    fetch(scene)
    found = form(scene)
    assert found.items == ()
    assert found.is_balanced


def test_the_workbook_shows_both_balances_every_open_item_and_who_signs(scene):
    receive(scene, 7_00, 12, "=cmd|'/c calc'!A1")
    book(scene, 9_00, 12, "凭证9", "subsidy")
    paid_month(scene)
    fetch(scene)
    match(scene)
    found = form(scene)
    policy = policy_of(CITY)
    content = openpyxl.load_workbook(BytesIO(workbook(policy, MONTH, (found,), prepared_on=MONTH_END.date())))
    assert content.properties.description == product()
    overview, sheet = content.worksheets
    texts = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert "银行存款余额调节表" in texts
    assert {"经办：", "复核：", "负责人："} <= set(texts)
    assert texts.count("调节后余额") == 2
    assert float(found.adjusted_book_fen) / 100 in [cell.value for row in sheet.iter_rows() for cell in row]
    assert "银行已收、单位未收" in texts
    assert "单位已收、银行未收" in texts
    assert "凭证9" in texts
    assert [cell.value for cell in overview[4]][-1] == "相符"
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def policy_of(city: str) -> CityPolicy:
    return load_policies(Settings().policy_dir).city(city)


def test_a_form_that_does_not_balance_is_marked(scene):
    paid_month(scene)
    fetch(scene)
    scene.ports.database.transaction(
        lambda work: statements.state_balance(
            work, ACCOUNT, MONTH.last_day, closing_fen=1, source="纸质", by=MAKER, now=scene.clock()
        )
    )
    content = openpyxl.load_workbook(
        BytesIO(workbook(policy_of(CITY), MONTH, (form(scene),), prepared_on=MONTH_END.date()))
    )
    overview = content.worksheets[0]
    assert overview.cell(4, 11).value == "不符"
    assert overview.cell(4, 9).fill.start_color.rgb == "FFFFC7CE"


def import_lines(scene: Scene, lines, closing_fen, days, opening_fen=None):
    return scene.ports.database.transaction(
        lambda work: statements.import_file(
            work,
            ACCOUNT,
            days,
            lines=lines,
            opening_fen=opening_fen or {},
            closing_fen=closing_fen,
            source="银行.csv",
            by=MAKER,
            now=scene.clock(),
            terms=scene.ports.gateway_terms,
        )
    )


def test_a_banks_own_file_settles_what_the_gateway_left_open_and_states_its_balances(scene):
    scene.plan.add("silence_after", times=len(COUNTIES))
    scene.release()
    scene.send()
    month_over(scene)
    assert scene.states() == ["in_flight"] * len(COUNTIES)
    lines = [line for line in scene.book.lines if line.account == ACCOUNT]
    closing_fen = scene.book.accounts[ACCOUNT].balance_fen
    days = [date(2026, 10, day) for day in range(3, 32)]
    done = import_lines(scene, lines, {date(2026, 10, 31): closing_fen}, days)
    assert (done.lines_new, done.settled, done.breaks_new) == (len(COUNTIES), len(COUNTIES), 0)
    assert scene.states() == ["settled"] * len(COUNTIES)
    found = form(scene)
    assert (found.is_balanced, found.bank_source) == (True, BalanceSource.STATED)
    assert import_lines(scene, lines, {}, days).lines_new == 0
    with pytest.raises(FundpoolError, match="不在对账期间"):
        import_lines(scene, lines, {}, [date(2026, 10, 3)])


def test_a_bank_that_does_not_answer_ends_the_fetching_and_is_reported(scene):
    paid_month(scene)
    scene.plan.add("500_before", call=Call.STATEMENT, times=1)
    caught = fetch(scene)
    assert (caught.days, len(caught.missing)) == (0, 1)
    assert fetch(scene).missing == []


def test_both_databases_keep_balances_matches_and_owners_alike(transactions):
    scene = opened(transactions)
    serial = receive(scene, 7_00, 12)
    receive(scene, 8_00, 13)
    key = book(scene, 7_00, 12, serial)
    paid_month(scene)
    fetch(scene)
    assert match(scene).matched == 1
    assert kinds(scene) == ["receipt_not_booked"]
    closing_fen = scene.book.accounts[ACCOUNT].balance_fen

    def state(closing_fen: int) -> None:
        scene.ports.database.transaction(
            lambda work: statements.state_balance(
                work,
                ACCOUNT,
                MONTH.last_day,
                closing_fen=closing_fen,
                source="纸质",
                by=MAKER,
                now=scene.clock(),
            )
        )

    state(closing_fen)
    with pytest.raises(RuleViolation) as caught:
        state(1)
    assert caught.value.code == "closing_differs"
    found = form(scene)
    assert (found.is_balanced, found.bank_source) == (True, BalanceSource.STATED)
    assert [(item.amount_fen, item.owner) for item in found.items] == [(8_00, "city_finance")]
    with pytest.raises(IntegrityError):
        scene.ports.database.transaction(
            lambda work: work.statements.add_match(2, key, MatchRule.PERSON, by=MAKER, at=scene.clock())
        )
