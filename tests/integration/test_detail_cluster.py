"""Details compared by a Dask cluster of two processes: the same answer as on this machine, to the byte."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.details import cluster
from fundpool.adapters.details.cluster import Cluster, compare_part
from fundpool.console.cli import main
from fundpool.settings import REPOSITORY
from fundpool.version import VERSION

HEADER = "serial,county,fund,amount_fen\n"


def dask(*arguments: str) -> "subprocess.Popen[str]":
    """The installed commands, as an administrator starts them."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.DEVNULL,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Machines:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.processes = [
            dask(
                "scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                self.address.rpartition(":")[2],
                "--no-dashboard",
            )
        ]

    def add_worker(self) -> "subprocess.Popen[str]":
        worker = dask("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        self.processes.append(worker)
        return worker

    def wait_for_workers(self, number: int) -> None:
        from distributed import Client  # noqa: PLC0415 - takes a second

        with Client(self.address, timeout=60, set_as_default=False) as client:
            if number:
                client.wait_for_workers(number, timeout=60)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    started = Machines()
    try:
        started.add_worker()
        started.add_worker()
        started.wait_for_workers(2)
        yield started
    finally:
        started.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reconcile(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main(["reconcile", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def both_ways(
    capsys: pytest.CaptureFixture[str], scheduler: str
) -> dict[str, tuple[int, str, dict[str, bytes]]]:
    """Status, answer and files of the comparison here and on the cluster."""
    found = {}
    for way, more in {"here": (), "there": ("--scheduler", scheduler)}.items():
        out = Path("out")
        status = main(["reconcile", "left.csv", "right.csv", "--out", str(out), "--json", *more])
        files = {path.name: path.read_bytes() for path in out.iterdir()}
        found[way] = status, capsys.readouterr().out, files
        for path in out.iterdir():
            path.rename(path.with_name(f"{way}-{path.name}"))
            (out / f"{way}-{path.name}").unlink()
    return found


def lines(number: int, seed: int) -> str:
    """Serials of every length, most of them on both sides, some of them many times and far apart."""
    chance = random.Random(seed)
    written = []
    for _ in range(number):
        serial = chance.randrange(number)
        place = f"33100{serial % 7},{'employee' if serial % 3 else 'resident'}"
        amount = serial * 7 if chance.random() < 0.9 else chance.randrange(-100, 100)
        written.append(f"{serial:0{1 + serial % 20}d},{place},{amount}\n")
    return HEADER + "".join(written)


def test_the_answer_and_both_files_are_the_same_to_the_byte(
    folder: Path, capsys: pytest.CaptureFixture[str], machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over far more parts than workers, so that copies of one serial come from all over the files."""
    monkeypatch.setattr(cluster, "LINES_PER_PART", 700)
    (folder / "left.csv").write_text(lines(4000, seed=1))
    (folder / "right.csv").write_text(lines(4100, seed=2))
    found = both_ways(capsys, machines.address)
    here, there = found["here"], found["there"]
    answer = json.loads(here[1])
    assert min(answer[kind] for kind in ("matched", "amount_mismatch", "only_left", "duplicate_right")) > 100
    assert there == here


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(HEADER, HEADER, id="nothing"),
        pytest.param(HEADER, f"{HEADER}1,331002,employee,5\n", id="one-side-empty"),
        pytest.param(
            f"{HEADER}1,331002,employee,5\n", f"{HEADER}1,331002,employee,5\n", id="nothing-differs"
        ),
    ],
)
def test_files_with_hardly_a_line_are_the_same_too(
    folder: Path, capsys: pytest.CaptureFixture[str], machines: Machines, left: str, right: str
) -> None:
    (folder / "left.csv").write_text(left)
    (folder / "right.csv").write_text(right)
    found = both_ways(capsys, machines.address)
    assert found["there"] == found["here"]


@pytest.mark.parametrize("bad", ["1,331002,employee,1.5", "1,331002,employee", ",331002,employee,1"])
def test_a_bad_line_is_refused_in_the_same_words(
    folder: Path, capsys: pytest.CaptureFixture[str], machines: Machines, bad: str
) -> None:
    (folder / "left.csv").write_text(f"{lines(900, seed=3)}{bad}\n{lines(100, seed=4).removeprefix(HEADER)}")
    (folder / "right.csv").write_text(lines(900, seed=5))
    here = reconcile(capsys, "left.csv", "right.csv")
    assert (here[0], "901" in here[1]["error"]["message"] or "902" in here[1]["error"]["message"]) == (
        2,
        True,
    )
    assert reconcile(capsys, "left.csv", "right.csv", "--scheduler", machines.address) == here


def refused(capsys: pytest.CaptureFixture[str], scheduler: str) -> tuple[int, str]:
    Path("left.csv").write_text(lines(3000, seed=6))
    Path("right.csv").write_text(lines(3000, seed=7))
    status, answer = reconcile(capsys, "left.csv", "right.csv", "--scheduler", scheduler)
    return status, answer["error"]["code"]


@pytest.mark.parametrize("address", ["nowhere", "10.0.0.5:port", "carrier-pigeon://coop", ""])
def test_what_is_no_address_of_a_scheduler_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert refused(capsys, address) == (2, "scheduler_address")


def test_a_scheduler_that_does_not_answer_is_away(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    assert refused(capsys, f"tcp://127.0.0.1:{free_port()}") == (4, "scheduler_away")


@pytest.fixture
def own_machines() -> Iterator[Machines]:
    started = Machines()
    try:
        yield started
    finally:
        started.close()


def test_a_cluster_without_a_worker_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own_machines: Machines
) -> None:
    own_machines.wait_for_workers(0)
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    assert refused(capsys, own_machines.address) == (4, "scheduler_no_worker")


@pytest.mark.parametrize("victim", ["scheduler", "worker"])
def test_a_machine_that_dies_meanwhile_is_told(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    own_machines: Machines,
    victim: str,
) -> None:
    worker = own_machines.add_worker()
    own_machines.wait_for_workers(1)
    monkeypatch.setattr(cluster, "LINES_PER_PART", 100)
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 2)
    compared, dying = Cluster._result, {"scheduler": own_machines.processes[0], "worker": worker}[victim]

    def and_then_it_dies(self: Cluster, future: Any) -> bytes:
        found = compared(self, future)
        dying.send_signal(signal.SIGKILL)
        return found

    monkeypatch.setattr(Cluster, "_result", and_then_it_dies)
    status, code = refused(capsys, own_machines.address)
    assert (status, code) == (4, {"scheduler": "scheduler_away", "worker": "scheduler_no_worker"}[victim])


def test_one_worker_of_two_may_die(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own_machines: Machines
) -> None:
    first = own_machines.add_worker()
    own_machines.add_worker()
    own_machines.wait_for_workers(2)
    monkeypatch.setattr(cluster, "LINES_PER_PART", 500)
    compared = Cluster._result

    def and_then_it_dies(self: Cluster, future: Any) -> bytes:
        found = compared(self, future)
        first.send_signal(signal.SIGKILL)
        return found

    (folder / "left.csv").write_text(lines(3000, seed=8))
    (folder / "right.csv").write_text(lines(3000, seed=9))
    here = reconcile(capsys, "left.csv", "right.csv")
    monkeypatch.setattr(Cluster, "_result", and_then_it_dies)
    assert reconcile(capsys, "left.csv", "right.csv", "--scheduler", own_machines.address) == here


def test_without_the_extra_the_command_says_what_to_install(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _name: None)
    assert refused(capsys, "tcp://127.0.0.1:8786") == (2, "dask_missing")


def test_a_worker_of_another_release_compares_nothing() -> None:
    with pytest.raises(ValueError, match=VERSION):
        compare_part("0.0.1", ([], []))
