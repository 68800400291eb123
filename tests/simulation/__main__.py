"""``python -m tests.simulation --seeds N [--minutes M] [--first F] [--coverage]``: play schedules.

All are played in memory, one in ``--every`` also on the ``--database``, which is started for the purpose.
``--exhaustive`` plays the 1,600 of ``exhaustive`` against each kind of bank instead; ``--mutants``
says how many seeds it takes to catch each broken variant.

Prints every violation with its seed, what was reached how often, and the seeds per second.
"""

import argparse
import gc
import secrets
import signal
import sys
import time
from contextlib import nullcontext

from fundpool.domain.transfer import ATTEMPT_ARROWS, OBLIGATION_ARROWS
from tests.simulation.backends import Kind, opened_database, run, run_exhaustively
from tests.simulation.bank import PLAYABLE, REACHED
from tests.simulation.exhaustive import orders_for
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutants_of_wrongs import MUTANTS_OF_WRONGS
from tests.simulation.quick import quick
from tests.simulation.schedule import VARIANTS, Result

PROGRESS_EVERY = 10_000
ALL_MUTANTS = MUTANTS | MUTANTS_OF_WRONGS


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    wanted = _arguments()
    first = wanted.first if wanted.first is not None else secrets.randbelow(10**12)
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    if wanted.exhaustive:
        return _play_exhaustively()
    if wanted.mutants:
        return _catch_mutants(first, wanted.seeds)
    say(f"first seed {first}")
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    bad = played = 0
    broken = ALL_MUTANTS[wanted.mutant]() if wanted.mutant else nullcontext()
    with opened_database(wanted.database) as books, quick(), broken:
        for seed in range(first, first + wanted.seeds):
            if ended or (wanted.minutes and time.perf_counter() - started_s > wanted.minutes * 60):
                break
            played += 1
            result = run(seed, kind=wanted.kind, books=books, every=wanted.every)
            bad += _report(result, with_trace=wanted.trace)
            if played % 500 == 0:
                gc.collect()
            if played % PROGRESS_EVERY == 0:
                say(f"{played} played, {bad} violating, {time.perf_counter() - started_s:.0f} s")
    spent_s, spent_cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    if wanted.coverage:
        REACHED.update(dict.fromkeys(_reachable(), 0))
        say("\n".join(f"{count:>10}  {name}" for name, count in sorted(REACHED.items())))
    say(
        f"{played} seeds from {first}: {bad} violating, {played / spent_s:.0f} seeds/s, "
        f"{1000 * spent_cpu_s / max(played, 1):.1f} ms of CPU a seed"
    )
    return 1 if bad else 0


def _reachable() -> list[str]:
    """Every arrow and every fault, so that what was never reached shows as 0."""
    return [
        *(f"attempt: {state} --{event}--> {after}" for (state, event), after in ATTEMPT_ARROWS.items()),
        *(f"obligation: {before} -> {after}" for before, after in OBLIGATION_ARROWS),
        *(f"fault: {name} on {call}" for name, fault in PLAYABLE.items() for call in fault.calls),
    ]


def _play_exhaustively() -> int:
    bad = played = 0
    with quick():
        for variant in VARIANTS:
            for symbols in orders_for(variant):
                played += 1
                broken = run_exhaustively(symbols, variant)
                if broken:
                    bad += 1
                    say(f"{' then '.join(symbols)} ({variant.name}): {'; '.join(broken)}")
    say(f"{played} exhaustive schedules, {bad} violating")
    return 1 if bad else 0


def _catch_mutants(first: int, at_most: int) -> int:
    """How many seeds it takes to catch each broken variant; 1 when one was not caught."""
    missed = 0
    for name, broken in ALL_MUTANTS.items():
        with quick(), broken():
            taken = next((n for n in range(at_most) if run(first + n).violations), None)
        missed += taken is None
        say(f"{name:36} {f'more than {at_most}' if taken is None else taken + 1}")
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="stop after this time even if seeds are left")
    parser.add_argument("--first", type=int, default=None, help="default: a fresh range at random")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--every", type=int, default=100, help="one seed in N on the database too; 0: none")
    parser.add_argument("--kind", type=Kind, choices=[*Kind], help="default: mixed; most over HTTP")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--coverage", action="store_true", help="say how often everything was reached")
    parser.add_argument("--mutant", choices=sorted(ALL_MUTANTS), help="break the product first")
    parser.add_argument("--mutants", action="store_true", help="how many seeds catch each broken variant")
    parser.add_argument("--exhaustive", action="store_true", help="every fault and every ordered pair")
    return parser.parse_args()


def _report(result: Result, *, with_trace: bool) -> bool:
    if result.violations or with_trace:
        say(f"seed {result.seed} ({result.variant}): {'; '.join(result.violations)}")
    if with_trace:
        say("\n".join(result.trace))
    return bool(result.violations)


if __name__ == "__main__":
    sys.exit(main())
