"""Whom to call about what is owed and what to say, and the log of the calls that were made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fundpool.domain.duties import duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.notices import Call, Delivery, Recipient, StoredNotice
from fundpool.domain.people import is_stated, person
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy, require_county
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.oversight.progress import DutyProgress, month_facts, progress_of
from fundpool.services.oversight.status import due_this_month
from fundpool.services.ports.notices import Contact
from fundpool.services.ports.work import MonthPorts, Work
from fundpool.services.watch.reminders import (
    Owed,
    Stage,
    duty_in_words,
    owed_of,
    stage_in_words,
    unit_name,
)

KEPT_FOR = timedelta(days=120)
"""How far back deliveries and calls about an open month are looked for."""


@dataclass(frozen=True, slots=True)
class CallToMake:
    """One duty that a unit owes, as it is said on the telephone."""

    unit: str
    unit_name: str
    duty: str
    person: str
    telephone: str
    say_zh: str
    say_en: str
    is_overdue: bool
    has_channel: bool
    delivered: tuple[Delivery, ...]
    """Of the reminder that stands now."""
    last_call: Call | None


def calls_to_make(
    ports: MonthPorts,
    *,
    city: str,
    month: Month,
    contacts: Mapping[Recipient, Contact],
    days_before: int,
    now: datetime,
) -> list[CallToMake]:
    """What is owed of the month: what is overdue first, of that who was not reached by a message."""
    policy = ports.policies.city(city)

    def read(work: Work) -> tuple[Sequence[DutyProgress], list[StoredNotice], list[Call]]:
        since, facts = now - KEPT_FOR, month_facts(work, policy, month)
        duties = [
            *progress_of(policy, month, ports.calendar, facts=facts, now=now),
            *due_this_month(ports, work, policy, month=month, now=now, until=None)[0],
        ]
        return duties, work.notices.since(since, policy.key), work.notices.calls(since, policy.key)

    duties, notices, calls = ports.database.read(read)
    owed = owed_of(policy, duties, ports.calendar, now=now, days_before=days_before)
    deliveries = {stored.notice.key: stored.deliveries for stored in notices}
    last = {(call.month, call.duty, call.unit): call for call in calls}
    found = [
        _call_to_make(
            policy,
            each,
            contacts.get(each.recipient, Contact()),
            delivered=deliveries.get(each.key, ()),
            last_call=last.get((month, each.progress.duty.key, each.recipient.unit)),
        )
        for each in owed
    ]
    return sorted(found, key=lambda call: (not call.is_overdue, bool(call.delivered)))


def _call_to_make(
    policy: CityPolicy,
    owed: Owed,
    contact: Contact,
    *,
    delivered: tuple[Delivery, ...],
    last_call: Call | None,
) -> CallToMake:
    (duty_zh, duty_en), (stage_zh, stage_en) = duty_in_words(policy, owed), stage_in_words(owed)
    can_be_nil = owed.progress.duty.key in DOCUMENT_OF
    else_zh, else_en = (
        (
            "确无业务请作零申报，需要延期请书面申请。",
            " With nothing to file, declare a nil return; ask for an extension in writing.",
        )
        if can_be_nil
        else ("", "")
    )
    return CallToMake(
        unit=owed.recipient.unit,
        unit_name=unit_name(policy, owed.recipient.unit)[0],
        duty=owed.progress.duty.key,
        person=contact.person,
        telephone=contact.telephone,
        say_zh=f"您好，{policy.name_zh}医保提醒：{duty_zh}，{stage_zh}。{else_zh}",
        say_en=f"A reminder of {policy.name_en}'s medical insurance fund: {duty_en}, {stage_en}.{else_en}",
        is_overdue=owed.stage is Stage.AFTER,
        has_channel=bool(contact.channels),
        delivered=delivered,
        last_call=last_call,
    )


def record_call(
    ports: MonthPorts,
    *,
    city: str,
    month: Month,
    duty: str,
    county: str | None,
    spoken_with: str | None,
    note: str,
    by: str,
    now: datetime,
) -> Call:
    """Keep a call about a duty: who called whom, and what was said and promised.

    Without a county the unit is the office that has the duty. Raises InputError for a duty or a county that the
    city has not, and for a note that says nothing.
    """
    policy = ports.policies.city(city)
    known = {each.key: each for each in duties_of(policy, month, ports.calendar) if each.key in DUTY_NAMES}
    if duty not in known:
        raise InputError(
            "no_such_duty",
            f"{policy.name_zh}{month}没有职责 {duty}",
            f"{policy.name_en} has no duty {duty} in {month}",
            remedy=" | ".join(known),
        )
    if county is not None:
        require_county(policy, county)
    elif duty in DOCUMENT_OF:
        raise InputError(
            "county_missing",
            f"{duty} 由各县区办理，须写明县区",
            f"{duty} is a duty of the counties: name the county",
            remedy="--county CODE",
        )
    if not is_stated(note):
        raise InputError(
            "reason_missing",
            "须写明通话内容",
            "what was said must be stated",
            remedy="--note TEXT",
        )
    call = Call(
        id=0,
        city=policy.key,
        month=month,
        duty=duty,
        unit=county or known[duty].actor,
        spoken_with="" if spoken_with is None else person(spoken_with),
        note=note,
        called_by=person(by),
        called_at=now.astimezone(SHANGHAI),
    )

    def record(work: Work) -> None:
        work.notices.add_call(call)
        work.audit.append(
            at=now,
            actor=call.called_by,
            action="record_call",
            subject=f"duty:{policy.key}:{month}:{duty}:{call.unit}",
            before=None,
            after={"spoken_with": call.spoken_with, "note": note},
            reason=None,
        )

    ports.database.transaction(record)
    return call
