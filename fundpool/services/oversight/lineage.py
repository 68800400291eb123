"""Lineage: from a ledger entry, a transfer or a reported figure back to the cell of the county's file.

Nothing is stored for it: every link follows the records' own keys, and the cell is read again from
the bytes that were kept when the file came in. Where there is no cell, it is said why.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fundpool.domain.application import Application, ApplicationLine
from fundpool.domain.chart_of_accounts import AccountType, Flow
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.languages import counted
from fundpool.domain.month_records import Filing
from fundpool.domain.month_summary import SUMMARY_FIELDS
from fundpool.domain.periods import Month, Period
from fundpool.domain.policy import CityPolicy, require_county
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import DocumentKind, Figure, Submission
from fundpool.domain.transfer import Obligation
from fundpool.services.documents.document_kinds import DUTY_OF, amount_field, type_of
from fundpool.services.documents.intake import line_name
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.oversight.progress import FILING_DUTY, PLAN_DUTY, REPORT_DUTY
from fundpool.services.payments.application import APPLY_DUTY
from fundpool.services.ports.judging import Line, ParsedDocument, Register, SourceFile
from fundpool.services.ports.money_ports import StoredPosting
from fundpool.services.ports.work import MonthPorts, Work
from schemas.documents import document_type
from schemas.lineage import Act, AppliedLine, Article, Booking, CellSource, Decision, Transfer, Why

_REPORTED = re.compile(r"report-(\d{4}-\d{2})-v(\d+)")
"""The reference under which an accepted report is booked (see services/documents/reports.py)."""

_Place = tuple[str, str, str]
"""Fund, field and row of a figure; or county, fund and row of a line."""

_BOOKED_FIELD = {
    Flow.INTEREST: "interest_fen",
    Flow.SPEND_RETURNED: "returned_fen",
    Flow.RETURN_UP: "remitted_fen",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where an amount comes from, nearest record first.

    It ends in ``cell``, or is the sum of ``parts``, or neither, and then ``why`` says what it is.
    ``unwritten`` are the duties that the city's documents have no article for.
    """

    subject: str
    amount_fen: int | None
    booking: Booking | None = None
    transfer: Transfer | None = None
    line: AppliedLine | None = None
    decision: Decision | None = None
    cell: CellSource | None = None
    parts: "tuple[Explanation, ...]" = ()
    articles: tuple[Article, ...] = ()
    unwritten: tuple[str, ...] = ()
    why: Why | None = None

    def cells(self) -> "Iterable[CellSource]":
        """Every cell the amount comes from."""
        if self.cell is not None:
            yield self.cell
        for part in self.parts:
            yield from part.cells()

    @property
    def is_sound(self) -> bool:
        """Whether every figure it rests on still reads from the kept file as it is stored."""
        return all(cell.is_same for cell in self.cells())


class Lineage:
    """Explains amounts; a file that was read once is remembered."""

    def __init__(self, ports: MonthPorts) -> None:
        self._ports = ports
        self._readings: dict[tuple[str, str], ParsedDocument | FundpoolError] = {}
        self._lines: dict[tuple[str, str], dict[_Place, Line]] = {}
        self._figures: dict[int, dict[_Place, Figure]] = {}

    # --- what can be explained ---

    def entry(self, key: str) -> Explanation:
        """A ledger entry by its business key. Raises InputError ``unknown_entry``."""
        stored = self._ports.database.read(lambda work: work.ledger.stored(key))
        if stored is None:
            raise InputError(
                "unknown_entry",
                f"账上没有分录 {key}",
                f"there is no booking {key}",
                remedy="fundpool ledger export --format csv",
            )
        return self.posting(stored)

    def voucher_line(self, city: str, fund: str, voucher: int, *, line: int) -> Explanation:
        """A ledger entry by its place in the books. Raises InputError."""
        policy = self._ports.policies.city(city)
        fund = policy.fund(fund).key
        found = self._ports.database.read(
            lambda work: next(
                (
                    stored
                    for stored in work.ledger.postings(city, fund)
                    if (stored.voucher_number, stored.line) == (voucher, line)
                ),
                None,
            )
        )
        if found is None:
            raise InputError(
                "unknown_entry",
                f"{policy.name_zh} {fund} 没有第 {voucher} 号凭证第 {line} 行",
                f"{policy.name_en} {fund} has no line {line} of voucher {voucher}",
                remedy="fundpool ledger export --format csv",
            )
        return self.posting(found)

    def posting(self, stored: StoredPosting) -> Explanation:
        """A ledger entry as it stands in the books."""
        return self._ports.database.read(lambda work: self._posting(work, stored))

    def transfer(self, name: str) -> Explanation:
        """A payment by its key, the key of one of its orders, the bank's serial of its execution, or its number.

        Raises InputError ``unknown_transfer``, or ``ambiguous_serial`` where banks count alike.
        """
        return self._ports.database.read(lambda work: self._payment(work, _obligation(work, name)))

    def figure(
        self, city: str, month: Period, document: DocumentKind, *, county: str, fund: str, field: str,
        version: int | None = None, line: str = "",
    ) -> Explanation:  # fmt: skip
        """A figure of a county's document; its latest version unless one is named. Raises InputError.

        ``line`` names the row of a list (voucher, account, level); without one it is the sum of its rows.
        """
        policy = self._ports.policies.city(city)
        require_county(policy, county)
        fund, field = policy.fund(fund).key, field_of(document, field)

        def read(work: Work) -> Explanation:
            versions = work.submissions.versions(policy.key, document, month, county=county)
            wanted = [each for each in versions if version in {None, each.version}]
            nil = None if versions else _nil_return(work, policy, month, document=document, county=county)
            if nil is not None and version is None:
                return Explanation(
                    subject=f"{document} {policy.key} {month} {county} {fund} {field}",
                    amount_fen=None,
                    why=nil,
                    **self._basis(policy, month, DUTY_OF[document]),
                )
            if not wanted:
                raise InputError(
                    "unknown_version",
                    f"{county} {month} 没有{f'第 {version} 版' if version else ''}报送",
                    f"{county} has not filed {f'version {version} of ' if version else ''}it for {month}",
                )
            submission = wanted[-1]
            case = _case_of(work, submission, fund)
            if line or type_of(document).per_fund:
                return self._figure(work, policy, submission, fund=fund, field=field, case=case, line=line)
            return self._rows(work, policy, submission, fund=fund, field=field, case=case)

        return self._ports.database.read(read)

    def summary(
        self, city: str, month: Month, fund: str, *, field: str, county: str | None = None,
        version: int | None = None,
    ) -> Explanation:  # fmt: skip
        """A figure of the city's filed summary: of one county, or the total (``county`` None).

        The latest filing unless ``version`` names one. Raises InputError.
        """
        policy = self._ports.policies.city(city)
        fund = policy.fund(fund).key
        field = field_of(DocumentKind.REPORT, field)
        if field not in SUMMARY_FIELDS:
            raise _no_field(field, SUMMARY_FIELDS)
        if county is not None:
            require_county(policy, county)

        def read(work: Work) -> Explanation:
            filing = _filing(work, policy, month, version=version)
            counties = [unit.code for unit in policy.units] if county is None else [county]
            rows = [
                self._filed(work, policy, filing, county=each, fund=fund, field=field) for each in counties
            ]
            if county is not None:
                return rows[0]
            known = [row for row in rows if row.amount_fen is not None]
            return Explanation(
                subject=f"filing {policy.key} {month} v{filing.version} {fund} {field}",
                amount_fen=sum(row.amount_fen or 0 for row in known),
                parts=tuple(rows),
                **self._basis(policy, month, REPORT_DUTY, FILING_DUTY),
                why=Why(
                    f"合计：{len(known)} 个县区该项之和，其余 {len(rows) - len(known)} 个未列入",
                    f"a total: the sum over {len(known)} counties; {len(rows) - len(known)} are not in it",
                ),
            )

        return self._ports.database.read(read)

    # --- ledger entries ---

    def _posting(self, work: Work, stored: StoredPosting) -> Explanation:
        entry, booking = stored.posting, _booking(stored)
        if entry.reverses is not None:
            original = work.ledger.stored(entry.reverses)
            assert original is not None
            why = Why(f"冲销 {entry.reverses}：{entry.memo}", f"takes back {entry.reverses}: {entry.memo}")
            found = self._posting(work, original)
            return Explanation(f"entry {entry.key}", entry.amount_fen, booking, parts=(found,), why=why)
        if entry.attempt_key is not None:
            attempt = work.attempts.by_key(entry.attempt_key)
            assert attempt is not None
            found = self._payment(work, work.payments.obligation(attempt.obligation_id))
            return replace(found, subject=f"entry {entry.key}", amount_fen=entry.amount_fen, booking=booking)
        reported = _REPORTED.search(entry.memo)
        field = _field_booked(stored)
        account = next(
            (ref for ref in (entry.debit, entry.credit) if ref.type is AccountType.COUNTY_EXPENDITURE), None
        )
        if reported and field and account:
            policy = self._ports.policies.city(entry.debit.city)
            month, number = Month.parse(reported[1]), int(reported[2])
            versions = work.submissions.versions(policy.key, DocumentKind.REPORT, month, county=account.unit)
            submission = next((each for each in versions if each.version == number), None)
            if submission is not None:
                case = _case_of(work, submission, account.fund)
                found = self._figure(work, policy, submission, fund=account.fund, field=field, case=case)
                return replace(
                    found, subject=f"entry {entry.key}", amount_fen=entry.amount_fen, booking=booking
                )
        return Explanation(f"entry {entry.key}", entry.amount_fen, booking, why=_not_from_a_file(stored))

    # --- payments ---

    def _payment(self, work: Work, obligation: Obligation) -> Explanation:
        policy = self._ports.policies.city(obligation.city)
        paid_duty = policy.duty_of_hop.get((obligation.hop.from_type, obligation.hop.to_type))
        shown = Explanation(
            subject=f"transfer {obligation.key}",
            amount_fen=obligation.amount_fen,
            transfer=_transfer(work, obligation),
            **self._basis(policy, obligation.month, PLAN_DUTY, APPLY_DUTY, paid_duty),
        )
        applications = {
            (each.fund, each.number): each
            for each in work.applications.applications(policy.key, obligation.month)
        }
        application = applications.get((obligation.fund, obligation.application))
        if application is None:
            return replace(
                shown,
                why=Why("这笔款项不出自用款申请", "the payment does not come from an application for funds"),
            )
        lines = [line for line in application.lines if line.reviewed_fen]
        if obligation.unit == policy.division_code:
            parts = tuple(self._applied(work, policy, application, line=line) for line in lines)
            why = Why(
                f"第 {application.number} 号申请 {len(parts)} 个县区复核额之和",
                f"the sum of what finance confirmed for {len(parts)} counties of application {application.number}",
            )
            return replace(shown, parts=parts, why=why)
        own = next(line for line in lines if line.county == obligation.unit)
        applied = self._applied(work, policy, application, line=own)
        return replace(
            shown, line=applied.line, decision=applied.decision, cell=applied.cell, why=applied.why
        )

    def _applied(
        self, work: Work, policy: CityPolicy, application: Application, *, line: ApplicationLine
    ) -> Explanation:
        shown = AppliedLine.of(application, line, application=application.number)
        explained = Explanation(
            subject=f"application {policy.key} {application.month} {application.fund} "
            f"{application.number} {line.county}",
            amount_fen=line.reviewed_fen,
            line=shown,
        )
        case = work.reviews.case(
            policy.key, application.month, DocumentKind.PLAN, county=line.county, fund=application.fund
        )
        if case is None:
            return replace(explained, why=Why("没有审核事项", "there is no review case"))
        submission = _submission(work, case)
        field = amount_field(DocumentKind.PLAN)
        found = self._figure(work, policy, submission, fund=application.fund, field=field, case=case)
        return replace(explained, decision=found.decision, cell=found.cell, why=found.why)

    # --- figures ---

    def _filed(
        self, work: Work, policy: CityPolicy, filing: Filing, *, county: str, fund: str, field: str
    ) -> Explanation:
        """One county's figure in a filed summary."""
        subject = f"filing {policy.key} {filing.month} v{filing.version} {county} {fund} {field}"
        case = work.reviews.case(policy.key, filing.month, DocumentKind.REPORT, county=county, fund=fund)
        if filing.sources is None:
            # Filed before the versions were kept with it: of the newest alone it can still be worked out.
            latest = work.records.filings(policy.key, filing.month)[-1]
            filed = case.submission_id if case is not None and case.is_decided else None
            if latest.version != filing.version:
                why = Why(
                    "该次备案未记录所用版本", "this filing did not record the versions it was built from"
                )
                return Explanation(subject, None, why=why)
        else:
            filed = next(
                (number for place, of, number in filing.sources if (place, of) == (county, fund)), None
            )
        if filed is None:
            return Explanation(subject, None, why=_absence(work, policy, filing.month, county=county))
        versions = work.submissions.versions(policy.key, DocumentKind.REPORT, filing.month, county=county)
        submission = next(each for each in versions if each.id == filed)
        found = self._figure(
            work, policy, submission, fund=fund, field=field, case=_case_of(work, submission, fund)
        )
        if found.cell is not None and found.amount_fen is None:
            # The summary adds up: what a county left blank counts as nothing there.
            found = replace(found, amount_fen=0, why=Why("该格空白，汇总按零计", "blank, counted as nil"))
        return replace(found, subject=subject, **self._basis(policy, filing.month, REPORT_DUTY, FILING_DUTY))

    def _figure(
        self, work: Work, policy: CityPolicy, submission: Submission, *, fund: str, field: str,
        case: ReviewCase | None, line: str = "",
    ) -> Explanation:  # fmt: skip
        figure = self._stored(work, submission).get((fund, field, line))
        explained = Explanation(
            subject=f"{submission.document} {policy.key} {submission.month} {submission.county} "
            f"v{submission.version} {fund} {f'{line} ' if line else ''}{field}",
            amount_fen=None if figure is None else figure.amount_fen,
            decision=None if case is None else Decision.of(case),
            **self._basis(policy, submission.month, DUTY_OF[submission.document]),
        )
        if figure is None:
            return replace(
                explained, why=Why("文件没有这一险种或这一项", "the file has no such fund or item")
            )
        known = document_type(submission.document.value).field_of(field)
        source = CellSource.of(
            submission,
            figure,
            month=str(submission.month),
            field_zh=known.zh,
            field_en=known.en,
            is_same=False,
        )
        return replace(explained, cell=self._verified(work, policy, submission, source=source, named=line))

    def _rows(
        self, work: Work, policy: CityPolicy, submission: Submission, *, fund: str, field: str,
        case: ReviewCase | None,
    ) -> Explanation:  # fmt: skip
        """The sum of a list's rows of one scheme, each with its cell."""
        lines = [place[2] for place in self._stored(work, submission) if place[:2] == (fund, field)]
        parts = tuple(
            self._figure(work, policy, submission, fund=fund, field=field, case=None, line=line)
            for line in lines
        )
        whole = self._figure(work, policy, submission, fund=fund, field=field, case=case)
        if not parts:
            return whole
        return replace(
            whole,
            amount_fen=sum(part.amount_fen or 0 for part in parts),
            parts=parts,
            why=Why(f"{len(parts)} 行之和", f"the sum of {counted(len(parts), 'row')}"),
        )

    def _verified(
        self, work: Work, policy: CityPolicy, submission: Submission, *, source: CellSource, named: str
    ) -> CellSource:
        """The source with what the kept bytes hold there now."""
        reading = self._reading(work, policy, submission)
        if isinstance(reading, FundpoolError):
            return source.model_copy(update={"why": Why(reading.zh, reading.en)})
        read = submission.sha256, submission.document.value
        if read not in self._lines:
            kind, rows = type_of(submission.document), self._lines.setdefault(read, {})
            for row in reading.lines:
                rows.setdefault((row.county or "", row.fund or "", line_name(kind, row)), row)
        line = self._lines[read].get((source.county, source.fund, named))
        if line is None:
            why = Why("存档文件中已找不到该行", "the row is not found in the kept file any more")
            return source.model_copy(update={"why": why})
        cell, amount_fen = line.cells.get(source.field), line.amounts_fen.get(source.field)
        is_same = amount_fen == source.amount_fen and source.cell in {None, cell}
        differs = Why(
            f"存档文件此处读作 {amount_fen} 分（{cell}）", f"the kept file reads {amount_fen} fen at {cell}"
        )
        return source.model_copy(
            update={
                "sheet": source.sheet or line.sheet,
                "cell": source.cell or cell,
                "text": line.raw.get(source.field, ""),
                "is_same": is_same,
                "why": None if is_same else differs,
            }
        )

    def _stored(self, work: Work, submission: Submission) -> "dict[_Place, Figure]":
        """The version's figures by fund, field and row."""
        if submission.id not in self._figures:
            self._figures[submission.id] = {
                (figure.fund, figure.field, figure.line): figure
                for figure in work.submissions.figures(submission.id)
            }
        return self._figures[submission.id]

    def _reading(
        self, work: Work, policy: CityPolicy, submission: Submission
    ) -> ParsedDocument | FundpoolError:
        place = submission.sha256, submission.document.value
        if place not in self._readings:
            try:
                content = raw_content(self._ports, work, submission.sha256)
                cells = work.submissions.cells([submission.sha256]).get(submission.sha256)
                source = SourceFile(submission.file_name, content, cells=cells)
                register = Register.of(policy.units, policy.funds, policy.name_zh)
                (reading,) = self._ports.read_documents(
                    [source], submission.document.value, register, month=None
                )
                self._readings[place] = reading
            except FundpoolError as error:
                self._readings[place] = error
        return self._readings[place]

    def _basis(self, policy: CityPolicy, month: Period, *duties: str | None) -> dict[str, Any]:
        """The articles of the duties, and the duties for which the city's documents have none."""
        wanted = [key for key in dict.fromkeys(duties) if key is not None]
        known = {duty.key: duty for duty in duties_of(policy, month, self._ports.calendar)} if wanted else {}
        return {
            "articles": tuple(
                Article.of(known[key].basis, rule=known[key].rule, duty=key) for key in wanted if key in known
            ),
            "unwritten": tuple(key for key in wanted if key not in known),
        }


def field_of(document: DocumentKind, name: str) -> str:
    """The key of a money field by its key (with or without ``_fen``) or Chinese name. Raises InputError."""
    fields = document_type(document.value).money_fields
    for field in fields:
        if name in {field.key, field.key.removesuffix("_fen"), field.zh, field.en}:
            return field.key
    raise _no_field(name, [field.key for field in fields])


def _no_field(name: str, known: Sequence[str]) -> InputError:
    listed = ", ".join(key.removesuffix("_fen") for key in known)
    return InputError(
        "unknown_figure", f"没有这一项：{name}", f"there is no such figure: {name}", remedy=listed
    )


_LONGEST_NUMBER = 9
"""Digits of a row number; what is longer is a serial that no order has."""


def _obligation(work: Work, name: str) -> Obligation:
    found = work.payments.obligation_by_key(name)
    if found is not None:
        return found
    attempt = work.attempts.by_key(name)
    if attempt is not None:
        return work.payments.obligation(attempt.obligation_id)
    executed = {each.obligation_id for each in work.attempts.of_serial(name)}
    if len(executed) > 1:
        keys = "、".join(sorted(work.payments.obligation(each).key for each in executed))
        raise InputError(
            "ambiguous_serial",
            f"银行流水 {name} 有 {len(executed)} 笔款项：{keys}",
            f"{len(executed)} transfers have the bank serial {name}: {keys}",
            remedy="改用款项键 / name one of them by its key",
        )
    if executed:
        return work.payments.obligation(executed.pop())
    if name.isascii() and name.isdigit() and len(name) <= _LONGEST_NUMBER:
        return work.payments.obligation(int(name))
    raise InputError(
        "unknown_transfer",
        f"没有这笔款项：{name}",
        f"there is no such transfer: {name}",
        remedy="fundpool transfers list",
    )


def _filing(work: Work, policy: CityPolicy, month: Month, *, version: int | None) -> Filing:
    filings = work.records.filings(policy.key, month)
    wanted = [filing for filing in filings if version in {None, filing.version}]
    if not wanted:
        raise InputError(
            "not_filed",
            f"{policy.name_zh} {month} 尚未备案{f'第 {version} 版' if version else ''}",
            f"{policy.name_en} has not filed {f'version {version} of ' if version else ''}the summary of {month}",
            remedy="fundpool run report-filing；县区数字用 fundpool explain figure / for a county's own figure",
        )
    return wanted[-1]


def _case_of(work: Work, submission: Submission, fund: str) -> ReviewCase | None:
    """The review case that decides about this version; None when it is about another one."""
    case = work.reviews.case(
        submission.city, submission.month, submission.document, county=submission.county, fund=fund
    )
    return case if case is not None and case.submission_id == submission.id else None


def _submission(work: Work, case: ReviewCase) -> Submission:
    versions = work.submissions.versions(case.city, case.document, case.month, county=case.county)
    return next(version for version in versions if version.id == case.submission_id)


def _booking(stored: StoredPosting) -> Booking:
    entry = stored.posting
    return Booking.of(
        entry,
        stored,
        voucher=stored.voucher_number,
        debit=str(entry.debit),
        credit=str(entry.credit),
        month=str(stored.month),
        adjusts_month=str(stored.adjusts_month) if stored.adjusts_month else None,
    )


def _field_booked(stored: StoredPosting) -> str | None:
    """The figure of the report that an entry books; None when it books none."""
    entry = stored.posting
    if entry.flow is Flow.SPEND:
        return f"{entry.debit.detail}_fen"
    return _BOOKED_FIELD.get(entry.flow)


def _not_from_a_file(stored: StoredPosting) -> Why:
    entry, day = stored.posting, stored.recorded_at.date()
    if entry.flow is Flow.OPENING:
        return Why(
            f"期初余额：开账时由 {stored.made_by} 于 {day} 录入，不出自报送文件",
            f"an opening balance, entered by {stored.made_by} on {day}: it comes from no filed document",
        )
    paper = entry.memo or "–"
    return Why(
        f"由 {stored.made_by} 于 {day} 按凭据“{paper}”记账，不出自报送文件",
        f"booked by {stored.made_by} on {day} from the paper “{paper}”: it comes from no filed document",
    )


def _absence(work: Work, policy: CityPolicy, month: Month, *, county: str) -> Why:
    """Why a county has no figure in the summary."""
    return _nil_return(work, policy, month, document=DocumentKind.REPORT, county=county) or Why(
        "备案时没有已收下的报表，未列入合计", "no report was accepted when this was filed; not in the totals"
    )


def _nil_return(
    work: Work, policy: CityPolicy, month: Period, *, document: DocumentKind, county: str
) -> Why | None:
    """What was declared instead of a document: a nil return or a waiver, with who recorded it and when."""
    for nil in work.records.nil_returns(policy.key, month):
        if (nil.document, nil.county) == (document, county):
            return Why(
                f"{nil.text_zh}（{nil.declared_by}，{nil.received_at:%Y-%m-%d}）",
                f"{nil.text_en} ({nil.declared_by}, {nil.received_at:%Y-%m-%d})",
            )
    return None


def _transfer(work: Work, obligation: Obligation) -> Transfer:
    batch = work.payments.batch(obligation.batch_id)
    attempts = work.attempts.of_obligation(obligation.id)
    last = attempts[-1] if attempts else None
    moments = {record.action: record.at for record in work.audit.records(f"batch:{batch.key}")}
    acts = [Act(what="made", by=batch.maker, at=batch.made_at)]
    if batch.checker is not None:
        at = moments.get("approve_batch")
        acts.append(Act(what="approved", by=batch.checker, at=at, digest=batch.approved_digest))
    if batch.releaser is not None:
        acts.append(Act(what="released", by=batch.releaser, at=moments.get("release_batch")))
    return Transfer.of(
        obligation,
        batch=batch.id,
        hop=str(obligation.hop),
        acts=tuple(acts),
        attempt=last and last.key,
        bank_serial=last and last.bank_serial,
        executed_at=last and last.executed_at,
    )
