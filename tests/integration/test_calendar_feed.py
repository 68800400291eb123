"""The calendar feed: a link with a secret for each unit that an account may read, and for no other."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.services.users.accounts import put_password
from tests.accounts import enter
from tests.integration.desk_scene import MAKER, Desks
from tests.integration.month_scene import CityScene, at

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OWN, OTHER = "331002", "331003"
CLERK, ADMIN = "陈县区", "张安全"


@pytest.fixture
def desks(transactions: SqlTransactions, tmp_path: Path) -> Desks:
    scene = CityScene(transactions, tmp_path, "taizhou", Month(2026, 10), judges=False)
    enter(scene.ports.database, CLERK, Role.COUNTY_SUBMIT, "taizhou", OWN)
    enter(scene.ports.database, ADMIN, Role.SEC_ADMIN)
    return Desks(scene, at("2026-09-21 09:00"))


def links(desks: Desks, name: str) -> dict[str, str]:
    """The feed's address of each unit, as the page shows it."""
    page = desks.of(name).see("/calendars")
    found = re.findall(r'href="http://testserver(/calendars/taizhou/(\w+)\.ics\?secret=\w+)"', page)
    return {unit: address for address, unit in found}


def get(desks: Desks, address: str):
    """What a calendar program gets, which has no cookie."""
    return TestClient(desks.app).get(address)


def test_a_calendar_program_reads_the_duties_without_a_log_in(desks: Desks) -> None:
    address = links(desks, CLERK)[OWN]
    answer = get(desks, address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    events = {str(event["uid"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}
    plan = next(event for uid, event in events.items() if f"submit_fund_use_plan-2026-10-{OWN}" in uid)
    assert not str(plan["summary"]).startswith("✓")
    assert all(uid.endswith(f"-{OWN}@fundpool") for uid in events)
    desks.scene.submit(desks.scene.plan(OWN), "plan", desks.now)
    desks.scene.run("plan-collection", desks.now)
    again = {str(e["uid"]): e for e in Calendar.from_ical(get(desks, address).content).walk("VEVENT")}
    assert again.keys() == events.keys()
    done = again[str(plan["uid"])]
    assert str(done["summary"]).startswith("✓")
    assert done["sequence"] > plan["sequence"]


def test_a_county_has_the_link_of_its_own_calendar_alone(desks: Desks) -> None:
    own = links(desks, CLERK)
    assert list(own) == [OWN]
    for wrong in (
        own[OWN].replace(OWN, OTHER),
        own[OWN].replace(OWN, "city_finance"),
        own[OWN].replace("taizhou", "suizhou"),
        own[OWN].replace("taizhou", "nowhere"),
        own[OWN][:-1] + ("0" if own[OWN][-1] != "0" else "1"),
        own[OWN].partition("?")[0],
        f"{own[OWN].partition('?')[0]}?secret=é",
    ):
        answer = get(desks, wrong)
        assert answer.status_code == 404, wrong
        assert "text/calendar" not in answer.headers["content-type"]


def test_the_city_has_the_calendars_of_its_offices_and_counties(desks: Desks) -> None:
    found = links(desks, MAKER)
    assert set(desks.scene.counties) < set(found)
    offices = set(found) - set(desks.scene.counties)
    assert "city_agency" in offices
    assert found[OWN] != links(desks, CLERK)[OWN]
    for unit in (*offices, OTHER):
        assert get(desks, found[unit]).status_code == 200
    assert get(desks, found[OTHER].replace(OTHER, OWN)).status_code == 404  # a link is of one unit
    assert desks.of(ADMIN).client.get(f"/calendars{desks.place}").status_code == 403


@pytest.mark.parametrize("how", ["password", "disabled"])
def test_a_new_password_or_the_end_of_the_account_ends_its_links(desks: Desks, how: str) -> None:
    address = links(desks, CLERK)[OWN]
    assert get(desks, address).status_code == 200
    database = desks.scene.ports.database

    def change(work) -> None:
        account = work.users.find(CLERK)
        if how == "password":
            put_password(work, account, "quick:another few words", by=ADMIN, now=desks.now)
        else:
            work.users.change(account, disabled_at=desks.now)

    database.transaction(change)
    assert get(desks, address).status_code == 404
    if how == "password":
        assert get(desks, links(desks, MAKER)[OWN]).status_code == 200
