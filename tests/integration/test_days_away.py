"""Days that nobody planned for: a machine that is off over a month's end, the turn of the year, a neighbour city.

Played by mornings: what the tick finds due is carried out as its runs would.
"""

import shutil
from collections import deque
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.notices import NoticeKind
from fundpool.domain.outcomes import StepReport, UnitState
from fundpool.domain.periods import Month
from fundpool.domain.transfer import ObligationState
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.books.ledger_checks import verify
from fundpool.services.month.daily import finish_tick, record_start, reserve_due_steps
from fundpool.services.watch.installation import look
from tests.crash.small_month import with_few_counties
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import FISCAL_FEN, CityScene, at, play_to_release
from tests.integration.test_watch import installation
from tests.scripted_bank import ScriptedGateway
from tests.seals import SEALS

OCTOBER, DECEMBER, JANUARY = Month(2026, 10), Month(2026, 12), Month(2027, 1)


@pytest.fixture
def books(tmp_path: Path, sqlite_template: Path) -> SqlTransactions:
    file = tmp_path / "fundpool.db"
    shutil.copyfile(sqlite_template, file)
    return SqlTransactions(Database(f"sqlite:///{file}"), SEALS)


class FewCounties(CityScene):
    """Taizhou with two counties alone, which saves seconds; any other city whole."""

    def found(self, without_account: tuple[str, ...] = ()) -> None:
        few = replace(self.ports, policies=with_few_counties(self.ports.policies))
        self.move_in(few, self.folder, self.policy.key, self.month)
        super().found(without_account)


def morning(scene: CityScene, now: datetime) -> dict[tuple[Month, str], StepReport]:
    """The day's tick, and the steps that it starts."""
    reports = {}
    for scheduled in reserve_due_steps(scene.ports, scene.policy.key, now):
        of_month = copy(scene)
        of_month.month = scheduled.month
        reports[scheduled.month, scheduled.step] = of_month.run(scheduled.step, now)
        record_start(scene.ports, [scheduled], "run")
    finish_tick(scene.ports, [scene.policy.key], now, is_whole=True)
    return reports


def new_notices(scene: CityScene, now: datetime) -> dict[str, str]:
    """What people are told, by its key; not that there is no backup."""
    notices = look(installation(scene), now)[1]
    return {each.key: each.message_zh for each in notices if each.kind is not NoticeKind.BACKUP}


def states(scene: CityScene) -> set[ObligationState]:
    found = scene.ports.database.read(lambda work: work.payments.obligations(city=scene.policy.key))
    return {each.state for each in found}


# ------------------------------------------------------------------ nine days off, over a month's end


@pytest.mark.parametrize("key_retention", [None, timedelta(days=7)], ids=["remembered", "forgotten"])
def test_a_machine_that_was_off_for_nine_days_looks_at_today_says_who_is_late_and_pays_nothing_twice(
    books: SqlTransactions, tmp_path: Path, key_retention: timedelta | None
) -> None:
    """It went off with an order under way; the bank may have forgotten the order's key meanwhile."""
    scene = CityScene(books, tmp_path, "suizhou", OCTOBER, judges=False)
    book = BankBook(key_retention=key_retention)
    book.open_on_first_use(FISCAL_FEN)
    scene.move_in(replace(scene.ports, gateway=ScriptedGateway(book)), tmp_path, "suizhou", OCTOBER)
    play_to_release(scene)
    scene.gateway.plan.add("silence_after")
    scene.run("disbursement", at("2026-09-28 16:00"))
    assert len(book.executions) == len(scene.funds)

    back = at("2026-10-08 07:00")  # the first working day after the feast
    before = new_notices(scene, back)
    late = {f"overdue:suizhou:2026-10:allocate_to_counties:{county}" for county in scene.counties}
    paid_late = "overdue:suizhou:2026-10:pay_from_fiscal_account:421300"
    assert before.keys() == {"tick:2026-10-07", "payment:1:1:unknown", paid_late, *late}
    assert "应于 2026-09-30" in before[paid_late]
    assert all("应于 2026-10-05" in before[key] for key in late)

    reports = morning(scene, back)
    # Nothing of the days between is made up for: what is due is due today.
    assert [step for _, step in reports] == ["disbursement", "allocation", "reconciliation", "flags"]
    flagged = reports[OCTOBER, "flags"].outcomes
    assert {
        each.unit for each in flagged if "应于 2026-10-05" in each.detail_zh and "逾期 3 天" in each.detail_zh
    } == {*scene.counties}
    assert morning(scene, at("2026-10-08 09:00")) == {}, "a second tick of the day starts nothing"
    scene.authorise("allocation", at("2026-10-08 10:00"))
    morning(scene, at("2026-10-09 07:00"))
    scene.run("allocation", at("2026-10-09 10:00"))
    if key_retention is not None:  # ordered once its money had arrived, which the statement said
        scene.authorise("allocation", at("2026-10-09 11:00"))
        scene.run("allocation", at("2026-10-09 12:00"))
    assert states(scene) == {ObligationState.SETTLED}
    assert len(book.executions) == len(scene.funds) * (1 + len(scene.counties))
    assert new_notices(scene, at("2026-10-09 13:00")) == {}
    assert books.read(verify) == []


# ------------------------------------------------------------------ the turn of the year


def acts_of_a_month(scene: CityScene, *, plans: str, paid: str) -> Iterator[None]:
    """A month from its plans, filed on one day, to the counties' money; yields after each act."""
    filed, pays = at(f"{plans} 09:00"), at(f"{paid} 09:00")
    for county in scene.counties:
        yield scene.submit(scene.plan(county), "plan", filed)
    yield scene.run("plan-collection", filed)
    yield scene.run("plan-review", filed)
    yield scene.decide(filed + timedelta(days=1))
    yield scene.run("funds-application", filed + timedelta(days=2))
    yield scene.review_by_finance(filed + timedelta(days=3))
    yield scene.pay(pays)


def test_the_year_turns_while_one_month_is_reported_on_and_the_next_is_paid(
    books: SqlTransactions, tmp_path: Path
) -> None:
    december = FewCounties(books, tmp_path, "taizhou", DECEMBER, judges=False)
    assert (DECEMBER, "plan-collection") in morning(december, at("2026-11-20 07:00"))
    deque(acts_of_a_month(december, plans="2026-11-20", paid="2026-12-04"))
    january = copy(december)
    january.month = JANUARY
    for county in january.counties:
        january.submit(january.plan(county), "plan", at("2026-12-21 09:00"))
    # The notice that says which days of January are worked is not on file yet: people are told in time.
    assert "holiday:2027" in new_notices(december, at("2026-12-21 10:00"))
    planned = morning(december, at("2026-12-22 07:00"))
    assert {(JANUARY, "plan-collection"), (JANUARY, "plan-review")} <= planned.keys()
    january.decide(at("2026-12-23 10:00"))
    january.run("funds-application", at("2026-12-24 09:00"))
    budget = {(county, fund): 1_000_000_00 for county in january.counties for fund in january.funds}
    january.record_beginnings(budget, "预算〔2027〕1号", {}, now=at("2026-12-28 09:00"))
    january.review_by_finance(at("2026-12-28 10:00"))
    assert (JANUARY, "disbursement") in morning(december, at("2026-12-31 07:00"))
    january.authorise("disbursement", at("2026-12-31 10:00"))
    january.run("disbursement", at("2026-12-31 23:59"))
    for county in december.counties:
        december.submit(december.report(county), "report", at("2027-01-08 09:00"))
    both = morning(december, at("2027-01-11 07:00"))
    assert {(DECEMBER, "expenditure-reporting"), (JANUARY, "allocation")} <= both.keys()
    january.authorise("allocation", at("2027-01-11 10:00"))
    january.run("allocation", at("2027-01-11 11:00"))
    filed = morning(december, at("2027-01-18 07:00"))
    assert {each.state for each in filed[DECEMBER, "report-filing"].outcomes} == {UnitState.DONE}
    assert states(december) == {ObligationState.SETTLED}
    paid_each_month = len(december.funds) * (1 + len(december.counties))
    assert len(december.book.executions) == 2 * paid_each_month
    assert books.read(verify) == []


# ------------------------------------------------------------------ two cities on one installation


def test_two_cities_whose_acts_interleave_come_to_the_end_that_each_comes_to_alone(
    books: SqlTransactions, tmp_path: Path, sqlite_template: Path
) -> None:
    alone, together = {}, {}
    beside: list[Iterator[None]] = []
    for city in ("suizhou", "taizhou"):
        shutil.copyfile(sqlite_template, tmp_path / f"{city}.db")
        own = SqlTransactions(Database(f"sqlite:///{tmp_path / city}.db"), SEALS)
        for place, transactions in ((tmp_path / f"{city}-alone", own), (tmp_path / city, books)):
            place.mkdir()
            scene = FewCounties(transactions, place, city, OCTOBER, judges=False)
            acts = acts_of_a_month(scene, plans="2026-09-14", paid="2026-10-09")
            if transactions is own:
                deque(acts)
                alone[city] = own.read(lambda work, city=city: month_digest(work, city, OCTOBER))
            else:
                beside.append(acts)
    deque(zip_longest(*beside))
    for city in alone:
        together[city] = books.read(lambda work, city=city: month_digest(work, city, OCTOBER))
    assert together == alone
    assert books.read(verify) == []
