"""Kills and stops every process of an installation in every state of a run, while it plays a month.

``python -m tests.endure`` plays Suizhou's October by its deployments: server, worker and dashboard are services that
a supervisor starts again after five seconds, the bank is the sandbox's over HTTP, time is the product's own. Each
step of the month bears one blow; as many months are played as the blows need, and one without any. Every month must
come to the same digest, the bank's book must hold the same payments, books and trails must be sound, and after
each blow the next step must run within two minutes, by itself. ``--postgresql`` keeps both databases on a server of
its own each, which are struck too. Exit status 1 otherwise.
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, product
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelling, Scheduled

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.setting_up import install
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.audit import verify_chain
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import ObligationState
from fundpool.local_prefect.client import NO_LOGS_ON_THE_TERMINAL, QUIET, environment, past_every_proxy
from fundpool.sandbox_bank.sandbox import SandboxBank, SandboxServer
from fundpool.services.books.ledger_checks import verify
from fundpool.services.ports.work import Work
from fundpool.settings import Settings
from tests.canary import GATEWAY_SECRET, SEAL_KEY
from tests.endure.services import (
    PostgresqlServer,
    Service,
    child_of,
    free_port,
    fundpool,
    fundpool_on_a_played_clock,
    service,
)
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CityScene, at
from tests.orchestration.workers import ROOT, wait_for
from tests.seals import SEALS

LIMIT_SECONDS = 120
CITY, OCTOBER = "suizhou", Month(2026, 10)
KEY_ID, SECRET = "fundpool", GATEWAY_SECRET
ROUNDS_OF_A_PAYMENT = 6
"""How often a later tick looks at a payment that is not settled yet, an hour apart."""
WITH_THE_BANK = "with the bank"
STATES = ("scheduled", "pending", "running", WITH_THE_BANK, "cancelling")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Blow:
    """Who is struck by which signal, in which state of a run."""

    victim: str
    signal: signal.Signals
    state: str

    def __str__(self) -> str:
        return f"{self.victim} {self.signal.name} {self.state}"


def blows(*, postgresql: bool) -> Iterator[Blow]:
    """Every case. Whoever only shows the month is struck while money moves; a power cut gives no warning."""
    both = (signal.SIGKILL, signal.SIGTERM)
    for victim, number, state in product(("worker", "server"), both, STATES):
        yield Blow(victim, number, state)
    for state in STATES[1:-1]:
        yield Blow("server", signal.SIGSTOP, state)  # alive and silent
    others = ("server's keeper", "books", "prefect's database") if postgresql else ("server's keeper",)
    for victim, number, state in product(others, both, STATES[:-1]):
        yield Blow(victim, number, state)
    for number in both:
        yield Blow("dashboard", number, WITH_THE_BANK)
    for state in STATES[:-1]:
        yield Blow("everything", signal.SIGKILL, state)


@dataclass
class Databases:
    """Where books and Prefect's record lie: files of the data folder, or a PostgreSQL server each."""

    books: PostgresqlServer | None = None
    prefects: PostgresqlServer | None = None
    processes: dict[str, Service] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def of_a_new_month(self) -> dict[str, str]:
        """The settings of two databases of their own; Prefect's are copied from the first one it built."""
        if self.books is None or self.prefects is None:
            return {}
        number = next(self._numbers)
        self.books.create(f"books_{number}")
        self.prefects.create(f"prefect_{number}", "template1" if number == 1 else "prefect_1")
        return {
            "FUNDPOOL_DATABASE_URL": self.books.url(f"books_{number}", "psycopg"),
            "FUNDPOOL_PREFECT_DATABASE_URL": self.prefects.url(f"prefect_{number}", "asyncpg"),
        }


@contextmanager
def databases(folder: Path, *, postgresql: bool) -> Iterator[Databases]:
    if not postgresql:
        yield Databases()
        return
    books, prefects = PostgresqlServer(folder / "books"), PostgresqlServer(folder / "prefects")
    with books.running(folder / "books.log") as first, prefects.running(folder / "prefects.log") as second:
        yield Databases(books, prefects, {"books": first, "prefect's database": second})


class Installation:
    """Services, city and bank of one month, and the month's steps as runs of their deployments."""

    def __init__(self, folder: Path, places: Databases, files: Path) -> None:
        self.home = folder / "home"
        self.folder, self._places, self._files = folder, places, files
        self.prefect_url = ""
        self.processes = dict(places.processes)
        self.worst: list[tuple[float, str]] = []
        """Seconds from each blow to the next step running."""

    @contextmanager
    def running(self) -> Iterator["Installation"]:
        with ExitStack() as stack:
            settings = self._places.of_a_new_month()
            stack.enter_context(environment({"FUNDPOOL_HOME": str(self.home), **settings}))
            self.database: Database = install(Settings(), cities=[CITY], sandbox=True)
            stack.callback(self.database.dispose)
            self.scene = CityScene(SqlTransactions(self.database, SEALS), self.home, CITY, OCTOBER)
            bank = SandboxServer(
                "127.0.0.1", 0, SandboxBank(self.scene.book, key_id=KEY_ID, secret=SECRET.encode())
            )
            threading.Thread(target=bank.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            stack.callback(bank.shutdown)
            self._start_services(stack, settings, bank.url)
            stack.enter_context(
                environment(
                    {**NO_LOGS_ON_THE_TERMINAL, **past_every_proxy(), "PREFECT_API_URL": self.prefect_url}
                )
            )
            self.client: SyncPrefectClient = stack.enter_context(get_client(sync_client=True))
            wait_for(lambda: self._deployment("flags"), "no deployments")
            yield self

    def _start_services(self, stack: ExitStack, settings: dict[str, str], bank: str) -> None:
        port, shown = free_port(), free_port()
        self.prefect_url = f"http://127.0.0.1:{port}/api"
        self.dashboard_url = f"http://127.0.0.1:{shown}/health"
        given = {
            **os.environ,
            **settings,
            **QUIET,
            **past_every_proxy(),
            "PYTHONPATH": str(ROOT),
            "FUNDPOOL_HOME": str(self.home),
            "FUNDPOOL_PREFECT_PORT": str(port),
            "FUNDPOOL_DASHBOARD_PORT": str(shown),
            "FUNDPOOL_GATEWAY_URL": bank,
            "FUNDPOOL_GATEWAY_KEY_ID": KEY_ID,
            "FUNDPOOL_GATEWAY_SECRET": SECRET,
            "PREFECT_API_URL": self.prefect_url,
            "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # the month has a clock of its own
            "ENDURE_PLACE": str(self.folder),
        }
        self.set_clock(at("2026-09-14 09:00"))
        for name, command in (
            ("server's keeper", fundpool("server")),
            ("worker", fundpool_on_a_played_clock("worker")),
            ("dashboard", fundpool("serve", "--as-of", "2026-11-12")),
        ):
            log = self.folder / f"{name.replace(' ', '-')}.log"
            self.processes[name] = stack.enter_context(service(command, given, log))

    # ------------------------------------------------------------------ the month

    def set_clock(self, moment: datetime) -> None:
        """The business time from now on, as the worker sees it."""
        draft = self.folder / "draft"
        draft.write_text(moment.isoformat())
        draft.replace(self.folder / "moment")
        self._moment = moment

    def play(self, struck: list[Blow]) -> None:
        """The whole month; each of its steps bears the next blow that fits."""
        scene, left = self.scene, list(struck)
        self._write_files()
        for county in scene.counties:
            scene.submit(self._file("plan", county), "plan", self._moment)
        self._step("plan-collection", "2026-09-15 07:00", left)
        self._step("plan-review", "2026-09-15 07:10", left)
        scene.decide(at("2026-09-16 10:00"))
        self._step("funds-application", "2026-09-20 09:00", left)
        scene.review_by_finance(at("2026-09-24 09:00"))
        for step, moment in (("disbursement", "2026-10-05 09:00"), ("allocation", "2026-10-07 09:00")):
            if not scene.hops_of(step):
                continue
            self._step(step, moment, left)
            scene.authorise(step, self._moment)
            self._pay(step, left)
        self._step("reconciliation", "2026-10-09 09:00", left)
        for county in scene.counties:
            scene.submit(self._file("report", county), "report", at("2026-11-05 10:00"))
        self._step("expenditure-reporting", "2026-11-05 16:00", left)
        self._step("report-filing", "2026-11-06 09:00", left)
        self._step("document-collection", "2026-11-06 10:00", left)
        self._step("flags", "2026-11-06 11:00", left)
        struck[:] = left

    def _write_files(self) -> None:
        """The counties' workbooks, the same for every month."""
        if not self._files.exists():
            for county in self.scene.counties:
                self.scene.plan(county)
                self.scene.report(county)
            shutil.copytree(self.home / "outbox", self._files)

    def _file(self, document: str, county: str) -> Path:
        return self._files / f"{document}-{county}.xlsx"

    def _step(self, step: str, moment: str, left: list[Blow]) -> None:
        self.set_clock(at(moment))
        blow = next((each for each in left if each.state != WITH_THE_BANK), None)
        if blow is None:
            self._run(step)
        else:
            left.remove(blow)
            self._run_under(blow, step)

    def _pay(self, step: str, left: list[Blow]) -> None:
        """Send what is released; a later look settles what a blow left open."""
        blow = next((each for each in left if each.state == WITH_THE_BANK), None)
        if blow is None:
            self._run(step)
        else:
            left.remove(blow)
            self._run_under(blow, step)
        for _ in range(ROUNDS_OF_A_PAYMENT):
            if self._is_settled(step):
                return
            self.set_clock(self._moment + timedelta(hours=1))
            self._run(step)
        raise AssertionError(f"{step} is not settled")

    def _is_settled(self, step: str) -> bool:
        def read(work: Work) -> bool:
            found = [
                each
                for hop in self.scene.hops_of(step)
                for each in work.payments.obligations(city=CITY, month=OCTOBER, hop=hop)
            ]
            return bool(found) and all(each.state is ObligationState.SETTLED for each in found)

        return self.scene.ports.database.read(read)

    # ------------------------------------------------------------------ runs

    def _deployment(self, step: str) -> Any:
        with suppress(Exception):
            return self.client.read_deployment_by_name(f"{step}/{step}")
        return None

    def _ask_for(self, step: str, state: "State[Any] | None" = None) -> UUID:
        deployment = wait_for(lambda: self._deployment(step), f"{step} is not deployed")
        parameters = {"city": CITY, "month": "2026-10"}
        return self.client.create_flow_run_from_deployment(
            deployment.id, parameters=parameters, state=state
        ).id

    def _final(self, run: UUID) -> "State[Any] | None":
        """The state the run ended in; None while it goes on, waits for another try or nobody can say."""
        with suppress(Exception):
            state = self.client.read_flow_run(run).state
            if state is not None and state.is_final() and state.name != "ServiceAway":
                return state
        return None

    def _end_of(self, run: UUID) -> "State[Any]":
        state: State[Any] = wait_for(lambda: self._final(run), f"the run {run} never ended")
        return state

    def _run(self, step: str) -> None:
        ended = self._end_of(self._ask_for(step))
        assert ended.is_completed(), f"{step}: {ended.name} {ended.message}"

    def _run_under(self, blow: Blow, step: str) -> None:
        """Run the step, with another behind it, strike in the state that the blow names, and wait for the end."""
        still, reached = self.folder / "still", self.folder / "reached"
        reached.unlink(missing_ok=True)
        soon = Scheduled(scheduled_time=datetime.now(SHANGHAI) + timedelta(seconds=2))
        if blow.state == "scheduled":
            run, behind = self._ask_for(step, soon), self._ask_for("flags", soon)
        else:
            still.write_text("running" if blow.state == "cancelling" else blow.state)
            run, behind = self._ask_for(step), self._ask_for("flags")
            wait_for(reached.exists, f"{blow}: never reached")
            if blow.state == "cancelling":
                self.client.set_flow_run_state(run, Cancelling())
        struck_at = time.time()
        self._strike(blow)
        still.unlink(missing_ok=True)
        ended, after = self._end_of(run), self._end_of(behind)
        if blow.victim == "dashboard":
            wait_for(self._dashboard_answers, "no dashboard")
            seconds = time.time() - struck_at
        else:
            seconds = self._next_running(struck_at, run, behind)
        self.worst.append((seconds, str(blow)))
        say(f"{seconds:6.1f} s  {blow}: {step}, {ended.name}; whole {time.time() - struck_at:.0f} s")
        if blow.state == "cancelling":
            assert ended.type is StateType.CANCELLED, ended
            self._run(step)
        elif blow.state == WITH_THE_BANK:  # what became of the payment is looked at later
            assert ended.type in {StateType.COMPLETED, StateType.FAILED}, ended
        else:
            assert ended.is_completed(), f"{blow}: {ended.name} {ended.message}"
        assert after.is_completed(), f"{blow}, flags behind: {after.name} {after.message}"

    def _strike(self, blow: Blow) -> None:
        keeper = self.processes["server's keeper"].pid
        if blow.victim == "server":
            struck = [child_of(keeper)]
        elif blow.victim == "everything":
            struck = [child_of(keeper), *(each.pid for each in self.processes.values())]
        else:
            struck = [self.processes[blow.victim].pid]
        number = blow.signal
        if number is signal.SIGTERM and blow.victim in self._places.processes:
            number = signal.SIGINT  # as a service manager stops PostgreSQL: without waiting for its clients
        for pid in struck:
            os.kill(pid, number)

    def _dashboard_answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(self.dashboard_url, timeout=5):
            return True
        return False

    def _next_running(self, struck_at: float, *runs: UUID) -> float:
        """Seconds from the blow until the first of the runs began with the try that it ended in."""
        tries = [
            [
                state.timestamp.timestamp()
                for state in self.client.read_flow_run_states(run)
                if state.is_running()
            ]
            for run in runs
        ]
        return min(max(moments) for moments in tries if moments and max(moments) > struck_at) - struck_at

    # ------------------------------------------------------------------ what it came to

    def outcome(self) -> dict[str, object]:
        """The month's digest, the payments of the bank's book and of ours, and what is unsound."""

        def read(work: Work) -> dict[str, object]:
            paid = work.payments.obligations(city=CITY)
            return {
                "digest": month_digest(work, CITY, OCTOBER),
                "ours": sorted((each.amount_fen, each.state.value) for each in paid),
                "faults": [*verify(work), *verify_chain(work.audit.records(), {})],
                "breaks": [each.kind for each in work.breaks.find(only_open=False)],
            }

        found = self.scene.ports.database.read(read)
        moved = [(each.credit_account, each.amount_fen) for each in self.scene.book.executions]
        return {**found, "bank": sorted(moved), "are equal": _amounts(moved) == _amounts(found["ours"])}


def _amounts(payments: Any) -> list[int]:
    return sorted(next(part for part in each if isinstance(part, int)) for each in payments)


def main() -> int:
    """Play what the command line asks for; print the seconds of each blow and their median and worst."""
    parser = argparse.ArgumentParser(prog="python -m tests.endure", description=__doc__)
    parser.add_argument("--postgresql", action="store_true", help="both databases on PostgreSQL")
    parser.add_argument("--only", help="blows with this in their name: worker, SIGTERM, running …")
    options = parser.parse_args()
    os.environ.pop("FUNDPOOL_DATABASE_URL", None)
    os.environ.update(FUNDPOOL_CONFIG="", FUNDPOOL_SEAL_KEY=SEAL_KEY)
    left = [each for each in blows(postgresql=options.postgresql) if (options.only or "") in str(each)]
    with tempfile.TemporaryDirectory(prefix="fundpool-endure-", ignore_cleanup_errors=True) as place:
        os.environ.setdefault("XDG_RUNTIME_DIR", place)
        Path(place).chmod(0o755)  # PostgreSQL has a user of its own
        with databases(Path(place), postgresql=options.postgresql) as places:
            return play(Path(place), places, left)


def play(folder: Path, places: Databases, left: list[Blow]) -> int:
    """One month without a blow, then as many as the blows need; 0 when all came to the same end in time."""
    undisturbed: dict[str, object] | None = None
    seconds: list[tuple[float, str]] = []
    differing, number = 0, 0
    while undisturbed is None or left:
        place = folder / f"month-{number}"
        place.mkdir()
        with Installation(place, places, folder / "files").running() as month:
            month.play(left if undisturbed is not None else [])
            outcome = month.outcome()
            seconds += month.worst
        say(f"month {number}: {outcome['digest']}, {len(outcome['bank'])} payments")  # type: ignore[arg-type]
        if undisturbed is None:
            undisturbed = outcome
            is_sound = outcome["faults"] == outcome["breaks"] == [] and outcome["are equal"] is True
            assert is_sound, outcome
            assert outcome["bank"], outcome
        elif outcome != undisturbed:
            differing += 1
            say(
                f"ANOTHER END: { {key: value for key, value in outcome.items() if value != undisturbed[key]} }"
            )
        number += 1
    return judged(seconds, differing)


def judged(seconds: list[tuple[float, str]], differing: int) -> int:
    slow = [each for each in seconds if each[0] > LIMIT_SECONDS]
    if seconds:
        worst = max(seconds)
        say(
            f"{len(seconds)} blows; next step running after {statistics.median(s for s, _ in seconds):.0f} s "
            f"(median), {worst[0]:.0f} s at worst ({worst[1]}); {len(slow)} later than {LIMIT_SECONDS} s, "
            f"{differing} months came to another end"
        )
    return int(bool(slow or differing))


if __name__ == "__main__":
    sys.exit(main())
