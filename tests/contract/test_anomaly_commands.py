"""An order that the bank executes after refusing it, as the operator meets it: told, stopped, decided by commands."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fundpool.bootstrap import build_ports
from fundpool.console.cli import main
from fundpool.settings import Settings
from tests.contract.conftest import SECRET, RunningBank
from tests.simulation.scene import CHECKER, CITY, COUNTIES, FUND, MAKER, NOW, RELEASER, Scene

PAID_FEN = 1_000_00
"""Of the first county; each further one gets a fen more."""


class Desk:
    """Runs commands as the operator does, and reads their JSON."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str, at: str | None = None, status: int = 0) -> Any:
        clock = ["--as-of", at] if at else []
        found = main(["transfers", *arguments, *clock, "--json"])
        out, err = self._capsys.readouterr()
        assert found == status, (arguments, out, err)
        return json.loads(out)

    def payment(self) -> Any:
        """The first county's payment."""
        (found,) = [
            each
            for each in self.run("list", "--city", CITY, "--month", "2026-10")["transfers"]
            if each["unit"] == COUNTIES[0]
        ]
        return found

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
    """Three payments sent, the first refused and executed ten minutes later all the same."""
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", bank.server.url)
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", SECRET.decode())
    shutil.copyfile(sqlite_template, tmp_path / "fundpool.db")
    ports = build_ports(Settings())
    scene = Scene(ports.database)
    scene.ports = replace(scene.ports, gateway=ports.gateway)
    for account in scene.book.accounts.values():
        bank.book.open_account(account.account, account.name, account.balance_fen)
    bank.bank.plan.add("reject_then_success")
    scene.release(PAID_FEN)
    scene.send()
    return Desk(capsys)


def found_out(desk: Desk) -> None:
    """The operator sees a refusal; the day's statement then shows the money gone."""
    assert desk.payment()["state"] == "failed"
    told = desk.run("statement", "--city", CITY, "--date", "2026-10-08", at="2026-10-09T09:00", status=1)
    assert told["breaks_new"] > 0
    assert desk.payment()["state"] == "held"
    (switch,) = desk.run("switches")["switches"]
    assert (switch["city"], switch["fund"], switch["is_stopped"]) == (CITY, FUND, True)
    refused = desk.decide("look-again", CHECKER, "2026-10-09T09:10", status=1)
    assert refused["error"]["code"] == "anomaly_open"
    assert "accept-execution" in refused["error"]["remedy"]


def test_it_is_accepted_by_another_than_the_maker_and_the_fund_starts_again(
    desk: Desk, bank: RunningBank
) -> None:
    found_out(desk)
    refused = desk.decide("accept-execution", MAKER, "2026-10-09T09:20", status=1)
    assert refused["error"]["code"] == "same_person"
    assert desk.decide("accept-execution", CHECKER, "2026-10-09T09:30")["state"] == "settled"
    again = desk.decide("accept-execution", CHECKER, "2026-10-09T09:40", status=1)
    assert again["error"]["code"] == "illegal_state_change"
    for person in (CHECKER, RELEASER):
        switched = desk.run("restart", "--city", CITY, "--fund", FUND, "--by", person, at="2026-10-09T10:00")
    assert switched["switches"][0]["is_stopped"] is False
    assert desk.run("resolve", at="2026-10-09T11:00")["transfers"] == []
    assert paid(bank) == PAID_FEN


def test_it_comes_back_and_is_paid_anew_once(desk: Desk, bank: RunningBank) -> None:
    found_out(desk)
    late = next(one for one in bank.book.executions if one.amount_fen == PAID_FEN)
    bank.book.return_transfer(late.key, "户名不符", NOW + timedelta(days=1, hours=1))
    desk.run("statement", "--city", CITY, "--date", "2026-10-09", at="2026-10-10T09:00", status=1)
    assert desk.payment()["state"] == "held"
    assert desk.decide("look-again", CHECKER, "2026-10-10T09:10")["state"] == "returned"
    assert paid(bank) == 0


def paid(bank: RunningBank) -> int:
    """What the first county has by the bank's own book, in fen."""
    (account,) = [one for one in bank.book.accounts.values() if one.name.startswith(COUNTIES[0])]
    return account.balance_fen
