"""The sandbox bank: a small real HTTP server with the gateway contract, for demos, training and tests.

``/v1/…`` is the contract and wants signatures; ``/sandbox/…`` is for whoever runs the sandbox
(clock, faults, accounts, the book) and answers the local machine only. Nothing here is a bank's
production server; it is the standard library's, because it starts at once and lets a fault break
a connection in the middle of an answer.
"""

import ipaddress
import json
import select
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from fundpool.adapters.keys.signature import is_authentic
from fundpool.domain.periods import SHANGHAI
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.sandbox_bank.callbacks import CallbackSender
from fundpool.sandbox_bank.desk import BankDesk, Reply
from fundpool.sandbox_bank.faults import FAULTS, Call, FaultPlan, Symptom, encoded
from schemas.payment_messages import BUSINESS_TIME_HEADER, read_json_object, read_moment

REQUEST_LIMIT = 1_000_000
"""Bytes of a request body that are accepted."""

_DRIP_INTERVAL_S = 0.2
_STOP_CHECK_S = 0.2


class SandboxBank:
    """Book, clock and faults behind one lock.

    Without ``fixed_now`` the bank's clock follows the business time that each request carries,
    or the wall clock when it carries none.
    """

    def __init__(
        self,
        book: BankBook,
        *,
        key_id: str,
        secret: bytes,
        callback_url: str | None = None,
        fixed_now: datetime | None = None,
    ) -> None:
        self.book = book
        self.plan = FaultPlan()
        self.fixed_now = fixed_now
        self._key_id = key_id
        self._secret = secret
        self._desk = BankDesk(book, self.plan)
        self._lock = threading.Lock()
        self._callbacks = (
            CallbackSender(callback_url, key_id=key_id, secret=secret, plan=self.plan)
            if callback_url
            else None
        )

    def serve_contract(self, method: str, target: str, body: bytes, *, headers: Any) -> Reply:
        """Answer a request of the contract, if its signature is good."""
        if not is_authentic(
            self._secret,
            self._key_id,
            headers,
            method=method,
            path=target,
            body=body,
            at_unix_s=time.time(),
        ):
            return _json(401, {"error": "unauthorised"})
        with self._lock:
            now = self._now(headers.get(BUSINESS_TIME_HEADER))
            reply = self._desk.handle(
                method, target, body, idempotency_key=headers.get("Idempotency-Key"), now=now
            )
        self._call_back()
        return reply

    def serve_admin(self, method: str, target: str, body: bytes) -> Reply:
        """Answer a request of whoever runs the sandbox."""
        action = _ADMIN.get((method, urlsplit(target).path))
        if action is None:
            return _json(404, {"error": "no_such_call"})
        try:
            with self._lock:
                document = action(self, read_json_object(body) if body else {})
        except (ValueError, KeyError, TypeError) as error:
            return _json(400, {"error": "bad_request", "detail": str(error)})
        self._call_back()
        return _json(200, document)

    def stop(self) -> None:
        """Deliver the callbacks that are under way."""
        if self._callbacks:
            self._callbacks.stop()

    def _now(self, business_time: str | None = None) -> datetime:
        if self.fixed_now is not None:
            return self.fixed_now
        try:
            return read_moment(business_time)
        except ValueError:
            return datetime.now(SHANGHAI)

    def _call_back(self) -> None:
        # Not under the lock: who is called back at once may query before it answers.
        with self._lock:
            events, self.book.outbox[:] = list(self.book.outbox), []
        if self._callbacks is not None:
            for event in events:
                self._callbacks.announce(event)

    def _set_clock(self, request: dict[str, Any]) -> dict[str, Any]:
        self.fixed_now = None if request["now"] is None else read_moment(request["now"])
        if self.fixed_now is not None:
            self.book.advance(self.fixed_now)
        return self._show_clock(request)

    def _show_clock(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"now": self._now().isoformat(), "follows_requests": self.fixed_now is None}

    def _switch_fault(self, request: dict[str, Any]) -> dict[str, Any]:
        call = request.get("call")
        self.plan.add(
            request["fault"],
            call=None if call is None else Call(call),
            key=request.get("key"),
            times=request.get("times", 1),
            seconds=request.get("seconds"),
        )
        return self._show_faults(request)

    def _clear_faults(self, request: dict[str, Any]) -> dict[str, Any]:
        self.plan.clear()
        return self._show_faults(request)

    def _show_faults(self, _request: dict[str, Any]) -> dict[str, Any]:
        on = [
            {"fault": switch.name, "call": switch.call, "key": switch.key, "times": switch.times}
            for switch in self.plan.switches
        ]
        alphabet = {
            name: {"zh": fault.zh, "en": fault.en, "calls": sorted(fault.calls)}
            for name, fault in FAULTS.items()
        }
        return {"on": on, "alphabet": alphabet}

    def _open_accounts(self, request: dict[str, Any]) -> dict[str, Any]:
        opened = [
            self.book.open_account(account["account"], account["name"], _fen(account["balance_fen"]))
            for account in request["accounts"]
        ]
        return {"opened": sum(opened), "already_open": len(opened) - sum(opened)}

    def _deposit(self, request: dict[str, Any]) -> dict[str, Any]:
        at = self._now(request.get("at"))
        if not self.book.deposit(
            request["account"], _fen(request["amount_fen"]), request["counterparty"], now=at
        ):
            raise ValueError(f"no account {request['account']}")
        return {"balance_fen": self.book.accounts[request["account"]].balance_fen}

    def _return(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self.book.return_transfer(request["key"], request["reason"], self._now(request.get("at"))):
            raise ValueError(f"no succeeded transfer {request['key']}")
        return self.book.transfers[request["key"]].document

    def _show_book(self, _request: dict[str, Any]) -> dict[str, Any]:
        book = self.book
        return {
            "accounts": [asdict(account) for account in book.accounts.values()],
            "transfers": [
                transfer.document
                | json.loads(transfer.order.body)
                | {"accepted_at": transfer.accepted_at.isoformat()}
                for transfer in book.transfers.values()
            ],
            "executions": [
                asdict(execution) | {"executed_at": execution.executed_at.isoformat()}
                for execution in book.executions
            ],
            "lines": [asdict(line) | {"executed_at": line.executed_at.isoformat()} for line in book.lines],
        }


_ADMIN: dict[tuple[str, str], Callable[[SandboxBank, dict[str, Any]], dict[str, Any]]] = {
    ("GET", "/sandbox/clock"): SandboxBank._show_clock,
    ("POST", "/sandbox/clock"): SandboxBank._set_clock,
    ("GET", "/sandbox/faults"): SandboxBank._show_faults,
    ("POST", "/sandbox/faults"): SandboxBank._switch_fault,
    ("DELETE", "/sandbox/faults"): SandboxBank._clear_faults,
    ("POST", "/sandbox/accounts"): SandboxBank._open_accounts,
    ("POST", "/sandbox/deposits"): SandboxBank._deposit,
    ("POST", "/sandbox/returns"): SandboxBank._return,
    ("GET", "/sandbox/book"): SandboxBank._show_book,
}


class SandboxServer(ThreadingHTTPServer):
    """The sandbox bank on a socket; ``shutdown`` from another thread ends ``serve_forever``."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, bank: SandboxBank) -> None:
        super().__init__((host, port), _Handler)
        self.bank = bank
        self.stopping = threading.Event()

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, which can take many seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def url(self) -> str:
        """Base URL that clients use."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is nobody's error; anything else is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def shutdown(self) -> None:
        """End every held connection and the server."""
        self.stopping.set()
        super().shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SandboxServer
    timeout = 60

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing per request; the book is the record."""

    def _answer(self) -> None:
        if self.server.stopping.is_set():
            self.close_connection = True  # a connection that a client kept outlives the listening socket
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > REQUEST_LIMIT:
            self.close_connection = True
            self._send(_json(413, {"error": "bad_length"}))
            return
        body = self.rfile.read(int(length))
        if self.path.startswith("/sandbox/"):
            if ipaddress.ip_address(self.client_address[0]).is_loopback:
                self._send(self.server.bank.serve_admin(self.command, self.path, body))
            else:
                self._send(_json(403, {"error": "local_only"}))
            return
        self._play(self.server.bank.serve_contract(self.command, self.path, body, headers=self.headers))

    def _play(self, reply: Reply) -> None:
        if reply.delay_s:
            self.server.stopping.wait(reply.delay_s)
        match reply.symptom:
            case Symptom.WHOLE:
                self._send(reply)
                return
            case Symptom.REFUSED | Symptom.RESET:
                # Linger zero: the caller gets a reset, not an orderly end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case Symptom.CUT:
                self._head(reply)
                self.wfile.write(reply.body[: len(reply.body) // 2])
            case Symptom.DRIP:
                self._head(reply)
                self._drip(reply.body)
            case Symptom.SILENCE:
                self._wait_until_gone(None)
        self.close_connection = True
        self.connection.close()

    def _drip(self, body: bytes) -> None:
        for byte in body[:-1]:
            self.wfile.write(bytes([byte]))
            if self._wait_until_gone(_DRIP_INTERVAL_S):
                return

    def _wait_until_gone(self, seconds: float | None) -> bool:
        """Wait for the caller to hang up, or the seconds to pass; whether it is over."""
        waited = 0.0
        while not self.server.stopping.is_set() and (seconds is None or waited < seconds):
            if select.select([self.connection], [], [], _STOP_CHECK_S)[0]:
                return True
            waited += _STOP_CHECK_S
        return self.server.stopping.is_set()

    def _send(self, reply: Reply) -> None:
        self._head(reply)
        self.wfile.write(reply.body)

    def _head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if 300 <= reply.status < 400:
            self.send_header("Location", "/v1/elsewhere")
        self.end_headers()


def _json(status: int, document: dict[str, Any]) -> Reply:
    return Reply(status, "application/json", encoded(document))


def _fen(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"an amount is a whole number of fen, found {value!r}")
    return value
