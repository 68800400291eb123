"""The operating page at a browser: what a run would do, the run, a coming day, a record; in both languages."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.outcomes import StepRequest
from fundpool.domain.periods import Month
from fundpool.services.month.steps import run_step
from tests.accounts import PASSWORD, QuickPasswords
from tests.browser.pictures import picture
from tests.integration.desk_scene import CHECKER, MAKER, RELEASER, Desks
from tests.integration.month_scene import CityScene, at, play_to_release
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

pytestmark = pytest.mark.browser
SHOTS = Path(folder) if (folder := os.environ.get("FUNDPOOL_TEST_PICTURES")) else None
PATH = "/desk/operating"


@dataclass
class Served:
    """The desks and where they are served."""

    desks: Desks
    url: str


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Suizhou's October with its first hop released; the bank is away when it is first sent."""
    monkeypatch.setattr("fundpool.console.dashboard.reading.Argon2Passwords", QuickPasswords)
    database = Database(f"sqlite:///{tmp_path / 'fundpool.db'}")
    set_up_sandbox(database)
    scene = CityScene(SqlTransactions(database, SEALS), tmp_path, "suizhou", Month(2026, 10), judges=False)
    play_to_release(scene)
    scene.gateway.plan.add("refused")
    desks = Desks(scene, at("2026-09-28 11:00"))
    options = DashboardOptions(
        time_of_day=lambda: desks.now,
        only_known_then=True,
        run_url=lambda run_id: run_id and f"http://127.0.0.1:4200/runs/flow-run/{run_id}",
    )
    desks.app = create_app(MonthReader(scene.ports), lambda: desks.now, options)
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
        page.wait_for_selector("h1")
        page.goto(f"{served.url}{path}{served.desks.place}&lang={lang}")
        return page

    yield log_in
    for context in contexts:
        context.close()


def shoot(page: Page, name: str) -> None:
    """Keep a picture, where somebody looks at them."""
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_a_failed_step_is_run_again_after_a_look_at_what_it_would_do(
    served: Served, logged_in: Callable[..., Page]
) -> None:
    desks = served.desks
    by_prefect = StepRequest(
        "suizhou", desks.scene.month, at("2026-09-28 07:00"), run_id="4f2a", is_played=True
    )
    run_step(desks.scene.ports, "flags", by_prefect)
    page = logged_in(RELEASER, PATH)
    page.click("#flags > summary")
    assert page.get_attribute("#flags tbody a", "href") == "http://127.0.0.1:4200/runs/flow-run/4f2a"
    page.click("#disbursement > summary")
    page.click("#disbursement form button")
    page.wait_for_selector("#payments")
    picture(page, "preview")
    assert "先问银行，绝不重付" in page.inner_text("main")
    assert desks.scene.book.executions == []
    page.click("text=现在办理")
    page.wait_for_selector("[role=status]")
    assert "没有全部应答" in page.inner_text("[role=status]")
    picture(logged_in(RELEASER, PATH), "operating")
    step = page.inner_text("#disbursement")
    assert RELEASER in step
    assert "支付网关没有应答" in step
    assert desks.scene.book.executions == []

    desks.at("2026-09-29 09:00")
    page = logged_in(CHECKER, PATH, lang="en")
    page.click("text=Run again what failed")
    page.wait_for_selector("[role=status]")
    assert "nothing was found" in page.inner_text("[role=status]")
    assert len(desks.scene.book.executions) == len(desks.scene.funds)
    page.click("text=Run what is due now")
    page.wait_for_selector("[role=status]")
    assert len(desks.scene.book.executions) == len(desks.scene.funds)
    shoot(page, "operating-en")

    page.fill("[name=day]", "2026-10-09")
    page.click("text=Rehearse it on a copy of the books")
    page.wait_for_selector("#late")
    shoot(page, "operating-day-en")
    assert "allocation to the counties (due 2026-10-05): overdue by 4 days" in page.inner_text(
        "section:has(#late)"
    )
    assert "421303" not in page.inner_text("main")
    page.click("main .up")
    page.wait_for_selector("#steps")


def test_the_clerk_records_an_extension(served: Served, logged_in: Callable[..., Page]) -> None:
    page = logged_in(MAKER, PATH)
    page.click("text=登记事项延期")
    page.select_option("form[action*=extension] [name=duty]", "allocate_to_counties")
    page.fill("form[action*=extension] [name=until]", "2026-10-12")
    page.fill("form[action*=extension] [name=document_number]", "随医保〔2026〕9号")
    page.fill("form[action*=extension] [name=approver]", CHECKER)
    page.click("form[action*=extension] button")
    page.wait_for_selector("[role=status]")
    assert "随医保〔2026〕9号" in page.inner_text("section:has(#records)")
    page = logged_in(CHECKER, PATH)
    page.click("text=登记事项延期")
    assert page.locator("form[action*=extension] button").is_disabled()
    assert "您的岗位无权办理" in page.inner_text("form[action*=extension]")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_fits_a_phone(served: Served, logged_in: Callable[..., Page], lang: str) -> None:
    served.desks.scene.run("disbursement", at("2026-09-28 10:50"))
    for path in ("", "/preview", "/day"):
        page = logged_in(MAKER, PATH, width=390, lang=lang)
        if path == "/preview":
            page.click("#disbursement form button")
        elif path == "/day":
            page.fill("[name=day]", "2026-10-09")
            page.click("section:has(#ahead) button")
        if path:
            page.wait_for_selector("main .up")
        shoot(page, f"operating-phone-{lang}{path.replace('/', '-')}")
        widths = page.locator("main, header, footer").evaluate_all(
            "parts => parts.map(part => part.scrollWidth)"
        )
        assert max(widths) <= 390, path
