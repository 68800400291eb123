"""The small month whose books are put back from a backup while payments are under way.

The backup is made just before the counties' money is sent; after it some orders are executed, one is refused,
one lost. What is killed is the restore: putting back, quarantine, asking the bank, starting again.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from fundpool.adapters.stores.backups import back_up, put_back
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.sandbox_bank.bank_book import BankBook, Command
from fundpool.sandbox_bank.faults import Call, FaultPlan
from fundpool.services.payments import kill_switches, recovery, resolving
from fundpool.services.ports.work import Work
from tests.crash.small_month import BACKUP, CITY, TERMS, Act, SmallMonth, _first_key
from tests.integration.month_scene import APPROVER, RELEASER, at
from tests.seals import SEALS

DAY = "2026-09-30 "


class RestoredMonth(SmallMonth):
    """A small month on SQLite, restored in the middle of its second hop."""

    KILLED_FROM = "back up"
    # A refused order that was lost is taken up again only where its successor was not paid before the restore,
    # and a kill before the restore decides that.
    KNOWS_EVERY_REFUSAL = False

    def bank(self, commands: list[Command]) -> tuple[BankBook, FaultPlan]:
        """The small month's bank, which twice does not answer about one of the orders that may be lost."""
        book, plan = super().bank(commands)
        key = _first_key(self, "allocation", self.counties[1], "employee")
        plan.add("503", call=Call.QUERY, key=key, times=2)
        return book, plan

    def acts(self) -> Iterator[Act]:
        """The whole month in order."""
        yield from self._acts_until_payment()
        yield from self._acts_of_hop("disbursement", "07:00", ("07:16", "07:45", "08:50", "09:55"))
        yield self._step("allocation", DAY + "10:00")
        yield Act("authorise allocation", at(DAY + "10:01"), lambda now: self.authorise("allocation", now))
        yield Act("back up", at(DAY + "10:02"), self._back_up)
        yield Act("allocation again", at(DAY + "10:02"), lambda now: self._run_while_open("allocation", now))
        yield Act("approve retries", at(DAY + "10:02"), self._approve_retries)
        yield Act("put back", at(DAY + "10:03"), self._put_back)
        # Too early, then not answered in full, then answered; people try to start the funds after each.
        for moment in ("10:05", "10:15", "10:16"):
            yield Act("recover", at(DAY + moment), self._recover)
            yield Act("restart", at(DAY + moment), self._restart)
        yield from self._acts_of_hop(
            "allocation", "10:20", ("10:36", "10:50", "11:50", "19:30", "20:35", "21:40")
        )
        yield from self._acts_of_hop("allocation", "22:20", ("22:36", "22:50", "23:50"))
        yield from self._acts_after_payment()

    @property
    def _database(self) -> Database:
        return Database(f"sqlite:///{self.folder / 'fundpool.db'}")

    def _back_up(self, now: datetime) -> None:
        if not (self.folder / BACKUP).exists():
            back_up(self._database, self.folder / BACKUP)

    def _put_back(self, now: datetime) -> None:
        """A scheduled sender comes first, also when somebody begins anew after the restore was killed."""
        self._run_while_open("allocation", now)

        def quarantine(staged: Database) -> int:
            return SqlTransactions(staged, SEALS).transaction(
                lambda work: recovery.quarantine(work, now=now, terms=TERMS)
            )

        put_back(self._database, self.folder / BACKUP, quarantine)

    def _recover(self, now: datetime) -> None:
        with suppress(ServiceUnavailable):
            recovery.recover(self.ports, None, now)

    def _restart(self, now: datetime) -> None:
        """Two people resolve the breaks and start each fund, as soon as they are allowed to."""

        def act(work: Work, fund: str) -> None:
            for each in work.breaks.find(CITY):
                resolving.resolve_break(work, each.id, by=APPROVER, resolution="查清", now=now)
            if kill_switches.is_stopped(work, CITY, fund):
                kill_switches.request_restart(work, CITY, fund, by=APPROVER, now=now)
                kill_switches.confirm_restart(work, CITY, fund, by=RELEASER, now=now)

        for fund in self.funds:
            with suppress(RuleViolation):
                self.ports.database.transaction(lambda work, fund=fund: act(work, fund))
