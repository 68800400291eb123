"""Every page at 10, 100 and 320 counties: server time, size, requests per second and first paint.

    python -m benchmarks.pages [--counties N]... [--requests N]

One line of JSON per page and size. ``stored``: a month of Taizhou's rules with an invented register, read from SQLite;
``after_write``: the same when something was written since, so that nothing is remembered. ``twelve``: a board of as
many counties with twelve duties each and no store behind it, the largest table there is. ``cpu_ms`` is processor
time. The board's lines have ``bare_ms``, Jinja alone writing the words of the same table, and requests per second
on one uvicorn worker beside such a page of bare Jinja served in the same way. ``first_paint_ms`` is Chromium's
first-contentful-paint over loopback, the median of several visits.
"""

import argparse
import json
import logging
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from jinja2 import Environment
from playwright.sync_api import Browser, sync_playwright

from benchmarks.large_city import NOW, addresses, invented_register, large_city
from benchmarks.national_month import MONTH
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import BoardReading, Moment, MonthReader
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy, DutyName
from fundpool.services.ports.work import MonthPorts
from schemas.dashboard import MonthStatus
from tests.browser.imagined_month import TAIZHOU, ImaginedReader, duty

PAINTS = 5
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
BARE = Environment(autoescape=True).from_string(
    "<table>{% for row in rows %}<tr>{% for text in row %}<td>{{ text }}</td>{% endfor %}</tr>{% endfor %}</table>"
)


def main() -> None:
    """Measure each size in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counties", type=int, nargs="*", default=[10, 100, 320])
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for counties in options.counties:
        with TemporaryDirectory() as home:
            ports = large_city(Path(home), counties)
            measure_stored(ports, counties, requests=options.requests)
        measure_twelve(counties, requests=options.requests)


def measure_stored(ports: MonthPorts, counties: int, *, requests: int) -> None:
    """Every page of a played city."""
    app, pages = _app(MonthReader(ports), NOW), addresses(ports)
    client = TestClient(app)
    figures = {name: measured(client, address, requests) for name, address in pages.items()}
    figures["board"] |= beside_bare(client, pages["board"], requests, app=app)
    database = ports.database
    assert isinstance(database, SqlTransactions)
    for name, address in pages.items():
        anew = measured(client, address, max(requests // 4, 4), before=database.memory.forget)
        figures[name]["after_write"] = {key: anew[key] for key in ("median_ms", "p95_ms", "cpu_ms")}
    painted = first_paints(app, pages)
    for name in pages:
        tell("stored", counties, name, figures[name] | {"first_paint_ms": painted[name]})


def measure_twelve(counties: int, *, requests: int) -> None:
    """The board of twelve duties, drawn from memory."""
    app, address = _app(MadeUpReader(counties), TWELVE_NOW), f"/?city={TAIZHOU.key}&month={MONTH}"
    client = TestClient(app)
    figures = measured(client, address, requests) | beside_bare(client, address, requests, app=app)
    painted = first_paints(app, {"board": address})
    tell("twelve", counties, "board", figures | {"first_paint_ms": painted["board"]})


def _app(reader: MonthReader, now: datetime) -> FastAPI:
    return create_app(reader, lambda: now, DashboardOptions(time_of_day=lambda: now))


def tell(kind: str, counties: int, page: str, figures: Mapping[str, Any]) -> None:
    """One line of JSON."""
    line = {"benchmark": "pages", "kind": kind, "counties": counties, "page": page, **figures}
    print(json.dumps(line | {"load": round(os.getloadavg()[0], 1)}), flush=True)


def measured(
    client: TestClient, address: str, requests: int, *, before: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Time and size of the page at ``address``; ``before`` is done before each request and is not counted."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.text)
    walls, processor = [], []
    for _ in range(requests):
        before()
        began, began_cpu = time.perf_counter(), time.process_time()
        client.get(address)
        walls.append(1000 * (time.perf_counter() - began))
        processor.append(1000 * (time.process_time() - began_cpu))
    return {
        "bytes": len(answer.content),
        "median_ms": round(statistics.median(walls), 1),
        "p95_ms": round(statistics.quantiles(walls, n=20)[-1], 1),
        "cpu_ms": round(statistics.median(processor), 1),
        "least_cpu_ms": round(min(processor), 1),
    }


def beside_bare(client: TestClient, address: str, requests: int, *, app: FastAPI) -> dict[str, Any]:
    """The board beside Jinja alone: the time to write the same words, and requests a second of each on one worker."""
    rows = _words(client.get(address).text)
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        BARE.render(rows=rows)
        took.append(1000 * (time.perf_counter() - began))
    bare = FastAPI()
    bare.add_api_route("/", lambda: HTMLResponse(BARE.render(rows=rows)))
    own, others = requests_per_second(app, address, requests), requests_per_second(bare, "/", requests)
    return {
        "duties": len(rows[0]) - 1,
        "bare_ms": round(statistics.median(took), 2),
        "per_second": round(own, 1),
        "bare_per_second": round(others, 1),
        "per_second_of_bare": round(own / others, 3),
    }


def requests_per_second(app: FastAPI, address: str, requests: int) -> float:
    """One after the other over HTTP, from one uvicorn worker in this process."""
    with (
        serving_in_background(app, "127.0.0.1", 0) as url,
        httpx.Client(base_url=url) as client,
    ):
        client.get(address).raise_for_status()
        began = time.perf_counter()
        for _ in range(requests):
            client.get(address).raise_for_status()
        return requests / (time.perf_counter() - began)


def first_paints(app: FastAPI, pages: Mapping[str, str]) -> dict[str, float | None]:
    """When Chromium first painted something of each page, in ms from the start of its navigation."""
    with serving_in_background(app, "127.0.0.1", 0) as url, _chromium() as browser:
        return {
            name: None if address.startswith("/api/") else _first_paint(browser, url.rstrip("/") + address)
            for name, address in pages.items()
        }


def _first_paint(browser: Browser, url: str) -> float:
    seen = []
    for _ in range(PAINTS):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.wait_for_function(f"() => {FIRST_PAINT} > 0")
        seen.append(float(page.evaluate(FIRST_PAINT)))
        page.close()
    return round(statistics.median(seen), 1)


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def _words(page: str) -> list[list[str]]:
    """The words of the matrix, cell by cell."""
    table = page[page.index('<table class="matrix">') : page.index("</table>", page.index('class="matrix"'))]
    return [
        [cell.partition(">")[2].replace("<", " ") for cell in row.replace("<th", "<td").split("<td")[1:]]
        for row in table.split("<tr>")[1:]
    ]


TWELVE_NOW = datetime(2026, 10, 9, 9, 30, tzinfo=SHANGHAI)
_TWELVE = tuple(f"duty_{number}" for number in range(12))


class MadeUpReader(ImaginedReader):
    """Twelve duties for each of many counties: seven are done or late, the rest are to come."""

    def __init__(self, counties: int) -> None:
        names = {
            key: DutyName(f"第{place + 1}项事项", f"duty {place + 1}") for place, key in enumerate(_TWELVE)
        }
        self.policy: CityPolicy = replace(TAIZHOU, register=invented_register(counties), duty_names=names)
        rows = [
            _row(key, place, unit.code, number=number)
            for place, key in enumerate(_TWELVE)
            for number, unit in enumerate(self.policy.units)
        ]
        self.shown = MonthStatus.model_validate(
            {"city": "taizhou", "month": str(MONTH), "as_of": TWELVE_NOW, "duties": rows}
        )

    def cities(self) -> Sequence[CityPolicy]:
        return (self.policy,)

    def status(self, city: str, month: Month, moment: Moment) -> MonthStatus:
        return self.shown

    def board(self, city: str, month: Month, moment: Moment) -> BoardReading:
        return BoardReading(self.shown, self.money("taizhou"), (), {})


def _row(key: str, place: int, unit: str, *, number: int) -> dict[str, Any]:
    due = date(2026, 9, 20) + timedelta(days=3 * place)
    done = datetime(2026, 9, 1 + number % 20, 9, tzinfo=SHANGHAI)
    state: dict[str, Any] = {"state": "upcoming", "waiting_for": "county_agency"}
    if place < 7:
        state = {"state": "done_on_time", "done_at": done}
        if number % 40 == place:
            state = {"state": "overdue", "days_late": 3, "waiting_for": "county_agency"}
    row = duty("submit_fund_use_plan", unit, **state)
    return row | {"step": key, "due": due, "act_by": due, "nominal": due}


if __name__ == "__main__":
    main()
