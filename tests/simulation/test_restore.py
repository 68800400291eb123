"""Books put back from a backup: what was sent since is found at the bank, never sent again."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from unittest.mock import MagicMock

import pytest

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.domain.transfer import final_days
from fundpool.sandbox_bank.faults import Call
from fundpool.services.books import booking
from fundpool.services.payments import (
    bank_accounts,
    batches,
    kill_switches,
    orders,
    payment_decisions,
    recovery,
    resolving,
)
from fundpool.services.ports import failpoints
from fundpool.services.ports.gateway import (
    UNAUTHORISED,
    GatewayAnswer,
    GatewayAnswerKind,
    gateway_unauthorised,
)
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Work
from tests.simulation.courses import (
    NO_FENCE,
    lost_order_recognised_after_its_money_came_back,
    money_comes_back,
    once,
    one_county,
    people_retry,
)
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import (
    CHECKER,
    CITY,
    CITY_UNIT,
    COUNTIES,
    FISCAL,
    FUND,
    MAKER,
    NOW,
    RELEASER,
    Scene,
    account_no,
)


@pytest.fixture
def transactions() -> MemoryTransactions:
    return MemoryTransactions()


def restart(scene: Scene) -> None:
    now = scene.clock()
    act = scene.ports.database.transaction
    act(lambda work: kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=now))
    act(lambda work: kill_switches.confirm_restart(work, CITY, FUND, by=RELEASER, now=now))


def resolve_breaks(work: Work) -> None:
    for each in work.breaks.find(CITY):
        resolving.resolve_break(work, each.id, by=CHECKER, resolution="查清", now=NOW)


def quarantine(scene: Scene) -> None:
    """Stop everything, and wait until nothing sent before can still be on its way."""
    scene.ports.database.transaction(
        lambda work: recovery.quarantine(work, now=scene.clock(), terms=scene.ports.gateway_terms)
    )
    scene.clock.advance(minutes=15)


def under_way_when_restored(transactions: MemoryTransactions) -> tuple[Scene, date]:
    """Three orders that the bank works on and the restored books know nothing of; the day of their backup."""
    scene = Scene(transactions)
    scene.plan.add("processing", times=3, seconds=2 * 86_400)
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    transactions.state = backup
    scene.clock.advance(hours=1)
    quarantine(scene)
    return scene, first_day


def test_orders_sent_after_the_backup_are_settled_from_the_statement(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    transactions.state = backup
    scene.clock.advance(days=30)
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    restart(scene)
    scene.send()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_a_recovery_whose_queries_were_not_answered_reports_it_and_finishes_when_run_again(
    transactions: MemoryTransactions,
) -> None:
    scene, first_day = under_way_when_restored(transactions)
    scene.plan.add("silence_before", call=Call.QUERY, times=1)
    with pytest.raises(ServiceUnavailable, match="recovery"):
        recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    assert "in_flight" in scene.states(), "what was answered is taken up"
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    assert scene.states() == ["in_flight"] * 3
    restart(scene)
    scene.send()
    scene.clock.advance(days=3)
    scene.resolve()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_orders_that_the_bank_still_processes_are_recognised_and_not_sent_again(
    transactions: MemoryTransactions,
) -> None:
    scene, first_day = under_way_when_restored(transactions)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    restart(scene)
    scene.send()
    assert scene.states() == ["in_flight"] * 3
    scene.clock.advance(days=3)
    scene.resolve()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_a_second_attempt_that_the_backup_knows_nothing_of_is_recognised(
    transactions: MemoryTransactions,
) -> None:
    """Found by a schedule: only the next key was looked for, and the county was paid again."""
    scene = Scene(transactions)
    scene.plan.add("reject")
    scene.release()
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.send()
    failed = transactions.state.obligations[1]
    transactions.transaction(
        lambda work: payment_decisions.approve_retry(
            work, failed.id, by=CHECKER, reason="重付", now=scene.clock()
        )
    )
    scene.send()
    assert len(scene.book.executions) == 3
    transactions.state = backup
    scene.clock.advance(days=30)
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    restart(scene)
    scene.send()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


def test_a_batch_restored_to_before_its_approval_still_learns_that_it_was_paid(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    transactions.transaction(
        lambda work: batches.order_transfers(work, scene.orders(), "经办甲", now=scene.clock())
    )
    backup, first_day = transactions.snapshot(), scene.clock().date()
    scene.release()
    scene.send()
    transactions.state = backup
    quarantine(scene)
    recovery.recover(scene.ports, first_day, scene.clock(), clock=scene.clock)
    assert scene.states() == ["settled"] * 3


def test_a_worker_that_sleeps_after_fetching_a_statement_does_not_make_it_final(
    transactions: MemoryTransactions,
) -> None:
    """Found by a schedule: the statement was fetched before the payment and recorded days later."""
    scene = Scene(transactions)
    scene.release()
    day = scene.clock().date()

    def sleep(name: str) -> None:
        if name == "after statement":
            scene.clock.advance(days=9)

    failpoints.install(sleep)
    try:
        resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
    finally:
        failpoints.install(None)
    imports = transactions.read(lambda work: work.statements.imports(account_no("fiscal_account", "331000")))
    assert final_days(imports, scene.ports.gateway_terms) == frozenset()


def test_nothing_is_sent_before_two_people_restart_the_fund(transactions: MemoryTransactions) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)
    assert {each.error_code for each in scene.send()} == {"fund_stopped"}
    assert scene.book.executions == []


def ask(scene: Scene) -> None:
    recovery.recover(scene.ports, None, scene.clock(), clock=scene.clock)


@pytest.mark.parametrize("call", ["statement", "query"])
def test_a_wrong_secret_is_reported_and_the_recovery_finishes_when_it_is_right(
    transactions: MemoryTransactions, call: str
) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)
    scene.clock.advance(minutes=30)
    right = scene.ports.gateway
    wrong = MagicMock(wraps=right)
    if call == "statement":
        wrong.statement.side_effect = gateway_unauthorised()
    wrong.query.side_effect = lambda *_, **__: GatewayAnswer(GatewayAnswerKind.UNKNOWN, UNAUTHORISED)
    scene.ports = replace(scene.ports, gateway=wrong)
    with pytest.raises(ServiceUnavailable) as refused:
        ask(scene)
    assert refused.value.code == "gateway_unauthorised"
    assert (wrong.statement if call == "statement" else wrong.query).call_count == 1
    scene.ports = replace(scene.ports, gateway=right)
    ask(scene)


def refusal(scene: Scene, act: Callable[..., object], *arguments: object, **named: object) -> str:
    """The code with which an act of a person is refused."""
    with pytest.raises(RuleViolation) as refused:
        scene.ports.database.transaction(lambda work: act(work, *arguments, **named, now=scene.clock()))
    return refused.value.code


def test_neither_of_two_people_starts_a_fund_before_the_bank_has_answered(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)
    for act in (kill_switches.request_restart, kill_switches.confirm_restart):
        assert refusal(scene, act, CITY, FUND, by=CHECKER) == "recovery_unfinished"
    scene.plan.add("silence_before", call=Call.QUERY, times=1)
    with pytest.raises(ServiceUnavailable, match="1 possible keys"):
        ask(scene)
    assert refusal(scene, kill_switches.request_restart, CITY, FUND, by=CHECKER) == "recovery_unfinished"
    ask(scene)
    restart(scene)
    scene.send()
    assert scene.states() == ["settled"] * 3


def test_books_with_nothing_under_way_are_recovered_by_one_command(transactions: MemoryTransactions) -> None:
    scene = Scene(transactions)
    quarantine(scene)
    ask(scene)
    restart(scene)


def test_not_found_does_not_count_while_an_order_from_before_the_restore_may_be_on_its_way(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.release()
    transactions.transaction(
        lambda work: recovery.quarantine(work, now=scene.clock(), terms=scene.ports.gateway_terms)
    )
    scene.clock.advance(minutes=10)
    with pytest.raises(ServiceUnavailable, match="before 10-08 09:11"):
        ask(scene)
    scene.clock.advance(minutes=1)
    ask(scene)


def test_a_second_restore_queries_anew_and_as_far_back_as_the_first(transactions: MemoryTransactions) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)
    scene.clock.advance(days=3)
    quarantine(scene)
    assert refusal(scene, kill_switches.request_restart, CITY, FUND, by=CHECKER) == "recovery_unfinished"
    found = transactions.read(lambda work: work.switches.recovery(CITY, FUND))
    assert found is not None
    assert (found.since, found.finished_at) == (NOW.date(), None)
    ask(scene)
    restart(scene)


def test_an_answer_from_before_a_second_restore_finishes_nothing(transactions: MemoryTransactions) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)

    with once("after query", lambda: quarantine(scene)), pytest.raises(ServiceUnavailable, match="recovery"):
        ask(scene)
    assert refusal(scene, kill_switches.request_restart, CITY, FUND, by=CHECKER) == "recovery_unfinished"


def test_a_restart_requested_before_the_backup_does_not_count_after_the_restore(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    now = scene.clock()
    act = transactions.transaction
    act(lambda work: kill_switches.stop_fund(work, CITY, FUND, reason="查", by=CHECKER, now=now))
    act(lambda work: kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=now))
    quarantine(scene)
    ask(scene)
    assert refusal(scene, kill_switches.confirm_restart, CITY, FUND, by=RELEASER) == "restart_not_requested"


def test_a_payment_is_not_withdrawn_while_a_restore_may_have_lost_its_order(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    empty = transactions.snapshot()
    scene.release()
    scene.send()
    transactions.state = empty
    quarantine(scene)
    scene.release()
    withdraw = {"by": CHECKER, "reason": "重复"}
    assert refusal(scene, payment_decisions.cancel, 1, **withdraw) == "recovery_unfinished"
    ask(scene)
    assert scene.states() == ["settled"] * 3
    assert refusal(scene, payment_decisions.cancel, 1, **withdraw) == "already_sent"


def test_a_payment_ordered_anew_is_withdrawn_only_when_the_lost_one_can_no_longer_be_executed(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    quarantine(scene)
    ask(scene)
    scene.release()
    withdraw = {"by": CHECKER, "reason": "重复"}
    assert refusal(scene, payment_decisions.cancel, 1, **withdraw) == "perhaps_sent_before_restore"
    scene.clock.advance(days=10)
    assert refusal(scene, payment_decisions.cancel, 1, **withdraw) == "statements_missing"
    for day in range(10):
        statement_day = NOW.date() + timedelta(days=day)
        resolving.import_statements(scene.ports, CITY, statement_day, now=scene.clock(), clock=scene.clock)
    transactions.transaction(lambda work: payment_decisions.cancel(work, 1, **withdraw, now=scene.clock()))
    assert scene.states()[0] == "cancelled"


def test_a_payment_withdrawn_in_the_restored_books_and_paid_by_the_bank_is_booked_and_a_break(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.release()
    released = transactions.snapshot()
    transactions.transaction(
        lambda work: payment_decisions.cancel(work, 1, by=CHECKER, reason="重复", now=scene.clock())
    )
    withdrawn = transactions.snapshot()
    transactions.state = released
    scene.send()
    transactions.state = withdrawn
    quarantine(scene)
    ask(scene)
    assert scene.states() == ["settled"]
    assert [each.kind for each in transactions.read(lambda work: work.breaks.find(CITY))] == [
        "paid_though_withdrawn"
    ]


@pytest.mark.parametrize("processing_days", [0, 2])
@pytest.mark.parametrize("knows_the_new_account", [True, False])
def test_an_order_to_an_account_that_the_backup_does_not_know_is_recognised_and_not_paid_again(
    transactions: MemoryTransactions, processing_days: int, knows_the_new_account: bool
) -> None:
    """Refused for its account, withdrawn, ordered again to another one: all of it after the backup."""
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.plan.add("reject")
    scene.release()
    scene.send()
    new = AccountProposal(CITY, FUND, COUNTIES[0], AccountType.COUNTY_EXPENDITURE, "6299", "新户", "农业银行")
    scene.book.open_account(new.account_no, new.account_name, 0)

    def register(work: Work) -> None:
        account = bank_accounts.propose_account(work, new, MAKER, now=scene.clock())
        bank_accounts.approve_account(work, account.id, CHECKER, now=scene.clock())

    if knows_the_new_account:
        transactions.transaction(register)
    backup = transactions.snapshot()
    withdraw = {"by": CHECKER, "reason": "换户", "now": scene.clock()}
    transactions.transaction(lambda work: payment_decisions.cancel(work, 1, **withdraw))
    if not knows_the_new_account:
        transactions.transaction(register)
    transactions.transaction(lambda work: scene.order_again(work, 1))
    if processing_days:
        scene.plan.add("processing", seconds=processing_days * 86_400)
    scene.send()
    assert scene.book.accounts["6299"].balance_fen == (0 if processing_days else 100_000)
    transactions.state = backup
    quarantine(scene)
    for _ in range(4):
        with suppress(ServiceUnavailable):
            ask(scene)
        with suppress(RuleViolation):
            restart(scene)
        people_retry(scene)
        scene.send()
        scene.resolve()
        scene.clock.advance(days=1)
    assert scene.states() == ["settled"]
    assert scene.moves() == [1]
    # The money went to an account that the restored register does not have: people must look.
    breaks = transactions.read(lambda work: work.breaks.find(CITY))
    assert [each.kind for each in breaks] == ["other_payee"]


def test_a_payment_returned_and_paid_again_after_the_backup_is_a_break_and_is_booked_when_ordered_again(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions, counties=COUNTIES[:1])
    scene.release()
    money_comes_back(scene)
    for days in (2, 1, 0):
        day = scene.clock().date() - timedelta(days=days)
        resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
    backup = transactions.snapshot()
    transactions.transaction(lambda work: scene.order_again(work, 1))
    scene.send()
    transactions.state = backup
    quarantine(scene)
    ask(scene)
    assert [each.kind for each in transactions.read(lambda work: work.breaks.find(CITY))] == ["bank_not_us"]
    transactions.transaction(resolve_breaks)
    restart(scene)
    transactions.transaction(lambda work: scene.order_again(work, 1))
    scene.send()
    assert (scene.states(), scene.moves()) == (["returned", "settled"], [1, -1, 1])
    fiscal = transactions.read(lambda work: booking.balance(work, FISCAL))
    assert fiscal.posted_fen == scene.book.accounts[account_no("fiscal_account", CITY_UNIT)].balance_fen


def test_a_payment_whose_keys_are_used_up_is_held_when_it_is_ordered_again_after_a_restore(
    transactions: MemoryTransactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "ATTEMPTS_AT_MOST", 1)
    scene = Scene(transactions, terms=NO_FENCE, counties=COUNTIES[:1])
    scene.plan.add("reject")
    scene.release()
    scene.send()
    withdraw = {"by": CHECKER, "reason": "换户", "now": scene.clock()}
    transactions.transaction(lambda work: payment_decisions.cancel(work, 1, **withdraw))
    quarantine(scene)
    ask(scene)
    restart(scene)
    again = transactions.transaction(lambda work: scene.order_again(work, 1))
    for _ in range(2):
        scene.clock.advance(days=9)
        scene.send()
    held = transactions.read(lambda work: work.payments.obligation(again.id))
    assert (held.state.value, held.held_reason) == ("held", "attempts_exhausted")
    assert scene.moves() == []


def test_where_the_bank_never_answers_final_statements_and_two_people_finish_the_recovery(
    transactions: MemoryTransactions,
) -> None:
    scene = Scene(transactions)
    scene.release()
    quarantine(scene)
    scene.plan.add("silence_before", call=Call.QUERY, times=1000)
    sign = {"reason": "银行来函", "terms": scene.ports.gateway_terms}
    confirm = recovery.confirm_by_statements
    assert refusal(scene, confirm, CITY, FUND, by=CHECKER, **sign) == "statements_missing"
    scene.clock.advance(days=9)
    with pytest.raises(ServiceUnavailable, match="recovery"):
        ask(scene)
    transactions.transaction(lambda work: confirm(work, CITY, FUND, by=CHECKER, **sign, now=scene.clock()))
    assert refusal(scene, confirm, CITY, FUND, by=CHECKER, **sign) == "same_person"
    assert refusal(scene, kill_switches.request_restart, CITY, FUND, by=CHECKER) == "recovery_unfinished"
    transactions.transaction(lambda work: confirm(work, CITY, FUND, by=RELEASER, **sign, now=scene.clock()))
    restart(scene)
    assert refusal(scene, confirm, CITY, FUND, by=CHECKER, **sign) == "recovery_not_open"


def test_a_return_is_booked_when_its_lost_order_is_recognised_later() -> None:
    """Found by a schedule: the statement was read while an older attempt was still in question."""
    scene = one_county()
    lost_order_recognised_after_its_money_came_back(scene)
    assert scene.states() == ["returned"]
    fiscal = scene.ports.database.read(lambda work: booking.balance(work, FISCAL))
    assert fiscal.posted_fen == scene.book.accounts[account_no("fiscal_account", "331000")].balance_fen
