"""Every page of a city of many counties: it is drawn, and asks no more of the database than for few counties."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from benchmarks.large_city import NOW, addresses, large_city
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.services.ports.work import MonthPorts
from tests.accounts import auditor_of

pytestmark = pytest.mark.slow

MANY = int(os.environ.get("FUNDPOOL_TEST_COUNTIES", "100"))
"""So many counties has the large city; ``make pages`` takes 320, which take a minute to play."""
BOARD_BYTES = 150_000
"""So large is the board of 320 counties at most."""

Played = Callable[[int], tuple[MonthPorts, TestClient]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A city of so many counties, and somebody who reads every page of it."""

    def play(counties: int) -> tuple[MonthPorts, TestClient]:
        ports = large_city(tmp_path_factory.mktemp(f"counties{counties}"), counties)
        return ports, visitor(ports)

    return cache(play)


def visitor(ports: MonthPorts) -> TestClient:
    """Somebody who reads every page."""
    token = auditor_of(ports.database)
    options = DashboardOptions(time_of_day=lambda: NOW)
    return TestClient(create_app(MonthReader(ports), lambda: NOW, options), cookies={"session": token})


@contextmanager
def statements(ports: MonthPorts) -> Iterator[Counter[str]]:
    """The statements that the database is asked within the block."""
    database = ports.database
    assert isinstance(database, SqlTransactions)
    database.memory.forget()
    asked: Counter[str] = Counter()

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked[statement] += 1

    event.listen(database.database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(database.database.engine, "before_cursor_execute", note)


def test_no_page_asks_the_database_more_for_more_counties(played: Played) -> None:
    (few, by_few), (many, by_many) = played(10), played(MANY)
    of_few, of_many = addresses(few), addresses(many)
    for page in of_few:
        with statements(few) as asked_by_few:
            assert by_few.get(of_few[page]).status_code == 200, page
        with statements(many) as asked_by_many:
            assert by_many.get(of_many[page]).status_code == 200, page
        assert asked_by_many.total() == asked_by_few.total(), (page, asked_by_many - asked_by_few)


def test_every_page_is_drawn_for_many_counties(played: Played) -> None:
    ports, browser = played(MANY)
    last = ports.policies.cities[0].units[-1].name_zh
    for page, address in addresses(ports).items():
        answer = browser.get(address)
        assert answer.status_code == 200, page
        if page.startswith("board"):
            assert last in answer.text
            assert len(answer.content) < BOARD_BYTES, page
