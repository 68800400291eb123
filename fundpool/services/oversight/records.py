"""Recording what people know: annual budgets, opening balances, extensions, nil returns.

Each is idempotent: the same fact again is no new record, and two facts never stand for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial

from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.month_records import Extension, NilReturn, Opening
from fundpool.domain.people import is_stated, person, require_other_person
from fundpool.domain.periods import SHANGHAI, Month, Period
from fundpool.domain.policy import CityPolicy, require_county
from fundpool.domain.submission import DocumentKind
from fundpool.services.books import booking
from fundpool.services.oversight.progress import units_of_duty
from fundpool.services.payments.installation import BackDating, require_received
from fundpool.services.payments.limits import require_budget_covers
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import Shape


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One account's balance as it is brought in (fen); the last three for a county's account only."""

    account_type: str
    unit: str
    fund: str
    balance_fen: int
    spending_fen: int | None = None
    year_spending_fen: int | None = None
    year_paid_fen: int | None = None


def record_budget(
    ports: MonthPorts,
    *,
    city: str,
    year: int,
    amounts: Mapping[tuple[str, str], int],
    document_number: str,
    by: str,
    now: datetime,
) -> int:
    """Record the year's budget per county and scheme; how many figures are new. All or none."""
    policy = ports.policies.city(city)
    recorder = person(by)
    for county, fund in amounts:
        require_county(policy, county)
        policy.fund(fund)
    if any(amount_fen < 0 for amount_fen in amounts.values()):
        raise InputError("negative_budget", "预算不能为负", "a budget is not negative")

    def record(work: Work) -> int:
        require_budget_covers(work, policy.key, year, amounts=dict(amounts))
        changed = {
            f"{county}:{fund}": amount_fen
            for (county, fund), amount_fen in amounts.items()
            if work.budgets.set_budget(
                policy.key,
                year,
                county,
                fund=fund,
                amount_fen=amount_fen,
                document_number=document_number,
                by=recorder,
                at=now,
            )
        }
        if changed:
            work.audit.append(
                at=now,
                actor=recorder,
                action="record_budget",
                subject=f"budget:{policy.key}:{year}",
                before=None,
                after={"document_number": document_number, **changed},
                reason=None,
            )
        return len(changed)

    return ports.database.transaction(record)


class BudgetChange(Shape):
    """One revision of a county's budget of a scheme; ``change_fen`` None for the first one."""

    county: str
    fund: str
    revision: int
    amount_fen: int
    change_fen: int | None
    document_number: str
    recorded_by: str
    recorded_at: datetime


def budgets_of(ports: MonthPorts, city: str, year: int) -> list[BudgetChange]:
    """Every revision of the year's budget and what it changed, in order of county, scheme and revision."""
    policy = ports.policies.city(city)
    revisions = ports.database.read(lambda work: work.budgets.budget_revisions(policy.key, year))
    return [
        BudgetChange.of(
            each, change_fen=each.amount_fen - before.amount_fen if each.revision > 1 and before else None
        )
        for before, each in zip((None, *revisions), revisions, strict=False)
    ]


def record_openings(
    ports: MonthPorts,
    *,
    city: str,
    month: Month,
    rows: Sequence[OpeningRow],
    by: str,
    now: datetime,
) -> int:
    """Bring in balances at the end of ``month`` (期初); how many are new. All or none.

    A county's balance is also the closing its first report must tie to. Raises RuleViolation when
    another figure stands already.
    """
    policy = ports.policies.city(city)
    recorder = person(by)
    event_at = datetime.combine(month.last_day, time(23, 59), SHANGHAI)
    refs = [_account(policy, row) for row in rows]

    def record(work: Work) -> int:
        changed = 0
        for row, ref in zip(rows, refs, strict=True):
            if ref.type is AccountType.COUNTY_EXPENDITURE:
                opening = Opening(
                    city=policy.key,
                    month=month,
                    county=row.unit,
                    fund=row.fund,
                    closing_fen=row.balance_fen,
                    spending_fen=row.spending_fen,
                    year_spending_fen=row.year_spending_fen,
                    year_paid_fen=row.year_paid_fen,
                )
                changed += work.budgets.set_opening(opening, recorder, now)
            else:
                changed += booking.balance(work, ref).posted_fen == 0 and row.balance_fen != 0
        balances = [(ref, row.balance_fen) for row, ref in zip(rows, refs, strict=True)]
        booking.open_balances(work, balances, by=recorder, event_at=event_at, now=now)
        return changed

    return ports.database.transaction(record)


def record_extension(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    duty: str,
    county: str | None,
    until: str,
    document_number: str,
    approver: str,
    by: str,
    now: datetime,
) -> bool:
    """Record an extension of a duty of the month; False when it is recorded already.

    Raises InputError for a duty the city's text does not have, a day before the legal one, or no document;
    RuleViolation when the recorder approved it.
    """
    policy = ports.policies.city(city)
    if county is not None:
        require_county(policy, county)
    duties = {known.key: known for known in duties_of(policy, month, ports.calendar)}
    extended = duties.get(duty)
    if extended is None:
        raise InputError(
            "no_such_duty",
            f"{policy.name_zh}{month}没有职责 {duty}",
            f"{policy.name_en} has no duty {duty} in {month}",
            remedy=" | ".join(duties),
        )
    units = units_of_duty(policy, month, extended)
    if county is not None and county not in units:
        raise InputError(
            "duty_of_the_city",
            f"{duty} 是市级职责，不按县区延期",
            f"{duty} is a duty of the city, not of a county",
            remedy="不写 --county / leave --county out",
        )
    last_day = _day(until)
    if extended.due is not None and last_day <= extended.due:
        raise InputError(
            "extension_not_later",
            f"延期日 {last_day} 不晚于法定期限 {extended.due}",
            f"{last_day} is not after the legal day {extended.due}",
        )
    if not is_stated(document_number):
        raise InputError(
            "reason_missing",
            "延期须写明文号",
            "an extension needs its document",
            remedy="--document-number NUMBER",
        )
    recorder, grantor = person(by), person(approver)
    require_other_person(recorder, grantor, act_zh="登记延期", act_en="recording an extension")
    entry = Extension(
        city=policy.key,
        month=month,
        duty=duty,
        unit=county,
        until=last_day,
        document_number=document_number,
        approver=grantor,
        recorded_by=recorder,
        recorded_at=now,
    )

    def record(work: Work) -> bool:
        is_new = work.records.add_extension(entry)
        if is_new:
            work.audit.append(
                at=now,
                actor=recorder,
                action="record_extension",
                subject=f"duty:{policy.key}:{month}:{duty}:{county or 'all'}",
                before={"due": str(extended.due)},
                after={"until": str(last_day), "document_number": document_number, "approver": grantor},
                reason=None,
            )
        return is_new

    return ports.database.transaction(record)


def record_nil_return(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    document: DocumentKind,
    county: str,
    reason: str,
    by: str,
    received_at: datetime,
    now: datetime,
    back_dating: BackDating | None = None,
) -> bool:
    """Record a county's nil return; False when it is recorded already.

    Raises InputError when the county has filed the document (then the filing counts, not a nil), and
    when a nil return or a waiver stands on other grounds.
    """
    policy = ports.policies.city(city)
    require_county(policy, county)
    declarer = person(by)
    if not is_stated(reason):
        raise InputError("reason_missing", "零申报须写明理由", "a nil return needs its reason")
    entry = NilReturn(
        policy.key,
        month,
        document,
        county=county,
        reason=reason,
        declared_by=declarer,
        received_at=received_at,
    )

    def record(work: Work) -> bool:
        grounds = require_received(work, received_at, now, by=declarer, back_dating=back_dating)
        return _record_nil(work, entry, "record_nil_return", now=now, grounds=grounds)

    return ports.database.transaction(record)


def record_waiver(
    ports: MonthPorts,
    *,
    city: str,
    month: Period,
    document: DocumentKind,
    county: str,
    document_number: str,
    approver: str,
    reason: str,
    by: str,
    now: datetime,
) -> bool:
    """Record that the city lets a county off filing a document; False when it is recorded already.

    It counts as a nil return and names the document. Raises InputError when the county has filed
    or a nil return stands on other grounds, RuleViolation when the recorder approved it.
    """
    policy = ports.policies.city(city)
    require_county(policy, county)
    if not is_stated(reason) or not is_stated(document_number):
        raise InputError(
            "reason_missing",
            "免报须写明文号与理由",
            "a waiver needs its document and its reason",
            remedy="--document-number NUMBER --reason REASON",
        )
    recorder, grantor = person(by), person(approver)
    require_other_person(recorder, grantor, act_zh="登记免报", act_en="recording a waiver")
    entry = NilReturn(
        policy.key,
        month,
        document,
        county=county,
        reason=reason,
        declared_by=recorder,
        received_at=now,
        document_number=document_number,
        approver=grantor,
    )
    return ports.database.transaction(partial(_record_nil, entry=entry, action="record_waiver", now=now))


def _record_nil(
    work: Work, entry: NilReturn, action: str, *, now: datetime, grounds: Mapping[str, str] | None = None
) -> bool:
    versions = work.submissions.versions(entry.city, entry.document, entry.month, county=entry.county)
    if any(version.stands for version in versions):
        raise InputError(
            "already_filed",
            f"{entry.county} 已报送 {entry.month} {entry.document}，不能再作零申报或免报",
            f"{entry.county} has filed its {entry.document} for {entry.month}: it is no nil return",
            remedy="须先退回原报送 / return the filing first",
        )
    for known in work.records.nil_returns(entry.city, entry.month):
        is_its = (known.document, known.county) == (entry.document, entry.county)
        if is_its and _grounds(known) != _grounds(entry):
            raise InputError(
                "nil_return_stands",
                f"{entry.county} {entry.month} {entry.document} 已登记：{known.text_zh}",
                f"{entry.document} of {entry.county} for {entry.month} stands as: {known.text_en}",
            )
    is_new = work.records.add_nil_return(entry, now)
    if is_new:
        after = {"received_at": entry.received_at.isoformat()} | dict(grounds or {})
        if entry.document_number is not None:
            after |= {"document_number": entry.document_number, "approver": entry.approver or ""}
        work.audit.append(
            at=now,
            actor=entry.declared_by,
            action=action,
            subject=f"nil:{entry.city}:{entry.month}:{entry.document}:{entry.county}",
            before=None,
            after=after,
            reason=entry.reason,
        )
    return is_new


def _grounds(entry: NilReturn) -> tuple[str, str | None, str | None]:
    return entry.reason, entry.document_number, entry.approver


def _account(policy: CityPolicy, row: OpeningRow) -> AccountRef:
    try:
        account_type = AccountType(row.account_type)
    except ValueError:
        raise InputError(
            "unknown_account_type",
            f"没有账户类型 {row.account_type}",
            f"no such account type: {row.account_type}",
            remedy="fiscal_account | city_expenditure | county_expenditure | …",
        ) from None
    policy.fund(row.fund)
    if row.unit != policy.division_code:
        require_county(policy, row.unit)
    return AccountRef(policy.key, row.fund, account_type, unit=row.unit)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("bad_date", f"日期应写作 2026-10-09，现为 {text}", f"not a date: {text}") from None
