"""Channels to people: mail, a webhook, every service that apprise knows (WeCom, DingTalk, Feishu, …), a command."""

import json
import logging
import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import localtime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from fundpool.adapters.http_client import Deadlines, NoResponse, exchange
from fundpool.adapters.smtp import send_mail
from fundpool.domain.errors import InputError
from fundpool.private_files import read_secret
from fundpool.services.ports.notices import Answer, Channel, Message
from fundpool.settings import MAIL_ADDRESS, MAILTO, Settings

if TYPE_CHECKING:
    from apprise import Apprise
    from requests import Response

COMMAND_SECONDS = 30
"""How long the command may take."""

URLS_FILE = "notify.urls"

WEBHOOK_DEADLINES = Deadlines(connect_s=4, read_s=4, total_s=10)
_ANSWER_LENGTH = 200
"""So much of an answer is kept as proof."""


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels to the operators: one for each URL of the settings, and one for the command.

    Raises InputError for a URL that nobody knows, by its place in the list: it holds a secret.
    """
    channels = list(channels_at(settings, _urls(settings), "FUNDPOOL_NOTIFY"))
    if settings.notify_command:
        channels.append(CommandChannel(_words(settings.notify_command)))
    return tuple(channels)


def channels_at(settings: Settings, urls: Sequence[str], origin: str) -> Iterator[Channel]:
    """A channel for each URL: ``mailto:ADDRESS``, ``https://…`` (JSON), or any URL of apprise.

    ``origin`` says where they are written. Raises InputError as ``channels_of`` does.
    """
    names: Counter[str] = Counter()
    for place, url in enumerate(urls, start=1):
        scheme = url.partition(":")[0].lower()
        names[scheme] += 1
        name, address = f"{scheme}#{names[scheme]}", url[len(MAILTO) :]
        if url.startswith(MAILTO) and not address.startswith("//"):
            if not MAIL_ADDRESS.fullmatch(address) or not (settings.smtp_url and settings.smtp_from):
                raise _unusable(
                    origin,
                    place,
                    "不是邮箱地址，或未设 FUNDPOOL_SMTP_URL、FUNDPOOL_SMTP_FROM",
                    en="is no mail address, or FUNDPOOL_SMTP_URL and FUNDPOOL_SMTP_FROM are not set",
                )
            yield MailChannel(f"{MAILTO}{address}", settings, address)
        elif scheme in {"http", "https"}:
            yield WebhookChannel(name, url)
        else:
            yield AppriseChannel(name, _service(url, place, origin))


def _urls(settings: Settings) -> Sequence[str]:
    """The URLs, or the lines of their file; a line that begins with ``#`` is a remark."""
    text = (read_secret(settings.notify, settings.home / URLS_FILE) or b"").decode()
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [url for line in lines for url in line.split()]


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise InputError(
            "notify_command_unusable",
            f"FUNDPOOL_NOTIFY_COMMAND 写法不对：{error}",
            f"FUNDPOOL_NOTIFY_COMMAND cannot be read: {error}",
            remedy="写成一条命令及其参数 / a command and its arguments, such as /usr/local/bin/tell --sms",
        ) from error
    return words


def _unusable(origin: str, place: int, zh: str, *, en: str) -> InputError:
    return InputError(
        "notify_url_unusable",
        f"{origin} 第 {place} 个地址{zh}（内含密码，此处不显示）",
        f"{origin}: URL number {place} {en} (not shown, it holds a secret)",
        remedy="docs/alarms.md",
    )


def _service(url: str, place: int, origin: str) -> "Apprise":
    from apprise import Apprise  # noqa: PLC0415 - half a second, for those who send

    service = Apprise()
    with _nobody_hears_apprise():
        is_known = service.add(url)
    if not is_known:
        raise _unusable(origin, place, "不是 apprise 认识的", en="is of no service that apprise knows")
    return service


@contextmanager
def _nobody_hears_apprise() -> Iterator[None]:
    """Its log may repeat what stands in a URL. Each time anew: whoever sets logging up may undo it."""
    log = logging.getLogger("apprise")
    was = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = was


@dataclass(frozen=True)
class MailChannel:
    """A mail address, over the mail server of the settings."""

    name: str
    settings: Settings = field(repr=False)
    address: str

    def deliver(self, message: Message) -> Answer:
        """See ``Channel.deliver``. The same notices bear the same Message-ID: a mailbox may keep one copy."""
        sender = self.settings.smtp_from or ""
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"], mail["To"] = sender, self.address
        mail["Date"] = localtime()
        mail["Message-ID"] = f"<{message.idempotency_key}@{sender.rpartition('@')[2]}>"
        mail.set_content(message.text)
        try:
            return Answer(is_taken=True, text=send_mail(self.settings, mail)[:_ANSWER_LENGTH])
        except (OSError, InputError) as error:  # smtplib's errors are OSErrors
            return Answer(is_taken=False, text=str(error)[:_ANSWER_LENGTH])


@dataclass(frozen=True)
class WebhookChannel:
    """A service that takes JSON: ``{"title", "text", "notices"}``, and answers with a status of 2xx."""

    name: str
    url: str = field(repr=False)

    def deliver(self, message: Message) -> Answer:
        """See ``Channel.deliver``. Only a whole answer counts; ``Idempotency-Key`` tells a repetition apart."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.idempotency_key}
        try:
            answer = exchange(
                "POST", self.url, body=_json(message), headers=headers, deadlines=WEBHOOK_DEADLINES
            )
        except NoResponse as error:
            return Answer(is_taken=False, text=error.reason)
        return Answer(is_taken=200 <= answer.status < 300, text=f"HTTP {answer.status}")


def _json(message: Message) -> bytes:
    document = {"title": message.title, "text": message.text, "notices": list(message.notices)}
    return json.dumps(document, ensure_ascii=False).encode()


_ROBOT_CODES = ("errcode", "code")
"""WeCom's and DingTalk's, and Feishu's: 0 when the robot took the message."""

_posting = Lock()


@contextmanager
def _answers_over_http() -> "Iterator[list[Response]]":
    """What was answered over HTTP in here: apprise looks at the status alone and keeps nothing of it."""
    import requests  # noqa: PLC0415 - comes with apprise

    answers: list[Response] = []
    post = requests.post

    def keeping(*given: Any, **named: Any) -> "Response":
        answer = post(*given, **named)
        answers.append(answer)
        return answer

    with _posting:
        requests.post = keeping
        try:
            yield answers
        finally:
            requests.post = post


def _refusal_of_a_robot(answer: "Response") -> str | None:
    """The error code in an answer of status 200: so a group robot says that it did not post the message."""
    try:
        document = answer.json()
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    codes = (document.get(name) for name in _ROBOT_CODES)
    return next((f"code {code}" for code in codes if isinstance(code, int) and code != 0), None)


@dataclass(frozen=True)
class AppriseChannel:
    """One service behind an apprise URL."""

    name: str
    _service: "Apprise" = field(repr=False)

    def deliver(self, message: Message) -> Answer:
        """See ``Channel.deliver``; apprise waits four seconds for a connection and four for an answer."""
        from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

        with _nobody_hears_apprise(), _answers_over_http() as answers:
            is_taken = self._service.notify(
                title=message.title,
                body=message.text,
                notify_type=NotifyType.SUCCESS if message.is_all_over else NotifyType.WARNING,
                body_format=NotifyFormat.TEXT,
            )
        refusals = list(filter(None, map(_refusal_of_a_robot, answers)))
        if is_taken and not refusals:
            return Answer(
                is_taken=True, text=", ".join(f"HTTP {each.status_code}" for each in answers) or "taken"
            )
        return Answer(is_taken=False, text=", ".join(["the service did not take it", *refusals]))


@dataclass(frozen=True)
class CommandChannel:
    """A command of the operator's own, without a shell."""

    words: tuple[str, ...]
    name: str = "command"

    def deliver(self, message: Message) -> Answer:
        """See ``Channel.deliver``: the message is JSON on the command's standard input."""
        program = Path(self.words[0]).name
        # Two of our settings are secrets; the command needs none.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FUNDPOOL_")}
        try:
            ended = subprocess.run(  # noqa: S603 - the operator's own words, no shell
                self.words,
                input=_json(message),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(is_taken=False, text=f"{program} took more than {COMMAND_SECONDS} s")
        except OSError as error:
            return Answer(is_taken=False, text=f"{program}: {error.strerror}")
        return Answer(ended.returncode == 0, f"{program} ended with {ended.returncode}")
