"""A step for several cities at once: the same as one by one, and each city's trouble its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.national_month import MONTH, NationCity, nation_ports
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.findings import Verdict
from fundpool.domain.outcomes import StepReport, StepRequest, UnitState
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services.month.steps import run_step, run_step_of_cities
from fundpool.services.ports.judging import Judgement, JudgingContext, ParsedDocument, Register, SourceFile
from fundpool.services.ports.work import MonthPorts
from tests.integration.month_scene import at, passing

NOON = at("2026-09-14 12:00")


class Nation:
    """Three cities of different rules in one installation; two counties of each have filed their plans."""

    def __init__(self, folder: Path) -> None:
        self.ports: MonthPorts = nation_ports(folder, 3)
        self.cities = [NationCity(self.ports, folder, policy.key) for policy in self.ports.policies.cities]
        for city in self.cities:
            city.found()
            for county in city.counties[:2]:
                city.drop(city.plan(county), "plan")

    def requests(self) -> list[StepRequest]:
        return [StepRequest(city.policy.key, MONTH, NOON, is_played=True) for city in self.cities]

    def collect(self, ports: MonthPorts | None = None) -> list[StepReport]:
        return run_step_of_cities(ports or self.ports, "plan-collection", self.requests())

    def versions(self, city: int) -> list[Submission]:
        key = self.cities[city].policy.key
        return list(
            self.ports.database.read(lambda work: work.submissions.versions(key, DocumentKind.PLAN, MONTH))
        )


def outcomes_of(report: StepReport) -> list[tuple[Any, ...]]:
    return [
        (outcome.unit, outcome.state, outcome.detail_zh, outcome.amount_fen, outcome.error_code)
        for outcome in report.outcomes
    ]


def done(*reports: StepReport) -> int:
    return sum(outcome.state is UnitState.DONE for report in reports for outcome in report.outcomes)


def misfile(nation: Nation, city: int, **amounts: int) -> None:
    """The first county of the city files other figures instead."""
    place = nation.cities[city]
    place.drop(place.plan(place.counties[0], **amounts), "plan")


def test_many_cities_at_once_come_to_the_same_as_one_by_one(tmp_path: Path) -> None:
    """With a plan over the budget in one city, whose county code no other city knows."""
    together, alone = Nation(tmp_path / "together"), Nation(tmp_path / "alone")
    for nation in (together, alone):
        misfile(nation, 1, inpatient_fen=2_000_000_000_00)
    reports = together.collect()
    one_by_one = [run_step(alone.ports, "plan-collection", request) for request in alone.requests()]
    assert [outcomes_of(report) for report in reports] == [outcomes_of(report) for report in one_by_one]
    flagged = [
        outcome.unit
        for report in reports
        for outcome in report.outcomes
        if outcome.state is UnitState.FLAGGED
    ]
    assert flagged == [together.cities[1].counties[0]]
    for city in range(3):
        assert [version.verdict for version in together.versions(city)] == [
            version.verdict for version in alone.versions(city)
        ]


def test_figures_that_no_frame_can_hold_keep_no_other_city_from_its_answer(tmp_path: Path) -> None:
    nation = Nation(tmp_path)
    register = [Register.of(city.policy.units, city.policy.funds) for city in nation.cities]
    files = [SourceFile("plan.xlsx", city.plan(city.counties[0]).read_bytes()) for city in nation.cities]
    parsed = read_documents(files, "plan", register, month=MONTH)
    line = parsed[1].lines[0]
    monstrous = replace(line, amounts_fen={**line.amounts_fen, "inpatient_fen": 10**30})
    parsed[1] = replace(parsed[1], lines=(monstrous, *parsed[1].lines[1:]))
    contexts = [
        JudgingContext(
            own,
            MONTH,
            {
                "budget_left_fen": {(place.counties[0], fund): 10**12 for fund in place.funds},
                "recent_monthly_spending_fen": {
                    (place.counties[0], fund): [place.planned_fen(place.counties[0], fund)]
                    for fund in place.funds
                },
            },
        )
        for own, place in zip(register, nation.cities, strict=True)
    ]
    judgements = nation.ports.judge_documents(parsed, "plan", contexts)
    assert [judgement.verdict for judgement in judgements] == [Verdict.PASS, Verdict.REVIEW, Verdict.PASS]
    assert judgements[1].evaluated < judgements[1].declared


def test_a_city_whose_kept_file_is_gone_stops_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nation = Nation(tmp_path)
    gone = {
        SourceFile("", path.read_bytes()).sha256 for path in (tmp_path / "inbox" / "city001").rglob("*.xlsx")
    }
    read = nation.ports.raw_files.read

    def missing(sha256: str) -> bytes:
        if sha256 in gone:
            raise ServiceUnavailable(
                "raw_file_missing", "原件不在了", "the raw file is gone", remedy="restore"
            )
        return read(sha256)

    with monkeypatch.context() as patch:
        patch.setattr(nation.ports.raw_files, "read", missing)
        well, stopped, also_well = nation.collect()
    assert well.error is None
    assert also_well.error is None
    assert done(well, also_well) == 4
    assert isinstance(stopped.error, ServiceUnavailable)
    assert [outcome.unit for outcome in stopped.failed] == [nation.cities[1].policy.division_code]
    again = nation.collect()
    assert done(*again) == 6


def test_a_judge_that_breaks_on_one_citys_file_judges_the_other_cities(tmp_path: Path) -> None:
    nation = Nation(tmp_path)
    county = nation.cities[2].counties[0]

    def broken(
        parsed: Sequence[ParsedDocument], document: str, context: JudgingContext | Sequence[JudgingContext]
    ) -> list[Judgement]:
        if any(county in reading.counties for reading in parsed):
            raise RuntimeError("broken")
        return passing(parsed, document, context)  # type: ignore[arg-type]

    reports = nation.collect(replace(nation.ports, judge_documents=broken))
    failed = [outcome.unit for report in reports for outcome in report.failed]
    assert failed == [county]
    assert [report.error for report in reports] == [None, None, None]


def test_an_unknown_city_among_others_stops_itself_alone(tmp_path: Path) -> None:
    nation = Nation(tmp_path)
    requests = [StepRequest("atlantis", MONTH, NOON), *nation.requests()]
    unknown, *known = run_step_of_cities(nation.ports, "plan-collection", requests)
    assert [(each.state, each.error_code) for each in unknown.outcomes] == [
        (UnitState.FAILED, "unknown_city")
    ]
    assert all(report.error is None and not report.failed for report in known)
    runs = nation.ports.database.read(lambda work: work.records.runs("city000", MONTH))
    assert [run.outcomes is not None for run in runs] == [True]


def test_where_no_city_is_known_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        run_step_of_cities(Nation(tmp_path).ports, "plan-collection", [StepRequest("atlantis", MONTH, NOON)])
    assert refused.value.code == "unknown_city"
