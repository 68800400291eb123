"""Deciding and sending for many counties at once: two people all the same, and nobody decided by oversight."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.findings import Finding, Severity
from fundpool.domain.outcomes import StepRequest, exit_status
from fundpool.domain.periods import Month
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents import review
from fundpool.services.month.whole_month import outcomes_of, release_and_send
from fundpool.services.oversight import return_slips
from fundpool.services.payments import batches
from fundpool.services.payments.kill_switches import stop_fund
from fundpool.services.ports.judging import Judgement, JudgingContext, ParsedDocument, judgement_of
from tests.integration.month_scene import APPROVER, CHECKER, FINANCE, MAKER, RELEASER, CityScene, at

OCTOBER = Month(2026, 10)
WEIGHED = "421381"
"""The county in whose plan the judge finds something to weigh."""


def weighing(parsed: Sequence[ParsedDocument], _document: str, _context: JudgingContext) -> list[Judgement]:
    """A judge that finds something to weigh in one county's file and nothing in the others."""
    to_weigh = (Finding("PLAN-900", Severity.REVIEW, "偏高", "high", county=WEIGHED),)
    return [
        judgement_of(
            reading,
            to_weigh if WEIGHED in reading.counties else (),
            declared=1,
            evaluated=1,
            not_applicable=(),
            totals={},
        )
        for reading in parsed
    ]


@pytest.fixture
def city(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou's three plans, filed and judged, their cases open."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    scene.ports = replace(scene.ports, judge_documents=weighing)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-09 10:00"))
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-10 09:00"))
    return scene


def propose(scene: CityScene, counties: Sequence[str] | None, by: str = MAKER) -> tuple[ReviewCase, ...]:
    return review.propose(
        scene.ports,
        city="suizhou",
        month=OCTOBER,
        document=DocumentKind.PLAN,
        counties=counties,
        fund=None,
        amount_fen=None,
        reason=None,
        by=by,
        now=at("2026-09-11 09:00"),
    )


def states(scene: CityScene) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for case in review.cases_of(scene.ports, "suizhou", OCTOBER):
        found.setdefault(case.county, set()).add(case.state.value)
    return found


def test_all_clean_leaves_what_must_be_weighed_and_what_is_out_of_date(city: CityScene) -> None:
    first, second, _ = city.counties
    # The second county has filed again since its case was opened: nobody has judged that version.
    city.submit(city.plan(second, inpatient_fen=5_000_00), "plan", at("2026-09-10 10:00"))
    proposed = propose(city, None)
    assert {case.county for case in proposed} == {first}
    assert all(case.proposed_fen == case.requested_fen for case in proposed)
    assert states(city) == {first: {"proposed"}, second: {"ready"}, WEIGHED: {"findings"}}
    with pytest.raises(InputError, match="no such review case"):
        propose(city, None)
    with pytest.raises(RuleViolation):  # four eyes: who proposed all of it confirms none of it
        review.confirm(
            city.ports,
            city="suizhou",
            month=OCTOBER,
            document=DocumentKind.PLAN,
            counties=None,
            fund=None,
            by=MAKER,
            now=at("2026-09-11 10:00"),
        )
    assert states(city)[first] == {"proposed"}


def test_a_list_of_counties_is_decided_whole_or_not_at_all(city: CityScene) -> None:
    first, second, third = city.counties
    with pytest.raises(InputError):
        propose(city, [first, "999999"])
    assert {state for found in states(city).values() for state in found} == {"ready", "findings"}
    assert {case.county for case in propose(city, [first, third])} == {first, third}
    returned = return_slips.return_to_counties(
        city.ports,
        city="suizhou",
        month=OCTOBER,
        document=DocumentKind.PLAN,
        counties=[second, third],
        reason="偏高",
        by=MAKER,
        now=at("2026-09-11 11:00"),
    )
    assert {(case.county, case.state) for case in returned} == {
        (second, CaseState.RETURNED),
        (third, CaseState.RETURNED),
    }
    slips = {slip.county for slip in city.ports.slip_folder.slips("suizhou", OCTOBER)}
    assert {second, third} <= slips


def test_of_every_county_named_there_must_be_a_case(transactions: SqlTransactions, tmp_path: Path) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    first, second, _ = scene.counties
    scene.submit(scene.plan(first), "plan", at("2026-09-09 10:00"))
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-10 09:00"))
    with pytest.raises(InputError, match="no such review case"):
        propose(scene, [first, second])
    assert states(scene) == {first: {"ready"}}


@pytest.fixture
def approved(city: CityScene) -> CityScene:
    """The first hop is approved and waits for its release."""
    city.decide(at("2026-09-11 09:00"))
    city.run("funds-application", at("2026-09-18 09:00"))
    city.review_by_finance(at("2026-09-21 09:00"))
    city.run("disbursement", at("2026-09-28 09:00"))
    city.ports.database.transaction(
        lambda work: batches.approve_waiting(
            work, "suizhou", OCTOBER, checker=APPROVER, now=at("2026-09-28 09:10")
        )
    )
    return city


def send(scene: CityScene, when: str, by: str = RELEASER) -> tuple[int, int | None]:
    """How many batches were released, and the exit status of what was sent; None when nothing was."""
    request = StepRequest("suizhou", OCTOBER, at(when), by=by, is_played=True)
    released, reports = release_and_send(scene.ports, request)
    return len(released), exit_status(outcomes_of(reports)) if reports else None


def test_release_and_send_pays_at_once_and_says_what_became_of_it(approved: CityScene) -> None:
    with pytest.raises(RuleViolation):
        send(approved, "2026-09-28 09:20", by=APPROVER)
    assert approved.executed_fen() == {}
    assert send(approved, "2026-09-28 09:30") == (2, 0)
    assert sum(approved.executed_fen().values()) > 0
    assert send(approved, "2026-09-28 09:40") == (0, None)


def test_a_bank_that_is_silent_is_4_and_the_same_command_carries_on(approved: CityScene) -> None:
    approved.gateway.plan.add("refused", times=1)
    before = send(approved, "2026-09-28 09:30")
    assert before == (2, 4)
    paid = approved.executed_fen()
    released, status = send(approved, "2026-09-28 10:30")
    assert (released, status) == (0, 0)
    assert set(approved.executed_fen()) >= set(paid)
    assert len(approved.book.executions) == 2
    assert FINANCE not in {batch.checker for batch in _batches(approved)}
    assert {batch.releaser for batch in _batches(approved)} == {RELEASER}
    assert CHECKER not in {batch.releaser for batch in _batches(approved)}


def _batches(scene: CityScene) -> Sequence[batches.Batch]:
    return scene.ports.database.read(lambda work: work.payments.batches("suizhou", OCTOBER))


def test_a_stopped_fund_is_1_and_nothing_of_it_leaves(approved: CityScene) -> None:
    approved.ports.database.transaction(
        lambda work: stop_fund(
            work, "suizhou", "employee", reason="演练", by="甲", now=at("2026-09-28 09:20")
        )
    )
    assert send(approved, "2026-09-28 09:30") == (2, 1)
    assert len(approved.book.executions) == 1
