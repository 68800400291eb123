"""Every page, in each language: nothing keeps anybody from using it (axe), no phone scrolls it sideways."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.rights import Role
from tests.accounts import QuickPasswords, enter, token_of
from tests.browser.played_month import LAST_DAY, OCTOBER, play_taizhou
from tests.integration.desk_scene import Desks
from tests.integration.test_walls import COUNTY, FOR_ANYBODY, MATRIX

pytestmark = pytest.mark.browser

SHOTS = Path(folder) if (folder := os.environ.get("FUNDPOOL_TEST_PICTURES")) else None
NO_PAGES = ("/api/", "/static", "/handbook", "/health", "/metrics", "/login/provider", "/calendars/{city}")
DOWNLOADS = (".xlsx", ".csv", ".zip", ".{suffix}", "/template", "/versions/{version:int}", "{sha256}")
"""How the addresses begin and end that answer with something else than a page of the console."""

SEEN_BY = {
    "/desk/county": Role.COUNTY_SUBMIT,
    "/desk/payments": Role.RELEASER,
    "/desk/payments/batches/{batch:int}": Role.CHECKER,
    "/desk/operating": Role.CHECKER,
    "/leader": Role.CHECKER,
}
"""Who has most to do on a page; on every other the first of these roles that may see it."""
BY_CHOICE = (Role.MAKER, Role.AUDITOR, Role.SEC_ADMIN, Role.SYS_ADMIN)


@dataclass(frozen=True)
class Served:
    """Where the month is served, who may log in there, and the way of one of its payments."""

    url: str
    tokens: dict[Role, str]
    payment: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Taizhou's October: a late county, files sent back, a payment of unknown outcome, and somebody of each role."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fundpool.console.dashboard.reading.Argon2Passwords", QuickPasswords)
        scene = play_taizhou(tmp_path_factory.mktemp("every-page"))
        desks = Desks(scene, LAST_DAY)
    database = scene.ports.database
    tokens = {}
    for number, role in enumerate(Role):
        of_county = (scene.policy.key, COUNTY) if role is Role.COUNTY_SUBMIT else (None, None)
        account = enter(database, f"某{'甲乙丙丁戊己庚'[number]}", role, *of_county)
        tokens[role] = token_of(database, account.name, LAST_DAY)
    (*_, batch) = database.read(lambda work: work.payments.batches(scene.policy.key, OCTOBER))
    (payment, *_) = database.read(lambda work: work.payments.obligations(batch_id=batch.id))
    with serving_in_background(desks.app, "127.0.0.1", 0) as address:
        yield Served(address.rstrip("/"), tokens, payment.key)


def pages(payment: str) -> Iterator[tuple[Role | None, str]]:
    """Every page that answers GET: who looks at it, and its address."""
    for method, path in sorted(MATRIX.keys() | FOR_ANYBODY):
        if method != "GET" or path.startswith(NO_PAGES) or path.endswith(DOWNLOADS) or path == "/healthz":
            continue
        if (method, path) in FOR_ANYBODY:
            yield None, path
            continue
        address, roles = MATRIX[method, path]
        if path == "/lineage":
            address = address.replace("transfer=none", f"transfer={payment}")
        if path == "/desk/operating/preview":
            address += "&step=allocation"
        if path == "/desk/operating/day":
            address += "&day=2026-10-15"
        yield SEEN_BY.get(path) or next(role for role in BY_CHOICE if role in roles), address


def log_in_as(context: BrowserContext, served: Served, role: Role | None) -> None:
    """The context goes on as somebody of that role, or as nobody."""
    context.clear_cookies()
    if role is not None:
        context.add_cookies([{"name": "session", "value": served.tokens[role], "url": served.url}])


def shoot(page: Page, name: str) -> None:
    """Keep a picture, where somebody looks at them."""
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"every{name}.png", full_page=True)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_can_be_used_by_everybody_and_on_a_phone(
    chromium: Browser, served: Served, lang: str
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: faults.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    for role, address in sorted(pages(served.payment), key=lambda visit: (str(visit[0]), visit[1])):
        log_in_as(context, served, role)
        page.set_viewport_size({"width": 1280, "height": 900})
        sign = "&" if "?" in address else "?"
        answer = page.goto(f"{served.url}{address}{sign}lang={lang}")
        assert answer is not None
        name = f"{address.partition('?')[0].replace('/', '-')}-{lang}"
        if answer.status != 200:
            faults.append(f"{address}: answered {answer.status}")
        found = Axe().run(page).response["violations"]
        faults.extend(
            f"{address}: {violation['id']}: {node['html'][:160]}"
            for violation in found
            for node in violation["nodes"]
        )
        if (bar := page.locator("header .bar")).count() and bar.bounding_box()["height"] > 80:  # type: ignore[index]
            faults.append(f"{address}: the head takes two lines")
        shoot(page, f"{name}-1280")
        page.set_viewport_size({"width": 390, "height": 844})
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            faults.append(f"{address}: {width} px wide on a phone")
        shoot(page, f"{name}-390")
    context.close()
    assert faults == [], "\n".join(faults)
    assert [request for request in requests if not request.startswith(served.url + "/")] == []
