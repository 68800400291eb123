"""A sandbox: the installation in which tests name the business time."""

from datetime import UTC, datetime
from functools import partial

from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.services.payments.installation import record_installation
from tests.seals import SEALS


def set_up_sandbox(database: Database) -> None:
    """Tables and record of a sandbox."""
    migrations.upgrade(database)
    began = datetime(2020, 1, 1, tzinfo=UTC)
    SqlTransactions(database, SEALS).transaction(
        partial(record_installation, cities=None, sandbox=True, now=began)
    )
    database.dispose()
