"""How long a county waits from its upload to the verdict, over HTTP; one line of JSON.

    python -m benchmarks.upload_to_verdict

A month of Taizhou (nine counties) on SQLite; every upload is a new version with other figures. ``cpu_seconds`` is the
processor time of one upload, server and parser together.
"""

import json
import os
import re
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.measuring import cpu_seconds
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import get_ready_to_judge
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from tests.accounts import enter, token_of
from tests.integration.month_scene import CityScene, at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

UPLOADS, PAGES = 12, 5
NOW = at("2026-09-24 10:00")
JIAOJIANG = "331002"


def main() -> None:
    """Play the month up to the uploads and measure them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = Database(f"sqlite:///{folder / 'fundpool.db'}")
        set_up_sandbox(database)
        scene = CityScene(SqlTransactions(database, SEALS), folder, "taizhou", Month(2026, 10))
        enter(scene.ports.database, "陈县区", Role.COUNTY_SUBMIT, "taizhou", JIAOJIANG)
        options = DashboardOptions(time_of_day=lambda: NOW, only_known_then=True)
        get_ready_to_judge()  # as fundpool serve does when it starts
        with serving_in_background(
            create_app(MonthReader(scene.ports), lambda: NOW, options), "127.0.0.1", 0
        ) as url:
            cookies = {"session": token_of(scene.ports.database, "陈县区", NOW)}
            with httpx.Client(base_url=url, cookies=cookies, follow_redirects=True, timeout=60) as browser:
                _measure(browser, scene)


def _measure(browser: httpx.Client, scene: CityScene) -> None:
    token = re.search(r'csrf" value="(\w+)"', browser.get("/tasks").text)
    assert token is not None
    waits = []
    began_cpu = cpu_seconds()
    for number in range(UPLOADS):
        file = scene.plan(JIAOJIANG, inpatient_fen=1_000_00 + number)
        began = time.perf_counter()
        page = browser.post(
            "/desk/county/file?city=taizhou&month=2026-10",
            data={"what": "plan:2026-10", "csrf": token[1]},
            files=[("files", (file.name, file.read_bytes()))],
        )
        waits.append(time.perf_counter() - began)
        assert f"{number + 1:06d}" in page.text, "the receipt"
    figures = {
        "benchmark": "upload_to_verdict",
        "uploads": UPLOADS,
        "first_seconds": round(waits[0], 2),
        "median_seconds": round(statistics.median(waits), 2),
        "slowest_seconds": round(max(waits), 2),
        "cpu_seconds": round((cpu_seconds() - began_cpu) / UPLOADS, 2),
        "load": round(os.getloadavg()[0], 1),
    }
    for path in ("/tasks", "/desk/county"):
        began = time.perf_counter()
        for _ in range(PAGES):
            browser.get(path).raise_for_status()
        figures[f"{path} ms"] = round((time.perf_counter() - began) / PAGES * 1000)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
