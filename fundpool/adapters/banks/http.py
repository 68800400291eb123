"""The payment gateway over HTTP (docs/gateway.md).

No redirect is followed, nothing is retried here and no proxy of the environment is used: the
caller alone decides whether the same key goes out again. The total deadline also ends an answer
that arrives byte by byte, in its headers or in its body, which per-read time-outs do not.
"""

import logging
import ssl
import time
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote, urlencode, urlsplit

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from fundpool.adapters.banks.base import (
    NoAnswer,
    RawAnswer,
    Received,
    answer_to_closing,
    answer_to_query,
    answer_to_submission,
    statement_of,
)
from fundpool.adapters.keys.signature import shared_secret, signed_headers
from fundpool.domain.errors import InputError
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer
from fundpool.settings import Settings
from schemas.payment_messages import BUSINESS_TIME_HEADER, TransferOrder

_log = logging.getLogger(__name__)

BODY_LIMIT = 16_000_000
"""Bytes of a response that are read at most; a longer one proves nothing."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long one call may take, in seconds."""

    connect_s: float = 5.0
    read_s: float = 30.0
    total_s: float = 45.0


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
        # The system's certificates, so that a bank's own authority is added in one known place.
        self._tls = ssl.create_default_context() if parts.scheme == "https" else False

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
            "Accept-Encoding": "identity",
        }
        if body:
            sent["Content-Type"] = "application/json"
        started = time.monotonic()
        # A loop of its own: the caller may or may not stand in one already.
        with start_blocking_portal() as portal:
            received = portal.call(self._exchange, method, target, body, sent)
        outcome = received.reason if isinstance(received, NoAnswer) else f"HTTP {received.status}"
        _log.info("%s %s -> %s in %.3f s", method, target, outcome, time.monotonic() - started)
        return received

    async def _exchange(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Received:
        limits = self._deadlines
        timeout = httpx.Timeout(limits.read_s, connect=limits.connect_s)
        try:
            with anyio.fail_after(limits.total_s):
                async with (
                    httpx.AsyncClient(
                        verify=self._tls, timeout=timeout, follow_redirects=False, trust_env=False
                    ) as client,
                    client.stream(method, self.origin + target, content=body, headers=headers) as response,
                ):
                    return await _whole(response)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return NoAnswer("unreachable")
        except httpx.TimeoutException:
            return NoAnswer("timeout")
        except TimeoutError:
            return NoAnswer("deadline")
        except httpx.HTTPError:
            return NoAnswer("connection_lost")


async def _whole(response: httpx.Response) -> Received:
    received = bytearray()
    async for part in response.aiter_raw():
        received += part
        if len(received) > BODY_LIMIT:
            return NoAnswer("oversized")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return NoAnswer("unreadable")  # not asked for, and a small body can unpack to gigabytes
    return RawAnswer(response.status_code, response.headers.get("Content-Type", ""), bytes(received))
