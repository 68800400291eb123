"""How well an installation is, from the same reading and decisions as the notices."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from fundpool.domain.errors import FundpoolError
from fundpool.domain.notices import Notice, NoticeKind, StoredNotice
from fundpool.domain.timeliness import DutyState
from fundpool.domain.transfer import ObligationState
from fundpool.services.ports.notices import Queue, Surroundings
from fundpool.services.watch.installation import Installation
from fundpool.services.watch.notices import is_backup_old, standing_notices, without_tick
from fundpool.services.watch.readings import CityReading, Reading, read_installation
from schemas.health import (
    Backup,
    CityHealth,
    FailedStep,
    Health,
    HealthState,
    NoticesHealth,
    QueueHealth,
    Reason,
    Tick,
    Versions,
)

_OPEN = frozenset(ObligationState) - {
    ObligationState.SETTLED,
    ObligationState.CANCELLED,
    ObligationState.RETURNED,
    ObligationState.PARTLY_RETURNED,
}


def health_of(installation: Installation, now: datetime) -> Health:
    """The installation at ``now``; never an error: what does not answer is a reason."""
    surroundings = installation.look_around()
    try:
        if surroundings.database_error is not None:
            raise surroundings.database_error
        if surroundings.tables_version != surroundings.tables_wanted:
            raise _other_tables(surroundings)
        reading = read_installation(installation.ports, now)
        unsent = installation.ports.database.read(lambda work: work.notices.unsent())
    except FundpoolError as error:
        return _down(surroundings, error, now)
    standing = standing_notices(reading, surroundings, installation.ports.calendar)
    channels, reasons = _channels(installation)
    reasons += [*_queue_reasons(surroundings.queue, standing), *_undelivered(unsent), *_grouped(standing)]
    state = HealthState.ATTENTION if reasons else HealthState.WELL
    if isinstance(surroundings.queue, FundpoolError):
        state = HealthState.DOWN
    return Health(
        state=state,
        as_of=now,
        reasons=tuple(reasons),
        cities=tuple(_city(city, now) for city in reading.cities),
        tick=_tick(reading),
        queue=_queue(surroundings.queue),
        versions=_versions(surroundings),
        free_bytes=surroundings.free_bytes,
        min_free_bytes=surroundings.min_free_bytes,
        backup=_backup(reading),
        missing_holiday_notices=tuple(
            int(notice.key.partition(":")[2])
            for notice in standing
            if notice.kind is NoticeKind.HOLIDAY_NOTICE
        ),
        notices=NoticesHealth(
            channels=channels,
            waiting=len(unsent),
            undelivered=sum(stored.is_undelivered for stored in unsent),
        ),
    )


def _down(surroundings: Surroundings, error: FundpoolError, now: datetime) -> Health:
    return Health(
        state=HealthState.DOWN,
        as_of=now,
        reasons=(_reason_of(error),),
        cities=(),
        tick=None,
        queue=_queue(surroundings.queue),
        versions=_versions(surroundings),
        free_bytes=surroundings.free_bytes,
        min_free_bytes=surroundings.min_free_bytes,
        backup=None,
        missing_holiday_notices=(),
        notices=None,
    )


def _other_tables(surroundings: Surroundings) -> FundpoolError:
    found, wanted = surroundings.tables_version, surroundings.tables_wanted
    return FundpoolError(
        "tables_of_another_version",
        f"数据库的表是第 {found or '–'} 版，本程序用第 {wanted} 版",
        f"the tables stand at revision {found or '–'}, this program works with {wanted}",
        remedy="表较旧：先备份再 fundpool init；较新：换用写它的版本 / older tables: back up, then fundpool init; newer ones: "
        "use the version that wrote them",
    )


def _reason_of(error: FundpoolError) -> Reason:
    return Reason(kind=error.code, message_zh=error.zh, message_en=error.en, remedy=error.remedy)


def _channels(installation: Installation) -> tuple[int, list[Reason]]:
    """How many channels are set up, and why those of the settings cannot be used."""
    reasons = []
    try:
        channels = len(installation.channels())
    except FundpoolError as error:
        channels, reasons = 0, [_reason_of(error)]
    try:
        installation.contacts()
    except FundpoolError as error:
        reasons.append(_reason_of(error))
    return channels, reasons


def _queue_reasons(queue: Queue | FundpoolError | None, standing: Iterable[Notice]) -> list[Reason]:
    if queue is None:
        return []
    if isinstance(queue, FundpoolError):
        return [_reason_of(queue)]
    reasons = []
    # At once here; people are told, in the notice's words, once it has lasted.
    if queue.workers_online == 0 and all(each.kind is not NoticeKind.WORKER_OFFLINE for each in standing):
        reasons.append(
            Reason(
                kind="worker_offline",
                message_zh="没有执行器在线，到期的步骤不会运行",
                message_en="no worker is online: what is due does not run",
                remedy="启动执行器（fundpool start 或其服务） / start the worker (fundpool start, or its service)",
            )
        )
    if queue.late:
        reasons.append(
            Reason(
                kind="runs_late",
                count=queue.late,
                message_zh=f"{queue.late} 个运行已到时刻而未开始",
                message_en=f"{queue.late} runs should have begun",
                remedy="看执行器与前面的运行 / look at the worker and at the run before them",
            )
        )
    return reasons


def _undelivered(unsent: Iterable[StoredNotice]) -> list[Reason]:
    failed = [stored for stored in unsent if stored.is_undelivered]
    if not failed:
        return []
    first = failed[0]
    return [
        Reason(
            kind="notice_undelivered",
            count=len(failed),
            message_zh=f"{len(failed)} 条通知未送达（{first.failure}），第一条：{first.notice.message_zh}",
            message_en=f"{len(failed)} notices were not delivered ({first.failure}), first: {first.notice.message_en}",
            remedy="改正 FUNDPOOL_NOTIFY 或 HOME/contacts.toml 后 / correct FUNDPOOL_NOTIFY or HOME/contacts.toml, then: "
            "fundpool notices --send --again",
        )
    ]


def _grouped(standing: Iterable[Notice]) -> list[Reason]:
    ordered = sorted(standing, key=lambda each: (each.city or "", each.kind.value))
    reasons = []
    for (city, kind), members in groupby(ordered, key=lambda each: (each.city, each.kind)):
        first, *others = members
        reasons.append(
            Reason(
                kind=kind.value,
                city=city,
                count=1 + len(others),
                message_zh=first.message_zh,
                message_en=first.message_en,
                remedy=first.remedy,
            )
        )
    return reasons


def _city(city: CityReading, now: datetime) -> CityHealth:
    open_since = [each.oldest_at for each in city.counts if each.state in _OPEN]
    oldest = min(open_since, default=None)
    late = {row.duty.unit for row in city.duties if row.standing.state is DutyState.OVERDUE}
    return CityHealth(
        city=city.policy.key,
        name_zh=city.policy.name_zh,
        open_months=tuple(map(str, city.months)),
        duties=dict(Counter(row.standing.state.value for row in city.duties)),
        late_counties=tuple(sorted(unit for unit in late if unit is not None)),
        payments={each.state.value: each.count for each in city.counts},
        oldest_open_payment_at=oldest,
        oldest_open_payment_seconds=None if oldest is None else int((now - oldest).total_seconds()),
        stopped_funds=tuple(stop.fund for stop in city.stopped),
        failed_steps=tuple(
            FailedStep(month=str(step.month), step=step.step, count=step.count, codes=step.codes)
            for step in city.failed_steps
        ),
    )


def _tick(reading: Reading) -> Tick:
    last = [reading.last_tick.get(city.policy.key) for city in reading.cities]
    known = [moment for moment in last if moment is not None]
    missing = tuple(city.policy.key for city in without_tick(reading))
    # Of an installation where a city never had one, the whole was never done.
    is_whole = len(known) == len(last)
    return Tick(
        last_finished_at=min(known, default=None) if is_whole else None,
        is_missing=bool(missing),
        missing_cities=missing,
    )


def _queue(queue: Queue | FundpoolError | None) -> QueueHealth | None:
    return QueueHealth.of(queue) if isinstance(queue, Queue) else None


def _versions(surroundings: Surroundings) -> Versions:
    return Versions(
        code=surroundings.code_version,
        tables=surroundings.tables_version,
        tables_wanted=surroundings.tables_wanted,
    )


def _backup(reading: Reading) -> Backup:
    last = reading.last_backup_at
    age = None if last is None else int((reading.now - last).total_seconds())
    return Backup(last_at=last, age_seconds=age, is_old=is_backup_old(reading))
