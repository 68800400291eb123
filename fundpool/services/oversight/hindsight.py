"""A month as it stood at a moment: what was recorded later is left out, as if it had not happened yet.

The records keep each fact's own time, so nothing is stored for this. Where a later fact replaced an
earlier one (a decision made anew on a newer version), the earlier one is gone and nothing is shown.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from fundpool.domain.application import Application
from fundpool.domain.periods import SHANGHAI, Period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import Submission
from fundpool.domain.transfer import Attempt, AttemptState, Batch, BatchState, Obligation, ObligationState
from fundpool.services.oversight.progress import MonthFacts, month_facts
from fundpool.services.ports.gateway import GatewayAnswerKind
from fundpool.services.ports.money_ports import GatewayCall
from fundpool.services.ports.work import Work

_STATE_OF_BATCH = {
    BatchState.SUBMITTED: ObligationState.SUBMITTED,
    BatchState.APPROVED: ObligationState.APPROVED,
    BatchState.RELEASED: ObligationState.RELEASED,
}


def known_facts(work: Work, policy: CityPolicy, period: Period, *, until: datetime | None) -> MonthFacts:
    """What is recorded of the month or fund year; with ``until`` only what was recorded by that moment."""
    facts = month_facts(work, policy, period)
    return facts if until is None else _facts_as_of(work, facts, until)


def _facts_as_of(work: Work, facts: MonthFacts, moment: datetime) -> MonthFacts:
    """``facts`` without what was received, decided, reviewed, ordered, paid or filed after ``moment``."""
    versions = {
        place: known
        for place, of_place in facts.versions.items()
        if (known := tuple(_version(each, moment) for each in of_place if each.received_at <= moment))
    }
    judged = {each.id for of_place in versions.values() for each in of_place if each.judged_at is not None}
    batches = {batch.id: _batch(work, batch, moment) for batch in facts.batches if batch.made_at <= moment}
    obligations: list[Obligation] = []
    attempts: dict[int, tuple[Attempt, ...]] = {}
    for payment in facts.obligations:
        if payment.batch_id in batches:
            orders = facts.attempts.get(payment.id, ())
            as_known, attempts[payment.id] = _payment(
                work, payment, orders, batch=batches[payment.batch_id], moment=moment
            )
            obligations.append(as_known)
    return replace(
        facts,
        versions=versions,
        nil_returns={place: nil for place, nil in facts.nil_returns.items() if nil.received_at <= moment},
        extensions=tuple(each for each in facts.extensions if each.recorded_at <= moment),
        cases=tuple(_case(case, moment) for case in facts.cases if case.submission_id in judged),
        applications=tuple(
            _application(each, moment) for each in facts.applications if each.prepared_at <= moment
        ),
        obligations=tuple(obligations),
        attempts=attempts,
        batches=tuple(batches.values()),
        filings=tuple(filing for filing in facts.filings if filing.filed_at <= moment),
        bad_files=tuple(file for file in facts.bad_files if file.received_at <= moment),
    )


def _version(version: Submission, moment: datetime) -> Submission:
    if version.judged_at is not None and version.judged_at > moment:
        version = replace(version, judged_at=None, verdict=None)
    if version.returned_at is not None and version.returned_at > moment:
        version = replace(version, returned_at=None, returned_by=None, return_reason=None)
    return version


def _case(case: ReviewCase, moment: datetime) -> ReviewCase:
    if case.decided_at is None or case.decided_at <= moment:
        known = case
    else:
        proposed = case.proposed_at is not None and case.proposed_at <= moment
        known = replace(
            case,
            state=CaseState.PROPOSED if proposed else CaseState.READY,
            approved_fen=None,
            checker=None,
            decided_at=None,
            reason=case.reason if proposed else None,
            maker=case.maker if proposed else None,
        )
    if known.proposed_at is not None and known.proposed_at > moment:
        known = replace(known, state=CaseState.READY, proposed_fen=None, maker=None, proposed_at=None)
    return known


def _application(application: Application, moment: datetime) -> Application:
    return replace(
        application,
        lines=tuple(
            replace(line, reviewed_fen=None, reason=None, reviewed_by=None, reviewed_at=None)
            if line.reviewed_at is not None and line.reviewed_at > moment
            else line
            for line in application.lines
        ),
    )


def _batch(work: Work, batch: Batch, moment: datetime) -> Batch:
    moments = {record.action: record.at for record in work.audit.records(f"batch:{batch.key}")}
    approved, released = moments.get("approve_batch"), moments.get("release_batch")
    if approved is not None and approved > moment:
        return replace(batch, state=BatchState.SUBMITTED, checker=None, approved_digest=None, releaser=None)
    if released is not None and released > moment:
        return replace(batch, state=BatchState.APPROVED, releaser=None)
    return batch


def _payment(
    work: Work, obligation: Obligation, attempts: Sequence[Attempt], *, batch: Batch, moment: datetime
) -> tuple[Obligation, tuple[Attempt, ...]]:
    """A payment and its orders as they were known at ``moment``.

    Before the first call to the bank it was released and no more, whatever the bank did with it later.
    """
    if batch.state is not BatchState.RELEASED:
        state = _STATE_OF_BATCH.get(batch.state, obligation.state)
        return replace(obligation, state=state, settled_at=None, held_reason=None), ()
    sent = [each for each in attempts if each.first_sent_at is not None and each.first_sent_at <= moment]
    if not sent:
        by_person = obligation.state in _BY_PERSON and _last_act(work, obligation) <= moment
        return (obligation if by_person else _as(obligation, ObligationState.RELEASED)), ()
    last = sent[-1]
    calls = work.attempts.calls(last.key) if last.was_unknown or not _is_settled(obligation, moment) else []
    settled_since = obligation.settled_at is not None and obligation.settled_at > moment
    if not settled_since and not any(call.at > moment for call in calls):
        # The bank has answered nothing since: at most a person has acted.
        later = obligation.state in _BY_PERSON and _last_act(work, obligation) > moment
        return (_as(obligation, ObligationState.IN_FLIGHT) if later else obligation), tuple(sent)
    answered = _answered(calls, moment)
    known = replace(last, state=answered, bank_serial=None, executed_at=None, reason=None)
    payment = ObligationState.FAILED if answered is AttemptState.REJECTED else ObligationState.IN_FLIGHT
    return _as(obligation, payment), (*sent[:-1], known)


_BY_PERSON = frozenset({ObligationState.HELD, ObligationState.CANCELLED, ObligationState.RETRY_APPROVED})
"""States that stand in the audit trail with their moment."""


def _last_act(work: Work, obligation: Obligation) -> datetime:
    """When the trail last speaks of the payment, as ``hold`` and people's decisions do; long ago when it does not."""
    records = list(work.audit.records(f"obligation:{obligation.key}"))
    return records[-1].at if records else datetime.min.replace(tzinfo=SHANGHAI)


def _is_settled(obligation: Obligation, moment: datetime) -> bool:
    return obligation.settled_at is not None and obligation.settled_at <= moment


def _as(obligation: Obligation, state: ObligationState) -> Obligation:
    return replace(obligation, state=state, settled_at=None, held_reason=None)


def _answered(calls: Sequence[GatewayCall], moment: datetime) -> AttemptState:
    """What the bank's last answer by ``moment`` had said; unknown where it had said nothing exact."""
    answers = [call.answer for call in calls if call.answer is not None and call.at <= moment]
    if answers and answers[-1] == GatewayAnswerKind.PROCESSING:
        return AttemptState.ACCEPTED
    if answers and answers[-1] == GatewayAnswerKind.REJECTED:
        return AttemptState.REJECTED
    return AttemptState.UNKNOWN
