"""A check that is missing, raises, or saw nothing never lets a document pass."""

from dataclasses import replace

import great_expectations.expectations as gxe
import pytest

from expectations import runner
from expectations.checks import Check
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.domain.findings import Severity, Verdict
from fundpool.services.ports.judging import ParsedDocument, SourceFile
from tests.golden import sample_documents as sample

CHECKS = [(document, check.code) for document, suite in runner.SUITES.items() for check in suite.checks]


def clean(document: str) -> list[ParsedDocument]:
    file = SourceFile("clean", sample.file_bytes(document, sample.CLEAN[document]()))
    return read_documents([file], document, sample.REGISTER, month=sample.MONTH)


@pytest.fixture(scope="module")
def parsed() -> dict[str, list[ParsedDocument]]:
    return {document: clean(document) for document in sample.CLEAN}


def raising(check: Check) -> Check:
    return replace(check, expect=gxe.ExpectColumnValuesToNotBeNull(column="no such column"))


@pytest.mark.parametrize("document", sample.CLEAN)
def test_a_suite_whose_checks_all_raise_passes_nothing(
    document: str, parsed: dict[str, list[ParsedDocument]]
) -> None:
    suite = runner.SUITES[document]
    broken = replace(suite, checks=tuple(raising(check) for check in suite.checks))
    (judgement,) = runner.judge_with(broken, parsed[document], sample.context())
    assert judgement.evaluated == 0
    assert judgement.verdict is Verdict.REVIEW
    assert {finding.rule for finding in judgement.findings} == {check.code for check in suite.checks}


@pytest.mark.parametrize("place", [0, 6, -1])
def test_one_raising_check_sends_every_file_to_a_person(
    place: int, parsed: dict[str, list[ParsedDocument]]
) -> None:
    suite = runner.SUITES["plan"]
    checks = list(suite.checks)
    checks[place] = raising(checks[place])
    judgements = runner.judge_with(replace(suite, checks=tuple(checks)), parsed["plan"] * 2, sample.context())
    for judgement in judgements:
        assert judgement.evaluated == judgement.declared - 1
        assert judgement.verdict is Verdict.REVIEW
        assert [finding.rule for finding in judgement.findings] == [checks[place].code]


@pytest.mark.parametrize(("document", "code"), CHECKS)
def test_a_check_missing_from_the_answer_is_never_a_pass(
    document: str, code: str, parsed: dict[str, list[ParsedDocument]], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = runner.SUITES[document]
    everything_else_held = {check.code: [] for check in suite.checks if check.code != code}
    monkeypatch.setattr(runner, "failing_rows", lambda *_: everything_else_held)
    (judgement,) = runner.judge_with(suite, parsed[document], sample.context())
    assert judgement.verdict is Verdict.REVIEW
    assert [finding.rule for finding in judgement.findings] == [code]
    assert judgement.findings[0].severity is Severity.REVIEW


def test_an_answer_that_breaks_altogether_passes_nothing(
    parsed: dict[str, list[ParsedDocument]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(runner, "tie_out_frame", broken)
    (judgement,) = runner.judge(parsed["plan"], "plan", sample.context())
    assert judgement.evaluated == 0
    assert judgement.verdict is Verdict.REVIEW


def test_a_suite_without_checks_passes_nothing(parsed: dict[str, list[ParsedDocument]]) -> None:
    nothing = replace(runner.SUITES["plan"], checks=())
    (judgement,) = runner.judge_with(nothing, parsed["plan"], sample.context())
    assert judgement.verdict is Verdict.REVIEW


def test_a_document_without_rows_passes_nothing(parsed: dict[str, list[ParsedDocument]]) -> None:
    empty = replace(parsed["plan"][0], lines=())
    (alone,) = runner.judge([empty], "plan", sample.context())
    beside, whole = runner.judge([empty, parsed["plan"][0]], "plan", sample.context())
    for judgement in (alone, beside):
        assert judgement.evaluated == 0
        assert judgement.verdict is Verdict.REVIEW
    assert whole.verdict is Verdict.PASS
