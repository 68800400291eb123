"""A hundred thousand settlements of ten counties.

    python -m benchmarks.settlements [--settlements N]

Prints one line of JSON. The facts are made up; three in ten counties end the year with a gap and
the pools are often too small, so that every tier, the rationing and the rounding do their work.
"""

import argparse
import json
import random
import time
from pathlib import Path

from fundpool.adapters.policies.policy_files import load_city
from fundpool.domain.settlement import CountyYear, settle
from fundpool.domain.settlement_rules import Appraisal, Bearer, SettlementRules
from fundpool.services.law.policy_terms import Terms
from fundpool.services.law.settlement import rules_of

REPOSITORY = Path(__file__).resolve().parents[1]
CITIES = ("suizhou", "taizhou", "jiujiang", "jilin")
COUNTIES = 10
YEARS = 500
"""Different years of facts, settled over and over: making them up is not what is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settlements", type=int, default=100_000)
    count = parser.parse_args().settlements
    print(json.dumps({"benchmark": "settlements", **settle_many(count)}))


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
    return rules_of(Terms(policy, policy.fund("resident"), 2023, readings={"gap.ration": "pro_rata"}))


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


if __name__ == "__main__":
    main()
