"""The documents lead right: every command of these pages is run as it stands, in its order, against the sandbox bank.

A page's fenced lines that begin with ``fundpool`` are run. Comments that a reader does not see steer the test:
``<!-- at MOMENT -->`` before a block sets the business clock, ``<!-- not run: WHY -->`` leaves the block out. A
line whose remark begins with ``exit N`` must end so; any other must end with 0.
"""

import csv
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from cyclopts import App

from fundpool.clock import business_clock
from fundpool.console.cli import build_app, main
from fundpool.console.commands.sandbox_bank import ask
from fundpool.console.demo.bank import running_bank, write_bank_accounts
from fundpool.console.demo.script import sample_folder
from fundpool.console.demo.summary import summarise
from fundpool.console.options import Options
from fundpool.domain.money import parse_yuan
from fundpool.domain.periods import Month
from fundpool.settings import REPOSITORY
from tests.canary import GATEWAY_SECRET

PAGES = ("docs/month.md", "docs/runbook.md", "README.md")
"""The pages, in the order in which one installation follows them."""

_BLOCK = re.compile(
    r"(?P<marks>(?:^ *<!-- (?:at|not run:) [^\n]*-->\n)*)^ *```\w*\n(?P<body>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (at|not run:) (.*?) -->")
_COMMAND = re.compile(r"(fundpool|prefect|make|export|pip|apt|sudo|systemctl|docker)\b")
_PLACES = {"/backups": "backups"}
"""Folders of the machine that the pages name, in the test's folder."""


OF_A_MONTH = re.compile(
    r"fundpool (submit|month|review (approve|confirm)|application review|transfers (approve|release)"
    r"|run (funds-application|disbursement|allocation)) "
)
"""The commands without which no month goes round; the others of the page look, or come once."""

TRANSFERS = 8
"""Two funds over the first hop, three counties and two funds over the second."""


@dataclass(frozen=True, slots=True)
class Line:
    """One command line of a page; ``skipped`` is why it is not run."""

    place: str
    text: str
    at: str | None
    skipped: str | None
    status: int


def lines_of(page: str) -> Iterator[Line]:
    """Every command line in the fenced blocks of a page, in order; the clock stands from block to block."""
    text, at = (REPOSITORY / page).read_text(encoding="utf-8"), None
    for block in _BLOCK.finditer(text):
        marks = dict(_MARK.findall(block["marks"]))
        at = marks.get("at", at)
        for raw in block["body"].replace("\\\n", " ").splitlines():
            command, _, remark = raw.strip().partition("  #")
            if _COMMAND.match(command):
                status = re.match(r" *exit ([0-9])", remark)
                where = f"{page}:{text.count(chr(10), 0, block.start('body')) + 1}"
                yield Line(where, command.strip(), at, marks.get("not run:"), int(status[1]) if status else 0)


def test_a_month_of_three_counties_takes_as_many_commands_as_the_page_says() -> None:
    month = [line for line in lines_of("docs/month.md") if line.skipped is None]
    typed = [line.text for line in month if (line.at or "") >= "2026-09-09" and OF_A_MONTH.match(line.text)]
    stated = (REPOSITORY / "docs/month.md").read_text(encoding="utf-8")
    assert f"| **26** | **{len(typed)}** |" in stated, typed


def _takes_clock(app: App, tokens: list[str]) -> bool:
    """Whether the command that the tokens name takes ``--as-of``."""
    for token in tokens:
        if token.startswith("-") or token not in app:
            break
        app = app[token]
    return any("--as-of" in option.names for option in app.assemble_argument_collection())


def _run(line: Line, folder: Path) -> int:
    for named, ours in _PLACES.items():
        line_text = line.text.replace(named, str(folder / ours))
        line = Line(line.place, line_text, line.at, line.skipped, line.status)
    tokens = shlex.split(line.text)[1:]
    app = build_app()
    if tokens[:1] == ["init"] and any(
        "--sandbox" in option.names for option in app["init"].assemble_argument_collection()
    ):
        tokens.append("--sandbox")  # the played clock of the pages is refused on a real installation
    if line.at is not None and _takes_clock(app, tokens):
        tokens += ["--as-of", line.at]
    return main(tokens)


@pytest.mark.parametrize("page", [*PAGES, "docs/install.md", "docs/alarms.md"])
def test_every_command_line_is_run_or_says_why_not(page: str) -> None:
    lines = list(lines_of(page))
    assert lines
    unfit = [line for line in lines if line.skipped is None and not line.text.startswith("fundpool ")]
    assert unfit == [], "only fundpool's own commands are run; mark the block <!-- not run: why -->"
    assert all(line.skipped is None or len(line.skipped) > len("because") for line in lines)


@pytest.mark.slow
def test_the_pages_lead_through_a_month_and_back_from_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "suizhou"
    shutil.copytree(sample_folder("suizhou"), folder)
    (folder / "backups").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FUNDPOOL_DATABASE_URL", raising=False)
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", GATEWAY_SECRET)
    accounts = tmp_path / "bank-accounts.csv"
    write_bank_accounts(accounts, folder)
    with running_bank(tmp_path, accounts) as url:
        monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", url)
        for page in PAGES:
            for line in lines_of(page):
                if line.skipped is None:
                    _let_the_bank_receive(line, url)
                    status = _run(line, folder)
                    said = capsys.readouterr()
                    assert status == line.status, (line, said.out[-3000:], said.err[-3000:])
            if page == "docs/month.md":
                _require_month_over(capsys, folder)
        _require_bank_agrees(url)


def _let_the_bank_receive(line: Line, url: str) -> None:
    """What a page books as income has come into the fund's fiscal account at the bank."""
    tokens = shlex.split(line.text)
    if tokens[1:3] != ["ledger", "income"]:
        return
    said = dict(pairwise(tokens))
    (account,) = [
        row["account_no"]
        for row in csv.DictReader((sample_folder("suizhou") / "accounts.csv").open(encoding="utf-8"))
        if (row["fund"], row["account_type"]) == (said["--fund"], "fiscal_account")
    ]
    amount_fen = parse_yuan(said["--amount"])
    document = {
        "account": account,
        "amount_fen": amount_fen,
        "counterparty": "财政",
        "at": f"{line.at}+08:00",
    }
    ask(url, "POST", "/sandbox/deposits", document=document)


def _answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict:  # type: ignore[type-arg]
    found = main([*arguments, "--json"])
    said = capsys.readouterr()
    assert found == status, (arguments, said.out[-3000:])
    return json.loads(said.out)  # type: ignore[no-any-return]


def _require_month_over(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Every duty is done, every step too, and October waits for nobody."""
    october = ("--city", "suizhou", "--month", "2026-10", "--as-of", "2026-11-12T12:00")
    status = _answer(capsys, "status", *october)
    assert {duty["state"] for duty in status["duties"]} == {"done_on_time"}
    states = {step["step"]: step["state"] for step in status["steps"]}
    assert {states[key] for key in states if key not in {"flags", "document-collection"}} == {"done"}
    assert _answer(capsys, "next", *october)["turns"] == []
    assert folder.exists()


def _require_bank_agrees(url: str) -> None:
    """Every payment and every account of the city is at the bank as it is in the books, and the books balance."""
    summary = summarise(
        Options().open_month(),
        "suizhou",
        Month(2026, 10),
        now=business_clock("2026-11-14T12:00"),
        bank_book=ask(url, "GET", "/sandbox/book"),
    )
    assert summary.is_sound, summary
    assert summary.transfers == TRANSFERS
