"""Many workers at once on one database: nobody overspends, and every race has exactly one winner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import SystemRandom
from threading import Barrier

import pytest
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import FundpoolError, RuleViolation
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import Month
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import batches, kill_switches
from fundpool.services.ports.work import Work
from tests.integration.money_races import LETTERS, Races
from tests.simulation.scene import CHECKER, CITY, FISCAL, FUND, MAKER, NOW, RELEASER, Scene

WORKERS = (2, 8, 32)
RACES = 48
"""Of each test run, on each database; ``make races`` plays 10,000."""


def race(workers: int, act: Callable[[int], object]) -> list[object]:
    """Let ``workers`` threads start together; their results, an error as itself."""
    start = Barrier(workers)

    def run(number: int) -> object:
        start.wait()
        try:
            return act(number)
        except (FundpoolError, IntegrityError) as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))


def county(number: int) -> AccountRef:
    return AccountRef(CITY, FUND, AccountType.COUNTY_EXPENDITURE, f"3310{number:02d}")


def open_books(transactions: SqlTransactions, amount_fen: int) -> None:
    transactions.transaction(
        lambda work: booking.open_balances(work, [(FISCAL, amount_fen)], by=MAKER, event_at=NOW, now=NOW)
    )


def reserve(number: int, amount_fen: int) -> Posting:
    return Posting(f"r{number}", county(number), FISCAL, amount_fen, Flow.PAY_DIRECT, Phase.RESERVE, NOW)


@pytest.mark.parametrize("workers", WORKERS)
def test_workers_that_race_for_the_last_money_cannot_overspend(
    transactions: SqlTransactions, workers: int
) -> None:
    open_books(transactions, 100)
    outcomes = race(
        workers,
        lambda number: transactions.transaction(
            lambda work: booking.post(work, [reserve(number, 60)], by="w", now=NOW)
        ),
    )
    assert outcomes.count(1) == 1
    refused = [each.code for each in outcomes if isinstance(each, RuleViolation)]
    assert refused == ["exceeds_balance"] * (workers - 1)
    held = transactions.read(lambda work: booking.balance(work, FISCAL))
    assert (held.posted_fen, held.reserved_fen) == (100, 60)
    assert transactions.read(verify) == []


@pytest.mark.parametrize("workers", WORKERS)
def test_money_for_everybody_reaches_everybody(transactions: SqlTransactions, workers: int) -> None:
    open_books(transactions, 10 * workers)
    outcomes = race(
        workers,
        lambda number: transactions.transaction(
            lambda work: booking.post(work, [reserve(number, 10)], by="w", now=NOW)
        ),
    )
    assert outcomes == [1] * workers
    assert transactions.read(lambda work: booking.balance(work, FISCAL)).available_fen == 0
    assert transactions.read(verify) == []


def test_senders_started_together_pay_each_county_once(transactions: SqlTransactions) -> None:
    scene = Scene(transactions)
    scene.release()
    race(8, lambda number: scene.send(worker=f"w{number}"))
    for _ in range(3):
        scene.clock.advance(minutes=5)
        scene.resolve()
        scene.send()
    assert scene.states() == ["settled"] * 3
    assert len(scene.book.executions) == 3
    assert transactions.read(verify) == []


def one_winner(outcomes: list[object]) -> None:
    assert sum(not isinstance(each, Exception) for each in outcomes) == 1, outcomes


def test_approving_sending_reversing_closing_spending_and_ordering_again_have_one_winner_each(
    transactions: SqlTransactions,
) -> None:
    seed = SystemRandom().randrange(10**9)
    races = Races(transactions, seed)
    with races.pool:
        races.run(RACES)
    kinds = ("approve", "send", "reverse", "close", "spend", "order again")
    assert races.played == dict.fromkeys(kinds, RACES // len(kinds))
    assert races.faults == [], f"seed {seed}"


def test_only_one_of_two_simultaneous_approvals_counts(transactions: SqlTransactions) -> None:
    scene = Scene(transactions)
    batch = transactions.transaction(
        lambda work: batches.order_transfers(work, scene.orders(), MAKER, now=NOW)
    )[0]
    seen = transactions.read(lambda work: batches.digest_of(work, batch))

    def approve(number: int) -> object:
        def act(work: Work) -> object:
            before = work.payments.batch(batch.id)
            if before.checker is not None:
                raise RuleViolation("late", "", "")
            return batches.approve_batch(work, batch.id, seen, checker=f"复核{LETTERS[number]}", now=NOW)

        return transactions.transaction(act)

    one_winner(race(8, approve))


def test_a_booking_is_reversed_once_however_many_try(transactions: SqlTransactions) -> None:
    open_books(transactions, 100)
    one_winner(
        race(
            8,
            lambda number: transactions.transaction(
                lambda work: booking.reverse(
                    work, f"opening/{FISCAL}", reason="误记", by=f"w{number}", event_at=NOW, now=NOW
                )
            ),
        )
    )
    assert transactions.read(lambda work: booking.balance(work, FISCAL)).posted_fen == 0


def test_a_month_is_closed_once_and_nothing_is_booked_into_it_after(transactions: SqlTransactions) -> None:
    open_books(transactions, 100)

    def act(number: int) -> object:
        if number % 2:
            return transactions.transaction(
                lambda work: booking.close_month(work, CITY, FUND, month=Month(2026, 10), by="w", now=NOW)
            )
        return transactions.transaction(
            lambda work: booking.post(work, [reserve(number, 1)], by="w", now=NOW + timedelta(seconds=1))
        )

    outcomes = race(8, act)
    assert [outcomes[number] for number in range(1, 8, 2)].count(True) == 1
    assert transactions.read(verify) == []


def test_two_restarts_by_one_person_do_not_count_as_two_people(transactions: SqlTransactions) -> None:
    Scene(transactions)
    transactions.transaction(
        lambda work: kill_switches.stop_fund(work, CITY, FUND, reason="演练", by=MAKER, now=NOW)
    )
    transactions.transaction(
        lambda work: kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=NOW)
    )
    outcomes = race(
        8,
        lambda number: transactions.transaction(
            lambda work: kill_switches.confirm_restart(
                work, CITY, FUND, by=CHECKER if number % 2 else RELEASER, now=NOW
            )
        ),
    )
    one_winner(outcomes)
