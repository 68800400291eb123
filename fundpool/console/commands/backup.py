"""``fundpool backup`` and ``fundpool restore``: a restore starts with sending off."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from fundpool.console.acting import noting_user_of_machine
from fundpool.console.options import Act, Json
from fundpool.console.output import show
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.rights import Right
from fundpool.settings import Settings

if TYPE_CHECKING:
    from fundpool.adapters.stores.database import Database


def backup(
    file: Annotated[
        Path | None,
        Parameter(
            help="备份文件；给出目录则写入以时刻命名的文件 / file to write; in a folder it is named by the moment"
        ),
    ] = None,
    *,
    keep: Annotated[
        int | None,
        Parameter(
            validator=validators.Number(gte=1),
            help="目录中只留最近几份 / of the copies in the folder leave the newest so many",
        ),
    ] = None,
    made_elsewhere: Annotated[
        bool,
        Parameter(
            help="已用其他工具备份，只记下时刻，供 health 查看 / made by other means: note when, for health",
            negative="",
        ),
    ] = False,
    json: Json = False,
) -> int:
    """在使用中写出一致并经检查的数据库副本，并记下时刻；PostgreSQL 用 pg_dump / Write a consistent, checked copy of the database while it is in use, and note when; of PostgreSQL by pg_dump."""
    from fundpool.adapters.stores.backups import back_up, ending_of
    from fundpool.adapters.stores.database import Database
    from fundpool.clock import business_clock

    if (file is None) is not made_elsewhere:
        raise InputError(
            "backup_file_not_named",
            "须给出备份文件，或用 --made-elsewhere",
            "name the file to write, or say --made-elsewhere",
            remedy="fundpool backup FILE",
        )
    settings = Settings()
    database, now = Database(settings.resolved_database_url), business_clock(None)
    if file is None:
        _note(database, settings, now)
        show({"file": None, "noted_at": now}, "已记下备份时刻 / noted", as_json=json)
        return 0
    folder = file if file.is_dir() else None
    if folder is not None:
        file = folder / f"fundpool-{now:%Y%m%dT%H%M%S}.{ending_of(database)}"
    back_up(database, file)
    # The copy is made: it counts also of tables that are about to be upgraded, or where nothing can be written.
    with suppress(FundpoolError):
        _note(database, settings, now)
    if folder is not None and keep is not None:
        for old in sorted(folder.glob(f"fundpool-*.{ending_of(database)}"))[:-keep]:
            old.unlink()
    show({"file": file, "bytes": file.stat().st_size}, f"已备份：{file} / backed up: {file}", as_json=json)
    return 0


def _note(database: "Database", settings: Settings, now: datetime) -> None:
    from fundpool.adapters.keys.seal_key import seals_of
    from fundpool.adapters.stores.work import SqlTransactions
    from fundpool.services.ports.notices import Act as Done

    transactions = SqlTransactions(database, seals_of(settings))
    transactions.transaction(lambda work: work.last_done.record(Done.BACKUP, now))


def restore(
    file: Annotated[Path | None, Parameter(help="备份文件 / file to put back")] = None,
    *,
    quarantine_only: Annotated[
        bool, Parameter(help="数据库已由其他工具恢复 / the database was put back by other means", negative="")
    ] = False,
    act: Act,
) -> int:
    """恢复副本，发送关闭；先停止所有执行器 / Put a copy back with sending off: stop every worker first.

    随后用 fundpool transfers recover 向银行核对，次数不限；再由两人用 fundpool transfers restart
    逐个险种恢复发送，银行答复之前不能恢复。 / Then fundpool transfers recover asks the bank, as often as it takes, and two people start each
    fund again with fundpool transfers restart; before the bank has answered they cannot.
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
    from fundpool.services.users.accounts import account_named, has_accounts

    if (file is None) is not quarantine_only:
        raise InputError(
            "backup_not_named",
            "须给出备份文件，或用 --quarantine-only",
            "name the backup, or say --quarantine-only",
            remedy="fundpool restore FILE --by NAME",
        )
    settings, who, now = act.settings, person(act.by), act.now
    terms = build_ports(settings).gateway_terms

    def stop_all(work: Work) -> int:
        # Of the books that are put back: those that are lost cannot say who may. Old ones know no accounts.
        if has_accounts(work):
            account_named(work, who).require(Right.MAINTAIN)
        stopped = quarantine(work, now=now, terms=terms)
        with noting_user_of_machine():
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
        f"已恢复，{stopped} 个险种停发；下一步 fundpool transfers recover / restored, {stopped} funds stopped; next: "
        "fundpool transfers recover",
    )
