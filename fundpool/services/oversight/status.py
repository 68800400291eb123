"""``fundpool status``: one month of one city as people and programs see it (docs: outside contract)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fundpool.domain.duties import duties_of
from fundpool.domain.month_records import StepRun
from fundpool.domain.periods import SHANGHAI, Month, Period, Year
from fundpool.domain.policy import CityPolicy, Status, require_county
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.domain.transfer import ObligationState
from fundpool.services.documents.document_kinds import DOCUMENT_OF, type_of
from fundpool.services.documents.intake import changes_of
from fundpool.services.oversight.flags import Flag, flags_of
from fundpool.services.oversight.hindsight import facts_as_of, views_as_of
from fundpool.services.oversight.progress import DutyProgress, MonthFacts, month_facts, progress_of
from fundpool.services.oversight.step_progress import steps_of
from fundpool.services.payments import transfer_views
from fundpool.services.payments.transfer_views import TransferView
from fundpool.services.ports.judging import finding_to_json
from fundpool.services.ports.work import MonthPorts, Work

YEARLY_DUTIES = frozenset(
    step for step, document in DOCUMENT_OF.items() if type_of(document).period == "year"
)
"""Duties to file a document of a whole year."""


def month_status(
    ports: MonthPorts,
    city: str,
    month: Period,
    now: datetime,
    *,
    only_known_then: bool = False,
    snapshot: Work | None = None,
) -> dict[str, Any]:
    """The document of ``status --json``, of a month or a fund year. Raises InputError for an unknown city.

    ``only_known_then`` leaves out what was recorded after ``now``: the month as it stood at that moment.
    ``snapshot`` is what the caller reads already, so that all it shows is of one moment.
    """
    policy = ports.policies.city(city)

    def read(work: Work) -> dict[str, Any]:
        facts = month_facts(work, policy, month)
        views: list[TransferView] = []
        runs: Sequence[StepRun] = ()
        if isinstance(month, Month):
            views = transfer_views.transfer_views(work, policy.key, month)
            runs = work.records.runs(policy.key, month)
        if only_known_then:
            facts, views = facts_as_of(work, facts, now), views_as_of(work, views, now)
            runs = [run for run in runs if run.business_time <= now]
        progress = progress_of(policy, month, ports.calendar, facts, now)
        yearly, yearly_flags = _due_this_month(
            ports, work, policy, month, now, only_known_then=only_known_then
        )
        return {
            "city": policy.key,
            "month": str(month),
            "as_of": now.astimezone(SHANGHAI).isoformat(),
            "duties": [_duty(policy, row) for row in (*progress, *yearly)],
            "steps": steps_of(facts, runs) if isinstance(month, Month) else [],
            "transfers": [_transfer(view) for view in views],
            "flags": [
                _flag(policy, flag) for flag in (*flags_of(work, policy, facts, progress), *yearly_flags)
            ],
        }

    return ports.database.read(read) if snapshot is None else read(snapshot)


def _due_this_month(
    ports: MonthPorts,
    work: Work,
    policy: CityPolicy,
    month: Period,
    now: datetime,
    *,
    only_known_then: bool,
) -> tuple[list[DutyProgress], list[Flag]]:
    """The duties to file a yearly document whose day lies in the month, and their flags.

    A year's working capital is asked for in the December before: that is where people must see it.
    """
    if isinstance(month, Year) or not _files_by_year(policy):
        return [], []
    rows: list[DutyProgress] = []
    flags: list[Flag] = []
    for year in (Year(month.year).plus(offset) for offset in (-1, 0, 1)):
        if not any(
            duty.step in YEARLY_DUTIES and duty.due is not None and Month.of(duty.due) == month
            for duty in duties_of(policy, year, ports.calendar)
        ):
            continue
        facts = month_facts(work, policy, year)
        facts = facts_as_of(work, facts, now) if only_known_then else facts
        found = [
            row
            for row in progress_of(policy, year, ports.calendar, facts, now)
            if row.duty.due is not None and Month.of(row.duty.due) == month
        ]
        rows += found
        flags += [flag for flag in flags_of(work, policy, facts, found) if flag.step in YEARLY_DUTIES]
    return rows, flags


def _files_by_year(policy: CityPolicy) -> bool:
    """Whether the city's law orders a yearly document to be filed at all."""
    return any(duty.step in YEARLY_DUTIES for rule in policy.rules for duty in rule.duties)


def county_month(
    ports: MonthPorts,
    city: str,
    month: Month,
    county: str,
    now: datetime,
    *,
    only_known_then: bool = False,
    snapshot: Work | None = None,
) -> dict[str, Any]:
    """One county's page: its duties, files with findings and changes, review cases, payments, flags.

    Beside the month's documents those of its fund year; ``period`` tells them apart. ``only_known_then`` and
    ``snapshot`` as for ``month_status``.
    """
    policy = ports.policies.city(city)
    require_county(policy, county)
    unit = next(unit for unit in policy.units if unit.code == county)
    year = Year(month.year)
    slips = {
        (str(period), slip.document, slip.county, slip.version)
        for period in (month, year)
        for slip in ports.slip_folder.slips(policy.key, period)
    }

    def read(work: Work) -> dict[str, Any]:
        facts, of_year = month_facts(work, policy, month), month_facts(work, policy, year)
        views = transfer_views.transfer_views(work, policy.key, month, unit=county)
        if only_known_then:
            facts, of_year = facts_as_of(work, facts, now), facts_as_of(work, of_year, now)
            views = views_as_of(work, views, now)
        progress = progress_of(policy, month, ports.calendar, facts, now)
        yearly, _ = _due_this_month(ports, work, policy, month, now, only_known_then=only_known_then)
        reviewed = {
            (line.county, application.fund): line.reviewed_fen
            for application in facts.applications
            for line in application.lines
        }
        flags = flags_of(work, policy, facts, progress)
        return {
            "city": policy.key,
            "month": str(month),
            "as_of": now.astimezone(SHANGHAI).isoformat(),
            "county": county,
            "county_name_zh": unit.name_zh,
            "county_name_en": unit.name_en,
            "duties": [_duty(policy, row) for row in (*progress, *yearly) if row.duty.unit == county],
            "submissions": _submissions(work, facts, progress, county, slips)
            + _submissions(work, of_year, (), county, slips),
            "cases": [
                {
                    "document": case.document.value,
                    "period": str(case.month),
                    "fund": case.fund,
                    "state": case.state.value,
                    "requested_fen": case.requested_fen,
                    "approved_fen": case.approved_fen,
                    "reviewed_fen": (
                        reviewed.get((county, case.fund)) if case.document is DocumentKind.PLAN else None
                    ),
                    "reason": case.reason,
                    "maker": case.maker,
                    "checker": case.checker,
                    "decided_at": _iso(case.decided_at),
                }
                for case in (*facts.cases, *of_year.cases)
                if case.county == county
            ],
            "transfers": [_transfer(view) for view in views],
            "flags": [_flag(policy, flag) for flag in flags if flag.unit == county],
        }

    return ports.database.read(read) if snapshot is None else read(snapshot)


def _submissions(
    work: Work,
    facts: MonthFacts,
    progress: Sequence[DutyProgress],
    county: str,
    slips: Collection[tuple[str, str, str, int]],
) -> list[dict[str, Any]]:
    return [
        _submission(work, version, progress)
        | {"has_slip": (str(version.month), document.value, county, version.version) in slips}
        for document in DocumentKind
        for version in facts.versions.get((document, county), ())
    ]


def receipts_of(ports: MonthPorts, city: str, month: Period) -> dict[str, Any]:
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
    receipts = [
        {
            "unit": view.obligation.unit,
            "fund": view.obligation.fund,
            "from": view.obligation.hop.from_type.value,
            "to": view.obligation.hop.to_type.value,
            "application": view.obligation.application,
            "amount_fen": view.obligation.paid_fen,
            "received_on": (_iso(view.obligation.settled_at) or "")[:10] or None,
            "account": view.credit_account.account_no,
            "bank_serial": None if view.attempt is None else view.attempt.bank_serial,
        }
        for view in views
    ]
    receipts.sort(key=lambda one: (str(one["received_on"]), str(one["to"]), str(one["unit"])))
    files = [_file_receipt(policy, version) for version in versions]
    files.sort(key=lambda one: (str(one["received_at"]), str(one["document"]), str(one["county"])))
    return {"city": policy.key, "month": str(month), "receipts": receipts, "files": files}


def _file_receipt(policy: CityPolicy, version: Submission) -> dict[str, Any]:
    """The receipt (回执) of one version that a county filed."""
    names = {unit.code: unit.name_zh for unit in policy.units}
    return {
        "document": version.document.value,
        "county": version.county,
        "county_name_zh": names.get(version.county, version.county),
        "version": version.version,
        "file_name": version.file_name,
        "sha256": version.sha256,
        "received_at": _iso(version.received_at),
        "submitted_by": version.submitted_by,
        "verdict": None if version.verdict is None else version.verdict.value,
        "state": _state_of(version),
    }


def known_cities(ports: MonthPorts) -> list[dict[str, str]]:
    """Cities whose month can be run: in force, with counties that file."""
    return [
        {"key": city.key, "name_zh": city.name_zh, "name_en": city.name_en}
        for city in ports.policies.cities
        if city.level == "city" and city.status is Status.IN_FORCE
    ]


def months_with_data(ports: MonthPorts, city: str) -> tuple[Month, ...]:
    """Months for which the city's counties have filed anything."""
    policy = ports.policies.city(city)
    return ports.database.read(lambda work: work.submissions.months(policy.key))


def step_states(ports: MonthPorts, city: str, month: Month) -> dict[str, str]:
    """Each step's state: not_started, running, waiting, done, flagged or failed."""
    policy = ports.policies.city(city)

    def read(work: Work) -> list[dict[str, Any]]:
        return steps_of(month_facts(work, policy, month), work.records.runs(policy.key, month))

    return {step["step"]: step["state"] for step in ports.database.read(read)}


def is_troubled(status: Mapping[str, Any]) -> bool:
    """Whether a month's status holds something a person must act on or answer for (exit 1)."""
    bad = {"done_late", "overdue", "returned"}
    return any(duty["state"] in bad for duty in status["duties"]) or any(
        flag["severity"] == "block" for flag in status["flags"]
    )


def _duty(policy: CityPolicy, row: DutyProgress) -> dict[str, Any]:
    names = {unit.code: unit.name_zh for unit in policy.units}
    return {
        **row.duty.to_json(),
        "unit_name_zh": names.get(row.duty.unit or "", policy.name_zh),
        "fund": None,
        "state": row.standing.state.value,
        "done_at": _iso(row.done_at),
        "days_late": row.standing.days_late,
        "waiting_for": row.waiting_for,
        "extended_until": None if row.extended_until is None else row.extended_until.isoformat(),
    }


def _transfer(view: TransferView) -> dict[str, Any]:
    obligation, batch, attempt = view.obligation, view.batch, view.attempt
    return {
        "obligation": obligation.key,
        "batch": batch.id,
        "batch_state": batch.state.value,
        "fund": obligation.fund,
        "unit": obligation.unit,
        "from": obligation.hop.from_type.value,
        "to": obligation.hop.to_type.value,
        "application": obligation.application,
        "amount_fen": obligation.amount_fen,
        "state": obligation.state.value,
        "settled_at": _iso(obligation.settled_at),
        "held_reason": obligation.held_reason,
        "debit_account": masked(view.debit_account.account_no),
        "credit_account": masked(view.credit_account.account_no),
        "credit_name": view.credit_account.account_name,
        "made_by": batch.maker,
        "approved_by": batch.checker,
        "released_by": batch.releaser,
        "attempt_no": None if attempt is None else attempt.attempt_no,
        "attempt_state": None if attempt is None else attempt.state.value,
        "key": None if attempt is None else attempt.key,
        "bank_serial": None if attempt is None else attempt.bank_serial,
        "executed_at": None if attempt is None else _iso(attempt.executed_at),
        "detail_zh": view.detail_zh,
        "detail_en": view.detail_en,
    }


def masked(account_no: str) -> str:
    """An account number cut to its last four digits: the status is shown to readers without a name.

    ``fundpool transfers show`` has the whole number.
    """
    return f"····{account_no[-4:]}"


def _flag(policy: CityPolicy, flag: Flag) -> dict[str, Any]:
    names = {unit.code: unit.name_zh for unit in policy.units}
    finding = flag.finding
    return {
        "kind": flag.kind,
        "severity": flag.severity.value,
        "step": flag.step,
        "unit": flag.unit,
        "unit_name_zh": names.get(flag.unit or "", policy.name_zh),
        "fund": flag.fund,
        "rule": flag.rule,
        "days": flag.days,
        "message_zh": flag.message_zh,
        "message_en": flag.message_en,
        "basis": None if flag.basis is None else asdict(flag.basis.basis),
        "remedy": flag.remedy,
        "sheet": None if finding is None else finding.sheet,
        "cell": None if finding is None else finding.cell,
        "found": None if finding is None else finding.found,
        "expected": None if finding is None else finding.expected,
        "file": flag.file,
        "document": None if flag.document is None else flag.document.value,
    }


def _submission(work: Work, version: Submission, progress: Sequence[DutyProgress]) -> dict[str, Any]:
    due = next(
        (
            row.duty.due
            for row in progress
            if row.duty.unit == version.county and DOCUMENT_OF.get(row.duty.step) is version.document
        ),
        None,
    )
    received_on = version.received_at.astimezone(SHANGHAI).date()
    return {
        "id": version.id,
        "document": version.document.value,
        "period": str(version.month),
        "version": version.version,
        "file_name": version.file_name,
        "sha256": version.sha256,
        "received_at": _iso(version.received_at),
        "submitted_by": version.submitted_by,
        "verdict": None if version.verdict is None else version.verdict.value,
        "state": _state_of(version),
        "returned_at": _iso(version.returned_at),
        "returned_by": version.returned_by,
        "return_reason": version.return_reason,
        "late": None if due is None else received_on > due,
        "figures": [asdict(figure) for figure in work.submissions.figures(version.id)],
        "changes": [asdict(change) for change in changes_of(work, version)],
        # At a moment before the judgement nothing had been found yet.
        "findings": [
            finding_to_json(finding)
            for finding in (() if version.verdict is None else work.submissions.findings(version.id))
        ],
    }


def _state_of(version: Submission) -> str:
    return "returned" if not version.stands else "received" if version.verdict is None else "judged"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(SHANGHAI).isoformat()
