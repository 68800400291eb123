"""The product's end of the bank's callbacks, over real HTTP."""

import json
import queue
import threading
import time

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from fundpool.adapters.keys.signature import signed_headers
from fundpool.console.callbacks import PATH, callback_router
from fundpool.domain.errors import ServiceUnavailable
from tests.contract.conftest import KEY_ID, NOW, SECRET, an_order, start_bank

GOOD = {"event_id": "event-1", "key": "order-1", "state": "succeeded"}


class Product:
    def __init__(self):
        self.received = queue.Queue()
        self.trouble = None
        app = FastAPI()
        app.include_router(callback_router(secret=lambda: SECRET, key_id=KEY_ID, receive=self.receive))
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def receive(self, event_id, key, raw):
        if self.trouble:
            raise self.trouble
        self.received.put((event_id, key, raw))

    def call_back(self, document, *, secret=SECRET, age_s=0, path=PATH):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = signed_headers(
            secret, KEY_ID, method="POST", path=path, body=body, at_unix_s=int(time.time()) - age_s
        )
        return httpx.post(self.url + path, content=body, headers=headers)


@pytest.fixture(scope="module")
def product():
    running = Product()
    yield running
    running.server.should_exit = True
    running.thread.join(10)


def test_the_banks_own_callback_is_received_as_sent(product, tmp_path):
    running = start_bank(tmp_path / "bank.db", callback_url=product.url + PATH)
    running.gateway().submit(an_order(), now=NOW)
    event_id, key, raw = product.received.get(timeout=10)
    running.stop()
    assert (event_id, key) == ("event-1", "order-1")
    assert json.loads(raw)["state"] == "succeeded"


def test_a_signed_callback_is_taken_also_with_a_query_string(product):
    assert product.call_back(GOOD, path=f"{PATH}?bank=1").json() == {"received": True}
    assert product.received.get(timeout=10)[1] == "order-1"


def test_a_callback_that_is_not_the_banks_changes_nothing(product):
    assert product.call_back(GOOD, secret=b"another secret").status_code == 401
    assert product.call_back(GOOD, age_s=301).status_code == 401
    assert httpx.post(product.url + PATH, json=GOOD).status_code == 401
    assert product.received.empty()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'{"event_id": "1", "event_id": "2", "key": "order-1"}',
        {"key": "order-1"},
        {"event_id": "1"},
        {"event_id": 1, "key": "order-1"},
        {"event_id": "", "key": "order-1"},
        {"event_id": "x" * 129, "key": "order-1"},
        {"event_id": "1", "key": "../order"},
        {"event_id": "1", "key": ["order-1"]},
    ],
)
def test_a_signed_callback_that_names_no_event_and_key_is_refused(product, document):
    assert product.call_back(document).status_code == 400
    assert product.received.empty()


def test_an_endless_callback_is_cut_off(product):
    assert product.call_back(b" " * 70_000).status_code == 413


def test_the_bank_gets_503_and_calls_again_when_nothing_could_be_kept(product):
    product.trouble = ServiceUnavailable(
        "database_unavailable", "数据库没有应答", "the database did not answer"
    )
    try:
        assert product.call_back(GOOD).status_code == 503
    finally:
        product.trouble = None
