"""What the reconciliation does of itself once a day: verify the trails, and keep their anchor elsewhere."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fundpool.adapters.stores.anchor_places import AnchorFile, AnchorPlaces
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import Month
from fundpool.services.books import audit_checks
from fundpool.services.books.audit_checks import verify
from tests.integration.month_scene import CityScene, at
from tests.seals import SEALS

NOW = at("2026-10-09 09:00")


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> CityScene:
    return CityScene(SqlTransactions(database, SEALS), tmp_path, "taizhou", Month(2026, 10), judges=False)


def flags(scene: CityScene, hours: int = 0) -> Iterator[str | None]:
    """Error codes of what the reconciliation flags."""
    report = scene.run("reconciliation", NOW + timedelta(hours=hours))
    return (each.error_code for each in report.outcomes if each.state is UnitState.FLAGGED)


def edit(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_an_edit_behind_the_program_is_flagged_on_its_day(scene: CityScene, database: Database) -> None:
    assert list(flags(scene)) == []
    edit(database, "UPDATE bank_account SET account_no = '1' WHERE id = 1")
    assert list(flags(scene, hours=1)) == [], "once a day"
    assert list(flags(scene, hours=24)) == ["row_altered"]


def test_the_daily_tick_leaves_a_long_history_to_the_full_verification_and_flags_that_it_is_due(
    scene: CityScene, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_checks, "READ_WHOLE_UP_TO", 1)
    assert list(flags(scene)) == ["full_verification_due"]
    assert verify(scene.ports, NOW + timedelta(hours=1), [], full=True).faults == []
    assert list(flags(scene, hours=24)) == []
    # An old row edited is for the full verification; one that is gone shows, though not which.
    edit(database, "UPDATE bank_account SET bank_name = 'x' WHERE id = 1")
    assert list(flags(scene, hours=48)) == []
    edit(database, "DELETE FROM openings")
    assert list(flags(scene, hours=72)) == ["history_differs"]
    assert {fault.kind for fault in verify(scene.ports, NOW, [], full=False).faults} == {
        "row_altered",
        "row_missing",
        "row_unknown",  # the latest seals of the openings that are gone
    }
    days = audit_checks.FULL_EVERY.days + 1
    assert list(flags(scene, hours=24 * days)) == ["history_differs", "full_verification_due"]


def test_an_anchor_that_cannot_be_written_is_flagged_and_delays_no_payment(
    scene: CityScene, tmp_path: Path
) -> None:
    place = tmp_path / "elsewhere" / "anchors.jsonl"
    scene.ports = replace(scene.ports, anchors=AnchorPlaces([AnchorFile(place)]))
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-24 10:00"))
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-24 10:00"))
    scene.decide(at("2026-09-25 10:00"))
    scene.run("funds-application", at("2026-09-25 11:00"))
    scene.review_by_finance(at("2026-09-28 09:00"))
    scene.pay(at("2026-09-28 10:00"))
    report = scene.run("reconciliation", NOW)
    flagged = [each for each in report.outcomes if each.state is UnitState.FLAGGED]
    assert [each.error_code for each in flagged] == ["anchor_not_written"]
    assert str(place) in flagged[0].detail_zh
    assert sum(scene.executed_fen().values()) > 0
    place.parent.mkdir()
    assert list(flags(scene, hours=1)) == []
    assert len(place.read_text(encoding="utf-8").splitlines()) == 1
