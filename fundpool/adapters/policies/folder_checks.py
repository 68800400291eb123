"""Whether a folder of policy files hangs together: written rightly, one answer every day, every rule accounted for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fundpool.adapters.policies.policy_files import load_coverage, load_file, load_work_calendar, policy_files
from fundpool.adapters.policies.policy_sources import QuoteCheck, check_quotes
from fundpool.adapters.policies.yaml_documents import PolicyFileError, Problem
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.services.law.compute import check_computes
from fundpool.services.law.policy_views import coverage, days_without_one_answer, duties_set_twice

MONTHS_AHEAD = 18
"""How far ahead every rule must have exactly one answer."""


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """The cities that can be read, what is wrong in any file, and how far ahead was looked."""

    cities: tuple[CityPolicy, ...]
    problems: tuple[Problem, ...]
    checked_until: date
    quotes: QuoteCheck | None


def check_policies(folder: Path, today: date, sources: Path | None) -> PolicyCheck:
    """Check every policy file of ``folder``, and the quotes where ``sources`` has the texts."""
    horizon = Month.of(today).plus(MONTHS_AHEAD).last_day
    cities, problems = _readable(folder)
    problems += _time_problems(folder, cities, horizon)
    problems += _computation_problems(cities)
    problems += coverage_problems(folder, cities)
    quotes = None if sources is None else check_quotes(tuple(cities), sources)
    problems += quotes.problems if quotes else ()
    return PolicyCheck(tuple(cities), tuple(problems), horizon, quotes)


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


def _time_problems(folder: Path, cities: Sequence[CityPolicy], horizon: date) -> list[Problem]:
    """Days on which a rule has no answer or two, and monthly duties that two rules set."""
    try:
        calendar = load_work_calendar(folder)
    except PolicyFileError as error:
        return list(error.problems)
    problems = []
    for city in cities:
        file = Path(city.file)
        for rule, day, count in days_without_one_answer(city, horizon):
            message = f"{rule.id} 在 {day} 有 {count} 个答案 / resolves {count} times on {day}"
            problems.append(Problem(file, rule.line, message))
        if city.effective is not None:
            for key, month in duties_set_twice(city, calendar, Month.of(city.effective), Month.of(horizon)):
                rule = next(rule for rule in city.rules if any(duty.key == key for duty in rule.duties))
                message = f"{month} 的职责 {key} 有两条规则规定 / two rules set the duty {key} for {month}"
                problems.append(Problem(file, rule.line, message))
    return problems


def _computation_problems(cities: Sequence[CityPolicy]) -> list[Problem]:
    """Blocks of ``computes`` that do not hang together."""
    problems = []
    for city in cities:
        try:
            check_computes(city)
        except FundpoolError as error:
            named = [rule for rule in city.rules if rule.id in str(error)]
            line = named[0].line if named else 1
            problems.append(Problem(Path(city.file), line, str(error)))
    return problems


def coverage_problems(folder: Path, cities: Sequence[CityPolicy]) -> list[Problem]:
    """Rules of coverage.yaml that the files lack or treat otherwise, and rules it does not list."""
    listed = load_coverage(folder)
    file = folder / "coverage.yaml"
    problems = [
        Problem(file, 1, f"清单中的 {key} 没有政策文件 / no policy file for {key}, which is listed")
        for key in listed
        if key not in {city.key for city in cities}
    ]
    for city in cities:
        expected = listed.get(city.key)
        if expected is None:
            continue
        actual = {rule_id: kind.value for rule_id, kind in coverage(city).items()}
        for rule_id in sorted(expected.keys() | actual.keys()):
            if expected.get(rule_id) != actual.get(rule_id):
                message = (
                    f"{rule_id}: 清单为 {expected.get(rule_id, '无')}，文件为 {actual.get(rule_id, '无')} / "
                    "coverage.yaml and the policy file disagree"
                )
                problems.append(Problem(file, 1, message))
    return problems
