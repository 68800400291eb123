"""The worker in our own process: no run is left lying, and a program whose work is done ends."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fundpool.domain.periods import Month
from fundpool.local_prefect.runs import LocalPrefect
from tests.integration.month_scene import CityScene

pytestmark = pytest.mark.slow

EVENTS = 100
"""A quarter of an hour of tries at the interpreter's exit, were each tried as often as Prefect tries it."""
PATIENCE_SECONDS = 270

ENDS_WITH_EVENTS_LEFT = """
import os, signal, sys, time
from pathlib import Path

from fundpool.local_prefect.runs import local_prefect
from fundpool.settings import Settings

with local_prefect(Settings()) as prefect:
    from prefect.client.orchestration import get_client
    from prefect.events import emit_event

    prefect.run_step("flags", "nowhere", "2026-10")
    with get_client(sync_client=True) as client:
        while not client.read_task_runs():  # Prefect tells of them by events: the way is open then
            time.sleep(0.1)
    server, = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    os.kill(int(server), signal.SIGKILL)
    for number in range(int(sys.argv[1])):
        emit_event("fundpool.test", {"prefect.resource.id": str(number)})
print("stopped", flush=True)
"""


@pytest.mark.timeout(400)
def test_events_that_the_server_does_not_take_do_not_hold_a_finished_program(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_WITH_EVENTS_LEFT, str(EVENTS)],
        # The log's last lines are sent by another client, whose own tries take a minute: events alone are at trial.
        env={**os.environ, "FUNDPOOL_HOME": str(tmp_path), "PREFECT_CLIENT_MAX_RETRIES": "0"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "stopped\n"), ended.stderr


def test_a_claim_that_was_sent_twice_does_not_leave_its_run_lying_in_everybody_s_way(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sends a request again whose answer was lost; the server refuses the second claim."""
    from prefect.client.orchestration import SyncPrefectClient  # noqa: PLC0415

    scene_of("taizhou", Month(2026, 10))
    send = SyncPrefectClient.set_flow_run_state
    lost: list[str] = []

    def losing_the_first_answer(self: Any, run_id: Any, state: Any, *rest: Any, **options: Any) -> Any:
        answer = send(self, run_id, state, *rest, **options)
        if state.is_pending() and not lost:
            lost.append(str(run_id))
            answer = send(self, run_id, state, *rest, **options)
        return answer

    monkeypatch.setattr(SyncPrefectClient, "set_flow_run_state", losing_the_first_answer)
    run = prefect.run_step("flags", "taizhou", "2026-10", as_of="2026-09-23")
    assert lost == [run.run_id]
    assert run.is_completed


def test_a_claim_whose_mark_did_not_reach_the_server_is_made_anew(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx  # noqa: PLC0415
    from prefect.client.orchestration import SyncPrefectClient  # noqa: PLC0415

    scene_of("taizhou", Month(2026, 10))
    mark = SyncPrefectClient.update_flow_run
    lost: list[str] = []

    def losing_the_first_mark(self: Any, *rest: Any, **options: Any) -> Any:
        if not lost:
            lost.append(str(rest[0]))
            raise httpx.ConnectError("gone")
        return mark(self, *rest, **options)

    monkeypatch.setattr(SyncPrefectClient, "update_flow_run", losing_the_first_mark)
    run = prefect.run_step("flags", "taizhou", "2026-10", as_of="2026-09-23")
    assert lost == [run.run_id]
    assert run.is_completed


def test_a_run_whose_end_did_not_reach_the_server_is_run_again_and_ends(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import SyncPrefectClient  # noqa: PLC0415

    scene_of("taizhou", Month(2026, 10))
    send = SyncPrefectClient.set_flow_run_state
    lost: list[str] = []

    def losing_the_first_end(self: Any, run_id: Any, state: Any, *rest: Any, **options: Any) -> Any:
        if state.is_completed() and not lost:
            lost.append(str(run_id))
            return send(self, run_id, self.read_flow_run(run_id).state, force=True)
        return send(self, run_id, state, *rest, **options)

    monkeypatch.setattr(SyncPrefectClient, "set_flow_run_state", losing_the_first_end)
    run = prefect.run_step("flags", "taizhou", "2026-10", as_of="2026-09-23")
    assert lost == [run.run_id]
    assert run.is_completed


def test_a_run_that_was_cut_short_keeps_its_place_before_the_later_steps_of_its_day(
    prefect: LocalPrefect, scene_of: Callable[..., CityScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review that overtakes the collection it follows finds nothing to review."""
    from prefect.client.orchestration import SyncPrefectClient  # noqa: PLC0415

    scene_of("taizhou", Month(2026, 10))
    send = SyncPrefectClient.set_flow_run_state
    lost: list[str] = []
    ended: list[str] = []

    def losing_the_first_step_s_end(self: Any, run_id: Any, state: Any, *rest: Any, **options: Any) -> Any:
        if not state.is_completed() or not self.read_flow_run(run_id).name.startswith("台州市"):
            return send(self, run_id, state, *rest, **options)
        if not lost:
            lost.append(str(run_id))
            return send(self, run_id, self.read_flow_run(run_id).state, force=True)
        ended.append(str(run_id))
        return send(self, run_id, state, *rest, **options)

    monkeypatch.setattr(SyncPrefectClient, "set_flow_run_state", losing_the_first_step_s_end)
    tick = prefect.run_tick("2026-09-24", ["taizhou"])
    assert lost == [tick.runs[0].run_id]
    assert ended == [run.run_id for run in tick.runs]
