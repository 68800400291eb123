"""``fundpool upgrade``: bring the tables to the revision of this version."""

from typing import Annotated

from cyclopts import Parameter

from fundpool.console.commands.ledger import show_faults
from fundpool.console.options import Options


def upgrade(
    *,
    backed_up: Annotated[
        bool,
        Parameter(help="已另行备份，不再备份 / a copy was made by other means: make none", negative=""),
    ] = False,
    options: Options = Options(),
) -> int:
    """备份、升级数据库的表并核验；先停止所有进程 / Back up, migrate the tables, verify; stop every process first.

    任何时刻被中断，再执行同一命令即继续：表或为旧或为新。副本在 HOME/backups。核验有发现时退出码 1。 / Killed at any moment, the same command goes on: the tables are as they were or as they are to be. The copy lies
    in HOME/backups. Exit status 1 when the verification finds something.
    """
    from fundpool.adapters.stores.setting_up import bring_up_to_date
    from fundpool.clock import business_clock
    from fundpool.services.books.audit_checks import verify
    from schemas.tables import REVISION

    now = business_clock(None)
    ports = options.ports()  # a policy file or a setting that is wrong is told before anything is done
    done = bring_up_to_date(options.settings, now, is_backed_up=backed_up)
    found = verify(ports, now, [], full=False)
    return show_faults(
        found.faults,
        options,
        title="升级后核验发现问题 / faults found after the upgrade",
        sound=f"数据库的表：{done.before} → {REVISION}；备份 {done.backup or '-'}；核验 {found.rows} 行无误 / tables "
        f"{done.before} → {REVISION}, backup {done.backup or '-'}, {found.rows} rows verified",
        upgrade={
            "before": done.before,
            "after": REVISION,
            "backup": None if done.backup is None else str(done.backup),
        },
        checked={"records": found.records, "rows": found.rows, "since": found.since},
    )
