"""The return slip (退回单): the findings on one version of a county's document, and the deadline to correct it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fundpool.domain.findings import Finding, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Correction:
    """What a corrected file did to the findings on the earlier one."""

    gone: tuple[Finding, ...]
    still: tuple[Finding, ...]
    new: tuple[Finding, ...]


def correction_of(before: Sequence[Finding], after: Sequence[Finding]) -> Correction:
    """Compare findings of two versions: the same check on the same county, fund and column is the same one.

    A row that moved up or down is still the county's row of that fund, so its number is left out; where
    county or fund are not known, the cell identifies the finding.
    """
    known, today = {_identity(finding) for finding in before}, {_identity(finding) for finding in after}
    return Correction(
        gone=tuple(finding for finding in before if _identity(finding) not in today),
        still=tuple(finding for finding in after if _identity(finding) in known),
        new=tuple(finding for finding in after if _identity(finding) not in known),
    )


def _identity(finding: Finding) -> tuple[str | None, ...]:
    # What is wrong with a total or a signature has no fund and no row.
    is_placed = finding.county is not None and (finding.fund is not None or finding.row is None)
    cell = (finding.cell or "").rstrip("0123456789") if is_placed else finding.cell
    return finding.rule, finding.county, finding.fund, cell


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day for the correction, None for "at once"; ``why`` is the rule that sets it, with its article."""

    day: date | None
    why_zh: str
    why_en: str


@dataclass(frozen=True, slots=True)
class PersonsReturn:
    """A person sent the document back, whatever the checks found."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnSlip:
    """One slip, for one county's version or for one file that nobody could read.

    ``version`` None: a file outside the month's records (``fundpool check``, or unreadable).
    ``correction`` compares with the findings on the county's version before.
    """

    document: str
    document_zh: str
    city_name: str
    month: str
    county_names: Mapping[str, str]
    """Code and name of every county the slip or its findings may speak of."""
    fund_names: Mapping[str, str]
    counties: tuple[str, ...]
    """Codes of the counties the file speaks for; empty when none was recognised."""
    file: str
    sha256: str
    verdict: Verdict
    declared: int
    evaluated: int
    findings: tuple[Finding, ...]
    version: int | None = None
    returned: PersonsReturn | None = None
    deadline: Deadline | None = None
    correction: Correction | None = None
    judged_on: date | None = None
    notice: str | None = None
    """What the paper says of the installation: that it is a sandbox."""

    @property
    def name_zh(self) -> str:
        """A paper that asks for no correction is no 退回单."""
        return "退回单" if self.must_correct else "审核意见单"

    @property
    def title(self) -> str:
        return f"{self.city_name}{self.document_zh}{self.name_zh}"

    @property
    def county(self) -> str:
        """Names of the counties the file speaks for."""
        names = [self.county_names.get(code, code) for code in self.counties]
        return "、".join(names) or "（未能识别 / not recognised）"

    @property
    def must_correct(self) -> bool:
        """Whether the county has something to do: not for a pass, nor for what only a reviewer weighs."""
        return self.returned is not None or self.verdict is Verdict.RETURN

    @property
    def what_to_do(self) -> tuple[str, str, str, str]:
        """What to do by when, and why that day: Chinese and English of each."""
        if not self.must_correct:
            if self.verdict is Verdict.REVIEW:
                return (
                    "暂不须重报：由市级人工复核",
                    "nothing to file again for now: the city's reviewer decides",
                    "可备好说明或更正后的文件",
                    "have an explanation or a corrected file at hand",
                )
            return "不须更正", "nothing to correct", "", ""
        if self.deadline is None:
            return (
                "请更正后重报；期限由市级经办机构另行通知",
                "please correct and file again; the city agency will tell the deadline",
                "",
                "",
            )
        why = self.deadline.why_zh, self.deadline.why_en
        if self.deadline.day is None:
            return "请立即更正重报", "please correct and file again at once", *why
        day = self.deadline.day.isoformat()
        return f"请于 {day} 前（含当日）更正重报", f"please correct and file again by {day}", *why

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity is severity for finding in self.findings)
