"""What gives a notice and when it ends, decided from what was read; and what a message shows of a flood."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_policies, load_work_calendar
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.notices import MAX_ATTEMPTS, Notice, NoticeKind, over, pause_after
from fundpool.domain.periods import Month
from fundpool.services.ports.notices import Queue, Surroundings
from fundpool.services.watch.notices import needed_holiday_notices, standing_notices
from fundpool.services.watch.outbox import compose
from fundpool.services.watch.readings import CityReading, FailedStep, Reading, StoppedFund
from tests.integration.month_scene import at

CALENDAR = load_work_calendar(PRODUCT_POLICIES)
POLICIES = load_policies(PRODUCT_POLICIES)
TAIZHOU, SUIZHOU = POLICIES.city("taizhou"), POLICIES.city("suizhou")
NOON = at("2026-09-15 12:00")
ROOMY = Surroundings("1", "1", "1", free_bytes=10, min_free_bytes=5, queue=None)


def city(policy=TAIZHOU, **what) -> CityReading:
    nothing = dict.fromkeys(("months", "duties", "failed_steps", "stopped", "payments", "counts"), ())
    return CityReading(policy, **{**nothing, **what})


def reading(
    now: datetime = NOON, *cities: CityReading, ticks=None, backup: datetime | None = None
) -> Reading:
    found = cities or (city(),)
    done = {each.policy.key: now for each in found} if ticks is None else ticks
    return Reading(now, found, done, backup or now)


def standing(found: Reading, surroundings: Surroundings = ROOMY) -> dict[str, Notice]:
    return {notice.key: notice for notice in standing_notices(found, surroundings, CALENDAR)}


def test_an_installation_that_is_well_tells_nothing() -> None:
    assert standing(reading()) == {}


@pytest.mark.parametrize(
    ("now", "last", "key"),
    [
        ("2026-09-15 07:29", "2026-09-14 07:02", None),
        ("2026-09-15 07:30", "2026-09-14 07:02", "tick:2026-09-15"),
        ("2026-09-15 07:30", "2026-09-15 07:02", None),
        ("2026-09-16 02:00", "2026-09-14 07:02", "tick:2026-09-15"),
        ("2026-09-16 07:30", "2026-09-14 07:02", "tick:2026-09-16"),
        ("2026-09-15 12:00", None, "tick:2026-09-15"),
    ],
)
def test_a_tick_is_missing_from_half_past_seven_until_it_is_done(now, last, key) -> None:
    ticks = {} if last is None else {"taizhou": at(last)}
    assert list(standing(reading(at(now), ticks=ticks))) == ([] if key is None else [key])


def test_the_missing_ticks_of_several_mornings_and_cities_end_together() -> None:
    both = (city(), city(SUIZHOU))
    one_done = reading(NOON, *both, ticks={"taizhou": NOON})
    (notice,) = standing(one_done).values()
    assert (notice.subject, notice.city) == ("tick", None)
    assert "随州市" in notice.message_zh
    assert "台州市" not in notice.message_zh


def test_no_worker_is_told_after_ten_minutes_while_anything_is_to_run() -> None:
    gone = Queue(1, 0, 0, workers_online=0, last_heartbeat_at=NOON - timedelta(minutes=10))
    around = replace(ROOMY, queue=gone)
    ((key, notice),) = standing(reading(), around).items()
    assert (key, notice.kind, notice.subject) == (
        "worker:2026-09-15T11:50:00+08:00",
        NoticeKind.WORKER_OFFLINE,
        "worker",
    )
    assert "fundpool doctor" in notice.remedy
    assert list(standing(reading(NOON + timedelta(hours=6)), around)) == [key], "one event, however long"
    for well in (
        replace(gone, last_heartbeat_at=NOON - timedelta(minutes=9, seconds=59)),
        replace(gone, workers_online=1),
        replace(gone, scheduled=0),
    ):
        assert standing(reading(), replace(ROOMY, queue=well)) == {}
    assert list(standing(reading(), replace(ROOMY, queue=replace(gone, scheduled=0, running=1)))) == [key]
    assert standing(replace(reading(), cities=()), around) == {}, "nothing is carried on here yet"


def test_a_server_that_is_away_hides_its_workers_and_one_set_up_anew_knows_none() -> None:
    away = replace(ROOMY, queue=ServiceUnavailable("prefect_unavailable", "没有应答", "no answer"))
    seen = replace(reading(), worker_seen_at=NOON - timedelta(minutes=10))
    (notice,) = standing(seen, away).values()
    assert "does not answer" in notice.message_en
    assert standing(replace(seen, worker_seen_at=NOON - timedelta(minutes=9)), away) == {}
    anew = replace(ROOMY, queue=Queue(1, 0, 0, workers_online=0))
    assert list(standing(seen, anew)) == [notice.key], "the same event"
    assert list(standing(reading(), anew)) == ["worker:2026-09-15"]


def test_a_disk_below_the_limit_is_told_once_a_day() -> None:
    low = replace(ROOMY, free_bytes=4)
    assert list(standing(reading(), low)) == ["disk:2026-09-15"]
    assert list(standing(reading(NOON + timedelta(hours=11)), low)) == ["disk:2026-09-15"]
    assert list(standing(reading(NOON + timedelta(hours=12)), low)) == ["disk:2026-09-16"]
    assert standing(reading(), replace(low, free_bytes=5)) == {}


def test_a_backup_older_than_a_day_is_told_once_until_there_is_a_newer_one() -> None:
    day = timedelta(days=1)
    # A nightly copy that takes a while longer than the last one is no late one.
    assert standing(reading(backup=NOON - day - timedelta(hours=2))) == {}
    old = NOON - day - timedelta(hours=2, seconds=1)
    (key,) = standing(reading(backup=old))
    assert key.startswith("backup:2026-09-14")
    assert list(standing(reading(NOON + day, backup=old))) == [key]
    never = replace(reading(), last_backup_at=None)
    assert list(standing(never)) == ["backup:never"]
    assert standing(replace(never, cities=())) == {}


def test_a_holiday_notice_is_missing_sixty_days_before_the_first_duty_that_needs_it() -> None:
    """The first duties of Taizhou in 2027, whose notice is not on file, are on the last days of December."""
    first = min(needed_holiday_notices([TAIZHOU], CALENDAR, at("2026-12-01 09:00")).items())
    year, day = first
    assert year == 2027
    assert day >= date(2026, 12, 28)
    told_from = datetime.combine(day - timedelta(days=60), datetime.min.time(), NOON.tzinfo)
    assert list(standing(reading(told_from))) == ["holiday:2027"]
    assert standing(reading(told_from - timedelta(seconds=1))) == {}
    known = replace(CALENDAR, notices={**CALENDAR.notices, 2027: ("国办发明电",)})
    assert needed_holiday_notices([TAIZHOU], known, told_from) == {}


def test_a_stop_is_an_event_of_its_own_each_time() -> None:
    def stopped(since: datetime | None) -> dict[str, Notice]:
        return standing(reading(NOON, city(stopped=(StoppedFund("resident", since),))))

    first, again, deleted = stopped(NOON), stopped(NOON + timedelta(minutes=1)), stopped(None)
    assert len({*first, *again, *deleted}) == 3
    assert {notice.subject for found in (first, again, deleted) for notice in found.values()} == {
        "stop:taizhou:resident"
    }


def test_a_step_that_fails_again_and_again_is_told_once_a_day() -> None:
    def failing(at_: datetime) -> dict[str, Notice]:
        step = FailedStep(Month(2026, 10), "disbursement", at_, 2, ("gateway_unauthorised",))
        return standing(reading(NOON, city(failed_steps=(step,))))

    morning, noon, next_day = failing(at("2026-09-15 07:05")), failing(NOON), failing(at("2026-09-16 07:05"))
    assert morning.keys() == noon.keys() != next_day.keys()
    (notice,) = morning.values()
    assert "gateway_unauthorised" in notice.message_zh
    assert "fundpool run disbursement --city taizhou --month 2026-10" in notice.remedy


def test_pauses_grow_and_attempts_are_bounded() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, MAX_ATTEMPTS)]
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (5, 10, 20, 40)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=6)
    assert pause_after(MAX_ATTEMPTS) is None


def flood(count: int, cities: int = 1) -> list[Notice]:
    return [
        Notice(
            f"overdue:{number}",
            NoticeKind.OVERDUE,
            f"县{number} 逾期",
            f"{number} late",
            "催报 ask",
            city=f"c{number % cities}",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("cities", [1, 3, 60])
def test_three_hundred_late_counties_are_one_short_message_that_names_how_many(cities: int) -> None:
    message = compose(flood(300, cities), "zh")
    assert len(message.text.splitlines()) < 500
    assert len(message.text.encode()) < 20_000
    assert len(message.notices) == 300
    assert "300 项" in message.title
    shown = message.text.count("逾期") - message.text.count("【逾期未办")
    more = sum(int(line.split("另有 ")[1].split()[0]) for line in message.text.splitlines() if "另有" in line)
    assert shown + more == 300


def test_a_message_keeps_what_is_over_apart_and_says_whether_all_is() -> None:
    stop = Notice("stop:1", NoticeKind.FUND_STOPPED, "停发", "stopped", "restart", city="taizhou")
    both = compose([over(stop), stop], "zh")
    assert [each["is_over"] for each in both.notices] == [False, True]
    assert both.text.index("停发\n") < both.text.index("已解除")
    assert not both.is_all_over
    assert compose([over(stop)], "zh").is_all_over
