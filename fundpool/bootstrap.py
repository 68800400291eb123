"""Puts the adapters behind the services' ports; the only module that knows both."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fundpool.adapters.banks.iso20022 import require_extra
from fundpool.adapters.documents.papers import write_paper
from fundpool.adapters.documents.parser_process import parse_files
from fundpool.adapters.documents.raw_files import DropFolder, EarlierRawFiles
from fundpool.adapters.documents.reconciliation_workbooks import write_reconciliation
from fundpool.adapters.documents.report_workbooks import summary_workbook
from fundpool.adapters.documents.return_slips import SlipFiles
from fundpool.adapters.keys.seal_key import seals_of
from fundpool.adapters.policies.policy_files import load_policies, load_work_calendar
from fundpool.adapters.stores.anchor_places import AnchorPlaces
from fundpool.adapters.stores.copies import copy_of
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.adapters.watch.channels import channels_of
from fundpool.adapters.watch.contacts import contacts_of
from fundpool.adapters.watch.machine import look_around
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, Period
from fundpool.domain.policy import CityPolicy, PolicyLibrary
from fundpool.domain.return_slip import ReturnSlip
from fundpool.domain.transfer import PaymentLimits
from fundpool.services.payments.application import pays_within_annual_budget
from fundpool.services.ports.files import SlipFile
from fundpool.services.ports.gateway import BankFileNote, DayStatement, Gateway, GatewayAnswer
from fundpool.services.ports.judging import Judgement, JudgingContext, ParsedDocument, Register, SourceFile
from fundpool.services.ports.users import IdentityProvider
from fundpool.services.ports.work import MonthPorts
from fundpool.services.watch.installation import Installation
from fundpool.settings import Settings
from schemas.payment_messages import TransferOrder

if TYPE_CHECKING:
    from fundpool.adapters.banks.files import FileGateway


def build_ports(settings: Settings) -> MonthPorts:
    """The ports of this installation. Opens no connection: database and bank are met when used.

    Raises InputError when a policy file cannot be read, or the files of a bank without an API could not be.
    """
    if settings.gateway_kind == "file":
        # Now, not at the first payment: that one would be claimed and then wait for its lease to end.
        require_extra()
    gateway = LazyGateway(settings) if settings.gateway_url or settings.gateway_kind == "file" else None
    policies = load_policies(settings.policy_dir)
    return MonthPorts(
        database=SqlTransactions(
            Database(settings.resolved_database_url), seals_of(settings), limits_of(settings, policies)
        ),
        gateway=gateway,
        gateway_terms=settings.gateway_terms,
        read_bank_files=partial(_bank_files, settings) if settings.gateway_kind == "file" else None,
        policies=policies,
        calendar=load_work_calendar(settings.policy_dir),
        earlier_raw_file=EarlierRawFiles(settings.raw_files),
        drop_folder=DropFolder(settings.resolved_drop_folder),
        parse_files=parse_files,
        read_documents=_read_documents,
        judge_documents=_judge_documents,
        write_summary=summary_workbook,
        write_reconciliation=partial(write_reconciliation, settings.reports),
        write_paper=write_paper,
        slip_folder=SlipFiles(settings.reports),
        anchors=AnchorPlaces.of(settings),
    )


def limits_of(settings: Settings, policies: PolicyLibrary) -> PaymentLimits:
    """The installation's ceilings, with what the cities' texts cap."""
    return replace(
        settings.payment_limits,
        within_annual_budget=lambda city, month: pays_within_annual_budget(policies.city(city), month),
    )


def open_books(settings: Settings) -> SqlTransactions:
    """The database alone, for a question that needs no policy and no bank."""
    return SqlTransactions(Database(settings.resolved_database_url), seals_of(settings))


def open_ports(settings: Settings) -> MonthPorts:
    """The ports of an installation whose database is set up.

    Raises ServiceUnavailable when the database is away or ``fundpool init`` has not run, InputError when its tables
    are of another version.
    """
    ports = build_ports(settings)
    ports.database.read(lambda _work: None)
    return ports


def open_installation(settings: Settings, ports: MonthPorts | None = None) -> Installation:
    """What the watch looks at. Opens no connection; ``ports`` are those that the process has already."""
    ports = ports or build_ports(settings)
    assert isinstance(ports.database, SqlTransactions)
    return Installation(
        ports,
        partial(look_around, settings, ports.database.database),
        partial(channels_of, settings),
        partial(contacts_of, settings, ports.policies),
        days_before=settings.remind_working_days_before,
        language=settings.notify_language,
    )


@contextmanager
def copied_ports(ports: MonthPorts) -> Iterator[MonthPorts]:
    """The same ports over a copy of the books: no bank, and nothing is written anywhere else."""
    assert isinstance(ports.database, SqlTransactions)
    with copy_of(ports.database) as copy:
        yield replace(
            ports,
            database=copy,
            gateway=None,
            read_bank_files=None,
            slip_folder=_NoSlips(),
            write_reconciliation=_write_nothing,
            anchors=None,
        )


class _NoSlips:
    """A ``SlipFolder`` that keeps nothing."""

    def write(self, city: str, month: Period, slip: ReturnSlip, *, source: Callable[[], SourceFile]) -> None:
        """Keep nothing."""

    def slips(self, _city: str, _month: Period) -> tuple[SlipFile, ...]:
        """There is none."""
        return ()


def _write_nothing(policy: CityPolicy, month: Month, **form: object) -> Path:
    del policy, month, form
    return Path(os.devnull)


def identity_provider(settings: Settings) -> IdentityProvider | None:
    """Where people may log in instead of at our pages; None where none is set. Raises InputError without the extra."""
    if not settings.oidc_issuer:
        return None
    if find_spec("authlib") is None:
        raise InputError(
            "oidc_missing",
            "没有安装统一身份认证（OpenID Connect）所需的组件",
            "what log-in through an identity provider needs is not installed",
            remedy="pip install 'fundpool[oidc]'；在检出目录中 make oidc / in a checkout: make oidc",
        )
    from fundpool.adapters.keys.identity_provider import OidcProvider

    secret = settings.oidc_client_secret
    return OidcProvider(
        settings.oidc_issuer,
        client_id=settings.oidc_client_id or "",
        client_secret="" if secret is None else secret.get_secret_value(),
        claim=settings.oidc_claim,
    )


class LazyGateway:
    """The gateway of the settings, built at the first call: most commands never speak to the bank."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """See ``Gateway.submit``."""
        return self._bank.submit(order, now=now)

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """See ``Gateway.query``."""
        return self._bank.query(order, now=now)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """See ``Gateway.close``."""
        return self._bank.close(order, now=now)

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """See ``Gateway.statement``."""
        return self._bank.statement(account, day, now=now)

    @cached_property
    def _bank(self) -> Gateway:
        if self._settings.gateway_kind == "file":
            return _file_gateway(self._settings)
        from fundpool.adapters.banks.http import HttpGateway

        return HttpGateway.from_settings(self._settings)


def _bank_files(settings: Settings) -> tuple[BankFileNote, ...]:
    return _file_gateway(settings).files()


def _file_gateway(settings: Settings) -> "FileGateway":
    from fundpool.adapters.banks.files import FileGateway

    return FileGateway(
        settings.resolved_outbox,
        settings.resolved_inbox,
        settings.home / "bank" / "handed-over",
        customer_id=settings.gateway_key_id,
        resend_span=settings.gateway_terms.resend_span,
    )


def _read_documents(
    files: Sequence[SourceFile],
    document: str,
    register: Register | Sequence[Register],
    *,
    month: Period | None,
) -> list[ParsedDocument]:
    from fundpool.adapters.documents.document_reader import read_documents

    return read_documents(files, document, register, month=month)


def get_ready_to_judge() -> None:
    """Import what judging needs before the first file comes: a county waits for its verdict."""
    import expectations.runner  # noqa: F401


def _judge_documents(
    parsed: Sequence[ParsedDocument], document: str, context: JudgingContext | Sequence[JudgingContext]
) -> list[Judgement]:
    # Great Expectations takes seconds to import: only a run that judges pays for it.
    from expectations.runner import judge

    return judge(parsed, document, context)
