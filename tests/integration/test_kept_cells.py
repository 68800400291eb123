"""A file is parsed once, at intake; kept cells that are lost, altered or another parser's never change a judgement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from fundpool.adapters.documents.parser_process import PARSER, ParserProcess
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.periods import Month
from fundpool.domain.submission import DocumentKind
from fundpool.services.oversight.lineage import Explanation, Lineage
from schemas.tables.submissions import file_cells
from tests.integration.month_scene import CityScene, at
from tests.seals import SEALS

OCTOBER = Month(2026, 10)
COUNTY, OTHER = "331002", "331003"
RECEIVED, NOON = at("2026-09-14 10:00"), at("2026-09-14 12:00")

Parsed = list[bytes]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    """The contents that the parser's process was given."""
    parsed: Parsed = []
    take_apart = ParserProcess.take_apart

    def counted(self: ParserProcess, content: bytes) -> dict[str, Any]:
        parsed.append(content)
        return take_apart(self, content)

    monkeypatch.setattr(ParserProcess, "take_apart", counted)
    return parsed


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    return CityScene(transactions, tmp_path, "taizhou", OCTOBER)


def judgement(scene: CityScene, county: str) -> tuple[Verdict, tuple[Finding, ...]]:
    """The stored judgement of the county's plan."""

    def read(work: Any) -> tuple[Verdict, tuple[Finding, ...]]:
        (version,) = work.submissions.versions("taizhou", DocumentKind.PLAN, OCTOBER, county=county)
        stored = work.submissions.judgement(version.id)
        return stored.verdict, stored.findings

    return scene.ports.database.read(read)


def explained(scene: CityScene, county: str) -> Explanation:
    return Lineage(scene.ports).figure(
        "taizhou", OCTOBER, DocumentKind.PLAN, county=county, fund="employee", field="inpatient"
    )


def test_a_file_is_parsed_at_intake_and_never_again(scene: CityScene, parsed: Parsed) -> None:
    """The file is judged twice, explained down to a cell and copied into a return slip, from the stored cells."""
    wrong, right = scene.plan(COUNTY, requested_fen=5_001_00), scene.plan(OTHER)
    scene.submit(wrong, "plan", RECEIVED)
    scene.drop(right, "plan")
    scene.run("plan-collection", NOON)
    scene.run("plan-collection", at("2026-09-15 12:00"))
    assert judgement(scene, COUNTY)[0] is Verdict.RETURN
    assert judgement(scene, OTHER)[0] is Verdict.PASS
    assert len(scene.ports.slip_folder.slips("taizhou", OCTOBER)) == 1
    assert [cell.is_same for cell in explained(scene, COUNTY).cells()] == [True]
    assert parsed == [wrong.read_bytes(), right.read_bytes()]


def _altered(connection: Connection, own: str, other: str) -> None:
    content = connection.scalar(select(file_cells.c.content).where(file_cells.c.sha256 == other))
    connection.execute(update(file_cells).where(file_cells.c.sha256 == own).values(content=content))


def _of_another_file(connection: Connection, own: str, other: str) -> None:
    row = connection.execute(select(file_cells).where(file_cells.c.sha256 == other)).one()
    values = {"content": row.content, "seal": row.seal}
    connection.execute(update(file_cells).where(file_cells.c.sha256 == own).values(values))


def _lost(connection: Connection, own: str, _other: str) -> None:
    connection.execute(delete(file_cells).where(file_cells.c.sha256 == own))


def _of_another_parser(connection: Connection, own: str, other: str) -> None:
    content = connection.scalar(select(file_cells.c.content).where(file_cells.c.sha256 == other))
    assert content is not None
    stale = bytes(len(PARSER)) + content[len(PARSER) :]
    values = {"content": stale, "seal": SEALS.of_values("file cells", own, stale)}
    connection.execute(update(file_cells).where(file_cells.c.sha256 == own).values(values))


@pytest.mark.parametrize("happens", [_altered, _of_another_file, _lost, _of_another_parser])
def test_cells_that_cannot_be_trusted_are_parsed_again_from_the_raw_bytes(
    scene: CityScene, database: Database, parsed: Parsed, happens: Callable[[Connection, str, str], None]
) -> None:
    """The stored cells are replaced by those of a county whose plan would be returned: the verdict shows which were read."""
    good, bad = scene.plan(COUNTY), scene.plan(OTHER, requested_fen=5_001_00)
    own, other = (str(scene.submit(file, "plan", RECEIVED).sha256) for file in (good, bad))
    parsed.clear()
    with database.engine.begin() as connection:
        happens(connection, own, other)
    scene.run("plan-collection", NOON, COUNTY)
    assert judgement(scene, COUNTY)[0] is Verdict.PASS
    assert parsed == [good.read_bytes()]
    (cell,) = explained(scene, COUNTY).cells()
    assert (cell.is_same, cell.why) == (True, None)


def test_the_judgement_of_a_file_is_the_same_whether_its_cells_are_kept_or_not(
    scene: CityScene, database: Database
) -> None:
    scene.submit(scene.plan(COUNTY, requested_fen=5_001_00), "plan", RECEIVED)
    scene.run("plan-collection", NOON)
    verdict, findings = judgement(scene, COUNTY)
    assert any(finding.severity is Severity.BLOCK for finding in findings)
    with database.engine.begin() as connection:
        connection.execute(delete(file_cells))
    scene.run("plan-collection", NOON)
    assert judgement(scene, COUNTY) == (verdict, findings)
