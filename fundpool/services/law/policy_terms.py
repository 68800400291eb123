"""What one city's text says for one fund and one year, with the chosen readings applied.

The bridge between policy files and the rules of domain/: it finds the blocks in force, applies a
what-if, resolves every ``{interpretation: …}`` and stops where the text is silent. Everything that
was read on the way (readings, rule ids) is remembered for the answer.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from pydantic import ValidationError

from fundpool.domain.errors import InputError, UndefinedPolicy
from fundpool.domain.policy import CityPolicy, Fund, PolicyRule, Status
from fundpool.domain.risk import LastLevy
from fundpool.domain.settlement_rules import OverBudget, Ration, Rise, ShortPool, SurplusTiming
from fundpool.domain.working_capital import Average
from schemas.policy_computes import BLOCKS, ByReading, ComputeBlock, Delegated, Undefined

READINGS: Mapping[str, tuple[str, ...]] = {
    "gap.pool_short": tuple(ShortPool),
    "gap.appraisal_rise": tuple(Rise),
    "gap.over_budget": tuple(OverBudget),
    "gap.ration": tuple(Ration),
    "surplus.timing": tuple(SurplusTiming),
    "reserve.cap": tuple(LastLevy),
    "working_capital.average": tuple(Average),
    "due.last_working_days": ("nth_last", "before", "within"),
}
"""Every reading that the program can carry out, the product's default first."""

B = TypeVar("B", bound=ComputeBlock)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Setting:
    """A what-if: one value of one rule replaced (``SZ-19.shares.risk_reserve=30%``)."""

    rule: str
    path: tuple[str, ...]
    value: str

    @classmethod
    def parse(cls, text: str) -> "Setting":
        """The setting of ``RULE.key[.key]=value``. Raises InputError."""
        target, equals, value = text.partition("=")
        rule, *path = target.strip().split(".")
        if not equals or not path or not all(path) or not value.strip():
            raise InputError(
                "setting",
                f"--set 的写法是 规则编号.键=值，得到「{text}」",
                f"--set is written RULE.key=value, found {text!r}",
                remedy="--set SZ-19.shares.risk_reserve=30% --set SZ-19.shares.county_finance=70%",
            )
        return cls(rule, tuple(path), value.strip())

    @property
    def key(self) -> str:
        return ".".join((self.rule, *self.path))


class Terms:
    """The terms of one city for one fund and year.

    ``readings`` are the user's choices by key, ``settings`` a what-if. After a computation
    ``readings_used`` and ``changes`` say what it rested on.
    """

    def __init__(
        self,
        city: CityPolicy,
        fund: Fund,
        year: int,
        *,
        readings: Mapping[str, str] | None = None,
        settings: Iterable[Setting] = (),
    ) -> None:
        self.city = city
        self.fund = fund
        self.year = year
        self._chosen = dict(readings or {})
        self._interpretations = city.interpretations()
        self.readings_used: dict[str, str] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.notes: list[dict[str, str | None]] = []
        self._check_choices()
        self._stated = self._read_blocks(tuple(settings))

    def _check_choices(self) -> None:
        for key, reading in self._chosen.items():
            interpretation = self._interpretations.get(key)
            if key not in READINGS:
                known = ", ".join(READINGS)
                raise InputError(
                    "unknown_reading",
                    f"没有读法 {key}；可切换的读法：{known}",
                    f"there is no reading {key}; readings that can be switched: {known}",
                )
            offered = interpretation.readings if interpretation else READINGS[key]
            if reading not in offered:
                raise InputError(
                    "unknown_reading",
                    f"读法 {key} 不能取「{reading}」；可取：{', '.join(offered)}",
                    f"the reading {key} cannot be {reading!r}; it can be {', '.join(offered)}",
                )

    @property
    def readings_not_used(self) -> list[str]:
        """Choices of the user that this computation did not rest on."""
        return [key for key in self._chosen if key not in self.readings_used]

    def _read_blocks(self, settings: tuple[Setting, ...]) -> tuple[tuple[PolicyRule, ComputeBlock], ...]:
        day = date(self.year, 12, 31)
        rules = [rule for rule in self.city.rules if rule.computes and rule.holds_on(day)]
        written = {rule.id: [deepcopy(dict(block)) for block in rule.computes] for rule in rules}
        for setting in settings:
            self._apply(setting, written)
        touched = {setting.rule for setting in settings}
        return tuple(
            (rule, block)
            for rule in rules
            for block in (_read(raw, rule, what_if=rule.id in touched) for raw in written[rule.id])
            if block.funds is None or self.fund.key in block.funds
        )

    def _apply(self, setting: Setting, written: Mapping[str, list[dict[str, Any]]]) -> None:
        blocks = written.get(setting.rule)
        if blocks is None:
            known = ", ".join(written)
            raise InputError(
                "setting",
                f"--set：{self.city.name_zh}没有可计算的规则 {setting.rule}；有：{known}",
                f"--set: {self.city.name_en} has no computed rule {setting.rule}; it has {known}",
            )
        path = list(setting.path)
        if path[0].isdigit():
            index = int(path.pop(0))
            candidates = blocks[index - 1 : index] if index else []
        else:
            candidates = [block for block in blocks if path[0] in block]
        if len(candidates) != 1 or not path or path[0] == "kind":
            keys = "; ".join(
                f"{setting.rule}.{number}: {', '.join(key for key in block if key != 'kind')}"
                for number, block in enumerate(blocks, start=1)
            )
            raise InputError(
                "setting",
                f"--set：{setting.key} 没有指到唯一的值；可设：{keys}",
                f"--set: {setting.key} does not point to one value; there are {keys}",
            )
        target: Any = candidates[0]
        for key in path[:-1]:
            target = target.get(key) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise InputError(
                "setting",
                f"--set：{setting.key} 下没有更细的键",
                f"--set: there is nothing to set under {setting.key}",
            )
        before = target.get(path[-1])
        target[path[-1]] = _value(setting.value)
        self.changes[setting.key] = {"from": before, "to": target[path[-1]]}

    def stated(self, *kinds: type[B]) -> list[tuple[PolicyRule, B]]:
        """The blocks of these kinds in document order, each with its rule."""
        return [(rule, block) for rule, block in self._stated if isinstance(block, kinds)]

    def repeat_readings(self, blocks: Iterable[ComputeBlock]) -> None:
        """Remember the readings that these blocks rest on without a switch."""
        for block in blocks:
            for key in block.read_as:
                self.readings_used[key] = self._interpretation(key).reading

    def choose(self, value: E | ByReading, kind: type[E]) -> E:
        """The value itself, or the reading taken of its interpretation."""
        if isinstance(value, ByReading):
            self._interpretation(value.interpretation)
            return self.read(value.interpretation, kind)
        return value

    def read(self, key: str, kind: type[E]) -> E:
        """The reading taken for ``key``: the user's, else the file's, else the product's default."""
        interpretation = self._interpretations.get(key)
        default = interpretation.reading if interpretation else READINGS[key][0]
        reading = self._chosen.get(key, default)
        try:
            chosen = kind(reading)
        except ValueError:
            known = ", ".join(kind)
            raise InputError(
                "policy_file",
                f"{self.city.file}：读法 {key} 取「{reading}」，程序只会：{known}",
                f"{self.city.file}: the reading {key} is {reading!r}; the program knows {known}",
            ) from None
        self.readings_used[key] = chosen.value
        return chosen

    def _interpretation(self, key: str) -> Any:
        if key not in self._interpretations:
            raise InputError(
                "policy_file",
                f"{self.city.file}：computes 引用了读法 {key}，文件的 interpretations 中没有",
                f"{self.city.file}: a computes block names the reading {key}, which no rule explains",
            )
        return self._interpretations[key]

    def number(self, value: Fraction | Undefined | Delegated, rule: PolicyRule) -> Fraction:
        """The number; raises UndefinedPolicy where the text gives none."""
        if isinstance(value, Undefined | Delegated):
            raise silent(value, rule)
        return value

    def note(self, zh: str, en: str, rule: str | None = None) -> None:
        """Add a remark to the answer."""
        self.notes.append({"rule": rule, "zh": zh, "en": en})

    def check_in_force(self) -> None:
        """Raises UndefinedPolicy for a year that the pooled fund does not cover as a whole."""
        if self.city.status is Status.DRAFT:
            return
        pooled = self.fund.pooled_by or self.city.effective
        if pooled is None:
            return
        first = pooled.year if (pooled.month, pooled.day) == (1, 1) else pooled.year + 1
        only_goal = self.fund.pooled_from is None and self.fund.pooled_no_later_than is not None
        name_zh, name_en = f"{self.city.name_zh}{self.fund.name_zh}", f"{self.city.name_en} {self.fund.key}"
        basis = cite(self.city.rule(self.fund.basis))
        if self.year < first and only_goal:
            raise UndefinedPolicy(
                "not_pooled",
                f"{name_zh}：文件只要求不晚于 {pooled} 统收统支，{self.year} 年度尚不能视为已统收统支",
                f"{name_en}: to be pooled no later than {pooled}; {self.year} cannot be taken as pooled",
                basis=basis,
                remedy=f"--year {first} 或以后 / or later",
            )
        if self.year < first:
            raise UndefinedPolicy(
                "not_in_force",
                f"{name_zh}自 {pooled} 起统收统支，第一个完整基金年度为 {first} 年；{self.year} 年度没有适用的规则",
                f"{name_en}: pooled from {pooled}, first whole fund year {first}; no rule holds for {self.year}",
                basis=basis,
                remedy=f"--year {first} 或以后 / or later",
            )
        if only_goal:
            self.note(
                f"文件只给出目标日期 {pooled}，实际统收统支日期未载明",
                f"the text gives only the goal date {pooled}; the actual start of pooling is not stated",
                self.fund.basis,
            )


def read_blocks(rule: PolicyRule) -> list[ComputeBlock]:
    """The blocks of one rule. Raises InputError for a block that does not hold."""
    return [_read(raw, rule, what_if=False) for raw in rule.computes]


def _read(raw: Mapping[str, Any], rule: PolicyRule, *, what_if: bool) -> ComputeBlock:
    try:
        return BLOCKS[raw["kind"]].model_validate(raw)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join([rule.id, *(str(part) for part in first["loc"] if "[" not in str(part))])
        why = first["msg"].removeprefix("Value error, ")
        if what_if:
            raise InputError(
                "setting", f"--set：{where} 不成立：{why}", f"--set: {where} does not hold: {why}"
            ) from problem
        raise InputError(
            "policy_file",
            f"政策文件：{where} 不成立：{why}",
            f"policy file: {where} does not hold: {why}",
        ) from problem


def _value(text: str) -> Any:
    """A value given on the command line: text, or a mapping written ``a:1/2,b:1/2``."""
    if ":" not in text:
        return text
    pairs = [pair.partition(":") for pair in text.split(",")]
    return {key.strip(): value.strip() for key, _, value in pairs}


def cite(rule: PolicyRule) -> str:
    """The rule as people cite it: document, article, id and quote."""
    return f"{rule.instrument.reference} {rule.section}（{rule.id}）：{rule.quote}"


def silent(value: Undefined | Delegated, rule: PolicyRule) -> UndefinedPolicy:
    """The error for a value that the text leaves open."""
    if isinstance(value, Delegated):
        return UndefinedPolicy(
            "delegated",
            f"{rule.section}把这一数值交由别处规定：{value.delegated}",
            f"{rule.id} leaves this value to another document",
            basis=cite(rule),
            remedy=f"规定出台后写入政策文件，或以 --set {rule.id}.… 试算 / add it to the policy file, or try a value with --set",
        )
    return UndefinedPolicy(
        "undefined",
        f"{rule.section}没有给出这一数值：{value.undefined}",
        f"{rule.id} gives no value",
        basis=cite(rule),
        remedy=f"以 --set {rule.id}.… 试算 / try a value with --set",
    )
