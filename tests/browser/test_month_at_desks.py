"""Taizhou's October carried by people at their browsers: maker, checker, finance, approver, releaser."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.domain.transfer import BatchState
from tests.accounts import PASSWORD, QuickPasswords, enter
from tests.browser.pictures import picture
from tests.integration.desk_scene import (
    CHECKER,
    FINANCE,
    MAKER,
    RELEASER,
    SECOND_CHECKER,
    Desks,
)
from tests.integration.month_scene import CityScene, at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

pytestmark = pytest.mark.browser
OCTOBER = Month(2026, 10)
SHOTS = Path(folder) if (folder := os.environ.get("FUNDPOOL_TEST_PICTURES")) else None


@dataclass
class Served:
    """The desks and where they are served."""

    desks: Desks
    url: str


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Taizhou's plans filed and judged; one county cannot be read at a glance: it plans far more than the others."""
    monkeypatch.setattr("fundpool.console.dashboard.reading.Argon2Passwords", QuickPasswords)
    database = Database(f"sqlite:///{tmp_path / 'fundpool.db'}")
    set_up_sandbox(database)
    scene = CityScene(SqlTransactions(database, SEALS), tmp_path, "taizhou", OCTOBER)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-24 15:02"))
    scene.run("plan-collection", at("2026-09-27 07:00"))
    scene.run("plan-review", at("2026-09-27 07:10"))
    desks = Desks(scene, at("2026-09-28 10:00"))
    with serving_in_background(desks.app, "127.0.0.1", 0) as address:
        yield Served(desks, address.rstrip("/"))


@pytest.fixture
def logged_in(chromium: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Somebody's browser after the log-in; no script runs in it."""
    contexts = []

    def log_in(name: str, path: str, *, width: int = 1280, lang: str = "zh") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=False)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{served.url}/login?lang={lang}")
        page.fill("[name=name]", name)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.goto(f"{served.url}{path}{served.desks.place}&lang={lang}")
        return page

    yield log_in
    for context in contexts:
        context.close()


def shoot(page: Page, name: str) -> None:
    """Keep a picture, where somebody looks at them."""
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_a_month_is_carried_by_people_at_their_desks(served: Served, logged_in: Callable[..., Page]) -> None:
    desks, scene = served.desks, served.desks.scene
    page = logged_in(MAKER, "/desk/review")
    picture(page, "review")
    picture(logged_in(MAKER, "/tasks"), "tasks")
    picture(logged_in(MAKER, f"/desk/review/plan/{scene.counties[0]}"), "case")
    page.click("text=全部按申请额同意")
    assert "由另一人复核" in page.inner_text("[role=status]")
    # Whatever the checks found, the maker weighs case by case.
    while page.locator("section:has(#findings) tbody a").count():
        page.locator("section:has(#findings) tbody a").first.click()
        page.locator("button:not([disabled])", has_text="同意").first.click()
        page.click("main .up")
    page = logged_in(CHECKER, "/desk/review")
    picture(page, "review-second")
    page.click("text=全部确认")
    page.wait_for_selector("[role=status]")
    shoot(page, "review-decided")
    assert page.locator("#proposed").count() == 0

    desks.at("2026-09-29 09:00")
    scene.run("funds-application", at("2026-09-30 09:00"))
    desks.at("2026-09-30 10:00")
    picture(logged_in(FINANCE, "/desk/payments"), "finance")
    page = logged_in(FINANCE, "/desk/payments", lang="en")
    shoot(logged_in(FINANCE, "/desk/payments", width=390), "finance-phone")
    page.click("text=Review all of them as applied for")
    page.wait_for_selector("[role=status]")
    for step, moment in (("disbursement", "2026-09-30"), ("allocation", "2026-10-09")):
        scene.run(step, at(f"{moment} 11:00"))
        desks.at(f"{moment} 11:30")
        let_out(served, logged_in)
    page = logged_in(RELEASER, "/desk/payments")
    picture(page, "payments-done")
    shoot(logged_in(RELEASER, "/desk/payments", width=390), "payments-phone")
    page.click("text=资金走向")
    page.wait_for_selector("svg.sankey")
    picture(page, "flow")
    assert page.locator("svg.sankey rect").count() == 2 + len(scene.counties)
    assert page.locator("svg.sankey path.open").count() == 0
    paid = sum(scene.executed_fen().values())
    batches = scene.ports.database.read(lambda work: work.payments.batches("taizhou", OCTOBER))
    assert {batch.state for batch in batches} == {BatchState.RELEASED}
    assert paid == sum(batch.total_fen for batch in batches) > 0
    look_round(served, logged_in)


def look_round(served: Served, logged_in: Callable[..., Page]) -> None:
    """What is read when the month is paid: board, balances, trail, the way of a payment."""
    database = served.desks.scene.ports.database
    enter(database, "齐稽核", Role.AUDITOR)
    enter(database, "章安全", Role.SEC_ADMIN)
    served.desks.at("2026-10-12 09:00")
    page = logged_in(FINANCE, "/papers")
    page.locator("section:has(#application) form button").click()
    page.wait_for_selector("[role=status]")
    assert page.locator("section:has(#application) a[download]").count() == 2
    picture(page, "papers")
    page = logged_in("齐稽核", "/")
    picture(page, "board")
    batch = database.read(lambda work: work.payments.batches("taizhou", OCTOBER)[-1])
    (payment, *_) = database.read(lambda work: work.payments.obligations(batch_id=batch.id))
    for path, name in (
        ("/balances", "balances"),
        ("/audit", "audit"),
        (f"/lineage?transfer={payment.key}", "lineage"),
    ):
        page.goto(f"{served.url}{path}{served.desks.place if '?' not in path else ''}")
        assert page.locator("h1").count() == 1
        picture(page, name)
    picture(logged_in("章安全", "/users"), "users")


def let_out(served: Served, logged_in: Callable[..., Page]) -> None:
    """Every batch that waits is approved by one person and released by another, who types its total."""
    for name, text in ((SECOND_CHECKER, "复核"), (RELEASER, "放行")):
        page = logged_in(name, "/desk/payments")
        while page.locator("#batches ~ .scroll a.button", has_text=text).count():
            page.locator("#batches ~ .scroll a.button", has_text=text).first.click()
            page.wait_for_selector("main form.act")
            picture(page, "batch-release" if text == "放行" else "batch-approve")
            if text == "放行":
                total = page.locator("tfoot .strong").inner_text()
                page.fill("[name=total]", total)
                page.fill("[name=password]", PASSWORD)
            page.click("main form.act button:not([disabled])")
            page.wait_for_selector("[role=status]")  # a click returns before the page it leads to is there
            if text == "放行":
                page.click("tbody a >> nth=0")
                page.wait_for_selector("#life")
                picture(page, "order")
                page.click("main .up")
            else:
                page.click("main .up")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_desks_fit_a_phone(served: Served, logged_in: Callable[..., Page], lang: str) -> None:
    county = served.desks.scene.counties[0]
    for path in ("/desk/review", f"/desk/review/plan/{county}", "/desk/payments", "/desk/payments/flow"):
        page = logged_in(MAKER, path, width=390, lang=lang)
        shoot(page, f"phone-{lang}-{path.count('/')}{path.rsplit('/', 1)[1]}")
        widths = page.locator("main, header, footer").evaluate_all(
            "parts => parts.map(part => part.scrollWidth)"
        )
        assert max(widths) <= 390, path
