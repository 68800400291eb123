"""The page of papers: what there is and what not yet, the account in the register, files that number nothing."""

import re
from pathlib import Path

import docx
import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from tests.accounts import enter
from tests.integration.desk_scene import MAKER, Browser, Desks, forms_of
from tests.integration.month_scene import CityScene, at, play_to_payment

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def desks(transactions: SqlTransactions, tmp_path: Path) -> Desks:
    """Suizhou's October, paid and not over."""
    scene = CityScene(transactions, tmp_path, "suizhou", Month(2026, 10), judges=False)
    play_to_payment(scene)
    return Desks(scene, at("2026-10-12 09:00"))


def section(page: str, kind: str) -> str:
    return re.split(r"<section ", page.split(f'<section aria-labelledby="{kind}">')[1])[0]


def issued(desks: Desks) -> list[tuple[str, str]]:
    """Who had which paper numbered, by the audit trail."""
    records = desks.scene.ports.database.read(lambda work: list(work.audit.records()))
    return [(each.actor, each.subject) for each in records if each.action == "issue_paper"]


def number(browser: Browser, kind: str, **hidden: str) -> int:
    return browser.send("/papers", "/papers/number", kind=kind, **hidden).status_code


def test_the_page_lists_every_kind_and_says_why_there_is_none(desks: Desks) -> None:
    page = desks.of(MAKER).see("/papers")
    assert page.count("<h2 ") == 9
    assert "no number yet" in section(page, "plan-summary")
    assert "after 2026-10-31" in section(page, "account-statement")
    assert "no county's report has been accepted yet" in section(page, "expenditure-summary")
    assert issued(desks) == []
    desks.at("2026-11-03 09:00")
    later = desks.of(MAKER).see("/papers")
    assert "Number all" in section(later, "account-statement")
    for path in ("/", "/desk/review", "/desk/payments"):
        assert 'href="/papers?city=suizhou' in desks.of(MAKER).see(path)


def test_a_paper_gets_its_number_of_the_account_and_then_its_files(desks: Desks, tmp_path: Path) -> None:
    browser = desks.of(MAKER)
    address = f"/papers/application.docx{desks.place}&subject=1"
    refused = browser.client.get(address)
    assert refused.status_code == 400
    assert "尚未编号" in refused.text
    assert number(browser, "application", subject="1") == 303
    assert not _has_form(browser, "application")
    assert issued(desks) == [(MAKER, "paper:suizhou:application:2026:1")]
    (tmp_path / "a.docx").write_bytes(browser.client.get(address).content)
    text = "\n".join(each.text for each in docx.Document(str(tmp_path / "a.docx")).paragraphs)
    assert "用款申请〔2026〕1号" in text
    workbook = browser.client.get(address.replace("docx", "xlsx"))
    assert workbook.headers["content-disposition"].endswith("application-2026-1-v1-2026-10-1.xlsx")
    assert "No. 1 of 2026" in section(browser.see("/papers"), "application")
    assert browser.client.get(address.replace("docx", "pdf")).status_code == 404
    assert issued(desks) == [(MAKER, "paper:suizhou:application:2026:1")]


def _has_form(browser: Browser, kind: str) -> bool:
    return any(form.hidden.get("kind") == kind for form in forms_of(browser.see("/papers")))


def test_all_of_a_kind_are_numbered_at_once(desks: Desks) -> None:
    browser = desks.of(MAKER)
    assert number(browser, "allocation-notice", all="1") == 303
    assert len(issued(desks)) == len(desks.scene.counties)
    assert not _has_form(browser, "allocation-notice")


def test_an_auditor_reads_the_papers_and_numbers_none(desks: Desks) -> None:
    enter(desks.scene.ports.database, "齐稽核", Role.AUDITOR)
    auditor, maker = desks.of("齐稽核"), desks.of(MAKER)
    form = auditor.form("/papers", "/papers/number", kind="plan-summary")
    assert not form.is_enabled
    assert auditor.post(form).status_code == 403
    number(maker, "plan-summary", subject="")
    assert auditor.client.get(f"/papers/plan-summary.docx{desks.place}&subject=").status_code == 200
    assert [who for who, _ in issued(desks)] == [MAKER]


def test_the_command_names_the_person(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(desks.scene.folder))
    place = ["--city", "suizhou", "--month", "2026-10", "--as-of", "2026-10-12"]
    assert main(["report", "paper", "application", *place]) == 2
    assert main(["report", "paper", "application", *place, "--by", MAKER]) == 0
    record = desks.scene.ports.database.read(lambda work: list(work.audit.records()))[-1]
    assert (record.actor, record.action) == (MAKER, "issue_paper")
    assert '"os_user"' in record.detail


def test_a_method_that_an_address_does_not_take_is_answered_as_such(desks: Desks) -> None:
    answer = desks.of(MAKER).client.post(f"/transfers{desks.place}&lang=en")
    assert answer.status_code == 405
    assert "does not take such a request" in answer.text
    assert "for reading" not in answer.text
