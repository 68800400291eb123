"""Races for one prize: workers start together on the same batch, order, booking, month or last money; one may win.

``python -m tests.integration.money_races --races 10000`` plays them all (``make races``); the tests
play a share. A worker is a thread with a database connection of its own.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from itertools import cycle
from threading import Barrier, Lock
from typing import Any

import psycopg
from sqlalchemy import make_url

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.audit import verify_chain
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import FundpoolError
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import Month
from fundpool.domain.transfer import BatchState
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import batches, payment_decisions, sending
from fundpool.services.ports.gateway import DayStatement, Gateway, GatewayAnswer
from fundpool.services.ports.work import Work
from schemas.payment_messages import TransferOrder
from tests.crash.__main__ import memory, server
from tests.seals import SEALS
from tests.simulation.scene import CHECKER, CITY, FISCAL, FUND, MAKER, NOW, RELEASER, Scene

WORKERS = (2, 2, 2, 4, 8, 16)
SPENDERS = (2, 8, 32)
"""How many want the last money at once."""

OPENING_FEN = 10_000_000_00
ROUND = 1_000
"""Races on one database before the next is begun."""

AT_ONCE = 20
"""Prizes prepared together: setting up is not what is raced for."""


LETTERS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
"""A name for each of the persons who race."""


class OneAtATime:
    """The bank takes one order at a time, as its own database would see to."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._turn = Lock()

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        with self._turn:
            return self._gateway.submit(order, now=now)

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        with self._turn:
            return self._gateway.query(order, now=now)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        with self._turn:
            return self._gateway.close(order, now=now)

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        with self._turn:
            return self._gateway.statement(account, day, now=now)


class Races:
    """One city on one database, and as many races as ``play`` is given."""

    def __init__(self, transactions: SqlTransactions, seed: int) -> None:
        self.transactions = transactions
        self.random = random.Random(seed)
        self.scene = Scene(transactions, opening_fen=OPENING_FEN)
        self.gateway: Gateway = OneAtATime(self.scene.gateway)  # type: ignore[assignment]
        self.pool = ThreadPoolExecutor(max(*WORKERS, *SPENDERS))
        self.applications = 0
        self.played: Counter[str] = Counter()
        self.workers = 0
        self.faults: list[str] = []

    def run(self, races: int) -> None:
        """Play ``races`` of them, the six kinds in turn."""
        kinds: tuple[tuple[Callable[[int], list[Any]], Callable[[Any], None]], ...] = (
            (self._batches, self.approve),
            (self._released, self.send),
            (self._incomes, self.reverse),
            (self._months, self.close_month),
            (self._purses, self.spend),
            (self._withdrawn, self.order_again),
        )
        in_a_row = min(AT_ONCE, max(1, races // len(kinds)))
        for prepare, play_one in cycle(kinds):
            left = races - self.played.total()
            if left <= 0:
                break
            for prize in prepare(min(in_a_row, left)):
                play_one(prize)
        faults = self.transactions.read(lambda work: [*verify(work), *verify_chain(work.audit.records(), {})])
        self.faults += [str(fault) for fault in faults]

    # ------------------------------------------------------------------ the six prizes

    def approve(self, batch_id: int) -> None:
        """Checkers of different names approve one batch: one name stands, and one record of it."""
        digest = self.transactions.read(lambda work: batches.digest_of(work, work.payments.batch(batch_id)))
        outcomes = self._race(
            lambda number: self.transactions.transaction(
                lambda work: (
                    batches.approve_batch(
                        work, batch_id, digest, checker=f"复核{LETTERS[number]}", now=NOW
                    ).checker
                )
            )
        )
        batch = self.transactions.read(lambda work: work.payments.batch(batch_id))
        records = self.transactions.read(lambda work: list(work.audit.records(f"batch:{batch.key}")))
        approvals = [record for record in records if record.action == "approve_batch"]
        won = batch.state is BatchState.APPROVED and len(approvals) == 1 and set(outcomes) == {batch.checker}
        self._note("approve", won, outcomes)

    def send(self, obligation_id: int) -> None:
        """Senders of one released order: one speaks to the bank, and the bank pays once."""
        outcomes = self._race(
            lambda number: sending.send_one(
                self.scene.ports, self.gateway, obligation_id, worker=f"w{number}", clock=self.scene.clock
            )
        )
        (attempt,) = self.transactions.read(lambda work: work.attempts.of_obligation(obligation_id))
        answered = [outcome for outcome in outcomes if outcome is not None]
        won = len(answered) == attempt.worker_epoch == self.scene.book.executions_of(attempt.key) == 1
        self._note("send", won, outcomes)

    def reverse(self, key: str) -> None:
        """One booking, reversed by many: taken back once."""
        outcomes = self._race(
            lambda number: self.transactions.transaction(
                lambda work: booking.reverse(work, key, reason="误记", by=f"w{number}", event_at=NOW, now=NOW)
            )
        )
        self._note("reverse", outcomes.count(None) == 1, outcomes)

    def close_month(self, month: Month) -> None:
        """One month closed by many: closed once."""
        outcomes = self._race(
            lambda _: self.transactions.transaction(
                lambda work: booking.close_month(work, CITY, FUND, month=month, by=CHECKER, now=NOW)
            )
        )
        self._note("close", outcomes.count(True) == 1, outcomes)

    def spend(self, purse: AccountRef) -> None:
        """An account of 1 yuan, of which many want 60 fen: one has them, the others get the reason."""
        item = AccountRef(CITY, FUND, AccountType.FUND_EXPENDITURE, purse.unit, "inpatient")
        outcomes = self._race(
            lambda number: self.transactions.transaction(
                lambda work: booking.post(
                    work,
                    [Posting(f"{purse.unit}/{number}", item, purse, 60, Flow.SPEND, Phase.DIRECT, NOW)],
                    by=f"w{number}",
                    now=NOW,
                )
            ),
            among=SPENDERS,
        )
        left_fen = self.transactions.read(lambda work: booking.balance(work, purse)).available_fen
        won = sorted(map(str, outcomes)) == ["1", *["exceeds_balance"] * (len(outcomes) - 1)]
        self._note("spend", won and left_fen == 40, outcomes)

    def order_again(self, obligation_id: int) -> None:
        """Makers of different names order what was withdrawn once more: one order, which all are shown."""
        outcomes = self._race(
            lambda number: self.transactions.transaction(
                lambda work: (
                    batches.order_again(
                        work, obligation_id, by=f"经办{LETTERS[number]}", reason="重付", now=NOW
                    ).id
                )
            )
        )
        _, *others = self.transactions.read(
            lambda work: work.payments.revisions(work.payments.obligation(obligation_id))
        )
        records = self.transactions.read(
            lambda work: [
                record for each in others for record in work.audit.records(f"obligation:{each.key}")
            ]
        )
        won = set(outcomes) == {each.id for each in others} and len(others) == 1
        recorded = [record.action for record in records].count("order_again")
        self._note("order again", won and recorded == 1, outcomes)

    # ------------------------------------------------------------------ setting up, starting, counting

    def _batches(self, count: int) -> list[int]:
        """Fresh batches of one payment each."""

        def order(work: Work) -> list[int]:
            made = []
            for _ in range(count):
                self.applications += 1
                (order, *_rest) = self.scene.orders(100, application=self.applications)
                made += [batch.id for batch in batches.order_transfers(work, [order], MAKER, now=NOW)]
            return made

        return self.transactions.transaction(order)

    def _released(self, count: int) -> list[int]:
        """Payments ready to be sent."""
        made = self._batches(count)

        def release(work: Work) -> list[int]:
            for batch_id in made:
                digest = batches.digest_of(work, work.payments.batch(batch_id))
                batches.approve_batch(work, batch_id, digest, checker=CHECKER, now=NOW)
                batches.release_batch(work, batch_id, RELEASER, now=NOW)
            return [obligation.id for each in made for obligation in work.payments.obligations(batch_id=each)]

        return self.transactions.transaction(release)

    def _withdrawn(self, count: int) -> list[int]:
        """Payments that a person withdrew before they were sent."""
        released = self._released(count)

        def withdraw(work: Work) -> None:
            for obligation_id in released:
                payment_decisions.cancel(work, obligation_id, by=CHECKER, reason="停付", now=NOW)

        self.transactions.transaction(withdraw)
        return released

    def _incomes(self, count: int) -> list[str]:
        """Booked receipts."""
        first = self.played["reverse"]
        references = [f"回单{number}" for number in range(first, first + count)]
        incomes = [
            booking.Income(FISCAL, "subsidy", 1_00, reference=reference, received_at=NOW)
            for reference in references
        ]
        self.transactions.transaction(lambda work: booking.book_incomes(work, incomes, by=MAKER, now=NOW))
        return [booking.income_key(FISCAL, "subsidy", reference) for reference in references]

    def _months(self, count: int) -> list[Month]:
        """Open months."""
        first = self.played["close"]
        return [Month(2027, 1).plus(number) for number in range(first, first + count)]

    def _purses(self, count: int) -> list[AccountRef]:
        """Accounts with 1 yuan each."""
        first = self.played["spend"]
        purses = [
            AccountRef(CITY, FUND, AccountType.COUNTY_EXPENDITURE, f"{number:06d}")
            for number in range(first, first + count)
        ]
        self.transactions.transaction(
            lambda work: [
                booking.open_balances(work, [(purse, 100)], by=MAKER, event_at=NOW, now=NOW)
                for purse in purses
            ]
        )
        return purses

    def _race(self, act: Callable[[int], object], among: Sequence[int] = WORKERS) -> list[object]:
        """Let two or more workers start together; their results, an error as its code."""
        workers = self.random.choice(among)
        self.workers += workers
        start = Barrier(workers)

        def run(number: int) -> object:
            start.wait()
            try:
                return act(number)
            except FundpoolError as error:
                return error.code

        return list(self.pool.map(run, range(workers)))

    def _note(self, kind: str, won: bool, outcomes: Sequence[object]) -> None:
        self.played[kind] += 1
        if not won:
            self.faults.append(f"{kind} {self.played[kind]}: {outcomes}")


def main() -> int:
    """Play what the command line asks for; print the figures. Exit status 1 when a race had not one winner."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.money_races", description=__doc__)
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--postgresql", nargs="?", const="", help="a server's URL; starts one if not given")
    options = parser.parse_args()
    faults = 0
    with databases(options.postgresql) as fresh:
        left = options.races
        started = time.monotonic()
        while left > 0:
            races = play(fresh(), min(left, ROUND), options.seed + left)
            left -= races.played.total()
            faults += len(races.faults)
            progress = (
                f"{options.races - left} races {dict(races.played)} in {time.monotonic() - started:.0f} s"
            )
            sys.stdout.write(
                f"{progress}, {races.workers} workers in this round, {faults} without one winner\n"
            )
            sys.stdout.writelines(f"seed {options.seed}: {fault}\n" for fault in races.faults)
            sys.stdout.flush()
    return 1 if faults else 0


def play(database: Database, races: int, seed: int) -> Races:
    """Races on an empty, migrated database, which is closed afterwards."""
    played = Races(SqlTransactions(database, SEALS), seed)
    with played.pool:
        played.run(races)
    database.dispose()
    return played


@contextmanager
def databases(postgresql: str | None) -> Iterator[Callable[[], Database]]:
    """Makes migrated databases, one after the other."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder, server(postgresql) as url:
        made = 0

        def fresh() -> Database:
            nonlocal made
            made += 1
            name = f"races_{made}"
            if url is None:
                database = Database(f"sqlite:///{folder}/{name}.db")
            else:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name}")
                database = Database(make_url(url).set(database=name).render_as_string(hide_password=False))
            migrations.upgrade(database)
            return database

        yield fresh


if __name__ == "__main__":
    sys.exit(main())
