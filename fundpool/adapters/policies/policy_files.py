"""Policy files: YAML in, the domain's rules out; every error names its file and line.

A folder of policies holds ``national.yaml``, ``cities/*.yaml``, ``provinces/*.yaml`` and
``work_calendar/*.yaml``. A file is read again only when it has changed.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

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
    ActorName,
    After,
    CityPolicy,
    CommonReading,
    DayOfMonth,
    DayRule,
    Deadline,
    Delegated,
    DutyRule,
    Every,
    Firmness,
    Fund,
    InMonth,
    Instrument,
    Interpretation,
    LastDay,
    National,
    NthLastWorkingDay,
    NthWorkingDay,
    OnDate,
    PaymentHop,
    PolicyLibrary,
    PolicyRule,
    Reading,
    Shift,
    Status,
    StepName,
    Undated,
    Unit,
    WorkedExample,
    WorkingDaysBefore,
    unknown_city,
)
from fundpool.domain.working_days import WorkCalendar
from schemas import policy as shapes

CITY_FOLDERS = ("cities", "provinces")

PRODUCT_POLICIES = Path(shapes.__file__).resolve().parents[1] / "policies"
"""The policy files that the product ships."""


def load_policies(folder: Path) -> PolicyLibrary:
    """All policy files of a folder. Raises PolicyFileError (code ``policy_file``), file and line named."""
    national = read_national(folder)
    files = policy_files(folder)
    cities = [_load(file, national) for file in files]
    problems = [
        Problem(Path(city.file), 1, f"两个文件用了同一城市代码 / two files describe the city {city.key}")
        for index, city in enumerate(cities)
        if city.key in {other.key for other in cities[:index]}
    ]
    if problems:
        raise PolicyFileError(problems)
    return PolicyLibrary(tuple(cities), national)


def load_city(folder: Path, key: str) -> CityPolicy:
    """One city, reading only its own file when that is named after the key.

    Raises InputError ``unknown_city``, or PolicyFileError.
    """
    national = read_national(folder)
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
    return _load(file, read_national(folder))


def load_coverage(folder: Path) -> dict[str, dict[str, str]]:
    """What coverage.yaml lists per city and rule id; empty when the folder has none. Raises PolicyFileError."""
    file = folder / "coverage.yaml"
    if not file.exists():
        return {}
    return {key: dict(rules) for key, rules in read_shape(file, shapes.CoverageFile).cities.items()}


def load_examples(folder: Path) -> dict[str, WorkedExample]:
    """Worked examples by reading key, from the folder's examples.yaml or else the product's."""
    file = folder / "examples.yaml"
    shape = read_shape(file if file.exists() else PRODUCT_POLICIES / "examples.yaml", shapes.ExamplesFile)
    return {key: WorkedExample(entry.name, entry.text, entry.facts) for key, entry in shape.examples.items()}


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
        shape = read_shape(file, shapes.WorkCalendarFile)
        if str(shape.year) != file.stem:
            raise PolicyFileError(
                [Problem(file, 1, f"文件名应为 {shape.year}.yaml / the file is for {shape.year}")]
            )
        if published_by is not None and shape.notices[0].issued > published_by:
            continue
        notices[shape.year] = tuple(notice.number for notice in shape.notices)
        for run in shape.days_off:
            days_off.update(run.first + timedelta(days=n) for n in range((run.last - run.first).days + 1))
        working.update(shape.working_weekends)
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


_cache: dict[Path, tuple[tuple[int, int], National, CityPolicy]] = {}


def read_national(folder: Path) -> National:
    """What all documents share, from the folder's national.yaml or else the product's.

    Raises PolicyFileError.
    """
    file = folder / "national.yaml"
    # A folder with one added city leans on what the product ships.
    shape = read_shape(file if file.exists() else PRODUCT_POLICIES / "national.yaml", shapes.NationalFile)
    return National(
        actors=_actors(shape.actors),
        steps={key: StepName(step.name_zh, step.name_en) for key, step in shape.steps.items()},
        common_readings=tuple(CommonReading(**dict(entry)) for entry in shape.common_readings),
    )


def _actors(shape: Mapping[str, shapes.Actor]) -> dict[str, ActorName]:
    return {key: ActorName(key, actor.name_zh, actor.name_en, actor.at) for key, actor in shape.items()}


def _load(file: Path, national: National) -> CityPolicy:
    status = file.stat()
    stamp = (status.st_mtime_ns, status.st_size)
    cached = _cache.get(file.resolve())
    if cached and cached[0] == stamp and cached[1] == national:
        return cached[2]
    document = read_document(file)
    shape = shape_document(document, shapes.PolicyFile)
    problems = inconsistencies(shape, document, national)
    if problems:
        raise PolicyFileError(problems)
    city = _city(shape, document, national)
    _cache[file.resolve()] = (stamp, national, city)
    return city


def _city(shape: shapes.PolicyFile, document: Document, national: National) -> CityPolicy:
    instruments = {entry.key: _instrument(entry) for entry in shape.instruments}
    first = next(iter(instruments.values()))
    return CityPolicy(
        key=shape.city.key,
        level=shape.city.level,
        name_zh=shape.city.name_zh,
        name_en=shape.city.name_en,
        division_code=shape.city.division_code,
        status=first.status,
        instruments=tuple(instruments.values()),
        funds=tuple(Fund(**dict(fund)) for fund in shape.funds),
        register=tuple(Unit(**dict(unit)) for unit in shape.units),
        payment_path=tuple(PaymentHop(**dict(hop)) for hop in shape.payment_path),
        rules=tuple(
            _rule(rule, instruments, first, document, index) for index, rule in enumerate(shape.rules)
        ),
        conflicts=tuple((conflict.between, conflict.text) for conflict in shape.conflicts),
        absent=tuple((entry.what, entry.text) for entry in shape.absent),
        actors={**national.actors, **_actors(shape.actors)},
        file=str(document.file),
    )


def _instrument(entry: shapes.Instrument) -> Instrument:
    return Instrument(
        key=entry.key,
        title=entry.title,
        number=entry.number,
        issuer=entry.issuer,
        issued=entry.issued,
        published=entry.published,
        effective=entry.effective,
        status=Status(entry.status),
        source_file=entry.source.file if entry.source else None,
        page_marker=entry.source.page_marker if entry.source else None,
        repeals=entry.repeals,
        notes=entry.notes,
    )


def _rule(
    rule: shapes.Rule,
    instruments: Mapping[str, Instrument],
    first: Instrument,
    document: Document,
    index: int,
) -> PolicyRule:
    readings = {entry.key: _interpretation(entry) for entry in rule.interpretations}
    raw = document.content["rules"][index]
    return PolicyRule(
        id=rule.id,
        section=rule.section,
        quote=rule.quote,
        instrument=instruments[rule.at.instrument] if rule.at else first,
        start=rule.at.start if rule.at else None,
        end=rule.at.end if rule.at else None,
        line=document.line(("rules", index)),
        actor=rule.actor,
        valid_from=rule.valid_from,
        valid_until=rule.valid_until,
        ended_by=rule.ended_by,
        duties=tuple(
            duty_rule for duty in rule.duties for duty_rule in _duties(duty, readings.get(duty.reading or ""))
        ),
        computes=tuple(raw.get("computes") or ()),
        structure=raw.get("structure"),
        out_of_scope=rule.out_of_scope,
        interpretations=tuple(readings.values()),
        notes=rule.notes,
    )


def _interpretation(entry: shapes.Interpretation) -> Interpretation:
    return Interpretation(
        key=entry.key,
        question=entry.question,
        reading=entry.reading,
        means=entry.means,
        alternatives=tuple(Reading(other.reading, other.means) for other in entry.alternatives),
        decided_by=entry.decided_by,
        switchable=entry.switchable,
    )


def _duties(duty: shapes.DutyShape, interpretation: Interpretation | None) -> list[DutyRule]:
    """The duty, once per quarter where each quarter has its own day."""
    quarters: Mapping[int | None, shapes.Deadline] = duty.due.by_quarter or {None: duty.due}  # type: ignore[assignment, dict-item, unused-ignore]
    return [
        DutyRule(
            step=duty.step,
            actor=duty.actor,
            every=Every(duty.every),
            due=_deadline(due, quarter),
            quarter=quarter,
            fund_year=duty.fund_year,
            first_period=duty.first_period,
            last_period=duty.last_period,
            shift=Shift(duty.shift),
            firmness=Firmness(duty.firmness),
            interpretation=interpretation,
            action=duty.action,
        )
        for quarter, due in quarters.items()
    ]


def _deadline(due: shapes.Deadline, quarter: int | None) -> Deadline:
    if due.date_ is not None:
        return OnDate(due.date_)
    if due.undated is not None:
        return Undated(due.undated)
    if due.delegated is not None:
        return Delegated(due.delegated)
    if due.after_step is not None or due.after_event is not None:
        working = due.working_days is not None
        days = due.working_days if due.working_days is not None else due.days
        assert days is not None, "the shape asks for one of them"
        return After(days, working, due.after_step, due.after_event, due.counts_from == "receipt")
    return InMonth(_offset(due, quarter), _day_rule(due))


def _offset(due: shapes.Deadline, quarter: int | None) -> int:
    """Months from the first month of the period to the month the day lies in."""
    if due.month_of_quarter is not None:
        return 3 * (due.quarter_offset or 0) + due.month_of_quarter - 1
    if due.month is not None:
        from_january = 12 * (due.year_offset or 0) + due.month - 1
        return from_january - (3 * (quarter - 1) if quarter is not None else 0)
    return due.month_offset or 0


def _day_rule(due: shapes.Deadline) -> DayRule:
    if due.day is not None and due.working_days_before is not None:
        return WorkingDaysBefore(due.day, due.working_days_before)
    if due.day is not None:
        return DayOfMonth(due.day, clamp=due.short_month == "last_day")
    if due.nth_last_working_day is not None:
        return NthLastWorkingDay(due.nth_last_working_day)
    if due.nth_working_day is not None:
        return NthWorkingDay(due.nth_working_day)
    return LastDay()
