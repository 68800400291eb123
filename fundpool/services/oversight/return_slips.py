"""Return slips of the month: what each county learns about its latest version, by when, and what a correction mended.

A slip is derived from what the judgement stored, so it can be written again at any time; the same
judgement gives the same slip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from fundpool.domain.duties import Duty, duties_of
from fundpool.domain.findings import Finding, Severity, Verdict
from fundpool.domain.month import STEPS
from fundpool.domain.month_records import Extension
from fundpool.domain.outcomes import CityInHand, Outcomes, StepInHand, counties_of
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import SHANGHAI, Period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.return_slip import Correction, Deadline, PersonsReturn, ReturnSlip, correction_of
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import DocumentKind, ReceivedFile, Submission
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.documents.document_collection import STEP as DOCUMENT_STEP
from fundpool.services.documents.document_collection import counties_that_filed, periods_of
from fundpool.services.documents.document_kinds import DUTY_OF, intake_of, type_of
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.documents.review import send_back
from fundpool.services.oversight.progress import bad_files
from fundpool.services.payments.installation import notice_of
from fundpool.services.ports.isolation import for_each_city
from fundpool.services.ports.judging import Judgement, Register, SourceFile
from fundpool.services.ports.work import MonthPorts, Work
from schemas.documents import document_type


def return_to_counties(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    document: DocumentKind,
    counties: Sequence[str],
    reason: str,
    by: str,
    now: datetime,
    seen: str | None = None,
) -> tuple[ReviewCase, ...]:
    """A person returns the counties' documents (see ``review.send_back``) and each county gets its slip."""
    cases = send_back(
        ports,
        city=city,
        month=month,
        document=document,
        counties=counties,
        reason=reason,
        by=by,
        now=now,
        seen=seen,
    )
    issue_slips(ports, ports.policies.city(city), document, month=month, counties=counties)
    return cases


@dataclass(frozen=True, slots=True)
class _Issued:
    """A slip and the bytes' digest of the file it is about."""

    slip: ReturnSlip
    sha256: str


def write_slips(
    ports: MonthPorts, step: StepInHand, document: DocumentKind, *, period: Period | None = None
) -> StepInHand:
    """Write the return slips of the period (default: the step's month), city by city; see ``issue_slips``."""

    def write(city: CityInHand) -> Outcomes:
        policy = ports.policies.city(city.request.city)
        issue_slips(
            ports, policy, document, month=period or step.month, counties=counties_of(policy, city.request)
        )
        return city.outcomes

    return for_each_city(step, write)


def write_other_slips(ports: MonthPorts, step: StepInHand) -> StepInHand:
    """Write the slips of the documents beside plan and report, of the counties that filed them, city by city."""
    for document in STEPS[DOCUMENT_STEP].collects:
        for period in periods_of(document, step.month):
            step = for_each_city(step, partial(_write_filed, ports, document, period=period))
    return step


def _write_filed(ports: MonthPorts, document: DocumentKind, city: CityInHand, *, period: Period) -> Outcomes:
    policy = ports.policies.city(city.request.city)
    counties = counties_of(policy, city.request)
    filed = counties_that_filed(ports, policy, document, period=period, counties=counties)
    issue_slips(ports, policy, document, month=period, counties=filed)
    return city.outcomes


def issue_slips(
    ports: MonthPorts, policy: CityPolicy, document: DocumentKind, *, month: Period, counties: Sequence[str]
) -> None:
    """Write a slip for each of ``counties`` whose latest version needs one.

    That is a version with findings that block or go to review, one that a person returned, or one that
    corrects such a version; and every file of the month that nobody could read. A slip that stands is left alone, and the
    slips of earlier versions stay. Raises ServiceUnavailable when the disk does not take them.
    """

    def read(work: Work) -> tuple[list[_Issued], dict[str, bytes]]:
        issued = [
            *_of_versions(work, policy, document, month=month, counties=counties, calendar=ports.calendar),
            *_of_bad_files(work, policy, document, month=month),
        ]
        return issued, work.submissions.cells(each.sha256 for each in issued)

    def source_of(issued: _Issued) -> SourceFile:
        content = ports.database.read(lambda work: raw_content(ports, work, issued.sha256))
        return SourceFile(issued.slip.file, content, cells=cells.get(issued.sha256))

    issued, cells = ports.database.read(read)
    for each in issued:
        ports.slip_folder.write(policy.key, month, each.slip, source=partial(source_of, each))


def slip_of_judgement(
    judgement: Judgement,
    register: Register,
    city_name: str,
    *,
    due: date | None = None,
    correction: Correction | None = None,
) -> ReturnSlip:
    """The slip of a file that was judged outside any month's records."""
    named = (line.month or line.values.get("year") for line in judgement.lines)
    months = sorted({str(period) for period in named if period is not None})
    return ReturnSlip(
        document=judgement.document,
        document_zh=document_type(judgement.document).zh,
        city_name=city_name,
        month="、".join(months) or "–",
        county_names={county.code: county.name_zh for county in register.counties},
        fund_names={fund.key: fund.short_zh for fund in register.funds},
        counties=tuple(dict.fromkeys(line.county for line in judgement.lines if line.county)),
        file=judgement.file,
        sha256=judgement.sha256,
        verdict=judgement.verdict,
        declared=judgement.declared,
        evaluated=judgement.evaluated,
        findings=judgement.findings,
        deadline=None if due is None else Deadline(due, "", ""),
        correction=correction,
    )


def slips_of(
    work: Work,
    policy: CityPolicy,
    document: DocumentKind,
    *,
    month: Period,
    counties: Sequence[str],
    calendar: WorkCalendar,
) -> list[ReturnSlip]:
    """The slips of the counties' latest versions that need one (see ``issue_slips``), as they are now."""
    issued = _of_versions(work, policy, document, month=month, counties=counties, calendar=calendar)
    return [each.slip for each in issued]


def _of_versions(
    work: Work,
    policy: CityPolicy,
    document: DocumentKind,
    *,
    month: Period,
    counties: Sequence[str],
    calendar: WorkCalendar,
) -> list[_Issued]:
    by_county: dict[str, list[Submission]] = {}
    for version in work.submissions.versions(policy.key, document, month):
        by_county.setdefault(version.county, []).append(version)
    duties = {duty.key: duty for duty in duties_of(policy, month, calendar)}
    extensions = work.records.extensions(policy.key, month)
    issued = []
    for county in counties:
        judged = [version for version in by_county.get(county, []) if version.judged_at is not None]
        if judged and judged[-1] is by_county[county][-1]:
            slip = _slip(work, policy, judged, duties=duties, extensions=extensions)
            if slip is not None:
                issued.append(_Issued(slip, judged[-1].sha256))
    return issued


def _slip(
    work: Work,
    policy: CityPolicy,
    judged: Sequence[Submission],
    *,
    duties: Mapping[str, Duty],
    extensions: Sequence[Extension],
) -> ReturnSlip | None:
    """The slip of the last of ``judged``; None when it needs none."""
    version, before = judged[-1], judged[-2] if len(judged) > 1 else None
    judgement = work.submissions.judgement(version.id)
    assert judgement is not None
    assert version.judged_at is not None
    earlier = () if before is None else work.submissions.findings(before.id)
    returned = None
    if version.returned_at is not None and version.returned_by not in {None, SYSTEM}:
        returned = PersonsReturn(version.return_reason or "", version.returned_by or "", version.returned_at)
    findings = (*judgement.findings, *earlier)
    if returned is None and all(finding.severity is Severity.NOTE for finding in findings):
        return None
    notified_on = (returned.at if returned else version.judged_at).astimezone(SHANGHAI).date()
    slip = _blank(work, policy, version.document, period=version.month)
    return ReturnSlip(
        **slip,
        counties=(version.county,),
        file=version.file_name,
        sha256=version.sha256,
        verdict=judgement.verdict,
        declared=judgement.declared,
        evaluated=judgement.evaluated,
        findings=judgement.findings,
        version=version.version,
        returned=returned,
        deadline=(
            deadline_of(duties, extensions, version.document, county=version.county, notified_on=notified_on)
            if returned is not None or judgement.verdict is Verdict.RETURN
            else None
        ),
        correction=None if before is None else correction_of(earlier, judgement.findings),
        judged_on=version.judged_at.astimezone(SHANGHAI).date(),
    )


def _of_bad_files(work: Work, policy: CityPolicy, document: DocumentKind, *, month: Period) -> list[_Issued]:
    return [
        _Issued(_unread(work, policy, file, month=month), file.sha256)
        for file in bad_files(work, policy, document, month=month)
        if file.problem is not None
    ]


def _unread(work: Work, policy: CityPolicy, file: ReceivedFile, *, month: Period) -> ReturnSlip:
    """The slip of a file that could not be taken in: it is no county's version and has one finding, its problem."""
    assert file.problem is not None
    finding = Finding(
        rule=file.problem.code,
        severity=Severity.BLOCK,
        message_zh=file.problem.zh,
        message_en=file.problem.en,
        remedy=file.problem.remedy,
        basis="读表规则 / rules of reading",
    )
    return ReturnSlip(
        **_blank(work, policy, file.document, period=month),
        counties=(file.declared_county,) if file.declared_county else (),
        file=file.file_name,
        sha256=file.sha256,
        verdict=Verdict.RETURN,
        declared=0,
        evaluated=0,
        findings=(finding,),
        judged_on=file.received_at.astimezone(SHANGHAI).date(),
    )


def _blank(work: Work, policy: CityPolicy, document: DocumentKind, *, period: Period) -> dict[str, Any]:
    register = Register.of(policy.units, policy.funds, policy.name_zh)
    return {
        "document": document.value,
        "document_zh": type_of(document).zh,
        "city_name": policy.name_zh,
        "month": str(period),
        "notice": notice_of(work),
        "county_names": {county.code: county.name_zh for county in register.counties},
        "fund_names": {fund.key: fund.short_zh for fund in register.funds},
    }


def deadline_of(
    duties: Mapping[str, Duty],
    extensions: Sequence[Extension],
    document: DocumentKind,
    *,
    county: str,
    notified_on: date,
) -> Deadline | None:
    """By when a county must correct what its slip of ``notified_on`` names; None where no text sets a day.

    Its own last day (an extension's where there is one); after that the day on which the city goes
    on with what it has; after that, at once.
    """
    own = duties.get(DUTY_OF[document] or "")
    if own is None or own.due is None:
        return None
    article = f"{own.basis.document} {own.basis.section}"
    extended = [
        extension
        for extension in extensions
        if extension.duty == own.key and extension.unit in {None, county}
    ]
    if extended and (longest := max(extended, key=lambda extension: extension.until)).until >= notified_on:
        return Deadline(
            longest.until,
            f"经批准延期（{longest.document_number}，{longest.approver}）",
            f"extended by {longest.document_number}, approved by {longest.approver}",
        )
    day = own.act_by if own.act_by is not None and own.act_by >= notified_on else own.due
    if day >= notified_on:
        return Deadline(day, f"报送期限（{article}）", f"last day to file ({article})")
    following = duties.get(intake_of(document).goes_on_with or "")
    going_on = following and (following.act_by or following.due)
    if following and going_on and going_on >= notified_on:
        article = f"{following.basis.document} {following.basis.section}"
        return Deadline(
            going_on,
            f"报送期限 {own.due} 已过；此日之后市级按已审定的县区办理（{article}）",
            f"the day to file was {own.due}; after this day the city goes on with the counties it has ({article})",
        )
    return Deadline(None, f"报送期限 {own.due} 已过", f"the day to file was {own.due}")
