"""The pages' walls: log-in, forms, and every route × role × county; what nobody allowed is refused."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from starlette.routing import Mount, Route

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.console.callback_record import CallbackRecord
from fundpool.console.callbacks import callback_router
from fundpool.console.cli import main
from fundpool.console.dashboard import server
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.door import Door
from fundpool.console.dashboard.door import Route as Declared
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.health_pages import health_router
from fundpool.domain.accounts import FAILURES_ALLOWED, IDLE_FOR
from fundpool.domain.rights import Right, Role
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.ports.work import MonthPorts
from fundpool.services.users import accounts, sessions, tokens
from fundpool.services.users.accounts import NewAccount
from fundpool.settings import Settings
from tests.accounts import BEGAN, PASSWORD, enter, token_of
from tests.scripted_bank import ScriptedGateway

NOW = BEGAN + timedelta(hours=1)
CITY, COUNTY, OTHER, OTHER_CITY = "taizhou", "331002", "331003", "suizhou"
READERS = {Role.MAKER, Role.CHECKER, Role.RELEASER, Role.AUDITOR}
FILERS = {Role.COUNTY_SUBMIT, Role.MAKER}
DECIDERS = {Role.CHECKER, Role.RELEASER}
OPERATORS = DECIDERS | {Role.MAKER}
EVERYBODY = set(Role)
USER_ACTS = ("add", "disable", "enable", "password")

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Clock:
    """The machine's time of day."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def ports(transactions: SqlTransactions, tmp_path: Path) -> MonthPorts:
    gateway = ScriptedGateway(BankBook())
    return replace(build_ports(Settings(home=tmp_path)), database=transactions, gateway=gateway)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(ports: MonthPorts, clock: Clock, tmp_path: Path) -> FastAPI:
    """All that ``fundpool serve`` answers."""
    served = create_app(MonthReader(ports), lambda: NOW, DashboardOptions(time_of_day=clock))
    registry = CollectorRegistry()
    served.include_router(health_router(lambda: pytest.fail("not looked at"), registry))
    served.include_router(
        callback_router(
            secret=lambda: b"", key_id="", receive=lambda *_: True, record=CallbackRecord(tmp_path, registry)
        )
    )
    return served


def client(app: FastAPI, base_url: str = "http://testserver") -> TestClient:
    return TestClient(app, base_url=base_url, follow_redirects=False, raise_server_exceptions=False)


def logged_in(
    app: FastAPI, ports: MonthPorts, role: Role, city: str | None, county: str | None
) -> TestClient:
    name = f"某{'甲乙丙丁戊己庚'[list(Role).index(role)]}"
    enter(ports.database, name, role, city, county)
    browser = client(app)
    browser.cookies.set("session", token_of(ports.database, name, NOW))
    return browser


# ------------------------------------------------------------------------------------------- the matrix

PLACE = f"?city={CITY}&month=2026-10"
ABROAD = f"?city={OTHER_CITY}&month=2026-10"

MATRIX: dict[tuple[str, str], tuple[str, set[Role]]] = {
    # route: an address of it, and the roles of the city that it answers
    ("GET", "/"): (f"/{PLACE}", READERS | {Role.COUNTY_SUBMIT}),
    ("GET", "/counties/{unit}"): (f"/counties/{COUNTY}{PLACE}", READERS | {Role.COUNTY_SUBMIT}),
    ("GET", "/slips/{document}/{unit}/{version:int}"): (
        f"/slips/plan/{COUNTY}/1{PLACE}",
        READERS | {Role.COUNTY_SUBMIT},
    ),
    ("GET", "/slips/{document}/{unit}/{version:int}.xlsx"): (
        f"/slips/plan/{COUNTY}/1.xlsx{PLACE}",
        READERS | {Role.COUNTY_SUBMIT},
    ),
    ("GET", "/tasks"): (f"/tasks{PLACE}", EVERYBODY),
    ("GET", "/desk/county"): (f"/desk/county{PLACE}&county={COUNTY}", READERS | {Role.COUNTY_SUBMIT}),
    ("GET", "/desk/county/template"): (
        f"/desk/county/template{PLACE}&county={COUNTY}&what=plan:2026-10",
        READERS | {Role.COUNTY_SUBMIT},
    ),
    ("POST", "/desk/county/file"): (f"/desk/county/file{PLACE}&county={COUNTY}", FILERS),
    ("POST", "/desk/county/nil"): (f"/desk/county/nil{PLACE}&county={COUNTY}", FILERS),
    ("GET", "/transfers"): (f"/transfers{PLACE}", READERS),
    ("GET", "/lineage"): (f"/lineage{PLACE}&transfer=none", READERS),
    ("GET", "/balances"): (f"/balances{PLACE}", READERS),
    ("GET", "/findings"): (f"/findings{PLACE}", READERS),
    ("GET", "/calendars"): (f"/calendars{PLACE}", READERS | {Role.COUNTY_SUBMIT}),
    ("GET", "/papers"): (f"/papers{PLACE}", READERS),
    ("GET", "/papers/{kind}.{suffix}"): (f"/papers/plan-summary.docx{PLACE}&subject=", READERS),
    ("POST", "/papers/number"): (f"/papers/number{PLACE}", OPERATORS),
    ("GET", "/leader"): (f"/leader{PLACE}", READERS),
    ("GET", "/leader/league.xlsx"): (f"/leader/league.xlsx{PLACE}", READERS),
    ("GET", "/leader/league.csv"): (f"/leader/league.csv{PLACE}", READERS),
    ("GET", "/audit"): (f"/audit{PLACE}", {Role.AUDITOR}),
    ("GET", "/audit/sample"): (f"/audit/sample{PLACE}&seed=1", {Role.AUDITOR}),
    ("GET", "/audit/sample.zip"): (f"/audit/sample.zip{PLACE}&seed=1", {Role.AUDITOR}),
    ("GET", "/audit/files/{document}/{sha256}"): (f"/audit/files/plan/{'0' * 64}{PLACE}", {Role.AUDITOR}),
    **{
        # the API: read by session or token, filed to by token alone (FOR_PROGRAMS)
        ("GET", f"/api/{path}"): (f"/api/{address}", roles)
        for path, address, roles in (
            ("status", f"status{PLACE}", READERS),
            ("counties", f"counties?city={CITY}", READERS | {Role.COUNTY_SUBMIT}),
            ("counties/{county}", f"counties/{COUNTY}{PLACE}", READERS | {Role.COUNTY_SUBMIT}),
            ("due", f"due?city={CITY}&period=2026-10", READERS | {Role.COUNTY_SUBMIT}),
            ("next", f"next{PLACE}", READERS),
            ("receipts", f"receipts{PLACE}", READERS),
            ("cases", f"cases{PLACE}", READERS),
            ("transfers", f"transfers{PLACE}", READERS),
            ("balances", f"balances?city={CITY}", READERS),
            ("papers", f"papers{PLACE}&county={COUNTY}", READERS),
            ("openapi.json", "openapi.json", EVERYBODY),
        )
    },
    ("GET", "/users"): ("/users", {Role.SEC_ADMIN}),
    **{("POST", f"/users/{act}"): (f"/users/{act}", {Role.SEC_ADMIN}) for act in USER_ACTS},
    ("GET", "/installation"): ("/installation", {Role.SYS_ADMIN}),
    ("GET", "/password"): ("/password", EVERYBODY),
    ("POST", "/password"): ("/password", EVERYBODY),
    ("POST", "/logout"): ("/logout", EVERYBODY),
    **{
        # the desks: everybody of the city reads, each act is for its role
        (method, f"/desk{path}"): (f"/desk{address or path}{PLACE}", roles)
        for method, path, address, roles in (
            ("GET", "/review", "", READERS),
            ("GET", "/review/{document}/{county}", f"/review/plan/{COUNTY}", READERS),
            (
                "GET",
                "/review/{document}/{county}/versions/{version:int}",
                f"/review/plan/{COUNTY}/versions/1",
                READERS,
            ),
            ("POST", "/review/{document}/agree-to-clean", "/review/plan/agree-to-clean", {Role.MAKER}),
            ("POST", "/review/{document}/confirm-all", "/review/plan/confirm-all", {Role.CHECKER}),
            ("POST", "/review/{document}/{county}/propose", f"/review/plan/{COUNTY}/propose", {Role.MAKER}),
            ("POST", "/review/{document}/{county}/return", f"/review/plan/{COUNTY}/return", {Role.MAKER}),
            ("POST", "/review/{document}/{county}/confirm", f"/review/plan/{COUNTY}/confirm", {Role.CHECKER}),
            ("GET", "/payments", "", READERS),
            ("GET", "/payments/flow", "", READERS),
            ("POST", "/payments/review", "", {Role.RELEASER}),
            ("POST", "/payments/resolve", "", OPERATORS),
            ("GET", "/payments/batches/{batch:int}", "/payments/batches/1", READERS),
            ("POST", "/payments/batches/{batch:int}/approve", "/payments/batches/1/approve", {Role.CHECKER}),
            ("POST", "/payments/batches/{batch:int}/release", "/payments/batches/1/release", {Role.RELEASER}),
            ("GET", "/payments/orders/{order:int}", "/payments/orders/1", READERS),
            *(
                ("POST", f"/payments/orders/{{order:int}}/{act}", f"/payments/orders/1/{act}", roles)
                for act, roles in {
                    "approve-retry": DECIDERS,
                    "look-again": DECIDERS,
                    "accept-execution": DECIDERS,
                    "confirm-absence": DECIDERS,
                    "cancel": DECIDERS,
                    "order-again": {Role.MAKER},
                    "hold": OPERATORS,
                }.items()
            ),
            ("GET", "/accounts", "", READERS),
            ("POST", "/accounts", "", {Role.MAKER}),
            ("POST", "/accounts/{number:int}/approve", "/accounts/1/approve", {Role.CHECKER}),
            ("POST", "/payments/statement", "", {Role.MAKER}),
            ("POST", "/payments/breaks/{number:int}/assign", "/payments/breaks/1/assign", OPERATORS),
            (
                "POST",
                "/payments/funds/{fund}/confirm-recovery",
                "/payments/funds/employee/confirm-recovery",
                DECIDERS,
            ),
            ("POST", "/payments/breaks/{number:int}/resolve", "/payments/breaks/1/resolve", DECIDERS),
            ("POST", "/payments/funds/{fund}/stop", "/payments/funds/employee/stop", OPERATORS),
            ("POST", "/payments/funds/{fund}/restart", "/payments/funds/employee/restart", DECIDERS),
            ("GET", "/operating", "", READERS),
            ("GET", "/operating/preview", "", READERS),
            ("GET", "/operating/day", "", READERS),
            *(
                ("POST", f"/operating/{act}", "", roles)
                for act, roles in {
                    "run": OPERATORS,
                    "retry-failed": OPERATORS,
                    "catch-up": OPERATORS,
                    "open": OPERATORS,
                    "close": OPERATORS,
                    "extension": {Role.MAKER},
                    "waiver": {Role.MAKER},
                }.items()
            ),
        )
    },
}

FOR_PROGRAMS: dict[tuple[str, str], tuple[str, set[Role]]] = {
    **{route: row for route, row in MATRIX.items() if route[1].startswith("/api/")},
    ("POST", "/api/filings"): (f"/api/filings?city={CITY}&county={COUNTY}&document=plan", FILERS),
}
"""Routes that a token opens, and no other does."""

OF_A_COUNTY = {
    (method, address)
    for (method, _), (address, roles) in MATRIX.items()
    if COUNTY in address and Role.COUNTY_SUBMIT in roles
}
"""Routes whose address names a county."""

OWN_ACTS = {("POST", "/logout"), ("POST", "/password")}
"""Acts that everybody has, which need more than their address."""

FOR_ANYBODY = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/login/provider"),
    ("GET", "/login/provider/return"),
    ("GET", "/healthz"),
    # what monitoring and the bank ask
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("POST", "/callbacks/gateway"),
    # its address bears a secret (test_calendar_feed.py)
    ("GET", "/calendars/{city}/{unit}.ics"),
    ("GET", "/static"),
    ("GET", "/handbook"),
}

EVERY_ROUTE = MATRIX.keys() | FOR_PROGRAMS.keys() | FOR_ANYBODY


def routes_of(app: FastAPI | APIRouter) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        if isinstance(route, Mount):
            yield "GET", route.path
        elif isinstance(route, Route):
            yield from ((method, route.path) for method in (route.methods or set()) - {"HEAD"})
        else:  # what include_router() makes
            yield from routes_of(route.original_router)  # type: ignore[attr-defined]


def form_token_of(browser: TestClient) -> str:
    """What every page of somebody who is logged in bears, a refusal too."""
    found = re.search(r'name="csrf" value="(\w+)"', browser.get("/findings").text)
    assert found is not None
    return found[1]


def is_let_in(browser: TestClient, method: str, address: str) -> bool:
    data = {"csrf": form_token_of(browser)} if method == "POST" else None
    answer = browser.request(method, address, data=data)
    assert answer.status_code < 500
    is_led_to_log_in = method == "GET" and answer.headers.get("location", "").startswith("/login")
    return answer.status_code not in {401, 403} and not is_led_to_log_in


def test_every_route_is_in_the_matrix(app: FastAPI) -> None:
    assert set(routes_of(app)) == EVERY_ROUTE


def test_the_served_program_answers_no_other_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    served: list[FastAPI] = []
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(server, "serve_until_stopped", lambda app, *_, ready: served.append(app))
    assert main(["init", "--cities", CITY, "--sandbox"]) == 0
    assert main(["serve"]) == 0
    assert set(routes_of(served[0])) == EVERY_ROUTE


def test_nobody_gets_in_without_a_log_in(app: FastAPI, ports: MonthPorts) -> None:
    enter(ports.database, "某甲", Role.MAKER)
    for (method, path), (address, _) in MATRIX.items():
        answer = client(app).request(method, address)
        assert answer.status_code == (401 if path.startswith("/api/") else 303), path
        assert "椒江" not in answer.text
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("role", Role)
def test_each_role_gets_what_the_matrix_says(app: FastAPI, ports: MonthPorts, role: Role) -> None:
    is_countys = role is Role.COUNTY_SUBMIT
    browser = logged_in(app, ports, role, CITY if is_countys else None, COUNTY if is_countys else None)
    for (method, path), (address, roles) in MATRIX.items():
        if (method, path) not in OWN_ACTS:
            assert is_let_in(browser, method, address) is (role in roles), (path, role)
    refused = browser.post("/password", data={"csrf": form_token_of(browser), "old": "wrong", "new": "n" * 3})
    assert "password_weak" in refused.text
    assert is_let_in(browser, "POST", "/logout")
    assert not is_let_in(browser, "GET", f"/{PLACE}")


def test_a_county_reads_no_page_of_another_one(app: FastAPI, ports: MonthPorts) -> None:
    browser = logged_in(app, ports, Role.COUNTY_SUBMIT, CITY, COUNTY)
    assert len(OF_A_COUNTY) == 8
    for county in (unit.code for unit in ports.policies.city(CITY).units):
        for method, address in OF_A_COUNTY:
            assert is_let_in(browser, method, address.replace(COUNTY, county)) is (county == COUNTY)
    for unit in ports.policies.city(OTHER_CITY).units:
        assert browser.get(f"/counties/{unit.code}{ABROAD}").status_code == 403
        assert browser.get(f"/counties/{unit.code}{PLACE}").status_code == 403
    # Its own code under another city's name.
    assert browser.get(f"/counties/{COUNTY}{ABROAD}").status_code == 403


def test_a_county_is_led_from_the_board_to_its_own_page(app: FastAPI, ports: MonthPorts) -> None:
    browser = logged_in(app, ports, Role.COUNTY_SUBMIT, CITY, COUNTY)
    led = browser.get("/?month=2026-10")
    assert (led.status_code, led.headers["location"]) == (
        303,
        f"/counties/{COUNTY}?city={CITY}&month=2026-10",
    )
    page = browser.get(led.headers["location"]).text
    assert "椒江区" in page
    assert "黄岩区" not in page
    assert 'href="/findings' not in page
    assert "随州" not in page


@pytest.mark.parametrize("role", [Role.MAKER, Role.AUDITOR])
def test_an_account_of_one_city_reads_no_other(app: FastAPI, ports: MonthPorts, role: Role) -> None:
    browser = logged_in(app, ports, role, CITY, None)
    for (method, _), (address, roles) in MATRIX.items():
        if role in roles and PLACE in address:
            assert is_let_in(browser, method, address)
            abroad = browser.request(method, address.replace(PLACE, ABROAD))
            assert abroad.status_code == 403, address
    assert "随州" not in browser.get("/").text


# ------------------------------------------------------------------------------------------- tokens


def program(app: FastAPI, ports: MonthPorts, role: Role, city: str | None, county: str | None) -> TestClient:
    """What a program gets with the token of an account."""
    enter(ports.database, "张安全", Role.SEC_ADMIN)
    enter(ports.database, "某程序", role, city, county)
    _, text = ports.database.transaction(
        lambda work: tokens.issue_token(work, "某程序", "接口", days=1, by="张安全", now=NOW)
    )
    with_token = client(app)
    with_token.headers["Authorization"] = f"Bearer {text}"
    return with_token


def is_answered(with_token: TestClient, method: str, address: str) -> bool:
    answer = with_token.request(method, address, files={"file": b"x"} if method == "POST" else None)
    assert answer.status_code < 500
    is_led_to_log_in = answer.headers.get("location", "").startswith("/login")
    return answer.status_code not in {401, 403} and not is_led_to_log_in


@pytest.mark.parametrize("role", Role)
def test_a_token_has_its_account_s_rights_in_the_api_and_opens_nothing_else(
    app: FastAPI, ports: MonthPorts, role: Role
) -> None:
    is_countys = role is Role.COUNTY_SUBMIT
    with_token = program(app, ports, role, CITY if is_countys else None, COUNTY if is_countys else None)
    for (method, path), (address, roles) in FOR_PROGRAMS.items():
        assert is_answered(with_token, method, address) is (role in roles), (path, role)
    for route in MATRIX.keys() - FOR_PROGRAMS.keys():
        assert not is_answered(with_token, route[0], MATRIX[route][0]), (route, role)


def test_a_county_s_token_reads_and_files_its_own_county_alone(app: FastAPI, ports: MonthPorts) -> None:
    with_token = program(app, ports, Role.COUNTY_SUBMIT, CITY, COUNTY)
    of_a_county = [
        (method, address)
        for (method, _), (address, roles) in FOR_PROGRAMS.items()
        if COUNTY in address and Role.COUNTY_SUBMIT in roles
    ]
    assert len(of_a_county) == 2
    for county in (unit.code for unit in ports.policies.city(CITY).units):
        for method, address in of_a_county:
            there = address.replace(COUNTY, county)
            assert is_answered(with_token, method, there) is (county == COUNTY), there
    for method, address in of_a_county:  # its own code under another city's name
        assert not is_answered(with_token, method, address.replace(CITY, OTHER_CITY))
    listed = with_token.get("/api/counties").json()
    assert [each["county"] for each in listed["counties"]] == [COUNTY]


@pytest.mark.parametrize("role", [Role.MAKER, Role.AUDITOR])
def test_a_token_of_one_city_s_account_reaches_no_other(app: FastAPI, ports: MonthPorts, role: Role) -> None:
    with_token = program(app, ports, role, CITY, None)
    for (method, _), (address, roles) in FOR_PROGRAMS.items():
        if role in roles and CITY in address:
            assert is_answered(with_token, method, address), address
            assert not is_answered(with_token, method, address.replace(CITY, OTHER_CITY)), address


# ------------------------------------------------------------------------------------------- log-in


@pytest.fixture
def clerk(ports: MonthPorts) -> str:
    name = "李经办"
    enter(ports.database, "张安全", Role.SEC_ADMIN)
    wanted = NewAccount(name, Role.MAKER, CITY)
    accounts.add_account(ports, wanted, PASSWORD, passwords=Argon2Passwords(), by="张安全", now=NOW)
    return name


def post_log_in(browser: TestClient, name: str, password: str = PASSWORD, **more: str):
    form = browser.get("/login", params={"next": more.pop("next", "/")}).text
    token = re.search(r'name="csrf" value="(\w+)"', form)
    next_ = re.search(r'name="next" value="([^"]*)"', form)
    assert token is not None
    assert next_ is not None
    data = {"csrf": token[1], "name": name, "password": password, "next": next_[1]} | more
    return browser.post("/login", data=data)


def test_log_in_and_out(app: FastAPI, clerk: str) -> None:
    browser = client(app)
    assert (
        browser.get("/transfers?city=taizhou").headers["location"]
        == "/login?next=%2Ftransfers%3Fcity%3Dtaizhou"
    )
    answer = post_log_in(browser, clerk, next="/transfers?city=taizhou")
    assert (answer.status_code, answer.headers["location"]) == (303, "/transfers?city=taizhou")
    page = browser.get("/transfers?city=taizhou")
    assert page.status_code == 200
    assert clerk in page.text
    token = browser.cookies["session"]
    assert browser.post("/logout", data={"csrf": form_token_of(browser)}).status_code == 303
    browser.cookies.set("session", token)
    assert browser.get("/transfers?city=taizhou").status_code == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example", "evil", "/\nx"]
)
def test_log_in_leads_to_our_own_pages_alone(app: FastAPI, clerk: str, wanted: str) -> None:
    assert post_log_in(client(app), clerk, next=wanted).headers["location"] == "/tasks"


def test_a_log_in_is_a_session_of_its_own_whatever_cookie_came_with_it(
    app: FastAPI, ports: MonthPorts, clerk: str
) -> None:
    browser = client(app)
    browser.cookies.set("session", "planted", domain="testserver.local", path="/")
    post_log_in(browser, clerk)
    first = browser.cookies["session"]
    assert first != "planted"
    post_log_in(browser, clerk)
    assert browser.cookies["session"] != first
    assert sessions.visit_of(ports.database, first, NOW).account is None


def test_every_refusal_reads_the_same(app: FastAPI, ports: MonthPorts, clerk: str) -> None:
    def answer(name: str, password: str) -> tuple[int, str]:
        refusal = post_log_in(client(app), name, password)
        return refusal.status_code, re.sub(r'(csrf" value=")\w+', r"\1", refusal.text)

    unknown = answer("没有人", PASSWORD)
    assert unknown[0] == 401
    assert answer(clerk, "wrong wrong wrong") == unknown
    for _ in range(FAILURES_ALLOWED):
        assert answer(clerk, "wrong wrong wrong") == unknown
    assert answer(clerk, PASSWORD) == unknown  # locked
    ports.database.transaction(lambda work: accounts.disable_account(work, clerk, by="张安全", now=NOW))
    assert answer(clerk, PASSWORD) == unknown


def test_a_session_ends_by_the_time_of_day_whatever_the_business_clock_says(
    app: FastAPI, clock: Clock, clerk: str
) -> None:
    browser = client(app)
    post_log_in(browser, clerk)
    assert browser.get(f"/{PLACE}").status_code == 200
    clock.now += IDLE_FOR
    assert browser.get(f"/{PLACE}").status_code == 303


def test_a_disabled_account_is_out_at_the_next_page(app: FastAPI, ports: MonthPorts, clerk: str) -> None:
    browser = client(app)
    post_log_in(browser, clerk)
    ports.database.transaction(lambda work: accounts.disable_account(work, clerk, by="张安全", now=NOW))
    assert browser.get(f"/{PLACE}").status_code == 303


@pytest.mark.parametrize(
    ("base_url", "name", "is_secure"),
    [("http://testserver", "session", False), ("https://testserver", "__Host-session", True)],
)
def test_the_cookie_is_for_our_pages_alone(
    app: FastAPI, clerk: str, base_url: str, name: str, is_secure: bool
) -> None:
    cookie = post_log_in(client(app, base_url), clerk).headers.get_list("set-cookie")[0]
    assert cookie.startswith(f"{name}=")
    terms = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= terms
    assert ("secure" in terms) is is_secure
    assert not any(each.startswith("domain") for each in terms)


# ------------------------------------------------------------------------------------------- forms


def test_a_form_without_its_token_does_nothing(app: FastAPI, ports: MonthPorts, clerk: str) -> None:
    browser, other = client(app), client(app)
    post_log_in(browser, clerk)
    post_log_in(other, clerk)
    for data in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": form_token_of(other)}):
        assert browser.post("/logout", data=data).status_code == 403
        assert browser.post("/login", data=data | {"name": clerk, "password": PASSWORD}).status_code == 403
    files = {"csrf": ("x", form_token_of(browser).encode())}
    assert browser.post("/logout", files=files).status_code == 403
    assert browser.get(f"/{PLACE}").status_code == 200


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://testserver"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, True),
    ],
)
def test_a_form_from_elsewhere_does_nothing_even_with_the_token(
    app: FastAPI, clerk: str, headers: dict[str, str], is_ours: bool
) -> None:
    browser = client(app)
    post_log_in(browser, clerk)
    answer = browser.post("/logout", data={"csrf": form_token_of(browser)}, headers=headers)
    assert answer.status_code == (303 if is_ours else 403)


# ------------------------------------------------------------------------------------------- password once more


def test_a_person_chooses_a_password_that_the_administrator_does_not_know(app: FastAPI, clerk: str) -> None:
    browser, new = client(app), "another few unrelated words"
    post_log_in(browser, clerk)
    form = {"csrf": form_token_of(browser), "new": new}
    assert browser.post("/password", data=form | {"old": "wrong wrong wrong"}).status_code == 403
    assert browser.post("/password", data=form | {"old": PASSWORD, "new": PASSWORD}).status_code == 400
    assert browser.post("/password", data=form | {"old": PASSWORD}).status_code == 303
    assert browser.get(f"/{PLACE}").status_code == 303  # logged out
    assert post_log_in(browser, clerk).status_code == 401
    assert post_log_in(browser, clerk, new).status_code == 303


def test_an_act_may_ask_for_the_password_once_more(ports: MonthPorts, clock: Clock, clerk: str) -> None:
    """As the payment desk does before money is released."""
    door = Door(ports.database, Argon2Passwords(), clock)
    done: list[str] = []

    def release(request: Request) -> Response:
        done.append(door.require_password(request).name)
        return Response("released")

    pages = create_app(MonthReader(ports), lambda: NOW, DashboardOptions(time_of_day=clock))
    route = Declared("/release", Right.ORDER_PAYMENT, release, "POST")
    pages.add_route(route.path, door.answering(route), methods=["POST"])
    browser = client(pages)
    post_log_in(browser, clerk)
    form = {"csrf": form_token_of(browser)}
    assert browser.post("/release", data=form).status_code == 403
    assert browser.post("/release", data=form | {"password": "wrong wrong wrong"}).status_code == 403
    assert done == []
    assert browser.post("/release", data=form | {"password": PASSWORD}).status_code == 200
    assert done == [clerk]
    for _ in range(FAILURES_ALLOWED):
        browser.post("/release", data=form | {"password": "wrong wrong wrong"})
    assert browser.post("/release", data=form | {"password": PASSWORD}).status_code == 403  # locked
    assert done == [clerk]


# ------------------------------------------------------------------------------------------- without accounts


def test_a_sandbox_without_accounts_is_open_to_read(app: FastAPI) -> None:
    browser = client(app)
    for (method, _), (address, roles) in MATRIX.items():
        if method == "GET":
            is_open = browser.get(address).status_code not in {303, 401, 403}
            assert is_open is bool(roles & READERS), address  # an administrator's page is no reading


def test_a_sandbox_with_an_account_asks_for_the_log_in(app: FastAPI, ports: MonthPorts) -> None:
    assert client(app).get(f"/{PLACE}").status_code == 200
    enter(ports.database, "张安全", Role.SEC_ADMIN)
    assert client(app).get(f"/{PLACE}").status_code == 303
