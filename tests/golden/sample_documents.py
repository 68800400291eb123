"""Clean documents of two counties, and the ways to spoil them that tests share."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fundpool.adapters.documents.workbooks import Value, complete, write_document
from fundpool.domain.credit_code import check_character
from fundpool.domain.periods import Month
from fundpool.services.ports.judging import County, JudgingContext, Register
from schemas.documents import document_type
from schemas.documents.base import ITEMS

MONTH = Month(2026, 10)
JIAOJIANG = County("331002", "椒江区", ("椒江",), "Jiaojiang")
HUANGYAN = County("331003", "黄岩区", (), "Huangyan")
REGISTER = Register(
    (JIAOJIANG, HUANGYAN, County("331000-TZW", "台州湾新区", ("台州湾",), "Taizhou Bay")), city_zh="台州市"
)

Row = dict[str, Value]
Edit = Callable[[list[Row]], Any]

_ITEM_FEN = {
    "employee": (812_345_600, 215_080_050, 96_400_125, 30_550_000, 44_120_075, 150_000_010),
    "resident": (633_210_400, 120_777_025, 58_300_500, 12_000_000, 39_400_035, 0),
}
PLANNED_FEN = {fund: sum(amounts) for fund, amounts in _ITEM_FEN.items()}
_OPENING_FEN = {"employee": 420_000_000, "resident": 310_000_000}
_CUMULATIVE_FEN = {fund: 9 * amount for fund, amount in PLANNED_FEN.items()}


def _row(fund: str, county: County) -> Row:
    return {"county_code": county.code, "county_name": county.name_zh, "month": str(MONTH), "fund": fund}


def plan_rows(county: County = JIAOJIANG) -> list[Row]:
    rows = []
    for fund, amounts in _ITEM_FEN.items():
        items = {f"{key}_fen": amount for (key, _, _), amount in zip(ITEMS, amounts, strict=True)}
        last_year = {"last_year_fen": PLANNED_FEN[fund] * 95 // 100}
        rows.append({**_row(fund, county), **items, "available_fen": 100_000_000, **last_year})
    return rows


def report_rows(county: County = JIAOJIANG) -> list[Row]:
    rows = []
    for fund, amounts in _ITEM_FEN.items():
        row = _row(fund, county)
        row |= {"opening_fen": _OPENING_FEN[fund], "received_fen": PLANNED_FEN[fund] + 5_000_000}
        row |= {"interest_fen": 12_345, "returned_fen": 67_800, "remitted_fen": 0}
        for (key, _, _), amount in zip(ITEMS, amounts, strict=True):
            row |= {f"{key}_fen": amount, f"year_{key}_fen": 10 * amount}
        rows.append(row | {"last_year_fen": PLANNED_FEN[fund] * 95 // 100})
    return rows


def payer_rows(county: County = JIAOJIANG) -> list[Row]:
    rows = []
    for number, name in enumerate(("海门造船有限公司", "东山药业有限公司", "第一中学"), start=1):
        body = f"9133100{number}MA2AAAAA{number}"
        base = 1_000_000_00 * number
        rows.append(
            {
                **_row("employee", county),
                "credit_code": body + check_character(body),
                "payer_name": name,
                "insured_persons": 120 * number,
                "base_fen": base,
                "employer_fen": base * 8 // 100,
                "personal_fen": base * 2 // 100,
                "paid_on": f"2026-10-{10 + number}",
                "voucher": f"331002261000000{number}",
            }
        )
    return rows


def statement_rows(county: County = JIAOJIANG) -> list[Row]:
    moves: list[tuple[str, int]] = [
        ("credit_fen", 900_000_00),
        ("debit_fen", 250_000_50),
        ("debit_fen", 100_00),
    ]
    balance = 4_200_000_00
    rows: list[Row] = []
    for number, (side, amount) in enumerate(moves, start=1):
        balance += amount if side == "credit_fen" else -amount
        rows.append(
            {
                **_row("employee", county),
                "account": "33010122090000123",
                "booked_on": f"2026-10-{10 + number}",
                "serial": f"20261000{number}",
                side: amount,
                "balance_fen": balance,
                "counterparty": "台州市医疗保险基金支出户",
            }
        )
    return rows


def subsidy_rows(county: County = JIAOJIANG) -> list[Row]:
    shares = {"中央": 250_000_000_00, "省级": 120_000_000_00, "市级": 30_000_000_00, "县级": 90_000_000_00}
    return [
        {
            **_row("resident", county),
            "level": level,
            "insured_persons": 412_345,
            "due_fen": due,
            "arrived_fen": due // 10,
            "year_arrived_fen": due // 2,
        }
        for level, due in shares.items()
    ]


def interest_rows(county: County = JIAOJIANG) -> list[Row]:
    return [
        {
            **_row(fund, county),
            "account": account,
            "bank": "农业银行台州分行",
            "average_balance_fen": 900_000_000,
            "held_before_fen": 0,
            "interest_fen": 450_000,
            "passed_on_fen": 400_000,
        }
        for fund, account in (("employee", "33010122090000123"), ("resident", "33010122090000456"))
    ]


def working_capital_rows(county: County = JIAOJIANG) -> list[Row]:
    rows = []
    for fund, planned in PLANNED_FEN.items():
        average = (2 * 11 * planned + 11) // 22
        amounts = {
            "payments_fen": 11 * planned,
            "average_fen": average,
            "quota_fen": 2 * average,
            "held_fen": 1_000_000,
        }
        rows.append({**_row(fund, county), "months": 11, **amounts})
    return rows


def _account_rows(county: County) -> list[Row]:
    rows = []
    for fund, planned in PLANNED_FEN.items():
        income = {"contributions_fen": 11 * planned, "subsidies_fen": planned, "interest_fen": 5_000_000}
        income |= {"transferred_in_fen": 1_000_000, "from_above_fen": 0, "other_income_fen": 0}
        spending = {
            "benefits_fen": 11 * planned,
            "transferred_out_fen": 900_000,
            "remitted_fen": 0,
            "other_spending_fen": 0,
        }
        rows.append({**_row(fund, county), **income, **spending, "opening_fen": 9 * planned})
    return rows


def budget_rows(county: County = JIAOJIANG) -> list[Row]:
    last_year = [(11 * planned, 10 * planned) for planned in PLANNED_FEN.values()]
    return [
        {**row, "last_year_income_fen": income, "last_year_spending_fen": spending}
        for row, (income, spending) in zip(_account_rows(county), last_year, strict=True)
    ]


def final_rows(county: County = JIAOJIANG) -> list[Row]:
    return [
        {**row, "budget_income_fen": 12 * planned, "budget_spending_fen": 11 * planned + 900_000}
        for row, planned in zip(_account_rows(county), PLANNED_FEN.values(), strict=True)
    ]


CLEAN: Mapping[str, Callable[[], list[Row]]] = {
    "plan": plan_rows,
    "report": report_rows,
    "payer-detail": payer_rows,
    "statement": statement_rows,
    "subsidy": subsidy_rows,
    "interest": interest_rows,
    "working-capital": working_capital_rows,
    "annual-budget": budget_rows,
    "final-account": final_rows,
}


def context() -> JudgingContext:
    """What is known of 椒江区; of 黄岩区 nothing is."""
    county = JIAOJIANG.code
    return JudgingContext(
        REGISTER,
        MONTH,
        {
            "budget_left_fen": {(county, fund): amount * 3 for fund, amount in PLANNED_FEN.items()},
            "last_closing_fen": {(county, fund): amount for fund, amount in _OPENING_FEN.items()},
            "last_cumulative_fen": {(county, fund): amount for fund, amount in _CUMULATIVE_FEN.items()},
            **{
                f"last_cumulative_{key}_fen": {
                    (county, fund): 9 * amounts[number] for fund, amounts in _ITEM_FEN.items()
                }
                for number, (key, _, _) in enumerate(ITEMS)
            },
            "ledger_received_fen": {(county, fund): fen + 5_000_000 for fund, fen in PLANNED_FEN.items()},
            "recent_monthly_spending_fen": {(county, fund): [fen] * 3 for fund, fen in PLANNED_FEN.items()},
            **_further(county),
        },
    )


def _further(county: str) -> dict[str, dict[tuple[str, ...], int]]:
    """What the books know of 椒江区 that one document alone is held against, as the clean documents say it."""
    spending = {fund: 11 * planned + 900_000 for fund, planned in PLANNED_FEN.items()}
    facts: dict[str, dict[str, int]] = {
        "ledger_income_fen": {"employee": 600_000_00},
        "ledger_subsidies_fen": {"resident": 49_000_000_00},
        "ledger_interest_fen": dict.fromkeys(PLANNED_FEN, 450_000),
        "quota_permille": dict.fromkeys(PLANNED_FEN, 2000),
        "quota_months": dict.fromkeys(PLANNED_FEN, 11),
        "quota_payments_fen": {fund: 11 * planned for fund, planned in PLANNED_FEN.items()},
        "year_granted_fen": {fund: 5 * planned for fund, planned in PLANNED_FEN.items()},
        "year_spending_fen": {fund: 11 * planned for fund, planned in PLANNED_FEN.items()},
        "planned_income_fen": {fund: 12 * planned for fund, planned in PLANNED_FEN.items()},
        "last_year_closing_fen": {fund: 9 * planned for fund, planned in PLANNED_FEN.items()},
        "year_budget_fen": spending,
    }
    lines = {
        "last_arrived_fen": {
            (county, "resident", row["level"]): row["year_arrived_fen"] - row["arrived_fen"]
            for row in subsidy_rows()
        },
        "last_held_fen": {(county, row["fund"], row["account"]): 0 for row in interest_rows()},
    }
    of_funds = {name: {(county, fund): amount for fund, amount in of.items()} for name, of in facts.items()}
    # 黄岩区 lies, for the sake of one check, in a city whose documents provide no working capital.
    nowhere = {(HUANGYAN.code, fund): 0 for fund in PLANNED_FEN}
    return {**of_funds, **lines, "quota_permille": {**of_funds["quota_permille"], **nowhere}}


def completed(document: str, rows: list[Row]) -> list[Row]:
    """Rows with the sums filled in, so that a test can then spoil one of them."""
    return [complete(document_type(document), row, MONTH) for row in rows]


def file_bytes(document: str, rows: list[Row], suffix: str = ".xlsx", **options: Any) -> bytes:
    """The bytes of a document in the format that ``suffix`` names."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        write_document(path, document, "台州市", month=MONTH, rows=rows, mark="合成数据 synthetic", **options)
        return path.read_bytes()


# --- spoiling a workbook's parts ----------------------------------------------------------------

SHEET = "xl/worksheets/sheet1.xml"


def rezip(parts: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of ``parts`` whose bytes depend on nothing else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, compression)
    return buffer.getvalue()


def unzip(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_part(content: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """The workbook with one XML part changed; fails if the change changes nothing."""
    parts = unzip(content)
    before = parts[name].decode("utf-8")
    after = change(before)
    assert after != before, f"{name} is unchanged"
    parts[name] = after.encode("utf-8")
    return rezip(parts)


def with_cell(content: bytes, reference: str, cell: str) -> bytes:
    """The workbook with the XML of one cell of the sheet replaced by ``cell``."""
    pattern = re.compile(rf'<c r="{reference}"[^>]*?(/>|>.*?</c>)')
    return with_part(content, SHEET, lambda xml: pattern.sub(lambda _: cell, xml, count=1))


def with_number_format(content: bytes, reference: str, value: str, number_format: str) -> bytes:
    """The workbook with the number ``value`` in one cell of the sheet, under a number format of its own."""
    styles = "xl/styles.xml"
    xml = unzip(content)[styles].decode()
    style = len(re.findall(r"<xf ", xml.partition("<cellXfs")[2].partition("</cellXfs>")[0]))
    code = number_format.replace('"', "&quot;")
    added = with_part(
        content,
        styles,
        lambda xml: xml.replace(
            "</numFmts>", f'<numFmt numFmtId="190" formatCode="{code}"/></numFmts>'
        ).replace("</cellXfs>", '<xf numFmtId="190"/></cellXfs>'),
    )
    return with_cell(added, reference, f'<c r="{reference}" s="{style}"><v>{value}</v></c>')
