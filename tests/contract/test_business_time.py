"""Nobody names the time of business on a real installation; a sandbox may, and says on every page what it is."""

import json
import shutil
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.console.cli import build_app, main
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.errors import InputError
from fundpool.domain.installation import SANDBOX_NOTICE
from fundpool.domain.languages import halves
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.rights import Role
from fundpool.services.oversight.filing import files_of
from fundpool.settings import Settings
from tasks.daily import reserve_steps
from tasks.steps import RunParameters, begin_step
from tests.accounts import auditor_of, enter
from tests.architecture.test_commands import commands
from tests.contract.test_not_set_up import INCOMES
from tests.contract.test_typing_errors import line_of
from tests.integration.month_scene import CityScene, at

OTHER_CLOCKS = {
    "due": "a calendar",
    "policy check": "a day of the files",
    "ledger balances": "a cut-off of events",
}
"""Commands whose ``--as-of`` is no business clock, or that read no database."""

CLOCKED = sorted(
    name
    for name, command in commands(build_app())
    if any("--as-of" in option.names for option in command.assemble_argument_collection())
    and name not in OTHER_CLOCKS
    and not name.startswith("sandbox-bank")
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", "http://127.0.0.1:1")
    (tmp_path / "openings.csv").write_text(
        "account_type,unit,fund,balance_yuan\ncounty_expenditure,331002,employee,5\n"
    )
    (tmp_path / "balances.csv").write_text(
        "city,fund,account_type,unit,amount_yuan\ntaizhou,employee,county_expenditure,331002,5\n"
    )
    (tmp_path / "budget.csv").write_text("county,fund,amount_yuan\n331002,employee,5\n")
    (tmp_path / "accounts.csv").write_text(
        "city,fund,unit,account_type,account_no,account_name,bank_name\n"
        "taizhou,employee,331002,county_expenditure,33100001,户名,银行\n"
    )
    (tmp_path / "incomes.csv").write_text(INCOMES)
    (tmp_path / "copy.db").write_bytes(b"")
    rows = [
        {
            "county_code": "331002",
            "county_name": "椒江区",
            "fund": fund,
            "available_fen": 0,
            "last_year_fen": 0,
        }
        | dict.fromkeys(
            ("inpatient_fen", "outpatient_fen", "chronic_fen", "maternity_fen", "remote_fen"), 100_00
        )
        | {"personal_account_fen": 0}
        for fund in ("employee", "resident")
    ]
    write_document(tmp_path / "plan.xlsx", "plan", city_name="台州市", month=Month(2026, 10), rows=rows)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main([*line, "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def real_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a real installation, to copy."""
    home = tmp_path_factory.mktemp("real") / "home"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FUNDPOOL_HOME", str(home))
        assert main(["init"]) == 0
    return home


@pytest.fixture
def real(here: Path, real_home: Path) -> Path:
    shutil.copytree(real_home, here / "home")
    return here


@pytest.mark.parametrize("name", CLOCKED)
@pytest.mark.parametrize("as_of", ["2026-09-01T09:00", "2099-01-01"])
def test_a_real_installation_refuses_a_business_time_before_anything_is_done(
    name: str, as_of: str, real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = build_ports(Settings()).database
    before = books.read(lambda work: work.trail.head())
    line = line_of(name, dict(commands(build_app()))[name])
    line += {"restore": ["--quarantine-only"], "budget import": ["--city", "taizhou"]}.get(name, [])
    capsys.readouterr()
    status = main([*line, "--as-of", as_of])
    printed = capsys.readouterr()
    assert (status, "sandbox_only" in printed.out + printed.err) == (2, True), (line, printed)
    assert "--sandbox" in printed.out + printed.err
    assert books.read(lambda work: work.trail.head()) == before


def test_flows_of_a_real_installation_refuse_it_too(real: Path) -> None:
    for task in (
        lambda: begin_step.fn("flags", RunParameters(("taizhou",), "2026-10", as_of="2026-09-01")),
        lambda: reserve_steps.fn("taizhou", at("2026-09-01 07:00"), as_of="2026-09-01"),
    ):
        with pytest.raises(InputError, match="a real installation"):
            task()


FILING = ("submit", "plan.xlsx", "--city", "taizhou", "--document", "plan")
NIL = (
    "nil-return",
    "add",
    "--city",
    "taizhou",
    "--month",
    "2026-10",
    "--document",
    "plan",
    "--county",
    "331003",
)
GROUNDS = ("--approver", "王批准", "--document-number", "台医保〔2026〕9号", "--reason", "窗口系统停机")


@pytest.mark.parametrize("line", [(*FILING, "--by", "李登记"), (*NIL, "--by", "李登记")])
def test_a_receipt_before_its_entry_takes_grounds_and_a_second_person_and_says_when_it_was_entered(
    line: tuple[str, ...], real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(build_ports(Settings()).database, "李登记", Role.MAKER)
    reason = ("--reason", "本月无用款") if line[0] == "nil-return" else ()
    earlier = (datetime.now(SHANGHAI) - timedelta(days=3)).isoformat(timespec="minutes")
    received = ("--received", earlier)
    for grounds, code in [
        (reason, "received_before_now"),
        (("--document-number", "9号", "--reason", " ", "--approver", "王批准"), "reason_missing"),
        (("--document-number", " ", "--reason", "停机", "--approver", "王批准"), "reason_missing"),
        (("--document-number", "9号", "--reason", "停机", "--approver", "李登记"), None),
    ]:
        status, answer = run(capsys, *line, *received, *grounds)
        assert status in {1, 2}, answer
        assert code is None or answer["error"]["code"] == code
    assert run(capsys, *line, *received, *GROUNDS)[0] == 0
    trail = build_ports(Settings()).database.read(lambda work: list(work.audit.records()))
    (entered,) = [each for each in trail if each.action in {"receive_file", "record_nil_return"}]
    after = json.loads(entered.detail)["after"]
    assert (after["approver"], after["document_number"]) == ("王批准", "台医保〔2026〕9号")
    assert datetime.fromisoformat(after["received_at"]) == datetime.fromisoformat(earlier)
    assert datetime.now(SHANGHAI) - entered.at < timedelta(minutes=5)
    if line[0] == "submit":
        (file,) = run(capsys, "receipts", "--city", "taizhou", "--month", "2026-10")[1]["files"]
        between = datetime.fromisoformat(file["entered_at"]) - datetime.fromisoformat(file["received_at"])
        assert between > timedelta(days=2)


def test_a_receipt_of_now_takes_nothing_more(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    enter(build_ports(Settings()).database, "李登记", Role.MAKER)
    assert run(capsys, *FILING, "--by", "李登记")[0] == 0
    assert run(capsys, *NIL, "--by", "李登记", "--reason", "本月无用款")[0] == 0


def test_a_sandbox_takes_both_and_says_so_in_its_status(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "init", "--sandbox")[1]["sandbox"] is True
    now = ("--as-of", "2026-09-24T10:00")
    assert run(capsys, *FILING, *now, "--received", "2026-09-23")[0] == 0
    about = ("status", "--city", "taizhou", "--month", "2026-10", *now)
    main(list(about))
    assert halves(SANDBOX_NOTICE)[0] in capsys.readouterr().out


def test_pages_of_a_real_installation_show_the_past_and_not_the_future(real: Path) -> None:
    now = at("2026-11-30 09:00")
    options = DashboardOptions(only_past=lambda: True)
    ports = build_ports(Settings())
    pages = TestClient(create_app(MonthReader(ports), lambda: now, options))
    pages.cookies.set("session", auditor_of(ports.database))
    assert pages.get("/?as_of=2026-11-29").status_code == 200
    refused = pages.get("/?as_of=2026-12-01")
    assert (refused.status_code, "has not come yet" in refused.text or "尚未到来" in refused.text) == (
        400,
        True,
    )
    assert halves(SANDBOX_NOTICE)[0] not in pages.get("/").text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_paper_of_a_sandbox_says_what_it_is(transactions: SqlTransactions, tmp_path: Path) -> None:
    scene = CityScene(transactions, tmp_path, "taizhou", Month(2026, 10))
    first = scene.counties[0]
    scene.submit(scene.plan(first, inpatient_fen=-5), "plan", at("2026-09-22 09:00"))
    scene.run("plan-collection", at("2026-09-22 16:00"))
    (slip,) = scene.ports.slip_folder.slips("taizhou", scene.month)
    assert SANDBOX_NOTICE in slip.page.read_text(encoding="utf-8")
    papers = {slip.workbook.name: slip.workbook.read_bytes()}
    papers |= dict(files_of(scene.ports, "taizhou", scene.month, now=at("2026-11-20 09:00"))[:1])
    assert len(papers) == 2
    for name, content in papers.items():
        for sheet in openpyxl.load_workbook(BytesIO(content)).worksheets:
            assert SANDBOX_NOTICE in str(sheet.oddHeader.center.text), (name, sheet.title)
