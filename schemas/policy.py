"""Policy files: one city's document as data (policies/README.md teaches it), validated into the domain's classes.

What a file says stands in the dataclasses of fundpool.domain.policy. Here is only what a file writes
otherwise than the domain keeps it: its top, the vocabulary of ``due`` blocks, the ``computes`` blocks.
Unknown keys are errors, so that a misspelt word in a file is not a rule that silently does not exist.
``python -m schemas.policy`` prints the JSON Schema for editors.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from fundpool.domain import policy as law
from fundpool.domain.policy import Every
from fundpool.domain.risk import Comparison
from fundpool.domain.settlement_rules import CITY_POOLS, POOLS, Part
from schemas.policy_computes import AnyComputeBlock

Key = Annotated[str, Field(pattern=law.KEY_PATTERN)]


class File(BaseModel):
    """Base of all files and their parts: unknown keys are errors, values do not change.

    The domain's dataclasses take this configuration over from the file that they stand in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class ByQuarter:
    """A deadline for each quarter, its month a month of the year."""

    by_quarter: dict[Literal[1, 2, 3, 4], "Due"] = field(
        metadata=law.described("各季度分别规定 / each quarter its own", min_length=1)
    )


KINDS: Mapping[str, type[law.Deadline | ByQuarter]] = {
    "day": law.DayOfMonth,
    "last_day": law.LastDay,
    "nth_last_working_day": law.NthLastWorkingDay,
    "nth_working_day": law.NthWorkingDay,
    "date": law.OnDate,
    "by_quarter": ByQuarter,
    "after_duty": law.After,
    "after_event": law.After,
    "undated": law.Undated,
    "delegated": law.Delegated,
}
"""The word by which a ``due`` block sets its deadline; a block names exactly one."""

WORDS = {
    kind: frozenset(str(entry.metadata.get("alias", entry.name)) for entry in fields(shape))
    for kind, shape in KINDS.items()
}
"""Every word that may stand in a block of a kind."""


_DATE = (
    "^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)$"
)
"""Days of the calendar: ``format: date`` alone binds nobody, and many programs do not look at it."""


def _names_one_kind(due: object) -> object:
    """The block, whose words all belong to one kind, with its date and quarters as Python's.

    A word of no kind is an unknown key, found later.
    """
    if not isinstance(due, dict):
        raise ValueError(f"a due block is words with values, found {due!r}")  # noqa: TRY004 - what pydantic reports
    given = [word for word in due if due[word] is not None]
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        raise ValueError(
            f"a due block names exactly one of {', '.join(KINDS)}; found {kinds or given or 'none'}"
        )
    for word in given:
        owners = [kind for kind in KINDS if word in WORDS[kind]]
        if owners and kinds[0] not in owners:
            raise ValueError(f"{word} belongs to {', '.join(owners)}, not to {kinds[0]}")
    if kinds == ["last_day"] and due["last_day"] is not True:
        raise ValueError(f"last_day is true or not given, found {due['last_day']!r}")
    if kinds == ["date"] and re.fullmatch(_DATE, str(due["date"])):
        return {**due, "date": date.fromisoformat(due["date"])}
    if kinds == ["by_quarter"] and isinstance(due["by_quarter"], dict):
        quarters = {"1": 1, "2": 2, "3": 3, "4": 4}
        return {
            **due,
            "by_quarter": {quarters.get(key, key): due["by_quarter"][key] for key in due["by_quarter"]},
        }
    return due


def _tag(due: Mapping[str, object]) -> str:
    kind = next(kind for kind in KINDS if due.get(kind) is not None)
    return f"due[{KINDS[kind].__name__}]"


Due = Annotated[
    Annotated[law.DayOfMonth, Tag("due[DayOfMonth]")]
    | Annotated[law.LastDay, Tag("due[LastDay]")]
    | Annotated[law.NthLastWorkingDay, Tag("due[NthLastWorkingDay]")]
    | Annotated[law.NthWorkingDay, Tag("due[NthWorkingDay]")]
    | Annotated[law.OnDate, Tag("due[OnDate]")]
    | Annotated[ByQuarter, Tag("due[ByQuarter]")]
    | Annotated[law.After, Tag("due[After]")]
    | Annotated[law.Undated, Tag("due[Undated]")]
    | Annotated[law.Delegated, Tag("due[Delegated]")],
    Discriminator(_tag),
    BeforeValidator(_names_one_kind),
]
"""A deadline as a file writes it. Tags have a bracket because messages leave such names of shapes out."""

MONTH_WORDS: Mapping[Every, frozenset[str]] = {
    Every.MONTH: frozenset({"month_offset"}),
    Every.QUARTER: frozenset({"month_of_quarter", "quarter_offset"}),
    Every.YEAR: frozenset({"month", "year_offset"}),
    Every.ONCE: frozenset({"month", "year_offset"}),
    Every.EVENT: frozenset(),
}
"""By which words a duty that comes back so often names the month of its day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(law.DutyText):
    """One duty: who does what by when."""

    due: Due
    reading: str | None = law.optional("所用读法的键 / key of the interpretation it rests on")

    def __post_init__(self) -> None:
        if (self.every is Every.ONCE) != (self.fund_year is not None):
            raise ValueError("a one-off duty (every: once), and only it, names its fund_year")
        for quarter, due in self.deadlines():
            where = self.key if quarter is None else f"quarter {quarter}"
            every = self.every if quarter is None else Every.YEAR
            if isinstance(due, ByQuarter) or (quarter is not None and self.every is not Every.QUARTER):
                raise ValueError("by_quarter belongs to every: quarter")
            if quarter is None and isinstance(due, law.OnDate) and every is not Every.ONCE:
                raise ValueError("a date belongs to every: once")
            if isinstance(due, law.InMonth):
                _check_month(due, every, where)
            if self.shift is not law.Shift.NONE and not _is_calendar_day(due):
                raise ValueError(
                    f"{self.key}: shift moves a calendar day; a working day never falls on a day off"
                )

    def deadlines(self) -> Iterable[tuple[int | None, law.Deadline | ByQuarter]]:
        """Each quarter that has its own deadline, with it; None with a deadline of every period."""
        return self.due.by_quarter.items() if isinstance(self.due, ByQuarter) else [(None, self.due)]


def _check_month(due: law.InMonth, every: Every, where: str) -> None:
    used = {entry.name for entry in fields(law.InMonth) if getattr(due, entry.name) is not None}
    if used - MONTH_WORDS[every]:
        raise ValueError(f"{where}: {', '.join(sorted(used))} does not belong to a duty of every: {every}")
    if every in {Every.YEAR, Every.ONCE} and due.month is None:
        raise ValueError(f"{where}: a yearly date needs its month")
    if every is Every.QUARTER and due.month_of_quarter is None:
        raise ValueError(f"{where}: a quarterly date needs month_of_quarter or by_quarter")
    if every is Every.EVENT:
        raise ValueError(f"{where}: a duty on an event has no day of its own; use after_event or undated")


def _is_calendar_day(due: law.Deadline) -> bool:
    match due:
        case law.DayOfMonth():
            return due.working_days_before is None
        case law.After():
            return due.days is not None
        case _:
            return isinstance(due, law.LastDay | law.OnDate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(law.RuleText):
    """One rule: duties, computes and structure (a path, an invariant, a fact), or out of scope with the reason."""

    duties: tuple[Duty, ...] = field(default=(), metadata=law.described(min_length=1))
    computes: Annotated[tuple[AnyComputeBlock, ...], Field(min_length=1)] | None = None

    def __post_init__(self) -> None:
        used = bool(self.duties) or self.computes is not None or self.structure is not None
        if used == (self.out_of_scope is not None):
            raise ValueError(
                "a rule is either duties, computes and structure (at least one), or out_of_scope"
            )
        if self.valid_until and self.valid_from and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        keys = {interpretation.key for interpretation in self.interpretations}
        for duty in self.duties:
            if duty.reading is not None and duty.reading not in keys:
                raise ValueError(f"duty {duty.key} names the reading {duty.reading}, which the rule lacks")


class PolicyFile(File):
    """One city's or province's documents, in the order of the documents."""

    schema_file: str | None = Field(
        default=None, alias="$schema", description="供编辑器核对用，程序不读 / for editors, not read"
    )
    city: law.City
    instruments: tuple[law.Instrument, ...] = Field(min_length=1)
    funds: tuple[law.Fund, ...]
    units: tuple[law.Unit, ...]
    payment_path: tuple[law.PaymentHop, ...]
    conflicts: tuple[law.Conflict, ...] = ()
    absent: tuple[law.Absent, ...] = ()
    actors: dict[Key, law.ActorName] = Field(
        default_factory=dict, description="本地特有的责任主体 / parties that national.yaml does not list"
    )
    rules: tuple[Rule, ...] = Field(min_length=1)


class NationalFile(File):
    """What all documents share: actors, names of duties and common readings."""

    actors: dict[Key, law.ActorName]
    duties: dict[Key, law.DutyName]
    common_readings: tuple[law.CommonReading, ...]


class Notice(File):
    """One State Council notice on the holidays of a year."""

    title: str
    number: str
    issued: date
    issuer: str = "国务院办公厅"


class DaysOff(File):
    """One feast's days off, first and last day included, as the notice writes them."""

    feast: str
    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= (self.last - self.first).days <= 14:
            raise ValueError(f"{self.feast}: {self.first} to {self.last} is no run of days off")
        return self


class WorkCalendarFile(File):
    """The days off and make-up working days that the State Council's notice for one year sets.

    A notice may reach into the December before its year (2022-12-31 is in the notice for 2023).
    """

    year: int = Field(ge=2000, le=2100)
    notices: tuple[Notice, ...] = Field(min_length=1)
    days_off: tuple[DaysOff, ...] = Field(min_length=1, description="放假 / days off, as the notice reads")
    working_weekends: tuple[date, ...] = Field(description="调休上班的周末 / make-up working days")

    @model_validator(mode="after")
    def _days_make_sense(self) -> Self:
        for day in self.working_weekends:
            if day.weekday() < 5:
                raise ValueError(f"{day} is no weekend: a make-up working day falls on Saturday or Sunday")
            if any(run.first <= day <= run.last for run in self.days_off):
                raise ValueError(f"{day} is both a day off and a working day")
        for run in self.days_off:
            if not date(self.year - 1, 12, 20) <= run.first <= run.last <= date(self.year, 12, 31):
                raise ValueError(f"{run.feast}: {run.first} to {run.last} does not belong to {self.year}")
        return self


Treatment = Literal["computed", "duty", "computed_and_duty", "structure", "out_of_scope"]
"""What the product does with one rule of the documents."""


class CoverageFile(File):
    """Every rule id of the documents with its treatment; none unaccounted."""

    cities: dict[Key, dict[str, Treatment]]


class ExamplesFile(File):
    """Worked examples by reading key."""

    examples: dict[str, law.WorkedExample]


# --- JSON Schema --------------------------------------------------------------------------------

Schema = dict[str, Any]


def _given(word: str) -> Schema:
    """The word stands and is not null."""
    return {"required": [word], "properties": {word: {"not": {"type": "null"}}}}


def _month_fits(every: Every) -> Schema:
    """A day of a month says which month by the words of ``every`` (see _check_month)."""
    if every is Every.EVENT:
        return {"not": {"anyOf": [_given(word) for word in _DAYS_OF_A_MONTH]}}
    foreign = frozenset().union(*MONTH_WORDS.values()) - MONTH_WORDS[every]
    then: Schema = {"properties": {word: {"type": "null"} for word in sorted(foreign)}}
    needed = {Every.YEAR: "month", Every.ONCE: "month", Every.QUARTER: "month_of_quarter"}.get(every)
    days = {"anyOf": [_given(word) for word in _DAYS_OF_A_MONTH]}
    return {"if": days, "then": {"allOf": [then, _given(needed)]} if needed else then}


_DAYS_OF_A_MONTH = [kind for kind, shape in KINDS.items() if issubclass(shape, law.InMonth)]
_CALENDAR_DAY: Schema = {
    "anyOf": [
        {**_given("day"), "not": _given("working_days_before")},
        *(_given(word) for word in ("last_day", "date", "days")),
    ]
}
_NOT_BY_QUARTER: Schema = {"not": _given("by_quarter")}


def _due_of(every: Every) -> Schema:
    """What a duty that comes back so often says of its ``due``."""
    if every is Every.QUARTER:
        quarters = {"additionalProperties": {"allOf": [_month_fits(Every.YEAR), _NOT_BY_QUARTER]}}
        own = {"if": _given("by_quarter"), "then": {"properties": {"by_quarter": quarters}}}
        return {"allOf": [_month_fits(every), {"not": _given("date")}, own]}
    dated = [] if every is Every.ONCE else [{"not": _given("date")}]
    return {"allOf": [_month_fits(every), _NOT_BY_QUARTER, *dated]}


def _between_fields() -> dict[str, Schema]:
    """What fields of one entry say about each other: the validators of the classes, as JSON Schema."""
    duty: list[Schema] = [
        {
            "if": {"properties": {"every": {"const": every.value}}},
            "then": {
                "allOf": [
                    {"properties": {"due": _due_of(every)}},
                    _given("fund_year") if every is Every.ONCE else {"not": _given("fund_year")},
                ]
            },
        }
        for every in Every
    ]
    quarters = {"properties": {"by_quarter": {"additionalProperties": _CALENDAR_DAY}}}
    duty.append(
        {
            "if": {"required": ["shift"], "properties": {"shift": {"not": {"const": law.Shift.NONE.value}}}},
            "then": {
                "properties": {"due": {"if": _given("by_quarter"), "then": quarters, "else": _CALENDAR_DAY}}
            },
        }
    )
    pools = sorted(POOLS)
    return {
        "Duty": {"allOf": duty},
        "ByQuarter": {"properties": {"by_quarter": {"propertyNames": {"enum": ["1", "2", "3", "4"]}}}},
        "DayOfMonth": {"not": {"allOf": [_given("working_days_before"), _given("short_month")]}},
        "After": {
            "allOf": [
                {"oneOf": [_given("after_duty"), _given("after_event")]},
                {"oneOf": [_given("working_days"), _given("days")]},
                {"if": _given("counts_from"), "then": _given("after_duty")},
            ]
        },
        "Rule": {
            "oneOf": [
                {"anyOf": [_given("duties"), _given("computes"), _given("structure")]},
                _given("out_of_scope"),
            ]
        },
        "Interpretation": {
            "if": {"required": ["switchable"], "properties": {"switchable": {"const": True}}},
            "then": {"required": ["alternatives"], "properties": {"alternatives": {"minItems": 1}}},
        },
        "Warning_": {"oneOf": [_given(way.value) for way in Comparison]},
        "SettlementTier": {
            "allOf": [
                {
                    "if": _given("band"),
                    "then": {"required": ["part"], "properties": {"part": {"const": Part.OVER_BUDGET.value}}},
                },
                {
                    "if": {
                        "properties": {
                            "shares": {"minProperties": 2, "anyOf": [{"required": [pool]} for pool in pools]}
                        }
                    },
                    "then": {"required": ["short_pool"]},
                },
            ]
        },
        "SettlementPoolLimit": {"properties": {"pool": {"enum": pools}}},
        "SettlementSurplus": {"properties": {"shares": {"propertyNames": {"enum": pools}}}},
        "SettlementRecovered": {"properties": {"pool": {"enum": sorted(CITY_POOLS)}}},
    }


_TEXT = rf"^[^{law.UNSEEN}]*[^\s{law.UNSEEN}][^{law.UNSEEN}]*$"


def _tightened(schema: Any) -> Any:
    """The schema with real dates, no blank or unseen text and no key that its pattern does not allow."""
    if isinstance(schema, list):
        return [_tightened(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "string" and not {"pattern", "enum", "const"} & schema.keys():
        schema = {**schema, "pattern": _DATE if schema.get("format") == "date" else _TEXT}
    if "patternProperties" in schema:
        schema = {**schema, "additionalProperties": False}
    return {key: _tightened(value) for key, value in schema.items()}


def json_schema() -> str:
    """The JSON Schema of a policy file, as committed in schemas/policy.schema.json.

    It refuses what shape_document refuses, but for sums, orders of dates and names that another entry must have.
    """
    schema = _tightened(PolicyFile.model_json_schema())
    for name, rule in _between_fields().items():
        schema["$defs"][name] = {"allOf": [rule], **schema["$defs"][name]}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")  # noqa: T201 - the command's output
