"""A city that pays within its annual budget: every step of a payment checks it again, and the budget stays above what is paid."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.application import Application, ApplicationLine
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.outcomes import StepReport
from fundpool.domain.periods import Month
from fundpool.domain.transfer import Batch, Hop, PaymentLimits, PaymentOrder, new_batch, new_obligation
from fundpool.services.oversight import records
from fundpool.services.payments import batches, kill_switches, limits, resolving
from fundpool.services.ports.work import Work
from tests.integration.month_scene import APPROVER, RELEASER, CityScene
from tests.integration.test_month_edges import at, file_plans

CITY, FUND = "jiujiang", "employee"
OCTOBER = Month(2026, 10)


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """One county's October, applied for and reviewed by finance at the requested amount."""
    made = CityScene(transactions, tmp_path, CITY, OCTOBER, judges=False)
    file_plans(made, "2026-09-24 10:00", made.counties[0])
    made.decide(at("2026-09-25 10:00"), made.counties[0])
    made.run("funds-application", at("2026-09-25 11:00"), made.counties[0])
    made.review_by_finance(at("2026-09-28 09:00"))
    return made


def first_requested_fen(scene: CityScene) -> int:
    return scene.requested_fen(scene.counties[0], FUND)


def set_budget(scene: CityScene, amount_fen: int, number: str = "调整〔2026〕2号") -> None:
    records.record_budget(
        scene.ports,
        city=CITY,
        year=2026,
        amounts={(scene.counties[0], FUND): amount_fen},
        document_number=number,
        by="预算",
        now=at("2026-09-28 10:00"),
    )


def the_batch(scene: CityScene) -> Batch:
    found = scene.ports.database.read(lambda work: work.payments.batches(CITY, OCTOBER, fund=FUND))
    return found[0]


def outcomes(report: StepReport) -> set[str | None]:
    return {each.error_code for each in report.outcomes if each.fund == FUND}


def order(scene: CityScene) -> None:
    scene.run("disbursement", at("2026-09-29 09:00"))


def approve(scene: CityScene, now: datetime) -> None:
    batch = the_batch(scene)
    scene.ports.database.transaction(
        lambda work: batches.approve_batch(
            work, batch.id, batches.digest_of(work, batch), checker=APPROVER, now=now
        )
    )


def release(scene: CityScene, now: datetime) -> None:
    scene.ports.database.transaction(
        lambda work: batches.release_batch(work, the_batch(scene).id, RELEASER, now=now)
    )


def force_budget(scene: CityScene, amount_fen: int) -> None:
    """A lower budget as it may come in before anything is ordered, put in place later."""
    transactions = scene.ports.database
    assert isinstance(transactions, SqlTransactions)
    revisions = transactions.read(lambda work: work.budgets.budget_revisions(CITY, 2026))
    (before,) = [each for each in revisions if (each.county, each.fund) == (scene.counties[0], FUND)]
    seal = transactions.seals.of(replace(before, amount_fen=amount_fen), CITY)
    values = {"amount": amount_fen, "seal": seal, "before": before.seal}
    with transactions.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE budgets SET amount_fen = :amount, seal = :seal WHERE seal = :before"), values
        )
        connection.execute(text("UPDATE latest_seal SET seal = :seal WHERE seal = :before"), values)


def test_a_budget_lowered_between_review_and_batch_is_met_when_the_batch_is_made(scene: CityScene) -> None:
    set_budget(scene, first_requested_fen(scene) - 1)
    report = scene.run("disbursement", at("2026-09-29 09:00"))
    assert "exceeds_annual_budget" in outcomes(report)
    assert scene.ports.database.read(lambda work: work.payments.batches(CITY, OCTOBER, fund=FUND)) == []


def test_a_budget_is_not_lowered_below_what_is_paid_and_reserved(scene: CityScene) -> None:
    order(scene)
    with pytest.raises(RuleViolation) as refused:
        set_budget(scene, first_requested_fen(scene) - 1)
    assert refused.value.code == "budget_below_paid"
    set_budget(scene, first_requested_fen(scene))
    scene.authorise("disbursement", at("2026-09-29 10:00"))
    scene.run("disbursement", at("2026-09-29 11:00"))
    with pytest.raises(RuleViolation):
        set_budget(scene, first_requested_fen(scene) - 1, "调整〔2026〕3号")
    assert sum(scene.executed_fen().values()) > 0


@pytest.mark.parametrize("step", [approve, release])
def test_approving_and_releasing_check_the_budget_again(
    scene: CityScene, step: Callable[[CityScene, datetime], None]
) -> None:
    order(scene)
    now = at("2026-09-29 10:00")
    if step is release:
        approve(scene, now)
    force_budget(scene, first_requested_fen(scene) - 1)
    with pytest.raises(RuleViolation) as refused:
        step(scene, now)
    assert refused.value.code == "exceeds_annual_budget"


def test_sending_checks_the_budget_again_and_holds_what_exceeds_it(scene: CityScene) -> None:
    order(scene)
    scene.authorise("disbursement", at("2026-09-29 10:00"))
    force_budget(scene, first_requested_fen(scene) - 1)
    scene.run("disbursement", at("2026-09-29 11:00"))
    (payment,) = scene.ports.database.read(
        lambda work: work.payments.obligations(city=CITY, month=OCTOBER, fund=FUND)
    )
    assert (payment.state.value, payment.held_reason) == ("held", "exceeds_annual_budget")
    county = scene.counties[0]
    paid = [
        each
        for each in scene.book.executions
        if county in each.credit_account and FUND in each.credit_account
    ]
    assert paid == []


def test_a_budget_changed_in_the_database_stops_the_payment(scene: CityScene) -> None:
    order(scene)
    scene.authorise("disbursement", at("2026-09-29 10:00"))
    assert isinstance(scene.ports.database, SqlTransactions)
    with scene.ports.database.database.engine.begin() as connection:
        connection.execute(text("UPDATE budgets SET amount_fen = amount_fen * 9"))
    scene.run("disbursement", at("2026-09-29 11:00"))
    assert scene.book.executions == []
    assert scene.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND))


def test_two_months_under_review_do_not_block_each_other(
    scene: CityScene, transactions: SqlTransactions, tmp_path: Path
) -> None:
    requested_fen = first_requested_fen(scene)
    later = replace_month(scene, OCTOBER.plus(1))
    file_plans(later, "2026-10-24 10:00", later.counties[0])
    later.decide(at("2026-10-25 10:00"), later.counties[0])
    later.run("funds-application", at("2026-10-25 11:00"), later.counties[0])
    third = replace_month(scene, OCTOBER.plus(2))
    file_plans(third, "2026-11-24 10:00", third.counties[0])
    third.decide(at("2026-11-25 10:00"), third.counties[0])
    third.run("funds-application", at("2026-11-25 11:00"), third.counties[0])
    set_budget(scene, 2 * requested_fen, "调整〔2026〕9号")
    # Room for two months; neither of the two under review takes it from the other before it is granted.
    review(later, requested_fen)
    with pytest.raises(RuleViolation) as refused:
        review(third, requested_fen)
    assert refused.value.code == "exceeds_annual_budget"


def review(scene: CityScene, amount_fen: int) -> None:
    now, county = at("2026-11-28 09:00"), scene.counties[0]
    scene.review_by_finance(now, county=county, fund=FUND, amount_fen=amount_fen)


def replace_month(scene: CityScene, month: Month) -> CityScene:
    """The same city and books in another month."""
    other = copy(scene)
    other.month = month
    return other


def test_the_second_hop_is_not_sent_after_the_first_was_returned(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    city = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    first = city.counties[0]
    file_plans(city, "2026-09-24 10:00", first)
    city.decide(at("2026-09-25 10:00"), first)
    city.run("funds-application", at("2026-09-25 11:00"), first)
    city.review_by_finance(at("2026-09-28 09:00"))
    city.run("disbursement", at("2026-09-29 09:00"))
    city.authorise("disbursement", at("2026-09-29 09:30"))
    city.run("disbursement", at("2026-09-29 10:00"))
    city.run("allocation", at("2026-09-29 11:00"))
    city.authorise("allocation", at("2026-09-29 11:30"))
    for execution in list(city.book.executions):
        city.book.return_transfer(execution.key, "户名不符", at("2026-09-29 12:00"))
    resolving.resolve(city.ports, at("2026-09-30 13:00"))
    report = city.run("allocation", at("2026-09-30 14:00"))
    assert "money_not_arrived" in {each.error_code for each in report.outcomes}
    paid = {each.credit_account for each in city.book.executions}
    assert not any(
        account.startswith(str(list(AccountType).index(AccountType.COUNTY_EXPENDITURE))) for account in paid
    )


def test_the_committed_amount_counts_a_payment_through_the_city_once(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    city = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    first = city.counties[0]
    file_plans(city, "2026-09-24 10:00", first)
    city.decide(at("2026-09-25 10:00"), first)
    city.run("funds-application", at("2026-09-25 11:00"), first)
    city.review_by_finance(at("2026-09-28 09:00"))

    def committed() -> dict[str, int]:
        found = city.ports.database.read(lambda work: limits.committed_fen(work, "taizhou", FUND, year=2026))
        return {county: amount_fen for county, amount_fen in found.items() if amount_fen}

    assert committed() == {}
    city.run("disbursement", at("2026-09-29 09:00"))
    assert committed() == {first: city.requested_fen(first, FUND)}
    city.authorise("disbursement", at("2026-09-29 09:30"))
    city.run("disbursement", at("2026-09-29 10:00"))
    city.run("allocation", at("2026-09-29 11:00"))
    assert committed() == {first: city.requested_fen(first, FUND)}
    assert replace(the_obligation(city), returned_fen=0).amount_fen == city.requested_fen(first, FUND)


def test_an_application_line_changed_in_the_database_does_not_lower_the_committed_amount(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    city = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    first = city.counties[0]
    file_plans(city, "2026-09-24 10:00", first)
    city.decide(at("2026-09-25 10:00"), first)
    city.run("funds-application", at("2026-09-25 11:00"), first)
    city.review_by_finance(at("2026-09-28 09:00"))
    city.run("disbursement", at("2026-09-29 09:00"))
    with transactions.database.engine.begin() as connection:
        connection.execute(text("UPDATE application_lines SET reviewed_fen = 1, reason = '少记'"))
    with pytest.raises(RuleViolation) as refused:
        city.ports.database.read(lambda work: limits.committed_fen(work, "taizhou", FUND, year=2026))
    assert refused.value.code == "seal_broken"


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM application_lines WHERE fund = 'employee'",
        "DELETE FROM obligation WHERE fund = 'employee'",
        "UPDATE latest_seal SET seal = 'x' WHERE table_name = 'openings'",
    ],
)
def test_what_counts_against_a_budget_cannot_be_deleted(
    transactions: SqlTransactions, tmp_path: Path, edit: str
) -> None:
    city = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    first = city.counties[0]
    file_plans(city, "2026-09-24 10:00", first)
    city.decide(at("2026-09-25 10:00"), first)
    city.run("funds-application", at("2026-09-25 11:00"), first)
    city.review_by_finance(at("2026-09-28 09:00"))
    city.run("disbursement", at("2026-09-29 09:00"))

    def committed(work: Work) -> dict[str, int]:
        return limits.committed_fen(work, "taizhou", FUND, year=2026)

    assert city.ports.database.read(committed)
    with transactions.database.engine.begin() as connection:
        connection.execute(text(edit))
    with pytest.raises(RuleViolation) as refused:
        city.ports.database.read(committed)
    assert refused.value.code == "row_put_back"


def test_a_budget_that_was_deleted_holds_until_people_enter_another(scene: CityScene) -> None:
    set_budget(scene, first_requested_fen(scene))
    assert isinstance(scene.ports.database, SqlTransactions)
    with scene.ports.database.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM budgets WHERE document_number = '调整〔2026〕2号'"))
    budgets = limits.sealed_budgets
    with pytest.raises(RuleViolation) as refused:
        scene.ports.database.read(lambda work: budgets(work, CITY, 2026))
    assert refused.value.code == "row_put_back"
    set_budget(scene, first_requested_fen(scene), "调整〔2026〕3号")
    found = scene.ports.database.read(lambda work: budgets(work, CITY, 2026))
    assert found[scene.counties[0], FUND] == first_requested_fen(scene)


def the_obligation(city: CityScene):  # type: ignore[no-untyped-def]
    found = city.ports.database.read(lambda work: work.payments.obligations(city="taizhou", fund=FUND))
    return next(each for each in found if each.unit == city.counties[0])


def test_a_payment_to_the_city_counts_for_the_counties_of_its_own_funds_application(
    transactions: SqlTransactions,
) -> None:
    """Two funds have an application with the same month and number, each for a different county."""
    now, hop = at("2026-09-29 09:00"), Hop(AccountType.FISCAL_ACCOUNT, AccountType.CITY_EXPENDITURE)
    order = PaymentOrder("taizhou", FUND, OCTOBER, hop, payer_unit="taizhou", unit="taizhou", amount_fen=100)
    batch, payment = (
        new_batch(order.batch_key, [(order, 1, 2)], "制单", made_at=now),
        new_obligation(1, order, 1, credit_account_id=2),
    )
    capped = SqlTransactions(
        transactions.database,
        transactions.seals,
        PaymentLimits(within_annual_budget=lambda _city, _month: True),
    )

    def check(work: Work) -> None:
        for fund, county in ((FUND, "without_budget"), ("resident", "with_budget")):
            line = ApplicationLine(county, applied_fen=100)
            work.applications.add(Application("taizhou", OCTOBER, fund, 1, "经办", now, (line,)))
        work.budgets.set_budget(
            "taizhou",
            2026,
            "with_budget",
            fund=FUND,
            amount_fen=1_000,
            document_number="预算〔2026〕1号",
            by="预算",
            at=now,
        )
        limits.require_within_limits(work, batch, [payment])

    with pytest.raises(RuleViolation) as refused:
        capped.transaction(check)
    assert refused.value.code == "budget_missing"
