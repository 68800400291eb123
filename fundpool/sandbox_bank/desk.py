"""The bank's desk: a request of the gateway contract in, the book's answer or a fault out.

Served over HTTP by the sandbox bank and called in process by the tests, so that both
show the caller the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import parse_qs, unquote, urlsplit

from fundpool.sandbox_bank.bank_book import PROMPT, BankBook, BookAnswer, Course
from fundpool.sandbox_bank.faults import Call, Fault, FaultPlan, Symptom, encoded
from schemas.payment_messages import TRANSFER_KEY, TransferOrder


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the caller, and how."""

    status: int
    content_type: str
    body: bytes
    symptom: Symptom = Symptom.WHOLE
    delay_s: float = 0.0


class BankDesk:
    """Answers the calls of the contract from one book, with the faults that are switched on."""

    def __init__(self, book: BankBook, plan: FaultPlan) -> None:
        self.book = book
        self.plan = plan

    def handle(
        self, method: str, target: str, body: bytes, *, idempotency_key: str | None, now: datetime
    ) -> Reply:
        """Answer one authenticated request; ``target`` is path and query as received."""
        parts = urlsplit(target)
        match (method, [unquote(part) for part in parts.path.strip("/").split("/")]):
            case ("POST", ["v1", "transfers"]):
                return self._submit(body, idempotency_key, now)
            case ("GET", ["v1", "transfers", key]):
                return self._reply(Call.QUERY, key, lambda _course: self.book.query(key, now))
            case ("POST", ["v1", "transfers", key, "close"]) if TRANSFER_KEY.fullmatch(key):
                return self._reply(Call.CLOSE, key, lambda _course: self.book.close(key, now))
            case ("GET", ["v1", "statements"]):
                return self._statement(parts.query, now)
        return _error(404, "no_such_call")

    def _submit(self, body: bytes, idempotency_key: str | None, now: datetime) -> Reply:
        try:
            order = TransferOrder.from_body(body)
        except ValueError:
            return _error(400, "bad_request")
        if order.key != idempotency_key:
            return _error(400, "key_mismatch")
        return self._reply(Call.SUBMIT, order.key, lambda course: self.book.submit(order, now, course))

    def _statement(self, query: str, now: datetime) -> Reply:
        parameters = parse_qs(query)
        try:
            account, day = parameters["account"][0], date.fromisoformat(parameters["date"][0])
        except (KeyError, ValueError):
            return _error(400, "bad_request")

        def act(_course: Course) -> BookAnswer:
            return BookAnswer(200, {"lines": self.book.statement(account, day, now)})

        return self._reply(Call.STATEMENT, None, act)

    def _reply(self, call: Call, key: str | None, act: Callable[[Course], BookAnswer]) -> Reply:
        switch = self.plan.take(call, key)
        if switch is None:
            answer = act(PROMPT)
            return Reply(answer.status, "application/json", encoded(answer.document))
        fault = switch.fault
        if fault.forgets_key and key is not None:
            self.book.forget(key)
        answer = act(fault.course) if fault.reaches_book else BookAnswer(503, {"error": "unavailable"})
        return Reply(
            status=fault.status or answer.status,
            content_type=fault.content_type,
            body=_body(fault, answer),
            symptom=fault.symptom,
            delay_s=fault.delay_s,
        )


def _body(fault: Fault, answer: BookAnswer) -> bytes:
    if fault.edit is not None:
        return fault.edit(answer.document)
    return encoded({"error": "unavailable"} if fault.status is not None else answer.document)


def _error(status: int, error: str) -> Reply:
    return Reply(status, "application/json", encoded({"error": error}))
