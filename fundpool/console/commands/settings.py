"""``fundpool settings``: every setting with its value."""

from pydantic import SecretStr

from fundpool.configuration import configuration_file
from fundpool.console.language import choose, one_language
from fundpool.console.options import Json
from fundpool.console.output import Columns, Table, show
from fundpool.settings import Settings, unknown_variables, variable


def settings(*, json: Json = False) -> int:
    """全部设置、其值与来源 / Every setting, its value and where it comes from; secrets are not shown.

    配置文件为 /etc/fundpool/fundpool.toml，或 FUNDPOOL_CONFIG 所指的；其键为变量去掉 FUNDPOOL_ 的小写，变量优先。密钥可放在
    只有其主人可读的单独文件里：FUNDPOOL_GATEWAY_SECRET_FILE、gateway_secret_file，或 systemd 的凭据
    fundpool.gateway_secret。 / The configuration file is /etc/fundpool/fundpool.toml, or the one that FUNDPOOL_CONFIG names. Its keys are the
    variables without FUNDPOOL_, in small letters; variables go before it. Secrets may lie in files of their own,
    which only their owner may read: FUNDPOOL_GATEWAY_SECRET_FILE, gateway_secret_file, or systemd's credential
    fundpool.gateway_secret.
    """
    from fundpool.adapters.stores.setting_up import open_to_others

    values, origins, file = Settings(), Settings.origins(), configuration_file()
    rows = [
        {
            "variable": variable(name),
            "value": _shown(values, name),
            "origin": origins.get(name, "default"),
            "description": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    columns: Columns = {
        "变量 / variable": "variable",
        "值 / value": "value",
        "来源 / origin": "origin",
        "说明 / description": lambda row: one_language(row["description"]),
    }
    warnings = [*open_to_others(values), *map(str, unknown_variables())]
    document = {
        "configuration_file": None if file is None else str(file),
        "settings": rows,
        "warnings": warnings,
    }
    table = Table("设置 / settings", rows, columns)
    show(
        document,
        f"{choose('配置文件：', 'configuration file: ')}{file or '-'}",
        table,
        *map(one_language, warnings),
        as_json=json,
    )
    return 0


def _shown(values: Settings, name: str) -> str | None:
    value = getattr(values, name)
    if value is None:
        return None
    if name == "database_url":
        from fundpool.adapters.stores.database import (
            Database,
        )  # a quarter of a second, for those who give one

        return Database(values.resolved_database_url).shown_url
    if isinstance(value, tuple):
        return ",".join(value)
    return "********" if isinstance(value, SecretStr) else str(value)
