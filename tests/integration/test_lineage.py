"""Every ledger entry and every figure of the filed summary leads to a cell whose kept bytes hold it, or says why not."""

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import openpyxl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from fundpool.adapters.documents import report_workbooks
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.commands.explain import lines_of
from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.errors import InputError
from fundpool.domain.ledger import Phase
from fundpool.domain.money import parse_yuan
from fundpool.domain.month_summary import SUMMARY_FIELDS
from fundpool.domain.periods import Month
from fundpool.domain.submission import DocumentKind
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.oversight import records
from fundpool.services.oversight.lineage import Lineage
from fundpool.version import product
from schemas.lineage import CellSource
from schemas.tables import raw_files
from tests.integration.month_scene import CHECKER, MAKER, CityScene, at
from tests.integration.test_month import play_reports

OCTOBER = Month(2026, 10)
FIRST, SECOND, THIRD = "421303", "421321", "421381"

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Kept:
    """The kept bytes, read by other programs than the product's own reader."""

    def __init__(self, scene: CityScene) -> None:
        self._scene = scene
        self._cells: dict[str, dict[str, str]] = {}

    def fen(self, source: CellSource) -> int:
        """The amount in the source's cell as openpyxl (or the csv module) finds it."""
        assert source.cell is not None
        if source.sha256 not in self._cells:
            self._cells[source.sha256] = self._read(bytes_of(self._scene, source.sha256))
        return parse_yuan(self._cells[source.sha256][source.cell])

    @staticmethod
    def _read(content: bytes) -> dict[str, str]:
        if content.startswith(b"PK"):
            sheet = openpyxl.load_workbook(io.BytesIO(content), data_only=True).worksheets[0]
            return {
                cell.coordinate: f"{cell.value:.2f}"
                if isinstance(cell.value, int | float)
                else str(cell.value)
                for row in sheet.iter_rows()
                for cell in row
            }
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
        return {
            f"{chr(64 + column)}{number}": value
            for number, row in enumerate(rows, start=1)
            for column, value in enumerate(row, start=1)
        }


def bytes_of(scene: CityScene, sha256: str) -> bytes:
    return scene.ports.database.read(lambda work: raw_content(scene.ports, work, sha256))


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou's October with a cut, finance's own cut, and a report that was corrected after it was booked."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-14 10:00"))
    scene.run("plan-collection", at("2026-09-14 16:00"))
    scene.run("plan-review", at("2026-09-14 16:30"))
    scene.decide(at("2026-09-15 10:00"))
    scene.run("funds-application", at("2026-09-15 11:00"))
    scene.review_by_finance(at("2026-09-16 09:00"))
    scene.pay(at("2026-09-30 10:00"))
    play_reports(scene)
    return scene


def correct(scene: CityScene) -> None:
    """The first county files its report anew: the earlier booking is taken back."""
    changed = scene.report(FIRST, remote_fen=900_00, year_remote_fen=900_00)
    scene.submit(changed, "report", at("2026-11-12 10:00"))
    scene.run("expenditure-reporting", at("2026-11-12 11:00"))
    scene.run("report-filing", at("2026-11-12 12:00"))


def test_every_ledger_entry_leads_to_its_cells_or_says_why_there_is_none(scene: CityScene) -> None:
    correct(scene)
    lineage, kept = Lineage(scene.ports), Kept(scene)
    entries = scene.ports.database.read(lambda work: list(work.ledger.postings()))
    reversed_ = [stored for stored in entries if stored.posting.reverses]
    assert reversed_
    without_cell = set()
    for stored in entries:
        explained = lineage.posting(stored)
        assert explained.booking is not None
        assert explained.booking.key == stored.posting.key
        assert explained.amount_fen == stored.posting.amount_fen
        cells = list(explained.cells())
        assert all(cell.is_same for cell in cells)
        assert [kept.fen(cell) for cell in cells] == [cell.amount_fen for cell in cells]
        if cells:
            assert sum(cell.amount_fen or 0 for cell in cells) == stored.posting.amount_fen
            assert explained.parts or explained.articles or explained.unwritten
            assert all(article.quote for article in explained.articles)
        else:
            assert explained.why is not None
            without_cell.add(stored.posting.flow.value)
        if stored.posting.phase in {Phase.RESERVE, Phase.POST}:
            assert explained.transfer is not None
            who = {act.what: (act.by, act.at) for act in explained.transfer.acts}
            assert set(who) == {"made", "approved", "released"}
            assert all(isinstance(moment, datetime) for _, moment in who.values())
            assert len({by for by, _ in who.values()}) == 3
    assert without_cell == {"opening"}


def test_every_figure_of_the_filed_summary_leads_to_its_cell(scene: CityScene) -> None:
    correct(scene)
    lineage, kept = Lineage(scene.ports), Kept(scene)
    filings = scene.ports.database.read(lambda work: work.records.filings("suizhou", OCTOBER))
    assert [filing.version for filing in filings] == [1, 2]
    for filing in filings:
        book = openpyxl.load_workbook(io.BytesIO(bytes_of(scene, filing.sha256)))
        assert book.properties.description == product()
        for fund, sheet in zip(scene.funds, book.worksheets, strict=False):
            rows = {
                str(row[0].value): [cell.value for cell in row[3:16]] for row in sheet.iter_rows(min_row=6)
            }
            for county in (*scene.counties, None):
                for field, shown in zip(SUMMARY_FIELDS, rows[county or "合计"], strict=True):
                    explained = lineage.summary(
                        "suizhou", OCTOBER, fund, field=field, county=county, version=filing.version
                    )
                    assert explained.amount_fen == round(shown * 100)
                    cells = list(explained.cells())
                    assert len(cells) == (1 if county else len(scene.counties))
                    assert sum(kept.fen(cell) for cell in cells) == explained.amount_fen
                    # Suizhou's text writes nothing about reports; the lineage says so, and does not pass over it.
                    assert explained.articles or len(explained.unwritten) == 2


def test_another_version_of_the_program_files_the_same_figures_no_second_time(
    scene: CityScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_workbooks, "product", lambda: "fundpool 9.9.9")
    scene.run("report-filing", at("2026-11-12 12:00"))
    filings = scene.ports.database.read(lambda work: work.records.filings("suizhou", OCTOBER))
    assert [filing.version for filing in filings] == [1]


def test_cuts_stand_between_the_cell_and_the_payment(transactions: SqlTransactions, tmp_path: Path) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-14 10:00"))
    scene.run("plan-collection", at("2026-09-14 16:00"))
    scene.run("plan-review", at("2026-09-14 16:30"))
    scene.decide(at("2026-09-15 09:00"), SECOND, THIRD)
    for fund, amount_fen, reason in (("employee", 4_000_00, "余额充足"), ("resident", None, None)):
        scene.propose(FIRST, at("2026-09-15 10:00"), fund=fund, amount_fen=amount_fen, reason=reason)
    scene.confirm(at("2026-09-15 11:00"))
    scene.run("funds-application", at("2026-09-15 12:00"))
    scene.review_by_finance(at("2026-09-16 09:00"))
    scene.pay(at("2026-09-30 10:00"))
    paid = scene.ports.database.read(
        lambda work: work.payments.obligations(city="suizhou", unit=FIRST, fund="employee")
    )
    explained = Lineage(scene.ports).transfer(paid[-1].key)
    assert explained.transfer is not None
    assert explained.transfer.bank_serial is not None
    assert Lineage(scene.ports).transfer(explained.transfer.bank_serial) == explained
    assert explained.line is not None
    assert explained.decision is not None
    assert explained.cell is not None
    assert (explained.cell.amount_fen, explained.decision.approved_fen, explained.line.reviewed_fen) == (
        5_000_00, 4_000_00, 4_000_00,
    )  # fmt: skip
    assert explained.decision.reason == "余额充足"
    client = TestClient(create_app(MonthReader(scene.ports), lambda: at("2026-10-01 09:00")))
    transfers = client.get("/transfers?city=suizhou&month=2026-10").text
    address = f"/lineage?{urlencode({'city': 'suizhou', 'month': '2026-10', 'transfer': paid[-1].key})}"
    assert address.replace("&", "&amp;") in transfers
    page = client.get(address)
    assert "余额充足" in page.text
    assert explained.cell.sha256 in page.text
    assert "核定额" in page.text
    english = client.get(f"{address}&lang=en").text
    assert "confirmed by finance" in english
    assert "核定额" not in english
    assert client.get("/lineage?city=suizhou&month=2026-10&transfer=nothing").status_code == 404
    text = "\n".join(lines_of(explained))
    for part in ("余额充足", MAKER, CHECKER, "SHA-256", "单元格", "M5", "摘要"):
        assert part in text


def test_a_kept_file_that_says_otherwise_is_flagged(scene: CityScene, database: Database) -> None:
    good = Lineage(scene.ports).figure(
        "suizhou", OCTOBER, DocumentKind.REPORT, county=FIRST, fund="employee", field="住院（本月）"
    )
    assert good.cell is not None
    assert good.is_sound
    with database.engine.begin() as connection:
        of_cell = raw_files.c.sha256 == good.cell.sha256
        connection.execute(update(raw_files).where(of_cell).values(content=b"something else"))
    spoiled = Lineage(scene.ports).figure(
        "suizhou", OCTOBER, DocumentKind.REPORT, county=FIRST, fund="employee", field="inpatient"
    )
    assert not spoiled.is_sound
    assert spoiled.cell is not None
    assert spoiled.cell.why is not None
    assert good.cell.sha256 in spoiled.cell.why.zh


def test_unknown_entries_transfers_and_figures_are_refused(scene: CityScene) -> None:
    lineage = Lineage(scene.ports)
    for ask in (
        lambda: lineage.entry("nothing"),
        lambda: lineage.transfer("nothing"),
        lambda: lineage.transfer("2" * 30),
        lambda: lineage.voucher_line("suizhou", "employee", 10**6, line=1),
        lambda: lineage.summary("suizhou", OCTOBER.plus(1), "employee", field="spending"),
        lambda: lineage.summary("suizhou", OCTOBER, "employee", field="no_such_item"),
        lambda: lineage.figure(
            "suizhou", OCTOBER, DocumentKind.PLAN, county=FIRST, fund="employee", field="住院", version=9
        ),
    ):
        with pytest.raises(InputError):
            ask()


def test_a_plan_is_explained_by_its_request_and_a_report_by_its_spending(scene: CityScene) -> None:
    lineage = Lineage(scene.ports)
    plan = lineage.figure(
        "suizhou", OCTOBER, DocumentKind.PLAN, county=FIRST, fund="employee", field="requested"
    )
    report = lineage.figure(
        "suizhou", OCTOBER, DocumentKind.REPORT, county=FIRST, fund="employee", field="spending"
    )
    assert any("　申请额 " in line for line in lines_of(plan) if line.strip().startswith("审核"))
    (reviewed,) = [line for line in lines_of(report) if line.strip().startswith("审核")]
    assert "　报送额 " in reviewed
    assert "申请额" not in reviewed


def test_a_nil_county_has_no_figure_and_its_reason(transactions: SqlTransactions, tmp_path: Path) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    for county in scene.counties:
        records.record_nil_return(
            scene.ports, city="suizhou", month=OCTOBER, document=DocumentKind.REPORT, county=county,
            reason="本月无支出", by="县经办", received_at=at("2026-11-10 09:00"), now=at("2026-11-10 09:00"),
        )  # fmt: skip
    scene.run("expenditure-reporting", at("2026-11-10 16:00"))
    scene.run("report-filing", at("2026-11-10 17:00"))
    explained = Lineage(scene.ports).summary("suizhou", OCTOBER, "employee", field="spending", county=FIRST)
    assert explained.amount_fen is None
    assert explained.why is not None
    assert "本月无支出" in explained.why.zh
    figure = Lineage(scene.ports).figure(
        "suizhou", OCTOBER, DocumentKind.REPORT, county=FIRST, fund="employee", field="spending"
    )
    assert (figure.amount_fen, figure.why) == (None, explained.why)


def test_a_report_replaced_after_its_month_was_closed_is_an_adjustment_that_leads_to_both_versions(
    scene: CityScene,
) -> None:
    scene.ports.database.transaction(
        lambda work: [
            booking.close_month(work, "suizhou", fund, month=OCTOBER, by="结账", now=at("2026-11-11 12:00"))
            for fund in scene.funds
        ]
    )
    before = scene.ports.database.read(lambda work: list(work.ledger.postings()))
    correct(scene)
    after = scene.ports.database.read(lambda work: list(work.ledger.postings()))
    known = {stored.posting.key for stored in before}
    adjusting = [stored for stored in after if stored.posting.key not in known]
    assert {(stored.month, stored.adjusts_month) for stored in adjusting} == {(OCTOBER.plus(1), OCTOBER)}
    assert [stored for stored in after if stored.posting.key in known] == before
    assert scene.ports.database.read(verify) == []
    lineage = Lineage(scene.ports)
    printed = "\n".join(line for stored in adjusting for line in lines_of(lineage.posting(stored)))
    assert "2026-11（调整已结账的 2026-10）" in printed
    assert re.search("冲销 +spending/", printed)
    versions = {
        (bool(stored.posting.reverses), cell.version)
        for stored in adjusting
        for cell in lineage.posting(stored).cells()
    }
    assert versions == {(True, 1), (False, 2)}
