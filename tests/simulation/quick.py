"""Short cuts of the harness, so that a seed costs milliseconds; the product itself is not touched.

The quick gateway hands an answer without a fault from the bank's book to the product's own reading
without writing it as JSON in between; every answer with a fault takes the long way. The schedules
on SQLite use neither, and must come to the same trace.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from fundpool.adapters.banks import base
from fundpool.adapters.banks.base import DEFINITE_REJECTIONS, RawAnswer
from fundpool.domain.ledger import Voucher, seal_voucher
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import (
    AttemptState,
    Event,
    ObligationState,
    check_obligation_arrow,
    next_attempt_state,
)
from fundpool.sandbox_bank.bank_book import BookAnswer
from fundpool.sandbox_bank.faults import Call
from fundpool.services.books import ledger_checks
from fundpool.services.payments import attempts, batches, orders
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer, GatewayAnswerKind
from schemas.payment_messages import TransferOrder
from tests.scripted_bank import ScriptedGateway
from tests.simulation import memory
from tests.simulation.bank import REACHED, CountedPlan

_WITHOUT_BODY = {status: RawAnswer(status, "application/json", b"") for status in (200, 202, 404, 409)}


class QuickGateway(ScriptedGateway):
    """The scripted gateway, with the wire left out where nothing goes wrong on it."""

    @property
    def _odd(self) -> CountedPlan:
        assert isinstance(self.plan, CountedPlan)
        return self.plan

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Send the order; see ``Gateway.submit``."""
        if self._odd.is_due(Call.SUBMIT, order.key):
            return super().submit(order, now=now)
        answer = self.book.submit(order, now)
        if answer.status == 409:
            return base._conflict(order, answer.document, _WITHOUT_BODY[409])
        read = _read(order, answer)
        if read.kind is GatewayAnswerKind.REJECTED and read.reason not in DEFINITE_REJECTIONS:
            return base._unknown(_WITHOUT_BODY[200], "unlisted_rejection")
        if read.kind in {GatewayAnswerKind.RETURNED, GatewayAnswerKind.CLOSED}:
            return base._unknown(_WITHOUT_BODY[200], "unexpected_state")
        return read

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Ask for the order's state; see ``Gateway.query``."""
        if self._odd.is_due(Call.QUERY, order.key):
            return super().query(order, now=now)
        answer = self.book.query(order.key, now)
        if answer.status == 404:
            return base._not_found(answer.document, _WITHOUT_BODY[404])
        return _read(order, answer)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Fence the order's key; see ``Gateway.close``."""
        if self._odd.is_due(Call.CLOSE, order.key):
            return super().close(order, now=now)
        answer = self.book.close(order.key, now)
        if answer.status == 200:
            return base._closed(order, answer.document, _WITHOUT_BODY[200])
        return base._still_open(order, answer.document, _WITHOUT_BODY[409])

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """The lines of one account and day; see ``Gateway.statement``."""
        if self._odd.is_due(Call.STATEMENT, None):
            return super().statement(account, day, now=now)
        self.book.advance(now)
        return DayStatement(
            tuple(
                line
                for line in self.book.lines
                if line.account == account and line.executed_at.astimezone(SHANGHAI).date() == day
            )
        )


def _read(order: TransferOrder, answer: BookAnswer) -> GatewayAnswer:
    return base._transfer(order, answer.document, _WITHOUT_BODY[answer.status])


def _counted_event(state: AttemptState, event: Event) -> AttemptState | None:
    after = next_attempt_state(state, event)
    REACHED[f"attempt: {state} --{event}--> {after or 'no arrow'}"] += 1
    return after


def _counted_arrow(before: ObligationState, after: ObligationState, key: str) -> None:
    REACHED[f"obligation: {before} -> {after}"] += 1
    check_obligation_arrow(before, after, key)


def _unsealed(voucher: Voucher, postings: Sequence[Any]) -> str:
    """Replaces the seal of a voucher for speed: its number and its count of lines are still compared."""
    return f"{voucher.number}/{len(postings)}"


def _sealed_as_before(voucher: Voucher, postings: Sequence[Any]) -> str:
    return _unsealed(voucher, postings) if "/" in voucher.hash else seal_voucher(voucher, postings)


@contextmanager
def quick() -> Iterator[None]:
    """Remember what the same arguments gave before: keys, digests and bytes are the same in every seed."""
    key, digest, order = orders.attempt_key, batches.batch_digest, TransferOrder.from_body
    with ExitStack() as stack:
        stack.enter_context(patch.object(orders, "attempt_key", lru_cache(maxsize=4096)(key)))
        remembered = lru_cache(maxsize=4096)(digest)
        stack.enter_context(
            patch.object(batches, "batch_digest", lambda name, lines: remembered(name, tuple(lines)))
        )
        stack.enter_context(
            patch.object(TransferOrder, "from_body", staticmethod(lru_cache(maxsize=4096)(order)))
        )
        stack.enter_context(patch.object(attempts, "next_attempt_state", _counted_event))
        stack.enter_context(patch.object(memory, "check_obligation_arrow", _counted_arrow))
        stack.enter_context(patch.object(memory, "seal_voucher", _unsealed))
        stack.enter_context(patch.object(ledger_checks, "seal_voucher", _sealed_as_before))
        gc.disable()
        try:
            yield
        finally:
            gc.enable()
