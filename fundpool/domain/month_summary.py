"""The city's summary of the counties' monthly reports, as filed with finance."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from fundpool.domain.periods import Month

SUMMARY_FIELDS = (
    "opening_fen",
    "received_fen",
    "interest_fen",
    "returned_fen",
    "inpatient_fen",
    "outpatient_fen",
    "chronic_fen",
    "maternity_fen",
    "remote_fen",
    "personal_account_fen",
    "spending_fen",
    "remitted_fen",
    "closing_fen",
)
"""Columns of the summary: the fields of the county's report, in its order."""


REMARK_KINDS_ZH = {
    "late": "迟办",
    "overdue": "逾期",
    "missing": "缺报",
    "returned": "退回",
    "inconsistent": "不一致",
    "unreadable": "无法读取",
    "extended": "延期",
    "nil": "零申报",
}
"""The kinds of flags that the plain list names, as an official reads them."""


class RowStatus(StrEnum):
    """Where a county's figures stand in the summary."""

    ACCEPTED = "accepted"
    """Accepted; its figures are in the totals."""
    NIL = "nil"
    """Explicit nil return."""
    UNDER_REVIEW = "under_review"
    """Filed, not yet accepted; not in the totals."""
    RETURNED = "returned"
    """Gone back to the county; not in the totals."""
    MISSING = "missing"
    """Nothing filed; not in the totals and never taken as zero."""


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One county × scheme; ``figures_fen`` None where nothing is accepted, else from ``submission_id``."""

    county: str
    county_name: str
    fund: str
    status: RowStatus
    figures_fen: Mapping[str, int] | None
    submission_id: int | None = None


@dataclass(frozen=True, slots=True)
class SummaryRemark:
    """One entry of the plain list: who was late, missing or inconsistent, by which article."""

    unit: str
    unit_name: str
    kind: str
    message_zh: str
    days: int | None
    basis: str | None


@dataclass(frozen=True, slots=True)
class MonthSummary:
    """All rows of one city and month, in order of scheme and register."""

    city: str
    city_name: str
    month: Month
    prepared_on: date
    funds: tuple[tuple[str, str], ...]
    """Key and Chinese name of each scheme."""
    rows: tuple[SummaryRow, ...]
    remarks: tuple[SummaryRemark, ...] = field(default=())
    notice: str | None = None
    """What the paper says of the installation: that it is a sandbox."""

    def rows_of(self, fund: str) -> tuple[SummaryRow, ...]:
        return tuple(row for row in self.rows if row.fund == fund)

    def totals_fen(self, fund: str) -> Mapping[str, int]:
        """Sums over the accepted rows only."""
        accepted = [row.figures_fen for row in self.rows_of(fund) if row.figures_fen is not None]
        return {name: sum(figures.get(name, 0) for figures in accepted) for name in SUMMARY_FIELDS}

    @property
    def content_digest(self) -> str:
        """SHA-256 over the figures and statuses, without the day of preparation and the list of remarks."""
        content = [
            self.city,
            str(self.month),
            [
                [row.county, row.fund, row.status, dict(sorted((row.figures_fen or {}).items()))]
                for row in self.rows
            ],
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def plain_list(summary: MonthSummary) -> str:
    """Who was late, missing or inconsistent, a line each: the day, the case, the days, the article."""
    title = f"{summary.city_name}{summary.month}迟报、缺报与不一致清单（截至 {summary.prepared_on}）"
    lines = [_remark_line(number, remark) for number, remark in enumerate(summary.remarks, start=1)]
    return "\n".join([title, "", *(lines or ["无。"])]) + "\n"


def _remark_line(number: int, remark: SummaryRemark) -> str:
    kind = REMARK_KINDS_ZH[remark.kind]
    days = "" if remark.days is None else f" {remark.days} 天"
    basis = "" if remark.basis is None else f"　依据：{remark.basis}"
    return f"{number}. {remark.unit_name}（{remark.unit}）{kind}{days}：{remark.message_zh}{basis}"
