"""``fundpool policy check``: a folder of policy files, every fault at its file and line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fundpool.adapters.policies.policy_files import load_coverage, load_file, load_work_calendar, policy_files
from fundpool.adapters.policies.policy_sources import QuoteCheck, check_quotes
from fundpool.adapters.policies.yaml_documents import PolicyFileError, Problem
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.services.law.policy_checks import MONTHS_AHEAD, coverage_faults, faults_of


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """The cities that can be read, what is wrong in any file, and how far ahead was looked."""

    cities: tuple[CityPolicy, ...]
    problems: tuple[Problem, ...]
    checked_until: date
    quotes: QuoteCheck | None


def check_policies(folder: Path, today: date, sources: Path | None) -> PolicyCheck:
    """Check every policy file of ``folder``, and the quotes where ``sources`` has the texts."""
    until = Month.of(today).plus(MONTHS_AHEAD).last_day
    cities, problems = _readable(folder)
    try:
        calendar = load_work_calendar(folder)
    except PolicyFileError as error:
        problems += error.problems
    else:
        problems += [
            Problem(Path(city.file), fault.rule.line if fault.rule else 1, fault.message)
            for city in cities
            for fault in faults_of(city, calendar, until)
        ]
    problems += coverage_problems(folder, cities)
    quotes = None if sources is None else check_quotes(tuple(cities), sources)
    problems += quotes.problems if quotes else ()
    return PolicyCheck(tuple(cities), tuple(problems), until, quotes=quotes)


def _readable(folder: Path) -> tuple[list[CityPolicy], list[Problem]]:
    """The cities that can be read, and what is wrong with the other files."""
    cities: list[CityPolicy] = []
    problems: list[Problem] = []
    for file in policy_files(folder):
        try:
            city = load_file(file, folder)
        except PolicyFileError as error:
            problems += error.problems
            continue
        if city.key in {other.key for other in cities}:
            problems.append(Problem(file, 1, f"两个文件用了同一城市代码 / two files describe {city.key}"))
        cities.append(city)
    return cities, problems


def coverage_problems(folder: Path, cities: Sequence[CityPolicy]) -> list[Problem]:
    """Where coverage.yaml and the policy files do not list and treat the same rules."""
    faults = coverage_faults(cities, load_coverage(folder))
    return [Problem(folder / "coverage.yaml", 1, message) for message in faults]
