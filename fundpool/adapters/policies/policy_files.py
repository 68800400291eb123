"""Policy files: YAML in, the domain's rules out; every error names its file and line.

A folder of policies holds ``national.yaml``, ``cities/*.yaml``, ``provinces/*.yaml`` and
``work_calendar/*.yaml``. A file is read again only when it has changed.
"""

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from fundpool.adapters.policies.policy_checks import inconsistencies
from fundpool.adapters.policies.yaml_documents import (
    Document,
    PolicyFileError,
    Problem,
    T,
    read_document,
    shape_document,
)
from fundpool.domain.errors import InputError
from fundpool.domain.policy import (
    City,
    CityPolicy,
    DutyName,
    DutyRule,
    DutyText,
    PolicyLibrary,
    PolicyRule,
    RuleText,
    WorkedExample,
    unknown_city,
)
from fundpool.domain.working_days import WorkCalendar
from schemas import policy
from schemas.policy import (
    ByQuarter,
    CoverageFile,
    ExamplesFile,
    NationalFile,
    PolicyFile,
    Rule,
    WorkCalendarFile,
)

CITY_FOLDERS = ("cities", "provinces")

PRODUCT_POLICIES = Path(policy.__file__).resolve().parents[1] / "policies"
"""The policy files that the product ships."""


def load_policies(folder: Path) -> PolicyLibrary:
    """All policy files of a folder. Raises PolicyFileError (code ``policy_file``), file and line named."""
    national = _read_national(folder)
    files = policy_files(folder)
    cities = [_load(file, national) for file in files]
    problems = [
        Problem(Path(city.file), 1, f"两个文件用了同一城市代码 / two files describe the city {city.key}")
        for index, city in enumerate(cities)
        if city.key in {other.key for other in cities[:index]}
    ]
    if problems:
        raise PolicyFileError(problems)
    return PolicyLibrary(tuple(cities))


def load_city(folder: Path, key: str) -> CityPolicy:
    """One city, reading only its own file when that is named after the key.

    Raises InputError ``unknown_city``, or PolicyFileError.
    """
    national = _read_national(folder)
    files = policy_files(folder)
    for file in sorted(files, key=lambda file: file.stem != key):
        if file.stem != key and f"key: {key}" not in file.read_text(encoding="utf-8"):
            continue
        city = _load(file, national)
        if city.key == key:
            return city
    raise unknown_city(key, [file.stem for file in files])


def load_file(file: Path, folder: Path) -> CityPolicy:
    """One policy file, with the names of its folder. Raises PolicyFileError."""
    return _load(file, _read_national(folder))


def load_coverage(folder: Path) -> dict[str, dict[str, str]]:
    """What coverage.yaml lists per city and rule id; empty when the folder has none. Raises PolicyFileError."""
    file = folder / "coverage.yaml"
    if not file.exists():
        return {}
    return {key: dict(rules) for key, rules in read_shape(file, CoverageFile).cities.items()}


def load_examples(folder: Path) -> dict[str, WorkedExample]:
    """Worked examples by reading key, from the folder's examples.yaml or else the product's."""
    file = folder / "examples.yaml"
    return read_shape(file if file.exists() else PRODUCT_POLICIES / "examples.yaml", ExamplesFile).examples


def load_work_calendar(folder: Path, published_by: date | None = None) -> WorkCalendar:
    """The working days of every year whose notice is on file, as far as published by a day.

    Years that the folder does not have are taken from the product's own. Raises PolicyFileError.
    """
    files = {
        file.stem: file
        for source in (PRODUCT_POLICIES, folder)
        for file in sorted((source / "work_calendar").glob("*.yaml"))
    }
    notices: dict[int, tuple[str, ...]] = {}
    days_off: set[date] = set()
    working: set[date] = set()
    for file in files.values():
        content = read_shape(file, WorkCalendarFile)
        if str(content.year) != file.stem:
            raise PolicyFileError(
                [Problem(file, 1, f"文件名应为 {content.year}.yaml / the file is for {content.year}")]
            )
        if published_by is not None and content.notices[0].issued > published_by:
            continue
        notices[content.year] = tuple(notice.number for notice in content.notices)
        for run in content.days_off:
            days_off.update(run.first + timedelta(days=n) for n in range((run.last - run.first).days + 1))
        working.update(content.working_weekends)
    return WorkCalendar(notices, frozenset(days_off), frozenset(working))


def policy_files(folder: Path) -> list[Path]:
    """The city and province files of a policy folder. Raises InputError when there are none."""
    files = [file for name in CITY_FOLDERS for file in sorted((folder / name).glob("*.yaml"))]
    if not files:
        raise InputError(
            "policy_dir",
            f"{folder} 中没有政策文件（cities/*.yaml、provinces/*.yaml）",
            f"no policy files in {folder} (cities/*.yaml, provinces/*.yaml)",
            remedy="用 --policy-dir 或 FUNDPOOL_POLICY_DIR 指定 / give --policy-dir or FUNDPOOL_POLICY_DIR",
        )
    return files


def read_shape(file: Path, model: type[T]) -> T:
    """A YAML file checked against its shape. Raises PolicyFileError with the lines."""
    return shape_document(read_document(file), model)


_cache: dict[Path, tuple[tuple[int, int], NationalFile, CityPolicy]] = {}


def _read_national(folder: Path) -> NationalFile:
    """What all documents share, from the folder's national.yaml or else the product's.

    Raises PolicyFileError.
    """
    file = folder / "national.yaml"
    # A folder that only adds a city has no national.yaml: the product's own serves it.
    return read_shape(file if file.exists() else PRODUCT_POLICIES / "national.yaml", NationalFile)


def _load(file: Path, national: NationalFile) -> CityPolicy:
    status = file.stat()
    stamp = (status.st_mtime_ns, status.st_size)
    cached = _cache.get(file.resolve())
    if cached and cached[0] == stamp and cached[1] == national:
        return cached[2]
    document = read_document(file)
    content = shape_document(document, PolicyFile)
    problems = inconsistencies(content, document, national)
    if problems:
        raise PolicyFileError(problems)
    city = _city(content, document, national)
    _cache[file.resolve()] = (stamp, national, city)
    return city


def _city(content: PolicyFile, document: Document, national: NationalFile) -> CityPolicy:
    instruments = {entry.key: entry for entry in content.instruments}
    first = content.instruments[0]
    return CityPolicy(
        **_values(content.city, City),
        status=first.status,
        instruments=content.instruments,
        funds=content.funds,
        register=content.units,
        payment_path=content.payment_path,
        rules=tuple(
            PolicyRule(
                **_values(rule, RuleText),
                instrument=instruments[rule.at.instrument] if rule.at else first,
                line=document.line(("rules", index)),
                duties=tuple(_duty_rules(rule)),
                computes=tuple(document.content["rules"][index].get("computes") or ()),
            )
            for index, rule in enumerate(content.rules)
        ),
        conflicts=content.conflicts,
        absent=content.absent,
        actors={**national.actors, **content.actors},
        duty_names={
            **national.duties,
            **{
                duty.key: DutyName(duty.action, duty.key)
                for rule in content.rules
                for duty in rule.duties
                if duty.action
            },
        },
        common_readings=national.common_readings,
        file=str(document.file),
    )


def _duty_rules(rule: Rule) -> Iterator[DutyRule]:
    """The rule's duties, each once per quarter where each quarter has its own day."""
    readings = {entry.key: entry for entry in rule.interpretations}
    for duty in rule.duties:
        for quarter, due in duty.deadlines():
            assert not isinstance(due, ByQuarter), "a duty with quarters in a quarter is refused"
            yield DutyRule(
                **_values(duty, DutyText),
                due=due,
                quarter=quarter,
                interpretation=readings[duty.reading] if duty.reading else None,
            )


def _values(entry: Any, base: type[City | RuleText | DutyText]) -> dict[str, Any]:
    """The values of an entry for those fields that a class of the domain has too."""
    return {shared.name: getattr(entry, shared.name) for shared in fields(base)}
