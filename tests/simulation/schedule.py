"""One seed is one schedule: senders, reconcilers, people, a faulty bank, crashes, zombies, restores.

The product's own services run against the sandbox bank's own book, which is the oracle. Time is a
number that only the schedule moves. After a while the faults stop and everybody carries on until
nothing moves any more; then books and bank must agree (see ``violations``).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import accumulate
from random import Random
from typing import Any

from fundpool.adapters.gateways.faults import Call
from fundpool.adapters.gateways.scripted import ScriptedGateway
from fundpool.domain.audit import verify_chain
from fundpool.domain.errors import InputError, RuleViolation, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import (
    MAY_BE_ORDERED_AGAIN,
    OPEN_QUESTIONS,
    AttemptState,
    GatewayTerms,
    Obligation,
    ObligationState,
    attempt_key,
    latest_revisions,
)
from fundpool.services import (
    books,
    failpoints,
    kill_switches,
    orders,
    payment_decisions,
    recovery,
    resolving,
)
from fundpool.services.ledger_checks import verify
from fundpool.services.ports import DayStatement, Transactions, Work
from tests.simulation.bank import BLIND_AT_MOST, PLAYABLE, REACHED, LenientBook, OddBook
from tests.simulation.scene import (
    CHECKER,
    CITY,
    COUNTIES,
    FISCAL,
    FUND,
    NOW,
    RELEASER,
    Scene,
    account_no,
)

RESTORE_RATE = 0.25
SLEEPS_AT_MOST = 100
"""How often workers fall asleep in one seed: a recovery asks about dozens of keys, and each sleeper wakes up to others."""
QUIET_ROUNDS = 120

# A bank that forgets keys early, or whose statements lie, breaks the contract everything rests on:
# unit tests show what is done about it, the schedules leave it out.
_NOT_PLAYED = {"key_forgotten", "statement_two_lines", "slow"}
_STATEMENT_STILL_GROWS = {"statement_late", "statement_line_missing"}
_NEEDS_A_FENCE = {"reject_then_success"}
_SUBMIT, _QUERY, _CLOSE, _STATEMENT = Call.SUBMIT, Call.QUERY, Call.CLOSE, Call.STATEMENT
_SECONDS = {
    "arrives_later": (1, 600),
    "accepted_blindly": (30, int(BLIND_AT_MOST.total_seconds())),
    "processing": (60, 4 * 86_400),
    "reject_then_success": (60, 3 * 86_400),
    "success_then_returned": (60, 3 * 86_400),
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


def opened_books(transactions: Transactions, payees: int) -> Scene:
    """The books as they are before anything is ordered; ``release`` makes those every schedule begins with."""
    return Scene(transactions, counties=COUNTIES[:payees])


class Crash(BaseException):
    """The process is killed here."""


@dataclass(frozen=True)
class Variant:
    """What kind of bank the schedule plays against."""

    name: str
    can_close: bool = True
    honours_valid_until: bool = True


VARIANTS = (
    Variant("fence and validity"),
    Variant("fence, no validity", honours_valid_until=False),
    Variant("no fence", can_close=False),
    Variant("no fence, no validity", can_close=False, honours_valid_until=False),
)


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
        transactions: Any,
        variant: Variant,
        snapshot: Any,
        restore: Any,
        before_the_order: Any,
        gateway: type[ScriptedGateway] = ScriptedGateway,
    ) -> None:
        """``transactions`` hold the books of ``opened_books``, released; ``before_the_order`` is a backup.

        Only the real stores chain their audit trail: it is verified where ``gateway`` is the real one.
        """
        self.random = Random(seed)
        self.variant = variant
        self.seed = seed
        self.events: list[tuple[datetime, int, str]] = []
        self.depth = self.sleeps = 0
        self.faults_on = False
        self._snapshot, self._restore = snapshot, restore
        self.before_the_order = before_the_order
        self.scene = Scene(
            transactions,
            terms=GatewayTerms(can_close=variant.can_close),
            counties=COUNTIES[: payees(seed)],
            book=OddBook if variant.honours_valid_until else LenientBook,
            gateway=gateway,
            prepared=True,
        )
        left_out = _NOT_PLAYED if variant.can_close else _NOT_PLAYED | _NEEDS_A_FENCE
        self.theme = self.random.choice([(), (), (), _RESENT, _HURRIED, _OVERTAKEN, _LOST, _BOUNCED])
        self.theme = tuple(each for each in self.theme if each[1] not in left_out)
        self.palette = [*self.theme, *_palette(self.random, left_out)[: 2 if self.theme else None]]
        self.delivered: list[dict[str, Any]] = []
        self.withdrawn: set[str] = set()
        self.ordered_again: set[str] = set()
        """What people remember over a restore, and do again."""
        self.fetch = self.scene.gateway.statement
        self.scene.gateway.statement = self._fetch_statement  # type: ignore[method-assign]
        self._choose_temper()
        self.workers = 0

    def _choose_temper(self) -> None:
        """Each seed leans its own way: one forgets the statements, another jumps through the days."""
        self.actors = [
            ("send", self._send),
            ("advance", self._advance),
            ("resolve", self.scene.resolve),
            ("callbacks", self._callbacks),
            ("statements", self._statements),
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
        self._plan_restores()

    def _plan_restores(self) -> None:
        """When which backup is made and put back; half of them while some worker sleeps, if one does."""
        self.backups: list[Any] = [self.before_the_order]
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
            self.faults_on = True
            self.backups.append(self._snapshot())
            for number in range(self.steps):
                if number in self.backup_at:
                    self.backups.append(self._snapshot())
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
        if self.is_recovering and self.random.random() < 0.5:
            self._guarded("recover", self._recover)
            return
        name, act = self.random.choices(self.actors, weights=self.weights)[0]
        self._guarded(name, act)

    def _guarded(self, name: str, act: Callable[[], None]) -> None:
        self._log(name)
        try:
            act()
        except Crash as crash:
            self._log(f"crash at {crash}")
        except (ServiceUnavailable, RuleViolation, InputError) as error:
            REACHED[f"refusal: {error.code}"] += 1
            self._log(f"{error.code}")

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
        known = self.scene.ports.database.read(lambda work: work.transfers.attempts_in(AttemptState))
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
        day, today = NOW.date(), self.scene.clock().astimezone(SHANGHAI).date()
        imported = resolving.final_days(
            self.scene.ports.database.read(
                lambda work: work.transfers.statement_imports(account_no("fiscal_account", "331000"))
            ),
            self.scene.ports.gateway_terms,
        )
        while day <= today:
            if day not in imported:
                resolving.import_statements(
                    self.scene.ports, CITY, day, self.scene.clock(), clock=self.scene.clock
                )
            day += timedelta(days=1)

    def _fetch_statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        self._statement_is_final(day)
        return self.fetch(account, day, now=now)

    def _statement_is_final(self, day: date) -> None:
        """A bank's statement may be late or grow for a day; one that lies for ever proves nothing."""
        if (self.scene.clock().astimezone(SHANGHAI).date() - day).days <= 1:
            return
        switches = self.scene.plan.switches
        switches[:] = [each for each in switches if each.name not in _STATEMENT_STILL_GROWS]

    def _people(self) -> None:
        found = self.scene.ports.database.read(lambda work: work.transfers.obligations(city=CITY))
        if not found:
            REACHED["people: ordered anew"] += 1
            self.scene.release()
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
        found = self.scene.ports.database.read(lambda work: work.transfers.obligations(city=CITY))
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
        if self.scene.ports.database.read(lambda work: work.transfers.obligation(each.id)).state is (
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
        if work.transfers.obligation(obligation_id).state is ObligationState.FAILED:
            payment_decisions.approve_retry(
                work, obligation_id, by=person, reason="重付", now=self.scene.clock()
            )

    def _confirm_absences(self) -> None:
        ends = [AttemptState.CLOSING, AttemptState.REJECTED, AttemptState.CLOSED]
        for each in self.scene.ports.database.read(lambda work: work.transfers.attempts_in(ends)):
            if each.fenced_at is not None:
                continue
            for person in (CHECKER, RELEASER):
                self._person(
                    lambda work, a=each, p=person: resolving.confirm_absence(
                        work, a.id, by=p, now=self.scene.clock(), terms=self.scene.ports.gateway_terms
                    )
                )

    def _restart(self) -> None:
        for each in self.scene.ports.database.read(lambda work: work.transfers.breaks(CITY)):
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
    def is_recovering(self) -> bool:
        """Whether books were put back and the bank has not answered for all of them yet."""
        found = self.scene.ports.database.read(lambda work: work.transfers.recovery(CITY, FUND))
        return found is not None and found.finished_at is None

    def _restore_when_due(self) -> None:
        if self.faults_on and self.restore_at and self.number >= self.restore_at[0]:
            self.restore_at.pop(0)
            self._guarded("restore", partial(self._restore_from, self.random.choice(self.backups)))

    def _restore_from(self, backup: Any) -> None:
        """An old copy is put back; who does it lets nobody work before the quarantine is committed."""
        REACHED[f"restore: {self.depth} asleep"] += 1
        self._restore(backup)
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
            for each in self.scene.ports.database.read(lambda work: work.transfers.obligations(city=CITY))
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
        for number in range(QUIET_ROUNDS):
            before = self._digest()
            # Keys fenced before a restore each take their resend window to be found out.
            self.scene.clock.advance(hours=13 if number < 12 else 61)
            for act in (
                self.scene.resolve,
                self._statements,
                self._recover,
                self._people,
                self._send,
                self._callbacks,
            ):
                self._guarded(act.__name__, act)
            if self._digest() == before and self.scene.ports.database.read(is_at_rest):
                break

    # ------------------------------------------------------------------ judging

    def _digest(self) -> tuple[object, ...]:
        held = self.scene.ports.database.read(lambda work: books.balances(work, CITY, FUND))
        return (
            tuple(self.scene.states()),
            tuple((str(each.ref), each.posted_fen, each.reserved_fen) for each in held),
        )

    def violations(self) -> list[str]:
        """Every promise that the end state breaks, in words."""
        return self.scene.ports.database.read(self._judge)

    def _judge(self, work: Work) -> list[str]:
        found: list[str] = []
        executions = Counter(each.key for each in self.scene.book.executions)
        gone_or_back = [AttemptState.ANOMALY, AttemptState.RETURNED]
        anomalies = {each.key for each in work.transfers.attempts_in(gone_or_back)}
        breaks = work.transfers.breaks(only_open=False)
        REACHED.update(f"break: {each.kind}" for each in breaks)
        broken = {each.reference for each in breaks}
        for latest in latest_revisions(work.transfers.obligations(city=CITY)):
            keys = _keys(latest.payment_key)
            for key in keys:
                executions.pop(key, None)
            is_seen = any(key in anomalies and key in broken for key in keys)
            found += self._judge_payment(work, latest, keys, is_seen=is_seen)
            for each in work.transfers.revisions(latest):
                is_told = each.state is ObligationState.CANCELLED or any(key in broken for key in keys)
                if each.key in self.withdrawn and not is_told:
                    found.append(f"W1 withdrawn, yet {each.state}: {each.key}")
        if executions:
            found.append(f"I1 executed what was never ordered: {dict(executions)}")
        if any(each.finished_at is None for each in work.transfers.recoveries()):
            found.append("L2 the recovery was never finished")
        fiscal = books.balance(work, FISCAL)
        at_bank = self.scene.book.accounts[account_no("fiscal_account", "331000")].balance_fen
        if fiscal.posted_fen != at_bank:
            found.append(f"I2 books say {fiscal.posted_fen}, the bank {at_bank}")
        if fiscal.reserved_fen:
            found.append(f"I5 {fiscal.reserved_fen} still reserved")
        found += [f"I5 {fault.kind} {fault.subject}" for fault in verify(work)]
        if type(self.scene.gateway) is ScriptedGateway:
            found += [f"I25 {fault.kind} {fault.subject}" for fault in verify_chain(work.audit.records(), {})]
        return found

    def _judge_payment(
        self, work: Work, latest: Obligation, keys: tuple[str, ...], *, is_seen: bool
    ) -> Iterator[str]:
        """What is wrong with one payment, over its revisions; ``is_seen``: an anomaly among them."""
        revisions = work.transfers.revisions(latest)
        known = orders.tried(work, latest)
        REACHED[f"end: {latest.state}"] += 1
        REACHED[f"end: after {len(known)} attempts"] += 1
        REACHED[f"end: revision {latest.revision}"] += 1
        moves = self.scene.moves(frozenset(keys))
        paid = list(accumulate(moves, initial=0))
        times, is_with_payee = moves.count(1), paid[-1] == 1
        settled = [each for each in revisions if each.state is ObligationState.SETTLED]
        returned = [each for each in revisions if each.state is ObligationState.RETURNED]
        if max(paid) > 1 or len(settled) > 1:
            yield f"I1 paid {max(paid)} times, settled {len(settled)} times: {latest.key}"
        if not is_seen and is_with_payee != bool(settled):
            yield f"I2 paid {times} times, {is_with_payee=}, {[each.state for each in revisions]}: {latest.key}"
        if len(settled) + len(returned) > times:
            yield f"I3 booked, not paid: {latest.key}"
        is_over = latest.state in {*MAY_BE_ORDERED_AGAIN, ObligationState.SETTLED}
        was_tried_in_vain = len(revisions) == 1 and times
        if not (is_with_payee or is_over or was_tried_in_vain or orders.is_exhausted(known)):
            yield f"L1 never paid: {latest.key} is {latest.state}"


def is_at_rest(work: Work) -> bool:
    """Nothing is open with the bank any more, and every payment is done or waits for a person for good."""
    if work.transfers.attempts_in([*OPEN_QUESTIONS, AttemptState.PREPARED]):
        return False
    if any(each.finished_at is None for each in work.transfers.recoveries()):
        return False
    at_rest = {
        ObligationState.SETTLED,
        ObligationState.RETURNED,
        ObligationState.HELD,
        ObligationState.CANCELLED,
    }
    return all(each.state in at_rest for each in work.transfers.obligations(city=CITY))


def _palette(random: Random, left_out: set[str]) -> list[tuple[Call, str]]:
    """The faults of one seed: a handful played again and again, or all of them."""
    each_call = [
        [
            (call, name)
            for name, fault in PLAYABLE.items()
            if call in fault.calls and name not in left_out
            for _ in range(5 if name in _TELLING else 1)
        ]
        for call in (_SUBMIT, _SUBMIT, _SUBMIT, _QUERY, _QUERY, _CLOSE, _STATEMENT)
    ]
    return [random.choice(random.choice(each_call)) for _ in range(random.choice([1, 2, 3, 5, 40]))]


@cache
def _keys(payment_key: str) -> tuple[str, ...]:
    return tuple(attempt_key(payment_key, number) for number in range(1, 200))
