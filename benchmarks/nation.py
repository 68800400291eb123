"""The month of a whole synthetic nation: 333 cities, 2,844 counties, 2 schemes.

    python -m benchmarks.nation [--cities 333]

Plays the month of that many cities and of a tenth of them, each twice and each in a process of its
own: with the product's tasks on a local Prefect server and its Great Expectations suites
(``product``), and without both (``plain``). Prints one line of JSON per run and one for the
comparison. Wall time is split by stage; making up the files and the register is not counted.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import expectations.runner
from benchmarks import plain_checks
from benchmarks.measuring import PeakMemory, Stopwatch, cpu_seconds, cpu_seconds_of_children
from benchmarks.national_month import (
    MONTH,
    NATION_CITIES,
    PATTERNS,
    Act,
    NationCity,
    People,
    RunStep,
    act,
    nation_ports,
    play,
)
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.outcomes import StepRequest, UnitState
from fundpool.services.month import steps
from fundpool.services.month.steps import run_step_of_cities
from fundpool.services.ports.work import MonthPorts
from tests.integration.month_scene import account_no, at
from tests.scripted_bank import ScriptedGateway

REPOSITORY = Path(__file__).resolve().parents[1]
WAYS = ("product", "plain")
STAGES = ("read", "keep", "validate", "decide", "book", "report", "orchestrate")
STAGE_OF_STEP = {
    "plan-collection": "keep",
    "plan-review": "decide",
    "funds-application": "decide",
    "disbursement": "book",
    "allocation": "book",
    "reconciliation": "book",
    "expenditure-reporting": "book",
    "report-filing": "report",
    "flags": "report",
}
CITIES_TOGETHER = 40
"""How many cities are handed to a step at once; as many as share a task run of the product."""
FLOW_RUNS = 10
"""How many single flow runs are measured, as an operator or the daily tick starts them."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cities", type=int, default=NATION_CITIES)
    parser.add_argument("--home", type=Path, help="make up the nation here; with --way: play it here")
    parser.add_argument("--way", choices=WAYS, help="measure one way at one size, in this process")
    options = parser.parse_args()
    if options.way:
        logging.disable(logging.WARNING)
        print(json.dumps(measure(options.way, options.cities, options.home)))
    elif options.home:
        make_up(options.cities, options.home)
    else:
        compare(options.cities)


def compare(cities: int) -> None:
    """Both ways at a tenth and at the whole size, then what follows from them."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    sizes = sorted({max(1, cities // 10), cities})
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            nation = Path(folder) / "nation"
            _in_a_process_of_its_own("--cities", str(size), "--home", str(nation))
            for way in WAYS:
                home = Path(folder) / way
                shutil.copytree(nation, home)
                answer = _in_a_process_of_its_own("--way", way, "--cities", str(size), "--home", str(home))
                found[way, size] = json.loads(answer)
                print(answer, flush=True)
                shutil.rmtree(home)
    small, large = found["product", sizes[0]], found["product", sizes[-1]]
    plain = found["plain", sizes[-1]]
    per_county = [run["seconds"] / run["counties"] for run in (small, large)]
    comparison = {
        "benchmark": "nation-comparison",
        "cities": cities,
        "product_to_plain": round(large["seconds"] / plain["seconds"], 2),
        "validate_to_plain": round(large["stages"]["validate"] / plain["stages"]["validate"], 1),
        "orchestrate_share": round(large["stages"]["orchestrate"] / large["seconds"], 3),
        "seconds_per_county_growth": round(per_county[1] / per_county[0], 2),
        "peak_mb": large["peak_mb"]["with_children"],
        "peak_mb_growth": round(large["peak_mb"]["with_children"] / small["peak_mb"]["with_children"], 2),
        "cpu_product_to_plain": round(large["cpu_seconds"] / plain["cpu_seconds"], 2),
        "cpu_seconds_per_county_growth": round(
            (large["cpu_seconds"] / large["counties"]) / (small["cpu_seconds"] / small["counties"]), 2
        ),
        "load": os.getloadavg(),
    }
    print(json.dumps(comparison), flush=True)


def _in_a_process_of_its_own(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.nation", *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True, text=True)
    return ended.stdout.strip().rpartition("\n")[2]


def make_up(cities: int, home: Path) -> None:
    """Openings, budgets, accounts and every county's workbooks, in a database nothing has run on yet."""
    ports = nation_ports(home, cities)
    places = [NationCity(ports, home, policy.key) for policy in ports.policies.cities]
    for number, place in enumerate(places):
        place.found()
        place.arrive(model=None if number < len(PATTERNS) else places[number % len(PATTERNS)])


def measure(way: str, cities: int, home: Path) -> dict[str, Any]:
    """One way, one size: seconds by stage, peak memory, and proof that the month was really played."""
    with PeakMemory() as memory:
        watch = Stopwatch()
        ports = _watched(nation_ports(home, cities), watch)
        places = [NationCity(ports, home, policy.key) for policy in ports.policies.cities]
        with _way(way, home, ports, watch) as run:
            began, cpu_began, server_began = time.perf_counter(), cpu_seconds(), cpu_seconds_of_children()
            play(run, _people(places, watch))
            seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu_began
            server_cpu = cpu_seconds_of_children() - server_began
            stages = {name: round(watch.wall.get(name, 0.0), 2) for name in STAGES}
            cpu_stages = {name: round(watch.cpu.get(name, 0.0), 2) for name in STAGES}
            added = getattr(run, "ms_added_by_a_flow_run", None)
            extra = {} if added is None else {"ms_added_by_a_flow_run": added(FLOW_RUNS)}
        counties = sum(len(place.counties) for place in places)
        must_be_played(places)
        return {
            "benchmark": "nation",
            "way": way,
            "cities": cities,
            "counties": counties,
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu + server_cpu, 2),
            "server_cpu_seconds": round(server_cpu, 2),
            "ms_per_county": round(1000 * seconds / counties, 1),
            "stages": stages,
            "cpu_stages": cpu_stages,
            "peak_mb": memory.peak_mb,
            "transfers": _transfers(ports),
            **extra,
            "load": os.getloadavg(),
        }


def _people(places: list[NationCity], watch: Stopwatch) -> People:
    def everywhere(stage: str, what: Act) -> None:
        with watch.stage(stage):
            for place in places:
                act(place, what)

    return everywhere


def _watched(ports: MonthPorts, watch: Stopwatch) -> MonthPorts:
    return replace(
        ports,
        parse_files=watch.timed("read", ports.parse_files),
        read_documents=watch.timed("read", ports.read_documents),
        judge_documents=watch.timed("validate", ports.judge_documents),
    )


@contextmanager
def _way(way: str, home: Path, ports: MonthPorts, watch: Stopwatch) -> Iterator[RunStep]:
    """How the steps are run; what is replaced for it is put back at the end."""
    failing_rows, given = expectations.runner.failing_rows, steps.PARTS["expenditure-reporting"]
    # Taking in and judging belong to the stage that plans are kept in, what follows to booking.
    collecting = {part.__name__: watch.timed("keep", part) for part in given[:2]}
    steps.PARTS["expenditure-reporting"] = (*collecting.values(), *given[2:])
    vars(steps).update(collecting)
    try:
        if way == "plain":
            expectations.runner.failing_rows = plain_checks.failing_rows
            yield _directly(ports, watch)
        else:
            # The plain way must not carry what it does without.
            from benchmarks.through_prefect import through_prefect  # noqa: PLC0415

            with through_prefect(home, ports, watch, STAGE_OF_STEP) as run:
                yield run
    finally:
        expectations.runner.failing_rows, steps.PARTS["expenditure-reporting"] = failing_rows, given
        vars(steps).update({part.__name__: part for part in given[:2]})


def _directly(ports: MonthPorts, watch: Stopwatch) -> RunStep:
    def run(step: str, moment: str) -> None:
        with watch.stage(STAGE_OF_STEP[step]):
            requests = [
                StepRequest(city.key, MONTH, at(moment), is_played=True) for city in ports.policies.cities
            ]
            for start in range(0, len(requests), CITIES_TOGETHER):
                run_step_of_cities(ports, step, requests[start : start + CITIES_TOGETHER])

    return run


def must_be_played(places: list[NationCity]) -> None:
    """Every county's money arrived to the fen, once, and every city filed a complete summary."""
    moved = places[0].executed_fen()
    for place in places:
        county_accounts = {
            account_no(AccountType.COUNTY_EXPENDITURE, county, fund): place.requested_fen(county, fund)
            for county in place.counties
            for fund in place.funds
        }
        assert all(moved.get(account) == amount for account, amount in county_accounts.items()), (
            place.policy.key
        )
        filed = place.run("report-filing", at("2026-11-12 09:00"))
        assert {outcome.state for outcome in filed.outcomes} == {UnitState.DONE}, filed


def _transfers(ports: MonthPorts) -> int:
    assert isinstance(ports.gateway, ScriptedGateway)
    return len(ports.gateway.book.executions)


if __name__ == "__main__":
    main()
