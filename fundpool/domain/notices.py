"""What people are told of: kinds of notices, their keys, and when a notice that failed is sent again.

A *key* names an event and is told once. A *subject* is what must end for the event to be over; several events
can be about one subject, such as a daily tick that is missing on three mornings.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about."""

    STEP_FAILED = "step_failed"
    PAYMENT = "payment"
    """Its outcome is unknown, it is held, was refused or came back."""
    FUND_STOPPED = "fund_stopped"
    OVERDUE = "overdue"
    """A county, or the city, has not done a duty by its day."""
    TICK_MISSING = "tick_missing"
    WORKER_OFFLINE = "worker_offline"
    HOLIDAY_NOTICE = "holiday_notice"
    DISK = "disk"
    BACKUP = "backup"


KIND_NAMES = {
    NoticeKind.STEP_FAILED: ("步骤未成", "step failed"),
    NoticeKind.PAYMENT: ("款项未成", "payment open"),
    NoticeKind.FUND_STOPPED: ("基金停发", "fund stopped"),
    NoticeKind.OVERDUE: ("逾期未办", "overdue"),
    NoticeKind.TICK_MISSING: ("每日调度未完成", "daily tick missing"),
    NoticeKind.WORKER_OFFLINE: ("无执行器", "no worker"),
    NoticeKind.HOLIDAY_NOTICE: ("放假通知未入库", "holiday notice missing"),
    NoticeKind.DISK: ("磁盘将满", "disk nearly full"),
    NoticeKind.BACKUP: ("备份过期", "backup too old"),
}

SAYS_WHEN_OVER = frozenset(
    {NoticeKind.FUND_STOPPED, NoticeKind.TICK_MISSING, NoticeKind.WORKER_OFFLINE, NoticeKind.DISK}
)
"""What holds the month up: people are told of its end too."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are to know, in both languages, and what to do.

    No account number, no amount and nothing that a person wrote stands in it: it leaves the machine.
    """

    key: str
    kind: NoticeKind
    message_zh: str
    message_en: str
    remedy: str
    subject: str = ""
    city: str | None = None
    is_over: bool = False

    def __post_init__(self) -> None:
        if not self.subject:
            object.__setattr__(self, "subject", self.key)


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice in the outbox, with how far its sending has come."""

    id: int
    notice: Notice
    made_at: datetime
    ended_at: datetime | None = None
    attempts: int = 0
    next_at: datetime | None = None
    taken_by: tuple[str, ...] = field(default_factory=tuple)
    """The channels that took it."""
    failure: str | None = None
    sent_at: datetime | None = None

    @property
    def is_undelivered(self) -> bool:
        """Whether some channel did not take it when it was last tried."""
        return self.sent_at is None and self.failure is not None


LEASE = timedelta(minutes=15)
"""How long a sender has the notices it took up to itself; they are sent again when it died."""

MAX_ATTEMPTS = 12
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts that failed: 5 minutes, doubled up to 6 hours; None for ever."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return min(_FIRST_PAUSE * (1 << (attempts - 1)), _LONGEST_PAUSE)


def over(ended: Notice) -> Notice:
    """The notice that another one is over."""
    zh, en = KIND_NAMES[ended.kind]
    return Notice(
        key=f"over:{ended.key}",
        kind=ended.kind,
        message_zh=f"已解除（{zh}）：{ended.message_zh}",
        message_en=f"over ({en}): {ended.message_en}",
        remedy="无须处理 / nothing to do",
        subject=ended.subject,
        city=ended.city,
        is_over=True,
    )
