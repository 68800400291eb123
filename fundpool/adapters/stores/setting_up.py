"""Setting an installation up: data folder, seal key and tables. Nothing else creates any of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from fundpool.adapters.keys.seal_key import make_seal_key, seals_of
from fundpool.adapters.stores import migrations
from fundpool.adapters.stores.backups import back_up, ending_of
from fundpool.adapters.stores.database import Database, former_database, former_home
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.clock import business_clock
from fundpool.domain.errors import InputError
from fundpool.services.payments.installation import record_installation
from fundpool.settings import Settings
from schemas.tables import REVISION

_OF_OTHERS = 0o077


def install(settings: Settings, *, cities: Sequence[str] | None = None, sandbox: bool = False) -> Database:
    """The installation's database, with its data folder, seal key, tables and record in place; its owner's alone.

    ``cities`` run here, empty for every city in force; None leaves them as they are. Raises as
    ``record_installation`` does, and InputError when the tables are of another revision, or when an earlier
    release's data lies in the current folder and nothing says where the data of this one is to be.
    """
    former = former_database()
    if former is not None and not settings.model_fields_set & {"home", "database_url"}:
        raise InputError(
            "former_data_here",
            f"当前目录下有旧版的数据库 {former}，新装不在此处",
            f"an earlier release's database lies in {former}; a new installation would be another set of books",
            remedy=former_home(former),
        )
    _own_folder(settings.home)
    database = Database(settings.resolved_database_url)
    if database.file is not None:
        _own_folder(database.file.parent)
        database.file.touch(mode=0o600)
    settings.resolved_drop_folder.mkdir(parents=True, exist_ok=True)
    if migrations.current(database) is None:
        # Later a missing key is not replaced: nothing that was approved would hold any more.
        make_seal_key(settings)
        migrations.upgrade(database)
    SqlTransactions(database, seals_of(settings)).transaction(
        partial(record_installation, cities=cities, sandbox=sandbox, now=business_clock(None))
    )
    return database


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did: the revision before it, and the copy it made; none where the tables were up to date."""

    before: str
    backup: Path | None


def bring_up_to_date(settings: Settings, now: datetime, *, is_backed_up: bool = False) -> Upgrade:
    """Copy the database and migrate its tables; killed anywhere, the same call goes on.

    ``is_backed_up``: people have a copy of their own. Raises as ``migrations.require_known`` and
    ``backups.back_up`` do.
    """
    database = Database(settings.resolved_database_url)
    before = migrations.require_known(database)
    backup = None
    if before != REVISION:
        if not is_backed_up:
            folder = settings.home / "backups"
            _own_folder(settings.home)
            _own_folder(folder)
            for left_over in folder.glob("*.part"):
                left_over.unlink()
            backup = folder / f"before-{REVISION}-from-{before}-{now:%Y%m%dT%H%M%S%f}.{ending_of(database)}"
            back_up(database, backup)
        migrations.upgrade(database)
    database.dispose()
    return Upgrade(before, backup)


def _own_folder(folder: Path) -> None:
    """Make the folder for its owner alone, or make an empty one so; one that holds something is left as it is."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if _is_open(folder) and folder.stat().st_uid == os.geteuid() and not any(folder.iterdir()):
        folder.chmod(0o700)


def _is_open(folder: Path) -> bool:
    return folder.exists() and bool(folder.stat().st_mode & _OF_OTHERS)


def open_to_others(settings: Settings) -> list[str]:
    """What to tell people of a data folder that other users of the machine can look into."""
    home = settings.home.absolute()
    if not _is_open(home):
        return []
    return [f"其他用户可进入数据目录 / other users can look into the data folder: chmod 700 {home}"]
