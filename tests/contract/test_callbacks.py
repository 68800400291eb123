"""The product's end of the bank's callbacks, over real HTTP."""

import json
import queue
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest

from fundpool.adapters.keys.signature import signed_headers
from fundpool.console.callback_record import LOG_BYTES, LOG_NAME, LOGS_KEPT, CallbackRecord
from fundpool.console.callbacks import PATH, callback_router
from fundpool.domain.errors import ServiceUnavailable
from tests.contract.conftest import KEY_ID, NOW, SECRET, an_order, start_bank

GOOD = {"event_id": "event-1", "key": "order-1", "state": "succeeded"}


class Product:
    def __init__(self, home):
        self.received = queue.Queue()
        self.trouble = None
        app = FastAPI()
        self.home = Path(home)
        self.registry = CollectorRegistry()
        self.record = CallbackRecord(self.home, self.registry)
        app.add_api_route("/metrics", lambda: PlainTextResponse(generate_latest(self.registry)))
        app.include_router(
            callback_router(secret=lambda: SECRET, key_id=KEY_ID, receive=self.receive, record=self.record)
        )
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
        return True

    def call_back(self, document, *, secret=SECRET, age_s=0, path=PATH):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = signed_headers(
            secret, KEY_ID, method="POST", path=path, body=body, at_unix_s=int(time.time()) - age_s
        )
        return httpx.post(self.url + path, content=body, headers=headers)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    running = Product(tmp_path_factory.mktemp("product"))
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


def test_what_was_refused_leaves_a_line_with_its_source_and_is_counted(product):
    def counted():
        lines = httpx.get(product.url + "/metrics").text.splitlines()
        return {line.split('"')[1]: float(line.split()[-1]) for line in lines if "callbacks_total{" in line}

    log = product.home / LOG_NAME
    log.write_text("")
    before = counted()
    product.call_back(GOOD, secret=b"another secret")
    product.call_back(GOOD, age_s=301)
    product.call_back(b"[]")
    product.call_back(b" " * 70_000)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    reasons = ["forged", "stale", "malformed", "too_large"]
    assert [line["reason"] for line in lines] == reasons
    assert {line["source"] for line in lines} == {"127.0.0.1"}
    after = counted()
    assert {reason: after[reason] - before[reason] for reason in reasons} == dict.fromkeys(reasons, 1)


def test_a_flood_of_forged_callbacks_cannot_fill_the_disk(tmp_path):
    record = CallbackRecord(tmp_path, CollectorRegistry())
    for number in range(30_000):
        record.refused("forged", source="x" * 500, key_id="k" * 500, timestamp="1" * 500, body=b"%d" % number)
    kept = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert kept <= LOG_BYTES * (1 + LOGS_KEPT)
    assert len(list(tmp_path.iterdir())) == 1 + LOGS_KEPT


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
