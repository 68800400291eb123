"""Reading never raises, never invents an amount, and gives back what was written."""

import io
import zipfile

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fundpool.adapters.documents.cell_grammar import Cell, read_amount
from tests.golden import sample_documents as sample
from tests.properties import examples
from tests.properties.reading_oracle import accounted_for, never_raises, read, written_in

CLEAN_XLSX = sample.file_bytes("plan", sample.plan_rows())
CLEAN_CSV = sample.file_bytes("plan", sample.plan_rows(), ".csv")
PARTS = sample.unzip(CLEAN_XLSX)

fen = st.integers(min_value=0, max_value=10**13)


@given(st.text(max_size=20))
@example("-")
@example("１２．５０")
@example("10.000000000000000000")  # as a program writes it: zeros to no end
def test_an_amount_read_from_text_is_written_in_that_text(text: str) -> None:
    written_in(text)


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_every_amount_survives_an_excel_number(amount: int) -> None:
    stored = f"{amount / 100:.17g}"
    taken, remarks = read_amount(Cell(1, 1, "n", stored, formula=False, is_date=False), derived=False)
    assert taken == amount
    assert remarks == []


@given(st.sampled_from("snbed"), st.text(max_size=12), st.booleans(), st.booleans())
def test_no_cell_makes_the_grammar_raise(kind: str, text: str, formula: bool, is_date: bool) -> None:
    never_raises(kind, text, formula=formula, is_date=is_date)


@given(st.lists(st.tuples(fen, fen), min_size=1, max_size=3), st.sampled_from([".xlsx", ".csv"]))
@settings(max_examples=examples(30), deadline=None)
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
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_csv_with_bytes_changed_is_answered_for(data: st.DataObject) -> None:
    content = bytearray(CLEAN_CSV)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    accounted_for(read(bytes(content)))


@given(st.data())
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
@settings(max_examples=examples(100), deadline=None)
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
