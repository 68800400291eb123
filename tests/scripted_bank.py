"""The scripted gateway: the bank's book, the fault alphabet and the product's reading, in process.

For the simulation: no socket, no clock of its own, the same bytes and the same reading as HTTP.
"""

from datetime import date, datetime
from urllib.parse import urlencode

from fundpool.adapters.banks.base import (
    NoAnswer,
    RawAnswer,
    Received,
    answer_to_closing,
    answer_to_query,
    answer_to_submission,
    statement_of,
)
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.sandbox_bank.desk import BankDesk
from fundpool.sandbox_bank.faults import FaultPlan, Symptom
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer
from schemas.payment_messages import TransferOrder

_SEEN_OVER_HTTP = {
    Symptom.REFUSED: "unreachable",
    Symptom.RESET: "connection_lost",
    Symptom.CUT: "connection_lost",
    Symptom.SILENCE: "timeout",
    Symptom.DRIP: "deadline",
}


class ScriptedGateway:
    """A ``Gateway`` over one book; ``plan`` says what goes wrong next."""

    def __init__(self, book: BankBook, plan: FaultPlan | None = None) -> None:
        self.book = book
        self.plan = plan or FaultPlan()
        self._desk = BankDesk(book, self.plan)

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Send the order; see ``Gateway.submit``."""
        return answer_to_submission(order, self._call("POST", "/v1/transfers", now, order.body, order.key))

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Ask for the order's state; see ``Gateway.query``."""
        return answer_to_query(order, self._call("GET", f"/v1/transfers/{order.key}", now))

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Fence the order's key; see ``Gateway.close``."""
        return answer_to_closing(order, self._call("POST", f"/v1/transfers/{order.key}/close", now))

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """The lines of one account and day; the contract carries no balances. See ``Gateway.statement``."""
        query = urlencode({"account": account, "date": day.isoformat()})
        return statement_of(account, self._call("GET", f"/v1/statements?{query}", now))

    def _call(
        self, method: str, target: str, now: datetime, body: bytes = b"", key: str | None = None
    ) -> Received:
        reply = self._desk.handle(method, target, body, idempotency_key=key, now=now)
        if reply.symptom in _SEEN_OVER_HTTP:
            return NoAnswer(_SEEN_OVER_HTTP[reply.symptom])
        return RawAnswer(reply.status, reply.content_type, reply.body)
