"""Return slips in the month's own flow: each county's slip lies in the city's folder, version by version."""

from pathlib import Path

import openpyxl
import pytest
from fastapi.testclient import TestClient

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.periods import Month
from fundpool.services.ports.files import SlipFile
from tests.integration.month_scene import MAKER, CityScene, at

OCTOBER = Month(2026, 10)
FIRST, SECOND, THIRD = "331002", "331003", "331004"

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    return CityScene(transactions, tmp_path, "taizhou", OCTOBER)


def slips(scene: CityScene) -> dict[tuple[str, int], SlipFile]:
    return {(slip.county, slip.version): slip for slip in scene.ports.slip_folder.slips("taizhou", OCTOBER)}


def csv_plan(scene: CityScene, county: str, **changes: str) -> Path:
    """The county's plan as a spreadsheet program in Chinese saves CSV; ``changes`` are texts as typed."""
    place = scene.place(county) * 1_000_00
    row = {f"{item}_fen": place for item in ("inpatient", "outpatient", "chronic", "maternity", "remote")}
    name = next(unit.name_zh for unit in scene.policy.units if unit.code == county)
    rows: list[dict[str, str | int]] = [
        {"county_code": county, "county_name": name, "fund": fund, **row, "available_fen": 1_000_00}
        | {"personal_account_fen": 0 if fund == "resident" else place}
        for fund in scene.funds
    ]
    rows[0] |= changes
    path = scene.folder / f"{county}.csv"
    write_document(path, "plan", city_name="台州市", month=OCTOBER, rows=rows, encoding="gb18030", totals={})
    return path


def test_every_county_with_findings_gets_its_slip_and_a_correction_shows_what_is_gone(
    scene: CityScene,
) -> None:
    scene.submit(scene.plan(FIRST, requested_fen=5_001_00), "plan", at("2026-09-22 10:00"))
    scene.submit(csv_plan(scene, SECOND, inpatient_fen="２０００"), "plan", at("2026-09-22 10:00"))
    scene.submit(scene.plan(THIRD), "plan", at("2026-09-22 10:00"))
    broken = scene.folder / "坏文件.xlsx"
    broken.write_bytes(b"PK\x03\x04 no workbook")
    scene.drop(broken, "plan")
    scene.run("plan-collection", at("2026-09-22 11:00"))

    found = slips(scene)
    assert set(found) == {(FIRST, 1), (SECOND, 1)}
    folder = found[FIRST, 1].page.parent
    assert folder == scene.folder / "reports/taizhou/2026-10/slips"
    page = found[FIRST, 1].page.read_text(encoding="utf-8")
    assert "PLAN-014" in page
    assert "请于 2026-09-24 前（含当日）更正重报" in page
    assert "台政办发〔2021〕48号" in page
    marked = openpyxl.load_workbook(found[FIRST, 1].workbook)["原表 用款计划申请表"]
    commented = {cell.coordinate for row in marked.iter_rows() for cell in row if cell.comment}
    assert "M5" in commented
    csv_page = found[SECOND, 1].page.read_text(encoding="utf-8")
    assert "２０００" in csv_page
    assert "请于" not in csv_page  # a reviewer weighs it; the county has nothing to do yet
    assert "原表 CSV" in openpyxl.load_workbook(found[SECOND, 1].workbook).sheetnames
    (unread,) = folder.glob("2026-10-plan-unread-*.html")
    assert "坏文件.xlsx" in unread.read_text(encoding="utf-8")

    before = {path: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()}
    scene.run("plan-collection", at("2026-09-22 12:00"))
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()} == before

    scene.submit(scene.plan(FIRST), "plan", at("2026-09-22 15:00"))
    scene.run("plan-collection", at("2026-09-22 16:00"))
    corrected = slips(scene)[FIRST, 2].page.read_text(encoding="utf-8")
    assert '<td class="gone">已更正 gone</td><td class="code">PLAN-014</td>' in corrected
    assert (
        before.items() <= {path: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()}.items()
    )
    assert set(slips(scene)) == {(FIRST, 1), (FIRST, 2), (SECOND, 1)}


def test_a_reviewers_return_gives_the_county_a_slip_with_the_reason(scene: CityScene) -> None:
    scene.submit(scene.plan(FIRST), "plan", at("2026-09-24 10:00"))
    scene.run("plan-collection", at("2026-09-24 11:00"))
    scene.run("plan-review", at("2026-09-24 12:00"))
    assert slips(scene) == {}
    scene.send_back(FIRST, "住院计划偏高，请附说明", at("2026-09-26 15:00"))
    page = slips(scene)[FIRST, 1].page.read_text(encoding="utf-8")
    assert "住院计划偏高，请附说明" in page
    assert f"（{MAKER}，2026-09-26）" in page
    # The day to file is over: the county has until the day on which the city goes on without it.
    assert "请于 2026-09-30 前（含当日）更正重报" in page
    assert "报送期限 2026-09-25 已过" in page


def test_the_countys_page_leads_to_its_slips(scene: CityScene) -> None:
    scene.submit(scene.plan(FIRST, requested_fen=5_001_00), "plan", at("2026-09-22 10:00"))
    scene.run("plan-collection", at("2026-09-22 11:00"))
    client = TestClient(create_app(MonthReader(scene.ports), lambda: at("2026-09-22 12:00")))
    page = client.get(f"/counties/{FIRST}?city=taizhou&month=2026-10").text
    address = f"/slips/plan/{FIRST}/1"
    assert address in page
    slip = client.get(f"{address}?city=taizhou&month=2026-10")
    assert "PLAN-014" in slip.text
    assert "style-src 'sha256-" in slip.headers["content-security-policy"]
    workbook = client.get(f"{address}.xlsx?city=taizhou&month=2026-10")
    assert workbook.content == slips(scene)[FIRST, 1].workbook.read_bytes()
    assert client.get(f"/slips/plan/{FIRST}/2?city=taizhou&month=2026-10").status_code == 404
