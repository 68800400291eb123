"""Kills and stops every process in every state of a run, with the product's own intervals, and counts the seconds.

``python -m tests.endure --rounds N`` plays each case N times: a worker or the Prefect server, by SIGKILL or SIGTERM,
while a run is pending, running or being cancelled, with another worker standing by or one that comes after.
``--postgresql URL`` keeps fundpool's own tables there. The run must end and the next one must end, by
themselves. Exit status 1 when one does not within two minutes.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from prefect.client.schemas.objects import StateType
from prefect.states import Cancelling

from tests.orchestration import workers
from tests.orchestration.workers import Pool, pool_without_worker, wait_for

LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """Who is struck by which signal in which state of a run, and whether another worker stands by."""

    victim: str
    signal: signal.Signals
    state: str
    has_standby: bool

    def __str__(self) -> str:
        standby = ", another stands by" if self.has_standby else ""
        return f"{self.victim} {self.signal.name} while {self.state}{standby}"


def cases() -> Iterator[Case]:
    for victim, number, state, has_standby in product(
        ("worker", "server"),
        (signal.SIGKILL, signal.SIGTERM),
        ("pending", "running", "cancelling"),
        (True, False),
    ):
        yield Case(victim, number, state, has_standby)


def main() -> int:
    """Play the cases; print for each how long it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.endure", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--postgresql", help="address of an empty database for fundpool's own tables")
    options = parser.parse_args()
    if options.postgresql:
        os.environ["FUNDPOOL_DATABASE_URL"] = options.postgresql
    workers.WORKER = workers.WORKER.replace("worker.HEARTBEAT_SECONDS = 2", "pass")
    workers.ONCE_A_SECOND = {}
    too_long = 0
    with tempfile.TemporaryDirectory() as home, pool_without_worker(Path(home)) as pool:
        for case in [case for _ in range(options.rounds) for case in cases()]:
            seconds = play(pool, case)
            too_long += seconds > LIMIT_SECONDS
            sys.stdout.write(f"{seconds:6.1f} s  {case}\n")
            sys.stdout.flush()
    return int(too_long > 0)


def play(pool: Pool, case: Case) -> float:
    """Seconds from the blow until the run is over, and the one behind it."""
    still = "pending" if case.state == "pending" else "running"
    with ExitStack() as running:
        victim = running.enter_context(pool.worker("victim", still=still))
        run, behind = pool.ask_for("flags"), pool.ask_for("plan-review")
        victim.wait_until_reached()
        if case.state == "cancelling":
            pool.client.set_flow_run_state(run, Cancelling())
        if case.has_standby:
            running.enter_context(pool.worker("standby"))
            wait_for(lambda: len([name for name in pool.online() if "standby" in name]) == 1, "no standby")
        struck_at = time.monotonic()
        if case.victim == "worker":
            victim.send(case.signal)
            victim.let_go()
            victim.end()
        else:
            pool.server.process.send_signal(case.signal)
            pool.server.process.wait()
            victim.let_go()
            pool.server.start_again_when_ended()
            pool.server.wait_healthy()
        if not case.has_standby and case.victim == "worker":
            running.enter_context(pool.worker("next"))
        ended = pool.wait_for_end(run).state_type
        assert ended is (StateType.CANCELLED if case.state == "cancelling" else StateType.COMPLETED), ended
        assert pool.wait_for_end(behind).state_type is StateType.COMPLETED
        return time.monotonic() - struck_at


if __name__ == "__main__":
    sys.exit(main())
