"""The gateway contract, the same over HTTP and in process."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.sandbox_bank.faults import FAULTS, Call, FaultPlan
from fundpool.services.ports.gateway import Gateway
from fundpool.services.ports.gateway import GatewayAnswerKind as Kind
from schemas.payment_messages import Direction
from tests.contract.conftest import DRIPPING_ENDS, NOW, PAYEE, PAYEE_NAME, PAYER, SILENCE_ENDS, an_order
from tests.scripted_bank import ScriptedGateway

ORDER = an_order()


DEADLINES = {
    "silence_before": SILENCE_ENDS,
    "silence_after": SILENCE_ENDS,
    "arrives_later": SILENCE_ENDS,
    "drip": DRIPPING_ENDS,
}


class Counter:
    """A gateway with the book and the faults behind it; waits no longer than a fault needs."""

    def __init__(self, gateway_with: Callable[..., Gateway], book: BankBook, plan: FaultPlan) -> None:
        self.gateway_with = gateway_with
        self.gateway = gateway_with()
        self.book = book
        self.plan = plan

    def submit(self, order=ORDER, now=NOW):
        coming = self.plan.switches[0].name if self.plan.switches else None
        return self.gateway_with(DEADLINES.get(coming)).submit(order, now=now)

    def query(self, order=ORDER, now=NOW):
        return self.gateway.query(order, now=now)

    def close(self, order=ORDER, now=NOW):
        return self.gateway.close(order, now=now)


@pytest.fixture(params=["http", "scripted"])
def at(request) -> Counter:
    if request.param == "http":
        bank = request.getfixturevalue("bank")
        return Counter(bank.gateway, bank.book, bank.bank.plan)
    book = BankBook()
    book.open_account(PAYER, "台州市财政专户", 1_000_000)
    book.open_account(PAYEE, PAYEE_NAME, 0)
    plan = FaultPlan()
    return Counter(lambda *_: ScriptedGateway(book, plan), book, plan)


def test_an_order_moves_its_amount_once_and_says_so(at):
    answer = at.submit()
    assert answer.kind is Kind.SUCCEEDED
    assert answer.executed_at == NOW
    assert at.book.accounts[PAYER].balance_fen == 1_000_000 - 12_345
    assert at.book.accounts[PAYEE].balance_fen == 12_345


def test_the_same_key_again_moves_nothing_and_answers_the_same(at):
    first, again = at.submit(), at.submit(now=NOW + timedelta(days=1))
    assert again.kind is Kind.SUCCEEDED
    assert again.bank_serial == first.bank_serial
    assert at.book.executions_of(ORDER.key) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_fen": 1},
        {"credit_account": PAYER},
        {"credit_name": "x"},
        {"purpose": "x"},
        {"valid_until": NOW + timedelta(days=4)},
    ],
)
def test_the_same_key_with_another_body_is_a_mismatch(at, changed):
    at.submit()
    assert at.submit(an_order(**changed)).kind is Kind.PAYLOAD_MISMATCH
    assert at.book.executions_of(ORDER.key) == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount_fen": 1_000_001}, "insufficient_balance"),
        ({"credit_account": "9999"}, "unknown_credit_account"),
        ({"debit_account": "9999"}, "unknown_debit_account"),
        ({"credit_name": "黄岩区医保支出户"}, "name_mismatch"),
        ({"credit_account": PAYER, "credit_name": "台州市财政专户"}, "same_account"),
        ({"valid_until": NOW - timedelta(seconds=1)}, "expired"),
    ],
)
def test_an_order_that_cannot_be_executed_is_rejected_for_good(at, changed, reason):
    order = an_order(**changed)
    assert (at.submit(order).kind, at.submit(order).reason) == (Kind.REJECTED, reason)
    at.book.deposit(PAYER, 5_000_000, "税务", now=NOW)
    assert at.submit(order).kind is Kind.REJECTED
    assert at.book.executions == []


def test_the_whole_balance_may_go_and_nothing_more(at):
    assert at.submit(an_order("all", 1_000_000)).kind is Kind.SUCCEEDED
    assert at.submit(an_order("more", 1)).kind is Kind.REJECTED


def test_a_key_never_seen_is_not_found(at):
    assert at.query().kind is Kind.NOT_FOUND


def test_a_processing_order_executes_when_the_bank_gets_to_it(at):
    at.plan.add("processing", seconds=3600)
    assert at.submit().kind is Kind.PROCESSING
    assert at.query(now=NOW + timedelta(seconds=3599)).kind is Kind.PROCESSING
    later = at.query(now=NOW + timedelta(seconds=3600))
    assert (later.kind, later.executed_at) == (Kind.SUCCEEDED, NOW + timedelta(seconds=3600))


def test_a_processing_order_that_outlives_its_validity_is_rejected(at):
    at.plan.add("processing", seconds=4 * 86_400)
    at.submit()
    answer = at.query(now=NOW + timedelta(days=5))
    assert (answer.kind, answer.reason) == (Kind.REJECTED, "expired")


def test_a_fenced_key_never_executes_whether_the_bank_knew_it_or_not(at):
    assert at.close().kind is Kind.CLOSED
    assert at.close().kind is Kind.CLOSED
    assert at.submit().kind is Kind.CLOSED
    assert at.book.executions == []


def test_a_fenced_key_does_not_execute_when_its_order_arrives_later(at):
    at.plan.add("arrives_later", seconds=60)
    assert at.submit().kind is Kind.UNKNOWN
    assert at.close().kind is Kind.CLOSED
    at.book.advance(NOW + timedelta(days=1))
    assert at.book.executions == []


def test_a_rejected_key_can_be_fenced(at):
    order = an_order(amount_fen=1_000_001)
    at.submit(order)
    assert at.close(order).kind is Kind.CLOSED
    assert at.query(order).kind is Kind.CLOSED


def test_a_bank_that_fenced_a_rejected_key_keeps_its_word(at):
    at.plan.add("reject_then_success", seconds=60)
    at.submit()
    assert at.close().kind is Kind.CLOSED
    at.book.advance(NOW + timedelta(days=1))
    assert at.book.executions == []


def test_a_key_whose_money_moved_or_is_about_to_cannot_be_fenced(at):
    at.submit()
    assert at.close().kind is Kind.SUCCEEDED
    at.plan.add("processing")
    other = an_order("order-2")
    at.submit(other)
    assert at.close(other).kind is Kind.PROCESSING


def test_returned_money_shows_as_returned_with_lines_of_its_own(at):
    at.submit()
    assert at.book.return_transfer(ORDER.key, "payee account closed", NOW + timedelta(days=1))
    answer = at.query()
    assert (answer.kind, answer.reason) == (Kind.RETURNED, "payee account closed")
    back = at.gateway.statement(PAYER, (NOW + timedelta(days=1)).date(), now=NOW).lines
    assert [(line.direction, line.amount_fen, line.key) for line in back] == [
        (Direction.CREDIT, 12_345, ORDER.key)
    ]
    assert at.book.accounts[PAYER].balance_fen == 1_000_000


def test_a_statement_lists_the_lines_of_one_account_and_one_shanghai_day(at):
    at.submit()
    midnight = NOW.replace(hour=0) + timedelta(days=1)
    at.submit(an_order("order-2"), now=midnight)
    days = [at.gateway.statement(PAYER, day, now=midnight).lines for day in (NOW.date(), midnight.date())]
    assert [[line.key for line in lines] for lines in days] == [["order-1"], ["order-2"]]
    (credit,) = at.gateway.statement(PAYEE, NOW.date(), now=midnight).lines
    assert (credit.direction, credit.counterparty) == (Direction.CREDIT, "台州市财政专户")


@pytest.mark.parametrize(
    ("fault", "lines"),
    [
        ("statement_late", 0),
        ("statement_line_twice", 2),
        ("statement_line_missing", 0),
        ("statement_two_lines", 2),
    ],
)
def test_a_faulty_statement_is_handed_on_as_it_is(at, fault, lines):
    at.submit()
    at.plan.add(fault)
    assert len(at.gateway.statement(PAYER, NOW.date(), now=NOW).lines) == lines
    assert len(at.gateway.statement(PAYER, NOW.date(), now=NOW).lines) == 1


EXPECTED = {
    "refused": (Kind.UNKNOWN, {"unreachable", "connection_lost"}),  # a running server can only reset
    "reset_before": (Kind.UNKNOWN, {"connection_lost"}),
    "reset_after": (Kind.UNKNOWN, {"connection_lost"}),
    "silence_before": (Kind.UNKNOWN, {"timeout"}),
    "arrives_later": (Kind.UNKNOWN, {"timeout"}),
    "silence_after": (Kind.UNKNOWN, {"timeout"}),
    "drip": (Kind.UNKNOWN, {"deadline"}),
    "500_before": (Kind.UNKNOWN, {"http_500"}),
    "500_after": (Kind.UNKNOWN, {"http_500"}),
    "502": (Kind.UNKNOWN, {"http_502"}),
    "503": (Kind.UNKNOWN, {"http_503"}),
    "504": (Kind.UNKNOWN, {"http_504"}),
    "429": (Kind.UNKNOWN, {"rate_limited"}),
    "409_in_progress": (Kind.UNKNOWN, {"in_progress"}),
    "redirect": (Kind.UNKNOWN, {"http_302"}),
    "bare_404": (Kind.UNKNOWN, {"http_404"}),
    "empty": (Kind.UNKNOWN, {"unreadable"}),
    "cut": (Kind.UNKNOWN, {"connection_lost"}),
    "half": (Kind.UNKNOWN, {"unreadable"}),
    "wrong_content_type": (Kind.UNKNOWN, {"unreadable"}),
    "invalid_json": (Kind.UNKNOWN, {"unreadable"}),
    "duplicate_keys": (Kind.UNKNOWN, {"unreadable"}),
    "amount_as_text": (Kind.UNKNOWN, {"echo_mismatch"}),
    "amount_as_fraction": (Kind.UNKNOWN, {"echo_mismatch"}),
    "wrong_currency": (Kind.UNKNOWN, {"echo_mismatch"}),
    "echo_other_key": (Kind.UNKNOWN, {"echo_mismatch"}),
    "echo_other_amount": (Kind.UNKNOWN, {"echo_mismatch"}),
    "echo_other_account": (Kind.UNKNOWN, {"echo_mismatch"}),
    "processing": (Kind.PROCESSING, {None}),
    "reject": (Kind.REJECTED, {"account_closed"}),
    "reject_unlisted": (Kind.UNKNOWN, {"unlisted_rejection"}),
    "reject_then_success": (Kind.REJECTED, {"account_closed"}),
    "success_then_returned": (Kind.SUCCEEDED, {None}),
    "success_then_part_returned": (Kind.SUCCEEDED, {None}),
    "key_forgotten": (Kind.SUCCEEDED, {None}),
}
REJECTING = {"reject", "reject_unlisted", "reject_then_success"}


def test_every_fault_of_a_submission_has_its_expected_outcome():
    befalling = {name for name, fault in FAULTS.items() if Call.SUBMIT in fault.calls}
    assert befalling - {"slow"} == set(EXPECTED)


@pytest.mark.parametrize("fault", EXPECTED)
def test_after_any_fault_the_same_key_again_moves_the_money_exactly_once(at, fault):
    kind, reasons = EXPECTED[fault]
    at.plan.add(fault)
    answer = at.submit()
    assert answer.kind is kind
    assert answer.reason in reasons
    again = at.submit()
    at.book.advance(NOW + timedelta(hours=12))
    executions = at.book.executions_of(ORDER.key)
    if fault in REJECTING:
        assert again.kind in {Kind.REJECTED, Kind.UNKNOWN}
        assert executions == (fault == "reject_then_success")
    elif fault == "processing":
        assert (again.kind, executions) == (Kind.PROCESSING, 0)
    else:
        assert (again.kind, executions) == (Kind.SUCCEEDED, 1)


def test_a_query_shows_a_late_success_after_a_rejection(at):
    at.plan.add("reject_then_success", seconds=60)
    assert at.submit().kind is Kind.REJECTED
    assert at.query(now=NOW + timedelta(seconds=61)).kind is Kind.SUCCEEDED


def test_a_query_shows_a_success_that_came_back(at):
    at.plan.add("success_then_returned", seconds=60)
    assert at.submit().kind is Kind.SUCCEEDED
    assert at.query(now=NOW + timedelta(seconds=61)).kind is Kind.RETURNED


def test_what_comes_back_in_part_is_on_the_statement_and_the_order_stays_executed(at):
    at.plan.add("success_then_part_returned", seconds=60)
    at.submit()
    later = NOW + timedelta(seconds=61)
    assert at.query(now=later).kind is Kind.SUCCEEDED
    assert [line.amount_fen for line in at.book.lines if line.account == PAYER] == [ORDER.amount_fen, 100]
    assert at.book.return_transfer(ORDER.key, "退票", later)
    assert at.query(now=later).kind is Kind.RETURNED


def test_an_order_under_way_is_not_found_until_it_arrives(at):
    at.plan.add("arrives_later", seconds=60)
    at.submit()
    assert at.query().kind is Kind.NOT_FOUND
    assert at.query(now=NOW + timedelta(seconds=60)).kind is Kind.SUCCEEDED


@pytest.mark.parametrize(("fault", "kind"), [("not_found", Kind.NOT_FOUND), ("stale", Kind.PROCESSING)])
def test_a_query_can_lag_behind_the_book(at, fault, kind):
    at.submit()
    at.plan.add(fault)
    assert [at.query().kind, at.query().kind] == [kind, Kind.SUCCEEDED]


def test_a_bank_that_forgets_a_key_would_pay_it_again(at):
    # Why nothing is ever sent again beyond the bank's retention of keys.
    at.submit()
    at.plan.add("key_forgotten")
    at.submit()
    assert at.book.executions_of(ORDER.key) == 2


def test_a_fault_for_one_key_leaves_the_others_alone(at):
    at.plan.add("500_before", key="order-2", times=2)
    assert at.submit().kind is Kind.SUCCEEDED
    other = an_order("order-2")
    assert [at.submit(other).kind for _ in range(3)] == [Kind.UNKNOWN, Kind.UNKNOWN, Kind.SUCCEEDED]
