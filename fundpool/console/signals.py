"""How a service is asked to end: the first signal lets it finish what is under way, a second one hurries it."""

import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from fundpool.console.language import one_language


@dataclass(frozen=True, slots=True)
class Ending:
    """Set by Ctrl-C and SIGTERM: ``stopped`` by the first, ``hurried`` by the second."""

    stopped: Event = field(default_factory=Event)
    hurried: Event = field(default_factory=Event)

    def listen(self) -> None:
        """Take the process's signals from now on."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, _number: int, _frame: object) -> None:
        (self.hurried if self.stopped.is_set() else self.stopped).set()


def say(line: str) -> None:
    """A line, written in both languages, for whoever watches the service; its supervisor adds the time."""
    print(one_language(line), file=sys.stderr, flush=True)


def say_alive() -> None:
    """Tell systemd that this service lives: one that no longer does is killed and started again (``WatchdogSec``)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
            notifying.sendto(b"WATCHDOG=1", address.replace("@", "\0", 1) if address[0] == "@" else address)


def end_as_if_killed() -> None:
    """End the process at once, with a thread still at work whose run is somebody else's by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
