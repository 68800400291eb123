"""Courses in which the bank does wrong, a budget moves, or somebody writes into the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import partial
from random import Random

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import GatewayTerms, Hop
from fundpool.services.payments import statements
from fundpool.services.ports import failpoints
from fundpool.services.ports.work import Transactions
from tests.simulation.bank import LenientBook
from tests.simulation.budget import AnnualBudget
from tests.simulation.by_file import ByFile
from tests.simulation.courses import NO_FENCE, Killed, carry_on
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import CITY, CITY_UNIT, COUNTIES, DIRECT, LOCAL, OPENING_FEN, Scene
from tests.simulation.writer import Writer

FIRST_HOP = Hop(AccountType.FISCAL_ACCOUNT, AccountType.CITY_EXPENDITURE)


def two_accounts(terms: GatewayTerms, books: Transactions | None = None) -> Scene:
    """One county that is paid from two accounts of the city, each payment released."""
    made = Scene(
        books or MemoryTransactions(),
        terms=terms,
        counties=COUNTIES[:1],
        book=LenientBook,
        hops=(DIRECT, LOCAL),
    )
    made.release()
    return made


def two_hops(terms: GatewayTerms, books: Transactions | None = None) -> Scene:
    """The city's account gets a payment and pays all it has to a county; each is released."""
    made = Scene(
        books or MemoryTransactions(),
        terms=terms,
        counties=COUNTIES[:1],
        book=LenientBook,
        hops=(FIRST_HOP, LOCAL),
    )
    (to_city,) = made.orders(hop=FIRST_HOP)
    (to_county,) = made.orders(hop=LOCAL, amount_fen=OPENING_FEN + to_city.amount_fen)
    made.order_and_release([replace(to_city, unit=CITY_UNIT), to_county])
    return made


def two_counties_by_file(_terms: GatewayTerms, books: Transactions | None = None) -> Scene:
    """Two counties' payments, released, at a bank that is reached by files."""
    made = Scene(
        books or MemoryTransactions(), terms=NO_FENCE, counties=COUNTIES[:2], book=LenientBook, gateway=ByFile
    )
    made.release()
    return made


def days_pass(it: Scene, days: int) -> None:
    """Each morning the statements of the past days are fetched as the daily work does."""
    first = it.clock().date()
    for number in range(1, days + 1):
        it.clock.now = datetime.combine(first + timedelta(days=number), time(9), SHANGHAI)
        it.book.advance(it.clock())
        statements.catch_up(it.ports, CITY, it.clock())


def paid_wrongly(it: Scene, fault: str, days: int = 8) -> None:
    """The first order meets the fault; everybody looks at statements for some days."""
    it.plan.add(fault)
    it.send()
    days_pass(it, days)


def credited_though_lost(it: Scene) -> None:
    """The order never arrives, and money comes in under its key."""
    it.plan.add("credited_without_a_payment")
    it.send()
    days_pass(it, 3)


def line_of_an_old_day(it: Scene) -> None:
    """The second debit is booked on a day whose statement was final, and read, before."""
    paid_wrongly(it, "executed_again_in_the_past", days=10)


def first_hop_comes_back(it: Scene) -> None:
    """The city's account has passed on what it got before that is sent back."""
    it.plan.add("success_then_returned")
    it.send()
    days_pass(it, 4)


def budget_lowered_before_sending(it: Scene) -> None:
    """Approved and released within the budget, which is lowered before anything is prepared."""
    budget = AnnualBudget(it)
    budget.keep()
    it.clock.advance(hours=1)
    budget.decide(COUNTIES[0], 1)
    it.clock.advance(hours=1)
    it.send()


def budget_lowered_after_sending(it: Scene) -> None:
    """People lower the budget below what was paid."""
    budget = AnnualBudget(it)
    budget.keep()
    it.send()
    budget.decide(COUNTIES[0], 1)


def writer_of(it: Scene) -> Writer:
    return Writer(it.ports.database, Random(1))  # type: ignore[arg-type]


def account_and_digest_rewritten(it: Scene) -> None:
    """Another payee in the register, and an approval that fits it."""
    county = next(
        each.id
        for each in it.ports.database.read(lambda work: work.accounts.find(CITY))
        if each.unit == COUNTIES[0]
    )
    writer = writer_of(it)
    writer.write("number and name of the account", county)
    writer.write("digest of the batch", 1)
    it.send()


def order_rewritten_before_it_is_claimed(it: Scene) -> None:
    """A worker dies with an order prepared; somebody puts another payee into its bytes."""
    commits: list[str] = []

    def die(name: str) -> None:
        commits.extend([name] if name == "after commit" else [])
        if commits:
            raise Killed

    failpoints.install(die)
    try:
        it.send()
    except Killed:
        pass
    finally:
        failpoints.install(None)
    writer_of(it).write("payee in the order", 1)
    it.send()


def part_and_rest_come_back(it: Scene) -> None:
    """What came back in two parts is back as a whole, and may be ordered again."""
    paid_wrongly(it, "returned_in_two_parts")
    it.ports.database.transaction(lambda work: it.order_again(work, 1))
    it.send()


def status_contradicted(it: Scene) -> None:
    """Accepted and refused within one second, whichever file the folder lists first."""
    it.plan.add("status_contradicted_before")
    it.plan.add("status_contradicted_after")
    it.send()
    carry_on(it)
    days_pass(it, 3)


COURSES_OF_WRONGS: dict[str, Callable[[Scene], None]] = {
    "part_returned_is_whole": partial(paid_wrongly, fault="success_then_part_returned"),
    "return_believed_without_debit": credited_though_lost,
    "excess_return_believed": partial(paid_wrongly, fault="returned_with_a_fen_too_much"),
    "account_not_matched": partial(paid_wrongly, fault="debited_from_another_account"),
    "payee_not_matched": partial(paid_wrongly, fault="paid_to_another_account"),
    "late_statement_not_read": line_of_an_old_day,
    "status_order_decides": status_contradicted,
    "budget_checked_at_review_only": budget_lowered_before_sending,
    "budget_lowered_below_paid": budget_lowered_after_sending,
    "seal_not_checked_at_claim": account_and_digest_rewritten,
    "request_not_rebuilt_at_claim": order_rewritten_before_it_is_claimed,
    "deficit_not_reported": first_hop_comes_back,
}
"""Which course catches which variant."""

SCENES: dict[str, Callable[[GatewayTerms, Transactions | None], Scene]] = {
    "status_order_decides": two_counties_by_file,
    "account_not_matched": two_accounts,
    "deficit_not_reported": two_hops,
}
"""Where a course needs more than one county's payment over HTTP."""
