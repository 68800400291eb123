"""The pages of a played month as it stood at a moment in the address."""

import pytest
from fastapi.testclient import TestClient

from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.periods import Month
from fundpool.services.payments import kill_switches
from tests.browser.played_month import JIAOJIANG, LAST_DAY, XIANJU, play_taizhou
from tests.integration.month_scene import CityScene, at

OCTOBER = Month(2026, 10)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> CityScene:
    played = play_taizhou(tmp_path_factory.mktemp("played"))

    def stop(work: object) -> None:
        kill_switches.stop_fund(
            work, "taizhou", "resident", reason="对账不符", by="赵财政", now=at("2026-10-09 09:40")
        )  # type: ignore[arg-type]

    played.ports.database.transaction(stop)
    return played


@pytest.fixture(scope="module")
def pages(scene: CityScene) -> TestClient:
    return TestClient(create_app(MonthReader(scene.ports), lambda: LAST_DAY))


def test_the_board_of_a_past_day_knows_no_payment_no_decision_and_no_alarm_of_later(
    pages: TestClient,
) -> None:
    now = pages.get("/?lang=en").text
    assert "Sending stopped" in now
    assert "% paid" in now
    then = pages.get("/?lang=en&as_of=2026-09-27T08:00").text
    assert "Sending stopped" not in then
    assert "% paid" not in then
    assert "As of Sun 27 Sept 2026 08:00" in then
    money = then.split("Approved amount")[1].split("</tr>")[0]
    assert "not known yet" in money


def test_transfers_and_balances_of_a_past_day_are_those_of_that_day(pages: TestClient) -> None:
    assert "No batch has been made yet." in pages.get("/transfers?lang=en&as_of=2026-09-29").text
    ordered = pages.get("/transfers?lang=en&as_of=2026-09-30T14:05").text
    assert "Awaiting approval" in ordered
    assert "Paid and booked" not in ordered
    assert "Paid and booked" in pages.get("/transfers?lang=en&as_of=2026-10-09T09:30").text
    paid_from = pages.get("/balances?lang=en").text
    assert pages.get("/balances?lang=en&as_of=2026-09-29").text.split("<section")[1] != paid_from


def test_a_county_s_page_of_a_past_day_has_neither_the_file_nor_the_decision_of_later(
    pages: TestClient,
) -> None:
    county = f"/counties/{JIAOJIANG}?lang=en"
    before = pages.get(f"{county}&as_of=2026-09-23").text
    after = pages.get(county).text
    assert before.count("<bdi>") < after.count("<bdi>")
    assert "Approved" not in before.split("<h2")[-1]
    assert pages.get(f"/counties/{XIANJU}?as_of=2026-09-20").status_code == 200


def test_a_dashboard_whose_clock_is_set_shows_the_month_as_it_stood(scene: CityScene) -> None:
    then = at("2026-09-27 08:00")
    app = create_app(MonthReader(scene.ports), lambda: then, DashboardOptions(only_known_then=True))
    document = TestClient(app).get("/api/status?city=taizhou&month=2026-10").json()
    assert document["transfers"] == []
    client = TestClient(create_app(MonthReader(scene.ports), lambda: LAST_DAY))
    assert client.get(f"/api/status?as_of={then:%Y-%m-%dT%H:%M}").json() == document
