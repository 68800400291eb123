"""A hundred thousand settlements of ten counties, and how long ``fundpool compute`` takes to start.

    python -m benchmarks.settlements [--settlements N]

Prints one line of JSON. The facts are made up; three in ten counties end the year with a gap and
the pools are often too small, so that every tier, the rationing and the rounding do their work.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fundpool.adapters.policy_files import load_city
from fundpool.domain.settlement import CountyYear, settle
from fundpool.domain.settlement_rules import Appraisal, Bearer, SettlementRules
from fundpool.services.policy_terms import Terms
from fundpool.services.settlement import rules_of

REPOSITORY = Path(__file__).resolve().parents[1]
CITIES = ("suizhou", "taizhou", "jiujiang", "jilin")
COUNTIES = 10
YEARS = 500
"""Different years of facts, settled over and over: making them up is not what is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settlements", type=int, default=100_000)
    count = parser.parse_args().settlements
    print(json.dumps({"benchmark": "settlements", **settle_many(count), "start_up": start_up()}))


def settle_many(count: int) -> dict[str, object]:
    rules = [_rules(city) for city in CITIES]
    years = [_year(random.Random(seed)) for seed in range(YEARS)]
    checked = 0
    began, cpu_began = time.perf_counter(), time.process_time()
    for number in range(count):
        counties, pools = years[number % YEARS]
        settlement = settle(rules[number % len(rules)], counties, pools)
        checked += len(settlement.counties)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return {
        "settlements": count,
        "counties": checked,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "settlements_per_cpu_second": round(count / cpu_seconds),
    }


def _rules(city: str) -> SettlementRules:
    policy = load_city(REPOSITORY / "policies", city)
    return rules_of(Terms(policy, policy.fund("resident"), 2023, {"gap.ration": "pro_rata"}))


def _year(source: random.Random) -> tuple[list[CountyYear], dict[Bearer, int]]:
    counties = []
    for number in range(COUNTIES):
        income = source.randrange(5_000_000_000, 50_000_000_000)
        spent = income * source.randrange(85, 106) // 100
        counties.append(
            CountyYear(
                code=f"99{number:04d}",
                income_fen=income,
                expenditure_fen=spent,
                budget_income_fen=income * source.choice((95, 100, 101)) // 100,
                budget_expenditure_fen=spent * source.choice((99, 100, 105)) // 100,
                fault_fen=source.choice((0, 0, 0, 1_234_567)),
                stored_balance_fen=source.randrange(0, 200_000_000),
                appraisal=source.choice(list(Appraisal)),
            )
        )
    pools = {
        Bearer.CITY_BALANCE: source.randrange(0, 3_000_000_000),
        Bearer.RISK_RESERVE: source.randrange(0, 500_000_000),
        Bearer.COLLECTED_FUND: source.randrange(0, 2_000_000_000),
    }
    return counties, pools


def start_up(runs: int = 5) -> dict[str, float]:
    """Fastest of several runs, in seconds: the interpreter alone, and a whole ``compute``."""
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder) / "facts.json"
        facts.write_text('{"income_fen": 10, "expenditure_fen": 9, "balance_fen": 5, "benefits_fen": 9}')
        question = "compute warning --city suizhou --fund employee --year 2023 --json --facts"
        # Bytecode is cached as in any installation, whatever this shell has set.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        bare = _fastest([sys.executable, "-c", "pass"], environment, runs)
        compute = _fastest(
            [sys.executable, "-m", "fundpool", *question.split(), str(facts)], environment, runs
        )
    return {
        "python_seconds": round(bare, 3),
        "compute_seconds": round(compute, 3),
        "ratio": round(compute / bare, 1),
    }


def _fastest(command: list[str], environment: dict[str, str], runs: int) -> float:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY, env=environment)
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    main()
