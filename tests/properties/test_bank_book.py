"""The sandbox bank's book under any sequence of orders, faults and restarts."""

import json
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fundpool.domain.periods import SHANGHAI
from fundpool.sandbox_bank.bank_book import BankBook, Command
from fundpool.sandbox_bank.faults import FAULTS, Call, FaultPlan
from fundpool.services.ports.gateway import GatewayAnswerKind as Kind
from schemas.payment_messages import TransferOrder
from tests.scripted_bank import ScriptedGateway

START = datetime(2026, 10, 1, tzinfo=SHANGHAI)
OPENING_FEN = 1_000
ACCOUNTS = ("1001", "2001", "2002")
FORGETFUL = {"key_forgotten"}

orders = st.builds(
    lambda key, amount_fen, debit, credit, days: TransferOrder(
        key=f"key-{key}",
        amount_fen=amount_fen,
        debit_account=debit,
        credit_account=credit,
        credit_name=f"name of {credit}",
        purpose="拨付",
        end_to_end_id=f"e{key}",
        valid_until=START + timedelta(days=days),
    ),
    st.integers(1, 4),
    st.integers(1, 700),
    st.sampled_from(ACCOUNTS),
    st.sampled_from((*ACCOUNTS, "9999")),
    st.integers(0, 9),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["submit", "query", "close", "return", "advance"]),
        orders,
        st.integers(0, 100_000),
        st.none() | st.sampled_from(sorted(set(FAULTS) - FORGETFUL)),
    ),
    max_size=25,
)


def play(history):
    """Play a history; returns the book, its recorded commands as a file keeps them, and all answers."""
    recorded: list[Command] = []
    book = BankBook(record=recorded.append)
    for account in ACCOUNTS:
        book.open_account(account, f"name of {account}", OPENING_FEN)
    plan = FaultPlan()
    gateway = ScriptedGateway(book, plan)
    now, answers = START, []
    for action, order, seconds, fault in history:
        now += timedelta(seconds=seconds)
        plan.clear()
        if fault is not None and action in FAULTS[fault].calls:
            plan.add(fault, call=Call(action))
        if action == "advance":
            book.advance(now)
        elif action == "return":
            book.return_transfer(order.key, "退票", now)
        else:
            answers.append((order, getattr(gateway, action)(order, now=now)))
    return book, json.loads(json.dumps(recorded)), answers


def picture(book):
    transfers = {key: transfer.document for key, transfer in book.transfers.items()}
    return book.accounts, transfers, book.executions, book.lines


@given(steps)
def test_no_key_moves_money_twice_and_no_money_appears_or_goes_missing(history):
    book, _, _ = play(history)
    assert all(book.executions_of(key) <= 1 for key in book.transfers)
    assert sum(account.balance_fen for account in book.accounts.values()) == OPENING_FEN * len(ACCOUNTS)
    assert sum(line.amount_fen * (1 if line.direction == "credit" else -1) for line in book.lines) == 0
    assert len({(line.account, line.bank_serial) for line in book.lines}) == len(book.lines)


@given(steps)
def test_the_recorded_commands_rebuild_the_book(history):
    book, recorded, _ = play(history)
    rebuilt = BankBook()
    rebuilt.replay((name, arguments) for name, arguments in recorded)
    assert picture(rebuilt) == picture(book)
    later = START + timedelta(days=60)
    book.advance(later)
    rebuilt.advance(later)
    assert picture(rebuilt) == picture(book)


@given(steps)
def test_a_success_is_only_ever_reported_for_money_that_moved_to_that_payee(history):
    book, _, answers = play(history)
    moved = {(e.key, e.amount_fen, e.credit_account, e.bank_serial) for e in book.executions}
    for order, answer in answers:
        if answer.kind in {Kind.SUCCEEDED, Kind.RETURNED}:
            assert (order.key, order.amount_fen, order.credit_account, answer.bank_serial) in moved


@given(steps)
def test_a_closed_key_never_executes_afterwards(history):
    closed: set[str] = set()
    book, _, answers = play(history)
    for order, answer in answers:
        if answer.kind is Kind.CLOSED:
            closed.add(order.key)
    book.advance(START + timedelta(days=60))
    late = [e for e in book.executions if e.key in closed]
    assert late == []


@given(orders)
def test_an_order_and_its_body_are_the_same_thing(order):
    assert TransferOrder.from_body(order.body) == order
    assert TransferOrder.from_body(order.body).body == order.body
