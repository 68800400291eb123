"""The sandbox bank's callbacks to the product: signed like a request, and only a hint to query."""

import logging
import queue
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from fundpool.adapters.http_client import Deadlines, NoResponse, exchange
from fundpool.adapters.keys.signature import signed_headers
from fundpool.sandbox_bank.faults import Call, FaultPlan, encoded

_log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_DEADLINES = Deadlines(connect_s=_TIMEOUT_S, read_s=_TIMEOUT_S, total_s=_TIMEOUT_S)


class CallbackSender:
    """Delivers the book's events to one URL, in order, from one thread; a lost one is not repeated.

    The product must not depend on callbacks, so the sandbox does not make them reliable.
    """

    def __init__(self, url: str, *, key_id: str, secret: bytes, plan: FaultPlan) -> None:
        self._url, self._path = url, urlsplit(url).path or "/"
        self._key_id = key_id
        self._secret = secret
        self._plan = plan
        self._held: list[dict[str, Any]] = []
        self._queue: queue.Queue[tuple[dict[str, Any], bytes] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)
        self._thread.start()

    def announce(self, event: dict[str, Any]) -> None:
        """Send an event, in the manner of the callback fault that is switched on for its key."""
        switch = self._plan.take(Call.CALLBACK, event["key"])
        match switch.name if switch else None:
            case "callback_early":
                self._deliver(event, self._secret)
            case "callback_ten_times":
                for _ in range(10):
                    self._queue.put((event, self._secret))
            case "callback_out_of_order":
                self._held.append(event)
                return
            case "callback_unknown_key":
                self._queue.put((event | {"key": "unknown-key"}, self._secret))
            case "callback_bad_signature":
                self._queue.put((event, b"another secret"))
            case _:
                self._queue.put((event, self._secret))
        while self._held:
            self._queue.put((self._held.pop(), self._secret))

    def stop(self) -> None:
        """Send what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join(_TIMEOUT_S)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._deliver(*item)

    def _deliver(self, event: dict[str, Any], secret: bytes) -> None:
        body = encoded(event)
        headers = signed_headers(
            secret, self._key_id, method="POST", path=self._path, body=body, at_unix_s=int(time.time())
        )
        headers["Content-Type"] = "application/json"
        try:
            exchange("POST", self._url, body=body, headers=headers, deadlines=_DEADLINES)
        except NoResponse as none:
            _log.warning("callback for %s was not delivered: %s", event["key"], none.reason)
