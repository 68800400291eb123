"""Whatever a real Prefect server does to runs, the bank's own book has each payment once.

Duplicate and re-created schedules, a run marked crashed while it is alive, a process stopped past
its lease, Prefect's whole memory deleted: Prefect decides when something is tried, never whether
money has moved.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fundpool.adapters.banks.http import HttpGateway
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.periods import Month
from fundpool.domain.transfer import ObligationState
from fundpool.local_prefect.deployments import deploy
from fundpool.local_prefect.runs import FlowRunResult, LocalPrefect
from fundpool.sandbox_bank.sandbox import SandboxBank, SandboxServer
from fundpool.services.ports.gateway import Gateway, GatewayAnswer
from fundpool.services.ports.work import Work
from schemas.payment_messages import TransferOrder
from tests.canary import GATEWAY_SECRET
from tests.integration.month_scene import CityScene, account_no, at

ROOT = Path(__file__).resolve().parents[2]
OCTOBER = Month(2026, 10)
PAYDAY = "2026-09-30T10:00"
TICK_DAY = "2026-10-09T10:00"
"""A day of its own: what a tick has started on a day is started once per server, and all tests share one."""
LATER = ("2026-09-30T10:30", "2026-09-30T10:45", "2026-09-30T11:15")
"""When others carry on: the lease is over, the bank is queried, what it does not know is sent again."""

KEY_ID, SECRET = "fundpool", GATEWAY_SECRET
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def taizhou(scene_of: Callable[..., CityScene]) -> CityScene:
    """Two released payments wait to be sent from the fiscal account, one per fund."""
    scene = scene_of("taizhou", OCTOBER, judges=False)
    for county in scene.counties:
        scene.drop(scene.plan(county), "plan")
    scene.run("plan-collection", at("2026-09-22 16:00"))
    scene.run("plan-review", at("2026-09-22 16:30"))
    scene.decide(at("2026-09-23 10:00"))
    scene.run("funds-application", at("2026-09-23 11:00"))
    scene.review_by_finance(at("2026-09-24 09:00"))
    # Ordered without a bank, released by people: from here on only flows act.
    scene.run("disbursement", at("2026-09-30 09:00"))
    scene.authorise("disbursement", at("2026-09-30 09:30"))
    assert scene.book.executions == []
    return scene


def assert_paid_once(scene: CityScene) -> None:
    """The bank's book has the city's two payments and nothing else; our books say the same."""
    unit = scene.policy.division_code
    expected = [
        (
            account_no(AccountType.CITY_EXPENDITURE, unit, fund),
            sum(scene.requested_fen(county, fund) for county in scene.counties),
        )
        for fund in scene.funds
    ]
    moved = [(execution.credit_account, execution.amount_fen) for execution in scene.book.executions]
    assert sorted(moved) == sorted(expected)
    found = scene.ports.database.read(lambda work: work.payments.obligations(city="taizhou"))
    ours = {each.state for each in found if each.hop.to_type is AccountType.CITY_EXPENDITURE}
    assert ours == {ObligationState.SETTLED}


class Gate:
    """A gateway whose first order stands still on its way to the bank until it is let through."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.reached = threading.Event()
        self.opened = threading.Event()

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        if not self.reached.is_set():
            self.reached.set()
            assert self.opened.wait(PATIENCE_SECONDS)
        return self._gateway.submit(order, now=now)

    def __getattr__(self, name: str) -> object:
        return getattr(self._gateway, name)


def ask_for(step: str, as_of: str) -> str:
    """A new run of the step's deployment, not yet begun; its id."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(f"{step}/{step}")
        parameters = {"city": "taizhou", "month": "2026-10", "as_of": as_of}
        return str(client.create_flow_run_from_deployment(deployment.id, parameters=parameters).id)


@contextmanager
def second_worker() -> Iterator[None]:
    """Another worker of the same pool."""
    from fundpool.local_prefect.worker import working  # noqa: PLC0415

    with working("second"):
        yield


def test_a_run_scheduled_twice_pays_once(prefect: LocalPrefect, taizhou: CityScene) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Scheduled  # noqa: PLC0415

    seven = datetime.now(UTC)
    parameters = {"city": "taizhou", "month": "2026-10", "as_of": PAYDAY}
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("disbursement/disbursement")
        twins = [
            # The scheduler's own key names the schedule: another schedule's id makes another run.
            client.create_flow_run_from_deployment(
                deployment.id,
                parameters=parameters,
                state=Scheduled(scheduled_time=seven),
                idempotency_key=f"scheduled {deployment.id} {schedule} {seven}",
            )
            for schedule in ("first", "second")
        ]
    assert twins[0].id != twins[1].id
    assert all(prefect.wait_for(str(twin.id)).is_completed for twin in twins)
    assert_paid_once(taizhou)


def test_a_schedule_made_anew_brings_its_run_back_and_pays_nothing(
    prefect: LocalPrefect, taizhou: CityScene
) -> None:
    first = run_of_a_new_schedule(prefect)
    assert "disbursement" in first.message
    assert_paid_once(taizhou)
    again = run_of_a_new_schedule(prefect)
    assert again.run_id != first.run_id
    assert again.message == "nothing due · 今日无事"
    assert_paid_once(taizhou)


def run_of_a_new_schedule(prefect: LocalPrefect) -> FlowRunResult:
    """Delete the clock's deployment, deploy it anew and run what its schedule brings, on the day of payment."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.filters import (  # noqa: PLC0415
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
    )
    from prefect.states import Scheduled  # noqa: PLC0415

    named = FlowRunFilter(state=FlowRunFilterState.model_validate({"name": {"any_": ["Scheduled"]}}))
    with get_client(sync_client=True) as client:
        client.delete_deployment(client.read_deployment_by_name("daily-tick/daily-tick").id)
        deploy(schedules=True)
        deployment = client.read_deployment_by_name("daily-tick/daily-tick")
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        scheduled = []
        while not scheduled and time.monotonic() < give_up_at:
            found = client.read_flow_runs(flow_run_filter=named, deployment_filter=mine)
            scheduled = [run for run in found if run.auto_scheduled]
            time.sleep(0.2)
        run = min(scheduled, key=lambda run: run.expected_start_time)
        client.update_flow_run(run.id, parameters={"cities": ["taizhou"], "as_of": TICK_DAY, "months": None})
        client.set_flow_run_state(run.id, Scheduled(), force=True)
    ended = prefect.wait_for(str(run.id))
    deploy(schedules=False)
    return ended


def mark_crashed(run_id: str) -> None:
    """What Prefect's heartbeat automation does, or a person on its page."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Crashed  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Crashed(message="no heartbeat"), force=True)


def test_a_run_marked_crashed_while_it_is_alive_and_its_retrigger_pay_once(
    prefect: LocalPrefect, taizhou: CityScene
) -> None:
    gate = Gate(taizhou.gateway)
    taizhou.ports = replace(taizhou.ports, gateway=gate)  # type: ignore[arg-type]
    alive = ask_for("disbursement", PAYDAY)
    assert gate.reached.wait(PATIENCE_SECONDS)
    try:
        with second_worker():
            mark_crashed(alive)
            prefect.wait_for(ask_for("disbursement", PAYDAY))
            # The other fund's payment went out; the one under way was left alone.
            assert len(taizhou.book.executions) == 1
            for as_of in LATER:
                prefect.wait_for(ask_for("disbursement", as_of))
            # Its lease was over and the bank knew nothing: the same key was sent again.
            assert_paid_once(taizhou)
    finally:
        gate.opened.set()
    prefect.wait_for(alive)
    prefect.run_step("reconciliation", "taizhou", "2026-10", as_of="2026-09-30T20:00")
    assert_paid_once(taizhou)


# ------------------------------------------------------------------ other processes, a bank over HTTP


@contextmanager
def served(scene: CityScene) -> Iterator[str]:
    """The scene's bank over HTTP, also for the scene's own flows; its address."""
    bank = SandboxBank(scene.book, key_id=KEY_ID, secret=SECRET.encode())
    server = SandboxServer("127.0.0.1", 0, bank)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    scene.ports = replace(scene.ports, gateway=HttpGateway(server.url, key_id=KEY_ID, secret=SECRET.encode()))
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()


def environment(scene: CityScene, bank: str, home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "FUNDPOOL_HOME": str(home),
        "FUNDPOOL_DATABASE_URL": scene.ports.database.database.url,  # type: ignore[attr-defined]
        "FUNDPOOL_GATEWAY_URL": bank,
        "FUNDPOOL_GATEWAY_KEY_ID": KEY_ID,
        "FUNDPOOL_GATEWAY_SECRET": SECRET,
        **more,
    }


STOPS_BEFORE_THE_CALL = """
import os, runpy, signal, sys
from fundpool.services.ports import failpoints

def stop(name):
    if name == "before submit":
        failpoints.install(None)
        os.kill(os.getpid(), signal.SIGSTOP)

failpoints.install(stop)
sys.argv = ["prefect.engine", sys.argv[1]]
runpy.run_module("prefect.engine", run_name="__main__")
"""
"""What a worker's child process runs, stopped between its claim and its call to the bank."""

SHORTEST_LEASE = "62s"
LEASE_LEAVES_SECONDS = 2
"""A lease of 62 seconds allows a call in its first two: it must end a minute before the lease does."""


def test_a_process_stopped_past_its_lease_sends_nothing_when_it_wakes_up(
    prefect: LocalPrefect, taizhou: CityScene, tmp_path: Path
) -> None:
    with served(taizhou) as bank, worker_of_prefects_own():
        run = claimed()
        zombie = subprocess.Popen(
            [sys.executable, "-c", STOPS_BEFORE_THE_CALL, run],
            env=environment(taizhou, bank, tmp_path / "zombie", FUNDPOOL_GATEWAY_LEASE=SHORTEST_LEASE),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            stopped_at = wait_until_stopped(zombie)
            assert taizhou.book.executions == []
            mark_crashed(run)  # else its place in the pool stays taken
            for as_of in LATER:
                prefect.run_step("disbursement", "taizhou", "2026-10", as_of=as_of)
            assert_paid_once(taizhou)
            while time.monotonic() < stopped_at + LEASE_LEAVES_SECONDS:
                time.sleep(0.1)
        finally:
            os.kill(zombie.pid, signal.SIGCONT)
        out, _ = zombie.communicate(timeout=PATIENCE_SECONDS)
        assert zombie.returncode == 0, out
    assert_paid_once(taizhou)
    # Three claims, two calls: the one that was stopped never spoke to the bank.
    assert submissions(taizhou) == {"started": 3, "finished": 2}


@contextmanager
def worker_of_prefects_own() -> Iterator[None]:
    """A living worker of Prefect's process type: what it claims is left to it."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from fundpool.local_prefect.deployments import WORK_POOL  # noqa: PLC0415
    from fundpool.local_prefect.recovery import forget_workers  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        client.send_worker_heartbeat(WORK_POOL, "ProcessWorker 1", heartbeat_interval_seconds=600)
        yield
        forget_workers(client, ["ProcessWorker 1"])


def claimed() -> str:
    """A run taken by a worker that will give it to a process of its own."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Pending, Scheduled  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("disbursement/disbursement")
        far = Scheduled(
            scheduled_time=datetime.now(UTC) + timedelta(days=1)
        )  # nobody else takes it meanwhile
        parameters = {"city": "taizhou", "month": "2026-10", "as_of": PAYDAY}
        run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=far)
        client.set_flow_run_state(run.id, Pending(), force=True)
    return str(run.id)


def wait_until_stopped(process: "subprocess.Popen[str]") -> float:
    """Wait for the process to be stopped by its signal; when that was seen (monotonic seconds)."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        _, status = os.waitpid(process.pid, os.WNOHANG | os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return time.monotonic()
        assert not status, process.communicate()[0]
        time.sleep(0.05)
    raise AssertionError("the process was never stopped")


def submissions(scene: CityScene) -> Counter[str]:
    """How many orders were begun and how many came back, by our own record of calls."""

    def read(work: Work) -> Counter[str]:
        return Counter(
            call.phase
            for obligation in work.payments.obligations(city="taizhou")
            for attempt in work.attempts.of_obligation(obligation.id)
            for call in work.attempts.calls(attempt.key)
            if call.operation == "submit"
        )

    return scene.ports.database.read(read)


PAYS_OVER_A_PREFECT_OF_ITS_OWN = """
import sys
from fundpool.local_prefect.runs import local_prefect
from fundpool.settings import Settings

with local_prefect(Settings()) as prefect:
    for as_of in sys.argv[1:]:
        run = prefect.run_step("disbursement", "taizhou", "2026-10", as_of=as_of)
        print(run.run_id, run.state_type, run.message, flush=True)
"""


@pytest.mark.slow
def test_with_prefects_whole_memory_deleted_a_retry_pays_nothing_twice(
    taizhou: CityScene, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with served(taizhou) as bank:
        # Executed, and the answer lost: for Prefect and for our books the payment has no end yet.
        with urllib.request.urlopen(
            f"{bank}/sandbox/faults", data=json.dumps({"fault": "500_after"}).encode(), timeout=30
        ):
            pass
        first = pay_in_a_process(taizhou, bank, home, PAYDAY)
        assert len(taizhou.book.executions) == 2
        shutil.rmtree(home / "prefect")
        second = pay_in_a_process(taizhou, bank, home, *LATER)
    assert first[0].split()[0] not in {line.split()[0] for line in second}
    assert_paid_once(taizhou)


def pay_in_a_process(scene: CityScene, bank: str, home: Path, *as_of: str) -> list[str]:
    """Run the step in a process that brings its own Prefect server; a line for each run."""
    done = subprocess.run(
        [sys.executable, "-c", PAYS_OVER_A_PREFECT_OF_ITS_OWN, *as_of],
        env=environment(scene, bank, home),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()
