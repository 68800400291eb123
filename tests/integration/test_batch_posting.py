"""A batch of postings does what its postings would do one by one: same books, same refusal."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.ports.work import Work

NOW = datetime(2026, 10, 20, 9, tzinfo=SHANGHAI)
CLOSED = Month(2026, 9)
_cities = count(1)

picks = st.tuples(
    st.sampled_from(["income", "pay", "reserve", "post", "void", "spend", "mixed", "illegal"]),
    st.sampled_from(["employee", "resident"]),
    st.integers(0, 2),  # which key of its kind: few, so that keys meet
    st.sampled_from([1, 60, 100]),  # fen: few, so that amounts agree and balances run out
    st.sampled_from([0, 30]),  # days before now: in the open month, or in the closed one
)


def made(city: str, pick: tuple[str, str, int, int, int]) -> Posting:
    """The posting of a pick; its key names its kind, fund and number."""
    kind, fund, number, amount_fen, days = pick
    fiscal = AccountRef(city, fund, AccountType.FISCAL_ACCOUNT, "331000")
    county = AccountRef(city, fund, AccountType.COUNTY_EXPENDITURE, "331002")
    income = AccountRef(city, fund, AccountType.FUND_INCOME, "331000", "contribution")
    spent = AccountRef(city, fund, AccountType.FUND_EXPENDITURE, "331002", "inpatient")
    pay = Posting(
        f"{city}/{fund}/{kind}/{number}",
        county,
        fiscal,
        amount_fen,
        Flow.PAY_DIRECT,
        Phase.DIRECT,
        NOW - timedelta(days=days),
    )
    reserve = f"{city}/{fund}/reserve/{number}"
    other = replace(county, fund="resident" if fund == "employee" else "employee")
    return {
        "income": replace(pay, debit=fiscal, credit=income, flow=Flow.INCOME),
        "pay": pay,
        "reserve": replace(pay, phase=Phase.RESERVE),
        "post": replace(pay, phase=Phase.POST, resolves=reserve),
        "void": replace(pay, phase=Phase.VOID, resolves=reserve),
        "spend": replace(pay, debit=spent, credit=county, flow=Flow.SPEND),
        "mixed": replace(pay, debit=other),
        "illegal": replace(pay, flow=Flow.ALLOCATE),
    }[kind]


def refusal(transactions: SqlTransactions, batches: list[list[Posting]]) -> tuple[str, str] | None:
    """Book the batches, all or none; code and text of what refused them, if anything did."""

    def act(work: Work) -> None:
        for batch in batches:
            booking.post(work, batch, by="甲", now=NOW)

    try:
        transactions.transaction(act)
    except RuleViolation as violation:
        return violation.code, violation.en
    return None


def kept(transactions: SqlTransactions, city: str) -> list[str]:
    """What the books of a city hold, whichever vouchers it came in, without the city's name."""

    def read(work: Work) -> list[object]:
        postings = [(each.posting, each.month, each.adjusts_month) for each in work.ledger.postings(city)]
        return [*postings, *work.ledger.balances(city)]

    return sorted(str(each).replace(city, "") for each in transactions.read(read))


def opened(transactions: SqlTransactions) -> str:
    """A city of its own with 100 fen in each fiscal account and a closed month."""
    city = f"city{next(_cities):06d}"

    def act(work: Work) -> None:
        for fund in ("employee", "resident"):
            account = AccountRef(city, fund, AccountType.FISCAL_ACCOUNT, "331000")
            booking.open_balances(work, [(account, 100)], by="甲", event_at=NOW, now=NOW)
            booking.close_month(work, city, fund, month=CLOSED, by="甲", now=NOW)

    transactions.transaction(act)
    return city


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.lists(picks, min_size=1, max_size=10))
def test_a_batch_does_what_its_postings_do_one_by_one(
    transactions: SqlTransactions, drawn: list[tuple[str, str, int, int, int]]
) -> None:
    at_once, singly = opened(transactions), opened(transactions)
    refused = refusal(transactions, [[made(at_once, pick) for pick in drawn]])
    refused_singly = refusal(transactions, [[made(singly, pick)] for pick in drawn])
    assert (refused and refused[1].replace(at_once, singly)) == (refused_singly and refused_singly[1])
    assert kept(transactions, at_once) == kept(transactions, singly)


def test_the_books_of_batches_are_sound(transactions: SqlTransactions) -> None:
    city = opened(transactions)
    incomes = [made(city, ("income", "employee", number, 100, 30)) for number in range(300)]
    pays = [made(city, ("pay", "employee", number, 60, 0)) for number in range(300)]
    assert refusal(transactions, [[*incomes, *pays], [*pays, *incomes]]) is None
    assert transactions.read(verify) == []
    held = transactions.read(lambda work: booking.balances(work, city, "employee"))
    assert {each.ref.type: each.posted_fen for each in held}[AccountType.FISCAL_ACCOUNT] == 100 + 300 * 40
