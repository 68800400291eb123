"""A document says the same whichever office program saved it, in whichever format.

Each program is used where it is installed: LibreOffice (``soffice``), Gnumeric (``ssconvert``), SheetJS and
ExcelJS (``node`` that finds ``xlsx`` and ``exceljs``; FUNDPOOL_NODE_PATH names their folder).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from expectations.runner import judge
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.documents.workbooks import template_workbook
from fundpool.domain.findings import Severity, Verdict
from fundpool.services.ports.judging import Judgement, JudgingContext, SourceFile, judge_files
from schemas.documents import document_type
from tests.golden import sample_documents as sample

CONTEXT = JudgingContext(sample.REGISTER, sample.MONTH)
FILLED = {"plan": "plan", "report": "report", "payer-detail": "payer-detail", "statement": "statement"}
"""Documents by the name of their file."""
TEMPLATES = {"open-payer-detail": "payer-detail", "open-subsidy": "subsidy"}
"""Lists in templates with rows that stay unused."""
DOCUMENTS = FILLED | TEMPLATES
CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1"
NODE_PATH = os.environ.get("FUNDPOOL_NODE_PATH", "")


def judged(files: Sequence[Path], document: str) -> list[Judgement]:
    sources = [SourceFile(file.name, file.read_bytes()) for file in files]
    return judge_files(sources, document, CONTEXT, read=read_documents, judge=judge)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("originals")
    for name, document in FILLED.items():
        (made / f"{name}.xlsx").write_bytes(sample.file_bytes(document, sample.CLEAN[document]()))
    for name, document in TEMPLATES.items():
        _fill_template(made / f"{name}.xlsx", document)
    return made


def _fill_template(path: Path, document: str) -> None:
    """The template filled by a person: its formulas have no results until a program computes them."""
    path.write_bytes(template_workbook(document, "台州市", counties=[sample.JIAOJIANG], month=sample.MONTH))
    book = load_workbook(path)
    sheet = book.worksheets[0]
    funds = {fund.key: fund.name_zh for fund in sample.REGISTER.funds}
    for number, row in enumerate(sample.CLEAN[document](), start=5):
        for column, field in enumerate(document_type(document).fields, start=1):
            value = row.get(field.key)
            if field.follows_from is None and value is not None:
                written = value / 100 if field.is_money and isinstance(value, int) else value
                sheet.cell(number, column).value = funds.get(str(written), written)
    signed = {"经办人：": "张敏", "复核人：": "李强", "负责人：": "王芳"}
    for cells in list(sheet.iter_rows()):
        for cell in cells:
            if cell.value in signed:
                sheet.cell(cell.row, cell.column + 1).value = signed[cell.value]
    book.save(path)


def program(name: str) -> str:
    """Where the program is; skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        # Office suites are programs of the machine: `make setup` installs none of them.
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str, **environment: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=240, env={**os.environ, **environment})


def by_libreoffice(originals: Path, out: Path) -> None:
    soffice, profile = program("soffice"), out / "profile"
    files = [str(file) for file in sorted(originals.glob("*.xlsx"))]
    for kind in ("xlsx", "xls", CSV):
        options = ["--headless", f"-env:UserInstallation={profile.as_uri()}", "--convert-to", kind]
        run(soffice, *options, "--outdir", str(out), *files)


def by_gnumeric(originals: Path, out: Path) -> None:
    ssconvert = program("ssconvert")
    for file in originals.glob("*.xlsx"):
        for kind in ("xlsx", "xls", "csv"):
            run(ssconvert, "--recalc", str(file), str(out / f"{file.stem}.{kind}"))


def by_pandas(originals: Path, out: Path) -> None:
    for name in FILLED:
        values = pd.read_excel(originals / f"{name}.xlsx", header=None)
        values.to_excel(out / f"{name}.xlsx", index=False, header=False)
        values.to_csv(out / f"{name}.csv", index=False, header=False)


def by_openpyxl(originals: Path, out: Path) -> None:
    for name in FILLED:
        load_workbook(originals / f"{name}.xlsx", data_only=True).save(out / f"{name}.xlsx")


def by_node(originals: Path, out: Path) -> None:
    node = program("node")
    code = f"""
        const sheetjs = require("xlsx"), exceljs = require("exceljs");
        (async () => {{
          for (const name of {json.dumps(list(FILLED))}) {{
            const from = `{originals}/${{name}}.xlsx`, to = `{out}/${{name}}`;
            const book = sheetjs.readFile(from, {{ cellNF: true, cellStyles: true }});
            for (const [kind, end] of [["xlsx", "xlsx"], ["biff8", "xls"], ["xlsm", "xlsm"], ["csv", "csv"], ["txt", "txt"]])
              sheetjs.writeFile(book, `${{to}}-sheetjs.${{end}}`, {{ bookType: kind }});
            const other = new exceljs.Workbook();
            await other.xlsx.readFile(from);
            await other.xlsx.writeFile(`${{to}}-exceljs.xlsx`);
            await other.csv.writeFile(`${{to}}-exceljs.csv`);
          }}
        }})().catch(() => process.exit(1));
    """
    is_there = subprocess.run(
        [node, "-e", 'require("xlsx"); require("exceljs")'],
        check=False,
        capture_output=True,
        env={**os.environ, "NODE_PATH": NODE_PATH},
    )
    if is_there.returncode:
        # They come from another index than ours, and no third-party source is kept here.
        pytest.skip("SheetJS and ExcelJS are not installed; FUNDPOOL_NODE_PATH may name their folder")
    run(node, "-e", code, NODE_PATH=NODE_PATH)


PROGRAMS: Mapping[str, Callable[[Path, Path], None]] = {
    "LibreOffice": by_libreoffice,
    "Gnumeric": by_gnumeric,
    "pandas": by_pandas,
    "openpyxl": by_openpyxl,
    "SheetJS and ExcelJS": by_node,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_file_gets_the_same_verdict_whichever_program_saved_it(
    name: str, folder: Path, tmp_path: Path
) -> None:
    PROGRAMS[name](folder, tmp_path)
    files = sorted(file for file in tmp_path.glob("*.*") if file.is_file())
    assert len(files) >= len(FILLED)
    of_document: dict[str, list[Path]] = {}
    for file in files:
        document = DOCUMENTS[file.stem.removesuffix("-sheetjs").removesuffix("-exceljs")]
        of_document.setdefault(document, []).append(file)
    for document, saved in of_document.items():
        meant = sample.completed(document, sample.CLEAN[document]())
        for answer in judged(saved, document):
            assert answer.verdict is Verdict.PASS, (answer.file, answer.findings)
            for line, row in zip(answer.lines, meant, strict=True):
                for key, amount in line.amounts_fen.items():
                    assert amount == row.get(key), (answer.file, key)


def test_a_formula_without_its_result_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    """openpyxl saves a formula without its result, so the amount that the county saw is not in the file."""
    load_workbook(folder / "plan.xlsx").save(tmp_path / "plan.xlsx")
    (answer,) = judged([tmp_path / "plan.xlsx"], "plan")
    assert answer.verdict is Verdict.RETURN
    assert {f.rule for f in answer.findings if f.severity is Severity.BLOCK} == {"CELL-006"}
