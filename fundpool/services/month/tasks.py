"""Somebody's tasks: what they can do now, what waits for others, what cannot start yet, and what they did.

Derived from the turns (``turns``) and the progress of the duties; nothing is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from fundpool.domain.accounts import Account
from fundpool.domain.audit import AuditRecord
from fundpool.domain.duties import duties_of
from fundpool.domain.month import MONTH, STEPS, OperatingStep
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import SHANGHAI, Month, day_of, parse_period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState
from fundpool.domain.rights import Right
from fundpool.domain.schedule import opening_day
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.document_collection import STEP as DOCUMENT_STEP
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.month.daily import hops_of, open_months
from fundpool.services.month.turns import CLOCK, turns
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.oversight.progress import (
    APPROVER,
    BANK,
    CHECKER,
    COUNTY,
    FINANCE,
    OPERATOR,
    PLAN_DUTY,
    RELEASER,
    REVIEWER,
    TURN_OF_CASE,
)
from fundpool.services.oversight.status import county_month, heads_of
from fundpool.services.ports.work import MonthPorts
from schemas.dashboard import CountyMonth, DutyStatus, Turn
from schemas.documents import document_type

RIGHT_OF_TURN: Mapping[str, Right | None] = {
    COUNTY: Right.FILE,
    REVIEWER: Right.REVIEW,
    CHECKER: Right.CONFIRM_REVIEW,
    FINANCE: Right.REVIEW_APPLICATION,
    APPROVER: Right.APPROVE_PAYMENT,
    RELEASER: Right.RELEASE_PAYMENT,
    OPERATOR: Right.OPERATE,
    BANK: None,
    CLOCK: None,
}
"""Who takes each turn: an account whose role has the right; None: nobody, it comes by itself."""

POSTS_OF_STEP: Mapping[str, tuple[str, ...]] = {
    "plan-review": (REVIEWER, CHECKER),
    "funds-application": (FINANCE,),
    "disbursement": (APPROVER, RELEASER),
    "allocation": (APPROVER, RELEASER),
    "expenditure-reporting": (REVIEWER, CHECKER),
}
"""The people of the city who act in a step, in their order, after whatever the step waits for."""

STEP_OF_REVIEW: Mapping[str, str] = {
    DocumentKind.PLAN: "plan-review",
    DocumentKind.REPORT: "expenditure-reporting",
}
"""The step in which a document is reviewed, where it is not that of the other documents."""

_PLACE = {step.key: place for place, step in enumerate(MONTH)}
_NOTHING_BEGAN = ("前面的事项尚未开始", "what comes before has not begun")
MOST_DONE = 200
"""So many of a person's acts are read."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """An account's tasks, each group the most urgent first; the last act of ``done`` first."""

    now: tuple[Turn, ...]
    waiting: tuple[Turn, ...]
    not_yet: tuple[Turn, ...]
    done: tuple[AuditRecord, ...]


def tasks_of(ports: MonthPorts, account: Account | None, cities: Sequence[str], *, now: datetime) -> Tasks:
    """The tasks of ``account`` in the cities; without one (a sandbox that has no accounts) those of everybody."""
    all_turns = turns(ports, cities, now=now)
    if account is not None and account.county is not None:
        of_county = [_of_county(ports, city, account.county, found=all_turns, now=now) for city in cities]
        mine, waiting, not_yet = ([turn for each in of_county for turn in each[group]] for group in range(3))
    elif account is not None and not account.may(Right.READ_CITY):
        mine, waiting, not_yet = [], [], []  # administrators have no business
    else:
        mine = [turn for turn in all_turns if _is_mine(turn, account)]
        waiting = [turn for turn in all_turns if not _is_mine(turn, account)]
        not_yet = [
            turn for city in cities for turn in _not_yet(ports, city, account, found=all_turns, now=now)
        ]
    return Tasks(tuple(mine), tuple(waiting), tuple(not_yet), _done(ports, account, now))


def _is_mine(turn: Turn, account: Account | None) -> bool:
    right = RIGHT_OF_TURN[turn.turn]
    if right is None or (account is not None and turn.turn == COUNTY):
        return False  # a county files for itself, though a clerk of the city may do it for a county
    return account is None or account.may(right)


def _done(ports: MonthPorts, account: Account | None, now: datetime) -> tuple[AuditRecord, ...]:
    """What the account did since the month began."""
    if account is None:
        return ()
    since = datetime.combine(Month.of(day_of(now)).first_day, time(), SHANGHAI)
    return tuple(
        ports.database.read(lambda work: work.audit.find(actor=account.name, since=since, limit=MOST_DONE))
    )


# ---------------------------------------------------------------------------------- the city


def _not_yet(
    ports: MonthPorts, city: str, account: Account | None, *, found: Sequence[Turn], now: datetime
) -> Iterator[Turn]:
    """The acts of the open months that become the account's later on, with what they wait for."""
    policy, day = ports.policies.city(city), day_of(now)
    of_city = [turn for turn in found if turn.city == city and turn.month is not None]
    for month in open_months(ports, policy, day):
        of_month = [turn for turn in of_city if turn.month == str(month)]
        states, duties = heads_of(ports, city, month, now=now)
        hops = hops_of(policy)
        for key, posts in POSTS_OF_STEP.items():
            step = STEPS[key]
            if states.get(key) == UnitState.DONE or (step.moves_money and step.duty not in hops):
                continue
            for post in posts:
                duty = duties.get(step.duty or "")
                if not _may_take(post, account) or (why := _what_it_waits_for(step, post, of_month)) is None:
                    continue
                if duty is not None and duty.key in DOCUMENT_OF and why == _NOTHING_BEGAN:
                    why = _opens(ports, policy, duty)
                yield _turn(policy, str(month), post, why=why, step=key, duty=duty)


def _may_take(post: str, account: Account | None) -> bool:
    right = RIGHT_OF_TURN[post]
    return right is not None and (account is None or account.may(right))


def _what_it_waits_for(step: OperatingStep, post: str, of_month: Sequence[Turn]) -> tuple[str, str] | None:
    """What stands before the post's act in the step's chain; None where it is their turn, or was already."""
    chain = _chain(step)
    in_chain = [turn for turn in of_month if turn.step in chain]
    here = (_PLACE[step.key], POSTS_OF_STEP[step.key].index(post) + 1)
    places = [(_place_of(turn), turn) for turn in in_chain]
    before = [turn for place, turn in sorted(places, key=lambda each: each[0]) if place < here]
    if any(place == here for place, _ in places):
        return None
    if before:
        first = before[0]
        counties = sum((turn.turn, turn.why_zh) == (COUNTY, first.why_zh) for turn in before)
        if counties > 1:
            return f"{first.why_zh}（{counties} 个县区）", f"{first.why_en} ({counties} counties)"
        return first.why_zh, first.why_en
    if places:
        return None
    return _NOTHING_BEGAN


def _place_of(turn: Turn) -> tuple[int, int]:
    """Where a turn stands in the month: the place of its step, and of its post within the step."""
    posts = POSTS_OF_STEP.get(turn.step or "", ())
    return _PLACE[turn.step or ""], posts.index(turn.turn) + 1 if turn.turn in posts else 0


def _chain(step: OperatingStep) -> set[str]:
    """The step and those before it in its chain."""
    found = {step.key}
    while step.after is not None:
        step = STEPS[step.after]
        found.add(step.key)
    return found


# ---------------------------------------------------------------------------------- a county


def _of_county(
    ports: MonthPorts, city: str, county: str, *, found: Sequence[Turn], now: datetime
) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """What a county can do now, what of its own waits for others, and what it cannot do yet."""
    policy, day = ports.policies.city(city), day_of(now)
    mine = [turn for turn in found if (turn.city, turn.turn, turn.unit) == (city, COUNTY, county)]
    filed_for = {(turn.duty, turn.month) for turn in mine}
    waiting: list[Turn] = []
    not_yet: list[Turn] = []
    for month in open_months(ports, policy, day):
        shown = county_month(ports, city, month, county=county, now=now)
        waiting += _cases_under_way(policy, shown)
        for duty in shown.duties:
            if duty.waiting_for is None or (duty.key, duty.period) in filed_for:
                continue
            is_filed = (PLAN_DUTY, duty.period) not in filed_for
            if duty.waiting_for != COUNTY and is_filed:
                who, why = duty.waiting_for, ("办理中", "under way")
                waiting.append(_turn(policy, duty.period, who, why=why, duty=duty, unit=county))
            elif duty.key in DOCUMENT_OF:
                why = _opens(ports, policy, duty)
                not_yet.append(_turn(policy, duty.period, COUNTY, why=why, duty=duty, unit=county))
            else:
                why = ("等本县报送用款计划", "waits for this county's plan")
                not_yet.append(_turn(policy, duty.period, COUNTY, why=why, duty=duty, unit=county))
    return mine, waiting, not_yet


def _cases_under_way(policy: CityPolicy, shown: CountyMonth) -> Iterator[Turn]:
    """The county's own review cases that people have not decided; of earlier ones nothing waits."""
    judged = {(each.document, each.period): each.received_at for each in shown.submissions}
    for case in shown.cases:
        who = TURN_OF_CASE.get(CaseState(case.state))
        if who not in {None, COUNTY}:
            kind = document_type(case.document)
            why = f"{kind.zh}待审", f"{kind.en} in review"
            step = STEP_OF_REVIEW.get(case.document, DOCUMENT_STEP)
            turn = _turn(policy, case.period or shown.month, who, why=why, step=step)
            yield turn.model_copy(
                update={
                    "unit": shown.county,
                    "fund": case.fund,
                    "amount_fen": case.requested_fen,
                    "since": case.proposed_at or judged.get((case.document, case.period)),
                }
            )


def _opens(ports: MonthPorts, policy: CityPolicy, duty: DutyStatus) -> tuple[str, str]:
    """From when the document is collected."""
    duties = duties_of(policy, parse_period(duty.period), ports.calendar)
    legal = next((each for each in duties if each.key == duty.key), None)
    day = opening_day(legal, ports.calendar) if legal is not None else None
    if day is None:
        return "尚未开始收取", "not collected yet"
    return f"{day} 起收取", f"collected from {day} on"


def _turn(
    policy: CityPolicy,
    period: str,
    who: str,
    *,
    why: tuple[str, str],
    step: str | None = None,
    duty: DutyStatus | None = None,
    unit: str | None = None,
) -> Turn:
    """A turn that is not there yet, or is of others: it has no command."""
    words = DUTY_NAMES.get(duty.key, ("", "")) if duty else ("", "")
    names = {each.code: each.name_zh for each in policy.units}
    return Turn(
        city=policy.key,
        month=period,
        turn=who,
        waits_for_person=True,
        step=step,
        duty=duty and duty.key,
        rule=duty and duty.rule,
        unit=unit,
        unit_name_zh=names.get(unit or "", policy.name_zh),
        due=duty and duty.due,
        act_by=duty and (duty.extended_until or duty.act_by),
        days_late=duty and (duty.days_late or None),
        why_zh=f"{words[0]}：{why[0]}" if words[0] and step is None else why[0],
        why_en=f"{words[1]}: {why[1]}" if words[1] and step is None else why[1],
        basis=duty and duty.basis,
        command="",
    )
