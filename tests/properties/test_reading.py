"""Reading never raises, never invents an amount, and gives back what was written."""

import io
import zipfile

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fundpool.adapters.cell_grammar import Cell, read_amount, read_count, read_day, read_month
from fundpool.adapters.document_reader import interpret
from fundpool.adapters.parsing import answer_for
from fundpool.domain.findings import Severity
from fundpool.domain.money import format_yuan
from fundpool.services.judging import ParsedDocument
from schemas.documents import DOCUMENTS
from tests.golden import sample_documents as sample

CLEAN_XLSX = sample.file_bytes("plan", sample.plan_rows())
CLEAN_CSV = sample.file_bytes("plan", sample.plan_rows(), ".csv")
PARTS = sample.unzip(CLEAN_XLSX)

fen = st.integers(min_value=0, max_value=10**13)


def read(content: bytes, document: str = "plan") -> ParsedDocument:
    """As read_documents does, without the child process: a crash must show here."""
    return interpret(answer_for(content), "file", "0", DOCUMENTS[document], sample.REGISTER, sample.MONTH)


def accounted_for(parsed: ParsedDocument) -> None:
    """Every amount cell holds an amount, or is blank, or has a blocking finding."""
    assert parsed.readable or any(finding.severity is Severity.BLOCK for finding in parsed.findings)
    blocked = {finding.cell for finding in parsed.findings if finding.severity is Severity.BLOCK}
    for line in parsed.lines:
        for key, amount in line.amounts_fen.items():
            if amount is None and line.raw.get(key, "").strip():
                assert line.cells[key] in blocked


@given(st.text(max_size=20))
@example("-")
@example("１２．５０")
def test_an_amount_read_from_text_is_written_in_that_text(text: str) -> None:
    amount, remarks = read_amount(Cell(1, 1, "s", text, formula=False, is_date=False), derived=False)
    if amount is None:
        assert remarks or not text.strip()
        return
    digits = "".join(character for character in text if character.isdigit())
    folded = digits.translate(str.maketrans("０１２３４５６７８９", "0123456789"))
    assert folded.isascii()
    whole, _, fraction = format_yuan(abs(amount), separators=False).partition(".")
    assert int(folded) in {int(whole + fraction), int(whole), int(whole + fraction[:1])}


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_every_amount_survives_an_excel_number(amount: int) -> None:
    stored = f"{amount / 100:.17g}"
    taken, remarks = read_amount(Cell(1, 1, "n", stored, formula=False, is_date=False), derived=False)
    assert taken == amount
    assert remarks == []


@given(st.sampled_from("snbed"), st.text(max_size=12), st.booleans(), st.booleans())
def test_no_cell_makes_the_grammar_raise(kind: str, text: str, formula: bool, is_date: bool) -> None:
    cell = Cell(1, 1, kind, text, formula=formula, is_date=is_date)
    for derived in (True, False):
        read_amount(cell, derived=derived)
    for date1904 in (True, False):
        read_month(cell, date1904=date1904)
        read_day(cell, date1904=date1904)
    read_count(cell)


@given(st.lists(st.tuples(fen, fen), min_size=1, max_size=3), st.sampled_from([".xlsx", ".csv"]))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_what_is_read(amounts: list[tuple[int, int]], suffix: str) -> None:
    rows = [
        {**sample.plan_rows()[0], "inpatient_fen": inpatient, "available_fen": available}
        for inpatient, available in amounts
    ]
    parsed = read(sample.file_bytes("plan", rows, suffix))
    assert [
        (line.amounts_fen["inpatient_fen"], line.amounts_fen["available_fen"]) for line in parsed.lines
    ] == amounts


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_are_answered_for(content: bytes) -> None:
    accounted_for(read(content))


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_csv_with_bytes_changed_is_answered_for(data: st.DataObject) -> None:
    content = bytearray(CLEAN_CSV)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    accounted_for(read(bytes(content)))


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_workbook_with_parts_changed_is_answered_for(data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(
            [sample.SHEET, "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "docProps/custom.xml"]
        )
    )
    content = bytearray(PARTS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        width = data.draw(st.integers(0, 4))
        content[at : at + width] = data.draw(
            st.sampled_from([b"", b"<", b"9", b"E5", b'"', b"&amp;", b"-1", b"x"])
        )
    accounted_for(read(sample.rezip({**PARTS, name: bytes(content)})))


@given(st.binary(min_size=1, max_size=3), st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_zip_is_answered_for(noise: bytes, data: st.DataObject) -> None:
    content = bytearray(CLEAN_XLSX)
    at = data.draw(st.integers(4, len(content) - 4))
    content[at : at + len(noise)] = noise
    accounted_for(read(bytes(content)))


@given(
    st.dictionaries(
        st.sampled_from(["[Content_Types].xml", "xl/workbook.xml", "_rels/.rels", "x"]),
        st.binary(max_size=200),
    )
)
@settings(deadline=None)
def test_any_zip_is_answered_for(parts: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    accounted_for(read(buffer.getvalue()))
