"""Papers that officials sign: their figures are the books', their numbers stand, in Chinese or in English."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import docx
import openpyxl
import pytest

from fundpool.adapters.documents.papers import write_paper
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan, yuan_in_words
from fundpool.domain.paper import (
    Column,
    Language,
    NumberedPaper,
    Paper,
    PaperFormat,
    PaperKind,
    PaperNumber,
    PaperTable,
)
from fundpool.domain.periods import Month
from fundpool.services.books import booking
from fundpool.services.oversight.paper_contents import PAPERS
from fundpool.services.oversight.papers import file_of, numbered_papers, paper, papers_of
from fundpool.services.payments.statements import ref_of
from fundpool.services.ports.work import Work
from tests.integration.month_scene import CityScene, account_no, at

T = TypeVar("T")
OCTOBER = Month(2026, 10)
CUT, LATE = "421321", "421381"
"""The county whose plan is cut, and the one that files too late."""
REPORTING = ("421303", LATE)
CUT_REASON, FINANCE_REASON = "=HYPERLINK(1)", "结余可用"
FILED, REVIEWED = at("2026-09-21 09:00"), at("2026-09-24 09:00")
AFTER = at("2026-11-20 09:00")
FORMATS: tuple[PaperFormat, ...] = ("docx", "xlsx")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou's October until it is applied for: one county is cut, one files late."""
    city = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    for county in city.counties:
        moment = "2026-09-16 09:00" if county == LATE else "2026-09-14 09:00"
        city.submit(city.plan(county), "plan", at(moment))
    city.run("plan-collection", at("2026-09-16 10:00"))
    city.run("plan-review", at("2026-09-16 10:10"))
    asked_fen = city.requested_fen(CUT, "employee")
    now = at("2026-09-17 10:00")
    city.propose(CUT, now, fund="employee", amount_fen=asked_fen - 500_00, reason=CUT_REASON)
    city.decide(now)
    city.run("funds-application", at("2026-09-20 09:00"))
    return city


def play_on(scene: CityScene) -> None:
    """Finance cuts one line; the money is paid, two of three counties report, the bank's statements are in."""
    fen = scene.requested_fen(CUT, "resident") - 100_00
    scene.review_by_finance(REVIEWED, county=CUT, fund="resident", amount_fen=fen, reason=FINANCE_REASON)
    scene.review_by_finance(REVIEWED)
    scene.pay(at("2026-10-05 09:00"))
    for county in REPORTING:
        scene.submit(scene.report(county), "report", at("2026-11-10 10:00"))
    scene.run("expenditure-reporting", at("2026-11-10 16:00"))
    scene.run("reconciliation", at("2026-11-11 09:00"))


def paid_fen(scene: CityScene, county: str, fund: str) -> int:
    """What the bank's own book shows as paid to the county's account."""
    return scene.executed_fen()[account_no(AccountType.COUNTY_EXPENDITURE, county, fund)]


def papers(scene: CityScene, kind: PaperKind, **more: Any) -> tuple[NumberedPaper, ...]:
    about = {"city": scene.policy.key, "month": OCTOBER, "now": AFTER} | more
    return numbered_papers(scene.ports, kind, **about)


def written(scene: CityScene, kind: PaperKind, file_format: PaperFormat, **more: Any) -> list[list[Any]]:
    """The rows of the only paper of its kind, read back from its file."""
    (numbered,) = papers(scene, kind, **more)
    return rows_of(file_of(scene.ports, numbered, file_format).content, file_format)


def rows_of(content: bytes, file_format: PaperFormat) -> list[list[Any]]:
    """The table rows of a Word document, amounts as printed; all rows of a workbook."""
    if file_format == "docx":
        document = docx.Document(BytesIO(content))
        return [[cell.text for cell in row.cells] for table in document.tables for row in table.rows]
    sheet = openpyxl.load_workbook(BytesIO(content)).worksheets[0]
    return [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]


def has_row(rows: list[list[Any]], *cells: str | int) -> bool:
    """Whether some row holds these cells beside each other; amounts in fen, written in yuan."""
    as_printed = [format_yuan(cell) if isinstance(cell, int) else cell for cell in cells]
    as_numbers = [cell / 100 if isinstance(cell, int) else cell for cell in cells]
    return any(
        row[start : start + len(cells)] in (as_printed, as_numbers)
        for row in rows
        for start in range(len(row))
    )


def texts(content: bytes, file_format: PaperFormat) -> str:
    if file_format == "xlsx":
        return "\n".join(str(cell) for row in rows_of(content, "xlsx") for cell in row)
    document = docx.Document(BytesIO(content))
    cells = [cell for row in rows_of(content, "docx") for cell in row]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def read(scene: CityScene, query: Callable[[Work], T]) -> T:
    return scene.ports.database.read(query)


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_figures_of_a_paid_month_s_papers_are_those_of_the_books(
    scene: CityScene, file_format: PaperFormat
) -> None:
    play_on(scene)
    names = {unit.code: unit.name_zh for unit in scene.policy.units}
    employee = {county: scene.requested_fen(county, "employee") for county in scene.counties}
    approved = employee | {CUT: employee[CUT] - 500_00}

    plans = written(scene, PaperKind.PLAN_SUMMARY, file_format)
    assert has_row(plans, names[CUT], employee[CUT], approved[CUT], 500_00, f"'{CUT_REASON}", "已核减")
    assert has_row(plans, "合计", sum(employee.values()), sum(approved.values()), 500_00)

    application = written(scene, PaperKind.APPLICATION, file_format)
    asked_fen = scene.requested_fen(CUT, "resident")
    assert has_row(application, names[CUT], asked_fen, asked_fen - 100_00, 100_00, FINANCE_REASON)
    assert has_row(application, "合计", sum(approved.values()), sum(approved.values()), 0)

    for county in scene.counties:
        notice = written(scene, PaperKind.ALLOCATION, file_format, unit=county)
        for fund in scene.funds:
            payer = account_no(AccountType.CITY_EXPENDITURE, "421300", fund)
            paid = paid_fen(scene, county, fund)
            assert has_row(notice, "1", paid, "2026-10-05", f"····{payer[-4:]}")

    summary = written(scene, PaperKind.EXPENDITURE, file_format)
    assert has_row(summary, names[CUT], "缺报", "—", "—")
    spent_fen = sum(scene.planned_fen(county, "employee") for county in REPORTING)
    received_fen = sum(paid_fen(scene, county, "employee") for county in REPORTING)
    assert has_row(summary, "合计", "2/3", 2 * 1_000_00, received_fen, 0, 0, spent_fen)

    held = read(scene, lambda work: booking.balances(work, "suizhou", event_until=at("2026-10-31 23:59")))
    balances_fen = {balance.ref: balance.posted_fen for balance in held}
    for account in read(scene, lambda work: work.accounts.find("suizhou")):
        closing_fen = balances_fen[ref_of(account)]
        subject = f"{account.unit}/{account.account_type}/{account.fund}"
        statement = written(scene, PaperKind.STATEMENT, file_format, subject=subject)
        (last,) = (row for row in statement if "本月合计与期末余额" in row)
        assert last[-1] in {format_yuan(closing_fen), closing_fen / 100}
        assert not any(str(row[-1]).startswith("-") for row in statement if row)

    for fund in scene.funds:
        subject = f"421300/city_expenditure/{fund}"
        form = written(scene, PaperKind.RECONCILIATION, file_format, subject=subject)
        assert has_row(form, "调节后余额", 0, "调节后余额", 0)


def test_totals_stand_in_words_under_the_tables(scene: CityScene) -> None:
    play_on(scene)
    content = file_of(scene.ports, papers(scene, PaperKind.ALLOCATION, unit=CUT)[0], "docx").content
    for fund in scene.funds:
        words = yuan_in_words(paid_fen(scene, CUT, fund))
        assert f"合计人民币（大写）：{words}" in texts(content, "docx")


def test_an_overdue_circular_names_county_duty_article_and_days(scene: CityScene) -> None:
    rows = written(scene, PaperKind.OVERDUE, "docx", now=at("2026-09-22 09:00"))
    name = next(unit.name_zh for unit in scene.policy.units if unit.code == LATE)
    late = ["2026-09-15", "2026-09-16", "1", "随政办发〔2022〕29号 第九条"]
    assert [row[2:] for row in rows if row[0] == name] == [late]
    # Who filed in time is not named.
    assert not any(
        unit.name_zh in {row[0] for row in rows} for unit in scene.policy.units if unit.code != LATE
    )


def test_the_same_paper_keeps_its_number_and_a_changed_one_is_the_next_edition(scene: CityScene) -> None:
    (first,) = papers(scene, PaperKind.APPLICATION, now=at("2026-09-22 09:00"))
    (again,) = papers(scene, PaperKind.APPLICATION, now=at("2026-09-23 09:00"))
    assert again == first
    assert (first.number.year, first.number.serial, first.number.edition) == (2026, 1, 1)
    assert first.number.content_digest == first.paper.content_digest

    scene.review_by_finance(REVIEWED)
    (known,) = [
        each
        for each in papers_of(scene.ports, city="suizhou", month=OCTOBER, now=at("2026-09-25 09:00"))
        if each.paper.kind is PaperKind.APPLICATION
    ]
    assert (known.number, known.last) == (None, first.number)
    (changed,) = papers(scene, PaperKind.APPLICATION, now=at("2026-09-25 09:00"))
    assert (changed.number.serial, changed.number.edition) == (1, 2)
    assert "第2版" in changed.number.in_words("zh")
    # What stood before the change is still the first edition.
    assert papers(scene, PaperKind.APPLICATION, now=at("2026-09-23 10:00")) == (first,)
    trail = read(scene, lambda work: list(work.audit.records("paper:suizhou:application:2026:1")))
    assert [record.action for record in trail] == ["issue_paper", "issue_paper"]


def test_numbers_run_without_gaps_for_each_kind_and_begin_anew_with_the_year(scene: CityScene) -> None:
    play_on(scene)
    first = papers(scene, PaperKind.ALLOCATION, unit=scene.counties[1])
    every = papers(scene, PaperKind.ALLOCATION)
    assert {each.paper.subject: each.number.serial for each in every} == {
        scene.counties[1]: 1,
        scene.counties[0]: 2,
        scene.counties[2]: 3,
    }
    assert first[0] in every
    in_january = {"now": at("2027-01-05 09:00")}
    assert papers(scene, PaperKind.ALLOCATION, **in_january) == every
    statements = papers(scene, PaperKind.STATEMENT, unit=CUT, **in_january)
    assert [(each.number.year, each.number.serial) for each in statements] == [(2027, 1), (2027, 2)]


def test_two_processes_that_print_at_once_give_one_number(scene: CityScene) -> None:
    real = scene.ports.database
    meanwhile: list[tuple[NumberedPaper, ...]] = []

    class Racing:
        read = staticmethod(real.read)

        @staticmethod
        def transaction(work: Callable[[Work], T]) -> T:
            # The other process numbers the paper after ours has read that it has no number.
            meanwhile.append(papers(scene, PaperKind.APPLICATION, now=at("2026-09-22 09:00")))
            return real.transaction(work)

    ours = numbered_papers(
        replace(scene.ports, database=Racing()),
        PaperKind.APPLICATION,
        city="suizhou",
        month=OCTOBER,
        now=at("2026-09-22 09:00"),
    )
    assert meanwhile == [ours]
    editions = read(scene, lambda work: work.papers.editions(ours[0].paper))
    assert [edition.edition for edition in editions] == [1]


def test_an_english_paper_bears_the_same_number_and_no_chinese_but_names_and_reasons(
    scene: CityScene,
) -> None:
    play_on(scene)
    quoted = ("农业银行", FINANCE_REASON, "随政办发〔2022〕29号 第九条")
    for kind in PaperKind:
        if kind in {PaperKind.RETURN_SLIP, PaperKind.REVIEW_OPINION}:
            continue
        chinese, english = papers(scene, kind), papers(scene, kind, language="en")
        assert [each.number for each in english] == [each.number for each in chinese]
        for each in english:
            for file_format in FORMATS:
                text = texts(file_of(scene.ports, each, file_format).content, file_format)
                for quote in quoted:
                    text = text.replace(quote, "")
                assert not CHINESE.search(text), text
        for each in chinese:
            assert "Summary" not in texts(file_of(scene.ports, each, "docx").content, "docx")


def test_a_month_without_anything_has_no_papers(transactions: SqlTransactions, tmp_path: Path) -> None:
    empty = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    now = at("2026-09-02 09:00")
    assert papers_of(empty.ports, city="suizhou", month=OCTOBER, now=now) == ()
    for kind in PaperKind:
        with pytest.raises(InputError) as refused:
            paper(empty.ports, kind, city="suizhou", month=OCTOBER, now=now)
        assert refused.value.code == "paper_missing"
    with pytest.raises(InputError) as refused:
        paper(empty.ports, "certificate", city="suizhou", month=OCTOBER, now=now)
    assert refused.value.code == "paper_unknown"


def test_one_of_several_papers_must_be_named(scene: CityScene) -> None:
    play_on(scene)
    about: dict[str, Any] = {"city": "suizhou", "month": OCTOBER, "now": AFTER}
    with pytest.raises(InputError) as refused:
        paper(scene.ports, "account-statement", unit=CUT, **about)
    assert refused.value.code == "paper_ambiguous"
    subject = f"{CUT}/county_expenditure/resident"
    assert subject in str(refused.value.remedy)
    file = paper(scene.ports, "account-statement", subject=subject, file_format="xlsx", **about)
    assert file.name == "account-statement-2026-1-v1-2026-10-421321-county_expenditure-resident.xlsx"
    assert file.media_type.endswith("sheet")


def test_a_slip_that_asks_for_no_correction_is_a_review_opinion(
    transactions: SqlTransactions, tmp_path: Path
) -> None:
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER)
    scene.submit(scene.plan(CUT, requested_fen=5_001_00), "plan", at("2026-09-14 09:00"))
    scene.run("plan-collection", at("2026-09-14 10:00"))
    now = at("2026-09-14 11:00")
    (slip,) = papers(scene, PaperKind.RETURN_SLIP, now=now)
    assert slip.paper.title == "随州市用款计划申请表退回单"
    with pytest.raises(InputError, match="没有审核意见单"):
        papers(scene, PaperKind.REVIEW_OPINION, now=now)
    assert "请于 2026-09-15 前（含当日）更正重报" in texts(file_of(scene.ports, slip, "docx").content, "docx")
    assert has_row(rows_of(file_of(scene.ports, slip, "docx").content, "docx"), "1", "须更正", "M5")
    scene.submit(scene.plan(CUT), "plan", at("2026-09-15 09:00"))
    scene.run("plan-collection", at("2026-09-15 10:00"))
    (opinion,) = papers(scene, PaperKind.REVIEW_OPINION, now=at("2026-09-15 11:00"))
    assert opinion.paper.title == "随州市用款计划申请表审核意见单"
    with pytest.raises(InputError, match="没有退回单"):
        papers(scene, PaperKind.RETURN_SLIP, now=at("2026-09-15 11:00"))


# --- the files -----------------------------------------------------------------------------------

HOSTILE = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "＝1")


def sample(language: Language = "zh", *, is_sandbox: bool = True, text: str = "文字") -> NumberedPaper:
    about: dict[str, Any] = {"city": "suizhou", "period": "2026-10", "subject": ""}
    filled = Paper(
        kind=PaperKind.PLAN_SUMMARY,
        language=language,
        title="题目",
        signing_units=("甲单位", "乙单位"),
        tables=(
            PaperTable(
                columns=(Column("列"), Column("金额", is_money=True)),
                rows=((text, 1_234_567_89), (text, None)),
                total=("合计", 1_234_567_89),
            ),
        ),
        is_sandbox=is_sandbox,
        **about,
    )
    number = PaperNumber(
        kind=filled.kind,
        year=2026,
        serial=7,
        edition=2,
        content_digest=filled.content_digest,
        issued_at=AFTER,
        **about,
    )
    return NumberedPaper(filled, number)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_table_begins_a_formula(text: str) -> None:
    assert rows_of(write_paper(sample(text=text), "docx"), "docx")[1][0] == f"'{text}"
    book = openpyxl.load_workbook(BytesIO(write_paper(sample(text=text), "xlsx")))
    cells = [cell for row in book.worksheets[0].iter_rows() for cell in row if cell.value is not None]
    assert f"'{text}" in {cell.value for cell in cells}
    assert all(cell.data_type in {"s", "n"} for cell in cells)


def test_a_paper_has_number_date_signatures_seals_pages_and_unknown_amounts_as_a_dash() -> None:
    numbered = sample()
    for file_format in FORMATS:
        content = write_paper(numbered, file_format)
        text = texts(content, file_format)
        assert "编号：用款计划汇总表〔2026〕7号　第2版" in text
        assert "2026年11月20日" in text
        for each in ("经办：", "复核：", "负责人：", "甲单位（盖章处）", "乙单位（盖章处）"):
            assert each in text
        assert has_row(rows_of(content, file_format), "文字", 1_234_567_89)
        assert has_row(rows_of(content, file_format), "文字", "—")
    document = docx.Document(BytesIO(write_paper(numbered, "docx")))
    section = document.sections[0]
    assert (round(section.page_width.cm, 1), round(section.page_height.cm, 1)) == (21.0, 29.7)
    assert {"PAGE", "NUMPAGES"} <= set(re.findall(r'w:instr="(\w+)"', section.footer._element.xml))
    assert 'w:eastAsia="仿宋_GB2312"' in document.element.xml
    sheet = openpyxl.load_workbook(BytesIO(write_paper(numbered, "xlsx"))).worksheets[0]
    assert sheet.page_setup.paperSize == 9
    assert sheet.oddFooter.center.text == "第 &P 页 共 &N 页"


@pytest.mark.parametrize(
    ("language", "mark"), [("zh", "沙盒演练，不作凭证"), ("en", "Sandbox exercise, not a voucher")]
)
def test_a_sandbox_s_paper_says_so_on_every_page_and_a_real_one_does_not(
    language: Language, mark: str
) -> None:
    for is_sandbox in (True, False):
        numbered = sample(language, is_sandbox=is_sandbox)
        document = docx.Document(BytesIO(write_paper(numbered, "docx")))
        assert (document.sections[0].header.paragraphs[0].text == mark) is is_sandbox
        sheet = openpyxl.load_workbook(BytesIO(write_paper(numbered, "xlsx"))).worksheets[0]
        assert (sheet.oddHeader.center.text == mark) is is_sandbox
        assert (mark in texts(write_paper(numbered, "xlsx"), "xlsx")) is is_sandbox


def test_control_characters_in_what_a_county_wrote_spoil_no_file() -> None:
    for file_format in FORMATS:
        assert rows_of(write_paper(sample(text="a\x01b\x0bc"), file_format), file_format)


def test_every_kind_of_paper_is_made_and_described() -> None:
    page = (Path(__file__).parents[2] / "docs/papers.md").read_text(encoding="utf-8")
    assert set(PAPERS) == set(PaperKind)
    assert all(f"`{kind}`" in page and kind.in_words("zh") in page for kind in PaperKind)


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_command_lists_the_papers_and_writes_them(
    scene: CityScene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(scene.folder))
    place = ["--city", "suizhou", "--month", "2026-10", "--as-of", "2026-09-22", "--json"]
    assert main(["report", "papers", *place]) == 0
    listed = json.loads(capsys.readouterr().out)["papers"]
    assert [(each["name"], each["number"]) for each in listed] == [
        ("plan-summary", None),
        ("application", None),
        ("overdue-circular", None),
    ]
    assert main(["report", "paper", "application", *place]) == 0
    (application,) = json.loads(capsys.readouterr().out)["papers"]
    assert application["number"] == "用款申请〔2026〕1号　第1版"
    assert application["content_digest"] == listed[1]["content_digest"]
    assert [Path(file).suffix for file in application["files"]] == [".docx", ".xlsx"]
    assert all(Path(file).read_bytes().startswith(b"PK") for file in application["files"])
    assert main(["report", "paper", "allocation-notice", *place]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "paper_missing"
    assert main(["report", "paper", "application", *place, "--county", "999999"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_county"
