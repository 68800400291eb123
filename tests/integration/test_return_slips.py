"""The slip a county gets back: every finding with its cell, inert, and what a correction mended."""

import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from expectations.runner import judge
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.documents.return_slips import slip_page, write_slip
from fundpool.console.cli import main
from fundpool.domain.inert import inert
from fundpool.domain.return_slip import ReturnSlip, correction_of
from fundpool.services.oversight.return_slips import slip_of_judgement
from fundpool.services.ports.judging import Judgement, SourceFile, judge_files
from fundpool.version import product
from tests.golden import sample_documents as sample


def spoiled() -> SourceFile:
    rows = sample.completed("plan", sample.plan_rows())
    rows[0]["inpatient_fen"] = "=1+1"
    rows[0]["remark"] = "=cmd|' /C calc'!A0"
    rows[1]["requested_fen"] = 1
    return SourceFile("计划<script>.xlsx", sample.file_bytes("plan", rows))


def judged(source: SourceFile) -> Judgement:
    (judgement,) = judge_files([source], "plan", sample.context(), read=read_documents, judge=judge)
    return judgement


def dated_slip(judgement: Judgement) -> ReturnSlip:
    return slip_of_judgement(judgement, sample.REGISTER, "台州市", due=date(2026, 9, 28))


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return judged(spoiled())


def test_the_workbook_lists_every_finding_and_marks_its_cell(judgement: Judgement, tmp_path: Path) -> None:
    workbook, _ = write_slip(tmp_path, dated_slip(judgement), spoiled())
    book = openpyxl.load_workbook(workbook)
    listed = [row[0].value for row in book["退回单"].iter_rows(min_row=8) if row[0].value]
    assert listed == [finding.rule for finding in judgement.findings]
    assert book.properties.description == product()
    own = book["原表 用款计划申请表"]
    for finding in judgement.findings:
        comment = own[finding.cell].comment
        assert comment is not None
        assert finding.message_zh in comment.text
        assert finding.remedy in comment.text
    assert own["M6"].value == "0.01"
    assert "2026-09-28" in str(book["退回单"]["A5"].value)


def test_nothing_in_the_workbook_can_become_a_formula(judgement: Judgement, tmp_path: Path) -> None:
    workbook, _ = write_slip(tmp_path, dated_slip(judgement), spoiled())
    with zipfile.ZipFile(workbook) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert "<f>" not in archive.read(name).decode()
    for sheet in openpyxl.load_workbook(workbook).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert not (isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@", "\t")))


@pytest.mark.parametrize("leader", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_formula_leaders_are_escaped(leader: str) -> None:
    assert inert(f"{leader}1") == f"'{leader}1"
    assert inert("1") == "1"


def test_the_page_escapes_what_the_county_wrote_and_loads_nothing_from_outside(judgement: Judgement) -> None:
    page = slip_page(dated_slip(judgement))
    assert "<script>" not in page
    assert "计划&lt;script&gt;.xlsx" in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    for finding in judgement.findings:
        assert finding.rule in page


def test_a_correction_shows_what_is_gone_and_what_stays(judgement: Judgement) -> None:
    rows = sample.completed("plan", sample.plan_rows())
    rows[1]["requested_fen"] = 1
    again = judged(SourceFile("again.xlsx", sample.file_bytes("plan", rows)))
    correction = correction_of(judgement.findings, again.findings)
    assert "CELL-001" in {finding.rule for finding in correction.gone}
    assert [finding.rule for finding in correction.still] == ["PLAN-014"]
    assert correction.new == ()
    page = slip_page(slip_of_judgement(again, sample.REGISTER, "台州市", correction=correction))
    assert '<td class="gone">已更正 gone</td><td class="code">CELL-001</td>' in page


def test_the_command_writes_slips_for_readable_and_unreadable_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, hostile = tmp_path / "wrong.xlsx", tmp_path / "hostile.xlsx"
    wrong.write_bytes(spoiled().content)
    hostile.write_bytes(b"%PDF-1.4")
    arguments = ["--city", "taizhou", "--document", "plan", "--month", "2026-10", "--json"]
    slips = tmp_path / "slips"
    assert (
        main(["check", str(wrong), str(hostile), *arguments, "--slips", str(slips), "--due", "2026-09-28"])
        == 2
    )
    assert len(list(slips.glob("*.xlsx"))) == len(list(slips.glob("*.html"))) == 2
    assert str(slips) in capsys.readouterr().err
