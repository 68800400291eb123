"""``python -m tests.simulation --seeds N [--minutes M] [--first F] [--coverage]``: play schedules.

Prints every violation with its seed, what was reached how often, and the seeds per second.
"""

import argparse
import gc
import secrets
import signal
import sys
import time
from contextlib import nullcontext

from tests.simulation.backends import run
from tests.simulation.bank import REACHED
from tests.simulation.mutants import MUTANTS
from tests.simulation.quick import quick
from tests.simulation.schedule import Result

PROGRESS_EVERY = 10_000


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    wanted = _arguments()
    first = wanted.first if wanted.first is not None else secrets.randbelow(10**12)
    say(f"first seed {first}")
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    bad = played = 0
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    with quick(), MUTANTS[wanted.mutant]() if wanted.mutant else nullcontext():
        for seed in range(first, first + wanted.seeds):
            if ended or (wanted.minutes and time.perf_counter() - started_s > wanted.minutes * 60):
                break
            played += 1
            result = run(seed, sqlite_every=wanted.sqlite_every)
            bad += _report(result, with_trace=wanted.trace)
            if played % 500 == 0:
                gc.collect()
            if played % PROGRESS_EVERY == 0:
                say(f"{played} played, {bad} violating, {time.perf_counter() - started_s:.0f} s")
            if result.violations and wanted.until_caught:
                break
    spent_s, spent_cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    if wanted.coverage:
        say("\n".join(f"{count:>10}  {name}" for name, count in sorted(REACHED.items())))
    say(
        f"{played} seeds from {first}: {bad} violating, {played / spent_s:.0f} seeds/s, "
        f"{1000 * spent_cpu_s / max(played, 1):.1f} ms of CPU a seed"
    )
    return 1 if bad else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="stop after this time even if seeds are left")
    parser.add_argument("--first", type=int, default=None, help="default: a fresh range at random")
    parser.add_argument("--sqlite-every", type=int, default=100, help="one seed in N on SQLite too; 0: none")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--coverage", action="store_true", help="say how often everything was reached")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break the product first")
    parser.add_argument("--until-caught", action="store_true", help="stop at the first violation")
    return parser.parse_args()


def _report(result: Result, *, with_trace: bool) -> bool:
    if result.violations or with_trace:
        say(f"seed {result.seed} ({result.variant}): {'; '.join(result.violations)}")
    if with_trace:
        say("\n".join(result.trace))
    return bool(result.violations)


if __name__ == "__main__":
    sys.exit(main())
