"""Every setting of the product, read from the environment in this one place."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fundpool.domain.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Settings from ``FUNDPOOL_*`` variables; ``fundpool settings`` lists them with their values."""

    model_config = SettingsConfigDict(env_prefix="FUNDPOOL_", extra="ignore")

    def __init__(self, **values: Any) -> None:
        """Raises InputError naming the variables that cannot be used."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            wrong = [f"FUNDPOOL_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
            raise InputError(
                "bad_settings",
                f"设置有误：{'；'.join(wrong)}",
                f"settings cannot be used: {'; '.join(wrong)}",
                remedy="fundpool settings --help；改正环境变量 / correct the environment variables",
            ) from error

    home: Path = Field(
        default=Path(".fundpool"), description="数据目录 / data folder of the embedded default"
    )
    database_url: str | None = Field(
        default=None, description="数据库地址 / database; default is SQLite in the data folder"
    )
    policy_dir: Path = Field(
        default=REPOSITORY / "policies", description="政策文件目录 / folder of policy files"
    )
    drop_folder: Path | None = Field(
        default=None, description="收件目录 / where counties' files arrive; default HOME/inbox"
    )
    gateway_url: str | None = Field(
        default=None, description="支付网关地址 / base URL of the payment gateway"
    )
    gateway_key_id: str = Field(default="fundpool", description="网关密钥编号 / key id sent to the gateway")
    gateway_secret: SecretStr | None = Field(
        default=None, description="网关签名密钥 / HMAC secret of the gateway"
    )
    dashboard_host: str = Field(default="127.0.0.1", description="看板监听地址 / address the dashboard binds")
    dashboard_port: int = Field(default=8650, description="看板端口 / port of the dashboard")
    dashboard_notice: str | None = Field(
        default=None, description="看板每页顶部的提示 / a line on top of every page, such as: synthetic data"
    )
    prefect_ui_url: str | None = Field(
        default=None, description="Prefect 页面地址 / where the dashboard's run links point"
    )

    @property
    def resolved_database_url(self) -> str:
        """The database in use: the given one, else SQLite in the data folder."""
        return self.database_url or f"sqlite:///{(self.home / 'fundpool.db').resolve()}"

    @property
    def resolved_drop_folder(self) -> Path:
        """The folder that intake scans: the given one, else ``HOME/inbox``."""
        return self.drop_folder or self.home / "inbox"

    @property
    def raw_files(self) -> Path:
        """Where the raw bytes of every received file are kept, named by SHA-256."""
        return self.home / "files"

    @property
    def reports(self) -> Path:
        """Where workbooks and lists for people are written."""
        return self.home / "reports"
