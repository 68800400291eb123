"""A city that the product does not know: its policy file, and its whole month by commands against a bank over HTTP.

Qinghe (tests/golden/policies/cities/qinghe.yaml) is invented. It has three funds, a zone without a national
code, a review by two bureaus, and two payment paths: the zone is paid straight from the fiscal account,
the counties by way of the city's account.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.policies.policy_files import load_city
from fundpool.clock import business_clock
from fundpool.console.cli import main
from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.options import Options
from fundpool.domain.periods import Month
from fundpool.services.ports.judging import Register
from tests.contract.conftest import SECRET, RunningBank

POLICIES = Path(__file__).parents[1] / "golden" / "policies"
CITY = load_city(POLICIES, "qinghe")
REGISTER = Register.of(CITY.units, CITY.funds)
OCTOBER = Month(2026, 10)
FUNDS = tuple(fund.key for fund in CITY.funds)
UNITS = tuple(unit.code for unit in CITY.units)
ZONE = "990300-KF"
ITEMS = ("inpatient", "outpatient", "chronic", "maternity", "remote", "personal_account")
HELD_FEN, FISCAL_FEN = 1_000_00, 90_000_000_00


@pytest.fixture
def office(
    bank: RunningBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> "Office":
    """The city's office: an empty data folder, the policy folder by option only, the bank by HTTP."""
    monkeypatch.delenv("FUNDPOOL_POLICY_DIR", raising=False)
    monkeypatch.delenv("FUNDPOOL_DATABASE_URL", raising=False)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", bank.server.url)
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", SECRET.decode())
    return Office(tmp_path, capsys)


class Office:
    """Runs commands as people do and reads their JSON."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *arguments: str, status: int = 0) -> Any:
        found = main([*arguments, "--policy-dir", str(POLICIES), "--json"])
        out, err = self._capsys.readouterr()
        assert found == status, (arguments, out, err)
        return json.loads(out)

    def month(self, *arguments: str, at: str | None = None, status: int = 0) -> Any:
        clock = ["--as-of", at] if at else []
        return self.run(*arguments, "--city", "qinghe", "--month", str(OCTOBER), *clock, status=status)

    def step(self, name: str, at: str) -> set[str]:
        """Run a step; the states of its outcomes."""
        return {outcome["state"] for outcome in self.month("run", name, "--by", "经办", at=at)["outcomes"]}

    def csv(self, name: str, rows: list[dict[str, object]]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        file = self.folder / name
        file.write_text(text.getvalue(), encoding="utf-8")
        return str(file)


def planned_fen(unit: str, fund: str) -> int:
    """Every unit and fund has an amount of its own."""
    items = 5 if fund == "resident" else 6
    return items * (1 + UNITS.index(unit)) * (1 + FUNDS.index(fund)) * 1_000_00


def account_no(kind: str, unit: str, fund: str) -> str:
    kinds = ["fiscal_account", "city_expenditure", "county_expenditure"]
    return f"{kinds.index(kind)}{unit[:6]}{FUNDS.index(fund)}"


def rows_of(unit: str, document: str) -> list[dict[str, str | int]]:
    name = next(each.name_zh for each in CITY.units if each.code == unit)
    rows = []
    for fund in FUNDS:
        each = (1 + UNITS.index(unit)) * (1 + FUNDS.index(fund)) * 1_000_00
        items = {f"{item}_fen": each for item in ITEMS}
        if fund == "resident":
            items["personal_account_fen"] = 0
        row: dict[str, str | int] = {"county_code": unit, "county_name": name, "fund": fund, **items}
        row["last_year_fen"] = sum(items.values())
        if document == "plan":
            row["available_fen"] = HELD_FEN
        else:
            row |= {f"year_{key}": value for key, value in items.items()}
            row |= {"opening_fen": HELD_FEN, "received_fen": planned_fen(unit, fund) - HELD_FEN}
            row |= dict.fromkeys(("interest_fen", "returned_fen", "remitted_fen"), 0)
        rows.append(row)
    return rows


def file_documents(office: Office, document: str, at: str) -> None:
    files = []
    for unit in UNITS:
        path = office.folder / f"{document}-{unit}.xlsx"
        write_document(
            path, document, CITY.name_zh, month=OCTOBER, rows=rows_of(unit, document), funds=REGISTER.funds
        )
        files.append(str(path))
    filed = office.run("submit", *files, "--city", "qinghe", "--document", document, "--as-of", at)
    assert [file.get("error") for file in filed["files"]] == [None] * len(UNITS)


def set_up(office: Office, bank: RunningBank) -> None:
    """Openings, budget and accounts; the bank holds what the books begin with."""
    assert "qinghe" in office.run("init", "--sandbox")["cities"]
    at = ("--as-of", "2026-09-10T10:00")
    openings = [
        {
            "account_type": "fiscal_account",
            "unit": CITY.division_code,
            "fund": fund,
            "balance_yuan": 9 * 10**7,
        }
        | {"year_spending_yuan": ""}
        for fund in FUNDS
    ] + [
        {"account_type": "county_expenditure", "unit": unit, "fund": fund, "balance_yuan": "1000.00"}
        | {"year_spending_yuan": "0.00"}
        for unit in UNITS
        for fund in FUNDS
    ]
    budget = [{"county": unit, "fund": fund, "amount_yuan": "9000000.00"} for unit in UNITS for fund in FUNDS]
    places = [(kind, CITY.division_code) for kind in ("fiscal_account", "city_expenditure")]
    places += [("county_expenditure", unit) for unit in UNITS]
    accounts = [
        {"city": "qinghe", "fund": fund, "unit": unit, "account_type": kind}
        | {
            "account_no": account_no(kind, unit, fund),
            "account_name": f"{unit}{kind}",
            "bank_name": "青河银行",
        }
        for kind, unit in places
        for fund in FUNDS
    ]
    city, by = ("--city", "qinghe"), ("--by", "期初")
    office.run("openings", "import", office.csv("o.csv", openings), *city, "--month", "2026-09", *by, *at)
    numbered = ("--year", "2026", "--document-number", "青财〔2026〕1号")
    office.run("budget", "import", office.csv("b.csv", budget), *city, *numbered, *by, *at)
    office.run("accounts", "import", office.csv("a.csv", accounts), "--by", "账户经办", *at)
    office.run("accounts", "approve", *city, "--by", "账户复核", *at)
    for account in accounts:
        held = {"fiscal_account": FISCAL_FEN, "city_expenditure": 0, "county_expenditure": HELD_FEN}
        number, kind = str(account["account_no"]), str(account["account_type"])
        bank.book.open_account(number, str(account["account_name"]), held[kind])


def pay(office: Office, step: str, at: str) -> None:
    """Order a hop, have two people pass it, and send it."""
    office.step(step, at)
    for verb, who in (("approve", "钱审批"), ("release", "孙放行")):
        office.month("transfers", verb, "--by", who, at=at)
    assert office.step(step, at) == {"done"}


def test_a_sixth_city_plays_its_whole_month_from_its_policy_file(office: Office, bank: RunningBank) -> None:
    set_up(office, bank)

    file_documents(office, "plan", "2026-09-17T10:00")
    assert office.step("plan-collection", "2026-09-18T07:00") == {"done"}
    office.step("plan-review", "2026-09-18T08:00")
    cases = office.month("review", "list")["cases"]
    assert {(case["county"], case["fund"]) for case in cases} == {
        (unit, fund) for unit in UNITS for fund in FUNDS
    }
    for unit in UNITS:
        office.month("review", "approve", "--county", unit, "--by", "王初审", at="2026-09-20T09:00")
    office.month("review", "confirm", "--by", "李复核", at="2026-09-21T09:00")
    office.step("funds-application", "2026-09-21T10:00")
    # two days of work for the city (the 20th is a working Sunday), four for the two bureaus
    office.month("application", "review", "--by", "赵财政", at="2026-09-25T10:00")
    assert {each["fund"] for each in office.month("application", "list")["applications"]} == set(FUNDS)

    pay(office, "disbursement", "2026-10-08T10:00")
    pay(office, "allocation", "2026-10-10T10:00")
    arrived = {
        account: book.balance_fen - HELD_FEN
        for account, book in bank.book.accounts.items()
        if account.startswith("2990")
    }
    assert arrived == {
        account_no("county_expenditure", unit, fund): planned_fen(unit, fund) - HELD_FEN
        for unit in UNITS
        for fund in FUNDS
    }
    by_way_of_the_city = {
        execution.credit_account: execution.amount_fen
        for execution in bank.book.executions
        if execution.credit_account.startswith("1990")
    }
    assert by_way_of_the_city == {
        account_no("city_expenditure", CITY.division_code, fund): sum(
            planned_fen(unit, fund) - HELD_FEN for unit in UNITS if unit != ZONE
        )
        for fund in FUNDS
    }
    assert office.step("reconciliation", "2026-10-12T10:00") == {"done"}
    received = office.month("receipts")["receipts"]
    assert {each["fund"] for each in received if each["unit"] == ZONE} == set(FUNDS)

    file_documents(office, "report", "2026-11-06T10:00")
    assert office.step("expenditure-reporting", "2026-11-09T07:00") == {"done"}
    assert office.step("report-filing", "2026-11-10T10:00") == {"done"}
    written = office.month("report", "write", "--out", str(office.folder / "reports"), at="2026-11-10T12:00")
    sheets = load_workbook(written["files"][0]).sheetnames
    assert sheets[:3] == ["职工基本医疗保险", "城乡居民基本医疗保险", "公务员医疗补助"]

    assert office.run("ledger", "verify")["ok"]
    assert office.run("audit", "verify")["ok"]
    balances = office.run("ledger", "balances", "--city", "qinghe")
    assert all(each["debit_fen"] == each["credit_fen"] for each in balances["trial_balance"])
    spent = {
        (account["fund"], account["unit"]): account["balance_fen"]
        for account in balances["accounts"]
        if account["type"] == "county_expenditure"
    }
    assert set(spent.values()) == {0}

    ended = office.month("status", at="2026-11-30T18:00")
    followed = {duty["step"]: duty["state"] for duty in ended["duties"]}
    assert set(followed.values()) == {"done_on_time"}
    assert [flag for flag in ended["flags"] if flag["severity"] == "block"] == []

    pages = TestClient(
        create_app(
            MonthReader(Options(policy_dir=POLICIES).open_month()),
            lambda: business_clock("2026-11-30T18:00"),
        )
    )
    for path in ("/", "/transfers", "/balances", f"/counties/{ZONE}"):
        for language, name in (("zh", "公务员医疗补助"), ("en", "civil servants supplement")):
            page = pages.get(f"{path}?city=qinghe&month=2026-10&lang={language}")
            assert (page.status_code, name in page.text) == (200, True), (path, language)
