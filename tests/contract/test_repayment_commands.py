"""What the operator does by commands where the bank refuses, executes all the same, or sends money back."""

import json
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fundpool.bootstrap import build_ports
from fundpool.console.cli import main
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.periods import SHANGHAI
from fundpool.services.payments import bank_accounts
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Work
from fundpool.settings import Settings
from tests.contract.conftest import SECRET, RunningBank
from tests.simulation.scene import CHECKER, CITY, COUNTIES, FUND, MAKER, NOW, RELEASER, Scene

PAID_FEN = 1_000_00
"""Of the first county; each further one gets a fen more."""


class Desk:
    """Runs commands as the operator does, and reads their JSON; ``scene`` orders and sends."""

    def __init__(self, scene: Scene, bank: RunningBank, capsys: pytest.CaptureFixture[str]) -> None:
        self.scene, self.bank = scene, bank
        self._capsys = capsys

    def run(self, *arguments: str, at: str | None = None, status: int = 0) -> Any:
        clock = ["--as-of", at] if at else []
        found = main(["transfers", *arguments, *clock, "--json"])
        out, err = self._capsys.readouterr()
        assert found == status, (arguments, out, err)
        return json.loads(out)

    def payment(self) -> Any:
        """The first county's payment; of several orders the last."""
        return [
            each
            for each in self.run("list", "--city", CITY, "--month", "2026-10")["transfers"]
            if each["unit"] == COUNTIES[0]
        ][-1]

    def paid_fen(self) -> int:
        """What the first county has by the bank's own book."""
        held = [
            account.balance_fen for account in self.bank.book.accounts.values() if COUNTIES[0] in account.name
        ]
        return sum(held)

    def import_statement(self, day: str, status: int = 0) -> Any:
        at = f"{date.fromisoformat(day) + timedelta(days=1)}T09:00"
        return self.run("statement", "--city", CITY, "--date", day, at=at, status=status)

    def restart(self, at: str) -> None:
        """Every break is closed with a reason, and two people start the fund again."""
        for each in self.run("breaks", status=1)["breaks"]:
            self.run("resolve-break", str(each["id"]), "--by", CHECKER, "--reason", "已查清", at=at)
        for person in (CHECKER, RELEASER):
            switched = self.run("restart", "--city", CITY, "--fund", FUND, "--by", person, at=at)
        assert switched["switches"][0]["is_stopped"] is False

    def pass_batch(self, at: str) -> None:
        for verb, person in (("approve", CHECKER), ("release", RELEASER)):
            self.run(verb, "--city", CITY, "--month", "2026-10", "--by", person, at=at)

    def send(self, at: str) -> None:
        self.scene.clock.now = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
        self.scene.send()

    def decide(self, act: str, by: str, at: str, status: int = 0) -> Any:
        return self.run(
            act, str(self.payment()["id"]), "--by", by, "--reason", "县局来函", at=at, status=status
        )


@pytest.fixture
def desk(
    bank: RunningBank,
    tmp_path: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    """Three released payments, nothing sent yet."""
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", bank.server.url)
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", SECRET.decode())
    shutil.copyfile(sqlite_template, tmp_path / "fundpool.db")
    ports = build_ports(Settings())
    scene = Scene(ports.database)
    scene.ports = replace(scene.ports, gateway=ports.gateway)
    for account in scene.book.accounts.values():
        bank.book.open_account(account.account, account.name, account.balance_fen)
    scene.release(PAID_FEN)
    return Desk(scene, bank, capsys)


def refused_then_executed(desk: Desk) -> None:
    """The operator sees a refusal; the day's statement then shows the money gone."""
    desk.bank.bank.plan.add("reject_then_success")
    desk.scene.send()
    assert desk.payment()["state"] == "failed"
    assert desk.import_statement("2026-10-08", status=1)["breaks_new"] > 0
    assert desk.payment()["state"] == "held"
    (switch,) = desk.run("switches")["switches"]
    assert (switch["city"], switch["fund"], switch["is_stopped"]) == (CITY, FUND, True)
    refused = desk.decide("look-again", CHECKER, "2026-10-09T09:10", status=1)
    assert refused["error"]["code"] == "anomaly_open"
    assert "accept-execution" in refused["error"]["remedy"]


def test_an_execution_after_its_end_is_accepted_and_the_fund_starts_again(desk: Desk) -> None:
    refused_then_executed(desk)
    refused = desk.decide("accept-execution", MAKER, "2026-10-09T09:20", status=1)
    assert refused["error"]["code"] == "same_person"
    assert desk.decide("accept-execution", CHECKER, "2026-10-09T09:30")["state"] == "settled"
    again = desk.decide("accept-execution", CHECKER, "2026-10-09T09:40", status=1)
    assert again["error"]["code"] == "illegal_state_change"
    desk.restart("2026-10-09T10:00")
    desk.send("2026-10-09T12:00")
    assert desk.paid_fen() == PAID_FEN


def test_an_execution_after_its_end_that_came_back_is_ordered_again_and_paid_once(desk: Desk) -> None:
    refused_then_executed(desk)
    late = next(execution for execution in desk.bank.book.executions if execution.amount_fen == PAID_FEN)
    desk.bank.book.return_transfer(late.key, "户名不符", NOW + timedelta(days=1, hours=1))
    desk.import_statement("2026-10-09")
    assert desk.payment()["state"] == "held"
    assert desk.decide("look-again", CHECKER, "2026-10-10T09:10")["state"] == "returned"
    desk.restart("2026-10-10T09:20")
    ordered_again_and_paid(desk, "2026-10-10")


def test_a_payment_that_came_back_is_ordered_again_once_it_is_on_the_statement(desk: Desk) -> None:
    desk.bank.bank.plan.add("success_then_returned", seconds=3600)
    desk.scene.send()
    assert desk.decide("order-again", MAKER, "2026-10-08T09:30", status=1)["error"]["code"] == (
        "illegal_state_change"
    )
    desk.bank.book.advance(NOW + timedelta(hours=2))
    desk.run("resolve", at="2026-10-09T12:00")
    assert desk.payment()["state"] == "returned"
    early = desk.decide("order-again", MAKER, "2026-10-09T12:10", status=1)
    assert early["error"]["code"] == "return_not_on_statement"
    desk.import_statement("2026-10-08")
    ordered_again_and_paid(desk, "2026-10-10")


def test_a_refused_payment_is_withdrawn_and_ordered_again_to_the_account_approved_since(desk: Desk) -> None:
    desk.bank.bank.plan.add("reject")
    desk.scene.send()
    assert desk.decide("cancel", CHECKER, "2026-10-09T09:00")["state"] == "cancelled"
    new = AccountProposal(
        CITY, FUND, COUNTIES[0], AccountType.COUNTY_EXPENDITURE, "6299", f"{COUNTIES[0]}新户", "农业银行"
    )
    desk.bank.book.open_account(new.account_no, new.account_name, 0)

    def register(work: Work) -> None:
        account = bank_accounts.propose_account(work, new, MAKER, now=NOW)
        bank_accounts.approve_account(work, account.id, CHECKER, now=NOW)

    desk.scene.ports.database.transaction(register)
    ordered_again_and_paid(desk, "2026-10-12")
    assert desk.bank.book.accounts["6299"].balance_fen == PAID_FEN


def ordered_again_and_paid(desk: Desk, day: str) -> None:
    """One order more, passed by two others, sent as often as anybody likes."""
    before = desk.payment()
    again = desk.decide("order-again", MAKER, f"{day}T10:00")
    assert (again["state"], again["id"] != before["id"]) == ("submitted", True)
    (batch,) = [
        each
        for each in desk.run("batches", "--city", CITY, "--month", "2026-10")["batches"]
        if each["state"] == "submitted"
    ]
    (payee,) = batch["payees"]
    assert payee["instead_of"] == {"id": before["id"], "state": before["state"]}
    refused = desk.run("approve", "--city", CITY, "--month", "2026-10", "--by", MAKER, status=1)
    assert refused["error"]["code"] == "same_person"
    desk.pass_batch(f"{day}T11:00")
    for hour in (12, 13):
        desk.send(f"{day}T{hour}:00")
    assert desk.payment()["state"] == "settled"
    assert desk.paid_fen() == PAID_FEN
