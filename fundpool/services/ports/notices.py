"""What the watch needs from the outside: the outbox, what was last done, the machine, and channels to people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from fundpool.domain.errors import FundpoolError
from fundpool.domain.notices import Call, Delivery, Notice, NoticeKind, Recipient, StoredNotice


class NoticeStore(Protocol):
    """The outbox of notices."""

    def add(self, notice: Notice, at: datetime) -> None:
        """Enter a notice that waits to be sent; its key is unique."""

    def known(self, keys: Collection[str]) -> set[str]:
        """Of these keys, those of notices that were ever entered."""

    def standing(self) -> list[StoredNotice]:
        """Notices whose subject has not ended, oldest first."""

    def end(self, ids: Collection[int], at: datetime) -> None:
        """The subjects of these notices have ended."""

    def unsent(self) -> list[StoredNotice]:
        """Notices that some channel has not taken yet, oldest first; those that were given up too.

        Not a notice to a unit or a supervisor whose subject has ended: it is not sent any more.
        """

    def claim(
        self,
        now: datetime,
        until: datetime,
        recipient: Recipient | None,
        *,
        kinds: Collection[NoticeKind] | None = None,
    ) -> list[StoredNotice]:
        """Take up what waits for a recipient at ``now``: nobody else does before ``until``. Counts the attempt.

        Only of these kinds; None: of every kind.
        """

    def taken(self, ids: Collection[int], delivery: Delivery) -> None:
        """A channel took these notices."""

    def finish(
        self, notice_id: int, *, sent_at: datetime | None, next_at: datetime | None, failure: str | None
    ) -> None:
        """How an attempt ended: sent, to be tried again at ``next_at``, or given up (both None)."""

    def try_again(self, now: datetime) -> int:
        """Let everything that failed be tried anew from ``now``; how many there were."""

    def since(self, moment: datetime, city: str) -> list[StoredNotice]:
        """Notices about a city that were entered since then, oldest first."""

    def add_call(self, call: Call) -> None:
        """Keep a telephone call; the database numbers it."""

    def calls(self, moment: datetime, city: str) -> list[Call]:
        """Calls about a city's duties since then, oldest first."""


class Act(StrEnum):
    """What is remembered as last done."""

    DAILY_TICK = "daily_tick"
    BACKUP = "backup"
    WORKER_SEEN = "worker_seen"
    """A worker gave a sign of life: kept here too, for when the Prefect server is away or set up anew."""


class LastDoneStore(Protocol):
    """When something was last done, of a city or (``""``) of the installation."""

    def record(self, act: Act, at: datetime, city: str = "") -> None: ...

    def of(self, act: Act) -> Mapping[str, datetime]:
        """By city."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The work pool: runs that are scheduled, those that should have begun by now, those under way, and workers."""

    scheduled: int
    late: int
    running: int
    workers_online: int
    last_heartbeat_at: datetime | None = None
    """The newest sign of life of any worker, online or not."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine says, beside our own tables; each error stands for what could not be read."""

    code_version: str
    tables_version: str | None
    tables_wanted: str
    free_bytes: int
    min_free_bytes: int
    """Below this the disk counts as nearly full."""
    queue: Queue | FundpoolError | None
    """None where no Prefect server is known."""
    database_error: FundpoolError | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """Notices as one message: a title, a text, and each notice by its fields."""

    title: str
    text: str
    notices: Sequence[Mapping[str, Any]]
    is_all_over: bool = False

    @property
    def idempotency_key(self) -> str:
        """The same for the same notices, however often they are sent: a service that knows it takes them once."""
        keys = sorted(str(notice["key"]) for notice in self.notices) or [self.title]
        return sha256("\n".join(keys).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel said to a message; ``text`` holds no secret."""

    is_taken: bool
    text: str


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """Tells the channels of an installation apart; no secret."""

    def deliver(self, message: Message) -> Answer:
        """Send a message; it raises nothing."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How a recipient is reached: who answers which telephone, and channels, which may be none."""

    person: str = ""
    telephone: str = ""
    channels: tuple[Channel, ...] = ()
