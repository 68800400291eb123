"""What is chosen at init: sandbox or real, once and sealed, and the cities that run here."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.console.cli import main
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.errors import FundpoolError
from fundpool.domain.rights import Role
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.month.daily import live_cities
from fundpool.services.payments.installation import is_sandbox
from fundpool.settings import Settings
from schemas.tables import installation
from tests.accounts import enter
from tests.seals import SEALS


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation's settings, with a database that has no tables yet."""
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    if request.param == "postgresql":
        database: Database = request.getfixturevalue("empty_postgresql")
        monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)


def init(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    status = main(["init", *options, "--json"])
    return status, json.loads(capsys.readouterr().out)


def books() -> SqlTransactions:
    database = build_ports(Settings()).database
    assert isinstance(database, SqlTransactions)
    return database


@pytest.mark.usefixtures("empty")
def test_the_cities_named_at_init_are_those_that_run_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    every = init(capsys)[1]["cities"]
    assert {"suizhou", "taizhou"} < set(every)
    assert live_cities(build_ports(Settings())) == tuple(every)
    assert init(capsys, "--cities", "suizhou")[1]["cities"] == ["suizhou"]
    ports = build_ports(Settings())
    assert live_cities(ports) == ("suizhou",)
    assert [city.key for city in MonthReader(ports).cities()] == ["suizhou"]
    assert init(capsys)[1]["cities"] == ["suizhou"], "init again leaves them as they are"
    monkeypatch.setenv("FUNDPOOL_CITIES", "taizhou,suizhou")
    assert init(capsys)[1]["cities"] == ["suizhou", "taizhou"]
    assert init(capsys, "--cities", "all")[1]["cities"] == every
    assert books().read(lambda work: verify_everything(work, [])).faults == []


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("city", "code"), [("nowhere", "unknown_city"), ("heilongjiang", "city_not_in_force")]
)
def test_a_city_that_cannot_run_is_refused_and_nothing_set_up(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, city: str, code: str
) -> None:
    status, answer = init(capsys, "--cities", f"suizhou,{city}")
    assert (status, answer["error"]["code"]) == (2, code)
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("empty")
def test_a_sandbox_stays_one_and_an_installation_without_records_may_become_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert init(capsys)[1]["sandbox"] is False
    assert init(capsys, "--sandbox")[1]["sandbox"] is True
    assert init(capsys)[1]["sandbox"] is True
    assert [each.action for each in books().read(lambda work: list(work.audit.records()))] == ["init", "init"]


@pytest.mark.usefixtures("empty")
def test_an_installation_with_records_is_never_made_a_sandbox(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    init(capsys)
    enter(build_ports(Settings()).database, "李经办", Role.MAKER)
    (tmp_path / "budget.csv").write_text("county,fund,amount_yuan\n331002,employee,5\n")
    about = ("--city", "taizhou", "--year", "2026", "--document-number", "1号", "--by", "李经办")
    assert main(["budget", "import", str(tmp_path / "budget.csv"), *about]) == 0
    capsys.readouterr()
    status, answer = init(capsys, "--sandbox")
    assert (status, answer["error"]["code"]) == (2, "sandbox_too_late")
    assert init(capsys)[1]["sandbox"] is False


@pytest.mark.parametrize("wrong", ["switched on", "deleted", "put back"])
def test_what_was_chosen_cannot_be_changed_behind_the_program(database: Database, wrong: str) -> None:
    transactions = SqlTransactions(database, SEALS)
    assert transactions.read(is_sandbox)
    with database.engine.begin() as connection:
        if wrong == "deleted":
            connection.execute(delete(installation))
        elif wrong == "switched on":
            connection.execute(update(installation).values(cities="suizhou"))
        else:
            connection.execute(
                text("UPDATE latest_seal SET seal = 'later' WHERE table_name = 'installation'")
            )
    if wrong == "deleted":
        assert not transactions.read(is_sandbox), "without its record an installation is a real one"
    else:
        with pytest.raises(FundpoolError, match=r"behind the program"):
            transactions.read(is_sandbox)
    assert transactions.read(lambda work: verify_everything(work, [])).faults
