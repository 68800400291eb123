"""预演: what a step or a coming day would do is found on a copy; the books and the bank know nothing of it."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import copied_ports
from fundpool.domain.errors import InputError
from fundpool.domain.outcomes import StepRequest
from fundpool.domain.periods import Month
from fundpool.services.books.ledger_checks import verify
from fundpool.services.month.rehearsal import PaymentAct, Rehearsal, rehearse_day, rehearse_step
from fundpool.services.ports.work import Work
from tests.integration.month_scene import CityScene, at, play_to_release, play_to_review

OCTOBER = Month(2026, 10)


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou, whose first hop goes to the city's account and whose second to the counties."""
    return CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)


def everything(scene: CityScene) -> object:
    """What must stand as it was: every row, the bank's book, what was written."""

    def read(work: Work) -> object:
        return work.trail.counts(), work.audit.head()

    files = sorted(str(path) for path in scene.folder.rglob("*") if path.is_file())
    return scene.ports.database.read(read), len(scene.book.executions), scene.executed_fen(), files


def written(scene: CityScene) -> set[Path]:
    """Forms and anchors that were written."""
    return {*scene.folder.rglob("*.jsonl"), *(scene.folder / "reports").rglob("*余额调节表.xlsx")}


def rehearsed(scene: CityScene, step: str, now: str, *counties: str) -> Rehearsal:
    before = everything(scene)
    request = StepRequest("suizhou", OCTOBER, at(now), counties or None, by="某甲", is_played=True)
    with copied_ports(scene.ports) as copied:
        found = rehearse_step(copied, step, request)
        assert copied.database.read(verify) == []
    assert everything(scene) == before
    return found


def rehearsed_day(scene: CityScene, day: str, now: str) -> Rehearsal:
    before = everything(scene)
    with copied_ports(scene.ports) as copied:
        found = rehearse_day(copied, "suizhou", date.fromisoformat(day), now=at(now))
    assert everything(scene) == before
    return found


def acts(found: Rehearsal) -> Counter[tuple[PaymentAct, str]]:
    return Counter((each.act, each.unit) for each in found.payments)


def test_what_is_released_would_be_sent_and_is_not(scene: CityScene) -> None:
    play_to_release(scene)
    found = rehearsed(scene, "disbursement", "2026-09-28 11:00")
    assert acts(found) == {(PaymentAct.SEND, "421300"): len(scene.funds)}
    assert {each.state for each in found.reports[0].outcomes} == {"done"}
    # The run itself does what was shown, and once.
    scene.run("disbursement", at("2026-09-28 11:00"))
    assert len(scene.book.executions) == len(scene.funds)
    again = rehearsed(scene, "disbursement", "2026-09-28 12:00")
    assert again.payments == ()


def test_an_unknown_outcome_would_be_asked_about_and_not_be_sent(scene: CityScene) -> None:
    play_to_release(scene)
    for _ in scene.funds:
        scene.gateway.plan.add("silence_after")
    scene.run("disbursement", at("2026-09-28 11:00"))
    found = rehearsed(scene, "disbursement", "2026-09-28 15:00")
    assert acts(found) == {(PaymentAct.ASK, "421300"): len(scene.funds)}


def test_a_rehearsed_reconciliation_writes_neither_form_nor_anchor(scene: CityScene) -> None:
    play_to_release(scene)
    scene.run("disbursement", at("2026-09-28 11:00"))
    rehearsed(scene, "reconciliation", "2026-10-12 09:00")
    assert written(scene) == set()
    scene.run("reconciliation", at("2026-10-12 09:00"))  # its statements are what the forms compare
    assert {path.name for path in written(scene)} == {"anchors.jsonl"}
    rehearsed(scene, "reconciliation", "2026-11-02 09:00")
    assert {path.name for path in written(scene)} == {"anchors.jsonl"}
    scene.run("reconciliation", at("2026-11-02 09:00"))
    assert {path.suffix for path in written(scene)} == {".jsonl", ".xlsx"}


def test_a_coming_day_orders_what_finance_has_reviewed(scene: CityScene) -> None:
    play_to_review(scene)
    found = rehearsed_day(scene, "2026-09-28", "2026-09-24 10:00")
    assert [report.step for report in found.reports] == ["disbursement", "flags"]
    assert acts(found) == {(PaymentAct.ORDER, "421300"): len(scene.funds)}


def test_a_coming_day_names_who_would_be_late(scene: CityScene) -> None:
    late, *filing = scene.counties
    for county in filing:
        scene.submit(scene.plan(county), "plan", at("2026-09-14 09:00"))
    scene.run("plan-collection", at("2026-09-15 07:00"))
    found = rehearsed_day(scene, "2026-09-22", "2026-09-15 10:00")
    (flags,) = [report for report in found.reports if report.step == "flags"]
    assert late in {each.unit for each in flags.outcomes if each.state == "flagged"}
    assert not {each.unit for each in flags.outcomes if each.state == "flagged"} & set(filing)


@pytest.mark.parametrize("day", ["2026-09-15", "2026-09-14", "2027-09-20"])
def test_a_day_that_is_not_ahead_is_refused(scene: CityScene, day: str) -> None:
    with pytest.raises(InputError, match="not one of the"):
        rehearsed_day(scene, day, "2026-09-15 10:00")
