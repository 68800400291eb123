"""My tasks and the county's desk over HTTP: filing, the verdict at once, what each role finds to do."""

import re
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from fundpool.adapters.documents.workbooks import template_workbook
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.desks.tasks import DESKS
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.periods import Month, Year
from fundpool.domain.rights import Role
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.services.documents.document_kinds import is_of
from fundpool.services.documents.intake import take_in
from fundpool.services.month.daily import reserve_due_steps
from fundpool.services.month.turns import turns
from fundpool.services.ports.judging import Register
from tests.accounts import enter, token_of
from tests.integration.month_scene import CityScene, at

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OCTOBER = Month(2026, 10)
JIAOJIANG, HUANGYAN = "331002", "331003"
WHAT = "plan:2026-10"
CLERK, MAKER = "陈县区", "李经办"


class Clock:
    """Business time and time of day."""

    now = at("2026-09-24 10:00")

    def __call__(self):
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    return CityScene(transactions, tmp_path, "taizhou", OCTOBER)


@pytest.fixture
def app(scene: CityScene, clock: Clock) -> FastAPI:
    return create_app(
        MonthReader(scene.ports), clock, DashboardOptions(time_of_day=clock, only_known_then=True)
    )


@pytest.fixture
def clerk(app: FastAPI, scene: CityScene, clock: Clock) -> TestClient:
    return logged_in(app, scene, CLERK, Role.COUNTY_SUBMIT, clock, county=JIAOJIANG)


@pytest.fixture
def maker(app: FastAPI, scene: CityScene, clock: Clock) -> TestClient:
    return logged_in(app, scene, MAKER, Role.MAKER, clock)


def logged_in(
    app: FastAPI, scene: CityScene, name: str, role: Role, clock: Clock, county: str | None = None
) -> TestClient:
    enter(scene.ports.database, name, role, "taizhou", county)
    browser = TestClient(app, follow_redirects=True)
    browser.cookies.set("session", token_of(scene.ports.database, name, clock.now))
    return browser


def csrf(browser: TestClient) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', browser.get("/tasks").text)
    assert found is not None
    return found[1]


def file(
    browser: TestClient, *paths: Path, county: str | None = None, what: str = WHAT, token: str | None = None
) -> Response:
    data = {"what": what, "csrf": csrf(browser) if token is None else token}
    uploads = [("files", (path.name, path.read_bytes())) for path in paths]
    address = "/desk/county/file?city=taizhou&month=2026-10"
    if county is not None:
        address += f"&county={county}"
    return browser.post(address, data=data, files=uploads)


def versions(scene: CityScene, county: str = JIAOJIANG):
    return scene.ports.database.read(
        lambda work: work.submissions.versions("taizhou", DocumentKind.PLAN, OCTOBER, county=county)
    )


def text_of(page: Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


# ------------------------------------------------------------------------------------------- filing


def test_a_wrong_file_is_answered_at_once_with_cell_found_expected_and_remedy(
    clerk: TestClient, scene: CityScene
) -> None:
    page = file(clerk, scene.plan(JIAOJIANG, inpatient_fen="一千元"))  # type: ignore[arg-type]
    assert page.status_code == 200
    assert page.url.path == "/desk/county"
    text = text_of(page)
    (version,) = versions(scene)
    assert f"回执 {version.file_id:06d}" in text
    assert "已退回" in text
    for words in ("E5", "一千元", "文件所载", "应为", "处理"):
        assert words in text, words
    assert "/slips/plan/331002/1" in page.text
    assert (version.submitted_by, version.received_at) == (CLERK, at("2026-09-24 10:00"))


def test_the_right_file_passes_and_shows_what_it_changed(
    clerk: TestClient, scene: CityScene, clock: Clock
) -> None:
    file(clerk, scene.plan(JIAOJIANG, inpatient_fen=2_000_00))
    clock.now = at("2026-09-24 10:07")
    page = file(clerk, scene.plan(JIAOJIANG))
    text = text_of(page)
    assert "校验通过" in text
    assert "2,000.00 → 1,000.00" in text
    assert [version.version for version in versions(scene)] == [1, 2]


def test_a_county_that_filed_leaves_the_others_to_file(
    clerk: TestClient, scene: CityScene, clock: Clock
) -> None:
    file(clerk, scene.plan(JIAOJIANG))
    left = {
        turn.unit for turn in turns(scene.ports, ["taizhou"], now=clock.now) if turn.turn == "county_agency"
    }
    assert left == set(scene.counties) - {JIAOJIANG}
    reserved = reserve_due_steps(scene.ports, "taizhou", clock.now)
    assert "plan-collection" in {each.step for each in reserved}


def test_the_same_file_again_is_the_same_receipt(clerk: TestClient, scene: CityScene) -> None:
    path = scene.plan(JIAOJIANG)
    file(clerk, path)
    assert "此文件此前已收" in text_of(file(clerk, path))
    assert len(versions(scene)) == 1


def test_a_file_of_another_county_is_refused_beside_the_form(clerk: TestClient, scene: CityScene) -> None:
    page = file(clerk, scene.plan(HUANGYAN))
    assert page.status_code == 400
    assert "county_contradicts_file" in page.text
    assert versions(scene, HUANGYAN) == ()


def test_a_file_with_rows_of_another_county_is_refused_whole(clerk: TestClient, scene: CityScene) -> None:
    page = file(clerk, scene.plan(JIAOJIANG, HUANGYAN))
    assert page.status_code == 400
    assert "county_contradicts_file" in page.text
    assert versions(scene) == versions(scene, HUANGYAN) == ()


def test_a_zip_brings_no_other_countys_file(clerk: TestClient, scene: CityScene) -> None:
    path = scene.folder / "both.zip"
    with ZipFile(path, "w") as archive:
        for county in (JIAOJIANG, HUANGYAN):
            archive.write(scene.plan(county), f"{county}.xlsx")
    page = file(clerk, path)
    assert page.status_code == 400
    assert f"{HUANGYAN}.xlsx" in page.text
    assert (len(versions(scene)), versions(scene, HUANGYAN)) == (1, ())


def test_what_another_county_filed_is_not_shown_to_who_has_the_same_bytes(
    clerk: TestClient, maker: TestClient, scene: CityScene
) -> None:
    path = scene.plan(HUANGYAN)
    file(maker, path, county=HUANGYAN)
    (filed,) = versions(scene, HUANGYAN)
    page = file(clerk, path)
    assert page.status_code == 400
    assert "county_contradicts_file" in page.text
    assert f"{filed.file_id:06d}" not in page.text


def test_another_countys_file_that_waits_to_be_read_is_not_filed_by_who_has_the_same_bytes(
    clerk: TestClient, scene: CityScene, clock: Clock
) -> None:
    """Its receipt names no county: it came through the drop folder, and the machine stopped before it was read."""
    path = scene.plan(HUANGYAN)
    scene.drop(path, "plan")
    arrival = take_in(scene.ports, scene.policy, DocumentKind.PLAN, now=clock.now, is_played=True)
    assert len(arrival.waiting) == 1
    page = file(clerk, path)
    assert page.status_code == 400
    assert "county_contradicts_file" in page.text
    assert "黄岩" not in page.text
    assert "校验通过" not in text_of(page)


def test_rows_of_another_city_never_pass(clerk: TestClient, scene: CityScene) -> None:
    book = openpyxl.load_workbook(scene.plan(JIAOJIANG))
    sheet = next(
        each for each in book.worksheets if any(cell.value == "331002" for row in each for cell in row)
    )
    row = next(row for row in sheet for cell in row if cell.value == "331002")
    for cell in row:
        if cell.value == "331002":
            cell.value = "421303"
        elif cell.value == "椒江区":
            cell.value = "曾都区"
    path = scene.folder / "abroad.xlsx"
    book.save(path)
    page = file(clerk, path)
    assert "已退回" in text_of(page)
    assert "校验通过" not in text_of(page)


@pytest.mark.parametrize("document", DocumentKind)
def test_no_kind_of_document_is_filed_for_another_county(
    clerk: TestClient, scene: CityScene, document: DocumentKind
) -> None:
    period = Year(2026) if is_of(document, Year(2026)) else OCTOBER
    register = Register.of(scene.policy.register, scene.policy.funds, scene.policy.name_zh)
    other = register.by_code(HUANGYAN)
    assert other is not None
    path = scene.folder / "form.xlsx"
    path.write_bytes(
        template_workbook(
            document.value, scene.policy.name_zh, counties=[other], month=period, funds=register.funds
        )
    )
    page = file(clerk, path, what=f"{document}:{period}")
    assert page.status_code == 400
    files = scene.ports.database.read(
        lambda work: work.submissions.files("taizhou", document, [FileState.READ])
    )
    assert files == ()


def test_a_file_of_another_month_is_refused(clerk: TestClient, scene: CityScene) -> None:
    page = file(clerk, scene.plan(JIAOJIANG), what="plan:2026-11")
    assert page.status_code == 400
    assert "month_contradicts_file" in page.text


def test_a_county_files_for_no_other_one(clerk: TestClient, scene: CityScene) -> None:
    assert file(clerk, scene.plan(HUANGYAN), county=HUANGYAN).status_code == 403
    assert versions(scene, HUANGYAN) == ()
    assert clerk.get(f"/desk/county?county={HUANGYAN}").status_code == 403
    assert clerk.get(f"/desk/county/template?county={HUANGYAN}&what={WHAT}").status_code == 403
    assert "黄岩" not in clerk.get("/desk/county").text


def test_a_form_without_its_token_files_nothing(clerk: TestClient, scene: CityScene) -> None:
    assert file(clerk, scene.plan(JIAOJIANG), token="0" * 64).status_code == 403
    assert versions(scene) == ()


def test_what_cannot_be_opened_leaves_the_other_files_filed(
    clerk: TestClient, scene: CityScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fundpool.adapters.documents.raw_files.MAX_FILE_BYTES", 100_000)
    large = tmp_path / "大.xlsx"
    large.write_bytes(b"x" * 100_001)
    page = file(clerk, large, scene.plan(JIAOJIANG))
    assert page.status_code == 400
    assert "file_too_large" in page.text
    assert "校验通过" in text_of(page)
    assert "no_file" in file(clerk).text


def test_a_template_filled_in_by_nobody_is_this_countys_form(clerk: TestClient, scene: CityScene) -> None:
    answer = clerk.get(f"/desk/county/template?what={WHAT}")
    assert answer.status_code == 200
    path = scene.folder / "form.xlsx"
    path.write_bytes(answer.content)
    page = file(clerk, path)  # empty, but of the right county and month
    assert "county_contradicts_file" not in page.text
    assert len(versions(scene)) == 1


@pytest.mark.parametrize(
    "what", ["", "plan", "plan:2026", "plan:0001-01", "annual-budget:2026-10", "x:2026-10"]
)
def test_what_is_no_document_of_a_period_is_refused(clerk: TestClient, scene: CityScene, what: str) -> None:
    assert file(clerk, scene.plan(JIAOJIANG), what=what).status_code in {400, 404}
    assert versions(scene) == ()


def test_nil_is_declared_once_and_not_beside_a_filing(clerk: TestClient, scene: CityScene) -> None:
    def declare() -> Response:
        data = {"what": WHAT, "reason": "本月无支出", "csrf": csrf(clerk)}
        return clerk.post("/desk/county/nil?city=taizhou&month=2026-10", data=data)

    assert "零申报已登记" in text_of(declare())
    (nil,) = scene.ports.database.read(lambda work: work.records.nil_returns("taizhou", OCTOBER))
    assert (nil.county, nil.declared_by) == (JIAOJIANG, CLERK)


def test_nil_after_a_filing_is_refused(clerk: TestClient, scene: CityScene) -> None:
    file(clerk, scene.plan(JIAOJIANG))
    data = {"what": WHAT, "reason": "本月无支出", "csrf": csrf(clerk)}
    page = clerk.post("/desk/county/nil?city=taizhou&month=2026-10", data=data)
    assert (page.status_code, "already_filed" in page.text) == (400, True)


def test_a_clerk_of_the_city_files_for_a_county(maker: TestClient, scene: CityScene) -> None:
    assert "选择县（市、区）" in text_of(maker.get("/desk/county"))
    assert "校验通过" in text_of(file(maker, scene.plan(HUANGYAN), county=HUANGYAN))
    assert versions(scene, HUANGYAN)[0].submitted_by == MAKER


def test_who_may_not_file_sees_no_form(app: FastAPI, scene: CityScene, clock: Clock) -> None:
    auditor = logged_in(app, scene, "齐稽核", Role.AUDITOR, clock)
    page = auditor.get(f"/desk/county?city=taizhou&month=2026-10&county={JIAOJIANG}")
    assert page.status_code == 200
    assert 'type="file"' not in page.text
    assert file(auditor, scene.plan(JIAOJIANG), county=JIAOJIANG).status_code == 403


# ------------------------------------------------------------------------------------------- tasks


def groups(page: Response) -> dict[str, str]:
    """The text of each section of the tasks page."""
    parts = re.split(r'<section aria-labelledby="([\w-]+)">', page.text)
    return {
        name: " ".join(re.sub(r"<[^>]+>", " ", part).split())
        for name, part in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_a_countys_task_goes_from_now_to_waiting(clerk: TestClient, scene: CityScene, clock: Clock) -> None:
    before = groups(clerk.get("/tasks"))
    assert "用款计划" in before["now"]
    assert "今天" in before["now"]  # 24 September is the last working day before the holiday
    assert "黄岩" not in before["now"]
    file(clerk, scene.plan(JIAOJIANG))
    scene.run("plan-review", clock.now)
    after = groups(clerk.get("/tasks"))
    assert "没有要您办的" in after["now"]
    assert "初审人" in after["waiting"]
    assert "报送文件" in after["done"]


def test_the_city_sees_who_it_waits_for_and_what_stands_before_the_checker(
    app: FastAPI, maker: TestClient, scene: CityScene, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DESKS, "reviewer", "/desk/nowhere")  # type: ignore[arg-type]
    checker = logged_in(app, scene, "王复核", Role.CHECKER, clock)
    scene.submit(scene.plan(JIAOJIANG), "plan", clock.now)
    scene.run("plan-collection", clock.now)
    scene.run("plan-review", clock.now)
    of_maker, of_checker = groups(maker.get("/tasks")), groups(checker.get("/tasks"))
    assert "待初审" in of_maker["now"]
    assert "fundpool review approve" in of_maker["now"]  # no page does it: the command
    assert "黄岩区" in of_maker["waiting"]
    assert "待初审" in of_checker["waiting"]
    assert "待复核" not in of_checker["now"]
    assert "计划审核" in of_checker["not-yet"]
    assert "上报用款计划：待报送（8 个县区）" in of_checker["not-yet"]  # before payments can be approved
    assert "2026-11-06 起收取" in of_checker["not-yet"]  # the reports
    scene.propose(JIAOJIANG, clock.now)
    of_checker = groups(checker.get("/tasks"))
    assert "待复核：椒江区" in of_checker["now"]
    assert "9,000.00 元" in of_checker["now"]
    clock.now = at("2026-09-28 10:00")
    maker.cookies.set("session", token_of(scene.ports.database, MAKER, clock.now))
    assert "逾期" in groups(maker.get("/tasks"))["waiting"]
    assert "自 9月24日" in groups(maker.get("/tasks"))["waiting"]  # since when the checker has it


def test_a_task_leads_to_its_desk_where_there_is_one(maker: TestClient, clerk: TestClient) -> None:
    (address,) = set(re.findall(r'class="button" href="([^"]+)"', clerk.get("/tasks").text))
    assert address == f"/desk/county?city=taizhou&amp;month=2026-10&amp;county={JIAOJIANG}#{WHAT}"
    assert clerk.get(address.replace("&amp;", "&")).status_code == 200
    assert f"county={HUANGYAN}" in maker.get("/tasks").text


@pytest.mark.parametrize("role", [Role.SEC_ADMIN, Role.SYS_ADMIN])
def test_administrators_have_no_business(app: FastAPI, scene: CityScene, clock: Clock, role: Role) -> None:
    page = logged_in(app, scene, "张管理", role, clock).get("/tasks")
    assert page.status_code == 200
    # A county's name alone stands there, to choose for an account of it.
    assert "椒江" not in re.sub(r"<option .*?</option>", "", page.text)
    assert "/desk/" not in page.text


def test_log_in_leads_to_the_tasks(app: FastAPI, scene: CityScene, clerk: TestClient) -> None:
    form = TestClient(app).get("/login")
    assert 'name="next" value="/tasks"' in form.text
