"""The daily report of rights: who has which, what changed since yesterday, whose account nobody uses, who is out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fundpool.domain.accounts import Account
from fundpool.domain.audit import AuditRecord
from fundpool.domain.periods import day_of, midnight
from fundpool.domain.rights import RIGHTS, Right
from fundpool.services.ports.work import Work
from fundpool.services.users.accounts import SUBJECT

UNUSED_AFTER = timedelta(days=90)
"""An enabled account without a log-in for so long is looked at: its person may have left."""

_CHANGES_MOST = 1000


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """One account as it stands."""

    account: Account
    last_log_in: datetime | None
    """None: never."""
    is_locked: bool
    is_unused: bool
    """Enabled, and without a log-in for 90 days; never used ones count from the day they were entered."""

    @property
    def rights(self) -> tuple[Right, ...]:
        """What the account may do now; a disabled one nothing."""
        of_role = RIGHTS[self.account.role] if self.account.is_enabled else frozenset()
        return tuple(right for right in Right if right in of_role)


@dataclass(frozen=True, slots=True)
class RightsReport:
    """Every account, by name, and what was changed of them since yesterday's midnight, the newest first."""

    as_of: datetime
    since: datetime
    accounts: Sequence[AccountStanding]
    changes: Sequence[AuditRecord]

    @property
    def unused(self) -> list[AccountStanding]:
        return [each for each in self.accounts if each.is_unused]

    @property
    def locked(self) -> list[AccountStanding]:
        return [each for each in self.accounts if each.is_locked]


def rights_report(work: Work, now: datetime) -> RightsReport:
    """The report as of ``now``; accounts count as they stand in the tables, whether they bear their seals or not."""
    since = midnight(day_of(now) - timedelta(days=1))
    last = work.users.last_log_ins()
    changes = work.audit.find(subject=SUBJECT, since=since, until=now, limit=_CHANGES_MOST)
    return RightsReport(
        now,
        since,
        [_standing(account, last.get(account.name), now) for account in work.users.all()],
        [record for record in changes if record.subject.startswith(SUBJECT)],
    )


def _standing(account: Account, last_log_in: datetime | None, now: datetime) -> AccountStanding:
    is_unused = account.is_enabled and now - (last_log_in or account.created_at) > UNUSED_AFTER
    return AccountStanding(account, last_log_in, is_locked=account.is_locked(now), is_unused=is_unused)
