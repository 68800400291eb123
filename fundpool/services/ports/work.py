"""What the use cases need from the outside world, as Protocols; bootstrap.py supplies them."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from fundpool.domain.policy import PolicyLibrary
from fundpool.domain.row_trail import RowPrint, TrailRecord
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import GatewayTerms, PaymentLimits
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.ports.files import (
    AnchorKeeper,
    DropFolder,
    EarlierRawFile,
    SlipFolder,
    WriteReconciliation,
    WriteSummary,
)
from fundpool.services.ports.gateway import BankFileNote, Gateway
from fundpool.services.ports.judging import Judge, Parser, Reader
from fundpool.services.ports.latest_seals import LatestSeals
from fundpool.services.ports.money_ports import (
    AccountStore,
    AttemptStore,
    AuditStore,
    BreakStore,
    LedgerStore,
    PaymentStore,
    SwitchStore,
)
from fundpool.services.ports.month_stores import (
    ApplicationStore,
    BudgetStore,
    CalendarRecordStore,
    InstallationStore,
    ReviewStore,
    ScheduledStepStore,
    SubmissionStore,
)
from fundpool.services.ports.notices import LastDoneStore, NoticeStore
from fundpool.services.ports.papers import PaperStore, WritePaper
from fundpool.services.ports.statement_ports import StatementStore
from fundpool.services.ports.users import UserStore

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


class Work:
    """One database transaction, seen as its stores; whoever opens one sets them."""

    seals: Seals
    limits: PaymentLimits
    trail: RowTrailStore
    latest: LatestSeals
    audit: AuditStore
    accounts: AccountStore
    payments: PaymentStore
    attempts: AttemptStore
    breaks: BreakStore
    switches: SwitchStore
    ledger: LedgerStore
    submissions: SubmissionStore
    reviews: ReviewStore
    applications: ApplicationStore
    budgets: BudgetStore
    records: CalendarRecordStore
    scheduled_steps: ScheduledStepStore
    statements: StatementStore
    notices: NoticeStore
    last_done: LastDoneStore
    papers: PaperStore
    installation: InstallationStore
    users: UserStore

    def remembered(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What ``compute`` reads here, or what it gave for the key in this very state of the database.

        It must rest on the key and on what is stored alone, and nobody may change what it gives. A transaction that
        writes remembers nothing.
        """
        return compute()


class Transactions(Protocol):
    """Whole transactions; a function handed in makes no outside call, it may run more than once."""

    def transaction(self, work: Callable[[Work], T]) -> T:
        """Run and commit; rerun whole when the database aborts it for concurrency."""

    def read(self, work: Callable[[Work], T]) -> T:
        """Run against one consistent snapshot."""


@dataclass(frozen=True)
class Ports:
    """Everything a use case reaches outside the rules with."""

    database: Transactions
    gateway: Gateway | None = None
    gateway_terms: GatewayTerms = field(default_factory=GatewayTerms)
    read_bank_files: Callable[[], tuple[BankFileNote, ...]] | None = None
    """Reads the inbox, in order of name; only where the bank is reached by files."""


@dataclass(frozen=True, kw_only=True)
class MonthPorts(Ports):
    """What the steps of the month need besides: the law, the calendar, files and the judge."""

    policies: PolicyLibrary
    calendar: WorkCalendar
    earlier_raw_file: EarlierRawFile
    drop_folder: DropFolder
    parse_files: Parser
    read_documents: Reader
    judge_documents: Judge
    write_summary: WriteSummary
    slip_folder: SlipFolder
    write_reconciliation: WriteReconciliation
    write_paper: WritePaper
    anchors: AnchorKeeper | None = None
