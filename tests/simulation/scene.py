"""One small city with money in the bank: the scene that the money tests play on."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import GatewayTerms, Hop, Obligation, PaymentOrder
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.books import booking
from fundpool.services.payments import bank_accounts, batches, resolving, sending, transfer_views
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Ports, Transactions, Work
from schemas.payment_messages import Direction, StatementLine
from tests.scripted_bank import ScriptedGateway
from tests.simulation.bank import SPARE, STRANGER, STRANGER_NAME, CountedPlan, account_no

CITY, FUND, CITY_UNIT = "taizhou", "employee", "331000"
COUNTIES = ("331002", "331003", "331004")
MONTH = Month(2026, 10)
NEXT_MONTH = MONTH.plus(1)
NOW = datetime(2026, 10, 8, 9, 0, tzinfo=SHANGHAI)
DIRECT = Hop(AccountType.FISCAL_ACCOUNT, AccountType.COUNTY_EXPENDITURE)
LOCAL = Hop(AccountType.CITY_EXPENDITURE, AccountType.COUNTY_EXPENDITURE)
"""Paid from the city's other account."""
FISCAL = AccountRef(CITY, FUND, AccountType.FISCAL_ACCOUNT, CITY_UNIT)
OPENING_FEN = 100_000_00
MAKER, CHECKER, RELEASER = "经办甲", "复核乙", "财务丙"
PATIENT = GatewayTerms()


class Clock:
    """Business time that moves only when ``advance`` is called."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Scene:
    """A city, its registered accounts, its bank and the ports between them."""

    def __init__(
        self,
        transactions: Transactions,
        *,
        terms: GatewayTerms = PATIENT,
        opening_fen: int = OPENING_FEN,
        counties: tuple[str, ...] = COUNTIES,
        book: type[BankBook] = BankBook,
        gateway: Callable[[BankBook, CountedPlan], Any] = ScriptedGateway,
        prepared: bool = False,
        hops: tuple[Hop, ...] = (DIRECT,),
    ) -> None:
        """``prepared``: the stores hold the registered accounts and the opening balance already."""
        self.clock = Clock()
        self.counties = counties
        self.hops = hops
        self.months: list[Month] = []
        """Of which people have ordered payments."""
        self.ordered: dict[str, PaymentOrder] = {}
        """What people have ordered and approved, by payment; kept where nobody can change it."""
        self.overspent: list[str] = []
        """What was sent, or decided, against the annual budget (see ``budget.AnnualBudget``)."""
        self.book = book(key_retention=terms.key_retention)
        self.plan = CountedPlan()
        self.book.open_account(account_no("fiscal_account", CITY_UNIT), "市财政专户", opening_fen)
        self.book.open_account(SPARE, "市支出户", opening_fen)
        self.book.open_account(STRANGER, STRANGER_NAME, 0)
        for county in counties:
            self.book.open_account(account_no("county_expenditure", county), county_name(county), 0)
        self.gateway = gateway(self.book, self.plan)
        self.ports = Ports(database=transactions, gateway=self.gateway, gateway_terms=terms)
        if not prepared:
            transactions.transaction(lambda work: self._register(work, opening_fen))

    def _register(self, work: Work, opening_fen: int) -> None:
        units = [("fiscal_account", CITY_UNIT, "市财政专户")]
        if any(hop.from_type is AccountType.CITY_EXPENDITURE for hop in self.hops):
            units.append(("city_expenditure", CITY_UNIT, "市支出户"))
        units += [("county_expenditure", county, county_name(county)) for county in self.counties]
        for account_type, unit, name in units:
            proposal = AccountProposal(
                CITY, FUND, unit, AccountType(account_type), account_no(account_type, unit), name, "农业银行"
            )
            account = bank_accounts.propose_account(work, proposal, MAKER, now=NOW - timedelta(days=30))
            bank_accounts.approve_account(work, account.id, CHECKER, now=NOW - timedelta(days=29))
        if opening_fen:
            for hop in self.hops:
                opening = [(payer_of(hop), opening_fen)]
                booking.open_balances(work, opening, by=MAKER, event_at=NOW - timedelta(days=30), now=NOW)

    def orders(self, amount_fen: int = 1_000_00, **changes: object) -> list[PaymentOrder]:
        """One order per county, each of ``amount_fen`` plus one fen per place in the register."""
        return [
            PaymentOrder(
                **{
                    "city": CITY,
                    "fund": FUND,
                    "month": MONTH,
                    "hop": DIRECT,
                    "payer_unit": CITY_UNIT,
                    "unit": county,
                    "amount_fen": amount_fen + place,
                    **changes,
                }
            )
            for place, county in enumerate(self.counties)
        ]

    def release(self, amount_fen: int = 1_000_00, month: Month = MONTH) -> None:
        """Order, approve and release one payment per county and hop."""
        self.order_and_release(
            [each for hop in self.hops for each in self.orders(amount_fen, month=month, hop=hop)]
        )

    def order_and_release(self, orders: list[PaymentOrder]) -> None:
        """Order these payments, approve and release them."""

        def act(work: Work) -> None:
            batches.order_transfers(work, orders, MAKER, now=self.clock())
            for month, hop in {(each.month, each.hop): None for each in orders}:
                batches.authorise(
                    work, CITY, month, hop=hop, checker=CHECKER, releaser=RELEASER, now=self.clock()
                )

        self.remember(orders)
        self.ports.database.transaction(act)

    def remember(self, orders: Iterable[PaymentOrder]) -> None:
        """Note down what people want paid, whether or not the books take it in at once."""
        for order in orders:
            self.ordered[order.key] = order
            if order.month not in self.months:
                self.months.append(order.month)

    def send(
        self, worker: str = "w1", units: tuple[str, ...] | None = None
    ) -> tuple[transfer_views.TransferOutcome, ...]:
        """Send what is released."""
        return tuple(
            outcome
            for month in self.months or [MONTH]
            for hop in self.hops
            for outcome in sending.send_batch(
                self.ports,
                CITY,
                month,
                hop=hop,
                worker=worker,
                now=self.clock(),
                units=units,
                clock=self.clock,
            )
        )

    def resolve(self) -> None:
        """Let the reconciler ask about everything that is due."""
        resolving.resolve(self.ports, self.clock(), clock=self.clock)

    def order_again(self, work: Work, obligation_id: int) -> Obligation:
        """Order once more what came back or was withdrawn, and let it out at once."""
        now = self.clock()
        again = batches.order_again(work, obligation_id, by=MAKER, reason="重付", now=now)
        digest = batches.digest_of(work, work.payments.batch(again.batch_id))
        batches.approve_batch(work, again.batch_id, digest, checker=CHECKER, now=now)
        batches.release_batch(work, again.batch_id, RELEASER, now=now)
        return again

    def lines(self, keys: frozenset[str] | None = None, account: str | None = None) -> list[StatementLine]:
        """What the bank did on an account of ours (the fiscal one unless named) under the keys, or any."""
        account = account or account_no("fiscal_account", CITY_UNIT)
        return [
            each
            for each in self.book.lines
            if each.account == account and (each.key in keys if keys is not None else each.key is not None)
        ]

    def moves(self) -> list[int]:
        """What the fiscal account's own bank did: 1 each time money left, -1 each time it came back."""
        return [1 if each.direction is Direction.DEBIT else -1 for each in self.lines()]

    def executed_fen(self) -> int:
        """What the bank paid out, by its own book."""
        return sum(each.amount_fen for each in self.book.executions)

    def states(self) -> list[str]:
        """State of every obligation, in order of unit."""
        found = self.ports.database.read(lambda work: work.payments.obligations(city=CITY))
        return [each.state.value for each in found]


def paid_fen(lines: Iterable[StatementLine]) -> list[int]:
    """What has left the account after each of its lines, less what has come back."""
    signed = (each.amount_fen if each.direction is Direction.DEBIT else -each.amount_fen for each in lines)
    return list(accumulate(signed, initial=0))


def payer_of(hop: Hop) -> AccountRef:
    """The account of the books that the hop is paid from."""
    return AccountRef(CITY, FUND, hop.from_type, CITY_UNIT)


def county_name(county: str) -> str:
    return f"{county}医疗保障局支出户"


__all__ = ["UTC", "Clock", "Scene", "account_no", "county_name"]
