"""What the leader and the auditor read of a played city, by page and by command."""

import csv
import hashlib
import io
import json
import re
import zipfile
from fractions import Fraction
from pathlib import Path, PurePosixPath

import openpyxl
import pytest
from fastapi.testclient import TestClient

from fundpool.adapters.documents.league_tables import league_csv, league_workbook
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.errors import InputError
from fundpool.domain.forecast import Prospect
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.services.oversight.audit_trail import TrailQuestion, trail_page
from fundpool.services.oversight.evidence import draw_payments, evidence_of
from fundpool.services.oversight.leader import leader_view
from fundpool.services.oversight.punctuality import league_between
from fundpool.services.ports.work import Work
from tests.accounts import enter, token_of
from tests.integration.leader_scene import FIRST, MARCH, SECOND, THIRD, play_leader_city
from tests.integration.month_scene import CityScene, at

NOW = at("2026-10-09 09:00")
pytestmark = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    return play_leader_city(transactions, tmp_path)


def test_the_leader_hears_what_is_late_unpaid_safe_and_spent(scene: CityScene) -> None:
    view = leader_view(scene.ports, "suizhou", MARCH, now=NOW, until=None)
    assert ("submit_fund_use_plan", SECOND) not in {(each.duty, each.unit) for each in view.late}  # done
    assert view.unpaid == ()
    employee = next(fund for fund in view.safety if fund.fund == "employee")
    first, second, third = employee.counties
    # 100 in, 95 out: 5 % on the line; 47.5 of 95/12 a month: 6 months on the line.
    assert first.standing is not None
    assert (first.standing.surplus_ratio, first.standing.months_of_coverage) == (Fraction(1, 20), 6)
    assert first.standing.alarms == ()
    # 100 in, 96 out: 4 %; 40 of 8 a month: 5 months. Both are below.
    assert second.standing is not None
    assert set(second.standing.alarms) == {"surplus_ratio", "months_of_coverage"}
    assert third.standing is None
    assert third.missing is not None
    assert employee.city.standing is None  # two of three accounts are no city
    budget = next(each for each in view.budgets if each.fund == "employee")
    assert (budget.known, len(budget.counties), budget.month) == (2, 3, MARCH)
    assert dict(budget.counties)[THIRD].executed is None


def test_the_closed_months_foretell_the_day_of_the_line(scene: CityScene) -> None:
    view = leader_view(scene.ports, "suizhou", Month(2026, 9), now=NOW, until=None)
    employee = next(fund for fund in view.safety if fund.fund == "employee")
    assert [each.month for each in employee.history] == [Month(2026, number) for number in range(3, 10)]
    # Opened with 10,000,000 in the fiscal account and 1,000 in each of three counties' accounts; half a
    # million is lost a month, seven months long.
    assert employee.history[-1].balance_fen == 10_003_000_00 - 7 * 500_000_00
    assert {each.income_fen for each in employee.history} == {500_000_00}
    coverage = next(each for each in employee.outlooks if each.line.measure == "months_of_coverage")
    # 6,503,000 at the end of September and 500,000 less each month. March's individual accounts (3,000) are no
    # benefits, so the mean is a little below 1,000,000: the line is a little below 6,000,000, reached about a
    # month and a few days later, at the beginning of November.
    assert coverage.prospect is Prospect.COMING
    assert coverage.day is not None
    assert (coverage.day.year, coverage.day.month) == (2026, 11)
    assert len(coverage.misses) == 4
    assert coverage.mean_error is not None
    assert coverage.mean_error < Fraction(1, 100)


def test_a_city_whose_document_has_no_line_says_so(transactions: SqlTransactions, tmp_path: Path) -> None:
    scene = CityScene(transactions, tmp_path, "taizhou", Month(2026, 10), judges=False)
    view = leader_view(scene.ports, "taizhou", Month(2026, 10), now=NOW, until=None)
    for fund in view.safety:
        assert fund.lines == ()
        assert fund.no_lines is not None
        assert fund.city.standing is None
    page = _client(scene).get("/leader?city=taizhou&month=2026-10").text
    assert "文件未定预警线" in page
    assert ">0.0%<" not in page


def test_the_league_counts_the_county_that_was_late(scene: CityScene) -> None:
    league = league_between(scene.ports, "suizhou", first=Month(2026, 1), last=MARCH, now=NOW)
    rows = {row.county: row for row in league.rows}
    assert rows[FIRST].rank == 1
    assert rows[FIRST].punctuality.rate == 1
    assert rows[SECOND].punctuality.late == 1
    assert rows[SECOND].punctuality.days_late == 3  # due on the 15th, filed on the 18th
    sheet = openpyxl.load_workbook(io.BytesIO(league_workbook(scene.policy, league))).active
    written = {row[1].value: row for row in sheet.iter_rows(min_row=5) if row[1].value}
    assert written[FIRST][3].value == 1
    text = league_csv(scene.policy, league).decode("utf-8-sig")
    parsed = {row["区划代码"]: row for row in csv.DictReader(io.StringIO(text))}
    assert parsed[SECOND]["迟延天数"] == "3"
    with pytest.raises(InputError):
        league_between(scene.ports, "suizhou", first=Month(2020, 1), last=Month(2020, 12), now=NOW)


def test_the_trail_is_found_by_subject_person_and_day(scene: CityScene) -> None:
    def find(**question: object) -> list[str]:
        page = scene.ports.database.read(lambda work: trail_page(work, TrailQuestion(**question)))  # type: ignore[arg-type]
        return [act.record.action for act in page.acts]

    assert set(find(actor="钱审批")) == {"approve_batch"}
    assert find(subject="100%") == []  # a percent sign is a percent sign
    on_the_day = find(day=at("2026-02-24 00:00").date())
    assert set(on_the_day) == {"finance_review"}
    assert set(find(action="approve_batch", actor="钱审批")) == {"approve_batch"}
    assert find(action="approve_batch", actor="王初审") == []
    assert set(find(month=Month(2026, 2), action="finance_review")) == {"finance_review"}
    assert find(month=Month(2025, 2)) == []
    assert find(month=Month(2026, 1), day=at("2026-02-24 00:00").date()) == []
    first = scene.ports.database.read(lambda work: trail_page(work, TrailQuestion()))
    assert first.older is not None
    rest = scene.ports.database.read(lambda work: trail_page(work, TrailQuestion(before=first.older)))
    assert rest.acts[0].record.number == first.older - 1


def test_an_auditor_of_a_city_finds_every_record_of_it_and_none_of_another(scene: CityScene) -> None:
    enter(scene.ports.database, "陈随州", Role.MAKER, "suizhou")
    now = at("2026-10-09 08:00")

    def act(work: Work) -> None:
        for name, subject in (("a", "user:陈随州"), ("b", "user:别人"), ("c", "bank_account:99999")):
            work.audit.append(at=now, actor="张安全", action=name, subject=subject)
        account = next(iter(work.accounts.find("suizhou"))).account_no
        work.audit.append(at=now, actor="张安全", action="d", subject=f"receipt:{account}/77")
        work.audit.append(at=now, actor="张安全", action="e", subject=f"account:{account}:2026-10-08")

    scene.ports.database.transaction(act)

    def find(city: str | None) -> dict[int, str]:
        records = scene.ports.database.read(lambda work: work.audit.find(city=city, limit=10_000))
        return {each.number: f"{each.action} {each.subject}" for each in records}

    all_, own = find(None), find("suizhou")
    assert {text for number, text in all_.items() if number not in own} == {
        "b user:别人",  # nobody knows whose account that is
        "c bank_account:99999",
    }
    assert {text for text in find("taizhou").values() if not text.endswith("installation")} == set()
    enter(scene.ports.database, "郑随州", Role.AUDITOR, "suizhou")
    enter(scene.ports.database, "郑台州", Role.AUDITOR, "taizhou")
    pages = {}
    for name, city in (("郑随州", "suizhou"), ("郑台州", "taizhou")):
        client = TestClient(create_app(MonthReader(scene.ports), lambda: NOW))
        client.cookies.set("session", token_of(scene.ports.database, name))
        pages[city] = client.get(f"/audit?city={city}&month=2026-03&lang=en&kind=approve_batch").text
    assert "approve_batch" in pages["suizhou"]
    assert "batch:suizhou" in pages["suizhou"]
    assert "suizhou" not in pages["taizhou"]
    assert "No record of the trail answers to this." in pages["taizhou"]


def test_the_evidence_of_a_sample_is_whole_and_its_names_are_ours(scene: CityScene) -> None:
    drawn = draw_payments(scene.ports, "suizhou", MARCH, size=4, seed="七")
    files = {file.path: file.content for file in evidence_of(scene.ports, drawn, in_words=str, now=NOW)}
    manifest = json.loads(files["manifest.json"])
    assert (manifest["seed"], manifest["n"]) == ("七", 4)
    for payment in manifest["payments"]:
        for listed in payment["files"]:
            content = files[f"{payment['folder']}/{listed['file']}"]
            assert hashlib.sha256(content).hexdigest() == listed["sha256"]
        calls = json.loads(files[f"{payment['folder']}/bank-calls.json"])
        assert {call["answer"] for call in calls["calls"] if call["answer"]}
        acts = {act["action"] for act in json.loads(files[f"{payment['folder']}/audit.json"])}
        assert {"order_batch", "approve_batch", "release_batch", "finance_review", "receive_file"} <= acts
        assert any(listed["file"].startswith("files/") for listed in payment["files"])
    for path in files:
        assert re.fullmatch(r"[0-9A-Za-z./_-]+", path), path
        assert ".." not in PurePosixPath(path).parts
        assert not path.startswith("/")


def test_the_pages_answer_and_the_original_is_the_received_bytes(scene: CityScene) -> None:
    client = _client(scene)
    where = "city=suizhou&month=2026-03"
    for path in ("/leader?", "/audit?", "/audit/sample?n=3&seed=x&"):
        assert client.get(f"{path}{where}").status_code == 200, path
    key = draw_payments(scene.ports, "suizhou", MARCH, size=1, seed="x").payments[0].key
    page = client.get("/lineage", params={"transfer": key, "city": "suizhou", "lang": "en"}).text
    assert "reads as stored" in page
    link = re.search(r"/audit/files/plan/([0-9a-f]{64})", page)
    assert link is not None
    answer = client.get(f"{link[0]}?{where}")
    assert hashlib.sha256(answer.content).hexdigest() == link[1]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert client.get(f"/audit/files/plan/{'0' * 64}?{where}").status_code == 404
    assert client.get(f"{link[0]}?city=taizhou").status_code == 404  # another city never received it
    packed = client.get(f"/audit/sample.zip?n=2&seed=x&{where}")
    assert "manifest.json" in zipfile.ZipFile(io.BytesIO(packed.content)).namelist()
    assert packed.content == client.get(f"/audit/sample.zip?n=2&seed=x&{where}").content
    for bad in ("n=0&seed=x", "n=9999&seed=x", "n=2", "n=x&seed=x"):
        assert client.get(f"/audit/sample?{bad}&{where}").status_code == 400, bad


def _client(scene: CityScene) -> TestClient:
    return TestClient(create_app(MonthReader(scene.ports), lambda: NOW))
