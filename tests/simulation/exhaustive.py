"""Every fault of the gateway alone and every ordered pair: 40 + 40 x 39 = 1,600 schedules.

A schedule pays one county. The first symbol befalls the first call (or callback, or statement) it
can befall; from then on the second one waits for its turn. A symbol that finds no call left gets
the next payment, so that in every schedule everything really happens: ``play`` says so when not.
``python -m tests.simulation --exhaustive`` plays all of them against the four kinds of bank.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

from fundpool.adapters.keys.signature import is_authentic, signed_headers
from fundpool.domain.transfer import ObligationState, attempt_key
from fundpool.sandbox_bank.bank_book import Course
from fundpool.sandbox_bank.faults import FAULTS, Call, Switch
from fundpool.services.payments import orders
from fundpool.services.ports import failpoints
from schemas.payment_messages import TransferOrder
from tests.scripted_bank import ScriptedGateway
from tests.simulation.bank import REACHED, CountedPlan
from tests.simulation.scene import CITY, account_no, county_name
from tests.simulation.schedule import Opened, Schedule, Variant, is_at_rest

ON_CALLS = (
    "refused",
    "reset_before",
    "reset_after",
    "silence_before",
    "arrives_later",
    "silence_after",
    "500_before",
    "500_after",
    "502",
    "503",
    "429",
    "409_in_progress",
    "redirect",
    "empty",
    "half",
    "wrong_content_type",
    "invalid_json",
    "duplicate_keys",
    "amount_as_text",
    "wrong_currency",
    "echo_other_key",
    "echo_other_amount",
    "drip",
    "processing",
    "reject",
    "reject_then_success",
    "success_then_returned",
    "not_found",
    "stale",
    "statement_late",
    "statement_line_twice",
    "statement_line_missing",
    "statement_two_lines",
)
"""Symbols of the sandbox bank's table; ``502`` stands for every proxy behind which the bank acted."""

RETENTION_OVER, MISMATCH, EARLY, TEN_TIMES, OUT_OF_ORDER, UNKNOWN_KEY, BAD_SIGNATURE = AROUND_CALLS = (
    "key_forgotten_after_retention",
    "payload_mismatch",
    "callback_early",
    "callback_ten_times",
    "callback_out_of_order",
    "callback_unknown_key",
    "callback_bad_signature",
)
"""Symbols that happen between the calls."""

SYMBOLS = ON_CALLS + AROUND_CALLS
ORDERS: tuple[tuple[str, ...], ...] = (*((each,) for each in SYMBOLS), *permutations(SYMBOLS, 2))
"""The 1,600 schedules."""

_NEEDS_A_FENCE = "reject_then_success"
_ROUNDS, _PAYMENTS = 24, 3


def orders_for(variant: Variant) -> list[tuple[str, ...]]:
    """The schedules a kind of bank can play: one that executes what it refused must have a fence."""
    return [each for each in ORDERS if variant.can_close or _NEEDS_A_FENCE not in each]


@dataclass
class Script:
    """Which symbols are still to come, in order."""

    waiting: list[str]

    @property
    def next(self) -> str | None:
        """The symbol that is armed."""
        return self.waiting[0] if self.waiting else None

    def is_next(self, symbol: str) -> bool:
        """Whether the symbol is armed; then it has happened."""
        if self.next != symbol:
            return False
        REACHED[f"symbol: {self.waiting.pop(0)}"] += 1
        return True


class OrderedPlan(CountedPlan):
    """The armed symbol befalls the first call it can; its payment opens as it needs it."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.is_opening = True

    def take(self, call: Call, key: str | None) -> Switch | None:
        """The fault for this call; see ``FaultPlan.take``."""
        name = self.script.next
        if name in ON_CALLS and call in FAULTS[name].calls:
            self.is_opening = False
            self.script.is_next(name)
            return Switch(name, FAULTS[name], call, key, 1)
        if call is Call.SUBMIT and self.is_opening:
            self.is_opening = False
            opening = _opening(name)
            return Switch(opening, FAULTS[opening], call, key, 1) if opening else None
        return None

    def is_due(self, call: Call, key: str | None) -> bool:
        """Whether something befalls this call; see ``CountedPlan.is_due``."""
        name = self.script.next
        return (call is Call.SUBMIT and self.is_opening) or (name in ON_CALLS and call in FAULTS[name].calls)


def _opening(symbol: str | None) -> str | None:
    """How a payment must begin so that the symbol has something to befall."""
    if symbol == OUT_OF_ORDER:
        return "processing"  # two callbacks, or there is no order to be out of
    if symbol in ON_CALLS and Call.SUBMIT not in FAULTS[symbol].calls:
        return "silence_after"  # an open question
    return None


class Exhaustive(Schedule):
    """One of the 1,600: nothing is left to chance."""

    def __init__(
        self,
        symbols: tuple[str, ...],
        books: Any,
        variant: Variant,
        opened: Opened,
        gateway: type[ScriptedGateway] = ScriptedGateway,
    ) -> None:
        super().__init__(0, books, variant, opened, gateway)
        self.script = Script(list(symbols))
        self.symbols = symbols
        self.plan = OrderedPlan(self.script)
        self.scene.plan = self.scene.gateway.plan = self.scene.gateway._desk.plan = self.plan
        self.held_back: list[dict[str, Any]] = []

    def play(self) -> list[str]:
        """Play it out; what was broken, in words."""
        failpoints.install(self._hook)
        try:
            for number in range(1, _PAYMENTS + 1):
                self._pay(number)
                if not self.script.waiting:
                    break
        finally:
            failpoints.install(None)
        found = [f"{each} never happened" for each in self.script.waiting]
        return found + [each for each in self.violations() if not self._is_reported(each)]

    def _pay(self, number: int) -> None:
        self.plan.is_opening = True
        if number > 1:
            self.scene.order_and_release(self.scene.orders(application=number))
        for turn in range(_ROUNDS):
            for name, act in (
                ("mismatch", self._plant_other_payload),
                ("send", self.scene.send),
                ("callbacks", self._callbacks),
                ("soon", lambda: self.scene.clock.advance(minutes=20)),
                ("statements", self._statements if self._waits_for_statement() else _nothing),
                ("resolve", self.scene.resolve),
                ("callbacks", self._callbacks),
                ("people", self._people),
                ("statements", self._statements if turn else _nothing),
                ("later", lambda: self.scene.clock.advance(hours=13)),
            ):
                self._guarded(name, act)
            if turn > 2 * len(self.script.waiting) + 2 and self.scene.ports.database.read(is_at_rest):
                break

    def _waits_for_statement(self) -> bool:
        name = self.script.next
        return (
            name in ON_CALLS
            and Call.STATEMENT in FAULTS[name].calls
            and Call.SUBMIT not in FAULTS[name].calls
        )

    def _hook(self, name: str) -> None:
        if name != "after submit":
            return
        if self.script.is_next(RETENTION_OVER):
            self.scene.clock.advance(days=8)
        elif self.script.next == EARLY and self.scene.book.outbox:
            self.script.is_next(EARLY)
            self._callbacks()

    def _plant_other_payload(self) -> None:
        """Somebody else's refused order has the key that we are about to use."""
        if self.script.next != MISMATCH:
            return
        for each in self.scene.ports.database.read(lambda work: work.payments.obligations(city=CITY)):
            if each.state not in {ObligationState.RELEASED, ObligationState.RETRY_APPROVED}:
                continue
            known = self.scene.ports.database.read(lambda work, o=each: work.attempts.of_obligation(o.id))
            key = attempt_key(each.key, orders.next_attempt_no(known))
            other = TransferOrder(
                key=key,
                amount_fen=each.amount_fen + 1,
                debit_account=account_no("fiscal_account", each.payer_unit),
                credit_account=account_no("county_expenditure", each.unit),
                credit_name=county_name(each.unit),
                purpose="another",
                end_to_end_id=key.replace("-", ""),
                valid_until=self.scene.clock() + timedelta(days=30),
            )
            self.script.is_next(MISMATCH)
            self.scene.book.submit(other, self.scene.clock(), Course(refused_for="account_closed"))
            return

    def _callbacks(self) -> None:
        events, times = self.held_back + self.scene.book.outbox, 1
        self.held_back = []
        self.scene.book.outbox.clear()
        if not events:
            return
        if self.script.next == OUT_OF_ORDER:
            if len(events) == 1:
                self.held_back = events
                return
            self.script.is_next(OUT_OF_ORDER)
            events.reverse()
        elif self.script.is_next(TEN_TIMES):
            times = 10
        elif self.script.is_next(UNKNOWN_KEY):
            events = [*events, events[-1] | {"key": "unknown-key", "event_id": "unknown-key"}]
        elif self.script.is_next(BAD_SIGNATURE):
            events = [*events, *_forged(events[-1])]
        for event in events:
            for _ in range(times):
                self._deliver(event)

    def _is_reported(self, violation: str) -> bool:
        """Whether the register of breaks says why: a statement that lies cannot agree with the bank."""
        return (
            "statement_two_lines" in self.symbols
            and violation.startswith("I2")
            and self._has_break("executed_twice")
        )

    def _has_break(self, kind: str) -> bool:
        return self.scene.ports.database.read(
            lambda work: any(each.kind == kind for each in work.breaks.find(only_open=False))
        )


def _forged(event: dict[str, Any]) -> list[dict[str, Any]]:
    """A callback signed with a wrong secret: nothing of it gets past the door."""
    body = b"rejected"
    headers = signed_headers(
        b"wrong", "main", method="POST", path="/callbacks/gateway", body=body, at_unix_s=0
    )
    request = {"method": "POST", "path": "/callbacks/gateway", "body": body, "at_unix_s": 0.0}
    forged = event | {"event_id": "forged", "state": "rejected"}
    return [forged] if is_authentic(b"right", "main", headers, **request) else []


def _nothing() -> None:
    pass


def play_all(
    variant: Variant, run: Callable[[tuple[str, ...], Variant], list[str]], every: int = 1, start: int = 0
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Every ``every``-th schedule of a kind of bank with what it broke."""
    for symbols in orders_for(variant)[start::every]:
        yield symbols, run(symbols, variant)
