"""``--by``: on every command that has it, a registered account with the right, and the machine's user beside it."""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from cyclopts import App

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import open_books
from fundpool.console.cli import build_app, main
from fundpool.domain.rights import RIGHTS, Right, Role
from fundpool.settings import Settings
from tests.accounts import BEGAN, PASSWORD, enter

MAKER, CHECKER, ADMIN, GONE = "李经办", "王复核", "张安全", "赵离岗"


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        if command.default_command is not None:
            yield (*path, name), command.default_command
        yield from commands(command, (*path, name))


def takes_by(command: Any) -> bool:
    hints = get_type_hints(inspect.unwrap(command))
    return "by" in hints or any(
        is_dataclass(hint) and "by" in {each.name for each in fields(hint)} for hint in hints.values()
    )


def _with_by() -> dict[tuple[str, ...], Any]:
    return {path: command for path, command in commands(build_app()) if takes_by(command)}


FURTHER: dict[tuple[str, ...], list[str]] = {
    # what a command wants beside --by before anything is looked at
    ("accounts", "import"): ["x.csv"],
    ("application", "review"): ["--city", "taizhou", "--month", "2026-10"],
    ("budget", "import"): ["x.csv", "--year", "2026", "--document-number", "1"],
    ("extension", "add"): [
        *("--month", "2026-10", "--duty", "d", "--until", "2026-10-01"),
        *("--document-number", "1", "--approver", "丁"),
    ],
    ("ledger", "close-month"): ["--month", "2026-10"],
    ("ledger", "import-incomes"): ["x.csv"],
    ("ledger", "income"): [
        *("--city", "taizhou", "--fund", "employee", "--unit", "331000", "--amount", "1", "--reference", "1"),
    ],
    ("ledger", "open"): ["x.csv"],
    ("ledger", "reverse"): ["key", "--reason", "错"],
    ("month", "close"): ["--city", "taizhou", "--month", "2026-10"],
    ("nil-return", "add"): ["--document", "plan", "--county", "331002", "--reason", "无"],
    ("notices", "call"): [
        *("--city", "taizhou", "--month", "2026-10", "--duty", "submit_fund_use_plan"),
        *("--county", "331002", "--note", "明日报"),
    ],
    ("openings", "import"): ["x.csv", "--month", "2026-09"],
    ("report", "paper"): ["plan-summary", "--city", "taizhou", "--month", "2026-10"],
    ("restore",): ["--quarantine-only"],
    ("review", "approve"): ["--all-clean"],
    ("review", "cut"): ["--county", "331002", "--fund", "employee", "--amount", "1", "--reason", "减"],
    ("review", "return"): ["--county", "331002", "--reason", "退"],
    ("run",): ["plan-collection"],
    ("submit",): ["x.xlsx", "--document", "plan"],
    ("transfers", "assign-break"): ["1", "--owner", "甲"],
    ("transfers", "bank-balance"): [
        *("--account", "1", "--date", "2026-10-01", "--balance", "1", "--source", "单"),
    ],
    ("transfers", "confirm-absence"): ["1"],
    ("transfers", "confirm-recovery"): ["--city", "taizhou", "--fund", "employee", "--reason", "单"],
    ("transfers", "match-receipt"): ["--account", "1", "--serial", "1", "--booking", "1"],
    ("transfers", "resolve-break"): ["1", "--reason", "清"],
    ("transfers", "restart"): ["--city", "taizhou", "--fund", "employee"],
    ("transfers", "statement"): ["--city", "taizhou", "--date", "2026-10-01"],
    ("transfers", "stop"): ["--city", "taizhou", "--fund", "employee", "--reason", "查"],
    ("users", "add"): ["新人", "--role", "maker"],
    ("users", "disable"): [MAKER],
    ("users", "enable"): [MAKER],
    ("users", "password"): [MAKER],
    ("users", "revoke"): [MAKER, "--label", "接口"],
    ("users", "token"): [MAKER, "--label", "接口"],
    ("waiver", "add"): [
        *("--document", "plan", "--county", "331002", "--document-number", "1"),
        *("--approver", "丁", "--reason", "免"),
    ],
} | {
    ("transfers", name): ["1", "--reason", "查"]
    for name in ("accept-execution", "approve-retry", "cancel", "hold", "look-again", "order-again")
}

OWN = {("users", "add"): Right.MANAGE_USERS, ("users", "disable"): Right.MANAGE_USERS}
OWN |= {("users", "token"): Right.MANAGE_USERS, ("users", "revoke"): Right.MANAGE_USERS}
OWN |= {
    ("users", "enable"): Right.MANAGE_USERS,
    ("users", "password"): Right.MANAGE_USERS,
    ("restore",): Right.MAINTAIN,
}
"""Commands whose services look the person up, in the transaction of the act itself."""


def right_of(path: tuple[str, ...], command: Any) -> Right:
    right = OWN.get(path) or command.right
    assert isinstance(right, Right)
    return right


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlTransactions:
    """A sandbox in which people are registered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    assert main(["init", "--cities", "taizhou", "--sandbox"]) == 0
    books = open_books(Settings())
    for name, role in ((ADMIN, Role.SEC_ADMIN), (MAKER, Role.MAKER), (CHECKER, Role.CHECKER)):
        enter(books, name, role)
    enter(books, GONE, Role.MAKER)
    books.transaction(lambda work: work.users.change(work.users.all()[-1], disabled_at=BEGAN))
    return books


def act(capsys: pytest.CaptureFixture[str], path: tuple[str, ...], by: str | None) -> dict[str, Any]:
    capsys.readouterr()
    status = main([*path, *FURTHER.get(path, []), *([] if by is None else ["--by", by]), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert status != 0
    error = document["error"]
    assert isinstance(error, dict)
    return error


@pytest.fixture(autouse=True)
def _typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands on standard input where a password is asked for."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: f"{PASSWORD}\n", raising=False)


def test_every_command_by_which_a_person_acts_has_a_right() -> None:
    found = _with_by()
    assert len(found) > 35
    assert {path for path, command in found.items() if not hasattr(command, "right")} == set(OWN)
    assert {right_of(path, command) for path, command in found.items()} == set(Right) - {
        Right.READ_CITY,
        Right.READ_COUNTY,
        Right.AUDIT,
    }


def test_an_unknown_a_disabled_and_a_wrong_account_are_refused_by_every_command(
    here: SqlTransactions, capsys: pytest.CaptureFixture[str]
) -> None:
    before = here.read(lambda work: work.trail.head())
    for path, command in _with_by().items():
        right = right_of(path, command)
        wrong = next(
            name for name, role in ((ADMIN, Role.SEC_ADMIN), (MAKER, Role.MAKER)) if right not in RIGHTS[role]
        )
        assert act(capsys, path, "没有人")["code"] == "user_unknown", path
        assert act(capsys, path, f"{MAKER}（签字）")["code"] == "person_not_a_name", path
        assert act(capsys, path, f"{MAKER[0]} {MAKER[1:]}")["code"] == "user_unknown", path
        assert act(capsys, path, GONE)["code"] == "right_missing", path
        assert act(capsys, path, wrong)["code"] == "right_missing", path
    assert here.read(lambda work: work.trail.head()) == before


@pytest.mark.parametrize(
    "path", [("run",), ("month", "open"), ("retry-failed",), ("catch-up",), ("submit",)], ids=" ".join
)
def test_nobody_acts_as_the_program_where_accounts_decide(
    here: SqlTransactions, capsys: pytest.CaptureFixture[str], path: tuple[str, ...]
) -> None:
    assert act(capsys, path, None)["code"] in {"person_missing", "user_unknown"}
    assert act(capsys, path, "system")["code"] == "person_missing"


def test_a_real_installation_without_accounts_lets_nobody_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    assert main(["init", "--cities", "taizhou"]) == 0
    assert "users add" in capsys.readouterr().out
    for path in _with_by():
        if path not in OWN:
            error = act(capsys, path, MAKER)
            assert error["code"] == "no_accounts", path
            assert "fundpool users add" in error["remedy"]
    assert act(capsys, ("users", "add"), None)["code"] == "first_user"


def test_the_machine_s_user_stands_beside_the_person(
    here: SqlTransactions, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fundpool.console.acting._user_of_machine", lambda: "fundpool (zhang)")
    stop = ["transfers", "stop", "--city", "taizhou", "--fund", "employee", "--reason", "查"]
    assert main([*stop, "--by", f" {MAKER}　"]) == 0
    record = here.read(lambda work: list(work.audit.records()))[-1]
    assert (record.actor, record.action) == (MAKER, "stop_fund")
    assert json.loads(record.detail)["os_user"] == "fundpool (zhang)"
    assert re.search("fundpool", str(capsys.readouterr().err)) is None


def test_an_account_of_another_city_or_county_is_refused(
    here: SqlTransactions, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(here, "孙随州", Role.MAKER, "suizhou")
    enter(here, "周椒江", Role.COUNTY_SUBMIT, "taizhou", "331002")
    enter(here, "吴黄岩", Role.COUNTY_SUBMIT, "taizhou", "331003")
    assert act(capsys, ("transfers", "stop"), "孙随州")["code"] == "other_place"
    assert act(capsys, ("budget", "import"), "孙随州")["code"] == "other_place"
    assert act(capsys, ("nil-return", "add"), "吴黄岩")["code"] == "other_place"
    assert act(capsys, ("submit",), "吴黄岩")["code"] == "other_place"  # names no county
    nil = ["nil-return", "add", "--document", "plan", "--county", "331002", "--reason", "无"]
    moment = ["--city", "taizhou", "--month", "2026-10", "--as-of", "2026-09-22"]
    assert main([*nil, *moment, "--by", "周椒江"]) == 0


def test_a_file_of_bank_accounts_names_the_city_itself(
    here: SqlTransactions, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It bears a column for the city: the command has no option for one, and needs none."""
    enter(here, "孙随州", Role.MAKER, "suizhou")
    enter(here, "郑台州", Role.MAKER, "taizhou")
    columns = "city,fund,unit,account_type,account_no,account_name,bank_name"
    ours = "taizhou,employee,331000,fiscal_account,6222000011,专户,农业银行"
    theirs = "suizhou,employee,421300,fiscal_account,6222000012,专户,农业银行"

    def enters(name: str, *rows: str) -> int:
        file = tmp_path / "accounts.csv"
        file.write_text("\n".join([columns, *rows]), encoding="utf-8")
        return main(["accounts", "import", str(file), "--by", name])

    for name, rows in (("孙随州", [ours]), ("郑台州", [theirs]), ("郑台州", [ours, theirs])):
        assert enters(name, *rows) == 1
        assert "只限" in capsys.readouterr().err
    assert enters("郑台州", ours) == 0
    (entry,) = here.read(lambda work: work.accounts.find("taizhou"))
    assert (entry.maker, entry.account_no) == ("郑台州", "6222000011")
