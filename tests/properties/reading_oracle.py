"""What must hold of any reading of any bytes; hypothesis and the coverage-guided fuzzer check the same."""

from fundpool.adapters.documents.cell_grammar import (
    Cell,
    read_amount,
    read_count,
    read_day,
    read_month,
    read_year,
)
from fundpool.adapters.documents.document_reader import interpret
from fundpool.adapters.documents.parsing import answer_for
from fundpool.domain.findings import Severity
from fundpool.domain.money import format_yuan
from fundpool.services.ports.judging import ParsedDocument
from schemas.documents import DOCUMENTS
from tests.golden import sample_documents as sample


def read(content: bytes, document: str = "plan") -> ParsedDocument:
    """As read_documents does, without the child process: a crash must show here."""
    return interpret(
        answer_for(content),
        "file",
        "0",
        document=DOCUMENTS[document],
        register=sample.REGISTER,
        month=sample.MONTH,
    )


def accounted_for(parsed: ParsedDocument) -> None:
    """Every amount cell holds an amount, or is blank, or has a blocking finding, or a dash that is noted."""
    assert parsed.readable or any(finding.severity is Severity.BLOCK for finding in parsed.findings)
    blocked = {
        finding.cell
        for finding in parsed.findings
        if finding.severity is Severity.BLOCK or finding.rule == "CELL-020"
    }
    for line in parsed.lines:
        for key, amount in line.amounts_fen.items():
            if amount is None and line.raw.get(key, "").strip():
                assert line.cells[key] in blocked


def written_in(text: str) -> None:
    """An amount read from a text is written in that text; otherwise there is a finding about it."""
    amount, remarks = read_amount(Cell(1, 1, "s", text, formula=False, is_date=False), derived=False)
    if amount is None:
        assert remarks or not text.strip()
        return
    if any(remark.code == "CELL-014" for remark in remarks):  # a program's tail behind the fifteenth digit
        assert abs(float(text) - amount / 100) < 1e-9 * max(abs(amount), 1)
        return
    digits = "".join(character for character in text if character.isdigit())
    folded = digits.translate(str.maketrans("０１２３４５６７８９", "0123456789"))
    assert folded.isascii()
    whole, _, fraction = format_yuan(abs(amount), separators=False).partition(".")
    if len(folded) > 15:  # a program's tail of zeros
        folded, fraction = folded.rstrip("0") or "0", fraction.rstrip("0")
        whole = whole if fraction else whole.rstrip("0") or "0"
    assert int(folded) in {int(whole + fraction), int(whole), int(whole + fraction[:1])}


def never_raises(kind: str, text: str, *, formula: bool, is_date: bool) -> None:
    """Every grammar has an answer for every cell."""
    cell = Cell(1, 1, kind, text, formula=formula, is_date=is_date)
    for derived in (True, False):
        read_amount(cell, derived=derived)
    for date1904 in (True, False):
        read_month(cell, date1904=date1904)
        read_day(cell, date1904=date1904)
    read_year(cell)
    read_count(cell)
