"""The measurements run, and measure the same work both ways."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import plain_checks
from benchmarks.nation import STAGES, make_up, measure
from benchmarks.national_month import NATION_CITIES, NATION_COUNTIES, counties_of
from expectations import runner
from fundpool.settings import REPOSITORY
from tests.golden.reproductions import judged, reproductions


def test_the_nation_has_its_cities_and_counties() -> None:
    assert sum(counties_of(number) for number in range(NATION_CITIES)) == NATION_COUNTIES


def test_cities_are_played_to_the_fen_without_prefect(tmp_path: Path) -> None:
    """Three of different rules, and one whose files are made after another's."""
    make_up(4, tmp_path)
    found = measure("plain", 4, tmp_path)
    assert (found["cities"], found["counties"]) == (4, sum(counties_of(number) for number in range(4)))
    assert found["transfers"] > 2 * found["counties"]
    assert all(found["stages"][stage] > 0 for stage in STAGES if stage != "orchestrate")
    assert sum(found["stages"].values()) == pytest.approx(found["seconds"], rel=0.05)


@pytest.mark.orchestration
def test_a_city_is_played_to_the_fen_through_prefect(tmp_path: Path) -> None:
    make_up(1, tmp_path)
    found = measure("product", 1, tmp_path)
    assert all(found["stages"][stage] > 0 for stage in STAGES)
    assert found["ms_added_by_a_flow_run"] > 0


@pytest.mark.orchestration
@pytest.mark.postgresql
@pytest.mark.timeout(900)
def test_two_workers_play_three_cities_to_the_fen_on_postgresql(tmp_path: Path) -> None:
    """Each process its own; no run of a city is carried out by two of them at once, or its book would not add up."""
    command = [sys.executable, "-m", "benchmarks.nation_workers", "--cities", "3", "--workers", "2"]
    played = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr
    found = json.loads(played.stdout.splitlines()[0])
    assert (found["workers"], found["counties"]) == (2, sum(counties_of(number) for number in range(3)))
    assert found["transfers"] > 2 * found["counties"]
    assert len(found["runs_by_worker"]) == 2, "both have carried out runs"
    assert sum(found["runs_by_worker"]) == 3 * 11


def test_plain_checks_find_what_the_suites_find(monkeypatch: pytest.MonkeyPatch) -> None:
    made = reproductions()
    with_suites = judged(made)
    monkeypatch.setattr(runner, "failing_rows", plain_checks.failing_rows)
    assert judged(made) == with_suites
