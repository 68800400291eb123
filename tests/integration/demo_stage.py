"""A demo month in one process: the same script and people, steps run directly, the bank's book in memory."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from fundpool.adapters.documents.record_files import read_bank_accounts
from fundpool.adapters.stores.setting_up import install
from fundpool.bootstrap import build_ports
from fundpool.console.demo.bank import write_bank_accounts
from fundpool.console.demo.people import ScriptedPeople
from fundpool.console.demo.play import BusinessClock, Play, Position
from fundpool.console.demo.script import load_script, sample_folder
from fundpool.console.demo.summary import Summary, summarise
from fundpool.domain.outcomes import StepReport, StepRequest, UnitState
from fundpool.domain.periods import Month
from fundpool.sandbox_bank.bank_file import BankFile
from fundpool.sandbox_bank.faults import Call, FaultPlan
from fundpool.services.month.daily import record_start, reserve_due_steps
from fundpool.services.month.steps import run_step
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from tests.scripted_bank import ScriptedGateway


@dataclass
class Ended:
    name: str
    state_name: str
    message: str = ""
    runs: "Sequence[Ended]" = ()

    @property
    def is_completed(self) -> bool:
        return self.state_name != "Failed"


class DirectRunner:
    """Runs the steps directly, in place of Prefect."""

    def __init__(self, ports: MonthPorts) -> None:
        self.ports = ports
        self.reports: list[StepReport] = []

    def run_step(self, step: str, city: str, month: str, county: str | None, as_of: str | None) -> Ended:
        assert as_of
        counties = (county,) if county else None
        request = StepRequest(
            city, Month.parse(month), datetime.fromisoformat(as_of), counties, is_played=True, run_id="run"
        )
        report = run_step(self.ports, step, request)
        self.reports.append(report)
        states = {outcome.state for outcome in report.outcomes}
        if UnitState.FAILED in states:
            return Ended(step, "Failed", str(report.failed))
        name = (
            "Flagged"
            if UnitState.FLAGGED in states
            else "Waiting"
            if UnitState.WAITING in states
            else "Completed"
        )
        return Ended(
            step,
            name,
            "; ".join(f"{o.unit} {o.detail_zh}" for o in report.outcomes if o.state is not UnitState.DONE),
        )

    def run_tick(
        self, as_of: str | None, cities: Sequence[str] | None, months: Sequence[str] | None
    ) -> Ended:
        assert as_of
        assert cities
        assert months
        ended = []
        only = [Month.parse(month) for month in months]
        for due in reserve_due_steps(self.ports, cities[0], datetime.fromisoformat(as_of), only=only):
            record_start(self.ports, [due], "run")
            ended.append(self.run_step(due.step, due.city, str(due.month), county=None, as_of=as_of))
        return Ended("daily-tick", "Completed", runs=ended)


class DemoStage:
    """One data folder of a demo, opened anew as after a restart."""

    def __init__(self, home: Path, city: str) -> None:
        self.settings = Settings(home=home)
        self.folder = sample_folder(city)
        self.script = load_script(self.folder)
        self.position = Position(home, self.script)
        self.position.claim()
        install(self.settings, sandbox=True).dispose()
        accounts = home / "bank-accounts.csv"
        write_bank_accounts(accounts, self.folder)
        self.bank_file = BankFile(home / "sandbox-bank.db")
        self.book = self.bank_file.open_book()
        for account, name, balance_fen in read_bank_accounts(accounts).rows:
            self.book.open_account(account, name, balance_fen)
        self.faults = FaultPlan()
        self.ports = replace(build_ports(self.settings), gateway=ScriptedGateway(self.book, self.faults))
        self.runner = DirectRunner(self.ports)
        self.clock = BusinessClock(next(self.script.moments()).at)

    def play(self, narrator: Any = None) -> None:
        people = ScriptedPeople(self.settings, self.ports, self.script, folder=self.folder)
        Play(
            script=self.script,
            people=people,
            ports=self.ports,
            runner=self.runner,
            position=self.position,
            clock=self.clock,
            narrator=narrator or Mock(),
            ask_bank=self._ask_bank,
        ).run()

    def summary(self) -> Summary:
        book = {
            "accounts": [asdict(account) for account in self.book.accounts.values()],
            "executions": [asdict(execution) for execution in self.book.executions],
        }
        last = list(self.script.moments())[-1].at
        return summarise(self.ports, self.script.city, self.script.month, now=last, bank_book=book)

    def close(self) -> None:
        self.bank_file.close()

    def _ask_bank(self, method: str, path: str, fault: dict[str, Any]) -> None:
        assert (method, path) == ("POST", "/sandbox/faults")
        self.faults.add(fault["fault"], call=Call(fault["call"]), key=fault["key"], times=fault["times"])
