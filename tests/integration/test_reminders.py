"""Units are reminded of what they owe, supervisors told each morning, and nobody twice, at night or in vain."""

import json
import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.adapters.watch.contacts import contacts_of
from fundpool.bootstrap import open_installation
from fundpool.console.cli import main
from fundpool.console.unit_calendar import unit_calendar
from fundpool.domain.errors import InputError
from fundpool.domain.notices import SUPERVISOR, Recipient
from fundpool.domain.periods import Month
from fundpool.domain.submission import DocumentKind
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.oversight import records
from fundpool.services.ports.notices import Answer, Contact, Message
from fundpool.services.watch import outbox
from fundpool.services.watch.installation import Installation, look, tell
from fundpool.services.watch.telephone import calls_to_make
from fundpool.settings import Settings
from tests.integration.month_scene import CityScene, at
from tests.integration.test_outbox import Crashing, PulledPlug, Recording
from tests.integration.test_watch import ROOMY

OCTOBER = Month(2026, 10)
FILED = at("2026-09-18 10:00")
PLAN = "submit_fund_use_plan"


@dataclass
class People:
    """A scene with a channel to each county, the supervisor and the operators."""

    scene: CityScene
    channels: dict[str, Recording] = field(default_factory=dict)
    operators: Recording = field(default_factory=lambda: Recording("mail#operators"))

    def installation(self, **more: Any) -> Installation:
        contacts = {
            Recipient("taizhou", unit): Contact(channels=(channel,))
            for unit, channel in self.channels.items()
        }
        return Installation(
            self.scene.ports, lambda: ROOMY, lambda: [self.operators], lambda: contacts, **more
        )

    def at(self, text: str, *, sends: bool = True) -> None:
        here, now = self.installation(), at(text)
        tell(here, *look(here, now), sends=sends)

    def told(self, unit: str) -> list[str]:
        """The end of each key that was sent to the unit: last day and stage."""
        return [key.split(":", 5)[-1] for keys in self.channels[unit].keys for key in keys]


@pytest.fixture
def people(transactions: SqlTransactions, tmp_path: Path) -> People:
    """Taizhou's plans of October, all but the last county's filed: due on Friday 2026-09-25, Mid-Autumn, so that
    Thursday is the last working day; off are 09-25 to 09-27 and 10-01 to 10-07, on at work on Saturday 10-10."""
    scene = CityScene(transactions, tmp_path, "taizhou", OCTOBER, judges=False)
    for county in scene.counties[:-1]:
        scene.submit(scene.plan(county), "plan", FILED)
    scene.run("plan-collection", FILED)
    late = scene.counties[-1]
    return People(scene, {late: Recording("mailto:late@example.cn"), SUPERVISOR: Recording("mail#boss")})


@pytest.fixture
def late(people: People) -> str:
    return people.scene.counties[-1]


def test_a_unit_is_reminded_before_on_and_after_its_last_working_day_each_once(
    people: People, late: str
) -> None:
    sent = {}
    for day in (date(2026, 9, 18) + timedelta(days=ahead) for ahead in range(24)):
        before = len(people.told(late))
        for hour in ("07:00", "07:59", "08:00", "12:00", "17:59", "18:00", "23:30"):
            people.at(f"{day} {hour}")
        if new := people.told(late)[before:]:
            sent[f"{day:%m-%d}"] = new
    assert sent == {
        "09-21": ["2026-09-24:before0"],
        "09-24": ["2026-09-24:today0"],
        "09-28": ["2026-09-24:after0"],
        "10-10": ["2026-09-24:after1"],
    }
    texts = [message.text for message in people.channels[late].messages]
    assert "还有 3 个工作日" in texts[0]
    assert "今天（2026-09-24）是最后一个工作日" in texts[1]
    assert "已逾期 1 个工作日" in texts[2]
    assert people.scene.ports.database.read(lambda work: verify_everything(work, [])).faults == []


def test_reminders_go_to_units_alone_and_alarms_to_operators_alone(people: People, late: str) -> None:
    for day in ("2026-09-21", "2026-09-24", "2026-09-28"):
        people.at(f"{day} 10:00")
    kinds = {
        who: {notice["kind"] for message in channel.messages for notice in message.notices}
        for who, channel in {**people.channels, "operators": people.operators}.items()
    }
    assert kinds[late] == {"reminder", "overdue_reminder"}
    assert kinds[SUPERVISOR] == {"summary"}
    assert "overdue" in kinds["operators"]
    assert not kinds["operators"] & (kinds[late] | kinds[SUPERVISOR])
    filed = set(people.scene.counties[:-1])
    shown = json.dumps([list(message.notices) for message in people.channels[late].messages])
    assert not [county for county in filed if county in shown], "a county is not told of another one"


def test_a_county_that_files_between_reminder_and_sending_is_left_in_peace(people: People, late: str) -> None:
    people.at("2026-09-24 07:00", sends=False)
    assert len(people.scene.ports.database.read(lambda work: work.notices.unsent())) > 0
    people.scene.submit(people.scene.plan(late), "plan", at("2026-09-24 07:30"))
    people.scene.run("plan-collection", at("2026-09-24 07:30"))
    people.at("2026-09-24 09:00")
    assert people.told(late) == []
    waiting = people.scene.ports.database.read(lambda work: work.notices.unsent())
    assert [each.notice.key for each in waiting if each.notice.recipient == late] == []


def test_a_reminder_that_its_channel_did_not_take_is_not_sent_once_the_next_one_stands(
    people: People, late: str
) -> None:
    people.channels[late].failure = "HTTP 500"
    people.at("2026-09-23 17:50")
    people.channels[late].failure = None
    people.at("2026-09-24 08:00")
    assert people.told(late) == ["2026-09-24:before0", "2026-09-24:today0"]


def test_after_an_extension_the_extended_day_counts_and_a_waiver_ends_it(people: People, late: str) -> None:
    people.at("2026-09-21 10:00")
    records.record_extension(
        people.scene.ports,
        city="taizhou",
        month=OCTOBER,
        duty=PLAN,
        county=late,
        until="2026-10-04",
        document_number="台医保〔2026〕1号",
        approver="周局",
        by="王初审",
        now=at("2026-09-22 10:00"),
    )
    for day in ("2026-09-23", "2026-09-24", "2026-09-25", "2026-09-28"):
        people.at(f"{day} 10:00")
    # The extended day is within the holiday: the last working day is 09-30, three before it 09-25 (off), so 09-28.
    assert people.told(late) == ["2026-09-24:before0", "2026-09-30:before0"]
    assert "准予延期至 2026-10-04" in people.channels[late].messages[-1].text
    records.record_waiver(
        people.scene.ports,
        city="taizhou",
        month=OCTOBER,
        document=DocumentKind.PLAN,
        county=late,
        document_number="台医保〔2026〕2号",
        approver="周局",
        reason="并入他县",
        by="王初审",
        now=at("2026-09-29 09:00"),
    )
    for day in ("2026-09-30", "2026-10-08", "2026-10-10"):
        people.at(f"{day} 10:00")
    assert len(people.told(late)) == 2


def test_on_rest_days_only_what_is_overdue_is_sent_and_not_at_night(people: People, late: str) -> None:
    channel = people.channels.pop(late)
    people.at("2026-09-30 10:00")
    people.channels[late] = channel
    for hour in ("00:30", "07:59", "18:00"):
        people.at(f"2026-10-03 {hour}")
    assert people.told(late) == []
    people.at("2026-10-03 08:00")
    assert people.told(late) == ["2026-09-24:after0"]
    assert [keys for keys in people.channels[SUPERVISOR].keys for key in keys if "2026-10-03" in key] == []


def test_the_supervisor_is_told_once_a_working_day_in_counts_and_names_when_there_is_something(
    people: People, late: str
) -> None:
    for moment in ("09-18 09:00", "09-21 07:59", "09-21 08:00", "09-21 15:00", "09-25 09:00", "09-28 08:05"):
        people.at(f"2026-{moment}")
    boss = people.channels[SUPERVISOR]
    assert boss.keys == [["summary:taizhou:2026-09-21"], ["summary:taizhou:2026-09-28"]]
    name = people.scene.policy.units[-1].name_zh
    assert f"即将到期 1 项（2026-10 上报用款计划：{name}）" in boss.messages[0].text
    assert "逾期" in boss.messages[1].text
    shown = "".join(message.text for message in boss.messages)
    accounts = people.scene.ports.database.read(lambda work: work.accounts.find("taizhou"))
    assert not [account.account_no for account in accounts if account.account_no in shown]
    assert "元" not in shown


def test_two_installations_at_once_send_once(people: People, late: str) -> None:
    """The second sender looks while the first one waits for the unit's service."""
    at_the_service, may_go_on = threading.Event(), threading.Event()
    quick = people.channels[late]

    class Slow(Recording):
        def deliver(self, message: Message) -> Answer:
            at_the_service.set()
            assert may_go_on.wait(30)
            return super().deliver(message)

    slow = people.channels[late] = Slow("mailto:late@example.cn")
    first = threading.Thread(target=people.at, args=("2026-09-24 09:00",))
    first.start()
    assert at_the_service.wait(60)
    try:
        people.channels[late] = quick
        people.at("2026-09-24 09:01")
    finally:
        may_go_on.set()
        first.join()
    assert (len(slow.messages), len(quick.messages)) == (1, 0)


def test_a_crash_between_sending_and_noting_repeats_the_message_once_under_the_same_key(
    people: People, late: str
) -> None:
    dying, later = Crashing("mailto:late@example.cn"), people.channels[late]
    people.channels[late] = dying
    with pytest.raises(PulledPlug):
        people.at("2026-09-24 09:00")
    people.channels[late] = later
    people.at("2026-09-24 09:14")
    assert later.messages == [], "the lease of the one that died"
    for minute in (15, 20, 25):
        people.at(f"2026-09-24 09:{minute}")
    (again,) = later.messages
    assert again.idempotency_key == dying.messages[0].idempotency_key


def test_a_slow_pass_leaves_the_rest_to_the_next_one_before_its_lease_ends(
    people: People, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 0.0, float(outbox.PASS_SECONDS), float(outbox.PASS_SECONDS)))
    monkeypatch.setattr(outbox, "monotonic", lambda: next(clock))
    people.at("2026-09-24 09:00")
    assert sorted(len(channel.messages) for channel in people.channels.values()) == [0, 1]
    monkeypatch.undo()
    people.at("2026-09-24 09:05")
    assert [len(channel.messages) for channel in people.channels.values()] == [1, 1]


def test_what_a_channel_answered_is_kept_as_proof(people: People, late: str) -> None:
    people.at("2026-09-24 09:00")
    stored = people.scene.ports.database.read(
        lambda work: work.notices.since(at("2026-09-24 00:00"), "taizhou")
    )
    (mine,) = [each for each in stored if each.notice.recipient == late]
    (proof,) = mine.deliveries
    assert (proof.channel, proof.at, proof.answer) == (
        "mailto:late@example.cn",
        at("2026-09-24 09:00"),
        "250 queued",
    )


def test_contacts_that_cannot_be_read_keep_nothing_from_the_operators(people: People) -> None:
    def broken() -> dict[Recipient, Contact]:
        raise InputError("contacts_unusable", "不能用", "cannot be used")

    here, now = people.installation(), at("2026-09-28 10:00")
    object.__setattr__(here, "contacts", broken)
    with pytest.raises(InputError, match="cannot be used"):
        tell(here, *look(here, now), sends=True)
    assert len(people.operators.messages) == 1


def feed(people: People, unit: str, now: datetime) -> dict[str, Any]:
    content = unit_calendar(people.scene.ports, "taizhou", unit, now=now)
    events = {str(event["uid"]): event for event in Calendar.from_ical(content).walk("VEVENT")}
    assert all(unit in str(uid) or unit == "city_finance" for uid in events)
    return events


def test_a_unit_s_calendar_keeps_its_uids_and_counts_changes(people: People, late: str) -> None:
    noon = at("2026-09-22 12:00")
    before = feed(people, late, noon)
    (uid,) = [uid for uid in before if f"{PLAN}-2026-10-" in uid]
    assert (before[uid]["dtstart"].dt, before[uid]["sequence"]) == (date(2026, 9, 25), 0)
    records.record_extension(
        people.scene.ports,
        city="taizhou",
        month=OCTOBER,
        duty=PLAN,
        county=late,
        until="2026-09-30",
        document_number="台医保〔2026〕1号",
        approver="周局",
        by="王初审",
        now=noon,
    )
    extended = feed(people, late, noon)
    assert extended.keys() == before.keys()
    assert (extended[uid]["dtstart"].dt, extended[uid]["sequence"]) == (date(2026, 9, 30), 1)
    assert "原期限 2026-09-25" in str(extended[uid]["description"])
    people.scene.submit(people.scene.plan(late), "plan", noon)
    people.scene.run("plan-collection", noon)
    done = feed(people, late, noon)
    assert str(done[uid]["summary"]).startswith("✓ 已办")
    assert done[uid]["sequence"] == 2
    assert not done[uid].walk("VALARM")
    assert done[uid]["uid"] == before[uid]["uid"]
    assert all(done[other]["sequence"] == before[other]["sequence"] for other in before if other != uid)
    assert feed(people, "city_finance", noon)
    with pytest.raises(InputError):
        unit_calendar(people.scene.ports, "taizhou", "999999", now=noon)


CONTACTS = """
[taizhou.{late}]
person = "陈会计"
telephone = "0576-88880000"
channels = ["json://127.0.0.1:9/"]

[taizhou.supervisor]
channels = ["mailto:boss@example.cn"]
"""


def settings_with(tmp_path: Path, content: str, mode: int = 0o600) -> Settings:
    file = tmp_path / "contacts.toml"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    return Settings(home=tmp_path, smtp_url="smtp://127.0.0.1:25", smtp_from="fund@example.cn")


def test_contacts_are_a_private_file_that_is_read_anew(people: People, late: str, tmp_path: Path) -> None:
    policies = people.scene.ports.policies
    found = contacts_of(settings_with(tmp_path, CONTACTS.format(late=late)), policies)
    assert found[Recipient("taizhou", late)].telephone == "0576-88880000"
    assert [each.name for each in found[Recipient("taizhou", SUPERVISOR)].channels] == [
        "mailto:boss@example.cn"
    ]
    with pytest.raises(InputError) as readable:
        contacts_of(settings_with(tmp_path, CONTACTS.format(late=late), 0o644), policies)
    assert readable.value.code == "secret_file_readable"
    for wrong, code in (
        ("[taizhou.999999]\n", "contacts_unusable"),
        ("[nowhere.supervisor]\n", "unknown_city"),
        (f"[taizhou.{late}]\nphone = '1'\n", "contacts_unusable"),
        (f"[taizhou.{late}]\nchannels = 'json://x'\n", "contacts_unusable"),
        (f"[taizhou.{late}]\nchannels = ['nonsense://token9']\n", "notify_url_unusable"),
        (f"[taizhou.{late}]\nchannels = ['mailto:nobody']\n", "notify_url_unusable"),
        ("[taizhou\n", "contacts_unusable"),
    ):
        with pytest.raises(InputError) as refused:
            contacts_of(settings_with(tmp_path, wrong), policies)
        assert refused.value.code == code
        assert "token9" not in f"{refused.value.zh} {refused.value.en}"
    assert contacts_of(Settings(home=tmp_path / "none"), policies) == {}


def test_the_telephone_list_names_who_was_not_reached_and_a_call_is_kept(
    people: People,
    late: str,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings_with(tmp_path, f"[taizhou.{late}]\nperson = '陈会计'\ntelephone = '0576-1'\n")
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def run(*arguments: str, status: int = 0) -> Any:
        assert main(["notices", *arguments, "--json"]) == status
        return json.loads(capsys.readouterr().out)

    month, clock = ("--city", "taizhou", "--month", "2026-10"), ("--as-of", "2026-09-28T10:00")
    listed = run(*clock)
    assert [(row["recipient"], row["state"]) for row in listed["reminders"] if row["recipient"] == late] == [
        (late, "telephone")
    ]
    shown = [each for each in run("phone", *month, *clock)["calls"] if each["unit"] == late]
    assert [(each["person"], each["telephone"], each["has_channel"]) for each in shown] == [
        ("陈会计", "0576-1", False)
    ]
    assert "已逾期 1 个工作日" in shown[0]["say_zh"]
    assert "overdue by 1 working day" in shown[0]["say_en"]
    call = ("call", *month, *clock, "--county", late, "--duty", PLAN, "--by", "王初审")
    assert run(*call, "--note", " ", status=2)["error"]["code"] == "reason_missing"
    assert run(*call[:-1], "（签字）", "--note", "x", status=2)["error"]["code"] == "person_not_a_name"
    run(*call, "--with", "陈会计", "--note", "明早报送")
    (again,) = [each for each in run("phone", *month, *clock)["calls"] if each["unit"] == late]
    assert again["last_call"]["note"] == "明早报送"
    (kept,) = run("list", "--city", "taizhou", *clock)["calls"]
    assert (kept["called_by"], kept["spoken_with"], kept["unit"]) == ("王初审", "陈会计", late)
    transactions = open_installation(Settings()).ports.database
    audited = transactions.read(lambda work: [each.action for each in work.audit.records()])
    assert audited.count("record_call") == 1
    out = tmp_path / "late.ics"
    run("calendar", "--city", "taizhou", "--unit", late, "--out", str(out), *clock)
    assert out.read_bytes().startswith(b"BEGIN:VCALENDAR")
    people.channels = {late: people.channels[late]}
    people.at("2026-09-28 11:00")
    assert "明早报送" not in "".join(message.text for message in people.channels[late].messages)
    for command in (("phone", *month), ("list", "--city", "taizhou")):
        assert main(["notices", *command, *clock]) == 0
    assert "0576-1" in capsys.readouterr().out


def test_a_county_is_reminded_of_the_document_of_a_whole_year_and_is_on_the_list_of_calls(
    people: People, late: str
) -> None:
    """Taizhou applies for the year's working capital until 25 December of the year before."""

    def reminded() -> list[str]:
        keys = [key for keys in people.channels[late].keys for key in keys]
        return [key for key in keys if ":2027:apply_for_working_capital:" in key]

    people.at("2026-12-14 08:00")
    assert reminded() == []
    people.at("2026-12-22 08:00")
    people.at("2026-12-25 08:00")
    people.at("2026-12-28 08:00")
    assert [key.split(":", 5)[-1] for key in reminded()] == [
        "2026-12-25:before0",
        "2026-12-25:today0",
        "2026-12-25:after0",
    ]
    calls = calls_to_make(
        people.scene.ports,
        city="taizhou",
        month=Month(2026, 12),
        contacts={},
        days_before=3,
        now=at("2026-12-28 09:00"),
    )
    assert (late, "apply_for_working_capital") in {(call.unit, call.duty) for call in calls}
