"""Months without end against a faulty bank, by processes that are killed, stopped and started again.

``python -m tests.crash.soak --minutes 10`` (``make soak MINUTES=480``). Two senders, a reconciler
and the people are processes of their own on one database; the bank is ``fundpool sandbox-bank``
over HTTP, killed too. Business time runs 600 times as fast as ours. Afterwards the faults stop,
everybody carries on until nothing moves, and books and bank must agree. Exit status 1 otherwise.
"""

import argparse
import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import func, select

from fundpool.adapters.banks.http import HttpGateway
from fundpool.adapters.http_client import Deadlines
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.audit import verify_chain
from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import AttemptState, GatewayTerms, ObligationState
from fundpool.sandbox_bank.faults import FAULTS
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import batches, kill_switches, payment_decisions, resolving, sending
from fundpool.services.ports.work import Ports, Work
from schemas.tables.base import metadata
from tests.canary import GATEWAY_SECRET
from tests.crash.__main__ import say, server
from tests.seals import SEALS
from tests.simulation.scene import (
    CHECKER,
    CITY,
    CITY_UNIT,
    COUNTIES,
    DIRECT,
    FISCAL,
    FUND,
    MAKER,
    MONTH,
    NOW,
    RELEASER,
    Scene,
    account_no,
    county_name,
)

SPEED = 600
TERMS = GatewayTerms(
    lease=timedelta(minutes=20),
    lease_margin=timedelta(minutes=15),
    call_limit=timedelta(minutes=15),
    settle_window=timedelta(minutes=20),
    max_network_delay=timedelta(minutes=20),
)
"""Times that leave a call of our own time its place on the fast clock."""
DEADLINES = Deadlines(connect_s=0.5, read_s=0.5, total_s=1.0)
OPENING_FEN = 10_000_000_000_00
KEY_ID, SECRET = "fundpool", GATEWAY_SECRET
UNSETTLED = tuple(
    state for state in ObligationState if state not in {ObligationState.SETTLED, ObligationState.RETURNED}
)

# A bank that lies to the end breaks the contract everything rests on (see tests/simulation).
NOT_PLAYED = {"key_forgotten", "statement_two_lines", "slow", "statement_late", "statement_line_missing"}
PLAYED = tuple(name for name in FAULTS if name not in NOT_PLAYED and not name.startswith("callback"))
TELL_EVERY_S = 60


@dataclass
class Clock:
    """Business time, the same in every process; ``ahead`` is how far the end has jumped."""

    started_s: float = field(default_factory=time.monotonic)
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=(time.monotonic() - self.started_s) * SPEED) + self.ahead


class Office:
    """What each actor does in one turn, over the product's services."""

    def __init__(self, url: str, bank: str, clock: Clock) -> None:
        self.database = Database(url)
        gateway = HttpGateway(bank, key_id=KEY_ID, secret=SECRET.encode(), deadlines=DEADLINES)
        self.ports = Ports(SqlTransactions(self.database, SEALS), gateway, TERMS)
        self.clock = clock

    def send(self) -> None:
        """Send whatever is released, month by month."""
        for month in self.ports.database.read(_open_months):
            sending.send_batch(
                self.ports,
                CITY,
                month,
                hop=DIRECT,
                worker=f"process {os.getpid()}",
                now=self.clock(),
                clock=self.clock,
            )

    def reconcile(self) -> None:
        """Ask about what is open, and read the statements of the days that may still bring something."""
        resolving.resolve(self.ports, self.clock(), clock=self.clock)
        today = self.clock().astimezone(SHANGHAI).date()
        final = resolving.final_days(
            self.ports.database.read(
                lambda work: work.statements.imports(account_no("fiscal_account", CITY_UNIT))
            ),
            TERMS,
        )
        day = NOW.date()
        while day < today:
            if day not in final:
                resolving.import_statements(self.ports, CITY, day, now=self.clock(), clock=self.clock)
            day += timedelta(days=1)

    def order(self) -> None:
        """A new month's payments, approved and released by three people."""

        def act(work: Work) -> None:
            known = {obligation.month for obligation in work.payments.obligations(city=CITY)}
            month = MONTH.plus(len(known))
            scene = Scene.__new__(Scene)
            scene.counties = COUNTIES
            batches.order_transfers(work, scene.orders(1_000_00, month=month), MAKER, now=self.clock())
            batches.authorise(
                work, CITY, month, hop=DIRECT, checker=CHECKER, releaser=RELEASER, now=self.clock()
            )

        self.ports.database.transaction(act)

    def look_after(self) -> None:
        """What waits for people: refusals, held payments, breaks, a stopped fund, absences to confirm."""
        for each in self.ports.database.read(
            lambda work: work.payments.obligations(city=CITY, states=UNSETTLED)
        ):
            if each.state is ObligationState.FAILED:
                for by in (CHECKER, RELEASER):
                    self._person(
                        lambda work, o=each, p=by: payment_decisions.approve_retry(
                            work, o.id, by=p, reason="已更正", now=self.clock()
                        )
                    )
            elif each.state is ObligationState.HELD:
                self._person(
                    lambda work, o=each: payment_decisions.look_again(
                        work, o.id, by=CHECKER, reason="查过", now=self.clock()
                    )
                )
        self._confirm_absences()
        for each in self.ports.database.read(lambda work: work.breaks.find(CITY)):
            self._person(
                lambda work, b=each: resolving.resolve_break(
                    work, b.id, by=CHECKER, resolution="查清", now=self.clock()
                )
            )
        if self.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND)):
            self._person(
                lambda work: kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=self.clock())
            )
            self._person(
                lambda work: kill_switches.confirm_restart(work, CITY, FUND, by=RELEASER, now=self.clock())
            )

    def _confirm_absences(self) -> None:
        doubtful = [AttemptState.CLOSING, AttemptState.REJECTED]
        for each in self.ports.database.read(lambda work: work.attempts.in_states(doubtful)):
            if each.fenced_at is None:
                for by in (CHECKER, RELEASER):
                    self._person(
                        lambda work, a=each, p=by: resolving.confirm_absence(
                            work, a.id, by=p, now=self.clock(), terms=TERMS
                        )
                    )

    def _person(self, act: Callable[[Work], object]) -> None:
        with suppress(RuleViolation):
            self.ports.database.transaction(act)


def _open_months(work: Work) -> list[Month]:
    """Months with a payment that has not arrived."""
    return sorted({obligation.month for obligation in work.payments.obligations(city=CITY, states=UNSETTLED)})


def _is_at_rest(work: Work) -> bool:
    """Whether nothing is open but payments executed after their end, which stay held for good."""
    anomalies = {attempt.obligation_id for attempt in work.attempts.in_states([AttemptState.ANOMALY])}
    waiting = {obligation.id for obligation in work.payments.obligations(city=CITY, states=UNSETTLED)}
    return waiting <= anomalies and not kill_switches.is_stopped(work, CITY, FUND)


ACTORS: dict[str, tuple[Callable[[Office], None], float]] = {
    "sender 1": (Office.send, 0.05),
    "sender 2": (Office.send, 0.05),
    "reconciler": (Office.reconcile, 0.5),
    "people": (Office.look_after, 1.0),
    "orders": (Office.order, 3.0),
}
"""What each process does, and its pause between turns in seconds."""


class Soak:
    """Supervisor, bank and actors."""

    def __init__(self, folder: Path, url: str, seed: int) -> None:
        self.folder, self.url = folder, url
        self.random = random.Random(seed)
        self.clock = Clock()
        self.counts: Counter[str] = Counter()
        self.actors: dict[str, int] = {}
        self.stopped: dict[str, float] = {}
        self.largest_kib = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.bank = f"http://127.0.0.1:{self.port}"
        self.database = Database(url)
        migrations.upgrade(self.database)
        Scene(SqlTransactions(self.database, SEALS), terms=TERMS, opening_fen=OPENING_FEN)
        self.database.dispose()
        rows = [f"{account_no('fiscal_account', CITY_UNIT)},市财政专户,{OPENING_FEN}"]
        rows += [f"{account_no('county_expenditure', county)},{county_name(county)},0" for county in COUNTIES]
        (folder / "accounts.csv").write_text(
            "\n".join(["account,name,balance_fen", *rows, ""]), encoding="utf-8"
        )
        self.teller = self._open_bank()
        gc.collect()
        gc.freeze()

    # ------------------------------------------------------------------ processes

    def _open_bank(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "fundpool", "sandbox-bank", "--port", str(self.port)]
        command += ["--book", str(self.folder / "bank.db"), "--accounts", str(self.folder / "accounts.csv")]
        environment = {**os.environ, "FUNDPOOL_HOME": str(self.folder), "FUNDPOOL_GATEWAY_SECRET": SECRET}
        bank = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert bank.stdout
        assert bank.stdout.readline(), "the bank did not open"
        return bank

    def _start(self, name: str) -> None:
        act, pause_s = ACTORS[name]
        child = os.fork()
        if child == 0:
            self._be(name, act, pause_s)
        self.actors[name] = child

    def _be(self, name: str, act: Callable[[Office], None], pause_s: float) -> NoReturn:
        try:
            office = Office(self.url, self.bank, self.clock)
            while True:
                with suppress(ServiceUnavailable):  # the bank or the database is away: the next turn
                    act(office)
                time.sleep(pause_s)
        except BaseException:  # noqa: BLE001 - the parent reports it
            with (self.folder / "errors.txt").open("a", encoding="utf-8") as file:
                file.write(f"{name}: {traceback.format_exc()}\n")
            os._exit(1)

    def disturb(self) -> None:
        """One turn of bad luck, and the end of an earlier one."""
        now = time.monotonic()
        for name, until in list(self.stopped.items()):
            if now >= until:
                os.kill(self.actors[name], signal.SIGCONT)
                del self.stopped[name]
        running = [name for name in ACTORS if name not in self.stopped]
        what = self.random.choices(["nothing", "kill", "stop", "fault", "bank"], weights=[60, 8, 3, 14, 0.5])[
            0
        ]
        self.counts[what] += 1
        if what == "kill" and running:
            self._kill(self.random.choice(running))
        elif what == "stop" and running:
            name = self.random.choice(running)
            os.kill(self.actors[name], signal.SIGSTOP)
            self.stopped[name] = now + self.random.uniform(0.5, 6)
        elif what == "fault":
            self._admin("POST", "/sandbox/faults", {"fault": self.random.choice(PLAYED)})
        elif what == "bank":
            self.teller.kill()
            self.teller.wait()
            self.teller = self._open_bank()

    def _kill(self, name: str, *, again: bool = True) -> None:
        os.kill(self.actors[name], signal.SIGKILL)
        _, status = os.waitpid(self.actors.pop(name), 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            errors = self.folder / "errors.txt"
            traceback = errors.read_text(encoding="utf-8") if errors.exists() else ""
            raise AssertionError(f"{name} ended by itself, status {status}: {traceback}")
        if again:
            self._start(name)

    def _admin(self, method: str, path: str, document: dict[str, Any] | None = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.bank}{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    # ------------------------------------------------------------------ the whole

    def run(self, minutes: float) -> list[str]:
        """Soak, calm down, judge: what was broken, in words."""
        for name in ACTORS:
            self._start(name)
        began = reported = time.monotonic()
        while (now := time.monotonic()) - began < minutes * 60:
            with suppress(urllib.error.URLError, ConnectionError):
                self.disturb()
            self.largest_kib = max([self.largest_kib, *map(_resident_kib, self.actors.values())])
            if now - reported > TELL_EVERY_S:
                reported = now
                say(f"{now - began:.0f} s: {self.growth()}")
            time.sleep(0.2)
        for name in ACTORS:
            self._kill(name, again=False)
        office = Office(self.url, self.bank, self.clock)
        self._calm_down(office)
        found = self.judge(office)
        say(f"calm: {self.growth()}; disturbances {dict(self.counts)}")
        office.database.dispose()
        self.teller.terminate()
        self.teller.wait()
        return found

    def _calm_down(self, office: Office) -> None:
        """No more faults; everybody takes turns until nothing is open."""
        self._admin("DELETE", "/sandbox/faults")
        for _ in range(60):
            self.clock.ahead += timedelta(hours=7)
            for act in (office.send, office.reconcile, office.look_after):
                act()
            if office.ports.database.read(_is_at_rest):
                break
        # What was executed at the very end is on the statement two days later.
        self.clock.ahead += timedelta(days=3)
        office.reconcile()

    def growth(self) -> str:
        """Transfers, table rows, size and memory, in one line."""

        def rows(connection: Any) -> dict[str, int]:
            found = {
                name: connection.execute(select(func.count()).select_from(table)).scalar()
                for name, table in metadata.tables.items()
            }
            return {name: count for name, count in found.items() if count}

        tables = self.database.read(rows)
        self.database.dispose()
        transfers = tables.get("obligation", 0)
        per_transfer = {
            name: round(count / max(transfers, 1), 1)
            for name, count in tables.items()
            if count >= transfers > 0
        }
        file = self.folder / "soak.db"
        size = f", {file.stat().st_size // 1024} KiB on disk" if file.exists() else ""
        return f"{transfers} transfers, largest process {self.largest_kib} KiB{size}, rows per transfer {per_transfer}"

    def judge(self, office: Office) -> list[str]:
        """Books against the bank's own book."""
        book = self._admin("GET", "/sandbox/book")
        executed = Counter(execution["key"] for execution in book["executions"])
        balances = {each["account"]: each["balance_fen"] for each in book["accounts"]}
        found: list[str] = []

        def read(work: Work) -> None:
            for obligation in work.payments.obligations(city=CITY):
                known = work.attempts.of_obligation(obligation.id)
                times = sum(executed.pop(each.key, 0) for each in known)
                anomaly = any(each.state is AttemptState.ANOMALY for each in known)
                booked = obligation.state in {ObligationState.SETTLED, ObligationState.RETURNED}
                self.counts[obligation.state.value] += 1
                if times > 1 or ((times == 1) != booked and not (times == 1 and anomaly)):
                    found.append(f"{obligation.key} is {obligation.state}, executed {times} times")
            fiscal = booking.balance(work, FISCAL)
            at_bank = balances[account_no("fiscal_account", CITY_UNIT)]
            if (fiscal.posted_fen, fiscal.reserved_fen) != (at_bank, 0):
                found.append(f"books {fiscal.posted_fen} ({fiscal.reserved_fen} reserved), bank {at_bank}")
            found.extend(str(fault) for fault in [*verify(work), *verify_chain(work.audit.records(), {})])

        office.ports.database.read(read)
        if executed:
            found.append(f"executed what was never ordered: {dict(executed)}")
        return found


def _resident_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def main() -> int:
    """Soak for as long as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--postgresql", nargs="?", const="", help="a server's URL; starts one if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(options.postgresql) as postgresql:
        soak = Soak(Path(folder), postgresql or f"sqlite:///{folder}/soak.db", options.seed)
        found = soak.run(options.minutes)
        errors = Path(folder) / "errors.txt"
        if errors.exists():
            found.append(errors.read_text(encoding="utf-8"))
    say(f"seed {options.seed}: {len(found)} violations")
    for each in found:
        say(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
