"""What an answer of the bank means: the one place where bytes become an outcome.

Pure functions, shared by the HTTP gateway and by one that tests call in process. The rule of the whole
module: an answer counts only when every part of it is what was expected; anything else is UNKNOWN,
after which only the same key may be sent again. A false success loses money silently, a false
rejection pays twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fundpool.domain.errors import ServiceUnavailable
from fundpool.services.payments.transfer_views import why
from fundpool.services.ports.gateway import (
    UNAUTHORISED,
    DayStatement,
    GatewayAnswer,
    GatewayAnswerKind,
    gateway_unauthorised,
)
from schemas.payment_messages import (
    CURRENCY,
    Direction,
    StatementLine,
    TransferOrder,
    TransferState,
    read_json_object,
    read_moment,
)

DEFINITE_REJECTIONS = frozenset(
    {
        "insufficient_balance",
        "unknown_debit_account",
        "unknown_credit_account",
        "name_mismatch",
        "account_closed",
        "same_account",
        "expired",
    }
)
"""Reasons on which a submission counts as rejected at once; any other one is first queried."""

RAW_LIMIT = 65_536
"""How much of a response is kept for the record of calls, in bytes."""

_KIND_OF_STATE = {
    TransferState.PROCESSING: GatewayAnswerKind.PROCESSING,
    TransferState.SUCCEEDED: GatewayAnswerKind.SUCCEEDED,
    TransferState.REJECTED: GatewayAnswerKind.REJECTED,
    TransferState.RETURNED: GatewayAnswerKind.RETURNED,
    TransferState.CLOSED: GatewayAnswerKind.CLOSED,
}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A complete HTTP response, unread."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No complete response came: ``unreachable``, ``timeout``, ``deadline`` or ``connection_lost``."""

    reason: str


Received = RawAnswer | NoAnswer

Meanings = Mapping[int, Callable[[dict[str, Any], RawAnswer], GatewayAnswer]]
"""By HTTP status, what the document of a response proves."""


def answer_to_submission(order: TransferOrder, received: Received) -> GatewayAnswer:
    """What the response to a submitted order proves."""
    transfer = partial(_transfer, order)
    meanings: Meanings = {200: transfer, 201: transfer, 202: transfer, 409: partial(_conflict, order)}
    answer = _answer(received, meanings)
    if answer.kind is GatewayAnswerKind.REJECTED and answer.reason not in DEFINITE_REJECTIONS:
        return _doubted(answer, "unlisted_rejection")
    if answer.http_status != 409 and answer.kind in {GatewayAnswerKind.RETURNED, GatewayAnswerKind.CLOSED}:
        return _doubted(answer, "unexpected_state")  # the query decides, and it may be a stale key
    return answer


def answer_to_query(order: TransferOrder, received: Received) -> GatewayAnswer:
    """What the response to a query of the order's key proves."""
    return _answer(received, {200: partial(_transfer, order), 404: _not_found})


def answer_to_closing(order: TransferOrder, received: Received) -> GatewayAnswer:
    """What the response to closing the order's key proves."""
    meanings: Meanings = {
        200: partial(_closed, order),
        409: partial(_still_open, order),
        404: _not_found,
    }
    return _answer(received, meanings)


def statement_of(account: str, received: Received) -> DayStatement:
    """The statement of a day, its lines as given. Raises ServiceUnavailable when it proves nothing."""
    if isinstance(received, NoAnswer):
        raise statement_unavailable(received.reason)
    if received.status != 200:
        raise statement_unavailable(_reason_of_status(received.status))
    try:
        _require_json(received)
        return DayStatement(_lines(account, read_json_object(received.body)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise statement_unavailable("unreadable") from error


def statement_unavailable(reason: str) -> ServiceUnavailable:
    """The error for a statement that did not come whole."""
    if reason == UNAUTHORISED:
        return gateway_unauthorised()
    if reason == "unreachable":
        return ServiceUnavailable(
            "gateway_unreachable",
            "支付网关连接不上",
            "the payment gateway cannot be reached",
            remedy="检查 FUNDPOOL_GATEWAY_URL 与网关服务后重试同一命令 / check the gateway and run the same command again",
        )
    zh, en = why(reason)
    return ServiceUnavailable(
        "statement_unavailable",
        f"未取得银行对账单：{zh}",
        f"the bank statement could not be read: {en}",
        remedy="稍后重试同一命令 / run the same command again later",
    )


def _answer(received: Received, meanings: Meanings) -> GatewayAnswer:
    """What a response proves by its status and document; nothing where either is not as the contract says."""
    if isinstance(received, NoAnswer):
        return GatewayAnswer(GatewayAnswerKind.UNKNOWN, reason=received.reason)
    meaning = meanings.get(received.status)
    if meaning is None:
        return _unknown(received, _reason_of_status(received.status))
    try:
        _require_json(received)
        document = read_json_object(received.body)
    except ValueError:
        return _unknown(received, "unreadable")
    return meaning(document, received)


def _require_json(received: RawAnswer) -> None:
    media_type, *parameters = (part.strip().lower() for part in received.content_type.split(";"))
    if media_type != "application/json" or any(
        parameter.startswith("charset=") and parameter != "charset=utf-8" for parameter in parameters
    ):
        raise ValueError(f"not JSON in UTF-8: {received.content_type!r}")


def _transfer(order: TransferOrder, document: dict[str, Any], received: RawAnswer) -> GatewayAnswer:
    if not _echoes(order, document):
        return _unknown(received, "echo_mismatch")
    reason, bank_serial, executed_at = (
        document.get(name) for name in ("reason", "bank_serial", "executed_at")
    )
    try:
        kind = _KIND_OF_STATE[TransferState(document.get("state", ""))]
        moment = None if executed_at is None else read_moment(executed_at)
    except ValueError:
        return _unknown(received, "unreadable")
    if not all(text is None or isinstance(text, str) for text in (reason, bank_serial)):
        return _unknown(received, "unreadable")
    if kind in {GatewayAnswerKind.SUCCEEDED, GatewayAnswerKind.RETURNED} and not bank_serial:
        return _unknown(received, "unreadable")  # money moved without a serial could never be matched
    return GatewayAnswer(
        kind,
        reason,
        bank_serial,
        executed_at=moment,
        http_status=received.status,
        raw=received.body[:RAW_LIMIT],
    )


def _echoes(order: TransferOrder, document: dict[str, Any]) -> bool:
    amount_fen = document.get("amount_fen")
    return (
        document.get("key") == order.key
        and type(amount_fen) is int  # true and 1.0 equal 1, and are not amounts
        and amount_fen == order.amount_fen
        and document.get("currency") == CURRENCY
        and document.get("credit_account") == order.credit_account
    )


def _conflict(order: TransferOrder, document: dict[str, Any], received: RawAnswer) -> GatewayAnswer:
    if document.get("error") == "payload_mismatch":
        return _proved(received, GatewayAnswerKind.PAYLOAD_MISMATCH, "payload_mismatch")
    if document.get("error") == "closed" and document.get("key") == order.key:
        return _proved(received, GatewayAnswerKind.CLOSED, "closed")
    return _unknown(received, "in_progress" if document.get("error") == "in_progress" else "http_409")


def _not_found(document: dict[str, Any], received: RawAnswer) -> GatewayAnswer:
    # A bare 404 may come from a proxy that never asked the bank.
    if document.get("error") != "not_found":
        return _unknown(received, "http_404")
    return _proved(received, GatewayAnswerKind.NOT_FOUND)


def _closed(order: TransferOrder, document: dict[str, Any], received: RawAnswer) -> GatewayAnswer:
    if document.get("key", order.key) != order.key:
        return _unknown(received, "echo_mismatch")
    if document.get("state") != TransferState.CLOSED:
        return _unknown(received, "unexpected_state")
    return _proved(received, GatewayAnswerKind.CLOSED)


def _still_open(order: TransferOrder, document: dict[str, Any], received: RawAnswer) -> GatewayAnswer:
    answer = _transfer(order, document, received)
    # "Conflict" and "closed" contradict each other: that proves nothing.
    return _unknown(received, "unexpected_state") if answer.kind is GatewayAnswerKind.CLOSED else answer


def _lines(account: str, document: dict[str, Any]) -> tuple[StatementLine, ...]:
    if not isinstance(document["lines"], list):
        raise ValueError("lines is a list")  # noqa: TRY004 - the caller handles one kind of unreadable
    return tuple(_line(account, line) for line in document["lines"])


def _line(account: str, line: Any) -> StatementLine:
    key, counterparty, amount_fen = line.get("key"), line.get("counterparty"), line["amount_fen"]
    texts = (line["bank_serial"], line["account"])
    if not all(isinstance(text, str) and text for text in texts) or line["account"] != account:
        raise ValueError("a line of another account, or without a serial")
    if not all(text is None or isinstance(text, str) for text in (key, counterparty)):
        raise ValueError("key and counterparty are text")
    if line.get("currency", CURRENCY) != CURRENCY:
        raise ValueError("another currency")
    if type(amount_fen) is not int or amount_fen <= 0:
        raise ValueError("an amount is a positive integer of fen")
    return StatementLine(
        bank_serial=line["bank_serial"],
        account=account,
        direction=Direction(line["direction"]),
        amount_fen=amount_fen,
        key=key,
        counterparty=counterparty,
        executed_at=read_moment(line["executed_at"]),
    )


def _reason_of_status(status: int) -> str:
    if status == 429:
        return "rate_limited"
    if status in {401, 403}:
        return UNAUTHORISED
    return f"http_{status}"


def _doubted(answer: GatewayAnswer, reason: str) -> GatewayAnswer:
    """An answer from which nothing may follow yet; only its bytes are kept."""
    return GatewayAnswer(GatewayAnswerKind.UNKNOWN, reason, http_status=answer.http_status, raw=answer.raw)


def _proved(received: RawAnswer, kind: GatewayAnswerKind, reason: str | None = None) -> GatewayAnswer:
    return GatewayAnswer(kind, reason, http_status=received.status, raw=received.body[:RAW_LIMIT])


def _unknown(received: RawAnswer, reason: str) -> GatewayAnswer:
    return _proved(received, GatewayAnswerKind.UNKNOWN, reason)
