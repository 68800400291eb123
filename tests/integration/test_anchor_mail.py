"""The day's anchor by mail, to a real mail server of this machine, and back into a verification."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import delete

from fundpool.adapters import smtp
from fundpool.adapters.stores.anchor_places import AnchorPlaces
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.books.audit_checks import keep_anchor
from fundpool.settings import Settings
from schemas.tables.audit import audit
from schemas.tables.installation import installation
from schemas.tables.latest_seals import latest_seal
from schemas.tables.row_trail import row_trail
from tests.canary import MAIL_PASSWORD
from tests.integration.month_scene import at
from tests.seals import SEALS

NOW = at("2026-11-13 09:00")
SENDER, AUDITOR = "fund@example.cn", "audit@example.cn"
HOSTS = ("127.0.0.1", "127.0.0.2")


class Mailbox:
    """Takes every mail that the sender logged in for."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def authenticate(self, *arguments: Any) -> AuthResult:
        login = arguments[-1]
        assert isinstance(login, LoginPassword)
        self.logins.append(login.login)
        is_known = (login.login, login.password) == (SENDER.encode(), MAIL_PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of the mail server, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    made = datetime(2020, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made)
        .not_valid_after(made + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host)) for host in HOSTS]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "mail.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


Serve = Callable[..., int]


@pytest.fixture
def serve(mailbox: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts the mail server and returns its port: ``tls`` from the ``start``, by ``starttls`` or not at all."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    running: list[Controller] = []

    def start(tls: str | None, host: str = HOSTS[0], port: int | None = None) -> int:
        port = port or free_port(host)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        by_command = {"tls_context": context, "require_starttls": True, "auth_required": True}
        server = Controller(
            mailbox,
            hostname=host,
            port=port,
            ssl_context=context if tls == "start" else None,
            authenticator=mailbox.authenticate,
            auth_require_tls=tls == "starttls",
            **(by_command if tls == "starttls" else {}),
        )
        server.start()
        running.append(server)
        return port

    yield start
    for server in running:
        server.stop()


def free_port(host: str) -> int:
    with closing(socket.socket()) as found:
        found.bind((host, 0))
        return int(found.getsockname()[1])


def settings(folder: Path, url: str, **values: Any) -> Settings:
    given = {"smtp_from": SENDER, "smtp_password": MAIL_PASSWORD, **values}
    return Settings(home=folder, anchor_to=f"mailto:{AUDITOR}", smtp_url=url, **given)


def keep(transactions: SqlTransactions, places: AnchorPlaces, now: datetime = NOW) -> None:
    ports: Any = SimpleNamespace(database=transactions, anchors=places)
    keep_anchor(ports, now)


def write(transactions: SqlTransactions) -> None:
    transactions.transaction(lambda work: work.audit.append(at=NOW, actor="a", action="b", subject="c"))


@pytest.mark.parametrize(("tls", "scheme"), [("start", "smtps"), ("starttls", "smtp")])
def test_the_day_s_anchor_is_mailed_once_and_compares_as_a_saved_mail_or_attachment(
    database: Database,
    tmp_path: Path,
    serve: Serve,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
    scheme: str,
) -> None:
    transactions = SqlTransactions(database, SEALS)
    write(transactions)
    given = settings(tmp_path, f"{scheme}://{HOSTS[0]}:{serve(tls)}")
    for hours in (0, 1, 24):
        # Each run of a step is a process of its own.
        keep(transactions, AnchorPlaces.of(given), NOW + timedelta(hours=hours))
    assert [mail["Subject"] for mail in mailbox.mails] == [
        "fundpool 锚值 anchor 2026-11-13",
        "fundpool 锚值 anchor 2026-11-14",
    ]
    first = mailbox.mails[0]
    assert (first["From"], first["To"]) == (SENDER, AUDITOR)
    assert mailbox.logins == [SENDER.encode()] * 2
    # The file on this machine has it too: checkpoints are kept there.
    assert len((tmp_path / "anchors.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    (attachment,) = first.iter_attachments()
    (tmp_path / "saved.eml").write_bytes(first.as_bytes())
    (tmp_path / attachment.get_filename()).write_bytes(attachment.get_payload(decode=True))
    # What a text editor of another system makes of it.
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbf" + attachment.get_payload(decode=True) + b"\r\n")
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    saved = ["saved.eml", "anchor-2026-11-13.jsonl", "marked.txt"]
    assert [main(["audit", "verify", "--anchor", str(tmp_path / name)]) for name in saved] == [0, 0, 0]
    with database.engine.begin() as connection:
        connection.execute(delete(audit))
        connection.execute(delete(row_trail))
        connection.execute(delete(installation))
        connection.execute(delete(latest_seal))
    assert [main(["audit", "verify", "--anchor", str(tmp_path / name)]) for name in saved] == [1, 1, 1]
    assert main(["audit", "verify"]) == 0


def test_a_mail_that_could_not_be_sent_is_reported_and_sent_by_the_next_tick(
    transactions: SqlTransactions, tmp_path: Path, serve: Serve, mailbox: Mailbox
) -> None:
    write(transactions)
    port = free_port(HOSTS[0])
    given = settings(tmp_path, f"smtps://{HOSTS[0]}:{port}")
    places = AnchorPlaces.of(given)
    with pytest.raises(ServiceUnavailable) as failure:
        keep(transactions, places)
    assert failure.value.code == "anchor_not_written"
    assert f"mailto:{AUDITOR}" in failure.value.zh
    assert (tmp_path / "anchors.jsonl").is_file(), "the other places have it all the same"
    serve("start", port=port)
    # The same process does not wait for the server again for each of its cities.
    with pytest.raises(ServiceUnavailable):
        keep(transactions, places)
    assert mailbox.mails == []
    keep(transactions, AnchorPlaces.of(given), NOW + timedelta(hours=2))
    assert len(mailbox.mails) == 1


def test_a_refused_login_is_reported_without_the_password(
    transactions: SqlTransactions, tmp_path: Path, serve: Serve, mailbox: Mailbox
) -> None:
    given = settings(tmp_path, f"smtps://{HOSTS[0]}:{serve('start')}", smtp_from="other@example.cn")
    with pytest.raises(ServiceUnavailable) as failure:
        keep(transactions, AnchorPlaces.of(given))
    assert "login refused (535)" in failure.value.en
    assert MAIL_PASSWORD not in str(failure.value) + failure.value.zh + failure.value.en
    assert mailbox.mails == []


def test_no_password_goes_to_a_server_of_another_machine_without_tls(
    transactions: SqlTransactions, tmp_path: Path, serve: Serve, mailbox: Mailbox
) -> None:
    given = settings(tmp_path, f"smtp://{HOSTS[1]}:{serve(None, HOSTS[1])}")
    with pytest.raises(ServiceUnavailable, match="STARTTLS"):
        keep(transactions, AnchorPlaces.of(given))
    assert (mailbox.logins, mailbox.mails) == ([], [])
    # A relay of this machine needs neither.
    local = settings(tmp_path, f"smtp://{HOSTS[0]}:{serve(None)}", smtp_password=None)
    keep(transactions, AnchorPlaces.of(local))
    assert len(mailbox.mails) == 1


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(
    transactions: SqlTransactions,
    tmp_path: Path,
    serve: Serve,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = settings(tmp_path, f"smtps://{HOSTS[0]}:{serve('start')}")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ServiceUnavailable, match="certificate"):
        keep(transactions, AnchorPlaces.of(given))
    assert (mailbox.logins, mailbox.mails) == ([], [])


def test_a_server_that_says_nothing_is_given_up(
    transactions: SqlTransactions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_S", 0.1)
    with closing(socket.create_server((HOSTS[0], 0))) as silent:
        given = settings(tmp_path, f"smtp://{HOSTS[0]}:{silent.getsockname()[1]}")
        with pytest.raises(ServiceUnavailable, match="timed out"):
            keep(transactions, AnchorPlaces.of(given))


def test_the_password_can_lie_in_a_file_of_its_owner_alone(
    transactions: SqlTransactions, tmp_path: Path, serve: Serve, mailbox: Mailbox
) -> None:
    given = settings(tmp_path, f"smtps://{HOSTS[0]}:{serve('start')}", smtp_password=None)
    file = tmp_path / "smtp.password"
    try:
        file.write_text(MAIL_PASSWORD + "\n")
        file.chmod(0o640)
        with pytest.raises(ServiceUnavailable, match="other users can read"):
            keep(transactions, AnchorPlaces.of(given))
        file.chmod(0o600)
        keep(transactions, AnchorPlaces.of(given))
    finally:
        file.unlink()
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_url": None},
        {"smtp_from": None},
        {"smtp_from": "nobody"},
        {"anchor_to": "mailto:nobody"},
        {"smtp_url": f"smtps://fund:{MAIL_PASSWORD}@mail.example.cn"},
        {"smtp_url": "mail.example.cn:465"},
        {"smtp_url": "smtps://mail.example.cn:port"},
    ],
    ids=str,
)
def test_settings_with_which_no_mail_can_be_sent_are_refused_without_a_password(
    values: dict[str, str | None],
) -> None:
    given = {"anchor_to": f"mailto:{AUDITOR}", "smtp_url": "smtps://mail.example.cn", "smtp_from": SENDER}
    with pytest.raises(InputError) as refusal:
        Settings(**{**given, **values})
    assert refusal.value.code == "bad_settings"
    assert MAIL_PASSWORD not in str(refusal.value) + refusal.value.zh + refusal.value.en


def test_files_folders_and_addresses_stand_side_by_side(tmp_path: Path) -> None:
    given = Settings(
        home=tmp_path,
        anchor_to=f"/mnt/audit:mailto:{AUDITOR}:/mnt/anchors.jsonl:mailto:b@example.cn",
        smtp_url="smtps://mail.example.cn",
        smtp_from=SENDER,
    )
    assert given.anchor_files == (Path("/mnt/audit"), Path("/mnt/anchors.jsonl"))
    assert given.anchor_addresses == (AUDITOR, "b@example.cn")
