"""Channels to people: every service that apprise knows (mail, WeCom, DingTalk, webhooks, …), and a command."""

import json
import logging
import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fundpool.domain.errors import InputError
from fundpool.private_files import read_secret
from fundpool.services.ports.notices import Channel, Message
from fundpool.settings import Settings

if TYPE_CHECKING:
    from apprise import Apprise

COMMAND_SECONDS = 30
"""How long the command may take."""

URLS_FILE = "notify.urls"


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels of the settings: one for each URL, and one for the command.

    Raises InputError for a URL that apprise does not know, by its place in the list: it holds a secret.
    """
    channels: list[Channel] = []
    names: Counter[str] = Counter()
    for place, url in enumerate(_urls(settings), start=1):
        scheme = url.partition(":")[0].lower()
        names[scheme] += 1
        channels.append(AppriseChannel(f"{scheme}#{names[scheme]}", _service(url, place)))
    if settings.notify_command:
        channels.append(CommandChannel(_words(settings.notify_command)))
    return tuple(channels)


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


def _service(url: str, place: int) -> "Apprise":
    from apprise import Apprise  # noqa: PLC0415 - half a second, for those who send

    service = Apprise()
    with _nobody_hears_apprise():
        is_known = service.add(url)
    if not is_known:
        raise InputError(
            "notify_url_unusable",
            f"FUNDPOOL_NOTIFY 第 {place} 个地址不是 apprise 认识的（内含密码，此处不显示）",
            f"FUNDPOOL_NOTIFY: apprise does not know URL number {place} (not shown, it holds a secret)",
            remedy="docs/alarms.md",
        )
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
class AppriseChannel:
    """One service behind an apprise URL."""

    name: str
    _service: "Apprise" = field(repr=False)

    def deliver(self, message: Message) -> str | None:
        """See ``Channel.deliver``; apprise waits four seconds for a connection and four for an answer."""
        from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

        with _nobody_hears_apprise():
            is_taken = self._service.notify(
                title=message.title,
                body=message.text,
                notify_type=NotifyType.SUCCESS if message.is_all_over else NotifyType.WARNING,
                body_format=NotifyFormat.TEXT,
            )
        return None if is_taken else "the service did not take it"


@dataclass(frozen=True)
class CommandChannel:
    """A command of the operator's own, without a shell."""

    words: tuple[str, ...]
    name: str = "command"

    def deliver(self, message: Message) -> str | None:
        """See ``Channel.deliver``: the message is JSON on the command's standard input."""
        document = {"title": message.title, "text": message.text, "notices": list(message.notices)}
        # Two of our settings are secrets; the command needs none.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FUNDPOOL_")}
        try:
            ended = subprocess.run(  # noqa: S603 - the operator's own words, no shell
                self.words,
                input=json.dumps(document, ensure_ascii=False).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"{Path(self.words[0]).name} took more than {COMMAND_SECONDS} s"
        except OSError as error:
            return f"{Path(self.words[0]).name}: {error.strerror}"
        return None if ended.returncode == 0 else f"{Path(self.words[0]).name} ended with {ended.returncode}"
