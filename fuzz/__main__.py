"""``python -m fuzz [TARGET…] [--seconds N]``: each target in a process of its own; what is found is kept.

An input that breaks a promise is written to ``fuzz/found/`` and ends its target with status 1; run it
again with ``python -m fuzz TARGET FILE``. The corpus grows in ``fuzz/corpus/`` from run to run.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("sheet", "part", "container", "csv", "grammar")


def main() -> int:
    """Run the targets one after the other; 1 when anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=150, help="of each target")
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    files = [Path(text) for text in given.targets if Path(text).is_file()]
    names = [text for text in given.targets if not Path(text).is_file()] or list(NAMES)
    if given.inner:
        _fuzz(names[0], given.seconds, files)
    arguments = ["--inner", "--seconds", str(given.seconds), *map(str, files)]
    statuses = [
        subprocess.run([sys.executable, "-m", "fuzz", name, *arguments], check=False).returncode
        for name in names
    ]
    return int(any(statuses))


def _fuzz(name: str, seconds: int, files: list[Path]) -> None:
    import atheris  # noqa: PLC0415 - only the target's own process loads the fuzzer

    from fuzz.targets import TARGETS, mutate_xml  # noqa: PLC0415 - as above

    target, seeds = TARGETS[name]
    corpus = HERE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    (HERE / "found").mkdir(exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=40000",
        # A smaller input of the same branches is mostly broken XML: whole sheets lead further.
        "-reduce_inputs=0",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={HERE / 'found' / name}-",
    ]
    mutators = {"custom_mutator": mutate_xml} if name in {"sheet", "part"} else {}
    where = [str(file) for file in files] or [str(corpus)]
    print(f"== {name}", flush=True)
    atheris.Setup([sys.argv[0], *options, *where], target, **mutators)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
