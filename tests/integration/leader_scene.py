"""Suizhou's March 2026 with what a leader asks about: late duties, seven closed months, two final accounts of 2025."""

from pathlib import Path

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.ledger import Phase, Posting
from fundpool.domain.periods import Month, Year, midnight
from fundpool.services.books import booking
from fundpool.services.ports.judging import Register
from fundpool.services.ports.work import Work
from tests.integration.month_scene import CityScene, at

MARCH = Month(2026, 3)
FIRST, SECOND, THIRD = "421303", "421321", "421381"
LAST_CLOSED = Month(2026, 9)
INCOME_FEN, SPENDING_FEN = 500_000_00, 1_000_000_00
"""Of each closed month and scheme: the fund loses half a million yuan a month."""


def play_leader_city(transactions: SqlTransactions, folder: Path) -> CityScene:
    """The second county files its plan three days late; all is paid; the third reports nothing."""
    scene = CityScene(transactions, folder, "suizhou", MARCH, judges=False)
    for county in (FIRST, THIRD):
        scene.submit(scene.plan(county), "plan", at("2026-02-13 10:00"))
    scene.submit(scene.plan(SECOND), "plan", at("2026-02-18 10:00"))
    scene.run("plan-collection", at("2026-02-18 16:00"))
    scene.run("plan-review", at("2026-02-18 16:30"))
    scene.decide(at("2026-02-19 10:00"))
    scene.run("funds-application", at("2026-02-20 11:00"))
    scene.review_by_finance(at("2026-02-24 09:00"))
    scene.pay(at("2026-02-27 10:00"))
    for county in (FIRST, SECOND):
        scene.submit(scene.report(county), "report", at("2026-04-03 10:00"))
    scene.run("expenditure-reporting", at("2026-04-03 16:00"))
    file_final_account(scene, FIRST, income_fen=100_000_00, spending_fen=95_000_00, closing_fen=47_500_00)
    file_final_account(scene, SECOND, income_fen=100_000_00, spending_fen=96_000_00, closing_fen=40_000_00)
    scene.run("document-collection", at("2026-04-03 17:00"))
    keep_books(scene)
    return scene


def file_final_account(
    scene: CityScene, county: str, *, income_fen: int, spending_fen: int, closing_fen: int
) -> None:
    """The county's account of 2025: its benefits are all it spent."""
    name = next(unit.name_zh for unit in scene.policy.units if unit.code == county)
    rows = [
        {
            "county_code": county,
            "county_name": name,
            "fund": fund,
            "contributions_fen": income_fen,
            "income_fen": income_fen,
            "benefits_fen": spending_fen,
            "spending_fen": spending_fen,
            "surplus_fen": income_fen - spending_fen,
            "opening_fen": closing_fen - income_fen + spending_fen,
            "closing_fen": closing_fen,
            "budget_income_fen": income_fen,
            "budget_spending_fen": spending_fen,
        }
        for fund in scene.funds
    ]
    folder = scene.folder / "outbox"
    path = folder / f"final-account-{county}.xlsx"
    funds = Register.of(scene.policy.units, scene.policy.funds).funds
    write_document(path, "final-account", scene.policy.name_zh, month=Year(2025), rows=rows, funds=funds)
    scene.submit(path, "final-account", at("2026-04-03 12:00"))


def keep_books(scene: CityScene) -> None:
    """Every month from March to September brings ``INCOME_FEN`` and costs ``SPENDING_FEN``, and is closed."""
    month = MARCH

    def write(work: Work, *, month: Month) -> None:
        day = midnight(month.last_day)
        for fund in scene.funds:
            booking.post(work, _month(scene, fund, month), by="记账", now=day)
        booking.close_months(work, scene.policy.key, None, month=month, by="记账", now=at("2026-10-08 09:00"))

    while month <= LAST_CLOSED:
        scene.ports.database.transaction(lambda work, month=month: write(work, month=month))
        month = month.plus(1)


def _month(scene: CityScene, fund: str, month: Month) -> list[Posting]:
    city, code, when = scene.policy.key, scene.policy.division_code, midnight(month.last_day)
    fiscal = AccountRef(city, fund, AccountType.FISCAL_ACCOUNT, code)
    city_account = AccountRef(city, fund, AccountType.CITY_EXPENDITURE, code)
    income = AccountRef(city, fund, AccountType.FUND_INCOME, code, "contribution")
    spent = AccountRef(city, fund, AccountType.FUND_EXPENDITURE, code, "inpatient")
    already = 0
    if month == MARCH:  # the reports have booked what two counties spent
        already = sum(scene.planned_fen(county, fund) for county in (FIRST, SECOND))
    spend_fen = SPENDING_FEN - already
    moves = (
        ("income", fiscal, income, INCOME_FEN, Flow.INCOME),
        ("pay", city_account, fiscal, spend_fen, Flow.PAY_TO_CITY),
        ("spend", spent, city_account, spend_fen, Flow.SPEND),
    )
    return [
        Posting(f"{name}/{fund}/{month}", debit, credit, amount, flow, Phase.DIRECT, when)
        for name, debit, credit, amount, flow in moves
    ]
