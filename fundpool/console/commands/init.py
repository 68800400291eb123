"""``fundpool init``: set up the database and the folders."""

from fundpool.console.options import Json, PolicyDir, settings_of
from fundpool.console.output import print_json


def init(*, policy_dir: PolicyDir = None, json: Json = False) -> int:
    """建库建目录，可重复执行 / Set up the database and the folders; running it again changes nothing.

    The policy files are read first; while one of them is wrong nothing is set up (exit status 2).
    """
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.adapters.stores.migrations import current
    from fundpool.adapters.stores.setting_up import install

    settings = settings_of(policy_dir)
    cities = load_policies(settings.policy_dir).cities
    settings.resolved_drop_folder.mkdir(parents=True, exist_ok=True)
    database = install(settings)
    revision = current(database)
    database.dispose()
    document = {
        "home": str(settings.home.resolve()),
        "database": database.shown_url,
        "revision": revision,
        "drop_folder": str(settings.resolved_drop_folder.resolve()),
        "policy_dir": str(settings.policy_dir.resolve()),
        "cities": [city.key for city in cities],
    }
    if json:
        print_json(document)
    else:
        print(f"就绪 ready: {document['database']}")
        print(f"收件目录 drop folder: {document['drop_folder']}/<city>/<document>/")
        print(f"政策文件 policies: {document['policy_dir']}")
        for city in cities:
            print(f"  {city.key} {city.name_zh}")
    return 0
