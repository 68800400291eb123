"""The city's monthly summary: built from accepted reports, filed as a workbook, kept by its SHA-256."""

import hashlib
from datetime import datetime

from fundpool.domain.duties import duties_of
from fundpool.domain.month_records import Filing
from fundpool.domain.month_summary import (
    REMARK_KINDS_ZH,
    SUMMARY_FIELDS,
    MonthSummary,
    RowStatus,
    SummaryRemark,
    SummaryRow,
    plain_list,
)
from fundpool.domain.outcomes import StepRequest, UnitOutcome, UnitState
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.oversight.flags import flags_of
from fundpool.services.oversight.progress import FILING_DUTY, FOLLOWED, MonthFacts, month_facts, progress_of
from fundpool.services.payments.installation import notice_of
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import Flag

_REMARKED = {None, *(document for key, document in DOCUMENT_OF.items() if key in FOLLOWED)}
"""What the month's list tells of: its duties and the documents it owes, not the lists filed beside them."""


def file_summary(ports: MonthPorts, request: StepRequest) -> tuple[UnitOutcome, ...]:
    """File the city's summary of the month's reports.

    Waits for the counties until the last day to act (where the text sets no day, until the month
    after the reported one is over); then files what is accepted and names who is missing. Figures
    that changed since are filed as a new version; the same figures are filed once.
    """
    policy = ports.policies.city(request.city)
    # One snapshot: what another run files after our summary must not pass for older than it.
    summary, filed = ports.database.read(
        lambda work: (
            summary_of(ports, work, policy, month=request.month, now=request.now),
            work.records.filings(policy.key, request.month),
        )
    )
    outcomes = [_row_outcome(row) for row in summary.rows]
    if not any(row.status in {RowStatus.ACCEPTED, RowStatus.NIL} for row in summary.rows):
        return (
            *outcomes,
            _city(policy, UnitState.WAITING, "没有已收下的报表", en="no report is accepted yet"),
        )
    complete = all(row.status in {RowStatus.ACCEPTED, RowStatus.NIL} for row in summary.rows)
    if not filed and not complete and may_wait(ports, policy, request):
        return (
            *outcomes,
            _city(policy, UnitState.WAITING, "等县区报表", en="waiting for the counties' reports"),
        )
    if not filed or filed[-1].content_digest != summary.content_digest:
        _file(ports, policy, request, summary=summary, version=len(filed) + 1)
    state = UnitState.DONE if complete else UnitState.FLAGGED
    absent = sum(row.status not in {RowStatus.ACCEPTED, RowStatus.NIL} for row in summary.rows)
    return (
        *outcomes,
        _city(
            policy,
            state,
            "已备案" if complete else f"已备案，缺 {absent} 项未列入合计",
            en="filed" if complete else f"filed without {absent} rows that are not in the totals",
        ),
    )


def filings_of(ports: MonthPorts, city: str, month: Month) -> tuple[Filing, ...]:
    """What was filed for the month, version by version."""
    policy = ports.policies.city(city)
    return ports.database.read(lambda work: work.records.filings(policy.key, month))


def files_of(ports: MonthPorts, city: str, month: Month, *, now: datetime) -> tuple[tuple[str, bytes], ...]:
    """Name and bytes of every filed workbook, or of a draft when none is filed yet, and of the plain list.

    The list is as of ``now``: a county that was late stays on it, one that has filed since is no longer missing.
    """
    policy = ports.policies.city(city)
    summary = ports.database.read(lambda work: summary_of(ports, work, policy, month=month, now=now))
    filings = filings_of(ports, city, month)
    workbooks = ports.database.read(
        lambda work: [(filing.file_name, raw_content(ports, work, filing.sha256)) for filing in filings]
    )
    if not workbooks:
        draft = f"{policy.name_zh}{month}基金支出汇总表-草稿.xlsx"
        workbooks = [(draft, ports.write_summary(summary))]
    # With its byte order mark, so that Windows' editor does not take it for GBK.
    listed = plain_list(summary).encode("utf-8-sig")
    return (*workbooks, (f"{policy.name_zh}{month}迟报缺报与不一致清单.txt", listed))


def summary_of(
    ports: MonthPorts, work: Work, policy: CityPolicy, *, month: Month, now: datetime
) -> MonthSummary:
    """The summary as it would be filed now."""
    facts = month_facts(work, policy, month)
    progress = progress_of(policy, month, ports.calendar, facts=facts, now=now)
    names = {unit.code: unit.name_zh for unit in policy.units}
    return MonthSummary(
        city=policy.key,
        city_name=policy.name_zh,
        month=month,
        prepared_on=now.astimezone(SHANGHAI).date(),
        funds=tuple((fund.key, fund.name_zh) for fund in policy.funds),
        rows=tuple(
            _row(work, facts, county, name=name, fund=fund.key)
            for fund in policy.funds
            for county, name in names.items()
        ),
        remarks=tuple(
            _remark(flag, policy)
            for flag in flags_of(work, policy, facts, progress=progress)
            if flag.kind in REMARK_KINDS_ZH and flag.document in _REMARKED
        ),
        notice=notice_of(work),
    )


def _row(work: Work, facts: MonthFacts, county: str, *, name: str, fund: str) -> SummaryRow:
    case = next((case for case in facts.cases_of_report.get(county, ()) if case.fund == fund), None)
    if case is not None and case.is_decided:
        return SummaryRow(
            county,
            name,
            fund,
            status=RowStatus.ACCEPTED,
            figures_fen=_figures(work, case),
            submission_id=case.submission_id,
        )
    if (DocumentKind.REPORT, county) in facts.nil_returns:
        return SummaryRow(county, name, fund, status=RowStatus.NIL, figures_fen=None)
    versions = facts.versions.get((DocumentKind.REPORT, county), ())
    if not versions:
        status = RowStatus.MISSING
    else:
        status = RowStatus.UNDER_REVIEW if versions[-1].stands else RowStatus.RETURNED
    return SummaryRow(county, name, fund, status=status, figures_fen=None)


def _figures(work: Work, case: ReviewCase) -> dict[str, int]:
    return {
        figure.field: figure.amount_fen or 0
        for figure in work.submissions.figures(case.submission_id)
        if figure.fund == case.fund and figure.field in SUMMARY_FIELDS
    }


def _remark(flag: Flag, policy: CityPolicy) -> SummaryRemark:
    basis = f"{flag.basis.document} {flag.basis.section}".rstrip() if flag.basis else None
    unit = flag.unit or policy.division_code
    return SummaryRemark(
        unit, flag.unit_name_zh, flag.kind, message_zh=flag.message_zh, days=flag.days, basis=basis
    )


def may_wait(ports: MonthPorts, policy: CityPolicy, request: StepRequest) -> bool:
    """Whether the last day to file is still ahead, so that missing reports are waited for."""
    today = request.now.astimezone(SHANGHAI).date()
    for duty in duties_of(policy, request.month, ports.calendar):
        if duty.key == FILING_DUTY and duty.due is not None:
            return today < (duty.act_by or duty.due)
    return today <= request.month.plus(1).last_day


def _file(
    ports: MonthPorts, policy: CityPolicy, request: StepRequest, *, summary: MonthSummary, version: int
) -> None:
    content = ports.write_summary(summary)
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{policy.name_zh}{request.month}基金支出汇总表-v{version}.xlsx"

    def record(work: Work) -> None:
        if len(work.records.filings(policy.key, request.month)) >= version:
            return  # another run filed it between our read and now
        work.submissions.add_raw_file(sha256, content, request.now)
        work.records.add_filing(
            Filing(
                city=policy.key,
                month=request.month,
                version=version,
                sha256=sha256,
                file_name=name,
                content_digest=summary.content_digest,
                filed_by=request.by,
                filed_at=request.now,
                sources=tuple(
                    (row.county, row.fund, row.submission_id)
                    for row in summary.rows
                    if row.submission_id is not None
                ),
            )
        )
        work.audit.append(
            at=request.now,
            actor=request.by,
            action="file_summary",
            subject=f"filing:{policy.key}:{request.month}:{version}",
            before=None,
            after={"sha256": sha256, "content": summary.content_digest},
            reason=None,
        )

    ports.database.transaction(record)


def _row_outcome(row: SummaryRow) -> UnitOutcome:
    texts = {
        RowStatus.ACCEPTED: (UnitState.DONE, "列入汇总", "in the summary"),
        RowStatus.NIL: (UnitState.DONE, "零申报", "nil return"),
        RowStatus.UNDER_REVIEW: (UnitState.WAITING, "待审核", "under review"),
        RowStatus.RETURNED: (UnitState.WAITING, "已退回，等县区", "returned, the county's turn"),
        RowStatus.MISSING: (UnitState.WAITING, "缺报，等县区", "missing, the county's turn"),
    }
    state, zh, en = texts[row.status]
    amount_fen = None if row.figures_fen is None else row.figures_fen.get("spending_fen")
    return UnitOutcome(row.county, state, zh, detail_en=en, fund=row.fund, amount_fen=amount_fen)


def _city(policy: CityPolicy, state: UnitState, zh: str, *, en: str) -> UnitOutcome:
    return UnitOutcome(policy.division_code, state, zh, detail_en=en)
