"""``fundpool backup`` and ``fundpool restore``: a restore starts with sending off."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.options import Act, Json
from fundpool.console.output import show
from fundpool.domain.errors import InputError
from fundpool.settings import Settings


def backup(file: Annotated[Path, Parameter(help="备份文件 / file to write")], *, json: Json = False) -> int:
    """Write a consistent, checked copy of the database while it is in use; of PostgreSQL by pg_dump."""
    from fundpool.adapters.stores.backups import back_up
    from fundpool.adapters.stores.database import Database

    back_up(Database(Settings().resolved_database_url), file)
    show({"file": file, "bytes": file.stat().st_size}, f"已备份 / backed up: {file}", as_json=json)
    return 0


def restore(
    file: Annotated[Path | None, Parameter(help="备份文件 / file to put back")] = None,
    *,
    quarantine_only: Annotated[
        bool, Parameter(help="数据库已由其他工具恢复 / the database was put back by other means", negative="")
    ] = False,
    act: Act,
) -> int:
    """Put a copy back with sending off: stop every worker first.

    Then ``fundpool transfers recover`` asks the bank, as often as it takes, and two people start each
    fund again with ``fundpool transfers restart``; before the bank has answered they cannot.
    """
    from fundpool.adapters.keys.seal_key import seals_of
    from fundpool.adapters.stores.backups import put_back
    from fundpool.adapters.stores.database import Database
    from fundpool.adapters.stores.migrations import upgrade
    from fundpool.adapters.stores.work import SqlTransactions
    from fundpool.bootstrap import build_ports
    from fundpool.domain.people import person
    from fundpool.services.payments.recovery import quarantine
    from fundpool.services.ports.work import Work

    if (file is None) is not quarantine_only:
        raise InputError(
            "backup_not_named",
            "须给出备份文件，或用 --quarantine-only",
            "name the backup, or say --quarantine-only",
            remedy="fundpool restore FILE --by 姓名",
        )
    settings, who, now = act.settings, person(act.by), act.now
    terms = build_ports(settings).gateway_terms

    def stop_all(work: Work) -> int:
        stopped = quarantine(work, now=now, terms=terms)
        work.audit.append(
            at=now, actor=who, action="restore", subject="database", after={"file": str(file or "")}
        )
        return stopped

    database, seals = Database(settings.resolved_database_url), seals_of(settings)
    if file is not None:
        stopped = put_back(
            database, file, lambda staged: SqlTransactions(staged, seals).transaction(stop_all)
        )
    else:
        database.require_file()
        upgrade(database)
        stopped = SqlTransactions(database, seals).transaction(stop_all)
    return act.show(
        {"funds_stopped": stopped},
        f"已恢复，{stopped} 个险种停发；下一步 fundpool transfers recover / restored, {stopped} funds stopped",
    )
