"""Every setting of the product, read in this one place.

Highest first: the environment (``FUNDPOOL_NAME``), files of secrets that it names (``FUNDPOOL_NAME_FILE``), the
configuration file (``name``, ``name_file``), systemd's credentials (``fundpool.name``).
"""

import os
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from fundpool.configuration import (
    beside_configuration,
    configuration_file,
    default_home,
    read_configuration,
    relative_path,
    unusable_settings,
)
from fundpool.domain.errors import RuleViolation
from fundpool.domain.money import parse_yuan
from fundpool.domain.periods import parse_duration
from fundpool.domain.transfer import GatewayTerms, PaymentLimits
from fundpool.private_files import read_private

REPOSITORY = Path(__file__).resolve().parents[1]


def sqlite_url(file: Path) -> str:
    """The address of a SQLite file whose path may hold what an address reads otherwise: ``%``, ``?``, ``#``."""
    path = str(file)
    for mark in "%?#":
        path = path.replace(mark, quote(mark))
    return f"sqlite:///{path}"


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _positive_yuan(text: str) -> str:
    if parse_yuan(text) <= 0:
        raise ValueError(
            "限额须大于 0.00 元；不设限额则去掉该变量 / a limit is above 0.00 yuan; leave the variable out for no limit"
        )
    return text


def _mail_server(text: str) -> str:
    try:
        server = urlsplit(text)
        is_server = server.scheme in {"smtp", "smtps"} and server.hostname and server.port != 0
    except ValueError:
        is_server = False
    # A password here would be shown; a path or a query means nothing.
    if not is_server or "@" in text or server.path.strip("/") or server.query or server.fragment:
        raise ValueError(
            "应为 smtps://host:port 或 smtp://host:port，口令写在 FUNDPOOL_SMTP_PASSWORD / expected smtps://host:port or "
            "smtp://host:port; the password belongs into FUNDPOOL_SMTP_PASSWORD"
        )
    return text


def is_protected(address: str) -> bool:
    """Whether nobody on the way reads or changes what goes to the address: https, or this very machine."""
    try:
        parts = urlsplit(address)
        is_here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        return bool((parts.scheme == "https" and parts.hostname) or is_here) and "@" not in parts.netloc
    except ValueError:
        return False


def _issuer(text: str) -> str:
    if not is_protected(text) or urlsplit(text).query or urlsplit(text).fragment:
        raise ValueError(
            "应为 https://host/path，不带口令和参数 / expected https://host/path, without password and query"
        )
    return text


MAILTO = "mailto:"
MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"()]+@[^\s@<>,;:\"()]+")


def _keys(text: Any) -> Any:
    """A list, written as such in the file and with commas in a variable."""
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


_Keys = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_keys)]
_MailServer = Annotated[str, AfterValidator(_mail_server)]
_Issuer = Annotated[str, AfterValidator(_issuer)]
_Duration = Annotated[str, AfterValidator(_duration)]
_Yuan = Annotated[str, AfterValidator(_positive_yuan)]


_REREAD = {"http": "10d", "file": "400d"}
"""By file reading again costs no call."""


class Settings(BaseSettings):
    """Settings by the names of its fields; ``fundpool settings`` lists them with values and origins."""

    model_config = SettingsConfigDict(
        env_prefix="FUNDPOOL_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    def __init__(self, **values: Any) -> None:
        """Raises InputError naming the variables, or the file and its keys, that cannot be used."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            origins = self.origins()
            raise unusable_settings(
                [
                    (origins.get(name) or variable(name), what)
                    for problem in error.errors()
                    for name, what in [_problem(problem["loc"], problem["msg"].removeprefix("Value error, "))]
                ]
            ) from error

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - pydantic-settings calls it by position
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings passes all of them
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, the highest first."""
        given = {name: found.value for name, found in _given_outside_the_environment().items()}
        return init_settings, env_settings, InitSettingsSource(settings_cls, given)

    @classmethod
    def origins(cls) -> dict[str, str]:
        """Where each setting that is given comes from: a variable, a file and its key, a credential."""
        given = {name: found.origin for name, found in _given_outside_the_environment().items()}
        return given | {name: variable(name) for name in EnvSettingsSource(cls)()}

    home: Path = Field(
        default_factory=default_home,
        description="数据目录，缺省 ~/.local/share/fundpool / data folder of the embedded default; "
        "default ~/.local/share/fundpool",
    )
    cities: _Keys = Field(
        default=(),
        description="init 时选定在此运行的统筹区，以逗号分隔，缺省全部 / cities chosen to run here at init, separated "
        "by commas; default every city in force",
    )
    database_url: SecretStr | None = Field(
        default=None, description="数据库地址 / database; default is SQLite in the data folder"
    )
    policy_dir: Path = Field(
        default=REPOSITORY / "policies", description="政策文件目录 / folder of policy files"
    )
    drop_folder: Path | None = Field(
        default=None, description="收件目录 / where counties' files arrive; default HOME/inbox"
    )
    gateway_kind: Literal["http", "file"] = Field(
        default="http", description="支付网关种类 / http, or file for a bank without an API"
    )
    gateway_url: str | None = Field(
        default=None, description="支付网关地址 / base URL of the payment gateway"
    )
    gateway_key_id: str = Field(default="fundpool", description="网关密钥编号 / key id sent to the gateway")
    gateway_secret: SecretStr | None = Field(
        default=None, description="网关签名密钥 / HMAC secret of the gateway"
    )
    seal_key: SecretStr | None = Field(
        default=None, description="封签密钥 / key that seals approvals; default is the file HOME/seal.key"
    )
    anchor_to: str | None = Field(
        default=None,
        description="每日锚值写到哪里，可多处，以冒号分隔：文件、目录或 mailto:邮箱；应在另一台机器 / files, folders or "
        "mailto:ADDRESS, separated by colons, that get each day's anchor, at best on another machine; default "
        "HOME/anchors.jsonl",
    )
    smtp_url: _MailServer | None = Field(
        default=None,
        description="寄锚值和通知的邮件服务器 / mail server for anchors and notices: smtps://host:465, or smtp://host:587 with STARTTLS "
        "(which only localhost may lack)",
    )
    smtp_from: str | None = Field(
        default=None, description="发件邮箱，也是登录名 / address that mails come from, also the login name"
    )
    smtp_password: SecretStr | None = Field(
        default=None,
        description="发件邮箱的口令 / its password; default is the file HOME/smtp.password, else no login",
    )
    gateway_outbox: Path | None = Field(
        default=None, description="送银行文件目录 / where pain.001 files are put; default HOME/bank/outbox"
    )
    gateway_inbox: Path | None = Field(
        default=None, description="银行来文件目录 / where the bank's files arrive; default HOME/bank/inbox"
    )
    gateway_key_retention: _Duration = Field(
        default="7d",
        description="银行记住支付编号多久 / how long the bank remembers a key (120s, 10min, 36h, 7d)",
    )
    gateway_settle_window: _Duration = Field(
        default="10min", description="查无此笔多久内仍可能在受理 / how long not found may mean being accepted"
    )
    gateway_max_network_delay: _Duration = Field(
        default="10min", description="请求在途最长时间 / the longest a request can be under way"
    )
    gateway_lease: _Duration = Field(
        default="120s", description="发送占用时间 / how long a worker holds an order; above 60s"
    )
    gateway_held_after: _Duration = Field(
        default="3d", description="未决多久即挂起 / an open question older than this is held for a person"
    )
    gateway_statement_final_after: _Duration = Field(
        default="1d", description="日终后多久对账单定稿 / how long after its day a statement may still grow"
    )
    gateway_statement_reread: _Duration | None = Field(
        default=None,
        description="定稿的对账单再读多久 / how long a final statement is read again; default 10d, by file 400d",
    )
    gateway_can_close: bool = Field(
        default=True, description="银行能否注销支付编号 / whether the bank can fence a key; never by file"
    )
    limit_per_payee_yuan: _Yuan | None = Field(
        default=None, description="单笔限额，元 / most yuan in one transfer to a payee; none without"
    )
    limit_per_batch_yuan: _Yuan | None = Field(
        default=None, description="批次限额，元 / most yuan in one batch; none without"
    )
    limit_per_day_yuan: _Yuan | None = Field(
        default=None, description="单日限额，元 / most yuan sent for a fund on one day; none without"
    )
    language: Literal["zh", "en"] | None = Field(
        default=None,
        description="命令行的语言，zh 或 en，缺省按区域设置 / language of the command line, zh or en; default by the locale: "
        "English where it names English, else Chinese",
    )
    dashboard_host: str = Field(default="127.0.0.1", description="看板监听地址 / address the dashboard binds")
    dashboard_port: int = Field(default=8650, description="看板端口 / port of the dashboard")
    dashboard_notice: str | None = Field(
        default=None, description="看板每页顶部的提示 / a line on top of every page, such as: synthetic data"
    )
    oidc_issuer: _Issuer | None = Field(
        default=None,
        description="统一身份认证（OpenID Connect）的发行方地址，不设则只用本系统口令登录 / issuer of the identity provider (OpenID Connect); "
        "without it people log in by password alone",
    )
    oidc_client_id: str | None = Field(
        default=None, description="在统一身份认证登记的客户端编号 / client id at the identity provider"
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="其客户端密钥 / the client's secret"
    )
    oidc_claim: str = Field(
        default="preferred_username",
        min_length=1,
        description="身份令牌中哪一项是账户名，须由单位管理、本人不能改 / claim of the ID token that is the account's name; one that "
        "people cannot change themselves",
    )
    notify: SecretStr | None = Field(
        default=None,
        description="告警发往何处：apprise 地址，以空格分隔 / where notices go: apprise URLs separated by blanks "
        "(docs/alarms.md); default is the file HOME/notify.urls, else nowhere",
    )
    contacts: Path | None = Field(
        default=None,
        description="各单位与主管的联系人文件 / file of the contacts of units and supervisors (docs/alarms.md); default "
        "HOME/contacts.toml",
    )
    remind_working_days_before: int = Field(
        default=3,
        ge=1,
        le=30,
        description="最迟办理日前几个工作日开始提醒 / how many working days before the last day to act a unit is reminded",
    )
    notify_language: Literal["zh", "en"] = Field(
        default="zh", description="告警与提醒的语言 / language of notices and reminders: zh, en"
    )
    notify_command: str | None = Field(
        default=None,
        description="收告警的命令，标准输入得到 JSON / command that gets notices as JSON on its standard input; no shell",
    )
    disk_min_free_mb: int = Field(
        default=2048,
        ge=0,
        description="数据目录所在磁盘少于此数即告警，MB / the disk of the data folder is nearly full below this",
    )
    prefect_host: str = Field(
        default="127.0.0.1",
        description="Prefect 服务的监听主机 / host name or address that our Prefect server binds and is called by",
    )
    prefect_database_url: SecretStr | None = Field(
        default=None,
        description="Prefect 自己的数据库 / database of our Prefect server, postgresql+asyncpg://…; default is SQLite in "
        "the data folder",
    )
    prefect_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Prefect 服务的端口，0 取任一空闲端口 / port of our Prefect server; 0 for any free one",
    )
    prefect_api_url: str | None = Field(
        default=None,
        description="Prefect 服务的接口地址 / where the Prefect server answers, http://…/api; the variable PREFECT_API_URL goes "
        "before it; default is the server that runs on the data folder",
    )
    prefect_ui_url: str | None = Field(
        default=None, description="Prefect 页面地址 / where the dashboard's run links point"
    )

    @model_validator(mode="after")
    def _terms_hold_together(self) -> "Settings":
        terms = self.gateway_terms
        if terms.resend_span <= terms.settle_window:
            raise ValueError(
                "FUNDPOOL_GATEWAY_KEY_RETENTION: 其 4/5 减去在途最长时间，须大于受理等待 / 4/5 of it less the network delay "
                "must exceed the settle window"
            )
        if terms.lease <= terms.lease_margin:
            margin = f"{terms.lease_margin.total_seconds():.0f}s"
            raise ValueError(
                f"FUNDPOOL_GATEWAY_LEASE: 须大于 {margin}，已开始的调用在此时间内可以结束 / must exceed {margin}, "
                "in which a call that has begun can end"
            )
        return self

    @model_validator(mode="after")
    def _paths_are_absolute(self) -> "Settings":
        """What the configuration file holds is so already: its paths lie beside it."""
        paths: dict[str, Path | str | None] = {name: getattr(self, name) for name in sorted(_PATHS)}
        database = self.database_url.get_secret_value() if self.database_url else ""
        if database.startswith(_SQLITE):
            paths["database_url"] = database.removeprefix(_SQLITE)
        anchors = [("anchor_to", path) for path in self.anchor_files]
        for name, path in [*paths.items(), *anchors]:
            if path is not None and not Path(path).is_absolute():
                raise ValueError(f"{variable(name)}: {relative_path(path)}")
        return self

    @property
    def gateway_terms(self) -> GatewayTerms:
        """What the bank promises about keys; files cannot be fenced."""
        return GatewayTerms(
            key_retention=parse_duration(self.gateway_key_retention),
            settle_window=parse_duration(self.gateway_settle_window),
            max_network_delay=parse_duration(self.gateway_max_network_delay),
            lease=parse_duration(self.gateway_lease),
            held_after=parse_duration(self.gateway_held_after),
            statement_final_after=parse_duration(self.gateway_statement_final_after),
            statement_reread=parse_duration(self.gateway_statement_reread or _REREAD[self.gateway_kind]),
            can_close=self.gateway_can_close and self.gateway_kind == "http",
        )

    @property
    def payment_limits(self) -> PaymentLimits:
        """Ceilings in fen; ``None`` where none is set."""
        per_payee, per_batch, per_day = (
            None if text is None else parse_yuan(text)
            for text in (self.limit_per_payee_yuan, self.limit_per_batch_yuan, self.limit_per_day_yuan)
        )
        return PaymentLimits(per_payee, per_batch, per_day)

    @model_validator(mode="after")
    def _provider_knows_us(self) -> "Settings":
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret):
            raise ValueError(
                "FUNDPOOL_OIDC_ISSUER: 还须 FUNDPOOL_OIDC_CLIENT_ID 和 FUNDPOOL_OIDC_CLIENT_SECRET / needs "
                "FUNDPOOL_OIDC_CLIENT_ID and FUNDPOOL_OIDC_CLIENT_SECRET"
            )
        return self

    @model_validator(mode="after")
    def _mail_can_be_sent(self) -> "Settings":
        for address in self.anchor_addresses:
            if not MAIL_ADDRESS.fullmatch(address):
                raise ValueError(f"FUNDPOOL_ANCHOR_TO: {address!r} 不是邮箱 / {address!r} is no mail address")
        if self.anchor_addresses and not (self.smtp_url and MAIL_ADDRESS.fullmatch(self.smtp_from or "")):
            raise ValueError(
                "FUNDPOOL_ANCHOR_TO: mailto: 须设 FUNDPOOL_SMTP_URL，且 FUNDPOOL_SMTP_FROM 为邮箱 / mailto: needs FUNDPOOL_SMTP_URL, and FUNDPOOL_SMTP_FROM with a mail address"
            )
        return self

    @property
    def _anchor_entries(self) -> list[str]:
        return [entry for entry in re.split("(?<!mailto):", self.anchor_to or "") if entry]

    @property
    def anchor_files(self) -> tuple[Path, ...]:
        """Files and folders that each day's anchor of the trails is appended to; beside mail at least the default."""
        given = [Path(entry) for entry in self._anchor_entries if not entry.startswith(MAILTO)]
        return tuple(given) or (self.home / "anchors.jsonl",)

    @property
    def anchor_addresses(self) -> tuple[str, ...]:
        """Mail addresses that each day's anchor is sent to."""
        return tuple(entry.removeprefix(MAILTO) for entry in self._anchor_entries if entry.startswith(MAILTO))

    @property
    def resolved_outbox(self) -> Path:
        """Where orders to a bank without an API are put."""
        return self.gateway_outbox or self.home / "bank" / "outbox"

    @property
    def resolved_inbox(self) -> Path:
        """Where the files of a bank without an API arrive."""
        return self.gateway_inbox or self.home / "bank" / "inbox"

    @property
    def resolved_database_url(self) -> str:
        """The database in use: the given one, with its password, else SQLite in the data folder."""
        given = self.database_url.get_secret_value() if self.database_url else ""
        return given or sqlite_url((self.home / "fundpool.db").resolve())

    @property
    def resolved_drop_folder(self) -> Path:
        """The folder that intake scans: the given one, else ``HOME/inbox``."""
        return self.drop_folder or self.home / "inbox"

    @property
    def raw_files(self) -> Path:
        """Where releases before 0.2 kept the raw bytes of received files, named by SHA-256."""
        return self.home / "files"

    @property
    def reports(self) -> Path:
        """Where workbooks and lists for people are written."""
        return self.home / "reports"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"FUNDPOOL_{name.upper()}"


def unknown_variables() -> Iterator[RuleViolation]:
    """Variables that begin as ours do and set nothing, in sentences.

    No error: other programs may name theirs so. A mistyped ``FUNDPOOL_HOME`` would open other books.
    """
    prefix = variable("")
    known = {"CONFIG", *map(str.upper, {*Settings.model_fields, *_SECRET_FILES})}
    for name in sorted(os.environ):
        if name.startswith(prefix) and name.removeprefix(prefix) not in known:
            meant_zh, meant_en = _meant(name.removeprefix(prefix), known, prefix=prefix)
            yield RuleViolation(
                "variable_unknown",
                f"没有 {name} 这项设置，它不起作用{meant_zh}",
                f"there is no setting {name}, it does nothing{meant_en}",
                remedy="改正或去掉该变量；全部设置 / correct or remove it; every setting: fundpool settings",
            )


def _meant(name: str, known: Collection[str], *, prefix: str = "") -> tuple[str, str]:
    """The known name that is most like an unknown one, as a question; empty without any."""
    nearest = next(iter(get_close_matches(name, sorted(known), n=1)), None)
    return (
        ("", "") if nearest is None else (f"；是否 {prefix}{nearest}？", f"; did you mean {prefix}{nearest}?")
    )


def _problem(place: tuple[int | str, ...], message: str) -> tuple[str, str]:
    """The setting, and what is wrong with it; a check of several names its variable itself."""
    if place:
        return str(place[0]), message
    name, _, what = message.partition(": ")
    return name.removeprefix(variable("")).lower(), what


class _Found(NamedTuple):
    """A setting's value and where it was found."""

    value: Any
    origin: str


def _given_outside_the_environment() -> dict[str, _Found]:
    """Settings of secret files, of the configuration file and of credentials; of two the higher one's."""
    file, content = configuration_file(), read_configuration()
    places = {name: f"{file}: {name}" for name in content}
    known = Settings.model_fields.keys() | _SECRET_FILES
    if unknown := sorted(content.keys() - known):
        raise unusable_settings(
            [
                (places[name], f"没有这项设置{meant_zh} / there is no such setting{meant_en}")
                for name in unknown
                for meant_zh, meant_en in [_meant(name, known)]
            ]
        )
    named = {name: os.environ.get(f"{variable(name)}_FILE") for name in _SECRETS}
    found = {
        name: _Found(_secret_of(Path(path), f"{variable(name)}_FILE"), f"{variable(name)}_FILE")
        for name, path in named.items()
        if path
    }
    for name in content:
        setting = name.removesuffix("_file")
        if name in Settings.model_fields:
            found.setdefault(name, _Found(_of_configuration(name, content[name]), places[name]))
        elif setting not in content:
            path = beside_configuration(str(content[name]))
            found.setdefault(setting, _Found(_secret_of(path, places[name]), places[name]))
    for name, value in _credentials():
        found.setdefault(name, _Found(value, f"credential fundpool.{name}"))
    return found


_SECRETS = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)
_SECRET_FILES = frozenset(f"{name}_file" for name in _SECRETS)
_PATHS = frozenset(name for name, field in Settings.model_fields.items() if "Path" in str(field.annotation))


def _of_configuration(name: str, value: Any) -> Any:
    """A value of the file, its paths beside the file and not beside whatever folder a command is started in."""
    if not isinstance(value, str):
        return value
    if name in _PATHS:
        return beside_configuration(value)
    if name == "database_url" and value.startswith(_SQLITE):
        return _SQLITE + str(beside_configuration(value.removeprefix(_SQLITE)))
    if name == "anchor_to":
        entries = [entry for entry in re.split("(?<!mailto):", value) if entry]
        return ":".join(
            entry if entry.startswith(MAILTO) else str(beside_configuration(entry)) for entry in entries
        )
    return value


_SQLITE = "sqlite:///"

_OTHERS_OF_A_CREDENTIAL = 0o007
"""systemd lets the service's user in by an access list, whose mask stands where a group's rights do."""


def _credentials() -> Iterator[tuple[str, str]]:
    """Secrets that systemd hands to the service (``LoadCredential=fundpool.NAME:…``)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    for name in sorted(_SECRETS) if folder else ():
        content = read_private(Path(str(folder)) / f"fundpool.{name}", forbidden=_OTHERS_OF_A_CREDENTIAL)
        if content is not None:
            yield name, content.decode()


def _secret_of(file: Path, origin: str) -> str:
    content = read_private(file)
    if content is None:
        raise unusable_settings([(origin, f"没有密钥文件 {file}，或为空 / there is no secret in {file}")])
    return content.decode()
