"""A typing error is answered: every command says that nobody knows the city, fund, county or month, or has the folder.

The walk goes over the whole command table, so that a new command is walked too.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App
from cyclopts.argument import Argument

from fundpool.adapters.documents.workbooks import write_document
from fundpool.console.cli import build_app, main
from fundpool.domain.periods import Month
from tests.accounts import PASSWORD
from tests.architecture.test_commands import commands

RIGHT = {
    "--account": "33100001",
    "--amount": "1",
    "--approver": "王批准",
    "--balance": "1",
    "--booking": "b",
    "--break-id": "1",
    "--by": "李经办",
    "--city": "taizhou",
    "--county": "331002",
    "--date": "2026-10-01",
    "--document": "plan",
    "--document-number": "台医保〔2026〕1号",
    "--duty": "submit_fund_use_plan",
    "--facts": "facts.json",
    "--format": "csv",
    "--fund": "employee",
    "--item": "inpatient",
    "--key": "opening:1",
    "--month": "2026-10",
    "--note": "明日报",
    "--out": "written",
    "--owner": "李经办",
    "--reason": "核对",
    "--reference": "凭据1",
    "--role": "county_submit",
    "--rule": "TZ-15",
    "--seed": "1",
    "--serial": "1",
    "--source": "对账单1",
    "--transfer-id": "1",
    "--unit": "331000",
    "--until": "2026-10-20",
    "--year": "2026",
}
"""A right value of every option that a walked command must be given."""

OF_COMMAND = {
    ("compute", "--name"): "subsidy-quarters",
    ("ledger income", "--source"): "contribution",
    ("openings import", "--file"): "openings.csv",
    ("budget import", "--file"): "budget.csv",
    ("accounts import", "--file"): "accounts.csv",
    ("ledger open", "--file"): "balances.csv",
    ("ledger import-incomes", "--file"): "incomes.csv",
    ("backup", "--file"): "copy.db",
    ("explain transfer", "--name"): "1",
    ("run", "--step"): "flags",
    ("reconcile", "--left"): "details.csv",
    ("reconcile", "--right"): "details.csv",
    ("policy diff", "--left"): "taizhou",
    ("policy diff", "--right"): "jilin",
    ("explain ledger", "--voucher"): "1",
    ("notices calendar", "--out"): "written.ics",
    ("notices calendar", "--unit"): "331002",
    ("report paper", "--name"): "plan-summary",
    ("users add", "--name"): "周椒江",
    ("users disable", "--name"): "周椒江",
    ("users enable", "--name"): "周椒江",
    ("users password", "--name"): "周椒江",
    ("users revoke", "--name"): "周椒江",
    ("users revoke", "--label"): "接口",
    ("users token", "--name"): "周椒江",
    ("users token", "--label"): "接口",
}
"""Values that mean something else in one command."""

WITH = {
    "transfers statement": ["--date", "2026-10-01"],
    "due": ["--month", "2026-10"],
    "explain ledger": ["--city", "taizhou", "--fund", "employee", "--voucher", "1"],
    "review approve": ["--county", "331002"],
    "submit": ["plan.xlsx"],
    "check": ["plan.xlsx"],
    "accounts approve": ["1"],
    "catch-up": ["--city", "taizhou"],
    "compute": ["--fund", "employee"],
    "users add": ["--city", "taizhou", "--county", "331002", "--password-file", "password"],
    "notices calendar": ["--city", "taizhou"],
    "notices list": ["--city", "taizhou"],
    "users disable": ["--by", "张安全"],
    "users enable": ["--by", "张安全"],
    "users password": ["--by", "张安全"],
    "users revoke": ["--by", "张安全"],
    "users token": ["--by", "张安全"],
}
"""What a command needs although no one option is required."""

WRONG = {
    "--city": ("nowhere", "unknown_city"),
    "--fund": ("gold", "unknown_fund"),
    "--county": ("999999", "unknown_county"),
    "--unit": ("999999", "unknown_county"),
    "--month": ("2026-13", "bad_month"),
    "--out": ("file/below", "storage_unavailable"),
}
"""What nobody has, and the code that says so."""

UNWALKED = {"demo": "plays its own city in its own folder"}


def _arguments(command: App) -> list[Argument]:
    return [argument for argument in command.assemble_argument_collection() if argument.show]


def line_of(name: str, command: App, wrong: str = "") -> list[str]:
    """The command line with a right value of everything it needs, and the wrong value of ``wrong``."""
    positional: list[str] = []
    named: dict[str, str] = {}
    extra = list(WITH.get(name, ()))
    arguments = _arguments(command)
    # A command about a month takes the installation's city and month where they are left out: several run here.
    placed = {"--city", "--month"} if any(each.name == "--month" for each in arguments) else set()
    for argument in arguments:
        option = argument.name
        if option == wrong:
            value = WRONG[wrong][0]
        elif argument.required or option in placed:
            value = OF_COMMAND.get((name, option)) or RIGHT[option]
        else:
            continue
        if argument.index is not None:
            positional.append(value)
        else:
            named[option] = value
    while extra and extra[0].startswith("--"):
        option, value, *extra = extra
        named.setdefault(option, value)
    line = [*name.split(), *positional, *extra]
    line += [part for pair in named.items() for part in pair]
    if any(argument.name == "--json" for argument in _arguments(command)):
        line.append("--json")
    return line


def _walk() -> Iterator[tuple[str, str]]:
    for name, command in commands(build_app()):
        if name not in UNWALKED:
            names = {argument.name for argument in _arguments(command)}
            yield from ((name, wrong) for wrong in WRONG if wrong in names)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUNDPOOL_HOME", str(folder / "home"))
        assert main(["init", "--sandbox"]) == 0
    (folder / "file").write_text("")
    (folder / "password").touch(mode=0o600)
    (folder / "password").write_text(PASSWORD)
    (folder / "facts.json").write_text(json.dumps({"annual_budget_fen": 100}))
    (folder / "details.csv").write_text("serial,county,fund,amount_fen\n1,331002,employee,5\n")
    (folder / "budget.csv").write_text("county,fund,amount_yuan\n331002,employee,5\n")
    (folder / "openings.csv").write_text(
        "account_type,unit,fund,balance_yuan\ncounty_expenditure,331002,employee,5\n"
    )
    write_document(folder / "plan.xlsx", "plan", city_name="台州市", month=Month(2026, 10), rows=[])
    return folder


@pytest.mark.parametrize(("name", "wrong"), list(_walk()))
def test_every_command_answers_a_typing_error(
    name: str,
    wrong: str,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(installation / "home"))
    monkeypatch.delenv("FUNDPOOL_GATEWAY_URL", raising=False)
    monkeypatch.chdir(installation)
    command = dict(commands(build_app()))[name]
    line = line_of(name, command, wrong)
    status = main(line)
    printed = capsys.readouterr()
    if "--json" in line:
        document = json.loads(printed.out)
        code = document["error"]["code"] if "error" in document else document["files"][0]["error"]["code"]
    else:
        code = printed.err.split("[", 1)[1].split("]", 1)[0]
    assert (status, code) == (4 if wrong == "--out" else 2, WRONG[wrong][1]), line


def test_a_fund_no_city_has_is_answered_without_a_city_too(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(installation / "home"))
    assert main(["ledger", "balances", "--fund", "gold", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_fund"
    assert main(["ledger", "balances", "--fund", "resident", "--json"]) == 0


@pytest.mark.parametrize("words", [["ledger", "export", "--format", "csv"], ["audit", "anchor"]])
def test_a_file_in_a_folder_that_is_not_there_is_one_clear_error(
    words: list[str],
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(installation / "home"))
    target = installation / "missing" / "out.csv"
    assert main([*words, "--out", str(target)]) == 2
    assert f"没有目录 {target.parent}" in capsys.readouterr().err
