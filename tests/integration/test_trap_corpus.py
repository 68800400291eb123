"""No value changes in silence, none is accepted wrong, and hostile files harm only themselves.

Four seeds of every generator by default; FUNDPOOL_TRAP_SEEDS=20 reads the whole corpus.
"""

import os
import time
from collections.abc import Mapping

import pytest

from expectations.runner import judge
from fundpool.adapters.documents import parser_process
from fundpool.adapters.documents.cell_grammar import UNSEEN
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.domain.findings import Severity, Verdict
from fundpool.services.ports.judging import Judgement, JudgingContext, SourceFile, judge_files
from tests.golden import sample_documents as sample
from tests.integration import trap_corpus
from tests.integration.trap_corpus import Must, Trap

SEEDS = range(int(os.environ.get("FUNDPOOL_TRAP_SEEDS", "4")))
CORPUS = trap_corpus.traps(SEEDS)
CONTEXT = JudgingContext(sample.REGISTER, sample.MONTH)


@pytest.fixture(scope="module")
def judgements() -> Mapping[str, Judgement]:
    files = [SourceFile(trap.file, trap.content) for trap in CORPUS]
    answers = judge_files(files, "plan", CONTEXT, read=read_documents, judge=judge)
    return {answer.file: answer for answer in answers}


def test_the_corpus_has_its_size() -> None:
    assert len(trap_corpus.GENERATORS) >= 55


def of(must: Must) -> list[Trap]:
    return [trap for trap in CORPUS if trap.must is must]


@pytest.mark.parametrize("trap", of(Must.SAY_SO), ids=lambda trap: trap.file)
def test_an_unusual_amount_is_taken_as_meant_and_shown_or_not_at_all(
    trap: Trap, judgements: Mapping[str, Judgement]
) -> None:
    answer = judgements[trap.file]
    line = answer.lines[0]
    assert trap.field is not None
    amount, cell = line.amounts_fen[trap.field], line.cells[trap.field]
    named = [finding for finding in answer.findings if finding.cell == cell]
    assert named, "no finding names the cell"
    if amount is None:
        assert answer.verdict is Verdict.RETURN
        assert any(finding.severity is Severity.BLOCK for finding in named)
    elif trap.meant_fen is None:
        assert answer.verdict is not Verdict.PASS
    else:
        assert amount == trap.meant_fen
        assert line.raw[trap.field] != ""


@pytest.mark.parametrize("trap", of(Must.NOT_PASS), ids=lambda trap: trap.file)
def test_a_wrong_document_never_passes(trap: Trap, judgements: Mapping[str, Judgement]) -> None:
    assert judgements[trap.file].verdict is not Verdict.PASS


@pytest.mark.parametrize("trap", of(Must.REFUSE), ids=lambda trap: trap.file)
def test_nothing_is_read_from_a_refused_file(trap: Trap, judgements: Mapping[str, Judgement]) -> None:
    answer = judgements[trap.file]
    assert answer.verdict is Verdict.RETURN
    assert answer.lines == ()
    assert answer.evaluated == 0


@pytest.mark.parametrize("trap", of(Must.PASS), ids=lambda trap: trap.file)
def test_a_harmless_difference_passes(trap: Trap, judgements: Mapping[str, Judgement]) -> None:
    assert judgements[trap.file].verdict is Verdict.PASS, judgements[trap.file].findings


@pytest.mark.parametrize("trap", of(Must.TAKEN), ids=lambda trap: trap.file)
def test_a_habit_is_taken_with_every_amount_as_meant(trap: Trap, judgements: Mapping[str, Judgement]) -> None:
    answer = judgements[trap.file]
    assert answer.verdict is Verdict.PASS, answer.findings
    assert sum(amount or 0 for line in answer.lines for amount in line.amounts_fen.values()) == trap.meant_fen


@pytest.mark.parametrize("trap", [trap for trap in CORPUS if trap.rule], ids=lambda trap: trap.file)
def test_every_normalisation_is_reported_by_its_rule(trap: Trap, judgements: Mapping[str, Judgement]) -> None:
    findings = judgements[trap.file].findings
    assert trap.rule in {finding.rule for finding in findings}, findings


@pytest.mark.parametrize("trap", CORPUS, ids=lambda trap: trap.file)
def test_no_message_contains_an_invisible_character(trap: Trap, judgements: Mapping[str, Judgement]) -> None:
    for finding in judgements[trap.file].findings:
        assert not UNSEEN.search(finding.message_zh + finding.message_en), finding


def test_hostile_files_in_the_middle_of_a_batch_cost_the_others_nothing() -> None:
    hostile = [trap for trap in CORPUS if trap.name in trap_corpus.CONTAINERS and trap.seed == 0]
    good = SourceFile("good", sample.file_bytes("plan", sample.plan_rows()))
    files: list[SourceFile] = []
    for trap in hostile:
        files += [good, SourceFile(trap.file, trap.content)]
    slowest = 0.0
    started = time.monotonic()
    with parser_process.ParserProcess() as parser:
        for file in files:
            before = time.monotonic()
            answer = parser.take_apart(file.content)
            slowest = max(slowest, time.monotonic() - before)
            assert answer["ok"] is (file is good), file.name
    assert slowest < parser_process.WALL_SECONDS
    assert time.monotonic() - started < parser_process.WALL_SECONDS * len(hostile)
