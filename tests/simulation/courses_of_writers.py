"""Courses in which somebody changes several rows of the database together, or puts rows back."""

from collections.abc import Callable
from contextlib import suppress
from random import Random

from fundpool.domain.errors import FundpoolError
from fundpool.domain.transfer import GatewayTerms
from fundpool.services.payments import kill_switches, payment_decisions
from fundpool.services.ports import failpoints
from fundpool.services.ports.work import Transactions
from tests.simulation.bank import LenientBook
from tests.simulation.budget import AnnualBudget
from tests.simulation.courses import Killed, by_people
from tests.simulation.courses_of_wrongs import days_pass
from tests.simulation.memory import MemoryTransactions
from tests.simulation.scene import CHECKER, CITY, COUNTIES, FUND, NEXT_MONTH, Scene
from tests.simulation.writer import Changed, Writer


def two_counties(terms: GatewayTerms, books: Transactions | None = None) -> Scene:
    """Two counties' payments, released."""
    made = Scene(books or MemoryTransactions(), terms=terms, counties=COUNTIES[:2], book=LenientBook)
    made.release()
    return made


def _row_of_account(writer: Writer, unit: str) -> int:
    found = writer.books.rows("bank_account").values()
    return next(each["id"] for each in found if each["unit"] == unit)


def _prepared(it: Scene) -> None:
    """The worker dies between storing the first order and claiming it."""

    def die(name: str) -> None:
        if name == "after commit":
            raise Killed

    failpoints.install(die)
    with suppress(Killed):
        it.send()
    failpoints.install(None)


def _sent(it: Scene) -> None:
    """Everybody tries to send; what the product refuses is not sent."""
    with suppress(FundpoolError):
        it.send()


def amount_rewritten_everywhere(it: Scene, writer: Writer) -> None:
    """Payment, prepared order, total of the batch and approved digest all say another amount."""
    _prepared(it)
    writer.write("payment, order and digest", 1)
    _sent(it)


def account_rewritten_everywhere(it: Scene, writer: Writer) -> None:
    """Register, prepared order and approved digest all name a stranger."""
    _prepared(it)
    writer.write("account, order and digest", _row_of_account(writer, COUNTIES[0]))
    _sent(it)


def seal_taken_from_another_account(it: Scene, writer: Writer) -> None:
    """A stranger's account with the seal of an account that people approved."""
    writer.write("account, order and digest", _row_of_account(writer, COUNTIES[0]))
    rows = writer.books.rows("bank_account")
    key, other = ((_row_of_account(writer, each),) for each in COUNTIES[:2])
    writer.put({("bank_account", key): {**rows[key], "seal": rows[other]["seal"]}})
    _sent(it)


def accounts_change_places(it: Scene, writer: Writer) -> None:
    """Each county's account, whole and sealed, under the row number that the other's payment names."""
    rows = writer.books.rows("bank_account")
    first, second = (_row_of_account(writer, each) for each in COUNTIES[:2])
    changed: Changed = {
        ("bank_account", (first,)): {**rows[second,], "id": first},
        ("bank_account", (second,)): {**rows[first,], "id": second},
    }
    writer.put(changed)
    _sent(it)


def budget_raised(it: Scene, writer: Writer) -> None:
    """The budget's row says ten times as much; another month is ordered on it."""
    budget = AnnualBudget(it, trusts_books=False)
    budget.keep()
    for county in it.counties:
        budget.decide(county, budget.owed_fen(county))
    it.clock.advance(hours=1)
    it.send()
    for key, row in writer.books.rows("budgets").items():
        writer.put({("budgets", key): {**row, "amount_fen": row["amount_fen"] * 10}})
    with suppress(FundpoolError):
        it.release(month=NEXT_MONTH)
    _sent(it)


def paid_and_put_back(it: Scene, writer: Writer) -> None:
    """What was paid stands as released once more, as if nothing had been sent, and is sent again."""
    writer.copy()
    it.send()
    writer.put_back("payments", "ledger", with_seals=True)
    it.clock.advance(hours=1)
    _sent(it)


def paid_and_put_back_after_the_statements(it: Scene, writer: Writer) -> None:
    """The same later than the bank remembers the key; the statements of those days were read."""
    writer.copy()
    it.send()
    days_pass(it, 9)
    writer.put_back("payments", "ledger", with_seals=True)
    _sent(it)


# What rests on rows that are earlier ones, or gone: every seal is good, but not the latest.


def prepared_put_back(it: Scene, writer: Writer, *, with_seals: bool = False) -> None:
    """A paid order stands as prepared and never sent, later than it may be resent: it would lapse, and be made anew."""
    _prepared(it)
    writer.copy()
    it.send()
    days_pass(it, 6)
    writer.put_back("payments", "ledger", with_seals=with_seals)
    for _ in range(2):
        _sent(it)


def statements_put_back_with_the_payment(it: Scene, writer: Writer, *, with_seals: bool = False) -> None:
    """As if nothing had been sent or read, later than the bank remembers the key."""
    writer.copy()
    it.send()
    days_pass(it, 9)
    writer.put_back("payments", "ledger", "statements", with_seals=with_seals)
    _sent(it)


def budget_put_back(it: Scene, writer: Writer, *, with_seals: bool = False) -> None:
    """The budget that people lowered stands as before; another month is ordered on it."""
    budget = AnnualBudget(it, trusts_books=False)
    budget.keep()
    writer.copy()
    for county in it.counties:
        budget.decide(county, budget.owed_fen(county))
    it.clock.advance(hours=1)
    it.send()
    writer.put_back("budgets", with_seals=with_seals)
    with suppress(FundpoolError):
        it.release(month=NEXT_MONTH)
    _sent(it)


def withdrawn_put_back(it: Scene, writer: Writer, *, with_seals: bool = False) -> None:
    """What people withdrew stands as released once more."""
    writer.copy()
    by_people(it, payment_decisions.cancel)
    writer.put_back("payments", with_seals=with_seals)
    _sent(it)
    it.ordered.clear()  # nobody wants it paid any more


def stop_deleted(it: Scene, writer: Writer, *, with_seals: bool = False) -> None:
    """The row of a fund that people stopped is not there any more."""
    writer.copy()
    it.ports.database.transaction(
        lambda work: kill_switches.stop_fund(work, CITY, FUND, reason="查", by=CHECKER, now=it.clock())
    )
    writer.put({("kill_switch", (CITY, FUND)): None})
    if with_seals:
        writer.put_back("switches", with_seals=True)
    _sent(it)
    it.ordered.clear()  # nothing may be paid


def _with_seals(course: Callable[..., None]) -> Callable[[Scene, Writer], None]:
    """The same by somebody who puts the rows' latest seals back together with them."""

    def both(it: Scene, writer: Writer) -> None:
        course(it, writer, with_seals=True)

    both.__name__ = f"{course.__name__}_with_its_seals"
    return both


COURSES_OF_WRITERS: tuple[tuple[Callable[[Scene, Writer], None], str], ...] = (
    (amount_rewritten_everywhere, "seals_not_checked"),
    (account_rewritten_everywhere, "seals_not_checked"),
    (seal_taken_from_another_account, "any_seal_holds"),
    (accounts_change_places, "digest_not_compared_at_claim"),
    (budget_raised, "budget_seal_not_checked"),
    (paid_and_put_back, "random_keys"),
    (paid_and_put_back_after_the_statements, "statement_not_looked_at_before_sending"),
    (prepared_put_back, "put_back_believed"),
    (_with_seals(prepared_put_back), "never_sent_believed"),
    (statements_put_back_with_the_payment, "latest_seals_not_compared"),
    (budget_put_back, "latest_seals_not_compared"),
    (withdrawn_put_back, "latest_seals_not_compared"),
    (stop_deleted, "latest_seals_not_compared"),
)
"""Each with the broken variant that it catches."""


def writer_of(it: Scene) -> Writer:
    return Writer(it.ports.database, Random(1))  # type: ignore[arg-type]


NOT_REFUSED: tuple[Callable[[Scene, Writer], None], ...] = tuple(
    _with_seals(course)
    for course in (
        statements_put_back_with_the_payment,
        budget_put_back,
        withdrawn_put_back,
        stop_deleted,
    )
)
"""Money moves again, above a limit or against what people decided; ``audit verify`` alone finds it."""
