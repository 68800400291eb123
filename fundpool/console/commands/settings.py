"""``fundpool settings``: every setting with its value."""

from pydantic import SecretStr

from fundpool.console.options import Json
from fundpool.console.output import print_json, print_table
from fundpool.settings import Settings


def settings(*, json: Json = False) -> int:
    """全部设置及其来源变量 / Every setting, its environment variable and value; secrets are not shown."""
    values = Settings()
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(values, name)
        shown = None if value is None else "********" if isinstance(value, SecretStr) else str(value)
        rows.append(
            {"variable": f"FUNDPOOL_{name.upper()}", "value": shown, "description": field.description or ""}
        )
    if json:
        print_json({"settings": rows})
        return 0
    print_table(
        "设置 settings",
        ["变量 variable", "值 value", "说明 description"],
        [(row["variable"], row["value"], row["description"]) for row in rows],
    )
    return 0
