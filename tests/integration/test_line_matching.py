"""What a bank's statement can say under a payment's key, on both databases: each kind is matched or stops the fund."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import Attempt, GatewayTerms, Obligation
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import batches, kill_switches, resolving
from fundpool.services.payments.bank_reconciliation import reconciliations
from fundpool.services.payments.line_matching import disagreements, standing_of
from fundpool.services.payments.orders import possible_keys
from fundpool.services.ports.gateway import DayStatement
from schemas.payment_messages import Direction, StatementLine, TransferOrder
from tests.simulation.scene import (
    CITY,
    COUNTIES,
    FISCAL,
    FUND,
    MAKER,
    NOW,
    Scene,
    account_no,
    county_name,
)

PAID_FEN = 107_017_544_88
PAYER = account_no("fiscal_account", "331000")
PAYEE = account_no("county_expenditure", COUNTIES[0])
DAY = NOW.date()


@pytest.fixture
def scene(transactions: SqlTransactions) -> Scene:
    """One payment, settled by the bank's answer; no statement is in yet."""
    made = Scene(transactions, counties=COUNTIES[:1], opening_fen=2 * PAID_FEN)
    made.release(PAID_FEN)
    made.send()
    assert made.states() == ["settled"]
    return made


def the_attempt(scene: Scene) -> Attempt:
    return scene.ports.database.read(lambda work: work.attempts.of_obligation(1))[0]


def the_obligation(scene: Scene) -> Obligation:
    return scene.ports.database.read(lambda work: work.payments.obligation(1))


def debit(scene: Scene, **changes: object) -> StatementLine:
    """The line of the payment as it was ordered."""
    line = StatementLine(
        bank_serial="D1",
        account=PAYER,
        direction=Direction.DEBIT,
        amount_fen=PAID_FEN,
        key=the_attempt(scene).key,
        counterparty=county_name(COUNTIES[0]),
        executed_at=NOW,
    )
    return replace(line, **changes)  # type: ignore[arg-type]


def credit(scene: Scene, amount_fen: int, serial: str = "C1", days: int = 0) -> StatementLine:
    """Money that comes back to the paying account under the payment's key."""
    return debit(
        scene,
        bank_serial=serial,
        direction=Direction.CREDIT,
        amount_fen=amount_fen,
        executed_at=NOW + timedelta(days=days, hours=1),
    )


def take_in(scene: Scene, *lines: StatementLine) -> None:
    """The statements of the days of the lines, each when it can no longer grow."""
    scene.clock.now = NOW + timedelta(days=4)
    for account in sorted({line.account for line in lines}):
        for day in sorted({line.executed_at.astimezone(SHANGHAI).date() for line in lines} | {DAY}):
            own = [
                line
                for line in lines
                if line.account == account and line.executed_at.astimezone(SHANGHAI).date() == day
            ]
            scene.ports.database.transaction(
                lambda work, a=account, d=day, o=own: resolving.match_statement(  # type: ignore[misc]
                    work,
                    a,
                    d,
                    statement=DayStatement(tuple(o)),
                    fetched_at=scene.clock(),
                    now=scene.clock(),
                    terms=GatewayTerms(),
                )
            )


def breaks(scene: Scene) -> list[str]:
    found = scene.ports.database.read(lambda work: work.breaks.find(CITY))
    return sorted(each.kind for each in found)


def is_stopped(scene: Scene) -> bool:
    return scene.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND))


def paying_fen(scene: Scene) -> int:
    """What the paying account has paid out and not back, by the books."""
    held = scene.ports.database.read(lambda work: booking.balance(work, FISCAL))
    return 2 * PAID_FEN - held.posted_fen


def order_again(scene: Scene) -> str:
    """Why the payment may not be ordered again."""
    with pytest.raises(RuleViolation) as refused:
        scene.ports.database.transaction(
            lambda work: batches.order_again(work, 1, by=MAKER, reason="重付", now=scene.clock())
        )
    return refused.value.code


def test_a_payment_as_ordered_and_its_whole_return_agree(scene: Scene) -> None:
    take_in(scene, debit(scene), credit(scene, PAID_FEN, days=1))
    assert (scene.states(), breaks(scene), paying_fen(scene)) == (["returned"], [], 0)
    again = scene.ports.database.transaction(
        lambda work: batches.order_again(work, 1, by=MAKER, reason="重付", now=scene.clock())
    )
    assert again.revision == 2


def test_a_partial_return_is_booked_by_its_amount_and_the_rest_stays_paid(scene: Scene) -> None:
    take_in(scene, debit(scene), credit(scene, 1_00, days=1))
    assert (scene.states(), breaks(scene)) == (["partly_returned"], ["partly_returned"])
    assert not is_stopped(scene)
    assert paying_fen(scene) == PAID_FEN - 1_00
    assert the_obligation(scene).paid_fen == PAID_FEN - 1_00
    assert order_again(scene) == "illegal_state_change"
    assert scene.ports.database.read(verify) == []


def test_partial_returns_add_up_to_a_full_return(scene: Scene) -> None:
    take_in(scene, debit(scene), credit(scene, 1_00, days=1))
    take_in(scene, credit(scene, 2_00, "C2", days=2))
    assert (scene.states(), paying_fen(scene)) == (["partly_returned"], PAID_FEN - 3_00)
    take_in(scene, credit(scene, PAID_FEN - 3_00, "C3", days=3))
    assert (scene.states(), paying_fen(scene)) == (["returned"], 0)
    assert the_obligation(scene).returned_fen == 0
    assert scene.ports.database.read(verify) == []


def test_a_partial_return_that_the_bank_shows_late_is_booked_beside_a_later_one(scene: Scene) -> None:
    take_in(scene, debit(scene), credit(scene, 2_00, "C2", days=2))
    take_in(scene, credit(scene, 1_00, "C1", days=1))
    assert (scene.states(), paying_fen(scene)) == (["partly_returned"], PAID_FEN - 3_00)
    take_in(scene, credit(scene, PAID_FEN - 3_00, "C0", days=1))
    assert (scene.states(), paying_fen(scene)) == (["returned"], 0)
    assert scene.ports.database.read(verify) == []


@pytest.mark.parametrize(
    ("amounts_fen", "kind", "state", "out_fen"),
    [
        ((PAID_FEN + 1,), "return_exceeds_payment", "settled", PAID_FEN),
        ((PAID_FEN, PAID_FEN), "returned_twice", "returned", 0),
        ((PAID_FEN - 1, 2), "return_exceeds_payment", "partly_returned", 1),
    ],
)
def test_a_return_of_more_than_was_paid_is_never_booked_and_stops_the_fund(
    scene: Scene, amounts_fen: tuple[int, ...], kind: str, state: str, out_fen: int
) -> None:
    returns = [credit(scene, each, f"C{n}", days=n) for n, each in enumerate(amounts_fen, start=1)]
    take_in(scene, debit(scene), *returns)
    assert kind in breaks(scene)
    assert is_stopped(scene)
    assert (scene.states(), paying_fen(scene)) == ([state], out_fen)


def test_a_credit_without_any_debit_is_no_return(scene: Scene) -> None:
    take_in(scene, credit(scene, PAID_FEN))
    assert "return_without_payment" in breaks(scene)
    assert is_stopped(scene)
    assert (scene.states(), paying_fen(scene)) == (["settled"], PAID_FEN)
    assert order_again(scene) == "illegal_state_change"
    take_in(scene, debit(scene, bank_serial="D2"), credit(scene, PAID_FEN))
    assert (scene.states(), paying_fen(scene)) == (["returned"], 0)


def test_a_return_whose_payment_is_on_a_statement_not_fetched_yet_rests_on_the_banks_answer(
    scene: Scene,
) -> None:
    scene.clock.now = NOW + timedelta(days=4)
    line = credit(scene, PAID_FEN, days=1)
    day = DAY + timedelta(days=1)
    for at, lines in ((day, (line,)), (DAY, ())):
        scene.ports.database.transaction(
            lambda work, a=at, own=lines: resolving.match_statement(  # type: ignore[misc]
                work,
                PAYER,
                a,
                statement=DayStatement(own),
                fetched_at=scene.clock(),
                now=scene.clock(),
                terms=GatewayTerms(),
            )
        )
        if at == day:
            assert (scene.states(), breaks(scene)) == (["returned"], [])
            assert order_again(scene) == "return_not_on_statement"
    # Now it is in, and has no such payment.
    assert "return_without_payment" in breaks(scene)
    assert is_stopped(scene)


def test_a_return_known_from_an_answer_is_corrected_by_the_statement(scene: Scene) -> None:
    scene.book.return_transfer(the_attempt(scene).key, "户名不符", scene.clock())
    scene.clock.advance(days=1, minutes=1)
    scene.resolve()
    assert (scene.states(), paying_fen(scene)) == (["returned"], 0)
    take_in(scene, debit(scene), credit(scene, 1_00, days=1))
    assert (scene.states(), paying_fen(scene)) == (["partly_returned"], PAID_FEN - 1_00)
    assert breaks(scene) == ["partly_returned", "return_differs"]
    assert is_stopped(scene)
    scene.resolve()
    assert scene.states() == ["partly_returned"]
    assert scene.ports.database.read(verify) == []


def returned_on(scene: Scene) -> list[tuple[str, str, int]]:
    """What the books have of the return: the day it happened, the day it was noticed, fen (a reversal negative)."""
    postings = scene.ports.database.read(lambda work: list(work.ledger.postings(CITY, FUND)))
    return [
        (
            f"{each.posting.event_at.astimezone(SHANGHAI):%m-%d}",
            f"{each.recorded_at.astimezone(SHANGHAI):%m-%d}",
            each.posting.amount_fen * (1 if each.posting.reverses is None else -1),
        )
        for each in postings
        if each.posting.flow is Flow.BANK_RETURN
    ]


def test_a_return_on_a_statement_is_booked_on_its_day_and_noticed_on_ours(scene: Scene) -> None:
    take_in(scene, debit(scene), credit(scene, PAID_FEN, days=1))
    happened, noticed = DAY + timedelta(days=1), DAY + timedelta(days=4)
    assert returned_on(scene) == [(f"{happened:%m-%d}", f"{noticed:%m-%d}", PAID_FEN)]


def test_a_return_known_from_an_answer_is_dated_by_the_statement_once(scene: Scene) -> None:
    scene.book.return_transfer(the_attempt(scene).key, "户名不符", scene.clock())
    scene.clock.now = NOW + timedelta(days=3)
    scene.resolve()
    answered_at = DAY + timedelta(days=3)
    assert returned_on(scene) == [(f"{answered_at:%m-%d}", f"{answered_at:%m-%d}", PAID_FEN)]
    for _ in range(2):
        take_in(scene, debit(scene), credit(scene, PAID_FEN, days=1))
        happened, noticed = DAY + timedelta(days=1), DAY + timedelta(days=4)
        assert sorted(returned_on(scene)) == sorted(
            [
                (f"{answered_at:%m-%d}", f"{answered_at:%m-%d}", PAID_FEN),
                (f"{answered_at:%m-%d}", f"{noticed:%m-%d}", -PAID_FEN),
                (f"{happened:%m-%d}", f"{noticed:%m-%d}", PAID_FEN),
            ]
        )
    assert (scene.states(), breaks(scene), paying_fen(scene)) == (["returned"], [], 0)
    assert scene.ports.database.read(verify) == []
    work_forms = scene.ports.database.read(
        lambda work: reconciliations(work, CITY, Month.of(DAY), terms=GatewayTerms())
    )
    assert [(form.items, form.difference_fen) for form in work_forms if form.account_no == PAYER] == [
        ((), work_forms[0].difference_fen)
    ]


@pytest.mark.parametrize("direction", list(Direction))
def test_a_line_repeated_under_one_serial_on_a_statement_is_a_break(
    scene: Scene, direction: Direction
) -> None:
    other = debit(scene, bank_serial="R1", key=None, counterparty="某单位", direction=direction)
    take_in(scene, debit(scene), other, other)
    assert "statement_line_repeated" in breaks(scene)
    assert is_stopped(scene)


def test_the_same_statement_read_again_repeats_nothing(scene: Scene) -> None:
    for _ in range(2):
        take_in(scene, debit(scene))
    assert (scene.states(), breaks(scene)) == (["settled"], [])


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"amount_fen": PAID_FEN - 1}, "amount_differs"),
        ({"account": "6200000000001"}, "other_account"),
        ({"counterparty": "别处医疗保障局支出户"}, "other_payee"),
        ({"counterparty": "6299999999999"}, "other_payee"),
        ({"counterparty": None, "counterparty_account": "6299999999999"}, "other_payee"),
        ({"counterparty": f"{county_name(COUNTIES[0])} 6299999999999"}, "other_payee"),
    ],
)
def test_a_debit_that_is_not_as_ordered_stops_the_fund(
    scene: Scene, changes: dict[str, object], kind: str
) -> None:
    if kind == "other_account":
        account = AccountRef(CITY, FUND, AccountType.CITY_EXPENDITURE, "331000")
        changes = {"account": register(scene, account, str(changes["account"]))}
    take_in(scene, debit(scene, **changes))
    assert kind in breaks(scene)
    assert is_stopped(scene)


def register(scene: Scene, ref: AccountRef, number: str) -> str:
    """One more account of the city, so that its statement belongs to the fund."""
    from fundpool.services.payments import bank_accounts  # noqa: PLC0415 - for this test alone
    from fundpool.services.ports.money_ports import AccountProposal  # noqa: PLC0415 - as above

    proposal = AccountProposal(ref.city, ref.fund, ref.unit, ref.type, number, "市支出户", "农业银行")
    scene.ports.database.transaction(
        lambda work: bank_accounts.propose_account(work, proposal, MAKER, now=scene.clock())
    )
    return number


@pytest.mark.parametrize(
    "counterparty",
    [
        None,
        "",
        county_name(COUNTIES[0]),
        f"{county_name(COUNTIES[0])} {PAYEE}",
        PAYEE,
        f"{PAYEE[:4]}****{PAYEE[8:]}",
        "　".join(county_name(COUNTIES[0])),
    ],
)
def test_the_payee_is_recognised_however_the_bank_writes_it(scene: Scene, counterparty: str | None) -> None:
    take_in(scene, debit(scene, counterparty=counterparty))
    assert breaks(scene) == []


@pytest.mark.parametrize("amount_fen", [PAID_FEN, PAID_FEN - 1])
def test_lines_of_the_payees_account_are_matched_too(scene: Scene, amount_fen: int) -> None:
    arrival = debit(scene, bank_serial="A1", account=PAYEE, direction=Direction.CREDIT, amount_fen=amount_fen)
    take_in(scene, debit(scene), arrival)
    assert breaks(scene) == ([] if amount_fen == PAID_FEN else ["arrival_differs"])


def test_the_return_leaving_the_payees_account_is_no_second_execution(scene: Scene) -> None:
    leaving = debit(scene, bank_serial="A2", account=PAYEE, counterparty="市财政专户")
    take_in(scene, debit(scene), leaving, credit(scene, PAID_FEN, days=1))
    assert (breaks(scene), scene.states()) == ([], ["returned"])


def test_a_returned_second_execution_leaves_suspense_and_the_payment_stays_settled(scene: Scene) -> None:
    take_in(scene, debit(scene), debit(scene, bank_serial="D2", executed_at=NOW + timedelta(hours=2)))
    assert breaks(scene) == ["executed_twice"]
    assert paying_fen(scene) == 2 * PAID_FEN
    take_in(scene, credit(scene, PAID_FEN, days=1))
    assert paying_fen(scene) == PAID_FEN
    assert scene.states() == ["held"]
    suspense = AccountRef(CITY, FUND, AccountType.SUSPENSE, COUNTIES[0])
    assert scene.ports.database.read(lambda work: booking.balance(work, suspense)).posted_fen == 0
    assert scene.ports.database.read(verify) == []


def test_a_return_of_money_that_the_payee_had_already_spent_is_a_break(scene: Scene) -> None:
    def spend(work: object) -> None:
        booking.book_spending(
            work,  # type: ignore[arg-type]
            city=CITY,
            fund=FUND,
            unit=COUNTIES[0],
            month=the_obligation(scene).month,
            items={"inpatient": PAID_FEN},
            reference="r1",
            by=MAKER,
            event_at=NOW,
            now=NOW,
        )

    scene.ports.database.transaction(spend)
    take_in(scene, debit(scene), credit(scene, PAID_FEN, days=1))
    assert breaks(scene) == ["deficit_after_return"]
    assert is_stopped(scene)


def test_a_name_with_brackets_is_the_same_in_full_width_and_beside_its_number() -> None:
    order = TransferOrder(
        "k" * 36, 100, "62001", "99002310331002", "椒江区支出户（职工，虚构）", "p", "e", NOW
    )
    line = StatementLine("1", "62001", Direction.DEBIT, 100, order.key, order.credit_name, NOW)
    for counterparty in (order.credit_name, "椒江区支出户(职工,虚构)", f"{order.credit_name}/99002310331002"):
        assert disagreements(order, replace(line, counterparty=counterparty)) == ()
    other = replace(line, counterparty="椒江区支出户（居民，虚构）")
    assert disagreements(order, other) == ("other_payee",)


def test_every_field_of_a_line_that_must_match_is_compared() -> None:
    order = TransferOrder("k" * 36, 100, "62001", "62002", "某县支出户", "p", "e", NOW)
    line = StatementLine("1", "62001", Direction.DEBIT, 100, order.key, "某县支出户", NOW)
    assert disagreements(order, line) == ()
    assert disagreements(order, replace(line, amount_fen=99, counterparty="他县支出户")) == (
        "amount_differs",
        "other_payee",
    )
    assert disagreements(order, replace(line, account="62009")) == ("other_account",)
    back = replace(line, direction=Direction.CREDIT, amount_fen=101)
    assert disagreements(order, back) == ("return_exceeds_payment",)
    assert standing_of(order, [line, replace(back, amount_fen=40, bank_serial="2")]).returned_fen == 40


def test_a_credit_under_the_key_of_an_order_that_the_books_lost_is_a_break(
    transactions: SqlTransactions,
) -> None:
    """After a restore to a time before the order the books know the obligation but not the order that was sent."""
    restored = Scene(transactions, counties=COUNTIES[:1], opening_fen=2 * PAID_FEN)
    restored.release(PAID_FEN)
    owed = transactions.read(lambda work: work.payments.obligation(1))
    lost_key = next(iter(possible_keys(owed, ())))[1]
    line = StatementLine("C1", PAYER, Direction.CREDIT, 100, lost_key, county_name(COUNTIES[0]), NOW)
    take_in(restored, line, replace(line, bank_serial="C2", key="a receipt of somebody else"))
    assert breaks(restored) == ["return_without_payment"]
    assert restored.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND))
