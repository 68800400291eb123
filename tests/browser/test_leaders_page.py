"""The leader's page of a city that loses money: one sheet of A4 in each language."""

import re
from collections.abc import Callable, Iterator

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.dashboard.server import serving_in_background
from tests.browser.conftest import Visit
from tests.browser.pictures import picture
from tests.integration.leader_scene import play_leader_city
from tests.integration.month_scene import at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

pytestmark = pytest.mark.browser
NOW = at("2026-10-09 09:00")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("leader")
    database = Database(f"sqlite:///{folder / 'fundpool.db'}")
    set_up_sandbox(database)
    scene = play_leader_city(SqlTransactions(database, SEALS), folder)
    app = create_app(MonthReader(scene.ports), lambda: NOW, DashboardOptions(time_of_day=lambda: NOW))
    with serving_in_background(app, "127.0.0.1", 0) as address:
        yield f"{address}leader?city=suizhou&month={scene.month}"


def test_the_leaders_page_is_one_sheet(visit: Callable[..., Visit], url: str) -> None:
    page = visit(url, scripts=False).page
    for language in ("en", "zh"):
        page.goto(f"{url}&lang={language}")
        paper = page.pdf(format="A4", prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1, language
    picture(page, "leader")
