"""A sandbox bank on a real socket, and a bank that misbehaves byte by byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fundpool.adapters.banks.http import HttpGateway
from fundpool.adapters.http_client import Deadlines
from fundpool.domain.periods import SHANGHAI
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.sandbox_bank.bank_file import BankFile
from fundpool.sandbox_bank.sandbox import SandboxBank, SandboxServer
from schemas.payment_messages import TransferOrder
from tests.canary import GATEWAY_SECRET

KEY_ID = "fundpool"
SECRET = GATEWAY_SECRET.encode()
NOW = datetime(2026, 10, 1, 9, 0, tzinfo=SHANGHAI)

PATIENT = Deadlines()
"""What the product uses: a busy machine must not turn an answer into a time-out."""

SILENCE_ENDS = Deadlines(read_s=0.3)
"""For tests in which the bank is silent: only the time between two bytes is short."""

DRIPPING_ENDS = Deadlines(total_s=0.8)
"""For tests in which bytes keep coming: only the time of the whole call is short."""

PAYER, PAYEE, PAYEE_NAME = "1001", "2001", "椒江区医保支出户"


def an_order(key: str = "order-1", amount_fen: int = 12_345, **changes: object) -> TransferOrder:
    values: dict[str, object] = {
        "key": key,
        "amount_fen": amount_fen,
        "debit_account": PAYER,
        "credit_account": PAYEE,
        "credit_name": PAYEE_NAME,
        "purpose": "2026-10 拨付",
        "end_to_end_id": key.replace("-", ""),
        "valid_until": NOW + timedelta(days=3),
    }
    return TransferOrder(**values | changes)  # type: ignore[arg-type]


@dataclass
class RunningBank:
    """A sandbox bank served from a thread of the test, with its book in reach."""

    bank: SandboxBank
    server: SandboxServer
    file: BankFile

    @property
    def book(self) -> BankBook:
        return self.bank.book

    def gateway(self, deadlines: Deadlines | None = None, secret: bytes = SECRET) -> HttpGateway:
        return HttpGateway(self.server.url, key_id=KEY_ID, secret=secret, deadlines=deadlines)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.bank.stop()
        self.file.close()


def start_bank(path: Path, callback_url: str | None = None) -> RunningBank:
    file = BankFile(path)
    book = file.open_book()
    bank = SandboxBank(book, key_id=KEY_ID, secret=SECRET, callback_url=callback_url)
    server = SandboxServer("127.0.0.1", 0, bank)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    book.open_account(PAYER, "台州市财政专户", 1_000_000)
    book.open_account(PAYEE, PAYEE_NAME, 0)
    return RunningBank(bank, server, file)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RunningBank]:
    running = start_bank(tmp_path / "bank.db")
    yield running
    running.stop()


Script = Callable[[socket.socket, threading.Event], None]


@dataclass
class RawBank:
    """Answers each connection with a script: whatever bytes, breaks and pauses it likes."""

    script: Script
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    over: threading.Event = field(default_factory=threading.Event)
    requests: list[bytes] = field(default_factory=list)
    read_request: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                if self.read_request:
                    self.requests.append(read_http_request(connection))
                self.script(connection, self.over)

    def stop(self) -> None:
        self.over.set()
        with suppress(OSError):  # stopped already
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_http_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def raw_bank() -> Iterator[Callable[..., RawBank]]:
    started: list[RawBank] = []

    def start(script: Script, *, read_request: bool = True) -> RawBank:
        running = RawBank(script, read_request=read_request)
        threading.Thread(target=running.serve, daemon=True).start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()
