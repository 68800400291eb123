"""The way of a payment, on both databases, against a bank that keeps its own book."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.transfer import AttemptState, GatewayTerms, Obligation, PaymentLimits, attempt_key
from fundpool.sandbox_bank.faults import Call
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import (
    bank_accounts,
    batches,
    kill_switches,
    orders,
    payment_decisions,
    resolving,
)
from fundpool.services.payments.attempts import hold
from fundpool.services.payments.seals import require_latest
from fundpool.services.payments.transfer_views import transfer_views
from fundpool.services.ports import failpoints
from fundpool.services.ports.gateway import GatewayAnswer, GatewayAnswerKind
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Work
from schemas.payment_messages import Direction, StatementLine, TransferOrder
from tests.simulation.scene import (
    CHECKER,
    CITY,
    COUNTIES,
    FISCAL,
    FUND,
    MAKER,
    MONTH,
    NOW,
    OPENING_FEN,
    RELEASER,
    Scene,
    account_no,
    county_name,
)


@pytest.fixture
def scene(transactions: SqlTransactions) -> Scene:
    return Scene(transactions)


def act(scene: Scene, work: Callable[[Work], Any]) -> Any:
    return scene.ports.database.transaction(work)


def read(scene: Scene, work: Callable[[Work], Any]) -> Any:
    return scene.ports.database.read(work)


def refused(scene: Scene, work: Callable[[Work], Any]) -> str:
    """Code of the rule that refuses ``work``."""
    with pytest.raises(RuleViolation) as caught:
        act(scene, work)
    return caught.value.code


def first(scene: Scene) -> Obligation:
    return read(scene, lambda work: work.payments.obligations(city=CITY))[0]  # type: ignore[no-any-return]


def test_a_released_batch_is_paid_booked_and_the_books_agree_with_the_bank(scene: Scene) -> None:
    scene.release(1_000_00)
    outcomes = scene.send()
    assert [each.state.value for each in outcomes] == ["settled"] * 3
    assert scene.executed_fen() == 3 * 1_000_00 + 0 + 1 + 2
    held = scene.ports.database.read(lambda work: booking.balance(work, FISCAL))
    assert (held.posted_fen, held.reserved_fen) == (OPENING_FEN - 3_000_03, 0)
    assert (
        scene.ports.database.read(
            lambda work: booking.received(work, CITY, FUND, unit=COUNTIES[1], month=MONTH)
        )
        == 1_000_01
    )
    assert scene.ports.database.read(verify) == []


def test_any_rerun_of_any_step_moves_nothing_twice(scene: Scene) -> None:
    for _ in range(3):
        scene.release()
        scene.send()
        scene.resolve()
    assert len(scene.book.executions) == 3
    assert scene.states() == ["settled"] * 3


def test_an_unanswered_order_is_unknown_and_is_settled_by_a_query_never_by_sending_it_again(
    scene: Scene,
) -> None:
    scene.plan.add("silence_after", times=3)
    scene.release()
    outcomes = scene.send()
    assert {each.attempt_state for each in outcomes} == {AttemptState.UNKNOWN}
    scene.send()
    assert len(scene.book.executions) == 3
    scene.clock.advance(minutes=5)
    scene.resolve()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3


# ------------------------------------------------------------------ authorisation


def ordered(scene: Scene) -> int:
    made = act(scene, lambda work: batches.order_transfers(work, scene.orders(), MAKER, now=scene.clock()))
    return int(made[0].id)


def digest(scene: Scene, batch_id: int) -> str:
    return str(read(scene, lambda work: batches.batch_consequences(work, batch_id).digest))


def test_the_maker_cannot_approve_and_nobody_acts_twice(scene: Scene) -> None:
    batch_id, now = ordered(scene), scene.clock()
    seen = digest(scene, batch_id)
    assert (
        refused(scene, lambda w: batches.approve_batch(w, batch_id, seen, checker=MAKER, now=now))
        == "same_person"
    )
    assert (
        refused(scene, lambda w: batches.approve_batch(w, batch_id, seen, checker=f" {MAKER} ", now=now))
        == "same_person"
    )
    act(scene, lambda w: batches.approve_batch(w, batch_id, seen, checker=CHECKER, now=now))
    for again in (MAKER, CHECKER):
        assert (
            refused(scene, lambda w, a=again: batches.release_batch(w, batch_id, a, now=now)) == "same_person"
        )
    act(scene, lambda w: batches.release_batch(w, batch_id, RELEASER, now=now))


def test_only_a_waiting_batch_is_approved_and_released_and_a_digest_selects_one_batch(scene: Scene) -> None:
    first, second = scene.orders()[:2]
    for order in (first, replace(second, application=2)):
        act(scene, lambda w, order=order: batches.order_transfers(w, [order], MAKER, now=scene.clock()))
    waiting = scene.ports.database.read(lambda w: w.payments.batches(CITY, MONTH))
    digest = scene.ports.database.read(lambda w: batches.digest_of(w, waiting[1]))

    def approved(digest: str | None) -> list[int]:
        done = scene.ports.database.transaction(
            lambda w: batches.approve_waiting(
                w, CITY, MONTH, digest=digest, checker=CHECKER, now=scene.clock()
            )
        )
        return [batch.id for batch in done]

    def released() -> list[int]:
        done = scene.ports.database.transaction(
            lambda w: batches.release_approved(w, CITY, MONTH, releaser=RELEASER, now=scene.clock())
        )
        return [batch.id for batch in done]

    assert released() == []
    assert approved("0" * 64) == []
    assert approved(digest[:12]) == [waiting[1].id]
    assert released() == [waiting[1].id]
    assert approved(None) == [waiting[0].id]
    assert approved(None) == []
    assert released() == [waiting[0].id]


def test_the_database_itself_refuses_a_maker_who_checks(scene: Scene, database: Database) -> None:
    ordered(scene)
    with pytest.raises(IntegrityError):
        database.transaction(lambda c: c.execute(text("update transfer_batch set checker = maker")))


def test_nothing_is_sent_that_was_not_released(scene: Scene) -> None:
    batch_id = ordered(scene)
    scene.send()
    act(
        scene,
        lambda w: batches.approve_batch(
            w, batch_id, batches.digest_of(w, w.payments.batch(batch_id)), checker=CHECKER, now=scene.clock()
        ),
    )
    scene.send()
    assert scene.book.executions == []


def test_an_approval_of_something_else_than_what_is_stored_is_refused(scene: Scene) -> None:
    batch_id = ordered(scene)
    assert (
        refused(
            scene, lambda w: batches.approve_batch(w, batch_id, "0" * 64, checker=CHECKER, now=scene.clock())
        )
        == "digest_changed"
    )


def test_an_amount_changed_behind_the_program_is_held_and_not_sent(scene: Scene, database: Database) -> None:
    scene.release()
    database.transaction(
        lambda c: c.execute(text("update obligation set amount_fen = amount_fen + 1 where unit = '331002'"))
    )
    scene.send()
    # The first that is met stops the fund.
    assert scene.states() == ["held", "released", "released"]
    assert scene.book.executions == []
    assert first(scene).held_reason == "seal_broken"
    assert [each.kind for each in read(scene, lambda w: w.breaks.find(CITY))] == ["seal_broken"]


def raw(database: Database, table: str) -> list[Any]:
    with database.engine.connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT * FROM {table}").mappings())


def put_back(database: Database, table: str, rows: list[Any]) -> None:
    """Somebody replaces the table's rows by earlier ones."""
    with database.engine.begin() as connection:
        for row in rows:
            names = [name for name in row if name != "id"]
            setting = text(f"UPDATE {table} SET {', '.join(f'{n} = :{n}' for n in names)} WHERE id = :id")
            connection.execute(setting, dict(row))


def test_a_withdrawn_payment_put_back_in_the_database_is_held_and_later_writes_do_not_release_it(
    scene: Scene, database: Database
) -> None:
    scene.release()
    released = raw(database, "obligation")
    act(
        scene,
        lambda w: payment_decisions.cancel(w, first(scene).id, by=CHECKER, reason="撤", now=scene.clock()),
    )
    put_back(database, "obligation", released)
    scene.send()
    # The other two are as they were written last; the fund stops at the first.
    assert scene.states() == ["held", "released", "released"]
    assert (first(scene).held_reason, scene.book.executions) == ("row_put_back", [])
    assert [each.kind for each in read(scene, lambda w: w.breaks.find(CITY))] == ["seal_broken"]
    assert scene.ports.database.seals.hold(first(scene))  # type: ignore[attr-defined]
    assert refused(scene, lambda w: require_latest(w, first(scene))) == "row_put_back"


def test_a_deleted_stop_stays_in_force_until_the_fund_is_stopped_again_and_two_people_restart_it(
    scene: Scene, database: Database
) -> None:
    scene.release()
    stopping = {"reason": "查", "by": CHECKER, "now": scene.clock()}
    act(scene, lambda w: kill_switches.stop_fund(w, CITY, FUND, **stopping))
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM kill_switch"))
    scene.send()
    assert scene.book.executions == []

    def restart(work: Work) -> None:
        kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=scene.clock())

    assert refused(scene, restart) == "row_put_back"
    act(scene, lambda w: kill_switches.stop_fund(w, CITY, FUND, **stopping))
    act(scene, restart)
    act(scene, lambda w: kill_switches.confirm_restart(w, CITY, FUND, by=RELEASER, now=scene.clock()))
    scene.send()
    assert scene.states() == ["settled"] * 3


def test_an_account_put_back_to_its_approval_is_not_paid_to(scene: Scene, database: Database) -> None:
    approved = raw(database, "bank_account")
    other = AccountProposal(
        CITY, FUND, COUNTIES[0], AccountType.COUNTY_EXPENDITURE, "6299999", "另一户", "工商银行"
    )

    def replace_it(work: Work) -> None:
        account = bank_accounts.propose_account(work, other, MAKER, now=NOW)
        bank_accounts.approve_account(work, account.id, CHECKER, now=NOW)

    act(scene, replace_it)
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM bank_account WHERE account_no = '6299999'"))
    put_back(database, "bank_account", approved)
    assert (
        refused(scene, lambda w: batches.order_transfers(w, scene.orders(), MAKER, now=NOW)) == "row_put_back"
    )


def test_a_payment_whose_rows_were_deleted_is_not_ordered_anew(scene: Scene, database: Database) -> None:
    scene.release()
    with database.engine.begin() as connection:
        for table in ("attempt", "obligation", "transfer_batch"):
            connection.execute(text(f"DELETE FROM {table}"))
    assert (
        refused(scene, lambda w: batches.order_transfers(w, scene.orders(), MAKER, now=NOW)) == "row_put_back"
    )
    assert read(scene, lambda w: w.payments.obligations()) == []


def test_a_payee_account_replaced_after_approval_is_held_and_not_sent(scene: Scene) -> None:
    scene.release()
    other = AccountProposal(
        CITY, FUND, COUNTIES[0], AccountType.COUNTY_EXPENDITURE, "6299999", "另一户", "工商银行"
    )

    def replace_account(work: Work) -> None:
        account = bank_accounts.propose_account(work, other, MAKER, now=scene.clock())
        bank_accounts.approve_account(work, account.id, CHECKER, now=scene.clock())

    act(scene, replace_account)
    scene.send()
    assert scene.states() == ["held", "settled", "settled"]
    assert first(scene).held_reason == "account_version_changed"


def test_a_proposed_account_is_not_paid_and_its_maker_cannot_approve_it(scene: Scene) -> None:
    proposal = AccountProposal(
        CITY, FUND, "331081", AccountType.COUNTY_EXPENDITURE, "6211111", "温岭支出户", "农业银行"
    )
    account = act(scene, lambda w: bank_accounts.propose_account(w, proposal, MAKER, now=scene.clock()))
    order = replace(scene.orders()[0], unit="331081")
    assert (
        refused(scene, lambda w: batches.order_transfers(w, [order], MAKER, now=scene.clock()))
        == "account_not_registered"
    )
    assert (
        refused(scene, lambda w: bank_accounts.approve_account(w, account.id, MAKER, now=scene.clock()))
        == "same_person"
    )
    act(
        scene,
        lambda w: bank_accounts.approve_account(
            w, account.id, CHECKER, now=scene.clock(), cool_off=timedelta(days=1)
        ),
    )
    assert (
        refused(scene, lambda w: batches.order_transfers(w, [order], MAKER, now=scene.clock()))
        == "account_not_registered"
    )
    scene.clock.advance(days=1)
    act(scene, lambda w: batches.order_transfers(w, [order], MAKER, now=scene.clock()))


def limit(scene: Scene, limits: PaymentLimits) -> None:
    """Set the installation's ceilings."""
    assert isinstance(scene.ports.database, SqlTransactions)
    scene.ports.database.limits = limits


@pytest.mark.parametrize(("limit_fen", "allowed"), [(99_999, False), (100_000, True), (100_001, True)])
def test_the_ceiling_of_one_transfer_holds_to_the_fen(scene: Scene, limit_fen: int, *, allowed: bool) -> None:
    orders = scene.orders(100_000)[:1]
    limit(scene, PaymentLimits(per_transfer_fen=limit_fen))

    def order(work: Work) -> Any:
        return batches.order_transfers(work, orders, MAKER, now=scene.clock())

    if allowed:
        act(scene, order)
    else:
        assert refused(scene, order) == "exceeds_limit"


def test_the_ceiling_of_a_day_holds_what_would_go_beyond_it(scene: Scene) -> None:
    limit(scene, PaymentLimits(per_day_fen=200_001))
    scene.release(100_000)
    scene.send()
    assert scene.states() == ["settled", "settled", "held"]


def test_a_payee_added_later_gets_a_batch_and_an_approval_of_its_own(scene: Scene) -> None:
    orders = scene.orders()
    before = act(scene, lambda w: batches.order_transfers(w, orders[:2], MAKER, now=scene.clock()))
    after = act(scene, lambda w: batches.order_transfers(w, orders, MAKER, now=scene.clock()))
    assert [batch.count for batch in after] == [2, 1]
    assert after[0].id == before[0].id
    assert (
        refused(scene, lambda w: batches.order_transfers(w, scene.orders(5), MAKER, now=scene.clock()))
        == "ordered_differently"
    )


def test_the_approval_view_shows_payees_amounts_and_the_change_from_last_month(scene: Scene) -> None:
    last_month = [replace(order, month=MONTH.plus(-1)) for order in scene.orders(400)]
    act(scene, lambda w: batches.order_transfers(w, last_month, MAKER, now=scene.clock()))
    batch_id = ordered(scene)
    view = read(scene, lambda w: batches.batch_consequences(w, batch_id))
    assert [(each.unit, each.amount_fen, each.last_month_fen) for each in view.payees] == [
        ("331002", 100_000, 400),
        ("331003", 100_001, 401),
        ("331004", 100_002, 402),
    ]
    assert view.payees[0].credit_name == county_name("331002")


# ------------------------------------------------------------------ what the bank does


def test_more_than_the_account_holds_is_refused_before_anything_leaves(transactions: SqlTransactions) -> None:
    scene = Scene(transactions, opening_fen=150_000)
    scene.release(100_000)
    outcomes = scene.send()
    assert [each.error_code for each in outcomes] == [None, "exceeds_balance", "exceeds_balance"]
    assert len(scene.book.executions) == 1


def test_a_definite_rejection_frees_the_reserve_and_waits_for_a_person(scene: Scene) -> None:
    scene.plan.add("reject")
    scene.release()
    scene.send()
    assert scene.states() == ["failed", "settled", "settled"]
    held = read(scene, lambda w: booking.balance(w, FISCAL))
    assert held.reserved_fen == 0
    scene.send()
    assert scene.states()[0] == "failed"
    obligation = first(scene)
    assert (
        refused(
            scene,
            lambda w: payment_decisions.approve_retry(
                w, obligation.id, by=MAKER, reason="x", now=scene.clock()
            ),
        )
        == "same_person"
    )
    act(
        scene,
        lambda w: payment_decisions.approve_retry(
            w, obligation.id, by=CHECKER, reason="户名已改", now=scene.clock()
        ),
    )
    scene.send()
    assert scene.states() == ["settled"] * 3
    keys = [each.key for each in read(scene, lambda w: w.attempts.of_obligation(obligation.id))]
    assert len(keys) == 2
    assert [scene.book.executions_of(key) for key in keys] == [0, 1]


def test_a_retry_of_what_was_ever_unknown_needs_two_people(scene: Scene) -> None:
    scene.plan.add("reject_unlisted")
    scene.release()
    scene.send()
    scene.clock.advance(minutes=5)
    scene.resolve()
    assert scene.states()[0] == "failed"
    obligation = first(scene)

    def retry(by: str) -> str:
        done = act(
            scene,
            lambda w: payment_decisions.approve_retry(
                w, obligation.id, by=by, reason="重付", now=scene.clock()
            ),
        )
        return str(done.state.value)

    assert retry(CHECKER) == "failed"
    assert (
        refused(
            scene,
            lambda w: payment_decisions.approve_retry(
                w, obligation.id, by=CHECKER, reason="重付", now=scene.clock()
            ),
        )
        == "same_person"
    )
    assert retry(RELEASER) == "retry_approved"


def test_the_old_key_is_fenced_before_a_new_one_is_used(scene: Scene) -> None:
    scene.plan.add("reject_then_success")
    scene.release()
    scene.send()
    obligation = first(scene)
    act(
        scene,
        lambda w: payment_decisions.approve_retry(
            w, obligation.id, by=CHECKER, reason="重付", now=scene.clock()
        ),
    )
    scene.plan.add("500_before", call=Call.CLOSE)
    scene.send()
    assert scene.states()[0] == "retry_approved"
    scene.send()
    scene.clock.advance(hours=1)
    scene.book.advance(scene.clock())
    assert scene.states()[0] == "settled"
    assert len(scene.book.executions) == 3


def test_money_executed_after_a_rejection_is_booked_to_suspense_and_stops_the_fund(scene: Scene) -> None:
    scene.plan.add("reject_then_success")
    scene.release()
    scene.send()
    scene.clock.advance(days=2)
    scene.resolve()
    assert scene.states()[0] == "held"
    suspense = AccountRef(CITY, FUND, AccountType.SUSPENSE, COUNTIES[0])
    assert read(scene, lambda w: booking.balance(w, suspense)).posted_fen == 100_000
    assert read(scene, lambda w: kill_switches.is_stopped(w, CITY, FUND))
    bank = scene.book.accounts[account_no("fiscal_account", "331000")].balance_fen
    assert read(scene, lambda w: booking.balance(w, FISCAL)).posted_fen == bank
    assert read(scene, verify) == []


def executed_after_a_rejection(scene: Scene) -> Obligation:
    scene.plan.add("reject_then_success", seconds=3600)
    scene.release()
    scene.send()
    scene.clock.advance(days=1)
    scene.resolve()
    return first(scene)


def accept(scene: Scene, obligation_id: int, by: str = CHECKER) -> Callable[[Work], Obligation]:
    return lambda work: payment_decisions.accept_execution(
        work, obligation_id, by=by, reason="县局确认留用", now=scene.clock()
    )


def balances(scene: Scene) -> tuple[int, int, int]:
    """Of the first county's account, its suspense account and the paying account, in fen."""
    county, suspense = (
        AccountRef(CITY, FUND, kind, COUNTIES[0])
        for kind in (AccountType.COUNTY_EXPENDITURE, AccountType.SUSPENSE)
    )
    county_fen, suspense_fen, fiscal_fen = (
        read(scene, lambda w, r=ref: booking.balance(w, r)).posted_fen for ref in (county, suspense, FISCAL)
    )
    assert fiscal_fen == scene.book.accounts[account_no("fiscal_account", "331000")].balance_fen
    return county_fen, suspense_fen, fiscal_fen


def test_a_late_execution_is_accepted_as_the_payment_by_another_person_than_the_maker(
    scene: Scene,
) -> None:
    payment = executed_after_a_rejection(scene)
    assert refused(scene, accept(scene, payment.id, MAKER)) == "same_person"
    assert act(scene, accept(scene, payment.id)).state.value == "settled"
    assert balances(scene)[:2] == (100_000, 0)
    assert refused(scene, accept(scene, payment.id)) == "illegal_state_change"
    scene.book.return_transfer(scene.book.executions[-1].key, "户名不符", scene.clock())
    import_today(scene)
    assert scene.states()[0] == "returned"
    assert balances(scene)[:2] == (0, 0)
    assert read(scene, verify) == []


def test_a_late_execution_is_not_accepted_beside_another_execution(scene: Scene) -> None:
    payment = executed_after_a_rejection(scene)
    debit = next(line for line in scene.book.lines if line.key == scene.book.executions[-1].key)
    scene.book.lines.append(replace(debit, bank_serial="9"))
    for day in (scene.clock().date() - timedelta(days=1), scene.clock().date()):
        resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
    assert refused(scene, accept(scene, payment.id)) == "paid_twice"


def test_a_late_execution_is_not_accepted_beside_an_execution_that_the_books_lost(
    scene: Scene,
) -> None:
    payment = executed_after_a_rejection(scene)
    (attempt,) = read(scene, lambda w: w.attempts.of_obligation(payment.id))
    order = TransferOrder.from_body(attempt.request)
    scene.book.submit(replace(order, key=attempt_key(payment.key, 2)), scene.clock())
    import_today(scene)
    assert refused(scene, accept(scene, payment.id)) == "paid_twice"


def test_a_returned_late_execution_leaves_suspense(scene: Scene) -> None:
    payment = executed_after_a_rejection(scene)
    scene.book.return_transfer(scene.book.executions[-1].key, "户名不符", scene.clock())
    import_today(scene)
    assert balances(scene)[:2] == (0, 0)
    assert scene.states()[0] == "held"
    act(
        scene,
        lambda w: payment_decisions.look_again(w, payment.id, by=CHECKER, reason="已退", now=scene.clock()),
    )
    assert scene.states()[0] == "returned"
    assert read(scene, verify) == []


def test_a_payment_returned_twice_under_one_key_is_a_break(scene: Scene) -> None:
    scene.plan.add("success_then_returned", seconds=60)
    scene.release()
    scene.send()
    scene.clock.advance(hours=1)
    import_today(scene)
    key = next(line.key for line in scene.book.lines if line.direction is Direction.CREDIT)
    account = account_no("fiscal_account", "331000")
    serial = scene.book._next_serial(scene.clock())
    scene.book.lines.append(StatementLine(serial, account, Direction.CREDIT, 100_000, key, "", scene.clock()))
    import_today(scene)
    assert [each.kind for each in read(scene, lambda w: w.breaks.find(CITY))] == ["returned_twice"]


def test_a_key_fenced_in_days_that_a_restore_lost_is_closed_at_once_and_not_sent_for_days(
    scene: Scene,
) -> None:
    scene.release()
    key = attempt_key(first(scene).key, 1)
    scene.book.close(key, scene.clock())
    scene.send()
    scene.clock.advance(minutes=2)
    scene.resolve()
    (attempt,) = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))
    assert attempt.state is AttemptState.CLOSED
    assert scene.states()[0] == "failed"


def test_a_bank_that_processes_an_order_it_had_refused_is_a_break_and_no_other_key_is_used(
    transactions: SqlTransactions,
) -> None:
    scene = Scene(transactions, terms=GatewayTerms(can_close=False))
    scene.plan.add("reject")
    scene.release()
    scene.send()
    payment = first(scene)
    (attempt,) = read(scene, lambda w: w.attempts.of_obligation(payment.id))
    terms = scene.ports.gateway_terms

    def bank_says(kind: GatewayAnswerKind) -> None:
        act(
            scene,
            lambda w: resolving.apply_answer(
                w, attempt.key, GatewayAnswer(kind), now=scene.clock(), terms=terms
            ),
        )

    bank_says(GatewayAnswerKind.PROCESSING)
    assert [each.kind for each in read(scene, lambda w: w.breaks.find(CITY))] == ["bank_contradicts"]
    withdraw = {"by": CHECKER, "reason": "停付"}
    assert (
        refused(scene, lambda w: payment_decisions.cancel(w, payment.id, **withdraw, now=scene.clock()))
        == "end_in_doubt"
    )
    for by in (CHECKER, RELEASER):
        act(
            scene,
            lambda w, p=by: payment_decisions.approve_retry(
                w, payment.id, by=p, reason="重付", now=scene.clock()
            ),
        )
    assert scene.send(units=COUNTIES[:1])[0].error_code == "absence_not_proved"
    bank_says(GatewayAnswerKind.REJECTED)
    scene.send(units=COUNTIES[:1])
    assert scene.states()[0] == "settled"


def test_returned_money_is_a_new_event_and_the_settlement_stays(scene: Scene) -> None:
    scene.plan.add("success_then_returned")
    scene.release()
    scene.send()
    assert scene.states()[0] == "settled"
    scene.clock.advance(days=2)
    scene.resolve()
    assert scene.states()[0] == "returned"
    held = read(scene, lambda w: booking.balance(w, FISCAL))
    assert held.posted_fen == OPENING_FEN - 200_003
    keys = [each.posting.key for each in read(scene, lambda w: list(w.ledger.postings(CITY, FUND)))]
    assert [key.rsplit("/", 1)[1] for key in keys if "transfer/" in key][-1] == "bank_return"
    assert sum(key.endswith("/post") for key in keys) == 3
    assert read(scene, verify) == []


def returned_and_ordered_again(scene: Scene) -> tuple[Obligation, Obligation]:
    """The first county's payment that came back, and the order that takes its place."""
    scene.plan.add("success_then_returned")
    scene.release()
    scene.send()
    scene.clock.advance(days=2)
    scene.resolve()
    for days in (2, 1, 0):
        day = scene.clock().date() - timedelta(days=days)
        resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
    before = first(scene)
    return before, act(scene, lambda w: scene.order_again(w, before.id))


def test_a_returned_payment_is_paid_again_by_an_order_of_its_own(scene: Scene) -> None:
    before, again = returned_and_ordered_again(scene)
    same = act(scene, lambda w: batches.order_again(w, before.id, by=CHECKER, reason="再点", now=NOW))
    assert same.id == again.id
    for _ in range(2):
        scene.send()
    after = read(scene, lambda w: w.payments.revisions(before))
    assert [each.state.value for each in after] == ["returned", "settled"]
    assert [each.attempt_no for each in read(scene, lambda w: orders.tried(w, again))] == [1, 2]
    assert scene.moves().count(1) == 4
    assert balances(scene)[:2] == (100_000, 0)
    assert read(scene, verify) == []


def test_an_order_beside_another_of_the_same_payment_is_not_sent(scene: Scene) -> None:
    before, again = returned_and_ordered_again(scene)
    act(scene, lambda w: hold(w, before, reason="executed_twice", by="system", now=scene.clock()))
    assert [each.error_code for each in scene.send(units=COUNTIES[:1])] == ["ordered_beside"]
    withdrawn = {"by": CHECKER, "reason": "停付", "now": scene.clock()}
    assert act(scene, lambda w: payment_decisions.cancel(w, again.id, **withdrawn)).state.value == "cancelled"


def test_an_order_already_prepared_is_held_when_an_earlier_one_of_its_payment_opens_again(
    scene: Scene,
) -> None:
    before, again = returned_and_ordered_again(scene)

    def between_prepare_and_claim(name: str) -> None:
        if name == "after commit":
            failpoints.install(None)
            act(scene, lambda w: hold(w, before, reason="executed_twice", by="system", now=scene.clock()))

    failpoints.install(between_prepare_and_claim)
    scene.send(units=COUNTIES[:1])
    held = read(scene, lambda w: w.payments.obligation(again.id))
    assert (held.state.value, held.held_reason) == ("held", "ordered_beside")
    assert scene.moves().count(1) == 3


def test_not_found_waits_then_sends_the_same_bytes_under_the_same_key(scene: Scene) -> None:
    scene.plan.add("silence_before")
    scene.release()
    scene.send(units=COUNTIES[:1])
    scene.clock.advance(minutes=2)
    scene.resolve()
    before = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))[0]
    assert before.state is AttemptState.UNKNOWN
    scene.clock.advance(minutes=30)
    scene.resolve()
    scene.send(units=COUNTIES[:1])
    attempts = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))
    assert [(each.key, each.request, each.state) for each in attempts] == [
        (before.key, before.request, AttemptState.SUCCEEDED)
    ]


def test_past_the_resend_window_the_key_is_closed_and_a_person_decides(scene: Scene) -> None:
    scene.plan.add("silence_before")
    scene.release()
    scene.send(units=COUNTIES[:1])
    scene.clock.advance(days=6)
    scene.resolve()
    assert scene.states()[0] == "failed"
    attempt = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))[0]
    assert attempt.state is AttemptState.CLOSED
    assert attempt.was_unknown


def test_an_order_open_for_three_days_is_held_and_still_settles_when_the_bank_confirms_it(
    scene: Scene,
) -> None:
    scene.plan.add("processing", seconds=5 * 86_400)
    scene.release()
    scene.send(units=COUNTIES[:1])
    scene.clock.advance(days=3, hours=1)
    scene.resolve()
    assert scene.states()[0] == "held"
    scene.clock.advance(days=2)
    scene.resolve()
    assert scene.states()[0] == "settled"


def test_a_worker_that_dies_while_sending_leaves_the_outcome_unknown_not_failed(scene: Scene) -> None:
    scene.release()

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "after submit":
            raise Killed

    failpoints.install(die)
    try:
        with pytest.raises(Killed):
            scene.send(units=COUNTIES[:1])
    finally:
        failpoints.install(None)
    scene.resolve()
    assert first(scene).state.value == "in_flight"
    scene.clock.advance(minutes=3)
    scene.resolve()
    scene.clock.advance(minutes=3)
    scene.resolve()
    assert scene.states()[0] == "settled"
    assert len(scene.book.executions) == 1


def test_the_same_key_with_other_contents_is_held_and_never_gets_a_new_key(
    scene: Scene, database: Database
) -> None:
    scene.plan.add("silence_before")
    scene.release()
    scene.send(units=COUNTIES[:1])
    attempt = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))[0]
    order = TransferOrder.from_body(attempt.request)
    scene.book.submit(replace(order, purpose="another"), scene.clock())
    scene.clock.advance(minutes=30)
    scene.plan.add("not_found", call=Call.QUERY)
    scene.resolve()
    scene.send(units=COUNTIES[:1])
    assert first(scene).held_reason == "payload_mismatch"
    assert read(scene, lambda w: kill_switches.is_stopped(w, CITY, FUND))


# ------------------------------------------------------------------ callbacks and statements


def callback(scene: Scene, event_id: str, key: str, raw: bytes = b"succeeded") -> bool:
    return resolving.receive_callback(
        scene.ports, gateway="main", event_id=event_id, key=key, raw=raw, now=scene.clock(), clock=scene.clock
    )


def test_a_callback_only_prompts_a_query_and_is_kept_once(scene: Scene) -> None:
    scene.plan.add("processing", seconds=3600)
    scene.release()
    scene.send(units=COUNTIES[:1])
    key = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))[0].key
    assert callback(scene, "e1", key)
    assert first(scene).state.value == "in_flight"
    assert not callback(scene, "e1", key)
    scene.clock.advance(hours=2)
    assert callback(scene, "e2", key, b"rejected")
    assert first(scene).state.value == "settled"


def test_a_callback_for_an_unknown_key_changes_nothing(scene: Scene) -> None:
    assert callback(scene, "e9", "no-such-key")
    assert scene.states() == []


def import_today(scene: Scene) -> resolving.StatementReport:
    return resolving.import_statements(
        scene.ports, CITY, scene.clock().date(), now=scene.clock(), clock=scene.clock
    )


def test_a_statement_settles_what_was_never_answered(scene: Scene) -> None:
    scene.plan.add("silence_after", times=3)
    scene.release()
    scene.send()
    report = import_today(scene)
    assert (report.settled, report.breaks_new) == (3, 0)
    assert scene.states() == ["settled"] * 3
    assert import_today(scene).lines_new == 0


def test_settled_payments_that_the_statement_lacks_become_a_break_after_the_day(scene: Scene) -> None:
    scene.release()
    scene.send()
    day = scene.clock().date()
    scene.clock.advance(days=1)
    scene.plan.add("statement_late")
    report = resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
    assert report.breaks_new == 3
    assert {each.kind for each in read(scene, lambda w: w.breaks.find(CITY))} == {"us_not_bank"}
    assert not read(scene, lambda w: kill_switches.is_stopped(w, CITY, FUND))


def test_two_lines_for_one_key_are_booked_to_suspense_and_stop_the_fund(scene: Scene) -> None:
    scene.release()
    scene.send()
    scene.plan.add("statement_two_lines")
    import_today(scene)
    kinds = {each.kind: each.stops_fund for each in read(scene, lambda w: w.breaks.find(CITY))}
    assert kinds == {"executed_twice": True}
    assert scene.states()[-1] == "held"
    assert read(scene, verify) == []


def test_a_payment_we_never_ordered_stops_the_fund_until_two_people_restart_it(scene: Scene) -> None:
    scene.release()
    account = account_no("fiscal_account", "331000")
    scene.book.lines.append(StatementLine("S1", account, Direction.DEBIT, 77, None, "不明", scene.clock()))
    import_today(scene)
    outcomes = scene.send()
    assert {each.error_code for each in outcomes} == {"fund_stopped"}
    assert scene.book.executions == []
    assert (
        refused(scene, lambda w: kill_switches.request_restart(w, CITY, FUND, by=CHECKER, now=scene.clock()))
        == "breaks_open"
    )
    found = read(scene, lambda w: w.breaks.find(CITY))[0]
    act(
        scene,
        lambda w: resolving.resolve_break(w, found.id, by=CHECKER, resolution="手续费", now=scene.clock()),
    )
    act(scene, lambda w: kill_switches.request_restart(w, CITY, FUND, by=CHECKER, now=scene.clock()))
    assert (
        refused(scene, lambda w: kill_switches.confirm_restart(w, CITY, FUND, by=CHECKER, now=scene.clock()))
        == "same_person"
    )
    act(scene, lambda w: kill_switches.confirm_restart(w, CITY, FUND, by=RELEASER, now=scene.clock()))
    scene.send()
    assert scene.states() == ["settled"] * 3


# ------------------------------------------------------------------ people


def test_withdrawing_is_possible_until_something_was_sent(scene: Scene) -> None:
    scene.release()
    obligation = first(scene)
    act(
        scene,
        lambda w: payment_decisions.cancel(
            w, obligation.id, by=CHECKER, reason="重复申请", now=scene.clock()
        ),
    )
    scene.plan.add("processing", seconds=3600)
    scene.send()
    assert scene.states() == ["cancelled", "in_flight", "settled"]
    sent = read(scene, lambda w: w.payments.obligations(city=CITY))[1]
    assert (
        refused(
            scene, lambda w: payment_decisions.cancel(w, sent.id, by=CHECKER, reason="x", now=scene.clock())
        )
        == "already_sent"
    )


def test_a_bank_without_a_fence_needs_statements_and_two_people(transactions: SqlTransactions) -> None:
    scene = Scene(transactions, terms=GatewayTerms(can_close=False))
    scene.plan.add("silence_before")
    scene.release()
    scene.send(units=COUNTIES[:1])
    scene.clock.advance(days=6)
    scene.resolve()
    attempt = read(scene, lambda w: w.attempts.of_obligation(first(scene).id))[0]
    assert attempt.state is AttemptState.CLOSING
    terms = scene.ports.gateway_terms

    def confirm(by: str) -> Any:
        def confirmed(w: Work) -> Any:
            attempt = resolving.absence_to_confirm(w, first(scene).id)
            return resolving.confirm_absence(w, attempt.id, by=by, now=scene.clock(), terms=terms)

        return confirmed

    assert refused(scene, confirm(CHECKER)) == "statements_missing"
    day = attempt.first_sent_at.date()
    scene.clock.advance(days=4)
    while day <= scene.clock().date():
        resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
        day += timedelta(days=1)
    act(scene, confirm(CHECKER))
    assert refused(scene, confirm(CHECKER)) == "same_person"
    assert act(scene, confirm(RELEASER)).state is AttemptState.CLOSED
    assert scene.states()[0] == "failed"
    # The bank refused nothing, and what it was held for is over.
    view = read(scene, lambda w: transfer_views(w, CITY, unit=COUNTIES[0]))[0]
    assert view.detail_zh == "未付出，支付编号已注销，须批准重付"
    assert view.detail_en == "not paid, its key is closed, a retry needs approval"
    assert view.obligation.held_reason is None


def test_the_absence_of_an_order_that_was_never_sent_cannot_be_confirmed(scene: Scene) -> None:
    scene.release()
    assert (
        refused(scene, lambda w: resolving.absence_to_confirm(w, first(scene).id)) == "illegal_state_change"
    )


# ------------------------------------------------------------------ the database repeats the rules


@pytest.mark.parametrize(
    "statement",
    [
        "update obligation set amount_fen = 0",
        "update attempt set amount_fen = -1",
        "update attempt set state = 'forgotten'",
        "update posting set amount_fen = 0",
        "update posting set debit_id = credit_id",
        "update ledger_account set posted_fen = -1 where is_cash = 1",
        "update ledger_account set reserved_fen = -1",
        "update bank_account set checker = maker",
        (
            "insert into attempt (obligation_id, attempt_no, key, state, version, amount_fen, request, request_hash,"
            " prepared_at, valid_until, worker_epoch, was_unknown, times_asked) select obligation_id, 2, 'other',"
            " 'prepared', 1, 1, request, 'h', prepared_at, valid_until, 0, 0, 0 from attempt"
        ),
        (
            "insert into posting (voucher_id, line, key, debit_id, credit_id, amount_fen, flow, phase, event_at, month,"
            " attempt_key, leg, memo) select voucher_id, 99, 'again', debit_id, credit_id, amount_fen, flow, 'direct',"
            " event_at, month, attempt_key, leg, memo from posting where leg = 'reserve'"
        ),
    ],
)
def test_the_database_refuses_what_the_rules_refuse(scene: Scene, database: Database, statement: str) -> None:
    scene.plan.add("processing", seconds=3600)
    scene.release()
    scene.send(units=COUNTIES[:1])
    with pytest.raises(IntegrityError):
        database.transaction(lambda connection: connection.execute(text(statement)))
