"""A city's law as dated, cited values: what the policy files say, without the files.

Every rule carries the article, the quote and the days it holds. What nobody has decided is said
to be undefined; nothing here supplies a default for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from fundpool.domain.errors import InputError


class Status(StrEnum):
    """Whether a document is law."""

    IN_FORCE = "in_force"
    DRAFT = "draft"
    """征求意见稿: shown and compared, never in a live calendar."""
    REPEALED = "repealed"


class Every(StrEnum):
    """How often a duty comes back."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ONCE = "once"
    EVENT = "event"
    """Whenever something happens (a receipt, a maturity, a warning); listed once per fund year."""


class Shift(StrEnum):
    """Where a date moves when it falls on a day off."""

    NONE = "none"
    FOLLOWING = "following"
    """节假日顺延: the next working day."""
    PRECEDING = "preceding"
    """节假日提前: the last working day before."""


class Firmness(StrEnum):
    """How hard the text binds."""

    BINDING = "binding"
    TARGET = "target"
    """原则上, or a goal."""


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """A day of the month. Without ``clamp`` a month that lacks the day has no date at all."""

    day: int
    clamp: bool = False


@dataclass(frozen=True, slots=True)
class LastDay:
    """月底前: the last calendar day, not the last working day."""


@dataclass(frozen=True, slots=True)
class NthLastWorkingDay:
    """The n-th working day counted back from the end of the month."""

    nth: int


@dataclass(frozen=True, slots=True)
class NthWorkingDay:
    """The n-th working day of the month."""

    nth: int


@dataclass(frozen=True, slots=True)
class WorkingDaysBefore:
    """「25日前3个工作日」: the working day ``count`` working days before a day of the month, itself not counted."""

    day: int
    count: int


DayRule = DayOfMonth | LastDay | NthLastWorkingDay | NthWorkingDay | WorkingDaysBefore


@dataclass(frozen=True, slots=True)
class InMonth:
    """A day in the month ``offset`` months after the first month of the duty's period."""

    offset: int
    day: DayRule


@dataclass(frozen=True, slots=True)
class OnDate:
    """One calendar date."""

    date: date


@dataclass(frozen=True, slots=True)
class After:
    """A number of days after another step or an event; the day itself is not counted.

    ``from_receipt`` counts from the day the money of that step arrived.
    """

    days: int
    working: bool
    step: str | None = None
    event: str | None = None
    from_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Undated:
    """「及时」「按季度」「年底」: a duty without a date; the phrase is all the text gives."""

    phrase: str


@dataclass(frozen=True, slots=True)
class Delegated:
    """The date is left to another document or contract."""

    phrase: str


Deadline = InMonth | OnDate | After | Undated | Delegated


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the text."""

    reading: str
    means: str


@dataclass(frozen=True, slots=True)
class Interpretation:
    """A text that can be read in several ways: the reading taken, the others, who decided."""

    key: str
    question: str
    reading: str
    means: str
    alternatives: tuple[Reading, ...]
    decided_by: str
    switchable: bool

    @property
    def readings(self) -> tuple[str, ...]:
        """Every reading by name, the default first."""
        return (self.reading, *(other.reading for other in self.alternatives))


@dataclass(frozen=True, slots=True)
class DutyRule:
    """What a rule asks of whom, and by when."""

    step: str
    actor: str
    every: Every
    due: Deadline
    quarter: int | None = None
    """The only quarter this deadline speaks of; None means each quarter."""
    fund_year: int | None = None
    first_period: str | None = None
    last_period: str | None = None
    shift: Shift = Shift.NONE
    firmness: Firmness = Firmness.BINDING
    interpretation: Interpretation | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One legal document or a part of it with its own articles."""

    key: str
    title: str
    number: str | None
    issuer: str
    issued: date | None
    published: date | None
    effective: date | None
    status: Status
    source_file: str | None
    page_marker: str | None
    repeals: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def reference(self) -> str:
        """How the document is cited: its number, or its title when it has none."""
        return self.number or self.title


class RuleKind(StrEnum):
    """What the product does with a rule."""

    DUTY = "duty"
    COMPUTED = "computed"
    COMPUTED_AND_DUTY = "computed_and_duty"
    STRUCTURE = "structure"
    """A path, an invariant or a fact that the product rests on."""
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule as it holds from ``valid_from`` to ``valid_until`` (both included, None is open)."""

    id: str
    section: str
    quote: str
    instrument: Instrument
    start: int | None
    end: int | None
    line: int
    """Line of the rule in its policy file, for messages."""
    actor: str
    valid_from: date | None
    valid_until: date | None
    ended_by: str | None
    duties: tuple[DutyRule, ...]
    computes: tuple[Mapping[str, Any], ...]
    structure: Mapping[str, Any] | None
    out_of_scope: str | None
    interpretations: tuple[Interpretation, ...]
    notes: tuple[str, ...]

    def holds_on(self, day: date) -> bool:
        """Whether the rule is in force on the day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )

    @property
    def kind(self) -> RuleKind:
        """What the product does with the rule."""
        if self.out_of_scope is not None:
            return RuleKind.OUT_OF_SCOPE
        if self.computes:
            return RuleKind.COMPUTED_AND_DUTY if self.duties else RuleKind.COMPUTED
        return RuleKind.DUTY if self.duties else RuleKind.STRUCTURE


@dataclass(frozen=True, slots=True)
class Fund:
    """One fund (险种) of the city, with its own books."""

    key: str
    code: str
    name_zh: str
    name_en: str
    pooled_from: date | None
    pooled_no_later_than: date | None
    basis: str

    @property
    def pooled_by(self) -> date | None:
        """First day of pooling, or the text's goal date where it gives only that."""
        return self.pooled_from or self.pooled_no_later_than


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the city's register. ``is_fund_unit`` None means that the text does not say."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    aliases: tuple[str, ...]
    is_fund_unit: bool | None
    note: str | None


@dataclass(frozen=True, slots=True)
class PaymentHop:
    """One transfer of the payment path; ``closes`` is the duty step that it fulfils."""

    from_account: str
    to_account: str
    paid_by: str
    closes: str | None
    basis: str
    only_units: tuple[str, ...]
    name_zh: str | None


@dataclass(frozen=True, slots=True)
class ActorName:
    """A kind of party that duties fall on; ``at`` is whose units carry the duty."""

    key: str
    name_zh: str
    name_en: str
    at: str


@dataclass(frozen=True, slots=True)
class StepName:
    """What a duty step is called."""

    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class CommonReading:
    """A reading that holds for all documents unless a rule says otherwise."""

    key: str
    question: str
    reading: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class National:
    """What all documents share."""

    actors: Mapping[str, ActorName]
    steps: Mapping[str, StepName]
    common_readings: tuple[CommonReading, ...]


@dataclass(frozen=True, slots=True)
class CityPolicy:
    """One city's or province's documents as rules."""

    key: str
    level: str
    name_zh: str
    name_en: str
    division_code: str
    status: Status
    instruments: tuple[Instrument, ...]
    funds: tuple[Fund, ...]
    register: tuple[Unit, ...]
    payment_path: tuple[PaymentHop, ...]
    rules: tuple[PolicyRule, ...]
    conflicts: tuple[tuple[tuple[str, ...], str], ...]
    absent: tuple[tuple[str, str], ...]
    actors: Mapping[str, ActorName]
    """Every party of the file's duties: the national ones and the city's own."""
    file: str

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units that file plans and receive money, in the order of the register."""
        return tuple(unit for unit in self.register if unit.is_fund_unit)

    @property
    def effective(self) -> date | None:
        """First day on which a document of the city is in force."""
        days = [instrument.effective for instrument in self.instruments if instrument.effective]
        return min(days, default=None)

    def fund(self, key: str) -> Fund:
        """The fund with this key. Raises InputError ``unknown_fund``."""
        for fund in self.funds:
            if fund.key == key:
                return fund
        known = ", ".join(fund.key for fund in self.funds)
        raise InputError(
            "unknown_fund",
            f"{self.name_zh}没有险种 {key}；有：{known}",
            f"{self.name_en} has no fund {key}; it has {known}",
        )

    def versions(self, rule_id: str) -> tuple[PolicyRule, ...]:
        """Every version of a rule. Raises InputError ``unknown_rule``."""
        found = tuple(rule for rule in self.rules if rule.id.casefold() == rule_id.casefold())
        if not found:
            raise InputError(
                "unknown_rule",
                f"{self.name_zh}的政策文件没有规则 {rule_id}",
                f"the policy file of {self.name_en} has no rule {rule_id}",
                remedy=f"fundpool policy show {self.key}",
            )
        return found

    def rule(self, rule_id: str, on: date | None = None) -> PolicyRule:
        """The rule in force on a day (the newest version without a day).

        Raises InputError ``unknown_rule``, or ``not_in_force`` when no version holds on the day.
        """
        versions = self.versions(rule_id)
        if on is None:
            return versions[-1]
        for version in versions:
            if version.holds_on(on):
                return version
        first = versions[0]
        raise InputError(
            "not_in_force",
            f"{first.id}（{first.section}）在 {on} 不适用：自 {first.valid_from} 起",
            f"{first.id} does not hold on {on}: it holds from {first.valid_from}",
            basis=f"{first.instrument.reference} {first.section}",
        )

    def step_names(self, national: National) -> dict[str, StepName]:
        """The names of every step of the file: its own ``action`` first, else the national name."""
        own = {duty.step: duty.action for rule in self.rules for duty in rule.duties if duty.action}
        return {**national.steps, **{step: StepName(action, step) for step, action in own.items()}}

    def interpretations(self) -> dict[str, Interpretation]:
        """Every interpretation of the file by key."""
        return {reading.key: reading for rule in self.rules for reading in rule.interpretations}


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """Facts of one calculation; a county code 第n个 stands for the n-th unit of the city's register."""

    name: str
    text: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyLibrary:
    """All policy files of one folder."""

    cities: tuple[CityPolicy, ...]
    national: National

    @property
    def actors(self) -> Mapping[str, ActorName]:
        """The kinds of party that duties fall on."""
        return self.national.actors

    def city(self, key: str) -> CityPolicy:
        """The city with this key. Raises InputError ``unknown_city``."""
        for city in self.cities:
            if city.key == key:
                return city
        raise unknown_city(key, [city.key for city in self.cities])


def unknown_city(key: str, known: list[str]) -> InputError:
    """The error for a city that no policy file describes."""
    names = ", ".join(sorted(known)) or "（无 none）"
    return InputError(
        "unknown_city",
        f"没有城市 {key} 的政策文件；有：{names}",
        f"no policy file for the city {key}; there are {names}",
        remedy="检查城市代码，或用 --policy-dir 指定政策文件目录 / check the key, or give --policy-dir",
    )


def require_county(policy: CityPolicy, county: str) -> None:
    """Raise InputError unless ``county`` files documents in this city."""
    if county not in {unit.code for unit in policy.units}:
        known = "、".join(f"{unit.code} {unit.name_zh}" for unit in policy.units)
        raise InputError(
            "unknown_county",
            f"{policy.name_zh}没有县区 {county}",
            f"{policy.name_en} has no county {county}",
            remedy=known,
        )
