"""Mail over the server of the settings (``FUNDPOOL_SMTP_URL``), with what it answered."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from fundpool.private_files import read_private
from fundpool.settings import Settings

TIMEOUT_S = 10
"""Of each step of the exchange: a mail server that is away delays the tick, not the money."""

_PORTS = {"smtp": 587, "smtps": 465}
_SAME_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def send_mail(settings: Settings, message: EmailMessage) -> str:
    """Hand the mail to the server; its answer, such as ``250 queued as 4F1``.

    Raises OSError (smtplib's errors are such), or InputError where others can read the password's file.
    """
    server = urlsplit(settings.smtp_url or "")
    host, port = server.hostname or "", server.port or _PORTS[server.scheme]
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        with _Tls(host, port, timeout=TIMEOUT_S, context=context) as connection:
            return _hand_over(connection, settings, message)
    with _KeepsAnswer(host, port, timeout=TIMEOUT_S) as connection:
        connection.ehlo()
        # A relay of this machine may do without.
        if connection.has_extn("starttls") or host not in _SAME_MACHINE:
            connection.starttls(context=context)
        return _hand_over(connection, settings, message)


def _hand_over(connection: "_KeepsAnswer", settings: Settings, message: EmailMessage) -> str:
    password = _password(settings)
    if password is not None:
        try:
            connection.login(settings.smtp_from or "", password)
        except smtplib.SMTPAuthenticationError as error:
            # Without the server's words, which may repeat what it was sent.
            raise OSError(f"login refused ({error.smtp_code})") from None
    connection.send_message(message)
    return connection.answer


def _password(settings: Settings) -> str | None:
    """From ``FUNDPOOL_SMTP_PASSWORD`` or ``HOME/smtp.password``; None for a relay that asks for none."""
    if settings.smtp_password is not None:
        return settings.smtp_password.get_secret_value() or None
    key = read_private(settings.home / "smtp.password")
    return None if key is None else key.decode()


class _KeepsAnswer(smtplib.SMTP):
    """smtplib itself forgets what the server says when it takes a mail."""

    answer = ""

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, words = super().data(msg)
        self.answer = f"{code} {words.decode('utf-8', 'replace')}"
        return code, words


class _Tls(_KeepsAnswer, smtplib.SMTP_SSL):
    pass
