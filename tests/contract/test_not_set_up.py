"""Only ``fundpool init`` makes an installation, and another folder is never another set of books."""

import json
import shutil
from pathlib import Path

import pytest

from fundpool.adapters.documents.workbooks import write_document
from fundpool.console.cli import build_app, main
from fundpool.domain.periods import Month
from tests.architecture.test_commands import commands
from tests.contract.test_typing_errors import UNWALKED, line_of

WITHOUT_INSTALLATION = {
    *("compute", "policy list", "policy show", "policy explain", "policy check", "policy diff", "due"),
    *("policy coverage", "transfers terms", "template", "check", "reconcile", "settings", "init", "deploy"),
    *("doctor", "health"),  # which say so among what they find
}
"""Commands that need no database."""

WALKED = sorted(
    name
    for name, _ in commands(build_app())
    if name not in {*UNWALKED, *WITHOUT_INSTALLATION} and not name.startswith("sandbox-bank")
)


INCOMES = (
    "city,fund,account_type,unit,source,received_on,reference,amount_yuan\n"
    "taizhou,employee,county_expenditure,331002,subsidy,2026-08-20,凭1,5\n"
)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in; the default data folder is below another."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FUNDPOOL_HOME", raising=False)
    monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.mark.parametrize("name", WALKED)
def test_a_command_on_an_installation_that_was_not_set_up_says_so_and_makes_nothing(
    name: str, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "openings.csv").write_text(
        "account_type,unit,fund,balance_yuan\ncounty_expenditure,331002,employee,5\n"
    )
    (here / "budget.csv").write_text("county,fund,amount_yuan\n331002,employee,5\n")
    (here / "accounts.csv").write_text(
        "city,fund,unit,account_type,account_no,account_name,bank_name\n"
        "taizhou,employee,331002,county_expenditure,33100001,户名,银行\n"
    )
    (here / "balances.csv").write_text(
        "city,fund,account_type,unit,amount_yuan\ntaizhou,employee,county_expenditure,331002,5\n"
    )
    write_document(here / "plan.xlsx", "plan", city_name="台州市", month=Month(2026, 10), rows=[])
    (here / "incomes.csv").write_text(INCOMES)
    before = sorted(tmp_path.rglob("*"))
    line = line_of(name, dict(commands(build_app()))[name])
    line += {"restore": ["--quarantine-only"], "backup": ["copy.db"]}.get(name, [])
    status = main(line)
    printed = capsys.readouterr()
    assert (status, "database_not_set_up" in printed.out + printed.err) == (4, True), (line, printed)
    assert "fundpool init" in printed.out + printed.err
    assert sorted(tmp_path.rglob("*")) == before


def test_init_makes_the_data_folder_its_owner_s_alone_and_the_same_from_any_folder(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    home = tmp_path / "data" / "fundpool"
    assert (made["home"], made["warnings"]) == (str(home), [])
    assert mode(home) == 0o700
    assert {mode(file) for file in home.iterdir() if file.is_file()} == {0o600}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["transfers", "switches"]) == 0
    assert list(elsewhere.iterdir()) == list(here.iterdir()) == []


def test_a_folder_that_others_can_read_is_named_and_not_changed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "kept.txt").write_text("somebody's")
    here.chmod(0o755)
    monkeypatch.setenv("FUNDPOOL_HOME", str(here))
    for command in ("init", "settings"):
        assert main([command, "--json"]) == 0
        (warning,) = json.loads(capsys.readouterr().out)["warnings"]
        assert f"chmod 700 {here}" in warning
    assert mode(here) == 0o755
    here.chmod(0o700)
    assert main(["settings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []


def test_an_earlier_release_s_data_in_this_folder_is_named_and_no_other_books_are_begun(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    former = here / ".fundpool"
    monkeypatch.setenv("FUNDPOOL_HOME", str(former))
    assert main(["init"]) == 0
    monkeypatch.delenv("FUNDPOOL_HOME")
    capsys.readouterr()
    for line, status, code in (
        (["transfers", "switches", "--json"], 4, "database_not_set_up"),
        (["init", "--json"], 2, "former_data_here"),
    ):
        assert main(line) == status
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == code
        assert f"FUNDPOOL_HOME={former}" in error["remedy"]
    assert not (tmp_path / "data").exists()
    monkeypatch.setenv("FUNDPOOL_HOME", str(former))
    assert main(["transfers", "switches"]) == 0


def test_a_database_that_was_taken_away_is_not_begun_anew(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    file = tmp_path / "data/fundpool/fundpool.db"
    shutil.move(file, here / "moved.db")
    assert main(["transfers", "switches"]) == 4
    assert str(file) in capsys.readouterr().err
    assert not file.exists()
