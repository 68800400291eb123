"""Judging what counties send: the shapes between reader, suites and the month's steps.

A reader (adapters/workbooks) turns files into ``ParsedDocument``: values with the cell they stand in.
A judge (expectations/runner) turns those into ``Judgement``: a verdict with findings down to the
cell. This module joins the two and holds what both promise; it knows no file format and no suite.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol, TypeVar

from fundpool.domain.findings import Finding, Severity, Verdict, verdict_of
from fundpool.domain.periods import Month, Period
from fundpool.domain.policy import Fund, Unit
from schemas.documents.base import FUND_NAMES, SHORT_FUND_NAMES

T = TypeVar("T")

CountyFund = tuple[str, str]
"""County code and fund key."""


@dataclass(frozen=True, slots=True)
class County:
    """A county, district or zone that files documents."""

    code: str
    name_zh: str
    aliases: tuple[str, ...] = ()
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class CityFund:
    """A fund (险种) as documents name it: ``name_zh`` is written, ``aliases`` are read, ``short_zh`` is shown."""

    key: str
    name_zh: str
    short_zh: str
    aliases: tuple[str, ...] = ()

    @classmethod
    def of(cls, fund: Fund) -> "CityFund":
        """A standard fund has its standard names, any other the policy file's; both are read."""
        names = (*FUND_NAMES.get(fund.key, ()), fund.name_zh, fund.code, fund.key)
        return cls(fund.key, names[0], SHORT_FUND_NAMES.get(fund.key, fund.name_zh), names[1:])


STANDARD_FUNDS = tuple(
    CityFund(key, names[0], SHORT_FUND_NAMES[key], aliases=names[1:]) for key, names in FUND_NAMES.items()
)
"""职工 and 居民, which nearly every city has."""


PROVINCES = {
    "11": "北京市",
    "12": "天津市",
    "13": "河北省",
    "14": "山西省",
    "15": "内蒙古自治区",
    "21": "辽宁省",
    "22": "吉林省",
    "23": "黑龙江省",
    "31": "上海市",
    "32": "江苏省",
    "33": "浙江省",
    "34": "安徽省",
    "35": "福建省",
    "36": "江西省",
    "37": "山东省",
    "41": "河南省",
    "42": "湖北省",
    "43": "湖南省",
    "44": "广东省",
    "45": "广西壮族自治区",
    "46": "海南省",
    "50": "重庆市",
    "51": "四川省",
    "52": "贵州省",
    "53": "云南省",
    "54": "西藏自治区",
    "61": "陕西省",
    "62": "甘肃省",
    "63": "青海省",
    "64": "宁夏回族自治区",
    "65": "新疆维吾尔自治区",
}
"""Provinces by the first two digits of a division code (GB/T 2260)."""


def fold(text: str) -> str:
    """``text`` without spaces and with full-width letters and brackets narrowed: for comparing names only."""
    return _fold_name(text) if len(text) <= NAME_CHARACTERS else _folded(text)


NAME_CHARACTERS = 80
"""Names are short and come again in every row: what they fold to is remembered."""


def _folded(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


_fold_name = lru_cache(maxsize=4_096)(_folded)


_PLACE_KIND = re.compile(r"(?:省|市|(?:壮族|回族|维吾尔)?自治区)$")
_OFFICE = re.compile(
    r"(?:医疗保障|医疗保险|医保)(?:基金|事业|事务|经办|服务|管理|结算)*(?:局|分局|中心|所|处)$"
)
_BRANCH = re.compile(r"(?:医疗保障局|医保局)(.+)分局")


def _without_office(name: str) -> set[str]:
    """``name`` without the medical insurance office of the county: 某区医疗保障局, or 医疗保障局某区分局."""
    branch = _BRANCH.fullmatch(name)
    return {name, _OFFICE.sub("", name), *([branch[1]] if branch else [])}


@dataclass(frozen=True)
class Register:
    """The units and funds of one city, found by code, name or alias."""

    counties: tuple[County, ...]
    funds: tuple[CityFund, ...] = STANDARD_FUNDS
    city_zh: str = ""
    """The city's name, which counties may write before their own."""

    @classmethod
    def of(cls, units: Iterable[Unit], funds: Iterable[Fund], city_zh: str = "") -> "Register":
        """The register of a city's policy."""
        return cls(
            tuple(
                County(unit.code, unit.name_zh, tuple(unit.aliases), name_en=unit.name_en) for unit in units
            ),
            tuple(CityFund.of(fund) for fund in funds),
            city_zh,
        )

    @cached_property
    def _by_name(self) -> dict[str, County | None]:
        names: dict[str, County | None] = {}
        for county in self.counties:
            for name in {fold(text) for text in (county.name_zh, *county.aliases)}:
                # A name that two counties bear names neither.
                names[name] = None if name in names else county
        return names

    @cached_property
    def _by_code(self) -> dict[str, County]:
        return {county.code: county for county in self.counties}

    def by_code(self, code: str) -> County | None:
        """The county with this code."""
        return self._by_code.get(code)

    def by_name(self, name: str) -> County | None:
        """The county with this name or alias; spaces and full-width forms do not matter.

        A county may write the names of its own province and city before it and those of its medical
        insurance office after it. What is left must name exactly one county: two are none.
        """
        folded = fold(name)
        if folded in self._by_name:
            return self._by_name[folded]
        left = {rest for text in self._without_places(folded) for rest in _without_office(text)}
        named = {self._by_name[text] for text in left if text in self._by_name}
        return named.pop() if len(named) == 1 else None

    def _without_places(self, name: str) -> set[str]:
        """``name`` without the names of the register's own province and city, if it begins with them."""
        provinces = {PROVINCES.get(county.code[:2], "") for county in self.counties}
        left = {name}
        for place in (*provinces, self.city_zh):
            for written in {fold(place), _PLACE_KIND.sub("", fold(place))} - {""}:
                left |= {text.removeprefix(written) for text in left}
        return left

    @cached_property
    def _fund_by_name(self) -> dict[str, CityFund | None]:
        names: dict[str, CityFund | None] = {}
        for fund in self.funds:
            for name in {fold(text) for text in (fund.name_zh, *fund.aliases)}:
                # A name that two funds bear names neither: the funds never mix.
                names[name] = None if name in names else fund
        return names

    @cached_property
    def _fund_by_key(self) -> dict[str, CityFund]:
        return {fund.key: fund for fund in self.funds}

    def fund(self, key: str) -> CityFund | None:
        """The city's fund with this key."""
        return self._fund_by_key.get(key)

    def fund_by_name(self, name: str) -> CityFund | None:
        """The city's fund with this name, code or key; None also when two funds bear the name."""
        return self._fund_by_name.get(fold(name))


@dataclass(frozen=True)
class SourceFile:
    """The bytes of one received file; ``name`` is what the sender called it and decides nothing.

    ``unopened`` says why there are no bytes, when the file could not be opened. Of a file far above every
    limit ``content`` may be the beginning only, and ``whole_sha256`` the digest of all of it.

    ``cells`` is what the parser found in the bytes, in its own format; None while it was not asked.
    """

    name: str
    content: bytes
    unopened: str | None = None
    whole_sha256: str | None = None
    cells: bytes | None = None

    @cached_property
    def sha256(self) -> str:
        """Hex digest that names the raw file for good."""
        return self.whole_sha256 or hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a document. ``values`` hold the texts of columns that are not amounts or counts.

    ``cells`` gives the address and ``raw`` the text as it stood for every field of the row;
    ``amounts_fen`` is None where the cell was blank or not an amount.
    """

    county: str | None
    fund: str | None
    month: Month | None
    amounts_fen: Mapping[str, int | None]
    values: Mapping[str, str | int | None]
    sheet: str
    row: int
    cells: Mapping[str, str]
    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """One file as read. ``readable`` is False when no table could be taken from it (findings say why)."""

    file: str
    sha256: str
    document: str
    readable: bool
    lines: tuple[Line, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    label_cells: Mapping[str, str] = field(default_factory=dict)
    control_totals_fen: Mapping[str, int | None] = field(default_factory=dict)
    control_cells: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def counties(self) -> tuple[str, ...]:
        """Codes of the counties the file speaks for, in the order they appear."""
        return tuple(dict.fromkeys(line.county for line in self.lines if line.county))


@dataclass(frozen=True)
class JudgingContext:
    """What is known beyond the files: the city's register, the period, and the facts of the books by name.

    A fact (services/documents/known_facts.py) is keyed by county code and fund, or by county, fund and what
    names the row of a list. A fact that is absent was not looked up; the checks that need it then say so.
    """

    register: Register
    month: Period
    facts: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one file. ``not_applicable`` lists the checks that had nothing to compare with, and why.

    ``totals`` per fund is None where a row's amount is not known.
    """

    file: str
    sha256: str
    document: str
    verdict: Verdict
    rows: int
    declared: int
    evaluated: int
    not_applicable: tuple[tuple[str, str], ...]
    totals: Mapping[str, int | None]
    findings: tuple[Finding, ...]
    lines: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        """The file's entry in the answer of ``fundpool check --json``."""
        return {
            "file": self.file,
            "sha256": self.sha256 or None,
            "verdict": self.verdict.value,
            "rows": self.rows,
            "expectations_declared": self.declared,
            "expectations_evaluated": self.evaluated,
            "not_applicable": [{"rule": rule, "reason": reason} for rule, reason in self.not_applicable],
            "totals": dict(self.totals),
            "findings": [finding_to_json(finding) for finding in self.findings],
        }


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """A finding with the field names of the outside contract."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "sheet": finding.sheet,
        "cell": finding.cell,
        "row": finding.row,
        "county": finding.county,
        "fund": finding.fund,
        "found": finding.found,
        "expected": finding.expected,
        "message_zh": finding.message_zh,
        "message_en": finding.message_en,
        "remedy": finding.remedy,
        "basis": finding.basis,
    }


_ORDER = {Severity.BLOCK: 0, Severity.REVIEW: 1, Severity.NOTE: 2}


def judgement_of(
    parsed: ParsedDocument,
    findings: Sequence[Finding],
    *,
    declared: int,
    evaluated: int,
    not_applicable: tuple[tuple[str, str], ...],
    totals: Mapping[str, int | None],
) -> Judgement:
    """The judgement that follows from all findings; never a pass without rows and every check evaluated."""
    complete = parsed.readable and bool(parsed.lines) and declared > 0 and evaluated == declared
    ordered = sorted(findings, key=lambda f: (_ORDER[f.severity], f.row or 0, f.rule))
    return Judgement(
        file=parsed.file,
        sha256=parsed.sha256,
        document=parsed.document,
        verdict=verdict_of(ordered, complete=complete),
        rows=len(parsed.lines),
        declared=declared,
        evaluated=evaluated,
        not_applicable=not_applicable,
        totals=totals,
        findings=tuple(ordered),
        lines=parsed.lines,
    )


Parser = Callable[[Sequence[SourceFile]], list[SourceFile]]
"""Parses files, in order: each comes back with its cells."""


class Reader(Protocol):
    """Reads files of one document type; answers for every file, in order."""

    def __call__(
        self,
        files: Sequence[SourceFile],
        document: str,
        register: Register | Sequence[Register],
        *,
        month: Period | None,
    ) -> list[ParsedDocument]:
        """``register`` is one for all files or that of each; ``month`` None: read what stands there.

        A file without cells, or with those of another version's parser, is parsed first.
        """


Judge = Callable[[Sequence[ParsedDocument], str, JudgingContext | Sequence[JudgingContext]], list[Judgement]]
"""Judges read files of one document type in one batch; answers for every file, in order.

The context is one for all files, or that of each: files of several cities are judged together, each
against what is known of its own city."""


def of_each(given: T | Sequence[T], files: Sequence[object]) -> Sequence[T]:
    """What belongs to each of ``files``: one of ``given`` each, or the same for all."""
    if isinstance(given, Sequence):
        assert len(given) == len(files), "one for every file"
        return given
    return [given] * len(files)


def judge_files(
    files: Sequence[SourceFile], document: str, context: JudgingContext, *, read: Reader, judge: Judge
) -> list[Judgement]:
    """Read and judge ``files``; one bad file never hides another's answer."""
    parsed = read(files, document, context.register, month=context.month)
    judgements = judge(parsed, document, context)
    assert len(judgements) == len(files), "every file is answered for"
    return judgements
