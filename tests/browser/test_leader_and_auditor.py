"""The leader and the auditor at their browsers, in both languages: log-in, pages, downloads, print."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from playwright.sync_api import Page

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.rights import Role
from tests.accounts import PASSWORD, QuickPasswords, enter
from tests.browser.pictures import picture
from tests.integration.desk_scene import Desks
from tests.integration.leader_scene import play_leader_city
from tests.integration.month_scene import at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

pytestmark = pytest.mark.browser

LEADER, AUDITOR = "周局长", "齐稽核"
MARCH = "city=suizhou&month=2026-03"
WORDS = {
    "zh": {"leader": "一页通", "audit": "审计日志", "sample": "抽样"},
    "en": {"leader": "in brief", "audit": "Audit trail", "sample": "Sample"},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Suizhou's March, paid, with its books kept until September."""
    folder = tmp_path_factory.mktemp("readers")
    database = Database(f"sqlite:///{folder / 'fundpool.db'}")
    set_up_sandbox(database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fundpool.console.dashboard.reading.Argon2Passwords", QuickPasswords)
        scene = play_leader_city(SqlTransactions(database, SEALS), folder)
        desks = Desks(scene, at("2026-10-09 09:00"))
    enter(scene.ports.database, LEADER, Role.CHECKER, "suizhou")
    enter(scene.ports.database, AUDITOR, Role.AUDITOR, "suizhou")
    with serving_in_background(desks.app, "127.0.0.1", 0) as address:
        yield address.rstrip("/")


def log_in(page: Page, url: str, name: str, to: str) -> None:
    """Open the page, which leads to the log-in, which leads back to it."""
    page.goto(url + to)
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_selector("form.account")


def downloaded(page: Page, selector: str) -> tuple[str, bytes]:
    """Name and bytes of what a link gives."""
    with page.expect_download() as found:
        page.click(selector)
    path = found.value.path()
    return found.value.suggested_filename, Path(path).read_bytes()


def printed_pages(page: Page) -> int:
    """How many sheets of A4 the page takes."""
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", paper))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_leader_reads_prints_and_takes_the_league_along(visit, url: str, lang: str) -> None:
    seen = visit(f"{url}/login?lang={lang}", scripts=False)
    page = seen.page
    log_in(page, url, LEADER, f"/leader?{MARCH}&lang={lang}")
    assert page.url.startswith(f"{url}/leader?")
    assert WORDS[lang]["leader"] in page.inner_text("h1")
    assert printed_pages(page) == 1
    name, content = downloaded(page, "a[href*='league.xlsx']")
    assert name.endswith(".xlsx")
    rows = openpyxl.load_workbook(BytesIO(content)).active
    assert "421303" in {cell.value for row in rows.iter_rows() for cell in row}
    name, content = downloaded(page, "a[href*='league.csv']")
    assert "421303" in content.decode("utf-8-sig")
    if lang == "zh":
        picture(page, "leader")  # of both languages
    page.goto(f"{url}/audit?{MARCH}")  # a leader is no auditor
    assert page.locator("#trail").count() == 0
    assert [address for address in seen.requests if not address.startswith(url + "/")] == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_auditor_looks_through_the_trail_draws_a_sample_and_takes_the_evidence(
    visit, url: str, lang: str
) -> None:
    seen = visit(f"{url}/login?lang={lang}", scripts=False)
    page = seen.page
    log_in(page, url, AUDITOR, f"/audit?{MARCH}&lang={lang}")
    assert WORDS[lang]["audit"] in page.inner_text("h2#trail")
    page.select_option("select[name=kind]", "approve_batch")
    page.click("section[aria-labelledby=trail] form button")
    page.wait_for_selector("select[name=kind] option[value=approve_batch][selected]", state="attached")
    acts = page.locator("table.trail tbody tr")
    assert acts.count() > 0
    assert all("batch:suizhou" in text for text in acts.all_inner_texts())
    page.click("form[action='/audit/sample'] button")
    page.wait_for_selector("a[href*='sample.zip']")
    assert WORDS[lang]["sample"] in page.inner_text("h1")
    assert printed_pages(page) <= 2
    name, content = downloaded(page, "a[href*='sample.zip']")
    assert name.startswith("sample-suizhou-2026-03-")
    assert "manifest.json" in ZipFile(BytesIO(content)).namelist()
    page.click("td a[href*='/lineage']")
    page.wait_for_selector("a[href*='/audit/files/']")
    name, content = downloaded(page, "a[href*='/audit/files/'] >> nth=0")
    assert content.startswith(b"PK")
    assert page.locator("main form[method=post]").count() == 0  # an auditor changes nothing
    assert seen.complaints == []
    assert [address for address in seen.requests if not address.startswith(url + "/")] == []
