"""A county's document as it was received: versions, figures, and what changed between versions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fundpool.domain.errors import InputError
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Period


class DocumentKind(StrEnum):
    """The documents that are filed: every one in ``schemas/documents`` that has an intake."""

    PLAN = "plan"
    """用款计划申请表: what the county asks for the coming month."""
    REPORT = "report"
    """基金支出核算报表: what the county spent in the month."""
    PAYER_DETAIL = "payer-detail"
    """缴款单位明细表: who paid the contributions of the month."""
    SUBSIDY = "subsidy"
    """财政补助到位情况表: what each level of government has paid in."""
    INTEREST = "interest"
    """利息收入表: interest earned and passed on."""
    WORKING_CAPITAL = "working-capital"
    """周转金申请表: the working capital asked for a year."""
    ANNUAL_BUDGET = "annual-budget"
    """基金收支预算表 of a year."""
    FINAL_ACCOUNT = "final-account"
    """基金收支决算表 of a year."""

    @classmethod
    def named(cls, text: str) -> "DocumentKind":
        """The kind called ``text``; raises InputError for another name."""
        try:
            return cls(text)
        except ValueError:
            raise InputError(
                "unknown_document",
                f"没有这种表：{text}",
                f"no such document: {text}",
                remedy=f"--document {' | '.join(cls)}",
            ) from None


class FileState(StrEnum):
    """How far a received file has come."""

    RECEIVED = "received"
    """Bytes kept and receipt recorded; not yet read."""
    READ = "read"
    """Read; its counties' submissions are recorded."""
    UNREADABLE = "unreadable"
    """Cannot be read as the document; ``problem`` is the reason."""
    REFUSED = "refused"
    """Read, but it contradicts what the sender stated, or names no county or more than one period."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One file as it came in: the receipt a county can be shown."""

    id: int
    city: str
    document: DocumentKind
    sha256: str
    file_name: str
    received_at: datetime
    received_from: str
    declared_county: str | None
    declared_month: Period | None
    state: FileState
    problem: InputError | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One amount of a document: scheme, field of the template, integer fen (None: left blank).

    ``sheet`` and ``cell`` are its place in the file (None: recorded before places were kept).
    ``line`` names the row in a list that has several of one scheme (a voucher, an account, a level
    of government); "" in a document with one row per scheme.
    """

    fund: str
    field: str
    amount_fen: int | None
    sheet: str | None = None
    cell: str | None = None
    line: str = ""


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One amount that differs between two versions; None: not there (or blank) in that version."""

    fund: str
    field: str
    before_fen: int | None
    after_fen: int | None
    line: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """One version of one county's document for one period.

    ``month`` is the period: a year for a yearly document. ``verdict`` None: not judged yet. ``returned_at`` is when
    this version went back to the county, by the checks (``returned_by`` is ``system``) or by a reviewer.
    """

    id: int
    file_id: int
    city: str
    document: DocumentKind
    county: str
    month: Period
    version: int
    sha256: str
    file_name: str
    received_at: datetime
    submitted_by: str
    verdict: Verdict | None = None
    judged_at: datetime | None = None
    returned_at: datetime | None = None
    returned_by: str | None = None
    return_reason: str | None = None
    entered_at: datetime | None = None
    """When its bytes were kept here: later than ``received_at`` where the receipt was dated back."""

    @property
    def stands(self) -> bool:
        """Whether this version counts as filed: it was not returned."""
        return self.returned_at is None


def return_reason_en(version: Submission, findings: Iterable[Finding]) -> str:
    """Why a version went back, in English: what the checks found, or a person's own words as written."""
    if version.returned_by != SYSTEM:
        return version.return_reason or ""
    blocking = [finding.message_en for finding in findings if finding.severity is Severity.BLOCK]
    return "; ".join(dict.fromkeys(blocking)) or "the checks could not be completed"


def figure_changes(before: Iterable[Figure], after: Iterable[Figure]) -> tuple[FigureChange, ...]:
    """Every amount that differs, scheme by scheme and line by line, in the order of the later version."""
    earlier = _by_place(before)
    later = _by_place(after)
    places = [*later, *(place for place in earlier if place not in later)]
    return tuple(
        FigureChange(fund, field, earlier.get(place), after_fen=later.get(place), line=line)
        for place in places
        for fund, line, field in [place]
        if earlier.get(place) != later.get(place)
    )


def filed_at(versions: Iterable[Submission]) -> datetime | None:
    """When the county filed: the first version after the last one that was returned.

    An amendment of a standing filing does not make it late; a returned filing was none. ``versions``
    in order of version. None while nothing stands.
    """
    moment: datetime | None = None
    for version in versions:
        if not version.stands:
            moment = None
        elif moment is None:
            moment = version.received_at
    return moment


def _by_place(figures: Iterable[Figure]) -> Mapping[tuple[str, str, str], int | None]:
    return {(figure.fund, figure.line, figure.field): figure.amount_fen for figure in figures}
