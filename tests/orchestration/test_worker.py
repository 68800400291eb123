"""A program whose work is done ends, whatever Prefect still has in its queues."""

import os
import subprocess
import sys

import pytest

from fundpool.console.runs import LocalPrefect

pytestmark = pytest.mark.slow

EVENTS = 100
"""Ten minutes of tries at the interpreter's exit, were they left in the queue."""

ENDS_WITH_EVENTS_LEFT = """
import asyncio, sys
from prefect.events import clients, emit_event
from fundpool.console import runs

async def as_slow_as_a_server_that_is_gone(self, event):
    await asyncio.sleep(6)

clients.PrefectEventsClient._emit = as_slow_as_a_server_that_is_gone
for number in range(int(sys.argv[1])):
    emit_event("fundpool.test", {"prefect.resource.id": str(number)})
runs.DELIVERY_SECONDS = 1
runs._send_what_is_queued()
print("stopped", flush=True)
"""


def test_events_that_the_server_does_not_take_do_not_hold_a_finished_program(prefect: LocalPrefect) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_WITH_EVENTS_LEFT, str(EVENTS)],
        env={**os.environ, "PREFECT_API_URL": prefect.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "stopped\n"), ended.stderr
