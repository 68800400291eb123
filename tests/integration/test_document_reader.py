"""What the reader makes of files as counties really save them."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest

from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.documents.workbooks import template_workbook, write_document
from fundpool.services.ports.judging import ParsedDocument, SourceFile
from fundpool.version import product
from schemas.documents import DOCUMENTS
from schemas.documents.reading_rules import WHAT_IT_IS
from tests.golden import sample_documents as sample


def read(content: bytes, document: str = "plan") -> ParsedDocument:
    (parsed,) = read_documents([SourceFile("file", content)], document, sample.REGISTER, month=sample.MONTH)
    return parsed


def rules(parsed: ParsedDocument) -> list[str]:
    return [finding.rule for finding in parsed.findings]


def csv_text(document: str = "plan") -> str:
    return sample.file_bytes(document, sample.CLEAN[document](), ".csv").decode("utf-8-sig")


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("document", sample.CLEAN)
def test_what_is_written_is_read_with_the_cell_of_every_value(document: str, suffix: str) -> None:
    rows = sample.completed(document, sample.CLEAN[document]())
    parsed = read(sample.file_bytes(document, rows, suffix), document)
    assert parsed.findings == ()
    for row, line in zip(rows, parsed.lines, strict=True):
        assert line.county == row["county_code"]
        assert line.fund == row["fund"]
        assert line.raw[DOCUMENTS[document].period] == str(row[DOCUMENTS[document].period])
        for key, amount in line.amounts_fen.items():
            assert amount == row.get(key)
            assert line.cells[key].endswith(str(line.row))


# Only a fresh save needs LibreOffice itself; a file it saved is in deployments/sample and always read
# (tests/integration/test_demo.py).
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_workbook_saved_by_libreoffice_reads_the_same(tmp_path: Path) -> None:
    write_document(tmp_path / "plan.xlsx", "plan", "台州市", month=sample.MONTH, rows=sample.plan_rows())
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run(
        [*command, "--outdir", tmp_path / "out", tmp_path / "plan.xlsx"], check=True, capture_output=True
    )
    saved = read((tmp_path / "out/plan.xlsx").read_bytes())
    written = read((tmp_path / "plan.xlsx").read_bytes())
    assert saved.findings == ()
    assert [line.amounts_fen for line in saved.lines] == [line.amounts_fen for line in written.lines]
    assert saved.labels == written.labels


def test_columns_are_found_by_header_wherever_they_stand() -> None:
    lines = [line.split(",") for line in csv_text().splitlines()]
    table = [list(reversed(line)) if 2 <= number <= 5 else line for number, line in enumerate(lines)]
    moved = "\r\n".join(["某某表", "", *(",".join(["", *line]) for line in table)])
    parsed = read(moved.encode())
    assert parsed.lines[0].amounts_fen == read(csv_text().encode()).lines[0].amounts_fen
    assert parsed.lines[0].cells["county_code"].startswith("P")


def test_a_header_may_use_another_name_spaces_and_its_unit() -> None:
    text = csv_text().replace(",申请额,", ",申请 金额（元）,").replace("县区名称", "统筹区")
    assert read(text.encode()).findings == ()


def test_a_header_in_another_unit_is_not_converted() -> None:
    parsed = read(csv_text().replace(",申请额,", ",申请额（万元）,").encode())
    assert [(f.rule, f.cell, f.found, f.expected) for f in parsed.findings] == [
        ("FILE-020", "M3", "万元", "元")
    ]


def test_another_document_is_recognised_by_its_header() -> None:
    parsed = read(csv_text("report").encode(), "plan")
    assert rules(parsed)[0] in {"FILE-010", "FILE-011"}
    assert not parsed.readable


def test_hidden_columns_and_sheets_are_shown() -> None:
    clean = sample.file_bytes("plan", sample.plan_rows())
    hidden = sample.with_part(
        clean,
        sample.SHEET,
        lambda xml: xml.replace('<col min="5" ', '<col min="5" max="5" hidden="1"/><col min="6" ', 1),
    )
    assert [f.found for f in read(hidden).findings] == ["E"]


def test_notes_below_the_table_are_no_data() -> None:
    parsed = read((csv_text() + "注：本表按月报送。\r\n").encode())
    assert parsed.findings == ()
    assert len(parsed.lines) == 2


def test_labels_may_stand_in_their_own_cells() -> None:
    text = csv_text().replace("单位：元", "单位,元")
    assert read(text.encode()).labels["unit"] == "元"


def test_a_county_named_with_its_city_and_office_is_matched_with_a_note() -> None:
    text = csv_text().replace("椒江区", "台州市椒江区医疗保障局")
    parsed = read(text.encode("utf-8-sig"))
    assert parsed.counties == ("331002",)
    assert {(f.rule, f.found, f.expected) for f in parsed.findings} == {
        ("CELL-013", "台州市椒江区医疗保障局", "椒江区")
    }


def test_a_county_is_known_by_an_alias_or_by_its_name_alone() -> None:
    rows = sample.plan_rows()
    rows[0].update(county_code="", county_name="椒 江")
    parsed = read(sample.file_bytes("plan", rows, ".csv"))
    assert parsed.lines[0].county == "331002"
    assert [(finding.cell, finding.found) for finding in parsed.findings] == [
        ("B4", "椒 江"),
        ("A4", "空 / blank"),
    ]


@pytest.mark.parametrize(
    ("written", "fund"),
    [
        ("城乡居民", "resident"),
        ("居民医疗保险", "resident"),
        ("城乡居民医疗保险", "resident"),
        ("居民基本医疗保险", "resident"),
        ("职工医疗保险", "employee"),
        ("城镇职工医保", "employee"),
        ("城镇居民", None),  # a scheme that the residents' fund took in: nobody says whose money is meant
        ("新农合", None),
    ],
)
def test_a_fund_is_known_by_what_counties_call_it(written: str, fund: str | None) -> None:
    rows = sample.plan_rows()
    rows[0].update(fund=written)
    assert read(sample.file_bytes("plan", rows, ".csv")).lines[0].fund == fund


def test_a_file_may_speak_for_several_counties() -> None:
    rows = sample.plan_rows() + sample.plan_rows(sample.HUANGYAN)
    assert read(sample.file_bytes("plan", rows)).counties == ("331002", "331003")


def test_a_template_says_what_it_is_for_and_keeps_formulas_locked(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    path.write_bytes(template_workbook("plan", "台州市", counties=[sample.JIAOJIANG], month=sample.MONTH))
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read(sample.SHEET).decode()
        properties = archive.read("docProps/custom.xml").decode()
    assert "<sheetProtection" in sheet
    assert sheet.count("<dataValidation ") >= 7
    assert openpyxl.load_workbook(path).properties.description == product()
    for value in ("plan", "2026-10", "331002", "元"):
        assert f"<vt:lpwstr>{value}</vt:lpwstr>" in properties
    parsed = read(path.read_bytes())
    assert [(line.county, line.fund) for line in parsed.lines] == [
        ("331002", "employee"),
        ("331002", "resident"),
    ]
    assert parsed.lines[0].amounts_fen["inpatient_fen"] is None


def test_a_document_s_bytes_depend_on_its_values_only() -> None:
    assert sample.file_bytes("plan", sample.plan_rows()) == sample.file_bytes("plan", sample.plan_rows())


def test_a_sum_stated_otherwise_is_written_as_stated() -> None:
    rows = sample.completed("plan", sample.plan_rows())
    stated = rows[0]["planned_fen"]
    assert isinstance(stated, int)
    rows[0]["planned_fen"] = stated + 1
    parsed = read(sample.file_bytes("plan", rows))
    assert parsed.lines[0].amounts_fen["planned_fen"] == stated + 1


def test_rows_of_a_list_that_the_county_left_unused_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    path.write_bytes(
        template_workbook(
            "payer-detail", "台州市", counties=[sample.REGISTER.counties[0]], month=sample.MONTH
        )
    )
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    headers = {cell.value: cell.column for cell in sheet[4]}
    (clean, *_) = sample.CLEAN["payer-detail"]()
    for field in DOCUMENTS["payer-detail"].fields:
        value = sample.completed("payer-detail", [clean])[0].get(field.key)
        if value is not None:
            text = "职工基本医疗保险" if field.key == "fund" else value
            sheet.cell(5, headers[field.zh]).value = value / 100 if field.is_money else text
    book.save(path)
    parsed = read(path.read_bytes(), "payer-detail")
    assert len(parsed.lines) == 1
    # openpyxl stores no results: only the sums below the fifty rows have none to read.
    assert {finding.row for finding in parsed.findings} == {55}
    # A row with anything of the county's own in it counts, however little.
    sheet.cell(6, headers["备注"]).value = "见附件"
    book.save(path)
    assert len(read(path.read_bytes(), "payer-detail").lines) == 2


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_blank_template_says_of_every_column_who_fills_it(document: str, tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    path.write_bytes(
        template_workbook(document, "台州市", counties=[sample.REGISTER.counties[0]], month=sample.MONTH)
    )
    book = openpyxl.load_workbook(path)
    form, guide = book.worksheets
    guide_rows = {row[0].value: row[1].value for row in guide.iter_rows(min_row=3)}
    assert list(guide_rows) == [field.zh for field in DOCUMENTS[document].fields]
    for cell in form[4]:
        first = form.cell(5, cell.column)
        assert (guide_rows[cell.value] in {"县区填写", "县区选填"}) == (not first.protection.locked), (
            cell.value
        )
    assert (form.page_setup.orientation, form.page_setup.fitToHeight) == ("landscape", 0)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("单位：元", "编制单位：椒江区医疗保障局    单位：万元    2026年10月", "万元"),
        ("单位：元", "（单位：万元）", "万元"),
        ("单位：元", "单 位 ： 万 元", "万元"),
        ("用款计划申请表（合成数据 synthetic）", "用款计划申请表（金额单位：千元）", "千元"),
    ],
)
def test_the_unit_of_amounts_is_found_wherever_it_is_stated(old: str, new: str, found: str) -> None:
    assert old in csv_text()
    parsed = read(csv_text().replace(old, new).encode())
    assert [(f.rule, f.found) for f in parsed.findings] == [("FILE-020", found)]


def test_the_unit_that_files_is_not_the_unit_of_the_amounts() -> None:
    text = csv_text().replace("单位：元", "单位：椒江区医疗保障局")
    assert rules(read(text.encode())) == ["FILE-021"]
    stated = csv_text().replace("单位：元", "填报单位（盖章）：椒江区医疗保障局　（单位：元）")
    assert rules(read(stated.encode())) == []


def test_signatures_may_share_a_cell_and_what_is_no_name_is_none() -> None:
    (signatures,) = (line for line in csv_text().splitlines() if line.startswith("经办人"))
    shared = "经办人（签字）：张 敏    复核：李强   负责人：王芳 联系电话：0576-88"
    document = read(csv_text().replace(signatures, shared).encode())
    people = ("prepared_by", "checked_by", "responsible")
    assert [document.labels[person] for person in people] == ["张 敏", "李强", "王芳"]
    unsigned = "经办人：,张敏,复核人：,____,联系电话：,0576-88880000,负责人：,填报日期：2026-09-20"
    two = read(csv_text().replace(signatures, unsigned).encode())
    assert [two.labels[person] for person in people] == ["张敏", "", ""]
    assert (len(two.lines), two.findings) == (2, ())


def test_a_total_row_may_be_called_in_several_ways() -> None:
    for name in ("合计：", "全市合计", "合  计", "总计"):
        parsed = read(csv_text().replace("控制合计", name).encode())
        assert (len(parsed.lines), len(parsed.control_totals_fen)) == (2, 10)


def test_rows_of_other_counties_than_the_template_s_are_shown() -> None:
    clean = sample.file_bytes("plan", sample.plan_rows())
    for stated in ("331003", "331002,331003"):
        other = sample.with_part(
            clean, "docProps/custom.xml", lambda xml, stated=stated: xml.replace(">331002<", f">{stated}<")
        )
        assert [(f.rule, f.found) for f in read(other).findings] == [("FILE-022", f"县区 county {stated}")]


def test_rows_without_height_are_hidden() -> None:
    clean = sample.file_bytes("plan", sample.plan_rows())
    flat = sample.with_part(
        clean, sample.SHEET, lambda xml: re.sub(r'(<row r="6"[^>]*) ht="[0-9.]+"', r'\1 ht="0"', xml)
    )
    assert [(f.rule, f.found) for f in read(flat).findings] == [("FILE-015", "6")]


def test_other_formats_under_our_names_are_named() -> None:
    for content, what in {
        b"<!-- saved --><html><table>": "html or xml",
        b"MIME-Version: 1.0\r\n": "web archive",
        b"{\\rtf1 x}": "rtf",
        b"ID;PWXL;N;E\r\n": "sylk",
    }.items():
        (finding,) = read(content).findings
        assert (finding.rule, finding.found) == ("FILE-002", WHAT_IT_IS[what])
    assert rules(read(b"\xef\xbb\xbf")) == ["FILE-001"]


def test_a_code_in_exponents_has_lost_its_digits_in_a_csv_too() -> None:
    text = sample.file_bytes("interest", sample.CLEAN["interest"](), ".csv").decode("utf-8-sig")
    parsed = read(text.replace("33010122090000123", "3.3E+16").encode(), "interest")
    assert rules(parsed) == ["CELL-012"]
    assert parsed.lines[0].values["account"] is None


def with_row_under_header(cells: list[str]) -> str:
    """The plan as CSV with another row between header (the third line) and data."""
    lines = csv_text().splitlines()
    return "\r\n".join([*lines[:3], ",".join(cells), *lines[3:]])


PLAN_COLUMNS = len(DOCUMENTS["plan"].fields)
ALL_NUMBERS = [str(number) for number in range(1, PLAN_COLUMNS + 1)]
OF_AMOUNTS = [str(number) for number in range(1, PLAN_COLUMNS - 4)]
"""Numbers of the amount columns: four columns name county, period and fund, the last is the remark."""

COLUMN_NUMBERS = {
    "every column": ALL_NUMBERS,
    "all but the remark": [*ALL_NUMBERS[:-1], ""],
    "letters first": ["甲", "乙", "丙", "丁", *OF_AMOUNTS, ""],
    "a word over the names": ["栏次", "", "", "", *OF_AMOUNTS, ""],
    "a word, then letters": ["栏次", "甲", "乙", "丙", *OF_AMOUNTS, ""],
    "a word, then every number": ["栏次", *ALL_NUMBERS[:-1]],
    "amount columns alone": ["", "", "", "", *OF_AMOUNTS, ""],
    "how each is computed": ["甲", "乙", "丙", "丁", *OF_AMOUNTS[:-3], "8=1+2+3+4+5+6", "9", "10=8-9", ""],
    "in brackets": [f"({number})" for number in ALL_NUMBERS],
    "full width": [
        number.translate(str.maketrans("0123456789", "０１２３４５６７８９")) for number in ALL_NUMBERS
    ],
}


@pytest.mark.parametrize("cells", COLUMN_NUMBERS.values(), ids=COLUMN_NUMBERS)
def test_a_row_of_column_numbers_under_the_header_is_taken_off_with_a_note(cells: list[str]) -> None:
    assert len(cells) == PLAN_COLUMNS
    parsed = read(with_row_under_header(cells).encode())
    assert [(finding.rule, finding.row) for finding in parsed.findings] == [("FILE-027", 4)]
    assert parsed.findings[0].found is not None
    plain = read(csv_text().encode())
    assert [line.amounts_fen for line in parsed.lines] == [line.amounts_fen for line in plain.lines]
    assert parsed.control_totals_fen == plain.control_totals_fen


NO_COLUMN_NUMBERS = {
    "a county": ["331002", "椒江区", "2026-10", "职工医保", *OF_AMOUNTS, ""],
    "a county by its name alone": ["", "椒江区", "", "", *OF_AMOUNTS, ""],
    "a fund alone": ["", "", "", "职工", *OF_AMOUNTS, ""],
    "a fund by its code": ["", "", "", "310", *OF_AMOUNTS, ""],
    "a month": ["", "", "2026-10", "", *OF_AMOUNTS, ""],
    "a remark": ["", "", "", "", *OF_AMOUNTS, "追加"],
    "one amount that is not its number": [
        "甲",
        "乙",
        "丙",
        "丁",
        *OF_AMOUNTS[:4],
        "50000",
        *OF_AMOUNTS[5:],
        "",
    ],
    "amounts in yuan and fen": ["", "", "", "", *[f"{number}.00" for number in OF_AMOUNTS], ""],
    "not from one on": ["", "", "", "", *ALL_NUMBERS[4:-1], ""],
    "an amount column left out": ["甲", "乙", "丙", "丁", *OF_AMOUNTS[:-1], "", ""],
    "a gap": ["甲", "乙", "丙", "丁", "1", "", *OF_AMOUNTS[1:-1], ""],
    "one number twice": ["甲", "乙", "丙", "丁", "1", "1", *OF_AMOUNTS[2:], ""],
    "another word": ["追加", "", "", "", *OF_AMOUNTS, ""],
    "a number and more": ["甲", "乙", "丙", "丁", "15", *OF_AMOUNTS[1:], ""],
    "letters alone": ["甲", "乙", "丙", "丁", *[""] * (PLAN_COLUMNS - 4)],
}


@pytest.mark.parametrize("cells", NO_COLUMN_NUMBERS.values(), ids=NO_COLUMN_NUMBERS)
def test_a_row_that_only_resembles_column_numbers_is_not_swallowed(cells: list[str]) -> None:
    assert len(cells) == PLAN_COLUMNS
    parsed = read(with_row_under_header(cells).encode())
    assert "FILE-027" not in rules(parsed)
    assert len(parsed.lines) > len(read(csv_text().encode()).lines) or "FILE-018" in rules(parsed)


def test_column_numbers_below_the_first_row_are_not_taken_off() -> None:
    lines = csv_text().splitlines()
    parsed = read("\r\n".join([*lines[:4], ",".join(ALL_NUMBERS), *lines[4:]]).encode())
    assert "FILE-027" not in rules(parsed)
    assert len(parsed.lines) == len(read(csv_text().encode()).lines) + 1


def test_column_numbers_of_a_workbook_may_be_merged_and_are_no_table_of_their_own(tmp_path: Path) -> None:
    """The word may span the columns that name the county; a second sheet with only such a row is an empty form."""
    file = tmp_path / "plan.xlsx"
    file.write_bytes(sample.file_bytes("plan", sample.plan_rows()))
    book = openpyxl.load_workbook(file)
    sheet = book.active
    sheet.insert_rows(5)
    sheet["A5"] = "栏次"
    sheet.merge_cells("A5:D5")
    for number, column in enumerate(range(5, PLAN_COLUMNS), start=1):
        sheet.cell(5, column, number)
    empty = book.create_sheet("空表")
    for row in sheet.iter_rows(1, 5, values_only=True):
        empty.append(row)
    book.save(file)
    parsed = read(file.read_bytes())
    assert rules(parsed).count("FILE-027") == 1
    assert {"FILE-014", "FILE-016"}.isdisjoint(rules(parsed))
    assert [line.row for line in parsed.lines] == [6, 7]


def test_a_column_that_holds_nothing_but_its_number_is_an_empty_column() -> None:
    lines = csv_text().splitlines()
    numbers = ["甲", "乙", "丙", "丁", *ALL_NUMBERS[: PLAN_COLUMNS - 3]]
    table = [f"{lines[2]},调剂金", ",".join(numbers), *lines[3:]]
    assert rules(read("\r\n".join([*lines[:2], *table]).encode())) == ["FILE-027"]


def test_whole_amounts_without_a_county_are_not_taken_for_page_numbers() -> None:
    lines = csv_text().splitlines()
    for row in (",,,,5,,,,,,,,,,", ",,,,100,,,,,,100,,100,,", ",,,,,,,,,,,,-5,,", ",,,390,20,,,,,,,,,,"):
        parsed = read("\r\n".join([*lines[:5], row, *lines[5:]]).encode())
        assert [line.row for line in parsed.lines] == [4, 5, 6]
    assert rules(read(f"{csv_text()}\r\n,,,,,3\r\n".encode())) == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_utf_16_without_its_mark_is_refused_by_name(encoding: str, delimiter: str) -> None:
    parsed = read(csv_text().replace(",", delimiter).encode(encoding))
    assert not parsed.readable
    (finding,) = parsed.findings
    assert finding.rule == "FILE-007"
    assert "BOM" in finding.message_zh
    assert "UTF-16 without its byte order mark" in finding.message_en


@pytest.mark.parametrize(
    "content",
    [
        csv_text().encode() + b"\0" * 512,
        csv_text().encode("gb18030").replace(b"331002", b"331\x00002", 1),
        csv_text().encode("utf-16-le")[:-1],
        b"\0" * 64,
        b"abcdefgh" * 20 + b"i\0",
    ],
    ids=["padded", "a stray character", "cut", "nothing but nil", "no fields"],
)
def test_other_files_with_bytes_of_nil_are_refused_as_no_text(content: bytes) -> None:
    (finding,) = read(content).findings
    assert finding.rule == "FILE-007"
    assert "BOM" not in finding.message_zh


@pytest.mark.parametrize("written_as", ["３３１００２", "'331002", '"=""331002"""', "’331002"])
def test_a_county_code_kept_as_text_is_the_code_and_said(written_as: str) -> None:
    parsed = read(csv_text().replace("331002", written_as, 1).encode())
    assert [line.county for line in parsed.lines] == ["331002", "331002"]
    assert parsed.lines[0].values["county_code"] == "331002"
    assert [(finding.rule, finding.cell, finding.expected) for finding in parsed.findings] == [
        ("CELL-002", "A4", "331002")
    ]


@pytest.mark.parametrize("written_as", ["2026年10月", "2026年10月份", "2026/10", "202610"])
def test_the_month_of_the_head_may_be_written_otherwise(written_as: str) -> None:
    text = csv_text()
    head = text.splitlines()[1]
    assert rules(read(text.replace(head, head.replace("2026-10", written_as)).encode())) == []
    wrong = read(text.replace(head, head.replace("2026-10", written_as.replace("10", "11"))).encode())
    assert rules(wrong) == ["FILE-022"]


@pytest.mark.parametrize(
    "line",
    [
        "经办人签字：,,复核人签字：,,负责人签字：,,年   月   日",
        "（公章）,,,,年   月   日",
        "年   月   日",
        "主管部门（签章）：,,,,,财政部门（签章）：",
        "审核意见：同意",
        "共 2 条记录",
        "第1页/共1页",
        "二〇二六年九月二十五日",
        "※注：本表数据来源于医保信息平台",
    ],
)
def test_what_forms_have_under_the_table_is_no_row(line: str) -> None:
    assert rules(read(f"{csv_text()}{line}\r\n".encode())) == []


@pytest.mark.parametrize(
    "line",
    [
        "追加,,,,50000.00",
        "财政部门,,,,50000.00",
        "审核意见：,,,,50000.00",
        "经办人：张敏,,,其中追加：,50000.00",
        "单位,,,,5",
        "合计大写：贰仟贰佰万元整",
        "请于25日前上报",
    ],
)
def test_other_text_under_the_table_is_shown(line: str) -> None:
    parsed = read(f"{csv_text()}{line}\r\n".encode())
    assert rules(parsed) == ["FILE-018"] or [row.county for row in parsed.lines][2:] == [None]


@pytest.mark.parametrize("unit", ["元、人", "元/人", "元、人次、户"])
def test_a_unit_may_name_what_is_counted_beside_the_money(unit: str) -> None:
    assert rules(read(csv_text().replace("单位：元", f"单位：{unit}").encode())) == []
    assert rules(read(csv_text().replace("单位：元", f"单位：万{unit}").encode())) == ["FILE-020"]
