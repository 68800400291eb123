"""What a bank is asked and what it answers: by HTTP or by files."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from schemas.payment_messages import StatementLine, TransferOrder


class GatewayAnswerKind(StrEnum):
    """The outcome of a call to the bank's gateway. UNKNOWN is an outcome of its own, never failure."""

    PROCESSING = "processing"
    """The bank has the order and has not moved money yet."""
    SUCCEEDED = "succeeded"
    """The bank moved the money; key, amount, currency and payee were echoed exactly."""
    REJECTED = "rejected"
    """The bank will not execute the order, for a definite reason."""
    RETURNED = "returned"
    """The bank executed the order and the money came back (退票)."""
    CLOSED = "closed"
    """The bank promises that the key can never execute any more."""
    NOT_FOUND = "not_found"
    """The bank does not know the key, which may mean that it is still being accepted."""
    PAYLOAD_MISMATCH = "payload_mismatch"
    """The bank knows the key with another content: a person looks, never a new key."""
    UNKNOWN = "unknown"
    """Nothing can be concluded; only the same key may be sent again."""


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """One answer of the gateway, or its absence.

    ``reason`` is the bank's rejection reason, or why the outcome is unknown; ``raw`` the response
    body as received (empty when none came), for the record of calls.
    """

    kind: GatewayAnswerKind
    reason: str | None = None
    bank_serial: str | None = None
    executed_at: datetime | None = None
    http_status: int | None = None
    raw: bytes = b""

    @property
    def unreachable(self) -> bool:
        """Whether no connection came about; still the same key again, never a failure."""
        return self.kind is GatewayAnswerKind.UNKNOWN and self.reason == "unreachable"

    @property
    def trouble(self) -> ServiceUnavailable | None:
        """What every further call would meet too: a bank that is away or refuses our signature; else None."""
        if self.unreachable:
            return gateway_unavailable()
        if self.kind is GatewayAnswerKind.UNKNOWN and self.reason == UNAUTHORISED:
            return gateway_unauthorised()
        return None


UNAUTHORISED = "unauthorised"
"""The reason of an answer of HTTP 401 or 403: the bank did not look at the call."""


def gateway_unavailable() -> ServiceUnavailable:
    """The error for a bank that does not answer."""
    return ServiceUnavailable(
        "gateway_unavailable",
        "银行支付网关没有应答，本次未继续发送",
        "the bank's gateway did not answer; nothing more was sent",
        remedy="网关恢复后重新执行同一命令 / run the same command again once it is back",
    )


def gateway_unauthorised() -> ServiceUnavailable:
    """The error for a bank that refuses our signature: each call would be refused alike."""
    return ServiceUnavailable(
        "gateway_unauthorised",
        "银行支付网关不认本系统的签名（HTTP 401、403）：密钥或密钥编号不对，本次未继续发送",
        "the bank's gateway refuses our signature (HTTP 401, 403): the secret or the key id is wrong; nothing "
        "more was sent",
        remedy="与银行核对 FUNDPOOL_GATEWAY_SECRET、FUNDPOOL_GATEWAY_KEY_ID 及本机时钟，改正后重新执行同一命令 / check the secret, "
        "the key id and this machine's clock with the bank, then run the same command again",
    )


@dataclass(frozen=True, slots=True)
class DayStatement:
    """What the bank's statements say of one account and day.

    ``lines`` as the bank gives them, duplicates included; ``differing`` are those that not every statement of
    the day has, ``balances_differ`` says that the statements give the day different balances. ``opening_fen`` and
    ``closing_fen`` are the booked balances that the bank states for the day's start and end, never computed;
    ``sequence`` is the number of the statement that ends on the day.
    """

    lines: tuple[StatementLine, ...]
    opening_fen: int | None = None
    closing_fen: int | None = None
    sequence: int | None = None
    differing: tuple[StatementLine, ...] = ()
    balances_differ: bool = False

    @property
    def is_contradictory(self) -> bool:
        """Whether the bank's statements of the day cannot all be true."""
        return bool(self.differing) or self.balances_differ


class Gateway(Protocol):
    """A bank's payment gateway. Trouble outside is an answer of kind UNKNOWN, never an exception.

    ``now`` is the business time of the call. No call is made inside a transaction.
    """

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Send ``order.body``. PROCESSING, SUCCEEDED, REJECTED, PAYLOAD_MISMATCH or UNKNOWN."""

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Ask for the order's state. Every kind but PAYLOAD_MISMATCH."""

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Fence the key: CLOSED, or the state that prevents it; NOT_FOUND fences nothing."""

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """The statement of one account and day.

        Raises ServiceUnavailable when the bank does not answer or its answer cannot be read.
        """


@dataclass(frozen=True, slots=True)
class BankFileNote:
    """One file of a bank's inbox: what it is about, or the error that keeps it from being used."""

    name: str
    message: str | None
    accounts: tuple[str, ...]
    end_to_end_ids: tuple[str, ...]
    error: FundpoolError | None
