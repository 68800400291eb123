"""Facts a person records about a month: extensions, nil returns, filings, openings."""

from dataclasses import dataclass, field
from datetime import date, datetime

from fundpool.domain.periods import Month, Period
from fundpool.domain.submission import DocumentKind


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of a duty by document; ``unit`` None: for every unit that has the duty."""

    city: str
    month: Period
    duty: str
    unit: str | None
    until: date
    document_number: str
    approver: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class NilReturn:
    """A county's explicit statement that it has nothing to file for the month.

    With ``document_number`` and ``approver`` it is a waiver (免报): the city lets the county off filing.
    """

    city: str
    month: Period
    document: DocumentKind
    county: str
    reason: str
    declared_by: str
    received_at: datetime
    document_number: str | None = None
    approver: str | None = None

    @property
    def text_zh(self) -> str:
        """The nil return on one line of Chinese, a waiver with its document."""
        if self.document_number is None:
            return f"零申报：{self.reason}"
        return f"经批准免报（{self.document_number}，{self.approver}）：{self.reason}"

    @property
    def text_en(self) -> str:
        """``text_zh`` in English."""
        if self.document_number is None:
            return f"nil return: {self.reason}"
        return f"waived by {self.document_number}, approved by {self.approver}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Filing:
    """One version of the city's summary as filed; ``content_digest`` is over its figures.

    ``sources`` are the versions filed: county, scheme and submission id of each accepted row (None:
    filed before that was kept).
    """

    city: str
    month: Month
    version: int
    sha256: str
    file_name: str
    content_digest: str
    filed_by: str
    filed_at: datetime
    sources: tuple[tuple[str, str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class BudgetRevision:
    """One revision of a county's annual spending budget (fen); the first is the budget, later ones adjust it."""

    year: int
    county: str
    fund: str
    revision: int
    amount_fen: int
    document_number: str
    recorded_by: str
    recorded_at: datetime
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a county's fund stood at the end of the month before the first one kept here (fen).

    None: not known; the checks that would need the figure do not apply.
    """

    city: str
    month: Month
    county: str
    fund: str
    closing_fen: int
    spending_fen: int | None
    year_spending_fen: int | None
    year_paid_fen: int | None
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One run of a step; ``outcomes`` None while it runs or when its process died."""

    step: str
    counties: tuple[str, ...] | None
    requested_by: str
    run_id: str | None
    business_time: datetime
    outcomes: tuple[dict[str, object], ...] | None
