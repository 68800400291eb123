"""Every document that a template is handed out for is filed: kept, judged, answered, decided, of use."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from fundpool.adapters.work import SqlTransactions
from fundpool.adapters.workbooks import write_document
from fundpool.domain.errors import RuleViolation
from fundpool.domain.findings import Verdict
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.services import review
from fundpool.services.documents import collected_by, intake_of, is_of
from fundpool.services.intake import FileReceipt
from fundpool.services.judgements import budget_left
from fundpool.services.judging import County, Register
from fundpool.services.lineage import Lineage
from fundpool.services.outcomes import StepReport
from fundpool.services.status import county_month, month_status, receipts_of
from tests.golden import sample_documents as sample
from tests.integration.month_scene import CHECKER, MAKER, CityScene, at

OCTOBER, YEAR = Month(2026, 10), Year(2026)
FIRST, SECOND = "331002", "331003"
OTHERS = collected_by("document-collection")
NOVEMBER = at("2026-11-05 10:00")


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
    write_document(path, document, scene.policy.name_zh, OCTOBER, made, funds=funds)
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
    found = review.cases_of(scene.ports, "taizhou", period_of(document), document)
    return {case.fund: case for case in found if case.county == FIRST}


@pytest.mark.parametrize("document", OTHERS)
def test_every_document_is_kept_judged_and_shown_where_people_look(
    scene: CityScene, document: DocumentKind
) -> None:
    receipt = filed(scene, document.value)
    assert receipt.state is FileState.READ
    (version,) = receipt.versions
    assert version.submission.month == period_of(document)
    assert filed(scene, document.value).is_repeat
    collected(scene)

    (told,) = receipts_of(scene.ports, "taizhou", period_of(document))["files"]
    assert (told["document"], told["sha256"]) == (document.value, receipt.sha256)
    assert told["received_at"].startswith("2026-11-05T10:00")
    assert told["verdict"] in {"pass", "review"}
    (shown,) = county_month(scene.ports, "taizhou", OCTOBER, FIRST, NOVEMBER)["submissions"]
    assert (shown["document"], shown["period"]) == (document.value, str(period_of(document)))
    decided = {case.state for case in cases(scene, document).values()}
    waiting = {CaseState.READY, CaseState.FINDINGS}
    if intake_of(document).needs_people:
        assert decided <= waiting
    else:
        assert decided <= {*waiting, CaseState.ACCEPTED}


@pytest.mark.parametrize("document", OTHERS)
def test_a_file_in_the_drop_folder_is_taken_in_like_one_that_is_submitted(
    scene: CityScene, document: DocumentKind
) -> None:
    scene.drop(written(scene, document.value), document.value)
    collected(scene)
    collected(scene)
    (told,) = receipts_of(scene.ports, "taizhou", period_of(document))["files"]
    assert (told["version"], told["submitted_by"]) == (1, "drop-folder")
