"""The calendar file is imported by a calendar program: khal, which people use in a terminal."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fundpool.console.cli import main

INVENTED = Path(__file__).parents[1] / "golden" / "policies"
SETTINGS = """
[calendars]
[[fundpool]]
path = {folder}/calendar
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
[default]
default_calendar = fundpool
[sqlite]
path = {folder}/khal.db
"""
MARCH = ["--city", "yunzhou", "--month", "2026-03"]

Khal = Callable[..., str]


@pytest.fixture
def khal(tmp_path: Path) -> Khal:
    """Run khal on a calendar of its own."""
    (tmp_path / "calendar").mkdir()
    settings = tmp_path / "khal.conf"
    settings.write_text(SETTINGS.format(folder=tmp_path), encoding="utf-8")

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "khal", "-c", str(settings), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def due(capfdbinary: pytest.CaptureFixture[bytes], folder: Path, *arguments: str) -> bytes:
    assert main(["due", *MARCH, "--policy-dir", str(folder), *arguments]) == 0
    return capfdbinary.readouterr().out


def shown(khal: Khal) -> dict[str, tuple[str, str]]:
    """What the program lists over the chain of March: title to (day, all-day)."""
    fields = [part for name in ("title", "start-date", "all-day") for part in ("--json", name)]
    days = [json.loads(line) for line in khal("list", *fields, "2026-01-15", "2026-05-15").splitlines()]
    events = [event for day in days for event in day]
    assert len(events) == len({event["title"] for event in events}), "an event stands twice"
    return {event["title"]: (event["start-date"], event["all-day"]) for event in events}


def test_a_calendar_program_shows_every_dated_duty_once_and_takes_an_amendment(
    khal: Khal, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    duties = json.loads(due(capfdbinary, INVENTED, "--json"))
    dated = sorted(duty["due"] for duty in duties if duty["due"])
    file = tmp_path / "march.ics"
    file.write_bytes(due(capfdbinary, INVENTED, "--format", "ics"))
    khal("import", "--batch", str(file))
    before = shown(khal)
    assert sorted(day for day, _ in before.values()) == dated
    assert {all_day for _, all_day in before.values()} == {"True"}
    assert before["云州市 2026-03 上报用款计划"][0] == "2026-02-18"

    folder = tmp_path / "policies"
    shutil.copytree(INVENTED, folder)
    amended = folder / "cities" / "yunzhou.yaml"
    text = amended.read_text(encoding="utf-8")
    amended.write_text(text.replace("{day: 18, month_offset: -1}", "{day: 20, month_offset: -1}"), "utf-8")
    file.write_bytes(due(capfdbinary, folder, "--format", "ics"))
    khal("import", "--batch", str(file))
    after = shown(khal)
    assert after.keys() == before.keys()
    assert after["云州市 2026-03 上报用款计划"][0] == "2026-02-20"
