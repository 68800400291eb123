"""The sandbox bank as a child process of the demo: a real HTTP server that ends when the demo ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fundpool.domain.errors import ServiceUnavailable

STOP_SECONDS = 10


@contextmanager
def running_bank(home: Path, accounts: Path) -> Iterator[str]:
    """A sandbox bank for as long as the block lasts; yields its address.

    Its book is in the data folder, so a new process knows everything. Raises ServiceUnavailable when it
    does not start.
    """
    log_path = home / "sandbox-bank.log"
    with (
        log_path.open("ab") as log,
        subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "fundpool.console.demo.bank", str(accounts)],
            stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we stop the bank when our run has ended
        ) as process,
    ):
        assert process.stdout
        try:
            line = process.stdout.readline()
            if not line.startswith("{"):
                raise ServiceUnavailable(
                    "sandbox_bank_unavailable",
                    f"模拟银行没有启动：见 {log_path}",
                    f"the sandbox bank did not start: see {log_path}",
                    remedy="再次运行同一命令即从此处继续 / run the same command again: it carries on",
                )
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def write_bank_accounts(target: Path, sample: Path) -> None:
    """Write the accounts of the sample city with what they hold when the books begin."""
    from fundpool.adapters.documents.record_files import read_accounts, read_openings

    openings = {
        (row.account_type, row.unit, row.fund): row.balance_fen
        for name in ("openings-city.csv", "openings-counties.csv")
        for row in read_openings(sample / name).rows
    }
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["account", "name", "balance_fen"])
        for account in read_accounts(sample / "accounts.csv").rows:
            held = openings.get((account.account_type.value, account.unit, account.fund), 0)
            writer.writerow([account.account_no, account.account_name, held])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main(accounts: Path) -> None:
    """The child: the product's own sandbox bank until the parent closes our standard input or ends."""
    from fundpool.console.commands.sandbox_bank import run

    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(port=0, accounts=accounts, json=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
