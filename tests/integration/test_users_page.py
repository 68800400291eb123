"""The administrators' pages: who works here, entering, disabling, passwords; and the machine's state."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports, open_installation
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.accounts import FAILURES_ALLOWED, Account
from fundpool.domain.audit import AuditRecord
from fundpool.domain.rights import Role
from fundpool.services.ports.work import MonthPorts
from fundpool.services.users import accounts, sessions
from fundpool.services.watch.health import health_of
from fundpool.settings import Settings
from tests.accounts import BEGAN, PASSWORD, QuickPasswords, enter, token_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

NOW = BEGAN + timedelta(hours=1)
ADMIN, CLERK = "张安全", "李经办"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def ports(transactions: SqlTransactions, settings: Settings) -> MonthPorts:
    return replace(build_ports(settings), database=transactions)


@pytest.fixture
def app(ports: MonthPorts, settings: Settings) -> FastAPI:
    installation = open_installation(settings, ports)
    options = DashboardOptions(time_of_day=lambda: NOW, health=lambda: health_of(installation, NOW))
    return create_app(MonthReader(ports), lambda: NOW, options)


@pytest.fixture
def admin(app: FastAPI, ports: MonthPorts) -> TestClient:
    enter(ports.database, ADMIN, Role.SEC_ADMIN)
    enter(ports.database, CLERK, Role.MAKER, "taizhou")
    return logged_in(app, ports, ADMIN)


def logged_in(app: FastAPI, ports: MonthPorts, name: str) -> TestClient:
    browser = TestClient(app)
    browser.cookies.set("session", token_of(ports.database, name, NOW))
    return browser


def post(browser: TestClient, act: str, **form: str) -> Response:
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.get("/users").text)
    assert csrf is not None
    return browser.post(f"/users/{act}", data={"csrf": csrf[1]} | form)


def text_of(page: Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def account(ports: MonthPorts, name: str) -> Account:
    return ports.database.read(lambda work: accounts.account_named(work, name))


def last_record(ports: MonthPorts) -> AuditRecord:
    return ports.database.read(lambda work: list(work.audit.records()))[-1]


def lets_in(ports: MonthPorts, name: str, password: str) -> bool:
    return sessions.log_in(ports.database, name, password, passwords=Argon2Passwords(), now=NOW) is not None


# ------------------------------------------------------------------------------------------- first pages


@pytest.mark.parametrize(
    ("role", "home"), [(Role.SEC_ADMIN, "/users"), (Role.SYS_ADMIN, "/installation"), (Role.MAKER, "/tasks")]
)
def test_everybody_finds_a_first_page_of_their_own(
    app: FastAPI, ports: MonthPorts, role: Role, home: str
) -> None:
    enter(ports.database, "某甲", role)
    browser = logged_in(app, ports, "某甲")
    page = browser.get("/tasks")
    assert (page.status_code, page.url.path) == (200, home)
    refusal = browser.get("/audit")
    assert refusal.status_code == 403
    back = re.search(r'class="button" href="([^"]*)"', refusal.text)
    assert back is not None
    assert browser.get(back[1]).status_code == 200
    brand = re.search(r'class="brand" href="([^"]*)"', page.text)
    assert brand is not None
    assert browser.get(brand[1].replace("&amp;", "&")).status_code == 200


def test_the_system_administrator_sees_the_machine_and_no_business(app: FastAPI, ports: MonthPorts) -> None:
    enter(ports.database, "某甲", Role.SYS_ADMIN)
    text = text_of(logged_in(app, ports, "某甲").get("/installation"))
    assert "最近备份 从未" in text
    assert "fundpool backup FILE" in text
    assert "台州" not in text


# ------------------------------------------------------------------------------------------- the list


def test_the_list_says_who_may_do_what_where_and_how_each_account_stands(
    app: FastAPI, ports: MonthPorts, admin: TestClient
) -> None:
    enter(ports.database, "陈县区", Role.COUNTY_SUBMIT, "taizhou", "331002")
    enter(ports.database, "锁住", Role.CHECKER)
    enter(ports.database, "离岗", Role.RELEASER)
    for _ in range(FAILURES_ALLOWED):
        sessions.log_in(ports.database, "锁住", "wrong", passwords=QuickPasswords(), now=NOW)
    post(admin, "disable", name="离岗")
    text = text_of(admin.get("/users"))
    for row in (
        r"陈县区 \S+ 周二 由 系统 登记 县区经办 报送本县区，看不到其他县区 台州市 椒江区 从未 在用",
        r"锁住 .{0,40}复核 .{0,40}各市 从未 锁定 至 9月1日 周二 09:15 更改 锁住 解除锁定 停用",
        r"离岗 .{0,40}财务支付 .{0,40} 从未 已停用 2026年9月1日 周二 09:00 更改 离岗 启用",
        r"张安全 .{0,40}安全管理员 .{0,40}各市 2026年9月1日 周二 09:00 在用",
        r"90 天未用 无 锁定 锁住 昨日以来的变动 2",
        r"张安全 ： ?停用账户 离岗",
        r"系统 ： ?连续输错口令，锁定账户 锁住",
    ):
        assert re.search(row, text), row
    for role in ("县区经办", "经办", "复核", "财务支付", "稽核", "安全管理员", "系统管理员"):
        assert f"{role}</option>" in admin.get("/users").text
    assert "不得兼任" in text


def test_it_is_complete_in_english(admin: TestClient) -> None:
    text = text_of(admin.get("/users?lang=en"))
    for words in (
        "Who may do what",
        "Maker",
        "enters, reviews, orders payments",
        "Why apart from every other",
    ):
        assert words in text
    names = {ADMIN, CLERK}
    left = re.sub("|".join(names), "", re.sub(r"<bdi>.*?</bdi>|<span class=\"sr\">.*?</span>", "", text))
    assert not re.findall(r"[\u4e00-\u9fff]+", left.replace("中文", ""))


# ------------------------------------------------------------------------------------------- entering


def test_a_password_that_is_made_up_is_shown_once_and_kept_nowhere(
    ports: MonthPorts, admin: TestClient
) -> None:
    page = post(admin, "add", name="王复核", role="checker", place="taizhou", password="")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    shown = re.search(r'<code class="secret">([^<]+)</code>', page.text)
    assert shown is not None
    assert lets_in(ports, "王复核", shown[1])
    assert shown[1] not in admin.get("/users").text
    assert shown[1] not in str(page.url)
    entered = account(ports, "王复核")
    assert (entered.role, entered.city, entered.county, entered.created_by) == (
        Role.CHECKER,
        "taizhou",
        None,
        ADMIN,
    )
    record = last_record(ports)
    assert (record.actor, record.action, record.subject) == (ADMIN, "add_user", "user:王复核")
    assert shown[1] not in record.detail
    other = re.search(r'class="secret">([^<]+)<', post(admin, "password", name="王复核", password="").text)
    assert other is not None
    assert other[1] != shown[1]
    assert lets_in(ports, "王复核", other[1])
    assert not lets_in(ports, "王复核", shown[1])


def test_a_typed_password_is_shown_nowhere(ports: MonthPorts, admin: TestClient) -> None:
    page = post(admin, "add", name="陈县区", role="county_submit", place="taizhou/331002", password=PASSWORD)
    assert "账户已登记" in text_of(page)
    assert PASSWORD not in page.text
    assert lets_in(ports, "陈县区", PASSWORD)
    assert account(ports, "陈县区").county == "331002"


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"role": "county_submit", "place": "taizhou"}, 400, "县区账户须写明城市与县区"),
        ({"role": "maker", "place": "taizhou/331002"}, 400, "其他账户不写县区"),
        ({"role": "county_submit", "place": "suizhou/331002"}, 400, "331002"),
        ({"role": "", "place": ""}, 400, "须选择岗位"),
        ({"role": "maker,checker", "place": ""}, 400, "须选择岗位"),
        ({"role": "maker", "password": "short"}, 400, "不足 12 个字符"),
        ({"role": "maker", "name": "李经办主任"}, 409, "不能区分"),
        ({"role": "maker", "name": "王复核（签字）"}, 400, "不属于姓名的字符"),
    ],
)
def test_what_cannot_be_entered_is_said_beside_what_was_typed(
    ports: MonthPorts, admin: TestClient, form: dict[str, str], status: int, words: str
) -> None:
    page = post(admin, "add", **{"name": "王复核", "password": "", "place": ""} | form)
    assert page.status_code == status
    assert words in text_of(page)
    assert 'class="secret"' not in page.text
    if form["role"]:
        assert f'value="{form.get("name", "王复核")}"' in page.text
    assert len(ports.database.read(lambda work: work.users.all())) == 2


# ------------------------------------------------------------------------------------------- changing


def test_whoever_is_disabled_is_out_and_comes_in_again_when_enabled(
    app: FastAPI, ports: MonthPorts, admin: TestClient
) -> None:
    clerk = logged_in(app, ports, CLERK)
    assert clerk.get("/transfers?city=taizhou").url.path == "/transfers"
    assert "已停用" in text_of(post(admin, "disable", name=CLERK))
    assert clerk.get("/transfers?city=taizhou").url.path == "/login"
    assert "账户已启用" in text_of(post(admin, "enable", name=CLERK))
    assert account(ports, CLERK).is_enabled
    assert (last_record(ports).actor, last_record(ports).action) == (ADMIN, "enable_user")


def test_a_new_password_ends_the_sessions(app: FastAPI, ports: MonthPorts, admin: TestClient) -> None:
    clerk = logged_in(app, ports, CLERK)
    new = "another few unrelated words"
    assert "口令已重设" in text_of(post(admin, "password", name=CLERK, password=new))
    assert clerk.get("/transfers?city=taizhou").url.path == "/login"
    assert lets_in(ports, CLERK, new)
    assert post(admin, "password", name=CLERK, password="short").status_code == 400
    assert lets_in(ports, CLERK, new)


def test_the_last_administrator_stays_and_an_unknown_name_changes_nothing(
    ports: MonthPorts, admin: TestClient
) -> None:
    page = post(admin, "disable", name=ADMIN)
    assert page.status_code == 409
    assert "最后一名安全管理员" in text_of(page)
    for act in ("disable", "enable", "password"):
        assert post(admin, act, name="没有人").status_code == 400
    assert account(ports, ADMIN).is_enabled


def test_the_forms_need_their_token(ports: MonthPorts, admin: TestClient) -> None:
    for act in ("add", "disable", "enable", "password"):
        answer = admin.post(f"/users/{act}", data={"csrf": "0" * 64, "name": CLERK, "role": "maker"})
        assert answer.status_code == 403
    assert account(ports, CLERK).is_enabled
