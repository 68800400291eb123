"""What the use cases need from the outside world, as Protocols; bootstrap.py supplies them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fundpool.domain.bank_reconciliation import BankReconciliation
from fundpool.domain.errors import FundpoolError
from fundpool.domain.month_summary import MonthSummary
from fundpool.domain.periods import Month, Period
from fundpool.domain.policy import CityPolicy, PolicyLibrary
from fundpool.domain.return_slip import ReturnSlip
from fundpool.domain.row_trail import RowPrint, TrailRecord
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import GatewayTerms, PaymentLimits
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.judging import Judge, Reader, SourceFile
from fundpool.services.money_ports import AccountStore, AuditStore, LedgerStore, TransferStore
from fundpool.services.month_stores import (
    ApplicationStore,
    BudgetStore,
    CalendarRecordStore,
    ReviewStore,
    ScheduledStepStore,
    SubmissionStore,
)
from fundpool.services.statement_ports import StatementStore
from schemas.payment_messages import StatementLine, TransferOrder

T = TypeVar("T")


class RowTrailStore(Protocol):
    """The trail of rows, and the rows that stand in the tables it watches."""

    def head(self) -> TrailRecord:
        """The last record; ``BEGINNING`` while there is none."""

    def records(self, after: int = 0) -> Iterable[TrailRecord]:
        """The records behind number ``after``, in order."""

    def tables(self) -> Mapping[str, tuple[str, ...]]:
        """The watched tables and, of each, the columns that are watched."""

    def seal_at(self, number: int) -> str | None:
        """The seal that record ``number`` bears; None where there is no such record."""

    def counts(self) -> dict[str, int]:
        """How many rows stand in every table that holds facts, watched or not."""

    def digests(self, table: str, keys: Sequence[str] | None = None) -> Iterable[tuple[str, bytes]]:
        """Key and digest of every row that stands in the table, or of those with the given keys."""

    def prints(self, table: str, keys: Sequence[str] | None = None) -> Iterable[tuple[str, RowPrint]]:
        """The same with the marks of the columns."""


class Work(Protocol):
    """One database transaction, seen as its stores."""

    @property
    def seals(self) -> Seals: ...
    @property
    def limits(self) -> PaymentLimits: ...
    @property
    def trail(self) -> RowTrailStore: ...
    @property
    def audit(self) -> AuditStore: ...
    @property
    def accounts(self) -> AccountStore: ...
    @property
    def transfers(self) -> TransferStore: ...
    @property
    def ledger(self) -> LedgerStore: ...
    @property
    def submissions(self) -> SubmissionStore: ...
    @property
    def reviews(self) -> ReviewStore: ...
    @property
    def applications(self) -> ApplicationStore: ...
    @property
    def budgets(self) -> BudgetStore: ...
    @property
    def records(self) -> CalendarRecordStore: ...
    @property
    def scheduled_steps(self) -> ScheduledStepStore: ...
    @property
    def statements(self) -> StatementStore: ...


class Transactions(Protocol):
    """Whole transactions; a function handed in makes no outside call, it may run more than once."""

    def transaction(self, work: Callable[[Work], T]) -> T:
        """Run and commit; rerun whole when the database aborts it for concurrency."""

    def read(self, work: Callable[[Work], T]) -> T:
        """Run against one consistent snapshot."""


class GatewayAnswerKind(StrEnum):
    """What a call to the bank's gateway came to. UNKNOWN is an outcome of its own, never failure."""

    PROCESSING = "processing"
    """The bank has the order and has not moved money yet."""
    SUCCEEDED = "succeeded"
    """The bank moved the money; key, amount, currency and payee were echoed exactly."""
    REJECTED = "rejected"
    """The bank will not execute the order, for a definite reason."""
    RETURNED = "returned"
    """The bank executed the order and the money came back (退票)."""
    CLOSED = "closed"
    """The bank promises that the key can never execute any more."""
    NOT_FOUND = "not_found"
    """The bank does not know the key, which may mean that it is still being accepted."""
    PAYLOAD_MISMATCH = "payload_mismatch"
    """The bank knows the key with another content: a person looks, never a new key."""
    UNKNOWN = "unknown"
    """Nothing can be concluded; only the same key may be sent again."""


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """One answer of the gateway, or its absence.

    ``reason`` is the bank's rejection reason, or why the outcome is unknown; ``raw`` the response
    body as received (empty when none came), for the record of calls.
    """

    kind: GatewayAnswerKind
    reason: str | None = None
    bank_serial: str | None = None
    executed_at: datetime | None = None
    http_status: int | None = None
    raw: bytes = b""

    @property
    def unreachable(self) -> bool:
        """Whether no connection came about; still the same key again, never a failure."""
        return self.kind is GatewayAnswerKind.UNKNOWN and self.reason == "unreachable"


@dataclass(frozen=True, slots=True)
class DayStatement:
    """What the bank's statements say of one account and day.

    ``lines`` as the bank gives them, duplicates included; ``differing`` are those that not every statement of
    the day has, ``balances_differ`` tells of statements that give the day other balances. ``opening_fen`` and
    ``closing_fen`` are the booked balances that the bank states for the day's start and end, never computed;
    ``sequence`` is the number of the statement that ends on the day.
    """

    lines: tuple[StatementLine, ...]
    opening_fen: int | None = None
    closing_fen: int | None = None
    sequence: int | None = None
    differing: tuple[StatementLine, ...] = ()
    balances_differ: bool = False

    @property
    def is_contradictory(self) -> bool:
        """Whether the bank's statements of the day cannot all be true."""
        return bool(self.differing) or self.balances_differ


class Gateway(Protocol):
    """A bank's payment gateway. Trouble outside is an answer of kind UNKNOWN, never an exception.

    ``now`` is the business time of the call. No call is made inside a transaction.
    """

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Send ``order.body``. PROCESSING, SUCCEEDED, REJECTED, PAYLOAD_MISMATCH or UNKNOWN."""

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Ask for the order's state. Every kind but PAYLOAD_MISMATCH."""

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Fence the key: CLOSED, or the state that prevents it; NOT_FOUND fences nothing."""

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """The statement of one account and day.

        Raises ServiceUnavailable when the bank does not answer or its answer cannot be read.
        """


@dataclass(frozen=True, slots=True)
class BankFileNote:
    """One file of a bank's inbox: what it is about, or the error that keeps it from being used."""

    name: str
    message: str | None
    accounts: tuple[str, ...]
    end_to_end_ids: tuple[str, ...]
    error: FundpoolError | None


class BankInbox(Protocol):
    """Where a bank without an API puts its files."""

    def files(self) -> tuple[BankFileNote, ...]:
        """Every file there, in order of name."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One file in the drop folder: its bytes, or the error that kept them from being read.

    ``arrived_at`` is when this machine's file system took it in, which the sender cannot set.
    """

    name: str
    source: SourceFile | None
    error: FundpoolError | None
    arrived_at: datetime | None = None


class RawFileStore(Protocol):
    """Keeps received bytes for good, named by their SHA-256."""

    def keep(self, content: bytes) -> str:
        """Keep the bytes on disk and return their SHA-256. Raises ServiceUnavailable."""

    def read(self, sha256: str) -> bytes:
        """The kept bytes, checked against their name. Raises ServiceUnavailable."""


class DropFolder(Protocol):
    """Where counties' files arrive."""

    def incoming(self, city: str, document: str) -> tuple[Incoming, ...]:
        """Every file now there, in order of name."""

    def has_files(self, city: str, document: str) -> bool:
        """Whether any file is there."""


class ReportWriter(Protocol):
    """Writes the city's monthly summary as a workbook an official signs."""

    def monthly_summary(self, summary: MonthSummary) -> bytes:
        """The workbook's bytes; the same summary gives the same figures."""


@dataclass(frozen=True, slots=True)
class SlipFile:
    """A return slip as it lies in its folder: the workbook and the page of one county's version."""

    document: str
    county: str
    version: int
    workbook: Path
    page: Path


class SlipFolder(Protocol):
    """Where the return slips of a city's month (or year) lie, one pair of files for every version."""

    def write(self, city: str, month: Period, slip: ReturnSlip, content: Callable[[], bytes]) -> None:
        """Write the slip unless it stands already; ``content`` gives the county's own file when needed.

        Raises ServiceUnavailable when the disk does not take it.
        """

    def slips(self, city: str, month: Period) -> tuple[SlipFile, ...]:
        """The slips of the month, in order of document, county and version."""


class ReconciliationForms(Protocol):
    """Writes 银行存款余额调节表 as a workbook that people sign."""

    def write(
        self, policy: CityPolicy, month: Month, forms: Sequence[BankReconciliation], prepared_on: date
    ) -> Path:
        """Write the month's workbook into the folder of reports, in place of the one before.

        Raises ServiceUnavailable when the disk does not take it.
        """


class AnchorKeeper(Protocol):
    """Keeps one anchor of the trails a day where the installation says, at best on another machine."""

    def checkpoints(self) -> Sequence[Mapping[str, Any]]:
        """The anchors kept here that say they were verified; whether that is true their seals tell."""

    def lacks(self, day: date) -> bool:
        """Whether the day's anchor is still to be written somewhere."""

    def keep(self, anchor: Mapping[str, Any], day: date) -> None:
        """Add the day's anchor wherever it is not yet. Raises ServiceUnavailable naming where it failed."""

    def keep_checkpoint(self, anchor: Mapping[str, Any]) -> None:
        """Add an anchor that was verified where ``checkpoints`` finds it. Raises ServiceUnavailable."""


@dataclass(frozen=True)
class Ports:
    """Everything a use case reaches outside the rules with."""

    database: Transactions
    gateway: Gateway | None = None
    gateway_terms: GatewayTerms = field(default_factory=GatewayTerms)
    bank_inbox: BankInbox | None = None
    """Only where the bank is reached by files."""


@dataclass(frozen=True, kw_only=True)
class MonthPorts(Ports):
    """What the steps of the month need besides: the law, the calendar, files and the judge."""

    policies: PolicyLibrary
    calendar: WorkCalendar
    raw_files: RawFileStore
    drop_folder: DropFolder
    read_documents: Reader
    judge_documents: Judge
    report_writer: ReportWriter
    slip_folder: SlipFolder
    reconciliation_forms: ReconciliationForms
    anchors: AnchorKeeper | None = None
