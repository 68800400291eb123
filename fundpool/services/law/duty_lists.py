"""What a person must know beside a list of duties, and which duties and events dates can count from."""

from collections.abc import Iterable, Sequence

from fundpool.domain.duties import Duty, DutyKind, DutyStatus, duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, Period, Year
from fundpool.domain.policy import After, CityPolicy, Status
from fundpool.domain.working_days import WorkCalendar


def require_anchors(policy: CityPolicy, anchors: Iterable[str]) -> None:
    """Raise InputError ``unknown_duty`` for a duty or event from which no deadline of the city counts."""
    deadlines = (duty.due for rule in policy.rules for duty in rule.duties)
    known = {name for due in deadlines if isinstance(due, After) for name in (due.duty, due.event) if name}
    for anchor in anchors:
        if anchor not in known:
            listed = ", ".join(sorted(known))
            raise InputError(
                "unknown_duty",
                f"{policy.name_zh}没有期限自职责 {anchor} 起算；有：{listed or '无'}",
                f"no duty of {policy.name_en} counts from {anchor}; there are: {listed or 'none'}",
            )


def notes_on(
    policy: CityPolicy,
    periods: Sequence[Period],
    duties: Sequence[Duty],
    *,
    calendar: WorkCalendar,
) -> list[str]:
    """Why the list of duties of the periods is empty, partial or not certain yet."""
    notes = []
    document = policy.instruments[0].reference
    if policy.status is not Status.IN_FORCE:
        notes.append(f"{document} 未生效（{policy.status.value}），没有期限 / not in force: no duties")
    elif policy.effective is not None:
        filled = {duty.period for duty in duties}
        first = Month.of(policy.effective)
        months = [period for period in periods if isinstance(period, Month)]
        years = [period.year for period in periods if isinstance(period, Year)]
        if (
            any(month < first and str(month) not in filled for month in months)
            or min(years, default=first.year) < first.year
        ):
            notes.append(f"{document} 自 {policy.effective} 起施行 / in force from {policy.effective}")
        # The chain of a month begins before it and ends after it: the first cycles lack earlier duties.
        notes += [
            f"{month}：首个循环，不完整 / first cycle, partial"
            for month in months
            if first.plus(-2) <= month <= first.plus(2)
            and str(month) in filled
            and _lacks_duties(policy, month, duties, calendar=calendar)
        ]
    if any(duty.status is DutyStatus.PROVISIONAL or _waits_for_notice(duty) for duty in duties):
        year = max(calendar.notices, default=0) + 1
        notes.append(
            f"{year} 年的放假通知未在库，有关日期暂定 / dates that need the notice of {year} are provisional"
        )
    return notes


def _waits_for_notice(duty: Duty) -> bool:
    return duty.status is DutyStatus.UNKNOWN and duty.kind is DutyKind.WORKING_DAY


def _lacks_duties(
    policy: CityPolicy, month: Month, duties: Sequence[Duty], *, calendar: WorkCalendar
) -> bool:
    """Whether the month has fewer duties than a month a year later."""
    full = {duty.key for duty in duties_of(policy, month.plus(12), calendar)}
    return full > {duty.key for duty in duties if duty.period == str(month)}
