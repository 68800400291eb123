"""``fundpool demo`` as a person starts it: real Prefect, a bank over HTTP, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.integration.demo_stage import DemoStage

pytestmark = [pytest.mark.orchestration, pytest.mark.slow, pytest.mark.timeout(900)]

GONE_SECONDS = 60
STUCK_SECONDS = 600
"""Many times what a demo takes; one that is not over by then never will be."""


def real_settings(home: Path) -> dict[str, str]:
    """Of an installation that is none of the demo's business."""
    return {
        "FUNDPOOL_DATABASE_URL": "postgresql://nobody@nowhere/real",
        "FUNDPOOL_GATEWAY_KIND": "file",
        "FUNDPOOL_ANCHOR_TO": str(home.parent / "real-anchors"),
        "FUNDPOOL_NOTIFY_COMMAND": f"touch {home.parent / 'real-people'}",
    }


def start(city: str, home: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            *(sys.executable, "-X", "faulthandler", "-m", "fundpool"),
            *("demo", "--city", city, "--home", str(home)),
            *("--port", "0", "--json", *options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **real_settings(home)},
        # Tests that a script runs in its background ignore Ctrl-C, and what they start inherits it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one call
    )


def play_to_the_end(city: str, home: Path) -> dict[str, object]:
    demo = start(city, home, "--no-serve")
    try:
        out, err = demo.communicate(timeout=STUCK_SECONDS)
    except subprocess.TimeoutExpired:
        demo.send_signal(signal.SIGABRT)  # faulthandler prints where each thread stands
        out, err = demo.communicate()
        stuck = f"stuck after {acts_done(home)} acts"
        pytest.fail(f"{stuck}\n{out}\n{err}\n{(home / 'prefect' / 'server.log').read_text()[-4000:]}")
    assert demo.returncode == 0, err
    assert {path.name for path in home.parent.glob("real-*")} == set(), "nothing real was touched"
    assert "演示数据，全部为虚构" in err
    summary: dict[str, object] = json.loads(out)
    assert summary["ok"] is True
    assert summary["differences"] == []
    return summary


def acts_done(home: Path) -> int:
    try:
        return int(json.loads((home / "demo.json").read_text())["done"])
    except FileNotFoundError:
        return 0


def processes_of(home: Path) -> list[int]:
    """Processes whose environment names this data folder: what the demo started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"FUNDPOOL_HOME={home}\0".encode() in environment:
                found.append(int(entry.name))
    return found


def wait_until_alone(home: Path) -> None:
    give_up_at = time.monotonic() + GONE_SECONDS
    while processes_of(home):
        assert time.monotonic() < give_up_at, f"still running: {processes_of(home)}"
        time.sleep(0.2)


@pytest.mark.parametrize("city", ["taizhou", "jiujiang"])
def test_the_demo_plays_its_month_and_ends_by_itself(tmp_path: Path, city: str) -> None:
    summary = play_to_the_end(city, tmp_path / "home")
    assert summary["reports"]
    wait_until_alone(tmp_path / "home")


def test_a_demo_killed_twice_comes_to_the_end_of_an_undisturbed_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for after in (3, 14):
        demo = start("suizhou", home, "--no-serve")
        while acts_done(home) < after:
            assert demo.poll() is None, demo.communicate()[1]
            time.sleep(0.05)
        demo.kill()
        demo.communicate()
        wait_until_alone(home)
    killed = play_to_the_end("suizhou", home)
    undisturbed = DemoStage(tmp_path / "undisturbed", "suizhou")
    undisturbed.play()
    assert killed["digest"] == undisturbed.summary().digest
    again = play_to_the_end("suizhou", home)  # a finished demo shows its end
    assert again["digest"] == killed["digest"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_demo_stops_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "home"
    demo = start("suizhou", home)
    while acts_done(home) < 2:
        assert demo.poll() is None, demo.communicate()[1]
        time.sleep(0.05)
    demo.send_signal(number)
    demo.communicate(timeout=STUCK_SECONDS)
    assert demo.returncode == 128 + number
    wait_until_alone(home)
