"""``python -m tests.simulation --seeds N [--minutes M] [--first F] [--sqlite]``: play schedules, print violations."""

import argparse
import sys
import time
from contextlib import nullcontext

from tests.simulation.backends import run_in_memory, run_on_sqlite
from tests.simulation.mutants import MUTANTS
from tests.simulation.schedule import VARIANTS


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="stop after this time even if seeds are left")
    parser.add_argument("--first", type=int, default=None, help="default: a fresh range from the clock")
    parser.add_argument("--sqlite", action="store_true", help="every seed on SQLite instead of one in ten")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break the product first")
    parser.add_argument("--until-caught", action="store_true", help="stop at the first violation")
    wanted = parser.parse_args()
    first = wanted.first if wanted.first is not None else time.time_ns() // 1_000_000
    started_s = time.perf_counter()
    bad = 0
    played = 0
    for seed in range(first, first + wanted.seeds):
        if wanted.minutes and time.perf_counter() - started_s > wanted.minutes * 60:
            break
        played += 1
        variant = VARIANTS[seed % len(VARIANTS)]
        run = run_on_sqlite if wanted.sqlite or seed % 10 == 9 else run_in_memory
        with MUTANTS[wanted.mutant]() if wanted.mutant else nullcontext():
            result = run(seed, variant)
        if result.violations or wanted.trace:
            bad += bool(result.violations)
            say(f"seed {seed} ({result.variant}): {'; '.join(result.violations)}")
            if wanted.trace:
                say("\n".join(result.trace))
            if wanted.until_caught:
                break
    spent_s = time.perf_counter() - started_s
    say(f"{played} seeds from {first}: {bad} violating, {played / spent_s:.0f} seeds/s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
