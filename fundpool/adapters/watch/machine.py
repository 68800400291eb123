"""What the machine says of an installation: free disk, versions of code and tables, the work pool."""

import shutil

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database, not_set_up
from fundpool.adapters.watch.prefect_queue import api_url, queue_at
from fundpool.domain.errors import FundpoolError
from fundpool.services.ports.notices import Queue, Surroundings
from fundpool.settings import Settings
from fundpool.version import VERSION, commit


def look_around(settings: Settings, database: Database) -> Surroundings:
    """Ask the disk, the database and the Prefect server; none of them raises, each says what it lacks."""
    tables: str | None = None
    database_error: FundpoolError | None = None
    try:
        tables = migrations.current(database)
        if tables is None:
            database_error = not_set_up()
    except FundpoolError as error:
        database_error = error
    return Surroundings(
        code_version=f"{VERSION} ({commit()})" if commit() else VERSION,
        tables_version=tables,
        tables_wanted=migrations.wanted(),
        free_bytes=_free_bytes(settings),
        min_free_bytes=settings.disk_min_free_mb * 2**20,
        queue=_queue(settings),
        database_error=database_error,
    )


def _free_bytes(settings: Settings) -> int:
    """Of the data folder's disk; before it is made, of the folder it will be made in."""
    folder = settings.home.resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _queue(settings: Settings) -> Queue | FundpoolError | None:
    url = api_url(settings)
    if url is None:
        return None
    try:
        return queue_at(url)
    except FundpoolError as error:
        return error
