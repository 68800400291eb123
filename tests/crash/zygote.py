"""Forks a warmed process for each life of a month: a life ends by SIGKILL at its n-th failpoint, or at the end.

The bank is a process of its own that survives, spoken to over HTTP. Nothing here has a thread, so
that a fork is whole: ``python -m tests.crash`` runs it as a program of its own.
"""

import gc
import json
import os
import shutil
import signal
import traceback
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

import psycopg
from sqlalchemy import make_url

from fundpool.adapters import http_client
from fundpool.adapters.banks.http import HttpGateway
from fundpool.adapters.documents.parser_process import parse_files
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.sandbox_bank.bank_book import BankBook, Command
from fundpool.sandbox_bank.faults import Switch
from fundpool.sandbox_bank.sandbox import SandboxBank, SandboxServer
from fundpool.services.ports import failpoints
from fundpool.services.ports.judging import SourceFile
from tests.canary import GATEWAY_SECRET
from tests.crash.retriggered import retriggered
from tests.crash.small_month import BACKUP, Act, SmallMonth, bank_again
from tests.scripted_bank import ScriptedGateway
from tests.seals import SEALS

KEY_ID, SECRET = "fundpool", GATEWAY_SECRET.encode()


class Broken(Exception):
    """A life ended neither at its failpoint nor at the month's end."""


@dataclass(frozen=True)
class End:
    """What a month came to: facts of the database, movements of the bank's book."""

    facts: dict[str, str]
    executions: list[list[Any]]
    points: list[str]
    """The failpoints the last life passed."""
    lives: int
    """How many processes it took; not more than the kills when one reached the end before its point."""

    @property
    def outcome(self) -> tuple[dict[str, str], list[list[Any]]]:
        """What must not depend on where the month was cut short."""
        return self.facts, self.executions


@dataclass
class ParseOnce:
    """Parses a workbook the first time it is seen: the parser's own child process is not at trial here."""

    cells: dict[str, bytes | None] = field(default_factory=dict)

    def __call__(self, files: Sequence[SourceFile]) -> list[SourceFile]:
        unknown = [file for file in files if file.sha256 not in self.cells]
        self.cells |= {file.sha256: file.cells for file in parse_files(unknown)}
        return [replace(file, cells=self.cells[file.sha256]) for file in files]


@dataclass(frozen=True)
class Checkpoint:
    """How database, files and bank stood when ``acts`` were done: where a case may begin."""

    acts: int
    points: int
    """How many failpoints had been passed."""
    name: str
    commands: list[Command]
    switches: list[Switch]


class Zygote:
    """Plays cases, each on a copy of what stood before the act it is cut short in.

    The database is SQLite or, with a server's URL, PostgreSQL. ``undisturbed`` is the end that every
    case must come to; it is played over HTTP from the beginning. ``scene`` is the kind of month.
    """

    def __init__(
        self, folder: Path, postgresql_url: str | None = None, scene: type[SmallMonth] = SmallMonth
    ) -> None:
        self._folder = folder
        self._scene = scene
        self._server = postgresql_url
        self._parse = ParseOnce()
        self._cases = 0
        self._group = os.getpgrp()
        self.killed_from = 1
        """The first failpoint worth a kill in this kind of month."""
        # One engine for all lives, in the folder of each: it brings compiled statements along, no connection.
        self._sqlite = Database("sqlite:///file:fundpool.db?uri=true")
        self._first = folder / "first"
        self._first.mkdir(parents=True)
        self.checkpoints = self._rehearse()
        self._warm()
        self.undisturbed = self.play([])

    def _rehearse(self) -> list[Checkpoint]:
        """Play the month once in this process, with a bank in memory, and keep what stood before each act."""
        if self._server is not None:
            self._on_server(f"CREATE DATABASE {self._name('first')}")
        database = self._database("first")
        migrations.upgrade(database)
        gateway = ScriptedGateway(BankBook())
        month = self._scene(SqlTransactions(database, SEALS), self._first, gateway, self._parse, is_new=True)
        month.write_files()
        commands: list[Command] = []
        gateway = ScriptedGateway(*month.bank(commands))
        month = self._scene(SqlTransactions(database, SEALS), self._first, gateway, self._parse, is_new=False)
        points: list[str] = []
        checkpoints = []
        for number, act in enumerate(month.acts()):
            database.dispose()
            name = f"before{number}"
            self._copy("first", name)
            switches = [copy(switch) for switch in gateway.plan.switches]
            if act.name == self._scene.KILLED_FROM:
                self.killed_from = len(points) + 1
            checkpoints.append(Checkpoint(number, len(points), name, list(commands), switches))
            failpoints.install(points.append)
            act.do(act.at)
            failpoints.install(None)
        database.dispose()
        return checkpoints

    @staticmethod
    def _warm() -> None:
        """Load what only a call over HTTP loads, and leave to each child what is its own."""
        nobody = HttpGateway("http://127.0.0.1:9", key_id=KEY_ID, secret=SECRET)
        with suppress(ServiceUnavailable):
            nobody.statement("", date(2026, 9, 30), now=datetime(2026, 9, 30, tzinfo=SHANGHAI))
        http_client.close()
        gc.collect()
        gc.freeze()

    def play(self, kills: Sequence[int], seed: int | None = None) -> End:
        """One month whose lives end at their failpoints number ``kills``, the last one at the month's end.

        With a ``seed`` its steps are triggered again besides. Raises Broken when a life ends otherwise.
        """
        self._cases += 1
        name = f"case{self._cases}"
        first = kills[0] if kills else 1
        start = self.checkpoints[0]
        if kills and seed is None:
            start = [each for each in self.checkpoints if each.points < first][-1]
        home = self._copy(start.name, name)
        (home / "position").write_text(str(start.acts))
        try:
            with self._bank(start) as url:
                lives = 0
                for kill_at in (*(first - start.points for _ in kills[:1]), *kills[1:], None):
                    lives += 1
                    if self._live(home, url, kill_at, seed):
                        break
                end = json.loads((home / "end.json").read_text())
                with urllib.request.urlopen(f"{url}/sandbox/book", timeout=30) as answer:
                    book = json.load(answer)
            moved = [
                [execution["key"], execution["credit_account"], execution["amount_fen"]]
                for execution in book["executions"]
            ]
            return End(end["facts"], sorted(moved), end["points"], lives)
        finally:
            self._drop(name)

    # ------------------------------------------------------------------ copies

    def _copy(self, source: str, name: str) -> Path:
        origin, home = self._folder / source, self._folder / name
        home.mkdir()
        for shared in ("inbox", "outbox"):
            (home / shared).symlink_to(self._first / shared)
        if (origin / BACKUP).exists():
            shutil.copyfile(origin / BACKUP, home / BACKUP)
        if self._server is None:
            shutil.copyfile(origin / "fundpool.db", home / "fundpool.db")
        else:
            self._on_server(f"CREATE DATABASE {self._name(name)} TEMPLATE {self._name(source)}")
        return home

    def _drop(self, name: str) -> None:
        shutil.rmtree(self._folder / name)
        if self._server is not None:
            self._on_server(f"DROP DATABASE {self._name(name)} WITH (FORCE)")

    def _database(self, case: str) -> Database:
        if self._server is None:
            os.chdir(self._folder / case)
            return self._sqlite
        url = make_url(self._server).set(database=self._name(case))
        return Database(url.render_as_string(hide_password=False))

    def _name(self, case: str) -> str:
        return f"crash_{self._group}_{case}"

    def _on_server(self, statement: str) -> None:
        assert self._server
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)

    # ------------------------------------------------------------------ processes

    def _live(self, home: Path, url: str, kill_at: int | None, seed: int | None) -> bool:
        """One process's part of the month; whether it came to the month's end."""
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            _in_child(home, lambda: self._play(home, url, kill_at, seed))
        _, status = os.waitpid(child, 0)
        with suppress(ProcessLookupError):  # what ran beside it dies with it
            os.killpg(child, signal.SIGKILL)
        if status == 0:
            return True
        if kill_at is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return False
        error = home / "error.txt"
        raise Broken(error.read_text() if error.exists() else f"kill at {kill_at}: status {status}")

    def _play(self, home: Path, url: str, kill_at: int | None, seed: int | None) -> None:
        """One life: from where the last one was cut short, to the failpoint or the end."""
        points: list[str] = []

        def reached(name: str) -> None:
            points.append(name)
            if len(points) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        database = self._database(home.name)
        gateway = HttpGateway(url, key_id=KEY_ID, secret=SECRET)
        month = self._scene(SqlTransactions(database, SEALS), home, gateway, self._parse, is_new=False)
        position = home / "position"
        done = int(position.read_text())
        failpoints.install(reached)
        for number, act in enumerate(month.acts() if seed is None else retriggered(month, seed), start=1):
            if number > done:
                with _beside(home, database, act.beside):
                    act.do(act.at)
                (home / "position.new").write_text(str(number))
                (home / "position.new").replace(position)
        failpoints.install(None)
        (home / "end.json").write_text(json.dumps({"facts": month.digest(), "points": points}))
        database.dispose()

    @staticmethod
    @contextmanager
    def _bank(start: Checkpoint) -> Iterator[str]:
        """A bank in a process of its own; its address."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            book, plan = bank_again(start.commands, start.switches)
            bank = SandboxBank(book, key_id=KEY_ID, secret=SECRET)
            bank.plan.switches.extend(plan.switches)
            server = SandboxServer("127.0.0.1", 0, bank)
            os.write(writing, server.url.encode())
            os.close(writing)
            server.serve_forever()
            os._exit(0)
        os.close(writing)
        try:
            with os.fdopen(reading) as pipe:
                url = pipe.read()
            yield url
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _in_child(home: Path, play: Callable[[], object]) -> NoReturn:
    """What a forked process does, and its end; the parent reports what went wrong."""
    try:
        play()
    except BaseException:  # noqa: BLE001
        (home / "error.txt").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


@contextmanager
def _beside(home: Path, database: Database, act: Act | None) -> Iterator[None]:
    """Another process carries out ``act`` while the block runs. It is never killed on its own."""
    if act is None:
        yield
        return

    def alone() -> None:
        failpoints.install(None)
        act.do(act.at)

    # A connection is not for two processes, and a fork takes no thread along.
    database.dispose()
    http_client.close()
    child = os.fork()
    if child == 0:
        _in_child(home, alone)
    yield
    _, status = os.waitpid(child, 0)
    if status:
        raise Broken((home / "error.txt").read_text())
