"""When a Prefect server that gives no answer is ended: soon where it does nothing, later where it works."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from fundpool.local_prefect import server
from fundpool.local_prefect.server import LOOKS, LOOKS_AT_A_BUSY_ONE, Server
from fundpool.settings import Settings


@pytest.fixture
def sleeping() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("used", "has_answered", "looks"),
    [
        (itertools.repeat(7), True, LOOKS),
        (itertools.count(), True, LOOKS_AT_A_BUSY_ONE),
        (itertools.repeat(7), False, LOOKS_AT_A_BUSY_ONE),
    ],
    ids=["does nothing", "works", "has never answered"],
)
def test_a_server_is_ended_after_so_many_looks_without_an_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sleeping: "subprocess.Popen[bytes]",
    used: Iterator[int],
    has_answered: bool,
    looks: int,
) -> None:
    silent = 0
    is_over = Event()

    def answers(watched: Server, *, within: float) -> bool:
        nonlocal silent, has_answered
        if has_answered:
            has_answered = False
            return True
        if watched.process.poll() is not None:
            is_over.set()
        else:
            silent += 1
        return False

    monkeypatch.setattr(server, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(server, "used_ticks", lambda _pid: next(used))
    monkeypatch.setattr(Server, "answers", answers)
    watched = Server(Settings(home=tmp_path), 0, sleeping)
    watched.home.mkdir()
    watched.end_when_silent(is_over)
    assert silent == looks
    assert sleeping.wait() == -signal.SIGKILL


def test_a_process_that_is_gone_has_used_nothing(sleeping: "subprocess.Popen[bytes]") -> None:
    assert server.used_ticks(sleeping.pid) >= 0
    sleeping.kill()
    sleeping.wait()
    assert server.used_ticks(sleeping.pid) == 0
