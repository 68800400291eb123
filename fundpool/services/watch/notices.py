"""Which notices stand now: decided anew each time from what was read, in the same way by every sender.

A notice leaves the machine: it names places, days and commands, and nothing that a bank or a person wrote.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from fundpool.domain.duties import DutyStatus, duties_of
from fundpool.domain.errors import FundpoolError
from fundpool.domain.month import STEPS
from fundpool.domain.notices import Notice, NoticeKind
from fundpool.domain.periods import SHANGHAI, Month, day_of, midnight
from fundpool.domain.policy import CityPolicy
from fundpool.domain.timeliness import DutyState
from fundpool.domain.transfer import ObligationState
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.oversight.flags import DUTY_NAMES, PAYMENT_REMEDIES
from fundpool.services.oversight.progress import DutyProgress
from fundpool.services.payments.kill_switches import STOP_REMEDY
from fundpool.services.payments.transfer_views import ASK_AGAIN
from fundpool.services.ports.notices import Queue, Surroundings
from fundpool.services.ports.work import Work
from fundpool.services.users.rights_report import rights_report
from fundpool.services.watch.readings import CityReading, FailedStep, OpenPayment, Reading

TICK_DONE_BY = time(7, 30)
"""The daily tick begins at 07:00; by this time of Shanghai it is done."""

NOTICE_AHEAD = timedelta(days=60)
"""How long before the first day that needs it a missing holiday notice is told."""

BACKUP_EVERY = timedelta(days=1, hours=2)
"""A day, and what a nightly copy may take longer than the night before."""

WORKER_GONE_AFTER = timedelta(minutes=10)
"""How long no worker may be online: an upgrade, a server that starts anew and a machine's restart take less."""

_NAMED = 5
"""How many cities a sentence names."""

_PAYMENT_WORDS = {
    ObligationState.FAILED: ("银行退拒", "was refused by the bank"),
    ObligationState.HELD: ("挂起待查", "is held"),
    ObligationState.RETURNED: ("已退票", "was sent back"),
    ObligationState.PARTLY_RETURNED: ("部分退票", "was sent back in part"),
}
_UNKNOWN = ("结果未明", "has an outcome that nobody knows")


def standing_notices(
    reading: Reading, surroundings: Surroundings, calendar: WorkCalendar
) -> tuple[Notice, ...]:
    """Everything that people are to know at ``reading.now``: what holds the month up first, then city by city."""
    notices: list[Notice] = [
        *_missing_tick(reading),
        *_no_worker(reading, surroundings.queue),
        *_full_disk(surroundings, reading.now),
        *_old_backup(reading),
        *_missing_holiday_notices(reading, calendar),
    ]
    for city in reading.cities:
        notices += _stopped_funds(city)
        notices += [_failed_step(city.policy, step) for step in city.failed_steps]
        notices += [_open_payment(city.policy, payment) for payment in city.payments]
        notices += [
            _overdue(city.policy, row) for row in city.duties if row.standing.state is DutyState.OVERDUE
        ]
    return tuple(notices)


def tick_day(now: datetime) -> date:
    """The last day whose tick must be done by ``now``."""
    local = now.astimezone(SHANGHAI)
    return local.date() if local.time() >= TICK_DONE_BY else local.date() - timedelta(days=1)


def without_tick(reading: Reading) -> list[CityReading]:
    """Cities in use whose tick is not done although it must be."""
    day = tick_day(reading.now)

    def is_missing(city: CityReading) -> bool:
        last = reading.last_tick.get(city.policy.key)
        return last is None or last.astimezone(SHANGHAI).date() < day

    return [city for city in reading.cities if is_missing(city)]


def _missing_tick(reading: Reading) -> Iterator[Notice]:
    missing = without_tick(reading)
    if not missing:
        return
    day = tick_day(reading.now)
    names_zh = "、".join(city.policy.name_zh for city in missing[:_NAMED])
    names_en = ", ".join(city.policy.key for city in missing[:_NAMED])
    more_zh, more_en = (
        (f"等 {len(missing)} 市", f" and {len(missing) - _NAMED} more") if len(missing) > _NAMED else ("", "")
    )
    yield Notice(
        key=f"tick:{day}",
        kind=NoticeKind.TICK_MISSING,
        message_zh=f"{day} 的每日调度到 07:30 未完成：{names_zh}{more_zh}",
        message_en=f"the daily tick of {day} was not done by 07:30: {names_en}{more_en}",
        remedy="fundpool health 看队列；启动执行器后在 Prefect 运行 daily-tick / fundpool health shows the queue; start the "
        "worker, then run daily-tick in Prefect",
        subject="tick",
    )


def worker_seen_at(reading: Reading, queue: Queue | FundpoolError | None) -> datetime | None:
    """The newest sign of life of any worker, by the Prefect server or as it was noted; None without any."""
    heartbeat = queue.last_heartbeat_at if isinstance(queue, Queue) else None
    return max((each for each in (heartbeat, reading.worker_seen_at) if each is not None), default=None)


def _no_worker(reading: Reading, queue: Queue | FundpoolError | None) -> Iterator[Notice]:
    if not reading.cities or queue is None:
        return
    # A server that does not answer runs nothing either, and ends no notice: its workers may all be gone.
    if isinstance(queue, Queue) and (queue.workers_online or not queue.scheduled + queue.running):
        return
    seen = worker_seen_at(reading, queue)
    if seen is not None and reading.now - seen < WORKER_GONE_AFTER:
        return
    local = None if seen is None else seen.astimezone(SHANGHAI)
    since_zh, since_en = (
        (
            f"自 {local:%Y-%m-%d %H:%M} 起没有执行器在线",
            f"no worker has been online since {local:%Y-%m-%d %H:%M}",
        )
        if local
        else ("从未有执行器在线", "no worker has ever been online")
    )
    away_zh, away_en = (
        ("，Prefect 服务没有应答", ", and the Prefect server does not answer")
        if isinstance(queue, FundpoolError)
        else ("", "")
    )
    yield Notice(
        # A server set up anew knows of no worker: told again each day it lasts.
        key=f"worker:{local.isoformat(timespec='seconds') if local else reading.now.astimezone(SHANGHAI).date()}",
        kind=NoticeKind.WORKER_OFFLINE,
        message_zh=f"{since_zh}{away_zh}，到期的步骤不会运行",
        message_en=f"{since_en}{away_en}: what is due does not run",
        remedy="启动执行器（fundpool start 或其服务），原因看 fundpool doctor / start the worker (fundpool start, or its "
        "service); fundpool doctor says what keeps it",
        subject="worker",
    )


def _full_disk(surroundings: Surroundings, now: datetime) -> Iterator[Notice]:
    if surroundings.free_bytes >= surroundings.min_free_bytes:
        return
    free_mb, wanted_mb = surroundings.free_bytes // 2**20, surroundings.min_free_bytes // 2**20
    yield Notice(
        # Told again each day it lasts; a disk about the limit is told of once a day.
        key=f"disk:{now.astimezone(SHANGHAI).date()}",
        kind=NoticeKind.DISK,
        message_zh=f"数据目录所在磁盘只剩 {free_mb} MB（低于 {wanted_mb} MB）",
        message_en=f"the disk of the data folder has {free_mb} MB left (less than {wanted_mb} MB)",
        remedy="腾出空间或扩容；下限见 FUNDPOOL_DISK_MIN_FREE_MB / make room; the limit is FUNDPOOL_DISK_MIN_FREE_MB",
        subject="disk",
    )


def rights_notices(work: Work, now: datetime) -> list[Notice]:
    """What was changed of people's accounts yesterday: told the day after, a fact and no trouble of the installation."""
    report = rights_report(work, now)
    today = day_of(now)
    count = sum(record.at < midnight(today) for record in report.changes)
    if not count:
        return []
    unused, locked = len(report.unused), len(report.locked)
    return [
        Notice(
            key=f"rights:{today}",
            kind=NoticeKind.RIGHTS,
            message_zh=f"昨日人员账户变动 {count} 项；90 天未用 {unused} 个，锁定 {locked} 个",
            message_en=f"changes of people's accounts yesterday: {count}; unused for 90 days: {unused}, locked out: {locked}",
            remedy="由安全管理员核对 / have the administrator of users look: fundpool users report",
            subject="rights",
        )
    ]


def is_backup_old(reading: Reading) -> bool:
    """Whether there is something to lose and no backup of the last day."""
    last = reading.last_backup_at
    return bool(reading.cities) and (last is None or reading.now - last > BACKUP_EVERY)


def _old_backup(reading: Reading) -> Iterator[Notice]:
    if not is_backup_old(reading):
        return
    last = reading.last_backup_at
    when = None if last is None else f"{last.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    yield Notice(
        key=f"backup:{when or 'never'}",
        kind=NoticeKind.BACKUP,
        message_zh=f"最近一次备份在 {when}，已超过一天" if when else "从未备份",
        message_en=f"the last backup is of {when}, more than a day ago"
        if when
        else "there was never a backup",
        remedy="fundpool backup FILE；用其他工具备份后执行 fundpool backup --made-elsewhere / fundpool backup FILE; after a copy "
        "by other means fundpool backup --made-elsewhere",
        subject="backup",
    )


def _missing_holiday_notices(reading: Reading, calendar: WorkCalendar) -> Iterator[Notice]:
    cities = [city.policy for city in reading.cities]
    for year, day in sorted(needed_holiday_notices(cities, calendar, reading.now).items()):
        yield Notice(
            key=f"holiday:{year}",
            kind=NoticeKind.HOLIDAY_NOTICE,
            message_zh=f"{year} 年放假通知未入库，{day} 起的期限无法确定",
            message_en=f"the holiday notice of {year} is not on file; duties from {day} on have no certain date",
            remedy=f"通知公布后存为 policies/work_calendar/{year}.yaml / once it is published, put it on file as "
            f"policies/work_calendar/{year}.yaml",
        )


def needed_holiday_notices(
    cities: Sequence[CityPolicy], calendar: WorkCalendar, now: datetime
) -> Mapping[int, date]:
    """The years whose notice is not on file although a duty of the coming 60 days needs it, and that day."""
    today = now.astimezone(SHANGHAI).date()
    last = today + NOTICE_AHEAD
    days = (today + timedelta(days=ahead) for ahead in range(NOTICE_AHEAD.days + 1))
    if all(map(calendar.is_settled, days)):
        return {}
    # A duty by working days has no day in an unknown year: the day without holidays is near enough.
    plain = {year: calendar.notices.get(year, ()) for year in (today.year, last.year, last.year + 1)}
    assumed = replace(calendar, notices={**calendar.notices, **plain})
    needed: dict[int, date] = {}
    for city in cities:
        for ahead in range(-1, 4):
            month = Month.of(today).plus(ahead)
            unsure = {
                (duty.rule, duty.key)
                for duty in duties_of(city, month, calendar)
                if duty.status in {DutyStatus.PROVISIONAL, DutyStatus.UNKNOWN}
            }
            for duty in duties_of(city, month, assumed) if unsure else ():
                day = duty.due
                if (duty.rule, duty.key) not in unsure or day is None or not today <= day <= last:
                    continue
                if not calendar.is_settled(day):
                    year = day.year + 1 if calendar.knows(day) else day.year
                    needed[year] = min(day, needed.get(year, day))
        if needed:
            break  # every city needs the same notice
    return needed


def _stopped_funds(city: CityReading) -> Iterator[Notice]:
    names = {fund.key: fund for fund in city.policy.funds}
    for stop in city.stopped:
        fund = names.get(stop.fund)
        stopped_at = None if stop.since is None else stop.since.astimezone(SHANGHAI)
        since = None if stopped_at is None else f"{stopped_at:%Y-%m-%d %H:%M}"
        fund_zh, fund_en = (fund.name_zh, fund.name_en) if fund else (stop.fund, stop.fund)
        yield Notice(
            key=f"stop:{city.policy.key}:{stop.fund}:{stopped_at.isoformat() if stopped_at else 'deleted'}",
            kind=NoticeKind.FUND_STOPPED,
            message_zh=f"{city.policy.name_zh}{fund_zh}基金自 {since or '不明时刻'} 起停发",
            message_en=f"{city.policy.key}: sending of the fund of the {fund_en} is stopped since "
            f"{since or 'an unknown moment'}",
            remedy=STOP_REMEDY,
            subject=f"stop:{city.policy.key}:{stop.fund}",
            city=city.policy.key,
        )


def _failed_step(policy: CityPolicy, failed: FailedStep) -> Notice:
    place = f"{policy.key}:{failed.month}:{failed.step}"
    codes = f"（{'、'.join(failed.codes)}）" if failed.codes else ""
    codes_en = f" ({', '.join(failed.codes)})" if failed.codes else ""
    return Notice(
        # Once a day, however often it is run again.
        key=f"step:{place}:{failed.last_run_at.astimezone(SHANGHAI).date()}",
        kind=NoticeKind.STEP_FAILED,
        message_zh=f"{policy.name_zh} {failed.month} 步骤“{STEPS[failed.step].name_zh}”有 {failed.count} 项未成{codes}",
        message_en=f"{policy.key} {failed.month}, step {failed.step}: {failed.count} could not be done{codes_en}",
        remedy=f"fundpool status --city {policy.key} --month {failed.month}；查明后 / then "
        f"fundpool run {failed.step} --city {policy.key} --month {failed.month}",
        subject=f"step:{place}",
        city=policy.key,
    )


def _open_payment(policy: CityPolicy, payment: OpenPayment) -> Notice:
    obligation = payment.obligation
    state = "unknown" if payment.is_unknown else obligation.state.value
    zh, en = _UNKNOWN if payment.is_unknown else _PAYMENT_WORDS[obligation.state]
    unit_zh = _unit_names(policy).get(obligation.unit, obligation.unit)
    return Notice(
        key=f"payment:{obligation.id}:{payment.attempts}:{state}",
        kind=NoticeKind.PAYMENT,
        message_zh=f"{unit_zh} {obligation.month} {obligation.fund} 款项（第 {obligation.id} 号）{zh}",
        message_en=f"payment {obligation.id} to {obligation.unit} ({obligation.month}, {obligation.fund}) {en}",
        remedy=ASK_AGAIN if payment.is_unknown else PAYMENT_REMEDIES[obligation.state],
        subject=f"payment:{obligation.id}",
        city=policy.key,
    )


def _overdue(policy: CityPolicy, row: DutyProgress) -> Notice:
    duty = row.duty
    zh, en = DUTY_NAMES[duty.key]
    unit_zh = _unit_names(policy).get(duty.unit or "", policy.name_zh)
    due = row.extended_until or duty.due
    see = f"fundpool status --city {policy.key} --month {duty.period}"
    ask = (
        "催报；确无业务 fundpool nil-return，准予延期 fundpool extension / ask for it; nil-return, extension"
    )
    return Notice(
        key=f"overdue:{policy.key}:{duty.period}:{duty.key}:{duty.unit or policy.division_code}",
        kind=NoticeKind.OVERDUE,
        message_zh=f"{unit_zh} {duty.period} {zh}逾期（应于 {due}）",
        message_en=f"{duty.unit or policy.key} {duty.period}: {en} is overdue (due {due})",
        remedy=f"{see}；{ask}" if duty.key in DOCUMENT_OF else see,
        city=policy.key,
    )


def _unit_names(policy: CityPolicy) -> dict[str, str]:
    return {policy.division_code: policy.name_zh, **{unit.code: unit.name_zh for unit in policy.units}}
