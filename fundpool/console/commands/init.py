"""``fundpool init``: set up the database and the folders."""

from typing import Any

from fundpool.console.options import Options


def init(*, options: Options = Options()) -> int:
    """建库建目录，可重复执行 / Set up the database and the folders; running it again changes nothing.

    The policy files are read first; while one of them is wrong nothing is set up (exit status 2).
    """
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.adapters.stores.migrations import current
    from fundpool.adapters.stores.setting_up import install, open_to_others

    settings = options.settings
    cities = load_policies(settings.policy_dir).cities
    database = install(settings)
    revision = current(database)
    database.dispose()
    document: dict[str, Any] = {
        "home": str(settings.home.resolve()),
        "database": database.shown_url,
        "revision": revision,
        "drop_folder": str(settings.resolved_drop_folder.resolve()),
        "policy_dir": str(settings.policy_dir.resolve()),
        "cities": [city.key for city in cities],
        "warnings": open_to_others(settings),
    }
    return options.show(
        document,
        f"就绪 ready: {document['database']}",
        f"收件目录 drop folder: {document['drop_folder']}/<city>/<document>/",
        f"政策文件 policies: {document['policy_dir']}",
        *(f"  {city.key} {city.name_zh}" for city in cities),
        *document["warnings"],
    )
