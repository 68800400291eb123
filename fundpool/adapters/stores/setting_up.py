"""Setting an installation up: data folder, seal key and tables."""

from fundpool.adapters.keys.seal_key import make_seal_key
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.settings import Settings


def install(settings: Settings) -> Database:
    """The installation's database, with its data folder, seal key and tables in place.

    Raises as ``migrations.upgrade`` does.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    if migrations.current(database) is None:
        # Later a missing key is not replaced: nothing that was approved would hold any more.
        make_seal_key(settings)
    migrations.upgrade(database)
    return database
