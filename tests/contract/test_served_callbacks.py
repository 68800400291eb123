"""``fundpool serve`` takes the bank's callbacks: the signed one is kept once, any other changes nothing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from fundpool.adapters.keys.signature import signed_headers
from fundpool.adapters.stores.database import Database
from fundpool.console.callbacks import PATH
from schemas.tables.transfers import callback_inbox
from tests.canary import GATEWAY_SECRET

SECRET = GATEWAY_SECRET.encode()
BODY = json.dumps({"event_id": "event-1", "key": "order-1", "state": "succeeded"}).encode()


@pytest.fixture
def served(database, tmp_path: Path):
    url = database.engine.url.render_as_string(hide_password=False)
    environment = {
        **os.environ,
        "FUNDPOOL_HOME": str(tmp_path),
        "FUNDPOOL_DATABASE_URL": url,
        "FUNDPOOL_GATEWAY_SECRET": SECRET.decode(),
    }
    command = [sys.executable, "-m", "fundpool", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split()[-1].rstrip("/")
        finally:
            process.terminate()


def call_back(address: str, secret: bytes) -> httpx.Response:
    headers = signed_headers(
        secret, "fundpool", method="POST", path=PATH, body=BODY, at_unix_s=int(time.time())
    )
    return httpx.post(address + PATH, content=BODY, headers=headers)


def test_serve_takes_a_signed_callback_once_and_no_other(served: str, database: Database) -> None:
    assert call_back(served, b"another secret").status_code == 401
    assert httpx.post(served + PATH, content=BODY).status_code == 401
    assert call_back(served, SECRET).json() == {"received": True}
    assert call_back(served, SECRET).json() == {"received": True}
    kept = database.read(lambda connection: connection.execute(select(callback_inbox.c.event_id)).all())
    assert kept == [("event-1",)]
    metrics = httpx.get(served + "/metrics").text
    for result, count in {"forged": 2, "received": 1, "repeated": 1, "stale": 0}.items():
        assert f'fundpool_callbacks_total{{result="{result}"}} {count}.0' in metrics
