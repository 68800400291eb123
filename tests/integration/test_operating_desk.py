"""The operating page over HTTP: what a run would do, the run itself, catching up, records."""

import re
from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.month_records import StepRun
from fundpool.domain.periods import Month
from fundpool.services.books.ledger_checks import verify
from tests.accounts import QuickPasswords
from tests.integration.desk_scene import CHECKER, FINANCE, MAKER, RELEASER, Desks
from tests.integration.month_scene import CityScene, at, play_to_release

PATH, OCTOBER = "/desk/operating", Month(2026, 10)


@pytest.fixture
def desks(transactions: SqlTransactions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    """Suizhou's October with the first hop released and not sent."""
    monkeypatch.setattr("fundpool.console.dashboard.reading.Argon2Passwords", QuickPasswords)
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    play_to_release(scene)
    return Desks(scene, at("2026-09-28 11:00"))


def preview(desks: Desks, step: str, *counties: str) -> str:
    chosen = "".join(f"&county={county}" for county in counties)
    return f"{PATH}/preview{desks.place}&lang=en&step={step}{chosen}"


def runs(desks: Desks, step: str) -> list[StepRun]:
    found = desks.scene.ports.database.read(lambda work: work.records.runs("suizhou", OCTOBER))
    return [run for run in found if run.step == step]


def test_a_run_is_shown_before_it_is_done_and_pays_once(desks: Desks) -> None:
    maker, funds = desks.of(MAKER), len(desks.scene.funds)
    before = runs(desks, "disbursement")
    shown = maker.see(preview(desks, "disbursement"))
    assert "nothing is paid twice" in shown
    assert f'It is sent: released and never sent before <span class="of">{funds}</span>' in shown
    assert (desks.scene.book.executions, runs(desks, "disbursement")) == ([], before)

    answer = maker.send(preview(desks, "disbursement"), "/run")
    assert answer.status_code == 303
    assert len(desks.scene.book.executions) == funds
    (run,) = runs(desks, "disbursement")[len(before) :]
    assert (run.requested_by, run.counties) == (MAKER, None)
    page = maker.see(answer.headers["location"] + "&lang=en")
    assert "It has run; nothing was found." in page
    assert f"<bdi>{MAKER}</bdi>" in page
    assert maker.send(preview(desks, "disbursement"), "/run").status_code == 303
    assert len(desks.scene.book.executions) == funds
    assert desks.scene.ports.database.read(verify) == []


def test_chosen_counties_alone_are_run(desks: Desks) -> None:
    county, other, *_ = desks.scene.counties
    page = preview(desks, "plan-collection", county)
    rows = re.findall(r'<th scope="row" class="first">([^<]+)</th>', desks.of(MAKER).see(page))
    assert rows == ["Zengdu"]
    assert desks.of(MAKER).send(page, "/run").status_code == 303
    assert runs(desks, "plan-collection")[-1].counties == (county,)
    answer = desks.of(MAKER).send(page, "/run", {"county": other, "step": "nothing"})
    assert answer.status_code == 400
    assert "no such step" in answer.text


def test_a_failed_run_names_units_cause_and_who_asked_and_is_run_again(desks: Desks) -> None:
    desks.scene.gateway.plan.add("refused")
    desks.of(RELEASER).send(preview(desks, "disbursement"), "/run")
    page = desks.of(FINANCE).see(PATH)
    (step,) = re.findall(r'<details [^>]*id="disbursement".*?</table>', page, re.DOTALL)
    assert "open>" in step.partition("<summary>")[0]
    assert "the bank's gateway did not answer" in step
    assert f"<bdi>{RELEASER}</bdi>" in step
    assert '<td class="amount" data-label="Units left">1</td>' in step
    desks.at("2026-09-29 09:00")
    answer = desks.of(CHECKER).send(PATH, "/retry-failed")
    assert answer.headers["location"].endswith("done=done")
    assert len(desks.scene.book.executions) == len(desks.scene.funds)
    again = desks.of(CHECKER).send(PATH, "/retry-failed")
    assert "Nothing was to be run." in desks.of(CHECKER).see(again.headers["location"] + "&lang=en")


def test_catching_up_runs_what_the_tick_would_have(desks: Desks) -> None:
    desks.at("2026-09-30 09:00")  # the machine was off on the 29th
    answer = desks.of(MAKER).send(PATH, "/catch-up")
    assert answer.status_code == 303
    found = desks.scene.ports.database.read(lambda work: work.records.runs("suizhou", OCTOBER))
    caught_up = [run.step for run in found if run.business_time == desks.now]
    assert caught_up == ["disbursement", "allocation", "reconciliation", "flags"]
    assert len(desks.scene.book.executions) == len(desks.scene.funds)
    desks.of(MAKER).send(PATH, "/catch-up")
    assert len(desks.scene.book.executions) == len(desks.scene.funds)


def test_a_coming_day_is_played_on_a_copy(desks: Desks) -> None:
    maker = desks.of(MAKER)
    before = desks.scene.ports.database.read(lambda work: (work.trail.counts(), work.audit.head()))
    page = maker.see(f"{PATH}/day{desks.place}&lang=en&day=2026-10-09")
    assert "What happens on Fri 9 Oct?" in page
    assert "It is sent: released and never sent before" in page
    assert "fetches no statement" not in page
    late = page[page.index('id="late"') :]
    for county in ("Zengdu", "Suixian", "Guangshui"):
        assert county in late
    after = desks.scene.ports.database.read(lambda work: (work.trail.counts(), work.audit.head()))
    assert (desks.scene.book.executions, after) == ([], before)
    for day in ("2026-09-28", "yesterday", ""):
        answer = maker.client.get(f"{PATH}/day{desks.place}&day={day}")
        assert answer.status_code == 400


def test_extension_and_waiver_are_recorded_by_the_account_and_approved_by_another(desks: Desks) -> None:
    maker, county = desks.of(MAKER), desks.scene.counties[0]
    wanted = {
        "duty": "allocate_to_counties",
        "county": county,
        "until": "2026-10-12",
        "document_number": "随医保〔2026〕9号",
    }
    assert maker.send(PATH, "/extension", wanted | {"approver": MAKER}).status_code == 409
    assert maker.send(PATH, "/extension", wanted | {"approver": CHECKER}).status_code == 303
    again = maker.send(PATH, "/extension", wanted | {"approver": CHECKER})
    assert "Already recorded" in maker.see(again.headers["location"] + "&lang=en")
    (extension,) = desks.scene.ports.database.read(lambda work: work.records.extensions("suizhou", OCTOBER))
    assert (extension.recorded_by, extension.unit) == (MAKER, county)
    waived = {
        "document": "report",
        "county": county,
        "document_number": "9",
        "approver": CHECKER,
        "reason": "停",
    }
    assert maker.send(PATH, "/waiver", waived | {"document": "annual-budget"}).status_code == 400
    assert maker.send(PATH, "/waiver", waived | {"county": "331002"}).status_code == 400
    assert maker.send(PATH, "/waiver", waived).status_code == 303
    assert "停" in maker.see(PATH)


def test_the_month_is_opened_and_closed_on_the_page(desks: Desks) -> None:
    maker = desks.of(MAKER)
    opened = maker.send(PATH, "/open")
    assert opened.status_code == 303
    assert runs(desks, "plan-review")[-1].requested_by == MAKER
    too_early = maker.send(PATH, "/close")
    assert too_early.status_code == 409
    desks.at("2026-11-02 09:00")
    unfinished = desks.of(MAKER).send(PATH, "/close")
    assert unfinished.headers["location"].endswith("done=not_closed")


def test_a_stopped_fund_and_what_the_month_lacks_stand_on_the_page(desks: Desks) -> None:
    desks.of(MAKER).send("/desk/payments", "/funds/employee/stop", {"reason": "核查"})
    page = desks.of(MAKER).see(PATH)
    assert "Two people start it again at the payment desk" in page
    assert 'id="lacks"' not in page
    november = desks.of(MAKER).client.get(f"{PATH}?city=taizhou&month=2026-11&lang=en").text
    assert "no budget of 2026 is recorded" in november
