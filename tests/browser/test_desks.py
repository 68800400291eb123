"""A county files on a phone and a clerk of the city sees the tasks: from the log-in on, without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.dashboard.server import answered_hosts, serving_in_background
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.services.users.accounts import NewAccount, add_account
from tests.accounts import PASSWORD, enter
from tests.browser.pictures import picture
from tests.integration.month_scene import CityScene, at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

pytestmark = pytest.mark.browser

NOW = at("2026-09-24 10:00")
JIAOJIANG = "331002"
CLERK, MAKER = "陈县区", "李经办"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> CityScene:
    folder = tmp_path_factory.mktemp("desks")
    database = Database(f"sqlite:///{folder / 'fundpool.db'}")
    set_up_sandbox(database)
    scene = CityScene(SqlTransactions(database, SEALS), folder, "taizhou", Month(2026, 10))
    enter(scene.ports.database, "张安全", Role.SEC_ADMIN)
    for wanted in (
        NewAccount(CLERK, Role.COUNTY_SUBMIT, "taizhou", JIAOJIANG),
        NewAccount(MAKER, Role.MAKER, "taizhou"),
    ):
        add_account(scene.ports, wanted, PASSWORD, passwords=Argon2Passwords(), by="张安全", now=NOW)
    return scene


@pytest.fixture(scope="module")
def url(scene: CityScene) -> Iterator[str]:
    options = DashboardOptions(
        hosts=answered_hosts("127.0.0.1"), only_known_then=True, time_of_day=lambda: NOW
    )
    with serving_in_background(
        create_app(MonthReader(scene.ports), lambda: NOW, options), "127.0.0.1", 0
    ) as at_:
        yield at_.rstrip("/")


def log_in(page, name: str) -> None:
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")


def file(page, path: Path) -> None:
    page.set_input_files("input[type=file] >> nth=0", str(path))
    page.click(".upload button >> nth=0")


def test_a_county_files_on_a_phone_until_it_passes(visit, url, scene):
    seen = visit(f"{url}/", width=390, scripts=False)
    page = seen.page
    picture(page, "login")
    log_in(page, CLERK)
    assert page.url == f"{url}/tasks"
    page.click("#now ~ .tasks a.button")
    assert page.locator("section.filing h2").first.inner_text() == "用款计划申请表 2026年10月"

    wrong = scene.plan(JIAOJIANG, inpatient_fen="一千元")
    file(page, wrong.rename(wrong.with_name("错.xlsx")))
    card = page.locator("section.filing").first.inner_text()
    for words in ("回执 000001", "已退回", "E5", "一千元", "填写如 1234.56 的数"):
        assert words in card, words
    # It is at hand, not far below or beside the screen.
    box = page.locator("section.filing >> nth=0").locator(".answer").bounding_box()
    assert 0 <= box["y"] < 900
    assert page.locator(".finding").first.bounding_box()["width"] <= 390
    picture(page, "county-returned")

    file(page, scene.plan(JIAOJIANG))
    card = page.locator("section.filing").first.inner_text()
    for words in ("回执 000002", "校验通过", "第 2 版", "此前 1 版"):
        assert words in card, words
    picture(page, "county-passed")
    for path in ("/tasks", "/desk/county"):
        for lang in ("zh", "en"):
            page.goto(f"{url}{path}?lang={lang}")
            assert page.locator("body").bounding_box()["width"] == 390
    assert "报送文件" in page.goto(f"{url}/tasks?lang=zh").text()
    assert seen.complaints == []
    assert [address for address in seen.requests if not address.startswith(url + "/")] == []


def test_a_clerk_of_the_city_comes_from_the_tasks_to_a_countys_form(visit, url):
    page = visit(f"{url}/login?lang=en", scripts=False).page
    log_in(page, MAKER)
    assert page.inner_text("h1") == "My tasks"
    waiting = page.locator("section:has(#waiting)")
    assert "waits for: county medical insurance agency" in waiting.inner_text()
    waiting.locator("text=Huangyan").click()
    page.wait_for_selector("input[type=file]")
    assert page.inner_text("h1").startswith("Huangyan")
    assert page.locator("input[type=file]").count() >= 1
