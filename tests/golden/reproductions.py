"""One file per check that brings its finding about: the code, the file, and nothing else wrong if possible.

`python -m tests.golden.reproductions` writes the files and the findings they must give to
tests/golden/checks/. The tests compare both with what the product says today.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundpool.adapters.documents.document_reader import read_documents
from fundpool.domain.findings import Finding
from fundpool.services.ports.judging import Judgement, SourceFile, judge_files
from schemas.documents import document_type
from tests.golden import sample_documents as sample
from tests.golden.legacy_workbook import legacy_document, locked_workbook

FOLDER = Path(__file__).parent / "checks"


@dataclass(frozen=True)
class Reproduction:
    """A file that brings about the finding ``code`` when judged as ``document``."""

    code: str
    document: str
    suffix: str
    content: bytes

    @property
    def file_name(self) -> str:
        return f"{self.code}{self.suffix}"


def _csv(code: str, document: str, edit: Callable[[list[sample.Row]], Any], **options: Any) -> Reproduction:
    rows = sample.completed(document, sample.CLEAN[document]())
    changed = edit(rows)
    rows = changed if isinstance(changed, list) else rows
    return Reproduction(code, document, ".csv", sample.file_bytes(document, rows, ".csv", **options))


def _set(number: int, **values: Any) -> Callable[[list[sample.Row]], None]:
    return lambda rows: rows[number].update(values)


def _text(code: str, change: Callable[[str], str], document: str = "plan") -> Reproduction:
    """A CSV whose text is changed after it was written."""
    text = sample.file_bytes(document, sample.CLEAN[document](), ".csv").decode("utf-8-sig")
    after = change(text)
    assert after != text, code
    return Reproduction(code, document, ".csv", after.encode("utf-8-sig"))


def _cell(code: str, cell: str, reference: str = "E5", document: str = "plan") -> Reproduction:
    """A workbook of which one cell's XML is replaced."""
    clean = sample.file_bytes(document, sample.CLEAN[document]())
    return Reproduction(code, document, ".xlsx", sample.with_cell(clean, reference, cell))


def _part(code: str, name: str, change: Callable[[str], str]) -> Reproduction:
    return Reproduction(code, "plan", ".xlsx", sample.with_part(_clean(), name, change))


def _clean() -> bytes:
    return sample.file_bytes("plan", sample.plan_rows())


def _other_county(rows: list[sample.Row]) -> None:
    for row in rows:
        row.update(county_code=sample.HUANGYAN.code, county_name=sample.HUANGYAN.name_zh)


def _form(prefix: str, document: str, amount: str, required: str) -> list[Reproduction]:
    """The checks every form has, 001 to 012."""
    signed = {"prepared_by": "张敏", "checked_by": "张敏", "responsible": "王芳"}
    made = [
        _csv(f"{prefix}-001", document, _set(0, county_code="", county_name="椒汇区")),
        _csv(f"{prefix}-002", document, _set(0, county_name="黄岩区")),
        _csv(f"{prefix}-003", document, _set(0, fund="离休医疗")),
        _csv(f"{prefix}-004", document, _set(0, month="2026-09", year="2025")),
        _csv(f"{prefix}-005", document, lambda rows: [*rows, dict(rows[0])]),
        _csv(f"{prefix}-007", document, _set(0, **{required: None}), totals={required: 0}),
        _csv(f"{prefix}-008", document, _set(0, **{amount: -100})),
        _csv(f"{prefix}-009", document, lambda _: None, totals={amount: 12_345}),
        Reproduction(f"{prefix}-010", document, ".csv", _without_totals(document)),
    ]
    if document != "statement":
        made.append(
            _csv(
                f"{prefix}-011",
                document,
                lambda _: None,
                labels={"prepared_by": "张敏", "checked_by": "李强"},
            )
        )
        made.append(_csv(f"{prefix}-012", document, lambda _: None, labels=signed))
    if document_type(document).per_fund:
        made.append(_csv(f"{prefix}-006", document, lambda rows: rows[:1]))
    return made


def _shift_items(rows: list[sample.Row]) -> None:
    """50 million yuan of one item's year to date stand under another's."""
    for key, amount in (("year_inpatient_fen", -5_000_000_000), ("year_outpatient_fen", 5_000_000_000)):
        before = rows[0][key]
        assert isinstance(before, int)
        rows[0][key] = before + amount


def _without_totals(document: str) -> bytes:
    text = sample.file_bytes(document, sample.CLEAN[document](), ".csv").decode("utf-8-sig")
    kept = [line for line in text.splitlines() if not line.startswith("控制合计")]
    return "\r\n".join(kept).encode("utf-8-sig")


def _plan() -> list[Reproduction]:
    doubled = {
        key: 2 * value
        for key, value in sample.plan_rows()[0].items()
        if key.endswith("_fen") and isinstance(value, int)
    }
    return [
        *_form("PLAN", "plan", "inpatient_fen", "outpatient_fen"),
        _csv("PLAN-013", "plan", lambda rows: rows[0].update(planned_fen=rows[0]["planned_fen"] + 1)),
        _csv("PLAN-014", "plan", lambda rows: rows[0].update(requested_fen=rows[0]["requested_fen"] - 1)),
        _scaled("PLAN-015", "plan", 1, lambda row: row.update(personal_account_fen=50_000)),
        _csv(
            "PLAN-016",
            "plan",
            lambda rows: rows[1].update({k: v for k, v in rows[0].items() if k.endswith("_fen")}),
        ),
        _scaled("PLAN-017", "plan", 1, lambda row: row.update(dict.fromkeys(doubled, 0))),
        _scaled("PLAN-018", "plan", 0, lambda row: row.update(_times(row, 4))),
        _csv("PLAN-019", "plan", _other_county),
        _scaled("PLAN-020", "plan", 0, lambda row: row.update(_times(row, 10_000))),
        _scaled("PLAN-021", "plan", 0, lambda row: row.update(_times(row, 2))),
        _csv("PLAN-022", "plan", _other_county),
        _csv("PLAN-023", "plan", _set(0, last_year_fen=100_000_000)),
        _scaled("PLAN-024", "plan", 0, lambda row: row.update(available_fen=9_000_000_000)),
        _csv("PLAN-025", "plan", _set(0, last_year_fen=10_000_000)),
    ]


def _times(row: sample.Row, factor: int) -> dict[str, int]:
    return {
        key: value * factor for key, value in row.items() if key.endswith("_fen") and isinstance(value, int)
    }


def _scaled(code: str, document: str, number: int, edit: Callable[[sample.Row], Any]) -> Reproduction:
    """A document whose inputs are changed before its sums are computed."""
    rows = sample.CLEAN[document]()
    edit(rows[number])
    return Reproduction(code, document, ".csv", sample.file_bytes(document, rows, ".csv"))


def _report() -> list[Reproduction]:
    def quiet(row: sample.Row) -> None:
        spent = [key for key in row if key.endswith("_fen") and not key.startswith(("year_", "last_year"))]
        row.update(
            {
                key: 0
                for key in spent
                if key not in {"opening_fen", "received_fen", "interest_fen", "returned_fen"}
            }
        )

    return [
        *_form("REPORT", "report", "interest_fen", "returned_fen"),
        _csv("REPORT-013", "report", lambda rows: rows[0].update(spending_fen=rows[0]["spending_fen"] + 1)),
        _csv("REPORT-014", "report", lambda rows: rows[0].update(closing_fen=rows[0]["closing_fen"] - 10)),
        _csv(
            "REPORT-015",
            "report",
            lambda rows: rows[0].update(year_spending_fen=rows[0]["year_spending_fen"] + 1),
        ),
        _scaled("REPORT-016", "report", 0, lambda row: row.update(year_chronic_fen=1)),
        _scaled("REPORT-017", "report", 1, lambda row: row.update(year_personal_account_fen=50_000)),
        _csv(
            "REPORT-018",
            "report",
            lambda rows: rows[1].update({k: v for k, v in rows[0].items() if k.endswith("_fen")}),
        ),
        _scaled("REPORT-019", "report", 0, lambda row: row.update(received_fen=0)),
        _scaled("REPORT-020", "report", 0, lambda row: row.update(opening_fen=419_999_900)),
        _csv("REPORT-021", "report", _other_county),
        _scaled("REPORT-022", "report", 0, lambda row: row.update(received_fen=1_000_000_000)),
        _csv("REPORT-023", "report", _other_county),
        _scaled("REPORT-024", "report", 0, lambda row: row.update(year_remote_fen=450_000_000)),
        _scaled("REPORT-025", "report", 0, lambda row: row.update(inpatient_fen=90_000_000_000_000)),
        _scaled("REPORT-026", "report", 0, lambda row: row.update(inpatient_fen=3_000_000_000)),
        _csv("REPORT-027", "report", _other_county),
        _csv("REPORT-028", "report", _set(0, last_year_fen=100_000_000)),
        _scaled("REPORT-029", "report", 1, quiet),
        _scaled("REPORT-030", "report", 0, lambda row: row.update(interest_fen=90_000_000)),
        _csv("REPORT-031", "report", _set(0, last_year_fen=10_000_000)),
        _csv("REPORT-032", "report", _shift_items),
    ]


def _payer_detail() -> list[Reproduction]:
    return [
        *_form("PAYER", "payer-detail", "employer_fen", "personal_fen"),
        _csv("PAYER-013", "payer-detail", lambda rows: rows[0].update(paid_fen=rows[0]["paid_fen"] + 1)),
        _csv("PAYER-014", "payer-detail", _set(0, credit_code="91331002MA2AAAAAA0")),
        _csv("PAYER-015", "payer-detail", _set(0, paid_on="2026-11-01")),
        _csv("PAYER-016", "payer-detail", lambda rows: rows[1].update(credit_code=rows[0]["credit_code"])),
        _csv("PAYER-017", "payer-detail", lambda rows: [*rows, {**rows[0], "voucher": "3310022610000099"}]),
        _csv("PAYER-018", "payer-detail", _set(0, base_fen=100_00)),
        _scaled("PAYER-019", "payer-detail", 0, _more("personal_fen")),
        _csv("PAYER-020", "payer-detail", _other_county),
    ]


def _more(*fields: str, by_fen: int = 100) -> Callable[[sample.Row], None]:
    def change(row: sample.Row) -> None:
        for field in fields:
            row[field] = int(row[field] or 0) + by_fen

    return change


def _statement() -> list[Reproduction]:
    return [
        *_form("STATEMENT", "statement", "credit_fen", "balance_fen"),
        _csv(
            "STATEMENT-013", "statement", lambda rows: rows[1].update(balance_fen=rows[1]["balance_fen"] - 1)
        ),
        _csv("STATEMENT-014", "statement", _set(0, debit_fen=900_000_00)),
        _csv("STATEMENT-015", "statement", _set(0, booked_on="2026-09-30")),
        _csv("STATEMENT-016", "statement", _set(0, account="账户一")),
        _csv("STATEMENT-017", "statement", _set(1, booked_on="2026-10-02")),
        _csv("STATEMENT-018", "statement", _set(1, fund="resident")),
    ]


def _other_documents() -> list[Reproduction]:
    return [
        *_form("SUBSIDY", "subsidy", "arrived_fen", "due_fen"),
        _csv("SUBSIDY-013", "subsidy", lambda rows: rows[0].update(arrears_fen=rows[0]["arrears_fen"] + 1)),
        _csv("SUBSIDY-014", "subsidy", _set(0, level="乡级")),
        _scaled("SUBSIDY-015", "subsidy", 0, lambda row: row.update(year_arrived_fen=1_00)),
        _scaled("SUBSIDY-016", "subsidy", 0, lambda row: row.update(due_fen=100_000_000_00)),
        _scaled("SUBSIDY-017", "subsidy", 0, _more("year_arrived_fen")),
        _scaled("SUBSIDY-018", "subsidy", 0, _more("arrived_fen", "year_arrived_fen")),
        _csv("SUBSIDY-019", "subsidy", _other_county),
        *_form("INTEREST", "interest", "passed_on_fen", "average_balance_fen"),
        _csv(
            "INTEREST-013",
            "interest",
            lambda rows: rows[0].update(held_after_fen=rows[0]["held_after_fen"] + 1),
        ),
        _scaled("INTEREST-014", "interest", 0, lambda row: row.update(interest_fen=90_000_000)),
        _csv("INTEREST-015", "interest", _set(0, account="账户一")),
        _scaled("INTEREST-016", "interest", 0, _more("held_before_fen")),
        _scaled("INTEREST-017", "interest", 0, _more("interest_fen")),
        _csv("INTEREST-018", "interest", _other_county),
        *_form("CAPITAL", "working-capital", "held_fen", "payments_fen"),
        _csv(
            "CAPITAL-013",
            "working-capital",
            lambda rows: rows[0].update(requested_fen=rows[0]["requested_fen"] + 1),
        ),
        _csv(
            "CAPITAL-014",
            "working-capital",
            lambda rows: rows[0].update(average_fen=rows[0]["average_fen"] + 1),
        ),
        _scaled("CAPITAL-015", "working-capital", 0, lambda row: row.update(months=13)),
        _csv("CAPITAL-016", "working-capital", _other_county),
        _scaled("CAPITAL-017", "working-capital", 0, _more("quota_fen")),
        _scaled("CAPITAL-018", "working-capital", 0, lambda row: row.update(months=12)),
        _scaled("CAPITAL-019", "working-capital", 0, _more("payments_fen", by_fen=1_100)),
        *_account("BUDGET", "annual-budget"),
        _csv("BUDGET-018", "annual-budget", _set(0, last_year_income_fen=100_000_000)),
        _csv("BUDGET-019", "annual-budget", _set(0, last_year_spending_fen=100_000_000)),
        _scaled("BUDGET-020", "annual-budget", 0, _more("benefits_fen")),
        _scaled("BUDGET-021", "annual-budget", 0, lambda row: row.update(benefits_fen=100_000_000)),
        _scaled("BUDGET-022", "annual-budget", 0, _more("opening_fen")),
        *_account("FINAL", "final-account"),
        _csv("FINAL-018", "final-account", _set(0, budget_spending_fen=100_000_000)),
        _csv("FINAL-019", "final-account", _set(0, budget_income_fen=10**12)),
        _scaled("FINAL-020", "final-account", 0, _more("budget_spending_fen")),
        _csv("FINAL-021", "final-account", _other_county),
        _scaled("FINAL-022", "final-account", 0, _more("benefits_fen", by_fen=-100)),
        _scaled("FINAL-023", "final-account", 0, _more("opening_fen")),
        _scaled("FINAL-024", "final-account", 0, _more("budget_income_fen", by_fen=-100)),
    ]


def _account(prefix: str, document: str) -> list[Reproduction]:
    def off(key: str) -> Callable[[list[sample.Row]], None]:
        return lambda rows: rows[0].update({key: rows[0][key] + 1})

    return [
        *_form(prefix, document, "interest_fen", "benefits_fen"),
        _csv(f"{prefix}-013", document, off("income_fen")),
        _csv(f"{prefix}-014", document, off("spending_fen")),
        _csv(f"{prefix}-015", document, off("surplus_fen")),
        _csv(f"{prefix}-016", document, off("closing_fen")),
        _scaled(
            f"{prefix}-017",
            document,
            0,
            lambda row: row.update(benefits_fen=30 * sample.PLANNED_FEN["employee"]),
        ),
    ]


def _files() -> list[Reproduction]:
    clean = _clean()
    dates = sample.with_cell(clean, "E5", '<c r="E5" t="d"><v>2026-10-01</v></c>')
    return [
        Reproduction("FILE-001", "plan", ".csv", b"\r\n\r\n"),
        Reproduction("FILE-002", "plan", ".xlsx", b"%PDF-1.4 not a workbook"),
        Reproduction("FILE-003", "plan", ".xlsx", clean[: len(clean) // 2]),
        Reproduction("FILE-004", "plan", ".xlsx", locked_workbook()),
        _part(
            "FILE-005",
            sample.SHEET,
            lambda xml: xml.replace(
                "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
            ),
        ),
        _part(
            "FILE-006",
            sample.SHEET,
            lambda xml: xml.replace("<worksheet", '<!DOCTYPE x [<!ENTITY e "e">]><worksheet', 1),
        ),
        Reproduction(
            "FILE-007",
            "plan",
            ".csv",
            sample.file_bytes("plan", sample.plan_rows(), ".csv", encoding="utf-16-le"),
        ),
        _text("FILE-010", lambda text: text.replace(text.splitlines()[2], "甲,乙,丙,丁,戊,己,庚,辛")),
        _text("FILE-011", lambda text: text.replace(",可用余额,", ",结存,")),
        _text("FILE-012", lambda text: text.replace(",生育,", ",住院,")),
        _text(
            "FILE-013",
            lambda text: (
                text.replace(",备注", ",调剂金")
                .replace(",0.00,", ",0.00,", 1)
                .replace("\r\n控制", "5\r\n控制", 1)
            ),
        ),
        Reproduction("FILE-014", "plan", ".xlsx", _two_sheets(clean)),
        _part("FILE-015", sample.SHEET, lambda xml: xml.replace('<row r="6"', '<row r="6" hidden="1"', 1)),
        _part(
            "FILE-016",
            sample.SHEET,
            lambda xml: xml.replace(
                '<mergeCell ref="A1:O1"/>', '<mergeCell ref="A1:O1"/><mergeCell ref="E5:E6"/>'
            ),
        ),
        _text("FILE-017", lambda text: "\r\n".join(text.splitlines()[:3])),
        _text(
            "FILE-018", lambda text: text.replace("\r\n控制合计", "\r\n,,,,,,,,,,,,,,内部资料\r\n控制合计")
        ),
        _text(
            "FILE-019",
            lambda text: text.replace("\r\n控制合计", "\r\n" + text.splitlines()[2] + "\r\n控制合计"),
        ),
        _text("FILE-020", lambda text: text.replace("单位：元", "单位：万元")),
        _text("FILE-021", lambda text: text.replace("单位：元", "")),
        _part("FILE-022", "docProps/custom.xml", lambda xml: xml.replace("2026-10", "2026-09")),
        _text("FILE-023", lambda text: text + "合计,,,,1.00\r\n"),
        Reproduction(
            "FILE-024", "plan", ".xls", legacy_document(sample.file_bytes("plan", sample.plan_rows(), ".csv"))
        ),
        Reproduction(
            "FILE-025", "plan", ".xlsm", sample.rezip({**sample.unzip(clean), "xl/vbaProject.bin": b"macro"})
        ),
        Reproduction(
            "FILE-026",
            "plan",
            ".xlsx",
            _two_sheets(clean, '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'),
        ),
        _text(
            "FILE-027",
            lambda text: text.replace("\r\n331002", "\r\n甲,乙,丙,丁,1,2,3,4,5,6,7,8,9,10,\r\n331002", 1),
        ),
        Reproduction("CELL-007", "plan", ".xlsx", dates),
    ]


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_WORKSHEET = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"


def _two_sheets(clean: bytes, data: str = "") -> bytes:
    """The workbook with a second sheet: a copy of the first, or one that holds ``data``."""
    parts = sample.unzip(clean)
    other = f'<worksheet xmlns="{_MAIN}">{data}</worksheet>'.encode()
    parts["xl/worksheets/sheet2.xml"] = other if data else parts[sample.SHEET]
    for name, old, new in (
        ("xl/workbook.xml", "</sheets>", '<sheet name="副本" sheetId="2" r:id="rId99"/></sheets>'),
        (
            "xl/_rels/workbook.xml.rels",
            "</Relationships>",
            f'<Relationship Id="rId99" Type="{_WORKSHEET}" Target="worksheets/sheet2.xml"/></Relationships>',
        ),
    ):
        parts[name] = parts[name].decode().replace(old, new).encode()
    return sample.rezip(parts)


def _cells() -> list[Reproduction]:
    def money(code: str, written: str) -> Reproduction:
        return _csv(code, "plan", _set(0, inpatient_fen=written))

    return [
        money("CELL-001", "约八百万"),
        money("CELL-002", "８１２３４５６.00"),
        money("CELL-003", "8,123,456.00"),
        money("CELL-004", "8123456.001"),
        _cell("CELL-005", '<c r="E5"><f>8000000+123456</f><v>8123456</v></c>'),
        _cell("CELL-006", '<c r="E5"><f>SUM(Z1:Z9)</f></c>'),
        _cell("CELL-008", '<c r="A5"><v>331002</v></c>', "A5"),
        money("CELL-009", "NA"),
        money("CELL-010", "8.123456e6"),
        _cell("CELL-011", '<c r="E5" t="e"><v>#REF!</v></c>'),
        _cell("CELL-012", '<c r="E5"><v>6222021234567889920</v></c>', "E5", "statement"),
        _csv("CELL-013", "plan", _set(0, county_name="椒江")),
        _cell("CELL-014", '<c r="E5"><v>8123456.0000000009</v></c>'),
        _csv("CELL-015", "payer-detail", _set(0, paid_on="十月五日")),
        _formatted("CELL-016", '0.0,"万"'),
        _formatted("CELL-017", "0", "8123456.78"),
        _csv("CELL-018", "plan", _set(0, county_name="椒\u200b江区")),
        _csv("CELL-019", "plan", _set(0, county_name="\u202e椒江区")),
        _csv("CELL-020", "plan", _set(1, personal_account_fen="—")),
    ]


def _formatted(code: str, number_format: str, value: str = "8123456") -> Reproduction:
    """A workbook of which one cell's number format shows something else than its value."""
    return Reproduction(
        code, "plan", ".xlsx", sample.with_number_format(_clean(), "E5", value, number_format)
    )


def reproductions() -> list[Reproduction]:
    """Every reproduction, by code."""
    made = [*_files(), *_cells(), *_plan(), *_report(), *_payer_detail(), *_statement(), *_other_documents()]
    return sorted(made, key=lambda reproduction: reproduction.code)


def judged(made: list[Reproduction]) -> dict[str, Judgement]:
    """The judgement on each reproduction, one batch per document type, as the month would judge it."""
    from expectations.runner import judge  # noqa: PLC0415 - seconds of Great Expectations

    answers: dict[str, Judgement] = {}
    for document in dict.fromkeys(reproduction.document for reproduction in made):
        files = [SourceFile(r.file_name, r.content) for r in made if r.document == document]
        for judgement in judge_files(files, document, sample.context(), read=read_documents, judge=judge):
            answers[judgement.file.rpartition(".")[0]] = judgement
    return answers


def message(finding: Finding) -> str:
    """A finding as the golden files hold it."""
    lines = [
        f"[{finding.rule}] {finding.severity.value} {finding.sheet or '–'}!{finding.cell or '–'} 行{finding.row or '–'}",
        finding.message_zh,
        finding.message_en,
        f"found: {finding.found}",
        f"expected: {finding.expected}",
        f"basis: {finding.basis}",
        f"remedy: {finding.remedy}",
    ]
    return "\n".join(lines) + "\n"


def rendered(judgement: Judgement, code: str) -> str:
    """What the product says under ``code`` of a file."""
    return "\n".join(message(finding) for finding in judgement.findings if finding.rule == code)


def main() -> None:
    """Write the files and their findings."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    made = reproductions()
    answers = judged(made)
    for reproduction in made:
        (FOLDER / reproduction.file_name).write_bytes(reproduction.content)
        text = rendered(answers[reproduction.code], reproduction.code)
        assert text, f"{reproduction.code} says nothing: {answers[reproduction.code].findings}"
        (FOLDER / f"{reproduction.code}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
