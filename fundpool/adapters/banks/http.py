"""The payment gateway over HTTP (docs/gateway.md).

Nothing is retried here or below: the caller alone decides whether the same key goes out again.
"""

import logging
import time
from datetime import date, datetime
from urllib.parse import quote, urlencode, urlsplit

from fundpool.adapters.banks.base import (
    NoAnswer,
    RawAnswer,
    Received,
    answer_to_closing,
    answer_to_query,
    answer_to_submission,
    statement_of,
)
from fundpool.adapters.http_client import Deadlines, NoResponse, exchange
from fundpool.adapters.keys.signature import shared_secret, signed_headers
from fundpool.domain.errors import InputError
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer
from fundpool.settings import Settings
from schemas.payment_messages import BUSINESS_TIME_HEADER, TransferOrder

_log = logging.getLogger(__name__)


class HttpGateway:
    """The bank behind a base URL; safe to use from several threads."""

    def __init__(
        self, base_url: str, *, key_id: str, secret: bytes, deadlines: Deadlines | None = None
    ) -> None:
        """Raises InputError when the URL is not plain http(s) without a password in it."""
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise InputError(
                "gateway_url",
                "支付网关地址不是 http(s) 地址，或地址中带有口令",
                "the gateway URL is not an http(s) address, or carries a password",
                remedy="FUNDPOOL_GATEWAY_URL=https://bank.example/gateway",
            )
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.prefix = parts.path.rstrip("/")
        self._key_id = key_id
        self._secret = secret
        self._deadlines = deadlines or Deadlines()

    @classmethod
    def from_settings(cls, settings: Settings) -> "HttpGateway":
        """The gateway of the settings; raises InputError when URL or secret is missing."""
        if not settings.gateway_url:
            raise InputError(
                "gateway_url_missing",
                "没有设置支付网关地址",
                "no payment gateway is configured",
                remedy="设置 FUNDPOOL_GATEWAY_URL；演练可先运行 fundpool sandbox-bank / set FUNDPOOL_GATEWAY_URL; "
                "for training start fundpool sandbox-bank first",
            )
        return cls(settings.gateway_url, key_id=settings.gateway_key_id, secret=shared_secret(settings))

    def __repr__(self) -> str:
        return f"HttpGateway({self.origin}{self.prefix}, key_id={self._key_id})"

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Send the order; see ``Gateway.submit``."""
        received = self._call(
            "POST", "/v1/transfers", now, body=order.body, headers={"Idempotency-Key": order.key}
        )
        return answer_to_submission(order, received)

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Ask for the order's state; see ``Gateway.query``."""
        received = self._call("GET", f"/v1/transfers/{quote(order.key, safe='')}", now)
        return answer_to_query(order, received)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Fence the order's key; see ``Gateway.close``."""
        received = self._call("POST", f"/v1/transfers/{quote(order.key, safe='')}/close", now)
        return answer_to_closing(order, received)

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """The lines of one account and day; the contract carries no balances. See ``Gateway.statement``."""
        query = urlencode({"account": account, "date": day.isoformat()})
        return statement_of(account, self._call("GET", f"/v1/statements?{query}", now))

    def _call(
        self,
        method: str,
        path: str,
        now: datetime,
        *,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Received:
        target = self.prefix + path
        signed = signed_headers(
            self._secret, self._key_id, method=method, path=target, body=body, at_unix_s=int(time.time())
        )
        sent = {
            **(headers or {}),
            **signed,
            BUSINESS_TIME_HEADER: now.isoformat(),
            "Accept": "application/json",
        }
        if body:
            sent["Content-Type"] = "application/json"
        started = time.monotonic()
        received = self._exchange(method, target, body, headers=sent)
        outcome = received.reason if isinstance(received, NoAnswer) else f"HTTP {received.status}"
        _log.info("%s %s -> %s in %.3f s", method, target, outcome, time.monotonic() - started)
        return received

    def _exchange(self, method: str, target: str, body: bytes, *, headers: dict[str, str]) -> Received:
        try:
            response = exchange(
                method, self.origin + target, body=body, headers=headers, deadlines=self._deadlines
            )
        except NoResponse as none:
            return NoAnswer(none.reason)
        return RawAnswer(response.status, response.content_type, response.body)
