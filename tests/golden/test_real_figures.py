"""County tables as printed on public pages: those that add up tie, those that do not are caught at the cell.

The figures are income, spending and balances of real county funds (万元 in the source where marked,
turned into yuan here), put into the form of an expenditure report. Three carry printed errors.
"""

from dataclasses import dataclass

import pytest

from expectations.runner import judge
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.domain.money import format_yuan, parse_yuan
from fundpool.services.ports.judging import (
    County,
    Judgement,
    JudgingContext,
    Register,
    SourceFile,
    judge_files,
)
from schemas.documents.report import ITEM_KEYS, YEAR_ITEM_KEYS
from tests.golden import sample_documents as sample

WAN = 10_000
PLACES = (
    County("331127", "景宁畲族自治县", ("景宁县", "景宁")),
    County("330825", "龙游县"),
    County("410505", "殷都区"),
    County("654201", "塔城市"),
)


@dataclass(frozen=True)
class Printed:
    """A line as printed: amounts in yuan unless ``times`` says 万元."""

    source: str
    county: County
    fund: str
    opening: str
    income: str
    spending_parts: tuple[str, ...]
    spending: str
    closing: str
    times: int = 1
    wrong: tuple[str, str, str] | None = None
    """Rule, field and what the arithmetic gives, where the print is wrong."""

    @property
    def name(self) -> str:
        return f"{self.county.name_zh} {self.fund} {self.source}"

    def fen(self, text: str) -> int:
        return parse_yuan(text) * self.times


TABLE = (
    Printed(
        "jingning.gov.cn 2023 Q1", PLACES[0], "employee", "28756", "4563", ("3551",), "3551", "29768", WAN
    ),
    Printed("jingning.gov.cn 2023 Q1", PLACES[0], "resident", "9055", "116", ("3870",), "3870", "5301", WAN),
    Printed(
        "Longyou 2025 Q1", PLACES[1], "resident", "15382.24", "7880.62", ("9084.49", "1.33"), "9185.82", "14077.04",
        WAN, ("REPORT-013", "spending_fen", "90,858,200.00"),
    ),
    Printed(
        "Yindu 2023", PLACES[2], "resident", "35909012.81", "209053002.15", ("183128100.94", "1690339.39"), "184818440.33",
        "60153703.18", 1, ("REPORT-014", "closing_fen", "60,143,574.63"),
    ),
    Printed(
        "Yindu 2023", PLACES[2], "employee", "9716076.16", "128254786.99", ("123562203.60",), "123562203.60", "14408659.55"
    ),
    Printed(
        "Yindu 2025 H1", PLACES[2], "resident", "59839830.12", "94180226.62", ("97984998.69",), "97984998.69", "56035058.05"
    ),
    Printed(
        "Yindu 2025 H1", PLACES[2], "employee", "17688777.13", "47100150.79", ("52410237.98",), "52410237.98", "12378689.94",
    ),
    Printed(
        "Tacheng 2024", PLACES[3], "employee", "1079.96", "21772.41", ("21885.53",), "21885.53", "996.84", WAN,
        ("REPORT-014", "closing_fen", "9,668,400.00"),
    ),
    Printed("Tacheng 2024", PLACES[3], "resident", "354.15", "8689.16", ("8915.30",), "8915.30", "128.01", WAN),
)  # fmt: skip


def report_of(printed: Printed) -> bytes:
    row: sample.Row = {
        "county_code": printed.county.code,
        "county_name": printed.county.name_zh,
        "fund": printed.fund,
    }
    row |= {"opening_fen": printed.fen(printed.opening), "received_fen": printed.fen(printed.income)}
    row |= dict.fromkeys(("interest_fen", "returned_fen", "remitted_fen"), 0)
    parts = [printed.fen(part) for part in printed.spending_parts]
    for keys in (ITEM_KEYS, YEAR_ITEM_KEYS):
        row |= {key: parts[place] if place < len(parts) else 0 for place, key in enumerate(keys)}
    row |= {"spending_fen": printed.fen(printed.spending), "closing_fen": printed.fen(printed.closing)}
    return sample.file_bytes("report", [row])


@pytest.fixture(scope="module")
def answers() -> dict[str, Judgement]:
    context = JudgingContext(Register(PLACES), sample.MONTH)
    files = [SourceFile(printed.name, report_of(printed)) for printed in TABLE]
    judged = judge_files(files, "report", context, read=read_documents, judge=judge)
    return {judgement.file: judgement for judgement in judged}


@pytest.mark.parametrize("printed", TABLE, ids=lambda printed: printed.name)
def test_printed_sums_are_checked_to_the_fen(printed: Printed, answers: dict[str, Judgement]) -> None:
    answer = answers[printed.name]
    arithmetic = [finding for finding in answer.findings if finding.rule in {"REPORT-013", "REPORT-014"}]
    if printed.wrong is None:
        assert arithmetic == []
        return
    rule, field, expected = printed.wrong
    (finding,) = arithmetic
    assert (finding.rule, finding.expected) == (rule, expected)
    assert finding.cell == answer.lines[0].cells[field]
    stated = printed.spending if field == "spending_fen" else printed.closing
    assert finding.found == format_yuan(printed.fen(stated))
