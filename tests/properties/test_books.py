"""The books under random use: whatever people do, they balance, and what is refused changes nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.ledger import Phase, Posting, trial_balance
from fundpool.domain.periods import Month
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import add_up, verify
from fundpool.services.ports.work import Work
from tests.properties import ASKED, examples
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import NOW

FUNDS = ("employee", "resident")
COUNTIES = ("331002", "331003")
amounts = st.integers(min_value=1, max_value=500)


def fiscal(fund: str) -> AccountRef:
    return AccountRef("taizhou", fund, AccountType.FISCAL_ACCOUNT, "331000")


def county(fund: str, unit: str) -> AccountRef:
    return AccountRef("taizhou", fund, AccountType.COUNTY_EXPENDITURE, unit)


class BooksMachine(RuleBasedStateMachine):
    """People book, pay, reverse and close; a plain dictionary keeps what the balances must be."""

    @initialize()
    def open(self) -> None:
        self.transactions = MemoryTransactions()
        self.expected: dict[AccountRef, int] = {}
        self.number = 0
        self.reserves: list[Posting] = []
        self.moved: list[str] = []
        self.reversed: set[str] = set()
        self.closed_digest: dict[tuple[str, Month], object] = {}
        self.now = NOW
        self.acts: list[Callable[[MemoryTransactions], object]] = []

    def carry_out(self, act: Callable[[Work], object]) -> None:
        """One act on the books, and again on fresh ones at the end."""
        self.transactions.transaction(act)
        self.acts.append(lambda fresh: fresh.transaction(act))

    def book(self, *postings: Posting) -> bool:
        """Book, and say whether it was accepted; a refusal must leave the state untouched."""
        before, now = self.transactions.state, self.now
        try:
            self.carry_out(lambda work: booking.post(work, postings, by="甲", now=now))
        except RuleViolation:
            assert self.transactions.state is before
            return False
        for entry in postings:
            if entry.phase in {Phase.DIRECT, Phase.POST}:
                self.expected[entry.debit] = self.expected.get(entry.debit, 0) + entry.amount_fen
                self.expected[entry.credit] = self.expected.get(entry.credit, 0) - entry.amount_fen
                self.moved.append(entry.key)
        return True

    def key(self) -> str:
        self.number += 1
        return f"k{self.number}"

    @rule(fund=st.sampled_from(FUNDS), amount_fen=amounts)
    def income(self, fund: str, amount_fen: int) -> None:
        source = AccountRef("taizhou", fund, AccountType.FUND_INCOME, "331000", "contribution")
        assert self.book(
            Posting(self.key(), fiscal(fund), source, amount_fen, Flow.INCOME, Phase.DIRECT, self.now)
        )

    @rule(fund=st.sampled_from(FUNDS), unit=st.sampled_from(COUNTIES), amount_fen=amounts)
    def reserve(self, fund: str, unit: str, amount_fen: int) -> None:
        entry = Posting(
            self.key(), county(fund, unit), fiscal(fund), amount_fen, Flow.PAY_DIRECT, Phase.RESERVE, self.now
        )
        reserved = sum(each.amount_fen for each in self.reserves if each.credit == fiscal(fund))
        enough = self.expected.get(fiscal(fund), 0) - reserved >= amount_fen
        assert self.book(entry) is enough
        if enough:
            self.reserves.append(entry)

    @rule(data=st.data(), confirm=st.booleans())
    def resolve(self, data: st.DataObject, *, confirm: bool) -> None:
        if not self.reserves:
            return
        entry = self.reserves.pop(data.draw(st.integers(0, len(self.reserves) - 1)))
        phase = Phase.POST if confirm else Phase.VOID
        resolution = Posting(
            f"{entry.key}/{phase}",
            entry.debit,
            entry.credit,
            entry.amount_fen,
            entry.flow,
            phase,
            self.now,
            resolves=entry.key,
        )
        assert self.book(resolution)
        other = Phase.VOID if confirm else Phase.POST
        again = Posting(
            f"{entry.key}/{other}",
            entry.debit,
            entry.credit,
            entry.amount_fen,
            entry.flow,
            other,
            self.now,
            resolves=entry.key,
        )
        assert not self.book(again)

    @rule(fund=st.sampled_from(FUNDS), unit=st.sampled_from(COUNTIES), amount_fen=amounts)
    def spend(self, fund: str, unit: str, amount_fen: int) -> None:
        item = AccountRef("taizhou", fund, AccountType.FUND_EXPENDITURE, unit, "inpatient")
        entry = Posting(self.key(), item, county(fund, unit), amount_fen, Flow.SPEND, Phase.DIRECT, self.now)
        enough = self.expected.get(county(fund, unit), 0) >= amount_fen
        assert self.book(entry) is enough

    @rule(amount_fen=amounts)
    def mix_funds(self, amount_fen: int) -> None:
        entry = Posting(
            self.key(),
            county("resident", COUNTIES[0]),
            fiscal("employee"),
            amount_fen,
            Flow.PAY_DIRECT,
            Phase.DIRECT,
            self.now,
        )
        assert not self.book(entry)

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        if not self.moved:
            return
        key = data.draw(st.sampled_from(self.moved))
        original = self.transactions.read(lambda work: work.ledger.existing([key])[key])
        before, now = self.transactions.state, self.now
        try:
            self.carry_out(
                lambda work: booking.reverse(work, key, reason="误记", by="甲", event_at=now, now=now)
            )
        except RuleViolation:
            assert self.transactions.state is before
            return
        assert key not in self.reversed
        self.reversed.add(key)
        self.expected[original.debit] -= original.amount_fen
        self.expected[original.credit] += original.amount_fen

    @rule(days=st.integers(1, 40))
    def pass_time(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(fund=st.sampled_from(FUNDS), back=st.integers(0, 2))
    def close_month(self, fund: str, back: int) -> None:
        month = Month.of(self.now.date()).plus(-back)
        now = self.now
        self.carry_out(lambda work: booking.close_month(work, "taizhou", fund, month=month, by="甲", now=now))
        self.closed_digest.setdefault((fund, month), self.of_month(fund, month))

    def of_month(self, fund: str, month: Month) -> object:
        return [
            each.posting.key
            for each in self.transactions.state.postings.values()
            if each.month == month and each.posting.debit.fund == fund
        ]

    @invariant()
    def balances_are_what_they_must_be(self) -> None:
        held = self.transactions.read(booking.balances)
        assert {each.ref: each.posted_fen for each in held if each.posted_fen} == {
            ref: amount_fen for ref, amount_fen in self.expected.items() if amount_fen
        }
        assert all(debit_fen == credit_fen for debit_fen, credit_fen in trial_balance(held).values())
        assert all(each.available_fen >= 0 for each in held if each.ref.is_cash)

    @invariant()
    def a_closed_month_never_changes(self) -> None:
        for (fund, month), digest in self.closed_digest.items():
            assert self.of_month(fund, month) == digest

    def teardown(self) -> None:
        if hasattr(self, "transactions"):
            assert self.transactions.read(verify) == []
            summed = add_up(each.posting for each in self.transactions.state.postings.values())
            assert all(self.expected.get(ref, 0) == held.posted_fen for ref, held in summed.items())
            assert self.heads(self.played_again()) == self.heads(self.transactions)

    def played_again(self) -> MemoryTransactions:
        """Fresh books on which everything that was accepted is done once more."""
        fresh = MemoryTransactions()
        for act in self.acts:
            act(fresh)
        return fresh

    @staticmethod
    def heads(transactions: MemoryTransactions) -> object:
        """The head of each fund's chain over every posting, and what each closed month was sealed with."""
        state = transactions.state
        return {key: chain[-1].hash for key, chain in state.vouchers.items()}, state.locks


BooksMachine.TestCase.settings = settings(
    max_examples=examples(60),
    stateful_step_count=100 if ASKED else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBooks = pytest.mark.filterwarnings("default")(BooksMachine.TestCase)
