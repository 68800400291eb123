"""The process's one HTTP client: what it keeps, what it never does, and that it ends with the process."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from fundpool.adapters.http_client import NoResponse, close, exchange
from fundpool.settings import REPOSITORY


class Recorder(BaseHTTPRequestHandler):
    """Answers everything with a cookie, and remembers who called how."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        self.server.seen.append((self.client_address[1], dict(self.headers)))
        moved = self.path == "/moved"
        self.send_response(302 if moved else 200)
        self.send_header("Set-Cookie", "session=1")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    running.daemon_threads, running.block_on_close, running.seen = True, False, []
    running.url = f"http://127.0.0.1:{running.server_port}"
    Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield running
    close()
    running.shutdown()
    running.server_close()


def test_a_connection_is_kept_for_the_next_request_until_the_client_is_closed(server: Any) -> None:
    for _ in range(3):
        assert exchange("GET", server.url).body == b"ok"
    assert len({port for port, _ in server.seen}) == 1
    close()
    exchange("GET", server.url)
    assert len({port for port, _ in server.seen}) == 2


def test_threads_share_the_client(server: Any) -> None:
    threads = [Thread(target=exchange, args=("GET", server.url)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 8


@pytest.mark.parametrize("scheme", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_of_the_environment_is_used(
    server: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(scheme, "http://127.0.0.1:1")  # nobody listens there
    monkeypatch.delenv("NO_PROXY", raising=False)
    close()
    assert exchange("GET", server.url).status == 200


def test_no_redirect_is_followed_and_no_cookie_kept(server: Any) -> None:
    assert exchange("GET", f"{server.url}/moved").status == 302
    exchange("GET", server.url)
    assert len(server.seen) == 2
    assert all("Cookie" not in headers for _, headers in server.seen)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "http://a\x00b"])
def test_where_nobody_answers_is_unreachable(url: str) -> None:
    with pytest.raises(NoResponse) as none:
        exchange("GET", url)
    assert none.value.reason == "unreachable"


OPEN = "exchange('GET', url)"
ASKING_ON = """
import threading
def ask():
    while True:
        exchange('GET', url)
threading.Thread(target=ask, daemon=True).start()
threading.Event().wait(0.2)
"""


@pytest.mark.parametrize("left", [OPEN, ASKING_ON])
def test_what_is_left_open_does_not_keep_the_process_from_ending(server: Any, left: str) -> None:
    program = f"from fundpool.adapters.http_client import exchange\nurl = {server.url!r}\n{left}"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=60)
