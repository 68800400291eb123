"""A city's law as dated, cited values: what the policy files say, without the files.

Every rule carries the article, the quote and the days it holds. What nobody has decided is said
to be undefined; nothing here supplies a default for it.

A policy file is validated straight into these classes (schemas.policy). What a file may write in a
field (bounds, pattern, its description for editors) stands in the field's metadata; what fields say
about each other is checked in ``__post_init__``, which raises ValueError.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from fundpool.domain.errors import InputError

KEY_PATTERN = "^[a-z0-9_]*[a-z0-9][a-z0-9_]*$"
"""A key is lower-case ASCII letters, digits and underscores."""

UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
"""Characters that nobody sees, as a pattern writes them: two texts with and without one look the same."""


def described(description: str | None = None, **limits: object) -> dict[str, object]:
    """Metadata of a field: its description for editors, and the limits of its value (``ge``, ``pattern``)."""
    return {**({"description": description} if description else {}), **limits}


def optional(description: str | None = None, *, default: object = None, **limits: object) -> Any:
    """A field that a file may leave out; its metadata as in ``described``."""
    return field(default=default, metadata=described(description, **limits))


KEY = described(pattern=KEY_PATTERN)

_RULE_ID = described("依据规则编号 / rule id", pattern="^[A-Z]+-[0-9]+[a-z]?$")
_PERIOD = "^[0-9]{4}(-(0[1-9]|1[0-2]))?$"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class InMonth:
    """A day of one month, which is counted from the duty's period.

    ``month_offset`` -1 is the month before the month the money is for, ``year_offset`` 1 the year
    after the fund year. How often the duty comes back decides which of the words may stand.
    """

    month_offset: int | None = optional("相对所属月份 / for every: month", ge=-12, le=12)
    month: int | None = optional("月份 / for every: year", ge=1, le=12)
    year_offset: int | None = optional("相对基金年度 / for every: year", ge=-2, le=5)
    month_of_quarter: int | None = optional("季度第几个月", ge=1, le=3)
    quarter_offset: int | None = optional("相对所属季度", ge=-4, le=4)

    def months_after_start(self, quarter: int | None) -> int:
        """Months from the first month of the period to the month the day lies in.

        ``quarter`` is the quarter whose own deadline this is: its month is then a month of the year.
        """
        if self.month_of_quarter is not None:
            return 3 * (self.quarter_offset or 0) + self.month_of_quarter - 1
        if self.month is not None:
            from_january = 12 * (self.year_offset or 0) + self.month - 1
            return from_january - (3 * (quarter - 1) if quarter is not None else 0)
        return self.month_offset or 0


@dataclass(frozen=True, slots=True)
class DayOfMonth(InMonth):
    """A day of the month. Without ``short_month`` a month that lacks the day has no date at all.

    「25日前3个工作日」 is the third working day before the 25th, itself not counted.
    """

    day: int = field(metadata=described("每月几日 / day of the month", ge=1, le=31))
    short_month: Literal["last_day"] | None = optional(
        "当月没有该日时取月末（须由文件写明）/ clamp, only where the text says so"
    )
    working_days_before: int | None = optional(
        "day 之前第几个工作日，该日不计 / that many working days before the day", ge=1, le=15
    )

    def __post_init__(self) -> None:
        if self.working_days_before and self.short_month:
            raise ValueError("working_days_before belongs to day, without short_month")


@dataclass(frozen=True, slots=True)
class LastDay(InMonth):
    """月底前: the last calendar day, not the last working day."""

    last_day: Literal[True] = field(metadata=described("月底前：当月最后一个日历日"))


@dataclass(frozen=True, slots=True)
class NthLastWorkingDay(InMonth):
    """The n-th working day counted back from the end of the month."""

    nth: int = field(metadata=described("倒数第几个工作日", alias="nth_last_working_day", ge=1, le=15))


@dataclass(frozen=True, slots=True)
class NthWorkingDay(InMonth):
    """The n-th working day of the month."""

    nth: int = field(metadata=described("第几个工作日", alias="nth_working_day", ge=1, le=15))


@dataclass(frozen=True, slots=True)
class OnDate:
    """One calendar date."""

    day: date = field(metadata=described("一次性日期 / one-off date", alias="date"))


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """A number of days after another duty is done or an event happens; the day itself is not counted."""

    duty: str | None = optional(
        "某项职责完成后 / after another duty is done", alias="after_duty", pattern=KEY_PATTERN
    )
    event: str | None = optional("某一事项发生后 / after an event", alias="after_event")
    working_days: int | None = optional("几个工作日内，当日不计", ge=1, le=60)
    days: int | None = optional("几日内（日历日），当日不计", ge=1, le=366)
    counts_from: Literal["receipt", "completion"] | None = optional(
        "自收款日 receipt 或自上一项职责完成 completion（默认）起算"
    )

    def __post_init__(self) -> None:
        if (self.working_days is None) == (self.days is None):
            raise ValueError("after_duty and after_event need working_days or days, and only they do")
        if self.counts_from and self.duty is None:
            raise ValueError("counts_from belongs to after_duty")


@dataclass(frozen=True, slots=True)
class Undated:
    """「及时」「按季度」「年底」: a duty without a date; the phrase is all the text gives."""

    phrase: str = field(metadata=described("文中只有「及时」等字样，原文照录 / the phrase", alias="undated"))


@dataclass(frozen=True, slots=True)
class Delegated:
    """The date is left to another document or contract."""

    phrase: str = field(metadata=described("授权他处规定，写明何处 / delegated to", alias="delegated"))


DayRule = DayOfMonth | LastDay | NthLastWorkingDay | NthWorkingDay

Deadline = DayRule | OnDate | After | Undated | Delegated


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the text."""

    reading: str = field(metadata=KEY)
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """A text that can be read in several ways: the reading taken, the others, who decided."""

    key: str = field(metadata=described("读法名；可切换的读法与 --reading 的键相同 / key for --reading"))
    question: str
    reading: str = field(metadata=KEY)
    means: str
    alternatives: tuple[Reading, ...] = ()
    decided_by: str
    switchable: bool = False

    def __post_init__(self) -> None:
        if len(set(self.readings)) != len(self.readings):
            raise ValueError(f"the readings of {self.key} repeat a name")
        if self.switchable and not self.alternatives:
            raise ValueError(f"{self.key} is switchable but names no alternative")

    @property
    def readings(self) -> tuple[str, ...]:
        """Every reading by name, the default first."""
        return (self.reading, *(other.reading for other in self.alternatives))


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyText:
    """What a rule says of a duty beside its deadline: who does what how often."""

    key: str = field(metadata=described("哪项职责 / which duty", alias="duty", pattern=KEY_PATTERN))
    actor: str = field(
        metadata=described(
            "责任主体（national.yaml 的 actors）/ actor key of national.yaml", pattern=KEY_PATTERN
        )
    )
    every: Every
    action: str | None = optional("做什么（中文一句）/ what is done")
    fund_year: int | None = optional("once：资金所属年度 / fund year of a one-off duty", ge=2000, le=2100)
    first_period: str | None = optional(pattern=_PERIOD)
    last_period: str | None = optional(pattern=_PERIOD)
    shift: Shift = optional(
        "文中写明「节假日顺延」following、「提前」preceding / only where the text says so", default=Shift.NONE
    )
    firmness: Firmness = optional(
        "「原则上」或目标为 target / soft wording or a goal", default=Firmness.BINDING
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRule(DutyText):
    """What a rule asks of whom, and by when."""

    due: Deadline
    quarter: int | None = None
    """The only quarter this deadline speaks of; None means each quarter."""
    interpretation: Interpretation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text that quotes and offsets refer to; the repository holds only the short quotes."""

    file: str = field(
        metadata=described("来源文本文件名（存放在核对引文时指定的目录）/ file name of the source text")
    )
    page_marker: str | None = optional(
        "插入正文的页码标记（正则式），核对引文时去除 / inserted page marks, a regex"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One legal document, or a part of it that has its own articles."""

    key: str = field(metadata=KEY)
    title: str = field(metadata=described("标题 / title as printed"))
    number: str | None = field(metadata=described("文号；无文号写 null / document number"))
    issuer: str = field(metadata=described("发文机关 / issuing office"))
    issued: date | None = field(metadata=described("成文日期 / date of the document"))
    published: date | None = optional("发布日期 / date of publication")
    effective: date | None = field(metadata=described("施行日期；文中未写为 null / first day in force"))
    status: Status
    source: Source | None = optional("来源文本，核对引文用 / to check quotes")
    repeals: tuple[str, ...] = optional("废止的文件 / what it repeals", default=())
    notes: tuple[str, ...] = ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A path, an invariant or a fact that the product rests on without computing or dating it."""

    kind: Literal["path", "invariant", "fact", "start", "status"]
    text: str = field(metadata=described("产品如何使用 / how the product uses it"))
    path: tuple[str, ...] = optional("资金路径 / accounts in order", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a quote stands: characters of the source text, end excluded."""

    instrument: str = field(metadata=KEY)
    start: int = field(metadata=described(ge=0))
    end: int = field(metadata=described(gt=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """What is printed about a rule, and what the product says of it beside duties and computes.

    It holds from ``valid_from`` to ``valid_until`` (both included, None is open).
    """

    id: str = field(metadata=_RULE_ID)
    section: str
    quote: str = field(metadata=described(min_length=4))
    at: Place | None = optional("来源位置；没有来源文本时为 null / null when there is no source text")
    actor: str = field(metadata=described("责任主体（按原文）/ as printed"))
    valid_from: date | None = field(
        metadata=described("生效日；文件无成文日期的一次性事项为 null / null when the document is undated")
    )
    valid_until: date | None = optional("最后有效日（含）/ last day, included")
    ended_by: str | None = optional("被何文件终止 / what ended the rule")
    structure: Structure | None = None
    out_of_scope: str | None = None
    interpretations: tuple[Interpretation, ...] = ()
    notes: tuple[str, ...] = ()

    def holds_on(self, day: date) -> bool:
        """Whether the rule is in force on the day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule(RuleText):
    """One rule of a city: what is printed, its document, and what it asks and computes."""

    instrument: Instrument
    line: int
    """Line of the rule in its policy file, for messages."""
    duties: tuple[DutyRule, ...] = ()
    computes: tuple[Mapping[str, Any], ...] = ()
    """The blocks as the file writes them; a what-if replaces single values (services.law.policy_terms)."""

    @property
    def kind(self) -> RuleKind:
        """What the product does with the rule."""
        if self.out_of_scope is not None:
            return RuleKind.OUT_OF_SCOPE
        if self.computes:
            return RuleKind.COMPUTED_AND_DUTY if self.duties else RuleKind.COMPUTED
        return RuleKind.DUTY if self.duties else RuleKind.STRUCTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fund:
    """One fund (险种) with its own books; funds never mix."""

    key: str = field(metadata=KEY)
    code: str = field(
        metadata=described("三位险种代码，如 310 职工、390 居民 / three digits", pattern="^[0-9]{3}$")
    )
    name_zh: str
    name_en: str
    pooled_from: date | None = field(
        metadata=described(
            "统收统支起始日；文中未写为 null / first day of pooling, null when the text does not say"
        )
    )
    pooled_no_later_than: date | None = optional("文中的目标日期 / the text's goal date")
    basis: str = field(metadata=_RULE_ID)

    @property
    def pooled_by(self) -> date | None:
        """First day of pooling, or the text's goal date where it gives only that."""
        return self.pooled_from or self.pooled_no_later_than


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of the city's register."""

    code: str = field(
        metadata=described(
            "GB/T 2260 六位代码；无代码的功能区用「市代码-字母」的本地键 / six digits, or the city's with -LETTERS",
            pattern="^[0-9]{6}(-[A-Za-z0-9]+)?$",
        )
    )
    kind: Literal["county", "zone"]
    name_zh: str
    name_en: str
    aliases: tuple[str, ...] = ()
    is_fund_unit: bool | None = optional(
        "是否报送用款计划的基金单位；文中未明确为 null / null = the text does not say", default=True
    )
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHop:
    """One transfer of the payment path, with the duty that it fulfils."""

    from_account: str = field(metadata=described(alias="from", pattern=KEY_PATTERN))
    to_account: str = field(metadata=described(alias="to", pattern=KEY_PATTERN))
    paid_by: str = field(metadata=KEY)
    closes: str | None = field(
        metadata=described("完成哪项职责（duties.duty）；文中无期限为 null", pattern=KEY_PATTERN)
    )
    basis: str = field(metadata=_RULE_ID)
    only_units: tuple[str, ...] = optional("仅适用的单位；空为全部 / empty = all units", default=())
    name_zh: str | None = optional("文中对账户的称呼 / what the text calls the account")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorName:
    """One kind of party that duties fall on."""

    name_zh: str
    name_en: str
    at: Literal["county", "city", "both", "province", "none"] = field(
        metadata=described("每县一份 county、市级一份 city / whose unit carries the duty")
    )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two places of the documents that contradict each other; both are kept."""

    between: tuple[str, ...] = field(metadata=described(min_length=2))
    text: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Something that other cities regulate and this document does not: a missing entry stays missing."""

    what: str = field(metadata=KEY)
    text: str


@dataclass(frozen=True, slots=True)
class DutyName:
    """What a duty is called."""

    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class CommonReading:
    """A reading that holds for all documents unless a rule says otherwise."""

    key: str = field(metadata=KEY)
    question: str
    reading: str
    decided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """Whose documents these are."""

    key: str = field(metadata=KEY)
    level: Literal["city", "province"]
    name_zh: str
    name_en: str
    division_code: str = field(metadata=described("GB/T 2260 行政区划代码", pattern="^[0-9]{6}$"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CityPolicy(City):
    """One city's or province's documents as rules."""

    status: Status
    instruments: tuple[Instrument, ...]
    funds: tuple[Fund, ...]
    register: tuple[Unit, ...]
    payment_path: tuple[PaymentHop, ...]
    rules: tuple[PolicyRule, ...]
    conflicts: tuple[Conflict, ...]
    absent: tuple[Absent, ...]
    actors: Mapping[str, ActorName]
    """Every party of the file's duties: the national ones and the city's own."""
    duty_names: Mapping[str, DutyName] = field(default_factory=dict)
    """Every duty of the file by its key: called as its own ``action`` says, else by the national name."""
    common_readings: tuple[CommonReading, ...] = ()
    """The readings that hold unless a rule says otherwise."""
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

    @property
    def duty_of_hop(self) -> dict[tuple[str, str], str]:
        """Which duty a payment from one kind of account to another fulfils."""
        return {(hop.from_account, hop.to_account): hop.closes for hop in self.payment_path if hop.closes}

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

    def city(self, key: str) -> CityPolicy:
        """The city with this key. Raises InputError ``unknown_city``."""
        for city in self.cities:
            if city.key == key:
                return city
        raise unknown_city(key, [city.key for city in self.cities])

    def require_known(self, city: str | None, fund: str | None = None, unit: str | None = None) -> None:
        """Raise InputError ``unknown_city``, ``unknown_fund`` or ``unknown_county`` for a name no file has.

        Without a city the fund must be some city's; ``unit`` is a county of the city or the city itself.
        """
        if city is None:
            known = sorted({each.key for each_city in self.cities for each in each_city.funds})
            if fund is not None and fund not in known:
                raise InputError(
                    "unknown_fund",
                    f"没有险种 {fund}；有：{', '.join(known)}",
                    f"no city has a fund {fund}; there are {', '.join(known)}",
                )
            return
        policy = self.city(city)
        if fund is not None:
            policy.fund(fund)
        if unit is not None and unit not in {policy.division_code, *(each.code for each in policy.register)}:
            require_county(policy, unit)


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
