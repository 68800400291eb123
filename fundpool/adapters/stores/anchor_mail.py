"""The day's anchor by mail: a mailbox that the database's writer cannot empty keeps what the trails were."""

import json
import os
from collections.abc import Mapping
from datetime import date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

from fundpool.adapters.smtp import send_mail
from fundpool.domain.errors import InputError
from fundpool.settings import Settings


class AnchorMail:
    """Mails an anchor to one address; ``HOME/anchors-mailed.jsonl`` says which days were taken by the mail server."""

    def __init__(self, settings: Settings, address: str) -> None:
        self._settings = settings
        self._address = address
        self._failure: OSError | None = None

    def __str__(self) -> str:
        return f"mailto:{self._address}"

    @property
    def _sent(self) -> Path:
        return self._settings.home / "anchors-mailed.jsonl"

    def has(self, day: date) -> bool:
        """Whether the mail server took the day's anchor."""
        try:
            return self._note(day) in self._sent.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False

    def put(self, anchor: Mapping[str, Any]) -> None:
        """Mail the anchor, then note it: a crash between the two mails it twice.

        Raises OSError, or InputError where others can read the password's file. After a failure this
        process does not try again: many cities share a run, and each would wait for a server that is away.
        """
        if self._failure is not None:
            raise self._failure
        try:
            send_mail(self._settings, _message(anchor, self._settings.smtp_from or "", self._address))
        except OSError as error:
            self._failure = error
            raise
        self._sent.parent.mkdir(parents=True, exist_ok=True)
        with self._sent.open("a", encoding="utf-8") as opened:
            opened.write(self._note(date.fromisoformat(anchor["at"][:10])) + "\n")
            opened.flush()
            os.fsync(opened.fileno())

    def _note(self, day: date) -> str:
        return json.dumps({"day": day.isoformat(), "to": self._address}, ensure_ascii=False)


def _message(anchor: Mapping[str, Any], sender: str, address: str) -> EmailMessage:
    at = datetime.fromisoformat(anchor["at"])
    day = at.date().isoformat()
    message = EmailMessage()
    message["Subject"] = f"fundpool 锚值 anchor {day}"
    message["From"], message["To"] = sender, address
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content(
        f"附件为 {day} 各条链的末端（锚值），请原样保存，勿删。核对：把邮件或附件存成文件，"
        "fundpool audit verify --anchor 文件\n\n"
        f"Attached are the heads of every chain on {day}. Keep this mail as it is. To compare: save the mail "
        "or its attachment, then fundpool audit verify --anchor FILE\n"
    )
    line = json.dumps(anchor, ensure_ascii=False) + "\n"
    message.add_attachment(
        line.encode(), maintype="application", subtype="jsonl", filename=f"anchor-{day}.jsonl"
    )
    return message


def anchors_text(content: bytes) -> str:
    """The JSON lines of a file of anchors: the file itself, or the attachments of a saved mail.

    Raises UnicodeDecodeError, or InputError ``anchor_unreadable`` for a mail without an anchor.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return content.decode("utf-8-sig")
    message = message_from_bytes(content, policy=policy.default)
    attached = [
        part.get_content()
        for part in message.walk()
        if (part.get_filename() or "").endswith((".jsonl", ".json"))
    ]
    if not attached:
        raise InputError(
            "anchor_unreadable",
            "文件既不是锚值，也不是带锚值附件的邮件",
            "the file is neither anchors nor a mail with an attached anchor",
            remedy="fundpool audit anchor --out FILE",
        )
    return "".join(each.decode() if isinstance(each, bytes) else each for each in attached)
