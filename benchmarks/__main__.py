"""Every benchmark of the folder, at sizes that end within a quarter of an hour: one line of JSON per figure.

python -m benchmarks
"""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
RUNS = (
    ("benchmarks.start_up",),
    ("benchmarks.pages", "--requests", "20"),
    ("benchmarks.upload_to_verdict",),
    ("benchmarks.settlements", "--settlements", "20000"),
    ("benchmarks.ledger_posting", "--postings", "20000"),
    ("benchmarks.transfers", "--history", "0", "10000", "--verify"),
    ("benchmarks.verification", "--history", "10000", "--cities", "3"),
    ("benchmarks.reading", "--workbooks", "600", "--rows", "20", "3000", "100000"),
    ("benchmarks.detail_comparison", "--lines", "1000000"),
    ("benchmarks.nation", "--cities", "33"),
    ("benchmarks.nation_workers", "--cities", "33"),
)


def main() -> int:
    """The number of benchmarks that failed; each runs in a process of its own, so that one cannot slow another."""
    failed = [run[0] for run in RUNS if subprocess.call([sys.executable, "-m", *run], cwd=REPOSITORY)]
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
