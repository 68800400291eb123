"""``fundpool init``: set up the database and the folders."""

from fundpool.console.options import Json
from fundpool.console.output import print_json
from fundpool.settings import Settings


def init(*, json: Json = False) -> int:
    """建库建目录，可重复执行 / Set up the database and the folders; running it again changes nothing."""
    from fundpool.adapters.database import Database
    from fundpool.adapters.migrations import current, upgrade

    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.resolved_drop_folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    upgrade(database)
    revision = current(database)
    database.dispose()
    document = {
        "home": str(settings.home.resolve()),
        "database": database.engine.url.render_as_string(hide_password=True),
        "revision": revision,
        "drop_folder": str(settings.resolved_drop_folder.resolve()),
    }
    if json:
        print_json(document)
    else:
        print(f"就绪 ready: {document['database']}")
        print(f"收件目录 drop folder: {document['drop_folder']}/<city>/<plan|report>/")
    return 0
