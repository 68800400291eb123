"""What the pages show of the money, on both databases."""

from pathlib import Path

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.sandbox_bank.faults import Call
from fundpool.services.oversight import overview
from fundpool.services.oversight.progress import month_facts
from fundpool.services.payments import kill_switches
from fundpool.services.payments.disbursement import ALLOCATE_DUTY
from schemas.dashboard import FundMoney
from tests.integration.month_scene import FISCAL_FEN, OPENING_FEN, CityScene, at

OCTOBER = Month(2026, 10)
COUNTIES_REQUEST_FEN = 33_000_00
"""Employee plans of three counties: 6 items at 1,000, 2,000 and 3,000 yuan, less what each holds."""


def money_of(scene: CityScene, fund: str = "employee") -> FundMoney | None:
    money = scene.ports.database.read(
        lambda work: overview.fund_money(scene.policy, month_facts(work, scene.policy, OCTOBER))
    )
    return next((each for each in money if each.fund == fund), None)


def test_money_is_unknown_until_a_stage_is_reached_and_paid_only_where_it_is_spent(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER)
    assert money_of(scene) is None
    for county in scene.counties:
        scene.drop(scene.plan(county), "plan")
    scene.run("plan-collection", at("2026-09-14 16:00"))
    scene.run("plan-review", at("2026-09-14 16:30"))
    requested = COUNTIES_REQUEST_FEN
    assert money_of(scene) == FundMoney(fund="employee", requested_fen=requested)
    scene.decide(at("2026-09-15 10:00"))
    scene.run("funds-application", at("2026-09-15 11:00"))
    scene.review_by_finance(at("2026-09-16 09:00"))
    reviewed = FundMoney(
        fund="employee", requested_fen=requested, approved_fen=requested, reviewed_fen=requested
    )
    assert money_of(scene) == reviewed

    scene.run("disbursement", at("2026-09-29 10:00"))
    scene.authorise("disbursement", at("2026-09-29 10:10"))
    scene.run("disbursement", at("2026-09-29 10:20"))
    assert money_of(scene) == reviewed  # the city's account is on the way, not the end of it

    scene.run("allocation", at("2026-09-30 09:00"))
    scene.authorise("allocation", at("2026-09-30 09:10"))
    scene.gateway.plan.add("silence_after")
    scene.gateway.plan.add("silence_after", call=Call.QUERY, times=9)
    scene.run("allocation", at("2026-09-30 09:20"))
    batches = transactions.read(
        lambda work: overview.month_batches(work, scene.policy, month_facts(work, scene.policy, OCTOBER))
    )
    last = {batch.fund: batch for batch in batches if batch.duty == ALLOCATE_DUTY}
    assert (last["employee"].state, last["resident"].state) == ("released", "settled")
    assert (last["employee"].count, last["employee"].total_fen) == (3, requested)
    assert last["employee"].change_fen is None  # nothing was paid in September: unknown, not 0
    first = scene.requested_fen(scene.counties[0], "employee")
    assert money_of(scene) == reviewed.model_copy(update={"paid_fen": requested - first})

    books = transactions.read(
        lambda work: overview.fund_books(
            work, "suizhou", ["employee", "resident"], as_of=at("2026-09-30 10:00")
        )
    )
    employee = books[0]
    assert employee.difference_fen == 0
    assert employee.debit_fen == FISCAL_FEN + 3 * OPENING_FEN
    assert [account.account_type for account in employee.accounts[:2]] == [
        "fiscal_account",
        "city_expenditure",
    ]
    assert employee.accounts[0].balance_fen == FISCAL_FEN - requested
    before = transactions.read(
        lambda work: overview.fund_books(work, "suizhou", ["employee"], as_of=at("2026-09-20 10:00"))
    )
    assert before[0].accounts[0].balance_fen == FISCAL_FEN


def test_a_stopped_fund_is_an_alarm_until_two_people_restart_it(
    transactions: SqlTransactions,
) -> None:
    now = at("2026-10-09 10:00")

    def stop(city: str) -> None:
        transactions.transaction(
            lambda work: kill_switches.stop_fund(
                work, city, "employee", reason="对账不符", by="赵财政", now=now
            )
        )

    stop("taizhou")
    stop("suizhou")
    alarms = transactions.read(lambda work: overview.standing_alarms(work, "taizhou"))
    assert [(alarm.kind, alarm.fund, alarm.message_zh) for alarm in alarms] == [
        ("stopped", "employee", "对账不符")
    ]
    transactions.transaction(
        lambda work: kill_switches.request_restart(work, "taizhou", "employee", by="赵财政", now=now)
    )
    assert transactions.read(lambda work: overview.standing_alarms(work, "taizhou")) != []
    transactions.transaction(
        lambda work: kill_switches.confirm_restart(work, "taizhou", "employee", by="孙放行", now=now)
    )
    assert transactions.read(lambda work: overview.standing_alarms(work, "taizhou")) == []
