"""Every check says today what its golden file says, about a file that anybody can open."""

from collections.abc import Mapping

import pytest

from expectations.runner import SUITES, judge
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.domain.findings import Severity, Verdict
from fundpool.services.ports.judging import Judgement, JudgingContext, SourceFile, judge_files
from schemas.documents.reading_rules import READING_RULES
from tests.golden import sample_documents as sample
from tests.golden.reproductions import FOLDER, judged, rendered, reproductions

MADE = {reproduction.code: reproduction for reproduction in reproductions()}


@pytest.fixture(scope="module")
def answers() -> Mapping[str, Judgement]:
    return judged(list(MADE.values()))


def test_every_check_has_a_file_that_brings_it_about() -> None:
    declared = {check.code for suite in SUITES.values() for check in suite.checks} | set(READING_RULES)
    # A path that cannot be opened has no file to show; the command line's own test covers it.
    assert declared - {"FILE-000"} == set(MADE)
    assert len(declared) >= 40


@pytest.mark.parametrize("code", MADE)
def test_the_committed_file_is_what_the_writer_writes_today(code: str) -> None:
    assert (FOLDER / MADE[code].file_name).read_bytes() == MADE[code].content


@pytest.mark.parametrize("code", MADE)
def test_the_finding_is_the_golden_one(code: str, answers: Mapping[str, Judgement]) -> None:
    assert rendered(answers[code], code) == (FOLDER / f"{code}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", MADE)
def test_a_finding_that_stops_is_never_passed(code: str, answers: Mapping[str, Judgement]) -> None:
    worst = {finding.severity for finding in answers[code].findings}
    expected = (
        Verdict.RETURN
        if Severity.BLOCK in worst
        else Verdict.REVIEW
        if Severity.REVIEW in worst
        else Verdict.PASS
    )
    assert answers[code].verdict is expected


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("document", sample.CLEAN)
def test_a_clean_document_passes_with_every_check_evaluated(document: str, suffix: str) -> None:
    file = SourceFile("clean", sample.file_bytes(document, sample.CLEAN[document](), suffix))
    for context in (sample.context(), JudgingContext(sample.REGISTER, sample.MONTH)):
        (judgement,) = judge_files([file], document, context, read=read_documents, judge=judge)
        assert judgement.findings == ()
        assert judgement.verdict is Verdict.PASS
        assert judgement.evaluated == judgement.declared > 10
        assert judgement.declared + len(judgement.not_applicable) == len(SUITES[document].checks)


def test_the_month_s_facts_are_what_the_checks_without_a_database_lack() -> None:
    file = SourceFile("clean", sample.file_bytes("report", sample.report_rows()))
    bare = JudgingContext(sample.REGISTER, sample.MONTH)
    (judgement,) = judge_files([file], "report", bare, read=read_documents, judge=judge)
    assert {code for code, _ in judgement.not_applicable} == {
        check.code for check in SUITES["report"].checks if check.needs is not None
    }


def test_totals_are_per_fund() -> None:
    file = SourceFile("clean", sample.file_bytes("plan", sample.plan_rows()))
    (judgement,) = judge_files([file], "plan", sample.context(), read=read_documents, judge=judge)
    assert judgement.totals == {fund: amount - 100_000_000 for fund, amount in sample.PLANNED_FEN.items()}


@pytest.mark.parametrize("prefix", ["PLAN", "REPORT", "CAPITAL", "BUDGET", "FINAL"])
def test_a_missing_row_names_the_fund_that_is_missing(prefix: str, answers: Mapping[str, Judgement]) -> None:
    """The file has the employee fund's row only; the finding points there and speaks of the other fund."""
    told_of = [
        finding.fund for finding in answers[f"{prefix}-006"].findings if finding.rule == f"{prefix}-006"
    ]
    assert told_of == ["resident"]
