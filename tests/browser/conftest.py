"""A real server and a real Chromium, which may call nobody but that server."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.server import answered_hosts, serving_in_background
from tests.browser.imagined_month import NOW, ImaginedReader

_CHROMIUM_OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def imagined_url() -> Iterator[str]:
    """The dashboard over the imagined month."""
    options = DashboardOptions(
        run_url=lambda run_id: run_id and f"http://127.0.0.1:4200/runs/flow-run/{run_id}",
        hosts=answered_hosts("127.0.0.1"),
    )
    app = create_app(ImaginedReader(), lambda: NOW, options)
    with serving_in_background(app, "127.0.0.1", 0) as address:
        yield address.rstrip("/")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one module: while Playwright lives, an event loop runs on the main thread, and Prefect's
    synchronous calls in another module's tests would return coroutines that nobody awaits."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium on this machine: install Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_CHROMIUM_OPTIONS)
        yield browser
        browser.close()


class Visit:
    """One page as one reader sees it, with every request and complaint of the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens an address in a fresh profile: ``visit(url, width=1280, scripts=True)``."""
    contexts = []

    def open_page(url: str, *, width: int = 1280, scripts: bool = True) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, locale="zh-CN"
        )
        contexts.append(context)
        visited = Visit(context.new_page())
        visited.page.goto(url)
        return visited

    yield open_page
    for context in contexts:
        context.close()
