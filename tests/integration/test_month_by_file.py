"""A month of a city whose bank has no API: orders as pain.001, settled by camt.053, reconciled."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.installation import SANDBOX_NOTICE
from fundpool.domain.outcomes import StepReport, UnitState
from fundpool.domain.periods import Month
from fundpool.domain.transfer import ObligationState
from fundpool.sandbox_bank.file_bank import FileBank
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import payment_decisions
from fundpool.settings import Settings
from tests.integration.month_scene import FISCAL_FEN, CityScene, account_no, at
from tests.seals import SEALS

OCTOBER = Month(2026, 10)


class FileScene(CityScene):
    """The city with a bank that is reached by files, and the bank's transport."""

    def connect(self) -> None:
        settings = Settings(home=self.folder, gateway_kind="file")
        by_file = build_ports(settings)
        self.ports = replace(
            self.ports,
            gateway=by_file.gateway,
            gateway_terms=by_file.gateway_terms,
            read_bank_files=by_file.read_bank_files,
        )
        self.outbox, self.inbox = settings.resolved_outbox, settings.resolved_inbox
        self.bank = FileBank(self.book, self.outbox, self.inbox)
        unit = self.policy.division_code
        self.purses = [account_no(AccountType.FISCAL_ACCOUNT, unit, fund) for fund in self.funds]
        self.city_accounts = [account_no(AccountType.CITY_EXPENDITURE, unit, fund) for fund in self.funds]
        for number in self.purses:
            self.book.open_account(number, "财政专户", FISCAL_FEN)

    def bank_day(self, day: date) -> None:
        """The bank works through the outbox at noon and writes its statements in the evening."""
        noon = datetime.combine(day, at("2026-10-01 12:00").timetz())
        self.bank.take_orders(noon)
        numbers = [*self.purses, *self.city_accounts]
        wanted = [number for number in numbers if number in self.book.accounts]
        self.bank.deliver_statements(day, noon + timedelta(hours=10), wanted)

    def states(self) -> set[ObligationState]:
        found = self.ports.database.read(lambda work: work.payments.obligations(city=self.policy.key))
        return {each.state for each in found}


def details(report: StepReport) -> str:
    return "\n".join(outcome.detail_zh for outcome in report.outcomes)


def play_to_release(scene: FileScene) -> None:
    for county in scene.counties:
        scene.drop(scene.plan(county), "plan")
    scene.run("plan-collection", at("2026-09-14 16:00"))
    scene.run("plan-review", at("2026-09-14 16:30"))
    scene.decide(at("2026-09-15 10:00"))
    scene.run("funds-application", at("2026-09-15 11:00"))
    scene.review_by_finance(at("2026-09-16 09:00"))
    scene.run("disbursement", at("2026-10-09 09:00"))
    scene.authorise("disbursement", at("2026-10-09 09:10"))


@pytest.fixture
def scene(sqlite_template: Path, tmp_path: Path) -> Iterator[FileScene]:
    file = tmp_path / "fundpool.db"
    shutil.copyfile(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    scene = FileScene(SqlTransactions(database, SEALS), tmp_path, "suizhou", OCTOBER, judges=False)
    scene.connect()
    yield scene
    database.dispose()


def test_a_month_is_settled_by_statements_alone_and_reconciled(scene):
    play_to_release(scene)
    for number in range(38):  # from the day after the city's openings on
        scene.bank_day(date(2026, 9, 1) + timedelta(days=number))
    for _ in range(3):  # any rerun is the same file
        scene.run("disbursement", at("2026-10-09 09:20"))
    assert len(list(scene.outbox.glob("*.xml"))) == len(scene.funds)
    assert scene.states() == {ObligationState.IN_FLIGHT}

    scene.bank.take_orders(at("2026-10-09 12:00"))
    scene.run("reconciliation", at("2026-10-09 13:00"))
    assert scene.states() == {ObligationState.IN_FLIGHT}  # accepted is not settled

    (scene.inbox / "0-broken.xml").write_text("<Document", encoding="utf-8")
    scene.bank_day(date(2026, 10, 9))
    report = scene.run("reconciliation", at("2026-10-10 09:00"))
    assert scene.states() == {ObligationState.SETTLED}
    assert "0-broken.xml" in details(report)
    assert any(outcome.state is UnitState.FLAGGED for outcome in report.outcomes)
    (scene.inbox / "0-broken.xml").unlink()

    scene.run("allocation", at("2026-10-10 10:00"))
    scene.authorise("allocation", at("2026-10-10 10:10"))
    scene.run("allocation", at("2026-10-10 10:20"))
    for day in range(10, 32):
        scene.bank_day(date(2026, 10, day))
    scene.run("reconciliation", at("2026-10-12 09:00"))
    assert scene.states() == {ObligationState.SETTLED}
    orders = len(scene.funds) * (1 + len(scene.counties))
    assert len(scene.book.executions) == orders

    for day in (1, 2):
        scene.bank_day(date(2026, 11, day))
    report = scene.run("reconciliation", at("2026-11-03 09:00"))
    assert {outcome.state for outcome in report.outcomes} == {UnitState.DONE}, details(report)
    assert details(report).count("调节相符") == 2 * len(scene.funds)
    workbook = scene.folder / "reports" / "suizhou" / "2026-10" / "随州市2026-10银行存款余额调节表.xlsx"
    header = load_workbook(workbook).worksheets[0].oddHeader.center.text
    assert header == SANDBOX_NOTICE
    assert scene.ports.database.read(verify) == []
    assert len(scene.book.executions) == orders


def test_a_rejected_order_is_paid_under_a_new_key_by_two_people_and_once(scene):
    play_to_release(scene)
    scene.run("disbursement", at("2026-10-09 09:20"))
    # The bank has no such payee yet: it refuses both orders.
    scene.book.open_on_first_use(None)
    scene.bank.take_orders(at("2026-10-09 12:00"))
    scene.run("reconciliation", at("2026-10-09 13:00"))
    assert scene.states() == {ObligationState.FAILED}
    scene.book.open_on_first_use(10_000_000_00)
    failed = scene.ports.database.read(lambda work: work.payments.obligations(city="suizhou"))
    for by in ("周一", "吴二"):
        for each in failed:
            scene.ports.database.transaction(
                lambda work, each=each, by=by: payment_decisions.approve_retry(
                    work, each.id, by=by, reason="银行已开户", now=at("2026-10-09 14:00")
                )
            )
    scene.run("disbursement", at("2026-10-09 15:00"))
    assert len(list(scene.outbox.glob("*.xml"))) == len(scene.funds)
    scene.bank.take_orders(at("2026-10-09 16:00"))
    scene.bank.deliver_statements(date(2026, 10, 9), at("2026-10-09 22:00"))
    scene.run("reconciliation", at("2026-10-10 09:00"))
    assert scene.states() == {ObligationState.SETTLED}
    assert len(scene.book.executions) == len(scene.funds)
