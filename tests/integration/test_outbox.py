"""The outbox of notices on both databases: told once, lost never, whoever sends and whatever breaks off."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.notices import LEASE, MAX_ATTEMPTS, OPERATORS, Notice, NoticeKind, StoredNotice
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.ports.notices import Answer, Message
from fundpool.services.watch.outbox import Sending, make_up, send_waiting
from tests.integration.month_scene import at

NOW = at("2026-09-15 12:00")
LATE = Notice("overdue:1", NoticeKind.OVERDUE, "某县逾期", "a county is late", "催报 ask", city="taizhou")
STOP = Notice(
    "stop:taizhou:resident:1",
    NoticeKind.FUND_STOPPED,
    "停发",
    "stopped",
    "恢复 restart",
    subject="stop:taizhou:resident",
    city="taizhou",
)


class Recording:
    """A channel that keeps what it was given; ``failure`` is what it answers."""

    def __init__(self, name: str = "mail#1", failure: str | None = None) -> None:
        self.name, self.failure = name, failure
        self.messages: list[Message] = []

    def deliver(self, message: Message) -> Answer:
        self.messages.append(message)
        return Answer(self.failure is None, self.failure or "250 queued")

    @property
    def keys(self) -> list[list[str]]:
        return [[str(each["key"]) for each in message.notices] for message in self.messages]


def enter(
    transactions: SqlTransactions,
    *standing: Notice,
    now: datetime = NOW,
    cities: Sequence[str] = ("taizhou",),
) -> int:
    return make_up(transactions, standing, now, cities=cities, reached={OPERATORS})


def unsent(transactions: SqlTransactions) -> list[StoredNotice]:
    return transactions.read(lambda work: work.notices.unsent())


def test_an_event_is_told_once_by_every_channel(transactions: SqlTransactions) -> None:
    mail, chat = Recording(), Recording("wecombot#1")
    assert enter(transactions, LATE, STOP) == 2
    assert send_waiting(transactions, [mail, chat], NOW) == Sending(sent=2)
    for minutes in (5, 10):
        later = NOW + timedelta(minutes=minutes)
        assert enter(transactions, LATE, STOP, now=later) == 0
        assert send_waiting(transactions, [mail, chat], later) == Sending()
    assert mail.keys == chat.keys == [[STOP.key, LATE.key]]
    assert unsent(transactions) == []
    assert transactions.read(lambda work: verify_everything(work, [])).faults == []


def test_the_database_itself_refuses_an_event_a_second_time(transactions: SqlTransactions) -> None:
    enter(transactions, LATE)
    with pytest.raises(IntegrityError):
        transactions.transaction(lambda work: work.notices.add(LATE, NOW))


def test_the_end_of_what_holds_the_month_up_is_told_once_and_no_other_end(
    transactions: SqlTransactions,
) -> None:
    mail = Recording()
    enter(transactions, LATE, STOP)
    send_waiting(transactions, [mail], NOW)
    for minutes in (5, 10):
        enter(transactions, now=NOW + timedelta(minutes=minutes))
        send_waiting(transactions, [mail], NOW + timedelta(minutes=minutes))
    assert mail.keys[1:] == [[f"over:{STOP.key}"]]
    assert mail.messages[1].is_all_over
    assert transactions.read(lambda work: work.notices.standing()) == []


def test_nothing_is_over_in_a_city_that_was_not_looked_at(transactions: SqlTransactions) -> None:
    enter(transactions, STOP)
    assert enter(transactions, cities=("suizhou",)) == 0
    assert enter(transactions, cities=("taizhou",)) == 1


def test_what_ended_before_it_could_be_sent_is_told_with_its_end(transactions: SqlTransactions) -> None:
    mail = Recording()
    enter(transactions, STOP)
    enter(transactions)
    send_waiting(transactions, [mail], NOW)
    assert mail.keys == [[STOP.key, f"over:{STOP.key}"]]


def test_two_senders_at_once_send_once(transactions: SqlTransactions) -> None:
    """The second sender looks while the first one waits for the mail server."""
    at_the_server, may_go_on = threading.Event(), threading.Event()

    class Slow(Recording):
        def deliver(self, message: Message) -> Answer:
            at_the_server.set()
            assert may_go_on.wait(30)
            return super().deliver(message)

    slow, quick = Slow(), Recording()
    enter(transactions, LATE)
    first = threading.Thread(target=send_waiting, args=(transactions, [slow], NOW))
    first.start()
    assert at_the_server.wait(30)
    try:
        assert enter(transactions, LATE) == 0
        assert send_waiting(transactions, [quick], NOW) == Sending()
    finally:
        may_go_on.set()
        first.join()
    assert (slow.keys, quick.keys) == ([[LATE.key]], [])
    assert unsent(transactions) == []


class PulledPlug(BaseException):
    """The process ends here."""


class Crashing(Recording):
    def deliver(self, message: Message) -> Answer:
        super().deliver(message)
        raise PulledPlug


def test_a_crash_between_sending_and_marking_sends_once_more_and_loses_nothing(
    transactions: SqlTransactions,
) -> None:
    first, dying, later = Recording("mail#1"), Crashing("chat#1"), Recording("chat#1")
    enter(transactions, LATE)
    with pytest.raises(PulledPlug):
        send_waiting(transactions, [first, dying], NOW)
    before = NOW + LEASE - timedelta(seconds=1)
    assert send_waiting(transactions, [first, later], before) == Sending()
    assert send_waiting(transactions, [first, later], NOW + LEASE) == Sending(sent=1)
    # The channel that had taken it, and was noted to have, is left alone.
    assert (len(first.messages), len(dying.messages), len(later.messages)) == (1, 1, 1)
    assert unsent(transactions) == []


def test_a_channel_that_fails_is_tried_again_alone_with_growing_pauses_and_given_up(
    transactions: SqlTransactions,
) -> None:
    well, away = Recording("mail#1"), Recording("json#1", "HTTP 500")
    enter(transactions, LATE)
    now, tried = NOW, []
    for _ in range(MAX_ATTEMPTS):
        assert send_waiting(transactions, [well, away], now) == Sending(failed=1)
        tried.append(now)
        (waiting,) = unsent(transactions)
        assert (waiting.is_undelivered, waiting.failure) == (True, "json#1: HTTP 500")
        if waiting.next_at is not None:
            assert (
                send_waiting(transactions, [well, away], waiting.next_at - timedelta(seconds=1)) == Sending()
            )
            now = waiting.next_at
    pauses = [after - before for before, after in pairwise(tried)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]
    assert waiting.next_at is None, "given up"
    assert send_waiting(transactions, [well, away], now + timedelta(days=30)) == Sending()
    assert (len(well.messages), len(away.messages)) == (1, MAX_ATTEMPTS)
    # A person has mended it.
    away.failure = None
    assert transactions.transaction(lambda work: work.notices.try_again(now)) == 1
    assert send_waiting(transactions, [well, away], now) == Sending(sent=1)
    assert len(well.messages) == 1


def test_a_channel_that_is_taken_out_of_the_settings_holds_nothing_up(transactions: SqlTransactions) -> None:
    well, away = Recording("mail#1"), Recording("json#1", "HTTP 500")
    enter(transactions, LATE)
    send_waiting(transactions, [well, away], NOW)
    assert send_waiting(transactions, [], NOW + timedelta(minutes=5)) == Sending()
    assert len(unsent(transactions)) == 1
    assert send_waiting(transactions, [well], NOW + timedelta(minutes=5)) == Sending(sent=1)
    assert (len(well.messages), unsent(transactions)) == (1, [])


def test_three_hundred_late_counties_are_one_message_and_one_note_each(transactions: SqlTransactions) -> None:
    mail = Recording()
    late = [
        Notice(f"overdue:{n}", NoticeKind.OVERDUE, f"县{n}", f"county {n}", "催报", city=f"city{n % 33:03d}")
        for n in range(300)
    ]
    assert enter(transactions, *late) == 300
    assert send_waiting(transactions, [mail], NOW) == Sending(sent=300)
    assert [len(keys) for keys in mail.keys] == [300]
    assert enter(transactions, *late) == 0
