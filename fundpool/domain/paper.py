"""A paper that officials sign, as plain data: title, text, tables, who signs; and the number it bears.

The services fill it from the books (``services.oversight.paper_contents``); the adapters write the same data as a
workbook or a Word document.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from fundpool.domain.errors import InputError
from fundpool.domain.periods import day_of

Language = Literal["zh", "en"]
"""A paper is written in one language, Chinese unless English is asked for."""

PaperFormat = Literal["xlsx", "docx"]


class PaperKind(StrEnum):
    """The papers, by the name that ``fundpool report paper`` takes."""

    PLAN_SUMMARY = "plan-summary"
    APPLICATION = "application"
    ALLOCATION = "allocation-notice"
    EXPENDITURE = "expenditure-summary"
    OVERDUE = "overdue-circular"
    RETURN_SLIP = "return-slip"
    REVIEW_OPINION = "review-opinion"
    STATEMENT = "account-statement"
    RECONCILIATION = "bank-reconciliation"

    @classmethod
    def named(cls, name: str) -> "PaperKind":
        """The kind of this name. Raises InputError ``paper_unknown``."""
        if name not in set(cls):
            raise InputError(
                "paper_unknown",
                f"没有文书 {name}",
                f"there is no paper {name}",
                remedy=" | ".join(cls),
            )
        return cls(name)

    def in_words(self, language: Language) -> str:
        """What the paper is called."""
        return _NAMES[self][language == "en"]


_NAMES = {
    PaperKind.PLAN_SUMMARY: ("用款计划汇总表", "Summary of fund-use plans"),
    PaperKind.APPLICATION: ("用款申请", "Application for funds"),
    PaperKind.ALLOCATION: ("拨付通知", "Notice of allocation"),
    PaperKind.EXPENDITURE: ("支出核算汇总表", "Summary of expenditure reports"),
    PaperKind.OVERDUE: ("逾期通报", "Circular on overdue duties"),
    PaperKind.RETURN_SLIP: ("退回单", "Return slip"),
    PaperKind.REVIEW_OPINION: ("审核意见单", "Review opinion"),
    PaperKind.STATEMENT: ("对账单", "Account statement"),
    PaperKind.RECONCILIATION: ("银行存款余额调节表", "Bank reconciliation"),
}

SANDBOX_MARK: dict[Language, str] = {"zh": "沙盒演练，不作凭证", "en": "Sandbox exercise, not a voucher"}
"""What every page of a sandbox's paper says."""

UNKNOWN = "—"
"""How a paper writes a figure or text that is not known; never 0."""

Cell = str | int | None
"""Text; or in a column of money fen, None where the amount is not known."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; ``width`` is its share of the page beside the other columns' shares."""

    title: str
    width: int = 10
    is_money: bool = False
    is_centred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A table with the lines that stand above and below it; amounts in fen, written in yuan."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None
    heading: str | None = None
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What a paper says.

    ``period`` and ``subject`` say what it is about: a month (or fund year) and a county's code, an account, the
    number of an application, ``""`` where the month alone says it. ``signing_units``: each has a row for its three
    signatures and a place for its seal; the first one issues the paper.
    """

    kind: PaperKind
    language: Language
    city: str
    period: str
    subject: str
    title: str
    signing_units: tuple[str, ...]
    addressee: str | None = None
    text: tuple[str, ...] = ()
    tables: tuple[PaperTable, ...] = ()
    notes: tuple[str, ...] = ()
    is_sandbox: bool = False
    is_wide: bool = False
    """Printed across the page."""

    @property
    def issuer(self) -> str:
        """The issuing unit (发文单位)."""
        return self.signing_units[0]

    @property
    def content_digest(self) -> str:
        """SHA-256 over all that the paper says; its number and date are not part of it."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PaperNumber:
    """The number (编号) of a paper and the edition (版次) of what it says.

    ``serial`` runs without gaps per city, kind and ``year`` of issue; it belongs to kind, period and subject.
    ``content_digest`` is that of the Chinese paper: its English translation bears the same number.
    """

    city: str
    kind: PaperKind
    year: int
    serial: int
    edition: int
    period: str
    subject: str
    content_digest: str
    issued_at: datetime

    @property
    def issued_on(self) -> date:
        """The paper's date: the Shanghai day on which the edition got its number."""
        return day_of(self.issued_at)

    def in_words(self, language: Language) -> str:
        """The line of the paper that has its number."""
        if language == "en":
            return f"No. {self.serial} of {self.year}, edition {self.edition}"
        return f"{self.kind.in_words('zh')}〔{self.year}〕{self.serial}号　第{self.edition}版"

    @property
    def file_stem(self) -> str:
        """Name of the paper's file without its ending: ``allocation-notice-2026-2-v1-2026-10-331002``."""
        about = self.subject.replace("/", "-")
        stem = f"{self.kind}-{self.year}-{self.serial}-v{self.edition}-{self.period}"
        return f"{stem}-{about}" if about else stem


@dataclass(frozen=True, slots=True)
class NumberedPaper:
    """A paper with the number it bears: what is written and signed."""

    paper: Paper
    number: PaperNumber
