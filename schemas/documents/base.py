"""What a document type is made of: one definition for template, reader, checks and documentation.

A document is one flat table, one row per county and fund (``plan``, ``report``) or per detail line
(``payer-detail``, ``statement``), with labels (unit, signatures) above or below it and a
控制合计 row that closes it. Amounts are written in yuan and kept in fen.
"""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Literal


class FieldKind(StrEnum):
    """The grammar of a column."""

    COUNTY_CODE = "county_code"
    """Six-digit code of GB/T 2260, or the local key of a zone; a text cell."""
    COUNTY_NAME = "county_name"
    """Name or alias in the city's register."""
    MONTH = "month"
    """``2026-10``; ``2026年10月`` and 202610 are understood and shown as normalised."""
    YEAR = "year"
    """``2026``, the fund year of a yearly document."""
    FUND = "fund"
    """A fund of the city by name, key or code; the two standard ones also as in FUND_NAMES."""
    MONEY = "money"
    """Yuan with at most two decimals; kept as integer fen."""
    COUNT = "count"
    """A whole number of persons or units."""
    CODE = "code"
    """Account numbers, unit codes, serial numbers: text, because a number of Excel loses leading zeros and digits
    beyond the fifteenth."""
    ACCOUNT = "account"
    """A bank account: 6 to 32 digits, however they are grouped."""
    REFERENCE = "reference"
    """The number of a paper: text, without what a spreadsheet needed to keep it as text."""
    DAY = "day"
    """``2026-10-05``."""
    CHOICE = "choice"
    """One of the field's ``choices``."""
    TEXT = "text"
    """Free text."""


@dataclass(frozen=True, slots=True)
class Sum:
    """How an amount follows from others: Σ ``plus`` − Σ ``minus``, not below nil if ``at_least_nil``.

    ``optional`` names parts among ``plus`` that count as nil when their cell is blank. The title is that of
    the check which holds the amount against them.
    """

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()
    _: KW_ONLY
    at_least_nil: bool = False
    optional: tuple[str, ...] = ()
    title_zh: str
    title_en: str


@dataclass(frozen=True, slots=True)
class DocumentField:
    """One column: an amount unless ``kind`` says otherwise. ``aliases`` are other header texts it is known by.

    A blank cell is a finding unless the column ``is_optional``: blank is unknown, never nil.
    """

    key: str
    zh: str
    en: str
    aliases: tuple[str, ...] = ()
    _: KW_ONLY
    kind: FieldKind = FieldKind.MONEY
    is_optional: bool = False
    follows_from: Sum | None = None
    choices: tuple[str, ...] = ()
    may_be_negative: bool = False
    nil_for_fund: str | None = None
    """The fund that has no such amount by law: a dash there means nil."""

    @property
    def is_money(self) -> bool:
        return self.kind is FieldKind.MONEY


@dataclass(frozen=True, slots=True)
class Label:
    """A labelled value outside the table: 单位：元, 经办人：张三."""

    key: str
    zh: str
    en: str
    aliases: tuple[str, ...] = ()


UNIT_LABEL = Label("unit", "单位", "unit", ("金额单位", "计量单位"))
SIGNATURES = (
    Label("prepared_by", "经办人", "prepared by", ("经办", "制表人", "填表人", "制表")),
    Label("checked_by", "复核人", "checked by", ("复核", "审核人", "审核")),
    Label("responsible", "负责人", "responsible", ("单位负责人", "主管领导", "负责")),
)


@dataclass(frozen=True, slots=True)
class Intake:
    """A document's place in the month: who lets it count, and what it then is for.

    Which step takes it in is in ``fundpool/domain/month.py``. ``needs_people``: two people decide
    about it always; else what passes every check is accepted and only findings go to people.
    ``may_be_cut``: it asks for money, and less can be granted. ``duty`` is the key under which a policy
    file orders its filing (None: no law does, so nobody is ever late with it), ``goes_on_with`` the
    city's duty after that, which does not wait for a late correction. ``effect`` names what the decision
    does in the books at once (services/documents/effects.py), ``held_against`` the facts of the books that its
    checks compare with (services/documents/known_facts.py).
    """

    used_for_zh: str
    used_for_en: str
    needs_people: bool = False
    may_be_cut: bool = False
    duty: str | None = None
    goes_on_with: str | None = None
    effect: str | None = None
    held_against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A document that counties file: its own ``columns``, the amounts and details, and what becomes of it.

    ``month_zh`` is the meaning of its month column. ``row_key`` are the fields that identify a row;
    ``total_field`` is the amount that adds up to the document's total per fund in the answer of a check, and
    that its review is about. A document is either filed (``intake``) or taken by another command (``taken_by``).
    """

    key: str
    zh: str
    en: str
    month_zh: str
    month_en: str
    columns: tuple[DocumentField, ...]
    total_field: str
    row_key: tuple[str, ...] = ("county_code", "fund")
    per_fund: bool = True
    period: Literal["month", "year"] = "month"
    """The key of the field that holds the document's period."""
    version: str = "1"
    unit_zh: str = "元"
    labels: tuple[Label, ...] = (UNIT_LABEL, *SIGNATURES)
    open_rows: int = 50
    """Rows that the template of a list (not ``per_fund``) holds open."""
    intake: Intake | None = None
    taken_by: str | None = None

    @property
    def line_field(self) -> str | None:
        """The field that identifies a list's rows of the same county and fund; None where there is one row each."""
        return None if self.per_fund else self.row_key[-1]

    def field_of(self, key: str) -> DocumentField:
        """The field named ``key``; KeyError if the document has none."""
        return {field.key: field for field in self.fields}[key]

    @property
    def fields(self) -> tuple[DocumentField, ...]:
        """All columns in their order: county, period and fund come first, the remark last."""
        place = COUNTY_MONTH_FUND if self.period == "month" else COUNTY_YEAR_FUND
        return (*place, *self.columns, REMARK)

    @property
    def money_fields(self) -> tuple[DocumentField, ...]:
        return tuple(f for f in self.fields if f.is_money)


ITEMS: tuple[tuple[str, str, str], ...] = (
    ("inpatient", "住院", "inpatient care"),
    ("outpatient", "普通门诊", "outpatient care"),
    ("chronic", "门诊慢特病", "outpatient chronic and special diseases"),
    ("maternity", "生育", "maternity"),
    ("remote", "异地清算", "clearing of care elsewhere"),
    ("personal_account", "个人账户", "personal accounts"),
)
"""The benefit items that plans and reports are broken down by."""

NIL_BY_LAW: dict[str, str] = {"personal_account": "resident"}
"""By item the fund that has none of it: resident personal accounts were abolished (医保发〔2019〕30号)."""

FUND_NAMES: dict[str, tuple[str, ...]] = {
    "employee": (
        "职工基本医疗保险",
        "职工基本医疗保险（含生育保险）",
        "城镇职工基本医疗保险",
        "职工医保",
        "职工基本医保",
        "职工医疗保险",
        "城镇职工医保",
        "职工",
        "310",
        "employee",
    ),
    "resident": (
        "城乡居民基本医疗保险",
        "城乡居民医保",
        "居民医保",
        "居民基本医保",
        "居民医疗保险",
        "居民基本医疗保险",
        "城乡居民医疗保险",
        "城乡居民",
        "居民",
        "390",
        "resident",
    ),
}
"""Names a standard fund is known by, the official one first; codes as in the national business codes.

A city's further funds are known by what its policy file calls them.
"""

SHORT_FUND_NAMES: dict[str, str] = {"employee": "职工医保", "resident": "居民医保"}
"""What messages call the standard funds."""

COUNTY_MONTH_FUND: tuple[DocumentField, ...] = (
    DocumentField(
        "county_code",
        "县区代码",
        "county code",
        ("行政区划代码", "区划代码", "统筹区编码"),
        kind=FieldKind.COUNTY_CODE,
    ),
    DocumentField(
        "county_name",
        "县区名称",
        "county",
        ("县区", "县（市、区）", "统筹区", "县市区", "地区"),
        kind=FieldKind.COUNTY_NAME,
    ),
    DocumentField("month", "月份", "month", ("所属月份", "费款所属期", "期间", "月度"), kind=FieldKind.MONTH),
    DocumentField("fund", "险种", "fund", ("险种名称", "险种类型", "基金险种"), kind=FieldKind.FUND),
)
"""The columns for county, month and fund; the funds never mix."""

COUNTY_YEAR_FUND: tuple[DocumentField, ...] = (
    *COUNTY_MONTH_FUND[:2],
    DocumentField("year", "年度", "fund year", ("预算年度", "决算年度", "所属年度"), kind=FieldKind.YEAR),
    COUNTY_MONTH_FUND[3],
)
"""The same for a document of a whole year."""

REMARK = DocumentField("remark", "备注", "remark", ("说明",), kind=FieldKind.TEXT, is_optional=True)
LAST_YEAR = DocumentField(
    "last_year_fen",
    "上年同期支出",
    "spending in the same month of last year",
    ("上年同期", "去年同期"),
    is_optional=True,
)
