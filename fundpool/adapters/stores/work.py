"""One transaction seen as its stores: what the use cases are handed by the database."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.stores.accounts import SqlAccountStore
from fundpool.adapters.stores.applications import SqlApplications
from fundpool.adapters.stores.attempts import SqlAttemptStore
from fundpool.adapters.stores.audit import SqlAuditStore
from fundpool.adapters.stores.breaks import SqlBreakStore
from fundpool.adapters.stores.budgets import SqlBudgets
from fundpool.adapters.stores.calendar_records import SqlCalendarRecords
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.installation import SqlInstallation
from fundpool.adapters.stores.ledger import SqlLedgerStore
from fundpool.adapters.stores.notices import SqlLastDone, SqlNotices
from fundpool.adapters.stores.papers import SqlPapers
from fundpool.adapters.stores.payments import SqlPaymentStore
from fundpool.adapters.stores.reviews import SqlReviews
from fundpool.adapters.stores.scheduled_steps import SqlScheduledSteps
from fundpool.adapters.stores.sealed_rows import RowWriter, SqlLatestSeals, SqlRowTrail
from fundpool.adapters.stores.statements import SqlStatementStore
from fundpool.adapters.stores.submissions import SqlSubmissions
from fundpool.adapters.stores.switches import SqlSwitchStore
from fundpool.adapters.stores.users import SqlUsers
from fundpool.domain.errors import RuleViolation
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import PaymentLimits
from fundpool.services.ports.work import Work

T = TypeVar("T")


class SqlWork(Work):
    """The stores of one transaction; they all share its connection and commit together."""

    def __init__(self, connection: Connection, seals: Seals, limits: PaymentLimits) -> None:
        rows = self._rows = RowWriter(connection)
        self.seals = seals
        self.limits = limits
        self.trail = self._trail = SqlRowTrail(connection, seals)
        self.latest = self._latest = SqlLatestSeals(connection, rows)
        self.audit = self._audit = SqlAuditStore(connection, self._trail)
        self.accounts = SqlAccountStore(connection, rows, seals)
        self.payments = SqlPaymentStore(connection, rows, seals)
        self.attempts = SqlAttemptStore(connection, rows, seals)
        self.breaks = SqlBreakStore(connection, rows)
        self.switches = SqlSwitchStore(connection, rows, seals)
        self.ledger = SqlLedgerStore(connection, rows)
        self.submissions = SqlSubmissions(connection, rows, seals)
        self.reviews = SqlReviews(connection, rows)
        self.applications = SqlApplications(connection, rows, seals)
        self.budgets = SqlBudgets(connection, rows, seals)
        self.records = SqlCalendarRecords(connection, rows)
        self.scheduled_steps = SqlScheduledSteps(connection, rows)
        self.statements = SqlStatementStore(connection, rows)
        self.notices = SqlNotices(connection, rows)
        self.last_done = SqlLastDone(connection, rows)
        self.papers = SqlPapers(connection, rows)
        self.installation = SqlInstallation(connection, rows, seals)
        self.users = SqlUsers(connection, rows, seals)

    def finish(self) -> None:
        """Write what the transaction leaves in the trails; the last thing before its commit."""
        try:
            # The record of the trail of rows comes last: it seals the number and hash of the last audit record.
            self._audit.flush()
            self._latest.flush()
            self._trail.append(self._rows.written(), *self._audit.head())
        except IntegrityError as error:
            # The sealed end of the trail lies before records that stand there: its tail was cut off.
            raise RuleViolation(
                "trail_broken",
                "行轨迹与审计日志的末尾不相衔接：有人绕过程序改动了数据库，未写入任何内容",
                "the ends of the trail of rows and of the audit trail do not meet: somebody changed the "
                "database behind the program; nothing was written",
                remedy="fundpool audit verify",
            ) from error


class _Snapshot(SqlWork):
    """A Work that reads alone, beside what was computed from earlier snapshots."""

    def __init__(self, connection: Connection, transactions: "SqlTransactions") -> None:
        super().__init__(connection, transactions.seals, transactions.limits)
        self._connection, self._transactions = connection, transactions

    def remembered(self, key: Hashable, compute: Callable[[], T]) -> T:
        state = self._transactions.database.state_read(self._connection)
        return compute() if state is None else self._transactions.memory.get((state, key), compute)


REMEMBERED = 24
"""So many results are kept: a leader's page reads the facts of twelve months and two years, a board three of one month."""


class _Memory:
    """Results by the state of the database that they were computed from; the ones used last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: T = self._kept[key]
                return found
        computed = compute()
        with self._lock:
            self._kept[key] = computed
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return computed

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._kept.clear()


class SqlTransactions:
    """Whole transactions on a database, handing a Work to the function that runs in them."""

    def __init__(
        self,
        database: Database,
        seals: Seals,
        limits: PaymentLimits = PaymentLimits(),  # noqa: B008 - frozen
    ) -> None:
        self.database = database
        self.seals = seals
        self.limits = limits
        self.memory = _Memory()

    def transaction(self, work: Callable[[Work], T]) -> T:
        """Run and commit; rerun whole when the database aborts it for concurrency."""

        def run(connection: Connection) -> T:
            stores = SqlWork(connection, self.seals, self.limits)
            result = work(stores)
            stores.finish()
            return result

        return self.database.transaction(run)

    def read(self, work: Callable[[Work], T]) -> T:
        """Run against one consistent snapshot."""
        return self.database.read(lambda connection: work(_Snapshot(connection, self)))
