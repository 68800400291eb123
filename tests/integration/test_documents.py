"""Every document that a template is handed out for is filed: kept, judged, answered, decided, of use."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from fundpool.adapters.banks.bank_layouts import read_statement, template_layout
from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import RuleViolation
from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import StepReport
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.services.documents import review
from fundpool.services.documents.document_kinds import intake_of, is_of
from fundpool.services.documents.intake import FileReceipt
from fundpool.services.documents.known_facts import budget_left
from fundpool.services.month.daily import open_months, reserve_due_steps
from fundpool.services.oversight import records
from fundpool.services.oversight.lineage import Lineage
from fundpool.services.oversight.status import county_month, month_status, receipts_of
from fundpool.services.ports.judging import Register
from tests.golden import sample_documents as sample
from tests.integration.month_scene import CHECKER, MAKER, CityScene, at

OCTOBER, YEAR = Month(2026, 10), Year(2026)
FIRST, SECOND = "331002", "331003"
OTHERS = STEPS["document-collection"].collects
NOVEMBER = at("2026-11-05 10:00")
VERDICTS = {"working-capital": "review", "final-account": "return"}
"""The sample asks for two months' capital, 台州 gives one; its account names another budget than the recorded one."""
STATES = {"working-capital": CaseState.FINDINGS, "final-account": CaseState.RETURNED}


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    return CityScene(transactions, tmp_path, "taizhou", OCTOBER)


def period_of(document: DocumentKind) -> Period:
    return OCTOBER if is_of(document, OCTOBER) else YEAR


def written(
    scene: CityScene, document: str, county: str = FIRST, rows: Sequence[sample.Row] | None = None
) -> Path:
    """A clean document of the county, or one with these rows."""
    name = next(unit.name_zh for unit in scene.policy.units if unit.code == county)
    made = rows or [{**row, "county_code": county, "county_name": name} for row in sample.CLEAN[document]()]
    path = scene.folder / f"{document}-{county}.xlsx"
    funds = Register.of(scene.policy.units, scene.policy.funds).funds
    write_document(path, document, scene.policy.name_zh, month=OCTOBER, rows=made, funds=funds)
    return path


def filed(scene: CityScene, document: str, county: str = FIRST, **changes: int) -> FileReceipt:
    """The county files the document; ``changes`` replace amounts of its first row."""
    name = next(unit.name_zh for unit in scene.policy.units if unit.code == county)
    rows = [{**row, "county_code": county, "county_name": name} for row in sample.CLEAN[document]()]
    rows[0] = {**rows[0], **changes}
    return scene.submit(written(scene, document, county, rows), document, NOVEMBER)


def collected(scene: CityScene) -> StepReport:
    return scene.run("document-collection", at("2026-11-05 11:00"))


def cases(scene: CityScene, document: DocumentKind) -> dict[str, ReviewCase]:
    found = review.cases_of(scene.ports, "taizhou", period_of(document), document=document)
    return {case.fund: case for case in found if case.county == FIRST}


def test_every_document_is_kept_judged_and_shown_where_people_look(scene: CityScene) -> None:
    receipts = {document: filed(scene, document) for document in OTHERS}
    assert {receipt.state for receipt in receipts.values()} == {FileState.READ}
    assert all(filed(scene, document).is_repeat for document in OTHERS)
    states = {
        (outcome.detail_en.split(" 2026")[0], outcome.state.value) for outcome in collected(scene).outcomes
    }
    assert states == {
        ("payer detail list", "done"),
        ("fiscal subsidies received", "done"),
        ("interest return", "done"),
        ("annual budget", "done"),  # judged; the review list says whose turn it is
        ("working-capital application", "flagged"),
        ("final account", "flagged"),
    }
    shown = {
        submission.document: submission
        for submission in county_month(
            scene.ports, "taizhou", OCTOBER, county=FIRST, now=NOVEMBER
        ).submissions
    }
    for document, receipt in receipts.items():
        (version,) = receipt.versions
        assert version.submission.month == period_of(document)
        (listed,) = [
            file
            for file in receipts_of(scene.ports, "taizhou", period_of(document)).files
            if file.document == document
        ]
        assert (listed.sha256, listed.version) == (receipt.sha256, 1)
        assert listed.verdict == VERDICTS.get(document, "pass"), document
        assert listed.received_at.isoformat().startswith("2026-11-05T10:00")
        assert shown[document].period == str(period_of(document))
        expected = CaseState.READY if intake_of(document).needs_people else CaseState.ACCEPTED
        expected = STATES.get(document, expected)
        assert {case.state for case in cases(scene, document).values()} == {expected}, document


@only_sqlite
def test_a_file_in_the_drop_folder_is_taken_in_like_one_that_is_submitted(scene: CityScene) -> None:
    for document in OTHERS:
        scene.drop(written(scene, document), document)
    collected(scene)
    collected(scene)
    received = [
        (file.document, file.version, file.submitted_by)
        for period in (OCTOBER, YEAR)
        for file in receipts_of(scene.ports, "taizhou", period).files
    ]
    assert sorted(received) == sorted((document.value, 1, "drop-folder") for document in OTHERS)


def test_a_corrected_list_is_a_new_version_with_its_changes_row_by_row(scene: CityScene) -> None:
    filed(scene, "payer-detail")
    again = filed(scene, "payer-detail", employer_fen=8_000_100)
    (version,) = again.versions
    assert version.submission.version == 2
    changes = {
        (change.line, change.field): (change.before_fen, change.after_fen) for change in version.changes
    }
    assert changes == {
        ("3310022610000001", "employer_fen"): (8_000_000, 8_000_100),
        ("3310022610000001", "paid_fen"): (10_000_000, 10_000_100),
    }


@only_sqlite
def test_what_does_not_add_up_goes_back_with_a_slip_and_the_next_version_shows_it_gone(
    scene: CityScene,
) -> None:
    filed(scene, "subsidy", arrears_fen=1)
    report = collected(scene)
    assert [outcome.state.value for outcome in report.outcomes] == ["flagged"]
    (first,) = scene.ports.slip_folder.slips("taizhou", OCTOBER)
    assert "SUBSIDY-013" in first.page.read_text(encoding="utf-8")
    assert cases(scene, DocumentKind.SUBSIDY)["resident"].state is CaseState.RETURNED
    assert receipts_of(scene.ports, "taizhou", OCTOBER).files[0].state == "returned"
    flags = month_status(scene.ports, "taizhou", OCTOBER, now=NOVEMBER).flags
    assert [flag.rule for flag in flags if flag.document == "subsidy"] == ["SUBSIDY-013"]

    filed(scene, "subsidy")
    collected(scene)
    second = scene.ports.slip_folder.slips("taizhou", OCTOBER)[-1]
    assert second.version == 2
    page = second.page.read_text(encoding="utf-8")
    assert "SUBSIDY-013" in page
    assert "gone" in page
    assert cases(scene, DocumentKind.SUBSIDY)["resident"].state is CaseState.ACCEPTED


def decided(scene: CityScene, document: DocumentKind) -> None:
    """The maker approves the first county's cases and the checker confirms them."""
    common = {
        "city": "taizhou",
        "month": period_of(document),
        "document": document,
        "fund": None,
        "now": NOVEMBER,
    }
    review.propose(
        scene.ports,
        counties=[FIRST],
        amount_fen=None,
        reason=None,
        by=MAKER,
        **common,  # type: ignore[arg-type]
    )
    review.confirm(scene.ports, counties=[FIRST], by=CHECKER, **common)  # type: ignore[arg-type]


@only_sqlite
def test_an_approved_budget_is_the_one_that_plans_are_held_against_and_a_later_one_adjusts_it(
    scene: CityScene,
) -> None:
    def left(fund: str) -> int:
        known = scene.ports.database.read(lambda work: budget_left(work, "taizhou", OCTOBER))
        assert known is not None
        return known[FIRST, fund]

    before = {fund: left(fund) for fund in scene.funds}
    filed(scene, "annual-budget")
    collected(scene)
    assert {fund: left(fund) for fund in scene.funds} == before, "filed is not approved"
    decided(scene, DocumentKind.ANNUAL_BUDGET)
    approved = {fund: 11 * planned + 900_000 for fund, planned in sample.PLANNED_FEN.items()}
    assert {fund: left(fund) for fund in scene.funds} == approved

    filed(scene, "annual-budget", benefits_fen=12 * sample.PLANNED_FEN["employee"])
    collected(scene)
    finding = next(
        found
        for file in county_month(scene.ports, "taizhou", OCTOBER, county=FIRST, now=NOVEMBER).submissions
        for found in file.findings
        if found.rule == "BUDGET-020"
    )
    assert finding.fund == "employee", "the difference to the budget on record is reported"
    assert left("employee") == approved["employee"]
    decided(scene, DocumentKind.ANNUAL_BUDGET)
    assert left("employee") == approved["employee"] + sample.PLANNED_FEN["employee"]
    numbers = {
        (budget.fund, budget.revision): budget.document_number
        for budget in records.budgets_of(scene.ports, "taizhou", 2026)
        if budget.county == FIRST and budget.revision > 1
    }
    assert numbers == {
        ("employee", 2): "annual-budget-2026-v1",
        ("resident", 2): "annual-budget-2026-v1",
        ("employee", 3): "annual-budget-2026-v2",
    }
    with pytest.raises(RuleViolation):
        decided(scene, DocumentKind.ANNUAL_BUDGET)


@only_sqlite
def test_a_budget_is_approved_by_two_people_and_never_cut(scene: CityScene) -> None:
    filed(scene, "annual-budget")
    collected(scene)
    proposal = {
        "city": "taizhou", "month": YEAR, "document": DocumentKind.ANNUAL_BUDGET, "counties": [FIRST],
        "fund": "employee", "by": MAKER, "now": NOVEMBER,
    }  # fmt: skip
    with pytest.raises(RuleViolation) as refused:
        review.propose(scene.ports, amount_fen=1, reason="压减", **proposal)  # type: ignore[arg-type]
    assert refused.value.code == "document_not_cut"
    review.propose(scene.ports, amount_fen=None, reason=None, **proposal)  # type: ignore[arg-type]
    with pytest.raises(RuleViolation):
        review.confirm(scene.ports, **proposal)  # type: ignore[arg-type]


@only_sqlite
def test_a_figure_of_a_list_is_traced_to_each_of_its_cells(scene: CityScene) -> None:
    filed(scene, "payer-detail")
    lineage = Lineage(scene.ports)
    whole = lineage.figure(
        "taizhou", OCTOBER, DocumentKind.PAYER_DETAIL, county=FIRST, fund="employee", field="paid"
    )
    assert whole.amount_fen == 600_000_00
    assert [cell.cell for cell in whole.cells()] == ["L5", "L6", "L7"]
    assert whole.is_sound
    row = lineage.figure(
        "taizhou",
        OCTOBER,
        DocumentKind.PAYER_DETAIL,
        county=FIRST,
        fund="employee",
        field="缴款合计",
        line="3310022610000002",
    )
    assert row.amount_fen == 200_000_00
    assert row.cell is not None
    assert (row.cell.cell, row.cell.is_same) == ("L6", True)


@only_sqlite
def test_working_capital_is_a_duty_only_where_the_law_orders_it(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER)
    filed(scene, "working-capital")
    duties = {
        duty.unit: (duty.rule, str(duty.due), duty.state)
        for duty in month_status(scene.ports, "taizhou", YEAR, now=NOVEMBER).duties
    }
    assert duties[FIRST] == ("TZ-21", "2025-12-25", "done_late")
    assert duties[SECOND] == ("TZ-21", "2025-12-25", "overdue")
    assert month_status(scene.ports, "suizhou", YEAR, now=NOVEMBER).duties == ()


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
def test_a_statement_on_our_own_template_is_read_without_a_layout(suffix: str) -> None:
    content = sample.file_bytes("statement", sample.statement_rows(), suffix)
    own = read_statement(f"对账单{suffix}", content, template_layout(), account_no="33010122090000123")
    assert [line.amount_fen for line in own.lines] == [900_000_00, 250_000_50, 100_00]
    assert max(own.closing_fen.items()) == (date(2026, 10, 13), 4_849_899_50)


@only_sqlite
def test_in_december_people_see_who_has_not_applied_for_next_year_s_working_capital(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    december = Month(2026, 12)
    scene = CityScene(transactions, tmp_path, "taizhou", december)
    now = at("2026-12-23 10:00")

    def states() -> dict[str, str]:
        duties = month_status(scene.ports, "taizhou", december, now=now).duties
        return {duty.unit: duty.state for duty in duties if duty.key == "apply_for_working_capital"}

    assert set(states().values()) == {"due_soon"}
    assert len(states()) == len(scene.counties)
    path = scene.folder / "周转金.xlsx"
    rows = [{**row, "county_code": SECOND, "county_name": "黄岩区"} for row in sample.working_capital_rows()]
    write_document(path, "working-capital", "台州市", month=Year(2027), rows=rows)
    scene.submit(path, "working-capital", now)
    assert states()[SECOND] == "done_on_time"
    november = month_status(scene.ports, "taizhou", Month(2026, 11), now=now)
    assert all(duty.key != "apply_for_working_capital" for duty in november.duties)


@only_sqlite
def test_the_daily_tick_collects_a_dropped_list_and_opens_no_month_for_it(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    july, now = Month(2026, 7), at("2026-07-08 07:00")
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER)

    def started() -> list[tuple[str, Month]]:
        return [(due.step, due.month) for due in reserve_due_steps(scene.ports, "taizhou", now)]

    assert started() == []
    scene.drop(written(scene, "interest"), "interest")
    assert started() == [("document-collection", july)]
    assert started() == [("document-collection", july)], "reserved once, given out until it is started"
    assert july not in open_months(scene.ports, scene.policy, now.date())
