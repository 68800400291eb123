"""Whether policies hang together: one answer every day, one rule a duty, computes that fit, every rule listed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fundpool.domain.duties import duties_of
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy, PolicyRule, Status
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.law.compute import check_computes

MONTHS_AHEAD = 18
"""How far ahead every rule must have exactly one answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a city's rules; ``rule`` None where no single rule is to blame."""

    rule: PolicyRule | None
    message: str


def faults_of(city: CityPolicy, calendar: WorkCalendar, until: date) -> Iterator[Fault]:
    """Days up to ``until`` on which a rule has no answer or two, duties set twice, computes that do not fit."""
    for rule, day, count in days_without_one_answer(city, until):
        yield Fault(rule, f"{rule.id} 在 {day} 有 {count} 个答案 / resolves {count} times on {day}")
    if city.effective is not None:
        for key, month in duties_set_twice(city, calendar, Month.of(city.effective), last=Month.of(until)):
            rule = next(rule for rule in city.rules if any(duty.key == key for duty in rule.duties))
            message = f"{month} 的职责 {key} 有两条规则规定 / two rules set the duty {key} for {month}"
            yield Fault(rule, message)
    try:
        check_computes(city)
    except FundpoolError as error:
        yield Fault(next((rule for rule in city.rules if rule.id in str(error)), None), str(error))


def days_without_one_answer(city: CityPolicy, until: date) -> list[tuple[PolicyRule, date, int]]:
    """Rules that do not resolve exactly once on some day from the effective day to ``until``.

    One entry per rule and kind of fault: the first such day, and how many versions hold on it.
    """
    if city.status is not Status.IN_FORCE:
        return []
    faults: list[tuple[PolicyRule, date, int]] = []
    for rule_id in dict.fromkeys(rule.id for rule in city.rules):
        versions = city.versions(rule_id)
        starts = versions[0].valid_from or city.effective
        last = versions[-1]
        ends = last.valid_until if last.ended_by and last.valid_until else until
        seen: set[int] = set()
        day = starts or until
        while day <= min(ends, until):
            count = sum(version.holds_on(day) for version in versions)
            if count != 1 and count not in seen:
                seen.add(count)
                faults.append((versions[0], day, count))
            day += timedelta(days=1)
    return faults


def duties_set_twice(
    city: CityPolicy, calendar: WorkCalendar, first: Month, *, last: Month
) -> list[tuple[str, str]]:
    """Monthly duties that two rules set for one month: (duty key, month), the first month of each."""
    found: dict[str, str] = {}
    month = first
    while month <= last:
        keys = [duty.key for duty in duties_of(city, month, calendar)]
        for key in keys:
            if keys.count(key) > 1:
                found.setdefault(key, str(month))
        month = month.plus(1)
    return list(found.items())


def coverage_faults(cities: Sequence[CityPolicy], listed: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Rules that the list (coverage.yaml: treatment by city and rule id) lacks, or that are treated otherwise."""
    for key in listed:
        if key not in {city.key for city in cities}:
            yield f"清单中的 {key} 没有政策文件 / no policy file for {key}, which is listed"
    for city in cities:
        if (expected := listed.get(city.key)) is None:
            continue
        actual = {rule.id: rule.kind.value for rule in city.rules}
        for rule_id in sorted(expected.keys() | actual.keys()):
            if expected.get(rule_id) != actual.get(rule_id):
                yield (
                    f"{rule_id}: 清单为 {expected.get(rule_id, '无')}，文件为 {actual.get(rule_id, '无')} / "
                    "coverage.yaml and the policy file disagree"
                )
