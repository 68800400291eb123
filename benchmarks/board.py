"""The board at 10, 100 and 320 counties: server time and size, beside a bare Jinja render of the same table.

    python -m benchmarks.board [--counties N]... [--requests N]

Prints one line of JSON per size and kind. ``stored``: a month of Taizhou's rules with an invented register,
played through the services to the county's money, each request read from SQLite and drawn. ``twelve``: as many
counties with twelve duties each and no store behind them, the largest table there is. ``bare_ms`` is Jinja alone
writing the words of the same table.
"""

import argparse
import json
import logging
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi.testclient import TestClient
from jinja2 import Environment

from benchmarks.national_month import MONTH, NationCity, nation_ports
from fundpool.bootstrap import limits_of
from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.reading import BoardReading, Moment, MonthReader
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy, DutyName, PolicyLibrary, Unit
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from schemas.dashboard import MonthStatus
from tests.browser.imagined_month import TAIZHOU, ImaginedReader, duty
from tests.integration.month_scene import at

NOW = at("2026-09-30 12:00")
BARE = Environment(autoescape=True).from_string(
    "<table>{% for row in rows %}<tr>{% for text in row %}<td>{{ text }}</td>{% endfor %}</tr>{% endfor %}</table>"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counties", type=int, nargs="*", default=[10, 100, 320])
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for counties in options.counties:
        with TemporaryDirectory() as home:
            ports = played(Path(home), counties)
            measure("stored", counties, MonthReader(ports), NOW, requests=options.requests)
        measure("twelve", counties, MadeUpReader(counties), TWELVE_NOW, requests=options.requests)


def measure(kind: str, counties: int, reader: MonthReader, now: datetime, *, requests: int) -> None:
    """Ask for the board again and again and print what it took."""
    client = TestClient(create_app(reader, lambda: now))
    city = reader.cities()[0].key
    address = f"/?city={city}&month={MONTH}"
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    took = _milliseconds(lambda: client.get(address), requests)
    rows = _words(answer.text)
    assert len(rows) == counties + 1, len(rows)
    bare = _milliseconds(lambda: BARE.render(rows=rows), requests)
    figures: dict[str, Any] = {
        "benchmark": "board",
        "kind": kind,
        "counties": counties,
        "duties": len(rows[0]) - 1,
        "bytes": len(answer.content),
        "median_ms": round(statistics.median(took), 1),
        "p95_ms": round(statistics.quantiles(took, n=20)[-1], 1),
        "bare_ms": round(statistics.median(bare), 1),
        "load": os.getloadavg(),
    }
    print(json.dumps(figures), flush=True)


def _milliseconds(what: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        took.append(1000 * (time.perf_counter() - began))
    return took


def _words(page: str) -> list[list[str]]:
    """The words of the matrix, cell by cell."""
    table = page[page.index('<table class="matrix">') : page.index("</table>", page.index('class="matrix"'))]
    return [
        [cell.partition(">")[2].replace("<", " ") for cell in row.replace("<th", "<td").split("<td")[1:]]
        for row in table.split("<tr>")[1:]
    ]


class _City(NationCity):
    """A city of any number of counties: the amounts repeat every nine, so that none exceeds its budget."""

    def place(self, county: str) -> int:
        return super().place(county) % 9 + 1


def played(home: Path, counties: int) -> MonthPorts:
    """One invented city under Taizhou's rules, its October played until the counties have their money."""
    ports = nation_ports(home, 1)
    policy = replace(ports.policies.cities[0], register=_register(counties), division_code="990000")
    library = PolicyLibrary((policy,))
    ports.database.limits = limits_of(Settings(home=home), library)  # type: ignore[attr-defined]
    ports = replace(ports, policies=library)
    place = _City(ports, home, policy.key)
    place.found()
    place.arrive()
    place.run("plan-collection", at("2026-09-14 16:00"))
    place.run("plan-review", at("2026-09-14 16:30"))
    place.decide(at("2026-09-15 10:00"))
    place.run("funds-application", at("2026-09-15 11:00"))
    place.review_by_finance(at("2026-09-16 09:00"))
    for step in ("disbursement", "allocation"):
        place.run(step, at("2026-09-30 10:00"))
        place.authorise(step, at("2026-09-30 10:30"))
        place.run(step, at("2026-09-30 11:00"))
    return ports


def _register(counties: int) -> tuple[Unit, ...]:
    return tuple(
        Unit(code=f"{990_000 + number}", kind="county", name_zh=f"虚构{number}县", name_en=f"County {number}")
        for number in range(1, counties + 1)
    )


TWELVE_NOW = datetime(2026, 10, 9, 9, 30, tzinfo=SHANGHAI)
_TWELVE = tuple(f"duty_{number}" for number in range(12))


class MadeUpReader(ImaginedReader):
    """Twelve duties for each of many counties: seven are done or late, the rest are to come."""

    def __init__(self, counties: int) -> None:
        names = {
            key: DutyName(f"第{place + 1}项事项", f"duty {place + 1}") for place, key in enumerate(_TWELVE)
        }
        self.policy: CityPolicy = replace(TAIZHOU, register=_register(counties), duty_names=names)
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
