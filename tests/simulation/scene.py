"""One small city with money in the bank: the scene that the money tests play on."""

from datetime import UTC, datetime, timedelta

from fundpool.adapters.gateways.bank_book import BankBook
from fundpool.adapters.gateways.scripted import ScriptedGateway
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import GatewayTerms, Hop, Obligation, PaymentOrder
from fundpool.services import bank_accounts, books, payments, resolving, sending, transfer_views
from fundpool.services.money_ports import AccountProposal
from fundpool.services.ports import Ports, Transactions, Work
from schemas.payment_messages import Direction
from tests.simulation.bank import CountedPlan

CITY, FUND, CITY_UNIT = "taizhou", "employee", "331000"
COUNTIES = ("331002", "331003", "331004")
MONTH = Month(2026, 10)
NOW = datetime(2026, 10, 8, 9, 0, tzinfo=SHANGHAI)
DIRECT = Hop(AccountType.FISCAL_ACCOUNT, AccountType.COUNTY_EXPENDITURE)
FISCAL = AccountRef(CITY, FUND, AccountType.FISCAL_ACCOUNT, CITY_UNIT)
OPENING_FEN = 100_000_00
MAKER, CHECKER, RELEASER = "经办甲", "复核乙", "财务丙"
PATIENT = GatewayTerms()


class Clock:
    """Business time that moves only when told to."""

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
        gateway: type[ScriptedGateway] = ScriptedGateway,
        prepared: bool = False,
    ) -> None:
        """``prepared``: the stores hold the registered accounts and the opening balance already."""
        self.clock = Clock()
        self.counties = counties
        self.book = book(key_retention=terms.key_retention)
        self.plan = CountedPlan()
        self.book.open_account(account_no("fiscal_account", CITY_UNIT), "市财政专户", opening_fen)
        for county in counties:
            self.book.open_account(account_no("county_expenditure", county), county_name(county), 0)
        self.gateway = gateway(self.book, self.plan)
        self.ports = Ports(database=transactions, gateway=self.gateway, gateway_terms=terms)
        if not prepared:
            transactions.transaction(lambda work: self._register(work, opening_fen))

    def _register(self, work: Work, opening_fen: int) -> None:
        units = [("fiscal_account", CITY_UNIT, "市财政专户")]
        units += [("county_expenditure", county, county_name(county)) for county in self.counties]
        for account_type, unit, name in units:
            proposal = AccountProposal(
                CITY, FUND, unit, AccountType(account_type), account_no(account_type, unit), name, "农业银行"
            )
            account = bank_accounts.propose_account(work, proposal, MAKER, NOW - timedelta(days=30))
            bank_accounts.approve_account(work, account.id, CHECKER, NOW - timedelta(days=29))
        if opening_fen:
            books.open_balance(
                work, FISCAL, opening_fen, by=MAKER, event_at=NOW - timedelta(days=30), now=NOW
            )

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

    def release(self, amount_fen: int = 1_000_00) -> None:
        """Order, approve and release one payment per county."""

        def act(work: Work) -> None:
            payments.order_transfers(work, self.orders(amount_fen), MAKER, self.clock())
            payments.authorise(
                work, CITY, MONTH, DIRECT, checker=CHECKER, releaser=RELEASER, now=self.clock()
            )

        self.ports.database.transaction(act)

    def send(
        self, worker: str = "w1", units: tuple[str, ...] | None = None
    ) -> tuple[transfer_views.TransferOutcome, ...]:
        """Send what is released."""
        return sending.send_batch(
            self.ports, CITY, MONTH, DIRECT, worker=worker, now=self.clock(), units=units, clock=self.clock
        )

    def resolve(self) -> None:
        """Let the reconciler ask about everything that is due."""
        resolving.resolve(self.ports, self.clock(), clock=self.clock)

    def order_again(self, work: Work, obligation_id: int) -> Obligation:
        """Order once more what came back or was withdrawn, and let it out at once."""
        now = self.clock()
        again = payments.order_again(work, obligation_id, by=MAKER, reason="重付", now=now)
        digest = payments.digest_of(work, work.transfers.batch(again.batch_id))
        payments.approve_batch(work, again.batch_id, digest, CHECKER, now)
        payments.release_batch(work, again.batch_id, RELEASER, now)
        return again

    def moves(self, keys: frozenset[str] | None = None) -> list[int]:
        """What the paying account's own bank did: 1 each time money left, -1 each time it came back."""
        account = account_no("fiscal_account", CITY_UNIT)
        lines = [each for each in self.book.lines if each.account == account]
        return [
            1 if each.direction is Direction.DEBIT else -1
            for each in lines
            if keys is None or each.key in keys
        ]

    def executed_fen(self) -> int:
        """What the bank paid out, by its own book."""
        return sum(each.amount_fen for each in self.book.executions)

    def states(self) -> list[str]:
        """State of every obligation, in order of unit."""
        found = self.ports.database.read(lambda work: work.transfers.obligations(city=CITY))
        return [each.state.value for each in found]


def account_no(account_type: str, unit: str) -> str:
    return f"62{unit}{sum(map(ord, account_type)):06d}"


def county_name(county: str) -> str:
    return f"{county}医疗保障局支出户"


__all__ = ["UTC", "Clock", "Scene", "account_no", "county_name"]
