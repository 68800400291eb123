"""What a service tells its supervisor."""

import socket
from pathlib import Path

import pytest

from fundpool.console.signals import say_alive


@pytest.mark.parametrize("kind", ["a file", "an abstract name"])
def test_a_service_says_that_it_lives_where_systemd_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    address = str(tmp_path / "notify") if kind == "a file" else f"@{tmp_path.name}"
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0", 1))
        listening.settimeout(10)
        say_alive()
        assert listening.recv(64) == b"WATCHDOG=1"
    say_alive()  # a supervisor that is gone is nobody's failure


def test_without_a_supervisor_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    say_alive()
