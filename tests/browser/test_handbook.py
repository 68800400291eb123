"""The handbook as it is built and served: whole, without anybody else's server, with no script in its pages."""

import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.testclient import TestClient

from fundpool.console.dashboard import app as dashboard
from fundpool.console.dashboard.server import serving_in_background
from handbook.hooks import LANGUAGES, PICTURES
from tests.browser.conftest import Visit
from tests.browser.imagined_month import NOW, ImaginedReader

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
DOT = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M/wHwAEAQH/7yMK1gAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make handbook`` does, with a dot for every picture."""
    folder = tmp_path_factory.mktemp("handbook")
    (folder / "pictures").mkdir()
    for name in PICTURES:
        for language in LANGUAGES:
            (folder / f"pictures/{name}.{language}.png").write_bytes(DOT)
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder / "site"],
        cwd=ROOT,
        env={"FUNDPOOL_TEST_PICTURES": str(folder / "pictures"), "NO_MKDOCS_2_WARNING": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dashboard, "SITE", site)
        app = dashboard.create_app(ImaginedReader(), lambda: NOW)
        with serving_in_background(app, "127.0.0.1", 0) as address:
            yield address.rstrip("/")


def test_somebody_new_finds_their_post_and_searches_in_chinese(visit: Callable[..., Visit], url: str) -> None:
    seen = visit(f"{url}/login")
    page = seen.page
    page.click("footer a")
    page.wait_for_url(f"{url}/handbook/zh/")
    assert page.inner_text("h1").startswith("岗位手册")
    page.click("article a[href$='county/']")
    page.wait_for_url(f"{url}/handbook/zh/county/")
    assert page.get_attribute("html", "lang") == "zh"
    page.wait_for_function("[...document.querySelectorAll('article img')].every(each => each.complete)")
    assert page.locator("article img").evaluate_all("all => all.map(each => each.naturalWidth)") == [1, 1]
    assert page.locator("article a[href*='/pictures/'] > img").count() == 2
    assert page.locator("article a[href='../../checks/']").count() == 1
    page.fill(".md-search__input", "用款计划")
    # What is found for the first letters may stand there before.
    page.wait_for_function("""() => {
        const first = document.querySelector('.md-search-result__link')
        return first && first.innerText.replaceAll('\u200b', '').includes('用款计划')
    }""")
    first = page.locator(".md-search-result__link").first
    assert first.get_attribute("href").startswith(f"{url}/handbook/zh/")
    page.goto(f"{url}/handbook/en/county/")
    assert page.get_attribute("html", "lang") == "en"
    assert page.locator(".md-select__link").evaluate_all("all => all.map(each => each.href)") == [
        f"{url}/handbook/{language}/county/" for language in LANGUAGES
    ]
    assert seen.complaints == []
    assert [address for address in seen.requests if not address.startswith(f"{url}/")] == []


def test_a_script_in_a_page_is_not_run(visit: Callable[..., Visit], url: str) -> None:
    page = visit(f"{url}/handbook/zh/county/").page
    run = """() => {
        const script = document.createElement('script')
        script.textContent = 'window.ran = true'
        document.body.append(script)
        return window.ran === true
    }"""
    assert page.evaluate(run) is False
    assert page.evaluate("typeof window.__md_scope") == "object"  # the theme's own, from its file


def test_every_page_may_be_used_by_everybody_and_on_a_phone(
    visit: Callable[..., Visit], url: str, site: Path
) -> None:
    seen = visit(f"{url}/handbook/zh/", width=390)
    for file in sorted(site.glob("[ez][nh]/*/index.html")):
        seen.page.goto(f"{url}/handbook/{file.relative_to(site).parent}/")
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    assert seen.complaints == []
    found = Axe().run(seen.page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    assert [violation["id"] for violation in found] == []


def test_the_root_leads_to_the_language_that_was_chosen(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "SITE", site)
    client = TestClient(dashboard.create_app(ImaginedReader(), lambda: NOW), follow_redirects=False)
    assert client.get("/handbook/").headers["location"] == "/handbook/zh/"
    client.cookies.set("lang", "en")
    assert client.get("/handbook/").headers["location"] == "/handbook/en/"
    page = client.get("/handbook/en/county/")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-cache"
    again = client.get("/handbook/en/county/", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304
    missing = client.get("/handbook/en/no-such/")
    assert (missing.status_code, "there is no such page" in missing.text) == (404, True)
    assert client.get("/handbook/../app.py").status_code == 404
    assert client.get("/handbook/%2e%2e/%2e%2e/pyproject.toml").status_code == 404


def test_a_handbook_that_was_not_built_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "SITE", tmp_path)
    client = TestClient(dashboard.create_app(ImaginedReader(), lambda: NOW), follow_redirects=False)
    for address in ("/handbook/", "/handbook/zh/county/"):
        page = client.get(address)
        assert page.status_code == 503
        assert "make handbook" in page.text
        assert (
            page.headers["content-security-policy"] == dashboard.SECURITY_HEADERS["Content-Security-Policy"]
        )
