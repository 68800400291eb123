"""A city's troubles become notices and come to an end, and the installation's health says so at every moment."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.errors import ServiceUnavailable
from fundpool.domain.notices import Notice, NoticeKind
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.domain.schedule import ScheduledStep
from fundpool.services.month import steps
from fundpool.services.payments import kill_switches, payment_decisions
from fundpool.services.ports.notices import Act, Channel, Queue, Surroundings
from fundpool.services.users import accounts
from fundpool.services.watch.health import health_of
from fundpool.services.watch.installation import Installation, look, tell
from schemas.health import Health, HealthState
from tests.accounts import enter
from tests.integration.month_scene import CityScene, at
from tests.integration.test_outbox import Recording

OCTOBER = Month(2026, 10)
FILED, MORNING = at("2026-09-24 10:00"), at("2026-09-28 11:00")
ROOMY = Surroundings(
    "0.2", "0013", "0013", free_bytes=10, min_free_bytes=5, queue=Queue(1, 0, 0, workers_online=1)
)


@pytest.fixture
def taizhou(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """A city whose counties have all filed their plans but the last one."""
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    for county in scene.counties[:-1]:
        scene.submit(scene.plan(county), "plan", FILED)
    scene.run("plan-collection", FILED)
    return scene


def installation(
    scene: CityScene, around: Surroundings = ROOMY, channels: Sequence[Channel] = ()
) -> Installation:
    return Installation(scene.ports, lambda: around, lambda: channels)


def all_done(scene: CityScene, now: datetime) -> None:
    """The day's tick and a backup."""
    for act, city in ((Act.DAILY_TICK, "taizhou"), (Act.BACKUP, "")):
        scene.ports.database.transaction(
            lambda work, act=act, city=city: work.last_done.record(act, now, city)
        )


def standing(scene: CityScene, now: datetime) -> list[Notice]:
    return list(look(installation(scene), now)[1])


def of_kind(scene: CityScene, kind: NoticeKind, now: datetime) -> list[Notice]:
    return [notice for notice in standing(scene, now) if notice.kind is kind]


def released(scene: CityScene) -> CityScene:
    """The first hop released and nothing sent."""
    scene.submit(scene.plan(scene.counties[-1]), "plan", FILED)
    scene.run("plan-collection", FILED)
    scene.run("plan-review", FILED)
    scene.decide(at("2026-09-25 10:00"))
    scene.run("funds-application", at("2026-09-25 11:00"))
    scene.review_by_finance(at("2026-09-28 09:00"))
    scene.run("disbursement", at("2026-09-28 10:00"))
    scene.authorise("disbursement", at("2026-09-28 10:30"))
    return scene


def test_a_county_is_overdue_from_the_day_after_its_day_until_it_files(taizhou: CityScene) -> None:
    late = taizhou.counties[-1]
    assert of_kind(taizhou, NoticeKind.OVERDUE, at("2026-09-25 23:59")) == []
    (notice,) = of_kind(taizhou, NoticeKind.OVERDUE, at("2026-09-26 00:00"))
    assert notice.key == f"overdue:taizhou:2026-10:submit_fund_use_plan:{late}"
    assert "应于 2026-09-25" in notice.message_zh
    assert "fundpool status --city taizhou --month 2026-10" in notice.remedy
    taizhou.submit(taizhou.plan(late), "plan", at("2026-09-26 10:00"))
    taizhou.run("plan-collection", at("2026-09-26 10:00"))
    found = of_kind(taizhou, NoticeKind.OVERDUE, at("2026-09-26 11:00"))
    assert late not in {notice.key.rpartition(":")[2] for notice in found}


def test_an_unknown_payment_is_told_until_the_bank_has_said(taizhou: CityScene) -> None:
    released(taizhou)
    taizhou.gateway.plan.add("silence_after", times=len(taizhou.funds))
    taizhou.run("disbursement", MORNING)
    found = of_kind(taizhou, NoticeKind.PAYMENT, MORNING)
    assert len(found) == len(taizhou.funds)
    assert all(notice.key.endswith(":unknown") and "never pay anew" in notice.remedy for notice in found)
    taizhou.run("reconciliation", at("2026-09-28 12:00"))
    assert of_kind(taizhou, NoticeKind.PAYMENT, at("2026-09-28 12:00")) == []


def test_a_payment_that_is_refused_again_after_a_retry_is_a_new_event(taizhou: CityScene) -> None:
    released(taizhou)
    taizhou.gateway.plan.add("reject", times=1)
    taizhou.run("disbursement", MORNING)
    (first,) = of_kind(taizhou, NoticeKind.PAYMENT, MORNING)
    number = int(first.key.split(":")[1])
    assert first.key == f"payment:{number}:1:failed"
    for person in ("甲", "乙"):
        taizhou.ports.database.transaction(
            lambda work, by=person: payment_decisions.approve_retry(
                work, number, by=by, reason="重付", now=MORNING
            )
        )
    assert of_kind(taizhou, NoticeKind.PAYMENT, MORNING) == []
    taizhou.gateway.plan.add("reject", times=1)
    taizhou.run("disbursement", MORNING)
    (second,) = of_kind(taizhou, NoticeKind.PAYMENT, MORNING)
    assert second.key == f"payment:{number}:2:failed"


def test_a_stopped_fund_is_told_at_once_and_its_end_too(taizhou: CityScene) -> None:
    mail = Recording()
    here, noon = installation(taizhou, channels=[mail]), at("2026-09-24 12:00")
    all_done(taizhou, noon)

    def keys_sent(now: datetime) -> list[list[str]]:
        tell(here, *look(here, now), sends=True)
        return mail.keys

    reason = "对账差 1,234,567.89 元，账号 33010122090000123"
    taizhou.ports.database.transaction(
        lambda work: kill_switches.stop_fund(work, "taizhou", "resident", reason=reason, by="李", now=noon)
    )
    ((key,),) = keys_sent(noon)
    assert key.startswith("stop:taizhou:resident:2026-09-24T12:00")
    assert "1,234,567.89" not in mail.messages[0].text, "what a person wrote stays here"
    assert len(keys_sent(noon)) == 1
    for person in ("甲", "乙"):
        taizhou.ports.database.transaction(
            lambda work, person=person: kill_switches.restart_fund(
                work, "taizhou", "resident", by=person, now=noon
            )
        )
    assert keys_sent(at("2026-09-24 12:05"))[1:] == [[f"over:{key}"]]


def test_what_was_changed_of_accounts_is_told_once_the_day_after(taizhou: CityScene) -> None:
    mail = Recording()
    here, noon, morning = (
        installation(taizhou, channels=[mail]),
        at("2026-09-24 12:00"),
        at("2026-09-25 08:00"),
    )
    database = taizhou.ports.database
    enter(database, "张安全", Role.SEC_ADMIN)
    enter(database, "李经办", Role.MAKER)
    for change in (accounts.disable_account, accounts.enable_account):
        database.transaction(lambda work, change=change: change(work, "李经办", by="张安全", now=noon))

    def texts_sent(now: datetime) -> list[str]:
        all_done(taizhou, now)
        tell(here, *look(here, now), sends=True)
        return [message.text for message in mail.messages]

    assert texts_sent(noon) == []
    (text,) = texts_sent(morning)
    assert "昨日人员账户变动 2 项" in text
    assert "李经办" not in text, "no name leaves the machine"
    assert len(texts_sent(morning + timedelta(hours=1))) == 1
    assert all("账户变动" not in each for each in texts_sent(at("2026-09-26 08:00"))[1:])
    assert all(reason.kind != "rights" for reason in health_of(here, morning).reasons)


def test_a_worker_that_is_gone_is_told_once_and_that_one_is_back_too(taizhou: CityScene) -> None:
    """In between the server dies too and comes back with an empty database: still the same event."""
    mail, noon = Recording(), at("2026-09-24 12:00")
    all_done(taizhou, noon)
    gone = Queue(1, 0, 0, workers_online=0, last_heartbeat_at=noon - timedelta(minutes=11, seconds=0.6))
    away = ServiceUnavailable("prefect_unavailable", "没有应答", "no answer")
    for minutes, queue in enumerate((gone, gone, away, replace(gone, last_heartbeat_at=None), away)):
        now = noon + timedelta(minutes=5 * minutes)
        here = installation(taizhou, replace(ROOMY, queue=queue), [mail])
        tell(here, *look(here, now), sends=True)
    assert mail.keys == [["worker:2026-09-24T11:48:59+08:00"]]
    reasons = health_of(here, now).reasons
    assert [reason.kind for reason in reasons] == ["prefect_unavailable", "worker_offline"]
    back = installation(taizhou, ROOMY, [mail])
    tell(back, *look(back, now), sends=True)
    assert mail.keys[1:] == [[f"over:{mail.keys[0][0]}"]]


def test_a_deleted_stop_is_told(taizhou: CityScene, database: Database) -> None:
    noon = at("2026-09-24 12:00")
    taizhou.ports.database.transaction(
        lambda work: kill_switches.stop_fund(work, "taizhou", "resident", reason="x", by="李", now=noon)
    )
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM kill_switch")
    (notice,) = of_kind(taizhou, NoticeKind.FUND_STOPPED, noon)
    assert notice.key == "stop:taizhou:resident:deleted"


def test_no_notice_and_no_health_holds_an_account_or_an_amount(
    taizhou: CityScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(taizhou)
    taizhou.gateway.plan.add("reject", times=1)
    taizhou.gateway.plan.add("silence_after", times=1)
    taizhou.run("disbursement", MORNING)
    with monkeypatch.context() as patch:
        patch.setitem(steps.PARTS, "flags", (_broken,))
        taizhou.run("flags", MORNING)
    now = at("2026-10-20 09:00")
    notices = standing(taizhou, now)
    assert {notice.kind for notice in notices} >= {
        NoticeKind.PAYMENT,
        NoticeKind.STEP_FAILED,
        NoticeKind.OVERDUE,
    }
    shown = json.dumps([notice.__repr__() for notice in notices], ensure_ascii=False)
    shown += health_of(installation(taizhou), now).model_dump_json()

    def secrets(work: Any) -> set[str]:
        accounts = {account.account_no for account in work.accounts.find("taizhou")}
        amounts = {obligation.amount_fen for obligation in work.payments.obligations(city="taizhou")}
        return accounts | {str(amount) for amount in amounts} | {f"{amount / 100:,.2f}" for amount in amounts}

    held = taizhou.ports.database.read(secrets)
    assert len(held) > 10
    assert [secret for secret in held if secret in shown] == []


def _broken(*_: Any) -> Any:
    raise AttributeError("broken")


def test_health_goes_from_well_over_attention_to_well(taizhou: CityScene) -> None:
    def seen(now: datetime, around: Surroundings = ROOMY) -> Health:
        return health_of(installation(taizhou, around), now)

    noon = at("2026-09-25 12:00")
    all_done(taizhou, noon)
    well = seen(noon)
    assert (well.state, well.reasons) == (HealthState.WELL, ())
    (city,) = well.cities
    assert city.open_months == ("2026-10",)
    assert city.duties["done_on_time"] == len(taizhou.counties) - 1
    assert (city.late_counties, city.oldest_open_payment_at) == ((), None)
    next_day = at("2026-09-26 12:00")
    all_done(taizhou, next_day)
    late = seen(next_day)
    assert (late.state, [reason.kind for reason in late.reasons]) == (HealthState.ATTENTION, ["overdue"])
    assert late.cities[0].late_counties == (taizhou.counties[-1],)
    # What the machine lacks.
    for around, kind in (
        (replace(ROOMY, free_bytes=4), "disk"),
        (replace(ROOMY, queue=Queue(1, 0, 0, workers_online=0)), "worker_offline"),
        (replace(ROOMY, queue=Queue(1, 0, 0, workers_online=0, last_heartbeat_at=noon)), "worker_offline"),
        (replace(ROOMY, queue=Queue(3, 2, 0, workers_online=1)), "runs_late"),
    ):
        found = seen(noon, around)
        assert (found.state, [reason.kind for reason in found.reasons]) == (HealthState.ATTENTION, [kind])
    away = ServiceUnavailable("prefect_unavailable", "没有应答", "no answer")
    assert seen(noon, replace(ROOMY, queue=away)).state is HealthState.DOWN
    assert seen(noon, replace(ROOMY, tables_version="0012")).reasons[0].kind == "tables_of_another_version"
    gone = ServiceUnavailable("database_unavailable", "没有应答", "no answer")
    down = seen(noon, replace(ROOMY, database_error=gone))
    assert (down.state, down.reasons[0].kind, down.cities) == (HealthState.DOWN, "database_unavailable", ())
    assert seen(noon).state is HealthState.WELL


def test_a_city_that_only_the_tick_knows_is_nobody_s_business(taizhou: CityScene) -> None:
    """A tick may be set to run for every city whose document is in force."""
    now = at("2026-10-20 09:00")
    all_done(taizhou, now)
    step = ScheduledStep("suizhou", "plan-collection", OCTOBER, now.date(), reserved_at=now)
    taizhou.ports.database.transaction(lambda work: work.scheduled_steps.reserve(step))
    assert [city.city for city in health_of(installation(taizhou), now).cities] == ["taizhou"]
    assert {notice.city for notice in standing(taizhou, now)} == {"taizhou"}


def test_payments_are_counted_by_state_with_the_age_of_the_oldest(taizhou: CityScene) -> None:
    released(taizhou)
    all_done(taizhou, MORNING)
    (city,) = health_of(installation(taizhou), MORNING).cities
    assert city.payments == {"released": len(taizhou.funds)}
    assert city.oldest_open_payment_seconds == 3600, "ordered at ten, looked at at eleven"
    taizhou.run("disbursement", MORNING)
    taizhou.run("disbursement", MORNING)
    (city,) = health_of(installation(taizhou), MORNING).cities
    assert (city.payments, city.oldest_open_payment_at) == ({"settled": len(taizhou.funds)}, None)


def test_a_notice_that_no_channel_takes_is_named_by_health(taizhou: CityScene) -> None:
    here = installation(taizhou, channels=[Recording("json#1", "HTTP 500")])
    now = at("2026-09-26 12:00")
    tell(here, *look(here, now), sends=True)
    shown = health_of(here, now)
    (reason,) = [reason for reason in shown.reasons if reason.kind == "notice_undelivered"]
    assert "json#1: HTTP 500" in reason.message_en
    assert shown.notices is not None
    assert shown.notices.undelivered == reason.count > 0


def test_without_a_channel_nothing_is_kept_and_a_first_channel_is_told_what_stands(
    taizhou: CityScene,
) -> None:
    now, mail = at("2026-09-26 12:00"), Recording()
    all_done(taizhou, now)
    nobody = installation(taizhou)
    tell(nobody, *look(nobody, now), sends=True)
    assert taizhou.ports.database.read(lambda work: work.notices.unsent()) == []
    somebody = installation(taizhou, channels=[mail])
    tell(somebody, *look(somebody, now), sends=True)
    assert [len(keys) for keys in mail.keys] == [1]


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def run_(*arguments: str) -> tuple[int, Any]:
        status = main([*arguments, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run_


def test_the_command_s_exit_status_is_the_health(
    taizhou: CityScene, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_done(taizhou, at("2026-09-25 12:00"))
    status, shown = run("health", "--as-of", "2026-09-25T12:00")
    assert (status, shown["state"], shown["queue"]) == (0, "well", None)
    status, shown = run("health", "--as-of", "2026-09-26T12:00")
    assert (status, shown["state"]) == (1, "attention")
    assert {reason["kind"] for reason in shown["reasons"]} == {"overdue", "tick_missing"}
    with monkeypatch.context() as patch:
        patch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
        status, shown = run("health", "--as-of", "2026-09-25T12:00")
        assert (status, shown["state"], shown["reasons"][0]["kind"]) == (2, "down", "prefect_unavailable")
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", "postgresql://fundpool@127.0.0.1:9/none")
    status, shown = run("health")
    assert (status, shown["state"], shown["reasons"][0]["kind"]) == (2, "down", "database_unavailable")


def test_a_person_reads_the_health_and_the_notices_as_tables(
    taizhou: CityScene, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["health", "--as-of", "2026-09-26T12:00"]) == 1
    shown = capsys.readouterr().out
    assert "须处理 · " in shown
    assert "台州市" not in shown.split("未结月份")[0].split("\n")[0]
    assert main(["notices", "--as-of", "2026-09-26T12:00"]) == 0
    assert "未设置" in capsys.readouterr().out


def test_a_backup_that_was_made_elsewhere_is_noted(taizhou: CityScene, run: Run) -> None:
    def kinds() -> set[str]:
        return {reason["kind"] for reason in run("health")[1]["reasons"]}

    assert "backup" in kinds()
    assert run("backup")[1]["error"]["code"] == "backup_file_not_named"
    assert run("backup", "--made-elsewhere")[0] == 0
    assert "backup" not in kinds()
