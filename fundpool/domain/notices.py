"""What people are told of: kinds of notices, their keys, and when a notice that failed is sent again.

A *key* names an event and is told once. A *subject* is what must end for the event to be over; several events
can be about one subject, such as a daily tick that is missing on three mornings.
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

from fundpool.domain.periods import SHANGHAI, Period

Language = Literal["zh", "en"]
"""A notice leaves the machine in one of them."""

SUPERVISOR = "supervisor"
"""Who is told each morning how a city stands."""


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
    RIGHTS = "rights"
    """What was changed of people's accounts yesterday, in numbers."""
    REMINDER = "reminder"
    """To the unit that owes a duty, before its last working day and on it."""
    OVERDUE_REMINDER = "overdue_reminder"
    """To the unit that owes a duty, after its last working day."""
    SUMMARY = "summary"
    """To the supervisor of a city, on a working day's morning."""


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
    NoticeKind.RIGHTS: ("权限变动", "rights changed"),
    NoticeKind.REMINDER: ("到期提醒", "reminder"),
    NoticeKind.OVERDUE_REMINDER: ("逾期催办", "overdue reminder"),
    NoticeKind.SUMMARY: ("当日情况", "summary of the day"),
}

SAYS_WHEN_OVER = frozenset(
    {NoticeKind.FUND_STOPPED, NoticeKind.TICK_MISSING, NoticeKind.WORKER_OFFLINE, NoticeKind.DISK}
)
"""What holds the month up: people are told of its end too."""


class Recipient(NamedTuple):
    """Somebody outside the operators: a county, an office of the city (``city_agency``), or its supervisor."""

    city: str
    unit: str


OPERATORS = None
"""Stands for the recipient of what is told to nobody outside."""


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
    recipient: str | None = OPERATORS
    """``Recipient.unit`` of the notice's city."""

    def __post_init__(self) -> None:
        if not self.subject:
            object.__setattr__(self, "subject", self.key)

    @property
    def address(self) -> Recipient | None:
        """Whom the notice goes to."""
        return Recipient(self.city or "", self.recipient) if self.recipient else OPERATORS


@dataclass(frozen=True, slots=True)
class Delivery:
    """A channel took a notice, and what it answered; the last two are None where that was not kept yet."""

    channel: str
    at: datetime | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice in the outbox, with how far its sending has come."""

    id: int
    notice: Notice
    made_at: datetime
    ended_at: datetime | None = None
    attempts: int = 0
    next_at: datetime | None = None
    deliveries: tuple[Delivery, ...] = field(default_factory=tuple)
    """The channels that took it."""
    failure: str | None = None
    sent_at: datetime | None = None

    @property
    def taken_by(self) -> frozenset[str]:
        """The names of the channels that took it."""
        return frozenset(delivery.channel for delivery in self.deliveries)

    @property
    def is_undelivered(self) -> bool:
        """Whether some channel did not take it when it was last tried."""
        return self.sent_at is None and self.failure is not None


@dataclass(frozen=True, slots=True)
class Call:
    """A telephone call about a duty that a unit owes; ``note`` is what was said and promised, it stays here."""

    id: int
    city: str
    month: Period
    duty: str
    unit: str
    spoken_with: str
    note: str
    called_by: str
    called_at: datetime


SENT_FROM, SENT_UNTIL = time(8), time(18)
"""Shanghai: nobody outside is written to at night."""


def kinds_for_units(now: datetime, *, is_working_day: bool) -> frozenset[NoticeKind]:
    """What may be sent to units and supervisors now: nothing at night, on a rest day only what is overdue."""
    if not SENT_FROM <= now.astimezone(SHANGHAI).time() < SENT_UNTIL:
        return frozenset()
    kinds = {NoticeKind.OVERDUE_REMINDER}
    if is_working_day:
        kinds |= {NoticeKind.REMINDER, NoticeKind.SUMMARY}
    return frozenset(kinds)


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
