"""The shape of a policy file: one city's document as data (policies/README.md teaches it).

Every model forbids unknown keys, so that a misspelt word in a file is an error and not a rule
that silently does not exist. ``python -m schemas.policy`` prints the JSON Schema for editors.
"""

import json
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.policy_computes import AnyComputeBlock

DUE_KINDS = (
    "day",
    "last_day",
    "nth_last_working_day",
    "nth_working_day",
    "date",
    "by_quarter",
    "after_step",
    "after_event",
    "undated",
    "delegated",
)
"""The ways a document sets a deadline; a ``due`` block names exactly one."""


def _is_key(text: str) -> str:
    if not text or not text.replace("_", "").isalnum() or not text.isascii() or text != text.lower():
        raise ValueError(f"a key is lower-case ASCII letters, digits and underscores, found {text!r}")
    return text


Key = Annotated[str, AfterValidator(_is_key)]


class Shape(BaseModel):
    """Base of all policy shapes: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Source(Shape):
    """The text that quotes and offsets refer to; the repository holds only the short quotes."""

    file: str = Field(
        description="来源文本文件名（存放在核对引文时指定的目录）/ file name of the source text"
    )
    page_marker: str | None = Field(
        default=None,
        description="插入正文的页码标记（正则式），核对引文时去除 / inserted page marks, a regex",
    )


class Instrument(Shape):
    """One legal document, or a part of it that has its own articles."""

    key: Key
    title: str = Field(description="标题 / title as printed")
    number: str | None = Field(description="文号；无文号写 null / document number")
    issuer: str = Field(description="发文机关 / issuing office")
    issued: date | None = Field(description="成文日期 / date of the document")
    published: date | None = Field(default=None, description="发布日期 / date of publication")
    effective: date | None = Field(description="施行日期；文中未写为 null / first day in force")
    status: Literal["in_force", "draft", "repealed"]
    source: Source | None = Field(default=None, description="来源文本，核对引文用 / to check quotes")
    repeals: tuple[str, ...] = Field(default=(), description="废止的文件 / what it repeals")
    notes: tuple[str, ...] = ()


class City(Shape):
    """Whose file this is."""

    key: Key
    level: Literal["city", "province"]
    name_zh: str
    name_en: str
    division_code: str = Field(pattern=r"^[0-9]{6}$", description="GB/T 2260 行政区划代码")


class Fund(Shape):
    """One fund (险种) with its own books; funds never mix."""

    key: Key
    code: str = Field(pattern=r"^[0-9]{3}$", description="三位险种代码，如 310 职工、390 居民 / three digits")
    name_zh: str
    name_en: str
    pooled_from: date | None = Field(
        description="统收统支起始日；文中未写为 null / first day of pooling, null when the text does not say"
    )
    pooled_no_later_than: date | None = Field(
        default=None, description="文中的目标日期 / the text's goal date"
    )
    basis: str = Field(description="依据规则编号 / rule id")


class Unit(Shape):
    """One unit of the city's register."""

    code: str = Field(description="GB/T 2260 六位代码；无代码的功能区用「市代码-字母」的本地键")
    kind: Literal["county", "zone"]
    name_zh: str
    name_en: str
    aliases: tuple[str, ...] = ()
    is_fund_unit: bool | None = Field(
        default=True,
        description="是否报送用款计划的基金单位；文中未明确为 null / null = the text does not say",
    )
    note: str | None = None

    @model_validator(mode="after")
    def _code_is_division_or_local(self) -> Self:
        code, _, local = self.code.partition("-")
        if not (code.isascii() and code.isdigit() and len(code) == 6 and (not local or local.isalnum())):
            raise ValueError(f"a unit code is six digits, or the city's six digits-LETTERS: {self.code!r}")
        return self


class Hop(Shape):
    """One transfer of the payment path, with the duty step that it fulfils."""

    from_account: Key = Field(alias="from")
    to_account: Key = Field(alias="to")
    paid_by: Key
    closes: Key | None = Field(description="完成哪一步（duties.step）；文中无期限为 null")
    basis: str = Field(description="依据规则编号 / rule id")
    only_units: tuple[str, ...] = Field(default=(), description="仅适用的单位；空为全部 / empty = all units")
    name_zh: str | None = Field(
        default=None, description="文中对账户的称呼 / what the text calls the account"
    )


class Reading(Shape):
    """One way to read the text."""

    reading: Key
    means: str


class Interpretation(Shape):
    """A text that can be read in several ways: the reading taken, the others, who decided."""

    key: str = Field(description="读法名；可切换的读法与 --reading 的键相同 / key for --reading")
    question: str
    reading: Key
    means: str
    alternatives: tuple[Reading, ...] = ()
    decided_by: str
    switchable: bool = False

    @model_validator(mode="after")
    def _readings_differ(self) -> Self:
        names = [self.reading, *(other.reading for other in self.alternatives)]
        if len(set(names)) != len(names):
            raise ValueError(f"the readings of {self.key} repeat a name")
        if self.switchable and not self.alternatives:
            raise ValueError(f"{self.key} is switchable but names no alternative")
        return self


class Deadline(Shape):
    """When a duty is due: one way of setting a date, counted from the duty's period.

    Months and years are counted from the period: ``month_offset: -1`` is the month before the month
    the money is for, ``year_offset: 1`` the year after the fund year.
    """

    day: int | None = Field(default=None, ge=1, le=31, description="每月几日 / day of the month")
    short_month: Literal["last_day"] | None = Field(
        default=None, description="当月没有该日时取月末（须由文件写明）/ clamp, only where the text says so"
    )
    working_days_before: int | None = Field(
        default=None,
        ge=1,
        le=15,
        description="day 之前第几个工作日，该日不计 / that many working days before the day",
    )
    last_day: Literal[True] | None = Field(default=None, description="月底前：当月最后一个日历日")
    nth_last_working_day: int | None = Field(default=None, ge=1, le=15, description="倒数第几个工作日")
    nth_working_day: int | None = Field(default=None, ge=1, le=15, description="第几个工作日")
    date_: date | None = Field(default=None, alias="date", description="一次性日期 / one-off date")
    by_quarter: dict[Literal[1, 2, 3, 4], "Deadline"] | None = Field(
        default=None, description="各季度分别规定 / each quarter its own"
    )
    after_step: Key | None = Field(default=None, description="某一步完成后 / after another step")
    after_event: str | None = Field(default=None, description="某一事项发生后 / after an event")
    undated: str | None = Field(default=None, description="文中只有「及时」等字样，原文照录 / the phrase")
    delegated: str | None = Field(default=None, description="授权他处规定，写明何处 / delegated to")

    month_offset: int | None = Field(
        default=None, ge=-12, le=12, description="相对所属月份 / for every: month"
    )
    month: int | None = Field(default=None, ge=1, le=12, description="月份 / for every: year")
    year_offset: int | None = Field(default=None, ge=-2, le=5, description="相对基金年度 / for every: year")
    month_of_quarter: int | None = Field(default=None, ge=1, le=3, description="季度第几个月")
    quarter_offset: int | None = Field(default=None, ge=-4, le=4, description="相对所属季度")
    working_days: int | None = Field(default=None, ge=1, le=60, description="几个工作日内，当日不计")
    days: int | None = Field(default=None, ge=1, le=366, description="几日内（日历日），当日不计")
    counts_from: Literal["receipt", "completion"] | None = Field(
        default=None, description="自收款日 receipt 或自上一步完成 completion（默认）起算"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [kind for kind in DUE_KINDS if getattr(self, "date_" if kind == "date" else kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a due block names exactly one of {', '.join(DUE_KINDS)}; found {given or 'none'}"
            )
        relative = self.after_step is not None or self.after_event is not None
        if relative != ((self.working_days is None) != (self.days is None)):
            raise ValueError("after_step and after_event need working_days or days, and only they do")
        if self.short_month and self.day is None:
            raise ValueError("short_month belongs to day")
        if self.working_days_before and (self.day is None or self.short_month):
            raise ValueError("working_days_before belongs to day, without short_month")
        if self.counts_from and self.after_step is None:
            raise ValueError("counts_from belongs to after_step")
        return self


EVERY_FIELDS: dict[str, frozenset[str]] = {
    "month": frozenset({"month_offset"}),
    "quarter": frozenset({"month_of_quarter", "quarter_offset"}),
    "year": frozenset({"month", "year_offset"}),
    "once": frozenset({"month", "year_offset"}),
    "event": frozenset(),
}
"""Which placing words a due block may use for each recurrence."""


class DutyShape(Shape):
    """One duty: who does what by when."""

    step: Key
    actor: Key = Field(description="责任主体（national.yaml 的 actors）/ actor key of national.yaml")
    every: Literal["month", "quarter", "year", "once", "event"]
    due: Deadline
    action: str | None = Field(default=None, description="做什么（中文一句）/ what is done")
    fund_year: int | None = Field(
        default=None, description="once：资金所属年度 / fund year of a one-off duty"
    )
    first_period: str | None = Field(default=None, pattern=r"^[0-9]{4}(-[0-9]{2})?$")
    last_period: str | None = Field(default=None, pattern=r"^[0-9]{4}(-[0-9]{2})?$")
    shift: Literal["none", "following", "preceding"] = Field(
        default="none",
        description="文中写明「节假日顺延」following、「提前」preceding / only where the text says so",
    )
    firmness: Literal["binding", "target"] = Field(
        default="binding", description="「原则上」或目标为 target / soft wording or a goal"
    )
    reading: str | None = Field(
        default=None, description="所用读法的键 / key of the interpretation it rests on"
    )

    @model_validator(mode="after")
    def _fits_recurrence(self) -> Self:
        if (self.every == "once") != (self.fund_year is not None):
            raise ValueError("a one-off duty (every: once), and only it, names its fund_year")
        if self.due.by_quarter is not None:
            if self.every != "quarter":
                raise ValueError("by_quarter belongs to every: quarter")
            for quarter, due in self.due.by_quarter.items():
                _check_placing(due, "year", f"quarter {quarter}")
                self._check_shift(due)
            return self
        self._check_shift(self.due)
        if self.due.date_ is not None and self.every != "once":
            raise ValueError("a date belongs to every: once")
        _check_placing(self.due, self.every, self.step)
        return self

    def _check_shift(self, due: Deadline) -> None:
        calendar_day = due.day or due.last_day or due.date_ or due.days
        if self.shift != "none" and (not calendar_day or due.working_days_before):
            raise ValueError(
                f"{self.step}: shift moves a calendar day; a working day never falls on a day off"
            )


def _check_placing(due: Deadline, every: str, where: str) -> None:
    placed = due.day or due.last_day or due.nth_last_working_day or due.nth_working_day
    allowed = EVERY_FIELDS[every]
    placing = {"month_offset", "month", "year_offset", "month_of_quarter", "quarter_offset"}
    used = {name for name in placing if getattr(due, name) is not None}
    if used - allowed or (used and not placed):
        raise ValueError(f"{where}: {', '.join(sorted(used))} does not belong to a duty of every: {every}")
    needed = {"month": "month", "quarter": "month_of_quarter"}
    if placed and every in {"year", "once"} and due.month is None:
        raise ValueError(f"{where}: a yearly date needs its month")
    if placed and every == "quarter" and due.month_of_quarter is None:
        raise ValueError(f"{where}: a quarterly date needs {needed['quarter']} or by_quarter")
    if placed and every == "event":
        raise ValueError(f"{where}: a duty on an event has no day of its own; use after_event or undated")


class Structure(Shape):
    """A path, an invariant or a fact that the product rests on without computing or dating it."""

    kind: Literal["path", "invariant", "fact", "start", "status"]
    text: str = Field(description="产品如何使用 / how the product uses it")
    path: tuple[str, ...] = Field(default=(), description="资金路径 / accounts in order")


class Place(Shape):
    """Where a quote stands: characters of the source text, end excluded."""

    instrument: Key
    start: int = Field(ge=0)
    end: int = Field(gt=0)


class Rule(Shape):
    """One rule: duties, computes and structure (a path, an invariant, a fact), or out of scope with the reason."""

    id: str = Field(pattern=r"^[A-Z]+-[0-9]+[a-z]?$")
    section: str
    quote: str = Field(min_length=4)
    at: Place | None = Field(
        default=None, description="来源位置；没有来源文本时为 null / null when there is no source text"
    )
    actor: str = Field(description="责任主体（按原文）/ as printed")
    valid_from: date | None = Field(
        description="生效日；文件无成文日期的一次性事项为 null / null when the document is undated"
    )
    valid_until: date | None = Field(default=None, description="最后有效日（含）/ last day, included")
    ended_by: str | None = Field(default=None, description="被何文件终止 / what ended the rule")
    duties: tuple[DutyShape, ...] = ()
    computes: tuple[AnyComputeBlock, ...] | None = Field(default=None, min_length=1)
    structure: Structure | None = None
    out_of_scope: str | None = None
    interpretations: tuple[Interpretation, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
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
                raise ValueError(f"duty {duty.step} names the reading {duty.reading}, which the rule lacks")
        return self


class Conflict(Shape):
    """Two places of the documents that contradict each other; both are kept."""

    between: tuple[str, ...] = Field(min_length=2)
    text: str


class Absent(Shape):
    """Something that other cities regulate and this document does not: a missing entry stays missing."""

    what: Key
    text: str


class Actor(Shape):
    """One kind of party that duties fall on."""

    name_zh: str
    name_en: str
    at: Literal["county", "city", "both", "province", "none"] = Field(
        description="每县一份 county、市级一份 city / whose unit carries the duty"
    )


class PolicyFile(Shape):
    """One city's or province's documents, in the order of the documents."""

    city: City
    instruments: tuple[Instrument, ...] = Field(min_length=1)
    funds: tuple[Fund, ...]
    units: tuple[Unit, ...]
    payment_path: tuple[Hop, ...]
    conflicts: tuple[Conflict, ...] = ()
    absent: tuple[Absent, ...] = ()
    actors: dict[Key, Actor] = Field(
        default_factory=dict, description="本地特有的责任主体 / parties that national.yaml does not list"
    )
    rules: tuple[Rule, ...] = Field(min_length=1)


class StepName(Shape):
    """What a duty step is called."""

    name_zh: str
    name_en: str


class CommonReading(Shape):
    """A reading that holds for all documents unless a rule says otherwise."""

    key: Key
    question: str
    reading: str
    decided_by: str


class NationalFile(Shape):
    """What all documents share: actors, names of steps and common readings."""

    actors: dict[Key, Actor]
    steps: dict[Key, StepName]
    common_readings: tuple[CommonReading, ...]


class Notice(Shape):
    """One State Council notice on the holidays of a year."""

    title: str
    number: str
    issued: date
    issuer: str = "国务院办公厅"


class DaysOff(Shape):
    """One feast's days off, first and last day included, as the notice writes them."""

    feast: str
    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= (self.last - self.first).days <= 14:
            raise ValueError(f"{self.feast}: {self.first} to {self.last} is no run of days off")
        return self


class WorkCalendarFile(Shape):
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


class CoverageFile(Shape):
    """Every rule id of the documents with its treatment; none unaccounted."""

    cities: dict[Key, dict[str, Treatment]]


class Example(Shape):
    """Invented facts on which the readings of one key are compared."""

    name: str
    text: str
    facts: dict[str, Any]


class ExamplesFile(Shape):
    """Worked examples by reading key."""

    examples: dict[str, Example]


def json_schema() -> str:
    """The JSON Schema of a policy file, as committed in schemas/policy.schema.json."""
    return json.dumps(PolicyFile.model_json_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")  # noqa: T201 - the command's output
