"""A small month killed with SIGKILL at any of its commits and outside calls comes to the undisturbed end.

A share drawn afresh each run: 8 points and 2 pairs on SQLite, 4 and 1 on PostgreSQL, 4 and 1 of a restore,
3 orders of triggers. ``make crash`` plays every point, and pairs of points; ``make retriggers`` thousands of orders.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]


def play(*options: str) -> "subprocess.CompletedProcess[str]":
    """``python -m tests.crash``: a process of its own, because a fork wants no threads."""
    return subprocess.run(
        [sys.executable, "-m", "tests.crash", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_month_killed_anywhere_ends_as_if_nothing_had_happened_on_sqlite() -> None:
    played = play("--singles", "8", "--pairs", "2")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "{1: 8, 2: 2}" in played.stdout


def test_a_restore_killed_anywhere_ends_as_if_nothing_had_happened() -> None:
    played = play("--restore", "--singles", "4", "--pairs", "1")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "{1: 4, 2: 1}" in played.stdout


@pytest.mark.postgresql
def test_a_month_killed_anywhere_ends_as_if_nothing_had_happened_on_postgresql(postgresql_url: str) -> None:
    played = play("--singles", "4", "--pairs", "1", "--postgresql", postgresql_url)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "{1: 4, 2: 1}" in played.stdout


def test_a_product_that_takes_a_crash_for_a_refusal_is_caught() -> None:
    """A harness that was not shown to fail proves nothing."""
    played = play("--singles", "2", "--at", "after submit", "--mutant", "crash_is_failure")
    assert played.returncode == 1
    assert "comes to another end" in played.stdout


def test_a_month_whose_steps_are_triggered_in_any_order_ends_as_if_each_had_run_once() -> None:
    played = play("--orders", "3")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "0 came to another end" in played.stdout


def test_a_product_that_files_the_same_figures_again_is_caught() -> None:
    played = play("--orders", "1", "--mutant", "filed_anew_on_another_day")
    assert played.returncode == 1
    assert "comes to another end" in played.stdout
