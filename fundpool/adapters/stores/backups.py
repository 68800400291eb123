"""Copies of the database: taken while it is in use; the embedded one is put back whole."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sqlalchemy import URL

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.migrations import upgrade
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.ports.failpoints import failpoint
from fundpool.settings import sqlite_url

T = TypeVar("T")


def back_up(database: Database, file: Path) -> None:
    """Write a consistent copy of the database to ``file``, durably, and check that it can be read.

    PostgreSQL's is one of ``pg_dump`` in its custom format, for ``pg_restore``. Raises InputError for an existing
    file or without ``pg_dump``, ServiceUnavailable when that fails.
    """
    if file.exists():
        raise InputError(
            "file_exists",
            f"{file} 已存在",
            f"{file} exists already",
            remedy="换一个文件名 / choose another file name",
        )
    partial = file.with_name(f"{file.name}.part")
    failpoint("before backup")
    if database.file is None:
        _dump(database, partial)
    else:
        database.require_file()
        with closing(sqlite3.connect(database.file)) as current, closing(sqlite3.connect(partial)) as copy:
            current.backup(copy)
        _require_sound(partial)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.chmod(0o600)
    failpoint("backup written")
    partial.replace(file)
    failpoint("after backup")


def ending_of(database: Database) -> str:
    """How the name of the database's copies ends."""
    return "dump" if database.file is None else "db"


def _dump(database: Database, file: Path) -> None:
    """``pg_dump`` of the database, read through once; its password goes by the environment, which others cannot see."""
    address = database.engine.url
    password = address.password or address.query.get("password")
    target = URL.create(
        "postgresql",
        address.username,
        host=address.host,
        port=address.port,
        database=address.database,
        query=address.difference_update_query(["password"]).query,
    ).render_as_string()
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    for command in (
        ["pg_dump", "--format=custom", f"--file={file}", f"--dbname={target}"],
        ["pg_restore", f"--file={os.devnull}", str(file)],
    ):
        try:
            ended = subprocess.run(  # noqa: S603 - PostgreSQL's own tools, no shell
                command, env=environment, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise InputError(
                "pg_dump_missing",
                f"本机没有 {command[0]}，不能备份 PostgreSQL",
                f"{command[0]} is not on this machine: PostgreSQL cannot be backed up",
                remedy="安装 postgresql-client，版本不低于服务器 / install postgresql-client, not older than the server",
            ) from error
        if ended.returncode != 0:
            why = (ended.stderr.strip().splitlines() or ["?"])[-1]
            raise ServiceUnavailable(
                "backup_failed",
                f"PostgreSQL 备份没有做成：{why}",
                f"PostgreSQL was not backed up: {why}",
                remedy="检查数据库、磁盘空间与 pg_dump 的版本 / check the database, the disk and the version of pg_dump",
            )


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
            "restore_by_postgresql",
            "PostgreSQL 用 pg_restore 或基础备份恢复，随即执行 fundpool restore --quarantine-only",
            "PostgreSQL is put back with pg_restore or a base backup, and at once "
            "fundpool restore --quarantine-only",
            remedy="docs/runbook.md",
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
