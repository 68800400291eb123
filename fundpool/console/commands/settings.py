"""``fundpool settings``: every setting with its value."""

from pydantic import SecretStr

from fundpool.console.options import Json
from fundpool.console.output import Table, show
from fundpool.settings import Settings


def settings(*, json: Json = False) -> int:
    """全部设置及其来源变量 / Every setting, its environment variable and value; secrets are not shown."""
    values = Settings()
    rows = [
        {
            "variable": f"FUNDPOOL_{name.upper()}",
            "value": _shown(values, name),
            "description": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    columns = {"变量 variable": "variable", "值 value": "value", "说明 description": "description"}
    show({"settings": rows}, Table("设置 settings", rows, columns), as_json=json)
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
    return "********" if isinstance(value, SecretStr) else str(value)
