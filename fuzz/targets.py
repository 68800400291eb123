"""What the fuzzer feeds to the readers. Each target takes bytes and raises when a promise is broken."""

import io
import random
import re
import zipfile
from collections.abc import Callable

import atheris
import openpyxl

# Only the readers are watched: the fuzzer looks for inputs that reach new branches of theirs.
with atheris.instrument_imports(
    include=[
        "fundpool.adapters.documents.parsing",
        "fundpool.adapters.documents.cell_grammar",
        "fundpool.adapters.documents.document_reader",
    ]
):
    from fundpool.services.ports.judging import ParsedDocument
    from tests.golden import sample_documents as sample
    from tests.properties.reading_oracle import accounted_for, never_raises, read, written_in

WORKBOOK = sample.file_bytes("plan", sample.plan_rows())
PARTS = sample.unzip(WORKBOOK)
OTHER_PARTS = (
    "xl/workbook.xml",
    "xl/styles.xml",
    "xl/sharedStrings.xml",
    "xl/_rels/workbook.xml.rels",
    "docProps/custom.xml",
)
_CELL = re.compile(rb'<c r="([A-Z]{1,3}[0-9]{1,7})"[^>]*?(?:/>|>.*?</c>)', re.DOTALL)
_NEW_CELLS = (
    b'<c r="%s"><v>1e3</v></c>',
    b'<c r="%s"><v>0.1</v></c>',
    b'<c r="%s"><v>-1</v></c>',
    b'<c r="%s" t="b"><v>1</v></c>',
    b'<c r="%s" t="e"><v>#N/A</v></c>',
    b'<c r="%s" t="d"><v>2026-10-05</v></c>',
    b'<c r="%s" t="str"><v>12.50</v></c>',
    b'<c r="%s"><f>1+1</f></c>',
    b'<c r="%s"><f>1+1</f><v>2</v></c>',
    b'<c r="%s" t="inlineStr"><is><t>7</t></is></c>',
    b'<c r="%s" s="3"><v>45000</v></c>',
    b'<c r="%s"/>',
)
_MARKS = (b"<", b"&amp;", b"0", b"9", b".", b"-", b"E5", b'hidden="1"', b"\xe4\xb8\x87", b" ", b"")


def sheet(data: bytes) -> None:
    """A workbook whose sheet is ``data``, in a valid zip."""
    _read_with(sample.SHEET, data)


def part(data: bytes) -> None:
    """A workbook one of whose other parts is ``data``; its first byte chooses which."""
    if data:
        _read_with(OTHER_PARTS[data[0] % len(OTHER_PARTS)], data[1:])


def _read_with(name: str, data: bytes) -> None:
    content = sample.rezip({**PARTS, name: data}, compression=zipfile.ZIP_STORED)
    parsed = read(content)
    accounted_for(parsed)
    _as_another_program_reads(content, parsed)


def mutate_xml(data: bytes, max_size: int, seed: int) -> bytes:
    """Change whole cells now and then, single bytes otherwise: most stay well-formed XML."""
    rng = random.Random(seed)
    if rng.random() < 0.4:
        cells = list(_CELL.finditer(data))
        if cells:
            cell = rng.choice(cells)
            new = rng.choice(_NEW_CELLS) % cell[1]
            return (data[: cell.start()] + new + data[cell.end() :])[:max_size]
    if rng.random() < 0.5 and len(data) > 2:
        at = rng.randrange(1, len(data))
        return (data[:at] + rng.choice(_MARKS) + data[at + rng.randrange(3) :])[:max_size]
    mutated: bytes = atheris.Mutate(data, max_size)
    return mutated


def _as_another_program_reads(content: bytes, parsed: ParsedDocument) -> None:
    """No amount that is taken without a word differs from what openpyxl finds in the cell."""
    spoken_of = {finding.cell for finding in parsed.findings}
    silent = [
        (line.cells[key], amount, line.raw[key])
        for line in parsed.lines
        for key, amount in line.amounts_fen.items()
        if amount is not None and line.cells[key] not in spoken_of
    ]
    if not silent or parsed.sheet is None:
        return
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        values = {cell: book[parsed.sheet][cell].value for cell, _, _ in silent}
    except Exception:  # noqa: BLE001 - what openpyxl cannot open tells nothing
        return
    for cell, amount, raw in silent:
        value = values[cell]
        if isinstance(value, int | float):
            assert round(value * 100) == amount, (cell, value, amount, raw)
        elif isinstance(value, str):
            assert value.strip() == raw.strip(), (cell, value, raw)


def container(data: bytes) -> None:
    """Any bytes as a file, from a whole workbook on."""
    accounted_for(read(data))


def csv(data: bytes) -> None:
    """Any bytes as a CSV, of any document."""
    accounted_for(read(data, "plan"))
    accounted_for(read(data, "report"))


def grammar(data: bytes) -> None:
    """One cell: amount, month, day, year, count."""
    provider = atheris.FuzzedDataProvider(data)
    kind = "snbed"[provider.ConsumeIntInRange(0, 4)]
    formula, is_date = provider.ConsumeBool(), provider.ConsumeBool()
    text = provider.ConsumeUnicodeNoSurrogates(40)
    written_in(text)
    never_raises(kind, text, formula=formula, is_date=is_date)


_TABLE = sample.file_bytes("plan", sample.plan_rows(), ".csv")
_TEXTS = (
    "1234.50",
    "１２.５",
    "1,234.00",
    "-5",
    "¥3",
    "1e3",
    "2026年10月",
    "2026-10-05",
    "NA",
    "(7)",
    "0.001",
)

TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "sheet": (sheet, lambda: [PARTS[sample.SHEET]]),
    "part": (part, lambda: [bytes([number]) + PARTS[name] for number, name in enumerate(OTHER_PARTS)]),
    "container": (container, lambda: [WORKBOOK, sample.rezip(PARTS, compression=zipfile.ZIP_STORED)]),
    "csv": (csv, lambda: [_TABLE, _TABLE.decode("utf-8-sig").encode("gb18030")]),
    "grammar": (
        grammar,
        lambda: [bytes([number]) * 3 + text.encode() for number in range(5) for text in _TEXTS],
    ),
}
"""Name of the target, what it does with bytes, and the inputs it begins with."""
