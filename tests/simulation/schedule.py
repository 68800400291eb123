"""One seed is one schedule: senders, reconcilers, people, a faulty bank, crashes, zombies, restores.

The product's own services run against the sandbox bank's own book, which is the oracle. Time is a
number that only the schedule moves. After a while the faults stop and everybody carries on until
nothing moves any more; then books and bank must agree (see ``violations``).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from fundpool.domain.errors import InputError, RuleViolation, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import (
    AttemptState,
    GatewayTerms,
    Hop,
    Obligation,
    ObligationState,
    final_days,
    latest_revisions,
)
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.sandbox_bank.faults import Call, Fault
from fundpool.services.books import booking
from fundpool.services.payments import kill_switches, payment_decisions, recovery, resolving
from fundpool.services.ports import failpoints
from fundpool.services.ports.gateway import DayStatement
from fundpool.services.ports.work import Work
from tests.scripted_bank import ScriptedGateway
from tests.simulation import oracle
from tests.simulation.bank import (
    BLIND_AT_MOST,
    PLAYABLE,
    PLAYABLE_BY_FILE,
    REACHED,
    CountedPlan,
    LenientBook,
    OddBook,
    account_no,
)
from tests.simulation.budget import Amounts, AnnualBudget
from tests.simulation.by_file import ByFile
from tests.simulation.oracle import is_at_rest
from tests.simulation.scene import (
    CHECKER,
    CITY,
    CITY_UNIT,
    COUNTIES,
    DIRECT,
    FUND,
    LOCAL,
    NEXT_MONTH,
    NOW,
    RELEASER,
    Scene,
)
from tests.simulation.writer import Writer

RESTORE_RATE = 0.25
SLEEPS_AT_MOST = 100
"""How often workers fall asleep in one seed: a recovery asks about dozens of keys, and each sleeper wakes up to others."""
QUIET_ROUNDS = 120
QUIET_ROUNDS_WITH_A_WRITER = 12
"""What somebody wrote may wait for people for ever; a week shows what moves."""

# A bank that forgets keys early, or whose statements lie, breaks the contract everything rests on:
# unit tests show what is done about it, the schedules leave it out.
_NOT_PLAYED = {"key_forgotten", "statement_two_lines", "slow"}
_STATEMENT_STILL_GROWS = {"statement_late", "statement_line_missing"}
_NEEDS_A_FENCE = {"reject_then_success"}
_SUBMIT, _QUERY, _CLOSE, _STATEMENT = Call.SUBMIT, Call.QUERY, Call.CLOSE, Call.STATEMENT
_PARTS = (
    (_SUBMIT, "success_then_part_returned"),
    (_SUBMIT, "returned_in_two_parts"),
    (_SUBMIT, "returned_with_a_fen_too_much"),
)
"""Not the whole comes back, or more than that."""
_WRONGS = tuple(
    (_SUBMIT, name)
    for name in (
        "debited_from_another_account",
        "paid_to_another_account",
        "paid_a_fen_too_much",
        "executed_again_in_the_past",
        "credited_without_a_payment",
    )
)
"""What only the statement shows, and no product can prevent."""
_STATUSES = (
    (_SUBMIT, "status_contradicted_before"),
    (_SUBMIT, "status_contradicted_after"),
    (_SUBMIT, "status_lost"),
)
"""By file: what the bank says of an order within one second contradicts itself, or is lost."""
_ONLY_WHERE_LED = {name for _, name in _WRONGS}
_SECONDS = {
    "arrives_later": (1, 600),
    "accepted_blindly": (30, int(BLIND_AT_MOST.total_seconds())),
    "processing": (60, 4 * 86_400),
    "reject_then_success": (60, 3 * 86_400),
    "success_then_returned": (60, 3 * 86_400),
    "success_then_part_returned": (60, 3 * 86_400),
    "returned_in_two_parts": (60, 3 * 86_400),
    "returned_with_a_fen_too_much": (60, 3 * 86_400),
}
"""Between how long and how long a fault lasts."""
_TELLING = {
    "silence_before",
    "silence_after",
    "500_before",
    "500_after",
    "reject",
    "not_found",
    "stale",
    "statement_late",
    "others_answer",
    "refused_at_the_counter",
    *_SECONDS,
}
"""Faults that differ in what happened inside the bank; the others only make an answer unreadable."""
_RESENT = ((_SUBMIT, "silence_after"), (_QUERY, "not_found"))
"""What resending rests on: executed, the answer lost, and the bank's desk does not find it."""
_HURRIED = ((_SUBMIT, "accepted_blindly"),)
"""The same key again before the bank notices that it has it."""
_OVERTAKEN = ((_SUBMIT, "refused_at_the_counter"), (_SUBMIT, "silence_after"))
"""An old refusal that comes back after the same key was executed."""
_LOST = (
    (_SUBMIT, "refused_at_the_counter"),
    (_SUBMIT, "processing"),
    (_SUBMIT, "arrives_later"),
)
"""Refused without a trace, the next one under way: what a restore must not forget."""
_BOUNCED = ((_SUBMIT, "success_then_returned"), (_SUBMIT, "reject"), (_SUBMIT, "reject_then_success"))
"""Sent back or refused, perhaps executed later all the same, so that people order it again."""
_WEAK_POINTS = [
    *[("", "")] * 4,
    *[(kind, name) for kind in ("crash", "pause") for name in ("before submit", "after submit")],
    *[("pause", name) for name in ("after statement", "before query", "after query", "after close")],
    ("crash", "before commit"),
]
"""Where the workers of a seed often die or fall asleep."""
_LONG_ENOUGH = NOW + timedelta(days=30)
"""Later than this nothing new can happen to the first keys; only the statements grow in number."""
_TERMS = GatewayTerms()
_BRINKS = [
    _TERMS.query_pause_first,
    _TERMS.lease,
    _TERMS.settle_window,
    _TERMS.held_after,
    _TERMS.resend_span,
    _TERMS.key_retention,
    _TERMS.key_retention + _TERMS.statement_final_after + timedelta(days=1),
]
"""How long after a send the rules change."""


def payees(seed: int) -> int:
    """How many counties the seed pays: most of what can go wrong needs only one."""
    return (1, 1, 2, 3)[seed // len(VARIANTS) % 4]


def hops(seed: int) -> tuple[Hop, ...]:
    """Which hops the seed pays: in one of eight also one from the city's other account."""
    return (DIRECT, LOCAL) if seed // len(VARIANTS) % 8 == 5 else (DIRECT,)


Opened = tuple[Any, Any]
"""Backups of the books before anything is ordered, and of those that every schedule begins with."""


def opened(books: Any, payees: int, hops: tuple[Hop, ...]) -> Opened:
    """The same scene on empty books, before its orders and with them released."""
    scene = Scene(books, counties=COUNTIES[:payees], hops=hops)
    before = books.snapshot()
    scene.release()
    return before, books.snapshot()


class Crash(BaseException):
    """The process is killed here."""


@dataclass(frozen=True)
class Variant:
    """What kind of bank the schedule plays against."""

    name: str
    can_close: bool = True
    honours_valid_until: bool = True
    alphabet: Mapping[str, Fault] = field(default_factory=lambda: PLAYABLE)


VARIANTS = (
    Variant("fence and validity"),
    Variant("fence, no validity", honours_valid_until=False),
    Variant("no fence", can_close=False),
    Variant("no fence, no validity", can_close=False, honours_valid_until=False),
)
BY_FILE = Variant("by file", can_close=False, alphabet=PLAYABLE_BY_FILE)
"""Played with ``by_file.ByFile``; slower, so not among the variants that take turns."""


@dataclass
class Result:
    """What a schedule came to."""

    seed: int
    variant: str
    violations: list[str]
    digest: tuple[object, ...]
    events: list[tuple[datetime, int, str]] = field(default_factory=list)

    @property
    def trace(self) -> list[str]:
        """What happened when, one line each; indented while another worker sleeps."""
        return [f"{at:%m-%d %H:%M} {'  ' * depth}{text}" for at, depth, text in self.events]


class Schedule:
    """One run of one seed."""

    def __init__(
        self,
        seed: int,
        books: Any,
        variant: Variant,
        opened: Opened,
        gateway: Callable[[BankBook, CountedPlan], Any] = ScriptedGateway,
        *,
        with_writer: bool = False,
    ) -> None:
        """``books``: the stores that it is played on, in memory or a database, which become ``opened``.

        ``with_writer``: somebody writes into the database behind the product's back.
        """
        self.random = Random(seed)
        self.variant = variant
        self.seed = seed
        self.events: list[tuple[datetime, int, str]] = []
        self.depth = self.sleeps = 0
        self.faults_on = False
        self.books = books
        self.before_the_order, released = opened
        books.restore(released)
        self.scene = Scene(
            books,
            terms=GatewayTerms(can_close=variant.can_close),
            counties=COUNTIES[: payees(seed)],
            book=OddBook if variant.honours_valid_until else LenientBook,
            gateway=gateway,
            prepared=True,
            hops=hops(seed),
        )
        for hop in self.scene.hops:
            self.scene.remember(self.scene.orders(hop=hop))
        left_out = _NOT_PLAYED if variant.can_close else _NOT_PLAYED | _NEEDS_A_FENCE
        left_out |= _ONLY_WHERE_LED
        self.theme = self.random.choice(
            [(), (), (), _RESENT, _HURRIED, _OVERTAKEN, _LOST, _BOUNCED, _PARTS, _WRONGS]
        )
        if variant is BY_FILE:
            self.theme = self.random.choice([(), (), _BOUNCED, _PARTS, _WRONGS, _STATUSES])
        if self.theme == _WRONGS:
            self.theme = (self.random.choice(_WRONGS),)
        self.theme = tuple(
            (call, name)
            for call, name in self.theme
            if name in variant.alphabet and name not in left_out - _ONLY_WHERE_LED
        )
        self.palette = [
            *self.theme,
            *_palette(self.random, left_out, variant.alphabet)[: 2 if self.theme else None],
        ]
        self.budget = AnnualBudget(self.scene, trusts_books=not with_writer)
        self.writer = Writer(books, self.random) if with_writer else None
        self.delivered: list[dict[str, Any]] = []
        self.withdrawn: set[str] = set()
        self.ordered_again: set[str] = set()
        """What people remember over a restore, and do again."""
        self.fetch = self.scene.gateway.statement
        self.scene.gateway.statement = self._fetch_statement
        self._choose_temper()
        self.workers = 0

    def _choose_temper(self) -> None:
        """Each seed weighs the actions differently: one rarely fetches statements, another often skips days."""
        self.actors = [
            ("send", self._send),
            ("advance", self._advance),
            ("resolve", self.scene.resolve),
            ("callbacks", self._callbacks),
            ("statements", self._statements),
            ("reread", self._reread),
            ("people", self._people),
            ("somebody", self._somebody),
            ("office", self._office),
        ]
        self.weights = [self.random.choice([0, 1, 3, 6]) for _ in self.actors]
        self.actors += [("hour", self._hour), ("fortnight", self._fortnight)]
        self.weights += [self.random.choice([0, 0, 1, 3]), self.random.choice([0, 0, 0, 1])]
        self.weights[-2] = self.random.choice([0, 0, 1])
        self.weights[0] = max(self.weights[0], 2)
        self.weights[1] = max(self.weights[1], 2)
        self.fault_rate = self.random.choice([0.1, 0.4, 0.7])
        self.pause_rate = self.random.choice([0, 0.05, 0.2])
        self.crash_rate = self.random.choice([0, 0.01, 0.04])
        self.weak_point = self.random.choice(_WEAK_POINTS)
        self.jump_rate = self.random.choice([0.05, 0.3, 0.6])
        self.brink_rate = self.random.choice([0, 0.3, 0.7])
        self.pace_minutes = self.random.choice([(1,), (1, 15), (1, 15, 120), (15, 120)])
        self.sleep_steps = self.random.choice([2, 2, 4, 10])
        self.steps = self.random.choice([8, 16, 24])
        self.orders_again = self.random.random() < 0.7
        self.is_bouncing = bool(self.theme) and self.theme[0] == _BOUNCED[0]
        if self.theme and self.theme[0] in (*_PARTS, *_WRONGS):
            self.fault_rate = max(self.fault_rate, 0.4)
        if self.theme == _HURRIED:
            self.pace_minutes = (1, 15)
        elif self.theme == _LOST:
            self.fault_rate = 0.4
            self.jump_rate = 0.05
            self.pace_minutes = (1, 15)
        elif self.theme == _OVERTAKEN:
            self.weak_point = ("pause", "after submit")
            self.weights[-3:-1] = [3, 3]
        elif self.is_bouncing:
            self.orders_again = True
            self.jump_rate = 0.3
            for name in ("statements", "people", "somebody"):
                self.weights[[actor for actor, _ in self.actors].index(name)] = 6
        self.month_rate = self.random.choice([0, 0, 0.3])
        self.budget_rate = self.random.choice([0, 0, 0.2, 0.5])
        self._plan_restores()

    def _plan_restores(self) -> None:
        """When which backup is made and put back; half of them while some worker sleeps, if one does."""
        self.backups: list[tuple[Any, Amounts]] = [(self.before_the_order, {})]
        self.backup_at: set[int] = set()
        self.restore_at: list[int] = []
        often = 1.0 if self.theme == _LOST else 0.5 if self.is_bouncing else RESTORE_RATE
        if self.random.random() < often:
            times = self.random.choice([1, 1, 1, 2])
            self.restore_at = sorted(self.random.randrange(2, self.steps) for _ in range(times))
            self.backup_at = {self.random.randrange(each) for each in self.restore_at}
        self.restores_while_asleep = self.random.random() < 0.5

    # ------------------------------------------------------------------ running

    def run(self) -> Result:
        """Play the schedule out; the result says which promises were broken."""
        failpoints.install(self._hook)
        try:
            if self.budget_rate:
                self.budget.keep()
            self.faults_on = True
            self.backups.append(self._backup())
            for number in range(self.steps):
                if number in self.backup_at:
                    self.backups.append(self._backup())
                self.number = number
                if not self.restores_while_asleep or number + 1 == self.steps:
                    self._restore_when_due()
                self._step()
            self._calm_down()
        finally:
            failpoints.install(None)
        return Result(self.seed, self.variant.name, self.violations(), self._digest(), self.events)

    def _hook(self, name: str) -> None:
        if not self.faults_on:
            return
        REACHED[f"failpoint: {name}"] += 1
        kind, weak_point = self.weak_point
        if self.random.random() < (0.3 if kind == "crash" and name == weak_point else self.crash_rate):
            REACHED[f"crash: {name}"] += 1
            raise Crash(name)
        if name == "after commit":
            self._tamper(0.02)
        if "commit" in name or self.depth == 2 or self.sleeps == SLEEPS_AT_MOST:
            return
        if self.random.random() < (0.4 if kind == "pause" and name == weak_point else self.pause_rate):
            # This worker stands still while the world goes on: a zombie when it wakes up.
            REACHED[f"pause: {name}"] += 1
            self._log(f"pause at {name}")
            self.sleeps += 1
            self.depth += 1
            for _ in range(self.random.randint(1, self.sleep_steps)):
                self._restore_when_due()
                self._step()
            self.depth -= 1
            self._log("wakes up")

    def _step(self) -> None:
        if self.random.random() < self.fault_rate:
            self._add_fault()
        self._surroundings()
        if self.is_recovering and self.random.random() < 0.5:
            self._guarded("recover", self._recover)
            return
        name, act = self.random.choices(self.actors, weights=self.weights)[0]
        self._guarded(name, act)

    def _surroundings(self) -> None:
        """What happens beside the payments: another month begins, the budget moves, somebody tampers."""
        if self.random.random() < self.month_rate and len(self.scene.months) == 1:
            self._guarded("next month", partial(self.scene.release, month=NEXT_MONTH))
        if self.random.random() < self.budget_rate:
            self._guarded("budget", partial(self.budget.move, self.random))
        if self.writer is not None and self.random.random() < 0.2:
            self.writer.copy()
        self._tamper(0.3)

    def _tamper(self, rate: float) -> None:
        if self.writer is not None and self.random.random() < rate:
            self._log(f"somebody writes: {self.writer.write()}")

    def _guarded(self, name: str, act: Callable[[], None]) -> None:
        self._log(name)
        try:
            act()
        except Crash as crash:
            self._log(f"crash at {crash}")
        except (ServiceUnavailable, RuleViolation, InputError) as error:
            REACHED[f"refusal: {error.code}"] += 1
            self._log(f"{error.code}")
        except Exception as error:
            if self.writer is None or not self.writer.has_written:
                raise
            self._log(f"{type(error).__name__}: {error}")  # rows that no product can have written

    def _log(self, text: str) -> None:
        self.events.append((self.scene.clock.now, self.depth, text))

    def _add_fault(self) -> None:
        if not self.palette:
            return
        call, name = self.random.choice(self.palette)
        seconds = self.random.randrange(*_SECONDS[name]) if name in _SECONDS else None
        self.scene.plan.add(name, call=call, seconds=seconds)
        self._log(f"fault {name} on {call}")

    # ------------------------------------------------------------------ actors

    def _send(self) -> None:
        self.workers += 1
        self.scene.send(worker=f"w{self.workers}")

    def _office(self) -> None:
        """What a diligent office does one after the other, before anything else happens."""
        for act in (self.scene.resolve, self._people, self._send):
            self._guarded(act.__name__, act)

    def _hour(self) -> None:
        """An hour in which everybody is at work."""
        for _ in range(4):
            self.scene.clock.advance(minutes=15)
            self._guarded("resolve", self.scene.resolve)
        self._guarded("people", self._people)
        self._guarded("send", self._send)

    def _fortnight(self) -> None:
        """Long enough for every key to be forgotten and every statement to be final."""
        if self.scene.clock.now < _LONG_ENOUGH:
            self.scene.clock.advance(days=10)
        self._hour()
        for name, act in (("statements", self._statements), ("people", self._people)):
            self._guarded(name, act)
        self._office()

    def _advance(self) -> None:
        if self.random.random() < self.brink_rate and self._to_the_brink():
            return
        if self.random.random() < self.jump_rate and self.scene.clock.now < _LONG_ENOUGH:
            self.scene.clock.now += timedelta(days=self.random.uniform(0.5, 6.3))
        else:
            self.scene.clock.now += timedelta(
                minutes=self.random.choice(self.pace_minutes) * self.random.random()
            )

    def _to_the_brink(self) -> bool:
        """To just before or after a moment from which on an order is judged differently."""
        known = self.scene.ports.database.read(lambda work: work.attempts.in_states(AttemptState))
        sent = [at for each in known for at in (each.first_sent_at, each.last_sent_at) if at is not None]
        if not sent:
            return False
        brink = self.random.choice(sent).astimezone(SHANGHAI) + self.random.choice(_BRINKS)
        brink += timedelta(seconds=self.random.choice([-1, 1]) * self.random.randrange(1, 300))
        if brink <= self.scene.clock.now:
            return False
        REACHED["advance: to the brink of a rule"] += 1
        self.scene.clock.now = brink
        return True

    def _callbacks(self) -> None:
        self.delivered += self.scene.book.outbox
        self.scene.book.outbox.clear()
        for _ in range(min(len(self.delivered), self.random.randrange(1, 4))):
            event = self.random.choice(self.delivered)
            if self.random.random() < 0.2:
                # Old, about an earlier life of the key, or forged by somebody who has the secret.
                state = self.random.choice(["succeeded", "rejected", "processing", "returned"])
                event = event | {"event_id": f"lie-{self.random.random()}", "state": state}
            self._deliver(event)

    def _deliver(self, event: dict[str, Any]) -> None:
        resolving.receive_callback(
            self.scene.ports,
            gateway="main",
            event_id=event["event_id"],
            key=event["key"],
            raw=str(event["state"]).encode(),
            now=self.scene.clock(),
            clock=self.scene.clock,
        )

    def _statements(self) -> None:
        final = self._final_days()
        for day in self._days():
            if day not in final:
                self._import(day)

    def _final_days(self, *accounts: str) -> frozenset[date]:
        """Days whose statement was read when it could no longer grow: of these accounts, else of every paying one."""
        numbers = accounts or [account_no(hop.from_type, CITY_UNIT) for hop in self.scene.hops]
        imports = self.scene.ports.database.read(
            lambda work: [work.statements.imports(each) for each in numbers]
        )
        return frozenset.intersection(*(final_days(each, self.scene.ports.gateway_terms) for each in imports))

    def _reread(self) -> None:
        """Once more what was final; the bank may have added a line, and may now forget one."""
        final = sorted(self._final_days())
        if not final:
            return
        if self.faults_on and self.random.random() < 0.2:
            self.scene.plan.add("statement_line_missing", call=_STATEMENT)
            self._log("a line is gone")
        self._import(self.random.choice(final))

    def _reread_all(self) -> None:
        for day in sorted(self._final_days()):
            self._import(day)

    def _days(self) -> list[date]:
        today = self.scene.clock().astimezone(SHANGHAI).date()
        return [NOW.date() + timedelta(days=number) for number in range((today - NOW.date()).days + 1)]

    def _import(self, day: date) -> None:
        resolving.import_statements(
            self.scene.ports, CITY, day, now=self.scene.clock(), clock=self.scene.clock
        )

    def _fetch_statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        # What the bank leaves out of a day that the books in force have not read, or will read anew
        # after a restore, nobody can know of.
        if self.restore_at or day not in self._final_days(account):
            self._statement_is_final(day)
        return self.fetch(account, day, now=now)

    def _statement_is_final(self, day: date) -> None:
        """A bank's statement may be late or grow for a day; one that lies for ever proves nothing."""
        if (self.scene.clock().astimezone(SHANGHAI).date() - day).days <= 1:
            return
        switches = self.scene.plan.switches
        switches[:] = [each for each in switches if each.name not in _STATEMENT_STILL_GROWS]

    def _people(self) -> None:
        found = self.scene.ports.database.read(lambda work: work.payments.obligations(city=CITY))
        if self.budget_rate and not self.budget.now:
            self.budget.make_ample()
        for month in list(self.scene.months):
            if not any(each.month == month for each in found):
                REACHED["people: ordered anew"] += 1
                self._guarded(f"order {month}", partial(self.scene.release, month=month))
        for each in latest_revisions(found):
            is_wanted = self.orders_again or each.payment_key in self.ordered_again
            if each.state is ObligationState.RETURNED and is_wanted:
                self._order_again(each)
            elif each.state is ObligationState.FAILED and self.is_bouncing and self.random.random() < 0.5:
                self._order_to_another_account(each)
            elif each.state is ObligationState.FAILED:
                for person in (CHECKER, RELEASER):
                    self._person(lambda work, o=each, p=person: self._retry(work, o.id, p))
            elif each.state is ObligationState.HELD:
                self._person(
                    lambda work, o=each: payment_decisions.look_again(
                        work, o.id, by=CHECKER, reason="查过", now=self.scene.clock()
                    )
                )
        self._confirm_absences()
        self._restart()

    def _somebody(self) -> None:
        """A person who holds, looks again at or withdraws one of the payments."""
        found = self.scene.ports.database.read(lambda work: work.payments.obligations(city=CITY))
        if not found:
            return
        each = self.random.choice(found)
        name = self.random.choice(
            ["hold_obligation", "hold_obligation", "look_again", "cancel", "accept_execution", "order_again"]
        )
        REACHED[f"somebody: {name}"] += 1
        if name == "order_again":
            self._order_again(each)
            return
        act = getattr(payment_decisions, name)
        now = self.scene.clock()
        self._person(lambda work: act(work, each.id, by=CHECKER, reason="查", now=now))
        if self.scene.ports.database.read(lambda work: work.payments.obligation(each.id)).state is (
            ObligationState.CANCELLED
        ):
            self.withdrawn.add(each.key)

    def _order_again(self, returned: Obligation) -> None:
        """Order once more what came back or was withdrawn, and let it out at once."""

        def act(work: Work) -> None:
            again = self.scene.order_again(work, returned.id)
            self.ordered_again.add(returned.payment_key)
            REACHED[f"ordered again: revision {again.revision} after {returned.state}"] += 1

        self._person(act)

    def _order_to_another_account(self, refused: Obligation) -> None:
        """Withdraw what was refused for its account, and order it again."""
        now = self.scene.clock()
        self._person(
            lambda work: payment_decisions.cancel(work, refused.id, by=CHECKER, reason="换户", now=now)
        )
        self._order_again(refused)

    def _retry(self, work: Work, obligation_id: int, person: str) -> None:
        if work.payments.obligation(obligation_id).state is ObligationState.FAILED:
            payment_decisions.approve_retry(
                work, obligation_id, by=person, reason="重付", now=self.scene.clock()
            )

    def _confirm_absences(self) -> None:
        ends = [AttemptState.CLOSING, AttemptState.REJECTED, AttemptState.CLOSED]
        for each in self.scene.ports.database.read(lambda work: work.attempts.in_states(ends)):
            if each.fenced_at is not None:
                continue
            for person in (CHECKER, RELEASER):
                self._person(
                    lambda work, a=each, p=person: resolving.confirm_absence(
                        work, a.id, by=p, now=self.scene.clock(), terms=self.scene.ports.gateway_terms
                    )
                )

    def _restart(self) -> None:
        if isinstance(self.scene.ports.gateway, ByFile) and not self.faults_on:
            self.scene.ports.gateway.withdraw_contradicted()
        for each in self.scene.ports.database.read(lambda work: work.breaks.find(CITY)):
            self._person(
                lambda work, b=each: resolving.resolve_break(
                    work, b.id, by=CHECKER, resolution="查清", now=self.scene.clock()
                )
            )
        if self.scene.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND)):
            now = self.scene.clock()
            for person in (CHECKER, RELEASER) if self.is_recovering else ():
                self._person(lambda work, by=person: self._confirm_recovery(work, by))
            self._person(lambda work: kill_switches.request_restart(work, CITY, FUND, by=CHECKER, now=now))
            self._person(lambda work: kill_switches.confirm_restart(work, CITY, FUND, by=RELEASER, now=now))

    def _confirm_recovery(self, work: Work, person: str) -> None:
        recovery.confirm_by_statements(
            work,
            CITY,
            FUND,
            by=person,
            reason="银行来函",
            now=self.scene.clock(),
            terms=self.scene.ports.gateway_terms,
        )
        REACHED["recovery: confirmed by a person"] += 1

    def _person(self, act: Callable[[Work], object]) -> None:
        try:
            self.scene.ports.database.transaction(act)
        except (RuleViolation, InputError) as error:
            REACHED[f"refusal: {error.code}"] += 1

    # ------------------------------------------------------------------ restores

    @property
    def is_led_to_statements(self) -> bool:
        """Whether the bank does what shows days later, and perhaps on a statement that was final."""
        return not {*_PARTS, *_WRONGS}.isdisjoint(self.palette)

    @property
    def is_recovering(self) -> bool:
        """Whether books were put back and the bank has not answered for all of them yet."""
        found = self.scene.ports.database.read(lambda work: work.switches.recovery(CITY, FUND))
        return found is not None and found.finished_at is None

    def _restore_when_due(self) -> None:
        if self.faults_on and self.restore_at and self.number >= self.restore_at[0]:
            self.restore_at.pop(0)
            self._guarded("restore", partial(self._restore_from, self.random.choice(self.backups)))

    def _backup(self) -> tuple[Any, Amounts]:
        return self.books.snapshot(), self.budget.now

    def _restore_from(self, backup: tuple[Any, Amounts]) -> None:
        """An old copy is put back; who does it lets nobody work before the quarantine is committed."""
        REACHED[f"restore: {self.depth} asleep"] += 1
        state, amounts = backup
        self.books.restore(state)
        self.budget.put_back(amounts)
        self._find_what_was_accepted()
        terms = self.scene.ports.gateway_terms
        is_open = False
        while not is_open:
            with suppress(Crash):
                self.scene.ports.database.transaction(
                    lambda work: recovery.quarantine(work, now=self.scene.clock(), terms=terms)
                )
                is_open = True
        self.withdrawn = {
            each.key
            for each in self.scene.ports.database.read(lambda work: work.payments.obligations(city=CITY))
            if each.state is ObligationState.CANCELLED
        }
        self.scene.clock.advance(minutes=self.random.choice([0, 2, 12, 12, 60]))

    def _find_what_was_accepted(self) -> None:
        """From the first restore on "not found" rests on the bank's word that its settle window is the longest.

        Before, the same key would be sent again, and a desk that overlooks an order for days does no harm.
        """
        switches = self.scene.plan.switches
        switches[:] = [each for each in switches if each.name != "not_found"]
        self.palette = [each for each in self.palette if each != (_QUERY, "not_found")]

    def _recover(self) -> None:
        """Ask the bank about everything, as often as it takes; faults, crashes and sleep befall this too."""
        if self.is_recovering:
            REACHED["recovery: run"] += 1
            recovery.recover(self.scene.ports, None, self.scene.clock(), clock=self.scene.clock)
            REACHED["recovery: answered in full"] += 1

    def _calm_down(self) -> None:
        self.faults_on = False
        self.scene.plan.clear()
        if self.budget_rate:
            self.budget.make_ample()
        for number in range(QUIET_ROUNDS_WITH_A_WRITER if self._is_tampered else QUIET_ROUNDS):
            before = self._digest()
            # Keys fenced before a restore each take their resend window to be found out.
            self.scene.clock.advance(hours=13 if number < 12 else 61)
            for act in (
                self.scene.resolve,
                self._statements,
                # By file every possible key is searched for in all files.
                *([self._recover] if self.variant is not BY_FILE or number % 4 == 3 else []),
                self._people,
                self._send,
                self._callbacks,
                *([self._reread_all] if self.is_led_to_statements and number < 12 else []),
            ):
                self._guarded(act.__name__, act)
            is_over = number >= 10 or not self.is_led_to_statements
            if (
                is_over
                and self._is_all_delivered()
                and self._digest() == before
                and self.scene.ports.database.read(is_at_rest)
            ):
                break

    def _is_all_delivered(self) -> bool:
        """Whether the bank has written the statement of every day on which it moved money; by file nothing else tells."""
        if self.variant is not BY_FILE or not self.scene.book.lines:
            return True
        last = max(each.executed_at for each in self.scene.book.lines)
        return (self.scene.clock() - last).days > 2

    # ------------------------------------------------------------------ judging

    def _digest(self) -> tuple[object, ...]:
        held = self.scene.ports.database.read(lambda work: booking.balances(work, CITY, FUND))
        return (
            tuple(self.scene.states()),
            tuple((str(each.ref), each.posted_fen, each.reserved_fen) for each in held),
        )

    def violations(self) -> list[str]:
        """Every promise that the end state breaks, in words."""
        return oracle.violations(self.scene, self.withdrawn, self.writer)

    @property
    def _is_tampered(self) -> bool:
        """Whether somebody has changed a row behind the product."""
        return self.writer is not None and self.writer.has_written


def _palette(random: Random, left_out: set[str], alphabet: Mapping[str, Fault]) -> list[tuple[Call, str]]:
    """The faults of one seed: a handful played again and again, or all of them."""
    each_call = [
        [
            (call, name)
            for name, fault in alphabet.items()
            if call in fault.calls and name not in left_out
            for _ in range(5 if name in _TELLING else 1)
        ]
        for call in (_SUBMIT, _SUBMIT, _SUBMIT, _QUERY, _QUERY, _CLOSE, _STATEMENT)
    ]
    each_call = [each for each in each_call if each]
    return [random.choice(random.choice(each_call)) for _ in range(random.choice([1, 2, 3, 5, 40]))]
