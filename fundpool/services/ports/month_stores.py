"""What the month's use cases read and write, as Protocols; adapters/stores implements them.

Every method works inside the caller's transaction and commits nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from fundpool.domain.application import Application, ApplicationLine
from fundpool.domain.errors import InputError
from fundpool.domain.findings import Finding, Verdict
from fundpool.domain.installation import Installation
from fundpool.domain.month_records import BudgetRevision, Extension, Filing, NilReturn, Opening, StepRun
from fundpool.domain.periods import Month, Period
from fundpool.domain.review import ReviewCase
from fundpool.domain.schedule import ScheduledStep
from fundpool.domain.submission import DocumentKind, Figure, FileState, ReceivedFile, Submission

CountyFund = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """The current judgement on one version; ``findings`` are those that concern its county, or the file."""

    verdict: Verdict
    declared: int
    evaluated: int
    findings: tuple[Finding, ...]


class SubmissionStore(Protocol):
    """Received files, versions, figures and judgements."""

    def add_raw_file(self, sha256: str, content: bytes, at: datetime) -> None:
        """Keep the received bytes for good; the same digest again changes nothing."""

    def raw_content(self, sha256: str) -> bytes | None:
        """The bytes kept under the digest; None when none are kept here."""

    def keep_cells(self, sha256: str, cells: bytes) -> None:
        """Keep what the parser found in a raw file, in place of what another parser found."""

    def cells(self, sha256s: Iterable[str]) -> dict[str, bytes]:
        """The cells of these raw files; none of a file whose cells are not kept or do not bear their seal."""

    def received_file(self, city: str, document: DocumentKind, sha256: str) -> ReceivedFile | None: ...

    def add_received_file(
        self,
        city: str,
        document: DocumentKind,
        sha256: str,
        *,
        file_name: str,
        received_at: datetime,
        received_from: str,
        declared_county: str | None,
        declared_month: Period | None,
    ) -> ReceivedFile: ...

    def redeclare(self, file_id: int, county: str | None, month: Period | None) -> None:
        """What the sender now says of a file that was refused or unreadable before."""

    def set_file_state(self, file_id: int, state: FileState, problem: InputError | None = None) -> None:
        """How far the file has come; ``problem`` says why it is refused or unreadable."""

    def files(
        self, city: str, document: DocumentKind | None, states: Sequence[FileState]
    ) -> tuple[ReceivedFile, ...]:
        """Files of one document, or of all, in the order they came."""

    def add_submission(
        self, file: ReceivedFile, county: str, month: Period, *, figures: Sequence[Figure]
    ) -> Submission:
        """The next version of the county's document; the same file, county and month again is the same one."""

    def versions(
        self, city: str, document: DocumentKind, month: Period, *, county: str | None = None
    ) -> tuple[Submission, ...]:
        """All versions in order of county and version."""

    def versions_of_period(self, city: str, month: Period) -> tuple[Submission, ...]:
        """All versions of every document, in order of county and version."""

    def of_file(self, file_id: int) -> tuple[Submission, ...]: ...

    def figures(self, submission_id: int) -> tuple[Figure, ...]: ...

    def figures_of(self, submission_ids: Iterable[int]) -> Mapping[int, tuple[Figure, ...]]:
        """The figures of each of these submissions, in one statement."""

    def judge(
        self,
        submission_id: int,
        at: datetime,
        verdict: Verdict,
        *,
        declared: int,
        evaluated: int,
        findings: Sequence[Finding],
    ) -> bool:
        """Store a judgement as the current one; False when it says the same as the one before."""

    def judgement(self, submission_id: int) -> StoredJudgement | None:
        """The current judgement; None while there is none."""

    def findings(self, submission_id: int) -> tuple[Finding, ...]:
        """Findings of the current judgement that concern the submission's county, or the file as a whole."""

    def findings_of(self, submission_ids: Iterable[int]) -> Mapping[int, tuple[Finding, ...]]:
        """The same of each of these submissions, in one statement."""

    def set_returned(
        self, submission_id: int, at: datetime | None, by: str | None, *, reason: str | None
    ) -> None:
        """Mark the version as gone back to the county; ``at`` None takes the mark away."""

    def cities(self) -> set[str]:
        """Cities whose counties have filed anything."""

    def months(
        self, city: str, documents: Sequence[DocumentKind] | None = None, *, until: datetime | None = None
    ) -> tuple[Month, ...]:
        """Months of which a document, or one of ``documents``, was filed (by ``until``); years are no months."""


class ReviewStore(Protocol):
    """Review cases, one per county, scheme, document and period."""

    def case(
        self, city: str, month: Period, document: DocumentKind, *, county: str, fund: str
    ) -> ReviewCase | None: ...

    def cases(
        self, city: str, month: Period, document: DocumentKind | None = None
    ) -> tuple[ReviewCase, ...]: ...

    def save(self, case: ReviewCase) -> None: ...


class ApplicationStore(Protocol):
    """The city's applications to finance."""

    def applications(
        self, city: str, month: Month | None = None, year: int | None = None
    ) -> tuple[Application, ...]:
        """In order of month, scheme and number; lines in order of county."""

    def add(self, application: Application) -> None: ...

    def save_line(self, application: Application, line: ApplicationLine) -> None: ...


class BudgetStore(Protocol):
    """Annual budgets and opening figures."""

    def budgets(self, city: str, year: int) -> Mapping[CountyFund, int]:
        """The latest revision per county and scheme, in fen."""

    def budget_revisions(self, city: str, year: int) -> tuple[BudgetRevision, ...]:
        """Every revision, in order of county, scheme and revision."""

    def set_budget(
        self,
        city: str,
        year: int,
        county: str,
        *,
        fund: str,
        amount_fen: int,
        document_number: str,
        by: str,
        at: datetime,
    ) -> bool:
        """A new revision; False when the latest says the same."""

    def cities(self) -> set[str]:
        """Cities with opening figures."""

    def openings(self, city: str) -> tuple[Opening, ...]: ...

    def set_opening(self, opening: Opening, by: str, at: datetime) -> bool:
        """False when it stands already; raises RuleViolation when another figure does."""


class CalendarRecordStore(Protocol):
    """Extensions, nil returns, filings and runs of steps."""

    def extensions(self, city: str, month: Period) -> tuple[Extension, ...]: ...

    def add_extension(self, extension: Extension) -> bool:
        """False when the same document has extended the same duty already."""

    def nil_returns(self, city: str, month: Period) -> tuple[NilReturn, ...]: ...

    def add_nil_return(self, nil_return: NilReturn, at: datetime) -> bool:
        """False when the county has declared it already."""

    def filings(self, city: str, month: Month) -> tuple[Filing, ...]: ...

    def add_filing(self, filing: Filing) -> None: ...

    def start_run(self, city: str, month: Month, run: StepRun) -> int: ...

    def finish_run(self, run_id: int, outcomes: Sequence[Mapping[str, object]]) -> None: ...

    def runs(self, city: str, month: Month) -> tuple[StepRun, ...]:
        """Every run of the month's steps, oldest first."""


class ScheduledStepStore(Protocol):
    """The tick's reservations."""

    def of_day(self, city: str, business_date: date) -> tuple[ScheduledStep, ...]:
        """All reservations of the day, in the order they were made."""

    def months(self, city: str, but: str | None = None) -> tuple[Month, ...]:
        """Months for which anything (other than the step ``but``) was ever reserved."""

    def reserve(self, scheduled: ScheduledStep) -> None: ...

    def set_run(self, scheduled: ScheduledStep, run_id: str) -> None: ...


class InstallationStore(Protocol):
    """The installation's own record."""

    def find(self) -> Installation | None:
        """As it stands, whether it bears its seal or not."""

    def put(self, decided: Installation) -> None:
        """Seal it and write it in place of the one before."""
