"""A city with its counties, files, bank and people, for tests that play a month of it."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.console.demo.people import People
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.outcomes import StepReport, StepRequest
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.month.steps import run_step
from fundpool.services.oversight import records
from fundpool.services.ports.judging import (
    Judgement,
    JudgingContext,
    ParsedDocument,
    Register,
    judgement_of,
)
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from tests.scripted_bank import ScriptedGateway

ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")
OPENING_FEN = 1_000_00
FISCAL_FEN = 10_000_000_00
MAKER, CHECKER, FINANCE, APPROVER, RELEASER = "王初审", "李复核", "赵财政", "钱审批", "孙放行"
NAMES = {"accounts_clerk": "账户经办", "accounts_checker": "账户复核"} | {
    "maker": MAKER,
    "checker": CHECKER,
    "finance": FINANCE,
    "approver": APPROVER,
    "releaser": RELEASER,
}


def at(text: str) -> datetime:
    """A moment in Shanghai: ``at("2026-09-24 10:00")``."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


class CityScene(People):
    """One city from an empty database: openings, budgets and accounts are recorded, nothing is filed."""

    names = NAMES

    def __init__(
        self,
        transactions: SqlTransactions,
        folder: Path,
        city: str,
        month: Month,
        *,
        without_account: tuple[str, ...] = (),
        judges: bool = True,
    ) -> None:
        """``judges`` False: every readable document passes, where a test is not about the checks."""
        book = BankBook()
        book.open_on_first_use(FISCAL_FEN)
        ports = build_ports(Settings(home=folder))
        assert isinstance(ports.database, SqlTransactions)
        transactions.limits = ports.database.limits
        ports = replace(ports, database=transactions, gateway=ScriptedGateway(book))
        self.move_in(ports if judges else replace(ports, judge_documents=passing), folder, city, month)
        self.found(without_account)

    def move_in(self, ports: MonthPorts, folder: Path, city: str, month: Month) -> None:
        """Take the city's place in an installation whose bank is in process."""
        assert isinstance(ports.gateway, ScriptedGateway)
        self.ports, self.folder, self.month = ports, folder, month
        self.gateway, self.book = ports.gateway, ports.gateway.book
        self.policy = ports.policies.city(city)
        self.counties = tuple(unit.code for unit in self.policy.units)
        self.funds = tuple(fund.key for fund in self.policy.funds)
        self.start = at(f"{month.year}-01-01 09:00")

    def found(self, without_account: tuple[str, ...] = ()) -> None:
        """Record openings, budget and accounts, as an installation's first days do."""
        of_city = [
            records.OpeningRow("fiscal_account", self.policy.division_code, fund, FISCAL_FEN)
            for fund in self.funds
        ]
        of_counties = [
            records.OpeningRow("county_expenditure", county, fund, OPENING_FEN, year_spending_fen=0)
            for county in self.counties
            for fund in self.funds
        ]
        budget = {(county, fund): 1_000_000_00 for county in self.counties for fund in self.funds}
        openings = {self.month.plus(-2): of_city, self.month.plus(-1): of_counties}
        self.record_beginnings(budget, "预算〔2026〕1号", openings, now=self.start)
        city_types = (AccountType.FISCAL_ACCOUNT, AccountType.CITY_EXPENDITURE)
        self.register_accounts(*((kind, self.policy.division_code) for kind in city_types))
        with_account = [county for county in self.counties if county not in without_account]
        self.register_accounts(*((AccountType.COUNTY_EXPENDITURE, county) for county in with_account))

    def place(self, county: str) -> int:
        """1 for the first county of the register, 2 for the second: makes every amount its own."""
        return self.counties.index(county) + 1

    def planned_fen(self, county: str, fund: str) -> int:
        """What the county plans to spend: item by item the place in yuan, thousands."""
        items = 5 if fund == "resident" else 6
        return items * self.place(county) * 1_000_00

    def requested_fen(self, county: str, fund: str) -> int:
        """What the county asks for: the plan less what it holds."""
        return self.planned_fen(county, fund) - OPENING_FEN

    def plan(self, county: str, *more: str, **changes: int) -> Path:
        """The county's plan as a workbook; ``changes`` replace amounts of its employee row.

        ``more`` are counties the same file speaks for.
        """
        rows = []
        for each in (county, *more):
            for fund in self.funds:
                row = self._row(each, fund)
                row |= {"available_fen": OPENING_FEN, "last_year_fen": self.planned_fen(each, fund)}
                rows.append(row | (changes if (each, fund) == (county, "employee") else {}))
        return self._write("plan", county, rows)

    def report(self, county: str, **changes: int) -> Path:
        """The county's report: all it planned was spent, what it applied for was received."""
        rows = []
        for fund in self.funds:
            row = self._row(county, fund)
            row |= {f"year_{item}_fen": row[f"{item}_fen"] for item in ITEMS}
            row |= {
                "opening_fen": OPENING_FEN,
                "received_fen": self.requested_fen(county, fund),
                "interest_fen": 0,
                "returned_fen": 0,
                "remitted_fen": 0,
                "last_year_fen": self.planned_fen(county, fund),
            }
            rows.append(row | (changes if fund == "employee" else {}))
        return self._write("report", county, rows)

    def drop(self, file: Path, document: str) -> None:
        """Put a file into the drop folder."""
        folder = self.folder / "inbox" / self.policy.key / document
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / file.name)

    def run(self, step: str, now: datetime, *counties: str) -> StepReport:
        """Run a step on a played clock."""
        request = StepRequest(self.policy.key, self.month, now, counties or None, by="system", is_played=True)
        return run_step(self.ports, step, request)

    def decide(self, now: datetime, *counties: str, document: str = "plan") -> None:
        """The maker approves the counties' cases and the checker confirms them."""
        for county in counties or self.counties:
            self.propose(county, now, document=document)
        self.confirm(now, document=document)

    def pay(self, now: datetime) -> None:
        """Both hops, as far as the city's path has them: order, authorise, send."""
        for step in ("disbursement", "allocation"):
            self.run(step, now)
            self.authorise(step, now)
            self.run(step, now)

    def register_accounts(self, *places: tuple[AccountType, str]) -> None:
        """Enter and approve the accounts of ``places`` (type, unit), one per scheme."""
        proposals = [
            AccountProposal(
                self.policy.key, fund, unit, kind, account_no(kind, unit, fund), f"{unit}{kind}", "农业银行"
            )
            for kind, unit in places
            for fund in self.funds
        ]
        self.enter_accounts(proposals, self.start)

    def executed_fen(self) -> dict[str, int]:
        """What the bank moved, by account credited: its own book, not ours."""
        moved: dict[str, int] = {}
        for execution in self.book.executions:
            moved[execution.credit_account] = moved.get(execution.credit_account, 0) + execution.amount_fen
        return moved

    def _row(self, county: str, fund: str) -> dict[str, str | int]:
        name = next(unit.name_zh for unit in self.policy.units if unit.code == county)
        row: dict[str, str | int] = {"county_code": county, "county_name": name, "fund": fund}
        row |= {f"{item}_fen": self.place(county) * 1_000_00 for item in ITEMS}
        if fund == "resident":
            row["personal_account_fen"] = 0
        return row

    def _write(self, document: str, county: str, rows: list[dict[str, str | int]]) -> Path:
        folder = self.folder / "outbox"
        folder.mkdir(exist_ok=True)
        path = folder / f"{document}-{county}.xlsx"
        funds = Register.of(self.policy.units, self.policy.funds).funds
        write_document(path, document, self.policy.name_zh, month=self.month, rows=rows, funds=funds)
        return path


def passing(parsed: Sequence[ParsedDocument], _document: str, _context: JudgingContext) -> list[Judgement]:
    """A judge that finds nothing."""
    return [
        judgement_of(reading, (), declared=1, evaluated=1, not_applicable=(), totals={}) for reading in parsed
    ]


def account_no(kind: AccountType, unit: str, fund: str) -> str:
    """The bank's account number of a unit's account in these tests."""
    return f"{list(AccountType).index(kind)}{unit}{fund}"


def play_to_payment(scene: CityScene) -> None:
    """Suizhou's October up to the counties' money."""
    play_to_review(scene)
    scene.pay(at("2026-10-05 09:00"))


def play_to_release(scene: CityScene) -> None:
    """Suizhou's October up to its first hop, released on 28 September and not sent."""
    play_to_review(scene)
    scene.run("disbursement", at("2026-09-28 10:00"))
    scene.authorise("disbursement", at("2026-09-28 10:30"))


def play_to_review(scene: CityScene) -> None:
    """Suizhou's October up to what finance has reviewed."""
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-14 09:00"))
    scene.run("plan-collection", at("2026-09-15 07:00"))
    scene.run("plan-review", at("2026-09-15 07:10"))
    scene.decide(at("2026-09-16 10:00"))
    scene.run("funds-application", at("2026-09-20 09:00"))
    scene.review_by_finance(at("2026-09-24 09:00"))
