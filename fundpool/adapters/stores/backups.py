"""Copies of the embedded database: taken while it is in use, put back whole."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.migrations import upgrade
from fundpool.domain.errors import InputError
from fundpool.services.ports.failpoints import failpoint
from fundpool.settings import sqlite_url

T = TypeVar("T")


def back_up(database: Database, file: Path) -> None:
    """Write a consistent copy of the database to ``file``, durably, and check that it can be read.

    Raises InputError for PostgreSQL (its own tools do that better) or an existing file.
    """
    source = _sqlite_file(database)
    if file.exists():
        raise InputError("file_exists", f"{file} 已存在", f"{file} exists already", remedy="换一个文件名")
    partial = file.with_name(f"{file.name}.part")
    with closing(sqlite3.connect(source)) as current, closing(sqlite3.connect(partial)) as copy:
        current.backup(copy)
    _require_sound(partial)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(file)


def put_back(database: Database, file: Path, prepare: Callable[[Database], T]) -> T:
    """Replace the database's contents by the copy in ``file``, after ``prepare`` has changed the copy.

    Nobody ever sees the contents as they were in the copy: killed at any moment, the database is
    what it was or what ``prepare`` made. The tables are brought up to date first. Returns what
    ``prepare`` returns. Raises InputError when the copy is missing, damaged or of an unknown revision, or
    for PostgreSQL.
    """
    target = _sqlite_file(database)
    if not file.is_file():
        raise InputError("file_unreadable", f"没有备份文件 {file}", f"there is no backup {file}")
    _require_sound(file)
    with TemporaryDirectory(dir=target.parent, prefix=".restore-") as folder:
        staged = Database(sqlite_url(Path(folder) / "staged.db"))
        shutil.copyfile(file, Path(folder) / "staged.db")
        upgrade(staged)
        prepared = prepare(staged)
        staged.dispose()
        database.dispose()
        with (
            closing(sqlite3.connect(Path(folder) / "staged.db")) as copy,
            closing(sqlite3.connect(target)) as current,
        ):
            failpoint("before put back")
            copy.backup(current)
            failpoint("after put back")
    return prepared


def _sqlite_file(database: Database) -> Path:
    if database.file is None:
        raise InputError(
            "backup_by_postgresql",
            "PostgreSQL 的备份用 pg_dump 或基础备份；恢复后执行 fundpool restore --quarantine-only",
            "PostgreSQL is backed up with pg_dump or base backups; after a restore run "
            "fundpool restore --quarantine-only",
            remedy="docs/reliability.md",
        )
    database.require_file()
    return database.file


def _require_sound(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
            copy.execute("SELECT count(*) FROM audit").fetchone()
    except sqlite3.DatabaseError as error:
        raise _damaged(file, str(error)) from error
    if verdict != "ok":
        raise _damaged(file, verdict)


def _damaged(file: Path, why: str) -> InputError:
    return InputError("backup_damaged", f"备份 {file} 不完整：{why}", f"the backup {file} is damaged: {why}")
