"""``fundpool status``: one month of one city as people and programs see it (docs: outside contract)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from fundpool.domain.duties import duties_of
from fundpool.domain.findings import Severity
from fundpool.domain.periods import SHANGHAI, Month, Period, Year
from fundpool.domain.policy import CityPolicy, require_county
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.domain.timeliness import DutyState
from fundpool.domain.transfer import ObligationState
from fundpool.services.documents.document_kinds import DOCUMENT_OF, type_of
from fundpool.services.documents.intake import changes_of
from fundpool.services.oversight.flags import flags_of, step_flags, worst_first
from fundpool.services.oversight.hindsight import known_facts
from fundpool.services.oversight.progress import (
    DutyProgress,
    MonthFacts,
    month_facts,
    progress_of,
    supplementary_progress_of,
)
from fundpool.services.oversight.step_progress import month_steps, steps_of
from fundpool.services.payments import transfer_views
from fundpool.services.payments.installation import installation_of, is_sandbox
from fundpool.services.payments.transfer_views import TransferView
from fundpool.services.ports.files import SlipFile
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import (
    CaseStatus,
    CountyMonth,
    DutyStatus,
    FileReceipt,
    Flag,
    MoneyReceipt,
    MonthStatus,
    Receipts,
    StepStatus,
    SubmissionStatus,
    TransferStatus,
)

YEARLY_DUTIES = frozenset(key for key, document in DOCUMENT_OF.items() if type_of(document).period == "year")
"""Duties to file a document of a whole year."""


def month_status(
    ports: MonthPorts,
    city: str,
    month: Period,
    *,
    now: datetime,
    only_known_then: bool = False,
    snapshot: Work | None = None,
    facts: MonthFacts | None = None,
) -> MonthStatus:
    """The document of ``status --json``, of a month or a fund year. Raises InputError for an unknown city.

    ``only_known_then`` leaves out what was recorded after ``now``: the month as it stood at that moment.
    ``snapshot`` is what the caller reads already, so that all it shows is of one moment, and ``facts`` what
    it has read of it. Of a month that was not kept here nothing is said: nobody is late with it.
    """
    policy, until = ports.policies.city(city), now if only_known_then else None

    def read(work: Work) -> MonthStatus:
        if not is_kept(work, policy.key, month):
            return MonthStatus(
                city=policy.key, month=str(month), as_of=now, sandbox=is_sandbox(work), is_kept=False
            )
        known = facts or known_facts(work, policy, month, until=until)
        progress = _month_progress(ports, policy, month, facts=known, now=now)
        yearly, yearly_flags = due_this_month(ports, work, policy, month=month, now=now, until=until)
        steps = _steps(work, policy, month, facts=known, until=until) if isinstance(month, Month) else ()
        flags = (
            *flags_of(work, policy, known, progress=progress, until=until),
            *yearly_flags,
            *step_flags(steps),
        )
        return MonthStatus(
            city=policy.key,
            month=str(month),
            as_of=now,
            sandbox=is_sandbox(work),
            duties=_duties(policy, (*progress, *yearly)),
            steps=steps,
            transfers=_transfers(work, policy, month, facts=known, until=until),
            flags=worst_first(flags),
        )

    return ports.database.read(read) if snapshot is None else read(snapshot)


def _steps(
    work: Work, policy: CityPolicy, month: Month, *, facts: MonthFacts, until: datetime | None
) -> tuple[StepStatus, ...]:
    if until is None:
        return tuple(month_steps(work, policy, month, facts=facts).values())
    return steps_of(
        facts, [run for run in work.records.runs(policy.key, month) if run.business_time <= until]
    )


def _transfers(
    work: Work, policy: CityPolicy, month: Period, *, facts: MonthFacts, until: datetime | None
) -> tuple[TransferStatus, ...]:
    def read() -> tuple[TransferStatus, ...]:
        return tuple(map(_transfer, _views(work, facts)))

    return read() if until is not None else work.remembered(("transfers", policy.key, month), read)


def heads_of(
    ports: MonthPorts, city: str, month: Month, *, now: datetime
) -> tuple[Mapping[str, str], Mapping[str, DutyStatus]]:
    """Of the month's status the state of each step, and of each duty the first unit's; of a month not kept here none."""
    policy = ports.policies.city(city)

    def read(work: Work) -> tuple[Mapping[str, str], Mapping[str, DutyStatus]]:
        if not is_kept(work, policy.key, month):
            return {}, {}
        facts = month_facts(work, policy, month)
        yearly, _ = due_this_month(ports, work, policy, month=month, now=now, until=None)
        first: dict[str, DutyProgress] = {}
        for row in (*_month_progress(ports, policy, month, facts=facts, now=now), *yearly):
            first.setdefault(row.duty.key, row)
        steps = month_steps(work, policy, month, facts=facts)
        return (
            {key: step.state for key, step in steps.items()},
            {duty.key: duty for duty in _duties(policy, first.values())},
        )

    return ports.database.read(read)


def _month_progress(
    ports: MonthPorts, policy: CityPolicy, month: Period, *, facts: MonthFacts, now: datetime
) -> list[DutyProgress]:
    """The duties of the month, then the payments of its supplementary applications."""
    rows = list(progress_of(policy, month, ports.calendar, facts=facts, now=now))
    if isinstance(month, Month):
        rows += supplementary_progress_of(policy, month, ports.calendar, facts=facts, now=now)
    return rows


def _views(work: Work, facts: MonthFacts, *, unit: str | None = None) -> list[TransferView]:
    """The payments of the month (to one unit), as the facts know them."""
    payments = [each for each in facts.obligations if unit is None or each.unit == unit]
    return transfer_views.views_of(work, payments, batches=facts.batches, attempts=facts.attempts)


def is_kept(work: Work, city: str, period: Period) -> bool:
    """Whether the period is kept here: not one before the city's first, nor any of a city that others are run beside.

    Where nothing has come from any county yet, the installation is new and what is late is late.
    """
    months = work.submissions.months(city)
    if months:
        first = months[0] if isinstance(period, Month) else Year(months[0].year)
        return str(period) >= str(first)
    found = installation_of(work)
    filing = work.submissions.cities()
    return not filing or city in filing or (found is not None and city in found.city_keys)


def due_this_month(
    ports: MonthPorts,
    work: Work,
    policy: CityPolicy,
    *,
    month: Period,
    now: datetime,
    until: datetime | None,
) -> tuple[list[DutyProgress], list[Flag]]:
    """The duties to file a yearly document whose day lies in the month, and their flags.

    A year's working capital is applied for in the December before: that is where people must see it.
    """
    if isinstance(month, Year) or not _files_by_year(policy):
        return [], []
    rows: list[DutyProgress] = []
    flags: list[Flag] = []
    for year in (Year(month.year).plus(offset) for offset in (-1, 0, 1)):
        if not any(
            duty.key in YEARLY_DUTIES and duty.due is not None and Month.of(duty.due) == month
            for duty in duties_of(policy, year, ports.calendar)
        ):
            continue
        facts = known_facts(work, policy, year, until=until)
        found = [
            row
            for row in progress_of(policy, year, ports.calendar, facts=facts, now=now)
            if row.duty.due is not None and Month.of(row.duty.due) == month
        ]
        rows += found
        flags += [
            flag
            for flag in flags_of(work, policy, facts, progress=found, until=until)
            if flag.duty in YEARLY_DUTIES
        ]
    return rows, flags


def _files_by_year(policy: CityPolicy) -> bool:
    """Whether the city's law orders a yearly document to be filed at all."""
    return any(duty.key in YEARLY_DUTIES for rule in policy.rules for duty in rule.duties)


def county_month(
    ports: MonthPorts,
    city: str,
    month: Month,
    *,
    county: str,
    now: datetime,
    only_known_then: bool = False,
    snapshot: Work | None = None,
) -> CountyMonth:
    """One county's page: its duties, files with findings and changes, review cases, payments, flags.

    Beside the month's documents those of its fund year; ``period`` tells them apart. ``only_known_then`` and
    ``snapshot`` as for ``month_status``.
    """
    policy, until = ports.policies.city(city), now if only_known_then else None
    require_county(policy, county)
    year = Year(month.year)
    slips = {
        (str(period), slip.document, slip.county, slip.version)
        for period in (month, year)
        for slip in ports.slip_folder.slips(policy.key, period)
        if slip.county == county
    }

    def read(work: Work) -> CountyMonth:
        facts = known_facts(work, policy, month, until=until)
        of_year = known_facts(work, policy, year, until=until)
        progress = (
            _month_progress(ports, policy, month, facts=facts, now=now)
            if is_kept(work, policy.key, month)
            else []
        )
        yearly, _ = due_this_month(ports, work, policy, month=month, now=now, until=until)
        reviewed = {
            (line.county, application.fund): line.reviewed_fen
            for application in facts.applications
            for line in application.lines
        }
        flags = flags_of(work, policy, facts, progress=progress, until=until)
        cases = [case for case in (*facts.cases, *of_year.cases) if case.county == county]
        return CountyMonth(
            city=policy.key,
            month=str(month),
            county=county,
            duties=_duties(policy, (row for row in (*progress, *yearly) if row.duty.unit == county)),
            submissions=(
                *_submissions(work, facts, progress, county=county, slips=slips),
                *_submissions(work, of_year, (), county=county, slips=slips),
            ),
            cases=tuple(_case(case, reviewed) for case in cases),
            transfers=tuple(map(_transfer, _views(work, facts, unit=county))),
            flags=worst_first(flag for flag in flags if flag.unit == county),
        )

    return ports.database.read(read) if snapshot is None else read(snapshot)


def _case(case: ReviewCase, reviewed: Mapping[tuple[str, str], int | None]) -> CaseStatus:
    """A case with the amount finance confirmed; ``reviewed``: fen per county and fund of the applications."""
    is_applied_for = case.document is DocumentKind.PLAN
    return CaseStatus.of(
        case,
        period=str(case.month),
        reviewed_fen=reviewed.get((case.county, case.fund)) if is_applied_for else None,
    )


def _submissions(
    work: Work,
    facts: MonthFacts,
    progress: Sequence[DutyProgress],
    *,
    county: str,
    slips: Collection[tuple[str, str, str, int]],
) -> list[SubmissionStatus]:
    due = {
        DOCUMENT_OF[row.duty.key]: row.duty.due
        for row in reversed(progress)  # of several duties to file a document the first one counts
        if row.duty.unit == county and row.duty.key in DOCUMENT_OF
    }
    return [
        SubmissionStatus.of(
            version,
            period=str(version.month),
            state=_state_of(version),
            late=_is_late(version, due.get(document)),
            # A slip is written after the judgement: at a moment before it there was none.
            has_slip=version.judged_at is not None
            and (str(version.month), document.value, county, version.version) in slips,
            changes=changes_of(work, version),
            # At a moment before the judgement nothing had been found yet.
            findings=() if version.verdict is None else tuple(work.submissions.findings(version.id)),
        )
        for document in DocumentKind
        for version in facts.versions.get((document, county), ())
    ]


def _is_late(version: Submission, due: date | None) -> bool | None:
    """Whether it came after the day it was due; None where it is due on no day."""
    return None if due is None else version.received_at.astimezone(SHANGHAI).date() > due


def slips_of(ports: MonthPorts, city: str, month: Period, *, until: datetime | None = None) -> list[SlipFile]:
    """The slips of the month's (fund year's) documents; with ``until`` those of versions judged by that moment."""
    policy = ports.policies.city(city)
    slips = ports.slip_folder.slips(policy.key, month)
    if until is None:
        return list(slips)
    versions = ports.database.read(lambda work: work.submissions.versions_of_period(policy.key, month))
    judged = {
        (version.document.value, version.county, version.version)
        for version in versions
        if version.judged_at is not None and version.judged_at <= until
    }
    return [slip for slip in slips if (slip.document, slip.county, slip.version) in judged]


def receipts_of(ports: MonthPorts, city: str, month: Period) -> Receipts:
    """What arrived for the month or fund year: money in order of the day the bank moved it, and files."""
    policy = ports.policies.city(city)

    def read(work: Work) -> tuple[list[TransferView], tuple[Submission, ...]]:
        settled = [ObligationState.SETTLED, ObligationState.PARTLY_RETURNED]
        return (
            transfer_views.transfer_views(work, policy.key, month, states=settled)
            if isinstance(month, Month)
            else [],
            work.submissions.versions_of_period(policy.key, month),
        )

    views, versions = ports.database.read(read)
    receipts = sorted(
        map(_money_receipt, views), key=lambda each: (str(each.received_on), each.to_type, each.unit)
    )
    files = sorted(
        (_file_receipt(policy, version) for version in versions),
        key=lambda each: (each.received_at, each.document, each.county),
    )
    return Receipts(city=policy.key, month=str(month), receipts=tuple(receipts), files=tuple(files))


def _money_receipt(view: TransferView) -> MoneyReceipt:
    obligation, settled_at = view.obligation, view.obligation.settled_at
    return MoneyReceipt.of(
        obligation,
        from_type=obligation.hop.from_type,
        to_type=obligation.hop.to_type,
        amount_fen=obligation.paid_fen,
        received_on=None if settled_at is None else settled_at.astimezone(SHANGHAI).date(),
        account=view.credit_account.account_no,
        bank_serial=None if view.attempt is None else view.attempt.bank_serial,
    )


def _file_receipt(policy: CityPolicy, version: Submission) -> FileReceipt:
    names = {unit.code: unit.name_zh for unit in policy.units}
    return FileReceipt.of(
        version, county_name_zh=names.get(version.county, version.county), state=_state_of(version)
    )


def months_with_data(ports: MonthPorts, city: str, *, until: datetime | None = None) -> tuple[Month, ...]:
    """Months for which the city's counties have filed anything, or had by ``until``."""
    policy = ports.policies.city(city)
    return ports.database.read(lambda work: work.submissions.months(policy.key, until=until))


def step_states(ports: MonthPorts, city: str, month: Month) -> dict[str, str]:
    """Each step's state: not_started, running, waiting, done, flagged or failed."""
    policy = ports.policies.city(city)
    steps = ports.database.read(
        lambda work: month_steps(work, policy, month, facts=month_facts(work, policy, month))
    )
    return {key: step.state for key, step in steps.items()}


def is_troubled(status: MonthStatus) -> bool:
    """Whether something of the month is open that a person must act on (exit 1); what was late and is done is not."""
    bad = {DutyState.OVERDUE, DutyState.RETURNED}
    return any(duty.state in bad for duty in status.duties) or any(
        flag.severity == Severity.BLOCK and flag.is_open for flag in status.flags
    )


def _duties(policy: CityPolicy, rows: Iterable[DutyProgress]) -> tuple[DutyStatus, ...]:
    """Each with the Chinese name of its county; the city's own for None and for a code that is not its county's."""
    names = {unit.code: unit.name_zh for unit in policy.units}
    return tuple(
        DutyStatus.of(
            row.duty,
            unit_name_zh=names.get(row.duty.unit or "", policy.name_zh),
            state=row.standing.state,
            done_at=row.done_at,
            days_late=row.standing.days_late,
            waiting_for=row.waiting_for,
            extended_until=row.extended_until,
            application=row.application,
        )
        for row in rows
    )


def _transfer(view: TransferView) -> TransferStatus:
    obligation, batch, attempt = view.obligation, view.batch, view.attempt
    return TransferStatus.of(
        obligation,
        obligation=obligation.key,
        batch=batch.id,
        batch_state=batch.state,
        from_type=obligation.hop.from_type,
        to_type=obligation.hop.to_type,
        debit_account=masked(view.debit_account.account_no),
        credit_account=masked(view.credit_account.account_no),
        credit_name=view.credit_account.account_name,
        made_by=batch.maker,
        approved_by=batch.checker,
        released_by=batch.releaser,
        attempt_no=attempt and attempt.attempt_no,
        attempt_state=attempt and attempt.state,
        key=attempt and attempt.key,
        bank_serial=attempt and attempt.bank_serial,
        executed_at=attempt and attempt.executed_at,
        detail_zh=view.detail_zh,
        detail_en=view.detail_en,
    )


def masked(account_no: str) -> str:
    """An account number cut to its last four digits: the status is shown to readers without a name.

    ``fundpool transfers show`` has the whole number.
    """
    return f"····{account_no[-4:]}"


def _state_of(version: Submission) -> str:
    return "returned" if not version.stands else "received" if version.verdict is None else "judged"
