"""Notices reach people over a real mail server, a real webhook and a real command; no channel gives a secret away."""

import asyncio
import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from fundpool.adapters import smtp
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.adapters.watch import channels
from fundpool.adapters.watch.channels import channels_of
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.domain.notices import Notice, NoticeKind
from fundpool.domain.periods import Month
from fundpool.services.ports.notices import Answer
from fundpool.services.watch.outbox import compose
from fundpool.settings import Settings
from tests.canary import MAIL_PASSWORD
from tests.integration.month_scene import CityScene, at
from tests.integration.test_anchor_mail import free_port

LATE = Notice("overdue:1", NoticeKind.OVERDUE, "某县逾期", "a county is late", "催报 ask", city="taizhou")
MESSAGE = compose([LATE], "zh")
HOST = "127.0.0.1"


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """The mailbox, and the URL of its server."""
    box, port = Mailbox(), free_port(HOST)
    server = Controller(box, hostname=HOST, port=port)
    server.start()
    yield box, f"mailto://{HOST}:{port}?from=fund@example.cn&to=duty@example.cn&mode=insecure"
    server.stop()


class Webhook:
    """Takes what is posted to it and answers with ``status``."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"json://user:{MAIL_PASSWORD}@{HOST}:{self.server.server_port}/hook"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_a_mail_says_in_one_language_what_is_open_and_what_to_do(
    mailbox: tuple[Mailbox, str], tmp_path: Path
) -> None:
    box, url = mailbox
    (channel,) = channels_of(Settings(home=tmp_path, notify=url))
    assert (channel.name, channel.deliver(MESSAGE).is_taken) == ("mailto#1", True)
    (mail,) = box.mails
    assert (mail["To"], mail["Subject"]) == ("duty@example.cn", "fundpool: 某县逾期")
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert all(part in text for part in ("某县逾期", "→ 催报 ask"))
    assert "a county is late" not in text
    assert channel.deliver(compose([LATE], "en")).is_taken
    assert box.mails[1]["Subject"] == "fundpool: a county is late"
    assert "某县逾期" not in box.mails[1].as_string()


def test_a_webhook_gets_the_message_and_its_refusal_is_a_failure_without_the_secret(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    (channel,) = channels_of(Settings(home=tmp_path, notify=webhook.url))
    assert channel.deliver(MESSAGE).is_taken
    (document,) = webhook.received
    assert (document["title"], document["type"]) == ("fundpool: 某县逾期", "warning")
    webhook.status = 500
    failure = channel.deliver(MESSAGE).text
    assert failure == "the service did not take it"
    shown = capsys.readouterr()
    assert MAIL_PASSWORD not in repr(channel) + failure + caplog.text + shown.out + shown.err
    assert caplog.text == ""


def test_a_service_that_is_away_is_a_failure(tmp_path: Path) -> None:
    (channel,) = channels_of(Settings(home=tmp_path, notify=f"json://{HOST}:{free_port(HOST)}/"))
    assert not channel.deliver(MESSAGE).is_taken


def command(tmp_path: Path, source: str) -> Settings:
    script = tmp_path / "tell it.py"
    script.write_text(source)
    return Settings(home=tmp_path, notify_command=f"{sys.executable} '{script}' 'two words' $HOME")


def test_a_command_gets_json_without_a_shell_and_without_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", "not for the command")
    out = tmp_path / "out.json"
    given = command(
        tmp_path,
        "import json, os, sys\n"
        "ours = [name for name in os.environ if name.startswith('FUNDPOOL_')]\n"
        f"json.dump([sys.argv[1:], json.load(sys.stdin), ours], open({str(out)!r}, 'w'))\n",
    )
    (channel,) = channels_of(given)
    assert (channel.name, channel.deliver(MESSAGE).is_taken) == ("command", True)
    arguments, document, ours = json.loads(out.read_text())
    assert (arguments, ours) == (["two words", "$HOME"], [])
    assert document["notices"][0]["key"] == "overdue:1"
    assert (document["title"], document["text"]) == (MESSAGE.title, MESSAGE.text)


@pytest.mark.parametrize(
    ("source", "failure"),
    [("raise SystemExit(3)", "ended with 3"), ("import time; time.sleep(60)", "took more than")],
)
def test_a_command_that_fails_or_never_ends_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, failure: str
) -> None:
    monkeypatch.setattr(channels, "COMMAND_SECONDS", 1)
    (channel,) = channels_of(command(tmp_path, source))
    answer = channel.deliver(MESSAGE)
    assert not answer.is_taken
    assert failure in answer.text


def test_a_command_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    (channel,) = channels_of(Settings(home=tmp_path, notify_command="/nowhere/tell"))
    assert "No such file" in channel.deliver(MESSAGE).text


def test_urls_stand_in_the_setting_or_in_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "notify.urls"
    file.write_text("# duty room\nwecombot://abcdefgh/\n\njson://one/ json://two/\n")
    file.chmod(0o644)
    given = Settings(home=tmp_path)
    with pytest.raises(InputError, match="other users can read"):
        channels_of(given)
    file.chmod(0o600)
    assert [channel.name for channel in channels_of(given)] == ["wecombot#1", "json#1", "json#2"]
    assert channels_of(Settings(home=tmp_path / "none")) == ()


def test_a_url_that_nobody_knows_is_named_by_its_place_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        channels_of(Settings(home=tmp_path, notify=f"json://fine/ nonsense://{MAIL_PASSWORD}"))
    assert refused.value.code == "notify_url_unusable"
    assert "number 2" in refused.value.en
    assert MAIL_PASSWORD not in str(refused.value)


Run = Callable[..., tuple[int, Any]]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_notices_are_sent_by_command_once_and_a_webhook_that_comes_back_gets_them_later(
    database: Database,
    transactions: SqlTransactions,
    mailbox: tuple[Mailbox, str],
    webhook: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a proxy in the environment, past which this machine's own servers are reached."""
    scene = CityScene(transactions, tmp_path, "taizhou", Month(2026, 10), judges=False)
    scene.submit(scene.plan(scene.counties[0]), "plan", at("2026-09-24 10:00"))
    scene.run("plan-collection", at("2026-09-24 10:00"))
    box, url = mailbox
    webhook.status = 503
    for name, value in {
        "FUNDPOOL_DATABASE_URL": database.url,
        "FUNDPOOL_HOME": str(tmp_path),
        "FUNDPOOL_NOTIFY": f"{url} {webhook.url}",
        "http_proxy": f"http://{HOST}:9",
        "no_proxy": "",
        "NO_PROXY": "",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, Any]:
        status = main(["notices", *arguments, "--json"])
        return status, json.loads(capsys.readouterr().out)

    status, listed = run("--as-of", "2026-09-26T10:00")
    assert (status, {row["state"] for row in listed["standing"]}) == (0, {"new"})
    status, sent = run("--send", "--as-of", "2026-09-26T10:00")
    assert (status, sent["channels"]) == (1, ["mailto#1", "json#1"])
    overdue = [row for row in sent["standing"] if row["kind"] == "overdue"]
    assert len(overdue) == len(scene.counties) - 1
    assert len(sent["undelivered"]) == len(sent["standing"])
    assert (len(box.mails), len(webhook.received)) == (1, 1)
    webhook.status = 200
    assert run("--send", "--as-of", "2026-09-26T10:01")[0] == 1, "it waits for its pause"
    status, sent = run("--send", "--as-of", "2026-09-26T10:05")
    assert (status, sent["undelivered"], {row["state"] for row in sent["standing"]}) == (0, [], {"told"})
    assert run("--send", "--as-of", "2026-09-26T10:10")[0] == 0
    assert (len(box.mails), len(webhook.received)) == (1, 2)
    assert main(["settings", "--json"]) == 0
    assert MAIL_PASSWORD not in capsys.readouterr().out


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_was_given_up_is_sent_again_on_request(
    database: Database,
    transactions: SqlTransactions,
    webhook: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transactions.transaction(lambda work: work.notices.add(LATE, at("2026-09-26 10:00")))
    (stored,) = transactions.read(lambda work: work.notices.unsent())
    transactions.transaction(
        lambda work: work.notices.finish(stored.id, sent_at=None, next_at=None, failure="json#1: away")
    )
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.setenv("FUNDPOOL_NOTIFY", webhook.url)
    assert main(["notices", "--send", "--as-of", "2026-12-01"]) == 1
    assert webhook.received == []
    assert main(["notices", "--send", "--again", "--as-of", "2026-12-01"]) == 0
    assert len(webhook.received) == 1


def test_every_channel_can_be_tried_without_a_notice(
    mailbox: tuple[Mailbox, str],
    webhook: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    box, url = mailbox
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    assert main(["notices", "--test"]) == 1, "nothing is set up"
    monkeypatch.setenv("FUNDPOOL_NOTIFY", f"{url} {webhook.url}")
    assert main(["notices", "--test"]) == 0
    assert (len(box.mails), len(webhook.received)) == (1, 1)
    webhook.status = 404
    capsys.readouterr()
    assert main(["notices", "--test", "--json"]) == 1
    answers = {each["channel"]: each["failure"] for each in json.loads(capsys.readouterr().out)["channels"]}
    assert answers == {"mailto#1": None, "json#1": "the service did not take it"}


class Odd:
    """A server that begins an answer and does with it what ``habit`` says."""

    def __init__(self, habit: str) -> None:
        self.keys: list[str | None] = []
        odd, self.may_end = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                odd.keys.append(self.headers["Idempotency-Key"])
                self.rfile.read(int(self.headers["Content-Length"]))
                if habit == "silent":
                    odd.may_end.wait(30)
                    return
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"half")
                if habit == "drips":
                    while not odd.may_end.wait(0.05):
                        self.wfile.write(b".")
                self.close_connection = True

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://{HOST}:{self.server.server_port}/{MAIL_PASSWORD}"

    def end(self) -> None:
        self.may_end.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    ("habit", "failure"), [("silent", "timeout"), ("half", "connection_lost"), ("drips", "deadline")]
)
def test_a_webhook_without_a_whole_answer_is_tried_again_under_the_same_key(
    habit: str, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = channels.Deadlines(connect_s=1, read_s=0.3, total_s=1.0)
    monkeypatch.setattr(channels, "WEBHOOK_DEADLINES", quick)
    odd = Odd(habit)
    try:
        (channel,) = channels_of(Settings(home=tmp_path, notify=odd.url))
        answers = [channel.deliver(MESSAGE) for _ in range(2)]
    finally:
        odd.end()
    assert answers == [Answer(is_taken=False, text=failure)] * 2
    assert odd.keys == [MESSAGE.idempotency_key] * 2
    assert MAIL_PASSWORD not in repr(channel) + answers[0].text


def test_a_webhook_gets_every_notice_by_its_fields_and_its_status_is_the_proof(
    webhook: Webhook, tmp_path: Path
) -> None:
    url = f"http://{HOST}:{webhook.server.server_port}/hook"
    (channel,) = channels_of(Settings(home=tmp_path, notify=url))
    assert channel.deliver(MESSAGE) == Answer(is_taken=True, text="HTTP 200")
    assert [notice["key"] for notice in webhook.received[0]["notices"]] == [LATE.key]
    webhook.status = 500
    assert channel.deliver(MESSAGE) == Answer(is_taken=False, text="HTTP 500")


def mail_to(port: int, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        smtp_url=f"smtp://{HOST}:{port}",
        smtp_from="fund@example.cn",
        notify="mailto:duty@example.cn",
    )


def test_a_mail_over_the_server_of_the_settings_keeps_its_answer(
    mailbox: tuple[Mailbox, str], tmp_path: Path
) -> None:
    box, url = mailbox
    port = int(url.split(":")[2].split("?")[0])
    (channel,) = channels_of(mail_to(port, tmp_path))
    assert channel.name == "mailto:duty@example.cn"
    assert channel.deliver(MESSAGE) == Answer(is_taken=True, text="250 OK")
    assert channel.deliver(MESSAGE).is_taken
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert MESSAGE.idempotency_key in first["Message-ID"]
    assert "某县逾期" in first.get_content()


@pytest.mark.parametrize("habit", ["refuses", "hangs up", "silent"])
def test_a_mail_server_that_does_not_say_yes_has_not_taken_the_mail(
    habit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_S", 0.5)

    class Odd:
        async def handle_DATA(self, server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
            if habit == "hangs up":
                server.transport.close()
            if habit == "silent":
                await asyncio.sleep(3)
            return "451 4.3.0 try later"

    port = free_port(HOST)
    server = Controller(Odd(), hostname=HOST, port=port)
    server.start()
    try:
        (channel,) = channels_of(mail_to(port, tmp_path))
        answer = channel.deliver(MESSAGE)
    finally:
        server.stop()
    assert not answer.is_taken
    assert answer.text
    if habit == "refuses":
        assert "451" in answer.text


ROBOTS = {
    "wecombot://abcdefgh/?overflow=split": ("wecombot", "NotifyWeComBot", "errcode"),
    "dingtalk://abcdefgh": ("dingtalk", "NotifyDingTalk", "errcode"),
    "feishu://abcdefgh/": ("feishu", "NotifyFeishu", "code"),
}


@pytest.mark.parametrize("url", ROBOTS)
def test_a_group_robot_that_refuses_with_status_200_has_not_taken_the_message(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So these services say that a keyword is missing, the signature wrong, or too much was sent."""
    module, name, field = ROBOTS[url]
    received, code = [], 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps({field: code, "msg": "token abcdefgh"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://{HOST}:{server.server_port}/robot"
    plugin = getattr(importlib.import_module(f"apprise.plugins.{module}"), name)
    monkeypatch.setattr(plugin, "notify_url", here)
    monkeypatch.setenv("no_proxy", HOST)
    try:
        (channel,) = channels_of(Settings(home=tmp_path, notify=url))
        assert channel.deliver(MESSAGE) == Answer(is_taken=True, text="HTTP 200")
        code = 310000
        refused = channel.deliver(MESSAGE)
    finally:
        server.shutdown()
        server.server_close()
    assert "某县逾期" in json.dumps(received[0], ensure_ascii=False)
    assert refused == Answer(is_taken=False, text="the service did not take it, code 310000")
