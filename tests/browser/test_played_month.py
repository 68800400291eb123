"""The dashboard as ``fundpool serve`` shows a month that the services played."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fundpool.domain.chart_of_accounts import AccountType
from tests.browser.played_month import (
    HOSTILE_AMOUNT,
    HOSTILE_NAME,
    JIAOJIANG,
    LAST_DAY,
    LUQIAO,
    play_taizhou,
)
from tests.integration.month_scene import account_no

pytestmark = pytest.mark.browser

PAGES = ("/", f"/counties/{JIAOJIANG}", "/transfers", "/balances", "/findings")
REPOSITORY = Path(__file__).resolve().parents[2]


def fundpool(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command of the product with its data in ``home``."""
    return subprocess.Popen(
        [sys.executable, "-m", "fundpool", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "FUNDPOOL_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_of(process: subprocess.Popen[str]) -> str:
    """The address the dashboard prints once it answers."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, (line, process.stderr.read() if process.stderr else "")
    return found[0].rstrip("/")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=30)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("played")
    play_taizhou(folder)
    return folder


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    process = fundpool(home, "serve", "--port", "0", "--as-of", LAST_DAY.isoformat())
    yield address_of(process)
    assert stop(process) == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_of_a_real_month_is_drawn_and_calls_nobody_outside(visit, url, lang):
    seen = visit(f"{url}/?lang={lang}", width=390)
    for path in PAGES:
        seen.page.goto(url + path)
        assert seen.page.locator("main section").count() >= 1
        assert seen.page.locator("section.error").count() == 0
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    assert seen.complaints == []
    assert [address for address in seen.requests if not address.startswith(url + "/")] == []


def test_the_board_says_who_is_late_and_what_nobody_knows(visit, url):
    page = visit(f"{url}/?lang=en").page
    alarm = page.locator("main > section").first.inner_text()
    assert "1 transfer is held, sent back or of unknown outcome" in alarm
    rows = {row.split()[0]: row for row in page.locator(".matrix tbody tr").all_inner_texts()}
    assert "Overdue 14 days" in rows["Xianju"]
    assert "1 day late" in rows["Luqiao"]
    assert "On time" in rows["Jiaojiang"]


def test_markup_that_a_county_sent_is_shown_and_never_run(visit, url):
    seen = visit(f"{url}/counties/{JIAOJIANG}")
    text = seen.page.inner_text("body")
    assert HOSTILE_NAME in text
    assert HOSTILE_AMOUNT in text
    assert seen.page.title() != "owned"
    assert seen.page.locator("main img").count() == 0
    assert seen.complaints == []


def test_a_finding_says_the_cell_and_what_to_do(visit, url):
    table = visit(f"{url}/counties/{JIAOJIANG}?lang=en").page.locator("table.findings").first
    row = table.locator("tbody tr").first.inner_text()
    assert "E5" in row
    assert "Blocks" in row
    assert HOSTILE_AMOUNT in row


def test_the_county_page_shows_what_the_new_version_changed(visit, url):
    page = visit(f"{url}/counties/{JIAOJIANG}?lang=en", scripts=False).page
    page.click("text=What version 2 changed")
    assert page.locator("details[open] tbody tr").count() >= 1


def test_money_goes_from_request_to_payment_and_the_unknown_transfer_is_not_paid(visit, url):
    rows = visit(f"{url}/?lang=en").page.locator(".money tbody tr").all_inner_texts()
    by_stage = {row.split("\t")[0].strip(): row.split("\t")[1:] for row in rows}
    assert by_stage["Requested"] == ["226,000.00", "187,000.00"]
    assert by_stage["Approved amount"] == ["226,000.00", "187,000.00"]
    assert by_stage["Confirmed by finance"] == ["226,000.00", "187,000.00"]
    assert by_stage["Paid"] == ["221,000.00", "187,000.00"]


def test_books_balance_and_account_numbers_are_cut(visit, url):
    page = visit(f"{url}/balances?lang=en").page
    assert page.locator("text=Debits equal credits").count() == 2
    number = account_no(AccountType.COUNTY_EXPENDITURE, JIAOJIANG, "employee")
    for path in ("/transfers", "/balances", "/api/status?city=taizhou&month=2026-10"):
        assert number not in httpx.get(url + path).text
    assert f"ending {number[-4:]}" in page.inner_text("body")


def test_a_late_file_says_so_beside_its_receipt(visit, url):
    page = visit(f"{url}/counties/{LUQIAO}?lang=en").page
    assert "Sat 26 Sept 2026 08:40" in page.inner_text("body")
    assert page.locator("td:has-text('08:40') .chip.late").count() == 1


def test_the_api_says_what_the_command_says(url, home):
    process = fundpool(
        home, "status", "--city", "taizhou", "--month", "2026-10", "--as-of", LAST_DAY.isoformat(), "--json"
    )
    output, _ = process.communicate(timeout=60)
    assert httpx.get(f"{url}/api/status?city=taizhou&month=2026-10").json() == json.loads(output)


def test_an_installation_that_was_never_set_up_is_not_served(tmp_path):
    output, trouble = fundpool(tmp_path, "serve", "--port", "0").communicate(timeout=60)
    assert output == ""
    assert "database_not_set_up" in trouble
    assert "fundpool init" in trouble


def test_pages_of_a_database_that_is_away_say_so_and_come_back_with_it(tmp_path):
    assert fundpool(tmp_path, "init").wait(60) == 0
    process = fundpool(tmp_path, "serve", "--port", "0")
    address = address_of(process)
    (database,) = tmp_path.rglob("fundpool.db")
    away = database.rename(database.with_name("away.db"))
    page = httpx.get(address)
    assert page.status_code == 503
    assert "fundpool init" in page.text
    away.rename(database)
    assert httpx.get(address, follow_redirects=True).status_code == 200
    assert stop(process) == 0


def test_a_port_that_is_taken_is_one_sentence_and_exit_2(url, tmp_path):
    assert fundpool(tmp_path, "init").wait(60) == 0
    process = fundpool(tmp_path, "serve", "--port", url.rsplit(":", 1)[1])
    output, trouble = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == ""
    assert "address_not_available" in trouble
    assert "Traceback" not in trouble
